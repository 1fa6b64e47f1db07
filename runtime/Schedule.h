//===- Schedule.h - learning rates over time --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The learning rate of each step: warm-up, then a schedule.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_SCHEDULE_H
#define RNNC_RUNTIME_SCHEDULE_H

#include "runtime/Result.h"

#include <string_view>

namespace rnnc::rt {

/// A learning rate schedule. A rate depends on the base rate, the step, the
/// epoch, the share of the job done and, for plateau, the validation losses.
class Schedule {
public:
  enum class Kind { Constant, Step, Exponential, Plateau, Cosine };

  /// Reads `constant`, `step:E:F` (times F every E epochs), `step:E:F:A` (times
  /// F after epoch A, and every E epochs from there), `exp:F` (times F every
  /// epoch, continuously), `plateau:F` (times F whenever a validation is no
  /// better than the best) or `cosine` (to 0 at the end of the job).
  /// `warmup`: over so many steps the rate rises linearly, step 1 has
  /// 1/warmup of it.
  static Result<Schedule> parse(std::string_view text, int64_t warmup = 0);

  /// The rate of a step, counted from 1; `epoch` counts the epochs done before
  /// it, with fraction; `share` is the share of the job done before it, 0 to 1
  /// (by steps or epochs, never by time: same bits on every machine).
  double rate(double base, int64_t step, double epoch, double share) const;

  /// Tells plateau a validation loss.
  void observe(double validationLoss);

  /// The state of plateau, for checkpoints: the factor so far, the best loss.
  double factor() const { return plateauFactor; }
  double best() const { return bestLoss; }
  void restore(double factor, double best) {
    plateauFactor = factor;
    bestLoss = best;
  }

  Kind kind() const { return which; }

private:
  Kind which = Kind::Constant;
  int64_t warmupSteps = 0;
  double everyEpochs = 1, firstEpoch = 1, scale = 1;
  double plateauFactor = 1, bestLoss = 1e300;
};

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_SCHEDULE_H
