//===- Wav.cpp - sound files ----------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chunks of RIFF files and the forms of their samples.
//
//===----------------------------------------------------------------------===//
#include "runtime/Wav.h"

#include <bit>
#include <cmath>

namespace rnnc::rt {

/// A little endian number of `size` bytes.
static uint64_t little(const char *from, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;)
    value = value << 8 | static_cast<uint8_t>(from[i]);
  return value;
}

/// One sample; `bits` 8, 16, 24, 32 or 64.
static double sampleAt(const char *from, int bits, bool real) {
  const uint64_t raw = little(from, static_cast<size_t>(bits) / 8);
  if (real)
    return bits == 32 ? std::bit_cast<float>(static_cast<uint32_t>(raw))
                      : std::bit_cast<double>(raw);
  if (bits == 8) // the only one without sign
    return (static_cast<double>(raw) - 128) / 128;
  const int64_t value =
      static_cast<int64_t>(raw << (64 - bits)) >> (64 - bits);
  return static_cast<double>(value) / std::ldexp(1.0, bits - 1);
}

Result<Sound> parseWav(std::string_view bytes, const std::string &file) {
  auto bad = [&](std::string message) {
    return makeFileError("bad-file", file, std::move(message));
  };
  if (bytes.size() < 12 || bytes.substr(0, 4) != "RIFF" ||
      bytes.substr(8, 4) != "WAVE")
    return bad("not a WAVE file");
  Sound sound;
  uint64_t format = 0, channels = 0, bits = 0;
  for (size_t at = 12; at + 8 <= bytes.size();) {
    const std::string_view name = bytes.substr(at, 4);
    uint64_t size = little(bytes.data() + at + 4, 4);
    const char *body = bytes.data() + at + 8;
    const uint64_t left = bytes.size() - at - 8;
    if (name == "fmt ") {
      if (size < 16 || size > left)
        return bad("the format chunk is cut");
      format = little(body, 2);
      channels = little(body + 2, 2);
      sound.rate = static_cast<int64_t>(little(body + 4, 4));
      bits = little(body + 14, 2);
      if (format == 0xfffe && size >= 26) // extensible: the form stands inside
        format = little(body + 24, 2);
      const bool known =
          (format == 1 &&
           (bits == 8 || bits == 16 || bits == 24 || bits == 32)) ||
          (format == 3 && (bits == 32 || bits == 64));
      if (!known)
        return bad("samples of form " + std::to_string(format) + " with " +
                   std::to_string(bits) +
                   " bits are not read; expected PCM of 8 to 32 bits or "
                   "floats");
      if (channels < 1 || sound.rate < 1)
        return bad("the format says " + std::to_string(channels) +
                   " channels at " + std::to_string(sound.rate) + " Hz");
    } else if (name == "data") {
      if (channels == 0)
        return bad("the samples come before their format");
      // Writers of pipes leave the size open; then the file says it.
      if (size > left && size < 0xfffffff0U)
        return bad("the file is cut: " + std::to_string(size) +
                   " bytes of samples are said, " + std::to_string(left) +
                   " are there");
      size = std::min(size, left);
      const uint64_t frame = channels * bits / 8;
      sound.samples.resize(size / frame);
      for (float &sample : sound.samples) {
        double sum = 0;
        for (uint64_t c = 0; c < channels; ++c, body += bits / 8)
          sum += sampleAt(body, static_cast<int>(bits), format == 3);
        sample = static_cast<float>(sum / static_cast<double>(channels));
        if (!std::isfinite(sample))
          return bad("a sample is not finite");
      }
      if (sound.samples.empty())
        return bad("there are no samples");
      return sound;
    }
    at += 8 + size + size % 2;
  }
  return bad(channels ? "there are no samples" : "there is no format chunk");
}

} // namespace rnnc::rt
