//===- AtomicFile.h - files written whole or not at all ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every file rnnc writes goes through here: written beside, synced, renamed.
// Also the plain reading of whole files.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_ATOMICFILE_H
#define RNNC_RUNTIME_ATOMICFILE_H

#include "runtime/Result.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace rnnc::rt {

/// A file being written. Until `commit` nothing is seen under its name; without
/// `commit` the destructor removes what was written. A target that exists and
/// is no regular file (a pipe, /dev/null) is written directly.
class AtomicFile {
public:
  /// Opens `.NAME.PID-N.rnnc-part` beside `path`. The directory must exist.
  static Result<AtomicFile> create(const std::filesystem::path &path);
  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&) = delete;
  ~AtomicFile();

  /// Appends bytes.
  Result<void> write(std::string_view bytes);
  Result<void> write(const void *bytes, size_t count) {
    return write(std::string_view(static_cast<const char *>(bytes), count));
  }

  /// Syncs, renames over the target, syncs the directory. Nothing may be
  /// written afterwards.
  Result<void> commit();

private:
  AtomicFile(std::filesystem::path target, std::filesystem::path part, int fd);
  Result<void> fail(const char *what, int code) const;

  std::filesystem::path target, part;
  int fd;
};

/// Writes a whole file, or leaves what was there as it was.
Result<void> writeFile(const std::filesystem::path &path,
                       std::string_view bytes);

/// Reads a whole file; "-" is standard input (named `<stdin>` in errors). A
/// directory or a file above `limit` bytes is an error.
Result<std::string> readFile(const std::filesystem::path &path,
                             uint64_t limit = uint64_t(1) << 40);

/// Appends to a file, which is made if it does not exist. For logs: a single
/// write, no sync.
Result<void> appendFile(const std::filesystem::path &path,
                        std::string_view bytes);

/// Removes what interrupted writers left in a directory (`*.rnnc-part`).
void removeHalfWritten(const std::filesystem::path &directory);

/// The text of an errno value in our words: "no such file or directory",
/// "permission denied", "no space left on device", ...
std::string systemMessage(int code);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_ATOMICFILE_H
