//===- CommandLine.h - Words of a command line ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns the words into a command, option values and operands, all checked
// against the table. What they mean is not known here.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_COMMANDLINE_H
#define RNNC_COMPILER_DRIVER_COMMANDLINE_H

#include "compiler/driver/OptionTable.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rnnc::driver {

/// A command line that was understood.
struct CommandLine {
  const CommandInfo *command = nullptr;
  std::map<std::string, std::vector<std::string>> values;
  std::vector<std::string> operands;

  bool has(const std::string &name) const { return values.contains(name); }
  /// The last value given, if any.
  std::optional<std::string> get(const std::string &name) const;
  /// All values given.
  std::vector<std::string> all(const std::string &name) const;
};

/// Why a command line was not understood: wrong usage.
struct UsageError {
  std::string message, help;
};

/// Reads the words after the command's name.
std::optional<UsageError>
parseCommandLine(const CommandInfo &command,
                 const std::vector<std::string> &words, CommandLine &result);

/// Whether a value has the form its option asks for; else a message.
std::optional<std::string> checkValue(const OptionInfo &option,
                                      const std::string &value);

/// The nearest of some names, or "". For "did you mean".
std::string nearestName(std::string_view name,
                        const std::vector<std::string> &names);

/// Reads a whole or a real number; all of the text must be one.
std::optional<int64_t> parseWhole(std::string_view text);
std::optional<double> parseReal(std::string_view text);

} // namespace rnnc::driver

#endif
