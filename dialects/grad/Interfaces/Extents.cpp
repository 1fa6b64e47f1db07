//===- Extents.cpp - Where the extent of a dynamic dim comes from ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Interfaces/Extents.h"
#include "dialects/rnn/IR/Arguments.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::rnn;

/// The argument of `function` of the kind and name, or null.
static Value findArgument(FunctionOpInterface function, ArgKind kind,
                          StringRef name) {
  for (BlockArgument argument : function.getArguments()) {
    ArgAttr arg = argOf(function, argument.getArgNumber());
    if (arg && arg.getKind() == kind && arg.getName().getValue() == name)
      return argument;
  }
  return {};
}

using grad::findExtent;

/// The extent of `label` in `labels` of `value`, or null.
static Value findLabel(StringRef labels, Value value, char label) {
  size_t at = labels.find(label);
  return at == StringRef::npos ? Value() : findExtent(value, at);
}

static Value findInArgument(BlockArgument argument, int64_t dim) {
  Operation *parent = argument.getOwner()->getParentOp();
  if (auto scan = dyn_cast<ScanOp>(parent)) {
    unsigned number = argument.getArgNumber(), slices = scan.getSeqs().size();
    if (number == 0)
      return {};
    if (number <= slices)
      return findExtent(scan.getSeqs()[number - 1], dim + 1);
    return findExtent(scan.getInitial()[number - 1 - slices], dim);
  }
  auto function = dyn_cast<FunctionOpInterface>(parent);
  if (!function)
    return {};
  ArgAttr arg = argOf(function, argument.getArgNumber());
  if (!arg)
    return {};
  auto type = cast<RankedTensorType>(argument.getType());
  int64_t dynamic = 0;
  for (int64_t i = 0; i < dim; ++i)
    dynamic += type.isDynamicDim(i);
  return findArgument(function, ArgKind::Axis,
                      arg.getAxes()[dynamic].getValue());
}

/// The size that a draw or broadcast names for its dynamic dim `dim`.
static Value sizeOf(RankedTensorType type, OperandRange sizes, int64_t dim) {
  size_t dynamic = 0;
  for (int64_t i = 0; i < dim; ++i)
    dynamic += type.isDynamicDim(i);
  return dynamic < sizes.size() ? sizes[dynamic] : Value();
}

static Value findInScan(ScanOp scan, unsigned number, int64_t dim) {
  unsigned emitted = scan.getEmitted().size();
  if (number >= emitted)
    return findExtent(scan.getInitial()[number - emitted], dim);
  if (dim == 0)
    return scan.getSteps();
  Value extent = findExtent(scan.getYield().getEmit()[number], dim - 1);
  // An extent that only the body sees is of no use outside.
  return extent && !scan.getBody().isAncestor(extent.getParentRegion())
             ? extent
             : Value();
}

static Value findInBroadcast(BroadcastOp op, int64_t dim) {
  char label = op.getOutLabels()[dim];
  if (Value extent = findLabel(op.getInLabels(), op.getInput(), label))
    return extent;
  if (op.getInLabels().contains(label))
    return {};
  auto type = cast<RankedTensorType>(op.getType());
  size_t number = 0;
  for (int64_t i = 0; i < dim; ++i)
    if (type.isDynamicDim(i) &&
        !op.getInLabels().contains(op.getOutLabels()[i]))
      ++number;
  return op.getSizes()[number];
}

Value grad::findExtent(Value value, int64_t dim) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return findInArgument(argument, dim);
  auto result = cast<OpResult>(value);
  Operation *op = result.getOwner();
  auto type = cast<RankedTensorType>(value.getType());
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](ScanOp scan) {
        return findInScan(scan, result.getResultNumber(), dim);
      })
      .Case([&](BroadcastOp op) { return findInBroadcast(op, dim); })
      .Case([&](ContractOp op) {
        char label = op.getOutLabels()[dim];
        Value extent = findLabel(op.getLhsLabels(), op.getLhs(), label);
        return extent ? extent
                      : findLabel(op.getRhsLabels(), op.getRhs(), label);
      })
      .Case([&](ReduceOp op) {
        return findLabel(op.getInLabels(), op.getInput(),
                         op.getOutLabels()[dim]);
      })
      .Case([&](PickOp op) { return findExtent(op.getInput(), dim + 1); })
      .Case([&](PutOp op) {
        return dim == 0 ? Value(op.getSteps())
                        : findExtent(op.getInput(), dim - 1);
      })
      .Case([&](GatherOp op) {
        int64_t rank = cast<RankedTensorType>(op.getIds().getType()).getRank();
        return dim < rank ? findExtent(op.getIds(), dim)
                          : findExtent(op.getTable(), dim - rank + 1);
      })
      .Case([&](ScatterAddOp op) {
        int64_t rank = cast<RankedTensorType>(op.getIds().getType()).getRank();
        return dim == 0 ? Value() : findExtent(op.getRows(), dim + rank - 1);
      })
      .Case([&](CrossEntropyOp op) { return findExtent(op.getClasses(), dim); })
      .Case([&](PositionOp op) { return Value(op.getSteps()); })
      .Case([&](ValidOp op) { return findExtent(op.getLengths(), 0); })
      .Case([&](ValidStepsOp op) {
        return dim == 0 ? Value(op.getSteps()) : findExtent(op.getLengths(), 0);
      })
      .Case<UniformOp, NormalOp>(
          [&](auto op) { return sizeOf(type, op.getSizes(), dim); })
      .Default([&](Operation *op) -> Value {
        // Elementwise ops, movement along static dims, shift, reverse, mask.
        for (Value operand : op->getOperands())
          if (auto from = dyn_cast<RankedTensorType>(operand.getType()))
            if (from.getRank() > dim && from.isDynamicDim(dim) &&
                (from.getShape() == type.getShape() ||
                 isa<SliceOp, PlaceOp, ConcatOp, ReshapeOp, OneHotOp, ArgMaxOp>(
                     op)))
              return findExtent(operand, dim);
        return {};
      });
}

Value grad::extentOf(OpBuilder &builder, Value value, int64_t dim) {
  if (Value extent = findExtent(value, dim))
    return extent;
  OpBuilder::InsertionGuard guard(builder);
  return tensor::DimOp::create(builder, value.getLoc(), value, dim);
}

/// The description of `extent` as an argument of kind axis, or null.
static ArgAttr axisOf(Value extent) {
  auto argument = dyn_cast<BlockArgument>(extent);
  auto function =
      argument
          ? dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp())
          : FunctionOpInterface();
  if (!function)
    return {};
  ArgAttr arg = argOf(function, argument.getArgNumber());
  return arg && arg.getKind() == ArgKind::Axis ? arg : ArgAttr();
}

Value grad::lengthsOf(Value extent) {
  ArgAttr axis = axisOf(extent);
  if (!axis)
    return {};
  Value lengths = findArgument(
      cast<FunctionOpInterface>(extent.getParentRegion()->getParentOp()),
      ArgKind::Lengths, axis.getName().getValue());
  // Lengths for each step of another axis say nothing without the step.
  if (lengths && cast<RankedTensorType>(lengths.getType()).getRank() != 1)
    return {};
  return lengths;
}

std::optional<bool> grad::isBatchExtent(Value extent) {
  ArgAttr axis = axisOf(extent);
  if (!axis)
    return std::nullopt;
  return axis.getName().getValue() == "B";
}

std::string grad::labelsOf(RankedTensorType type) {
  constexpr StringLiteral times = "tsrqp", own = "nmkijlouvwxyz";
  int64_t dynamic = type.getNumDynamicDims();
  std::string labels;
  int64_t time = 0, unit = 0, seen = 0;
  for (int64_t size : type.getShape()) {
    if (!ShapedType::isDynamic(size))
      labels += own[unit++];
    else
      labels += ++seen == dynamic ? 'b' : times[time++];
  }
  return labels;
}
