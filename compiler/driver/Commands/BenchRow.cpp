//===- BenchRow.cpp - One measured way to run a model ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/BenchRow.h"
#include "compiler/driver/Host.h"
#include "compiler/driver/Signals.h"
#include "compiler/driver/Work.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace rnnc;
using namespace rnnc::driver;

//===----------------------------------------------------------------------===//
// Time
//===----------------------------------------------------------------------===//

double StepTimes::quantile(double share) const {
  if (samples.empty())
    return 0;
  std::vector<double> sorted = samples;
  std::sort(sorted.begin(), sorted.end());
  return sorted[size_t(share * double(sorted.size() - 1))];
}

StepTimes driver::timeSteps(const std::function<void()> &step, double warm,
                            double seconds, int64_t least) {
  StepTimes times;
  double start = steadySeconds();
  int64_t done = 0;
  do {
    step();
    ++done;
  } while (rememberedSignal() == 0 &&
           (steadySeconds() - start < warm || done < 2));
  double one = (steadySeconds() - start) / double(done);
  int64_t group = one < 50e-6 ? int64_t(50e-6 / one) + 1 : 1;
  start = steadySeconds();
  do {
    double before = steadySeconds();
    for (int64_t i = 0; i < group; ++i)
      step();
    times.samples.push_back((steadySeconds() - before) * 1000 / double(group));
    times.count += group;
  } while (rememberedSignal() == 0 &&
           (steadySeconds() - start < seconds ||
            int64_t(times.samples.size()) < least));
  return times;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// FNV-1a of the name, and a mix of it with the index: 32-bit arithmetic, so
/// that any language can do it.
static uint32_t sharedBits(const std::string &name, int64_t index) {
  uint32_t seed = 2166136261u;
  for (unsigned char c : name)
    seed = (seed ^ c) * 16777619u;
  uint32_t x = uint32_t(index + 1) * 2654435761u + seed;
  x ^= x >> 16;
  x *= 0x45d9f3bu;
  x ^= x >> 16;
  x *= 0x45d9f3bu;
  return x ^ (x >> 16);
}

double driver::sharedValue(const std::string &name, int64_t index) {
  return double(sharedBits(name, index) >> 8) / 8388608.0 - 1;
}

/// A normal number from two uniform ones (Box and Muller).
static double normalValue(const std::string &name, int64_t index) {
  double u = (double(sharedBits(name, 2 * index)) + 1) / 4294967297.0;
  double v = double(sharedBits(name, 2 * index + 1)) / 4294967296.0;
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * M_PI * v);
}

static void setReal(void *data, const std::string &type, int64_t index,
                    double value) {
  if (type == "f64")
    static_cast<double *>(data)[index] = value;
  else
    static_cast<float *>(data)[index] = float(value);
}

Result<void> Subject::fill(BenchValues values) {
  const hir::Model &model = *variant->model;
  bool natural = values == BenchValues::Natural;
  for (Call::Slot &slot : call().args()) {
    const std::string &kind = slot.info.kind, &name = slot.info.name;
    if (kind == "state") {
      std::memset(slot.data, 0, size_t(slot.bytes));
    } else if (kind == "fresh") {
      // The state is there already: a stream goes on.
      std::memset(slot.data, 0, size_t(slot.bytes));
    } else if (kind == "lengths") {
      auto it = extents.find(name);
      for (int64_t i = 0; i < slot.count(); ++i)
        static_cast<int32_t *>(slot.data)[i] =
            int32_t(it == extents.end() ? asked.length : it->second);
    } else if (kind == "param" && !natural) {
      // Of the size that keeps products with n terms near 1.
      double scale =
          slot.shape.size() < 2 ? 0.1 : 1 / std::sqrt(double(slot.shape.back()));
      for (int64_t i = 0; i < slot.count(); ++i)
        setReal(slot.data, slot.info.type, i, sharedValue(name, i) * scale);
    } else if (kind == "input" || kind == "target") {
      int64_t symbols = 2;
      const hir::Input *input = model.findInput(name);
      if (input && input->type.range)
        symbols = std::max<int64_t>(
            model.value(*input->type.range).value_or(2), 1);
      for (int64_t i = 0; i < slot.count(); ++i) {
        if (slot.info.type == "i32")
          static_cast<int32_t *>(slot.data)[i] =
              int32_t(sharedBits(name, i) % uint32_t(symbols));
        else if (slot.info.type == "i1")
          static_cast<uint8_t *>(slot.data)[i] = sharedBits(name, i) >> 31;
        else
          setReal(slot.data, slot.info.type, i,
                  natural ? normalValue(name, i) : sharedValue(name, i));
      }
    }
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Compilation
//===----------------------------------------------------------------------===//

Result<std::unique_ptr<Subject>>
Subject::create(std::shared_ptr<Spec> spec, Settings base, const BenchWay &way,
                BenchValues values, std::vector<Message> &said) {
  auto subject = std::make_unique<Subject>();
  subject->asked = way;
  subject->settings = std::move(base);
  if (auto done = subject->compile(std::move(spec), said); !done)
    return done.error();
  if (auto done = subject->fill(values); !done)
    return done.error();
  if (auto done = subject->count(); !done)
    return done.error();
  return subject;
}

Result<void> Subject::compile(std::shared_ptr<Spec> spec,
                              std::vector<Message> &said) {
  auto &given = settings.given;
  given["batch"] = std::to_string(asked.batch);
  given["threads"] = std::to_string(asked.threads);
  given["precision"] = asked.precision;
  // A time that depends on what was compiled before says nothing.
  given["no-cache"] = "true";
  double start = steadySeconds();
  auto made = Project::create(std::move(spec), settings, said);
  if (!made)
    return made.error();
  project = *made;
  times.emplace_back("ast", (steadySeconds() - start) * 1000);
  if (asked.threads > RNNRT_TEAM_MAX)
    return usageError("--threads: " + std::to_string(asked.threads) +
                      " is more than " + std::to_string(RNNRT_TEAM_MAX));

  bool trains = asked.mode == "train", steps = asked.mode == "stream";
  auto inPieces = wantsPieces(project->settings());
  if (!inPieces)
    return inPieces.error();
  auto asksFor = windowOf(project->settings());
  if (!asksFor)
    return asksFor.error();
  if (asksFor->back != asksFor->steps ||
      project->settings().whole("accumulate", 1) > 1)
    return usageError("bench measures a step with one window and one batch: "
                      "not K2 other than K1 in --window, or accumulate");
  if (*inPieces && !trains)
    return usageError("--memory-budget is for --mode train");
  stream = steps || (trains && project->settings().get("window"));
  if (steps) {
    asked.length = 1;
  } else if (asked.length == 0) {
    asked.length = 64;
    if (stream) {
      auto window = windowOf(project->settings());
      if (!window)
        return window.error();
      asked.length = window->steps;
    }
  }
  auto &wanted = project->changeSettings().given;
  wanted["length"] = std::to_string(asked.length);
  if (stream)
    wanted["window"] = wanted["length"];

  extents = {{"", asked.length}, {"B", asked.batch}};
  if (trains) {
    auto opened = Session::create(project, stream, {});
    for (Message &message : project->takeMessages())
      said.push_back(std::move(message));
    if (!opened)
      return opened.error();
    session = std::move(*opened);
  }
  // For training what the session has compiled already.
  auto compiled = project->variant(
      trains ? std::vector<std::string>{*inPieces ? "split" : "train"}
             : std::vector<std::string>{"forward"},
      stream, {}, steps ? project->threads() : 0);
  for (Message &message : project->takeMessages())
    said.push_back(std::move(message));
  if (!compiled)
    return compiled.error();
  variant = *compiled;
  if (!trains) {
    if (auto done = project->initWeights(*variant->code); !done)
      return done;
    auto call = Call::create(variant->code, "forward", project->team());
    if (!call)
      return call.error();
    forward.emplace(std::move(*call));
    if (auto done = project->weights.bind(*forward); !done)
      return done;
  }
  for (const hir::Axis &axis : variant->model->axes)
    extents[axis.name] = asked.length;
  if (auto done = session ? session->fit(session->training(), extents)
                          : forward->resize(extents);
      !done)
    return done;
  if (session)
    for (Message &message : session->takeMessages())
      said.push_back(std::move(message));
  for (const auto &[stage, ms] : variant->code->timings())
    times.emplace_back(stage, ms);
  for (const hir::ModelSize &size : variant->model->statics)
    if (size.value)
      statics[size.name] = *size.value;
  return {};
}

Result<void> Subject::count() {
  if (session && session->pieces()) {
    const Pieces &pieces = *session->pieces();
    taken = pieces.memory();
    products = pieces.work(pieces.cut()).flops;
    return {};
  }
  const std::string &entry = call().name();
  taken = memoryOf(*variant->code, entry, extents, asked.length);
  taken.arena = call().arenaBytes();
  // The same stages again, up to where products are still single ops.
  auto again =
      Code::generate(project->spec(), *variant->model, variant->options);
  if (!again)
    return again.error();
  if (auto done = (*again)->runTo("time"); !done)
    return done;
  if (auto work = countWork((*again)->module(), entry, extents)) {
    products = work->flops;
    if (taken.saved < 0)
      taken.saved = work->savedBytes;
  }
  return {};
}

double Subject::compileMs() const {
  double sum = 0;
  for (const auto &[stage, ms] : times)
    sum += ms;
  return sum;
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

/// So small that weights stay what they are, however many steps are timed.
static constexpr double kRate = 1e-9;

void Subject::step() {
  if (session)
    (void)session->update(kRate, tokens());
  else
    forward->run();
}

static double sumOfAbsolutes(const Call::Slot &slot) {
  double sum = 0;
  for (int64_t i = 0; i < slot.count(); ++i)
    sum += std::abs(slot.number(i));
  return sum;
}

std::map<std::string, double> Subject::check() {
  std::map<std::string, double> found;
  if (!session) {
    forward->run();
    for (const Call::Slot &slot : forward->results())
      if (slot.info.kind == "output") {
        found["out"] = sumOfAbsolutes(slot);
        break;
      }
    return found;
  }
  // The rate that takes the mean back to the sum; the update is the gradient.
  std::map<std::string, std::vector<double>> before;
  for (const Call::Slot &slot : call().args())
    if (slot.info.kind == "param")
      for (int64_t i = 0; i < slot.count(); ++i)
        before[slot.info.name].push_back(slot.number(i));
  auto done = session->update(double(tokens()), tokens());
  found["loss"] = done ? done->loss : NAN;
  double sum = 0;
  for (Call::Slot &slot : call().args())
    if (auto it = before.find(slot.info.name);
        slot.info.kind == "param" && it != before.end())
      for (int64_t i = 0; i < slot.count(); ++i) {
        if (slot.shape.size() > 1)
          sum += std::abs(slot.number(i) - it->second[size_t(i)]);
        setReal(slot.data, slot.info.type, i, it->second[size_t(i)]);
      }
  found["dw"] = sum;
  for (const Call::Slot &slot : call().results())
    if (slot.info.kind == "grad")
      found["dx"] += sumOfAbsolutes(slot) * double(tokens());
  return found;
}
