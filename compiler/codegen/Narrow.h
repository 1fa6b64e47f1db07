//===- Narrow.h - Products of bf16 numbers ----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operands are packed as pairs of bf16 numbers, terms 2i and 2i + 1 of a row or
// column in the low and high half of 32 bits. Two pairs are multiplied exactly
// and added to an f32 sum, by one instruction where the CPU has it, else by two
// fused multiply-adds in the order of the terms.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_CODEGEN_NARROW_H
#define RNNC_COMPILER_CODEGEN_NARROW_H

#include "mlir/IR/Builders.h"

namespace rnnc::codegen {

struct Narrow {
  mlir::OpBuilder &b;
  mlir::Location loc;
  /// Whether the CPU multiplies pairs; vectors of 512 bits only.
  bool isNative;

  /// The f32 numbers rounded to bf16, to the nearest, ties to even; NaN stays
  /// NaN. A scalar or a vector.
  mlir::Value rounded(mlir::Value numbers);
  /// Pairs of the lanes of two f32 vectors: a vector of i32.
  mlir::Value pairs(mlir::Value low, mlir::Value high);
  /// Pairs of neighbours in what two f32 vectors are together.
  mlir::Value neighbours(mlir::Value first, mlir::Value second);
  /// sum + the products of the pairs of two vectors of i32.
  mlir::Value multiply(mlir::Value left, mlir::Value right, mlir::Value sum);

private:
  /// The bits of `rounded` in the upper half of i32, the lower half zero.
  mlir::Value bits(mlir::Value numbers);
  mlir::Value integer(mlir::Type type, int64_t value);
  mlir::Value intrinsic(llvm::StringRef name, mlir::Type type,
                        mlir::ValueRange operands);
};

} // namespace rnnc::codegen

#endif
