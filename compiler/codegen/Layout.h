//===- Layout.h - Extents, strides and views --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the entries of a tensor lie. Extents and strides are monomials in the
// run-time extents of a function, so that it can be decided at compile time
// whether dims collapse and whether two kernels split work alike.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_CODEGEN_LAYOUT_H
#define RNNC_COMPILER_CODEGEN_LAYOUT_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace rnnc::codegen {

/// coefficient * product of run-time extents, each named by its number.
struct Monomial {
  int64_t coefficient = 1;
  llvm::SmallVector<int, 2> extents;

  Monomial(int64_t coefficient = 1) : coefficient(coefficient) {}
  static Monomial extent(int number) {
    Monomial result;
    result.extents.push_back(number);
    return result;
  }
  bool isConstant() const { return extents.empty(); }
  bool isConstant(int64_t value) const {
    return extents.empty() && coefficient == value;
  }
  friend bool operator==(const Monomial &a, const Monomial &b) {
    return a.coefficient == b.coefficient && a.extents == b.extents;
  }
  friend Monomial operator*(Monomial a, const Monomial &b) {
    a.coefficient *= b.coefficient;
    a.extents.append(b.extents.begin(), b.extents.end());
    std::sort(a.extents.begin(), a.extents.end());
    if (a.coefficient == 0)
      a.extents.clear();
    return a;
  }
};

using Shape = llvm::SmallVector<Monomial, 4>;

/// A piece of memory that values live in: an argument, a result or a slot of
/// the arena.
using Storage = int;

/// Where a tensor's entries lie: `base` is an !llvm.ptr to the first, strides
/// count entries. A stride of 0 repeats.
struct View {
  Storage storage = -1;
  mlir::Value base;
  mlir::Type element;
  Shape sizes, strides;
  /// The base lies `phase` entries, and a multiple of `granule` (0: nothing)
  /// that is known at run time only, behind the beginning of the storage.
  int64_t phase = 0, granule = 0;

  /// Moves the base on by a multiple of `entries`, which multiple is known at
  /// run time only.
  void passBy(const Monomial &entries) {
    granule = std::gcd(granule, entries.coefficient);
  }
  int64_t rank() const { return sizes.size(); }
  bool isContiguous() const {
    Monomial expected(1);
    for (int64_t i = rank() - 1; i >= 0; --i) {
      if (!(strides[i] == expected) && !sizes[i].isConstant(1))
        return false;
      expected = expected * sizes[i];
    }
    return true;
  }
};

using Views = std::vector<View>;

/// Row-major strides.
inline Shape contiguousStrides(const Shape &sizes) {
  Shape strides(sizes.size(), Monomial(1));
  for (int64_t i = static_cast<int64_t>(sizes.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * sizes[i + 1];
  return strides;
}

inline Monomial product(llvm::ArrayRef<Monomial> sizes) {
  Monomial result(1);
  for (const Monomial &size : sizes)
    result = result * size;
  return result;
}

} // namespace rnnc::codegen

#endif
