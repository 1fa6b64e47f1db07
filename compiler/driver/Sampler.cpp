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
  auto variant = project->variant({"forward"}, true, {}, 1);
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

Result<void> Sampler::setInput(const std::string &name,
                               const std::string &value,
                               const rt::Vocabulary *symbols) {
  const hir::Model &model = *compiled->model;
  auto refuse = [&](const std::string &why) {
    return makeError("given", "--given " + name + "=" + value + ": " + why);
  };
  const hir::Input *input = model.findInput(name);
  if (!input || input->target)
    return refuse("model '" + model.name + "' has no input '" + name + "'");
  Call::Slot *slot = call->arg("input", name);
  if (!slot || name == inputName || !input->type.axes.empty())
    return refuse("'" + name + "' is no input that all steps share");
  int64_t count = 1;
  for (const Size &size : input->type.shape)
    count *= model.value(size).value_or(1);
  rt::Tensor numbers(rt::DType::F64, {count});
  if (input->type.elem == hir::Elem::Int && count == 1) {
    auto id = symbols ? symbols->find(value) : std::nullopt;
    if (!id && !symbols)
      if (auto whole = parseWhole(value))
        id = int32_t(*whole);
    int64_t range = input->type.range
                        ? model.value(*input->type.range).value_or(INT32_MAX)
                        : INT32_MAX;
    if (!id || *id < 0 || *id >= range)
      return refuse("'" + name + "' has no class '" + value + "'");
    numbers.as<double>()[0] = *id;
  } else {
    std::vector<std::string> words;
    for (size_t at = 0; at <= value.size();) {
      size_t end = std::min(value.find(',', at), value.size());
      words.push_back(value.substr(at, end - at));
      at = end + 1;
    }
    if (int64_t(words.size()) != count)
      return refuse("'" + name + "' takes " + std::to_string(count) +
                    " numbers, found " + std::to_string(words.size()));
    for (int64_t i = 0; i < count; ++i) {
      auto number = parseReal(words[size_t(i)]);
      if (!number)
        return refuse("'" + words[size_t(i)] + "' is no number");
      numbers.as<double>()[size_t(i)] = *number;
    }
  }
  auto converted = numbers.convert(slot->dtype());
  if (!converted)
    return refuse(converted.error().message);
  constants.insert_or_assign(name, std::move(*converted));
  return {};
}

Result<void> Sampler::checkInputs() {
  const hir::Model &model = *compiled->model;
  for (const hir::Input &input : model.inputs)
    if (!input.target && input.name != inputName &&
        call->arg("input", input.name) && !constants.contains(input.name))
      return makeError("given",
                       "model '" + model.name + "' also reads '" + input.name +
                           "'",
                       input.type.axes.empty()
                           ? "give --given " + input.name + "=VALUE"
                           : "sample knows no sequences as inputs; see rnnc "
                             "predict");
  return {};
}

void Sampler::restart(int64_t wanted) {
  rows = wanted;
  fresh = true;
  data.clear();
  isSized = false;
}

Result<void> Sampler::feed(std::span<const int32_t> tokens) {
  if (!isSized) {
    isSized = true;
    std::map<std::string, int64_t> extents = {{"B", rows}};
    for (const hir::Axis &axis : compiled->model->axes)
      extents[axis.name] = 1;
    if (auto done = call->resize(extents); !done)
      return done;
    for (Call::Slot &slot : call->args()) {
      const std::string &kind = slot.info.kind, &name = slot.info.name;
      bool isToken = name == inputName || name == compiled->drawTarget;
      if (kind == "state" || kind == "input" || kind == "target")
        std::memset(slot.data, 0, size_t(slot.bytes));
      if (auto it = constants.find(name);
          kind == "input" && it != constants.end())
        for (int64_t row = 0; row < rows; ++row)
          std::memcpy(static_cast<char *>(slot.data) +
                          row * it->second.bytes(),
                      it->second.data(), size_t(it->second.bytes()));
      if (kind == "fresh" || (isToken && (kind == "input" || kind == "target")))
        data.push_back(&slot);
    }
  }
  for (size_t step = 0; step < tokens.size(); step += size_t(rows)) {
    for (Call::Slot *slot : data)
      if (slot->info.kind == "fresh")
        std::memset(slot->data, fresh, size_t(slot->bytes));
      else
        std::memcpy(slot->data, tokens.data() + step, size_t(slot->bytes));
    fresh = false;
    call->run();
  }
  return {};
}

Result<double> Sampler::readLogits(int64_t row) {
  Call::Slot *out = call->result("output", compiled->drawOutput);
  if (!out || out->shape.empty())
    return internalError("the model gives out no logits");
  symbols = out->shape.back();
  logits.resize(size_t(symbols));
  // The last step's rows are the last of all.
  int64_t from = out->count() - (rows - row) * symbols;
  if (out->dtype() == rt::DType::F64)
    std::copy_n(static_cast<const double *>(out->data) + from, symbols,
                logits.begin());
  else
    std::copy_n(static_cast<const float *>(out->data) + from, symbols,
                logits.begin());
  return logSumExp(logits);
}

/// With a shift the token before is in the state; the token at the step is not
/// read.
void Sampler::give(std::span<const int32_t> tokens) {
  if (shiftState.empty())
    return;
  Call::Slot *state = call->arg("state", shiftState);
  std::memcpy(state->data, tokens.data(), tokens.size_bytes());
}

int32_t Sampler::draw(const SampleOptions &options, int64_t number,
                      int64_t position) {
  // The likeliest first; equal ones by number.
  auto before = [](const auto &a, const auto &b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  };
  ranked.clear();
  for (int64_t i = 0; i < symbols; ++i)
    ranked.emplace_back(logits[size_t(i)], int32_t(i));
  double greatest = std::max_element(ranked.begin(), ranked.end(),
                                     [&](const auto &a, const auto &b) {
                                       return before(b, a);
                                     })
                        ->first;
  if (options.temperature <= 0)
    return std::min_element(ranked.begin(), ranked.end(), before)->second;
  // Only what is cut needs an order.
  if (options.topP < 1) {
    std::sort(ranked.begin(), ranked.end(), before);
  } else if (options.topK > 0 && options.topK < symbols) {
    std::partial_sort(ranked.begin(), ranked.begin() + options.topK,
                      ranked.end(), before);
  }
  if (options.topK > 0 && options.topK < symbols)
    ranked.resize(size_t(options.topK));
  double total = 0;
  for (auto &[value, token] : ranked) {
    value = std::exp((value - greatest) / options.temperature);
    total += value;
  }
  if (options.topP < 1) {
    double share = 0;
    size_t count = 0;
    while (count < ranked.size() && share < options.topP * total)
      share += ranked[count++].first;
    ranked.resize(std::max<size_t>(count, 1));
    total = share;
  }
  double at = rnnrt_uniform(options.seed, 0x73616d70u, uint32_t(number),
                            uint64_t(position)) *
              total;
  for (const auto &[weight, token] : ranked) {
    at -= weight;
    if (at < 0)
      return token;
  }
  return ranked.back().second;
}

Result<Sample>
Sampler::sample(std::span<const int32_t> prompt, const SampleOptions &options,
                int64_t number,
                const std::function<bool(const std::string &)> &shown) {
  restart(1);
  Sample result;
  if (!prompt.empty())
    if (auto done = feed(prompt); !done)
      return done.error();
  // Without a shift, the token drawn is the input; the first one follows the
  // prompt, or the symbol 0.
  int32_t last = 0, before = prompt.empty() ? -1 : prompt.back();
  size_t written = 0;
  for (int64_t i = 0; i < options.tokens; ++i) {
    if (!isReady(i, prompt))
      if (auto done = feed({&last, 1}); !done)
        return done.error();
    auto normaliser = readLogits(0);
    if (!normaliser)
      return normaliser.error();
    last = draw(options, number, i);
    result.logprob += logits[size_t(last)] - *normaliser;
    give({&last, 1});
    bool ended = result.extend(before, last, options);
    before = last;
    // What may become the stop text waits.
    if (!ended && options.stop.empty()) {
      if (shown && !shown(result.text.substr(written)))
        break;
      written = result.text.size();
    }
    if (ended)
      break;
  }
  if (shown && written < result.text.size())
    shown(result.text.substr(written));
  return result;
}

//===----------------------------------------------------------------------===//
// Beam search
//===----------------------------------------------------------------------===//

/// Row r of every state becomes what row `from[r]` was.
void Sampler::moveRows(std::span<const int32_t> from) {
  for (Call::Slot &slot : call->args()) {
    if (slot.info.kind != "state" || slot.shape.empty())
      continue;
    auto *data = static_cast<char *>(slot.data);
    size_t row = size_t(slot.bytes) / from.size();
    moved.assign(data, data + slot.bytes);
    for (size_t r = 0; r < from.size(); ++r)
      std::memcpy(data + r * row, moved.data() + size_t(from[r]) * row, row);
  }
}

Result<std::vector<Sample>> Sampler::search(std::span<const int32_t> prompt,
                                            const SampleOptions &options,
                                            int64_t width) {
  restart(width);
  if (!prompt.empty()) {
    std::vector<int32_t> all;
    for (int32_t token : prompt)
      all.insert(all.end(), size_t(width), token);
    if (auto done = feed(all); !done)
      return done.error();
  }
  Beam beam(width, prompt.empty() ? -1 : prompt.back(), options);
  std::vector<int32_t> last(size_t(width), 0);
  for (int64_t i = 0; i < options.tokens && !beam.done(); ++i) {
    if (!isReady(i, prompt))
      if (auto done = feed(last); !done)
        return done.error();
    Result<double> read = 0.0;
    beam.advance([&](size_t row) {
      read = readLogits(int64_t(row));
      return std::span<const double>(logits);
    });
    if (!read)
      return read.error();
    last.assign(beam.tokens().begin(), beam.tokens().end());
    moveRows(beam.parents());
    give(last);
  }
  return beam.finish();
}
