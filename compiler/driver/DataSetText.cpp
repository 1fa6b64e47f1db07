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

Result<void> Loader::readText(const Binding &binding,
                              std::vector<Column> &columns) {
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
  column.kind =
      *rt::parseTokenKind(tokenKinds.of(binding.input->name).value_or("chars"));
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
  if (column.sequence)
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
  }
  for (Column &column : columns)
    if (column.isText)
      if (auto done = column.examples ? encodeExamples(column)
                                      : encodeStream(column);
          !done)
        return done;
  return {};
}
