//===- NGram.h - counted models of token sequences --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// N-gram models with add-k and Kneser-Ney smoothing: what a learned model of a
// token stream is compared with.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_NGRAM_H
#define RNNC_RUNTIME_NGRAM_H

#include "runtime/Result.h"

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace rnnc::rt {

/// How unseen n-grams get their share.
enum class Smoothing {
  /// (c(h w) + k) / (c(h) + k V).
  AddK,
  /// Interpolated, one discount for each order (Kneser & Ney 1995).
  KneserNey,
  /// Interpolated, discounts for counts of 1, 2, 3 and more (Chen & Goodman
  /// 1999).
  ModifiedKneserNey
};

/// Reads "add-k", "kneser-ney" or "modified".
Result<Smoothing> parseSmoothing(std::string_view text);

/// Loss over tokens: the sum of -ln p, and how many there were.
struct NGramScore {
  double sum = 0;
  int64_t count = 0;
  double loss() const { return count ? sum / double(count) : 0; }
};

/// Counts of all n-grams up to an order, and probabilities from them. One
/// object answers for every lower order too. Immutable after `count`.
class NGram {
public:
  /// Counts. Tokens are in 0..classes-1; order is 1 to 16. With `boundary`,
  /// which ends each line, contexts go back to the last boundary and no
  /// further, and the tokens begin after one; without, they cross lines. More
  /// than `mostNodes` different n-grams are an error.
  static Result<NGram> count(std::span<const int32_t> tokens, int64_t classes,
                             int order, std::optional<int32_t> boundary = {},
                             int64_t mostNodes = int64_t(1) << 31);

  /// The loss of a sequence that follows nothing (or a boundary), under the
  /// model of `order` (at most the one counted). The first `skip` tokens are
  /// read but not counted. `k` is for AddK and must be above 0 there.
  NGramScore score(std::span<const int32_t> tokens, int order,
                   Smoothing smoothing, double k = 1, int64_t skip = 0) const;

  int order() const { return int(levels.size()) - 1; }
  int64_t classes() const { return symbols; }

private:
  static constexpr uint32_t none = ~uint32_t(0);

  /// What follows a context: how many, and how many different n-grams of count
  /// 1, 2, 3 and more.
  struct Followers {
    uint32_t total = 0;
    std::array<uint32_t, 3> kinds{};
  };
  /// All n-grams of one order. An n-gram is its prefix, one order below, and
  /// its last token.
  struct Level {
    struct Node {
      uint32_t prefix, token;
      /// Occurrences; different tokens seen before it.
      uint32_t raw = 0, continuations = 0;
    };
    std::vector<Node> nodes;
    /// Open addressing, a power of two in size; `none` where free.
    std::vector<uint32_t> slots;
    /// By node as a context, of raw counts and of continuations.
    std::vector<Followers> raw, continuations;
    /// Modified and single discounts for counts of 1, 2, 3 and more.
    std::array<double, 3> rawDiscounts{}, continuationDiscounts{};
    double rawDiscount = 0, continuationDiscount = 0;

    uint32_t find(uint32_t prefix, uint32_t token) const;
    uint32_t intern(uint32_t prefix, uint32_t token);
    void grow();
  };

  NGram() = default;
  void summarise();
  double probability(std::span<const uint32_t> contexts, uint32_t token,
                     int order, Smoothing smoothing, double k) const;

  /// levels[n] has the n-grams of order n; levels[0] the empty one.
  std::vector<Level> levels;
  int64_t symbols = 0;
  std::optional<int32_t> boundary;
};

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_NGRAM_H
