//===- GradCheck.h - Gradients against central differences ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compares the gradients that a model's `grad` gives with differences of its
// `loss`, entry by entry, in f64.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_VERIFY_GRADCHECK_H
#define RNNC_COMPILER_VERIFY_GRADCHECK_H

#include "compiler/verify/Bindings.h"

namespace rnnc {

struct GradCheckOptions {
  /// An error above this is a mistake: |a-b| / max(|a|, |b|, 1e-3).
  double tolerance = 1e-6;
  /// Entries checked per tensor; all, if it has no more.
  int64_t samples = 64;
  uint64_t seed = 1;
};

/// What was found for one tensor.
struct TensorCheck {
  std::string name;
  /// "param", "input", "state" ...
  std::string kind;
  std::vector<int64_t> shape;
  int64_t checked = 0;
  double maxRelError = 0;
  /// The entry (row major) with that error, and its two derivatives.
  int64_t worst = -1;
  double gradient = 0, difference = 0;
};

/// What was found for one model.
struct SubjectCheck {
  std::string subject;
  double maxRelError = 0;
  std::vector<TensorCheck> tensors;
};

/// Checks every result of kind `grad` of `grad` against differences of the
/// first result of `loss` (the total loss) at `at`, which holds the arguments
/// of both. Both functions are of f64.
///
/// Differences have five points with a step of 1e-4 of the entry's size (at
/// least 1e-4), error O(h^4). Where they do not agree, smaller steps are tried
/// and the best counts: near a kink of relu, max or abs a wide step sees both
/// sides, and a wrong gradient agrees with none.
llvm::Expected<SubjectCheck>
checkGradients(llvm::StringRef subject, mlir::func::FuncOp loss,
               const RunFunction &runLoss, mlir::func::FuncOp grad,
               const RunFunction &runGrad, const Bindings &at,
               const GradCheckOptions &options);

} // namespace rnnc

#endif
