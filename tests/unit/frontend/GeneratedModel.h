//===- GeneratedModel.h - Runs the functions of a text ----------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From text to the module of MLIRGen, run in the interpreter in f64.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_TESTS_UNIT_FRONTEND_GENERATEDMODEL_H
#define RNNC_TESTS_UNIT_FRONTEND_GENERATEDMODEL_H

#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/Interpreter/Interpreter.h"
#include "frontends/rnn/MLIRGen.h"
#include "frontends/rnn/Sema.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>

namespace rnnc::test {

using Values = std::map<std::string, rnn::Array>;

/// A context that knows grad.stop as an op like any other.
inline mlir::MLIRContext &generatedContext() {
  static mlir::MLIRContext *context = [] {
    auto *made = new mlir::MLIRContext(mlir::MLIRContext::Threading::DISABLED);
    made->allowUnregisteredDialects();
    return made;
  }();
  return *context;
}

/// Arguments and results are found by name; "T" and "B" are extents.
class GeneratedModel {
public:
  GeneratedModel(const std::string &text, bool stream = false,
                 std::set<std::string> ragged = {},
                 std::map<std::string, double> sets = {}) {
    SourceManager sources;
    DiagnosticEngine diags(sources);
    auto program = loadProgramText("test.rnn", text, {}, sources, diags);
    SemaOptions sema;
    sema.stream = stream;
    sema.needSizes = true;
    sema.sets = std::move(sets);
    if (program && !diags.hasErrors())
      model = analyze(*program, sema, diags);
    std::ostringstream said;
    diags.print(said);
    EXPECT_TRUE(model) << said.str();
    if (!model)
      return;
    GenOptions options;
    options.stream = stream;
    options.f64 = true;
    options.ragged = std::move(ragged);
    module = generate(generatedContext(), *model, sources, options);
    EXPECT_TRUE(module);
  }

  /// Runs a function; parameters come from @init unless given.
  Values run(const std::string &name, Values args) {
    Values results;
    if (!module)
      return results;
    if (name != "init" && !ranInit) {
      ranInit = true;
      params = run("init", {{"key", rnn::Array::key(7)}});
    }
    auto function = module->lookupSymbol<mlir::func::FuncOp>(name);
    std::vector<rnn::Array> values;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      auto arg = function.getArgAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
      std::string key = arg.getName().str();
      auto it = args.find(key);
      if (it == args.end() && params.count(key)) {
        values.push_back(params.at(key));
        continue;
      }
      EXPECT_NE(it, args.end()) << "no argument " << key;
      if (it == args.end())
        return results;
      values.push_back(it->second);
    }
    auto ran = rnn::interpret(function, values);
    if (!ran) {
      ADD_FAILURE() << llvm::toString(ran.takeError());
      return results;
    }
    for (unsigned i = 0; i < function.getNumResults(); ++i) {
      auto result =
          function.getResultAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
      std::string key = result.getName().str();
      if (result.getKind() == rnn::ArgKind::Weight)
        key += ".weight";
      results[key] = (*ran)[i];
    }
    return results;
  }

  std::unique_ptr<hir::Model> model;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  Values params;

private:
  bool ranInit = false;
};

/// The test value of element `i`.
inline double sample(int64_t i) { return std::sin(1.0 + 1.7 * double(i)); }

inline rnn::Array samples(std::vector<int64_t> shape) {
  rnn::Array array = rnn::Array::zeros(rnn::DType::F64, shape);
  for (int64_t i = 0; i < array.size(); ++i)
    array.set(i, sample(i));
  return array;
}

inline void expectValues(const rnn::Array &array,
                         const std::vector<double> &expected) {
  ASSERT_EQ(array.size(), int64_t(expected.size()))
      << rnn::shapeText(array.shape);
  for (int64_t i = 0; i < array.size(); ++i)
    EXPECT_NEAR(array.number(i), expected[i], 1e-12) << "at " << i;
}

} // namespace rnnc::test

#endif // RNNC_TESTS_UNIT_FRONTEND_GENERATEDMODEL_H
