//===- Beam.cpp - The likeliest texts -------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Beam.h"

#include <algorithm>
#include <cmath>

using namespace rnnc;
using namespace rnnc::driver;

double driver::logSumExp(std::span<const double> logits) {
  double greatest = *std::max_element(logits.begin(), logits.end()), sum = 0;
  for (double value : logits)
    sum += std::exp(value - greatest);
  return greatest + std::log(sum);
}

bool Sample::extend(int32_t before, int32_t token,
                    const SampleOptions &options) {
  tokens.push_back(token);
  if (options.stopToken && token == *options.stopToken)
    return stopped = true;
  if (!options.piece)
    return false;
  // A stop text can only end in what is new.
  size_t from = text.size() - std::min(text.size(), options.stop.size());
  text += options.piece(before, token);
  if (options.stop.empty())
    return false;
  size_t found = text.find(options.stop, from);
  if (found == std::string::npos)
    return false;
  text.resize(found);
  return stopped = true;
}

Beam::Beam(int64_t width, int32_t first, const SampleOptions &options)
    : width(size_t(width)), first(first), options(&options), beginnings(1),
      from(size_t(width), 0), last(size_t(width), 0) {}

/// By mean log probability per token; equal ones by their tokens.
static bool isBetter(const Sample &a, const Sample &b) {
  return a.score() != b.score() ? a.score() > b.score() : a.tokens < b.tokens;
}

void Beam::advance(
    const std::function<std::span<const double>(size_t)> &logits) {
  auto likelier = [](const Candidate &a, const Candidate &b) {
    if (a.logprob != b.logprob)
      return a.logprob > b.logprob;
    return std::pair(a.parent, a.token) < std::pair(b.parent, b.token);
  };
  candidates.clear();
  for (size_t r = 0; r < beginnings.size(); ++r) {
    std::span<const double> row = logits(r);
    if (row.empty())
      continue;
    double normaliser = logSumExp(row);
    for (size_t token = 0; token < row.size(); ++token)
      candidates.push_back({beginnings[r].logprob + row[token] - normaliser,
                            int32_t(r), int32_t(token)});
  }
  // Each beginning has at most one token that ends it by itself, so so many
  // leave enough that go on; a stop text may leave fewer.
  size_t kept = std::min(candidates.size(), 2 * width);
  std::partial_sort(candidates.begin(), candidates.begin() + ptrdiff_t(kept),
                    candidates.end(), likelier);
  std::vector<Sample> next;
  for (size_t c = 0; c < kept && next.size() < width; ++c) {
    const Candidate &candidate = candidates[c];
    Sample sample = beginnings[size_t(candidate.parent)];
    int32_t before = sample.tokens.empty() ? first : sample.tokens.back();
    sample.logprob = candidate.logprob;
    if (sample.extend(before, candidate.token, *options)) {
      finished.push_back(std::move(sample));
      continue;
    }
    from[next.size()] = candidate.parent;
    last[next.size()] = candidate.token;
    next.push_back(std::move(sample));
  }
  beginnings = std::move(next);
  if (finished.size() < width)
    return;
  // Enough have ended once no beginning is better than the last of the best.
  std::sort(finished.begin(), finished.end(), isBetter);
  finished.resize(width);
  if (std::none_of(beginnings.begin(), beginnings.end(),
                   [&](const Sample &beginning) {
                     return beginning.score() > finished.back().score();
                   }))
    beginnings.clear();
}

std::vector<Sample> Beam::finish() {
  if (finished.size() < width)
    finished.insert(finished.end(), beginnings.begin(), beginnings.end());
  beginnings.clear();
  std::sort(finished.begin(), finished.end(), isBetter);
  if (finished.size() > width)
    finished.resize(width);
  return std::move(finished);
}
