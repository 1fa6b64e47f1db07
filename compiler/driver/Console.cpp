//===- Console.cpp - What a command says ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Console.h"
#include "runtime/AtomicFile.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <unistd.h>

using namespace rnnc;
using namespace rnnc::driver;

Error driver::makeError(std::string id, std::string message, std::string help) {
  Message diagnostic;
  diagnostic.id = std::move(id);
  diagnostic.message = message;
  diagnostic.help = std::move(help);
  return {std::move(message), {std::move(diagnostic)}};
}

Error driver::usageError(std::string message, std::string help) {
  return makeError("usage", std::move(message), std::move(help));
}

Error driver::internalError(std::string message) {
  return makeError("internal", std::move(message),
                   "this is a bug of rnnc; please report it");
}

Error driver::fromRuntime(const rt::Error &error) {
  Error result = makeError(error.id, error.message, error.help);
  Message &diagnostic = result.diagnostics.front();
  diagnostic.file = error.file;
  diagnostic.line = error.line;
  diagnostic.column = error.column;
  result.message = error.text();
  return result;
}

Json driver::number(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value > 0 ? "inf" : "-inf";
  return value;
}

Json driver::toJson(const Message &diagnostic) {
  Json notes = Json::array();
  for (const Message::Note &note : diagnostic.notes)
    notes.push_back({{"file", note.file},
                     {"line", note.line},
                     {"column", note.column},
                     {"message", note.message}});
  return {{"file", diagnostic.file},     {"line", diagnostic.line},
          {"column", diagnostic.column}, {"severity", diagnostic.severity},
          {"id", diagnostic.id},         {"message", diagnostic.message},
          {"help", diagnostic.help},     {"notes", notes}};
}

Console::Console(const CommandLine &line) {
  command = line.command ? line.command->name : "";
  json = line.has("json");
  quiet = line.has("quiet");
  verbose = line.has("verbose");
  denyWarnings = line.has("deny-warnings");
  allowed = line.all("allow");
  if (auto count = line.get("max-errors"))
    maxErrors = static_cast<unsigned>(*parseWhole(*count));
  progress = line.get("progress").value_or("auto");
  diagnosticsAsJson = line.get("diagnostics") == "json";
  std::string when = line.get("color").value_or("auto");
  const char *term = std::getenv("TERM");
  const char *noColor = std::getenv("NO_COLOR");
  color = when == "always" ||
          (when == "auto" && isatty(2) && term && std::strcmp(term, "dumb") &&
           (!noColor || !*noColor));
}

void Console::say(const Message &diagnostic) {
  said.push_back(diagnostic);
  bool error = diagnostic.severity == "error";
  if (quiet && !error)
    return;
  if (diagnosticsAsJson) {
    std::string text =
        toJson(diagnostic).dump(-1, ' ', false, Json::error_handler_t::replace);
    std::fprintf(stderr, "%s\n", text.c_str());
    return;
  }
  if (!diagnostic.text.empty()) {
    std::fputs(diagnostic.text.c_str(), stderr);
    return;
  }
  auto placeOf = [](const auto &said) {
    if (said.file.empty())
      return std::string("rnnc");
    std::string place = said.file;
    if (said.line > 0)
      place += ":" + std::to_string(said.line);
    if (said.line > 0 && said.column > 0)
      place += ":" + std::to_string(said.column);
    return place;
  };
  const std::string place = placeOf(diagnostic);
  const char *bold = color ? "\033[1m" : "";
  const char *hue = !color ? "" : error ? "\033[1;31m" : "\033[1;35m";
  const char *end = color ? "\033[0m" : "";
  std::fprintf(
      stderr, "%s%s:%s %s%s:%s %s%s%s\n", bold, place.c_str(), end, hue,
      diagnostic.severity.c_str(), end, diagnostic.message.c_str(),
      diagnostic.help.empty() ? "" : "; help: ", diagnostic.help.c_str());
  for (const Message::Note &note : diagnostic.notes)
    std::fprintf(stderr, "%s%s:%s note: %s\n", bold, placeOf(note).c_str(),
                 end, note.message.c_str());
}

int Console::fail(const Error &error) {
  int status = StatusInput;
  if (error.diagnostics.empty())
    say(makeError("error", error.message).diagnostics.front());
  for (const Message &diagnostic : error.diagnostics) {
    say(diagnostic);
    if (diagnostic.id == "usage")
      status = StatusUsage;
    if (diagnostic.id == "internal")
      status = StatusBug;
  }
  return status;
}

void Console::talk(const std::string &line) const {
  if (!quiet)
    std::fprintf(stderr, "%s\n", line.c_str());
}

void Console::detail(const std::string &line) const {
  if (verbose && !quiet)
    std::fprintf(stderr, "%s\n", line.c_str());
}

bool Console::print(std::string_view text) {
  if (json)
    return true;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
      std::fflush(stdout) == 0)
    return true;
  fail(makeError("bad-file",
                 "cannot write to <stdout>: " + rt::systemMessage(errno)));
  return false;
}

Json Console::complete(int status) const {
  Json all = {{"schema", 1},
              {"command", command},
              {"ok", status == StatusDone},
              {"version", std::string(api::version())}};
  Json list = Json::array();
  for (const Message &diagnostic : said)
    list.push_back(toJson(diagnostic));
  all["diagnostics"] = list;
  for (const auto &[key, value] : object.items())
    all[key] = value;
  return all;
}

int Console::finish(int status) {
  if (json && status != StatusUsage) {
    std::string text =
        complete(status).dump(2, ' ', false, Json::error_handler_t::replace);
    text += '\n';
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() ||
        std::fflush(stdout) != 0) {
      std::fprintf(stderr, "rnnc: error: cannot write to <stdout>: %s\n",
                   rt::systemMessage(errno).c_str());
      return StatusInput;
    }
  }
  return status;
}
