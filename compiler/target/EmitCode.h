//===- EmitCode.h - From the LLVM dialect to code ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Translates a module after stage `llvm` to LLVM IR and lets LLVM write it as
// text, assembly or object code.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_TARGET_EMITCODE_H
#define RNNC_COMPILER_TARGET_EMITCODE_H

#include "compiler/target/Machine.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"
#include <functional>
#include <optional>
#include <vector>

namespace rnnc {

/// What is written.
enum class CodeFormat { LLVM, Assembly, Object };

/// Writes the module for the machine. A public function `f` becomes the symbol
/// PREFIX_f, other functions stay local. The module is not changed. Fails with
/// the diagnostics where the module is not in the LLVM dialect.
llvm::Expected<std::string> emitCode(mlir::ModuleOp module,
                                     const Machine &machine,
                                     llvm::StringRef prefix, CodeFormat format);

/// A module as LLVM bitcode for a machine, not optimised yet, and what is in it.
/// Locations are left out: equal programs give equal bytes.
struct Bitcode {
  struct Function {
    std::string name;
    size_t instructions = 0;
    /// Private and large: models share it.
    bool isKernel = false;
  };
  std::string bytes;
  /// Those with a body.
  std::vector<Function> functions;
  /// It has variables that are written to, which must not be there twice.
  bool isWhole = false;
};

llvm::Expected<Bitcode> emitBitcode(mlir::ModuleOp module,
                                    const Machine &machine,
                                    llvm::StringRef prefix);

/// Where objects of kernels are kept. A kernel's bitcode holds that function
/// alone, so models that multiply matrices share it. Called by several threads.
struct KeptKernels {
  std::function<std::optional<std::string>(llvm::StringRef bitcode)> find;
  std::function<void(llvm::StringRef bitcode, llvm::StringRef object)> save;
};

/// Makes objects of what emitBitcode wrote, on so many threads, that are to be
/// linked together. Each large private function is one of its own, from `kept`
/// where it is there. The code of a function is the same in however many
/// objects. The caller's thread is one of them.
llvm::Expected<std::vector<std::string>>
emitObjects(const Bitcode &bitcode, const Machine &machine, unsigned threads,
            const KeptKernels &kept);

} // namespace rnnc

#endif
