//===- SinkToUses.h - Values computed where they are used -------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_TARGET_SINKTOUSES_H
#define RNNC_COMPILER_TARGET_SINKTOUSES_H

namespace llvm {
class Function;
}

namespace rnnc {

/// Moves what has no effect and reads no memory that changes down to the block
/// that dominates its uses, but into no loop. An entry computes all sizes and
/// addresses at its head; below it they would be kept in registers and on the
/// stack through the whole function, and handed to each part that is taken out
/// of it.
void sinkToUses(llvm::Function &function);

} // namespace rnnc

#endif
