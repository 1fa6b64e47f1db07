//===- ApiTrainer.cpp - The C++ interface: training -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/ApiState.h"
#include "compiler/driver/Lengths.h"
#include "runtime/RunFolder.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace rnnc;
using namespace rnnc::driver;
using api::Trainer;
using api::TrainerState;

/// Options of the C++ interface as the command line has them.
static void take(Settings &settings, const api::TrainOptions &options) {
  auto text = [&](const char *name, const std::optional<std::string> &value) {
    if (value)
      settings.given[name] = *value;
  };
  auto real = [&](const char *name, const std::optional<double> &value) {
    if (value)
      settings.given[name] = rt::shortest(*value);
  };
  auto whole = [&](const char *name, const std::optional<int64_t> &value) {
    if (value)
      settings.given[name] = std::to_string(*value);
  };
  text("optimizer", options.optimizer);
  text("schedule", options.schedule);
  real("lr", options.lr);
  real("momentum", options.momentum);
  real("weight-decay", options.weightDecay);
  real("clip-norm", options.clipNorm);
  real("clip-value", options.clipValue);
  whole("warmup", options.warmup);
  whole("patience", options.patience);
  real("epochs", options.epochs);
  whole("steps", options.steps);
  real("average", options.average);
  whole("accumulate", options.accumulate);
  if (options.memoryBudget)
    settings.given["memory-budget"] = std::to_string(*options.memoryBudget);
  if (options.timeLimit)
    settings.given["time-limit"] = rt::shortest(*options.timeLimit) + "s";
}

static Result<void> prepare(TrainerState &state, bool stream,
                            std::set<std::string> ragged) {
  if (state.session && state.stream == stream && state.ragged == ragged)
    return {};
  auto made = Session::create(state.model.impl->project, stream, ragged);
  if (!made)
    return made.error();
  int64_t step = state.session ? state.session->step : 0;
  state.session = std::move(*made);
  state.session->step = step;
  state.stream = stream;
  state.ragged = std::move(ragged);
  return {};
}

Result<Trainer> Trainer::create(Model model, const TrainOptions &options) {
  Settings &settings = model.impl->project->changeSettings();
  take(settings, options);
  for (const OptionInfo &option : optionsOf(*findCommand("train")))
    if (auto it = settings.given.find(option.name); it != settings.given.end())
      if (auto problem = checkValue(option, it->second))
        return makeError("option", *problem);
  auto plan = TrainPlan::of(settings);
  if (!plan)
    return plan.error();
  Trainer trainer;
  trainer.impl = std::make_shared<TrainerState>();
  trainer.impl->model = model;
  trainer.impl->plan = *plan;
  if (auto done = prepare(*trainer.impl, model.impl->stream, {}); !done)
    return done.error();
  return trainer;
}

Result<double> Trainer::step(Tensors batch) {
  if (impl->plan.back != impl->plan.window)
    return makeError("window", "'step' has one window only: windows that "
                               "overlap need 'fit'");
  const hir::Model &model = *impl->model.impl->model;
  std::map<std::string, int64_t> extents;
  Lengths lengths(model);
  for (const auto &[view, tensor] : batch) {
    std::string name(view);
    if (Lengths::isName(name)) {
      auto each = rt::Tensor::create(
          toRuntime(tensor.type), {tensor.shape.begin(), tensor.shape.end()});
      if (!each)
        return fromRuntime(each.error());
      std::memcpy(each->data(), tensor.data, size_t(each->bytes()));
      if (auto done = lengths.add(name, *each); !done)
        return done.error();
      continue;
    }
    const hir::Input *input = model.findInput(name);
    if (!input)
      return makeError("unknown-input",
                       "the model has no input or target '" + name + "'");
    if (auto done = readShape(model, *input, tensor, extents); !done)
      return done.error();
  }
  if (auto done = lengths.settle(extents); !done)
    return done.error();
  if (auto done = prepare(*impl, impl->model.impl->stream, lengths.axes());
      !done)
    return done.error();
  Session &session = *impl->session;
  Call &call = session.training();
  // All time axes of a stream are one; the empty name is the session's own.
  Call::Slot *state = nullptr;
  for (Call::Slot &slot : call.args())
    if (slot.info.kind == "state")
      state = &slot;
  int64_t rows =
      state && state->data && !state->shape.empty() ? state->shape[0] : -1;
  if (auto done = session.fit(call, extents); !done)
    return done.error();
  Session::restart(call, !impl->stream || rows != extents["B"]);
  for (Call::Slot &slot : call.args()) {
    const Tensor *found = nullptr;
    if (slot.info.kind == "lengths") {
      const rt::Tensor *each = lengths.find(slot.info.name);
      if (!each || each->bytes() != slot.bytes)
        return internalError("axis '" + slot.info.name + "' has no lengths");
      std::memcpy(slot.data, each->data(), size_t(slot.bytes));
      continue;
    }
    if (slot.info.kind == "input" || slot.info.kind == "target") {
      for (const auto &[name, tensor] : batch)
        if (name == slot.info.name)
          found = &tensor;
    } else {
      continue;
    }
    if (!found)
      return makeError("unbound-data", "'" + slot.info.name + "' is missing");
    if (auto done = copyIn(slot, *found, model); !done)
      return done.error();
  }
  double lr = impl->plan.schedule.rate(impl->plan.lr, session.step + 1, 0, 0);
  auto result = session.update(lr, extents["B"], impl->plan.accumulate);
  if (!result)
    return result.error();
  return result->loss;
}

static api::EvalResult toResult(const Evaluation &found) {
  api::EvalResult result;
  result.loss = found.loss;
  result.perplexity = found.perplexity;
  result.accuracy = found.accuracy;
  result.metrics = found.values;
  result.count = found.count;
  return result;
}

/// Reads data as the command line would.
static Result<DataSet> read(TrainerState &state, const api::Data &data) {
  Settings settings = state.model.impl->project->settings();
  settings.data = data.data;
  settings.valid = data.valid;
  settings.test = data.test;
  settings.given["split"] = data.split;
  // Letters of words have a default of their own.
  if (data.tokens != "chars")
    settings.given["tokens"] = data.tokens;
  // Given, it holds for targets that have data of their own too.
  if (data.horizon != 1)
    settings.given["horizon"] = std::to_string(data.horizon);
  settings.given["min-count"] = std::to_string(data.minCount);
  if (!data.valid.empty())
    settings.given.erase("split");
  return loadData(settings, *state.model.impl->model, std::nullopt);
}

Result<api::TrainResult>
Trainer::fit(const Data &data, std::function<bool(const Progress &)> progress) {
  auto set = read(*impl, data);
  if (!set)
    return set.error();
  if (auto done = prepare(*impl, set->stream, set->ragged); !done)
    return done.error();
  TrainHooks hooks;
  hooks.stepped = [&](const TrainState &state, int64_t step) {
    if (!progress)
      return true;
    Progress now;
    now.step = step;
    now.epoch = state.epoch;
    now.loss = state.loss();
    now.lr = state.lr;
    now.tokensPerSecond =
        state.seconds > 0 ? double(state.tokens) / state.seconds : 0;
    return progress(now);
  };
  auto outcome =
      trainLoop(*impl->session, *set, impl->plan, impl->state, hooks);
  if (!outcome)
    return outcome.error();
  TrainResult result;
  result.status = outcome->status;
  result.steps = impl->session->step;
  result.tokens = impl->state.tokens;
  result.epochs = impl->state.epoch;
  result.seconds = impl->state.seconds;
  result.trainLoss = impl->state.loss();
  if (outcome->valid)
    result.valid = toResult(*outcome->valid);
  result.bestLoss = impl->state.bestLoss;
  result.bestStep = impl->state.bestStep;
  return result;
}

Result<api::EvalResult> Trainer::evaluate(const Data &data) {
  Data whole = data;
  whole.split = "1";
  auto set = read(*impl, whole);
  if (!set)
    return set.error();
  if (auto done = prepare(*impl, set->stream, set->ragged); !done)
    return done.error();
  auto found =
      impl->session->evaluate(set->train, impl->plan.batch, impl->plan.window);
  if (!found)
    return found.error();
  return toResult(*found);
}

api::MemoryUse Trainer::memory() const {
  MemoryUse use;
  Session &session = *impl->session;
  use.measuredPeak = std::max(session.peakBytes(), session.evaluationPeak());
  auto memory = session.lastMemory();
  if (!memory)
    return use;
  use.parameters = memory->parameters;
  use.optimizer = memory->optimizer;
  use.arena = memory->arena;
  use.saved = memory->saved;
  use.predictedPeak = memory->peak();
  use.extraWork = memory->extraWork;
  use.pieces = memory->pieces;
  use.recomputes = memory->recomputes;
  return use;
}

Result<void> Trainer::save(const Path &file) const {
  rt::TensorFile content = impl->session->snapshot();
  content.metadata["state"] = impl->state.toJson(impl->session->step).dump();
  if (auto done = rt::writeSafetensors(file, content); !done)
    return fromRuntime(done.error());
  return {};
}

Result<void> Trainer::resume(const Path &file) {
  auto content = rt::readSafetensors(file);
  if (!content)
    return fromRuntime(content.error());
  auto it = content->metadata.find("state");
  int64_t step = 0;
  TrainState state;
  if (auto done = state.fromJson(it == content->metadata.end()
                                     ? Json()
                                     : Json::parse(it->second, nullptr, false),
                                 step);
      !done)
    return done;
  if (auto done = impl->session->restore(*content, file.string()); !done)
    return done;
  impl->state = state;
  impl->session->step = step;
  return {};
}
