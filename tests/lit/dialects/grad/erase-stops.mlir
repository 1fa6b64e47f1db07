// RUN: rnn-opt %s --grad-erase-stops | FileCheck %s

// CHECK-LABEL: func.func @stop
// CHECK-SAME:    %[[X:[^:]*]]: tensor<4xf32>
// CHECK-NEXT:    return %[[X]]
func.func @stop(%x: tensor<4xf32>) -> tensor<4xf32> {
  %s = grad.stop %x : tensor<4xf32>
  return %s : tensor<4xf32>
}
