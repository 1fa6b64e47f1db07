//===- BenchLists.h - Options of bench that are lists -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_COMMANDS_BENCHLISTS_H
#define RNNC_COMPILER_DRIVER_COMMANDS_BENCHLISTS_H

#include "compiler/driver/Commands/BenchRow.h"

namespace rnnc::driver {

/// The words of a list with commas between; an error of usage if one is not
/// among `choices`, or none is there.
Result<std::vector<std::string>>
wordList(const std::string &option, const std::string &text,
         const std::vector<std::string> &choices);

/// The whole numbers of a list, at least 1 each.
Result<std::vector<int64_t>> wholeList(const std::string &option,
                                       const std::string &text);

/// Every combination of --mode, --precision, --threads, --batch and --length,
/// in this order; 0 stands for a length that no one gave.
Result<std::vector<BenchWay>> waysOf(const CommandLine &line);

} // namespace rnnc::driver

#endif
