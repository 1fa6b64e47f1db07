//===- JoinReductions.cpp - One reduction where several read one value ----===//
//
// SPDX-License-Identifier: Apache-2.0
//
// Bias gradients of joined gates: reductions of neighbouring slices of one
// value are slices of its reduction.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/Transforms/JoinValues.h"
#include "dialects/rnn/Transforms/ScanEdit.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace rnnc::rnn;

namespace {
/// A reduction of a slice along a label that its result keeps.
struct SliceReduction {
  ReduceOp op;
  SliceOp slice;
  int64_t outAxis;

  bool fits(const SliceReduction &other) const {
    ReduceOp a = op, b = other.op;
    SliceOp x = slice, y = other.slice;
    return a.getLabels() == b.getLabels() && a.getKind() == b.getKind() &&
           a.getValid() == b.getValid() && x.getInput() == y.getInput() &&
           x.getAxis() == y.getAxis();
  }
};
} // namespace

unsigned rnnc::rnn::joinReductions(Block &block) {
  SmallVector<SliceReduction> views;
  for (auto op : block.getOps<ReduceOp>()) {
    auto slice = op.getInput().getDefiningOp<SliceOp>();
    if (!slice || op.getAcc())
      continue;
    size_t outAxis = op.getOutLabels().find(op.getInLabels()[slice.getAxis()]);
    if (outAxis != StringRef::npos)
      views.push_back({op, slice, static_cast<int64_t>(outAxis)});
  }
  for (SliceReduction &first : views) {
    SmallVector<SliceReduction> group;
    for (SliceReduction &view : views)
      if (first.fits(view))
        group.push_back(view);
    llvm::sort(group, [](SliceReduction a, SliceReduction b) {
      return a.slice.getOffset() < b.slice.getOffset();
    });
    SmallVector<Value> parts;
    uint64_t end = group.front().slice.getOffset();
    bool isWhole = group.size() > 1;
    for (SliceReduction &view : group) {
      isWhole &= view.slice.getOffset() == end;
      parts.push_back(view.slice);
      end += extent(view.slice, view.slice.getAxis());
    }
    if (!isWhole)
      continue;

    Value whole = joinValues(parts, first.slice.getAxis());
    // All that the reductions read stands before the first of them.
    Operation *place = first.op;
    for (SliceReduction &view : group)
      if (view.op->isBeforeInBlock(place))
        place = view.op;
    OpBuilder builder(place);
    auto type = withExtent(first.op.getType(), first.outAxis,
                           extent(whole, first.slice.getAxis()));
    Value joined =
        ReduceOp::create(builder, first.op.getLoc(), type, first.op.getKind(),
                         first.op.getLabels(), whole, first.op.getValid());
    int64_t offset = 0;
    for (SliceReduction &view : group) {
      Value slice =
          SliceOp::create(builder, view.op.getLoc(), view.op.getType(), joined,
                          view.outAxis, offset);
      offset += extent(slice, view.outAxis);
      view.op.replaceAllUsesWith(slice);
    }
    for (SliceReduction &view : group)
      view.op.erase();
    return group.size();
  }
  return 0;
}
