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

KernelWriter Kernels::writerOf(func::FuncOp function, Type element,
                               bool isNarrow) const {
  KernelWriter w(function, element, lanes(element));
  w.isNarrow = isNarrow;
  w.isNative = hasPairs;
  return w;
}

bool Kernels::onlyDeclares(func::FuncOp function, Type element,
                           bool isNarrow) const {
  if (!areLinked || !element.isF32() || isNarrow)
    return false;
  function.getBody().getBlocks().clear();
  return true;
}

void Kernels::writeAll() {
  Type f32 = Float32Type::get(module.getContext());
  for (bool alongTerms : {false, true})
    product(f32, /*isNarrow=*/false, alongTerms);
  packRight(f32, /*isNarrow=*/false);
  packPart(f32, /*isNarrow=*/false);
  for (int64_t vectors = 1; vectors <= kMostPanelVectors; ++vectors)
    panelProduct(f32, /*isNarrow=*/false, vectors);
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

/// The units from `unit` on of a row whose terms lie side by side; there are
/// `terms`.
static Value loadAlong(KernelWriter &w, Value row, Value unit, Value terms) {
  Value k = w.mul(unit, w.unitTerms());
  auto part = [&](int64_t from) {
    return w.loadMasked(w.gep(row, w.add(k, from)),
                        w.mask(w.sub(terms, w.add(k, from))));
  };
  if (!w.isNarrow)
    return part(0);
  return w.narrow().neighbours(part(0), part(w.lanes));
}

/// Copies `count` rows (fewer than `lanes` are repeated) of `terms` terms that
/// lie side by side: the entries of unit k go to `to` + k * `width`. There are
/// at least `lanes` units; whole vectors are written, in the order of k.
static void packAlongTerms(KernelWriter &w, Value from, Value stride,
                           Value count, Value terms, Value to, Value width) {
  Value last = w.sub(count, w.constant(1)), units = w.unitsOf(terms);
  SmallVector<Value> rows;
  for (int64_t i = 0; i < w.lanes; ++i)
    rows.push_back(w.gep(from, w.mul(w.min(w.constant(i), last), stride)));
  Value lastBlock = w.sub(units, w.constant(w.lanes));
  w.loop(w.constant(0), units, w.lanes, [&](Value block) {
    // The last block may do some units again.
    Value k = w.min(block, lastBlock);
    Values square;
    for (Value row : rows)
      square.push_back(loadAlong(w, row, k, terms));
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

/// The `number`th term of a unit, if there is one.
static Value hasTerm(KernelWriter &w, Value unit, int64_t number, Value terms) {
  return w.less(w.add(w.mul(unit, w.unitTerms()), number), terms);
}

/// Where the `number`th term of a unit begins; the last one's where there is
/// none.
static Value unitOffset(KernelWriter &w, Value list, Value stride, Value unit,
                        int64_t number, Value terms) {
  Value k = w.add(w.mul(unit, w.unitTerms()), number);
  if (number)
    k = w.min(k, w.sub(terms, w.constant(1)));
  return termOffset(w, list, stride, k);
}

/// The units of neighbouring rows or columns: `sources` are where the unit's
/// terms begin, and `second` tells whether there is a second one.
static Value loadAcross(KernelWriter &w, ArrayRef<Value> sources, Value second,
                        Value mask) {
  Value low = w.loadMasked(sources[0], mask);
  if (!w.isNarrow)
    return low;
  Value all = w.splat(second);
  return w.narrow().pairs(
      low, w.loadMasked(sources[1],
                        arith::AndIOp::create(w.b, w.loc, mask, all)));
}

/// Copies entry by entry, whatever the strides.
static void packEntries(KernelWriter &w, Value from, Value strideK, Value list,
                        Value stride, Value count, Value terms, Value to,
                        Value width) {
  w.loop(w.constant(0), w.unitsOf(terms), 1, [&](Value k) {
    SmallVector<Value> sources;
    for (int64_t i = 0; i < w.unitTerms(); ++i)
      sources.push_back(
          w.gep(from, unitOffset(w, list, strideK, k, i, terms)));
    Value target = w.gep(to, w.mul(k, width));
    w.loop(w.constant(0), count, 1, [&](Value i) {
      SmallVector<Value> numbers;
      for (Value source : sources)
        numbers.push_back(w.loadScalar(w.gep(source, w.mul(i, stride))));
      Value unit = numbers[0];
      if (w.isNarrow) {
        // One lane of a vector.
        Value zero = arith::ConstantOp::create(w.b, w.loc,
                                               w.b.getZeroAttr(w.element));
        Value high = w.select(hasTerm(w, k, 1, terms), numbers[1], zero);
        unit = vector::ExtractOp::create(
            w.b, w.loc, w.narrow().pairs(w.splat(numbers[0]), w.splat(high)),
            0);
      }
      w.store(unit, w.gep(target, i));
    });
  });
}

/// Whether terms lie side by side, and their units are at least one vector.
static Value isAlongTerms(KernelWriter &w, Value strideK, Value list,
                          Value terms) {
  Value isNear = w.both(w.equal(strideK, 1), w.isNull(list));
  return w.both(isNear, w.less(w.constant(w.lanes - 1), w.unitsOf(terms)));
}

func::FuncOp Kernels::packLeft(Type element, bool isNarrow, bool alongTerms) {
  std::string name = nameOf(alongTerms ? "pack_left_terms" : "pack_left_rows",
                            element, isNarrow);
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  Type ptr = LLVM::LLVMPointerType::get(module.getContext());
  Type i64 = IntegerType::get(module.getContext(), 64);
  func::FuncOp function = KernelWriter::start(
      module, name, {ptr, i64, i64, ptr, i64, i64, i64, i64, ptr, i64});
  if (onlyDeclares(function, element, isNarrow))
    return function;
  KernelWriter w = writerOf(function, element, isNarrow);
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
    w.loop(zero, w.unitsOf(terms), 1, [&](Value k) {
      SmallVector<Value> sources;
      for (int64_t i = 0; i < w.unitTerms(); ++i) {
        Value term = w.add(w.mul(k, w.unitTerms()), i);
        if (i)
          term = w.min(term, w.sub(terms, w.constant(1)));
        sources.push_back(w.gep(
            from, hasList ? Value(LLVM::LoadOp::create(
                                w.b, w.loc, i64, w.gep(list, term, i64), 8))
                          : w.mul(term, strideK)));
      }
      Value second = hasTerm(w, k, 1, terms);
      auto copy = [&](Value first, Value end, Value rows, Value mask) {
        w.loop(first, end, 1, [&](Value tile) {
          SmallVector<Value> here;
          for (Value source : sources)
            here.push_back(w.gep(source, firstRow(tile)));
          Value loaded = loadAcross(w, here, second, mask);
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
      w.loop(zero, w.unitsOf(terms), w.lanes, [&](Value low) {
        Value line = w.gep(target(tile), w.mul(low, rows));
        w.loop(zero, rows, 1, [&](Value row) {
          Value part = w.gep(source, w.mul(row, strideM));
          w.store(loadAlong(w, part, low, terms),
                  w.gep(line, w.mul(row, w.lanes)));
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

func::FuncOp Kernels::packRight(Type element, bool isNarrow) {
  std::string name = nameOf("pack_right", element, isNarrow);
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  Type ptr = LLVM::LLVMPointerType::get(module.getContext());
  Type i64 = IntegerType::get(module.getContext(), 64);
  func::FuncOp function = KernelWriter::start(
      module, name, {ptr, i64, ptr, i64, i64, i64, ptr, i64, i64});
  if (onlyDeclares(function, element, isNarrow))
    return function;
  KernelWriter w = writerOf(function, element, isNarrow);
  auto args = function.getArguments();
  Value from = args[0], strideK = args[1], list = args[2], strideN = args[3],
        terms = args[4], n = args[5], to = args[6];
  int64_t width = panel(element);
  w.loop(args[7], args[8], 1, [&](Value panel) {
    Value column = w.mul(panel, width);
    Value count = w.min(w.sub(n, column), w.constant(width));
    // The rest is as wide as it needs to be, in whole vectors.
    Value isThin = w.less(count, w.constant(w.lanes + 1));
    Value panelWidth =
        w.select(isThin, w.constant(w.lanes), w.constant(width));
    Value source = w.gep(from, w.mul(column, strideN));
    Value target = w.gep(to, w.mul(column, w.unitsOf(terms)));
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
            w.loop(w.constant(0), w.unitsOf(terms), 1, [&](Value k) {
              SmallVector<Value> rows;
              for (int64_t i = 0; i < w.unitTerms(); ++i)
                rows.push_back(w.gep(
                    source, unitOffset(w, list, strideK, k, i, terms)));
              Value second = hasTerm(w, k, 1, terms);
              for (int64_t v = 0; v < vectors; ++v) {
                SmallVector<Value> here;
                for (Value row : rows)
                  here.push_back(w.gep(row, v * w.lanes));
                w.store(loadAcross(w, here, second, masks[v]),
                        w.gep(target, w.add(w.mul(k, vectors * w.lanes),
                                            v * w.lanes)));
              }
            });
          };
          w.ifThen(isThin, [&] { copy(1); }, [&] { copy(width / w.lanes); });
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

func::FuncOp Kernels::packPart(Type element, bool isNarrow) {
  std::string name = nameOf("pack_part", element, isNarrow);
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  Type ptr = LLVM::LLVMPointerType::get(module.getContext());
  Type i64 = IntegerType::get(module.getContext(), 64);
  func::FuncOp function = KernelWriter::start(
      module, name, {ptr, i64, i64, i64, i64, ptr, i64, i64, i64, i64, i64});
  if (onlyDeclares(function, element, isNarrow))
    return function;
  KernelWriter w = writerOf(function, element, isNarrow);
  auto args = function.getArguments();
  Value source = args[0], strideK = args[1], strideN = args[2],
        terms = args[3], n = args[4], to = args[5], width = args[6],
        perPanel = args[7], slot = args[8];
  Value none = LLVM::ZeroOp::create(w.b, w.loc, ptr);
  w.loop(args[9], args[10], 1, [&](Value group) {
    Value panel = w.div(group, perPanel);
    Value within = w.sub(group, w.mul(panel, perPanel));
    Value target =
        w.gep(to, w.add(w.mul(panel, w.mul(w.unitsOf(terms), width)),
                        w.mul(w.add(slot, within), w.lanes)));
    // Groups behind the last repeat it; they are multiplied but never stored.
    Value first = w.min(w.mul(group, w.lanes),
                        w.mul(w.div(w.sub(n, w.constant(1)),
                                    w.constant(w.lanes)),
                              w.lanes));
    Value count = w.min(w.sub(n, first), w.constant(w.lanes));
    Value from = w.gep(source, w.mul(first, strideN));
    w.ifThen(
        w.equal(strideN, 1),
        [&] {
          Value mask = w.mask(count);
          w.loop(w.constant(0), w.unitsOf(terms), 1, [&](Value k) {
            SmallVector<Value> rows;
            for (int64_t i = 0; i < w.unitTerms(); ++i)
              rows.push_back(w.gep(
                  from, unitOffset(w, none, strideK, k, i, terms)));
            w.store(loadAcross(w, rows, hasTerm(w, k, 1, terms), mask),
                    w.gep(target, w.mul(k, width)));
          });
        },
        [&] {
          w.ifThen(
              isAlongTerms(w, strideK, none, terms),
              [&] {
                packAlongTerms(w, from, strideN, count, terms, target, width);
              },
              [&] {
                packEntries(w, from, strideK, none, strideN, count, terms,
                            target, width);
              });
        });
  });
  func::ReturnOp::create(w.b, w.loc);
  return function;
}

func::FuncOp Kernels::packRows(Type element) {
  std::string name = nameOf("pack_rows", element, true);
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  Type ptr = LLVM::LLVMPointerType::get(module.getContext());
  Type i64 = IntegerType::get(module.getContext(), 64);
  func::FuncOp function = KernelWriter::start(
      module, name, {ptr, i64, i64, i64, i64, ptr, i64});
  KernelWriter w = writerOf(function, element, true);
  auto args = function.getArguments();
  Value from = args[0], strideM = args[1], strideK = args[2], terms = args[3],
        rows = args[4], to = args[5], width = args[6];
  Value none = LLVM::ZeroOp::create(w.b, w.loc, ptr);
  w.loop(w.constant(0), rows, 1, [&](Value row) {
    Value source = w.gep(from, w.mul(row, strideM));
    Value target = w.gep(to, w.mul(row, width));
    w.ifThen(
        w.equal(strideK, 1),
        [&] {
          w.loop(w.constant(0), w.unitsOf(terms), w.lanes, [&](Value unit) {
            w.store(loadAlong(w, source, unit, terms), w.gep(target, unit));
          });
        },
        [&] {
          packEntries(w, source, strideK, none, w.constant(0), w.constant(1),
                      terms, target, w.constant(1));
        });
  });
  func::ReturnOp::create(w.b, w.loc);
  return function;
}
