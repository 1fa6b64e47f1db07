//===- Adjoint.cpp - The adjoint of a piece of IR under construction ------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Interfaces/Adjoint.h"
#include "dialects/grad/Interfaces/Extents.h"
#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/IR/Remarks.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;

#include "dialects/grad/Interfaces/AdjointInterface.cpp.inc"

Adjoint::Adjoint(OpBuilder &builder, NeededValues &needed)
    : b(builder), location(builder.getUnknownLoc()), neededValues(&needed) {}

Adjoint::Adjoint(OpBuilder &builder, const Adjoint &outer, Value lengths,
                 Value position)
    : b(builder), location(outer.location), neededValues(outer.neededValues),
      raggedSteps(outer.raggedSteps) {
  if (lengths)
    raggedSteps.emplace_back(lengths, position);
}

//===----------------------------------------------------------------------===//
// Cotangents
//===----------------------------------------------------------------------===//

/// Makes `sum` the start of the fresh labelled sum `contribution`.
static bool chainInto(Value sum, Value contribution) {
  Operation *op = contribution.getDefiningOp();
  if (!op || !contribution.use_empty())
    return false;
  // The sum so far must stand before.
  Operation *before = sum.getDefiningOp();
  if (before && before->getBlock() == op->getBlock() &&
      !before->isBeforeInBlock(op))
    return false;
  if (auto contract = dyn_cast<rnn::ContractOp>(op)) {
    if (contract.getAcc())
      return false;
    contract.getAccMutable().assign(sum);
    return true;
  }
  if (auto reduce = dyn_cast<rnn::ReduceOp>(op)) {
    if (reduce.getAcc() || reduce.getKind() != rnn::ReduceKind::Sum)
      return false;
    reduce.getAccMutable().assign(sum);
    return true;
  }
  if (auto scatter = dyn_cast<rnn::ScatterAddOp>(op)) {
    if (scatter.getAcc())
      return false;
    scatter.getAccMutable().assign(sum);
    return true;
  }
  return false;
}

void Adjoint::add(Value value, Value contribution) {
  if (!wants(value))
    return;
  Value &sum = cotangents[value];
  // A contribution that is the cotangent of something else must stay as it is.
  bool fresh = !taken.contains(contribution);
  if (!sum || (fresh && chainInto(sum, contribution)))
    sum = contribution;
  else
    sum = addf(sum, contribution);
  taken.insert(sum);
}

LogicalResult Adjoint::reverse(ArrayRef<Operation *> ops) {
  for (Operation *op : llvm::reverse(ops)) {
    SmallVector<Value> given;
    bool any = false, wanted = false;
    for (Value result : op->getResults()) {
      given.push_back(wants(result) ? cotangent(result) : Value());
      any |= given.back() != nullptr;
    }
    if (!any)
      continue;
    // Where no operand is wanted the op is one that the derivative is taken
    // with respect to. A region's op may want what its region uses.
    wanted = op->getNumRegions() != 0;
    for (Value operand : op->getOperands())
      wanted |= wants(operand);
    if (!wanted)
      continue;
    auto rule = dyn_cast<AdjointOpInterface>(op);
    if (!rule)
      return op->emitError("no derivative rule for '") << op->getName() << "'";
    if (rule.stopsGradient())
      continue;
    location = rnn::gradientLoc(op->getLoc());
    if (failed(rule.addAdjoint(given, *this)))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Value Adjoint::constant(Value like, double number) {
  auto type = cast<RankedTensorType>(like.getType());
  auto splat = [&](RankedTensorType type) -> Value {
    Attribute attr = b.getFloatAttr(type.getElementType(), number);
    return arith::ConstantOp::create(b, location,
                                     DenseElementsAttr::get(type, attr));
  };
  if (type.hasStaticShape())
    return splat(type);
  std::string labels = labelsOf(type);
  return rnn::BroadcastOp::create(
      b, location, type, b.getStringAttr("->" + labels),
      splat(RankedTensorType::get({}, type.getElementType())),
      newExtents("", labels, like));
}

SmallVector<Value> Adjoint::newExtents(StringRef from, StringRef to,
                                       Value value) {
  SmallVector<Value> extents;
  auto type = cast<RankedTensorType>(value.getType());
  for (auto [dim, label] : llvm::enumerate(to))
    if (!from.contains(label) && type.isDynamicDim(dim))
      extents.push_back(extentOf(b, value, dim));
  return extents;
}

Value Adjoint::addf(Value x, Value y) {
  return arith::AddFOp::create(b, location, x, y);
}
Value Adjoint::subf(Value x, Value y) {
  return arith::SubFOp::create(b, location, x, y);
}
Value Adjoint::mulf(Value x, Value y) {
  return arith::MulFOp::create(b, location, x, y);
}
Value Adjoint::divf(Value x, Value y) {
  return arith::DivFOp::create(b, location, x, y);
}
Value Adjoint::negf(Value x) { return arith::NegFOp::create(b, location, x); }
Value Adjoint::select(Value c, Value x, Value y) {
  return arith::SelectOp::create(b, location, c, x, y);
}

//===----------------------------------------------------------------------===//
// Validity
//===----------------------------------------------------------------------===//

Value Adjoint::validRows() {
  Value rows;
  auto type =
      RankedTensorType::get({ShapedType::kDynamic}, b.getIntegerType(1));
  for (auto [lengths, position] : raggedSteps) {
    Value step = rnn::ValidOp::create(b, location, type, lengths, position);
    rows = rows ? Value(arith::AndIOp::create(b, location, rows, step)) : step;
  }
  return rows;
}

/// Exchanges two letters.
static void swapLabels(std::string &labels, char x, char y) {
  for (char &c : labels)
    c = c == x ? y : c == y ? x : c;
}

Value Adjoint::validOf(std::string &labels, StringRef summed,
                       ArrayRef<Labelled> factors, Value given) {
  // Which label is the batch, and which summed label a ragged axis. Letters
  // alone do not say: passes rename them.
  char batch = 0, time = 0;
  Value lengths, steps;
  for (const auto &[own, value] : factors) {
    auto type = cast<RankedTensorType>(value.getType());
    for (auto [dim, label] : llvm::enumerate(own)) {
      if (!type.isDynamicDim(dim))
        continue;
      Value extent = extentOf(b, value, dim);
      if (isBatchExtent(extent).value_or(label == 'b')) {
        batch = label;
        continue;
      }
      if (given && label == 't')
        steps = extent;
      if (given || time || !summed.contains(label))
        continue;
      if ((lengths = lengthsOf(extent))) {
        time = label;
        steps = extent;
      }
    }
  }
  if (!batch)
    lengths = {};

  // Rows of this step.
  Value rows = batch && summed.contains(batch) ? validRows() : Value();
  if (rows || lengths || given) {
    if (batch && batch != 'b') {
      swapLabels(labels, batch, 'b');
      time = time == 'b' ? batch : time;
    }
    if (lengths && time != 't')
      swapLabels(labels, time, 't');
  }

  if (!given)
    given = lengths;
  if (!given || !rows)
    return given ? given : rows;

  // Both: a mask.
  auto givenType = cast<RankedTensorType>(given.getType());
  Type bit = b.getIntegerType(1);
  if (givenType.getElementType() == bit && givenType.getRank() == 1)
    return arith::AndIOp::create(b, location, given, rows);
  auto maskType =
      RankedTensorType::get({ShapedType::kDynamic, ShapedType::kDynamic}, bit);
  if (givenType.getElementType() != bit)
    given = rnn::ValidStepsOp::create(b, location, maskType, given, steps);
  Value stretched = rnn::BroadcastOp::create(
      b, location, maskType, b.getStringAttr("b->tb"), rows, steps);
  return arith::AndIOp::create(b, location, given, stretched);
}

Value grad::zeroInvalid(Adjoint &adjoint, StringRef labels, Value value,
                        Value valid) {
  if (!valid)
    return value;
  OpBuilder &b = adjoint.builder();
  auto type = cast<RankedTensorType>(value.getType());
  auto validType = cast<RankedTensorType>(valid.getType());
  Type bit = b.getIntegerType(1);
  if (validType.getElementType() != bit) {
    if (labels.starts_with("tb"))
      return rnn::MaskOp::create(b, adjoint.loc(), type, value, valid);
    auto maskType = RankedTensorType::get(
        {ShapedType::kDynamic, ShapedType::kDynamic}, bit);
    Value steps = extentOf(b, value, labels.find('t'));
    valid = rnn::ValidStepsOp::create(b, adjoint.loc(), maskType, valid, steps);
    validType = maskType;
  }
  StringRef own = validType.getRank() == 1 ? "b" : "tb";
  if (own != labels)
    valid = rnn::BroadcastOp::create(
        b, adjoint.loc(), RankedTensorType::get(type.getShape(), bit),
        b.getStringAttr((own + "->" + labels).str()), valid,
        adjoint.newExtents(own, labels, value));
  return adjoint.select(valid, value, adjoint.zeros(value));
}
