//===- StreamTest.cpp - a corpus as streams -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every position once, windows, remainders, resuming.
//
//===----------------------------------------------------------------------===//
#include "runtime/Stream.h"

#include <gtest/gtest.h>

#include <numeric>

using namespace rnnc::rt;

/// How often each position is read as an input in one epoch.
static std::vector<int> readCounts(StreamCursor &cursor, int64_t length) {
  std::vector<int> counts(static_cast<size_t>(length), 0);
  for (int64_t i = 0; i < cursor.windows(); ++i) {
    StreamWindow window = cursor.next();
    EXPECT_EQ(window.index, i);
    EXPECT_EQ(window.fresh, i == 0);
    EXPECT_EQ(window.last, i == cursor.windows() - 1);
    for (int64_t b = 0; b < window.batch; ++b)
      for (int64_t t = 0; t < window.steps; ++t)
        ++counts[static_cast<size_t>(window.start + b * window.stride + t)];
  }
  return counts;
}

TEST(Stream, EvaluationReadsEveryPositionOnce) {
  for (int64_t length : {2, 3, 5, 33, 100, 101, 131})
    for (int64_t batch : {1, 2, 7, 32})
      for (int64_t window : {1, 4, 64})
        for (int64_t horizon : {0, 1}) {
          Result<StreamCursor> cursor =
              StreamCursor::create(length, {batch, window, horizon, true});
          ASSERT_TRUE(cursor);
          std::vector<int> counts = readCounts(*cursor, length);
          for (int64_t i = 0; i < length; ++i)
            EXPECT_EQ(counts[static_cast<size_t>(i)], i < length - horizon);
          EXPECT_EQ(cursor->positions(), length - horizon);
        }
}

TEST(Stream, StreamsGoOnWithoutGaps) {
  // Each row's positions follow each other, and the remainder follows the last.
  Result<StreamCursor> cursor = StreamCursor::create(50, {4, 5, 1, true});
  ASSERT_TRUE(cursor);
  // 49 positions: 4 streams of 12 in windows of 5, 5, 2, then one position.
  EXPECT_EQ(cursor->windows(), 4);
  const int64_t steps[] = {5, 5, 2, 1}, starts[] = {0, 5, 10, 48};
  for (int i = 0; i < 4; ++i) {
    StreamWindow window = cursor->next();
    EXPECT_EQ(window.steps, steps[i]);
    EXPECT_EQ(window.start, starts[i]);
    EXPECT_EQ(window.batch, i < 3 ? 4 : 1);
    EXPECT_EQ(window.continues, i < 3 ? -1 : 3);
    EXPECT_EQ(window.epoch, 0);
  }
  EXPECT_EQ(cursor->next().epoch, 1);
}

TEST(Stream, TrainingDropsTheRest) {
  Result<StreamCursor> cursor = StreamCursor::create(50, {4, 5, 1, false});
  ASSERT_TRUE(cursor);
  EXPECT_EQ(cursor->windows(), 3);
  EXPECT_EQ(cursor->positions(), 48);
  std::vector<int> counts = readCounts(*cursor, 50);
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0), 48);
}

TEST(Stream, TooShort) {
  EXPECT_EQ(StreamCursor::create(10, {32, 64, 1, false}).error().text(),
            "a sequence of 10 cannot be cut into 32 streams; help: --batch=9 "
            "or less");
  EXPECT_EQ(StreamCursor::create(1, {1, 64, 1, true}).error().text(),
            "a sequence of 1 is too short; at least 2 are needed");
  EXPECT_FALSE(StreamCursor::create(0, {1, 64, 0, true}));
  EXPECT_FALSE(StreamCursor::create(10, {0, 64, 1, false}));
  EXPECT_FALSE(StreamCursor::create(10, {1, 0, 1, false}));
  // Evaluation of less than a batch: the remainder is all there is.
  Result<StreamCursor> small = StreamCursor::create(10, {32, 4, 1, true});
  ASSERT_TRUE(small);
  StreamWindow first = small->next();
  EXPECT_TRUE(first.fresh);
  EXPECT_EQ(first.batch, 1);
  EXPECT_EQ(first.continues, -1);
}

TEST(Stream, ResumesWhereItStood) {
  Result<StreamCursor> cursor = StreamCursor::create(100, {3, 7, 1, false});
  ASSERT_TRUE(cursor);
  for (int i = 0; i < 8; ++i)
    (void)cursor->next();
  StreamPosition position = cursor->position();
  StreamWindow expected = cursor->next();
  Result<StreamCursor> other = StreamCursor::create(100, {3, 7, 1, false});
  ASSERT_TRUE(other->restore(position));
  StreamWindow found = other->next();
  EXPECT_EQ(found.epoch, expected.epoch);
  EXPECT_EQ(found.start, expected.start);
  EXPECT_EQ(found.fresh, expected.fresh);
  EXPECT_FALSE(other->restore({0, 100}));
  EXPECT_FALSE(other->restore({-1, 0}));
}

TEST(Stream, GathersTimeMajor) {
  std::vector<int32_t> tokens(20);
  std::iota(tokens.begin(), tokens.end(), 100);
  Result<StreamCursor> cursor = StreamCursor::create(20, {2, 3, 1, false});
  (void)cursor->next();
  StreamWindow window = cursor->next();
  std::vector<int32_t> x(6), y(6);
  gatherWindow(window, tokens, 0, x.data());
  gatherWindow(window, tokens, 1, y.data());
  EXPECT_EQ(x, (std::vector<int32_t>{103, 112, 104, 113, 105, 114}));
  EXPECT_EQ(y, (std::vector<int32_t>{104, 113, 105, 114, 106, 115}));

  std::vector<float> rows(40);
  std::iota(rows.begin(), rows.end(), 0.0f);
  Tensor series = Tensor::of<float>({20, 2}, rows), out;
  gatherWindow(window, series, 1, out);
  EXPECT_EQ(out.shape(), (std::vector<int64_t>{3, 2, 2}));
  EXPECT_EQ(out.number(0), 8);
  EXPECT_EQ(out.number(1), 9);
  EXPECT_EQ(out.number(2), 26);
  const void *memory = out.data();
  gatherWindow(window, series, 0, out);
  EXPECT_EQ(out.data(), memory);
}

TEST(Split, Parsing) {
  EXPECT_EQ(*parseSplit("0.9,0.1"), (std::vector<double>{0.9, 0.1}));
  EXPECT_EQ(*parseSplit("1"), (std::vector<double>{1}));
  EXPECT_EQ(parseSplit("0.9,0.2").error().message,
            "'0.9,0.2' is no split: the shares add up to more than 1");
  for (const char *text : {"", ",", "0.9,", "a", "0.9 0.1", "-0.1,1", "0,1",
                           "nan", "inf", "0.1,0.1,0.1,0.1", "0.5x"})
    EXPECT_FALSE(parseSplit(text)) << text;
}

TEST(Split, ByPosition) {
  std::vector<Part> parts = splitByPosition(10, std::vector{0.9, 0.1});
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].end, 9);
  EXPECT_EQ(parts[1].begin, 9);
  EXPECT_EQ(parts[1].end, 10);
  parts = splitByPosition(1115394, std::vector{0.8, 0.1, 0.1});
  EXPECT_EQ(parts[2].end, 1115394);
  EXPECT_EQ(parts[0].end, 892315);
  parts = splitByPosition(10, std::vector{0.5, 0.2});
  EXPECT_EQ(parts[1].end, 7);
  EXPECT_EQ(splitByPosition(0, std::vector{0.9, 0.1})[1].size(), 0);
}
