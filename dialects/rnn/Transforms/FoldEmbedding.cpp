//===- FoldEmbedding.cpp - Multiply the table instead of its rows ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A token that is embedded and then multiplied is one row of a product that
// does not depend on the token. With E the table, x = E[ids], d the cotangent
// of x W' and D = scatter_add(d at ids), which has one row per row of E:
//
//   x W'                      = (E W')[ids]
//   d' x                      = D' E            gradient of W
//   scatter_add(d W at ids)   = D W             gradient of E
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/Remarks.h"
#include "dialects/rnn/Transforms/Passes.h"
#include "dialects/rnn/Transforms/ScanEdit.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace rnnc::rnn {
#define GEN_PASS_DEF_FOLDEMBEDDINGPASS
#include "dialects/rnn/Transforms/Passes.h.inc"
} // namespace rnnc::rnn

#define DEBUG_TYPE "rnn-fold-embedding"

using namespace mlir;
using namespace rnnc::rnn;

static RankedTensorType tensorOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The type [rows, dims...].
static RankedTensorType tableType(int64_t rows, ArrayRef<int64_t> dims,
                                  Type element) {
  SmallVector<int64_t> shape{rows};
  llvm::append_range(shape, dims);
  return RankedTensorType::get(shape, element);
}

static bool haveNone(StringRef labels, StringRef others) {
  return labels.find_first_of(others) == StringRef::npos;
}

namespace {
/// The usual extents, and what is counted.
struct Hints {
  int64_t length, batch;
  Pass::Statistic &numFolded;

  /// Whether a table of `rows` rows is smaller than all that ids name.
  bool isSmaller(int64_t rows, Value ids) const {
    return !ShapedType::isDynamic(rows) && rows < entries(ids);
  }
  int64_t entries(Value ids) const {
    int64_t entries = 1, rank = tensorOf(ids).getRank();
    for (int64_t i = 0; i < rank; ++i)
      entries *= i + 1 == rank ? batch : length;
    return entries;
  }
  /// Whether it is, with a remark on `op` where it is not.
  bool pays(Operation *op, int64_t rows, Value ids) const {
    if (isSmaller(rows, ids))
      return true;
    if (!ShapedType::isDynamic(rows))
      remarkRefused(op, "unfolded", DEBUG_TYPE,
                    subjectOf(op) + " of looked-up rows stays: the table has " +
                        Twine(rows) + " rows, " + Twine(entries(ids)) +
                        " are looked up at B = " + Twine(batch) +
                        ", T = " + Twine(length));
    return false;
  }
  void count(Operation *op, StringRef what) const {
    remarkDone(op, "folded", DEBUG_TYPE, what);
    ++numFolded;
  }
};

/// x W' = (E W')[ids]
struct ContractTable : OpRewritePattern<ContractOp> {
  ContractTable(MLIRContext *context, const Hints &hints)
      : OpRewritePattern(context), hints(hints) {}

  LogicalResult matchAndRewrite(ContractOp op,
                                PatternRewriter &rewriter) const override {
    auto gather = op.getLhs().getDefiningOp<GatherOp>();
    if (!gather || !tensorOf(op.getRhs()).hasStaticShape() ||
        !tensorOf(gather.getTable()).hasStaticShape())
      return rewriter.notifyMatchFailure(op, "no rows of a table");
    size_t rank = tensorOf(gather.getIds()).getRank();
    StringRef ids = op.getLhsLabels().take_front(rank);
    StringRef row = op.getLhsLabels().drop_front(rank);
    if (op.getValid() || !op.getOutLabels().starts_with(ids) ||
        !haveNone(op.getRhsLabels(), ids))
      return rewriter.notifyMatchFailure(op, "the ids do not stay in front");
    auto table = tensorOf(gather.getTable());
    if (!hints.pays(op, table.getDimSize(0), gather.getIds()))
      return rewriter.notifyMatchFailure(op, "the table is not smaller");

    StringRef own = op.getOutLabels().drop_front(rank);
    char entry = freshLabel(op.getLabels());
    auto type =
        tableType(table.getDimSize(0), tensorOf(op).getShape().drop_front(rank),
                  table.getElementType());
    // A start that is the same for all ids starts the table's product.
    Value start = op.getAcc(), same;
    auto broadcast = start ? start.getDefiningOp<BroadcastOp>() : BroadcastOp();
    if (broadcast && haveNone(broadcast.getInLabels(),
                              broadcast.getOutLabels().take_front(rank))) {
      std::string labels = broadcast.getInLabels().str() + "->" +
                           freshLabel(broadcast.getLabels()) +
                           broadcast.getOutLabels().drop_front(rank).str();
      same = BroadcastOp::create(rewriter, op.getLoc(), type, labels,
                                 broadcast.getInput(), ValueRange());
      start = Value();
    }
    auto product =
        ContractOp::create(rewriter, op.getLoc(), type,
                           entry + row.str() + "," + op.getRhsLabels().str() +
                               "->" + entry + own.str(),
                           gather.getTable(), op.getRhs(), same);
    Value rows = GatherOp::create(rewriter, op.getLoc(), op.getType(), product,
                                  gather.getIds());
    if (start)
      rows = arith::AddFOp::create(rewriter, op.getLoc(), rows, start);
    hints.count(
        op,
        "product of looked-up rows is a product of the whole table, of which "
        "rows are looked up");
    rewriter.replaceOp(op, rows);
    return success();
  }

  Hints hints;
};

/// The sum over ids of rows, if `valid` names the ids' own dims.
Value scatterRows(OpBuilder &builder, Location loc, Value rows, GatherOp gather,
                  Value valid) {
  size_t rank = tensorOf(gather.getIds()).getRank();
  auto type = tableType(tensorOf(gather.getTable()).getDimSize(0),
                        tensorOf(rows).getShape().drop_front(rank),
                        tensorOf(rows).getElementType());
  return ScatterAddOp::create(builder, loc, type, rows, gather.getIds(),
                              Value(), valid);
}

/// d' x = D' E
struct ContractWithTable : OpRewritePattern<ContractOp> {
  ContractWithTable(MLIRContext *context, const Hints &hints)
      : OpRewritePattern(context), hints(hints) {}

  LogicalResult matchAndRewrite(ContractOp op,
                                PatternRewriter &rewriter) const override {
    bool isRhs = op.getRhs().getDefiningOp<GatherOp>() != nullptr;
    auto gather = (isRhs ? op.getRhs() : op.getLhs()).getDefiningOp<GatherOp>();
    if (!gather || !tensorOf(gather.getTable()).hasStaticShape())
      return rewriter.notifyMatchFailure(op, "no rows of a table");
    size_t rank = tensorOf(gather.getIds()).getRank();
    StringRef tableLabels = isRhs ? op.getRhsLabels() : op.getLhsLabels();
    StringRef otherLabels = isRhs ? op.getLhsLabels() : op.getRhsLabels();
    StringRef ids = tableLabels.take_front(rank);
    Value other = isRhs ? op.getLhs() : op.getRhs();
    if (otherLabels.take_front(rank) != ids ||
        !haveNone(op.getOutLabels(), ids) || !tensorOf(op).hasStaticShape())
      return rewriter.notifyMatchFailure(op, "the ids are not summed");
    if (op.getValid() && ids != StringRef("tb").take_back(rank))
      return rewriter.notifyMatchFailure(op, "its mask is not of the ids");
    if (!hints.pays(op, tensorOf(gather.getTable()).getDimSize(0),
                    gather.getIds()))
      return rewriter.notifyMatchFailure(op, "the table is not smaller");

    Value sums =
        scatterRows(rewriter, op.getLoc(), other, gather, op.getValid());
    std::string entry(1, freshLabel(op.getLabels()));
    std::string tablePart = entry + tableLabels.drop_front(rank).str();
    std::string otherPart = entry + otherLabels.drop_front(rank).str();
    std::string labels =
        (isRhs ? otherPart + "," + tablePart : tablePart + "," + otherPart) +
        "->" + op.getOutLabels().str();
    hints.count(
        op, "gradient over looked-up rows is one over the rows of the table");
    rewriter.replaceOpWithNewOp<ContractOp>(
        op, op.getType(), labels, isRhs ? sums : gather.getTable(),
        isRhs ? gather.getTable() : sums, op.getAcc());
    return success();
  }

  Hints hints;
};

/// scatter_add(d W at ids) = D W
struct ContractScattered : OpRewritePattern<ScatterAddOp> {
  ContractScattered(MLIRContext *context, const Hints &hints)
      : OpRewritePattern(context), hints(hints) {}

  LogicalResult matchAndRewrite(ScatterAddOp op,
                                PatternRewriter &rewriter) const override {
    auto product = op.getRows().getDefiningOp<ContractOp>();
    if (!product || product.getAcc() || product.getValid() ||
        !product->hasOneUse() || !tensorOf(product.getRhs()).hasStaticShape())
      return rewriter.notifyMatchFailure(op, "rows are no product");
    size_t rank = tensorOf(op.getIds()).getRank();
    StringRef ids = product.getLhsLabels().take_front(rank);
    if (!product.getOutLabels().starts_with(ids) ||
        !haveNone(product.getRhsLabels(), ids))
      return rewriter.notifyMatchFailure(op, "the ids do not stay in front");
    auto table = tensorOf(op);
    if (!hints.pays(op, table.getDimSize(0), op.getIds()))
      return rewriter.notifyMatchFailure(op, "the table is not smaller");

    Value rows = product.getLhs();
    Value sums = ScatterAddOp::create(
        rewriter, op.getLoc(),
        tableType(table.getDimSize(0),
                  tensorOf(rows).getShape().drop_front(rank),
                  table.getElementType()),
        rows, op.getIds(), Value(), op.getValid());
    char entry = freshLabel(product.getLabels());
    std::string labels = entry + product.getLhsLabels().drop_front(rank).str() +
                         "," + product.getRhsLabels().str() + "->" + entry +
                         product.getOutLabels().drop_front(rank).str();
    hints.count(op, "gradient of the table is a product of sums of rows");
    rewriter.replaceOpWithNewOp<ContractOp>(op, op.getType(), labels, sums,
                                            product.getRhs(), op.getAcc());
    return success();
  }

  Hints hints;
};

struct FoldEmbeddingPass
    : rnnc::rnn::impl::FoldEmbeddingPassBase<FoldEmbeddingPass> {
  using FoldEmbeddingPassBase::FoldEmbeddingPassBase;

  void runOnOperation() override {
    Hints hints{length, batch, numFolded};
    RewritePatternSet patterns(&getContext());
    patterns.add<ContractTable, ContractWithTable, ContractScattered>(
        &getContext(), hints);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
