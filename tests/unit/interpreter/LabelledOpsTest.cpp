//===- LabelledOpsTest.cpp - Products, broadcasts, reductions -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Fixture.h"

using namespace rnnc::rnn;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

using LabelledOps = InterpreterTest;

TEST_F(LabelledOps, ContractIsAMatrixProduct) {
  // [1 2; 3 4] times the transpose of [1 2; 3 4; 5 6].
  EXPECT_THAT(numbers(R"(
    func.func @f(%a: tensor<?x2xf64>, %w: tensor<3x2xf64>) -> tensor<?x3xf64> {
      %r = rnn.contract "bk,nk->bn" %a, %w : tensor<?x2xf64>, tensor<3x2xf64> -> tensor<?x3xf64>
      return %r : tensor<?x3xf64>
    })",
                      {counting({2, 2}), counting({3, 2})}, {2, 3}),
              ElementsAre(5, 11, 17, 11, 25, 39));
}

TEST_F(LabelledOps, ContractStartsFromInto) {
  EXPECT_THAT(numbers(R"(
    func.func @f(%a: tensor<2xf64>, %c: tensor<f64>) -> tensor<f64> {
      %r = rnn.contract "n,n->" %a, %a into(%c : tensor<f64>) : tensor<2xf64>, tensor<2xf64> -> tensor<f64>
      return %r : tensor<f64>
    })",
                      {counting({2}), reals({}, {10})}, {}),
              ElementsAre(15));
}

TEST_F(LabelledOps, ContractOfAnOuterProductPerRow) {
  EXPECT_THAT(numbers(R"(
    func.func @f(%a: tensor<?x2xf64>) -> tensor<?x2x2xf64> {
      %r = rnn.contract "bn,bm->bnm" %a, %a : tensor<?x2xf64>, tensor<?x2xf64> -> tensor<?x2x2xf64>
      return %r : tensor<?x2x2xf64>
    })",
                      {counting({2, 2})}, {2, 2, 2}),
              ElementsAre(1, 2, 2, 4, 9, 12, 12, 16));
}

TEST_F(LabelledOps, InvalidTermsOfAContractAreAbsent) {
  // NaN times 0 would be NaN.
  const char *text = R"(
    func.func @f(%a: tensor<?x?x1xf64>, %v: tensor<%sx%s>) -> tensor<1x1xf64> {
      %r = rnn.contract "tbn,tbm->nm" %a, %a valid(%v : tensor<%sx%s>) descending
        : tensor<?x?x1xf64>, tensor<?x?x1xf64> -> tensor<1x1xf64>
      return %r : tensor<1x1xf64>
    })";
  auto with = [&](std::string type) {
    std::string result = text;
    for (size_t at; (at = result.find("%sx%s")) != std::string::npos;)
      result.replace(at, 5, type);
    return result;
  };
  Array a = reals({2, 2, 1}, {1, 2, 3, NAN});
  EXPECT_THAT(numbers(with("?xi32"), {a, ints({2}, {2, 1})}, {1, 1}),
              ElementsAre(14));
  EXPECT_THAT(numbers(with("?x?xi1"), {a, bits({2, 2}, {1, 0, 1, 0})}, {1, 1}),
              ElementsAre(10));
  EXPECT_THAT(numbers(with("?xi1"), {a, bits({2}, {1, 0})}, {1, 1}),
              ElementsAre(10));
}

TEST_F(LabelledOps, DescendingSumsFromTheLastStep) {
  // (1 + 1e16) - 1e16 = 0, 1 + (1e16 - 1e16) = 1.
  const char *text = R"(
    func.func @f(%a: tensor<?xf64>, %b: tensor<?xf64>) -> (tensor<f64>, tensor<f64>) {
      %r = rnn.contract "t,t->" %a, %b : tensor<?xf64>, tensor<?xf64> -> tensor<f64>
      %s = rnn.contract "t,t->" %a, %b descending : tensor<?xf64>, tensor<?xf64> -> tensor<f64>
      return %r, %s : tensor<f64>, tensor<f64>
    })";
  auto results =
      run(text, {reals({3}, {1, 1e16, -1e16}), reals({3}, {1, 1, 1})});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].number(0), 0);
  EXPECT_EQ(results[1].number(0), 1);
}

TEST_F(LabelledOps, ExtentsOfAContractMustAgree) {
  EXPECT_THAT(
      error(R"(
    func.func @f(%a: tensor<?xf64>, %b: tensor<?xf64>) -> tensor<f64> {
      %r = rnn.contract "t,t->" %a, %b : tensor<?xf64>, tensor<?xf64> -> tensor<f64>
      return %r : tensor<f64>
    })",
            {counting({3}), counting({2})}),
      testing::HasSubstr("'rnn.contract': label 't' has extents 3 and 2"));
}

TEST_F(LabelledOps, BroadcastStretchesAndPermutes) {
  EXPECT_THAT(numbers(R"(
    func.func @f(%a: tensor<2xf64>, %T: index, %B: index) -> tensor<?x?x2xf64> {
      %r = rnn.broadcast "n->tbn" %a [%T, %B] : tensor<2xf64> to tensor<?x?x2xf64>
      return %r : tensor<?x?x2xf64>
    })",
                      {counting({2}), Array::index(2), Array::index(1)},
                      {2, 1, 2}),
              ElementsAre(1, 2, 1, 2));
  EXPECT_THAT(numbers(R"(
    func.func @f(%a: tensor<2x3xf64>) -> tensor<3x2xf64> {
      %r = rnn.broadcast "ij->ji" %a [] : tensor<2x3xf64> to tensor<3x2xf64>
      return %r : tensor<3x2xf64>
    })",
                      {counting({2, 3})}, {3, 2}),
              ElementsAre(1, 4, 2, 5, 3, 6));
}

static std::string reduce(std::string kind) {
  return "func.func @f(%a: tensor<?x?xf64>, %v: tensor<?xi32>) -> "
         "tensor<?xf64> {"
         "  %r = rnn.reduce " +
         kind +
         " \"tb->b\" %a valid(%v : tensor<?xi32>)"
         "    : tensor<?x?xf64> to tensor<?xf64>"
         "  return %r : tensor<?xf64> }";
}

TEST_F(LabelledOps, ReduceOverValidSteps) {
  Array a = reals({3, 2}, {2, -5, 3, 7, NAN, NAN});
  Array lengths = ints({2}, {2, 1});
  EXPECT_THAT(numbers(reduce("sum"), {a, lengths}, {2}), ElementsAre(5, -5));
  EXPECT_THAT(numbers(reduce("prod"), {a, lengths}, {2}), ElementsAre(6, -5));
  EXPECT_THAT(numbers(reduce("max"), {a, lengths}, {2}), ElementsAre(3, -5));
  EXPECT_THAT(numbers(reduce("min"), {a, lengths}, {2}), ElementsAre(2, -5));
}

TEST_F(LabelledOps, ReduceOfNothing) {
  Array a = reals({1, 2}, {2, -5});
  Array lengths = ints({2}, {0, 1});
  EXPECT_THAT(numbers(reduce("sum"), {a, lengths}, {2}), ElementsAre(0, -5));
  EXPECT_THAT(numbers(reduce("prod"), {a, lengths}, {2}), ElementsAre(1, -5));
  EXPECT_THAT(numbers(reduce("max"), {a, lengths}, {2}), ElementsAre(0, -5));
}

TEST_F(LabelledOps, ReduceKeepsNaN) {
  auto result =
      numbers(reduce("max"), {reals({2, 1}, {NAN, 1}), ints({1}, {2})}, {1});
  EXPECT_TRUE(std::isnan(result.at(0)));
}

TEST_F(LabelledOps, SoftmaxOverClasses) {
  double e = std::exp(1.0);
  EXPECT_THAT(
      numbers(R"(
    func.func @f(%a: tensor<?x2xf64>) -> tensor<?x2xf64> {
      %r = rnn.softmax %a over "n" in "bn" : tensor<?x2xf64>
      return %r : tensor<?x2xf64>
    })",
              {reals({2, 2}, {0, 1, 1000, 1000})}, {2, 2}),
      Pointwise(DoubleNear(1e-15), {1 / (1 + e), e / (1 + e), 0.5, 0.5}));
}

TEST_F(LabelledOps, SoftmaxOverTimeLeavesPaddingAtZero) {
  const char *text = R"(
    func.func @f(%a: tensor<?x?xf64>, %v: tensor<?xi32>) -> tensor<?x?xf64> {
      %r = rnn.softmax %a over "t" in "tb" valid(%v : tensor<?xi32>) : tensor<?x?xf64>
      return %r : tensor<?x?xf64>
    })";
  EXPECT_THAT(
      numbers(text, {reals({2, 2}, {3, 7, 3, 9}), ints({2}, {2, 1})}, {2, 2}),
      ElementsAre(0.5, 1, 0.5, 0));
}

TEST_F(LabelledOps, LogSoftmax) {
  EXPECT_THAT(numbers(R"(
    func.func @f(%a: tensor<2xf64>) -> tensor<2xf64> {
      %r = rnn.log_softmax %a over "n" in "n" : tensor<2xf64>
      return %r : tensor<2xf64>
    })",
                      {reals({2}, {-1000, 0})}, {2}),
              ElementsAre(-1000, 0));
}
