//===- Beam.h - The likeliest texts -----------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sequences of tokens with their probabilities, and the search that keeps the
// likeliest beginnings of one of them. Who runs the model is not its concern.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_BEAM_H
#define RNNC_COMPILER_DRIVER_BEAM_H

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace rnnc::driver {

struct SampleOptions {
  int64_t tokens = 400, seed = 1, topK = 0;
  double temperature = 1, topP = 1;
  /// A text that ends a sample, and a token that does.
  std::string stop;
  std::optional<int32_t> stopToken;
  /// The text of a token behind another, or behind none (-1).
  std::function<std::string(int32_t before, int32_t token)> piece;
};

/// What was drawn.
struct Sample {
  std::vector<int32_t> tokens;
  /// Sum of the logarithms of the probabilities of what was drawn, under the
  /// model itself (temperature 1, nothing cut).
  double logprob = 0;
  bool stopped = false;
  /// Without the prompt, and without what ended it.
  std::string text;

  /// The mean per token, by which texts of different lengths compare.
  double score() const {
    return tokens.empty() ? 0 : logprob / double(tokens.size());
  }
  /// Adds a token; true if the text ends there.
  bool extend(int32_t before, int32_t token, const SampleOptions &options);
};

/// Keeps the `width` likeliest beginnings of a text at each token.
class Beam {
public:
  /// `first`: the token before the text, or -1. Options must outlive it.
  Beam(int64_t width, int32_t first, const SampleOptions &options);


  /// How many beginnings go on; the rows of the model to read.
  size_t alive() const { return beginnings.size(); }
  bool done() const { return beginnings.empty(); }
  /// One token more. `logits` gives those of a row, valid until its next call.
  /// Afterwards row r of the model must become what row parents()[r] was and be
  /// given the token tokens()[r].
  void advance(const std::function<std::span<const double>(size_t)> &logits);
  std::span<const int32_t> parents() const { return from; }
  std::span<const int32_t> tokens() const { return last; }
  /// At most `width` texts, the best first, by mean log probability per token.
  /// Beginnings that reached the limit of tokens are texts too.
  std::vector<Sample> finish();

private:
  struct Candidate {
    double logprob;
    int32_t parent, token;
  };
  size_t width;
  int32_t first;
  const SampleOptions *options;
  std::vector<Sample> beginnings, finished;
  std::vector<int32_t> from, last;
  std::vector<Candidate> candidates;
};

/// log(sum(exp(logits))).
double logSumExp(std::span<const double> logits);

} // namespace rnnc::driver

#endif
