//===- FoldEmbedding.cpp - Multiply the table instead of its rows ---------===//
//
// SPDX-License-Identifier: Apache-2.0
//
// A token that is embedded and then multiplied is one row of a product that
// does not depend on the token.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/Transforms/Passes.h"
#include "dialects/rnn/Transforms/ScanEdit.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace rnnc::rnn {
#define GEN_PASS_DEF_FOLDEMBEDDINGPASS
#include "dialects/rnn/Transforms/Passes.h.inc"
} // namespace rnnc::rnn

#define DEBUG_TYPE "rnn-fold-embedding"

using namespace mlir;
using namespace rnnc::rnn;

namespace {
struct ContractTable : OpRewritePattern<ContractOp> {
  ContractTable(MLIRContext *context, int64_t length, int64_t batch,
                Pass::Statistic &numFolded)
      : OpRewritePattern(context), length(length), batch(batch),
        numFolded(numFolded) {}

  LogicalResult matchAndRewrite(ContractOp op,
                                PatternRewriter &rewriter) const override {
    auto gather = op.getLhs().getDefiningOp<GatherOp>();
    if (!gather || !cast<RankedTensorType>(op.getRhs().getType()).hasStaticShape())
      return rewriter.notifyMatchFailure(op, "no rows of a table");
    int64_t idRank = cast<RankedTensorType>(gather.getIds().getType()).getRank();
    StringRef ids = op.getLhsLabels().take_front(idRank);
    StringRef row = op.getLhsLabels().drop_front(idRank);
    StringRef own = op.getOutLabels().drop_front(
        std::min<size_t>(idRank, op.getOutLabels().size()));
    bool rowsStay = op.getOutLabels().starts_with(ids) && !op.getValid();
    for (char label : ids)
      rowsStay &= !op.getRhsLabels().contains(label);
    if (!rowsStay || row.empty())
      return rewriter.notifyMatchFailure(op, "the ids' labels do not stay in front");

    auto table = cast<RankedTensorType>(gather.getTable().getType());
    if (!table.hasStaticShape())
      return rewriter.notifyMatchFailure(op, "the table has no fixed size");
    int64_t entries = 1;
    for (int64_t i = 0; i < idRank; ++i)
      entries *= i + 1 == idRank ? batch : length;
    if (table.getDimSize(0) >= entries)
      return rewriter.notifyMatchFailure(op, "the table is not smaller");

    SmallVector<int64_t> shape{table.getDimSize(0)};
    llvm::append_range(shape, cast<RankedTensorType>(op.getType()).getShape().drop_front(idRank));
    char entry = freshLabel(op.getLabels());
    std::string labels = entry + row.str() + "," + op.getRhsLabels().str() +
                         "->" + entry + own.str();
    auto product = ContractOp::create(
        rewriter, op.getLoc(),
        RankedTensorType::get(shape, table.getElementType()), labels,
        gather.getTable(), op.getRhs());
    Value rows = GatherOp::create(rewriter, op.getLoc(), op.getType(), product,
                                  gather.getIds());
    if (op.getAcc())
      rows = arith::AddFOp::create(rewriter, op.getLoc(), rows, op.getAcc());
    remark::passed(op.getLoc(),
                   remark::RemarkOpts::name("folded").category(DEBUG_TYPE))
        << "product of embedded rows became a product of the table";
    rewriter.replaceOp(op, rows);
    ++numFolded;
    return success();
  }

  int64_t length, batch;
  Pass::Statistic &numFolded;
};

struct FoldEmbeddingPass
    : rnnc::rnn::impl::FoldEmbeddingPassBase<FoldEmbeddingPass> {
  using FoldEmbeddingPassBase::FoldEmbeddingPassBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ContractTable>(&getContext(), length, batch, numFolded);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
