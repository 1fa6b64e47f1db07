//===- EvaluationTest.cpp - Evaluations in pieces, bit for bit ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An evaluation within a budget of memory is made in pieces of the sequence.
// Its loss and metrics must be the bits of a whole one, and what it takes must
// be within the budget.
//
//===----------------------------------------------------------------------===//

#include <rnnc/rnnc.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <unistd.h>

namespace {
/// A folder for compiled code and data, gone when the tests end.
const std::filesystem::path &testFolder() {
  struct Folder {
    std::filesystem::path path = std::filesystem::temp_directory_path() /
                                 ("rnnc-evaluation-" + std::to_string(getpid()));
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() { std::filesystem::remove_all(path); }
  };
  static const Folder folder;
  return folder.path;
}

template <class T>
void writeNpy(const std::filesystem::path &path,
              const std::vector<int64_t> &shape, const std::vector<T> &values) {
  std::string sizes;
  for (int64_t size : shape)
    sizes += std::to_string(size) + ",";
  std::string header = "{'descr': '";
  header += std::is_same_v<T, float> ? "<f4" : "<i4";
  header += "', 'fortran_order': False, 'shape': (" + sizes + "), }";
  while ((header.size() + 11) % 64 != 0)
    header += ' ';
  header += '\n';
  std::ofstream out(path, std::ios::binary);
  auto length = uint16_t(header.size());
  out.write("\x93NUMPY\x01\x00", 8);
  out.write(reinterpret_cast<const char *>(&length), 2);
  out << header;
  out.write(reinterpret_cast<const char *>(values.data()),
            std::streamsize(values.size() * sizeof(T)));
}

struct Case {
  std::string name, text;
  /// "x:2" reals along time, "x:V5" tokens below 5; with "!" no time.
  std::vector<std::string> kinds;
  bool ragged = false;
  /// Whether an evaluation can be cut.
  bool cut = true;
  int64_t steps = 157, rows = 3, count = 5;
};

void PrintTo(const Case &one, std::ostream *os) { *os << one.name; }

/// Writes the data of a case, as the command line takes them.
std::vector<std::string> writeData(const Case &one) {
  std::mt19937 random(7);
  std::vector<std::string> bound;
  std::vector<int32_t> lengths;
  // The longest is in the last batch, which has fewer rows.
  for (int64_t i = 0; i < one.count; ++i)
    lengths.push_back(i + 1 == one.count ? int32_t(one.steps)
                                         : 1 + int32_t((61 * i + 40) %
                                                       one.steps));
  for (const std::string &kind : one.kinds) {
    size_t at = kind.find_first_of(":!");
    std::string name = kind.substr(0, at), what = kind.substr(at + 1);
    std::vector<int64_t> shape = {one.count};
    if (kind[at] == ':')
      shape.push_back(one.steps);
    auto path = testFolder() / (one.name + "." + name + ".npy");
    int64_t size = one.count * (kind[at] == ':' ? one.steps : 1);
    if (what[0] == 'V') {
      std::vector<int32_t> values;
      for (int64_t i = 0; i < size; ++i)
        values.push_back(int32_t(random() % unsigned(std::stoi(what.substr(1)))));
      writeNpy(path, shape, values);
    } else {
      shape.push_back(std::stoi(what));
      std::vector<float> values;
      for (int64_t i = 0; i < size * shape.back(); ++i)
        values.push_back(std::normal_distribution<float>()(random));
      writeNpy(path, shape, values);
    }
    bound.push_back(name + "=" + path.string());
    if (one.ragged && kind[at] == ':') {
      auto file = testFolder() / (one.name + "." + name + ".lengths.npy");
      writeNpy(file, {one.count}, lengths);
      bound.push_back(name + ".lengths=" + file.string());
    }
  }
  return bound;
}

struct Outcome {
  std::string error;
  rnnc::EvalResult result;
  int64_t peak = 0;
};

/// Loss and metrics of the first weights.
Outcome evaluated(const Case &one, const std::vector<std::string> &data,
                  std::optional<int64_t> budget, int64_t threads = 1) {
  Outcome outcome;
  rnnc::Options options;
  options.threads = threads;
  options.cacheDir = testFolder().string();
  options.batch = one.rows;
  options.length = one.steps;
  auto model = rnnc::compileText(one.text, options);
  if (!model) {
    outcome.error = model.error().message;
    return outcome;
  }
  rnnc::TrainOptions train;
  train.memoryBudget = budget;
  auto trainer = rnnc::Trainer::create(*model, train);
  if (!trainer) {
    outcome.error = trainer.error().message;
    return outcome;
  }
  rnnc::Data named;
  named.data = data;
  auto found = trainer->evaluate(named);
  if (!found) {
    outcome.error = found.error().message;
    return outcome;
  }
  outcome.result = *found;
  outcome.peak = trainer->memory().measuredPeak;
  return outcome;
}

void expectSame(const Outcome &found, const Outcome &wanted) {
  ASSERT_EQ(found.error, "");
  EXPECT_EQ(found.result.count, wanted.result.count);
  EXPECT_EQ(0, std::memcmp(&found.result.loss, &wanted.result.loss, 8))
      << found.result.loss << " is not " << wanted.result.loss;
  ASSERT_EQ(found.result.metrics.size(), wanted.result.metrics.size());
  for (const auto &[name, value] : wanted.result.metrics)
    EXPECT_EQ(0, std::memcmp(&found.result.metrics.at(name), &value, 8))
        << name << ": " << found.result.metrics.at(name) << " is not "
        << value;
}

const std::vector<Case> &cases() {
  static const std::vector<Case> list = {
      {"TwoLayers",
       "model M(V = 7, n = 16) { input x: seq int[V]; target y: seq int[V]\n"
       "  z = x |> Embedding(V, n) |> LSTM(n) |> dropout(0.3) |> GRU(n) |> "
       "dropout(0.3) |> Dense(V)\n"
       "  loss nats = cross_entropy(z, y)\n"
       "  metric accuracy = real(argmax(z) == y)\n"
       "  metric perplexity = exp(nats) }",
       {"x:V7", "y:V7"}},
      {"TwoLayersRagged",
       "model M(V = 7, n = 16) { input x: seq int[V]; target y: seq int[V]\n"
       "  z = x |> Embedding(V, n) |> LSTM(n) |> GRU(n) |> Dense(V)\n"
       "  loss cross_entropy(z, y)\n"
       "  metric accuracy = real(argmax(z) == y) }",
       {"x:V7", "y:V7"},
       true},
      {"Weighted",
       "model M(n = 16) { input x: seq [2]; target y: seq [3]\n"
       "  z = x |> GRU(n) |> Dense(3)\n"
       "  loss a = mse(z, y), weight = real(pos(T) > 20)\n"
       "  loss b = 0.5 * mean((z - shift(z))^2) }",
       {"x:2", "y:3"}},
      {"LastState",
       "model M(n = 16) { input x: seq [2]; target y: int[3]\n"
       "  z = last(x |> LSTM(n) |> GRU(n)) |> Dense(3)\n"
       "  loss cross_entropy(z, y)\n"
       "  metric accuracy = real(argmax(z) == y) }",
       {"x:2", "y!V3"}},
      {"LastStateRagged",
       "model M(n = 16) { input x: seq [2]; target y: int[3]\n"
       "  z = last(x |> LSTM(n) |> GRU(n)) |> Dense(3)\n"
       "  loss cross_entropy(z, y) }",
       {"x:2", "y!V3"},
       true},
      {"MeanOverTime",
       "model M(n = 16) { input x: seq [2]; target y: int[3]\n"
       "  h = x |> LayerNormLSTM(n)\n"
       "  z = mean(h, axis = T) |> dropout(0.5) |> Dense(3)\n"
       "  loss cross_entropy(z, y) }",
       {"x:2", "y!V3"}},
      {"MeanOverTimeRagged",
       "model M(n = 16) { input x: seq [2]; target y: int[3]\n"
       "  h = x |> LSTM(n)\n"
       "  z = mean(h, axis = T) |> Dense(3)\n"
       "  loss cross_entropy(z, y) }",
       {"x:2", "y!V3"},
       true},
      {"BothWays",
       "model M(n = 16) { input x: seq [2]; target y: seq [2]\n"
       "  z = x |> Bidirectional(GRU(n)) |> Dense(2)\n  loss mse(z, y) }",
       {"x:2", "y:2"},
       true,
       false},
      {"Decoder",
       "model M(V = 5, n = 8) { input x: seq(S) int[V]; target y: seq int[V]\n"
       "  start = last(x |> Embedding(V, n) |> GRU(n), axis = S)\n"
       "  h = GRU(n)(shift(y, start = 0) |> Embedding(V, n), h = start)\n"
       "  z = h |> Dense(V)\n  loss cross_entropy(z, y) }",
       {"x:V5", "y:V5"}},
      {"Attention",
       "model M(n = 16) { input x: seq [2]; target y: int[3]\n"
       "  h = x |> GRU(n)\n  param q: [n] = glorot_uniform\n"
       "  a = softmax(sum(q * h), axis = T)\n"
       "  z = sum(a * h, axis = T) |> Dense(3)\n"
       "  loss cross_entropy(z, y) }",
       {"x:2", "y!V3"},
       false,
       false},
  };
  return list;
}

class EvaluationInPieces : public testing::TestWithParam<Case> {};
} // namespace

TEST_P(EvaluationInPieces, SameBitsWithinTheBudget) {
  const Case &one = GetParam();
  std::vector<std::string> data = writeData(one);
  Outcome whole = evaluated(one, data, std::nullopt);
  ASSERT_EQ(whole.error, "");
  Outcome most = evaluated(one, data, int64_t(1) << 40);
  expectSame(most, whole);
  Outcome least = evaluated(one, data, 1);
  expectSame(least, whole);
  if (!one.cut) {
    EXPECT_EQ(least.peak, most.peak);
    return;
  }
  ASSERT_LT(least.peak, most.peak);
  // The pieces follow from the budget.
  std::mt19937 random(3);
  for (double share : {0.0, 0.1, 0.35, 0.8, 0.999}) {
    share += double(random() % 1000) / 1000 * (share > 0.9 ? 0 : 0.15);
    int64_t budget =
        least.peak + int64_t(share * double(most.peak - least.peak));
    SCOPED_TRACE("budget " + std::to_string(budget) + " of " +
                 std::to_string(least.peak) + " to " +
                 std::to_string(most.peak));
    Outcome found = evaluated(one, data, budget, 1 + int64_t(random() % 2));
    expectSame(found, whole);
    EXPECT_LE(found.peak, budget);
    EXPECT_LT(found.peak, most.peak);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, EvaluationInPieces,
                         testing::ValuesIn(cases()),
                         [](const auto &info) { return info.param.name; });

// Validations between updates: training gives its memory back meanwhile, and the
// numbers are those of a run without a budget.
TEST(EvaluationInPieces, ValidatesWithinTheBudgetOfTraining) {
  Case one = cases().front();
  one.name = "Validated";
  one.count = 6;
  std::vector<std::string> data = writeData(one);
  auto run = [&](std::optional<int64_t> budget, rnnc::MemoryUse &memory) {
    rnnc::Options options;
    options.threads = 1;
    options.cacheDir = testFolder().string();
    options.batch = one.rows;
    options.length = one.steps;
    auto model = rnnc::compileText(one.text, options);
    EXPECT_TRUE(model) << model.error().message;
    rnnc::TrainOptions train;
    train.memoryBudget = budget;
    train.steps = 3;
    auto trainer = rnnc::Trainer::create(*model, train);
    EXPECT_TRUE(trainer) << trainer.error().message;
    rnnc::Data named;
    named.data = data;
    named.split = "0.5,0.5";
    auto result = trainer->fit(named, {});
    EXPECT_TRUE(result) << result.error().message;
    memory = trainer->memory();
    return result->valid->loss;
  };
  rnnc::MemoryUse free, tight;
  double wanted = run(std::nullopt, free);
  // Less than an evaluation takes, let alone a step.
  int64_t budget = free.predictedPeak / 5;
  EXPECT_EQ(run(budget, tight), wanted);
  EXPECT_GT(tight.pieces, 1);
  EXPECT_LE(tight.measuredPeak, budget);
}
