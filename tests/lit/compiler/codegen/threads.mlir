// How many threads a call is worth: the work that they can share.
// RUN: rnn-opt %s --split-input-file --convert-step-to-llvm="rows=1 threads=2 single-step=true" | FileCheck %s

#B = #rnn.arg<axis, "B">
#T = #rnn.arg<axis, "T">

// One row of 64 units in two shares: 64 x 512 weights are read in 20 ps each.
// CHECK-LABEL: func.func @shared_threads(
// CHECK:         arith.constant 655360 : i64
func.func @shared(%B: index {rnn.arg = #B}, %T: index {rnn.arg = #T},
                  %h: tensor<?x512xf32> {rnn.arg = #rnn.arg<input, "h", ["B"]>},
                  %W: tensor<64x512xf32> {rnn.arg = #rnn.arg<param, "W">},
                  %c: tensor<?x64xf32> {rnn.arg = #rnn.arg<state, "c", ["B"]>})
    -> (tensor<?x64xf32> {rnn.arg = #rnn.arg<state, "c", ["B"]>}) {
  %r = rnn.scan %t in %T carry(%s = %c : tensor<?x64xf32>) {
    %n = step.stage(%s : tensor<?x64xf32>) dot "bk,nk"(%h, %W) at [0] : tensor<?x512xf32>, tensor<64x512xf32> -> (tensor<?x64xf32>) {
    ^bb0(%a: f32, %p: f32):
      %q = arith.addf %a, %p : f32
      step.yield %q : f32
    }
    rnn.yield next(%n : tensor<?x64xf32>)
  }
  return %r : tensor<?x64xf32>
}

// -----

#B = #rnn.arg<axis, "B">
#T = #rnn.arg<axis, "T">

// 32 units are one share: one thread does it all, and no work is counted.
// CHECK-LABEL: func.func @alone_threads(
// CHECK-NOT:     arith.constant 655360 : i64
// CHECK:         return
func.func @alone(%B: index {rnn.arg = #B}, %T: index {rnn.arg = #T},
                 %h: tensor<?x1024xf32> {rnn.arg = #rnn.arg<input, "h", ["B"]>},
                 %W: tensor<32x1024xf32> {rnn.arg = #rnn.arg<param, "W">},
                 %c: tensor<?x32xf32> {rnn.arg = #rnn.arg<state, "c", ["B"]>})
    -> (tensor<?x32xf32> {rnn.arg = #rnn.arg<state, "c", ["B"]>}) {
  %r = rnn.scan %t in %T carry(%s = %c : tensor<?x32xf32>) {
    %n = step.stage(%s : tensor<?x32xf32>) dot "bk,nk"(%h, %W) at [0] : tensor<?x1024xf32>, tensor<32x1024xf32> -> (tensor<?x32xf32>) {
    ^bb0(%a: f32, %p: f32):
      %q = arith.addf %a, %p : f32
      step.yield %q : f32
    }
    rnn.yield next(%n : tensor<?x32xf32>)
  }
  return %r : tensor<?x32xf32>
}
