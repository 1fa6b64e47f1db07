//===- ProgressTest.cpp - progress and schedules --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lines as the contract has them, numbers for people, learning rates.
//
//===----------------------------------------------------------------------===//
#include "runtime/Progress.h"

#include "runtime/Schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <unistd.h>

using namespace rnnc::rt;

TEST(Progress, Rates) {
  struct {
    double value;
    const char *text;
  } cases[] = {{0, "0"},         {7, "7"},         {9.5, "9.5"},
               {812, "812"},     {999.6, "1.00k"}, {1250, "1.25k"},
               {33700, "33.7k"}, {99960, "100k"},  {1.25e6, "1.25M"},
               {2.5e9, "2.50G"}, {NAN, "?"},       {3e20, "300000000T"}};
  for (const auto &[value, text] : cases)
    EXPECT_EQ(humanRate(value), text);
}

TEST(Progress, Bytes) {
  struct {
    int64_t value;
    const char *text;
  } cases[] = {{0, "0 B"},           {1023, "1023 B"},
               {1024, "1 KiB"},      {9728, "9.5 KiB"},
               {41 << 20, "41 MiB"}, {11744052, "11.2 MiB"},
               {1048575, "1 MiB"},   {int64_t(3) << 30, "3 GiB"}};
  for (const auto &[value, text] : cases)
    EXPECT_EQ(humanBytes(value), text);
}

TEST(Progress, Times) {
  EXPECT_EQ(humanTime(7), "0:07");
  EXPECT_EQ(humanTime(222.4), "3:42");
  EXPECT_EQ(humanTime(59.6), "1:00");
  EXPECT_EQ(humanTime(3723), "1:02:03");
  EXPECT_EQ(humanTime(-1), "?");
  EXPECT_EQ(humanTime(INFINITY), "?");
}

TEST(Progress, ReadingDurationsAndSizes) {
  EXPECT_EQ(*parseDuration("30s"), 30);
  EXPECT_EQ(*parseDuration("5m"), 300);
  EXPECT_EQ(*parseDuration("1.5h"), 5400);
  for (const char *text :
       {"", "5", "m", "-5m", "0s", "5 m", "5x", "1e3s", "nan", "5mm", "infs"})
    EXPECT_FALSE(parseDuration(text)) << text;
  EXPECT_EQ(parseDuration("5x").error().message,
            "'5x' is no duration; expected one such as 30s, 5m or 2h");
  EXPECT_EQ(*parseSize("64MiB"), 64 << 20);
  EXPECT_EQ(*parseSize("4096"), 4096);
  EXPECT_EQ(*parseSize("1.5KiB"), 1536);
  EXPECT_EQ(*parseSize("2MB"), 2000000);
  for (const char *text :
       {"", "MiB", "-1MiB", "0", "64 MiB", "64mib", "99999999999TiB", "0.5"})
    EXPECT_FALSE(parseSize(text)) << text;
}

static ProgressState sample() {
  ProgressState state;
  state.step = 1247;
  state.epoch = 2.51;
  state.epochs = 10;
  state.share = 0.51;
  state.loss = 1.612;
  state.perplexity = 5.0128;
  state.gradNorm = 0.84;
  state.lr = 0.002;
  state.rate = 33712;
  state.left = 222;
  return state;
}

TEST(Progress, BarAsTheContractHasIt) {
  const std::string expected =
      "epoch 3/10 [=====>    ] 51%  step 1247  loss 1.6120  ppl 5.01  "
      "33.7k tok/s  3:42 left";
  EXPECT_EQ(progressBar(sample(), 200), expected);
  EXPECT_EQ(progressBar(sample(), 20), expected.substr(0, 20));
  ProgressState end = sample();
  end.epoch = 10;
  end.share = 1;
  end.epochs = 10;
  EXPECT_TRUE(
      progressBar(end, 200).starts_with("epoch 10/10 [==========] 100%  step"));
  ProgressState open = sample();
  open.epochs = open.perplexity = open.left = std::nullopt;
  open.share = NAN;
  open.loss = NAN;
  EXPECT_EQ(progressBar(open, 200),
            "epoch 3 [>         ] 0%  step 1247  loss nan  33.7k tok/s");
}

TEST(Progress, PlainAsTheContractHasIt) {
  EXPECT_EQ(progressPlain(sample()),
            "step=1247 epoch=2.51 loss=1.6120 ppl=5.01 grad_norm=0.84 "
            "lr=0.002 tokens_per_s=33700 left_s=222");
  EXPECT_EQ(progressValid(1470, 1.7011, std::exp(1.7011), 1.7011, 1470),
            "valid step=1470 loss=1.7011 ppl=5.48 best=1.7011@1470");
  EXPECT_EQ(progressValid(5, 2, std::nullopt, 1.5, 3),
            "valid step=5 loss=2.0000 best=1.5000@3");
}

namespace {
/// The lines that went to the log, and what went to the stream.
struct Shown {
  int pipe[2];
  std::vector<std::string> log;
  Shown() { EXPECT_EQ(::pipe(pipe), 0); }
  std::string text() {
    ::close(pipe[1]);
    std::string all;
    char buffer[4096];
    for (ssize_t n; (n = ::read(pipe[0], buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<size_t>(n));
    ::close(pipe[0]);
    return all;
  }
};
} // namespace

TEST(Progress, PlainLinesAfterStep1AndEvery30Seconds) {
  Shown shown;
  {
    Progress progress(
        ProgressMode::Plain, shown.pipe[1],
        [&](std::string_view line) { shown.log.emplace_back(line); });
    for (int64_t step = 1; step <= 700; ++step) {
      ProgressState state = sample();
      state.step = step;
      double now = 1000 + 0.125 * static_cast<double>(step);
      EXPECT_EQ(progress.due(step, now), step == 1 || step % 240 == 1);
      progress.step(state, now);
    }
    progress.valid(700, 1, 2.71828, 1, 700);
  }
  EXPECT_EQ(shown.log.size(), 4u);
  std::string text = shown.text();
  EXPECT_TRUE(text.starts_with("step=1 "));
  EXPECT_NE(text.find("\nstep=241 "), std::string::npos);
  EXPECT_NE(text.find("\nstep=481 "), std::string::npos);
  EXPECT_TRUE(text.ends_with("\nvalid step=700 loss=1.0000 ppl=2.72 "
                             "best=1.0000@700\n"));
}

TEST(Progress, BarAtMostTenASecond) {
  Shown shown;
  {
    Progress progress(ProgressMode::Bar, shown.pipe[1]);
    for (int64_t step = 1; step <= 1000; ++step)
      progress.step(sample(), 1000 + 0.001 * static_cast<double>(step));
  }
  std::string text = shown.text();
  auto lines = std::count(text.begin(), text.end(), '\r');
  EXPECT_GE(lines, 9);
  EXPECT_LE(lines, 11);
  EXPECT_TRUE(text.ends_with("\n"));
}

TEST(Progress, NoneIsSilentButLogged) {
  Shown shown;
  {
    Progress progress(
        ProgressMode::None, shown.pipe[1],
        [&](std::string_view line) { shown.log.emplace_back(line); });
    progress.step(sample(), 1);
    progress.line("parameters");
  }
  EXPECT_EQ(shown.text(), "");
  EXPECT_EQ(shown.log.size(), 2u);
}

TEST(Progress, Modes) {
  EXPECT_EQ(*parseProgressMode("bar"), ProgressMode::Bar);
  EXPECT_EQ(*parseProgressMode("none"), ProgressMode::None);
  EXPECT_TRUE(parseProgressMode("auto"));
  EXPECT_FALSE(parseProgressMode("fancy"));
}

TEST(Progress, RateMeter) {
  RateMeter meter;
  meter.add(100, 0);
  EXPECT_EQ(meter.rate(), 0);
  for (int i = 1; i <= 100; ++i)
    meter.add(50, i * 0.5);
  EXPECT_NEAR(meter.rate(), 100, 1e-9);
  for (int i = 101; i <= 300; ++i)
    meter.add(100, i * 0.5);
  EXPECT_NEAR(meter.rate(), 200, 1);
}

TEST(Schedule, Rates) {
  EXPECT_EQ(Schedule::parse("constant")->rate(0.5, 9, 3, 0.9), 0.5);
  Schedule steps = *Schedule::parse("step:2:0.5");
  EXPECT_EQ(steps.rate(1, 9, 1.99, 0), 1);
  EXPECT_EQ(steps.rate(1, 9, 2, 0), 0.5);
  EXPECT_EQ(steps.rate(1, 9, 5, 0), 0.25);
  Schedule later = *Schedule::parse("step:1:0.5:4");
  EXPECT_EQ(later.rate(1, 9, 3.99, 0), 1);
  EXPECT_EQ(later.rate(1, 9, 4, 0), 0.5);
  EXPECT_EQ(later.rate(1, 9, 4.99, 0), 0.5);
  EXPECT_EQ(later.rate(1, 9, 6.5, 0), 0.125);
  EXPECT_NEAR(Schedule::parse("exp:0.9")->rate(1, 9, 2, 0), 0.81, 1e-15);
  Schedule cosine = *Schedule::parse("cosine");
  EXPECT_EQ(cosine.rate(1, 1, 0, 0), 1);
  EXPECT_NEAR(cosine.rate(1, 9, 1, 0.5), 0.5, 1e-15);
  EXPECT_NEAR(cosine.rate(1, 9, 2, 1), 0, 1e-15);
  EXPECT_NEAR(cosine.rate(1, 9, 2, 7), 0, 1e-15);
}

TEST(Schedule, Warmup) {
  Schedule schedule = *Schedule::parse("constant", 4);
  EXPECT_EQ(schedule.rate(1, 1, 0, 0), 0.25);
  EXPECT_EQ(schedule.rate(1, 4, 0, 0), 1);
  EXPECT_EQ(schedule.rate(1, 5, 0, 0), 1);
  EXPECT_FALSE(Schedule::parse("constant", -1));
}

TEST(Schedule, Plateau) {
  Schedule schedule = *Schedule::parse("plateau:0.5");
  for (double loss : {2.0, 1.5, 1.6, 1.4, 1.4, std::nan("")})
    schedule.observe(loss);
  EXPECT_EQ(schedule.rate(1, 1, 0, 0), 0.125);
  EXPECT_EQ(schedule.best(), 1.4);
  Schedule other = *Schedule::parse("plateau:0.5");
  other.restore(schedule.factor(), schedule.best());
  EXPECT_EQ(other.rate(1, 1, 0, 0), 0.125);
}

TEST(Schedule, Refusals) {
  for (const char *text :
       {"", "linear", "step", "step:", "step:1", "step:0:0.5", "step:1:0",
        "step:1:x", "exp", "exp:", "exp:1.5", "exp:-1", "plateau:nan",
        "cosine:1", "constant:", "step:1:0.5:", "step:1:0.5:x",
        "step:1:0.5:0", "step:1:0.5:2:3"})
    EXPECT_FALSE(Schedule::parse(text)) << text;
}
