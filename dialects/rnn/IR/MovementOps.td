//===- MovementOps.td - Movement of entries ----------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Movement, closed under adjoint: slice and place, pick and put, gather and
// scatter_add; shift and reverse are adjoint to themselves.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_RNN_MOVEMENT_OPS_TD
#define RNNC_RNN_MOVEMENT_OPS_TD

include "dialects/rnn/IR/RNNAttributes.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def RNN_SliceOp : RNN_Op<"slice", [Pure]> {
  let summary = "consecutive entries along a static dim";
  let description = [{
    `result[.., i, ..] = input[.., from + i, ..]`; the count is the result's size.

    Example: `%r = rnn.slice %x axis 1 from 4 : tensor<?x12xf32> to tensor<?x4xf32>`
  }];
  let arguments = (ins AnyRankedTensor:$input, I64Attr:$axis, I64Attr:$offset);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input `axis` $axis `from` $offset attr-dict `:` type($input) `to` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def RNN_PlaceOp : RNN_Op<"place", [Pure]> {
  let summary = "put entries at a place of a static dim, zeros elsewhere";
  let description = [{
    Adjoint of slice.

    Example: `%r = rnn.place %x axis 1 at 4 : tensor<?x4xf32> to tensor<?x12xf32>`
  }];
  let arguments = (ins AnyRankedTensor:$input, I64Attr:$axis, I64Attr:$offset);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input `axis` $axis `at` $offset attr-dict `:` type($input) `to` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def RNN_ConcatOp : RNN_Op<"concat", [Pure]> {
  let summary = "join along a static dim";
  let description = [{
    Example: `%r = rnn.concat %a, %b axis 1 : tensor<?x4xf32>, tensor<?x8xf32> to tensor<?x12xf32>`
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, I64Attr:$axis);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$inputs `axis` $axis attr-dict `:` type($inputs) `to` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def RNN_ReshapeOp : RNN_Op<"reshape", [Pure]> {
  let summary = "the same entries with other static dims";
  let description = [{
    Leading dynamic dims stay; the static dims after them keep their number of
    entries and row-major order.

    Example: `%r = rnn.reshape %x : tensor<?x12xf32> to tensor<?x3x4xf32>`
  }];
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `to` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def RNN_ShiftOp : RNN_Op<"shift", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "the sequence one step later";
  let description = [{
    `result[0] = from`, `result[t] = input[t-1]`. With `reverse`:
    `result[L-1] = from`, `result[t] = input[t+1]`, where L is each row's length.
    What stands in padding is not defined.

    Example: `%r = rnn.shift %xs from(%x0 : tensor<?x4xf32>) : tensor<?x?x4xf32>`
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$init, Optional<AnyRankedTensor>:$lengths, UnitAttr:$reverse);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $input `from` `(` $init `:` type($init) `)` (`reverse` $reverse^)?
    (`lengths` `(` $lengths^ `:` type($lengths) `)`)? attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

def RNN_ReverseOp : RNN_Op<"reverse", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "the sequence from each row's last step to its first";
  let description = [{
    `result[t] = input[L-1-t]`. What stands in padding is 0.

    Example: `%r = rnn.reverse %xs lengths(%len : tensor<?xi32>) : tensor<?x?x4xf32>`
  }];
  let arguments = (ins AnyRankedTensor:$input, Optional<AnyRankedTensor>:$lengths);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input (`lengths` `(` $lengths^ `:` type($lengths) `)`)? attr-dict `:` type($input)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def RNN_PickOp : RNN_Op<"pick", [Pure]> {
  let summary = "the first or last step of each row";
  let description = [{
    Example: `%r = rnn.pick last %xs lengths(%len : tensor<?xi32>) : tensor<?x?x4xf32> to tensor<?x4xf32>`
  }];
  let arguments = (ins RNN_EndAttr:$end, AnyRankedTensor:$input, Optional<AnyRankedTensor>:$lengths);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$end $input (`lengths` `(` $lengths^ `:` type($lengths) `)`)? attr-dict `:` type($input) `to` type($result)";
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let hasFolder = 1;
}

def RNN_PutOp : RNN_Op<"put", [Pure]> {
  let summary = "a sequence that is 0 but at the first or last step of each row";
  let description = [{
    Adjoint of pick.

    Example: `%r = rnn.put last %x in %T : tensor<?x4xf32> to tensor<?x?x4xf32>`
  }];
  let arguments = (ins RNN_EndAttr:$end, AnyRankedTensor:$input, Index:$steps, Optional<AnyRankedTensor>:$lengths);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$end $input `in` $steps (`lengths` `(` $lengths^ `:` type($lengths) `)`)? attr-dict `:` type($input) `to` type($result)";
  let hasVerifier = 1;
}

def RNN_GatherOp : RNN_Op<"gather", [Pure]> {
  let summary = "rows of a table";
  let description = [{
    `result[i.., j..] = table[ids[i..], j..]`. Ids are below the number of rows.

    Example: `%r = rnn.gather %E[%ids] : tensor<65x8xf32>, tensor<?x?xi32> to tensor<?x?x8xf32>`
  }];
  let arguments = (ins AnyRankedTensor:$table, AnyRankedTensor:$ids);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$table `[` $ids `]` attr-dict `:` type($table) `,` type($ids) `to` type($result)";
  let hasVerifier = 1;
}

def RNN_ScatterAddOp : RNN_Op<"scatter_add", [Pure, AttrSizedOperandSegments]> {
  let summary = "sum of rows by id";
  let description = [{
    `result[v, j..] = into[v, j..] + sum over i with ids[i] = v of rows[i, j..]`, over valid rows,
    time from the last step to the first, then the batch ascending. Adjoint of
    gather.

    Example: `%r = rnn.scatter_add %rows at %ids : tensor<?x?x8xf32>, tensor<?x?xi32> to tensor<65x8xf32>`
  }];
  let arguments = (ins AnyRankedTensor:$rows, AnyRankedTensor:$ids, Optional<AnyRankedTensor>:$acc, Optional<AnyRankedTensor>:$valid);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $rows `at` $ids (`into` `(` $acc^ `:` type($acc) `)`)? (`valid` `(` $valid^ `:` type($valid) `)`)? attr-dict
    `:` type($rows) `,` type($ids) `to` type($result)
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def RNN_OneHotOp : RNN_Op<"one_hot", [Pure]> {
  let summary = "1 at the id, 0 elsewhere";
  let arguments = (ins AnyRankedTensor:$ids);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$ids attr-dict `:` type($ids) `to` type($result)";
  let hasVerifier = 1;
}

def RNN_ArgMaxOp : RNN_Op<"argmax", [Pure]> {
  let summary = "place of the first greatest entry along the last dim";
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `to` type($result)";
  let hasVerifier = 1;
}

def RNN_ValidOp : RNN_Op<"valid", [Pure]> {
  let summary = "which rows are valid at a step";
  let description = [{ `result[b] = at < lengths[b]` }];
  let arguments = (ins AnyRankedTensor:$lengths, Index:$at);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$lengths `at` $at attr-dict `:` type($lengths) `to` type($result)";
}

def RNN_ValidStepsOp : RNN_Op<"valid_steps", [Pure]> {
  let summary = "which steps of which rows are valid";
  let description = [{ `result[t, b] = t < lengths[b]` }];
  let arguments = (ins AnyRankedTensor:$lengths, Index:$steps);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$lengths `in` $steps attr-dict `:` type($lengths) `to` type($result)";
}

def RNN_MaskOp : RNN_Op<"mask", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "0 in padding";
  let description = [{
    `result[t, b, ..] = t < lengths[b] ? input[t, b, ..] : 0`.
    Makes padding harmless once, at the entry of a function.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$valid);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input `valid` `(` $valid `:` type($valid) `)` attr-dict `:` type($input)";
  let hasFolder = 1;
}

#endif
