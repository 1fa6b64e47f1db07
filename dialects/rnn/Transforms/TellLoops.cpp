//===- TellLoops.cpp - Say what the loops over time have become -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Changes nothing. Stands after the passes that move and join, so that a reader
// of remarks sees what is left in each step and what became of its products.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/IR/Remarks.h"
#include "dialects/rnn/Transforms/Passes.h"

namespace rnnc::rnn {
#define GEN_PASS_DEF_TELLLOOPSPASS
#include "dialects/rnn/Transforms/Passes.h.inc"
} // namespace rnnc::rnn

#define DEBUG_TYPE "rnn-tell-loops"

using namespace mlir;
using namespace rnnc::rnn;

/// The extent of `label` in an operand; dynamic where it is not known.
static int64_t extentOf(char label, StringRef labels, Value operand) {
  return cast<RankedTensorType>(operand.getType())
      .getDimSize(labels.find(label));
}

/// The sizes of a product: "256 -> 1024" of each row, "65 x 1024 sums of 256"
/// of a table, "1024 x 256 sums over all rows" of a weight's gradient.
static std::string sizesOf(ContractOp op) {
  int64_t in = 1, left = 1, right = 1;
  bool sumsRows = false;
  StringRef lhs = op.getLhsLabels(), rhs = op.getRhsLabels();
  auto count = [&](char label, StringRef labels, Value operand, int64_t &own) {
    int64_t size = extentOf(label, labels, operand);
    bool isSummed = !op.getOutLabels().contains(label);
    if (ShapedType::isDynamic(size))
      sumsRows |= isSummed;
    else
      (isSummed ? in : own) *= size;
  };
  for (char label : lhs)
    count(label, lhs, op.getLhs(), left);
  for (char label : rhs)
    if (!lhs.contains(label))
      count(label, rhs, op.getRhs(), right);
  std::string out = std::to_string(left) + " x " + std::to_string(right);
  if (sumsRows)
    return out + " sums over all rows";
  if (left > 1 && right > 1)
    return out + " sums of " + std::to_string(in);
  return std::to_string(in) + " -> " + std::to_string(left * right);
}

namespace {
struct TellLoopsPass : rnnc::rnn::impl::TellLoopsPassBase<TellLoopsPass> {
  void runOnOperation() override {
    if (!wantsRemarks(getOperation()))
      return;
    getOperation()->walk([&](ScanOp scan) {
      SmallVector<std::string> products;
      unsigned others = 0;
      for (Operation &op : scan.getBlock()->without_terminator())
        if (auto product = dyn_cast<ContractOp>(op))
          products.push_back(sizesOf(product));
        else
          others += !op.hasTrait<OpTrait::ConstantLike>();
      std::string list;
      for (const std::string &sizes : products)
        list += (list.empty() ? " (" : ", ") + sizes;
      if (!list.empty())
        list += ")";
      remarkFact(
          scan, "loop", DEBUG_TYPE,
          subjectOf(scan) + " has " + counted(products.size(), "product") +
              " a step" + list + " and " + counted(others, "other operation") +
              "; it carries " + counted(scan.getInitial().size(), "value") +
              ", reads " + counted(scan.getSeqs().size(), "sequence") +
              " and emits " + Twine(scan.getEmitted().size()));
    });
    getOperation()->walk([&](ContractOp op) {
      if (!op->getParentOfType<ScanOp>())
        remarkFact(op, "product", DEBUG_TYPE,
                   subjectOf(op) + " outside of loops: " + sizesOf(op));
    });
  }
};
} // namespace
