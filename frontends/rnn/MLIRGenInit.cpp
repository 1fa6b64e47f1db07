//===- MLIRGenInit.cpp - Initial values of parameters ---------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Glorot & Bengio 2010, He et al. 2015, LeCun et al. 1998, Saxe et al. 2013.
// The last two axes are (out, in); others count copies.
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/MLIRGenImpl.h"

#include <cmath>

using namespace rnnc;
using namespace rnnc::gen;
using namespace mlir;

Value FunctionGen::emitInitDraw(const Node *node) {
  Location at = loc(node);
  RankedTensorType type = typeOf(node->type);
  IntegerAttr stream = b.getI64IntegerAttr(node->index);
  auto scaled = [&](Value x, double factor) -> Value {
    if (factor == 1)
      return x;
    return arith::MulFOp::create(b, at, x, filled(factor, node->type, at));
  };
  if (node->text == "orthogonal")
    return scaled(rnn::OrthogonalOp::create(b, at, type, key, stream),
                  node->number);
  int64_t rank = type.getRank();
  double in = rank ? type.getDimSize(rank - 1) : 1;
  double out = rank > 1 ? type.getDimSize(rank - 2) : 1;
  StringRef kind = node->text;
  double variance = kind.starts_with("glorot")  ? 2 / (in + out)
                    : kind.starts_with("lecun") ? 1 / in
                                                : 2 / in;
  if (kind.ends_with("_normal")) {
    Value draw = rnn::NormalOp::create(b, at, type, key, stream, Value(),
                                       ValueRange(), UnitAttr());
    return scaled(draw, node->number * std::sqrt(variance));
  }
  // Uniform in [-a, a) has variance a*a/3.
  double limit = node->number * std::sqrt(3 * variance);
  Value draw = rnn::UniformOp::create(b, at, type, key, stream, Value(),
                                      ValueRange(), UnitAttr());
  Value centred = arith::SubFOp::create(b, at, scaled(draw, 2 * limit),
                                        filled(limit, node->type, at));
  return centred;
}

/// `number` on the diagonal of the last two axes.
Value FunctionGen::emitEye(const Node *node) {
  Location at = loc(node);
  RankedTensorType type = typeOf(node->type);
  int64_t rank = type.getRank();
  int64_t rows = type.getDimSize(rank - 2), columns = type.getDimSize(rank - 1);
  int64_t square = std::max(rows, columns);
  mlir::Type i32 = b.getI32Type();
  Value ids = rnn::IotaOp::create(b, at, RankedTensorType::get({square}, i32));
  Value eye = rnn::OneHotOp::create(
      b, at, RankedTensorType::get({square, square}, real), ids);
  for (auto [dim, size] : {std::pair<int64_t, int64_t>(0, rows),
                           std::pair<int64_t, int64_t>(1, columns)}) {
    auto now = cast<RankedTensorType>(eye.getType());
    if (now.getDimSize(dim) == size)
      continue;
    SmallVector<int64_t> shape(now.getShape());
    shape[dim] = size;
    eye =
        rnn::SliceOp::create(b, at, RankedTensorType::get(shape, real), eye,
                             b.getI64IntegerAttr(dim), b.getI64IntegerAttr(0));
  }
  hir::Type matrix;
  matrix.shape = {Size(Poly(rows)), Size(Poly(columns))};
  if (node->number != 1)
    eye = arith::MulFOp::create(b, at, eye, filled(node->number, matrix, at));
  if (rank == 2)
    return eye;
  std::string all = labels(node->type);
  return rnn::BroadcastOp::create(
      b, at, type, b.getStringAttr(all.substr(all.size() - 2) + "->" + all),
      eye, ValueRange());
}
