//===- DataSet.h - The data of a model --------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the files that options name, finds which input or target each is, and
// cuts them into training, validation and test. What the data say about sizes
// is kept for the model.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_DATASET_H
#define RNNC_COMPILER_DRIVER_DATASET_H

#include "compiler/driver/Settings.h"
#include "frontends/rnn/HIR.h"
#include "runtime/Examples.h"
#include "runtime/Stream.h"
#include "runtime/Text.h"

#include <functional>
#include <memory>
#include <optional>
#include <set>

namespace rnnc::driver {

/// One input or target of a stream.
struct StreamField {
  std::string name;
  /// Tokens, or a series [N, d...].
  std::vector<int32_t> tokens;
  rt::Tensor series;
  bool isTokens = false;
  /// Positions that it is ahead of the inputs.
  int64_t offset = 0;
  /// Reads the memory of this other field; -1: its own.
  int shares = -1;
  /// Makes a window's values, [T, B, d...]; instead of tokens and series.
  std::function<void(const rt::StreamWindow &, void *out)> make;
};

/// One part of the data: a piece of a stream, or some of the examples.
struct DataPart {
  std::vector<StreamField> fields;
  /// Steps with all inputs and targets in place (streams).
  int64_t length = 0;
  std::shared_ptr<rt::Examples> examples;
  std::vector<int64_t> rows;
  /// Each epoch has examples of its own (they are made).
  bool fresh = false;

  /// Walks over the examples for training.
  Result<rt::ExampleCursor> cursor(int64_t batch, int64_t seed) const;
  /// Puts a window of a field into memory of so many bytes. `scratch` is used
  /// and may be used again.
  Result<void> gather(const StreamField &field, const rt::StreamWindow &window,
                      void *out, int64_t bytes, rt::Tensor &scratch) const;

  bool empty() const { return length == 0 && rows.empty(); }
  const StreamField &source(const StreamField &field) const {
    return field.shares < 0 ? field : fields[field.shares];
  }
};

/// All data of a run.
struct DataSet {
  bool stream = false;
  DataPart train, valid, test;
  std::optional<rt::Vocabulary> vocabulary;
  /// The input or target whose symbols those are.
  std::string vocabularyOf;
  /// Sizes that the data decide, by name.
  std::map<std::string, double> sizes;
  /// Axes along which examples differ in length.
  std::set<std::string> ragged;
  /// Files with their SHA-256, for config.json.
  Json files = Json::array();
  /// Losses of who knows nothing, by name.
  Json baselines = Json::object();

  DataPart &part(const std::string &name) {
    return name == "train" ? train : name == "test" ? test : valid;
  }
  /// "tokens" or "examples"; "tok" or "ex".
  const char *unit() const { return stream ? "tokens" : "examples"; }
  const char *unitShort() const { return stream ? "tok" : "ex"; }
};

/// Reads the data that settings name, for a model (as first analysed). With a
/// vocabulary given it is used, else one is made.
Result<DataSet> loadData(const Settings &settings, const hir::Model &model,
                         std::optional<rt::Vocabulary> vocabulary);

/// The name of the model's size that a size is, if it is one letter of it.
std::optional<std::string> sizeName(const hir::Model &model, const Size &size);

} // namespace rnnc::driver

#endif
