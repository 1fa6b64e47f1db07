//===- EmitterMemory.cpp - One arena, planned ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every value that is not a view gets a slot of the arena, or is computed in
// its final place. Slots are used again after the last use of their value.
// Sizes are monomials in the extents; addresses are worked out once per call.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

/// Whether the result of `op` may share memory with its operand.
static bool mayShare(Operation *op) {
  return isView(op) || isa<rnn::ConcatOp>(op);
}

int Emitter::topIndex(Operation *op) {
  Operation *top = source.getBody().front().findAncestorOpInBlock(*op);
  return top ? order.lookup(top) : 0;
}

/// The last place of the function's block that may read the value.
int Emitter::lastUse(Value tensor) {
  int last = currentTop;
  for (OpOperand &use : tensor.getUses()) {
    Operation *user = use.getOwner();
    last = std::max(last, topIndex(user));
    if (mayShare(user))
      last = std::max(last, lastUse(user->getResult(0)));
    if (isFolded(user))
      for (Value result : user->getResults())
        last = std::max(last, lastUse(result));
  }
  return last;
}

Monomial Emitter::bytesFor(Type element, const Shape &shape) {
  int64_t bytes = element.isInteger(1) ? 1 : element.getIntOrFloatBitWidth() / 8;
  Monomial need = product(shape) * Monomial(bytes);
  // Whole cache lines keep slots apart.
  need.coefficient = llvm::alignTo(need.coefficient, 64);
  return need;
}

View Emitter::allocate(Type element, const Shape &shape, int death,
                       const Shape *behind) {
  // What is prepared stays; its scratch memory does not.
  if (isPreparing && death > currentTop)
    return allocatePrepared(element, shape);
  Monomial need = bytesFor(element, shape);
  std::optional<Monomial> more;
  if (behind)
    more = bytesFor(element, *behind);
  Slot *best = nullptr;
  for (Slot &slot : slots) {
    if (!slot.free || slot.bytes.extents != need.extents)
      continue;
    if (more && slot.behind && slot.behind->extents != more->extents)
      continue;
    auto waste = [&](const Slot &s) {
      return s.bytes.coefficient >= need.coefficient
                 ? s.bytes.coefficient - need.coefficient
                 : INT64_MAX - s.bytes.coefficient;
    };
    if (!best || waste(slot) < waste(*best))
      best = &slot;
  }
  if (best) {
    best->bytes.coefficient =
        std::max(best->bytes.coefficient, need.coefficient);
    best->free = false;
    best->death = death;
    if (more && best->behind)
      more->coefficient =
          std::max(best->behind->coefficient, more->coefficient);
    if (more)
      best->behind = more;
  } else {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(bodyMarker);
    Value placeholder = LLVM::ZeroOp::create(b, loc, ptr);
    slots.push_back({need, placeholder, storages++, death, false, more});
    best = &slots.back();
  }
  View view;
  view.storage = best->storage;
  view.base = best->placeholder;
  view.element = element;
  view.sizes = shape;
  view.strides = contiguousStrides(shape);
  return view;
}

View Emitter::scratch(Type element, const Shape &shape) {
  return allocate(element, shape, currentTop);
}

void Emitter::freeSlots(int index) {
  for (Slot &slot : slots)
    if (!slot.free && slot.death <= index)
      slot.free = true;
}

/// The operand that a labelled sum starts from, or null.
static OpOperand *accumulatorOf(Operation *op) {
  auto only = [](MutableOperandRange range) -> OpOperand * {
    return range.empty() ? nullptr : &range[0];
  };
  if (auto contract = dyn_cast<rnn::ContractOp>(op))
    return only(contract.getAccMutable());
  if (auto reduce = dyn_cast<rnn::ReduceOp>(op))
    return only(reduce.getAccMutable());
  if (auto scatter = dyn_cast<rnn::ScatterAddOp>(op))
    return only(scatter.getAccMutable());
  return nullptr;
}

/// Whether `writer` may write over the memory of `old` in place: nothing in
/// `block` reads `old` later, and `writer` itself reads only the entry it
/// writes.
bool Emitter::canOverwrite(Value old, Operation *writer, Block *block) {
  // The parts of a joined value are written where they are computed.
  if (auto concat = dyn_cast<rnn::ConcatOp>(writer))
    for (Value part : concat.getInputs())
      if (Operation *maker = part.getDefiningOp();
          maker && maker->getBlock() == block &&
          !canOverwrite(old, maker, block))
        return false;
  for (OpOperand &use : old.getUses()) {
    Operation *user = use.getOwner();
    Operation *inBlock = block->findAncestorOpInBlock(*user);
    if (!inBlock)
      return false;
    if (inBlock == writer) {
      // A sum reads the entry that it goes on from, and writes it.
      if (accumulatorOf(writer) == &use)
        continue;
      // A stage reads the rows of its products whole.
      auto stage = dyn_cast<step::StageOp>(writer);
      if (!isa<step::MapOp>(writer) &&
          (!stage || use.getOperandNumber() >= stage.getInputs().size()))
        return false;
      continue;
    }
    // Emissions of carried values are copied when a step begins.
    if (auto yield = dyn_cast<rnn::YieldOp>(user);
        yield && user->getBlock() == block &&
        use.getOperandNumber() >= yield.getNext().size())
      continue;
    if (!inBlock->isBeforeInBlock(writer))
      return false;
    if (mayShare(user)) {
      // A view of the old value: its own uses count too. A map may read it
      // only entry by entry, which a view does not promise.
      for (Operation *reader : user->getResult(0).getUsers()) {
        Operation *top = block->findAncestorOpInBlock(*reader);
        if (!top || top == writer || !top->isBeforeInBlock(writer))
          return false;
        if (mayShare(reader) &&
            !canOverwrite(reader->getResult(0), writer, block))
          return false;
      }
    }
  }
  return true;
}

/// Whether `producer` may write the value that goes on as carry `number`.
bool Emitter::canCarry(rnn::YieldOp yield, unsigned number,
                       Operation *producer) {
  ScanFrame &frame = frames.back();
  if (frame.plans[number].kind != Carry::InPlace)
    return true;
  return !frame.scan.getLengths() &&
         canOverwrite(frame.scan.getCarries()[number], producer,
                      yield->getBlock());
}

/// All places that ask for a value: emissions, results, carried values, parts
/// of joined values. The first is where it is computed; see
/// extraDestinations for the others.
View Emitter::destination(OpResult result, const Shape &shape) {
  Type element = cast<RankedTensorType>(result.getType()).getElementType();
  Operation *producer = result.getOwner();
  Block *block = producer->getBlock();
  for (OpOperand &use : result.getUses()) {
    Operation *user = use.getOwner();
    unsigned number = use.getOperandNumber();
    if (user->getBlock() != block)
      continue;
    if (auto concat = dyn_cast<rnn::ConcatOp>(user)) {
      // What is made once has no place in what is made at each call.
      if (isFromParams(result) && !isFromParams(concat.getResult()))
        continue;
      int64_t from = 0;
      for (unsigned i = 0; i < number; ++i)
        from += cast<RankedTensorType>(concat.getInputs()[i].getType())
                    .getDimSize(concat.getAxis());
      auto it = concatViews.find(concat);
      if (it == concatViews.end()) {
        Shape whole = shape;
        whole[concat.getAxis()] =
            Monomial(concat.getType().getDimSize(concat.getAxis()));
        View view = destination(cast<OpResult>(concat.getResult()), whole);
        it = concatViews.try_emplace(concat, view).first;
      }
      if (!done.insert({concat, number}).second)
        continue;
      // The part may be read for longer than the whole.
      for (Slot &slot : slots)
        if (slot.storage == it->second.storage)
          slot.death = std::max(slot.death, lastUse(result));
      return sliceOf(it->second, concat.getAxis(), from,
                     shape[concat.getAxis()].coefficient);
    }
  }
  if (isFromParams(result))
    return allocatePrepared(element, shape);
  for (OpOperand &use : result.getUses()) {
    Operation *user = use.getOwner();
    unsigned number = use.getOperandNumber();
    if (user->getBlock() != block)
      continue;
    if (auto yield = dyn_cast<rnn::YieldOp>(user)) {
      unsigned nextCount = yield.getNext().size();
      if (number >= nextCount && done.insert({yield, number}).second)
        return frames.back().emitted[number - nextCount];
    } else if (isa<func::ReturnOp>(user)) {
      auto kind = source.getResultAttrOfType<rnn::ArgAttr>(number, rnn::kArgAttrName);
      bool safe = true;
      if (kind && (kind.getKind() == rnn::ArgKind::Param ||
                   kind.getKind() == rnn::ArgKind::Slot ||
                   kind.getKind() == rnn::ArgKind::Sum))
        for (BlockArgument argument : source.getArguments()) {
          auto arg = source.getArgAttrOfType<rnn::ArgAttr>(
              argument.getArgNumber(), rnn::kArgAttrName);
          if (arg && arg.getKind() == kind.getKind() &&
              arg.getName() == kind.getName())
            safe = canOverwrite(argument, producer, block);
        }
      if (safe && done.insert({user, number}).second)
        return resultViews[number];
    }
  }
  for (OpOperand &use : result.getUses()) {
    auto yield = dyn_cast<rnn::YieldOp>(use.getOwner());
    if (!yield || yield->getBlock() != block ||
        use.getOperandNumber() >= yield.getNext().size())
      continue;
    if (canCarry(yield, use.getOperandNumber(), producer) &&
        done.insert({yield, use.getOperandNumber()}).second)
      return frames.back().nexts[use.getOperandNumber()];
  }
  return allocate(element, shape, lastUse(result));
}

Views Emitter::extraDestinations(OpResult result) {
  Views extra;
  Operation *producer = result.getOwner();
  Block *block = producer->getBlock();
  for (OpOperand &use : result.getUses()) {
    auto yield = dyn_cast<rnn::YieldOp>(use.getOwner());
    if (!yield || yield->getBlock() != block)
      continue;
    unsigned number = use.getOperandNumber();
    ScanFrame &frame = frames.back();
    if (number >= yield.getNext().size()) {
      if (done.insert({yield, number}).second)
        extra.push_back(frame.emitted[number - yield.getNext().size()]);
    } else if (canCarry(yield, number, producer) &&
               done.insert({yield, number}).second) {
      extra.push_back(frame.nexts[number]);
    }
  }
  return extra;
}

/// Gives every slot its address, now that all sizes are known.
void Emitter::placeSlots() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(bodyMarker);
  Value from;
  for (Slot &slot : slots) {
    b.setInsertionPoint(slot.placeholder.getDefiningOp());
    if (!from)
      from = constant(0);
    Value base = LLVM::GEPOp::create(b, loc, ptr, b.getI8Type(), arena,
                                     ArrayRef<LLVM::GEPArg>{from});
    slot.placeholder.replaceAllUsesWith(base);
    Value bytes = value(slot.bytes);
    // Products of extents keep 64-byte alignment through their coefficient.
    from = add(from, bytes);
    if (slot.behind)
      from = add(from, value(*slot.behind));
    slot.placeholder.getDefiningOp()->erase();
    b.setInsertionPoint(bodyMarker);
  }
}

void Emitter::writeArenaFunction() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointAfter(target);
  auto type = b.getFunctionType({ptr}, {i64});
  auto function = func::FuncOp::create(
      b, loc, (source.getName() + "_arena").str(), type);
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  SmallVector<Value> extents;
  for (size_t i = 0; i < extentValues.size(); ++i)
    extents.push_back(
        load(i64, offset(entry->getArgument(0), constant(i), i64)));
  // What is needed while the prepared memory is filled overlaps all else.
  Value total = constant(64);
  for (Slot &slot : slots) {
    Value bytes = constant(slot.bytes.coefficient);
    for (int extent : slot.bytes.extents)
      bytes = mul(bytes, extents[extent]);
    total = add(total, bytes);
    if (!slot.behind)
      continue;
    bytes = constant(slot.behind->coefficient);
    for (int extent : slot.behind->extents)
      bytes = mul(bytes, extents[extent]);
    total = add(total, bytes);
  }
  if (onceBytes)
    total = arith::MaxSIOp::create(b, loc, total, constant(onceBytes));
  func::ReturnOp::create(b, loc, total);
}
