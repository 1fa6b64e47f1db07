//===- ScanEdit.h - Sequences and emissions added to a scan -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Changes of a scan's signature, and small facts about labels, that several
// passes need.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_RNN_TRANSFORMS_SCANEDIT_H
#define RNNC_DIALECTS_RNN_TRANSFORMS_SCANEDIT_H

#include "dialects/rnn/IR/RNNDialect.h"

namespace rnnc::rnn {

/// Adds `sequence` to the `over` sequences of `scan`, in place; returns its
/// slice in the body. Gives the slice that is there if the sequence is.
mlir::BlockArgument addSequence(ScanOp scan, mlir::Value sequence);

/// A scan like `scan` that also emits `values`, values of its body. `scan` is
/// erased; the new results are the last emitted ones.
ScanOp addEmissions(mlir::OpBuilder &builder, ScanOp scan,
                    mlir::ValueRange values);

/// Whether `value` is defined outside of the scan that holds `op`, or there is
/// no such scan.
bool isOutsideScanOf(mlir::Value value, mlir::Operation *op);

/// A letter for a new time dim: `t`, or one that `labels` lacks.
char freshLabel(llvm::StringRef labels);

/// Letters for the dims of a step: `b` for the batch (the last dynamic dim), others
/// but `t` for the rest.
std::string plainLabels(mlir::RankedTensorType type);

/// The type with the static extent `size` along `axis`.
mlir::RankedTensorType withExtent(mlir::Type type, int64_t axis, int64_t size);

/// The extent of `value` along `axis`.
inline int64_t extent(mlir::Value value, int64_t axis) {
  return mlir::cast<mlir::RankedTensorType>(value.getType()).getDimSize(axis);
}

} // namespace rnnc::rnn

#endif
