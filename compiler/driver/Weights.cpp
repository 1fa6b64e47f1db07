//===- Weights.cpp - The parameters of a model ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Weights.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::driver;

rt::Tensor *Weights::find(const std::string &name) {
  for (rt::NamedTensor &entry : tensors)
    if (entry.name == name)
      return &entry.tensor;
  return nullptr;
}

int64_t Weights::count() const {
  int64_t sum = 0;
  for (const rt::NamedTensor &entry : tensors)
    sum += entry.tensor.size();
  return sum;
}

Result<void> Weights::assign(const rt::TensorFile &file,
                             const std::string &name) {
  Error error;
  auto differs = [&](const std::string &message) {
    Message said;
    said.id = "weights";
    said.file = name;
    said.message = message;
    if (error.diagnostics.empty())
      error.message = name + ": " + message;
    error.diagnostics.push_back(said);
  };
  std::vector<rt::Tensor> values;
  for (const rt::NamedTensor &entry : tensors) {
    const rt::Tensor *found = file.find(entry.name);
    if (!found) {
      differs("'" + entry.name + "' is missing, the model needs " +
              rt::shapeText(entry.tensor.shape()));
      continue;
    }
    if (found->shape() != entry.tensor.shape()) {
      differs("'" + entry.name + "' is " + rt::shapeText(found->shape()) +
              ", the model needs " + rt::shapeText(entry.tensor.shape()));
      continue;
    }
    auto converted = found->convert(entry.tensor.dtype());
    if (!converted) {
      differs("'" + entry.name + "': " + converted.error().message);
      continue;
    }
    values.push_back(std::move(*converted));
  }
  for (const rt::NamedTensor &entry : file.tensors)
    if (!find(entry.name))
      differs("'" + entry.name + "' is not a parameter of the model");
  if (!error.diagnostics.empty())
    return error;
  for (size_t i = 0; i < tensors.size(); ++i)
    std::copy(values[i].raw().begin(), values[i].raw().end(),
              tensors[i].tensor.raw().begin());
  changed();
  return {};
}

Result<void> Weights::load(const std::filesystem::path &path) {
  auto file = rt::readSafetensors(path);
  if (!file)
    return fromRuntime(file.error());
  return assign(*file, path.string());
}

Result<void> Weights::save(const std::filesystem::path &path) const {
  rt::TensorFile file;
  file.metadata["format"] = "rnnc";
  file.metadata["rnnc_version"] = std::string(api::version());
  for (const rt::NamedTensor &entry : tensors)
    file.add(entry.name, entry.tensor);
  if (auto written = rt::writeSafetensors(path, file); !written)
    return fromRuntime(written.error());
  return {};
}

Result<void> Weights::bind(Call &call) {
  for (Call::Slot &slot : call.args()) {
    if (slot.info.kind != "param")
      continue;
    rt::Tensor *tensor = find(slot.info.name);
    if (!tensor)
      return internalError("no parameter '" + slot.info.name + "'");
    if (tensor->shape() != slot.info.shape || tensor->dtype() != slot.dtype())
      return internalError("parameter '" + slot.info.name +
                           "' has another shape in '" + call.name() + "'");
    call.borrow(slot, tensor->data());
  }
  std::shared_ptr<Prepared> kept;
  if (int64_t bytes = call.preparedBytes()) {
    std::lock_guard lock(shared->mutex);
    // A call keeps its code alive, so no other code has this address.
    std::weak_ptr<Prepared> &known =
        shared->byEntry[{call.compiled().get(), call.name()}];
    kept = known.lock();
    if (!kept) {
      kept = std::make_shared<Prepared>(generation);
      if (!kept->memory.ensure(bytes))
        return makeError("memory", "out of memory: '" + call.name() +
                                       "' needs " + std::to_string(bytes) +
                                       " bytes");
      known = kept;
    }
  }
  call.share(std::move(kept), generation);
  return {};
}
