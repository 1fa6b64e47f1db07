//===- MemorySteps.cpp - Linear recurrences, memories in plain loops ------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tests/reference/Steps.h"
#include <algorithm>
#include <cmath>

using namespace rnnc::reference;

Vector rnnc::reference::sruStep(const Vector &x, const Tensors &w, Tensors &s,
                                int64_t) {
  Vector xt = affine(w, "W", x), f = affine(w, "Wf", x, "bf"),
         r = affine(w, "Wr", x, "br");
  // The official code's way where sizes differ.
  Vector skip = w.count("Ws") ? affine(w, "Ws", x) : x, h(f.size());
  for (size_t i = 0; i < h.size(); ++i) {
    double &c = s["c"].data[i];
    double forget = sigmoid(f[i] + w.at("vf").data[i] * c);
    double reset = sigmoid(r[i] + w.at("vr").data[i] * c);
    c = forget * c + (1 - forget) * xt[i];
    h[i] = reset * c + (1 - reset) * skip[i];
  }
  return h;
}

Vector rnnc::reference::qrnnStep(const Vector &x, const Tensors &w, Tensors &s,
                                 int64_t) {
  // Inputs of the last steps, the oldest first, then this one.
  Vector &past = s["past"].data;
  past.resize(w.at("Wz").columns() - x.size(), 0);
  Vector seen = past;
  seen.insert(seen.end(), x.begin(), x.end());
  past.assign(seen.begin() + x.size(), seen.end());
  Vector z = affine(w, "Wz", seen), f = affine(w, "Wf", seen),
         o = affine(w, "Wo", seen), h(z.size());
  for (size_t i = 0; i < h.size(); ++i) {
    double &c = s["c"].data[i];
    double forget = sigmoid(f[i]);
    c = forget * c + (1 - forget) * std::tanh(z[i]);
    h[i] = sigmoid(o[i]) * c;
  }
  return h;
}

Vector rnnc::reference::minGruStep(const Vector &x, const Tensors &w,
                                   Tensors &s, int64_t) {
  Vector z = affine(w, "Wz", x, "bz"), candidate = affine(w, "Wh", x, "bh");
  for (size_t i = 0; i < z.size(); ++i) {
    double gate = sigmoid(z[i]);
    s["h"].data[i] = (1 - gate) * s["h"].data[i] + gate * candidate[i];
  }
  return s["h"].data;
}

Vector rnnc::reference::minLstmStep(const Vector &x, const Tensors &w,
                                    Tensors &s, int64_t) {
  Vector f = affine(w, "Wf", x, "bf"), i = affine(w, "Wi", x, "bi"),
         candidate = affine(w, "Wh", x, "bh");
  for (size_t k = 0; k < f.size(); ++k) {
    double forget = sigmoid(f[k]), input = sigmoid(i[k]), sum = forget + input;
    s["h"].data[k] = forget / sum * s["h"].data[k] + input / sum * candidate[k];
  }
  return s["h"].data;
}

Vector rnnc::reference::gatedLinearStep(const Vector &x, const Tensors &w,
                                        Tensors &s, int64_t) {
  Vector r = affine(w, "Wa", x, "ba"), i = affine(w, "Wx", x, "bx");
  for (size_t k = 0; k < x.size(); ++k) {
    double a = sigmoid(w.at("decay").data[k]);
    double decay = std::pow(a, 8 * sigmoid(r[k]));
    s["h"].data[k] = decay * s["h"].data[k] +
                     std::sqrt(1 - decay * decay) * (sigmoid(i[k]) * x[k]);
  }
  return s["h"].data;
}

Vector rnnc::reference::selectiveStep(const Vector &x, const Tensors &w,
                                      Tensors &s, int64_t) {
  Vector B = affine(w, "WB", x), C = affine(w, "WC", x),
         delta = affine(w, "Wd", affine(w, "Wr", x), "bd");
  Vector y(x.size());
  Tensor &h = s["h"];
  for (size_t i = 0; i < x.size(); ++i) {
    double dt = std::log(1 + std::exp(delta[i]));
    y[i] = w.at("D").data[i] * x[i];
    for (size_t n = 0; n < B.size(); ++n) {
      double A = -std::exp(w.at("A_log").at(i, n));
      h.at(i, n) = std::exp(dt * A) * h.at(i, n) + dt * B[n] * x[i];
      y[i] += C[n] * h.at(i, n);
    }
  }
  return y;
}

/// Without the stabiliser: the gates are the exponentials themselves.
Vector rnnc::reference::scalarMemoryStep(const Vector &x, const Tensors &w,
                                         Tensors &s, int64_t) {
  const Vector old = s["h"].data;
  Vector i = affine(w, "Wi", x, "bi"), f = affine(w, "Wf", x, "bf"),
         g = affine(w, "Wg", x, "bg"), o = affine(w, "Wo", x, "bo");
  Vector ih = times(w.at("Ui"), old), fh = times(w.at("Uf"), old),
         gh = times(w.at("Ug"), old), oh = times(w.at("Uo"), old);
  for (size_t k = 0; k < old.size(); ++k) {
    double input = std::exp(i[k] + ih[k]), forget = sigmoid(f[k] + fh[k]);
    double &c = s["c"].data[k], &z = s["z"].data[k];
    c = forget * c + input * std::tanh(g[k] + gh[k]);
    z = forget * z + input;
    s["h"].data[k] = sigmoid(o[k] + oh[k]) * c / z;
  }
  return s["h"].data;
}

/// Without the stabiliser; the normaliser is at least 1.
Vector rnnc::reference::matrixMemoryStep(const Vector &x, const Tensors &w,
                                         Tensors &s, int64_t) {
  Vector q = affine(w, "Wq", x, "bq"), k = affine(w, "Wk", x),
         v = affine(w, "Wv", x, "bv"), o = affine(w, "Wo", x, "bo");
  size_t n = q.size();
  for (size_t j = 0; j < n; ++j)
    k[j] = k[j] / std::sqrt(double(n)) + w.at("bk").data[j];
  double input =
      std::exp(dot(w.at("wi").data, x) + w.at("bi").data[0]);
  double forget = sigmoid(dot(w.at("wf").data, x) + w.at("bf").data[0]);
  Tensor &C = s["C"];
  Vector &z = s["z"].data;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j)
      C.at(i, j) = forget * C.at(i, j) + input * v[i] * k[j];
    z[i] = forget * z[i] + input * k[i];
  }
  double normaliser = std::max(std::abs(dot(z, q)), 1.0);
  Vector h = times(C, q);
  for (size_t i = 0; i < n; ++i)
    h[i] = sigmoid(o[i]) * h[i] / normaliser;
  return h;
}

static Vector silu(Vector v) {
  for (double &each : v)
    each *= sigmoid(each);
  return v;
}

static Vector ofLengthOne(Vector v) {
  double length = std::sqrt(dot(v, v) + 1e-6);
  for (double &each : v)
    each /= length;
  return v;
}

/// S (I - b k k') + b v k'.
Vector rnnc::reference::deltaRuleStep(const Vector &x, const Tensors &w,
                                      Tensors &s, int64_t) {
  Vector q = ofLengthOne(silu(affine(w, "Wq", x))),
         k = ofLengthOne(silu(affine(w, "Wk", x))), v = affine(w, "Wv", x);
  double rate = sigmoid(dot(w.at("wb").data, x) + w.at("bb").data[0]);
  Tensor old = s["S"], &S = s["S"];
  for (int64_t i = 0; i < S.rows(); ++i)
    for (int64_t j = 0; j < S.columns(); ++j) {
      double sum = rate * v[i] * k[j];
      for (int64_t l = 0; l < S.columns(); ++l)
        sum += old.at(i, l) * ((l == j) - rate * k[l] * k[j]);
      S.at(i, j) = sum;
    }
  return times(S, q);
}

/// Equations 5 to 9 of Graves et al. for one head.
static Vector address(const std::string &head, const Vector &h, const Tensor &M,
                      const Vector &old, const Tensors &w) {
  auto of = [&](const char *name) -> const Tensor & {
    return w.at(head + "." + name);
  };
  int64_t places = M.rows(), width = M.columns();
  Vector key = times(of("Wk"), h), shift = times(of("Ws"), h);
  double length = 1e-6, strength = dot(of("wb").data, h) + of("bb").data[0],
         gate = sigmoid(dot(of("wg").data, h) + of("bg").data[0]),
         sharpen = dot(of("wy").data, h) + of("by").data[0];
  for (int64_t j = 0; j < width; ++j) {
    key[j] = std::tanh(key[j] + of("bk").data[j]);
    length += key[j] * key[j];
  }
  double total = 0;
  for (int64_t j = 0; j < 3; ++j)
    total += shift[j] = std::exp(shift[j] + of("bs").data[j]);
  Vector content(places);
  double sum = 0;
  for (int64_t i = 0; i < places; ++i) {
    double product = 0, size = 1e-6;
    for (int64_t j = 0; j < width; ++j) {
      product += M.at(i, j) * key[j];
      size += M.at(i, j) * M.at(i, j);
    }
    double near = product / (std::sqrt(size) * std::sqrt(length));
    sum += content[i] = std::exp(std::log(1 + std::exp(strength)) * near);
  }
  Vector mixed(places), result(places);
  for (int64_t i = 0; i < places; ++i)
    mixed[i] = gate * content[i] / sum + (1 - gate) * old[i];
  double power = 1 + std::log(1 + std::exp(sharpen)), whole = 0;
  for (int64_t i = 0; i < places; ++i) {
    // A circular convolution with weights for -1, 0 and 1.
    double moved = 0;
    for (int64_t k = -1; k <= 1; ++k)
      moved += mixed[(i - k + places) % places] * shift[k + 1] / total;
    whole += result[i] = std::pow(moved, power);
  }
  for (double &each : result)
    each /= whole;
  return result;
}

Vector rnnc::reference::turingStep(const Vector &x, const Tensors &w,
                                   Tensors &s, int64_t) {
  // The controller sees the input and what was read last.
  Vector in = x;
  in.insert(in.end(), s["read"].data.begin(), s["read"].data.end());
  const Vector old = s["controller.h"].data;
  auto gate = [&](const char *letter) {
    std::string of = letter;
    Vector a = times(w.at("controller.W" + of), in),
           u = times(w.at("controller.U" + of), old);
    for (size_t i = 0; i < a.size(); ++i)
      a[i] += u[i] + w.at("controller.b" + of).data[i];
    return a;
  };
  Vector i = gate("i"), f = gate("f"), g = gate("g"), o = gate("o");
  Vector &h = s["controller.h"].data, &c = s["controller.c"].data;
  for (size_t k = 0; k < h.size(); ++k) {
    c[k] = sigmoid(f[k]) * c[k] + sigmoid(i[k]) * std::tanh(g[k]);
    h[k] = sigmoid(o[k]) * std::tanh(c[k]);
  }
  Tensor &M = s["M"];
  Vector &ww = s["ww"].data, &wr = s["wr"].data, &read = s["read"].data;
  ww = address("writer", h, M, ww, w);
  Vector erase = affine(w, "We", h, "be"), add = affine(w, "Wa", h, "ba");
  for (int64_t p = 0; p < M.rows(); ++p)
    for (int64_t j = 0; j < M.columns(); ++j)
      M.at(p, j) = M.at(p, j) * (1 - ww[p] * sigmoid(erase[j])) +
                   ww[p] * std::tanh(add[j]);
  wr = address("reader", h, M, wr, w);
  read.assign(M.columns(), 0);
  for (int64_t p = 0; p < M.rows(); ++p)
    for (int64_t j = 0; j < M.columns(); ++j)
      read[j] += wr[p] * M.at(p, j);
  Vector y = h;
  y.insert(y.end(), read.begin(), read.end());
  return y;
}
