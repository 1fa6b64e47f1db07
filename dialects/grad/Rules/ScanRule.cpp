//===- ScanRule.cpp - The adjoint of a scan is a scan ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The adjoint runs in the other direction with the same lengths, over the
// primal's sequences, its incoming carried values and the cotangents of what
// it emitted. It carries the cotangents of the carried values, and one
// accumulator per value that the body takes from outside. Its body is the step
// again, then its reverse.
//
// "The row keeps its state and emits 0" is its own adjoint: a row that is not
// valid keeps its cotangents and emits cotangents of 0.
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Rules/Rules.h"
#include "dialects/rnn/IR/RNNDialect.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;
using namespace rnnc::rnn;

/// The sequence of the values that come into each step as carried value
/// `number`. `grad-differentiate` made every scan emit them.
static Value incoming(ScanOp scan, unsigned number) {
  Value carry = scan.getCarries()[number];
  for (auto [value, sequence] :
       llvm::zip_equal(scan.getYield().getEmit(), scan.getEmitted()))
    if (value == carry)
      return sequence;
  return {};
}

/// Values from outside that the body uses and whose cotangent is wanted.
static SmallVector<Value> wantedFromOutside(ScanOp scan, Adjoint &adjoint) {
  llvm::SetVector<Value> values;
  scan.getBody().walk([&](Operation *op) {
    for (Value operand : op->getOperands())
      if (!scan.getBody().isAncestor(operand.getParentRegion()) &&
          adjoint.wants(operand))
        values.insert(operand);
  });
  return values.takeVector();
}

static LogicalResult addScan(ScanOp scan, ArrayRef<Value> cotangents,
                             Adjoint &adjoint) {
  OpBuilder &b = adjoint.builder();
  Location loc = adjoint.loc();
  YieldOp yield = scan.getYield();
  unsigned emitCount = scan.getEmitted().size();
  unsigned carryCount = scan.getInitial().size();
  unsigned seqCount = scan.getSeqs().size();

  // What the adjoint runs over.
  SmallVector<Value> seqs(scan.getSeqs());
  for (unsigned i = 0; i < carryCount; ++i) {
    Value sequence = incoming(scan, i);
    if (!sequence)
      return scan.emitOpError("does not emit carried value ") << i;
    seqs.push_back(sequence);
  }
  SmallVector<unsigned> givenEmits;
  for (unsigned i = 0; i < emitCount; ++i)
    if (cotangents[i] && adjoint.wants(yield.getEmit()[i])) {
      givenEmits.push_back(i);
      seqs.push_back(cotangents[i]);
    }

  // What it carries: cotangents of carried values, then accumulators.
  SmallVector<unsigned> carried;
  SmallVector<Value> initial;
  for (unsigned i = 0; i < carryCount; ++i) {
    if (!adjoint.wants(scan.getFinals()[i]) &&
        !adjoint.wants(scan.getCarries()[i]))
      continue;
    carried.push_back(i);
    Value g = cotangents[emitCount + i];
    initial.push_back(g ? g : adjoint.zeros(scan.getInitial()[i]));
  }
  SmallVector<Value> outside = wantedFromOutside(scan, adjoint);
  for (Value value : outside) {
    Value sum = adjoint.cotangent(value);
    initial.push_back(sum ? sum : adjoint.zeros(value));
  }

  // What it emits: cotangents of slices.
  SmallVector<unsigned> wantedSeqs;
  SmallVector<Type> emitted;
  for (unsigned i = 0; i < seqCount; ++i)
    if (adjoint.wants(scan.getSlices()[i]) &&
        adjoint.wants(scan.getSeqs()[i])) {
      wantedSeqs.push_back(i);
      emitted.push_back(scan.getSeqs()[i].getType());
    }

  auto reverse = ScanOp::create(b, loc, scan.getSteps(), scan.getLengths(),
                                seqs, initial, emitted, !scan.getReverse());

  // The step again.
  OpBuilder inner = OpBuilder::atBlockEnd(reverse.getBlock());
  IRMapping map;
  map.map(scan.getPosition(), reverse.getPosition());
  for (unsigned i = 0; i < seqCount; ++i)
    map.map(scan.getSlices()[i], reverse.getSlices()[i]);
  for (unsigned i = 0; i < carryCount; ++i)
    map.map(scan.getCarries()[i], reverse.getSlices()[seqCount + i]);
  SmallVector<Operation *> again;
  for (Operation &op : scan.getBlock()->without_terminator())
    again.push_back(inner.clone(op, map));
  SmallVector<Value> copies;
  for (auto [value, copy] : map.getValueMap())
    if (adjoint.wants(value))
      copies.push_back(copy);
  adjoint.needed().insert(copies.begin(), copies.end());

  // Its reverse.
  Adjoint body(inner, adjoint, scan.getLengths(), reverse.getPosition());
  body.setLoc(loc);
  for (auto [i, value] : llvm::enumerate(outside))
    body.setCotangent(value, reverse.getCarries()[carried.size() + i]);
  for (auto [i, number] : llvm::enumerate(carried))
    body.add(map.lookupOrDefault(yield.getNext()[number]),
             reverse.getCarries()[i]);
  for (auto [i, number] : llvm::enumerate(givenEmits))
    body.add(map.lookupOrDefault(yield.getEmit()[number]),
             reverse.getSlices()[seqCount + carryCount + i]);
  if (failed(body.reverse(again)))
    return failure();
  body.setLoc(loc);

  SmallVector<Value> next, emit;
  auto orZeros = [&](Value value) {
    Value g = body.cotangent(value);
    return g ? g : body.zeros(value);
  };
  for (unsigned number : carried)
    next.push_back(orZeros(map.lookup(scan.getCarries()[number])));
  for (Value value : outside)
    next.push_back(body.cotangent(value));
  for (unsigned number : wantedSeqs)
    emit.push_back(orZeros(map.lookup(scan.getSlices()[number])));
  YieldOp::create(inner, loc, next, emit);

  // Back outside. The accumulators went in with the cotangents so far.
  for (auto [i, value] : llvm::enumerate(outside))
    adjoint.setCotangent(value, reverse.getFinals()[carried.size() + i]);
  for (auto [i, number] : llvm::enumerate(wantedSeqs))
    adjoint.add(scan.getSeqs()[number], reverse.getEmitted()[i]);
  for (auto [i, number] : llvm::enumerate(carried))
    adjoint.add(scan.getInitial()[number], reverse.getFinals()[i]);
  return success();
}

namespace {
struct ScanRule : AdjointOpInterface::ExternalModel<ScanRule, ScanOp> {
  LogicalResult addAdjoint(Operation *op, ArrayRef<Value> cotangents,
                           Adjoint &adjoint) const {
    return addScan(cast<ScanOp>(op), cotangents, adjoint);
  }
};
} // namespace

void grad::attachScanRule(MLIRContext *context) {
  ScanOp::attachInterface<ScanRule>(*context);
}
