//===- Train.cpp - rnnc train ---------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the data, compiles, trains, and keeps the run folder.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Baselines.h"
#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Forecast.h"
#include "compiler/driver/Host.h"
#include "compiler/driver/Output.h"
#include "compiler/driver/Run.h"
#include "compiler/driver/Signals.h"
#include "compiler/driver/TrainLoop.h"
#include "runtime/AtomicFile.h"
#include "runtime/Checkpoint.h"
#include "runtime/Progress.h"
#include "runtime/Report.h"

#include <cmath>
#include <csignal>
#include <cstdio>
#include <ctime>

using namespace rnnc;
using namespace rnnc::driver;

/// A number with so many decimals.
static std::string fixed(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

/// A loss to compare with: two decimals, or three digits where it is small.
static std::string rounded(double value) {
  char text[64];
  std::snprintf(text, sizeof text, std::abs(value) < 0.1 ? "%.3g" : "%.2f",
                value);
  return text;
}

/// The command line as one would type it.
static std::string quoted(const CommandLine &line) {
  std::string text = std::string("rnnc ") + line.command->name;
  auto word = [](const std::string &value) {
    bool plain = !value.empty();
    for (unsigned char c : value)
      plain &=
          std::isalnum(c) || std::string_view("-_./=,:+@%#").find(char(c)) !=
                                 std::string_view::npos;
    if (plain)
      return value;
    std::string out = "'";
    for (char c : value)
      out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
  };
  for (const std::string &operand : line.operands)
    text += " " + word(operand);
  for (const OptionInfo &option : optionsOf(*line.command))
    for (const std::string &value : line.all(option.name))
      text += std::string(" --") + option.name +
              (option.kind == ValueKind::Flag ? "" : " " + word(value));
  return text;
}

namespace {
/// One training run.
class TrainRun {
public:
  TrainRun(const CommandLine &line, Console &console)
      : line(line), console(console), settings(line), begin(steadySeconds()) {}

  int run() {
    auto status = train();
    if (!status)
      return console.fail(status.error());
    return *status;
  }

private:
  Result<int> train();
  Result<void> open();
  Result<void> openResumed();
  Result<void> compile();
  Result<void> makeFolder();
  Result<void> restore();
  void warn(const char *id, const std::string &text) {
    Message warning;
    warning.severity = "warning";
    warning.id = id;
    warning.message = text;
    console.say(warning);
  }
  /// What the session has to say of its code and memory.
  void sayMessages() {
    for (const Message &message : session->takeMessages())
      console.say(message);
  }
  TrainHooks makeHooks();
  Result<void> saveCheckpoint();
  Result<void> finishFiles(const TrainOutcome &outcome);
  void announce();
  std::string memoryLine() const;
  void describe(const TrainOutcome &outcome);
  std::string closingLines(const TrainOutcome &outcome);
  bool stepped(const TrainState &state, int64_t step);
  rt::ProgressState progressState(const TrainState &state, int64_t step);
  std::optional<double> perplexity(double loss) const {
    if (!session->hasPerplexity())
      return std::nullopt;
    return std::exp(loss);
  }

  const CommandLine &line;
  Console &console;
  Settings settings;
  double begin;
  bool resumed = false;
  std::shared_ptr<Project> project;
  DataSet data;
  std::unique_ptr<Session> session;
  std::optional<rt::RunFolder> folder;
  /// Of a run that is resumed or made again.
  Learned learned;
  /// What the folder is named after.
  std::string stem;
  /// Of a run that is resumed or made again: its files with their checksums.
  Json earlierFiles;
  std::optional<rt::Progress> progress;
  rt::RateMeter meter;
  TrainPlan plan;
  TrainState state;
  Memory memory;
  std::optional<Evaluation> test;
  Json baselines = Json::object();
  int64_t perEpoch = 1, inAll = 0, firstStep = 0, firstTokens = 0;
  double firstSeconds = 0, readSeconds = 0, baselineSeconds = 0;
};
} // namespace

/// Options that a resumed run may be given anew.
static bool mayChange(const std::string &name) {
  for (const char *free :
       {"epochs", "steps", "time-limit", "threads", "resume", "json", "quiet",
        "verbose", "color", "progress", "max-errors", "allow", "deny-warnings",
        "diagnostics", "help", "no-cache", "remarks"})
    if (name == free)
      return true;
  return false;
}

Result<void> TrainRun::openResumed() {
  for (const auto &[name, values] : line.values)
    if (!mayChange(name))
      return usageError("--" + name +
                            " cannot be given with --resume: the "
                            "run keeps its own",
                        "only limits, --threads and display may change");
  if (!line.operands.empty())
    return usageError("--resume takes no SPEC: the run has its own");
  std::vector<Message> warnings;
  // A new limit replaces the limits of the run.
  if (settings.given.contains("epochs") || settings.given.contains("steps") ||
      settings.given.contains("time-limit"))
    settings.notInherited = {"epochs", "steps", "time-limit"};
  auto opened = openRun(*settings.get("resume"), settings,
                        MessageOptions::of(console), warnings);
  if (!opened)
    return opened.error();
  project = opened->project;
  learned = std::move(opened->learned);
  if (opened->config.contains("data"))
    earlierFiles = opened->config["data"];
  auto made = rt::RunFolder::open(*settings.get("resume"));
  if (!made)
    return fromRuntime(made.error());
  folder.emplace(std::move(*made));
  resumed = true;
  return {};
}

Result<void> TrainRun::open() {
  if (settings.get("resume"))
    return openResumed();
  if (line.operands.empty())
    return usageError("'rnnc train' needs SPEC", "see rnnc help train");
  std::vector<Message> warnings;
  // A run again from its folder: its text, data, vocabulary and options.
  if (isRunFolder(line.operands.front())) {
    const bool sameData = settings.data.empty() && !settings.get("task");
    auto opened = openRun(line.operands.front(), settings,
                          MessageOptions::of(console), warnings);
    if (!opened)
      return opened.error();
    project = opened->project;
    if (opened->config.contains("name") && opened->config["name"].is_string())
      stem = opened->config["name"].get<std::string>();
    if (sameData) {
      learned = std::move(opened->learned);
      if (opened->config.contains("data"))
        earlierFiles = opened->config["data"];
    }
    return {};
  }
  auto spec = Spec::load(line.operands.front(), settings,
                         MessageOptions::of(console), warnings);
  if (!spec)
    return spec.error();
  auto made = Project::create(*spec, settings, warnings);
  if (!made)
    return made.error();
  project = *made;
  for (const Message &warning : warnings)
    console.say(warning);
  return {};
}

Result<void> TrainRun::compile() {
  const double reading = steadySeconds();
  auto loaded =
      loadData(project->settings(), project->model(), std::move(learned));
  if (!loaded)
    return loaded.error();
  readSeconds = steadySeconds() - reading;
  data = std::move(*loaded);
  project->setSizes(data.sizes);
  if (!earlierFiles.is_null() && earlierFiles != data.files)
    return makeError(
        "data-changed",
        "the data of the run are not what they were: a checksum in " +
            (resumed
                 ? folder->path() / "config.json"
                 : std::filesystem::path(line.operands.front()) / "config.json")
                .string() +
            " differs");
  if (!data.stream && project->settings().given.contains("window"))
    return usageError("--window is for one long sequence; these data are "
                      "separate examples, each of which is a window");
  auto planned = TrainPlan::of(project->settings());
  if (!planned)
    return planned.error();
  plan = *planned;
  // Data too short for the batch are said before anything is written.
  if (data.stream) {
    rt::StreamOptions options;
    options.batch = plan.batch;
    options.window = plan.window;
    options.horizon = 0;
    auto cursor = rt::StreamCursor::create(data.train.length, options);
    if (!cursor)
      return fromRuntime(cursor.error());
  }
  auto made = Session::create(project, data.stream, data.ragged);
  for (const Message &message : project->takeMessages())
    console.say(message);
  if (!made)
    return made.error();
  session = std::move(*made);
  if (auto done = plan.stop.check(*session->variant().model, data.stream);
      !done)
    return done;
  if (auto path = project->settings().get("init"); path && !resumed)
    if (auto done = project->weights.load(*path); !done)
      return done;
  // What a step takes follows from what the data fill of batch and window.
  auto batches = largestBatches(*session->variant().model, data, plan);
  if (!batches)
    return batches.error();
  for (const Extents &extents : *batches) {
    auto takes = session->memoryAt(extents);
    if (!takes)
      return takes.error();
    if (memory.peak() < takes->peak())
      memory = *takes;
  }
  sayMessages();
  for (const auto &[stage, ms] : session->variant().code->timings())
    console.detail("stage " + stage + ": " + fixed(ms, 1) + " ms");
  return {};
}

Result<void> TrainRun::makeFolder() {
  if (resumed)
    return {};
  if (stem.empty())
    stem = project->spec().stem();
  std::optional<std::filesystem::path> out;
  if (auto path = settings.get("out"))
    out = *path;
  auto made = rt::RunFolder::create(out, stem, std::time(nullptr));
  if (!made)
    return fromRuntime(made.error());
  folder.emplace(std::move(*made));
  return beginRun(*folder, *project, data, quoted(line));
}

Result<void> TrainRun::restore() {
  if (!resumed)
    return {};
  std::error_code ignored;
  auto have = [&](const char *name) {
    return std::filesystem::exists(folder->file(name), ignored);
  };
  // Killed before its first checkpoint: nothing was lost but time.
  if (!have("last.ckpt") && !have("previous.ckpt") &&
      !have("final.safetensors")) {
    warn("checkpoint", folder->path().string() +
                           " has no checkpoint yet; beginning from the start");
    if (auto path = project->settings().get("init"))
      if (auto done = project->weights.load(*path); !done)
        return done;
    if (auto done = folder->cutBack(0); !done)
      return fromRuntime(done.error());
    return {};
  }
  auto loaded = rt::loadCheckpoint(folder->path());
  if (!loaded)
    return fromRuntime(loaded.error());
  if (!loaded->warning.empty())
    warn("checkpoint", loaded->warning);
  const auto &metadata = loaded->content.metadata;
  auto it = metadata.find("state");
  Json json =
      it == metadata.end() ? Json() : Json::parse(it->second, nullptr, false);
  int64_t step = 0;
  if (auto done = state.fromJson(json, step); !done)
    return done;
  if (auto done = session->restore(loaded->content,
                                   folder->file(loaded->file).string());
      !done)
    return done;
  session->step = step;
  if (auto done = folder->cutBack(step); !done)
    return fromRuntime(done.error());
  return {};
}

Result<void> TrainRun::saveCheckpoint() {
  rt::TensorFile content = session->snapshot();
  content.metadata["state"] = state.toJson(session->step).dump();
  content.metadata["rnnc_version"] = std::string(api::version());
  if (auto done = rt::saveCheckpoint(folder->path(), content); !done)
    return fromRuntime(done.error());
  return {};
}

rt::ProgressState TrainRun::progressState(const TrainState &state,
                                          int64_t step) {
  rt::ProgressState shown;
  shown.step = step;
  shown.epoch = state.epoch;
  shown.epochs = plan.epochs;
  shown.loss = state.loss();
  shown.perplexity = perplexity(shown.loss);
  shown.gradNorm = state.gradNorm;
  shown.lr = state.lr;
  shown.rate = meter.rate();
  shown.unit = data.unitShort();
  double share = 0;
  std::optional<double> left;
  if (inAll > 0) {
    share = double(step) / double(inAll);
    double perStep = step > firstStep ? (state.seconds - firstSeconds) /
                                            double(step - firstStep)
                                      : 0;
    left = double(inAll - step) * perStep;
  }
  if (plan.timeLimit) {
    share = std::max(share, state.seconds / *plan.timeLimit);
    double rest = std::max(0.0, *plan.timeLimit - state.seconds);
    left = left && inAll > 0 ? std::min(*left, rest) : rest;
  }
  shown.share = std::min(share, 1.0);
  shown.left = left;
  return shown;
}

bool TrainRun::stepped(const TrainState &state, int64_t step) {
  double now = steadySeconds();
  meter.add(double(state.tokens - firstTokens) - 0.0, now);
  firstTokens = state.tokens;
  if (progress->due(step, now))
    progress->step(progressState(state, step), now);
  if (step == 1 || step % 100 == 0) {
    rt::Metrics metrics;
    metrics.step = step;
    metrics.epoch = state.epoch;
    metrics.split = "train";
    metrics.loss = state.loss();
    metrics.perplexity = perplexity(state.loss());
    metrics.gradNorm = state.gradNorm;
    metrics.lr = state.lr;
    if (auto done = folder->appendMetrics(metrics); !done)
      progress->line("rnnc: warning: " + done.error().text());
  }
  return rememberedSignal() == 0;
}

TrainHooks TrainRun::makeHooks() {
  TrainHooks hooks;
  hooks.begun = [this](int64_t stepsPerEpoch, int64_t stepsInAll) {
    perEpoch = stepsPerEpoch;
    inAll = stepsInAll;
  };
  hooks.stepped = [this](const TrainState &state, int64_t step) {
    return stepped(state, step);
  };
  hooks.validated = [this](const Evaluation &found, bool best,
                           int64_t step) -> Result<void> {
    rt::Metrics metrics;
    metrics.step = step;
    metrics.epoch = state.epoch;
    metrics.split = "valid";
    metrics.loss = found.loss;
    metrics.perplexity = found.perplexity;
    metrics.accuracy = found.accuracy;
    metrics.lr = state.lr;
    if (auto done = folder->appendMetrics(metrics); !done)
      return fromRuntime(done.error());
    progress->valid(step, found.loss, found.perplexity, state.bestLoss,
                    state.bestStep);
    sayMessages();
    if (best)
      return project->weights.save(folder->file("best.safetensors"));
    return {};
  };
  hooks.checkpoint = [this] { return saveCheckpoint(); };
  return hooks;
}

/// What a step takes, before the first one.
std::string TrainRun::memoryLine() const {
  std::string text = "memory: parameters " +
                     rt::humanBytes(memory.parameters) + ", optimizer " +
                     rt::humanBytes(memory.optimizer) + ", saved " +
                     (memory.saved >= 0 ? rt::humanBytes(memory.saved) : "?") +
                     ", arena " + rt::humanBytes(memory.arena) + ", peak " +
                     rt::humanBytes(memory.peak());
  if (memory.recomputes)
    text += "; cheap values computed again";
  if (memory.pieces > 1)
    text += "; " + std::to_string(memory.pieces) + " pieces of " +
            std::to_string(memory.pieceSteps) + " steps";
  if (memory.recomputes || memory.pieces > 1)
    text += ", " + fixed(memory.extraWork * 100, 1) + " % extra work";
  return text;
}

void TrainRun::announce() {
  const Settings &now = project->settings();
  char count[64];
  std::snprintf(count, sizeof count, "%lld",
                static_cast<long long>(project->weights.count()));
  std::string text = project->model().name + ": " + count + " parameters, " +
                     rt::humanBytes(memory.peak()) + "; batch " +
                     std::to_string(plan.batch);
  if (data.stream) {
    text += ", window " + std::to_string(plan.window);
    if (plan.back > plan.window)
      text += " and " + std::to_string(plan.back - plan.window) + " before";
  }
  if (plan.accumulate > 1)
    text += ", " + std::to_string(plan.accumulate) + " batches an update";
  text += ", " + now.text("optimizer", "adam") + " lr " +
          rt::shortest(plan.lr) + ", clip " +
          rt::shortest(now.real("clip-norm", 5)) + ", " +
          std::to_string(project->team()->size()) + " threads, " +
          now.text("precision", "f32");
  progress->line(text);
  progress->line(memoryLine());
  int64_t trainCount =
      data.stream ? data.train.length : int64_t(data.train.rows.size());
  int64_t validCount =
      data.stream ? data.valid.length : int64_t(data.valid.rows.size());
  progress->line(std::to_string(trainCount) + " " + data.unit() +
                 " to train, " + std::to_string(validCount) + " to validate" +
                 (folder ? "; " + folder->path().string() : ""));
}

Result<void> TrainRun::finishFiles(const TrainOutcome &outcome) {
  // What is kept is the average, where there is one; the checkpoint has both.
  session->swapAverage();
  if (auto done = project->weights.save(folder->file("final.safetensors"));
      !done)
    return done;
  std::error_code ignored;
  if (!std::filesystem::exists(folder->file("best.safetensors"), ignored))
    if (auto done = project->weights.save(folder->file("best.safetensors"));
        !done)
      return done;
  if (data.test.empty() || outcome.status == "diverged")
    return {};
  if (auto done = project->weights.load(folder->file("best.safetensors"));
      !done)
    return done;
  auto found = session->evaluate(data.test, plan.batch, plan.window);
  sayMessages();
  if (!found)
    return found.error();
  test = *found;
  return {};
}

static Json evaluationJson(const Evaluation &found) {
  Json json = {{"loss", number(found.loss)},
               {"perplexity", nullptr},
               {"accuracy", nullptr}};
  if (found.perplexity)
    json["perplexity"] = number(*found.perplexity);
  if (found.accuracy)
    json["accuracy"] = number(*found.accuracy);
  return json;
}

void TrainRun::describe(const TrainOutcome &outcome) {
  Json &object = console.object;
  object["run"] = folder->path().string();
  object["status"] = outcome.status;
  object["steps"] = session->step;
  object["epochs"] = state.epoch;
  object["tokens"] = state.tokens;
  object["wall_s"] = state.seconds;
  object["compile_ms"] = session->variant().code->milliseconds();
  object["tokens_per_s"] =
      state.seconds > 0 ? double(state.tokens) / state.seconds : 0;
  object["parameters"] = project->weights.count();
  object["seed"] = plan.seed;
  object["threads"] = project->team()->size();
  object["precision"] = project->settings().text("precision", "f32");
  object["train"] = {{"loss", number(state.loss())}};
  Json valid = nullptr;
  if (state.bestStep > 0) {
    valid = Json::object();
    if (outcome.valid)
      valid = evaluationJson(*outcome.valid);
    valid["best_loss"] = number(state.bestLoss);
    valid["best_step"] = state.bestStep;
    // The validation of the weights that are kept, and tested; a run that was
    // resumed made it earlier.
    auto record = rt::readRun(folder->path());
    auto best = record ? record->validationAt(state.bestStep) : std::nullopt;
    valid["best_epoch"] = best ? Json(best->epoch) : Json(nullptr);
    for (auto [key, value] :
         {std::pair("best_perplexity", best ? best->perplexity : std::nullopt),
          std::pair("best_accuracy", best ? best->accuracy : std::nullopt)})
      valid[key] = value ? number(*value) : Json(nullptr);
  }
  object["valid"] = valid;
  object["test"] = test ? evaluationJson(*test) : Json(nullptr);
  object["baselines"] = baselines;
  object["memory"] = memoryJson(memory, session->peakBytes());
  if (session->evaluationPeak() > 0)
    object["memory"]["evaluation_peak_bytes"] = session->evaluationPeak();
  object["timing"] = {
      {"read", readSeconds},
      {"compile", session->variant().code->milliseconds() / 1e3},
      {"train", state.seconds - outcome.validSeconds},
      {"validate", outcome.validSeconds},
      {"baselines", baselineSeconds}};
  Json stages = Json::array();
  for (const auto &[stage, ms] : session->variant().code->timings())
    stages.push_back({{"name", stage}, {"ms", ms}});
  object["stages"] = stages;
  object["weights"] = folder->file("best.safetensors").string();
}

std::string TrainRun::closingLines(const TrainOutcome &outcome) {
  std::string text;
  if (state.bestStep > 0) {
    text += "best validation loss " + fixed(state.bestLoss, 4);
    if (auto ppl = perplexity(state.bestLoss))
      text += " (ppl " + fixed(*ppl, 2) + ")";
    text += " at step " + std::to_string(state.bestStep);
    if (test)
      text += "; test " + fixed(test->loss, 4);
    for (const char *name : {"5-gram", "naive", "chance"})
      if (baselines.contains(name) && baselines[name].is_number()) {
        text += std::string("; ") + name + " " +
                rounded(baselines[name].get<double>());
        break;
      }
  } else {
    text += "training loss " + fixed(state.loss(), 4);
    if (auto ppl = perplexity(state.loss()))
      text += " (ppl " + fixed(*ppl, 2) + ")";
  }
  double rate = state.seconds > 0 ? double(state.tokens) / state.seconds : 0;
  text += "\n" + std::to_string(session->step) + " steps in " +
          rt::humanTime(state.seconds) + ", " + rt::humanRate(rate) + " " +
          data.unitShort() + "/s, " + rt::humanBytes(memory.peak()) + "\n";
  text += "weights " + folder->file("best.safetensors").string() +
          "; next: rnnc " + (data.vocabulary ? "sample" : "eval") + " " +
          folder->path().string() + "\n";
  return text;
}

Result<int> TrainRun::train() {
  if (auto done = open(); !done)
    return done.error();
  if (auto done = compile(); !done)
    return done.error();
  rt::ProgressMode mode = rt::ProgressMode::None;
  if (!console.quiet) {
    auto parsed = rt::parseProgressMode(console.progress);
    if (!parsed)
      return fromRuntime(parsed.error());
    mode = *parsed;
  }
  if (settings.flag("dry-run")) {
    progress.emplace(mode, 2);
    announce();
    progress->finish();
    console.object["parameters"] = project->weights.count();
    console.object["memory"] = memoryJson(memory, std::nullopt);
    console.object["compile_ms"] = session->variant().code->milliseconds();
    return StatusDone;
  }
  if (auto done = makeFolder(); !done)
    return done.error();
  if (auto done = restore(); !done)
    return done.error();
  progress.emplace(mode, 2, [this](std::string_view text) {
    if (auto done = folder->log(text); !done)
      return;
  });
  announce();
  rememberSignals();
  firstStep = session->step;
  firstTokens = state.tokens;
  firstSeconds = state.seconds;
  // Time is counted from birth: reading and compiling are part of it.
  if (!resumed && plan.timeLimit)
    *plan.timeLimit =
        std::max(0.001, *plan.timeLimit - (steadySeconds() - begin));
  meter.add(0, steadySeconds());
  auto outcome = trainLoop(*session, data, plan, state, makeHooks());
  progress->finish();
  if (!outcome)
    return outcome.error();

  int status = StatusDone;
  if (outcome->status == "diverged") {
    status = console.fail(
        makeError("nan-loss",
                  "loss is " + outcome->badLoss + " at step " +
                      std::to_string(outcome->badStep) + "; weights of step " +
                      std::to_string(outcome->keptStep) + " kept in " +
                      folder->path().string(),
                  "lower --lr"));
  } else if (outcome->status == "interrupted") {
    status = rememberedSignal() == SIGTERM ? StatusTerminate : StatusInterrupt;
  }
  if (auto done = finishFiles(*outcome); !done)
    return done.error();
  // Whoever interrupts does not want to wait for more.
  const double judging = steadySeconds();
  baselines = data.baselines;
  if (outcome->status != "interrupted")
    baselines = baselinesOf(data, project->model(), data.valid,
                            project->settings().valid.empty());
  baselineSeconds = steadySeconds() - judging;
  describe(*outcome);
  std::string text = console.complete(status).dump(
                         2, ' ', false, Json::error_handler_t::replace) +
                     "\n";
  if (auto done = folder->write("result.json", text); !done)
    return fromRuntime(done.error());
  auto record = rt::readRun(folder->path());
  if (!record)
    return fromRuntime(record.error());
  if (auto done = folder->write("report.html", rt::reportHtml({&*record, 1}));
      !done)
    return fromRuntime(done.error());
  std::string closing = closingLines(*outcome);
  for (size_t at = 0; at < closing.size();) {
    size_t end = closing.find('\n', at);
    if (auto done = folder->log(closing.substr(at, end - at)); !done)
      return fromRuntime(done.error());
    at = end + 1;
  }
  if (status == StatusInterrupt || status == StatusTerminate)
    console.talk("interrupted; go on with: rnnc train --resume " +
                 folder->path().string());
  if (!console.print(closing))
    return StatusInput;
  return status;
}

int driver::trainCommand(const CommandLine &line, Console &console) {
  return TrainRun(line, console).run();
}
