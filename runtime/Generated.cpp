//===- Generated.cpp - tasks that need no data ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Drawing of the synthetic tasks.
//
//===----------------------------------------------------------------------===//
#include "runtime/Generated.h"

#include "rnnrt/philox.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace rnnc::rt {

/// The stream of the host's draws for tasks.
static constexpr uint32_t taskStream = 0xffff0003;

/// The longest sequences that are made; above this a T is a slip of the hand.
static constexpr int64_t longestTask = 10'000'000;

namespace {
/// A range with both ends.
struct Range {
  int64_t low, high;
};

/// Temporal order: lengths, positions and the padded length of a level.
struct Level {
  std::string_view name;
  Range length, first, second;
  int64_t padded;
};

/// Draws one after the other.
class Draws {
public:
  Draws(int64_t seed, uint32_t epoch) : seed(seed), epoch(epoch) {}
  int64_t in(Range range) {
    return range.low + static_cast<int64_t>(rnnrt_below(
                           seed, taskStream, epoch, next++,
                           static_cast<uint64_t>(range.high - range.low + 1)));
  }
  /// Uniform in [0, 1), 24 bits.
  double unit() { return static_cast<double>(in({0, 0xffffff})) * 0x1p-24; }

private:
  int64_t seed;
  uint32_t epoch;
  uint64_t next = 0;
};
} // namespace

static constexpr Level levels[] = {
    {"easy", {7, 8}, {1, 2}, {4, 5}, 9},
    {"normal", {30, 40}, {2, 5}, {20, 27}, 41},
    {"moderate", {60, 80}, {10, 20}, {45, 54}, 81},
    {"hard", {100, 110}, {10, 20}, {50, 60}, 111},
    {"nightmare", {300, 500}, {10, 80}, {250, 290}, 501}};

Result<Task> parseTask(std::string_view text) {
  const std::string quoted = "'" + std::string(text) + "'";
  const size_t nameEnd = text.find_first_of(":,");
  const std::string_view name = text.substr(0, nameEnd);
  std::string_view rest =
      nameEnd == std::string_view::npos ? "" : text.substr(nameEnd);
  Task task;
  if (name == "temporal-order")
    task.kind = TaskKind::TemporalOrder;
  else if (name == "echo")
    task.kind = TaskKind::Echo;
  else if (name == "adding")
    task.kind = TaskKind::Adding, task.T = 150;
  else if (name == "copying")
    task.kind = TaskKind::Copying, task.T = 100;
  else
    return makeError("bad-value", quoted + " is no task; expected "
                                           "temporal-order, echo, adding or "
                                           "copying");
  if (!rest.empty() && rest[0] == ':') {
    std::string_view level = rest.substr(1, rest.find(',') - 1);
    bool found = false;
    for (size_t i = 0; i < std::size(levels); ++i)
      if (levels[i].name == level) {
        task.level = static_cast<int>(i);
        found = true;
      }
    if (!found || task.kind != TaskKind::TemporalOrder)
      return makeError("bad-value",
                       quoted + " has no level '" + std::string(level) +
                           "'; temporal-order has easy, normal, moderate, "
                           "hard and nightmare");
    rest.remove_prefix(1 + level.size());
  }
  while (!rest.empty()) {
    rest.remove_prefix(1);
    std::string_view setting = rest.substr(0, rest.find(','));
    rest.remove_prefix(setting.size());
    int64_t *target = nullptr, least = 0;
    if (setting.starts_with("k=") && task.kind == TaskKind::Echo)
      target = &task.k;
    else if (setting.starts_with("T=") && task.T > 0)
      target = &task.T, least = task.kind == TaskKind::Adding ? 2 : 1;
    if (!target)
      return makeError("bad-value", quoted + " has no setting '" +
                                        std::string(setting) + "'");
    int64_t value = 0;
    const char *end = setting.data() + setting.size();
    auto [stop, code] = std::from_chars(setting.data() + 2, end, value);
    if (code != std::errc() || stop != end || value < least ||
        value > longestTask)
      return makeError("bad-value", quoted + ": '" + std::string(setting) +
                                        "' needs a whole number from " +
                                        std::to_string(least) + " to " +
                                        std::to_string(longestTask));
    *target = value;
  }
  return task;
}

/// The examples of sequences x and targets y.
static Result<Examples> pairUp(Tensor x, Tensor y, FieldKind kind) {
  Examples examples;
  if (Result<void> done =
          examples.add({"x", FieldKind::Sequence, std::move(x), {}});
      !done)
    return done.error();
  if (Result<void> done = examples.add({"y", kind, std::move(y), {}}); !done)
    return done.error();
  return examples;
}

static Result<Examples> temporalOrder(const Level &level, int64_t count,
                                      Draws draws) {
  // X 0, Y 1, a to d 2 to 5, B 6, E 7; classes XX, XY, YX, YY.
  Result<Tensor> x = Tensor::create(DType::F32, {count, level.padded, 8});
  Result<Tensor> y = Tensor::create(DType::I32, {count});
  if (!x || !y)
    return x ? y.error() : x.error();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t length = draws.in(level.length);
    const int64_t first = draws.in(level.first);
    const int64_t second = draws.in(level.second);
    std::vector<int64_t> symbols(static_cast<size_t>(length));
    for (int64_t &symbol : symbols)
      symbol = draws.in({2, 5});
    symbols.front() = 6;
    symbols.back() = 7;
    const int64_t label = draws.in({0, 3});
    symbols[static_cast<size_t>(first)] = label / 2;
    symbols[static_cast<size_t>(second)] = label % 2;
    y->as<int32_t>()[i] = static_cast<int32_t>(label);
    int64_t at = (i * level.padded + level.padded - length) * 8;
    for (int64_t symbol : symbols) {
      x->as<float>()[at + symbol] = 1;
      at += 8;
    }
  }
  return pairUp(std::move(*x), std::move(*y), FieldKind::Single);
}

static Result<Examples> adding(int64_t T, int64_t count, Draws draws) {
  Result<Tensor> x = Tensor::create(DType::F32, {count, T, 2});
  Result<Tensor> y = Tensor::create(DType::F32, {count, 1});
  if (!x || !y)
    return x ? y.error() : x.error();
  std::span<float> values = x->as<float>();
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t t = 0; t < T; ++t)
      values[(i * T + t) * 2] = static_cast<float>(draws.unit());
    const int64_t first = draws.in({0, T / 2 - 1});
    const int64_t second = draws.in({T / 2, T - 1});
    values[(i * T + first) * 2 + 1] = 1;
    values[(i * T + second) * 2 + 1] = 1;
    y->as<float>()[i] =
        values[(i * T + first) * 2] + values[(i * T + second) * 2];
  }
  return pairUp(std::move(*x), std::move(*y), FieldKind::Single);
}

static Result<Examples> copying(int64_t T, int64_t count, Draws draws) {
  constexpr int32_t blank = 8, marker = 9;
  const int64_t steps = T + 20;
  Result<Tensor> x = Tensor::create(DType::I32, {count, steps});
  Result<Tensor> y = Tensor::create(DType::I32, {count, steps});
  if (!x || !y)
    return x ? y.error() : x.error();
  for (int64_t i = 0; i < count; ++i) {
    std::span<int32_t> in = x->as<int32_t>().subspan(i * steps, steps);
    std::span<int32_t> out = y->as<int32_t>().subspan(i * steps, steps);
    std::fill(in.begin(), in.end(), blank);
    std::fill(out.begin(), out.end(), blank);
    for (int64_t j = 0; j < 10; ++j)
      in[j] = out[T + 10 + j] = static_cast<int32_t>(draws.in({0, 7}));
    // Ten symbols and T - 1 blanks stand before it.
    in[T + 9] = marker;
  }
  return pairUp(std::move(*x), std::move(*y), FieldKind::Sequence);
}

Result<Examples> generateExamples(const Task &task, int64_t count, int64_t seed,
                                  uint32_t epoch) {
  if (count < 1)
    return makeError("empty-data", "there are no examples");
  Draws draws(seed, epoch);
  switch (task.kind) {
  case TaskKind::TemporalOrder:
    return temporalOrder(levels[task.level], count, draws);
  case TaskKind::Adding:
    return adding(task.T, count, draws);
  case TaskKind::Copying:
    return copying(task.T, count, draws);
  case TaskKind::Echo:
    break;
  }
  return makeError("bad-value", "echo is a stream and has no examples");
}

EchoSeries generateEcho(const Task &task, int64_t steps, int64_t batch,
                        int64_t seed, uint32_t epoch) {
  Draws draws(seed, epoch);
  EchoSeries series{Tensor(DType::F32, {steps, batch, 1}),
                    Tensor(DType::F32, {steps, batch, 1})};
  std::span<float> x = series.x.as<float>(), y = series.y.as<float>();
  for (float &bit : x)
    bit = static_cast<float>(draws.in({0, 1}));
  for (size_t i = static_cast<size_t>(task.k * batch); i < y.size(); ++i)
    y[i] = x[i - static_cast<size_t>(task.k * batch)];
  return series;
}

double chanceLoss(const Task &task) {
  switch (task.kind) {
  case TaskKind::TemporalOrder:
    return std::log(4.0);
  case TaskKind::Echo:
    return std::log(2.0);
  case TaskKind::Adding:
    return 1.0 / 6;
  case TaskKind::Copying:
    break;
  }
  return 10 * std::log(8.0) / static_cast<double>(task.T + 20);
}

} // namespace rnnc::rt
