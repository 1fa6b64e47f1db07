//===- Elementary.h - Elementary functions as arithmetic --------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0
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

/// Arguments are f32 or vectors of f32; the result has the argument's type. The
/// measured errors are in docs/, the test that measures them is
/// tests/unit/math/VectorMathTest.cpp.
mlir::Value exp(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value exp2(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value expm1(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value log(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value log2(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value log1p(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value tanh(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value sigmoid(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value softplus(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);

/// The same formulas for other float types, over math.exp and math.log1p.
mlir::Value sigmoidByExp(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value softplusByExp(mlir::OpBuilder &b, mlir::Location loc,
                          mlir::Value x);

} // namespace rnnc::elementary

#endif
