//===- LibraryModels.h - A small model around each definition ---*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// To check a cell or a layer of the library it must be part of a model. The
// model's text is made from the definition's own signature, so nothing here
// knows what the library holds.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_VERIFY_LIBRARYMODELS_H
#define RNNC_COMPILER_VERIFY_LIBRARYMODELS_H

#include "frontends/rnn/Loader.h"
#include <optional>
#include <string>
#include <vector>

namespace rnnc {

/// A definition and the text of a model that uses it.
struct LibraryModel {
  std::string name;
  /// `model Check_NAME() { ... }`: the definition runs forward and, as another
  /// instance on the reversed sequence, backward; the loss is a smooth function
  /// of every output, so every entry has its own cotangent.
  std::string text;
  bool isCell = false;
};

/// The model of one cell or layer; nothing if its signature has something that
/// no value can be made up for. `cell` is the name of a cell with one size,
/// used where a static argument is a layer.
std::optional<LibraryModel> libraryModel(const ast::Definition &definition,
                                         const std::string &cell);

/// The models of all cells and layers of the library, in its order, or of the
/// definitions named (visible in the program's main file). `unknown` receives
/// names that mean nothing.
std::vector<LibraryModel>
libraryModels(const Program &program,
              const std::vector<std::string> &names = {},
              std::vector<std::string> *unknown = nullptr);

} // namespace rnnc

#endif
