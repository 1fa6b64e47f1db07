//===- Rules.cpp - Registration of derivative rules -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Rules/Rules.h"
#include "dialects/grad/IR/GradDialect.h"
#include "dialects/rnn/IR/RNNDialect.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;

void grad::registerAdjointRules(DialectRegistry &registry) {
  registerArithRules(registry);
  registerMathRules(registry);
  registry.addExtension(+[](MLIRContext *context, rnn::RNNDialect *) {
    attachLabelledRules(context);
    attachMovementRules(context);
    attachValueRules(context);
    attachScanRule(context);
  });
  registry.addExtension(+[](MLIRContext *context, GradDialect *) {
    attachZero<StopOp>(context);
  });
}
