//===- RNNDialect.td - The rnn dialect ---------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is computed, over time. Time is an axis of the IR: a recurrence is one
// op until late. The rationale is in dialects/rnn/README.md.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_RNN_DIALECT_TD
#define RNNC_RNN_DIALECT_TD

include "mlir/IR/OpBase.td"

def RNN_Dialect : Dialect {
  let name = "rnn";
  let cppNamespace = "::rnnc::rnn";
  let summary = "recurrent models: products, movement and scans over time";
  let description = [{
    Arrays are laid out as [time axes..., batch, own dims...]. Time and batch
    extents are run-time numbers, own dims are static. A value that depends on
    neither has neither dim. Elementwise mathematics is upstream `arith` and
    `math` on tensors of equal types.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let hasCanonicalizer = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

class RNN_Op<string mnemonic, list<Trait> traits = []>
    : Op<RNN_Dialect, mnemonic, traits>;

#endif
