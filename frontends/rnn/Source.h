//===- Source.h - Source texts and places in them ---------------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every text the front end reads lives in one SourceManager. A place is one
// 32-bit number, valid across all files; file, line and column are computed
// only when a message is printed.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_SOURCE_H
#define RNNC_FRONTENDS_RNN_SOURCE_H

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rnnc {

/// A place in some text of a SourceManager. The default value is "no place".
class SourceLoc {
public:
  SourceLoc() = default;
  explicit SourceLoc(uint32_t raw) : raw(raw) {}
  bool isValid() const { return raw != 0; }
  uint32_t getRaw() const { return raw; }
  /// The place `bytes` further on in the same text.
  SourceLoc advanced(uint32_t bytes) const { return SourceLoc(raw + bytes); }
  auto operator<=>(const SourceLoc &) const = default;

private:
  uint32_t raw = 0;
};

/// A half-open piece of one text.
struct SourceRange {
  SourceLoc begin, end;

  SourceRange() = default;
  SourceRange(SourceLoc begin, SourceLoc end) : begin(begin), end(end) {}
  /// One character at `loc`.
  SourceRange(SourceLoc loc) : begin(loc), end(loc) {
    if (loc.isValid())
      end = loc.advanced(1);
  }
  bool isValid() const { return begin.isValid(); }
  bool operator==(const SourceRange &) const = default;
};

/// The smallest range that covers both; an invalid one is ignored.
SourceRange join(SourceRange a, SourceRange b);

/// One text: a file, a piece of the library, or text given in memory.
class SourceFile {
public:
  SourceFile(std::string name, std::string text, uint32_t base);

  /// The name shown in messages.
  const std::string &getName() const { return name; }
  std::string_view getText() const { return text; }
  /// The place of byte `offset`; the offset of the end of text is allowed.
  SourceLoc locAt(size_t offset) const;
  /// The byte offset of a place in this file.
  size_t offsetOf(SourceLoc loc) const { return loc.getRaw() - base; }
  bool contains(SourceLoc loc) const;
  /// The line (from 1) of a byte offset.
  unsigned lineOf(size_t offset) const;
  /// The text of a line (from 1) without its line break.
  std::string_view line(unsigned number) const;
  /// The byte offset at which a line (from 1) begins.
  size_t lineStart(unsigned number) const { return lineStarts[number - 1]; }

private:
  std::string name, text;
  uint32_t base;
  std::vector<size_t> lineStarts;
};

/// A place for people: line and column from 1, columns in bytes. `file` is
/// null if there is no place.
struct PresumedLoc {
  const SourceFile *file = nullptr;
  unsigned line = 0, column = 0;
};

/// Owns all texts. Files never move, so views into them stay good as long as
/// the manager lives. Not thread safe.
class SourceManager {
public:
  /// The most bytes all texts together may have.
  static constexpr size_t maxBytes = size_t(1) << 30;

  /// Adds a text. Returns null if all texts together would exceed `maxBytes`.
  const SourceFile *add(std::string name, std::string text);
  /// The file that holds a place; null for no place.
  const SourceFile *fileOf(SourceLoc loc) const;
  /// File, line and column of a place.
  PresumedLoc locate(SourceLoc loc) const;
  /// The text of a range.
  std::string_view text(SourceRange range) const;

private:
  std::vector<std::unique_ptr<SourceFile>> files; // in order of base
  uint32_t next = 1;
};

} // namespace rnnc

#endif // RNNC_FRONTENDS_RNN_SOURCE_H
