//===- TestModel.h - From model text to functions of every stage -*- C++
//-*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_TESTS_SUPPORT_TESTMODEL_H
#define RNNC_TESTS_SUPPORT_TESTMODEL_H

#include "compiler/pipelines/Stages.h"
#include "compiler/verify/Bindings.h"
#include "mlir/IR/OwningOpRef.h"
#include <map>
#include <memory>
#include <set>

namespace rnnc::test {

struct ModelOptions {
  bool f64 = true;
  bool stream = false;
  /// Time axes along which rows differ in length.
  std::set<std::string> ragged;
  /// Values of sizes.
  std::map<std::string, double> sets;
  /// Text in front of the model, such as cells of the test's own.
  PipelineOptions pipeline;
};

/// A model's text, and its module at the stages asked for.
class TestModel {
public:
  /// Reads, checks and generates; an error holds the diagnostics.
  static llvm::Expected<std::unique_ptr<TestModel>>
  create(const std::string &text, const ModelOptions &options);
  ~TestModel();

  /// The module after a stage ("rnn", "grad", "time", ...), made when first
  /// asked for.
  llvm::Expected<mlir::ModuleOp> at(const std::string &stage);
  /// A function of it; an error if it has none of that name.
  llvm::Expected<mlir::func::FuncOp> function(const std::string &stage,
                                              const std::string &name);
  /// Runs a function of a stage in the interpreter, arguments and results by
  /// kind and name.
  llvm::Expected<Bindings> interpret(const std::string &stage,
                                     const std::string &name,
                                     const Bindings &bindings);

  /// Number of classes of each input and target of ids.
  const std::map<std::string, int64_t> &ranges() const { return classes; }
  const ModelOptions &getOptions() const { return options; }

private:
  TestModel() = default;

  ModelOptions options;
  std::map<std::string, int64_t> classes;
  std::map<std::string, mlir::OwningOpRef<mlir::ModuleOp>> modules;
};

/// The context of all test models, with every dialect and pass registered.
mlir::MLIRContext &testContext();

/// The names of library cells that take one size and one input.
std::vector<std::string> libraryCells();

} // namespace rnnc::test

#endif
