//===- Weights.h - The parameters of a model --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_WEIGHTS_H
#define RNNC_COMPILER_DRIVER_WEIGHTS_H

#include "compiler/driver/Call.h"
#include "runtime/Safetensors.h"

namespace rnnc::driver {

/// All parameters by their path, in the order of the model. Tensors never
/// move, so calls may borrow them.
class Weights {
public:
  std::vector<rt::NamedTensor> tensors;

  rt::Tensor *find(const std::string &name);
  /// How many numbers there are.
  int64_t count() const;

  /// Copies from a file, whose name is used in errors; an error lists every
  /// difference, and then nothing is changed.
  Result<void> assign(const rt::TensorFile &file, const std::string &name);
  Result<void> load(const std::filesystem::path &path);
  Result<void> save(const std::filesystem::path &path) const;

  /// Lets a call use them in place.
  Result<void> bind(Call &call);
};

} // namespace rnnc::driver

#endif
