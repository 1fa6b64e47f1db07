//===- GatedSteps.cpp - Cells with gates and clocks in plain loops --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tests/reference/Steps.h"
#include <cmath>

using namespace rnnc::reference;

double rnnc::reference::sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

Vector rnnc::reference::times(const Tensor &matrix, const Vector &x) {
  Vector y(matrix.rows(), 0);
  for (int64_t i = 0; i < matrix.rows(); ++i)
    for (int64_t j = 0; j < matrix.columns(); ++j)
      y[i] += matrix.at(i, j) * x[j];
  return y;
}

Vector rnnc::reference::affine(const Tensors &weights, const char *matrix,
                               const Vector &x, const char *bias) {
  Vector y = times(weights.at(matrix), x);
  if (bias)
    for (size_t i = 0; i < y.size(); ++i)
      y[i] += weights.at(bias).data[i];
  return y;
}

double rnnc::reference::dot(const Vector &a, const Vector &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += a[i] * b[i];
  return sum;
}

Vector rnnc::reference::jordanStep(const Vector &x, const Tensors &w,
                                   Tensors &s, int64_t) {
  Vector hidden = affine(w, "W", x, "b");
  Vector back = times(w.at("U"), s["y"].data);
  for (size_t i = 0; i < hidden.size(); ++i)
    hidden[i] = sigmoid(hidden[i] + back[i]);
  Vector y = affine(w, "V", hidden, "c");
  for (double &each : y)
    each = sigmoid(each);
  return s["y"].data = y;
}

Vector rnnc::reference::indRnnStep(const Vector &x, const Tensors &w,
                                   Tensors &s, int64_t) {
  Vector h = affine(w, "W", x, "b");
  for (size_t i = 0; i < h.size(); ++i) {
    h[i] += w.at("u").data[i] * s["h"].data[i];
    if (h[i] < 0)
      h[i] = 0;
  }
  return s["h"].data = h;
}

Vector rnnc::reference::coupledLstmStep(const Vector &x, const Tensors &w,
                                        Tensors &s, int64_t) {
  Vector f = affine(w, "Wf", x, "bf"), g = affine(w, "Wg", x, "bg"),
         o = affine(w, "Wo", x, "bo");
  Vector fh = times(w.at("Uf"), s["h"].data), gh = times(w.at("Ug"), s["h"].data),
         oh = times(w.at("Uo"), s["h"].data);
  Vector h(f.size());
  for (size_t i = 0; i < h.size(); ++i) {
    double forget = sigmoid(f[i] + fh[i]);
    double &c = s["c"].data[i];
    c = forget * c + (1 - forget) * std::tanh(g[i] + gh[i]);
    h[i] = sigmoid(o[i] + oh[i]) * std::tanh(c);
  }
  return s["h"].data = h;
}

Vector rnnc::reference::projectionLstmStep(const Vector &x, const Tensors &w,
                                           Tensors &s, int64_t) {
  const Vector r = s["h"].data;
  Vector i = affine(w, "Wi", x, "bi"), f = affine(w, "Wf", x, "bf"),
         g = affine(w, "Wg", x, "bg"), o = affine(w, "Wo", x, "bo");
  Vector ir = times(w.at("Ui"), r), fr = times(w.at("Uf"), r),
         gr = times(w.at("Ug"), r), orr = times(w.at("Uo"), r);
  Vector m(i.size());
  for (size_t k = 0; k < m.size(); ++k) {
    double &c = s["c"].data[k];
    c = sigmoid(f[k] + fr[k]) * c +
        sigmoid(i[k] + ir[k]) * std::tanh(g[k] + gr[k]);
    m[k] = sigmoid(o[k] + orr[k]) * std::tanh(c);
  }
  return s["h"].data = times(w.at("R"), m);
}

/// Equation 4 of Ba et al.: (a - mean) / deviation, times gain, plus bias.
static Vector normalised(const Vector &a, const Tensor &gain,
                         const Tensor &bias) {
  double mean = 0, variance = 0;
  for (double each : a)
    mean += each / a.size();
  for (double each : a)
    variance += (each - mean) * (each - mean) / a.size();
  Vector y(a.size());
  for (size_t i = 0; i < a.size(); ++i)
    y[i] = gain.data[i] * ((a[i] - mean) / std::sqrt(variance + 1e-5)) +
           bias.data[i];
  return y;
}

Vector rnnc::reference::layerNormLstmStep(const Vector &x, const Tensors &w,
                                          Tensors &s, int64_t) {
  Vector ofState = normalised(times(w.at("U"), s["h"].data), w.at("of_h.gain"),
                              w.at("of_h.bias"));
  Vector ofInput = normalised(times(w.at("W"), x), w.at("of_x.gain"),
                              w.at("of_x.bias"));
  size_t n = s["c"].data.size();
  auto sum = [&](size_t gate, size_t i) {
    size_t k = gate * n + i;
    return ofState[k] + ofInput[k] + w.at("b").data[k];
  };
  for (size_t i = 0; i < n; ++i) {
    double &c = s["c"].data[i];
    c = sigmoid(sum(0, i)) * c + sigmoid(sum(1, i)) * std::tanh(sum(3, i));
  }
  Vector memory =
      normalised(s["c"].data, w.at("of_c.gain"), w.at("of_c.bias"));
  Vector h(n);
  for (size_t i = 0; i < n; ++i)
    h[i] = sigmoid(sum(2, i)) * std::tanh(memory[i]);
  return s["h"].data = h;
}

Vector rnnc::reference::highwayStep(const Vector &x, const Tensors &w,
                                    Tensors &s, int64_t) {
  Vector y = s["s"].data;
  int64_t n = y.size(), depth = w.at("Rh").shape[0];
  for (int64_t l = 0; l < depth; ++l) {
    Vector next(n);
    for (int64_t i = 0; i < n; ++i) {
      double h = w.at("bh").data[l * n + i], t = w.at("bt").data[l * n + i];
      for (int64_t j = 0; j < n; ++j) {
        h += w.at("Rh").data[(l * n + i) * n + j] * y[j];
        t += w.at("Rt").data[(l * n + i) * n + j] * y[j];
      }
      // Only the first layer in depth sees the input.
      for (size_t j = 0; l == 0 && j < x.size(); ++j) {
        h += w.at("Wh").at(i, j) * x[j];
        t += w.at("Wt").at(i, j) * x[j];
      }
      double transform = sigmoid(t), carry = 1 - transform;
      next[i] = std::tanh(h) * transform + y[i] * carry;
    }
    y = next;
  }
  return s["s"].data = y;
}

Vector rnnc::reference::clockworkStep(const Vector &x, const Tensors &w,
                                      Tensors &s, int64_t t) {
  constexpr int64_t kModules = 3;
  const Vector old = s["h"].data;
  int64_t n = old.size(), units = n / kModules;
  Vector h = old;
  for (int64_t module = 0, period = 1; module < kModules;
       ++module, period *= 2) {
    if (t % period)
      continue;
    for (int64_t i = module * units; i < (module + 1) * units; ++i) {
      double sum = w.at("b").data[i];
      for (size_t j = 0; j < x.size(); ++j)
        sum += w.at("W").at(i, j) * x[j];
      // From its own module on: blocks to the right are slower.
      for (int64_t j = module * units; j < n; ++j)
        sum += w.at("U").at(i, j) * old[j];
      h[i] = std::tanh(sum);
    }
  }
  return s["h"].data = h;
}

Vector rnnc::reference::echoStateStep(const Vector &x, const Tensors &w,
                                      Tensors &s, int64_t) {
  constexpr double kLeak = 0.3;
  Vector a = affine(w, "W", x, "b"), back = times(w.at("U"), s["h"].data);
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = (1 - kLeak) * s["h"].data[i] + kLeak * std::tanh(a[i] + back[i]);
  return s["h"].data = a;
}

Vector rnnc::reference::closedFormStep(const Vector &input, const Tensors &w,
                                       Tensors &s, int64_t) {
  // The last entry is the time since the step before.
  Vector x(input.begin(), input.end() - 1);
  double dt = input.back();
  Vector trunk = affine(w, "W", x, "b"), back = times(w.at("U"), s["h"].data);
  for (size_t i = 0; i < trunk.size(); ++i)
    trunk[i] = std::tanh(trunk[i] + back[i]);
  Vector f = affine(w, "Wf", trunk, "bf"), g = affine(w, "Wg", trunk, "bg"),
         k = affine(w, "Wk", trunk, "bk");
  Vector h(f.size());
  for (size_t i = 0; i < h.size(); ++i) {
    double gate = sigmoid(-f[i] * dt);
    h[i] = gate * std::tanh(g[i]) + (1 - gate) * std::tanh(k[i]);
  }
  return s["h"].data = h;
}
