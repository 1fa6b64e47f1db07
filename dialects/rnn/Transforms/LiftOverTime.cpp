//===- LiftOverTime.cpp - Ops of a step, for all steps at once ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/Transforms/LiftOverTime.h"
#include "dialects/rnn/Transforms/ScanEdit.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rnnc::rnn;

bool rnnc::rnn::isRowWork(Operation *op) {
  // An outer product sums nothing: for all steps it would only take room.
  if (auto contract = dyn_cast<ContractOp>(op))
    return llvm::any_of(contract.getLhsLabels(), [&](char label) {
      return !contract.getOutLabels().contains(label);
    });
  return isa<GatherOp, ReduceOp, SoftmaxOp, LogSoftmaxOp, CrossEntropyOp,
             CrossEntropyGradOp>(op);
}

static unsigned dynamicDims(Value value) {
  return cast<RankedTensorType>(value.getType()).getNumDynamicDims();
}

/// Lengths name steps, so only a row mask can gain a time dim, and only if its
/// label can be `t`.
static StringRef whyNotValid(Value valid, StringRef labels,
                             llvm::function_ref<bool(Value)> isLifted) {
  if (!valid || !isLifted(valid))
    return "";
  auto type = cast<RankedTensorType>(valid.getType());
  if (!type.getElementType().isInteger(1) || type.getRank() != 1)
    return "its lengths or steps differ from step to step";
  if (labels.contains('t'))
    return "its row mask meets another time axis";
  return "";
}

StringRef rnnc::rnn::whyNotOverTime(ScanOp scan, Operation *op,
                                    llvm::function_ref<bool(Value)> isLifted) {
  Value position = scan.getPosition();
  if (op->getNumRegions() > 0)
    return "it is a loop itself";
  if (op->getNumResults() != 1 ||
      !isa<RankedTensorType>(op->getResult(0).getType()) || !isPure(op))
    return "it has no form over time";
  // A weight that differs from step to step, or its gradient.
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  if (type.hasStaticShape() && type.getRank() >= 2)
    return "each step would leave a whole matrix";

  // The position is known to draws and masks only.
  if (isa<UniformOp, NormalOp>(op)) {
    Value at = isa<UniformOp>(op) ? cast<UniformOp>(op).getAt()
                                  : cast<NormalOp>(op).getAt();
    bool isSequence = op->hasAttr("sequence");
    bool outerSizes = llvm::none_of(op->getOperands(), isLifted);
    return at == position && !isSequence && outerSizes
               ? ""
               : "its draw is not at the position of the step";
  }
  if (auto valid = dyn_cast<ValidOp>(op))
    return valid.getAt() == position && !isLifted(valid.getLengths())
               ? ""
               : "its mask is not at the position of the step";
  if (llvm::is_contained(op->getOperands(), position))
    return "the position of the step reaches it";

  return llvm::TypeSwitch<Operation *, StringRef>(op)
      .Case([&](ContractOp contract) -> StringRef {
        bool factors =
            isLifted(contract.getLhs()) || isLifted(contract.getRhs());
        if (!factors)
          return "only what it is added to differs from step to step";
        if (dynamicDims(contract) == 0 &&
            (dynamicDims(contract.getLhs()) || dynamicDims(contract.getRhs())))
          return "it sums over rows";
        return whyNotValid(contract.getValid(), contract.getLabels(), isLifted);
      })
      .Case([&](ReduceOp reduce) -> StringRef {
        if (!isLifted(reduce.getInput()))
          return "only what it is added to differs from step to step";
        return whyNotValid(reduce.getValid(), reduce.getLabels(), isLifted);
      })
      .Case<SoftmaxOp, LogSoftmaxOp>([&](auto softmax) -> StringRef {
        if (!isLifted(softmax.getInput()))
          return "only its mask differs from step to step";
        return whyNotValid(softmax.getValid(), softmax.getLabels(), isLifted);
      })
      .Case([&](GatherOp gather) -> StringRef {
        return isLifted(gather.getTable())
                   ? "its table differs from step to step"
                   : "";
      })
      .Case<BroadcastOp, SliceOp, PlaceOp, ConcatOp, ReshapeOp, OneHotOp,
            ArgMaxOp, CrossEntropyOp, CrossEntropyGradOp>(
          [](Operation *) -> StringRef { return ""; })
      .Default([&](Operation *other) -> StringRef {
        return other->hasTrait<OpTrait::Elementwise>()
                   ? ""
                   : "it has no form over time";
      });
}

TimeLifter::TimeLifter(ScanOp scan, bool after) : scan(scan), builder(scan) {
  if (after) {
    builder.setInsertionPointAfter(scan);
    for (auto [value, result] :
         llvm::zip_equal(scan.getYield().getEmit(), scan.getEmitted()))
      sequences[value] = result;
  }
  for (auto [seq, slice] : llvm::zip_equal(scan.getSeqs(), scan.getSlices()))
    sequences[slice] = seq;
}

/// The sequence of `value`, or an outer value repeated over time.
Value TimeLifter::orRepeated(Value value) {
  if (!value || !isa<RankedTensorType>(value.getType()))
    return value;
  if (Value sequence = sequences.lookup(value))
    return sequence;
  auto type = cast<RankedTensorType>(value.getType());
  std::string labels = plainLabels(type);
  return BroadcastOp::create(
      builder, value.getLoc(), ScanOp::sequenceType(type),
      labels + "->t" + labels, value, ValueRange{scan.getSteps()});
}

Value TimeLifter::liftContract(ContractOp op) {
  char time = freshLabel(op.getLabels());
  Value lhs = sequenceOf(op.getLhs()), rhs = sequenceOf(op.getRhs());
  auto side = [&](Value sequence, StringRef labels) {
    return (sequence ? std::string(1, time) : "") + labels.str();
  };
  std::string labels = side(lhs, op.getLhsLabels()) + "," +
                       side(rhs, op.getRhsLabels()) + "->" + time +
                       op.getOutLabels().str();
  Value valid = op.getValid() ? sequenceOf(op.getValid()) : Value();
  return ContractOp::create(
      builder, op.getLoc(), ScanOp::sequenceType(op.getType()), labels,
      lhs ? lhs : op.getLhs(), rhs ? rhs : op.getRhs(), orRepeated(op.getAcc()),
      valid ? valid : op.getValid(), op.getDescending());
}

Value TimeLifter::liftReduce(ReduceOp op) {
  char time = freshLabel(op.getLabels());
  std::string labels =
      time + op.getInLabels().str() + "->" + time + op.getOutLabels().str();
  Value valid = op.getValid() ? sequenceOf(op.getValid()) : Value();
  auto lifted = ReduceOp::create(
      builder, op.getLoc(), ScanOp::sequenceType(op.getType()), op.getKind(),
      labels, sequenceOf(op.getInput()), valid ? valid : op.getValid());
  if (op.getAcc())
    lifted.getAccMutable().assign(orRepeated(op.getAcc()));
  return lifted;
}

Value TimeLifter::liftBroadcast(BroadcastOp op) {
  char time = freshLabel(op.getLabels());
  std::string labels =
      time + op.getInLabels().str() + "->" + time + op.getOutLabels().str();
  return BroadcastOp::create(builder, op.getLoc(),
                             ScanOp::sequenceType(op.getType()), labels,
                             sequenceOf(op.getInput()), op.getSizes());
}

void TimeLifter::lift(Operation *op) {
  Location loc = op->getLoc();
  Type type = ScanOp::sequenceType(op->getResult(0).getType());
  auto draw = [&](auto drawn) -> Value {
    SmallVector<Value> sizes{scan.getSteps()};
    llvm::append_range(sizes, drawn.getSizes());
    return decltype(drawn)::create(builder, loc, type, drawn.getKey(),
                                   drawn.getStreamAttr(), Value(), sizes,
                                   builder.getUnitAttr());
  };
  auto clone = [&] {
    IRMapping map;
    for (Value operand : op->getOperands())
      map.map(operand, orRepeated(operand));
    Operation *lifted = builder.clone(*op, map);
    lifted->getResult(0).setType(cast<RankedTensorType>(type));
    return lifted;
  };

  sequences[op->getResult(0)] =
      llvm::TypeSwitch<Operation *, Value>(op)
          .Case([&](ContractOp o) { return liftContract(o); })
          .Case([&](ReduceOp o) { return liftReduce(o); })
          .Case([&](BroadcastOp o) { return liftBroadcast(o); })
          .Case<UniformOp, NormalOp>([&](auto o) { return draw(o); })
          .Case([&](ValidOp o) -> Value {
            return ValidStepsOp::create(builder, loc, type, o.getLengths(),
                                        scan.getSteps());
          })
          .Case([&](GatherOp o) -> Value {
            return GatherOp::create(builder, loc, type, o.getTable(),
                                    sequenceOf(o.getIds()));
          })
          .Case<SoftmaxOp, LogSoftmaxOp>([&](auto o) -> Value {
            std::string labels =
                freshLabel(o.getLabels()) + o.getLabels().str();
            Value valid = o.getValid() ? sequenceOf(o.getValid()) : Value();
            return decltype(o)::create(
                builder, loc, type, sequenceOf(o.getInput()), o.getOverAttr(),
                builder.getStringAttr(labels), valid ? valid : o.getValid());
          })
          .Case<SliceOp, PlaceOp, ConcatOp>([&](auto o) -> Value {
            auto lifted = cast<decltype(o)>(clone());
            lifted.setAxis(o.getAxis() + 1);
            return lifted;
          })
          .Default([&](Operation *) { return clone()->getResult(0); });
}
