//===- MovementOps.cpp - Checks of movement, losses and tables ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::rnn;

static RankedTensorType tensorOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The types of `op` as a message shows them.
static InFlightDiagnostic mismatch(Operation *op, Type from, Type to) {
  return op->emitOpError("does not fit from ") << from << " to " << to;
}

/// Checks that `small` is `large` but for a shorter static dim `axis`.
static LogicalResult verifyPart(Operation *op, RankedTensorType small,
                                RankedTensorType large, int64_t axis,
                                int64_t offset) {
  if (small.getRank() != large.getRank() || axis < 0 ||
      axis >= large.getRank() ||
      small.getElementType() != large.getElementType())
    return mismatch(op, small, large);
  for (int64_t i = 0; i < large.getRank(); ++i)
    if (i != axis && small.getDimSize(i) != large.getDimSize(i))
      return mismatch(op, small, large);
  if (small.isDynamicDim(axis) || large.isDynamicDim(axis))
    return op->emitOpError("axis ") << axis << " is not static";
  if (offset < 0 || offset + small.getDimSize(axis) > large.getDimSize(axis))
    return op->emitOpError("entries ")
           << offset << " to " << offset + small.getDimSize(axis) - 1
           << " are not all in an axis of " << large.getDimSize(axis);
  return success();
}

LogicalResult SliceOp::verify() {
  return verifyPart(*this, getType(), tensorOf(getInput()), getAxis(),
                    getOffset());
}

LogicalResult PlaceOp::verify() {
  return verifyPart(*this, tensorOf(getInput()), getType(), getAxis(),
                    getOffset());
}

LogicalResult ConcatOp::verify() {
  auto type = cast<RankedTensorType>(getType());
  int64_t axis = getAxis(), total = 0;
  if (getInputs().empty())
    return emitOpError("joins nothing");
  if (axis < 0 || axis >= type.getRank())
    return emitOpError("axis ") << axis << " is not an axis of " << type;
  for (Value input : getInputs()) {
    if (failed(verifyPart(*this, tensorOf(input), type, axis, 0)))
      return failure();
    total += tensorOf(input).getDimSize(axis);
  }
  if (total != type.getDimSize(axis))
    return emitOpError("joins ")
           << total << " entries into an axis of " << type.getDimSize(axis);
  return success();
}

LogicalResult ReshapeOp::verify() {
  auto from = tensorOf(getInput());
  auto to = cast<RankedTensorType>(getType());
  auto split = [](RankedTensorType type) {
    int64_t leading = 0, product = 1;
    for (int64_t size : type.getShape()) {
      if (ShapedType::isDynamic(size) && product == 1)
        ++leading;
      else
        product *= size;
    }
    return std::pair(leading, product);
  };
  if (from.getElementType() != to.getElementType() || split(from) != split(to))
    return mismatch(*this, from, to);
  return success();
}

/// Checks that a sequence type is a step's type over time.
static LogicalResult verifySequence(Operation *op, Type sequence, Type slice) {
  auto type = dyn_cast<RankedTensorType>(sequence);
  if (!type || type.getRank() == 0 || !type.isDynamicDim(0))
    return op->emitOpError("needs a sequence, found ") << sequence;
  if (ScanOp::sliceType(type) != slice)
    return mismatch(op, sequence, slice);
  return success();
}

LogicalResult ShiftOp::verify() {
  return verifySequence(*this, getType(), getInit().getType());
}
LogicalResult ReverseOp::verify() {
  return verifySequence(*this, getType(), ScanOp::sliceType(getType()));
}
LogicalResult PickOp::verify() {
  return verifySequence(*this, getInput().getType(), getType());
}
LogicalResult PutOp::verify() {
  return verifySequence(*this, getType(), getInput().getType());
}

/// Checks table [V, j..], ids [i..] and rows [i.., j..] against one another.
static LogicalResult verifyTable(Operation *op, RankedTensorType table,
                                 RankedTensorType ids, RankedTensorType rows) {
  if (!ids.getElementType().isInteger(32))
    return op->emitOpError("(C15) ids are i32, found ") << ids;
  if (table.getRank() < 1)
    return op->emitOpError("(C15) the table has no rows: ") << table;
  SmallVector<int64_t> shape(ids.getShape());
  llvm::append_range(shape, table.getShape().drop_front());
  if (ArrayRef<int64_t>(shape) != rows.getShape() ||
      table.getElementType() != rows.getElementType())
    return op->emitOpError("rows are ")
           << rows << ", expected "
           << RankedTensorType::get(shape, table.getElementType());
  return success();
}

LogicalResult GatherOp::verify() {
  return verifyTable(*this, tensorOf(getTable()), tensorOf(getIds()),
                     getType());
}

LogicalResult ScatterAddOp::verify() {
  if (getAcc() && getAcc().getType() != getType())
    return emitOpError("into has type ")
           << getAcc().getType() << ", the result " << getType();
  return verifyTable(*this, getType(), tensorOf(getIds()), tensorOf(getRows()));
}

LogicalResult OneHotOp::verify() {
  auto ids = tensorOf(getIds());
  auto type = cast<RankedTensorType>(getType());
  if (type.getRank() != ids.getRank() + 1 ||
      type.getShape().drop_back() != ids.getShape())
    return mismatch(*this, ids, type);
  return success();
}

LogicalResult ArgMaxOp::verify() {
  auto input = tensorOf(getInput());
  auto type = cast<RankedTensorType>(getType());
  if (input.getRank() == 0 || type.getShape() != input.getShape().drop_back() ||
      !type.getElementType().isInteger(32))
    return mismatch(*this, input, type);
  return success();
}

LogicalResult CrossEntropyOp::verify() {
  auto logits = tensorOf(getLogits());
  auto classes = tensorOf(getClasses());
  auto type = cast<RankedTensorType>(getType());
  if (logits.getRank() == 0 ||
      classes.getShape() != logits.getShape().drop_back() ||
      !classes.getElementType().isInteger(32))
    return emitOpError("takes logits [.., V] and classes [..] of i32, found ")
           << logits << " and " << classes;
  if (type.getShape() != classes.getShape() ||
      type.getElementType() != logits.getElementType())
    return mismatch(*this, logits, type);
  return success();
}
