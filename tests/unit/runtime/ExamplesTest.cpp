//===- ExamplesTest.cpp - separate examples -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Batches, padding, order, and generated tasks.
//
//===----------------------------------------------------------------------===//
#include "runtime/Examples.h"

#include "runtime/Generated.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>

using namespace rnnc::rt;

static Examples sample() {
  Examples examples;
  const float steps[] = {1, 2, 3, 4, 5, 6};
  const int32_t labels[] = {7, 8, 9};
  const float pairs[] = {1, 2, 3, 4, 5, 6};
  // Lengths 1, 0, 5.
  EXPECT_TRUE(examples.add({"x",
                            FieldKind::Ragged,
                            Tensor::of<float>({6, 1}, steps),
                            {0, 1, 1, 6}}));
  EXPECT_TRUE(examples.add(
      {"y", FieldKind::Single, Tensor::of<int32_t>({3}, labels), {}}));
  EXPECT_TRUE(examples.add(
      {"z", FieldKind::Sequence, Tensor::of<float>({3, 2}, pairs), {}}));
  return examples;
}

TEST(Examples, Gather) {
  Examples examples = sample();
  EXPECT_EQ(examples.count(), 3);
  const int64_t rows[] = {2, 0};
  ExampleBatch batch = examples.gather(rows);
  EXPECT_EQ(batch.size, 2);
  const BatchField *x = batch.find("x");
  ASSERT_NE(x, nullptr);
  EXPECT_EQ(x->values.shape(), (std::vector<int64_t>{5, 2, 1}));
  EXPECT_EQ(x->lengths.number(0), 5);
  EXPECT_EQ(x->lengths.number(1), 1);
  const double expected[] = {2, 1, 3, 0, 4, 0, 5, 0, 6, 0};
  for (int64_t i = 0; i < 10; ++i)
    EXPECT_EQ(x->values.number(i), expected[i]);
  EXPECT_EQ(batch.find("y")->values.number(0), 9);
  const BatchField *z = batch.find("z");
  EXPECT_EQ(z->values.shape(), (std::vector<int64_t>{2, 2}));
  const double sequence[] = {5, 1, 6, 2};
  for (int64_t i = 0; i < 4; ++i)
    EXPECT_EQ(z->values.number(i), sequence[i]);
  EXPECT_EQ(batch.find("w"), nullptr);
}

/// Two sentences, "ab c" and "defg", and one of a single letter.
static Field words() {
  const int32_t letters[] = {1, 2, 3, 4, 5, 6, 7, 8};
  Field field{"x", FieldKind::Ragged, Tensor::of<int32_t>({8}, letters)};
  field.offsets = {0, 2, 3, 4};
  field.inner = {0, 2, 3, 7, 8};
  return field;
}

TEST(Examples, StepsOfTheirOwnLengths) {
  Examples examples;
  ASSERT_TRUE(examples.add(words()));
  EXPECT_EQ(examples.count(), 3);
  const Field &field = examples.fields()[0];
  EXPECT_EQ(Examples::length(field, 0), 2);
  EXPECT_EQ(field.valuesOf(0), (std::pair<int64_t, int64_t>(0, 3)));
  EXPECT_EQ(field.valuesOf(1), (std::pair<int64_t, int64_t>(3, 7)));
  const int64_t rows[] = {1, 0};
  EXPECT_EQ(Examples::extents(field, rows), (std::vector<int64_t>{2, 4}));
  ExampleBatch batch = examples.gather(rows);
  const BatchField &x = batch.fields[0];
  EXPECT_TRUE(x.nested());
  EXPECT_EQ(x.axes, (std::vector<int64_t>{2, 4}));
  EXPECT_EQ(x.values.shape(), (std::vector<int64_t>{8, 2}));
  const int32_t expected[] = {4, 1, 5, 2, 6, 0, 7, 0, 0, 3, 0, 0, 0, 0, 0, 0};
  EXPECT_TRUE(std::ranges::equal(x.values.as<int32_t>(), expected));
  EXPECT_TRUE(std::ranges::equal(x.lengths.as<int32_t>(), std::array{1, 2}));
  EXPECT_TRUE(std::ranges::equal(x.innerLengths.as<int32_t>(),
                                 std::array{4, 2, 0, 1}));
  for (int64_t t = 0; t < 8; ++t)
    for (int64_t b = 0; b < 2; ++b)
      EXPECT_EQ(x.has(t, b), expected[t * 2 + b] != 0) << t << ", " << b;
}

TEST(Examples, LikeStepsGoTogether) {
  Examples examples;
  ASSERT_TRUE(examples.add(words()));
  // The most steps decide, then the longest step: "d" before "defg".
  std::vector<int64_t> likeness = examples.likeness();
  EXPECT_LT(likeness[2], likeness[1]);
  EXPECT_LT(likeness[1], likeness[0]);
}

TEST(Examples, StepsThatDoNotFit) {
  for (std::vector<int64_t> inner :
       {std::vector<int64_t>{0, 2, 3, 8}, {0, 2, 3, 7}, {0, 3, 2, 7, 8}}) {
    Examples examples;
    Field field = words();
    field.inner = inner;
    EXPECT_FALSE(examples.add(field));
  }
  Examples examples;
  Field field = words();
  field.inner.back() = 9;
  EXPECT_EQ(examples.add(field).error().message,
            "'x': the inner offsets do not cut 8 values");
  field.kind = FieldKind::Single;
  EXPECT_EQ(examples.add(field).error().message,
            "'x': only ragged sequences have steps of their own lengths");
}

TEST(Examples, FieldsThatDoNotFit) {
  Examples examples = sample();
  EXPECT_EQ(examples.add({"y", FieldKind::Single, Tensor(DType::F32, {3}), {}})
                .error()
                .message,
            "'y': the name is taken");
  EXPECT_EQ(examples.add({"a", FieldKind::Single, Tensor(DType::F32, {4}), {}})
                .error()
                .message,
            "'a': 4 examples, 'x' has 3");
  EXPECT_EQ(examples.add({"a", FieldKind::Single, Tensor(DType::F32, {}), {}})
                .error()
                .message,
            "'a': shape [] needs 1 axes or more");
  for (std::vector<int64_t> offsets :
       {std::vector<int64_t>{}, {0, 1, 2}, {0, 3, 2, 6}, {1, 2, 3, 6}})
    EXPECT_FALSE(examples.add(
        {"a", FieldKind::Ragged, Tensor(DType::F32, {6}), offsets}));
}

TEST(Examples, ShuffleIsAPermutationOfSeedAndEpoch) {
  std::vector<int64_t> order = shuffledOrder(1000, 1, 0);
  EXPECT_EQ(order, shuffledOrder(1000, 1, 0));
  EXPECT_NE(order, shuffledOrder(1000, 1, 1));
  EXPECT_NE(order, shuffledOrder(1000, 2, 0));
  std::sort(order.begin(), order.end());
  for (int64_t i = 0; i < 1000; ++i)
    EXPECT_EQ(order[static_cast<size_t>(i)], i);
  EXPECT_TRUE(shuffledOrder(0, 1, 0).empty());
}

TEST(Examples, ShuffleIsEven) {
  int counts[6] = {};
  for (uint32_t epoch = 0; epoch < 6000; ++epoch) {
    std::vector<int64_t> order = shuffledOrder(3, 5, epoch);
    ++counts[order[0] * 2 + (order[1] > order[2])];
  }
  for (int count : counts)
    EXPECT_NEAR(count, 1000, 150);
}

TEST(Examples, SplitsAreDisjointAndWhole) {
  auto parts = splitShuffled(101, std::vector{0.8, 0.1, 0.1}, 1);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].size(), 80u);
  std::set<int64_t> all;
  for (const auto &part : parts) {
    EXPECT_TRUE(std::is_sorted(part.begin(), part.end()));
    all.insert(part.begin(), part.end());
  }
  EXPECT_EQ(all.size(), 101u);
}

TEST(Examples, CursorVisitsEachOncePerEpochAndResumes) {
  std::vector<int64_t> rows(10);
  std::iota(rows.begin(), rows.end(), 20);
  Result<ExampleCursor> cursor = ExampleCursor::create(rows, 4, 3, {.shuffle = true});
  ASSERT_TRUE(cursor);
  EXPECT_EQ(cursor->batches(), 3);
  std::vector<int64_t> epochs[2];
  ExamplePosition middle;
  std::vector<int64_t> next;
  for (int epoch = 0; epoch < 2; ++epoch)
    for (int i = 0; i < 3; ++i) {
      if (epoch == 1 && i == 1)
        middle = cursor->position();
      std::span<const int64_t> batch = cursor->next();
      EXPECT_EQ(batch.size(), i < 2 ? 4u : 2u);
      epochs[epoch].insert(epochs[epoch].end(), batch.begin(), batch.end());
      if (epoch == 1 && i == 1)
        next.assign(batch.begin(), batch.end());
    }
  EXPECT_NE(epochs[0], epochs[1]);
  for (auto &epoch : epochs) {
    std::sort(epoch.begin(), epoch.end());
    EXPECT_EQ(epoch, rows);
  }
  Result<ExampleCursor> other = ExampleCursor::create(rows, 4, 3, {.shuffle = true});
  ASSERT_TRUE(other->restore(middle));
  std::span<const int64_t> again = other->next();
  EXPECT_TRUE(std::equal(again.begin(), again.end(), next.begin(), next.end()));
  EXPECT_FALSE(other->restore({0, 3}));
  EXPECT_FALSE(ExampleCursor::create({}, 4, 3, {.shuffle = true}));
  EXPECT_FALSE(ExampleCursor::create(rows, 0, 3, {.shuffle = true}));
}

TEST(Examples, LikeLengthsGoTogether) {
  ExampleOrder order;
  order.shuffle = true;
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < 1003; ++i) {
    rows.push_back(i);
    order.lengths.push_back(1 + i * 7919 % 100);
  }
  auto walk = [&](int64_t seed, int epochs) {
    ExampleCursor cursor = *ExampleCursor::create(rows, 10, seed, order);
    std::vector<std::vector<int64_t>> batches;
    for (int64_t i = 0; i < epochs * cursor.batches(); ++i) {
      std::span<const int64_t> batch = cursor.next();
      batches.emplace_back(batch.begin(), batch.end());
    }
    return batches;
  };
  auto batches = walk(1, 1);
  ASSERT_EQ(batches.size(), 101u);
  std::set<int64_t> seen;
  int64_t padding = 0, steps = 0;
  std::vector<int64_t> longest;
  for (const auto &batch : batches) {
    int64_t most = 0;
    for (int64_t row : batch) {
      seen.insert(row);
      most = std::max(most, order.lengths[size_t(row)]);
      steps += order.lengths[size_t(row)];
    }
    for (int64_t row : batch)
      padding += most - order.lengths[size_t(row)];
    longest.push_back(most);
  }
  EXPECT_EQ(seen.size(), 1003u);
  // In order of the shuffle alone about as much is padding as is not.
  EXPECT_LT(padding * 10, steps);
  // The minibatches come in an order of their own.
  EXPECT_FALSE(std::is_sorted(longest.begin(), longest.end() - 1));
  EXPECT_EQ(batches.back().size(), 3u);
  EXPECT_EQ(batches, walk(1, 1));
  EXPECT_NE(batches, walk(2, 1));
  auto two = walk(1, 2);
  EXPECT_NE(std::vector(two.begin() + 101, two.end()), batches);
}

TEST(Examples, MadeOnesAreFreshInEachEpoch) {
  std::vector<int64_t> asked;
  Examples examples =
      Examples::made(4, 9, [&](std::span<const int64_t> numbers) {
        asked.insert(asked.end(), numbers.begin(), numbers.end());
        Examples made;
        EXPECT_TRUE(made.add({"n", FieldKind::Single,
                              Tensor::of<int64_t>({int64_t(numbers.size())},
                                                  numbers),
                              {}}));
        return made;
      });
  EXPECT_EQ(examples.count(), 4);
  EXPECT_EQ(examples.longest({}), 9);
  Result<ExampleCursor> cursor =
      ExampleCursor::create({0, 1, 2, 3}, 3, 1, {.fresh = true});
  ASSERT_TRUE(cursor);
  std::vector<double> seen;
  for (int i = 0; i < 4; ++i) {
    ExampleBatch batch = examples.gather(cursor->next());
    for (int64_t b = 0; b < batch.size; ++b)
      seen.push_back(batch.find("n")->values.number(b));
  }
  EXPECT_EQ(seen, (std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(asked.size(), 8u);
}

/// The first `count` examples of the training set.
static Examples firstOf(const Task &task, int64_t count,
                        TaskSet set = TaskSet::Train, int64_t seed = 1) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  Result<Examples> examples = generateExamples(task, seed, set, numbers);
  EXPECT_TRUE(examples);
  return examples ? std::move(*examples) : Examples();
}

TEST(Generated, AnExampleIsAFunctionOfItsNumber) {
  for (const char *text :
       {"temporal-order:normal,pad=none", "adding,T=9", "adding,T=30,form=1997",
        "copying,T=3"}) {
    Task task = *parseTask(text);
    Examples all = firstOf(task, 8);
    const int64_t some[] = {6, 2};
    Examples two = *generateExamples(task, 1, TaskSet::Train, some);
    ExampleBatch left = all.gather(some);
    const int64_t both[] = {0, 1};
    ExampleBatch right = two.gather(both);
    for (const char *name : {"x", "y"}) {
      const Tensor &a = left.find(name)->values, &b = right.find(name)->values;
      ASSERT_EQ(a.shape(), b.shape()) << text;
      for (int64_t i = 0; i < a.size(); ++i)
        ASSERT_EQ(a.number(i), b.number(i)) << text;
    }
    // Other sets and seeds have others.
    for (const Examples &other :
         {firstOf(task, 8, TaskSet::Valid), firstOf(task, 8, TaskSet::Test),
          firstOf(task, 8, TaskSet::Train, 2)}) {
      const Tensor &a = all.find("x")->values, &b = other.find("x")->values;
      bool same = a.shape() == b.shape();
      for (int64_t i = 0; same && i < a.size(); ++i)
        same = a.number(i) == b.number(i);
      EXPECT_FALSE(same) << text;
    }
  }
}

TEST(Generated, Parsing) {
  Result<Task> task = parseTask("temporal-order:nightmare");
  ASSERT_TRUE(task);
  EXPECT_EQ(task->level, 4);
  EXPECT_EQ(parseTask("echo,k=7")->k, 7);
  EXPECT_EQ(parseTask("adding")->T, 150);
  EXPECT_EQ(parseTask("adding,T=40")->T, 40);
  EXPECT_EQ(parseTask("copying")->T, 100);
  EXPECT_EQ(parseTask("copying,train=7,valid=0")->count(TaskSet::Train), 7);
  EXPECT_EQ(parseTask("copying,train=7,valid=0")->count(TaskSet::Valid), 0);
  EXPECT_EQ(parseTask("temporal-order:hard,marks=3")->classes(), 8);
  EXPECT_EQ(parseTask("adding,T=x").error().message,
            "'adding,T=x': 'T=x' needs a whole number from 2 to 10000000");
  EXPECT_EQ(parseTask("temporal-order:normal,marks=3").error().message,
            "'temporal-order:normal,marks=3': marks=3 is defined for the level "
            "hard only");
  EXPECT_EQ(parseTask("sorting").error().message,
            "'sorting' is no task; expected temporal-order, echo, adding or "
            "copying");
  EXPECT_EQ(parseTask("temporal-order,pad=back").error().message,
            "'temporal-order,pad=back': 'pad=back' needs none or front");
  for (const char *text :
       {"", "sorting", "temporal-order:trivial", "adding:easy", "adding,T=1",
        "adding,T=x", "adding,T=", "adding,k=3", "echo,T=3", "echo,k=-1",
        "copying,T=99999999999999999999", "adding,", "temporal-order,T=4",
        "temporal-order:easy,marks=3", "temporal-order:hard,marks=4",
        "temporal-order,pad=back", "adding,form=1998", "copying,train=0",
        "adding,marks=2", "echo,valid=x"})
    EXPECT_FALSE(parseTask(text)) << text;
}

TEST(Generated, TemporalOrder) {
  for (const char *name : {"easy", "normal", "moderate", "hard"}) {
    Task task = *parseTask(std::string("temporal-order:") + name);
    Examples examples = firstOf(task, 50);
    const Tensor &x = examples.find("x")->values;
    const int64_t padded = x.shape()[1];
    std::set<int> classes;
    for (int64_t i = 0; i < 50; ++i) {
      // Zeros lead, B begins, E ends; X and Y tell the class in order.
      std::vector<int64_t> symbols;
      bool begun = false;
      for (int64_t t = 0; t < padded; ++t) {
        int64_t symbol = -1, ones = 0;
        for (int64_t j = 0; j < 8; ++j)
          if (x.number((i * padded + t) * 8 + j) == 1)
            symbol = j, ++ones;
        ASSERT_EQ(ones, begun || symbol >= 0);
        begun = begun || symbol >= 0;
        if (begun)
          symbols.push_back(symbol);
      }
      EXPECT_LT(static_cast<int64_t>(symbols.size()), padded);
      EXPECT_EQ(symbols.front(), 6);
      EXPECT_EQ(symbols.back(), 7);
      std::vector<int64_t> marks;
      for (int64_t symbol : symbols)
        if (symbol < 2)
          marks.push_back(symbol);
      ASSERT_EQ(marks.size(), 2u);
      int label = static_cast<int>(examples.find("y")->values.number(i));
      EXPECT_EQ(label, marks[0] * 2 + marks[1]);
      classes.insert(label);
    }
    EXPECT_EQ(classes.size(), 4u);
  }
}

TEST(Generated, Adding) {
  Task task = *parseTask("adding,T=11");
  Examples examples = firstOf(task, 200);
  const Tensor &x = examples.find("x")->values;
  for (int64_t i = 0; i < 200; ++i) {
    double sum = 0;
    std::vector<int64_t> marks;
    for (int64_t t = 0; t < 11; ++t)
      if (x.number((i * 11 + t) * 2 + 1) == 1) {
        marks.push_back(t);
        sum += x.number((i * 11 + t) * 2);
      }
    ASSERT_EQ(marks.size(), 2u);
    EXPECT_LT(marks[0], 5);
    EXPECT_GE(marks[1], 5);
    EXPECT_NEAR(examples.find("y")->values.number(i), sum, 1e-6);
  }
}

TEST(Generated, Copying) {
  Task task = *parseTask("copying,T=5");
  Examples examples = firstOf(task, 20);
  const Tensor &x = examples.find("x")->values, &y = examples.find("y")->values;
  ASSERT_EQ(x.shape(), (std::vector<int64_t>{20, 25}));
  for (int64_t i = 0; i < 20; ++i)
    for (int64_t t = 0; t < 25; ++t) {
      double in = x.number(i * 25 + t), out = y.number(i * 25 + t);
      if (t < 10)
        EXPECT_LT(in, 8);
      else
        EXPECT_EQ(in, t == 14 ? 9 : 8);
      EXPECT_EQ(out, t < 15 ? 8 : x.number(i * 25 + t - 15));
    }
  EXPECT_NEAR(chanceLoss(*parseTask("copying,T=100")), 0.1733, 5e-5);
}

TEST(Generated, ThreeMarks) {
  Task task = *parseTask("temporal-order:hard,marks=3,pad=none");
  EXPECT_TRUE(task.ragged());
  EXPECT_EQ(task.longest(), 110);
  Examples examples = firstOf(task, 100);
  const Field &x = *examples.find("x");
  ASSERT_EQ(x.kind, FieldKind::Ragged);
  std::set<int64_t> classes, lengths;
  const int64_t ranges[3][2] = {{10, 20}, {33, 43}, {66, 76}};
  for (int64_t i = 0; i < 100; ++i) {
    const int64_t begin = x.offsets[size_t(i)];
    const int64_t length = examples.length(x, i);
    lengths.insert(length);
    auto at = [&](int64_t t, int64_t symbol) {
      return x.values.number((begin + t) * 8 + symbol);
    };
    EXPECT_EQ(at(0, 6), 1);
    EXPECT_EQ(at(length - 1, 7), 1);
    int64_t label = 0, marks = 0;
    for (int64_t t = 0; t < length; ++t)
      if (at(t, 0) == 1 || at(t, 1) == 1) {
        ASSERT_LT(marks, 3);
        EXPECT_GE(t, ranges[marks][0]);
        EXPECT_LE(t, ranges[marks][1]);
        label = label * 2 + (at(t, 1) == 1);
        ++marks;
      }
    EXPECT_EQ(marks, 3);
    EXPECT_EQ(examples.find("y")->values.number(i), label);
    classes.insert(label);
  }
  EXPECT_EQ(classes.size(), 8u);
  EXPECT_EQ(*lengths.begin(), 100);
  EXPECT_EQ(*lengths.rbegin(), 110);
}

TEST(Generated, AddingOf1997) {
  Task task = *parseTask("adding,T=100,form=1997");
  Examples examples = firstOf(task, 3000);
  const Field &x = *examples.find("x");
  std::set<int64_t> lengths, early, late;
  int64_t single = 0;
  for (int64_t i = 0; i < 3000; ++i) {
    const int64_t begin = x.offsets[size_t(i)];
    const int64_t length = examples.length(x, i);
    lengths.insert(length);
    double sum = 0;
    std::vector<int64_t> marks;
    for (int64_t t = 0; t < length; ++t) {
      double value = x.values.number((begin + t) * 2);
      EXPECT_GE(value, -1);
      EXPECT_LE(value, 1);
      const double mark = x.values.number((begin + t) * 2 + 1);
      // The ends, and only they, have the mark -1.
      ASSERT_EQ(mark == -1, t == 0 || t == length - 1) << t;
      if (mark == 1) {
        marks.push_back(t);
        sum += value;
      } else {
        ASSERT_TRUE(mark == 0 || mark == -1) << mark;
      }
    }
    // A number drawn at the first place is 0, else none of 3000 is.
    ASSERT_TRUE(marks.size() == 2 || marks.size() == 1);
    ASSERT_EQ(marks.size() == 1, x.values.number(begin * 2) == 0);
    if (marks.size() == 1) {
      ++single;
    } else {
      EXPECT_LT(marks[0], 10);
      early.insert(marks[0]);
    }
    late.insert(marks.back());
    EXPECT_NEAR(examples.find("y")->values.number(i), 0.5 + sum / 4, 1e-6);
  }
  EXPECT_EQ(*lengths.begin(), 100);
  EXPECT_EQ(*lengths.rbegin(), 110);
  EXPECT_EQ(*early.begin(), 1);
  EXPECT_EQ(*early.rbegin(), 9);
  // One of the first 49 without a mark: at most place 49, counted from 0.
  EXPECT_EQ(*late.rbegin(), 49);
  // The first place is drawn with 1/10 + 9/10 * 1/49 = 0.118; of 3000 that is
  // 355, and five deviations are 5 * sqrt(3000 * 0.118 * 0.882) = 88.
  EXPECT_NEAR(double(single), 355, 88);
}

TEST(Generated, Echo) {
  Task task = *parseTask("echo,k=3");
  StreamOptions options;
  options.batch = 4;
  options.window = 20;
  options.horizon = 0;
  options.toTheEnd = true;
  // Four series of 50 steps and 3 positions that follow the last one.
  StreamCursor cursor = *StreamCursor::create(203, options);
  std::vector<float> x[4], y[4];
  double ones = 0;
  for (int64_t i = 0; i < cursor.windows(); ++i) {
    StreamWindow window = cursor.next();
    std::vector<float> in(size_t(window.count())), out(in.size());
    gatherEcho(task, 1, TaskSet::Train, window, false, in.data());
    gatherEcho(task, 1, TaskSet::Train, window, true, out.data());
    for (int64_t t = 0; t < window.steps; ++t)
      for (int64_t b = 0; b < window.batch; ++b) {
        int64_t row = window.continues >= 0 ? window.continues : b;
        if (window.batch == 1)
          row = 3;
        x[row].push_back(in[size_t(t * window.batch + b)]);
        y[row].push_back(out[size_t(t * window.batch + b)]);
      }
  }
  EXPECT_EQ(x[3].size(), 53u);
  for (int b = 0; b < 4; ++b)
    for (size_t t = 0; t < x[b].size(); ++t) {
      ones += x[b][t];
      EXPECT_EQ(y[b][t], t < 3 ? 0 : x[b][t - 3]);
    }
  EXPECT_NEAR(ones, 101, 40);
  // The next epoch has another series.
  StreamWindow next = cursor.at(1, 0);
  std::vector<float> in(size_t(next.count()));
  gatherEcho(task, 1, TaskSet::Train, next, false, in.data());
  bool same = true;
  for (size_t t = 0; t < 20; ++t)
    same &= in[t * 4] == x[0][t];
  EXPECT_FALSE(same);
  EXPECT_FALSE(generateExamples(task, 1, TaskSet::Train, std::vector{int64_t(0)}));
}
