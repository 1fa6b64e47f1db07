//===- Product.cpp - Matrix products on packed operands -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block of rows x terms of the left side is packed on the stack; every panel
// of the right side passes it by. A tile of rows x one panel of columns stays
// in registers over all terms of the block: its accumulators are values that
// the loop carries, never memory. Blocks of terms follow each other through
// the result, so every entry is one chain of fused multiply-adds in the order
// of its terms, whatever the tiles and blocks. Of bf16 numbers the units are
// pairs of terms.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/KernelWriter.h"
#include "compiler/codegen/Kernels.h"

using namespace mlir;
using namespace rnnc::codegen;

namespace {
using Values = KernelWriter::Values;

/// Bytes of the terms of one row or column done at a time: a panel's part
/// stays in the L2 cache, and few blocks pass through the result.
constexpr int64_t kBlockBytes = 4096;
/// Bytes of the packed block of rows: half of the L2 cache, or less, so that the
/// right side comes from further away as seldom as can be. CPUs with vectors of
/// 512 bits have 1 MB or more. It lies on the stack.
constexpr int64_t leftBytes(int64_t vectorBits) {
  return (vectorBits >= 512 ? 480 : 144) * 1024;
}
/// Tiles of rows in a block, at most: the result's part stays in the L2 cache too.
constexpr int64_t kLeftTiles = 12;
/// Tiles of so few rows take two panels at a time, for more chains at once.
constexpr int64_t kLowRows = 3;

/// One register tile: its operands begin at these addresses.
struct Tile {
  Value left, units, right, c, strideC, from, strideFrom, hasFrom;
  /// Columns there are; all of them if null.
  Value count;
  /// From one panel to the next, in entries.
  Value panelStride;
  /// How the left side is packed; see Kernels::packLeft.
  bool alongTerms = false;
};
} // namespace

/// `rows` x (`panels` of `vectors` vectors).
static void writeTile(KernelWriter &w, const Tile &t, int64_t rows,
                      int64_t vectors, int64_t panels = 1) {
  OpBuilder &b = w.b;
  int64_t columns = vectors * panels;
  SmallVector<Value> masks;
  if (t.count)
    for (int64_t v = 0; v < columns; ++v)
      masks.push_back(w.mask(w.sub(t.count, w.constant(v * w.lanes))));
  auto place = [&](Value base, Value stride, int64_t r, int64_t v) {
    return w.gep(base, w.add(w.mul(stride, r), v * w.lanes));
  };

  // What the sums start from: memory, or 0.
  SmallVector<Type> types(rows * columns, w.vectorType());
  Values start = w.ifElse(
      t.hasFrom, types,
      [&] {
        Values loaded;
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t v = 0; v < columns; ++v) {
            Value address = place(t.from, t.strideFrom, r, v);
            loaded.push_back(t.count ? w.loadMasked(address, masks[v])
                                     : w.load(address));
          }
        return loaded;
      },
      [&] { return Values(rows * columns, w.zeros()); });

  // The tile below is next.
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < columns; ++v)
      LLVM::Prefetch::create(b, w.loc, place(t.c, t.strideC, rows + r, v),
                             /*rw=*/0, /*hint=*/3, /*cache=*/1);

  SmallVector<Value> panelBases{t.right};
  for (int64_t p = 1; p < panels; ++p)
    panelBases.push_back(w.gep(panelBases.back(), t.panelStride));
  auto multiply = [&](Value left, int64_t leftRow, Value k, ValueRange sums) {
    SmallVector<Value> right;
    for (Value base : panelBases) {
      Value row = w.gep(base, w.mul(k, vectors * w.lanes));
      for (int64_t v = 0; v < vectors; ++v)
        right.push_back(w.loadUnits(w.gep(row, v * w.lanes)));
    }
    Values next;
    for (int64_t r = 0; r < rows; ++r) {
      Value entry = w.splat(w.loadUnit(w.gep(left, r * leftRow)));
      for (int64_t v = 0; v < columns; ++v) {
        Value sum = sums[r * columns + v];
        next.push_back(w.multiply(entry, right[v], sum));
      }
    }
    return next;
  };
  Value zero = w.constant(0), one = w.constant(1), line = w.constant(w.lanes);
  Values sums =
      t.alongTerms
          ? w.loop(zero, t.units, line, start,
                   [&](Value low, ValueRange sums) {
                     Value left = w.gep(t.left, w.mul(low, rows));
                     Value count = w.min(w.sub(t.units, low), line);
                     return w.loop(zero, count, one, sums,
                                   [&](Value k, ValueRange sums) {
                                     return multiply(w.gep(left, k), w.lanes,
                                                     w.add(low, k), sums);
                                   });
                   })
          : w.loop(zero, t.units, one, start, [&](Value k, ValueRange sums) {
              return multiply(w.gep(t.left, w.mul(k, rows)), 1, k, sums);
            });

  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < columns; ++v) {
      Value address = place(t.c, t.strideC, r, v);
      if (t.count)
        w.storeMasked(sums[r * columns + v], address, masks[v]);
      else
        w.store(sums[r * columns + v], address);
    }
}

func::FuncOp Kernels::product(Type element, bool isNarrow, bool alongTerms) {
  std::string name =
      nameOf(alongTerms ? "product_terms" : "product_rows", element, isNarrow);
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  Type ptr = LLVM::LLVMPointerType::get(module.getContext());
  Type i64 = IntegerType::get(module.getContext(), 64);
  func::FuncOp function = KernelWriter::start(
      module, name,
      {ptr, i64, i64, ptr, ptr, ptr, i64, ptr, i64, i64, i64, i64, i64, i64,
       i64});
  if (onlyDeclares(function, element, isNarrow))
    return function;
  func::FuncOp pack = packLeft(element, isNarrow, alongTerms);
  KernelWriter w = writerOf(function, element, isNarrow);
  OpBuilder &b = w.b;
  auto args = function.getArguments();
  Value a = args[0], aM = args[1], aK = args[2], list = args[3],
        packed = args[4], c = args[5], cM = args[6], start = args[7],
        startM = args[8], terms = args[9], rowLow = args[10],
        rowHigh = args[11], columnLow = args[12], columnHigh = args[13],
        n = args[14];
  int64_t width = panel(element), vectors = width / w.lanes;
  int64_t tileRows = std::min(vectorBits >= 512 ? 12L : 6L, w.lanes);
  int64_t blockUnits = kBlockBytes / w.bytes();
  Value zero = w.constant(0), one = w.constant(1);

  Value rows = w.max(w.sub(rowHigh, rowLow), zero);
  // Tiles as even as they can be.
  Value tiles = w.div(w.add(rows, tileRows - 1), w.constant(tileRows));
  Value safe = w.max(tiles, one);
  Value height = w.div(rows, safe);
  Value longer = w.sub(rows, w.mul(height, safe));
  auto firstRow = [&](Value tile) {
    return w.add(w.mul(tile, height), w.min(tile, longer));
  };
  auto rowsOf = [&](Value tile) {
    return w.add(height,
                 arith::ExtUIOp::create(b, w.loc, i64, w.less(tile, longer)));
  };
  // A single row is packed already if its terms lie side by side.
  Value isPacked =
      alongTerms && !isNarrow
          ? w.equal(rows, 1)
          : arith::ConstantOp::create(b, w.loc, b.getBoolAttr(false));
  int64_t capacity = leftBytes(vectorBits) / w.bytes();
  Value stack = LLVM::AllocaOp::create(
      b, w.loc, ptr, element, w.constant(capacity + w.lanes), 64);
  Value hasStart = arith::XOrIOp::create(
      b, w.loc, w.isNull(start),
      arith::ConstantOp::create(b, w.loc, b.getBoolAttr(true)));

  // With no terms at all the result is what the sums start from.
  Value units = w.unitsOf(terms);
  Value blocks = w.max(w.div(w.add(units, blockUnits - 1),
                             w.constant(blockUnits)),
                       one);
  w.loop(zero, blocks, 1, [&](Value block) {
    Value lowUnit = w.div(w.mul(block, units), blocks);
    Value count = w.sub(w.div(w.mul(w.add(block, 1), units), blocks), lowUnit);
    Value low = w.mul(lowUnit, w.unitTerms());
    Value countTerms = w.min(w.mul(count, w.unitTerms()), w.sub(terms, low));
    Value isFirst = w.equal(block, 0);
    // In whole vectors.
    Value tileEntries = w.mul(
        w.div(w.add(w.max(count, one), w.lanes - 1), w.constant(w.lanes)),
        w.lanes * tileRows);
    Value blockTiles = w.min(w.div(w.constant(capacity), tileEntries),
                             w.constant(kLeftTiles));
    Tile tile;
    tile.units = count;
    tile.alongTerms = alongTerms;
    tile.strideC = cM;
    tile.strideFrom = w.select(isFirst, startM, cM);
    tile.hasFrom = w.either(w.less(zero, block), hasStart);
    tile.panelStride = w.mul(units, width);
    Value from = w.select(isFirst, start, c);
    Value source = w.select(w.isNull(list), w.gep(a, w.mul(low, aK)), a);
    Value listHere =
        w.select(w.isNull(list), list, w.gep(list, low, i64));
    auto rightAt = [&](Value column, Value panelWidth) {
      return w.gep(packed,
                   w.add(w.mul(column, units), w.mul(lowUnit, panelWidth)));
    };
    w.loop(zero, tiles, blockTiles, [&](Value firstTile) {
      Value endTile = w.min(w.add(firstTile, blockTiles), tiles);
      auto leftOf = [&](Value t) {
        return w.select(isPacked, w.gep(source, w.mul(rowLow, aM)),
                        w.gep(stack, w.mul(w.sub(t, firstTile), tileEntries)));
      };
      Value row = w.add(rowLow, firstRow(firstTile));
      func::CallOp::create(
          b, w.loc, pack,
          ValueRange{w.gep(source, w.mul(row, aM)), aM, aK, listHere, countTerms,
                     w.select(isPacked, zero, w.sub(endTile, firstTile)),
                     height, w.max(w.sub(longer, firstTile), zero), stack,
                     tileEntries});
      auto addresses = [&](Tile tile, Value t, Value column) {
        Value row = w.add(rowLow, firstRow(t));
        tile.left = leftOf(t);
        tile.c = w.gep(c, w.add(w.mul(row, cM), column));
        tile.from =
            w.gep(from, w.add(w.mul(row, tile.strideFrom), column));
        return tile;
      };
      // Few rows: two whole panels at a time.
      Value isLow = w.less(rows, w.constant(kLowRows + 1));
      Value pairs = w.div(w.sub(columnHigh, columnLow), w.constant(2 * width));
      Value pairsEnd = w.add(
          columnLow, w.select(isLow, w.mul(pairs, 2 * width), zero));
      w.loop(columnLow, pairsEnd, 2 * width, [&](Value column) {
        Tile here = addresses(tile, zero, column);
        here.right = rightAt(column, w.constant(width));
        w.switchOn(rows, 1, kLowRows,
                   [&](int64_t rows) { writeTile(w, here, rows, vectors, 2); });
      });
      w.loop(pairsEnd, columnHigh, width, [&](Value column) {
        Value left = w.sub(n, column);
        Value isThin = w.less(left, w.constant(w.lanes + 1));
        auto panel = [&](int64_t vectors) {
          Value right = rightAt(column, w.constant(vectors * w.lanes));
          w.loop(firstTile, endTile, 1, [&](Value t) {
            Tile here = addresses(tile, t, column);
            here.right = right;
            here.count = left;
            w.switchOn(rowsOf(t), 1, tileRows, [&](int64_t rows) {
              writeTile(w, here, rows, vectors);
            });
          });
        };
        w.ifThen(isThin, [&] { panel(1); }, [&] { panel(vectors); });
      });
    });
  });
  func::ReturnOp::create(b, w.loc);
  return function;
}
