//===- Axes.h - Time axes that follow from others ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_AXES_H
#define RNNC_RUNTIME_AXES_H

#include <charconv>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace rnnc::rt {

/// Of the axis `T/2`, each second step of T: T and 2. Of others: 1 behind it.
inline std::pair<std::string, int64_t> baseAxis(const std::string &axis) {
  size_t slash = axis.rfind('/');
  int64_t every = 1;
  if (slash == std::string::npos)
    return {axis, 1};
  const char *end = axis.data() + axis.size();
  auto [rest, error] = std::from_chars(axis.data() + slash + 1, end, every);
  if (error != std::errc() || rest != end || every < 1)
    return {axis, 1};
  return {axis.substr(0, slash), every};
}

/// The number of steps that are left of `steps`, the first one included.
inline int64_t stepsOf(int64_t steps, int64_t every) {
  return (steps + every - 1) / every;
}

/// How long an axis is, where `known` says so of it or of the one it follows
/// from; else `other`.
inline int64_t extentOf(const std::string &axis,
                        const std::map<std::string, int64_t> &known,
                        int64_t other) {
  if (auto it = known.find(axis); it != known.end())
    return it->second;
  auto [base, every] = baseAxis(axis);
  auto it = known.find(base);
  return it == known.end() ? other : stepsOf(it->second, every);
}

} // namespace rnnc::rt

#endif
