//===- ReferenceTest.cpp - The reference lists what the compiler knows ----===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tables of frontends/README.md against the table of built-in operations
// and against the library: nothing is missing, nothing is left over.
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/Builtins.h"
#include "frontends/rnn/Diagnostics.h"
#include "frontends/rnn/Loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

using namespace rnnc;

namespace {

/// A row of a table: its cells without blanks at their ends.
using Row = std::vector<std::string>;

std::string trimmed(const std::string &text) {
  size_t from = text.find_first_not_of(' ');
  return from == std::string::npos
             ? ""
             : text.substr(from, text.find_last_not_of(' ') - from + 1);
}

/// The rows of all tables between two lines that begin like this.
std::vector<Row> rowsBetween(const std::string &begin, const std::string &end) {
  std::ifstream in(RNNC_REFERENCE);
  EXPECT_TRUE(in.good()) << RNNC_REFERENCE;
  std::vector<Row> rows;
  bool inside = false, found = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(begin))
      inside = found = true;
    else if (inside && line.starts_with(end))
      inside = false;
    if (!inside || !line.starts_with("|") || line.starts_with("|---"))
      continue;
    Row row;
    std::string cell;
    for (size_t i = 1; i < line.size(); ++i) {
      if (line[i] == '|' && line[i - 1] != '\\') {
        row.push_back(trimmed(cell));
        cell.clear();
      } else {
        cell += line[i];
      }
    }
    rows.push_back(row);
  }
  EXPECT_TRUE(found) << begin;
  return rows;
}

/// The names before a bracket in `code` of a cell: `exp(x)` gives exp.
std::set<std::string> namesIn(const std::string &cell) {
  static const std::regex form("`([A-Za-z_][A-Za-z0-9_]*)\\(");
  std::set<std::string> names;
  for (std::sregex_iterator it(cell.begin(), cell.end(), form), end; it != end;
       ++it)
    names.insert((*it)[1]);
  return names;
}

} // namespace

TEST(Reference, ListsEveryOperation) {
  std::set<std::string> listed;
  for (const Row &row : rowsBetween("## 4.", "### The library"))
    for (const std::string &name : namesIn(row[0])) {
      listed.insert(name);
      ASSERT_EQ(row.size(), 3u) << name;
      EXPECT_NE(row[1], "") << "no shapes of " << name;
      EXPECT_NE(row[2], "") << "no formula of " << name;
    }
  const std::vector<std::string> &known = builtinOperations();
  EXPECT_THAT(listed, testing::UnorderedElementsAreArray(known));
}

TEST(Reference, ListsTheLibrary) {
  SourceManager sources;
  DiagnosticEngine diags(sources);
  auto program =
      loadProgramText("empty.rnn", "fn none(x) = x\n", {}, sources, diags);
  ASSERT_TRUE(program);
  std::string firstCells;
  for (const Row &row : rowsBetween("### The library", "## 5.")) {
    ASSERT_EQ(row.size(), 2u) << row[0];
    EXPECT_NE(row[1], "") << "no equations of " << row[0];
    firstCells += row[0] + " " + (row[0] == "functions" ? row[1] : "") + "\n";
  }
  size_t count = 0;
  for (const ast::Definition *def : program->library()) {
    const std::string &name = def->ident.name;
    if (name.starts_with("_"))
      continue;
    ++count;
    EXPECT_TRUE(std::regex_search(firstCells,
                                  std::regex("[` ]" + name + "[(` ]")))
        << "the library's " << name << " is not in the reference";
  }
  EXPECT_GT(count, 40u);
}
