//===- rnn-opt.cpp - Run any pass or stage on text ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0
//
// mlir-opt with the dialects, passes and stages of the project.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/Transforms/Passes.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  registry.insert<rnnc::rnn::RNNDialect>();
  mlir::registerTransformsPasses();
  rnnc::rnn::registerRNNPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "rnnc optimizer driver\n", registry));
}
