//===- LexerTest.cpp - Tokens of texts ------------------------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/Lexer.h"
#include "frontends/rnn/Utf8.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace rnnc;
using testing::ElementsAre;
using testing::IsEmpty;

namespace {

/// The tokens of a text as written, and the messages about it.
struct Lexed {
  SourceManager sources;
  DiagnosticEngine diags{sources};
  TokenStream stream;

  explicit Lexed(std::string text)
      : stream(lex(*sources.add("t.rnn", std::move(text)), diags)) {}

  std::vector<std::string> texts() const {
    std::vector<std::string> result;
    for (const Token &token : stream.tokens)
      if (token.kind != Token::End)
        result.emplace_back(token.text);
    return result;
  }

  std::vector<std::string> messages() const {
    std::vector<std::string> result;
    for (const Diagnostic &diagnostic : diags.sorted()) {
      PresumedLoc place = sources.locate(diagnostic.caret);
      result.push_back(
          str(place.line, ":", place.column, ": ", diagnostic.message));
    }
    return result;
  }
};

TEST(Lexer, TakesTheLongestSign) {
  EXPECT_THAT(Lexed("a|>b->c..d==e!=f<=g>=h<i>j").texts(),
              ElementsAre("a", "|>", "b", "->", "c", "..", "d", "==", "e",
                          "!=", "f", "<=", "g", ">=", "h", "<", "i", ">", "j"));
}

TEST(Lexer, PointOfANumberNeedsADigit) {
  EXPECT_THAT(Lexed("0..L 1.5 2.e 1e-3 3E+2 x.y").texts(),
              ElementsAre("0", "..", "L", "1.5", "2", ".", "e", "1e-3", "3E+2",
                          "x", ".", "y"));
}

TEST(Lexer, ValuesOfNumbers) {
  Lexed lexed("9223372036854775807 1.25 1e3");
  const std::vector<Token> &tokens = lexed.stream.tokens;
  EXPECT_TRUE(tokens[0].isInteger);
  EXPECT_EQ(integerValue(tokens[0]), 9223372036854775807);
  EXPECT_FALSE(tokens[1].isInteger);
  EXPECT_EQ(numberValue(tokens[1]), 1.25);
  EXPECT_FALSE(tokens[2].isInteger);
  EXPECT_EQ(numberValue(tokens[2]), 1000.0);
}

TEST(Lexer, KindsOfWords) {
  Lexed lexed("state stat _ _a x1 \"a b\"");
  std::vector<Token::Kind> kinds;
  for (const Token &token : lexed.stream.tokens)
    kinds.push_back(token.kind);
  EXPECT_THAT(kinds, ElementsAre(Token::Keyword, Token::Ident, Token::Punct,
                                 Token::Ident, Token::Ident, Token::String,
                                 Token::End));
}

TEST(Lexer, CommentsStandBesideTheTokens) {
  Lexed lexed("/// doc\nx // after\n// own\ny");
  ASSERT_EQ(lexed.stream.comments.size(), 3u);
  EXPECT_EQ(lexed.stream.comments[0].text, "/// doc");
  EXPECT_TRUE(lexed.stream.comments[0].isDoc());
  EXPECT_TRUE(lexed.stream.comments[0].ownLine);
  EXPECT_EQ(lexed.stream.comments[1].text, "// after");
  EXPECT_FALSE(lexed.stream.comments[1].ownLine);
  EXPECT_EQ(lexed.stream.tokens[0].commentsEnd, 1u);
  EXPECT_EQ(lexed.stream.tokens[1].commentsEnd, 3u);
}

TEST(Lexer, KnowsWhatIsFirstOnItsLine) {
  Lexed lexed("a b\n  c");
  EXPECT_TRUE(lexed.stream.tokens[0].firstOnLine);
  EXPECT_FALSE(lexed.stream.tokens[1].firstOnLine);
  EXPECT_TRUE(lexed.stream.tokens[2].firstOnLine);
}

TEST(Lexer, LineEndsOfOtherSystemsAndAByteOrderMark) {
  Lexed lexed("\xef\xbb\xbf// c\r\na\r\nb");
  EXPECT_THAT(lexed.texts(), ElementsAre("a", "b"));
  EXPECT_EQ(lexed.stream.comments[0].text, "// c");
  EXPECT_THAT(lexed.messages(), IsEmpty());
}

TEST(Lexer, TextThatIsNotUtf8) {
  EXPECT_THAT(Lexed("ab\n \xff").messages(),
              ElementsAre("2:2: text is not UTF-8: byte 0xff"));
  EXPECT_THAT(Lexed("\xc3").messages(),
              ElementsAre("1:1: text is not UTF-8: byte 0xc3"));
  // Overlong, a surrogate, beyond the last character.
  for (const char *text : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80"})
    EXPECT_EQ(Lexed(text).messages().size(), 1u) << text;
  EXPECT_THAT(Lexed("// π \xf0\x9f\x99\x82").messages(), IsEmpty());
}

TEST(Lexer, NulBytes) {
  EXPECT_THAT(Lexed(std::string("a\0b", 3)).messages(),
              ElementsAre("1:2: text holds a NUL byte"));
}

TEST(Lexer, LongLines) {
  EXPECT_THAT(Lexed("// ok\n" + std::string(maxLineBytes, ' ')).messages(),
              IsEmpty());
  EXPECT_THAT(Lexed("x\n" + std::string(maxLineBytes + 1, 'x')).messages(),
              ElementsAre("2:1: line is longer than 1 MiB"));
  EXPECT_THAT(Lexed(std::string(10 << 20, 'x')).messages(),
              ElementsAre("1:1: line is longer than 1 MiB"));
}

TEST(Lexer, NumbersThatDoNotFit) {
  EXPECT_THAT(
      Lexed("1e400 9223372036854775808 1e-999").messages(),
      ElementsAre("1:1: number 1e400 does not fit in f64",
                  "1:7: number 9223372036854775808 does not fit in a 64-bit "
                  "integer",
                  "1:27: number 1e-999 does not fit in f64"));
  EXPECT_THAT(Lexed(std::string(100000, '9')).messages(),
              ElementsAre("1:1: number 999999999999999999999999... does not "
                          "fit in a 64-bit integer"));
}

TEST(Lexer, WrongCharacters) {
  EXPECT_THAT(Lexed("a # é 2x \"open\n3").messages(),
              ElementsAre("1:3: unexpected character '#'",
                          "1:5: unexpected character 'é'",
                          "1:8: number 2 runs into 'x'",
                          "1:11: expected '\"' to close the string, found end "
                          "of line"));
}

} // namespace
