//===- NGramTest.cpp - counted models -------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small cases worked out by hand, and that probabilities add up to 1.
//
//===----------------------------------------------------------------------===//
#include "runtime/NGram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <set>

using namespace rnnc::rt;

static double probabilityAfter(const NGram &model, std::vector<int32_t> context,
                               int32_t token, int order, Smoothing smoothing,
                               double k = 1) {
  int64_t skip = int64_t(context.size());
  context.push_back(token);
  return std::exp(-model.score(context, order, smoothing, k, skip).sum);
}

// a b a b b, so a is followed by b twice, b by a once and by b once.
TEST(NGram, AddKByHand) {
  NGram model = *NGram::count(std::vector<int32_t>{0, 1, 0, 1, 1}, 3, 2);
  auto p = [&](int context, int token, double k) {
    return probabilityAfter(model, {context}, token, 2, Smoothing::AddK, k);
  };
  EXPECT_DOUBLE_EQ(p(0, 1, 1), (2 + 1) / (2 + 3.0));
  EXPECT_DOUBLE_EQ(p(0, 0, 1), (0 + 1) / (2 + 3.0));
  EXPECT_DOUBLE_EQ(p(1, 0, 0.5), (1 + 0.5) / (2 + 1.5));
  // A context that was never seen: all alike.
  EXPECT_DOUBLE_EQ(p(2, 1, 1), 1 / 3.0);
  // Unigrams: 2 of 5 are a.
  EXPECT_DOUBLE_EQ(probabilityAfter(model, {}, 0, 1, Smoothing::AddK, 1),
                   3 / 8.0);
}

// 0 0 1 0 2 0 1 1: bigrams 00 01 10 02 20 01 11, that is 00:1 01:2 10:1 02:1
// 20:1 11:1, n1 = 5, n2 = 1, D = 5/7. Continuations: 0 after (start), 0, 1, 2:
// 4; 1 after 0, 1: 2; 2 after 0: 1; n1 = 1, n2 = 1, D = 1/3.
TEST(NGram, KneserNeyByHand) {
  NGram model =
      *NGram::count(std::vector<int32_t>{0, 0, 1, 0, 2, 0, 1, 1}, 4, 2);
  auto p = [&](int context, int token) {
    return probabilityAfter(model, {context}, token, 2, Smoothing::KneserNey);
  };
  const double D1 = 1 / 3.0, D2 = 5 / 7.0;
  auto lower = [&](double continuations) {
    return (std::max(continuations - D1, 0.0) + D1 * 3 / 4) / 7;
  };
  // 0 is followed 4 times, by 3 different tokens.
  EXPECT_NEAR(p(0, 1), (2 - D2 + D2 * 3 * lower(2)) / 4, 1e-15);
  EXPECT_NEAR(p(0, 2), (1 - D2 + D2 * 3 * lower(1)) / 4, 1e-15);
  EXPECT_NEAR(p(0, 3), D2 * 3 * lower(0) / 4, 1e-15);
  EXPECT_NEAR(p(2, 0), (1 - D2 + D2 * 1 * lower(4)) / 1, 1e-15);
  // Nothing is known after 3.
  EXPECT_NEAR(p(3, 1), lower(2), 1e-15);
}

/// Modified Kneser-Ney as Chen & Goodman write it, with maps and no thought of
/// speed, for one stream without boundaries. Contexts are never cut short.
namespace {
struct Plain {
  using Gram = std::vector<int32_t>;
  std::vector<std::map<Gram, double>> counts; // by order, raw or continuation
  int64_t classes;
  int order;

  Plain(const std::vector<int32_t> &tokens, int64_t classes, int order)
      : classes(classes), order(order) {
    counts.resize(size_t(order) + 1);
    for (int n = 1; n <= order; ++n) {
      std::map<Gram, std::set<int32_t>> before;
      for (size_t i = 0; i + size_t(n) <= tokens.size(); ++i) {
        Gram gram(tokens.begin() + long(i), tokens.begin() + long(i) + n);
        if (n == order)
          counts[size_t(n)][gram] += 1;
        else
          before[gram].insert(i ? tokens[i - 1] : -1);
      }
      for (const auto &[gram, tokensBefore] : before)
        counts[size_t(n)][gram] = double(tokensBefore.size());
    }
  }
  double p(const Gram &context, int32_t token) const {
    size_t n = context.size() + 1;
    double lower = context.empty()
                       ? 1 / double(classes)
                       : p(Gram(context.begin() + 1, context.end()), token);
    double seen[5] = {};
    for (const auto &[gram, count] : counts[n])
      if (count < 5)
        ++seen[int(count)];
    double y = seen[1] / (seen[1] + 2 * seen[2]);
    double d[4] = {0, 1 - 2 * y * seen[2] / seen[1],
                   2 - 3 * y * seen[3] / seen[2],
                   3 - 4 * y * seen[4] / seen[3]};
    // Where the formula gives nothing to go by, half of each count.
    for (int i = 1; i < 4; ++i)
      if (!(d[i] > 0 && d[i] < i))
        d[i] = i / 2.0;
    double total = 0, own = 0, given = 0;
    for (const auto &[gram, count] : counts[n]) {
      if (!std::equal(context.begin(), context.end(), gram.begin()))
        continue;
      total += count;
      double discount = d[std::min(int(count), 3)];
      given += discount;
      if (gram.back() == token)
        own = count - discount;
    }
    return total == 0 ? lower : (own + given * lower) / total;
  }
};
} // namespace

TEST(NGram, ModifiedKneserNeyAsInThePaper) {
  std::mt19937 random(7);
  std::vector<int32_t> tokens;
  // Rare and frequent tokens, so that there are counts of 1, 2, 3 and 4.
  auto draw = [&] {
    return int32_t(std::exp(double(random()) / 4294967296.0 * 7.5)) - 1;
  };
  for (int i = 0; i < 6000; ++i)
    tokens.push_back(draw());
  for (int order : {2, 3}) {
    NGram model = *NGram::count(tokens, 1809, 3);
    Plain plain(tokens, 1809, order);
    for (int trial = 0; trial < 50; ++trial) {
      Plain::Gram context;
      for (int i = 1; i < order; ++i)
        context.push_back(draw());
      int32_t token = draw();
      EXPECT_NEAR(probabilityAfter(model, context, token, order,
                                   Smoothing::ModifiedKneserNey),
                  plain.p(context, token), 1e-12);
    }
  }
}

TEST(NGram, ProbabilitiesAddUpToOne) {
  std::mt19937 random(3);
  std::vector<int32_t> tokens(400);
  for (int32_t &token : tokens)
    token = int32_t(random() % 5 * (random() % 2));
  for (std::optional<int32_t> boundary : {std::optional<int32_t>(), {2}}) {
    NGram model = *NGram::count(tokens, 7, 4, boundary);
    for (Smoothing smoothing :
         {Smoothing::AddK, Smoothing::KneserNey, Smoothing::ModifiedKneserNey})
      for (int order = 1; order <= 4; ++order)
        for (int trial = 0; trial < 30; ++trial) {
          std::vector<int32_t> context;
          for (unsigned i = random() % 5; i > 0; --i)
            context.push_back(int32_t(random() % 7));
          double sum = 0;
          for (int32_t token = 0; token < 7; ++token)
            sum +=
                probabilityAfter(model, context, token, order, smoothing, 0.1);
          EXPECT_NEAR(sum, 1, 1e-12);
        }
  }
}

// With lines, what stands before the last line end does not matter.
TEST(NGram, ContextsEndAtLines) {
  std::vector<int32_t> tokens = {1, 2, 0, 1, 3, 0, 2, 2, 0, 1, 2, 0};
  NGram lines = *NGram::count(tokens, 4, 3, 0);
  NGram stream = *NGram::count(tokens, 4, 3);
  auto p = [](const NGram &model, std::vector<int32_t> context) {
    return probabilityAfter(model, context, 1, 3, Smoothing::KneserNey);
  };
  EXPECT_EQ(p(lines, {1, 0}), p(lines, {2, 0}));
  EXPECT_EQ(p(lines, {1, 0}), p(lines, {}));
  EXPECT_NE(p(stream, {2, 0}), p(stream, {3, 0}));
}

TEST(NGram, Errors) {
  std::vector<int32_t> tokens = {0, 1, 2};
  EXPECT_EQ(NGram::count({}, 3, 2).error().message,
            "there are no tokens to count");
  EXPECT_EQ(NGram::count(tokens, 3, 17).error().message,
            "the order of an n-gram model is 1 to 16, found 17");
  EXPECT_EQ(NGram::count(tokens, 3, 2, {}, 3).error().message,
            "more than 3 different n-grams");
  EXPECT_EQ(parseSmoothing("kn").error().message,
            "'kn' is no smoothing; expected add-k, kneser-ney or modified");
}
