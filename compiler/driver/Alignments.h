//===- Alignments.h - Labels that are spread over steps ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_ALIGNMENTS_H
#define RNNC_COMPILER_DRIVER_ALIGNMENTS_H

#include "compiler/driver/Console.h"
#include "frontends/rnn/HIR.h"
#include "runtime/Examples.h"
#include "runtime/Tensor.h"

namespace rnnc::driver {

/// Checks labels that a loss spreads over the steps of another axis: no label
/// is the blank, and each example has as many steps as its labels need. The
/// error names the first example that does not fit.
Result<void> checkAlignments(const hir::Model &model,
                             const rt::Examples &examples);

/// The labels that logits [T, B, V] say for each row: [longest, B] padded with
/// the blank, and their numbers [B]. A beam of 1 takes the likeliest path.
/// `lengths`: the steps of each row, I32 [B]; null: all.
struct Spelled {
  rt::Tensor labels, lengths;
};
Spelled spell(const rt::Tensor &logits, int64_t blank, int64_t beam,
              const rt::Tensor *lengths = nullptr);

} // namespace rnnc::driver

#endif
