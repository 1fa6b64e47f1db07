//===- Weights.h - The parameters of a model --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_WEIGHTS_H
#define RNNC_COMPILER_DRIVER_WEIGHTS_H

#include "compiler/driver/Call.h"
#include "runtime/Safetensors.h"

#include <map>
#include <mutex>

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

  /// Lets a call use them in place. Any thread.
  Result<void> bind(Call &call);
  /// To be called when numbers were changed in place: what calls have made of
  /// them is made again.
  void changed() { generation->fetch_add(1, std::memory_order_relaxed); }

private:
  /// What functions have made of these weights, while a call uses it.
  struct Shared {
    std::mutex mutex;
    std::map<std::pair<const Code *, std::string>, std::weak_ptr<Prepared>>
        byEntry;
  };
  std::shared_ptr<Generation> generation = std::make_shared<Generation>(1);
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
};

} // namespace rnnc::driver

#endif
