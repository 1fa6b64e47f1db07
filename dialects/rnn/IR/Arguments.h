//===- Arguments.h - What an argument of a function is ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model's function says of each argument what it holds: a parameter, an input,
// the extent of an axis.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_RNN_IR_ARGUMENTS_H
#define RNNC_DIALECTS_RNN_IR_ARGUMENTS_H

#include "dialects/rnn/IR/RNNDialect.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace rnnc::rnn {

/// What argument `number` of `function` holds; null if the function does not
/// say.
inline ArgAttr argOf(mlir::FunctionOpInterface function, unsigned number) {
  return function.getArgAttrOfType<ArgAttr>(number, kArgAttrName);
}

} // namespace rnnc::rnn

#endif
