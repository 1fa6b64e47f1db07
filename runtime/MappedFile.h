//===- MappedFile.h - files read in place -----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Data larger than memory: a file is mapped, so the system keeps the pages that
// are in use and drops the others; tokens made from it can lie on disk too.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_MAPPEDFILE_H
#define RNNC_RUNTIME_MAPPEDFILE_H

#include "runtime/Result.h"

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace rnnc::rt {

/// The bytes of a file: a regular file is mapped, anything else ("-" too) is
/// read to its end. The file must not shrink while this lives.
class MappedFile {
public:
  static Result<std::shared_ptr<const MappedFile>>
  open(const std::filesystem::path &path);
  /// Bytes that come from elsewhere.
  static std::shared_ptr<const MappedFile> of(std::string bytes);
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  ~MappedFile();

  std::string_view bytes() const {
    return mapped ? std::string_view(static_cast<const char *>(mapped), length)
                  : std::string_view(owned);
  }

private:
  MappedFile() = default;
  std::string owned;
  void *mapped = nullptr;
  size_t length = 0;
};

/// Tokens that are written one after the other, then read in any order. Few are
/// kept in memory; many go to a file without a name in TMPDIR (else /var/tmp),
/// which is gone when the last user is.
class TokenStore {
public:
  /// From this many bytes on tokens go to disk.
  static constexpr int64_t inMemory = int64_t(256) << 20;

  /// `expected`: an upper bound of the tokens to come.
  static Result<std::unique_ptr<TokenStore>>
  create(int64_t expected, int64_t limit = inMemory);
  TokenStore(const TokenStore &) = delete;
  TokenStore &operator=(const TokenStore &) = delete;
  ~TokenStore();

  /// Before `finish`.
  Result<void> append(std::span<const int32_t> tokens);
  Result<void> finish();
  /// After `finish`.
  std::span<const int32_t> tokens() const;

private:
  TokenStore() = default;
  struct Memory;
  std::unique_ptr<Memory> memory;
  int fd = -1;
  void *mapped = nullptr;
  size_t count = 0;
};

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_MAPPEDFILE_H
