//===- Pieces.h - A training step over pieces of the sequence ---*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the functions that grad-split-time cuts a training step into: goes
// forward over the sequence and keeps some states, then back piece by piece,
// and adds up gradients. So a step fits into a budget of memory, several batches
// make one update, and windows may overlap. The bits do not depend on the
// pieces. An evaluation is cut into the same functions, and has no update.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_PIECES_H
#define RNNC_COMPILER_DRIVER_PIECES_H

#include "compiler/driver/Output.h"
#include "compiler/driver/Weights.h"
#include "compiler/driver/Work.h"
#include "runtime/Reversal.h"

namespace rnnc::driver {

class Pieces {
public:
  /// `update` is the call of the function `update`, which has all data of a
  /// batch as arguments; it must outlive this. Of an evaluation it is the call of
  /// the whole one, which only holds the data (`Call::holdOnly`).
  static Result<std::unique_ptr<Pieces>> create(std::shared_ptr<Code> code,
                                                Weights &weights,
                                                std::shared_ptr<Team> team,
                                                Call &update,
                                                bool evaluates = false);

  /// What steps of these extents take; before all that follows.
  Result<void> measure(const std::map<std::string, int64_t> &extents);
  /// The cut with the least work that takes at most `budget` bytes (0: one
  /// piece); none if there is none. `least` becomes what the smallest takes.
  std::optional<rt::Cut> best(int64_t budget, int64_t &least) const;
  /// The work of a step that is cut so; zeros if it is not known.
  Work work(const rt::Cut &cut) const;
  /// How much more than in one piece that is, in parts of the whole.
  double extraWork(const rt::Cut &cut) const {
    double usual = work(wholeCut()).all();
    return usual > 0 ? work(cut).all() / usual - 1 : 0;
  }
  /// Steps are cut so from now on; allocates what they need. `extraWork`: work
  /// done again, in parts of that of a step without a budget.
  /// `recomputes`: the code keeps less than the fastest step does.
  Result<void> take(const rt::Cut &cut, double extraWork, bool recomputes);
  /// One piece.
  rt::Cut wholeCut() const;
  /// Gives back the memory that a step needs only while it is made; and takes it
  /// again, before the next one.
  void release();
  Result<void> reserve();

  /// One batch, whose data lie in the arguments of `update`.
  struct Batch {
    /// What its loss is multiplied by.
    double seed = 1;
    /// Of its random draws.
    int64_t key = 0;
    /// Its gradients are the first of an update.
    bool isFirst = true;
    /// Only steps from here on have losses.
    int64_t lossFrom = 0;
    /// The states before this step are kept for the next window; -1: none.
    int64_t keepAt = -1;
    /// Begins with the states that were kept.
    bool goesOn = false;
    /// How many updates there were before.
    int64_t update = 0;
  };
  /// Adds the gradients of the loss to those in `update`; gives the loss.
  Result<double> add(const Batch &batch);
  /// Evaluates the batch whose data lie in the arguments of `update`, whose states
  /// become those after it. The results are good until the next one.
  Result<std::vector<Call::Slot> *> evaluate();

  /// Whether the sequence can be cut at all.
  bool canCut() const { return reverse.has_value(); }
  /// Why not, in words; empty if it can.
  const std::string &wholeReason() const { return reason; }
  /// What a window that overlaps the next needs besides: an error names what is
  /// in the way.
  Result<void> checkOverlap() const;

  /// What the plan takes; `extraWork` is in it.
  const Memory &memory() const { return taken; }
  /// Gradients, sums and weights in other layouts, in bytes.
  int64_t otherBytes() const { return other; }
  const Code &compiled() const { return *code; }
  const rt::Cut &cut() const { return planned; }
  /// Bytes that are there now, of all that counts.
  int64_t allocatedBytes() const;

  /// The states kept for the next window, by name; and back.
  void snapshot(rt::TensorFile &file) const;
  Result<void> restore(const rt::TensorFile &file, const std::string &name,
                       int64_t rows);

private:
  Pieces(std::shared_ptr<Code> code, Weights &weights,
         std::shared_ptr<Team> team, Call &update, bool evaluates)
      : code(std::move(code)), weights(weights), team(std::move(team)),
        update(update), evaluates(evaluates) {}

  Result<void> open(const char *name, std::optional<Call> &call);
  std::map<std::string, int64_t> extentsFor(int64_t first, int64_t steps) const;
  Result<void> resize(Call &call, int64_t first, int64_t steps);
  Result<void> bind(Call &call, int64_t first, int64_t steps);
  void bindPlaces(Call &call, int place, int next);
  void bindSums(Call &call);
  bool isSequence(const ArgInfo &info) const;
  int64_t bytesOf(int64_t steps, int64_t states) const;
  std::vector<Call *> calls();
  std::vector<const Call *> calls() const;
  /// Whether nothing goes back over the sequence, nor is summed over it: then
  /// one pass forward is all.
  bool isOneWay() const { return sums.empty() && backs.empty(); }

  std::shared_ptr<Code> code;
  Weights &weights;
  std::shared_ptr<Team> team;
  Call &update;
  std::optional<Call> before, advance, reverse, last, after;
  std::shared_ptr<Buffer> arena = std::make_shared<Buffer>();
  /// Memory for values by name: states at several places of the sequence,
  /// cotangents (two), sums.
  struct Named {
    std::string name;
    ArgInfo info;
    int64_t offset = 0, bytes = 0;
  };
  std::vector<Named> carries, backs, sums;
  int64_t carryBytes = 0, backBytes = 0, sumBytes = 0;
  std::vector<Buffer> places;
  Buffer backMemory[2], sumMemory, finals, keptStates;
  bool haveKept = false;
  /// The axis that is cut.
  std::string axis, reason;
  std::map<std::string, int64_t> extents;
  int64_t fixedBytes = 0, other = 0;
  rt::Cut planned;
  Memory taken;
  /// Of `other`, what each piece makes when it runs: its lengths, and where rows
  /// begin and end.
  int64_t edgeBytes = 0;
  /// There is no update.
  bool evaluates;
};

} // namespace rnnc::driver

#endif
