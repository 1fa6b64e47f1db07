//===- Examples.cpp - data sets of separate examples ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks of fields, order of examples and copying into minibatches.
//
//===----------------------------------------------------------------------===//
#include "runtime/Examples.h"

#include "rnnrt/philox.h"
#include "runtime/Stream.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace rnnc::rt {

/// The streams of the host's own draws, far from those of models.
static constexpr uint32_t shuffleStream = 0xffff0001;
static constexpr uint32_t splitStream = 0xffff0002;
static constexpr uint32_t bucketStream = 0xffff0004;

const BatchField *ExampleBatch::find(std::string_view name) const {
  for (const BatchField &field : fields)
    if (field.name == name)
      return &field;
  return nullptr;
}

const Field *Examples::find(std::string_view name) const {
  for (const Field &field : data)
    if (field.name == name)
      return &field;
  return nullptr;
}

std::pair<int64_t, int64_t> Field::valuesOf(int64_t example) const {
  int64_t begin = example, end = example + 1;
  if (kind == FieldKind::Sequence) {
    begin *= values.shape()[1];
    end *= values.shape()[1];
  } else if (kind == FieldKind::Ragged) {
    begin = offsets[static_cast<size_t>(begin)];
    end = offsets[static_cast<size_t>(end)];
    if (!inner.empty())
      return {inner[static_cast<size_t>(begin)],
              inner[static_cast<size_t>(end)]};
  }
  return {begin, end};
}

bool BatchField::has(int64_t t, int64_t b) const {
  if (nested())
    return t % axes[1] <
           innerLengths.as<int32_t>()[static_cast<size_t>(
               t / axes[1] * values.shape()[1] + b)];
  return kind != FieldKind::Ragged ||
         t < lengths.as<int32_t>()[static_cast<size_t>(b)];
}

Result<void> Examples::add(Field field) {
  auto bad = [&](std::string message) {
    return makeError("bad-data", "'" + field.name + "': " + message);
  };
  if (find(field.name))
    return bad("the name is taken");
  const int64_t leading = field.kind == FieldKind::Sequence ? 2 : 1;
  if (field.values.rank() < leading)
    return bad("shape " + shapeText(field.values.shape()) + " needs " +
               std::to_string(leading) + " axes or more");
  const int64_t rows = field.values.shape()[0];
  int64_t count = rows;
  if (field.kind == FieldKind::Ragged) {
    auto cut = [](const std::vector<int64_t> &offsets, int64_t steps) {
      return !offsets.empty() && offsets.front() == 0 &&
             offsets.back() == steps &&
             std::is_sorted(offsets.begin(), offsets.end());
    };
    int64_t steps = rows;
    if (!field.inner.empty()) {
      if (!cut(field.inner, rows))
        return bad("the inner offsets do not cut " + std::to_string(rows) +
                   " values");
      steps = static_cast<int64_t>(field.inner.size()) - 1;
    }
    if (!cut(field.offsets, steps))
      return bad("the offsets do not cut " + std::to_string(steps) + " steps");
    count = static_cast<int64_t>(field.offsets.size()) - 1;
  } else if (!field.inner.empty()) {
    return bad("only ragged sequences have steps of their own lengths");
  }
  if (!data.empty() && count != examples)
    return bad(std::to_string(count) + " examples, '" + data.front().name +
               "' has " + std::to_string(examples));
  examples = count;
  data.push_back(std::move(field));
  return {};
}

Examples Examples::made(int64_t count, int64_t longest, Make make) {
  Examples result;
  result.examples = count;
  result.longestMade = longest;
  result.make = std::move(make);
  return result;
}

int64_t Examples::longest(std::span<const int64_t> rows) const {
  int64_t longest = make ? longestMade : 1;
  for (const Field &field : data)
    for (int64_t row : rows)
      longest = std::max(longest, length(field, row));
  return longest;
}

int64_t Examples::length(const Field &field, int64_t example) {
  switch (field.kind) {
  case FieldKind::Single:
    return 1;
  case FieldKind::Sequence:
    return field.values.shape()[1];
  case FieldKind::Ragged:
    break;
  }
  return field.offsets[example + 1] - field.offsets[example];
}

/// The most values that a step of an example has.
static int64_t longestStep(const Field &field, int64_t example) {
  int64_t longest = 0;
  for (int64_t step = field.offsets[static_cast<size_t>(example)];
       step < field.offsets[static_cast<size_t>(example) + 1]; ++step)
    longest = std::max(longest, field.inner[static_cast<size_t>(step) + 1] -
                                    field.inner[static_cast<size_t>(step)]);
  return longest;
}

std::vector<int64_t> Examples::extents(const Field &field,
                                       std::span<const int64_t> rows) {
  if (!field.axes.empty())
    return field.axes;
  std::vector<int64_t> steps(field.inner.empty() ? 1 : 2);
  for (int64_t row : rows) {
    steps[0] = std::max(steps[0], length(field, row));
    if (!field.inner.empty())
      steps[1] = std::max(steps[1], longestStep(field, row));
  }
  return steps;
}

std::vector<int64_t> Examples::likeness() const {
  std::vector<int64_t> steps(static_cast<size_t>(examples));
  std::vector<int64_t> inner(steps.size());
  for (const Field &field : data)
    for (int64_t i = 0; i < examples; ++i) {
      int64_t &most = steps[static_cast<size_t>(i)];
      int64_t &longest = inner[static_cast<size_t>(i)];
      most = std::max(most, length(field, i));
      if (!field.inner.empty())
        longest = std::max(longest, longestStep(field, i));
    }
  const int64_t base =
      inner.empty() ? 1 : *std::max_element(inner.begin(), inner.end()) + 1;
  for (size_t i = 0; i < steps.size(); ++i)
    steps[i] = steps[i] * base + inner[i];
  return steps;
}

/// Copies words of letters into [W * C, B, d...]: letter c of word w of row b at
/// ((w * C + c) * B + b).
static BatchField gatherNested(const Field &field,
                               std::span<const int64_t> rows) {
  BatchField result{field.name, field.kind, {}, {},
                    Examples::extents(field, rows)};
  const int64_t batch = static_cast<int64_t>(rows.size());
  const int64_t words = result.axes[0], letters = result.axes[1];
  result.lengths = Tensor(DType::I32, {batch});
  result.innerLengths = Tensor(DType::I32, {words, batch});
  std::vector<int64_t> shape = field.values.shape();
  int64_t width = static_cast<int64_t>(sizeOf(field.values.dtype()));
  for (size_t i = 1; i < shape.size(); ++i)
    width *= shape[i];
  shape[0] = batch;
  shape.insert(shape.begin(), words * letters);
  result.values = Tensor(field.values.dtype(), std::move(shape));
  const auto *from = static_cast<const char *>(field.values.data());
  auto *to = static_cast<char *>(result.values.data());
  for (int64_t b = 0; b < batch; ++b) {
    const int64_t length = Examples::length(field, rows[b]);
    result.lengths.as<int32_t>()[b] = static_cast<int32_t>(length);
    for (int64_t w = 0; w < length; ++w) {
      const size_t step = static_cast<size_t>(field.offsets[rows[b]] + w);
      const int64_t begin = field.inner[step], end = field.inner[step + 1];
      result.innerLengths.as<int32_t>()[w * batch + b] =
          static_cast<int32_t>(end - begin);
      for (int64_t c = 0; c < end - begin; ++c)
        std::memcpy(to + ((w * letters + c) * batch + b) * width,
                    from + (begin + c) * width, static_cast<size_t>(width));
    }
  }
  return result;
}

/// Copies sequences into a time-major array: row b of step t at (t * B + b).
static BatchField gatherSequences(const Field &field,
                                  std::span<const int64_t> rows) {
  if (!field.inner.empty())
    return gatherNested(field, rows);
  BatchField result{field.name, field.kind, {}, {}, field.axes};
  const int64_t batch = static_cast<int64_t>(rows.size());
  const bool ragged = field.kind == FieldKind::Ragged;
  int64_t longest = ragged ? 0 : field.values.shape()[1];
  if (ragged) {
    result.lengths = Tensor(DType::I32, {batch});
    for (int64_t b = 0; b < batch; ++b) {
      int64_t length = Examples::length(field, rows[b]);
      result.lengths.as<int32_t>()[b] = static_cast<int32_t>(length);
      longest = std::max(longest, length);
    }
  }
  std::vector<int64_t> shape = {longest, batch};
  shape.insert(shape.end(), field.values.shape().begin() + (ragged ? 1 : 2),
               field.values.shape().end());
  int64_t width = static_cast<int64_t>(sizeOf(field.values.dtype()));
  for (size_t i = 2; i < shape.size(); ++i)
    width *= shape[i];
  result.values = Tensor(field.values.dtype(), std::move(shape));
  const auto *from = static_cast<const char *>(field.values.data());
  auto *to = static_cast<char *>(result.values.data());
  for (int64_t b = 0; b < batch; ++b) {
    int64_t length = Examples::length(field, rows[b]);
    int64_t begin = field.valuesOf(rows[b]).first;
    for (int64_t t = 0; t < length; ++t)
      std::memcpy(to + (t * batch + b) * width, from + (begin + t) * width,
                  static_cast<size_t>(width));
  }
  return result;
}

static BatchField gatherSingles(const Field &field,
                                std::span<const int64_t> rows) {
  BatchField result{field.name, field.kind, {}, {}, {}};
  std::vector<int64_t> shape = field.values.shape();
  const int64_t width = shape[0] ? field.values.bytes() / shape[0] : 0;
  shape[0] = static_cast<int64_t>(rows.size());
  result.values = Tensor(field.values.dtype(), std::move(shape));
  const auto *from = static_cast<const char *>(field.values.data());
  auto *to = static_cast<char *>(result.values.data());
  for (size_t b = 0; b < rows.size(); ++b)
    std::memcpy(to + static_cast<int64_t>(b) * width, from + rows[b] * width,
                static_cast<size_t>(width));
  return result;
}

ExampleBatch Examples::gather(std::span<const int64_t> rows) const {
  if (make) {
    std::vector<int64_t> all(rows.size());
    std::iota(all.begin(), all.end(), 0);
    return make(rows).gather(all);
  }
  ExampleBatch batch;
  batch.size = static_cast<int64_t>(rows.size());
  for (const Field &field : data)
    batch.fields.push_back(field.kind == FieldKind::Single
                               ? gatherSingles(field, rows)
                               : gatherSequences(field, rows));
  return batch;
}

/// Fisher and Yates, from the last place down.
static void shuffleRows(std::vector<int64_t> &rows, int64_t seed,
                        uint32_t stream, uint32_t epoch) {
  for (size_t i = rows.size(); i > 1; --i)
    std::swap(rows[i - 1], rows[rnnrt_below(seed, stream, epoch, i, i)]);
}

std::vector<int64_t> shuffledOrder(int64_t count, int64_t seed,
                                   uint32_t epoch) {
  std::vector<int64_t> rows(static_cast<size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  shuffleRows(rows, seed, shuffleStream, epoch);
  return rows;
}

std::vector<std::vector<int64_t>>
splitShuffled(int64_t count, std::span<const double> shares, int64_t seed) {
  std::vector<int64_t> rows(static_cast<size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  shuffleRows(rows, seed, splitStream, 0);
  std::vector<std::vector<int64_t>> parts;
  for (Part part : splitByPosition(count, shares)) {
    parts.emplace_back(rows.begin() + part.begin, rows.begin() + part.end);
    std::sort(parts.back().begin(), parts.back().end());
  }
  return parts;
}

Result<ExampleCursor> ExampleCursor::create(std::vector<int64_t> rows,
                                            int64_t batch, int64_t seed,
                                            ExampleOrder order) {
  if (rows.empty())
    return makeError("empty-data", "there are no examples");
  if (batch < 1)
    return makeError("bad-value", "a batch needs at least 1 example");
  ExampleCursor cursor;
  cursor.rows = std::move(rows);
  cursor.batch = batch;
  cursor.seed = seed;
  cursor.form = std::move(order);
  return cursor;
}

void ExampleCursor::order() {
  if (orderedEpoch == where.epoch)
    return;
  // From the given order each time, so an epoch does not depend on those
  // before.
  current = rows;
  if (form.fresh)
    for (int64_t &row : current)
      row += where.epoch * static_cast<int64_t>(rows.size());
  else if (form.shuffle)
    shuffleRows(current, seed, shuffleStream,
                static_cast<uint32_t>(where.epoch));
  if (form.shuffle && !form.lengths.empty())
    bucket();
  orderedEpoch = where.epoch;
}

void ExampleCursor::bucket() {
  const int64_t count = static_cast<int64_t>(current.size());
  const int64_t pool = batch * ExampleOrder::poolBatches;
  std::vector<std::array<int64_t, 3>> keyed; // length, place, row
  for (int64_t begin = 0; begin < count; begin += pool) {
    const int64_t end = std::min(begin + pool, count);
    keyed.clear();
    for (int64_t i = begin; i < end; ++i)
      keyed.push_back(
          {form.lengths[static_cast<size_t>(current[i])], i, current[i]});
    std::sort(keyed.begin(), keyed.end());
    for (int64_t i = begin; i < end; ++i)
      current[i] = keyed[static_cast<size_t>(i - begin)][2];
  }
  // The last minibatch may be smaller, so it stays the last.
  const int64_t whole = count / batch;
  std::vector<int64_t> places(static_cast<size_t>(whole));
  std::iota(places.begin(), places.end(), 0);
  shuffleRows(places, seed, bucketStream, static_cast<uint32_t>(where.epoch));
  std::vector<int64_t> ordered;
  ordered.reserve(current.size());
  for (int64_t place : places)
    ordered.insert(ordered.end(), current.begin() + place * batch,
                   current.begin() + (place + 1) * batch);
  ordered.insert(ordered.end(), current.begin() + whole * batch,
                 current.end());
  current = std::move(ordered);
}

int64_t ExampleCursor::batches() const {
  return (static_cast<int64_t>(rows.size()) + batch - 1) / batch;
}

std::span<const int64_t> ExampleCursor::next() {
  order();
  const int64_t total = static_cast<int64_t>(current.size());
  const int64_t begin = where.index * batch;
  const int64_t size = std::min(batch, total - begin);
  if (++where.index == batches()) {
    where.index = 0;
    ++where.epoch;
  }
  return std::span<const int64_t>(current).subspan(static_cast<size_t>(begin),
                                                   static_cast<size_t>(size));
}

Result<void> ExampleCursor::restore(ExamplePosition position) {
  if (position.epoch < 0 || position.index < 0 || position.index >= batches())
    return makeError("bad-position",
                     "batch " + std::to_string(position.index) + " of epoch " +
                         std::to_string(position.epoch) +
                         " is not one of these data, which have " +
                         std::to_string(batches()) + " batches");
  where = position;
  return {};
}

} // namespace rnnc::rt
