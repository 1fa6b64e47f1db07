//===- Driver.cpp - The program rnnc --------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the command, parses its words, calls it.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Driver.h"
#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Host.h"

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <unistd.h>

using namespace rnnc;
using namespace rnnc::driver;

static int wrongUsage(const std::string &message, const std::string &help) {
  std::fprintf(stderr, "rnnc: error: %s%s%s\n", message.c_str(),
               help.empty() ? "" : "; help: ", help.c_str());
  return StatusUsage;
}

static int unknownCommand(const std::string &name) {
  std::vector<std::string> names;
  for (const CommandInfo &command : commands())
    names.push_back(command.name);
  std::string near = nearestName(name, names);
  return wrongUsage("unknown command '" + name + "'",
                    near.empty() ? "see rnnc --help"
                                 : "did you mean '" + near + "'?");
}

/// Prints a text that is the whole result.
static int printText(const std::string &text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
      std::fflush(stdout) == 0)
    return StatusDone;
  std::fprintf(stderr, "rnnc: error: cannot write to <stdout>\n");
  return StatusInput;
}

static int dispatch(const CommandLine &line, Console &console) {
  std::string name = line.command->name;
  if (name == "check")
    return checkCommand(line, console);
  if (name == "fmt")
    return fmtCommand(line, console);
  if (name == "compile")
    return compileCommand(line, console);
  if (name == "train")
    return trainCommand(line, console);
  if (name == "eval")
    return evalCommand(line, console);
  if (name == "sample")
    return sampleCommand(line, console);
  if (name == "predict")
    return predictCommand(line, console);
  if (name == "run")
    return runCommand(line, console);
  if (name == "inspect")
    return inspectCommand(line, console);
  if (name == "draw")
    return drawCommand(line, console);
  if (name == "bench")
    return benchCommand(line, console);
  if (name == "baseline")
    return baselineCommand(line, console);
  if (name == "report")
    return reportCommand(line, console);
  if (name == "sweep")
    return sweepCommand(line, console);
  return gradcheckCommand(line, console);
}

/// The objects of a command that a bug, or want of memory, ended, made
/// beforehand; empty without --json.
static std::string bugObject, memoryObject;

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

/// Ends with a message and an object, by nothing that could fail again.
[[noreturn]] static void endWith(std::string_view text,
                                 const std::string &object, int status) {
  [[maybe_unused]] ssize_t ignored = write(2, text.data(), text.size());
  ignored = write(1, object.data(), object.size());
  _exit(status);
}

static void endOnBug(int) {
  endWith("rnnc: error: internal failure; help: this is a bug of rnnc; please "
          "report it\n",
          bugObject, StatusBug);
}

/// What was asked for is too large.
static void endOnMemory() {
  endWith("rnnc: error: out of memory; help: a smaller --batch, --length or "
          "--window takes less, --memory-budget says how much training may "
          "take\n",
          memoryObject, StatusInput);
}

/// Where nobody catches what was thrown.
static void endOnException() {
  try {
    if (std::exception_ptr thrown = std::current_exception())
      std::rethrow_exception(thrown);
  } catch (const std::bad_alloc &) {
    endOnMemory();
  } catch (...) {
  }
  endOnBug(SIGABRT);
}

static void prepareForBugs(const CommandLine &line) {
  std::set_terminate(endOnException);
#if !__has_feature(address_sanitizer) // it has its own report
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    std::signal(signal, endOnBug);
#endif
  if (!line.has("json"))
    return;
  Console console(line);
  Json object = console.complete(StatusBug);
  object["diagnostics"].push_back(
      toJson(internalError("internal failure").diagnostics.front()));
  bugObject = object.dump(2) + "\n";
  object = console.complete(StatusInput);
  object["diagnostics"].push_back(
      toJson(makeError("memory", "out of memory").diagnostics.front()));
  memoryObject = object.dump(2) + "\n";
}

int rnnc::runDriver(int argc, char **argv) {
  // A reader that goes away, a full disk are failed writes, with a message and
  // a status.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) {
    std::fputs(mainHelp().c_str(), stderr);
    return StatusUsage;
  }
  std::string name = words.front();
  words.erase(words.begin());
  if (name == "--help" || name == "-h")
    return printText(mainHelp());
  if (name == "--version")
    return printText(versionText());
  if (name.starts_with("-")) {
    std::string near = nearestName(name, {"--help", "--version"});
    return wrongUsage("unknown option '" + name + "'",
                      near.empty() ? "a command comes first; see rnnc --help"
                                   : "did you mean '" + near + "'?");
  }
  const CommandInfo *command = findCommand(name);
  if (!command)
    return unknownCommand(name);

  CommandLine line;
  if (auto error = parseCommandLine(*command, words, line))
    return wrongUsage(error->message, error->help);
  if (line.has("help"))
    return printText(commandHelp(*command));
  if (name == "man")
    return printText(manualPage());
  if (name == "help") {
    if (line.operands.empty())
      return printText(mainHelp());
    const CommandInfo *about = findCommand(line.operands.front());
    return about ? printText(commandHelp(*about))
                 : unknownCommand(line.operands.front());
  }
  if (name == "completion") {
    const std::string &shell = line.operands.front();
    if (shell != "bash" && shell != "zsh" && shell != "fish")
      return wrongUsage(
          "unknown shell '" + shell + "'; expected bash, zsh or fish", "");
    return printText(completionScript(shell));
  }
  prepareForBugs(line);
  Console console(line);
  return console.finish(dispatch(line, console));
}
