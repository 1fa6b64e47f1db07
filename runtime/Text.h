//===- Text.h - text to tokens and back -------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vocabularies of characters, bytes and words, and files of token numbers.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_TEXT_H
#define RNNC_RUNTIME_TEXT_H

#include "runtime/Result.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rnnc::rt {

/// What one token is: a Unicode code point, a byte, a word, or a whole field
/// (the name of a class).
enum class TokenKind { Chars, Bytes, Words, Classes };

/// Reads "chars", "bytes", "words" or "classes".
Result<TokenKind> parseTokenKind(std::string_view text);
std::string_view nameOf(TokenKind kind);

/// A text that a vocabulary is made from, and where it begins in its file, from
/// 1, the column in bytes.
struct TextPiece {
  std::string_view text;
  int64_t line = 1;
  int64_t column = 1;
};

/// What a text is cut into before tokens are made of each part.
enum class TextParts { None, Words, Lines };

/// Tokens of a text, or of each of its parts, as the letters of words.
struct TextForm {
  TextParts parts = TextParts::None;
  TokenKind tokens = TokenKind::Chars;
};

/// Reads "chars", "bytes", "words", or parts and their tokens: "words/chars",
/// "words/bytes", "lines/chars", "lines/bytes", "lines/words".
Result<TextForm> parseTextForm(std::string_view text);

/// The parts of a text: words are what stands between white space; lines with
/// nothing but white space are left out.
std::vector<TextPiece> cutText(const TextPiece &text, TextParts parts);

/// How a vocabulary is made.
struct VocabularyOptions {
  /// Rarer symbols become `<unk>` (chars and words).
  int64_t minCount = 1;
  /// Words: the ends of lines are tokens.
  bool lineEnds = true;
  /// `<bos>` and `<eos>` come first: sequences that are generated.
  bool begin = false, end = false;
  /// `<blank>` comes before these: labels that are spread over steps.
  bool blank = false;
};

/// The symbols of a model's tokens. Token ids count from 0.
///
/// - chars: the code points that occur, in the order of their numbers.
/// - bytes: all 256.
/// - words: what stands between spaces; the end of each line is the symbol
///   `<eos>`. First `<unk>`, if the text has that word or `minCount` drops
///   words, then `<eos>`, then by frequency, ties in the order of the bytes.
/// - classes: the names that occur, in the order of their bytes.
///
/// Before these stand `<blank>`, `<bos>`, `<eos>` and `<unk>` where options ask
/// for them.
class Vocabulary {
public:
  /// The vocabulary of a text. Words rarer than `minCount` become `<unk>`
  /// (words only). An empty text and text that is not UTF-8 are errors; `file`
  /// is used in them.
  static Result<Vocabulary> build(TokenKind kind, std::string_view text,
                                  const std::string &file,
                                  int64_t minCount = 1);

  /// The same from several texts of one file, such as the fields of a column.
  static Result<Vocabulary> build(TokenKind kind,
                                  std::span<const TextPiece> texts,
                                  const std::string &file,
                                  const VocabularyOptions &options);

  /// Reads what `json` wrote. `file` is used in errors.
  static Result<Vocabulary> parse(std::string_view json,
                                  const std::string &file);
  static Result<Vocabulary> load(const std::filesystem::path &path);

  /// {"schema": 1, "tokens": "chars", "symbols": ["\n", " ", ...]}; bytes have
  /// no `symbols`.
  std::string json() const;
  Result<void> save(const std::filesystem::path &path) const;

  TokenKind kind() const { return tokenKind; }
  /// The number of symbols: V of the model.
  int64_t size() const { return static_cast<int64_t>(symbols.size()); }
  /// The symbol of an id, which must be in range.
  const std::string &symbol(int64_t id) const { return symbols[id]; }
  /// The id of a symbol.
  std::optional<int32_t> find(std::string_view symbol) const;
  /// The ids of `<unk>`, `<bos>` and `<eos>`, where they exist.
  std::optional<int32_t> unknown() const { return unknownId; }
  std::optional<int32_t> beginning() const { return beginId; }
  std::optional<int32_t> endOfLine() const { return endOfLineId; }

  /// The tokens of a text. A symbol that is not in the vocabulary is `<unk>`
  /// or, without that, an error with its place in `file`; so is text that is
  /// not UTF-8 (chars and words). Empty text gives no tokens. `endLastLine`:
  /// whether words of a last line without newline are followed by `<eos>` (a
  /// corpus yes, a prompt no).
  Result<std::vector<int32_t>> encode(std::string_view text,
                                      const std::string &file,
                                      bool endLastLine = true) const;
  /// The same for a piece of a file that begins on a line of it. With
  /// `sink`, tokens are given to it in parts and none are returned.
  using Sink = std::function<Result<void>(std::span<const int32_t>)>;
  Result<std::vector<int32_t>> encode(TextPiece piece, const std::string &file,
                                      bool endLastLine,
                                      const Sink &sink = {}) const;

  /// The text of tokens, which must be in range. Words are joined by spaces,
  /// `<eos>` is a newline.
  std::string decode(std::span<const int32_t> tokens) const;
  /// The text of one sequence: without `<bos>`, and only up to `<eos>`.
  std::string decodeSequence(std::span<const int32_t> tokens) const;

  /// What `token` adds to a text that ends in `previous` (-1: none): its
  /// symbol, for words with the space before it. For printing tokens as they
  /// are drawn.
  std::string piece(int32_t previous, int32_t token) const;

private:
  static Result<Vocabulary> ofSymbols(TokenKind kind,
                                      std::vector<std::string> symbols,
                                      const std::string &file);

  TokenKind tokenKind = TokenKind::Chars;
  std::vector<std::string> symbols;
  std::unordered_map<std::string, int32_t> ids;
  /// For chars: id by code point, -1 for none.
  std::vector<int32_t> byCodePoint;
  std::optional<int32_t> unknownId, endOfLineId, beginId;
};

/// Reads a file of whole numbers between white space (`.ids`). With `size`,
/// each must be in 0..size-1; else in 0..2^31-2. An empty file is an error.
Result<std::vector<int32_t>> parseIds(std::string_view text,
                                      const std::string &file,
                                      std::optional<int64_t> size = {});
Result<std::vector<int32_t>> readIds(const std::filesystem::path &path,
                                     std::optional<int64_t> size = {});

/// One more than the greatest token: the V that a file of numbers asks for.
int64_t tokenBound(std::span<const int32_t> tokens);

/// The length in bytes of the UTF-8 sequence at the start of `text` and its
/// code point; nothing if it is not valid (overlong, surrogate, cut, above
/// 10FFFF).
struct CodePoint {
  uint32_t value;
  int length;
};
std::optional<CodePoint> decodeUtf8(std::string_view text);

/// Where the text is not UTF-8: `text is not UTF-8: byte 0xff` with its place.
Result<void> checkUtf8(std::string_view text, const std::string &file);

/// A symbol as messages show it: quoted, control characters escaped.
std::string quoteSymbol(std::string_view symbol);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_TEXT_H
