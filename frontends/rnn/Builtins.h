//===- Builtins.h - The names of the built-in operations --------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_BUILTINS_H
#define RNNC_FRONTENDS_RNN_BUILTINS_H

#include <string>
#include <vector>

namespace rnnc {

/// What can be called without a definition: every operation, loss, draw and
/// initial value that the front end knows. The reference lists them all.
const std::vector<std::string> &builtinOperations();

} // namespace rnnc

#endif // RNNC_FRONTENDS_RNN_BUILTINS_H
