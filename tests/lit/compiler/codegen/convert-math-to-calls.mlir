// RUN: rnn-opt %s --convert-math-to-calls | FileCheck %s

// CHECK-DAG: func.func private @sinf(f32) -> f32
// CHECK-DAG: func.func private @exp(f64) -> f64
// CHECK-DAG: func.func private @powf(f32, f32) -> f32

// Vectors go lane by lane.
// CHECK-LABEL: func.func @calls
func.func @calls(%x: f32, %y: vector<2xf64>) -> (f32, f32, vector<2xf64>) {
  // CHECK: call @sinf(%{{.*}}) : (f32) -> f32
  // CHECK: call @powf(%{{.*}}, %{{.*}}) : (f32, f32) -> f32
  // CHECK-COUNT-2: call @exp(%{{.*}}) : (f64) -> f64
  %a = math.sin %x : f32
  %b = math.powf %x, %x : f32
  %c = math.exp %y : vector<2xf64>
  return %a, %b, %c : f32, f32, vector<2xf64>
}

// What the CPU or LLVM does exactly is no call.
// CHECK-LABEL: func.func @instructions
func.func @instructions(%x: vector<4xf32>) -> (vector<4xf32>, vector<4xf32>, vector<4xf32>) {
  // CHECK: math.sqrt
  // CHECK: math.absf
  // CHECK: math.floor
  %a = math.sqrt %x : vector<4xf32>
  %b = math.absf %x : vector<4xf32>
  %c = math.floor %x : vector<4xf32>
  return %a, %b, %c : vector<4xf32>, vector<4xf32>, vector<4xf32>
}
