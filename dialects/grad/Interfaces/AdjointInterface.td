//===- AdjointInterface.td - What a derivative asks of an op -*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interface of reverse mode. Rules of all dialects, upstream ones too, are
// external models of it; they stand in dialects/grad/Rules.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_GRAD_ADJOINT_INTERFACE_TD
#define RNNC_GRAD_ADJOINT_INTERFACE_TD

include "mlir/IR/OpBase.td"

def Grad_AdjointOpInterface : OpInterface<"AdjointOpInterface"> {
  let cppNamespace = "::rnnc::grad";
  let description = [{
    An op with a derivative. Its operands and results are in scope where the
    adjoint is built.
  }];
  let methods = [
    InterfaceMethod<[{
      Adds to the cotangents of the operands what the cotangents of the results
      contribute. `cotangents` has one entry per result; a null entry is a
      cotangent of 0. At least one is not null.
    }], "::llvm::LogicalResult", "addAdjoint",
      (ins "::llvm::ArrayRef<::mlir::Value>":$cotangents,
           "::rnnc::grad::Adjoint &":$adjoint)>,
    InterfaceMethod<[{
      True if the derivative is 0 everywhere: then no cotangent passes.
    }], "bool", "stopsGradient", (ins), "", [{ return false; }]>
  ];
}

#endif
