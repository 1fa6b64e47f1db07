//===- Checkpoint.h - states to go on from ----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// last.ckpt and previous.ckpt: safetensors files with a checksum. At every
// moment at least one of them is whole.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_CHECKPOINT_H
#define RNNC_RUNTIME_CHECKPOINT_H

#include "runtime/Safetensors.h"

namespace rnnc::rt {

/// Writes `last.ckpt` in the folder with the metadata key `checksum` (SHA-256
/// of all names, types, shapes, bytes and other metadata); what was `last.ckpt`
/// becomes `previous.ckpt`.
Result<void> saveCheckpoint(const std::filesystem::path &folder,
                            const TensorFile &content);

/// A checkpoint that was read.
struct LoadedCheckpoint {
  TensorFile content;
  /// "last.ckpt" or "previous.ckpt".
  std::string file;
  /// Why it is not `last.ckpt`, or empty: a warning to show.
  std::string warning;
};

/// Reads `last.ckpt` or, if that is missing or damaged, `previous.ckpt`. An
/// error if neither can be used.
Result<LoadedCheckpoint> loadCheckpoint(const std::filesystem::path &folder);

/// The checksum of a content, without the key `checksum` itself.
std::string checkpointChecksum(const TensorFile &content);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_CHECKPOINT_H
