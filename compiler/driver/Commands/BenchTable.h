//===- BenchTable.h - Measured rows as text and JSON ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_COMMANDS_BENCHTABLE_H
#define RNNC_COMPILER_DRIVER_COMMANDS_BENCHTABLE_H

#include "compiler/driver/Commands/BenchRow.h"

namespace rnnc::driver {

/// Text in columns: the first of each row to the left, the others to the right.
class Columns {
public:
  void add(std::vector<std::string> row) { rows.push_back(std::move(row)); }
  /// All rows, each ended by a newline, without blanks at the ends.
  std::string text() const;

private:
  std::vector<std::vector<std::string>> rows;
};

/// The object `machine`.
Json machineJson();

/// The object of a row of ours.
Json rowJson(const std::string &name, const Subject &subject,
             const StepTimes &times);

/// The titles of the text, and the row of it.
std::vector<std::string> rowTitles();
std::vector<std::string> rowText(const Subject &subject,
                                 const StepTimes &times);

/// "64.1 ms", "8.30 us"; "8.1M"; "31.9k": three digits that count.
std::string shortTime(double milliseconds);
std::string shortBytes(double bytes);
std::string shortRate(double perSecond);

} // namespace rnnc::driver

#endif
