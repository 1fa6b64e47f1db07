//===- GradOps.td - The grad dialect -----------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The request for a derivative, and where derivatives stop. The rationale is in
// dialects/grad/README.md.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_GRAD_OPS_TD
#define RNNC_GRAD_OPS_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Grad_Dialect : Dialect {
  let name = "grad";
  let cppNamespace = "::rnnc::grad";
  let summary = "reverse-mode derivatives";
}

class Grad_Op<string mnemonic, list<Trait> traits = []>
    : Op<Grad_Dialect, mnemonic, traits>;

def Grad_StopOp : Grad_Op<"stop", [Pure, SameOperandsAndResultType]> {
  let summary = "the same value, through which no gradient passes";
  let description = [{
    Example: `%d = grad.stop %x : tensor<?x4xf32>`
  }];
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def Grad_GradientOp : Grad_Op<"gradient", [Pure]> {
  let summary = "the gradient of a scalar";
  let description = [{
    One result for each value of `wrt`, of its type: the derivative of the loss.
    A value that the loss does not depend on has a gradient of 0.

    (C1) the loss has rank 0. (C2) results have the types of `wrt`, which are
    real.

    Example: `%g = grad.gradient of %loss wrt(%W : tensor<4x4xf32>) : tensor<f32>`
  }];
  let arguments = (ins AnyRankedTensor:$loss, Variadic<AnyRankedTensor>:$wrt);
  let results = (outs Variadic<AnyRankedTensor>:$gradients);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

#endif
