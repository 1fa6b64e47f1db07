//===- SinkOutputs.cpp - Out of the loop what only emissions need ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mirror image of hoisting: an output layer in a cell, or the gradient of
// a cell's input, is one product over all steps after the scan.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/Remarks.h"
#include "dialects/rnn/Transforms/LiftOverTime.h"
#include "dialects/rnn/Transforms/Passes.h"
#include "dialects/rnn/Transforms/ScanEdit.h"
#include "dialects/rnn/Transforms/StepDependence.h"

namespace rnnc::rnn {
#define GEN_PASS_DEF_SINKOUTPUTSPASS
#include "dialects/rnn/Transforms/Passes.h.inc"
} // namespace rnnc::rnn

#define DEBUG_TYPE "rnn-sink-outputs"

using namespace mlir;
using namespace rnnc::rnn;

namespace {
/// What of one scan's body leaves it on the far side.
class Sinker {
public:
  explicit Sinker(ScanOp scan) : scan(scan), dependence(scan) {}

  /// Fills `leaving`; false if there is nothing.
  bool choose() {
    for (Operation &op : llvm::reverse(scan.getBlock()->without_terminator()))
      if (mayLeave(&op))
        candidates.insert(&op);
    // Row work, and all that is made of it.
    for (Operation &op : scan.getBlock()->without_terminator()) {
      bool isRoot = candidates.contains(&op) && isRowWork(&op) &&
                    dependence.of(op.getResult(0)) == Reach::State;
      bool isMadeOfRoot = llvm::any_of(op.getOperands(), [&](Value operand) {
        return leaving.contains(operand.getDefiningOp());
      });
      if (isRoot || isMadeOfRoot)
        leaving.insert(&op);
    }
    // What feeds them and nothing else, if its operands come out anyway.
    bool grows = !leaving.empty();
    while (grows) {
      grows = false;
      for (Operation *op : candidates)
        if (!leaving.contains(op) && feedsLeavingAlone(op)) {
          leaving.insert(op);
          grows = true;
        }
    }
    return !leaving.empty();
  }

  unsigned sink() {
    SmallVector<Operation *> order;
    llvm::SetVector<Value> boundary;
    for (Operation &op : scan.getBlock()->without_terminator()) {
      if (!leaving.contains(&op))
        continue;
      order.push_back(&op);
      for (Value operand : op.getOperands())
        if (isOfStep(operand) && !isSlice(operand) &&
            !leaving.contains(operand.getDefiningOp()) &&
            !llvm::is_contained(scan.getYield().getEmit(), operand))
          boundary.insert(operand);
    }
    OpBuilder builder(scan);
    if (!boundary.empty())
      scan = addEmissions(builder, scan, boundary.getArrayRef());
    TimeLifter lifter(scan, /*after=*/true);
    for (Operation *op : order) {
      lifter.lift(op);
      if (isRowWork(op))
        remarkDone(op, "sunk", DEBUG_TYPE,
                   subjectOf(op) +
                       " is computed for all steps at once, after the loop");
    }
    builder.setInsertionPointAfter(
        lifter.sequenceOf(order.back()->getResult(0)).getDefiningOp());
    for (auto [value, result] :
         llvm::zip_equal(scan.getYield().getEmit(), scan.getEmitted())) {
      if (!leaving.contains(value.getDefiningOp()) || result.use_empty())
        continue;
      Value sequence = lifter.sequenceOf(value);
      if (scan.getLengths())
        sequence = MaskOp::create(builder, value.getLoc(), result.getType(),
                                  sequence, scan.getLengths());
      result.replaceAllUsesWith(sequence);
    }
    return order.size();
  }

private:
  bool isOfStep(Value value) {
    return value.getParentBlock() == scan.getBlock() &&
           value != scan.getPosition();
  }
  bool isSlice(Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && argument.getArgNumber() >= 1 &&
           argument.getArgNumber() <= scan.getSeqs().size();
  }
  /// The result of the scan that `use` emits into; null if it does not.
  Value emissionOf(OpOperand &use) {
    YieldOp yield = scan.getYield();
    unsigned carries = yield.getNext().size();
    return use.getOwner() == yield && use.getOperandNumber() >= carries
               ? Value(scan.getEmitted()[use.getOperandNumber() - carries])
               : Value();
  }

  /// Whether somebody reads an emission of `value`.
  bool isEmitted(Value value) {
    return llvm::any_of(value.getUses(), [&](OpOperand &use) {
      Value emission = emissionOf(use);
      return emission && !emission.use_empty();
    });
  }

  /// Only emissions need it, somebody reads one of them, it has a form over
  /// time.
  bool mayLeave(Operation *op) {
    if (op->getNumResults() != 1 ||
        !whyNotOverTime(scan, op, [&](Value v) { return isOfStep(v); }).empty())
      return false;
    // Lengths clear emissions by row, so there must be rows.
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (scan.getLengths() && (type.getRank() == 0 || !type.isDynamicDim(0)))
      return false;
    // Emitting a matrix to save a product of it would be a bad bargain.
    for (Value operand : op->getOperands())
      if (auto read = dyn_cast<RankedTensorType>(operand.getType());
          read && read.getRank() > type.getRank() && isOfStep(operand) &&
          !isSlice(operand) && !isEmitted(operand))
        return false;
    bool isRead = false;
    for (OpOperand &use : op->getUses()) {
      Value emission = emissionOf(use);
      if (!emission && !candidates.contains(use.getOwner()))
        return false;
      isRead |= !emission || !emission.use_empty();
    }
    return isRead;
  }

  bool feedsLeavingAlone(Operation *op) {
    for (Operation *user : op->getUsers())
      if (!leaving.contains(user))
        return false;
    return llvm::all_of(op->getOperands(), [&](Value operand) {
      if (!isOfStep(operand) || isSlice(operand))
        return true;
      return isEmitted(operand);
    });
  }

  ScanOp scan;
  StepDependence dependence;
  llvm::SetVector<Operation *> candidates;
  llvm::DenseSet<Operation *> leaving;
};

struct SinkOutputsPass : rnnc::rnn::impl::SinkOutputsPassBase<SinkOutputsPass> {
  void runOnOperation() override {
    SmallVector<ScanOp> scans;
    getOperation()->walk([&](ScanOp scan) { scans.push_back(scan); });
    for (ScanOp scan : scans) {
      Sinker sinker(scan);
      if (sinker.choose())
        numSunk += sinker.sink();
    }
  }
};
} // namespace
