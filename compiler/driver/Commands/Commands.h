//===- Commands.h - What each command does ----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function per command, one file each. They speak through the console and
// give the exit status.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_COMMANDS_COMMANDS_H
#define RNNC_COMPILER_DRIVER_COMMANDS_COMMANDS_H

#include "compiler/driver/Console.h"

namespace rnnc::driver {

int checkCommand(const CommandLine &line, Console &console);
int fmtCommand(const CommandLine &line, Console &console);
int compileCommand(const CommandLine &line, Console &console);
int trainCommand(const CommandLine &line, Console &console);
int evalCommand(const CommandLine &line, Console &console);
int sampleCommand(const CommandLine &line, Console &console);
int predictCommand(const CommandLine &line, Console &console);
int runCommand(const CommandLine &line, Console &console);
int inspectCommand(const CommandLine &line, Console &console);
int drawCommand(const CommandLine &line, Console &console);
int benchCommand(const CommandLine &line, Console &console);
int baselineCommand(const CommandLine &line, Console &console);
int reportCommand(const CommandLine &line, Console &console);
int sweepCommand(const CommandLine &line, Console &console);
int gradcheckCommand(const CommandLine &line, Console &console);

} // namespace rnnc::driver

#endif
