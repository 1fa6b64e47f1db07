//===- TrainLoop.h - Training until a limit ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Updates, validations, checkpoints and the end of training. Writes no file and
// shows nothing: hooks are told what happened.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_TRAINLOOP_H
#define RNNC_COMPILER_DRIVER_TRAINLOOP_H

#include "compiler/driver/StopRule.h"
#include "compiler/driver/Training.h"
#include "runtime/Schedule.h"

#include <functional>

namespace rnnc::driver {

/// When to do what.
struct TrainPlan {
  std::optional<double> epochs, timeLimit;
  std::optional<int64_t> steps;
  int64_t batch = 32, window = 64, seed = 1;
  /// How many steps back a window begins, counted from its end.
  int64_t back = 64;
  /// Batches of one update.
  int64_t accumulate = 1;
  double lr = 0.001;
  /// Decay of the average of the weights; nothing: no average.
  std::optional<double> average;
  rt::Schedule schedule;
  /// 0: at the end of each epoch.
  int64_t validEvery = 0;
  /// 0: never stop early.
  int64_t patience = 0;
  /// Ends once it holds; its metrics are of the examples of an update, with the
  /// weights before it.
  StopRule stop;
  /// The first that is above 0 counts.
  int64_t checkpointSteps = 0;
  double checkpointSeconds = 300;

  static Result<TrainPlan> of(const Settings &settings);
};

/// What is known while training goes on.
struct TrainState {
  int64_t tokens = 0;
  /// Epochs done, with fraction.
  double epoch = 0;
  /// Seconds of training, earlier runs included.
  double seconds = 0;
  /// Smoothed loss: sum and weight.
  double lossSum = 0, lossWeight = 0;
  double lastLoss = 0, gradNorm = 0, lr = 0;
  double bestLoss = 0;
  /// 0: no validation yet.
  int64_t bestStep = 0;
  int64_t lastValidStep = 0;
  int64_t badValidations = 0;
  StopState stop;
  int64_t epochIndex = 0, nextIndex = 0;
  double scheduleFactor = 1, scheduleBest = 1e300;

  double loss() const { return lossWeight > 0 ? lossSum / lossWeight : 0; }
  /// For the metadata of a checkpoint, and back.
  Json toJson(int64_t step) const;
  Result<void> fromJson(const Json &json, int64_t &step);
};

/// Told by the loop; each may be empty.
struct TrainHooks {
  /// After a step. False: stop as interrupted.
  std::function<bool(const TrainState &, int64_t step)> stepped;
  /// After a validation; `best` if it is the best so far (weights are those).
  std::function<Result<void>(const Evaluation &, bool best, int64_t step)>
      validated;
  /// Save everything now.
  std::function<Result<void>()> checkpoint;
  /// Before steps begin, `stepsInAll` if known.
  std::function<void(int64_t stepsPerEpoch, int64_t stepsInAll)> begun;
};

/// How training ended.
struct TrainOutcome {
  /// finished, time_limit, early_stopped, interrupted, diverged.
  std::string status;
  std::optional<Evaluation> valid;
  /// Spent in validations, of all of `TrainState::seconds` since this start.
  double validSeconds = 0;
  /// Of `diverged`: the step with the bad loss, and the step of the weights
  /// that were put back.
  int64_t badStep = 0, keptStep = 0;
  std::string badLoss;
};

/// Trains until something ends it. `state` is continued; `stateLoaded` if it
/// came from a checkpoint.
Result<TrainOutcome> trainLoop(Session &session, DataSet &data, TrainPlan &plan,
                               TrainState &state, const TrainHooks &hooks);

} // namespace rnnc::driver

#endif
