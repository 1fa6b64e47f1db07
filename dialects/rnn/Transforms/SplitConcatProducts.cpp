//===- SplitConcatProducts.cpp - Cut products where the state begins ------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// W @ concat(x, h) = W1 @ x + W2 @ h: then the part of x can leave the loop.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/Remarks.h"
#include "dialects/rnn/Transforms/Passes.h"
#include "dialects/rnn/Transforms/ScanEdit.h"
#include "dialects/rnn/Transforms/StepDependence.h"
#include "mlir/IR/Builders.h"

namespace rnnc::rnn {
#define GEN_PASS_DEF_SPLITCONCATPRODUCTSPASS
#include "dialects/rnn/Transforms/Passes.h.inc"
} // namespace rnnc::rnn

#define DEBUG_TYPE "rnn-split-concat-products"

using namespace mlir;
using namespace rnnc::rnn;

namespace {
/// Neighbouring parts of one sort.
struct Part {
  SmallVector<Value> values;
  bool hasState;
  int64_t offset, size;
};
} // namespace

/// The parts of `concat`, neighbours of one sort taken together.
static SmallVector<Part> findParts(ConcatOp concat,
                                   const StepDependence &dependence) {
  SmallVector<Part> parts;
  int64_t offset = 0;
  for (Value input : concat.getInputs()) {
    bool hasState = dependence.of(input) == Reach::State;
    int64_t size = extent(input, concat.getAxis());
    if (parts.empty() || parts.back().hasState != hasState)
      parts.push_back({{}, hasState, offset, 0});
    parts.back().values.push_back(input);
    parts.back().size += size;
    offset += size;
  }
  return parts;
}

/// The contraction of `product` in which `side` (0: lhs, 1: rhs) is a concat
/// along a summed label, cut into its parts. False if there is nothing to cut.
static bool split(ContractOp product, unsigned side,
                  const StepDependence &dependence) {
  auto concat =
      (side ? product.getRhs() : product.getLhs()).getDefiningOp<ConcatOp>();
  if (!concat)
    return false;
  StringRef labels = side ? product.getRhsLabels() : product.getLhsLabels();
  StringRef others = side ? product.getLhsLabels() : product.getRhsLabels();
  char label = labels[concat.getAxis()];
  size_t otherAxis = others.find(label);
  if (product.getOutLabels().contains(label) || otherAxis == StringRef::npos)
    return false;
  SmallVector<Part> parts = findParts(concat, dependence);
  if (parts.size() < 2)
    return false;

  llvm::sort(parts, [](const Part &a, const Part &b) {
    return std::pair(a.hasState, a.offset) < std::pair(b.hasState, b.offset);
  });
  OpBuilder builder(product);
  Location loc = product.getLoc();
  Value other = side ? product.getLhs() : product.getRhs();
  Value sum = product.getAcc();
  for (const Part &part : parts) {
    Value value = part.values.front();
    if (part.values.size() > 1)
      value = ConcatOp::create(
          builder, concat.getLoc(),
          withExtent(concat.getType(), concat.getAxis(), part.size),
          part.values, concat.getAxis());
    Value slice = SliceOp::create(
        builder, loc, withExtent(other.getType(), otherAxis, part.size), other,
        otherAxis, part.offset);
    auto next = cast<ContractOp>(builder.clone(*product));
    next.getLhsMutable().assign(side ? slice : value);
    next.getRhsMutable().assign(side ? value : slice);
    next.getAccMutable().assign(sum ? ValueRange(sum) : ValueRange());
    sum = next;
  }
  remarkDone(product, "split", DEBUG_TYPE,
             subjectOf(product) + " of joined values is cut into " +
                 Twine(parts.size()) +
                 ": what the state reaches apart from the rest");
  product.replaceAllUsesWith(sum);
  product.erase();
  if (concat->use_empty())
    concat.erase();
  return true;
}

namespace {
struct SplitConcatProductsPass
    : rnnc::rnn::impl::SplitConcatProductsPassBase<SplitConcatProductsPass> {
  void runOnOperation() override {
    getOperation()->walk([&](ScanOp scan) {
      StepDependence dependence(scan);
      for (ContractOp product :
           llvm::make_early_inc_range(scan.getBlock()->getOps<ContractOp>()))
        if (split(product, 0, dependence) || split(product, 1, dependence))
          ++numSplit;
    });
  }
};
} // namespace
