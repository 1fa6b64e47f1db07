//===- EmitterViews.cpp - Movement that costs nothing ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Slices, broadcasts, reshapes and steps of sequences are other views of the
// memory of their operand.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

FailureOr<View> Emitter::viewOf(Value tensor) {
  auto it = views.find(tensor);
  if (it != views.end())
    return it->second;
  return emitError(tensor.getLoc(), "no code for this value of type ")
         << tensor.getType();
}

View Emitter::at(const View &view, int64_t dim, Value index) {
  View result = view;
  result.base =
      offset(view.base, mul(index, value(view.strides[dim])), view.element);
  result.passBy(view.strides[dim]);
  result.sizes.erase(result.sizes.begin() + dim);
  result.strides.erase(result.strides.begin() + dim);
  return result;
}

View Emitter::sliceOf(const View &view, int64_t dim, int64_t from,
                      int64_t size) {
  View result = view;
  result.base = offset(view.base,
                       value(view.strides[dim] * Monomial(from)), view.element);
  result.sizes[dim] = Monomial(size);
  if (view.strides[dim].isConstant())
    result.phase += from * view.strides[dim].coefficient;
  else
    result.passBy(view.strides[dim] * Monomial(from));
  return result;
}

Value Emitter::pointerAt(const View &view, ArrayRef<Value> index) {
  Value entries = constant(0);
  for (auto [i, stride] : llvm::zip_equal(index, view.strides))
    if (!stride.isConstant(0))
      entries = add(entries, mul(i, value(stride)));
  return offset(view.base, entries, view.element);
}

bool codegen::isView(Operation *op) {
  return isa<rnn::SliceOp, rnn::BroadcastOp, rnn::ReshapeOp, rnn::PickOp>(op);
}

/// Handles ops that only look at memory in another way. Returns false for
/// others, and where the memory does not allow it.
bool Emitter::emitViewOp(Operation *op) {
  if (auto slice = dyn_cast<rnn::SliceOp>(op)) {
    auto view = viewOf(slice.getInput());
    if (failed(view))
      return false;
    views[slice.getResult()] =
        sliceOf(*view, slice.getAxis(), slice.getOffset(),
                slice.getType().getDimSize(slice.getAxis()));
    return true;
  }
  if (auto broadcast = dyn_cast<rnn::BroadcastOp>(op)) {
    auto view = viewOf(broadcast.getInput());
    if (failed(view))
      return false;
    View result = *view;
    result.sizes.clear();
    result.strides.clear();
    unsigned next = 0;
    StringRef in = broadcast.getInLabels();
    for (auto [label, size] : llvm::zip_equal(broadcast.getOutLabels(),
                                              broadcast.getType().getShape())) {
      size_t place = in.find(label);
      if (place != StringRef::npos) {
        result.sizes.push_back(view->sizes[place]);
        result.strides.push_back(view->strides[place]);
        continue;
      }
      if (ShapedType::isDynamic(size))
        result.sizes.push_back(Monomial::extent(
            extentNumbers.lookup(broadcast.getSizes()[next++])));
      else
        result.sizes.push_back(Monomial(size));
      result.strides.push_back(Monomial(0));
    }
    views[broadcast.getResult()] = result;
    return true;
  }
  if (auto pick = dyn_cast<rnn::PickOp>(op)) {
    auto view = viewOf(pick.getInput());
    if (failed(view) || (pick.getEnd() == rnn::End::Last && pick.getLengths()))
      return false;
    Value index = constant(0);
    if (pick.getEnd() == rnn::End::Last)
      index = arith::SubIOp::create(b, loc, value(view->sizes[0]), constant(1));
    views[pick.getResult()] = at(*view, 0, index);
    return true;
  }
  if (auto reshape = dyn_cast<rnn::ReshapeOp>(op)) {
    auto view = viewOf(reshape.getInput());
    if (failed(view))
      return false;
    // Leading run-time dims stay; the static rest must lie in one piece.
    int64_t leading = 0;
    while (leading < view->rank() && !view->sizes[leading].isConstant())
      ++leading;
    View rest = *view;
    rest.sizes.erase(rest.sizes.begin(), rest.sizes.begin() + leading);
    rest.strides.erase(rest.strides.begin(), rest.strides.begin() + leading);
    View result = *view;
    result.sizes.truncate(leading);
    result.strides.truncate(leading);
    Shape sizes;
    for (int64_t size : reshape.getType().getShape().drop_front(leading))
      sizes.push_back(Monomial(size));
    if (!rest.isContiguous())
      return false;
    result.sizes.append(sizes);
    result.strides.append(contiguousStrides(sizes));
    views[reshape.getResult()] = result;
    return true;
  }
  return false;
}
