//===- ObjectCache.h - Saved object code ------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A folder of object files, found by everything that went into them.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_JIT_OBJECTCACHE_H
#define RNNC_COMPILER_JIT_OBJECTCACHE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>
#include <vector>

namespace rnnc {

/// A folder of saved objects. Several processes may use it at once: files are
/// replaced whole, and each carries a checksum. Without a folder it is empty
/// and keeps nothing.
class ObjectCache {
public:
  explicit ObjectCache(llvm::StringRef folder) : folder(folder) {}

  /// The name under which objects made of this bitcode are saved: a hash of it
  /// and the compiler. The CPU and the symbols stand in the bitcode. Empty
  /// where there is no folder.
  std::string key(llvm::StringRef bitcode) const;
  /// The saved parts of an object, or nothing if there is none or it is
  /// damaged.
  std::optional<std::vector<std::string>> find(llvm::StringRef key) const;
  /// Saves an object in parts. A folder that cannot be written to is no error:
  /// the object is only not found the next time.
  void save(llvm::StringRef key, llvm::ArrayRef<std::string> parts) const;

private:
  std::string path(llvm::StringRef key) const;
  std::string folder;
};

} // namespace rnnc

#endif
