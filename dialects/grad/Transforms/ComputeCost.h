//===- ComputeCost.h - What it costs to compute a value again ---*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_GRAD_TRANSFORMS_COMPUTECOST_H
#define RNNC_DIALECTS_GRAD_TRANSFORMS_COMPUTECOST_H

#include "mlir/IR/Operation.h"

namespace rnnc::grad {

/// Cost of one entry of the result of `op`, where an addition is 1 and a tanh
/// 4. `MinCut::kInfinite` for what is never computed again: products,
/// reductions, tables and inner scans.
int64_t computeCost(mlir::Operation *op);

/// The cost of an entry kept and read back that `grad-plan-saved` takes if it is
/// not told otherwise: a step is the fastest then.
inline constexpr int64_t kSaveCost = 8;

} // namespace rnnc::grad

#endif
