//===- GradDialect.h - The grad dialect -------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_GRAD_IR_GRADDIALECT_H
#define RNNC_DIALECTS_GRAD_IR_GRADDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/grad/IR/GradDialect.h.inc"
#define GET_OP_CLASSES
#include "dialects/grad/IR/GradOps.h.inc"

#endif
