//===- TextTest.cpp - text to tokens --------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vocabularies, encoding, and text that does not fit.
//
//===----------------------------------------------------------------------===//
#include "runtime/Text.h"

#include "runtime/MappedFile.h"

#include "tests/unit/runtime/TestFolder.h"

#include <gtest/gtest.h>

using namespace rnnc::rt;

using Tokens = std::vector<int32_t>;

static Vocabulary vocabulary(TokenKind kind, std::string_view text,
                             int64_t minCount = 1) {
  Result<Vocabulary> result = Vocabulary::build(kind, text, "in.txt", minCount);
  EXPECT_TRUE(result);
  return *result;
}

TEST(TextForm, KindsAndParts) {
  EXPECT_EQ(parseTextForm("words")->tokens, TokenKind::Words);
  EXPECT_EQ(parseTextForm("words")->parts, TextParts::None);
  EXPECT_EQ(parseTextForm("words/bytes")->tokens, TokenKind::Bytes);
  EXPECT_EQ(parseTextForm("words/bytes")->parts, TextParts::Words);
  EXPECT_EQ(parseTextForm("lines/words")->parts, TextParts::Lines);
  EXPECT_EQ(parseTextForm("classes").error().message,
            "chars, bytes or words, found 'classes'");
  for (const char *text : {"words/words", "words/", "/chars", "chars/chars",
                           "words/classes", "lines/words/chars"})
    EXPECT_EQ(parseTextForm(text).error().message,
              std::string("words/chars, words/bytes, lines/chars, lines/bytes "
                          "or lines/words, found '") +
                  text + "'");
}

TEST(TextForm, PartsHaveTheirPlaces) {
  auto places = [](const TextPiece &text, TextParts parts) {
    std::string result;
    for (const TextPiece &part : cutText(text, parts))
      result += std::to_string(part.line) + ":" + std::to_string(part.column) +
                "'" + std::string(part.text) + "' ";
    return result;
  };
  const TextPiece text = {" an \t\u00e9l\r\n \t\ncat\u00a0x\n", 3, 5};
  EXPECT_EQ(places(text, TextParts::Words),
            "3:6'an' 3:10'\u00e9l' 5:1'cat\u00a0x' ");
  EXPECT_EQ(places(text, TextParts::Lines),
            "3:5' an \t\u00e9l' 5:1'cat\u00a0x' ");
  EXPECT_EQ(places({" \n", 1, 1}, TextParts::Words), "");
  EXPECT_EQ(places({"", 1, 1}, TextParts::Lines), "");
}

TEST(Utf8, ValidAndInvalid) {
  struct {
    std::string_view text;
    int64_t value;
    int length;
  } cases[] = {{"a", 'a', 1},
               {std::string_view("\0", 1), 0, 1},
               {"\x7f", 0x7f, 1},
               {"\xc2\x80", 0x80, 2},
               {"\xdf\xbf", 0x7ff, 2},
               {"\xe0\xa0\x80", 0x800, 3},
               {"\xef\xbf\xbf", 0xffff, 3},
               {"\xf0\x90\x80\x80", 0x10000, 4},
               {"\xf4\x8f\xbf\xbf", 0x10ffff, 4}};
  for (const auto &[text, value, length] : cases) {
    std::optional<CodePoint> point = decodeUtf8(text);
    ASSERT_TRUE(point) << value;
    EXPECT_EQ(point->value, value);
    EXPECT_EQ(point->length, length);
  }
  for (std::string_view text :
       {"", "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(",
        "\xe0\x80\x80", "\xe2\x82", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"})
    EXPECT_FALSE(decodeUtf8(text));
}

TEST(Vocabulary, Chars) {
  Vocabulary chars = vocabulary(TokenKind::Chars, "b\xc3\xa9"
                                                  "a\nab");
  EXPECT_EQ(chars.size(), 4);
  EXPECT_EQ(chars.symbol(0), "\n");
  EXPECT_EQ(chars.symbol(3), "\xc3\xa9");
  EXPECT_EQ(*chars.encode("ab\n\xc3\xa9", "x"), (Tokens{1, 2, 0, 3}));
  EXPECT_EQ(chars.decode(Tokens{1, 2, 0, 3}), "ab\n\xc3\xa9");
  EXPECT_EQ(*chars.encode("", "x"), Tokens{});
  EXPECT_FALSE(chars.unknown());
}

TEST(Vocabulary, SymbolsThatAreMissing) {
  Vocabulary chars = vocabulary(TokenKind::Chars, "ab\n");
  EXPECT_EQ(chars.encode("ab\nb\xc3\xa9", "x.txt").error().text(),
            "x.txt:2:2: symbol '\xc3\xa9' is not in the vocabulary");
  EXPECT_EQ(chars.encode("a\tb", "x.txt").error().text(),
            "x.txt:1:2: symbol '\\t' is not in the vocabulary");
  EXPECT_EQ(chars.encode(std::string_view("\0", 1), "x.txt").error().text(),
            "x.txt:1:1: symbol '\\x00' is not in the vocabulary");
  Vocabulary words = vocabulary(TokenKind::Words, "a b\n");
  EXPECT_EQ(words.encode("a\na c", "x.txt").error().text(),
            "x.txt:2:3: symbol 'c' is not in the vocabulary; help: "
            "--min-count=2 gives a vocabulary that has '<unk>'");
}

TEST(Vocabulary, TextThatIsNotUtf8) {
  for (TokenKind kind : {TokenKind::Chars, TokenKind::Words}) {
    EXPECT_EQ(Vocabulary::build(kind, "ab\nc\xff", "x.txt").error().text(),
              "x.txt:2:2: text is not UTF-8: byte 0xff");
    EXPECT_EQ(vocabulary(kind, "a b\n").encode("a\xc3", "x").error().text(),
              "x:1:2: text is not UTF-8: byte 0xc3");
  }
  EXPECT_TRUE(Vocabulary::build(TokenKind::Bytes, "\xff", "x.txt"));
}

// ASCII is read eight bytes at a time: what is not ASCII is found wherever it
// stands, and a character has the same number whatever stands before it.
TEST(Vocabulary, OtherCharactersAnywhere) {
  for (size_t at = 0; at < 20; ++at) {
    std::string text(20, 'a');
    text[at] = '\xff';
    EXPECT_EQ(Vocabulary::build(TokenKind::Chars, text, "x.txt").error().text(),
              "x.txt:1:" + std::to_string(at + 1) +
                  ": text is not UTF-8: byte 0xff");
    text.replace(at, 1, "\xf0\x9f\x90\xb1\xc3\xa9");
    Vocabulary chars = vocabulary(TokenKind::Chars, text, 1);
    ASSERT_EQ(chars.size(), 3);
    std::vector<int32_t> expected(20, 0);
    expected[at] = 2;
    expected.insert(expected.begin() + int64_t(at) + 1, 1);
    EXPECT_EQ(*chars.encode(text, "x.txt", false), expected);
  }
}

TEST(Vocabulary, EmptyCorpus) {
  for (TokenKind kind : {TokenKind::Chars, TokenKind::Bytes, TokenKind::Words})
    EXPECT_EQ(Vocabulary::build(kind, "", "x.txt").error().text(),
              "x.txt: the text is empty");
}

TEST(Vocabulary, Bytes) {
  Vocabulary bytes = vocabulary(TokenKind::Bytes, "a");
  EXPECT_EQ(bytes.size(), 256);
  EXPECT_EQ(*bytes.encode("a\xff", "x"), (Tokens{97, 255}));
  EXPECT_EQ(bytes.decode(Tokens{255, 0}), std::string("\xff\0", 2));
}

TEST(Vocabulary, WordsByFrequency) {
  Vocabulary words =
      vocabulary(TokenKind::Words, "  the cat\tthe dog\nthe cat ran\r\n");
  std::vector<std::string> expected = {"<eos>", "the", "cat", "dog", "ran"};
  ASSERT_EQ(words.size(), 5);
  for (int64_t i = 0; i < 5; ++i)
    EXPECT_EQ(words.symbol(i), expected[static_cast<size_t>(i)]);
  EXPECT_EQ(words.endOfLine(), 0);
  EXPECT_FALSE(words.unknown());
  // The end of a last line without newline is a corpus's, not a prompt's.
  EXPECT_EQ(*words.encode("the cat\nran", "x"), (Tokens{1, 2, 0, 4, 0}));
  EXPECT_EQ(*words.encode("the cat\nran", "x", false), (Tokens{1, 2, 0, 4}));
  EXPECT_EQ(words.decode(Tokens{1, 2, 0, 4, 0}), "the cat\nran\n");
  EXPECT_EQ(words.piece(-1, 1), "the");
  EXPECT_EQ(words.piece(1, 2), " cat");
}

TEST(Vocabulary, RareWords) {
  Vocabulary words =
      vocabulary(TokenKind::Words, "the cat the dog\nthe cat ran\n", 2);
  ASSERT_EQ(words.size(), 4);
  EXPECT_EQ(words.unknown(), 0);
  EXPECT_EQ(words.endOfLine(), 1);
  EXPECT_EQ(*words.encode("the bird", "x"), (Tokens{2, 0, 1}));
  // A text that marks its own unknown words needs no second symbol.
  Vocabulary marked = vocabulary(TokenKind::Words, "a <unk> <unk> <eos>\n");
  EXPECT_EQ(marked.size(), 3);
  EXPECT_EQ(marked.unknown(), 0);
  EXPECT_EQ(marked.endOfLine(), 1);
}

TEST(Vocabulary, SaveAndLoad) {
  TestFolder folder;
  for (TokenKind kind :
       {TokenKind::Chars, TokenKind::Bytes, TokenKind::Words}) {
    Vocabulary built = vocabulary(kind, "the \"\\ \x01 \xf0\x9f\x90\xb1\n", 1);
    ASSERT_TRUE(built.save(folder / "vocab.json"));
    Result<Vocabulary> loaded = Vocabulary::load(folder / "vocab.json");
    ASSERT_TRUE(loaded) << loaded.error().text();
    EXPECT_EQ(loaded->kind(), kind);
    ASSERT_EQ(loaded->size(), built.size());
    for (int64_t i = 0; i < built.size(); ++i)
      EXPECT_EQ(loaded->symbol(i), built.symbol(i));
    EXPECT_EQ(loaded->endOfLine(), built.endOfLine());
  }
  EXPECT_EQ(vocabulary(TokenKind::Chars, "b\na").json(),
            R"({"schema":1,"tokens":"chars","symbols":["\n","a","b"]})"
            "\n");
}

TEST(Vocabulary, FilesThatAreNone) {
  struct {
    std::string json, message;
  } cases[] = {
      {"", "not a vocabulary: not a JSON object"},
      {"[1]", "not a vocabulary: not a JSON object"},
      {std::string(100000, '['), "not a vocabulary: not a JSON object"},
      {"{\"a\": \"\xff\"}", "not a vocabulary: not a JSON object"},
      {"{}", "not a vocabulary: no 'tokens'"},
      {R"({"tokens":"letters"})",
       "'letters' is no kind of token; expected chars, bytes or words"},
      {R"({"tokens":"chars"})", "not a vocabulary: no 'symbols'"},
      {R"({"tokens":"chars","symbols":[]})", "not a vocabulary: no 'symbols'"},
      {R"({"tokens":"chars","symbols":["a",2]})", "symbol 1 is not a string"},
      {R"({"tokens":"chars","symbols":["a","a"]})", "symbol 'a' occurs twice"},
      {R"({"tokens":"chars","symbols":["ab"]})",
       "symbol 'ab' is not one character"},
      {R"({"tokens":"chars","symbols":[""]})",
       "symbol '' is not one character"}};
  for (const auto &[json, message] : cases)
    EXPECT_EQ(Vocabulary::parse(json, "vocab.json").error().text(),
              "vocab.json: " + message);
}

TEST(Ids, Reading) {
  EXPECT_EQ(*parseIds(" 1 2\n3\t0\r\n", "x"), (Tokens{1, 2, 3, 0}));
  EXPECT_EQ(*parseIds("2147483646", "x"), Tokens{2147483646});
  EXPECT_EQ(tokenBound(Tokens{3, 9, 2}), 10);
  struct {
    std::string_view text, message;
  } cases[] = {{"", "x.ids: the file has no tokens"},
               {" \n", "x.ids: the file has no tokens"},
               {"1 2\n 7", "x.ids:2:2: token 7 is not in 0 to 6"},
               {"-1", "x.ids:1:1: token -1 is not in 0 to 6"},
               {"99999999999999999999",
                "x.ids:1:1: token 99999999999999999999 is not in 0 to 6"},
               {"1 a", "x.ids:1:3: expected a whole number, found 'a'"},
               {"1.5", "x.ids:1:1: expected a whole number, found '1.5'"},
               {"1,2", "x.ids:1:1: expected a whole number, found '1,2'"}};
  for (const auto &[text, message] : cases)
    EXPECT_EQ(parseIds(text, "x.ids", 7).error().text(), message);
  EXPECT_FALSE(parseIds("2147483647", "x"));
}

TEST(Vocabulary, FieldsOfExamples) {
  const TextPiece words[] = {{"the cat", 1}, {"the dog", 2}};
  VocabularyOptions options;
  options.lineEnds = false;
  Vocabulary plain = *Vocabulary::build(TokenKind::Words, words, "t", options);
  EXPECT_EQ(plain.size(), 3);
  EXPECT_EQ(plain.symbol(0), "the");
  EXPECT_EQ(plain.endOfLine(), std::nullopt);
  options.begin = options.end = true;
  options.minCount = 2;
  Vocabulary made = *Vocabulary::build(TokenKind::Words, words, "t", options);
  EXPECT_EQ(made.size(), 4);
  EXPECT_EQ(made.beginning(), 0);
  EXPECT_EQ(made.endOfLine(), 1);
  EXPECT_EQ(made.unknown(), 2);
  const int32_t drawn[] = {0, 3, 2, 1, 3};
  EXPECT_EQ(made.decodeSequence(drawn), "the <unk>");
  EXPECT_EQ(Vocabulary::parse(made.json(), "t")->json(), made.json());

  options.minCount = 1;
  Vocabulary chars = *Vocabulary::build(TokenKind::Chars, words, "t", options);
  EXPECT_EQ(chars.symbol(2), " ");
  EXPECT_EQ(chars.find("<eos>"), 1);
  Vocabulary again = *Vocabulary::parse(chars.json(), "t");
  EXPECT_EQ(again.encode("cat", "t")->size(), 3u);
  const int32_t ids[] = {0, *chars.find("c"), *chars.find("a"), 1};
  EXPECT_EQ(again.decodeSequence(ids), "ca");
  EXPECT_EQ(Vocabulary::build(TokenKind::Bytes, words, "t", options)
                .error()
                .text(),
            "t: bytes have no '<bos>', '<eos>' and '<blank>'; use chars or "
            "words");
  // The place of an error counts the lines of the file.
  EXPECT_EQ(chars.encode(TextPiece{"cax", 7}, "t", false).error().text(),
            "t:7:3: symbol 'x' is not in the vocabulary");
}

TEST(Vocabulary, Classes) {
  const TextPiece names[] = {{"pear", 1}, {"apple", 2}, {"pear", 3}};
  Vocabulary classes = *Vocabulary::build(TokenKind::Classes, names, "t", {});
  EXPECT_EQ(classes.size(), 2);
  EXPECT_EQ(classes.symbol(0), "apple");
  EXPECT_EQ(*classes.encode(names[0], "t", false), std::vector<int32_t>{1});
  EXPECT_EQ(classes.encode(TextPiece{"fig", 4}, "t", false).error().text(),
            "t:4:1: there is no class 'fig'");
  EXPECT_EQ(Vocabulary::parse(classes.json(), "t")->kind(), TokenKind::Classes);
}

TEST(Vocabulary, TokensInParts) {
  std::string text;
  for (int i = 0; i < 200000; ++i)
    text += static_cast<char>('a' + i * i % 7);
  Vocabulary chars = *Vocabulary::build(TokenKind::Chars, text, "t");
  std::vector<int32_t> whole = *chars.encode(text, "t");
  for (int64_t limit : {int64_t(0), TokenStore::inMemory}) {
    auto store = *TokenStore::create(int64_t(text.size()), limit);
    auto done = chars.encode(TextPiece{text, 1}, "t", true,
                             [&](std::span<const int32_t> part) {
                               return store->append(part);
                             });
    ASSERT_TRUE(done);
    EXPECT_TRUE(done->empty());
    ASSERT_TRUE(store->finish());
    std::span<const int32_t> tokens = store->tokens();
    EXPECT_TRUE(
        std::equal(tokens.begin(), tokens.end(), whole.begin(), whole.end()));
  }
}
