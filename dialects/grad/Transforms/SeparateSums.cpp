//===- SeparateSums.cpp - Sums over time start from nothing ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Interfaces/Extents.h"
#include "dialects/grad/Transforms/Passes.h"

#define DEBUG_TYPE "grad-separate-sums"

namespace rnnc::grad {
#define GEN_PASS_DEF_SEPARATESUMSPASS
#include "dialects/grad/Transforms/Passes.h.inc"
} // namespace rnnc::grad

using namespace mlir;
using namespace rnnc;
using namespace rnnc::rnn;

/// Whether `dim` of `value` is an extent other than the number of rows.
static bool isTime(Value value, int64_t dim) {
  auto type = cast<RankedTensorType>(value.getType());
  if (!type.isDynamicDim(dim))
    return false;
  Value extent = grad::findExtent(value, dim);
  return extent && !grad::isBatchExtent(extent).value_or(true);
}

/// Whether a label of `labels` that `out` lacks is a time axis of `value`.
static bool sumsTime(StringRef labels, StringRef out, Value value) {
  for (auto [dim, label] : llvm::enumerate(labels))
    if (!out.contains(label) && isTime(value, dim))
      return true;
  return false;
}

/// The operand that a sum over time goes on from; empty if there is none.
static MutableOperandRange startOf(Operation *op) {
  MutableOperandRange none(op, 0, 0);
  if (auto contract = dyn_cast<ContractOp>(op))
    return sumsTime(contract.getLhsLabels(), contract.getOutLabels(),
                    contract.getLhs()) ||
                   sumsTime(contract.getRhsLabels(), contract.getOutLabels(),
                            contract.getRhs())
               ? contract.getAccMutable()
               : none;
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getKind() == ReduceKind::Sum &&
                   sumsTime(reduce.getInLabels(), reduce.getOutLabels(),
                            reduce.getInput())
               ? reduce.getAccMutable()
               : none;
  if (auto scatter = dyn_cast<ScatterAddOp>(op))
    return isTime(scatter.getIds(), 0) ? scatter.getAccMutable() : none;
  return none;
}

namespace {
struct SeparateSumsPass : grad::impl::SeparateSumsPassBase<SeparateSumsPass> {
  using SeparateSumsPassBase::SeparateSumsPassBase;

  void runOnOperation() override {
    SmallVector<Operation *> sums;
    getOperation()->walk([&](func::FuncOp function) {
      if (!function.isDeclaration())
        for (Operation &op : function.getBody().front())
          if (op.getNumResults() == 1)
            sums.push_back(&op);
    });
    for (Operation *op : sums) {
      MutableOperandRange start = startOf(op);
      Value result = op->getResults().empty() ? Value() : op->getResult(0);
      if (start.empty() ||
          !isa<FloatType>(getElementTypeOrSelf(result.getType())))
        continue;
      Value before = start[0].get();
      start.clear();
      OpBuilder b(op->getContext());
      b.setInsertionPointAfter(op);
      auto whole = arith::AddFOp::create(b, op->getLoc(), before, result);
      result.replaceAllUsesExcept(whole, whole);
      ++separated;
    }
  }
};
} // namespace
