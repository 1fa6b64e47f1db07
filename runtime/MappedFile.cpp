//===- MappedFile.cpp - files read in place -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mmap of input files and of token stores.
//
//===----------------------------------------------------------------------===//
#include "runtime/MappedFile.h"

#include "runtime/AtomicFile.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace rnnc::rt {

Result<std::shared_ptr<const MappedFile>>
MappedFile::open(const std::filesystem::path &path) {
  auto file = std::shared_ptr<MappedFile>(new MappedFile());
  struct stat info;
  if (path != "-" && ::stat(path.c_str(), &info) == 0 &&
      S_ISREG(info.st_mode) && info.st_size > 0) {
    int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && ::fstat(fd, &info) == 0 && info.st_size > 0) {
      void *memory = ::mmap(nullptr, static_cast<size_t>(info.st_size),
                            PROT_READ, MAP_PRIVATE, fd, 0);
      if (memory != MAP_FAILED) {
        file->mapped = memory;
        file->length = static_cast<size_t>(info.st_size);
      }
    }
    if (fd >= 0)
      ::close(fd);
    if (file->mapped)
      return std::shared_ptr<const MappedFile>(std::move(file));
  }
  // Pipes, empty files, what cannot be mapped, and all errors.
  Result<std::string> bytes = readFile(path);
  if (!bytes)
    return bytes.error();
  file->owned = std::move(*bytes);
  return std::shared_ptr<const MappedFile>(std::move(file));
}

std::shared_ptr<const MappedFile> MappedFile::of(std::string bytes) {
  auto file = std::shared_ptr<MappedFile>(new MappedFile());
  file->owned = std::move(bytes);
  return file;
}

MappedFile::~MappedFile() {
  if (mapped)
    ::munmap(mapped, length);
}

struct TokenStore::Memory {
  std::vector<int32_t> tokens;
};

Result<std::unique_ptr<TokenStore>> TokenStore::create(int64_t expected,
                                                       int64_t limit) {
  auto store = std::unique_ptr<TokenStore>(new TokenStore());
  if (expected <= limit / static_cast<int64_t>(sizeof(int32_t))) {
    store->memory = std::make_unique<Memory>();
    store->memory->tokens.reserve(static_cast<size_t>(expected));
    return store;
  }
  const char *given = std::getenv("TMPDIR");
  // Not /tmp, which often is memory.
  const std::string folder = given && *given ? given : "/var/tmp";
  std::string name = folder + "/rnnc-tokens-XXXXXX";
  store->fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (store->fd < 0)
    return makeFileError("cannot-write", folder,
                         "cannot keep tokens here: " + systemMessage(errno));
  ::unlink(name.c_str());
  return store;
}

TokenStore::~TokenStore() {
  if (mapped)
    ::munmap(mapped, count * sizeof(int32_t));
  if (fd >= 0)
    ::close(fd);
}

Result<void> TokenStore::append(std::span<const int32_t> tokens) {
  count += tokens.size();
  if (memory) {
    memory->tokens.insert(memory->tokens.end(), tokens.begin(), tokens.end());
    return {};
  }
  const char *at = reinterpret_cast<const char *>(tokens.data());
  for (size_t left = tokens.size_bytes(); left > 0;) {
    ssize_t done = ::write(fd, at, left);
    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0)
      return makeError("cannot-write",
                       "cannot keep tokens on disk: " + systemMessage(errno),
                       "set TMPDIR to a folder with room");
    at += done;
    left -= static_cast<size_t>(done);
  }
  return {};
}

Result<void> TokenStore::finish() {
  if (memory || count == 0)
    return {};
  void *at = ::mmap(nullptr, count * sizeof(int32_t), PROT_READ, MAP_PRIVATE,
                    fd, 0);
  if (at == MAP_FAILED)
    return makeError("cannot-read",
                     "cannot map tokens: " + systemMessage(errno));
  mapped = at;
  return {};
}

std::span<const int32_t> TokenStore::tokens() const {
  if (memory)
    return memory->tokens;
  return {static_cast<const int32_t *>(mapped), mapped ? count : 0};
}

} // namespace rnnc::rt
