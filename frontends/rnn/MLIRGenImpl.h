//===- MLIRGenImpl.h - The inside of MLIRGen --------------------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Only the MLIRGen*.cpp files include this. One FunctionGen makes one function
// of the module. An array is laid out as [time axes, batch, own axes]; axes
// made by `_` are not there.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_MLIRGENIMPL_H
#define RNNC_FRONTENDS_RNN_MLIRGENIMPL_H

#include "frontends/rnn/MLIRGen.h"

#include "dialects/rnn/IR/RNNDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"

#include <map>

namespace rnnc::gen {

using hir::Node;
using hir::Op;
using mlir::Value;

/// A position inside one scan body that is being made.
struct ScanContext {
  const Node *scan = nullptr;
  Value position; ///< index
  ScanContext *outer = nullptr;
  Value step; ///< the step as a real scalar, if the body reads pos()
};

class FunctionGen {
public:
  FunctionGen(mlir::ModuleOp module, const hir::Model &model,
              const SourceManager &sources, const GenOptions &options,
              bool training)
      : module(module), model(model), sources(sources), options(options),
        training(training), b(module.getContext()) {
    real =
        options.f64 ? mlir::Type(b.getF64Type()) : mlir::Type(b.getF32Type());
  }

  mlir::LogicalResult makeInit();
  mlir::LogicalResult makeForward();
  mlir::LogicalResult makeEval();
  mlir::LogicalResult makeLoss();

private:
  mutable mlir::ModuleOp module; ///< a handle; its accessors are not const
  const hir::Model &model;
  const SourceManager &sources;
  const GenOptions &options;
  bool training;
  mlir::OpBuilder b;
  mlir::Type real;

  std::map<const Node *, Value> values;
  std::set<const Node *> live;
  std::set<const Node *> products; ///< of sums that become contracts
  std::map<int, Value> extents;    ///< by root axis
  std::map<int, Value> lengths;    ///< by root axis, if ragged
  /// The same of axes within another: one for each step of that and each row.
  /// In a step of the other axis `lengths` has its slice.
  std::map<int, Value> innerLengths;
  std::map<std::string, Value> stateArgs;
  Value batch, key, fresh, update;
  ScanContext *context = nullptr;

  struct Result {
    rnn::ArgKind kind;
    std::string name;
    Value value;
    std::vector<std::string> axes;
  };
  std::vector<Result> results, states;

  //===--- Functions (MLIRGen.cpp) ---------------------------------------===//
  void begin(const std::string &name, const std::vector<const Node *> &roots);
  mlir::LogicalResult end();
  void markLive(const Node *node);
  void findProducts();
  void emitBlock(const hir::Block &block);
  Value lossSum(const Node *value, const Node *weight, Value &total);
  mlir::Location loc(const Node *node) const;
  mlir::Location loc(SourceRange range) const;
  bool isRagged(int axis) const;
  bool hasLengths(int axis) const;
  std::vector<std::string> dynamicDims(const hir::Type &type) const;

  //===--- Values (MLIRGenValues.cpp) ------------------------------------===//
  mlir::RankedTensorType typeOf(const hir::Type &type) const;
  mlir::Type elemOf(hir::Elem elem) const;
  int64_t size(const Size &size) const;
  std::string labels(const hir::Type &type, int time = -1) const;
  std::string axisLabels(const hir::Type &type, int time = -1) const;
  Value extentOf(int axis) const;
  std::vector<Value> sizesFor(const std::string &from, const std::string &to,
                              const hir::Type &type, int time) const;
  Value expand(Value value, const hir::Type &from, const hir::Type &to,
               mlir::Location at);
  Value scalar(double number, mlir::Location at);
  Value filled(double number, const hir::Type &type, mlir::Location at);
  Value permuted(Value value, const std::string &from, const std::string &to,
                 mlir::Location at);
  Value reduceLabels(rnn::ReduceKind kind, Value value, const std::string &from,
                     const std::string &to, Value valid, mlir::Location at);
  Value emit(const Node *node);
  Value emitUnary(const Node *node);
  Value emitBinary(const Node *node);
  Value emitEinsum(const Node *node);
  Value emitReduce(const Node *node);
  Value emitSumOfProduct(const Node *node, Value valid);
  std::string reducedLabels(const Node *node) const;
  Value emitSoftmax(const Node *node);
  Value emitOwn(const Node *node);
  Value operand(const Node *node, size_t index);
  hir::Type shared(const Node *node) const;

  //===--- Time and draws (MLIRGenTime.cpp) ------------------------------===//
  Value toFront(Value value, const hir::Type &type, int axis,
                mlir::Location at);
  Value fromFront(Value value, const hir::Type &type, int axis,
                  mlir::Location at);
  std::string frontLabels(const hir::Type &type, int axis) const;
  Value stateStart(const std::string &name, const hir::Type &type,
                   const Node *init, SourceRange place);
  Value emitTime(const Node *node);
  Value emitMovement(const Node *node, Value x, const hir::Type &type,
                     mlir::Location at);
  Value emitShift(const Node *node);
  Value emitEvery(const Node *node);
  void emitScan(const Node *node);
  std::vector<int> axesWithin(int outer) const;
  int innermost(const hir::Type &type) const;
  Value overOuter(Value x, const hir::Type &type, int inner,
                  const hir::Type &result, mlir::Location at,
                  llvm::function_ref<Value(Value, const hir::Type &, Value)>);
  Value sumWithin(Value x, const hir::Type &type, int inner,
                  mlir::Location at);
  Value maskWithin(Value x, const hir::Type &type, int inner,
                   mlir::Location at);
  Value emitDraw(const Node *node);
  Value lengthOf(int axis, const hir::Type &type, mlir::Location at);
  void advancePosition(const Node *node, int axis);
  bool carriesPosition(const Node *node) const;
  Value readsPosition(const hir::Block &body);
  bool isTop(const Node *node) const { return node->block == &model.body; }

  //===--- Initial values (MLIRGenInit.cpp) ------------------------------===//
  Value emitInitDraw(const Node *node);
  Value emitEye(const Node *node);
};

} // namespace rnnc::gen

#endif // RNNC_FRONTENDS_RNN_MLIRGENIMPL_H
