//===- Array.cpp - Arrays of the reference interpreter --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/Interpreter/Array.h"
#include "llvm/Support/raw_ostream.h"

using namespace rnnc::rnn;

size_t rnnc::rnn::sizeOf(DType type) {
  return withType(type, [](auto zero) { return sizeof(zero); });
}

llvm::StringRef rnnc::rnn::nameOf(DType type) {
  static constexpr llvm::StringLiteral names[] = {"f32", "f64", "i32",
                                                  "i64", "i1",  "index"};
  return names[static_cast<size_t>(type)];
}

llvm::Expected<DType> rnnc::rnn::dtypeOf(mlir::Type type) {
  mlir::Type element = mlir::getElementTypeOrSelf(type);
  if (element.isF32())
    return DType::F32;
  if (element.isF64())
    return DType::F64;
  if (element.isInteger(32))
    return DType::I32;
  if (element.isInteger(64))
    return DType::I64;
  if (element.isInteger(1))
    return DType::I1;
  if (element.isIndex())
    return DType::Index;
  std::string text;
  llvm::raw_string_ostream(text) << "no arrays of " << element;
  return llvm::createStringError(text);
}

Array Array::zeros(DType dtype, llvm::ArrayRef<int64_t> shape) {
  Array result;
  result.dtype = dtype;
  result.shape.assign(shape.begin(), shape.end());
  size_t count = 1;
  for (int64_t extent : shape)
    count *= static_cast<size_t>(extent);
  result.data.resize(count * sizeOf(dtype));
  return result;
}

Array Array::reals(DType dtype, llvm::ArrayRef<int64_t> shape,
                   llvm::ArrayRef<double> values) {
  Array result = zeros(dtype, shape);
  assert(result.size() == static_cast<int64_t>(values.size()));
  for (auto [i, value] : llvm::enumerate(values))
    result.set(i, value);
  return result;
}

Array Array::index(int64_t value) {
  return of<int64_t>(DType::Index, {}, value);
}
Array Array::key(int64_t value) { return of<int64_t>(DType::I64, {}, value); }
Array Array::real(DType dtype, double value) { return reals(dtype, {}, value); }

int64_t Array::stride(int64_t axis) const {
  int64_t result = 1;
  for (int64_t i = axis + 1; i < rank(); ++i)
    result *= shape[i];
  return result;
}

double Array::number(int64_t i) const {
  return withType(dtype, [&](auto zero) {
    return static_cast<double>(as<decltype(zero)>()[i]);
  });
}

int64_t Array::integer(int64_t i) const {
  assert(!isReal());
  return withType(dtype, [&](auto zero) {
    return static_cast<int64_t>(as<decltype(zero)>()[i]);
  });
}

void Array::set(int64_t i, double value) {
  withReal(dtype, [&](auto zero) {
    using T = decltype(zero);
    as<T>()[i] = static_cast<T>(value);
  });
}

std::string rnnc::rnn::shapeText(llvm::ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << '[';
  llvm::interleaveComma(shape, out);
  out << ']';
  return text;
}
