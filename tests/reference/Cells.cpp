//===- Cells.cpp - The recurrent cells in plain Eigen ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tests/reference/Cells.h"

using namespace rnnc::reference;

namespace {
using Vector = Eigen::VectorXd;

Vector sigmoid(const Vector &x) {
  return (1 / (1 + (-x.array()).exp())).matrix();
}
Vector tanh(const Vector &x) { return x.array().tanh().matrix(); }
Vector times(const Vector &a, const Vector &b) { return a.cwiseProduct(b); }

/// The states of one example.
struct Row {
  Vector h, c;
};

/// Runs `step(x, state)` over every example by itself.
template <class Step>
Run overTime(const Sequence &x, Eigen::Index units, const State &initial,
             const std::vector<int> &lengths, Step step) {
  Eigen::Index rows = x[0].rows();
  Run run;
  run.outputs.assign(x.size(), Matrix::Zero(rows, units));
  run.last.h = run.last.c = Matrix::Zero(rows, units);
  for (Eigen::Index b = 0; b < rows; ++b) {
    Row row = {Vector::Zero(units), Vector::Zero(units)};
    if (initial.h.size())
      row.h = initial.h.row(b).transpose();
    if (initial.c.size())
      row.c = initial.c.row(b).transpose();
    size_t length = lengths.empty() ? x.size() : lengths[b];
    for (size_t t = 0; t < length; ++t) {
      row = step(Vector(x[t].row(b).transpose()), row);
      run.outputs[t].row(b) = row.h.transpose();
    }
    run.last.h.row(b) = row.h.transpose();
    run.last.c.row(b) = row.c.transpose();
  }
  return run;
}
} // namespace

Run rnnc::reference::elman(const Sequence &x, const Weights &w,
                           const State &initial,
                           const std::vector<int> &lengths) {
  return overTime(
      x, w.at("U").rows(), initial, lengths,
      [&](const Vector &x, const Row &s) {
        return Row{tanh(w.at("W") * x + w.at("U") * s.h + w.at("b")), s.c};
      });
}

Run rnnc::reference::elmanRelu(const Sequence &x, const Weights &w,
                               const State &initial,
                               const std::vector<int> &lengths) {
  return overTime(x, w.at("U").rows(), initial, lengths,
                  [&](const Vector &x, const Row &s) {
                    Vector a = w.at("W") * x + w.at("U") * s.h + w.at("b");
                    return Row{a.cwiseMax(0), s.c};
                  });
}

Run rnnc::reference::lstm(const Sequence &x, const Weights &w,
                          const State &initial,
                          const std::vector<int> &lengths) {
  return overTime(
      x, w.at("Ui").rows(), initial, lengths,
      [&](const Vector &x, const Row &s) {
        Vector i = sigmoid(w.at("Wi") * x + w.at("Ui") * s.h + w.at("bi"));
        Vector f = sigmoid(w.at("Wf") * x + w.at("Uf") * s.h + w.at("bf"));
        Vector g = tanh(w.at("Wg") * x + w.at("Ug") * s.h + w.at("bg"));
        Vector o = sigmoid(w.at("Wo") * x + w.at("Uo") * s.h + w.at("bo"));
        Vector c = times(f, s.c) + times(i, g);
        return Row{times(o, tanh(c)), c};
      });
}

Run rnnc::reference::peepholeLstm(const Sequence &x, const Weights &w,
                                  const State &initial,
                                  const std::vector<int> &lengths) {
  return overTime(x, w.at("Ui").rows(), initial, lengths,
                  [&](const Vector &x, const Row &s) {
                    Vector i = sigmoid(w.at("Wi") * x + w.at("Ui") * s.h +
                                       times(w.at("pi"), s.c) + w.at("bi"));
                    Vector f = sigmoid(w.at("Wf") * x + w.at("Uf") * s.h +
                                       times(w.at("pf"), s.c) + w.at("bf"));
                    Vector g =
                        tanh(w.at("Wg") * x + w.at("Ug") * s.h + w.at("bg"));
                    Vector c = times(f, s.c) + times(i, g);
                    Vector o = sigmoid(w.at("Wo") * x + w.at("Uo") * s.h +
                                       times(w.at("po"), c) + w.at("bo"));
                    return Row{times(o, tanh(c)), c};
                  });
}

Run rnnc::reference::gru(const Sequence &x, const Weights &w,
                         const State &initial,
                         const std::vector<int> &lengths) {
  return overTime(
      x, w.at("Ur").rows(), initial, lengths,
      [&](const Vector &x, const Row &s) {
        Vector r = sigmoid(w.at("Wr") * x + w.at("Ur") * s.h + w.at("br"));
        Vector z = sigmoid(w.at("Wz") * x + w.at("Uz") * s.h + w.at("bz"));
        Vector inner = w.at("Ug") * s.h + w.at("cg");
        Vector g = tanh(w.at("Wg") * x + w.at("bg") + times(r, inner));
        return Row{g - times(z, g) + times(z, s.h), s.c};
      });
}

Run rnnc::reference::gruResetBefore(const Sequence &x, const Weights &w,
                                    const State &initial,
                                    const std::vector<int> &lengths) {
  return overTime(
      x, w.at("Ur").rows(), initial, lengths,
      [&](const Vector &x, const Row &s) {
        Vector r = sigmoid(w.at("Wr") * x + w.at("Ur") * s.h + w.at("br"));
        Vector z = sigmoid(w.at("Wz") * x + w.at("Uz") * s.h + w.at("bz"));
        Vector g =
            tanh(w.at("Wg") * x + w.at("Ug") * times(r, s.h) + w.at("bg"));
        return Row{g - times(z, g) + times(z, s.h), s.c};
      });
}

Run rnnc::reference::mgu(const Sequence &x, const Weights &w,
                         const State &initial,
                         const std::vector<int> &lengths) {
  return overTime(x, w.at("Uf").rows(), initial, lengths,
                  [&](const Vector &x, const Row &s) {
                    Vector f =
                        sigmoid(w.at("Wf") * x + w.at("Uf") * s.h + w.at("bf"));
                    Vector g = tanh(w.at("Wg") * x +
                                    w.at("Ug") * times(f, s.h) + w.at("bg"));
                    return Row{s.h - times(f, s.h) + times(f, g), s.c};
                  });
}
