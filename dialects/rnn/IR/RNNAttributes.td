//===- RNNAttributes.td - Attributes of the rnn dialect ----*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kinds of reductions, ends of a sequence, and what an argument of a model's
// function stands for.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_RNN_ATTRIBUTES_TD
#define RNNC_RNN_ATTRIBUTES_TD

include "dialects/rnn/IR/RNNDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class RNN_Enum<string name, string summary, list<string> words>
    : I32EnumAttr<name, summary,
        !foreach(i, !range(!size(words)), I32EnumAttrCase<
          !interleave([!toupper(!substr(words[i], 0, 1)), !substr(words[i], 1)], ""), i, words[i]>)> {
  let cppNamespace = "::rnnc::rnn";
  let genSpecializedAttr = 0;
}

def RNN_ReduceKind : RNN_Enum<"ReduceKind", "how entries are combined",
    ["sum", "prod", "max", "min"]>;
def RNN_End : RNN_Enum<"End", "one end of a sequence", ["first", "last"]>;
def RNN_ArgKind : RNN_Enum<"ArgKind", "what an argument or result stands for",
    ["axis", "key", "hyper", "param", "slot", "state", "input", "target",
     "lengths", "fresh", "loss", "weight", "metric", "output", "grad",
     "grad_norm", "sum", "kept", "carry", "back", "start", "end"]>;

def RNN_ReduceKindAttr : EnumAttr<RNN_Dialect, RNN_ReduceKind, "reduce_kind"> {
  let assemblyFormat = "$value";
}
def RNN_EndAttr : EnumAttr<RNN_Dialect, RNN_End, "end"> {
  let assemblyFormat = "$value";
}

def RNN_ArgAttr : AttrDef<RNN_Dialect, "Arg"> {
  let mnemonic = "arg";
  let summary = "what an argument or result of a model's function stands for";
  let description = [{
    `kind`, the name the user knows it by, and the names of its dynamic dims in
    order (time axes, then the batch `B`). Set as `rnn.arg` on arguments and
    results; the names of extents are those of the arguments of kind `axis`.

    Example: `%x: tensor<?x?xi32> {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>}`
  }];
  let parameters = (ins EnumParameter<RNN_ArgKind>:$kind, "::mlir::StringAttr":$name,
                        OptionalArrayRefParameter<"::mlir::StringAttr">:$axes);
  let assemblyFormat = "`<` $kind `,` $name (`,` `[` $axes^ `]`)? `>`";
}

#endif
