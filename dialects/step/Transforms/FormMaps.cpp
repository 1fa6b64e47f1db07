//===- FormMaps.cpp - Gather elementwise ops into fused kernels -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Works block by block. An elementwise op joins a group of the same shape when
// it is tied to it by a value, and either the op can move up to the group or
// the group down to the op. Each group becomes one step.map.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/step/Transforms/Passes.h"

#define DEBUG_TYPE "step-form-maps"

namespace rnnc::step {
#define GEN_PASS_DEF_FORMMAPSPASS
#include "dialects/step/Transforms/Passes.h.inc"
} // namespace rnnc::step

using namespace mlir;
using namespace rnnc;
using namespace rnnc::step;

namespace {
/// Elementwise ops that share a kernel. All stand in one block.
struct Group {
  ArrayRef<int64_t> shape;
  SmallVector<Operation *> ops;
  llvm::SmallPtrSet<Operation *, 16> members;
  /// Values that members read, parts of a value as that value.
  llvm::SmallPtrSet<Value, 16> sources;
  /// Where the group runs: its place in the order of the block.
  unsigned place;
};

bool isElementwise(Operation *op) {
  if (op->getNumResults() != 1 || op->getNumRegions() != 0 ||
      !op->hasTrait<OpTrait::Elementwise>())
    return false;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type)
    return false;
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    auto tensor = dyn_cast<RankedTensorType>(operand.getType());
    return !tensor || tensor.getShape() == type.getShape();
  });
}

/// The value of a constant whose entries are all equal.
std::optional<TypedAttr> splatOf(Value value) {
  DenseElementsAttr attr;
  if (!matchPattern(value, m_Constant(&attr)) || !attr.isSplat())
    return std::nullopt;
  return cast<TypedAttr>(attr.getSplatValue<Attribute>());
}

class BlockFuser {
public:
  explicit BlockFuser(Block &block) : block(block) {
    for (auto [i, op] : llvm::enumerate(block))
      place[&op] = i + 1;
  }

  /// Forms the groups, then writes them as maps. Returns (maps, fused ops).
  std::pair<unsigned, unsigned> run() {
    unsigned fused = 0;
    for (Operation &op : block)
      if (isElementwise(&op)) {
        assign(&op);
        ++fused;
      }
    // In order of their places, so that a map's inputs exist when it is made.
    SmallVector<Group *> order;
    for (auto &group : groups)
      order.push_back(group.get());
    llvm::stable_sort(order, [](Group *a, Group *b) { return a->place < b->place; });
    for (Group *group : order)
      write(*group);
    return {groups.size(), fused};
  }

private:
  /// Place where a value is made: its group's, or its op's; 0 in front of all.
  unsigned placeOf(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != &block)
      return 0;
    if (Group *group = groupOf.lookup(op))
      return group->place;
    return place.lookup(op);
  }

  /// Place where a user in this block, or nested in one of its ops, runs.
  unsigned placeOfUser(Operation *user) {
    Operation *top = block.findAncestorOpInBlock(*user);
    if (Group *group = groupOf.lookup(top))
      return group->place;
    return place.lookup(top);
  }

  /// Whether the op reads what a member makes or reads. Parts of one value,
  /// such as the gates of a joined product, count as that value.
  bool tied(Operation *op, Group &group) {
    return llvm::any_of(op->getOperands(), [&](Value operand) {
      if (splatOf(operand))
        return false;
      Operation *def = operand.getDefiningOp();
      return (def && group.members.contains(def)) ||
             group.sources.contains(sourceOf(operand));
    });
  }

  static Value sourceOf(Value value) {
    while (auto slice = value.getDefiningOp<rnn::SliceOp>())
      value = slice.getInput();
    return value;
  }

  static void addMember(Group &group, Operation *op) {
    group.ops.push_back(op);
    group.members.insert(op);
    for (Value operand : op->getOperands())
      if (!splatOf(operand))
        group.sources.insert(sourceOf(operand));
  }

  void assign(Operation *op) {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    // The newest group first: it is the nearest.
    for (auto &group : llvm::reverse(groups)) {
      if (group->shape != type.getShape() || !tied(op, *group))
        continue;
      bool canMoveUp = llvm::all_of(op->getOperands(), [&](Value operand) {
        Operation *def = operand.getDefiningOp();
        return (def && group->members.contains(def)) || splatOf(operand) ||
               placeOf(operand) < group->place;
      });
      unsigned here = place.lookup(op);
      bool canMoveDown = llvm::all_of(group->ops, [&](Operation *member) {
        return llvm::all_of(member->getUsers(), [&](Operation *user) {
          return group->members.contains(user) || user == op ||
                 placeOfUser(user) > here;
        });
      });
      // Moving down must not pass a group that feeds this op.
      canMoveDown &= llvm::all_of(op->getOperands(), [&](Value operand) {
        Operation *def = operand.getDefiningOp();
        return (def && group->members.contains(def)) ||
               placeOf(operand) < here;
      });
      if (!canMoveUp && !canMoveDown)
        continue;
      if (!canMoveUp)
        group->place = here;
      addMember(*group, op);
      groupOf[op] = group.get();
      return;
    }
    auto group = std::make_unique<Group>();
    group->shape = type.getShape();
    addMember(*group, op);
    group->place = place.lookup(op);
    groupOf[op] = group.get();
    groups.push_back(std::move(group));
  }

  void write(Group &group) {
    // Behind the op at the group's place, or behind what was written there.
    Operation *anchor = nullptr;
    for (Operation *op : group.ops)
      if (place.lookup(op) == group.place)
        anchor = op;
    OpBuilder builder(anchor);
    llvm::SmallSetVector<Value, 8> inputs;
    SmallVector<Value> outputs;
    for (Operation *op : group.ops) {
      for (Value operand : op->getOperands()) {
        Operation *def = operand.getDefiningOp();
        bool inside = def && group.members.contains(def);
        if (!inside && !splatOf(operand) &&
            isa<RankedTensorType>(operand.getType()))
          inputs.insert(operand);
      }
      if (llvm::any_of(op->getUsers(), [&](Operation *user) {
            return !group.members.contains(user);
          }))
        outputs.push_back(op->getResult(0));
    }
    if (outputs.empty()) {
      for (Operation *op : llvm::reverse(group.ops))
        op->erase();
      return;
    }
    SmallVector<Type> types;
    for (Value output : outputs)
      types.push_back(output.getType());
    SmallVector<Location> locations;
    for (Operation *op : group.ops)
      locations.push_back(op->getLoc());
    auto map = MapOp::create(builder, builder.getFusedLoc(locations), types,
                             inputs.getArrayRef());
    Block *body = builder.createBlock(&map.getBody());
    auto element = [](Type type) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      return tensor ? tensor.getElementType() : type;
    };
    IRMapping values;
    for (Value input : inputs)
      values.map(input, body->addArgument(element(input.getType()),
                                          input.getLoc()));
    for (Operation *op : group.ops) {
      for (Value operand : op->getOperands())
        if (auto splat = splatOf(operand); splat && !values.contains(operand))
          values.map(operand, arith::ConstantOp::create(builder, op->getLoc(),
                                                        *splat));
      Operation *scalar = builder.clone(*op, values);
      scalar->getResult(0).setType(element(op->getResult(0).getType()));
    }
    SmallVector<Value> yielded;
    for (Value output : outputs)
      yielded.push_back(values.lookup(output));
    YieldOp::create(builder, map.getLoc(), yielded);
    for (auto [output, result] : llvm::zip_equal(outputs, map.getOutputs()))
      output.replaceAllUsesWith(result);
    for (Operation *op : llvm::reverse(group.ops))
      op->erase();
  }

  Block &block;
  llvm::DenseMap<Operation *, unsigned> place;
  llvm::DenseMap<Operation *, Group *> groupOf;
  SmallVector<std::unique_ptr<Group>> groups;
};

struct FormMaps : step::impl::FormMapsPassBase<FormMaps> {
  void runOnOperation() override {
    SmallVector<Block *> blocks;
    getOperation().walk([&](Block *block) { blocks.push_back(block); });
    for (Block *block : blocks) {
      if (isa<MapOp>(block->getParentOp()))
        continue;
      auto [made, joined] = BlockFuser(*block).run();
      maps += made;
      fused += joined;
    }
    // Constants that moved into bodies are no longer needed.
    getOperation().walk([](arith::ConstantOp constant) {
      if (constant->use_empty())
        constant.erase();
    });
  }
};
} // namespace
