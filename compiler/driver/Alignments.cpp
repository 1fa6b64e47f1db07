//===- Alignments.cpp - Labels that are spread over steps -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Alignments.h"
#include "runtime/Labels.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::driver;

/// The labels of one example.
static std::vector<int32_t> labelsOf(const rt::Field &field, int64_t example) {
  auto [begin, end] = field.valuesOf(example);
  std::vector<int32_t> labels;
  for (int64_t i = begin; i < end; ++i)
    labels.push_back(static_cast<int32_t>(field.values.number(i)));
  return labels;
}

Result<void> driver::checkAlignments(const hir::Model &model,
                                     const rt::Examples &examples) {
  for (const hir::Alignment &alignment : model.alignments) {
    const std::string &name = model.inputs[size_t(alignment.target)].name;
    const rt::Field *labels = examples.find(name), *steps = nullptr;
    for (const hir::Input &input : model.inputs)
      if (!steps && input.type.axes.size() == 1 &&
          model.rootAxis(input.type.axes[0]) ==
              model.rootAxis(alignment.steps))
        steps = examples.find(input.name);
    if (!labels || !steps)
      continue;
    for (int64_t i = 0; i < examples.count(); ++i) {
      std::vector<int32_t> each = labelsOf(*labels, i);
      auto blank = std::find(each.begin(), each.end(), alignment.blank);
      std::string which =
          "example " + std::to_string(i) + " of '" + name + "'";
      if (blank != each.end())
        return makeError("label-range",
                         "label " + std::to_string(blank - each.begin()) +
                             " of " + which + " is " +
                             std::to_string(alignment.blank) + ", the blank");
      int64_t needed = rt::stepsNeeded(each);
      int64_t found = examples.length(*steps, i);
      if (needed <= found)
        continue;
      int64_t equal = needed - int64_t(each.size());
      return makeError(
          "labels-too-long",
          which + " has " + std::to_string(each.size()) + " labels" +
              (equal ? ", " + std::to_string(equal) +
                           " of them equal to the one before"
                     : "") +
              "; 'ctc' needs " + std::to_string(needed) + " steps, '" +
              steps->name + "' has " + std::to_string(found));
    }
  }
  return {};
}

Spelled driver::spell(const rt::Tensor &logits, int64_t blank, int64_t beam,
                      const rt::Tensor *lengths) {
  int64_t longestRow = logits.shape()[0], rows = logits.shape()[1],
          classes = logits.shape()[2];
  std::vector<double> scratch(static_cast<size_t>(classes));
  std::vector<std::vector<int32_t>> all;
  size_t longest = 1;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t steps = lengths ? lengths->as<int32_t>()[size_t(row)] : longestRow;
    auto at = [&](int64_t t) {
      for (int64_t v = 0; v < classes; ++v)
        scratch[size_t(v)] = logits.number((t * rows + row) * classes + v);
      return std::span<const double>(scratch);
    };
    all.push_back(beam > 1
                      ? rt::beamLabels(steps, blank, beam, at).front().labels
                      : rt::greedyLabels(steps, blank, at));
    longest = std::max(longest, all.back().size());
  }
  Spelled result;
  result.labels = rt::Tensor(rt::DType::I32, {int64_t(longest), rows});
  result.lengths = rt::Tensor(rt::DType::I32, {rows});
  auto labels = result.labels.as<int32_t>();
  std::fill(labels.begin(), labels.end(), static_cast<int32_t>(blank));
  for (int64_t row = 0; row < rows; ++row) {
    const std::vector<int32_t> &each = all[size_t(row)];
    result.lengths.as<int32_t>()[size_t(row)] = int32_t(each.size());
    for (size_t s = 0; s < each.size(); ++s)
      labels[s * size_t(rows) + size_t(row)] = each[s];
  }
  return result;
}
