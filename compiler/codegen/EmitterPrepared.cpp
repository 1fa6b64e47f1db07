//===- EmitterPrepared.cpp - What does not change between calls ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A function that leaves the parameters as they are computes everything that
// depends on them alone (joined and packed weights, tables of products) into
// memory that the caller keeps. All of that code stands in one branch at the
// function's entry, which a call skips once the memory is filled: what a step
// of a stream costs is its own work.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

/// Whether the values read by `op`, and by what is inside it, were all made
/// from parameters and constants.
static bool readsOnly(Operation *op, const llvm::DenseSet<Value> &known) {
  return !op
              ->walk([&](Operation *inner) {
                for (Value operand : inner->getOperands()) {
                  Operation *maker = operand.getDefiningOp();
                  bool own = operand.getParentRegion() != op->getParentRegion();
                  bool index = maker && maker->hasTrait<OpTrait::ConstantLike>();
                  if (!own && !index && !known.contains(operand))
                    return WalkResult::interrupt();
                }
                return WalkResult::advance();
              })
              .wasInterrupted();
}

void Emitter::findPrepared(Block &block) {
  for (unsigned i = 0; i < source.getNumResults(); ++i)
    if (auto arg = source.getResultAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
        arg && arg.getKind() == rnn::ArgKind::Param)
      return;
  for (BlockArgument argument : block.getArguments())
    if (auto arg = source.getArgAttrOfType<rnn::ArgAttr>(
            argument.getArgNumber(), rnn::kArgAttrName);
        arg && arg.getKind() == rnn::ArgKind::Param)
      fromParams.insert(argument);
  for (Operation &op : block) {
    bool isStatic =
        op.getNumResults() > 0 &&
        llvm::all_of(op.getResultTypes(), [](Type type) {
          auto tensor = dyn_cast<RankedTensorType>(type);
          return tensor && tensor.hasStaticShape();
        });
    if (isStatic && (op.getNumRegions() == 0 || isa<step::MapOp>(op)) &&
        isMemoryEffectFree(&op) && readsOnly(&op, fromParams))
      fromParams.insert(op.getResults().begin(), op.getResults().end());
  }
}

void Emitter::startPrepared() {
  Value filled = load(i64, offset(call, constant(9), i64));
  Value empty = compare(arith::CmpIPredicate::eq, filled, constant(0));
  preparing = scf::IfOp::create(b, loc, empty, /*withElseRegion=*/false);
}

void Emitter::prepare(function_ref<void()> emit) {
  if (isPreparing)
    return emit();
  bool wasAlone = isAlone;
  if (wasAlone)
    switchAlone();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(preparing.thenBlock()->getTerminator());
  // The rest of the function runs after all of this branch or without it, so
  // neither waits for what the other touched. A barrier ends the branch.
  std::swap(accesses, preparedAccesses);
  int barriersBefore = barriers;
  std::vector<PartialSums> pending;
  std::swap(pending, partialSums);
  isPreparing = true;
  emit();
  addPartialSums();
  std::swap(pending, partialSums);
  isPreparing = false;
  barriers = barriersBefore;
  std::swap(accesses, preparedAccesses);
  if (wasAlone)
    switchAlone();
}

View Emitter::allocatePacked(Type element, const Shape &shape, Value weight) {
  if (isFromParams(weight))
    return allocatePrepared(element, shape);
  return allocate(element, shape, std::max(currentTop, lastUse(weight)));
}

View Emitter::allocatePrepared(Type element, const Shape &shape) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(bodyMarker);
  Value placeholder = LLVM::ZeroOp::create(b, loc, ptr);
  preparedSlots.push_back({bytesFor(element, shape), placeholder, storages});
  View view;
  view.storage = storages++;
  view.base = placeholder;
  view.element = element;
  view.sizes = shape;
  view.strides = contiguousStrides(shape);
  return view;
}

/// Whether memory is read or written by code outside the branch.
static bool isUsedOutside(Value pointer, Operation *branch) {
  return llvm::any_of(pointer.getUsers(), [&](Operation *user) {
    if (isa<LLVM::GEPOp>(user))
      return isUsedOutside(user->getResult(0), branch);
    return !branch->isProperAncestor(user);
  });
}

int64_t Emitter::placePrepared() {
  // Addresses made in the branch are used behind it: make them before it.
  Block *body = preparing.thenBlock();
  for (Operation &op : llvm::make_early_inc_range(*body)) {
    if (op.getNumRegions() > 0 || op.getNumResults() == 0 || !isPure(&op))
      continue;
    if (llvm::none_of(op.getOperands(), [&](Value operand) {
          return operand.getParentBlock() == body;
        }))
      op.moveBefore(preparing);
  }
  OpBuilder::InsertionGuard guard(b);
  if (preparedSlots.empty() && body->without_terminator().empty()) {
    preparing.erase();
    preparing = nullptr;
    return 0;
  }
  b.setInsertionPoint(body->getTerminator());
  isPreparing = true;
  barrier();
  isPreparing = false;

  b.setInsertionPoint(slotMarker);
  Value kept = load(ptr, offset(call, constant(8), i64));
  int64_t keptBytes = 0, onceBytes = 0;
  for (PreparedSlot &slot : preparedSlots) {
    // What only the branch reads need not be kept: it lies in the arena, where
    // all else is written later.
    bool isKept = isUsedOutside(slot.placeholder, preparing);
    int64_t &from = isKept ? keptBytes : onceBytes;
    b.setInsertionPoint(slot.placeholder.getDefiningOp());
    Value base =
        offset(isKept ? kept : arena, constant(from), b.getI8Type());
    slot.placeholder.replaceAllUsesWith(base);
    slot.placeholder.getDefiningOp()->erase();
    from += slot.bytes.coefficient;
  }
  preparedBytes = keptBytes;
  return onceBytes;
}

void Emitter::sinkIntoPrepared() {
  if (!preparing)
    return;
  // Behind the marker loads may be of data, which change; before it they are
  // of the call's tables.
  bool isHead = false;
  for (Operation *op = preparing->getPrevNode(), *before; op; op = before) {
    before = op->getPrevNode();
    isHead |= op == slotMarker;
    if (op == slotMarker || op == bodyMarker ||
        !(isMemoryEffectFree(op) || (isHead && isa<LLVM::LoadOp>(op))))
      continue;
    bool isRead = false, readsOutside = false;
    for (Operation *user : op->getUsers()) {
      isRead = true;
      readsOutside |= !preparing->isProperAncestor(user);
    }
    if (isRead && !readsOutside)
      op->moveBefore(preparing.thenBlock(), preparing.thenBlock()->begin());
  }
}

void Emitter::writePreparedFunction() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointAfter(target);
  auto function = func::FuncOp::create(
      b, loc, (source.getName() + "_prepared").str(),
      b.getFunctionType({ptr}, {i64}));
  b.setInsertionPointToStart(function.addEntryBlock());
  func::ReturnOp::create(b, loc, constant(preparedBytes));
}
