//===- Size.h - Sizes as polynomials of letters -----------------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A size is a polynomial with integer coefficients in letters. Letters without
// a value are either rigid (they stand for any number) or found by
// unification. Arithmetic is exact; overflow is no size.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_SIZE_H
#define RNNC_FRONTENDS_RNN_SIZE_H

#include "frontends/rnn/Source.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rnnc {

/// A polynomial: the product of letters (sorted, with repetition) to its
/// coefficient, which is never zero.
struct Poly {
  std::map<std::vector<unsigned>, int64_t> terms;

  Poly() = default;
  Poly(int64_t constant) {
    if (constant != 0)
      terms[{}] = constant;
  }
  static Poly letter(unsigned id) {
    Poly result;
    result.terms[{id}] = 1;
    return result;
  }
  /// The number this is, if no letter is in it.
  std::optional<int64_t> constant() const {
    if (terms.empty())
      return 0;
    if (terms.size() == 1 && terms.begin()->first.empty())
      return terms.begin()->second;
    return std::nullopt;
  }
  bool operator==(const Poly &) const = default;
};

/// Exact arithmetic; nothing on overflow.
std::optional<Poly> add(const Poly &a, const Poly &b);
std::optional<Poly> sub(const Poly &a, const Poly &b);
std::optional<Poly> mul(const Poly &a, const Poly &b);

/// The letters and what is known of them.
class SizeTable {
public:
  struct Letter {
    std::string name;
    bool rigid = false;
    std::optional<Poly> value;
    SourceRange place; ///< where it was bound or declared
  };

  unsigned make(std::string name, bool rigid, SourceRange place = {});
  const Letter &get(unsigned id) const { return letters[id]; }

  /// The polynomial with all letters that have values replaced.
  Poly normalize(const Poly &poly) const;
  /// The number a polynomial is, if all its letters have values.
  std::optional<int64_t> value(const Poly &poly) const {
    return normalize(poly).constant();
  }
  /// Makes two sizes equal by binding letters that are not rigid. False if
  /// they cannot be.
  bool unify(const Poly &a, const Poly &b, SourceRange place = {});
  /// a / b if it is exact; nothing if it is known not to be. A quotient of
  /// letters is a new letter that is checked when they have values.
  std::optional<Poly> divide(const Poly &a, const Poly &b);
  /// As a person would write it: `2*n + 1`.
  std::string print(const Poly &poly) const;

private:
  std::vector<Letter> letters;
  struct Quotient {
    unsigned result;
    Poly dividend, divisor;
  };
  std::vector<Quotient> quotients;
  void settleQuotients();
};

/// One entry of a shape: a size and how the text spells it.
struct Size {
  Poly poly;
  std::string spelling; ///< "" if it has none
  bool stretch = false; ///< an axis made by `_`

  Size() = default;
  Size(Poly poly, std::string spelling = "")
      : poly(std::move(poly)), spelling(std::move(spelling)) {}
  static Size makeStretch() {
    Size size(Poly(1));
    size.stretch = true;
    return size;
  }
};

} // namespace rnnc

#endif // RNNC_FRONTENDS_RNN_SIZE_H
