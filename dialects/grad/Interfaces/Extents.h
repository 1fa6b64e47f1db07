//===- Extents.h - Where the extent of a dynamic dim comes from -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_GRAD_INTERFACES_EXTENTS_H
#define RNNC_DIALECTS_GRAD_INTERFACES_EXTENTS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include <optional>
#include <string>

namespace rnnc::grad {

/// The extent of dim `dim` of `value` as an index: an argument of the function
/// or an operand of the op that made the dim. A `tensor.dim` if neither is
/// found. Visible wherever `value` is.
mlir::Value extentOf(mlir::OpBuilder &builder, mlir::Value value, int64_t dim);

/// The same, or null where neither is found.
mlir::Value findExtent(mlir::Value value, int64_t dim);

/// The lengths of the axis whose extent is `extent`: the argument of kind
/// lengths of the same function with the axis' name. Null if not
/// ragged, or if there is one for each step of another axis.
mlir::Value lengthsOf(mlir::Value extent);

/// Whether `extent` is the number of rows: the argument of kind axis named `B`.
/// None if it is no argument that has a name.
std::optional<bool> isBatchExtent(mlir::Value extent);

/// Labels for a type: time axes t, s, r, .., the batch b, own dims n, m, ..
std::string labelsOf(mlir::RankedTensorType type);

} // namespace rnnc::grad

#endif
