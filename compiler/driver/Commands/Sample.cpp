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
  std::vector<Message> warnings;
  auto opened = openModel(line.operands.front(), settings,
                          MessageOptions::of(console), warnings);
  if (!opened)
    return opened.error();
  for (const Message &warning : warnings)
    console.say(warning);
  if (opened->weights.empty())
    return usageError("a SPEC needs weights to sample from",
                      "give --weights FILE, or a run folder");
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

  SampleOptions options;
  // Options of sample are not those of the run's train block.
  options.tokens = settings.whole("tokens", 400);
  options.temperature = settings.real("temperature", 1);
  options.topK = settings.whole("top-k", 0);
  options.topP = settings.real("top-p", 1);
  options.seed = settings.whole("seed", 1);
  std::string stop = settings.text("stop", "");
  int64_t count = settings.whole("count", 1);

  Json samples = Json::array();
  int64_t drawnTokens = 0;
  double begin = steadySeconds();
  for (int64_t number = 0; number < count; ++number) {
    std::string text = promptText, drawnText;
    bool written = console.print(number ? "\n" + promptText : promptText);
    int32_t before = prompt.empty() ? -1 : prompt.back();
    auto drawn =
        (*sampler)->sample(prompt, options, number, [&](int32_t token) {
          std::string more = piece(vocabulary, before, token);
          before = token;
          drawnText += more;
          if (!stop.empty()) {
            // Shown at the end: the stop text itself is not.
            return drawnText.find(stop) != std::string::npos;
          }
          written = written && console.print(more);
          return !written;
        });
    if (!drawn)
      return drawn.error();
    if (!stop.empty()) {
      drawnText = drawnText.substr(0, drawnText.find(stop));
      written = written && console.print(drawnText);
    }
    written = written && console.print("\n");
    if (!written)
      return int(StatusInput);
    text += drawnText;
    drawnTokens += int64_t(drawn->tokens.size());
    samples.push_back({{"text", text},
                       {"tokens", drawn->tokens},
                       {"logprob", driver::number(drawn->logprob)},
                       {"stopped", drawn->stopped && !stop.empty()}});
  }
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
