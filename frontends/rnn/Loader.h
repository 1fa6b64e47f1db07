//===- Loader.h - Reading a spec with its imports ---------------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program is a text, the files it imports, and the standard library, which
// is part of the compiler. The loader finds, reads and parses them; whatever
// goes wrong is said with its place.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_LOADER_H
#define RNNC_FRONTENDS_RNN_LOADER_H

#include "frontends/rnn/AST.h"
#include "frontends/rnn/Diagnostics.h"

#include <memory>
#include <string>
#include <vector>

namespace rnnc {

struct LoadOptions {
  /// Where imports are looked for after the importing file's own folder: -I,
  /// then RNNC_PATH, in order.
  std::vector<std::string> importPaths;
  /// Files imported by option (`--import FILE`), as if the spec named them.
  std::vector<std::string> extraImports;
  /// Without it nothing but the program's own text is visible.
  bool standardLibrary = true;
};

/// A text with everything it can refer to.
struct Program {
  /// All parsed files: the spec first, the library last.
  std::vector<std::unique_ptr<ast::SourceUnit>> units;

  const ast::SourceUnit &main() const { return *units.front(); }

  /// What `name` means in a file: its own definition, else one of a file it
  /// imports without `as` (the last import wins; names that begin with `_`
  /// stay private), else one of the library. Null if there is none.
  const ast::Definition *lookup(const ast::SourceUnit &from,
                                std::string_view name) const;

  /// What `alias.name` means in a file with `import "..." as alias`.
  const ast::Definition *lookup(const ast::SourceUnit &from,
                                std::string_view alias,
                                std::string_view name) const;

  /// Whether a file has an import with that alias.
  bool hasAlias(const ast::SourceUnit &from, std::string_view alias) const;

  /// All definitions visible in a file by their bare name, for "did you mean"
  /// and for lists of the library's cells.
  std::vector<const ast::Definition *>
  visible(const ast::SourceUnit &from) const;

  /// The definitions of the standard library, in order.
  std::vector<const ast::Definition *> library() const;
};

/// Reads and parses a file ("-": standard input) with its imports. Errors are
/// in `diags`; the result is null only if the spec itself cannot be read.
std::unique_ptr<Program> loadProgram(const std::string &path,
                                     const LoadOptions &options,
                                     SourceManager &sources,
                                     DiagnosticEngine &diags);

/// The same for a text in memory; `name` is shown in messages, and imports are
/// looked for beside it.
std::unique_ptr<Program> loadProgramText(const std::string &name,
                                         std::string text,
                                         const LoadOptions &options,
                                         SourceManager &sources,
                                         DiagnosticEngine &diags);

/// The texts of the standard library: file name and text.
struct LibraryText {
  const char *name;
  const char *text;
};
std::vector<LibraryText> standardLibrary();

} // namespace rnnc

#endif // RNNC_FRONTENDS_RNN_LOADER_H
