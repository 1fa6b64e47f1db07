//===- DataSetTask.cpp - Generated data -----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Binds a task of `--task` to the model's input and target. The types decide
// the form: symbols are numbers for `int` and one-hot vectors for `[V]`.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/DataSetLoader.h"
#include "runtime/Generated.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::driver;

namespace {

/// One side of a task, and how the model wants it.
struct Side {
  const hir::Input *input = nullptr;
  /// What the task makes, for messages: "seq [8]".
  std::string made;
  bool sequence = false;
  /// Symbols 0..classes-1 (0: the values are no symbols), or `width` reals.
  int64_t classes = 0, width = 1;
  rt::DType type = rt::DType::F32;

  rt::Field adapt(rt::Field field) const;
};

} // namespace

/// A field as the task makes it in the form of the model.
rt::Field Side::adapt(rt::Field field) const {
  field.name = input->name;
  const bool symbols = field.values.dtype() == rt::DType::I32;
  std::vector<int64_t> shape = field.values.shape();
  if (input->type.elem == hir::Elem::Int && !symbols) {
    // One-hot to numbers. Padding, which has no one, is the last symbol.
    shape.pop_back();
    rt::Tensor ids(rt::DType::I32, shape);
    std::span<const float> from = field.values.as<float>();
    for (int64_t i = 0; i < ids.size(); ++i) {
      auto begin = from.begin() + i * width, end = begin + width;
      ids.as<int32_t>()[size_t(i)] =
          int32_t(std::find(begin, end, 1.0F) - begin);
    }
    field.values = std::move(ids);
    return field;
  }
  if (input->type.elem == hir::Elem::Real && symbols) {
    rt::Tensor ones(type, [&] {
      shape.push_back(classes);
      return shape;
    }());
    std::span<const int32_t> from = field.values.as<int32_t>();
    for (size_t i = 0; i < from.size(); ++i) {
      size_t at = i * size_t(classes) + size_t(from[i]);
      if (type == rt::DType::F64)
        ones.as<double>()[at] = 1;
      else
        ones.as<float>()[at] = 1;
    }
    field.values = std::move(ones);
    return field;
  }
  if (input->type.shape.empty() && !symbols)
    shape.pop_back(); // [1] as a scalar
  // Exact, and of the same size.
  field.values = *(*field.values.convert(type)).reshape(shape);
  return field;
}

/// Whether the model can take a side; fills in what depends on it.
static bool fits(const hir::Model &model, const Side &side) {
  const hir::Type &type = side.input->type;
  if (type.axes.size() != size_t(side.sequence))
    return false;
  if (type.elem == hir::Elem::Int)
    return side.classes > 0 && type.shape.empty();
  if (type.elem != hir::Elem::Real || type.shape.size() > 1)
    return false;
  return !type.shape.empty() || side.width == 1;
}

Result<void> Loader::readTask(const std::string &text) {
  auto parsed = rt::parseTask(text);
  if (!parsed)
    return usageError("--task: " + parsed.error().message);
  const rt::Task task = *parsed;
  for (const char *name : {"split", "scale", "vocab", "horizon"})
    if (settings.given.contains(name))
      return usageError(std::string("--") + name +
                        " has no meaning with --task");
  if (!settings.data.empty() || !settings.valid.empty() ||
      !settings.test.empty())
    return usageError("--task makes its own data; --data, --valid and --test "
                      "cannot be given with it");
  Side sides[2];
  size_t counts[2] = {0, 0};
  for (const hir::Input &input : model.inputs) {
    sides[input.target].input = &input;
    ++counts[input.target];
  }
  if (counts[0] != 1 || counts[1] != 1)
    return makeError("data-type",
                     "--task gives one input and one target, model '" +
                         model.name + "' has " + std::to_string(counts[0]) +
                         " and " + std::to_string(counts[1]));
  auto &[x, y] = sides;
  auto set = [](Side &side, bool sequence, int64_t classes, int64_t width,
                std::string made) {
    side.sequence = sequence;
    side.classes = classes;
    side.width = width;
    side.made = std::move(made);
  };
  auto symbols = [](int64_t count) {
    std::string text = std::to_string(count);
    return "int[" + text + "] or [" + text + "]";
  };
  switch (task.kind) {
  case rt::TaskKind::TemporalOrder:
    // As numbers, padding is a symbol of its own.
    if (x.input->type.elem == hir::Elem::Int)
      set(x, true, task.padded ? 9 : 8, 8, "");
    else
      set(x, true, 0, 8, "");
    x.made = task.padded ? "seq [8] or int[9]" : "seq [8] or int[8]";
    set(y, false, task.classes(), 1, symbols(task.classes()));
    break;
  case rt::TaskKind::Adding:
    set(x, true, 0, 2, "seq [2]");
    set(y, false, 0, 1, "[1] or real");
    break;
  case rt::TaskKind::Copying:
    set(x, true, 10, 10, "seq " + symbols(10));
    set(y, true, 10, 10, "seq " + symbols(10));
    break;
  case rt::TaskKind::Echo:
    set(x, true, 2, 1, "seq [1], real or int[2]");
    set(y, true, 2, 1, "seq [1], real or int[2]");
    break;
  }
  for (Side &side : sides) {
    const hir::Type &type = side.input->type;
    // The target of temporal order as a vector is one-hot.
    if (task.kind == rt::TaskKind::TemporalOrder && !side.sequence)
      side.width = type.elem == hir::Elem::Real ? side.classes : 1;
    if (!fits(model, side))
      return makeError("data-type", "--task=" + text + " gives " + side.made +
                                        ", but '" + side.input->name +
                                        "' is " +
                                        hir::describeType(model, type));
    side.type = elementType(*side.input);
    std::string what = "'" + side.input->name + "' of --task=" + text;
    if (type.elem == hir::Elem::Int && type.range) {
      auto known = model.value(*type.range);
      if (!known || *known < side.classes)
        if (auto done = decide(*type.range, side.classes,
                               "the number of symbols of " + what);
            !done)
          return done;
    } else if (!type.shape.empty()) {
      if (auto done = decide(type.shape[0], side.width, "the size of " + what);
          !done)
        return done;
    }
  }

  const int64_t seed = settings.whole("seed", 1);
  out.stream = task.kind == rt::TaskKind::Echo;
  out.files.push_back({{"task", text}});
  const std::pair<rt::TaskSet, DataPart *> parts[] = {
      {rt::TaskSet::Train, &out.train},
      {rt::TaskSet::Valid, &out.valid},
      {rt::TaskSet::Test, &out.test}};
  if (task.ragged())
    out.ragged.insert(
        model.axes[size_t(model.rootAxis(x.input->type.axes[0]))].name);
  for (auto [which, part] : parts) {
    const int64_t count = task.count(which);
    if (count == 0)
      continue;
    if (out.stream) {
      // A series for each row; a row begins where the one before ends.
      part->length = count * settings.whole("batch", 32);
      for (const Side &side : sides) {
        StreamField field;
        field.name = side.input->name;
        field.make = [task, seed, which, type = side.type,
                      target = &side == &y](const rt::StreamWindow &window,
                                            void *to) {
          rt::Tensor bits(rt::DType::F32, {window.count()});
          rt::gatherEcho(task, seed, which, window, target,
                         bits.as<float>().data());
          rt::Tensor wanted = *bits.convert(type); // bits are exact
          std::copy_n(static_cast<const std::byte *>(wanted.data()),
                      wanted.bytes(), static_cast<std::byte *>(to));
        };
        part->fields.push_back(std::move(field));
      }
      continue;
    }
    auto make = [task, seed, which, x = sides[0],
                 y = sides[1]](std::span<const int64_t> numbers) {
      rt::Examples drawn, result;
      if (auto made = rt::generateExamples(task, seed, which, numbers))
        drawn = std::move(*made);
      for (const rt::Field &field : drawn.fields())
        if (!result.add((field.name == "x" ? x : y).adapt(field)))
          return rt::Examples();
      return result;
    };
    part->examples = std::make_shared<rt::Examples>(
        rt::Examples::made(count, task.longest(), make));
    part->fresh = true;
    part->rows.resize(size_t(count));
    for (size_t i = 0; i < part->rows.size(); ++i)
      part->rows[i] = int64_t(i);
  }
  out.baselines["chance"] = rt::chanceLoss(task);
  return {};
}
