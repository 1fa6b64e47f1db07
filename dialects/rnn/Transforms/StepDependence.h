//===- StepDependence.h - What a value of a step depends on -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tells values of a scan's body apart by what reaches them: nothing of the
// scan, its position and sequences, or a carried value.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_RNN_TRANSFORMS_STEPDEPENDENCE_H
#define RNNC_DIALECTS_RNN_TRANSFORMS_STEPDEPENDENCE_H

#include "dialects/rnn/IR/RNNDialect.h"
#include "llvm/ADT/DenseMap.h"

namespace rnnc::rnn {

/// What reaches a value, from least to most.
enum class Reach { Outside, Step, State };

/// The reach of the values of one scan's body. Holds until the body changes;
/// ops added later count as their operands do when asked.
class StepDependence {
public:
  /// A null scan: every value is outside.
  explicit StepDependence(ScanOp scan);

  /// `value` is outside of the scan or in the top block of its body.
  Reach of(mlir::Value value) const;
  /// The greatest reach of what `op` and the ops inside it read.
  Reach ofOperands(mlir::Operation *op) const;

private:
  mlir::Block *block;
  unsigned firstCarry;
  llvm::DenseMap<mlir::Operation *, Reach> reaches;
};

} // namespace rnnc::rnn

#endif
