//===- LibraryModelsTest.cpp - Models around definitions ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/verify/LibraryModels.h"
#include "frontends/rnn/Sema.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <sstream>

using namespace rnnc;
using testing::HasSubstr;

namespace {
class LibraryModels : public testing::Test {
protected:
  const Program &load(const std::string &text) {
    program = loadProgramText("test.rnn", text, {}, sources, diags);
    EXPECT_TRUE(program && !diags.hasErrors());
    return *program;
  }
  /// What the front end says of a text; empty if it takes it.
  static std::string check(const std::string &text) {
    SourceManager sources;
    DiagnosticEngine diags(sources);
    auto program = loadProgramText("model.rnn", text, {}, sources, diags);
    SemaOptions options;
    options.needSizes = options.needLoss = true;
    if (program && analyze(*program, options, diags))
      return "";
    std::ostringstream out;
    diags.print(out);
    return out.str();
  }

  SourceManager sources;
  DiagnosticEngine diags{sources};
  std::unique_ptr<Program> program;
};
} // namespace

TEST_F(LibraryModels, EveryCellAndLayerOfTheLibrary) {
  std::vector<LibraryModel> models = libraryModels(load("fn none(x) = x\n"));
  size_t cells = 0;
  for (const LibraryModel &model : models) {
    EXPECT_EQ(check(model.text), "") << model.text;
    cells += model.isCell;
  }
  EXPECT_GE(cells, 7u);
  EXPECT_GT(models.size(), cells);
}

TEST_F(LibraryModels, ByName) {
  std::vector<std::string> unknown;
  auto models =
      libraryModels(load("cell Mine(n)(x: [d], s: seq(S) [2*n]) -> h {"
                         " state h: [n] param W: [n, d] = 0"
                         " h' = W @ x + mean(s, axis = S)[:n] }\n"),
                    {"Mine", "Nobody"}, &unknown);
  ASSERT_EQ(models.size(), 1u);
  EXPECT_EQ(models[0].name, "Mine");
  EXPECT_THAT(models[0].text, HasSubstr("input in_s: seq(S) [8]"));
  EXPECT_EQ(unknown, std::vector<std::string>{"Nobody"});
}

TEST_F(LibraryModels, ValuesForEveryKindOfArgument) {
  auto models = libraryModels(
      load("layer L(n, p: real, b: bool, f: fn, g: layer)(x: seq [d]) -> y {"
           " y = f(g(x)) }\n"),
      {"L"});
  ASSERT_EQ(models.size(), 1u);
  EXPECT_THAT(models[0].text,
              HasSubstr("n = 4, p = 0.3, b = false, f = tanh, g = "));
}
