// RUN: rnn-opt %s --grad-differentiate --canonicalize --cse --grad-recompute-sequences | FileCheck %s
// RUN: rnn-opt %s --grad-differentiate --canonicalize --cse --grad-recompute-sequences=save-cost=2 | FileCheck %s --check-prefix=CHEAP

// The mask is drawn again for the derivative, after the loss.
// CHECK-LABEL: func.func @mask
// CHECK:         %[[U:.*]] = rnn.uniform
// CHECK:         %[[M:.*]] = arith.cmpf olt, %[[U]]
// CHECK:         %[[F:.*]] = arith.uitofp %[[M]]
// CHECK:         arith.mulf %{{.*}}, %[[F]]
// CHECK:         rnn.reduce
// CHECK:         %[[U2:.*]] = rnn.uniform
// CHECK:         %[[M2:.*]] = arith.cmpf olt, %[[U2]]
// CHECK:         %[[F2:.*]] = arith.uitofp %[[M2]]
// CHECK:         rnn.contract "tbn,tbk->nk" %[[F2]]

// Where keeping is cheap nothing is drawn twice.
// CHEAP-LABEL: func.func @mask
// CHEAP:         rnn.uniform
// CHEAP:         rnn.reduce
// CHEAP-NOT:     rnn.uniform
// CHEAP:         return
func.func @mask(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
                %key: i64 {rnn.arg = #rnn.arg<key, "">},
                %W: tensor<4x4xf32> {rnn.arg = #rnn.arg<param, "W">},
                %xs: tensor<?x?x4xf32> {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>}) -> (tensor<f32>, tensor<4x4xf32>) {
  %p = arith.constant dense<0.5> : tensor<f32>
  %at = arith.constant 0 : index
  %ps = rnn.broadcast "->tbn" %p [%T, %B] : tensor<f32> to tensor<?x?x4xf32>
  %a = rnn.contract "tbk,nk->tbn" %xs, %W : tensor<?x?x4xf32>, tensor<4x4xf32> -> tensor<?x?x4xf32>
  %u = rnn.uniform key(%key) stream 0 at %at sequence[%T, %B] : tensor<?x?x4xf32>
  %m = arith.cmpf olt, %u, %ps : tensor<?x?x4xf32>
  %f = arith.uitofp %m : tensor<?x?x4xi1> to tensor<?x?x4xf32>
  %y = arith.mulf %a, %f : tensor<?x?x4xf32>
  %l = rnn.reduce sum "tbn->" %y : tensor<?x?x4xf32> to tensor<f32>
  %g = grad.gradient of %l wrt(%W : tensor<4x4xf32>) : tensor<f32>
  return %l, %g : tensor<f32>, tensor<4x4xf32>
}
