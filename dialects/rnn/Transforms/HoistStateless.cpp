//===- HoistStateless.cpp - Out of the loop what no state reaches ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of the inputs become one product over all steps. Runs before and
// after differentiation: what the adjoint recomputes then merges with
// what the forward computed.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/Remarks.h"
#include "dialects/rnn/Transforms/LiftOverTime.h"
#include "dialects/rnn/Transforms/Passes.h"
#include "dialects/rnn/Transforms/Repeated.h"
#include "dialects/rnn/Transforms/ScanEdit.h"
#include "dialects/rnn/Transforms/StepDependence.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

namespace rnnc::rnn {
#define GEN_PASS_DEF_HOISTSTATELESSPASS
#include "dialects/rnn/Transforms/Passes.h.inc"
} // namespace rnnc::rnn

#define DEBUG_TYPE "rnn-hoist-stateless"

using namespace mlir;
using namespace rnnc::rnn;

namespace {
/// What of one scan's body leaves it.
class Hoister {
public:
  /// `repeated`: what an earlier scan computes from its state.
  Hoister(ScanOp scan, const llvm::DenseSet<Operation *> &repeated)
      : scan(scan), dependence(scan), repeated(repeated) {}

  /// Fills `leaving`, in the order of the body. Returns the products that stay.
  unsigned choose() {
    unsigned refused = 0;
    SmallVector<Operation *> roots;
    auto isLifted = [&](Value value) { return liftable.contains(value); };
    for (Value slice : scan.getSlices())
      liftable.insert(slice);
    for (Operation &op : scan.getBlock()->without_terminator()) {
      StringRef why = whyItStays(&op, isLifted);
      if (why.empty()) {
        liftable.insert(op.getResult(0));
        if (isRowWork(&op))
          roots.push_back(&op);
      } else if (isRowWork(&op)) {
        ++refused;
        remarkRefused(&op, "stays", DEBUG_TYPE,
                      subjectOf(&op) + " stays in the loop: " + why);
      }
    }
    // Whatever feeds them goes with them.
    llvm::SmallPtrSet<Operation *, 32> wanted;
    while (!roots.empty()) {
      Operation *op = roots.pop_back_val();
      if (!wanted.insert(op).second)
        continue;
      for (Value operand : op->getOperands())
        if (Operation *source = operand.getDefiningOp();
            source && source->getBlock() == scan.getBlock())
          roots.push_back(source);
    }
    for (Operation &op : *scan.getBlock())
      if (wanted.contains(&op))
        leaving.push_back(&op);
    return refused;
  }

  /// Computes `leaving` before the scan and takes it out of the body.
  unsigned hoist() {
    TimeLifter lifter(scan);
    for (Operation *op : leaving) {
      lifter.lift(op);
      if (isRowWork(op))
        remarkDone(op, "hoisted", DEBUG_TYPE,
                   subjectOf(op) +
                       " is computed for all steps at once, before the loop");
    }
    llvm::SmallPtrSet<Operation *, 32> gone(leaving.begin(), leaving.end());
    for (Operation *op : leaving) {
      Value value = op->getResult(0);
      auto stays = [&](OpOperand &use) {
        return !gone.contains(
            scan.getBlock()->findAncestorOpInBlock(*use.getOwner()));
      };
      if (llvm::any_of(value.getUses(), stays))
        value.replaceUsesWithIf(addSequence(scan, lifter.sequenceOf(value)),
                                stays);
    }
    for (Operation *op : llvm::reverse(leaving))
      op->erase();
    return leaving.size();
  }

private:
  StringRef whyItStays(Operation *op,
                       llvm::function_ref<bool(Value)> isLifted) {
    if (dependence.ofOperands(op) == Reach::State)
      return "it reads the state";
    if (repeated.contains(op))
      return "an earlier loop computes it step by step and may keep it";
    for (Value operand : op->getOperands())
      if (dependence.of(operand) == Reach::Step && !isLifted(operand) &&
          operand != scan.getPosition())
        return "what feeds it has no form over time";
    if (dependence.ofOperands(op) == Reach::Outside)
      return "it is the same in every step but cannot move";
    return whyNotOverTime(scan, op, isLifted);
  }

  ScanOp scan;
  StepDependence dependence;
  const llvm::DenseSet<Operation *> &repeated;
  llvm::DenseSet<Value> liftable;
  SmallVector<Operation *> leaving;
};

struct HoistStatelessPass
    : rnnc::rnn::impl::HoistStatelessPassBase<HoistStatelessPass> {
  using HoistStatelessPassBase::HoistStatelessPassBase;

  void runOnOperation() override {
    // Seen as the module stands, before any op leaves its scan.
    llvm::DenseSet<Operation *> repeated;
    getOperation()->walk([&](ScanOp scan) {
      for (auto [op, earlier] : findRepeated(scan)) {
        StepDependence dependence(cast<ScanOp>(earlier->getParentOp()));
        if (dependence.of(earlier->getResult(0)) == Reach::State)
          repeated.insert(op);
      }
    });
    // Inner scans first: what leaves them may leave the outer ones too.
    getOperation()->walk([&](ScanOp scan) {
      moveLoopInvariantCode(scan);
      if (invariantOnly)
        return;
      Hoister hoister(scan, repeated);
      numRefused += hoister.choose();
      numHoisted += hoister.hoist();
    });
  }
};
} // namespace
