//===- Driver.h - The program rnnc ------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_DRIVER_H
#define RNNC_COMPILER_DRIVER_DRIVER_H

namespace rnnc {

/// Runs a command line; gives the exit status.
int runDriver(int argc, char **argv);

} // namespace rnnc

#endif
