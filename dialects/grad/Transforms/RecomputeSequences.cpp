//===- RecomputeSequences.cpp - Sequences made twice to keep less ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Beside the scans, elementwise values over all steps that only the derivative
// still reads are computed again there, if that costs less than to keep them.
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Transforms/ComputeCost.h"
#include "dialects/grad/Transforms/MinCut.h"
#include "dialects/grad/Transforms/Passes.h"
#include "dialects/rnn/IR/Remarks.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallPtrSet.h"

#define DEBUG_TYPE "grad-recompute-sequences"

namespace rnnc::grad {
#define GEN_PASS_DEF_RECOMPUTESEQUENCESPASS
#include "dialects/grad/Transforms/Passes.h.inc"
} // namespace rnnc::grad

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;
using namespace rnnc::rnn;

/// Of one entry; rows of a table are read again like sequences.
static int64_t costOf(Operation *op) {
  if (op->getNumRegions() || op->getNumResults() != 1)
    return MinCut::kInfinite;
  if (auto gather = dyn_cast<GatherOp>(op))
    return cast<RankedTensorType>(gather.getTable().getType()).hasStaticShape()
               ? 1
               : MinCut::kInfinite;
  return computeCost(op);
}

/// Entries of a value that grows with rows or steps, with a usual number for
/// either; 0 for what does not grow.
static int64_t entriesOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.hasStaticShape())
    return 0;
  int64_t count = 1;
  for (int64_t size : type.getShape())
    count *= ShapedType::isDynamic(size) ? 32 : size;
  return count;
}

/// Cost of keeping all entries; truth values take a byte each.
static int64_t keepCost(Value value, int64_t saveCost) {
  int64_t bits = getElementTypeOrSelf(value).isInteger(1) ? 8 : 32;
  return std::max<int64_t>(entriesOf(value) * saveCost * bits / 32, 1);
}

namespace {
struct RecomputeSequencesPass
    : grad::impl::RecomputeSequencesPassBase<RecomputeSequencesPass> {
  using RecomputeSequencesPassBase::RecomputeSequencesPassBase;

  void runOnOperation() override {
    getOperation()->walk([&](func::FuncOp function) {
      if (!function.isExternal())
        recompute(function.getBody().front());
    });
  }

  void recompute(Block &block) {
    SmallVector<Operation *> forward;
    llvm::SmallPtrSet<Operation *, 32> back;
    for (Operation &op : block.without_terminator()) {
      if (isGradientLoc(op.getLoc()))
        back.insert(&op);
      else
        forward.push_back(&op);
    }
    // The top op that reads, if the derivative made it.
    auto backReader = [&](OpOperand &use) -> Operation * {
      Operation *top = block.findAncestorOpInBlock(*use.getOwner());
      return top && back.contains(top) ? top : nullptr;
    };

    MinCut graph;
    llvm::MapVector<Value, int> values;
    DenseMap<Operation *, int> computed;
    for (Operation *op : forward)
      for (Value value : op->getResults())
        if (entriesOf(value)) {
          values[value] = graph.addNode();
          if (costOf(op) < MinCut::kInfinite)
            computed[op] = graph.addNode();
        }
    for (auto [value, node] : values) {
      Operation *op = value.getDefiningOp();
      auto again = computed.find(op);
      graph.addEdge(node,
                    again == computed.end() ? MinCut::kSink : again->second,
                    keepCost(value, saveCost));
      if (llvm::any_of(value.getUses(),
                       [&](OpOperand &use) { return backReader(use); }))
        graph.addEdge(MinCut::kSource, node, MinCut::kInfinite);
      if (again == computed.end())
        continue;
      graph.addEdge(again->second, MinCut::kSink, costOf(op) * entriesOf(value));
      for (Value operand : op->getOperands())
        if (auto it = values.find(operand); it != values.end())
          graph.addEdge(again->second, it->second, MinCut::kInfinite);
    }
    std::vector<bool> needed = graph.run();
    for (Operation *op : llvm::reverse(forward)) {
      auto again = computed.find(op);
      if (again == computed.end() || !needed[again->second])
        continue;
      Operation *first = nullptr;
      for (OpOperand &use : op->getResult(0).getUses())
        if (Operation *reader = backReader(use))
          if (!first || reader->isBeforeInBlock(first))
            first = reader;
      if (!first)
        continue;
      // It stands before all of the derivative's readers, which it now feeds.
      Operation *copy = OpBuilder(first).clone(*op);
      copy->setLoc(gradientLoc(op->getLoc()));
      back.insert(copy);
      op->getResult(0).replaceUsesWithIf(
          copy->getResult(0),
          [&](OpOperand &use) { return backReader(use) != nullptr; });
      ++recomputed;
      remarkDone(op, "recomputed", DEBUG_TYPE,
                 "sequence" + ofInstance(op) +
                     " is computed again for the gradient: the memory budget "
                     "leaves no room to keep it");
    }
  }
};
} // namespace
