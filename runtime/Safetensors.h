//===- Safetensors.h - weights in files -------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The safetensors format: eight bytes of header length, a JSON header, the
// data. Everything is checked before it is used; a file may be hostile.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_SAFETENSORS_H
#define RNNC_RUNTIME_SAFETENSORS_H

#include "runtime/Tensor.h"

#include <filesystem>
#include <map>

namespace rnnc::rt {

/// Named tensors and text beside them.
struct TensorFile {
  /// In the order of the data in the file. Names are unique.
  std::vector<NamedTensor> tensors;
  std::map<std::string, std::string> metadata;

  /// The tensor of this name, or null.
  const Tensor *find(std::string_view name) const;
  Tensor *find(std::string_view name);

  /// Adds a tensor; its name must be new.
  void add(std::string name, Tensor tensor) {
    tensors.push_back({std::move(name), std::move(tensor)});
  }
};

/// Reads a file's bytes. `file` is used in errors, which name the tensor at
/// fault. F16 and BF16 become f32, U8 I8 I16 U16 become i32, U32 becomes i64;
/// other types are refused. Holes and overlaps are refused, as the format has
/// it.
Result<TensorFile> parseSafetensors(std::string_view bytes,
                                    const std::string &file);

/// Reads a file.
Result<TensorFile> readSafetensors(const std::filesystem::path &path);

/// The bytes of a file; the data start at a multiple of 8. `extra` is metadata
/// beside those of `content`, and wins. An error if a name occurs twice, is
/// `__metadata__` or not UTF-8.
Result<std::string>
serialiseSafetensors(const TensorFile &content,
                     const std::map<std::string, std::string> &extra = {});

/// Writes a file, whole or not at all.
Result<void> writeSafetensors(const std::filesystem::path &path,
                              const TensorFile &content);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_SAFETENSORS_H
