//===- ValueRules.cpp - Derivatives of named functions and losses ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// g is the cotangent of the result. Draws depend on their key alone.
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Interfaces/Extents.h"
#include "dialects/grad/Rules/Rules.h"
#include "dialects/rnn/IR/RNNDialect.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;
using namespace rnnc::rnn;

/// r = (p - one_hot(y)) g with p = softmax(z); u its cotangent.
/// g gets sum u (p - one_hot(y)); z gets g (p u - p sum p u).
static void addCrossEntropyGrad(CrossEntropyGradOp op, Value u, Adjoint &a) {
  OpBuilder &b = a.builder();
  Value z = op.getLogits(), g = op.getCotangent();
  auto type = cast<RankedTensorType>(z.getType());
  std::string all = labelsOf(type), rows = all.substr(0, all.size() - 1);
  auto sum = [&](Value value) {
    return ReduceOp::create(b, a.loc(), g.getType(), ReduceKind::Sum,
                            all + "->" + rows, value);
  };
  auto stretch = [&](Value value) {
    return BroadcastOp::create(b, a.loc(), type,
                               b.getStringAttr(rows + "->" + all), value,
                               ValueRange());
  };
  if (a.wants(g)) {
    Value difference = CrossEntropyGradOp::create(
        b, a.loc(), type, z, op.getClasses(), a.constant(g, 1));
    a.add(g, sum(a.mulf(difference, u)));
  }
  if (a.wants(z)) {
    Value p = SoftmaxOp::create(b, a.loc(), type, z,
                                b.getStringAttr(all.substr(all.size() - 1)),
                                b.getStringAttr(all), Value());
    Value pu = a.mulf(p, u);
    Value inner = a.subf(pu, a.mulf(p, stretch(sum(pu))));
    a.add(z, a.mulf(inner, stretch(g)));
  }
}

void grad::attachValueRules(MLIRContext *context) {
  // sigmoid: g y (1 - y) = g y - (g y) y
  attachRule<SigmoidOp>(context, [](SigmoidOp op, Value g, Adjoint &a) {
    Value gy = a.mulf(g, op.getResult());
    a.add(op.getInput(), a.subf(gy, a.mulf(gy, op.getResult())));
  });
  // softplus: g sigmoid(x)
  attachRule<SoftplusOp>(context, [](SoftplusOp op, Value g, Adjoint &a) {
    Value s = SigmoidOp::create(a.builder(), a.loc(), op.getInput());
    a.add(op.getInput(), a.mulf(g, s));
  });
  // logsumexp(z) - z[y]: (softmax(z) - one_hot(y)) g
  attachRule<CrossEntropyOp>(context, [](CrossEntropyOp op, Value g,
                                         Adjoint &a) {
    a.add(op.getLogits(), CrossEntropyGradOp::create(
                              a.builder(), a.loc(), op.getLogits().getType(),
                              op.getLogits(), op.getClasses(), g));
  });
  attachRule<CrossEntropyGradOp>(
      context, [](CrossEntropyGradOp op, Value g, Adjoint &a) {
        addCrossEntropyGrad(op, g, a);
      });
  attachZero<UniformOp, NormalOp, OrthogonalOp, IotaOp, PositionOp>(context);
}
