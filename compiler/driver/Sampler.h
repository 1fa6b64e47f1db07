//===- Sampler.h - Drawing from a model -------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the forward function one step at a time and feeds back what is drawn
// from its logits, or searches for what is likeliest.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_SAMPLER_H
#define RNNC_COMPILER_DRIVER_SAMPLER_H

#include "compiler/driver/Beam.h"
#include "compiler/driver/Project.h"

namespace rnnc::driver {

class Sampler {
public:
  /// Compiles the forward function as a stream of one row. An error if the
  /// model draws nothing.
  static Result<std::unique_ptr<Sampler>>
  create(std::shared_ptr<Project> project);

  /// The code, to load weights for; before the first sample.
  Code &code() { return *compiled->code; }
  Result<void> bindWeights();
  /// The value, for all texts, of an input that is the same at every step: a
  /// class by name or number, or numbers with commas between. `symbols` names
  /// the classes, if they have names.
  Result<void> setInput(const std::string &name, const std::string &value,
                        const rt::Vocabulary *symbols);
  /// An error if the model reads an input that nobody set.
  Result<void> checkInputs();

  /// Draws one sample. `number` sets apart samples of one seed. `shown` is told
  /// the text of each token and says whether to go on.
  Result<Sample>
  sample(std::span<const int32_t> prompt, const SampleOptions &options,
         int64_t number,
         const std::function<bool(const std::string &)> &shown);

  /// Beam search: keeps the `width` likeliest beginnings at each token. Returns
  /// as many texts, the best first, by mean log probability per token.
  Result<std::vector<Sample>> search(std::span<const int32_t> prompt,
                                     const SampleOptions &options,
                                     int64_t width);

  /// Number of symbols.
  int64_t classes() const { return symbols; }

private:
  /// Starts anew with so many rows.
  void restart(int64_t rows);
  /// Runs a step for each `rows` tokens; states go on.
  Result<void> feed(std::span<const int32_t> tokens);
  /// Before the token at `position`: whether the logits are there already.
  bool isReady(int64_t position, std::span<const int32_t> prompt) const {
    return shiftState.empty() && position == 0 && !prompt.empty();
  }
  /// Reads the logits of a row after the last step; their normaliser.
  Result<double> readLogits(int64_t row);
  /// Tells the model which tokens its rows were given.
  void give(std::span<const int32_t> tokens);
  int32_t draw(const SampleOptions &options, int64_t number, int64_t position);
  void moveRows(std::span<const int32_t> from);

  std::shared_ptr<Project> project;
  std::shared_ptr<Variant> compiled;
  std::optional<Call> call;
  /// The state that holds the token before, or the input that takes it.
  std::string shiftState, inputName;
  int64_t symbols = 0, rows = 1;
  bool fresh = true, isSized = false;
  /// Values of `setInput`.
  std::map<std::string, rt::Tensor> constants;
  /// Arguments that a step fills, once the call has its size.
  std::vector<Call::Slot *> data;
  std::vector<std::pair<double, int32_t>> ranked;
  std::vector<double> logits;
  std::vector<char> moved;
};

} // namespace rnnc::driver

#endif
