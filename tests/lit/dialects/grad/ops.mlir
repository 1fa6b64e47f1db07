// RUN: rnn-opt %s | rnn-opt | FileCheck %s

// CHECK-LABEL: func.func @ops
func.func @ops(%l: tensor<f32>, %x: tensor<?x4xf32>, %w: tensor<3xf32>) -> (tensor<?x4xf32>, tensor<3xf32>) {
  // CHECK: %[[S:.*]] = grad.stop %{{.*}} : tensor<?x4xf32>
  %s = grad.stop %x : tensor<?x4xf32>
  // CHECK: %[[G:.*]]:2 = grad.gradient of %{{.*}} wrt(%[[S]], %{{.*}} : tensor<?x4xf32>, tensor<3xf32>) : tensor<f32>
  %g:2 = grad.gradient of %l wrt(%s, %w : tensor<?x4xf32>, tensor<3xf32>) : tensor<f32>
  // CHECK: return %[[G]]#0, %[[G]]#1
  return %g#0, %g#1 : tensor<?x4xf32>, tensor<3xf32>
}
