//===- Labels.h - labels from classes at each step --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a path over time spells (repetitions are one label, blanks are gone),
// the labels that log probabilities say, and how far two sequences are apart.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_LABELS_H
#define RNNC_RUNTIME_LABELS_H

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace rnnc::rt {

/// Logits at a step, one per class; what they point to must live until the next
/// call.
using LogitsAt = std::function<std::span<const double>(int64_t step)>;

/// The labels of the likeliest path: the greatest class at each step.
std::vector<int32_t> greedyLabels(int64_t steps, int64_t blank,
                                  const LogitsAt &at);

/// Labels and the log of their probability, summed over the paths that the
/// search has followed.
struct LabelsFound {
  std::vector<int32_t> labels;
  double logProbability = 0;
};

/// The likeliest labels by a search over prefixes (Graves 2012; Hannun et al.
/// 2014) that keeps the `beam` best ones at each step, at least one. The best
/// come first. With a beam as wide as there are prefixes it is exact.
std::vector<LabelsFound> beamLabels(int64_t steps, int64_t blank, int64_t beam,
                                    const LogitsAt &at);

/// The least number of labels to put in, leave out or change to make one
/// sequence of the other (Levenshtein 1966).
int64_t editDistance(std::span<const int32_t> a, std::span<const int32_t> b);

/// The least number of steps that labels need: one each, and a blank between
/// equal neighbours.
int64_t stepsNeeded(std::span<const int32_t> labels);

} // namespace rnnc::rt

#endif
