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

def Step_StageOp
    : Step_Op<"stage", [Pure, SingleBlock, AttrSizedOperandSegments]> {
  let summary = "products of one step and what is computed from them";
  let description = [{
    A map whose body also reads products: part g of `dot "bk,nk"(%s, %w) at
    [o0, o1, ..]` is the domain-shaped sum over k of s[b, k] * w[og + n, k] (or
    w[k, og + n] with labels "bk,kn"). A tile of rows and units has all parts of
    its units at hand, so what the body computes never waits for memory.

    A stage of `bf16` rounds sources and weights to bf16 and multiplies them
    exactly; sums stay f32.

    The domain is [rows, units]. The body's arguments are one entry of each
    input, then of each part of each product. The sum of a part starts at 0, or
    `from` another argument, named by its number: an input, or a part of a
    product before. So a chain of products is one chain of fused multiply-adds,
    as it was outside of the stage.

    (C1) inputs and results have the shape of the domain, which has two dims.
    (C2) the body's arguments are entries of inputs and parts, what it yields
    entries of the results. (C3) a source is [rows, k], its weights agree in k
    and hold every part. (C4) a sum starts from an argument before its product's
    and of its type.

    Example:
    ```mlir
    %h1 = step.stage(%x : tensor<?x4xf32>) dot "bk,nk"(%h, %U) at [0] from [0] : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32> {
    ^bb0(%e: f32, %p: f32):
      %t = math.tanh %p : f32
      step.yield %t : f32
    }
    ```
  }];
  let arguments = (ins
    Variadic<AnyRankedTensor>:$inputs,
    Variadic<AnyRankedTensor>:$sources,
    Variadic<AnyRankedTensor>:$weights,
    StrArrayAttr:$labels,
    TypedArrayAttrBase<DenseI64ArrayAttr, "where the parts begin">:$parts,
    // By part: the number of the argument that its sum starts from, -1 for 0.
    DenseI64ArrayAttr:$starts,
    UnitAttr:$bf16
  );
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Block *getBlock() { return &getBody().front(); }
    ::mlir::RankedTensorType getDomain() {
      return ::mlir::cast<::mlir::RankedTensorType>(getOutputs().front().getType());
    }
    /// Where the parts of a product begin among the columns of its weights.
    ::llvm::ArrayRef<int64_t> getPartsOf(unsigned product) {
      return ::mlir::cast<::mlir::DenseI64ArrayAttr>(getParts()[product]).asArrayRef();
    }
    /// Whether the weights of a product are [columns, k] rather than
    /// [k, columns].
    bool hasColumnsFirst(unsigned product) {
      auto text = ::mlir::cast<::mlir::StringAttr>(getLabels()[product]).getValue();
      return text.size() == 5 && text[4] == text[1];
    }
  }];
}

def Step_YieldOp
    : Step_Op<"yield", [Pure, Terminator, ParentOneOf<["MapOp", "StageOp"]>]> {
  let summary = "one entry of each result";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "$values `:` type($values) attr-dict";
}

#endif
