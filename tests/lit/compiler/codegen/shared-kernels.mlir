// RUN: rnn-opt %s -step-form-maps -convert-step-to-llvm -cse -canonicalize | FileCheck %s

// Two parameters of other sizes are updated by one function, which is not
// inlined, and the squares of both gradients are never stored: one function
// adds them up, piece by piece. One barrier stands before the sums of pieces are
// added, one before the updates read the factor. What the threads call to meet
// is read in one place.

// CHECK-DAG: func.func private @[[SUM:sum_[0-9]+]]({{.*}}) -> f32
// CHECK-DAG: func.func private @[[PIECES:pieces_[0-9]+]](
// CHECK-DAG: func.func private @[[MEET:meet_[0-9]+]](
// CHECK-DAG: func.func private @[[TOTAL:total_[0-9]+]](
// CHECK-DAG: func.func private @[[MAP:map_[0-9]+]]({{.*}}) attributes {passthrough = ["noinline"]}
// CHECK-NOT: func.func private
// CHECK-LABEL: func.func @train(
// CHECK: call @[[PIECES]]
// CHECK-NOT: call @[[MEET]]
// CHECK: call @[[PIECES]]
// CHECK: call @[[MEET]]
// CHECK: call @[[TOTAL]]
// CHECK-NOT: call @[[MEET]]
// CHECK: call @[[TOTAL]]
// CHECK: math.sqrt
// CHECK: call @[[MEET]]
// CHECK: call @[[MAP]]
// CHECK-NOT: {{llvm.call|call @meet}}
// CHECK: call @[[MAP]]
// CHECK: return
func.func @train(%p: tensor<64x128xf32> {rnn.arg = #rnn.arg<state, "p">},
                 %g: tensor<64x128xf32> {rnn.arg = #rnn.arg<input, "g">},
                 %q: tensor<9000xf32> {rnn.arg = #rnn.arg<state, "q">},
                 %h: tensor<9000xf32> {rnn.arg = #rnn.arg<input, "h">})
    -> (tensor<64x128xf32> {rnn.arg = #rnn.arg<state, "p">},
        tensor<9000xf32> {rnn.arg = #rnn.arg<state, "q">}) {
  %g2 = arith.mulf %g, %g : tensor<64x128xf32>
  %s = rnn.reduce sum "nm->" %g2 : tensor<64x128xf32> to tensor<f32>
  %h2 = arith.mulf %h, %h : tensor<9000xf32>
  %t = rnn.reduce sum "n->" %h2 : tensor<9000xf32> to tensor<f32>
  %n2 = arith.addf %s, %t : tensor<f32>
  %n = math.sqrt %n2 : tensor<f32>
  %fg = rnn.broadcast "->nm" %n [] : tensor<f32> to tensor<64x128xf32>
  %fh = rnn.broadcast "->n" %n [] : tensor<f32> to tensor<9000xf32>
  %dg = arith.mulf %g, %fg : tensor<64x128xf32>
  %dh = arith.mulf %h, %fh : tensor<9000xf32>
  %p1 = arith.subf %p, %dg : tensor<64x128xf32>
  %q1 = arith.subf %q, %dh : tensor<9000xf32>
  return %p1, %q1 : tensor<64x128xf32>, tensor<9000xf32>
}
