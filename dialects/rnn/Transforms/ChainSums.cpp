//===- ChainSums.cpp - Sums with products as one chain --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bias, then products without state, then what the state reaches: the order
// of rounding is fixed here, and the head of the chain can leave its loop.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/Remarks.h"
#include "dialects/rnn/Transforms/Passes.h"
#include "dialects/rnn/Transforms/Repeated.h"
#include "dialects/rnn/Transforms/StepDependence.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace rnnc::rnn {
#define GEN_PASS_DEF_CHAINSUMSPASS
#include "dialects/rnn/Transforms/Passes.h.inc"
} // namespace rnnc::rnn

#define DEBUG_TYPE "rnn-chain-sums"

using namespace mlir;
using namespace rnnc::rnn;

/// The `into` of an op that sums products or rows; null if it is none.
static std::optional<MutableOperandRange> getInto(Operation *op) {
  if (auto contract = dyn_cast<ContractOp>(op))
    return contract.getAccMutable();
  // Sums over rows count where they end in a static shape: gradients.
  auto type = op->getNumResults() == 1
                  ? dyn_cast<RankedTensorType>(op->getResult(0).getType())
                  : RankedTensorType();
  if (!type || !type.hasStaticShape())
    return std::nullopt;
  if (auto reduce = dyn_cast<ReduceOp>(op);
      reduce && reduce.getKind() == ReduceKind::Sum)
    return reduce.getAccMutable();
  if (auto scatter = dyn_cast<ScatterAddOp>(op))
    return scatter.getAccMutable();
  return std::nullopt;
}

static bool isInto(OpOperand &use) {
  std::optional<MutableOperandRange> into = getInto(use.getOwner());
  return into && !into->empty() &&
         (*into)[0].getOperandNumber() == use.getOperandNumber();
}

static bool isSum(Operation *op) {
  if (isa<arith::AddFOp>(op))
    return isa<RankedTensorType>(op->getResult(0).getType());
  std::optional<MutableOperandRange> into = getInto(op);
  return into && !into->empty();
}

/// An inner node of a sum has one user, in the same block, that adds it.
static bool isInner(Operation *op) {
  if (!isSum(op) || !op->hasOneUse())
    return false;
  OpOperand &use = *op->use_begin();
  return use.getOwner()->getBlock() == op->getBlock() &&
         (isa<arith::AddFOp>(use.getOwner()) || isInto(use));
}

namespace {
/// One sum: its terms in order, and how it was put together.
class Sum {
public:
  Sum(Operation *root, const StepDependence &dependence)
      : root(root), dependence(dependence) {
    flatten(root->getResult(0), /*isRoot=*/true);
  }

  /// Whether a product takes part and the chain is not there yet.
  bool wantsChain() const {
    auto later = [](const Term &a, const Term &b) {
      return a.rank() > b.rank();
    };
    bool sorted =
        std::adjacent_find(terms.begin(), terms.end(), later) == terms.end();
    return numProducts > 0 && (!sorted || numAdds != wantedAdds());
  }

  void makeChain() {
    llvm::sort(terms, [](const Term &a, const Term &b) {
      return std::pair(a.rank(), a.place) < std::pair(b.rank(), b.place);
    });
    OpBuilder builder(root);
    Value sum;
    for (const Term &term : terms) {
      if (!term.product) {
        sum = sum ? arith::AddFOp::create(builder, root->getLoc(), sum,
                                          term.value)
                        .getResult()
                  : term.value;
        continue;
      }
      Operation *next = builder.clone(*term.product);
      getInto(next)->assign(sum ? ValueRange(sum) : ValueRange());
      sum = next->getResult(0);
    }
    root->getResult(0).replaceAllUsesWith(sum);
    // Users stand after what they use, so erase from the root inwards.
    for (Operation *op : inner)
      op->erase();
  }

private:
  struct Term {
    Value value;
    /// The op if the term is a product that only this sum uses.
    Operation *product;
    Reach reach;
    /// Its place in the sum as it was written.
    size_t place;
    /// Without state: terms, products; with state: terms, products. What is
    /// outside of the loop comes first of its sort. Sums of a static shape
    /// collect gradients, which cannot leave: all terms, then all products.
    int rank() const {
      int state = reach == Reach::State;
      if (cast<RankedTensorType>(value.getType()).hasStaticShape())
        return (product != nullptr) * 4 + state;
      return state * 4 + (product != nullptr) * 2 + (reach == Reach::Step);
    }
  };

  void flatten(Value value, bool isRoot) {
    Operation *op = value.getDefiningOp();
    bool ours = op && op->getBlock() == root->getBlock() &&
                (isRoot || feedsSumAlone(op));
    if (ours && isa<arith::AddFOp>(op)) {
      inner.push_back(op);
      ++numAdds;
      flatten(op->getOperand(0), false);
      flatten(op->getOperand(1), false);
      return;
    }
    std::optional<MutableOperandRange> into;
    if (ours)
      into = getInto(op);
    if (!into) {
      terms.push_back({value, nullptr, dependence.of(value), terms.size()});
      return;
    }
    inner.push_back(op);
    if (!into->empty())
      flatten((*into)[0].get(), false);
    Reach reach = Reach::Outside;
    for (OpOperand &operand : op->getOpOperands())
      if (!isInto(operand))
        reach = std::max(reach, dependence.of(operand.get()));
    terms.push_back({value, op, reach, terms.size()});
    ++numProducts;
  }

  bool feedsSumAlone(Operation *op) const {
    return op->hasOneUse() && (isInner(op) || getInto(op));
  }

  /// Additions of the chain: one per term that is no product, but the first.
  unsigned wantedAdds() const {
    unsigned count = 0;
    bool startsWithTerm = false;
    int least = 8;
    for (const Term &term : terms) {
      count += !term.product;
      if (term.rank() < least) {
        least = term.rank();
        startsWithTerm = !term.product;
      }
    }
    return count - startsWithTerm;
  }

  Operation *root;
  const StepDependence &dependence;
  SmallVector<Term> terms;
  SmallVector<Operation *> inner;
  unsigned numAdds = 0, numProducts = 0;
};

struct ChainSumsPass : rnnc::rnn::impl::ChainSumsPassBase<ChainSumsPass> {
  void runOnOperation() override {
    SmallVector<Block *> blocks;
    getOperation()->walk([&](Block *block) { blocks.push_back(block); });
    for (Block *block : blocks) {
      auto scan = dyn_cast_or_null<ScanOp>(block->getParentOp());
      StepDependence dependence(scan);
      // What is computed again must be rounded as it was before.
      llvm::DenseMap<Operation *, Operation *> repeated;
      if (scan)
        repeated = findRepeated(scan);
      SmallVector<Operation *> roots;
      for (Operation &op : *block)
        if (isSum(&op) && !isInner(&op) && !repeated.contains(&op))
          roots.push_back(&op);
      for (Operation *root : roots) {
        Sum sum(root, dependence);
        if (!sum.wantsChain())
          continue;
        remarkDone(root, "chained", DEBUG_TYPE,
                   "sum of products is one chain, what reads the state last");
        sum.makeChain();
        ++numChained;
      }
    }
  }
};
} // namespace
