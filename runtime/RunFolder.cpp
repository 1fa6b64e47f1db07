//===- RunFolder.cpp - what a training run leaves -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Making and opening run folders; metrics in three formats.
//
//===----------------------------------------------------------------------===//
#include "runtime/RunFolder.h"

#include "runtime/AtomicFile.h"
#include "runtime/EventFile.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <unistd.h>
#include <vector>

namespace rnnc::rt {

namespace fs = std::filesystem;

RunFolder::RunFolder(fs::path folder) : folder(std::move(folder)) {
  std::error_code ignored;
  for (fs::directory_iterator it(this->folder, ignored), end; it != end;
       it.increment(ignored)) {
    if (ignored)
      break;
    if (it->path().filename().string().starts_with("events.out.tfevents."))
      events = it->path();
  }
}

/// An error about the folder itself.
static Error folderError(const fs::path &folder, std::string message) {
  return makeFileError("cannot-write", folder.string(), std::move(message));
}

Result<RunFolder> RunFolder::create(const std::optional<fs::path> &out,
                                    std::string_view spec, std::time_t now) {
  std::error_code code;
  if (out) {
    fs::create_directories(*out, code);
    // A file in the way is reported as such by the next call too.
    if (code)
      return folderError(*out, "cannot make the run folder: " +
                                   systemMessage(code.value()));
    bool empty = fs::is_empty(*out, code);
    if (code)
      return folderError(*out, "cannot make the run folder: " +
                                   systemMessage(code.value()));
    if (!fs::is_directory(*out, code) || !empty)
      return folderError(*out, "the run folder is not empty; a run is never "
                               "overwritten");
    return RunFolder(*out);
  }
  std::tm parts{};
  localtime_r(&now, &parts);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &parts);
  const fs::path base =
      fs::path("runs") / (std::string(spec) + "-" + std::string(stamp));
  fs::create_directories("runs", code);
  if (code)
    return folderError("runs", "cannot make the folder: " +
                                   systemMessage(code.value()));
  for (int attempt = 1;; ++attempt) {
    fs::path folder = base;
    if (attempt > 1)
      folder += "-" + std::to_string(attempt);
    // Made by this call and not there before: two runs cannot share it.
    if (fs::create_directory(folder, code))
      return RunFolder(folder);
    if (code && code != std::errc::file_exists)
      return folderError(folder, "cannot make the run folder: " +
                                     systemMessage(code.value()));
  }
}

Result<RunFolder> RunFolder::open(const fs::path &folder) {
  std::error_code code;
  if (!fs::is_directory(folder, code))
    return makeFileError("no-run", folder.string(),
                         "not a run folder: no such directory");
  if (!fs::exists(folder / "config.json", code))
    return makeFileError("no-run", folder.string(),
                         "not a run folder: it has no config.json");
  return RunFolder(folder);
}

Result<void> RunFolder::write(std::string_view name,
                              std::string_view text) const {
  return writeFile(file(name), text);
}

Result<std::string> RunFolder::read(std::string_view name) const {
  return readFile(file(name));
}

std::string shortest(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value < 0 ? "-inf" : "inf";
  char text[64];
  auto [end, code] = std::to_chars(text, text + sizeof text, value);
  return std::string(text, end);
}

std::string jsonNumber(double value) {
  std::string text = shortest(value);
  return std::isfinite(value) ? text : "\"" + text + "\"";
}

std::string metricsCsv(const Metrics &metrics) {
  std::string line = std::to_string(metrics.step) + "," +
                     shortest(metrics.epoch) + "," + metrics.split;
  for (const std::optional<double> &value :
       {metrics.loss, metrics.perplexity, metrics.accuracy, metrics.gradNorm,
        metrics.lr})
    line += "," + (value ? shortest(*value) : std::string());
  return line;
}

std::string metricsJson(const Metrics &metrics) {
  std::string line = "{\"step\": " + std::to_string(metrics.step) +
                     ", \"epoch\": " + jsonNumber(metrics.epoch) +
                     ", \"split\": \"" + metrics.split + "\"";
  const std::pair<const char *, const std::optional<double> &> fields[] = {
      {"loss", metrics.loss},
      {"perplexity", metrics.perplexity},
      {"accuracy", metrics.accuracy},
      {"grad_norm", metrics.gradNorm},
      {"lr", metrics.lr}};
  for (const auto &[name, value] : fields)
    line += ", \"" + std::string(name) +
            "\": " + (value ? jsonNumber(*value) : std::string("null"));
  return line + "}";
}

/// Seconds since 1970.
static double wallTime() {
  using namespace std::chrono;
  return duration<double>(system_clock::now().time_since_epoch()).count();
}

Result<void> RunFolder::appendMetrics(const Metrics &metrics) {
  std::error_code code;
  std::string csv;
  if (!fs::exists(file("metrics.csv"), code))
    csv = std::string(metricsHeader) + "\n";
  csv += metricsCsv(metrics) + "\n";
  if (Result<void> done = appendFile(file("metrics.csv"), csv); !done)
    return done;
  if (Result<void> done =
          appendFile(file("metrics.jsonl"), metricsJson(metrics) + "\n");
      !done)
    return done;

  const double now = wallTime();
  std::string record;
  if (events.empty()) {
    char host[256] = "host";
    if (::gethostname(host, sizeof host - 1) != 0 || !host[0])
      host[0] = 'h', host[1] = 0;
    events = file("events.out.tfevents." +
                  std::to_string(static_cast<int64_t>(now)) + "." + host);
    record = eventFileStart(now);
  }
  std::vector<std::pair<std::string, float>> scalars;
  const std::pair<const char *, const std::optional<double> &> fields[] = {
      {"loss", metrics.loss},
      {"perplexity", metrics.perplexity},
      {"accuracy", metrics.accuracy},
      {"grad_norm", metrics.gradNorm},
      {"lr", metrics.lr}};
  for (const auto &[name, value] : fields)
    if (value)
      scalars.push_back(
          {metrics.split + "/" + name, static_cast<float>(*value)});
  return appendFile(events, record + eventRecord(now, metrics.step, scalars));
}

Result<void> RunFolder::log(std::string_view line) const {
  return appendFile(file("log.txt"), std::string(line) + "\n");
}

/// The lines of a text for which `keep` holds; a torn last line is dropped.
template <class Keep>
static std::string keepLines(std::string_view text, Keep keep) {
  std::string kept;
  while (!text.empty()) {
    size_t end = text.find('\n');
    if (end == std::string_view::npos)
      break;
    if (keep(text.substr(0, end)))
      kept += text.substr(0, end + 1);
    text.remove_prefix(end + 1);
  }
  return kept;
}

/// The whole number after `prefix` at the start of a line, or nothing.
static std::optional<int64_t> leadingStep(std::string_view line,
                                          std::string_view prefix) {
  if (!line.starts_with(prefix))
    return std::nullopt;
  line.remove_prefix(prefix.size());
  int64_t step = 0;
  auto [end, code] =
      std::from_chars(line.data(), line.data() + line.size(), step);
  if (code != std::errc())
    return std::nullopt;
  return step;
}

Result<void> RunFolder::cutBack(int64_t step) {
  removeHalfWritten(folder);
  std::error_code code;
  auto rewrite = [&](const fs::path &path, auto change) -> Result<void> {
    if (path.empty() || !fs::exists(path, code))
      return {};
    Result<std::string> text = readFile(path);
    if (!text)
      return text.error();
    std::string kept = change(std::string_view(*text));
    return kept == *text ? Result<void>() : writeFile(path, kept);
  };
  auto lines = [&](std::string_view prefix) {
    return [=](std::string_view text) {
      return keepLines(text, [=](std::string_view line) {
        std::optional<int64_t> found = leadingStep(line, prefix);
        return line == metricsHeader || (found && *found <= step);
      });
    };
  };
  if (Result<void> done = rewrite(file("metrics.csv"), lines("")); !done)
    return done;
  if (Result<void> done = rewrite(file("metrics.jsonl"), lines("{\"step\": "));
      !done)
    return done;
  return rewrite(
      events, [&](std::string_view bytes) { return cutEvents(bytes, step); });
}

} // namespace rnnc::rt
