//===- Work.cpp - Work of a compiled function -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Work.h"
#include "dialects/grad/Interfaces/Extents.h"
#include "dialects/grad/Transforms/ComputeCost.h"
#include "dialects/grad/Transforms/MinCut.h"
#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/IR/Remarks.h"
#include "runtime/Axes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::driver;

namespace {
class Counter {
public:
  Counter(func::FuncOp function, const std::map<std::string, int64_t> &extents)
      : function(function), extents(extents), builder(function) {}

  std::optional<Work> count() {
    Work work;
    countBlock(function.getBody().front(), 1, work);
    countSaved(work.savedBytes);
    return known ? std::optional(work) : std::nullopt;
  }

private:
  func::FuncOp function;
  const std::map<std::string, int64_t> &extents;
  OpBuilder builder;
  bool known = true;

  /// The number of an index; clears `known` if it has none.
  int64_t number(Value index);
  int64_t extent(Value value, int64_t dim);
  void countBlock(Block &block, double times, Work &work);
  double products(rnn::ContractOp op);
  double elementwise(Operation &op);
  void countSaved(int64_t &bytes);
  void countSavedOfPiece(int64_t &bytes);
};
} // namespace

int64_t Counter::number(Value index) {
  APInt constant;
  if (matchPattern(index, m_ConstantInt(&constant)))
    return constant.getSExtValue();
  if (auto argument = dyn_cast<BlockArgument>(index)) {
    rnn::ArgAttr arg;
    if (argument.getOwner()->getParentOp() == function)
      arg = function.getArgAttrOfType<rnn::ArgAttr>(argument.getArgNumber(),
                                                    rnn::kArgAttrName);
    if (int64_t size =
            arg ? rt::extentOf(arg.getName().getValue().str(), extents, -1)
                : -1;
        size >= 0)
      return size;
  } else if (auto dim = index.getDefiningOp<tensor::DimOp>()) {
    auto type = dyn_cast<RankedTensorType>(dim.getSource().getType());
    auto at = dim.getConstantIndex();
    if (type && at && !type.isDynamicDim(*at))
      return type.getDimSize(*at);
  } else if (Operation *op = index.getDefiningOp();
             op && op->getNumOperands() == 2) {
    if (isa<arith::AddIOp>(op))
      return number(op->getOperand(0)) + number(op->getOperand(1));
    if (isa<arith::SubIOp>(op))
      return number(op->getOperand(0)) - number(op->getOperand(1));
    if (isa<arith::MulIOp>(op))
      return number(op->getOperand(0)) * number(op->getOperand(1));
    int64_t left = number(op->getOperand(0)), right = number(op->getOperand(1));
    if (isa<arith::MinSIOp, arith::MinUIOp>(op))
      return std::min(left, right);
    if (isa<arith::MaxSIOp, arith::MaxUIOp>(op))
      return std::max(left, right);
    if (right > 0 && isa<arith::DivSIOp, arith::DivUIOp>(op))
      return left / right;
    if (right > 0 && isa<arith::CeilDivSIOp, arith::CeilDivUIOp>(op))
      return (left + right - 1) / right;
  }
  known = false;
  return 0;
}

int64_t Counter::extent(Value value, int64_t dim) {
  auto type = cast<RankedTensorType>(value.getType());
  if (!type.isDynamicDim(dim))
    return type.getDimSize(dim);
  builder.setInsertionPointAfterValue(value);
  return number(grad::extentOf(builder, value, dim));
}

double Counter::products(rnn::ContractOp op) {
  std::map<char, int64_t> sizes;
  for (auto [i, label] : llvm::enumerate(op.getLhsLabels()))
    sizes[label] = extent(op.getLhs(), int64_t(i));
  for (auto [i, label] : llvm::enumerate(op.getRhsLabels()))
    if (!sizes.contains(label))
      sizes[label] = extent(op.getRhs(), int64_t(i));
  double terms = 1;
  for (auto [label, size] : sizes)
    terms *= double(size);
  return 2 * terms;
}

double Counter::elementwise(Operation &op) {
  int64_t cost = grad::computeCost(&op);
  auto type = dyn_cast<RankedTensorType>(op.getResult(0).getType());
  // What only moves entries is a view.
  if (!type || cost >= grad::MinCut::kInfinite ||
      isa<rnn::SliceOp, rnn::ReshapeOp, rnn::BroadcastOp>(op))
    return 0;
  double entries = double(cost);
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    entries *= double(extent(op.getResult(0), dim));
  return entries;
}

void Counter::countBlock(Block &block, double times, Work &work) {
  // Counting may add ops that ask for an extent.
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto contract = dyn_cast<rnn::ContractOp>(op)) {
      work.flops += times * products(contract);
      continue;
    }
    if (op.getNumRegions() == 0 && op.getNumResults() == 1)
      work.elementwise += times * elementwise(op);
    double turns = times;
    if (auto scan = dyn_cast<rnn::ScanOp>(op))
      turns *= double(number(scan.getSteps()));
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        countBlock(inner, turns, work);
  }
}

/// In a piece of a step the loss is a sum without a name: what derivatives made
/// is told by its place.
void Counter::countSavedOfPiece(int64_t &bytes) {
  Block &block = function.getBody().front();
  auto isBack = [](Operation *op) { return rnn::isGradientLoc(op->getLoc()); };
  if (llvm::none_of(block, [&](Operation &op) { return isBack(&op); }))
    return;
  for (Operation &op : block) {
    if (isBack(&op))
      continue;
    for (Value value : op.getResults()) {
      auto type = dyn_cast<RankedTensorType>(value.getType());
      if (!type || type.hasStaticShape() ||
          llvm::none_of(value.getUsers(), [&](Operation *user) {
            Operation *top = block.findAncestorOpInBlock(*user);
            return top && isBack(top);
          }))
        continue;
      int64_t size = (type.getElementTypeBitWidth() + 7) / 8;
      for (int64_t dim = 0; dim < type.getRank(); ++dim)
        size *= extent(value, dim);
      bytes += size;
    }
  }
}

void Counter::countSaved(int64_t &bytes) {
  auto end = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  Operation *loss = nullptr;
  for (auto [i, value] : llvm::enumerate(end.getOperands())) {
    auto arg = function.getResultAttrOfType<rnn::ArgAttr>(unsigned(i),
                                                          rnn::kArgAttrName);
    Operation *op = value.getDefiningOp();
    if (arg && arg.getKind() == rnn::ArgKind::Loss && op &&
        (!loss || loss->isBeforeInBlock(op)))
      loss = op;
  }
  if (!loss)
    return countSavedOfPiece(bytes);
  for (Operation &op : function.getBody().front()) {
    if (&op == loss)
      break;
    for (Value value : op.getResults()) {
      auto type = dyn_cast<RankedTensorType>(value.getType());
      if (!type || type.hasStaticShape())
        continue;
      bool readLater = llvm::any_of(value.getUsers(), [&](Operation *user) {
        Operation *top = function.getBody().front().findAncestorOpInBlock(*user);
        return top && top != end && loss->isBeforeInBlock(top);
      });
      if (!readLater)
        continue;
      int64_t size = (type.getElementTypeBitWidth() + 7) / 8;
      for (int64_t dim = 0; dim < type.getRank(); ++dim)
        size *= extent(value, dim);
      bytes += size;
    }
  }
}

std::optional<Work>
driver::countWork(ModuleOp module, const std::string &entry,
                  const std::map<std::string, int64_t> &extents) {
  auto function = module.lookupSymbol<func::FuncOp>(entry);
  if (!function || function.isExternal())
    return std::nullopt;
  return Counter(function, extents).count();
}
