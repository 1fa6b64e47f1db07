//===- CompiledModel.h - Calls compiled entries with arrays ------*- C++
//-*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_TESTS_SUPPORT_COMPILEDMODEL_H
#define RNNC_TESTS_SUPPORT_COMPILEDMODEL_H

#include "compiler/jit/Executable.h"
#include "tests/support/TestModel.h"

namespace rnnc::test {

/// The machine code of a test model.
class CompiledModel {
public:
  /// Compiles every entry but init.
  static llvm::Expected<std::unique_ptr<CompiledModel>>
  create(TestModel &model);

  /// Calls an entry with `threads` threads; arguments and results by kind and
  /// name. Results and scratch memory hold NaN before the call.
  llvm::Expected<Bindings> run(const std::string &name,
                               const Bindings &bindings, int64_t threads = 1);

private:
  std::unique_ptr<Executable> executable;
  std::vector<EntryInfo> entries;
};

} // namespace rnnc::test

#endif
