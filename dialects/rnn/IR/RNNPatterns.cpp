//===- RNNPatterns.cpp - Canonical forms of the rnn dialect ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites that keep reverse code small: cotangents of slices are places, and
// a sum of places is a concat; zeros that nothing adds to go.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::rnn;

static int64_t extentOf(Value value, int64_t axis) {
  return cast<RankedTensorType>(value.getType()).getDimSize(axis);
}

static RankedTensorType withExtent(Type type, int64_t axis, int64_t size) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(tensor.getShape());
  shape[axis] = size;
  return RankedTensorType::get(shape, tensor.getElementType());
}

/// Zero by construction: a constant, and what movement makes of one.
static bool isZero(Value value) {
  if (matchPattern(value, m_AnyZeroFloat()))
    return true;
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isa<BroadcastOp, SliceOp, PlaceOp, ReshapeOp, PutOp>(op))
    return isZero(op->getOperand(0));
  return isa<ConcatOp>(op) && llvm::all_of(op->getOperands(), isZero);
}

/// One in every entry by construction.
static bool isOne(Value value) {
  if (matchPattern(value, m_OneFloat()))
    return true;
  Operation *op = value.getDefiningOp();
  return isa_and_nonnull<BroadcastOp, SliceOp, ReshapeOp>(op) &&
         isOne(op->getOperand(0));
}

namespace {
//===----------------------------------------------------------------------===//
// Sums and products
//===----------------------------------------------------------------------===//

/// x + 0 = x, where the 0 stands for "no cotangent".
struct DropAddedZero : OpRewritePattern<arith::AddFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::AddFOp op,
                                PatternRewriter &rewriter) const override {
    for (unsigned i : {0u, 1u})
      if (isZero(op->getOperand(i))) {
        rewriter.replaceOp(op, op->getOperand(1 - i));
        return success();
      }
    return rewriter.notifyMatchFailure(op, "no zero");
  }
};

/// x * 1 = x.
struct DropFactorOne : OpRewritePattern<arith::MulFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::MulFOp op,
                                PatternRewriter &rewriter) const override {
    for (unsigned i : {0u, 1u})
      if (isOne(op->getOperand(i))) {
        rewriter.replaceOp(op, op->getOperand(1 - i));
        return success();
      }
    return rewriter.notifyMatchFailure(op, "no one");
  }
};

/// A chain starts from nothing instead of from 0.
template <class Summing> struct DropZeroInto : OpRewritePattern<Summing> {
  using OpRewritePattern<Summing>::OpRewritePattern;
  LogicalResult matchAndRewrite(Summing op,
                                PatternRewriter &rewriter) const override {
    if (!op.getAcc() || !isZero(op.getAcc()))
      return rewriter.notifyMatchFailure(op, "starts from a value");
    rewriter.modifyOpInPlace(op, [&] { op.getAccMutable().clear(); });
    return success();
  }
};

/// A contraction with zeros is what it is added to.
struct DropZeroProduct : OpRewritePattern<ContractOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ContractOp op,
                                PatternRewriter &rewriter) const override {
    if (!isZero(op.getLhs()) && !isZero(op.getRhs()))
      return rewriter.notifyMatchFailure(op, "no zero");
    if (op.getAcc()) {
      rewriter.replaceOp(op, op.getAcc());
      return success();
    }
    auto type = cast<RankedTensorType>(op.getType());
    if (!type.hasStaticShape())
      return rewriter.notifyMatchFailure(op, "extents are not at hand");
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(
        op, DenseElementsAttr::get(
                type, rewriter.getFloatAttr(type.getElementType(), 0)));
    return success();
  }
};

/// The operand that has rows or steps stands first, the weight second.
struct PutWeightSecond : OpRewritePattern<ContractOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ContractOp op,
                                PatternRewriter &rewriter) const override {
    auto lhs = cast<RankedTensorType>(op.getLhs().getType());
    auto rhs = cast<RankedTensorType>(op.getRhs().getType());
    if (!lhs.hasStaticShape() || rhs.hasStaticShape())
      return rewriter.notifyMatchFailure(op, "in place");
    std::string labels =
        (op.getRhsLabels() + "," + op.getLhsLabels() + "->" + op.getOutLabels())
            .str();
    Value left = op.getLhs(), right = op.getRhs();
    rewriter.modifyOpInPlace(op, [&] {
      op.setLabels(labels);
      op.getLhsMutable().assign(right);
      op.getRhsMutable().assign(left);
    });
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

/// A sum of places beside one another is one place of their concat, or the
/// concat itself; a sum of places of one range is the place of the sum.
struct JoinAddedPlaces : OpRewritePattern<arith::AddFOp> {
  using OpRewritePattern::OpRewritePattern;

  static void flatten(Value value, bool isRoot, SmallVectorImpl<Value> &terms) {
    auto add = value.getDefiningOp<arith::AddFOp>();
    if (!add || (!isRoot && !add->hasOneUse())) {
      terms.push_back(value);
      return;
    }
    flatten(add.getLhs(), false, terms);
    flatten(add.getRhs(), false, terms);
  }

  LogicalResult matchAndRewrite(arith::AddFOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<Value> terms;
    flatten(op, /*isRoot=*/true, terms);
    for (size_t i = 0; i < terms.size(); ++i)
      for (size_t j = 0; j < terms.size(); ++j)
        if (Value joined =
                i == j ? Value() : join(terms[i], terms[j], rewriter)) {
          terms[std::min(i, j)] = joined;
          terms.erase(terms.begin() + std::max(i, j));
          Value sum = terms.front();
          for (Value term : ArrayRef(terms).drop_front())
            sum = arith::AddFOp::create(rewriter, op.getLoc(), sum, term);
          rewriter.replaceOp(op, sum);
          return success();
        }
    return rewriter.notifyMatchFailure(op, "no places that join");
  }

  static Value join(Value left, Value right, PatternRewriter &rewriter) {
    auto a = left.getDefiningOp<PlaceOp>(), b = right.getDefiningOp<PlaceOp>();
    if (!a || !b || a.getAxis() != b.getAxis())
      return {};
    int64_t axis = a.getAxis();
    int64_t sizeA = extentOf(a.getInput(), axis);
    int64_t sizeB = extentOf(b.getInput(), axis);
    if (a.getOffset() == b.getOffset() && sizeA == sizeB) {
      Value sum = arith::AddFOp::create(rewriter, a.getLoc(), a.getInput(),
                                        b.getInput());
      return PlaceOp::create(rewriter, a.getLoc(), a.getType(), sum, axis,
                             a.getOffset());
    }
    if (a.getOffset() + sizeA != b.getOffset())
      return {};
    auto type = withExtent(a.getType(), axis, sizeA + sizeB);
    Value both = ConcatOp::create(rewriter, a.getLoc(), type,
                                  ValueRange{a.getInput(), b.getInput()}, axis);
    if (type == a.getType())
      return both;
    return PlaceOp::create(rewriter, a.getLoc(), a.getType(), both, axis,
                           a.getOffset());
  }
};

//===----------------------------------------------------------------------===//
// Concats, slices and broadcasts
//===----------------------------------------------------------------------===//

/// Concats inside a concat along the same axis are part of it; neighbouring
/// slices of one value are one slice.
struct FlattenConcat : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const override {
    int64_t axis = op.getAxis();
    SmallVector<Value> flat, inputs;
    for (Value input : op.getInputs()) {
      auto inner = input.getDefiningOp<ConcatOp>();
      if (inner && static_cast<int64_t>(inner.getAxis()) == axis)
        llvm::append_range(flat, inner.getInputs());
      else
        flat.push_back(input);
    }
    for (Value input : flat) {
      auto slice = input.getDefiningOp<SliceOp>();
      auto before =
          inputs.empty() ? SliceOp() : inputs.back().getDefiningOp<SliceOp>();
      if (slice && before && slice.getInput() == before.getInput() &&
          slice.getAxis() == before.getAxis() &&
          static_cast<int64_t>(slice.getAxis()) == axis &&
          before.getOffset() + extentOf(before, axis) == slice.getOffset())
        inputs.back() = SliceOp::create(
            rewriter, slice.getLoc(),
            withExtent(slice.getType(), axis,
                       extentOf(before, axis) + extentOf(slice, axis)),
            before.getInput(), axis, before.getOffset());
      else
        inputs.push_back(input);
    }
    if (inputs.size() == op.getInputs().size())
      return rewriter.notifyMatchFailure(op, "flat");
    if (inputs.size() == 1)
      rewriter.replaceOp(op, inputs.front());
    else
      rewriter.replaceOpWithNewOp<ConcatOp>(op, op.getType(), inputs, axis);
    return success();
  }
};

/// A concat of values repeated alike repeats their concat: small, and the same
/// in every step.
struct ConcatBeforeBroadcast : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const override {
    auto first = op.getInputs().front().getDefiningOp<BroadcastOp>();
    if (!first)
      return rewriter.notifyMatchFailure(op, "no broadcast");
    size_t axis = first.getInLabels().find(first.getOutLabels()[op.getAxis()]);
    if (axis == StringRef::npos)
      return rewriter.notifyMatchFailure(op, "the joined label is new");
    SmallVector<Value> inputs;
    for (Value value : op.getInputs()) {
      auto broadcast = value.getDefiningOp<BroadcastOp>();
      if (!broadcast || broadcast.getLabels() != first.getLabels() ||
          broadcast.getSizes() != first.getSizes())
        return rewriter.notifyMatchFailure(op, "not all repeated alike");
      inputs.push_back(broadcast.getInput());
    }
    auto type = cast<RankedTensorType>(op.getType());
    Value joined = ConcatOp::create(rewriter, op.getLoc(),
                                    withExtent(inputs.front().getType(), axis,
                                               type.getDimSize(op.getAxis())),
                                    inputs, axis);
    rewriter.replaceOpWithNewOp<BroadcastOp>(op, type, first.getLabels(),
                                             joined, first.getSizes());
    return success();
  }
};

/// A slice of a repeated value repeats the slice.
struct SliceBeforeBroadcast : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    auto broadcast = op.getInput().getDefiningOp<BroadcastOp>();
    if (!broadcast)
      return rewriter.notifyMatchFailure(op, "no broadcast");
    size_t axis =
        broadcast.getInLabels().find(broadcast.getOutLabels()[op.getAxis()]);
    Value input = broadcast.getInput();
    if (axis != StringRef::npos)
      input = SliceOp::create(
          rewriter, op.getLoc(),
          withExtent(input.getType(), axis, extentOf(op, op.getAxis())), input,
          axis, op.getOffset());
    rewriter.replaceOpWithNewOp<BroadcastOp>(
        op, op.getType(), broadcast.getLabels(), input, broadcast.getSizes());
    return success();
  }
};

/// Repeating twice is repeating once.
struct MergeBroadcasts : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BroadcastOp op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<BroadcastOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "of no broadcast");
    // The inner op's labels under the outer op's names. Letters of dims that
    // the inner op adds are those of the outer op's input.
    std::string in;
    for (char label : inner.getInLabels())
      in += op.getInLabels()[inner.getOutLabels().find(label)];
    auto type = cast<RankedTensorType>(op.getType());
    auto innerType = cast<RankedTensorType>(inner.getType());
    SmallVector<Value> sizes;
    size_t own = 0;
    for (auto [label, size] :
         llvm::zip_equal(op.getOutLabels(), type.getShape())) {
      if (in.find(label) != std::string::npos || !ShapedType::isDynamic(size))
        continue;
      size_t place = op.getInLabels().find(label);
      if (place == StringRef::npos) {
        sizes.push_back(op.getSizes()[own++]);
        continue;
      }
      // New in the inner op: the how many-th of its sizes it is.
      size_t number = 0;
      for (size_t i = 0; i < place; ++i)
        number += innerType.isDynamicDim(i) &&
                  !inner.getInLabels().contains(inner.getOutLabels()[i]);
      sizes.push_back(inner.getSizes()[number]);
    }
    rewriter.replaceOpWithNewOp<BroadcastOp>(
        op, type, in + "->" + op.getOutLabels().str(), inner.getInput(), sizes);
    return success();
  }
};
} // namespace

void RNNDialect::getCanonicalizationPatterns(
    RewritePatternSet &patterns) const {
  patterns.add<DropAddedZero, DropFactorOne, JoinAddedPlaces>(getContext());
}

void ContractOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                             MLIRContext *context) {
  patterns.add<DropZeroInto<ContractOp>, DropZeroProduct, PutWeightSecond>(
      context);
}

void ReduceOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                           MLIRContext *context) {
  patterns.add<DropZeroInto<ReduceOp>>(context);
}

void ScatterAddOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                               MLIRContext *context) {
  patterns.add<DropZeroInto<ScatterAddOp>>(context);
}

void ConcatOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                           MLIRContext *context) {
  patterns.add<FlattenConcat, ConcatBeforeBroadcast>(context);
}

void SliceOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                          MLIRContext *context) {
  patterns.add<SliceBeforeBroadcast>(context);
}

void BroadcastOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *context) {
  patterns.add<MergeBroadcasts>(context);
}
