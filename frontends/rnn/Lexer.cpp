//===- Lexer.cpp - From text to tokens ------------------------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/Lexer.h"
#include "frontends/rnn/Utf8.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iomanip>

using namespace rnnc;

bool rnnc::isKeyword(std::string_view word) {
  static constexpr std::array words = {
      "and",   "as",     "bool",  "cell",     "else",  "false",  "fixed",
      "fn",    "for",    "if",    "import",   "in",    "input",  "int",
      "layer", "list",   "loss",  "metric",   "model", "not",    "once",
      "or",    "output", "param", "predict",  "real",  "sample", "seq",
      "state", "target", "train", "training", "true"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

double rnnc::numberValue(const Token &token) {
  double value = 0;
  std::from_chars(token.text.data(), token.text.data() + token.text.size(),
                  value);
  return value;
}

int64_t rnnc::integerValue(const Token &token) {
  int64_t value = 0;
  std::from_chars(token.text.data(), token.text.data() + token.text.size(),
                  value);
  return value;
}

static bool isDigit(char c) { return c >= '0' && c <= '9'; }
static bool isLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static bool isWord(char c) { return isLetter(c) || isDigit(c); }

/// A spelling for messages, cut if it is long.
static std::string brief(std::string_view text) {
  constexpr size_t longest = 24;
  return text.size() <= longest ? std::string(text)
                                : str(text.substr(0, longest), "...");
}

namespace {
class Lexer {
public:
  Lexer(const SourceFile &file, DiagnosticEngine &diags)
      : file(file), diags(diags), text(file.getText()) {}

  TokenStream run() {
    if (isReadable())
      while (lexOne())
        ;
    at = text.size();
    push(Token::End, at);
    return std::move(stream);
  }

private:
  char peek(size_t ahead = 0) const {
    return at + ahead < text.size() ? text[at + ahead] : '\0';
  }

  SourceRange rangeFrom(size_t begin) const {
    return {file.locAt(begin), file.locAt(at)};
  }

  Token &push(Token::Kind kind, size_t begin) {
    Token &token = stream.tokens.emplace_back();
    token.kind = kind;
    token.text = text.substr(begin, at - begin);
    token.range = rangeFrom(begin);
    token.firstOnLine = lineIsEmpty;
    token.commentsEnd = uint32_t(stream.comments.size());
    lineIsEmpty = false;
    return token;
  }

  bool isReadable();
  bool lexOne();
  void lexComment();
  void lexWord();
  void lexNumber();
  void lexString();
  void lexPunct();

  const SourceFile &file;
  DiagnosticEngine &diags;
  std::string_view text;
  size_t at = 0;
  bool lineIsEmpty = true;
  TokenStream stream;
};
} // namespace

bool Lexer::isReadable() {
  size_t lineStart = 0;
  for (size_t i = 0; i < text.size();) {
    size_t length = utf8Length(text.substr(i, 4));
    if (length == 0) {
      diags.error(file.locAt(i), "utf8",
                  str("text is not UTF-8: byte 0x", std::hex, std::setfill('0'),
                      std::setw(2), unsigned(uint8_t(text[i]))));
      return false;
    }
    if (text[i] == '\0') {
      diags.error(file.locAt(i), "nul", "text holds a NUL byte");
      return false;
    }
    if (text[i] == '\n') {
      lineStart = i + 1;
    } else if (i - lineStart >= maxLineBytes) {
      diags.error(file.locAt(lineStart), "long-line",
                  "line is longer than 1 MiB");
      return false;
    }
    i += length;
  }
  if (text.starts_with("\xef\xbb\xbf")) // a byte order mark
    at = 3;
  return true;
}

/// Takes one token or comment; false at the end.
bool Lexer::lexOne() {
  while (at < text.size() &&
         (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n'))
    lineIsEmpty |= text[at++] == '\n';
  if (at == text.size())
    return false;
  if (peek() == '/' && peek(1) == '/')
    lexComment();
  else if (isLetter(peek()))
    lexWord();
  else if (isDigit(peek()))
    lexNumber();
  else if (peek() == '"')
    lexString();
  else
    lexPunct();
  return true;
}

void Lexer::lexComment() {
  size_t begin = at;
  at = std::min(text.find('\n', at), text.size());
  size_t end = text.find_last_not_of(" \t\r", at - 1) + 1;
  stream.comments.push_back({text.substr(begin, end - begin),
                             {file.locAt(begin), file.locAt(end)},
                             lineIsEmpty});
}

void Lexer::lexWord() {
  size_t begin = at;
  while (isWord(peek()))
    ++at;
  std::string_view word = text.substr(begin, at - begin);
  push(word == "_"       ? Token::Punct
       : isKeyword(word) ? Token::Keyword
                         : Token::Ident,
       begin);
}

/// DIGITS [ . DIGITS ] [ e [+-] DIGITS ]; the point needs a digit after it, so
/// that `0..L` is a range.
void Lexer::lexNumber() {
  size_t begin = at;
  auto digits = [&] {
    while (isDigit(peek()))
      ++at;
  };
  bool isInteger = true;
  digits();
  if (peek() == '.' && isDigit(peek(1))) {
    isInteger = false;
    ++at;
    digits();
  }
  size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
  if ((peek() == 'e' || peek() == 'E') && isDigit(peek(1 + sign))) {
    isInteger = false;
    at += 1 + sign;
    digits();
  }
  std::string_view number = text.substr(begin, at - begin);

  if (isWord(peek())) {
    size_t word = at;
    while (isWord(peek()))
      ++at;
    std::string_view rest = text.substr(word, at - word);
    diags
        .error(rangeFrom(begin), "number",
               str("number ", brief(number), " runs into '", brief(rest), "'"))
        .help(str("write ", brief(number), " * ", brief(rest)));
    push(Token::Invalid, begin);
    return;
  }

  std::from_chars_result result;
  double real = 0;
  int64_t integer = 0;
  const char *end = number.data() + number.size();
  if (isInteger)
    result = std::from_chars(number.data(), end, integer);
  else
    result = std::from_chars(number.data(), end, real);
  if (result.ec != std::errc()) {
    diags.error(rangeFrom(begin), "number",
                str("number ", brief(number), " does not fit in ",
                    isInteger ? "a 64-bit integer" : "f64"));
    push(Token::Invalid, begin);
    return;
  }
  push(Token::Number, begin).isInteger = isInteger;
}

void Lexer::lexString() {
  size_t begin = at++;
  while (at < text.size() && peek() != '"' && peek() != '\n')
    ++at;
  if (peek() != '"') {
    diags.error(rangeFrom(begin), "string",
                "expected '\"' to close the string, found end of line");
    push(Token::Invalid, begin);
    return;
  }
  ++at;
  push(Token::String, begin);
}

void Lexer::lexPunct() {
  static constexpr std::array two = {"->", "|>", "..", "==", "!=", "<=", ">="};
  size_t begin = at;
  std::string_view pair = text.substr(at, 2);
  if (std::find(two.begin(), two.end(), pair) != two.end()) {
    at += 2;
    push(Token::Punct, begin);
    return;
  }
  if (std::string_view("()[]{},;:.=+-*/@%^<>~'").find(peek()) !=
      std::string_view::npos) {
    ++at;
    push(Token::Punct, begin);
    return;
  }
  at += utf8Length(text.substr(at, 4));
  std::string_view found = text.substr(begin, at - begin);
  Diagnostic &error = diags.error(rangeFrom(begin), "character",
                                  str("unexpected character '", found, "'"));
  if (found == "#")
    error.help("comments begin with //");
  if (found == "&")
    error.help("write 'and'");
  if (found == "|")
    error.help("write 'or', or '|>' for the pipe");
  if (found == "!")
    error.help("write 'not'");
  push(Token::Invalid, begin);
}

TokenStream rnnc::lex(const SourceFile &file, DiagnosticEngine &diags) {
  return Lexer(file, diags).run();
}
