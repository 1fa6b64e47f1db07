//===- StepOps.td - The step dialect -----------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How one step runs: elementwise work as fused kernels. The rationale is in
// dialects/step/README.md.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_STEP_OPS_TD
#define RNNC_STEP_OPS_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Step_Dialect : Dialect {
  let name = "step";
  let cppNamespace = "::rnnc::step";
  let summary = "how one step runs, as fused kernels";
}

class Step_Op<string mnemonic, list<Trait> traits = []>
    : Op<Step_Dialect, mnemonic, traits>;

def Step_MapOp : Step_Op<"map", [Pure, SingleBlock]> {
  let summary = "one elementwise kernel with several inputs and results";
  let description = [{
    All inputs and results have one shape, the domain. The body computes one
    entry of each result from one entry of each input. Values between its ops
    stay in registers. Nothing in it knows a cell.

    (C1) inputs and results have equal shapes. (C2) the body's arguments are the
    inputs' element types, what it yields the results'.

    Example:
    ```mlir
    %y = step.map(%a, %b : tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    ^bb0(%x: f32, %z: f32):
      %s = arith.addf %x, %z : f32
      step.yield %s : f32
    }
    ```
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `(` ($inputs^ `:` type($inputs))? `)` `->` type($outputs) $body attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Block *getBlock() { return &getBody().front(); }
    /// The type whose shape is the domain.
    ::mlir::RankedTensorType getDomain() {
      return ::mlir::cast<::mlir::RankedTensorType>(getOutputs().front().getType());
    }
  }];
}

def Step_YieldOp : Step_Op<"yield", [Pure, Terminator, HasParent<"MapOp">]> {
  let summary = "one entry of each result";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "$values `:` type($values) attr-dict";
}

#endif
