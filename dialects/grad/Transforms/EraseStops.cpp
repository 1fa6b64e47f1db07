//===- EraseStops.cpp - Replace grad.stop by its operand ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Transforms/Passes.h"

#define DEBUG_TYPE "grad-erase-stops"

namespace rnnc::grad {
#define GEN_PASS_DEF_ERASESTOPSPASS
#include "dialects/grad/Transforms/Passes.h.inc"
} // namespace rnnc::grad

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;

namespace {
struct EraseStopsPass : grad::impl::EraseStopsPassBase<EraseStopsPass> {
  using EraseStopsPassBase::EraseStopsPassBase;

  void runOnOperation() override {
    getOperation()->walk([](StopOp op) {
      op.replaceAllUsesWith(op.getInput());
      op.erase();
    });
  }
};
} // namespace
