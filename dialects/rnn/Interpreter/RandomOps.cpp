//===- RandomOps.cpp - Counter-based draws, orthogonal matrices -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/Interpreter/Handlers.h"
#include "rnnrt/philox.h"
#include <Eigen/Dense>

using namespace mlir;
using namespace rnnc::rnn;

/// Draws the four elements of a block.
using Draw = void (*)(int64_t key, uint32_t stream, uint32_t time,
                      uint64_t block, double *elements);

template <class Op, Draw draw>
static llvm::Expected<Array> draws(Operation *op, Operands in) {
  auto drawOp = cast<Op>(op);
  OperandMap value(op, in);
  auto type = cast<RankedTensorType>(drawOp.getType());
  llvm::Expected<DType> dtype = dtypeOf(type);
  if (!dtype)
    return dtype.takeError();
  SmallVector<int64_t> shape(type.getShape());
  unsigned next = in.size() - drawOp.getSizes().size();
  for (int64_t &extent : shape)
    if (ShapedType::isDynamic(extent)) {
      if (next == in.size())
        return fault("a dynamic dim of ", type, " has no size");
      extent = in[next++]->integer(0);
    }
  Array result = Array::zeros(*dtype, shape);
  int64_t key = in[0]->integer(0);
  auto stream = static_cast<uint32_t>(drawOp.getStream());
  auto at = drawOp.getAt() ? value(drawOp.getAt())->integer(0) : 0;
  int64_t steps = drawOp.getSequence() ? shape[0] : 1;
  int64_t perStep = steps ? result.size() / steps : 0;
  double four[4];
  for (int64_t t = 0; t < steps; ++t)
    for (int64_t i = 0; i < perStep; ++i) {
      if (i % 4 == 0)
        draw(key, stream, static_cast<uint32_t>(at + t), i / 4, four);
      result.set(t * perStep + i, four[i % 4]);
    }
  return result;
}

/// Draws a normal matrix, at least as high as wide, takes Q of its QR
/// factorisation with the diagonal of R positive, and turns it if the result
/// is wider than high. Copy c takes the draws from c * rows * columns on.
static llvm::Expected<Array> orthogonal(Operation *op, Operands in) {
  auto orthogonal = cast<OrthogonalOp>(op);
  auto type = cast<RankedTensorType>(orthogonal.getType());
  llvm::Expected<DType> dtype = dtypeOf(type);
  if (!dtype)
    return dtype.takeError();
  if (type.getRank() < 2 || !type.hasStaticShape())
    return fault("an orthogonal matrix has two static dims, found ", type);
  Array result = Array::zeros(*dtype, type.getShape());
  int64_t rows = type.getShape().take_back(2)[0];
  int64_t columns = type.getShape().back();
  int64_t size = rows * columns;
  if (size == 0)
    return result;
  int64_t high = std::max(rows, columns), wide = std::min(rows, columns);
  int64_t key = in[0]->integer(0);
  auto stream = static_cast<uint32_t>(orthogonal.getStream());
  double four[4];
  for (int64_t c = 0, next = 0; c < result.size() / size; ++c) {
    Eigen::MatrixXd normal(high, wide);
    for (int64_t i = 0; i < high; ++i)
      for (int64_t j = 0; j < wide; ++j, ++next) {
        if (next % 4 == 0)
          rnnrt_normals(key, stream, 0, next / 4, four);
        normal(i, j) = four[next % 4];
      }
    Eigen::HouseholderQR<Eigen::MatrixXd> qr(normal);
    Eigen::MatrixXd q =
        qr.householderQ() * Eigen::MatrixXd::Identity(high, wide);
    for (int64_t j = 0; j < wide; ++j)
      if (qr.matrixQR()(j, j) < 0)
        q.col(j) *= -1;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        result.set(c * size + i * columns + j,
                   rows >= columns ? q(i, j) : q(j, i));
  }
  return result;
}

void rnnc::rnn::addRandomOps(Handlers &handlers) {
  handlers["rnn.uniform"] = draws<UniformOp, rnnrt_uniforms>;
  handlers["rnn.normal"] = draws<NormalOp, rnnrt_normals>;
  handlers["rnn.orthogonal"] = orthogonal;
}
