//===- EmitScan.cpp - Loops over time --------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A scan is a loop. What it carries lies in one of three ways: in place, where
// the step can write over the old value; as a ring of two, old and new in turn;
// or in the sequence that is emitted anyway, each step's value behind the last.
// In none of them is a carried value copied from step to step. Where there is
// but one step there is no loop: it reads the initial value where that lies, and
// writes the final one where it is wanted.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "dialects/rnn/IR/Remarks.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

/// Whether an emitted sequence is wanted in a place of its own.
static bool hasOwnPlace(Value emitted) {
  return llvm::any_of(emitted.getUsers(), [](Operation *user) {
    return isa<func::ReturnOp, rnn::YieldOp, rnn::ConcatOp>(user);
  });
}

/// Whether the op computes its result, rather than looking at memory.
static bool computes(Operation *op) {
  return !isView(op) && !isa<arith::ConstantOp>(op);
}

LogicalResult Emitter::planCarries(ScanFrame &frame, const Monomial &steps) {
  rnn::ScanOp scan = frame.scan;
  rnn::YieldOp yield = scan.getYield();
  Value count = value(steps);
  frame.sharedEmits.assign(yield.getEmit().size(), std::nullopt);
  for (unsigned i = 0; i < scan.getInitial().size(); ++i) {
    auto from = viewOf(scan.getInitial()[i]);
    if (failed(from))
      return failure();
    Value old = scan.getCarries()[i], next = yield.getNext()[i];
    Value final = scan.getFinals()[i];
    Operation *producer = next.getDefiningOp();
    bool isFree = !scan.getLengths() && producer &&
                  producer->getBlock() == scan.getBlock() &&
                  computes(producer);
    // Emissions of the value as it comes in, and as it goes out.
    std::optional<unsigned> in, out;
    int death = lastUse(final);
    if (isFree && !calls.singleStep)
      for (auto [e, value] : llvm::enumerate(yield.getEmit())) {
        Value emitted = scan.getEmitted()[e];
        if (hasOwnPlace(emitted) || frame.sharedEmits[e])
          continue;
        if (value == old && !in)
          in = e;
        else if (value == next && !out)
          out = e;
        else
          continue;
        death = std::max(death, lastUse(emitted));
      }
    Carry carry;
    if (calls.singleStep && isFree && from->isContiguous()) {
      carry.kind = Carry::Once;
      carry.initial = *from;
      carry.memory = destination(cast<OpResult>(final), from->sizes);
      views[final] = carry.memory;
    } else if (in || out) {
      carry.kind = Carry::Sequence;
      Shape shape{steps};
      shape.append(from->sizes);
      carry.memory = allocate(from->element, shape, death, &from->sizes);
      bool reverse = scan.getReverse();
      auto shifted = [&](bool byOne) {
        View view = carry.memory;
        if (!byOne)
          return view;
        view.base = offset(view.base, value(view.strides[0]), view.element);
        view.passBy(view.strides[0]);
        return view;
      };
      if (in)
        frame.sharedEmits[*in] = shifted(reverse);
      if (out)
        frame.sharedEmits[*out] = shifted(!reverse);
      copy(*from, at(carry.memory, 0, reverse ? count : constant(0)));
      views[final] = at(carry.memory, 0, reverse ? constant(0) : count);
    } else if (isFree && !canOverwrite(old, producer, scan.getBlock())) {
      carry.kind = Carry::Ring;
      Shape shape{Monomial(2)};
      shape.append(from->sizes);
      carry.memory = allocate(from->element, shape, death);
      copy(*from, at(carry.memory, 0, constant(0)));
      Value last = arith::RemSIOp::create(b, loc, count, constant(2));
      views[final] = at(carry.memory, 0, last);
    } else {
      carry.memory = allocate(from->element, from->sizes, death);
      copy(*from, carry.memory);
      views[final] = carry.memory;
    }
    frame.plans.push_back(carry);
  }
  return success();
}

/// Where carried values come in and go out in step number `i`.
void Emitter::placeCarries(ScanFrame &frame, Value i) {
  frame.carries.clear();
  frame.nexts.clear();
  bool reverse = frame.scan.getReverse();
  for (const Carry &carry : frame.plans) {
    Value in, out;
    switch (carry.kind) {
    case Carry::InPlace:
      frame.carries.push_back(carry.memory);
      frame.nexts.push_back(carry.memory);
      continue;
    case Carry::Once:
      frame.carries.push_back(carry.initial);
      frame.nexts.push_back(carry.memory);
      continue;
    case Carry::Ring:
      in = arith::RemSIOp::create(b, loc, i, constant(2));
      out = arith::SubIOp::create(b, loc, constant(1), in);
      break;
    case Carry::Sequence:
      in = frame.position;
      out = add(frame.position, constant(1));
      if (reverse)
        std::swap(in, out);
      break;
    }
    frame.carries.push_back(at(carry.memory, 0, in));
    frame.nexts.push_back(at(carry.memory, 0, out));
  }
}

/// Whether steps in which no example has an entry any more change nothing: all
/// that is carried and emitted has rows, which keep their values or are zero.
bool Emitter::endsWithLongest(const ScanFrame &frame, const Views &wholes,
                              const View &lengths) {
  if (!lengths.element.isInteger(32) || lengths.rank() != 1)
    return false;
  for (const Carry &carry : frame.plans)
    if (carry.kind != Carry::InPlace || !hasRows(carry.memory, lengths))
      return false;
  return llvm::all_of(wholes, [&](const View &whole) {
    View step = whole;
    step.sizes.erase(step.sizes.begin());
    step.strides.erase(step.strides.begin());
    return hasRows(step, lengths);
  });
}

LogicalResult Emitter::emitScan(rnn::ScanOp scan) {
  ScanFrame frame;
  frame.scan = scan;
  rnn::YieldOp yield = scan.getYield();
  auto stepsIt = extentNumbers.find(scan.getSteps());
  if (stepsIt == extentNumbers.end())
    return scan.emitOpError("runs over steps that are no axis of the function");
  Monomial steps = Monomial::extent(stepsIt->second);

  // Carried values: memory each, set to the initial value.
  if (failed(planCarries(frame, steps)))
    return failure();
  std::optional<View> lengths;
  if (scan.getLengths()) {
    auto view = viewOf(scan.getLengths());
    if (failed(view))
      return failure();
    lengths = *view;
  }
  Views seqs;
  for (Value seq : scan.getSeqs()) {
    auto view = viewOf(seq);
    if (failed(view))
      return failure();
    seqs.push_back(*view);
  }
  // Emitted sequences need the shape of what the body emits; that is known
  // only inside. Their shape follows from the body's types and extents.
  Views wholes;
  for (auto [value, result, shared] : llvm::zip_equal(
           yield.getEmit(), scan.getEmitted(), frame.sharedEmits)) {
    if (shared) {
      views[result] = *shared;
      wholes.push_back(*shared);
      continue;
    }
    FailureOr<Shape> slice = shapeOf(value);
    if (failed(slice))
      return failure();
    Shape shape{steps};
    shape.append(*slice);
    View whole = destination(cast<OpResult>(result), shape);
    views[result] = whole;
    wholes.push_back(whole);
  }
  SmallVector<rnn::ContractOp> after;
  bool alone = loopIsAlone = runsAlone(scan, after);
  packOutside(scan);

  bool isLoop = !calls.singleStep || scan.getLengths();
  if (isLoop)
    barrier();
  Value count = value(steps);
  // Behind the longest example of the batch there is nothing but padding.
  Value end = count;
  bool endsEarly = lengths && endsWithLongest(frame, wholes, *lengths);
  if (endsEarly) {
    end = longest(*lengths, count);
    rnn::remarkDone(scan, "lengths", "codegen",
                    "the loop ends with the longest example of the batch");
  }
  LogicalResult ok = success();
  // One step, number `i` in the order of time or against it.
  auto emitStep = [&](Value i) {
    Value position = i;
    if (scan.getReverse() && isLoop)
      position = arith::SubIOp::create(
          b, loc, arith::SubIOp::create(b, loc, end, constant(1)), i);
    frame.position = position;
    scalars.map(scan.getPosition(), position);
    frame.emitted.clear();
    for (const View &whole : wholes)
      frame.emitted.push_back(at(whole, 0, position));
    for (auto [slice, seq] : llvm::zip_equal(scan.getSlices(), seqs))
      views[slice] = at(seq, 0, position);
    placeCarries(frame, i);
    for (auto [argument, carry] :
         llvm::zip_equal(scan.getCarries(), frame.carries))
      views[argument] = carry;
    frames.push_back(frame);
    // What is emitted as it came in is copied first, before it changes.
    for (auto [number, value] : llvm::enumerate(yield.getEmit()))
      if (frame.sharedEmits[number]) {
        // It lies there as soon as it is carried.
        done.insert({yield, yield.getNext().size() + number});
      } else if (isa<BlockArgument>(value) &&
          cast<BlockArgument>(value).getOwner() == scan.getBlock()) {
        copy(views[value], frame.emitted[number]);
        done.insert({yield, yield.getNext().size() + number});
      }
    if (succeeded(ok))
      ok = emitBlock(*scan.getBlock());
    if (failed(ok))
      return;
    loc = scan.getLoc();
    emitYield(scan);
    frames.pop_back();
  };
  // One turn of the loop: as many steps as asked for. Each copy of the step
  // decides anew where its values go, in the memory of the copy before.
  auto emitTurn = [&](Value first, int64_t copies) {
    int barriersBefore = barriers;
    // Of several copies of the step, that of the rest is counted.
    Monomial turnsBefore = turns;
    turns = turns * steps;
    bool countedBefore = std::exchange(countsEffort, countsEffort && copies == 1);
    size_t slotsBefore = slots.size();
    std::vector<bool> freeBefore;
    for (const Slot &slot : slots)
      freeBefore.push_back(slot.free);
    for (int64_t i = 0; i < copies; ++i) {
      emitStep(add(first, constant(i)));
      if (failed(ok))
        return;
      for (size_t s = 0; s < slots.size(); ++s)
        if (s >= slotsBefore || freeBefore[s])
          slots[s].free = true;
      std::erase_if(done, [&](auto &entry) {
        return scan->isProperAncestor(entry.first);
      });
      SmallVector<Operation *> joined;
      for (auto &entry : concatViews)
        if (scan->isProperAncestor(entry.first))
          joined.push_back(entry.first);
      for (Operation *op : joined)
        concatViews.erase(op);
    }
    if (isLoop)
      endOfStep(barriersBefore);
    turns = turnsBefore;
    countsEffort = countedBefore;
    if (copies == 1)
      rnn::remarkFact(scan, "barriers", "codegen",
                      "threads meet " +
                          rnn::counted(barriers - barriersBefore, "time") +
                          " a step");
  };
  if (!isLoop) {
    emitTurn(constant(0), 1);
    return ok;
  }
  if (alone) {
    loopsAlone.insert(scan);
    emitLoopAlone(scan, end, after, [&](Value i) { emitTurn(i, 1); });
  }
  int64_t unroll = std::max<int64_t>(1, scan.getUnroll().value_or(1));
  Value rest = constant(0);
  if (unroll > 1) {
    Value left = arith::RemSIOp::create(b, loc, end, constant(unroll));
    rest = arith::SubIOp::create(b, loc, end, left);
    forRange(constant(0), rest, unroll,
             [&](Value i) { emitTurn(i, unroll); });
    barrier();
  }
  if (succeeded(ok) && !alone)
    forRange(rest, end, 1, [&](Value i) { emitTurn(i, 1); });
  loopIsAlone = false;
  if (failed(ok))
    return failure();
  barrier();
  if (endsEarly && !wholes.empty()) {
    forRange(end, count, 1, [&](Value t) {
      for (const View &whole : wholes)
        zeroPadding(at(whole, 0, t), *lengths, t);
    });
    barrier();
  }
  return success();
}

void Emitter::emitYield(rnn::ScanOp scan) {
  rnn::YieldOp yield = scan.getYield();
  ScanFrame &frame = frames.back();
  std::optional<View> lengths;
  if (scan.getLengths())
    lengths = views[scan.getLengths()];
  unsigned nextCount = yield.getNext().size();
  for (auto [number, value] : llvm::enumerate(yield.getEmit())) {
    View slot = frame.emitted[number];
    if (!done.contains({yield, nextCount + number}))
      copy(views[value], slot);
    // Padding is emitted as 0.
    if (lengths && slot.rank() > 0)
      zeroPadding(slot, *lengths, frame.position);
  }
  // Carried values change together: what reads an old one is set aside first.
  llvm::SmallDenseSet<Storage> storagesOfCarries;
  for (auto [carry, plan] : llvm::zip_equal(frame.carries, frame.plans))
    if (plan.kind == Carry::InPlace)
      storagesOfCarries.insert(carry.storage);
  std::vector<std::pair<View, View>> moves;
  for (unsigned i = 0; i < nextCount; ++i) {
    if (done.contains({yield, i}))
      continue;
    View from = views[yield.getNext()[i]];
    View to = frame.carries[i];
    if (frame.plans[i].kind != Carry::InPlace) {
      copy(from, frame.nexts[i]);
      continue;
    }
    if (from.storage == to.storage)
      continue;
    if (storagesOfCarries.contains(from.storage)) {
      View aside = scratch(from.element, from.sizes);
      copy(from, aside);
      from = aside;
    }
    moves.push_back({from, to});
  }
  for (auto &[from, to] : moves) {
    bool batched = to.rank() > 0 && !to.sizes[0].isConstant();
    if (lengths && batched)
      copyValid(from, to, *lengths, frame.position);
    else
      copy(from, to);
  }
}

/// Between one step and the next: a barrier, unless every kernel of the step
/// kept to the rows of its thread.
void Emitter::endOfStep(int barriersBefore) {
  // What was done before a barrier of this step is forgotten here, and the
  // next step does it again.
  if (barriers != barriersBefore)
    return barrier();
  for (auto &[storage, uses] : accesses) {
    if (uses.writers.empty())
      continue;
    std::set<std::string> shares = uses.writers;
    shares.insert(uses.alignedReaders.begin(), uses.alignedReaders.end());
    if (shares.size() > 1 || uses.otherReaders)
      return barrier();
  }
}
