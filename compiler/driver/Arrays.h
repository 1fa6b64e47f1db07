//===- Arrays.h - Arrays of the interpreter in compiled calls ---*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_ARRAYS_H
#define RNNC_COMPILER_DRIVER_ARRAYS_H

#include "compiler/driver/Call.h"
#include "compiler/verify/Bindings.h"

namespace rnnc::driver {

/// A RunFunction that calls compiled code. The arrays are in the order of the
/// function's own arguments, extents and key included. `call` must outlive it.
RunFunction compiled(Call &call, const EntryInfo &info);

/// Between arrays of the interpreter and tensors of the runtime.
rt::Tensor toTensor(const rnn::Array &array);
rnn::Array toArray(const rt::Tensor &tensor);

} // namespace rnnc::driver

#endif
