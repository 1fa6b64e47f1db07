//===- RNNFolds.cpp - Folds and canonical forms of the rnn dialect --------===//
//
// SPDX-License-Identifier: Apache-2.0
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::rnn;

OpFoldResult SliceOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType())
    return getInput();
  // A slice of one operand of a concat is that operand.
  if (auto concat = getInput().getDefiningOp<ConcatOp>();
      concat && concat.getAxis() == getAxis()) {
    uint64_t offset = 0;
    for (Value input : concat.getInputs()) {
      if (offset == getOffset() && input.getType() == getType())
        return input;
      offset += cast<RankedTensorType>(input.getType()).getDimSize(getAxis());
    }
  }
  return {};
}

OpFoldResult PlaceOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? getInput() : Value();
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

