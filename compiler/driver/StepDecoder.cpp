//===- StepDecoder.cpp - Sequences made for examples ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/StepDecoder.h"

#include <algorithm>
#include <cstring>

using namespace rnnc;
using namespace rnnc::driver;

Result<std::unique_ptr<StepDecoder>>
StepDecoder::create(std::shared_ptr<Project> project,
                    const std::set<std::string> &ragged) {
  auto decoder = std::make_unique<StepDecoder>();
  const hir::Model &model = project->model();
  const std::string target = model.predict->target;
  const hir::Input &made = *model.findInput(target);
  for (int axis : made.type.axes)
    decoder->targetAxes.push_back(
        model.axes[size_t(model.rootAxis(axis))].name);
  if (decoder->targetAxes.size() != 1)
    return makeError("cannot-generate",
                     "'" + target + "' is " +
                         hir::describeType(model, made.type) +
                         "; only a sequence along one axis is made step by "
                         "step");
  for (const hir::Input &input : model.inputs)
    for (int axis : input.type.axes)
      if (input.name != target &&
          model.axes[size_t(model.rootAxis(axis))].name ==
              decoder->targetAxes[0])
        return makeError("cannot-generate",
                         "'" + input.name + "' goes along " +
                             decoder->targetAxes[0] + " beside '" + target +
                             "', which is made step by step; that is not "
                             "built yet");
  auto parts = project->stepCode(ragged);
  if (!parts)
    return parts.error();
  decoder->project = project;
  decoder->parts = *parts;
  const hir::Model &steps = *parts->step->model;
  for (const hir::Node &node : steps.nodes)
    if (node.op == hir::Op::Shift && node.operands[0]->op == hir::Op::Input &&
        steps.inputs[size_t(node.operands[0]->index)].name == target)
      decoder->tokenStates.push_back(node.text);
  if (parts->once) {
    auto session = Session::forward(project, parts->once);
    if (!session)
      return session.error();
    decoder->once = std::move(*session);
  }
  auto call = Call::create(parts->step->code, "forward", project->team());
  if (!call)
    return call.error();
  if (auto done = project->weights.bind(*call); !done)
    return done.error();
  decoder->step.emplace(std::move(*call));
  std::erase_if(decoder->tokenStates, [&](const std::string &state) {
    return !decoder->step->arg("state", state);
  });
  if (decoder->tokenStates.empty())
    return makeError("cannot-generate",
                     "nothing in model '" + model.name +
                         "' takes the token before: it has no shift(" + target +
                         ")");
  return decoder;
}

/// Copies rows of [.., rows, ..], each one `width` times.
static void spread(const char *from, char *to, int64_t outer, int64_t rows,
                   int64_t rowBytes, int64_t width) {
  for (int64_t i = 0; i < outer * rows; ++i, from += rowBytes)
    for (int64_t k = 0; k < width; ++k, to += rowBytes)
      std::memcpy(to, from, size_t(rowBytes));
}

Result<void> StepDecoder::fill(const rt::ExampleBatch &batch, Call *context,
                               int64_t width) {
  const hir::Model &model = *parts.step->model;
  auto extents = extentsOf(model, batch);
  if (!extents)
    return extents.error();
  const int64_t rows = batch.size;
  (*extents)["B"] = rows * width;
  (*extents)[targetAxes[0]] = 1;
  if (auto done = step->resize(*extents); !done)
    return done;
  for (Call::Slot &slot : step->args()) {
    const std::string &kind = slot.info.kind, &name = slot.info.name;
    auto *to = static_cast<char *>(slot.data);
    if (kind == "state" || kind == "target")
      std::memset(to, 0, size_t(slot.bytes));
    if (kind == "fresh")
      std::memset(to, 1, size_t(slot.bytes));
    if (kind == "lengths") {
      auto *lengths = static_cast<int32_t *>(slot.data);
      std::fill_n(lengths, slot.count(), int32_t((*extents)[name]));
      for (const rt::BatchField &field : batch.fields)
        if (const rt::Tensor *own = lengthsAlong(model, field, name))
          spread(static_cast<const char *>(own->data()), to,
                 own->size() / rows, rows, sizeof(int32_t), width);
    }
    if (kind != "input")
      continue;
    const void *from = nullptr;
    if (const Call::Slot *made =
            context ? context->result("output", name) : nullptr)
      from = made->data;
    else if (const rt::BatchField *field = batch.find(name))
      from = field->values.data();
    if (!from)
      return internalError("no value for '" + name + "'");
    // [time axes, B, own axes]; what has no B is the same for all rows.
    if (slot.info.axes.empty() || slot.info.axes.back() != "B") {
      std::memcpy(to, from, size_t(slot.bytes));
      continue;
    }
    int64_t outer = 1;
    for (size_t i = 0; i + 1 < slot.info.axes.size(); ++i)
      outer *= slot.shape[i];
    spread(static_cast<const char *>(from), to, outer, rows,
           slot.bytes / std::max<int64_t>(outer * rows * width, 1), width);
  }
  return {};
}

void StepDecoder::give(std::span<const int32_t> tokens) {
  for (const std::string &name : tokenStates)
    std::memcpy(step->arg("state", name)->data, tokens.data(),
                tokens.size_bytes());
}

/// Row r of every state becomes what row `from[r]` was.
void StepDecoder::moveRows(std::span<const int32_t> from) {
  for (Call::Slot &slot : step->args()) {
    if (slot.info.kind != "state" || slot.info.axes.empty())
      continue;
    int64_t outer = 1;
    for (size_t i = 0; i + 1 < slot.info.axes.size(); ++i)
      outer *= slot.shape[i];
    const size_t row = size_t(slot.bytes) / (size_t(outer) * from.size());
    auto *data = static_cast<char *>(slot.data);
    moved.assign(data, data + slot.bytes);
    for (int64_t o = 0; o < outer; ++o)
      for (size_t r = 0; r < from.size(); ++r) {
        const size_t base = size_t(o) * from.size();
        std::memcpy(data + (base + r) * row,
                    moved.data() + (base + size_t(from[r])) * row, row);
      }
  }
}

Result<std::vector<std::vector<Sample>>>
StepDecoder::decode(const DataPart &part, std::span<const int64_t> rows,
                    int64_t width, const SampleOptions &options) {
  Call *context = nullptr;
  if (once) {
    auto made = once->run(part, rows);
    if (!made)
      return made.error();
    context = *made;
  }
  if (auto done = fill(part.examples->gather(rows), context, width); !done)
    return done.error();
  std::vector<Beam> beams(rows.size(), Beam(width, -1, options));
  std::vector<int32_t> tokens(rows.size() * size_t(width), 0), from;
  std::vector<double> logits;
  from.resize(tokens.size());
  for (int64_t i = 0; i < options.tokens; ++i) {
    step->run();
    Call::Slot *out = step->result("output", "logits");
    if (!out || out->shape.empty())
      return internalError("the model gives out no logits");
    const int64_t symbols = out->shape.back();
    logits.resize(size_t(symbols));
    bool more = false;
    for (size_t b = 0; b < beams.size(); ++b) {
      const size_t first = b * size_t(width);
      for (size_t k = 0; k < size_t(width); ++k)
        from[first + k] = int32_t(first + k);
      if (beams[b].done())
        continue;
      beams[b].advance([&](size_t row) {
        const int64_t at = int64_t(first + row) * symbols;
        for (int64_t s = 0; s < symbols; ++s)
          logits[size_t(s)] = out->number(at + s);
        return std::span<const double>(logits);
      });
      for (size_t k = 0; k < size_t(width); ++k) {
        from[first + k] = int32_t(first) + beams[b].parents()[k];
        tokens[first + k] = beams[b].tokens()[k];
      }
      more |= !beams[b].done();
    }
    if (!more)
      break;
    if (width > 1)
      moveRows(from);
    give(tokens);
    for (Call::Slot &slot : step->args())
      if (slot.info.kind == "fresh")
        std::memset(slot.data, 0, size_t(slot.bytes));
  }
  std::vector<std::vector<Sample>> result;
  for (Beam &beam : beams)
    result.push_back(beam.finish());
  return result;
}
