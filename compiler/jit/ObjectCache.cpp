//===- ObjectCache.cpp - Saved object code --------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A saved file is a line with the sizes of the object's parts, the parts, and
// the SHA-256 of all that.
//
//===----------------------------------------------------------------------===//

#include "compiler/jit/ObjectCache.h"
#include "runtime/AtomicFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"

using namespace rnnc;

/// Raised when the way from module to object changes, so that old files are
/// not found any more.
static constexpr llvm::StringLiteral kFormat = "rnnc object 2";
static constexpr size_t kHashBytes = 32;

static std::array<uint8_t, kHashBytes> hash(llvm::StringRef text) {
  return llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
}

std::string ObjectCache::key(llvm::StringRef bitcode) const {
  if (folder.empty())
    return {};
  llvm::SHA256 sha;
  sha.update((kFormat + "\n" LLVM_VERSION_STRING "\n").str());
  sha.update(bitcode);
  return llvm::toHex(sha.final(), /*LowerCase=*/true);
}

std::string ObjectCache::path(llvm::StringRef key) const {
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, key + ".parts");
  return path.str().str();
}

std::optional<std::vector<std::string>>
ObjectCache::find(llvm::StringRef key) const {
  if (folder.empty())
    return std::nullopt;
  auto file = llvm::MemoryBuffer::getFile(path(key), /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file)
    return std::nullopt;
  llvm::StringRef content = (*file)->getBuffer();
  if (content.size() <= kHashBytes)
    return std::nullopt;
  llvm::StringRef body = content.drop_back(kHashBytes);
  if (llvm::toStringRef(llvm::ArrayRef<uint8_t>(hash(body))) !=
      content.take_back(kHashBytes))
    return std::nullopt;
  auto [sizes, rest] = body.split('\n');
  std::vector<std::string> parts;
  while (!sizes.empty()) {
    size_t size = 0;
    if (sizes.consumeInteger(10, size) || size > rest.size())
      return std::nullopt;
    parts.push_back(rest.take_front(size).str());
    rest = rest.drop_front(size);
    sizes = sizes.ltrim(' ');
  }
  if (parts.empty() || !rest.empty())
    return std::nullopt;
  return parts;
}

void ObjectCache::save(llvm::StringRef key,
                       llvm::ArrayRef<std::string> parts) const {
  if (folder.empty() || llvm::sys::fs::create_directories(folder))
    return;
  std::string bytes;
  for (const std::string &part : parts)
    bytes += (bytes.empty() ? "" : " ") + std::to_string(part.size());
  bytes += '\n';
  for (const std::string &part : parts)
    bytes += part;
  auto sum = hash(bytes);
  bytes += llvm::toStringRef(llvm::ArrayRef<uint8_t>(sum));
  // What cannot be kept, on a full disk for one, is made again next time.
  if (auto written = rt::writeFile(path(key), bytes); !written)
    return;
}
