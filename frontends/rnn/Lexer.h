//===- Lexer.h - From text to tokens ----------------------------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The first stage of the front end. The whole text becomes tokens at once;
// comments are kept beside them for documentation and for the formatter.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_LEXER_H
#define RNNC_FRONTENDS_RNN_LEXER_H

#include "frontends/rnn/Diagnostics.h"

namespace rnnc {

struct Token {
  enum Kind {
    End,     ///< of the text
    Invalid, ///< an error was given; nothing more needs to be said
    Ident,
    Keyword,
    Number,
    String, ///< with its quotes
    Punct,
  };
  Kind kind = End;
  bool isInteger = false;    ///< of a Number
  bool firstOnLine = false;  ///< nothing but blanks and comments before it
  uint32_t commentsEnd = 0;  ///< how many comments stand before it
  std::string_view text;     ///< as written
  SourceRange range;
};

/// `// ...` or `/// ...`, without the line break.
struct Comment {
  std::string_view text;
  SourceRange range;
  bool ownLine = false; ///< nothing but blanks before it

  bool isDoc() const { return text.starts_with("///"); }
};

struct TokenStream {
  std::vector<Token> tokens; ///< the last one is End
  std::vector<Comment> comments;
};

/// The longest line of a text.
inline constexpr size_t maxLineBytes = size_t(1) << 20;

/// Whether a word is reserved.
bool isKeyword(std::string_view word);

/// Cuts a text into tokens. A text that cannot be read at all (no UTF-8, NUL
/// bytes, a line that is too long) gives an error and no tokens but End.
TokenStream lex(const SourceFile &file, DiagnosticEngine &diags);

/// The value of a Number token; the lexer has checked that it fits.
double numberValue(const Token &token);
int64_t integerValue(const Token &token);

} // namespace rnnc

#endif // RNNC_FRONTENDS_RNN_LEXER_H
