//===- LabelledOps.cpp - Checks of the labelled ops -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::rnn;

namespace {
/// Collects the labels of an op's tensors and checks that they fit.
class LabelCheck {
public:
  explicit LabelCheck(Operation *op) : op(op) {}

  LogicalResult add(StringRef labels, Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || tensor.getRank() != static_cast<int64_t>(labels.size()))
      return op->emitOpError("(C11) labels '")
             << labels << "' do not match the rank of " << type;
    for (auto [i, label] : llvm::enumerate(labels)) {
      if (!llvm::isAlpha(label))
        return op->emitOpError("(C11) label '")
               << Twine(label) << "' is not a letter";
      if (labels.drop_front(i + 1).contains(label))
        return op->emitOpError("(C11) label '")
               << Twine(label) << "' occurs twice in '" << labels << "'";
      auto [it, isNew] =
          seen.try_emplace(label, Entry{0, ShapedType::kDynamic});
      Entry &entry = it->second;
      ++entry.count;
      int64_t size = tensor.getDimSize(i);
      if (ShapedType::isDynamic(size))
        continue;
      if (!ShapedType::isDynamic(entry.size) && entry.size != size)
        return op->emitOpError("(C12) label '")
               << Twine(label) << "' has sizes " << entry.size << " and "
               << size;
      entry.size = size;
    }
    return success();
  }

  LogicalResult checkTwice() {
    for (auto &[label, entry] : seen)
      if (entry.count < 2)
        return op->emitOpError("(C10) label '")
               << Twine(label) << "' occurs only once";
    return success();
  }

  /// Lengths want labels t and b; a mask of rank 1 wants b, of rank 2 t and b.
  LogicalResult checkValid(Value valid, StringRef labels) {
    if (!valid)
      return success();
    auto type = dyn_cast<RankedTensorType>(valid.getType());
    bool lengths =
        type && type.getRank() == 1 && type.getElementType().isInteger(32);
    bool mask = type && type.getElementType().isInteger(1) &&
                (type.getRank() == 1 || type.getRank() == 2);
    if (!lengths && !mask)
      return op->emitOpError("valid is lengths 'tensor<?xi32>' or a mask of "
                             "i1, found ")
             << valid.getType();
    if (!labels.contains('b'))
      return op->emitOpError("valid needs label 'b' among '") << labels << "'";
    if ((lengths || type.getRank() == 2) && !labels.contains('t'))
      return op->emitOpError("valid needs label 't' among '") << labels << "'";
    return success();
  }

private:
  struct Entry {
    int count;
    int64_t size;
  };
  Operation *op;
  llvm::MapVector<char, Entry> seen;
};
} // namespace

static LogicalResult splitArrow(Operation *op, StringRef labels) {
  if (labels.count("->") != 1)
    return op->emitOpError("(C11) labels have the form \"in->out\", found '")
           << labels << "'";
  return success();
}

LogicalResult ContractOp::verify() {
  if (failed(splitArrow(*this, getLabels())))
    return failure();
  if (getLabels().split("->").first.count(',') != 1)
    return emitOpError("(C11) labels have the form \"lhs,rhs->out\", found '")
           << getLabels() << "'";
  LabelCheck check(*this);
  if (failed(check.add(getLhsLabels(), getLhs().getType())) ||
      failed(check.add(getRhsLabels(), getRhs().getType())) ||
      failed(check.add(getOutLabels(), getType())) ||
      failed(check.checkTwice()) ||
      failed(check.checkValid(getValid(),
                              (getLhsLabels() + getRhsLabels()).str())))
    return failure();
  if (getAcc() && getAcc().getType() != getType())
    return emitOpError("into has type ")
           << getAcc().getType() << ", the result " << getType();
  if (getBf16() && !getType().getElementType().isF32())
    return emitOpError("of bf16 rounds f32 numbers, found ") << getType();
  return success();
}

LogicalResult BroadcastOp::verify() {
  if (failed(splitArrow(*this, getLabels())))
    return failure();
  LabelCheck check(*this);
  if (failed(check.add(getInLabels(), getInput().getType())) ||
      failed(check.add(getOutLabels(), getType())))
    return failure();
  size_t dynamic = 0;
  auto type = cast<RankedTensorType>(getType());
  for (auto [label, size] : llvm::zip_equal(getOutLabels(), type.getShape()))
    if (!getInLabels().contains(label) && ShapedType::isDynamic(size))
      ++dynamic;
  for (char label : getInLabels())
    if (!getOutLabels().contains(label))
      return emitOpError("(C11) label '")
             << Twine(label) << "' is missing in the result";
  if (dynamic != getSizes().size())
    return emitOpError("takes ")
           << dynamic << " sizes, one for each new dynamic dim, found "
           << getSizes().size();
  return success();
}

LogicalResult ReduceOp::verify() {
  if (failed(splitArrow(*this, getLabels())))
    return failure();
  LabelCheck check(*this);
  if (failed(check.add(getInLabels(), getInput().getType())) ||
      failed(check.add(getOutLabels(), getType())) ||
      failed(check.checkValid(getValid(), getInLabels())))
    return failure();
  for (char label : getOutLabels())
    if (!getInLabels().contains(label))
      return emitOpError("(C11) label '")
             << Twine(label) << "' is missing in the input";
  if (getAcc() && getAcc().getType() != getType())
    return emitOpError("into has type ")
           << getAcc().getType() << ", the result " << getType();
  return success();
}

template <class SoftmaxLike>
static LogicalResult verifySoftmax(SoftmaxLike op) {
  LabelCheck check(op);
  if (failed(check.add(op.getLabels(), op.getType())) ||
      failed(check.checkValid(op.getValid(), op.getLabels())))
    return failure();
  if (op.getOver().size() != 1 || !op.getLabels().contains(op.getOver()))
    return op.emitOpError("label '")
           << op.getOver() << "' is not one of '" << op.getLabels() << "'";
  return success();
}
LogicalResult SoftmaxOp::verify() { return verifySoftmax(*this); }
LogicalResult LogSoftmaxOp::verify() { return verifySoftmax(*this); }
