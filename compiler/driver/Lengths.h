//===- Lengths.h - Lengths given beside tensors -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_LENGTHS_H
#define RNNC_COMPILER_DRIVER_LENGTHS_H

#include "compiler/driver/Console.h"
#include "frontends/rnn/HIR.h"
#include "runtime/Tensor.h"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace rnnc::driver {

/// The lengths of sequences, by the names of their time axes. I32: [B], or
/// [W, B] for an axis within W.
class Lengths {
public:
  explicit Lengths(const hir::Model &model) : model(model) {}

  /// The input and the axis, or "", of a name of the form INPUT.lengths or
  /// INPUT.lengths.AXIS; nothing if it is another.
  static std::optional<std::pair<std::string, std::string>>
  parse(const std::string &name);
  static bool isName(const std::string &name) {
    return parse(name).has_value();
  }
  /// Which time axis of an input a name of its lengths is about: 0 for the
  /// first. An error if the input has no such axis, or several and the name says
  /// none.
  static Result<size_t> axisOf(const hir::Model &model, const hir::Input &input,
                               const std::string &name);

  /// Takes the lengths `name`. An error if no such input or axis is there, if
  /// the axis has others already, or if they are no whole numbers.
  Result<void> add(const std::string &name, const rt::Tensor &tensor);

  /// Checks them against the extents of the axes and of the batch, "B". Steps
  /// of W that are padding get the length 0.
  Result<void> settle(const std::map<std::string, int64_t> &extents);

  /// Sets what is padding in an input's tensor to 0. After `settle`.
  void clearPadding(const hir::Input &input, rt::Tensor &tensor) const;

  /// The axes that have lengths.
  std::set<std::string> axes() const;

  /// Those of axis `axis`, also of each second step of one, `T/2`; null if
  /// there are none.
  const rt::Tensor *find(const std::string &axis);

private:
  struct Entry {
    std::string name; ///< as given
    int axis = -1;    ///< root
    rt::Tensor tensor;
  };
  /// The lengths of the axis with this root; null if there are none.
  const Entry *ofAxis(int axis) const;

  const hir::Model &model;
  std::map<std::string, Entry> entries;
  std::map<std::string, rt::Tensor> fewer; ///< of axes such as T/2
};

} // namespace rnnc::driver

#endif
