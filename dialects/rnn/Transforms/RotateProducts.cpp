//===- RotateProducts.cpp - A step begins with its product -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A reverse scan ends its step with the product that hands the cotangent of
// the state on. The step before reads it entry by entry. Carrying what is
// multiplied, instead of the product, lets the product stand in front of the
// elementwise work that reads it, in the same step and the same kernel.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/Remarks.h"
#include "dialects/rnn/Transforms/Passes.h"
#include "dialects/rnn/Transforms/ScanEdit.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

namespace rnnc::rnn {
#define GEN_PASS_DEF_ROTATEPRODUCTSPASS
#include "dialects/rnn/Transforms/Passes.h.inc"
} // namespace rnnc::rnn

#define DEBUG_TYPE "rnn-rotate-products"

using namespace mlir;
using namespace rnnc::rnn;

namespace {
/// A sum of products, `products.front() into (next into (.. rest))`.
struct Chain {
  SmallVector<ContractOp> products;
  /// Of each product the operand that the step computes.
  SmallVector<OpOperand *> sources;
  Value rest;
};
} // namespace

/// The chain of products that is carried on as `next`, if nothing else reads
/// it and it multiplies rows of the step with values from outside.
static std::optional<Chain> chainOf(Value next, ScanOp scan) {
  Chain chain;
  Value value = next;
  while (auto product = value.getDefiningOp<ContractOp>()) {
    if (product->getBlock() != scan.getBlock() || !product->hasOneUse() ||
        product.getValid() || product.getOutLabels().size() != 2)
      break;
    auto isOutside = [&](Value operand) {
      return isOutsideScanOf(operand, product);
    };
    bool left = isOutside(product.getLhs()), right = isOutside(product.getRhs());
    if (left == right)
      break;
    OpOperand &source = product->getOpOperand(left ? 1 : 0);
    // Zeros to begin with: their number is known but for the rows.
    auto type = cast<RankedTensorType>(source.get().getType());
    if (!source.get().getDefiningOp() || type.getRank() != 2 ||
        !type.isDynamicDim(0) || type.isDynamicDim(1))
      break;
    chain.products.push_back(product);
    chain.sources.push_back(&source);
    value = product.getAcc();
    if (!value)
      break;
  }
  chain.rest = value;
  if (chain.products.empty())
    return std::nullopt;
  return chain;
}

/// Whether the body reads the carried value entry by entry, as kernels do.
static bool isReadEntrywise(BlockArgument carry) {
  return !carry.use_empty() && llvm::all_of(carry.getUsers(), [&](Operation *user) {
    return user->hasTrait<OpTrait::Elementwise>() &&
           user->getBlock() == carry.getOwner();
  });
}

/// The number of rows, if the value is zero everywhere.
static Value rowsOfZero(Value value) {
  auto broadcast = value.getDefiningOp<BroadcastOp>();
  if (!broadcast || broadcast.getSizes().size() != 1 ||
      !(matchPattern(broadcast.getInput(), m_AnyZeroFloat()) ||
        matchPattern(broadcast.getInput(), m_Zero())))
    return {};
  return broadcast.getSizes()[0];
}

/// Zeros of a type [rows, n].
static Value zeros(OpBuilder &b, Location loc, Type type, Value rows) {
  auto tensor = cast<RankedTensorType>(type);
  auto scalar = RankedTensorType::get({}, tensor.getElementType());
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(scalar));
  return BroadcastOp::create(b, loc, tensor, "->bn", zero, rows);
}

namespace {
struct RotateProductsPass
    : rnnc::rnn::impl::RotateProductsPassBase<RotateProductsPass> {
  using RotateProductsPassBase::RotateProductsPassBase;

  void runOnOperation() override {
    SmallVector<ScanOp> scans;
    getOperation()->walk([&](ScanOp scan) { scans.push_back(scan); });
    for (ScanOp scan : scans)
      while (succeeded(rotateOne(scan)))
        ++numRotated;
  }

  /// Rotates one carried value; `scan` becomes the new scan.
  LogicalResult rotateOne(ScanOp &scan) {
    for (unsigned i = 0; i < scan.getInitial().size(); ++i) {
      Value rows = rowsOfZero(scan.getInitial()[i]);
      if (!rows || !isReadEntrywise(scan.getCarries()[i]))
        continue;
      if (auto chain = chainOf(scan.getYield().getNext()[i], scan)) {
        rotate(scan, i, *chain, rows);
        return success();
      }
    }
    return failure();
  }

  void rotate(ScanOp &scan, unsigned number, Chain &chain, Value rows) {
    OpBuilder b(scan);
    Location loc = chain.products.front().getLoc();
    YieldOp yield = scan.getYield();
    for (ContractOp product : chain.products)
      remarkDone(product, "rotated", DEBUG_TYPE,
                 subjectOf(product) + " opens the step that reads it");
    // What is carried instead: the factors, and what they are added to.
    SmallVector<Value> values;
    for (OpOperand *source : chain.sources)
      values.push_back(source->get());
    if (chain.rest)
      values.push_back(chain.rest);
    SmallVector<Value> initial(scan.getInitial()), next(yield.getNext());
    initial.erase(initial.begin() + number);
    next.erase(next.begin() + number);
    for (Value value : values) {
      initial.push_back(zeros(b, loc, value.getType(), rows));
      next.push_back(value);
    }
    auto wide = ScanOp::create(b, scan.getLoc(), scan.getSteps(),
                               scan.getLengths(), scan.getSeqs(), initial,
                               scan.getEmitted().getTypes(), scan.getReverse());
    wide.copyChoices(scan);
    wide.getBody().takeBody(scan.getBody());
    Block *body = wide.getBlock();
    unsigned place = 1 + scan.getSeqs().size() + number;
    BlockArgument old = body->getArgument(place);
    SmallVector<Value> carried;
    for (Value value : values)
      carried.push_back(body->addArgument(value.getType(), value.getLoc()));

    // The sum of products of the carried factors: in front of the step, and
    // behind the loop for its final value.
    auto sum = [&](ArrayRef<Value> factors) {
      Value result = chain.rest ? factors.back() : Value();
      for (int64_t p = chain.products.size() - 1; p >= 0; --p) {
        IRMapping mapping;
        mapping.map(chain.sources[p]->get(), factors[p]);
        if (Value acc = chain.products[p].getAcc())
          mapping.map(acc, result);
        result = b.clone(*chain.products[p], mapping)->getResult(0);
      }
      return result;
    };
    b.setInsertionPointToStart(body);
    old.replaceAllUsesWith(sum(carried));
    b.setInsertionPoint(yield);
    YieldOp::create(b, yield.getLoc(), next, yield.getEmit());
    yield.erase();
    body->eraseArgument(place);

    b.setInsertionPointAfter(wide);
    for (auto [from, to] : llvm::zip_equal(scan.getEmitted(), wide.getEmitted()))
      from.replaceAllUsesWith(to);
    SmallVector<Value> finals(wide.getFinals());
    ArrayRef<Value> factors =
        ArrayRef<Value>(finals).take_back(values.size());
    for (auto [i, from] : llvm::enumerate(scan.getFinals())) {
      if (i == number) {
        if (!from.use_empty())
          from.replaceAllUsesWith(sum(factors));
      } else {
        from.replaceAllUsesWith(finals[i < number ? i : i - 1]);
      }
    }
    for (ContractOp product : chain.products)
      product.erase();
    scan.erase();
    scan = wide;
  }
};
} // namespace
