//===- GradCheckTest.cpp - Right and wrong gradients ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/verify/GradCheck.h"
#include "mlir/Parser/Parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace rnnc;
using rnnc::rnn::ArgKind;
using rnnc::rnn::Array;
using rnnc::rnn::DType;

namespace {
/// loss = sum(relu(w)^3) over a vector; its gradient, times `factor`.
std::string moduleText(double factor) {
  return R"(
  func.func @loss(%w: tensor<5xf64> {rnn.arg = #rnn.arg<param, "w">})
      -> (tensor<f64> {rnn.arg = #rnn.arg<loss, "total">}) {
    %zero = arith.constant dense<0.0> : tensor<5xf64>
    %r = arith.maximumf %w, %zero : tensor<5xf64>
    %s = arith.mulf %r, %r : tensor<5xf64>
    %l = rnn.contract "n,n->" %s, %r : tensor<5xf64>, tensor<5xf64> -> tensor<f64>
    return %l : tensor<f64>
  }
  func.func @grad(%w: tensor<5xf64> {rnn.arg = #rnn.arg<param, "w">})
      -> (tensor<5xf64> {rnn.arg = #rnn.arg<grad, "w">}) {
    %zero = arith.constant dense<0.0> : tensor<5xf64>
    %three = arith.constant dense<)" +
         std::to_string(factor * 3) + R"(> : tensor<5xf64>
    %r = arith.maximumf %w, %zero : tensor<5xf64>
    %s = arith.mulf %r, %r : tensor<5xf64>
    %g = arith.mulf %s, %three : tensor<5xf64>
    return %g : tensor<5xf64>
  })";
}

class GradCheck : public testing::Test {
protected:
  llvm::Expected<SubjectCheck> check(double factor, int64_t samples = 64) {
    context.loadDialect<rnn::RNNDialect, mlir::func::FuncDialect,
                        mlir::arith::ArithDialect>();
    module =
        mlir::parseSourceString<mlir::ModuleOp>(moduleText(factor), &context);
    auto loss = module->lookupSymbol<mlir::func::FuncOp>("loss");
    auto grad = module->lookupSymbol<mlir::func::FuncOp>("grad");
    Bindings at;
    at.set(ArgKind::Param, "w",
           Array::reals(DType::F64, {5}, {-1, 0.5, 2, 1e-7, -0.3}));
    GradCheckOptions options;
    options.samples = samples;
    return checkGradients("cube", loss, interpreted(loss), grad,
                          interpreted(grad), at, options);
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};
} // namespace

TEST_F(GradCheck, ARightGradientPasses) {
  auto result = check(1);
  ASSERT_TRUE(static_cast<bool>(result)) << llvm::toString(result.takeError());
  EXPECT_LT(result->maxRelError, 1e-7);
  ASSERT_EQ(result->tensors.size(), 1u);
  EXPECT_EQ(result->tensors[0].name, "w");
  EXPECT_EQ(result->tensors[0].kind, "param");
  EXPECT_EQ(result->tensors[0].checked, 5);
}

TEST_F(GradCheck, AWrongGradientIsFound) {
  auto result = check(1.001);
  ASSERT_TRUE(static_cast<bool>(result)) << llvm::toString(result.takeError());
  EXPECT_NEAR(result->maxRelError, 1e-3, 1e-5);
  EXPECT_NEAR(result->tensors[0].gradient, 1.001 * 12, 1e-9);
}

TEST_F(GradCheck, SamplesLimitTheWork) {
  auto result = check(1, 2);
  ASSERT_TRUE(static_cast<bool>(result)) << llvm::toString(result.takeError());
  EXPECT_EQ(result->tensors[0].checked, 2);
}

TEST_F(GradCheck, ExampleBindingsFillEveryArgument) {
  context.loadDialect<rnn::RNNDialect, mlir::func::FuncDialect>();
  module = mlir::parseSourceString<mlir::ModuleOp>(R"(
    func.func @loss(%B: index {rnn.arg = #rnn.arg<axis, "B">},
                    %T: index {rnn.arg = #rnn.arg<axis, "T">},
                    %k: i64 {rnn.arg = #rnn.arg<key, "key">},
                    %w: tensor<4xf64> {rnn.arg = #rnn.arg<param, "w">},
                    %x: tensor<?x?xi32> {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>},
                    %l: tensor<?xi32> {rnn.arg = #rnn.arg<lengths, "T", ["B"]>}) {
      return
    })",
                                                   &context);
  auto loss = module->lookupSymbol<mlir::func::FuncOp>("loss");
  ExampleOptions options;
  options.extents = {{"B", 2}, {"T", 7}};
  options.ranges = {{"x", 3}};
  auto at = exampleBindings(loss, {}, options);
  ASSERT_TRUE(static_cast<bool>(at)) << llvm::toString(at.takeError());
  EXPECT_EQ(at->find(ArgKind::Input, "x")->shape, (std::vector<int64_t>{7, 2}));
  EXPECT_THAT(at->find(ArgKind::Input, "x")->as<int32_t>(),
              testing::Each(testing::AllOf(testing::Ge(0), testing::Lt(3))));
  EXPECT_EQ(at->find(ArgKind::Lengths, "T")->integer(0), 7);
  auto args = at->arguments(loss);
  ASSERT_TRUE(static_cast<bool>(args));
  EXPECT_EQ(args->size(), 6u);
}

TEST_F(GradCheck, MissingArgumentsAreNamed) {
  context.loadDialect<rnn::RNNDialect, mlir::func::FuncDialect>();
  module = mlir::parseSourceString<mlir::ModuleOp>(R"(
    func.func @loss(%w: tensor<4xf64> {rnn.arg = #rnn.arg<param, "w">}) {
      return
    })",
                                                   &context);
  auto args =
      Bindings().arguments(module->lookupSymbol<mlir::func::FuncOp>("loss"));
  EXPECT_EQ(llvm::toString(args.takeError()),
            "no value for the param 'w' of 'loss'");
}
