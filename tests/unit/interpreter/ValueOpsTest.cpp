//===- ValueOpsTest.cpp - Losses per row, counted values ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Fixture.h"

using namespace rnnc::rnn;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pointwise;

using ValueOps = InterpreterTest;

static const char *kCrossEntropy = R"(
  func.func @f(%z: tensor<?x2xf64>, %y: tensor<?xi32>) -> tensor<?xf64> {
    %r = rnn.cross_entropy %z, %y : tensor<?x2xf64>, tensor<?xi32> to tensor<?xf64>
    return %r : tensor<?xf64>
  })";

TEST_F(ValueOps, CrossEntropy) {
  EXPECT_THAT(
      numbers(kCrossEntropy,
              {reals({3, 2}, {0, 0, 0, 1, 1000, 0}), ints({3}, {0, 0, 1})},
              {3}),
      Pointwise(DoubleNear(1e-14),
                {std::log(2.0), std::log1p(std::exp(1.0)), 1000.0}));
}

TEST_F(ValueOps, ClassesMustExist) {
  EXPECT_THAT(error(kCrossEntropy, {reals({1, 2}, {0, 0}), ints({1}, {2})}),
              HasSubstr("class 2 among 2"));
}

TEST_F(ValueOps, CrossEntropyGrad) {
  double p = 1 / (1 + std::exp(1.0));
  EXPECT_THAT(numbers(R"(
    func.func @f(%z: tensor<?x2xf64>, %y: tensor<?xi32>, %g: tensor<?xf64>) -> tensor<?x2xf64> {
      %r = rnn.cross_entropy_grad %z, %y, %g : tensor<?x2xf64>, tensor<?xi32>, tensor<?xf64>
      return %r : tensor<?x2xf64>
    })",
                      {reals({1, 2}, {0, 1}), ints({1}, {1}), reals({1}, {2})},
                      {1, 2}),
              Pointwise(DoubleNear(1e-15), {2 * p, -2 * p}));
}

TEST_F(ValueOps, IotaAndPosition) {
  EXPECT_THAT(numbers(R"(
    func.func @f() -> tensor<3xf64> {
      %r = rnn.iota : tensor<3xf64>
      return %r : tensor<3xf64>
    })",
                      {}, {3}),
              ElementsAre(0, 1, 2));
  EXPECT_THAT(numbers(R"(
    func.func @f(%T: index) -> tensor<?xi32> {
      %r = rnn.position in %T : tensor<?xi32>
      return %r : tensor<?xi32>
    })",
                      {Array::index(2)}, {2}),
              ElementsAre(0, 1));
}
