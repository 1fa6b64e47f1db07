//===- ValueRules.cpp - Derivatives of named functions and losses ---------===//
//
// SPDX-License-Identifier: Apache-2.0
//
// g is the cotangent of the result. Draws depend on their key alone.
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Rules/Rules.h"
#include "dialects/rnn/IR/RNNDialect.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;
using namespace rnnc::rnn;

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
    a.add(op.getLogits(),
          CrossEntropyGradOp::create(a.builder(), a.loc(),
                                     op.getLogits().getType(), op.getLogits(),
                                     op.getClasses(), g));
  });
  attachZero<UniformOp, NormalOp, OrthogonalOp, IotaOp, PositionOp>(context);
}
