//===- Baseline.cpp - rnnc baseline ---------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Simple predictors on the data of a model. Data are read as `train` reads
// them; without a SPEC, for a model of one target that is made up here.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Baselines.h"
#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Host.h"
#include "compiler/driver/Project.h"
#include "runtime/Generated.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

using namespace rnnc;
using namespace rnnc::driver;

static const std::vector<std::string> kinds = {"ngram", "naive", "seasonal",
                                               "drift", "chance"};

/// The name before `=` in `[INPUT=]FILE[#FIELD]`, and the ending of FILE.
static std::pair<std::string, std::string> partsOf(const std::string &data) {
  std::string name, file = data;
  size_t equals = data.find('=');
  std::error_code ignored;
  if (equals != std::string::npos && equals > 0 &&
      !std::filesystem::exists(data, ignored)) {
    name = data.substr(0, equals);
    file = data.substr(equals + 1);
  }
  file = file.substr(0, file.rfind('#'));
  return {name, std::filesystem::path(file).extension().string()};
}

/// A model of one target for data that no SPEC describes.
static std::string textFor(const std::string &kind,
                           const std::vector<std::string> &data) {
  auto [name, ending] = partsOf(data.empty() ? "" : data.front());
  if (name.empty())
    name = "x";
  std::string type = "seq int[V]";
  if (kind == "chance") {
    if (ending == ".csv")
      type = "seq [d]";
    else if (ending != ".txt" && ending != ".ids")
      type = "int[V]";
  } else if (kind != "ngram") {
    // A forecast judges what comes some steps after what is known.
    return "model Data(d) {\n  input " + name +
           ": seq [d]\n  target next: seq [d]\n}\n";
  }
  std::string letter = type.ends_with("[d]") ? "d" : "V";
  return "model Data(" + letter + ") {\n  target " + name + ": " + type +
         "\n}\n";
}

/// One line of the result.
static std::string lineOf(const Baseline &found, bool nats) {
  char text[128];
  std::snprintf(text, sizeof text, "%s loss %.4f", found.name.c_str(),
                found.loss);
  std::string line = text;
  auto add = [&](const char *name, double value, int decimals) {
    std::snprintf(text, sizeof text, "  %s %.*f", name, decimals, value);
    line += text;
  };
  if (found.perplexity)
    add("ppl", *found.perplexity, 2);
  if (found.accuracy)
    add("accuracy", *found.accuracy, 4);
  for (const auto &[name, value] : found.values)
    add(name.c_str(), value, 4);
  return line + (nats ? "" : "  (squared error)");
}

static Json jsonOf(const Baseline &found) {
  Json json = {{"name", found.name},
               {"loss", number(found.loss)},
               {"perplexity", nullptr},
               {"accuracy", nullptr}};
  if (found.perplexity)
    json["perplexity"] = number(*found.perplexity);
  if (found.accuracy)
    json["accuracy"] = number(*found.accuracy);
  Json values = Json::object();
  for (const auto &[name, value] : found.values)
    values[name] = number(value);
  json["metrics"] = values;
  json["count"] = found.count;
  return json;
}

/// The chance level of a generated task, which needs no data.
static Result<int> chanceOfTask(const std::string &text, Console &console) {
  auto task = rt::parseTask(text);
  if (!task)
    return fromRuntime(task.error());
  const double loss = rt::chanceLoss(*task);
  const bool nats = task->kind != rt::TaskKind::Adding;
  console.object["kind"] = "chance";
  console.object["loss"] = number(loss);
  console.object["baselines"] = {{"chance", number(loss)}};
  Baseline found;
  found.name = "chance";
  found.loss = loss;
  return console.print(lineOf(found, nats) + "\n") ? StatusDone : StatusInput;
}

static Result<void> checkOptions(const std::string &kind,
                                 const CommandLine &line) {
  auto only = [&](const char *option, const char *of) -> Result<void> {
    if (line.has(option) && kind != of)
      return usageError(std::string("--") + option + " is an option of '" + of +
                        "', not of '" + kind + "'");
    return {};
  };
  for (auto [option, of] : {std::pair("order", "ngram"),
                            {"smoothing", "ngram"},
                            {"add-k", "ngram"},
                            {"period", "seasonal"}})
    if (auto done = only(option, of); !done)
      return done;
  if (kind == "seasonal" && !line.has("period"))
    return usageError("'rnnc baseline seasonal' needs --period");
  if (line.has("add-k") && line.get("smoothing").value_or("add-k") != "add-k")
    return usageError("--add-k goes with --smoothing=add-k, found " +
                      *line.get("smoothing"));
  if (line.has("order") && parseWhole(*line.get("order")).value_or(0) > 16)
    return usageError("--order expects a whole number from 1 to 16, found '" +
                      *line.get("order") + "'");
  return {};
}

static Result<int> baseline(const CommandLine &line, Console &console) {
  const double begin = steadySeconds();
  const std::string &kind = line.operands.front();
  if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
    std::string near = nearestName(kind, kinds);
    return usageError("unknown baseline '" + kind +
                          "'; expected ngram, naive, seasonal, drift or chance",
                      near.empty() ? "" : "did you mean '" + near + "'?");
  }
  if (auto done = checkOptions(kind, line); !done)
    return done.error();
  Settings settings(line);
  const bool hasSpec = line.operands.size() > 1;
  if (kind == "chance" && settings.get("task") && !hasSpec)
    return chanceOfTask(*settings.get("task"), console);
  if (settings.data.empty() && !settings.get("task"))
    return usageError("no data", "give --data FILE");

  // With a file to be tested on, all of the data is there to learn from, and the
  // test is what was asked for.
  std::string split = settings.text("on", settings.test.empty() ? "valid"
                                          : settings.valid.empty() ? "test"
                                                                   : "valid");
  if (split == "test" && !settings.test.empty() && settings.valid.empty() &&
      !settings.get("split"))
    settings.given["split"] = "1";

  std::vector<Message> warnings;
  const MessageOptions messages = MessageOptions::of(console);
  auto spec = hasSpec
                  ? Spec::load(line.operands[1], settings, messages, warnings)
                  : Spec::loadText("<baseline>", textFor(kind, settings.data),
                                   settings, messages, warnings);
  if (!spec)
    return spec.error();
  auto project = Project::create(*spec, settings, warnings);
  if (!project)
    return project.error();
  if (hasSpec)
    for (const Message &warning : warnings)
      console.say(warning);
  const hir::Model &model = (*project)->model();
  auto data = loadData((*project)->settings(), model, std::nullopt);
  if (!data)
    return data.error();
  const DataPart &part = data->part(split);
  if (part.empty())
    return makeError("empty-data", "there are no data for --on=" + split);

  std::vector<Baseline> found;
  bool nats = true;
  if (kind == "ngram") {
    rt::Smoothing smoothing = rt::Smoothing::ModifiedKneserNey;
    if (auto text = settings.get("smoothing"))
      smoothing = *rt::parseSmoothing(*text);
    else if (settings.get("add-k"))
      smoothing = rt::Smoothing::AddK;
    auto grams =
        ngramBaselines(*data, model, part, int(settings.whole("order", 5)),
                       smoothing, settings.real("add-k", 1));
    if (!grams)
      return grams.error();
    found = std::move(*grams);
  } else if (kind == "chance") {
    auto chance = chanceBaseline(*data, model, part);
    if (!chance)
      return chance.error();
    nats = chance->values.contains("uniform");
    found.push_back(std::move(*chance));
  } else {
    nats = false;
    const Forecast how = kind == "naive"      ? Forecast::Naive
                         : kind == "seasonal" ? Forecast::Seasonal
                                              : Forecast::Drift;
    auto forecast =
        forecastBaseline(*data, model, part, how, settings.whole("period", 1),
                         settings.valid.empty() && settings.test.empty());
    if (!forecast)
      return forecast.error();
    found.push_back(std::move(*forecast));
  }

  Json &object = console.object;
  object["kind"] = kind;
  object["split"] = split;
  const Json last = jsonOf(found.back());
  for (const char *key : {"loss", "perplexity", "accuracy", "metrics", "count"})
    object[key] = last[key];
  // Values of a series are no tokens.
  const std::string unit =
      data->stream && !found.back().perplexity ? "steps" : data->unit();
  object["count_unit"] = unit;
  object["wall_s"] = steadySeconds() - begin;
  object["baselines"] = Json::object();
  Json rows = Json::array();
  std::string out;
  for (const Baseline &row : found) {
    object["baselines"][row.name] = number(row.loss);
    rows.push_back(jsonOf(row));
    out += lineOf(row, nats);
    if (&row == &found.back())
      out += "  (" + std::to_string(row.count) + " " + unit + ")";
    out += "\n";
  }
  object["rows"] = rows;
  return console.print(out) ? StatusDone : StatusInput;
}

int driver::baselineCommand(const CommandLine &line, Console &console) {
  auto status = baseline(line, console);
  return status ? *status : console.fail(status.error());
}
