//===- Repeated.h - What a scan computes again ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An adjoint does each step of the primal scan again. Until a plan says
// what is kept instead, passes leave that part as it stands in the primal scan.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_RNN_TRANSFORMS_REPEATED_H
#define RNNC_DIALECTS_RNN_TRANSFORMS_REPEATED_H

#include "dialects/rnn/IR/RNNDialect.h"
#include "llvm/ADT/DenseMap.h"

namespace rnnc::rnn {

/// From ops of the body of `scan` to ops of earlier scans over the same axis,
/// whose emissions `scan` reads, that compute the same at the same position.
llvm::DenseMap<mlir::Operation *, mlir::Operation *> findRepeated(ScanOp scan);

} // namespace rnnc::rnn

#endif
