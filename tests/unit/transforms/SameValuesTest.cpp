//===- SameValuesTest.cpp - Passes do not change what is computed ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every function of the text tests of passes runs through the interpreter
// before and after the pass, on random values. The text tests say what changed,
// this one that nothing else did.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/Interpreter/Interpreter.h"
#include "dialects/rnn/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace rnnc::rnn;

namespace {
/// A file of the text tests, and the passes to run on it.
struct Case {
  const char *name, *file, *passes;
};

constexpr const char *kAll =
    "cse,rnn-split-concat-products,rnn-chain-sums,rnn-hoist-stateless,"
    "rnn-sink-outputs,canonicalize,cse,rnn-drop-dead,rnn-join-products,"
    "canonicalize,cse,"
    "rnn-fold-embedding,rnn-unroll-time{factor=4},canonicalize";

class SameValues : public testing::TestWithParam<Case> {
protected:
  SameValues() {
    [[maybe_unused]] static bool once = [] {
      registerTransformsPasses();
      registerRNNPasses();
      return true;
    }();
    context.loadDialect<RNNDialect, func::FuncDialect, arith::ArithDialect,
                        math::MathDialect, tensor::TensorDialect>();
  }

  /// Extents: the first index argument is the batch, the second the steps.
  static constexpr int64_t kBatch = 3, kSteps = 5;

  /// A value for an argument. Dynamic dims are time axes, then the batch.
  rnnc::rnn::Array argument(Type type, unsigned &indices) {
    using rnnc::rnn::Array;
    if (type.isIndex())
      return Array::index(indices++ == 0 ? kBatch : kSteps);
    if (type.isInteger(64))
      return Array::key(static_cast<int64_t>(random() % 1000));
    auto tensor = cast<RankedTensorType>(type);
    SmallVector<int64_t> shape(tensor.getShape());
    int64_t dynamic = tensor.getNumDynamicDims();
    for (int64_t i = 0; i < dynamic; ++i)
      shape[i] = i + 1 == dynamic ? kBatch : kSteps;
    int64_t size = 1;
    for (int64_t extent : shape)
      size *= extent;
    if (tensor.getElementType().isInteger(32)) {
      // Lengths are from 1, ids below the smallest table of the tests.
      bool isLengths = tensor.getRank() == 1;
      std::vector<int32_t> values;
      for (int64_t i = 0; i < size; ++i)
        values.push_back(random() % 5 + isLengths);
      return Array::of<int32_t>(DType::I32, shape, values);
    }
    if (tensor.getElementType().isInteger(1)) {
      std::vector<uint8_t> values;
      for (int64_t i = 0; i < size; ++i)
        values.push_back(random() % 2);
      return Array::of<uint8_t>(DType::I1, shape, values);
    }
    std::vector<double> values;
    std::uniform_real_distribution<double> spread(-1, 1);
    for (int64_t i = 0; i < size; ++i)
      values.push_back(spread(random));
    return Array::reals(DType::F64, shape, values);
  }

  MLIRContext context;
  std::mt19937 random{20261};
};
} // namespace

TEST_P(SameValues, BeforeAndAfter) {
  std::string path = std::string(RNNC_LIT_DIR) + "/" + GetParam().file;
  OwningOpRef<ModuleOp> before = parseSourceFile<ModuleOp>(path, &context);
  ASSERT_TRUE(before) << path << " does not parse";
  OwningOpRef<ModuleOp> after = before->clone();
  PassManager passes(&context);
  ASSERT_TRUE(succeeded(parsePassPipeline(GetParam().passes, passes)));
  ASSERT_TRUE(succeeded(passes.run(*after)));

  unsigned functions = 0;
  for (auto function : before->getOps<func::FuncOp>()) {
    SCOPED_TRACE(function.getName().str());
    std::vector<rnnc::rnn::Array> args;
    unsigned indices = 0;
    for (Type type : function.getArgumentTypes())
      args.push_back(argument(type, indices));
    auto expected = interpret(function, args);
    ASSERT_TRUE(static_cast<bool>(expected)) << toString(expected.takeError());
    auto changed = after->lookupSymbol<func::FuncOp>(function.getName());
    auto found = interpret(changed, args);
    ASSERT_TRUE(static_cast<bool>(found)) << toString(found.takeError());
    ASSERT_EQ(expected->size(), found->size());
    for (auto [i, pair] : llvm::enumerate(llvm::zip_equal(*expected, *found))) {
      auto &[want, got] = pair;
      ASSERT_EQ(want.shape, got.shape) << "result " << i;
      double largest = 1;
      for (int64_t k = 0; k < want.size(); ++k)
        largest = std::max(largest, std::abs(want.number(k)));
      for (int64_t k = 0; k < want.size(); ++k)
        ASSERT_NEAR(want.number(k), got.number(k), 1e-12 * largest)
            << "result " << i << ", entry " << k;
    }
    ++functions;
  }
  EXPECT_GT(functions, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Passes, SameValues,
    testing::Values(
        Case{"Split", "split-concat-products.mlir",
             "rnn-split-concat-products"},
        Case{"Chain", "chain-sums.mlir", "rnn-chain-sums"},
        Case{"Hoist", "hoist-stateless.mlir", "rnn-hoist-stateless"},
        Case{"Sink", "sink-outputs.mlir", "rnn-sink-outputs"},
        Case{"Join", "join-products.mlir", "rnn-join-products"},
        Case{"Drop", "drop-dead.mlir", "rnn-drop-dead"},
        Case{"Unroll", "unroll-time.mlir", "rnn-unroll-time{factor=3}"},
        Case{"Embedding", "fold-embedding.mlir",
             "rnn-fold-embedding{length=64 batch=32}"},
        Case{"Canonical", "canonicalize.mlir", "canonicalize,cse"},
        Case{"SplitAll", "split-concat-products.mlir", kAll},
        Case{"ChainAll", "chain-sums.mlir", kAll},
        Case{"HoistAll", "hoist-stateless.mlir", kAll},
        Case{"SinkAll", "sink-outputs.mlir", kAll},
        Case{"JoinAll", "join-products.mlir", kAll},
        Case{"DropAll", "drop-dead.mlir", kAll},
        Case{"CanonicalAll", "canonicalize.mlir", kAll}),
    [](const testing::TestParamInfo<Case> &info) { return info.param.name; });
