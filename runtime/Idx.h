//===- Idx.h - IDX files ----------------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the format of the MNIST files: big endian, one array, any rank.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_IDX_H
#define RNNC_RUNTIME_IDX_H

#include "runtime/Tensor.h"

namespace rnnc::rt {

/// Whether bytes begin as an IDX file does: two zeros, a known type, a rank of
/// 1 or more.
bool isIdx(std::string_view bytes);

/// An IDX array: bytes and whole numbers as i32, float as f32, double as f64.
/// Every length is checked before use.
Result<Tensor> parseIdx(std::string_view bytes, const std::string &file);

/// What a gzip file holds. An error if it is damaged, or more than `limit`
/// bytes.
Result<std::string> gunzip(std::string_view bytes, const std::string &file,
                           uint64_t limit = uint64_t(1) << 36);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_IDX_H
