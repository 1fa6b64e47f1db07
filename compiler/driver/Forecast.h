//===- Forecast.h - The batches that a run will meet ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a step takes depends on the lengths of the axes of its batch. This says
// which batches are the largest ones of a run, before the first step.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_FORECAST_H
#define RNNC_COMPILER_DRIVER_FORECAST_H

#include "compiler/driver/TrainLoop.h"

namespace rnnc::driver {

/// Lengths of the time axes and B, by name; the empty name is the length of the
/// data.
using Extents = std::map<std::string, int64_t>;

/// The extents of batches that training on `part` as planned begins with. Of
/// those, each that no other one exceeds in all axes: what takes the most is
/// among them. Looks at no more than some thousand batches, in the order in
/// which they come.
Result<std::vector<Extents>> largestBatches(const hir::Model &model,
                                            const DataSet &data,
                                            const TrainPlan &plan);

} // namespace rnnc::driver

#endif
