//===- LabelledRules.cpp - Derivatives of labelled ops --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// g is the cotangent of the result. What sums over rows or time knows which
// entries are valid: at padding a cotangent of 0 may meet an infinite factor.
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Rules/Rules.h"
#include "dialects/rnn/IR/RNNDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;
using namespace rnnc::rnn;

static RankedTensorType tensorOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The labels of `labels` that `kept` lacks, each once.
static std::string missing(const Twine &labels, StringRef kept) {
  std::string out;
  for (char label : labels.str())
    if (!kept.contains(label) && out.find(label) == std::string::npos)
      out += label;
  return out;
}

/// One factor's share of a product: contract "out,other->own" g, other.
static void addFactor(ContractOp op, Value g, Value own, StringRef ownLabels,
                      Value other, StringRef otherLabels, Adjoint &a) {
  if (!a.wants(own))
    return;
  StringRef out = op.getOutLabels();
  std::string labels = (out + "," + otherLabels + "->" + ownLabels).str();
  std::string summed = missing(out + otherLabels, ownLabels);
  Value valid = a.validOf(labels, summed, {{out, g}, {otherLabels, other}},
                          op.getValid());
  auto [in, kept] = StringRef(labels).split("->");
  bool overTime = StringRef(missing(in, kept)).contains('t');
  a.add(own, ContractOp::create(a.builder(), a.loc(), own.getType(), labels, g,
                                other, Value(), valid, overTime));
}

/// r = acc + sum l r: contract g with the other factor; acc gets g.
static void addContract(ContractOp op, Value g, Adjoint &a) {
  if (op.getAcc())
    a.add(op.getAcc(), g);
  addFactor(op, g, op.getLhs(), op.getLhsLabels(), op.getRhs(),
            op.getRhsLabels(), a);
  addFactor(op, g, op.getRhs(), op.getRhsLabels(), op.getLhs(),
            op.getLhsLabels(), a);
}

/// A stretched value: sum of g over the new labels.
static void addBroadcast(BroadcastOp op, Value g, Adjoint &a) {
  OpBuilder &b = a.builder();
  StringRef in = op.getInLabels(), out = op.getOutLabels();
  std::string kept;
  SmallVector<int64_t> shape;
  for (auto [dim, label] : llvm::enumerate(out))
    if (in.contains(label)) {
      kept += label;
      shape.push_back(tensorOf(g).getDimSize(dim));
    }
  if (kept.size() != out.size()) {
    std::string labels = (out + "->" + kept).str();
    std::string summed = missing(out, kept);
    Value valid = a.validOf(labels, summed, {{out, g}}, Value());
    auto type = RankedTensorType::get(shape, tensorOf(g).getElementType());
    g = ReduceOp::create(b, a.loc(), type, ReduceKind::Sum, labels, g, valid);
  }
  if (kept != in)
    g = BroadcastOp::create(b, a.loc(), op.getInput().getType(),
                            b.getStringAttr(kept + "->" + in.str()), g,
                            ValueRange());
  a.add(op.getInput(), g);
}

/// `value` of the reduced labels stretched to the labels of the input.
static Value stretch(ReduceOp op, Value value, Adjoint &a) {
  OpBuilder &b = a.builder();
  StringRef in = op.getInLabels(), out = op.getOutLabels();
  auto type = RankedTensorType::get(tensorOf(op.getInput()).getShape(),
                                    tensorOf(value).getElementType());
  if (in == out)
    return value;
  return BroadcastOp::create(b, a.loc(), type,
                             b.getStringAttr((out + "->" + in).str()), value,
                             a.newExtents(out, in, op.getInput()));
}

static Value compare(arith::CmpFPredicate predicate, Value x, Value y,
                     Adjoint &a) {
  return arith::CmpFOp::create(a.builder(), a.loc(), predicate, x, y);
}

/// A product: g times the product of the other entries. With p the product of
/// the entries that are not 0 and k the number of those that are:
/// k = 0: g p / x;  k = 1: g p at the one that is 0, else 0;  k > 1: 0.
static Value productShare(ReduceOp op, Value g, Adjoint &a) {
  OpBuilder &b = a.builder();
  Value x = op.getInput(), zero = a.zeros(x), one = a.constant(x, 1);
  Value isZero = compare(arith::CmpFPredicate::OEQ, x, zero, a);
  auto reduce = [&](ReduceKind kind, Value value) {
    return ReduceOp::create(b, a.loc(), op.getType(), kind, op.getLabels(),
                            value, op.getValid());
  };
  Value safe = a.select(isZero, one, x);
  Value product = stretch(op, a.mulf(g, reduce(ReduceKind::Prod, safe)), a);
  Value zeros =
      stretch(op, reduce(ReduceKind::Sum, a.select(isZero, one, zero)), a);
  Value none = compare(arith::CmpFPredicate::OEQ, zeros, zero, a);
  Value single = compare(arith::CmpFPredicate::OEQ, zeros, one, a);
  Value atZero = arith::AndIOp::create(b, a.loc(), isZero, single);
  return a.select(none, a.divf(product, safe), a.select(atZero, product, zero));
}

/// A greatest or least entry: g in equal shares to the entries equal to it.
static Value extremeShare(ReduceOp op, Value g, Adjoint &a) {
  Value x = op.getInput(), zero = a.zeros(x), one = a.constant(x, 1);
  Value equal =
      compare(arith::CmpFPredicate::OEQ, x, stretch(op, op.getResult(), a), a);
  Value count = ReduceOp::create(a.builder(), a.loc(), op.getType(),
                                 ReduceKind::Sum, op.getLabels(),
                                 a.select(equal, one, zero), op.getValid());
  return a.select(equal, stretch(op, a.divf(g, count), a), zero);
}

static LogicalResult addReduce(ReduceOp op, Value g, Adjoint &a) {
  if (op.getAcc()) {
    if (op.getKind() != ReduceKind::Sum)
      return op.emitOpError("into has a derivative in sums only");
    a.add(op.getAcc(), g);
  }
  if (!a.wants(op.getInput()))
    return success();
  Value share;
  switch (op.getKind()) {
  case ReduceKind::Sum: // each entry: g
    share = stretch(op, g, a);
    break;
  case ReduceKind::Prod:
    share = productShare(op, g, a);
    break;
  case ReduceKind::Max:
  case ReduceKind::Min:
    share = extremeShare(op, g, a);
    break;
  }
  a.add(op.getInput(), zeroInvalid(a, op.getInLabels(), share, op.getValid()));
  return success();
}

/// The sum of `value` along `over`, stretched along it again.
template <class SoftmaxLike>
static Value sumAlong(SoftmaxLike op, Value value, Adjoint &a) {
  OpBuilder &b = a.builder();
  auto type = tensorOf(value);
  std::string in = op.getLabels().str(), out;
  SmallVector<int64_t> shape;
  for (auto [dim, label] : llvm::enumerate(op.getLabels()))
    if (label != op.getOver()[0]) {
      out += label;
      shape.push_back(type.getDimSize(dim));
    }
  Value sum = ReduceOp::create(
      b, a.loc(), RankedTensorType::get(shape, type.getElementType()),
      ReduceKind::Sum, in + "->" + out, value, op.getValid());
  return BroadcastOp::create(b, a.loc(), type, b.getStringAttr(out + "->" + in),
                             sum, a.newExtents(out, in, op.getInput()));
}

namespace {
struct ReduceRule : AdjointOpInterface::ExternalModel<ReduceRule, ReduceOp> {
  LogicalResult addAdjoint(Operation *op, ArrayRef<Value> cotangents,
                           Adjoint &adjoint) const {
    return addReduce(cast<ReduceOp>(op), cotangents.front(), adjoint);
  }
};
} // namespace

void grad::attachLabelledRules(MLIRContext *context) {
  attachRule<ContractOp>(context, [](ContractOp op, Value g, Adjoint &a) {
    addContract(op, g, a);
  });
  attachRule<BroadcastOp>(context, [](BroadcastOp op, Value g, Adjoint &a) {
    addBroadcast(op, g, a);
  });
  ReduceOp::attachInterface<ReduceRule>(*context);
  // softmax: y (g - sum g y)
  attachRule<SoftmaxOp>(context, [](SoftmaxOp op, Value g, Adjoint &a) {
    Value y = op.getResult();
    Value gy = a.mulf(g, y);
    Value dx = a.subf(gy, a.mulf(y, sumAlong(op, gy, a)));
    a.add(op.getInput(), zeroInvalid(a, op.getLabels(), dx, op.getValid()));
  });
  // log_softmax: g - exp(y) sum g
  attachRule<LogSoftmaxOp>(context, [](LogSoftmaxOp op, Value g, Adjoint &a) {
    Value p = math::ExpOp::create(a.builder(), a.loc(), op.getResult());
    Value dx = a.subf(g, a.mulf(p, sumAlong(op, g, a)));
    a.add(op.getInput(), zeroInvalid(a, op.getLabels(), dx, op.getValid()));
  });
}
