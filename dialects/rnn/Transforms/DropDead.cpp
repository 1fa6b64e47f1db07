//===- DropDead.cpp - Drop what no result needs ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The canonicalisations of rnn.scan, as a pass of their own: after it no scan
// computes a gradient, a sequence or a state that nobody asked for.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/IR/Remarks.h"
#include "dialects/rnn/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace rnnc::rnn {
#define GEN_PASS_DEF_DROPDEADPASS
#include "dialects/rnn/Transforms/Passes.h.inc"
} // namespace rnnc::rnn

#define DEBUG_TYPE "rnn-drop-dead"

using namespace mlir;
using namespace rnnc::rnn;

namespace {
/// Scans, and the values that come into and out of them.
struct Count {
  unsigned scans = 0, values = 0;
  explicit Count(Operation *root) {
    root->walk([&](ScanOp scan) {
      ++scans;
      values += scan.getSeqs().size() + scan->getNumResults();
    });
  }
};

struct DropDeadPass : rnnc::rnn::impl::DropDeadPassBase<DropDeadPass> {
  void runOnOperation() override {
    Count before(getOperation());
    RewritePatternSet patterns(&getContext());
    ScanOp::getCanonicalizationPatterns(patterns, &getContext());
    PickOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    Count after(getOperation());
    numScans += before.scans - after.scans;
    if (after.values >= before.values)
      return;
    numValues += before.values - after.values;
    remarkDone(getOperation(), "dropped", DEBUG_TYPE,
               Twine(before.values - after.values) +
                   " carried values, sequences and emissions that no result "
                   "needs are gone");
  }
};
} // namespace
