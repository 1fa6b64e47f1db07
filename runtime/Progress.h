//===- Progress.h - how far the work is -------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Progress of training on a terminal and elsewhere, and numbers as people write
// and read them.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_PROGRESS_H
#define RNNC_RUNTIME_PROGRESS_H

#include "runtime/Result.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace rnnc::rt {

/// "812", "33.7k", "1.25M": three digits that matter.
std::string humanRate(double perSecond);
/// "812 B", "9.5 KiB", "41 MiB", "11.2 MiB": binary units, one decimal where it
/// is not zero.
std::string humanBytes(int64_t bytes);
/// "0:07", "3:42", "1:02:03".
std::string humanTime(double seconds);

/// Reads "30s", "5m", "2h", "1.5h" as seconds; above 0.
Result<double> parseDuration(std::string_view text);
/// Reads "64MiB", "1.5GiB", "512KiB", "4096" or "4096B" as bytes; above 0. Also
/// KB, MB, GB (powers of 1000).
Result<int64_t> parseSize(std::string_view text);

/// How progress is shown.
enum class ProgressMode { Bar, Plain, None };

/// Resolves `auto|bar|plain|none`: auto is a bar if stderr is a terminal, TERM
/// is not `dumb` and NO_COLOR is empty, else plain lines.
Result<ProgressMode> parseProgressMode(std::string_view text);

/// What is known after a step.
struct ProgressState {
  int64_t step = 0;
  /// Epochs done, with fraction.
  double epoch = 0;
  /// The epochs to do, if they are the limit.
  std::optional<double> epochs;
  /// The done share of the whole job, 0 to 1.
  double share = 0;
  /// Smoothed training loss.
  double loss = 0;
  /// exp(loss) is shown where the loss is a cross-entropy per token.
  std::optional<double> perplexity;
  std::optional<double> gradNorm, lr;
  /// Units (tokens, examples) per second and their short name, "tok" or "ex".
  double rate = 0;
  std::string_view unit = "tok";
  /// Seconds left, if known.
  std::optional<double> left;
};

/// The bar line: `epoch 3/10 [=====>    ] 51%  step 1247  loss 1.6120  ppl 5.01
/// 33.7k tok/s  3:42 left`, cut to `width`.
std::string progressBar(const ProgressState &state, int width);

/// The plain line: `step=1247 epoch=2.51 loss=1.6120 ppl=5.01 grad_norm=0.84
/// lr=0.002 tokens_per_s=33700 left_s=222`.
std::string progressPlain(const ProgressState &state);

/// `valid step=1470 loss=1.7011 ppl=5.48 best=1.7011@1470`.
std::string progressValid(int64_t step, double loss,
                          std::optional<double> perplexity, double best,
                          int64_t bestStep);

/// Shows progress on a stream. Times are seconds of any steady clock, given by
/// the caller, so it can be tested. Plain lines also go to `log`, whatever the
/// mode. Use from one thread.
class Progress {
public:
  /// `fd` is where to write (2), `log` takes plain lines (may be empty).
  Progress(ProgressMode mode, int fd,
           std::function<void(std::string_view)> log = {});
  /// Ends the bar's line.
  ~Progress();
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  /// Whether `step` at this time would show or log anything: lets the caller
  /// skip reading the loss. The bar at most 10 a second, plain lines after step
  /// 1 and every 30 s.
  bool due(int64_t step, double now) const;
  /// After a step.
  void step(const ProgressState &state, double now);
  /// After a validation.
  void valid(int64_t step, double loss, std::optional<double> perplexity,
             double best, int64_t bestStep);
  /// A line of talk (parameters, memory, options, warnings), over the bar.
  void line(std::string_view text);
  /// Ends the bar's line; later calls begin a new one.
  void finish();

private:
  void clearBar();
  void put(std::string_view text);
  int width() const;

  ProgressMode mode;
  int fd;
  std::function<void(std::string_view)> log;
  bool barShown = false;
  double lastBar = -1e300, lastPlain = -1e300;
};

/// A rate over the last half minute or so, and the time left from it.
class RateMeter {
public:
  /// `units` were done at this time since the last call; the first call only
  /// starts the clock.
  void add(double units, double now);
  /// Units per second; 0 before there is a measurement.
  double rate() const { return perSecond; }

private:
  double perSecond = 0, last = 0;
  bool started = false;
};

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_PROGRESS_H
