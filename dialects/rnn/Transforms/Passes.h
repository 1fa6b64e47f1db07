//===- Passes.h - Passes on the rnn dialect ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constructors and registration. What each pass accepts and leaves is in
// Passes.td.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_RNN_TRANSFORMS_PASSES_H
#define RNNC_DIALECTS_RNN_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace rnnc::rnn {
class RNNDialect;

#define GEN_PASS_DECL
#include "dialects/rnn/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "dialects/rnn/Transforms/Passes.h.inc"
} // namespace rnnc::rnn

#endif
