//===- BenchPeak.h - What this machine can do at most -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_COMMANDS_BENCHPEAK_H
#define RNNC_COMPILER_DRIVER_COMMANDS_BENCHPEAK_H

#include <cstdint>
#include <string>
#include <vector>

namespace rnnc::driver {

/// The most multiply-adds, times 2, that so many threads did per nanosecond:
/// independent chains in registers of the host's widest vectors, best of many
/// short runs. Precision is f32, f64 or bf16. Measured once per process; about
/// 0.2 s. 0 if the threads cannot be started.
double peakGflops(int64_t threads, const std::string &precision);

/// The features of the host that decide it, as --version names them.
std::vector<std::string> hostFeatures();

} // namespace rnnc::driver

#endif
