//===- Schedule.cpp - learning rates over time ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parsing of schedules and their formulas.
//
//===----------------------------------------------------------------------===//
#include "runtime/Schedule.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace rnnc::rt {

/// A finite number above 0 that fills the text.
static std::optional<double> positive(std::string_view text) {
  double value = 0;
  auto [end, code] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() ||
      !std::isfinite(value) || !(value > 0))
    return std::nullopt;
  return value;
}

Result<Schedule> Schedule::parse(std::string_view text, int64_t warmup) {
  const Error bad = makeError(
      "bad-value", "'" + std::string(text) +
                       "' is no schedule; expected constant, step:E:F, "
                       "step:E:F:A, exp:F, plateau:F or cosine, such as "
                       "step:10:0.5");
  if (warmup < 0)
    return makeError("bad-value", "a warm-up has at least 0 steps");
  Schedule schedule;
  schedule.warmupSteps = warmup;
  std::string_view name = text.substr(0, text.find(':'));
  std::string_view rest = text.substr(std::min(text.size(), name.size() + 1));
  bool hasRest = name.size() < text.size();
  if (name == "constant" || name == "cosine") {
    schedule.which = name == "cosine" ? Kind::Cosine : Kind::Constant;
    return hasRest ? Result<Schedule>(bad) : schedule;
  }
  if (name == "step") {
    size_t colon = rest.find(':');
    if (colon == std::string_view::npos)
      return bad;
    std::optional<double> every = positive(rest.substr(0, colon));
    if (!every)
      return bad;
    schedule.which = Kind::Step;
    schedule.everyEpochs = schedule.firstEpoch = *every;
    rest = rest.substr(colon + 1);
    if (colon = rest.find(':'); colon != std::string_view::npos) {
      std::optional<double> first = positive(rest.substr(colon + 1));
      if (!first)
        return bad;
      schedule.firstEpoch = *first;
      rest = rest.substr(0, colon);
    }
  } else if (name == "exp") {
    schedule.which = Kind::Exponential;
  } else if (name == "plateau") {
    schedule.which = Kind::Plateau;
  } else {
    return bad;
  }
  std::optional<double> factor = positive(rest);
  if (!factor || *factor > 1)
    return bad;
  schedule.scale = *factor;
  return schedule;
}

double Schedule::rate(double base, int64_t step, double epoch,
                      double share) const {
  double rate = base;
  switch (which) {
  case Kind::Constant:
    break;
  case Kind::Step:
    if (epoch >= firstEpoch)
      rate *=
          std::pow(scale, 1 + std::floor((epoch - firstEpoch) / everyEpochs));
    break;
  case Kind::Exponential:
    rate *= std::pow(scale, epoch);
    break;
  case Kind::Plateau:
    rate *= plateauFactor;
    break;
  case Kind::Cosine:
    rate *=
        0.5 *
        (1 + std::cos(3.14159265358979323846 * std::clamp(share, 0.0, 1.0)));
    break;
  }
  if (step <= warmupSteps)
    rate *= static_cast<double>(step) / static_cast<double>(warmupSteps);
  return rate;
}

void Schedule::observe(double validationLoss) {
  if (validationLoss < bestLoss)
    bestLoss = validationLoss;
  else if (which == Kind::Plateau)
    plateauFactor *= scale;
}

} // namespace rnnc::rt
