//===- StepDialect.h - The step dialect -------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_STEP_IR_STEPDIALECT_H
#define RNNC_DIALECTS_STEP_IR_STEPDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/step/IR/StepDialect.h.inc"
#define GET_OP_CLASSES
#include "dialects/step/IR/StepOps.h.inc"

#endif
