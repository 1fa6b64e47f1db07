//===- LinkedKernels.h - Kernels in the program itself ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of f32 matrices are the same in all models. rnnc-kernels compiles
// them while the compiler is built, so code that runs in this process need not
// compile them again.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_JIT_LINKEDKERNELS_H
#define RNNC_COMPILER_JIT_LINKEDKERNELS_H

#include <cstdint>
#include <span>

namespace rnnc {

/// A kernel of this program.
struct LinkedKernel {
  /// The name that compiled modules declare.
  const char *name;
  void (*address)();
};

/// Kernels for one kind of CPU; all have the same names.
struct LinkedKernels {
  /// The least CPU that runs them, by LLVM's name, and its vectors.
  const char *cpu;
  int64_t vectorBits;
  std::span<const LinkedKernel> kernels;
};

/// All there are; none on other architectures than x86-64.
std::span<const LinkedKernels> linkedKernels();
/// Another text for kernels with other code.
const char *linkedKernelsHash();

} // namespace rnnc

#endif
