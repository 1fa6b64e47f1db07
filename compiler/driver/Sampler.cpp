//===- Sampler.cpp - Drawing from a model ---------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Sampler.h"
#include "rnnrt/philox.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace rnnc;
using namespace rnnc::driver;

Result<std::unique_ptr<Sampler>>
Sampler::create(std::shared_ptr<Project> project) {
  auto sampler = std::make_unique<Sampler>();
  auto variant = project->variant({"forward"}, true);
  if (!variant)
    return variant.error();
  sampler->project = project;
  sampler->compiled = *variant;
  if ((*variant)->drawOutput.empty())
    return makeError("cannot-sample",
                     "model '" + (*variant)->model->name +
                         "' has nothing to draw: no 'predict y ~ "
                         "categorical(z)' and no cross-entropy of a target");
  // One row at a time: threads would wait for each other more than they help.
  auto made =
      Call::create((*variant)->code, "forward", std::make_shared<Team>(1));
  if (!made)
    return made.error();
  sampler->call.emplace(std::move(*made));
  const hir::Model &model = *(*variant)->model;
  const std::string &target = (*variant)->drawTarget;
  std::string state = "shift." + target;
  if (sampler->call->arg("state", state)) {
    sampler->shiftState = state;
  } else {
    int tokenInputs = 0;
    for (const hir::Input &input : model.inputs)
      if (!input.target) {
        ++tokenInputs;
        if (input.type.elem == hir::Elem::Int && input.type.shape.empty())
          sampler->inputName = input.name;
      }
    if (tokenInputs != 1 || sampler->inputName.empty())
      return makeError("cannot-sample",
                       "nothing in model '" + model.name +
                           "' takes the token drawn: it has neither shift(" +
                           target + ") nor a single input of tokens");
  }
  return sampler;
}

Result<void> Sampler::bindWeights() { return project->weights.bind(*call); }

void Sampler::restart() { fresh = true; }

/// Runs the model over some steps; states go on.
Result<void> Sampler::feed(std::span<const int32_t> tokens) {
  int64_t steps = std::max<int64_t>(int64_t(tokens.size()), 1);
  if (steps != lastSteps) {
    std::map<std::string, int64_t> extents = {{"B", 1}};
    for (const hir::Axis &axis : compiled->model->axes)
      extents[axis.name] = steps;
    if (auto done = call->resize(extents); !done)
      return done;
    lastSteps = steps;
  }
  for (Call::Slot &slot : call->args()) {
    if (slot.info.kind == "state" && fresh)
      std::memset(slot.data, 0, size_t(slot.bytes));
    if (slot.info.kind == "fresh")
      std::memset(slot.data, fresh, size_t(slot.bytes));
    if (slot.info.kind == "input" || slot.info.kind == "target") {
      std::memset(slot.data, 0, size_t(slot.bytes));
      if (slot.info.name == inputName || slot.info.name == compiled->drawTarget)
        std::memcpy(slot.data, tokens.data(), tokens.size() * sizeof(int32_t));
    }
  }
  fresh = false;
  call->run();
  return {};
}

int32_t Sampler::draw(const SampleOptions &options, int64_t number,
                      int64_t position, double &logprob) {
  Call::Slot *out = call->result("output", compiled->drawOutput);
  int64_t rows = out->count() / symbols;
  logits.resize(size_t(symbols));
  double greatest = -INFINITY;
  for (int64_t i = 0; i < symbols; ++i) {
    logits[size_t(i)] = out->number((rows - 1) * symbols + i);
    greatest = std::max(greatest, logits[size_t(i)]);
  }
  double sum = 0;
  for (double value : logits)
    sum += std::exp(value - greatest);
  double normaliser = greatest + std::log(sum);

  ranked.clear();
  for (int64_t i = 0; i < symbols; ++i)
    ranked.emplace_back(logits[size_t(i)], int32_t(i));
  // The likeliest first; equal ones by number.
  std::sort(ranked.begin(), ranked.end(), [](const auto &a, const auto &b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  size_t kept = ranked.size();
  if (options.topK > 0)
    kept = std::min(kept, size_t(options.topK));
  int32_t chosen = ranked[0].second;
  if (options.temperature > 0) {
    double total = 0;
    for (size_t i = 0; i < kept; ++i)
      total += std::exp((ranked[i].first - greatest) / options.temperature);
    if (options.topP < 1) {
      double share = 0;
      size_t count = 0;
      while (count < kept && share < options.topP * total)
        share +=
            std::exp((ranked[count++].first - greatest) / options.temperature);
      kept = std::max<size_t>(count, 1);
      total = share;
    }
    double at = rnnrt_uniform(options.seed, 0x73616d70u, uint32_t(number),
                              uint64_t(position)) *
                total;
    chosen = ranked[kept - 1].second;
    for (size_t i = 0; i < kept; ++i) {
      at -= std::exp((ranked[i].first - greatest) / options.temperature);
      if (at < 0) {
        chosen = ranked[i].second;
        break;
      }
    }
  }
  logprob += logits[size_t(chosen)] - normaliser;
  return chosen;
}

Result<Sample> Sampler::sample(std::span<const int32_t> prompt,
                               const SampleOptions &options, int64_t number,
                               const std::function<bool(int32_t)> &drawn) {
  restart();
  Sample result;
  if (!prompt.empty()) {
    if (auto done = feed(prompt); !done)
      return done.error();
  }
  int32_t last = 0;
  for (int64_t i = 0; i < options.tokens; ++i) {
    // With a shift the token before is in the state; the token at the step is
    // not read. Without, the token drawn is the input; the first one follows
    // the prompt, or the symbol 0.
    bool ready = shiftState.empty() && i == 0 && !prompt.empty();
    if (!ready) {
      int32_t one[1] = {last};
      if (auto done = feed(one); !done)
        return done.error();
    }
    if (i == 0) {
      Call::Slot *out = call->result("output", compiled->drawOutput);
      if (!out || out->shape.empty())
        return internalError("the model gives out no logits");
      symbols = out->shape.back();
    }
    last = draw(options, number, i, result.logprob);
    result.tokens.push_back(last);
    if (!shiftState.empty()) {
      Call::Slot *state = call->arg("state", shiftState);
      *static_cast<int32_t *>(state->data) = last;
    }
    if (drawn && drawn(last)) {
      result.stopped = true;
      break;
    }
  }
  return result;
}
