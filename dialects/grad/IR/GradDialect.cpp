//===- GradDialect.cpp - The grad dialect ---------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/IR/GradDialect.h"

using namespace mlir;
using namespace rnnc::grad;

#include "dialects/grad/IR/GradDialect.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/grad/IR/GradOps.cpp.inc"

void GradDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/grad/IR/GradOps.cpp.inc"
      >();
}

LogicalResult GradientOp::verify() {
  if (getLoss().getType().getRank() != 0)
    return emitOpError("(C1) takes a loss of rank 0, found ")
           << getLoss().getType();
  if (getWrt().size() != getGradients().size())
    return emitOpError("(C2) has ") << getGradients().size() << " results for "
                                    << getWrt().size() << " values";
  for (auto [value, gradient] : llvm::zip_equal(getWrt(), getGradients())) {
    if (value.getType() != gradient.getType())
      return emitOpError("(C2) gradient has type ")
             << gradient.getType() << ", its value " << value.getType();
    if (!isa<FloatType>(
            cast<RankedTensorType>(value.getType()).getElementType()))
      return emitOpError("(C2) value of type ")
             << value.getType() << " is not real";
  }
  return success();
}

ParseResult GradientOp::parse(OpAsmParser &parser, OperationState &state) {
  OpAsmParser::UnresolvedOperand loss;
  SmallVector<OpAsmParser::UnresolvedOperand> wrt;
  SmallVector<Type> types;
  Type lossType;
  llvm::SMLoc at = parser.getCurrentLocation();
  if (parser.parseKeyword("of") || parser.parseOperand(loss) ||
      parser.parseKeyword("wrt") || parser.parseLParen())
    return failure();
  if (failed(parser.parseOptionalRParen()) &&
      (parser.parseOperandList(wrt) || parser.parseColonTypeList(types) ||
       parser.parseRParen()))
    return failure();
  if (parser.parseOptionalAttrDict(state.attributes) ||
      parser.parseColonType(lossType) ||
      parser.resolveOperand(loss, lossType, state.operands) ||
      parser.resolveOperands(wrt, types, at, state.operands))
    return failure();
  state.addTypes(types);
  return success();
}

void GradientOp::print(OpAsmPrinter &printer) {
  printer << " of " << getLoss() << " wrt(";
  if (!getWrt().empty())
    printer << getWrt() << " : " << getWrt().getTypes();
  printer << ')';
  printer.printOptionalAttrDict((*this)->getAttrs());
  printer << " : " << getLoss().getType();
}
