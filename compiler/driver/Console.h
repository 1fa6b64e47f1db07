//===- Console.h - What a command says --------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Standard output has the result, standard error the talk. Commands say
// everything through one Console, which also makes the JSON object and the
// exit status.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_CONSOLE_H
#define RNNC_COMPILER_DRIVER_CONSOLE_H

#include "compiler/driver/CommandLine.h"
#include "compiler/driver/include/rnnc/rnnc.h"
#include "runtime/Result.h"

#include <nlohmann/json.hpp>

namespace rnnc::driver {

using Json = nlohmann::ordered_json;
using Message = api::Diagnostic;
using api::Error;
using api::Result;

/// Exit statuses.
enum Status {
  StatusDone = 0,
  StatusInput = 1,
  StatusUsage = 2,
  StatusBug = 3,
  StatusInterrupt = 130,
  StatusTerminate = 143
};

/// An error with one message and no place.
Error makeError(std::string id, std::string message, std::string help = {});
/// An error of wrong usage: exit status 2.
Error usageError(std::string message, std::string help = {});
/// Our own fault: exit status 3.
Error internalError(std::string message);
/// The runtime's error as ours.
Error fromRuntime(const rt::Error &error);

/// A JSON number; strings where it is not finite.
Json number(double value);

/// How a command speaks. Use from one thread.
class Console {
public:
  /// Reads the general options of a command line.
  explicit Console(const CommandLine &line);

  bool json = false, quiet = false, verbose = false, color = false;
  bool denyWarnings = false;
  unsigned maxErrors = 20;
  std::vector<std::string> allowed;
  /// "auto", "bar", "plain" or "none".
  std::string progress = "auto";
  /// Fields of the JSON object, besides those of every command.
  Json object = Json::object();

  /// Shows a message on standard error and keeps it for the object.
  void say(const Message &diagnostic);
  /// Shows what an error consists of; gives its exit status.
  int fail(const Error &error);
  /// Shows a line of talk, unless quiet.
  void talk(const std::string &line) const;
  /// Shows stages and times if asked for.
  void detail(const std::string &line) const;
  /// Writes text to standard output, unless JSON was asked for. False, and the
  /// message said, if that fails.
  bool print(std::string_view text);
  /// Ends the command: writes the object if asked for, gives the status.
  int finish(int status);
  /// The complete object for a status.
  Json complete(int status) const;

private:
  std::string command;
  bool diagnosticsAsJson = false;
  std::vector<Message> said;
};

/// The 7 fields of a message as JSON.
Json toJson(const Message &diagnostic);

} // namespace rnnc::driver

#endif
