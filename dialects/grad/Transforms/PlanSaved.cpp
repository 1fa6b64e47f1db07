//===- PlanSaved.cpp - Choose what a forward scan keeps -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A reversed scan does each step again. Values of the step that an earlier scan
// computes as well are kept by it, or computed again: a minimum cut.
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Transforms/ComputeCost.h"
#include "dialects/grad/Transforms/MinCut.h"
#include "dialects/grad/Transforms/Passes.h"
#include "dialects/grad/Transforms/ScanEdits.h"
#include "dialects/rnn/IR/Remarks.h"
#include "mlir/IR/OperationSupport.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

#define DEBUG_TYPE "grad-plan-saved"

namespace rnnc::grad {
#define GEN_PASS_DEF_PLANSAVEDPASS
#include "dialects/grad/Transforms/Passes.h.inc"
} // namespace rnnc::grad

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;
using namespace rnnc::rnn;

namespace {
/// Plans one reversed scan and the scan it belongs to.
class Plan {
public:
  Plan(ScanOp forward, ScanOp reverse, int64_t saveCost, int64_t rows)
      : forward(forward), reverse(reverse), saveCost(saveCost), rows(rows) {}

  /// Makes `forward` emit and `reverse` read what is kept. Returns how many
  /// values of the step are kept and no longer computed in `reverse`.
  unsigned run() {
    match();
    if (ops.empty())
      return 0;
    llvm::SetVector<Value> kept = choose();
    if (wantsRemarks(forward))
      report(kept);
    return rewrite(kept);
  }

  ScanOp forward, reverse;

private:
  int64_t saveCost, rows;
  /// Values of the reversed body beside the same of the forward body.
  llvm::MapVector<Value, Value> twins;
  /// Forward values that `reverse` reads already.
  DenseMap<Value, Value> slices;
  /// Ops of the forward body beside their copies.
  llvm::MapVector<Operation *, Operation *> ops;
  /// Those of them that `reverse` computes again.
  SmallVector<Operation *> repeated;

  bool isInside(ScanOp scan, Value value) {
    return scan.getBody().isAncestor(value.getParentRegion());
  }

  void match() {
    twins[reverse.getPosition()] = forward.getPosition();
    for (auto [seq, slice] :
         llvm::zip_equal(reverse.getSeqs(), reverse.getSlices())) {
      Value twin;
      for (auto [own, value] :
           llvm::zip_equal(forward.getSeqs(), forward.getSlices()))
        if (own == seq)
          twin = value;
      for (auto [own, value] :
           llvm::zip_equal(forward.getEmitted(), forward.getYield().getEmit()))
        if (own == seq)
          twin = value;
      if (!twin)
        continue;
      twins[slice] = twin;
      slices.try_emplace(twin, slice);
    }
    for (Operation &op : reverse.getBlock()->without_terminator())
      if (Operation *same = findTwin(&op)) {
        ops.try_emplace(same, &op);
        for (auto [copy, value] :
             llvm::zip_equal(op.getResults(), same->getResults()))
          twins[copy] = value;
      }
  }

  /// The op of the forward body that computes what `op` does, or null.
  Operation *findTwin(Operation *op) {
    for (Operation &other : forward.getBlock()->without_terminator()) {
      DenseMap<Value, Value> inner;
      auto same = [&](Value value, Value twin) {
        auto known = twins.find(value);
        if (known != twins.end())
          return success(known->second == twin);
        if (auto it = inner.find(value); it != inner.end())
          return success(it->second == twin);
        return success(value == twin && !isInside(reverse, value));
      };
      auto mark = [&](Value value, Value twin) { inner[value] = twin; };
      if (other.getName() == op->getName() &&
          OperationEquivalence::isEquivalentTo(
              op, &other, same, mark, OperationEquivalence::IgnoreLocations))
        return &other;
    }
    return nullptr;
  }

  /// Entries of a value, with `rows` for the batch.
  int64_t entries(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    int64_t count = 1;
    if (type)
      for (int64_t size : type.getShape())
        count *= ShapedType::isDynamic(size) ? rows : size;
    return count;
  }

  /// Cost of reading `value` from a sequence, and of writing it where nobody
  /// else wants the sequence.
  int64_t keepCost(Value value) {
    if (!isa<RankedTensorType>(value.getType()))
      return MinCut::kInfinite;
    bool stored = isa<BlockArgument>(value) && isSlice(value);
    if (Value sequence = findEmission(forward, value))
      stored |= llvm::any_of(sequence.getUsers(),
                             [&](Operation *user) { return user != reverse; });
    return entries(value) * (stored ? (saveCost + 3) / 4 : saveCost);
  }

  bool isSlice(Value value) {
    auto argument = cast<BlockArgument>(value);
    return argument.getOwner() == forward.getBlock() &&
           argument.getArgNumber() <= forward.getSeqs().size();
  }

  /// The forward values to keep.
  llvm::SetVector<Value> choose() {
    MinCut graph;
    llvm::MapVector<Value, int> valueNodes;
    DenseMap<Operation *, int> opNodes;
    for (auto [copy, value] : twins)
      if (value != forward.getPosition() && !valueNodes.count(value))
        valueNodes[value] = graph.addNode();
    for (auto [op, copy] : ops)
      opNodes[op] = graph.addNode();

    for (auto [value, node] : valueNodes) {
      Operation *op = value.getDefiningOp();
      if (!op || slices.contains(value) || !opNodes.contains(op))
        graph.addEdge(node, MinCut::kSink, keepCost(value));
      else
        graph.addEdge(node, opNodes[op], keepCost(value));
    }
    for (auto [op, copy] : ops) {
      int64_t cost = computeCost(op);
      if (cost < MinCut::kInfinite)
        cost *= entries(op->getResult(0));
      graph.addEdge(opNodes[op], MinCut::kSink, cost);
      op->walk([&, op = op](Operation *inner) {
        for (Value operand : inner->getOperands())
          if (auto it = valueNodes.find(operand); it != valueNodes.end())
            graph.addEdge(opNodes[op], it->second, MinCut::kInfinite);
      });
    }
    // What the rest of the reversed body reads.
    for (Operation &op : *reverse.getBlock()) {
      if (llvm::any_of(ops, [&](auto pair) { return pair.second == &op; }))
        continue;
      op.walk([&](Operation *inner) {
        for (Value operand : inner->getOperands())
          if (auto it = twins.find(operand); it != twins.end())
            if (auto node = valueNodes.find(it->second);
                node != valueNodes.end())
              graph.addEdge(MinCut::kSource, node->second, MinCut::kInfinite);
      });
    }

    std::vector<bool> needed = graph.run();
    for (auto [op, copy] : ops)
      if (needed[opNodes[op]])
        repeated.push_back(op);
    llvm::SetVector<Value> kept;
    for (auto [value, node] : valueNodes) {
      Operation *op = value.getDefiningOp();
      if (needed[node] && op && opNodes.contains(op) && !needed[opNodes[op]])
        kept.insert(value);
    }
    return kept;
  }

  int64_t bytes(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    int64_t bits = type && type.getElementType().isIntOrFloat()
                       ? type.getElementTypeBitWidth()
                       : 64;
    return entries(value) * ((bits + 7) / 8);
  }

  /// Says what is kept and what is computed again.
  void report(const llvm::SetVector<Value> &kept) {
    std::string rows = " a step at B = " + std::to_string(this->rows);
    int64_t sum = 0;
    for (Value value : kept) {
      Operation *op = value.getDefiningOp();
      std::string what = "value" + ofInstance(op);
      if (findEmission(forward, value)) {
        remarkDone(op, "saved", DEBUG_TYPE,
                   what + " is read by the gradient loop, and emitted anyway");
        continue;
      }
      sum += bytes(value);
      remarkDone(op, "saved", DEBUG_TYPE,
                 what + " is kept for the gradient loop: " +
                     bytesText(bytes(value)) + rows);
    }
    unsigned again = 0;
    for (Operation *op : repeated) {
      if (op->hasTrait<OpTrait::ConstantLike>())
        continue;
      ++again;
      remarkDone(op, "recomputed", DEBUG_TYPE,
                 "value" + ofInstance(op) +
                     " is computed again in the gradient loop: that costs less "
                     "than to keep it");
    }
    remarkFact(forward, "plan", DEBUG_TYPE,
               "gradient loop reads " + counted(kept.size(), "value") +
                   " that this loop keeps, " + bytesText(sum) + rows +
                   " more than it emits anyway, and computes " +
                   counted(again, "operation") + " again");
  }

  unsigned rewrite(const llvm::SetVector<Value> &kept) {
    if (kept.empty())
      return 0;
    SmallVector<Value> emissions, sequences, read;
    for (Value value : kept)
      if (!findEmission(forward, value))
        emissions.push_back(value);
    if (!emissions.empty())
      forward = extendScan(forward, emissions);
    for (Value value : kept)
      if (!slices.contains(value)) {
        sequences.push_back(findEmission(forward, value));
        read.push_back(value);
      }
    unsigned first = reverse.getSeqs().size();
    if (!sequences.empty())
      reverse = extendScan(reverse, {}, sequences);
    for (auto [i, value] : llvm::enumerate(read))
      slices[value] = reverse.getSlices()[first + i];
    for (auto [copy, value] : twins)
      if (kept.contains(value) && copy.getDefiningOp())
        copy.replaceAllUsesWith(slices[value]);
    return kept.size();
  }
};

struct PlanSavedPass : grad::impl::PlanSavedPassBase<PlanSavedPass> {
  using PlanSavedPassBase::PlanSavedPassBase;

  void runOnOperation() override {
    SmallVector<Block *> blocks;
    getOperation()->walk([&](Block *block) { blocks.push_back(block); });
    for (Block *block : blocks) {
      SmallVector<ScanOp> scans(block->getOps<ScanOp>());
      for (unsigned r = 1; r < scans.size(); ++r)
        for (unsigned f = 0; f < r; ++f) {
          if (scans[f].getSteps() != scans[r].getSteps() ||
              scans[f].getLengths() != scans[r].getLengths() ||
              scans[f].getReverse() == scans[r].getReverse())
            continue;
          Plan plan(scans[f], scans[r], saveCost, rows);
          kept += plan.run();
          scans[f] = plan.forward;
          scans[r] = plan.reverse;
        }
    }
  }
};
} // namespace
