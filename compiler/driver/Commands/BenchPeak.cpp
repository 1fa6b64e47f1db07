//===- BenchPeak.cpp - What this machine can do at most -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chains of multiply-adds that nothing waits for but their own predecessor.
// Twelve or more chains hide the latency of two units of up to six cycles.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/BenchPeak.h"
#include "compiler/driver/Host.h"
#include "rnnrt/team.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

#include <algorithm>
#include <map>
#include <mutex>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace rnnc;

namespace {
/// Runs `turns` turns; the result only keeps the work alive.
struct Kernel {
  double (*run)(int64_t turns);
  /// Multiply-adds, times 2, of a turn.
  double flops;
};
} // namespace

/// Without anything known of the host.
static double plain(int64_t turns) {
  float sums[16] = {};
  for (int64_t i = 0; i < turns; ++i)
    for (float &sum : sums)
      sum = sum * 0.999f + 0.001f;
  return sums[0] + sums[15];
}

#if defined(__x86_64__)
#define RNNC_CHAINS(TYPE, ZERO, SET, FMA)                                      \
  [[maybe_unused]] TYPE a = SET, b = SET;                                      \
  TYPE s0 = ZERO, s1 = ZERO, s2 = ZERO, s3 = ZERO,           \
       s4 = ZERO, s5 = ZERO, s6 = ZERO, s7 = ZERO, s8 = ZERO, s9 = ZERO,       \
       s10 = ZERO, s11 = ZERO;                                                 \
  for (int64_t i = 0; i < turns; ++i) {                                        \
    s0 = FMA(s0), s1 = FMA(s1), s2 = FMA(s2), s3 = FMA(s3), s4 = FMA(s4),      \
    s5 = FMA(s5), s6 = FMA(s6), s7 = FMA(s7), s8 = FMA(s8), s9 = FMA(s9),      \
    s10 = FMA(s10), s11 = FMA(s11);                                            \
  }                                                                            \
  TYPE all[12] = {s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11};           \
  double sum = 0;                                                              \
  for (const TYPE &one : all)                                                  \
    sum += one[0];                                                             \
  return sum;

__attribute__((target("avx512f"))) static double wide32(int64_t turns) {
#define RNNC_FMA(S) _mm512_fmadd_ps(S, a, b)
  RNNC_CHAINS(__m512, _mm512_setzero_ps(), _mm512_set1_ps(0.5f), RNNC_FMA)
#undef RNNC_FMA
}
__attribute__((target("avx512f"))) static double wide64(int64_t turns) {
#define RNNC_FMA(S) _mm512_fmadd_pd(S, a, b)
  RNNC_CHAINS(__m512d, _mm512_setzero_pd(), _mm512_set1_pd(0.5), RNNC_FMA)
#undef RNNC_FMA
}
__attribute__((target("avx512f,avx512bf16"))) static double
wide16(int64_t turns) {
  // The same bits as pairs of bf16 numbers.
  __m512bh left = (__m512bh)_mm512_set1_epi32(0x3f003f00), right = left;
#define RNNC_FMA(S) _mm512_dpbf16_ps(S, left, right)
  RNNC_CHAINS(__m512, _mm512_setzero_ps(), _mm512_set1_ps(0.5f), RNNC_FMA)
#undef RNNC_FMA
}
__attribute__((target("avx2,fma"))) static double half32(int64_t turns) {
#define RNNC_FMA(S) _mm256_fmadd_ps(S, a, b)
  RNNC_CHAINS(__m256, _mm256_setzero_ps(), _mm256_set1_ps(0.5f), RNNC_FMA)
#undef RNNC_FMA
}
__attribute__((target("avx2,fma"))) static double half64(int64_t turns) {
#define RNNC_FMA(S) _mm256_fmadd_pd(S, a, b)
  RNNC_CHAINS(__m256d, _mm256_setzero_pd(), _mm256_set1_pd(0.5), RNNC_FMA)
#undef RNNC_FMA
}
#undef RNNC_CHAINS
#endif

static Kernel choose(const std::string &precision) {
#if defined(__x86_64__)
  auto features = llvm::sys::getHostCPUFeatures();
  bool f64 = precision == "f64";
  if (features.lookup("avx512f")) {
    if (precision == "bf16" && features.lookup("avx512bf16"))
      return {wide16, 12 * 32 * 2};
    return f64 ? Kernel{wide64, 12 * 8 * 2} : Kernel{wide32, 12 * 16 * 2};
  }
  if (features.lookup("avx2") && features.lookup("fma"))
    return f64 ? Kernel{half64, 12 * 4 * 2} : Kernel{half32, 12 * 8 * 2};
#endif
  return {plain, 16 * 2};
}

double driver::peakGflops(int64_t threads, const std::string &precision) {
  static std::mutex mutex;
  static std::map<std::pair<int64_t, std::string>, double> known;
  std::lock_guard lock(mutex);
  auto [place, fresh] = known.try_emplace({threads, precision}, 0.0);
  if (!fresh)
    return place->second;
  rnnrt_team *team = rnnrt_team_create(threads);
  if (!team)
    return 0;
  struct Job {
    Kernel kernel;
    int64_t turns = 1000;
    double seconds = 0;
    volatile double sink = 0;
  } job;
  job.kernel = choose(precision);
  auto run = [&] {
    double start = steadySeconds();
    rnnrt_team_run(
        team,
        [](void *self, int64_t thread) {
          auto *job = static_cast<Job *>(self);
          double sum = job->kernel.run(job->turns);
          if (thread == 0)
            job->sink = sum;
        },
        &job);
    return steadySeconds() - start;
  };
  // Runs of about 5 ms: long beside the meeting of the threads, short beside
  // the turns that other work gets.
  while (run() < 0.005 && job.turns < (int64_t(1) << 40))
    job.turns *= 2;
  double best = 0;
  for (int i = 0; i < 25; ++i)
    best = std::max(best, job.kernel.flops * double(job.turns) *
                              double(threads) / run() * 1e-9);
  rnnrt_team_destroy(team);
  return place->second = best;
}

std::vector<std::string> driver::hostFeatures() {
  std::vector<std::string> found;
  auto features = llvm::sys::getHostCPUFeatures();
  for (const char *feature : {"fma", "avx2", "avx512f", "avx512bf16"})
    if (features.lookup(feature))
      found.push_back(feature);
  return found;
}
