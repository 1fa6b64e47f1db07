//===- Compile.cpp - rnnc compile -----------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints the result of a stage, or compiles everything and reports.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Host.h"
#include "compiler/driver/Output.h"
#include "compiler/driver/Plans.h"
#include "compiler/driver/Project.h"
#include "compiler/driver/Work.h"
#include "runtime/Progress.h"

#include <sstream>

using namespace rnnc;
using namespace rnnc::driver;

static int listStages(Console &console) {
  std::string text;
  Json list = Json::array();
  for (const Stage &stage : stages()) {
    std::string name = stage.name.str();
    name.resize(6, ' ');
    std::string format = stage.format.str();
    format.resize(8, ' ');
    text += name + format + stage.summary.str() + "\n";
    list.push_back({{"name", stage.name.str()},
                    {"format", stage.format.str()},
                    {"summary", stage.summary.str()}});
  }
  console.object["stages"] = list;
  return console.print(text) ? StatusDone : StatusInput;
}

static const Stage *findStage(const std::string &name) {
  for (const Stage &stage : stages())
    if (stage.name == name)
      return &stage;
  return nullptr;
}

/// "a,b" as its parts.
static std::vector<std::string> listOf(const std::string &text) {
  std::vector<std::string> parts;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, ',');)
    if (!part.empty())
      parts.push_back(part);
  return parts;
}

/// A text about times and memory.
static std::string report(const Code &code, const Memory &memory, int64_t batch,
                          int64_t length, const rt::Cut *cut) {
  std::ostringstream out;
  out.setf(std::ios::fixed);
  out.precision(1);
  for (const auto &[stage, ms] : code.timings())
    out << stage << std::string(stage.size() < 10 ? 10 - stage.size() : 1, ' ')
        << ms << " ms\n";
  out << "in all    " << code.milliseconds() << " ms\n\n";
  out << "one step at B = " << batch << ", T = " << length << ":\n";
  out << "parameters  " << rt::humanBytes(memory.parameters) << "\n"
      << "optimizer   " << rt::humanBytes(memory.optimizer) << "\n"
      << "state       " << rt::humanBytes(memory.state) << "\n"
      << "arena       " << rt::humanBytes(memory.arena) << "\n";
  if (memory.saved >= 0)
    out << "  saved     " << rt::humanBytes(memory.saved) << "\n";
  out << "peak        " << rt::humanBytes(memory.peak()) << "\n";
  if (cut)
    out << "pieces      " << cut->pieces << " of " << cut->steps << " steps, "
        << cut->states << (cut->states == 1 ? " state" : " states")
        << " kept"
        << (memory.recomputes ? ", cheap values computed again\n" : "\n")
        << "extra work  " << memory.extraWork * 100 << " %\n";
  return out.str();
}

namespace {
/// One call of the command.
class CompileRun {
public:
  CompileRun(const CommandLine &line, Console &console)
      : line(line), console(console), settings(line) {}

  int run() {
    auto status = compile();
    if (!status)
      return console.fail(status.error());
    return *status;
  }

private:
  const CommandLine &line;
  Console &console;
  Settings settings;
  std::shared_ptr<Spec> spec;
  std::unique_ptr<hir::Model> model;
  std::shared_ptr<Code> code;

  Result<int> compile();
  Result<void> analyze();
  /// What a step takes at these extents, and how it is made if in pieces.
  Result<Memory> measure(bool trains, const CodeOptions &options);
  std::optional<rt::Cut> cut;
  Result<int> show(const Stage &stage);
  Result<void> write(const std::string &text) {
    return writeOutput(line.get("output").value_or("-"), text, console);
  }
  void describe(const Memory &memory) {
    Json list = Json::array();
    for (const auto &[name, ms] : code->timings()) {
      const Stage *stage = findStage(name);
      list.push_back({{"name", name},
                      {"format", stage ? stage->format.str() : ""},
                      {"ms", ms}});
    }
    console.object["compile_ms"] = code->milliseconds();
    console.object["stages"] = list;
    console.object["memory"] = memoryJson(memory, std::nullopt);
  }
};
} // namespace

Result<void> CompileRun::analyze() {
  std::vector<Message> warnings;
  AnalyzeOptions options;
  options.sizes = settings.sizes();
  options.checkAll = false;
  auto first = spec->analyze(settings, options, warnings);
  if (!first)
    return first.error();
  if (!*first)
    return makeError("no-model", "'" + line.operands.front() +
                                     "' has no model, and compile needs one");
  if (auto known = settings.readModel(**first); !known)
    return known.error();
  options.stream = settings.flag("stream") || settings.get("window");
  options.sizes = settings.sizes();
  options.needSizes = true;
  warnings.clear();
  auto second = spec->analyze(settings, options, warnings);
  if (!second)
    return second.error();
  model = std::move(*second);
  for (const Message &warning : warnings)
    console.say(warning);
  return {};
}

Result<int> CompileRun::show(const Stage &stage) {
  if (stage.name == "obj") {
    if (auto run = code->runTo("llvm"); !run)
      return run.error();
    auto object = code->emit("object");
    if (!object)
      return object.error();
    std::string path = line.get("output").value_or("-");
    if (auto done = write(*object); !done)
      return done.error();
    if (path != "-") {
      std::string header =
          path.ends_with(".o") ? path.substr(0, path.size() - 2) : path;
      if (auto done = writeOutput(header + ".h",
                                  objectHeader(*code, model->name), console);
          !done)
        return done.error();
    }
    return StatusDone;
  }
  bool text = stage.format == "llvm" || stage.format == "asm";
  if (auto run = code->runTo(text ? "llvm" : stage.name.str()); !run)
    return run.error();
  if (!text) {
    if (auto done = write(code->moduleText()); !done)
      return done.error();
    return StatusDone;
  }
  auto emitted = code->emit(stage.format.str());
  if (!emitted)
    return emitted.error();
  if (auto done = write(*emitted); !done)
    return done.error();
  return StatusDone;
}

Result<Memory> CompileRun::measure(bool trains, const CodeOptions &options) {
  int64_t batch = options.pipeline.batch, length = options.pipeline.length;
  std::map<std::string, int64_t> extents;
  for (const hir::Axis &axis : model->axes)
    extents[axis.name] = length;
  extents["B"] = batch;
  const char *entry = trains ? "train" : "forward";
  if (!code->info("update")) {
    Memory memory = memoryOf(*code, entry, extents, length);
    if (trains && code->plannedModule())
      if (auto work = countWork(code->plannedModule(), "train", extents))
        memory.saved = work->savedBytes;
    return memory;
  }
  Weights weights;
  auto values = code->initial(1);
  if (!values)
    return values.error();
  weights.tensors = std::move(*values);
  auto team = std::make_shared<Team>(1);
  auto update = Call::create(code, "update", team);
  if (!update)
    return update.error();
  if (auto done = weights.bind(*update); !done)
    return done.error();
  auto leaner = [&](int64_t price) -> Result<std::shared_ptr<Code>> {
    CodeOptions own = options;
    own.pipeline.saveCost = price;
    auto made = Code::generate(*spec, *model, own);
    if (!made)
      return made.error();
    if (auto done = (*made)->runTo("time"); !done)
      return done.error();
    return made;
  };
  auto plans = Plans::create(code, leaner, weights, team, *update);
  if (!plans)
    return plans.error();
  if (auto done = update->resize(extents); !done)
    return done.error();
  std::string asked = settings.text("memory-budget", "0");
  auto budget = rt::parseSize(asked);
  auto done = (*plans)->plan(extents, budget ? *budget : 0, asked);
  for (const Message &remark : (*plans)->takeMessages())
    console.say(remark);
  if (!done)
    return done.error();
  cut = (*plans)->now().cut();
  return (*plans)->now().memory();
}

Result<int> CompileRun::compile() {
  std::optional<std::string> emit = line.get("emit");
  const Stage *stage = emit ? findStage(*emit) : nullptr;
  if (emit && !stage) {
    std::vector<std::string> names;
    for (const Stage &known : stages())
      names.push_back(known.name.str());
    std::string near = nearestName(*emit, names);
    return usageError("unknown stage '" + *emit + "'",
                      near.empty() ? "see rnnc compile --list-stages"
                                   : "did you mean '" + near + "'?");
  }
  if (line.has("list-stages"))
    return listStages(console);
  if (line.operands.empty())
    return usageError("'rnnc compile' needs SPEC", "see rnnc help compile");
  if (!emit && line.has("output"))
    return usageError("-o is for what --emit=STAGE writes",
                      "the report goes to stdout");
  if (emit && console.json && line.get("output").value_or("-") == "-")
    return usageError("--json and --emit both want stdout", "add -o FILE");

  std::vector<Message> warnings;
  auto loaded = Spec::load(line.operands.front(), settings,
                           MessageOptions::of(console), warnings);
  if (!loaded)
    return loaded.error();
  spec = *loaded;
  for (const Message &warning : warnings)
    console.say(warning);
  if (stage && stage->name == "ast") {
    std::ostringstream text;
    ast::print(text, spec->program().main());
    if (auto done = write(text.str()); !done)
      return done.error();
    return StatusDone;
  }
  if (auto done = analyze(); !done)
    return done.error();

  auto options = CodeOptions::of(settings);
  if (!options)
    return options.error();
  options->stream = settings.flag("stream") || settings.get("window");
  for (const std::string &axis : listOf(settings.text("ragged", "")))
    options->ragged.insert(axis);
  bool trains = !model->losses.empty();
  auto inPieces = wantsPieces(settings);
  if (!inPieces)
    return inPieces.error();
  const std::string train = *inPieces ? "split" : "train";
  std::vector<std::string> &entries = options->pipeline.entries;
  entries = listOf(settings.text("entries", ""));
  if (entries.empty())
    entries = !trains ? std::vector<std::string>{"forward"}
              : stage
                  ? std::vector<std::string>{"forward", "eval", "grad", train}
                  : std::vector<std::string>{train};
  for (const std::string &entry : entries)
    if (entry != "forward" && entry != "eval" && entry != "grad" &&
        entry != "train" && entry != "split")
      return usageError("unknown entry '" + entry +
                        "'; expected forward, eval, grad, train or split");
  if (stage)
    options->target.prefix = model->name;
  auto made = Code::generate(*spec, *model, *options);
  if (!made)
    return made.error();
  code = *made;

  int status = StatusDone;
  Memory memory;
  if (stage) {
    auto shown = show(*stage);
    for (const Message &remark : code->remarks())
      console.say(remark);
    if (!shown)
      return shown.error();
    status = *shown;
    describe(memory);
    return status;
  }
  auto done = code->load();
  for (const Message &remark : code->remarks())
    console.say(remark);
  if (!done)
    return done.error();
  int64_t batch = options->pipeline.batch, length = options->pipeline.length;
  auto takes = measure(trains, *options);
  if (!takes)
    return takes.error();
  memory = *takes;
  describe(memory);
  if (!console.print(
          report(*code, memory, batch, length, cut ? &*cut : nullptr)))
    return StatusInput;
  return status;
}

int driver::compileCommand(const CommandLine &line, Console &console) {
  return CompileRun(line, console).run();
}
