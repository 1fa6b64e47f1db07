//===- Array.h - Arrays of the reference interpreter ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A dense array with its element type and shape: the value of one SSA value.
// Scalars are arrays of rank 0.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_RNN_INTERPRETER_ARRAY_H
#define RNNC_DIALECTS_RNN_INTERPRETER_ARRAY_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rnnc::rnn {

/// Element types. An i1 is one byte, 0 or 1; an index is an int64_t.
enum class DType : uint8_t { F32, F64, I32, I64, I1, Index };

/// Bytes of one element.
size_t sizeOf(DType type);
/// "f32", "f64", "i32", "i64", "i1", "index".
llvm::StringRef nameOf(DType type);
/// The DType of a scalar type or of the elements of a tensor type; an error if
/// the interpreter has no such type.
llvm::Expected<DType> dtypeOf(mlir::Type type);

/// A row-major array that owns its elements.
struct Array {
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  /// The elements, sizeOf(dtype) bytes each.
  std::vector<std::byte> data;

  /// Zeros.
  static Array zeros(DType dtype, llvm::ArrayRef<int64_t> shape);
  /// These values; their number must be that of the shape.
  template <class T>
  static Array of(DType dtype, llvm::ArrayRef<int64_t> shape,
                  llvm::ArrayRef<T> values) {
    Array result = zeros(dtype, shape);
    assert(result.size() == static_cast<int64_t>(values.size()));
    llvm::copy(values, result.as<T>().begin());
    return result;
  }
  /// Real numbers rounded to `dtype` (F32 or F64).
  static Array reals(DType dtype, llvm::ArrayRef<int64_t> shape,
                     llvm::ArrayRef<double> values);
  /// A scalar.
  static Array index(int64_t value);
  static Array key(int64_t value);
  static Array real(DType dtype, double value);

  /// Number of elements.
  int64_t size() const {
    return static_cast<int64_t>(data.size() / sizeOf(dtype));
  }
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  bool isReal() const { return dtype == DType::F32 || dtype == DType::F64; }
  /// Number of elements between two neighbours along `axis`.
  int64_t stride(int64_t axis) const;

  /// The elements as T, which must be the C++ type of `dtype`.
  template <class T> llvm::MutableArrayRef<T> as() {
    assert(sizeof(T) == sizeOf(dtype));
    return {reinterpret_cast<T *>(data.data()), static_cast<size_t>(size())};
  }
  template <class T> llvm::ArrayRef<T> as() const {
    assert(sizeof(T) == sizeOf(dtype));
    return {reinterpret_cast<const T *>(data.data()),
            static_cast<size_t>(size())};
  }
  /// Element `i` (row major) as a double or an integer, whatever the type.
  double number(int64_t i) const;
  int64_t integer(int64_t i) const;
  /// Sets element `i` of a real array.
  void set(int64_t i, double value);
};

/// "[3, 4]".
std::string shapeText(llvm::ArrayRef<int64_t> shape);

/// Calls `f` with a zero of the C++ type of `dtype`, which is a real type.
template <class F> auto withReal(DType dtype, F &&f) {
  if (dtype == DType::F64)
    return f(double());
  assert(dtype == DType::F32);
  return f(float());
}

/// Calls `f` with a zero of the C++ type of `dtype`.
template <class F> auto withType(DType dtype, F &&f) {
  switch (dtype) {
  case DType::F32:
    return f(float());
  case DType::F64:
    return f(double());
  case DType::I32:
    return f(int32_t());
  case DType::I1:
    return f(uint8_t());
  case DType::I64:
  case DType::Index:
    break;
  }
  return f(int64_t());
}

} // namespace rnnc::rnn

#endif
