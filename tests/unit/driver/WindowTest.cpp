//===- WindowTest.cpp - Windows that overlap, against unrolling by hand ---===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two recurrent layers on a stream, trained by gradient descent with windows of
// K1 new steps and a horizon of K2. The reference unrolls each window in plain
// loops, in double precision.
//
//===----------------------------------------------------------------------===//

#include <rnnc/rnnc.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace {
using Matrix = std::vector<std::vector<double>>;

const char text[] = R"(
cell Simple(n)(x: [d]) -> h {
  state h: [n]
  param W: [n, d] = glorot_uniform, U: [n, n] = glorot_uniform, b: [n] = 0.1
  h' = tanh(W @ x + U @ h + b)
}
model Two(n = 3) {
  input  x: seq [2]
  target y: seq [1]
  z = x |> Simple(n) |> Simple(n) |> Dense(1)
  loss mse(z, y)
}
)";

/// One layer's weights, or their gradients.
struct Layer {
  Matrix W, U;
  std::vector<double> b;
  void clear() {
    for (auto *m : {&W, &U})
      for (auto &row : *m)
        std::fill(row.begin(), row.end(), 0.0);
    std::fill(b.begin(), b.end(), 0.0);
  }
};

struct Net {
  Layer layers[2];
  Matrix V;
  std::vector<double> c;
};

constexpr int n = 3;

double mixed(const Matrix &m, int row, const std::vector<double> &x) {
  double sum = 0;
  for (size_t k = 0; k < x.size(); ++k)
    sum += m[size_t(row)][k] * x[k];
  return sum;
}

/// Two states, one per layer.
using State = std::vector<std::vector<double>>;

/// Runs a window from `state` and adds the gradients of `scale` times the sum of
/// squares of its steps from `lossFrom` on. Gives the states before each step,
/// and after the last.
std::vector<State> window(const Net &net, State state, const Matrix &x,
                          const std::vector<double> &y, int lossFrom,
                          double scale, Net &gradient, double &loss) {
  std::vector<State> states{state};
  for (const auto &input : x) {
    std::vector<double> in = input;
    for (int l = 0; l < 2; ++l) {
      std::vector<double> next(n);
      for (int i = 0; i < n; ++i)
        next[size_t(i)] =
            std::tanh(mixed(net.layers[l].W, i, in) +
                      mixed(net.layers[l].U, i, state[size_t(l)]) +
                      net.layers[l].b[size_t(i)]);
      state[size_t(l)] = in = next;
    }
    states.push_back(state);
  }
  State back(2, std::vector<double>(n, 0.0));
  for (int t = int(x.size()) - 1; t >= 0; --t) {
    const State &now = states[size_t(t) + 1], &before = states[size_t(t)];
    if (t >= lossFrom) {
      double error = mixed(net.V, 0, now[1]) + net.c[0] - y[size_t(t)];
      loss += scale * error * error;
      double g = 2 * scale * error;
      gradient.c[0] += g;
      for (int i = 0; i < n; ++i) {
        gradient.V[0][size_t(i)] += g * now[1][size_t(i)];
        back[1][size_t(i)] += g * net.V[0][size_t(i)];
      }
    }
    for (int l = 1; l >= 0; --l) {
      const std::vector<double> &in = l ? now[0] : x[size_t(t)];
      std::vector<double> below(in.size(), 0.0), earlier(n, 0.0);
      for (int i = 0; i < n; ++i) {
        double h = now[size_t(l)][size_t(i)];
        double g = back[size_t(l)][size_t(i)] * (1 - h * h);
        gradient.layers[l].b[size_t(i)] += g;
        for (size_t k = 0; k < in.size(); ++k) {
          gradient.layers[l].W[size_t(i)][k] += g * in[k];
          below[k] += g * net.layers[l].W[size_t(i)][k];
        }
        for (int k = 0; k < n; ++k) {
          gradient.layers[l].U[size_t(i)][size_t(k)] +=
              g * before[size_t(l)][size_t(k)];
          earlier[size_t(k)] += g * net.layers[l].U[size_t(i)][size_t(k)];
        }
      }
      back[size_t(l)] = earlier;
      if (l == 1)
        for (int k = 0; k < n; ++k)
          back[0][size_t(k)] += below[size_t(k)];
    }
  }
  return states;
}

/// Every number of `to` less `rate` times that of `of`.
void descend(Net &to, const Net &of, double rate) {
  auto each = [&](Matrix &a, const Matrix &b) {
    for (size_t i = 0; i < a.size(); ++i)
      for (size_t k = 0; k < a[i].size(); ++k)
        a[i][k] -= rate * b[i][k];
  };
  auto row = [&](std::vector<double> &a, const std::vector<double> &b) {
    for (size_t i = 0; i < a.size(); ++i)
      a[i] -= rate * b[i];
  };
  for (int l = 0; l < 2; ++l) {
    each(to.layers[l].W, of.layers[l].W);
    each(to.layers[l].U, of.layers[l].U);
    row(to.layers[l].b, of.layers[l].b);
  }
  each(to.V, of.V);
  row(to.c, of.c);
}

/// A file of doubles for numpy.
void writeNpy(const fs::path &path, const std::vector<double> &values,
              int64_t columns) {
  std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (" +
                       std::to_string(int64_t(values.size()) / columns) +
                       ", " + std::to_string(columns) + "), }";
  while ((10 + header.size() + 1) % 64)
    header += ' ';
  header += '\n';
  std::ofstream out(path, std::ios::binary);
  uint16_t length = uint16_t(header.size());
  out.write("\x93NUMPY\x01\x00", 8);
  out.write(reinterpret_cast<const char *>(&length), 2);
  out << header;
  out.write(reinterpret_cast<const char *>(values.data()),
            std::streamsize(values.size() * sizeof(double)));
}

struct Form {
  int64_t steps, back;
};
void PrintTo(const Form &form, std::ostream *os) {
  *os << form.steps << ":" << form.back;
}

class Windows : public testing::TestWithParam<Form> {
protected:
  void SetUp() override {
    folder = fs::temp_directory_path() /
             ("rnnc-window-" + std::to_string(getpid()) + "-" +
              std::to_string(GetParam().steps) + "-" +
              std::to_string(GetParam().back));
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }
  fs::path folder;
};
} // namespace

TEST_P(Windows, AreWhatUnrollingGives) {
  const int64_t steps = GetParam().steps, back = GetParam().back;
  // Two streams of 17 steps and one left over: the last window is ragged.
  const int64_t rows = 2, length = 17;
  std::vector<double> xs, ys;
  for (int64_t t = 0; t < rows * length + 1; ++t) {
    xs.push_back(std::sin(0.9 * double(t)));
    xs.push_back(std::cos(0.4 * double(t) + 1));
    ys.push_back(std::sin(0.9 * double(t) + 0.6));
  }
  writeNpy(folder / "x.npy", xs, 2);
  writeNpy(folder / "y.npy", ys, 1);

  rnnc::Options options;
  options.threads = 1;
  options.cache = false;
  options.precision = "f64";
  options.batch = rows;
  options.window = steps;
  options.windowBack = back;
  auto model = rnnc::compileText(text, options);
  ASSERT_TRUE(model) << model.error().message;
  rnnc::TrainOptions train;
  train.optimizer = "sgd";
  train.lr = 0.3;
  train.clipNorm = 0;
  train.epochs = 2;
  auto trainer = rnnc::Trainer::create(*model, train);
  ASSERT_TRUE(trainer) << trainer.error().message;

  // The same weights to begin with.
  Net net;
  auto read = [&](const std::string &name) {
    rnnc::Tensor tensor = model->parameter(name).value();
    auto *from = static_cast<const double *>(tensor.data);
    int64_t width = tensor.shape.back();
    Matrix rows;
    for (int64_t i = 0; i < (tensor.shape.size() > 1 ? tensor.shape[0] : 1);
         ++i)
      rows.emplace_back(from + i * width, from + (i + 1) * width);
    return rows;
  };
  auto readAll = [&](Net &into) {
    const char *cells[] = {"simple", "simple_2"};
    for (int l = 0; l < 2; ++l) {
      into.layers[l].W = read(std::string(cells[l]) + ".W");
      into.layers[l].U = read(std::string(cells[l]) + ".U");
      into.layers[l].b = read(std::string(cells[l]) + ".b")[0];
    }
    into.V = read("dense.W");
    into.c = read("dense.b")[0];
  };
  readAll(net);

  rnnc::Data data;
  data.data = {"x=" + (folder / "x.npy").string(),
               "y=" + (folder / "y.npy").string()};
  data.split = "1";
  std::vector<double> losses;
  double lastSmooth = 0;
  auto result = trainer->fit(data, [&](const rnnc::Progress &progress) {
    lastSmooth = progress.loss;
    return true;
  });
  ASSERT_TRUE(result) << result.error().message;

  // By hand: states are kept where the next window begins.
  double smoothSum = 0, smoothWeight = 0;
  int64_t updates = 0;
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<State> kept(size_t(rows), State(2, std::vector<double>(n, 0.0)));
    for (int64_t start = 0; start < length; start += steps, ++updates) {
      int64_t end = std::min(start + steps, length);
      int64_t begin = std::max<int64_t>(0, start - (back - steps));
      int64_t next = std::max<int64_t>(0, end - (back - steps));
      Net gradient = net;
      for (Layer &layer : gradient.layers)
        layer.clear();
      gradient.V[0].assign(n, 0.0);
      gradient.c[0] = 0;
      double loss = 0, scale = 1 / double(rows * (end - start));
      for (int64_t row = 0; row < rows; ++row) {
        Matrix x;
        std::vector<double> y;
        for (int64_t t = begin; t < end; ++t) {
          int64_t at = row * length + t;
          x.push_back({xs[size_t(2 * at)], xs[size_t(2 * at + 1)]});
          y.push_back(ys[size_t(at)]);
        }
        auto states = window(net, kept[size_t(row)], x, y, int(start - begin),
                             scale, gradient, loss);
        kept[size_t(row)] = states[size_t(next - begin)];
      }
      descend(net, gradient, 0.3);
      smoothSum = 0.98 * smoothSum + loss;
      smoothWeight = 0.98 * smoothWeight + 1;
    }
  }
  EXPECT_EQ(result->steps, updates);
  EXPECT_NEAR(lastSmooth, smoothSum / smoothWeight, 1e-12);

  Net found;
  readAll(found);
  auto same = [](const Matrix &a, const Matrix &b) {
    for (size_t i = 0; i < a.size(); ++i)
      for (size_t k = 0; k < a[i].size(); ++k)
        EXPECT_NEAR(a[i][k], b[i][k], 1e-12);
  };
  for (int l = 0; l < 2; ++l) {
    same(found.layers[l].W, net.layers[l].W);
    same(found.layers[l].U, net.layers[l].U);
    same({found.layers[l].b}, {net.layers[l].b});
  }
  same(found.V, net.V);
  same({found.c}, {net.c});
}

INSTANTIATE_TEST_SUITE_P(Forms, Windows,
                         testing::Values(Form{2, 5}, Form{1, 5}, Form{1, 1},
                                         Form{3, 4}, Form{4, 4}, Form{5, 40},
                                         Form{17, 20}),
                         [](const auto &info) {
                           return "K" + std::to_string(info.param.steps) +
                                  "Back" + std::to_string(info.param.back);
                         });
