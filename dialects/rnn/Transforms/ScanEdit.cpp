//===- ScanEdit.cpp - Sequences and emissions added to a scan -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/Transforms/ScanEdit.h"

using namespace mlir;
using namespace rnnc::rnn;

BlockArgument rnnc::rnn::addSequence(ScanOp scan, Value sequence) {
  for (auto [seq, slice] : llvm::zip_equal(scan.getSeqs(), scan.getSlices()))
    if (seq == sequence)
      return slice;
  unsigned place = 1 + scan.getSeqs().size();
  scan.getSeqsMutable().append(sequence);
  return scan.getBlock()->insertArgument(
      place, ScanOp::sliceType(sequence.getType()), sequence.getLoc());
}

ScanOp rnnc::rnn::addEmissions(OpBuilder &builder, ScanOp scan,
                               ValueRange values) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(scan);
  SmallVector<Type> emitted(scan.getEmitted().getTypes());
  for (Value value : values)
    emitted.push_back(ScanOp::sequenceType(value.getType()));
  auto wide = ScanOp::create(builder, scan.getLoc(), scan.getSteps(),
                             scan.getLengths(), scan.getSeqs(),
                             scan.getInitial(), emitted, scan.getReverse());
  wide.copyChoices(scan);
  wide.getBody().takeBody(scan.getBody());
  wide.getYield().getEmitMutable().append(values);
  for (auto [from, to] : llvm::zip(scan.getEmitted(), wide.getEmitted()))
    from.replaceAllUsesWith(to);
  for (auto [from, to] : llvm::zip_equal(scan.getFinals(), wide.getFinals()))
    from.replaceAllUsesWith(to);
  scan.erase();
  return wide;
}

bool rnnc::rnn::isOutsideScanOf(Value value, Operation *op) {
  auto scan = op->getParentOfType<ScanOp>();
  return !scan || !scan.getBody().isAncestor(value.getParentRegion());
}

char rnnc::rnn::freshLabel(StringRef labels) {
  for (char label : StringRef("tuvwxyzabcdefghijklmnopqrsTUVWXYZ"))
    if (!labels.contains(label))
      return label;
  return 'A';
}

std::string rnnc::rnn::plainLabels(RankedTensorType type) {
  int64_t batch = type.getRank() - 1;
  while (batch >= 0 && !type.isDynamicDim(batch))
    --batch;
  std::string labels;
  char next = 'c';
  for (int64_t i = 0; i < type.getRank(); ++i) {
    labels += i == batch ? 'b' : next++;
    if (next == 't')
      ++next;
  }
  return labels;
}

RankedTensorType rnnc::rnn::withExtent(Type type, int64_t axis, int64_t size) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(tensor.getShape());
  shape[axis] = size;
  return RankedTensorType::get(shape, tensor.getElementType());
}
