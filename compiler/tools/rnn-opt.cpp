//===- rnn-opt.cpp - Run any pass or stage on text ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mlir-opt with the dialects, passes and stages of the project.
//
//===----------------------------------------------------------------------===//

#include "compiler/pipelines/Stages.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  rnnc::registerDialects(registry);
  rnnc::registerPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "rnnc optimizer driver\n", registry));
}
