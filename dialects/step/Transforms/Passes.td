//===- Passes.td - Passes that form kernels ----------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_STEP_PASSES_TD
#define RNNC_STEP_PASSES_TD

include "mlir/Pass/PassBase.td"

def FormMapsPass : Pass<"step-form-maps", "::mlir::func::FuncOp"> {
  let summary = "gather elementwise ops into fused kernels";
  let description = [{
    Accepts functions of rnn, arith and math ops on tensors. Afterwards every
    elementwise op on tensors stands in the body of a `step.map`, on scalars.
    Ops of one shape that feed one another, or share an input, share a map where
    the order of the others allows it. Constants with one value move into the
    body.

    Before: `%a = arith.addf %x, %y : tensor<?x4xf32>  %b = math.tanh %a : tensor<?x4xf32>`
    After: one `step.map(%x, %y : ..)` whose body adds and applies tanh.
  }];
  let dependentDialects = ["::rnnc::step::StepDialect"];
  let statistics = [
    Statistic<"maps", "maps", "kernels formed">,
    Statistic<"fused", "fused-ops", "elementwise ops that joined a kernel">
  ];
}

#endif
