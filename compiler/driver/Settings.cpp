//===- Settings.cpp - What was asked for, by whom -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Settings.h"
#include "frontends/rnn/HIR.h"
#include "runtime/RunFolder.h"

#include <algorithm>
#include <cstdlib>

using namespace rnnc;
using namespace rnnc::driver;

std::pair<std::string, std::string> driver::splitPair(const std::string &text) {
  size_t at = text.find('=');
  if (at == std::string::npos)
    return {text, ""};
  return {text.substr(0, at), text.substr(at + 1)};
}

/// Folders in RNNC_PATH.
static void addPath(std::vector<std::string> &folders) {
  const char *path = std::getenv("RNNC_PATH");
  if (!path)
    return;
  std::string rest = path;
  for (size_t at = 0; at <= rest.size();) {
    size_t end = std::min(rest.find(':', at), rest.size());
    if (end > at)
      folders.push_back(rest.substr(at, end - at));
    at = end + 1;
  }
}

Settings::Settings(const CommandLine &line) {
  for (const auto &[name, values] : line.values)
    if (!values.empty())
      given[name] = values.back();
  for (const std::string &text : line.all("set"))
    set.push_back(splitPair(text));
  for (const std::string &text : line.all("cell"))
    cell.push_back(splitPair(text));
  imports = line.all("import");
  includes = line.all("include");
  addPath(includes);
  data = line.all("data");
  valid = line.all("valid");
  test = line.all("test");
  for (const char *name :
       {"set", "cell", "import", "include", "data", "valid", "test", "json",
        "quiet", "verbose", "color", "progress", "max-errors", "allow",
        "deny-warnings", "diagnostics", "given"})
    given.erase(name);
  if (const char *threads = std::getenv("RNNC_THREADS"))
    if (auto count = parseWhole(threads); count && *count > 0)
      given.emplace("threads", threads);
}

Settings::Settings(const api::Options &options) {
  if (!options.model.empty())
    given["model"] = options.model;
  if (options.batch > 0)
    given["batch"] = std::to_string(options.batch);
  if (options.length > 0)
    given["length"] = std::to_string(options.length);
  if (options.threads > 0)
    given["threads"] = std::to_string(options.threads);
  given["seed"] = std::to_string(options.seed);
  given["precision"] = options.precision;
  given["unroll"] = options.unroll;
  if (options.window > 0)
    given["window"] =
        std::to_string(options.window) +
        (options.windowBack > 0 ? ":" + std::to_string(options.windowBack)
                                : "");
  given["target-cpu"] = options.targetCpu;
  if (!options.cache)
    given["no-cache"] = "true";
  if (!options.cacheDir.empty())
    given["cache-dir"] = options.cacheDir;
  set.assign(options.set.begin(), options.set.end());
  cell = options.cell;
  imports = options.imports;
  includes = options.importPaths;
}

/// The value of an option as --set would write it.
static std::string written(const hir::OptionValue &value) {
  switch (value.kind) {
  case hir::OptionValue::Number:
    return rt::shortest(value.number);
  case hir::OptionValue::Bool:
    return value.flag ? "true" : "false";
  case hir::OptionValue::Word:
  case hir::OptionValue::String:
  case hir::OptionValue::Call:
    return value.word;
  case hir::OptionValue::None:
    break;
  }
  return "";
}

static std::string withDashes(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

/// The option of `train` that a key of the train block stands for.
static const OptionInfo *trainKey(const std::string &key) {
  static const std::vector<OptionInfo> options =
      optionsOf(*findCommand("train"));
  std::string name = withDashes(key);
  for (const OptionInfo &option : options)
    if (name == option.name && option.kind != ValueKind::Flag && !option.adds &&
        name != "out" && name != "resume" && name != "model")
      return &option;
  return nullptr;
}

/// The option of `sample` that a key of the sample block stands for.
static const OptionInfo *sampleKey(const std::string &key) {
  for (const OptionInfo &option : findCommand("sample")->own)
    if (withDashes(key) == option.name && !option.adds && key != "weights" &&
        key != "vocab")
      return &option;
  return nullptr;
}

Result<void> Settings::readSampling(const hir::Model &model) {
  sampling.clear();
  stopToken.reset();
  if (model.predict)
    for (const hir::Option &option : model.predict->options) {
      const hir::OptionValue &value = option.value;
      bool isWhole = value.kind == hir::OptionValue::Number &&
                     value.number >= 1 &&
                     value.number == double(int32_t(value.number));
      // How labels are read from classes at each step; `run` does it.
      if (option.key == "beam" && model.predict->distribution == "ctc") {
        if (!isWhole)
          return makeError("predict-option",
                           "'beam' of the prediction of '" +
                               model.predict->target +
                               "' expects a number of paths, found '" +
                               written(value) + "'");
        continue;
      }
      if (option.key != "stop" && option.key != "max")
        return makeError("predict-option", "unknown option '" + option.key +
                                               "' of the prediction of '" +
                                               model.predict->target +
                                               "'; it takes 'stop' and 'max'");
      if (model.predict->distribution != "categorical")
        return makeError("predict-option",
                         "'" + option.key +
                             "' needs a prediction y ~ categorical(z)");
      if (option.key == "max") {
        if (!isWhole)
          return makeError("predict-option",
                           "'max' of the prediction of '" +
                               model.predict->target +
                               "' expects a number of tokens, found '" +
                               written(value) + "'");
        sampling["tokens"] = written(value);
      } else if (value.kind == hir::OptionValue::String)
        sampling["stop"] = value.word;
      else if (value.kind == hir::OptionValue::Number && value.number >= 0 &&
               value.number == double(int32_t(value.number)))
        stopToken = int64_t(value.number);
      else
        return makeError("predict-option",
                         "'stop' of the prediction of '" +
                             model.predict->target +
                             "' expects the number of a token or a text, "
                             "found '" +
                             written(value) + "'");
    }
  for (const hir::Option &option : model.sample) {
    const OptionInfo *info = sampleKey(option.key);
    if (!info)
      return makeError("sample-block", "unknown key '" + option.key +
                                           "' in the sample block");
    std::string text = written(option.value);
    if (auto problem = checkValue(*info, text))
      return makeError("sample-block", "in the sample block: " + *problem);
    sampling[info->name] = text;
    if (std::string_view(info->name) == "stop")
      stopToken.reset();
  }
  return {};
}

std::optional<std::string> Settings::ofSampling(const std::string &name) const {
  auto it = sampling.find(name);
  if (it == sampling.end())
    return std::nullopt;
  return it->second;
}

Result<void> Settings::readModel(const hir::Model &model) {
  statics.clear();
  block.clear();
  fromSet.clear();
  modelKnown = true;
  if (auto done = readSampling(model); !done)
    return done;
  for (const hir::ModelSize &size : model.statics)
    statics.push_back(size.name);

  for (const hir::Option &option : model.train) {
    std::string key = withDashes(option.key);
    const hir::OptionValue &value = option.value;
    // optimizer = adam(lr = 1e-3, decay = 0.01), clip = norm(5).
    if (key == "clip") {
      if (value.kind == hir::OptionValue::Call && value.args.size() == 1 &&
          (value.word == "norm" || value.word == "value"))
        block["clip-" + value.word] = written(value.args[0]);
      else
        return makeError("train-block", "'clip' in the train block expects "
                                        "norm(X) or value(X)");
      continue;
    }
    if (key == "optimizer" && value.kind == hir::OptionValue::Call)
      for (size_t i = 0; i < value.args.size(); ++i) {
        std::string own = i < value.argNames.size() ? value.argNames[i] : "";
        own = withDashes(own.empty() ? "lr" : own);
        block[own == "decay" ? "weight-decay" : own] = written(value.args[i]);
      }
    if (key == "schedule" && value.kind == hir::OptionValue::Call) {
      std::string text = value.word;
      for (const hir::OptionValue &arg : value.args)
        text += ":" + written(arg);
      block[key] = text;
      continue;
    }
    block[key] = written(value);
  }
  for (const auto &[key, value] : block)
    if (const OptionInfo *option = trainKey(key)) {
      if (auto problem = checkValue(*option, value))
        return makeError("train-block", "in the train block: " + *problem);
    } else {
      return makeError("train-block",
                       "unknown key '" + key + "' in the train block");
    }

  for (const auto &[name, value] : set) {
    bool isStatic =
        std::find(statics.begin(), statics.end(), name) != statics.end();
    if (isStatic) {
      if (!parseReal(value) && value != "true" && value != "false")
        return usageError("--set " + name + " expects a number, found '" +
                          value + "'");
      continue;
    }
    const OptionInfo *option = trainKey(name);
    if (!option) {
      std::vector<std::string> names = statics;
      for (const OptionInfo &info : optionsOf(*findCommand("train")))
        names.push_back(info.name);
      std::string near = nearestName(withDashes(name), names);
      std::replace(near.begin(), near.end(), '-', '_');
      return makeError("unknown-size",
                       "--set: the model has no size '" + name +
                           "', and it is no key of a train block",
                       near.empty() ? "" : "did you mean '" + near + "'?");
    }
    if (auto problem = checkValue(*option, value))
      return usageError(*problem);
    fromSet[option->name] = value;
  }
  return {};
}

std::map<std::string, double> Settings::sizes() const {
  std::map<std::string, double> result;
  for (const auto &[name, value] : set) {
    if (modelKnown &&
        std::find(statics.begin(), statics.end(), name) == statics.end())
      continue;
    if (auto number = parseReal(value))
      result[name] = *number;
    else if (value == "true" || value == "false")
      result[name] = value == "true";
  }
  return result;
}

std::optional<std::string> Settings::get(const std::string &name) const {
  for (const auto *values : {&given, &fromSet, &block})
    if (auto it = values->find(name); it != values->end())
      return it->second;
  return std::nullopt;
}

int64_t Settings::whole(const std::string &name, int64_t otherwise) const {
  auto value = get(name);
  if (!value)
    return otherwise;
  if (auto number = parseWhole(*value))
    return *number;
  return static_cast<int64_t>(parseReal(*value).value_or(double(otherwise)));
}

double Settings::real(const std::string &name, double otherwise) const {
  auto value = get(name);
  return value ? parseReal(*value).value_or(otherwise) : otherwise;
}

std::string Settings::text(const std::string &name,
                           const std::string &otherwise) const {
  return get(name).value_or(otherwise);
}

Json Settings::toJson() const {
  Json values = Json::object();
  for (const auto &[name, value] : given)
    values[name] = value;
  auto pairs = [](const auto &list) {
    Json out = Json::array();
    for (const auto &[name, value] : list)
      out.push_back({name, value});
    return out;
  };
  return {{"given", values},    {"set", pairs(set)}, {"cell", pairs(cell)},
          {"imports", imports}, {"data", data},      {"valid", valid},
          {"test", test}};
}

Settings Settings::fromJson(const Json &json) {
  Settings result;
  if (!json.is_object())
    return result;
  auto list = [&](const char *key, std::vector<std::string> &out) {
    if (json.contains(key) && json[key].is_array())
      for (const Json &entry : json[key])
        if (entry.is_string())
          out.push_back(entry.get<std::string>());
  };
  auto pairs = [&](const char *key, auto &out) {
    if (json.contains(key) && json[key].is_array())
      for (const Json &entry : json[key])
        if (entry.is_array() && entry.size() == 2 && entry[0].is_string() &&
            entry[1].is_string())
          out.emplace_back(entry[0].get<std::string>(),
                           entry[1].get<std::string>());
  };
  if (json.contains("given") && json["given"].is_object())
    for (const auto &[name, value] : json["given"].items())
      if (value.is_string())
        result.given[name] = value.get<std::string>();
  pairs("set", result.set);
  pairs("cell", result.cell);
  list("imports", result.imports);
  list("data", result.data);
  list("valid", result.valid);
  list("test", result.test);
  return result;
}

void Settings::inherit(const Settings &earlier) {
  // New data replace those of the run, generated or read, and what was said
  // about those.
  const bool task = given.contains("task"), read = !data.empty();
  for (const auto &[name, value] : earlier.given) {
    if (std::find(notInherited.begin(), notInherited.end(), name) !=
        notInherited.end())
      continue;
    if ((read && name == "task") ||
        (task && (name == "split" || name == "scale" || name == "vocab")))
      continue;
    given.emplace(name, value);
  }
  auto prepend = [](auto &mine, const auto &theirs) {
    mine.insert(mine.begin(), theirs.begin(), theirs.end());
  };
  prepend(set, earlier.set);
  prepend(cell, earlier.cell);
  prepend(imports, earlier.imports);
  if (data.empty() && !task) {
    data = earlier.data;
    if (valid.empty())
      valid = earlier.valid;
    if (test.empty())
      test = earlier.test;
  }
}
