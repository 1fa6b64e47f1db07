//===- RandomModelTest.cpp - The generator and the shrinker ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/verify/RandomModel.h"
#include "frontends/rnn/Sema.h"
#include "gtest/gtest.h"
#include <set>
#include <sstream>

using namespace rnnc;

static std::string check(const RandomModel &model) {
  SourceManager sources;
  DiagnosticEngine diags(sources);
  auto program = loadProgramText("model.rnn", model.text(), {}, sources, diags);
  SemaOptions options;
  options.needSizes = options.needLoss = true;
  options.stream = model.isStream();
  if (program && analyze(*program, options, diags))
    return "";
  std::ostringstream out;
  diags.print(out);
  return out.str();
}

TEST(RandomModel, TheSameSeedGivesTheSameText) {
  RandomModel::Options options{17, {"Elman"}};
  EXPECT_EQ(RandomModel::generate(options).text(),
            RandomModel::generate(options).text());
  options.seed = 18;
  EXPECT_NE(RandomModel::generate(options).text(),
            RandomModel::generate({17, {"Elman"}}).text());
}

TEST(RandomModel, EveryTextIsWellTyped) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    RandomModel model = RandomModel::generate({seed, {"Elman", "LSTM"}});
    ASSERT_EQ(check(model), "") << "seed " << seed << "\n" << model.text();
  }
}

TEST(RandomModel, TextsDiffer) {
  // What the language has turns up within a few hundred models.
  std::string all;
  for (uint64_t seed = 1; seed <= 300; ++seed)
    all += RandomModel::generate({seed, {"Elman", "LSTM"}}).text();
  for (const char *phrase :
       {"reverse(", "softmax(", "once ",     "for l in", "bernoulli",
        "copy(",    "|> ",      "axis = T",  "axis = S", "state M",
        "h = tanh", "shift(",   "LayerNorm", "dropout",  "cross_entropy",
        "mse",      "bce",      "einsum",    "concat",   "outer",
        "pos(",     ".T @",     "core("})
    EXPECT_NE(all.find(phrase), std::string::npos) << phrase;
}

TEST(RandomModel, ShrinkingKeepsTheFailure) {
  // Pretend that every well-typed model with a tanh in it fails.
  auto fails = [](const RandomModel &model) {
    return model.text().find("tanh") != std::string::npos && check(model) == "";
  };
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    RandomModel model = RandomModel::generate({seed, {"Elman", "LSTM"}});
    if (!fails(model))
      continue;
    RandomModel small = shrink(model, fails);
    EXPECT_TRUE(fails(small));
    EXPECT_LE(small.text().size(), model.text().size());
    EXPECT_EQ(small.extents().at("B"), 1);
    EXPECT_EQ(small.extents().at("T"), 1);
  }
}
