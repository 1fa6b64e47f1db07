//===- DataSetLoader.h - How data are read ----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the readers of each form of data share: which file is for which input,
// what a file gave, and what that says about the sizes of the model.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_DATASETLOADER_H
#define RNNC_COMPILER_DRIVER_DATASETLOADER_H

#include "compiler/driver/DataSet.h"

namespace rnnc::driver {

/// `[INPUT=]FILE[#FIELD]`.
struct Binding {
  const hir::Input *input = nullptr;
  bool isLengths = false;
  std::string file, field, text;
};

/// What one file gives for one input.
struct Column {
  const hir::Input *input = nullptr;
  /// Tokens of a stream, or a tensor with the axes named by `lead`.
  bool isTokens = false;
  std::vector<int32_t> tokens;
  rt::Tensor tensor;
  /// Axes before those of one value: 1 series [T], or examples [N], or [N, T].
  bool examples = false, sequence = false;
  std::optional<rt::Tensor> lengths;
};

class Loader {
public:
  Loader(const Settings &settings, const hir::Model &model, DataSet &out)
      : settings(settings), model(model), out(out) {}

  Result<std::vector<Column>> read(const std::vector<std::string> &texts,
                                   const char *option);
  /// Finds targets that no option names.
  Result<void> complete(std::vector<Column> &columns);
  Result<void> checkSizes(const std::vector<Column> &columns);
  Result<DataPart> streamPart(const std::vector<Column> &columns,
                              std::optional<rt::Part> piece);
  Result<std::shared_ptr<rt::Examples>>
  examplesOf(const std::vector<Column> &columns);
  /// All parts of `--task`.
  Result<void> readTask(const std::string &text);

private:
  Result<Binding> parse(const std::string &text, const char *option);
  Result<void> readFile(const Binding &binding, std::vector<Column> &columns);
  Result<void> readTokens(const Binding &binding, const std::string &bytes,
                          std::vector<Column> &columns);
  Result<void> readCsv(const Binding &binding, const std::string &bytes,
                       std::vector<Column> &columns);
  Result<void> addTensor(const hir::Input &input, rt::Tensor tensor,
                         const std::string &file, std::vector<Column> &columns);
  /// The data say that a size has this value; `what` is it, for messages.
  Result<void> decide(const Size &size, int64_t value, const std::string &what);
  /// The elements of an input in memory.
  rt::DType elementType(const hir::Input &input) const;

  const Settings &settings;
  const hir::Model &model;
  DataSet &out;
};

} // namespace rnnc::driver

#endif
