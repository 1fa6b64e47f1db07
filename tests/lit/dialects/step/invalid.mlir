// RUN: rnn-opt %s -split-input-file -verify-diagnostics

func.func @domain(%a: tensor<?x4xf32>, %b: tensor<?x5xf32>) -> tensor<?x4xf32> {
  // expected-error @+1 {{'step.map' op (C1) has the domain of 'tensor<?x4xf32>', found 'tensor<?x5xf32>'}}
  %r = step.map(%a, %b : tensor<?x4xf32>, tensor<?x5xf32>) -> tensor<?x4xf32> {
  ^bb0(%x: f32, %y: f32):
    step.yield %x : f32
  }
  return %r : tensor<?x4xf32>
}

// -----

func.func @arguments(%a: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // expected-error @+1 {{'step.map' op (C2) takes 1 arguments, found 2}}
  %r = step.map(%a : tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%x: f32, %y: f32):
    step.yield %x : f32
  }
  return %r : tensor<?x4xf32>
}

// -----

func.func @argumentType(%a: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // expected-error @+1 {{'step.map' op (C2) argument of type 'f64' for an input of 'tensor<?x4xf32>'}}
  %r = step.map(%a : tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%x: f64):
    %c = arith.constant 1.0 : f32
    step.yield %c : f32
  }
  return %r : tensor<?x4xf32>
}

// -----

func.func @yields(%a: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // expected-error @+1 {{'step.map' op (C2) yields 2 values for 1 results}}
  %r = step.map(%a : tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%x: f32):
    step.yield %x, %x : f32, f32
  }
  return %r : tensor<?x4xf32>
}

// -----

func.func @yieldType(%a: tensor<?x4xf32>) -> tensor<?x4xf64> {
  // expected-error @+1 {{'step.map' op (C2) yields 'f32' for a result of 'tensor<?x4xf64>'}}
  %r = step.map(%a : tensor<?x4xf32>) -> tensor<?x4xf64> {
  ^bb0(%x: f32):
    step.yield %x : f32
  }
  return %r : tensor<?x4xf64>
}

// -----

func.func @narrowF64(%h: tensor<?x4xf64>, %U: tensor<4x4xf64>) -> tensor<?x4xf64> {
  // expected-error @+1 {{'step.stage' op of bf16 rounds f32 numbers, found a source 'tensor<?x4xf64>'}}
  %r = step.stage bf16() dot "bk,nk"(%h, %U) at [0] : tensor<?x4xf64>, tensor<4x4xf64> -> tensor<?x4xf64> {
  ^bb0(%p: f64):
    step.yield %p : f64
  }
  return %r : tensor<?x4xf64>
}

// -----

func.func @startsFromItself(%h: tensor<?x4xf32>, %U: tensor<4x4xf32>) -> tensor<?x4xf32> {
  // expected-error @+1 {{'step.stage' op (C4) a sum starts from argument 0, expected -1 for 0 or one of the 0 before}}
  %r = step.stage() dot "bk,nk"(%h, %U) at [0] from [0] : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32> {
  ^bb0(%p: f32):
    step.yield %p : f32
  }
  return %r : tensor<?x4xf32>
}

// -----

func.func @startsFromAnotherType(%m: tensor<?x4xi1>, %h: tensor<?x4xf32>, %U: tensor<4x4xf32>) -> tensor<?x4xf32> {
  // expected-error @+1 {{'step.stage' op (C4) a sum of 'f32' starts from an argument of 'i1'}}
  %r = step.stage(%m : tensor<?x4xi1>) dot "bk,nk"(%h, %U) at [0] from [0] : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32> {
  ^bb0(%a: i1, %p: f32):
    step.yield %p : f32
  }
  return %r : tensor<?x4xf32>
}

// -----

func.func @startsInNumber(%h: tensor<?x4xf32>, %U: tensor<4x4xf32>) -> tensor<?x4xf32> {
  // expected-error @+1 {{'step.stage' op (C4) has 1 parts and 2 starts}}
  %r = step.stage(%h : tensor<?x4xf32>) dot "bk,nk"(%h, %U) at [0] from [0, -1] : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32> {
  ^bb0(%a: f32, %p: f32):
    step.yield %p : f32
  }
  return %r : tensor<?x4xf32>
}
