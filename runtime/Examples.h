//===- Examples.h - data sets of separate examples --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Examples and their minibatches: seeded order, padding, lengths.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_EXAMPLES_H
#define RNNC_RUNTIME_EXAMPLES_H

#include "runtime/Tensor.h"

#include <functional>

namespace rnnc::rt {

/// How the values of a field are shaped.
enum class FieldKind {
  /// values [N, d...]: one value per example.
  Single,
  /// values [N, T, d...]: sequences of one length.
  Sequence,
  /// values [sum of lengths, d...] and offsets: sequences of their own lengths.
  Ragged
};

/// One named field of all examples.
struct Field {
  std::string name;
  FieldKind kind = FieldKind::Single;
  Tensor values;
  /// Ragged only: N + 1 offsets into the steps of all examples, from 0 upwards.
  std::vector<int64_t> offsets;
  /// Sequence along several time axes: their extents, whose product is T. Empty
  /// for one axis.
  std::vector<int64_t> axes = {};
  /// Ragged whose steps are sequences of their own lengths, as words of letters:
  /// where each step of all examples begins in `values`, and the end. Empty: a
  /// step is one value.
  std::vector<int64_t> inner = {};

  /// Where the values of an example begin and end along the first axis of
  /// `values`, or, of sequences of one length, of [N T, d...].
  std::pair<int64_t, int64_t> valuesOf(int64_t example) const;
};

/// A field of a minibatch. Sequences are time major.
struct BatchField {
  std::string name;
  FieldKind kind = FieldKind::Single;
  /// Single: [B, d...]. Sequence: [T, B, d...]. Ragged: [longest, B, d...],
  /// zero beyond the length.
  Tensor values;
  /// Ragged only: i32 [B].
  Tensor lengths;
  /// As in Field, and [W, C] where steps are sequences. [T, B, d...] is then
  /// [axes..., B, d...] in memory.
  std::vector<int64_t> axes = {};
  /// Of steps that are sequences: i32 [W, B], 0 where a row has no such step.
  Tensor innerLengths = {};
  /// Whether steps are sequences of their own lengths.
  bool nested() const { return innerLengths.rank() == 2; }
  /// Whether row b has step t of T; else it is padding.
  bool has(int64_t t, int64_t b) const;
};

/// A minibatch: the fields in the order of the data set.
struct ExampleBatch {
  int64_t size = 0;
  std::vector<BatchField> fields;
  /// The field of this name, or null.
  const BatchField *find(std::string_view name) const;
};

/// Examples, in memory or made when they are asked for. All fields have the
/// same number of examples.
class Examples {
public:
  /// Gives the examples of these numbers, which may be any from 0.
  using Make = std::function<Examples(std::span<const int64_t> numbers)>;
  /// Examples that are made anew each time. `longest`: the most steps one has.
  static Examples made(int64_t count, int64_t longest, Make make);

  /// Adds a field; an error if its shape, offsets, name or count do not fit.
  Result<void> add(Field field);

  /// The number of examples.
  int64_t count() const { return examples; }
  const std::vector<Field> &fields() const { return data; }
  /// For values that are changed in place, such as scaling.
  std::vector<Field> &changeFields() { return data; }
  const Field *find(std::string_view name) const;

  /// The length of an example in a field: T, its own length, or 1. Of words of
  /// letters: the words.
  static int64_t length(const Field &field, int64_t example);
  /// The most steps that these examples have along each time axis of a field.
  static std::vector<int64_t> extents(const Field &field,
                                      std::span<const int64_t> rows);
  /// A number for each example, which is close for examples of like lengths: the
  /// most steps of any field, then those of the longest step.
  std::vector<int64_t> likeness() const;
  /// The most steps that one of these examples has in any field; at least 1.
  int64_t longest(std::span<const int64_t> rows) const;

  /// The minibatch of these examples, whose numbers must be in range (of
  /// examples that are made, 0 or more).
  ExampleBatch gather(std::span<const int64_t> rows) const;

private:
  int64_t examples = 0, longestMade = 1;
  std::vector<Field> data;
  Make make;
};

/// 0..count-1 in an order that seed and epoch decide (Fisher and Yates).
std::vector<int64_t> shuffledOrder(int64_t count, int64_t seed, uint32_t epoch);

/// Cuts 0..count-1, shuffled by the seed, into parts of these shares; each part
/// is sorted.
std::vector<std::vector<int64_t>>
splitShuffled(int64_t count, std::span<const double> shares, int64_t seed);

/// Where a cursor stands.
struct ExamplePosition {
  int64_t epoch = 0;
  /// The next batch's number in its epoch.
  int64_t index = 0;
};

/// In which order examples come.
struct ExampleOrder {
  /// A new order each epoch, from the seed; else as given.
  bool shuffle = false;
  /// Each epoch has examples of its own: epoch e reads row r as number
  /// e * count + r, in order. For examples that are made.
  bool fresh = false;
  /// The length of each example of the set (by its number), to put examples of
  /// like length into one minibatch; empty: do not. Minibatches of a pool of
  /// `poolBatches` after the shuffle are sorted by length, then come in an order
  /// of their own, so the epoch stays a random one.
  std::vector<int64_t> lengths;
  static constexpr int64_t poolBatches = 64;
};

/// Walks over a set of examples in minibatches, epoch after epoch. The last
/// minibatch of an epoch may be smaller; every example comes once per epoch.
class ExampleCursor {
public:
  /// `rows`: the examples of this part. An error if there are no rows or
  /// batch < 1.
  static Result<ExampleCursor> create(std::vector<int64_t> rows, int64_t batch,
                                      int64_t seed, ExampleOrder order);

  /// The examples of the next minibatch; valid until the next call.
  std::span<const int64_t> next();

  /// Minibatches of an epoch.
  int64_t batches() const;
  /// Where it stands; `restore` of it gives the same minibatches again.
  ExamplePosition position() const { return where; }
  Result<void> restore(ExamplePosition position);

private:
  ExampleCursor() = default;
  void order();
  void bucket();

  std::vector<int64_t> rows, current;
  int64_t batch = 1, seed = 0;
  ExampleOrder form;
  int64_t orderedEpoch = -1;
  ExamplePosition where;
};

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_EXAMPLES_H
