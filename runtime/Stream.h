//===- Stream.h - a corpus as parallel streams ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts a long sequence into B streams that are read side by side in windows, so
// that state can be carried from window to window. This file decides positions
// only; the data stay where they are.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_STREAM_H
#define RNNC_RUNTIME_STREAM_H

#include "runtime/Tensor.h"

namespace rnnc::rt {

/// How a sequence is read.
struct StreamOptions {
  /// How many streams side by side.
  int64_t batch = 32;
  /// Steps of a window.
  int64_t window = 64;
  /// How many places after its input a target stands.
  int64_t horizon = 1;
  /// Training drops the last `count % batch` positions; evaluation reads them
  /// too: after the streams, the last stream goes on alone (batch 1), so every
  /// position is read exactly once.
  bool toTheEnd = false;
};

/// One window: `steps` consecutive positions of each of `batch` rows. Row b
/// reads the positions start + b * stride + t, t = 0..steps-1.
struct StreamWindow {
  /// Counted from 0.
  int64_t epoch = 0;
  /// The number of this window in its epoch, from 0.
  int64_t index = 0;
  int64_t start = 0, stride = 0;
  int64_t batch = 0, steps = 0;
  /// The rows begin anew: their states are zero and `fresh` is set.
  bool fresh = false;
  /// The single row of this window goes on where this row of the window before
  /// ended; -1: the rows are those of the window before (or fresh).
  int64_t continues = -1;
  /// The last window of the epoch.
  bool last = false;
  /// Positions in it: batch * steps.
  int64_t count() const { return batch * steps; }
};

/// Where a cursor stands; all that is needed to go on with the same bits.
struct StreamPosition {
  int64_t epoch = 0;
  /// The next window's number in its epoch.
  int64_t index = 0;
};

/// Walks over a sequence of `length` elements, epoch after epoch. With horizon
/// h there are length - h positions that have a target. They are cut into B
/// streams of S = (length - h) / B positions; an epoch is ceil(S / window)
/// windows, the last one shorter where the window does not divide S.
class StreamCursor {
public:
  /// An error if the sequence is too short for one position per stream (with
  /// `toTheEnd`: for one position at all).
  static Result<StreamCursor> create(int64_t length,
                                     const StreamOptions &options);

  /// The next window; moves on, after the last window to the next epoch.
  StreamWindow next();

  /// The window of a number in 0..windows()-1.
  StreamWindow at(int64_t epoch, int64_t index) const;

  /// Windows of an epoch.
  int64_t windows() const { return windowCount; }
  /// Positions read in an epoch.
  int64_t positions() const { return positionCount; }
  const StreamOptions &options() const { return settings; }

  /// Where it stands; `restore` of it gives the same windows again.
  StreamPosition position() const { return where; }
  /// An error if the position is not one of this sequence.
  Result<void> restore(StreamPosition position);

private:
  StreamCursor() = default;

  StreamOptions settings;
  int64_t streamLength = 0, wholeWindows = 0, windowCount = 0;
  int64_t positionCount = 0, remainder = 0;
  StreamPosition where;
};

/// Copies the elements of a window, time major: out[t, b] = source[position of
/// (t, b) + offset]. `source` has shape [N, d...], `out` becomes [T, B, d...]
/// of the same type (its memory is used again if the shape is right). Inputs
/// have offset 0, targets the horizon.
void gatherWindow(const StreamWindow &window, const Tensor &source,
                  int64_t offset, Tensor &out);

/// The same for tokens, into T * B numbers.
void gatherWindow(const StreamWindow &window, std::span<const int32_t> source,
                  int64_t offset, int32_t *out);

/// A part of a sequence: begin (included) to end (excluded).
struct Part {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

/// Reads "0.9,0.1" or "0.8,0.1,0.1": one to three shares, each above 0 except
/// that later ones may be 0, sum at most 1.
Result<std::vector<double>> parseSplit(std::string_view text);

/// Cuts 0..length by shares, by position. If the shares add up to 1 the last
/// part ends at `length`.
std::vector<Part> splitByPosition(int64_t length,
                                  std::span<const double> shares);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_STREAM_H
