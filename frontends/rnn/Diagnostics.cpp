//===- Diagnostics.cpp - What is said about a text ------------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/Diagnostics.h"
#include "frontends/rnn/Utf8.h"

#include <algorithm>
#include <cctype>
#include <iomanip>
#include <map>

using namespace rnnc;

std::string_view rnnc::toString(Severity severity) {
  switch (severity) {
  case Severity::Error:
    return "error";
  case Severity::Warning:
    return "warning";
  case Severity::Remark:
    return "remark";
  case Severity::Note:
    return "note";
  }
  return "";
}

//===----------------------------------------------------------------------===//
// Collecting
//===----------------------------------------------------------------------===//

Diagnostic &Diagnostic::underline(SourceRange range) {
  underlines.push_back(range);
  return *this;
}

Diagnostic &Diagnostic::note(SourceRange range, std::string text) {
  notes.push_back({range, std::move(text)});
  return *this;
}

Diagnostic &Diagnostic::help(std::string text) {
  helpText = std::move(text);
  return *this;
}

static Diagnostic makeDiagnostic(Severity severity, SourceRange at,
                                 std::string id, std::string message) {
  Diagnostic result;
  result.severity = severity;
  result.id = std::move(id);
  result.message = std::move(message);
  result.caret = at.begin;
  if (at.isValid())
    result.underlines.push_back(at);
  return result;
}

Diagnostic &DiagnosticEngine::error(SourceRange at, std::string id,
                                    std::string message) {
  return add(
      makeDiagnostic(Severity::Error, at, std::move(id), std::move(message)));
}

Diagnostic &DiagnosticEngine::warning(SourceRange at, std::string id,
                                      std::string message) {
  return add(
      makeDiagnostic(Severity::Warning, at, std::move(id), std::move(message)));
}

Diagnostic &DiagnosticEngine::remark(SourceRange at, std::string id,
                                     std::string message) {
  return add(
      makeDiagnostic(Severity::Remark, at, std::move(id), std::move(message)));
}

/// Whether a message counts as an error under the options.
static bool isError(const Diagnostic &diagnostic,
                    const DiagnosticOptions &options) {
  if (diagnostic.severity == Severity::Error)
    return true;
  return options.denyWarnings && diagnostic.severity == Severity::Warning &&
         !options.allow.contains(diagnostic.id);
}

Diagnostic &DiagnosticEngine::add(Diagnostic diagnostic) {
  // Nobody reads more; a hostile text must not fill the memory with them.
  constexpr size_t maxKept = 100000;
  errors += isError(diagnostic, options);
  if (all.size() >= maxKept && errors > 0)
    return spilled = std::move(diagnostic);
  return all.emplace_back(std::move(diagnostic));
}

/// Everything to be shown, without regard to `maxErrors`.
static std::vector<Diagnostic> select(const std::deque<Diagnostic> &all,
                                      const DiagnosticOptions &options) {
  // A multimap keeps what was said first at a place first.
  std::multimap<std::pair<SourceLoc, Severity>, Diagnostic> byPlace;
  for (Diagnostic diagnostic : all) {
    if (isError(diagnostic, options))
      diagnostic.severity = Severity::Error;
    else if (options.quiet || options.allow.contains(diagnostic.id))
      continue;
    std::pair key(diagnostic.caret, diagnostic.severity);
    byPlace.emplace(key, std::move(diagnostic));
  }
  std::vector<Diagnostic> result;
  for (auto &[key, diagnostic] : byPlace)
    result.push_back(std::move(diagnostic));
  // The first message at a place is the cause; others there follow from it.
  // Remarks follow from nothing: each stands for itself.
  auto same = [](const Diagnostic &a, const Diagnostic &b) {
    return a.caret == b.caret && a.severity == b.severity &&
           ((a.caret.isValid() && a.severity != Severity::Remark) ||
            a.message == b.message);
  };
  result.erase(std::unique(result.begin(), result.end(), same), result.end());
  return result;
}

/// Leaves the first `maxErrors` errors and returns how many went.
static unsigned cutErrors(std::vector<Diagnostic> &diagnostics,
                          unsigned maxErrors) {
  if (maxErrors == 0)
    return 0;
  unsigned errors = 0;
  std::erase_if(diagnostics, [&](const Diagnostic &diagnostic) {
    return diagnostic.severity == Severity::Error && ++errors > maxErrors;
  });
  return errors > maxErrors ? errors - maxErrors : 0;
}

std::vector<Diagnostic> DiagnosticEngine::sorted() const {
  std::vector<Diagnostic> result = select(all, options);
  cutErrors(result, options.maxErrors);
  return result;
}

//===----------------------------------------------------------------------===//
// Text form
//===----------------------------------------------------------------------===//

namespace {
/// The widest piece of a source line that is shown.
constexpr size_t maxShown = 100;

/// ANSI codes, or nothing.
struct Palette {
  const char *place = "", *error = "", *warning = "", *note = "", *caret = "",
             *end = "";

  explicit Palette(bool color) {
    if (!color)
      return;
    place = "\033[1m";
    error = "\033[1;31m";
    warning = "\033[1;35m";
    note = "\033[1;36m";
    caret = "\033[1;32m";
    end = "\033[0m";
  }

  const char *of(Severity severity) const {
    if (severity == Severity::Error)
      return error;
    return severity == Severity::Warning ? warning : note;
  }
};

/// The piece of a line around its caret, with marks below: one cell for each
/// character on the screen.
class MarkedLine {
public:
  MarkedLine(std::string_view line, size_t caret) : end(line.size()) {
    if (line.size() > maxShown) {
      begin = caret > maxShown / 2 ? caret - maxShown / 2 : 0;
      end = std::min(line.size(), begin + maxShown);
    }
    before = begin > 0 ? "..." : "";
    after = end < line.size() ? "..." : "";
    for (size_t i = begin; i < end;) {
      size_t length = utf8Length(line.substr(i));
      if (line[i] == '\t')
        text += ' ';
      else if (length > 1 || (length == 1 && std::isprint(uint8_t(line[i]))))
        text += line.substr(i, length);
      else
        text += '?';
      length = std::max<size_t>(length, 1);
      cellOfByte.insert(cellOfByte.end(), length, cells++);
      i += length;
    }
    end = begin + cellOfByte.size();
    cellOfByte.push_back(cells);
    marks.assign(cells + 1, ' ');
  }

  /// Marks the bytes of the line in [from, to), at least one cell.
  void mark(size_t from, size_t to, char with) {
    if (from > end || to < begin)
      return;
    size_t first = cellOfByte[std::max(from, begin) - begin];
    size_t last = cellOfByte[std::min(to, end) - begin];
    for (size_t i = first; i < std::max(last, first + 1); ++i)
      marks[i] = with;
  }

  /// Prints both lines, each after its margin.
  void print(std::ostream &out, unsigned number, const Palette &palette) const {
    std::string below = std::string(before.size(), ' ') + marks;
    below.erase(below.find_last_not_of(' ') + 1);
    out << std::setw(4) << number << " | " << before << text << after << "\n"
        << "     | " << palette.caret << below << palette.end << "\n";
  }

private:
  size_t begin = 0, end; // the bytes shown
  std::string before, after, text, marks;
  std::vector<size_t> cellOfByte;
  size_t cells = 0;
};
} // namespace

static void printPlace(std::ostream &out, const SourceManager &sources,
                       SourceLoc loc, const Palette &palette) {
  PresumedLoc place = sources.locate(loc);
  out << palette.place;
  if (place.file)
    out << place.file->getName() << ":" << place.line << ":" << place.column;
  else
    out << "rnnc";
  out << ": " << palette.end;
}

static void printSourceLine(std::ostream &out, const SourceManager &sources,
                            const Diagnostic &diagnostic,
                            const Palette &palette) {
  PresumedLoc place = sources.locate(diagnostic.caret);
  if (!place.file)
    return;
  std::string_view text = place.file->line(place.line);
  size_t lineStart = place.file->lineStart(place.line);
  size_t lineEnd = lineStart + text.size();
  size_t caret = std::min<size_t>(place.column - 1, text.size());
  MarkedLine line(text, caret);
  for (SourceRange range : diagnostic.underlines) {
    if (!place.file->contains(range.begin) || !place.file->contains(range.end))
      continue;
    size_t begin = place.file->offsetOf(range.begin);
    size_t end = place.file->offsetOf(range.end);
    if (begin <= lineEnd && end > lineStart)
      line.mark(std::max(begin, lineStart) - lineStart,
                std::min(end, lineEnd) - lineStart, '~');
  }
  line.mark(caret, caret + 1, '^');
  line.print(out, place.line, palette);
}

void rnnc::printDiagnostic(std::ostream &out, const SourceManager &sources,
                           const Diagnostic &diagnostic, bool color) {
  Palette palette(color);
  printPlace(out, sources, diagnostic.caret, palette);
  out << palette.of(diagnostic.severity) << toString(diagnostic.severity)
      << ": " << palette.end << diagnostic.message;
  if (!diagnostic.helpText.empty())
    out << "; help: " << diagnostic.helpText;
  if (diagnostic.severity == Severity::Warning)
    out << " [" << diagnostic.id << "]";
  out << "\n";
  printSourceLine(out, sources, diagnostic, palette);
  for (const Diagnostic::Note &note : diagnostic.notes) {
    printPlace(out, sources, note.range.begin, palette);
    out << palette.note << "note: " << palette.end << note.message << "\n";
  }
}

void DiagnosticEngine::print(std::ostream &out, bool color) const {
  std::vector<Diagnostic> shown = select(all, options);
  unsigned left = cutErrors(shown, options.maxErrors);
  for (const Diagnostic &diagnostic : shown)
    printDiagnostic(out, sources, diagnostic, color);
  if (left)
    out << "rnnc: note: " << left
        << (left == 1 ? " more error" : " more errors")
        << "; help: --max-errors=0 shows all\n";
}

//===----------------------------------------------------------------------===//
// JSON form
//===----------------------------------------------------------------------===//

std::string rnnc::jsonString(std::string_view text) {
  std::ostringstream out;
  out << '"';
  for (size_t i = 0; i < text.size();) {
    size_t length = utf8Length(text.substr(i));
    uint8_t byte = uint8_t(text[i]);
    if (length == 0)
      out << "\\ufffd";
    else if (byte == '"' || byte == '\\')
      out << '\\' << text[i];
    else if (byte == '\n')
      out << "\\n";
    else if (byte < 0x20)
      out << "\\u" << std::hex << std::setw(4) << std::setfill('0')
          << unsigned(byte) << std::dec;
    else
      out << text.substr(i, length);
    i += std::max<size_t>(length, 1);
  }
  out << '"';
  return out.str();
}

/// `"file":...,"line":...,"column":...`; null without a place.
static std::string jsonPlace(const SourceManager &sources, SourceLoc loc) {
  PresumedLoc place = sources.locate(loc);
  if (!place.file)
    return "\"file\":null,\"line\":null,\"column\":null";
  return str("\"file\":", jsonString(place.file->getName()),
             ",\"line\":", place.line, ",\"column\":", place.column);
}

std::string rnnc::toJson(const SourceManager &sources,
                         const Diagnostic &diagnostic) {
  std::ostringstream out;
  out << "{" << jsonPlace(sources, diagnostic.caret)
      << ",\"severity\":" << jsonString(toString(diagnostic.severity))
      << ",\"id\":" << jsonString(diagnostic.id)
      << ",\"message\":" << jsonString(diagnostic.message) << ",\"help\":"
      << (diagnostic.helpText.empty() ? "null"
                                      : jsonString(diagnostic.helpText))
      << ",\"notes\":[";
  const char *separator = "";
  for (const Diagnostic::Note &note : diagnostic.notes) {
    out << separator << "{" << jsonPlace(sources, note.range.begin)
        << ",\"message\":" << jsonString(note.message) << "}";
    separator = ",";
  }
  out << "]}";
  return out.str();
}

//===----------------------------------------------------------------------===//
// Did you mean
//===----------------------------------------------------------------------===//

/// The number of letters to insert, drop, replace or swap with their
/// neighbour that make `a` of `b`.
static size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1,
                                     std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j)
    d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1,
                          d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

std::string rnnc::nearest(std::string_view name,
                          std::span<const std::string> candidates) {
  auto lower = [](std::string_view text) {
    std::string result(text);
    for (char &c : result)
      c = char(std::tolower(uint8_t(c)));
    return result;
  };
  constexpr size_t longest = 64; // nobody misspells a longer word by a letter
  if (name.size() > longest)
    return "";
  // Capitals do not count, so that a word in capitals is found as well.
  std::string best, lowerName = lower(name);
  size_t limit = name.size() < 2 ? 0 : name.size() < 6 ? 1 : 2;
  size_t bestDistance = limit + 1;
  for (const std::string &candidate : candidates) {
    if (candidate.size() > longest || candidate == name)
      continue;
    size_t distance = editDistance(lowerName, lower(candidate));
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}
