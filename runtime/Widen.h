//===- Widen.h - element types of files -------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files hold more element types than tensors have. This turns the bytes of any
// of them into a tensor of the next wider type.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_WIDEN_H
#define RNNC_RUNTIME_WIDEN_H

#include "runtime/Tensor.h"

namespace rnnc::rt {

/// Element types that occur in files; little endian.
enum class StoredType {
  F32,
  F64,
  I32,
  I64,
  Bool,
  F16,
  BF16,
  U8,
  I8,
  I16,
  U16,
  U32,
  U64
};

/// Bytes of one element.
size_t storedSize(StoredType type);

/// A tensor of these bytes, whose count must fit the shape. F16 and BF16 become
/// f32, small whole numbers i32, U32 and U64 i64; a U64 above 2^63-1 is an
/// error, as is a Bool other than 0 and 1.
Result<Tensor> widen(StoredType type, std::vector<int64_t> shape,
                     std::string_view bytes);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_WIDEN_H
