//===- RunFolder.h - what a training run leaves -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The folder of a run: its files, metrics and log.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_RUNFOLDER_H
#define RNNC_RUNTIME_RUNFOLDER_H

#include "runtime/Result.h"

#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace rnnc::rt {

/// A line of metrics. What is not known is left empty.
struct Metrics {
  int64_t step = 0;
  double epoch = 0;
  /// "train", "valid" or "test".
  std::string split = "train";
  std::optional<double> loss, perplexity, accuracy, gradNorm, lr;
};

/// A run folder. Use from one thread.
///
/// Files (CLI, run folder): spec.rnn config.json command.txt vocab.json log.txt
/// metrics.csv metrics.jsonl events.out.tfevents.* last.ckpt previous.ckpt
/// best.safetensors final.safetensors result.json report.html.
class RunFolder {
public:
  /// Makes a new folder: `out` if given (it may exist if it is empty), else
  /// `runs/SPEC-YYYYMMDD-HHMMSS` in local time, with `-2`, `-3`, .. added where
  /// that exists. Never uses a folder that holds anything.
  static Result<RunFolder>
  create(const std::optional<std::filesystem::path> &out, std::string_view spec,
         std::time_t now);

  /// Opens the folder of an earlier run: it must exist and hold config.json.
  static Result<RunFolder> open(const std::filesystem::path &folder);

  const std::filesystem::path &path() const { return folder; }
  /// The path of a file in it.
  std::filesystem::path file(std::string_view name) const {
    return folder / name;
  }

  /// Writes a file in it, whole or not at all.
  Result<void> write(std::string_view name, std::string_view text) const;
  /// Reads a file in it.
  Result<std::string> read(std::string_view name) const;

  /// Appends a line to metrics.csv, metrics.jsonl and the event file, which are
  /// begun with the first line.
  Result<void> appendMetrics(const Metrics &metrics);

  /// Appends a line to log.txt; the newline is added.
  Result<void> log(std::string_view line) const;

  /// Before resuming from `step`: removes half-written files and the metrics of
  /// later steps from all three files.
  Result<void> cutBack(int64_t step);

private:
  explicit RunFolder(std::filesystem::path folder);
  std::filesystem::path folder;
  std::filesystem::path events;
};

/// The columns of metrics.csv.
inline constexpr std::string_view metricsHeader =
    "step,epoch,split,loss,perplexity,accuracy,grad_norm,lr";

/// A line of metrics.csv and of metrics.jsonl, without newline. Numbers are the
/// shortest that read back to the same bits; JSON has "nan", "inf", "-inf" as
/// strings and null for what is not known.
std::string metricsCsv(const Metrics &metrics);
std::string metricsJson(const Metrics &metrics);

/// The shortest decimal text that reads back to the same double; "nan", "inf",
/// "-inf".
std::string shortest(double value);

/// The same, as a JSON value (quoted where not finite).
std::string jsonNumber(double value);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_RUNFOLDER_H
