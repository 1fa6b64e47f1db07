//===- Interpreter.h - Reference interpreter of the rnn dialect -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The executable meaning of the dialect: runs a function op by op, each op by
// one plain function, slow and obviously right. Oracle of the tests, and the
// only thing that ever runs a model's `init`.
//
// Numbers: a function of f32 runs in f32, one of f64 in f64. Sums go in the
// order that the ops document, but every product is rounded before it is
// added, so compiled code agrees to a tolerance and not to the bit.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_RNN_INTERPRETER_INTERPRETER_H
#define RNNC_DIALECTS_RNN_INTERPRETER_INTERPRETER_H

#include "dialects/rnn/Interpreter/Array.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace rnnc::rnn {

/// Runs `function` on `args` (extents and key are arrays of rank 0) and gives
/// its results. Whatever cannot be run - an op it does not know, an id outside
/// a table, extents that do not agree - is an error that begins with the
/// place. Safe from several threads, each with a module of its own context or
/// with a module that nobody changes meanwhile.
llvm::Expected<std::vector<Array>> interpret(mlir::func::FuncOp function,
                                             llvm::ArrayRef<Array> args);

} // namespace rnnc::rnn

#endif
