//===- Passes.h - Passes on elementary functions ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constructors and registration. What each pass accepts and leaves is in
// Passes.td.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_CODEGEN_MATH_PASSES_H
#define RNNC_COMPILER_CODEGEN_MATH_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace rnnc {

#define GEN_PASS_DECL
#include "compiler/codegen/math/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "compiler/codegen/math/Passes.h.inc"

} // namespace rnnc

#endif
