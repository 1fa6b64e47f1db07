//===- Kernels.h - Functions that generated code shares ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products on packed panels and the packing itself, written once per
// module and element type.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_CODEGEN_KERNELS_H
#define RNNC_COMPILER_CODEGEN_KERNELS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <map>
#include <string>

namespace rnnc::codegen {
struct KernelWriter;

/// Hands out the kernels of a module, making each at its first use. A narrow
/// one multiplies f32 numbers as bf16 (Narrow.h): its packed operands are pairs
/// of terms, K counts terms.
class Kernels {
public:
  /// `hasPairs`: the CPU multiplies pairs of bf16 numbers. `areLinked`: kernels
  /// that every compiler brings along (see writeAll) are declared only.
  Kernels(mlir::ModuleOp module, int64_t vectorBits, bool hasPairs,
          bool areLinked = false)
      : module(module), vectorBits(vectorBits),
        hasPairs(hasPairs && vectorBits == 512), areLinked(areLinked) {}

  /// Writes all kernels that `areLinked` leaves out: those of f32.
  void writeAll();

  /// Lanes of a vector of `element`, and columns of a packed panel.
  int64_t lanes(mlir::Type element) const {
    return vectorBits / element.getIntOrFloatBitWidth();
  }
  int64_t panel(mlir::Type element) const {
    return lanes(element) * 2;
  }

  /// C[m, n] = start[m, n] + sum over k of A[m, k] * P[k, n], one chain of
  /// fused multiply-adds per entry in the order of k (Product.cpp). Uses 144
  /// KiB of stack.
  ///
  /// (A ptr, A strides m k, A list ptr, P ptr, C ptr, C stride m, start ptr
  /// (null: 0), start stride m, K, first row, end row, first column, end
  /// column, N) -- all i64 but the pointers. Where the list is not null, term k
  /// of A begins list[k] entries on, and stride k is not used. P is as
  /// `packRight` leaves it; the first column is a multiple of `panel`, the last
  /// too or N. C and start have unit stride along n. With `alongTerms`, stride
  /// k is 1 and there is no list.
  mlir::func::FuncOp product(mlir::Type element, bool isNarrow,
                             bool alongTerms);

  /// Packs a right-hand side (Pack.cpp): panels of `panel` columns, each
  /// [K][panel]; the last as wide as it must be in whole vectors.
  ///
  /// (source ptr, stride k, list ptr as above, stride n, K, N, destination
  /// ptr, first panel, end panel).
  mlir::func::FuncOp packRight(mlir::Type element, bool isNarrow);

  /// Packs tiles of rows: the first `longer` have one row more than `height`.
  /// A tile is [K][rows], or, where the terms of a row lie side by side,
  /// [K / lanes][rows][lanes]: then stride k is 1 and there is no list.
  ///
  /// (source ptr, strides m k, list ptr, K, tiles, height, longer, destination
  /// ptr, entries from tile to tile).
  mlir::func::FuncOp packLeft(mlir::Type element, bool isNarrow,
                              bool alongTerms);

  /// The widest panel that a stage has.
  static constexpr int64_t kMostPanelVectors = 6;
  /// Rows of a register tile that is `vectors` wide.
  int64_t tileRows(int64_t vectors) const;

  /// C[m, v] = sum over k of A[m, k] * P[k, v] for one packed panel of
  /// `vectors` vectors, each entry one fused multiply-add chain (Tiles.cpp).
  ///
  /// (A ptr, A strides m k, P ptr, C ptr, C stride m, K, rows, 1 if the sums
  /// start from C, 0 if from 0). The strides of narrow products count pairs.
  mlir::func::FuncOp panelProduct(mlir::Type element, bool isNarrow,
                                  int64_t vectors);

  /// Packs one part of a stage's weights: groups of `lanes` units go to their
  /// vectors of the panels. What stands behind the last unit is never stored.
  ///
  /// (source ptr, strides k n, K, units, destination ptr, entries of a panel
  /// row, groups per panel, first vector of the part, first group, end group).
  mlir::func::FuncOp packPart(mlir::Type element, bool isNarrow);

  /// Pairs of bf16 numbers of rows of the left side, row by row; whole vectors
  /// are written.
  ///
  /// (source ptr, strides m k, K, rows, destination ptr, pairs from row to
  /// row).
  mlir::func::FuncOp packRows(mlir::Type element);

  /// Functions that any entry may call, by what they compute (EmitFlat.cpp).
  std::map<std::string, mlir::func::FuncOp> shared;

private:
  static std::string nameOf(llvm::StringRef kernel, mlir::Type element,
                            bool isNarrow = false) {
    return (kernel + (isNarrow          ? "_bf16"
                      : element.isF64() ? "_f64"
                                        : "_f32"))
        .str();
  }

  /// Leaves a declaration of a kernel that is linked; then it returns true.
  bool onlyDeclares(mlir::func::FuncOp function, mlir::Type element,
                    bool isNarrow) const;
  KernelWriter writerOf(mlir::func::FuncOp function, mlir::Type element,
                        bool isNarrow) const;

  mlir::ModuleOp module;
  int64_t vectorBits;
  bool hasPairs, areLinked;
};

} // namespace rnnc::codegen

#endif
