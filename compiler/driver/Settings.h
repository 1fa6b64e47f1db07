//===- Settings.h - What was asked for, by whom -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values of options from the command line, from `--set`, from the model's train
// block and from an earlier run. An option beats --set beats the train block
// beats the run beats the default.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_SETTINGS_H
#define RNNC_COMPILER_DRIVER_SETTINGS_H

#include "compiler/driver/Console.h"

namespace rnnc::hir {
struct Model;
}

namespace rnnc::driver {

class Settings {
public:
  Settings() = default;
  /// What a command line says, with the environment.
  explicit Settings(const CommandLine &line);
  /// What the C++ interface says.
  explicit Settings(const api::Options &options);

  /// Values of single options by name, as written.
  std::map<std::string, std::string> given;
  /// Values that add up.
  std::vector<std::pair<std::string, std::string>> set, cell;
  std::vector<std::string> imports, includes, data, valid, test;

  /// Reads the model's train block, and tells sizes from options in --set. An
  /// error names what is neither.
  Result<void> readModel(const hir::Model &model);
  /// Reads what the model says of sampling: `readModel` does, and once more
  /// when the sizes are known that its options name.
  Result<void> readSampling(const hir::Model &model);
  /// The sizes and numbers of --set, after readModel or without a model all
  /// that are numbers.
  std::map<std::string, double> sizes() const;

  /// The value in force, if anyone gave one.
  std::optional<std::string> get(const std::string &name) const;
  int64_t whole(const std::string &name, int64_t otherwise) const;
  double real(const std::string &name, double otherwise) const;
  std::string text(const std::string &name, const std::string &otherwise) const;
  bool flag(const std::string &name) const { return given.contains(name); }

  /// What the model's sample block says of an option of `sample`.
  std::optional<std::string> ofSampling(const std::string &name) const;
  /// The token that ends what is drawn, if the model's prediction names one.
  std::optional<int64_t> stopToken;

  /// For config.json, and back.
  Json toJson() const;
  static Settings fromJson(const Json &json);
  /// Names that are not taken from an earlier run.
  std::vector<std::string> notInherited;
  /// Takes from an earlier run what is not given here.
  void inherit(const Settings &earlier);

private:

  std::map<std::string, std::string> fromSet, block, sampling;
  std::vector<std::string> statics;
  bool modelKnown = false;
};

/// "NAME=VALUE" as its parts.
std::pair<std::string, std::string> splitPair(const std::string &text);

} // namespace rnnc::driver

#endif
