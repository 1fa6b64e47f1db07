//===- MLIRGen.h - From the typed graph to the rnn dialect ------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One module per model: @init, @forward, @eval and @loss, with arguments and
// results marked by #rnn.arg. Cells become rnn.scan as written; passes move
// work out of it later.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_MLIRGEN_H
#define RNNC_FRONTENDS_RNN_MLIRGEN_H

#include "frontends/rnn/HIR.h"
#include "frontends/rnn/Source.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <set>
#include <string>

namespace rnnc {

struct GenOptions {
  /// Data is one long sequence: states of scans are arguments and results.
  bool stream = false;
  /// Real values are f64.
  bool f64 = false;
  /// Names of time axes along which examples of a batch differ in length.
  std::set<std::string> ragged;
  /// The loss is that of evaluation: draws are their means, `training` is
  /// false.
  bool evaluationLoss = false;
};

/// Makes the module. All sizes of the model must have values. Null, after an
/// error of MLIR, only if the graph is at fault. Loads the dialects it needs.
mlir::OwningOpRef<mlir::ModuleOp> generate(mlir::MLIRContext &context,
                                           const hir::Model &model,
                                           const SourceManager &sources,
                                           const GenOptions &options);

} // namespace rnnc

#endif // RNNC_FRONTENDS_RNN_MLIRGEN_H
