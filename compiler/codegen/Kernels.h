//===- Kernels.h - Functions that generated code shares ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products on packed panels and the packing itself, written once per
// module and element type.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_CODEGEN_KERNELS_H
#define RNNC_COMPILER_CODEGEN_KERNELS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <map>
#include <string>

namespace rnnc::codegen {

/// Hands out the kernels of a module, making each at its first use.
class Kernels {
public:
  Kernels(mlir::ModuleOp module, int64_t vectorBits)
      : module(module), vectorBits(vectorBits) {}

  /// Lanes of a vector of `element`, and columns of a packed panel.
  int64_t lanes(mlir::Type element) const {
    return vectorBits / element.getIntOrFloatBitWidth();
  }
  int64_t panel(mlir::Type element) const {
    return lanes(element) * (vectorBits >= 512 ? 4 : 2);
  }

  /// C[m, n] = start[m, n] + sum over k1, k2 of A[m, k1, k2] * P[k1, k2, n],
  /// one fused multiply-add chain per entry, k1 outer, k2 inner.
  ///
  /// (A ptr, A strides m k1 k2, P ptr, C ptr, C stride m, start ptr (null: 0),
  ///  start stride m, K1, K2, first row, end row, N) -- all i64 but the
  /// pointers. P is packed: panels of `panel` columns, each [K1*K2][panel],
  /// padded with zeros. C and start have unit stride along n.
  mlir::func::FuncOp product(mlir::Type element);

  /// Packs rows of a right-hand side: (source ptr, strides k1 k2 n, K1, K2, N,
  /// destination ptr, first panel, end panel).
  mlir::func::FuncOp pack(mlir::Type element);

  /// Functions that any entry may call, by what they compute (EmitFlat.cpp).
  std::map<std::string, mlir::func::FuncOp> shared;

private:
  mlir::ModuleOp module;
  int64_t vectorBits;
};

} // namespace rnnc::codegen

#endif
