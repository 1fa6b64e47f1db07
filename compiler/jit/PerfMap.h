//===- PerfMap.h - Names of generated functions for perf ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_JIT_PERFMAP_H
#define RNNC_COMPILER_JIT_PERFMAP_H

#include "llvm/ExecutionEngine/Orc/LLJIT.h"

namespace rnnc {
/// If the environment has RNNC_PERF_MAP=DIR, notes address, size and name of
/// every function that `jit` loads in DIR/perf-PID.map, which `perf report`
/// reads from /tmp. A file that cannot be written is left out.
void notePerfMap(llvm::orc::LLJIT &jit);
} // namespace rnnc

#endif
