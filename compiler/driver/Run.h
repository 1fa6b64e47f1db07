//===- Run.h - Run folders as models ----------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is written when a run begins, and how a run folder, or a text with
// weights, becomes a project again.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_RUN_H
#define RNNC_COMPILER_DRIVER_RUN_H

#include "compiler/driver/Console.h"
#include "compiler/driver/Project.h"
#include "runtime/RunFolder.h"

namespace rnnc::driver {

/// A MODEL of the command line, opened.
struct OpenedModel {
  std::shared_ptr<Project> project;
  /// What its training data taught: symbols, scales.
  Learned learned;
  /// The symbols of the text that sampling goes on with.
  std::optional<rt::Vocabulary> vocabulary;
  /// The run folder, if it is one.
  std::optional<std::filesystem::path> folder;
  /// Weights to load: best.safetensors of a run, or --weights.
  std::filesystem::path weights;
  Json config;
};

/// Whether a path is a run folder.
bool isRunFolder(const std::string &path);

/// Writes spec.rnn with the files it imports, config.json, command.txt and
/// vocab.json.
Result<void> beginRun(rt::RunFolder &folder, const Project &project,
                      const DataSet &data, const std::string &command);

/// Opens a run folder; options given anew beat its own.
Result<OpenedModel> openRun(const std::string &path, const Settings &settings,
                            const MessageOptions &messages,
                            std::vector<Message> &warnings);

/// Opens a MODEL: a run folder, or a SPEC with --weights. Says the warnings.
/// `purpose` ("to sample from") makes a SPEC without weights an error.
Result<OpenedModel> openModel(const std::string &path, const Settings &settings,
                              Console &console,
                              const std::string &purpose = "");

/// Makes weights of the right shapes, then loads those of the model (drawn
/// ones, if it has none).
Result<void> loadWeights(OpenedModel &opened, Code &code);

} // namespace rnnc::driver

#endif
