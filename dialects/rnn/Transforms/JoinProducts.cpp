//===- JoinProducts.cpp - One product where several share an operand ------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gates: U1 @ h, U2 @ h are rows of one product; in reverse U1' @ a1 + U2' @ a2
// is one product of longer rows. No gate, no cell is known here: operands and
// labels decide.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/Remarks.h"
#include "dialects/rnn/Transforms/JoinValues.h"
#include "dialects/rnn/Transforms/Passes.h"
#include "dialects/rnn/Transforms/ScanEdit.h"
#include "mlir/Analysis/TopologicalSortUtils.h"

namespace rnnc::rnn {
#define GEN_PASS_DEF_JOINPRODUCTSPASS
#include "dialects/rnn/Transforms/Passes.h.inc"
} // namespace rnnc::rnn

#define DEBUG_TYPE "rnn-join-products"

using namespace mlir;
using namespace rnnc::rnn;

static RankedTensorType tensorOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The labels with letters in order of appearance, so that products that differ
/// in names alone compare equal. Under `valid` t and b keep their meaning.
static std::string plainForm(ContractOp op) {
  if (op.getValid())
    return op.getLabels().str();
  std::string form, seen;
  for (char c : op.getLabels()) {
    if (!llvm::isAlpha(c)) {
      form += c;
      continue;
    }
    size_t place = seen.find(c);
    if (place == std::string::npos) {
      place = seen.size();
      seen += c;
    }
    form += static_cast<char>('A' + place);
  }
  return form;
}

/// The shape without one axis, as it must agree among parts.
static SmallVector<int64_t> shapeBut(Value value, int64_t axis) {
  SmallVector<int64_t> shape(tensorOf(value).getShape());
  shape[axis] = -1;
  return shape;
}

/// A weight: static, and the same in every step.
static bool isWeight(Value value, Operation *user) {
  return tensorOf(value).hasStaticShape() && isOutsideScanOf(value, user);
}

/// A weight of the model itself or a slice of one.
static bool isParameter(Value value) {
  while (auto slice = value.getDefiningOp<SliceOp>())
    value = slice.getInput();
  return isa<BlockArgument>(value);
}

//===----------------------------------------------------------------------===//
// Products that share an operand
//===----------------------------------------------------------------------===//

namespace {
/// A contraction that may be joined along the label at `axis` of one operand,
/// `part`, while the other one is shared.
struct SharedView {
  ContractOp op;
  bool partIsRhs;
  int64_t axis, outAxis;

  Value shared() const {
    return partIsRhs ? op->getOperand(0) : op->getOperand(1);
  }
  Value part() const { return op->getOperand(partIsRhs); }
  PartSource source() const {
    return isWeight(part(), op) ? PartSource() : sourceOf(part(), axis);
  }
  bool fits(const SharedView &other) const {
    ContractOp a = op, b = other.op;
    return partIsRhs == other.partIsRhs && axis == other.axis &&
           outAxis == other.outAxis && shared() == other.shared() &&
           a.getValid() == b.getValid() &&
           a.getDescending() == b.getDescending() &&
           plainForm(a) == plainForm(b) && source() == other.source() &&
           shapeBut(part(), axis) == shapeBut(other.part(), axis);
  }
};
} // namespace

/// The ways in which `op` may be joined, weights as the parts first.
static SmallVector<SharedView> viewsOf(ContractOp op) {
  SmallVector<SharedView> views;
  for (bool partIsRhs : {true, false}) {
    StringRef labels = partIsRhs ? op.getRhsLabels() : op.getLhsLabels();
    StringRef others = partIsRhs ? op.getLhsLabels() : op.getRhsLabels();
    for (auto [axis, label] : llvm::enumerate(labels)) {
      size_t outAxis = op.getOutLabels().find(label);
      Value part = op->getOperand(partIsRhs);
      if (others.contains(label) || outAxis == StringRef::npos ||
          tensorOf(part).isDynamicDim(axis))
        continue;
      SharedView view{op, partIsRhs, static_cast<int64_t>(axis),
                      static_cast<int64_t>(outAxis)};
      PartSource source = view.source();
      if (isWeight(part, op) || source.scan || source.whole)
        views.push_back(view);
      break;
    }
  }
  return views;
}

/// Ops of the block of `op` that `op` needs.
static llvm::SmallPtrSet<Operation *, 32> needsOf(Operation *op) {
  llvm::SmallPtrSet<Operation *, 32> needs;
  SmallVector<Operation *> worklist{op};
  while (!worklist.empty())
    worklist.pop_back_val()->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        Operation *source = operand.getDefiningOp();
        if (source && source->getBlock() == op->getBlock() &&
            needs.insert(source).second)
          worklist.push_back(source);
      }
    });
  return needs;
}

/// Replaces the products of `group`, none of which needs another one.
static void joinShared(MutableArrayRef<SharedView> group) {
  // Those that start from a value come first: then zeros stand at the end only.
  llvm::sort(group, [](const SharedView &a, const SharedView &b) {
    ContractOp x = a.op, y = b.op;
    return std::tuple(!x.getAcc(), orderOf(a.part())) <
           std::tuple(!y.getAcc(), orderOf(b.part()));
  });
  Operation *last = group.front().op;
  SmallVector<Value> parts, starts;
  int64_t size = 0;
  for (SharedView &view : group) {
    if (last->isBeforeInBlock(view.op))
      last = view.op;
    parts.push_back(view.part());
    size += extent(view.part(), view.axis);
    if (Value start = view.op.getAcc())
      starts.push_back(start);
  }
  SharedView &model = group.front();
  Location place = FusedLoc::get(
      llvm::map_to_vector(group,
                          [](SharedView &view) { return view.op->getLoc(); }),
      {}, last->getContext());
  Block *block = last->getBlock();
  Type type = withExtent(model.op.getType(), model.outAxis, size);
  Value part = joinValues(parts, model.axis);
  Value start;
  if (!starts.empty())
    start = joinValues(starts, model.outAxis);
  OpBuilder builder(last);
  builder.setInsertionPointAfter(last);
  if (start && start.getType() != type)
    start =
        PlaceOp::create(builder, last->getLoc(), type, start, model.outAxis, 0);
  auto joined =
      ContractOp::create(builder, place, type, model.op.getLabels(),
                         model.partIsRhs ? model.shared() : part,
                         model.partIsRhs ? part : model.shared(), start,
                         model.op.getValid(), model.op.getDescending());
  int64_t offset = 0;
  for (SharedView &view : group) {
    Value slice = SliceOp::create(builder, view.op.getLoc(), view.op.getType(),
                                  joined, view.outAxis, offset);
    offset += extent(slice, view.outAxis);
    view.op.replaceAllUsesWith(slice);
    view.op.erase();
  }
  // Users of the earlier products may stand before the last one.
  sortTopologically(block);
}

/// Joins one group of `block`; the number of products in it, 0 if there is
/// none.
static unsigned joinOneShared(Block &block, bool parametersOnly) {
  SmallVector<SharedView> views;
  for (ContractOp op : block.getOps<ContractOp>())
    for (const SharedView &view : viewsOf(op))
      if (!parametersOnly ||
          (isWeight(view.part(), op) && isParameter(view.part())))
        views.push_back(view);
  for (size_t first = 0; first < views.size(); ++first) {
    SmallVector<SharedView> group{views[first]};
    std::vector<llvm::SmallPtrSet<Operation *, 32>> needs;
    for (const SharedView &view : ArrayRef(views).drop_front(first + 1)) {
      bool isMember = llvm::any_of(group, [&](const SharedView &member) {
        return member.op == view.op;
      });
      if (!views[first].fits(view) || isMember)
        continue;
      if (needs.empty())
        needs.push_back(needsOf(group.front().op));
      auto own = needsOf(view.op);
      bool independent = true;
      for (auto [member, memberNeeds] : llvm::zip_equal(group, needs))
        independent &=
            !own.contains(member.op) && !memberNeeds.contains(view.op);
      if (!independent) {
        ContractOp product = view.op;
        remarkRefused({product, group.front().op}, "apart", DEBUG_TYPE,
                      subjectOf(product) +
                          " shares an operand with another one but is not "
                          "joined: one needs the other's result");
        continue;
      }
      group.push_back(view);
      needs.push_back(std::move(own));
    }
    if (group.size() < 2)
      continue;
    unsigned count = group.size();
    SmallVector<Operation *> products;
    for (SharedView &view : group)
      products.push_back(view.op);
    remarkDone(products, "joined", DEBUG_TYPE,
               Twine(count) + " " + subjectOf(products.front()) +
                   "s that share an operand are one");
    joinShared(group);
    return count;
  }
  return 0;
}

//===----------------------------------------------------------------------===//
// Products that are summed
//===----------------------------------------------------------------------===//

namespace {
/// A contraction over one static label, with a weight on one side.
struct SummedView {
  ContractOp op;
  int64_t lhsAxis, rhsAxis;
  bool weightIsRhs;

  bool fits(const SummedView &other) const {
    ContractOp a = op, b = other.op;
    return lhsAxis == other.lhsAxis && rhsAxis == other.rhsAxis &&
           weightIsRhs == other.weightIsRhs && a.getValid() == b.getValid() &&
           plainForm(a) == plainForm(b) &&
           shapeBut(a.getLhs(), lhsAxis) == shapeBut(b.getLhs(), lhsAxis) &&
           shapeBut(a.getRhs(), rhsAxis) == shapeBut(b.getRhs(), rhsAxis);
  }
};
} // namespace

static std::optional<SummedView> summedView(ContractOp op) {
  std::optional<SummedView> view;
  for (auto [axis, label] : llvm::enumerate(op.getLhsLabels())) {
    if (op.getOutLabels().contains(label))
      continue;
    size_t rhsAxis = op.getRhsLabels().find(label);
    if (view || rhsAxis == StringRef::npos ||
        tensorOf(op.getLhs()).isDynamicDim(axis) ||
        tensorOf(op.getRhs()).isDynamicDim(rhsAxis))
      return std::nullopt;
    view = SummedView{op, static_cast<int64_t>(axis),
                      static_cast<int64_t>(rhsAxis), true};
  }
  if (!view)
    return std::nullopt;
  if (isWeight(op.getRhs(), op))
    return view;
  view->weightIsRhs = false;
  return isWeight(op.getLhs(), op) ? view : std::nullopt;
}

/// Whether the factors that are no weights join without copies of sequences.
static bool joinsCheaply(ArrayRef<SummedView> chain) {
  SmallVector<Value> factors;
  bool isInScan = chain.front().op->getParentOfType<ScanOp>() != nullptr;
  int64_t axis = 0;
  for (SummedView view : chain) {
    factors.push_back(view.weightIsRhs ? view.op.getLhs() : view.op.getRhs());
    axis = view.weightIsRhs ? view.lhsAxis : view.rhsAxis;
  }
  if (isInScan)
    return true;
  PartSource source = sourceOf(factors.front(), axis);
  return (source.scan || source.whole) && llvm::all_of(factors, [&](Value v) {
           return sourceOf(v, axis) == source;
         });
}

/// Joins one chain of `block`; the number of products in it, 0 if there is
/// none.
static unsigned joinOneSummed(Block &block) {
  auto products = llvm::to_vector(block.getOps<ContractOp>());
  for (ContractOp root : llvm::reverse(products)) {
    SmallVector<SummedView> chain;
    for (ContractOp op = root; op;) {
      std::optional<SummedView> view = summedView(op);
      if (!view ||
          (!chain.empty() && (!op->hasOneUse() || op->getBlock() != &block ||
                              !chain.front().fits(*view))))
        break;
      chain.push_back(*view);
      op = op.getAcc() ? op.getAcc().getDefiningOp<ContractOp>() : ContractOp();
    }
    if (chain.size() < 2 || !joinsCheaply(chain))
      continue;
    Operation *end = chain.back().op;
    llvm::sort(chain, [](SummedView a, SummedView b) {
      return orderOf(a.op->getOperand(a.weightIsRhs)) <
             orderOf(b.op->getOperand(b.weightIsRhs));
    });
    SmallVector<Value> lhs, rhs;
    for (SummedView view : chain) {
      lhs.push_back(view.op.getLhs());
      rhs.push_back(view.op.getRhs());
    }
    SmallVector<Operation *> products;
    for (SummedView view : chain)
      products.push_back(view.op);
    remarkDone(products, "summed", DEBUG_TYPE,
               Twine(chain.size()) + " " + subjectOf(products.front()) +
                   "s that are added are one");
    Location place =
        FusedLoc::get(llvm::map_to_vector(
                          products, [](Operation *op) { return op->getLoc(); }),
                      {}, root.getContext());
    Value left = joinValues(lhs, chain.front().lhsAxis);
    Value right = joinValues(rhs, chain.front().rhsAxis);
    // Joining the factors may have put another value into its place.
    Value start = cast<ContractOp>(end).getAcc();
    OpBuilder builder(root);
    auto joined = ContractOp::create(builder, place, root.getType(),
                                     root.getLabels(), left, right, start,
                                     root.getValid(), root.getDescending());
    root.replaceAllUsesWith(joined.getResult());
    // From the end of the chain inwards: each has lost its user by then.
    for (Operation *op = root; op;) {
      Value acc = cast<ContractOp>(op).getAcc();
      Operation *next = op == end ? nullptr : acc.getDefiningOp();
      op->erase();
      op = next;
    }
    return chain.size();
  }
  return 0;
}

/// True if each product in the scans of `function` is one of a sum. Products that
/// share an operand are then joined for whole sums, each of which is one
/// kernel; one product alone among them would have to be computed before.
static bool sumsAllInScans(Operation *function) {
  auto isOneOfSum = [](ContractOp op) {
    if (op.getAcc() && op.getAcc().getDefiningOp<ContractOp>())
      return true;
    auto next = op->hasOneUse() ? dyn_cast<ContractOp>(*op->user_begin())
                                : ContractOp();
    return next && next.getAcc() == op.getResult();
  };
  return !function
              ->walk([&](ContractOp op) {
                return isa<ScanOp>(op->getParentOp()) && !isOneOfSum(op)
                           ? WalkResult::interrupt()
                           : WalkResult::advance();
              })
              .wasInterrupted();
}

namespace {
struct JoinProductsPass
    : rnnc::rnn::impl::JoinProductsPassBase<JoinProductsPass> {
  using JoinProductsPassBase::JoinProductsPassBase;

  bool join(Block &block, bool parametersOnly) {
    bool changed = false;
    if (!isa<ScanOp>(block.getParentOp()) ||
        !apart.contains(
            block.getParentOp()->getParentOfType<FunctionOpInterface>()))
      while (unsigned count = joinOneSummed(block)) {
        numSummed += count;
        changed = true;
      }
    // Before products of what they read: their order is that of the whole.
    while (unsigned count = joinReaders(block)) {
      numReaders += count;
      changed = true;
    }
    while (unsigned count = joinOneShared(block, parametersOnly)) {
      numShared += count;
      changed = true;
    }
    return changed;
  }

  /// Calls `change` on the scans of the function, outer ones first. A change
  /// may put another scan into the place of one inside, so they are looked for
  /// anew each time.
  bool forEachScan(function_ref<bool(ScanOp)> change) {
    bool changed = false;
    for (size_t place = 0;; ++place) {
      SmallVector<ScanOp> found;
      getOperation()->walk<WalkOrder::PreOrder>(
          [&](ScanOp scan) { found.push_back(scan); });
      if (place >= found.size())
        return changed;
      changed |= change(found[place]);
    }
  }

  /// The functions whose scans keep what is summed apart.
  DenseSet<Operation *> apart;

  void runOnOperation() override {
    apart.clear();
    getOperation()->walk([&](FunctionOpInterface function) {
      if (!sumsInScans && sumsAllInScans(function))
        apart.insert(function);
    });
    SmallVector<Block *> outer;
    getOperation()->walk([&](Block *block) {
      if (!isa_and_nonnull<ScanOp>(block->getParentOp()))
        outer.push_back(block);
    });
    bool changed = true;
    while (changed) {
      changed = false;
      // Products of parameters first: their results come into scans as slices.
      for (Block *block : outer)
        changed |= join(*block, /*parametersOnly=*/true);
      changed |= forEachScan([&](ScanOp scan) {
        bool widened = widenSequences(scan);
        return join(*scan.getBlock(), /*parametersOnly=*/false) || widened;
      });
      // By now scans have joined what they need joined: emit that.
      changed |= forEachScan(emitWholes);
      for (Block *block : outer)
        changed |= join(*block, /*parametersOnly=*/false);
    }
  }
};
} // namespace
