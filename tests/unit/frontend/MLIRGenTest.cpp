//===- MLIRGenTest.cpp - What the functions of a text compute -------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tests/unit/frontend/GeneratedModel.h"

#include <cmath>

using namespace rnnc;
using namespace rnnc::test;
using rnn::Array;
using rnn::DType;

namespace {

constexpr int64_t T = 3, B = 2, D = 4;

/// x[t, b, i] of the input of `body`.
double x(int64_t t, int64_t b, int64_t i) {
  return sample((t * B + b) * D + i);
}

/// Runs @forward of a model of one input x: seq [4] over 3 steps of 2 rows.
Values forward(const std::string &body, std::vector<int64_t> lengths = {}) {
  GeneratedModel model(
      "model M() {\n input x: seq [4]\n" + body + "\n}\n", false,
      lengths.empty() ? std::set<std::string>{} : std::set<std::string>{"T"});
  Values args = {{"T", Array::index(T)},
                 {"B", Array::index(B)},
                 {"x", samples({T, B, D})}};
  if (!lengths.empty()) {
    std::vector<int32_t> values(lengths.begin(), lengths.end());
    // An argument and an extent may share a name; the extent is a scalar.
    args["T"] = Array::index(T);
    Array array = Array::of<int32_t>(DType::I32, {B}, values);
    GeneratedModel &m = model;
    auto function = m.module->lookupSymbol<mlir::func::FuncOp>("forward");
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      auto arg = function.getArgAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
      if (arg.getKind() == rnn::ArgKind::Lengths)
        function.setArgAttr(
            i, rnn::kArgAttrName,
            rnn::ArgAttr::get(
                function.getContext(), arg.getKind(),
                mlir::StringAttr::get(function.getContext(), "lengths"), {}));
    }
    args["lengths"] = array;
  }
  return model.run("forward", args);
}

std::vector<double>
each(int64_t count, const std::function<double(int64_t, int64_t, int64_t)> &f) {
  std::vector<double> out;
  for (int64_t t = 0; t < T; ++t)
    for (int64_t b = 0; b < B; ++b)
      for (int64_t i = 0; i < count; ++i)
        out.push_back(f(t, b, i));
  return out;
}

} // namespace

TEST(MLIRGen, Elementwise) {
  Values r = forward("output a = tanh(x) * 2 - x ^ 2 / 3, "
                     "b = where(x > 0, x, -x), c = max(x, 0.5), "
                     "d = relu(x) + softplus(x), e = x % 0.3, f = sign(x)");
  expectValues(r["a"], each(D, [](auto t, auto b, auto i) {
                 return std::tanh(x(t, b, i)) * 2 - x(t, b, i) * x(t, b, i) / 3;
               }));
  expectValues(r["b"], each(D, [](auto t, auto b, auto i) {
                 return std::fabs(x(t, b, i));
               }));
  expectValues(r["c"], each(D, [](auto t, auto b, auto i) {
                 return std::max(x(t, b, i), 0.5);
               }));
  expectValues(r["d"], each(D, [](auto t, auto b, auto i) {
                 return std::max(x(t, b, i), 0.0) +
                        std::log1p(std::exp(x(t, b, i)));
               }));
  expectValues(r["e"], each(D, [](auto t, auto b, auto i) {
                 return x(t, b, i) - 0.3 * std::floor(x(t, b, i) / 0.3);
               }));
  expectValues(r["f"], each(D, [](auto t, auto b, auto i) {
                 return x(t, b, i) > 0 ? 1.0 : -1.0;
               }));
}

TEST(MLIRGen, OwnReductions) {
  Values r = forward("output a = sum(x), b = mean(x), c = max(x), d = norm(x), "
                     "e = logsumexp(x), f = softmax(x), g = prod(x), "
                     "h = sum(x, where = x > 0), i = mean(x, where = x > 2), "
                     "j = real(argmax(x)), k = min(x)");
  auto sum = [](int64_t t, int64_t b, auto f) {
    double total = 0;
    for (int64_t i = 0; i < D; ++i)
      total += f(x(t, b, i));
    return total;
  };
  auto same = [](double v) { return v; };
  expectValues(r["a"],
               each(1, [&](auto t, auto b, auto) { return sum(t, b, same); }));
  expectValues(r["b"], each(1, [&](auto t, auto b, auto) {
                 return sum(t, b, same) / 4;
               }));
  expectValues(r["d"], each(1, [&](auto t, auto b, auto) {
                 return std::sqrt(sum(t, b, [](double v) { return v * v; }));
               }));
  auto e = [](double v) { return std::exp(v); };
  expectValues(r["e"], each(1, [&](auto t, auto b, auto) {
                 return std::log(sum(t, b, e));
               }));
  expectValues(r["f"], each(D, [&](auto t, auto b, auto i) {
                 return std::exp(x(t, b, i)) / sum(t, b, e);
               }));
  expectValues(r["g"], each(1, [&](auto t, auto b, auto) {
                 return x(t, b, 0) * x(t, b, 1) * x(t, b, 2) * x(t, b, 3);
               }));
  expectValues(r["h"], each(1, [&](auto t, auto b, auto) {
                 return sum(t, b, [](double v) { return std::max(v, 0.0); });
               }));
  expectValues(r["i"], std::vector<double>(T * B, 0.0));
  auto best = [&](int64_t t, int64_t b) {
    int64_t at = 0;
    for (int64_t i = 1; i < D; ++i)
      if (x(t, b, i) > x(t, b, at))
        at = i;
    return at;
  };
  expectValues(r["j"], each(1, [&](auto t, auto b, auto) {
                 return double(best(t, b));
               }));
  expectValues(r["c"], each(1, [&](auto t, auto b, auto) {
                 return x(t, b, best(t, b));
               }));
}

TEST(MLIRGen, Movement) {
  Values r = forward(
      "a, c = split(x, 2)\n output s = c, u = concat(x[2:], a), v = x[-1], "
      "w = x[1:3], o = sum(outer(x, a)), "
      "p = x[:, _] * a[_, :], q = roll(x, 1), st = stack(a, c).T, "
      "re = reshape(x, [2, 2])[1], ei = einsum(\"i,i->\", x, x), oh = "
      "one_hot(argmax(x))");
  expectValues(r["s"],
               each(2, [](auto t, auto b, auto i) { return x(t, b, 2 + i); }));
  expectValues(r["u"], each(4, [](auto t, auto b, auto i) {
                 return i < 2 ? x(t, b, 2 + i) : x(t, b, i - 2);
               }));
  expectValues(r["v"],
               each(1, [](auto t, auto b, auto) { return x(t, b, 3); }));
  expectValues(r["w"],
               each(2, [](auto t, auto b, auto i) { return x(t, b, 1 + i); }));
  expectValues(r["p"], each(8, [](auto t, auto b, auto i) {
                 return x(t, b, i / 2) * x(t, b, i % 2);
               }));
  expectValues(r["q"], each(4, [](auto t, auto b, auto i) {
                 return x(t, b, (i + 3) % 4);
               }));
  expectValues(r["st"], each(4, [](auto t, auto b, auto i) {
                 return x(t, b, 2 * (i % 2) + i / 2);
               }));
  expectValues(r["re"],
               each(2, [](auto t, auto b, auto i) { return x(t, b, 2 + i); }));
  expectValues(r["ei"], each(1, [](auto t, auto b, auto) {
                 double total = 0;
                 for (int64_t i = 0; i < D; ++i)
                   total += x(t, b, i) * x(t, b, i);
                 return total;
               }));
}

TEST(MLIRGen, AlongTime) {
  Values r = forward(
      "output a = shift(x, start = 2), b = reverse(x), "
      "c = last(x), d = first(x), e = sum(x, axis = T), "
      "f = mean(x, axis = T), g = x * pos(T), h = length(T), "
      "i = shift(x, 2), j = softmax(x, axis = T), w = window(x[:2], 2)");
  expectValues(r["w"], each(4, [](auto t, auto b, auto i) {
                 return i >= 2 ? x(t, b, i - 2) : t ? x(t - 1, b, i) : 0;
               }));
  expectValues(r["a"], each(D, [](auto t, auto b, auto i) {
                 return t ? x(t - 1, b, i) : 2;
               }));
  expectValues(r["b"], each(D, [](auto t, auto b, auto i) {
                 return x(T - 1 - t, b, i);
               }));
  expectValues(r["g"],
               each(D, [](auto t, auto b, auto i) { return x(t, b, i) * t; }));
  expectValues(r["i"], each(D, [](auto t, auto b, auto i) {
                 return t > 1 ? x(t - 2, b, i) : 0;
               }));
  std::vector<double> last, mean;
  for (int64_t b = 0; b < B; ++b)
    for (int64_t i = 0; i < D; ++i) {
      last.push_back(x(T - 1, b, i));
      mean.push_back((x(0, b, i) + x(1, b, i) + x(2, b, i)) / 3);
    }
  expectValues(r["c"], last);
  expectValues(r["f"], mean);
  expectValues(r["h"], {3, 3});
}

TEST(MLIRGen, AlongTimeRagged) {
  Values r = forward("output c = last(x)[0], e = sum(x, axis = T)[0], "
                     "f = mean(x, axis = T)[0], h = length(T), "
                     "k = max(x, axis = T)[0], m = logsumexp(x, axis = T)[0]",
                     {3, 2});
  auto of = [](int64_t b, int64_t t) { return x(t, b, 0); };
  expectValues(r["c"], {of(0, 2), of(1, 1)});
  expectValues(r["e"], {of(0, 0) + of(0, 1) + of(0, 2), of(1, 0) + of(1, 1)});
  expectValues(r["f"], {(of(0, 0) + of(0, 1) + of(0, 2)) / 3,
                        (of(1, 0) + of(1, 1)) / 2});
  expectValues(r["h"], {3, 2});
  expectValues(r["k"], {std::max({of(0, 0), of(0, 1), of(0, 2)}),
                        std::max(of(1, 0), of(1, 1))});
  expectValues(r["m"], {std::log(std::exp(of(0, 0)) + std::exp(of(0, 1)) +
                                 std::exp(of(0, 2))),
                        std::log(std::exp(of(1, 0)) + std::exp(of(1, 1)))});
}

//===----------------------------------------------------------------------===//
// Cells
//===----------------------------------------------------------------------===//

static const char *const cells = R"(
cell Sum()(x: [d], k: real = 1) -> s {
  state s: [d], n: real
  twice = 2 * s
  s' = s + k * x
  n' = n + 1
}
cell Twice()(x: [d]) -> y {
  inner = Sum()
  once m = 10
  y = inner(x) + inner(x) + m
}
cell Hand()(x: [d]) -> y {
  state h: [d]
  core = Sum()
  h' = core.step(x, s = h, n = 0)
  y = h
}
)";

static Values runCells(const std::string &body) {
  GeneratedModel model(cells +
                       ("model M() {\n input x: seq [4]\n" + body + "\n}\n"));
  return model.run("forward", {{"T", Array::index(T)},
                               {"B", Array::index(B)},
                               {"x", samples({T, B, D})}});
}

static double prefix(int64_t t, int64_t b, int64_t i) {
  double total = 0;
  for (int64_t s = 0; s <= t; ++s)
    total += x(s, b, i);
  return total;
}

TEST(MLIRGen, CellOutputsAndNames) {
  Values r =
      runCells("f = Sum()\n r = f(x)\n q = Sum()(x, s = first(x), n = 5)\n"
               "output r, n = r.n, t = r.twice, q, qn = q.n");
  expectValues(r["r"], each(D, prefix));
  expectValues(r["n"],
               each(1, [](auto t, auto, auto) { return double(t + 1); }));
  expectValues(r["t"], each(D, [](auto t, auto b, auto i) {
                 return t ? 2 * prefix(t - 1, b, i) : 0;
               }));
  expectValues(r["q"], each(D, [](auto t, auto b, auto i) {
                 return prefix(t, b, i) + x(0, b, i);
               }));
  expectValues(r["qn"],
               each(1, [](auto t, auto, auto) { return double(t + 6); }));
}

TEST(MLIRGen, CellInCell) {
  // Each place of application has its own state.
  Values r = runCells("y = Twice()(x)\n z = Hand()(x)\n output y, z, zh = z.h");
  expectValues(r["y"], each(D, [](auto t, auto b, auto i) {
                 return 2 * prefix(t, b, i) + 10;
               }));
  expectValues(r["z"], each(D, [](auto t, auto b, auto i) {
                 return t ? prefix(t - 1, b, i) : 0;
               }));
  expectValues(r["zh"], each(D, prefix));
}

TEST(MLIRGen, ScanInScan) {
  GeneratedModel model(R"(
cell Row()(x: [d], up: [d]) -> y {
  state h: [d]
  h' = h + x
  y = h' + up
}
cell Grid()(x: seq(C) [d]) -> above {
  state above: seq(C) [d]
  row = Row()
  above' = row(x, above)
}
model M() {
  input x: seq(R, C) [1]
  g = Grid()(x, axis = R)
  output g
})");
  constexpr int64_t R = 3, C = 2;
  Values r = model.run("forward", {{"R", Array::index(R)},
                                   {"C", Array::index(C)},
                                   {"B", Array::index(B)},
                                   {"x", samples({R, C, B, 1})}});
  std::vector<double> expected;
  for (int64_t i = 0; i < R; ++i)
    for (int64_t k = 0; k < C; ++k)
      for (int64_t b = 0; b < B; ++b) {
        double total = 0;
        for (int64_t p = 0; p <= i; ++p)
          for (int64_t q = 0; q <= k; ++q)
            total += sample((p * C + q) * B + b);
        expected.push_back(total);
      }
  expectValues(r["g"], expected);
}

TEST(MLIRGen, CausalAttention) {
  Values r = forward("k = x as U\n s = sum(x * k)\n"
                     "a = softmax(s, axis = U, where = pos(U) <= pos(T))\n"
                     "y = sum(a * k, axis = U)\n output y");
  expectValues(r["y"], each(D, [](auto t, auto b, auto i) {
                 double weights = 0, total = 0;
                 for (int64_t u = 0; u <= t; ++u) {
                   double s = 0;
                   for (int64_t k = 0; k < D; ++k)
                     s += x(t, b, k) * x(u, b, k);
                   weights += std::exp(s);
                   total += std::exp(s) * x(u, b, i);
                 }
                 return total / weights;
               }));
}

//===----------------------------------------------------------------------===//
// Streams, losses
//===----------------------------------------------------------------------===//

TEST(MLIRGen, WindowsOfAStreamAreOneSequence) {
  std::string text = std::string(cells) + R"(
cell Learned(n)(x: [d]) -> h {
  param h0: [n] = 0.5
  param W: [n, d] = normal(0, 1)
  state h: [n] = h0
  h' = tanh(W @ x + h + pos())
}
model M() {
  input x: seq [4]
  a = Sum()(shift(x, start = 3)) * pos(T)
  b = x |> Learned(2)
  output a, b
})";
  GeneratedModel whole(text), stream(text, true);
  Array all = samples({4, B, D});
  Values expected = whole.run(
      "forward", {{"T", Array::index(4)}, {"B", Array::index(B)}, {"x", all}});
  Values carried;
  for (int64_t w = 0; w < 2; ++w) {
    Array part = Array::zeros(DType::F64, {2, B, D});
    for (int64_t i = 0; i < part.size(); ++i)
      part.set(i, all.number(w * part.size() + i));
    Values args = {{"T", Array::index(2)}, {"B", Array::index(B)}, {"x", part}};
    std::vector<uint8_t> fresh(B, w == 0);
    args["fresh"] = Array::of<uint8_t>(DType::I1, {B}, fresh);
    for (const auto &[name, shape] :
         std::map<std::string, std::vector<int64_t>>{{"shift.x", {B, D}},
                                                     {"sum.s", {B, D}},
                                                     {"sum.n", {B}},
                                                     {"pos", {B}},
                                                     {"pos.2", {B}},
                                                     {"learned.h", {B, 2}}})
      args[name] =
          w ? carried[name]
            : Array::zeros(name.starts_with("pos") ? DType::I32 : DType::F64,
                           shape);
    carried = stream.run("forward", args);
    for (const char *name : {"a", "b"})
      for (int64_t i = 0; i < carried[name].size(); ++i)
        EXPECT_NEAR(carried[name].number(i),
                    expected[name].number(w * carried[name].size() + i), 1e-12);
  }
}

TEST(MLIRGen, LossesAreWeightedMeans) {
  GeneratedModel model(R"(
model M() {
  input x: seq [4]
  target y: seq [4], c: seq int[4]
  loss a = mse(x, y), weight = pos(T)
  loss b = cross_entropy(x, c)
  metric hits = argmax(x) == c
  metric ppl = exp(b)
})");
  Array ys = samples({T, B, D});
  for (int64_t i = 0; i < ys.size(); ++i)
    ys.set(i, ys.number(i) + double(i));
  std::vector<int32_t> classes = {0, 1, 2, 3, 0, 1};
  Values args = {{"T", Array::index(T)},
                 {"B", Array::index(B)},
                 {"x", samples({T, B, D})},
                 {"y", ys},
                 {"c", Array::of<int32_t>(DType::I32, {T, B}, classes)}};
  Values r = model.run("eval", args);
  double a = 0, b = 0, hits = 0;
  for (int64_t t = 0; t < T; ++t)
    for (int64_t k = 0; k < B; ++k) {
      double square = 0, sum = 0;
      int64_t best = 0;
      for (int64_t i = 0; i < D; ++i) {
        double d = double((t * B + k) * D + i);
        square += d * d / 4;
        sum += std::exp(x(t, k, i));
        if (x(t, k, i) > x(t, k, best))
          best = i;
      }
      int32_t c = classes[t * B + k];
      a += square * t;
      b += std::log(sum) - x(t, k, c);
      hits += best == c;
    }
  expectValues(r["a"], {a});
  expectValues(r["a.weight"], {6});
  expectValues(r["b"], {b});
  expectValues(r["b.weight"], {6});
  expectValues(r["hits"], {hits});
  Values l = model.run("loss", args);
  expectValues(l["total"], {a / 6 + b / 6});
  ASSERT_EQ(model.model->metrics.size(), 2u);
  EXPECT_NEAR(
      hir::Model::evaluate(*model.model->metrics[1].derived, {{"b", 2.0}}),
      std::exp(2.0), 1e-12);
}

TEST(MLIRGen, DrawsAreTheirMeansInEvaluation) {
  Values r = forward("output a = dropout(x, 0.5), b = uniform(1, 3, [2]), "
                     "c = normal(4, 2, [2])");
  expectValues(r["a"], each(D, x));
  expectValues(r["b"], {2, 2, 2, 2});
  expectValues(r["c"], {4, 4, 4, 4});
}

TEST(MLIRGen, TrainingIsStatic) {
  GeneratedModel model("model M() {\n input x: seq [4]\n param w: real = 2\n"
                       " if training { y = w * x } else { y = -w * x }\n"
                       " output y\n loss sum(sum(y), axis = T)\n}\n");
  Values args = {{"T", Array::index(T)},
                 {"B", Array::index(B)},
                 {"x", samples({T, B, D})}};
  Values r = model.run("forward", args), l = model.run("loss", args);
  double total = 0;
  for (int64_t i = 0; i < T * B * D; ++i)
    total += 2 * sample(i);
  expectValues(r["y"],
               each(D, [](auto t, auto b, auto i) { return -2 * x(t, b, i); }));
  expectValues(l["total"], {total / B});
}

TEST(MLIRGen, InitialValues) {
  GeneratedModel model(R"(
model M() {
  input x: seq [4]
  param a: [3, 4] = glorot_uniform, o: [2, 3, 3] = orthogonal
  param e: [2, 3] = identity(2), l: [2, 3] = log(1 + iota(3))[_, :]
  param u: [50] = uniform(2, 4), k: real = -2
  output y = a @ x + o[0] @ e[0] + l[1] + u[0] * k
})");
  Values p = model.run("init", {{"key", Array::key(3)}});
  expectValues(p["e"], {2, 0, 0, 0, 2, 0});
  expectValues(p["k"], {-2});
  expectValues(p["l"], {0, std::log(2.0), std::log(3.0), 0, std::log(2.0),
                        std::log(3.0)});
  for (int64_t i = 0; i < 12; ++i)
    EXPECT_LT(std::fabs(p["a"].number(i)), std::sqrt(6.0 / 7));
  for (int64_t i = 0; i < 50; ++i) {
    EXPECT_GE(p["u"].number(i), 2);
    EXPECT_LT(p["u"].number(i), 4);
  }
  for (int64_t c = 0; c < 2; ++c)
    for (int64_t i = 0; i < 3; ++i)
      for (int64_t k = 0; k < 3; ++k) {
        double dot = 0;
        for (int64_t j = 0; j < 3; ++j)
          dot += p["o"].number(c * 9 + i * 3 + j) *
                 p["o"].number(c * 9 + k * 3 + j);
        EXPECT_NEAR(dot, i == k, 1e-12);
      }
}
