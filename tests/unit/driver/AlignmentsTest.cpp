//===- AlignmentsTest.cpp - Labels that are spread over steps -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Alignments.h"
#include "gtest/gtest.h"

using namespace rnnc;
using namespace rnnc::driver;

namespace {
/// `input x: seq [1]`, `target y: seq(S) int[4]`, a loss that spreads y over T.
hir::Model model() {
  hir::Model model;
  model.axes = {{"T"}, {"S"}};
  hir::Type x, y;
  x.shape = {Size(Poly(1))};
  x.axes = {0};
  y.elem = hir::Elem::Int;
  y.axes = {1};
  model.inputs = {{"x", x, false, {}}, {"y", y, true, {}}};
  model.alignments.push_back({1, 0, 1, 0, {}});
  return model;
}

/// Examples with so many steps and these labels.
rt::Examples examples(const std::vector<int64_t> &steps,
                      const std::vector<std::vector<int32_t>> &labels) {
  rt::Examples result;
  rt::Field x, y;
  x.name = "x";
  y.name = "y";
  x.kind = y.kind = rt::FieldKind::Ragged;
  x.offsets = y.offsets = {0};
  std::vector<int32_t> all;
  for (size_t i = 0; i < steps.size(); ++i) {
    x.offsets.push_back(x.offsets.back() + steps[i]);
    y.offsets.push_back(y.offsets.back() + int64_t(labels[i].size()));
    all.insert(all.end(), labels[i].begin(), labels[i].end());
  }
  x.values = rt::Tensor(rt::DType::F32, {x.offsets.back(), 1});
  y.values = rt::Tensor::of<int32_t>({int64_t(all.size())}, all);
  EXPECT_TRUE(static_cast<bool>(result.add(std::move(x))));
  EXPECT_TRUE(static_cast<bool>(result.add(std::move(y))));
  return result;
}

std::string messageOf(const Result<void> &result) {
  return result ? "" : result.error().message;
}
} // namespace

TEST(Alignments, LabelsThatFit) {
  EXPECT_EQ(messageOf(checkAlignments(
                model(), examples({3, 2}, {{1, 1}, {2, 3}}))),
            "");
}

TEST(Alignments, TooManyLabels) {
  EXPECT_EQ(messageOf(checkAlignments(
                model(), examples({3, 2}, {{1, 2, 3}, {1, 2, 3}}))),
            "example 1 of 'y' has 3 labels; 'ctc' needs 3 steps, 'x' has 2");
  EXPECT_EQ(messageOf(checkAlignments(
                model(), examples({4, 4}, {{1, 2, 2}, {1, 1, 1}}))),
            "example 1 of 'y' has 3 labels, 2 of them equal to the one before; "
            "'ctc' needs 5 steps, 'x' has 4");
}

TEST(Alignments, ABlankIsNoLabel) {
  EXPECT_EQ(messageOf(checkAlignments(
                model(), examples({3, 3}, {{1, 2}, {1, 0}}))),
            "label 1 of example 1 of 'y' is 0, the blank");
}

TEST(Alignments, SpellsRows) {
  // Two rows of three steps and three classes, the blank is 0.
  std::vector<float> z = {0, 5, 0, 0, 0, 5,  //
                          0, 5, 0, 5, 0, 0,  //
                          0, 0, 5, 0, 0, 5};
  rt::Tensor logits = rt::Tensor::of<float>({3, 2, 3}, z);
  for (int64_t beam : {1, 8}) {
    Spelled spelled = spell(logits, 0, beam);
    EXPECT_EQ(spelled.labels.shape(), (std::vector<int64_t>{2, 2}));
    auto labels = spelled.labels.as<int32_t>();
    EXPECT_EQ(std::vector<int32_t>(labels.begin(), labels.end()),
              (std::vector<int32_t>{1, 2, 2, 2}));
    EXPECT_EQ(spelled.lengths.as<int32_t>()[0], 2);
    EXPECT_EQ(spelled.lengths.as<int32_t>()[1], 2);
  }
}
