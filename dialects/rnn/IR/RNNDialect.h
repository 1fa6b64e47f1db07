//===- RNNDialect.h - The rnn dialect ---------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops, attributes and helpers of the rnn dialect.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_RNN_IR_RNNDIALECT_H
#define RNNC_DIALECTS_RNN_IR_RNNDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/rnn/IR/RNNDialect.h.inc"
#include "dialects/rnn/IR/RNNEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/rnn/IR/RNNAttributes.h.inc"

namespace rnnc::rnn {
class YieldOp;

/// Name of the argument and result attribute that holds an ArgAttr.
inline constexpr llvm::StringLiteral kArgAttrName = "rnn.arg";
} // namespace rnnc::rnn

#define GET_OP_CLASSES
#include "dialects/rnn/IR/RNNOps.h.inc"

#endif
