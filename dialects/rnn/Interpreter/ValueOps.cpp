//===- ValueOps.cpp - Losses per row, counted values ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/Interpreter/Handlers.h"
#include <cmath>

using namespace mlir;
using namespace rnnc::rnn;

/// Greatest entry of a row of logits, and the sum of exp(z - greatest).
template <class T> static std::pair<T, T> logits(llvm::ArrayRef<T> row) {
  T top = row[0], sum = 0;
  for (T z : row)
    top = z > top || z != z ? z : top;
  for (T z : row)
    sum += std::exp(z - top);
  return {top, sum};
}

static llvm::Error checkClasses(const Array &z, const Array &y) {
  if (llvm::ArrayRef<int64_t>(z.shape).drop_back() !=
      llvm::ArrayRef<int64_t>(y.shape))
    return fault("logits of ", shapeText(z.shape), " for classes of ",
                 shapeText(y.shape));
  for (int32_t id : y.as<int32_t>())
    if (id < 0 || id >= z.shape.back())
      return fault("class ", id, " among ", z.shape.back());
  return llvm::Error::success();
}

static llvm::Expected<Array> crossEntropy(Operation *, Operands in) {
  const Array &z = *in[0], &y = *in[1];
  if (llvm::Error error = checkClasses(z, y))
    return error;
  Array result = Array::zeros(z.dtype, y.shape);
  withReal(z.dtype, [&](auto zero) {
    using T = decltype(zero);
    int64_t classes = z.shape.back();
    for (int64_t i = 0; i < result.size(); ++i) {
      auto row = z.as<T>().slice(i * classes, classes);
      auto [top, sum] = logits<T>(row);
      result.as<T>()[i] = std::log(sum) + (top - row[y.as<int32_t>()[i]]);
    }
  });
  return result;
}

static llvm::Expected<Array> crossEntropyGrad(Operation *, Operands in) {
  const Array &z = *in[0], &y = *in[1], &g = *in[2];
  if (llvm::Error error = checkClasses(z, y))
    return error;
  if (g.shape != y.shape)
    return fault("cotangent of ", shapeText(g.shape), " for classes of ",
                 shapeText(y.shape));
  Array result = Array::zeros(z.dtype, z.shape);
  withReal(z.dtype, [&](auto zero) {
    using T = decltype(zero);
    int64_t classes = z.shape.back();
    for (int64_t i = 0; i < y.size(); ++i) {
      auto row = z.as<T>().slice(i * classes, classes);
      auto [top, sum] = logits<T>(row);
      for (int64_t j = 0; j < classes; ++j) {
        T softmax = std::exp(row[j] - top) / sum;
        T oneHot = y.as<int32_t>()[i] == j;
        result.as<T>()[i * classes + j] = (softmax - oneHot) * g.as<T>()[i];
      }
    }
  });
  return result;
}

/// 0, 1, ... along the last dim of the result.
static Array count(DType dtype, llvm::ArrayRef<int64_t> shape) {
  Array result = Array::zeros(dtype, shape);
  int64_t last = shape.back();
  withType(dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < result.size(); ++i)
      result.as<T>()[i] = static_cast<T>(i % last);
  });
  return result;
}

static llvm::Expected<Array> iota(Operation *op, Operands) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  llvm::Expected<DType> dtype = dtypeOf(type);
  if (!dtype)
    return dtype.takeError();
  if (type.getRank() == 0 || !type.hasStaticShape())
    return fault("no last static dim in ", type);
  return count(*dtype, type.getShape());
}

static llvm::Expected<Array> position(Operation *op, Operands in) {
  llvm::Expected<DType> dtype = dtypeOf(op->getResult(0).getType());
  if (!dtype)
    return dtype.takeError();
  Array result = count(*dtype, in[0]->integer(0));
  if (in.size() > 1)
    for (int64_t i = 0; i < result.size(); ++i)
      result.set(i, double(in[1]->integer(0) + i));
  return result;
}

void rnnc::rnn::addValueOps(Handlers &handlers) {
  handlers["rnn.cross_entropy"] = crossEntropy;
  handlers["rnn.cross_entropy_grad"] = crossEntropyGrad;
  handlers["rnn.iota"] = iota;
  handlers["rnn.position"] = position;
}
