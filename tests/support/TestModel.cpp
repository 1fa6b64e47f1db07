//===- TestModel.cpp - From model text to functions of every stage --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tests/support/TestModel.h"
#include "dialects/rnn/Interpreter/Interpreter.h"
#include "frontends/rnn/Loader.h"
#include "frontends/rnn/MLIRGen.h"
#include "frontends/rnn/Sema.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include <sstream>

using namespace rnnc;
using namespace rnnc::test;

mlir::MLIRContext &rnnc::test::testContext() {
  static mlir::MLIRContext *context = [] {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    registerPasses();
    auto *result =
        new mlir::MLIRContext(registry, mlir::MLIRContext::Threading::DISABLED);
    result->loadAllAvailableDialects();
    return result;
  }();
  return *context;
}

namespace {
/// Collects MLIR's errors as text.
class Errors {
public:
  Errors()
      : handler(&testContext(), [this](mlir::Diagnostic &diagnostic) {
          llvm::raw_string_ostream(text)
              << diagnostic.getLocation() << ": " << diagnostic << "\n";
          return mlir::success();
        }) {}
  std::string text;

private:
  mlir::ScopedDiagnosticHandler handler;
};
} // namespace

TestModel::~TestModel() = default;

llvm::Expected<std::unique_ptr<TestModel>>
TestModel::create(const std::string &text, const ModelOptions &options) {
  Errors errors;
  SourceManager sources;
  DiagnosticEngine diags(sources);
  auto fail = [&](const std::string &what) {
    std::ostringstream out;
    diags.print(out);
    return llvm::createStringError(what + ":\n" + out.str() + errors.text);
  };
  LoadOptions loadOptions;
  std::unique_ptr<Program> program =
      loadProgramText("test.rnn", text, loadOptions, sources, diags);
  if (!program || diags.hasErrors())
    return fail("the front end refuses the text");
  SemaOptions sema;
  sema.sets = options.sets;
  sema.stream = options.stream;
  sema.needSizes = sema.needLoss = true;
  std::unique_ptr<hir::Model> model = analyze(*program, sema, diags);
  if (!model || diags.hasErrors())
    return fail("the front end refuses the model");
  GenOptions gen;
  gen.stream = options.stream;
  gen.f64 = options.f64;
  gen.ragged = options.ragged;
  mlir::OwningOpRef<mlir::ModuleOp> module =
      generate(testContext(), *model, sources, gen);
  if (!module || failed(mlir::verify(*module)))
    return fail("no module");

  std::unique_ptr<TestModel> result(new TestModel);
  result->options = options;
  for (const hir::Input &input : model->inputs)
    if (input.type.elem == hir::Elem::Int && input.type.range)
      if (auto range = model->value(*input.type.range))
        result->classes[input.name] = *range;
  result->modules["rnn"] = std::move(module);
  return result;
}

llvm::Expected<mlir::ModuleOp> TestModel::at(const std::string &stage) {
  mlir::OwningOpRef<mlir::ModuleOp> &module = modules[stage];
  if (!module) {
    Errors errors;
    mlir::OwningOpRef<mlir::ModuleOp> copy = modules["rnn"]->clone();
    if (failed(runStages(*copy, stage, options.pipeline)))
      return llvm::createStringError("stage '" + stage + "' fails:\n" +
                                     errors.text);
    module = std::move(copy);
  }
  return *module;
}

llvm::Expected<mlir::func::FuncOp>
TestModel::function(const std::string &stage, const std::string &name) {
  llvm::Expected<mlir::ModuleOp> module = at(stage);
  if (!module)
    return module.takeError();
  auto function = module->lookupSymbol<mlir::func::FuncOp>(name);
  if (!function)
    return llvm::createStringError("no function '" + name + "' at stage '" +
                                   stage + "'");
  return function;
}

llvm::Expected<Bindings> TestModel::interpret(const std::string &stage,
                                              const std::string &name,
                                              const Bindings &bindings) {
  llvm::Expected<mlir::func::FuncOp> entry = function(stage, name);
  if (!entry)
    return entry.takeError();
  llvm::Expected<std::vector<rnn::Array>> args = bindings.arguments(*entry);
  if (!args)
    return args.takeError();
  llvm::Expected<std::vector<rnn::Array>> results =
      rnn::interpret(*entry, *args);
  if (!results)
    return results.takeError();
  return Bindings::results(*entry, std::move(*results));
}

std::vector<std::string> rnnc::test::libraryCells() {
  SourceManager sources;
  DiagnosticEngine diags(sources);
  std::vector<std::string> names;
  auto program =
      loadProgramText("empty.rnn", "fn none(x) = x\n", {}, sources, diags);
  if (!program)
    return names;
  for (const ast::Definition *definition : program->library())
    if (definition->kind == ast::DefKind::Cell &&
        definition->statics.size() == 1 && definition->inputs.size() == 1)
      names.push_back(definition->ident.name);
  return names;
}
