//===- Contract.h - Contracts as matrix products ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a contract is seen where it runs on packed panels (EmitContract.cpp) or
// beside a loop over time (EmitBeside.cpp).
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_CODEGEN_CONTRACT_H
#define RNNC_COMPILER_CODEGEN_CONTRACT_H

#include "compiler/codegen/Emitter.h"

namespace rnnc::codegen {

/// A contract seen as out[m, n] = sum over k of left[m, k] * right[k, n].
struct Emitter::Product {
  Value left, right;
  std::string leftLabels, rightLabels, outLabels;
  std::string rows, columns, terms;
  bool descending = false, isNarrow = false;
};

/// The terms of an operand: one behind the other at equal distances, or where
/// a list says.
struct Emitter::ProductTerms {
  Value base;
  Value count, stride;
  /// Offsets of the terms in entries; null where they are at equal distances.
  Value list;
  std::optional<View> listView;
  /// Whether they lie side by side.
  bool isNear = false;
  /// How many there are at most.
  Monomial limit{1};
};

/// Size and stride of labels that lie as one dim; empty if they do not.
std::optional<std::pair<Monomial, Monomial>>
asOne(const View &view, llvm::StringRef viewLabels, llvm::StringRef labels);

} // namespace rnnc::codegen

#endif
