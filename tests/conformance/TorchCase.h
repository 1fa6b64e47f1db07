//===- TorchCase.h - The arrays of one case ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_TESTS_CONFORMANCE_TORCHCASE_H
#define RNNC_TESTS_CONFORMANCE_TORCHCASE_H

#include "tests/support/CompiledModel.h"
#include <map>
#include <optional>

namespace rnnc::test {

/// What runs the functions of a model.
enum class Way { Interpreter, Compiled };

/// The arrays of a .npz file by key. Whole numbers become i32.
class TorchCase {
public:
  /// Reads `NAME.f64.npz` or `NAME.f32.npz`; without arrays if it fails, which
  /// is reported as a failure of the test.
  TorchCase(const std::string &name, bool f64);

  bool has(const std::string &key) const { return arrays.count(key); }
  /// The array of a key, which must exist.
  const rnn::Array &operator[](const std::string &key) const;
  /// Entry `index` along the first axis.
  rnn::Array entry(const std::string &key, int64_t index) const;
  /// Entries from..to-1 along the first axis.
  rnn::Array range(const std::string &key, int64_t from, int64_t to) const;

private:
  std::map<std::string, rnn::Array> arrays;
};

/// The text of torch_cells.rnn.
std::string torchCells();

/// Expects that `actual` is `expected` up to `tolerance` times the largest
/// entry. Steps at and after `lengths` of a row count as 0 in `actual`.
void expectClose(const std::string &what, const rnn::Array *actual,
                 const rnn::Array &expected, double tolerance,
                 const rnn::Array *lengths = nullptr);

/// Runs entries of a model one way or the other.
class Runner {
public:
  static llvm::Expected<Runner> create(const std::string &text,
                                       const ModelOptions &options, Way way);
  llvm::Expected<Bindings> run(const std::string &entry,
                               const Bindings &bindings);
  TestModel &getModel() { return *model; }

private:
  std::unique_ptr<TestModel> model;
  std::unique_ptr<CompiledModel> code;
};

} // namespace rnnc::test

#endif
