//===- Eval.cpp - rnnc eval -----------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Baselines.h"
#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Host.h"
#include "compiler/driver/Run.h"
#include "compiler/driver/Training.h"

#include <cstdio>

using namespace rnnc;
using namespace rnnc::driver;

static Result<int> evaluate(const CommandLine &line, Console &console) {
  Settings settings(line);
  double begin = steadySeconds();
  auto opened =
      openModel(line.operands.front(), settings, console);
  if (!opened)
    return opened.error();
  Project &project = *opened->project;
  // New data are read to their end, as one part.
  bool own = settings.data.empty();
  Settings reading = project.settings();
  if (!own && !settings.get("on") && !settings.get("split")) {
    reading.given["split"] = "1";
    reading.valid.clear();
    reading.test.clear();
  }
  auto data = loadData(reading, project.model(), opened->learned);
  if (!data)
    return data.error();
  std::map<std::string, double> sizes = project.dataSizes();
  for (const auto &[name, value] : data->sizes)
    if (!sizes.contains(name))
      sizes[name] = value;
    else if (value > sizes[name])
      return makeError("data-size", name + " of the data is " +
                                        std::to_string(int64_t(value)) +
                                        ", the model has " +
                                        std::to_string(int64_t(sizes[name])));
  project.setSizes(sizes);
  std::string split = settings.text("on", own ? "valid" : "train");
  DataPart &part = data->part(split);
  if (part.empty())
    return makeError("empty-data", "there are no data for --on=" + split);
  auto session =
      Session::create(opened->project, data->stream, data->ragged, true);
  for (const Message &message : project.takeMessages())
    console.say(message);
  if (!session)
    return session.error();
  if (auto done = loadWeights(*opened, *(*session)->variant().code); !done)
    return done.error();
  auto window = windowOf(project.settings());
  if (!window)
    return window.error();
  auto found = (*session)->evaluate(part, project.settings().whole("batch", 32),
                                    window->steps);
  for (const Message &message : (*session)->takeMessages())
    console.say(message);
  if (!found)
    return found.error();

  Json &object = console.object;
  object["split"] = own ? split : "data";
  object["loss"] = number(found->loss);
  object["perplexity"] =
      found->perplexity ? number(*found->perplexity) : Json(nullptr);
  object["accuracy"] =
      found->accuracy ? number(*found->accuracy) : Json(nullptr);
  Json values = Json::object();
  for (const auto &[name, value] : found->values)
    values[name] = number(value);
  object["metrics"] = values;
  object["count"] = found->count;
  object["count_unit"] = data->unit();
  if (auto memory = (*session)->evaluationMemory())
    object["memory"] = memoryJson(*memory, (*session)->evaluationPeak());
  object["wall_s"] = steadySeconds() - begin;
  // On new data nothing was learned before.
  object["baselines"] = own && split != "train"
                            ? baselinesOf(*data, project.model(), part,
                                          project.settings().valid.empty())
                            : data->baselines;
  char text[256];
  std::snprintf(text, sizeof text, "loss %.4f", found->loss);
  std::string out = text;
  if (found->perplexity) {
    std::snprintf(text, sizeof text, "  ppl %.2f", *found->perplexity);
    out += text;
  }
  for (const auto &[name, value] : found->values) {
    bool shown = name == "perplexity";
    for (const hir::Loss &loss : project.model().losses)
      shown |= loss.name == name && project.model().losses.size() == 1;
    if (shown)
      continue;
    std::snprintf(text, sizeof text, "  %s %.4f", name.c_str(), value);
    out += text;
  }
  out += "  (" + std::to_string(found->count) + " " + data->unit() + ")\n";
  return console.print(out) ? StatusDone : StatusInput;
}

int driver::evalCommand(const CommandLine &line, Console &console) {
  auto status = evaluate(line, console);
  return status ? *status : console.fail(status.error());
}
