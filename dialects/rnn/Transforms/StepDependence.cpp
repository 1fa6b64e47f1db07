//===- StepDependence.cpp - What a value of a step depends on -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/Transforms/StepDependence.h"

using namespace mlir;
using namespace rnnc::rnn;

StepDependence::StepDependence(ScanOp scan)
    : block(scan ? scan.getBlock() : nullptr),
      firstCarry(scan ? 1 + scan.getSeqs().size() : 0) {
  if (!scan)
    return;
  // Operands stand before their users, so one sweep is enough.
  for (Operation &op : *block)
    reaches[&op] = ofOperands(&op);
}

Reach StepDependence::of(Value value) const {
  if (!block || value.getParentBlock() != block)
    return Reach::Outside;
  if (auto argument = dyn_cast<BlockArgument>(value))
    return argument.getArgNumber() < firstCarry ? Reach::Step : Reach::State;
  auto it = reaches.find(value.getDefiningOp());
  return it != reaches.end() ? it->second : ofOperands(value.getDefiningOp());
}

Reach StepDependence::ofOperands(Operation *op) const {
  // Values of regions inside `op` are in other blocks: what they are made
  // of is counted where it is read.
  Reach reach = Reach::Outside;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      reach = std::max(reach, of(operand));
  });
  return reach;
}
