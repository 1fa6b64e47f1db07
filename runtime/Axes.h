//===- Axes.h - Time axes that follow from others ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_AXES_H
#define RNNC_RUNTIME_AXES_H

#include <charconv>
#include <cstdint>
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

} // namespace rnnc::rt

#endif
