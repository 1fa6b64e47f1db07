//===- Cells.h - The recurrent cells in plain Eigen -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the cells of the library must compute, written down once more and
// without anything of the compiler: one function per cell, over time, with
// lengths and initial states. Tests compare with these.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_TESTS_REFERENCE_CELLS_H
#define RNNC_TESTS_REFERENCE_CELLS_H

#include <Eigen/Dense>
#include <map>
#include <string>
#include <vector>

namespace rnnc::reference {

using Matrix = Eigen::MatrixXd;

/// Parameters by the names that the library's texts use. A vector is a matrix
/// of one column.
using Weights = std::map<std::string, Matrix>;

/// A sequence: per step one row per example.
using Sequence = std::vector<Matrix>;

/// Initial or final states, one row per example; `c` is empty if a cell has
/// none. An empty initial state is zero.
struct State {
  Matrix h, c;
};

struct Run {
  /// h of every step; 0 in padding.
  Sequence outputs;
  /// After each example's last step.
  State last;
};

/// A cell over a sequence; `lengths` may be empty: all examples are full.
using Cell = Run (*)(const Sequence &x, const Weights &weights,
                     const State &initial, const std::vector<int> &lengths);

/// h' = tanh(W x + U h + b).
Run elman(const Sequence &, const Weights &, const State &,
          const std::vector<int> &);
/// h' = max(W x + U h + b, 0).
Run elmanRelu(const Sequence &, const Weights &, const State &,
              const std::vector<int> &);
/// Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000.
Run lstm(const Sequence &, const Weights &, const State &,
         const std::vector<int> &);
/// Graves 2013, diagonal peepholes: input and forget gate see the old memory,
/// the output gate the new one.
Run peepholeLstm(const Sequence &, const Weights &, const State &,
                 const std::vector<int> &);
/// Reset after the product.
Run gru(const Sequence &, const Weights &, const State &,
        const std::vector<int> &);
/// Reset before the product (Cho et al. 2014).
Run gruResetBefore(const Sequence &, const Weights &, const State &,
                   const std::vector<int> &);
/// Zhou et al. 2016.
Run mgu(const Sequence &, const Weights &, const State &,
        const std::vector<int> &);

} // namespace rnnc::reference

#endif
