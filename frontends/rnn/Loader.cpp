//===- Loader.cpp - Reading a spec with its imports -----------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/Loader.h"
#include "frontends/rnn/Parser.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>

using namespace rnnc;
using namespace rnnc::ast;
namespace fs = std::filesystem;

/// The largest file that is read; nobody writes more equations than that.
static constexpr size_t maxFileBytes = size_t(16) << 20;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

static bool isPrivate(std::string_view name) { return name.starts_with("_"); }

const Definition *Program::lookup(const SourceUnit &from,
                                  std::string_view name) const {
  if (const Definition *own = from.find(name))
    return own;
  if (isPrivate(name) && !from.isLibrary)
    return nullptr;
  for (auto it = from.imports.rbegin(); it != from.imports.rend(); ++it)
    if (it->unit && !it->alias)
      if (const Definition *imported = it->unit->find(name))
        return imported;
  for (const auto &unit : units)
    if (unit->isLibrary)
      if (const Definition *def = unit->find(name))
        return def;
  return nullptr;
}

const Definition *Program::lookup(const SourceUnit &from,
                                  std::string_view alias,
                                  std::string_view name) const {
  if (isPrivate(name))
    return nullptr;
  for (const Import &import : from.imports)
    if (import.unit && import.alias && import.alias->name == alias)
      if (const Definition *def = import.unit->find(name))
        return def;
  return nullptr;
}

bool Program::hasAlias(const SourceUnit &from, std::string_view alias) const {
  return std::any_of(from.imports.begin(), from.imports.end(),
                     [&](const Import &import) {
                       return import.alias && import.alias->name == alias;
                     });
}

std::vector<const Definition *> Program::visible(const SourceUnit &from) const {
  std::vector<const Definition *> result;
  auto add = [&](const SourceUnit &unit) {
    for (const Definition *def : unit.definitions)
      if (lookup(from, def->ident.name) == def)
        result.push_back(def);
  };
  add(from);
  for (const Import &import : from.imports)
    if (import.unit && !import.alias)
      add(*import.unit);
  for (const auto &unit : units)
    if (unit->isLibrary && unit.get() != &from)
      add(*unit);
  return result;
}

std::vector<const Definition *> Program::library() const {
  std::vector<const Definition *> result;
  for (const auto &unit : units)
    if (unit->isLibrary)
      for (const Definition *def : unit->definitions)
        if (!isPrivate(def->ident.name))
          result.push_back(def);
  return result;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

/// Reads a whole stream, or says why not.
static std::string readStream(std::FILE *stream, std::string &text) {
  char buffer[1 << 16];
  while (size_t count = std::fread(buffer, 1, sizeof buffer, stream)) {
    text.append(buffer, count);
    if (text.size() > maxFileBytes)
      return str("file is larger than ", maxFileBytes >> 20, " MiB");
  }
  return std::ferror(stream) ? std::strerror(errno) : "";
}

/// Reads a whole file, or says why not.
static std::string readFile(const std::string &path, std::string &text) {
  if (path == "-")
    return readStream(stdin, text);
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    return "is a directory";
  std::FILE *stream = std::fopen(path.c_str(), "rb");
  if (!stream)
    return std::strerror(errno);
  std::string problem = readStream(stream, text);
  std::fclose(stream);
  return problem;
}

namespace {
class Loader {
public:
  Loader(const LoadOptions &options, SourceManager &sources,
         DiagnosticEngine &diags)
      : options(options), sources(sources), diags(diags) {}

  std::unique_ptr<Program> load(const std::string &name, std::string text,
                                const fs::path &path);

private:
  SourceUnit *parse(std::string name, std::string text);
  void checkDefinitions(const SourceUnit &unit);
  void resolveImports(SourceUnit &unit, const fs::path &path);
  const SourceUnit *import(const Import &import, const fs::path &importer);
  std::optional<fs::path> find(const Import &import, const fs::path &importer);
  void loadLibrary();

  const LoadOptions &options;
  SourceManager &sources;
  DiagnosticEngine &diags;
  std::unique_ptr<Program> program = std::make_unique<Program>();
  /// Files by their real path; null while a file's own imports are read.
  std::map<fs::path, const SourceUnit *> loaded;
  /// The chain of files being read, for the message about cycles.
  std::vector<fs::path> chain;
};
} // namespace

SourceUnit *Loader::parse(std::string name, std::string text) {
  const SourceFile *file = sources.add(std::move(name), std::move(text));
  if (!file) {
    diags.error({}, "input", "the texts together are larger than 1 GiB");
    return nullptr;
  }
  program->units.push_back(parseText(*file, diags).unit);
  checkDefinitions(*program->units.back());
  return program->units.back().get();
}

/// A name is defined once in a file.
void Loader::checkDefinitions(const SourceUnit &unit) {
  std::map<std::string_view, const Definition *> seen;
  for (const Definition *def : unit.definitions) {
    auto [first, isNew] = seen.emplace(def->ident.name, def);
    if (!isNew)
      diags
          .error(def->ident.range, "redefined",
                 str("'", def->ident.name, "' is defined twice"))
          .note(first->second->ident.range,
                str("first defined here as a ", describe(first->second->kind)));
  }
}

std::optional<fs::path> Loader::find(const Import &import,
                                     const fs::path &importer) {
  std::vector<fs::path> folders = {importer.parent_path()};
  folders.insert(folders.end(), options.importPaths.begin(),
                 options.importPaths.end());
  for (const fs::path &folder : folders) {
    std::error_code error;
    fs::path path = folder / import.path; // an absolute path stays as it is
    if (fs::exists(path, error))
      return path;
  }
  Diagnostic &problem =
      diags.error(import.pathRange, "import",
                  str("cannot find '", import.path, "' to import"));
  if (options.importPaths.empty())
    problem.help("add its folder with -I");
  return std::nullopt;
}

const SourceUnit *Loader::import(const Import &import,
                                 const fs::path &importer) {
  std::optional<fs::path> path = find(import, importer);
  if (!path)
    return nullptr;
  std::error_code ignored;
  fs::path real = fs::weakly_canonical(*path, ignored);
  if (real.empty())
    real = *path;

  auto known = loaded.find(real);
  if (known != loaded.end() && known->second)
    return known->second;
  if (known != loaded.end()) {
    std::string cycle;
    bool inCycle = false;
    for (const fs::path &file : chain)
      if ((inCycle |= file == real))
        cycle += str("'", file.filename().string(), "' -> ");
    cycle += str("'", real.filename().string(), "'");
    diags.error(import.pathRange, "import",
                str("files import each other: ", cycle));
    return nullptr;
  }

  std::string text;
  std::string problem = readFile(path->string(), text);
  if (!problem.empty()) {
    diags.error(import.pathRange, "import",
                str("cannot read '", path->string(), "': ", problem));
    return nullptr;
  }
  loaded[real] = nullptr;
  chain.push_back(real);
  SourceUnit *unit = parse(path->string(), std::move(text));
  if (unit)
    resolveImports(*unit, *path);
  chain.pop_back();
  return loaded[real] = unit;
}

void Loader::resolveImports(SourceUnit &unit, const fs::path &path) {
  if (chain.size() > maxNesting) {
    diags.error(unit.imports.empty() ? SourceRange()
                                     : unit.imports.front().pathRange,
                "import", str("imports are nested deeper than ", maxNesting));
    return;
  }
  for (Import &entry : unit.imports)
    entry.unit = import(entry, path);
}

void Loader::loadLibrary() {
  for (const LibraryText &text : standardLibrary())
    if (SourceUnit *unit = parse(text.name, text.text))
      unit->isLibrary = true;
}

std::unique_ptr<Program> Loader::load(const std::string &name, std::string text,
                                      const fs::path &path) {
  std::error_code ignored;
  fs::path real = fs::weakly_canonical(path, ignored);
  loaded[real] = nullptr;
  chain.push_back(real);
  SourceUnit *unit = parse(name, std::move(text));
  if (!unit)
    return nullptr;
  for (const std::string &extra : options.extraImports) {
    Import import;
    import.path = fs::absolute(extra, ignored).string();
    unit->imports.push_back(std::move(import));
  }
  resolveImports(*unit, path);
  if (options.standardLibrary)
    loadLibrary();
  return std::move(program);
}

std::unique_ptr<Program> rnnc::loadProgram(const std::string &path,
                                           const LoadOptions &options,
                                           SourceManager &sources,
                                           DiagnosticEngine &diags) {
  std::string text;
  std::string problem = readFile(path, text);
  if (!problem.empty()) {
    diags.error({}, "input", str("cannot read '", path, "': ", problem));
    return nullptr;
  }
  std::string name = path == "-" ? "<stdin>" : path;
  return Loader(options, sources, diags).load(name, std::move(text), name);
}

std::unique_ptr<Program> rnnc::loadProgramText(const std::string &name,
                                               std::string text,
                                               const LoadOptions &options,
                                               SourceManager &sources,
                                               DiagnosticEngine &diags) {
  return Loader(options, sources, diags).load(name, std::move(text), name);
}
