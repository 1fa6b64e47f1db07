//===- LibrarySequencesTest.cpp - Sums so far, labels, masks, draws -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations over whole sequences against plain loops: CTC against the sum over
// all paths one by one, running sums, masked log probabilities, drawn classes.
//
//===----------------------------------------------------------------------===//

#include "compiler/verify/GradCheck.h"
#include "tests/support/CompiledModel.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace rnnc;
using namespace rnnc::test;
using rnnc::rnn::ArgKind;
using rnnc::rnn::Array;

namespace {
/// A model, arguments for it, and both ways to run it.
struct Subject {
  std::unique_ptr<TestModel> model;
  std::unique_ptr<CompiledModel> code;
  Bindings at;

  static std::unique_ptr<Subject>
  create(const std::string &text, const std::set<std::string> &ragged,
         const std::map<std::string, int64_t> &extents, uint64_t seed = 1) {
    auto subject = std::make_unique<Subject>();
    ModelOptions options;
    options.ragged = ragged;
    options.pipeline.entries = {"forward", "eval", "grad"};
    options.pipeline.inputGradients = true;
    auto created = TestModel::create(text, options);
    if (!created) {
      ADD_FAILURE() << llvm::toString(created.takeError());
      return nullptr;
    }
    subject->model = std::move(*created);
    auto loss = subject->model->function("rnn", "loss");
    auto init = subject->model->function("rnn", "init");
    ExampleOptions example;
    example.seed = seed;
    example.extents = extents;
    example.ranges = subject->model->ranges();
    auto bindings = exampleBindings(*loss, *init, example);
    if (!bindings) {
      ADD_FAILURE() << llvm::toString(bindings.takeError());
      return nullptr;
    }
    subject->at = std::move(*bindings);
    auto code = CompiledModel::create(*subject->model);
    if (!code) {
      ADD_FAILURE() << llvm::toString(code.takeError());
      return nullptr;
    }
    subject->code = std::move(*code);
    return subject;
  }

  /// Runs an entry both ways and hands both results on.
  template <class Check> void run(const std::string &entry, Check check) {
    auto interpreted =
        model->interpret(entry == "grad" ? "grad" : "rnn", entry, at);
    ASSERT_TRUE(static_cast<bool>(interpreted))
        << llvm::toString(interpreted.takeError());
    check(*interpreted);
    auto compiled = code->run(entry, at);
    ASSERT_TRUE(static_cast<bool>(compiled))
        << llvm::toString(compiled.takeError());
    check(*compiled);
  }

  /// Gradients of the interpreter against differences.
  void checkGradients() {
    auto loss = model->function("rnn", "loss");
    auto grad = model->function("grad", "grad");
    ASSERT_TRUE(static_cast<bool>(loss));
    ASSERT_TRUE(static_cast<bool>(grad)) << llvm::toString(grad.takeError());
    GradCheckOptions options;
    auto check = rnnc::checkGradients("sequence", *loss, interpreted(*loss),
                                      *grad, interpreted(*grad), at, options);
    ASSERT_TRUE(static_cast<bool>(check)) << llvm::toString(check.takeError());
    EXPECT_FALSE(check->tensors.empty());
    for (const TensorCheck &tensor : check->tensors)
      EXPECT_LT(tensor.maxRelError, options.tolerance)
          << tensor.name << ": " << tensor.gradient << ", differences say "
          << tensor.difference;
  }
};

using Labels = std::vector<int64_t>;

/// What a path spells: repetitions are one label, blanks are gone.
Labels spelled(const Labels &path, int64_t blank) {
  Labels result;
  for (size_t t = 0; t < path.size(); ++t)
    if (path[t] != blank && (t == 0 || path[t] != path[t - 1]))
      result.push_back(path[t]);
  return result;
}

/// -log of the sum of the probabilities of all paths that spell `labels`.
double ctcByPaths(const std::vector<std::vector<double>> &logits,
                  const Labels &labels, int64_t blank) {
  int64_t classes = logits[0].size(), steps = logits.size();
  std::vector<std::vector<double>> p = logits;
  for (std::vector<double> &row : p) {
    double sum = 0;
    for (double &each : row)
      sum += each = std::exp(each);
    for (double &each : row)
      each /= sum;
  }
  double total = 0;
  Labels path(steps, 0);
  while (true) {
    if (spelled(path, blank) == labels) {
      double product = 1;
      for (int64_t t = 0; t < steps; ++t)
        product *= p[t][path[t]];
      total += product;
    }
    int64_t t = 0;
    while (t < steps && ++path[t] == classes)
      path[t++] = 0;
    if (t == steps)
      return -std::log(total);
  }
}
} // namespace

TEST(Ctc, SumsAllPaths) {
  constexpr int64_t kSteps = 6, kRows = 5, kClasses = 3;
  for (int64_t blank : {0, 2}) {
    auto subject = Subject::create(
        "model Check() {\n  input z: seq [3]\n  target y: seq(S) int[3]\n"
        "  output nll = ctc(z, y, blank = " +
            std::to_string(blank) + ")\n  loss nll\n}\n",
        {"T", "S"}, {{"B", kRows}, {"T", kSteps}, {"S", 3}});
    ASSERT_TRUE(subject);
    // One label; two; equal neighbours; three, two of them equal; rows of
    // other lengths. 9 stands for what is not there.
    int64_t a = blank == 0 ? 1 : 0, b = blank == 0 ? 2 : 1;
    const int64_t labels[kRows][3] = {
        {a, 9, 9}, {b, a, 9}, {a, a, 9}, {b, b, a}, {a, b, a}};
    const int64_t labelCount[kRows] = {1, 2, 2, 3, 3};
    const int64_t steps[kRows] = {6, 2, 3, 5, 4};
    Array &y = *subject->at.find(ArgKind::Target, "y");
    for (int64_t s = 0; s < 3; ++s)
      for (int64_t row = 0; row < kRows; ++row)
        y.as<int32_t>()[s * kRows + row] =
            static_cast<int32_t>(labels[row][s] % 9);
    for (int64_t row = 0; row < kRows; ++row) {
      subject->at.find(ArgKind::Lengths, "T")->as<int32_t>()[row] =
          static_cast<int32_t>(steps[row]);
      subject->at.find(ArgKind::Lengths, "S")->as<int32_t>()[row] =
          static_cast<int32_t>(labelCount[row]);
    }
    const Array &z = *subject->at.find(ArgKind::Input, "z");
    subject->run("forward", [&](const Bindings &results) {
      const Array &nll = *results.find(ArgKind::Output, "nll");
      for (int64_t row = 0; row < kRows; ++row) {
        std::vector<std::vector<double>> logits(steps[row]);
        for (int64_t t = 0; t < steps[row]; ++t)
          for (int64_t v = 0; v < kClasses; ++v)
            logits[t].push_back(z.number((t * kRows + row) * kClasses + v));
        Labels wanted(labels[row], labels[row] + labelCount[row]);
        EXPECT_NEAR(nll.number(row), ctcByPaths(logits, wanted, blank), 1e-12)
            << "row " << row << ", blank " << blank;
      }
    });
    subject->checkGradients();
  }
}

/// Equal logits make all paths equal: the gradient shares them fairly.
TEST(Ctc, GradientOfEqualPaths) {
  auto subject = Subject::create(
      "model Check() {\n  input z: seq [3]\n  target y: seq(S) int[3]\n"
      "  loss ctc(z, y)\n}\n",
      {}, {{"B", 1}, {"T", 4}, {"S", 2}});
  ASSERT_TRUE(subject);
  Array &z = *subject->at.find(ArgKind::Input, "z");
  for (int64_t i = 0; i < z.size(); ++i)
    z.set(i, 0);
  Array &y = *subject->at.find(ArgKind::Target, "y");
  y.as<int32_t>()[0] = y.as<int32_t>()[1] = 1;
  subject->checkGradients();
}

TEST(Cumsum, AlongTime) {
  constexpr int64_t kSteps = 5, kRows = 3;
  auto subject = Subject::create(
      "model Check() {\n  input x: seq [2]\n"
      "  a = cumsum(x, axis = T)\n"
      "  b = cumsum(x, axis = T, where = x > 0)\n"
      "  output a, b\n  loss sum(sin(a))\n  loss sum(cos(b))\n}\n",
      {"T"}, {{"B", kRows}, {"T", kSteps}});
  ASSERT_TRUE(subject);
  const Array &x = *subject->at.find(ArgKind::Input, "x");
  const Array &lengths = *subject->at.find(ArgKind::Lengths, "T");
  subject->run("forward", [&](const Bindings &results) {
    for (int64_t row = 0; row < kRows; ++row)
      for (int64_t j = 0; j < 2; ++j) {
        double all = 0, positive = 0;
        for (int64_t t = 0; t < lengths.integer(row); ++t) {
          int64_t place = (t * kRows + row) * 2 + j;
          all += x.number(place);
          positive += std::max(x.number(place), 0.0);
          EXPECT_NEAR(results.find(ArgKind::Output, "a")->number(place), all,
                      1e-13);
          EXPECT_NEAR(results.find(ArgKind::Output, "b")->number(place),
                      positive, 1e-13);
        }
      }
  });
  subject->checkGradients();
}

TEST(Cumsum, AlongOwnAxes) {
  constexpr int64_t kSteps = 2, kRows = 2;
  auto subject = Subject::create(
      "model Check() {\n  input x: seq [3, 4]\n"
      "  rows = cumsum(x)\n  columns = cumsum(x, axis = 0)\n"
      "  some = cumsum(x, axis = -1, where = x > 0)\n"
      "  output rows, columns, some\n"
      "  loss sum(sin(rows)) + sum(cos(columns)) + sum(some * some)\n}\n",
      {}, {{"B", kRows}, {"T", kSteps}});
  ASSERT_TRUE(subject);
  const Array &x = *subject->at.find(ArgKind::Input, "x");
  subject->run("forward", [&](const Bindings &results) {
    for (int64_t first = 0; first < x.size(); first += 12)
      for (int64_t i = 0; i < 3; ++i)
        for (int64_t j = 0; j < 4; ++j) {
          double row = 0, column = 0, some = 0;
          for (int64_t k = 0; k <= j; ++k) {
            double entry = x.number(first + i * 4 + k);
            row += entry;
            some += entry > 0 ? entry : 0;
          }
          for (int64_t k = 0; k <= i; ++k)
            column += x.number(first + k * 4 + j);
          int64_t place = first + i * 4 + j;
          EXPECT_NEAR(results.find(ArgKind::Output, "rows")->number(place), row,
                      1e-13);
          EXPECT_NEAR(results.find(ArgKind::Output, "columns")->number(place),
                      column, 1e-13);
          EXPECT_NEAR(results.find(ArgKind::Output, "some")->number(place),
                      some, 1e-13);
        }
  });
  subject->checkGradients();
}

/// Steps 0, 3, 6 of each row, then 0 and 6 of those: along axes of their own.
TEST(Every, TakesSteps) {
  constexpr int64_t kSteps = 8, kRows = 4;
  for (bool ragged : {false, true}) {
    auto subject = Subject::create(
        "model Check() {\n  input x: seq [2]\n"
        "  u = every(x, 3, to = U)\n  v = every(u, 2, to = V)\n"
        "  output u, v, end = last(u), sums = cumsum(u, axis = U), "
        "n = length(U)\n"
        "  h = u |> Elman(3)\n"
        "  loss sum(last(h)) + sum(sin(last(v)))\n"
        "  loss sum(sum(u * v, axis = V))\n}\n",
        ragged ? std::set<std::string>{"T"} : std::set<std::string>(),
        {{"B", kRows}, {"T", kSteps}});
    ASSERT_TRUE(subject);
    const Array &x = *subject->at.find(ArgKind::Input, "x");
    subject->run("forward", [&](const Bindings &results) {
      const Array &u = *results.find(ArgKind::Output, "u");
      const Array &v = *results.find(ArgKind::Output, "v");
      ASSERT_EQ(u.shape[0], 3);
      ASSERT_EQ(v.shape[0], 2);
      for (int64_t row = 0; row < kRows; ++row) {
        int64_t length =
            ragged ? subject->at.find(ArgKind::Lengths, "T")->integer(row)
                   : kSteps;
        auto of = [&](const Array &array, int64_t t, int64_t j) {
          return array.number((t * kRows + row) * 2 + j);
        };
        for (int64_t j = 0; j < 2; ++j) {
          double sum = 0, end = 0;
          int64_t count = 0;
          for (int64_t t = 0; t < length; t += 3, ++count) {
            EXPECT_EQ(of(u, t / 3, j), of(x, t, j)) << "row " << row;
            if (t % 6 == 0)
              EXPECT_EQ(of(v, t / 6, j), of(x, t, j)) << "row " << row;
            sum += end = of(x, t, j);
            EXPECT_NEAR(of(*results.find(ArgKind::Output, "sums"), t / 3, j),
                        sum, 1e-13);
          }
          EXPECT_EQ(results.find(ArgKind::Output, "end")->number(row * 2 + j),
                    end);
          EXPECT_EQ(results.find(ArgKind::Output, "n")->number(row), count);
        }
      }
    });
    subject->checkGradients();
  }
}

/// Entries left out come out as 0, and so do all of a row without any.
TEST(LogSoftmax, Where) {
  constexpr int64_t kRows = 4;
  auto subject = Subject::create(
      "model Check() {\n  input x: [5], keep: [5]\n"
      "  y = log_softmax(x, where = keep > 0)\n"
      "  output y\n  loss sum(sin(y))\n}\n",
      {}, {{"B", kRows}});
  ASSERT_TRUE(subject);
  Array &keep = *subject->at.find(ArgKind::Input, "keep");
  for (int64_t j = 0; j < 5; ++j)
    keep.set(2 * 5 + j, -1);
  const Array &x = *subject->at.find(ArgKind::Input, "x");
  subject->run("forward", [&](const Bindings &results) {
    const Array &y = *results.find(ArgKind::Output, "y");
    for (int64_t row = 0; row < kRows; ++row) {
      double sum = 0;
      for (int64_t j = 0; j < 5; ++j)
        if (keep.number(row * 5 + j) > 0)
          sum += std::exp(x.number(row * 5 + j));
      for (int64_t j = 0; j < 5; ++j) {
        int64_t place = row * 5 + j;
        double expected =
            keep.number(place) > 0 ? x.number(place) - std::log(sum) : 0;
        EXPECT_NEAR(y.number(place), expected, 1e-12) << "row " << row;
      }
    }
  });
  subject->checkGradients();
}

/// In training a draw with the probabilities, in evaluation the likeliest.
TEST(Categorical, DrawsAndMeans) {
  constexpr int64_t kRows = 20000;
  auto subject = Subject::create(
      "model Check() {\n  input x: real\n"
      "  z = log(concat(stack(0.5 + 0 * x), stack(0.2 + 0 * x), "
      "stack(0.3 + 0 * x)))\n"
      "  y = categorical(z)\n  e = one_hot(y)\n"
      "  output e\n  loss a = e[0]\n  loss b = e[1]\n  loss c = e[2]\n}\n",
      {}, {{"B", kRows}});
  ASSERT_TRUE(subject);
  subject->run("forward", [&](const Bindings &results) {
    const Array &e = *results.find(ArgKind::Output, "e");
    EXPECT_EQ(e.number(0), 1);
    EXPECT_EQ(e.number(3 * (kRows - 1)), 1);
  });
  auto drawn = subject->model->interpret("rnn", "loss", subject->at);
  ASSERT_TRUE(static_cast<bool>(drawn)) << llvm::toString(drawn.takeError());
  // Five standard deviations of a mean of that many.
  for (auto [name, p] :
       {std::pair("a", 0.5), std::pair("b", 0.2), std::pair("c", 0.3)})
    EXPECT_NEAR(drawn->find(ArgKind::Loss, name)->number(0), p,
                5 * std::sqrt(p * (1 - p) / kRows));
}
