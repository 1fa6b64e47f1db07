//===- SafetensorsTest.cpp - weights in files -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Round trips, and files that lie.
//
//===----------------------------------------------------------------------===//
#include "runtime/Safetensors.h"

#include "tests/unit/runtime/TestFolder.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace rnnc::rt;

/// A file of this header and so many zero bytes of data.
static std::string fileOf(const std::string &header, size_t data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i)
    bytes += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return bytes + header + std::string(data, '\0');
}

/// The message for a file that must be refused.
static std::string refusal(const std::string &bytes) {
  Result<TensorFile> file = parseSafetensors(bytes, "w.safetensors");
  return file ? "accepted" : file.error().text();
}

static TensorFile sample() {
  TensorFile file;
  const float weights[] = {1, -2, 3.5f, 0, 1e-30f, 7};
  const int64_t count[] = {1234567890123};
  const uint8_t flags[] = {1, 0, 1};
  file.add("cell.W", Tensor::of<float>({2, 3}, weights));
  file.add("n", Tensor::of<int64_t>({}, count));
  file.add("flags", Tensor::of<uint8_t>({3}, flags));
  file.add("none", Tensor(DType::F64, {0, 4}));
  file.metadata["a"] = "\"quoted\" and \xc3\xa9";
  return file;
}

TEST(Safetensors, RoundTrip) {
  TestFolder folder;
  TensorFile file = sample();
  ASSERT_TRUE(writeSafetensors(folder / "w.safetensors", file));
  Result<TensorFile> back = readSafetensors(folder / "w.safetensors");
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->metadata, file.metadata);
  ASSERT_EQ(back->tensors.size(), file.tensors.size());
  for (const NamedTensor &entry : file.tensors) {
    const Tensor *found = back->find(entry.name);
    ASSERT_NE(found, nullptr) << entry.name;
    EXPECT_EQ(found->dtype(), entry.tensor.dtype());
    EXPECT_EQ(found->shape(), entry.tensor.shape());
    EXPECT_EQ(std::memcmp(found->data(), entry.tensor.data(),
                          static_cast<size_t>(entry.tensor.bytes())),
              0);
  }
  EXPECT_EQ(back->find("other"), nullptr);
}

TEST(Safetensors, EmptyFileOfNothing) {
  Result<std::string> bytes = serialiseSafetensors({});
  ASSERT_TRUE(bytes);
  Result<TensorFile> back = parseSafetensors(*bytes, "w");
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->tensors.empty());
}

TEST(Safetensors, EveryTruncationIsRefused) {
  std::string bytes = *serialiseSafetensors(sample());
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(parseSafetensors(bytes.substr(0, size), "w")) << size;
  EXPECT_FALSE(parseSafetensors(bytes + "x", "w"));
}

TEST(Safetensors, EveryDamagedByteIsRefusedOrRead) {
  // Nothing may crash; the sanitizers watch.
  const std::string bytes = *serialiseSafetensors(sample());
  for (size_t at = 0; at < bytes.size(); ++at)
    for (char flip : {char(0x01), char(0x80), char(0xff)}) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      (void)static_cast<bool>(parseSafetensors(damaged, "w"));
    }
}

TEST(Safetensors, NarrowTypesAreWidened) {
  std::string bytes =
      fileOf(R"({"h":{"dtype":"F16","shape":[4],"data_offsets":[0,8]},)"
             R"("b":{"dtype":"BF16","shape":[1],"data_offsets":[8,10]},)"
             R"("u":{"dtype":"U16","shape":[1],"data_offsets":[10,12]}})",
             12);
  const uint16_t words[] = {0x3c00, 0xc100, 0x0001, 0x7c00, 0x3fc0, 65535};
  std::memcpy(bytes.data() + bytes.size() - 12, words, 12);
  Result<TensorFile> file = parseSafetensors(bytes, "w");
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->find("h")->number(0), 1);
  EXPECT_EQ(file->find("h")->number(1), -2.5);
  EXPECT_EQ(file->find("h")->number(2), 0x1p-24);
  EXPECT_TRUE(file->find("h")->number(3) > 1e300);
  EXPECT_EQ(file->find("b")->number(0), 1.5);
  EXPECT_EQ(file->find("u")->dtype(), DType::I32);
  EXPECT_EQ(file->find("u")->number(0), 65535);
}

TEST(Safetensors, Refusals) {
  EXPECT_EQ(refusal(""),
            "w.safetensors: not a safetensors file: 0 bytes, at least 8 are "
            "needed");
  EXPECT_EQ(refusal(std::string(8, '\xff')),
            "w.safetensors: not a safetensors file, or cut short: the header "
            "has 18446744073709551615 bytes, the file 8");
  EXPECT_EQ(refusal(fileOf("[]", 0)),
            "w.safetensors: the header of the safetensors file is not a JSON "
            "object");
  EXPECT_EQ(refusal(fileOf("{\"a\": ", 0)),
            "w.safetensors: the header of the safetensors file is not a JSON "
            "object");
  EXPECT_EQ(refusal(fileOf(std::string(100000, '['), 0)),
            "w.safetensors: the header of the safetensors file is not a JSON "
            "object");
  EXPECT_EQ(refusal(fileOf(R"({"a":{"dtype":"F32","shape":[1],)"
                           R"("data_offsets":[0,4]},"a":{"dtype":"F32",)"
                           R"("shape":[1],"data_offsets":[0,4]}})",
                           4)),
            "w.safetensors: 'a' occurs twice in the header");
  EXPECT_EQ(refusal(fileOf(R"({"__metadata__":{"a":1}})", 0)),
            "w.safetensors: '__metadata__' has a value that is not text: 'a'");
  struct {
    const char *entry, *message;
  } cases[] = {
      {"7", "expected an object with dtype, shape and data_offsets"},
      {R"({"shape":[1],"data_offsets":[0,4]})", "no dtype"},
      {R"({"dtype":"C64","shape":[1],"data_offsets":[0,4]})",
       "dtype 'C64' is not known"},
      {R"({"dtype":"F32","data_offsets":[0,4]})", "no shape"},
      {R"({"dtype":"F32","shape":[1]})", "no data_offsets"},
      {R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})",
       "the shape has an extent that is no whole number"},
      {R"({"dtype":"F32","shape":[1.5],"data_offsets":[0,4]})",
       "the shape has an extent that is no whole number"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})",
       "data_offsets are not two rising whole numbers"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999]})",
       "data_offsets are not two rising whole numbers"},
      {R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})",
       "data end at byte 8, the file has 4 bytes of data"},
      {R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})",
       "shape [2] of F32 does not fit 4 bytes"},
      {R"({"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]})",
       "shape [4611686018427387904, 4] of F32 does not fit 4 bytes"}};
  for (const auto &[entry, message] : cases)
    EXPECT_EQ(refusal(fileOf("{\"Wi\":" + std::string(entry) + "}", 4)),
              "w.safetensors: 'Wi': " + std::string(message));
}

TEST(Safetensors, OverlapsAndHoles) {
  auto two = [](const char *first, const char *second, size_t data) {
    return refusal(
        fileOf(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" +
                   std::string(first) +
                   R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" +
                   second + "}}",
               data));
  };
  EXPECT_EQ(two("[0,4]", "[4,8]", 8), "accepted");
  EXPECT_EQ(two("[0,4]", "[2,6]", 8), "w.safetensors: 'b' overlaps 'a'");
  EXPECT_EQ(two("[0,4]", "[8,12]", 12),
            "w.safetensors: bytes 4 to 8 of the data belong to no tensor");
  EXPECT_EQ(two("[0,4]", "[4,8]", 12),
            "w.safetensors: the tensors have 8 bytes, the file has 12 bytes of "
            "data");
}

TEST(Safetensors, NamesThatCannotBeWritten) {
  TensorFile twice;
  twice.add("a", Tensor());
  twice.add("a", Tensor());
  EXPECT_EQ(serialiseSafetensors(twice).error().message,
            "a tensor cannot be named 'a': the name is taken");
  TensorFile bytes;
  bytes.add("\xff", Tensor());
  EXPECT_FALSE(serialiseSafetensors(bytes));
}
