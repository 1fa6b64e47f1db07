//===- Activity.h - Which values take part in a derivative ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_GRAD_TRANSFORMS_ACTIVITY_H
#define RNNC_DIALECTS_GRAD_TRANSFORMS_ACTIVITY_H

#include "dialects/grad/Interfaces/Adjoint.h"

namespace rnnc::grad {

/// The float values that depend on one of `wrt` and on which `loss` depends,
/// in the bodies of scans as well. `ops` are the ops of one block, in order,
/// that may lie on the way.
NeededValues findNeeded(mlir::ValueRange wrt, mlir::Value loss,
                        llvm::ArrayRef<mlir::Operation *> ops);

} // namespace rnnc::grad

#endif
