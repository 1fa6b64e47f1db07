/*===- philox.h - counter-based random numbers ------------------------*- C -*-===*\
|*                                                                            *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
|* Philox4x32-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, *|
|* SC 2011) and the addressing of draws. A draw is a pure function of key,    *|
|* stream, time and element, so it does not depend on threads, on the order   *|
|* of evaluation or on whether a step is recomputed.                          *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/
#ifndef RNNRT_PHILOX_H
#define RNNRT_PHILOX_H

#include <math.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Four random words.
typedef struct {
  uint32_t lane[4];
} rnnrt_philox4;

/// Philox4x32 with ten rounds.
static inline rnnrt_philox4 rnnrt_philox4x32_10(uint32_t c0, uint32_t c1,
                                                uint32_t c2, uint32_t c3,
                                                uint32_t k0, uint32_t k1) {
  rnnrt_philox4 result;
  int round;
  for (round = 0; round < 10; ++round) {
    const uint64_t p0 = (uint64_t)0xD2511F53u * c0;
    const uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
    const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    const uint32_t n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  result.lane[0] = c0;
  result.lane[1] = c1;
  result.lane[2] = c2;
  result.lane[3] = c3;
  return result;
}

/// The four words that serve the elements 4*block .. 4*block+3 of a draw:
/// key = (low, high) half of `key`, counter = (block low, block high, stream,
/// time).
static inline rnnrt_philox4 rnnrt_draw(int64_t key, uint32_t stream,
                                       uint32_t time, uint64_t block) {
  return rnnrt_philox4x32_10((uint32_t)block, (uint32_t)(block >> 32), stream,
                             time, (uint32_t)(uint64_t)key,
                             (uint32_t)((uint64_t)key >> 32));
}

/// A random word as a number in [0, 1): its upper 24 bits, so that f32 and f64
/// hold the same value exactly.
static inline double rnnrt_unit(uint32_t word) {
  return (double)(word >> 8) * 0x1p-24;
}

/// Element `index` of a uniform draw, in [0, 1); exact in f32 and f64.
static inline double rnnrt_uniform(int64_t key, uint32_t stream, uint32_t time,
                                   uint64_t index) {
  const rnnrt_philox4 words = rnnrt_draw(key, stream, time, index / 4);
  return rnnrt_unit(words.lane[index % 4]);
}

/// Element `index` of a standard normal draw, by Box and Muller: lanes (0, 1)
/// give the elements 0 and 1 of a block, lanes (2, 3) the elements 2 and 3;
/// r = sqrt(-2 log(1 - u0)), out0 = r cos(2 pi u1), out1 = r sin(2 pi u1).
/// Computed in f64; in f32 it is this value rounded.
static inline double rnnrt_normal(int64_t key, uint32_t stream, uint32_t time,
                                  uint64_t index) {
  const rnnrt_philox4 words = rnnrt_draw(key, stream, time, index / 4);
  const unsigned first = (unsigned)(index % 4) & 2u;
  const double u0 = rnnrt_unit(words.lane[first]);
  const double u1 = rnnrt_unit(words.lane[first + 1]);
  const double radius = sqrt(-2.0 * log(1.0 - u0));
  const double angle = 6.283185307179586476925286766559 * u1;
  return radius * (index % 2 ? sin(angle) : cos(angle));
}

/// The elements 4*block .. 4*block+3 of a uniform draw: those of rnnrt_uniform,
/// at the price of one of them.
static inline void rnnrt_uniforms(int64_t key, uint32_t stream, uint32_t time,
                                  uint64_t block, double elements[4]) {
  const rnnrt_philox4 words = rnnrt_draw(key, stream, time, block);
  int i;
  for (i = 0; i < 4; ++i)
    elements[i] = rnnrt_unit(words.lane[i]);
}

/// The elements 4*block .. 4*block+3 of a standard normal draw: those of
/// rnnrt_normal, at less than half the price.
static inline void rnnrt_normals(int64_t key, uint32_t stream, uint32_t time,
                                 uint64_t block, double elements[4]) {
  int i;
  rnnrt_uniforms(key, stream, time, block, elements);
  for (i = 0; i < 4; i += 2) {
    const double radius = sqrt(-2.0 * log(1.0 - elements[i]));
    const double angle = 6.283185307179586476925286766559 * elements[i + 1];
    elements[i] = radius * cos(angle);
    elements[i + 1] = radius * sin(angle);
  }
}

/// A whole number in 0..bound-1 (bound at least 1) from 64 random bits of the
/// address given; the bias is below bound / 2^64. For the host's own choices:
/// shuffles, generated data, sampling.
static inline uint64_t rnnrt_below(int64_t key, uint32_t stream, uint32_t time,
                                   uint64_t index, uint64_t bound) {
  const rnnrt_philox4 words = rnnrt_draw(key, stream, time, index / 2);
  const unsigned first = (unsigned)(index % 2) * 2u;
  const uint64_t bits =
      (uint64_t)words.lane[first] | (uint64_t)words.lane[first + 1] << 32;
  /* The upper half of the 128-bit product, from four 32-bit products. */
  const uint64_t bl = bound & 0xffffffffu, bh = bound >> 32;
  const uint64_t xl = bits & 0xffffffffu, xh = bits >> 32;
  const uint64_t mid = xh * bl + (xl * bl >> 32);
  const uint64_t mid2 = xl * bh + (mid & 0xffffffffu);
  return xh * bh + (mid >> 32) + (mid2 >> 32);
}

#ifdef __cplusplus
}
#endif

#endif /* RNNRT_PHILOX_H */
