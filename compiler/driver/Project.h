//===- Project.h - A model with its settings and code -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What commands and the C++ interface work on: a text, what was asked for, the
// sizes known so far, weights, and code for the ways the model is used. Code is
// made when it is first needed.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_PROJECT_H
#define RNNC_COMPILER_DRIVER_PROJECT_H

#include "compiler/driver/Answer.h"
#include "compiler/driver/DataSet.h"
#include "compiler/driver/Weights.h"

#include <mutex>

namespace rnnc::driver {

/// The model compiled in one way.
struct Variant {
  std::unique_ptr<hir::Model> model;
  std::shared_ptr<Code> code;
  CodeOptions options;
  /// What sampling draws: logits of this output, for this token.
  std::string drawOutput, drawTarget;
  /// What the model answers for a target.
  Answer answer;
};

/// The model compiled to make a target step by step.
struct StepCode {
  /// What no step changes, for whole examples: outputs `once.N`. Null if the
  /// steps read nothing of the kind.
  std::shared_ptr<Variant> once;
  /// A step, as a stream along the target's axis: inputs `once.N`, output
  /// `logits`.
  std::shared_ptr<Variant> step;
};

class Project {
public:
  /// Analyses the text a first time; no size needs a value yet.
  static Result<std::shared_ptr<Project>>
  create(std::shared_ptr<Spec> spec, Settings settings,
         std::vector<Message> &warnings);

  const Spec &spec() const { return *text; }
  const Settings &settings() const { return wanted; }
  /// To be changed before the variants that depend on it are made.
  Settings &changeSettings() { return wanted; }
  /// The model as analysed without data.
  const hir::Model &model() const { return *first; }
  /// Sizes that the data decide; before the first variant.
  void setSizes(std::map<std::string, double> sizes);
  const std::map<std::string, double> &dataSizes() const { return fromData; }

  /// The model compiled with these entries. Any thread.
  /// With `stepThreads`, a function that makes one step of every axis in each
  /// call, for a team of usually so many threads; 0: any number of steps.
  Result<std::shared_ptr<Variant>> variant(std::vector<std::string> entries,
                                           bool stream,
                                           std::set<std::string> ragged = {},
                                           int64_t stepThreads = 0);
  /// The training step of a variant once more, as code for which keeping an
  /// entry costs `price` (see Plans.h); taken through the stage `time`.
  Result<std::shared_ptr<Code>> leaner(const Variant &variant, int64_t price);
  /// Analysed with all sizes, not compiled. `streamed`: the only input or
  /// target whose axis goes on in a stream.
  Result<std::unique_ptr<hir::Model>>
  analyzed(bool stream, bool needLoss, const std::string &streamed = "");

  /// The model in two parts, to make the target of its prediction step by step.
  Result<StepCode> stepCode(const std::set<std::string> &ragged);

  /// All parameters; drawn from the seed unless they are there already.
  Result<void> initWeights(Code &code);
  Weights weights;
  bool haveWeights() const { return weightsMade; }

  /// The threads that settings ask for.
  std::shared_ptr<Team> team();
  int64_t threads() const;
  /// Messages of compilation that nobody has shown yet. Any thread.
  std::vector<Message> takeMessages();

private:
  /// Makes code of a variant's model.
  Result<void> finish(Variant &made, CodeOptions options);
  Result<void> takeWeights(Result<std::vector<rt::NamedTensor>> values);
  /// Draws the parameters.
  int64_t seed() const { return wanted.whole("seed", 1); }

  std::shared_ptr<Spec> text;
  Settings wanted;
  std::unique_ptr<hir::Model> first;
  std::map<std::string, double> fromData;
  std::map<std::string, std::shared_ptr<Variant>> variants;
  std::shared_ptr<Team> threadTeam;
  std::vector<Message> messages;
  /// `messages` have their own, so that they can be read while code is made.
  std::mutex mutex, messageMutex;
  bool weightsMade = false;
};

/// The window of an update on a stream: `steps` new steps, and how many steps
/// back it begins, counted from its end. More than `steps`: windows overlap.
struct Window {
  int64_t steps = 64, back = 64;
};
Result<Window> windowOf(const Settings &settings);

/// Whether a training step is made in pieces (see Pieces.h): what the settings
/// ask for needs them.
Result<bool> wantsPieces(const Settings &settings);

} // namespace rnnc::driver

#endif
