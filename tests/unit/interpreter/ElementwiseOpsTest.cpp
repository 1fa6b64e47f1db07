//===- ElementwiseOpsTest.cpp - arith, math and tensor ops ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Fixture.h"

using namespace rnnc::rnn;
using testing::ElementsAre;
using testing::HasSubstr;

using ElementwiseOps = InterpreterTest;

static std::string unary(std::string op, std::string type = "tensor<?xf64>") {
  return "func.func @f(%x: " + type + ") -> " + type + " { %r = " + op +
         " %x : " + type + " return %r : " + type + " }";
}
static std::string binary(std::string op, std::string type = "tensor<?xf64>") {
  return "func.func @f(%x: " + type + ", %y: " + type + ") -> " + type +
         " { %r = " + op + " %x, %y : " + type + " return %r : " + type + " }";
}

TEST_F(ElementwiseOps, FunctionsOfOneNumber) {
  std::pair<const char *, double (*)(double)> table[] = {
      {"math.exp", std::exp},     {"math.expm1", std::expm1},
      {"math.log", std::log},     {"math.log1p", std::log1p},
      {"math.sqrt", std::sqrt},   {"math.absf", std::fabs},
      {"math.floor", std::floor}, {"math.ceil", std::ceil},
      {"math.sin", std::sin},     {"math.cos", std::cos},
      {"math.tanh", std::tanh},   {"math.erf", std::erf},
  };
  for (auto [name, f] : table)
    EXPECT_THAT(numbers(unary(name), {reals({2}, {0.3, 1.7})}, {2}),
                ElementsAre(f(0.3), f(1.7)))
        << name;
  EXPECT_THAT(numbers(unary("arith.negf"), {reals({2}, {0.3, -2})}, {2}),
              ElementsAre(-0.3, 2));
}

TEST_F(ElementwiseOps, SigmoidAndSoftplusDoNotOverflow) {
  Array x = reals({3}, {-800, 0, 800});
  EXPECT_THAT(numbers(unary("rnn.sigmoid"), {x}, {3}), ElementsAre(0, 0.5, 1));
  EXPECT_THAT(numbers(unary("rnn.softplus"), {x}, {3}),
              ElementsAre(0, std::log(2.0), 800));
}

TEST_F(ElementwiseOps, FunctionsKeepNaN) {
  for (const char *name : {"rnn.sigmoid", "rnn.softplus", "math.tanh"})
    EXPECT_TRUE(
        std::isnan(numbers(unary(name), {reals({1}, {NAN})}, {1}).at(0)))
        << name;
}

TEST_F(ElementwiseOps, ArithmeticOfTwoNumbers) {
  Array x = reals({2}, {7, -1}), y = reals({2}, {2, 4});
  EXPECT_THAT(numbers(binary("arith.addf"), {x, y}, {2}), ElementsAre(9, 3));
  EXPECT_THAT(numbers(binary("arith.subf"), {x, y}, {2}), ElementsAre(5, -5));
  EXPECT_THAT(numbers(binary("arith.mulf"), {x, y}, {2}), ElementsAre(14, -4));
  EXPECT_THAT(numbers(binary("arith.divf"), {x, y}, {2}),
              ElementsAre(3.5, -0.25));
  EXPECT_THAT(numbers(binary("arith.remf"), {x, y}, {2}), ElementsAre(1, -1));
  EXPECT_THAT(numbers(binary("math.powf"), {x, y}, {2}), ElementsAre(49, 1));
  EXPECT_THAT(numbers(binary("arith.maximumf"), {x, y}, {2}),
              ElementsAre(7, 4));
  EXPECT_THAT(numbers(binary("arith.minimumf"), {x, y}, {2}),
              ElementsAre(2, -1));
}

TEST_F(ElementwiseOps, MaximumKeepsNaN) {
  auto result = numbers(binary("arith.maximumf"),
                        {reals({2}, {NAN, 1}), reals({2}, {1, NAN})}, {2});
  EXPECT_TRUE(std::isnan(result.at(0)) && std::isnan(result.at(1)));
}

TEST_F(ElementwiseOps, ExtentsMustAgree) {
  EXPECT_THAT(error(binary("arith.addf"), {counting({2}), counting({3})}),
              HasSubstr("'arith.addf': extents do not agree: [2] and [3]"));
}

TEST_F(ElementwiseOps, Integers) {
  Array x = ints({2}, {7, -7}), y = ints({2}, {2, 2});
  std::string type = "tensor<?xi32>";
  EXPECT_THAT(numbers(binary("arith.addi", type), {x, y}, {2}),
              ElementsAre(9, -5));
  EXPECT_THAT(numbers(binary("arith.divsi", type), {x, y}, {2}),
              ElementsAre(3, -3));
  EXPECT_THAT(numbers(binary("arith.floordivsi", type), {x, y}, {2}),
              ElementsAre(3, -4));
  EXPECT_THAT(numbers(binary("arith.remsi", type), {x, y}, {2}),
              ElementsAre(1, -1));
  EXPECT_THAT(error(binary("arith.divsi", type), {x, ints({2}, {1, 0})}),
              HasSubstr("division by zero"));
}

TEST_F(ElementwiseOps, Bits) {
  Array x = bits({4}, {0, 0, 1, 1}), y = bits({4}, {0, 1, 0, 1});
  std::string type = "tensor<?xi1>";
  EXPECT_THAT(numbers(binary("arith.andi", type), {x, y}, {4}),
              ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(numbers(binary("arith.ori", type), {x, y}, {4}),
              ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(numbers(binary("arith.xori", type), {x, y}, {4}),
              ElementsAre(0, 1, 1, 0));
}

TEST_F(ElementwiseOps, CompareAndSelect) {
  EXPECT_THAT(numbers(R"(
    func.func @f(%x: tensor<?xf64>, %y: tensor<?xf64>) -> tensor<?xf64> {
      %c = arith.cmpf ogt, %x, %y : tensor<?xf64>
      %r = arith.select %c, %x, %y : tensor<?xi1>, tensor<?xf64>
      return %r : tensor<?xf64>
    })",
                      {reals({3}, {1, 5, NAN}), reals({3}, {2, 3, 4})}, {3}),
              ElementsAre(2, 5, 4));
  EXPECT_THAT(numbers(R"(
    func.func @f(%x: index, %y: index) -> i1 {
      %c = arith.cmpi slt, %x, %y : index
      return %c : i1
    })",
                      {Array::index(1), Array::index(2)}, {}),
              ElementsAre(1));
}

TEST_F(ElementwiseOps, Conversions) {
  EXPECT_THAT(numbers(R"(
    func.func @f(%x: tensor<?xi32>) -> tensor<?xf64> {
      %r = arith.sitofp %x : tensor<?xi32> to tensor<?xf64>
      return %r : tensor<?xf64>
    })",
                      {ints({2}, {-3, 4})}, {2}),
              ElementsAre(-3, 4));
  EXPECT_THAT(numbers(R"(
    func.func @f(%x: tensor<?xi1>) -> tensor<?xf64> {
      %r = arith.uitofp %x : tensor<?xi1> to tensor<?xf64>
      return %r : tensor<?xf64>
    })",
                      {bits({2}, {0, 1})}, {2}),
              ElementsAre(0, 1));
  EXPECT_THAT(numbers(R"(
    func.func @f(%x: index) -> tensor<f64> {
      %i = arith.index_cast %x : index to i64
      %r = arith.sitofp %i : i64 to f64
      %t = tensor.from_elements %r : tensor<f64>
      return %t : tensor<f64>
    })",
                      {Array::index(5)}, {}),
              ElementsAre(5));
}

TEST_F(ElementwiseOps, Constants) {
  EXPECT_THAT(numbers(R"(
    func.func @f() -> tensor<2xf64> {
      %r = arith.constant dense<[1.5, -2.0]> : tensor<2xf64>
      return %r : tensor<2xf64>
    })",
                      {}, {2}),
              ElementsAre(1.5, -2));
  EXPECT_THAT(numbers(R"(
    func.func @f() -> tensor<2xi1> {
      %r = arith.constant dense<true> : tensor<2xi1>
      return %r : tensor<2xi1>
    })",
                      {}, {2}),
              ElementsAre(1, 1));
}

TEST_F(ElementwiseOps, SinglePrecisionIsComputedInSinglePrecision) {
  auto results = run(binary("arith.addf", "tensor<?xf32>"),
                     {Array::reals(DType::F32, {1}, {1}),
                      Array::reals(DType::F32, {1}, {1e-9})});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].dtype, DType::F32);
  EXPECT_EQ(results[0].number(0), 1);
}
