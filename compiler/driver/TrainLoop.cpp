//===- TrainLoop.cpp - Training until a limit -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/TrainLoop.h"
#include "compiler/driver/Host.h"
#include "runtime/Progress.h"

#include <cmath>
#include <cstring>

using namespace rnnc;
using namespace rnnc::driver;

Result<TrainPlan> TrainPlan::of(const Settings &settings) {
  TrainPlan plan;
  if (auto value = settings.get("epochs"))
    plan.epochs = *parseReal(*value);
  if (auto value = settings.get("steps"))
    plan.steps = settings.whole("steps", 1);
  if (auto value = settings.get("time-limit")) {
    auto seconds = rt::parseDuration(*value);
    if (!seconds)
      return fromRuntime(seconds.error());
    plan.timeLimit = *seconds;
  }
  if (!plan.epochs && !plan.steps && !plan.timeLimit)
    plan.epochs = 10;
  plan.batch = settings.whole("batch", 32);
  auto window = windowOf(settings);
  if (!window)
    return window.error();
  plan.window = window->steps;
  plan.back = window->back;
  plan.accumulate = std::max<int64_t>(settings.whole("accumulate", 1), 1);
  plan.seed = settings.whole("seed", 1);
  plan.lr = settings.real("lr", 0.001);
  auto schedule = rt::Schedule::parse(settings.text("schedule", "constant"),
                                      settings.whole("warmup", 0));
  if (!schedule)
    return usageError("--schedule: " + schedule.error().message);
  plan.schedule = *schedule;
  std::string every = settings.text("valid-every", "epoch");
  if (every != "epoch") {
    auto steps = parseWhole(every);
    if (!steps || *steps < 1)
      return usageError("--valid-every expects epoch or a number of steps, "
                        "found '" +
                        every + "'");
    plan.validEvery = *steps;
  }
  plan.patience = settings.whole("patience", 0);
  if (auto text = settings.get("stop-below")) {
    auto rule = StopRule::parse(*text);
    if (!rule)
      return rule.error();
    plan.stop = *rule;
  }
  if (auto text = settings.get("checkpoint-every")) {
    if (auto steps = parseWhole(*text); steps && *steps > 0) {
      plan.checkpointSteps = *steps;
    } else {
      auto seconds = rt::parseDuration(*text);
      if (!seconds)
        return usageError("--checkpoint-every expects a time such as 5m or a "
                          "number of steps, found '" +
                          *text + "'");
      plan.checkpointSeconds = *seconds;
    }
  }
  if (settings.get("average"))
    plan.average = settings.real("average", 1);
  return plan;
}

Json TrainState::toJson(int64_t step) const {
  return {{"step", step},
          {"tokens", tokens},
          {"epoch", epoch},
          {"seconds", seconds},
          {"loss_sum", lossSum},
          {"loss_weight", lossWeight},
          {"last_loss", lastLoss},
          {"grad_norm", gradNorm},
          {"lr", lr},
          {"best_loss", bestLoss},
          {"best_step", bestStep},
          {"last_valid_step", lastValidStep},
          {"bad_validations", badValidations},
          {"stop", stop.toJson()},
          {"epoch_index", epochIndex},
          {"next_index", nextIndex},
          {"schedule_factor", scheduleFactor},
          {"schedule_best", scheduleBest}};
}

Result<void> TrainState::fromJson(const Json &json, int64_t &step) {
  bool whole = true;
  auto real = [&](const char *key, double &value) {
    if (json.is_object() && json.contains(key) && json[key].is_number())
      value = json[key].get<double>();
    else
      whole = false;
  };
  auto count = [&](const char *key, int64_t &value) {
    if (json.is_object() && json.contains(key) && json[key].is_number_integer())
      value = json[key].get<int64_t>();
    else
      whole = false;
  };
  count("step", step);
  count("tokens", tokens);
  real("epoch", epoch);
  real("seconds", seconds);
  real("loss_sum", lossSum);
  real("loss_weight", lossWeight);
  real("last_loss", lastLoss);
  real("grad_norm", gradNorm);
  real("lr", lr);
  real("best_loss", bestLoss);
  count("best_step", bestStep);
  count("last_valid_step", lastValidStep);
  count("bad_validations", badValidations);
  count("epoch_index", epochIndex);
  count("next_index", nextIndex);
  real("schedule_factor", scheduleFactor);
  real("schedule_best", scheduleBest);
  whole = whole && json.contains("stop") && stop.fromJson(json["stop"]);
  if (!whole)
    return makeError("bad-file", "the checkpoint lacks its training state");
  return {};
}

namespace {

/// One run of the loop.
class Loop {
public:
  Loop(Session &session, DataSet &data, TrainPlan &plan, TrainState &state,
       const TrainHooks &hooks)
      : session(session), data(data), plan(plan), state(state), hooks(hooks) {}
  Result<TrainOutcome> run();

private:
  Result<void> prepare();
  Result<StepResult> oneStep();
  Result<StepResult> stepInPieces();
  /// Of these examples, the metrics that decide about the end.
  Result<void> measure(const std::vector<int64_t> &rows);
  /// Validates; true if training should end.
  Result<bool> validate(TrainOutcome &outcome);
  Result<bool> judge(TrainOutcome &outcome);
  void keep();
  void putBack();
  bool limitReached(std::string &status) const;
  double share() const;
  bool isDue() const {
    return plan.validEvery ? session.step % plan.validEvery == 0
                           : state.nextIndex == 0;
  }

  Session &session;
  DataSet &data;
  TrainPlan &plan;
  TrainState &state;
  const TrainHooks &hooks;
  std::optional<rt::StreamCursor> stream;
  std::optional<rt::ExampleCursor> examples;
  int64_t perEpoch = 0, inAll = 0;
  double began = 0, before = 0, lastCheckpoint = 0, validSeconds = 0;
  /// Weights that gave a finite loss, and a newer copy that is not proved yet.
  std::vector<rt::Tensor> good, candidate;
  int64_t goodStep = 0, candidateStep = -1;
  /// What `measure` found for the update to come, and in how many batches.
  std::map<std::string, UpdateValue> measured;
  int64_t measurements = 0;
};

} // namespace

/// Decay of the smoothed loss, per step.
static constexpr double smoothing = 0.98;
/// Steps between copies of the weights that a bad loss goes back to.
static constexpr int64_t keepEvery = 100;

Result<void> Loop::measure(const std::vector<int64_t> &rows) {
  if (!plan.stop.readsMetrics())
    return {};
  DataPart now;
  now.examples = data.train.examples;
  now.rows = rows;
  auto found = session.evaluate(now, int64_t(rows.size()), plan.window);
  if (!found)
    return found.error();
  ++measurements;
  for (const StopCondition &condition : plan.stop.conditions) {
    if (condition.metric.empty())
      continue;
    // What is no number is not below anything.
    double value = found->values[condition.metric];
    value = std::isnan(value) ? HUGE_VAL : value;
    auto [it, first] = measured.try_emplace(condition.metric);
    UpdateValue &all = it->second;
    all.greatest = first ? value : std::max(all.greatest, value);
    all.mean += (value - all.mean) / double(measurements);
  }
  return {};
}

Result<void> Loop::prepare() {
  if (auto done = plan.stop.check(*session.variant().model, data.stream);
      !done)
    return done;
  if (data.stream) {
    rt::StreamOptions options;
    options.batch = plan.batch;
    options.window = plan.window;
    options.horizon = 0;
    auto made = rt::StreamCursor::create(data.train.length, options);
    if (!made)
      return fromRuntime(made.error());
    stream = std::move(*made);
    perEpoch = stream->windows();
    if (auto done = stream->restore({state.epochIndex, state.nextIndex}); !done)
      return fromRuntime(done.error());
  } else {
    auto made = data.train.cursor(plan.batch, plan.seed);
    if (!made)
      return made.error();
    examples = std::move(*made);
    perEpoch = examples->batches();
    if (auto done = examples->restore({state.epochIndex, state.nextIndex});
        !done)
      return fromRuntime(done.error());
  }
  // Updates, not batches.
  perEpoch = (perEpoch + plan.accumulate - 1) / plan.accumulate;
  if (plan.epochs)
    inAll = std::max<int64_t>(
        int64_t(std::ceil(*plan.epochs * double(perEpoch) - 1e-9)), 1);
  if (plan.steps)
    inAll = inAll ? std::min(inAll, *plan.steps) : *plan.steps;
  plan.schedule.restore(state.scheduleFactor, state.scheduleBest);
  return {};
}

double Loop::share() const {
  return inAll ? std::min(1.0, double(session.step) / double(inAll)) : 0;
}

Result<StepResult> Loop::oneStep() {
  // The rate of the step to come.
  state.lr =
      plan.schedule.rate(plan.lr, session.step + 1, state.epoch, share());
  if (session.pieces())
    return stepInPieces();
  if (stream) {
    rt::StreamWindow window = stream->next();
    auto result = session.update(data.train, window, state.lr);
    state.epochIndex = stream->position().epoch;
    state.nextIndex = stream->position().index;
    return result;
  }
  auto rows = examples->next();
  if (auto done = measure({rows.begin(), rows.end()}); !done)
    return done.error();
  auto result = session.update(data.train, rows, state.lr);
  state.epochIndex = examples->position().epoch;
  state.nextIndex = examples->position().index;
  return result;
}

/// An update of several batches, or of a window that overlaps the next. The
/// batches of an update are all of one epoch.
Result<StepResult> Loop::stepInPieces() {
  const int64_t all = stream ? stream->windows() : examples->batches();
  const int64_t batches = std::min(plan.accumulate, all - state.nextIndex);
  for (int64_t i = 0; i < batches; ++i) {
    Result<void> done;
    if (stream) {
      rt::StreamWindow window = stream->next();
      int64_t back = 0, nextBack = -1;
      if (plan.back > plan.window) {
        // The next window begins with states that this one passes, unless it is
        // the first of an epoch.
        back = std::min(plan.back - plan.window, window.start);
        nextBack = std::min(plan.back - plan.window,
                            window.start + window.steps);
      }
      done = session.accumulate(data.train, window, batches, back, nextBack);
      state.epochIndex = stream->position().epoch;
      state.nextIndex = stream->position().index;
    } else {
      auto rows = examples->next();
      done = measure({rows.begin(), rows.end()});
      if (done)
        done = session.accumulate(data.train, rows, batches);
      state.epochIndex = examples->position().epoch;
      state.nextIndex = examples->position().index;
    }
    if (!done)
      return done.error();
  }
  return session.apply(state.lr);
}

/// Copies the weights beside, to be trusted once the next loss is finite.
void Loop::keep() {
  const auto &tensors = session.project().weights.tensors;
  if (candidate.empty())
    for (const rt::NamedTensor &entry : tensors)
      candidate.emplace_back(entry.tensor.dtype(), entry.tensor.shape());
  for (size_t i = 0; i < tensors.size(); ++i)
    std::memcpy(candidate[i].data(), tensors[i].tensor.data(),
                size_t(tensors[i].tensor.bytes()));
  candidateStep = session.step;
}

void Loop::putBack() {
  auto &tensors = session.project().weights.tensors;
  session.dropAverage();
  if (good.size() != tensors.size())
    return;
  for (size_t i = 0; i < tensors.size(); ++i)
    std::memcpy(tensors[i].tensor.data(), good[i].data(),
                size_t(good[i].bytes()));
  session.project().weights.changed();
}

Result<bool> Loop::validate(TrainOutcome &outcome) {
  if (data.valid.empty() || state.lastValidStep == session.step)
    return false;
  // Judged and kept is the average, where there is one.
  session.swapAverage();
  Result<bool> stop = judge(outcome);
  session.swapAverage();
  return stop;
}

Result<bool> Loop::judge(TrainOutcome &outcome) {
  auto found = session.evaluate(data.valid, plan.batch, plan.window);
  if (!found)
    return found.error();
  validSeconds = found->seconds;
  outcome.validSeconds += found->seconds;
  state.lastValidStep = session.step;
  bool best = std::isfinite(found->loss) &&
              (state.bestStep == 0 || found->loss < state.bestLoss);
  if (best) {
    state.bestLoss = found->loss;
    state.bestStep = session.step;
    state.badValidations = 0;
  } else {
    ++state.badValidations;
  }
  plan.schedule.observe(found->loss);
  state.scheduleFactor = plan.schedule.factor();
  state.scheduleBest = plan.schedule.best();
  outcome.valid = *found;
  if (hooks.validated)
    if (auto done = hooks.validated(*found, best, session.step); !done)
      return done.error();
  return plan.patience > 0 && state.badValidations >= plan.patience;
}

bool Loop::limitReached(std::string &status) const {
  if (inAll && session.step >= inAll) {
    status = "finished";
    return true;
  }
  // The last validation is part of the time.
  if (plan.timeLimit && state.seconds + validSeconds >= *plan.timeLimit) {
    status = "time_limit";
    return true;
  }
  return false;
}

Result<TrainOutcome> Loop::run() {
  if (auto done = prepare(); !done)
    return done.error();
  TrainOutcome outcome;
  before = state.seconds;
  began = steadySeconds();
  lastCheckpoint = began;
  if (hooks.begun)
    hooks.begun(perEpoch, inAll);
  // A run that was interrupted between a step and its validation.
  if (session.step > 0 && isDue()) {
    auto stop = validate(outcome);
    if (!stop)
      return stop.error();
    if (*stop) {
      outcome.status = "early_stopped";
      return outcome;
    }
  }
  while (!limitReached(outcome.status)) {
    if (session.step % keepEvery == 0 || candidateStep < 0)
      keep();
    measured.clear();
    measurements = 0;
    auto result = oneStep();
    if (!result)
      return result.error();
    double now = steadySeconds();
    state.seconds = before + (now - began);
    // Nothing waits for that code until the first validation.
    if (!data.valid.empty())
      session.prepareEvaluation();
    if (!std::isfinite(result->loss)) {
      outcome.status = "diverged";
      outcome.badStep = session.step;
      outcome.badLoss = std::isnan(result->loss) ? "NaN" : "infinite";
      outcome.keptStep = goodStep;
      putBack();
      return outcome;
    }
    if (plan.average)
      session.average(*plan.average);
    if (candidateStep == session.step - 1) {
      std::swap(good, candidate);
      goodStep = candidateStep;
    }
    state.lastLoss = result->loss;
    state.gradNorm = result->gradNorm;
    state.lossSum = smoothing * state.lossSum + result->loss;
    state.lossWeight = smoothing * state.lossWeight + 1;
    state.tokens += result->count;
    state.epoch = double(session.step) / double(perEpoch);
    state.stop.observe(plan.stop, result->loss, measured);

    bool go = !hooks.stepped || hooks.stepped(state, session.step);
    if (go && isDue()) {
      auto stop = validate(outcome);
      if (!stop)
        return stop.error();
      if (*stop) {
        outcome.status = "early_stopped";
        break;
      }
    }
    if (!go) {
      outcome.status = "interrupted";
      break;
    }
    if (state.stop.holds(plan.stop)) {
      outcome.status = "early_stopped";
      break;
    }
    bool checkpoint = plan.checkpointSteps
                          ? session.step % plan.checkpointSteps == 0
                          : now - lastCheckpoint >= plan.checkpointSeconds;
    if (checkpoint && hooks.checkpoint) {
      if (auto done = hooks.checkpoint(); !done)
        return done.error();
      lastCheckpoint = now;
    }
  }
  // An interrupted run is validated when it is resumed and ends.
  if (outcome.status != "interrupted") {
    if (auto stop = validate(outcome); !stop)
      return stop.error();
  }
  state.seconds = before + (steadySeconds() - began);
  if (hooks.checkpoint)
    if (auto done = hooks.checkpoint(); !done)
      return done.error();
  return outcome;
}

Result<TrainOutcome> driver::trainLoop(Session &session, DataSet &data,
                                       TrainPlan &plan, TrainState &state,
                                       const TrainHooks &hooks) {
  return Loop(session, data, plan, state, hooks).run();
}
