//===- Source.cpp - Source texts and places in them -----------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/Source.h"

#include <algorithm>

using namespace rnnc;

SourceRange rnnc::join(SourceRange a, SourceRange b) {
  if (!a.isValid())
    return b;
  if (!b.isValid())
    return a;
  return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

SourceFile::SourceFile(std::string fileName, std::string fileText,
                       uint32_t base)
    : name(std::move(fileName)), text(std::move(fileText)), base(base) {
  lineStarts.push_back(0);
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n')
      lineStarts.push_back(i + 1);
}

SourceLoc SourceFile::locAt(size_t offset) const {
  return SourceLoc(base + uint32_t(offset));
}

bool SourceFile::contains(SourceLoc loc) const {
  return loc.getRaw() >= base && loc.getRaw() - base <= text.size();
}

unsigned SourceFile::lineOf(size_t offset) const {
  auto after = std::upper_bound(lineStarts.begin(), lineStarts.end(), offset);
  return unsigned(after - lineStarts.begin());
}

std::string_view SourceFile::line(unsigned number) const {
  size_t begin = lineStarts[number - 1];
  size_t end = number < lineStarts.size() ? lineStarts[number] : text.size();
  std::string_view result(text.data() + begin, end - begin);
  while (!result.empty() && (result.back() == '\n' || result.back() == '\r'))
    result.remove_suffix(1);
  return result;
}

const SourceFile *SourceManager::add(std::string name, std::string text) {
  if (text.size() + next > maxBytes)
    return nullptr;
  // One place more than bytes: the end of the text is a place too.
  uint32_t base = next;
  next += uint32_t(text.size()) + 1;
  files.push_back(
      std::make_unique<SourceFile>(std::move(name), std::move(text), base));
  return files.back().get();
}

const SourceFile *SourceManager::fileOf(SourceLoc loc) const {
  if (!loc.isValid())
    return nullptr;
  auto after = std::upper_bound(
      files.begin(), files.end(), loc,
      [](SourceLoc l, const auto &file) { return l < file->locAt(0); });
  if (after == files.begin())
    return nullptr;
  const SourceFile *file = std::prev(after)->get();
  return file->contains(loc) ? file : nullptr;
}

PresumedLoc SourceManager::locate(SourceLoc loc) const {
  const SourceFile *file = fileOf(loc);
  if (!file)
    return {};
  size_t offset = file->offsetOf(loc);
  unsigned line = file->lineOf(offset);
  return {file, line, unsigned(offset - file->lineStart(line)) + 1};
}

std::string_view SourceManager::text(SourceRange range) const {
  const SourceFile *file = fileOf(range.begin);
  if (!file || !file->contains(range.end))
    return {};
  return file->getText().substr(file->offsetOf(range.begin),
                                range.end.getRaw() - range.begin.getRaw());
}
