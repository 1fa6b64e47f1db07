//===- InnerLengthsTest.cpp - Words of different lengths in sentences -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `seq(W, C(W))`: a model of many padded words against the same model given
// one word, or one sentence, at a time. What stands in the padding is NaN and
// ids that no table has.
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
using rnnc::rnn::DType;

namespace {
constexpr int64_t kRows = 3, kWords = 4, kLetters = 5, kSymbols = 7;

const char *kText = R"(
model Check(V = 7, K = 3, n = 4) {
  input text: seq(W, C(W)) int[V], x: seq(W, C(W)) [2]
  target tag: seq(W) int[K]
  embed = Embedding(V, n)
  e = embed(text)
  both  = concat(e, x)
  spell = GRU(n)(both, axis = C)
  word  = last(spell, axis = C)
  back  = first(Bidirectional(Elman(n))(both, axis = C), axis = C)
  a     = softmax(sum(e * spell, axis = -1), axis = C)
  pooled = sum(a * both, axis = C) / length(C)
  most  = max(x, axis = C) + mean(reverse(x, axis = C) * cumsum(x, axis = C), axis = C)
  each  = concat(word, back, pooled, most)
  logits = each |> Bidirectional(GRU(n)) |> Dense(K)
  guess  = GRU(n)(shift(e, axis = C), axis = C) |> Dense(V)
  output each, logits
  loss words = cross_entropy(logits, tag)
  loss letters = cross_entropy(guess, text), weight = 1 + sum(x)^2
}
)";

/// The model, with lengths along these axes, and both ways to run it.
struct Subject {
  std::unique_ptr<TestModel> model;
  std::unique_ptr<CompiledModel> code;

  explicit Subject(const std::set<std::string> &ragged) {
    ModelOptions options;
    options.ragged = ragged;
    options.pipeline.entries = {"forward", "eval", "grad"};
    auto created = TestModel::create(kText, options);
    if (!created) {
      ADD_FAILURE() << llvm::toString(created.takeError());
      return;
    }
    model = std::move(*created);
    auto compiled = CompiledModel::create(*model);
    if (!compiled)
      ADD_FAILURE() << llvm::toString(compiled.takeError());
    else
      code = std::move(*compiled);
  }

  Bindings example(int64_t rows, int64_t words, int64_t letters) {
    ExampleOptions options;
    options.extents = {{"B", rows}, {"W", words}, {"C", letters}};
    options.ranges = model->ranges();
    auto loss = model->function("rnn", "loss");
    auto init = model->function("rnn", "init");
    auto made = exampleBindings(*loss, *init, options);
    EXPECT_TRUE(static_cast<bool>(made));
    return std::move(*made);
  }

  /// What `entry` gives: of the interpreter, of machine code.
  std::vector<Bindings> run(const std::string &entry, const Bindings &at) {
    std::vector<Bindings> both;
    auto slow = model->interpret("rnn", entry, at);
    auto fast = code->run(entry, at);
    EXPECT_TRUE(static_cast<bool>(slow)) << llvm::toString(slow.takeError());
    EXPECT_TRUE(static_cast<bool>(fast)) << llvm::toString(fast.takeError());
    if (slow && fast) {
      both.push_back(std::move(*slow));
      both.push_back(std::move(*fast));
    }
    return both;
  }
};

/// Rows of padded sentences and their lengths.
struct Data {
  Bindings at;
  Array words, letters;

  explicit Data(Subject &subject) : at(subject.example(kRows, kWords, kLetters)) {
    words = Array::of<int32_t>(DType::I32, {kRows}, {4, 1, 2});
    letters = Array::of<int32_t>(DType::I32, {kWords, kRows},
                                 {3, 5, 1, 1, 0, 4, 5, 0, 0, 2, 0, 0});
    Array &x = *at.find(ArgKind::Input, "x");
    Array &text = *at.find(ArgKind::Input, "text");
    for (int64_t w = 0; w < kWords; ++w)
      for (int64_t c = 0; c < kLetters; ++c)
        for (int64_t b = 0; b < kRows; ++b) {
          if (c < length(w, b))
            continue;
          int64_t place = (w * kLetters + c) * kRows + b;
          text.as<int32_t>()[size_t(place)] = kSymbols + 100;
          x.set(2 * place, std::nan(""));
          x.set(2 * place + 1, std::nan(""));
        }
    at.set(ArgKind::Lengths, "W", words);
    at.set(ArgKind::Lengths, "C", letters);
  }

  int64_t length(int64_t w, int64_t b) const {
    return letters.integer(w * kRows + b);
  }

  /// Words `from` to `to` of row b, `steps` letters of each, beside the
  /// parameters; with their lengths if `ragged`.
  Bindings part(int64_t b, int64_t from, int64_t to, int64_t steps,
                bool ragged) const {
    Bindings result;
    int64_t count = to - from;
    Array text = Array::zeros(DType::I32, {count, steps, 1});
    Array x = Array::zeros(DType::F64, {count, steps, 1, 2});
    Array tag = Array::zeros(DType::I32, {count, 1});
    Array lengths = Array::zeros(DType::I32, {count, 1});
    for (int64_t w = from; w < to; ++w) {
      tag.as<int32_t>()[size_t(w - from)] = int32_t(
          at.find(ArgKind::Target, "tag")->integer(w * kRows + b));
      lengths.as<int32_t>()[size_t(w - from)] = int32_t(length(w, b));
      for (int64_t c = 0; c < steps; ++c) {
        int64_t place = (w * kLetters + c) * kRows + b;
        int64_t into = (w - from) * steps + c;
        text.as<int32_t>()[size_t(into)] =
            int32_t(at.find(ArgKind::Input, "text")->integer(place));
        for (int64_t j = 0; j < 2; ++j)
          x.set(2 * into + j, at.find(ArgKind::Input, "x")->number(2 * place + j));
      }
    }
    for (const Bindings::Entry &entry : at.entries())
      if (entry.kind == ArgKind::Param)
        result.set(entry.kind, entry.name, entry.array);
    result.set(ArgKind::Axis, "B", Array::index(1));
    result.set(ArgKind::Axis, "W", Array::index(count));
    result.set(ArgKind::Axis, "C", Array::index(steps));
    result.set(ArgKind::Input, "text", text);
    result.set(ArgKind::Input, "x", x);
    result.set(ArgKind::Target, "text", text);
    result.set(ArgKind::Target, "tag", tag);
    if (ragged)
      result.set(ArgKind::Lengths, "C", lengths);
    return result;
  }
};
} // namespace

TEST(InnerLengths, AWordIsAsIfAlone) {
  Subject many({"W", "C"}), one({});
  ASSERT_TRUE(many.code && one.code);
  Data data(many);
  for (const Bindings &all : many.run("forward", data.at)) {
    const Array &each = *all.find(ArgKind::Output, "each");
    int64_t width = each.shape.back();
    for (int64_t b = 0; b < kRows; ++b)
      for (int64_t w = 0; w < data.words.integer(b); ++w)
        for (const Bindings &alone :
             one.run("forward",
                     data.part(b, w, w + 1, data.length(w, b), false))) {
          const Array &expected = *alone.find(ArgKind::Output, "each");
          for (int64_t j = 0; j < width; ++j)
            EXPECT_NEAR(each.number((w * kRows + b) * width + j),
                        expected.number(j), 1e-13)
                << "word " << w << " of row " << b << ", entry " << j;
        }
  }
}

TEST(InnerLengths, ASentenceIsAsIfAlone) {
  Subject many({"W", "C"}), one({"C"});
  ASSERT_TRUE(many.code && one.code);
  Data data(many);
  for (const Bindings &all : many.run("forward", data.at)) {
    const Array &logits = *all.find(ArgKind::Output, "logits");
    for (int64_t b = 0; b < kRows; ++b) {
      int64_t words = data.words.integer(b);
      for (const Bindings &alone :
           one.run("forward", data.part(b, 0, words, kLetters, true))) {
        const Array &expected = *alone.find(ArgKind::Output, "logits");
        for (int64_t w = 0; w < words; ++w)
          for (int64_t k = 0; k < 3; ++k)
            EXPECT_NEAR(logits.number((w * kRows + b) * 3 + k),
                        expected.number(w * 3 + k), 1e-13)
                << "word " << w << " of row " << b;
      }
    }
  }
}

TEST(InnerLengths, LossesCountLettersThatAreThere) {
  Subject many({"W", "C"}), one({});
  ASSERT_TRUE(many.code && one.code);
  Data data(many);
  double loss = 0, weight = 0;
  for (int64_t b = 0; b < kRows; ++b)
    for (int64_t w = 0; w < data.words.integer(b); ++w) {
      auto alone =
          one.run("eval", data.part(b, w, w + 1, data.length(w, b), false));
      ASSERT_EQ(alone.size(), 2u);
      loss += alone[0].find(ArgKind::Loss, "letters")->number(0);
      weight += alone[0].find(ArgKind::Weight, "letters")->number(0);
    }
  for (const Bindings &all : many.run("eval", data.at)) {
    EXPECT_NEAR(all.find(ArgKind::Loss, "letters")->number(0), loss, 1e-12);
    EXPECT_NEAR(all.find(ArgKind::Weight, "letters")->number(0), weight, 1e-12);
    // Each word counts once.
    EXPECT_EQ(all.find(ArgKind::Weight, "words")->number(0), 4 + 1 + 2);
  }
}

TEST(InnerLengths, Gradients) {
  Subject many({"W", "C"});
  ASSERT_TRUE(many.code);
  Data data(many);
  auto loss = many.model->function("rnn", "loss");
  auto grad = many.model->function("grad", "grad");
  ASSERT_TRUE(static_cast<bool>(loss));
  ASSERT_TRUE(static_cast<bool>(grad)) << llvm::toString(grad.takeError());
  RunFunction compiled = [&](llvm::ArrayRef<Array> args)
      -> llvm::Expected<std::vector<Array>> {
    Bindings at;
    for (unsigned i = 0; i < args.size(); ++i) {
      auto arg = grad->getArgAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
      at.set(arg.getKind(), arg.getName(), args[i]);
    }
    auto bound = many.code->run("grad", at);
    if (!bound)
      return bound.takeError();
    std::vector<Array> results;
    for (unsigned i = 0; i < grad->getNumResults(); ++i) {
      auto arg = grad->getResultAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
      results.push_back(*bound->find(arg.getKind(), arg.getName()));
    }
    return results;
  };
  auto timed = many.model->function("time", "grad");
  ASSERT_TRUE(static_cast<bool>(timed)) << llvm::toString(timed.takeError());
  for (const RunFunction &run :
       {interpreted(*grad), interpreted(*timed), compiled}) {
    GradCheckOptions options;
    options.samples = 24;
    auto check = checkGradients("words", *loss, interpreted(*loss), *grad, run,
                                data.at, options);
    ASSERT_TRUE(static_cast<bool>(check)) << llvm::toString(check.takeError());
    EXPECT_GT(check->tensors.size(), 10u);
    for (const TensorCheck &tensor : check->tensors)
      EXPECT_LT(tensor.maxRelError, 1e-6)
          << tensor.name << ": " << tensor.gradient << ", differences say "
          << tensor.difference;
  }
}
