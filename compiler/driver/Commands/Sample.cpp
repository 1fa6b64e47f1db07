//===- Sample.cpp - rnnc sample -------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Host.h"
#include "compiler/driver/Run.h"
#include "compiler/driver/Sampler.h"

using namespace rnnc;
using namespace rnnc::driver;

/// The text of tokens: symbols, or numbers where the model has no vocabulary.
static std::string piece(const std::optional<rt::Vocabulary> &vocabulary,
                         int32_t before, int32_t token) {
  if (vocabulary && token < vocabulary->size())
    return vocabulary->piece(before, token);
  return (before < 0 ? "" : " ") + std::to_string(token);
}

static Result<int> sample(const CommandLine &line, Console &console) {
  Settings settings(line);
  auto opened =
      openModel(line.operands.front(), settings, console, "to sample from");
  if (!opened)
    return opened.error();
  const auto &vocabulary = opened->vocabulary;
  std::map<std::string, double> sizes = opened->project->dataSizes();
  // The vocabulary says how many symbols a SPEC with --vocab has.
  if (!opened->folder && vocabulary)
    for (const hir::Input &input : opened->project->model().inputs)
      if (input.type.range)
        if (auto name = sizeName(opened->project->model(), *input.type.range))
          sizes.emplace(*name, double(vocabulary->size()));
  opened->project->setSizes(sizes);

  std::vector<int32_t> prompt;
  std::string promptText = settings.text("prompt", "");
  if (!promptText.empty()) {
    if (vocabulary) {
      auto tokens = vocabulary->encode(promptText, "--prompt", false);
      if (!tokens)
        return fromRuntime(tokens.error());
      prompt = std::move(*tokens);
    } else {
      auto tokens = rt::parseIds(promptText, "--prompt");
      if (!tokens)
        return fromRuntime(tokens.error());
      prompt = std::move(*tokens);
    }
  }
  auto sampler = Sampler::create(opened->project);
  for (const Message &message : opened->project->takeMessages())
    console.say(message);
  if (!sampler)
    return sampler.error();
  if (auto done = loadWeights(*opened, (*sampler)->code()); !done)
    return done.error();
  if (auto done = (*sampler)->bindWeights(); !done)
    return done.error();

  for (const std::string &text : line.all("given")) {
    auto [name, value] = splitPair(text);
    if (auto done = (*sampler)->setInput(name, value,
                                         opened->learned.symbols.find(name));
        !done)
      return done.error();
  }
  if (auto done = (*sampler)->checkInputs(); !done)
    return done.error();

  // Options of sample are not those of the run's train block.
  const Settings &model = opened->project->settings();
  auto wanted = [&](const std::string &name) {
    auto value = settings.get(name);
    return value ? value : model.ofSampling(name);
  };
  auto whole = [&](const std::string &name, int64_t otherwise) {
    auto value = wanted(name);
    return value ? parseWhole(*value).value_or(otherwise) : otherwise;
  };
  auto real = [&](const std::string &name, double otherwise) {
    auto value = wanted(name);
    return value ? parseReal(*value).value_or(otherwise) : otherwise;
  };
  SampleOptions options;
  options.tokens = whole("tokens", 400);
  options.temperature = real("temperature", 1);
  options.topK = whole("top-k", 0);
  options.topP = real("top-p", 1);
  options.seed = settings.whole("seed", 1);
  options.stop = wanted("stop").value_or("");
  if (!settings.get("stop") && model.stopToken)
    options.stopToken = int32_t(*model.stopToken);
  options.piece = [&](int32_t before, int32_t token) {
    return piece(vocabulary, before, token);
  };
  int64_t count = whole("count", 1), beam = whole("beam", 0);
  for (const char *name : {"temperature", "top-k", "top-p", "seed"})
    if (beam > 0 && settings.get(name)) {
      // A beam of the model's own gives way to what is asked for here.
      if (settings.get("beam"))
        return usageError(std::string("--beam draws nothing, so --") + name +
                          " has no meaning beside it");
      beam = 0;
    }
  if (beam > 0) {
    if (count > beam)
      return usageError("--count=" + std::to_string(count) +
                        " texts need a beam at least as wide, found --beam=" +
                        std::to_string(beam));
  }

  Json samples = Json::array();
  int64_t drawnTokens = 0;
  double begin = steadySeconds();
  bool written = true;
  auto keep = [&](const Sample &drawn) {
    drawnTokens += int64_t(drawn.tokens.size());
    samples.push_back({{"text", promptText + drawn.text},
                       {"tokens", drawn.tokens},
                       {"logprob", driver::number(drawn.logprob)},
                       {"stopped", drawn.stopped}});
  };
  if (beam > 0) {
    auto found = (*sampler)->search(prompt, options, beam);
    if (!found)
      return found.error();
    for (int64_t number = 0; number < std::min(count, int64_t(found->size()));
         ++number) {
      const Sample &sample = (*found)[size_t(number)];
      written = written && console.print((number ? "\n" : "") + promptText +
                                         sample.text + "\n");
      keep(sample);
    }
  } else {
    for (int64_t number = 0; number < count && written; ++number) {
      written = console.print(number ? "\n" + promptText : promptText);
      auto drawn = (*sampler)->sample(
          prompt, options, number, [&](const std::string &more) {
            return written = written && console.print(more);
          });
      if (!drawn)
        return drawn.error();
      written = written && console.print("\n");
      keep(*drawn);
    }
  }
  if (!written)
    return int(StatusInput);
  double seconds = steadySeconds() - begin;
  console.object["seed"] = options.seed;
  console.object["tokens_per_s"] =
      seconds > 0 ? double(drawnTokens) / seconds : 0;
  console.object["samples"] = samples;
  return int(StatusDone);
}

int driver::sampleCommand(const CommandLine &line, Console &console) {
  auto status = sample(line, console);
  return status ? *status : console.fail(status.error());
}
