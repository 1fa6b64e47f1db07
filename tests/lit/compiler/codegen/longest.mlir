// The loop of a scan over examples of different lengths ends with the longest
// of the batch; what it emits is zero behind that. A carried value without rows
// would still change there, so such a scan takes all steps.
// RUN: rnn-opt %s -step-form-maps -convert-step-to-llvm -cse -canonicalize | FileCheck %s

// CHECK-LABEL: func.func @rows(
// The greatest length, but no more than there are steps.
// CHECK: %[[MOST:.*]] = scf.for {{.*}} iter_args
// CHECK: arith.maxsi
// CHECK: %[[END:.*]] = arith.minsi %[[MOST]], %[[STEPS:.*]] :
// CHECK: scf.for {{.*}} to %[[END]] step
// CHECK: tanh
// CHECK: scf.for {{.*}} = %[[END]] to %[[STEPS]] step
// CHECK-NOT: tanh
// CHECK: return
func.func @rows(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %lengths: tensor<?xi32> {rnn.arg = #rnn.arg<lengths, "T", ["B"]>},
    %h0: tensor<?x32xf32> {rnn.arg = #rnn.arg<state, "l.h", ["B"]>},
    %xs: tensor<?x?x32xf32> {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>})
    -> (tensor<?x?x32xf32> {rnn.arg = #rnn.arg<output, "y", ["T", "B"]>},
        tensor<?x32xf32> {rnn.arg = #rnn.arg<state, "l.h", ["B"]>}) {
  %ys, %last = rnn.scan %t in %T lengths(%lengths : tensor<?xi32>) over(%x = %xs : tensor<?x?x32xf32>) carry(%h = %h0 : tensor<?x32xf32>) emit(tensor<?x?x32xf32>) {
    %s = arith.addf %h, %x : tensor<?x32xf32>
    %n = math.tanh %s : tensor<?x32xf32>
    rnn.yield next(%n : tensor<?x32xf32>) emit(%n : tensor<?x32xf32>)
  }
  return %ys, %last : tensor<?x?x32xf32>, tensor<?x32xf32>
}

// CHECK-LABEL: func.func @no_rows(
// CHECK-NOT: arith.maxsi
// CHECK: return
func.func @no_rows(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %lengths: tensor<?xi32> {rnn.arg = #rnn.arg<lengths, "T", ["B"]>},
    %c0: tensor<32xf32> {rnn.arg = #rnn.arg<param, "c">},
    %h0: tensor<?x32xf32> {rnn.arg = #rnn.arg<state, "l.h", ["B"]>})
    -> (tensor<32xf32> {rnn.arg = #rnn.arg<output, "c">},
        tensor<?x32xf32> {rnn.arg = #rnn.arg<state, "l.h", ["B"]>}) {
  %c1, %h1 = rnn.scan %t in %T lengths(%lengths : tensor<?xi32>) carry(%c = %c0 : tensor<32xf32>, %h = %h0 : tensor<?x32xf32>) {
    %n = math.tanh %c : tensor<32xf32>
    %m = math.tanh %h : tensor<?x32xf32>
    rnn.yield next(%n, %m : tensor<32xf32>, tensor<?x32xf32>)
  }
  return %c1, %h1 : tensor<32xf32>, tensor<?x32xf32>
}
