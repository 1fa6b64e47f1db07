//===- StepSplit.h - What is computed once, what at each step ---*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A target that is made step by step needs a model in two parts: what no step
// changes, such as an encoder and the start of a decoder's state, and what each
// step computes from it. Both parts are models of their own, made from two
// graphs of one text.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_STEPSPLIT_H
#define RNNC_FRONTENDS_RNN_STEPSPLIT_H

#include "frontends/rnn/HIR.h"

namespace rnnc::hir {

/// The names of the values that pass from the first part to the second are
/// `once.0`, `once.1`, ...

/// Leaves of a model, analysed as a stream along the axis of its prediction's
/// target, what its steps read and none of them changes: those values are its
/// outputs, and it has no loss, metric or prediction. They may be none.
void keepOnce(Model &model);

/// Leaves of the same model what the steps compute: the values that keepOnce
/// gives out are inputs. `logits` is the only output.
void keepSteps(Model &model, Node *logits);

} // namespace rnnc::hir

#endif // RNNC_FRONTENDS_RNN_STEPSPLIT_H
