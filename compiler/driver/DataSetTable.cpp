//===- DataSetTable.cpp - Tables as data ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CSV series, and examples a line of TSV and JSON lines: numbers, labels, text
// and sequences of numbers, as the model's types ask for.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/DataSetLoader.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace rnnc;
using namespace rnnc::driver;

/// The parts of a list with commas.
static std::vector<std::string> listed(const std::string &text) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= text.size();) {
    size_t end = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

/// `COLUMN?` asks which rows have the column.
static bool asksPresence(const std::string &field) {
  return field.ends_with('?');
}

/// Whether the first row names the columns: it does if a field is one of its
/// cells, and in CSV without such a field if it has a cell that is no number.
static bool hasHeader(const rt::Table &table, const Source &source) {
  for (const std::string &field : source.fields)
    for (std::string name : listed(field)) {
      if (asksPresence(name))
        name.pop_back();
      if (!name.empty() && !parseWhole(name) && table.firstRowHas(name))
        return true;
    }
  const std::vector<rt::Cell> &first = table.row(0);
  return table.kind == rt::TableKind::Csv &&
         std::any_of(first.begin(), first.end(), [](const rt::Cell &cell) {
           return !rt::cellNumber(cell.text);
         });
}

/// The table of a file, read once.
static Result<void> readOnce(Source &source) {
  if (source.table)
    return {};
  rt::TableKind kind = source.ending == ".csv"     ? rt::TableKind::Csv
                       : source.ending == ".jsonl" ? rt::TableKind::Jsonl
                                                   : rt::TableKind::Tsv;
  auto table = rt::parseTable(kind, source.bytes(), source.shown);
  if (!table)
    return fromRuntime(table.error());
  if (kind != rt::TableKind::Jsonl && hasHeader(*table, source)) {
    table->takeHeader();
    if (table->rowCount() == 0)
      return fromRuntime(rt::makeFileError("empty-data", source.shown,
                                           "there are no rows after the "
                                           "names of the columns"));
  }
  source.table = std::make_shared<rt::Table>(std::move(*table));
  return {};
}

Result<std::vector<size_t>> Loader::chosenColumns(const Binding &binding) {
  const rt::Table &table = *binding.source->table;
  const std::string &shown = binding.source->shown;
  std::vector<size_t> chosen;
  if (binding.field.empty()) {
    // All columns that begin with a number; a sole column, whatever it holds.
    const std::vector<rt::Cell> &first = table.row(0);
    for (size_t i = 0; i < first.size(); ++i)
      if (table.width == 1 || rt::cellNumber(first[i].text))
        chosen.push_back(i);
    if (table.kind != rt::TableKind::Csv && table.width > 1)
      return makeError("unbound-data",
                       "'" + shown + "' has " + std::to_string(table.width) +
                           " columns",
                       "write " + binding.input->name + "=" + binding.file +
                           "#COLUMN");
    if (chosen.empty())
      return makeError("data-type",
                       "'" + shown + "' has no column that begins with a "
                                     "number");
    return chosen;
  }
  std::string field = binding.field;
  if (asksPresence(field))
    field.pop_back();
  for (const std::string &name : listed(field)) {
    auto column = table.find(name);
    if (!column) {
      std::string near = nearestName(name, table.names);
      return makeError(
          "unknown-field",
          "'" + shown + "' has no column '" + name + "'",
          !near.empty()         ? "did you mean '" + near + "'?"
          : table.names.empty() ? "its columns have no names; give numbers "
                                  "from 1 to " +
                                      std::to_string(table.width)
                                : "");
    }
    chosen.push_back(*column);
  }
  return chosen;
}

Result<rt::Tensor>
Loader::tableNumbers(const Binding &binding,
                     const std::vector<size_t> &chosen) {
  const rt::Table &table = *binding.source->table;
  const int64_t count = int64_t(table.rowCount());
  const int64_t width = int64_t(chosen.size());
  // What is missing may be if something says where.
  bool mayMiss = std::any_of(binding.source->fields.begin(),
                             binding.source->fields.end(), asksPresence);
  auto made = rt::Tensor::create(rt::DType::F64, {count, width});
  if (!made)
    return fromRuntime(made.error());
  std::span<double> values = made->as<double>();
  for (int64_t r = 0; r < count; ++r)
    for (int64_t c = 0; c < width; ++c) {
      double &value = values[size_t(r * width + c)];
      auto cell = table.cell(size_t(r), chosen[size_t(c)]);
      if (cell) {
        if (auto number = rt::cellNumber(cell->text)) {
          value = *number;
          continue;
        }
        std::string_view text = cell->text;
        if (!(mayMiss && (text.empty() || text == "NA" || text == "nan" ||
                          text == "NaN")))
          return fromRuntime(table.errorAt(
              *cell, chosen[size_t(c)], "bad-number",
              text.empty() ? "the number is missing"
                           : rt::quoteSymbol(text.substr(0, 40)) +
                                 " is not a number"));
      } else if (!mayMiss) {
        return fromRuntime(cell.error());
      }
      // Becomes 0 after scaling.
      value = std::numeric_limits<double>::quiet_NaN();
    }
  return std::move(*made);
}

Result<void> Loader::tableText(const Binding &binding, size_t column,
                               Column &made) {
  const rt::Table &table = *binding.source->table;
  made.isText = true;
  const TextLimit limit = textLimit(*made.input);
  if (made.parts != rt::TextParts::None)
    made.offsets = {0};
  for (size_t r = 0; r < table.rowCount(); ++r) {
    auto cell = table.cell(r, column);
    if (!cell)
      return fromRuntime(cell.error());
    const rt::TextPiece text = {cell->text, cell->line, cell->column};
    made.lines.push_back(text.line);
    if (made.parts == rt::TextParts::None) {
      made.pieces.push_back(text);
      continue;
    }
    std::vector<rt::TextPiece> parts = rt::cutText(text, made.parts);
    if (parts.empty())
      return fromRuntime(rt::makeFileError(
          "empty-data", table.file,
          "'" + made.input->name + "' is empty; a sequence needs at least 1 " +
              (made.parts == rt::TextParts::Words ? "word" : "line"),
          text.line));
    if (parts.size() > limit.steps)
      parts.resize(limit.steps);
    made.pieces.insert(made.pieces.end(), parts.begin(), parts.end());
    made.offsets.push_back(int64_t(made.pieces.size()));
  }
  return {};
}

Result<void> Loader::tableLabels(const Binding &binding, size_t column,
                                 Column &made) {
  // Labels that are whole numbers are those numbers, others are names.
  const rt::Table &table = *binding.source->table;
  if (auto done = tableText(binding, column, made); !done)
    return done;
  const rt::Vocabulary *known = out.learned.symbols.find(made.input->name);
  bool named = known && known->kind() == rt::TokenKind::Classes;
  std::vector<int32_t> ids;
  for (size_t r = 0; r < table.rowCount() && !named; ++r) {
    auto number = parseWhole(made.pieces[r].text);
    if (!number || *number < 0 || *number > INT32_MAX - 1)
      named = true;
    else
      ids.push_back(int32_t(*number));
  }
  if (named) {
    made.kind = rt::TokenKind::Classes;
    return {};
  }
  made.isText = false;
  made.tensor = rt::Tensor::of<int32_t>({int64_t(ids.size())},
                                        std::span<const int32_t>(ids));
  return {};
}

Result<void> Loader::tableSequences(const Binding &binding, size_t column,
                                    Column &made) {
  const rt::Table &table = *binding.source->table;
  const hir::Type &type = made.input->type;
  if (auto done = tableText(binding, column, made); !done)
    return done;
  made.isText = false;
  if (made.pieces[0].text.ends_with(".wav") &&
      type.elem == hir::Elem::Real && type.shape.size() == 1) {
    // A column of paths, from the folder of the table.
    std::vector<std::string> paths;
    std::filesystem::path folder =
        std::filesystem::path(binding.source->path).parent_path();
    for (const rt::TextPiece &piece : made.pieces)
      paths.push_back((folder / piece.text).string());
    return addSounds(paths, made);
  }
  std::vector<double> values;
  made.offsets = {0};
  int64_t width = -1;
  for (size_t r = 0; r < table.rowCount(); ++r) {
    const rt::Cell cell = *table.cell(r, column);
    auto bad = [&](const std::string &message) {
      return fromRuntime(table.errorAt(cell, column, "bad-number", message));
    };
    auto numbers = rt::cellNumbers(cell.text);
    if (!numbers)
      return bad("expected numbers, found " +
                 rt::quoteSymbol(std::string_view(cell.text).substr(0, 40)));
    // Numbers that stand alone are steps of one number.
    int64_t own = numbers->width ? int64_t(numbers->width) : 1;
    if (type.shape.empty() && numbers->width)
      return bad("arrays of arrays, but '" + made.input->name + "' is " +
                 hir::describeType(model, type));
    if (width >= 0 && own != width)
      return bad("a step has " + std::to_string(own) + " numbers, before " +
                 std::to_string(width));
    width = own;
    int64_t steps = int64_t(numbers->values.size()) / own;
    if (steps == 0)
      return bad("a sequence needs at least 1 step");
    values.insert(values.end(), numbers->values.begin(), numbers->values.end());
    made.offsets.push_back(made.offsets.back() + steps);
  }
  return setNumbers(binding, values, width, made);
}

Result<void> Loader::setNumbers(const Binding &binding,
                                std::span<const double> values, int64_t width,
                                Column &made) {
  const hir::Type &type = made.input->type;
  std::vector<int64_t> shape = {int64_t(values.size()) / width};
  if (!type.shape.empty())
    shape.push_back(width);
  auto converted = rt::Tensor::of<double>(shape, values)
                       .convert(elementType(*made.input));
  if (!converted)
    return makeError("data-type", "'" + binding.source->shown + "' for '" +
                                      made.input->name +
                                      "': " + converted.error().message);
  made.tensor = std::move(*converted);
  made.scalable = type.elem == hir::Elem::Real;
  return {};
}

Result<void> Loader::tableSteps(const Binding &binding, size_t column,
                                Column &made) {
  const rt::Table &table = *binding.source->table;
  const hir::Type &type = made.input->type;
  std::vector<double> values;
  made.offsets = made.inner = {0};
  int64_t width = -1;
  for (size_t r = 0; r < table.rowCount(); ++r) {
    auto cell = table.cell(r, column);
    if (!cell)
      return fromRuntime(cell.error());
    auto bad = [&](const std::string &message) {
      return fromRuntime(
          table.errorAt(*cell, column, "bad-number", message));
    };
    auto steps = rt::cellSteps(cell->text);
    if (!steps || (type.shape.empty() && steps->width))
      return bad("expected a JSON array of arrays of " +
                 std::string(type.shape.empty() ? "numbers" : "values") +
                 ", none empty, found " +
                 rt::quoteSymbol(
                     std::string_view(cell->text).substr(0, 40)));
    int64_t own = steps->width ? int64_t(steps->width) : 1;
    if (width >= 0 && own != width)
      return bad("a value has " + std::to_string(own) + " numbers, before " +
                 std::to_string(width));
    width = own;
    values.insert(values.end(), steps->values.begin(), steps->values.end());
    for (int64_t length : steps->lengths)
      made.inner.push_back(made.inner.back() + length);
    made.offsets.push_back(int64_t(made.inner.size()) - 1);
    made.lines.push_back(cell->line);
  }
  return setNumbers(binding, values, width, made);
}

Result<void> Loader::readArrays(const Binding &binding, size_t column,
                                std::vector<Column> &columns) {
  const rt::Table &table = *binding.source->table;
  std::vector<double> values;
  size_t width = 0;
  for (size_t r = 0; r < table.rowCount(); ++r) {
    auto cell = table.cell(r, column);
    if (!cell)
      return fromRuntime(cell.error());
    auto numbers = rt::cellNumbers(cell->text);
    if (r == 0 && numbers)
      width = numbers->values.size();
    if (!numbers || numbers->width || numbers->values.size() != width)
      return fromRuntime(table.errorAt(
          *cell, column, "bad-number",
          "expected " + (r ? std::to_string(width) + " " : "") +
              "numbers, found " +
              rt::quoteSymbol(std::string_view(cell->text).substr(0, 40))));
    values.insert(values.end(), numbers->values.begin(), numbers->values.end());
  }
  return addTensor(
      binding, *binding.input,
      rt::Tensor::of<double>({int64_t(table.rowCount()), int64_t(width)},
                             std::span<const double>(values)),
      columns);
}

Result<void> Loader::readTable(const Binding &binding,
                               std::vector<Column> &columns) {
  if (auto done = readOnce(*binding.source); !done)
    return done;
  const rt::Table &table = *binding.source->table;
  const hir::Input &input = *binding.input;
  const hir::Type &type = input.type;
  const bool csv = table.kind == rt::TableKind::Csv;
  const bool nested = isNested(input);
  if ((type.axes.size() > 1 && !nested) || type.shape.size() > 1)
    return misfit(binding, "has rows and columns");
  auto chosen = chosenColumns(binding);
  if (!chosen)
    return chosen.error();
  std::vector<std::string> names;
  for (size_t column : *chosen)
    names.push_back(column < table.names.size()
                        ? table.names[column]
                        : input.name + (chosen->size() > 1
                                            ? std::to_string(column + 1)
                                            : ""));
  auto one = [&]() -> Result<void> {
    if (chosen->size() == 1)
      return {};
    return makeError("data-type", "'" + input.name + "' takes one column, '" +
                                      binding.source->shown + "' has " +
                                      std::to_string(chosen->size()));
  };
  if (asksPresence(binding.field)) {
    if (type.elem != hir::Elem::Bool)
      return makeError("data-type", "'" + binding.field +
                                        "' says which rows have the column; '" +
                                        input.name + "' is " +
                                        hir::describeType(model, type) +
                                        ", not bool");
    if (auto done = one(); !done && type.shape.empty())
      return done;
    auto numbers = tableNumbers(binding, *chosen);
    if (!numbers)
      return numbers.error();
    for (double &value : numbers->as<double>())
      value = !std::isnan(value);
    if (type.shape.empty())
      *numbers = *numbers->reshape({numbers->size()});
    return addTensor(binding, input, std::move(*numbers), columns);
  }

  // Examples a line, unless this is a CSV series.
  Column made;
  made.input = &input;
  made.source = binding.source;
  made.examples = true;
  made.sequence = !type.axes.empty();
  made.names = names;
  const bool whole = type.elem == hir::Elem::Int && type.shape.empty();
  // Whether cells hold JSON; what cannot be text is said where it is read.
  auto first = table.cell(0, chosen->front());
  const bool arrays = first && first->text.starts_with('[') &&
                      table.kind == rt::TableKind::Jsonl &&
                      (rt::cellNumbers(first->text) ||
                       rt::cellSteps(first->text));
  if (nested) {
    if (auto done = one(); !done)
      return done;
    if (!whole || arrays) {
      if (auto done = tableSteps(binding, chosen->front(), made); !done)
        return done;
      columns.push_back(std::move(made));
      return {};
    }
    auto form = textForm(input);
    if (!form)
      return form.error();
    made.parts = form->parts;
    made.kind = form->tokens;
    if (auto done = tableText(binding, chosen->front(), made); !done)
      return done;
    columns.push_back(std::move(made));
    return {};
  }
  auto isNumber = [&](size_t row) {
    auto cell = table.cell(row, chosen->front());
    return cell && rt::cellNumber(cell->text);
  };
  if (whole && type.axes.empty()) {
    if (auto done = one(); !done)
      return done;
    if (auto done = tableLabels(binding, chosen->front(), made); !done)
      return done;
    columns.push_back(std::move(made));
    return {};
  }
  if (whole && !(csv && isNumber(0))) {
    if (auto done = one(); !done)
      return done;
    // JSON arrays of numbers are tokens as they are.
    if (auto done = arrays ? tableSequences(binding, chosen->front(), made)
                           : tableText(binding, chosen->front(), made);
        !done)
      return done;
    if (!arrays) {
      auto form = textForm(input);
      if (!form)
        return form.error();
      made.kind = form->tokens;
    }
    columns.push_back(std::move(made));
    return {};
  }
  if (!csv && !type.axes.empty()) {
    if (auto done = one(); !done)
      return done;
    if (auto done = tableSequences(binding, chosen->front(), made); !done)
      return done;
    columns.push_back(std::move(made));
    return {};
  }
  if (type.shape.empty())
    if (auto done = one(); !done)
      return done;
  // A cell may hold the whole value as an array.
  if (!csv && chosen->size() == 1 && !type.shape.empty() && first &&
      !rt::cellNumber(first->text))
    return readArrays(binding, chosen->front(), columns);
  auto numbers = tableNumbers(binding, *chosen);
  if (!numbers)
    return numbers.error();
  if (type.shape.empty())
    *numbers = *numbers->reshape({numbers->size()});
  return addTensor(binding, input, std::move(*numbers), columns, names);
}
