//===- SplitUnitsTest.cpp - Units and rows shared by threads ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// With few rows, threads share the units of a step, or one runs the loop and the
// others what its steps are needed for, some steps at a time. The code is another
// one, the bits are the same: whatever is split, and on any number of threads.
//
//===----------------------------------------------------------------------===//

#include "compiler/verify/GradCheck.h"
#include "tests/support/CompiledModel.h"
#include "tests/support/TestModel.h"
#include "gtest/gtest.h"
#include <cstring>

using namespace rnnc;
using namespace rnnc::rnn;
using namespace rnnc::test;

namespace {
struct Case {
  const char *cell;
  int64_t units, rows;
  bool f64;
  int64_t steps = 4;
};

/// Two products a step, the second of what the first gives; a reduction over
/// units between them; and a gate that reads no state.
constexpr const char *kOwnCell = R"(
cell Own(n)(x: [d]) -> h {
  state h: [n]
  state m: [n]
  param W: [n, d] = glorot_uniform
  param U, V: [n, n] = orthogonal
  g = sigmoid(W @ x)
  a = tanh(U @ h + m)
  s = mean(a)
  h' = g * tanh(V @ (a - s)) + h
  m' = 0.5 * m + a * h
}
)";

std::string textOf(const Case &test) {
  std::string n = std::to_string(test.units);
  std::string text = std::strcmp(test.cell, "Own") == 0 ? kOwnCell : "";
  return text + "model M() {\n  input x: seq [5]\n  target y: seq [" + n +
         "]\n  net = " + test.cell + "(" + n +
         ")\n  h = net(x)\n  o = Dense(3)(h)\n  output h\n  output o\n"
         "  loss mse(h, y) + mean(o * o)\n}\n";
}

class SplitUnits : public testing::TestWithParam<Case> {
protected:
  /// The code for a usual number of threads.
  std::unique_ptr<TestModel> modelFor(int64_t threads,
                                      int64_t rows = GetParam().rows) {
    ModelOptions options;
    options.f64 = GetParam().f64;
    options.pipeline.entries = {"forward", "grad"};
    options.pipeline.batch = rows;
    options.pipeline.threads = threads;
    options.pipeline.inputGradients = true;
    auto model = TestModel::create(textOf(GetParam()), options);
    EXPECT_TRUE(static_cast<bool>(model))
        << llvm::toString(model.takeError());
    return model ? std::move(*model) : nullptr;
  }
};

class UsualRows : public SplitUnits {};

const auto caseName = [](const testing::TestParamInfo<Case> &info) {
  return std::string(info.param.cell) + std::to_string(info.param.units) + "x" +
         std::to_string(info.param.rows) + (info.param.f64 ? "F64" : "F32") +
         "T" + std::to_string(info.param.steps);
};

void expectSameBits(const Bindings &expected, const Bindings &found,
                    int64_t threads) {
  for (const Bindings::Entry &entry : expected.entries()) {
    const Array *other = found.find(entry.kind, entry.name);
    ASSERT_NE(other, nullptr) << entry.name;
    ASSERT_EQ(entry.array.size(), other->size()) << entry.name;
    for (int64_t i = 0; i < entry.array.size(); ++i)
      ASSERT_EQ(entry.array.number(i), other->number(i))
          << entry.name << " entry " << i << ", " << threads << " threads";
  }
}
} // namespace

TEST_P(SplitUnits, SameBitsAsSplitRows) {
  auto byRows = modelFor(1), byUnits = modelFor(4);
  ASSERT_TRUE(byRows && byUnits);
  auto loss = byRows->function("rnn", "loss");
  auto init = byRows->function("rnn", "init");
  ASSERT_TRUE(loss && init);
  ExampleOptions example;
  example.extents = {{"B", GetParam().rows}, {"T", GetParam().steps}};
  auto at = exampleBindings(*loss, *init, example);
  ASSERT_TRUE(static_cast<bool>(at)) << llvm::toString(at.takeError());

  auto rowCode = CompiledModel::create(*byRows);
  auto unitCode = CompiledModel::create(*byUnits);
  ASSERT_TRUE(static_cast<bool>(rowCode) && static_cast<bool>(unitCode));
  for (const char *entry : {"forward", "grad"}) {
    auto expected = (*rowCode)->run(entry, *at);
    ASSERT_TRUE(static_cast<bool>(expected))
        << llvm::toString(expected.takeError());
    if (GetParam().f64) {
      auto plain = byRows->interpret(entry == std::string("grad") ? "grad" : "rnn",
                                     entry, *at);
      ASSERT_TRUE(static_cast<bool>(plain));
      for (const Bindings::Entry &value : plain->entries()) {
        const Array *other = expected->find(value.kind, value.name);
        ASSERT_NE(other, nullptr) << value.name;
        for (int64_t i = 0; i < value.array.size(); ++i)
          ASSERT_NEAR(value.array.number(i), other->number(i), 1e-10)
              << value.name << " entry " << i;
      }
    }
    for (int64_t threads : {1, 2, 3, 4, 8, 2}) {
      auto found = (*unitCode)->run(entry, *at, threads);
      ASSERT_TRUE(static_cast<bool>(found))
          << llvm::toString(found.takeError());
      expectSameBits(*expected, *found, threads);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, SplitUnits,
    testing::Values(Case{"LSTM", 100, 1, false}, Case{"LSTM", 257, 3, false},
                    Case{"LSTM", 128, 1, true}, Case{"GRU", 100, 3, false},
                    Case{"GRU", 96, 1, true}, Case{"GRUResetBefore", 100, 1, false},
                    Case{"MGU", 257, 1, false}, Case{"Elman", 64, 1, true},
                    Case{"LayerNormLSTM", 100, 3, false},
                    Case{"Own", 100, 1, true}, Case{"Own", 257, 3, false},
                    // Parts of 16 steps, with a rest and without.
                    Case{"Own", 48, 3, false, 37}, Case{"MGU", 40, 1, true, 37},
                    Case{"Elman", 64, 1, false, 32}),
    caseName);

// Code for one row has sums in registers and a row's numbers one by one, and is
// right for any number of rows.
TEST_P(UsualRows, ChangeNoBit) {
  auto forOne = modelFor(2, 1), forMany = modelFor(1, 32);
  ASSERT_TRUE(forOne && forMany);
  auto loss = forOne->function("rnn", "loss");
  auto init = forOne->function("rnn", "init");
  ASSERT_TRUE(loss && init);
  auto oneCode = CompiledModel::create(*forOne);
  auto manyCode = CompiledModel::create(*forMany);
  ASSERT_TRUE(static_cast<bool>(oneCode) && static_cast<bool>(manyCode));
  for (int64_t rows : {1, 2, 25}) {
    ExampleOptions example;
    example.extents = {{"B", rows}, {"T", 3}};
    auto at = exampleBindings(*loss, *init, example);
    ASSERT_TRUE(static_cast<bool>(at)) << llvm::toString(at.takeError());
    for (const char *entry : {"forward", "grad"}) {
      auto expected = (*manyCode)->run(entry, *at);
      ASSERT_TRUE(static_cast<bool>(expected))
          << llvm::toString(expected.takeError());
      for (int64_t threads : {1, 2, 3}) {
        auto found = (*oneCode)->run(entry, *at, threads);
        ASSERT_TRUE(static_cast<bool>(found))
            << llvm::toString(found.takeError());
        expectSameBits(*expected, *found, threads);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, UsualRows,
                         testing::Values(Case{"LSTM", 64, 1, false},
                                         Case{"GRU", 32, 1, true},
                                         Case{"LayerNormLSTM", 20, 1, false},
                                         Case{"Own", 64, 1, false}),
                         caseName);
