/*===- call.h - the call of a compiled function -----------------------*- C -*-===*\
|*                                                                            *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
|* What the host hands to compiled code. Compiled functions allocate nothing, *|
|* keep nothing and call nothing but the barrier given here.                  *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/
#ifndef RNNRT_CALL_H
#define RNNRT_CALL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// One call of a compiled function. The host owns every pointer; all of them
/// stay valid until the last thread has returned. The struct itself is not
/// changed by the call, so it may be used again.
typedef struct {
  /// The axis extents, in the order of the function's index arguments (the
  /// batch first).
  const int64_t *extents;
  /// One pointer per argument that is neither an extent nor the key, in order.
  /// Dense, row major, aligned to 64 bytes.
  void *const *args;
  /// One pointer per result, in order. A result of kind param or slot may be
  /// the same memory as the argument of the same kind and name. A new state is
  /// always other memory than the old one.
  void *const *results;
  /// Scratch memory, aligned to 64 bytes, of as many bytes as the function's
  /// `_arena` companion returns for these extents. Its content is arbitrary.
  char *arena;
  /// The key of this call's random draws.
  int64_t key;
  /// How many threads make this call, at least 1.
  int64_t threads;
  /// Handed to `barrier`; null where `threads` is 1.
  void *team;
  /// Returns when all `threads` threads have called it. Null where `threads`
  /// is 1. `rnnrt_team_barrier` is one such function.
  void (*barrier)(void *team, int64_t thread);
  /// What the function makes from the parameters alone, such as weights in the
  /// order in which they are read: memory aligned to 64 bytes, of as many bytes
  /// as the function's `_prepared` companion returns; may be null if that is 0.
  /// Belongs to one function and one set of parameters.
  char *prepared;
  /// 0: this call fills `prepared`. Not 0: an earlier call with the same
  /// parameter values has filled it, and this one reads it only, so that calls
  /// on several threads may share it.
  int64_t is_prepared;
} rnnrt_call;

/// A compiled function. Every thread of the team calls it with its own id
/// (0 to threads-1) and the same `rnnrt_call`.
typedef void (*rnnrt_function)(const rnnrt_call *call, int64_t thread);

/// The bytes of scratch memory (`NAME_arena`) or of prepared memory
/// (`NAME_prepared`, the same for all extents) that a compiled function needs.
typedef int64_t (*rnnrt_arena_function)(const int64_t *extents);

/// How many of `most` threads a call with these extents is worth (`NAME_threads`):
/// more would wait for each other longer than they save. An estimate; any number
/// of threads gives the same results.
typedef int64_t (*rnnrt_threads_function)(const int64_t *extents, int64_t most);

#ifdef __cplusplus
}
#endif

#endif /* RNNRT_CALL_H */
