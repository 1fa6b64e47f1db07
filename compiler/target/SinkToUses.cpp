//===- SinkToUses.cpp - Values computed where they are used ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM's own sinking goes from a block to its successors and stops before a
// loop. Entries are long rows of loops, so this one asks the dominator tree.
//
//===----------------------------------------------------------------------===//

#include "compiler/target/SinkToUses.h"
#include "llvm/ADT/PostOrderIterator.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/LLVMContext.h"

using namespace llvm;

/// Whether it gives the same value wherever it stands behind its operands.
static bool isMovable(const Instruction &instruction) {
  if (isa<PHINode, AllocaInst>(instruction) || instruction.isTerminator() ||
      instruction.mayHaveSideEffects())
    return false;
  return !instruction.mayReadFromMemory() ||
         instruction.hasMetadata(LLVMContext::MD_invariant_load);
}

/// The last block that dominates all uses; null if there are none.
static BasicBlock *blockOfUses(const Instruction &instruction,
                               const DominatorTree &tree) {
  BasicBlock *result = nullptr;
  for (const Use &use : instruction.uses()) {
    auto *user = cast<Instruction>(use.getUser());
    BasicBlock *block = user->getParent();
    if (auto *phi = dyn_cast<PHINode>(user))
      block = phi->getIncomingBlock(use);
    if (tree.isReachableFromEntry(block))
      result = result ? tree.findNearestCommonDominator(result, block) : block;
  }
  return result;
}

void rnnc::sinkToUses(Function &function) {
  DominatorTree tree(function);
  LoopInfo loops(tree);
  // Users first, so that operands follow them.
  for (BasicBlock *block : post_order(&function))
    for (Instruction &instruction : make_early_inc_range(reverse(*block))) {
      if (!isMovable(instruction))
        continue;
      BasicBlock *to = blockOfUses(instruction, tree);
      while (to && to != block && loops.getLoopFor(to) &&
             !loops.getLoopFor(to)->contains(block))
        to = tree.getNode(to)->getIDom()->getBlock();
      if (!to || to == block)
        continue;
      auto before = to->getFirstInsertionPt();
      while (!before->isTerminator() &&
             !is_contained(before->operands(), &instruction))
        ++before;
      instruction.moveBefore(*to, before);
    }
}
