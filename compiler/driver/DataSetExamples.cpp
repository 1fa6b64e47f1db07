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

Result<void> Loader::pack(Column &column) const {
  const hir::Input &input = *column.input;
  const bool padded = column.examples && column.sequence && !column.isText &&
                      column.offsets.empty() && column.axes.empty();
  if (!padded && (column.lengths || column.innerLengths))
    return makeError("data-type", "lengths of '" + input.name +
                                      "' are for arrays of padded examples");
  const bool nested = padded && isNested(input);
  if (!nested && !column.lengths)
    return {};
  const auto &shape = column.tensor.shape();
  const int64_t count = shape[0], steps = shape[1], most = nested ? shape[2] : 1;
  auto misfit = [&](const rt::Tensor &lengths,
                    const std::vector<int64_t> &expected,
                    const std::string &each) {
    return makeError("data-size", "lengths of '" + input.name + "' are " +
                                      rt::shapeText(lengths.shape()) +
                                      ", expected " +
                                      rt::shapeText(expected) + ": one for " +
                                      each);
  };
  if (column.lengths && column.lengths->shape() != std::vector{count})
    return misfit(*column.lengths, {count}, "each example");
  if (column.innerLengths &&
      column.innerLengths->shape() != std::vector{count, steps})
    return misfit(*column.innerLengths, {count, steps},
                  "each example and step of " + axisOf(input));
  auto lengthOf = [](const std::optional<rt::Tensor> &lengths, int64_t at,
                     int64_t otherwise) {
    return lengths ? int64_t(lengths->as<int32_t>()[size_t(at)]) : otherwise;
  };
  auto outside = [&](int64_t example, int64_t length, size_t axis,
                     int64_t greatest) {
    return makeError("data-size", "a length of '" + input.name + "' along " +
                                      axisOf(input, axis) + " is " +
                                      std::to_string(length) + " in example " +
                                      std::to_string(example + 1) +
                                      ", expected 1 to " +
                                      std::to_string(greatest));
  };
  std::vector<int64_t> offsets = {0}, inner = {0};
  // Where what is kept begins among the values of the array, and its count.
  std::vector<std::pair<int64_t, int64_t>> kept;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t length = lengthOf(column.lengths, i, steps);
    if (length < 1 || length > steps)
      return outside(i, length, 0, steps);
    offsets.push_back(offsets.back() + length);
    if (!nested) {
      kept.push_back({i * steps, length});
      continue;
    }
    for (int64_t w = 0; w < length; ++w) {
      const int64_t own = lengthOf(column.innerLengths, i * steps + w, most);
      if (own < 1 || own > most)
        return outside(i, own, 1, most);
      kept.push_back({(i * steps + w) * most, own});
      inner.push_back(inner.back() + own);
    }
  }
  std::vector<int64_t> packed(shape.begin() + (nested ? 2 : 1), shape.end());
  packed[0] = nested ? inner.back() : offsets.back();
  const int64_t width =
      column.tensor.bytes() / std::max<int64_t>(count * steps * most, 1);
  rt::Tensor values(column.tensor.dtype(), packed);
  const auto *from = static_cast<const char *>(column.tensor.data());
  auto *to = static_cast<char *>(values.data());
  for (auto [begin, number] : kept) {
    std::memcpy(to, from + begin * width, size_t(number * width));
    to += number * width;
  }
  column.tensor = std::move(values);
  column.offsets = std::move(offsets);
  if (nested)
    column.inner = std::move(inner);
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
