//===- TeamTest.cpp - the thread team -------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs, barriers, idleness; also meant for the thread sanitizer.
//
//===----------------------------------------------------------------------===//
#include "rnnrt/team.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <thread>
#include <vector>

namespace {
struct Work {
  rnnrt_team *team;
  std::vector<int64_t> counts, seen;
  int64_t rounds = 0;
  bool wrong = false;
};
} // namespace

static void countSelf(void *context, int64_t thread) {
  ++static_cast<Work *>(context)->counts[static_cast<size_t>(thread)];
}

// Each member writes its cell, all meet, each reads all cells: a barrier that
// lets one through early shows as a wrong value (and as a race).
static void meetOften(void *context, int64_t thread) {
  auto *work = static_cast<Work *>(context);
  for (int64_t round = 1; round <= work->rounds; ++round) {
    work->counts[static_cast<size_t>(thread)] = round;
    rnnrt_team_barrier(work->team, thread);
    bool bad = false;
    for (int64_t value : work->counts)
      bad |= value != round;
    if (bad)
      work->seen[static_cast<size_t>(thread)] = round;
    rnnrt_team_barrier(work->team, thread);
  }
}

class TeamTest : public ::testing::TestWithParam<int64_t> {};

TEST_P(TeamTest, EveryMemberRunsOncePerRun) {
  Work work{rnnrt_team_create(GetParam()), {}, {}};
  ASSERT_NE(work.team, nullptr);
  EXPECT_EQ(rnnrt_team_size(work.team), GetParam());
  work.counts.assign(static_cast<size_t>(GetParam()), 0);
  for (int run = 0; run < 200; ++run)
    rnnrt_team_run(work.team, countSelf, &work);
  for (int64_t count : work.counts)
    EXPECT_EQ(count, 200);
  rnnrt_team_destroy(work.team);
}

TEST_P(TeamTest, BarriersHold) {
  Work work{rnnrt_team_create(GetParam()), {}, {}};
  ASSERT_NE(work.team, nullptr);
  work.counts.assign(static_cast<size_t>(GetParam()), 0);
  work.seen.assign(static_cast<size_t>(GetParam()), 0);
  work.rounds = GetParam() > 8 ? 20 : 300;
  for (int run = 0; run < 3; ++run)
    rnnrt_team_run(work.team, meetOften, &work);
  for (int64_t bad : work.seen)
    EXPECT_EQ(bad, 0);
  rnnrt_team_destroy(work.team);
}

INSTANTIATE_TEST_SUITE_P(Sizes, TeamTest,
                         ::testing::Values(1, 2, 3, 4, 8, 17, 64));

TEST(Team, RefusesOddSizes) {
  EXPECT_EQ(rnnrt_team_create(0), nullptr);
  EXPECT_EQ(rnnrt_team_create(-1), nullptr);
  EXPECT_EQ(rnnrt_team_create(RNNRT_TEAM_MAX + 1), nullptr);
  rnnrt_team_destroy(nullptr);
}

TEST(Team, IdleMembersSleep) {
  Work work{rnnrt_team_create(4), std::vector<int64_t>(4), {}};
  rnnrt_team_run(work.team, countSelf, &work);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  double used = double(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_LT(used, 0.1);
  rnnrt_team_run(work.team, countSelf, &work);
  for (int64_t count : work.counts)
    EXPECT_EQ(count, 2);
  rnnrt_team_destroy(work.team);
}

// Time per barrier, the best of many short runs: whatever else the machine
// does, some run is undisturbed.
static double nanosecondsPerBarrier(int64_t threads, int64_t rounds, int runs) {
  Work work{rnnrt_team_create(threads), {}, {}};
  work.rounds = rounds;
  double best = 1e30;
  for (int run = 0; run < runs; ++run) {
    auto start = std::chrono::steady_clock::now();
    rnnrt_team_run(
        work.team,
        [](void *context, int64_t thread) {
          auto *work = static_cast<Work *>(context);
          for (int64_t round = 0; round < work->rounds; ++round)
            rnnrt_team_barrier(work->team, thread);
        },
        &work);
    std::chrono::duration<double, std::nano> took =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / static_cast<double>(rounds));
  }
  rnnrt_team_destroy(work.team);
  return best;
}

// Whether others leave less than `cores` cores to this test. Waiting members
// then measure the other programs and not the barrier, so the two tests of its
// cost are skipped; what a barrier does is tested above in any case.
static bool isBusy(double cores) {
  double load = 0;
  return getloadavg(&load, 1) != 1 ||
         load + cores > static_cast<double>(rnnrt_usable_cores()) + 0.5;
}

// About 50 ns here; a futex call alone takes longer than the bound.
TEST(Team, HotBarriersCostNoSystemCall) {
  if (isBusy(2))
    GTEST_SKIP() << "no two cores are free";
  double nanoseconds = nanosecondsPerBarrier(2, 200, 100);
  RecordProperty("nanoseconds", static_cast<int>(nanoseconds));
  EXPECT_LT(nanoseconds, 400);
}

// A thread that waits by spinning until its time is up costs milliseconds per
// barrier.
TEST(Team, MoreMembersThanCoresTakeTurns) {
  if (isBusy(1))
    GTEST_SKIP() << "no core is free";
  int64_t threads = std::min<int64_t>(4 * rnnrt_usable_cores(), 64);
  double nanoseconds = nanosecondsPerBarrier(threads, 100, 20);
  RecordProperty("nanoseconds", static_cast<int>(nanoseconds));
  EXPECT_LT(nanoseconds, 1e6);
}

TEST(Team, UsableCores) { EXPECT_GE(rnnrt_usable_cores(), 1); }
