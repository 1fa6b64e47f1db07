//===- Principal.h - Principal components, spectral radius ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_PRINCIPAL_H
#define RNNC_COMPILER_DRIVER_PRINCIPAL_H

#include <cstdint>
#include <span>
#include <vector>

namespace rnnc::driver {

/// The two directions in which points differ most.
struct Principal {
  /// Two coordinates a point, less their means; 0 where there is no direction.
  std::vector<double> places;
  /// Shares of the whole variance, the larger first.
  double explained[2] = {0, 0};
};

/// `values` are `points` rows of `size` numbers. The sign of a direction is
/// such that its largest entry is positive. Values that are not finite count as
/// 0.
Principal principalComponents(std::span<const double> values, int64_t points,
                              int64_t size);

/// The greatest size of an eigenvalue of a matrix of n x n, row major. NaN if
/// it has entries that are not finite.
double spectralRadius(std::span<const double> matrix, int64_t n);

} // namespace rnnc::driver

#endif
