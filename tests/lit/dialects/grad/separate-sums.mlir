// RUN: rnn-opt %s --grad-separate-sums | FileCheck %s

// A sum over time goes on from another by an addition.
// CHECK-LABEL: func.func @over_time(
// CHECK: %[[S:.*]] = rnn.contract "tbn,tbk->nk" %{{.*}}, %{{.*}} descending : tensor<?x?x4xf32>, tensor<?x?x2xf32> -> tensor<4x2xf32>
// CHECK: arith.addf %{{.*}}, %[[S]] : tensor<4x2xf32>
func.func @over_time(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %d: tensor<?x?x4xf32> {rnn.arg = #rnn.arg<input, "d", ["T", "B"]>}, %x: tensor<?x?x2xf32> {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>},
    %g: tensor<4x2xf32> {rnn.arg = #rnn.arg<param, "g">}) -> tensor<4x2xf32> {
  %s = rnn.contract "tbn,tbk->nk" %d, %x into(%g : tensor<4x2xf32>) descending : tensor<?x?x4xf32>, tensor<?x?x2xf32> -> tensor<4x2xf32>
  return %s : tensor<4x2xf32>
}

// A sum over rows, and one that keeps time, stay chains.
// CHECK-LABEL: func.func @others(
// CHECK: rnn.contract "bn,bk->nk" {{.*}} into(
// CHECK: rnn.contract "tbk,nk->tbn" {{.*}} into(
func.func @others(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %d: tensor<?x4xf32> {rnn.arg = #rnn.arg<input, "d", ["B"]>}, %x: tensor<?x2xf32> {rnn.arg = #rnn.arg<input, "x", ["B"]>},
    %g: tensor<4x2xf32> {rnn.arg = #rnn.arg<param, "g">}, %xs: tensor<?x?x2xf32> {rnn.arg = #rnn.arg<input, "xs", ["T", "B"]>},
    %zs: tensor<?x?x4xf32> {rnn.arg = #rnn.arg<input, "zs", ["T", "B"]>}) -> (tensor<4x2xf32>, tensor<?x?x4xf32>) {
  %s = rnn.contract "bn,bk->nk" %d, %x into(%g : tensor<4x2xf32>) : tensor<?x4xf32>, tensor<?x2xf32> -> tensor<4x2xf32>
  %z = rnn.contract "tbk,nk->tbn" %xs, %g into(%zs : tensor<?x?x4xf32>) : tensor<?x?x2xf32>, tensor<4x2xf32> -> tensor<?x?x4xf32>
  return %s, %z : tensor<4x2xf32>, tensor<?x?x4xf32>
}
