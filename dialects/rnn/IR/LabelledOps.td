//===- LabelledOps.td - Products, broadcasts and reductions -*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that name each dim by one letter. Where `valid` gives lengths, `t` is the
// time label and `b` the batch label.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_RNN_LABELLED_OPS_TD
#define RNNC_RNN_LABELLED_OPS_TD

include "dialects/rnn/IR/RNNAttributes.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def RNN_ContractOp : RNN_Op<"contract", [Pure, AttrSizedOperandSegments]> {
  let summary = "labelled sum of products";
  let description = [{
    `result[out] = into[out] + sum over the labels not in out of
    lhs[..] * rhs[..]`, one chain of fused multiply-adds per element, in the
    order of the summed labels as lhs and rhs list them, starting from `into`
    (or 0). Terms whose row or step is not valid are absent, not multiplied by
    0. With `descending`, label `t` is summed from the last step to the first.
    With `bf16` the entries of lhs and rhs are rounded to bf16 (to the nearest,
    ties to even) and multiplied exactly; sums stay f32.

    `valid` is lengths (`tensor<?xi32>`, labels t and b are summed or kept) or
    a mask of i1 with the labels b, or t and b.

    (C10) each label occurs in at least two of lhs, rhs, result: then its
    adjoints are contracts. (C11) labels match ranks. (C12) sizes agree.

    Example: `%y = rnn.contract "bk,nk->bn" %x, %W into(%z : tensor<?x8xf32>)
      : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>`
  }];
  let arguments = (ins StrAttr:$labels, AnyRankedTensor:$lhs, AnyRankedTensor:$rhs,
      Optional<AnyRankedTensor>:$acc, Optional<AnyRankedTensor>:$valid, UnitAttr:$descending,
      UnitAttr:$bf16);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $labels $lhs `,` $rhs (`into` `(` $acc^ `:` type($acc) `)`)?
    (`valid` `(` $valid^ `:` type($valid) `)`)? (`descending` $descending^)?
    (`bf16` $bf16^)?
    attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)
  }];
  let builders = [
    OpBuilder<(ins "::mlir::Type":$result, "::llvm::StringRef":$labels,
      "::mlir::Value":$lhs, "::mlir::Value":$rhs, CArg<"::mlir::Value", "{}">:$acc,
      CArg<"::mlir::Value", "{}">:$valid, CArg<"bool", "false">:$descending,
      CArg<"bool", "false">:$bf16), [{
      build($_builder, $_state, result, $_builder.getStringAttr(labels), lhs, rhs,
            acc, valid, descending ? $_builder.getUnitAttr() : ::mlir::UnitAttr(),
            bf16 ? $_builder.getUnitAttr() : ::mlir::UnitAttr());
    }]>
  ];
  let extraClassDeclaration = [{
    ::llvm::StringRef getLhsLabels() { return getLabels().split(',').first; }
    ::llvm::StringRef getRhsLabels() { return getLabels().split("->").first.split(',').second; }
    ::llvm::StringRef getOutLabels() { return getLabels().split("->").second; }
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def RNN_BroadcastOp : RNN_Op<"broadcast", [Pure]> {
  let summary = "stretch along new labels, permute the others";
  let description = [{
    Each label of the result that the input lacks is a new dim along which the
    input is repeated; `sizes` gives the extents of the new dynamic dims in the
    order of the result.

    Example: `%r = rnn.broadcast "n->tbn" %v [%T, %B] : tensor<4xf32> to tensor<?x?x4xf32>`
  }];
  let arguments = (ins StrAttr:$labels, AnyRankedTensor:$input, Variadic<Index>:$sizes);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$labels $input `[` $sizes `]` attr-dict `:` type($input) `to` type($result)";
  let extraClassDeclaration = [{
    ::llvm::StringRef getInLabels() { return getLabels().split("->").first; }
    ::llvm::StringRef getOutLabels() { return getLabels().split("->").second; }
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def RNN_ReduceOp : RNN_Op<"reduce", [Pure, AttrSizedOperandSegments]> {
  let summary = "combine the entries along the labels that the result lacks";
  let description = [{
    Entries that are not valid are absent. Where none is left the result is 0
    (prod: 1). Sums over time run from the last step to the first.

    Example: `%r = rnn.reduce sum "tbn->n" %x valid(%len : tensor<?xi32>) : tensor<?x?x4xf32> to tensor<4xf32>`
  }];
  let arguments = (ins RNN_ReduceKindAttr:$kind, StrAttr:$labels, AnyRankedTensor:$input,
      Optional<AnyRankedTensor>:$acc, Optional<AnyRankedTensor>:$valid);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $kind $labels $input (`into` `(` $acc^ `:` type($acc) `)`)? (`valid` `(` $valid^ `:` type($valid) `)`)?
    attr-dict `:` type($input) `to` type($result)
  }];
  let builders = [
    OpBuilder<(ins "::mlir::Type":$result, "::rnnc::rnn::ReduceKind":$kind, "::llvm::StringRef":$labels,
      "::mlir::Value":$input, CArg<"::mlir::Value", "{}">:$valid), [{
      build($_builder, $_state, result, kind, $_builder.getStringAttr(labels), input, ::mlir::Value(), valid);
    }]>
  ];
  let extraClassDeclaration = [{
    ::llvm::StringRef getInLabels() { return getLabels().split("->").first; }
    ::llvm::StringRef getOutLabels() { return getLabels().split("->").second; }
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let hasFolder = 1;
}

class RNN_SoftmaxLike<string mnemonic, string formula> : RNN_Op<mnemonic, [Pure,
    AllTypesMatch<["input", "result"]>]> {
  let summary = formula # " along one label";
  let description = [{
    Along label `over`, over valid entries only; entries that are not valid come
    out as 0.

    Example: `%r = rnn.}] # mnemonic # [{ %x over "n" in "tbn" : tensor<?x?x4xf32>`
  }];
  let arguments = (ins AnyRankedTensor:$input, StrAttr:$over, StrAttr:$labels,
      Optional<AnyRankedTensor>:$valid);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $input `over` $over `in` $labels (`valid` `(` $valid^ `:` type($valid) `)`)?
    attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}
def RNN_SoftmaxOp : RNN_SoftmaxLike<"softmax", "exp(x) / sum(exp(x))">;
def RNN_LogSoftmaxOp : RNN_SoftmaxLike<"log_softmax", "x - logsumexp(x)">;

#endif
