// RUN: rnn-opt %s -step-form-maps | FileCheck %s

// Ops that feed one another are one kernel; the constant moves into it.
// CHECK-LABEL: func.func @chain
func.func @chain(%a: tensor<?x4xf32>, %b: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // CHECK-NOT: arith.constant dense
  // CHECK: %[[R:.*]] = step.map(%{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: arith.addf {{.*}} : f32
  // CHECK: math.tanh {{.*}} : f32
  // CHECK-NOT: step.map
  // CHECK: return %[[R]]
  %s = arith.addf %a, %b : tensor<?x4xf32>
  %t = math.tanh %s : tensor<?x4xf32>
  %r = rnn.sigmoid %t : tensor<?x4xf32>
  return %r : tensor<?x4xf32>
}

// A product between two elementwise ops parts the kernels.
// CHECK-LABEL: func.func @parted
func.func @parted(%a: tensor<?x4xf32>, %U: tensor<4x4xf32>) -> tensor<?x4xf32> {
  // CHECK: step.map
  // CHECK: rnn.contract
  // CHECK: step.map
  // CHECK-NOT: step.map
  // CHECK: return
  %t = math.tanh %a : tensor<?x4xf32>
  %p = rnn.contract "bk,nk->bn" %t, %U : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %r = arith.addf %p, %t : tensor<?x4xf32>
  return %r : tensor<?x4xf32>
}

// What does not depend on the product joins the kernel before it.
// CHECK-LABEL: func.func @moved_up
func.func @moved_up(%a: tensor<?x4xf32>, %U: tensor<4x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  // CHECK: step.map({{.*}}) -> tensor<?x4xf32>, tensor<?x4xf32>
  // CHECK: math.tanh
  // CHECK: math.exp
  // CHECK: rnn.contract
  // CHECK-NOT: step.map
  // CHECK: return
  %t = math.tanh %a : tensor<?x4xf32>
  %p = rnn.contract "bk,nk->bn" %t, %U : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %e = math.exp %a : tensor<?x4xf32>
  return %p, %e : tensor<?x4xf32>, tensor<?x4xf32>
}

// Values of other shapes have kernels of their own.
// CHECK-LABEL: func.func @shapes
func.func @shapes(%a: tensor<?x4xf32>, %b: tensor<4xf32>, %B: index) -> tensor<?x4xf32> {
  // CHECK: step.map({{.*}}) -> tensor<4xf32>
  // CHECK: step.map({{.*}}) -> tensor<?x4xf32>
  %e = math.exp %b : tensor<4xf32>
  %w = rnn.broadcast "n->bn" %e [%B] : tensor<4xf32> to tensor<?x4xf32>
  %r = arith.mulf %a, %w : tensor<?x4xf32>
  return %r : tensor<?x4xf32>
}

// Parts of one value belong together: the gates of a joined product.
// CHECK-LABEL: func.func @parts
func.func @parts(%p: tensor<?x8xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  // CHECK: step.map({{.*}}) -> tensor<?x4xf32>, tensor<?x4xf32>
  // CHECK-NOT: step.map
  // CHECK: return
  %a = rnn.slice %p axis 1 from 0 : tensor<?x8xf32> to tensor<?x4xf32>
  %b = rnn.slice %p axis 1 from 4 : tensor<?x8xf32> to tensor<?x4xf32>
  %s = rnn.sigmoid %a : tensor<?x4xf32>
  %t = math.tanh %b : tensor<?x4xf32>
  return %s, %t : tensor<?x4xf32>, tensor<?x4xf32>
}

// The body of a scan is formed like any block.
// CHECK-LABEL: func.func @scan
func.func @scan(%T: index, %xs: tensor<?x?x4xf32>, %h0: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // CHECK: rnn.scan
  // CHECK: step.map
  // CHECK: rnn.yield
  %l = rnn.scan %t in %T over(%x = %xs : tensor<?x?x4xf32>) carry(%h = %h0 : tensor<?x4xf32>) {
    %s = arith.addf %h, %x : tensor<?x4xf32>
    %n = math.tanh %s : tensor<?x4xf32>
    rnn.yield next(%n : tensor<?x4xf32>)
  }
  return %l : tensor<?x4xf32>
}

// Each value of fixed size has a kernel of its own, whatever they share; work
// on arguments alone is done where it is read.
// CHECK-LABEL: func.func @updates
func.func @updates(%rate: tensor<f32>, %p: tensor<4xf32>, %q: tensor<4xf32>, %both: tensor<?x8xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  // CHECK: %[[G:.*]] = rnn.reduce
  // CHECK: %[[P:.*]] = step.map(%{{.*}}, %{{.*}}, %{{.*}} : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  // CHECK: %[[Q:.*]] = step.map(%{{.*}}, %{{.*}}, %{{.*}} : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  // CHECK-NOT: step.map
  // CHECK: return %[[P]], %[[Q]]
  %keep = arith.constant dense<0.9> : tensor<4xf32>
  %r = rnn.broadcast "->n" %rate [] : tensor<f32> to tensor<4xf32>
  %p0 = arith.mulf %p, %keep : tensor<4xf32>
  %q0 = arith.mulf %q, %keep : tensor<4xf32>
  %g = rnn.reduce sum "bn->n" %both : tensor<?x8xf32> to tensor<8xf32>
  %gp = rnn.slice %g axis 0 from 0 : tensor<8xf32> to tensor<4xf32>
  %gq = rnn.slice %g axis 0 from 4 : tensor<8xf32> to tensor<4xf32>
  %sp = arith.mulf %r, %gp : tensor<4xf32>
  %sq = arith.mulf %r, %gq : tensor<4xf32>
  %p1 = arith.subf %p0, %sp : tensor<4xf32>
  %q1 = arith.subf %q0, %sq : tensor<4xf32>
  return %p1, %q1 : tensor<4xf32>, tensor<4xf32>
}

// One kernel out of two that stood apart, since one op reads both.
// CHECK-LABEL: func.func @merged
func.func @merged(%a: tensor<?x4xf32>, %b: tensor<?x4xf32>, %U: tensor<4x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  // CHECK: rnn.contract
  // CHECK: step.map({{.*}}) -> tensor<?x4xf32>
  // CHECK-NOT: step.map
  // CHECK: return
  %p = rnn.contract "bk,nk->bn" %a, %U : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %s = rnn.sigmoid %b : tensor<?x4xf32>
  %t = math.tanh %p : tensor<?x4xf32>
  %r = arith.mulf %s, %t : tensor<?x4xf32>
  return %r, %p : tensor<?x4xf32>, tensor<?x4xf32>
}
