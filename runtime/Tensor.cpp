//===- Tensor.cpp - dense arrays of the host ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory, copies and conversions of tensors.
//
//===----------------------------------------------------------------------===//
#include "runtime/Tensor.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <new>
#include <sys/mman.h>
#include <type_traits>
#include <unistd.h>
#include <utility>

namespace rnnc::rt {

static constexpr std::align_val_t alignment{64};

size_t sizeOf(DType type) {
  switch (type) {
  case DType::F32:
  case DType::I32:
    return 4;
  case DType::F64:
  case DType::I64:
    return 8;
  case DType::Bool:
    return 1;
  }
  return 0;
}

std::string_view nameOf(DType type) {
  switch (type) {
  case DType::F32:
    return "f32";
  case DType::F64:
    return "f64";
  case DType::I32:
    return "i32";
  case DType::I64:
    return "i64";
  case DType::Bool:
    return "bool";
  }
  return "";
}

std::string shapeText(std::span<const int64_t> shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + "]";
}

std::optional<int64_t> elementCount(std::span<const int64_t> shape,
                                    size_t elementSize) {
  // A zero extent must not hide an overflow of the others: [2^62, 2^62, 0] is
  // refused, since strides are computed from it.
  int64_t strideProduct = static_cast<int64_t>(elementSize), count = 1;
  for (int64_t extent : shape) {
    if (extent < 0)
      return std::nullopt;
    if (__builtin_mul_overflow(strideProduct, std::max<int64_t>(extent, 1),
                               &strideProduct))
      return std::nullopt;
    count *= extent;
  }
  return count;
}

/// From how many bytes on arrays of this thread go to disk.
static thread_local int64_t diskFrom = std::numeric_limits<int64_t>::max();

LargeOnDisk::LargeOnDisk(int64_t limit)
    : before(std::exchange(diskFrom, limit)) {}

LargeOnDisk::~LargeOnDisk() { diskFrom = before; }

/// Whole cache lines, so that vector code may read a full last line.
static size_t roundedUp(int64_t bytes) {
  return (static_cast<size_t>(bytes) + 64) / 64 * 64;
}

/// Zeros in a file that nobody else sees; null if the disk is short.
static void *mapNew(size_t bytes) {
  const char *given = std::getenv("TMPDIR");
  // Not /tmp, which often is memory.
  std::string name = std::string(given && *given ? given : "/var/tmp") +
                     "/rnnc-data-XXXXXX";
  int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0)
    return nullptr;
  ::unlink(name.c_str());
  // The room is taken now: a full disk later would end the program.
  void *memory = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes)) == 0
                     ? ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_SHARED, fd, 0)
                     : MAP_FAILED;
  ::close(fd);
  return memory == MAP_FAILED ? nullptr : memory;
}

Tensor::Place Tensor::allocate(int64_t bytes) {
  if (bytes >= diskFrom)
    return {mapNew(roundedUp(bytes)), true};
  return {::operator new(roundedUp(bytes), alignment, std::nothrow), false};
}

Tensor::Tensor(DType type, std::vector<int64_t> shape, int64_t count,
               Place place)
    : type(type), extents(std::move(shape)), count(count),
      memory(place.memory), onDisk(place.onDisk) {}

Tensor::Tensor() : Tensor(DType::F32, {0}) {}

Tensor::Tensor(DType type, std::vector<int64_t> shape)
    : type(type), extents(std::move(shape)) {
  std::optional<int64_t> elements = elementCount(extents, sizeOf(type));
  assert(elements && "not a valid shape");
  count = elements.value_or(0);
  Place place = allocate(bytes());
  memory = place.memory;
  onDisk = place.onDisk;
  if (!memory)
    throw std::bad_alloc();
  if (!onDisk)
    std::memset(memory, 0, bytes());
}

Tensor::Tensor(const Tensor &other)
    : Tensor(other.type, other.extents, other.count,
             allocate(other.bytes())) {
  if (!memory)
    throw std::bad_alloc();
  std::memcpy(memory, other.memory, other.bytes());
}

Tensor::Tensor(Tensor &&other) noexcept
    : type(other.type), extents(std::move(other.extents)), count(other.count),
      memory(other.memory), onDisk(other.onDisk) {
  // What was moved from is empty and may only be assigned or destroyed.
  other.extents = {};
  other.count = 0;
  other.memory = nullptr;
}

Tensor &Tensor::operator=(Tensor other) noexcept {
  std::swap(type, other.type);
  std::swap(extents, other.extents);
  std::swap(count, other.count);
  std::swap(memory, other.memory);
  std::swap(onDisk, other.onDisk);
  return *this;
}

Tensor::~Tensor() {
  if (!onDisk)
    ::operator delete(memory, alignment);
  else if (memory)
    ::munmap(memory, roundedUp(bytes()));
}

/// The bytes of memory of this machine.
static int64_t machineMemory() {
  static const int64_t bytes =
      int64_t(sysconf(_SC_PHYS_PAGES)) * int64_t(sysconf(_SC_PAGESIZE));
  return bytes;
}

Result<Tensor> Tensor::create(DType type, std::vector<int64_t> shape) {
  std::optional<int64_t> count = elementCount(shape, sizeOf(type));
  if (!count)
    return makeError("bad-shape",
                     "shape " + shapeText(shape) + " is not possible");
  // More than the machine has is refused here: the system would grant it and
  // end the program when the memory is used.
  int64_t bytes = *count * static_cast<int64_t>(sizeOf(type));
  bool disk = bytes >= diskFrom;
  Place place = disk || bytes <= machineMemory() ? allocate(bytes) : Place();
  if (!place.memory && disk)
    return makeError("no-memory",
                     "no room on disk for a tensor of shape " +
                         shapeText(shape),
                     "set TMPDIR to a folder with room");
  if (!place.memory)
    return makeError("no-memory",
                     "no memory for a tensor of shape " + shapeText(shape));
  if (!disk)
    std::memset(place.memory, 0, bytes);
  return Tensor(type, std::move(shape), *count, place);
}

/// Calls `function` with a null pointer of the C++ type of a DType.
template <class F> static auto dispatch(DType type, F function) {
  switch (type) {
  case DType::F32:
    return function(static_cast<float *>(nullptr));
  case DType::F64:
    return function(static_cast<double *>(nullptr));
  case DType::I32:
    return function(static_cast<int32_t *>(nullptr));
  case DType::I64:
    return function(static_cast<int64_t *>(nullptr));
  case DType::Bool:
    break;
  }
  return function(static_cast<uint8_t *>(nullptr));
}

double Tensor::number(int64_t index) const {
  return dispatch(type, [&](auto *null) {
    using T = std::remove_pointer_t<decltype(null)>;
    return static_cast<double>(as<T>()[index]);
  });
}

/// Whether a value can be a To without being another number.
template <class To, class From> static bool fits(From value) {
  if constexpr (std::is_floating_point_v<To>) {
    return true;
  } else if constexpr (std::is_same_v<To, uint8_t>) {
    return value == From(0) || value == From(1);
  } else if constexpr (std::is_floating_point_v<From>) {
    // 2^31 or 2^63 is exact in both types; NaN fails the comparison.
    constexpr From bound =
        static_cast<From>(uint64_t(1) << (8 * sizeof(To) - 1));
    return value >= -bound && value < bound && std::trunc(value) == value;
  } else {
    return static_cast<From>(static_cast<To>(value)) == value;
  }
}

Result<Tensor> Tensor::convert(DType to) const {
  if (to == type)
    return *this;
  Result<Tensor> result = create(to, extents);
  if (!result)
    return result;
  int64_t bad = dispatch(type, [&](auto *fromNull) {
    using From = std::remove_pointer_t<decltype(fromNull)>;
    return dispatch(to, [&](auto *toNull) -> int64_t {
      using To = std::remove_pointer_t<decltype(toNull)>;
      std::span<const From> in = as<From>();
      std::span<To> out = result->template as<To>();
      for (size_t i = 0; i < in.size(); ++i) {
        if (!fits<To>(in[i]))
          return static_cast<int64_t>(i);
        out[i] = static_cast<To>(in[i]);
      }
      return -1;
    });
  });
  if (bad >= 0)
    return makeError("bad-value", "element " + std::to_string(bad) + " is " +
                                      std::to_string(number(bad)) +
                                      ", which is no " +
                                      std::string(nameOf(to)));
  return result;
}

Result<Tensor> Tensor::reshape(std::vector<int64_t> shape) const {
  std::optional<int64_t> elements = elementCount(shape, sizeOf(type));
  if (!elements || *elements != count)
    return makeError("bad-shape", "shape " + shapeText(extents) +
                                      " cannot be read as " + shapeText(shape));
  Tensor result(*this);
  result.extents = std::move(shape);
  return result;
}

} // namespace rnnc::rt
