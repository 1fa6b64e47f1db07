//===- Observe.h - The inside of a model as outputs -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Changes the graph of a model so that it gives out what happens inside it: the
// states of its scans, values that its equations name, weights over sequences,
// and, by inputs that are added to states, the gradient at each step. The rules
// look at the form of the graph only.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_OBSERVE_H
#define RNNC_COMPILER_DRIVER_OBSERVE_H

#include "frontends/rnn/HIR.h"

namespace rnnc::driver {

/// A value of the model that is an output now.
struct Observed {
  /// The path of the instance it belongs to ("" in the model), and its name
  /// there; `layer.h` for a state of an inner instance.
  std::string instance, name;
  /// The output that holds it: [time axes, batch, own axes].
  std::string output;
  /// What is given out.
  hir::Type type;
  /// The axis of the scan it belongs to, or of the sequence that it weighs.
  int axis = -1;
  std::string full() const {
    return instance.empty() ? name : instance + "." + name;
  }
};

/// Removes the model's own outputs and its prediction: only what is observed is
/// computed.
void forgetOutputs(hir::Model &model);

/// Every state after each step.
std::vector<Observed> observeStates(hir::Model &model);
/// Every other value that an equation of a scan's body names, if each example
/// has its own.
std::vector<Observed> observeNamed(hir::Model &model);
/// What softmax gives along time.
std::vector<Observed> observeWeights(hir::Model &model);
/// Every state of the scans that stand in no other one, after the last step.
std::vector<Observed> observeFinals(hir::Model &model);

/// A matrix, or vector, that multiplies the old value of a state on its way to
/// the new one.
struct Recurrence {
  /// The parameters it is made of, and the state.
  std::string parameters, state;
  /// The output that holds the values.
  std::string output;
  /// A vector that goes entry by entry: a diagonal matrix.
  bool diagonal = false;
  /// Of a matrix: which of its axes is summed over, which is left; others are
  /// as many matrices. The summed axis begins at `from` for this state.
  size_t summed = 1, kept = 0;
  int64_t from = 0;
};
/// All recurrent matrices that are square, and vectors.
std::vector<Recurrence> observeRecurrences(hir::Model &model);

/// A state to which an input is added after each step: the gradient with
/// respect to that input is the gradient with respect to the state.
struct Perturbed {
  /// The instance and its state as in Observed; the model's new input.
  std::string instance, state, input;
  hir::Type type;
  int axis = -1;
};
std::vector<Perturbed> perturbStates(hir::Model &model);

/// Real inputs, one number an example, that losses are multiplied by: 1 for
/// what is to be differentiated, 0 for the other.
struct LossChoice {
  /// Of the losses as they are; of those of their last steps alone, empty if
  /// that is the same.
  std::string whole, last;
};
/// Adds to the model's losses those of the last steps alone, each times an input.
LossChoice chooseLosses(hir::Model &model);

/// A table whose rows ids choose.
struct Table {
  int64_t param = 0;
  /// The input or target that the ids come from; -1 if it is none.
  int64_t ids = -1;
};
std::vector<Table> findTables(const hir::Model &model);

} // namespace rnnc::driver

#endif
