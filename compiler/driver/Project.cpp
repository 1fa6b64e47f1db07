//===- Project.cpp - A model with its settings and code -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Project.h"
#include "frontends/rnn/StepSplit.h"

#include <future>

using namespace rnnc;
using namespace rnnc::driver;

Result<Window> driver::windowOf(const Settings &settings) {
  auto text = settings.get("window");
  if (!text)
    return Window();
  size_t colon = text->find(':');
  auto steps = parseWhole(text->substr(0, colon));
  auto back = colon == std::string::npos
                  ? steps
                  : parseWhole(std::string_view(*text).substr(colon + 1));
  if (!steps || *steps < 1 || !back || *back < 1)
    return usageError("--window expects K1[:K2], whole numbers of at least 1, "
                      "found '" +
                      *text + "'");
  if (*back < *steps)
    return usageError("--window=" + *text +
                          ": K2 must be at least K1, or steps would have no "
                          "gradient",
                      "--window=" + std::to_string(*steps) + ":" +
                          std::to_string(*steps) + " or more");
  return Window{*steps, *back};
}

Result<bool> driver::wantsPieces(const Settings &settings) {
  auto window = windowOf(settings);
  if (!window)
    return window.error();
  return settings.get("memory-budget") ||
         settings.whole("accumulate", 1) > 1 || window->back != window->steps;
}

Result<std::shared_ptr<Project>>
Project::create(std::shared_ptr<Spec> spec, Settings settings,
                std::vector<Message> &warnings) {
  auto project = std::make_shared<Project>();
  project->text = std::move(spec);
  project->wanted = std::move(settings);
  AnalyzeOptions options;
  options.sizes = project->wanted.sizes();
  options.checkAll = false;
  auto model = project->text->analyze(project->wanted, options, warnings);
  if (!model)
    return model.error();
  if (!*model)
    return makeError("no-model", "the text has no model");
  project->first = std::move(*model);
  if (auto known = project->wanted.readModel(*project->first); !known)
    return known.error();
  return project;
}

void Project::setSizes(std::map<std::string, double> sizes) {
  fromData = std::move(sizes);
}

Result<std::unique_ptr<hir::Model>>
Project::analyzed(bool stream, bool needLoss, const std::string &streamed) {
  AnalyzeOptions options;
  options.streamed = streamed;
  options.sizes = fromData;
  for (const auto &[name, value] : wanted.sizes())
    options.sizes[name] = value;
  options.stream = stream;
  options.needSizes = true;
  options.needLoss = needLoss;
  options.checkAll = false;
  std::vector<Message> ignored; // said at the first analysis
  auto model = text->analyze(wanted, options, ignored);
  if (!model)
    return model.error();
  if (!*model)
    return makeError("no-model", "the text has no model");
  // `stop = eos`: only now is it known which number that is.
  if (auto done = wanted.readSampling(**model); !done)
    return done.error();
  return model;
}

/// Gives out the logits that sampling draws from: those of `predict`, or those
/// of the cross-entropy of a target.
static void findDraw(hir::Model &model, std::string &output,
                     std::string &target) {
  auto give = [&](hir::Node *node, const std::string &name) {
    for (const hir::Output &known : model.outputs)
      if (known.value == node)
        return known.name;
    model.outputs.push_back({"logits." + name, node, {}});
    return "logits." + name;
  };
  if (model.predict) {
    if (!model.predict->sampled || model.predict->distribution != "categorical")
      return;
    target = model.predict->target;
    output = give(model.predict->value, target);
    return;
  }
  for (const hir::Loss &loss : model.losses) {
    if (!loss.value || loss.value->op != hir::Op::CrossEntropy ||
        loss.value->operands.size() < 2)
      continue;
    const hir::Node *labels = loss.value->operands[1];
    if (labels->op != hir::Op::Input)
      continue;
    target = model.inputs[size_t(labels->index)].name;
    output = give(loss.value->operands[0], target);
    return;
  }
}

Result<std::shared_ptr<Variant>>
Project::variant(std::vector<std::string> entries, bool stream,
                 std::set<std::string> ragged, int64_t stepThreads) {
  std::lock_guard lock(mutex);
  std::string key = stream ? "stream" : "examples";
  bool trains = false, forward = false;
  for (const std::string &entry : entries) {
    key += " " + entry;
    trains |= entry != "forward";
    forward |= entry == "forward";
  }
  for (const std::string &axis : ragged)
    key += " ~" + axis;
  if (stepThreads)
    key += " step " + std::to_string(stepThreads);
  if (auto it = variants.find(key); it != variants.end())
    return it->second;

  auto made = std::make_shared<Variant>();
  auto model = analyzed(stream, trains);
  if (!model)
    return model.error();
  made->model = std::move(*model);
  if (forward) {
    findDraw(*made->model, made->drawOutput, made->drawTarget);
    std::string ignored;
    made->answer = findAnswer(*made->model);
    if (made->model->evaluation) {
      findDraw(*made->model->evaluation, ignored, ignored);
      findAnswer(*made->model->evaluation);
    }
  }
  auto options = CodeOptions::of(wanted);
  if (!options)
    return options.error();
  options->stream = stream;
  options->ragged = std::move(ragged);
  options->pipeline.entries = std::move(entries);
  if (stepThreads) {
    options->pipeline.singleStep = true;
    options->pipeline.threads = stepThreads;
    // A stream is one row, however long it goes on. As many ids as before, so
    // that the same products become tables.
    options->pipeline.length *= std::exchange(options->pipeline.batch, 1);
  }
  if (stream && trains) {
    auto window = windowOf(wanted);
    if (!window)
      return window.error();
    options->pipeline.length = window->back;
  }
  if (auto done = finish(*made, *options); !done)
    return done.error();
  return variants[key] = made;
}

Result<void> Project::finish(Variant &made, CodeOptions options) {
  made.options = std::move(options);
  // The first weights do not wait for the code that reads them: most of the
  // passes leave the other cores idle.
  std::future<Result<std::vector<rt::NamedTensor>>> values;
  if (!weightsMade)
    values = std::async([&] {
      return initialValues(*text, *made.model, made.options, seed());
    });
  auto code = Code::generate(*text, *made.model, made.options);
  if (!code)
    return code.error();
  auto loaded = (*code)->load();
  {
    std::lock_guard lock(messageMutex);
    messages.insert(messages.end(), (*code)->remarks().begin(),
                    (*code)->remarks().end());
  }
  if (!loaded)
    return loaded.error();
  if (values.valid())
    if (auto done = takeWeights(values.get()); !done)
      return done;
  made.code = *code;
  return {};
}

Result<std::shared_ptr<Code>> Project::leaner(const Variant &variant,
                                              int64_t price) {
  CodeOptions options = variant.options;
  options.pipeline.entries = {"split"};
  options.pipeline.saveCost = price;
  auto code = Code::generate(*text, *variant.model, options);
  if (!code)
    return code.error();
  if (auto done = (*code)->runTo("time"); !done)
    return done.error();
  return code;
}

std::vector<Message> Project::takeMessages() {
  std::lock_guard lock(messageMutex);
  return std::exchange(messages, {});
}

Result<StepCode> Project::stepCode(const std::set<std::string> &ragged) {
  std::lock_guard lock(mutex);
  if (!first->predict || first->predict->distribution != "categorical")
    return internalError("the model generates nothing");
  const std::string target = first->predict->target;
  auto options = CodeOptions::of(wanted);
  if (!options)
    return options.error();
  options->pipeline.entries = {"forward"};
  options->ragged = ragged;
  // Both parts from graphs that are alike, each one changed in its own way.
  auto analyze = [&]() -> Result<std::shared_ptr<Variant>> {
    auto model = analyzed(/*stream=*/true, /*needLoss=*/false, target);
    if (!model)
      return model.error();
    auto made = std::make_shared<Variant>();
    made->model = std::move(*model);
    // What is only there for training is left out.
    if (made->model->evaluation)
      made->model = std::move(made->model->evaluation);
    return made;
  };
  StepCode result;
  auto once = analyze(), step = analyze();
  if (!once || !step)
    return (!once ? once : step).error();
  hir::keepOnce(*(*once)->model);
  if (!(*once)->model->outputs.empty()) {
    if (auto done = finish(**once, *options); !done)
      return done.error();
    result.once = *once;
  }
  for (int axis : (*step)->model->findInput(target)->type.axes)
    options->ragged.erase((*step)->model->axes[size_t(axis)].name);
  hir::keepSteps(*(*step)->model, (*step)->model->predict->value);
  options->stream = true;
  if (auto done = finish(**step, *options); !done)
    return done.error();
  result.step = *step;
  return result;
}

Result<void> Project::initWeights(Code &code) {
  if (weightsMade)
    return {};
  return takeWeights(code.initial(seed()));
}

Result<void> Project::takeWeights(Result<std::vector<rt::NamedTensor>> values) {
  if (!values)
    return values.error();
  weights.tensors = std::move(*values);
  weights.changed();
  weightsMade = true;
  return {};
}

int64_t Project::threads() const {
  return std::min<int64_t>(wanted.whole("threads", rnnrt_usable_cores()),
                           RNNRT_TEAM_MAX);
}

std::shared_ptr<Team> Project::team() {
  std::lock_guard lock(mutex);
  if (!threadTeam)
    threadTeam = std::make_shared<Team>(threads());
  return threadTeam;
}
