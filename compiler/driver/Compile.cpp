//===- Compile.cpp - From text to callable code ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Compile.h"
#include "compiler/driver/Arrays.h"
#include "compiler/driver/Host.h"
#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/Interpreter/Interpreter.h"
#include "frontends/rnn/Diagnostics.h"
#include "frontends/rnn/MLIRGen.h"
#include "frontends/rnn/Sema.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "rnnrt/team.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <sstream>
#include <tuple>

using namespace rnnc;
using namespace rnnc::driver;

//===----------------------------------------------------------------------===//
// Messages
//===----------------------------------------------------------------------===//

MessageOptions MessageOptions::of(const Console &console) {
  return {console.maxErrors, console.denyWarnings, console.color,
          console.allowed};
}

static DiagnosticOptions engineOptions(const MessageOptions &messages) {
  DiagnosticOptions options;
  options.maxErrors = messages.maxErrors;
  options.denyWarnings = messages.denyWarnings;
  options.allow.insert(messages.allowed.begin(), messages.allowed.end());
  return options;
}

std::vector<Message> driver::collect(const DiagnosticEngine &engine,
                                     bool color) {
  std::vector<Message> result;
  unsigned errors = 0;
  for (const auto &from : engine.sorted()) {
    Message to;
    PresumedLoc place = engine.getSources().locate(from.caret);
    if (place.file) {
      to.file = place.file->getName();
      to.line = place.line;
      to.column = place.column;
    }
    errors += from.severity == Severity::Error;
    to.severity = toString(from.severity);
    to.id = from.id;
    to.message = from.message;
    to.help = from.helpText;
    for (const auto &note : from.notes) {
      PresumedLoc at = engine.getSources().locate(note.range.begin);
      to.notes.push_back({at.file ? at.file->getName() : "", at.line, at.column,
                          note.message});
    }
    std::ostringstream text;
    printDiagnostic(text, engine.getSources(), from, color);
    to.text = text.str();
    result.push_back(std::move(to));
  }
  if (engine.errorCount() > errors && errors > 0 &&
      engine.getOptions().maxErrors == errors) {
    Message rest;
    rest.severity = "remark";
    rest.id = "max-errors";
    rest.message = std::to_string(engine.errorCount() - errors) +
                   " more errors not shown; see --max-errors";
    result.push_back(rest);
  }
  return result;
}

Error driver::errorOf(std::vector<Message> messages) {
  Error error;
  for (const Message &message : messages)
    if (message.severity == "error") {
      error.message = (message.file.empty()
                           ? ""
                           : message.file + ":" + std::to_string(message.line) +
                                 ":" + std::to_string(message.column) + ": ") +
                      message.message;
      break;
    }
  if (error.message.empty())
    error.message = "the text is at fault";
  error.diagnostics = std::move(messages);
  return error;
}

//===----------------------------------------------------------------------===//
// Spec
//===----------------------------------------------------------------------===//

static LoadOptions loadOptions(const Settings &settings) {
  LoadOptions options;
  options.importPaths = settings.includes;
  options.extraImports = settings.imports;
  return options;
}

Result<std::shared_ptr<Spec>> Spec::finish(std::shared_ptr<Spec> spec,
                                           DiagnosticEngine &engine,
                                           std::vector<Message> &warnings) {
  std::vector<Message> messages = collect(engine, spec->wanted.color);
  if (engine.hasErrors() || !spec->parsed)
    return errorOf(std::move(messages));
  warnings.insert(warnings.end(), messages.begin(), messages.end());
  return spec;
}

Result<std::shared_ptr<Spec>> Spec::load(const std::string &path,
                                         const Settings &settings,
                                         const MessageOptions &messages,
                                         std::vector<Message> &warnings) {
  auto spec = std::make_shared<Spec>();
  spec->wanted = messages;
  spec->path = path;
  DiagnosticEngine engine(*spec->manager, engineOptions(messages));
  spec->parsed =
      loadProgram(path, loadOptions(settings), *spec->manager, engine);
  return finish(std::move(spec), engine, warnings);
}

Result<std::shared_ptr<Spec>> Spec::loadText(const std::string &name,
                                             std::string text,
                                             const Settings &settings,
                                             const MessageOptions &messages,
                                             std::vector<Message> &warnings) {
  auto spec = std::make_shared<Spec>();
  spec->wanted = messages;
  spec->path = name;
  DiagnosticEngine engine(*spec->manager, engineOptions(messages));
  spec->parsed = loadProgramText(name, std::move(text), loadOptions(settings),
                                 *spec->manager, engine);
  return finish(std::move(spec), engine, warnings);
}

std::string Spec::stem() const {
  if (path == "-")
    return "stdin";
  std::string stem = std::filesystem::path(path).stem().string();
  return stem.empty() ? "model" : stem;
}

Result<std::unique_ptr<hir::Model>>
Spec::analyze(const Settings &settings, const AnalyzeOptions &options,
              std::vector<Message> &warnings) const {
  DiagnosticEngine engine(*manager, engineOptions(wanted));
  SemaOptions sema;
  sema.sets = options.sizes;
  sema.cells = settings.cell;
  sema.model = settings.text("model", "");
  sema.stream = options.stream;
  sema.streamed = options.streamed;
  sema.needSizes = options.needSizes;
  sema.needLoss = options.needLoss;
  sema.checkAll = options.checkAll;
  std::unique_ptr<hir::Model> model = rnnc::analyze(*parsed, sema, engine);
  std::vector<Message> messages = collect(engine, wanted.color);
  if (engine.hasErrors())
    return errorOf(std::move(messages));
  warnings.insert(warnings.end(), messages.begin(), messages.end());
  return model;
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

Result<CodeOptions> CodeOptions::of(const Settings &settings) {
  CodeOptions options;
  std::string precision = settings.text("precision", "f32");
  options.f64 = precision == "f64";
  options.remarks = settings.flag("remarks");
  PipelineOptions &pipeline = options.pipeline;
  pipeline.batch = settings.whole("batch", 32);
  pipeline.length = settings.whole("length", 64);
  pipeline.threads = settings.whole("threads", rnnrt_usable_cores());
  std::string unroll = settings.text("unroll", "none");
  if (unroll == "full")
    pipeline.unroll = -1;
  else if (auto steps = parseWhole(unroll); steps && *steps > 0)
    pipeline.unroll = *steps;
  else if (unroll != "none")
    return usageError("--unroll expects none, a whole number or full, found '" +
                      unroll + "'");
  pipeline.optimizer = settings.text("optimizer", "adam");
  pipeline.momentum = settings.real("momentum", 0);
  pipeline.weightDecay = settings.real("weight-decay", 0);
  pipeline.clipNorm = settings.real("clip-norm", 5);
  pipeline.clipValue = settings.real("clip-value", 0);
  pipeline.inputGradients = settings.flag("input-grad");
  options.target.cpu = settings.text("target-cpu", "native");
  options.target.cacheDir = settings.flag("no-cache")
                                ? ""
                                : settings.text("cache-dir", cacheFolder());
  pipeline.vectorBits = vectorBits(options.target);
  pipeline.bf16 = precision == "bf16";
  pipeline.hasPairs = hasPairs(options.target);
  return options;
}

/// MLIR writes a remark as `[Passed] joined | Category:x | Remark="text"`: its
/// word and its text.
static std::pair<std::string, std::string>
remarkText(const std::string &message) {
  llvm::StringRef rest = message;
  size_t text = rest.find("Remark=\"");
  size_t bracket = rest.find("] ");
  if (!rest.starts_with("[") || text == llvm::StringRef::npos ||
      bracket == llvm::StringRef::npos)
    return {"remark", message};
  llvm::StringRef id = rest.substr(bracket + 2).take_until([](char c) {
    return c == ' ' || c == '|';
  });
  llvm::StringRef shown = rest.substr(text + 8);
  return {id.str(), shown.substr(0, shown.rfind('"')).str()};
}

namespace {
/// Where a message of MLIR belongs in the text, and what more it points at.
struct Places {
  SourceRange first;
  /// Where other ops of the same remark were written.
  std::vector<SourceRange> others;
  /// Where the loops stand that the op is in.
  std::vector<SourceRange> loops;
};
} // namespace

/// The place in the text that a location with a file names; an invalid one if
/// the file is none of the program's.
static SourceRange rangeOf(const Program &program, mlir::FileLineColLoc place) {
  for (const auto &unit : program.units)
    if (unit->file && unit->file->getName() == place.getFilename().getValue() &&
        place.getLine() > 0) {
      size_t start = unit->file->lineStart(place.getLine());
      return SourceRange(
          unit->file->locAt(start + std::max(place.getColumn(), 1u) - 1));
    }
  return {};
}

/// Reads a location: parts of a fused one are equals, the caller of a call site
/// is a loop.
static void findPlaces(const Program &program, mlir::Location location,
                       bool isLoop, Places &places) {
  if (auto fused = mlir::dyn_cast<mlir::FusedLoc>(location)) {
    for (mlir::Location part : fused.getLocations())
      findPlaces(program, part, isLoop, places);
  } else if (auto named = mlir::dyn_cast<mlir::NameLoc>(location)) {
    findPlaces(program, named.getChildLoc(), isLoop, places);
  } else if (auto call = mlir::dyn_cast<mlir::CallSiteLoc>(location)) {
    findPlaces(program, call.getCallee(), isLoop, places);
    findPlaces(program, call.getCaller(), /*isLoop=*/true, places);
  } else if (auto place = mlir::dyn_cast<mlir::FileLineColLoc>(location)) {
    SourceRange range = rangeOf(program, place);
    if (!range.isValid())
      return;
    if (isLoop)
      places.loops.push_back(range);
    else if (!places.first.isValid())
      places.first = range;
    else if (range.begin != places.first.begin)
      places.others.push_back(range);
  }
}

static Places placesOf(const Program &program, mlir::Location location) {
  Places places;
  findPlaces(program, location, /*isLoop=*/false, places);
  return places;
}

/// Adds a note unless it is there.
static void addNote(Diagnostic &message, SourceRange at,
                    const std::string &text) {
  for (const Diagnostic::Note &note : message.notes)
    if (note.range.begin == at.begin && note.message == text)
      return;
  message.note(at, text);
}

/// Runs a function and keeps what MLIR says meanwhile. A failure is an Error
/// with the errors said; without any, it is our fault.
template <class Function> Result<void> Code::collecting(Function &&function) {
  DiagnosticEngine engine(spec->sources(), engineOptions(spec->messages()));
  std::mutex mutex;
  // Passes run several times, and a cell may stand in several loops.
  std::map<std::tuple<SourceLoc, std::string, std::string>, Diagnostic *> known;
  auto remark = [&](SourceRange at,
                    const std::string &message) -> Diagnostic & {
    auto [id, text] = remarkText(message);
    Diagnostic *&place = known[{at.begin, id, text}];
    if (!place)
      place = &engine.remark(at, id, text);
    return *place;
  };
  mlir::ScopedDiagnosticHandler handler(
      context.get(), [&](mlir::Diagnostic &message) {
        std::lock_guard lock(mutex);
        Places places = placesOf(spec->program(), message.getLocation());
        auto add = [&]() -> Diagnostic & {
          switch (message.getSeverity()) {
          case mlir::DiagnosticSeverity::Error:
            return engine.error(places.first, "compile", message.str());
          case mlir::DiagnosticSeverity::Warning:
            return engine.warning(places.first, "compile", message.str());
          default:
            return remark(places.first, message.str());
          }
        };
        Diagnostic &added = add();
        for (mlir::Diagnostic &note : message.getNotes())
          if (Places at = placesOf(spec->program(), note.getLocation());
              at.first.isValid())
            addNote(added, at.first, note.str());
        for (SourceRange other : places.others)
          addNote(added, other, "and this");
        for (SourceRange loop : places.loops)
          addNote(added, loop, "in this loop over time");
        return mlir::success();
      });
  bool succeeded = function();
  std::vector<Message> messages = collect(engine, spec->messages().color);
  if (succeeded) {
    for (Message &message : messages)
      if (message.severity != "remark" || options.remarks)
        said.push_back(std::move(message));
    return {};
  }
  if (!engine.hasErrors())
    return internalError("a pass failed without a message");
  // The text was right, so an error of a pass is ours.
  Error error = errorOf(std::move(messages));
  error.diagnostics.push_back(
      internalError("the compiler failed").diagnostics.front());
  return error;
}

Code::~Code() = default;

static double since(double start) { return (steadySeconds() - start) * 1000; }

static GenOptions genOptions(const CodeOptions &options) {
  GenOptions gen;
  gen.stream = options.stream;
  gen.f64 = options.f64;
  gen.ragged = options.ragged;
  gen.evaluationLoss = options.evaluationLoss;
  return gen;
}

Result<std::shared_ptr<Code>> Code::generate(const Spec &spec,
                                             const hir::Model &model,
                                             const CodeOptions &options) {
  std::shared_ptr<Code> code(new Code);
  code->spec = &spec;
  code->options = options;
  double start = steadySeconds();
  mlir::DialectRegistry registry;
  registerDialects(registry);
  code->context = std::make_unique<mlir::MLIRContext>(
      registry, mlir::MLIRContext::Threading::DISABLED);
  code->context->loadAllAvailableDialects();
  if (options.remarks) {
    mlir::remark::RemarkCategories categories;
    categories.passed = categories.missed = ".*";
    categories.analysis = categories.failed = ".*";
    // Remarks come as diagnostics; there is nothing else to write them to.
    if (failed(mlir::remark::enableOptimizationRemarks(
            *code->context, nullptr,
            std::make_unique<mlir::remark::RemarkEmittingPolicyAll>(),
            categories, /*printAsEmitRemarks=*/true)))
      return internalError("remarks cannot be enabled");
  }
  Result<void> done = code->collecting([&] {
    code->original = rnnc::generate(*code->context, model, spec.sources(),
                                    genOptions(options));
    return bool(code->original);
  });
  if (!done)
    return done.error();
  code->working = code->original->clone();
  code->times.emplace_back("rnn", since(start));
  return code;
}

Result<void> Code::runTo(const std::string &last) {
  if (last == "ast" || last == "rnn")
    return {};
  return collecting([&] {
    bool before = !reached.empty();
    for (const Stage &stage : stages()) {
      // Goes on after the stage that ran last.
      if (std::exchange(before, before && stage.name != reached))
        continue;
      if (stage.build) {
        double start = steadySeconds();
        mlir::PassManager pm(context.get());
        // rnn-opt and debug builds verify after each pass.
#ifdef NDEBUG
        pm.enableVerifier(false);
#endif
        stage.build(pm, options.pipeline);
        if (failed(pm.run(*working)))
          return false;
        times.emplace_back(stage.name.str(), since(start));
        reached = stage.name.str();
        // Later stages have no tensors left to describe.
        if (stage.name == "grad" || stage.name == "time")
          described = describeEntries(*working);
        if (stage.name == "time")
          notePieces();
      }
      if (stage.name == last)
        break;
    }
    return true;
  });
}

/// Keeps what is to be known of a training step, and of what is cut.
void Code::notePieces() {
  if (!working->lookupSymbol("after") && !working->lookupSymbol("train"))
    return;
  planned = working->clone();
  if (auto reason = (*working)->getAttrOfType<mlir::StringAttr>("rnn.whole"))
    whole = reason.str();
  if (auto at = (*working)->getAttrOfType<mlir::LocationAttr>("rnn.whole_at")) {
    Places places = placesOf(spec->program(), at);
    if (!places.first.isValid())
      return;
    PresumedLoc place = spec->sources().locate(places.first.begin);
    wholeAt.file = place.file ? place.file->getName() : "";
    wholeAt.line = place.line;
    wholeAt.column = place.column;
  }
}

std::string Code::moduleText() {
  std::string text;
  llvm::raw_string_ostream os(text);
  working->print(os);
  if (!text.empty() && text.back() != '\n')
    text += '\n';
  return text;
}

Result<std::string> Code::emit(const std::string &format) {
  double start = steadySeconds();
  llvm::Expected<std::string> text =
      format == "llvm"  ? emitLLVM(*working, options.target)
      : format == "asm" ? emitAssembly(*working, options.target)
                        : emitObject(*working, options.target);
  if (!text)
    return makeError("target", llvm::toString(text.takeError()));
  times.emplace_back(format == "object" ? "obj" : format, since(start));
  return std::move(*text);
}

Result<void> Code::load() {
  options.pipeline.linkedKernels = hasLinkedKernels(options.target);
  Result<void> run = runTo("llvm");
  if (!run)
    return run;
  double start = steadySeconds();
  auto made = Executable::create(*working, options.target);
  if (!made)
    return makeError("target", llvm::toString(made.takeError()));
  executable = std::move(*made);
  times.emplace_back("obj", since(start));
  return {};
}

double Code::milliseconds() const {
  double sum = 0;
  for (const auto &[stage, ms] : times)
    sum += ms;
  return sum;
}

const EntryInfo *Code::info(const std::string &entry) const {
  for (const EntryInfo &info : described)
    if (info.name == entry)
      return &info;
  return nullptr;
}

Executable::Entry Code::entry(const std::string &name) const {
  return executable ? executable->entry(name) : nullptr;
}

Executable::Threads Code::threads(const std::string &name) const {
  return executable ? executable->threads(name) : nullptr;
}

Executable::ArenaBytes Code::arena(const std::string &name) const {
  return executable ? executable->arenaBytes(name) : nullptr;
}
int64_t Code::preparedBytes(const std::string &name) const {
  return executable ? executable->preparedBytes(name) : 0;
}

/// Runs the function of a generated module that makes the parameters.
static Result<std::vector<rt::NamedTensor>> runInit(mlir::ModuleOp module,
                                                    int64_t seed) {
  auto function = module.lookupSymbol<mlir::func::FuncOp>("init");
  if (!function)
    return internalError("the module has no function 'init'");
  auto values = rnn::interpret(function, {rnn::Array::key(seed)});
  if (!values)
    return internalError(llvm::toString(values.takeError()));
  std::vector<rt::NamedTensor> result;
  for (auto [i, value] : llvm::enumerate(*values)) {
    auto arg = function.getResultAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
    result.push_back(
        {arg ? arg.getName().str() : std::to_string(i), toTensor(value)});
  }
  return result;
}

Result<std::vector<rt::NamedTensor>> Code::initial(int64_t seed) {
  return runInit(*original, seed);
}

Result<std::vector<rt::NamedTensor>>
driver::initialValues(const Spec &spec, const hir::Model &model,
                      const CodeOptions &options, int64_t seed) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  // An error of the graph is said by whoever makes the code from it.
  mlir::ScopedDiagnosticHandler handler(
      &context, [](mlir::Diagnostic &) { return mlir::success(); });
  auto module =
      rnnc::generate(context, model, spec.sources(), genOptions(options));
  if (!module)
    return internalError("no module to draw the parameters with");
  return runInit(*module, seed);
}
