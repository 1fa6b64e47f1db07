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

/// The streams of the host's draws for tasks, one a set.
static constexpr uint32_t taskStream = 0xffff0010;

/// The greatest numbers that are taken; above this one is a slip of the hand.
static constexpr int64_t mostOfAnything = 10'000'000;

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

/// Draws one after the other, for one example.
class Draws {
public:
  Draws(int64_t seed, TaskSet set, int64_t example)
      : seed(seed), stream(taskStream + static_cast<uint32_t>(set)),
        low(static_cast<uint32_t>(example)),
        next(static_cast<uint64_t>(example) >> 32 << 40) {}
  int64_t in(Range range) {
    return range.low +
           static_cast<int64_t>(
               rnnrt_below(seed, stream, low, next++,
                           static_cast<uint64_t>(range.high - range.low + 1)));
  }
  /// Uniform in [0, 1), 24 bits.
  double unit() { return static_cast<double>(in({0, 0xffffff})) * 0x1p-24; }

private:
  int64_t seed;
  uint32_t stream, low;
  uint64_t next;
};
} // namespace

static constexpr Level levels[] = {
    {"easy", {7, 8}, {1, 2}, {4, 5}, 9},
    {"normal", {30, 40}, {2, 5}, {20, 27}, 41},
    {"moderate", {60, 80}, {10, 20}, {45, 54}, 81},
    {"hard", {100, 110}, {10, 20}, {50, 60}, 111},
    {"nightmare", {300, 500}, {10, 80}, {250, 290}, 501}};
/// The second and third place of 6b.
static constexpr Range secondOfThree = {33, 43}, thirdOfThree = {66, 76};
static constexpr int hardLevel = 3;

int64_t Task::longest() const {
  switch (kind) {
  case TaskKind::TemporalOrder:
    return padded ? levels[level].padded : levels[level].length.high;
  case TaskKind::Adding:
    return original ? T + T / 10 : T;
  case TaskKind::Copying:
    return T + 20;
  case TaskKind::Echo:
    break;
  }
  return train;
}

bool Task::ragged() const {
  return kind == TaskKind::TemporalOrder ? !padded
                                         : kind == TaskKind::Adding && original;
}

/// One `KEY=VALUE` of a task.
static Result<void> readSetting(Task &task, std::string_view setting,
                                const std::string &quoted) {
  const size_t equals = setting.find('=');
  const std::string_view key = setting.substr(0, equals);
  const std::string_view text =
      equals == std::string_view::npos ? "" : setting.substr(equals + 1);
  const bool order = task.kind == TaskKind::TemporalOrder;
  const bool adds = task.kind == TaskKind::Adding;
  auto oneOf = [&](std::string_view word, std::string_view other,
                   bool &flag) -> Result<void> {
    if (text != word && text != other)
      return makeError("bad-value", quoted + ": '" + std::string(setting) +
                                        "' needs " + std::string(other) +
                                        " or " + std::string(word));
    flag = text == word;
    return {};
  };
  if (order && key == "pad") {
    return oneOf("front", "none", task.padded);
  }
  if (adds && key == "form")
    return oneOf("1997", "2015", task.original);
  int64_t *target = nullptr, least = 1, most = mostOfAnything;
  if (key == "k" && task.kind == TaskKind::Echo)
    target = &task.k, least = 0;
  else if (key == "T" && task.T > 0)
    target = &task.T, least = adds ? 2 : 1;
  else if (key == "marks" && order)
    target = &task.marks, least = 2, most = 3;
  else if (key == "train")
    target = &task.train;
  else if (key == "valid")
    target = &task.valid, least = 0;
  else if (key == "test")
    target = &task.test, least = 0;
  if (!target)
    return makeError("bad-value", quoted + " has no setting '" +
                                      std::string(setting) + "'");
  int64_t value = 0;
  auto [stop, code] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || stop != text.data() + text.size() ||
      value < least || value > most)
    return makeError("bad-value", quoted + ": '" + std::string(setting) +
                                      "' needs a whole number from " +
                                      std::to_string(least) + " to " +
                                      std::to_string(most));
  *target = value;
  return {};
}

Result<Task> parseTask(std::string_view text) {
  const std::string quoted = "'" + std::string(text) + "'";
  const size_t nameEnd = text.find_first_of(":,");
  const std::string_view name = text.substr(0, nameEnd);
  std::string_view rest =
      nameEnd == std::string_view::npos ? "" : text.substr(nameEnd);
  Task task;
  task.valid = task.test = 1000;
  if (name == "temporal-order")
    // 31 batches of 32, the epoch of the published notebook.
    task.kind = TaskKind::TemporalOrder, task.train = 992;
  else if (name == "echo")
    task.kind = TaskKind::Echo, task.train = task.valid = task.test = 20000;
  else if (name == "adding")
    task.kind = TaskKind::Adding, task.T = 150, task.train = 10000;
  else if (name == "copying")
    task.kind = TaskKind::Copying, task.T = 100, task.train = 10000;
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
    if (Result<void> done = readSetting(task, setting, quoted); !done)
      return done.error();
  }
  if (task.marks == 3 && task.level != hardLevel)
    return makeError("bad-value",
                     quoted + ": marks=3 is defined for the level hard only");
  return task;
}

/// The examples of inputs x and targets y.
static Result<Examples> pairUp(Field x, Field y) {
  x.name = "x";
  y.name = "y";
  Examples examples;
  if (Result<void> done = examples.add(std::move(x)); !done)
    return done.error();
  if (Result<void> done = examples.add(std::move(y)); !done)
    return done.error();
  return examples;
}

static Result<Examples> temporalOrder(const Task &task, int64_t seed,
                                      TaskSet set,
                                      std::span<const int64_t> numbers) {
  // X 0, Y 1, a to d 2 to 5, B 6, E 7. The class has a bit for each place.
  const Level &level = levels[task.level];
  const int64_t count = static_cast<int64_t>(numbers.size());
  std::vector<int64_t> places, symbols, offsets = {0};
  Result<Tensor> y = Tensor::create(DType::I32, {count});
  if (!y)
    return y.error();
  for (int64_t i = 0; i < count; ++i) {
    Draws draws(seed, set, numbers[i]);
    const int64_t length = draws.in(level.length);
    places = {draws.in(level.first),
              draws.in(task.marks == 3 ? secondOfThree : level.second)};
    if (task.marks == 3)
      places.push_back(draws.in(thirdOfThree));
    if (task.padded)
      symbols.insert(symbols.end(),
                     static_cast<size_t>(level.padded - length), -1);
    const size_t begin = symbols.size();
    for (int64_t t = 0; t < length; ++t)
      symbols.push_back(draws.in({2, 5}));
    symbols[begin] = 6;
    symbols.back() = 7;
    int64_t label = draws.in({0, task.classes() - 1});
    y->as<int32_t>()[i] = static_cast<int32_t>(label);
    for (size_t place = places.size(); place-- > 0; label /= 2)
      symbols[begin + static_cast<size_t>(places[place])] = label % 2;
    offsets.push_back(static_cast<int64_t>(symbols.size()));
  }
  Field x{"", FieldKind::Sequence, {}, {}};
  std::vector<int64_t> shape = {count, level.padded, 8};
  if (!task.padded) {
    x.kind = FieldKind::Ragged;
    x.offsets = std::move(offsets);
    shape = {static_cast<int64_t>(symbols.size()), 8};
  }
  Result<Tensor> values = Tensor::create(DType::F32, std::move(shape));
  if (!values)
    return values.error();
  for (size_t t = 0; t < symbols.size(); ++t)
    if (symbols[t] >= 0)
      values->as<float>()[t * 8 + static_cast<size_t>(symbols[t])] = 1;
  x.values = std::move(*values);
  return pairUp(std::move(x), {"", FieldKind::Single, std::move(*y), {}});
}

static Result<Examples> adding(const Task &task, int64_t seed, TaskSet set,
                               std::span<const int64_t> numbers) {
  const int64_t count = static_cast<int64_t>(numbers.size()), T = task.T;
  Field x{"", task.original ? FieldKind::Ragged : FieldKind::Sequence, {}, {}};
  std::vector<float> steps;
  Result<Tensor> y = Tensor::create(DType::F32, {count, 1});
  if (!y)
    return y.error();
  std::vector<int64_t> offsets = {0};
  for (int64_t i = 0; i < count; ++i) {
    Draws draws(seed, set, numbers[i]);
    const int64_t length = task.original ? draws.in({T, T + T / 10}) : T;
    const size_t begin = steps.size();
    for (int64_t t = 0; t < length; ++t) {
      const double u = draws.unit();
      steps.push_back(static_cast<float>(task.original ? 2 * u - 1 : u));
      steps.push_back(0);
    }
    auto value = [&](int64_t t) -> float & {
      return steps[begin + static_cast<size_t>(t) * 2];
    };
    auto mark = [&](int64_t t) -> float & { return (&value(t))[1]; };
    int64_t first = 0, second = 0;
    if (task.original) {
      // One of the first ten, then one of the first T/2 - 1 that have no mark.
      first = draws.in({0, std::min<int64_t>(10, length) - 1});
      second = draws.in({0, std::max<int64_t>(T / 2 - 1, 1) - 1});
      second += second >= first;
    } else {
      first = draws.in({0, T / 2 - 1});
      second = draws.in({T / 2, T - 1});
    }
    mark(first) = mark(second) = 1;
    if (task.original) {
      // The ends have a mark of their own; a number drawn there is 0.
      mark(0) = mark(length - 1) = -1;
      for (int64_t t : {first, second})
        if (mark(t) == -1)
          value(t) = 0;
    }
    const float sum = value(first) + value(second);
    y->as<float>()[i] = task.original ? 0.5F + sum / 4 : sum;
    offsets.push_back(static_cast<int64_t>(steps.size()) / 2);
  }
  std::vector<int64_t> shape = {count, T, 2};
  if (task.original) {
    shape = {offsets.back(), 2};
    x.offsets = std::move(offsets);
  }
  Result<Tensor> values = Tensor::create(DType::F32, std::move(shape));
  if (!values)
    return values.error();
  std::copy(steps.begin(), steps.end(), values->as<float>().begin());
  x.values = std::move(*values);
  return pairUp(std::move(x), {"", FieldKind::Single, std::move(*y), {}});
}

static Result<Examples> copying(const Task &task, int64_t seed, TaskSet set,
                                std::span<const int64_t> numbers) {
  constexpr int32_t blank = 8, marker = 9;
  const int64_t count = static_cast<int64_t>(numbers.size()), T = task.T;
  const int64_t steps = T + 20;
  Result<Tensor> x = Tensor::create(DType::I32, {count, steps});
  Result<Tensor> y = Tensor::create(DType::I32, {count, steps});
  if (!x || !y)
    return x ? y.error() : x.error();
  for (int64_t i = 0; i < count; ++i) {
    Draws draws(seed, set, numbers[i]);
    std::span<int32_t> in = x->as<int32_t>().subspan(i * steps, steps);
    std::span<int32_t> out = y->as<int32_t>().subspan(i * steps, steps);
    std::fill(in.begin(), in.end(), blank);
    std::fill(out.begin(), out.end(), blank);
    for (int64_t j = 0; j < 10; ++j)
      in[j] = out[T + 10 + j] = static_cast<int32_t>(draws.in({0, 7}));
    // Ten symbols and T - 1 blanks stand before it.
    in[T + 9] = marker;
  }
  return pairUp({"", FieldKind::Sequence, std::move(*x), {}},
                {"", FieldKind::Sequence, std::move(*y), {}});
}

Result<Examples> generateExamples(const Task &task, int64_t seed, TaskSet set,
                                  std::span<const int64_t> numbers) {
  if (numbers.empty())
    return makeError("empty-data", "there are no examples");
  switch (task.kind) {
  case TaskKind::TemporalOrder:
    return temporalOrder(task, seed, set, numbers);
  case TaskKind::Adding:
    return adding(task, seed, set, numbers);
  case TaskKind::Copying:
    return copying(task, seed, set, numbers);
  case TaskKind::Echo:
    break;
  }
  return makeError("bad-value", "echo is a stream and has no examples");
}

void gatherEcho(const Task &task, int64_t seed, TaskSet set,
                const StreamWindow &window, bool target, float *out) {
  const uint32_t stream = taskStream + static_cast<uint32_t>(set);
  for (int64_t t = 0; t < window.steps; ++t)
    for (int64_t b = 0; b < window.batch; ++b) {
      // A row that is what division left over goes on with its stream, so its
      // step is its position; in the others a stream begins at each stride.
      const int64_t step = window.start + t;
      int64_t position = step + b * window.stride;
      bool silent = false;
      if (target) {
        silent = step < task.k;
        position -= task.k;
      }
      *out++ = silent ? 0
                      : static_cast<float>(rnnrt_below(
                            seed, stream, static_cast<uint32_t>(window.epoch),
                            static_cast<uint64_t>(position), 2));
    }
}

double chanceLoss(const Task &task) {
  switch (task.kind) {
  case TaskKind::TemporalOrder:
    return std::log(static_cast<double>(task.classes()));
  case TaskKind::Echo:
    return std::log(2.0);
  case TaskKind::Adding:
    return task.original ? 1.0 / 24 : 1.0 / 6;
  case TaskKind::Copying:
    break;
  }
  return 10 * std::log(8.0) / static_cast<double>(task.T + 20);
}

} // namespace rnnc::rt
