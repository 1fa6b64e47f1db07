//===- Bindings.h - Arguments and results by kind and name ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of a model say by `rnn.arg` what each argument and result
// stands for. Bindings hold arrays by that kind and name, so that values go
// from one function to another whatever the order of the arguments.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_VERIFY_BINDINGS_H
#define RNNC_COMPILER_VERIFY_BINDINGS_H

#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/Interpreter/Array.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <functional>
#include <map>
#include <string>

namespace rnnc {

/// Runs a function of a model on all its arguments in order. One runs the
/// interpreter, another compiled code.
using RunFunction = std::function<llvm::Expected<std::vector<rnn::Array>>(
    llvm::ArrayRef<rnn::Array>)>;

/// A RunFunction of the interpreter; `function` must outlive it.
RunFunction interpreted(mlir::func::FuncOp function);

/// Arrays by kind and name.
class Bindings {
public:
  struct Entry {
    rnn::ArgKind kind;
    std::string name;
    rnn::Array array;
  };

  /// Adds an array, or replaces the one of that kind and name.
  void set(rnn::ArgKind kind, llvm::StringRef name, rnn::Array array);
  /// Null if there is none.
  const rnn::Array *find(rnn::ArgKind kind, llvm::StringRef name) const;
  rnn::Array *find(rnn::ArgKind kind, llvm::StringRef name);
  /// All, in the order they were added.
  llvm::ArrayRef<Entry> entries() const { return all; }

  /// The arguments of `function`, in order; an error names what is missing.
  llvm::Expected<std::vector<rnn::Array>>
  arguments(mlir::func::FuncOp function) const;
  /// The results of `function` by kind and name.
  static Bindings results(mlir::func::FuncOp function,
                          std::vector<rnn::Array> arrays);

private:
  std::vector<Entry> all;
};

/// What is drawn at random for a function's arguments.
struct ExampleOptions {
  uint64_t seed = 1;
  /// Extents by axis name; `B` is 3 and time axes are 5 if not given.
  std::map<std::string, int64_t> extents;
  /// Number of classes by name of an input or target of ids.
  std::map<std::string, int64_t> ranges;
  /// Added to initial values: normal draws times this, so that zeros and ones
  /// do not hide mistakes.
  double spread = 0.2;
};

/// Arguments for `function` (loss, forward, grad ...): parameters from `init`
/// (of the same model; may be null: normal draws) plus `spread`; inputs
/// normal, targets and slots in [0, 1), ids in range, lengths 1 to T of which
/// one is T, states normal.
llvm::Expected<Bindings> exampleBindings(mlir::func::FuncOp function,
                                         mlir::func::FuncOp init,
                                         const ExampleOptions &options);

} // namespace rnnc

#endif
