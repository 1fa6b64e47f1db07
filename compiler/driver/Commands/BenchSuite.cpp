//===- BenchSuite.cpp - rnnc bench --suite --------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rows stand in suite.json beside the texts of their models. Each is run by
// us and by every peer that can, in turns (A B A B), so that what disturbs the
// machine disturbs all; a ratio is the median of those of the turns.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/BenchSuite.h"
#include "compiler/driver/Commands/BenchLists.h"
#include "compiler/driver/Commands/BenchPeers.h"
#include "compiler/driver/Commands/BenchTable.h"
#include "compiler/driver/Signals.h"
#include "runtime/AtomicFile.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <set>

using namespace rnnc;
using namespace rnnc::driver;
namespace fs = std::filesystem;

/// Turns of all systems, and how long a peer may take to get ready (some compile
/// for minutes) and to do a turn.
static constexpr int kTurns = 3;
static constexpr double kReadySeconds = 600, kTurnSeconds = 300;

namespace {
/// One row of the suite.
struct SuiteRow {
  std::string name, group, table, spec;
  BenchWay way;
  /// Sizes in the order of the file.
  std::vector<std::pair<std::string, std::string>> sizes;
  std::vector<std::pair<std::string, std::string>> cells;
  bool inputGrad = false;
  /// What peers are told; null if none can do it.
  Json peer = nullptr;
  /// What of ours runs beside it: its name, cells and precision.
  Json reference = nullptr;
};

/// A system and what was measured of it.
struct Contender {
  std::string system;
  /// Takes samples: warm-up seconds, seconds, least number.
  std::function<Result<StepTimes>(double, double, int64_t)> time;
  StepTimes all;
  std::vector<double> medians;
  double compileMs = 0;
  Subject *subject = nullptr;

  /// The median over the turns of this system's time over that of another.
  double ratioTo(const Contender &other) const {
    StepTimes ratios;
    for (size_t i = 0; i < medians.size() && i < other.medians.size(); ++i)
      ratios.samples.push_back(medians[i] / other.medians[i]);
    return ratios.quantile(0.5);
  }
};

/// A peer that is started when it is first needed, and again if it ended.
struct PeerSlot {
  std::vector<std::string> command;
  std::shared_ptr<Peer> peer;
  bool absent = false;
};

class SuiteRun {
public:
  SuiteRun(const CommandLine &line, Console &console)
      : line(line), console(console), folder(benchFolder()) {}
  Result<int> run();

private:
  const CommandLine &line;
  Console &console;
  fs::path folder;
  Json suite;
  std::vector<SuiteRow> rows;
  std::map<int64_t, std::vector<PeerSlot>> peers;
  std::set<std::string> saidOnce;
  Json found = Json::array();
  /// Texts of a row before the columns of other systems, and their cells.
  std::vector<std::pair<std::vector<std::string>,
                        std::map<std::string, std::string>>>
      shown;
  std::vector<std::string> systems;
  int status = StatusDone;

  Result<void> checkOptions();
  Result<void> read();
  Result<void> addRows(const Json &table);
  Result<void> choose();
  Settings settingsOf(const SuiteRow &row, const Json &cells) const;
  Result<std::unique_ptr<Subject>> subjectOf(const SuiteRow &row,
                                             const BenchWay &way,
                                             const Json &cells);
  std::vector<PeerSlot> &peersFor(int64_t threads);
  bool wantsSystem(const std::string &system) const;
  void addPeers(const SuiteRow &row, const std::map<std::string, double> &check,
                std::vector<Contender> &contenders);
  Result<void> measure(const SuiteRow &row);
  void report(const SuiteRow &row, const std::vector<Contender> &contenders);
  void notMeasured(const SuiteRow &row, const std::string &why);
  std::string text() const;
};
} // namespace

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

Result<void> SuiteRun::checkOptions() {
  for (const char *name :
       {"set", "cell", "import", "include", "model", "unroll", "window",
        "input-grad", "optimizer", "seed", "remarks"})
    if (line.has(name))
      return usageError("--" + std::string(name) +
                        " is not for --suite; its rows say it");
  return {};
}

static std::string textOf(const Json &json, const char *key) {
  return json.contains(key) && json[key].is_string()
             ? json[key].get<std::string>()
             : "";
}

/// The pairs of an object of strings or whole numbers, as texts.
static std::vector<std::pair<std::string, std::string>>
pairsOf(const Json &json) {
  std::vector<std::pair<std::string, std::string>> pairs;
  if (json.is_object())
    for (const auto &[key, value] : json.items())
      pairs.emplace_back(key, value.is_string() ? value.get<std::string>()
                                                : value.dump());
  return pairs;
}

Result<void> SuiteRun::addRows(const Json &table) {
  auto threads = wholeList("threads", line.get("threads").value_or("1,2"));
  if (!threads)
    return threads.error();
  Json shapes = table.value("shapes", Json());
  if (shapes.is_string())
    shapes = suite.value("shapes", Json::object())
                 .value(shapes.get<std::string>(), Json());
  if (!shapes.is_array())
    return makeError("bad-file", "suite.json: table '" + textOf(table, "name") +
                                     "' has no shapes");
  size_t withPeers = table.value("peer_shapes", shapes.size());
  for (size_t i = 0; i < shapes.size(); ++i)
    for (int64_t count : *threads) {
      // More threads than cores were not asked for, and measure nothing.
      if (!line.has("threads") && count > rnnrt_usable_cores())
        continue;
      SuiteRow row;
      row.table = textOf(table, "name");
      row.group = textOf(table, "group");
      row.spec = textOf(table, "spec");
      row.way.mode = textOf(table, "mode");
      row.way.precision = table.value("precision", "f32");
      row.way.batch = shapes[i].value("batch", int64_t(1));
      row.way.length = shapes[i].value("length", int64_t(1));
      row.way.threads = count;
      row.sizes = pairsOf(shapes[i].value("set", Json::object()));
      row.cells = pairsOf(table.value("cell", Json::object()));
      row.inputGrad = table.value("input_grad", false);
      row.name = row.table + "-" + std::to_string(row.way.batch) + "x" +
                 std::to_string(row.way.length);
      for (const auto &[size, value] : row.sizes)
        row.name += "x" + value;
      if (i < withPeers)
        row.peer = table.value("peer", Json());
      row.reference = table.value("reference", Json());
      rows.push_back(std::move(row));
    }
  return {};
}

Result<void> SuiteRun::read() {
  if (folder.empty())
    return makeError("no-suite",
                     "the suite's files are not beside this program",
                     "install rnnc, or let RNNC_BENCH_DIR name their folder");
  fs::path path = folder / "suite" / "suite.json";
  std::ifstream in(path);
  if (!in)
    return makeError("bad-file", "cannot read '" + path.string() +
                                     "': " + rt::systemMessage(errno));
  suite = Json::parse(in, nullptr, false);
  if (!suite.is_object() || !suite.contains("tables") ||
      !suite["tables"].is_array())
    return makeError("bad-file",
                     "'" + path.string() + "' is no suite: no 'tables'");
  for (const Json &table : suite["tables"])
    if (auto done = addRows(table); !done)
      return done;
  return {};
}

/// Keeps the rows that were asked for.
Result<void> SuiteRun::choose() {
  std::vector<std::string> wanted, lists = line.operands;
  for (const std::string &text : line.all("suite"))
    lists.push_back(text);
  for (const std::string &text : lists)
    for (size_t at = 0; at < text.size();) {
      size_t end = std::min(text.find(',', at), text.size());
      wanted.push_back(text.substr(at, end - at));
      at = end + 1;
    }
  auto matches = [](const SuiteRow &row, const std::string &name) {
    return row.group == name || row.table == name || row.name == name;
  };
  std::vector<std::string> names;
  for (const SuiteRow &row : rows)
    for (const std::string &name : {row.group, row.table, row.name})
      if (std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
  for (const std::string &name : wanted)
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      std::string near = nearestName(name, names), groups;
      for (const SuiteRow &row : rows)
        if (groups.find(row.group) == std::string::npos)
          groups += (groups.empty() ? "" : ", ") + row.group;
      return makeError("unknown-row", "the suite has no rows '" + name + "'",
                       near.empty() ? "its groups are " + groups
                                    : "did you mean '" + near + "'?");
    }
  // Lists given restrict the rows too.
  std::set<std::string> modes, precisions;
  std::set<int64_t> batches, lengths;
  if (auto text = line.get("mode")) {
    auto list = wordList("mode", *text, {"train", "infer", "stream"});
    if (!list)
      return list.error();
    modes.insert(list->begin(), list->end());
  }
  if (auto text = line.get("precision")) {
    auto list = wordList("precision", *text, {"f32", "f64", "bf16"});
    if (!list)
      return list.error();
    precisions.insert(list->begin(), list->end());
  }
  for (auto [option, set] : {std::pair("batch", &batches),
                             std::pair("length", &lengths)})
    if (auto text = line.get(option)) {
      auto list = wholeList(option, *text);
      if (!list)
        return list.error();
      set->insert(list->begin(), list->end());
    }
  std::erase_if(rows, [&](const SuiteRow &row) {
    bool named = wanted.empty() ||
                 std::any_of(wanted.begin(), wanted.end(),
                             [&](const auto &name) { return matches(row, name); });
    return !named || (!modes.empty() && !modes.contains(row.way.mode)) ||
           (!precisions.empty() && !precisions.contains(row.way.precision)) ||
           (!batches.empty() && !batches.contains(row.way.batch)) ||
           (!lengths.empty() && !lengths.contains(row.way.length));
  });
  if (rows.empty())
    return makeError("unknown-row", "the suite has no rows like that");
  return {};
}

//===----------------------------------------------------------------------===//
// Systems
//===----------------------------------------------------------------------===//

Settings SuiteRun::settingsOf(const SuiteRow &row, const Json &cells) const {
  Settings settings(line);
  for (const char *name : {"mode", "batch", "length", "threads", "precision",
                           "suite", "seconds", "python", "peer", "systems"})
    settings.given.erase(name);
  settings.set = row.sizes;
  settings.cell = cells.is_null() ? row.cells : pairsOf(cells);
  if (row.inputGrad)
    settings.given["input-grad"] = "true";
  return settings;
}

Result<std::unique_ptr<Subject>> SuiteRun::subjectOf(const SuiteRow &row,
                                                     const BenchWay &way,
                                                     const Json &cells) {
  std::vector<Message> said;
  Settings settings = settingsOf(row, cells);
  auto spec = Spec::load((folder / "suite" / row.spec).string(), settings,
                         MessageOptions::of(console), said);
  if (!spec)
    return spec.error();
  return Subject::create(*spec, settings, way, BenchValues::Shared, said);
}

std::vector<PeerSlot> &SuiteRun::peersFor(int64_t threads) {
  auto [it, fresh] = peers.try_emplace(threads);
  if (fresh && line.get("systems").value_or("") != "none") {
    std::vector<std::string> pythons = line.all("python");
    if (pythons.empty())
      pythons = {"python3"};
    for (auto &command : peerCommands(line.all("peer"), pythons))
      it->second.push_back({std::move(command), nullptr, false});
  }
  for (PeerSlot &slot : it->second) {
    if (slot.absent || (slot.peer && slot.peer->running()))
      continue;
    auto started = Peer::start(slot.command, threads, console.verbose);
    if (started) {
      slot.peer = std::move(*started);
      continue;
    }
    slot.absent = true;
    std::string name;
    for (const std::string &word : slot.command)
      name += (name.empty() ? "" : " ") + fs::path(word).filename().string();
    if (saidOnce.insert(name).second)
      console.talk("rnnc: " + name + " is left out: " + started.error().message);
  }
  return it->second;
}

bool SuiteRun::wantsSystem(const std::string &system) const {
  auto wanted = line.get("systems");
  if (!wanted)
    return true;
  for (size_t at = 0; at <= wanted->size();) {
    size_t end = std::min(wanted->find(',', at), wanted->size());
    if (end > at && system.starts_with(wanted->substr(at, end - at)))
      return true;
    at = end + 1;
  }
  return false;
}

/// Why two systems do not compute the same; "" if they do. Sums of many roundings
/// differ by far less than this, other work by far more.
static std::string difference(const std::map<std::string, double> &ours,
                              const Json &theirs) {
  if (!theirs.is_object())
    return "";
  for (const auto &[key, value] : theirs.items()) {
    auto it = ours.find(key);
    if (it == ours.end() || !value.is_number())
      continue;
    double a = it->second, b = value.get<double>();
    double allowed = 2e-3 * std::max(std::abs(a), std::abs(b));
    // A loss is a sum of both signs, so that rounding shows.
    if (key == "loss")
      allowed += 1e-3;
    if (std::abs(a - b) <= allowed)
      continue;
    char text[96];
    std::snprintf(text, sizeof text, "'%s' is %.6g, ours is %.6g", key.c_str(),
                  b, a);
    return text;
  }
  return "";
}

void SuiteRun::addPeers(const SuiteRow &row,
                        const std::map<std::string, double> &check,
                        std::vector<Contender> &contenders) {
  if (row.peer.is_null())
    return;
  Json about = row.peer;
  about["mode"] = row.way.mode;
  about["batch"] = row.way.batch;
  about["length"] = row.way.length;
  about["threads"] = row.way.threads;
  about["precision"] = row.way.precision;
  for (const auto &[size, value] : row.sizes)
    about["sizes"][size] = parseWhole(value).value_or(0);
  for (PeerSlot &slot : peersFor(row.way.threads)) {
    if (slot.absent)
      continue;
    std::shared_ptr<Peer> peer = slot.peer;
    for (const std::string &system : peer->systems()) {
      if (!wantsSystem(system) || !peer->running())
        continue;
      auto ready =
          peer->ask({{"do", "prepare"}, {"system", system}, {"row", about}},
                    kReadySeconds);
      std::string why;
      if (!ready) {
        why = ready.error().message;
      } else if (!ready->value("ok", false)) {
        console.detail(system + ": " + row.name + ": " + textOf(*ready, "why"));
        continue;
      } else {
        why = difference(check, ready->value("check", Json()));
      }
      if (!why.empty()) {
        console.talk("rnnc: " + system + " is left out of " + row.name + ": " +
                     why);
        continue;
      }
      Contender contender;
      contender.system = system;
      contender.compileMs = ready->value("compile_ms", 0.0);
      contender.time = [peer, system](double warm, double seconds,
                                      int64_t least) -> Result<StepTimes> {
        auto answer = peer->ask({{"do", "time"},
                                 {"system", system},
                                 {"warm", warm},
                                 {"seconds", seconds},
                                 {"least", least}},
                                kTurnSeconds);
        if (!answer)
          return answer.error();
        StepTimes times;
        if (answer->contains("samples") && (*answer)["samples"].is_array())
          for (const Json &sample : (*answer)["samples"])
            if (sample.is_number())
              times.samples.push_back(sample.get<double>());
        if (times.samples.empty())
          return makeError("peer", system + " has no samples");
        times.count =
            answer->value("count", int64_t(times.samples.size()));
        return times;
      };
      contenders.push_back(std::move(contender));
    }
  }
}

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

Result<void> SuiteRun::measure(const SuiteRow &row) {
  auto made = subjectOf(row, row.way, Json());
  if (!made)
    return made.error();
  Subject &subject = **made;
  std::map<std::string, double> check = subject.check();

  auto ofOurs = [](std::string system, Subject &subject) {
    Contender contender;
    contender.system = std::move(system);
    contender.subject = &subject;
    contender.time = [&subject](double warm, double seconds,
                                int64_t least) -> Result<StepTimes> {
      return timeSteps([&subject] { subject.step(); }, warm, seconds, least);
    };
    return contender;
  };
  std::vector<Contender> contenders;
  contenders.push_back(ofOurs("rnnc", subject));
  std::unique_ptr<Subject> reference;
  if (row.reference.is_object()) {
    BenchWay way = row.way;
    way.precision = row.reference.value("precision", way.precision);
    // Without cells of its own it is the text as it stands, or the same cells
    // in another precision.
    Json cells = row.reference.value(
        "cell", row.reference.contains("precision") ? Json() : Json::object());
    auto other = subjectOf(row, way, cells);
    if (!other)
      return other.error();
    reference = std::move(*other);
    contenders.push_back(
        ofOurs("rnnc-" + textOf(row.reference, "name"), *reference));
  }
  addPeers(row, check, contenders);

  double scale = line.has("seconds") ? *parseReal(*line.get("seconds")) : 1;
  for (int turn = 0; turn < kTurns; ++turn)
    for (Contender &contender : contenders) {
      if (!contender.time)
        continue;
      auto times = contender.time((turn == 0 ? 0.3 : 0.1) * scale, 0.4 * scale,
                                  3);
      if (rememberedSignal() != 0)
        return {};
      if (!times) {
        console.talk("rnnc: " + contender.system + " is left out of " +
                     row.name + ": " + times.error().message);
        contender.time = nullptr;
        continue;
      }
      contender.medians.push_back(times->quantile(0.5));
      contender.all.samples.insert(contender.all.samples.end(),
                                   times->samples.begin(),
                                   times->samples.end());
      contender.all.count += times->count;
    }
  std::erase_if(contenders,
                [](const Contender &contender) { return !contender.time; });
  report(row, contenders);
  return {};
}

void SuiteRun::report(const SuiteRow &row,
                      const std::vector<Contender> &contenders) {
  const Contender &ours = contenders.front();
  std::vector<std::string> texts = rowText(*ours.subject, ours.all);
  texts[0] = row.name;
  texts.erase(texts.begin() + 1, texts.begin() + 3); // the name says B and T
  std::map<std::string, std::string> cells;
  std::string said = row.name + ", " + std::to_string(row.way.threads) +
                     (row.way.threads == 1 ? " thread: " : " threads: ") +
                     shortTime(ours.all.quantile(0.5));
  for (const Contender &contender : contenders) {
    bool first = &contender == &ours;
    Json json;
    if (contender.subject) {
      json = rowJson(row.name, *contender.subject, contender.all);
    } else {
      json = rowJson(row.name, *ours.subject, contender.all);
      json["compile_ms"] = contender.compileMs;
      json.erase("stages");
      json["memory"] = nullptr;
    }
    json["system"] = contender.system;
    json["group"] = row.group;
    if (!first) {
      double ratio = contender.ratioTo(ours);
      json["ratio"] = ratio;
      char text[64];
      std::snprintf(text, sizeof text, "%.2f", ratio);
      if (contender.subject && contender.subject->flops() &&
          ours.subject->flops()) {
        // Our time for a multiply-add over that of the reference.
        double each = *contender.subject->flops() / *ours.subject->flops() /
                      ratio;
        json["per_flop"] = each;
        if (contender.subject->way().precision == ours.subject->way().precision)
          std::snprintf(text, sizeof text, "%.2f per flop", each);
      }
      cells[contender.system] = text;
      if (std::find(systems.begin(), systems.end(), contender.system) ==
          systems.end())
        systems.push_back(contender.system);
      said += ", " + contender.system + " " + text;
    }
    found.push_back(std::move(json));
  }
  console.talk(said);
  shown.emplace_back(std::move(texts), std::move(cells));
}

void SuiteRun::notMeasured(const SuiteRow &row, const std::string &why) {
  Json json = {{"name", row.name},
               {"system", "rnnc"},
               {"group", row.group},
               {"mode", row.way.mode},
               {"precision", row.way.precision},
               {"threads", row.way.threads},
               {"batch", row.way.batch},
               {"length", row.way.length},
               {"step_ms", nullptr},
               {"why", why}};
  found.push_back(std::move(json));
  shown.push_back({{row.name, std::to_string(row.way.threads),
                    row.way.precision, "not built"},
                   {}});
}

std::string SuiteRun::text() const {
  Columns columns;
  std::vector<std::string> titles = rowTitles();
  titles[0] = "row";
  titles.erase(titles.begin() + 1, titles.begin() + 3);
  size_t width = titles.size();
  titles.insert(titles.end(), systems.begin(), systems.end());
  columns.add(titles);
  for (const auto &[texts, cells] : shown) {
    std::vector<std::string> row = texts;
    row.resize(width);
    for (const std::string &system : systems) {
      auto it = cells.find(system);
      row.push_back(it == cells.end() ? "-" : it->second);
    }
    columns.add(std::move(row));
  }
  return columns.text();
}

Result<int> SuiteRun::run() {
  if (auto done = checkOptions(); !done)
    return done.error();
  if (auto done = read(); !done)
    return done.error();
  if (auto done = choose(); !done)
    return done.error();
  rememberSignals();
  for (const SuiteRow &row : rows) {
    if (auto done = measure(row); !done) {
      const auto &diagnostics = done.error().diagnostics;
      if (!diagnostics.empty() && diagnostics.front().id == "unsupported") {
        notMeasured(row, done.error().message);
      } else {
        status = std::max<int>(status, console.fail(done.error()));
        notMeasured(row, done.error().message);
      }
    }
    if (int signal = rememberedSignal()) {
      status = signal == SIGTERM ? StatusTerminate : StatusInterrupt;
      break;
    }
  }
  console.object["machine"] = machineJson();
  console.object["rows"] = found;
  return console.print(text()) ? status : StatusInput;
}

Result<int> driver::benchSuite(const CommandLine &line, Console &console) {
  return SuiteRun(line, console).run();
}
