//===- PiecesTest.cpp - Training steps in pieces, bit for bit -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A step within a budget of memory is made in pieces of the sequence. Losses
// and weights after some updates must be the bits of a step in one piece.
//
//===----------------------------------------------------------------------===//

#include <rnnc/rnnc.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <random>
#include <unistd.h>

namespace {
using Shape = std::vector<int64_t>;
using Named = std::pair<std::string_view, rnnc::Tensor>;

/// One batch by name: reals, tokens, lengths.
struct Batch {
  std::map<std::string, std::pair<std::vector<float>, Shape>> reals;
  std::map<std::string, std::pair<std::vector<int32_t>, Shape>> ids;

  std::vector<Named> view() {
    std::vector<Named> list;
    for (auto &[name, value] : reals)
      list.push_back(
          {name, {value.first.data(), rnnc::DType::F32, value.second}});
    for (auto &[name, value] : ids)
      list.push_back(
          {name, {value.first.data(), rnnc::DType::I32, value.second}});
    return list;
  }
};

int64_t sizeOf(const Shape &shape) {
  int64_t size = 1;
  for (int64_t extent : shape)
    size *= extent;
  return size;
}

/// What a model is trained on: `kinds` has "x:2" for reals of two entries,
/// "x:V5" for tokens below 5, "y!2" and "y!V5" where there is no time.
Batch makeBatch(const std::vector<std::string> &kinds, int64_t steps,
                int64_t rows, bool ragged, unsigned seed) {
  std::mt19937 random(seed);
  Batch batch;
  for (const std::string &kind : kinds) {
    size_t at = kind.find_first_of(":!");
    std::string name = kind.substr(0, at), what = kind.substr(at + 1);
    Shape shape;
    if (kind[at] == ':')
      shape.push_back(steps);
    shape.push_back(rows);
    if (what[0] == 'V') {
      int32_t classes = std::stoi(what.substr(1));
      auto &[data, own] = batch.ids[name];
      own = shape;
      data.resize(size_t(sizeOf(shape)));
      for (int32_t &id : data)
        id = int32_t(random() % uint32_t(classes));
    } else {
      shape.push_back(std::stoi(what));
      auto &[data, own] = batch.reals[name];
      own = shape;
      data.resize(size_t(sizeOf(shape)));
      for (float &number : data)
        number = std::normal_distribution<float>()(random);
    }
    if (ragged && kind[at] == ':') {
      auto &[data, own] = batch.ids[name + ".lengths"];
      own = {rows};
      data.resize(size_t(rows));
      for (int64_t i = 0; i < rows; ++i)
        data[size_t(i)] =
            i == 0 ? int32_t(steps)
                   : int32_t(1 + (7 * i + 3) % std::max<int64_t>(steps, 1)) %
                             int32_t(steps) +
                         1;
      // All data along the axis have the same lengths.
      for (auto &[other, value] : batch.ids)
        if (other.ends_with(".lengths"))
          data = value.first;
    }
  }
  return batch;
}

struct Case {
  std::string name, text;
  std::vector<std::string> kinds;
  int64_t steps = 37, rows = 3;
  bool stream = false, ragged = false;
  std::map<std::string, std::string> set;
  /// Whether the axis can be cut.
  bool cut = true;
};

void PrintTo(const Case &one, std::ostream *os) { *os << one.name; }

/// Compiled code of these tests, gone when they end.
std::string cacheFolder() {
  struct Folder {
    std::filesystem::path path = std::filesystem::temp_directory_path() /
                                 ("rnnc-pieces-" + std::to_string(getpid()));
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() { std::filesystem::remove_all(path); }
  };
  static const Folder folder;
  return folder.path.string();
}

/// Losses and weights after some updates, and what they took.
struct Outcome {
  std::vector<double> losses;
  rnnc::MemoryUse memory;
  std::map<std::string, std::vector<std::byte>> weights;
  std::string error;
};

Outcome trained(const Case &one, std::optional<int64_t> budget,
                int64_t threads = 1, int64_t accumulate = 1) {
  Outcome outcome;
  rnnc::Options options;
  options.threads = threads;
  // What a budget decides is no part of the code.
  options.cacheDir = cacheFolder();
  options.set = one.set;
  options.batch = one.rows;
  options.length = one.steps;
  if (one.stream)
    options.window = one.steps;
  auto model = rnnc::compileText(one.text, options);
  if (!model) {
    outcome.error = model.error().message;
    return outcome;
  }
  rnnc::TrainOptions train;
  train.lr = 0.01;
  train.memoryBudget = budget;
  train.accumulate = accumulate;
  auto trainer = rnnc::Trainer::create(*model, train);
  if (!trainer) {
    outcome.error = trainer.error().message;
    return outcome;
  }
  for (unsigned i = 0; i < 3; ++i) {
    Batch batch =
        makeBatch(one.kinds, one.steps, one.rows, one.ragged, 11 + i);
    auto view = batch.view();
    auto loss = trainer->step(view);
    if (!loss) {
      outcome.error = loss.error().message;
      for (const auto &message : loss.error().diagnostics)
        for (const auto &note : message.notes)
          outcome.error += "\n" + note.message;
      return outcome;
    }
    outcome.losses.push_back(*loss);
  }
  outcome.memory = trainer->memory();
  for (const rnnc::ParameterInfo &info : model->parameters()) {
    rnnc::Tensor tensor = model->parameter(info.name).value();
    auto *from = static_cast<const std::byte *>(tensor.data);
    outcome.weights[info.name].assign(
        from, from + sizeOf({tensor.shape.begin(), tensor.shape.end()}) * 4);
  }
  return outcome;
}

/// The number of bytes that a message names after "the least is".
int64_t leastOf(const std::string &message) {
  size_t at = message.find("the least is ");
  if (at == std::string::npos)
    return -1;
  double number = 0;
  char unit[8] = "";
  std::sscanf(message.c_str() + at + 13, "%lf %7s", &number, unit);
  double factor = unit[0] == 'K' ? 1024 : unit[0] == 'M' ? 1048576 : 1;
  return int64_t(number * factor);
}

void expectSame(const Outcome &found, const Outcome &wanted) {
  ASSERT_EQ(found.error, "");
  ASSERT_EQ(found.losses.size(), wanted.losses.size());
  for (size_t i = 0; i < wanted.losses.size(); ++i)
    EXPECT_EQ(found.losses[i], wanted.losses[i]) << "loss of step " << i + 1;
  for (const auto &[name, bytes] : wanted.weights)
    EXPECT_EQ(found.weights.at(name), bytes) << name;
}

const std::vector<Case> &cases() {
  static const std::vector<Case> list = {
      {"Plain",
       "model M(n = 8) { input x: seq [2]; target y: seq [3]\n"
       "  z = x |> LSTM(n) |> Dense(3)\n  loss mse(z, y) }",
       {"x:2", "y:3"}},
      {"OneEntry",
       "model M(n = 8) { input x: seq [1]; target y: seq [1]\n"
       "  param a: real = 0.5\n"
       "  z = (x * a) |> GRU(n) |> Dense(1)\n  loss mse(z, y) }",
       {"x:1", "y:1"}},
      {"StackedTokens",
       "model M(V = 5, n = 8) { target x: seq int[V]\n"
       "  z = shift(x, start = 0) |> Embedding(V, n) |> LSTM(n) |> "
       "dropout(0.2) |> GRU(n) |> dropout(0.3) |> Dense(V)\n"
       "  loss cross_entropy(z, x) }",
       {"x:V5"}},
      {"Stream",
       "model M(V = 5, n = 8) { target x: seq int[V]\n"
       "  z = shift(x, start = 0) |> Embedding(V, n) |> LSTM(n) |> "
       "dropout(0.2) |> GRU(n) |> Dense(V)\n"
       "  loss cross_entropy(z, x) }",
       {"x:V5"},
       37,
       3,
       true},
      {"Ragged",
       "model M(V = 5, n = 8) { target x: seq int[V]\n"
       "  z = shift(x, start = 0) |> Embedding(V, n) |> LSTM(n) |> GRU(n) |> "
       "Dense(V)\n  loss cross_entropy(z, x) }",
       {"x:V5"},
       23,
       4,
       false,
       true},
      {"Tied",
       "model M(V = 5, n = 8) { target x: seq int[V]\n"
       "  embed = Embedding(V, n)\n  param b: [V] = 0\n"
       "  h = shift(x, start = 0) |> embed |> GRU(n)\n"
       "  z = embed.E @ h + b\n  loss cross_entropy(z, x) }",
       {"x:V5"}},
      {"LastState",
       "model M(n = 8) { input x: seq [2]; target y: int[3]\n"
       "  z = last(x |> LSTM(n) |> GRU(n)) |> Dense(3)\n"
       "  loss cross_entropy(z, y) }",
       {"x:2", "y!V3"}},
      {"LastStateRagged",
       "model M(n = 8) { input x: seq [2]; target y: int[3]\n"
       "  z = last(x |> LSTM(n) |> GRU(n)) |> Dense(3)\n"
       "  loss cross_entropy(z, y) }",
       {"x:2", "y!V3"},
       19,
       5,
       false,
       true},
      {"LearnedStart",
       "cell C(n)(x: [d]) -> h {\n"
       "  param h0: [n] = 0.3, W: [n, d] = glorot_uniform, U: [n, n] = "
       "orthogonal, b: [n] = 0\n  state h: [n] = h0\n"
       "  h' = tanh(W @ x + U @ h + b) }\n"
       "model M(n = 8) { input x: seq [2]; target y: seq [2]\n"
       "  z = x |> C(n) |> LayerNorm() |> Dense(2)\n  loss mse(z, y) }",
       {"x:2", "y:2"}},
      {"Rectified",
       "cell R(n)(x: [d]) -> h { state h: [n]\n"
       "  param W: [n, d] = glorot_uniform, U: [n, n] = identity, b: [n] = 0\n"
       "  h' = relu(W @ x + U @ h + b) }\n"
       "cell M(n)(x: [d]) -> h { state h: [n]\n"
       "  param W: [n, d] = glorot_uniform, U: [n, n] = orthogonal\n"
       "  param a: [n] = 1, b: [n] = 0\n"
       "  h' = tanh(a * (W @ x) * (U @ h) + b) }\n"
       "model M0(n = 8) { input x: seq [2]; target y: seq [2]\n"
       "  z = x |> R(n) |> M(n) |> Dense(2)\n  loss mse(z, y) }",
       {"x:2", "y:2"}},
      {"Decoder",
       "model M(V = 5, n = 8) { input x: seq(S) int[V]; target y: seq int[V]\n"
       "  start = last(x |> Embedding(V, n) |> GRU(n), axis = S)\n"
       "  h = GRU(n)(shift(y, start = 0) |> Embedding(V, n), h = start)\n"
       "  z = h |> Dense(V)\n  loss cross_entropy(z, y) }",
       {"x:V5", "y:V5"}},
      {"Attention",
       "model M(V = 5, n = 8) { input x: seq(S) int[V]; target y: seq int[V]\n"
       "  m = x |> Embedding(V, n) |> Bidirectional(GRU(n))\n"
       "  param Q: [2 * n, n] = glorot_uniform\n"
       "  h = shift(y, start = 0) |> Embedding(V, n) |> GRU(n)\n"
       "  a = softmax((Q @ h) @ m, axis = S)\n"
       "  z = concat(h, sum(a * m, axis = S)) |> Dense(V)\n"
       "  loss cross_entropy(z, y) }",
       {"x:V5", "y:V5"},
       9,
       3,
       false,
       false,
       {},
       false},
      {"BothWays",
       "model M(n = 8) { input x: seq [2]; target y: seq [2]\n"
       "  z = x |> Bidirectional(GRU(n)) |> Dense(2)\n  loss mse(z, y) }",
       {"x:2", "y:2"},
       12,
       3,
       false,
       false,
       {},
       false},
  };
  return list;
}

class Pieces : public testing::TestWithParam<Case> {};

/// A stack of random layers over a random length: what the seed gives.
Case randomCase(std::mt19937 &random) {
  auto below = [&](int count) { return int(random() % unsigned(count)); };
  Case one;
  one.steps = 20 + below(80);
  one.rows = 1 + below(6);
  one.ragged = below(3) == 0;
  one.stream = !one.ragged && below(3) == 0;
  const char *layers[] = {"LSTM(n)", "GRU(n)", "LayerNormLSTM(n)", "Elman(n)",
                          "SRU(n)",  "SLSTM(n)", "dropout(0.3)", "LayerNorm()"};
  std::string width = std::to_string(8 * (1 + below(3)));
  bool tokens = below(2);
  one.text = "model M(V = 5, n = " + width + ") {\n";
  one.text += tokens ? "  target y: seq int[V]\n"
                       "  z = shift(y, start = 0) |> Embedding(V, n)"
                     : "  input x: seq [3]; target y: seq [2]\n  z = x |> "
                       "Dense(n) |> relu";
  one.text += " |> " + std::string(layers[below(4)]);
  for (int i = below(4); i > 0; --i)
    one.text += " |> " + std::string(layers[below(std::size(layers))]);
  one.text += tokens ? " |> Dense(V)\n  loss cross_entropy(z, y) }"
                     : " |> Dense(2)\n  loss mse(z, y) }";
  one.kinds = tokens ? std::vector<std::string>{"y:V5"}
                     : std::vector<std::string>{"x:3", "y:2"};
  return one;
}
} // namespace

// Random models, lengths and budgets, from the least to what needs no saving:
// the same bits, within the budget, and what was foretold is what was there.
TEST(RandomPlans, SameBitsWithinTheBudget) {
  int budgets = 0, cut = 0, recomputed = 0, both = 0;
  for (unsigned seed = 1; budgets < 24; ++seed) {
    std::mt19937 random(seed);
    Case one = randomCase(random);
    SCOPED_TRACE("seed " + std::to_string(seed) + ", " +
                 std::to_string(one.steps) + " steps of " +
                 std::to_string(one.rows) + " rows" +
                 (one.ragged ? ", ragged" : "") +
                 (one.stream ? ", a stream" : "") + "\n" + one.text);
    Outcome whole = trained(one, std::nullopt);
    ASSERT_EQ(whole.error, "");
    // What threads do beside a loop takes memory of its own.
    const int64_t threads = 1 + int64_t(random() % 2);
    int64_t least = leastOf(trained(one, 1, threads).error);
    ASSERT_GT(least, 0);
    int64_t most =
        trained(one, int64_t(1) << 40, threads).memory.predictedPeak;
    ASSERT_GT(most, 0);
    // More budgets near the whole, where plans differ the most.
    for (double share : {0.0, 0.3, 0.7, 0.95}) {
      share += double(random() % 1000) / 1000 * 0.2;
      int64_t budget = std::max(
          least, int64_t(double(least) + share * double(most - least)));
      SCOPED_TRACE("budget " + std::to_string(budget));
      Outcome found = trained(one, budget, threads);
      expectSame(found, whole);
      if (HasFailure())
        return;
      const rnnc::MemoryUse &memory = found.memory;
      EXPECT_LE(memory.predictedPeak, budget);
      EXPECT_NEAR(double(memory.measuredPeak), double(memory.predictedPeak),
                  0.05 * double(memory.predictedPeak));
      EXPECT_EQ(memory.extraWork > 0, memory.pieces > 1 || memory.recomputes);
      ++budgets;
      cut += memory.pieces > 1 && !memory.recomputes;
      recomputed += memory.pieces == 1 && memory.recomputes;
      both += memory.pieces > 1 && memory.recomputes;
    }
  }
  std::printf("%d budgets: %d cut, %d computed again, %d both\n", budgets, cut,
              recomputed, both);
  // Each kind of plan was met.
  EXPECT_GT(cut, 0);
  EXPECT_GT(recomputed, 0);
  EXPECT_GT(both, 0);
}

TEST_P(Pieces, SameBitsInEveryPlan) {
  const Case &one = GetParam();
  Outcome whole = trained(one, std::nullopt);
  ASSERT_EQ(whole.error, "");
  Outcome refused = trained(one, 1);
  int64_t least = leastOf(refused.error);
  ASSERT_GT(least, 0) << refused.error;
  // In one piece.
  expectSame(trained(one, int64_t(1) << 30), whole);
  if (!one.cut) {
    EXPECT_NE(refused.error.find("the sequence cannot be cut"),
              std::string::npos)
        << refused.error;
    return;
  }
  // The least, and some between.
  std::mt19937 random(5);
  for (int i = 0; i < 2; ++i) {
    int64_t budget = least + (i ? int64_t(random() % uint64_t(least)) / 2 : 0);
    SCOPED_TRACE(budget);
    expectSame(trained(one, budget), whole);
  }
  int64_t leastOfTwo = leastOf(trained(one, 1, 2).error);
  ASSERT_GT(leastOfTwo, 0);
  expectSame(trained(one, leastOfTwo, 2), whole);
}

INSTANTIATE_TEST_SUITE_P(Models, Pieces, testing::ValuesIn(cases()),
                         [](const auto &info) { return info.param.name; });
