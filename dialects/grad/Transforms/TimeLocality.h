//===- TimeLocality.h - What each value needs of a sequence -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A step of training passes a time axis twice: forward, and back. For each
// value of a differentiated function this says in which of the two passes it is
// known step by step, or before, between or after them.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_GRAD_TRANSFORMS_TIMELOCALITY_H
#define RNNC_DIALECTS_GRAD_TRANSFORMS_TIMELOCALITY_H

#include "dialects/rnn/IR/RNNDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallPtrSet.h"

namespace rnnc::grad {

/// When a value is known. Sequences are known step by step in Before (from
/// inputs alone), Forward and Reverse; all else before, between or after the
/// two passes.
enum class Phase { Before, Forward, Middle, Reverse, After };

struct Place {
  Phase phase = Phase::Before;
  /// Has the axis.
  bool isSequence = false;
  /// Made of parameters and constants alone: any function may make it again.
  bool isFixed = false;
  /// Depends on the weight that the loss is multiplied by.
  bool isSeeded = false;
};

/// A value that goes on from a piece of the axis to the next one.
struct Carried {
  mlir::Operation *op;
  /// Of a scan, which of its carried values.
  unsigned number;
  /// What it is after the last piece.
  mlir::Value final;
  /// What it begins with; null: zeros.
  mlir::Value initial;
};

/// Places of all values of a function along one axis.
class TimeLocality {
public:
  TimeLocality(mlir::func::FuncOp function, mlir::BlockArgument steps);

  /// Fails where something needs the whole sequence at once; `reason` and
  /// `blamed` say what.
  llvm::LogicalResult run();
  std::string reason;
  mlir::Operation *blamed = nullptr;

  Place of(mlir::Value value) const { return places.lookup(value); }
  /// Values carried forward and back, in the order of their ops.
  llvm::ArrayRef<Carried> forward() const { return forwards; }
  llvm::ArrayRef<Carried> backward() const { return backwards; }
  /// Sums over the axis that grow piece by piece from the last step back.
  llvm::ArrayRef<mlir::Operation *> sums() const { return timeSums; }
  /// Whether a sum is of losses: it does not depend on what they are multiplied
  /// by.
  bool isOfLosses(mlir::Operation *sum) const {
    return lossSums.contains(sum);
  }
  /// The argument of kind lengths of the axis, or null.
  mlir::Value lengths() const { return axisLengths; }
  mlir::BlockArgument steps() const { return extent; }
  /// Whether the axis is the first dim of a value.
  bool leads(mlir::Value value) const { return axisOf(value) == 1; }
  /// Entries of all sequences, of one step and row.
  int64_t weight() const { return entries; }

private:
  llvm::LogicalResult refuse(mlir::Operation *op, const llvm::Twine &why);
  llvm::LogicalResult visit(mlir::Operation *op);
  llvm::LogicalResult visitScan(rnn::ScanOp scan);
  llvm::LogicalResult visitSum(mlir::Operation *op);
  llvm::LogicalResult checkUses(mlir::Operation *op);
  /// The dim of the axis, counted from 1; 0: none; -1: several, or an extent is
  /// not known.
  int axisOf(mlir::Value value) const;

  mlir::func::FuncOp function;
  mlir::BlockArgument extent;
  mlir::Value axisLengths;
  llvm::DenseMap<mlir::Value, Place> places;
  llvm::SmallVector<Carried> forwards, backwards;
  llvm::SmallVector<mlir::Operation *> timeSums;
  llvm::SmallPtrSet<mlir::Operation *, 4> lossSums;
  int64_t entries = 0;
};

/// The values from outside that `op`, with all inside it, reads.
llvm::SmallVector<mlir::Value> readsOf(mlir::Operation *op);

/// Whether `use` is the lengths operand of an op along the axis: one that a
/// piece of the axis replaces by the lengths in it.
bool isLengthsUse(mlir::OpOperand &use, mlir::Value steps);

} // namespace rnnc::grad

#endif
