/*===- team.h - a persistent team of threads --------------------------*- C -*-===*\
|*                                                                            *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
|* The threads that run compiled steps. They are started once, wait for work  *|
|* and meet at barriers. A thread that waits spins for a moment and then      *|
|* sleeps, so an idle team costs nothing.                                     *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/
#ifndef RNNRT_TEAM_H
#define RNNRT_TEAM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A team of threads. Use it from one thread at a time.
typedef struct rnnrt_team rnnrt_team;

/// What a team runs: called once by each member with its own id.
typedef void (*rnnrt_team_function)(void *context, int64_t thread);

/// The greatest number of members of a team.
#define RNNRT_TEAM_MAX 1024

/// Starts a team of `threads` members. The caller of `rnnrt_team_run` is member
/// 0, so `threads - 1` threads are started. More members than cores is allowed
/// (and slow). Returns null if `threads` is not in 1..RNNRT_TEAM_MAX or the
/// system refuses.
rnnrt_team *rnnrt_team_create(int64_t threads);

/// Ends the threads and frees the team; null is allowed. No run may be going on.
void rnnrt_team_destroy(rnnrt_team *team);

/// The number of members.
int64_t rnnrt_team_size(const rnnrt_team *team);

/// Calls `function(context, id)` once per member, the caller being member 0, and
/// returns when all have returned. What the caller wrote before is seen by the
/// members, what they wrote is seen by the caller afterwards.
void rnnrt_team_run(rnnrt_team *team, rnnrt_team_function function,
                    void *context);

/// Called by every member inside a run: returns when all have called it. What
/// any member wrote before is seen by all afterwards. `team` is the
/// `rnnrt_team`; the type is that of `rnnrt_call::barrier`.
void rnnrt_team_barrier(void *team, int64_t thread);

/// How members wait: how many sleep until the next run begins, and how often, in
/// runs and between them, one has gone to sleep and one has woken those that
/// slept since the team was made. Each of the two is a system call.
typedef struct rnnrt_team_waits {
  int64_t idle, sleeps, wakes;
} rnnrt_team_waits;

/// Any thread may ask; what happens at the same time may be counted or not.
rnnrt_team_waits rnnrt_team_count_waits(const rnnrt_team *team);

/// The number of cores this process may use: the affinity mask, cut by the
/// quota of the control group. At least 1.
int64_t rnnrt_usable_cores(void);

#ifdef __cplusplus
}
#endif

#endif /* RNNRT_TEAM_H */
