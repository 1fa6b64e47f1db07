//===- BenchRow.h - One measured way to run a model -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A Subject is a model compiled for one way of using it, with its buffers
// filled, ready to do a step. It is made of the pieces that `train`, `run` and
// `sample` are made of, so that what is measured is what users run.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_COMMANDS_BENCHROW_H
#define RNNC_COMPILER_DRIVER_COMMANDS_BENCHROW_H

#include "compiler/driver/Output.h"
#include "compiler/driver/Training.h"

#include <functional>

namespace rnnc::driver {

/// One row as asked for. `length` is 0 if no one said how long; streaming goes
/// step by step whatever it is.
struct BenchWay {
  std::string mode = "train"; ///< train, infer or stream
  std::string precision = "f32";
  int64_t batch = 32, length = 0, threads = 1;
};

/// Where inputs, targets and weights come from.
enum class BenchValues {
  Natural, ///< normal reals; weights as the model draws them
  Shared,  ///< all of one formula that other programs know too
};

/// Times of single steps, in milliseconds.
struct StepTimes {
  std::vector<double> samples;
  /// Steps run: a sample is the mean of several where a step is short.
  int64_t count = 0;
  /// The sample below which a share of all lies.
  double quantile(double share) const;
};

/// Runs `step` until `warm` seconds have gone by, then takes samples for
/// `seconds` and at least `least` of them. Steps shorter than 50 us are
/// grouped. Stops early on a signal that is remembered.
StepTimes timeSteps(const std::function<void()> &step, double warm,
                    double seconds, int64_t least);

/// A model, compiled and ready.
class Subject {
public:
  /// `base` has what the command line says of the model; the rest is in `way`.
  /// `key` in base `input-grad` asks for gradients of real inputs.
  static Result<std::unique_ptr<Subject>> create(std::shared_ptr<Spec> spec,
                                                 Settings base,
                                                 const BenchWay &way,
                                                 BenchValues values,
                                                 std::vector<Message> &said);

  /// One update, or one call of the forward function.
  void step();

  const BenchWay &way() const { return asked; }
  /// Milliseconds of analysis and by stage, without drawing weights.
  const std::vector<std::pair<std::string, double>> &stages() const {
    return times;
  }
  double compileMs() const;
  const Memory &memory() const { return taken; }
  /// None if it is not known.
  std::optional<double> flops() const { return products; }
  /// Time steps of all rows that one call goes through.
  int64_t tokens() const { return asked.batch * asked.length; }
  /// Values of the model's sizes.
  const std::map<std::string, double> &sizes() const { return statics; }

  /// Sums of absolute values that another program can compute too: `loss`; of
  /// the outputs (`out`); of the gradients of weights (`dw`) and of inputs
  /// (`dx`), both of the sum over rows and steps rather than the mean. Does a
  /// step and puts parameters back: call it before any other, with shared values
  /// and plain SGD.
  std::map<std::string, double> check();

private:
  Result<void> compile(std::shared_ptr<Spec> spec, std::vector<Message> &said);
  Result<void> fill(BenchValues values);
  Result<void> count();
  Call &call() { return session ? session->training() : *forward; }

  BenchWay asked;
  Settings settings;
  bool stream = false;
  std::shared_ptr<Project> project;
  std::unique_ptr<Session> session;
  std::shared_ptr<Variant> variant;
  std::optional<Call> forward;
  std::vector<std::pair<std::string, double>> times;
  std::map<std::string, double> statics;
  std::map<std::string, int64_t> extents;
  Memory taken;
  std::optional<double> products;
};

/// Entry `index` of what `name` stands for: in [-1, 1), a pure function that
/// the programs beside us compute too.
double sharedValue(const std::string &name, int64_t index);

} // namespace rnnc::driver

#endif
