//===- Tensor.h - dense arrays of the host ----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The arrays that files are read into and that compiled code is called with:
// row major, dense, aligned to 64 bytes, owned.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_TENSOR_H
#define RNNC_RUNTIME_TENSOR_H

#include "runtime/Result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rnnc::rt {

/// The element types. Bool is one byte, 0 or 1.
enum class DType : uint8_t { F32, F64, I32, I64, Bool };

/// Bytes of one element.
size_t sizeOf(DType type);

/// "f32", "f64", "i32", "i64", "bool".
std::string_view nameOf(DType type);

/// The DType of a C++ type.
template <class T> constexpr DType dtypeOf();
template <> constexpr DType dtypeOf<float>() { return DType::F32; }
template <> constexpr DType dtypeOf<double>() { return DType::F64; }
template <> constexpr DType dtypeOf<int32_t>() { return DType::I32; }
template <> constexpr DType dtypeOf<int64_t>() { return DType::I64; }
template <> constexpr DType dtypeOf<uint8_t>() { return DType::Bool; }

/// "[64, 9]"; "[]" for a scalar.
std::string shapeText(std::span<const int64_t> shape);

/// The product of the extents, or nothing if one is negative or the product
/// times `elementSize` does not fit into 63 bits.
std::optional<int64_t> elementCount(std::span<const int64_t> shape,
                                    size_t elementSize = 1);

/// A dense row-major array that owns its memory. Copies are deep.
class Tensor {
public:
  /// An f32 array of shape [0].
  Tensor();
  /// Zeros. The shape must be valid and fit into memory: for shapes that come
  /// from files use `create`.
  Tensor(DType type, std::vector<int64_t> shape);
  Tensor(const Tensor &other);
  Tensor(Tensor &&other) noexcept;
  Tensor &operator=(Tensor other) noexcept;
  ~Tensor();

  /// Zeros of any shape; an error if it is not valid or memory is short.
  static Result<Tensor> create(DType type, std::vector<int64_t> shape);

  /// An array of these values. Fails an assertion if the counts differ.
  template <class T>
  static Tensor of(std::vector<int64_t> shape, std::span<const T> values) {
    Tensor result(dtypeOf<T>(), std::move(shape));
    assert(result.size() == static_cast<int64_t>(values.size()));
    for (size_t i = 0; i < values.size(); ++i)
      result.template as<T>()[i] = values[i];
    return result;
  }

  DType dtype() const { return type; }
  const std::vector<int64_t> &shape() const { return extents; }
  int64_t rank() const { return static_cast<int64_t>(extents.size()); }
  /// Number of elements.
  int64_t size() const { return count; }
  /// Number of bytes.
  int64_t bytes() const { return count * static_cast<int64_t>(sizeOf(type)); }

  /// The memory; never null, aligned to 64 bytes.
  void *data() { return memory; }
  const void *data() const { return memory; }

  /// The elements as T, which must be the C++ type of `dtype()`.
  template <class T> std::span<T> as() {
    assert(dtypeOf<T>() == type && "wrong element type");
    return {static_cast<T *>(memory), static_cast<size_t>(count)};
  }
  template <class T> std::span<const T> as() const {
    assert(dtypeOf<T>() == type && "wrong element type");
    return {static_cast<const T *>(memory), static_cast<size_t>(count)};
  }

  /// The raw bytes.
  std::span<std::byte> raw() {
    return {static_cast<std::byte *>(memory), static_cast<size_t>(bytes())};
  }
  std::span<const std::byte> raw() const {
    return {static_cast<const std::byte *>(memory),
            static_cast<size_t>(bytes())};
  }

  /// Element `index` (row major) as a double, whatever the type.
  double number(int64_t index) const;

  /// The same values in another type. Real to whole numbers must be exact and
  /// in range, i64 to i32 in range; else an error that names the element.
  Result<Tensor> convert(DType to) const;

  /// The same elements in another shape of the same size.
  Result<Tensor> reshape(std::vector<int64_t> shape) const;

private:
  /// Memory and where it lies.
  struct Place {
    void *memory = nullptr;
    bool onDisk = false;
  };
  Tensor(DType type, std::vector<int64_t> shape, int64_t count, Place place);
  /// Null memory if there is none; zeros on disk, anything else in memory.
  static Place allocate(int64_t bytes);

  DType type;
  std::vector<int64_t> extents;
  int64_t count;
  void *memory;
  bool onDisk = false;
};

/// While one lives, arrays that this thread makes and that have at least `limit`
/// bytes lie in files without a name in TMPDIR (else /var/tmp), mapped: data may
/// be larger than memory. The files are gone when the arrays are.
class LargeOnDisk {
public:
  explicit LargeOnDisk(int64_t limit = int64_t(256) << 20);
  ~LargeOnDisk();
  LargeOnDisk(const LargeOnDisk &) = delete;
  LargeOnDisk &operator=(const LargeOnDisk &) = delete;

private:
  int64_t before;
};

/// A tensor and its name.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_TENSOR_H
