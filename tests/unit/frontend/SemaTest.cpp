//===- SemaTest.cpp - Names, shapes and sizes of a model ------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/Sema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

using namespace rnnc;
using testing::ElementsAre;

namespace {

std::unique_ptr<hir::Model> read(const std::string &text,
                                 SemaOptions options = {}) {
  SourceManager sources;
  DiagnosticEngine diags(sources);
  auto program = loadProgramText("t.rnn", text, {}, sources, diags);
  std::unique_ptr<hir::Model> model;
  if (program && !diags.hasErrors())
    model = analyze(*program, options, diags);
  std::ostringstream said;
  diags.print(said);
  EXPECT_TRUE(model) << said.str();
  EXPECT_EQ(said.str(), "");
  return model;
}

std::vector<std::string> params(const hir::Model &model) {
  std::vector<std::string> out;
  for (const hir::Param &param : model.params)
    out.push_back(param.name + ": " + hir::describeType(model, param.type));
  return out;
}

std::vector<std::string> states(const hir::Block &block) {
  std::vector<std::string> out;
  for (const hir::Node *node : block.nodes) {
    if (node->op == hir::Op::Shift)
      out.push_back(node->text);
    if (!node->scan)
      continue;
    for (const hir::Scan::State &state : node->scan->states)
      out.push_back(state.name);
    for (const std::string &inner : states(node->scan->body))
      out.push_back(inner);
  }
  return out;
}

} // namespace

TEST(Size, Unification) {
  SizeTable table;
  unsigned n = table.make("n", true), d = table.make("d", false);
  Poly twoN = *mul(Poly(2), Poly::letter(n));
  // 2*n + 1 == d
  EXPECT_TRUE(table.unify(*add(twoN, Poly(1)), Poly::letter(d)));
  EXPECT_EQ(table.print(table.normalize(Poly::letter(d))), "2*n + 1");
  EXPECT_FALSE(table.unify(Poly::letter(n), Poly(3)));
  EXPECT_TRUE(table.unify(Poly::letter(n), Poly::letter(n)));
  // A letter inside a product is not solved for; one with a coefficient is.
  unsigned e = table.make("e", false), f = table.make("f", false);
  EXPECT_TRUE(table.unify(*mul(Poly(3), Poly::letter(e)), Poly(12)));
  EXPECT_EQ(table.value(Poly::letter(e)), 4);
  EXPECT_FALSE(table.unify(*mul(Poly(3), Poly::letter(f)), Poly(13)));
  // No size is 0 or less.
  EXPECT_FALSE(table.unify(Poly::letter(f), Poly(0)));
}

TEST(Size, Division) {
  SizeTable table;
  unsigned n = table.make("n", true), d = table.make("d", false),
           h = table.make("h", false);
  EXPECT_EQ(table.divide(Poly(12), Poly(4)), Poly(3));
  EXPECT_EQ(table.divide(Poly(12), Poly(5)), std::nullopt);
  EXPECT_EQ(table.divide(Poly(12), Poly(0)), std::nullopt);
  EXPECT_EQ(table.divide(*mul(Poly(6), Poly::letter(n)), Poly(3)),
            *mul(Poly(2), Poly::letter(n)));
  // d/h is known once d and h are.
  std::optional<Poly> q = table.divide(Poly::letter(d), Poly::letter(h));
  ASSERT_TRUE(q);
  EXPECT_EQ(table.value(*q), std::nullopt);
  EXPECT_TRUE(table.unify(Poly::letter(d), Poly(12)));
  EXPECT_TRUE(table.unify(Poly::letter(h), Poly(3)));
  EXPECT_EQ(table.value(*q), 4);
}

TEST(Size, OverflowIsNoSize) {
  Poly big(INT64_MAX);
  EXPECT_EQ(add(big, Poly(1)), std::nullopt);
  EXPECT_EQ(mul(big, Poly(2)), std::nullopt);
}

TEST(Sema, NamesOfParametersAreTheirPaths) {
  auto model = read(R"(
layer Both(f: layer)(x: seq [d]) -> y {
  b = copy(f)
  y = concat(f(x), reverse(b(reverse(x))))
}
model M(n = 3) {
  input x: seq [2]
  l = [Elman(n) for i in 0..2]
  h = x |> l[0]
  h2 = h |> l[1] |> l[1]
  bi = Both(Elman(n))
  o = bi(h2) |> Dense(4) |> Dense(5)
  for k in 0..2 { o' = o + Both(Elman(n))(o)[:5] }
  output o
})");
  ASSERT_TRUE(model);
  std::vector<std::string> names;
  for (const hir::Param &param : model->params)
    if (param.name.ends_with("W"))
      names.push_back(param.name);
  EXPECT_THAT(names, ElementsAre("l.0.W", "l.1.W", "bi.f.W", "bi.b.W",
                                 "dense.W", "dense_2.W", "both.0.f.W",
                                 "both.0.b.W", "both.1.f.W", "both.1.b.W"));
  EXPECT_THAT(states(model->body),
              testing::IsSupersetOf(
                  {"l.0.h", "l.1.h", "l.1.h.2", "bi.f.h", "both.1.b.h"}));
}

TEST(Sema, SizesComeFromSettingsAndUnification) {
  const char *text = R"(
cell Two(n)(x: [d]) -> h {
  state h: [n], m: [n, k]
  param W: [n, d], V: [4, d]
  m' = m + outer(W @ x, V @ x)
  h' = m' @ (V @ x) + h
}
model M(V, n = 3) {
  input x: seq int[V]
  f = Two(2*n)
  y = x |> Embedding(V, n) |> f
  z = y |> Dense(n + 1)
  output z
})";
  SemaOptions options;
  options.sets = {{"n", 5}};
  auto model = read(text, options);
  ASSERT_TRUE(model);
  EXPECT_THAT(params(*model),
              ElementsAre("embedding.E: [V, n=5]", "f.W: [n=10, d=5]",
                          "f.V: [4, d=5]", "dense.W: [n=6, d=10]",
                          "dense.b: [n=6]"));
  ASSERT_EQ(model->inputs.size(), 1u);
  EXPECT_EQ(hir::describeType(*model, model->inputs[0].type), "seq(T) int[V]");
  ASSERT_EQ(model->statics.size(), 2u);
  EXPECT_FALSE(model->statics[0].value);
  EXPECT_EQ(model->statics[1].value, 5);
}

TEST(Sema, InstancesUsedTwiceShare) {
  auto model = read("model M() {\n input x: seq [3], z: seq [3]\n"
                    " f = GRU(3)\n output a = f(x), b = f(z)\n}\n");
  ASSERT_TRUE(model);
  EXPECT_EQ(model->params.size(), 10u);
  EXPECT_THAT(states(model->body), ElementsAre("f.h", "f.h.2"));
}

TEST(Sema, StatesOfInnerCellsByPath) {
  auto model = read(R"(
cell Outer(n)(x: [d]) -> y {
  rnn = GRU(n)
  y = rnn(x)
}
model M() {
  input x: seq [3]
  f = Outer(3)
  output f(x, rnn.h = last(x))
})");
  ASSERT_TRUE(model);
  EXPECT_THAT(states(model->body), ElementsAre("f.rnn.h"));
}

TEST(Sema, OptionsOfTheModel) {
  auto model = read(R"(
model CharLM(V = 9, n = 4) {
  target x: seq int[V]
  h = shift(x, start = 0) |> Embedding(V, n) |> LSTM(n)
  logits = h |> Dense(V)
  output logits
  loss nats = cross_entropy(logits, x)
  metric perplexity = exp(nats)
  predict x ~ categorical(logits), max = 60
  train { optimizer = adam(lr = 2e-3), clip = norm(1), batch = 4*n, shuffle = true, schedule = cosine }
  sample { temperature = 0.8 }
})");
  ASSERT_TRUE(model);
  ASSERT_EQ(model->train.size(), 5u);
  const hir::OptionValue &adam = model->findTrain("optimizer")->value;
  EXPECT_EQ(adam.kind, hir::OptionValue::Call);
  EXPECT_EQ(adam.word, "adam");
  EXPECT_THAT(adam.argNames, ElementsAre("lr"));
  EXPECT_EQ(adam.args[0].number, 2e-3);
  EXPECT_EQ(model->findTrain("batch")->value.number, 16);
  EXPECT_TRUE(model->findTrain("shuffle")->value.flag);
  EXPECT_EQ(model->findTrain("schedule")->value.word, "cosine");
  EXPECT_EQ(model->sample[0].value.number, 0.8);
  ASSERT_TRUE(model->predict);
  EXPECT_EQ(model->predict->target, "x");
  EXPECT_EQ(model->predict->distribution, "categorical");
  EXPECT_EQ(model->predict->options[0].value.number, 60);
  ASSERT_TRUE(model->metrics.at(0).derived);
  EXPECT_THAT(states(model->body), ElementsAre("shift.x", "lstm.h", "lstm.c"));
}

TEST(Sema, CellsAreReplaced) {
  SemaOptions options;
  options.cells = {{"LSTM", "Mine"}};
  auto model = read(R"(
cell Mine(n)(x: [d]) -> h {
  state h: [n]
  inner = LSTM(n)
  h' = inner(x) + h
}
model M() {
  input x: seq [3]
  output r = x |> LSTM(3)
})",
                    options);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->params.front().name, "mine.inner.Wi");
}
