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

namespace rnnc::rt {

enum class TaskKind { TemporalOrder, Echo, Adding, Copying };

/// A task and its numbers.
struct Task {
  TaskKind kind = TaskKind::TemporalOrder;
  /// Temporal order: easy 0, normal, moderate, hard, nightmare 4.
  int level = 0;
  /// Echo: the delay.
  int64_t k = 3;
  /// Adding (150) and copying (100): T.
  int64_t T = 0;
};

/// Reads `temporal-order:easy`, `echo,k=3`, `adding,T=150`, `copying,T=100`.
Result<Task> parseTask(std::string_view text);

/// Draws `count` examples of a task that has examples (not echo). `epoch` sets
/// apart sets that are drawn from one seed (training 0, 1, ..; test sets from
/// the top). Fields:
/// - temporal order: "x" sequence [P, 8] f32 one-hot, padded in front; "y" i32.
/// - adding: "x" sequence [T, 2] f32; "y" f32 [1].
/// - copying: "x" and "y" sequences of i32, T + 20 steps.
Result<Examples> generateExamples(const Task &task, int64_t count, int64_t seed,
                                  uint32_t epoch);

/// A series of bits and its echo: "x" and "y", f32 [steps, batch, 1], where
/// y_t = x_{t-k}, 0 for t < k. They are time major, ready to be windowed.
struct EchoSeries {
  Tensor x, y;
};
EchoSeries generateEcho(const Task &task, int64_t steps, int64_t batch,
                        int64_t seed, uint32_t epoch);

/// What a model without memory reaches: the loss in nats (temporal order ln 4,
/// echo ln 2, copying 10 ln 8 / (T + 20)), for adding the squared error 1/6.
double chanceLoss(const Task &task);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_GENERATED_H
