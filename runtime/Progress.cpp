//===- Progress.cpp - how far the work is ---------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formatting of numbers and progress lines.
//
//===----------------------------------------------------------------------===//
#include "runtime/Progress.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/ioctl.h>
#include <unistd.h>

namespace rnnc::rt {

__attribute__((format(printf, 1, 2))) static std::string
formatted(const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  int length = std::vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return std::string(text, static_cast<size_t>(std::clamp(
                               length, 0, static_cast<int>(sizeof text) - 1)));
}

std::string humanRate(double value) {
  if (!std::isfinite(value))
    return "?";
  static constexpr const char *units[] = {"", "k", "M", "G", "T"};
  size_t unit = 0;
  // What would be printed as 1000 is printed in the next unit.
  while (unit + 1 < std::size(units) && std::fabs(value) >= 999.5) {
    value /= 1000;
    ++unit;
  }
  double size = std::fabs(value);
  if (unit == 0)
    return formatted(
        size >= 99.95 || size == std::floor(size) ? "%.0f" : "%.1f", value);
  int digits = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return formatted("%.*f%s", digits, value, units[unit]);
}

std::string humanBytes(int64_t bytes) {
  static constexpr const char *units[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024)
    return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (unit + 1 < std::size(units) && value >= 1023.95) {
    value /= 1024;
    ++unit;
  }
  double tenths = std::round(value * 10) / 10;
  bool whole = tenths == std::floor(tenths);
  return formatted("%.*f %s", whole ? 0 : 1, tenths, units[unit]);
}

std::string humanTime(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0)
    return "?";
  auto total = static_cast<long long>(std::llround(std::min(seconds, 1e15)));
  long long hours = total / 3600, minutes = total / 60 % 60, rest = total % 60;
  if (hours > 0)
    return formatted("%lld:%02lld:%02lld", hours, minutes, rest);
  return formatted("%lld:%02lld", minutes, rest);
}

/// A number and the unit after it.
static std::optional<std::pair<double, std::string_view>>
numberAndUnit(std::string_view text) {
  double value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(),
                                     value, std::chars_format::fixed);
  if (code != std::errc() || !std::isfinite(value) || !(value > 0))
    return std::nullopt;
  return std::pair(value, text.substr(static_cast<size_t>(end - text.data())));
}

Result<double> parseDuration(std::string_view text) {
  auto parsed = numberAndUnit(text);
  if (parsed) {
    auto [value, unit] = *parsed;
    if (unit == "s")
      return value;
    if (unit == "m" || unit == "min")
      return value * 60;
    if (unit == "h")
      return value * 3600;
  }
  return makeError("bad-value", "'" + std::string(text) +
                                    "' is no duration; expected one such as "
                                    "30s, 5m or 2h");
}

Result<int64_t> parseSize(std::string_view text) {
  static constexpr std::pair<std::string_view, double> units[] = {
      {"", 1},         {"B", 1},        {"KiB", 0x1p10}, {"MiB", 0x1p20},
      {"GiB", 0x1p30}, {"TiB", 0x1p40}, {"KB", 1e3},     {"kB", 1e3},
      {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12},    {"K", 0x1p10},
      {"M", 0x1p20},   {"G", 0x1p30}};
  if (auto parsed = numberAndUnit(text))
    for (const auto &[name, factor] : units) {
      double bytes = parsed->first * factor;
      if (parsed->second == name && bytes >= 1 && bytes < 0x1p62)
        return static_cast<int64_t>(bytes);
    }
  return makeError("bad-value", "'" + std::string(text) +
                                    "' is no size; expected one such as "
                                    "64MiB, 512KiB or 4096");
}

Result<ProgressMode> parseProgressMode(std::string_view text) {
  if (text == "bar")
    return ProgressMode::Bar;
  if (text == "plain")
    return ProgressMode::Plain;
  if (text == "none")
    return ProgressMode::None;
  if (text != "auto")
    return makeError("bad-value", "'" + std::string(text) +
                                      "' is no kind of progress; expected "
                                      "auto, bar, plain or none");
  const char *term = std::getenv("TERM"), *plain = std::getenv("NO_COLOR");
  bool bar = ::isatty(2) && !(term && std::strcmp(term, "dumb") == 0) &&
             !(plain && plain[0]);
  return bar ? ProgressMode::Bar : ProgressMode::Plain;
}

/// A perplexity, short: 5.01, 134.2, 1.2e+09.
static std::string perplexityText(double value) {
  if (!std::isfinite(value))
    return std::isnan(value) ? "nan" : "inf";
  if (value >= 1e6)
    return formatted("%.2g", value);
  return formatted(value >= 100 ? "%.1f" : "%.2f", value);
}

std::string progressBar(const ProgressState &state, int width) {
  std::string line =
      "epoch " +
      std::to_string(static_cast<int64_t>(std::floor(state.epoch) + 1));
  if (state.epochs) {
    double last = std::ceil(*state.epochs);
    // At the very end of the last epoch it is still that epoch.
    line = formatted("epoch %.0f/%.0f",
                     std::min(std::floor(state.epoch) + 1, last), last);
  }
  const double share =
      std::isfinite(state.share) ? std::clamp(state.share, 0.0, 1.0) : 0;
  constexpr int cells = 10;
  const int full = static_cast<int>(share * cells);
  std::string bar(static_cast<size_t>(full), '=');
  if (full < cells)
    bar += '>';
  bar.resize(cells, ' ');
  line += formatted(" [%s] %d%%  step %lld  loss %.4f", bar.c_str(),
                    static_cast<int>(share * 100),
                    static_cast<long long>(state.step), state.loss);
  if (state.perplexity)
    line += "  ppl " + perplexityText(*state.perplexity);
  if (state.rate > 0)
    line += "  " + humanRate(state.rate) + " " + std::string(state.unit) + "/s";
  if (state.left)
    line += "  " + humanTime(*state.left) + " left";
  if (width > 0 && line.size() > static_cast<size_t>(width))
    line.resize(static_cast<size_t>(width));
  return line;
}

std::string progressPlain(const ProgressState &state) {
  std::string line =
      formatted("step=%lld epoch=%.2f loss=%.4f",
                static_cast<long long>(state.step), state.epoch, state.loss);
  if (state.perplexity)
    line += " ppl=" + perplexityText(*state.perplexity);
  if (state.gradNorm)
    line += formatted(" grad_norm=%.3g", *state.gradNorm);
  if (state.lr)
    line += formatted(" lr=%.4g", *state.lr);
  if (state.rate > 0) {
    // Three digits that matter: the rest is noise.
    double scale =
        std::pow(10, std::max(0.0, std::floor(std::log10(state.rate)) - 2));
    const char *name = state.unit == "tok"  ? "tokens"
                       : state.unit == "ex" ? "examples"
                                            : nullptr;
    line += formatted(" %s_per_s=%.0f",
                      name ? name : std::string(state.unit).c_str(),
                      std::round(state.rate / scale) * scale);
  }
  if (state.left && std::isfinite(*state.left))
    line += formatted(" left_s=%.0f", *state.left);
  return line;
}

std::string progressValid(int64_t step, double loss,
                          std::optional<double> perplexity, double best,
                          int64_t bestStep) {
  std::string line = formatted("valid step=%lld loss=%.4f",
                               static_cast<long long>(step), loss);
  if (perplexity)
    line += " ppl=" + perplexityText(*perplexity);
  return line +
         formatted(" best=%.4f@%lld", best, static_cast<long long>(bestStep));
}

Progress::Progress(ProgressMode mode, int fd,
                   std::function<void(std::string_view)> log)
    : mode(mode), fd(fd), log(std::move(log)) {}

Progress::~Progress() { finish(); }

int Progress::width() const {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return 80;
}

void Progress::put(std::string_view text) {
  while (!text.empty()) {
    ssize_t done = ::write(fd, text.data(), text.size());
    if (done <= 0)
      return; // Progress that cannot be shown must not stop the work.
    text.remove_prefix(static_cast<size_t>(done));
  }
}

void Progress::clearBar() {
  if (barShown)
    put("\r\x1b[K");
  barShown = false;
}

bool Progress::due(int64_t step, double now) const {
  bool plain = step == 1 || now - lastPlain >= 30;
  return plain || (mode == ProgressMode::Bar && now - lastBar >= 0.1);
}

void Progress::step(const ProgressState &state, double now) {
  if (mode == ProgressMode::Bar && now - lastBar >= 0.1) {
    // One column stays free: a full line would wrap on some terminals.
    put("\r" + progressBar(state, std::max(1, width() - 1)) + "\x1b[K");
    barShown = true;
    lastBar = now;
  }
  if (state.step == 1 || now - lastPlain >= 30) {
    std::string line = progressPlain(state);
    if (mode == ProgressMode::Plain)
      put(line + "\n");
    if (log)
      log(line);
    lastPlain = now;
  }
}

void Progress::valid(int64_t step, double loss,
                     std::optional<double> perplexity, double best,
                     int64_t bestStep) {
  std::string line = progressValid(step, loss, perplexity, best, bestStep);
  if (mode != ProgressMode::None) {
    clearBar();
    put(line + "\n");
  }
  if (log)
    log(line);
}

void Progress::line(std::string_view text) {
  if (mode != ProgressMode::None) {
    clearBar();
    put(std::string(text) + "\n");
  }
  if (log)
    log(text);
}

void Progress::finish() {
  if (barShown)
    put("\n");
  barShown = false;
}

void RateMeter::add(double units, double now) {
  if (!started) {
    started = true;
    last = now;
    return;
  }
  const double elapsed = now - last;
  if (elapsed <= 0)
    return;
  // An exponential mean over 10 s: a measurement counts by its time.
  const double weight = perSecond == 0 ? 1 : 1 - std::exp(-elapsed / 10);
  perSecond += weight * (units / elapsed - perSecond);
  last = now;
}

} // namespace rnnc::rt
