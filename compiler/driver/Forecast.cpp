//===- Forecast.cpp - The batches that a run will meet --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Forecast.h"

#include <algorithm>
#include <cmath>

using namespace rnnc;
using namespace rnnc::driver;

/// How many batches are looked at; an epoch of a large set is known well enough
/// by then.
static constexpr int64_t kBatches = 20000;

/// Whether `a` is at least as long as `b` along each axis.
static bool exceeds(const Extents &a, const Extents &b) {
  return std::all_of(b.begin(), b.end(), [&](const auto &axis) {
    auto it = a.find(axis.first);
    return it != a.end() && it->second >= axis.second;
  });
}

/// Adds what is not exceeded, and drops what it exceeds.
static void addLargest(std::vector<Extents> &list, Extents extents) {
  for (const Extents &known : list)
    if (exceeds(known, extents))
      return;
  std::erase_if(list,
                [&](const Extents &known) { return exceeds(extents, known); });
  list.push_back(std::move(extents));
}

Result<std::vector<Extents>>
driver::largestBatches(const hir::Model &model, const DataSet &data,
                       const TrainPlan &plan) {
  const DataPart &part = data.train;
  std::vector<Extents> largest;
  if (data.stream) {
    int64_t length = std::min(
        plan.back, std::max<int64_t>(part.length / plan.batch, 1));
    Extents extents = {{"", length}, {"B", plan.batch}};
    for (const hir::Axis &axis : model.axes)
      extents[axis.name] = length;
    largest.push_back(std::move(extents));
    return largest;
  }
  auto cursor = part.cursor(plan.batch, plan.seed);
  if (!cursor)
    return cursor.error();
  if (part.fresh) {
    // Made when they are asked for; those of one length are all alike.
    auto extents = extentsOf(model, part.examples->gather(cursor->next()));
    if (!extents)
      return extents.error();
    for (const std::string &axis : data.ragged)
      (*extents)[axis] = part.examples->longest({});
    largest.push_back(std::move(*extents));
    return largest;
  }
  int64_t batches = cursor->batches();
  int64_t all = plan.epochs ? int64_t(std::ceil(*plan.epochs)) * batches
                            : kBatches;
  if (plan.steps)
    all = std::min(all, *plan.steps * plan.accumulate);
  for (int64_t i = 0; i < std::clamp<int64_t>(all, 1, kBatches); ++i) {
    auto extents = extentsOf(model, *part.examples, cursor->next());
    if (!extents)
      return extents.error();
    addLargest(largest, std::move(*extents));
  }
  return largest;
}
