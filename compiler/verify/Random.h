//===- Random.h - Seeded choices ---------------------------------*- C++
//-*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The same seed gives the same choices on every machine and with every
// standard library.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_VERIFY_RANDOM_H
#define RNNC_COMPILER_VERIFY_RANDOM_H

#include <cmath>
#include <cstdint>

namespace rnnc {

/// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}

  uint64_t next() {
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  /// A whole number in 0..bound-1; bound is at least 1.
  int64_t below(int64_t bound) {
    return static_cast<int64_t>(next() % static_cast<uint64_t>(bound));
  }
  /// A whole number in low..high, both included.
  int64_t between(int64_t low, int64_t high) {
    return low + below(high - low + 1);
  }
  /// True with probability p.
  bool chance(double p) { return real() < p; }
  /// In [0, 1).
  double real() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// Standard normal, by Box and Muller.
  double normal() {
    double radius = std::sqrt(-2 * std::log(1 - real()));
    return radius * std::cos(6.283185307179586 * real());
  }

private:
  uint64_t state;
};

} // namespace rnnc

#endif
