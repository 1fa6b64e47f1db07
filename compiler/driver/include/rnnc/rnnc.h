//===- rnnc.h - The C++ interface of rnnc -----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles a model from text, trains it and runs it from the caller's memory.
//
// A Model is compiled code and its weights. A Trainer changes the weights of
// one Model. A Stream runs a Model one step at a time and keeps its state.
// Handles own what they stand for and may be copied; spans and views borrow.
// Nothing here prints, exits or asks; what goes wrong is in a Result.
//
// Threads: const calls of a Model are safe from any thread, but not while its
// Trainer runs. A Trainer and a Stream are for one thread at a time.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RNNC_H
#define RNNC_RNNC_H

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace rnnc {
namespace api {

/// One message about a text, a file or a request.
struct Diagnostic {
  struct Note {
    std::string file;
    int64_t line = 0, column = 0;
    std::string message;
  };
  /// Empty, and 0, where there is no place. Columns count bytes from 1.
  std::string file;
  int64_t line = 0, column = 0;
  /// "error", "warning" or "remark".
  std::string severity = "error";
  /// A word for programs, such as "size".
  std::string id;
  std::string message;
  /// How to mend it, or empty.
  std::string help;
  std::vector<Note> notes;
  /// The message as a terminal shows it, with the source line and a caret.
  std::string text;
};

/// Why something did not happen.
struct Error {
  std::string message;
  std::vector<Diagnostic> diagnostics;
};

/// A value or an Error. Test it, then use `*`, `->` or `error()`. `value()` is
/// for small programs: without a value it throws, or aborts where exceptions
/// are off.
template <class T> class [[nodiscard]] Result {
public:
  Result(T value) : state(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state.index() == 0; }
  T &operator*() & { return *std::get_if<0>(&state); }
  const T &operator*() const & { return *std::get_if<0>(&state); }
  T &&operator*() && { return std::move(*std::get_if<0>(&state)); }
  T *operator->() { return std::get_if<0>(&state); }
  const T *operator->() const { return std::get_if<0>(&state); }
  const Error &error() const { return *std::get_if<1>(&state); }
  Error &error() { return *std::get_if<1>(&state); }
  T value() && {
    check();
    return std::move(*std::get_if<0>(&state));
  }
  T &value() & {
    check();
    return *std::get_if<0>(&state);
  }

private:
  void check() const {
    if (state.index() == 0)
      return;
#if defined(__cpp_exceptions)
    throw std::runtime_error(error().message);
#else
    std::abort();
#endif
  }
  std::variant<T, Error> state;
};

/// Success or an Error.
template <> class [[nodiscard]] Result<void> {
public:
  Result() = default;
  Result(Error error) : failure(std::move(error)) {}

  explicit operator bool() const { return !failure; }
  const Error &error() const { return *failure; }
  Error &error() { return *failure; }
  void value() const {
    if (!failure)
      return;
#if defined(__cpp_exceptions)
    throw std::runtime_error(failure->message);
#else
    std::abort();
#endif
  }

private:
  std::optional<Error> failure;
};

/// Element types. Bool is one byte, 0 or 1.
enum class DType : uint8_t { F32, F64, I32, I64, Bool };

/// A view of a dense row-major array. Sequences are time major: [T, B, ...].
struct Tensor {
  void *data = nullptr;
  DType type = DType::F32;
  std::span<const int64_t> shape;
};

/// Tensors by name: inputs, targets, outputs of the model.
using Tensors = std::span<const std::pair<std::string_view, Tensor>>;
using Path = std::filesystem::path;

/// How a model is compiled: the shared options of the command line.
struct Options {
  /// Which model of the text; empty: the only one.
  std::string model;
  /// How many examples or streams, and steps, are usual. Hints; 0: as the text
  /// says, else 32 and 64.
  int64_t batch = 0, length = 0;
  /// Sizes and train-block keys by name.
  std::map<std::string, std::string> set;
  /// Every OLD becomes NEW.
  std::vector<std::pair<std::string, std::string>> cell;
  /// Files imported besides those of the text; folders to find imports in.
  std::vector<std::string> imports, importPaths;
  /// 0: as many as there are usable cores.
  int64_t threads = 0;
  int64_t seed = 1;
  /// "f32" or "f64".
  std::string precision = "f32";
  /// "none", a number of steps, or "full".
  std::string unroll = "none";
  /// Steps of a window of one long stream; 0: data are separate examples.
  int64_t window = 0;
  /// How many steps back gradients go, counted from the window's end; 0: as many
  /// as it has. More is for `fit`: windows overlap.
  int64_t windowBack = 0;
  std::string targetCpu = "native";
  /// Whether compiled code is kept for the next time, and where (empty: the
  /// user's cache folder).
  bool cache = true;
  std::string cacheDir;
};

/// A parameter: its path in the model, type and shape.
struct ParameterInfo {
  std::string name;
  DType type;
  std::vector<int64_t> shape;
  /// Saved, not trained.
  bool fixed = false;
};

struct ModelState;
struct TrainerState;
struct StreamState;

/// One recurrent state, run step by step. Streams of one model share its
/// weights, and what is made of them once.
struct Stream {
  /// One step. `in`: an array of [B, ...] per input; `out` receives outputs of
  /// [B, ...]. Names and types must be the model's: anything else is ignored.
  /// No allocation, no lock; only the first step after a change of the weights
  /// waits for what is made of them anew.
  void step(Tensors in, Tensors out) noexcept;
  /// Back to the start.
  void reset() noexcept;
  /// The state's bytes, as many for each stream of this model and batch: copy
  /// them to save the stream, or into the bytes of another to fork it. They lie
  /// elsewhere after the next step.
  std::span<std::byte> state() noexcept;

  std::shared_ptr<StreamState> impl;
};

/// Compiled code and weights; a shared handle.
struct Model {
  std::vector<ParameterInfo> parameters() const;
  /// A view of a parameter, good until the next call of the Trainer. To be
  /// read: `set` is what changes it.
  Result<Tensor> parameter(std::string_view name) const;
  /// Copies values into a parameter.
  Result<void> set(std::string_view name, Tensor value);
  /// Reads, writes a safetensors file.
  Result<void> load(const Path &file);
  Result<void> save(const Path &file) const;
  /// Runs the model: inputs [T, B, ...] or [B, ...] in, outputs out.
  Result<void> run(Tensors in, Tensors out) const;
  /// A stream of `batch` rows, at its start.
  Result<Stream> stream(int batch) const;

  std::shared_ptr<ModelState> impl;
};

/// Reads and compiles a file, a text.
Result<Model> compile(const Path &file, const Options &options);
Result<Model> compileText(std::string_view text, const Options &options);

/// How a model is trained. What is left out comes from the text's train block.
struct TrainOptions {
  std::optional<std::string> optimizer, schedule;
  std::optional<double> lr, momentum, weightDecay, clipNorm, clipValue;
  /// Decay of an average of the weights, which is what is judged and kept; 1: of
  /// all updates alike.
  std::optional<double> average;
  std::optional<int64_t> warmup, patience;
  /// Batches of one update: the gradient is that of their mean loss. `step` takes
  /// one batch, and each time so many were given the weights change.
  std::optional<int64_t> accumulate;
  /// The most bytes that a step may take: parameters, optimiser, state and
  /// scratch memory. Steps of the sequence are computed again to stay below; the
  /// bits are the same. An error of the first step says the least possible.
  /// `evaluate` takes no more either, if the model can be evaluated in pieces.
  std::optional<int64_t> memoryBudget;
  /// When `fit` ends; the first to be reached.
  std::optional<double> epochs, timeLimit;
  std::optional<int64_t> steps;
};

/// Where the data of `fit` and `evaluate` lie, as on the command line.
struct Data {
  /// `[INPUT=]FILE[#FIELD]`.
  std::vector<std::string> data, valid, test;
  std::string split = "0.9,0.1";
  /// As --tokens: "chars", "bytes" or "words". An input `seq(W, C(W))` is read
  /// as "words/chars" unless this says otherwise.
  std::string tokens = "chars";
  int64_t horizon = 1, minCount = 1;
};

/// What `fit` tells after each step.
struct Progress {
  int64_t step = 0;
  double epoch = 0, loss = 0, lr = 0, tokensPerSecond = 0;
};

struct EvalResult {
  double loss = 0;
  std::optional<double> perplexity, accuracy;
  std::map<std::string, double> metrics;
  /// Steps or examples that were counted.
  int64_t count = 0;
};

struct TrainResult {
  /// "finished", "time_limit", "early_stopped", "interrupted" or "diverged".
  std::string status;
  int64_t steps = 0, tokens = 0;
  double epochs = 0, seconds = 0, trainLoss = 0;
  std::optional<EvalResult> valid;
  double bestLoss = 0;
  int64_t bestStep = 0;
};

/// What training steps take, in bytes.
struct MemoryUse {
  int64_t parameters = 0, optimizer = 0;
  /// All beside parameters, optimiser and states of streams; `saved` is the part
  /// that the pass back reads of the pass forward, -1 if not known.
  int64_t arena = 0, saved = -1;
  /// Foretold for the last step, and the most that any step had; with a budget
  /// also any evaluation.
  int64_t predictedPeak = 0, measuredPeak = 0;
  /// Work done again to stay within a budget, in parts of a step's; pieces of the
  /// sequence; whether cheap values are computed again in each step of it.
  double extraWork = 0;
  int64_t pieces = 1;
  bool recomputes = false;
};

/// Trains one model.
struct Trainer {
  static Result<Trainer> create(Model model, const TrainOptions &options);
  /// One update on a batch of inputs and targets; gives the loss. With
  /// `Options::window` the state goes on from the step before.
  Result<double> step(Tensors batch);
  /// Trains on data until a limit is reached or the function says false.
  Result<TrainResult> fit(const Data &data,
                          std::function<bool(const Progress &)> progress);
  /// Loss and metrics over all data, without training.
  Result<EvalResult> evaluate(const Data &data);
  /// Of the steps so far; zeros before the first one, but for `measuredPeak`.
  MemoryUse memory() const;
  /// Writes, reads a checkpoint: weights, optimiser, states, step.
  Result<void> save(const Path &file) const, resume(const Path &file);

  std::shared_ptr<TrainerState> impl;
};

/// "0.1.0".
std::string_view version();

} // namespace api
// The compiler's own sources have other classes of some of these names.
#ifndef RNNC_INTERNAL
using namespace api;
#endif
} // namespace rnnc

#endif // RNNC_RNNC_H
