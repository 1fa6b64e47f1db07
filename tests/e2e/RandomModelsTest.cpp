//===- RandomModelsTest.cpp - Random models through every part ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text, front end, interpreter, gradients, differences, compiled code. Each
// model is made from RNNC_SEED (default 1) plus its number; RNNC_RANDOM_MODELS
// (default 200, fewer under a sanitizer) says how many. A failing model is made
// smaller and printed.
//
//===----------------------------------------------------------------------===//

#include "compiler/verify/GradCheck.h"
#include "compiler/verify/RandomModel.h"
#include "tests/support/CompiledModel.h"
#include "gtest/gtest.h"

using namespace rnnc;
using namespace rnnc::test;
using rnnc::rnn::ArgKind;
using rnnc::rnn::Array;

namespace {
/// What went wrong with a model: the part, and what it said. Empty part: all
/// is well.
struct Verdict {
  std::string part, text;
};

Verdict verdict(const char *part, llvm::Error error) {
  return {part, llvm::toString(std::move(error))};
}

/// The largest difference relative to the largest entry (at least 1).
/// Padding of sequences is left out if `lengths` is given.
double distance(const Array &a, const Array &b, const Array *lengths) {
  if (a.shape != b.shape)
    return INFINITY;
  double largest = 1, difference = 0;
  for (int64_t i = 0; i < a.size(); ++i) {
    double x = a.number(i), y = b.number(i);
    if (lengths &&
        i / a.stride(0) >= lengths->integer(i / a.stride(1) % a.shape[1]))
      continue;
    if (std::isnan(x) != std::isnan(y))
      return INFINITY;
    largest = std::max({largest, std::fabs(x), std::fabs(y)});
    if (x != y)
      difference = std::max(difference, std::fabs(x - y));
  }
  return difference / largest;
}

/// Every result of `actual` against that of `expected`.
Verdict compare(const char *part, const Bindings &expected,
                const Bindings &actual, double tolerance,
                const Array *lengths = nullptr) {
  for (const Bindings::Entry &entry : actual.entries()) {
    const Array *other = expected.find(entry.kind, entry.name);
    if (!other)
      continue;
    bool isSequence = entry.kind == ArgKind::Output && entry.array.rank() == 3;
    double difference =
        distance(*other, entry.array, isSequence ? lengths : nullptr);
    if (!(difference <= tolerance))
      return {part, (rnn::stringifyArgKind(entry.kind) + " '" + entry.name +
                     "' differs by " + std::to_string(difference))
                        .str()};
  }
  return {};
}

/// NaN and ids that do not exist in the padding of every input and target.
Bindings spoilPadding(mlir::func::FuncOp loss, const Bindings &at) {
  Bindings result = at;
  for (unsigned i = 0; i < loss.getNumArguments(); ++i) {
    auto arg = loss.getArgAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
    if ((arg.getKind() != ArgKind::Input && arg.getKind() != ArgKind::Target) ||
        arg.getAxes().size() != 2)
      continue;
    const Array *lengths = at.find(ArgKind::Lengths, arg.getAxes()[0]);
    if (!lengths)
      continue;
    Array &array = *result.find(arg.getKind(), arg.getName());
    for (int64_t k = 0; k < array.size(); ++k) {
      int64_t t = k / array.stride(0);
      int64_t b = k / array.stride(1) % array.shape[1];
      if (t < lengths->integer(b))
        continue;
      if (array.isReal())
        array.set(k, NAN);
      else
        array.as<int32_t>()[k] = -77;
    }
  }
  return result;
}

class RandomModels {
public:
  /// Compiled code is left out if RNNC_INTERPRET_ONLY is set.
  explicit RandomModels(uint64_t seed) : seed(seed) {}

  Verdict check(const RandomModel &random) {
    ModelOptions options;
    options.stream = random.isStream();
    if (!random.isStream() && seed % 2)
      for (const auto &[axis, extent] : random.extents())
        if (axis != "B")
          options.ragged.insert(axis);
    options.pipeline.entries = {"forward", "eval", "grad"};
    options.pipeline.inputGradients = seed % 3 == 0;
    options.pipeline.length = random.extents().at("T");
    options.pipeline.unroll = seed % 5 == 0 ? 2 : seed % 5 == 1 ? -1 : 0;
    auto model = TestModel::create(random.text(), options);
    if (!model)
      return verdict("front end", model.takeError());
    auto loss = (*model)->function("rnn", "loss");
    if (!loss)
      return verdict("front end", loss.takeError());
    auto init = (*model)->function("rnn", "init");
    if (!init)
      return verdict("front end", init.takeError());
    ExampleOptions example;
    example.seed = seed + 7;
    example.extents = random.extents();
    example.ranges = random.ranges();
    auto at = exampleBindings(*loss, *init, example);
    if (!at)
      return verdict("init", at.takeError());
    auto losses = (*model)->interpret("rnn", "loss", *at);
    if (!losses)
      return verdict("interpreter", losses.takeError());

    // Every stage of the IR computes the same.
    auto grad = (*model)->function("grad", "grad");
    if (!grad)
      return verdict("grad", grad.takeError());
    GradCheckOptions gradOptions;
    gradOptions.samples = 4;
    gradOptions.seed = seed;
    auto gradients = checkGradients("random", *loss, interpreted(*loss), *grad,
                                    interpreted(*grad), *at, gradOptions);
    if (!gradients)
      return verdict("gradient", gradients.takeError());
    for (const TensorCheck &tensor : gradients->tensors)
      if (!(tensor.maxRelError <= gradOptions.tolerance))
        return {"gradient", "gradient of '" + tensor.name + "' is " +
                                std::to_string(tensor.gradient) +
                                ", differences say " +
                                std::to_string(tensor.difference)};
    auto expected = (*model)->interpret("grad", "grad", *at);
    if (!expected)
      return verdict("grad", expected.takeError());
    if (Verdict wrong = compare("grad", *losses, *expected, 1e-10);
        !wrong.part.empty())
      return wrong;
    auto planned = (*model)->interpret("time", "grad", *at);
    if (!planned)
      return verdict("time", planned.takeError());
    if (Verdict wrong = compare("time", *expected, *planned, 1e-10);
        !wrong.part.empty())
      return wrong;
    // Padding changes no bit.
    Bindings spoilt = spoilPadding(*loss, *at);
    auto padded = (*model)->interpret("time", "grad", spoilt);
    if (!padded)
      return verdict("padding", padded.takeError());
    if (Verdict wrong = compare("padding", *planned, *padded, 0);
        !wrong.part.empty())
      return wrong;
    return compiled(**model, spoilt, *expected);
  }

private:
  Verdict compiled(TestModel &model, const Bindings &at,
                   const Bindings &expected) {
    if (std::getenv("RNNC_INTERPRET_ONLY"))
      return {};
    auto code = CompiledModel::create(model);
    if (!code)
      return verdict("compiler", code.takeError());
    auto values = (*code)->run("grad", at);
    if (!values)
      return verdict("compiled grad", values.takeError());
    if (Verdict wrong = compare("compiled grad", expected, *values, 1e-9);
        !wrong.part.empty())
      return wrong;
    // Threads change no bit.
    for (int64_t threads : {2, 3, 2, 5}) {
      auto threaded = (*code)->run("grad", at, threads);
      if (!threaded)
        return verdict("threads", threaded.takeError());
      if (Verdict wrong = compare("threads", *values, *threaded, 0);
          !wrong.part.empty())
        return wrong;
    }
    for (const char *entry : {"forward", "eval"}) {
      auto interpreted = model.interpret("rnn", entry, at);
      if (!interpreted)
        return verdict(entry, interpreted.takeError());
      auto results = (*code)->run(entry, at);
      if (!results)
        return verdict(entry, results.takeError());
      // What outputs hold in padding is not defined.
      if (Verdict wrong = compare(entry, *interpreted, *results, 1e-9,
                                  at.find(ArgKind::Lengths, "T"));
          !wrong.part.empty())
        return wrong;
    }
    return {};
  }

  uint64_t seed;
};

/// Compiled f32 code and compiled training steps against the interpreter.
class OtherEntries {
public:
  OtherEntries(uint64_t seed, bool f64, const char *entry)
      : seed(seed), f64(f64), entry(entry) {}

  Verdict check(const RandomModel &random) {
    ModelOptions options;
    options.f64 = f64;
    options.stream = random.isStream();
    if (!random.isStream() && seed % 2)
      options.ragged = {"T"};
    static const char *const optimizers[] = {"sgd", "rmsprop", "adam", "adamw"};
    options.pipeline.entries = {entry};
    options.pipeline.optimizer = optimizers[seed % 4];
    options.pipeline.momentum = seed % 8 < 4 ? 0.9 : 0;
    options.pipeline.weightDecay = seed % 3 ? 0 : 0.01;
    options.pipeline.clipNorm = seed % 5 < 2 ? 0.1 : 0;
    options.pipeline.clipValue = seed % 5 == 3 ? 0.01 : 0;
    auto model = TestModel::create(random.text(), options);
    if (!model)
      return verdict("front end", model.takeError());
    auto function = (*model)->function("grad", entry);
    if (!function)
      return verdict("grad", function.takeError());
    auto init = (*model)->function("rnn", "init");
    if (!init)
      return verdict("front end", init.takeError());
    ExampleOptions example;
    example.seed = seed + 7;
    example.extents = random.extents();
    example.ranges = random.ranges();
    auto at = exampleBindings(*function, *init, example);
    if (!at)
      return verdict("init", at.takeError());
    auto expected = (*model)->interpret("grad", entry, *at);
    if (!expected)
      return verdict("interpreter", expected.takeError());
    auto code = CompiledModel::create(**model);
    if (!code)
      return verdict("compiler", code.takeError());
    auto actual = (*code)->run(entry, *at, 1 + static_cast<int64_t>(seed % 2));
    if (!actual)
      return verdict("compiled", actual.takeError());
    return compare("compiled", *expected, *actual, f64 ? 1e-9 : 1e-3);
  }

private:
  uint64_t seed;
  bool f64;
  const char *entry;
};

/// Sanitizers make everything ten times slower.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RNNC_FEW_MODELS 1
#endif
#endif
#ifdef RNNC_FEW_MODELS
constexpr uint64_t kModels = 24;
#else
constexpr uint64_t kModels = 200;
#endif

uint64_t number(const char *variable, uint64_t otherwise) {
  const char *text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// Checks `count` models from the first seed on; makes a failing one smaller
/// and prints it.
template <class Check> void checkAll(uint64_t count, Check check) {
  uint64_t first = number("RNNC_SEED", 1);
  std::cout << "seeds " << first << " to " << first + count - 1
            << " (RNNC_SEED, RNNC_RANDOM_MODELS)" << std::endl;
  std::vector<std::string> cells = libraryCells();
  uint64_t failures = 0, most = number("RNNC_MAX_FAILURES", 3);
  for (uint64_t seed = first; seed < first + count && failures < most; ++seed) {
    RandomModel model = RandomModel::generate({seed, cells});
    Verdict wrong = check(seed, model);
    if (wrong.part.empty())
      continue;
    ++failures;
    RandomModel small = shrink(
        model,
        [&](const RandomModel &candidate) {
          return check(seed, candidate).part == wrong.part;
        },
        static_cast<int>(number("RNNC_SHRINK", 400)));
    Verdict rest = check(seed, small);
    std::string extents;
    for (auto [axis, extent] : small.extents())
      extents += " " + axis + "=" + std::to_string(extent);
    ADD_FAILURE() << "seed " << seed << ", " << wrong.part << ": " << wrong.text
                  << "\nmade smaller (" << rest.part << ": " << rest.text
                  << "), extents" << extents
                  << (small.isStream() ? ", stream" : "")
                  << (seed % 2 && !small.isStream() ? ", ragged" : "") << "\n"
                  << small.text();
  }
}
} // namespace

TEST(RandomModels, EveryPartAgrees) {
  checkAll(number("RNNC_RANDOM_MODELS", kModels),
           [](uint64_t seed, const RandomModel &model) {
             return RandomModels(seed).check(model);
           });
}

/// One long window gives the outputs of two short ones, state carried over.
static Verdict checkWindows(uint64_t seed, const RandomModel &random) {
  ModelOptions options;
  options.stream = true;
  auto model = TestModel::create(random.text(), options);
  if (!model)
    return verdict("front end", model.takeError());
  auto forward = (*model)->function("rnn", "forward");
  auto init = (*model)->function("rnn", "init");
  if (!forward || !init)
    return {"front end", "no functions"};
  ExampleOptions example;
  example.seed = seed;
  example.extents = random.extents();
  int64_t half = example.extents["T"];
  example.extents["T"] = 2 * half;
  example.ranges = random.ranges();
  auto at = exampleBindings(*forward, *init, example);
  if (!at)
    return verdict("init", at.takeError());
  auto whole = (*model)->interpret("rnn", "forward", *at);
  if (!whole)
    return verdict("interpreter", whole.takeError());
  for (int64_t window = 0; window < 2; ++window) {
    Bindings part = *at;
    part.set(ArgKind::Axis, "T", Array::index(half));
    for (unsigned i = 0; i < forward->getNumArguments(); ++i) {
      auto arg = forward->getArgAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
      if (!arg.getAxes().empty() && arg.getAxes()[0] == "T") {
        const Array &array = *at->find(arg.getKind(), arg.getName());
        Array piece = array;
        piece.shape[0] = half;
        auto middle = array.data.begin() + array.data.size() / 2;
        piece.data.assign(window ? middle : array.data.begin(),
                          window ? array.data.end() : middle);
        part.set(arg.getKind(), arg.getName(), std::move(piece));
      }
    }
    auto results = (*model)->interpret("rnn", "forward", part);
    if (!results)
      return verdict("interpreter", results.takeError());
    const Array &logits = *whole->find(ArgKind::Output, "logits");
    const Array &piece = *results->find(ArgKind::Output, "logits");
    for (int64_t i = 0; i < piece.size(); ++i)
      if (!(std::fabs(piece.number(i) -
                      logits.number(window * piece.size() + i)) < 1e-12))
        return {"windows",
                "outputs of window " + std::to_string(window) + " differ"};
    for (const Bindings::Entry &entry : results->entries())
      if (entry.kind == ArgKind::State)
        at->set(entry.kind, entry.name, entry.array);
    // Only the first window of a stream begins anew.
    if (Array *fresh = at->find(ArgKind::Fresh, "fresh"))
      *fresh = Array::zeros(fresh->dtype, fresh->shape);
  }
  return {};
}

TEST(RandomModels, WindowsContinueAStream) {
  checkAll(2 * number("RNNC_RANDOM_MODELS", kModels),
           [](uint64_t seed, const RandomModel &model) {
             return model.isStream() ? checkWindows(seed, model) : Verdict();
           });
}

TEST(RandomModels, SinglePrecision) {
  checkAll(number("RNNC_RANDOM_MODELS", kModels) / 8,
           [](uint64_t seed, const RandomModel &model) {
             return OtherEntries(seed, /*f64=*/false, "grad").check(model);
           });
}

TEST(RandomModels, TrainingSteps) {
  checkAll(number("RNNC_RANDOM_MODELS", kModels) / 8,
           [](uint64_t seed, const RandomModel &model) {
             return OtherEntries(seed, /*f64=*/true, "train").check(model);
           });
}
