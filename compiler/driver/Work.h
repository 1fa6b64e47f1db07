//===- Work.h - Work of a compiled function ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts what an entry does from its module after stage `time`, where every
// product is still one op and every loop over time one scan.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_WORK_H
#define RNNC_COMPILER_DRIVER_WORK_H

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace rnnc::driver {

/// What one call of an entry does.
struct Work {
  /// 2 per multiply-add of the products run.
  double flops = 0;
  /// Elementwise operations: entries of results, where an addition counts 1 and
  /// a tanh 4.
  double elementwise = 0;
  /// Both together, to compare plans: an elementwise operation takes about as
  /// long as two multiply-adds of a product.
  double all() const { return flops + 4 * elementwise; }
  /// Bytes of values that depend on the batch or on time, are made before the
  /// loss is known and are read after it. 0 where there is no loss.
  int64_t savedBytes = 0;
};

/// Counts the work of `entry` for these extents by axis name. None if an extent
/// is not known from the module alone. The module is only for counting: ops may
/// be added to it.
std::optional<Work> countWork(mlir::ModuleOp module, const std::string &entry,
                              const std::map<std::string, int64_t> &extents);

} // namespace rnnc::driver

#endif
