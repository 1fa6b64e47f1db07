//===- Fixture.h - Runs one function of text in the interpreter -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_TESTS_UNIT_INTERPRETER_FIXTURE_H
#define RNNC_TESTS_UNIT_INTERPRETER_FIXTURE_H

#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/Interpreter/Interpreter.h"
#include "mlir/Parser/Parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rnnc::rnn {

class InterpreterTest : public testing::Test {
protected:
  InterpreterTest() {
    context.loadDialect<RNNDialect, mlir::func::FuncDialect,
                        mlir::arith::ArithDialect, mlir::math::MathDialect,
                        mlir::tensor::TensorDialect>();
    context.allowUnregisteredDialects();
  }

  /// Runs @f of a module; its results, or none after a failure.
  std::vector<Array> run(const std::string &text,
                         llvm::ArrayRef<Array> args = {}) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module) {
      ADD_FAILURE() << "does not parse";
      return {};
    }
    auto results =
        interpret(module->lookupSymbol<mlir::func::FuncOp>("f"), args);
    if (!results) {
      ADD_FAILURE() << llvm::toString(results.takeError());
      return {};
    }
    return std::move(*results);
  }

  /// The one result of @f as numbers; its shape is checked.
  std::vector<double> numbers(const std::string &text,
                              llvm::ArrayRef<Array> args,
                              std::vector<int64_t> shape) {
    std::vector<Array> results = run(text, args);
    if (results.size() != 1)
      return {};
    EXPECT_EQ(results[0].shape, shape);
    return numbers(results[0]);
  }
  static std::vector<double> numbers(const Array &array) {
    std::vector<double> values;
    for (int64_t i = 0; i < array.size(); ++i)
      values.push_back(array.number(i));
    return values;
  }

  /// The error of running @f.
  std::string error(const std::string &text, llvm::ArrayRef<Array> args = {}) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module)
      return "does not parse";
    auto results =
        interpret(module->lookupSymbol<mlir::func::FuncOp>("f"), args);
    return results ? "" : llvm::toString(results.takeError());
  }

  /// An array of f64, of i32, of i1.
  static Array reals(llvm::ArrayRef<int64_t> shape,
                     llvm::ArrayRef<double> values) {
    return Array::reals(DType::F64, shape, values);
  }
  static Array ints(llvm::ArrayRef<int64_t> shape,
                    llvm::ArrayRef<int32_t> values) {
    return Array::of(DType::I32, shape, values);
  }
  static Array bits(llvm::ArrayRef<int64_t> shape,
                    llvm::ArrayRef<uint8_t> values) {
    return Array::of(DType::I1, shape, values);
  }
  /// 1, 2, 3, ...
  static Array counting(llvm::ArrayRef<int64_t> shape) {
    Array array = Array::zeros(DType::F64, shape);
    for (int64_t i = 0; i < array.size(); ++i)
      array.set(i, i + 1);
    return array;
  }

  mlir::MLIRContext context;
};

} // namespace rnnc::rnn

#endif
