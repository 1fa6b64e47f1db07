//===- LibraryGradientsTest.cpp - Every library cell and layer ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `rnnc gradcheck --library` does: a model around each definition of the
// library, its gradients against differences in f64. Inputs have gradients
// too; rows differ in length.
//
//===----------------------------------------------------------------------===//

#include "compiler/verify/GradCheck.h"
#include "compiler/verify/LibraryModels.h"
#include "tests/support/CompiledModel.h"
#include "gtest/gtest.h"

using namespace rnnc;
using namespace rnnc::test;
using rnnc::rnn::ArgKind;

namespace {
std::vector<LibraryModel> allModels() {
  SourceManager sources;
  DiagnosticEngine diags(sources);
  auto program =
      loadProgramText("empty.rnn", "fn none(x) = x\n", {}, sources, diags);
  return program ? libraryModels(*program) : std::vector<LibraryModel>();
}

class LibraryGradients : public testing::TestWithParam<LibraryModel> {};
} // namespace

TEST_P(LibraryGradients, AgreeWithDifferences) {
  ModelOptions options;
  options.ragged = {"T"};
  options.pipeline.entries = {"grad"};
  options.pipeline.inputGradients = true;
  auto model = TestModel::create(GetParam().text, options);
  ASSERT_TRUE(static_cast<bool>(model)) << llvm::toString(model.takeError());
  auto loss = (*model)->function("rnn", "loss");
  auto init = (*model)->function("rnn", "init");
  auto grad = (*model)->function("grad", "grad");
  ASSERT_TRUE(loss && init);
  ASSERT_TRUE(static_cast<bool>(grad)) << llvm::toString(grad.takeError());
  ExampleOptions example;
  example.ranges = (*model)->ranges();
  auto at = exampleBindings(*loss, *init, example);
  ASSERT_TRUE(static_cast<bool>(at)) << llvm::toString(at.takeError());
  auto code = CompiledModel::create(**model);
  ASSERT_TRUE(static_cast<bool>(code)) << llvm::toString(code.takeError());

  GradCheckOptions checkOptions;
  checkOptions.samples = 16;
  RunFunction compiled = [&](llvm::ArrayRef<rnn::Array> args)
      -> llvm::Expected<std::vector<rnn::Array>> {
    auto bound = (*code)->run("grad", *at);
    if (!bound)
      return bound.takeError();
    std::vector<rnn::Array> results;
    for (unsigned i = 0; i < grad->getNumResults(); ++i) {
      auto arg = grad->getResultAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
      results.push_back(*bound->find(arg.getKind(), arg.getName()));
    }
    return results;
  };
  for (const RunFunction &run : {interpreted(*grad), compiled}) {
    auto check = checkGradients(GetParam().name, *loss, interpreted(*loss),
                                *grad, run, *at, checkOptions);
    ASSERT_TRUE(static_cast<bool>(check)) << llvm::toString(check.takeError());
    EXPECT_FALSE(check->tensors.empty());
    for (const TensorCheck &tensor : check->tensors)
      EXPECT_LT(tensor.maxRelError, 1e-6)
          << tensor.kind << " " << tensor.name << ", entry " << tensor.worst
          << ": " << tensor.gradient << ", differences say "
          << tensor.difference;
  }
}

INSTANTIATE_TEST_SUITE_P(All, LibraryGradients, testing::ValuesIn(allModels()),
                         [](const auto &info) { return info.param.name; });
