//===- ElementwiseOps.cpp - arith, math and tensor, entry by entry --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream ops on scalars and on tensors of equal shapes.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/Interpreter/Handlers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>

using namespace mlir;
using namespace rnnc::rnn;

static llvm::Error sameShape(Operands operands) {
  for (const Array *operand : operands.drop_front())
    if (operand->shape != operands.front()->shape)
      return fault("extents do not agree: ", shapeText(operands.front()->shape),
                   " and ", shapeText(operand->shape));
  return llvm::Error::success();
}

/// Result type of the first result.
static llvm::Expected<DType> resultType(Operation *op) {
  return dtypeOf(op->getResult(0).getType());
}

/// One real operand.
template <class F> static llvm::Expected<Array> unary(Operands in, F f) {
  Array result = Array::zeros(in[0]->dtype, in[0]->shape);
  withReal(result.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < result.size(); ++i)
      result.as<T>()[i] = f(in[0]->as<T>()[i]);
  });
  return result;
}

/// Two real operands.
template <class F> static llvm::Expected<Array> binary(Operands in, F f) {
  if (llvm::Error error = sameShape(in))
    return error;
  Array result = Array::zeros(in[0]->dtype, in[0]->shape);
  withReal(result.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < result.size(); ++i)
      result.as<T>()[i] = f(in[0]->as<T>()[i], in[1]->as<T>()[i]);
  });
  return result;
}

/// Two integer operands, computed in 64 bits and wrapped; `f` gives nothing
/// where the result is not defined.
template <class F> static llvm::Expected<Array> integers(Operands in, F f) {
  if (llvm::Error error = sameShape(in))
    return error;
  Array result = Array::zeros(in[0]->dtype, in[0]->shape);
  for (int64_t i = 0; i < result.size(); ++i) {
    std::optional<int64_t> value = f(in[0]->integer(i), in[1]->integer(i));
    if (!value)
      return fault("division by zero");
    withType(result.dtype, [&](auto zero) {
      using T = decltype(zero);
      result.as<T>()[i] = result.dtype == DType::I1 ? static_cast<T>(*value & 1)
                                                    : static_cast<T>(*value);
    });
  }
  return result;
}

/// An operand converted to the result's element type.
static llvm::Expected<Array> convert(Operation *op, Operands in,
                                     bool isSigned) {
  llvm::Expected<DType> dtype = resultType(op);
  if (!dtype)
    return dtype.takeError();
  Array result = Array::zeros(*dtype, in[0]->shape);
  for (int64_t i = 0; i < result.size(); ++i)
    withType(*dtype, [&](auto zero) {
      using T = decltype(zero);
      if (in[0]->isReal()) {
        double value = in[0]->number(i);
        // Out of range is undefined in C++; the ops say poison.
        if (std::is_integral_v<T> &&
            !(std::fabs(value) < static_cast<double>(int64_t(1) << 62)))
          value = 0;
        result.as<T>()[i] = std::is_integral_v<T>
                                ? static_cast<T>(static_cast<int64_t>(value))
                                : static_cast<T>(value);
        return;
      }
      int64_t value = in[0]->integer(i);
      if (in[0]->dtype == DType::I1 && isSigned)
        value = -value;
      else if (in[0]->dtype == DType::I32 && !isSigned)
        value = static_cast<uint32_t>(value);
      result.as<T>()[i] = static_cast<T>(value);
      if (*dtype == DType::I1)
        result.as<T>()[i] = static_cast<T>(value & 1);
    });
  return result;
}

static bool compare(arith::CmpFPredicate predicate, double a, double b) {
  using P = arith::CmpFPredicate;
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case P::AlwaysFalse:
    return false;
  case P::AlwaysTrue:
    return true;
  case P::OEQ:
    return a == b;
  case P::OGT:
    return a > b;
  case P::OGE:
    return a >= b;
  case P::OLT:
    return a < b;
  case P::OLE:
    return a <= b;
  case P::ONE:
    return !unordered && a != b;
  case P::ORD:
    return !unordered;
  case P::UEQ:
    return unordered || a == b;
  case P::UGT:
    return unordered || a > b;
  case P::UGE:
    return unordered || a >= b;
  case P::ULT:
    return unordered || a < b;
  case P::ULE:
    return unordered || a <= b;
  case P::UNE:
    return unordered || a != b;
  case P::UNO:
    return unordered;
  }
  return false;
}

static bool compare(arith::CmpIPredicate predicate, int64_t a, int64_t b) {
  using P = arith::CmpIPredicate;
  auto ua = static_cast<uint64_t>(a), ub = static_cast<uint64_t>(b);
  switch (predicate) {
  case P::eq:
    return a == b;
  case P::ne:
    return a != b;
  case P::slt:
    return a < b;
  case P::sle:
    return a <= b;
  case P::sgt:
    return a > b;
  case P::sge:
    return a >= b;
  case P::ult:
    return ua < ub;
  case P::ule:
    return ua <= ub;
  case P::ugt:
    return ua > ub;
  case P::uge:
    return ua >= ub;
  }
  return false;
}

template <class Op>
static llvm::Expected<Array> compareAll(Operation *op, Operands in) {
  if (llvm::Error error = sameShape(in))
    return error;
  Array result = Array::zeros(DType::I1, in[0]->shape);
  for (int64_t i = 0; i < result.size(); ++i) {
    if constexpr (std::is_same_v<Op, arith::CmpFOp>)
      result.as<uint8_t>()[i] = compare(cast<Op>(op).getPredicate(),
                                        in[0]->number(i), in[1]->number(i));
    else
      result.as<uint8_t>()[i] = compare(cast<Op>(op).getPredicate(),
                                        in[0]->integer(i), in[1]->integer(i));
  }
  return result;
}

/// The condition has one entry, or one per entry of the values.
static llvm::Expected<Array> select(Operation *, Operands in) {
  if (llvm::Error error = sameShape(in.drop_front()))
    return error;
  bool single = in[0]->rank() == 0;
  if (!single && in[0]->shape != in[1]->shape)
    return fault("extents do not agree: ", shapeText(in[0]->shape), " and ",
                 shapeText(in[1]->shape));
  Array result = *in[1];
  size_t bytes = sizeOf(result.dtype);
  for (int64_t i = 0; i < result.size(); ++i)
    if (!in[0]->as<uint8_t>()[single ? 0 : i])
      std::memcpy(result.data.data() + i * bytes,
                  in[2]->data.data() + i * bytes, bytes);
  return result;
}

static llvm::Expected<Array> constant(Operation *op, Operands) {
  Attribute value = cast<arith::ConstantOp>(op).getValue();
  llvm::Expected<DType> dtype = resultType(op);
  if (!dtype)
    return dtype.takeError();
  auto store = [&](Array &array, int64_t i, auto number) {
    withType(array.dtype, [&](auto zero) {
      array.as<decltype(zero)>()[i] = static_cast<decltype(zero)>(number);
    });
  };
  if (auto dense = dyn_cast<DenseElementsAttr>(value)) {
    Array result = Array::zeros(*dtype, dense.getType().getShape());
    int64_t i = 0;
    if (result.isReal())
      for (const APFloat &entry : dense.getValues<APFloat>())
        store(result, i++,
              *dtype == DType::F32 ? static_cast<double>(entry.convertToFloat())
                                   : entry.convertToDouble());
    else
      for (const APInt &entry : dense.getValues<APInt>())
        store(result, i++,
              *dtype == DType::I1 ? static_cast<int64_t>(entry.getZExtValue())
                                  : entry.getSExtValue());
    return result;
  }
  Array result = Array::zeros(*dtype, {});
  if (auto number = dyn_cast<FloatAttr>(value))
    store(result, 0, number.getValueAsDouble());
  else if (auto number = dyn_cast<IntegerAttr>(value))
    store(result, 0,
          *dtype == DType::I1
              ? static_cast<int64_t>(number.getValue().getZExtValue())
              : number.getValue().getSExtValue());
  else
    return fault("no such constant: ", value);
  return result;
}

/// fma rounds once.
static llvm::Expected<Array> fusedMultiplyAdd(Operation *, Operands in) {
  if (llvm::Error error = sameShape(in))
    return error;
  Array result = Array::zeros(in[0]->dtype, in[0]->shape);
  withReal(result.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < result.size(); ++i)
      result.as<T>()[i] =
          std::fma(in[0]->as<T>()[i], in[1]->as<T>()[i], in[2]->as<T>()[i]);
  });
  return result;
}

/// A scalar in every place.
static llvm::Expected<Array> splat(Operation *op, Operands in) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<int64_t> shape(type.getShape());
  unsigned next = 1;
  for (int64_t &extent : shape)
    if (ShapedType::isDynamic(extent))
      extent = in[next++]->integer(0);
  Array result = Array::zeros(in[0]->dtype, shape);
  size_t bytes = sizeOf(result.dtype);
  for (int64_t i = 0; i < result.size(); ++i)
    std::memcpy(result.data.data() + i * bytes, in[0]->data.data(), bytes);
  return result;
}

static llvm::Expected<Array> fromElements(Operation *op, Operands in) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  llvm::Expected<DType> dtype = dtypeOf(type);
  if (!dtype)
    return dtype.takeError();
  Array result = Array::zeros(*dtype, type.getShape());
  size_t bytes = sizeOf(result.dtype);
  for (auto [i, element] : llvm::enumerate(in))
    std::memcpy(result.data.data() + i * bytes, element->data.data(), bytes);
  return result;
}

static llvm::Expected<Array> extract(Operation *, Operands in) {
  int64_t place = 0;
  for (auto [axis, index] : llvm::enumerate(in.drop_front())) {
    int64_t i = index->integer(0);
    if (i < 0 || i >= in[0]->shape[axis])
      return fault("index ", i, " into an axis of ", in[0]->shape[axis]);
    place += i * in[0]->stride(axis);
  }
  Array result = Array::zeros(in[0]->dtype, {});
  std::memcpy(result.data.data(),
              in[0]->data.data() + place * sizeOf(result.dtype),
              sizeOf(result.dtype));
  return result;
}

static llvm::Expected<Array> dim(Operation *, Operands in) {
  int64_t axis = in[1]->integer(0);
  if (axis < 0 || axis >= in[0]->rank())
    return fault("no axis ", axis, " in ", shapeText(in[0]->shape));
  return Array::index(in[0]->shape[axis]);
}

static llvm::Expected<Array> same(Operation *, Operands in) { return *in[0]; }

/// NaN if either is NaN, as arith.maximumf has it; +0 is above -0.
template <class T> static T maximum(T a, T b) {
  if (std::isnan(a) || std::isnan(b))
    return a + b;
  if (a == b)
    return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

static void addMath(Handlers &handlers) {
  handlers["math.exp"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::exp(x); });
  };
  handlers["math.exp2"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::exp2(x); });
  };
  handlers["math.expm1"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::expm1(x); });
  };
  handlers["math.log"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::log(x); });
  };
  handlers["math.log1p"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::log1p(x); });
  };
  handlers["math.sqrt"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::sqrt(x); });
  };
  handlers["math.rsqrt"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return 1 / std::sqrt(x); });
  };
  handlers["math.absf"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::fabs(x); });
  };
  handlers["math.floor"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::floor(x); });
  };
  handlers["math.ceil"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::ceil(x); });
  };
  handlers["math.round"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::round(x); });
  };
  handlers["math.roundeven"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::nearbyint(x); });
  };
  handlers["math.trunc"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::trunc(x); });
  };
  handlers["math.sin"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::sin(x); });
  };
  handlers["math.cos"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::cos(x); });
  };
  handlers["math.tanh"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::tanh(x); });
  };
  handlers["math.erf"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return std::erf(x); });
  };
  handlers["math.powf"] = [](Operation *, Operands in) {
    return binary(in, [](auto x, auto y) { return std::pow(x, y); });
  };
  handlers["math.copysign"] = [](Operation *, Operands in) {
    return binary(in, [](auto x, auto y) { return std::copysign(x, y); });
  };
  handlers["math.fma"] = fusedMultiplyAdd;
}

static void addReal(Handlers &handlers) {
  handlers["arith.negf"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) { return -x; });
  };
  handlers["arith.addf"] = [](Operation *, Operands in) {
    return binary(in, [](auto x, auto y) { return x + y; });
  };
  handlers["arith.subf"] = [](Operation *, Operands in) {
    return binary(in, [](auto x, auto y) { return x - y; });
  };
  handlers["arith.mulf"] = [](Operation *, Operands in) {
    return binary(in, [](auto x, auto y) { return x * y; });
  };
  handlers["arith.divf"] = [](Operation *, Operands in) {
    return binary(in, [](auto x, auto y) { return x / y; });
  };
  handlers["arith.remf"] = [](Operation *, Operands in) {
    return binary(in, [](auto x, auto y) { return std::fmod(x, y); });
  };
  handlers["arith.maximumf"] = [](Operation *, Operands in) {
    return binary(in, [](auto x, auto y) { return maximum(x, y); });
  };
  handlers["arith.minimumf"] = [](Operation *, Operands in) {
    return binary(in, [](auto x, auto y) { return -maximum(-x, -y); });
  };
  handlers["arith.maxnumf"] = [](Operation *, Operands in) {
    return binary(in, [](auto x, auto y) { return std::fmax(x, y); });
  };
  handlers["arith.minnumf"] = [](Operation *, Operands in) {
    return binary(in, [](auto x, auto y) { return std::fmin(x, y); });
  };
}

static void addInteger(Handlers &handlers) {
  using Opt = std::optional<int64_t>;
  // Sums wrap; unsigned arithmetic has no overflow.
  handlers["arith.addi"] = [](Operation *, Operands in) {
    return integers(in, [](uint64_t x, uint64_t y) { return Opt(x + y); });
  };
  handlers["arith.subi"] = [](Operation *, Operands in) {
    return integers(in, [](uint64_t x, uint64_t y) { return Opt(x - y); });
  };
  handlers["arith.muli"] = [](Operation *, Operands in) {
    return integers(in, [](uint64_t x, uint64_t y) { return Opt(x * y); });
  };
  handlers["arith.divsi"] = [](Operation *, Operands in) {
    return integers(in, [](int64_t x, int64_t y) {
      return y == 0 ? Opt() : Opt(y == -1 ? -static_cast<uint64_t>(x) : x / y);
    });
  };
  handlers["arith.remsi"] = [](Operation *, Operands in) {
    return integers(in, [](int64_t x, int64_t y) {
      return y == 0 ? Opt() : Opt(y == -1 ? 0 : x % y);
    });
  };
  handlers["arith.floordivsi"] = [](Operation *, Operands in) {
    return integers(in, [](int64_t x, int64_t y) {
      if (y == 0)
        return Opt();
      if (y == -1)
        return Opt(-static_cast<uint64_t>(x));
      return Opt(x / y - (x % y != 0 && (x < 0) != (y < 0)));
    });
  };
  handlers["arith.maxsi"] = [](Operation *, Operands in) {
    return integers(in,
                    [](int64_t x, int64_t y) { return Opt(x > y ? x : y); });
  };
  handlers["arith.minsi"] = [](Operation *, Operands in) {
    return integers(in,
                    [](int64_t x, int64_t y) { return Opt(x < y ? x : y); });
  };
  handlers["arith.andi"] = [](Operation *, Operands in) {
    return integers(in, [](int64_t x, int64_t y) { return Opt(x & y); });
  };
  handlers["arith.ori"] = [](Operation *, Operands in) {
    return integers(in, [](int64_t x, int64_t y) { return Opt(x | y); });
  };
  handlers["arith.xori"] = [](Operation *, Operands in) {
    return integers(in, [](int64_t x, int64_t y) { return Opt(x ^ y); });
  };
}

void rnnc::rnn::addElementwiseOps(Handlers &handlers) {
  addMath(handlers);
  addReal(handlers);
  addInteger(handlers);
  for (StringRef name :
       {"arith.sitofp", "arith.fptosi", "arith.extf", "arith.truncf",
        "arith.extsi", "arith.trunci", "arith.index_cast"})
    handlers[name] = [](Operation *op, Operands in) {
      return convert(op, in, /*isSigned=*/true);
    };
  for (StringRef name :
       {"arith.uitofp", "arith.fptoui", "arith.extui", "arith.index_castui"})
    handlers[name] = [](Operation *op, Operands in) {
      return convert(op, in, /*isSigned=*/false);
    };
  handlers["arith.cmpf"] = compareAll<arith::CmpFOp>;
  handlers["arith.cmpi"] = compareAll<arith::CmpIOp>;
  handlers["arith.select"] = select;
  handlers["arith.constant"] = constant;
  handlers["tensor.splat"] = splat;
  handlers["tensor.from_elements"] = fromElements;
  handlers["tensor.extract"] = extract;
  handlers["tensor.dim"] = dim;
  handlers["tensor.cast"] = same;
  // Where gradients stop the value goes on.
  handlers["grad.stop"] = same;
  handlers["rnn.sigmoid"] = [](Operation *, Operands in) {
    // No overflow on either side.
    return unary(in, [](auto x) {
      auto e = std::exp(-std::fabs(x));
      return x >= 0 ? 1 / (1 + e) : (std::isnan(x) ? x : e / (1 + e));
    });
  };
  handlers["rnn.softplus"] = [](Operation *, Operands in) {
    return unary(in, [](auto x) {
      return maximum(x, decltype(x)(0)) + std::log1p(std::exp(-std::fabs(x)));
    });
  };
}
