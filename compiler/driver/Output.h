//===- Output.h - Results to files and standard output ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_OUTPUT_H
#define RNNC_COMPILER_DRIVER_OUTPUT_H

#include "compiler/driver/Compile.h"

namespace rnnc::driver {

/// Writes a file whole or not at all; "-" is standard output.
Result<void> writeOutput(const std::string &path, std::string_view text,
                         Console &console);

/// What a call takes for these extents, in bytes.
struct Memory {
  /// `state` counts both places of a state: the one read, the one written.
  int64_t parameters = 0, optimizer = 0, state = 0, arena = 0;
  /// Of the arena, what the forward pass keeps for the reverse pass; unknown
  /// if negative.
  int64_t saved = -1;
  /// Work done again to save memory, in parts of the work of a step.
  double extraWork = 0;
  /// How a step is made: pieces of so many steps, and whether values are
  /// computed again that a step without a budget keeps.
  int64_t pieces = 1, pieceSteps = 0;
  bool recomputes = false;
  int64_t peak() const { return parameters + optimizer + state + arena; }
};

/// The memory of an entry; axes that `extents` does not name have `length`.
Memory memoryOf(const Code &code, const std::string &entry,
                const std::map<std::string, int64_t> &extents, int64_t length);
/// The object `memory` of JSON, with what was measured if something ran.
Json memoryJson(const Memory &memory, std::optional<int64_t> measured);

/// A C header for the entries of object code.
std::string objectHeader(const Code &code, const std::string &prefix);

} // namespace rnnc::driver

#endif
