// RUN: rnn-opt %s | rnn-opt | FileCheck %s

// Two results from one body; an input that is repeated is a view of its own.
// CHECK-LABEL: func.func @map
func.func @map(%a: tensor<?x4xf32>, %b: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xi1>) {
  // CHECK: step.map(%{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>, tensor<?x4xi1> {
  // CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[Y:.*]]: f32):
  %r:2 = step.map(%a, %b : tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>, tensor<?x4xi1> {
  ^bb0(%x: f32, %y: f32):
    // CHECK: %[[S:.*]] = arith.addf %[[X]], %[[Y]] : f32
    %s = arith.addf %x, %y : f32
    %c = arith.cmpf ogt, %x, %y : f32
    // CHECK: step.yield %[[S]], %{{.*}} : f32, i1
    step.yield %s, %c : f32, i1
  }
  return %r#0, %r#1 : tensor<?x4xf32>, tensor<?x4xi1>
}

// No input at all: a tensor of one value.
// CHECK-LABEL: func.func @fill
func.func @fill() -> tensor<4xf32> {
  // CHECK: step.map() -> tensor<4xf32>
  %r = step.map() -> tensor<4xf32> {
    %c = arith.constant 1.0 : f32
    step.yield %c : f32
  }
  return %r : tensor<4xf32>
}

// A stage of bf16.
// CHECK-LABEL: func.func @narrow
func.func @narrow(%h: tensor<?x4xf32>, %U: tensor<4x4xf32>) -> tensor<?x4xf32> {
  // CHECK: step.stage bf16() dot "bk,nk"(%{{.*}}, %{{.*}}) at [0] : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32> {
  %r = step.stage bf16() dot "bk,nk"(%h, %U) at [0] : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32> {
  ^bb0(%p: f32):
    step.yield %p : f32
  }
  return %r : tensor<?x4xf32>
}
