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

def FormStagesPass : Pass<"step-form-stages", "::mlir::func::FuncOp"> {
  let summary = "join products with the elementwise work behind them";
  let description = [{
    Accepts functions in which elementwise work stands in maps. Afterwards a map
    over [rows, units] that alone reads a product of its rows with weights of
    the function (whole, or parts as wide as its units), computes the product
    itself, as a `step.stage`. What the product was added to becomes an input.

    A product stays an op of its own if anything else reads it, if its weights
    change from step to step, or if it is no matrix product of rows.

    Before: `%z = rnn.contract "bk,nk->bn" %h, %U into(%x)  %y = step.map(%z)`
    After: `%y = step.stage(%x) dot "bk,nk"(%h, %U) at [0]`.
  }];
  let dependentDialects = ["::rnnc::step::StepDialect",
                           "::mlir::arith::ArithDialect"];
  let statistics = [
    Statistic<"stages", "stages", "maps that took their products">,
    Statistic<"products", "products", "products that are part of a stage">
  ];
}

#endif
