//===- Generated.h - tasks that need no data --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The synthetic tasks of the literature, drawn from a seed: temporal order and
// adding (Hochreiter & Schmidhuber 1997), copying (Arjovsky et al. 2016), echo.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_GENERATED_H
#define RNNC_RUNTIME_GENERATED_H

#include "runtime/Examples.h"
#include "runtime/Stream.h"

namespace rnnc::rt {

enum class TaskKind { TemporalOrder, Echo, Adding, Copying };

/// The sets of a task. Each draws from a stream of its own, so that no example
/// of one is an example of another.
enum class TaskSet : uint32_t { Train, Valid, Test };

/// A task and its numbers.
struct Task {
  TaskKind kind = TaskKind::TemporalOrder;
  /// Temporal order: easy 0, normal, moderate, hard, nightmare 4.
  int level = 0;
  /// Temporal order: places that tell the class, 2 (6a, four classes) or, hard
  /// only, 3 (6b, eight classes).
  int64_t marks = 2;
  /// Temporal order: padded in front to one length; else each sequence has its
  /// own.
  bool padded = true;
  /// Adding: the form of 1997, with lengths T to T + T/10, values in [-1, 1]
  /// and the mark -1 on the first and the last of them; a number drawn there
  /// is 0. Else that of Le et al. and Arjovsky et al.
  bool original = false;
  /// Echo: the delay.
  int64_t k = 3;
  /// Adding (150) and copying (100): T.
  int64_t T = 0;
  /// Examples of an epoch and of the other sets. Echo: steps of each series.
  int64_t train = 0, valid = 0, test = 0;

  int64_t count(TaskSet set) const {
    return set == TaskSet::Train ? train : set == TaskSet::Valid ? valid : test;
  }
  /// Temporal order: 4 or 8.
  int64_t classes() const { return int64_t(1) << marks; }
  /// The most steps an example can have.
  int64_t longest() const;
  /// Whether examples differ in length.
  bool ragged() const;
};

/// Reads `temporal-order:easy`, `echo,k=3`, `adding,T=150`, `copying,T=100`;
/// also `marks=3` and `pad=none` of temporal order, `form=1997` of adding, and
/// `train=`, `valid=`, `test=` of all.
Result<Task> parseTask(std::string_view text);

/// Draws the examples of these numbers from a task that has examples (not
/// echo). Example i is a function of task, seed, set and i alone. Fields:
/// - temporal order: "x" sequence [P, 8] f32 one-hot, padded in front with
///   zeros, or ragged [., 8]; "y" i32.
/// - adding: "x" sequence [T, 2] f32, ragged in the form of 1997; "y" f32 [1].
/// - copying: "x" and "y" sequences of i32, T + 20 steps.
Result<Examples> generateExamples(const Task &task, int64_t seed, TaskSet set,
                                  std::span<const int64_t> numbers);

/// A window of the echo task, f32 [steps, batch]. Each epoch has a new series
/// x of bits in each row; the target is y_t = x_{t-k}, 0 for t < k.
void gatherEcho(const Task &task, int64_t seed, TaskSet set,
                const StreamWindow &window, bool target, float *out);

/// What a model without memory reaches: the loss in nats (temporal order ln 4
/// or ln 8, echo ln 2, copying 10 ln 8 / (T + 20)), for adding the squared error 1/6,
/// 1/24 in the form of 1997.
double chanceLoss(const Task &task);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_GENERATED_H
