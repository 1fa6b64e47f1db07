//===- ScanFolds.cpp - Canonical forms of rnn.scan ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What nothing needs leaves a scan; what never changes is no state.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::rnn;

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
        keptCarries.size() == carryCount &&
        keptEmits.size() == emitLives.size())
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
        choose(scan.getSeqs(), keptSeqs),
        choose(scan.getInitial(), keptCarries), emitted, scan.getReverse());
    slim.copyChoices(scan);
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
    for (auto [seq, slice] :
         llvm::zip_equal(scan.getSeqs(), scan.getSlices())) {
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
/// A carried value that never changes is the outer value it starts from; two
/// that start and continue alike are one.
struct CaptureConstantCarries : OpRewritePattern<ScanOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ScanOp scan,
                                PatternRewriter &rewriter) const override {
    bool changed = false;
    auto next = scan.getYield().getNext();
    auto merge = [&](Value from, Value to) {
      if (from.use_empty())
        return;
      changed = true;
      rewriter.replaceAllUsesWith(from, to);
    };
    for (auto [i, carry] : llvm::enumerate(scan.getCarries())) {
      Value initial = scan.getInitial()[i], final = scan.getFinals()[i];
      if (next[i] == carry || next[i] == initial) {
        // The carried value stays its own next value, so the body holds.
        rewriter.replaceUsesWithIf(carry, initial, [&, i = i](OpOperand &use) {
          bool isNext =
              use.getOwner() == scan.getYield() && use.getOperandNumber() == i;
          changed |= !isNext;
          return !isNext;
        });
        merge(final, initial);
        continue;
      }
      for (unsigned j = 0; j < i; ++j)
        if (scan.getInitial()[j] == initial && next[j] == next[i]) {
          merge(carry, scan.getCarries()[j]);
          merge(final, scan.getFinals()[j]);
        }
    }
    return success(changed);
  }
};

/// The emission of an outer value is that value repeated, unless lengths make
/// it 0 in padding.
struct BroadcastEmittedOuterValues : OpRewritePattern<ScanOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ScanOp scan,
                                PatternRewriter &rewriter) const override {
    bool changed = false;
    for (auto [value, result] :
         llvm::zip_equal(scan.getYield().getEmit(), scan.getEmitted())) {
      auto type = cast<RankedTensorType>(value.getType());
      bool isOuter = !scan.getBody().isAncestor(value.getParentRegion());
      bool isPadded =
          scan.getLengths() && type.getRank() > 0 && type.isDynamicDim(0);
      if (!isOuter || isPadded || result.use_empty())
        continue;
      // The batch, the last dynamic dim, keeps its label.
      int64_t batch = type.getRank() - 1;
      while (batch >= 0 && !type.isDynamicDim(batch))
        --batch;
      std::string labels;
      for (int64_t i = 0; i < type.getRank(); ++i)
        labels += i == batch ? 'b' : static_cast<char>('c' + i);
      rewriter.replaceAllUsesWith(
          result, BroadcastOp::create(rewriter, scan.getLoc(), result.getType(),
                                      labels + "->t" + labels, value,
                                      ValueRange{scan.getSteps()}));
      changed = true;
    }
    return success(changed);
  }
};

/// The last step that a scan emits of a carried value is its final value.
struct PickFinalValue : OpRewritePattern<PickOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PickOp pick,
                                PatternRewriter &rewriter) const override {
    auto scan = pick.getInput().getDefiningOp<ScanOp>();
    if (!scan)
      return rewriter.notifyMatchFailure(pick, "not of a scan");
    unsigned number = cast<OpResult>(pick.getInput()).getResultNumber();
    End visitedLast = scan.getReverse() ? End::First : End::Last;
    if (number >= scan.getEmitted().size() || pick.getEnd() != visitedLast ||
        (pick.getLengths() != scan.getLengths() &&
         (!scan.getReverse() || pick.getLengths())))
      return rewriter.notifyMatchFailure(pick, "another step");
    YieldOp yield = scan.getYield();
    Value emitted = yield.getEmit()[number];
    for (auto [next, final] :
         llvm::zip_equal(yield.getNext(), scan.getFinals()))
      if (next == emitted) {
        rewriter.replaceOp(pick, final);
        return success();
      }
    return rewriter.notifyMatchFailure(pick, "not a carried value");
  }
};
} // namespace

void ScanOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                         MLIRContext *context) {
  patterns.add<DropUnusedOfScan, MergeDuplicatesOfScan, CaptureConstantCarries,
               BroadcastEmittedOuterValues>(context);
}

void PickOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                         MLIRContext *context) {
  patterns.add<PickFinalValue>(context);
}
