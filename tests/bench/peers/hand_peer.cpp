//===- hand_peer.cpp - What a person can write by hand ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One step of one LSTM layer for one stream, written for it alone: the weights of
// sixteen units and their four gates lie side by side, so that a step reads them
// once, in order, and the sums stay in registers until the new state is stored.
// Threads take units and meet once a step. It is a bound to hold ours against,
// not a system.
//
//===----------------------------------------------------------------------===//

#include "peer.h"

#include <atomic>
#include <cstring>
#include <immintrin.h>
#include <memory>
#include <thread>

using peer::Floats;
using peer::Ready;
using peer::Row;

namespace {
constexpr int64_t kUnits = 16, kGates = 4, kBlock = kUnits * kGates;
using Vector = __m512;

inline Vector exponential(Vector x) {
  x = _mm512_min_ps(_mm512_max_ps(x, _mm512_set1_ps(-87)), _mm512_set1_ps(87));
  Vector n =
      _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0);
  Vector r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
  Vector sum = _mm512_set1_ps(1.f / 720);
  for (float term : {1.f / 120, 1.f / 24, 1.f / 6, 0.5f, 1.f, 1.f})
    sum = _mm512_fmadd_ps(sum, r, _mm512_set1_ps(term));
  return _mm512_scalef_ps(sum, n);
}

inline Vector sigmoid(Vector x) {
  Vector one = _mm512_set1_ps(1);
  return _mm512_div_ps(
      one, _mm512_add_ps(one, exponential(_mm512_sub_ps(_mm512_setzero_ps(),
                                                        x))));
}

inline Vector hyperbolic(Vector x) {
  Vector one = _mm512_set1_ps(1);
  return _mm512_fnmadd_ps(
      _mm512_set1_ps(2),
      _mm512_div_ps(one, _mm512_add_ps(one, exponential(_mm512_add_ps(x, x)))),
      one);
}

/// Memory on a boundary of a page, filled with zeros.
class Block {
public:
  explicit Block(int64_t count)
      : values(static_cast<float *>(std::aligned_alloc(
            4096, size_t((count * 4 + 4095) / 4096 * 4096)))) {
    std::memset(values.get(), 0, size_t(count) * 4);
  }
  operator float *() const { return values.get(); }

private:
  struct Free {
    void operator()(float *memory) const { std::free(memory); }
  };
  std::unique_ptr<float, Free> values;
};

class Stream {
public:
  explicit Stream(const Row &row);
  ~Stream();
  void step();
  double sum() const { return peer::absolutes(state[now], size_t(n)); }

private:
  int64_t d, n, terms, threads, now = 0;
  /// Per sixteen units: a bias, then per input and state a row of four gates.
  Block weights;
  /// x, then h: what the products read; two of them, taken in turns.
  Block inputs[2];
  float *state[2];
  Block cell;
  std::vector<std::thread> others;
  std::atomic<int64_t> started{0}, finished{0};
  std::atomic<bool> over{false};

  void part(int64_t thread);
};
} // namespace

Stream::Stream(const Row &row)
    : d(row.d), n(row.n), terms(d + n), threads(row.threads),
      weights(n / kUnits * (terms + 1) * kBlock),
      inputs{Block(terms), Block(terms)}, state{inputs[0] + d, inputs[1] + d},
      cell(n) {
  auto place = [&](int64_t unit, int64_t term, int64_t gate) -> float & {
    return weights[(unit / kUnits * (terms + 1) + term) * kBlock +
                   gate * kUnits + unit % kUnits];
  };
  for (int64_t gate = 0; gate < kGates; ++gate) {
    std::string letter(1, "ifgo"[gate]);
    Floats w = peer::weight("net.W" + letter, size_t(n), size_t(d));
    Floats u = peer::weight("net.U" + letter, size_t(n), size_t(n));
    Floats b = peer::weight("net.b" + letter, size_t(n), 0);
    for (int64_t unit = 0; unit < n; ++unit) {
      place(unit, 0, gate) = b[size_t(unit)];
      for (int64_t k = 0; k < d; ++k)
        place(unit, 1 + k, gate) = w[size_t(unit * d + k)];
      for (int64_t k = 0; k < n; ++k)
        place(unit, 1 + d + k, gate) = u[size_t(unit * n + k)];
    }
  }
  Floats x = peer::shared("x", size_t(d));
  for (const Block &input : inputs)
    std::copy(x.begin(), x.end(), static_cast<float *>(input));
  for (int64_t thread = 1; thread < threads; ++thread)
    others.emplace_back([this, thread] {
      for (int64_t seen = 0;;) {
        while (started.load(std::memory_order_acquire) == seen) {
          if (over.load(std::memory_order_relaxed))
            return;
          _mm_pause();
        }
        ++seen;
        part(thread);
        finished.fetch_add(1, std::memory_order_release);
      }
    });
}

Stream::~Stream() {
  over = true;
  for (std::thread &other : others)
    other.join();
}

void Stream::part(int64_t thread) {
  int64_t blocks = n / kUnits;
  const float *input = inputs[now];
  for (int64_t block = blocks * thread / threads,
               end = blocks * (thread + 1) / threads;
       block < end; ++block) {
    const float *at = weights + block * (terms + 1) * kBlock;
    // Two sums for each gate: one alone would wait for itself.
    Vector even[kGates], odd[kGates];
    for (int gate = 0; gate < kGates; ++gate) {
      even[gate] = _mm512_load_ps(at + gate * kUnits);
      odd[gate] = _mm512_setzero_ps();
    }
    at += kBlock;
    for (int64_t k = 0; k < terms; k += 2, at += 2 * kBlock) {
      Vector first = _mm512_set1_ps(input[k]);
      Vector second = _mm512_set1_ps(input[k + 1]);
      for (int gate = 0; gate < kGates; ++gate) {
        even[gate] = _mm512_fmadd_ps(first, _mm512_load_ps(at + gate * kUnits),
                                     even[gate]);
        odd[gate] = _mm512_fmadd_ps(
            second, _mm512_load_ps(at + kBlock + gate * kUnits), odd[gate]);
      }
    }
    Vector i = sigmoid(_mm512_add_ps(even[0], odd[0]));
    Vector f = sigmoid(_mm512_add_ps(even[1], odd[1]));
    Vector g = hyperbolic(_mm512_add_ps(even[2], odd[2]));
    Vector o = sigmoid(_mm512_add_ps(even[3], odd[3]));
    float *place = cell + block * kUnits;
    Vector c = _mm512_fmadd_ps(f, _mm512_load_ps(place), _mm512_mul_ps(i, g));
    _mm512_store_ps(place, c);
    _mm512_storeu_ps(state[1 - now] + block * kUnits,
                     _mm512_mul_ps(o, hyperbolic(c)));
  }
}

void Stream::step() {
  if (threads > 1) {
    finished.store(0, std::memory_order_relaxed);
    started.fetch_add(1, std::memory_order_release);
  }
  part(0);
  while (finished.load(std::memory_order_acquire) != threads - 1)
    _mm_pause();
  now = 1 - now;
}

static Ready prepare(const Row &row) {
  Ready ready;
  if (row.what != "layer" || row.cell != "LSTM" || row.mode != "stream" ||
      row.batch != 1 || row.n % 16 || row.d % 2 || row.precision != "f32") {
    ready.why = "runs one stream through an LSTM, units by sixteen, in f32";
    return ready;
  }
  if (!__builtin_cpu_supports("avx512f")) {
    ready.why = "needs AVX-512";
    return ready;
  }
  auto stream = std::make_shared<Stream>(row);
  stream->step();
  ready.check = {{"out", stream->sum()}};
  ready.step = [stream] { stream->step(); };
  return ready;
}

int main() { return peer::serve("hand-written", prepare); }
