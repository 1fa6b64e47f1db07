//===- SemaHostileTest.cpp - Sema on texts that nobody meant --------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Changes good texts at random and analyses what still parses. Whatever comes
// out, sema must end, and must not crash; a model without errors is a model.
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/Sema.h"

#include <gtest/gtest.h>

#include <random>

using namespace rnnc;

namespace {

const char *const models[] = {
    R"(
cell RHN(n, L = 2)(x: [d]) -> h {
  state h: [n] = 0
  param Wg, Wt: [n, d] = glorot_uniform, bg: [L, n] = 0
  param Rg, Rt: [L, n, n] = orthogonal
  s = h
  for l in 0..L {
    if l == 0 { u = Wg @ x; v = Wt @ x } else { u = 0; v = 0 }
    t = sigmoid(v + Rt[l] @ s)
    s' = t * tanh(u + Rg[l] @ s + bg[l]) + (1 - t) * s
  }
  h' = s
}
model M(V = 5, n = 4, L = 2) {
  target x: seq int[V]
  embed = Embedding(V, n)
  rnn = [RHN(n) for l in 0..L]
  h = embed(shift(x, start = 0))
  for l in 0..L { h' = dropout(rnn[l](h), 0.2) }
  z = embed.E @ h
  output z
  loss nats = cross_entropy(z, x), weight = 0.5
  metric p = exp(nats)
  predict x ~ categorical(z)
})",
    R"(
cell Decoder(n)(x: [e], memory: seq(S) [m]) -> h {
  state h: [n]
  param W: [n, m] = glorot_uniform, U: [n, n] = orthogonal, v: [n] = normal(0, 0.1)
  core = GRU(n)
  once k = W @ memory
  align = softmax(tanh(k + U @ h) @ v, axis = S)
  h' = core.step(concat(x, sum(align * memory, axis = S)), h = h)
}
layer Both(f: layer)(x: seq [d]) -> y {
  b = copy(f)
  y = concat(f(x), reverse(b(reverse(x))))
}
model M(V = 5, W = 6, n = 4, bos: int[W] = 0) {
  input src: seq(S) int[V]
  target tgt: seq int[W]
  decoder = Decoder(n)
  start = Dense(n, act = tanh)
  enc = src |> Embedding(V, n) |> Both(LSTM(n))
  dec = decoder(shift(tgt, start = bos) |> Embedding(W, n), enc, h = start(first(enc)[n:]))
  output dec.align, z = dec |> Dense(W)
  loss cross_entropy(dec |> Dense(W), tgt)
})",
    R"(
layer Attention(H = 2, causal: bool = true)(x: seq [d]) -> y {
  param Wq, Wk, Wv: [d, d] = glorot_uniform
  q = reshape(Wq @ x, [H, d/H])
  k = reshape(Wk @ x, [H, d/H]) as U
  v = reshape(Wv @ x, [H, d/H]) as U
  a = softmax(sum(q * k, axis = -1) / sqrt(d/H), axis = U, where = not causal or pos(U) <= pos(T))
  y = reshape(sum(a[:, _] * v, axis = U), [d])
}
cell Row(n)(x: [d], up: [n]) -> h {
  state h: [n]
  param W: [n, d], V: [n, n]
  h' = tanh(W @ x + V @ up)
}
cell Grid(n)(x: seq(C) [d]) -> above {
  state above: seq(C) [n]
  row = Row(n)
  above' = row(x, above)
}
model M(n = 4) {
  input image: seq(R, C) [1], x: seq [n]
  target digit: int[10], y: seq real
  g = last(last(Grid(n)(image, axis = R), axis = R), axis = C)
  m = mean(x |> Attention() |> LayerNorm(), where = x > 0)
  output g
  loss cross_entropy(g |> Dense(10), digit)
  loss mse(m, y)
})"};

TEST(SemaHostile, Mutations) {
  static const std::vector<std::string> pieces = {
      "(",   ")",       "[_, :]", "[0]",     "[1:]",  "'",      ".c",
      ".T",  " |> ",    " @ ",    " + ",     " as U", "seq ",   "n",
      "0",   "-1",      "1e18",   "999999",  "x",     "h",      "2*",
      "0..", "int[V]",  "state ", "param ",  "once ", "GRU(n)", "last(",
      "sum", "reverse", "tanh",   "axis = ", "copy(", "[n, n]", "/ 3"};
  std::mt19937 random(3);
  auto below = [&](size_t n) { return size_t(random() % n); };
  size_t parsed = 0, right = 0;
  for (int round = 0; round < 6000; ++round) {
    std::string text = models[round % std::size(models)];
    for (size_t edits = 1 + below(3); edits > 0; --edits) {
      size_t at = below(text.size());
      size_t from = below(text.size());
      switch (below(4)) {
      case 0:
        text.insert(at, pieces[below(pieces.size())]);
        break;
      case 1:
        text.erase(at, 1 + below(3));
        break;
      case 2:
        text.insert(at, text.substr(from, below(12)));
        break;
      case 3:
        std::swap(text[at], text[from]);
        break;
      }
    }
    SourceManager sources;
    DiagnosticEngine diags(sources);
    std::unique_ptr<Program> program =
        loadProgramText("t.rnn", text, {}, sources, diags);
    ASSERT_TRUE(program);
    if (diags.hasErrors())
      continue;
    ++parsed;
    SemaOptions options;
    options.stream = below(2);
    std::unique_ptr<hir::Model> model = analyze(*program, options, diags);
    EXPECT_FALSE(model && diags.hasErrors()) << text;
    right += model != nullptr;
  }
  // The changes are small enough to reach sema, and large enough to break.
  EXPECT_GT(parsed, 500u);
  EXPECT_GT(right, 100u);
}

} // namespace
