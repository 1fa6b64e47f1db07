//===- UnrollTime.cpp - Steps per turn of a loop --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The choice stands on the scan; the lowering copies the step.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/IR/Remarks.h"
#include "dialects/rnn/Transforms/Passes.h"

namespace rnnc::rnn {
#define GEN_PASS_DEF_UNROLLTIMEPASS
#include "dialects/rnn/Transforms/Passes.h.inc"
} // namespace rnnc::rnn

#define DEBUG_TYPE "rnn-unroll-time"

using namespace mlir;
using namespace rnnc::rnn;

namespace {
struct UnrollTimePass : rnnc::rnn::impl::UnrollTimePassBase<UnrollTimePass> {
  using UnrollTimePassBase::UnrollTimePassBase;

  void runOnOperation() override {
    if (factor < -1 || length < 1) {
      emitError(getOperation()->getLoc(), "cannot unroll ")
          << factor.getValue() << " steps of " << length.getValue();
      return signalPassFailure();
    }
    int64_t steps = factor == -1 ? length : factor;
    if (steps > maximum) {
      emitError(getOperation()->getLoc(), "unrolling ")
          << steps << " steps is more than the allowed " << maximum.getValue();
      return signalPassFailure();
    }
    getOperation()->walk([&](ScanOp scan) {
      if (steps <= 1) {
        scan.removeUnrollAttr();
        return;
      }
      scan.setUnroll(steps);
      ++numUnrolled;
      remarkDone(scan, "unrolled", DEBUG_TYPE,
                 subjectOf(scan) + " computes " + Twine(steps) +
                     " steps per turn");
    });
  }
};
} // namespace
