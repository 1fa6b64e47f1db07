//===- Report.h - what runs did, side by side -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads run folders and writes one page about them that needs nothing else: no
// scripts, no other files, no network.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_REPORT_H
#define RNNC_RUNTIME_REPORT_H

#include "runtime/RunFolder.h"

#include <nlohmann/json.hpp>

#include <map>
#include <span>
#include <vector>

namespace rnnc::rt {

using ReportJson = nlohmann::ordered_json;

/// What is known about a run.
struct RunRecord {
  /// The folder, and its last name.
  std::string path, name;
  /// config.json; result.json, or null while the run has no end.
  ReportJson config, result;
  std::string command;
  std::vector<Metrics> metrics;

  /// finished, ..., or "unfinished".
  std::string status() const;
  /// A number of the result by path ("valid.best_loss"), if it is there and
  /// finite.
  std::optional<double> number(std::string_view path) const;
  /// The best validation loss and its step: of the result, else of metrics.
  std::optional<std::pair<double, int64_t>> best() const;
  /// What the validation after that many steps measured, if metrics have it.
  std::optional<Metrics> validationAt(int64_t step) const;
};

/// Reads a run folder, finished or not. config.json must be there.
Result<RunRecord> readRun(const std::filesystem::path &folder);

/// Values of config.json (batch, lr, sizes, cells, ...) that are not the same
/// in all runs: by name, one text per run.
std::vector<std::pair<std::string, std::vector<std::string>>>
differingValues(std::span<const RunRecord> runs);

/// The table of runs: headings, then one row per run. Columns that say nothing
/// are left out.
std::vector<std::vector<std::string>>
reportCells(std::span<const RunRecord> runs);

/// The whole page.
std::string reportHtml(std::span<const RunRecord> runs);

/// The table of runs as text, with one line per run after the headings.
std::string reportTable(std::span<const RunRecord> runs);

/// The rows of that table as JSON.
ReportJson reportRows(std::span<const RunRecord> runs);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_REPORT_H
