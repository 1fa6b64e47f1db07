//===- Pack.cpp - Operands in the order in which a product reads them -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The right side goes to panels of columns, the left side to tiles of rows,
// each with its terms one behind the other. What lies along the terms is
// transposed in registers, a square of one vector by one vector at a time.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/KernelWriter.h"
#include "compiler/codegen/Kernels.h"

using namespace mlir;
using namespace rnnc::codegen;

namespace {
using Values = KernelWriter::Values;
}

/// Transposes a square of vectors: each of log2(lanes) rounds is a perfect
/// shuffle, of the first half of the vectors with the second.
static Values transposed(KernelWriter &w, Values rows) {
  int64_t lanes = w.lanes;
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < lanes / 2; ++i) {
    low.append({i, lanes + i});
    high.append({lanes / 2 + i, lanes + lanes / 2 + i});
  }
  for (int64_t round = 1; round < lanes; round *= 2) {
    Values next;
    for (int64_t i = 0; i < lanes / 2; ++i)
      for (ArrayRef<int64_t> half : {ArrayRef(low), ArrayRef(high)})
        next.push_back(vector::ShuffleOp::create(w.b, w.loc, rows[i],
                                                 rows[i + lanes / 2], half));
    rows = next;
  }
  return rows;
}

/// Copies `count` rows (fewer than `lanes` are repeated) of `terms` terms that
/// lie side by side: the entries of term k go to `to` + k * `width`. There are
/// at least `lanes` terms; whole vectors are written, in the order of k.
static void packAlongTerms(KernelWriter &w, Value from, Value stride,
                           Value count, Value terms, Value to, Value width) {
  Value last = w.sub(count, w.constant(1));
  SmallVector<Value> rows;
  for (int64_t i = 0; i < w.lanes; ++i)
    rows.push_back(w.gep(from, w.mul(w.min(w.constant(i), last), stride)));
  Value lastBlock = w.sub(terms, w.constant(w.lanes));
  w.loop(w.constant(0), terms, w.lanes, [&](Value block) {
    // The last block may do some terms again.
    Value k = w.min(block, lastBlock);
    Values square;
    for (Value row : rows)
      square.push_back(w.load(w.gep(row, k)));
    square = transposed(w, square);
    for (auto [i, vector] : llvm::enumerate(square))
      w.store(vector, w.gep(to, w.mul(w.add(k, i), width)));
  });
}

/// Where term k begins, as a number of entries.
static Value termOffset(KernelWriter &w, Value list, Value stride, Value k) {
  return w.ifElse(
      w.isNull(list), w.i64, [&]() -> Values { return {w.mul(k, stride)}; },
      [&]() -> Values {
        return {LLVM::LoadOp::create(w.b, w.loc, w.i64, w.gep(list, k, w.i64),
                                     8)};
      })[0];
}

/// Copies entry by entry, whatever the strides.
static void packEntries(KernelWriter &w, Value from, Value strideK, Value list,
                        Value stride, Value count, Value terms, Value to,
                        Value width) {
  w.loop(w.constant(0), terms, 1, [&](Value k) {
    Value source = w.gep(from, termOffset(w, list, strideK, k));
    Value target = w.gep(to, w.mul(k, width));
    w.loop(w.constant(0), count, 1, [&](Value i) {
      w.store(w.loadScalar(w.gep(source, w.mul(i, stride))), w.gep(target, i));
    });
  });
}

/// Whether terms lie side by side, and are at least one vector.
static Value isAlongTerms(KernelWriter &w, Value strideK, Value list,
                          Value terms) {
  Value isNear = w.both(w.equal(strideK, 1), w.isNull(list));
  return w.both(isNear, w.less(w.constant(w.lanes - 1), terms));
}

func::FuncOp Kernels::packLeft(Type element, bool alongTerms) {
  std::string name =
      nameOf(alongTerms ? "pack_left_terms" : "pack_left_rows", element);
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  Type ptr = LLVM::LLVMPointerType::get(module.getContext());
  Type i64 = IntegerType::get(module.getContext(), 64);
  func::FuncOp function = KernelWriter::start(
      module, name, {ptr, i64, i64, ptr, i64, i64, i64, i64, ptr, i64});
  KernelWriter w(function, element, lanes(element));
  auto args = function.getArguments();
  Value from = args[0], strideM = args[1], strideK = args[2], list = args[3],
        terms = args[4], tiles = args[5], height = args[6], longer = args[7],
        to = args[8], tileEntries = args[9];
  Value zero = w.constant(0);
  auto rowsOf = [&](Value tile) {
    return w.add(height,
                 arith::ExtUIOp::create(w.b, w.loc, i64, w.less(tile, longer)));
  };
  auto firstRow = [&](Value tile) {
    return w.add(w.mul(tile, height), w.min(tile, longer));
  };
  auto target = [&](Value tile) { return w.gep(to, w.mul(tile, tileEntries)); };
  auto alongRows = [&](bool hasList) {
    // Each term's rows lie side by side: term by term.
    Value tall = w.mask(w.add(height, 1)), low = w.mask(height);
    w.loop(zero, terms, 1, [&](Value k) {
      Value source = w.gep(
          from, hasList ? Value(LLVM::LoadOp::create(
                              w.b, w.loc, i64, w.gep(list, k, i64), 8))
                        : w.mul(k, strideK));
      auto copy = [&](Value first, Value end, Value rows, Value mask) {
        w.loop(first, end, 1, [&](Value tile) {
          Value loaded =
              w.loadMasked(w.gep(source, firstRow(tile)), mask);
          w.storeMasked(loaded, w.gep(target(tile), w.mul(k, rows)), mask);
        });
      };
      Value talls = w.min(longer, tiles);
      copy(zero, talls, w.add(height, 1), tall);
      copy(talls, tiles, height, low);
    });
  };
  if (alongTerms) {
    w.loop(zero, tiles, 1, [&](Value tile) {
      Value source = w.gep(from, w.mul(firstRow(tile), strideM));
      Value rows = rowsOf(tile);
      w.loop(zero, terms, w.lanes, [&](Value low) {
        Value mask = w.mask(w.sub(terms, low));
        Value line = w.gep(target(tile), w.mul(low, rows));
        w.loop(zero, rows, 1, [&](Value row) {
          Value part = w.gep(source, w.add(w.mul(row, strideM), low));
          w.store(w.loadMasked(part, mask), w.gep(line, w.mul(row, w.lanes)));
        });
      });
    });
  } else {
    w.ifThen(
        w.equal(strideM, 1),
        [&] {
          w.ifThen(w.isNull(list), [&] { alongRows(false); },
                   [&] { alongRows(true); });
        },
        [&] {
          w.loop(zero, tiles, 1, [&](Value tile) {
            packEntries(w, w.gep(from, w.mul(firstRow(tile), strideM)), strideK,
                        list, strideM, rowsOf(tile), terms, target(tile),
                        rowsOf(tile));
          });
        });
  }
  func::ReturnOp::create(w.b, w.loc);
  return function;
}

func::FuncOp Kernels::packRight(Type element) {
  std::string name = nameOf("pack_right", element);
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  Type ptr = LLVM::LLVMPointerType::get(module.getContext());
  Type i64 = IntegerType::get(module.getContext(), 64);
  func::FuncOp function = KernelWriter::start(
      module, name, {ptr, i64, ptr, i64, i64, i64, ptr, i64, i64});
  KernelWriter w(function, element, lanes(element));
  auto args = function.getArguments();
  Value from = args[0], strideK = args[1], list = args[2], strideN = args[3],
        terms = args[4], n = args[5], to = args[6];
  int64_t width = panel(element);
  w.loop(args[7], args[8], 1, [&](Value panel) {
    Value column = w.mul(panel, width);
    Value count = w.min(w.sub(n, column), w.constant(width));
    // The rest is as wide as it needs to be, in whole vectors.
    Value isNarrow = w.less(count, w.constant(w.lanes + 1));
    Value panelWidth =
        w.select(isNarrow, w.constant(w.lanes), w.constant(width));
    Value source = w.gep(from, w.mul(column, strideN));
    Value target = w.gep(to, w.mul(column, terms));
    auto forVectors = [&](function_ref<void(Value, Value)> body) {
      w.loop(w.constant(0), panelWidth, w.lanes, [&](Value first) {
        body(first, w.min(w.sub(count, first), w.constant(w.lanes)));
      });
    };
    w.ifThen(
        w.equal(strideN, 1),
        [&] {
          SmallVector<Value> masks;
          for (int64_t v = 0; v < width; v += w.lanes)
            masks.push_back(w.mask(w.sub(count, w.constant(v))));
          auto copy = [&](int64_t vectors) {
            w.loop(w.constant(0), terms, 1, [&](Value k) {
              Value row = w.gep(source, termOffset(w, list, strideK, k));
              for (int64_t v = 0; v < vectors; ++v)
                w.store(w.loadMasked(w.gep(row, v * w.lanes), masks[v]),
                        w.gep(target, w.add(w.mul(k, vectors * w.lanes),
                                            v * w.lanes)));
            });
          };
          w.ifThen(isNarrow, [&] { copy(1); }, [&] { copy(width / w.lanes); });
        },
        [&] {
          w.ifThen(
              isAlongTerms(w, strideK, list, terms),
              [&] {
                forVectors([&](Value first, Value part) {
                  packAlongTerms(w, w.gep(source, w.mul(first, strideN)),
                                 strideN, part, terms, w.gep(target, first),
                                 panelWidth);
                });
              },
              [&] {
                // The rest of the panel is multiplied but never stored.
                packEntries(w, source, strideK, list, strideN, count, terms,
                            target, panelWidth);
              });
        });
  });
  func::ReturnOp::create(w.b, w.loc);
  return function;
}
