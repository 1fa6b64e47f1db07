//===- TorchCtcTest.cpp - Labels without places ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// PyTorch's CTC loss behind a bidirectional module: rows and labels of
// different lengths, each row's loss divided by its number of labels.
//
//===----------------------------------------------------------------------===//

#include "TorchCase.h"
#include "gtest/gtest.h"

using namespace rnnc;
using namespace rnnc::test;
using rnnc::rnn::ArgKind;
using rnnc::rnn::Array;

namespace {
using Parameter = std::tuple<bool, Way>;
class TorchCtc : public testing::TestWithParam<Parameter> {};

constexpr const char *kModel = R"(
model Torch() {
  input x: seq [4]
  target goal: seq(S) int[5]
  param W: [5, 10] = 0, b: [5] = 0
  f0 = TorchLSTM(5)
  f1 = TorchLSTM(5)
  y = concat(f0(x), reverse(f1(reverse(x))))
  logits = W @ y + b
  loss ctc(logits, goal) / length(S)
  output y, logits
}
)";

/// Rows and columns of a matrix swapped.
Array transposed(const Array &matrix) {
  int64_t rows = matrix.shape[0], columns = matrix.shape[1];
  Array result = Array::zeros(matrix.dtype, {columns, rows});
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      result.as<int32_t>()[j * rows + i] =
          static_cast<int32_t>(matrix.integer(i * columns + j));
  return result;
}
} // namespace

TEST_P(TorchCtc, BidirectionalModule) {
  auto [f64, way] = GetParam();
  double tolerance = f64 ? 1e-10 : 2e-5;
  TorchCase data("bilstm_ctc", f64);
  ASSERT_TRUE(data.has("in.x"));
  ModelOptions options;
  options.f64 = f64;
  options.ragged = {"T", "S"};
  options.pipeline.entries = {"forward", "grad"};
  options.pipeline.inputGradients = true;
  auto runner = Runner::create(torchCells() + kModel, options, way);
  ASSERT_TRUE(static_cast<bool>(runner))
      << llvm::toString(runner.takeError());

  std::map<std::string, std::string> parameters = {{"W", "out.weight"},
                                                   {"b", "out.bias"}};
  for (std::string direction : {"0", "1"}) {
    std::string end = direction == "1" ? "_l0_reverse" : "_l0";
    parameters["f" + direction + ".W"] = "rnn.weight_ih" + end;
    parameters["f" + direction + ".U"] = "rnn.weight_hh" + end;
    parameters["f" + direction + ".bi"] = "rnn.bias_ih" + end;
    parameters["f" + direction + ".bh"] = "rnn.bias_hh" + end;
  }
  const Array &lengths = data["in.lengths"];
  Bindings at;
  at.set(ArgKind::Axis, "T", Array::index(data["in.x"].shape[0]));
  at.set(ArgKind::Axis, "B", Array::index(data["in.x"].shape[1]));
  at.set(ArgKind::Axis, "S", Array::index(data["in.target"].shape[1]));
  at.set(ArgKind::Input, "x", data["in.x"]);
  at.set(ArgKind::Target, "goal", transposed(data["in.target"]));
  at.set(ArgKind::Lengths, "T", lengths);
  at.set(ArgKind::Lengths, "S", data["in.target_lengths"]);
  for (const auto &[name, key] : parameters)
    at.set(ArgKind::Param, name, data["param." + key]);

  auto outputs = runner->run("forward", at);
  ASSERT_TRUE(static_cast<bool>(outputs))
      << llvm::toString(outputs.takeError());
  expectClose("y", outputs->find(ArgKind::Output, "y"), data["out.y"],
              tolerance, &lengths);
  auto gradients = runner->run("grad", at);
  ASSERT_TRUE(static_cast<bool>(gradients))
      << llvm::toString(gradients.takeError());
  ASSERT_FALSE(gradients->entries().empty());
  expectClose("loss", &gradients->entries()[0].array, data["out.loss"],
              tolerance);
  for (const auto &[name, key] : parameters)
    expectClose("gradient of " + key, gradients->find(ArgKind::Grad, name),
                data["grad." + key], tolerance);
  expectClose("gradient of x", gradients->find(ArgKind::Grad, "x"),
              data["grad.x"], tolerance, &lengths);
}

INSTANTIATE_TEST_SUITE_P(
    All, TorchCtc,
    testing::Combine(testing::Bool(),
                     testing::Values(Way::Interpreter, Way::Compiled)),
    [](const auto &info) {
      return std::string(std::get<0>(info.param) ? "f64" : "f32") +
             (std::get<1>(info.param) == Way::Interpreter ? "_interpreted"
                                                          : "_compiled");
    });
