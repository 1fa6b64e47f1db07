//===- ReversalTest.cpp - Tests of the schedule of a reversal -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/Reversal.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <vector>

using namespace rnnc::rt;

/// The least number of pieces forward, by the recursion of Gruslys et al.:
/// t(n, c) = min over y of y + t(n - y, c - 1) + t(y, c).
static std::vector<std::vector<int64_t>> byRecursion(int64_t pieces,
                                                     int64_t states) {
  std::vector<std::vector<int64_t>> least(
      size_t(pieces + 1), std::vector<int64_t>(size_t(states + 1), 0));
  for (int64_t c = 1; c <= states; ++c)
    for (int64_t n = 2; n <= pieces; ++n) {
      int64_t best = n * (n - 1) / 2;
      if (c > 1)
        for (int64_t y = 1; y < n; ++y)
          best = std::min(best, y + least[size_t(n - y)][size_t(c - 1)] +
                                    least[size_t(y)][size_t(c)]);
      least[size_t(n)][size_t(c)] = best;
    }
  return least;
}

TEST(Reversal, IsTheLeastThatTheRecursionFinds) {
  auto least = byRecursion(60, 12);
  for (int64_t n = 1; n <= 60; ++n)
    for (int64_t c = 1; c <= 12; ++c)
      EXPECT_EQ(forwardPieces(n, c), least[size_t(n)][size_t(c)])
          << n << " pieces, " << c << " states";
}

TEST(Reversal, ActionsHaveTheStatesTheyNeed) {
  for (int64_t n = 0; n <= 40; ++n)
    for (int64_t c = 1; c <= 8; ++c) {
      std::map<int64_t, int64_t> places{{0, 0}};
      int64_t forward = 0, next = n - 1;
      for (const ReversalAction &action : reversal(n, c)) {
        ASSERT_TRUE(places.contains(action.from));
        ASSERT_EQ(places[action.from], action.piece);
        if (action.kind == ReversalAction::Back) {
          EXPECT_EQ(action.piece, next--);
          continue;
        }
        forward += action.count;
        // One place more than states.
        ASSERT_LE(action.to, c);
        places[action.to] = action.piece + action.count;
      }
      EXPECT_EQ(next, -1);
      EXPECT_EQ(forward, forwardPieces(n, c));
    }
}

TEST(Reversal, CutTakesTheLeastWorkThatFits) {
  // A step takes 10 bytes, a state 40, all else 100.
  auto bytes = [](int64_t steps, int64_t states) {
    return 100 + 10 * steps + 40 * states;
  };
  auto whole = cutSequence(1000, 100000, bytes);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->pieces, 1);
  EXPECT_EQ(whole->again, 0);
  int64_t least = 0;
  EXPECT_FALSE(cutSequence(1000, 149, bytes, &least));
  EXPECT_EQ(least, 150);
  for (int64_t budget : {150, 200, 300, 600, 1000, 3000, 6000, 9000, 10100}) {
    auto cut = cutSequence(1000, budget, bytes);
    ASSERT_TRUE(cut) << budget;
    EXPECT_LE(cut->bytes, budget);
    EXPECT_EQ(cut->bytes, bytes(cut->steps, cut->states));
    EXPECT_EQ(cut->pieces, (1000 + cut->steps - 1) / cut->steps);
    // No other cut is better.
    int64_t best = INT64_MAX;
    for (int64_t steps = 1; steps <= 1000; ++steps)
      for (int64_t states = 1; bytes(steps, states) <= budget; ++states) {
        int64_t pieces = (1000 + steps - 1) / steps;
        best = std::min(best, stepsAgain(1000, steps, states));
        if (states >= pieces)
          break;
      }
    EXPECT_EQ(cut->again, best) << budget;
  }
  // A little less than all costs a little work: 905 of 1000 steps fit.
  auto most = cutSequence(1000, 9190, bytes);
  ASSERT_TRUE(most);
  EXPECT_EQ(most->again, 95);
}

// What is said to be gone over again is what the actions do, with a first piece
// that is shorter than the others.
TEST(Reversal, StepsAgainAreThoseOfTheActions) {
  for (int64_t length : {1, 7, 30, 31, 64})
    for (int64_t steps : {1, 3, 8, 29, 64})
      for (int64_t states : {1, 2, 3, 9, 64}) {
        int64_t pieces = (length + steps - 1) / steps;
        int64_t first = length - (pieces - 1) * steps, again = 0;
        for (const ReversalAction &action : reversal(pieces, states))
          if (action.kind == ReversalAction::Advance)
            again += action.count * steps - (action.piece ? 0 : steps - first);
        int64_t said = stepsAgain(length, steps, states);
        EXPECT_LE(again, said);
        if (states >= pieces - 1)
          EXPECT_EQ(again, said);
      }
}
