//===- ScanEdits.h - Scans with more emissions or sequences -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_GRAD_TRANSFORMS_SCANEDITS_H
#define RNNC_DIALECTS_GRAD_TRANSFORMS_SCANEDITS_H

#include "dialects/rnn/IR/RNNDialect.h"

namespace rnnc::grad {

/// The emission of body value `value`, or null.
mlir::Value findEmission(rnn::ScanOp scan, mlir::Value value);

/// Replaces `scan` by one that also emits the body values `values` and runs
/// over `seqs` as well, after what it has. Replaces all uses and erases `scan`.
rnn::ScanOp extendScan(rnn::ScanOp scan, mlir::ValueRange values,
                       mlir::ValueRange seqs = {});

} // namespace rnnc::grad

#endif
