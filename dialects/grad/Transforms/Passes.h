//===- Passes.h - Passes of the grad dialect --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_GRAD_TRANSFORMS_PASSES_H
#define RNNC_DIALECTS_GRAD_TRANSFORMS_PASSES_H

#include "dialects/grad/IR/GradDialect.h"
#include "dialects/rnn/IR/RNNDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"

namespace rnnc::grad {

#define GEN_PASS_DECL
#include "dialects/grad/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "dialects/grad/Transforms/Passes.h.inc"

} // namespace rnnc::grad

#endif
