//===- ExpandMath.cpp - Elementary functions become polynomials -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses the expansion by op and type; Elementary.cpp writes it.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/math/Elementary.h"
#include "compiler/codegen/math/Passes.h"
#include "dialects/rnn/IR/RNNDialect.h"
#include "llvm/ADT/TypeSwitch.h"

#define DEBUG_TYPE "expand-math"

namespace rnnc {
#define GEN_PASS_DEF_EXPANDMATHPASS
#include "compiler/codegen/math/Passes.h.inc"
} // namespace rnnc

using namespace mlir;
using namespace rnnc;

/// The expansion of an op's result; null where the op stays.
static Value expand(OpBuilder &b, Operation *op) {
  if (op->getNumOperands() != 1 || op->getNumResults() != 1 ||
      isa<ShapedType>(op->getOperand(0).getType()) !=
          isa<VectorType>(op->getOperand(0).getType()))
    return nullptr;
  Value x = op->getOperand(0);
  Location loc = op->getLoc();
  Type element = getElementTypeOrSelf(x.getType());
  if (!isa<FloatType>(element))
    return nullptr;
  if (!element.isF32())
    return llvm::TypeSwitch<Operation *, Value>(op)
        .Case<rnn::SigmoidOp>(
            [&](auto) { return elementary::sigmoidByExp(b, loc, x); })
        .Case<rnn::SoftplusOp>(
            [&](auto) { return elementary::softplusByExp(b, loc, x); })
        .Default([](auto) { return Value(); });
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<math::ExpOp>([&](auto) { return elementary::exp(b, loc, x); })
      .Case<math::Exp2Op>([&](auto) { return elementary::exp2(b, loc, x); })
      .Case<math::ExpM1Op>([&](auto) { return elementary::expm1(b, loc, x); })
      .Case<math::LogOp>([&](auto) { return elementary::log(b, loc, x); })
      .Case<math::Log2Op>([&](auto) { return elementary::log2(b, loc, x); })
      .Case<math::Log1pOp>([&](auto) { return elementary::log1p(b, loc, x); })
      .Case<math::TanhOp>([&](auto) { return elementary::tanh(b, loc, x); })
      .Case<rnn::SigmoidOp>(
          [&](auto) { return elementary::sigmoid(b, loc, x); })
      .Case<rnn::SoftplusOp>(
          [&](auto) { return elementary::softplus(b, loc, x); })
      .Default([](auto) { return Value(); });
}

namespace {
struct ExpandMathPass : rnnc::impl::ExpandMathPassBase<ExpandMathPass> {
  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      OpBuilder builder(op);
      Value result = expand(builder, op);
      if (!result)
        return;
      op->getResult(0).replaceAllUsesWith(result);
      op->erase();
      ++numExpanded;
    });
  }
};
} // namespace
