//===- LiftOverTime.h - Ops of a step, for all steps at once ----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The form over time of each op: what a step computes from sequences and outer
// values, computed for all steps before the scan.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_RNN_TRANSFORMS_LIFTOVERTIME_H
#define RNNC_DIALECTS_RNN_TRANSFORMS_LIFTOVERTIME_H

#include "dialects/rnn/IR/RNNDialect.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"

namespace rnnc::rnn {

/// Whether `op` is worth a place outside of its loop by itself: it mixes
/// entries of a row (products, look-ups, reductions), so it is no mere
/// elementwise work.
bool isRowWork(mlir::Operation *op);

/// Why `op` of the body of `scan` has no form over time, if its operands are
/// outer values or satisfy `isLifted`; empty if it has one.
llvm::StringRef whyNotOverTime(ScanOp scan, mlir::Operation *op,
                               llvm::function_ref<bool(mlir::Value)> isLifted);

/// Builds ops over time before or after `scan`. The body stays as it is.
class TimeLifter {
public:
  /// Knows the slices as their sequences; `after`: emitted values as what is
  /// emitted, too.
  explicit TimeLifter(ScanOp scan, bool after = false);

  /// Adds the form over time of `op`, for which whyNotOverTime is empty and
  /// whose operands are lifted or outer values.
  void lift(mlir::Operation *op);
  /// The sequence whose slice `value` is; null if it is not lifted.
  mlir::Value sequenceOf(mlir::Value value) const {
    return sequences.lookup(value);
  }

private:
  mlir::Value orRepeated(mlir::Value value);
  mlir::Value liftContract(ContractOp op);
  mlir::Value liftReduce(ReduceOp op);
  mlir::Value liftBroadcast(BroadcastOp op);

  ScanOp scan;
  mlir::OpBuilder builder;
  llvm::DenseMap<mlir::Value, mlir::Value> sequences;
};

} // namespace rnnc::rnn

#endif
