//===- Bench.cpp - rnnc bench ---------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Times a model: every mode, precision, number of threads, batch and length
// that was asked for is a row.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/BenchLists.h"
#include "compiler/driver/Commands/BenchSuite.h"
#include "compiler/driver/Commands/BenchTable.h"
#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Signals.h"

#include <csignal>

using namespace rnnc;
using namespace rnnc::driver;

namespace {
/// One call of the command, without --suite.
class BenchRun {
public:
  BenchRun(const CommandLine &line, Console &console)
      : line(line), console(console), settings(line) {}
  Result<int> run();

private:
  const CommandLine &line;
  Console &console;
  Settings settings;
  std::shared_ptr<Spec> spec;
  Columns table;
  Json rows = Json::array();

  Result<void> open();
  Result<void> measure(const BenchWay &way);
};
} // namespace

Result<void> BenchRun::open() {
  std::vector<Message> warnings;
  auto loaded = Spec::load(line.operands.front(), settings,
                           MessageOptions::of(console), warnings);
  if (!loaded)
    return loaded.error();
  spec = *loaded;
  // Warnings and missing sizes once, not once a row.
  auto project = Project::create(spec, settings, warnings);
  if (!project)
    return project.error();
  for (const Message &warning : warnings)
    console.say(warning);
  if (auto model = (*project)->analyzed(false, false); !model)
    return model.error();
  return {};
}

Result<void> BenchRun::measure(const BenchWay &way) {
  std::vector<Message> said;
  auto made =
      Subject::create(spec, settings, way, BenchValues::Natural, said);
  if (settings.flag("remarks"))
    for (const Message &message : said)
      if (message.severity == "remark")
        console.say(message);
  if (!made)
    return made.error();
  Subject &subject = **made;
  for (const auto &[stage, ms] : subject.stages())
    console.detail(way.mode + ": stage " + stage + ": " + shortTime(ms));
  double seconds = settings.real("seconds", 1);
  StepTimes times = timeSteps([&] { subject.step(); }, 0.3 * seconds, seconds,
                              7);
  if (rememberedSignal() != 0)
    return {};
  table.add(rowText(subject, times));
  rows.push_back(rowJson(spec->stem(), subject, times));
  return {};
}

Result<int> BenchRun::run() {
  auto ways = waysOf(line);
  if (!ways)
    return ways.error();
  if (line.operands.empty())
    return usageError("'rnnc bench' needs SPEC, or --suite",
                      "see rnnc help bench");
  for (const char *name : {"systems", "python", "peer"})
    if (line.has(name))
      return usageError("--" + std::string(name) + " is for --suite");
  // What rows share; each sets its own of these.
  for (const char *name : {"mode", "batch", "length", "threads", "precision"})
    settings.given.erase(name);
  if (auto done = open(); !done)
    return done.error();
  table.add(rowTitles());
  rememberSignals();
  bool chosen = line.has("mode");
  std::string leftOut;
  for (const BenchWay &way : *ways) {
    if (way.mode == leftOut)
      continue;
    if (auto done = measure(way); !done) {
      // Not every model can be trained or streamed; who asked for it is told.
      if (chosen || way.mode == "infer")
        return done.error();
      console.talk("rnnc: " + way.mode +
                   " is left out: " + done.error().message);
      leftOut = way.mode;
    }
    if (int signal = rememberedSignal())
      return signal == SIGTERM ? StatusTerminate : StatusInterrupt;
  }
  console.object["machine"] = machineJson();
  console.object["rows"] = rows;
  return console.print(table.text()) ? StatusDone : StatusInput;
}

int driver::benchCommand(const CommandLine &line, Console &console) {
  auto status = line.has("suite") ? benchSuite(line, console)
                                  : BenchRun(line, console).run();
  return status ? *status : console.fail(status.error());
}
