//===- RNNDialect.cpp - The rnn dialect -----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registration, and the checks of `rnn.arg` on arguments and results.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::rnn;

#include "dialects/rnn/IR/RNNDialect.cpp.inc"
#include "dialects/rnn/IR/RNNEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/rnn/IR/RNNAttributes.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/rnn/IR/RNNOps.cpp.inc"

void RNNDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/rnn/IR/RNNAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/rnn/IR/RNNOps.cpp.inc"
      >();
}

/// Checks an ArgAttr against the type of the argument or result it stands on.
static LogicalResult verifyArg(Operation *op, StringRef what, unsigned number,
                               NamedAttribute attr, Type type) {
  if (attr.getName() != kArgAttrName)
    return success();
  auto arg = dyn_cast<ArgAttr>(attr.getValue());
  if (!arg)
    return op->emitError("'rnn.arg' of ")
           << what << ' ' << number << " is not an #rnn.arg";
  auto tensor = dyn_cast<RankedTensorType>(type);
  int64_t dynamic = tensor ? tensor.getNumDynamicDims() : 0;
  if (static_cast<int64_t>(arg.getAxes().size()) != dynamic)
    return op->emitError("'rnn.arg' of ")
           << what << ' ' << number << " names " << arg.getAxes().size()
           << " axes, the type " << type << " has " << dynamic
           << " dynamic dims";
  return success();
}

LogicalResult RNNDialect::verifyRegionArgAttribute(Operation *op, unsigned,
                                                   unsigned index,
                                                   NamedAttribute attr) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitError("'rnn.arg' stands on a function only");
  return verifyArg(op, "argument", index, attr,
                   function.getArgumentTypes()[index]);
}

LogicalResult RNNDialect::verifyRegionResultAttribute(Operation *op, unsigned,
                                                      unsigned index,
                                                      NamedAttribute attr) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitError("'rnn.arg' stands on a function only");
  return verifyArg(op, "result", index, attr, function.getResultTypes()[index]);
}
