//===- Probe.h - A changed model, compiled and run --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles a model whose graph was changed to show its inside, and runs it on
// one example after another.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_PROBE_H
#define RNNC_COMPILER_DRIVER_PROBE_H

#include "compiler/driver/Run.h"

namespace rnnc::driver {

/// One example: arrays by the name of their input or target, [time axes, 1,
/// own axes], and how long each axis is.
struct ProbeInput {
  std::map<std::string, rt::Tensor> values;
  std::map<std::string, int64_t> extents;
};

class Probe {
public:
  /// Compiles `model`, which must have been analysed from the text of `opened`,
  /// with its weights. `entries` are "forward", which gives outputs, and "grad",
  /// which gives the loss and gradients of all real inputs, as in evaluation:
  /// without draws.
  static Result<std::unique_ptr<Probe>>
  create(OpenedModel &opened, std::unique_ptr<hir::Model> model,
         std::vector<std::string> entries, int64_t length);

  /// Runs one entry on one example. Inputs named `see.*` are 0, or the number
  /// that `added` has for them. What a model needs and the example has not is an
  /// error that names it.
  Result<void> run(const std::string &entry, const ProbeInput &input,
                   const std::map<std::string, double> &added = {});

  /// A result of an entry's last run as doubles, with its shape; empty if there
  /// is no such result.
  struct Values {
    std::vector<int64_t> shape;
    std::vector<double> numbers;
  };
  Values output(const std::string &name);
  Values gradient(const std::string &input);
  /// The loss that was differentiated.
  double loss();

  /// What making the code took, by stage.
  const Code &compiled() const { return *code; }

private:
  Values valuesOf(const std::string &entry, const char *kind,
                  const std::string &name);
  std::unique_ptr<hir::Model> model;
  std::shared_ptr<Code> code;
  std::map<std::string, Call> calls;
};

} // namespace rnnc::driver

#endif
