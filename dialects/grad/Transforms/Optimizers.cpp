//===- Optimizers.cpp - Update rules of parameters ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// p parameter, g gradient, lr the learning rate. The first step of every rule
// starts from slots of 0.
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Transforms/Optimizers.h"
#include "dialects/grad/Interfaces/Extents.h"
#include "dialects/rnn/IR/RNNDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;

bool grad::isOptimizer(StringRef name) {
  return name == "sgd" || name == "rmsprop" || name == "adam" ||
         name == "adamw";
}

static bool isAdam(const OptimizerOptions &options) {
  return options.name == "adam" || options.name == "adamw";
}

SmallVector<StringRef> grad::slotsOf(const OptimizerOptions &options) {
  if (isAdam(options))
    return {"m", "v"};
  SmallVector<StringRef> slots;
  if (options.name == "rmsprop")
    slots.push_back("square");
  if (options.momentum != 0)
    slots.push_back("momentum");
  return slots;
}

SmallVector<StringRef> grad::hypersOf(const OptimizerOptions &options) {
  if (isAdam(options))
    return {"lr", "bias1", "bias2"};
  return {"lr"};
}

namespace {
/// Elementwise arithmetic on tensors of one static type.
struct Arithmetic {
  OpBuilder &b;
  Location loc;
  RankedTensorType type;

  Value number(double value) {
    return arith::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(
            type, Attribute(b.getFloatAttr(type.getElementType(), value))));
  }
  Value stretch(Value scalar) {
    if (type.getRank() == 0)
      return scalar;
    return rnn::BroadcastOp::create(b, loc, type,
                                    b.getStringAttr("->" + labelsOf(type)),
                                    scalar, ValueRange());
  }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }
  Value sqrt(Value x) { return math::SqrtOp::create(b, loc, x); }
  /// decay * mean + (1 - decay) * value
  Value mean(double decay, Value mean, Value value) {
    return add(mul(number(decay), mean), mul(number(1 - decay), value));
  }
};
} // namespace

SmallVector<Value> grad::buildUpdate(OpBuilder &b, Location loc,
                                     const OptimizerOptions &options,
                                     Value param, Value gradient,
                                     ValueRange slots,
                                     const llvm::StringMap<Value> &hypers) {
  Arithmetic a{b, loc, cast<RankedTensorType>(param.getType())};
  Value p = param, g = gradient, rate = a.stretch(hypers.lookup("lr"));
  if (options.weightDecay != 0) {
    Value decay = a.mul(a.number(options.weightDecay), p);
    if (options.name == "adamw") // p -= lr wd p
      p = a.sub(p, a.mul(rate, decay));
    else // g += wd p
      g = a.add(g, decay);
  }
  SmallVector<Value> newSlots;
  if (isAdam(options)) {
    // m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g g
    // p -= lr bias1 m / (sqrt(v bias2) + eps), bias = 1 / (1 - b^t)
    Value m = a.mean(options.beta1, slots[0], g);
    Value v = a.mean(options.beta2, slots[1], a.mul(g, g));
    newSlots = {m, v};
    Arithmetic s{b, loc, cast<RankedTensorType>(hypers.lookup("lr").getType())};
    Value bias2 = a.stretch(hypers.lookup("bias2"));
    Value first = a.stretch(s.mul(hypers.lookup("lr"), hypers.lookup("bias1")));
    Value root = a.add(a.sqrt(a.mul(v, bias2)), a.number(options.epsilon));
    p = a.sub(p, a.div(a.mul(first, m), root));
  } else {
    Value step = g;
    if (options.name == "rmsprop") {
      // v = alpha v + (1-alpha) g g;  step = g / (sqrt(v) + eps)
      Value v = a.mean(options.alpha, slots[0], a.mul(g, g));
      newSlots.push_back(v);
      step = a.div(g, a.add(a.sqrt(v), a.number(options.epsilon)));
    }
    if (options.momentum != 0) {
      // u = momentum u + step
      step = a.add(a.mul(a.number(options.momentum), slots.back()), step);
      newSlots.push_back(step);
    }
    p = a.sub(p, a.mul(rate, step));
  }
  newSlots.insert(newSlots.begin(), p);
  return newSlots;
}

Value grad::buildNorm(OpBuilder &b, Location loc, ValueRange gradients,
                      Type element) {
  // One sum per gradient, so that none waits for another, then their sum.
  auto scalar = RankedTensorType::get({}, element);
  Arithmetic s{b, loc, scalar};
  SmallVector<Value> squares;
  for (Value gradient : gradients) {
    Arithmetic a{b, loc, cast<RankedTensorType>(gradient.getType())};
    Value square = a.mul(gradient, gradient);
    if (a.type.getRank() != 0)
      square = rnn::ReduceOp::create(b, loc, scalar, rnn::ReduceKind::Sum,
                                     labelsOf(a.type) + "->", square);
    squares.push_back(square);
  }
  Value sum = s.number(0);
  for (Value square : squares)
    sum = s.add(sum, square);
  return s.sqrt(sum);
}

void grad::clipByNorm(OpBuilder &b, Location loc,
                      SmallVectorImpl<Value> &gradients, Value norm,
                      double most) {
  Arithmetic s{b, loc, cast<RankedTensorType>(norm.getType())};
  Value ratio = s.div(s.number(most), s.add(norm, s.number(1e-6)));
  Value factor = arith::MinimumFOp::create(b, loc, s.number(1), ratio);
  for (Value &gradient : gradients) {
    Arithmetic a{b, loc, cast<RankedTensorType>(gradient.getType())};
    gradient = a.mul(gradient, a.stretch(factor));
  }
}

void grad::clipByValue(OpBuilder &b, Location loc,
                       SmallVectorImpl<Value> &gradients, double most) {
  for (Value &gradient : gradients) {
    Arithmetic a{b, loc, cast<RankedTensorType>(gradient.getType())};
    gradient = arith::MinimumFOp::create(
        b, loc, a.number(most),
        arith::MaximumFOp::create(b, loc, a.number(-most), gradient));
  }
}
