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
#include "runtime/MappedFile.h"
#include "runtime/Table.h"
#include "runtime/Wav.h"

namespace rnnc::driver {

/// A file that was opened.
struct Source {
  /// As the user wrote it; for messages "<stdin>".
  std::string path, shown;
  /// The ending without `.gz`: ".csv"; "/" for a folder.
  std::string ending;
  std::shared_ptr<const rt::MappedFile> file;
  /// Once read as a table.
  std::shared_ptr<rt::Table> table;
  /// Fields that bindings name; "" for those that name none.
  std::vector<std::string> fields;

  std::string_view bytes() const { return file->bytes(); }
};

/// `[INPUT=]FILE[#FIELD]`.
struct Binding {
  const hir::Input *input = nullptr;
  /// INPUT.lengths or INPUT.lengths.AXIS, else "".
  std::string lengths;
  std::string file, field;
  std::shared_ptr<Source> source;
};

/// What one file gives for one input.
struct Column {
  const hir::Input *input = nullptr;
  /// Examples [N], [N, T] or packed steps of N; else a stream [T].
  bool examples = false, sequence = false;
  /// A stream of tokens; else `tensor`.
  bool isTokens = false;
  std::span<const int32_t> tokens;
  std::shared_ptr<const void> owner;
  rt::Tensor tensor;
  /// Padded examples: their lengths [N] and, of steps that are sequences, those
  /// of the steps [N, W]. Packed ones: N + 1 offsets.
  std::optional<rt::Tensor> lengths, innerLengths;
  std::vector<int64_t> offsets;
  /// Packed examples whose steps are sequences, as words of letters: where each
  /// step begins in `tensor`, and the end.
  std::vector<int64_t> inner;
  /// Examples along two time axes: their extents.
  std::vector<int64_t> axes;
  /// Text that becomes tokens when all of its vocabulary is read.
  bool isText = false;
  rt::TokenKind kind = rt::TokenKind::Chars;
  /// What examples were cut into: `pieces` are these parts, `offsets` those of
  /// each example among them. Else a piece is an example.
  rt::TextParts parts = rt::TextParts::None;
  std::vector<rt::TextPiece> pieces;
  /// What tokens are numbers of; null: they were given as numbers.
  std::shared_ptr<const rt::Vocabulary> symbols;
  /// Numbers of the file as they are, so `--scale` may scale them.
  bool scalable = false;
  /// For messages: the file, and the lines of its examples.
  std::shared_ptr<Source> source;
  std::vector<int64_t> lines;
  /// Names of the columns that it was read from.
  std::vector<std::string> names;

  int64_t count() const;
};

class Loader {
public:
  Loader(const Settings &settings, const hir::Model &model, DataSet &out)
      : settings(settings), model(model), out(out) {}

  /// Reads what options say about reading.
  Result<void> readOptions();
  Result<std::vector<Column>> read(const std::vector<std::string> &texts,
                                   const char *option);
  /// Finds targets that no option names.
  Result<void> complete(std::vector<Column> &columns, bool targets);
  Result<void> checkSizes(const std::vector<Column> &columns);
  DataPart streamPart(const std::vector<Column> &columns,
                      std::optional<rt::Part> piece);
  Result<std::shared_ptr<rt::Examples>>
  examplesOf(const std::vector<Column> &columns);
  /// All parts of `--task`.
  Result<void> readTask(const std::string &text);
  /// Learns scales from the training part, unless they are known, and scales
  /// all parts.
  Result<void> scale();
  /// Which text sampling would go on with; sizes that are symbols.
  void finish(const std::vector<Column> &columns);

private:
  // DataSetExamples.cpp
  /// Padded rows with lengths become rows of their own lengths.
  Result<void> pack(Column &column) const;
  /// Whether two columns along an axis, and one within it, have the same steps.
  Result<void> checkSteps(const Column &column, const rt::Field &mine,
                          const rt::Field &theirs) const;
  /// Whether a batch of the longest examples can be made.
  Result<void> checkPadding(const Column &column,
                            const rt::Field &field) const;

  // DataSet.cpp
  Result<Binding> parse(const std::string &text, const char *option);
  Result<void> open(Binding &binding);
  Result<void> readBinding(const Binding &binding,
                           std::vector<Column> &columns);

  // DataSetArrays.cpp
  Result<void> readNpy(const Binding &binding, std::vector<Column> &columns);
  Result<void> readNpz(const Binding &binding, std::vector<Column> &columns);
  Result<void> readIdx(const Binding &binding, std::vector<Column> &columns);
  Result<void> setLengths(const hir::Input &input, const std::string &name,
                          const rt::Tensor &lengths,
                          std::vector<Column> &columns);
  Result<void> addTensor(const Binding &binding, const hir::Input &input,
                         rt::Tensor tensor, std::vector<Column> &columns,
                         std::vector<std::string> names = {});

  // DataSetText.cpp
  Result<void> readText(const Binding &binding, std::vector<Column> &columns);
  Result<void> readIds(const Binding &binding, std::vector<Column> &columns);
  /// What tokens the text of an input is read as: --tokens, which must fit the
  /// input's time axes.
  Result<rt::TextForm> textForm(const hir::Input &input) const;
  /// How much is read of the text of an input (--max-length): tokens, or parts
  /// and the tokens of each.
  struct TextLimit {
    size_t steps = SIZE_MAX, inner = SIZE_MAX;
  };
  static Result<void> checkLimit(const std::string &value);
  TextLimit textLimit(const hir::Input &input) const;
  /// Whether --max-length means something for what was read.
  Result<void> checkLimits(const std::vector<Column> &columns) const;
  /// Makes the vocabularies that are missing and encodes all text.
  Result<void> encodeText(std::vector<Column> &columns);
  Result<void> encodeStream(Column &column);
  Result<void> encodeExamples(Column &column);
  Result<std::shared_ptr<const rt::Vocabulary>>
  vocabularyFor(const Column &column, std::vector<Column> &columns);
  /// Whether sequences of a target begin and end with symbols of their own.
  bool generated(const hir::Input &input, const char *symbol) const;

  // DataSetTable.cpp
  Result<void> readTable(const Binding &binding, std::vector<Column> &columns);
  Result<std::vector<size_t>> chosenColumns(const Binding &binding);
  Result<void> tableLabels(const Binding &binding, size_t column,
                           Column &made);
  Result<void> tableText(const Binding &binding, size_t column, Column &made);
  Result<void> tableSequences(const Binding &binding, size_t column,
                              Column &made);
  /// Arrays of arrays of numbers, for an input whose steps are sequences.
  Result<void> tableSteps(const Binding &binding, size_t column, Column &made);
  /// Numbers, `width` to a value, become the tensor of a column.
  Result<void> setNumbers(const Binding &binding,
                          std::span<const double> values, int64_t width,
                          Column &made);
  Result<void> readArrays(const Binding &binding, size_t column,
                          std::vector<Column> &columns);
  Result<rt::Tensor> tableNumbers(const Binding &binding,
                                  const std::vector<size_t> &chosen);

  // DataSetSound.cpp
  Result<void> readSound(const Binding &binding, std::vector<Column> &columns);
  Result<void> readFolder(const Binding &binding, std::vector<Column> &columns);
  /// Sounds of files as examples.
  Result<void> addSounds(const std::vector<std::string> &paths, Column &made);

  /// The data say that a size has this value; `what` is it, for messages.
  Result<void> decide(const Size &size, int64_t value, const std::string &what);
  /// The elements of an input in memory.
  rt::DType elementType(const hir::Input &input) const;
  /// `SOURCE holds WHAT, but INPUT is TYPE`.
  Error misfit(const Binding &binding, const std::string &what) const;
  /// The root axis of an input's first time axis, or of another.
  std::string axisOf(const hir::Input &input, size_t which = 0) const;
  /// Whether an input is `seq(W, C(W))`: steps that are sequences themselves.
  bool isNested(const hir::Input &input) const;
  /// A value of an option that may be given per input.
  struct PerInput {
    std::string all;
    std::map<std::string, std::string> byInput;
    std::optional<std::string> of(const std::string &input) const;
  };
  Result<PerInput> perInput(const char *option) const;

  const Settings &settings;
  const hir::Model &model;
  DataSet &out;
  PerInput tokenKinds, minCounts, maxLengths;
  rt::FeatureKind features;
  std::map<std::string, std::shared_ptr<Source>> sources;
  /// Sampling rate of the sounds so far, and the file that had it.
  int64_t soundRate = 0;
  std::string soundRateOf;
};

} // namespace rnnc::driver

#endif
