//===- Answer.h - What a model answers --------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the value of a model that is its answer for a target: what `predict`
// says, or else what a loss compares with the target.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_ANSWER_H
#define RNNC_COMPILER_DRIVER_ANSWER_H

#include "frontends/rnn/HIR.h"

namespace rnnc::driver {

struct Answer {
  enum Kind {
    None,
    /// Logits of the classes of an int target.
    Classes,
    /// The numbers of a real target.
    Numbers,
    /// The logit that a target of 0 or 1 is 1.
    Logit,
    /// Logits of labels that are spread over the steps of another axis.
    Aligned
  } kind = None;
  /// The output that holds it, and the target it is for.
  std::string output, target;
};

/// The answer of a model, given out as one of its outputs (a new one if it is
/// none yet).
Answer findAnswer(hir::Model &model);

} // namespace rnnc::driver

#endif
