//===- AtomicFile.cpp - files written whole or not at all -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writing beside, syncing and renaming, with POSIX calls.
//
//===----------------------------------------------------------------------===//
#include "runtime/AtomicFile.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rnnc::rt {

namespace fs = std::filesystem;

static constexpr std::string_view partSuffix = ".rnnc-part";

std::string systemMessage(int code) {
  std::string text = std::strerror(code);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z' && text.size() > 1 &&
      text[1] >= 'a' && text[1] <= 'z')
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

/// Writes all bytes; 0 or the error code.
static int writeAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0) {
      if (errno == EINTR)
        continue;
      return errno;
    }
    bytes.remove_prefix(static_cast<size_t>(done));
  }
  return 0;
}

/// Syncs a directory so that a rename in it survives a crash; file systems that
/// cannot do that are left alone.
static int syncDirectory(const fs::path &directory) {
  int fd = ::open(directory.empty() ? "." : directory.c_str(),
                  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return 0;
  int code = ::fsync(fd) == 0 || errno == EINVAL || errno == EROFS ? 0 : errno;
  ::close(fd);
  return code;
}

AtomicFile::AtomicFile(fs::path target, fs::path part, int fd)
    : target(std::move(target)), part(std::move(part)), fd(fd) {}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : target(std::move(other.target)), part(std::move(other.part)),
      fd(other.fd) {
  other.fd = -1;
  other.part.clear();
}

AtomicFile::~AtomicFile() {
  if (fd >= 0)
    ::close(fd);
  if (!part.empty())
    ::unlink(part.c_str());
}

Result<void> AtomicFile::fail(const char *what, int code) const {
  return makeFileError("cannot-write", target.string(),
                       std::string(what) + ": " + systemMessage(code));
}

Result<AtomicFile> AtomicFile::create(const fs::path &path) {
  static std::atomic<unsigned> counter{0};
  auto failure = [&](const std::string &why) {
    return makeFileError("cannot-write", path.string(), "cannot write: " + why);
  };
  if (path.empty() || path.filename().empty())
    return failure("not a file name");

  // A link is followed, so that the file it names is replaced, not the link.
  fs::path target = path;
  if (char *resolved = ::realpath(path.c_str(), nullptr)) {
    target = resolved;
    std::free(resolved);
  }
  struct stat info;
  mode_t mode = 0666;
  bool exists = ::stat(target.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode))
    return failure(systemMessage(EISDIR));
  if (exists && !S_ISREG(info.st_mode)) {
    int fd = ::open(target.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0)
      return failure(systemMessage(errno));
    return AtomicFile(target, {}, fd);
  }
  if (exists && ::access(target.c_str(), W_OK) != 0)
    return failure(systemMessage(errno));

  fs::path part =
      target.parent_path() /
      ("." + target.filename().string() + "." + std::to_string(::getpid()) +
       "-" + std::to_string(counter++) + std::string(partSuffix));
  int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0)
    return failure(systemMessage(errno));
  if (exists && ::fchmod(fd, info.st_mode & 07777) != 0 && errno != EPERM) {
    int code = errno;
    ::close(fd);
    ::unlink(part.c_str());
    return failure(systemMessage(code));
  }
  return AtomicFile(target, part, fd);
}

Result<void> AtomicFile::write(std::string_view bytes) {
  if (int code = writeAll(fd, bytes))
    return fail("cannot write", code);
  return {};
}

Result<void> AtomicFile::commit() {
  // A pipe or a device: nothing to sync or rename, the bytes are out.
  if (part.empty()) {
    int code = ::close(fd) == 0 ? 0 : errno;
    fd = -1;
    return code ? fail("cannot write", code) : Result<void>();
  }
  if (::fsync(fd) != 0 && errno != EINVAL)
    return fail("cannot write", errno);
  int code = ::close(fd) == 0 ? 0 : errno;
  fd = -1;
  if (code)
    return fail("cannot write", code);
  if (::rename(part.c_str(), target.c_str()) != 0)
    return fail("cannot write", errno);
  part.clear();
  if (int failed = syncDirectory(target.parent_path()))
    return fail("cannot write", failed);
  return {};
}

Result<void> writeFile(const fs::path &path, std::string_view bytes) {
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return file.error();
  if (Result<void> done = file->write(bytes); !done)
    return done;
  return file->commit();
}

Result<std::string> readFile(const fs::path &path, uint64_t limit) {
  bool standardInput = path == "-";
  std::string name = standardInput ? "<stdin>" : path.string();
  auto failure = [&](const std::string &why) {
    return makeFileError("cannot-read", name, "cannot read: " + why);
  };
  int fd = standardInput ? 0 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return failure(systemMessage(errno));
  struct Closer {
    int fd;
    ~Closer() {
      if (fd > 0)
        ::close(fd);
    }
  } closer{fd};
  struct stat info;
  if (::fstat(fd, &info) != 0)
    return failure(systemMessage(errno));
  if (S_ISDIR(info.st_mode))
    return failure(systemMessage(EISDIR));

  std::string bytes;
  size_t filled = 0;
  // A regular file is read in one go; a pipe grows the buffer.
  size_t expected = S_ISREG(info.st_mode) ? size_t(info.st_size) + 1 : 65536;
  if (S_ISREG(info.st_mode) && uint64_t(info.st_size) > limit)
    return failure("larger than " + std::to_string(limit) + " bytes");
  while (true) {
    if (filled == bytes.size()) {
      try {
        bytes.resize(filled == 0 ? expected : filled * 2);
      } catch (const std::exception &) {
        return failure(systemMessage(ENOMEM));
      }
    }
    ssize_t done = ::read(fd, bytes.data() + filled, bytes.size() - filled);
    if (done < 0) {
      if (errno == EINTR)
        continue;
      return failure(systemMessage(errno));
    }
    if (done == 0)
      break;
    filled += static_cast<size_t>(done);
    if (filled > limit)
      return failure("larger than " + std::to_string(limit) + " bytes");
  }
  bytes.resize(filled);
  return bytes;
}

Result<void> appendFile(const fs::path &path, std::string_view bytes) {
  auto failure = [&](int code) {
    return makeFileError("cannot-write", path.string(),
                         "cannot write: " + systemMessage(code));
  };
  int fd =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0)
    return failure(errno);
  int code = writeAll(fd, bytes);
  if (::close(fd) != 0 && !code)
    code = errno;
  return code ? Result<void>(failure(code)) : Result<void>();
}

void removeHalfWritten(const fs::path &directory) {
  std::error_code ignored;
  for (fs::directory_iterator it(directory, ignored), end; it != end;
       it.increment(ignored)) {
    if (ignored)
      return;
    std::string name = it->path().filename().string();
    if (name.starts_with(".") && name.ends_with(partSuffix))
      ::unlink(it->path().c_str());
  }
}

} // namespace rnnc::rt
