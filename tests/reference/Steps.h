//===- Steps.h - One step of each cell in plain loops -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the cells of the library must compute, written once more from their
// papers, in plain loops over one example and one step. Where a paper gives
// two forms (with and without a stabiliser, with logarithms or powers), this
// is the other one than that of the library's text.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_TESTS_REFERENCE_STEPS_H
#define RNNC_TESTS_REFERENCE_STEPS_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rnnc::reference {

using Vector = std::vector<double>;

/// Numbers in rows; a vector is one column.
struct Tensor {
  std::vector<int64_t> shape;
  Vector data;

  int64_t rows() const { return shape.empty() ? 1 : shape[0]; }
  int64_t columns() const {
    return rows() ? static_cast<int64_t>(data.size()) / rows() : 0;
  }
  double &at(int64_t i, int64_t j = 0) { return data[i * columns() + j]; }
  double at(int64_t i, int64_t j = 0) const { return data[i * columns() + j]; }
};

/// Parameters or states by the names of the library's text, those of an inner
/// instance behind its own name: `core.Wi`.
using Tensors = std::map<std::string, Tensor>;

/// One step of one example: reads and renews `states`, returns the output.
/// `t` counts from 0.
using Step = Vector (*)(const Vector &x, const Tensors &weights,
                        Tensors &states, int64_t t);

Vector jordanStep(const Vector &, const Tensors &, Tensors &, int64_t);
Vector indRnnStep(const Vector &, const Tensors &, Tensors &, int64_t);
Vector coupledLstmStep(const Vector &, const Tensors &, Tensors &, int64_t);
Vector projectionLstmStep(const Vector &, const Tensors &, Tensors &, int64_t);
Vector layerNormLstmStep(const Vector &, const Tensors &, Tensors &, int64_t);
Vector highwayStep(const Vector &, const Tensors &, Tensors &, int64_t);
Vector clockworkStep(const Vector &, const Tensors &, Tensors &, int64_t);
Vector echoStateStep(const Vector &, const Tensors &, Tensors &, int64_t);
Vector closedFormStep(const Vector &, const Tensors &, Tensors &, int64_t);

Vector sruStep(const Vector &, const Tensors &, Tensors &, int64_t);
/// The convolution's earlier inputs are the state "past".
Vector qrnnStep(const Vector &, const Tensors &, Tensors &, int64_t);
Vector minGruStep(const Vector &, const Tensors &, Tensors &, int64_t);
Vector minLstmStep(const Vector &, const Tensors &, Tensors &, int64_t);
Vector gatedLinearStep(const Vector &, const Tensors &, Tensors &, int64_t);
Vector selectiveStep(const Vector &, const Tensors &, Tensors &, int64_t);

Vector scalarMemoryStep(const Vector &, const Tensors &, Tensors &, int64_t);
Vector matrixMemoryStep(const Vector &, const Tensors &, Tensors &, int64_t);
Vector deltaRuleStep(const Vector &, const Tensors &, Tensors &, int64_t);
Vector turingStep(const Vector &, const Tensors &, Tensors &, int64_t);

//===--- Plain loops that several steps use ------------------------------===//

double sigmoid(double x);
/// W x.
Vector times(const Tensor &matrix, const Vector &x);
/// W x + b, entry by entry; `b` may be empty.
Vector affine(const Tensors &weights, const char *matrix, const Vector &x,
              const char *bias = nullptr);
double dot(const Vector &a, const Vector &b);

} // namespace rnnc::reference

#endif
