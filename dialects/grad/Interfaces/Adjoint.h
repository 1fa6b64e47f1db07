//===- Adjoint.h - The adjoint of a piece of IR under construction -*- C++
//-*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Holds the cotangents while ops are visited from the last to the first. The
// rules of dialects/grad/Rules read and extend it.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_GRAD_INTERFACES_ADJOINT_H
#define RNNC_DIALECTS_GRAD_INTERFACES_ADJOINT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include <string>
#include <utility>

namespace rnnc::grad {
class Adjoint;
} // namespace rnnc::grad

#include "dialects/grad/Interfaces/AdjointInterface.h.inc"

namespace rnnc::grad {

/// Values that take part in a derivative: they depend on what it is taken with
/// respect to, and the loss depends on them.
using NeededValues = llvm::DenseSet<mlir::Value>;

/// Labels of a tensor beside the tensor.
using Labelled = std::pair<llvm::StringRef, mlir::Value>;

/// The adjoint of the ops of one block under construction.
class Adjoint {
public:
  /// Builds at the insertion point of `builder`. `needed` outlives it.
  Adjoint(mlir::OpBuilder &builder, NeededValues &needed);
  /// The adjoint of the body of a scan: a step in `outer`'s adjoint. With
  /// lengths, the rows of the step at `position` may be invalid.
  Adjoint(mlir::OpBuilder &builder, const Adjoint &outer, mlir::Value lengths,
          mlir::Value position);

  mlir::OpBuilder &builder() { return b; }
  /// Where the op under differentiation was written.
  mlir::Location loc() const { return location; }
  void setLoc(mlir::Location l) { location = l; }
  NeededValues &needed() { return *neededValues; }

  /// Whether the cotangent of `value` is of any use.
  bool wants(mlir::Value value) const { return neededValues->contains(value); }
  /// The cotangent of `value` so far; null if 0.
  mlir::Value cotangent(mlir::Value value) const {
    return cotangents.lookup(value);
  }
  /// Replaces the cotangent of `value`.
  void setCotangent(mlir::Value value, mlir::Value cotangent) {
    cotangents[value] = cotangent;
    taken.insert(cotangent);
  }
  /// Adds to the cotangent of `value`; nothing if it is not wanted. Where the
  /// contribution is a fresh labelled sum, the sum so far becomes its `into`.
  void add(mlir::Value value, mlir::Value contribution);

  /// Visits `ops` from the last to the first. An op that passes a cotangent on
  /// but has no rule is an error.
  llvm::LogicalResult reverse(llvm::ArrayRef<mlir::Operation *> ops);

  /// A tensor of the shape of `like`, every entry `number`.
  mlir::Value constant(mlir::Value like, double number);
  mlir::Value zeros(mlir::Value like) { return constant(like, 0); }
  /// The extents of `value` along the dynamic labels of `to` that `from`
  /// lacks, in the order of `to`; `value` has the labels `to`.
  llvm::SmallVector<mlir::Value>
  newExtents(llvm::StringRef from, llvm::StringRef to, mlir::Value value);

  /// The `valid` operand of a sum over the labels `summed` of `factors`: the
  /// rows of enclosing ragged steps if rows are summed, the steps of a ragged
  /// axis if time is summed, and `given`, the primal op's own operand. Null if
  /// all is valid. May rename the labels of `labels` so that the ragged axis
  /// is `t`.
  mlir::Value validOf(std::string &labels, llvm::StringRef summed,
                      llvm::ArrayRef<Labelled> factors, mlir::Value given);

  mlir::Value addf(mlir::Value x, mlir::Value y);
  mlir::Value subf(mlir::Value x, mlir::Value y);
  mlir::Value mulf(mlir::Value x, mlir::Value y);
  mlir::Value divf(mlir::Value x, mlir::Value y);
  mlir::Value negf(mlir::Value x);
  mlir::Value select(mlir::Value c, mlir::Value x, mlir::Value y);

private:
  /// Rows of the step that are valid in every enclosing ragged step, or null.
  mlir::Value validRows();

  mlir::OpBuilder &b;
  mlir::Location location;
  NeededValues *neededValues;
  llvm::DenseMap<mlir::Value, mlir::Value> cotangents;
  /// Every value that is or was a cotangent.
  llvm::DenseSet<mlir::Value> taken;
  llvm::SmallVector<std::pair<mlir::Value, mlir::Value>> raggedSteps;
};

/// Zeros the entries of `value`, with labels `labels`, that `valid` excludes.
mlir::Value zeroInvalid(Adjoint &adjoint, llvm::StringRef labels,
                        mlir::Value value, mlir::Value valid);

} // namespace rnnc::grad

#endif
