//===- Plans.h - How a training step fits into a budget ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A step may keep less than the fastest one does in two ways: compute cheap
// values again for the pass back, layer by layer where that saves the most, and
// go over pieces of the sequence. This picks the plan with the least work that
// fits. All plans give the same bits.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_PLANS_H
#define RNNC_COMPILER_DRIVER_PLANS_H

#include "compiler/driver/Pieces.h"

#include <functional>

namespace rnnc::driver {

class Plans {
public:
  /// Makes the code of the same step for which keeping an entry costs `price`
  /// (PipelineOptions::saveCost), taken through the stage `time`.
  using Leaner =
      std::function<Result<std::shared_ptr<Code>>(int64_t price)>;

  /// As Pieces::create; `code` is that of the fastest step.
  static Result<std::unique_ptr<Plans>> create(std::shared_ptr<Code> code,
                                               Leaner leaner, Weights &weights,
                                               std::shared_ptr<Team> team,
                                               Call &update);

  /// Decides how steps of these extents are made: with the least work that
  /// takes at most `budget` bytes (0: no limit). `asked` is the budget as the
  /// user wrote it, for the error. May compile.
  Result<void> plan(const std::map<std::string, int64_t> &extents,
                    int64_t budget, const std::string &asked);

  /// The step as planned.
  Pieces &now() { return *active; }
  const Pieces &now() const { return *active; }
  /// Remarks of the code that was made for the plan; once.
  std::vector<Message> takeMessages() { return std::move(said); }

private:
  Plans(Leaner leaner, Weights &weights, std::shared_ptr<Team> team,
        Call &update)
      : leaner(std::move(leaner)), weights(weights), team(std::move(team)),
        update(update) {}

  /// One way to compute a step, without regard to pieces.
  struct Level {
    int64_t price;
    std::shared_ptr<Code> code;
    bool loaded = false;
  };
  /// What is done for steps of some extents.
  struct Choice {
    size_t level = 0;
    rt::Cut cut;
    double extraWork = 0;
  };
  Result<Choice> choose(const std::map<std::string, int64_t> &extents,
                        int64_t budget, const std::string &asked);
  /// The number of the level with the next higher price that keeps less at
  /// these extents; nothing if there is none.
  Result<std::optional<size_t>>
  next(size_t level, const std::map<std::string, int64_t> &extents);
  Result<std::unique_ptr<Pieces>>
  at(size_t level, const std::map<std::string, int64_t> &extents);
  Error refusal(const Pieces &pieces, int64_t least,
                const std::string &asked) const;

  Leaner leaner;
  Weights &weights;
  std::shared_ptr<Team> team;
  Call &update;
  std::vector<Level> levels;
  std::unique_ptr<Pieces> active;
  size_t activeLevel = 0;
  std::map<std::map<std::string, int64_t>, Choice> known;
  std::vector<Message> said;
};

} // namespace rnnc::driver

#endif
