//===- RNNFolds.cpp - Folds of the rnn dialect ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Movement that undoes itself or joins. Rewrites that make new ops are in
// RNNPatterns.cpp, those of rnn.scan in ScanFolds.cpp.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::rnn;

OpFoldResult SliceOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType())
    return getInput();
  // A slice of a slice starts where both start.
  if (auto inner = getInput().getDefiningOp<SliceOp>();
      inner && inner.getAxis() == getAxis()) {
    setOffset(getOffset() + inner.getOffset());
    getInputMutable().assign(inner.getInput());
    return getResult();
  }
  // A slice within one operand of a concat is a slice of that operand.
  if (auto concat = getInput().getDefiningOp<ConcatOp>();
      concat && concat.getAxis() == getAxis()) {
    uint64_t begin = 0;
    uint64_t size = getType().getDimSize(getAxis());
    for (Value input : concat.getInputs()) {
      uint64_t end =
          begin + cast<RankedTensorType>(input.getType()).getDimSize(getAxis());
      if (begin == getOffset() && input.getType() == getType())
        return input;
      if (begin <= getOffset() && getOffset() + size <= end) {
        setOffset(getOffset() - begin);
        getInputMutable().assign(input);
        return getResult();
      }
      begin = end;
    }
  }
  // So is what was put at this place.
  if (auto place = getInput().getDefiningOp<PlaceOp>();
      place && place.getAxis() == getAxis() &&
      place.getOffset() == getOffset() &&
      place.getInput().getType() == getType())
    return place.getInput();
  return {};
}

OpFoldResult PlaceOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType())
    return getInput();
  if (auto inner = getInput().getDefiningOp<PlaceOp>();
      inner && inner.getAxis() == getAxis()) {
    setOffset(getOffset() + inner.getOffset());
    getInputMutable().assign(inner.getInput());
    return getResult();
  }
  return {};
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  if (getInputs().size() == 1)
    return getInputs().front();
  // Joining all slices of one value in order gives that value.
  Value source;
  uint64_t offset = 0;
  for (Value input : getInputs()) {
    auto slice = input.getDefiningOp<SliceOp>();
    if (!slice || slice.getAxis() != getAxis() || slice.getOffset() != offset ||
        (source && slice.getInput() != source))
      return {};
    source = slice.getInput();
    offset += cast<RankedTensorType>(slice.getType()).getDimSize(getAxis());
  }
  return source.getType() == getType() ? source : Value();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType())
    return getInput();
  if (auto inner = getInput().getDefiningOp<ReshapeOp>()) {
    if (inner.getInput().getType() == getType())
      return inner.getInput();
    getInputMutable().assign(inner.getInput());
    return getResult();
  }
  return {};
}

OpFoldResult BroadcastOp::fold(FoldAdaptor) {
  return getInLabels() == getOutLabels() ? getInput() : Value();
}

OpFoldResult ReduceOp::fold(FoldAdaptor) {
  // Along no label: every entry is its own sum, if all are valid.
  if (getInLabels() == getOutLabels() && !getAcc() && !getValid())
    return getInput();
  return {};
}

OpFoldResult MaskOp::fold(FoldAdaptor) {
  // What a scan emits under these lengths is 0 in padding already.
  if (auto inner = getInput().getDefiningOp<MaskOp>();
      inner && inner.getValid() == getValid())
    return getInput();
  auto scan = getInput().getDefiningOp<ScanOp>();
  if (scan && scan.getLengths() && scan.getLengths() == getValid() &&
      cast<OpResult>(getInput()).getResultNumber() < scan.getEmitted().size())
    return getInput();
  return {};
}

OpFoldResult PickOp::fold(FoldAdaptor) {
  auto put = getInput().getDefiningOp<PutOp>();
  if (put && put.getEnd() == getEnd() && put.getLengths() == getLengths())
    return put.getInput();
  return {};
}

OpFoldResult ReverseOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<ReverseOp>();
  if (inner && !getLengths() && !inner.getLengths())
    return inner.getInput();
  return {};
}
