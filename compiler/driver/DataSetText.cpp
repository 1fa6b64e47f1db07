//===- DataSetText.cpp - Text as data -------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text and token numbers; vocabularies, made when all text that shares one is
// read; vocab.json.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/DataSetLoader.h"
#include "runtime/AtomicFile.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::driver;

const rt::Vocabulary *Vocabularies::find(const std::string &input) const {
  return share(input).get();
}

std::shared_ptr<const rt::Vocabulary>
Vocabularies::share(const std::string &input) const {
  for (const std::string &name : {input, std::string()})
    if (auto it = byInput.find(name); it != byInput.end())
      return it->second;
  return nullptr;
}

void Vocabularies::set(const std::string &input,
                       std::shared_ptr<const rt::Vocabulary> vocabulary) {
  byInput[input] = std::move(vocabulary);
}

std::string Vocabularies::json() const {
  // One of `--vocab` for all inputs stands under their names as well.
  auto own = byInput;
  if (own.size() > 1)
    own.erase("");
  if (own.size() == 1 &&
      own.begin()->second->kind() != rt::TokenKind::Classes) {
    Json one = Json::parse(own.begin()->second->json(), nullptr, false);
    if (!own.begin()->first.empty())
      one["input"] = own.begin()->first;
    return one.dump() + "\n";
  }
  Json inputs = Json::object();
  for (const auto &[name, vocabulary] : own) {
    // Just written, and whole.
    Json one = Json::parse(vocabulary->json(), nullptr, false);
    one.erase("schema");
    inputs[name] = std::move(one);
  }
  return Json({{"schema", 1}, {"inputs", inputs}}).dump() + "\n";
}

Result<Vocabularies> Vocabularies::load(const std::filesystem::path &path,
                                        bool ofRun) {
  auto text = rt::readFile(path);
  if (!text)
    return fromRuntime(text.error());
  Vocabularies result;
  auto add = [&](const std::string &name,
                 const std::string &json) -> Result<void> {
    auto vocabulary = rt::Vocabulary::parse(json, path.string());
    if (!vocabulary)
      return fromRuntime(vocabulary.error());
    result.set(name, std::make_shared<const rt::Vocabulary>(
                         std::move(*vocabulary)));
    return {};
  };
  Json object = Json::parse(*text, nullptr, false);
  if (!object.is_object() || !object.contains("inputs")) {
    // Whoever gives it by hand may have other names for its inputs.
    std::string name;
    if (ofRun && object.is_object() && object.contains("input") &&
        object["input"].is_string())
      name = object["input"].get<std::string>();
    if (auto done = add(name, *text); !done)
      return done.error();
    return result;
  }
  if (!object["inputs"].is_object())
    return fromRuntime(rt::makeFileError("bad-file", path.string(),
                                         "not a vocabulary: bad 'inputs'"));
  for (const auto &[name, one] : object["inputs"].items())
    if (auto done = add(name, one.dump()); !done)
      return done.error();
  return result;
}

Result<rt::TextForm> Loader::textForm(const hir::Input &input) const {
  const bool nested = isNested(input);
  const std::string given = tokenKinds.of(input.name).value_or(
      nested ? "words/chars" : "chars");
  rt::TextForm form = *rt::parseTextForm(given);
  if (nested == (form.parts != rt::TextParts::None))
    return form;
  return makeError(
      "data-type",
      "--tokens: '" + input.name + "' is " +
          hir::describeType(model, input.type) + ", which takes " +
          (nested ? "words/chars, words/bytes, lines/chars, lines/bytes or "
                    "lines/words"
                  : "chars, bytes or words") +
          ", found '" + given + "'");
}

/// N or N/M, both at least 1.
static std::optional<std::pair<int64_t, int64_t>>
parseLimit(const std::string &text) {
  const size_t slash = text.find('/');
  auto steps = parseWhole(text.substr(0, slash));
  auto inner = slash == std::string::npos ? std::optional<int64_t>(0)
                                          : parseWhole(text.substr(slash + 1));
  if (!steps || *steps < 1 || !inner ||
      (slash != std::string::npos && *inner < 1))
    return std::nullopt;
  return std::pair{*steps, *inner};
}

Result<void> Loader::checkLimit(const std::string &value) {
  if (parseLimit(value))
    return {};
  return usageError("--max-length expects N or N/M, whole numbers of at least "
                    "1, found '" +
                    value + "'");
}

Loader::TextLimit Loader::textLimit(const hir::Input &input) const {
  TextLimit limit;
  if (auto value = maxLengths.of(input.name)) {
    auto [steps, inner] = *parseLimit(*value);
    limit.steps = size_t(steps);
    if (inner > 0)
      limit.inner = size_t(inner);
  }
  return limit;
}

Result<void> Loader::checkLimits(const std::vector<Column> &columns) const {
  if (!maxLengths.all.empty() &&
      std::none_of(columns.begin(), columns.end(), [](const Column &column) {
        return column.isText && column.sequence;
      }))
    return makeError("data-type",
                     "--max-length: no input is read as sequences of text");
  for (const Column &column : columns) {
    const hir::Input &input = *column.input;
    auto value = maxLengths.of(input.name);
    const bool named = maxLengths.byInput.contains(input.name);
    auto bad = [&](const std::string &message) {
      return makeError("data-type", "--max-length: '" + input.name + "' " +
                                        message);
    };
    if (value && !column.examples)
      return bad("is one long sequence; only examples are cut");
    if (named && (!column.isText || !column.sequence))
      return bad("is " + hir::describeType(model, input.type) +
                 " from '" + column.source->shown +
                 "'; only sequences of text are cut");
    if (value && column.isText && column.sequence &&
        column.parts == rt::TextParts::None && textLimit(input).inner != SIZE_MAX)
      return bad("is " + hir::describeType(model, input.type) +
                 ", which takes N, found '" + *value + "'");
  }
  return {};
}

Result<void> Loader::readText(const Binding &binding,
                              std::vector<Column> &columns) {
  // A text of words of letters is a table of one column.
  if (isNested(*binding.input))
    return readTable(binding, columns);
  const hir::Type &type = binding.input->type;
  if (type.elem != hir::Elem::Int || !type.shape.empty() ||
      type.axes.size() != 1)
    return misfit(binding, "holds tokens");
  if (binding.source->bytes().empty())
    return fromRuntime(rt::makeFileError("empty-data", binding.source->shown,
                                         "the text is empty"));
  Column column;
  column.input = binding.input;
  column.source = binding.source;
  column.sequence = column.isTokens = column.isText = true;
  auto form = textForm(*binding.input);
  if (!form)
    return form.error();
  column.kind = form->tokens;
  column.pieces.push_back({binding.source->bytes(), 1});
  columns.push_back(std::move(column));
  return {};
}

Result<void> Loader::readIds(const Binding &binding,
                             std::vector<Column> &columns) {
  const hir::Type &type = binding.input->type;
  if (type.elem != hir::Elem::Int || !type.shape.empty() ||
      type.axes.size() != 1)
    return misfit(binding, "holds tokens");
  auto ids = rt::parseIds(binding.source->bytes(), binding.source->shown);
  if (!ids)
    return fromRuntime(ids.error());
  Column column;
  column.input = binding.input;
  column.source = binding.source;
  column.sequence = column.isTokens = true;
  auto kept = std::make_shared<const std::vector<int32_t>>(std::move(*ids));
  column.tokens = *kept;
  column.owner = std::move(kept);
  columns.push_back(std::move(column));
  return {};
}

bool Loader::generated(const hir::Input &input, const char *symbol) const {
  if (!input.target)
    return false;
  return std::any_of(model.statics.begin(), model.statics.end(),
                     [&](const hir::ModelSize &size) {
                       return !size.isSize && size.name == symbol;
                     });
}

Result<std::shared_ptr<const rt::Vocabulary>>
Loader::vocabularyFor(const Column &column, std::vector<Column> &columns) {
  Vocabularies &known = out.learned.symbols;
  auto letterOf = [&](const hir::Input &input) {
    return input.type.range ? sizeName(model, *input.type.range) : std::nullopt;
  };
  auto group = letterOf(*column.input);
  auto shares = [&](const hir::Input &input) {
    return &input == column.input || (group && letterOf(input) == group);
  };
  for (const hir::Input &input : model.inputs)
    if (shares(input))
      if (auto found = known.share(input.name))
        if ((found->kind() == rt::TokenKind::Classes) ==
            (column.kind == rt::TokenKind::Classes)) {
          known.set(column.input->name, found);
          return found;
        }
  rt::VocabularyOptions options;
  options.minCount =
      *parseWhole(minCounts.of(column.input->name).value_or("1"));
  // Of streams only words have rare ones, as always.
  if (!column.examples && column.kind == rt::TokenKind::Chars)
    options.minCount = 1;
  options.lineEnds = !column.examples;
  std::vector<rt::TextPiece> pieces;
  for (const Column &other : columns)
    if (other.isText && shares(*other.input)) {
      pieces.insert(pieces.end(), other.pieces.begin(), other.pieces.end());
      options.begin |= other.examples && generated(*other.input, "bos");
      options.end |= other.examples && generated(*other.input, "eos");
      options.blank |= other.examples && generated(*other.input, "blank");
    }
  auto made = rt::Vocabulary::build(column.kind, pieces, column.source->shown,
                                    options);
  if (!made)
    return fromRuntime(made.error());
  auto vocabulary = std::make_shared<const rt::Vocabulary>(std::move(*made));
  known.set(column.input->name, vocabulary);
  return vocabulary;
}

Result<void> Loader::encodeStream(Column &column) {
  const rt::TextPiece &text = column.pieces[0];
  auto store = rt::TokenStore::create(int64_t(text.text.size()) + 1);
  if (!store)
    return fromRuntime(store.error());
  auto sink = [&](std::span<const int32_t> part) {
    return (*store)->append(part);
  };
  auto done = column.symbols->encode(text, column.source->shown, true, sink);
  if (!done)
    return fromRuntime(done.error());
  if (auto finished = (*store)->finish(); !finished)
    return fromRuntime(finished.error());
  column.tokens = (*store)->tokens();
  if (column.tokens.empty())
    return makeError("empty-data", "'" + column.source->shown + "' is empty");
  column.owner = std::shared_ptr<const rt::TokenStore>(std::move(*store));
  return {};
}

Result<void> Loader::encodeExamples(Column &column) {
  const rt::Vocabulary &symbols = *column.symbols;
  const hir::Input &input = *column.input;
  std::optional<int32_t> end;
  if (generated(input, "eos"))
    end = symbols.endOfLine();
  const TextLimit limit = textLimit(input);
  const size_t most = !column.sequence                       ? SIZE_MAX
                      : column.parts == rt::TextParts::None ? limit.steps
                                                             : limit.inner;
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets = {0};
  std::string line;
  for (rt::TextPiece piece : column.pieces) {
    // A line end inside a field is a space between words.
    if (column.kind == rt::TokenKind::Words &&
        piece.text.find('\n') != std::string_view::npos) {
      line = piece.text;
      std::replace(line.begin(), line.end(), '\n', ' ');
      piece.text = line;
    }
    auto tokens = symbols.encode(piece, column.source->shown, false);
    if (!tokens)
      return fromRuntime(tokens.error());
    if (tokens->size() > most)
      tokens->resize(most);
    ids.insert(ids.end(), tokens->begin(), tokens->end());
    if (end)
      ids.push_back(*end);
    if (int64_t(ids.size()) == offsets.back())
      return fromRuntime(rt::makeFileError(
          "empty-data", column.source->shown,
          "'" + input.name + "' is empty; a sequence needs at least 1 token",
          piece.line));
    offsets.push_back(int64_t(ids.size()));
  }
  column.tensor =
      rt::Tensor::of<int32_t>({int64_t(ids.size())}, std::span<const int32_t>(ids));
  if (column.parts != rt::TextParts::None)
    column.inner = std::move(offsets);
  else if (column.sequence)
    column.offsets = std::move(offsets);
  return {};
}

Result<void> Loader::encodeText(std::vector<Column> &columns) {
  for (Column &column : columns) {
    if (!column.isText)
      continue;
    auto vocabulary = vocabularyFor(column, columns);
    if (!vocabulary)
      return vocabulary.error();
    column.symbols = *vocabulary;
    column.kind = column.symbols->kind();
    if (column.parts == rt::TextParts::Words &&
        column.kind == rt::TokenKind::Words)
      return makeError("data-type", "the vocabulary of '" +
                                        column.input->name +
                                        "' is of words; words are read as "
                                        "chars or bytes",
                       "give --tokens " + column.input->name +
                           "=lines/words for lines of words");
  }
  for (Column &column : columns)
    if (column.isText)
      if (auto done = column.examples ? encodeExamples(column)
                                      : encodeStream(column);
          !done)
        return done;
  return {};
}
