//===- StepDialect.cpp - The step dialect ---------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/step/IR/StepDialect.h"

using namespace mlir;
using namespace rnnc::step;

#include "dialects/step/IR/StepDialect.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/step/IR/StepOps.cpp.inc"

void StepDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/step/IR/StepOps.cpp.inc"
      >();
}

LogicalResult MapOp::verify() {
  if (getOutputs().empty())
    return emitOpError("has no result");
  ArrayRef<int64_t> shape = getDomain().getShape();
  auto check = [&](Type type) -> LogicalResult {
    if (cast<RankedTensorType>(type).getShape() != shape)
      return emitOpError("(C1) has the domain of ")
             << getDomain() << ", found " << type;
    return success();
  };
  for (Type type : getOperandTypes())
    if (failed(check(type)))
      return failure();
  for (Type type : getResultTypes())
    if (failed(check(type)))
      return failure();
  auto element = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getElementType();
  };
  if (getBlock()->getNumArguments() != getInputs().size())
    return emitOpError("(C2) takes ")
           << getInputs().size() << " arguments, found "
           << getBlock()->getNumArguments();
  for (auto [argument, input] :
       llvm::zip_equal(getBlock()->getArguments(), getInputs()))
    if (argument.getType() != element(input))
      return emitOpError("(C2) argument of type ")
             << argument.getType() << " for an input of "
             << input.getType();
  auto yield = cast<YieldOp>(getBlock()->getTerminator());
  if (yield.getValues().size() != getOutputs().size())
    return emitOpError("(C2) yields ")
           << yield.getValues().size() << " values for "
           << getOutputs().size() << " results";
  for (auto [value, output] : llvm::zip_equal(yield.getValues(), getOutputs()))
    if (value.getType() != element(output))
      return emitOpError("(C2) yields ")
             << value.getType() << " for a result of " << output.getType();
  return success();
}
