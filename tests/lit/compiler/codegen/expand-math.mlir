// RUN: rnn-opt %s --expand-math | FileCheck %s

// The limits let NaN pass: a comparison with NaN does not hold, so x stays.
// CHECK-LABEL: func.func @exp_scalar
// CHECK-SAME:    %[[X:.*]]: f32
func.func @exp_scalar(%x: f32) -> f32 {
  // CHECK: %[[HIGH:.*]] = arith.constant 8.900000e+01 : f32
  // CHECK: %[[ABOVE:.*]] = arith.cmpf ogt, %[[X]], %[[HIGH]] : f32
  // CHECK: arith.select %[[ABOVE]], %[[HIGH]], %[[X]] : f32
  // CHECK: arith.cmpf olt
  // CHECK: math.fma
  // CHECK-NOT: math.exp
  %e = math.exp %x : f32
  return %e : f32
}

// Vectors of any width, also of two dims.
// CHECK-LABEL: func.func @vectors
func.func @vectors(%x: vector<16xf32>, %y: vector<3xf32>, %z: vector<2x8xf32>)
    -> (vector<16xf32>, vector<3xf32>, vector<2x8xf32>) {
  // CHECK: math.fma {{.*}} : vector<16xf32>
  // CHECK: math.fma {{.*}} : vector<3xf32>
  // CHECK: math.fma {{.*}} : vector<2x8xf32>
  // CHECK-NOT: math.tanh
  // CHECK-NOT: math.log
  // CHECK-NOT: rnn.sigmoid
  %a = math.tanh %x : vector<16xf32>
  %b = math.log %y : vector<3xf32>
  %c = rnn.sigmoid %z : vector<2x8xf32>
  return %a, %b, %c : vector<16xf32>, vector<3xf32>, vector<2x8xf32>
}

// f64: formulas over exp and log1p; the rest stays.
// CHECK-LABEL: func.func @doubles
// CHECK-SAME:    %[[X:.*]]: f64
func.func @doubles(%x: f64) -> (f64, f64, f64) {
  // CHECK: %[[A:.*]] = math.absf %[[X]] : f64
  // CHECK: %[[N:.*]] = arith.negf %[[A]] : f64
  // CHECK: %[[E:.*]] = math.exp %[[N]] : f64
  // CHECK: arith.divf
  %s = rnn.sigmoid %x : f64
  // CHECK: math.exp
  // CHECK: math.log1p
  // CHECK: arith.addf
  %p = rnn.softplus %x : f64
  // CHECK: math.tanh %[[X]] : f64
  %t = math.tanh %x : f64
  return %s, %p, %t : f64, f64, f64
}

// Tensors are not code yet, and functions without a polynomial stay.
// CHECK-LABEL: func.func @stays
func.func @stays(%x: tensor<4xf32>, %y: f32) -> (tensor<4xf32>, f32, f32) {
  // CHECK: math.exp %{{.*}} : tensor<4xf32>
  // CHECK: math.sin %{{.*}} : f32
  // CHECK: math.sqrt %{{.*}} : f32
  %a = math.exp %x : tensor<4xf32>
  %b = math.sin %y : f32
  %c = math.sqrt %y : f32
  return %a, %b, %c : tensor<4xf32>, f32, f32
}
