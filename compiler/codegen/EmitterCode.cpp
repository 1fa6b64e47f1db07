//===- EmitterCode.cpp - Small pieces of code -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

/// The type a tensor's entries have in memory: a bool is a byte.
static Type memoryType(Type element) {
  return element.isInteger(1) ? IntegerType::get(element.getContext(), 8)
                              : element;
}

int64_t Emitter::lanesOf(Type element) const {
  unsigned bits = std::max(element.getIntOrFloatBitWidth(), 32u);
  return vectorBits / bits;
}

Value Emitter::constant(int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
}

/// The value of a monomial, made once at the function's entry.
Value Emitter::value(const Monomial &monomial) {
  if (monomial.isConstant())
    return constant(monomial.coefficient);
  std::pair<int64_t, std::vector<int>> key(
      monomial.coefficient, {monomial.extents.begin(), monomial.extents.end()});
  Value &known = monomialValues[key];
  if (known)
    return known;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(slotMarker);
  Value result = extentValues[monomial.extents.front()];
  for (int extent : ArrayRef<int>(monomial.extents).drop_front())
    result = mul(result, extentValues[extent]);
  if (monomial.coefficient != 1)
    result = mul(result, constant(monomial.coefficient));
  return known = result;
}

Value Emitter::add(Value x, Value y) {
  return b.createOrFold<arith::AddIOp>(loc, x, y);
}
Value Emitter::mul(Value x, Value y) {
  return b.createOrFold<arith::MulIOp>(loc, x, y);
}
Value Emitter::compare(arith::CmpIPredicate predicate, Value x, Value y) {
  return b.createOrFold<arith::CmpIOp>(loc, predicate, x, y);
}

Value Emitter::offset(Value pointer, Value entries, Type element) {
  if (matchPattern(entries, m_Zero()))
    return pointer;
  return LLVM::GEPOp::create(b, loc, ptr, memoryType(element), pointer,
                             ArrayRef<LLVM::GEPArg>{entries});
}

Value Emitter::load(Type type, Value pointer) {
  Type element = getElementTypeOrSelf(type);
  Type inMemory = memoryType(element);
  if (auto vector = dyn_cast<VectorType>(type))
    inMemory = VectorType::get(vector.getShape(), inMemory);
  unsigned bytes = isa<LLVM::LLVMPointerType>(element)
                       ? 8
                       : std::max(1u, element.getIntOrFloatBitWidth() / 8);
  Value value = LLVM::LoadOp::create(b, loc, inMemory, pointer, bytes);
  if (!element.isInteger(1))
    return value;
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(inMemory));
  return compare(arith::CmpIPredicate::ne, value, zero);
}

void Emitter::store(Value value, Value pointer) {
  Type element = getElementTypeOrSelf(value.getType());
  unsigned bytes = std::max(1u, element.getIntOrFloatBitWidth() / 8);
  if (element.isInteger(1)) {
    Type byte = b.getI8Type();
    if (auto vector = dyn_cast<VectorType>(value.getType()))
      byte = VectorType::get(vector.getShape(), byte);
    value = arith::ExtUIOp::create(b, loc, byte, value);
  }
  LLVM::StoreOp::create(b, loc, value, pointer, bytes);
}

void Emitter::forRange(Value low, Value high, int64_t step,
                       function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(b, loc, low, high, constant(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

Emitter::Values Emitter::forReduce(Value low, Value high, int64_t step,
                                   ValueRange init,
                                   function_ref<Values(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(b, loc, low, high, constant(step), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Values next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(b, loc, next);
  return Values(loop.getResults());
}

void Emitter::ifThen(Value condition, function_ref<void()> then) {
  auto branch = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  then();
}

Emitter::Values Emitter::ifElse(Value condition, TypeRange types,
                                function_ref<Values()> then,
                                function_ref<Values()> otherwise) {
  auto branch = scf::IfOp::create(b, loc, types, condition, /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, loc, then());
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, loc, otherwise());
  return Values(branch.getResults());
}

Value Emitter::floatConstant(Type type, double value) {
  Type element = getElementTypeOrSelf(type);
  TypedAttr attr = b.getFloatAttr(element, value);
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vector, Attribute(attr));
  return arith::ConstantOp::create(b, loc, attr);
}

Value Emitter::splat(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(
      b, loc, VectorType::get(lanes, scalar.getType()), scalar);
}

Value Emitter::laneMask(int64_t lanes, Value count) {
  SmallVector<int32_t> numbers(lanes);
  for (int64_t i = 0; i < lanes; ++i)
    numbers[i] = i;
  auto type = VectorType::get(lanes, b.getI32Type());
  Value iota = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, ArrayRef<int32_t>(numbers)));
  Value count32 = arith::TruncIOp::create(b, loc, b.getI32Type(), count);
  return compare(arith::CmpIPredicate::slt, iota, splat(count32, lanes));
}

Value Emitter::loadLanes(const View &view, Value pointer,
                         const Monomial &stride, int64_t lanes, Value count) {
  if (stride.isConstant(0))
    return splat(load(view.element, pointer), lanes);
  auto type = VectorType::get(lanes, view.element);
  if (stride.isConstant(1)) {
    if (!count)
      return load(type, pointer);
    Type inMemory = VectorType::get(lanes, memoryType(view.element));
    unsigned bytes = std::max(1u, view.element.getIntOrFloatBitWidth() / 8);
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(inMemory));
    Value loaded = LLVM::MaskedLoadOp::create(
        b, loc, inMemory, pointer, laneMask(lanes, count), zero,
        b.getI32IntegerAttr(bytes));
    return view.element.isInteger(1)
               ? compare(arith::CmpIPredicate::ne, loaded, zero)
               : loaded;
  }
  // Entries that lie apart: one by one.
  Value result = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  Value step = value(stride);
  Value end = count ? count : constant(lanes);
  return forReduce(constant(0), end, 1, result,
                   [&](Value i, ValueRange lanesSoFar) -> Values {
                     Value entry = load(view.element,
                                        offset(pointer, mul(i, step),
                                               view.element));
                     Value index =
                         arith::IndexCastOp::create(b, loc, b.getIndexType(), i);
                     return {vector::InsertOp::create(b, loc, entry,
                                                      lanesSoFar[0], index)};
                   })[0];
}

void Emitter::storeLanes(Value lanes, const View &view, Value pointer,
                         const Monomial &stride, Value count) {
  auto type = cast<VectorType>(lanes.getType());
  if (stride.isConstant(1)) {
    if (!count)
      return store(lanes, pointer);
    if (view.element.isInteger(1))
      lanes = arith::ExtUIOp::create(
          b, loc, VectorType::get(type.getShape(), b.getI8Type()), lanes);
    unsigned bytes = std::max(1u, view.element.getIntOrFloatBitWidth() / 8);
    LLVM::MaskedStoreOp::create(b, loc, lanes, pointer,
                                laneMask(type.getNumElements(), count),
                                b.getI32IntegerAttr(bytes));
    return;
  }
  Value step = value(stride);
  Value end = count ? count : constant(type.getNumElements());
  forRange(constant(0), end, 1, [&](Value i) {
    Value index = arith::IndexCastOp::create(b, loc, b.getIndexType(), i);
    Value entry = vector::ExtractOp::create(b, loc, lanes, index);
    store(entry, offset(pointer, mul(i, step), view.element));
  });
}

void Emitter::forLanes(const Monomial &size, int64_t lanes,
                       function_ref<void(Value, Value)> body) {
  if (size.isConstant()) {
    int64_t whole = size.coefficient / lanes * lanes;
    if (whole)
      forRange(constant(0), constant(whole), lanes,
               [&](Value i) { body(i, Value()); });
    if (whole < size.coefficient)
      body(constant(whole), constant(size.coefficient - whole));
    return;
  }
  Value end = value(size);
  Value rest = arith::RemSIOp::create(b, loc, end, constant(lanes));
  Value whole = arith::SubIOp::create(b, loc, end, rest);
  forRange(constant(0), whole, lanes, [&](Value i) { body(i, Value()); });
  ifThen(compare(arith::CmpIPredicate::sgt, rest, constant(0)),
         [&] { body(whole, rest); });
}
