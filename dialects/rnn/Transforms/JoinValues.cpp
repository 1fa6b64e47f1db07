//===- JoinValues.cpp - Parts joined without copies where it can be -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/Transforms/JoinValues.h"
#include "dialects/rnn/Transforms/ScanEdit.h"

using namespace mlir;
using namespace rnnc::rnn;

/// The emission of a scan that `value` is, if it is one and `axis` is not time.
static ScanOp emittingScan(Value value, int64_t axis) {
  auto scan = value.getDefiningOp<ScanOp>();
  bool isEmission =
      scan && axis >= 1 &&
      cast<OpResult>(value).getResultNumber() < scan.getEmitted().size();
  return isEmission ? scan : ScanOp();
}

PartSource rnnc::rnn::sourceOf(Value value, int64_t axis) {
  if (auto slice = value.getDefiningOp<SliceOp>();
      slice && static_cast<int64_t>(slice.getAxis()) == axis)
    return {nullptr, slice.getInput()};
  if (ScanOp scan = emittingScan(value, axis))
    return {scan, {}};
  return {};
}

std::array<int64_t, 3> rnnc::rnn::orderOf(Value value) {
  int64_t offset = 0;
  while (auto slice = value.getDefiningOp<SliceOp>()) {
    offset += slice.getOffset();
    value = slice.getInput();
  }
  if (auto argument = dyn_cast<BlockArgument>(value))
    return {0, argument.getArgNumber(), offset};
  Operation *op = value.getDefiningOp();
  int64_t place = 0;
  for (Operation &other : *op->getBlock()) {
    if (&other == op)
      break;
    ++place;
  }
  // The parts of a joined value are sorted as it joins them.
  int64_t number = cast<OpResult>(value).getResultNumber();
  if (ScanOp scan = emittingScan(value, 1)) {
    Value inner = scan.getYield().getEmit()[number];
    for (auto concat : scan.getBlock()->getOps<ConcatOp>())
      for (auto [i, input] : llvm::enumerate(concat.getInputs()))
        if (input == inner)
          return {1, place, static_cast<int64_t>(i)};
  }
  return {1, place, number + offset};
}

/// The value of which `values` are all slices, in order and without gaps, or
/// the slice of it that they make.
static Value fromSlices(ValueRange values, int64_t axis) {
  auto first = values.front().getDefiningOp<SliceOp>();
  if (!first || static_cast<int64_t>(first.getAxis()) != axis)
    return {};
  int64_t offset = first.getOffset();
  for (Value value : values) {
    auto slice = value.getDefiningOp<SliceOp>();
    if (!slice || slice.getInput() != first.getInput() ||
        slice.getAxis() != first.getAxis() ||
        static_cast<int64_t>(slice.getOffset()) != offset)
      return {};
    offset += extent(value, axis);
  }
  Value whole = first.getInput();
  int64_t size = offset - first.getOffset();
  if (extent(whole, axis) == size)
    return whole;
  OpBuilder builder(first);
  if (Operation *op = whole.getDefiningOp())
    builder.setInsertionPointAfter(op);
  else
    builder.setInsertionPointToStart(whole.getParentBlock());
  return SliceOp::create(builder, first.getLoc(),
                         withExtent(whole.getType(), axis, size), whole, axis,
                         first.getOffset());
}

/// Lets `scan` emit the concat of emissions, which become slices of it.
static Value emitJoined(ScanOp scan, ValueRange emissions, int64_t axis) {
  SmallVector<Value> inner;
  for (Value value : emissions)
    inner.push_back(
        scan.getYield().getEmit()[cast<OpResult>(value).getResultNumber()]);
  SmallVector<unsigned> numbers;
  for (Value value : emissions)
    numbers.push_back(cast<OpResult>(value).getResultNumber());

  Value joined = joinValues(inner, axis - 1);
  auto emits = scan.getYield().getEmit();
  unsigned place = llvm::find(emits, joined) - emits.begin();
  OpBuilder builder(scan);
  if (place == emits.size())
    scan = addEmissions(builder, scan, joined);
  Value whole = scan.getEmitted()[place];
  builder.setInsertionPointAfter(scan);
  int64_t offset = 0;
  for (unsigned number : numbers) {
    Value part = scan.getEmitted()[number];
    int64_t size = extent(part, axis);
    part.replaceAllUsesWith(SliceOp::create(
        builder, part.getLoc(), part.getType(), whole, axis, offset));
    offset += size;
  }
  return whole;
}

Value rnnc::rnn::joinValues(ValueRange values, int64_t axis) {
  if (values.size() == 1)
    return values.front();
  if (Value whole = fromSlices(values, axis))
    return whole;
  if (ScanOp scan = emittingScan(values.front(), axis);
      scan && llvm::all_of(values, [&](Value value) {
        return emittingScan(value, axis) == scan;
      }))
    return emitJoined(scan, values, axis);

  // The innermost block of the operands, and the last of them there.
  Block *block = values.front().getParentBlock();
  for (Value value : values)
    if (block->getParent()->isProperAncestor(value.getParentRegion()))
      block = value.getParentBlock();
  Operation *last = nullptr;
  int64_t total = 0;
  for (Value value : values) {
    total += extent(value, axis);
    Operation *op = value.getDefiningOp();
    if (op && op->getBlock() == block && (!last || last->isBeforeInBlock(op)))
      last = op;
  }
  for (Operation *user : values.front().getUsers()) {
    auto concat = dyn_cast<ConcatOp>(user);
    if (!concat || concat->getBlock() != block ||
        static_cast<int64_t>(concat.getAxis()) != axis ||
        !llvm::equal(concat.getInputs(), values))
      continue;
    if (last)
      concat->moveAfter(last);
    else
      concat->moveBefore(block, block->begin());
    return concat;
  }
  OpBuilder builder(block,
                    last ? std::next(last->getIterator()) : block->begin());
  return ConcatOp::create(builder, values.front().getLoc(),
                          withExtent(values.front().getType(), axis, total),
                          values, axis);
}

bool rnnc::rnn::widenSequences(ScanOp scan) {
  llvm::MapVector<Value, unsigned> counts;
  for (Value seq : scan.getSeqs()) {
    auto slice = seq.getDefiningOp<SliceOp>();
    if (slice && slice.getAxis() >= 1)
      ++counts[slice.getInput()];
  }
  bool changed = false;
  OpBuilder builder = OpBuilder::atBlockBegin(scan.getBlock());
  for (auto [whole, count] : counts) {
    if (count < 2)
      continue;
    BlockArgument wide = addSequence(scan, whole);
    for (auto [seq, narrow] :
         llvm::zip_equal(scan.getSeqs(), scan.getSlices())) {
      auto slice = seq.getDefiningOp<SliceOp>();
      if (!slice || slice.getInput() != whole || slice.getAxis() < 1 ||
          narrow.use_empty())
        continue;
      changed = true;
      narrow.replaceAllUsesWith(
          SliceOp::create(builder, slice.getLoc(), narrow.getType(), wide,
                          slice.getAxis() - 1, slice.getOffset()));
    }
  }
  return changed;
}

bool rnnc::rnn::emitWholes(ScanOp scan) {
  for (auto concat : scan.getBlock()->getOps<ConcatOp>()) {
    SmallVector<Value> emissions;
    auto emits = scan.getYield().getEmit();
    for (Value input : concat.getInputs()) {
      unsigned place = llvm::find(emits, input) - emits.begin();
      if (place < emits.size() && !scan.getEmitted()[place].use_empty())
        emissions.push_back(scan.getEmitted()[place]);
    }
    if (emissions.size() != concat.getInputs().size() || emissions.size() < 2)
      continue;
    emitJoined(scan, emissions, concat.getAxis() + 1);
    return true;
  }
  return false;
}
