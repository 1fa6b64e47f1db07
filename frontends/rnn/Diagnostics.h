//===- Diagnostics.h - What is said about a text ----------------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lexer, parser, loader and sema say what they found through one
// DiagnosticEngine. It keeps everything, and hands it out sorted by place;
// how it is printed (text, JSON) is decided at the end.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_DIAGNOSTICS_H
#define RNNC_FRONTENDS_RNN_DIAGNOSTICS_H

#include "frontends/rnn/Source.h"

#include <deque>
#include <ostream>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace rnnc {

enum class Severity { Error, Warning, Remark, Note };

/// "error", "warning", "remark" or "note".
std::string_view toString(Severity severity);

/// Pieces written one after the other: `str("found ", n, " sizes")`.
template <class... Pieces> std::string str(const Pieces &...pieces) {
  std::ostringstream out;
  (out << ... << pieces);
  return out.str();
}

/// One message. The caret stands at `caret`; `underlines` are the operands or
/// words it is about. The setters return the message, so that it can be
/// written as one expression:
///
///   diags.error(op, "size", "size mismatch in '@'")
///       .underline(lhs).underline(rhs)
///       .note(decl, "'Wi' declared here").help("...");
struct Diagnostic {
  struct Note {
    SourceRange range;
    std::string message;
  };

  Severity severity = Severity::Error;
  std::string id; ///< a word, e.g. "size" or "unused-size"
  std::string message;
  SourceLoc caret;
  std::vector<SourceRange> underlines;
  std::string helpText; ///< without the leading "help: "
  std::vector<Note> notes;

  Diagnostic &underline(SourceRange range);
  Diagnostic &note(SourceRange range, std::string message);
  Diagnostic &help(std::string text);
};

/// What the user asked for about messages.
struct DiagnosticOptions {
  unsigned maxErrors = 20;     ///< errors printed; 0: all
  bool denyWarnings = false;   ///< warnings count and print as errors
  bool quiet = false;          ///< errors only
  std::set<std::string> allow; ///< ids of warnings not to give
};

/// Collects messages. A reference returned by error() and the others stays
/// good as long as the engine. Not thread safe.
class DiagnosticEngine {
public:
  explicit DiagnosticEngine(const SourceManager &sources,
                            DiagnosticOptions options = {})
      : sources(sources), options(std::move(options)) {}

  /// Each takes the place (its begin is the caret, the rest is underlined), an
  /// id and the text. An invalid range makes a message without a place.
  Diagnostic &error(SourceRange at, std::string id, std::string message);
  Diagnostic &warning(SourceRange at, std::string id, std::string message);
  Diagnostic &remark(SourceRange at, std::string id, std::string message);
  Diagnostic &add(Diagnostic diagnostic);

  bool hasErrors() const { return errorCount() != 0; }
  /// Errors so far, with the warnings that options turned into errors.
  unsigned errorCount() const { return errors; }
  const SourceManager &getSources() const { return sources; }
  const DiagnosticOptions &getOptions() const { return options; }

  /// What is to be shown: in order of place, one message of a severity at a
  /// place (but all remarks), without what options leave out, and with at most
  /// `maxErrors` errors.
  std::vector<Diagnostic> sorted() const;

  /// Prints sorted() as text; says so if errors were left out.
  void print(std::ostream &out, bool color = false) const;

  /// Forgets everything.
  void clear() {
    all.clear();
    errors = 0;
  }

private:
  const SourceManager &sources;
  DiagnosticOptions options;
  std::deque<Diagnostic> all;
  Diagnostic spilled; ///< one beyond those that are kept
  unsigned errors = 0;
};

/// Prints one message with its source line, underlines, help and notes.
void printDiagnostic(std::ostream &out, const SourceManager &sources,
                     const Diagnostic &diagnostic, bool color = false);

/// One message as a JSON object on one line: file line column severity id
/// message help, notes [file line column message].
std::string toJson(const SourceManager &sources, const Diagnostic &diagnostic);

/// A string as a JSON literal, quotes included. Bytes that are no UTF-8 become
/// U+FFFD.
std::string jsonString(std::string_view text);

/// The candidate nearest to a misspelt name, or "" if none is near enough.
std::string nearest(std::string_view name,
                    std::span<const std::string> candidates);

} // namespace rnnc

#endif // RNNC_FRONTENDS_RNN_DIAGNOSTICS_H
