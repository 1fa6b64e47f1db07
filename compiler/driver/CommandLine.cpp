//===- CommandLine.cpp - Words of a command line --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CLI11 splits the words; it throws, so this file is built with exceptions and
// lets none out.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/CommandLine.h"
#include "frontends/rnn/Diagnostics.h"
#include "runtime/Progress.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>

using namespace rnnc;
using namespace rnnc::driver;

std::optional<std::string> CommandLine::get(const std::string &name) const {
  auto it = values.find(name);
  if (it == values.end() || it->second.empty())
    return std::nullopt;
  return it->second.back();
}

std::vector<std::string> CommandLine::all(const std::string &name) const {
  auto it = values.find(name);
  return it == values.end() ? std::vector<std::string>() : it->second;
}

std::string driver::nearestName(std::string_view name,
                                const std::vector<std::string> &names) {
  return nearest(name, names);
}

std::optional<int64_t> driver::parseWhole(std::string_view text) {
  int64_t value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

std::optional<double> driver::parseReal(std::string_view text) {
  double value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// The words of "a|b|c".
static std::vector<std::string> choicesOf(const OptionInfo &option) {
  std::vector<std::string> words;
  std::stringstream in(option.choices);
  for (std::string word; std::getline(in, word, '|');)
    words.push_back(word);
  return words;
}

std::optional<std::string> driver::checkValue(const OptionInfo &option,
                                              const std::string &value) {
  auto expected = [&](const std::string &what) {
    return std::optional("--" + std::string(option.name) + " expects " + what +
                         ", found '" + value + "'");
  };
  switch (option.kind) {
  case ValueKind::Flag:
  case ValueKind::FlagText:
  case ValueKind::Text:
    return std::nullopt;
  case ValueKind::Count:
  case ValueKind::Whole: {
    int64_t least = option.kind == ValueKind::Count;
    auto number = parseWhole(value);
    if (!number || *number < least)
      return expected("a whole number of at least " + std::to_string(least));
    return std::nullopt;
  }
  case ValueKind::Real:
  case ValueKind::Positive:
  case ValueKind::Share: {
    auto number = parseReal(value);
    bool positive = option.kind != ValueKind::Real;
    if (!number || !std::isfinite(*number) || *number < 0 ||
        (positive && *number == 0) ||
        (option.kind == ValueKind::Share && *number > 1))
      return expected(option.kind == ValueKind::Share
                          ? "a number above 0 and at most 1"
                      : positive ? "a number above 0"
                                 : "a number of at least 0");
    return std::nullopt;
  }
  case ValueKind::Duration:
    if (auto seconds = rt::parseDuration(value); !seconds)
      return expected("a time such as 30s, 5m or 2h");
    return std::nullopt;
  case ValueKind::Bytes:
    if (auto bytes = rt::parseSize(value); !bytes)
      return expected("a size such as 64MiB");
    return std::nullopt;
  case ValueKind::Choice: {
    std::vector<std::string> words = choicesOf(option);
    if (std::find(words.begin(), words.end(), value) != words.end())
      return std::nullopt;
    std::string list;
    for (const std::string &word : words)
      list += (list.empty() ? "" : ", ") + word;
    std::string near = nearest(value, words);
    return expected("one of " + list).value() +
           (near.empty() ? "" : "; help: did you mean '" + near + "'?");
  }
  case ValueKind::Pair:
    if (size_t at = value.find('=');
        at == 0 || at == std::string::npos || at + 1 == value.size())
      return expected(option.value);
    return std::nullopt;
  }
  return std::nullopt;
}

std::optional<UsageError>
driver::parseCommandLine(const CommandInfo &command,
                         const std::vector<std::string> &words,
                         CommandLine &result) {
  result.command = &command;
  std::vector<OptionInfo> options = optionsOf(command);
  std::vector<std::string> names;
  for (const OptionInfo &option : options)
    names.push_back("--" + std::string(option.name));

  try {
    CLI::App app;
    app.set_help_flag();
    app.allow_extras();
    std::vector<std::pair<const OptionInfo *, CLI::Option *>> made;
    for (const OptionInfo &option : options) {
      std::string spelling = std::string("--") + option.name;
      if (*option.shortName)
        spelling += std::string(",-") + option.shortName;
      CLI::Option *handle;
      if (option.kind == ValueKind::Flag || option.kind == ValueKind::FlagText)
        handle = app.add_flag(spelling)->multi_option_policy(
            CLI::MultiOptionPolicy::TakeAll);
      else
        handle = app.add_option(spelling,
                                [](const CLI::results_t &) { return true; })
                     ->expected(1)
                     ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
                     ->allow_extra_args(false);
      made.emplace_back(&option, handle);
    }
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    // A lone "-" is an operand; CLI11 would take it for one as well.
    app.parse(reversed);

    for (auto [option, handle] : made) {
      if (handle->count() == 0)
        continue;
      std::vector<std::string> values = handle->results();
      for (std::string &value : values) {
        if (option->kind == ValueKind::Flag && value != "true" &&
            value != "false")
          return UsageError{"--" + std::string(option->name) +
                                " takes no value, found '" + value + "'",
                            ""};
        if (option->kind == ValueKind::FlagText && value == "true")
          value.clear();
        if (auto problem = checkValue(*option, value)) {
          size_t help = problem->find("; help: ");
          if (help != std::string::npos)
            return UsageError{problem->substr(0, help),
                              problem->substr(help + 8)};
          return UsageError{*problem, ""};
        }
      }
      if (!values.empty())
        result.values[option->name] = values;
    }
    for (const std::string &word : app.remaining()) {
      if (word == "--")
        continue;
      if (word.size() > 1 && word[0] == '-' &&
          std::find(words.begin(), std::find(words.begin(), words.end(), "--"),
                    word) != std::find(words.begin(), words.end(), "--")) {
        std::string name = word.substr(0, word.find('='));
        std::string near = nearest(name, names);
        return UsageError{
            "unknown option '" + name + "' for 'rnnc " + command.name + "'",
            near.empty() ? std::string("see rnnc help ") + command.name
                         : "did you mean '" + near + "'?"};
      }
      result.operands.push_back(word);
    }
  } catch (const CLI::Error &error) {
    std::string message = error.what();
    // "--lr: 1 required TEXT missing" and the like: say it our way.
    size_t colon = message.find(':');
    if (error.get_exit_code() ==
            static_cast<int>(CLI::ExitCodes::ArgumentMismatch) &&
        colon != std::string::npos && message.starts_with("-"))
      message = message.substr(0, colon) + " needs a value";
    else if (message.starts_with("-") == false && !message.empty())
      message[0] = static_cast<char>(std::tolower(message[0]));
    return UsageError{message, std::string("see rnnc help ") + command.name};
  } catch (const std::exception &error) {
    return UsageError{error.what(), ""};
  }

  if (result.has("help"))
    return std::nullopt;
  int count = static_cast<int>(result.operands.size());
  if (count < command.minOperands)
    return UsageError{std::string("'rnnc ") + command.name + "' needs " +
                          command.operands,
                      std::string("see rnnc help ") + command.name};
  if (count > command.maxOperands)
    return UsageError{"unexpected operand '" +
                          result.operands[command.maxOperands] + "'",
                      std::string("see rnnc help ") + command.name};
  return std::nullopt;
}
