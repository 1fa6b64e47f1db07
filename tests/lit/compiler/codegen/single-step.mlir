// Where each call makes one step there is no loop over time: the step reads the
// old state where the caller has it and writes the new one where it is wanted.
// RUN: rnn-opt %s -step-form-maps -step-form-stages -convert-step-to-llvm="single-step" -cse -canonicalize | FileCheck %s --check-prefix=STEP
// RUN: rnn-opt %s -step-form-maps -step-form-stages -convert-step-to-llvm -cse -canonicalize | FileCheck %s --check-prefix=LOOP

// A loop carries two values of 32 numbers for each row, and the map's.
// LOOP-LABEL: func.func @forward_arena(
// LOOP: arith.muli

// A step needs no memory but what every function has.
// STEP-LABEL: func.func @forward_arena(
// STEP-NEXT: %[[BYTES:.*]] = arith.constant 64 : i64
// STEP-NEXT: return %[[BYTES]] : i64
func.func @forward(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %U: tensor<32x32xf32> {rnn.arg = #rnn.arg<param, "U">},
    %h0: tensor<?x32xf32> {rnn.arg = #rnn.arg<state, "l.h", ["B"]>},
    %xs: tensor<?x?x32xf32> {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>})
    -> (tensor<?x?x32xf32> {rnn.arg = #rnn.arg<output, "y", ["T", "B"]>},
        tensor<?x32xf32> {rnn.arg = #rnn.arg<state, "l.h", ["B"]>}) {
  %ys, %last = rnn.scan %t in %T over(%x = %xs : tensor<?x?x32xf32>) carry(%h = %h0 : tensor<?x32xf32>) emit(tensor<?x?x32xf32>) {
    %p = rnn.contract "bk,nk->bn" %h, %U : tensor<?x32xf32>, tensor<32x32xf32> -> tensor<?x32xf32>
    %s = arith.addf %p, %x : tensor<?x32xf32>
    %n = math.tanh %s : tensor<?x32xf32>
    rnn.yield next(%n : tensor<?x32xf32>) emit(%n : tensor<?x32xf32>)
  }
  return %ys, %last : tensor<?x?x32xf32>, tensor<?x32xf32>
}
