//===- ObjectCache.cpp - Saved object code --------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A saved file is the object followed by the SHA-256 of the object, so tools
// that read object files read it too.
//
//===----------------------------------------------------------------------===//

#include "compiler/jit/ObjectCache.h"
#include "mlir/IR/OperationSupport.h"
#include "runtime/AtomicFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

using namespace rnnc;

/// Raised when the way from module to object changes, so that old files are
/// not found any more.
static constexpr llvm::StringLiteral kFormat = "rnnc object 1";
static constexpr size_t kHashBytes = 32;

static std::array<uint8_t, kHashBytes> hash(llvm::StringRef text) {
  return llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
}

namespace {
/// A stream that hashes what is written to it.
class HashStream : public llvm::raw_ostream {
public:
  ~HashStream() override { flush(); }
  std::string result() {
    flush();
    return llvm::toHex(sha.final(), /*LowerCase=*/true);
  }

private:
  void write_impl(const char *data, size_t size) override {
    sha.update(llvm::StringRef(data, size));
    position += size;
  }
  uint64_t current_pos() const override { return position; }
  llvm::SHA256 sha;
  uint64_t position = 0;
};
} // namespace

std::string ObjectCache::key(mlir::ModuleOp module, const Machine &machine,
                             llvm::StringRef prefix) const {
  if (folder.empty())
    return {};
  HashStream os;
  for (llvm::StringRef part :
       {llvm::StringRef(kFormat), llvm::StringRef(LLVM_VERSION_STRING),
        llvm::StringRef(machine.cpu), llvm::StringRef(machine.features),
        prefix})
    os << part << '\n';
  module->print(os, mlir::OpPrintingFlags().useLocalScope());
  return os.result();
}

std::string ObjectCache::path(llvm::StringRef key) const {
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, key + ".o");
  return path.str().str();
}

std::optional<std::string> ObjectCache::find(llvm::StringRef key) const {
  if (folder.empty())
    return std::nullopt;
  auto file = llvm::MemoryBuffer::getFile(path(key), /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file)
    return std::nullopt;
  llvm::StringRef content = (*file)->getBuffer();
  if (content.size() <= kHashBytes)
    return std::nullopt;
  llvm::StringRef object = content.drop_back(kHashBytes);
  if (llvm::toStringRef(llvm::ArrayRef<uint8_t>(hash(object))) !=
      content.take_back(kHashBytes))
    return std::nullopt;
  return object.str();
}

void ObjectCache::save(llvm::StringRef key, llvm::StringRef object) const {
  if (folder.empty() || llvm::sys::fs::create_directories(folder))
    return;
  auto sum = hash(object);
  std::string bytes =
      (object + llvm::toStringRef(llvm::ArrayRef<uint8_t>(sum))).str();
  // What cannot be kept, on a full disk for one, is made again next time.
  if (auto written = rt::writeFile(path(key), bytes); !written)
    return;
}
