//===- BenchSuite.h - rnnc bench --suite ------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_COMMANDS_BENCHSUITE_H
#define RNNC_COMPILER_DRIVER_COMMANDS_BENCHSUITE_H

#include "compiler/driver/Console.h"

namespace rnnc::driver {

/// Runs the rows of the suite that were asked for, with rivals beside them.
Result<int> benchSuite(const CommandLine &line, Console &console);

} // namespace rnnc::driver

#endif
