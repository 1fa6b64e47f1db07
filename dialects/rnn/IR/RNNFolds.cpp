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

namespace {
/// Drops carried values, sequences and emissions that nothing needs, and
/// carried values that never change.
struct DropUnusedOfScan : OpRewritePattern<ScanOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ScanOp scan,
                                PatternRewriter &rewriter) const override {
    YieldOp yield = scan.getYield();
    unsigned carryCount = scan.getInitial().size();

    // A carried value lives if its final value is used, or if a value that
    // lives in the body depends on it.
    SmallVector<bool> carryLives(carryCount), emitLives;
    for (auto [i, final] : llvm::enumerate(scan.getFinals()))
      carryLives[i] = !final.use_empty();
    for (Value emitted : scan.getEmitted())
      emitLives.push_back(!emitted.use_empty());
    llvm::SmallPtrSet<Operation *, 32> reached;
    llvm::SmallPtrSet<Value, 16> liveArguments;
    SmallVector<Value> worklist;
    auto visit = [&](Value value) { worklist.push_back(value); };
    for (unsigned i = 0; i < carryCount; ++i)
      if (carryLives[i])
        visit(yield.getNext()[i]);
    for (auto [i, lives] : llvm::enumerate(emitLives))
      if (lives)
        visit(yield.getEmit()[i]);
    while (!worklist.empty()) {
      Value value = worklist.pop_back_val();
      if (auto argument = dyn_cast<BlockArgument>(value)) {
        if (argument.getOwner() != scan.getBlock() ||
            !liveArguments.insert(argument).second)
          continue;
        unsigned first = 1 + scan.getSeqs().size();
        if (argument.getArgNumber() >= first) {
          unsigned i = argument.getArgNumber() - first;
          carryLives[i] = true;
          visit(yield.getNext()[i]);
        }
        continue;
      }
      Operation *op = value.getDefiningOp();
      // The op of the body that the value comes from, however deep.
      Operation *top = scan.getBlock()->findAncestorOpInBlock(*op);
      if (!top || !reached.insert(top).second)
        continue;
      top->walk([&](Operation *inner) {
        for (Value operand : inner->getOperands())
          visit(operand);
      });
    }

    SmallVector<unsigned> keptSeqs, keptCarries, keptEmits;
    for (auto [i, slice] : llvm::enumerate(scan.getSlices()))
      if (liveArguments.contains(slice))
        keptSeqs.push_back(i);
    for (unsigned i = 0; i < carryCount; ++i)
      if (carryLives[i])
        keptCarries.push_back(i);
    for (auto [i, lives] : llvm::enumerate(emitLives))
      if (lives)
        keptEmits.push_back(i);
    if (keptSeqs.size() == scan.getSeqs().size() &&
        keptCarries.size() == carryCount && keptEmits.size() == emitLives.size())
      return rewriter.notifyMatchFailure(scan, "everything is used");

    auto choose = [](auto range, ArrayRef<unsigned> kept) {
      SmallVector<Value> values;
      for (unsigned i : kept)
        values.push_back(range[i]);
      return values;
    };
    SmallVector<Type> emitted;
    for (unsigned i : keptEmits)
      emitted.push_back(scan.getEmitted()[i].getType());
    auto slim = ScanOp::create(
        rewriter, scan.getLoc(), scan.getSteps(), scan.getLengths(),
        choose(scan.getSeqs(), keptSeqs), choose(scan.getInitial(), keptCarries),
        emitted, scan.getReverse());
    IRMapping map;
    map.map(scan.getPosition(), slim.getPosition());
    for (auto [i, kept] : llvm::enumerate(keptSeqs))
      map.map(scan.getSlices()[kept], slim.getSlices()[i]);
    for (auto [i, kept] : llvm::enumerate(keptCarries))
      map.map(scan.getCarries()[kept], slim.getCarries()[i]);
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToEnd(slim.getBlock());
    for (Operation &op : *scan.getBlock())
      if (reached.contains(&op))
        rewriter.clone(op, map);
    auto mapped = [&](auto range, ArrayRef<unsigned> kept) {
      SmallVector<Value> values;
      for (unsigned i : kept)
        values.push_back(map.lookupOrDefault(range[i]));
      return values;
    };
    YieldOp::create(rewriter, yield.getLoc(),
                    mapped(yield.getNext(), keptCarries),
                    mapped(yield.getEmit(), keptEmits));
    for (auto [i, kept] : llvm::enumerate(keptEmits))
      rewriter.replaceAllUsesWith(scan.getEmitted()[kept],
                                  slim.getEmitted()[i]);
    for (auto [i, kept] : llvm::enumerate(keptCarries))
      rewriter.replaceAllUsesWith(scan.getFinals()[kept], slim.getFinals()[i]);
    rewriter.eraseOp(scan);
    return success();
  }
};

/// Merges sequences that are given twice and emissions of the same value.
struct MergeDuplicatesOfScan : OpRewritePattern<ScanOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ScanOp scan,
                                PatternRewriter &rewriter) const override {
    bool changed = false;
    llvm::SmallDenseMap<Value, Value> sliceOf, resultOf;
    for (auto [seq, slice] : llvm::zip_equal(scan.getSeqs(), scan.getSlices())) {
      auto [it, isNew] = sliceOf.try_emplace(seq, slice);
      if (!isNew && !slice.use_empty()) {
        rewriter.replaceAllUsesWith(slice, it->second);
        changed = true;
      }
    }
    for (auto [value, result] :
         llvm::zip_equal(scan.getYield().getEmit(), scan.getEmitted())) {
      auto [it, isNew] = resultOf.try_emplace(value, result);
      if (!isNew && !result.use_empty()) {
        rewriter.replaceAllUsesWith(result, it->second);
        changed = true;
      }
      // A slice that is emitted as it came is the sequence itself. Under
      // lengths padding would differ, so keep it there.
      auto slice = dyn_cast<BlockArgument>(value);
      if (!scan.getLengths() && slice && slice.getOwner() == scan.getBlock() &&
          slice.getArgNumber() >= 1 &&
          slice.getArgNumber() < 1 + scan.getSeqs().size() &&
          !result.use_empty()) {
        rewriter.replaceAllUsesWith(result,
                                    scan.getSeqs()[slice.getArgNumber() - 1]);
        changed = true;
      }
    }
    return success(changed);
  }
};
} // namespace

void ScanOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                         MLIRContext *context) {
  patterns.add<DropUnusedOfScan, MergeDuplicatesOfScan>(context);
}
