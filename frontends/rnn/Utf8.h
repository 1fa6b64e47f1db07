//===- Utf8.h - Characters of a text ----------------------------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_UTF8_H
#define RNNC_FRONTENDS_RNN_UTF8_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rnnc {

/// The number of bytes of the UTF-8 character that `text` begins with; 0 if it
/// begins with none. Overlong forms, surrogates and what lies beyond U+10FFFF
/// are none.
inline size_t utf8Length(std::string_view text) {
  auto byte = [&](size_t i) -> uint8_t {
    return i < text.size() ? uint8_t(text[i]) : 0;
  };
  auto continues = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  if (text.empty())
    return 0;
  uint8_t first = byte(0);
  if (first < 0x80)
    return 1;
  if (first >= 0xc2 && first <= 0xdf)
    return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    bool overlong = first == 0xe0 && byte(1) < 0xa0;
    bool surrogate = first == 0xed && byte(1) > 0x9f;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    bool overlong = first == 0xf0 && byte(1) < 0x90;
    bool beyond = first == 0xf4 && byte(1) > 0x8f;
    return continues(1) && continues(2) && continues(3) && !overlong && !beyond
               ? 4
               : 0;
  }
  return 0;
}

} // namespace rnnc

#endif // RNNC_FRONTENDS_RNN_UTF8_H
