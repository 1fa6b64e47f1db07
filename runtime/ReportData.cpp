//===- ReportData.cpp - run folders read again ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading of runs, what they have in common, and the table.
//
//===----------------------------------------------------------------------===//
#include "runtime/Report.h"

#include "runtime/Progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace rnnc::rt {

namespace fs = std::filesystem;

/// A number of our JSON, where "nan" and "inf" are strings.
static std::optional<double> realOf(const ReportJson &value) {
  if (value.is_number())
    return value.get<double>();
  if (value == "nan")
    return std::nan("");
  if (value == "inf")
    return HUGE_VAL;
  if (value == "-inf")
    return -HUGE_VAL;
  return std::nullopt;
}

static Metrics metricsOf(const ReportJson &line) {
  Metrics metrics;
  auto real = [&](const char *key) -> std::optional<double> {
    auto it = line.find(key);
    return it == line.end() ? std::nullopt : realOf(*it);
  };
  metrics.step = int64_t(real("step").value_or(0));
  metrics.epoch = real("epoch").value_or(0);
  if (auto it = line.find("split"); it != line.end() && it->is_string())
    metrics.split = it->get<std::string>();
  metrics.loss = real("loss");
  metrics.perplexity = real("perplexity");
  metrics.accuracy = real("accuracy");
  metrics.gradNorm = real("grad_norm");
  metrics.lr = real("lr");
  return metrics;
}

std::string RunRecord::status() const {
  if (result.is_object())
    if (auto it = result.find("status"); it != result.end() && it->is_string())
      return it->get<std::string>();
  return "unfinished";
}

std::optional<double> RunRecord::number(std::string_view path) const {
  const ReportJson *at = &result;
  while (!path.empty()) {
    size_t dot = std::min(path.find('.'), path.size());
    if (!at->is_object())
      return std::nullopt;
    auto it = at->find(std::string(path.substr(0, dot)));
    if (it == at->end())
      return std::nullopt;
    at = &*it;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  auto value = realOf(*at);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<std::pair<double, int64_t>> RunRecord::best() const {
  auto loss = number("valid.best_loss"), step = number("valid.best_step");
  if (loss && step)
    return std::pair(*loss, int64_t(*step));
  std::optional<std::pair<double, int64_t>> found;
  for (const Metrics &line : metrics)
    if (line.split == "valid" && line.loss && std::isfinite(*line.loss) &&
        (!found || *line.loss < found->first))
      found = {*line.loss, line.step};
  return found;
}

std::optional<Metrics> RunRecord::validationAt(int64_t step) const {
  std::optional<Metrics> found;
  for (const Metrics &line : metrics)
    if (line.split == "valid" && line.step == step)
      found = line;
  return found;
}

Result<RunRecord> readRun(const fs::path &path) {
  Result<RunFolder> folder = RunFolder::open(path);
  if (!folder)
    return folder.error();
  RunRecord run;
  run.path = folder->path().string();
  fs::path plain = folder->path().lexically_normal();
  run.name =
      (plain.has_filename() ? plain : plain.parent_path()).filename().string();
  auto parsed = [&](const char *name, ReportJson &out) -> Result<void> {
    Result<std::string> text = folder->read(name);
    if (!text)
      return text.error();
    out = ReportJson::parse(*text, nullptr, false);
    if (!out.is_object())
      return makeFileError("bad-file", folder->file(name).string(),
                           "the file is damaged: it is no JSON object");
    return {};
  };
  if (Result<void> done = parsed("config.json", run.config); !done)
    return done.error();
  std::error_code ignored;
  if (fs::exists(folder->file("result.json"), ignored))
    if (Result<void> done = parsed("result.json", run.result); !done)
      return done.error();
  if (Result<std::string> text = folder->read("command.txt"))
    run.command = text->substr(0, text->find('\n'));
  if (Result<std::string> text = folder->read("metrics.jsonl"))
    for (size_t at = 0; at < text->size();) {
      size_t end = text->find('\n', at);
      // A line without end is being written, or was cut off.
      if (end == std::string::npos)
        break;
      ReportJson line =
          ReportJson::parse(text->substr(at, end - at), nullptr, false);
      if (line.is_object())
        run.metrics.push_back(metricsOf(line));
      at = end + 1;
    }
  return run;
}

/// Everything of a configuration that may tell two runs apart.
static std::map<std::string, std::string> valuesOf(const RunRecord &run) {
  std::map<std::string, std::string> values;
  auto text = [](const ReportJson &value) {
    return value.is_string()   ? value.get<std::string>()
           : value.is_number() ? shortest(value.get<double>())
                               : value.dump();
  };
  auto objectAt = [&](const char *key) -> const ReportJson & {
    static const ReportJson none = ReportJson::object();
    auto it = run.config.find(key);
    return it != run.config.end() && it->is_object() ? *it : none;
  };
  for (const char *key : {"values", "sizes"})
    for (const auto &[name, value] : objectAt(key).items())
      if (name != "threads")
        values[name] = text(value);
  for (const char *key : {"name", "model", "version", "cpu"})
    if (auto it = run.config.find(key); it != run.config.end())
      values[key] = text(*it);
  const ReportJson &settings = objectAt("settings");
  for (const char *key : {"set", "cell"})
    if (auto it = settings.find(key); it != settings.end() && it->is_array())
      for (const ReportJson &pair : *it)
        if (pair.is_array() && pair.size() == 2 && pair[0].is_string())
          values[pair[0].get<std::string>()] = text(pair[1]);
  if (auto it = settings.find("given"); it != settings.end())
    for (const auto &[name, value] : it->items()) {
      std::string known = name;
      std::replace(known.begin(), known.end(), '-', '_');
      if (!values.contains(known) && name != "threads")
        values[known] = text(value);
    }
  return values;
}

std::vector<std::pair<std::string, std::vector<std::string>>>
differingValues(std::span<const RunRecord> runs) {
  std::map<std::string, std::vector<std::string>> all;
  for (size_t i = 0; i < runs.size(); ++i)
    for (const auto &[name, value] : valuesOf(runs[i])) {
      auto &list = all[name];
      list.resize(runs.size());
      list[i] = value;
    }
  std::vector<std::pair<std::string, std::vector<std::string>>> result;
  for (auto &[name, list] : all)
    if (std::any_of(list.begin(), list.end(), [&](const std::string &value) {
          return value != list.front();
        }))
      result.emplace_back(name, std::move(list));
  return result;
}

static std::string decimals(std::optional<double> value, int count) {
  if (!value)
    return "-";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", count, *value);
  return text;
}

std::vector<std::vector<std::string>>
reportCells(std::span<const RunRecord> runs) {
  auto differing = differingValues(runs);
  std::vector<std::vector<std::string>> rows(runs.size() + 1);
  auto column = [&](const std::string &heading, auto cell) {
    bool any = false;
    std::vector<std::string> cells;
    for (size_t i = 0; i < runs.size(); ++i) {
      cells.push_back(cell(runs[i], i));
      any |= cells.back() != "-";
    }
    if (!any)
      return;
    rows[0].push_back(heading);
    for (size_t i = 0; i < runs.size(); ++i)
      rows[i + 1].push_back(cells[i]);
  };
  auto numbered = [&](const char *heading, const char *path, int count) {
    column(heading, [=](const RunRecord &run, size_t) {
      return decimals(run.number(path), count);
    });
  };
  column("run", [](const RunRecord &run, size_t) { return run.name; });
  for (const auto &[name, list] : differing)
    column(name, [&list = list](const RunRecord &, size_t i) {
      return list[i].empty() ? std::string("-") : list[i];
    });
  column("status", [](const RunRecord &run, size_t) { return run.status(); });
  column("steps", [](const RunRecord &run, size_t) {
    auto steps = run.number("steps");
    int64_t last = run.metrics.empty() ? 0 : run.metrics.back().step;
    return std::to_string(steps ? int64_t(*steps) : last);
  });
  numbered("train", "train.loss", 4);
  column("best valid", [](const RunRecord &run, size_t) {
    auto best = run.best();
    return best ? decimals(best->first, 4) : std::string("-");
  });
  column("at step", [](const RunRecord &run, size_t) {
    auto best = run.best();
    return best ? std::to_string(best->second) : std::string("-");
  });
  // Of the best validation, whose weights are kept and tested, not of the last.
  auto ofBest = [&](const char *heading, int count,
                    std::optional<double> (*read)(const Metrics &)) {
    column(heading, [=](const RunRecord &run, size_t) {
      auto best = run.best();
      auto line = best ? run.validationAt(best->second) : std::nullopt;
      return decimals(line ? read(*line) : std::nullopt, count);
    });
  };
  ofBest("at epoch", 2,
         [](const Metrics &line) { return std::optional(line.epoch); });
  ofBest("ppl", 2, [](const Metrics &line) { return line.perplexity; });
  ofBest("accuracy", 4, [](const Metrics &line) { return line.accuracy; });
  numbered("test", "test.loss", 4);
  numbered("test accuracy", "test.accuracy", 4);
  numbered("5-gram", "baselines.5-gram", 4);
  numbered("naive", "baselines.naive", 4);
  numbered("chance", "baselines.chance", 4);
  numbered("parameters", "parameters", 0);
  column("per s", [](const RunRecord &run, size_t) {
    auto rate = run.number("tokens_per_s");
    return rate ? humanRate(*rate) : std::string("-");
  });
  column("time", [](const RunRecord &run, size_t) {
    auto seconds = run.number("wall_s");
    return seconds ? humanTime(*seconds) : std::string("-");
  });
  return rows;
}

std::string reportTable(std::span<const RunRecord> runs) {
  auto rows = reportCells(runs);
  std::vector<size_t> widths(rows[0].size());
  for (const auto &row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  for (const auto &row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string space(widths[i] - row[i].size(), ' ');
      // The name to the left, all else to the right.
      line += i == 0 ? row[i] + space : "  " + space + row[i];
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

ReportJson reportRows(std::span<const RunRecord> runs) {
  auto differing = differingValues(runs);
  ReportJson rows = ReportJson::array();
  for (size_t i = 0; i < runs.size(); ++i) {
    const RunRecord &run = runs[i];
    ReportJson row = {{"run", run.path}, {"status", run.status()}};
    for (const char *key :
         {"steps", "epochs", "tokens", "wall_s", "tokens_per_s", "parameters",
          "seed", "train", "valid", "test", "baselines", "memory"})
      row[key] = run.result.is_object() && run.result.contains(key)
                     ? run.result[key]
                     : ReportJson(nullptr);
    ReportJson values = ReportJson::object();
    for (const auto &[name, list] : differing)
      values[name] = list[i];
    row["values"] = values;
    rows.push_back(row);
  }
  return rows;
}

} // namespace rnnc::rt
