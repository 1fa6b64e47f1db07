//===- Principal.cpp - Principal components, spectral radius --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Principal.h"

#include <Eigen/Dense>

#include <cmath>

using namespace rnnc;
using namespace rnnc::driver;

using RowMatrix =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Principal driver::principalComponents(std::span<const double> values,
                                      int64_t points, int64_t size) {
  Principal result;
  result.places.assign(size_t(points) * 2, 0);
  if (points < 2 || size < 1)
    return result;
  RowMatrix x(points, size);
  for (int64_t i = 0; i < points; ++i)
    for (int64_t j = 0; j < size; ++j) {
      const double value = values[size_t(i * size + j)];
      x(i, j) = std::isfinite(value) ? value : 0;
    }
  x.rowwise() -= x.colwise().mean().eval();
  const double total = x.squaredNorm();
  if (!(total > 0))
    return result;
  // The smaller of X'X and XX' has all the directions.
  const bool few = points < size;
  Eigen::MatrixXd square = few ? Eigen::MatrixXd(x * x.transpose())
                               : Eigen::MatrixXd(x.transpose() * x);
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(square);
  const int64_t count = square.rows();
  for (int64_t k = 0; k < std::min<int64_t>(2, count); ++k) {
    const double variance = std::max(solver.eigenvalues()(count - 1 - k), 0.0);
    // Rounding is no direction.
    if (variance <= total * 1e-12)
      break;
    result.explained[k] = variance / total;
    Eigen::VectorXd direction = solver.eigenvectors().col(count - 1 - k);
    if (few)
      direction = (x.transpose() * direction).normalized();
    Eigen::Index largest = 0;
    direction.cwiseAbs().maxCoeff(&largest);
    if (direction(largest) < 0)
      direction = -direction;
    const Eigen::VectorXd places = x * direction;
    for (int64_t i = 0; i < points; ++i)
      result.places[size_t(i * 2 + k)] = places(i);
  }
  return result;
}

double driver::spectralRadius(std::span<const double> matrix, int64_t n) {
  Eigen::MatrixXd square(n, n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      square(i, j) = matrix[size_t(i * n + j)];
  if (n < 1)
    return 0;
  if (!square.allFinite())
    return std::nan("");
  Eigen::EigenSolver<Eigen::MatrixXd> solver(square, false);
  return solver.info() == Eigen::Success
             ? solver.eigenvalues().cwiseAbs().maxCoeff()
             : std::nan("");
}
