//===- PhiloxTest.cpp - random numbers ------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Against the published vectors, and the addressing of draws.
//
//===----------------------------------------------------------------------===//
#include "rnnrt/philox.h"

#include <gtest/gtest.h>

#include <cmath>

static void expectWords(rnnrt_philox4 found, uint32_t a, uint32_t b, uint32_t c,
                        uint32_t d) {
  EXPECT_EQ(found.lane[0], a);
  EXPECT_EQ(found.lane[1], b);
  EXPECT_EQ(found.lane[2], c);
  EXPECT_EQ(found.lane[3], d);
}

// The vectors that Random123 publishes in kat_vectors for philox4x32 10.
TEST(Philox, KnownAnswers) {
  expectWords(rnnrt_philox4x32_10(0, 0, 0, 0, 0, 0), 0x6627e8d5, 0xe169c58d,
              0xbc57ac4c, 0x9b00dbd8);
  expectWords(rnnrt_philox4x32_10(0xffffffff, 0xffffffff, 0xffffffff,
                                  0xffffffff, 0xffffffff, 0xffffffff),
              0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
  expectWords(rnnrt_philox4x32_10(0x243f6a88, 0x85a308d3, 0x13198a2e,
                                  0x03707344, 0xa4093822, 0x299f31d0),
              0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
}

TEST(Philox, AddressOfADraw) {
  const int64_t key = static_cast<int64_t>(0xfedcba9876543210u);
  rnnrt_philox4 expected =
      rnnrt_philox4x32_10(0x00000007, 0x00000001, 3, 5, 0x76543210, 0xfedcba98);
  rnnrt_philox4 found = rnnrt_draw(key, 3, 5, 0x100000007u);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(found.lane[i], expected.lane[i]);
    EXPECT_EQ(rnnrt_uniform(key, 3, 5, 4 * 0x100000007u + i),
              (expected.lane[i] >> 8) / 16777216.0);
  }
}

TEST(Philox, UniformIsTheSameInBothPrecisions) {
  for (uint64_t i = 0; i < 1000; ++i) {
    double value = rnnrt_uniform(1, 0, 0, i);
    EXPECT_GE(value, 0);
    EXPECT_LT(value, 1);
    EXPECT_EQ(static_cast<double>(static_cast<float>(value)), value);
  }
}

TEST(Philox, NormalPairsLanes) {
  for (uint64_t i = 0; i < 100; i += 2) {
    double u0 = rnnrt_uniform(9, 2, 1, i), u1 = rnnrt_uniform(9, 2, 1, i + 1);
    double r = std::sqrt(-2 * std::log(1 - u0)), a = 2 * M_PI * u1;
    EXPECT_DOUBLE_EQ(rnnrt_normal(9, 2, 1, i), r * std::cos(a));
    EXPECT_DOUBLE_EQ(rnnrt_normal(9, 2, 1, i + 1), r * std::sin(a));
  }
}

// Four at a time are the same bits as one by one, wherever the block lies.
TEST(Philox, BlocksOfFour) {
  for (uint64_t block : {0ull, 1ull, 77ull, 0x40000000ull, 0x123456789ull}) {
    double uniforms[4], normals[4];
    rnnrt_uniforms(-5, 2, 3, block, uniforms);
    rnnrt_normals(-5, 2, 3, block, normals);
    for (uint64_t i = 0; i < 4; ++i) {
      EXPECT_EQ(uniforms[i], rnnrt_uniform(-5, 2, 3, 4 * block + i));
      EXPECT_EQ(normals[i], rnnrt_normal(-5, 2, 3, 4 * block + i));
    }
  }
}

TEST(Philox, NormalMoments) {
  double sum = 0, squares = 0;
  const int count = 100000;
  for (int i = 0; i < count; ++i) {
    double value = rnnrt_normal(4, 0, 0, i);
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / count, 0, 0.01);
  EXPECT_NEAR(squares / count, 1, 0.02);
}

TEST(Philox, BelowIsInRangeAndEven) {
  int counts[6] = {};
  for (uint64_t i = 0; i < 60000; ++i) {
    uint64_t value = rnnrt_below(3, 1, 0, i, 6);
    ASSERT_LT(value, 6u);
    ++counts[value];
  }
  for (int count : counts)
    EXPECT_NEAR(count, 10000, 400);
  // The upper half of a product of 64 by 64 bits.
  for (uint64_t bound : {uint64_t(1), ~uint64_t(0), uint64_t(1) << 40}) {
    rnnrt_philox4 words = rnnrt_draw(3, 1, 0, 8);
    uint64_t bits = words.lane[2] | uint64_t(words.lane[3]) << 32;
    unsigned __int128 product = (unsigned __int128)bits * bound;
    EXPECT_EQ(rnnrt_below(3, 1, 0, 17, bound), uint64_t(product >> 64));
  }
}
