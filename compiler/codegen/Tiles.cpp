//===- Tiles.cpp - Products of one step ------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The products of a stage: one panel of weights holds every part of some
// units. A tile of rows x vectors stays in registers over a block of k.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/KernelWriter.h"
#include "compiler/codegen/Kernels.h"

using namespace mlir;
using namespace rnnc::codegen;

namespace {
using Values = KernelWriter::Values;

/// Units of k done at a time, so that a panel's part stays in the L2 cache.
constexpr int64_t kBlockUnits = 512;

/// The operands of one panel's product.
struct Panel {
  Value a, aM, aK, packed, c, cM;
};
} // namespace

/// `rows` x `vectors` accumulators over units [low, high); they start from C
/// if `resumes`, else from 0.
static void writeTile(KernelWriter &w, const Panel &o, int64_t rows,
                      int64_t vectors, Value row, Value low, Value high,
                      Value resumes) {
  auto place = [&](int64_t r, int64_t v) {
    return w.gep(o.c, w.add(w.mul(w.add(row, r), o.cM), v * w.lanes));
  };
  SmallVector<Type> types(rows * vectors, w.vectorType());
  Values start = w.ifElse(
      resumes, types,
      [&] {
        Values loaded;
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t v = 0; v < vectors; ++v)
            loaded.push_back(w.load(place(r, v)));
        return loaded;
      },
      [&] { return Values(rows * vectors, w.zeros()); });
  SmallVector<Value> rowBases;
  for (int64_t r = 0; r < rows; ++r)
    rowBases.push_back(w.gep(o.a, w.mul(w.add(row, r), o.aM)));
  Values sums = w.loop(
      low, high, w.constant(1), start, [&](Value k, ValueRange sums) {
        Value panelRow = w.gep(o.packed, w.mul(k, vectors * w.lanes));
        SmallVector<Value> columns;
        for (int64_t v = 0; v < vectors; ++v)
          columns.push_back(w.loadUnits(w.gep(panelRow, v * w.lanes)));
        Value entry = w.mul(k, o.aK);
        Values next;
        for (int64_t r = 0; r < rows; ++r) {
          Value left = w.splat(w.loadUnit(w.gep(rowBases[r], entry)));
          for (int64_t v = 0; v < vectors; ++v)
            next.push_back(
                w.multiply(left, columns[v], sums[r * vectors + v]));
        }
        return next;
      });
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < vectors; ++v)
      w.store(sums[r * vectors + v], place(r, v));
}

int64_t Kernels::tileRows(int64_t vectors) const {
  bool wide = vectorBits >= 512;
  int64_t rows = (wide ? 24 : 12) / vectors;
  return std::clamp<int64_t>(rows, 1, wide ? 12 : 6);
}

func::FuncOp Kernels::panelProduct(Type element, bool isNarrow,
                                   int64_t vectors) {
  std::string name = nameOf(("panel" + Twine(vectors) + "_product").str(),
                            element, isNarrow);
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  Type ptr = LLVM::LLVMPointerType::get(module.getContext());
  Type i64 = IntegerType::get(module.getContext(), 64);
  func::FuncOp function = KernelWriter::start(
      module, name, {ptr, i64, i64, ptr, ptr, i64, i64, i64, i64});
  if (onlyDeclares(function, element, isNarrow))
    return function;
  KernelWriter w = writerOf(function, element, isNarrow);
  auto args = function.getArguments();
  Panel o{args[0], args[1], args[2], args[3], args[4], args[5]};
  Value units = w.unitsOf(args[6]), rows = args[7];
  int64_t most = tileRows(vectors);
  Value zero = w.constant(0), one = w.constant(1);
  // Tiles as even as they can be.
  Value tiles = w.div(w.add(rows, most - 1), w.constant(most));
  Value safe = w.max(tiles, one);
  Value height = w.div(rows, safe);
  Value longer = w.sub(rows, w.mul(height, safe));
  w.loop(zero, units, kBlockUnits, [&](Value low) {
    Value high = w.min(w.add(low, kBlockUnits), units);
    Value resumes = w.either(w.less(zero, low), w.less(zero, args[8]));
    w.loop(zero, tiles, one, zero,
           [&](Value tile, ValueRange row) -> Values {
             Value isLong = w.less(tile, longer);
             Value here = w.add(
                 height, arith::ExtUIOp::create(w.b, w.loc, i64, isLong));
             w.switchOn(here, 1, most, [&](int64_t rows) {
               writeTile(w, o, rows, vectors, row[0], low, high, resumes);
             });
             return {w.add(row[0], here)};
           });
  });
  func::ReturnOp::create(w.b, w.loc);
  return function;
}
