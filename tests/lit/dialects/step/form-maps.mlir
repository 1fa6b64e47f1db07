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
