//===- EventFile.cpp - event files of TensorBoard -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Records: length (8 bytes), its masked CRC, data, their masked CRC. Messages:
// Event {1: double wall_time, 2: int64 step, 3: string file_version,
// 5: Summary {1: Value {1: string tag, 2: float simple_value}}}.
//
//===----------------------------------------------------------------------===//
#include "runtime/EventFile.h"

#include <array>
#include <bit>
#include <optional>

namespace rnnc::rt {

uint32_t crc32c(std::string_view bytes) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> result{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit)
        value = value & 1 ? value >> 1 ^ 0x82f63b78 : value >> 1;
      result[i] = value;
    }
    return result;
  }();
  uint32_t crc = 0xffffffff;
  for (char byte : bytes)
    crc = table[(crc ^ static_cast<uint8_t>(byte)) & 0xff] ^ crc >> 8;
  return ~crc;
}

/// The CRC as records store it, so that a CRC of data with CRCs stays useful.
static uint32_t masked(uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8; }

static void putNumber(std::string &out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i)
    out += static_cast<char>(value >> (8 * i) & 0xff);
}

static void putVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

static void putBytes(std::string &out, char key, std::string_view bytes) {
  out += key;
  putVarint(out, bytes.size());
  out += bytes;
}

static std::string record(std::string_view data) {
  std::string out;
  putNumber(out, data.size(), 8);
  putNumber(out, masked(crc32c(out)), 4);
  out += data;
  putNumber(out, masked(crc32c(data)), 4);
  return out;
}

// A protobuf key is field number * 8 + wire type: 0 varint, 1 eight bytes,
// 2 length and bytes, 5 four bytes.

std::string eventFileStart(double wallTime) {
  std::string event(1, 0x09);
  putNumber(event, std::bit_cast<uint64_t>(wallTime), 8);
  putBytes(event, 0x1a, "brain.Event:2");
  return record(event);
}

std::string
eventRecord(double wallTime, int64_t step,
            std::span<const std::pair<std::string, float>> scalars) {
  std::string summary;
  for (const auto &[tag, value] : scalars) {
    std::string entry;
    putBytes(entry, 0x0a, tag);
    entry += 0x15;
    putNumber(entry, std::bit_cast<uint32_t>(value), 4);
    putBytes(summary, 0x0a, entry);
  }
  std::string event(1, 0x09);
  putNumber(event, std::bit_cast<uint64_t>(wallTime), 8);
  event += 0x10;
  putVarint(event, static_cast<uint64_t>(step));
  putBytes(event, 0x2a, summary);
  return record(event);
}

static uint64_t number(std::string_view bytes, size_t at, int count) {
  uint64_t value = 0;
  for (int i = 0; i < count; ++i)
    value |= uint64_t(uint8_t(bytes[at + i])) << (8 * i);
  return value;
}

/// The step of an event as we write them: after the time; 0 if it has none.
static int64_t stepOf(std::string_view event) {
  if (event.size() < 10 || event[9] != 0x10)
    return 0;
  uint64_t value = 0;
  int shift = 0;
  for (size_t at = 10; at < event.size() && shift < 64; ++at, shift += 7) {
    value |= uint64_t(event[at] & 0x7f) << shift;
    if (!(event[at] & 0x80))
      break;
  }
  return static_cast<int64_t>(value);
}

std::string cutEvents(std::string_view bytes, int64_t step) {
  std::string kept;
  while (bytes.size() >= 16) {
    uint64_t size = number(bytes, 0, 8);
    if (number(bytes, 8, 4) != masked(crc32c(bytes.substr(0, 8))) ||
        size > bytes.size() - 16)
      break;
    std::string_view data = bytes.substr(12, size);
    if (number(bytes, 12 + size, 4) != masked(crc32c(data)))
      break;
    if (stepOf(data) <= step)
      kept += bytes.substr(0, 16 + size);
    bytes.remove_prefix(16 + size);
  }
  return kept;
}

} // namespace rnnc::rt
