//===- Sema.h - From the tree of a text to a typed graph --------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sema walks the model and everything it applies, once per application: names
// are resolved, sizes unified, static loops unrolled, cells become scans. The
// result is the graph of HIR.h, complete unless errors were said.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_SEMA_H
#define RNNC_FRONTENDS_RNN_SEMA_H

#include "frontends/rnn/Diagnostics.h"
#include "frontends/rnn/HIR.h"
#include "frontends/rnn/Loader.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace rnnc {

struct SemaOptions {
  /// Values of sizes and numbers by name: `--set`, and what the data says.
  /// Names the model does not have are ignored.
  std::map<std::string, double> sets;
  /// `--cell OLD=NEW`.
  std::vector<std::pair<std::string, std::string>> cells;
  /// Which model; "": the only one.
  std::string model;
  /// Data is one long sequence, cut into windows.
  bool stream = false;
  /// Only the axis of this input or target goes on in a stream, as when the
  /// target is made step by step; "": all axes.
  std::string streamed = {};
  /// Sizes without a value are errors. Off, they stay letters.
  bool needSizes = false;
  /// A model without a loss is an error.
  bool needLoss = false;
  /// Also check definitions that the model does not use.
  bool checkAll = true;
  /// The static `training`.
  bool training = true;
};

/// The model of a program as a graph. Null if there were errors, or if the
/// program has no model: then the definitions of its files were checked alone.
/// Without `needSizes` the graph lacks what hangs on sizes without a value;
/// inputs, targets and options are complete.
std::unique_ptr<hir::Model> analyze(const Program &program,
                                    const SemaOptions &options,
                                    DiagnosticEngine &diags);

} // namespace rnnc

#endif // RNNC_FRONTENDS_RNN_SEMA_H
