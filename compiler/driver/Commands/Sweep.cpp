//===- Sweep.cpp - rnnc sweep ---------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Trains once for each combination of listed values, several runs side by side.
// Each run is `rnnc train` in a process of its own, so it is the same as one
// that a user starts, and one that fails does not end the others.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Settings.h"
#include "compiler/driver/Signals.h"
#include "rnnrt/team.h"
#include "runtime/AtomicFile.h"
#include "runtime/Report.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>

using namespace rnnc;
using namespace rnnc::driver;
namespace fs = std::filesystem;

namespace {

/// An option with the values it takes in turn.
struct Axis {
  /// As written before the value: "--lr" or "--set", "n".
  std::string option, key;
  std::vector<std::string> values;

  std::string name() const { return key.empty() ? option : key; }
  std::vector<std::string> words(size_t i) const {
    return {"--" + option + "=" + (key.empty() ? "" : key + "=") + values[i]};
  }
};

/// One run of the sweep.
struct SweepRun {
  std::string name;
  std::vector<std::string> words;
  pid_t process = -1;
  int status = -1;
  bool done = false;
};

class Sweep {
public:
  Sweep(const CommandLine &line, Console &console)
      : line(line), console(console) {}
  Result<int> run();

private:
  Result<void> readAxes();
  Result<void> addAxis(const std::string &option, const std::string &key,
                       const std::string &text);
  Result<void> makeFolder();
  void makeRuns();
  Result<void> start(SweepRun &run);
  void finished(SweepRun &run, int status);
  Result<int> conclude(bool interrupted);

  const CommandLine &line;
  Console &console;
  std::vector<Axis> axes;
  std::vector<std::string> fixed;
  std::vector<SweepRun> runs;
  fs::path folder;
  int64_t jobs = 1, threads = 1;
};

} // namespace

/// Options whose values have commas of their own, or that make no sense twice.
static bool mayList(const std::string &name) {
  for (const char *other :
       {"data", "valid", "test", "split", "task", "vocab", "import", "include",
        "init", "threads", "time-limit", "model", "target-cpu",
        "checkpoint-every"})
    if (name == other)
      return false;
  return true;
}

/// The values of `a,b,c`, or of `lo..hi:log:K` and `lo..hi:lin:K`.
static Result<std::vector<std::string>>
valuesOf(const std::string &shown, const std::string &text, bool whole) {
  size_t dots = text.find("..");
  if (dots == std::string::npos) {
    std::vector<std::string> values;
    for (size_t at = 0; at <= text.size();) {
      size_t end = std::min(text.find(',', at), text.size());
      values.push_back(text.substr(at, end - at));
      if (values.back().empty())
        return usageError(shown + " has an empty value in '" + text + "'");
      at = end + 1;
    }
    return values;
  }
  auto bad = [&](const std::string &why) {
    return usageError(shown + " expects LO..HI:log:K or LO..HI:lin:K, found '" +
                      text + "'" + why);
  };
  size_t first = text.find(':', dots);
  size_t second =
      first == std::string::npos ? first : text.find(':', first + 1);
  if (second == std::string::npos)
    return bad("");
  auto low = parseReal(text.substr(0, dots));
  auto high = parseReal(text.substr(dots + 2, first - dots - 2));
  std::string form = text.substr(first + 1, second - first - 1);
  auto count = parseWhole(text.substr(second + 1));
  if (!low || !high || !count || (form != "log" && form != "lin"))
    return bad("");
  if (*count < 2 || *count > 1000)
    return bad("; K is 2 to 1000");
  if (form == "log" && (*low <= 0 || *high <= 0))
    return bad("; with log both ends are above 0");
  std::vector<std::string> values;
  for (int64_t i = 0; i < *count; ++i) {
    double share = double(i) / double(*count - 1);
    double value = form == "log" ? *low * std::pow(*high / *low, share)
                                 : *low + (*high - *low) * share;
    // The ends as they were written; between them, digits people can read.
    if (i == 0 || i + 1 == *count)
      value = i == 0 ? *low : *high;
    else if (!whole)
      value = *parseReal([&] {
        char digits[64];
        std::snprintf(digits, sizeof digits, "%.4g", value);
        return std::string(digits);
      }());
    std::string written = rt::shortest(whole ? std::round(value) : value);
    if (values.empty() || values.back() != written)
      values.push_back(written);
  }
  return values;
}

Result<void> Sweep::addAxis(const std::string &option, const std::string &key,
                            const std::string &text) {
  static const std::vector<OptionInfo> known = optionsOf(*findCommand("train"));
  const std::string shown = "--" + option + (key.empty() ? "" : " " + key);
  const OptionInfo *info = nullptr;
  for (const OptionInfo &entry : known)
    if (option == entry.name)
      info = &entry;
  const bool whole = info && (info->kind == ValueKind::Count ||
                              info->kind == ValueKind::Whole);
  Axis axis{option, key, {text}};
  if (mayList(option)) {
    auto values = valuesOf(shown, text, whole || option == "set");
    if (!values)
      return values.error();
    axis.values = std::move(*values);
  }
  if (info && key.empty())
    for (const std::string &value : axis.values)
      if (auto problem = checkValue(*info, value))
        return usageError(*problem);
  if (axis.values.size() == 1) {
    for (const std::string &word : axis.words(0))
      fixed.push_back(word);
    return {};
  }
  axes.push_back(std::move(axis));
  return {};
}

Result<void> Sweep::readAxes() {
  static const std::vector<OptionInfo> train = optionsOf(*findCommand("train"));
  std::vector<std::pair<std::string, std::string>> given;
  if (auto path = line.get("values")) {
    auto text = rt::readFile(*path);
    if (!text)
      return fromRuntime(text.error());
    int64_t number = 0;
    for (size_t at = 0; at < text->size();) {
      size_t end = std::min(text->find('\n', at), text->size());
      std::string entry = text->substr(at, end - at);
      at = end + 1;
      ++number;
      entry = entry.substr(0, entry.find('#'));
      auto trimmed = [](std::string word) {
        size_t begin = word.find_first_not_of(" \t\r");
        size_t last = word.find_last_not_of(" \t\r");
        return begin == std::string::npos
                   ? std::string()
                   : word.substr(begin, last - begin + 1);
      };
      if (trimmed(entry).empty())
        continue;
      auto [name, value] = splitPair(entry);
      name = trimmed(name);
      value = trimmed(value);
      std::string option = name;
      std::replace(option.begin(), option.end(), '_', '-');
      bool known = std::any_of(train.begin(), train.end(), [&](auto &info) {
        return option == info.name && info.kind != ValueKind::Flag;
      });
      if (value.empty())
        return fromRuntime(rt::makeFileError("bad-file", *path,
                                             "expected NAME = VALUES", number));
      // Whatever is no option is a size of the model.
      if (known && !line.has(option))
        given.emplace_back(option, value);
      else if (!known)
        given.emplace_back("set", name + "=" + value);
    }
  }
  for (const auto &[name, values] : line.values) {
    if (name == "jobs" || name == "out" || name == "values" || name == "json" ||
        name == "quiet" || name == "verbose" || name == "progress" ||
        name == "color" || name == "threads")
      continue;
    const OptionInfo *info = nullptr;
    for (const OptionInfo &entry : train)
      if (name == entry.name)
        info = &entry;
    if (info && info->kind == ValueKind::Flag) {
      fixed.push_back("--" + name);
      continue;
    }
    if (info && info->adds)
      for (const std::string &value : values)
        given.emplace_back(name, value);
    else
      given.emplace_back(name, values.back());
  }
  for (const auto &[name, value] : given) {
    Result<void> done;
    if (name == "set" || name == "cell") {
      auto [key, list] = splitPair(value);
      done = addAxis(name, key, list);
    } else {
      done = addAxis(name, "", value);
    }
    if (!done)
      return done;
  }
  size_t count = 1;
  for (const Axis &axis : axes)
    if ((count *= axis.values.size()) > 10000)
      return usageError("more than 10000 runs");
  return {};
}

Result<void> Sweep::makeFolder() {
  std::error_code error;
  if (auto out = line.get("out")) {
    folder = *out;
    fs::create_directories(folder, error);
    if (error || !fs::is_empty(folder, error))
      return makeError("cannot-write",
                       "'" + folder.string() +
                           "': the folder of the sweep is not empty; a run is "
                           "never overwritten");
    return {};
  }
  std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &parts);
  const fs::path base =
      fs::path("runs") / (fs::path(line.operands.front()).stem().string() +
                          "-sweep-" + std::string(stamp));
  fs::create_directories("runs", error);
  for (int attempt = 1; attempt < 100; ++attempt) {
    folder = base;
    if (attempt > 1)
      folder += "-" + std::to_string(attempt);
    if (fs::create_directory(folder, error))
      return {};
  }
  return makeError("cannot-write",
                   "'" + base.string() +
                       "': cannot make the folder: " + error.message());
}

void Sweep::makeRuns() {
  size_t count = 1;
  for (const Axis &axis : axes)
    count *= axis.values.size();
  const int digits = int(std::to_string(count).size());
  for (size_t number = 0; number < count; ++number) {
    SweepRun run;
    std::string digitsOf = std::to_string(number + 1);
    run.name = std::string(size_t(digits) - digitsOf.size(), '0') + digitsOf;
    size_t rest = number, inner = count;
    for (const Axis &axis : axes) {
      inner /= axis.values.size();
      size_t i = rest / inner;
      rest %= inner;
      for (const std::string &word : axis.words(i))
        run.words.push_back(word);
      std::string part = "-" + axis.name() + "=" + axis.values[i];
      for (char &c : part)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' &&
            c != '=' && c != '-' && c != '_')
          c = '_';
      run.name += part;
    }
    runs.push_back(std::move(run));
  }
}

Result<void> Sweep::start(SweepRun &run) {
  std::vector<std::string> words = {"rnnc", "train", line.operands.front()};
  words.insert(words.end(), fixed.begin(), fixed.end());
  words.insert(words.end(), run.words.begin(), run.words.end());
  words.push_back("--threads=" + std::to_string(threads));
  words.push_back("--out=" + (folder / run.name).string());
  words.push_back("--quiet");
  std::vector<char *> pointers;
  for (std::string &word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const std::string said = (folder / (run.name + ".err")).string();
  pid_t child = ::fork();
  if (child < 0)
    return makeError("process",
                     "cannot start a run: " + rt::systemMessage(errno));
  if (child == 0) {
    // Only calls that are safe after fork. What a terminal sends reaches the
    // runs through us, once.
    ::setpgid(0, 0);
    int out = ::open("/dev/null", O_WRONLY);
    int err = ::open(said.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (out >= 0)
      ::dup2(out, 1);
    if (err >= 0)
      ::dup2(err, 2);
    ::execv("/proc/self/exe", pointers.data());
    ::_exit(127);
  }
  run.process = child;
  console.talk("begun " + run.name);
  return {};
}

void Sweep::finished(SweepRun &run, int status) {
  run.done = true;
  run.process = -1;
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  const fs::path said = folder / (run.name + ".err");
  std::string text;
  if (auto bytes = rt::readFile(said))
    text = *bytes;
  std::error_code ignored;
  if (run.status == StatusDone) {
    fs::remove(said, ignored);
    console.talk("done " + run.name);
    return;
  }
  if (run.status == StatusInterrupt || run.status == StatusTerminate)
    return;
  // Its first line says why.
  text = text.substr(0, text.find('\n'));
  Message message;
  message.severity = "warning";
  message.id = "run-failed";
  message.message = run.name + " ended with status " +
                    std::to_string(run.status) +
                    (text.empty() ? "" : ": " + text);
  console.say(message);
}

Result<int> Sweep::conclude(bool interrupted) {
  std::vector<rt::RunRecord> records;
  Json failed = Json::array();
  for (const SweepRun &run : runs) {
    if (run.done && run.status != StatusDone)
      failed.push_back(run.name);
    if (auto record = rt::readRun(folder / run.name))
      records.push_back(std::move(*record));
  }
  // The best first; those without a number last.
  std::sort(records.begin(), records.end(),
            [](const rt::RunRecord &a, const rt::RunRecord &b) {
              auto left = a.best(), right = b.best();
              if (left.has_value() != right.has_value())
                return left.has_value();
              if (left && left->first != right->first)
                return left->first < right->first;
              return a.name < b.name;
            });
  Json &object = console.object;
  object["folder"] = folder.string();
  object["runs"] = rt::reportRows(records);
  object["failed"] = failed;
  object["best"] = nullptr;
  if (!records.empty() && records.front().best())
    object["best"] = records.front().path;
  std::string table;
  if (!records.empty()) {
    table = rt::reportTable(records);
    for (auto [name, text] : {std::pair("table.txt", table),
                              {"report.html", rt::reportHtml(records)}})
      if (auto done = rt::writeFile(folder / name, text); !done)
        return fromRuntime(done.error());
  }
  if (!console.print(table))
    return StatusInput;
  if (interrupted)
    return rememberedSignal() == SIGTERM ? StatusTerminate : StatusInterrupt;
  return failed.empty() ? StatusDone : StatusInput;
}

Result<int> Sweep::run() {
  if (auto done = readAxes(); !done)
    return done.error();
  std::error_code ignored;
  if (!fs::exists(line.operands.front(), ignored))
    return makeError("cannot-read",
                     line.operands.front() +
                         ": cannot read: no such file or directory");
  makeRuns();
  const int64_t cores = rnnrt_usable_cores();
  jobs = line.get("jobs") ? *parseWhole(*line.get("jobs")) : 0;
  threads = line.get("threads") ? *parseWhole(*line.get("threads")) : 0;
  if (jobs == 0)
    jobs = std::max<int64_t>(threads ? cores / threads : cores, 1);
  jobs = std::min(jobs, int64_t(runs.size()));
  if (threads == 0)
    threads = std::max<int64_t>(cores / jobs, 1);
  if (auto done = makeFolder(); !done)
    return done.error();
  console.talk(std::to_string(runs.size()) + " runs, " + std::to_string(jobs) +
               " side by side with " + std::to_string(threads) +
               (threads == 1 ? " thread" : " threads") + " each; " +
               folder.string());
  rememberSignals();
  size_t next = 0, active = 0;
  bool told = false;
  while (next < runs.size() || active > 0) {
    const bool stop = rememberedSignal() != 0;
    if (stop && !told) {
      for (const SweepRun &run : runs)
        if (run.process > 0)
          ::kill(run.process, SIGTERM);
      told = true;
    }
    if (stop && active == 0)
      break;
    if (!stop && next < runs.size() && int64_t(active) < jobs) {
      if (auto done = start(runs[next]); !done)
        return done.error();
      ++next;
      ++active;
      continue;
    }
    int status = 0;
    pid_t ended = ::waitpid(-1, &status, 0);
    if (ended < 0 && errno == EINTR)
      continue;
    if (ended < 0)
      return internalError("waitpid: " + rt::systemMessage(errno));
    for (SweepRun &run : runs)
      if (run.process == ended) {
        finished(run, status);
        --active;
      }
  }
  return conclude(rememberedSignal() != 0);
}

int driver::sweepCommand(const CommandLine &line, Console &console) {
  auto status = Sweep(line, console).run();
  return status ? *status : console.fail(status.error());
}
