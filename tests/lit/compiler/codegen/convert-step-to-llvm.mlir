// RUN: rnn-opt %s -step-form-maps -step-form-stages -convert-step-to-llvm -cse -canonicalize | FileCheck %s

// The code of a function takes the call and the thread; the arena's size is a
// function of the extents. Weights are packed before the loop over time, the
// step multiplies and maps, and no barrier stands between them: rows stay with
// their thread.
// CHECK-LABEL: func.func private @panel2_product_f32
// CHECK-LABEL: func.func private @pack_part_f32
// CHECK-LABEL: func.func @forward(
// CHECK-SAME: !llvm.ptr, %{{.*}}: i64)
// CHECK: call @pack_part_f32
// CHECK: call @panel2_product_f32
// CHECK-NOT: call @meet
// CHECK: math.tanh {{.*}} : vector<16xf32>
// CHECK-LABEL: func.func @forward_arena(
// CHECK-SAME: !llvm.ptr) -> i64
func.func @forward(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %U: tensor<32x32xf32> {rnn.arg = #rnn.arg<param, "U">},
    %h0: tensor<?x32xf32> {rnn.arg = #rnn.arg<state, "l.h", ["B"]>},
    %xs: tensor<?x?x32xf32> {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>})
    -> (tensor<?x?x32xf32> {rnn.arg = #rnn.arg<output, "y", ["T", "B"]>}) {
  %ys, %last = rnn.scan %t in %T over(%x = %xs : tensor<?x?x32xf32>) carry(%h = %h0 : tensor<?x32xf32>) emit(tensor<?x?x32xf32>) {
    %p = rnn.contract "bk,nk->bn" %h, %U into(%x : tensor<?x32xf32>) : tensor<?x32xf32>, tensor<32x32xf32> -> tensor<?x32xf32>
    %n = math.tanh %p : tensor<?x32xf32>
    rnn.yield next(%n : tensor<?x32xf32>) emit(%n : tensor<?x32xf32>)
  }
  return %ys : tensor<?x?x32xf32>
}
