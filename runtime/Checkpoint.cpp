//===- Checkpoint.cpp - states to go on from ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writing in turns and reading with checks.
//
//===----------------------------------------------------------------------===//
#include "runtime/Checkpoint.h"

#include "runtime/AtomicFile.h"
#include "runtime/Sha256.h"

#include <algorithm>
#include <cerrno>

namespace rnnc::rt {

namespace fs = std::filesystem;

static constexpr std::string_view checksumKey = "checksum";

std::string checkpointChecksum(const TensorFile &content) {
  Sha256 hash;
  // Every part is preceded by its length, so no two contents run together.
  auto add = [&](std::string_view bytes) {
    uint64_t size = bytes.size();
    hash.update(&size, sizeof size);
    hash.update(bytes);
  };
  for (const auto &[key, value] : content.metadata) {
    if (key == checksumKey)
      continue;
    add(key);
    add(value);
  }
  // By name: the order of the tensors in a file is the writer's choice.
  std::vector<const NamedTensor *> order;
  for (const NamedTensor &entry : content.tensors)
    order.push_back(&entry);
  std::sort(order.begin(), order.end(),
            [](const NamedTensor *a, const NamedTensor *b) {
              return a->name < b->name;
            });
  for (const NamedTensor *entry : order) {
    add(entry->name);
    add(nameOf(entry->tensor.dtype()));
    add(shapeText(entry->tensor.shape()));
    add({static_cast<const char *>(entry->tensor.data()),
         static_cast<size_t>(entry->tensor.bytes())});
  }
  return hash.finish();
}

Result<void> saveCheckpoint(const fs::path &folder, const TensorFile &content) {
  std::string checksum = checkpointChecksum(content);
  Result<std::string> bytes =
      serialiseSafetensors(content, {{std::string(checksumKey), checksum}});
  const fs::path last = folder / "last.ckpt";
  if (!bytes) {
    Error error = bytes.error();
    error.file = last.string();
    return error;
  }
  Result<AtomicFile> file = AtomicFile::create(last);
  if (!file)
    return file.error();
  if (Result<void> done = file->write(*bytes); !done)
    return done;
  // A second name keeps the old one while the new one takes its name, so at
  // every moment one whole checkpoint is there, also if the old one was
  // damaged.
  const fs::path kept = folder / ".previous.ckpt.rnnc-part";
  const fs::path previous = folder / "previous.ckpt";
  std::error_code code;
  fs::remove(kept, code);
  fs::create_hard_link(last, kept, code);
  const bool hasOld = !code;
  // A file system without hard links: the old one moves first.
  if (code && code != std::errc::no_such_file_or_directory)
    fs::rename(last, previous, code);
  if (Result<void> done = file->commit(); !done) {
    fs::remove(kept, code);
    return done;
  }
  if (!hasOld)
    return {};
  fs::rename(kept, previous, code);
  if (code)
    return makeFileError("cannot-write", previous.string(),
                         "cannot write: " + systemMessage(code.value()));
  return {};
}

/// Reads one checkpoint and checks its sum.
static Result<TensorFile> readCheckpoint(const fs::path &path) {
  Result<TensorFile> content = readSafetensors(path);
  if (!content)
    return content;
  auto sum = content->metadata.find(std::string(checksumKey));
  if (sum == content->metadata.end())
    return makeFileError("bad-file", path.string(),
                         "the checkpoint has no checksum");
  if (sum->second != checkpointChecksum(*content))
    return makeFileError("bad-file", path.string(),
                         "the checkpoint is damaged: its checksum is wrong");
  return content;
}

Result<LoadedCheckpoint> loadCheckpoint(const fs::path &folder) {
  Result<TensorFile> last = readCheckpoint(folder / "last.ckpt");
  if (last)
    return LoadedCheckpoint{std::move(*last), "last.ckpt", ""};
  Result<TensorFile> previous = readCheckpoint(folder / "previous.ckpt");
  if (!previous)
    return last.error();
  return LoadedCheckpoint{std::move(*previous), "previous.ckpt",
                          last.error().text() +
                              "; going on from previous.ckpt"};
}

} // namespace rnnc::rt
