//===- TensorTest.cpp - arrays of the host --------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory, shapes and conversions.
//
//===----------------------------------------------------------------------===//
#include "runtime/Tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>

using namespace rnnc::rt;

TEST(Tensor, ZerosAndCopies) {
  Tensor a(DType::F32, {2, 3});
  EXPECT_EQ(a.size(), 6);
  EXPECT_EQ(a.bytes(), 24);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data()) % 64, 0u);
  for (float value : a.as<float>())
    EXPECT_EQ(value, 0);
  a.as<float>()[4] = 7;
  Tensor b = a;
  b.as<float>()[4] = 8;
  EXPECT_EQ(a.as<float>()[4], 7);
  Tensor c = std::move(b);
  EXPECT_EQ(c.number(4), 8);
  b = c;
  EXPECT_EQ(b.shape(), (std::vector<int64_t>{2, 3}));
  Tensor scalar(DType::F64, {});
  EXPECT_EQ(scalar.size(), 1);
  EXPECT_EQ(shapeText(scalar.shape()), "[]");
  EXPECT_EQ(shapeText(a.shape()), "[2, 3]");
  EXPECT_EQ(Tensor().size(), 0);
}

TEST(Tensor, ImpossibleShapes) {
  const int64_t huge = int64_t(1) << 62;
  for (std::vector<int64_t> shape :
       {std::vector<int64_t>{-1}, {huge, huge}, {huge, huge, 0}, {huge}})
    EXPECT_FALSE(Tensor::create(DType::F32, shape)) << shapeText(shape);
  Result<Tensor> tooBig = Tensor::create(DType::F64, {int64_t(1) << 59});
  ASSERT_FALSE(tooBig);
  EXPECT_EQ(tooBig.error().message,
            "no memory for a tensor of shape [576460752303423488]");
  EXPECT_TRUE(Tensor::create(DType::F32, {0, 5}));
}

TEST(Tensor, Conversions) {
  const double values[] = {0, 1, -3, 2147483647.0};
  Tensor a = Tensor::of<double>({4}, values);
  Result<Tensor> ints = a.convert(DType::I32);
  ASSERT_TRUE(ints);
  EXPECT_EQ(ints->as<int32_t>()[3], 2147483647);
  EXPECT_EQ(ints->as<int32_t>()[2], -3);
  Result<Tensor> bools = a.convert(DType::Bool);
  ASSERT_FALSE(bools);
  EXPECT_EQ(bools.error().message, "element 2 is -3.000000, which is no bool");
  for (double bad : {2147483648.0, 0.5, std::nan(""),
                     std::numeric_limits<double>::infinity()}) {
    Tensor b = Tensor::of<double>({1}, std::span(&bad, 1));
    EXPECT_FALSE(b.convert(DType::I32)) << bad;
  }
  const int64_t large = int64_t(1) << 40;
  EXPECT_FALSE(
      Tensor::of<int64_t>({1}, std::span(&large, 1)).convert(DType::I32));
}

TEST(Tensor, Reshape) {
  Tensor a(DType::I32, {2, 3});
  Result<Tensor> b = a.reshape({3, 2});
  ASSERT_TRUE(b);
  EXPECT_EQ(b->shape(), (std::vector<int64_t>{3, 2}));
  Result<Tensor> c = a.reshape({4});
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().message, "shape [2, 3] cannot be read as [4]");
}

// Large arrays lie in files: the limit on memory of the process does not hold
// for them, and values are those of arrays in memory.
TEST(Tensor, LargeOnDisk) {
  const int64_t count = 1 << 20;
  auto dataBytes = [] {
    // VmData: private memory that can be written, which files are not.
    std::ifstream status("/proc/self/status");
    std::string word;
    int64_t kilobytes = 0;
    while (status >> word)
      if (word == "VmData:")
        status >> kilobytes;
    return kilobytes * 1024;
  };
  const int64_t before = dataBytes();
  {
    LargeOnDisk large(1024);
    Result<Tensor> a = Tensor::create(DType::F64, {count});
    ASSERT_TRUE(a);
    EXPECT_EQ(a->as<double>()[count - 1], 0);
    for (int64_t i = 0; i < count; ++i)
      a->as<double>()[size_t(i)] = double(i);
    Tensor b = *a, c;
    c = std::move(b);
    Result<Tensor> ints = c.convert(DType::I32);
    ASSERT_TRUE(ints);
    EXPECT_EQ(ints->as<int32_t>()[count - 1], count - 1);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(ints->data()) % 64, 0u);
    EXPECT_LT(dataBytes() - before, count);
    Tensor small(DType::F32, {4});
    EXPECT_EQ(small.as<float>()[3], 0);
    c = small;
    EXPECT_EQ(c.shape(), (std::vector<int64_t>{4}));
  }
  Tensor plain(DType::F64, {count});
  EXPECT_GT(dataBytes() - before, count);
  ::setenv("TMPDIR", "/nowhere", 1);
  {
    LargeOnDisk large(1024);
    Result<Tensor> none = Tensor::create(DType::F64, {count});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().message,
              "no room on disk for a tensor of shape [1048576]");
  }
  ::unsetenv("TMPDIR");
}
