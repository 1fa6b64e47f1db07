//===- Kernels.cpp - Matrix products on packed panels ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tile of rows x one panel of columns stays in registers over all of k.
// Accumulators are values carried by the k loops, never memory, so the
// backend keeps them in registers. Every entry is one chain of fused
// multiply-adds in the order of k, whatever the tile.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace rnnc::codegen;

namespace {
/// Rows of a register tile: with four vectors of columns, 24 accumulators.
constexpr int64_t kTileRows = 6;
/// Terms of k done at a time, so that a panel's part stays in the L2 cache.
constexpr int64_t kBlockTerms = 512;

/// Builds one kernel function.
struct Writer {
  OpBuilder b;
  Location loc;
  Type ptr, i64, element;
  int64_t lanes, panel;

  Value constant(int64_t value) {
    return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
  }
  Value add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(loc, x, y); }
  Value sub(Value x, Value y) { return b.createOrFold<arith::SubIOp>(loc, x, y); }
  Value mul(Value x, Value y) { return b.createOrFold<arith::MulIOp>(loc, x, y); }
  Value min(Value x, Value y) {
    return arith::MinSIOp::create(b, loc, x, y);
  }
  Value gep(Value base, Value entries) {
    return LLVM::GEPOp::create(b, loc, ptr, element, base,
                               ArrayRef<LLVM::GEPArg>{entries});
  }
  unsigned bytes() { return element.getIntOrFloatBitWidth() / 8; }
  VectorType vectorType() { return VectorType::get(lanes, element); }
  Value zero() {
    return arith::ConstantOp::create(b, loc, b.getZeroAttr(vectorType()));
  }

  SmallVector<Value>
  loop(Value low, Value high, int64_t step, ValueRange init,
       function_ref<SmallVector<Value>(Value, ValueRange)> body) {
    auto forOp = scf::ForOp::create(b, loc, low, high, constant(step), init);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(forOp.getBody());
    SmallVector<Value> next =
        body(forOp.getInductionVar(), forOp.getRegionIterArgs());
    if (!init.empty())
      scf::YieldOp::create(b, loc, next);
    return SmallVector<Value>(forOp.getResults());
  }

  Value mask(Value count) {
    SmallVector<int64_t> numbers(lanes);
    for (int64_t i = 0; i < lanes; ++i)
      numbers[i] = i;
    Value iota = arith::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(VectorType::get(lanes, i64),
                               ArrayRef<int64_t>(numbers)));
    Value all = vector::BroadcastOp::create(b, loc, iota.getType(), count);
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, iota, all);
  }
};

/// The operands of a product, as the function receives them.
struct Operands {
  Value a, aM, aK1, aK2, packed, c, cM, start, startM, k1, k2, row, rowEnd, n;
};

/// One register tile: `rows` x `vectors`, columns from `column`, only `count`
/// of them if `count` is given. Terms [k1Low, k1High) x [k2Low, k2High).
void writeTile(Writer &w, const Operands &o, int64_t rows, int64_t vectors,
               Value row, Value column, Value panelBase, Value from,
               Value fromM, Value hasFrom, Value count, Value k1Low,
               Value k1High, Value k2Low, Value k2High) {
  OpBuilder &b = w.b;
  Location loc = w.loc;
  // One mask for each vector where the panel is not full.
  SmallVector<Value> masks;
  if (count)
    for (int64_t v = 0; v < vectors; ++v)
      masks.push_back(w.mask(w.sub(count, w.constant(v * w.lanes))));
  auto place = [&](Value base, Value stride, int64_t r, int64_t v) {
    Value entries = w.add(w.mul(w.add(row, w.constant(r)), stride),
                          w.add(column, w.constant(v * w.lanes)));
    return w.gep(base, entries);
  };

  // What the sums start from: memory, or 0.
  SmallVector<Type> types(rows * vectors, w.vectorType());
  auto branch = scf::IfOp::create(b, loc, types, hasFrom, true, true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    SmallVector<Value> loaded;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t v = 0; v < vectors; ++v) {
        Value address = place(from, fromM, r, v);
        if (count)
          loaded.push_back(LLVM::MaskedLoadOp::create(
              b, loc, w.vectorType(), address, masks[v], w.zero(),
              b.getI32IntegerAttr(w.bytes())));
        else
          loaded.push_back(
              LLVM::LoadOp::create(b, loc, w.vectorType(), address, w.bytes()));
      }
    scf::YieldOp::create(b, loc, loaded);
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, loc,
                         SmallVector<Value>(rows * vectors, w.zero()));
  }

  SmallVector<Value> rowBases;
  for (int64_t r = 0; r < rows; ++r)
    rowBases.push_back(
        w.gep(o.a, w.mul(w.add(row, w.constant(r)), o.aM)));
  Value width = w.constant(vectors * w.lanes);
  SmallVector<Value> sums = w.loop(
      k1Low, k1High, 1, branch.getResults(),
      [&](Value k1, ValueRange outer) -> SmallVector<Value> {
        Value k1Offset = w.mul(k1, o.aK1);
        Value packedRow = w.mul(k1, o.k2);
        return w.loop(
            k2Low, k2High, 1, outer,
            [&](Value k2, ValueRange acc) -> SmallVector<Value> {
              Value panelRow =
                  w.gep(panelBase, w.mul(w.add(packedRow, k2), width));
              SmallVector<Value> columns;
              for (int64_t v = 0; v < vectors; ++v)
                columns.push_back(LLVM::LoadOp::create(
                    b, loc, w.vectorType(),
                    w.gep(panelRow, w.constant(v * w.lanes)), w.bytes()));
              Value entry = w.add(k1Offset, w.mul(k2, o.aK2));
              SmallVector<Value> next;
              for (int64_t r = 0; r < rows; ++r) {
                Value scalar = LLVM::LoadOp::create(
                    b, loc, w.element, w.gep(rowBases[r], entry), w.bytes());
                Value lhs = vector::BroadcastOp::create(b, loc, w.vectorType(),
                                                        scalar);
                for (int64_t v = 0; v < vectors; ++v)
                  next.push_back(vector::FMAOp::create(
                      b, loc, lhs, columns[v], acc[r * vectors + v]));
              }
              return next;
            });
      });

  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < vectors; ++v) {
      Value address = place(o.c, o.cM, r, v);
      Value sum = sums[r * vectors + v];
      if (count)
        LLVM::MaskedStoreOp::create(b, loc, sum, address, masks[v],
                                    b.getI32IntegerAttr(w.bytes()));
      else
        LLVM::StoreOp::create(b, loc, sum, address, w.bytes());
    }
}

/// All row tiles of one panel: as even as they can be, at most kTileRows.
void writeRowTiles(Writer &w, const Operands &o, int64_t vectors, Value column,
                   Value panelBase, Value from, Value fromM, Value hasFrom,
                   Value count, Value k1Low, Value k1High, Value k2Low,
                   Value k2High) {
  OpBuilder &b = w.b;
  Location loc = w.loc;
  Value rows = w.sub(o.rowEnd, o.row);
  Value tiles = arith::DivSIOp::create(
      b, loc, w.add(rows, w.constant(kTileRows - 1)), w.constant(kTileRows));
  Value safe = arith::MaxSIOp::create(b, loc, tiles, w.constant(1));
  Value base = arith::DivSIOp::create(b, loc, rows, safe);
  Value rest = arith::RemSIOp::create(b, loc, rows, safe);
  w.loop(w.constant(0), tiles, 1, ValueRange{o.row},
         [&](Value tile, ValueRange row) -> SmallVector<Value> {
           Value isLong = arith::CmpIOp::create(
               b, loc, arith::CmpIPredicate::slt, tile, rest);
           Value height = w.add(
               base, arith::ExtUIOp::create(b, loc, w.i64, isLong));
           Value index =
               arith::IndexCastOp::create(b, loc, b.getIndexType(), height);
           SmallVector<int64_t> cases;
           for (int64_t r = 1; r < kTileRows; ++r)
             cases.push_back(r);
           auto choice = scf::IndexSwitchOp::create(b, loc, TypeRange(), index,
                                                    cases, cases.size());
           auto write = [&](Region &region, int64_t height) {
             OpBuilder::InsertionGuard guard(b);
             b.createBlock(&region);
             writeTile(w, o, height, vectors, row[0], column, panelBase, from,
                       fromM, hasFrom, count, k1Low, k1High, k2Low, k2High);
             scf::YieldOp::create(b, loc);
           };
           for (auto [region, height] :
                llvm::zip_equal(choice.getCaseRegions(), cases))
             write(region, height);
           write(choice.getDefaultRegion(), kTileRows);
           return {w.add(row[0], height)};
         });
}
} // namespace

static std::string nameOf(StringRef kernel, Type element) {
  return (kernel + (element.isF64() ? "_f64" : "_f32")).str();
}

/// Starts a private function in front of the module's others.
static func::FuncOp startKernel(ModuleOp module, StringRef name,
                                ArrayRef<Type> inputs) {
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  auto function =
      func::FuncOp::create(b, module.getLoc(), name,
                           b.getFunctionType(inputs, {}));
  function.setPrivate();
  function.addEntryBlock();
  return function;
}

func::FuncOp Kernels::product(Type element) {
  std::string name = nameOf("product", element);
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  MLIRContext *context = module.getContext();
  Type ptr = LLVM::LLVMPointerType::get(context);
  Type i64 = IntegerType::get(context, 64);
  func::FuncOp function = startKernel(
      module, name,
      {ptr, i64, i64, i64, ptr, ptr, i64, ptr, i64, i64, i64, i64, i64, i64});
  Writer w{OpBuilder::atBlockBegin(&function.getBody().front()),
           module.getLoc(), ptr, i64, element, lanes(element), panel(element)};
  OpBuilder &b = w.b;
  Location loc = w.loc;
  auto args = function.getArguments();
  Operands o{args[0], args[1], args[2], args[3],  args[4],  args[5],  args[6],
             args[7], args[8], args[9], args[10], args[11], args[12], args[13]};

  Value null = LLVM::ZeroOp::create(b, loc, ptr);
  Value hasStart =
      LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::ne, o.start, null);
  Value terms = w.mul(o.k1, o.k2);
  // Blocks of k: whole k1 steps, or parts of k2 where there is one k1 step.
  Value one = w.constant(1);
  Value onlyOne =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, o.k1, one);
  Value k2Safe = arith::MaxSIOp::create(b, loc, o.k2, one);
  Value k1Step = arith::MaxSIOp::create(
      b, loc, arith::DivSIOp::create(b, loc, w.constant(kBlockTerms), k2Safe),
      one);
  Value k2Step = arith::SelectOp::create(b, loc, onlyOne,
                                         w.constant(kBlockTerms), k2Safe);
  auto whileBelow = [&](Value end, Value step, function_ref<void(Value)> body) {
    auto forOp = scf::ForOp::create(b, loc, w.constant(0), end, step);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(forOp.getBody());
    body(forOp.getInductionVar());
  };
  // With no terms at all the result is what the sums start from.
  Value k1End = arith::MaxSIOp::create(b, loc, o.k1, one);
  Value k2End = arith::MaxSIOp::create(b, loc, o.k2, one);
  whileBelow(k1End, k1Step, [&](Value k1Low) {
    Value k1High = w.min(w.add(k1Low, k1Step), o.k1);
    whileBelow(k2End, k2Step, [&](Value k2Low) {
      Value k2High = w.min(w.add(k2Low, k2Step), o.k2);
      Value isFirst = arith::CmpIOp::create(
          b, loc, arith::CmpIPredicate::eq, w.add(k1Low, k2Low),
          w.constant(0));
      Value from = arith::SelectOp::create(b, loc, isFirst, o.start, o.c);
      Value fromM = arith::SelectOp::create(b, loc, isFirst, o.startM, o.cM);
      Value notFirst = arith::XOrIOp::create(
          b, loc, isFirst,
          arith::ConstantOp::create(b, loc, b.getBoolAttr(true)));
      Value hasFrom = arith::OrIOp::create(b, loc, notFirst, hasStart);
      // Whole panels, then what is left in panels of fewer vectors.
      Value whole = arith::DivSIOp::create(b, loc, o.n, w.constant(w.panel));
      w.loop(w.constant(0), whole, 1, {},
             [&](Value panel, ValueRange) -> SmallVector<Value> {
               Value column = w.mul(panel, w.constant(w.panel));
               Value base = w.gep(o.packed, w.mul(column, terms));
               writeRowTiles(w, o, w.panel / w.lanes, column, base, from,
                             fromM, hasFrom, Value(), k1Low, k1High, k2Low,
                             k2High);
               return {};
             });
      Value column = w.mul(whole, w.constant(w.panel));
      Value rest = w.sub(o.n, column);
      Value base = w.gep(o.packed, w.mul(column, terms));
      // The rest is packed as a panel of its own width: 1, 2 or all vectors.
      Value previous = w.constant(0);
      for (int64_t vectors = 1; vectors <= w.panel / w.lanes; vectors *= 2) {
        Value limit = w.constant(vectors * w.lanes);
        Value above = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt,
                                            rest, previous);
        Value below = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle,
                                            rest, limit);
        Value here = arith::AndIOp::create(b, loc, above, below);
        auto branch = scf::IfOp::create(b, loc, here, false);
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(branch.thenBlock());
        writeRowTiles(w, o, vectors, column, base, from, fromM, hasFrom, rest,
                      k1Low, k1High, k2Low, k2High);
        b.setInsertionPointAfter(branch);
        previous = limit;
      }
    });
  });
  func::ReturnOp::create(b, loc);
  return function;
}

func::FuncOp Kernels::pack(Type element) {
  std::string name = nameOf("pack", element);
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  MLIRContext *context = module.getContext();
  Type ptr = LLVM::LLVMPointerType::get(context);
  Type i64 = IntegerType::get(context, 64);
  // source, strides k1 k2 n, K1, K2, N, destination, first panel, end panel.
  func::FuncOp function = startKernel(
      module, name, {ptr, i64, i64, i64, i64, i64, i64, ptr, i64, i64});
  Writer w{OpBuilder::atBlockBegin(&function.getBody().front()),
           module.getLoc(), ptr, i64, element, lanes(element), panel(element)};
  OpBuilder &b = w.b;
  Location loc = w.loc;
  auto args = function.getArguments();
  Value source = args[0], sK1 = args[1], sK2 = args[2], sN = args[3],
        k1 = args[4], k2 = args[5], n = args[6], to = args[7];
  Value terms = w.mul(k1, k2);
  w.loop(args[8], args[9], 1, {}, [&](Value panel, ValueRange) -> SmallVector<Value> {
    Value column = w.mul(panel, w.constant(w.panel));
    Value count = w.min(w.sub(n, column), w.constant(w.panel));
    // The width of this panel: a rest is rounded up to 1, 2, .. vectors.
    Value width = w.constant(w.panel);
    for (int64_t vectors = w.panel / w.lanes / 2; vectors >= 1; vectors /= 2) {
      Value limit = w.constant(vectors * w.lanes);
      Value fits = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle,
                                         count, limit);
      width = arith::SelectOp::create(b, loc, fits, limit, width);
    }
    Value panelBase = w.gep(to, w.mul(column, terms));
    Value unit = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, sN,
                                       w.constant(1));
    auto branch = scf::IfOp::create(b, loc, unit, true);
    // Columns lie side by side: copy them in vectors.
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    w.loop(w.constant(0), k1, 1, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
      w.loop(w.constant(0), k2, 1, {}, [&](Value j, ValueRange) -> SmallVector<Value> {
        Value from = w.gep(source, w.add(w.add(w.mul(i, sK1), w.mul(j, sK2)), column));
        Value row = w.gep(panelBase, w.mul(w.add(w.mul(i, k2), j), width));
        auto vectors = scf::ForOp::create(b, loc, w.constant(0), width,
                                          w.constant(w.lanes));
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(vectors.getBody());
        Value v = vectors.getInductionVar();
        Value loaded = LLVM::MaskedLoadOp::create(
            b, loc, w.vectorType(), w.gep(from, v), w.mask(w.sub(count, v)),
            w.zero(), b.getI32IntegerAttr(w.bytes()));
        LLVM::StoreOp::create(b, loc, loaded, w.gep(row, v), w.bytes());
        return {};
      });
      return {};
    });
    // Columns lie apart: walk along k, which then is near.
    b.setInsertionPointToStart(branch.elseBlock());
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
    w.loop(w.constant(0), width, 1, {}, [&](Value c, ValueRange) -> SmallVector<Value> {
      Value inside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, c, count);
      Value from = w.gep(source, w.mul(w.add(column, c), sN));
      Value column = w.gep(panelBase, c);
      auto fill = [&](bool copy) {
        w.loop(w.constant(0), k1, 1, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
          w.loop(w.constant(0), k2, 1, {}, [&](Value j, ValueRange) -> SmallVector<Value> {
            Value entry = zero;
            if (copy)
              entry = LLVM::LoadOp::create(
                  b, loc, element,
                  w.gep(from, w.add(w.mul(i, sK1), w.mul(j, sK2))), w.bytes());
            LLVM::StoreOp::create(
                b, loc, entry,
                w.gep(column, w.mul(w.add(w.mul(i, k2), j), width)), w.bytes());
            return {};
          });
          return {};
        });
      };
      auto choice = scf::IfOp::create(b, loc, inside, true);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(choice.thenBlock());
      fill(true);
      b.setInsertionPointToStart(choice.elseBlock());
      fill(false);
      return {};
    });
    return {};
  });
  func::ReturnOp::create(b, loc);
  return function;
}
