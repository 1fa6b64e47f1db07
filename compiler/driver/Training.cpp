//===- Training.cpp - Updates and evaluation ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Training.h"
#include "compiler/driver/Host.h"
#include "compiler/driver/Work.h"
#include "runtime/Progress.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace rnnc;
using namespace rnnc::driver;

Result<void> Session::readCarry(bool stream) {
  carries = owner->settings().text("carry", "true") == "true";
  if (!carries && !stream)
    return makeError("carry", "carry = false is for streams; each example "
                              "begins with states of its own");
  return {};
}

Result<void> Session::makeCall(const Variant &variant, const char *entry,
                               std::optional<Call> &call) {
  auto made = Call::create(variant.code, entry, owner->team());
  if (!made)
    return made.error();
  call.emplace(std::move(*made));
  return owner->weights.bind(*call);
}

Result<std::unique_ptr<Session>>
Session::create(std::shared_ptr<Project> project, bool stream,
                std::set<std::string> ragged, bool evaluateOnly) {
  auto session = std::make_unique<Session>();
  bool inPieces = false;
  if (!evaluateOnly) {
    auto wanted = wantsPieces(project->settings());
    if (!wanted)
      return wanted.error();
    inPieces = *wanted;
  }
  auto variant = project->variant(
      {evaluateOnly ? "eval" : inPieces ? "split" : "train"}, stream, ragged);
  if (!variant)
    return variant.error();
  session->compiled = *variant;
  session->owner = project;
  session->isStream = stream;
  session->raggedAxes = std::move(ragged);
  if (auto done = session->readCarry(stream); !done)
    return done.error();
  if (auto text = project->settings().get("memory-budget")) {
    auto bytes = rt::parseSize(*text);
    if (!bytes)
      return fromRuntime(bytes.error());
    session->budget = *bytes;
    session->budgetText = *text;
  }
  session->seed = project->settings().whole("seed", 1);
  session->beta1 = (*variant)->options.pipeline.beta1;
  session->beta2 = (*variant)->options.pipeline.beta2;
  if (auto done = project->initWeights(*(*variant)->code); !done)
    return done.error();
  // What is to be said about the code is said before anything runs.
  if (evaluateOnly || (*variant)->options.remarks)
    if (auto done = session->evaluation(); !done)
      return done.error();
  if (!evaluateOnly)
    if (auto done = session->makeCall(**variant, inPieces ? "update" : "train",
                                      session->trainCall);
        !done)
      return done.error();
  if (inPieces) {
    auto leaner = [project = project.get(), first = *variant](int64_t price) {
      return project->leaner(*first, price);
    };
    auto plans = Plans::create((*variant)->code, leaner, project->weights,
                               project->team(), *session->trainCall);
    if (!plans)
      return plans.error();
    session->plans = std::move(*plans);
    auto window = windowOf(project->settings());
    if (!window)
      return window.error();
    if (stream && window->back != window->steps)
      if (auto done = session->pieces()->checkOverlap(); !done)
        return done.error();
  }
  const hir::Model &model = *(*variant)->model;
  // One cross-entropy per step: its exponential is a perplexity.
  session->tokenLoss = model.losses.size() == 1 && model.losses[0].value &&
                       model.losses[0].value->op == hir::Op::CrossEntropy &&
                       !model.losses[0].value->type.axes.empty();
  return session;
}

Result<std::unique_ptr<Session>>
Session::forward(std::shared_ptr<Project> project, bool stream,
                 std::set<std::string> ragged) {
  auto variant = project->variant({"forward"}, stream, std::move(ragged));
  if (!variant)
    return variant.error();
  return forward(project, *variant);
}

Result<std::unique_ptr<Session>>
Session::forward(std::shared_ptr<Project> project,
                 std::shared_ptr<Variant> variant) {
  auto session = std::make_unique<Session>();
  session->compiled = variant;
  session->owner = project;
  if (auto done = session->readCarry(variant->options.stream); !done)
    return done.error();
  if (auto done = project->initWeights(*variant->code); !done)
    return done.error();
  auto made = Call::create(variant->code, "forward", project->team());
  if (!made)
    return made.error();
  session->evalCall.emplace(std::move(*made));
  if (auto done = project->weights.bind(*session->evalCall); !done)
    return done.error();
  return session;
}

Result<void> Session::fit(Call &call, std::map<std::string, int64_t> extents) {
  auto &last = fitted[&call];
  if (last == extents)
    return {};
  if (budget > 0 && evalCall && &call == &*evalCall) {
    auto done = fitEvaluation(extents);
    last = done ? std::move(extents) : std::map<std::string, int64_t>();
    return done;
  }
  if (auto done = call.resize(extents); !done)
    return done;
  last = std::move(extents);
  if (plans && &call == &*trainCall) {
    if (auto done = plans->plan(last, budget, budgetText); !done) {
      last.clear();
      return done;
    }
    return {};
  }
  // A step in pieces counts what is there, an evaluation only with a budget.
  if (plans)
    return {};
  int64_t bytes = call.arenaBytes();
  for (const Call::Slot &slot : call.args())
    if (slot.info.kind == "param" || slot.info.kind == "slot" ||
        slot.info.kind == "state")
      bytes += slot.bytes;
  for (const Call::Slot &slot : call.results())
    if (slot.info.kind == "state")
      bytes += slot.bytes;
  peak = std::max(peak, bytes);
  return {};
}

void Session::restart(Call &call, bool fresh) {
  for (Call::Slot &slot : call.args()) {
    if (slot.info.kind == "state" && fresh)
      std::memset(slot.data, 0, size_t(slot.bytes));
    if (slot.info.kind == "fresh")
      std::memset(slot.data, fresh, size_t(slot.bytes));
  }
}

bool Session::reads(const std::string &name) {
  return evalCall->arg("input", name) || evalCall->arg("target", name);
}

Result<Call *> Session::run(const DataPart &part,
                            std::span<const int64_t> rows) {
  if (auto filled = fill(*evalCall, part, rows); !filled)
    return filled.error();
  evalCall->run();
  return &*evalCall;
}

Result<Call *> Session::run(const DataPart &part,
                            const rt::StreamWindow &window) {
  if (auto done = fill(*evalCall, part, window); !done)
    return done.error();
  evalCall->run();
  return &*evalCall;
}

static Call::Slot *dataSlot(Call &call, const std::string &name) {
  Call::Slot *slot = call.arg("input", name);
  return slot ? slot : call.arg("target", name);
}

Result<void> Session::fill(Call &call, const DataPart &part,
                           const rt::StreamWindow &window) {
  const auto &last = fitted[&call];
  auto batch = last.find("B"), steps = last.find("");
  if (batch == last.end() || batch->second != window.batch ||
      steps == last.end() || steps->second != window.steps) {
    // All time axes of a stream are one; the empty name remembers its length.
    std::map<std::string, int64_t> extents = {{"", window.steps}};
    for (const hir::Axis &axis : compiled->model->axes)
      extents[axis.name] = window.steps;
    extents["B"] = window.batch;
    if (auto done = fit(call, std::move(extents)); !done)
      return done;
  }
  for (const StreamField &field : part.fields) {
    Call::Slot *slot = dataSlot(call, field.name);
    if (!slot)
      continue;
    if (auto done =
            part.gather(field, window, slot->data, slot->bytes, scratch);
        !done)
      return done;
  }
  restart(call, window.fresh || !carries);
  return {};
}

/// The names of the time axes of a field.
static std::vector<std::string> axesOf(const hir::Model &model,
                                       const std::string &field) {
  std::vector<std::string> names;
  if (const hir::Input *input = model.findInput(field))
    for (int axis : input->type.axes)
      names.push_back(model.axes[size_t(model.rootAxis(axis))].name);
  return names;
}

/// Takes in that a field has so many steps along its axes.
static Result<void> addSteps(const hir::Model &model, const std::string &field,
                             const std::vector<int64_t> &steps,
                             std::map<std::string, int64_t> &extents) {
  std::vector<std::string> axes = axesOf(model, field);
  for (size_t i = 0; i < axes.size() && i < steps.size(); ++i) {
    auto [it, fresh] = extents.emplace(axes[i], steps[i]);
    if (!fresh && it->second != steps[i])
      return makeError("data-size", "'" + field + "' has " +
                                        std::to_string(steps[i]) +
                                        " steps, other data along " + axes[i] +
                                        " have " + std::to_string(it->second));
  }
  return {};
}

Result<std::map<std::string, int64_t>>
driver::extentsOf(const hir::Model &model, const rt::ExampleBatch &batch) {
  std::map<std::string, int64_t> extents = {{"B", batch.size}};
  for (const rt::BatchField &field : batch.fields) {
    if (field.kind == rt::FieldKind::Single)
      continue;
    std::vector<int64_t> steps = field.axes;
    if (steps.empty())
      steps = {field.values.shape()[0]};
    if (auto done = addSteps(model, field.name, steps, extents); !done)
      return done.error();
  }
  return extents;
}

Result<std::map<std::string, int64_t>>
driver::extentsOf(const hir::Model &model, const rt::Examples &examples,
                  std::span<const int64_t> rows) {
  std::map<std::string, int64_t> extents = {{"B", int64_t(rows.size())}};
  for (const rt::Field &field : examples.fields()) {
    if (field.kind == rt::FieldKind::Single)
      continue;
    if (auto done = addSteps(model, field.name,
                             rt::Examples::extents(field, rows), extents);
        !done)
      return done.error();
  }
  return extents;
}

const rt::Tensor *driver::lengthsAlong(const hir::Model &model,
                                       const rt::BatchField &field,
                                       const std::string &axis) {
  if (field.kind != rt::FieldKind::Ragged)
    return nullptr;
  std::vector<std::string> axes = axesOf(model, field.name);
  if (!axes.empty() && axes[0] == axis)
    return &field.lengths;
  return field.nested() && axes.size() > 1 && axes[1] == axis
             ? &field.innerLengths
             : nullptr;
}

Result<int64_t> Session::fill(Call &call, const DataPart &part,
                              std::span<const int64_t> rows) {
  rt::ExampleBatch batch = part.examples->gather(rows);
  const hir::Model &model = *compiled->model;
  auto extents = extentsOf(model, batch);
  if (!extents)
    return extents.error();
  if (auto done = fit(call, *extents); !done)
    return done.error();
  for (const rt::BatchField &field : batch.fields) {
    Call::Slot *slot = dataSlot(call, field.name);
    if (slot) {
      if (field.values.bytes() != slot->bytes)
        return internalError("'" + field.name + "' has another size in '" +
                             call.name() + "'");
      std::memcpy(slot->data, field.values.data(), size_t(slot->bytes));
    }
    if (field.kind == rt::FieldKind::Single)
      continue;
    for (const std::string &axis : axesOf(model, field.name))
      if (Call::Slot *lengths = call.arg("lengths", axis)) {
        // Examples of one length, where others have their own, are whole.
        if (const rt::Tensor *own = lengthsAlong(model, field, axis))
          std::memcpy(lengths->data, own->data(), size_t(lengths->bytes));
        else
          std::fill_n(static_cast<int32_t *>(lengths->data), batch.size,
                      int32_t((*extents)[axis]));
      }
  }
  restart(call, true);
  return batch.size;
}

void Session::setHypers(double lr) {
  for (Call::Slot &slot : trainCall->args()) {
    if (slot.info.kind != "hyper")
      continue;
    if (slot.info.name == "lr")
      slot.setNumber(lr);
    else if (slot.info.name == "bias1")
      slot.setNumber(1 / (1 - std::pow(beta1, double(step))));
    else if (slot.info.name == "bias2")
      slot.setNumber(1 / (1 - std::pow(beta2, double(step))));
    else if (slot.info.name == "update")
      slot.setNumber(double(step - 1));
  }
}

Result<double> Session::addBatch(Pieces::Batch batch, int64_t batches,
                                 int64_t count) {
  batch.seed = 1 / double(batches);
  // Each batch of an update has draws of its own.
  batch.key = drawKey(seed, step + 1);
  batch.update = step;
  if (added > 0)
    batch.key = drawKey(batch.key, added);
  batch.isFirst = added == 0;
  auto loss = plans->now().add(batch);
  if (!loss)
    return loss.error();
  ++added;
  addedLoss += *loss;
  addedCount += count;
  peak = std::max(peak, plans->now().allocatedBytes());
  return *loss;
}

Result<StepResult> Session::apply(double lr) {
  ++step;
  setHypers(lr);
  trainCall->run();
  StepResult result;
  result.loss = addedLoss / double(std::max<int64_t>(added, 1));
  result.count = addedCount;
  for (const Call::Slot &slot : trainCall->results())
    if (slot.info.kind == "grad_norm")
      result.gradNorm = slot.number();
  added = addedCount = 0;
  addedLoss = 0;
  return result;
}

Result<void> Session::accumulate(const DataPart &part,
                                 const rt::StreamWindow &window,
                                 int64_t batches, int64_t back,
                                 int64_t nextBack) {
  rt::StreamWindow wide = window;
  wide.start -= back;
  wide.steps += back;
  // The states of a window that begins later are those that were kept.
  wide.fresh = wide.fresh && back == 0;
  if (auto done = fill(*trainCall, part, wide); !done)
    return done;
  Pieces::Batch batch;
  if (nextBack >= 0) {
    batch.lossFrom = back;
    batch.keepAt = wide.steps - nextBack;
    batch.goesOn = wide.start > 0;
    // States begin where the first window of the streams does.
    restart(*trainCall, wide.start == 0);
  }
  if (auto loss = addBatch(batch, batches, window.count()); !loss)
    return loss.error();
  return {};
}

Result<void> Session::accumulate(const DataPart &part,
                                 std::span<const int64_t> rows,
                                 int64_t batches) {
  auto count = fill(*trainCall, part, rows);
  if (!count)
    return count.error();
  if (auto loss = addBatch({}, batches, *count); !loss)
    return loss.error();
  return {};
}

Result<Memory>
Session::memoryAt(const std::map<std::string, int64_t> &extents) {
  if (!plans) {
    Memory memory = memoryOf(*compiled->code, "train", extents, 1);
    if (auto work = countWork(compiled->code->plannedModule(), "train", extents))
      memory.saved = work->savedBytes;
    return memory;
  }
  if (auto done = fit(*trainCall, extents); !done)
    return done.error();
  return plans->now().memory();
}

std::optional<Memory> Session::lastMemory() {
  auto it = trainCall ? fitted.find(&*trainCall) : fitted.end();
  if (it == fitted.end() || it->second.empty())
    return std::nullopt;
  if (plans)
    return plans->now().memory();
  auto memory = memoryAt(it->second);
  return memory ? std::optional<Memory>(*memory) : std::nullopt;
}

Result<StepResult> Session::update(double lr, int64_t count, int64_t batches) {
  if (plans) {
    auto loss = addBatch({}, batches, count);
    if (!loss)
      return loss.error();
    StepResult result;
    if (added == batches) {
      auto done = apply(lr);
      if (!done)
        return done;
      result = *done;
    }
    result.loss = *loss;
    result.count = count;
    return result;
  }
  Call &call = *trainCall;
  ++step;
  setHypers(lr);
  call.setKey(drawKey(seed, step));
  call.run();
  StepResult result;
  result.count = count;
  result.loss = call.results().empty() ? 0 : call.results()[0].number();
  for (const Call::Slot &slot : call.results())
    if (slot.info.kind == "grad_norm")
      result.gradNorm = slot.number();
  return result;
}

Result<StepResult> Session::update(const DataPart &part,
                                   const rt::StreamWindow &window, double lr) {
  if (auto done = fill(*trainCall, part, window); !done)
    return done.error();
  return update(lr, window.count());
}

Result<StepResult> Session::update(const DataPart &part,
                                   std::span<const int64_t> rows, double lr) {
  auto count = fill(*trainCall, part, rows);
  if (!count)
    return count.error();
  return update(lr, *count);
}

template <class T>
static void takeIn(rt::Tensor &mean, const rt::Tensor &now, double share) {
  std::span<T> to = mean.as<T>();
  std::span<const T> from = now.as<T>();
  // In this form what never changes stays the same to the bit.
  for (size_t i = 0; i < to.size(); ++i)
    to[i] += T(share) * (from[i] - to[i]);
}

void Session::average(double decay) {
  const auto &weights = owner->weights.tensors;
  if (averages.size() != weights.size()) {
    averages.clear();
    for (const rt::NamedTensor &entry : weights)
      averages.push_back(entry.tensor);
    return;
  }
  const double updates = double(step);
  const double share = 1 - std::min(decay, (updates - 1) / updates);
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i].tensor.dtype() == rt::DType::F64)
      takeIn<double>(averages[i], weights[i].tensor, share);
    else if (weights[i].tensor.dtype() == rt::DType::F32)
      takeIn<float>(averages[i], weights[i].tensor, share);
  }
}

void Session::swapAverage() {
  auto &weights = owner->weights.tensors;
  if (averages.size() != weights.size())
    return;
  for (size_t i = 0; i < weights.size(); ++i) {
    auto *mine = static_cast<char *>(weights[i].tensor.data());
    std::swap_ranges(mine, mine + weights[i].tensor.bytes(),
                     static_cast<char *>(averages[i].data()));
  }
  owner->weights.changed();
}

/// A copy of a slot's memory.
static rt::Tensor copyOf(const Call::Slot &slot) {
  rt::Tensor tensor(slot.dtype(), slot.shape);
  std::memcpy(tensor.data(), slot.data, size_t(slot.bytes));
  return tensor;
}

rt::TensorFile Session::snapshot() {
  rt::TensorFile file;
  for (const rt::NamedTensor &entry : owner->weights.tensors)
    file.add("param/" + entry.name, entry.tensor);
  if (averages.size() == owner->weights.tensors.size())
    for (size_t i = 0; i < averages.size(); ++i)
      file.add("average/" + owner->weights.tensors[i].name, averages[i]);
  if (trainCall)
    for (const Call::Slot &slot : trainCall->args())
      if ((slot.info.kind == "slot" || slot.info.kind == "state") &&
          slot.data && !(slot.info.kind == "state" && slot.shape.empty()))
        file.add(slot.info.kind + "/" + slot.info.name, copyOf(slot));
  if (plans)
    plans->now().snapshot(file);
  return file;
}

Result<void> Session::restore(const rt::TensorFile &file,
                              const std::string &name) {
  rt::TensorFile params;
  for (const rt::NamedTensor &entry : file.tensors)
    if (entry.name.starts_with("param/"))
      params.add(entry.name.substr(6), entry.tensor);
  if (auto done = owner->weights.assign(params, name); !done)
    return done;
  averages.clear();
  for (const rt::NamedTensor &weight : owner->weights.tensors)
    for (const rt::NamedTensor &entry : file.tensors)
      if (entry.name == "average/" + weight.name &&
          entry.tensor.dtype() == weight.tensor.dtype() &&
          entry.tensor.bytes() == weight.tensor.bytes())
        averages.push_back(entry.tensor);
  // The extents of the states say how the call was sized.
  int64_t rows = 1;
  for (const rt::NamedTensor &entry : file.tensors)
    if (entry.name.starts_with("state/") && entry.tensor.rank() > 0)
      rows = entry.tensor.shape()[0];
  std::map<std::string, int64_t> extents = {{"", 1}, {"B", rows}};
  for (const hir::Axis &axis : compiled->model->axes)
    extents[axis.name] = 1;
  if (auto done = fit(*trainCall, extents); !done)
    return done;
  for (const rt::NamedTensor &entry : file.tensors) {
    size_t slash = entry.name.find('/');
    std::string kind = entry.name.substr(0, slash);
    if (kind != "slot" && kind != "state")
      continue;
    Call::Slot *slot = trainCall->arg(kind, entry.name.substr(slash + 1));
    if (!slot || slot->bytes != entry.tensor.bytes())
      return makeError("bad-file",
                       name + ": '" + entry.name + "' does not fit the model");
    std::memcpy(slot->data, entry.tensor.data(), size_t(slot->bytes));
  }
  if (plans)
    return plans->now().restore(file, name, rows);
  return {};
}
