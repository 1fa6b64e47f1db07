//===- Elementary.h - Elementary functions as arithmetic --------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each function writes straight-line code for its value: no tables, no
// branches, the same for a scalar and for every lane of a vector.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_CODEGEN_MATH_ELEMENTARY_H
#define RNNC_COMPILER_CODEGEN_MATH_ELEMENTARY_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

namespace rnnc::elementary {

// Arguments are f32 or vectors of f32; the result has the argument's type. The
// errors are the largest over all 2^32 floats against the exact value, in units
// of the last place; tests/unit/math/VectorMathTest.cpp measures them with
// RNNC_EXHAUSTIVE=1.

/// e^x. At most 1.01 ulp.
mlir::Value exp(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
/// 2^x. At most 1.02 ulp.
mlir::Value exp2(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
/// e^x - 1. At most 1.45 ulp.
mlir::Value expm1(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
/// The natural logarithm. At most 0.83 ulp.
mlir::Value log(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
/// The logarithm to base 2. At most 1.89 ulp.
mlir::Value log2(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
/// log(1 + x). At most 0.84 ulp.
mlir::Value log1p(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
/// The hyperbolic tangent; odd to the bit. At most 2.42 ulp.
mlir::Value tanh(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
/// 1 / (1 + e^-x). At most 2.41 ulp.
mlir::Value sigmoid(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
/// log(1 + e^x). At most 1.67 ulp.
mlir::Value softplus(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);

/// The same formulas for other float types, over math.exp and math.log1p.
mlir::Value sigmoidByExp(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value softplusByExp(mlir::OpBuilder &b, mlir::Location loc,
                          mlir::Value x);

} // namespace rnnc::elementary

#endif
