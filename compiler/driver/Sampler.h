//===- Sampler.h - Drawing from a model -------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the forward function one step at a time and feeds back what is drawn
// from its logits.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_SAMPLER_H
#define RNNC_COMPILER_DRIVER_SAMPLER_H

#include "compiler/driver/Project.h"

#include <functional>

namespace rnnc::driver {

struct SampleOptions {
  int64_t tokens = 400, seed = 1, topK = 0;
  double temperature = 1, topP = 1;
};

/// What was drawn.
struct Sample {
  std::vector<int32_t> tokens;
  /// Sum of the logarithms of the probabilities of what was drawn, under the
  /// model itself (temperature 1, nothing cut).
  double logprob = 0;
  bool stopped = false;
};

class Sampler {
public:
  /// Compiles the forward function as a stream of one row. An error if the
  /// model draws nothing.
  static Result<std::unique_ptr<Sampler>>
  create(std::shared_ptr<Project> project);

  /// The code, to load weights for; before the first sample.
  Code &code() { return *compiled->code; }
  Result<void> bindWeights();

  /// Draws one sample. `number` sets apart samples of one seed. `drawn` is told
  /// each token and says whether to stop.
  Result<Sample> sample(std::span<const int32_t> prompt,
                        const SampleOptions &options, int64_t number,
                        const std::function<bool(int32_t)> &drawn);

  /// Number of symbols.
  int64_t classes() const { return symbols; }

private:
  void restart();
  Result<void> feed(std::span<const int32_t> tokens);
  int32_t draw(const SampleOptions &options, int64_t number, int64_t position,
               double &logprob);

  std::shared_ptr<Project> project;
  std::shared_ptr<Variant> compiled;
  std::optional<Call> call;
  /// The state that holds the token before, or the input that takes it.
  std::string shiftState, inputName;
  int64_t symbols = 0, lastSteps = 0;
  bool fresh = true;
  std::vector<std::pair<double, int32_t>> ranked;
  std::vector<double> logits;
};

} // namespace rnnc::driver

#endif
