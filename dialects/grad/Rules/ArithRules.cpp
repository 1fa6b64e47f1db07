//===- ArithRules.cpp - Derivatives of arith ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// g is the cotangent of the result.
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Rules/Rules.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace rnnc::grad;
using namespace mlir::arith;

/// The cotangent of a greater or lesser of two goes to the left operand where
/// it is strictly so, to the right one elsewhere. So max(x, 0) has derivative 0
/// at 0.
static void addChoice(Operation *op, CmpFPredicate left, Value g, Adjoint &a) {
  Value x = op->getOperand(0), y = op->getOperand(1);
  Value c = CmpFOp::create(a.builder(), a.loc(), left, x, y);
  Value zero = a.zeros(op->getResult(0));
  if (a.wants(x))
    a.add(x, a.select(c, g, zero));
  if (a.wants(y))
    a.add(y, a.select(c, zero, g));
}

void rnnc::grad::registerArithRules(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, ArithDialect *) {
    // x + y: g, g
    attachRule<AddFOp>(context, [](AddFOp op, Value g, Adjoint &a) {
      a.add(op.getLhs(), g);
      a.add(op.getRhs(), g);
    });
    // x - y: g, -g
    attachRule<SubFOp>(context, [](SubFOp op, Value g, Adjoint &a) {
      a.add(op.getLhs(), g);
      if (a.wants(op.getRhs()))
        a.add(op.getRhs(), a.negf(g));
    });
    // x y: g y, g x
    attachRule<MulFOp>(context, [](MulFOp op, Value g, Adjoint &a) {
      if (a.wants(op.getLhs()))
        a.add(op.getLhs(), a.mulf(g, op.getRhs()));
      if (a.wants(op.getRhs()))
        a.add(op.getRhs(), a.mulf(g, op.getLhs()));
    });
    // q = x / y: g/y, -(g/y) q
    attachRule<DivFOp>(context, [](DivFOp op, Value g, Adjoint &a) {
      Value dx = a.divf(g, op.getRhs());
      a.add(op.getLhs(), dx);
      if (a.wants(op.getRhs()))
        a.add(op.getRhs(), a.negf(a.mulf(dx, op.getResult())));
    });
    // -x: -g
    attachRule<NegFOp>(context, [](NegFOp op, Value g, Adjoint &a) {
      a.add(op.getOperand(), a.negf(g));
    });
    attachRule<MaximumFOp>(context, [](MaximumFOp op, Value g, Adjoint &a) {
      addChoice(op, CmpFPredicate::OGT, g, a);
    });
    attachRule<MinimumFOp>(context, [](MinimumFOp op, Value g, Adjoint &a) {
      addChoice(op, CmpFPredicate::OLT, g, a);
    });
    // c ? x : y: c ? g : 0, c ? 0 : g
    attachRule<SelectOp>(context, [](SelectOp op, Value g, Adjoint &a) {
      Value zero = a.zeros(op.getResult());
      if (a.wants(op.getTrueValue()))
        a.add(op.getTrueValue(), a.select(op.getCondition(), g, zero));
      if (a.wants(op.getFalseValue()))
        a.add(op.getFalseValue(), a.select(op.getCondition(), zero, g));
    });
    // A cast: the cast back.
    attachRule<ExtFOp>(context, [](ExtFOp op, Value g, Adjoint &a) {
      a.add(op.getIn(),
            TruncFOp::create(a.builder(), a.loc(), op.getIn().getType(), g));
    });
    attachRule<TruncFOp>(context, [](TruncFOp op, Value g, Adjoint &a) {
      a.add(op.getIn(),
            ExtFOp::create(a.builder(), a.loc(), op.getIn().getType(), g));
    });
    attachZero<CmpFOp, SIToFPOp, UIToFPOp, FPToSIOp, FPToUIOp, ConstantOp>(
        context);
  });
}
