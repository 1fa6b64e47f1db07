//===- EmitterShapes.cpp - The extents of every value ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Types say `?` for every run-time extent. Which extent it is follows from the
// ops: from the sizes of a broadcast, the axis of a scan, the labels of a
// product.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

/// A type's static sizes; run-time ones are taken from `dynamic` in order.
static Shape fromType(RankedTensorType type, ArrayRef<Monomial> dynamic) {
  Shape shape;
  for (int64_t size : type.getShape()) {
    if (!ShapedType::isDynamic(size)) {
      shape.push_back(Monomial(size));
    } else if (!dynamic.empty()) {
      shape.push_back(dynamic.front());
      dynamic = dynamic.drop_front();
    }
  }
  return shape;
}

FailureOr<Shape> Emitter::shapeOf(Value tensor) {
  auto known = views.find(tensor);
  if (known != views.end())
    return known->second.sizes;
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  if (!type)
    return failure();
  if (type.hasStaticShape())
    return fromType(type, {});

  auto extentOf = [&](Value extent) -> FailureOr<Monomial> {
    auto it = extentNumbers.find(extent);
    if (it == extentNumbers.end())
      return emitError(extent.getLoc(), "this extent is no axis of the function");
    return Monomial::extent(it->second);
  };

  if (auto argument = dyn_cast<BlockArgument>(tensor)) {
    auto scan = dyn_cast<rnn::ScanOp>(argument.getOwner()->getParentOp());
    if (!scan)
      return emitError(tensor.getLoc(), "no extents are known for ") << type;
    unsigned number = argument.getArgNumber() - 1;
    if (number < scan.getSeqs().size()) {
      auto shape = shapeOf(scan.getSeqs()[number]);
      if (succeeded(shape))
        shape->erase(shape->begin());
      return shape;
    }
    return shapeOf(scan.getInitial()[number - scan.getSeqs().size()]);
  }

  Operation *op = tensor.getDefiningOp();
  auto labelled = [&](StringRef out,
                      ArrayRef<std::pair<StringRef, Value>> operands)
      -> FailureOr<Shape> {
    Shape shape;
    for (char label : out)
      for (auto &[labels, operand] : operands) {
        size_t place = labels.find(label);
        if (place == StringRef::npos)
          continue;
        auto sizes = shapeOf(operand);
        if (failed(sizes))
          return failure();
        shape.push_back((*sizes)[place]);
        break;
      }
    return shape;
  };
  auto sameRunTimeDims = [&](Value operand) -> FailureOr<Shape> {
    auto sizes = shapeOf(operand);
    if (failed(sizes))
      return failure();
    SmallVector<Monomial> dynamic;
    for (auto [size, extent] : llvm::zip_equal(
             cast<RankedTensorType>(operand.getType()).getShape(), *sizes))
      if (ShapedType::isDynamic(size))
        dynamic.push_back(extent);
    return fromType(type, dynamic);
  };
  using Result = FailureOr<Shape>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](rnn::ContractOp o) -> Result {
        return labelled(o.getOutLabels(), {{o.getLhsLabels(), o.getLhs()},
                                           {o.getRhsLabels(), o.getRhs()}});
      })
      .Case([&](rnn::ReduceOp o) -> Result {
        return labelled(o.getOutLabels(), {{o.getInLabels(), o.getInput()}});
      })
      .Case([&](rnn::BroadcastOp o) -> Result {
        Shape shape;
        auto in = shapeOf(o.getInput());
        if (failed(in))
          return failure();
        unsigned next = 0;
        for (auto [label, size] :
             llvm::zip_equal(o.getOutLabels(), type.getShape())) {
          size_t place = o.getInLabels().find(label);
          if (place != StringRef::npos) {
            shape.push_back((*in)[place]);
          } else if (!ShapedType::isDynamic(size)) {
            shape.push_back(Monomial(size));
          } else {
            auto extent = extentOf(o.getSizes()[next++]);
            if (failed(extent))
              return failure();
            shape.push_back(*extent);
          }
        }
        return shape;
      })
      .Case([&](rnn::ScanOp scan) -> Result {
        unsigned number = cast<OpResult>(tensor).getResultNumber();
        unsigned emitted = scan.getEmitted().size();
        if (number >= emitted)
          return shapeOf(scan.getInitial()[number - emitted]);
        auto steps = extentOf(scan.getSteps());
        auto slice = shapeOf(scan.getYield().getEmit()[number]);
        if (failed(steps) || failed(slice))
          return failure();
        slice->insert(slice->begin(), *steps);
        return slice;
      })
      .Case([&](rnn::PickOp o) -> Result {
        auto shape = shapeOf(o.getInput());
        if (succeeded(shape))
          shape->erase(shape->begin());
        return shape;
      })
      .Case([&](rnn::PutOp o) -> Result {
        auto steps = extentOf(o.getSteps());
        auto shape = shapeOf(o.getInput());
        if (failed(steps) || failed(shape))
          return failure();
        shape->insert(shape->begin(), *steps);
        return shape;
      })
      .Case([&](rnn::GatherOp o) -> Result {
        auto ids = shapeOf(o.getIds());
        auto table = shapeOf(o.getTable());
        if (failed(ids) || failed(table))
          return failure();
        ids->append(table->begin() + 1, table->end());
        return ids;
      })
      .Case([&](rnn::ValidStepsOp o) -> Result {
        auto steps = extentOf(o.getSteps());
        auto rows = shapeOf(o.getLengths());
        if (failed(steps) || failed(rows))
          return failure();
        rows->insert(rows->begin(), *steps);
        return rows;
      })
      .Case([&](rnn::PositionOp o) -> Result {
        auto steps = extentOf(o.getSteps());
        if (failed(steps))
          return failure();
        return Shape{*steps};
      })
      .Case<rnn::UniformOp, rnn::NormalOp>([&](auto o) -> Result {
        SmallVector<Monomial> dynamic;
        for (Value size : o.getSizes()) {
          auto extent = extentOf(size);
          if (failed(extent))
            return failure();
          dynamic.push_back(*extent);
        }
        return fromType(type, dynamic);
      })
      .Default([&](Operation *other) -> Result {
        // Elementwise ops, maps, movement: the run-time dims of an operand
        // that has as many.
        for (Value operand : other->getOperands()) {
          auto from = dyn_cast<RankedTensorType>(operand.getType());
          if (from && from.getNumDynamicDims() == type.getNumDynamicDims())
            return sameRunTimeDims(operand);
        }
        return other->emitError("no extents are known for ") << type;
      });
}
