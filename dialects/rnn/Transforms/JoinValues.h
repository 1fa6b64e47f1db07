//===- JoinValues.h - Parts joined without copies where it can be -*- C++
//-*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One value from several: the value they are slices of, what a scan can emit
// as a whole, or a concat as far out as it can stand.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_RNN_TRANSFORMS_JOINVALUES_H
#define RNNC_DIALECTS_RNN_TRANSFORMS_JOINVALUES_H

#include "dialects/rnn/IR/RNNDialect.h"
#include "mlir/IR/Builders.h"

namespace rnnc::rnn {

/// Where parts come from. Parts of one source join without copies.
struct PartSource {
  /// The scan that emits them; null if none.
  mlir::Operation *scan = nullptr;
  /// The value that they are slices of; null if none.
  mlir::Value whole;
  bool operator==(const PartSource &) const = default;
};
PartSource sourceOf(mlir::Value value, int64_t axis);

/// A number that sorts parts alike wherever they are joined: by the argument or
/// op they come from, then by their place in it.
std::array<int64_t, 3> orderOf(mlir::Value value);

/// The concatenation of `values` along `axis`, which stands right after the
/// last of them, so it dominates every op that all of them dominate.
mlir::Value joinValues(mlir::ValueRange values, int64_t axis);

/// Sequences that are slices of one value come in as that value and are cut in
/// the body. True if something changed.
bool widenSequences(ScanOp scan);

/// Reductions, look-ups and scatters in `block` that read neighbouring slices
/// of one value alike become one; the number of them, 0 if there are none.
unsigned joinReaders(mlir::Block &block);

/// Where a scan joins values in its body and emits each of them, it emits
/// the joined value, and the parts are slices of it. True if something
/// changed; `scan` is erased then.
bool emitWholes(ScanOp scan);

} // namespace rnnc::rnn

#endif
