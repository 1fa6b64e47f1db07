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
  if (rows.empty())
    return;
  for (const Cell &cell : rows.front())
    names.push_back(cell.text);
  rows.erase(rows.begin());
}

bool Table::firstRowHas(std::string_view name) const {
  return !rows.empty() &&
         std::any_of(rows.front().begin(), rows.front().end(),
                     [&](const Cell &cell) { return cell.text == name; });
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

Result<const Cell *> Table::cell(size_t row, size_t column) const {
  const std::vector<Cell> &cells = rows[row];
  if (column < cells.size() && cells[column].line > 0)
    return &cells[column];
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

static void splitTsv(std::string_view text, Table &table) {
  int64_t number = 0;
  for (size_t at = 0, next = 0; at < text.size(); at = next) {
    std::string_view line = lineAt(text, at, next);
    ++number;
    if (line.empty())
      continue;
    std::vector<Cell> &row = table.rows.emplace_back();
    for (size_t begin = 0; begin <= line.size();) {
      size_t end = std::min(line.find('\t', begin), line.size());
      row.push_back({std::string(line.substr(begin, end - begin)), number,
                     static_cast<int64_t>(begin) + 1});
      begin = end + 1;
    }
    table.width = std::max(table.width, row.size());
  }
}

static Result<void> splitCsv(std::string_view text, Table &table) {
  int64_t number = 1;
  size_t lineBegin = 0;
  for (size_t at = 0; at < text.size();) {
    // One row; it may go over several lines inside quotes.
    std::vector<Cell> row;
    bool more = true;
    while (more) {
      Cell cell{"", number, static_cast<int64_t>(at - lineBegin) + 1};
      bool quoted = at < text.size() && text[at] == '"';
      if (quoted) {
        ++at;
        bool closed = false;
        while (at < text.size() && !closed) {
          char c = text[at++];
          if (c == '"' && at < text.size() && text[at] == '"') {
            cell.text += '"';
            ++at;
          } else if (c == '"') {
            closed = true;
          } else {
            cell.text += c;
            if (c == '\n') {
              ++number;
              lineBegin = at;
            }
          }
        }
        if (!closed)
          return makeFileError("bad-row", table.file,
                               "the quote is never closed", cell.line,
                               cell.column);
      }
      // What follows a closing quote belongs to the cell, as elsewhere.
      while (at < text.size() && text[at] != ',' && text[at] != '\n')
        cell.text += text[at++];
      more = at < text.size() && text[at] == ',';
      if (!more && cell.text.ends_with('\r'))
        cell.text.pop_back();
      row.push_back(std::move(cell));
      if (more)
        ++at;
    }
    if (at < text.size()) {
      ++at;
      ++number;
      lineBegin = at;
    }
    if (row.size() == 1 && row[0].text.empty())
      continue;
    table.width = std::max(table.width, row.size());
    table.rows.push_back(std::move(row));
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

static Result<void> splitJsonl(std::string_view text, Table &table) {
  if (Result<void> valid = checkUtf8(text, table.file); !valid)
    return valid;
  std::unordered_map<std::string, size_t> columns;
  int64_t number = 0;
  for (size_t at = 0, next = 0; at < text.size(); at = next) {
    std::string_view line = lineAt(text, at, next);
    ++number;
    if (line.find_first_not_of(" \t") == std::string_view::npos)
      continue;
    auto object = nlohmann::ordered_json::parse(line.begin(), line.end(),
                                                nullptr, false);
    if (!object.is_object())
      return makeFileError("bad-row", table.file,
                           "expected a JSON object on the line", number);
    std::vector<Cell> &row = table.rows.emplace_back(columns.size());
    for (const auto &[key, value] : object.items()) {
      auto [it, fresh] = columns.emplace(key, columns.size());
      if (fresh) {
        table.names.push_back(key);
        row.emplace_back();
      }
      row[it->second] = {textOf(value), number, 1};
    }
  }
  table.width = columns.size();
  return {};
}

Result<Table> parseTable(TableKind kind, std::string_view text,
                         const std::string &file) {
  Table table;
  table.file = file;
  table.kind = kind;
  // Spreadsheets begin their files with a byte order mark.
  if (text.starts_with("\xef\xbb\xbf"))
    text.remove_prefix(3);
  Result<void> done;
  if (kind == TableKind::Tsv)
    splitTsv(text, table);
  else
    done = kind == TableKind::Csv ? splitCsv(text, table)
                                  : splitJsonl(text, table);
  if (!done)
    return done.error();
  if (table.rows.empty())
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
