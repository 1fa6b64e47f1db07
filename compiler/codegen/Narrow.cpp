//===- Narrow.cpp - Products of bf16 numbers ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding is made of integer operations where the CPU has no instruction for
// it: LLVM would call a function of the compiler's own library.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Narrow.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rnnc::codegen;

/// i32, or a vector of as many.
static Type integersLike(Type type) {
  Type i32 = IntegerType::get(type.getContext(), 32);
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(i32);
  return i32;
}

Value Narrow::integer(Type type, int64_t value) {
  Attribute attr = b.getI32IntegerAttr(static_cast<int32_t>(value));
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vector, attr);
  return arith::ConstantOp::create(b, loc, cast<TypedAttr>(attr));
}

Value Narrow::intrinsic(StringRef name, Type type, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, loc, type, b.getStringAttr(name),
                                       operands)
      .getResult(0);
}

Value Narrow::bits(Value numbers) {
  Type type = integersLike(numbers.getType());
  Value raw = arith::BitcastOp::create(b, loc, type, numbers);
  Value odd = arith::AndIOp::create(
      b, loc, arith::ShRUIOp::create(b, loc, raw, integer(type, 16)),
      integer(type, 1));
  Value up = arith::AddIOp::create(b, loc, odd, integer(type, 0x7fff));
  Value nearest = arith::AddIOp::create(b, loc, raw, up);
  // Rounding must not turn NaN into infinity.
  Value quiet = arith::OrIOp::create(b, loc, raw, integer(type, 0x400000));
  Value isNaN = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO,
                                      numbers, numbers);
  Value result = arith::SelectOp::create(b, loc, isNaN, quiet, nearest);
  return arith::AndIOp::create(b, loc, result, integer(type, 0xffff0000));
}

Value Narrow::rounded(Value numbers) {
  return arith::BitcastOp::create(b, loc, numbers.getType(), bits(numbers));
}

Value Narrow::pairs(Value low, Value high) {
  auto numbers = cast<VectorType>(low.getType());
  Type type = integersLike(numbers);
  if (isNative) {
    int64_t lanes = numbers.getNumElements();
    auto both = VectorType::get(2 * lanes, b.getBF16Type());
    // The first operand goes to the upper half.
    Value halves = intrinsic("llvm.x86.avx512bf16.cvtne2ps2bf16.512", both,
                             {high, low});
    SmallVector<int64_t> order;
    for (int64_t i = 0; i < lanes; ++i)
      order.append({i, lanes + i});
    halves = vector::ShuffleOp::create(b, loc, halves, halves, order);
    return vector::BitCastOp::create(b, loc, cast<VectorType>(type), halves);
  }
  Value below =
      arith::ShRUIOp::create(b, loc, bits(low), integer(type, 16));
  return arith::OrIOp::create(b, loc, bits(high), below);
}

Value Narrow::neighbours(Value first, Value second) {
  auto numbers = cast<VectorType>(first.getType());
  int64_t lanes = numbers.getNumElements();
  if (isNative) {
    auto both = VectorType::get(2 * lanes, b.getBF16Type());
    Value halves = intrinsic("llvm.x86.avx512bf16.cvtne2ps2bf16.512", both,
                             {second, first});
    return vector::BitCastOp::create(
        b, loc, cast<VectorType>(integersLike(numbers)), halves);
  }
  SmallVector<int64_t> even, odd;
  for (int64_t i = 0; i < lanes; ++i) {
    even.push_back(2 * i);
    odd.push_back(2 * i + 1);
  }
  return pairs(vector::ShuffleOp::create(b, loc, first, second, even),
               vector::ShuffleOp::create(b, loc, first, second, odd));
}

Value Narrow::multiply(Value left, Value right, Value sum) {
  auto type = cast<VectorType>(left.getType());
  if (isNative) {
    auto both = VectorType::get(2 * type.getNumElements(), b.getBF16Type());
    return intrinsic("llvm.x86.avx512bf16.dpbf16ps.512", sum.getType(),
                     {sum, vector::BitCastOp::create(b, loc, both, left),
                      vector::BitCastOp::create(b, loc, both, right)});
  }
  auto half = [&](Value pairs, bool isHigh) -> Value {
    Value bits = isHigh ? Value(arith::AndIOp::create(
                              b, loc, pairs, integer(type, 0xffff0000)))
                        : Value(arith::ShLIOp::create(b, loc, pairs,
                                                      integer(type, 16)));
    return arith::BitcastOp::create(b, loc, sum.getType(), bits);
  };
  for (bool isHigh : {false, true})
    sum = math::FmaOp::create(b, loc, half(left, isHigh), half(right, isHigh),
                              sum);
  return sum;
}
