//===- Plans.cpp - How a training step fits into a budget -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Plans.h"
#include "compiler/driver/Work.h"
#include "runtime/Progress.h"

#include <algorithm>
#include <cmath>

using namespace rnnc;
using namespace rnnc::driver;

/// Prices of an entry kept, after that of the fastest step: at twice that much a
/// value is computed again if it takes a function or two, at the last one
/// whatever is no product.
static constexpr int64_t kPrices[] = {2 * grad::kSaveCost, 128 * grad::kSaveCost};

Result<std::unique_ptr<Plans>> Plans::create(std::shared_ptr<Code> code,
                                             Leaner leaner, Weights &weights,
                                             std::shared_ptr<Team> team,
                                             Call &update) {
  std::unique_ptr<Plans> made(
      new Plans(std::move(leaner), weights, std::move(team), update));
  made->levels.push_back({grad::kSaveCost, std::move(code), true});
  auto first = Pieces::create(made->levels[0].code, weights, made->team, update);
  if (!first)
    return first.error();
  made->active = std::move(*first);
  return made;
}

/// Bytes kept of a step of these extents, in one piece; -1 if not known.
static int64_t savedBytes(const Code &code,
                          std::map<std::string, int64_t> extents) {
  for (const char *entry : {"reverse", "after"})
    if (code.info(entry)) {
      auto work = countWork(code.plannedModule(), entry, extents);
      return work ? work->savedBytes : -1;
    }
  return -1;
}

Result<std::optional<size_t>>
Plans::next(size_t level, const std::map<std::string, int64_t> &extents) {
  const int64_t kept = savedBytes(*levels[level].code, extents);
  for (int64_t price : kPrices) {
    if (price <= levels[level].price)
      continue;
    auto it = std::find_if(levels.begin(), levels.end(), [&](const Level &one) {
      return one.price == price;
    });
    if (it == levels.end()) {
      auto made = leaner(price);
      if (!made)
        return made.error();
      levels.push_back({price, std::move(*made), false});
      it = levels.end() - 1;
    }
    int64_t bytes = savedBytes(*it->code, extents);
    if (bytes >= 0 && bytes < kept)
      return std::optional<size_t>(it - levels.begin());
  }
  return std::optional<size_t>();
}

Result<std::unique_ptr<Pieces>>
Plans::at(size_t level, const std::map<std::string, int64_t> &extents) {
  Level &one = levels[level];
  if (!one.loaded) {
    if (auto done = one.code->load(); !done)
      return done.error();
    one.loaded = true;
    // What the plan changes; all else was said of the fastest step.
    for (const Message &message : one.code->remarks())
      if (message.id == "saved" || message.id == "recomputed" ||
          message.id == "plan")
        said.push_back(message);
  }
  auto made = Pieces::create(one.code, weights, team, update);
  if (!made)
    return made.error();
  if (auto done = (*made)->measure(extents); !done)
    return done.error();
  return made;
}

/// A size that is at least as large as `bytes` when it is read again.
static std::string roundedUp(int64_t bytes) {
  if (bytes < 1024)
    return std::to_string(bytes) + " B";
  double value = double(bytes) / 1024;
  const char *units[] = {"KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (unit + 1 < std::size(units) && value > 1023.9) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", std::ceil(value * 10 - 1e-9) / 10);
  std::string number = text;
  if (number.ends_with(".0"))
    number.resize(number.size() - 2);
  return number + " " + units[unit];
}

Error Plans::refusal(const Pieces &pieces, int64_t least,
                     const std::string &asked) const {
  Error error = makeError("memory-budget", "--memory-budget=" + asked +
                                               " cannot be met; the least is " +
                                               roundedUp(least));
  auto note = [&](std::string text, const std::string &file = "",
                  int64_t line = 0, int64_t column = 0) {
    error.diagnostics.front().notes.push_back(
        {file, line, column, std::move(text)});
  };
  const Memory &takes = pieces.memory();
  note("parameters take " + rt::humanBytes(takes.parameters) +
       ", the optimizer " + rt::humanBytes(takes.optimizer) +
       ", gradients and weights in other layouts " +
       rt::humanBytes(pieces.otherBytes()) + ", the rest is the sequence");
  if (!pieces.canCut() && !pieces.wholeReason().empty()) {
    Message::Note at = pieces.compiled().wholePlace();
    note("the sequence cannot be cut: " + pieces.wholeReason(), at.file,
         at.line, at.column);
  }
  return error;
}

Result<Plans::Choice>
Plans::choose(const std::map<std::string, int64_t> &extents, int64_t budget,
              const std::string &asked) {
  std::optional<Choice> best;
  double bestWork = 0, usual = 0;
  int64_t least = 0;
  std::unique_ptr<Pieces> first;
  for (std::optional<size_t> level = 0; level;) {
    auto made = at(*level, extents);
    if (!made)
      return made.error();
    Pieces &pieces = **made;
    int64_t own = 0;
    auto cut = pieces.best(budget, own);
    least = *level == 0 ? own : std::min(least, own);
    if (*level == 0)
      usual = pieces.work(pieces.wholeCut()).all();
    if (cut) {
      double work = pieces.work(*cut).all();
      if (!best || work < bestWork) {
        best = Choice{*level, *cut, usual > 0 ? work / usual - 1 : 0};
        bestWork = work;
      }
    }
    if (*level == 0)
      first = std::move(*made);
    // Who keeps less than fits computes more.
    if (cut && cut->again == 0)
      break;
    auto following = next(*level, extents);
    if (!following)
      return following.error();
    level = *following;
  }
  if (!best)
    return refusal(*first, least, asked);
  return *best;
}

Result<void> Plans::plan(const std::map<std::string, int64_t> &extents,
                         int64_t budget, const std::string &asked) {
  auto it = known.find(extents);
  if (it == known.end()) {
    auto choice = choose(extents, budget, asked);
    if (!choice)
      return choice.error();
    it = known.emplace(extents, *choice).first;
  }
  const Choice &choice = it->second;
  if (choice.level != activeLevel) {
    rt::TensorFile states;
    active->snapshot(states);
    active.reset();
    auto made = at(choice.level, extents);
    if (!made)
      return made.error();
    active = std::move(*made);
    activeLevel = choice.level;
    if (auto done = active->restore(states, "the window before", 0); !done)
      return done;
  } else if (auto done = active->measure(extents); !done) {
    return done;
  }
  return active->take(choice.cut, choice.extraWork, choice.level > 0);
}
