//===- Run.cpp - Run folders as models ------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Run.h"
#include "compiler/driver/Host.h"
#include "runtime/AtomicFile.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::driver;
namespace fs = std::filesystem;

bool driver::isRunFolder(const std::string &path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

static std::string absolute(const std::string &path) {
  std::error_code ignored;
  if (path.empty() || path == "-")
    return path;
  fs::path full = fs::absolute(path, ignored);
  return full.empty() ? path : full.lexically_normal().string();
}

/// `[INPUT=]FILE[#FIELD]` with the whole path of FILE.
static std::string absoluteBinding(const std::string &text) {
  size_t equals = text.find('=');
  bool named = equals != std::string::npos && equals > 0 &&
               std::all_of(text.begin(), text.begin() + long(equals),
                           [](unsigned char c) {
                             return std::isalnum(c) || c == '_' || c == '.';
                           }) &&
               !fs::exists(text);
  if (!named)
    return absolute(text);
  return text.substr(0, equals + 1) + absolute(text.substr(equals + 1));
}

/// The text of a unit with its imports renamed to the copies in the folder.
static std::string
renamedImports(const ast::SourceUnit &unit,
               const std::map<const ast::SourceUnit *, std::string> &names,
               bool isMain) {
  std::string text(unit.file->getText());
  std::vector<const ast::Import *> imports;
  for (const ast::Import &import : unit.imports)
    if (import.pathRange.isValid()) // those of --import have no place
      imports.push_back(&import);
  std::sort(imports.begin(), imports.end(), [](auto *a, auto *b) {
    return a->pathRange.begin > b->pathRange.begin;
  });
  for (const ast::Import *import : imports) {
    auto it = names.find(import->unit);
    if (it == names.end())
      continue;
    size_t begin = unit.file->offsetOf(import->pathRange.begin);
    size_t end = unit.file->offsetOf(import->pathRange.end);
    text.replace(begin, end - begin,
                 std::string(isMain ? "\"imports/" : "\"") + it->second + "\"");
  }
  return text;
}

Result<void> driver::beginRun(rt::RunFolder &folder, const Project &project,
                              const DataSet &data, const std::string &command) {
  auto write = [&](const fs::path &path,
                   const std::string &text) -> Result<void> {
    if (auto done = rt::writeFile(path, text); !done)
      return fromRuntime(done.error());
    return {};
  };
  const Program &program = project.spec().program();
  std::map<const ast::SourceUnit *, std::string> names;
  for (size_t i = 1; i < program.units.size(); ++i) {
    const ast::SourceUnit *unit = program.units[i].get();
    if (!unit->isLibrary && unit->file)
      names[unit] = std::to_string(i) + "-" +
                    fs::path(unit->file->getName()).filename().string();
  }
  if (!names.empty()) {
    std::error_code error;
    fs::create_directory(folder.file("imports"), error);
    if (error)
      return makeError("bad-file", "cannot make '" +
                                       folder.file("imports").string() +
                                       "': " + error.message());
  }
  for (const auto &[unit, name] : names)
    if (auto done = write(folder.file("imports") / name,
                          renamedImports(*unit, names, false));
        !done)
      return done;
  if (auto done = write(folder.file("spec.rnn"),
                        renamedImports(program.main(), names, true));
      !done)
    return done;

  Settings saved = project.settings();
  for (std::vector<std::string> *list :
       {&saved.data, &saved.valid, &saved.test})
    for (std::string &text : *list)
      text = absoluteBinding(text);
  for (const char *name : {"init", "weights"})
    if (auto it = saved.given.find(name); it != saved.given.end())
      it->second = absolute(it->second);
  // The run has a vocabulary of its own.
  for (const char *name : {"out", "resume", "dry-run", "vocab"})
    saved.given.erase(name);
  // Files of --import are found by the names of their copies.
  std::vector<std::string> imports;
  for (const std::string &path : saved.imports)
    for (const auto &[unit, name] : names)
      if (fs::path(unit->file->getName()).filename() ==
          fs::path(path).filename()) {
        imports.push_back("imports/" + name);
        break;
      }
  saved.imports = imports;

  Json sizes = Json::object();
  for (const auto &[name, value] : project.dataSizes())
    sizes[name] = value;
  const Settings &now = project.settings();
  Json values = {{"batch", now.whole("batch", 32)},
                 {"window", now.text("window", data.stream ? "64" : "all")},
                 {"optimizer", now.text("optimizer", "adam")},
                 {"lr", now.real("lr", 0.001)},
                 {"momentum", now.real("momentum", 0)},
                 {"weight_decay", now.real("weight-decay", 0)},
                 {"clip_norm", now.real("clip-norm", 5)},
                 {"clip_value", now.real("clip-value", 0)},
                 {"schedule", now.text("schedule", "constant")},
                 {"warmup", now.whole("warmup", 0)},
                 {"seed", now.whole("seed", 1)},
                 {"precision", now.text("precision", "f32")},
                 {"unroll", now.text("unroll", "none")},
                 {"threads", project.threads()},
                 {"split", now.text("split", "0.9,0.1")},
                 {"tokens", now.text("tokens", "chars")},
                 {"horizon", now.whole("horizon", 1)},
                 {"patience", now.whole("patience", 0)},
                 {"target_cpu", now.text("target-cpu", "native")}};
  Json config = {{"schema", 1},
                 {"version", std::string(api::version())},
                 {"name", project.spec().stem()},
                 {"model", project.model().name},
                 {"cpu", cpuName()},
                 {"values", values},
                 {"sizes", sizes},
                 {"data", data.files},
                 {"learned", data.learned.toJson()},
                 {"settings", saved.toJson()}};
  std::string text = config.dump(2, ' ', false, Json::error_handler_t::replace);
  if (auto done = write(folder.file("command.txt"), command + "\n"); !done)
    return done;
  if (!data.learned.symbols.empty())
    if (auto done =
            write(folder.file("vocab.json"), data.learned.symbols.json());
        !done)
      return done;
  // Last: a folder with this file has everything to go on with.
  return write(folder.file("config.json"), text + "\n");
}

/// The vocabulary of what the model predicts, else of a text that it reads.
static std::optional<rt::Vocabulary> drawnSymbols(const OpenedModel &opened) {
  for (bool target : {true, false})
    for (const hir::Input &input : opened.project->model().inputs)
      if (input.target == target && input.type.elem == hir::Elem::Int)
        if (const rt::Vocabulary *found =
                opened.learned.symbols.find(input.name))
          if (found->kind() != rt::TokenKind::Classes)
            return *found;
  return std::nullopt;
}

Result<OpenedModel> driver::openRun(const std::string &path,
                                    const Settings &settings,
                                    const MessageOptions &messages,
                                    std::vector<Message> &warnings) {
  auto folder = rt::RunFolder::open(path);
  if (!folder)
    return fromRuntime(folder.error());
  auto text = folder->read("config.json");
  if (!text)
    return fromRuntime(text.error());
  OpenedModel opened;
  opened.folder = folder->path();
  opened.config = Json::parse(*text, nullptr, false);
  if (!opened.config.is_object() || !opened.config.contains("settings"))
    return makeError("bad-file", "'" + folder->file("config.json").string() +
                                     "' is damaged");
  Settings earlier = Settings::fromJson(opened.config["settings"]);
  for (std::string &name : earlier.imports)
    name = folder->file(name).string();
  // Checked when it was given, unless the file was changed since.
  for (const auto &[name, value] : earlier.given)
    for (const OptionInfo &option : optionsOf(*findCommand("train")))
      if (name == option.name)
        if (auto problem = checkValue(option, value))
          return makeError("bad-file",
                           "'" + folder->file("config.json").string() +
                               "' is damaged: " + *problem);
  Settings all = settings;
  all.inherit(earlier);
  auto spec =
      Spec::load(folder->file("spec.rnn").string(), all, messages, warnings);
  if (!spec)
    return spec.error();
  auto project = Project::create(*spec, all, warnings);
  if (!project)
    return project.error();
  std::map<std::string, double> sizes;
  if (opened.config.contains("sizes") && opened.config["sizes"].is_object())
    for (const auto &[name, value] : opened.config["sizes"].items())
      if (value.is_number())
        sizes[name] = value.get<double>();
  (*project)->setSizes(sizes);
  opened.project = *project;
  std::error_code ignored;
  if (fs::exists(folder->file("vocab.json"), ignored)) {
    auto symbols = Vocabularies::load(folder->file("vocab.json"), true);
    if (!symbols)
      return symbols.error();
    opened.learned.symbols = std::move(*symbols);
    opened.vocabulary = drawnSymbols(opened);
  }
  if (opened.config.contains("learned"))
    opened.learned.fromJson(opened.config["learned"]);
  if (settings.get("weights"))
    opened.weights = *settings.get("weights");
  else if (fs::exists(folder->file("best.safetensors"), ignored))
    opened.weights = folder->file("best.safetensors");
  else
    opened.weights = folder->file("final.safetensors");
  return opened;
}

static Result<OpenedModel> openEither(const std::string &path,
                                      const Settings &settings,
                                      const MessageOptions &messages,
                                      std::vector<Message> &warnings) {
  if (isRunFolder(path))
    return openRun(path, settings, messages, warnings);
  OpenedModel opened;
  auto spec = Spec::load(path, settings, messages, warnings);
  if (!spec)
    return spec.error();
  auto project = Project::create(*spec, settings, warnings);
  if (!project)
    return project.error();
  opened.project = *project;
  if (auto file = settings.get("vocab")) {
    auto symbols = Vocabularies::load(*file);
    if (!symbols)
      return symbols.error();
    opened.learned.symbols = std::move(*symbols);
    opened.vocabulary = drawnSymbols(opened);
  }
  opened.weights = settings.text("weights", "");
  return opened;
}

Result<OpenedModel> driver::openModel(const std::string &path,
                                      const Settings &settings,
                                      Console &console,
                                      const std::string &purpose) {
  std::vector<Message> warnings;
  auto opened =
      openEither(path, settings, MessageOptions::of(console), warnings);
  if (!opened)
    return opened;
  for (const Message &warning : warnings)
    console.say(warning);
  if (!purpose.empty() && opened->weights.empty())
    return usageError("a SPEC needs weights " + purpose,
                      "give --weights FILE, or a run folder");
  return opened;
}

Result<void> driver::loadWeights(OpenedModel &opened, Code &code) {
  if (auto done = opened.project->initWeights(code); !done)
    return done;
  if (opened.weights.empty())
    return {};
  return opened.project->weights.load(opened.weights);
}
