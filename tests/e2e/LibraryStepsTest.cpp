//===- LibraryStepsTest.cpp - Cells of the library against plain loops ----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each cell that tests/reference/Steps.h writes down once more: outputs and
// states of every step, rows of different lengths, states that start from
// inputs; in the interpreter and as compiled code.
//
//===----------------------------------------------------------------------===//

#include "tests/reference/Steps.h"
#include "tests/support/CompiledModel.h"
#include "gtest/gtest.h"
#include <Eigen/Dense>

using namespace rnnc;
using namespace rnnc::test;
using rnnc::rnn::ArgKind;
using rnnc::rnn::Array;

namespace {
struct StateOf {
  std::string name;
  std::vector<int64_t> shape;
  /// What it starts from, if not from an input.
  double start = 0;
};

struct StepCase {
  const char *name;
  /// The instance, such as `Jordan(5, 3)`.
  const char *instance;
  reference::Step step;
  int64_t inputs, outputs;
  std::vector<StateOf> states;
  /// States start from inputs and are compared; else they start from their
  /// text's value and only outputs are compared.
  bool given = true;
  /// The last input entry is passed on as a second argument.
  bool lastIsTime = false;
};

const StepCase kCases[] = {
    {"Jordan", "Jordan(5, 3)", reference::jordanStep, 4, 3, {{"y", {3}}}},
    {"IndRNN", "IndRNN(5)", reference::indRnnStep, 4, 5, {{"h", {5}}}},
    {"CoupledLSTM",
     "CoupledLSTM(5)",
     reference::coupledLstmStep,
     4,
     5,
     {{"h", {5}}, {"c", {5}}}},
    {"ProjectionLSTM",
     "ProjectionLSTM(5, 3)",
     reference::projectionLstmStep,
     4,
     3,
     {{"h", {3}}, {"c", {5}}}},
    {"LayerNormLSTM",
     "LayerNormLSTM(5)",
     reference::layerNormLstmStep,
     4,
     5,
     {{"h", {5}}, {"c", {5}}}},
    {"RHN", "RHN(5)", reference::highwayStep, 4, 5, {{"s", {5}}}},
    {"Clockwork",
     "Clockwork(6, 3)",
     reference::clockworkStep,
     4,
     6,
     {{"h", {6}}}},
    {"EchoState", "EchoState(7)", reference::echoStateStep, 4, 7, {{"h", {7}}}},
    {.name = "CfC",
     .instance = "CfC(5, 6)",
     .step = reference::closedFormStep,
     .inputs = 4,
     .outputs = 5,
     .states = {{"h", {5}}},
     .lastIsTime = true},
    {"SRU", "SRU(5)", reference::sruStep, 5, 5, {{"c", {5}}}},
    {"SRUOfOtherInputs", "SRU(5)", reference::sruStep, 4, 5, {{"c", {5}}}},
    {.name = "QRNN",
     .instance = "QRNN(5, 3)",
     .step = reference::qrnnStep,
     .inputs = 4,
     .outputs = 5,
     .states = {{"c", {5}}},
     .given = false},
    {"MinGRU", "MinGRU(5)", reference::minGruStep, 4, 5, {{"h", {5}}}},
    {"MinLSTM", "MinLSTM(5)", reference::minLstmStep, 4, 5, {{"h", {5}}}},
    {"RGLRU", "RGLRU()", reference::gatedLinearStep, 5, 5, {{"h", {5}}}},
    {"S6", "S6(3, 2)", reference::selectiveStep, 5, 5, {{"h", {5, 3}}}},
    {.name = "SLSTM",
     .instance = "SLSTM(5)",
     .step = reference::scalarMemoryStep,
     .inputs = 4,
     .outputs = 5,
     .states = {{"h", {5}}, {"c", {5}}, {"z", {5}}},
     .given = false},
    {.name = "MLSTM",
     .instance = "MLSTM(5)",
     .step = reference::matrixMemoryStep,
     .inputs = 4,
     .outputs = 5,
     .states = {{"C", {5, 5}}, {"z", {5}}},
     .given = false},
    {"DeltaRule",
     "DeltaRule(5, 3)",
     reference::deltaRuleStep,
     4,
     5,
     {{"S", {5, 3}}}},
    {.name = "NTM",
     .instance = "NTM(5, 6, 3)",
     .step = reference::turingStep,
     .inputs = 4,
     .outputs = 8,
     .states = {{"controller.h", {5}},
                {"controller.c", {5}},
                {"M", {6, 3}, 0.001},
                {"read", {3}},
                {"wr", {6}, 1.0 / 6},
                {"ww", {6}, 1.0 / 6}},
     .given = false},
};

constexpr int64_t kSteps = 9, kRows = 3;
/// Of values of size 1; the orders of sums differ.
constexpr double kTolerance = 1e-12;

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text;
  for (int64_t extent : shape)
    text += (text.empty() ? "[" : ", ") + std::to_string(extent);
  return text + "]";
}

std::string modelText(const StepCase &test) {
  std::string declarations =
                  "  input x: seq [" + std::to_string(test.inputs) + "]",
              arguments = "x", outputs = "y, end = last(y)";
  if (test.lastIsTime) {
    declarations += ", dt: seq real";
    arguments += ", dt";
  }
  for (const StateOf &state : test.states)
    if (test.given) {
      declarations += ", from_" + state.name + ": " + shapeText(state.shape);
      arguments += ", " + state.name + " = from_" + state.name;
      outputs += ", all_" + state.name + " = net_." + state.name;
    }
  return "model Check() {\n" + declarations + "\n  net = " + test.instance +
         "\n  net_ = net(" + arguments + ")\n  y = net_\n  output " + outputs +
         "\n  loss sum(sin(y))\n}\n";
}

class LibrarySteps : public testing::TestWithParam<StepCase> {
protected:
  void SetUp() override {
    ModelOptions options;
    options.ragged = {"T"};
    options.pipeline.entries = {"forward", "eval", "grad"};
    auto created = TestModel::create(modelText(GetParam()), options);
    ASSERT_TRUE(static_cast<bool>(created))
        << llvm::toString(created.takeError());
    model = std::move(*created);
    auto forward = model->function("rnn", "forward");
    auto init = model->function("rnn", "init");
    ASSERT_TRUE(forward && init);
    ExampleOptions example;
    example.extents = {{"B", kRows}, {"T", kSteps}};
    auto bindings = exampleBindings(*forward, *init, example);
    ASSERT_TRUE(static_cast<bool>(bindings))
        << llvm::toString(bindings.takeError());
    at = std::move(*bindings);
  }

  /// Row `b` of an array [batch, ...] or step `t` of [time, batch, ...].
  static reference::Vector rowOf(const Array &array, int64_t size, int64_t b,
                                 int64_t t = 0) {
    reference::Vector row;
    for (int64_t i = 0; i < size; ++i)
      row.push_back(array.number((t * kRows + b) * size + i));
    return row;
  }

  void compare(const Bindings &results);

  std::unique_ptr<TestModel> model;
  Bindings at;
};
} // namespace

void LibrarySteps::compare(const Bindings &results) {
  const StepCase &test = GetParam();
  reference::Tensors weights;
  for (const Bindings::Entry &entry : at.entries())
    if (entry.kind == ArgKind::Param) {
      reference::Tensor &tensor =
          weights[entry.name.substr(entry.name.find('.') + 1)];
      tensor.shape = entry.array.shape;
      for (int64_t i = 0; i < entry.array.size(); ++i)
        tensor.data.push_back(entry.array.number(i));
    }
  auto expectNear = [&](const std::string &what, const reference::Vector &found,
                        const reference::Vector &expected, int64_t b,
                        int64_t t) {
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i)
      EXPECT_NEAR(found[i], expected[i], kTolerance)
          << what << ", entry " << i << ", step " << t << ", row " << b;
  };
  const Array &x = *at.find(ArgKind::Input, "x");
  for (int64_t b = 0; b < kRows; ++b) {
    reference::Tensors states;
    for (const StateOf &state : test.states) {
      reference::Tensor &tensor = states[state.name];
      tensor.shape = state.shape;
      int64_t size = 1;
      for (int64_t extent : state.shape)
        size *= extent;
      tensor.data.assign(size, state.start);
      if (test.given)
        tensor.data =
            rowOf(*at.find(ArgKind::Input, "from_" + state.name), size, b);
    }
    int64_t length = at.find(ArgKind::Lengths, "T")->integer(b);
    for (int64_t t = 0; t < length; ++t) {
      reference::Vector in = rowOf(x, test.inputs, b, t);
      if (test.lastIsTime)
        in.push_back(at.find(ArgKind::Input, "dt")->number(t * kRows + b));
      reference::Vector y = test.step(in, weights, states, t);
      expectNear("output",
                 rowOf(*results.find(ArgKind::Output, "y"), test.outputs, b, t),
                 y, b, t);
      if (t + 1 == length)
        expectNear(
            "last output",
            rowOf(*results.find(ArgKind::Output, "end"), test.outputs, b), y, b,
            t);
      for (const StateOf &state : test.states)
        if (test.given) {
          const reference::Vector &expected = states[state.name].data;
          expectNear("state " + state.name,
                     rowOf(*results.find(ArgKind::Output, "all_" + state.name),
                           expected.size(), b, t),
                     expected, b, t);
        }
    }
  }
}

TEST_P(LibrarySteps, InterpreterAgreesWithTheReference) {
  auto results = model->interpret("rnn", "forward", at);
  ASSERT_TRUE(static_cast<bool>(results))
      << llvm::toString(results.takeError());
  compare(*results);
}

TEST_P(LibrarySteps, CompiledCodeAgreesWithTheReference) {
  auto code = CompiledModel::create(*model);
  ASSERT_TRUE(static_cast<bool>(code)) << llvm::toString(code.takeError());
  auto results = (*code)->run("forward", at);
  ASSERT_TRUE(static_cast<bool>(results))
      << llvm::toString(results.takeError());
  compare(*results);
}

INSTANTIATE_TEST_SUITE_P(All, LibrarySteps, testing::ValuesIn(kCases),
                         [](const auto &info) { return info.param.name; });

/// `spectral` against the eigenvalues of Eigen: full, sparse, and a rotation
/// whose greatest eigenvalues are a complex pair.
TEST(LibraryFunctions, SpectralRadius) {
  ModelOptions options;
  auto model = TestModel::create(
      "model Check() {\n"
      "  input x: seq [2]\n"
      "  fixed A: [12, 12] = spectral(normal(0, 1), 0.9)\n"
      "  fixed B: [40, 40] = spectral(bernoulli(0.1) * uniform(-1, 1), 1.25)\n"
      "  fixed C: [7, 7] = spectral(orthogonal, 0.5)\n"
      "  y = sum(A) + sum(B) + sum(C) + sum(x)\n"
      "  output y\n"
      "  loss y\n"
      "}\n",
      options);
  ASSERT_TRUE(static_cast<bool>(model)) << llvm::toString(model.takeError());
  auto forward = (*model)->function("rnn", "forward");
  auto init = (*model)->function("rnn", "init");
  ASSERT_TRUE(forward && init);
  for (uint64_t seed : {1, 2, 3}) {
    ExampleOptions example;
    example.seed = seed;
    example.spread = 0;
    auto at = exampleBindings(*forward, *init, example);
    ASSERT_TRUE(static_cast<bool>(at)) << llvm::toString(at.takeError());
    for (auto [name, radius] : {std::pair("A", 0.9), std::pair("B", 1.25),
                                std::pair("C", 0.5)}) {
      const Array &array = *at->find(ArgKind::Param, name);
      Eigen::MatrixXd matrix(array.shape[0], array.shape[1]);
      for (int64_t i = 0; i < array.size(); ++i)
        matrix(i / array.shape[1], i % array.shape[1]) = array.number(i);
      EXPECT_NEAR(matrix.eigenvalues().cwiseAbs().maxCoeff(), radius, 1e-4)
          << name << ", seed " << seed;
    }
  }
}
