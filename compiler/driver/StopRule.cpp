//===- StopRule.cpp - When a loss is low enough ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/StopRule.h"
#include "compiler/driver/CommandLine.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace rnnc;
using namespace rnnc::driver;

/// Most updates of a mean: their values stand in each checkpoint.
static constexpr int64_t mostOfMean = 100000;

static std::optional<StopCondition> conditionOf(std::string text) {
  StopCondition made;
  if (text.starts_with("mean:")) {
    made.mean = true;
    text.erase(0, 5);
  }
  if (size_t equals = text.find('='); equals != std::string::npos) {
    made.metric = text.substr(0, equals);
    text.erase(0, equals + 1);
    if (made.metric.empty())
      return std::nullopt;
  }
  size_t colon = text.find(':');
  auto mark = parseReal(text.substr(0, colon));
  auto updates = colon == std::string::npos ? std::optional<int64_t>(1)
                                            : parseWhole(text.substr(colon + 1));
  if (!mark || !updates || *updates < 1)
    return std::nullopt;
  made.below = *mark;
  made.updates = *updates;
  return made;
}

Result<StopRule> StopRule::parse(const std::string &text) {
  static const std::string joint = " and ";
  StopRule rule;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(joint, begin), text.size());
    auto made = conditionOf(text.substr(begin, end - begin));
    if (!made)
      return usageError(
          "--stop-below expects X, X:N or METRIC=X:N, a value and a number of "
          "updates, or mean: before it, joined by ' and ', found '" +
          text + "'");
    if (made->mean && made->updates > mostOfMean)
      return usageError("--stop-below: a mean is of at most " +
                        std::to_string(mostOfMean) + " updates, found " +
                        std::to_string(made->updates));
    rule.conditions.push_back(std::move(*made));
    begin = end + joint.size();
  }
  return rule;
}

bool StopRule::readsMetrics() const {
  return std::ranges::any_of(
      conditions, [](const StopCondition &c) { return !c.metric.empty(); });
}

Result<void> StopRule::check(const hir::Model &model, bool isStream) const {
  if (!readsMetrics())
    return {};
  if (isStream)
    return usageError("--stop-below: a metric is measured on examples, the "
                      "data are a stream; give a loss");
  std::string names;
  for (const hir::Metric &metric : model.metrics)
    names += (names.empty() ? "" : ", ") + metric.name;
  for (const StopCondition &condition : conditions)
    if (!condition.metric.empty() &&
        std::ranges::none_of(model.metrics, [&](const hir::Metric &metric) {
          return metric.name == condition.metric;
        }))
      return usageError("--stop-below: the model has no metric '" +
                        condition.metric + "'; it has " +
                        (names.empty() ? "none" : names));
  return {};
}

void StopState::observe(const StopRule &rule, double loss,
                        const std::map<std::string, UpdateValue> &metrics) {
  seen.resize(rule.conditions.size());
  for (size_t i = 0; i < seen.size(); ++i) {
    const StopCondition &asked = rule.conditions[i];
    UpdateValue value = {loss, loss};
    if (!asked.metric.empty()) {
      auto it = metrics.find(asked.metric);
      value = it == metrics.end() ? UpdateValue{HUGE_VAL, HUGE_VAL} : it->second;
    }
    if (!asked.mean) {
      seen[i].low = value.greatest < asked.below ? seen[i].low + 1 : 0;
    } else if (int64_t(seen[i].values.size()) < asked.updates) {
      seen[i].values.push_back(value.mean);
    } else {
      seen[i].values[size_t(seen[i].next)] = value.mean;
      seen[i].next = (seen[i].next + 1) % asked.updates;
    }
  }
}

bool StopState::holds(const StopRule &rule) const {
  if (rule.conditions.empty() || seen.size() != rule.conditions.size())
    return false;
  // What only counts is looked at first: a mean adds all its values anew, in
  // which no value of long ago leaves a trace.
  for (size_t i = 0; i < seen.size(); ++i)
    if (!rule.conditions[i].mean && seen[i].low < rule.conditions[i].updates)
      return false;
  for (size_t i = 0; i < seen.size(); ++i) {
    const StopCondition &asked = rule.conditions[i];
    const std::vector<double> &values = seen[i].values;
    if (!asked.mean)
      continue;
    if (int64_t(values.size()) < asked.updates)
      return false;
    // From the oldest on, so that the order does not depend on `next`.
    auto oldest = values.begin() + seen[i].next;
    double sum = std::accumulate(oldest, values.end(), 0.0);
    sum = std::accumulate(values.begin(), oldest, sum);
    if (!(sum / double(asked.updates) < asked.below))
      return false;
  }
  return true;
}

Json StopState::toJson() const {
  Json list = Json::array();
  for (const Seen &one : seen) {
    Json values = Json::array();
    // JSON has no infinity: null stands for what is no finite number.
    for (double value : one.values)
      values.push_back(std::isfinite(value) ? Json(value) : Json());
    list.push_back({{"low", one.low}, {"next", one.next}, {"values", values}});
  }
  return list;
}

bool StopState::fromJson(const Json &json) {
  std::vector<Seen> read;
  if (!json.is_array())
    return false;
  for (const Json &entry : json) {
    if (!entry.is_object())
      return false;
    for (const char *key : {"low", "next"})
      if (!entry.contains(key) || !entry[key].is_number_integer())
        return false;
    if (!entry.contains("values") || !entry["values"].is_array())
      return false;
    Seen one;
    one.low = entry["low"].get<int64_t>();
    one.next = entry["next"].get<int64_t>();
    for (const Json &value : entry["values"]) {
      if (!value.is_null() && !value.is_number())
        return false;
      one.values.push_back(value.is_null() ? HUGE_VAL : value.get<double>());
    }
    if (one.low < 0 || one.next < 0 ||
        one.next > int64_t(one.values.size()))
      return false;
    read.push_back(std::move(one));
  }
  seen = std::move(read);
  return true;
}
