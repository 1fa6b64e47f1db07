//===- Format.cpp - The canonical form of a text --------------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Works on tokens, not on the tree, so that comments and the author's line
// breaks inside a statement stay where they are. From the parser it takes only
// where statements begin. Formatting a formatted text changes nothing.
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/Parser.h"

#include <algorithm>

using namespace rnnc;

namespace {
class Formatter {
public:
  explicit Formatter(const ParsedText &parsed)
      : file(*parsed.unit->file), tokens(parsed.stream.tokens),
        comments(parsed.stream.comments), begins(parsed.begins) {}

  std::string run();

private:
  struct Bracket {
    size_t open;   ///< its token
    size_t column; ///< where text after it stands
  };

  void findBlocks();
  void alignEquations();
  size_t equalsSign(size_t statement) const;
  size_t widthUpTo(size_t statement, size_t end) const;

  void writeToken(size_t i);
  void writeComments(size_t i);
  void newLine(size_t column, unsigned sourceLine);
  bool breaksBefore(size_t i) const;
  bool spaceBetween(size_t i) const;
  bool isOperand(size_t i) const;
  bool isSign(size_t i) const;
  size_t indentation() const;
  size_t columnOfLine(size_t i) const;

  bool is(size_t i, std::string_view text) const {
    return tokens[i].text == text && tokens[i].kind != Token::String;
  }
  unsigned lineOf(SourceLoc loc) const {
    return file.lineOf(file.offsetOf(loc));
  }
  unsigned lineOf(size_t i) const { return lineOf(tokens[i].range.begin); }
  size_t column() const {
    size_t lineBreak = out.rfind('\n');
    return lineBreak == std::string::npos ? out.size()
                                          : out.size() - lineBreak - 1;
  }
  const SourceFile &file;
  const std::vector<Token> &tokens;
  const std::vector<Comment> &comments;
  const std::vector<bool> &begins;
  std::vector<size_t> match;   ///< the partner of each bracket
  std::vector<bool> inOneLine; ///< for each token, in a block on one line
  std::vector<size_t> padding; ///< blanks before a token, beyond the usual
  std::vector<Bracket> open;
  size_t lastToken = 0;  ///< the last one written
  unsigned lastLine = 0; ///< the source line where the last thing ended
  bool afterComment = false;
  std::string out;
};
} // namespace

//===----------------------------------------------------------------------===//
// Before writing
//===----------------------------------------------------------------------===//

void Formatter::findBlocks() {
  match.assign(tokens.size(), 0);
  inOneLine.assign(tokens.size(), false);
  std::vector<size_t> stack;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (is(i, "(") || is(i, "[") || is(i, "{"))
      stack.push_back(i);
    if ((is(i, ")") || is(i, "]") || is(i, "}")) && !stack.empty()) {
      match[i] = stack.back();
      match[stack.back()] = i;
      if (is(i, "}") && lineOf(stack.back()) == lineOf(i))
        std::fill(inOneLine.begin() + stack.back() + 1, inOneLine.begin() + i,
                  true);
      stack.pop_back();
    }
  }
}

/// The `=` of an equation that begins at a token, or 0.
size_t Formatter::equalsSign(size_t statement) const {
  size_t i = statement + is(statement, "once");
  if (tokens[i].kind != Token::Ident)
    return 0;
  while (tokens[i].kind == Token::Ident || is(i, ",") || is(i, "'"))
    ++i;
  return is(i, "=") ? i : 0;
}

/// The length of a statement's text before a token.
size_t Formatter::widthUpTo(size_t statement, size_t end) const {
  size_t width = 0;
  for (size_t i = statement; i < end; ++i)
    width += tokens[i].text.size() + (i > statement && spaceBetween(i));
  return width;
}

/// Equations on consecutive lines, with names of about one length, get their
/// `=` in one column.
void Formatter::alignEquations() {
  padding.assign(tokens.size(), 0);
  std::vector<std::pair<size_t, size_t>> group; // `=` and the width before it
  auto close = [&] {
    size_t widest = 0;
    for (auto [sign, width] : group)
      widest = std::max(widest, width);
    for (auto [sign, width] : group)
      padding[sign] = widest - width;
    group.clear();
  };
  unsigned lastLineOfGroup = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!begins[i] && !is(i, "}"))
      continue;
    // The statement ends before the next one.
    size_t end = i + 1;
    while (end < tokens.size() && !begins[end] && !is(end, "}"))
      ++end;
    size_t sign = begins[i] && !inOneLine[i] ? equalsSign(i) : 0;
    size_t width = sign ? widthUpTo(i, sign) : 0;
    bool follows = !group.empty() && lineOf(i) <= lastLineOfGroup + 1 &&
                   width <= group.back().second + 2 &&
                   group.back().second <= width + 2;
    if (!follows)
      close();
    if (!sign)
      continue;
    group.push_back({sign, width});
    lastLineOfGroup = lineOf(i);
    if (lineOf(end - 1) != lineOf(i)) // goes over several lines
      close();
  }
  close();
}

//===----------------------------------------------------------------------===//
// Blanks and line breaks
//===----------------------------------------------------------------------===//

/// Whether a token can end an operand, so that a `-` after it is binary.
bool Formatter::isOperand(size_t i) const {
  const Token &token = tokens[i];
  return token.kind == Token::Ident || token.kind == Token::Number ||
         token.kind == Token::String || is(i, ")") || is(i, "]") ||
         is(i, "'") || is(i, "_") || is(i, "true") || is(i, "false") ||
         is(i, "training") || is(i, "real");
}

bool Formatter::isSign(size_t i) const {
  return is(i, "-") && (i == 0 || !isOperand(i - 1) || begins[i]);
}

/// Whether a blank stands between a token and the one before it.
bool Formatter::spaceBetween(size_t i) const {
  size_t before = i - 1;
  auto pair = [&](auto test) { return test(i) || test(before); };
  auto sourceSpace = [&](size_t j) {
    return tokens[j - 1].range.end != tokens[j].range.begin ||
           tokens[j].range.end != tokens[j + 1].range.begin;
  };
  bool inIndex = !open.empty() && is(open.back().open, "[");

  if (is(before, "(") || is(before, "[") || is(i, ")") || is(i, "]") ||
      is(i, ",") || is(i, ";") || is(i, "'"))
    return false;
  if (is(before, "{") && is(i, "}"))
    return false;
  if (pair([&](size_t j) { return is(j, "^") || is(j, ".") || is(j, ".."); }))
    return false;
  if (isSign(before))
    return false;
  if (is(before, ","))
    return true;
  if (is(i, ":") || is(before, ":"))
    return !inIndex && is(before, ":");
  // Products are often written tight in sizes; the author decides.
  for (size_t j : {i, before})
    if (is(j, "*") || is(j, "/"))
      return sourceSpace(j);
  if (is(i, "("))
    return !isOperand(before) && !is(before, "seq");
  if (is(i, "[")) {
    bool afterAxes =
        is(before, ")") && match[before] > 0 && is(match[before] - 1, "seq");
    return afterAxes || (!isOperand(before) && !is(before, "int"));
  }
  return true;
}

/// Whether a token begins a line of the result.
bool Formatter::breaksBefore(size_t i) const {
  if (i == 0)
    return afterComment;
  if (afterComment)
    return true;
  if (inOneLine[i] || (is(i, "}") && lineOf(match[i]) == lineOf(i)))
    return false;
  if (begins[i])
    return true;
  if (is(i, "}"))
    return true;
  if (is(i, "{") || is(i, "else"))
    return false;
  if (is(lastToken, "{"))
    return true; // a train block
  return tokens[i].firstOnLine;
}

/// The column of statements in the innermost block.
size_t Formatter::indentation() const {
  return 2 * std::count_if(open.begin(), open.end(),
                           [&](const Bracket &b) { return is(b.open, "{"); });
}

/// The column at which a token stands if it begins a line.
size_t Formatter::columnOfLine(size_t i) const {
  if (is(i, "}"))
    return indentation() - 2;
  if (begins[i] || is(i, "{") || is(i, "else") ||
      (!open.empty() && is(lastToken, "{")) || tokens[i].kind == Token::End)
    return indentation();
  if (!open.empty() && !is(open.back().open, "{"))
    return open.back().column;
  bool inOptions =
      !open.empty() && open.back().open > 0 &&
      (is(open.back().open - 1, "train") || is(open.back().open - 1, "sample"));
  return indentation() + (inOptions ? 0 : 4);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// Begins a line for what stands on `sourceLine`; one empty line stays.
void Formatter::newLine(size_t column, unsigned sourceLine) {
  if (out.empty())
    return;
  out += '\n';
  bool afterBrace = is(lastToken, "{") && !afterComment;
  if (sourceLine > lastLine + 1 && !afterBrace)
    out += '\n';
  out.append(column, ' ');
}

/// Writes the comments between the last token and token `i`.
void Formatter::writeComments(size_t i) {
  size_t from = i ? tokens[i - 1].commentsEnd : 0;
  for (size_t c = from; c < tokens[i].commentsEnd; ++c) {
    const Comment &comment = comments[c];
    unsigned line = lineOf(comment.range.begin);
    if (comment.ownLine || out.empty()) {
      // Before a closing brace a comment belongs to the block.
      newLine(is(i, "}") ? indentation() : columnOfLine(i), line);
    } else {
      out += "  ";
    }
    out += comment.text;
    lastLine = line;
    afterComment = true;
  }
}

void Formatter::writeToken(size_t i) {
  writeComments(i);
  if (tokens[i].kind == Token::End)
    return;
  if (is(i, ";")) // statements know how to begin
    return;

  if (breaksBefore(i)) {
    size_t target = columnOfLine(i);
    unsigned line = lineOf(i);
    newLine(target, is(i, "}") && !afterComment ? lastLine : line);
  } else if (!out.empty()) {
    if (begins[i] && inOneLine[i] && !is(lastToken, "{"))
      out += "; ";
    else if (i > 0 && (is(i - 1, ";") || spaceBetween(i)))
      out += ' ';
  }
  afterComment = false;

  if (is(i, ")") || is(i, "]") || is(i, "}"))
    if (!open.empty())
      open.pop_back();
  out.append(padding[i], ' ');
  out += tokens[i].text;
  if (is(i, "(") || is(i, "[") || is(i, "{")) {
    // Text after a bracket that ends its line is indented, not aligned.
    bool hangs = i + 1 < tokens.size() && lineOf(i + 1) != lineOf(i);
    open.push_back({i, hangs ? indentation() + 4 : column()});
  }
  lastToken = i;
  lastLine = lineOf(tokens[i].range.end);
}

std::string Formatter::run() {
  findBlocks();
  alignEquations();
  for (size_t i = 0; i < tokens.size(); ++i)
    writeToken(i);
  if (!out.empty())
    out += '\n';
  return std::move(out);
}

std::string rnnc::format(const ParsedText &parsed) {
  return Formatter(parsed).run();
}
