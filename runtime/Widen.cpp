//===- Widen.cpp - element types of files ---------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversion of stored elements to those of tensors.
//
//===----------------------------------------------------------------------===//
#include "runtime/Widen.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace rnnc::rt {

static_assert(std::endian::native == std::endian::little,
              "files are little endian and read as they are");

size_t storedSize(StoredType type) {
  switch (type) {
  case StoredType::F64:
  case StoredType::I64:
  case StoredType::U64:
    return 8;
  case StoredType::F32:
  case StoredType::I32:
  case StoredType::U32:
    return 4;
  case StoredType::F16:
  case StoredType::BF16:
  case StoredType::I16:
  case StoredType::U16:
    return 2;
  case StoredType::Bool:
  case StoredType::U8:
  case StoredType::I8:
    return 1;
  }
  return 1;
}

static DType widerType(StoredType type) {
  switch (type) {
  case StoredType::F64:
    return DType::F64;
  case StoredType::F32:
  case StoredType::F16:
  case StoredType::BF16:
    return DType::F32;
  case StoredType::I64:
  case StoredType::U32:
  case StoredType::U64:
    return DType::I64;
  case StoredType::Bool:
    return DType::Bool;
  case StoredType::I32:
  case StoredType::U8:
  case StoredType::I8:
  case StoredType::I16:
  case StoredType::U16:
    break;
  }
  return DType::I32;
}

/// An IEEE half: 1 sign bit, 5 exponent bits, 10 mantissa bits.
static float halfToFloat(uint16_t half) {
  const uint32_t sign = uint32_t(half & 0x8000) << 16;
  const uint32_t exponent = half >> 10 & 31, mantissa = half & 1023;
  if (exponent == 31)
    return std::bit_cast<float>(sign | 0x7f800000 | mantissa << 13);
  if (exponent == 0) {
    float value = std::ldexp(float(mantissa), -24);
    return sign ? -value : value;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

/// Copies elements of From through a function into a tensor of To.
template <class From, class To, class F>
static void convertAll(std::string_view bytes, Tensor &out, F function) {
  std::span<To> values = out.as<To>();
  for (size_t i = 0; i < values.size(); ++i) {
    From from;
    std::memcpy(&from, bytes.data() + i * sizeof(From), sizeof(From));
    values[i] = static_cast<To>(function(from));
  }
}

Result<Tensor> widen(StoredType type, std::vector<int64_t> shape,
                     std::string_view bytes) {
  std::optional<int64_t> count = elementCount(shape, storedSize(type));
  if (!count || uint64_t(*count) * storedSize(type) != bytes.size())
    return makeError("bad-shape", "shape " + shapeText(shape) +
                                      " does not fit " +
                                      std::to_string(bytes.size()) + " bytes");
  Result<Tensor> result = Tensor::create(widerType(type), std::move(shape));
  if (!result)
    return result;
  auto same = [](auto value) { return value; };
  switch (type) {
  case StoredType::F32:
  case StoredType::F64:
  case StoredType::I32:
  case StoredType::I64:
    std::memcpy(result->data(), bytes.data(), bytes.size());
    break;
  case StoredType::Bool:
    for (char byte : bytes)
      if (byte != 0 && byte != 1)
        return makeError("bad-value", "a bool is neither 0 nor 1");
    std::memcpy(result->data(), bytes.data(), bytes.size());
    break;
  case StoredType::F16:
    convertAll<uint16_t, float>(bytes, *result, halfToFloat);
    break;
  case StoredType::BF16:
    convertAll<uint16_t, float>(bytes, *result, [](uint16_t value) {
      return std::bit_cast<float>(uint32_t(value) << 16);
    });
    break;
  case StoredType::U8:
    convertAll<uint8_t, int32_t>(bytes, *result, same);
    break;
  case StoredType::I8:
    convertAll<int8_t, int32_t>(bytes, *result, same);
    break;
  case StoredType::I16:
    convertAll<int16_t, int32_t>(bytes, *result, same);
    break;
  case StoredType::U16:
    convertAll<uint16_t, int32_t>(bytes, *result, same);
    break;
  case StoredType::U32:
    convertAll<uint32_t, int64_t>(bytes, *result, same);
    break;
  case StoredType::U64:
    convertAll<uint64_t, int64_t>(bytes, *result, same);
    for (int64_t value : result->as<int64_t>())
      if (value < 0)
        return makeError("bad-value", "a number is above 2^63-1");
    break;
  }
  return result;
}

} // namespace rnnc::rt
