//===- LabelsTest.cpp - Labels from classes at each step ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/Labels.h"
#include "gtest/gtest.h"
#include <cmath>
#include <map>
#include <random>

using namespace rnnc::rt;

namespace {
using Labels = std::vector<int32_t>;
using Rows = std::vector<std::vector<double>>;

LogitsAt rowsOf(const Rows &rows) {
  return [&rows](int64_t t) { return std::span<const double>(rows[t]); };
}

/// Rows in which these classes are the greatest.
Rows peaks(const std::vector<int> &path, int classes) {
  Rows rows;
  for (int best : path) {
    rows.emplace_back(classes, 0.0);
    rows.back()[best] = 3;
  }
  return rows;
}

/// The probabilities of all labellings, path by path.
std::map<Labels, double> all(const Rows &rows, int32_t blank) {
  std::map<Labels, double> result;
  std::vector<size_t> path(rows.size(), 0);
  while (true) {
    double p = 1;
    Labels labels;
    for (size_t t = 0; t < rows.size(); ++t) {
      double sum = 0;
      for (double each : rows[t])
        sum += std::exp(each);
      p *= std::exp(rows[t][path[t]]) / sum;
      auto label = static_cast<int32_t>(path[t]);
      if (label != blank && (t == 0 || path[t] != path[t - 1]))
        labels.push_back(label);
    }
    result[labels] += p;
    size_t t = 0;
    while (t < rows.size() && ++path[t] == rows[t].size())
      path[t++] = 0;
    if (t == rows.size())
      return result;
  }
}
} // namespace

TEST(Labels, GreedyTakesRepetitionsTogether) {
  Rows rows = peaks({1, 1, 0, 1, 2, 2, 0}, 3);
  EXPECT_EQ(greedyLabels(7, 0, rowsOf(rows)), (Labels{1, 1, 2}));
  EXPECT_EQ(greedyLabels(2, 0, rowsOf(rows)), (Labels{1}));
  EXPECT_EQ(greedyLabels(7, 2, rowsOf(rows)), (Labels{1, 0, 1, 0}));
  EXPECT_EQ(greedyLabels(0, 0, rowsOf(rows)), Labels());
}

TEST(Labels, WideBeamIsExact) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  for (int32_t blank : {0, 2}) {
    Rows rows(5, std::vector<double>(3));
    for (std::vector<double> &row : rows)
      for (double &each : row)
        each = 2 * normal(random);
    std::map<Labels, double> expected = all(rows, blank);
    std::vector<LabelsFound> found = beamLabels(5, blank, 10000, rowsOf(rows));
    double total = 0, last = 1;
    for (const LabelsFound &each : found) {
      double p = std::exp(each.logProbability);
      if (p == 0)
        continue;
      EXPECT_NEAR(p, expected[each.labels], 1e-12);
      EXPECT_LE(p, last + 1e-15);
      last = p;
      total += p;
    }
    EXPECT_NEAR(total, 1, 1e-12);
  }
}

/// The likeliest labels need not be those of the likeliest path.
TEST(Labels, BeamFindsWhatGreedyMisses) {
  Rows rows = {{std::log(0.6), std::log(0.4)}, {std::log(0.6), std::log(0.4)}};
  EXPECT_EQ(greedyLabels(2, 0, rowsOf(rows)), Labels());
  std::vector<LabelsFound> found = beamLabels(2, 0, 4, rowsOf(rows));
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].labels, Labels{1});
  EXPECT_NEAR(std::exp(found[0].logProbability), 0.64, 1e-12);
}

TEST(Labels, EditDistance) {
  EXPECT_EQ(editDistance(Labels{}, Labels{}), 0);
  EXPECT_EQ(editDistance(Labels{1, 2, 3}, Labels{}), 3);
  EXPECT_EQ(editDistance(Labels{1, 2, 3}, Labels{1, 3}), 1);
  EXPECT_EQ(editDistance(Labels{1, 2, 3}, Labels{2, 3, 4}), 2);
  EXPECT_EQ(editDistance(Labels{1, 2, 3}, Labels{1, 5, 3}), 1);
}

TEST(Labels, StepsNeeded) {
  EXPECT_EQ(stepsNeeded(Labels{}), 0);
  EXPECT_EQ(stepsNeeded(Labels{1, 2, 1}), 3);
  EXPECT_EQ(stepsNeeded(Labels{1, 1, 1, 2, 2}), 8);
}
