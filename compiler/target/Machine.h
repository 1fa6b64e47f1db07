//===- Machine.h - The CPU that code is made for ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the name of a CPU to LLVM's description of it.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_TARGET_MACHINE_H
#define RNNC_COMPILER_TARGET_MACHINE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>
#include <string>

namespace rnnc {

/// A CPU with everything that may change the code made for it.
struct Machine {
  /// LLVM's name of the CPU; never "native".
  std::string cpu;
  /// Its features as LLVM writes them: "+avx2,-avx512f,...".
  std::string features;
  /// 512, 256 or 128: the widest vector registers worth using.
  int64_t vectorBits = 128;
  /// Whether it multiplies vectors of pairs of bf16 numbers of that width.
  bool hasPairs = false;
  /// False where this process could not run the code.
  bool runsHere = true;
  /// Makes position-independent code for it. Owned.
  std::unique_ptr<llvm::TargetMachine> target;

  /// Finds the CPU by name; "native" is the one this process runs on. Fails on
  /// a name that LLVM does not know or that has no 64-bit mode.
  static llvm::Expected<Machine> find(llvm::StringRef cpu);
  /// Another target machine for the same CPU: one must not be used by two
  /// threads at once.
  std::unique_ptr<llvm::TargetMachine> another() const;
};

} // namespace rnnc

#endif
