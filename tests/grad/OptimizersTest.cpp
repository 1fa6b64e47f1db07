//===- OptimizersTest.cpp - Updates of @train against their formulas ------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loss is the sum of p x over rows and entries, so the gradient of p is the
// sum of x over rows.
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Rules/Rules.h"
#include "dialects/grad/Transforms/Passes.h"
#include "dialects/rnn/Interpreter/Interpreter.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace mlir;
using namespace rnnc;
using rnnc::rnn::Array;
using rnnc::rnn::DType;

namespace {
constexpr const char *kLoss = R"(
func.func @loss(%B: index {rnn.arg = #rnn.arg<axis, "B">},
                %p: tensor<2xf64> {rnn.arg = #rnn.arg<param, "p">},
                %x: tensor<?x2xf64> {rnn.arg = #rnn.arg<input, "x", ["B"]>})
    -> (tensor<f64> {rnn.arg = #rnn.arg<loss, "loss">}) {
  %b = rnn.broadcast "n->bn" %p [%B] : tensor<2xf64> to tensor<?x2xf64>
  %y = arith.mulf %b, %x : tensor<?x2xf64>
  %l = rnn.reduce sum "bn->" %y : tensor<?x2xf64> to tensor<f64>
  return %l : tensor<f64>
}
)";
constexpr double kP = 0.5, kX = 0.3, kRate = 0.1, kBias1 = 2, kBias2 = 3;
/// Gradient of each entry: three rows of x.
constexpr double kG = 3 * kX;

/// Runs @train once with slots of the given value; gives the results after the
/// loss as numbers: norm, entry 0 of the parameter, entry 0 of each slot.
std::vector<double> train(grad::BuildEntriesPassOptions options, int hypers,
                          std::vector<double> slots) {
  DialectRegistry registry;
  registry
      .insert<rnn::RNNDialect, grad::GradDialect, arith::ArithDialect,
              math::MathDialect, func::FuncDialect, tensor::TensorDialect>();
  grad::registerAdjointRules(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto module = parseSourceString<ModuleOp>(kLoss, &context);
  options.entries = {"train"};
  PassManager pm(&context);
  pm.addPass(grad::createBuildEntriesPass(options));
  pm.addPass(grad::createDifferentiatePass());
  if (!module || failed(pm.run(*module)))
    return {};
  std::vector<Array> arguments{Array::index(3)};
  const double numbers[] = {kRate, kBias1, kBias2};
  for (int i = 0; i < hypers; ++i)
    arguments.push_back(Array::real(DType::F64, numbers[i]));
  arguments.push_back(Array::reals(DType::F64, {2}, {kP, kP}));
  for (double slot : slots)
    arguments.push_back(Array::reals(DType::F64, {2}, {slot, slot}));
  arguments.push_back(
      Array::reals(DType::F64, {3, 2}, {kX, kX, kX, kX, kX, kX}));
  auto results =
      rnn::interpret(module->lookupSymbol<func::FuncOp>("train"), arguments);
  if (!results) {
    ADD_FAILURE() << llvm::toString(results.takeError());
    return {};
  }
  std::vector<double> found;
  for (const Array &array : llvm::drop_begin(*results))
    found.push_back(array.number(0));
  return found;
}

void expectNear(const std::vector<double> &found,
                const std::vector<double> &expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 1e-12) << i;
}

const double kNorm = kG * std::sqrt(2);

TEST(OptimizersTest, Sgd) {
  grad::BuildEntriesPassOptions options;
  options.optimizer = "sgd";
  expectNear(train(options, 1, {}), {kNorm, kP - kRate * kG});
  options.momentum = 0.9;
  options.weightDecay = 0.2;
  double u = 0.9 * 0.7 + kG + 0.2 * kP;
  expectNear(train(options, 1, {0.7}), {kNorm, kP - kRate * u, u});
}

TEST(OptimizersTest, Rmsprop) {
  grad::BuildEntriesPassOptions options;
  options.optimizer = "rmsprop";
  double v = 0.99 * 0.4 + (1 - 0.99) * kG * kG;
  expectNear(train(options, 1, {0.4}),
             {kNorm, kP - kRate * kG / (std::sqrt(v) + 1e-8), v});
}

TEST(OptimizersTest, Adam) {
  grad::BuildEntriesPassOptions options;
  options.optimizer = "adam";
  options.weightDecay = 0.2;
  double g = kG + 0.2 * kP;
  double m = 0.9 * 0.3 + (1 - 0.9) * g, v = 0.999 * 0.4 + (1 - 0.999) * g * g;
  expectNear(
      train(options, 3, {0.3, 0.4}),
      {kNorm, kP - kRate * kBias1 * m / (std::sqrt(v * kBias2) + 1e-8), m, v});
}

TEST(OptimizersTest, Adamw) {
  grad::BuildEntriesPassOptions options;
  options.optimizer = "adamw";
  options.weightDecay = 0.2;
  double m = 0.9 * 0.3 + (1 - 0.9) * kG,
         v = 0.999 * 0.4 + (1 - 0.999) * kG * kG;
  double p = kP * (1 - kRate * 0.2);
  expectNear(
      train(options, 3, {0.3, 0.4}),
      {kNorm, p - kRate * kBias1 * m / (std::sqrt(v * kBias2) + 1e-8), m, v});
}

TEST(OptimizersTest, Clipping) {
  grad::BuildEntriesPassOptions options;
  options.optimizer = "sgd";
  options.clipNorm = 0.25;
  expectNear(train(options, 1, {}),
             {kNorm, kP - kRate * kG * 0.25 / (kNorm + 1e-6)});
  options.clipNorm = 100; // larger than the norm: no change
  expectNear(train(options, 1, {}), {kNorm, kP - kRate * kG});
  options.clipNorm = 0;
  options.clipValue = 0.2;
  expectNear(train(options, 1, {}), {kNorm, kP - kRate * 0.2});
}
} // namespace
