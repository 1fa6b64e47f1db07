//===- Activity.cpp - Which values take part in a derivative --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Forward from what the derivative is taken with respect to, then backward
// from the loss. Carried values are iterated to a fixed point.
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Transforms/Activity.h"
#include "dialects/rnn/IR/RNNDialect.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;
using namespace rnnc::rnn;

static bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value.getType()));
}

namespace {
/// Marks what depends on the seeds.
struct Forward {
  NeededValues &active;

  bool mark(Value value) {
    return isFloat(value) && active.insert(value).second;
  }

  void visit(Operation *op) {
    if (auto scan = dyn_cast<ScanOp>(op))
      return visitScan(scan);
    auto rule = dyn_cast<AdjointOpInterface>(op);
    if (rule && rule.stopsGradient())
      return;
    bool any = false;
    op->walk([&](Operation *inner) {
      any |= llvm::any_of(inner->getOperands(),
                          [&](Value v) { return active.contains(v); });
    });
    if (any)
      for (Value result : op->getResults())
        mark(result);
  }

  void visitScan(ScanOp scan) {
    for (auto [seq, slice] : llvm::zip_equal(scan.getSeqs(), scan.getSlices()))
      if (active.contains(seq))
        mark(slice);
    for (auto [init, carry] :
         llvm::zip_equal(scan.getInitial(), scan.getCarries()))
      if (active.contains(init))
        mark(carry);
    YieldOp yield = scan.getYield();
    bool changed = true;
    while (changed) {
      changed = false;
      for (Operation &op : scan.getBlock()->without_terminator())
        visit(&op);
      for (auto [next, carry] :
           llvm::zip_equal(yield.getNext(), scan.getCarries()))
        if (active.contains(next))
          changed |= mark(carry);
    }
    for (auto [value, result] :
         llvm::zip_equal(yield.getEmit(), scan.getEmitted()))
      if (active.contains(value))
        mark(result);
    for (auto [carry, result] :
         llvm::zip_equal(scan.getCarries(), scan.getFinals()))
      if (active.contains(carry))
        mark(result);
  }
};

/// Marks what the loss depends on, among active values.
struct Backward {
  const NeededValues &active;
  NeededValues &needed;
  SmallVector<Value> worklist;

  void mark(Value value) {
    if (active.contains(value) && needed.insert(value).second)
      worklist.push_back(value);
  }

  void run() {
    while (!worklist.empty())
      visit(worklist.pop_back_val());
  }

  void visit(Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      auto scan = dyn_cast<ScanOp>(argument.getOwner()->getParentOp());
      if (!scan)
        return;
      unsigned number = argument.getArgNumber() - 1;
      unsigned seqs = scan.getSeqs().size();
      if (number < seqs)
        return mark(scan.getSeqs()[number]);
      mark(scan.getInitial()[number - seqs]);
      return mark(scan.getYield().getNext()[number - seqs]);
    }
    auto result = cast<OpResult>(value);
    Operation *op = result.getOwner();
    if (auto scan = dyn_cast<ScanOp>(op)) {
      unsigned number = result.getResultNumber();
      unsigned emits = scan.getEmitted().size();
      if (number < emits)
        return mark(scan.getYield().getEmit()[number]);
      mark(scan.getInitial()[number - emits]);
      return mark(scan.getYield().getNext()[number - emits]);
    }
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        mark(operand);
    });
  }
};
} // namespace

NeededValues grad::findNeeded(ValueRange wrt, Value loss,
                              ArrayRef<Operation *> ops) {
  NeededValues active(wrt.begin(), wrt.end());
  Forward forward{active};
  for (Operation *op : ops)
    forward.visit(op);
  NeededValues needed;
  Backward backward{active, needed, {}};
  backward.mark(loss);
  backward.run();
  return needed;
}
