//===- Team.cpp - a persistent team of threads ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Threads that wait by spinning for a moment and then sleeping on a futex. The
// waker makes a system call only if somebody sleeps. What one thread tells
// another goes by one cache line: the start with what is to be run, and each
// member's count of the meetings it has come to.
//
//===----------------------------------------------------------------------===//
#include "rnnrt/team.h"

#include <atomic>
#include <climits>
#include <cstdio>
#include <linux/futex.h>
#include <new>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

/// A number that changes, and threads that wait for the change.
struct Gate {
  std::atomic<uint32_t> value{0};
  std::atomic<uint32_t> sleepers{0};
  /// How often a thread has gone to sleep here, and how often others were woken.
  std::atomic<uint32_t> sleeps{0}, wakes{0};

  static void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
  }

  /// Returns when the value is no longer `old`.
  void wait(uint32_t old, int spins) {
    for (int i = 0; i < spins; ++i) {
      if (value.load(std::memory_order_acquire) != old)
        return;
      pause();
    }
    // Order: a sleeper counts itself before it looks again, the waker changes
    // the value before it looks at the count. Both are sequentially consistent,
    // so one of them sees the other.
    sleepers.fetch_add(1, std::memory_order_seq_cst);
    sleeps.fetch_add(1, std::memory_order_relaxed);
    while (value.load(std::memory_order_seq_cst) == old)
      syscall(SYS_futex, &value, FUTEX_WAIT_PRIVATE, old, nullptr, nullptr, 0);
    sleepers.fetch_sub(1, std::memory_order_relaxed);
  }

  /// Changes the value and wakes everybody.
  void open(uint32_t next) {
    value.store(next, std::memory_order_seq_cst);
    if (sleepers.load(std::memory_order_seq_cst) == 0)
      return;
    wakes.fetch_add(1, std::memory_order_relaxed);
    syscall(SYS_futex, &value, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr,
            0);
  }
};

/// A barrier of many: the last to arrive opens the gate.
struct Barrier {
  alignas(64) std::atomic<uint32_t> arrived{0};
  alignas(64) Gate gate;

  void meet(uint32_t count, int spins) {
    // Read before arriving: the gate cannot open until this thread is counted.
    const uint32_t phase = gate.value.load(std::memory_order_relaxed);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == count) {
      arrived.store(0, std::memory_order_relaxed);
      gate.open(phase + 1);
      return;
    }
    gate.wait(phase, spins);
  }
};

/// A thread of the team. Only it changes its gate, whose value counts the
/// meetings it has come to: the barriers inside a run, and each run's end.
struct alignas(64) Member {
  Gate came;
  rnnrt_team *team = nullptr;
  int64_t id = 0;
  pthread_t thread{};
};

} // namespace

/// Teams of more look at one common barrier rather than at each other.
static constexpr int64_t kMostDirect = 8;

struct alignas(64) rnnrt_team {
  /// Opened to start a run; with it come the function and its context.
  Gate start;
  rnnrt_team_function function = nullptr;
  void *context = nullptr;
  Member *members = nullptr;
  int64_t size = 1;
  int spins = 0;
  /// Whether members look at each other's counts.
  bool isDirect = false;
  bool stop = false;
  Barrier common;

  /// Member `id` has come to a meeting. Unless it `waits`, it goes on at once.
  void meet(int64_t id, bool waits) {
    if (!isDirect)
      return common.meet(static_cast<uint32_t>(size), spins);
    // All counts are equal between two meetings that all wait at, so a member
    // that has not come yet has the count that this one had.
    Gate &mine = members[id].came;
    const uint32_t before = mine.value.load(std::memory_order_relaxed);
    mine.open(before + 1);
    for (int64_t other = 0; waits && other < size; ++other)
      if (other != id)
        members[other].came.wait(before, spins);
  }
};

static void *runMember(void *argument) {
  auto *member = static_cast<Member *>(argument);
  rnnrt_team *team = member->team;
  for (uint32_t run = 0;; ++run) {
    team->start.wait(run, team->spins);
    if (team->stop)
      return nullptr;
    team->function(team->context, member->id);
    // The caller waits for all; the others for its next start.
    team->meet(member->id, /*waits=*/false);
  }
}

rnnrt_team *rnnrt_team_create(int64_t threads) {
  if (threads < 1 || threads > RNNRT_TEAM_MAX)
    return nullptr;
  auto *team = new (std::nothrow) rnnrt_team;
  if (!team)
    return nullptr;
  team->members = new (std::nothrow) Member[threads];
  if (!team->members) {
    delete team;
    return nullptr;
  }
  // About 150 microseconds of spinning, where every member has a core: longer
  // than it takes to wake a sleeper, or two threads would go on waking each
  // other. Otherwise a spinning thread would keep the one it waits for from
  // running, and one that only yields would hand its turn to strangers.
  const bool hasCores = threads <= rnnrt_usable_cores();
  team->spins = hasCores ? 6000 : 20;
  team->isDirect = hasCores && threads <= kMostDirect;
  for (team->size = 1; team->size < threads; ++team->size) {
    Member &member = team->members[team->size];
    member.team = team;
    member.id = team->size;
    if (pthread_create(&member.thread, nullptr, runMember, &member) != 0) {
      rnnrt_team_destroy(team);
      return nullptr;
    }
  }
  return team;
}

void rnnrt_team_destroy(rnnrt_team *team) {
  if (!team)
    return;
  team->stop = true;
  team->start.open(team->start.value.load(std::memory_order_relaxed) + 1);
  for (int64_t i = 1; i < team->size; ++i)
    pthread_join(team->members[i].thread, nullptr);
  delete[] team->members;
  delete team;
}

int64_t rnnrt_team_size(const rnnrt_team *team) { return team->size; }

void rnnrt_team_run(rnnrt_team *team, rnnrt_team_function function,
                    void *context) {
  if (team->size == 1) {
    function(context, 0);
    return;
  }
  team->function = function;
  team->context = context;
  team->start.open(team->start.value.load(std::memory_order_relaxed) + 1);
  function(context, 0);
  team->meet(0, /*waits=*/true);
}

void rnnrt_team_barrier(void *team, int64_t thread) {
  auto *self = static_cast<rnnrt_team *>(team);
  if (self->size > 1)
    self->meet(thread, /*waits=*/true);
}

rnnrt_team_waits rnnrt_team_count_waits(const rnnrt_team *team) {
  rnnrt_team_waits waits = {0, 0, 0};
  waits.idle = team->start.sleepers.load(std::memory_order_relaxed);
  auto add = [&](const Gate &gate) {
    waits.sleeps += gate.sleeps.load(std::memory_order_relaxed);
    waits.wakes += gate.wakes.load(std::memory_order_relaxed);
  };
  add(team->start);
  add(team->common.gate);
  for (int64_t i = 0; i < team->size; ++i)
    add(team->members[i].came);
  return waits;
}

int64_t rnnrt_usable_cores(void) {
  int64_t cores = 1;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    cores = CPU_COUNT(&set);
  else if (long online = sysconf(_SC_NPROCESSORS_ONLN); online > 0)
    cores = online;
  // The quota of a container: "QUOTA PERIOD" in microseconds, or "max PERIOD".
  if (std::FILE *file = std::fopen("/sys/fs/cgroup/cpu.max", "re")) {
    long long quota = 0, period = 0;
    if (std::fscanf(file, "%lld %lld", &quota, &period) == 2 && quota > 0 &&
        period > 0) {
      int64_t allowed = (quota + period - 1) / period;
      cores = allowed < cores ? allowed : cores;
    }
    std::fclose(file);
  }
  return cores < 1 ? 1 : cores;
}
