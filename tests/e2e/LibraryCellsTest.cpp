//===- LibraryCellsTest.cpp - Cells of the library against Eigen ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each cell of the library, with given initial states and rows of different
// lengths: interpreter and compiled code against tests/reference, gradients
// against differences.
//
//===----------------------------------------------------------------------===//

#include "compiler/verify/GradCheck.h"
#include "tests/reference/Cells.h"
#include "tests/support/CompiledModel.h"
#include "gtest/gtest.h"

using namespace rnnc;
using namespace rnnc::test;
using rnnc::rnn::ArgKind;
using rnnc::rnn::Array;

namespace {
struct CellCase {
  const char *name;
  reference::Cell cell;
  bool hasMemory;
};

const CellCase kCells[] = {
    {"Elman", reference::elman, false},
    {"ElmanReLU", reference::elmanRelu, false},
    {"LSTM", reference::lstm, true},
    {"PeepholeLSTM", reference::peepholeLstm, true},
    {"GRU", reference::gru, false},
    {"GRUResetBefore", reference::gruResetBefore, false},
    {"MGU", reference::mgu, false},
};

constexpr int kSteps = 6, kRows = 3, kInputs = 4, kUnits = 5;

reference::Matrix matrixOf(const Array &array, int64_t rows, int64_t columns,
                           int64_t from = 0) {
  reference::Matrix matrix(rows, columns);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      matrix(i, j) = array.number(from + i * columns + j);
  return matrix;
}

/// A model of one cell whose start is an input.
std::string modelText(const CellCase &cell) {
  std::string name = cell.name;
  return "model Check() {\n"
         "  input x: seq [4], h0: [5]" +
         std::string(cell.hasMemory ? ", c0: [5]" : "") + "\n  net = " + name +
         "(5)\n  y = net(x, h = h0" + (cell.hasMemory ? ", c = c0" : "") +
         ")\n  output y, end = last(y)\n"
         "  loss sum(sin(y))\n}\n";
}

class LibraryCells : public testing::TestWithParam<CellCase> {
protected:
  void SetUp() override {
    ModelOptions options;
    options.ragged = {"T"};
    options.pipeline.entries = {"forward", "eval", "grad"};
    auto created = TestModel::create(modelText(GetParam()), options);
    ASSERT_TRUE(static_cast<bool>(created))
        << llvm::toString(created.takeError());
    model = std::move(*created);
    auto loss = model->function("rnn", "loss");
    auto init = model->function("rnn", "init");
    ASSERT_TRUE(loss && init);
    ExampleOptions example;
    example.extents = {{"B", kRows}, {"T", kSteps}};
    auto bindings = exampleBindings(*loss, *init, example);
    ASSERT_TRUE(static_cast<bool>(bindings))
        << llvm::toString(bindings.takeError());
    at = std::move(*bindings);
  }

  /// Checks the results of `forward`.
  void compare(const Bindings &results) {
    reference::Sequence x;
    const Array &input = *at.find(ArgKind::Input, "x");
    for (int t = 0; t < kSteps; ++t)
      x.push_back(matrixOf(input, kRows, kInputs, t * kRows * kInputs));
    reference::State start;
    start.h = matrixOf(*at.find(ArgKind::Input, "h0"), kRows, kUnits);
    if (GetParam().hasMemory)
      start.c = matrixOf(*at.find(ArgKind::Input, "c0"), kRows, kUnits);
    std::vector<int> lengths;
    for (int b = 0; b < kRows; ++b)
      lengths.push_back(at.find(ArgKind::Lengths, "T")->integer(b));
    reference::Weights weights;
    for (const Bindings::Entry &entry : at.entries())
      if (entry.kind == ArgKind::Param) {
        std::string name = entry.name.substr(entry.name.find('.') + 1);
        const std::vector<int64_t> &shape = entry.array.shape;
        weights[name] =
            matrixOf(entry.array, shape[0], shape.size() > 1 ? shape[1] : 1);
      }
    reference::Run run = GetParam().cell(x, weights, start, lengths);
    const Array &y = *results.find(ArgKind::Output, "y");
    const Array &end = *results.find(ArgKind::Output, "end");
    for (int b = 0; b < kRows; ++b)
      for (int j = 0; j < kUnits; ++j) {
        for (int t = 0; t < lengths[b]; ++t)
          EXPECT_NEAR(y.number((t * kRows + b) * kUnits + j),
                      run.outputs[t](b, j), 1e-12)
              << "step " << t << ", row " << b << ", unit " << j;
        EXPECT_NEAR(end.number(b * kUnits + j), run.last.h(b, j), 1e-12)
            << "row " << b << ", unit " << j;
      }
  }

  std::unique_ptr<TestModel> model;
  Bindings at;
};
} // namespace

TEST_P(LibraryCells, InterpreterAgreesWithTheReference) {
  auto results = model->interpret("rnn", "forward", at);
  ASSERT_TRUE(static_cast<bool>(results))
      << llvm::toString(results.takeError());
  compare(*results);
}

TEST_P(LibraryCells, CompiledCodeAgreesWithTheReference) {
  auto code = CompiledModel::create(*model);
  ASSERT_TRUE(static_cast<bool>(code)) << llvm::toString(code.takeError());
  auto results = (*code)->run("forward", at);
  ASSERT_TRUE(static_cast<bool>(results))
      << llvm::toString(results.takeError());
  compare(*results);
}

TEST_P(LibraryCells, GradientsAgreeWithDifferences) {
  auto loss = model->function("rnn", "loss");
  auto grad = model->function("grad", "grad");
  ASSERT_TRUE(static_cast<bool>(loss));
  ASSERT_TRUE(static_cast<bool>(grad)) << llvm::toString(grad.takeError());
  GradCheckOptions options;
  options.samples = 16;
  auto check = checkGradients(GetParam().name, *loss, interpreted(*loss), *grad,
                              interpreted(*grad), at, options);
  ASSERT_TRUE(static_cast<bool>(check)) << llvm::toString(check.takeError());
  EXPECT_FALSE(check->tensors.empty());
  for (const TensorCheck &tensor : check->tensors)
    EXPECT_LT(tensor.maxRelError, options.tolerance)
        << tensor.name << ": " << tensor.gradient << ", differences say "
        << tensor.difference;
}

INSTANTIATE_TEST_SUITE_P(All, LibraryCells, testing::ValuesIn(kCells),
                         [](const auto &info) { return info.param.name; });
