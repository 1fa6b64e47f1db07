//===- Npy.h - arrays of NumPy in files -------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `.npy` (one array) and `.npz` (a zip of arrays, stored or deflated), read and
// written. Everything is checked before it is used; a file may be hostile.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_NPY_H
#define RNNC_RUNTIME_NPY_H

#include "runtime/Tensor.h"

#include <filesystem>

namespace rnnc::rt {

/// Reads the bytes of a `.npy`: versions 1 to 3, little endian, C or Fortran
/// order (the result is row major). Types f4 f8 i4 i8 b1; f2 becomes f32, i1 u1
/// i2 u2 become i32, u4 becomes i64, u8 becomes i64 if it fits. `file` is used
/// in errors.
Result<Tensor> parseNpy(std::string_view bytes, const std::string &file);

/// Reads a `.npy` file ("-" is standard input).
Result<Tensor> readNpy(const std::filesystem::path &path);

/// The bytes of a `.npy`.
std::string serialiseNpy(const Tensor &tensor);

/// Writes a `.npy` file, whole or not at all.
Result<void> writeNpy(const std::filesystem::path &path, const Tensor &tensor);

/// Reads the bytes of a `.npz`: every member that ends in `.npy`, named without
/// that ending, in the order of the directory.
Result<std::vector<NamedTensor>> parseNpz(std::string_view bytes,
                                          const std::string &file);

/// Reads a `.npz` file.
Result<std::vector<NamedTensor>> readNpz(const std::filesystem::path &path);

/// One array of a `.npz` file; an error lists the names there are.
Result<Tensor> readNpzArray(const std::filesystem::path &path,
                            std::string_view name);

/// Writes a `.npz` file, whole or not at all, deflated or stored. The same
/// arrays give the same bytes.
Result<void> writeNpz(const std::filesystem::path &path,
                      std::span<const NamedTensor> arrays, bool deflate = true);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_NPY_H
