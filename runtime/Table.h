//===- Table.h - files of rows and columns ----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CSV, TSV and JSON lines as rows of text cells, each with its place; and the
// numbers in a cell.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_TABLE_H
#define RNNC_RUNTIME_TABLE_H

#include "runtime/Result.h"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rnnc::rt {

/// The forms of a table.
///
/// - csv: cells between commas; a cell in double quotes may hold commas, line
///   ends and, doubled, quotes. Empty lines are left out.
/// - tsv: cells between tabs, nothing is quoted. Empty lines are left out.
/// - jsonl: an object a line; a column is a key. A string is its text, an array
///   of strings is a text with a line for each, other values are their JSON.
enum class TableKind { Csv, Tsv, Jsonl };

/// One cell. `text` lives as long as its table and the text that this was read
/// from. `column`: where it begins in its line, in bytes from 1 (jsonl: 1).
struct Cell {
  std::string_view text;
  int64_t line = 0, column = 0;
};

/// Rows of cells. Rows of csv and tsv stay in their text, which may be larger
/// than memory, and are split when they are asked for; rows that are read one
/// after the other cost nothing to find. One thread at a time.
class Table {
public:
  /// Without rows.
  Table(TableKind kind, std::string file) : file(std::move(file)), kind(kind) {}
  Table(Table &&) = default;
  Table &operator=(Table &&) = default;

  std::string file;
  TableKind kind;
  /// Names of columns; empty for csv and tsv until `takeHeader`.
  std::vector<std::string> names;
  /// Columns of the widest row.
  size_t width = 0;

  size_t rowCount() const { return count - header; }
  /// A row's cells, until another row is asked for. It may have fewer than
  /// `width`; in jsonl a key that a line lacks is a cell of line 0.
  const std::vector<Cell> &row(size_t number) const;
  /// One row more, of one cell (csv, tsv: only of tables without a text).
  void addRow(std::string text);

  /// The first row becomes the names.
  void takeHeader();
  /// Whether the first row has a cell of this text.
  bool firstRowHas(std::string_view name) const;
  /// The column of this name, or of this number from 1.
  std::optional<size_t> find(std::string_view field) const;
  /// The cell, or an error that names its line and column if the row has none.
  Result<Cell> cell(size_t row, size_t column) const;
  /// An error at a cell; it says the column's name or number after the message.
  Error errorAt(const Cell &cell, size_t column, std::string id,
                std::string message) const;
  /// "'text'" or "2".
  std::string columnName(size_t column) const;

private:
  friend Result<Table> parseTable(TableKind, std::string_view,
                                  const std::string &);
  /// Where a row begins: its first byte, and the line.
  struct Place {
    size_t at = 0;
    int64_t line = 1;
  };
  Result<void> findRows();
  Result<void> readJsonl();
  Result<bool> split(Place &place) const;
  Result<bool> splitTsv(Place &place) const;
  Result<bool> splitCsv(Place &place) const;
  std::string_view keep(size_t at, std::string text) const;

  std::string_view text;
  size_t count = 0;
  /// Whether the first row is the names.
  bool header = false;
  /// The place of every `spacing`-th row.
  static constexpr size_t spacing = 64;
  std::vector<Place> places;
  /// The row that was split last, and the place behind it.
  mutable size_t current = 0;
  mutable std::optional<Place> next;
  mutable std::vector<Cell> cells;
  /// Rows that lie in no text.
  std::vector<std::vector<Cell>> made;
  /// What does not stand in the text as it is (doubled quotes), by its place.
  mutable std::unordered_map<size_t, std::string> kept;
};

/// Reads a table. An empty one, text that is not UTF-8 (jsonl), a quote that is
/// not closed and a line that is no object are errors. The table of csv and tsv
/// reads `text` as long as it lives.
Result<Table> parseTable(TableKind kind, std::string_view text,
                         const std::string &file);

/// The numbers of a cell: one; several between spaces or commas; or a JSON
/// array, of arrays of one length for `width` above 0.
struct CellNumbers {
  std::vector<double> values;
  /// Numbers in each inner array; 0: the numbers stand alone.
  size_t width = 0;
};
/// Nothing if the cell does not hold (only) numbers. `nan`, `inf` and empty
/// cells are none.
std::optional<CellNumbers> cellNumbers(std::string_view text);
/// Sequences of numbers in a sequence: a JSON array of arrays of numbers, or of
/// arrays of arrays of `width` numbers each.
struct CellSteps {
  std::vector<double> values;
  /// Numbers, or arrays of numbers, in each step.
  std::vector<int64_t> lengths;
  /// Numbers in each innermost array; 0: the numbers stand alone.
  size_t width = 0;
};
/// Nothing if the cell holds something else, or a step that is empty.
std::optional<CellSteps> cellSteps(std::string_view text);
/// The number of a cell that must hold one.
std::optional<double> cellNumber(std::string_view text);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_TABLE_H
