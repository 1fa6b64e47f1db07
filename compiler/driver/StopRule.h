//===- StopRule.h - When a loss is low enough -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What --stop-below asks: conditions on the losses or metrics of the updates.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_STOPRULE_H
#define RNNC_COMPILER_DRIVER_STOPRULE_H

#include "compiler/driver/Console.h"
#include "frontends/rnn/HIR.h"

#include <map>
#include <vector>

namespace rnnc::driver {

/// The values of one update: of an update of several batches the greatest and
/// the mean.
struct UpdateValue {
  double greatest = 0, mean = 0;
};

/// Each of the last `updates` updates had a value below `below`; or their mean
/// is.
struct StopCondition {
  /// Empty: the loss.
  std::string metric;
  bool mean = false;
  double below = 0;
  int64_t updates = 1;
};

/// Training ends once all conditions hold; without conditions never.
struct StopRule {
  std::vector<StopCondition> conditions;

  /// Of `[mean:][METRIC=]X[:N]`, several joined by " and ".
  static Result<StopRule> parse(const std::string &text);
  /// True if a condition is on a metric.
  bool readsMetrics() const;
  /// An error if a metric is not in the model, or if the data are a stream.
  Result<void> check(const hir::Model &model, bool isStream) const;
};

/// How far the conditions of a rule are met; part of a checkpoint.
class StopState {
public:
  /// Takes in an update: its loss, and its metrics by name.
  void observe(const StopRule &rule, double loss,
               const std::map<std::string, UpdateValue> &metrics);
  /// True if all conditions hold.
  bool holds(const StopRule &rule) const;

  Json toJson() const;
  /// False if it is not what toJson gives.
  bool fromJson(const Json &json);

private:
  struct Seen {
    /// Updates running with a value below the mark.
    int64_t low = 0;
    /// The last values, for a mean: once there are enough, the oldest is at
    /// `next`.
    std::vector<double> values;
    int64_t next = 0;
  };
  /// One for each condition.
  std::vector<Seen> seen;
};

} // namespace rnnc::driver

#endif // RNNC_COMPILER_DRIVER_STOPRULE_H
