//===- Sha256.h - checksums of data and checkpoints -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SHA-256 (FIPS 180-4).
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_SHA256_H
#define RNNC_RUNTIME_SHA256_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rnnc::rt {

/// A running SHA-256.
class Sha256 {
public:
  /// Without `fast`, the instructions that some CPUs have for this are left
  /// alone; the digest is the same.
  explicit Sha256(bool fast = true);
  /// Adds bytes.
  void update(const void *data, size_t count);
  void update(std::string_view bytes) { update(bytes.data(), bytes.size()); }
  /// The digest as 64 hexadecimal digits. Nothing may be added afterwards.
  std::string finish();

private:
  void blocks(const uint8_t *data, size_t count);
  void block(const uint8_t *data);
  void fastBlocks(const uint8_t *data, size_t count);
  std::array<uint32_t, 8> state;
  std::array<uint8_t, 64> buffer;
  size_t filled = 0;
  uint64_t total = 0;
  bool isFast;
};

/// The digest of these bytes.
std::string sha256(std::string_view bytes);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_SHA256_H
