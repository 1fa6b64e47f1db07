//===- Reversal.cpp - Going back over a sequence in little memory ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "runtime/Reversal.h"

#include <algorithm>
#include <limits>

namespace rnnc::rt {

static constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / 4;

/// (s + t over s), or a large number.
static int64_t binomial(int64_t s, int64_t t) {
  if (t < 0)
    return 0;
  __int128 value = 1;
  for (int64_t i = 1; i <= std::min(s, t); ++i) {
    value = value * (std::max(s, t) + i) / i;
    if (value > kMost)
      return kMost;
  }
  return int64_t(value);
}

int64_t forwardPieces(int64_t pieces, int64_t states) {
  if (pieces <= 1)
    return 0;
  // With r turns over each piece at most, (states + r over states) pieces can
  // be reached: r n - (states + 1 + r - 1 over states + 1) in all.
  int64_t turns = 0;
  while (binomial(states, turns) < pieces)
    ++turns;
  return turns * pieces - binomial(states + 1, turns - 1);
}

namespace {
struct Planner {
  std::vector<ReversalAction> actions;

  /// Goes back over `count` pieces from `piece` on, whose state is in `place`;
  /// places from `place + 1` to `last` are free.
  void plan(int64_t piece, int64_t count, int64_t place, int64_t last) {
    while (count > 1) {
      int64_t states = last - place + 1;
      if (states == 1) {
        // The state of each piece is made from the first one.
        actions.push_back(
            {ReversalAction::Advance, piece, count - 1, place, last + 1});
        actions.push_back(
            {ReversalAction::Back, piece + count - 1, 1, last + 1, 0});
        --count;
        continue;
      }
      int64_t best = 1, least = kMost;
      for (int64_t ahead = 1; ahead < count; ++ahead) {
        int64_t all = ahead + forwardPieces(count - ahead, states - 1) +
                      forwardPieces(ahead, states);
        if (all < least) {
          least = all;
          best = ahead;
        } else if (all > least) {
          // The sum is convex.
          break;
        }
      }
      actions.push_back(
          {ReversalAction::Advance, piece, best, place, place + 1});
      plan(piece + best, count - best, place + 1, last);
      count = best;
    }
    actions.push_back({ReversalAction::Back, piece, 1, place, 0});
  }
};
} // namespace

std::vector<ReversalAction> reversal(int64_t pieces, int64_t states) {
  Planner planner;
  if (pieces > 0)
    planner.plan(0, pieces, 0, std::max<int64_t>(states, 1) - 1);
  return std::move(planner.actions);
}

int64_t stepsAgain(int64_t length, int64_t steps, int64_t states) {
  int64_t pieces = (length + steps - 1) / steps;
  if (pieces <= 1)
    return 0;
  // The first piece is the short one. It is gone over forward once at least, as
  // are all but the last.
  return forwardPieces(pieces, states) * steps - (pieces * steps - length);
}

std::optional<Cut>
cutSequence(int64_t length, int64_t budget,
            const std::function<int64_t(int64_t, int64_t)> &bytesOf,
            int64_t *least) {
  std::optional<Cut> best;
  int64_t smallest = kMost;
  // Greatest number in [low, high] that fits; low - 1 if none does.
  auto greatest = [](int64_t low, int64_t high, auto fits) {
    --low;
    while (low < high) {
      int64_t middle = low + (high - low + 1) / 2;
      if (fits(middle))
        low = middle;
      else
        high = middle - 1;
    }
    return low;
  };
  auto consider = [&](int64_t steps, int64_t states) {
    Cut cut{steps, (length + steps - 1) / steps, states,
            stepsAgain(length, steps, states), bytesOf(steps, states)};
    if (!best || cut.again < best->again ||
        (cut.again == best->again && cut.bytes < best->bytes))
      best = cut;
  };
  for (int64_t pieces = 1; pieces <= length;) {
    int64_t steps = (length + pieces - 1) / pieces;
    int64_t count = (length + steps - 1) / steps;
    smallest = std::min(smallest, bytesOf(steps, 1));
    // Bytes grow with the states: the most that fit.
    int64_t states = greatest(1, count, [&](int64_t number) {
      return bytesOf(steps, number) <= budget;
    });
    if (states > 0) {
      // As few states as do the same.
      while (states > 1 &&
             forwardPieces(count, states - 1) == forwardPieces(count, states))
        --states;
      consider(steps, states);
      // Where each piece but the last is gone over forward once more, the
      // longest pieces are best: the last one is as long as fits.
      int64_t longest = count > 1 ? (length - 1) / (count - 1) : length;
      if (forwardPieces(count, states) == count - 1)
        consider(greatest(steps + 1, longest,
                          [&](int64_t number) {
                            return bytesOf(number, states) <= budget;
                          }),
                 states);
    }
    if (steps == 1)
      break;
    // The fewest pieces that are shorter.
    pieces = std::max(pieces + 1, (length + steps - 2) / (steps - 1));
  }
  if (least)
    *least = smallest;
  return best;
}

} // namespace rnnc::rt
