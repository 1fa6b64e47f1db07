//===- ScanEdits.cpp - Scans with more emissions or sequences -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Transforms/ScanEdits.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::rnn;

Value grad::findEmission(ScanOp scan, Value value) {
  for (auto [emitted, sequence] :
       llvm::zip_equal(scan.getYield().getEmit(), scan.getEmitted()))
    if (emitted == value)
      return sequence;
  return {};
}

ScanOp grad::extendScan(ScanOp scan, ValueRange values, ValueRange seqs) {
  OpBuilder b(scan);
  SmallVector<Value> allSeqs(scan.getSeqs());
  llvm::append_range(allSeqs, seqs);
  SmallVector<Type> emitted(scan.getEmitted().getTypes());
  for (Value value : values)
    emitted.push_back(ScanOp::sequenceType(value.getType()));
  auto extended =
      ScanOp::create(b, scan.getLoc(), scan.getSteps(), scan.getLengths(),
                     allSeqs, scan.getInitial(), emitted, scan.getReverse());

  Block *block = scan.getBlock();
  unsigned firstNew = 1 + scan.getSeqs().size();
  for (auto [i, seq] : llvm::enumerate(seqs))
    block->insertArgument(firstNew + i, ScanOp::sliceType(seq.getType()),
                          seq.getLoc());
  YieldOp yield = scan.getYield();
  yield.getEmitMutable().append(values);

  unsigned oldEmits = scan.getEmitted().size();
  for (unsigned i = 0; i < oldEmits; ++i)
    scan.getEmitted()[i].replaceAllUsesWith(extended.getEmitted()[i]);
  for (unsigned i = 0; i < scan.getFinals().size(); ++i)
    scan.getFinals()[i].replaceAllUsesWith(extended.getFinals()[i]);
  extended.getBody().takeBody(scan.getBody());
  scan.erase();
  return extended;
}
