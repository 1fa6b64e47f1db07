//===- ValueOps.td - Elementwise functions, losses, draws --*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Named functions where a composition would lose accuracy or its derivative,
// losses per row, counter-based random draws.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_RNN_VALUE_OPS_TD
#define RNNC_RNN_VALUE_OPS_TD

include "dialects/rnn/IR/RNNAttributes.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class RNN_Unary<string mnemonic, string formula>
    : RNN_Op<mnemonic, [Pure, SameOperandsAndResultType] # ElementwiseMappable.traits> {
  let summary = formula;
  let arguments = (ins AnyType:$input);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}
def RNN_SigmoidOp : RNN_Unary<"sigmoid", "1 / (1 + exp(-x))">;
def RNN_SoftplusOp : RNN_Unary<"softplus", "log(1 + exp(x)), without overflow">;

def RNN_CrossEntropyOp : RNN_Op<"cross_entropy", [Pure]> {
  let summary = "logsumexp(z) - z[y] per row, in nats";
  let description = [{
    Logits `z` [.., V], classes `y` [..] below V.

    Example: `%l = rnn.cross_entropy %z, %y : tensor<?x?x65xf32>, tensor<?x?xi32> to tensor<?x?xf32>`
  }];
  let arguments = (ins AnyRankedTensor:$logits, AnyRankedTensor:$classes);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$logits `,` $classes attr-dict `:` type($logits) `,` type($classes) `to` type($result)";
  let hasVerifier = 1;
}

def RNN_CrossEntropyGradOp : RNN_Op<"cross_entropy_grad", [Pure, AllTypesMatch<["logits", "result"]>]> {
  let summary = "(softmax(z) - one_hot(y)) * g";
  let arguments = (ins AnyRankedTensor:$logits, AnyRankedTensor:$classes, AnyRankedTensor:$cotangent);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $logits `,` $classes `,` $cotangent attr-dict
    `:` type($logits) `,` type($classes) `,` type($cotangent)
  }];
}

class RNN_Draw<string mnemonic, string what>
    : RNN_Op<mnemonic, [Pure, AttrSizedOperandSegments]> {
  let summary = what;
  let description = [{
    Philox4x32-10 (Salmon et al. 2011). A draw depends on key, stream, step and
    place alone. `at` is the step; a draw of a whole sequence [t, b, ..] gives
    the same numbers as a draw `at` t in each step. With `sequence`, `at` is the
    step of its first entry.
  }];
  let arguments = (ins I64:$key, I64Attr:$stream, Optional<Index>:$at, Variadic<Index>:$sizes,
                       UnitAttr:$sequence);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    `key` `(` $key `)` `stream` $stream (`at` $at^)? (`sequence` $sequence^)? `[` $sizes `]` attr-dict `:` type($result)
  }];
}
def RNN_UniformOp : RNN_Draw<"uniform", "uniform draws in [0, 1)">;
def RNN_NormalOp : RNN_Draw<"normal", "standard normal draws">;

def RNN_OrthogonalOp : RNN_Op<"orthogonal", [Pure]> {
  let summary = "a random matrix with orthonormal rows or columns";
  let description = [{
    Q of a normal matrix, signs fixed by R (Saxe et al. 2013). Leading dims
    count copies. For initial values only.
  }];
  let arguments = (ins I64:$key, I64Attr:$stream);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "`key` `(` $key `)` `stream` $stream attr-dict `:` type($result)";
}

def RNN_IotaOp : RNN_Op<"iota", [Pure]> {
  let summary = "0 to n-1 along the last dim";
  let arguments = (ins);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def RNN_PositionOp : RNN_Op<"position", [Pure]> {
  let summary = "0 to T-1 along a time axis";
  let description = [{
    With `from`, the first number is that instead of 0.

    Example: `%p = rnn.position in %T from %first : tensor<?xi32>`
  }];
  let arguments = (ins Index:$steps, Optional<Index>:$first);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "`in` $steps (`from` $first^)? attr-dict `:` type($result)";
  let builders = [
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$steps), [{
      build($_builder, $_state, result, steps, ::mlir::Value());
    }]>
  ];
}

#endif
