//===- Training.h - Updates and evaluation ----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A Session trains the weights of a project: one update, one evaluation, and
// everything that must be kept to go on with the same bits.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_TRAINING_H
#define RNNC_COMPILER_DRIVER_TRAINING_H

#include "compiler/driver/Plans.h"
#include "compiler/driver/Project.h"
#include "runtime/Stream.h"

#include <future>
#include <optional>

namespace rnnc::driver {

/// A loss and metrics over data.
struct Evaluation {
  double loss = 0;
  std::optional<double> perplexity, accuracy;
  std::map<std::string, double> values;
  int64_t count = 0;
  double seconds = 0;
};

/// The lengths of the time axes of a minibatch, and B. An error if data along
/// one axis differ.
Result<std::map<std::string, int64_t>>
extentsOf(const hir::Model &model, const rt::ExampleBatch &batch);
/// The same of the batch that these examples make, without making it.
Result<std::map<std::string, int64_t>>
extentsOf(const hir::Model &model, const rt::Examples &examples,
          std::span<const int64_t> rows);

/// The lengths that a field gives for a time axis, by the axis's name: i32 [B],
/// or [W, B] of an axis within W; null if its sequences have one length, or it
/// has no such axis.
const rt::Tensor *lengthsAlong(const hir::Model &model,
                               const rt::BatchField &field,
                               const std::string &axis);

/// What one update gave.
struct StepResult {
  double loss = 0, gradNorm = 0;
  int64_t count = 0;
};

class Session {
public:
  /// Compiles the training step for data of this form; draws weights if there
  /// are none. The code of the evaluation, which the same checks have passed,
  /// is made when it is asked for.
  static Result<std::unique_ptr<Session>>
  create(std::shared_ptr<Project> project, bool stream,
         std::set<std::string> ragged, bool evaluateOnly = false);

  /// Compiles the forward function instead; for `run`.
  static Result<std::unique_ptr<Session>>
  forward(std::shared_ptr<Project> project, bool stream,
          std::set<std::string> ragged);
  /// The same of a variant that has that function.
  static Result<std::unique_ptr<Session>>
  forward(std::shared_ptr<Project> project, std::shared_ptr<Variant> variant);
  /// Runs the forward function on examples, on a window of a stream. The call's
  /// results hold the outputs until the next one.
  Result<Call *> run(const DataPart &part, std::span<const int64_t> rows);
  Result<Call *> run(const DataPart &part, const rt::StreamWindow &window);
  /// Whether the forward function reads an input or target of this name.
  bool reads(const std::string &name);

  /// One update on a window of a stream, on examples.
  Result<StepResult> update(const DataPart &part,
                            const rt::StreamWindow &window, double lr);
  Result<StepResult> update(const DataPart &part, std::span<const int64_t> rows,
                            double lr);
  /// One update on arrays that the caller has put into the call (`training`).
  /// Of several `batches`, the last one makes the update of all.
  Result<StepResult> update(double lr, int64_t count, int64_t batches = 1);

  /// Adds a batch to the update to come, which is made of `batches`; needs
  /// pieces. `window.back` steps before a window's own belong to it as well.
  Result<void> accumulate(const DataPart &part, const rt::StreamWindow &window,
                          int64_t batches, int64_t back = 0,
                          int64_t nextBack = -1);
  Result<void> accumulate(const DataPart &part, std::span<const int64_t> rows,
                          int64_t batches);
  /// The update of what was added.
  Result<StepResult> apply(double lr);
  /// How a step is made over pieces of the sequence; null if it is one function.
  Pieces *pieces() { return plans ? &plans->now() : nullptr; }
  const Pieces *pieces() const { return plans ? &plans->now() : nullptr; }
  /// Remarks of code that a budget asked for; once.
  std::vector<Message> takeMessages();
  /// What the last evaluation took, if there is a budget; nothing before the
  /// first.
  std::optional<Memory> evaluationMemory() const { return evalMemory; }
  /// What a step takes at the extents of `fit`.
  Result<Memory> memoryAt(const std::map<std::string, int64_t> &extents);
  /// What the last step took; nothing before the first.
  std::optional<Memory> lastMemory();
  /// Begins to make the code of the evaluation beside what goes on, if it is
  /// not there yet.
  void prepareEvaluation();
  /// Loss and metrics over a part, read to its end.
  Result<Evaluation> evaluate(const DataPart &part, int64_t batch,
                              int64_t window);

  /// Updates so far.
  int64_t step = 0;

  Call &training() { return *trainCall; }
  const Variant &variant() const { return *compiled; }
  Project &project() { return *owner; }
  /// Sets the extents of a call, if they are others than before.
  Result<void> fit(Call &call, std::map<std::string, int64_t> extents);
  /// The most memory that the calls made so far took, in bytes: parameters,
  /// optimiser, states (read and written) and arena. Of a step in pieces, what
  /// its buffers have, without evaluation.
  int64_t peakBytes() const { return peak; }
  /// The most memory there was while evaluating, with what training held
  /// meanwhile, in bytes; 0 without a budget.
  int64_t evaluationPeak() const { return evalPeak; }
  /// State back to the start: zeros, and `fresh` set.
  static void restart(Call &call, bool fresh);

  /// Weights, optimiser and states as named tensors; and back.
  rt::TensorFile snapshot();
  Result<void> restore(const rt::TensorFile &file, const std::string &name);

  /// Takes the weights into their average after the update of `step`: the mean
  /// of all so far at first, then decaying by `decay` for each update.
  void average(double decay);
  /// Exchanges weights and average, if there is one; again to undo.
  void swapAverage();
  /// Forgets the average.
  void dropAverage() { averages.clear(); }

  /// Whether exp(loss) is a perplexity per token.
  bool hasPerplexity() const { return tokenLoss; }

private:
  /// Reads `carry`, which only streams can have false.
  Result<void> readCarry(bool stream);
  Result<void> fill(Call &call, const DataPart &part,
                    const rt::StreamWindow &window);
  Result<int64_t> fill(Call &call, const DataPart &part,
                       std::span<const int64_t> rows);

  Result<void> makeCall(const Variant &variant, const char *entry,
                        std::optional<Call> &call);
  /// The call of the evaluation, once its code is made.
  Result<Call *> evaluation();
  /// Decides how a batch of these extents is evaluated within the budget.
  Result<void> fitEvaluation(const std::map<std::string, int64_t> &extents);
  /// Evaluates what lies in the call of the evaluation; gives the results.
  Result<std::vector<Call::Slot> *> runEvaluation();
  Result<Evaluation> evaluateAll(const DataPart &part, int64_t batch,
                                 int64_t window);
  int64_t weightBytes() const;
  /// Says once that an evaluation takes so much, more than the budget.
  void warnOfBudget(int64_t bytes);

  std::shared_ptr<Project> owner;
  std::shared_ptr<Variant> compiled;
  /// The code of the evaluation in the making, and how to make it.
  std::future<Result<std::shared_ptr<Variant>>> making;
  bool isStream = false;
  std::set<std::string> raggedAxes;
  void setHypers(double lr);
  Result<double> addBatch(Pieces::Batch batch, int64_t batches, int64_t count);

  std::optional<Call> trainCall, evalCall;
  std::unique_ptr<Plans> plans;
  int64_t budget = 0;
  std::string budgetText;
  /// Of the update to come: batches added, and their losses and counts.
  int64_t added = 0, addedCount = 0;
  double addedLoss = 0;
  std::map<const Call *, std::map<std::string, int64_t>> fitted;
  rt::Tensor scratch;
  /// In the order of the weights; empty: none.
  std::vector<rt::Tensor> averages;
  bool tokenLoss = false;
  /// Whether states go on from window to window.
  bool carries = true;
  int64_t peak = 0;
  int64_t seed = 1;
  double beta1 = 0.9, beta2 = 0.999;

  /// An evaluation in pieces, made when a whole one does not fit the budget.
  std::unique_ptr<Pieces> evalPieces;
  /// The batch to be evaluated is made in pieces; training gave its memory back.
  bool inPieces = false, released = false, warned = false;
  /// Bytes that training holds meanwhile, without the weights.
  int64_t beside = 0;
  int64_t evalPeak = 0;
  std::optional<Memory> evalMemory;
  std::vector<Message> evalMessages;
};

} // namespace rnnc::driver

#endif
