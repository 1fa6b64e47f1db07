//===- KernelWriter.h - Writes one kernel function --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the kernels that work on packed operands are written with: integers,
// addresses, vectors and loops. Only Product.cpp and Pack.cpp include it.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_CODEGEN_KERNELWRITER_H
#define RNNC_COMPILER_CODEGEN_KERNELWRITER_H

#include "compiler/codegen/Narrow.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace rnnc::codegen {

struct KernelWriter {
  using Value = mlir::Value;
  using Values = llvm::SmallVector<Value>;

  mlir::OpBuilder b;
  mlir::Location loc;
  mlir::Type ptr, i64, element;
  int64_t lanes;
  /// How operands are packed: numbers, or pairs of bf16 (Narrow.h). A unit is
  /// one of either.
  bool isNarrow = false, isNative = false;

  /// Starts a private function at the front of the module and writes there.
  static mlir::func::FuncOp start(mlir::ModuleOp module, llvm::StringRef name,
                                  mlir::ArrayRef<mlir::Type> inputs) {
    auto b = mlir::OpBuilder::atBlockBegin(module.getBody());
    auto function = mlir::func::FuncOp::create(b, module.getLoc(), name,
                                               b.getFunctionType(inputs, {}));
    function.setPrivate();
    function.addEntryBlock();
    return function;
  }
  KernelWriter(mlir::func::FuncOp function, mlir::Type element, int64_t lanes)
      : b(mlir::OpBuilder::atBlockBegin(&function.getBody().front())),
        loc(function.getLoc()),
        ptr(mlir::LLVM::LLVMPointerType::get(function.getContext())),
        i64(mlir::IntegerType::get(function.getContext(), 64)),
        element(element), lanes(lanes) {}

  Value constant(int64_t value) {
    return mlir::arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
  }
  Value add(Value x, Value y) {
    return b.createOrFold<mlir::arith::AddIOp>(loc, x, y);
  }
  Value add(Value x, int64_t y) { return add(x, constant(y)); }
  Value sub(Value x, Value y) {
    return b.createOrFold<mlir::arith::SubIOp>(loc, x, y);
  }
  Value mul(Value x, Value y) {
    return b.createOrFold<mlir::arith::MulIOp>(loc, x, y);
  }
  Value mul(Value x, int64_t y) { return mul(x, constant(y)); }
  /// Of numbers that are not negative.
  Value div(Value x, Value y) {
    return mlir::arith::DivUIOp::create(b, loc, x, y);
  }
  Value min(Value x, Value y) {
    return mlir::arith::MinSIOp::create(b, loc, x, y);
  }
  Value max(Value x, Value y) {
    return mlir::arith::MaxSIOp::create(b, loc, x, y);
  }
  Value select(Value condition, Value x, Value y) {
    return mlir::arith::SelectOp::create(b, loc, condition, x, y);
  }
  Value compare(mlir::arith::CmpIPredicate predicate, Value x, Value y) {
    return mlir::arith::CmpIOp::create(b, loc, predicate, x, y);
  }
  Value less(Value x, Value y) {
    return compare(mlir::arith::CmpIPredicate::slt, x, y);
  }
  Value equal(Value x, int64_t y) {
    return compare(mlir::arith::CmpIPredicate::eq, x, constant(y));
  }
  Value both(Value x, Value y) {
    return mlir::arith::AndIOp::create(b, loc, x, y);
  }
  Value either(Value x, Value y) {
    return mlir::arith::OrIOp::create(b, loc, x, y);
  }
  Value isNull(Value pointer) {
    return mlir::LLVM::ICmpOp::create(
        b, loc, mlir::LLVM::ICmpPredicate::eq, pointer,
        mlir::LLVM::ZeroOp::create(b, loc, ptr));
  }

  int64_t bytes() { return element.getIntOrFloatBitWidth() / 8; }
  Value gep(Value base, Value entries, mlir::Type type) {
    return mlir::LLVM::GEPOp::create(
        b, loc, ptr, type, base, mlir::ArrayRef<mlir::LLVM::GEPArg>{entries});
  }
  Value gep(Value base, Value entries) { return gep(base, entries, element); }
  Value gep(Value base, int64_t entries) {
    return gep(base, constant(entries));
  }
  mlir::VectorType vectorType() { return mlir::VectorType::get(lanes, element); }
  /// Terms in a unit.
  int64_t unitTerms() { return isNarrow ? 2 : 1; }
  Value unitsOf(Value terms) {
    return isNarrow ? div(add(terms, 1), constant(2)) : terms;
  }
  mlir::Type unitType() {
    return isNarrow ? mlir::Type(b.getI32Type()) : element;
  }
  mlir::VectorType unitVector() {
    return mlir::VectorType::get(lanes, unitType());
  }
  Narrow narrow() { return {b, loc, isNative}; }
  Value loadUnit(Value pointer) {
    return mlir::LLVM::LoadOp::create(b, loc, unitType(), pointer, bytes());
  }
  Value loadUnits(Value pointer) {
    return mlir::LLVM::LoadOp::create(b, loc, unitVector(), pointer, bytes());
  }
  /// sum + left * right, on vectors of units.
  Value multiply(Value left, Value right, Value sum) {
    if (isNarrow)
      return narrow().multiply(left, right, sum);
    return mlir::vector::FMAOp::create(b, loc, left, right, sum);
  }
  Value zeros() {
    return mlir::arith::ConstantOp::create(b, loc, b.getZeroAttr(vectorType()));
  }
  Value loadScalar(Value pointer) {
    return mlir::LLVM::LoadOp::create(b, loc, element, pointer, bytes());
  }
  Value load(Value pointer) {
    return mlir::LLVM::LoadOp::create(b, loc, vectorType(), pointer, bytes());
  }
  void store(Value value, Value pointer) {
    mlir::LLVM::StoreOp::create(b, loc, value, pointer, bytes());
  }
  Value splat(Value scalar) {
    return mlir::vector::BroadcastOp::create(
        b, loc, mlir::VectorType::get(lanes, scalar.getType()), scalar);
  }
  /// The first `count` lanes.
  Value mask(Value count) {
    llvm::SmallVector<int64_t> numbers(lanes);
    for (int64_t i = 0; i < lanes; ++i)
      numbers[i] = i;
    Value iota = mlir::arith::ConstantOp::create(
        b, loc,
        mlir::DenseElementsAttr::get(mlir::VectorType::get(lanes, i64),
                                     mlir::ArrayRef<int64_t>(numbers)));
    Value all = mlir::vector::BroadcastOp::create(b, loc, iota.getType(), count);
    return less(iota, all);
  }
  Value loadMasked(Value pointer, Value mask) {
    return mlir::LLVM::MaskedLoadOp::create(b, loc, vectorType(), pointer, mask,
                                            zeros(),
                                            b.getI32IntegerAttr(bytes()));
  }
  void storeMasked(Value value, Value pointer, Value mask) {
    mlir::LLVM::MaskedStoreOp::create(b, loc, value, pointer, mask,
                                      b.getI32IntegerAttr(bytes()));
  }

  Values loop(Value low, Value high, Value step, mlir::ValueRange init,
              llvm::function_ref<Values(Value, mlir::ValueRange)> body) {
    auto forOp = mlir::scf::ForOp::create(b, loc, low, high, step, init);
    mlir::OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(forOp.getBody());
    Values next = body(forOp.getInductionVar(), forOp.getRegionIterArgs());
    if (!init.empty())
      mlir::scf::YieldOp::create(b, loc, next);
    return Values(forOp.getResults());
  }
  void loop(Value low, Value high, int64_t step,
            llvm::function_ref<void(Value)> body) {
    loop(low, high, constant(step), body);
  }
  void loop(Value low, Value high, Value step,
            llvm::function_ref<void(Value)> body) {
    loop(low, high, step, {}, [&](Value i, mlir::ValueRange) {
      body(i);
      return Values();
    });
  }
  void ifThen(Value condition, llvm::function_ref<void()> then,
              llvm::function_ref<void()> otherwise = nullptr) {
    auto branch = mlir::scf::IfOp::create(b, loc, condition,
                                          static_cast<bool>(otherwise));
    mlir::OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    then();
    if (otherwise) {
      b.setInsertionPointToStart(branch.elseBlock());
      otherwise();
    }
  }
  Values ifElse(Value condition, mlir::TypeRange types,
                llvm::function_ref<Values()> then,
                llvm::function_ref<Values()> otherwise) {
    auto branch = mlir::scf::IfOp::create(b, loc, types, condition, true, true);
    mlir::OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    mlir::scf::YieldOp::create(b, loc, then());
    b.setInsertionPointToStart(branch.elseBlock());
    mlir::scf::YieldOp::create(b, loc, otherwise());
    return Values(branch.getResults());
  }
  /// Runs `body(number)` for the one of `low` .. `high` that `value` is.
  void switchOn(Value value, int64_t low, int64_t high,
                llvm::function_ref<void(int64_t)> body) {
    Value index =
        mlir::arith::IndexCastOp::create(b, loc, b.getIndexType(), value);
    llvm::SmallVector<int64_t> cases;
    for (int64_t i = low; i < high; ++i)
      cases.push_back(i);
    auto choice = mlir::scf::IndexSwitchOp::create(
        b, loc, mlir::TypeRange(), index, cases, cases.size());
    mlir::OpBuilder::InsertionGuard guard(b);
    auto write = [&](mlir::Region &region, int64_t number) {
      b.createBlock(&region);
      body(number);
      mlir::scf::YieldOp::create(b, loc);
    };
    for (auto [region, number] :
         llvm::zip_equal(choice.getCaseRegions(), cases))
      write(region, number);
    write(choice.getDefaultRegion(), high);
  }
};

} // namespace rnnc::codegen

#endif
