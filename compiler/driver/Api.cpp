//===- Api.cpp - The C++ interface: models and streams --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/ApiState.h"

#include <algorithm>
#include <cstring>

using namespace rnnc;
using namespace rnnc::driver;
using api::Model;
using api::ModelState;
using api::Stream;
using api::StreamState;

rt::DType driver::toRuntime(api::DType type) {
  return static_cast<rt::DType>(type);
}

static int64_t bytesOf(const api::Tensor &tensor) {
  int64_t bytes = int64_t(rt::sizeOf(toRuntime(tensor.type)));
  for (int64_t size : tensor.shape)
    bytes *= size;
  return bytes;
}

Result<void> driver::readShape(const hir::Model &model, const hir::Input &input,
                               const api::Tensor &tensor,
                               std::map<std::string, int64_t> &extents) {
  size_t lead = input.type.axes.size() + 1;
  std::string found = rt::shapeText({tensor.shape.data(), tensor.shape.size()});
  if (tensor.shape.size() != lead + input.type.shape.size())
    return makeError("data-type",
                     "'" + input.name + "' is " + found + ", expected " +
                         std::to_string(lead + input.type.shape.size()) +
                         " axes: [time.., batch, ..]");
  auto set = [&](const std::string &axis, int64_t size) -> Result<void> {
    auto [it, fresh] = extents.emplace(axis, size);
    if (size < 1 || (!fresh && it->second != size))
      return makeError("data-size",
                       "'" + input.name + "' is " + found + "; axis " + axis +
                           " is " + std::to_string(it->second) + " elsewhere");
    return {};
  };
  for (size_t i = 0; i < input.type.axes.size(); ++i)
    if (auto done =
            set(model.axes[size_t(model.rootAxis(input.type.axes[i]))].name,
                tensor.shape[i]);
        !done)
      return done;
  return set("B", tensor.shape[lead - 1]);
}

Result<void> driver::copyIn(Call::Slot &slot, const api::Tensor &tensor,
                            const hir::Model &model) {
  if (slot.dtype() != toRuntime(tensor.type) ||
      !std::equal(slot.shape.begin(), slot.shape.end(), tensor.shape.begin(),
                  tensor.shape.end()))
    return makeError(
        "data-type",
        "'" + slot.info.name + "' is " +
            std::string(rt::nameOf(toRuntime(tensor.type))) + " " +
            rt::shapeText({tensor.shape.data(), tensor.shape.size()}) +
            ", the model needs " + std::string(rt::nameOf(slot.dtype())) + " " +
            rt::shapeText(slot.shape));
  const hir::Input *input = model.findInput(slot.info.name);
  if (input && input->type.elem == hir::Elem::Int && input->type.range)
    if (auto range = model.value(*input->type.range)) {
      auto *ids = static_cast<const int32_t *>(tensor.data);
      for (int64_t i = 0; i < slot.count(); ++i)
        if (ids[i] < 0 || ids[i] >= *range)
          return makeError("label-range", slot.info.name + " is " +
                                              std::to_string(ids[i]) +
                                              ", the model has classes 0 to " +
                                              std::to_string(*range - 1));
    }
  std::memcpy(slot.data, tensor.data, size_t(slot.bytes));
  return {};
}

//===----------------------------------------------------------------------===//
// Model
//===----------------------------------------------------------------------===//

static Result<Model> makeModel(Result<std::shared_ptr<Spec>> spec,
                               Settings settings) {
  if (!spec)
    return spec.error();
  std::vector<Message> warnings;
  auto project = Project::create(*spec, std::move(settings), warnings);
  if (!project)
    return project.error();
  bool stream = (*project)->settings().given.contains("window");
  auto analyzed = (*project)->analyzed(stream, false);
  if (!analyzed)
    return analyzed.error();
  auto options = CodeOptions::of((*project)->settings());
  if (!options)
    return options.error();
  options->stream = stream;
  auto code = Code::generate(**spec, **analyzed, *options);
  if (!code)
    return code.error();
  if (auto done = (*project)->initWeights(**code); !done)
    return done.error();
  Model model;
  model.impl = std::make_shared<ModelState>();
  model.impl->project = *project;
  model.impl->model = std::move(*analyzed);
  model.impl->stream = stream;
  return model;
}

Result<Model> rnnc::api::compile(const Path &file, const Options &options) {
  Settings settings(options);
  std::vector<Message> warnings;
  return makeModel(Spec::load(file.string(), settings, {}, warnings), settings);
}

Result<Model> rnnc::api::compileText(std::string_view text,
                                     const Options &options) {
  Settings settings(options);
  std::vector<Message> warnings;
  return makeModel(
      Spec::loadText("<text>", std::string(text), settings, {}, warnings),
      settings);
}

std::vector<api::ParameterInfo> Model::parameters() const {
  std::vector<ParameterInfo> list;
  for (const rt::NamedTensor &entry : impl->project->weights.tensors) {
    ParameterInfo info{entry.name, static_cast<DType>(entry.tensor.dtype()),
                       entry.tensor.shape(), false};
    for (const hir::Param &param : impl->model->params)
      if (param.name == entry.name)
        info.fixed = param.fixed;
    list.push_back(std::move(info));
  }
  return list;
}

Result<api::Tensor> Model::parameter(std::string_view name) const {
  rt::Tensor *found = impl->project->weights.find(std::string(name));
  if (!found)
    return makeError("unknown-parameter",
                     "the model has no parameter '" + std::string(name) + "'");
  return Tensor{found->data(), static_cast<DType>(found->dtype()),
                found->shape()};
}

Result<void> Model::set(std::string_view name, Tensor value) {
  auto own = parameter(name);
  if (!own)
    return own.error();
  if (own->type != value.type ||
      !std::equal(own->shape.begin(), own->shape.end(), value.shape.begin(),
                  value.shape.end()))
    return makeError(
        "weights", "'" + std::string(name) + "' is " +
                       rt::shapeText({value.shape.data(), value.shape.size()}) +
                       ", the model needs " +
                       rt::shapeText({own->shape.data(), own->shape.size()}));
  std::memcpy(own->data, value.data, size_t(bytesOf(value)));
  impl->project->weights.changed();
  return {};
}

Result<void> Model::load(const Path &file) {
  return impl->project->weights.load(file);
}

Result<void> Model::save(const Path &file) const {
  return impl->project->weights.save(file);
}

Result<std::unique_ptr<Call>> ModelState::take() {
  {
    std::lock_guard lock(mutex);
    if (!idle.empty()) {
      auto call = std::move(idle.back());
      idle.pop_back();
      return call;
    }
  }
  auto variant = project->variant({"forward"}, false);
  if (!variant)
    return variant.error();
  // The first call has the team; more at a time have one thread each.
  bool first = !teamTaken.exchange(true);
  auto made = Call::create((*variant)->code, "forward",
                           first ? project->team() : std::make_shared<Team>(1));
  if (!made)
    return made.error();
  auto call = std::make_unique<Call>(std::move(*made));
  if (auto done = project->weights.bind(*call); !done)
    return done.error();
  return call;
}

void ModelState::giveBack(std::unique_ptr<Call> call) {
  std::lock_guard lock(mutex);
  idle.push_back(std::move(call));
}

/// Copies results out by name.
static Result<void> copyOut(Call &call, api::Tensors out) {
  for (const auto &[name, tensor] : out) {
    Call::Slot *slot = call.result("output", std::string(name));
    if (!slot)
      return makeError("unknown-output",
                       "the model has no output '" + std::string(name) + "'");
    if (slot->dtype() != toRuntime(tensor.type) ||
        !std::equal(slot->shape.begin(), slot->shape.end(),
                    tensor.shape.begin(), tensor.shape.end()))
      return makeError(
          "data-type",
          "output '" + std::string(name) + "' is " +
              std::string(rt::nameOf(slot->dtype())) + " " +
              rt::shapeText(slot->shape) + ", the caller has " +
              rt::shapeText({tensor.shape.data(), tensor.shape.size()}));
    std::memcpy(tensor.data, slot->data, size_t(slot->bytes));
  }
  return {};
}

Result<void> Model::run(Tensors in, Tensors out) const {
  const hir::Model &model = *impl->model;
  std::map<std::string, int64_t> extents;
  for (const auto &[name, tensor] : in) {
    const hir::Input *input = model.findInput(std::string(name));
    if (!input)
      return makeError("unknown-input",
                       "the model has no input '" + std::string(name) + "'");
    if (auto done = readShape(model, *input, tensor, extents); !done)
      return done;
  }
  auto call = impl->take();
  if (!call)
    return call.error();
  auto work = [&]() -> Result<void> {
    if (auto done = (*call)->resize(extents); !done)
      return done;
    for (Call::Slot &slot : (*call)->args()) {
      if (slot.info.kind != "input" && slot.info.kind != "target")
        continue;
      auto it = std::find_if(in.begin(), in.end(), [&](const auto &pair) {
        return pair.first == slot.info.name;
      });
      if (it == in.end())
        return makeError("unbound-data",
                         "input '" + slot.info.name + "' is missing");
      if (auto done = copyIn(slot, it->second, model); !done)
        return done;
    }
    (*call)->run();
    return copyOut(**call, out);
  };
  Result<void> result = work();
  impl->giveBack(std::move(*call));
  return result;
}

//===----------------------------------------------------------------------===//
// Stream
//===----------------------------------------------------------------------===//

Result<Stream> Model::stream(int batch) const {
  if (batch < 1)
    return makeError("data-size", "a stream needs a batch of at least 1");
  auto variant = impl->project->variant({"forward"}, true, {}, 1);
  if (!variant)
    return variant.error();
  auto made =
      Call::create((*variant)->code, "forward", std::make_shared<Team>(1));
  if (!made)
    return made.error();
  Stream result;
  result.impl = std::make_shared<StreamState>();
  StreamState &state = *result.impl;
  state.project = impl->project;
  state.call.emplace(std::move(*made));
  if (auto done = impl->project->weights.bind(*state.call); !done)
    return done.error();
  std::map<std::string, int64_t> extents = {{"B", batch}};
  for (const hir::Axis &axis : (*variant)->model->axes)
    extents[axis.name] = 1;
  if (auto done = state.call->resize(extents); !done)
    return done.error();
  for (Call::Slot &slot : state.call->args()) {
    const std::string &kind = slot.info.kind;
    if (kind == "state")
      state.bytes += (slot.bytes + 63) / 64 * 64;
    else if (kind == "fresh")
      state.fresh.push_back(&slot);
    else if (kind == "input" || kind == "target")
      state.inputs.push_back(&slot);
  }
  for (Call::Slot &slot : state.call->results())
    if (slot.info.kind == "output")
      state.outputs.push_back(&slot);
  state.bytes += 64;
  for (Buffer &memory : state.memory)
    if (!memory.ensure(state.bytes))
      return makeError("memory", "out of memory for the stream's state");
  int64_t at = 0;
  for (Call::Slot &slot : state.call->args()) {
    if (slot.info.kind != "state")
      continue;
    Call::Slot *next = state.call->result("state", slot.info.name);
    if (!next)
      return internalError("state '" + slot.info.name + "' is not returned");
    state.call->borrow(slot, static_cast<char *>(state.memory[0].data()) + at);
    state.call->borrow(*next,
                       static_cast<char *>(state.memory[1].data()) + at);
    at += (slot.bytes + 63) / 64 * 64;
  }
  // What is made of the weights is made before the first step.
  result.step({}, {});
  result.reset();
  return result;
}

void Stream::step(Tensors in, Tensors out) noexcept {
  StreamState &state = *impl;
  int next = 1 - state.current;
  bool isFresh = state.started(state.current) == std::byte(0);
  for (Call::Slot *slot : state.fresh)
    std::memset(slot->data, isFresh, size_t(slot->bytes));
  for (Call::Slot *slot : state.inputs)
    for (const auto &[name, tensor] : in)
      if (name == slot->info.name && slot->dtype() == toRuntime(tensor.type) &&
          bytesOf(tensor) == slot->bytes)
        std::memcpy(slot->data, tensor.data, size_t(slot->bytes));
  state.call->run();
  state.started(next) = std::byte(1);
  state.current = next;
  for (const Call::Slot *slot : state.outputs)
    for (const auto &[name, tensor] : out)
      if (name == slot->info.name && slot->dtype() == toRuntime(tensor.type) &&
          bytesOf(tensor) == slot->bytes)
        std::memcpy(tensor.data, slot->data, size_t(slot->bytes));
}

void Stream::reset() noexcept {
  std::memset(impl->memory[impl->current].data(), 0, size_t(impl->bytes));
}

std::span<std::byte> Stream::state() noexcept {
  return {static_cast<std::byte *>(impl->memory[impl->current].data()),
          size_t(impl->bytes)};
}
