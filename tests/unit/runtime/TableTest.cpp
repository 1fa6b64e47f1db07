//===- TableTest.cpp - files of rows and columns --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cells, places, numbers, and rows that are wrong.
//
//===----------------------------------------------------------------------===//
#include "runtime/Table.h"

#include <gtest/gtest.h>

using namespace rnnc::rt;

TEST(Table, Csv) {
  Result<Table> table = parseTable(
      TableKind::Csv, "\xef\xbb\xbf"
                      "a,\"b \"\"x\"\", c\"\r\n1,2\r\n\r\n\"3\n4\",5\n6,",
      "t.csv");
  ASSERT_TRUE(table);
  ASSERT_EQ(table->rowCount(), 4u);
  EXPECT_EQ(table->row(0)[1].text, "b \"x\", c");
  EXPECT_EQ(table->row(2)[0].text, "3\n4");
  EXPECT_EQ(table->row(2)[0].line, 4);
  EXPECT_EQ(table->row(2)[1].line, 5);
  EXPECT_EQ(table->row(2)[1].column, 4);
  EXPECT_EQ(table->row(3)[1].text, "");
  EXPECT_TRUE(table->firstRowHas("a"));
  table->takeHeader();
  EXPECT_EQ(table->find("a"), 0u);
  EXPECT_EQ(table->find("2"), 1u);
  EXPECT_EQ(table->find("3"), std::nullopt);
  EXPECT_EQ(table->find("0"), std::nullopt);
  EXPECT_EQ(parseTable(TableKind::Csv, "a\n\"b\n", "t.csv").error().text(),
            "t.csv:2:1: the quote is never closed");
  EXPECT_EQ(parseTable(TableKind::Csv, "\n\n", "t.csv").error().text(),
            "t.csv: the file is empty");
}

TEST(Table, Tsv) {
  Result<Table> table =
      parseTable(TableKind::Tsv, "a \"b\tc\n\nd\n", "t.tsv");
  ASSERT_TRUE(table);
  ASSERT_EQ(table->rowCount(), 2u);
  EXPECT_EQ(table->row(0)[0].text, "a \"b");
  EXPECT_EQ(table->row(0)[1].column, 6);
  EXPECT_EQ(table->cell(0, 1)->text, "c");
  EXPECT_EQ(table->cell(1, 1).error().text(),
            "t.tsv:3: the line has 1 column, column 2 is missing");
}

// Rows are split when they are asked for: in any order they are what they were,
// and places count from the start of the text.
TEST(Table, RowsInAnyOrder) {
  std::string text = "n,t\n";
  constexpr size_t count = 1000;
  // Some rows go over two lines, some lines are empty.
  for (size_t i = 0; i < count; ++i)
    text += std::to_string(i) + (i % 7 ? ",b" : ",\"x\n\"\"y\"\"\"") +
            (i % 5 ? "\n" : "\r\n\n");
  Result<Table> table = parseTable(TableKind::Csv, text, "t.csv");
  ASSERT_TRUE(table);
  table->takeHeader();
  ASSERT_EQ(table->rowCount(), count);
  std::vector<std::string_view> texts(count);
  std::vector<int64_t> lines(count);
  int64_t line = 2;
  for (size_t i = 0; i < count; ++i) {
    lines[i] = line;
    line += 1 + (i % 7 == 0) + (i % 5 == 0);
  }
  // 7919 is prime: each row once, far from the one before.
  for (size_t i = 0; i < count; ++i) {
    const size_t at = i * 7919 % count;
    const std::vector<Cell> row = table->row(at);
    ASSERT_EQ(row.size(), 2u) << at;
    EXPECT_EQ(row[0].text, std::to_string(at));
    EXPECT_EQ(row[0].line, lines[at]) << at;
    EXPECT_EQ(row[1].column, int64_t(std::to_string(at).size()) + 2);
    texts[at] = row[1].text;
  }
  // What was read before is still there.
  for (size_t i = 0; i < count; ++i) {
    EXPECT_EQ(texts[i], i % 7 ? "b" : "x\n\"y\"") << i;
    EXPECT_EQ(table->row(i)[0].text, std::to_string(i));
  }
  Table moved = std::move(*table);
  EXPECT_EQ(moved.row(7)[1].text, "x\n\"y\"");
  EXPECT_EQ(texts[7], "x\n\"y\"");
}

// A cell that ends in a carriage return inside of quotes keeps it.
TEST(Table, CsvEnds) {
  Result<Table> table =
      parseTable(TableKind::Csv, "\"a\r\"\r\n\"b\"c\r\nd,\r\n,", "t.csv");
  ASSERT_TRUE(table);
  ASSERT_EQ(table->rowCount(), 4u);
  EXPECT_EQ(table->row(0)[0].text, "a\r");
  EXPECT_EQ(table->row(1)[0].text, "bc");
  EXPECT_EQ(table->row(2)[1].text, "");
  EXPECT_EQ(table->row(3).size(), 2u);
}

TEST(Table, JsonLines) {
  Result<Table> table = parseTable(
      TableKind::Jsonl, "{\"a\": \"x\\ty\", \"n\": 3}\n{\"n\": [1, 2]}\n",
      "t.jsonl");
  ASSERT_TRUE(table);
  EXPECT_EQ(table->names, (std::vector<std::string>{"a", "n"}));
  EXPECT_EQ(table->row(0)[0].text, "x\ty");
  EXPECT_EQ(table->row(1)[1].text, "[1,2]");
  EXPECT_EQ(table->cell(1, 0).error().text(),
            "t.jsonl:2: the line has no 'a'");
  EXPECT_EQ(parseTable(TableKind::Jsonl, "{}\n[1]\n", "t.jsonl").error().text(),
            "t.jsonl:2: expected a JSON object on the line");
  EXPECT_FALSE(parseTable(TableKind::Jsonl, "{\"a\": \"\xff\"}", "t.jsonl"));
}

TEST(Table, ArraysOfStringsAreLines) {
  Result<Table> table = parseTable(
      TableKind::Jsonl, "{\"a\": [\"x y\", \"z\"], \"n\": [\"x\", 1]}\n", "t.jsonl");
  ASSERT_TRUE(table);
  EXPECT_EQ(table->row(0)[0].text, "x y\nz");
  EXPECT_EQ(table->row(0)[1].text, "[\"x\",1]");
}

TEST(Table, StepsOfNumbers) {
  using Values = std::vector<double>;
  std::optional<CellSteps> steps = cellSteps("[[1, 2], [3]]");
  ASSERT_TRUE(steps);
  EXPECT_EQ(steps->values, (Values{1, 2, 3}));
  EXPECT_EQ(steps->lengths, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(steps->width, 0u);
  steps = cellSteps("[[[1, 2]], [[3, 4], [5, 6]]]");
  ASSERT_TRUE(steps);
  EXPECT_EQ(steps->values, (Values{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(steps->lengths, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(steps->width, 2u);
  for (const char *text : {"", "a", "1", "[]", "[[]]", "[1, 2]", "[[1], []]",
                           "[[1], 2]", "[[1], [[2]]]", "[[[1, 2], [3]]]",
                           "[[\"a\"]]", "[[[]]]", "[[1]"})
    EXPECT_FALSE(cellSteps(text)) << text;
}

TEST(Table, Numbers) {
  EXPECT_EQ(cellNumber(" -1.5e3 "), -1500);
  EXPECT_EQ(cellNumber("+2"), 2);
  EXPECT_EQ(cellNumber("true"), 1);
  for (const char *text : {"", " ", "nan", "inf", "1x", "1 2", "--1", "+-1"})
    EXPECT_EQ(cellNumber(text), std::nullopt) << text;
  auto list = [](const char *text) {
    std::optional<CellNumbers> numbers = cellNumbers(text);
    return numbers ? std::optional(numbers->values) : std::nullopt;
  };
  using Values = std::vector<double>;
  EXPECT_EQ(list("1 2, 3"), (Values{1, 2, 3}));
  EXPECT_EQ(list("[1, 2.5]"), (Values{1, 2.5}));
  EXPECT_EQ(cellNumbers("[[1, 2], [3, 4], [5, 6]]")->width, 2u);
  for (const char *text : {"", "a", "1 a", "[1, \"x\"]", "[[1], [2, 3]]",
                           "[1, [2]]", "{}", "[1"})
    EXPECT_EQ(list(text), std::nullopt) << text;
}
