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

/// The symbols of inputs and targets, by their names.
class Vocabularies {
public:
  /// Null if the input has none.
  const rt::Vocabulary *find(const std::string &input) const;
  void set(const std::string &input, std::shared_ptr<const rt::Vocabulary>);
  std::shared_ptr<const rt::Vocabulary> share(const std::string &input) const;
  bool empty() const { return byInput.empty(); }

  /// The text of vocab.json. A sole vocabulary of text stands alone, as
  /// `--vocab` takes it; else {"schema": 1, "inputs": {NAME: {...}, ...}}.
  std::string json() const;
  /// Reads either form. A vocabulary that stands alone is that of the input it
  /// names, if it is a run's own, else that of all inputs of text.
  static Result<Vocabularies> load(const std::filesystem::path &path,
                                   bool ofRun = false);

private:
  std::map<std::string, std::shared_ptr<const rt::Vocabulary>> byInput;
};

/// How the numbers of an input were scaled: the model sees
/// (number - shift) / factor. One entry for each of one value's.
struct Scale {
  std::vector<double> shift, factor;
};

/// What was learned from training data and holds for all other data.
struct Learned {
  Learned() = default;
  Learned(std::nullopt_t) {}
  Vocabularies symbols;
  std::map<std::string, Scale> scales;
  /// Names of the columns that an input was read from.
  std::map<std::string, std::vector<std::string>> columns;

  /// Scales and columns, for config.json, and back. What is damaged is left
  /// out.
  Json toJson() const;
  void fromJson(const Json &json);
};

/// One input or target of a stream.
struct StreamField {
  std::string name;
  /// Tokens, or a series [N, d...].
  std::span<const int32_t> tokens;
  rt::Tensor series;
  bool isTokens = false;
  /// Positions that it is ahead of the inputs.
  int64_t offset = 0;
  /// Reads the memory of this other field; -1: its own.
  int shares = -1;
  /// Makes a window's values, [T, B, d...]; instead of tokens and series.
  std::function<void(const rt::StreamWindow &, void *out)> make;
  /// Keeps the memory of the tokens.
  std::shared_ptr<const void> owner;
};

/// One part of the data: a piece of a stream, or some of the examples.
struct DataPart {
  std::vector<StreamField> fields;
  /// Where the piece begins in its stream.
  int64_t begin = 0;
  /// Steps with all inputs and targets in place (streams).
  int64_t length = 0;
  /// Steps with all inputs in place: the last have no targets yet.
  int64_t inputLength = 0;
  std::shared_ptr<rt::Examples> examples;
  std::vector<int64_t> rows;
  /// Each epoch has examples of its own (they are made).
  bool fresh = false;

  // Batches are made where they are used, by the thread that trains: measured
  // for 32 rows, 64 tokens take 1 us, rows of images 3 us, 784 pixels and
  // generated sequences of 150 steps 66 us, where a step takes milliseconds.
  // A thread that reads ahead would save less than it costs in order.

  /// Walks over the examples for training: shuffled, those of like length
  /// together.
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
  /// Symbols, scales and names of columns.
  Learned learned;
  /// The symbols of the text that sampling would go on with, and the input or
  /// target whose they are.
  std::optional<rt::Vocabulary> vocabulary;
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

/// Reads the data that settings name, for a model (as first analysed). What an
/// earlier run learned is used; the rest is learned here. Without `targets`,
/// targets may have no data.
Result<DataSet> loadData(const Settings &settings, const hir::Model &model,
                         Learned learned, bool targets = true);

/// The name of the model's size that a size is, if it is one letter of it.
std::optional<std::string> sizeName(const hir::Model &model, const Size &size);

} // namespace rnnc::driver

#endif
