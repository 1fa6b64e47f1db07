//===- PrincipalTest.cpp - principal components, spectral radius ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Principal.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace rnnc::driver;

// Points (u, v, 0) seen in a turned frame: the coordinates come back, the
// larger spread first, whichever of X'X and XX' is smaller.
TEST(PrincipalTest, FindsThePlane) {
  const double u[] = {-3, -1, 0, 1, 3}, v[] = {1, -0.5, -1, -0.5, 1};
  // sum u v = 0, so u and v are the components; variances 20 and 3.5.
  const double a = 0.6, b = 0.8;
  for (int64_t size : {3, 7}) {
    std::vector<double> values;
    for (int i = 0; i < 5; ++i) {
      std::vector<double> row(size_t(size), 5.0); // a constant is no variance
      row[0] += a * u[i] - b * v[i];
      row[1] += b * u[i] + a * v[i];
      values.insert(values.end(), row.begin(), row.end());
    }
    const Principal found = principalComponents(values, 5, size);
    EXPECT_NEAR(found.explained[0], 20 / 23.5, 1e-12);
    EXPECT_NEAR(found.explained[1], 3.5 / 23.5, 1e-12);
    for (int i = 0; i < 5; ++i) {
      EXPECT_NEAR(found.places[size_t(2 * i)], u[i], 1e-12);
      // The largest entry of (-b, a) is made positive: the sign turns.
      EXPECT_NEAR(found.places[size_t(2 * i + 1)], -v[i], 1e-12);
    }
  }
}

TEST(PrincipalTest, HasNoDirectionWithoutVariance) {
  const Principal same = principalComponents(std::vector<double>(6, 2.5), 3, 2);
  EXPECT_EQ(same.places, std::vector<double>(6, 0));
  EXPECT_EQ(same.explained[0], 0);
  // On a line there is one.
  const Principal line =
      principalComponents(std::vector<double>{0, 0, 3, 4, 6, 8}, 3, 2);
  EXPECT_NEAR(line.explained[0], 1, 1e-12);
  EXPECT_EQ(line.explained[1], 0);
  EXPECT_NEAR(line.places[0], -5, 1e-12);
  EXPECT_NEAR(line.places[4], 5, 1e-12);
}

TEST(PrincipalTest, FindsTheSpectralRadius) {
  // A turn by any angle times 0.9: both eigenvalues have that size.
  const double c = 0.9 * std::cos(1.0), s = 0.9 * std::sin(1.0);
  EXPECT_NEAR(spectralRadius(std::vector<double>{c, -s, s, c}, 2), 0.9, 1e-12);
  // A triangle has its eigenvalues on the diagonal, a nilpotent one none.
  EXPECT_NEAR(spectralRadius(std::vector<double>{0.5, 100, 0, -0.75}, 2), 0.75,
              1e-12);
  EXPECT_NEAR(spectralRadius(std::vector<double>{0, 1, 0, 0}, 2), 0, 1e-7);
  EXPECT_TRUE(std::isnan(spectralRadius(std::vector<double>{std::nan("")}, 1)));
}
