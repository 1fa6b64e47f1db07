//===- Handlers.h - One plain function per op -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table from the name of an op to the function that computes its result.
// Ops with regions and calls are not in it; Interpreter.cpp runs those.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_RNN_INTERPRETER_HANDLERS_H
#define RNNC_DIALECTS_RNN_INTERPRETER_HANDLERS_H

#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/Interpreter/Array.h"
#include "llvm/ADT/StringMap.h"

namespace rnnc::rnn {

/// The values of an op's operands, in order.
using Operands = llvm::ArrayRef<const Array *>;
/// Computes the one result of an op. Operands have the types of the op; what
/// the types leave open (dynamic extents, ids) the function checks.
using Handler = llvm::Expected<Array> (*)(mlir::Operation *, Operands);
using Handlers = llvm::StringMap<Handler>;

/// Each adds the ops of one family.
void addElementwiseOps(Handlers &handlers);
void addLabelledOps(Handlers &handlers);
void addMovementOps(Handlers &handlers);
void addValueOps(Handlers &handlers);
void addRandomOps(Handlers &handlers);

/// The values of the operands of one op by the names of its td.
class OperandMap {
public:
  OperandMap(mlir::Operation *op, Operands values) : op(op), values(values) {}
  /// The array of an operand; null for an optional one that is absent.
  const Array *operator()(mlir::Value operand) const {
    for (auto [value, array] : llvm::zip_equal(op->getOperands(), values))
      if (value == operand)
        return array;
    return nullptr;
  }

private:
  mlir::Operation *op;
  Operands values;
};

/// Which terms count: nothing, lengths [b], or a mask [b] or [t, b].
class Validity {
public:
  /// `valid` may be null. `steps` and `rows` are the extents of t and b that
  /// it must fit (-1: no such label).
  static llvm::Expected<Validity> create(const Array *valid, int64_t steps,
                                         int64_t rows);
  /// Whether the entry at step `t`, row `b` counts.
  bool operator()(int64_t t, int64_t b) const {
    if (!valid)
      return true;
    if (valid->dtype == DType::I32)
      return t < valid->as<int32_t>()[b];
    return valid->as<uint8_t>()[valid->rank() == 2 ? t * rows + b : b];
  }
  /// Whether everything counts.
  bool isAll() const { return !valid; }

private:
  const Array *valid = nullptr;
  int64_t rows = 0;
};

/// The dim of the batch of a value: its last dynamic dim; -1 without.
int64_t batchDim(mlir::Type type);

/// An error from pieces of text.
template <class... Pieces> llvm::Error fault(const Pieces &...pieces) {
  std::string text;
  llvm::raw_string_ostream out(text);
  (out << ... << pieces);
  return llvm::createStringError(text);
}

} // namespace rnnc::rnn

#endif
