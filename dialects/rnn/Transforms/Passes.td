//===- Passes.td - Passes on the rnn dialect ---------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each pass accepts, leaves, and expects to have run before.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_RNN_PASSES_TD
#define RNNC_RNN_PASSES_TD

include "mlir/Pass/PassBase.td"

def SplitConcatProductsPass : Pass<"rnn-split-concat-products"> {
  let summary = "cut a product with joined operands where the state begins";
  let description = [{
    In the body of a scan, a contraction over a label along which an operand is
    joined from parts with and without state becomes a chain of contractions,
    parts without state first. Neighbouring parts of one sort stay joined.
    Else nothing of the product could leave the loop.

    Accepts any IR. Run before `rnn-chain-sums`.

    ```mlir
    %c = rnn.concat %x, %h axis 1 : X, H to C
    %r = rnn.contract "bk,nk->bn" %c, %W : C, W -> R
    // becomes
    %W1 = rnn.slice %W axis 1 from 0 : W to W1
    %W2 = rnn.slice %W axis 1 from 4 : W to W2
    %p = rnn.contract "bk,nk->bn" %x, %W1 : X, W1 -> R
    %r = rnn.contract "bk,nk->bn" %h, %W2 into(%p : R) : H, W2 -> R
    ```
  }];
  let statistics = [Statistic<"numSplit", "products-split", "Number of products cut">];
}

def ChainSumsPass : Pass<"rnn-chain-sums"> {
  let summary = "sums with products become one chain, the state last";
  let description = [{
    A sum (tree of `arith.addf` and `into`) with at least one product becomes one
    chain: terms without state, products without state, terms with state,
    products with state. Each product takes what stands before it by `into`. So
    the order of rounding is fixed once, and the head of the chain can leave the
    loop. Sums over rows that end in a static shape, and `scatter_add`, count as
    products.

    Accepts any IR. Inner values of the sum must have no other user; those that
    have one are terms.

    ```mlir
    %p = rnn.contract "bk,nk->bn" %h, %U : H, U -> R   // %h is carried
    %q = rnn.contract "bk,nk->bn" %x, %W : X, W -> R
    %s = arith.addf %p, %q : R
    %r = arith.addf %s, %b : R
    // becomes
    %q = rnn.contract "bk,nk->bn" %x, %W into(%b : R) : X, W -> R
    %r = rnn.contract "bk,nk->bn" %h, %U into(%q : R) : H, U -> R
    ```
  }];
  let statistics = [Statistic<"numChained", "sums-chained", "Number of sums made chains">];
}

def HoistStatelessPass : Pass<"rnn-hoist-stateless"> {
  let summary = "what no carried value reaches leaves the scan";
  let description = [{
    First what depends on nothing of the scan leaves it as it is. Then products,
    table look-ups, reductions and losses that depend on sequences and outer
    values alone, with all that feeds them, are computed for all steps before
    the scan and come in as `over` sequences: labels get a letter in front
    (`t`, or another one if `t` is taken), draws `at` the position become
    draws of a sequence, row masks become masks over time. Scans inside scans are
    done first. Legal under lengths: padding is never read.

    Not hoisted, with a remark that says why: what a carried value reaches, what
    the position reaches otherwise than through a draw or a mask, what an adjoint
    does again and the primal scan computes from its state (it may be kept
    instead, see `grad-plan-saved`), sums over rows, what would leave a whole matrix for each step, and ops without a form
    over time. Outer products leave only if a product needs them.

    With `invariant-only` the first alone: where every call has one step,
    nothing is gained over time, and a product in the step joins its readers.

    Accepts any IR. Works best after `rnn-chain-sums`.

    ```mlir
    %hs, %hT = rnn.scan %t in %T over(%x = %xs : XS) carry(%h = %h0 : H) emit(HS) {
      %p = rnn.contract "bk,nk->bn" %x, %W into(%b : H) : X, W -> H
      ...
    // becomes
    %bs = rnn.broadcast "bn->tbn" %b [%T] : H to HS
    %ps = rnn.contract "tbk,nk->tbn" %xs, %W into(%bs : HS) : XS, W -> HS
    %hs, %hT = rnn.scan %t in %T over(%p = %ps : HS) carry(%h = %h0 : H) emit(HS) {
      ...
    ```
  }];
  let options = [
    Option<"invariantOnly", "invariant-only", "bool", "false",
           "leave what reads sequences in the step: for calls of one step">
  ];
  let statistics = [
    Statistic<"numHoisted", "ops-hoisted", "Number of ops computed for all steps">,
    Statistic<"numRefused", "ops-refused", "Number of products left in a scan">];
}

def SinkOutputsPass : Pass<"rnn-sink-outputs"> {
  let summary = "what only emissions need leaves the scan";
  let description = [{
    Products, look-ups and reductions of the state whose results no carried
    value needs, with all that is made of them, are computed for all steps after
    the scan; what they read is emitted instead. Under lengths the result is
    masked, as the emission was. Not moved: what has no form over time, as in
    `rnn-hoist-stateless`, and what reads a value of higher rank than its own
    that would have to be emitted for it (a matrix state).

    Accepts any IR. Leaves emissions that nobody reads: run `rnn-drop-dead` after
    it.

    ```mlir
    %ys, %hT = rnn.scan %t in %T over(..) carry(%h = %h0 : H) emit(YS) {
      ...
      %y = rnn.contract "bk,nk->bn" %n, %V : H, V -> Y
      rnn.yield next(%n : H) emit(%y : Y)
    // becomes
    %hs, %hT = rnn.scan %t in %T over(..) carry(%h = %h0 : H) emit(HS) {
      ...
      rnn.yield next(%n : H) emit(%n : H)
    }
    %ys = rnn.contract "tbk,nk->tbn" %hs, %V : HS, V -> YS
    ```
  }];
  let statistics = [Statistic<"numSunk", "ops-sunk", "Number of ops computed for all steps">];
}

def JoinProductsPass : Pass<"rnn-join-products"> {
  let summary = "products that share an operand become one";
  let description = [{
    (1) Contractions of one block that share an operand and whose other operands
    differ only along one label that the result keeps: one contraction with the
    other operands joined along that label; results are slices. (2) A chain of
    contractions by `into` over one static label: one contraction with both
    operands joined along that label. (3) Reductions of, look-ups in and
    scatters of neighbouring slices of one value: one op. Repeated until nothing
    changes.

    Joined are operands of static shape from outside the scan (weights), slices of one
    value, and emissions of one scan, which then emits the joined
    value. Joined weights stand outside of all scans. Without `sums-in-scans` (2)
    leaves scans alone if all of their products are in sums: joined factors are copies,
    made anew in each step, that threads which share a step have to wait for. The order of the parts
    follows the order of the weights, so that forward and reverse join alike.

    Does not change the chain of multiply-adds of an element, except that (2) starts
    it at the other end of the chain it replaces.

    Accepts any IR. Run after differentiation, `rnn-hoist-stateless` and
    `rnn-drop-dead`, and cse after it.

    ```mlir
    %i = rnn.contract "bk,nk->bn" %h, %Ui into(%xi : H) : H, U -> H
    %f = rnn.contract "bk,nk->bn" %h, %Uf into(%xf : H) : H, U -> H
    // becomes
    %U = rnn.concat %Ui, %Uf axis 0 : U, U to U2   // before the scan
    %x = rnn.concat %xi, %xf axis 1 : H, H to H2
    %p = rnn.contract "bk,nk->bn" %h, %U into(%x : H2) : H, U2 -> H2
    %i = rnn.slice %p axis 1 from 0 : H2 to H
    %f = rnn.slice %p axis 1 from 8 : H2 to H
    ```
  }];
  let options = [
    Option<"sumsInScans", "sums-in-scans", "bool", "true",
           "(2) in scans too, where the joined factor is made anew in each step">];
  let statistics = [
    Statistic<"numShared", "products-sharing", "Number of products joined that share an operand">,
    Statistic<"numSummed", "products-summed", "Number of products joined that are summed">,
    Statistic<"numReaders", "readers-joined", "Number of reductions, look-ups and scatters joined">];
}

def DropDeadPass : Pass<"rnn-drop-dead"> {
  let summary = "drop what no result needs";
  let description = [{
    Carried values, sequences and emissions that no result needs leave their
    scans, carried values that never change become outer values, emissions of
    outer values become broadcasts, the last step of an emitted carried value is
    its final value, and scans without results go. These are the
    canonicalisations of `rnn.scan`; this pass applies them and no others,
    to nested scans too, until nothing changes.

    Accepts any IR.
  }];
  let statistics = [
    Statistic<"numScans", "scans-dropped", "Number of scans that went">,
    Statistic<"numValues", "values-dropped", "Number of carried values, sequences and emissions that went">];
}

def RotateProductsPass : Pass<"rnn-rotate-products"> {
  let summary = "carry the factor of a product instead of the product";
  let description = [{
    Where the next value of a carry is a product of a value of the step with
    weights, nothing else reads the product, the step reads the carry entry by
    entry, and the carry starts at 0: the factor is carried, and the step begins
    with the product. So the product stands in the step, and in the kernel, of
    the elementwise work that reads it. What the product is added to is carried
    beside the factor. Values do not change but for the sign of a zero.

    Accepts any IR.

    ```mlir
    rnn.scan .. carry(%d = %zero) { %a = f(%d)  %n = rnn.contract "bk,kn->bn" %a, %W
      rnn.yield next(%n) emit(%a) }
    // becomes
    rnn.scan .. carry(%c = %zeros) { %d = rnn.contract "bk,kn->bn" %c, %W  %a = f(%d)
      rnn.yield next(%a) emit(%a) }
    ```
  }];
  let statistics = [Statistic<"numRotated", "carries-rotated", "Number of carried values rotated">];
}

def NarrowProductsPass : Pass<"rnn-narrow-products"> {
  let summary = "multiply matrices as bf16 numbers";
  let description = [{
    Marks every matrix product of f32 numbers `bf16`: its operands are rounded,
    its sums stay f32. What has no rows, columns or terms (products of entries,
    reductions, a product per row) stays as it is, so parameters, states, losses
    and updates are f32 throughout.

    Accepts any IR.

    ```mlir
    %y = rnn.contract "bk,nk->bn" %x, %W : ..
    // becomes
    %y = rnn.contract "bk,nk->bn" %x, %W bf16 : ..
    ```
  }];
  let statistics = [Statistic<"numNarrowed", "products-narrowed", "Number of products of bf16 numbers">];
}

def UnrollTimePass : Pass<"rnn-unroll-time"> {
  let summary = "choose how many steps one turn of a loop computes";
  let description = [{
    Marks each scan with `unroll(N)`: the lowering emits N copies of the step per
    turn of the loop, and a loop for the rest. Values do not change: a step
    computes the same in each copy. With `full`, N is `length`, the whole
    sequence in one turn; a longer sequence takes more turns and stays right.

    Accepts any IR. Passes that rewrite a scan keep its mark.

    ```mlir
    rnn.scan %t in %T over(...)            // becomes
    rnn.scan %t in %T unroll(4) over(...)
    ```
  }];
  let options = [
    Option<"factor", "factor", "int64_t", /*default=*/"0",
           "Steps per turn; 0 or 1 is a plain loop, -1 is 'length' steps">,
    Option<"length", "length", "int64_t", /*default=*/"64",
           "Steps of a sequence, for factor -1">,
    Option<"maximum", "maximum", "int64_t", /*default=*/"1024",
           "Most copies of a step that a scan may ask for">];
  let statistics = [Statistic<"numUnrolled", "scans-unrolled", "Number of scans marked">];
}

def TellLoopsPass : Pass<"rnn-tell-loops"> {
  let summary = "say what is left in each step";
  let description = [{
    A remark at each `rnn.scan`: its products per step with their sizes, other
    ops, carried values, sequences. One at each contraction outside of scans.

    Accepts any IR and leaves it as it is. Run after `rnn-join-products`.

    ```mlir
    rnn.scan ...  // remark: loop over time has 1 product a step (8 -> 32) ...
    ```
  }];
}

def FoldEmbeddingPass : Pass<"rnn-fold-embedding"> {
  let summary = "multiply the table instead of its rows";
  let description = [{
    A contraction of gathered rows with a static operand, over the label of
    the table's row, becomes a gather from the contracted table where the
    table has fewer rows than the ids, by the hints, have entries. `into`
    becomes an addition unless it is the same for all ids. The gradients follow:
    a sum over ids of products with gathered rows, and a `scatter_add` of
    products, become products with a `scatter_add` of the cotangents, which has
    one row per row of the table. Sums are rounded in another order.

    Accepts any IR. Run after `rnn-hoist-stateless`, and after
    `rnn-join-products`, so that one table serves all joined products.

    ```mlir
    %x = rnn.gather %E[%ids] : tensor<65x8xf32>, tensor<?x?xi32> to tensor<?x?x8xf32>
    %r = rnn.contract "tbk,nk->tbn" %x, %W : tensor<?x?x8xf32>, tensor<4x8xf32> -> tensor<?x?x4xf32>
    // becomes
    %EW = rnn.contract "vk,nk->vn" %E, %W : tensor<65x8xf32>, tensor<4x8xf32> -> tensor<65x4xf32>
    %r = rnn.gather %EW[%ids] : tensor<65x4xf32>, tensor<?x?xi32> to tensor<?x?x4xf32>
    ```
  }];
  let options = [
    Option<"length", "length", "int64_t", /*default=*/"64", "How many steps are usual">,
    Option<"batch", "batch", "int64_t", /*default=*/"32", "How many rows are usual">];
  let statistics = [Statistic<"numFolded", "products-folded", "Number of products moved to tables">];
}

#endif
