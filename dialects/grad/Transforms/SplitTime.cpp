//===- SplitTime.cpp - A training step in pieces of the time axis ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts @split, a differentiated function, into functions over a piece of the
// axis. They hold copies of its ops, so each entry of each result is computed
// by the same operations in the same order, whatever the pieces.
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Interfaces/Extents.h"
#include "dialects/grad/Transforms/Passes.h"
#include "dialects/grad/Transforms/TimeLocality.h"
#include "dialects/rnn/IR/Arguments.h"
#include "dialects/rnn/IR/Remarks.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

#define DEBUG_TYPE "grad-split-time"

namespace rnnc::grad {
#define GEN_PASS_DEF_SPLITTIMEPASS
#include "dialects/grad/Transforms/Passes.h.inc"
} // namespace rnnc::grad

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;
using namespace rnnc::rnn;

static DictionaryAttr attrsOf(ArgAttr arg) {
  return DictionaryAttr::get(
      arg.getContext(),
      NamedAttribute(StringAttr::get(arg.getContext(), kArgAttrName), arg));
}

namespace {
enum class Part { Before, Advance, Reverse, Last, After };

/// What the parts share.
struct Split {
  Split(func::FuncOp function, TimeLocality &time)
      : function(function), time(time) {}

  func::FuncOp function;
  TimeLocality &time;
  /// Values made before and between the passes that other parts take.
  llvm::SetVector<Value> kept, middle;
  DenseMap<Value, unsigned> forwardOf, backwardOf, sumOf;

  /// "l0" of losses, "s0" of gradients.
  std::string sumName(Value sum) {
    return (time.isOfLosses(sum.getDefiningOp()) ? "l" : "s") +
           std::to_string(sumOf.lookup(sum));
  }

  /// The description of `value` as an argument; null if an extent has no name.
  ArgAttr describe(ArgKind kind, const Twine &name, Value value) {
    SmallVector<StringAttr> axes;
    auto type = cast<RankedTensorType>(value.getType());
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      if (!type.isDynamicDim(dim))
        continue;
      auto extent = dyn_cast_if_present<BlockArgument>(findExtent(value, dim));
      ArgAttr axis = extent && extent.getOwner()->getParentOp() == function
                         ? argOf(function, extent.getArgNumber())
                         : ArgAttr();
      if (!axis)
        return {};
      axes.push_back(axis.getName());
    }
    MLIRContext *context = function.getContext();
    return ArgAttr::get(context, kind, StringAttr::get(context, name), axes);
  }
};

/// One of the functions under construction.
class PartBuilder {
public:
  PartBuilder(Split &split, Part part)
      : split(split), time(split.time), part(part),
        b(split.function.getContext()), loc(split.function.getLoc()) {}

  LogicalResult build(StringRef name);

private:
  bool inPiece() const {
    return part == Part::Advance || part == Part::Reverse || part == Part::Last;
  }
  bool goesBack() const {
    return part == Part::Reverse || part == Part::Last;
  }
  bool isMade(Value value);
  void need(Value value);
  void needOp(Operation *op);
  void needAll();
  void begin(StringRef name);
  Value argument(Value like, ArgAttr arg);
  Value resolve(Value value);
  void makeAll();
  void make(Operation *op);
  void makeScan(ScanOp scan);
  void makeShift(ShiftOp shift);
  void makePick(PickOp pick);
  void makePut(PutOp put);
  Value carriedArgument(Value like, unsigned index, bool back);
  Value edge(ArgKind kind);
  Value choose(Value rows, Value like, Value yes, Value no);
  Value zeros(Value like);
  void result(Value value, ArgAttr arg);
  void carriedResult(const Carried &carried, unsigned index, bool back);
  LogicalResult finish();
  unsigned indexOf(Operation *op, bool back) {
    for (auto [i, carried] :
         llvm::enumerate(back ? time.backward() : time.forward()))
      if (carried.op == op)
        return i;
    llvm_unreachable("carries nothing");
  }

  Split &split;
  TimeLocality &time;
  Part part;
  OpBuilder b;
  Location loc;
  func::FuncOp function;
  IRMapping map;
  llvm::SmallPtrSet<Operation *, 32> ops;
  Value first;
  DenseMap<int, Value> edges;
  /// What a carried value is at the end of this piece.
  DenseMap<unsigned, Value> nextForward, nextBackward;
  SmallVector<std::pair<Value, ArgAttr>> results;
  bool incomplete = false;
};
} // namespace

/// Whether the part computes the value, or has it from outside.
bool PartBuilder::isMade(Value value) {
  if (isa<BlockArgument>(value))
    return false;
  Place place = time.of(value);
  switch (place.phase) {
  case Phase::Before:
    if (place.isSequence)
      return part != Part::After;
    return place.isFixed || place.isSeeded || part == Part::Before;
  case Phase::Forward:
    return inPiece();
  case Phase::Middle:
    return part == Part::Last ||
           (part == Part::After && !split.forwardOf.contains(value));
  case Phase::Reverse:
    return goesBack();
  case Phase::After:
    return part == Part::After && !split.backwardOf.contains(value) &&
           !split.sumOf.contains(value);
  }
  llvm_unreachable("unknown phase");
}

void PartBuilder::need(Value value) {
  if (isMade(value))
    needOp(value.getDefiningOp());
}

void PartBuilder::needOp(Operation *op) {
  if (!ops.insert(op).second)
    return;
  for (Value read : readsOf(op)) {
    // What comes in from the piece beside is an argument.
    if (inPiece()) {
      if (auto scan = dyn_cast<ScanOp>(op);
          scan && scan.getSteps() == time.steps()) {
        bool other = llvm::is_contained(scan.getSeqs(), read) ||
                     llvm::any_of(read.getUses(), [&](OpOperand &use) {
                       return use.getOwner() != scan &&
                              scan->isAncestor(use.getOwner());
                     });
        // The last piece begins with what it made itself.
        bool own = part == Part::Last && scan.getReverse() &&
                   time.of(read).phase == Phase::Middle;
        if (llvm::is_contained(scan.getInitial(), read) && !other && !own)
          continue;
      }
      if (auto shift = dyn_cast<ShiftOp>(op);
          shift && time.leads(shift) && shift.getInit() == read &&
          shift.getInput() != read) {
        bool own = part == Part::Last && shift.getReverse() &&
                   time.of(read).phase == Phase::Middle;
        if (!own)
          continue;
      }
    }
    need(read);
  }
}

void PartBuilder::needAll() {
  auto carried = [&](ArrayRef<Carried> list) {
    for (const Carried &one : list)
      needOp(one.op);
  };
  switch (part) {
  case Part::Before:
    for (Value value : split.kept)
      need(value);
    for (ArrayRef<Carried> list : {time.forward(), time.backward()})
      for (const Carried &one : list)
        if (one.initial && time.of(one.initial).phase == Phase::Before)
          need(one.initial);
    return;
  case Part::Last:
    for (Value value : split.middle)
      need(value);
    [[fallthrough]];
  case Part::Reverse:
    carried(time.backward());
    for (Operation *sum : time.sums())
      needOp(sum);
    [[fallthrough]];
  case Part::Advance:
    carried(time.forward());
    return;
  case Part::After:
    for (Value value :
         split.function.getBody().front().getTerminator()->getOperands())
      need(value);
    return;
  }
}

void PartBuilder::begin(StringRef name) {
  b.setInsertionPoint(split.function);
  function = func::FuncOp::create(b, loc, name, b.getFunctionType({}, {}));
  function.addEntryBlock();
  b.setInsertionPointToStart(&function.getBody().front());
  for (BlockArgument argument : split.function.getArguments())
    if (argument.getType().isIndex())
      map.map(argument,
              this->argument(argument,
                             argOf(split.function, argument.getArgNumber())));
  if (inPiece()) {
    ArgAttr axis = argOf(split.function, time.steps().getArgNumber());
    MLIRContext *context = b.getContext();
    first = argument(
        time.steps(),
        ArgAttr::get(context, ArgKind::Axis,
                     StringAttr::get(context, axis.getName().getValue() +
                                                  ".first"),
                     {}));
  }
}

/// A new argument of the type of `like`.
Value PartBuilder::argument(Value like, ArgAttr arg) {
  if (!arg) {
    incomplete = true;
    arg = ArgAttr::get(b.getContext(), ArgKind::Kept, b.getStringAttr(""), {});
  }
  unsigned number = function.getNumArguments();
  (void)function.insertArgument(number, like.getType(), attrsOf(arg), loc);
  return function.getArgument(number);
}

Value PartBuilder::resolve(Value value) {
  if (Value known = map.lookupOrNull(value))
    return known;
  Value made;
  if (auto own = dyn_cast<BlockArgument>(value)) {
    made = argument(value, argOf(split.function, own.getArgNumber()));
  } else {
    Place place = time.of(value);
    if (auto it = split.forwardOf.find(value);
        it != split.forwardOf.end() && part == Part::After) {
      made = carriedArgument(value, it->second, /*back=*/false);
    } else if (auto it = split.backwardOf.find(value);
               it != split.backwardOf.end()) {
      made = carriedArgument(value, it->second, /*back=*/true);
    } else if (auto it = split.sumOf.find(value); it != split.sumOf.end()) {
      made = argument(
          value, split.describe(ArgKind::Sum, split.sumName(value), value));
    } else {
      bool between = place.phase == Phase::Middle;
      auto &list = between ? split.middle : split.kept;
      list.insert(value);
      auto number = std::distance(list.begin(), llvm::find(list, value));
      made = argument(value, split.describe(ArgKind::Kept,
                                            (between ? "m" : "k") +
                                                Twine(number),
                                            value));
    }
  }
  map.map(value, made);
  return made;
}

Value PartBuilder::carriedArgument(Value like, unsigned index, bool back) {
  return argument(like,
                  split.describe(back ? ArgKind::Back : ArgKind::Carry,
                                 (back ? "b" : "c") + Twine(index), like));
}

/// Whether the first or last step of the axis, or of each row, is in the piece.
Value PartBuilder::edge(ArgKind kind) {
  Value &known = edges[static_cast<int>(kind)];
  if (known)
    return known;
  ArgAttr axis = argOf(split.function, time.steps().getArgNumber());
  MLIRContext *context = b.getContext();
  SmallVector<StringAttr> axes;
  SmallVector<int64_t> shape;
  if (time.lengths()) {
    axes.push_back(StringAttr::get(context, "B"));
    shape.push_back(ShapedType::kDynamic);
  }
  unsigned number = function.getNumArguments();
  (void)function.insertArgument(
      number, RankedTensorType::get(shape, b.getI1Type()),
      attrsOf(ArgAttr::get(context, kind, axis.getName(), axes)), loc);
  return known = function.getArgument(number);
}

/// `yes` in rows where `rows` holds, else `no`; of the shape of `like`.
Value PartBuilder::choose(Value rows, Value like, Value yes, Value no) {
  auto type = cast<RankedTensorType>(like.getType());
  std::string labels = labelsOf(type);
  bool each = cast<RankedTensorType>(rows.getType()).getRank() == 1;
  SmallVector<Value> sizes;
  for (auto [dim, label] : llvm::enumerate(labels))
    if (type.isDynamicDim(dim) && !(each && label == 'b'))
      sizes.push_back(resolve(findExtent(like, dim)));
  std::string from = each ? "b" : "";
  if (from != labels)
    rows = BroadcastOp::create(
        b, loc, RankedTensorType::get(type.getShape(), b.getI1Type()),
        b.getStringAttr(from + "->" + labels), rows, sizes);
  return arith::SelectOp::create(b, loc, rows, yes, no);
}

Value PartBuilder::zeros(Value like) {
  auto type = cast<RankedTensorType>(like.getType());
  auto scalar = RankedTensorType::get({}, type.getElementType());
  Value zero = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(
                  scalar, Attribute(b.getZeroAttr(type.getElementType()))));
  if (type.getRank() == 0)
    return zero;
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.isDynamicDim(dim))
      sizes.push_back(resolve(findExtent(like, dim)));
  return BroadcastOp::create(b, loc, type,
                             b.getStringAttr("->" + labelsOf(type)), zero,
                             sizes);
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

void PartBuilder::makeScan(ScanOp scan) {
  bool back = scan.getReverse();
  for (Value read : readsOf(scan))
    if (!llvm::is_contained(scan.getInitial(), read) ||
        ops.contains(read.getDefiningOp()) ||
        llvm::any_of(read.getUses(), [&](OpOperand &use) {
          return use.getOwner() != scan && scan->isAncestor(use.getOwner());
        }))
      (void)resolve(read);
  auto copy = cast<ScanOp>(b.clone(*scan, map));
  unsigned from = indexOf(scan, back);
  for (unsigned i = 0; i < scan.getInitial().size(); ++i) {
    Value initial = scan.getInitial()[i];
    bool own = part == Part::Last && back &&
               time.of(initial).phase == Phase::Middle;
    if (!own)
      copy.getInitialMutable()[i].set(
          carriedArgument(scan.getFinals()[i], from + i, back));
    (back ? nextBackward : nextForward)[from + i] = copy.getFinals()[i];
    // Others mean what it is at the end of the axis.
    if (part != Part::Last)
      map.erase(scan.getFinals()[i]);
  }
  // The position, where it counts beyond this piece.
  Value position = copy.getPosition();
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : position.getUses()) {
    auto valid = dyn_cast<ValidOp>(use.getOwner());
    if (!valid || valid.getLengths() != copy.getLengths())
      uses.push_back(&use);
  }
  if (uses.empty())
    return;
  OpBuilder inner = OpBuilder::atBlockBegin(copy.getBlock());
  Value whole = arith::AddIOp::create(inner, scan.getLoc(), position, first);
  for (OpOperand *use : uses)
    use->set(whole);
}

void PartBuilder::makeShift(ShiftOp shift) {
  bool back = shift.getReverse();
  unsigned index = indexOf(shift, back);
  bool own = part == Part::Last && back &&
             time.of(shift.getInit()).phase == Phase::Middle;
  Value init = own ? resolve(shift.getInit())
                   : carriedArgument(shift.getInit(), index, back);
  Value input = resolve(shift.getInput());
  Value lengths = shift.getLengths() ? resolve(shift.getLengths()) : Value();
  map.map(shift.getResult(),
          ShiftOp::create(b, shift.getLoc(), shift.getType(), input, init,
                          lengths, shift.getReverseAttr()));
  Value next = PickOp::create(b, shift.getLoc(), init.getType(),
                              back ? End::First : End::Last, input, lengths);
  if (lengths) {
    // A row with no step in this piece passes on what came in.
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    Value any = ValidOp::create(
        b, loc, RankedTensorType::get({ShapedType::kDynamic}, b.getI1Type()),
        lengths, zero);
    next = choose(any, shift.getInit(), next, init);
  }
  (back ? nextBackward : nextForward)[index] = next;
}

void PartBuilder::makePick(PickOp pick) {
  bool back = split.backwardOf.contains(pick);
  unsigned index = back ? split.backwardOf.lookup(pick)
                        : split.forwardOf.lookup(pick);
  Value before = carriedArgument(pick, index, back);
  Value input = resolve(pick.getInput());
  Value lengths = pick.getLengths() ? resolve(pick.getLengths()) : Value();
  Value here = PickOp::create(b, pick.getLoc(), pick.getType(), pick.getEnd(),
                              input, lengths);
  // Only the piece with that end of the axis, or of the row, has a say.
  Value next =
      choose(edge(pick.getEnd() == End::Last ? ArgKind::End : ArgKind::Start),
             pick, here, before);
  if (part == Part::Last)
    map.map(pick.getResult(), next);
  (back ? nextBackward : nextForward)[index] = next;
}

void PartBuilder::makePut(PutOp put) {
  Value input = resolve(put.getInput());
  Value zero = zeros(put.getInput());
  Value shown =
      choose(edge(put.getEnd() == End::Last ? ArgKind::End : ArgKind::Start),
             put.getInput(), input, zero);
  Value lengths = put.getLengths() ? resolve(put.getLengths()) : Value();
  map.map(put.getResult(),
          PutOp::create(b, put.getLoc(), put.getType(), put.getEnd(), shown,
                        resolve(put.getSteps()), lengths));
}

void PartBuilder::make(Operation *op) {
  loc = op->getLoc();
  if (inPiece()) {
    if (auto scan = dyn_cast<ScanOp>(op);
        scan && scan.getSteps() == time.steps())
      return makeScan(scan);
    if (auto shift = dyn_cast<ShiftOp>(op); shift && time.leads(shift))
      return makeShift(shift);
    if (auto pick = dyn_cast<PickOp>(op);
        pick && (split.backwardOf.contains(pick) ||
                 split.forwardOf.contains(pick)))
      return makePick(pick);
    if (auto put = dyn_cast<PutOp>(op); put && time.leads(put))
      return makePut(put);
  }
  for (Value read : readsOf(op))
    (void)resolve(read);
  Operation *copy = b.clone(*op, map);
  if (!inPiece())
    return;
  // Draws and positions count from the start of the axis.
  auto fromStart = [&](auto draw) {
    if (draw.getSequence() && time.leads(op->getResult(0)))
      draw.getAtMutable().assign(first);
  };
  if (auto draw = dyn_cast<UniformOp>(copy))
    fromStart(draw);
  else if (auto draw = dyn_cast<NormalOp>(copy))
    fromStart(draw);
  else if (auto position = dyn_cast<PositionOp>(copy);
           position && time.leads(op->getResult(0)))
    position.getFirstMutable().assign(first);
  if (op->getNumResults() != 1 || !split.sumOf.contains(op->getResult(0)))
    return;
  // Sums go on from those of the pieces after this one.
  Value sum = op->getResult(0);
  ArgAttr arg = split.describe(ArgKind::Sum, split.sumName(sum), sum);
  Value before = argument(sum, arg);
  if (auto contract = dyn_cast<ContractOp>(copy))
    contract.getAccMutable().assign(before);
  else if (auto reduce = dyn_cast<ReduceOp>(copy))
    reduce.getAccMutable().assign(before);
  else
    cast<ScatterAddOp>(copy).getAccMutable().assign(before);
  result(copy->getResult(0), arg);
}

void PartBuilder::makeAll() {
  for (Operation &op : split.function.getBody().front().without_terminator())
    if (ops.contains(&op))
      make(&op);
  loc = split.function.getLoc();
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void PartBuilder::result(Value value, ArgAttr arg) {
  incomplete |= !arg;
  results.emplace_back(value, arg);
}

void PartBuilder::carriedResult(const Carried &carried, unsigned index,
                                bool back) {
  Value next = (back ? nextBackward : nextForward).lookup(index);
  // Another kind than the argument's: it lies elsewhere.
  Value like = carried.final ? carried.final : carried.initial;
  ArgAttr arg = split.describe(back ? ArgKind::Back : ArgKind::Carry,
                               (back ? "b" : "c") + Twine(index) + "'", like);
  result(next, arg);
}

LogicalResult PartBuilder::finish() {
  auto carried = [&](ArrayRef<Carried> list, bool back) {
    for (auto [i, one] : llvm::enumerate(list))
      carriedResult(one, i, back);
  };
  switch (part) {
  case Part::Before:
    for (auto [i, value] : llvm::enumerate(split.kept))
      result(resolve(value),
             split.describe(ArgKind::Kept, "k" + Twine(i), value));
    for (bool back : {false, true})
      for (auto [i, one] :
           llvm::enumerate(back ? time.backward() : time.forward())) {
        if (one.initial && time.of(one.initial).phase != Phase::Before)
          continue;
        Value like = one.final ? one.final : one.initial;
        result(one.initial ? resolve(one.initial) : zeros(one.final),
               split.describe(back ? ArgKind::Back : ArgKind::Carry,
                              (back ? "b" : "c") + Twine(i), like));
      }
    break;
  case Part::Last:
    for (auto [i, value] : llvm::enumerate(split.middle))
      result(resolve(value),
             split.describe(ArgKind::Kept, "m" + Twine(i), value));
    [[fallthrough]];
  case Part::Reverse:
    carried(time.backward(), /*back=*/true);
    [[fallthrough]];
  case Part::Advance:
    carried(time.forward(), /*back=*/false);
    break;
  case Part::After:
    auto end = split.function.getBody().front().getTerminator();
    for (auto [i, value] : llvm::enumerate(end->getOperands())) {
      auto arg = split.function.getResultAttrOfType<ArgAttr>(i, kArgAttrName);
      Value returned = resolve(value);
      if (arg && arg.getKind() == ArgKind::Grad)
        returned = arith::AddFOp::create(b, loc, argument(value, arg), returned);
      result(returned, arg);
    }
    break;
  }
  SmallVector<Value> values;
  for (auto [value, arg] : results)
    values.push_back(value);
  func::ReturnOp::create(b, loc, values);
  function.setFunctionType(
      b.getFunctionType(function.getArgumentTypes(), TypeRange(values)));
  for (auto [i, pair] : llvm::enumerate(results))
    if (pair.second)
      function.setResultAttr(i, kArgAttrName, pair.second);
  return failure(incomplete);
}

LogicalResult PartBuilder::build(StringRef name) {
  needAll();
  begin(name);
  makeAll();
  return finish();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// Makes the gradients of `function` grow: what cannot be cut is one piece.
static void addGradients(func::FuncOp function) {
  Operation *end = function.getBody().front().getTerminator();
  OpBuilder b(end);
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    auto arg = function.getResultAttrOfType<ArgAttr>(i, kArgAttrName);
    if (!arg || arg.getKind() != ArgKind::Grad)
      continue;
    Value value = end->getOperand(i);
    unsigned number = function.getNumArguments();
    (void)function.insertArgument(number, value.getType(), attrsOf(arg),
                                  function.getLoc());
    end->setOperand(i, arith::AddFOp::create(b, function.getLoc(),
                                             function.getArgument(number),
                                             value));
  }
}

namespace {
struct SplitTimePass : grad::impl::SplitTimePassBase<SplitTimePass> {
  using SplitTimePassBase::SplitTimePassBase;

  void runOnOperation() override {
    auto module = dyn_cast<ModuleOp>(getOperation());
    auto function =
        module ? module.lookupSymbol<func::FuncOp>("split") : func::FuncOp();
    if (!function)
      return;
    std::unique_ptr<TimeLocality> best, refused;
    for (BlockArgument argument : function.getArguments()) {
      ArgAttr arg = argOf(function, argument.getArgNumber());
      if (!argument.getType().isIndex() || !arg ||
          arg.getKind() != ArgKind::Axis || arg.getName().getValue() == "B")
        continue;
      auto time = std::make_unique<TimeLocality>(function, argument);
      bool local = succeeded(time->run());
      std::unique_ptr<TimeLocality> &place = local ? best : refused;
      if (local && time->forward().empty() && time->sums().empty())
        continue;
      if (!place || place->weight() < time->weight())
        place = std::move(time);
    }
    if (best && succeeded(cut(module, function, *best))) {
      function.erase();
      return;
    }
    // One piece, and the reason why.
    addGradients(function);
    function.setName("after");
    if (refused) {
      // " of 'name'", if a named layer or cell is in the way.
      std::string reason = refused->reason;
      StringRef name;
      std::string instance =
          refused->blamed ? ofInstance(refused->blamed) : std::string();
      if (name = instance; name.consume_front(" of "))
        reason += ", in " + name.str();
      module->setAttr("rnn.whole",
                      StringAttr::get(module.getContext(), reason));
      if (refused->blamed)
        module->setAttr("rnn.whole_at", refused->blamed->getLoc());
    }
  }

  LogicalResult cut(ModuleOp module, func::FuncOp function,
                    TimeLocality &time) {
    Split split(function, time);
    for (auto [i, carried] : llvm::enumerate(time.forward()))
      if (carried.final)
        split.forwardOf[carried.final] = i;
    for (auto [i, carried] : llvm::enumerate(time.backward()))
      if (carried.final)
        split.backwardOf[carried.final] = i;
    for (auto [i, sum] : llvm::enumerate(time.sums()))
      split.sumOf[sum->getResult(0)] = i;
    LogicalResult made = PartBuilder(split, Part::Reverse).build("reverse");
    bool between = !split.middle.empty();
    for (const Carried &carried : time.backward())
      between |= carried.initial &&
                 time.of(carried.initial).phase == Phase::Middle;
    if (succeeded(made) && between)
      made = PartBuilder(split, Part::Last).build("last");
    if (succeeded(made))
      made = PartBuilder(split, Part::Advance).build("advance");
    if (succeeded(made))
      made = PartBuilder(split, Part::After).build("after");
    if (succeeded(made))
      made = PartBuilder(split, Part::Before).build("before");
    if (succeeded(made)) {
      // Where nothing is carried or kept there is nothing to make.
      for (StringRef name : {"advance", "before"})
        if (auto part = module.lookupSymbol<func::FuncOp>(name);
            part.getNumResults() == 0)
          part.erase();
      return success();
    }
    for (StringRef name : {"reverse", "last", "advance", "after", "before"})
      if (auto part = module.lookupSymbol<func::FuncOp>(name))
        part.erase();
    return failure();
  }
};
} // namespace
