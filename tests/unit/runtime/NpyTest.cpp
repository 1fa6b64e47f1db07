//===- NpyTest.cpp - arrays of NumPy --------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Round trips, both orders, and files that lie.
//
//===----------------------------------------------------------------------===//
#include "runtime/Npy.h"

#include "runtime/AtomicFile.h"
#include "tests/unit/runtime/TestFolder.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace rnnc::rt;

/// An .npy of version 1 with this dictionary and these data.
static std::string npyOf(const std::string &header, const std::string &data) {
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header + data;
}

static std::string dictionary(const std::string &descr,
                              const std::string &shape,
                              const std::string &order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order +
         ", 'shape': " + shape + ", }\n";
}

static std::string refusal(const std::string &bytes) {
  Result<Tensor> tensor = parseNpy(bytes, "x.npy");
  return tensor ? "accepted" : tensor.error().text();
}

TEST(Npy, RoundTrip) {
  for (std::vector<int64_t> shape :
       {std::vector<int64_t>{}, {3}, {2, 3}, {0, 4}, {1, 2, 3, 4}})
    for (DType type :
         {DType::F32, DType::F64, DType::I32, DType::I64, DType::Bool}) {
      Tensor tensor(type, shape);
      for (int64_t i = 0; i < tensor.bytes(); ++i)
        static_cast<uint8_t *>(tensor.data())[i] =
            type == DType::Bool ? i % 2 : static_cast<uint8_t>(7 * i + 1);
      std::string bytes = serialiseNpy(tensor);
      EXPECT_EQ((bytes.size() - static_cast<size_t>(tensor.bytes())) % 64, 0u);
      Result<Tensor> back = parseNpy(bytes, "x.npy");
      ASSERT_TRUE(back) << back.error().text();
      EXPECT_EQ(back->dtype(), type);
      EXPECT_EQ(back->shape(), shape);
      EXPECT_EQ(std::memcmp(back->data(), tensor.data(),
                            static_cast<size_t>(tensor.bytes())),
                0);
    }
}

TEST(Npy, HeaderIsAsNumpyWritesIt) {
  std::string bytes = serialiseNpy(Tensor(DType::F32, {3}));
  EXPECT_EQ(bytes.substr(10, 57),
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }");
}

TEST(Npy, FortranOrder) {
  // [[0, 1, 2], [3, 4, 5]] column by column.
  std::string data("\0\3\1\4\2\5", 6);
  Result<Tensor> tensor =
      parseNpy(npyOf(dictionary("|u1", "(2, 3)", "True"), data), "x");
  ASSERT_TRUE(tensor) << tensor.error().text();
  for (int64_t i = 0; i < 6; ++i)
    EXPECT_EQ(tensor->number(i), i);
  // Three axes: element (i, j, k) stands at i + 2 j + 6 k.
  std::string cube(24, '\0');
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 4; ++k)
        cube[static_cast<size_t>(i + 2 * j + 6 * k)] =
            static_cast<char>((i * 3 + j) * 4 + k);
  tensor = parseNpy(npyOf(dictionary("|i1", "(2, 3, 4)", "True"), cube), "x");
  ASSERT_TRUE(tensor);
  for (int64_t i = 0; i < 24; ++i)
    EXPECT_EQ(tensor->number(i), i);
  EXPECT_TRUE(parseNpy(npyOf(dictionary("|i1", "(2, 0)", "True"), ""), "x"));
}

TEST(Npy, OtherTypesAndVersions) {
  Result<Tensor> wide =
      parseNpy(npyOf(dictionary("<u4", "(1,)"), "\xff\xff\xff\xff"), "x");
  ASSERT_TRUE(wide);
  EXPECT_EQ(wide->dtype(), DType::I64);
  EXPECT_EQ(wide->number(0), 4294967295.0);
  std::string header = dictionary("<f4", "()");
  std::string two("\x93NUMPY\x02\x00", 8);
  two += static_cast<char>(header.size());
  two += std::string(3, '\0') + header + std::string(4, '\0');
  EXPECT_TRUE(parseNpy(two, "x"));
}

TEST(Npy, Refusals) {
  const std::string four(4, '\0');
  EXPECT_EQ(refusal("hello"),
            "x.npy: not an .npy file: it does not begin with \\x93NUMPY");
  EXPECT_EQ(refusal(npyOf(dictionary(">f4", "(1,)"), four)),
            "x.npy: element type '>f4' is big endian; only little endian is "
            "read");
  EXPECT_EQ(refusal(npyOf(dictionary("<c8", "(1,)"), four + four)),
            "x.npy: element type '<c8' is not known; expected f4, f8, i4, i8, "
            "b1 or a narrower one");
  EXPECT_EQ(refusal(npyOf(dictionary("|O", "(1,)"), four)),
            "x.npy: element type '|O' is not known; expected f4, f8, i4, i8, "
            "b1 or a narrower one");
  EXPECT_EQ(refusal(npyOf(dictionary("<f4", "(2,)"), four)),
            "x.npy: shape [2] of '<f4' needs 8 bytes of data, the file has 4");
  EXPECT_EQ(refusal(npyOf(dictionary("<f4", "(1,)"), four + four)),
            "x.npy: shape [1] of '<f4' needs 4 bytes of data, the file has 8");
  EXPECT_EQ(refusal(npyOf(dictionary("<f4", "(4611686018427387904, 4)"), four)),
            "x.npy: shape [4611686018427387904, 4] is not possible");
  EXPECT_EQ(refusal(npyOf(dictionary("|b1", "(4,)"), "\1\1\2\1")),
            "x.npy: a bool is neither 0 nor 1");
  EXPECT_EQ(refusal(npyOf(dictionary("<u8", "(1,)"), std::string(8, '\xff'))),
            "x.npy: a number is above 2^63-1");
  const std::string header = "x.npy: the header is not that of a single array";
  for (const char *text :
       {"", "{", "{'descr': '<f4'}", "{'descr': [('a', '<f4')], }",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': "
        "(99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} more"})
    EXPECT_EQ(refusal(npyOf(text, four)), header) << text;
}

TEST(Npy, TruncationAndDamage) {
  const float values[] = {1, 2, 3};
  std::string bytes = serialiseNpy(Tensor::of<float>({3}, values));
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(parseNpy(bytes.substr(0, size), "x")) << size;
  for (size_t at = 0; at < bytes.size(); ++at)
    for (int flip : {1, 0x80, 0xff}) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      (void)static_cast<bool>(parseNpy(damaged, "x"));
    }
}

static std::vector<NamedTensor> sampleArrays() {
  std::vector<float> ramp(1000);
  for (size_t i = 0; i < ramp.size(); ++i)
    ramp[i] = static_cast<float>(i % 10);
  const int32_t ids[] = {3, 1, 2};
  return {{"ramp", Tensor::of<float>({10, 100}, ramp)},
          {"ids", Tensor::of<int32_t>({3}, ids)},
          {"none", Tensor(DType::F64, {0})}};
}

TEST(Npz, RoundTrip) {
  TestFolder folder;
  std::vector<NamedTensor> arrays = sampleArrays();
  for (bool deflate : {false, true}) {
    ASSERT_TRUE(writeNpz(folder / "a.npz", arrays, deflate));
    Result<std::vector<NamedTensor>> back = readNpz(folder / "a.npz");
    ASSERT_TRUE(back) << back.error().text();
    ASSERT_EQ(back->size(), arrays.size());
    for (size_t i = 0; i < arrays.size(); ++i) {
      EXPECT_EQ((*back)[i].name, arrays[i].name);
      EXPECT_EQ((*back)[i].tensor.shape(), arrays[i].tensor.shape());
      EXPECT_EQ(std::memcmp((*back)[i].tensor.data(), arrays[i].tensor.data(),
                            static_cast<size_t>(arrays[i].tensor.bytes())),
                0);
    }
  }
  EXPECT_LT(readFile(folder / "a.npz")->size(), 2000u);
  Result<Tensor> one = readNpzArray(folder / "a.npz", "ids");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->number(0), 3);
  Result<Tensor> other = readNpzArray(folder / "a.npz", "x");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message, "no array 'x'; found 'ramp', 'ids', 'none'");
}

TEST(Npz, TruncationAndDamage) {
  TestFolder folder;
  for (bool deflate : {false, true}) {
    const int32_t ids[] = {3, 1, 2};
    std::vector<NamedTensor> arrays = {{"ids", Tensor::of<int32_t>({3}, ids)}};
    ASSERT_TRUE(writeNpz(folder / "a.npz", arrays, deflate));
    std::string bytes = *readFile(folder / "a.npz");
    for (size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(parseNpz(bytes.substr(0, size), "x")) << size;
    for (size_t at = 0; at < bytes.size(); ++at)
      for (int flip : {1, 0x80, 0xff}) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        Result<std::vector<NamedTensor>> read = parseNpz(damaged, "x");
        // The checksum guards the values; names and dates are not guarded.
        if (read && read->size() == 1) {
          EXPECT_EQ((*read)[0].tensor.number(0), 3);
        }
      }
  }
  EXPECT_EQ(parseNpz("PK", "a.npz").error().text(),
            "a.npz: not an .npz file, or cut short: it has no zip directory");
}

TEST(Npz, SizesThatLie) {
  TestFolder folder;
  std::vector<NamedTensor> arrays = sampleArrays();
  arrays.resize(1);
  ASSERT_TRUE(writeNpz(folder / "a.npz", arrays, true));
  std::string bytes = *readFile(folder / "a.npz");
  size_t entry = bytes.find("PK\x01\x02");
  ASSERT_NE(entry, std::string::npos);
  // The unpacked size in the directory: larger than deflate could ever give,
  // a little larger, and smaller.
  for (uint32_t size : {0xfffffff0u, 5000u, 10u}) {
    std::memcpy(bytes.data() + entry + 24, &size, 4);
    Result<std::vector<NamedTensor>> read = parseNpz(bytes, "a.npz");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().text(),
              "a.npz: 'ramp': its compressed data are damaged");
  }
}

/// Appends a little-endian number.
static void put(std::string &out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i)
    out += static_cast<char>(value >> (8 * i) & 0xff);
}

TEST(Npz, SixtyFourBitDirectory) {
  TestFolder folder;
  const int32_t ids[] = {3, 1, 2};
  std::vector<NamedTensor> arrays = {{"ids", Tensor::of<int32_t>({3}, ids)}};
  ASSERT_TRUE(writeNpz(folder / "a.npz", arrays, false));
  std::string bytes = *readFile(folder / "a.npz");
  const size_t begin = bytes.find("PK\x01\x02"), end = bytes.find("PK\x05\x06");
  std::string entry = bytes.substr(begin, end - begin);
  // Sizes move to the extension field: id 1, 16 bytes, unpacked and packed
  // size.
  std::string extra;
  put(extra, 1, 2);
  put(extra, 16, 2);
  extra += entry.substr(24, 4) + std::string(4, '\0');
  extra += entry.substr(20, 4) + std::string(4, '\0');
  entry.replace(20, 8, 8, '\xff');
  entry[30] = static_cast<char>(extra.size());
  entry += extra;
  std::string file = bytes.substr(0, begin) + entry;
  const size_t end64 = file.size();
  put(file, 0x06064b50, 4);
  put(file, 44, 8);
  put(file, 45 | 45 << 16, 4);
  put(file, 0, 8);
  put(file, 1, 8);
  put(file, 1, 8);
  put(file, entry.size(), 8);
  put(file, begin, 8);
  put(file, 0x07064b50, 4);
  put(file, 0, 4);
  put(file, end64, 8);
  put(file, 1, 4);
  put(file, 0x06054b50, 4);
  put(file, 0, 4);
  file += std::string(12, '\xff');
  put(file, 0, 2);
  Result<std::vector<NamedTensor>> read = parseNpz(file, "a.npz");
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ((*read)[0].tensor.number(0), 3);
  // An extension that is too short, and an end record far outside.
  std::string cut = file;
  cut[begin + 46 + 7 + 2] = 8;
  EXPECT_FALSE(parseNpz(cut, "a.npz"));
  std::string lost = file;
  lost[file.size() - 22 - 20 + 8 + 7] = '\x7f';
  EXPECT_EQ(parseNpz(lost, "a.npz").error().message,
            "not an .npz file, or cut short: it has no zip directory");
}

TEST(Npz, NamesThatOccurTwice) {
  TestFolder folder;
  std::vector<NamedTensor> arrays = {{"a", Tensor()}, {"a", Tensor()}};
  ASSERT_TRUE(writeNpz(folder / "a.npz", arrays));
  EXPECT_EQ(parseNpz(*readFile(folder / "a.npz"), "a.npz").error().text(),
            "a.npz: 'a' occurs twice");
}
