//===- Host.h - The machine and the version ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_HOST_H
#define RNNC_COMPILER_DRIVER_HOST_H

#include <cstdint>
#include <string>

namespace rnnc::driver {

/// The two lines of --version.
std::string versionText();
/// LLVM's name of this CPU.
std::string cpuName();
/// The greatest resident memory of this process so far, in bytes.
int64_t peakMemory();
/// The folder of saved code: RNNC_CACHE_DIR, else in the user's cache folder;
/// empty if there is none.
std::string cacheFolder();
/// Seconds of a steady clock.
double steadySeconds();

} // namespace rnnc::driver

#endif
