//===- InspectInput.h - What rnnc inspect looks at --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The example that is inspected: of the data, or written on the command line.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_COMMANDS_INSPECTINPUT_H
#define RNNC_COMPILER_DRIVER_COMMANDS_INSPECTINPUT_H

#include "compiler/driver/Probe.h"

namespace rnnc::driver {

/// One example and how to speak of it.
struct Inspected {
  ProbeInput input;
  /// The symbols at each step of inputs that have a vocabulary.
  std::map<std::string, std::vector<std::string>> tokens;
  /// "example 3 of the validation part".
  std::string title;
};

/// The data of a model, read when they are first needed.
class InspectData {
public:
  InspectData(OpenedModel &opened, const Settings &settings)
      : opened(opened), settings(settings) {}

  /// Whether there may be data at all: a run folder, --data or --task.
  bool mayExist() const;
  /// Reads the data and decides sizes by them.
  Result<void> load();
  DataPart &part() { return data->part(split); }
  const DataSet &all() const { return *data; }
  /// "validation", "training" or "test".
  std::string partName() const;
  /// Example `number`, counted from 1 as `rnnc predict` does; of a stream the
  /// steps from that one on.
  Result<Inspected> example(int64_t number);
  /// The example at a place in the part, from 0.
  Result<Inspected> row(size_t place);
  int64_t count();

  /// Values of --input: "TEXT" or "INPUT=VALUE", or one "@N".
  Result<Inspected> written(const std::vector<std::string> &values);
  /// What tokens of an input or target are numbers of; null if unknown.
  const rt::Vocabulary *symbols(const std::string &input) const;

private:
  Result<void> setValue(const hir::Input &input, const std::string &text,
                        Inspected &subject);
  Result<void> setExtents(const hir::Input &input, const rt::Tensor &tensor,
                          Inspected &subject);
  void addTokens(const hir::Input &input, Inspected &subject);
  Result<Inspected> ofStream(int64_t start);
  rt::DType realType() const;
  const hir::Model &model() const { return opened.project->model(); }

  OpenedModel &opened;
  const Settings &settings;
  std::optional<DataSet> data;
  std::string split = "valid";
};

} // namespace rnnc::driver

#endif
