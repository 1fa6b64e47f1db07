//===- GradCheck.cpp - rnnc gradcheck -------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/verify/GradCheck.h"
#include "compiler/driver/Arrays.h"
#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Project.h"
#include "compiler/verify/LibraryModels.h"

#include <algorithm>
#include <cstdio>
#include <sstream>

using namespace rnnc;
using namespace rnnc::driver;

namespace {
class GradCheckRun {
public:
  GradCheckRun(const CommandLine &line, Console &console)
      : line(line), console(console), settings(line) {
    settings.given["precision"] = "f64";
    options.tolerance = settings.real("tolerance", 1e-6);
    options.samples = settings.whole("samples", 64);
    options.seed = uint64_t(settings.whole("seed", 1));
    std::stringstream axes(settings.text("ragged", ""));
    for (std::string axis; std::getline(axes, axis, ',');)
      if (!axis.empty())
        ragged.push_back(axis);
  }
  Result<int> run();

private:
  /// Checks the model of a text.
  Result<SubjectCheck> check(const std::string &subject,
                             std::shared_ptr<Spec> spec);
  Result<void> library();
  void report(const SubjectCheck &found);

  const CommandLine &line;
  Console &console;
  Settings settings;
  GradCheckOptions options;
  std::vector<std::string> ragged;
  std::vector<SubjectCheck> checks;
};
} // namespace

/// Makes drawn labels ones that the drawn steps can spell: no blank among
/// them, and three steps or more for the two.
static void fitLabels(const hir::Model &model, const hir::Alignment &labels,
                      Bindings &at) {
  using rnn::ArgKind;
  const hir::Input &target = model.inputs[size_t(labels.target)];
  for (ArgKind kind : {ArgKind::Target, ArgKind::Input})
    if (rnn::Array *ids = at.find(kind, target.name))
      for (int32_t &id : ids->as<int32_t>())
        if (id == labels.blank)
          id = labels.blank == 0 ? 1 : 0;
  if (rnn::Array *steps =
          at.find(ArgKind::Lengths, model.lengthName(labels.steps)))
    for (int32_t &length : steps->as<int32_t>())
      length = std::max(length, 3);
}

Result<SubjectCheck> GradCheckRun::check(const std::string &subject,
                                         std::shared_ptr<Spec> spec) {
  std::vector<Message> warnings;
  auto project = Project::create(spec, settings, warnings);
  if (!project)
    return project.error();
  for (const Message &warning : warnings)
    console.say(warning);
  auto model = (*project)->analyzed(false, true);
  if (!model)
    return model.error();
  auto codeOptions = CodeOptions::of((*project)->settings());
  if (!codeOptions)
    return codeOptions.error();
  codeOptions->pipeline.entries = {"grad"};
  for (const std::string &axis : ragged) {
    const std::vector<hir::Axis> &axes = (*model)->axes;
    if (std::none_of(axes.begin(), axes.end(), [&](const hir::Axis &known) {
          return known.name == axis && known.root < 0;
        }))
      return makeError("unknown-axis", "--ragged: the model has no time axis '" +
                                           axis + "'");
    codeOptions->ragged.insert(axis);
  }
  codeOptions->pipeline.inputGradients = true;
  // The signature stands in the module after stage grad.
  auto described = Code::generate(*spec, **model, *codeOptions);
  if (!described)
    return described.error();
  if (auto done = (*described)->runTo("grad"); !done)
    return done.error();
  auto find = [](mlir::ModuleOp module, const char *name) {
    return module.lookupSymbol<mlir::func::FuncOp>(name);
  };
  auto grad = find((*described)->module(), "grad");
  auto loss = find((*described)->source(), "loss");
  auto init = find((*described)->source(), "init");
  if (!grad || !loss || !init)
    return internalError("the module lacks 'grad', 'loss' or 'init'");

  ExampleOptions example;
  example.seed = options.seed;
  example.extents["B"] = 3;
  for (const hir::Input &input : (*model)->inputs)
    if (input.type.range)
      if (auto range = (*model)->value(*input.type.range))
        example.ranges[input.name] = *range;
  // Labels without places need steps enough for all of them.
  for (const hir::Alignment &labels : (*model)->alignments)
    example.extents.try_emplace((*model)->lengthName(labels.labels), 2);
  auto at = exampleBindings(grad, init, example);
  if (!at)
    return internalError(llvm::toString(at.takeError()));
  for (const hir::Alignment &labels : (*model)->alignments)
    fitLabels(**model, labels, *at);

  std::optional<Call> call;
  std::shared_ptr<Code> code;
  RunFunction runLoss, runGrad;
  if (line.has("interpret")) {
    runLoss = interpreted(loss);
    runGrad = interpreted(grad);
  } else {
    auto made = Code::generate(*spec, **model, *codeOptions);
    if (!made)
      return made.error();
    code = *made;
    if (auto done = code->load(); !done)
      return done.error();
    auto calling = Call::create(code, "grad", (*project)->team());
    if (!calling)
      return calling.error();
    call.emplace(std::move(*calling));
    runGrad = compiled(*call, *code->info("grad"));
    // The first result of `grad` is the loss.
    runLoss = runGrad;
    loss = grad;
  }
  auto found =
      checkGradients(subject, loss, runLoss, grad, runGrad, *at, options);
  if (!found)
    return internalError(llvm::toString(found.takeError()));
  return std::move(*found);
}

void GradCheckRun::report(const SubjectCheck &found) {
  char text[256];
  int64_t entries = 0;
  for (const TensorCheck &tensor : found.tensors)
    entries += tensor.checked;
  std::snprintf(text, sizeof text,
                "%-24s %.2e  %s  (%zu tensors, %lld entries)\n",
                found.subject.c_str(), found.maxRelError,
                found.maxRelError <= options.tolerance ? "ok" : "WRONG",
                found.tensors.size(), static_cast<long long>(entries));
  console.print(text);
  for (const TensorCheck &tensor : found.tensors) {
    if (tensor.maxRelError <= options.tolerance && !console.verbose)
      continue;
    std::snprintf(text, sizeof text,
                  "  %s %s: %.2e at entry %lld: gradient %.10g, differences "
                  "%.10g\n",
                  tensor.kind.c_str(), tensor.name.c_str(), tensor.maxRelError,
                  static_cast<long long>(tensor.worst), tensor.gradient,
                  tensor.difference);
    console.print(text);
  }
  checks.push_back(found);
}

Result<void> GradCheckRun::library() {
  std::vector<std::string> names;
  std::stringstream in(line.get("library").value_or(""));
  for (std::string name; std::getline(in, name, ',');)
    if (!name.empty())
      names.push_back(name);
  std::vector<Message> warnings;
  auto messages = MessageOptions::of(console);
  auto empty = Spec::loadText("<library>", "fn nothing(x) = x\n", settings,
                              messages, warnings);
  if (!empty)
    return empty.error();
  std::vector<std::string> unknown;
  auto models = libraryModels((*empty)->program(), names, &unknown);
  if (!unknown.empty()) {
    std::vector<std::string> known;
    for (const ast::Definition *definition : (*empty)->program().library())
      known.push_back(definition->ident.name);
    std::string near = nearestName(unknown[0], known);
    return makeError("unknown-cell",
                     "--library: the library has no '" + unknown[0] + "'",
                     near.empty() ? "" : "did you mean '" + near + "'?");
  }
  for (const LibraryModel &model : models) {
    auto spec = Spec::loadText("<" + model.name + ">", model.text, settings,
                               messages, warnings);
    if (!spec)
      return spec.error();
    auto found = check(model.name, *spec);
    if (!found)
      return found.error();
    report(*found);
  }
  return {};
}

Result<int> GradCheckRun::run() {
  if (line.has("library")) {
    if (!line.operands.empty())
      return usageError("--library takes no SPEC");
    if (auto done = library(); !done)
      return done.error();
  } else {
    if (line.operands.empty())
      return usageError("'rnnc gradcheck' needs SPEC or --library",
                        "see rnnc help gradcheck");
    std::vector<Message> warnings;
    auto spec = Spec::load(line.operands.front(), settings,
                           MessageOptions::of(console), warnings);
    if (!spec)
      return spec.error();
    auto found = check((*spec)->stem(), *spec);
    if (!found)
      return found.error();
    report(*found);
  }
  double worst = 0;
  Json list = Json::array();
  for (const SubjectCheck &found : checks) {
    worst = std::max(worst, found.maxRelError);
    Json tensors = Json::array();
    for (const TensorCheck &tensor : found.tensors)
      tensors.push_back({{"name", tensor.name},
                         {"kind", tensor.kind},
                         {"shape", tensor.shape},
                         {"checked", tensor.checked},
                         {"max_rel_error", number(tensor.maxRelError)}});
    list.push_back({{"subject", found.subject},
                    {"max_rel_error", number(found.maxRelError)},
                    {"tensors", tensors}});
  }
  console.object["tolerance"] = options.tolerance;
  console.object["max_rel_error"] = number(worst);
  console.object["checks"] = list;
  if (worst <= options.tolerance)
    return int(StatusDone);
  char text[128];
  std::snprintf(text, sizeof text,
                "gradient is wrong: relative error %.2e, tolerance %.2e", worst,
                options.tolerance);
  return console.fail(makeError("gradient", text));
}

int driver::gradcheckCommand(const CommandLine &line, Console &console) {
  auto status = GradCheckRun(line, console).run();
  return status ? *status : console.fail(status.error());
}
