//===- JoinReaders.cpp - One op where several read slices of one value ----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bias gradients of joined gates, look-ups in a joined table and their
// adjoints: what is done alike to neighbouring slices is done to the whole.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/Transforms/JoinValues.h"
#include "dialects/rnn/Transforms/ScanEdit.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace rnnc::rnn;

namespace {
/// An op whose operand 0 is a slice along an axis that its result keeps.
struct SliceReader {
  Operation *op;
  SliceOp slice;
  int64_t outAxis;

  int64_t axis() const { return SliceOp(slice).getAxis(); }
  int64_t offset() const { return SliceOp(slice).getOffset(); }
  bool fits(const SliceReader &other) const {
    SliceOp a = slice, b = other.slice;
    return op->getName() == other.op->getName() &&
           op->getAttrDictionary() == other.op->getAttrDictionary() &&
           llvm::equal(op->getOperands().drop_front(),
                       other.op->getOperands().drop_front()) &&
           a.getInput() == b.getInput() && axis() == other.axis();
  }
};
} // namespace

/// The axis of the result of `op` that `axis` of operand 0 becomes, for ops
/// that treat entries along it alike; -1 for all else.
static int64_t keptAxis(Operation *op, int64_t axis) {
  auto rank = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getRank();
  };
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    size_t kept = reduce.getOutLabels().find(reduce.getInLabels()[axis]);
    return reduce.getAcc() || kept == StringRef::npos ? -1 : kept;
  }
  if (auto gather = dyn_cast<GatherOp>(op))
    return axis == 0 ? -1 : rank(gather.getIds()) + axis - 1;
  if (auto scatter = dyn_cast<ScatterAddOp>(op)) {
    int64_t ids = rank(scatter.getIds());
    return scatter.getAcc() || axis < ids ? -1 : axis - ids + 1;
  }
  return -1;
}

/// Replaces `group`, sorted by place in the whole.
static void join(ArrayRef<SliceReader> group) {
  SmallVector<Value> parts;
  // All that the readers read stands before the first of them.
  Operation *place = group.front().op;
  for (const SliceReader &reader : group) {
    parts.push_back(SliceOp(reader.slice));
    if (reader.op->isBeforeInBlock(place))
      place = reader.op;
  }
  const SliceReader &model = group.front();
  Value whole = joinValues(parts, model.axis());
  OpBuilder builder(place);
  Operation *joined = builder.clone(*model.op);
  joined->setOperand(0, whole);
  Value result = joined->getResult(0);
  result.setType(
      withExtent(result.getType(), model.outAxis, extent(whole, model.axis())));
  int64_t offset = 0;
  for (const SliceReader &reader : group) {
    Value old = reader.op->getResult(0);
    Value slice = SliceOp::create(builder, reader.op->getLoc(), old.getType(),
                                  result, reader.outAxis, offset);
    offset += extent(slice, reader.outAxis);
    old.replaceAllUsesWith(slice);
  }
  for (const SliceReader &reader : group)
    reader.op->erase();
}

unsigned rnnc::rnn::joinReaders(Block &block) {
  SmallVector<SliceReader> readers;
  for (Operation &op : block) {
    if (!isa<ReduceOp, GatherOp, ScatterAddOp>(op))
      continue;
    auto slice = op.getOperand(0).getDefiningOp<SliceOp>();
    int64_t outAxis = slice ? keptAxis(&op, slice.getAxis()) : -1;
    if (outAxis >= 0)
      readers.push_back({&op, slice, outAxis});
  }
  for (const SliceReader &first : readers) {
    SmallVector<SliceReader> group;
    for (const SliceReader &reader : readers)
      if (first.fits(reader))
        group.push_back(reader);
    llvm::sort(group, [](const SliceReader &a, const SliceReader &b) {
      return a.offset() < b.offset();
    });
    int64_t end = group.front().offset();
    bool hasNoGaps = group.size() > 1;
    for (const SliceReader &reader : group) {
      hasNoGaps &= reader.offset() == end;
      end += extent(SliceOp(reader.slice), reader.axis());
    }
    if (!hasNoGaps)
      continue;
    join(group);
    return group.size();
  }
  return 0;
}
