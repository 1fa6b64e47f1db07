//===- NGram.cpp - counted models of token sequences ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counting with one table per order, and the smoothed probabilities.
//
//===----------------------------------------------------------------------===//
#include "runtime/NGram.h"

#include <algorithm>
#include <cmath>

namespace rnnc::rt {

Result<Smoothing> parseSmoothing(std::string_view text) {
  if (text == "add-k")
    return Smoothing::AddK;
  if (text == "kneser-ney")
    return Smoothing::KneserNey;
  if (text == "modified")
    return Smoothing::ModifiedKneserNey;
  return makeError("bad-value", "'" + std::string(text) +
                                    "' is no smoothing; expected add-k, "
                                    "kneser-ney or modified");
}

/// Spreads a prefix and a token over all bits (splitmix64).
static uint64_t hashOf(uint32_t prefix, uint32_t token) {
  uint64_t x = (uint64_t(prefix) << 32 | token) + 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

uint32_t NGram::Level::find(uint32_t prefix, uint32_t token) const {
  if (slots.empty())
    return none;
  const size_t mask = slots.size() - 1;
  for (size_t at = hashOf(prefix, token) & mask;; at = (at + 1) & mask) {
    uint32_t id = slots[at];
    if (id == none || (nodes[id].prefix == prefix && nodes[id].token == token))
      return id;
  }
}

void NGram::Level::grow() {
  slots.assign(std::max<size_t>(slots.size() * 2, 64), none);
  const size_t mask = slots.size() - 1;
  for (uint32_t id = 0; id < nodes.size(); ++id) {
    size_t at = hashOf(nodes[id].prefix, nodes[id].token) & mask;
    while (slots[at] != none)
      at = (at + 1) & mask;
    slots[at] = id;
  }
}

uint32_t NGram::Level::intern(uint32_t prefix, uint32_t token) {
  if (uint32_t id = find(prefix, token); id != none)
    return id;
  // At most half full.
  if (2 * (nodes.size() + 1) > slots.size())
    grow();
  const size_t mask = slots.size() - 1;
  size_t at = hashOf(prefix, token) & mask;
  while (slots[at] != none)
    at = (at + 1) & mask;
  slots[at] = uint32_t(nodes.size());
  nodes.push_back({prefix, token});
  return slots[at];
}

Result<NGram> NGram::count(std::span<const int32_t> tokens, int64_t classes,
                           int order, std::optional<int32_t> boundary,
                           int64_t mostNodes) {
  if (order < 1 || order > 16)
    return makeError("bad-value", "the order of an n-gram model is 1 to 16, "
                                  "found " +
                                      std::to_string(order));
  if (tokens.empty())
    return makeError("empty-data", "there are no tokens to count");
  if (tokens.size() >= none)
    return makeError("too-large", "too many tokens to count");
  NGram model;
  model.symbols = classes;
  model.boundary = boundary;
  model.levels.resize(size_t(order) + 1);
  model.levels[0].nodes.push_back({none, none});
  // The n-grams that end at the token before and at this one, by order.
  std::vector<uint32_t> before(size_t(order) + 1, none), now = before;
  before[0] = now[0] = 0;
  // How far a context reaches back: to a boundary, or the start.
  int reach = 0;
  if (boundary && order > 1) {
    before[1] = model.levels[1].intern(0, uint32_t(*boundary));
    reach = 1;
  }
  int64_t nodes = 1;
  for (int32_t token : tokens) {
    for (int n = 1; n <= reach + 1; ++n) {
      Level &level = model.levels[size_t(n)];
      uint32_t id = level.intern(before[size_t(n - 1)], uint32_t(token));
      now[size_t(n)] = id;
      // A new n-gram is one more way to go on to what follows its first token.
      if (level.nodes[id].raw++ == 0) {
        if (n > 1)
          ++model.levels[size_t(n - 1)].nodes[now[size_t(n - 1)]].continuations;
        if (++nodes > mostNodes)
          return makeError("too-large", "more than " +
                                            std::to_string(mostNodes) +
                                            " different n-grams");
      }
    }
    // What begins at a boundary is never continued to the left: it counts as
    // often as it occurs. The start of everything is a token of its own kind.
    if (reach + 1 < order)
      ++model.levels[size_t(reach + 1)]
            .nodes[now[size_t(reach + 1)]]
            .continuations;
    std::swap(before, now);
    reach = boundary && token == *boundary ? 1 : reach + 1;
    reach = std::min(reach, order - 1);
  }
  model.summarise();
  return model;
}

/// The discounts for counts of 1, 2, 3 and more from n1..n4, the numbers of
/// n-grams seen so often (Chen & Goodman 1999, eq. 26), and the single one
/// n1 / (n1 + 2 n2). Where the data are too few for a formula, 0.5, 1, 1.5 and
/// 0.5, so that there is always something to give away.
static void setDiscounts(const std::array<double, 5> &n,
                         std::array<double, 3> &modified, double &single) {
  single = 0.5;
  modified = {0.5, 1, 1.5};
  if (n[1] == 0 || n[2] == 0)
    return;
  single = n[1] / (n[1] + 2 * n[2]);
  for (size_t i = 0; i < 3; ++i) {
    double most = double(i + 1);
    double found = most - (most + 1) * single * n[i + 2] / n[i + 1];
    if (found > 0 && found < most)
      modified[i] = found;
  }
}

void NGram::summarise() {
  for (size_t n = 1; n < levels.size(); ++n) {
    Level &level = levels[n], &contexts = levels[n - 1];
    contexts.raw.resize(contexts.nodes.size());
    contexts.continuations.resize(contexts.nodes.size());
    std::array<double, 5> rawCounts{}, continuationCounts{};
    auto add = [](Followers &followers, uint32_t count,
                  std::array<double, 5> &counts) {
      if (count == 0)
        return;
      followers.total += count;
      ++followers.kinds[std::min<uint32_t>(count, 3) - 1];
      if (count < counts.size())
        ++counts[count];
    };
    for (const Level::Node &node : level.nodes) {
      add(contexts.raw[node.prefix], node.raw, rawCounts);
      add(contexts.continuations[node.prefix], node.continuations,
          continuationCounts);
    }
    setDiscounts(rawCounts, level.rawDiscounts, level.rawDiscount);
    setDiscounts(continuationCounts, level.continuationDiscounts,
                 level.continuationDiscount);
  }
}

double NGram::probability(std::span<const uint32_t> contexts, uint32_t token,
                          int order, Smoothing smoothing, double k) const {
  const double uniform = 1 / double(symbols);
  if (smoothing == Smoothing::AddK) {
    // The longest context that can be, seen or not.
    size_t last = contexts.size() - 1;
    uint32_t context = contexts[last];
    if (context == none)
      return uniform;
    uint32_t id = levels[last + 1].find(context, token);
    double found = id == none ? 0 : levels[last + 1].nodes[id].raw;
    return (found + k) /
           (levels[last].raw[context].total + k * double(symbols));
  }
  double p = uniform;
  for (size_t length = 0; length < contexts.size(); ++length) {
    uint32_t context = contexts[length];
    // What was never seen has no say; nor has anything longer.
    if (context == none)
      break;
    const Level &level = levels[length + 1];
    // Raw counts at the top, below it how many tokens an n-gram followed.
    const bool top = int(length) + 1 == order;
    const Followers &followers = top ? levels[length].raw[context]
                                     : levels[length].continuations[context];
    if (followers.total == 0)
      break;
    std::array<double, 3> discounts =
        top ? level.rawDiscounts : level.continuationDiscounts;
    if (smoothing == Smoothing::KneserNey)
      discounts.fill(top ? level.rawDiscount : level.continuationDiscount);
    uint32_t id = level.find(context, token);
    uint32_t found = 0;
    if (id != none)
      found = top ? level.nodes[id].raw : level.nodes[id].continuations;
    double kept = 0, given = 0;
    if (found > 0)
      kept = double(found) - discounts[std::min<uint32_t>(found, 3) - 1];
    for (size_t i = 0; i < 3; ++i)
      given += discounts[i] * followers.kinds[i];
    p = (kept + given * p) / double(followers.total);
  }
  return p;
}

NGramScore NGram::score(std::span<const int32_t> tokens, int order,
                        Smoothing smoothing, double k, int64_t skip) const {
  NGramScore result;
  std::vector<uint32_t> before(size_t(order) + 1, none), now = before;
  before[0] = now[0] = 0;
  int reach = 0;
  if (boundary && order > 1) {
    before[1] = levels[1].find(0, uint32_t(*boundary));
    reach = 1;
  }
  for (int32_t token : tokens) {
    if (skip-- <= 0) {
      double p = probability(std::span(before).first(size_t(reach) + 1),
                             uint32_t(token), order, smoothing, k);
      result.sum -= std::log(p);
      ++result.count;
    }
    for (int n = 1; n < order; ++n) {
      uint32_t prefix = n - 1 <= reach ? before[size_t(n - 1)] : none;
      now[size_t(n)] = prefix == none
                           ? none
                           : levels[size_t(n)].find(prefix, uint32_t(token));
    }
    std::swap(before, now);
    reach = boundary && token == *boundary ? 1 : reach + 1;
    reach = std::min(reach, order - 1);
  }
  return result;
}

} // namespace rnnc::rt
