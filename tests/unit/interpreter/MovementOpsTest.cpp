//===- MovementOpsTest.cpp - Movement of entries --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Fixture.h"

using namespace rnnc::rnn;
using testing::ElementsAre;
using testing::HasSubstr;

using MovementOps = InterpreterTest;

/// A function of one op: arguments as written, the op's text, result type.
static std::string function(std::string arguments, std::string op,
                            std::string type) {
  return "func.func @f(" + arguments + ") -> " + type + " { %r = " + op +
         " return %r : " + type + " }";
}

TEST_F(MovementOps, Slice) {
  EXPECT_THAT(
      numbers(
          function(
              "%x: tensor<?x4xf64>",
              "rnn.slice %x axis 1 from 1 : tensor<?x4xf64> to tensor<?x2xf64>",
              "tensor<?x2xf64>"),
          {counting({2, 4})}, {2, 2}),
      ElementsAre(2, 3, 6, 7));
}

TEST_F(MovementOps, Place) {
  EXPECT_THAT(
      numbers(
          function(
              "%x: tensor<?x2xf64>",
              "rnn.place %x axis 1 at 1 : tensor<?x2xf64> to tensor<?x4xf64>",
              "tensor<?x4xf64>"),
          {counting({2, 2})}, {2, 4}),
      ElementsAre(0, 1, 2, 0, 0, 3, 4, 0));
}

TEST_F(MovementOps, Concat) {
  const char *op = "rnn.concat %x, %y axis 1 : tensor<?x1xf64>, "
                   "tensor<?x2xf64> to tensor<?x3xf64>";
  std::string text = function("%x: tensor<?x1xf64>, %y: tensor<?x2xf64>", op,
                              "tensor<?x3xf64>");
  EXPECT_THAT(numbers(text, {counting({2, 1}), counting({2, 2})}, {2, 3}),
              ElementsAre(1, 1, 2, 2, 3, 4));
  EXPECT_THAT(error(text, {counting({2, 1}), counting({3, 2})}),
              HasSubstr("extents do not agree: [3, 2] and [2, 2]"));
}

TEST_F(MovementOps, Reshape) {
  EXPECT_THAT(
      numbers(function("%x: tensor<?x6xf64>",
                       "rnn.reshape %x : tensor<?x6xf64> to tensor<?x2x3xf64>",
                       "tensor<?x2x3xf64>"),
              {counting({1, 6})}, {1, 2, 3}),
      ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(MovementOps, ShiftDelaysByOneStep) {
  EXPECT_THAT(
      numbers(
          function("%x: tensor<?x?xf64>, %s: tensor<?xf64>",
                   "rnn.shift %x from(%s : tensor<?xf64>) : tensor<?x?xf64>",
                   "tensor<?x?xf64>"),
          {counting({3, 2}), reals({2}, {-1, -2})}, {3, 2}),
      ElementsAre(-1, -2, 1, 2, 3, 4));
}

TEST_F(MovementOps, ShiftInReverseStartsAtEachRowsEnd) {
  auto result = numbers(
      function("%x: tensor<?x?xf64>, %s: tensor<?xf64>, %l: tensor<?xi32>",
               "rnn.shift %x from(%s : tensor<?xf64>) reverse lengths(%l : "
               "tensor<?xi32>) : tensor<?x?xf64>",
               "tensor<?x?xf64>"),
      {counting({3, 2}), reals({2}, {-1, -2}), ints({2}, {3, 2})}, {3, 2});
  // Row 0: 3 5 -1, row 1: 4 -2 and padding.
  result.pop_back();
  EXPECT_THAT(result, ElementsAre(3, 4, 5, -2, -1));
}

TEST_F(MovementOps, ShiftOfIds) {
  auto results =
      run(function("%x: tensor<?x?xi32>, %s: tensor<?xi32>",
                   "rnn.shift %x from(%s : tensor<?xi32>) : tensor<?x?xi32>",
                   "tensor<?x?xi32>"),
          {ints({2, 1}, {7, 8}), ints({1}, {5})});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_THAT(results[0].as<int32_t>(), ElementsAre(5, 7));
}

TEST_F(MovementOps, ReverseTurnsEachRow) {
  std::string type = "tensor<?x?x1xf64>";
  EXPECT_THAT(numbers(function("%x: " + type, "rnn.reverse %x : " + type, type),
                      {counting({3, 1, 1})}, {3, 1, 1}),
              ElementsAre(3, 2, 1));
  EXPECT_THAT(
      numbers(function("%x: " + type + ", %l: tensor<?xi32>",
                       "rnn.reverse %x lengths(%l : tensor<?xi32>) : " + type,
                       type),
              {counting({3, 2, 1}), ints({2}, {3, 2})}, {3, 2, 1}),
      ElementsAre(5, 4, 3, 2, 1, 0));
}

TEST_F(MovementOps, LengthsMustFit) {
  std::string type = "tensor<?x?x1xf64>";
  std::string text =
      function("%x: " + type + ", %l: tensor<?xi32>",
               "rnn.reverse %x lengths(%l : tensor<?xi32>) : " + type, type);
  EXPECT_THAT(error(text, {counting({3, 2, 1}), ints({2}, {3, 4})}),
              HasSubstr("length 4 of row 1 is not in 1 to 3"));
  EXPECT_THAT(error(text, {counting({3, 2, 1}), ints({2}, {0, 1})}),
              HasSubstr("length 0 of row 0 is not in 1 to 3"));
  EXPECT_THAT(error(text, {counting({3, 2, 1}), ints({1}, {3})}),
              HasSubstr("lengths of 1 rows for steps of [2, 1]"));
}

TEST_F(MovementOps, PickAndPut) {
  auto pick = [](std::string end) {
    return function("%x: tensor<?x?xf64>, %l: tensor<?xi32>",
                    "rnn.pick " + end +
                        " %x lengths(%l : tensor<?xi32>) : tensor<?x?xf64> to "
                        "tensor<?xf64>",
                    "tensor<?xf64>");
  };
  auto put = [](std::string end) {
    return function("%x: tensor<?xf64>, %T: index, %l: tensor<?xi32>",
                    "rnn.put " + end +
                        " %x in %T lengths(%l : tensor<?xi32>) : tensor<?xf64> "
                        "to tensor<?x?xf64>",
                    "tensor<?x?xf64>");
  };
  Array x = counting({3, 2}), lengths = ints({2}, {3, 2});
  EXPECT_THAT(numbers(pick("last"), {x, lengths}, {2}), ElementsAre(5, 4));
  EXPECT_THAT(numbers(pick("first"), {x, lengths}, {2}), ElementsAre(1, 2));
  EXPECT_THAT(
      numbers(put("last"), {counting({2}), Array::index(3), lengths}, {3, 2}),
      ElementsAre(0, 0, 0, 2, 1, 0));
  EXPECT_THAT(
      numbers(put("first"), {counting({2}), Array::index(3), lengths}, {3, 2}),
      ElementsAre(1, 2, 0, 0, 0, 0));
}

TEST_F(MovementOps, BatchIsTheLastDynamicDim) {
  // Two time axes: steps of two further steps of two rows.
  std::string type = "tensor<?x?x?xf64>";
  EXPECT_THAT(
      numbers(function("%x: " + type + ", %l: tensor<?xi32>",
                       "rnn.reverse %x lengths(%l : tensor<?xi32>) : " + type,
                       type),
              {counting({2, 2, 2}), ints({2}, {2, 1})}, {2, 2, 2}),
      ElementsAre(5, 2, 7, 4, 1, 0, 3, 0));
}

TEST_F(MovementOps, GatherTakesRows) {
  std::string text = function(
      "%e: tensor<3x2xf64>, %i: tensor<?xi32>",
      "rnn.gather %e[%i] : tensor<3x2xf64>, tensor<?xi32> to tensor<?x2xf64>",
      "tensor<?x2xf64>");
  EXPECT_THAT(numbers(text, {counting({3, 2}), ints({2}, {2, 0})}, {2, 2}),
              ElementsAre(5, 6, 1, 2));
  EXPECT_THAT(error(text, {counting({3, 2}), ints({1}, {3})}),
              HasSubstr("'rnn.gather': id 3 in a table of 3 rows"));
  EXPECT_THAT(error(text, {counting({3, 2}), ints({1}, {-1})}),
              HasSubstr("id -1 in a table of 3 rows"));
}

TEST_F(MovementOps, ScatterAddIsItsAdjoint) {
  EXPECT_THAT(
      numbers(function("%x: tensor<?x?x1xf64>, %i: tensor<?x?xi32>, %a: "
                       "tensor<3x1xf64>, %l: tensor<?xi32>",
                       "rnn.scatter_add %x at %i into(%a : tensor<3x1xf64>) "
                       "valid(%l : tensor<?xi32>) : tensor<?x?x1xf64>, "
                       "tensor<?x?xi32> to tensor<3x1xf64>",
                       "tensor<3x1xf64>"),
              {counting({2, 2, 1}), ints({2, 2}, {2, 0, 2, 0}),
               reals({3, 1}, {10, 20, 30}), ints({2}, {2, 1})},
              {3, 1}),
      ElementsAre(12, 20, 34));
}

TEST_F(MovementOps, OneHotAndArgMax) {
  EXPECT_THAT(
      numbers(function("%i: tensor<?xi32>",
                       "rnn.one_hot %i : tensor<?xi32> to tensor<?x3xf64>",
                       "tensor<?x3xf64>"),
              {ints({2}, {2, 0})}, {2, 3}),
      ElementsAre(0, 0, 1, 1, 0, 0));
  EXPECT_THAT(
      numbers(function("%z: tensor<?x3xf64>",
                       "rnn.argmax %z : tensor<?x3xf64> to tensor<?xi32>",
                       "tensor<?xi32>"),
              {reals({2, 3}, {1, 3, 3, 0, -1, -2})}, {2}),
      ElementsAre(1, 0));
}

TEST_F(MovementOps, ValidityOfLengths) {
  EXPECT_THAT(
      numbers(function("%l: tensor<?xi32>, %t: index",
                       "rnn.valid %l at %t : tensor<?xi32> to tensor<?xi1>",
                       "tensor<?xi1>"),
              {ints({2}, {2, 1}), Array::index(1)}, {2}),
      ElementsAre(1, 0));
  EXPECT_THAT(
      numbers(
          function("%l: tensor<?xi32>, %t: index",
                   "rnn.valid_steps %l in %t : tensor<?xi32> to tensor<?x?xi1>",
                   "tensor<?x?xi1>"),
          {ints({2}, {2, 1}), Array::index(2)}, {2, 2}),
      ElementsAre(1, 1, 1, 0));
}

TEST_F(MovementOps, MaskClearsPadding) {
  EXPECT_THAT(
      numbers(
          function("%x: tensor<?x?x1xf64>, %l: tensor<?xi32>",
                   "rnn.mask %x valid(%l : tensor<?xi32>) : tensor<?x?x1xf64>",
                   "tensor<?x?x1xf64>"),
          {reals({2, 2, 1}, {1, 2, 3, NAN}), ints({2}, {2, 1})}, {2, 2, 1}),
      ElementsAre(1, 2, 3, 0));
}
