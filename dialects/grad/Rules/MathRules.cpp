//===- MathRules.cpp - Derivatives of math --------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// g is the cotangent of the result y = f(x). Written with y where that is
// shorter or more accurate, and without constants where that is possible.
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Rules/Rules.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace rnnc::grad;
using namespace mlir::math;

/// g where x > 0, -g where x < 0, 0 at 0.
static Value timesSign(Value g, Value x, Adjoint &a) {
  Value zero = a.zeros(x);
  auto compare = [&](arith::CmpFPredicate predicate) {
    return arith::CmpFOp::create(a.builder(), a.loc(), predicate, x, zero);
  };
  return a.select(
      compare(arith::CmpFPredicate::OGT), g,
      a.select(compare(arith::CmpFPredicate::OLT), a.negf(g), zero));
}

/// x^p: g p x^(p-1) and g y log x, which is 0 at x = 0.
static void addPower(PowFOp op, Value g, Adjoint &a) {
  Value x = op.getLhs(), p = op.getRhs(), y = op.getResult();
  OpBuilder &b = a.builder();
  if (a.wants(x)) {
    Value power = PowFOp::create(b, a.loc(), x, a.subf(p, a.constant(p, 1)));
    a.add(x, a.mulf(a.mulf(g, p), power));
  }
  if (a.wants(p)) {
    Value zero = a.zeros(x);
    Value atZero =
        arith::CmpFOp::create(b, a.loc(), arith::CmpFPredicate::OEQ, x, zero);
    Value log = a.select(atZero, zero, LogOp::create(b, a.loc(), x));
    a.add(p, a.mulf(a.mulf(g, y), log));
  }
}

void rnnc::grad::registerMathRules(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, MathDialect *) {
    // tanh: g (1 - y y) = g - (g y) y
    attachRule<TanhOp>(context, [](TanhOp op, Value g, Adjoint &a) {
      Value y = op.getResult();
      a.add(op.getOperand(), a.subf(g, a.mulf(a.mulf(g, y), y)));
    });
    // exp: g y
    attachRule<ExpOp>(context, [](ExpOp op, Value g, Adjoint &a) {
      a.add(op.getOperand(), a.mulf(g, op.getResult()));
    });
    // exp2: g y log 2
    attachRule<Exp2Op>(context, [](Exp2Op op, Value g, Adjoint &a) {
      Value y = op.getResult();
      a.add(op.getOperand(),
            a.mulf(a.mulf(g, y), a.constant(y, 0.6931471805599453)));
    });
    // expm1: g (y + 1) = g y + g
    attachRule<ExpM1Op>(context, [](ExpM1Op op, Value g, Adjoint &a) {
      a.add(op.getOperand(), a.addf(a.mulf(g, op.getResult()), g));
    });
    // log: g / x
    attachRule<LogOp>(context, [](LogOp op, Value g, Adjoint &a) {
      a.add(op.getOperand(), a.divf(g, op.getOperand()));
    });
    // log2: g / (x log 2)
    attachRule<Log2Op>(context, [](Log2Op op, Value g, Adjoint &a) {
      Value x = op.getOperand();
      a.add(x, a.divf(g, a.mulf(x, a.constant(x, 0.6931471805599453))));
    });
    // log1p: g / (1 + x)
    attachRule<Log1pOp>(context, [](Log1pOp op, Value g, Adjoint &a) {
      Value x = op.getOperand();
      a.add(x, a.divf(g, a.addf(a.constant(x, 1), x)));
    });
    // sqrt: g / (2 y)
    attachRule<SqrtOp>(context, [](SqrtOp op, Value g, Adjoint &a) {
      Value y = op.getResult();
      a.add(op.getOperand(), a.divf(g, a.addf(y, y)));
    });
    // rsqrt: -g y^3 / 2
    attachRule<RsqrtOp>(context, [](RsqrtOp op, Value g, Adjoint &a) {
      Value y = op.getResult();
      Value cube = a.mulf(a.mulf(y, y), y);
      a.add(op.getOperand(), a.mulf(a.mulf(g, cube), a.constant(y, -0.5)));
    });
    // |x|: g sign(x)
    attachRule<AbsFOp>(context, [](AbsFOp op, Value g, Adjoint &a) {
      a.add(op.getOperand(), timesSign(g, op.getOperand(), a));
    });
    // sin: g cos x
    attachRule<SinOp>(context, [](SinOp op, Value g, Adjoint &a) {
      Value x = op.getOperand();
      a.add(x, a.mulf(g, CosOp::create(a.builder(), a.loc(), x)));
    });
    // cos: -g sin x
    attachRule<CosOp>(context, [](CosOp op, Value g, Adjoint &a) {
      Value x = op.getOperand();
      a.add(x, a.negf(a.mulf(g, SinOp::create(a.builder(), a.loc(), x))));
    });
    // atan: g / (1 + x x)
    attachRule<AtanOp>(context, [](AtanOp op, Value g, Adjoint &a) {
      Value x = op.getOperand();
      a.add(x, a.divf(g, a.addf(a.constant(x, 1), a.mulf(x, x))));
    });
    // erf: g 2/sqrt(pi) exp(-x x)
    attachRule<ErfOp>(context, [](ErfOp op, Value g, Adjoint &a) {
      Value x = op.getOperand();
      Value e = ExpOp::create(a.builder(), a.loc(), a.negf(a.mulf(x, x)));
      a.add(x, a.mulf(a.mulf(g, a.constant(x, 1.1283791670955126)), e));
    });
    attachRule<PowFOp>(
        context, [](PowFOp op, Value g, Adjoint &a) { addPower(op, g, a); });
    // x y + z: g y, g x, g
    attachRule<FmaOp>(context, [](FmaOp op, Value g, Adjoint &a) {
      if (a.wants(op.getA()))
        a.add(op.getA(), a.mulf(g, op.getB()));
      if (a.wants(op.getB()))
        a.add(op.getB(), a.mulf(g, op.getA()));
      a.add(op.getC(), g);
    });
    // |x| sgn(s): g sign(x) sgn(s); s has derivative 0
    attachRule<CopySignOp>(context, [](CopySignOp op, Value g, Adjoint &a) {
      Value x = op.getLhs();
      if (!a.wants(x))
        return;
      Value sign = CopySignOp::create(a.builder(), a.loc(), a.constant(x, 1),
                                      op.getRhs());
      a.add(x, timesSign(a.mulf(g, sign), x, a));
    });
    attachZero<FloorOp, CeilOp, RoundOp, RoundEvenOp, TruncOp>(context);
  });
}
