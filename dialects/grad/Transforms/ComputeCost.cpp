//===- ComputeCost.cpp - What it costs to compute a value again -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Transforms/ComputeCost.h"
#include "dialects/grad/Transforms/MinCut.h"
#include "dialects/rnn/IR/RNNDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::rnn;

int64_t grad::computeCost(Operation *op) {
  if (isa<arith::ConstantOp>(op))
    return 0;
  if (isa<SliceOp, PlaceOp, ConcatOp, ReshapeOp, BroadcastOp, ValidOp, IotaOp>(
          op))
    return 1;
  if (isa<arith::DivFOp, math::SqrtOp, math::RsqrtOp>(op))
    return 3;
  if (isa<math::TanhOp, math::ExpOp, math::ExpM1Op, SigmoidOp>(op))
    return 4;
  // Masks are drawn again rather than kept.
  if (isa<UniformOp, NormalOp, SoftplusOp>(op) ||
      isa<math::MathDialect>(op->getDialect()))
    return 6;
  if (isa<arith::ArithDialect>(op->getDialect()))
    return 1;
  // Products, reductions, tables, inner scans.
  return MinCut::kInfinite;
}
