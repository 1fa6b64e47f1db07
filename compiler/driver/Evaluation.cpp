//===- Evaluation.cpp - Loss and metrics over data ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The part of Session that evaluates. With a budget of memory an evaluation that
// does not fit is made in pieces of the sequence, and what training needs only
// while it makes a step is given back meanwhile.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Host.h"
#include "compiler/driver/Training.h"
#include "runtime/Progress.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace rnnc;
using namespace rnnc::driver;

void Session::prepareEvaluation() {
  if (evalCall || making.valid())
    return;
  making = std::async(std::launch::async,
                      [project = owner, stream = isStream, axes = raggedAxes] {
                        return project->variant({"eval"}, stream, axes);
                      });
}

Result<Call *> Session::evaluation() {
  if (!evalCall) {
    prepareEvaluation();
    auto variant = making.get();
    if (!variant)
      return variant.error();
    if (auto done = makeCall(**variant, "eval", evalCall); !done)
      return done.error();
  }
  return &*evalCall;
}

std::vector<Message> Session::takeMessages() {
  std::vector<Message> all = std::exchange(evalMessages, {});
  if (plans)
    for (Message &message : plans->takeMessages())
      all.push_back(std::move(message));
  return all;
}

//===----------------------------------------------------------------------===//
// Within a budget
//===----------------------------------------------------------------------===//

int64_t Session::weightBytes() const {
  int64_t sum = 0;
  for (const rt::NamedTensor &entry : owner->weights.tensors)
    sum += entry.tensor.bytes();
  return sum;
}

void Session::warnOfBudget(int64_t bytes) {
  if (std::exchange(warned, true))
    return;
  Message message;
  message.severity = "warning";
  message.id = "memory-budget";
  message.message = "--memory-budget=" + budgetText +
                    " cannot be met while evaluating, which takes " +
                    rt::humanBytes(bytes);
  if (!evalPieces->canCut() && !evalPieces->wholeReason().empty()) {
    Message::Note at = evalPieces->compiled().wholePlace();
    at.message = "the sequence cannot be cut: " + evalPieces->wholeReason();
    message.notes.push_back(at);
  }
  evalMessages.push_back(std::move(message));
}

Result<void>
Session::fitEvaluation(const std::map<std::string, int64_t> &extents) {
  Call &call = *evalCall;
  call.holdOnly();
  if (auto done = call.resize(extents); !done)
    return done;
  const int64_t weights = weightBytes();
  int64_t whole = 0;
  auto measure = [&] {
    beside = plans ? plans->now().allocatedBytes() - weights : 0;
    whole = beside + weights + call.ownedBytes() + call.preparedBytes() +
            call.arenaFor(extents);
  };
  measure();
  if (whole > budget && plans && !released) {
    plans->now().release();
    released = true;
    measure();
  }
  inPieces = false;
  if (whole > budget) {
    if (!evalPieces) {
      auto variant = owner->variant({"split_eval"}, isStream, raggedAxes);
      if (!variant)
        return variant.error();
      auto made = Pieces::create((*variant)->code, owner->weights,
                                 owner->team(), call, /*evaluates=*/true);
      if (!made)
        return made.error();
      evalPieces = std::move(*made);
    }
    if (evalPieces->canCut()) {
      if (auto done = evalPieces->measure(extents); !done)
        return done;
      int64_t least = 0;
      auto cut = evalPieces->best(std::max<int64_t>(budget - beside, 1), least);
      // As little as can be, if that helps.
      if (!cut && beside + least < whole)
        cut = evalPieces->best(least, least);
      if (cut) {
        if (auto done = evalPieces->take(*cut, evalPieces->extraWork(*cut),
                                         /*recomputes=*/false);
            !done)
          return done;
        int64_t bytes = beside + evalPieces->allocatedBytes();
        if (bytes > budget)
          warnOfBudget(bytes);
        inPieces = true;
        evalMemory = evalPieces->memory();
        return {};
      }
    }
    warnOfBudget(whole);
  }
  evalPieces.reset();
  call.holdAndRun();
  if (auto done = owner->weights.bind(call); !done)
    return done;
  if (auto done = call.resize(extents); !done)
    return done;
  evalPeak = std::max(evalPeak, whole);
  evalMemory = Memory();
  evalMemory->parameters = weights;
  evalMemory->saved = 0;
  for (const std::vector<Call::Slot> *slots : {&call.args(), &call.results()})
    for (const Call::Slot &slot : *slots)
      if (slot.info.kind == "state")
        evalMemory->state += slot.bytes;
  evalMemory->arena = whole - beside - weights - evalMemory->state;
  return {};
}

Result<std::vector<Call::Slot> *> Session::runEvaluation() {
  if (inPieces) {
    auto results = evalPieces->evaluate();
    evalPeak = std::max(evalPeak, beside + evalPieces->allocatedBytes());
    return results;
  }
  evalCall->run();
  return &evalCall->results();
}

//===----------------------------------------------------------------------===//
// Over all data
//===----------------------------------------------------------------------===//

Result<Evaluation> Session::evaluate(const DataPart &part, int64_t batch,
                                     int64_t window) {
  auto ready = evaluation();
  if (!ready)
    return ready.error();
  if (budget <= 0)
    return evaluateAll(part, batch, window);
  // Decided anew: training may hold more or less than the last time.
  fitted.erase(*ready);
  auto found = evaluateAll(part, batch, window);
  // Training has its memory back, and the budget to itself.
  (*ready)->holdOnly();
  if (evalPieces)
    evalPieces->release();
  if (std::exchange(released, false))
    if (auto done = plans->now().reserve(); !done)
      return done.error();
  return found;
}

Result<Evaluation> Session::evaluateAll(const DataPart &part, int64_t batch,
                                        int64_t window) {
  double start = steadySeconds();
  Call &call = *evalCall;
  Evaluation result;
  // (sum, weight) by name, in f64 over all windows.
  std::map<std::string, std::pair<double, double>> sums;
  std::vector<std::string> losses;
  for (const Call::Slot &slot : call.results())
    if (slot.info.kind == "loss")
      losses.push_back(slot.info.name);
  auto collect = [&]() -> Result<void> {
    auto results = runEvaluation();
    if (!results)
      return results.error();
    for (const Call::Slot &slot : **results) {
      if (slot.info.kind == "loss" || slot.info.kind == "metric")
        sums[slot.info.name].first += slot.number();
      if (slot.info.kind == "weight")
        sums[slot.info.name].second += slot.number();
    }
    return {};
  };
  if (part.examples) {
    for (size_t at = 0; at < part.rows.size(); at += size_t(batch)) {
      size_t count = std::min(size_t(batch), part.rows.size() - at);
      auto filled = fill(call, part, std::span(part.rows).subspan(at, count));
      if (!filled)
        return filled.error();
      if (auto done = collect(); !done)
        return done.error();
      result.count += *filled;
    }
  } else {
    rt::StreamOptions options;
    options.batch = std::min(batch, std::max<int64_t>(part.length, 1));
    // States go on from window to window, so short ones give the same values
    // in less memory than a long window of training.
    options.window = std::min<int64_t>(window, 64);
    options.horizon = 0;
    options.toTheEnd = true;
    auto cursor = rt::StreamCursor::create(part.length, options);
    if (!cursor)
      return fromRuntime(cursor.error());
    for (int64_t i = 0; i < cursor->windows(); ++i) {
      rt::StreamWindow now = cursor->at(0, i);
      // A last row alone goes on with its own state.
      if (now.continues > 0)
        for (Call::Slot &slot : call.args())
          if (slot.info.kind == "state" && !slot.shape.empty() &&
              slot.shape[0] > now.continues) {
            size_t row = size_t(slot.bytes / slot.shape[0]);
            std::memmove(slot.data,
                         static_cast<char *>(slot.data) +
                             row * size_t(now.continues),
                         row);
          }
      if (auto done = fill(call, part, now); !done)
        return done.error();
      if (auto done = collect(); !done)
        return done.error();
      result.count += now.count();
    }
  }
  for (const auto &[name, pair] : sums)
    result.values[name] = pair.second != 0 ? pair.first / pair.second : 0;
  for (const std::string &name : losses)
    result.loss += result.values[name];
  const hir::Model &model = *compiled->model;
  for (const hir::Metric &metric : model.metrics)
    if (metric.derived)
      result.values[metric.name] =
          hir::Model::evaluate(*metric.derived, result.values);
  if (auto it = result.values.find("perplexity"); it != result.values.end())
    result.perplexity = it->second;
  else if (tokenLoss)
    result.perplexity = std::exp(result.loss);
  if (auto it = result.values.find("accuracy"); it != result.values.end())
    result.accuracy = it->second;
  result.seconds = steadySeconds() - start;
  return result;
}
