//===- GradCheck.h - Gradients against finite differences -------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a function and its derivative in the interpreter, in f64.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_TESTS_GRAD_GRADCHECK_H
#define RNNC_TESTS_GRAD_GRADCHECK_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rnnc::test {

/// How the arguments of a function are filled.
struct Inputs {
  uint64_t seed = 1;
  /// Extents by axis name.
  std::map<std::string, int64_t> extents = {{"B", 3}, {"T", 4}, {"S", 2}};
  /// Range of real arguments.
  double low = -1, high = 1;
  /// Smallest number of steps of a row.
  int64_t shortest = 1;
  /// Real arguments by name that no gradient is checked for.
  std::vector<std::string> fixed;
};

/// Checks the gradient of result 0 of `@f` in `text` with respect to every real
/// argument against central differences, after differentiation alone and after
/// the passes that move, sink and plan. Integer tensors hold ids below 3; those
/// of kind lengths hold lengths. Gives the worst difference relative to the
/// largest entry, or a message.
std::string checkGradients(llvm::StringRef text, const Inputs &inputs);

} // namespace rnnc::test

#endif
