//===- Differentiate.cpp - Replace grad.gradient by the adjoint -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Transforms/Activity.h"
#include "dialects/grad/Transforms/Passes.h"
#include "dialects/grad/Transforms/ScanEdits.h"

#define DEBUG_TYPE "grad-differentiate"

namespace rnnc::grad {
#define GEN_PASS_DEF_DIFFERENTIATEPASS
#include "dialects/grad/Transforms/Passes.h.inc"
} // namespace rnnc::grad

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;

/// Makes every scan among `ops`, inner ones first, emit its incoming carried
/// values.
static void emitIncoming(ArrayRef<Operation *> ops) {
  for (Operation *op : ops) {
    SmallVector<rnn::ScanOp> scans;
    op->walk([&](rnn::ScanOp scan) { scans.push_back(scan); });
    for (rnn::ScanOp scan : scans) {
      SmallVector<Value> missing;
      for (Value carry : scan.getCarries())
        if (!findEmission(scan, carry))
          missing.push_back(carry);
      if (!missing.empty())
        extendScan(scan, missing);
    }
  }
}

/// The ops before `last` in its block that its operands depend on.
static SmallVector<Operation *> opsBefore(GradientOp last) {
  llvm::SmallPtrSet<Operation *, 32> reached;
  SmallVector<Operation *> worklist{last};
  Block *block = last->getBlock();
  while (!worklist.empty())
    worklist.pop_back_val()->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (Operation *def = operand.getDefiningOp())
          if (Operation *top = block->findAncestorOpInBlock(*def))
            if (reached.insert(top).second)
              worklist.push_back(top);
    });
  SmallVector<Operation *> ops;
  for (Operation &op : *block)
    if (reached.contains(&op))
      ops.push_back(&op);
  return ops;
}

static LogicalResult differentiate(GradientOp gradient) {
  emitIncoming(opsBefore(gradient));
  SmallVector<Operation *> ops = opsBefore(gradient);
  NeededValues needed = findNeeded(gradient.getWrt(), gradient.getLoss(), ops);

  OpBuilder b(gradient);
  Adjoint adjoint(b, needed);
  adjoint.setLoc(gradient.getLoc());
  if (adjoint.wants(gradient.getLoss())) {
    adjoint.add(gradient.getLoss(), adjoint.constant(gradient.getLoss(), 1));
    if (failed(adjoint.reverse(ops)))
      return failure();
  }
  adjoint.setLoc(gradient.getLoc());
  SmallVector<Value> results;
  for (Value value : gradient.getWrt()) {
    Value cotangent = adjoint.cotangent(value);
    results.push_back(cotangent ? cotangent : adjoint.zeros(value));
  }
  gradient->replaceAllUsesWith(results);
  gradient->erase();
  return success();
}

namespace {
struct DifferentiatePass
    : grad::impl::DifferentiatePassBase<DifferentiatePass> {
  using DifferentiatePassBase::DifferentiatePassBase;

  void runOnOperation() override {
    SmallVector<GradientOp> gradients;
    getOperation()->walk([&](GradientOp op) { gradients.push_back(op); });
    auto countScans = [&] {
      int64_t count = 0;
      getOperation()->walk([&](rnn::ScanOp) { ++count; });
      return count;
    };
    int64_t before = countScans();
    for (GradientOp gradient : gradients)
      if (failed(differentiate(gradient)))
        return signalPassFailure();
    adjointScans += countScans() - before;
  }
};
} // namespace
