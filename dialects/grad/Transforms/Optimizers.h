//===- Optimizers.h - Update rules of parameters ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_GRAD_TRANSFORMS_OPTIMIZERS_H
#define RNNC_DIALECTS_GRAD_TRANSFORMS_OPTIMIZERS_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include <string>

namespace rnnc::grad {

/// Which rule, and its constants.
struct OptimizerOptions {
  std::string name;
  double momentum, weightDecay, beta1, beta2, epsilon, alpha;
};

/// Whether there is an optimiser of this name.
bool isOptimizer(llvm::StringRef name);

/// What the rule keeps for each parameter: suffixes of slot names.
llvm::SmallVector<llvm::StringRef> slotsOf(const OptimizerOptions &options);
/// Numbers it takes at each step: names of hyper arguments.
llvm::SmallVector<llvm::StringRef> hypersOf(const OptimizerOptions &options);

/// Builds one update. Gives the new parameter and the new slots.
llvm::SmallVector<mlir::Value>
buildUpdate(mlir::OpBuilder &b, mlir::Location loc,
            const OptimizerOptions &options, mlir::Value param,
            mlir::Value gradient, mlir::ValueRange slots,
            const llvm::StringMap<mlir::Value> &hypers);

/// sqrt of the sum of all squares of `gradients`, which share an element type.
mlir::Value buildNorm(mlir::OpBuilder &b, mlir::Location loc,
                      mlir::ValueRange gradients, mlir::Type element);
/// Multiplies `gradients` by min(1, most / (norm + 1e-6)).
void clipByNorm(mlir::OpBuilder &b, mlir::Location loc,
                llvm::SmallVectorImpl<mlir::Value> &gradients, mlir::Value norm,
                double most);
/// Clips every entry to -most .. most.
void clipByValue(mlir::OpBuilder &b, mlir::Location loc,
                 llvm::SmallVectorImpl<mlir::Value> &gradients, double most);

} // namespace rnnc::grad

#endif
