//===- Passes.h - Passes that form kernels ----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_STEP_TRANSFORMS_PASSES_H
#define RNNC_DIALECTS_STEP_TRANSFORMS_PASSES_H

#include "dialects/step/IR/StepDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace rnnc::step {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "dialects/step/Transforms/Passes.h.inc"
} // namespace rnnc::step

#endif
