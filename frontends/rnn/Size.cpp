//===- Size.cpp - Sizes as polynomials of letters -------------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/Size.h"

#include <algorithm>

using namespace rnnc;

static bool addTerm(Poly &poly, const std::vector<unsigned> &letters,
                    int64_t coefficient) {
  int64_t &entry = poly.terms[letters];
  if (__builtin_add_overflow(entry, coefficient, &entry))
    return false;
  if (entry == 0)
    poly.terms.erase(letters);
  return true;
}

std::optional<Poly> rnnc::add(const Poly &a, const Poly &b) {
  Poly result = a;
  for (const auto &[letters, coefficient] : b.terms)
    if (!addTerm(result, letters, coefficient))
      return std::nullopt;
  return result;
}

std::optional<Poly> rnnc::sub(const Poly &a, const Poly &b) {
  Poly result = a;
  for (const auto &[letters, coefficient] : b.terms)
    if (coefficient == INT64_MIN || !addTerm(result, letters, -coefficient))
      return std::nullopt;
  return result;
}

std::optional<Poly> rnnc::mul(const Poly &a, const Poly &b) {
  // A polynomial of thousands of terms is no size that anyone meant.
  if (a.terms.size() * b.terms.size() > 4096)
    return std::nullopt;
  Poly result;
  for (const auto &[la, ca] : a.terms)
    for (const auto &[lb, cb] : b.terms) {
      std::vector<unsigned> letters = la;
      letters.insert(letters.end(), lb.begin(), lb.end());
      if (letters.size() > 16)
        return std::nullopt;
      std::sort(letters.begin(), letters.end());
      int64_t product;
      if (__builtin_mul_overflow(ca, cb, &product) ||
          !addTerm(result, letters, product))
        return std::nullopt;
    }
  return result;
}

unsigned SizeTable::make(std::string name, bool rigid, SourceRange place) {
  letters.push_back({std::move(name), rigid, std::nullopt, place});
  return letters.size() - 1;
}

Poly SizeTable::normalize(const Poly &poly) const {
  bool bound = false;
  for (const auto &[ids, coefficient] : poly.terms)
    for (unsigned id : ids)
      bound |= letters[id].value.has_value();
  if (!bound)
    return poly;
  Poly result;
  for (const auto &[ids, coefficient] : poly.terms) {
    Poly term(coefficient);
    for (unsigned id : ids) {
      Poly factor =
          letters[id].value ? normalize(*letters[id].value) : Poly::letter(id);
      std::optional<Poly> product = mul(term, factor);
      if (!product)
        return poly;
      term = *product;
    }
    std::optional<Poly> sum = add(result, term);
    if (!sum)
      return poly;
    result = *sum;
  }
  return result;
}

bool SizeTable::unify(const Poly &a, const Poly &b, SourceRange place) {
  std::optional<Poly> difference = sub(normalize(a), normalize(b));
  if (!difference)
    return false;
  if (difference->terms.empty())
    return true;
  if (difference->constant())
    return false;
  // A letter that stands alone with a coefficient that divides all the others
  // can be solved for. Take the youngest: it is the most local.
  std::optional<unsigned> best;
  for (const auto &[ids, coefficient] : difference->terms) {
    if (ids.size() != 1 || letters[ids[0]].rigid)
      continue;
    unsigned candidate = ids[0];
    bool good = true;
    for (const auto &[others, other] : difference->terms) {
      if (others != ids && std::count(others.begin(), others.end(), candidate))
        good = false;
      if (other % coefficient != 0)
        good = false;
    }
    if (good && (!best || candidate > *best))
      best = candidate;
  }
  if (!best)
    return false;
  int64_t coefficient = difference->terms[{*best}];
  Poly value;
  for (const auto &[ids, other] : difference->terms)
    if (ids != std::vector<unsigned>{*best})
      value.terms[ids] = -(other / coefficient);
  if (std::optional<int64_t> number = value.constant(); number && *number < 1)
    return false;
  letters[*best].value = value;
  if (place.isValid())
    letters[*best].place = place;
  settleQuotients();
  return true;
}

void SizeTable::settleQuotients() {
  for (const Quotient &quotient : quotients) {
    if (letters[quotient.result].value)
      continue;
    std::optional<int64_t> a = value(quotient.dividend);
    std::optional<int64_t> b = value(quotient.divisor);
    if (a && b && *b != 0 && *a % *b == 0)
      letters[quotient.result].value = Poly(*a / *b);
  }
}

std::optional<Poly> SizeTable::divide(const Poly &dividend,
                                      const Poly &divisor) {
  Poly a = normalize(dividend), b = normalize(divisor);
  if (b.terms.empty())
    return std::nullopt;
  if (a == b)
    return Poly(1);
  if (std::optional<int64_t> x = a.constant(), y = b.constant(); x && y) {
    if (*y == -1 || *x % *y != 0)
      return std::nullopt;
    return Poly(*x / *y);
  }
  // By a single product of letters: each term must hold it.
  if (b.terms.size() == 1) {
    const auto &[letters, coefficient] = *b.terms.begin();
    Poly result;
    bool exact = true;
    for (const auto &[ids, other] : a.terms) {
      std::vector<unsigned> rest;
      std::set_difference(ids.begin(), ids.end(), letters.begin(),
                          letters.end(), std::back_inserter(rest));
      if (rest.size() + letters.size() != ids.size() || coefficient == -1 ||
          other % coefficient != 0) {
        exact = false;
        break;
      }
      result.terms[rest] = other / coefficient;
    }
    if (exact)
      return result;
  }
  for (const Quotient &quotient : quotients)
    if (normalize(quotient.dividend) == a && normalize(quotient.divisor) == b)
      return Poly::letter(quotient.result);
  unsigned id = make(print(a) + "/" + print(b), true);
  quotients.push_back({id, a, b});
  return Poly::letter(id);
}

std::string SizeTable::print(const Poly &poly) const {
  if (poly.terms.empty())
    return "0";
  std::string out;
  // Terms with letters first, the constant last.
  for (auto it = poly.terms.rbegin(); it != poly.terms.rend(); ++it) {
    int64_t coefficient = it->second;
    if (!out.empty()) {
      out += coefficient < 0 ? " - " : " + ";
      coefficient = coefficient < 0 ? -coefficient : coefficient;
    } else if (coefficient == -1 && !it->first.empty()) {
      out += "-";
      coefficient = 1;
    }
    if (it->first.empty() || coefficient != 1)
      out += std::to_string(coefficient) + (it->first.empty() ? "" : "*");
    for (size_t i = 0; i < it->first.size(); ++i)
      out += (i ? "*" : "") + letters[it->first[i]].name;
  }
  return out;
}
