//===- Elementary.cpp - Elementary functions as arithmetic ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// exp: x = n log 2 + r with |r| <= log(2) / 2; e^x = 2^n (1 + r + r^2 P(r)).
// log: x = 2^n m with m in [sqrt(1/2), sqrt 2), then n log 2 + log1p(m - 1).
// P are minimax polynomials (Cephes, S. Moshier, expf.c and logf.c). n is
// rounded by adding 1.5 * 2^23, after which the low bits of the sum are n.
// NaN passes because limits are set by `x > limit ? limit : x`.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/math/Elementary.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinTypes.h"
#include <limits>

using namespace mlir;
using namespace rnnc;

namespace {
/// Writes arithmetic on floats of one type and integers of the same shape.
class Writer {
public:
  Writer(OpBuilder &b, Location loc, Type type)
      : b(b), loc(loc), type(type),
        integer(b.getIntegerType(
            getElementTypeOrSelf(type).getIntOrFloatBitWidth())) {
    if (auto vector = dyn_cast<VectorType>(type))
      integer = vector.clone(integer);
  }

  Value number(double value) const {
    Attribute attr = b.getFloatAttr(getElementTypeOrSelf(type), value);
    return constant(type, attr);
  }
  Value whole(int32_t value) const {
    Attribute attr = b.getIntegerAttr(getElementTypeOrSelf(integer), value);
    return constant(integer, attr);
  }

  Value add(Value x, Value y) const {
    return arith::AddFOp::create(b, loc, x, y);
  }
  Value sub(Value x, Value y) const {
    return arith::SubFOp::create(b, loc, x, y);
  }
  Value mul(Value x, Value y) const {
    return arith::MulFOp::create(b, loc, x, y);
  }
  Value div(Value x, Value y) const {
    return arith::DivFOp::create(b, loc, x, y);
  }
  Value neg(Value x) const { return arith::NegFOp::create(b, loc, x); }
  Value abs(Value x) const { return math::AbsFOp::create(b, loc, x); }
  Value withSign(Value x, Value sign) const {
    return math::CopySignOp::create(b, loc, x, sign);
  }
  /// x * y + z, rounded once.
  Value fma(Value x, Value y, Value z) const {
    return math::FmaOp::create(b, loc, x, y, z);
  }

  Value addi(Value x, Value y) const {
    return arith::AddIOp::create(b, loc, x, y);
  }
  Value subi(Value x, Value y) const {
    return arith::SubIOp::create(b, loc, x, y);
  }
  Value andi(Value x, Value y) const {
    return arith::AndIOp::create(b, loc, x, y);
  }
  Value shiftLeft(Value x, int32_t bits) const {
    return arith::ShLIOp::create(b, loc, x, whole(bits));
  }
  Value shiftRight(Value x, int32_t bits) const {
    return arith::ShRSIOp::create(b, loc, x, whole(bits));
  }
  Value toFloat(Value x) const {
    return arith::SIToFPOp::create(b, loc, type, x);
  }
  Value bitsOf(Value x) const {
    return arith::BitcastOp::create(b, loc, integer, x);
  }
  Value fromBits(Value x) const {
    return arith::BitcastOp::create(b, loc, type, x);
  }

  Value greater(Value x, Value y) const {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, y);
  }
  Value less(Value x, Value y) const {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x, y);
  }
  Value equal(Value x, Value y) const {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, y);
  }
  Value select(Value condition, Value yes, Value no) const {
    return arith::SelectOp::create(b, loc, condition, yes, no);
  }
  /// The smaller one; x if x is NaN.
  Value atMost(Value x, double limit) const {
    Value bound = number(limit);
    return select(greater(x, bound), bound, x);
  }
  /// The greater one; x if x is NaN.
  Value atLeast(Value x, double limit) const {
    Value bound = number(limit);
    return select(less(x, bound), bound, x);
  }

  /// c[0] x^n + ... + c[n] by Horner's rule.
  Value polynomial(Value x, ArrayRef<double> c) const {
    Value sum = number(c.front());
    for (double next : c.drop_front())
      sum = fma(sum, x, number(next));
    return sum;
  }

private:
  Value constant(Type type, Attribute attr) const {
    TypedAttr value = cast<TypedAttr>(attr);
    if (auto vector = dyn_cast<VectorType>(type))
      value = DenseElementsAttr::get(vector, attr);
    return arith::ConstantOp::create(b, loc, value);
  }

  OpBuilder &b;
  Location loc;
  Type type;
  Type integer;
};

/// e^x = 2^n (1 + tail). `bits` is the pattern of 1.5 * 2^23 + bias + n, whose
/// low 22 bits are those of bias + n.
struct Exponential {
  Value bits, tail;
};
} // namespace

/// log 2 in two parts; n times the first is exact for |n| <= 2^15.
static constexpr double kLog2High = 0.693359375;
static constexpr double kLog2Low = -2.12194440054690583e-4;
static constexpr double kLog2E = 1.44269504088896341;
/// Adding it, or it and a small whole number, rounds to a whole number.
static constexpr double kRound = 0x1.8p23;
static constexpr double kInfinity = std::numeric_limits<double>::infinity();
static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// What a float's exponent field adds to the exponent.
static constexpr int kBias = 127;
/// The bias of scaleTwice.
static constexpr int kBiasTwice = 2 * kBias;

/// e^r - 1 for |r| <= log(2) / 2.
static Value expTail(const Writer &w, Value r) {
  Value p =
      w.polynomial(r, {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
                       4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1});
  return w.fma(p, w.mul(r, r), r);
}

/// The parts of e^x for |x| up to about 180.
static Exponential splitExp(const Writer &w, Value x, int bias) {
  Value round = w.number(kRound + bias);
  Value rounded = w.fma(x, w.number(kLog2E), round);
  Value n = w.sub(rounded, round);
  Value r = w.fma(n, w.number(-kLog2High), x);
  r = w.fma(n, w.number(-kLog2Low), r);
  return {w.bitsOf(rounded), expTail(w, r)};
}

/// 2^(n + bias - 127), which must be a normal float.
static Value powerOfTwo(const Writer &w, Value bits) {
  return w.fromBits(w.shiftLeft(bits, 23));
}

/// 2^n (1 + tail) for parts with kBiasTwice. 2^n itself may be too small or
/// large for a float, so it is two factors: of n' = n + 254 the one has n' / 2
/// in its exponent field, the other n' - n' / 2. Only the second product may
/// leave the normal floats, and rounds there once.
static Value scaleTwice(const Writer &w, const Exponential &e) {
  Value half = w.andi(w.shiftLeft(e.bits, 22), w.whole(0x7F800000));
  Value rest = w.subi(w.shiftLeft(e.bits, 23), half);
  Value first = w.fromBits(half);
  return w.mul(w.fma(e.tail, first, first), w.fromBits(rest));
}

/// e^x for x <= 89: e^-104 rounds to 0, e^89 to infinity.
static Value expBelow89(const Writer &w, Value x) {
  return scaleTwice(w, splitExp(w, w.atLeast(x, -104), kBiasTwice));
}

Value elementary::exp(OpBuilder &b, Location loc, Value x) {
  Writer w(b, loc, x.getType());
  return expBelow89(w, w.atMost(x, 89));
}

Value elementary::exp2(OpBuilder &b, Location loc, Value x) {
  Writer w(b, loc, x.getType());
  Value y = w.atLeast(w.atMost(x, 129), -151);
  Value round = w.number(kRound + kBiasTwice);
  Value rounded = w.add(y, round);
  // y - n is exact; e^(r log 2) = 2^r.
  Value r =
      w.mul(w.sub(y, w.sub(rounded, round)), w.number(0.693147180559945309));
  return scaleTwice(w, {w.bitsOf(rounded), expTail(w, r)});
}

Value elementary::expm1(OpBuilder &b, Location loc, Value x) {
  Writer w(b, loc, x.getType());
  // Below -20 the result is -1. Half of 2^n is a float for all n, and doubling
  // at the end overflows where it should.
  Value limited = w.atLeast(w.atMost(x, 89), -20);
  Exponential e = splitExp(w, limited, kBias - 1);
  Value half = powerOfTwo(w, e.bits);
  Value r = w.fma(e.tail, half, w.sub(half, w.number(0.5)));
  r = w.add(r, r);
  // Halves of denormals are not exact; there expm1(x) = x.
  return w.select(w.less(w.abs(x), w.number(0x1p-25)), x, r);
}

Value elementary::sigmoid(OpBuilder &b, Location loc, Value x) {
  Writer w(b, loc, x.getType());
  // e = 2^24 e^-|x| is never denormal, and the division rounds a denormal
  // result once: (x < 0 ? e : 2^24) / (2^24 + e).
  Value a = w.atLeast(w.neg(w.abs(x)), -104);
  Exponential parts = splitExp(w, a, kBias + 24);
  Value scale = powerOfTwo(w, parts.bits);
  Value e = w.fma(parts.tail, scale, scale);
  Value one = w.number(0x1p24);
  return w.div(w.select(w.less(x, w.number(0)), e, one), w.add(one, e));
}

Value elementary::tanh(OpBuilder &b, Location loc, Value x) {
  Writer w(b, loc, x.getType());
  // m / (m + 2) with m = e^(2|x|) - 1; above 9.1 that is 1. Doubling is exact.
  Value a = w.atMost(w.abs(x), 9.1);
  Exponential parts = splitExp(w, w.add(a, a), kBias);
  Value scale = powerOfTwo(w, parts.bits);
  Value m = w.fma(parts.tail, scale, w.sub(scale, w.number(1)));
  return w.withSign(w.div(m, w.add(m, w.number(2))), x);
}

/// log(1 + f) - f for f in [sqrt(1/2) - 1, sqrt(2) - 1], in two parts whose sum
/// it is: the greater is -f^2 / 2.
static std::pair<Value, Value> logTail(const Writer &w, Value f) {
  Value z = w.mul(f, f);
  Value p =
      w.polynomial(f, {7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1,
                       -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
                       2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1});
  return {w.mul(z, w.number(-0.5)), w.mul(w.mul(f, z), p)};
}

/// The bits of x as 2^n m: (n, m), m in [sqrt(1/2), sqrt 2).
static std::pair<Value, Value> splitLog(const Writer &w, Value x) {
  constexpr int32_t kRootHalf = 0x3F3504F3;
  Value shifted = w.subi(w.bitsOf(x), w.whole(kRootHalf));
  Value n = w.toFloat(w.shiftRight(shifted, 23));
  Value m = w.fromBits(
      w.addi(w.andi(shifted, w.whole(0x007FFFFF)), w.whole(kRootHalf)));
  return {n, m};
}

/// n log 2 + log(1 + f) + extra.
static Value sumLog(const Writer &w, Value n, Value f, Value extra) {
  auto [square, rest] = logTail(w, f);
  if (extra)
    rest = w.add(rest, extra);
  rest = w.fma(n, w.number(kLog2Low), rest);
  return w.fma(n, w.number(kLog2High), w.add(f, w.add(square, rest)));
}

/// The values of a logarithm where it has no finite one. NaN gives NaN, since
/// no comparison with it holds.
static Value limitLog(const Writer &w, Value x, Value result, double zero) {
  result = w.select(w.less(x, w.number(kInfinity)), result, x);
  result = w.select(w.equal(x, w.number(zero)), w.number(-kInfinity), result);
  return w.select(w.less(x, w.number(zero)), w.number(kNaN), result);
}

/// Denormals times 2^23, and 23 where that was done.
static std::pair<Value, Value> liftDenormals(const Writer &w, Value x) {
  Value denormal = w.less(x, w.number(0x1p-126));
  return {w.select(denormal, w.mul(x, w.number(0x1p23)), x),
          w.select(denormal, w.number(23), w.number(0))};
}

Value elementary::log(OpBuilder &b, Location loc, Value x) {
  Writer w(b, loc, x.getType());
  auto [y, lifted] = liftDenormals(w, x);
  auto [n, m] = splitLog(w, y);
  Value r = sumLog(w, w.sub(n, lifted), w.sub(m, w.number(1)), nullptr);
  return limitLog(w, x, r, 0);
}

Value elementary::log2(OpBuilder &b, Location loc, Value x) {
  Writer w(b, loc, x.getType());
  auto [y, lifted] = liftDenormals(w, x);
  auto [n, m] = splitLog(w, y);
  Value f = w.sub(m, w.number(1));
  auto [square, rest] = logTail(w, f);
  Value log = w.add(f, w.add(square, rest));
  return limitLog(w, x, w.fma(log, w.number(kLog2E), w.sub(n, lifted)), 0);
}

/// log(1 + x) for x > -1. u = 1 + x is rounded; what it lacks, divided by u, is
/// added to log u.
static Value log1pInRange(const Writer &w, Value x) {
  Value one = w.number(1);
  Value u = w.add(one, x);
  Value back = w.sub(u, one);
  Value lack = w.add(w.sub(one, w.sub(u, back)), w.sub(x, back));
  auto [n, m] = splitLog(w, u);
  // Where nothing was scaled, f is x itself and nothing is lacking.
  Value plain = w.equal(n, w.number(0));
  Value f = w.select(plain, x, w.sub(m, one));
  Value extra = w.select(plain, w.number(0), w.div(lack, u));
  Value r = sumLog(w, n, f, extra);
  // Keeps -0.
  return w.select(w.less(w.abs(x), w.number(0x1p-25)), x, r);
}

Value elementary::log1p(OpBuilder &b, Location loc, Value x) {
  Writer w(b, loc, x.getType());
  return limitLog(w, x, log1pInRange(w, x), -1);
}

Value elementary::softplus(OpBuilder &b, Location loc, Value x) {
  Writer w(b, loc, x.getType());
  // max(x, 0) + log(1 + e^-|x|). e is at most 1, so u = 1 + e is at most 2.
  Value e = expBelow89(w, w.neg(w.abs(x)));
  Value high = w.greater(e, w.number(0.41421356));
  Value f = w.select(high, w.fma(e, w.number(0.5), w.number(-0.5)), e);
  Value n = w.select(high, w.number(1), w.number(0));
  return w.add(w.select(w.greater(x, w.number(0)), x, w.number(0)),
               sumLog(w, n, f, nullptr));
}

Value elementary::sigmoidByExp(OpBuilder &b, Location loc, Value x) {
  Writer w(b, loc, x.getType());
  Value e = math::ExpOp::create(b, loc, w.neg(w.abs(x)));
  Value one = w.number(1);
  return w.div(w.select(w.less(x, w.number(0)), e, one), w.add(one, e));
}

Value elementary::softplusByExp(OpBuilder &b, Location loc, Value x) {
  Writer w(b, loc, x.getType());
  Value e = math::ExpOp::create(b, loc, w.neg(w.abs(x)));
  return w.add(w.select(w.greater(x, w.number(0)), x, w.number(0)),
               math::Log1pOp::create(b, loc, e));
}
