//===- Text.cpp - text to tokens and back ---------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// UTF-8, vocabularies and token numbers.
//
//===----------------------------------------------------------------------===//
#include "runtime/Text.h"

#include "runtime/AtomicFile.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace rnnc::rt {

using Json = nlohmann::ordered_json;

static constexpr std::string_view unknownSymbol = "<unk>";
static constexpr std::string_view endOfLineSymbol = "<eos>";
static constexpr std::string_view beginSymbol = "<bos>";
static constexpr std::string_view blankSymbol = "<blank>";

Result<TokenKind> parseTokenKind(std::string_view text) {
  for (TokenKind kind : {TokenKind::Chars, TokenKind::Bytes, TokenKind::Words,
                         TokenKind::Classes})
    if (nameOf(kind) == text)
      return kind;
  return makeError("bad-value", "'" + std::string(text) +
                                    "' is no kind of token; expected chars, "
                                    "bytes or words");
}

std::string_view nameOf(TokenKind kind) {
  switch (kind) {
  case TokenKind::Chars:
    return "chars";
  case TokenKind::Bytes:
    return "bytes";
  case TokenKind::Words:
    return "words";
  case TokenKind::Classes:
    return "classes";
  }
  return "";
}

std::optional<CodePoint> decodeUtf8(std::string_view text) {
  if (text.empty())
    return std::nullopt;
  const uint8_t first = static_cast<uint8_t>(text[0]);
  if (first < 0x80)
    return CodePoint{first, 1};
  int length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < static_cast<size_t>(length))
    return std::nullopt;
  uint32_t value = first & (0x7fu >> length);
  for (int i = 1; i < length; ++i) {
    uint8_t byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xc0) != 0x80)
      return std::nullopt;
    value = value << 6 | (byte & 0x3f);
  }
  // Overlong forms, surrogates and what is above the last code point.
  if ((length == 3 && value < 0x800) || (length == 4 && value < 0x10000) ||
      (value >= 0xd800 && value < 0xe000) || value > 0x10ffff)
    return std::nullopt;
  return CodePoint{value, length};
}

/// The line and the column, from 1, of a byte of the text.
static std::pair<int64_t, int64_t> placeOf(std::string_view text, size_t at) {
  std::string_view before = text.substr(0, at);
  int64_t line = 1 + std::count(before.begin(), before.end(), '\n');
  size_t start = before.rfind('\n');
  size_t column = start == std::string_view::npos ? at + 1 : at - start;
  return {line, static_cast<int64_t>(column)};
}

static Error errorAt(std::string id, std::string_view text, size_t at,
                     const std::string &file, std::string message) {
  auto [line, column] = placeOf(text, at);
  return makeFileError(std::move(id), file, std::move(message), line, column);
}

/// An error in a piece, as one of its file.
static Error placedIn(const TextPiece &piece, Error error) {
  if (error.line == 1)
    error.column += piece.column - 1;
  error.line += piece.line - 1;
  return error;
}

static Error notUtf8(std::string_view text, size_t at,
                     const std::string &file) {
  char hex[8];
  std::snprintf(hex, sizeof hex, "0x%02x", uint8_t(text[at]));
  return errorAt("not-utf8", text, at, file,
                 std::string("text is not UTF-8: byte ") + hex);
}

Result<void> checkUtf8(std::string_view text, const std::string &file) {
  for (size_t at = 0; at < text.size();) {
    // Most text is ASCII for long stretches.
    if (uint64_t eight = 0; text.size() - at >= sizeof eight) {
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if ((eight & 0x8080808080808080) == 0) {
        at += sizeof eight;
        continue;
      }
    }
    std::optional<CodePoint> point = decodeUtf8(text.substr(at));
    if (!point)
      return notUtf8(text, at, file);
    at += static_cast<size_t>(point->length);
  }
  return {};
}

std::string quoteSymbol(std::string_view symbol) {
  std::string out = "'";
  for (char c : symbol) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\r')
      out += "\\r";
    else if (uint8_t(c) < 0x20 || c == 0x7f) {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x", uint8_t(c));
      out += hex;
    } else
      out += c;
  }
  return out + "'";
}

static bool isSpace(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/// Calls `word(text, place)` for each word and `end(place)` at each line end;
/// stops when one returns false.
template <class Word, class End>
static bool eachWord(std::string_view text, bool endLastLine, Word word,
                     End end) {
  bool open = false;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '\n') {
      if (!end(at))
        return false;
      open = false;
      ++at;
      continue;
    }
    if (isSpace(text[at])) {
      ++at;
      continue;
    }
    size_t begin = at;
    while (at < text.size() && text[at] != '\n' && !isSpace(text[at]))
      ++at;
    open = true;
    if (!word(text.substr(begin, at - begin), begin))
      return false;
  }
  return !open || !endLastLine || end(text.size());
}

Result<TextForm> parseTextForm(std::string_view text) {
  TextForm form;
  const size_t slash = text.find('/');
  std::string_view tokens = text;
  if (slash != std::string_view::npos) {
    tokens = text.substr(slash + 1);
    form.parts = text.substr(0, slash) == "words"   ? TextParts::Words
                 : text.substr(0, slash) == "lines" ? TextParts::Lines
                                                    : TextParts::None;
  }
  Result<TokenKind> kind = parseTokenKind(tokens);
  const bool isText = kind && *kind != TokenKind::Classes;
  if (slash == std::string_view::npos && !isText)
    return makeError("bad-value",
                     "chars, bytes or words, found '" + std::string(text) +
                         "'");
  if (!isText || (slash != std::string_view::npos &&
                  (form.parts == TextParts::None ||
                   (form.parts == TextParts::Words &&
                    *kind == TokenKind::Words))))
    return makeError("bad-value", "words/chars, words/bytes, lines/chars, "
                                  "lines/bytes or lines/words, found '" +
                                      std::string(text) + "'");
  form.tokens = *kind;
  return form;
}

std::vector<TextPiece> cutText(const TextPiece &text, TextParts parts) {
  std::vector<TextPiece> result;
  int64_t line = text.line, column = text.column;
  for (size_t at = 0; at < text.text.size();) {
    const size_t end = std::min(text.text.find('\n', at), text.text.size());
    // A part and where it begins in this line.
    auto add = [&](std::string_view part, size_t place) {
      result.push_back({part, line, column + static_cast<int64_t>(place)});
      return true;
    };
    std::string_view all = text.text.substr(at, end - at);
    bool any = false;
    eachWord(
        all, false,
        [&](std::string_view word, size_t place) {
          any = true;
          return parts != TextParts::Words || add(word, place);
        },
        [](size_t) { return true; });
    if (all.ends_with('\r'))
      all.remove_suffix(1);
    if (any && parts != TextParts::Words)
      add(all, 0);
    at = end + 1;
    ++line;
    column = 1;
  }
  return result;
}

/// UTF-8 of a code point that is valid.
static std::string encodeUtf8(uint32_t point) {
  std::string out;
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | point >> 6);
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | point >> 12);
    out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | point >> 18);
    out += static_cast<char>(0x80 | (point >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  }
  return out;
}

/// `<blank>`, `<bos>`, `<eos>` and `<unk>` as far as they are wanted. Words have `<unk>`
/// before the `<eos>` of their lines, as in the literature.
static std::vector<std::string> specialSymbols(const VocabularyOptions &options,
                                               bool end, bool unknown) {
  std::vector<std::string> symbols;
  if (options.blank)
    symbols.emplace_back(blankSymbol);
  if (options.begin)
    symbols.emplace_back(beginSymbol);
  if (options.end)
    symbols.emplace_back(endOfLineSymbol);
  if (unknown)
    symbols.emplace_back(unknownSymbol);
  if (end && !options.end)
    symbols.emplace_back(endOfLineSymbol);
  return symbols;
}

/// The code points that occur, in order.
static std::vector<std::string>
charSymbols(std::span<const TextPiece> texts,
            const VocabularyOptions &options) {
  std::vector<int64_t> counts(0x80);
  for (const TextPiece &piece : texts)
    for (size_t at = 0; at < piece.text.size();) {
      if (auto first = static_cast<uint8_t>(piece.text[at]); first < 0x80) {
        ++counts[first];
        ++at;
        continue;
      }
      CodePoint point = *decodeUtf8(piece.text.substr(at));
      if (counts.size() <= point.value)
        counts.resize(point.value + 1);
      ++counts[point.value];
      at += static_cast<size_t>(point.length);
    }
  bool rare = false;
  for (int64_t count : counts)
    rare |= count > 0 && count < options.minCount;
  std::vector<std::string> symbols = specialSymbols(options, false, rare);
  for (uint32_t value = 0; value < counts.size(); ++value)
    if (counts[value] > 0 && counts[value] >= options.minCount)
      symbols.push_back(encodeUtf8(value));
  return symbols;
}

/// Words by frequency.
static std::vector<std::string>
wordSymbols(std::span<const TextPiece> texts,
            const VocabularyOptions &options) {
  std::unordered_map<std::string_view, int64_t> counts;
  bool haveUnknown = false;
  for (const TextPiece &piece : texts)
    eachWord(
        piece.text, true,
        [&](std::string_view word, size_t) {
          ++counts[word];
          return true;
        },
        [](size_t) { return true; });
  std::vector<std::pair<std::string_view, int64_t>> kept;
  for (const auto &[word, count] : counts) {
    if (word == unknownSymbol || count < options.minCount)
      haveUnknown = true;
    else if ((word != endOfLineSymbol ||
              !(options.lineEnds || options.end)) &&
             (word != beginSymbol || !options.begin) &&
             (word != blankSymbol || !options.blank))
      kept.push_back({word, count});
  }
  std::sort(kept.begin(), kept.end(), [](const auto &a, const auto &b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  std::vector<std::string> symbols =
      specialSymbols(options, options.lineEnds, haveUnknown);
  for (const auto &[word, count] : kept)
    symbols.emplace_back(word);
  return symbols;
}

/// The names that occur, in order.
static std::vector<std::string>
classSymbols(std::span<const TextPiece> texts) {
  std::set<std::string_view> names;
  for (const TextPiece &piece : texts)
    names.insert(piece.text);
  return {names.begin(), names.end()};
}

static std::vector<std::string> byteSymbols() {
  std::vector<std::string> symbols;
  for (int byte = 0; byte < 256; ++byte)
    symbols.push_back(std::string(1, static_cast<char>(byte)));
  return symbols;
}

Result<Vocabulary> Vocabulary::ofSymbols(TokenKind kind,
                                         std::vector<std::string> symbols,
                                         const std::string &file) {
  Vocabulary result;
  result.tokenKind = kind;
  result.symbols = std::move(symbols);
  for (size_t i = 0; i < result.symbols.size(); ++i) {
    const std::string &symbol = result.symbols[i];
    if (!result.ids.emplace(symbol, static_cast<int32_t>(i)).second)
      return makeFileError("bad-file", file,
                           "symbol " + quoteSymbol(symbol) + " occurs twice");
    if (kind != TokenKind::Chars || symbol == unknownSymbol ||
        symbol == beginSymbol || symbol == blankSymbol ||
        symbol == endOfLineSymbol)
      continue;
    std::optional<CodePoint> point = decodeUtf8(symbol);
    if (!point || static_cast<size_t>(point->length) != symbol.size())
      return makeFileError("bad-file", file,
                           "symbol " + quoteSymbol(symbol) +
                               " is not one character");
    if (result.byCodePoint.size() <= point->value)
      result.byCodePoint.resize(point->value + 1, -1);
    result.byCodePoint[point->value] = static_cast<int32_t>(i);
  }
  if (kind == TokenKind::Words || kind == TokenKind::Chars) {
    result.unknownId = result.find(unknownSymbol);
    result.endOfLineId = result.find(endOfLineSymbol);
    result.beginId = result.find(beginSymbol);
  }
  return result;
}

Result<Vocabulary> Vocabulary::build(TokenKind kind, std::string_view text,
                                     const std::string &file,
                                     int64_t minCount) {
  if (text.empty())
    return makeFileError("empty-data", file, "the text is empty");
  VocabularyOptions options;
  options.minCount = kind == TokenKind::Words ? minCount : 1;
  const TextPiece piece = {text, 1};
  return build(kind, {&piece, 1}, file, options);
}

Result<Vocabulary> Vocabulary::build(TokenKind kind,
                                     std::span<const TextPiece> texts,
                                     const std::string &file,
                                     const VocabularyOptions &options) {
  if (kind == TokenKind::Bytes) {
    if (options.begin || options.end || options.blank)
      return makeFileError("bad-value", file,
                           "bytes have no '<bos>', '<eos>' and '<blank>'; use "
                           "chars or words");
    return ofSymbols(kind, byteSymbols(), file);
  }
  for (const TextPiece &piece : texts)
    if (Result<void> valid = checkUtf8(piece.text, file); !valid)
      return placedIn(piece, valid.error());
  std::vector<std::string> symbols;
  if (kind == TokenKind::Chars)
    symbols = charSymbols(texts, options);
  else if (kind == TokenKind::Words)
    symbols = wordSymbols(texts, options);
  else
    symbols = classSymbols(texts);
  if (symbols.empty())
    return makeFileError("empty-data", file, "the text is empty");
  return ofSymbols(kind, std::move(symbols), file);
}

std::optional<int32_t> Vocabulary::find(std::string_view symbol) const {
  auto it = ids.find(std::string(symbol));
  if (it == ids.end())
    return std::nullopt;
  return it->second;
}

std::string Vocabulary::json() const {
  Json object;
  object["schema"] = 1;
  object["tokens"] = nameOf(tokenKind);
  if (tokenKind != TokenKind::Bytes)
    object["symbols"] = symbols;
  // The symbols were checked to be UTF-8, so this does not throw.
  return object.dump() + "\n";
}

Result<void> Vocabulary::save(const std::filesystem::path &path) const {
  return writeFile(path, json());
}

Result<Vocabulary> Vocabulary::parse(std::string_view json,
                                     const std::string &file) {
  auto bad = [&](std::string message) {
    return makeFileError("bad-file", file, std::move(message));
  };
  nlohmann::json object =
      nlohmann::json::parse(json.begin(), json.end(), nullptr, false);
  if (object.is_discarded() || !object.is_object())
    return bad("not a vocabulary: not a JSON object");
  auto tokens = object.find("tokens"), list = object.find("symbols");
  if (tokens == object.end() || !tokens->is_string())
    return bad("not a vocabulary: no 'tokens'");
  Result<TokenKind> kind =
      parseTokenKind(tokens->get_ref<const std::string &>());
  if (!kind)
    return bad(kind.error().message);
  if (*kind == TokenKind::Bytes)
    return ofSymbols(*kind, byteSymbols(), file);
  if (list == object.end() || !list->is_array() || list->empty())
    return bad("not a vocabulary: no 'symbols'");
  std::vector<std::string> symbols;
  for (const nlohmann::json &symbol : *list) {
    if (!symbol.is_string())
      return bad("symbol " + std::to_string(symbols.size()) +
                 " is not a string");
    symbols.push_back(symbol.get<std::string>());
  }
  return ofSymbols(*kind, std::move(symbols), file);
}

Result<Vocabulary> Vocabulary::load(const std::filesystem::path &path) {
  Result<std::string> text = readFile(path);
  if (!text)
    return text.error();
  return parse(*text, path.string());
}

namespace {
/// Tokens on their way to a vector or, in parts, to a sink.
class TokenOut {
public:
  TokenOut(std::vector<int32_t> &tokens, const Vocabulary::Sink &sink,
           size_t expected)
      : tokens(tokens), sink(sink) {
    tokens.reserve(sink ? part : expected);
  }
  /// False: the sink failed.
  bool add(int32_t token) {
    tokens.push_back(token);
    return !sink || tokens.size() < part || flush();
  }
  /// Adds the numbers that `numbers` has for ASCII characters, up to the first
  /// one that has none or is not ASCII. Gives how many: 0 after such a one, and
  /// where the sink failed.
  size_t addAscii(std::string_view text, std::span<const int32_t> numbers) {
    const size_t most = std::min(text.size(), part - tokens.size() % part);
    size_t count = 0;
    while (count < most && uint8_t(text[count]) < numbers.size() &&
           numbers[uint8_t(text[count])] >= 0)
      ++count;
    const size_t before = tokens.size();
    tokens.resize(before + count);
    for (size_t i = 0; i < count; ++i)
      tokens[before + i] = numbers[uint8_t(text[i])];
    return !sink || tokens.size() < part || flush() ? count : 0;
  }
  bool flush() {
    if (sink && status)
      status = sink(tokens);
    if (sink)
      tokens.clear();
    return bool(status);
  }
  Result<void> status;

private:
  static constexpr size_t part = 1 << 16;
  std::vector<int32_t> &tokens;
  const Vocabulary::Sink &sink;
};
} // namespace

Result<std::vector<int32_t>> Vocabulary::encode(std::string_view text,
                                                const std::string &file,
                                                bool endLastLine) const {
  return encode(TextPiece{text, 1}, file, endLastLine);
}

Result<std::vector<int32_t>> Vocabulary::encode(TextPiece piece,
                                                const std::string &file,
                                                bool endLastLine,
                                                const Sink &sink) const {
  const std::string_view text = piece.text;
  auto placed = [&](Error error) { return placedIn(piece, std::move(error)); };
  auto unknown = [&](std::string_view symbol, size_t at) {
    return placed(errorAt("unknown-symbol", text, at, file,
                          "symbol " + quoteSymbol(symbol) +
                              " is not in the vocabulary"));
  };
  std::vector<int32_t> tokens;
  TokenOut out(tokens, sink, tokenKind == TokenKind::Words ? 0 : text.size());
  if (tokenKind == TokenKind::Classes) {
    std::optional<int32_t> id = find(text);
    if (!id)
      return placed(errorAt("unknown-symbol", text, 0, file,
                            "there is no class " + quoteSymbol(text)));
    out.add(*id);
  } else if (tokenKind == TokenKind::Bytes) {
    for (char c : text)
      if (!out.add(static_cast<uint8_t>(c)))
        break;
  } else if (tokenKind == TokenKind::Chars) {
    const std::span<const int32_t> ascii(byCodePoint.data(),
                                         std::min<size_t>(byCodePoint.size(), 0x80));
    for (size_t at = 0; at < text.size();) {
      if (size_t count = out.addAscii(text.substr(at), ascii)) {
        at += count;
        continue;
      }
      if (!out.status)
        break;
      std::optional<CodePoint> point = decodeUtf8(text.substr(at));
      if (!point)
        return placed(notUtf8(text, at, file));
      int32_t id =
          point->value < byCodePoint.size() ? byCodePoint[point->value] : -1;
      if (id < 0)
        id = unknownId.value_or(-1);
      if (id < 0)
        return unknown(text.substr(at, static_cast<size_t>(point->length)), at);
      if (!out.add(id))
        break;
      at += static_cast<size_t>(point->length);
    }
  } else {
    if (Result<void> valid = checkUtf8(text, file); !valid)
      return placed(valid.error());
    std::string_view missing;
    size_t missingAt = 0;
    auto add = [&](std::string_view word, size_t at) {
      std::optional<int32_t> id = find(word);
      if (!id)
        id = unknownId;
      if (!id) {
        missing = word;
        missingAt = at;
        return false;
      }
      return out.add(*id);
    };
    auto end = [&](size_t at) { return add(endOfLineSymbol, at); };
    if (!eachWord(text, endLastLine, add, end) && out.status) {
      Error error = unknown(missing, missingAt);
      error.help = "--min-count=2 gives a vocabulary that has '<unk>'";
      return error;
    }
  }
  out.flush();
  if (!out.status)
    return out.status.error();
  return tokens;
}

std::string Vocabulary::piece(int32_t previous, int32_t token) const {
  if (tokenKind != TokenKind::Words)
    return endOfLineId == token ? "\n" : symbols[token];
  if (endOfLineId && token == *endOfLineId)
    return "\n";
  bool first = previous < 0 || (endOfLineId && previous == *endOfLineId);
  return (first ? "" : " ") + symbols[token];
}

std::string Vocabulary::decode(std::span<const int32_t> tokens) const {
  std::string text;
  int32_t previous = -1;
  for (int32_t token : tokens) {
    text += piece(previous, token);
    previous = token;
  }
  return text;
}

std::string
Vocabulary::decodeSequence(std::span<const int32_t> tokens) const {
  std::string text;
  int32_t previous = -1;
  for (int32_t token : tokens) {
    if (beginId && token == *beginId)
      continue;
    if (endOfLineId && token == *endOfLineId)
      break;
    text += piece(previous, token);
    previous = token;
  }
  return text;
}

Result<std::vector<int32_t>> parseIds(std::string_view text,
                                      const std::string &file,
                                      std::optional<int64_t> size) {
  const int64_t bound = size.value_or(INT32_MAX);
  std::vector<int32_t> tokens;
  const char *begin = text.data(), *end = begin + text.size();
  auto isSpace = [](char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
  };
  for (const char *at = begin; at != end;) {
    if (isSpace(*at)) {
      ++at;
      continue;
    }
    const char *stop = at;
    while (stop != end && !isSpace(*stop))
      ++stop;
    int64_t value = 0;
    auto [parsed, code] = std::from_chars(at, stop, value);
    auto where = [&](std::string message) {
      return errorAt("bad-token", text, static_cast<size_t>(at - begin), file,
                     std::move(message));
    };
    if (parsed != stop || code == std::errc::invalid_argument) {
      std::string_view word(
          at, static_cast<size_t>(std::min<ptrdiff_t>(stop - at, 40)));
      return where("expected a whole number, found " + quoteSymbol(word));
    }
    if (code != std::errc() || value < 0 || value >= bound)
      return where("token " +
                   std::string(at, static_cast<size_t>(
                                       std::min<ptrdiff_t>(stop - at, 40))) +
                   " is not in 0 to " + std::to_string(bound - 1));
    tokens.push_back(static_cast<int32_t>(value));
    at = stop;
  }
  if (tokens.empty())
    return makeFileError("empty-data", file, "the file has no tokens");
  return tokens;
}

Result<std::vector<int32_t>> readIds(const std::filesystem::path &path,
                                     std::optional<int64_t> size) {
  Result<std::string> text = readFile(path);
  if (!text)
    return text.error();
  return parseIds(*text, path == "-" ? "<stdin>" : path.string(), size);
}

int64_t tokenBound(std::span<const int32_t> tokens) {
  int64_t bound = 0;
  for (int32_t token : tokens)
    bound = std::max<int64_t>(bound, int64_t(token) + 1);
  return bound;
}

} // namespace rnnc::rt
