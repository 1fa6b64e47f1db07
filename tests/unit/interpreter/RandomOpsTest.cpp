//===- RandomOpsTest.cpp - Draws and orthogonal matrices ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Fixture.h"
#include <Eigen/Dense>

using namespace rnnc::rnn;

using RandomOps = InterpreterTest;

static std::string draw(std::string op, std::string shape) {
  std::string type = "tensor<" + shape + "xf64>";
  return "func.func @f(%k: i64) -> " + type + " { %r = rnn." + op +
         " key(%k) stream 3 [] : " + type + " return %r : " + type + " }";
}

TEST_F(RandomOps, UniformDraws) {
  auto all = numbers(draw("uniform", "100x100"), {Array::key(7)}, {100, 100});
  ASSERT_EQ(all.size(), 10000u);
  double sum = 0, squares = 0;
  for (double x : all) {
    EXPECT_TRUE(x >= 0 && x < 1);
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / 1e4, 0.5, 0.01);
  EXPECT_NEAR(squares / 1e4, 1 / 3., 0.01);
}

TEST_F(RandomOps, NormalDraws) {
  auto all = numbers(draw("normal", "100x100"), {Array::key(7)}, {100, 100});
  ASSERT_EQ(all.size(), 10000u);
  double sum = 0, squares = 0, fourth = 0;
  for (double x : all) {
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
  }
  EXPECT_NEAR(sum / 1e4, 0, 0.03);
  EXPECT_NEAR(squares / 1e4, 1, 0.04);
  EXPECT_NEAR(fourth / 1e4, 3, 0.3);
}

TEST_F(RandomOps, ASequenceIsDrawnAsItsSteps) {
  auto results = run(R"(
    func.func @f(%k: i64, %T: index, %B: index) -> (tensor<?x?x3xf64>, tensor<?x?x3xf64>) {
      %a = rnn.normal key(%k) stream 2 sequence [%T, %B] : tensor<?x?x3xf64>
      %b = rnn.scan %t in %T emit(tensor<?x?x3xf64>) {
        %x = rnn.normal key(%k) stream 2 at %t [%B] : tensor<?x3xf64>
        rnn.yield emit(%x : tensor<?x3xf64>)
      }
      return %a, %b : tensor<?x?x3xf64>, tensor<?x?x3xf64>
    })",
                     {Array::key(11), Array::index(4), Array::index(2)});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].shape, (std::vector<int64_t>{4, 2, 3}));
  EXPECT_EQ(results[0].data, results[1].data);
}

/// Q Q^T (or Q^T Q) minus the identity, largest entry.
static double distanceFromOrthogonal(const Array &array) {
  using Matrix = Eigen::Matrix<double, -1, -1, Eigen::RowMajor>;
  Eigen::Map<const Matrix> q(array.as<double>().data(), array.shape[0],
                             array.shape[1]);
  Eigen::MatrixXd product = array.shape[0] < array.shape[1]
                                ? Eigen::MatrixXd(q * q.transpose())
                                : Eigen::MatrixXd(q.transpose() * q);
  return (product - Eigen::MatrixXd::Identity(product.rows(), product.cols()))
      .cwiseAbs()
      .maxCoeff();
}

TEST_F(RandomOps, OrthogonalMatrices) {
  for (const char *shape : {"5x5", "3x7", "7x3", "1x1"}) {
    std::string type = std::string("tensor<") + shape + "xf64>";
    auto results = run("func.func @f(%k: i64) -> " + type +
                           " { %r = rnn.orthogonal key(%k) stream 0 : " + type +
                           " return %r : " + type + " }",
                       {Array::key(1)});
    ASSERT_EQ(results.size(), 1u);
    EXPECT_LT(distanceFromOrthogonal(results[0]), 1e-14) << shape;
  }
}

TEST_F(RandomOps, OrthogonalCopiesDiffer) {
  auto all = numbers(R"(
    func.func @f(%k: i64) -> tensor<2x2x2xf64> {
      %r = rnn.orthogonal key(%k) stream 0 : tensor<2x2x2xf64>
      return %r : tensor<2x2x2xf64>
    })",
                     {Array::key(1)}, {2, 2, 2});
  EXPECT_NE(all[0], all[4]);
  EXPECT_NEAR(all[0] * all[2] + all[1] * all[3], 0, 1e-15);
  EXPECT_NEAR(all[4] * all[6] + all[5] * all[7], 0, 1e-15);
}

TEST_F(RandomOps, InitialValuesOfALargeModel) {
  auto results = run(R"(
    func.func @f(%k: i64) -> (tensor<256x256xf32>, tensor<1000x1000xf32>) {
      %q = rnn.orthogonal key(%k) stream 0 : tensor<256x256xf32>
      %n = rnn.normal key(%k) stream 1 [] : tensor<1000x1000xf32>
      return %q, %n : tensor<256x256xf32>, tensor<1000x1000xf32>
    })",
                     {Array::key(1)});
  ASSERT_EQ(results.size(), 2u);
  double norm = 0, sum = 0, squares = 0;
  for (int64_t i = 0; i < 256; ++i)
    norm += results[0].number(i) * results[0].number(i);
  EXPECT_NEAR(norm, 1, 1e-5);
  // Five standard deviations of the mean and of the variance of 1e6 draws.
  for (int64_t i = 0; i < 1000000; ++i) {
    sum += results[1].number(i);
    squares += results[1].number(i) * results[1].number(i);
  }
  EXPECT_NEAR(sum / 1e6, 0, 5e-3);
  EXPECT_NEAR(squares / 1e6, 1, 7.1e-3);
}
