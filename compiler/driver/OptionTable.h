//===- OptionTable.h - The commands and their options -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One table says which commands there are, which options each takes, and what
// they are for. Parsing, help, completion and the manual page read it.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_OPTIONTABLE_H
#define RNNC_COMPILER_DRIVER_OPTIONTABLE_H

#include <string>
#include <string_view>
#include <vector>

namespace rnnc::driver {

/// What the value of an option must look like.
enum class ValueKind {
  Flag,     ///< none
  FlagText, ///< none, or text after `=`
  Text,
  Count,    ///< a whole number, at least 1
  Whole,    ///< a whole number, at least 0
  Real,     ///< at least 0
  Positive, ///< above 0
  Share,    ///< above 0, at most 1
  Duration, ///< 30s 5m 2h
  Bytes,    ///< 64MiB
  Choice,   ///< one of `choices`
  Pair,     ///< NAME=VALUE
};

/// One option. All uses of a repeated option count if `adds`, else the last.
struct OptionInfo {
  const char *name; ///< long name without dashes
  ValueKind kind;
  const char *value; ///< the word for its value in help
  const char *help;
  const char *choices = ""; ///< of Choice: "a|b|c"
  const char *shortName = "";
  bool adds = false;
};

/// One command.
struct CommandInfo {
  const char *name;
  const char *operands; ///< as in help: "SPEC..."
  int minOperands, maxOperands;
  const char *summary;
  const char *description;
  std::vector<OptionInfo> own;
  bool compiles; ///< takes the shared options
  bool data;     ///< takes the data options
  std::vector<const char *> examples;
};

const std::vector<CommandInfo> &commands();
const CommandInfo *findCommand(std::string_view name);
/// Options of every command; of those that compile; of those with data.
const std::vector<OptionInfo> &generalOptions();
const std::vector<OptionInfo> &sharedOptions();
const std::vector<OptionInfo> &dataOptions();
/// All options a command takes, its own first.
std::vector<OptionInfo> optionsOf(const CommandInfo &command);

/// The help of the program, of a command; the manual page; a completion script
/// ("bash", "zsh" or "fish").
std::string mainHelp();
std::string commandHelp(const CommandInfo &command);
std::string manualPage();
std::string completionScript(std::string_view shell);

} // namespace rnnc::driver

#endif
