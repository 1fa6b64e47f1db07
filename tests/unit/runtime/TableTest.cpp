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
  ASSERT_EQ(table->rows.size(), 4u);
  EXPECT_EQ(table->rows[0][1].text, "b \"x\", c");
  EXPECT_EQ(table->rows[2][0].text, "3\n4");
  EXPECT_EQ(table->rows[2][0].line, 4);
  EXPECT_EQ(table->rows[2][1].line, 5);
  EXPECT_EQ(table->rows[2][1].column, 4);
  EXPECT_EQ(table->rows[3][1].text, "");
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
  ASSERT_EQ(table->rows.size(), 2u);
  EXPECT_EQ(table->rows[0][0].text, "a \"b");
  EXPECT_EQ(table->rows[0][1].column, 6);
  EXPECT_EQ((*table->cell(0, 1))->text, "c");
  EXPECT_EQ(table->cell(1, 1).error().text(),
            "t.tsv:3: the line has 1 column, column 2 is missing");
}

TEST(Table, JsonLines) {
  Result<Table> table = parseTable(
      TableKind::Jsonl, "{\"a\": \"x\\ty\", \"n\": 3}\n{\"n\": [1, 2]}\n",
      "t.jsonl");
  ASSERT_TRUE(table);
  EXPECT_EQ(table->names, (std::vector<std::string>{"a", "n"}));
  EXPECT_EQ(table->rows[0][0].text, "x\ty");
  EXPECT_EQ(table->rows[1][1].text, "[1,2]");
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
  EXPECT_EQ(table->rows[0][0].text, "x y\nz");
  EXPECT_EQ(table->rows[0][1].text, "[\"x\",1]");
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
