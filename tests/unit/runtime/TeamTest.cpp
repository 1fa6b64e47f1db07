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

// Whether a condition comes true. How long it takes does not matter: the minute
// is there so that a broken team fails and does not hang.
template <typename Condition> static bool comesTrue(Condition condition) {
  auto start = std::chrono::steady_clock::now();
  while (!condition()) {
    if (std::chrono::steady_clock::now() - start > std::chrono::minutes(1))
      return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(Team, IdleMembersSleep) {
  Work work{rnnrt_team_create(4), std::vector<int64_t>(4), {}};
  rnnrt_team_run(work.team, countSelf, &work);
  // All but the caller, who waits for nobody.
  ASSERT_TRUE(
      comesTrue([&] { return rnnrt_team_count_waits(work.team).idle == 3; }));
  // They do not wake up to look, and take no time of a processor, whatever else
  // it does; one that looked all the time would take the whole pause.
  const int64_t sleeps = rnnrt_team_count_waits(work.team).sleeps;
  std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(double(std::clock() - before) / CLOCKS_PER_SEC, 0.1);
  EXPECT_EQ(rnnrt_team_count_waits(work.team).sleeps, sleeps);
  EXPECT_EQ(rnnrt_team_count_waits(work.team).idle, 3);
  rnnrt_team_run(work.team, countSelf, &work);
  for (int64_t count : work.counts)
    EXPECT_EQ(count, 2);
  rnnrt_team_destroy(work.team);
}

namespace {
/// Meetings in rows of `rounds`, until a row pleases or there were `most`.
struct Meetings {
  rnnrt_team *team;
  int64_t rounds, most;
  bool (*pleases)(const rnnrt_team_waits &before,
                  const rnnrt_team_waits &after);
  bool found = false, stop = false;
};
} // namespace

static bool anyRow(Meetings meetings) {
  rnnrt_team_run(
      meetings.team,
      [](void *context, int64_t thread) {
        auto &meetings = *static_cast<Meetings *>(context);
        for (int64_t row = 1; !meetings.stop; ++row) {
          // All are there, and awake.
          rnnrt_team_barrier(meetings.team, thread);
          rnnrt_team_waits before = rnnrt_team_count_waits(meetings.team);
          for (int64_t round = 0; round < meetings.rounds; ++round)
            rnnrt_team_barrier(meetings.team, thread);
          if (thread == 0) {
            meetings.found = meetings.pleases(
                before, rnnrt_team_count_waits(meetings.team));
            meetings.stop = meetings.found || row == meetings.most;
          }
          rnnrt_team_barrier(meetings.team, thread);
        }
      },
      &meetings);
  return meetings.found;
}

// Threads that run at the same time meet without a system call. On a machine
// that does other things as well, one may be kept from running while the other
// waits for it, and then sleeps; so not each row of meetings counts, but one of
// many: with a call for each meeting there would be none.
TEST(Team, MeetingsOfTheAwakeCostNoSystemCall) {
  // On one core they take turns, and every meeting is a system call by design:
  // there is nothing to test.
  if (rnnrt_usable_cores() < 2)
    GTEST_SKIP() << "two threads cannot run at the same time";
  rnnrt_team *team = rnnrt_team_create(2);
  EXPECT_TRUE(anyRow({team, 100, 10000, [](auto &before, auto &after) {
                        return after.sleeps == before.sleeps &&
                               after.wakes == before.wakes;
                      }}));
  rnnrt_team_destroy(team);
}

// Of more members than cores, those that wait make room: one that looked until
// its turn is over would never sleep. In each meeting at least one of those
// that have come cannot be running when the last one comes.
TEST(Team, MoreMembersThanCoresTakeTurns) {
  rnnrt_team *team = rnnrt_team_create(
      std::min<int64_t>(4 * rnnrt_usable_cores(), RNNRT_TEAM_MAX));
  EXPECT_TRUE(anyRow({team, 100, 1, [](auto &before, auto &after) {
                        return after.sleeps - before.sleeps >= 100;
                      }}));
  rnnrt_team_destroy(team);
}

TEST(Team, UsableCores) { EXPECT_GE(rnnrt_usable_cores(), 1); }
