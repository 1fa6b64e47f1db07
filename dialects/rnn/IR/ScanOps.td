//===- ScanOps.td - Recurrence over time -------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A recurrence is one op: a region with carried state, sequences in and out,
// direction and lengths.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_RNN_SCAN_OPS_TD
#define RNNC_RNN_SCAN_OPS_TD

include "dialects/rnn/IR/RNNDialect.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/LoopLikeInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/CommonAttrConstraints.td"

def RNN_ScanOp : RNN_Op<"scan", [
    AttrSizedOperandSegments, AttrSizedResultSegments, RecursiveMemoryEffects,
    RecursivelySpeculatable, SingleBlock,
    DeclareOpInterfaceMethods<LoopLikeOpInterface, [
      "getLoopRegions", "getInitsMutable", "getRegionIterArgs",
      "getYieldedValuesMutable", "getLoopResults"]>,
    DeclareOpInterfaceMethods<RegionBranchOpInterface,
      ["getEntrySuccessorOperands"]>]> {
  let summary = "a recurrence over one time axis";
  let description = [{
    Runs its body once per step. Each step sees the slices of the `over`
    sequences at its position and the carried values; `rnn.yield` gives the next
    carried values and what is emitted at that position. Values from outside are
    used freely. The first region argument is the position: 0 to T-1, or T-1 to
    0 with `reverse`.

    With lengths, row b of a step whose position is not below `lengths[b]` keeps
    its carried values and emits 0. So a reversed scan starts at each row's own
    last step. A carried value without a batch dim is updated in every step.

    Results: the emitted sequences, then the final carried values.

    `unroll(N)` asks the lowering for N copies of the step per turn of the loop;
    it changes no value.

    (C1) `over` sequences lead with the extent of the axis, which is dynamic.
    (C2) region arguments are the position, the slices, the carried values.
    (C3) the next values have the types of the initial ones.
    (C4) emitted values have the result types less the leading extent.
    (C5) lengths are `tensor<?xi32>`, one per row.
    (C6) the body has no side effects.

    Example:
    ```mlir
    %ys, %last = rnn.scan %t in %T over(%x = %xs : tensor<?x?x4xf32>)
        carry(%h = %h0 : tensor<?x4xf32>) emit(tensor<?x?x4xf32>) {
      %s = arith.addf %h, %x : tensor<?x4xf32>
      %n = math.tanh %s : tensor<?x4xf32>
      rnn.yield next(%n : tensor<?x4xf32>) emit(%n : tensor<?x4xf32>)
    }
    ```
  }];
  let arguments = (ins Index:$steps, Optional<AnyRankedTensor>:$lengths,
      Variadic<AnyRankedTensor>:$seqs, Variadic<AnyRankedTensor>:$initial, UnitAttr:$reverse,
      OptionalAttr<ConfinedAttr<I64Attr, [IntPositive]>>:$unroll);
  let results = (outs Variadic<AnyRankedTensor>:$emitted, Variadic<AnyRankedTensor>:$finals);
  let regions = (region SizedRegion<1>:$body);
  let skipDefaultBuilders = 1;
  let builders = [
    OpBuilder<(ins "::mlir::Value":$steps, "::mlir::Value":$lengths,
      "::mlir::ValueRange":$seqs, "::mlir::ValueRange":$inits,
      "::mlir::TypeRange":$emitted, "bool":$reverse)>
  ];
  let extraClassDeclaration = [{
    /// The position of the step, from 0.
    ::mlir::BlockArgument getPosition() { return getBody().getArgument(0); }
    /// The slices of the `over` sequences, in order.
    ::mlir::Block::BlockArgListType getSlices() {
      return getBody().getArguments().slice(1, getSeqs().size());
    }
    /// The carried values, in order.
    ::mlir::Block::BlockArgListType getCarries() {
      return getBody().getArguments().drop_front(1 + getSeqs().size());
    }
    ::mlir::Block *getBlock() { return &getBody().front(); }
    YieldOp getYield();
    /// Takes over from `other` what changes no value: `unroll`, and attributes
    /// that the dialect does not know.
    void copyChoices(ScanOp other);
    /// The type of one step of a sequence type, and back.
    static ::mlir::RankedTensorType sliceType(::mlir::Type sequence);
    static ::mlir::RankedTensorType sequenceType(::mlir::Type slice);
  }];
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def RNN_YieldOp : RNN_Op<"yield", [
    Pure, AttrSizedOperandSegments, Terminator, HasParent<"ScanOp">,
    DeclareOpInterfaceMethods<RegionBranchTerminatorOpInterface>]> {
  let summary = "the end of a step: next carried values, emitted values";
  let arguments = (ins Variadic<AnyRankedTensor>:$next, Variadic<AnyRankedTensor>:$emit);
  let assemblyFormat = [{
    (`next` `(` $next^ `:` type($next) `)`)? (`emit` `(` $emit^ `:` type($emit) `)`)? attr-dict
  }];
}

#endif
