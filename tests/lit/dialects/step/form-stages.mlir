// RUN: rnn-opt %s -step-form-maps -step-form-stages | FileCheck %s
// RUN: rnn-opt %s -step-form-maps -step-form-stages | rnn-opt | FileCheck %s

// The map that alone reads the gates of one product computes them; what the
// product was added to becomes inputs that the sums start from.
// CHECK-LABEL: func.func @gates(
// CHECK: rnn.scan
// CHECK-NOT: rnn.contract
// CHECK: %[[X0:.*]] = rnn.slice %[[X:.*]] axis 1 from 0
// CHECK: %[[X1:.*]] = rnn.slice %[[X]] axis 1 from 4
// CHECK: step.stage(%[[X0]], %[[X1]] : {{.*}}) dot "bk,nk"(%{{.*}}, %{{.*}}) at [0, 4] from [0, 1] : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x4xf32> {
// CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %[[P:.*]]: f32, %[[Q:.*]]: f32):
// CHECK-NEXT: %[[S:.*]] = rnn.sigmoid %[[P]] : f32
// CHECK-NEXT: arith.mulf %[[S]], %[[Q]] : f32
func.func @gates(%T: index, %U: tensor<8x4xf32>, %h0: tensor<?x4xf32>, %xs: tensor<?x?x8xf32>) -> tensor<?x4xf32> {
  %last = rnn.scan %t in %T over(%x = %xs : tensor<?x?x8xf32>) carry(%h = %h0 : tensor<?x4xf32>) {
    %z = rnn.contract "bk,nk->bn" %h, %U into(%x : tensor<?x8xf32>) : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
    %a = rnn.slice %z axis 1 from 0 : tensor<?x8xf32> to tensor<?x4xf32>
    %b = rnn.slice %z axis 1 from 4 : tensor<?x8xf32> to tensor<?x4xf32>
    %s = rnn.sigmoid %a : tensor<?x4xf32>
    %n = arith.mulf %s, %b : tensor<?x4xf32>
    rnn.yield next(%n : tensor<?x4xf32>)
  }
  return %last : tensor<?x4xf32>
}

// A product that is added to another goes on from it, part by part.
// CHECK-LABEL: func.func @chain(
// CHECK: step.stage(%[[H:.*]] : tensor<?x4xf32>) dot "bk,nk"(%[[H]], %{{.*}}) at [0] from [0] : {{.*}} dot "bk,nk"(%{{.*}}, %{{.*}}) at [0] from [1] :
// CHECK-NEXT: ^bb0(%{{.*}}: f32, %{{.*}}: f32, %[[SUM:.*]]: f32):
// CHECK-NEXT: math.tanh %[[SUM]] : f32
func.func @chain(%T: index, %U: tensor<4x4xf32>, %W: tensor<4x4xf32>, %h0: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>) -> tensor<?x4xf32> {
  %last = rnn.scan %t in %T over(%x = %xs : tensor<?x?x4xf32>) carry(%h = %h0 : tensor<?x4xf32>) {
    %p = rnn.contract "bk,nk->bn" %h, %U into(%h : tensor<?x4xf32>) : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %q = rnn.contract "bk,nk->bn" %x, %W into(%p : tensor<?x4xf32>) : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %n = math.tanh %q : tensor<?x4xf32>
    rnn.yield next(%n : tensor<?x4xf32>)
  }
  return %last : tensor<?x4xf32>
}

// Of two dependent products each opens its own stage.
// CHECK-LABEL: func.func @dependent(
// CHECK: %[[R:.*]] = step.stage({{.*}}) dot "bk,nk"
// CHECK: step.stage({{.*}}) dot "bk,nk"(%[[R]], %
func.func @dependent(%T: index, %U: tensor<4x4xf32>, %V: tensor<4x4xf32>, %h0: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %last = rnn.scan %t in %T carry(%h = %h0 : tensor<?x4xf32>) {
    %p = rnn.contract "bk,nk->bn" %h, %U : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %r = rnn.sigmoid %p : tensor<?x4xf32>
    %m = arith.mulf %r, %h : tensor<?x4xf32>
    %q = rnn.contract "bk,nk->bn" %m, %V : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %n = math.tanh %q : tensor<?x4xf32>
    rnn.yield next(%n : tensor<?x4xf32>)
  }
  return %last : tensor<?x4xf32>
}

// A part that others read too is a result of the stage.
// CHECK-LABEL: func.func @shared(
// CHECK: %[[R:.*]]:2 = step.stage({{.*}}) dot "bk,nk"(%{{.*}}, %{{.*}}) at [0, 4]
// CHECK: step.yield %{{.*}}, %[[Q:.*]] : f32, f32
// CHECK: rnn.yield next(%[[R]]#0 : {{.*}}) emit(%[[R]]#1 :
func.func @shared(%T: index, %U: tensor<8x4xf32>, %h0: tensor<?x4xf32>) -> (tensor<?x?x4xf32>, tensor<?x4xf32>) {
  %e, %last = rnn.scan %t in %T carry(%h = %h0 : tensor<?x4xf32>) emit(tensor<?x?x4xf32>) {
    %z = rnn.contract "bk,nk->bn" %h, %U : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
    %a = rnn.slice %z axis 1 from 0 : tensor<?x8xf32> to tensor<?x4xf32>
    %b = rnn.slice %z axis 1 from 4 : tensor<?x8xf32> to tensor<?x4xf32>
    %s = rnn.sigmoid %a : tensor<?x4xf32>
    %n = arith.mulf %s, %b : tensor<?x4xf32>
    rnn.yield next(%n : tensor<?x4xf32>) emit(%b : tensor<?x4xf32>)
  }
  return %e, %last : tensor<?x?x4xf32>, tensor<?x4xf32>
}

// A product that somebody else reads whole stays, and so does one whose weights
// the loop makes.
// CHECK-LABEL: func.func @apart(
// CHECK: rnn.contract
// CHECK: step.map
// CHECK: rnn.contract
// CHECK: step.map
func.func @apart(%T: index, %U: tensor<4x4xf32>, %h0: tensor<?x4xf32>, %ws: tensor<?x4x4xf32>) -> (tensor<?x?x4xf32>, tensor<?x4xf32>) {
  %e, %last = rnn.scan %t in %T over(%w = %ws : tensor<?x4x4xf32>) carry(%h = %h0 : tensor<?x4xf32>) emit(tensor<?x?x4xf32>) {
    %p = rnn.contract "bk,nk->bn" %h, %U : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %r = rnn.sigmoid %p : tensor<?x4xf32>
    %q = rnn.contract "bk,nk->bn" %r, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %n = math.tanh %q : tensor<?x4xf32>
    rnn.yield next(%n : tensor<?x4xf32>) emit(%p : tensor<?x4xf32>)
  }
  return %e, %last : tensor<?x?x4xf32>, tensor<?x4xf32>
}
