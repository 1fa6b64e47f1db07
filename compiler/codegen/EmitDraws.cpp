//===- EmitDraws.cpp - Random numbers --------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counter-based draws: an entry depends on the key, the stream, the step and
// its number, so threads share entries in any way. One counter gives four
// entries; vectors run over counters.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

namespace {
/// Code on 32-bit words: scalars, or vectors of `lanes`.
struct Words {
  OpBuilder &b;
  Location loc;
  int64_t lanes;

  Type widen(Type type) const {
    return lanes ? VectorType::get(lanes, type) : type;
  }
  Value word(uint32_t number) {
    TypedAttr attr = b.getI32IntegerAttr(static_cast<int32_t>(number));
    if (lanes)
      attr = DenseElementsAttr::get(
          cast<VectorType>(widen(b.getI32Type())), Attribute(attr));
    return arith::ConstantOp::create(b, loc, attr);
  }
  Value real(Type element, double number) {
    TypedAttr attr = b.getFloatAttr(element, number);
    if (lanes)
      attr = DenseElementsAttr::get(cast<VectorType>(widen(element)),
                                    Attribute(attr));
    return arith::ConstantOp::create(b, loc, attr);
  }
  Value spread(Value scalar) {
    return lanes ? vector::BroadcastOp::create(
                       b, loc, widen(scalar.getType()), scalar)
                 : scalar;
  }
};
} // namespace

/// Four words of Philox4x32-10 (Salmon et al. 2011) for a counter of four
/// 32-bit words and a key of two.
static SmallVector<Value> philox(Words &w, SmallVector<Value> counter,
                                 SmallVector<Value> key) {
  OpBuilder &b = w.b;
  Location loc = w.loc;
  for (int round = 0; round < 10; ++round) {
    if (round) {
      key[0] = arith::AddIOp::create(b, loc, key[0], w.word(0x9E3779B9));
      key[1] = arith::AddIOp::create(b, loc, key[1], w.word(0xBB67AE85));
    }
    auto low =
        arith::MulUIExtendedOp::create(b, loc, w.word(0xD2511F53), counter[0]);
    auto high =
        arith::MulUIExtendedOp::create(b, loc, w.word(0xCD9E8D57), counter[2]);
    auto mix = [&](Value x, Value y, Value z) -> Value {
      return arith::XOrIOp::create(b, loc,
                                   arith::XOrIOp::create(b, loc, x, y), z);
    };
    counter = {mix(high.getHigh(), counter[1], key[0]), high.getLow(),
               mix(low.getHigh(), counter[3], key[1]), low.getLow()};
  }
  return counter;
}

/// Four entries per counter, from its words.
static SmallVector<Value> entriesOf(Words &w, ArrayRef<Value> words,
                                    Type element, bool normal) {
  OpBuilder &b = w.b;
  Location loc = w.loc;
  SmallVector<Value> draws;
  for (Value bits : words) {
    Value shifted = arith::ShRUIOp::create(b, loc, bits, w.word(8));
    Value number =
        arith::UIToFPOp::create(b, loc, w.widen(element), shifted);
    draws.push_back(
        arith::MulFOp::create(b, loc, number, w.real(element, 0x1p-24)));
  }
  if (!normal)
    return draws;
  // Box and Muller 1958, on words (0, 1) and (2, 3).
  for (int i = 0; i < 4; i += 2) {
    Value u = arith::SubFOp::create(b, loc, w.real(element, 1), draws[i]);
    Value radius = math::SqrtOp::create(
        b, loc,
        arith::MulFOp::create(b, loc, w.real(element, -2),
                              math::LogOp::create(b, loc, u)));
    Value angle = arith::MulFOp::create(
        b, loc, w.real(element, 6.283185307179586), draws[i + 1]);
    draws[i] = arith::MulFOp::create(b, loc, radius,
                                     math::CosOp::create(b, loc, angle));
    draws[i + 1] = arith::MulFOp::create(b, loc, radius,
                                         math::SinOp::create(b, loc, angle));
  }
  return draws;
}

/// The entries of four vectors in turn: a0 b0 c0 d0 a1 b1 ..
static Value inTurn(OpBuilder &b, Location loc, ArrayRef<Value> vectors) {
  auto two = [&](Value x, Value y) -> Value {
    int64_t count = cast<VectorType>(x.getType()).getNumElements();
    SmallVector<int64_t> places;
    for (int64_t i = 0; i < count; ++i)
      places.append({i, count + i});
    return vector::ShuffleOp::create(b, loc, x, y, places);
  };
  return two(two(vectors[0], vectors[2]), two(vectors[1], vectors[3]));
}

LogicalResult Emitter::emitDraw(Operation *op, Value keyValue, int64_t stream,
                                Value at_, ValueRange, bool sequence,
                                bool normal) {
  auto shape = shapeOf(op->getResult(0));
  if (failed(shape))
    return failure();
  View out = destination(op->getResult(0), *shape);
  Type element = out.element;
  Value key = scalars.lookup(keyValue);
  auto narrow = [&](Value wide) -> Value {
    return arith::TruncIOp::create(b, loc, b.getI32Type(), wide);
  };
  auto upper = [&](Value wide) -> Value {
    return narrow(arith::ShRUIOp::create(b, loc, wide, constant(32)));
  };
  Value keyLow = narrow(key), keyHigh = upper(key);
  // Groups [low, high) of four entries of one step.
  auto drawGroups = [&](const View &step, Value t, Value low, Value high) {
    Value entries = value(product(step.sizes));
    bool contiguous = step.isContiguous();
    int64_t lanes = contiguous && element.isF32() ? vectorBits / 32 : 0;
    Value scalarLow = low;
    Value step32 = narrow(t);
    if (lanes) {
      // Whole vectors of whole groups.
      Value full = arith::MinSIOp::create(
          b, loc, high, arith::DivSIOp::create(b, loc, entries, constant(4)));
      Value count = arith::MaxSIOp::create(
          b, loc, arith::SubIOp::create(b, loc, full, low), constant(0));
      scalarLow = add(low, arith::SubIOp::create(
                               b, loc, count,
                               arith::RemSIOp::create(b, loc, count,
                                                      constant(lanes))));
      Words w{b, loc, lanes};
      SmallVector<int32_t> numbers;
      for (int64_t i = 0; i < lanes; ++i)
        numbers.push_back(i);
      Value iota = arith::ConstantOp::create(
          b, loc,
          DenseElementsAttr::get(VectorType::get(lanes, b.getI32Type()),
                                 ArrayRef<int32_t>(numbers)));
      forRange(low, scalarLow, lanes, [&](Value group) {
        Value first = w.spread(narrow(group));
        Value low32 = arith::AddIOp::create(b, loc, first, iota);
        Value carry = arith::ExtUIOp::create(
            b, loc, low32.getType(),
            compare(arith::CmpIPredicate::ult, low32, first));
        Value high32 =
            arith::AddIOp::create(b, loc, w.spread(upper(group)), carry);
        SmallVector<Value> words =
            philox(w,
                   {low32, high32, w.word(static_cast<uint32_t>(stream)),
                    w.spread(step32)},
                   {w.spread(keyLow), w.spread(keyHigh)});
        store(inTurn(b, loc, entriesOf(w, words, element, normal)),
              offset(step.base, mul(group, constant(4)), element));
      });
    }
    forRange(scalarLow, high, 1, [&](Value group) {
      Words w{b, loc, 0};
      SmallVector<Value> words =
          philox(w,
                 {narrow(group), upper(group),
                  w.word(static_cast<uint32_t>(stream)), step32},
                 {keyLow, keyHigh});
      SmallVector<Value> draws = entriesOf(w, words, element, normal);
      Value first = mul(group, constant(4));
      for (int i = 0; i < 4; ++i) {
        Value number = add(first, constant(i));
        ifThen(compare(arith::CmpIPredicate::slt, number, entries), [&] {
          Value place;
          if (contiguous) {
            place = offset(step.base, number, element);
          } else {
            SmallVector<Value> index(step.rank());
            Value left = number;
            for (int64_t d = step.rank() - 1; d >= 0; --d) {
              Value size = value(step.sizes[d]);
              index[d] = arith::RemSIOp::create(b, loc, left, size);
              left = arith::DivSIOp::create(b, loc, left, size);
            }
            place = pointerAt(step, index);
          }
          store(draws[i], place);
        });
      }
    });
  };
  auto groupsOf = [&](const View &step) -> Value {
    return arith::DivSIOp::create(
        b, loc, add(value(product(step.sizes)), constant(3)), constant(4));
  };
  views[op->getResult(0)] = out;
  if (sequence) {
    Partition share = partition({out.sizes[0], Monomial(1)});
    access(share, {}, {}, {out});
    forRange(share.low, share.high, 1, [&](Value t) {
      View step = at(out, 0, t);
      Value number = at_ ? add(scalars.lookup(at_), t) : t;
      drawGroups(step, number, constant(0), groupsOf(step));
    });
    return success();
  }
  Value t = at_ ? scalars.lookup(at_) : constant(0);
  // Rows of whole groups stay with the threads of those rows.
  Partition share = partition(out.sizes);
  if (share.key != "serial") {
    Monomial inner = product(ArrayRef<Monomial>(out.sizes).drop_front(share.dims));
    if (inner.isConstant() && inner.coefficient % 4 == 0 &&
        out.isContiguous()) {
      access(share, {}, {}, {out});
      Value groups = constant(inner.coefficient / 4);
      drawGroups(out, t, mul(share.low, groups), mul(share.high, groups));
      return success();
    }
  }
  Value groups = groupsOf(out);
  auto bound = [&](Value number) -> Value {
    return arith::DivSIOp::create(b, loc, mul(groups, number), threads);
  };
  share = {"draws", bound(thread), bound(add(thread, constant(1)))};
  for (const Monomial &size : out.sizes) {
    share.key += "x" + std::to_string(size.coefficient);
    for (int extent : size.extents)
      share.key += "." + std::to_string(extent);
  }
  access(share, {}, {}, {out});
  drawGroups(out, t, share.low, share.high);
  return success();
}
