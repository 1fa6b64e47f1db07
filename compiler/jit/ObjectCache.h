//===- ObjectCache.h - Saved object code ------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A folder of object files, found by everything that went into them.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_JIT_OBJECTCACHE_H
#define RNNC_COMPILER_JIT_OBJECTCACHE_H

#include "compiler/target/Machine.h"
#include "mlir/IR/BuiltinOps.h"
#include <optional>
#include <string>

namespace rnnc {

/// A folder of saved objects. Several processes may use it at once: files are
/// replaced whole, and each carries a checksum. Without a folder it is empty
/// and keeps nothing.
class ObjectCache {
public:
  explicit ObjectCache(llvm::StringRef folder) : folder(folder) {}

  /// The name under which an object of this module is saved: a hash of the
  /// module's text, the compiler, the CPU and the prefix of its symbols.
  /// Locations do not count. Empty where there is no folder.
  std::string key(mlir::ModuleOp module, const Machine &machine,
                  llvm::StringRef prefix) const;
  /// The saved object, or nothing if there is none or it is damaged.
  std::optional<std::string> find(llvm::StringRef key) const;
  /// Saves an object. A folder that cannot be written to is no error: the
  /// object is only not found the next time.
  void save(llvm::StringRef key, llvm::StringRef object) const;

private:
  std::string path(llvm::StringRef key) const;
  std::string folder;
};

} // namespace rnnc

#endif
