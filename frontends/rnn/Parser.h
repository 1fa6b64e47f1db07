//===- Parser.h - From tokens to a tree -------------------------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads one text by recursive descent. After an error it goes on with the next
// statement, so that one run reports several errors; what could not be read is
// left out of the tree.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_PARSER_H
#define RNNC_FRONTENDS_RNN_PARSER_H

#include "frontends/rnn/AST.h"
#include "frontends/rnn/Lexer.h"

namespace rnnc {

/// A parsed text, with what the formatter needs beside the tree.
struct ParsedText {
  std::unique_ptr<ast::SourceUnit> unit;
  TokenStream stream;
  /// For each token, whether a definition, import or statement begins there.
  std::vector<bool> begins;
};

/// Parses a text. The tree is never null; without errors it is complete.
ParsedText parseText(const SourceFile &file, DiagnosticEngine &diags);

/// The canonical form of a text that parsed without errors: two blanks of
/// indentation, one statement a line unless `;` joins them, blanks around
/// operators, `=` of consecutive equations aligned. Line breaks inside a
/// statement, comments and single empty lines stay.
std::string format(const ParsedText &parsed);

} // namespace rnnc

#endif // RNNC_FRONTENDS_RNN_PARSER_H
