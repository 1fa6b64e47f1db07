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

/// Elementwise work on nothing but arguments of a function goes to where it is
/// read, so that it shares the reader's kernel. Arguments are there all the
/// time: reading them late costs nothing.
void sinkToReaders(Block &block) {
  if (!isa<FunctionOpInterface>(block.getParentOp()))
    return;
  SmallVector<Operation *> moving;
  llvm::SmallPtrSet<Operation *, 32> movable;
  for (Operation &op : block) {
    if ((isElementwise(&op) || isa<rnn::BroadcastOp>(op)) &&
        llvm::all_of(op.getOperands(), [&](Value operand) {
          return isa<BlockArgument>(operand) || splatOf(operand) ||
                 movable.contains(operand.getDefiningOp());
        })) {
      moving.push_back(&op);
      movable.insert(&op);
    }
  }
  for (Operation *op : llvm::reverse(moving)) {
    Operation *first = nullptr;
    for (Operation *user : op->getUsers()) {
      Operation *here = block.findAncestorOpInBlock(*user);
      if (!first || here->isBeforeInBlock(first))
        first = here;
    }
    if (first)
      op->moveBefore(first);
  }
}

class BlockFuser {
public:
  explicit BlockFuser(Block &block) : block(block) {
    sinkToReaders(block);
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

  /// Whether the op reads what a member makes or reads.
  bool tied(Operation *op, Group &group) {
    return llvm::any_of(op->getOperands(), [&](Value operand) {
      Operation *def = operand.getDefiningOp();
      Value source = sourceOf(operand);
      return (def && group.members.contains(def)) ||
             (source && group.sources.contains(source));
    });
  }

  /// The value whose readers share a kernel with readers of this one, if any.
  /// Parts of one value of many rows, such as the gates of a joined product,
  /// count as that value. Values of fixed size are parameters and what belongs
  /// to them: each has a kernel of its own, so one learning rate for all or one
  /// joined gradient ties nothing.
  static Value sourceOf(Value value) {
    if (splatOf(value))
      return Value();
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (type && type.hasStaticShape() && type.getRank() > 0)
      return value.getDefiningOp<rnn::BroadcastOp>() ? Value() : value;
    while (auto slice = value.getDefiningOp<rnn::SliceOp>())
      value = slice.getInput();
    return value;
  }

  static void addMember(Group &group, Operation *op) {
    group.ops.push_back(op);
    group.members.insert(op);
    for (Value operand : op->getOperands())
      if (Value source = sourceOf(operand))
        group.sources.insert(source);
  }

  void assign(Operation *op) {
    auto made = std::make_unique<Group>();
    Group *group = made.get();
    group->shape = cast<RankedTensorType>(op->getResult(0).getType()).getShape();
    addMember(*group, op);
    group->place = place.lookup(op);
    groupOf[op] = group;
    // The newest group first: it is the nearest.
    SmallVector<Group *> tiedGroups;
    for (auto &other : llvm::reverse(groups))
      if (other->shape == group->shape && tied(op, *other))
        tiedGroups.push_back(other.get());
    groups.push_back(std::move(made));
    for (Group *other : tiedGroups)
      if (canJoin(*other, *group))
        join(*other, *group);
  }

  /// Whether `early` and `late` can be one kernel, in the place of `late` or of
  /// `early`. On success `late.place` is that place.
  bool canJoin(Group &early, Group &late) {
    if (early.place > late.place)
      return false;
    auto isInside = [&](Operation *op) {
      return op && (early.members.contains(op) || late.members.contains(op));
    };
    // Up: whatever the late ones read is there by then.
    bool canMoveUp = llvm::all_of(late.ops, [&](Operation *member) {
      return llvm::all_of(member->getOperands(), [&](Value operand) {
        return isInside(operand.getDefiningOp()) || splatOf(operand) ||
               placeOf(operand) < early.place;
      });
    });
    if (canMoveUp) {
      late.place = early.place;
      return true;
    }
    // Down: nobody in between reads the early ones.
    return llvm::all_of(early.ops, [&](Operation *member) {
      return llvm::all_of(member->getUsers(), [&](Operation *user) {
        return isInside(user) || placeOfUser(user) > late.place;
      });
    });
  }

  /// Moves the members of `from` to `to`.
  void join(Group &from, Group &to) {
    for (Operation *op : from.ops) {
      groupOf[op] = &to;
      to.ops.push_back(op);
    }
    to.members.insert(from.members.begin(), from.members.end());
    to.sources.insert(from.sources.begin(), from.sources.end());
    llvm::sort(to.ops, [&](Operation *a, Operation *b) {
      return place.lookup(a) < place.lookup(b);
    });
    llvm::erase_if(groups, [&](auto &group) { return group.get() == &from; });
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
