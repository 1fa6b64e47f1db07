//===- MLIRGenTime.cpp - Scans, movement in time, draws -------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/MLIRGenImpl.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::gen;
using namespace mlir;

/// The order of labels that ops along a time axis want: the axis, the rest as
/// it was.
std::string FunctionGen::frontLabels(const hir::Type &type, int axis) const {
  std::string front = "t";
  for (char c : labels(type, axis))
    if (c != 't')
      front += c;
  return front;
}

Value FunctionGen::toFront(Value value, const hir::Type &type, int axis,
                           Location at) {
  return permuted(value, labels(type, axis), frontLabels(type, axis), at);
}

Value FunctionGen::fromFront(Value value, const hir::Type &type, int axis,
                             Location at) {
  return permuted(value, frontLabels(type, axis), labels(type, axis), at);
}

static bool isZero(const Node *node) {
  while (node && node->op == hir::Op::Expand)
    node = node->operands[0];
  return !node || (node->op == hir::Op::Constant && node->number == 0);
}

/// What a state begins with: in a stream what the last window left, but for
/// fresh rows the start of the text.
Value FunctionGen::stateStart(const std::string &name, const hir::Type &type,
                              const Node *init, SourceRange place) {
  Location at = loc(place);
  Value start = init && !isZero(init)
                    ? expand(values[init], init->type, type, at)
                    : Value();
  auto carried = stateArgs.find(name);
  if (carried == stateArgs.end())
    return start ? start : filled(0, type, at);
  if (!start)
    return carried->second;
  hir::Type mask;
  mask.elem = hir::Elem::Bool;
  mask.batch = true;
  return arith::SelectOp::create(b, at, expand(fresh, mask, type, at), start,
                                 carried->second);
}

Value FunctionGen::lengthOf(int axis, const hir::Type &type, Location at) {
  hir::Type each;
  each.batch = true;
  if (isRagged(axis)) {
    Value real = arith::SIToFPOp::create(b, at, typeOf(each),
                                         lengths[model.rootAxis(axis)]);
    return expand(real, each, type, at);
  }
  // Count the steps: exact up to 2^24 in f32.
  hir::Type steps;
  steps.axes = {axis};
  Value ones = filled(1, steps, at);
  hir::Type plain;
  Value count = reduceLabels(rnn::ReduceKind::Sum, ones, labels(steps, axis),
                             "", Value(), at);
  return expand(count, plain, type, at);
}

Value FunctionGen::emitShift(const Node *node) {
  Location at = loc(node);
  const Node *x = node->operands[0], *start = node->operands[1];
  hir::Type first = node->type;
  std::erase(first.axes, node->axis);
  Value input = toFront(expand(values[x], x->type, node->type, at), node->type,
                        node->axis, at);
  // Moving on needs no lengths: what falls into the padding is not read. The
  // op knows them beside one time axis only.
  Value lens = isRagged(node->axis) && node->type.axes.size() == 1
                   ? lengths[model.rootAxis(node->axis)]
                   : Value();
  Value init = stateStart(node->text, first, start, node->place);
  Value shifted = rnn::ShiftOp::create(b, at, input.getType(), input, init,
                                       lens, UnitAttr());
  if (stateArgs.count(node->text)) {
    Value last = rnn::PickOp::create(
        b, at, rnn::ScanOp::sliceType(input.getType()),
        rnn::EndAttr::get(b.getContext(), rnn::End::Last), input, lens);
    states.push_back({rnn::ArgKind::State, node->text,
                      last, dynamicDims(first)});
  }
  return fromFront(shifted, node->type, node->axis, at);
}

/// Steps 0, k, 2k, ...: a product with a matrix that has a 1 at (u, u k). Its
/// adjoint is a product too.
Value FunctionGen::emitEvery(const Node *node) {
  Location at = loc(node);
  const Node *x = node->operands[0];
  int from = static_cast<int>(node->ints[0]);
  mlir::Type i32 = b.getI32Type();
  auto positions = [&](int axis) {
    return rnn::PositionOp::create(
        b, at, RankedTensorType::get({ShapedType::kDynamic}, i32),
        extentOf(axis));
  };
  hir::Type to, both;
  to.elem = both.elem = hir::Elem::Int;
  to.axes = {node->axis};
  hir::Type old = to;
  old.axes = {from};
  both.axes = {std::min(from, node->axis), std::max(from, node->axis)};
  Value step = arith::MulIOp::create(
      b, at, positions(node->axis),
      filled(static_cast<double>(node->ints[1]), to, at));
  Value hit = arith::CmpIOp::create(b, at, arith::CmpIPredicate::eq,
                                    expand(step, to, both, at),
                                    expand(positions(from), old, both, at));
  both.elem = hir::Elem::Real;
  Value chosen = arith::UIToFPOp::create(b, at, typeOf(both), hit);
  Value lens = isRagged(from) && x->type.batch
                   ? lengths[model.rootAxis(from)]
                   : Value();
  return rnn::ContractOp::create(
      b, at, typeOf(node->type),
      labels(x->type, from) + "," + labels(both, from) + "->" +
          labels(node->type, from),
      values[x], chosen, Value(), lens);
}

/// Whether a pos() goes on across the windows of a stream.
bool FunctionGen::carriesPosition(const Node *node) const {
  if (!options.stream || node->op != hir::Op::Position)
    return false;
  if (node->axis >= 0)
    return isTop(node) && model.streams(node->axis);
  const Node *scan = node->block->scan;
  return scan && isTop(scan) && model.streams(scan->scan->axis);
}

/// The position after this window: what it began with and the steps of it.
void FunctionGen::advancePosition(const Node *node, int axis) {
  Location at = loc(node);
  hir::Type plain, rows;
  plain.elem = rows.elem = hir::Elem::Int;
  rows.batch = true;
  Value positions = rnn::PositionOp::create(
      b, at, RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type()),
      extentOf(axis));
  Value last = rnn::PickOp::create(
      b, at, typeOf(plain), rnn::EndAttr::get(b.getContext(), rnn::End::Last),
      positions, Value());
  Value steps = arith::AddIOp::create(b, at, last, filled(1, plain, at));
  Value next = arith::AddIOp::create(b, at, stateArgs[node->text],
                                     expand(steps, plain, rows, at));
  states.push_back({rnn::ArgKind::State, node->text, next, {"B"}});
}

Value FunctionGen::emitTime(const Node *node) {
  Location at = loc(node);
  hir::Type plain;
  switch (node->op) {
  case hir::Op::Shift:
    return emitShift(node);
  case hir::Op::Every:
    return emitEvery(node);
  case hir::Op::Length:
    return lengthOf(node->axis, node->type, at);
  case hir::Op::Position: {
    hir::Type rows;
    rows.elem = hir::Elem::Int;
    rows.batch = true;
    if (node->axis < 0) {
      Value step = scalar(0, at);
      for (ScanContext *c = context; c; c = c->outer)
        if (c->step && &c->scan->scan->body == node->block)
          step = c->step;
      step = expand(step, plain, node->type, at);
      if (!carriesPosition(node))
        return step;
      Value before = arith::SIToFPOp::create(b, at, typeOf(node->type),
                                             stateArgs[node->text]);
      return arith::AddFOp::create(b, at, step, before);
    }
    hir::Type steps, ints = node->type;
    steps.elem = ints.elem = hir::Elem::Int;
    steps.axes = node->type.axes;
    Value position = rnn::PositionOp::create(
        b, at, RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type()),
        extentOf(node->axis));
    position = expand(position, steps, ints, at);
    if (carriesPosition(node)) {
      position = arith::AddIOp::create(
          b, at, position, expand(stateArgs[node->text], rows, ints, at));
      advancePosition(node, node->axis);
    }
    return arith::SIToFPOp::create(b, at, typeOf(node->type), position);
  }
  case hir::Op::Rename: {
    // Another letter for the same axis; the order of axes may differ.
    const Node *x = node->operands[0];
    return permuted(values[x], labels(x->type, node->ints[0]),
                    labels(node->type, node->axis), at);
  }
  default:
    break;
  }
  return emitMovement(node, values[node->operands[0]],
                      node->operands[0]->type, at);
}

/// `reverse`, `first` or `last` of x. The ops know one time axis beside the
/// rows: along others they are done step by step.
Value FunctionGen::emitMovement(const Node *node, Value x,
                                const hir::Type &type, Location at) {
  Value lens;
  if (isRagged(node->axis) && type.batch)
    lens = lengths[model.rootAxis(node->axis)];
  hir::Type result = type;
  if (node->op != hir::Op::Reverse)
    std::erase(result.axes, node->axis);
  for (int other : type.axes) {
    if (!lens || other == node->axis)
      continue;
    hir::Type slice = type, inner = result;
    std::erase(slice.axes, other);
    std::erase(inner.axes, other);
    auto op = rnn::ScanOp::create(
        b, at, extentOf(other), Value(), {toFront(x, type, other, at)},
        ValueRange(), TypeRange{rnn::ScanOp::sequenceType(typeOf(inner))},
        /*reverse=*/false);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToEnd(op.getBlock());
      Value moved = emitMovement(node, op.getSlices()[0], slice, at);
      rnn::YieldOp::create(b, at, ValueRange(), ValueRange{moved});
    }
    return fromFront(op.getEmitted()[0], result, other, at);
  }
  x = toFront(x, type, node->axis, at);
  if (node->op == hir::Op::Reverse)
    return fromFront(rnn::ReverseOp::create(b, at, x.getType(), x, lens),
                     result, node->axis, at);
  rnn::End end = node->op == hir::Op::First ? rnn::End::First : rnn::End::Last;
  return rnn::PickOp::create(b, at, rnn::ScanOp::sliceType(x.getType()),
                             rnn::EndAttr::get(b.getContext(), end), x, lens);
}

//===----------------------------------------------------------------------===//
// Scans
//===----------------------------------------------------------------------===//

Value FunctionGen::readsPosition(const hir::Block &body) {
  bool reads = false;
  for (const Node *node : body.nodes)
    reads |=
        live.count(node) && node->op == hir::Op::Position && node->axis < 0;
  if (!reads)
    return Value();
  return rnn::PositionOp::create(
      b, loc(body.scan),
      RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type()),
      extentOf(body.scan->axis));
}

void FunctionGen::emitScan(const Node *node) {
  const hir::Scan &scan = *node->scan;
  Location at = loc(node);
  bool top = isTop(node);
  SmallVector<Value> seqs, inits;
  std::vector<size_t> seqOf;
  for (size_t i = 0; i < scan.over.size(); ++i) {
    if (!live.count(scan.bodyInputs[i]))
      continue;
    seqs.push_back(
        toFront(values[scan.over[i]], scan.over[i]->type, scan.axis, at));
    seqOf.push_back(i);
  }
  Value positions = readsPosition(scan.body);
  if (positions)
    seqs.push_back(positions);
  for (const hir::Scan::State &state : scan.states) {
    Value start = top ? stateStart(state.name, state.inside->type, state.init,
                                   state.place)
                  : state.init ? expand(values[state.init], state.init->type,
                                        state.inside->type, at)
                               : filled(0, state.inside->type, at);
    inits.push_back(start);
  }
  // Emissions that something reads, in order.
  std::vector<const Node *> emits;
  std::map<int64_t, size_t> emitOf;
  SmallVector<mlir::Type> emitTypes;
  for (const Node *other : node->block->nodes)
    if (other->op == hir::Op::ScanEmit && other->operands[0] == node &&
        live.count(other) && !emitOf.count(other->index)) {
      emitOf[other->index] = emits.size();
      const Node *inside = scan.emits[other->index];
      emits.push_back(inside);
      emitTypes.push_back(rnn::ScanOp::sequenceType(typeOf(inside->type)));
    }
  std::vector<int> within = axesWithin(scan.axis);
  size_t firstInner = seqs.size();
  for (int inner : within)
    seqs.push_back(innerLengths[inner]);
  Value lens =
      isRagged(scan.axis) ? lengths[model.rootAxis(scan.axis)] : Value();
  auto op = rnn::ScanOp::create(b, at, extentOf(scan.axis), lens, seqs, inits,
                                emitTypes, /*reverse=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(op.getBlock());
    ScanContext inner;
    inner.scan = node;
    inner.position = op.getPosition();
    inner.outer = context;
    context = &inner;
    auto slices = op.getSlices();
    for (size_t i = 0; i < seqOf.size(); ++i)
      values[scan.bodyInputs[seqOf[i]]] = slices[i];
    if (positions)
      inner.step = arith::SIToFPOp::create(
          b, at, RankedTensorType::get({}, real), slices[seqOf.size()]);
    for (size_t i = 0; i < scan.states.size(); ++i)
      values[scan.states[i].inside] = op.getCarries()[i];
    for (size_t i = 0; i < within.size(); ++i)
      lengths[within[i]] = slices[firstInner + i];
    emitBlock(scan.body);
    for (int inner : within)
      lengths.erase(inner);
    SmallVector<Value> next, emitted;
    for (const hir::Scan::State &state : scan.states)
      next.push_back(values[state.next]);
    for (const Node *emit : emits)
      emitted.push_back(values[emit]);
    rnn::YieldOp::create(b, at, next, emitted);
    context = inner.outer;
  }
  for (const Node *other : node->block->nodes)
    if (other->op == hir::Op::ScanEmit && other->operands[0] == node &&
        live.count(other))
      values[other] = fromFront(op.getEmitted()[emitOf[other->index]],
                                other->type, scan.axis, at);
  for (const Node *inside : scan.body.nodes)
    if (live.count(inside) && inside->axis < 0 && carriesPosition(inside))
      advancePosition(inside, scan.axis);
  for (size_t i = 0; i < scan.states.size(); ++i)
    if (top && stateArgs.count(scan.states[i].name))
      states.push_back({rnn::ArgKind::State, scan.states[i].name,
                        op.getFinals()[i],
                        dynamicDims(scan.states[i].inside->type)});
}

//===----------------------------------------------------------------------===//
// Draws
//===----------------------------------------------------------------------===//

Value FunctionGen::emitDraw(const Node *node) {
  Location at = loc(node);
  bool bernoulli = node->text == "bernoulli";
  if (!training && !key)
    return bernoulli
               ? operand(node, 0)
               : filled(node->text == "uniform" ? 0.5 : 0, node->type, at);
  RankedTensorType type = typeOf(node->type);
  SmallVector<Value> sizes;
  for (int axis : node->type.axes)
    sizes.push_back(extentOf(axis));
  if (node->type.batch)
    sizes.push_back(batch);
  // Inside scans the step counts; nested steps are numbered through.
  Value step;
  std::vector<ScanContext *> around;
  for (ScanContext *c = context; c; c = c->outer)
    around.push_back(c);
  for (auto it = around.rbegin(); it != around.rend(); ++it) {
    if (step) {
      step = arith::MulIOp::create(b, at, step, extentOf((*it)->scan->axis));
      step = arith::AddIOp::create(b, at, step, (*it)->position);
    } else {
      step = (*it)->position;
    }
  }
  UnitAttr sequence =
      !step && !node->type.axes.empty() ? b.getUnitAttr() : UnitAttr();
  IntegerAttr stream = b.getI64IntegerAttr(node->index);
  if (node->text == "normal")
    return rnn::NormalOp::create(b, at, type, key, stream, step, sizes,
                                 sequence);
  Value draw =
      rnn::UniformOp::create(b, at, type, key, stream, step, sizes, sequence);
  if (!bernoulli)
    return draw;
  Value hit = arith::CmpFOp::create(b, at, arith::CmpFPredicate::OLT, draw,
                                    operand(node, 0));
  return arith::UIToFPOp::create(b, at, type, hit);
}
