//===- ApiTest.cpp - Tests of the C++ interface ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include <rnnc/rnnc.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

namespace fs = std::filesystem;

namespace {
const char echo[] = R"(model Echo(n = 6) {
  input  x: seq [2]
  target y: seq [2]
  z = x |> GRU(n) |> Dense(2)
  output z
  loss mse(z, y)
}
)";

const char letters[] = R"(model Letters(V, n = 12) {
  target x: seq int[V]
  z = shift(x, start = 0) |> Embedding(V, n) |> GRU(n) |> Dense(V)
  output z
  loss nats = cross_entropy(z, x)
}
)";

using Shape = std::vector<int64_t>;

/// An array and its shape.
struct Values {
  std::vector<float> data;
  Shape shape;
  explicit Values(Shape shape) : shape(std::move(shape)) {
    int64_t size = 1;
    for (int64_t extent : this->shape)
      size *= extent;
    data.resize(size);
    for (int64_t i = 0; i < size; ++i)
      data[i] = std::sin(0.7f * float(i) + 1);
  }
  rnnc::Tensor view() { return {data.data(), rnnc::DType::F32, shape}; }
};

using Named = std::pair<std::string_view, rnnc::Tensor>;

rnnc::Options oneThread() {
  rnnc::Options options;
  options.threads = 1;
  options.cache = false;
  return options;
}

/// A folder of its own for each test.
class Api : public testing::Test {
protected:
  void SetUp() override {
    folder = fs::temp_directory_path() /
             ("rnnc-api-" + std::to_string(getpid()) + "-" +
              testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }
  fs::path folder;
};
} // namespace

TEST_F(Api, ErrorsCarryPlaces) {
  auto model = rnnc::compileText("model M() {\n  input x: seq [2]\n"
                                 "  y = sigmod(x)\n  output y\n}\n",
                                 {});
  ASSERT_FALSE(model);
  ASSERT_EQ(model.error().diagnostics.size(), 1u);
  const rnnc::Diagnostic &error = model.error().diagnostics[0];
  EXPECT_EQ(error.line, 3);
  EXPECT_EQ(error.column, 7);
  EXPECT_EQ(error.severity, "error");
  EXPECT_NE(error.help.find("sigmoid"), std::string::npos);
  EXPECT_NE(error.text.find("y = sigmod(x)"), std::string::npos);
}

TEST_F(Api, AMissingFileAndAMissingSizeAreErrors) {
  EXPECT_FALSE(rnnc::compile(folder / "none.rnn", {}));
  auto model = rnnc::compileText(letters, oneThread());
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("size 'V' has no value"),
            std::string::npos)
      << model.error().message;
}

TEST_F(Api, ParametersAreSetSavedAndLoaded) {
  rnnc::Model model = rnnc::compileText(echo, oneThread()).value();
  std::vector<rnnc::ParameterInfo> parameters = model.parameters();
  ASSERT_FALSE(parameters.empty());
  EXPECT_FALSE(model.parameter("nothing"));
  Values bias({2});
  ASSERT_TRUE(model.set("dense.b", bias.view()));
  Values wrong({3});
  auto refused = model.set("dense.b", wrong.view());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "'dense.b' is [3], the model needs [2]");

  fs::path file = folder / "w.safetensors";
  ASSERT_TRUE(model.save(file));
  rnnc::Options other = oneThread();
  other.seed = 7;
  rnnc::Model second = rnnc::compileText(echo, other).value();
  ASSERT_TRUE(second.load(file));
  for (const rnnc::ParameterInfo &info : parameters) {
    rnnc::Tensor a = model.parameter(info.name).value();
    rnnc::Tensor b = second.parameter(info.name).value();
    size_t count = 1;
    for (int64_t extent : info.shape)
      count *= size_t(extent);
    EXPECT_EQ(std::memcmp(a.data, b.data, count * sizeof(float)), 0)
        << info.name;
  }
  // Weights of another model: every difference, and nothing is changed.
  rnnc::Options wide = oneThread();
  wide.set["n"] = "5";
  rnnc::Model third = rnnc::compileText(echo, wide).value();
  auto loaded = third.load(file);
  ASSERT_FALSE(loaded);
  EXPECT_GT(loaded.error().diagnostics.size(), 5u);
  std::ofstream(folder / "cut.safetensors") << "abc";
  EXPECT_FALSE(third.load(folder / "cut.safetensors"));
}

TEST_F(Api, RunRefusesWhatDoesNotFit) {
  rnnc::Model model = rnnc::compileText(echo, oneThread()).value();
  Values x({4, 3, 2}), z({4, 3, 2}), flat({4, 2});
  Named none[] = {{"q", x.view()}};
  EXPECT_FALSE(model.run(none, {}));
  Named rank[] = {{"x", flat.view()}};
  EXPECT_FALSE(model.run(rank, {}));
  EXPECT_FALSE(model.run({}, {}));
  Named in[] = {{"x", x.view()}};
  Named small[] = {{"z", flat.view()}};
  EXPECT_FALSE(model.run(in, small));
  Named unknown[] = {{"w", z.view()}};
  EXPECT_FALSE(model.run(in, unknown));
  Named out[] = {{"z", z.view()}};
  EXPECT_TRUE(model.run(in, out));
}

TEST_F(Api, StreamsContinueForkAndReset) {
  rnnc::Model model = rnnc::compileText(echo, oneThread()).value();
  constexpr int64_t T = 5, B = 3;
  Values x({T, B, 2}), whole({T, B, 2});
  Named in[] = {{"x", x.view()}};
  Named out[] = {{"z", whole.view()}};
  ASSERT_TRUE(model.run(in, out));

  rnnc::Stream stream = model.stream(B).value();
  Values step({B, 2}), result({B, 2});
  auto run = [&](rnnc::Stream &on, int64_t t) {
    std::copy_n(x.data.begin() + t * B * 2, B * 2, step.data.begin());
    Named stepIn[] = {{"x", step.view()}};
    Named stepOut[] = {{"z", result.view()}};
    on.step(stepIn, stepOut);
    for (int64_t i = 0; i < B * 2; ++i)
      EXPECT_NEAR(result.data[i], whole.data[t * B * 2 + i], 1e-6) << t;
  };
  for (int64_t t = 0; t < 3; ++t)
    run(stream, t);
  // A copy of the state goes on like the original.
  rnnc::Stream fork = model.stream(B).value();
  ASSERT_EQ(fork.state().size(), stream.state().size());
  std::memcpy(fork.state().data(), stream.state().data(), fork.state().size());
  for (int64_t t = 3; t < T; ++t) {
    run(stream, t);
    run(fork, t);
  }
  stream.reset();
  run(stream, 0);
}

TEST_F(Api, RunIsSafeFromSeveralThreads) {
  rnnc::Model model = rnnc::compileText(echo, oneThread()).value();
  Values x({6, 2, 2}), expected({6, 2, 2});
  Named in[] = {{"x", x.view()}};
  Named out[] = {{"z", expected.view()}};
  ASSERT_TRUE(model.run(in, out));
  std::vector<std::thread> threads;
  std::vector<Values> results(4, Values({6, 2, 2}));
  for (Values &result : results)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        Named mine[] = {{"z", result.view()}};
        EXPECT_TRUE(model.run(in, mine));
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  for (const Values &result : results)
    EXPECT_EQ(result.data, expected.data);
}

TEST_F(Api, StepsLowerTheLossAndResumeToTheSameBits) {
  Values x({5, 4, 2}), y({5, 4, 2});
  for (float &value : y.data)
    value *= 0.5f;
  Named batch[] = {{"x", x.view()}, {"y", y.view()}};
  rnnc::TrainOptions options;
  options.lr = 0.02;
  auto make = [&] { return rnnc::compileText(echo, oneThread()).value(); };
  rnnc::Model model = make();
  rnnc::Trainer trainer = rnnc::Trainer::create(model, options).value();
  double first = trainer.step(batch).value(), last = first;
  for (int i = 0; i < 20; ++i)
    last = trainer.step(batch).value();
  EXPECT_LT(last, 0.5 * first);
  fs::path file = folder / "t.ckpt";
  ASSERT_TRUE(trainer.save(file));
  for (int i = 0; i < 5; ++i)
    last = trainer.step(batch).value();

  rnnc::Model again = make();
  rnnc::Trainer second = rnnc::Trainer::create(again, options).value();
  ASSERT_TRUE(second.resume(file));
  double other = 0;
  for (int i = 0; i < 5; ++i)
    other = second.step(batch).value();
  EXPECT_EQ(last, other);
  EXPECT_FALSE(second.resume(folder / "none.ckpt"));

  Values bad({5, 4, 1});
  Named wrong[] = {{"x", bad.view()}, {"y", y.view()}};
  EXPECT_FALSE(trainer.step(wrong));
  Named missing[] = {{"x", x.view()}};
  EXPECT_FALSE(trainer.step(missing));
}

/// Lengths for each step of another axis: letters in words.
TEST_F(Api, StepsOnLettersWithinWords) {
  const char *text = R"(
model Words(n = 8) {
  input text: seq(W, C(W)) int[3]
  target tag: seq(W) int[2]
  h = last(GRU(n)(text |> Embedding(3, n), axis = C), axis = C)
  output h
  loss cross_entropy(h |> Dense(2), tag)
}
)";
  rnnc::TrainOptions options;
  options.lr = 0.05;
  rnnc::Model model = rnnc::compileText(text, oneThread()).value();
  rnnc::Trainer trainer = rnnc::Trainer::create(model, options).value();
  // Two rows, of two words and of one; the tag says whether a 2 is there, and
  // each padding has one.
  std::vector<int32_t> ids = {0, 2, 2, 1, 2, 2, /*word 1*/ 1, 2, 2, 2, 2, 2};
  std::vector<int32_t> tags = {0, 1, 0, 1}, words = {2, 1};
  std::vector<int32_t> letters = {1, 2, 1, 0};
  Shape cells = {2, 3, 2}, each = {2, 2}, rows = {2};
  auto ints = [](std::vector<int32_t> &values, const Shape &shape) {
    return rnnc::Tensor{values.data(), rnnc::DType::I32, shape};
  };
  Named batch[] = {{"text", ints(ids, cells)},
                   {"tag", ints(tags, each)},
                   {"text.lengths.W", ints(words, rows)},
                   {"text.lengths.C", ints(letters, each)}};
  double last = 1;
  for (int i = 0; i < 60; ++i)
    last = trainer.step(batch).value();
  EXPECT_LT(last, 0.1);
  // The last word of the second row is padding: its tag does not matter.
  tags[3] = 0;
  double same = trainer.step(batch).value();
  EXPECT_LT(same, 0.1);
  letters[1] = 4;
  auto wrong = trainer.step(batch);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message,
            "'text.lengths.C' has 4 at step 0 of row 1, expected 1 to 3, the "
            "steps of axis C");
}

TEST_F(Api, ATargetOutOfRangeIsAnError) {
  rnnc::Options options = oneThread();
  options.set["V"] = "3";
  rnnc::Model model = rnnc::compileText(letters, options).value();
  rnnc::Trainer trainer = rnnc::Trainer::create(model, {}).value();
  std::vector<int32_t> ids = {0, 1, 2, 7};
  Shape shape = {4, 1};
  Named batch[] = {{"x", {ids.data(), rnnc::DType::I32, shape}}};
  auto loss = trainer.step(batch);
  ASSERT_FALSE(loss);
  EXPECT_EQ(loss.error().message, "x is 7, the model has classes 0 to 2");
  ids[3] = 1;
  EXPECT_TRUE(trainer.step(batch));
}

TEST_F(Api, FitTrainsOnAFile) {
  std::ofstream text(folder / "text.txt");
  for (int i = 0; i < 300; ++i)
    text << "abcabd";
  text.close();
  rnnc::Options options = oneThread();
  options.set["V"] = "4";
  options.batch = 4;
  options.window = 10;
  rnnc::Model model = rnnc::compileText(letters, options).value();
  rnnc::TrainOptions train;
  train.lr = 0.02;
  train.epochs = 4;
  rnnc::Trainer trainer = rnnc::Trainer::create(model, train).value();
  rnnc::Data data;
  data.data = {(folder / "text.txt").string()};
  int64_t steps = 0;
  auto result = trainer.fit(data, [&](const rnnc::Progress &progress) {
    steps = progress.step;
    return true;
  });
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->status, "finished");
  EXPECT_EQ(result->steps, steps);
  ASSERT_TRUE(result->valid);
  EXPECT_LT(result->valid->loss, 0.6);
  auto found = trainer.evaluate(data);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->count, 1800);
  auto stopped =
      trainer.fit(data, [](const rnnc::Progress &) { return false; });
  ASSERT_TRUE(stopped);
  data.data = {(folder / "none.txt").string()};
  EXPECT_FALSE(trainer.fit(data, {}));
}

/// Whether a word has an 'a' in it, from a table whose text is read so without
/// being told.
TEST_F(Api, FitReadsWordsOfLetters) {
  std::ofstream table(folder / "words.tsv");
  for (int i = 0; i < 20; ++i)
    table << "0\tb cb c\n1\tbc  ab cab\n1\ta\n0\tcc bb\n";
  table.close();
  rnnc::Options options = oneThread();
  options.set["V"] = "3";
  options.batch = 8;
  rnnc::Model model = rnnc::compileText(R"(
model Words(V, n = 8) {
  input text: seq(W, C(W)) int[V]
  target kind: int[2]
  h = max(GRU(n)(text |> Embedding(V, n), axis = C), axis = C)
  loss cross_entropy(max(h, axis = W) |> Dense(2), kind)
}
)",
                                        options)
                          .value();
  rnnc::TrainOptions train;
  train.lr = 0.05;
  train.epochs = 12;
  rnnc::Trainer trainer = rnnc::Trainer::create(model, train).value();
  rnnc::Data data;
  const std::string file = (folder / "words.tsv").string();
  data.data = {"text=" + file + "#2", "kind=" + file + "#1"};
  auto result = trainer.fit(data, {});
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_TRUE(result->valid);
  EXPECT_LT(result->valid->loss, 0.1);
  data.tokens = "words";
  auto wrong = trainer.evaluate(data);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message,
            "--tokens: 'text' is seq(W, C) int[V=3], which takes words/chars, "
            "words/bytes, lines/chars, lines/bytes or lines/words, found "
            "'words'");
}
