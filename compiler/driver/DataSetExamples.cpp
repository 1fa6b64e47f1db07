//===- DataSetExamples.cpp - Columns as examples --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Columns become the fields of examples: rows of their own lengths, which must
// agree along each time axis.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Alignments.h"
#include "compiler/driver/DataSetLoader.h"

#include <algorithm>
#include <cstring>

using namespace rnnc;
using namespace rnnc::driver;

Result<void> Loader::pack(const Column &column, rt::Field &field) const {
  const auto &shape = column.tensor.shape();
  int64_t count = shape[0], steps = shape[1];
  if (column.lengths->size() != count)
    return makeError("data-size",
                     "'" + field.name + "' has " + std::to_string(count) +
                         " examples, its lengths are " +
                         std::to_string(column.lengths->size()));
  field.kind = rt::FieldKind::Ragged;
  field.offsets.push_back(0);
  for (int32_t length : column.lengths->as<int32_t>()) {
    if (length < 1 || length > steps)
      return makeError("data-size", "a length of '" + field.name + "' is " +
                                        std::to_string(length) +
                                        ", expected 1 to " +
                                        std::to_string(steps));
    field.offsets.push_back(field.offsets.back() + length);
  }
  std::vector<int64_t> packed(shape.begin() + 1, shape.end());
  packed[0] = field.offsets.back();
  int64_t step = column.tensor.bytes() / std::max<int64_t>(count * steps, 1);
  field.values = rt::Tensor(column.tensor.dtype(), packed);
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(static_cast<char *>(field.values.data()) +
                    field.offsets[size_t(i)] * step,
                static_cast<const char *>(column.tensor.data()) +
                    i * steps * step,
                size_t((field.offsets[size_t(i + 1)] -
                        field.offsets[size_t(i)]) *
                       step));
  return {};
}

Result<void> Loader::checkSteps(const Column &column, const rt::Field &mine,
                                const rt::Field &theirs) const {
  auto differ = [&](int64_t i, int64_t a, int64_t b,
                    const std::string &where) -> Error {
    std::string message = "'" + mine.name + "' has " + std::to_string(a) +
                          " steps, '" + theirs.name + "' has " +
                          std::to_string(b) + " along " + where;
    if (column.lines.empty())
      return makeError("data-size",
                       "example " + std::to_string(i + 1) + ": " + message);
    return fromRuntime(rt::makeFileError("data-size", column.source->shown,
                                         message, column.lines[size_t(i)]));
  };
  auto stepsOf = [](const rt::Field &field, int64_t i) {
    return field.axes.empty() ? rt::Examples::length(field, i) : field.axes[0];
  };
  auto innerOf = [](const rt::Field &field, int64_t i, int64_t step) {
    if (field.inner.empty())
      return field.axes[1];
    size_t at = size_t(field.offsets[size_t(i)] + step);
    return field.inner[at + 1] - field.inner[at];
  };
  auto two = [](const rt::Field &field) {
    return !field.inner.empty() || field.axes.size() > 1;
  };
  for (int64_t i = 0; i < column.count(); ++i) {
    int64_t steps = stepsOf(mine, i);
    if (steps != stepsOf(theirs, i))
      return differ(i, steps, stepsOf(theirs, i), axisOf(*column.input));
    if (!two(mine) || !two(theirs))
      continue;
    for (int64_t w = 0; w < steps; ++w) {
      int64_t a = innerOf(mine, i, w), b = innerOf(theirs, i, w);
      if (a != b)
        return differ(i, a, b,
                      axisOf(*column.input, 1) + " in step " +
                          std::to_string(w + 1) + " of " +
                          axisOf(*column.input));
    }
  }
  return {};
}

Result<void> Loader::checkPadding(const Column &column,
                                  const rt::Field &field) const {
  // The padded batch is a product of two lengths, which no file's size bounds.
  constexpr int64_t most = int64_t(1) << 31;
  int64_t words = 0, letters = 0;
  for (size_t i = 0; i + 1 < field.offsets.size(); ++i)
    words = std::max(words, field.offsets[i + 1] - field.offsets[i]);
  for (size_t i = 0; i + 1 < field.inner.size(); ++i)
    letters = std::max(letters, field.inner[i + 1] - field.inner[i]);
  const int64_t batch = settings.whole("batch", 32);
  if (letters <= most / batch / words)
    return {};
  return makeError("data-size",
                   "'" + field.name + "' has up to " + std::to_string(words) +
                       " steps of " + axisOf(*column.input) + " and " +
                       std::to_string(letters) + " of " +
                       axisOf(*column.input, 1) + "; " +
                       std::to_string(batch) +
                       " examples padded to both would be more than 2^31 "
                       "values",
                   "give --max-length " + field.name + "=N/M, or a smaller --batch");
}

Result<std::shared_ptr<rt::Examples>>
Loader::examplesOf(const std::vector<Column> &columns) {
  auto examples = std::make_shared<rt::Examples>();
  // The fields that say how long each example is along an axis, or along one
  // within another.
  std::map<std::string, std::string> byAxis;
  for (const Column &column : columns) {
    rt::Field field;
    field.name = column.input->name;
    field.kind =
        column.sequence ? rt::FieldKind::Sequence : rt::FieldKind::Single;
    field.values = column.tensor;
    field.axes = column.axes;
    if (!column.offsets.empty()) {
      field.kind = rt::FieldKind::Ragged;
      field.offsets = column.offsets;
      field.inner = column.inner;
    } else if (column.lengths && column.sequence) {
      if (auto done = pack(column, field); !done)
        return done.error();
    }
    if (field.kind == rt::FieldKind::Ragged)
      out.ragged.insert(axisOf(*column.input));
    if (!field.inner.empty()) {
      out.ragged.insert(axisOf(*column.input, 1));
      if (auto done = checkPadding(column, field); !done)
        return done.error();
    }
    if (auto added = examples->add(std::move(field)); !added)
      return fromRuntime(added.error());
    if (!column.sequence ||
        (column.axes.size() > 1 && !isNested(*column.input)))
      continue;
    for (size_t which = 0; which < column.input->type.axes.size(); ++which) {
      auto [it, fresh] =
          byAxis.emplace(axisOf(*column.input, which), column.input->name);
      if (fresh)
        continue;
      if (auto done = checkSteps(column, examples->fields().back(),
                                 *examples->find(it->second));
          !done)
        return done.error();
    }
  }
  if (auto done = checkAlignments(model, *examples); !done)
    return done.error();
  return examples;
}
