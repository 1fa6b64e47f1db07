//===- MLIRGenValues.cpp - Elementwise, products, reductions --------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/MLIRGenImpl.h"

#include <algorithm>
#include <functional>

using namespace rnnc;
using namespace rnnc::gen;
using namespace mlir;

static const char ownLabels[] = "nmjihqpgfedcrlkaozyxwvus";
static const char timeLabels[] = "tuvwxyzsABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

mlir::Type FunctionGen::elemOf(hir::Elem elem) const {
  switch (elem) {
  case hir::Elem::Real:
    return real;
  case hir::Elem::Int:
    return IntegerType::get(module.getContext(), 32);
  case hir::Elem::Bool:
    return IntegerType::get(module.getContext(), 1);
  }
  return real;
}

int64_t FunctionGen::size(const Size &entry) const {
  return model.value(entry).value_or(1);
}

RankedTensorType FunctionGen::typeOf(const hir::Type &type) const {
  SmallVector<int64_t> shape(type.axes.size() + type.batch,
                             ShapedType::kDynamic);
  for (const Size &entry : type.shape)
    if (!entry.stretch)
      shape.push_back(size(entry));
  return RankedTensorType::get(shape, elemOf(type.elem));
}

/// A letter for each time axis and the batch. `time` gets t.
std::string FunctionGen::axisLabels(const hir::Type &type, int time) const {
  std::string out;
  for (int axis : type.axes) {
    if (time < 0) {
      out += timeLabels[std::min<size_t>(axis, sizeof(timeLabels) - 2)];
      continue;
    }
    if (axis == time)
      out += 't';
    else
      out += timeLabels[std::min<size_t>(axis + 1, sizeof(timeLabels) - 2)];
  }
  if (type.batch)
    out += 'b';
  return out;
}

/// Letters of own axes are given by place, those of `_` left out.
static std::string ownLetters(const hir::Type &type) {
  std::string out;
  for (size_t i = 0; i < type.shape.size(); ++i)
    if (!type.shape[i].stretch)
      out += ownLabels[i];
  return out;
}

std::string FunctionGen::labels(const hir::Type &type, int time) const {
  return axisLabels(type, time) + ownLetters(type);
}

Value FunctionGen::extentOf(int axis) const {
  auto it = extents.find(model.rootAxis(axis));
  return it == extents.end() ? Value() : it->second;
}

/// Extents of the dynamic labels of `to` that `from` lacks.
std::vector<Value> FunctionGen::sizesFor(const std::string &from,
                                         const std::string &to,
                                         const hir::Type &type,
                                         int time) const {
  std::vector<Value> sizes;
  std::string dynamic = axisLabels(type, time);
  for (char label : to) {
    size_t place = dynamic.find(label);
    if (place == std::string::npos || from.find(label) != std::string::npos)
      continue;
    sizes.push_back(place < type.axes.size() ? extentOf(type.axes[place])
                                             : batch);
  }
  return sizes;
}

/// Stretches a value to the axes, batch and own shape of `to`.
Value FunctionGen::expand(Value value, const hir::Type &from,
                          const hir::Type &to, Location at) {
  std::string source = labels(from), target = labels(to);
  if (source == target)
    return value;
  hir::Type wanted = to;
  wanted.elem = from.elem;
  return rnn::BroadcastOp::create(
      b, at, typeOf(wanted), b.getStringAttr(source + "->" + target), value,
      ValueRange(sizesFor(source, target, to, -1)));
}

Value FunctionGen::permuted(Value value, const std::string &from,
                            const std::string &to, Location at) {
  if (from == to)
    return value;
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape;
  for (char label : to)
    shape.push_back(type.getDimSize(from.find(label)));
  return rnn::BroadcastOp::create(
      b, at, RankedTensorType::get(shape, type.getElementType()),
      b.getStringAttr(from + "->" + to), value, ValueRange());
}

Value FunctionGen::scalar(double number, Location at) {
  auto type = RankedTensorType::get({}, real);
  return arith::ConstantOp::create(
      b, at, type, DenseElementsAttr::get(type, b.getFloatAttr(real, number)));
}

Value FunctionGen::filled(double number, const hir::Type &type, Location at) {
  hir::Type plain;
  plain.elem = type.elem;
  if (type.elem == hir::Elem::Real)
    return expand(scalar(number, at), plain, type, at);
  auto rank0 = RankedTensorType::get({}, elemOf(type.elem));
  Value constant = arith::ConstantOp::create(
      b, at, rank0,
      DenseElementsAttr::get(
          rank0, b.getIntegerAttr(elemOf(type.elem), int64_t(number))));
  return expand(constant, plain, type, at);
}

Value FunctionGen::reduceLabels(rnn::ReduceKind kind, Value value,
                                const std::string &from, const std::string &to,
                                Value valid, Location at) {
  if (from == to)
    return value;
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape;
  for (char label : to)
    shape.push_back(type.getDimSize(from.find(label)));
  return rnn::ReduceOp::create(
      b, at, RankedTensorType::get(shape, type.getElementType()), kind,
      from + "->" + to, value, valid);
}

/// Operand `index`, stretched to the result's axes, batch and shape.
Value FunctionGen::operand(const Node *node, size_t index) {
  const Node *source = node->operands[index];
  return expand(values[source], source->type, shared(node), loc(node));
}

/// The type that operands of an elementwise node have in common.
hir::Type FunctionGen::shared(const Node *node) const { return node->type; }

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

Value FunctionGen::emitUnary(const Node *node) {
  Location at = loc(node);
  Value x = operand(node, 0);
  mlir::Type type = x.getType();
  auto full = [&](double number) { return filled(number, node->type, at); };
  switch (node->op) {
  case hir::Op::Neg:
    return arith::NegFOp::create(b, at, x);
  case hir::Op::Exp:
    return math::ExpOp::create(b, at, x);
  case hir::Op::Expm1:
    return math::ExpM1Op::create(b, at, x);
  case hir::Op::Log:
    return math::LogOp::create(b, at, x);
  case hir::Op::Log1p:
    return math::Log1pOp::create(b, at, x);
  case hir::Op::Sqrt:
    return math::SqrtOp::create(b, at, x);
  case hir::Op::Abs:
    return math::AbsFOp::create(b, at, x);
  case hir::Op::Floor:
    return math::FloorOp::create(b, at, x);
  case hir::Op::Sin:
    return math::SinOp::create(b, at, x);
  case hir::Op::Cos:
    return math::CosOp::create(b, at, x);
  case hir::Op::Tanh:
    return math::TanhOp::create(b, at, x);
  case hir::Op::Erf:
    return math::ErfOp::create(b, at, x);
  case hir::Op::Sigmoid:
    return rnn::SigmoidOp::create(b, at, type, x);
  case hir::Op::Softplus:
    return rnn::SoftplusOp::create(b, at, type, x);
  case hir::Op::Relu:
    return arith::MaximumFOp::create(b, at, x, full(0));
  case hir::Op::Sign: {
    Value zero = full(0);
    Value above =
        arith::CmpFOp::create(b, at, arith::CmpFPredicate::OGT, x, zero);
    Value below =
        arith::CmpFOp::create(b, at, arith::CmpFPredicate::OLT, x, zero);
    Value negative = arith::SelectOp::create(b, at, below, full(-1), x);
    return arith::SelectOp::create(b, at, above, full(1), negative);
  }
  case hir::Op::Not:
    return arith::XOrIOp::create(b, at, x, filled(1, node->type, at));
  case hir::Op::ToReal: {
    mlir::Type result = typeOf(node->type);
    if (node->operands[0]->type.elem == hir::Elem::Bool)
      return arith::UIToFPOp::create(b, at, result, x);
    return arith::SIToFPOp::create(b, at, result, x);
  }
  case hir::Op::Stop: {
    OperationState state(at, "grad.stop");
    state.addOperands(x);
    state.addTypes(type);
    return b.create(state)->getResult(0);
  }
  default:
    return x;
  }
}

Value FunctionGen::emitBinary(const Node *node) {
  Location at = loc(node);
  // x^2 is a product: exact, and its derivative needs no logarithm.
  if (node->op == hir::Op::Pow && node->operands[1]->op == hir::Op::Constant &&
      node->operands[1]->number == 2 && !node->operands[1]->poly) {
    Value x = operand(node, 0);
    return arith::MulFOp::create(b, at, x, x);
  }
  Value x = operand(node, 0), y = operand(node, 1);
  bool ints =
      !isa<FloatType>(cast<RankedTensorType>(x.getType()).getElementType());
  auto compare = [&](arith::CmpFPredicate real, arith::CmpIPredicate whole) {
    return ints ? Value(arith::CmpIOp::create(b, at, whole, x, y))
                : Value(arith::CmpFOp::create(b, at, real, x, y));
  };
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  switch (node->op) {
  case hir::Op::Add:
    return arith::AddFOp::create(b, at, x, y);
  case hir::Op::Sub:
    return arith::SubFOp::create(b, at, x, y);
  case hir::Op::Mul:
    return arith::MulFOp::create(b, at, x, y);
  case hir::Op::Div:
    return arith::DivFOp::create(b, at, x, y);
  case hir::Op::Pow:
    return math::PowFOp::create(b, at, x, y);
  case hir::Op::Max:
    return arith::MaximumFOp::create(b, at, x, y);
  case hir::Op::Min:
    return arith::MinimumFOp::create(b, at, x, y);
  case hir::Op::Rem: {
    // x - y*floor(x/y), with the sign of y, as in the numbers of the text.
    Value quotient = arith::DivFOp::create(b, at, x, y);
    Value floor = math::FloorOp::create(b, at, quotient);
    Value product = arith::MulFOp::create(b, at, y, floor);
    return arith::SubFOp::create(b, at, x, product);
  }
  case hir::Op::Eq:
    return compare(F::OEQ, I::eq);
  case hir::Op::Ne:
    return compare(F::UNE, I::ne);
  case hir::Op::Lt:
    return compare(F::OLT, I::slt);
  case hir::Op::Le:
    return compare(F::OLE, I::sle);
  case hir::Op::Gt:
    return compare(F::OGT, I::sgt);
  case hir::Op::Ge:
    return compare(F::OGE, I::sge);
  case hir::Op::And:
    return arith::AndIOp::create(b, at, x, y);
  case hir::Op::Or:
    return arith::OrIOp::create(b, at, x, y);
  default:
    return x;
  }
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

Value FunctionGen::emitEinsum(const Node *node) {
  Location at = loc(node);
  const std::string &spec = node->text;
  size_t comma = spec.find(','), arrow = spec.find("->");
  std::string own[2] = {spec.substr(0, std::min(comma, arrow)), ""};
  if (comma != std::string::npos)
    own[1] = spec.substr(comma + 1, arrow - comma - 1);
  std::string out = spec.substr(arrow + 2);
  size_t count = node->operands.size();
  // Letters that no time axis uses: summed ones k, l, .. and the rest n, m, ..
  std::map<char, char> rename;
  const char *summed = "kldefg", *kept = "nmjihqpc";
  for (size_t k = 0; k < count; ++k)
    for (char c : own[k])
      if (!rename.count(c)) {
        const char *&pool = out.find(c) == std::string::npos ? summed : kept;
        rename[c] = *pool ? *pool++ : '?';
      }
  for (std::string *part : {&own[0], &own[1], &out})
    for (char &c : *part)
      c = rename[c];
  std::vector<size_t> order = {0};
  if (count == 2) {
    order = {0, 1};
    // The data first, the weight second.
    auto isShared = [&](size_t i) {
      const hir::Type &type = node->operands[i]->type;
      return !type.batch && type.axes.empty();
    };
    if (isShared(0) && !isShared(1))
      order = {1, 0};
  }
  std::string full[2];
  Value operands[2];
  for (size_t i = 0; i < count; ++i) {
    const Node *source = node->operands[order[i]];
    full[i] = axisLabels(source->type) + own[order[i]];
    operands[i] = values[source];
  }
  std::string result = axisLabels(node->type) + out;
  // A label that only one operand has is summed before.
  for (size_t i = 0; i < count; ++i) {
    std::string needed;
    for (char c : full[i])
      if (result.find(c) != std::string::npos ||
          (count == 2 && full[1 - i].find(c) != std::string::npos))
        needed += c;
    operands[i] = reduceLabels(rnn::ReduceKind::Sum, operands[i], full[i],
                               needed, Value(), at);
    full[i] = needed;
  }
  if (count == 1)
    return permuted(operands[0], full[0], result, at);
  return rnn::ContractOp::create(b, at, typeOf(node->type),
                                 full[0] + "," + full[1] + "->" + result,
                                 operands[0], operands[1]);
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// The labels that a reduction removes.
std::string FunctionGen::reducedLabels(const Node *node) const {
  if (node->axis >= 0)
    return "t";
  std::string out;
  for (int64_t i : node->ints)
    out += ownLabels[i];
  return out;
}

Value FunctionGen::emitSumOfProduct(const Node *node, Value valid) {
  const Node *product = node->operands[0];
  const Node *x = product->operands[0], *y = product->operands[1];
  auto isShared = [](const Node *operand) {
    return !operand->type.batch && operand->type.axes.empty();
  };
  if (isShared(x) && !isShared(y))
    std::swap(x, y);
  std::string gone = reducedLabels(node), out;
  for (char c : labels(product->type, node->axis))
    if (gone.find(c) == std::string::npos)
      out += c;
  return rnn::ContractOp::create(b, loc(node), typeOf(node->type),
                                 labels(x->type, node->axis) + "," +
                                     labels(y->type, node->axis) + "->" + out,
                                 values[x], values[y], Value(), valid);
}

Value FunctionGen::emitReduce(const Node *node) {
  Location at = loc(node);
  const Node *source = node->operands[0];
  if (products.count(source))
    return emitSumOfProduct(node, isRagged(node->axis)
                                      ? lengths[model.rootAxis(node->axis)]
                                      : Value());
  rnn::ReduceKind kind = node->text == "sum"    ? rnn::ReduceKind::Sum
                         : node->text == "prod" ? rnn::ReduceKind::Prod
                         : node->text == "max"  ? rnn::ReduceKind::Max
                                                : rnn::ReduceKind::Min;
  Value x = values[source];
  hir::Type type = source->type;
  Value valid;
  if (node->axis >= 0 && isRagged(node->axis)) {
    valid = lengths[model.rootAxis(node->axis)];
    if (!type.batch) {
      hir::Type batched = type;
      batched.batch = true;
      x = expand(x, type, batched, at);
      type = batched;
    }
  }
  std::string from = labels(type, node->axis), to;
  if (node->axis >= 0) {
    for (char c : from)
      if (c != 't')
        to += c;
  } else {
    std::string own;
    for (size_t i = 0; i < type.shape.size(); ++i)
      if (!type.shape[i].stretch &&
          std::find(node->ints.begin(), node->ints.end(), int64_t(i)) ==
              node->ints.end())
        own += ownLabels[i];
    to = axisLabels(type, node->axis) + own;
  }
  return reduceLabels(kind, x, from, to, valid, at);
}

Value FunctionGen::emitSoftmax(const Node *node) {
  Location at = loc(node);
  const Node *source = node->operands[0];
  Value x = values[source];
  std::string all = labels(source->type, node->axis);
  Value valid;
  std::string over(1, 't');
  if (node->axis >= 0) {
    if (isRagged(node->axis) && source->type.batch)
      valid = lengths[model.rootAxis(node->axis)];
  } else {
    over = std::string(1, ownLabels[node->index]);
  }
  if (node->op == hir::Op::Softmax)
    return rnn::SoftmaxOp::create(b, at, x.getType(), x, b.getStringAttr(over),
                                  b.getStringAttr(all), valid);
  return rnn::LogSoftmaxOp::create(b, at, x.getType(), x, b.getStringAttr(over),
                                   b.getStringAttr(all), valid);
}

//===----------------------------------------------------------------------===//
// Own axes
//===----------------------------------------------------------------------===//

Value FunctionGen::emitOwn(const Node *node) {
  Location at = loc(node);
  mlir::RankedTensorType result = typeOf(node->type);
  const Node *source = node->operands.empty() ? nullptr : node->operands[0];
  auto physical = [&](int64_t own) {
    int64_t dim = source->type.axes.size() + source->type.batch;
    for (int64_t i = 0; i < own; ++i)
      dim += !source->type.shape[i].stretch;
    return dim;
  };
  switch (node->op) {
  case hir::Op::View: {
    std::string from = labels(source->type), to = axisLabels(node->type);
    for (int64_t i : node->ints)
      if (i >= 0 && !source->type.shape[i].stretch)
        to += ownLabels[i];
    return permuted(values[source], from, to, at);
  }
  case hir::Op::Select: {
    hir::Type one = source->type;
    one.shape[node->index] = Size(Poly(1));
    Value part =
        rnn::SliceOp::create(b, at, typeOf(one), values[source],
                             b.getI64IntegerAttr(physical(node->index)),
                             b.getI64IntegerAttr(int64_t(node->number)));
    return rnn::ReshapeOp::create(b, at, result, part);
  }
  case hir::Op::Slice:
    return rnn::SliceOp::create(b, at, result, values[source],
                                b.getI64IntegerAttr(physical(node->index)),
                                b.getI64IntegerAttr(int64_t(node->number)));
  case hir::Op::Concat: {
    SmallVector<Value> parts;
    for (const Node *part : node->operands) {
      hir::Type type = node->type;
      type.shape = part->type.shape;
      parts.push_back(expand(values[part], part->type, type, at));
    }
    int64_t dim = node->type.axes.size() + node->type.batch + node->index;
    return rnn::ConcatOp::create(b, at, result, parts,
                                 b.getI64IntegerAttr(dim));
  }
  case hir::Op::Reshape: {
    Value x = values[source];
    hir::Type type = source->type;
    for (Size &entry : type.shape)
      if (entry.stretch)
        entry = Size(Poly(1));
    if (typeOf(type) != typeOf(source->type))
      x = rnn::ReshapeOp::create(b, at, typeOf(type), x);
    if (x.getType() == result)
      return x;
    return rnn::ReshapeOp::create(b, at, result, x);
  }
  case hir::Op::Expand:
    return expand(values[source], source->type, node->type, at);
  case hir::Op::OneHot:
    return rnn::OneHotOp::create(b, at, result, values[source]);
  case hir::Op::ArgMax:
    return rnn::ArgMaxOp::create(b, at, result, values[source]);
  case hir::Op::Gather:
    return rnn::GatherOp::create(b, at, result, values[source],
                                 values[node->operands[1]]);
  case hir::Op::CrossEntropy: {
    hir::Type logits = node->type;
    logits.shape = source->type.shape;
    hir::Type classes = node->type;
    const Node *y = node->operands[1];
    Value zs = expand(values[source], source->type, logits, at);
    Value ys = expand(values[y], y->type, classes, at);
    return rnn::CrossEntropyOp::create(b, at, result, zs, ys);
  }
  default:
    return Value();
  }
}

Value FunctionGen::emit(const Node *node) {
  switch (node->op) {
  case hir::Op::Constant: {
    double number = node->number;
    if (node->poly)
      number = double(model.sizes.value(*node->poly).value_or(1));
    return filled(number, node->type, loc(node));
  }
  case hir::Op::Update:
    // Out of training each schedule is at its end.
    return update ? update : scalar(1e30, loc(node));
  case hir::Op::Iota:
    return rnn::IotaOp::create(b, loc(node), typeOf(node->type));
  case hir::Op::Eye:
    return emitEye(node);
  case hir::Op::InitDraw:
    return emitInitDraw(node);
  case hir::Op::Where: {
    const Node *c = node->operands[0];
    Location at = loc(node);
    Value condition = expand(values[c], c->type, node->type, at);
    return arith::SelectOp::create(b, at, condition, operand(node, 1),
                                   operand(node, 2));
  }
  case hir::Op::Einsum:
    return emitEinsum(node);
  case hir::Op::Reduce:
    return emitReduce(node);
  case hir::Op::Softmax:
  case hir::Op::LogSoftmax:
    return emitSoftmax(node);
  case hir::Op::Draw:
    return emitDraw(node);
  case hir::Op::Position:
  case hir::Op::Length:
  case hir::Op::Shift:
  case hir::Op::Reverse:
  case hir::Op::First:
  case hir::Op::Last:
  case hir::Op::Rename:
  case hir::Op::Every:
    return emitTime(node);
  default:
    if (node->op >= hir::Op::Neg && node->op <= hir::Op::ToReal)
      return emitUnary(node);
    if (node->op == hir::Op::Stop)
      return emitUnary(node);
    if (node->op >= hir::Op::Add && node->op <= hir::Op::Or)
      return emitBinary(node);
    return emitOwn(node);
  }
}
