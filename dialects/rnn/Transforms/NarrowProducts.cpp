//===- NarrowProducts.cpp - Products of bf16 numbers ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses the products whose operands are rounded. Weights, states, sums and
// everything that is no matrix product stay f32.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/IR/Remarks.h"
#include "dialects/rnn/Transforms/Passes.h"

namespace rnnc::rnn {
#define GEN_PASS_DEF_NARROWPRODUCTSPASS
#include "dialects/rnn/Transforms/Passes.h.inc"
} // namespace rnnc::rnn

#define DEBUG_TYPE "rnn-narrow-products"

using namespace mlir;
using namespace rnnc::rnn;

/// Whether labels fall into rows, columns and terms, and there are some of
/// each: then an operand is read many times for once that it is rounded.
static bool isMatrixProduct(ContractOp op) {
  bool hasRows = false, hasColumns = false, hasTerms = false;
  StringRef out = op.getOutLabels(), right = op.getRhsLabels();
  for (char label : op.getLhsLabels()) {
    if (out.contains(label) && right.contains(label))
      return false;
    (out.contains(label) ? hasRows : hasTerms) = true;
  }
  for (char label : right)
    hasColumns |= out.contains(label);
  return hasRows && hasColumns && hasTerms;
}

namespace {
struct NarrowProducts
    : rnnc::rnn::impl::NarrowProductsPassBase<NarrowProducts> {
  void runOnOperation() override {
    getOperation()->walk([&](ContractOp op) {
      if (op.getBf16() || !op.getType().getElementType().isF32() ||
          !isMatrixProduct(op))
        return;
      op.setBf16(true);
      ++numNarrowed;
    });
  }
};
} // namespace
