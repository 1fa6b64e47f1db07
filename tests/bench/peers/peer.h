//===- peer.h - What the peers in C++ share ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Data, timing, and answering requests, as peer.py does and describes.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_TESTS_BENCH_PEERS_PEER_H
#define RNNC_TESTS_BENCH_PEERS_PEER_H

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <string>
#include <vector>

namespace peer {

using Json = nlohmann::json;
using Floats = std::vector<float>;

/// Uniform in [-scale, scale): the values that rnnc uses for what has this name.
inline Floats shared(const std::string &name, size_t count, double scale = 1) {
  uint32_t seed = 2166136261u;
  for (unsigned char c : name)
    seed = (seed ^ c) * 16777619u;
  Floats values(count);
  for (size_t i = 0; i < count; ++i) {
    uint32_t x = uint32_t(i + 1) * 2654435761u + seed;
    x ^= x >> 16;
    x *= 0x45d9f3bu;
    x ^= x >> 16;
    x *= 0x45d9f3bu;
    x ^= x >> 16;
    values[i] = float((double(x >> 8) / 8388608.0 - 1) * scale);
  }
  return values;
}

/// A matrix [rows, columns], or a bias [rows] if `columns` is 0.
inline Floats weight(const std::string &name, size_t rows, size_t columns) {
  return columns ? shared(name, rows * columns, 1 / std::sqrt(double(columns)))
                 : shared(name, rows, 0.1);
}

inline double absolutes(const float *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i)
    sum += std::abs(double(values[i]));
  return sum;
}

inline double seconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline Json measure(const std::function<void()> &step, double warm, double run,
                    size_t least) {
  double begin = seconds();
  int64_t done = 0;
  do {
    step();
    ++done;
  } while (seconds() - begin < warm || done < 2);
  double one = (seconds() - begin) / double(done);
  int64_t group = one < 50e-6 ? int64_t(50e-6 / one) + 1 : 1;
  std::vector<double> samples;
  begin = seconds();
  do {
    double at = seconds();
    for (int64_t i = 0; i < group; ++i)
      step();
    samples.push_back((seconds() - at) * 1000 / double(group));
  } while (seconds() - begin < run || samples.size() < least);
  return {{"samples", samples}, {"count", int64_t(samples.size()) * group}};
}

/// A row as it is asked for.
struct Row {
  std::string what, cell, mode, precision;
  int64_t batch, length, threads, d, n;

  explicit Row(const Json &row)
      : what(row.value("what", "")), cell(row.value("cell", "")),
        mode(row.value("mode", "")), precision(row.value("precision", "")),
        batch(row.value("batch", 1)), length(row.value("length", 1)),
        threads(row.value("threads", 1)), d(row["sizes"].value("d", 0)),
        n(row["sizes"].value("n", 0)) {}
};

/// A row made ready; an empty step refuses it, for the reason given.
struct Ready {
  std::function<void()> step;
  Json check;
  std::string why;
};

inline int64_t threadsWanted() {
  const char *text = std::getenv("RNNC_BENCH_THREADS");
  return text ? std::max(1, std::atoi(text)) : 1;
}

/// Lets this process use so many of its cores only.
inline void useCores(int64_t count) {
  cpu_set_t all, some;
  CPU_ZERO(&some);
  if (sched_getaffinity(0, sizeof all, &all) != 0)
    return;
  for (int core = 0; core < CPU_SETSIZE && count > 0; ++core)
    if (CPU_ISSET(core, &all)) {
      CPU_SET(core, &some);
      --count;
    }
  sched_setaffinity(0, sizeof some, &some);
}

/// Answers until standard input ends.
inline int serve(const std::string &system,
                 const std::function<Ready(const Row &)> &prepare) {
  auto say = [](const Json &answer) {
    std::cout << answer.dump() << std::endl;
  };
  say({{"systems", {system}}});
  Ready ready;
  for (std::string line; std::getline(std::cin, line);) {
    Json request = Json::parse(line);
    if (request["do"] == "time") {
      say(measure(ready.step, request["warm"], request["seconds"],
                  request["least"]));
      continue;
    }
    double begin = seconds();
    ready = Ready();
    try {
      ready = prepare(Row(request["row"]));
    } catch (const std::exception &error) {
      ready.why = error.what();
    }
    if (!ready.step)
      say({{"ok", false}, {"why", ready.why}});
    else
      say({{"ok", true},
           {"check", ready.check},
           {"compile_ms", (seconds() - begin) * 1000}});
  }
  return 0;
}

} // namespace peer

#endif
