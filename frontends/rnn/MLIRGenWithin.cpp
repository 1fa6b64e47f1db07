//===- MLIRGenWithin.cpp - Lengths for each step of another axis ----------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Axis C within W has lengths [W, B]. A scan over W hands the slice of a step
// to its body; sema has put such a scan around whatever runs along C. Losses
// and the padding of inputs are done here.
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/MLIRGenImpl.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::gen;
using namespace mlir;

/// Root axes with lengths that depend on the step of `outer`.
std::vector<int> FunctionGen::axesWithin(int outer) const {
  std::vector<int> inner;
  for (const auto &[axis, value] : innerLengths)
    if (model.outerAxis(axis) == model.rootAxis(outer))
      inner.push_back(axis);
  return inner;
}

/// The axis of a type that has lengths within another of its axes, or -1.
int FunctionGen::innermost(const hir::Type &type) const {
  for (int axis : type.axes)
    if (innerLengths.count(model.rootAxis(axis)) &&
        type.hasAxis(model.outerAxis(axis)))
      return axis;
  return -1;
}

/// `step` of each step of the axis around `inner`: of the slice of x, its type
/// and the lengths there. `result` is what it gives, without that axis.
Value FunctionGen::overOuter(
    Value x, const hir::Type &type, int inner, const hir::Type &result,
    Location at,
    llvm::function_ref<Value(Value, const hir::Type &, Value)> step) {
  int outer = model.outerAxis(inner);
  hir::Type slice = type;
  std::erase(slice.axes, outer);
  SmallVector<Value> seqs = {toFront(x, type, outer, at),
                             innerLengths[model.rootAxis(inner)]};
  Value lens = isRagged(outer) ? lengths[model.rootAxis(outer)] : Value();
  auto op = rnn::ScanOp::create(
      b, at, extentOf(outer), lens, seqs, ValueRange(),
      TypeRange{rnn::ScanOp::sequenceType(typeOf(result))},
      /*reverse=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(op.getBlock());
    auto slices = op.getSlices();
    Value value = step(slices[0], slice, slices[1]);
    rnn::YieldOp::create(b, at, ValueRange(), ValueRange{value});
  }
  hir::Type full = result;
  full.axes.push_back(outer);
  std::sort(full.axes.begin(), full.axes.end());
  return fromFront(op.getEmitted()[0], full, outer, at);
}

/// The sum along `inner`, each step of the axis around it to its own length.
Value FunctionGen::sumWithin(Value x, const hir::Type &type, int inner,
                             Location at) {
  hir::Type result = type;
  std::erase(result.axes, inner);
  std::erase(result.axes, model.outerAxis(inner));
  return overOuter(x, type, inner, result, at,
                   [&](Value slice, const hir::Type &own, Value valid) {
                     std::string from = labels(own, inner), to;
                     for (char c : from)
                       if (c != 't')
                         to += c;
                     return reduceLabels(rnn::ReduceKind::Sum, slice, from, to,
                                         valid, at);
                   });
}

/// Padding along `inner` and the axis around it becomes 0.
Value FunctionGen::maskWithin(Value x, const hir::Type &type, int inner,
                              Location at) {
  hir::Type result = type;
  std::erase(result.axes, model.outerAxis(inner));
  return overOuter(
      x, type, inner, result, at,
      [&](Value slice, const hir::Type &own, Value valid) {
        Value front = toFront(slice, own, inner, at);
        front = rnn::MaskOp::create(b, at, front.getType(), front, valid);
        return fromFront(front, own, inner, at);
      });
}
