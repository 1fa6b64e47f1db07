//===- BenchTable.cpp - Measured rows as text and JSON --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/BenchTable.h"
#include "compiler/driver/Commands/BenchPeak.h"
#include "compiler/driver/Host.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace rnnc;
using namespace rnnc::driver;

/// Three digits that count, without an exponent.
static std::string threeDigits(double value) {
  char text[32];
  int places = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  std::snprintf(text, sizeof text, "%.*f", places, value);
  return text;
}

std::string driver::shortTime(double milliseconds) {
  if (milliseconds < 0.9995)
    return threeDigits(milliseconds * 1000) + " us";
  if (milliseconds < 99995)
    return threeDigits(milliseconds) + " ms";
  return threeDigits(milliseconds / 1000) + " s";
}

/// With the letters of thousands, or of 1024.
static std::string lettered(double value, double step) {
  static const char *const letters[] = {"", "k", "M", "G", "T"};
  size_t letter = 0;
  while (value >= step * 0.9995 && letter + 1 < std::size(letters)) {
    value /= step;
    ++letter;
  }
  char text[32];
  bool whole = letter == 0 || value >= 99.95;
  std::snprintf(text, sizeof text, "%.*f%s", whole ? 0 : 1, value,
                letters[letter]);
  return text;
}

std::string driver::shortBytes(double bytes) { return lettered(bytes, 1024); }
std::string driver::shortRate(double rate) { return lettered(rate, 1000); }

std::string Columns::text() const {
  std::vector<size_t> widths;
  for (const auto &row : rows)
    for (size_t i = 0; i < row.size(); ++i) {
      widths.resize(std::max(widths.size(), row.size()));
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string text;
  for (const auto &row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string blanks(widths[i] - row[i].size(), ' ');
      line += i == 0 ? row[i] + blanks : " " + blanks + row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

Json driver::machineJson() {
  return {{"cpu", cpuName()},
          {"features", hostFeatures()},
          {"cores", rnnrt_usable_cores()}};
}

Json driver::rowJson(const std::string &name, const Subject &subject,
                     const StepTimes &times) {
  const BenchWay &way = subject.way();
  double median = times.quantile(0.5);
  Json stages = Json::array();
  for (const auto &[stage, ms] : subject.stages())
    stages.push_back({{"name", stage}, {"ms", ms}});
  Json row = {{"name", name},
              {"system", "rnnc"},
              {"mode", way.mode},
              {"precision", way.precision},
              {"threads", way.threads},
              {"batch", way.batch},
              {"length", way.length},
              {"sizes", subject.sizes()},
              {"step_ms",
               {{"median", median},
                {"p10", times.quantile(0.1)},
                {"p90", times.quantile(0.9)},
                {"count", times.count}}},
              {"flops", nullptr},
              {"gflops_per_s", nullptr},
              {"peak_gflops_per_s", peakGflops(way.threads, way.precision)},
              {"peak_share", nullptr},
              {"tokens_per_s", double(subject.tokens()) / median * 1000},
              {"compile_ms", subject.compileMs()},
              {"stages", stages},
              {"memory", memoryJson(subject.memory(), subject.memory().peak())},
              {"ratio", nullptr}};
  if (auto flops = subject.flops()) {
    double rate = *flops / median * 1e-6;
    double peak = peakGflops(way.threads, way.precision);
    row["flops"] = *flops;
    row["gflops_per_s"] = rate;
    if (peak > 0)
      row["peak_share"] = rate / peak;
  }
  return row;
}

std::vector<std::string> driver::rowTitles() {
  return {"mode",    "B",    "T",     "thr",   "prec",  "median", "p10",
          "GFLOP/s", "peak", "tok/s", "saved", "arena", "compile"};
}

std::vector<std::string> driver::rowText(const Subject &subject,
                                         const StepTimes &times) {
  const BenchWay &way = subject.way();
  double median = times.quantile(0.5);
  std::string rate = "-", share = "-";
  if (auto flops = subject.flops()) {
    double gflops = *flops / median * 1e-6;
    double peak = peakGflops(way.threads, way.precision);
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", gflops);
    rate = text;
    if (peak > 0) {
      std::snprintf(text, sizeof text, "%.0f %%", 100 * gflops / peak);
      share = text;
    }
  }
  const Memory &memory = subject.memory();
  return {way.mode,
          std::to_string(way.batch),
          std::to_string(way.length),
          std::to_string(way.threads),
          way.precision,
          shortTime(median),
          shortTime(times.quantile(0.1)),
          rate,
          share,
          shortRate(double(subject.tokens()) / median * 1000),
          memory.saved < 0 ? "-" : shortBytes(double(memory.saved)),
          shortBytes(double(memory.arena)),
          shortTime(subject.compileMs())};
}
