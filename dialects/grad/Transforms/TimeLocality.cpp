//===- TimeLocality.cpp - What each value needs of a sequence -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Transforms/TimeLocality.h"
#include "dialects/grad/Interfaces/Extents.h"
#include "dialects/rnn/IR/Arguments.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;
using namespace rnnc::rnn;

SmallVector<Value> grad::readsOf(Operation *op) {
  llvm::SetVector<Value> reads;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (inner == op || !op->isAncestor(operand.getParentRegion()->getParentOp()))
        reads.insert(operand);
  });
  return reads.takeVector();
}

bool grad::isLengthsUse(OpOperand &use, Value steps) {
  Operation *op = use.getOwner();
  auto isIn = [&](MutableOperandRange range) {
    return llvm::any_of(range, [&](OpOperand &own) { return &own == &use; });
  };
  if (auto scan = dyn_cast<ScanOp>(op))
    return isIn(scan.getLengthsMutable()) && scan.getSteps() == steps;
  if (auto valid = dyn_cast<ValidOp>(op)) {
    auto scan = dyn_cast<ScanOp>(op->getParentOp());
    return scan && scan.getSteps() == steps &&
           valid.getAt() == scan.getPosition();
  }
  if (auto shift = dyn_cast<ShiftOp>(op))
    return isIn(shift.getLengthsMutable());
  if (auto pick = dyn_cast<PickOp>(op))
    return isIn(pick.getLengthsMutable());
  if (auto put = dyn_cast<PutOp>(op))
    return isIn(put.getLengthsMutable());
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return isIn(reduce.getValidMutable());
  if (auto contract = dyn_cast<ContractOp>(op))
    return isIn(contract.getValidMutable());
  if (auto scatter = dyn_cast<ScatterAddOp>(op))
    return isIn(scatter.getValidMutable());
  if (auto mask = dyn_cast<MaskOp>(op))
    return use.getOperandNumber() == 1;
  if (auto valid = dyn_cast<ValidStepsOp>(op))
    return use.getOperandNumber() == 0;
  return false;
}

TimeLocality::TimeLocality(func::FuncOp function, BlockArgument steps)
    : function(function), extent(steps), axisLengths(lengthsOf(steps)) {}

LogicalResult TimeLocality::refuse(Operation *op, const Twine &why) {
  blamed = op;
  reason = why.str();
  return failure();
}

int TimeLocality::axisOf(Value value) const {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return 0;
  int found = 0;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    if (!type.isDynamicDim(dim))
      continue;
    Value own = findExtent(value, dim);
    if (!own || (own == extent && found))
      return -1;
    if (own == extent)
      found = int(dim) + 1;
  }
  return found;
}

static Phase later(Phase a, Phase b) { return std::max(a, b); }

/// Uses of the number of steps and of the lengths that a piece of the axis
/// cannot replace by its own.
LogicalResult TimeLocality::checkUses(Operation *op) {
  bool overAxis = false;
  if (auto scan = dyn_cast<ScanOp>(op))
    overAxis = scan.getSteps() == extent;
  WalkResult walked = op->walk([&](Operation *inner) {
    for (OpOperand &use : inner->getOpOperands()) {
      if (use.get() == extent) {
        if (inner != op) {
          (void)refuse(inner, "the axis is used inside of another loop");
          return WalkResult::interrupt();
        }
        if (!isa<ScanOp, BroadcastOp, PutOp, PositionOp, ValidStepsOp,
                 UniformOp, NormalOp>(inner)) {
          (void)refuse(inner, "it computes with the number of steps");
          return WalkResult::interrupt();
        }
      }
      if (axisLengths && use.get() == axisLengths && overAxis &&
          !isLengthsUse(use, extent)) {
        (void)refuse(inner, "a step reads the length of the whole sequence");
        return WalkResult::interrupt();
      }
    }
    return WalkResult::advance();
  });
  return failure(walked.wasInterrupted());
}

static constexpr StringLiteral kMeets =
    "each step meets each other step of the sequence";
static constexpr StringLiteral kBothWays =
    "it runs from the first step over what runs from the last one: the whole "
    "sequence is needed at once";

LogicalResult TimeLocality::visitScan(ScanOp scan) {
  if (scan.getLengths() && scan.getLengths() != axisLengths)
    return refuse(scan, "its lengths are not those of the axis");
  Phase seqs = Phase::Before, captured = Phase::Before,
        initial = Phase::Before;
  for (Value seq : scan.getSeqs())
    seqs = later(seqs, of(seq).phase);
  for (Value value : scan.getInitial()) {
    if (of(value).isSequence)
      return refuse(scan, "it carries the whole sequence");
    initial = later(initial, of(value).phase);
  }
  for (Value value : readsOf(scan)) {
    if (llvm::is_contained(scan.getOperands(), value) &&
        !llvm::any_of(value.getUses(), [&](OpOperand &use) {
          return use.getOwner() != scan && scan->isAncestor(use.getOwner());
        }))
      continue;
    if (of(value).isSequence)
      return refuse(scan, "each step reads the whole sequence");
    captured = later(captured, of(value).phase);
  }
  bool back = scan.getReverse();
  if (!back && seqs > Phase::Forward)
    return refuse(scan, kBothWays);
  if (!back && later(captured, initial) > Phase::Before)
    return refuse(scan, "it begins with what is known after the last step");
  if (back && (seqs > Phase::Reverse || later(captured, initial) > Phase::Middle))
    return refuse(scan, "it needs gradients that are known after the first "
                        "step only");
  for (Value value : scan.getEmitted())
    places[value] = {back ? Phase::Reverse : Phase::Forward, true, false, false};
  for (auto [i, value] : llvm::enumerate(scan.getFinals())) {
    places[value] = {back ? Phase::After : Phase::Middle, false, false, false};
    (back ? backwards : forwards)
        .push_back({scan, unsigned(i), value, scan.getInitial()[i]});
  }
  return success();
}

/// A sum over the axis.
LogicalResult TimeLocality::visitSum(Operation *op) {
  Phase phase = Phase::Before;
  bool seeded = false;
  for (Value value : op->getOperands()) {
    phase = later(phase, of(value).phase);
    seeded |= of(value).isSeeded;
  }
  if (phase == Phase::After)
    return refuse(op, "it needs gradients that are known after the first step "
                      "only");
  Value result = op->getResult(0);
  if (phase == Phase::Before && !seeded) {
    places[result] = {Phase::Before, false, false, false};
    return success();
  }
  MutableOperandRange start =
      isa<ContractOp>(op) ? cast<ContractOp>(op).getAccMutable()
      : isa<ReduceOp>(op) ? cast<ReduceOp>(op).getAccMutable()
                          : cast<ScatterAddOp>(op).getAccMutable();
  if (!start.empty())
    return refuse(op, "it goes on from another sum");
  if (auto reduce = dyn_cast<ReduceOp>(op);
      reduce && reduce.getKind() != ReduceKind::Sum)
    return refuse(op, "the greatest or least of all steps, or their product, "
                      "is known after the last step");
  if (!isa<FloatType>(getElementTypeOrSelf(result.getType())))
    return refuse(op, "a sum of whole numbers over all steps");
  places[result] = {Phase::After, false, false, false};
  timeSums.push_back(op);
  if (!seeded && phase != Phase::Reverse)
    lossSums.insert(op);
  return success();
}

LogicalResult TimeLocality::visit(Operation *op) {
  if (failed(checkUses(op)))
    return failure();
  if (auto scan = dyn_cast<ScanOp>(op); scan && scan.getSteps() == extent)
    return visitScan(scan);
  SmallVector<Value> reads = readsOf(op);
  bool in = false, out = false;
  Place place{Phase::Before, false, true, false};
  for (Value value : reads) {
    int axis = axisOf(value);
    if (axis < 0)
      return refuse(op, kMeets);
    in |= axis > 0;
    Place own = of(value);
    place.phase = later(place.phase, own.phase);
    place.isFixed &= own.isFixed;
    place.isSeeded |= own.isSeeded;
  }
  for (Value result : op->getResults()) {
    int axis = axisOf(result);
    if (axis < 0)
      return refuse(op, kMeets);
    out |= axis > 0;
  }
  if (op->getNumRegions() && (in || out))
    return refuse(op, "a loop over another axis reads the whole sequence");
  if (!in && !out) {
    place.phase = place.phase == Phase::Forward    ? Phase::Middle
                  : place.phase == Phase::Reverse ? Phase::After
                                                  : place.phase;
    for (Value result : op->getResults())
      places[result] = place;
    return success();
  }

  Value result = op->getResult(0);
  bool early = place.phase == Phase::Before && !place.isSeeded;
  if (auto shift = dyn_cast<ShiftOp>(op); shift && leads(result)) {
    bool back = shift.getReverse();
    if (!back && place.phase > Phase::Forward)
      return refuse(op, kBothWays);
    if (of(shift.getInit()).phase > (back ? Phase::Middle : Phase::Before))
      return refuse(op, "it begins with what is known after the last step");
    places[result] = {back ? Phase::Reverse : Phase::Forward, true, false,
                      false};
    (back ? backwards : forwards).push_back({op, 0, Value(), shift.getInit()});
    return success();
  }
  if (auto pick = dyn_cast<PickOp>(op); pick && leads(pick.getInput())) {
    if (early) {
      places[result] = {Phase::Before, false, false, false};
    } else if (place.phase == Phase::Forward && !place.isSeeded) {
      places[result] = {Phase::Middle, false, false, false};
      forwards.push_back({op, 0, result, Value()});
    } else {
      places[result] = {Phase::After, false, false, false};
      backwards.push_back({op, 0, result, Value()});
    }
    return success();
  }
  // What has a form of its own along the axis.
  if (isa<ReverseOp>(op) && leads(result))
    return refuse(op, "the sequence is read from its end");
  if (isa<UniformOp, NormalOp, PositionOp>(op) && !leads(result))
    return refuse(op, "its draws are not counted along the axis");
  if (auto gather = dyn_cast<GatherOp>(op);
      gather && of(gather.getTable()).isSequence)
    return refuse(op, "steps are looked up by number");
  auto labelOf = [&](Value value, StringRef labels) {
    int axis = axisOf(value);
    return axis > 0 ? labels[axis - 1] : '\0';
  };
  auto overAll = [&](auto softmax) {
    return softmax.getOver()[0] ==
           labelOf(softmax.getInput(), softmax.getLabels());
  };
  // Pieces are visited from the last one on: a sum must run as they do, and
  // over the axis before all else.
  auto sum = [&](StringRef in, StringRef kept, char label,
                 bool descends) -> LogicalResult {
    for (char other : in)
      if (!kept.contains(other)) {
        if (!early && (other != label || label != 't' || !descends))
          return refuse(op, "it is summed from the first step to the last");
        break;
      }
    return visitSum(op);
  };
  if (auto softmax = dyn_cast<SoftmaxOp>(op)) {
    if (overAll(softmax))
      return refuse(op, "it is taken over all steps");
  } else if (auto softmax = dyn_cast<LogSoftmaxOp>(op)) {
    if (overAll(softmax))
      return refuse(op, "it is taken over all steps");
  } else if (auto contract = dyn_cast<ContractOp>(op)) {
    char lhs = labelOf(contract.getLhs(), contract.getLhsLabels());
    char rhs = labelOf(contract.getRhs(), contract.getRhsLabels());
    if (lhs && rhs && lhs != rhs)
      return refuse(op, kMeets);
    if (!out)
      return sum((contract.getLhsLabels() + contract.getRhsLabels()).str(),
                 contract.getOutLabels(), lhs ? lhs : rhs,
                 contract.getDescending());
  } else if (auto reduce = dyn_cast<ReduceOp>(op); reduce && !out) {
    return sum(reduce.getInLabels(), reduce.getOutLabels(),
               labelOf(reduce.getInput(), reduce.getInLabels()), true);
  } else if (auto scatter = dyn_cast<ScatterAddOp>(op)) {
    if (!leads(scatter.getIds()) || out)
      return refuse(op, "steps are summed by number");
    return visitSum(op);
  }
  if (!out)
    return refuse(op, "it reads the whole sequence");
  if (place.phase > Phase::Reverse)
    return refuse(op, "it needs gradients that are known after the first step "
                      "only");
  Phase phase = place.phase == Phase::Middle ? Phase::Reverse : place.phase;
  places[result] = {phase, true, false, place.isSeeded};
  return success();
}

LogicalResult TimeLocality::run() {
  for (BlockArgument argument : function.getArguments()) {
    ArgAttr arg = argOf(function, argument.getArgNumber());
    Place place;
    int axis = axisOf(argument);
    if (axis < 0 || axis > 1)
      return refuse(function, "an input has the axis inside of another one");
    place.isSequence = axis != 0;
    bool scalar = !isa<RankedTensorType>(argument.getType());
    ArgKind kind = arg ? arg.getKind() : ArgKind::Input;
    place.isFixed = scalar || kind == ArgKind::Param || kind == ArgKind::Hyper;
    place.isSeeded = kind == ArgKind::Hyper && !scalar &&
                     arg.getName().getValue() == "seed";
    places[argument] = place;
  }
  Block &block = function.getBody().front();
  for (Operation &op : block.without_terminator())
    for (Value result : op.getResults())
      if (axisOf(result) > 0) {
        int64_t count = 1;
        for (int64_t size : cast<RankedTensorType>(result.getType()).getShape())
          count *= ShapedType::isDynamic(size) ? 1 : size;
        entries += count;
      }
  for (Operation &op : block.without_terminator()) {
    if (failed(visit(&op)))
      return failure();
  }
  for (Value value : block.getTerminator()->getOperands())
    if (of(value).isSequence)
      return refuse(block.getTerminator(), "a result is a whole sequence");
  return success();
}
