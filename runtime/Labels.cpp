//===- Labels.cpp - labels from classes at each step ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/Labels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace rnnc::rt {

namespace {
constexpr double kNever = -std::numeric_limits<double>::infinity();

double logAdd(double a, double b) {
  if (a < b)
    std::swap(a, b);
  return b == kNever ? a : a + std::log1p(std::exp(b - a));
}

/// A prefix by its last label and where it came from, so that prefixes share
/// what they have in common.
struct Prefix {
  int32_t label = -1;
  int64_t before = -1;
};

/// log probabilities of a prefix: of the paths that end in a blank, and of
/// those that end in its last label.
struct Ends {
  double blank = kNever, label = kNever;
  double both() const { return logAdd(blank, label); }
};
} // namespace

std::vector<int32_t> greedyLabels(int64_t steps, int64_t blank,
                                  const LogitsAt &at) {
  std::vector<int32_t> labels;
  int64_t last = blank;
  for (int64_t t = 0; t < steps; ++t) {
    std::span<const double> z = at(t);
    int64_t best = std::max_element(z.begin(), z.end()) - z.begin();
    if (best != blank && best != last)
      labels.push_back(static_cast<int32_t>(best));
    last = best;
  }
  return labels;
}

std::vector<LabelsFound> beamLabels(int64_t steps, int64_t blank, int64_t beam,
                                    const LogitsAt &at) {
  beam = std::max<int64_t>(beam, 1);
  // The tree of prefixes; number 0 is the empty one.
  std::vector<Prefix> tree(1);
  std::map<std::pair<int64_t, int32_t>, int64_t> longer;
  auto child = [&](int64_t prefix, int32_t label) {
    auto [it, isNew] = longer.try_emplace({prefix, label}, tree.size());
    if (isNew)
      tree.push_back({label, prefix});
    return it->second;
  };
  std::vector<std::pair<int64_t, Ends>> kept = {{0, Ends{0, kNever}}};
  for (int64_t t = 0; t < steps; ++t) {
    std::span<const double> z = at(t);
    double most = *std::max_element(z.begin(), z.end()), sum = 0;
    for (double each : z)
      sum += std::exp(each - most);
    double norm = most + std::log(sum);
    std::map<int64_t, Ends> next;
    for (const auto &[prefix, ends] : kept) {
      double both = ends.both();
      for (size_t v = 0; v < z.size(); ++v) {
        double p = z[v] - norm;
        auto label = static_cast<int32_t>(v);
        if (label == blank) {
          Ends &same = next[prefix];
          same.blank = logAdd(same.blank, both + p);
          continue;
        }
        // The label again is the same prefix, but behind a blank.
        bool again = label == tree[prefix].label;
        if (again) {
          Ends &same = next[prefix];
          same.label = logAdd(same.label, ends.label + p);
        }
        Ends &more = next[child(prefix, label)];
        more.label = logAdd(more.label, (again ? ends.blank : both) + p);
      }
    }
    kept.assign(next.begin(), next.end());
    std::sort(kept.begin(), kept.end(), [](const auto &a, const auto &b) {
      double x = a.second.both(), y = b.second.both();
      return x != y ? x > y : a.first < b.first;
    });
    if (static_cast<int64_t>(kept.size()) > beam)
      kept.resize(beam);
  }
  std::vector<LabelsFound> found;
  for (const auto &[prefix, ends] : kept) {
    LabelsFound each;
    for (int64_t at = prefix; at > 0; at = tree[at].before)
      each.labels.push_back(tree[at].label);
    std::reverse(each.labels.begin(), each.labels.end());
    each.logProbability = ends.both();
    found.push_back(std::move(each));
  }
  return found;
}

int64_t editDistance(std::span<const int32_t> a, std::span<const int32_t> b) {
  std::vector<int64_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = static_cast<int64_t>(j);
  for (size_t i = 0; i < a.size(); ++i) {
    int64_t corner = row[0];
    row[0] = static_cast<int64_t>(i) + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      int64_t change = corner + (a[i] != b[j]);
      corner = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, corner + 1});
    }
  }
  return row[b.size()];
}

int64_t stepsNeeded(std::span<const int32_t> labels) {
  int64_t steps = static_cast<int64_t>(labels.size());
  for (size_t i = 1; i < labels.size(); ++i)
    steps += labels[i] == labels[i - 1];
  return steps;
}

} // namespace rnnc::rt
