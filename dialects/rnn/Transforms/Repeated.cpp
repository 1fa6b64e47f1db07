//===- Repeated.cpp - What a scan computes again --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/Transforms/Repeated.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace rnnc::rnn;

/// The op of the block of `earlier` like `op` under `map`; null if none.
static Operation *findLike(Operation *op, ScanOp earlier,
                           const DenseMap<Value, Value> &map) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    Value mapped = map.lookup(operand);
    // Values from outside of both scans stand for themselves.
    bool isOuter = operand.getParentBlock() != op->getBlock();
    if (!mapped && !isOuter)
      return nullptr;
    operands.push_back(mapped ? mapped : operand);
  }
  auto isLike = [&](Operation *other) {
    return other->getBlock() == earlier.getBlock() &&
           other->getName() == op->getName() &&
           other->getAttrDictionary() == op->getAttrDictionary() &&
           llvm::equal(other->getResultTypes(), op->getResultTypes()) &&
           llvm::equal(other->getOperands(), operands);
  };
  for (Value operand : operands)
    if (operand.getParentBlock() == earlier.getBlock()) {
      auto users = operand.getUsers();
      auto it = llvm::find_if(users, isLike);
      return it == users.end() ? nullptr : *it;
    }
  // The same in every step.
  for (Operation &other : *earlier.getBlock())
    if (isLike(&other))
      return &other;
  return nullptr;
}

DenseMap<Operation *, Operation *> rnnc::rnn::findRepeated(ScanOp scan) {
  llvm::SetVector<Operation *> earlierScans;
  for (Value seq : scan.getSeqs())
    if (auto earlier = seq.getDefiningOp<ScanOp>();
        earlier && earlier.getSteps() == scan.getSteps() &&
        earlier.getLengths() == scan.getLengths())
      earlierScans.insert(earlier);

  DenseMap<Operation *, Operation *> repeated;
  for (Operation *op : earlierScans) {
    auto earlier = cast<ScanOp>(op);
    DenseMap<Value, Value> map;
    map[scan.getPosition()] = earlier.getPosition();
    for (auto [seq, slice] :
         llvm::zip_equal(scan.getSeqs(), scan.getSlices())) {
      if (seq.getDefiningOp() == op) {
        unsigned number = cast<OpResult>(seq).getResultNumber();
        if (number < earlier.getEmitted().size())
          map[slice] = earlier.getYield().getEmit()[number];
        continue;
      }
      for (auto [other, itsSlice] :
           llvm::zip_equal(earlier.getSeqs(), earlier.getSlices()))
        if (other == seq)
          map[slice] = itsSlice;
    }
    for (Operation &inner : scan.getBlock()->without_terminator()) {
      if (inner.getNumRegions())
        continue;
      Operation *like = findLike(&inner, earlier, map);
      if (!like)
        continue;
      repeated.try_emplace(&inner, like);
      for (auto [mine, its] :
           llvm::zip_equal(inner.getResults(), like->getResults()))
        map[mine] = its;
    }
  }
  return repeated;
}
