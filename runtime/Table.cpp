//===- Table.cpp - files of rows and columns ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Splitting of lines into cells, and reading of numbers.
//
//===----------------------------------------------------------------------===//
#include "runtime/Table.h"

#include "runtime/Text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

namespace rnnc::rt {

void Table::takeHeader() {
  if (rowCount() == 0)
    return;
  for (const Cell &cell : row(0))
    names.emplace_back(cell.text);
  header = true;
}

bool Table::firstRowHas(std::string_view name) const {
  if (rowCount() == 0)
    return false;
  const std::vector<Cell> &first = row(0);
  return std::any_of(first.begin(), first.end(),
                     [&](const Cell &cell) { return cell.text == name; });
}

void Table::addRow(std::string text) {
  std::string_view held = keep(count, std::move(text));
  made.push_back({Cell{held, 1, 1}});
  width = std::max<size_t>(width, 1);
  ++count;
}

std::string_view Table::keep(size_t at, std::string text) const {
  return kept.emplace(at, std::move(text)).first->second;
}

const std::vector<Cell> &Table::row(size_t number) const {
  number += header;
  if (!made.empty())
    return made[number];
  if (next && current == number)
    return cells;
  size_t from = current + 1;
  if (!next || number < from || number - from >= spacing) {
    from = number / spacing * spacing;
    next = places[from / spacing];
  }
  // The text was split before, without an error.
  for (current = from;; ++current) {
    (void)split(*next);
    if (current == number)
      return cells;
  }
}

std::optional<size_t> Table::find(std::string_view field) const {
  auto it = std::find(names.begin(), names.end(), field);
  if (it != names.end())
    return static_cast<size_t>(it - names.begin());
  size_t number = 0;
  const char *end = field.data() + field.size();
  auto [stop, code] = std::from_chars(field.data(), end, number);
  if (code != std::errc() || stop != end || number < 1 || number > width)
    return std::nullopt;
  return number - 1;
}

std::string Table::columnName(size_t column) const {
  return column < names.size() && !names[column].empty()
             ? "'" + names[column] + "'"
             : std::to_string(column + 1);
}

Error Table::errorAt(const Cell &cell, size_t column, std::string id,
                     std::string message) const {
  return makeFileError(std::move(id), file,
                       "column " + columnName(column) + ": " + message,
                       cell.line, cell.column);
}

Result<Cell> Table::cell(size_t number, size_t column) const {
  const std::vector<Cell> &cells = row(number);
  if (column < cells.size() && cells[column].line > 0)
    return cells[column];
  int64_t line = 0;
  for (const Cell &other : cells)
    line = std::max(line, other.line);
  if (kind == TableKind::Jsonl)
    return makeFileError("bad-row", file,
                         "the line has no " + columnName(column), line);
  return makeFileError("bad-row", file,
                       "the line has " + std::to_string(cells.size()) +
                           (cells.size() == 1 ? " column" : " columns") +
                           ", column " + columnName(column) + " is missing",
                       line);
}

/// A line without its end.
static std::string_view lineAt(std::string_view text, size_t at, size_t &next) {
  size_t end = std::min(text.find('\n', at), text.size());
  next = end + 1;
  std::string_view line = text.substr(at, end - at);
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  return line;
}

/// Splits the row at a place, which becomes the one behind it. False at the end.
Result<bool> Table::split(Place &place) const {
  return kind == TableKind::Tsv ? splitTsv(place) : splitCsv(place);
}

Result<bool> Table::splitTsv(Place &place) const {
  cells.clear();
  while (place.at < text.size()) {
    std::string_view line = lineAt(text, place.at, place.at);
    const int64_t number = place.line++;
    if (line.empty())
      continue;
    for (size_t begin = 0; begin <= line.size();) {
      size_t end = std::min(line.find('\t', begin), line.size());
      cells.push_back({line.substr(begin, end - begin), number,
                       static_cast<int64_t>(begin) + 1});
      begin = end + 1;
    }
    return true;
  }
  return false;
}

Result<bool> Table::splitCsv(Place &place) const {
  size_t &at = place.at;
  while (at < text.size()) {
    // One row; it may go over several lines inside quotes.
    cells.clear();
    size_t lineBegin = at;
    bool more = true;
    while (more) {
      const size_t start = at;
      Cell cell{"", place.line, static_cast<int64_t>(at - lineBegin) + 1};
      if (text[at] == '"') {
        // Up to the quote that closes it; doubled ones stand for one.
        bool doubled = false, closed = false;
        for (++at; at < text.size() && !closed;) {
          const char c = text[at++];
          if (c == '"' && at < text.size() && text[at] == '"') {
            doubled = true;
            ++at;
          } else if (c == '"') {
            closed = true;
          } else if (c == '\n') {
            ++place.line;
            lineBegin = at;
          }
        }
        if (!closed)
          return makeFileError("bad-row", file, "the quote is never closed",
                               cell.line, cell.column);
        cell.text = text.substr(start + 1, at - start - 2);
        const size_t rest = at;
        at = std::min(text.find_first_of(",\n", at), text.size());
        std::string_view behind = text.substr(rest, at - rest);
        if ((at == text.size() || text[at] == '\n') && behind.ends_with('\r'))
          behind.remove_suffix(1);
        if (doubled || !behind.empty()) {
          auto it = kept.find(start);
          if (it == kept.end()) {
            std::string own;
            for (size_t i = 0; i < cell.text.size(); ++i) {
              own += cell.text[i];
              i += cell.text[i] == '"';
            }
            // What follows a closing quote belongs to the cell, as elsewhere.
            own += behind;
            cell.text = keep(start, std::move(own));
          } else {
            cell.text = it->second;
          }
        }
      } else {
        at = std::min(text.find_first_of(",\n", at), text.size());
        cell.text = text.substr(start, at - start);
        if ((at == text.size() || text[at] == '\n') &&
            cell.text.ends_with('\r'))
          cell.text.remove_suffix(1);
      }
      more = at < text.size() && text[at] == ',';
      cells.push_back(cell);
      if (!more)
        break;
      if (++at == text.size()) {
        // A comma at the very end has an empty cell behind it.
        cells.push_back({text.substr(at), place.line,
                         static_cast<int64_t>(at - lineBegin) + 1});
        break;
      }
    }
    if (at < text.size()) {
      ++at;
      ++place.line;
    }
    if (cells.size() > 1 || !cells[0].text.empty())
      return true;
  }
  cells.clear();
  return false;
}

/// Goes over the text once: its rows are counted, and wrong ones are said.
Result<void> Table::findRows() {
  for (Place place;; ++count) {
    const Place begin = place;
    auto found = split(place);
    if (!found)
      return found.error();
    if (!*found)
      break;
    if (count % spacing == 0)
      places.push_back(begin);
    width = std::max(width, cells.size());
  }
  return {};
}

/// What a cell holds of a JSON value.
static std::string textOf(const nlohmann::ordered_json &value) {
  auto isString = [](const auto &entry) { return entry.is_string(); };
  if (value.is_string())
    return value.get<std::string>();
  if (!value.is_array() || value.empty() ||
      !std::all_of(value.begin(), value.end(), isString))
    return value.dump();
  std::string text;
  for (const auto &entry : value)
    text += (text.empty() ? "" : "\n") + entry.get<std::string>();
  return text;
}

Result<void> Table::readJsonl() {
  if (Result<void> valid = checkUtf8(text, file); !valid)
    return valid;
  std::unordered_map<std::string, size_t> columns;
  int64_t number = 0;
  size_t texts = 0;
  for (size_t at = 0, next = 0; at < text.size(); at = next) {
    std::string_view line = lineAt(text, at, next);
    ++number;
    if (line.find_first_not_of(" \t") == std::string_view::npos)
      continue;
    auto object = nlohmann::ordered_json::parse(line.begin(), line.end(),
                                                nullptr, false);
    if (!object.is_object())
      return makeFileError("bad-row", file,
                           "expected a JSON object on the line", number);
    std::vector<Cell> &row = made.emplace_back(columns.size());
    for (const auto &[key, value] : object.items()) {
      auto [it, fresh] = columns.emplace(key, columns.size());
      if (fresh) {
        names.push_back(key);
        row.emplace_back();
      }
      row[it->second] = {keep(texts++, textOf(value)), number, 1};
    }
  }
  count = made.size();
  width = columns.size();
  return {};
}

Result<Table> parseTable(TableKind kind, std::string_view text,
                         const std::string &file) {
  Table table(kind, file);
  // Spreadsheets begin their files with a byte order mark.
  if (text.starts_with("\xef\xbb\xbf"))
    text.remove_prefix(3);
  table.text = text;
  Result<void> done =
      kind == TableKind::Jsonl ? table.readJsonl() : table.findRows();
  if (!done)
    return done.error();
  if (table.rowCount() == 0)
    return makeFileError("empty-data", file, "the file is empty");
  return table;
}

std::optional<double> cellNumber(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  if (text == "true" || text == "false")
    return text == "true";
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-')
    text.remove_prefix(1);
  double value = 0;
  const char *end = text.data() + text.size();
  auto [stop, code] = std::from_chars(text.data(), end, value);
  if (text.empty() || code != std::errc() || stop != end ||
      !std::isfinite(value))
    return std::nullopt;
  return value;
}

/// Adds a number of JSON; false if it is none.
static bool addNumber(const nlohmann::json &value, std::vector<double> &to) {
  if (!value.is_number() && !value.is_boolean())
    return false;
  to.push_back(value.is_boolean() ? value.get<bool>() : value.get<double>());
  return std::isfinite(to.back());
}

std::optional<CellSteps> cellSteps(std::string_view text) {
  CellSteps result;
  auto steps = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (!steps.is_array() || steps.empty())
    return std::nullopt;
  for (const nlohmann::json &step : steps) {
    if (!step.is_array() || step.empty())
      return std::nullopt;
    for (const nlohmann::json &entry : step) {
      const size_t width = entry.is_array() ? entry.size() : 0;
      if (result.values.empty())
        result.width = width;
      if (width != result.width || (entry.is_array() && entry.empty()))
        return std::nullopt;
      if (!entry.is_array() && !addNumber(entry, result.values))
        return std::nullopt;
      if (entry.is_array())
        for (const nlohmann::json &value : entry)
          if (!addNumber(value, result.values))
            return std::nullopt;
    }
    result.lengths.push_back(static_cast<int64_t>(step.size()));
  }
  return result;
}

std::optional<CellNumbers> cellNumbers(std::string_view text) {
  CellNumbers result;
  size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos)
    return std::nullopt;
  if (text[start] != '[') {
    for (size_t at = start; at < text.size();) {
      size_t end = std::min(text.find_first_of(" ,\t", at), text.size());
      std::optional<double> value = cellNumber(text.substr(at, end - at));
      if (!value)
        return std::nullopt;
      result.values.push_back(*value);
      at = std::min(text.find_first_not_of(" \t", end), text.size());
      if (at < text.size() && text[at] == ',')
        at = std::min(text.find_first_not_of(" \t", at + 1), text.size());
    }
    return result;
  }
  auto array = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (!array.is_array())
    return std::nullopt;
  auto add = [&](const nlohmann::json &value) {
    return addNumber(value, result.values);
  };
  for (const nlohmann::json &entry : array) {
    const bool inner = entry.is_array();
    if (result.values.empty() && inner)
      result.width = entry.size();
    if (inner != (result.width > 0) || (inner && entry.size() != result.width))
      return std::nullopt;
    if (!inner) {
      if (!add(entry))
        return std::nullopt;
      continue;
    }
    for (const nlohmann::json &value : entry)
      if (!add(value))
        return std::nullopt;
  }
  return result;
}

} // namespace rnnc::rt
