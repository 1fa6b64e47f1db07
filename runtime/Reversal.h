//===- Reversal.h - Going back over a sequence in little memory -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A chain of equal pieces is gone through forward and then piece by piece back,
// the last first. To go back over a piece one needs the state it begins with.
// With few places for states, some are made again from an earlier one. This
// file decides which are kept, so that the least is made again (Griewank 1992;
// Gruslys et al. 2016 use it for recurrent networks).
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_REVERSAL_H
#define RNNC_RUNTIME_REVERSAL_H

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace rnnc::rt {

/// How often a piece must be gone through forward, without going back, to go
/// back over `pieces` pieces with places for `states` states (the first one
/// included; at least 1).
int64_t forwardPieces(int64_t pieces, int64_t states);

/// One thing to do. Places are numbered from 0; place 0 holds the state that the
/// first piece begins with.
struct ReversalAction {
  enum Kind {
    /// From the state in `from`, which piece `piece` begins with, forward over
    /// `count` pieces; the state after them is kept in `to`.
    Advance,
    /// Back over `piece`, whose state is in `from`.
    Back,
  };
  Kind kind;
  int64_t piece, count;
  int64_t from, to;
};

/// Everything to do, in order. Every piece is gone back over once, the last one
/// first. One more place than `states` is used while going forward.
std::vector<ReversalAction> reversal(int64_t pieces, int64_t states);

/// How a sequence is cut, and how many states are kept.
struct Cut {
  /// Steps of a piece (the first may be shorter), and how many there are.
  int64_t steps = 0, pieces = 0;
  int64_t states = 1;
  /// Steps gone through forward in vain: beside the forward and back of each.
  int64_t again = 0;
  int64_t bytes = 0;
};

/// Steps gone through forward in vain, where `length` steps are cut into pieces
/// of `steps` (the first may be shorter).
int64_t stepsAgain(int64_t length, int64_t steps, int64_t states);

/// The cut of `length` steps with the least work that takes at most `budget`
/// bytes, where `bytesOf(steps, states)` says what one takes; of two with the
/// same work the one that takes less. None if no cut fits; `least`, if given,
/// becomes what the smallest one takes.
std::optional<Cut>
cutSequence(int64_t length, int64_t budget,
            const std::function<int64_t(int64_t steps, int64_t states)> &bytesOf,
            int64_t *least = nullptr);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_REVERSAL_H
