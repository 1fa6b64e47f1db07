//===- Tiles.cpp - Products of one step ------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The products of a stage: one panel of weights holds every part of some
// units. A tile of rows x vectors stays in registers over a block of k.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rnnc::codegen;

namespace {
/// Terms of k done at a time, so that a panel's part stays in the L2 cache.
constexpr int64_t kBlockTerms = 512;

struct TileWriter {
  OpBuilder b;
  Location loc;
  Type ptr, i64, element;
  int64_t lanes;

  Value constant(int64_t value) {
    return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
  }
  Value add(Value x, Value y) {
    return b.createOrFold<arith::AddIOp>(loc, x, y);
  }
  Value sub(Value x, Value y) {
    return b.createOrFold<arith::SubIOp>(loc, x, y);
  }
  Value mul(Value x, Value y) {
    return b.createOrFold<arith::MulIOp>(loc, x, y);
  }
  Value gep(Value base, Value entries) {
    return LLVM::GEPOp::create(b, loc, ptr, element, base,
                               ArrayRef<LLVM::GEPArg>{entries});
  }
  unsigned bytes() { return element.getIntOrFloatBitWidth() / 8; }
  VectorType vectorType() { return VectorType::get(lanes, element); }
  Value loadVector(Value pointer) {
    return LLVM::LoadOp::create(b, loc, vectorType(), pointer, bytes());
  }
  void storeVector(Value vector, Value pointer) {
    LLVM::StoreOp::create(b, loc, vector, pointer, bytes());
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
};

/// The operands of one panel's product.
struct Panel {
  Value a, aM, aK, packed, c, cM;
};

/// `rows` x `vectors` accumulators over terms [low, high); they start from C
/// if `resumes`, else from 0.
void writeTile(TileWriter &w, const Panel &o, int64_t rows, int64_t vectors,
               Value row, Value low, Value high, Value resumes) {
  OpBuilder &b = w.b;
  auto place = [&](int64_t r, int64_t v) {
    return w.gep(o.c, w.add(w.mul(w.add(row, w.constant(r)), o.cM),
                            w.constant(v * w.lanes)));
  };
  SmallVector<Type> types(rows * vectors, w.vectorType());
  auto start = scf::IfOp::create(b, w.loc, types, resumes, true, true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(start.thenBlock());
    SmallVector<Value> loaded;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t v = 0; v < vectors; ++v)
        loaded.push_back(w.loadVector(place(r, v)));
    scf::YieldOp::create(b, w.loc, loaded);
    b.setInsertionPointToStart(start.elseBlock());
    Value zero = arith::ConstantOp::create(b, w.loc,
                                           b.getZeroAttr(w.vectorType()));
    scf::YieldOp::create(b, w.loc, SmallVector<Value>(rows * vectors, zero));
  }
  SmallVector<Value> rowBases;
  for (int64_t r = 0; r < rows; ++r)
    rowBases.push_back(w.gep(o.a, w.mul(w.add(row, w.constant(r)), o.aM)));
  Value width = w.constant(vectors * w.lanes);
  SmallVector<Value> sums = w.loop(
      low, high, 1, start.getResults(),
      [&](Value k, ValueRange acc) -> SmallVector<Value> {
        Value panelRow = w.gep(o.packed, w.mul(k, width));
        SmallVector<Value> columns;
        for (int64_t v = 0; v < vectors; ++v)
          columns.push_back(
              w.loadVector(w.gep(panelRow, w.constant(v * w.lanes))));
        Value entry = w.mul(k, o.aK);
        SmallVector<Value> next;
        for (int64_t r = 0; r < rows; ++r) {
          Value scalar = LLVM::LoadOp::create(
              b, w.loc, w.element, w.gep(rowBases[r], entry), w.bytes());
          Value lhs = vector::BroadcastOp::create(b, w.loc, w.vectorType(),
                                                  scalar);
          for (int64_t v = 0; v < vectors; ++v)
            next.push_back(vector::FMAOp::create(b, w.loc, lhs, columns[v],
                                                 acc[r * vectors + v]));
        }
        return next;
      });
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < vectors; ++v)
      w.storeVector(sums[r * vectors + v], place(r, v));
}
} // namespace

int64_t Kernels::tileRows(int64_t vectors) const {
  bool wide = vectorBits >= 512;
  int64_t rows = (wide ? 24 : 12) / vectors;
  return std::clamp<int64_t>(rows, 1, wide ? 12 : 6);
}

static std::string typed(StringRef kernel, Type element) {
  return (kernel + (element.isF64() ? "_f64" : "_f32")).str();
}

/// Starts a private function in front of the module's others.
static TileWriter startKernel(ModuleOp module, StringRef name, Type element,
                              int64_t lanes, ArrayRef<Type> inputs,
                              func::FuncOp &function) {
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  function = func::FuncOp::create(b, module.getLoc(), name,
                                  b.getFunctionType(inputs, {}));
  function.setPrivate();
  Block *entry = function.addEntryBlock();
  MLIRContext *context = module.getContext();
  return {OpBuilder::atBlockBegin(entry), module.getLoc(),
          LLVM::LLVMPointerType::get(context), IntegerType::get(context, 64),
          element, lanes};
}

func::FuncOp Kernels::panelProduct(Type element, int64_t vectors) {
  std::string name =
      typed(("panel" + Twine(vectors) + "_product").str(), element);
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  Type ptr = LLVM::LLVMPointerType::get(module.getContext());
  Type i64 = IntegerType::get(module.getContext(), 64);
  func::FuncOp function;
  TileWriter w = startKernel(module, name, element, lanes(element),
                             {ptr, i64, i64, ptr, ptr, i64, i64, i64},
                             function);
  OpBuilder &b = w.b;
  auto args = function.getArguments();
  Panel o{args[0], args[1], args[2], args[3], args[4], args[5]};
  Value terms = args[6], rows = args[7];
  int64_t most = tileRows(vectors);
  // Tiles as even as they can be.
  Value tiles = arith::DivSIOp::create(b, w.loc,
                                       w.add(rows, w.constant(most - 1)),
                                       w.constant(most));
  Value safe = arith::MaxSIOp::create(b, w.loc, tiles, w.constant(1));
  Value base = arith::DivSIOp::create(b, w.loc, rows, safe);
  Value rest = arith::RemSIOp::create(b, w.loc, rows, safe);
  w.loop(w.constant(0), terms, kBlockTerms, {},
         [&](Value low, ValueRange) -> SmallVector<Value> {
           Value high = arith::MinSIOp::create(
               b, w.loc, w.add(low, w.constant(kBlockTerms)), terms);
           Value resumes = arith::CmpIOp::create(
               b, w.loc, arith::CmpIPredicate::sgt, low, w.constant(0));
           w.loop(w.constant(0), tiles, 1, w.constant(0),
                  [&](Value tile, ValueRange row) -> SmallVector<Value> {
                    Value isLong = arith::CmpIOp::create(
                        b, w.loc, arith::CmpIPredicate::slt, tile, rest);
                    Value height = w.add(
                        base,
                        arith::ExtUIOp::create(b, w.loc, w.i64, isLong));
                    Value index = arith::IndexCastOp::create(
                        b, w.loc, b.getIndexType(), height);
                    SmallVector<int64_t> cases;
                    for (int64_t r = 1; r < most; ++r)
                      cases.push_back(r);
                    auto choice = scf::IndexSwitchOp::create(
                        b, w.loc, TypeRange(), index, cases, cases.size());
                    auto write = [&](Region &region, int64_t height) {
                      OpBuilder::InsertionGuard guard(b);
                      b.createBlock(&region);
                      writeTile(w, o, height, vectors, row[0], low, high,
                                resumes);
                      scf::YieldOp::create(b, w.loc);
                    };
                    for (auto [region, height] :
                         llvm::zip_equal(choice.getCaseRegions(), cases))
                      write(region, height);
                    write(choice.getDefaultRegion(), most);
                    return {w.add(row[0], height)};
                  });
           return {};
         });
  func::ReturnOp::create(b, w.loc);
  return function;
}

func::FuncOp Kernels::packPart(Type element) {
  std::string name = typed("pack_part", element);
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  Type ptr = LLVM::LLVMPointerType::get(module.getContext());
  Type i64 = IntegerType::get(module.getContext(), 64);
  func::FuncOp function;
  TileWriter w = startKernel(
      module, name, element, lanes(element),
      {ptr, i64, i64, i64, i64, ptr, i64, i64, i64, i64, i64}, function);
  OpBuilder &b = w.b;
  auto args = function.getArguments();
  Value source = args[0], strideK = args[1], strideN = args[2],
        terms = args[3], units = args[4], to = args[5], width = args[6],
        perPanel = args[7], slot = args[8];
  auto lane = VectorType::get(w.lanes, w.i64);
  SmallVector<int64_t> numbers(w.lanes);
  std::iota(numbers.begin(), numbers.end(), 0);
  Value iota = arith::ConstantOp::create(
      b, w.loc, DenseElementsAttr::get(lane, ArrayRef<int64_t>(numbers)));
  auto splat = [&](Value value) {
    return vector::BroadcastOp::create(b, w.loc, lane, value);
  };
  Value zero =
      arith::ConstantOp::create(b, w.loc, b.getZeroAttr(w.vectorType()));
  Value isUnit = arith::CmpIOp::create(b, w.loc, arith::CmpIPredicate::eq,
                                       strideN, w.constant(1));
  w.loop(args[9], args[10], 1, {},
         [&](Value group, ValueRange) -> SmallVector<Value> {
           Value first = w.mul(group, w.constant(w.lanes));
           Value mask = arith::CmpIOp::create(
               b, w.loc, arith::CmpIPredicate::slt, iota,
               splat(w.sub(units, first)));
           Value panel = arith::DivSIOp::create(b, w.loc, group, perPanel);
           Value within = arith::RemSIOp::create(b, w.loc, group, perPanel);
           Value base = w.gep(
               to, w.add(w.mul(panel, w.mul(terms, width)),
                         w.mul(w.add(slot, within), w.constant(w.lanes))));
           Value from = w.gep(source, w.mul(first, strideN));
           Value offsets =
               arith::MulIOp::create(b, w.loc, iota, splat(strideN));
           w.loop(w.constant(0), terms, 1, {},
                  [&](Value k, ValueRange) -> SmallVector<Value> {
                    Value here = w.gep(from, w.mul(k, strideK));
                    auto branch = scf::IfOp::create(
                        b, w.loc, w.vectorType(), isUnit, true, true);
                    {
                      OpBuilder::InsertionGuard guard(b);
                      b.setInsertionPointToStart(branch.thenBlock());
                      Value loaded = LLVM::MaskedLoadOp::create(
                          b, w.loc, w.vectorType(), here, mask, zero,
                          b.getI32IntegerAttr(w.bytes()));
                      scf::YieldOp::create(b, w.loc, loaded);
                      b.setInsertionPointToStart(branch.elseBlock());
                      Value pointers = LLVM::GEPOp::create(
                          b, w.loc, VectorType::get(w.lanes, w.ptr), w.element,
                          here, ArrayRef<LLVM::GEPArg>{offsets});
                      Value gathered = LLVM::masked_gather::create(
                          b, w.loc, w.vectorType(), pointers, mask, zero,
                          b.getI32IntegerAttr(w.bytes()));
                      scf::YieldOp::create(b, w.loc, gathered);
                    }
                    w.storeVector(branch.getResult(0),
                                  w.gep(base, w.mul(k, width)));
                    return {};
                  });
           return {};
         });
  func::ReturnOp::create(b, w.loc);
  return function;
}
