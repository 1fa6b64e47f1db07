// RUN: rnn-opt %s --split-input-file --grad-separate-sums --grad-split-time --canonicalize --cse --rnn-drop-dead | FileCheck %s

// A recurrence, a loss at each step and its derivative: forward and back over a
// piece, sums that go on from the pieces after it.

func.func @split(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %seed: tensor<f32> {rnn.arg = #rnn.arg<hyper, "seed">},
    %U: tensor<4x4xf32> {rnn.arg = #rnn.arg<param, "U">},
    %h0: tensor<?x4xf32> {rnn.arg = #rnn.arg<state, "h", ["B"]>},
    %x: tensor<?x?x4xf32> {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>})
    -> (tensor<f32> {rnn.arg = #rnn.arg<loss, "total">}, tensor<?x4xf32> {rnn.arg = #rnn.arg<state, "h", ["B"]>},
        tensor<4x4xf32> {rnn.arg = #rnn.arg<grad, "U">}) {
  %one = arith.constant dense<1.0> : tensor<f32>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %ones = rnn.broadcast "->tb" %one [%T, %B] : tensor<f32> to tensor<?x?xf32>
  %count = rnn.reduce sum "tb->" %ones : tensor<?x?xf32> to tensor<f32>
  %hs, %hp, %h = rnn.scan %t in %T over(%xt = %x : tensor<?x?x4xf32>) carry(%s = %h0 : tensor<?x4xf32>) emit(tensor<?x?x4xf32>, tensor<?x?x4xf32>) {
    %a = rnn.contract "bk,nk->bn" %s, %U into(%xt : tensor<?x4xf32>) : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %n = math.tanh %a : tensor<?x4xf32>
    rnn.yield next(%n : tensor<?x4xf32>) emit(%n, %s : tensor<?x4xf32>, tensor<?x4xf32>)
  }
  %sum = rnn.reduce sum "tbn->" %hs : tensor<?x?x4xf32> to tensor<f32>
  %loss = arith.divf %sum, %count : tensor<f32>
  %g = arith.divf %seed, %count : tensor<f32>
  %gs = rnn.broadcast "->tbn" %g [%T, %B] : tensor<f32> to tensor<?x?x4xf32>
  %d0 = rnn.broadcast "->bn" %zero [%B] : tensor<f32> to tensor<?x4xf32>
  %das, %dh = rnn.scan %t in %T reverse over(%ht = %hs : tensor<?x?x4xf32>, %gt = %gs : tensor<?x?x4xf32>) carry(%d = %d0 : tensor<?x4xf32>) emit(tensor<?x?x4xf32>) {
    %e = arith.addf %d, %gt : tensor<?x4xf32>
    %hh = arith.mulf %ht, %ht : tensor<?x4xf32>
    %eh = arith.mulf %e, %hh : tensor<?x4xf32>
    %da = arith.subf %e, %eh : tensor<?x4xf32>
    %dn = rnn.contract "bn,nk->bk" %da, %U : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    rnn.yield next(%dn : tensor<?x4xf32>) emit(%da : tensor<?x4xf32>)
  }
  %dU = rnn.contract "tbn,tbk->nk" %das, %hp descending : tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<4x4xf32>
  return %loss, %h, %dU : tensor<f32>, tensor<?x4xf32>, tensor<4x4xf32>
}

// CHECK-NOT: @split
// CHECK-LABEL: func.func @reverse(
// CHECK-SAME: #rnn.arg<axis, "T.first">
// The forward pass begins with what is carried, and emits for the pass back.
// CHECK: rnn.reduce sum "tbn->" %{{.*}} into(%{{.*}} : tensor<f32>)
// CHECK: arith.divf
// CHECK: rnn.scan {{.*}} reverse
// CHECK: rnn.contract "tbn,tbk->nk" %{{.*}} into(%{{.*}} : tensor<4x4xf32>) descending
// CHECK: return

// Nothing is emitted where only the state goes on.
// CHECK-LABEL: func.func @advance(
// CHECK: rnn.scan
// CHECK-SAME: carry(
// CHECK-NOT: emit(
// CHECK: return

// Gradients are added to those of batches before.
// CHECK-LABEL: func.func @after(
// CHECK-DAG: arith.addf %{{.*}} : tensor<4x4xf32>
// CHECK-DAG: arith.divf
// CHECK: return

// The number of steps that the mean divides by, and what the states begin with.
// CHECK-LABEL: func.func @before(
// CHECK: rnn.reduce sum "tb->"
// CHECK: return

// -----

// The loss reads the last state: the last piece makes what the others take.

func.func @split(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %seed: tensor<f32> {rnn.arg = #rnn.arg<hyper, "seed">},
    %x: tensor<?x?x4xf32> {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>},
    %y: tensor<?x4xf32> {rnn.arg = #rnn.arg<target, "y", ["B"]>})
    -> (tensor<f32> {rnn.arg = #rnn.arg<loss, "total">}, tensor<4xf32> {rnn.arg = #rnn.arg<grad, "b">}) {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %h0 = rnn.broadcast "->bn" %zero [%B] : tensor<f32> to tensor<?x4xf32>
  %h = rnn.scan %t in %T over(%xt = %x : tensor<?x?x4xf32>) carry(%s = %h0 : tensor<?x4xf32>) {
    %a = arith.addf %s, %xt : tensor<?x4xf32>
    %n = math.tanh %a : tensor<?x4xf32>
    rnn.yield next(%n : tensor<?x4xf32>)
  }
  %e = arith.subf %h, %y : tensor<?x4xf32>
  %loss = rnn.reduce sum "bn->" %e : tensor<?x4xf32> to tensor<f32>
  %das, %dh = rnn.scan %t in %T reverse over(%xt = %x : tensor<?x?x4xf32>) carry(%d = %e : tensor<?x4xf32>) emit(tensor<?x?x4xf32>) {
    %da = arith.mulf %d, %xt : tensor<?x4xf32>
    rnn.yield next(%da : tensor<?x4xf32>) emit(%da : tensor<?x4xf32>)
  }
  %db = rnn.reduce sum "tbn->n" %das : tensor<?x?x4xf32> to tensor<4xf32>
  return %loss, %db : tensor<f32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @reverse(
// CHECK: return
// CHECK-LABEL: func.func @last(
// CHECK: %[[H:.*]] = rnn.scan
// CHECK: %[[E:.*]] = arith.subf %[[H]], %{{.*}} : tensor<?x4xf32>
// CHECK: rnn.scan {{.*}} reverse {{.*}} carry(%{{.*}} = %[[E]] : tensor<?x4xf32>)
// CHECK: return

// -----

// A loop that runs forward over what runs back: one piece, and why.

// CHECK: module
// CHECK-SAME: rnn.whole = "it runs from the first step over what runs from the last one: the whole sequence is needed at once"
// CHECK: func.func @after(
// CHECK: arith.addf %{{.*}}, %{{.*}} : tensor<4xf32>
// CHECK-NOT: func.func
func.func @split(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %x: tensor<?x?x4xf32> {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>})
    -> (tensor<4xf32> {rnn.arg = #rnn.arg<grad, "b">}) {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %h0 = rnn.broadcast "->bn" %zero [%B] : tensor<f32> to tensor<?x4xf32>
  %hs, %h = rnn.scan %t in %T reverse over(%xt = %x : tensor<?x?x4xf32>) carry(%s = %h0 : tensor<?x4xf32>) emit(tensor<?x?x4xf32>) {
    %a = arith.addf %s, %xt : tensor<?x4xf32>
    rnn.yield next(%a : tensor<?x4xf32>) emit(%a : tensor<?x4xf32>)
  }
  %gs, %g = rnn.scan %t in %T over(%ht = %hs : tensor<?x?x4xf32>) carry(%s = %h0 : tensor<?x4xf32>) emit(tensor<?x?x4xf32>) {
    %a = arith.mulf %s, %ht : tensor<?x4xf32>
    rnn.yield next(%a : tensor<?x4xf32>) emit(%a : tensor<?x4xf32>)
  }
  %db = rnn.reduce sum "tbn->n" %gs : tensor<?x?x4xf32> to tensor<4xf32>
  return %db : tensor<4xf32>
}

// -----

// A sum over the axis and no recurrence: nothing is carried from piece to piece,
// so there is nothing to go forward over, and nothing to begin with.

func.func @split(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %seed: tensor<f32> {rnn.arg = #rnn.arg<hyper, "seed">},
    %x: tensor<?x?x4xf32> {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>})
    -> (tensor<f32> {rnn.arg = #rnn.arg<loss, "total">}, tensor<4xf32> {rnn.arg = #rnn.arg<grad, "b">}) {
  %one = arith.constant dense<1.0> : tensor<f32>
  %gs = rnn.broadcast "->tbn" %seed [%T, %B] : tensor<f32> to tensor<?x?x4xf32>
  %d = arith.mulf %gs, %x : tensor<?x?x4xf32>
  %db = rnn.reduce sum "tbn->n" %d : tensor<?x?x4xf32> to tensor<4xf32>
  return %one, %db : tensor<f32>, tensor<4xf32>
}

// CHECK-NOT: func.func @advance
// CHECK-NOT: func.func @before
// CHECK-LABEL: func.func @reverse(
// CHECK: rnn.reduce sum "tbn->n" %{{.*}} into(%{{.*}} : tensor<4xf32>)
// CHECK-NOT: func.func @advance
// CHECK-LABEL: func.func @after(
// CHECK: return
// CHECK-NOT: func.func @

// -----

// An evaluation: sums over time and a last state, of rows with lengths. Pieces
// are visited from the last one on for the sum; nothing else runs back.

func.func @split(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %U: tensor<4x4xf32> {rnn.arg = #rnn.arg<param, "U">},
    %n: tensor<?xi32> {rnn.arg = #rnn.arg<lengths, "T", ["B"]>},
    %x: tensor<?x?x4xf32> {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>},
    %y: tensor<?x4xf32> {rnn.arg = #rnn.arg<target, "y", ["B"]>})
    -> (tensor<f32> {rnn.arg = #rnn.arg<loss, "a">}, tensor<f32> {rnn.arg = #rnn.arg<weight, "a">},
        tensor<f32> {rnn.arg = #rnn.arg<metric, "m">}) {
  %one = arith.constant dense<1.0> : tensor<f32>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %ones = rnn.broadcast "->tb" %one [%T, %B] : tensor<f32> to tensor<?x?xf32>
  %count = rnn.reduce sum "tb->" %ones valid(%n : tensor<?xi32>) : tensor<?x?xf32> to tensor<f32>
  %h0 = rnn.broadcast "->bn" %zero [%B] : tensor<f32> to tensor<?x4xf32>
  %hs, %h = rnn.scan %t in %T lengths(%n : tensor<?xi32>) over(%xt = %x : tensor<?x?x4xf32>) carry(%s = %h0 : tensor<?x4xf32>) emit(tensor<?x?x4xf32>) {
    %a = rnn.contract "bk,nk->bn" %s, %U into(%xt : tensor<?x4xf32>) : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %v = math.tanh %a : tensor<?x4xf32>
    rnn.yield next(%v : tensor<?x4xf32>) emit(%v : tensor<?x4xf32>)
  }
  %sum = rnn.reduce sum "tbn->" %hs valid(%n : tensor<?xi32>) : tensor<?x?x4xf32> to tensor<f32>
  %e = arith.subf %h, %y : tensor<?x4xf32>
  %m = rnn.reduce sum "bn->" %e : tensor<?x4xf32> to tensor<f32>
  return %sum, %count, %m : tensor<f32>, tensor<f32>, tensor<f32>
}

// CHECK-LABEL: func.func @reverse(
// CHECK-SAME: #rnn.arg<axis, "T.first">
// CHECK-NOT: reverse
// CHECK: %[[HS:.*]], %[[H:.*]] = rnn.scan
// CHECK: %[[SUM:.*]] = rnn.reduce sum "tbn->" %[[HS]] into(%{{.*}} : tensor<f32>) valid
// CHECK: return %[[SUM]], %[[H]]
// CHECK-LABEL: func.func @advance(
// CHECK: rnn.scan
// CHECK-NOT: emit(
// CHECK-NOT: rnn.reduce
// CHECK: return
// The last state is there once the last piece is done.
// CHECK-LABEL: func.func @after(
// CHECK-NOT: rnn.scan
// CHECK: arith.subf
// CHECK: rnn.reduce sum "bn->"
// CHECK: return
// CHECK-LABEL: func.func @before(
// CHECK-NOT: rnn.scan
// CHECK: rnn.reduce sum "tb->"
// CHECK: return
