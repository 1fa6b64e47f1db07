// What is made from parameters alone lies in one branch at the entry, and is
// skipped when the caller has it.
// RUN: rnn-opt %s --convert-step-to-llvm="vector-bits=512" | FileCheck %s

// The joined weight is packed, and that is all that is kept: 64 rows of panels
// of 64 columns, 16384 bytes. The joined weight itself is needed once.
// CHECK-LABEL: func.func @forward(
// CHECK-SAME: %[[CALL:.*]]: !llvm.ptr
// CHECK: %[[IS_EMPTY:.*]] = arith.cmpi eq
// CHECK: scf.if %[[IS_EMPTY]] {
// CHECK: call @pack
// CHECK: call @meet
// CHECK: scf.for
// CHECK-NOT: call @pack
// CHECK: call @product
// CHECK-LABEL: func.func @forward_prepared(
// CHECK-NEXT: %[[BYTES:.*]] = arith.constant 16384 : i64
// CHECK-NEXT: return %[[BYTES]] : i64
func.func @forward(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %U: tensor<32x64xf32> {rnn.arg = #rnn.arg<param, "U">},
    %V: tensor<32x64xf32> {rnn.arg = #rnn.arg<param, "V">},
    %h0: tensor<?x64xf32> {rnn.arg = #rnn.arg<state, "l.h", ["B"]>})
    -> (tensor<?x64xf32> {rnn.arg = #rnn.arg<state, "l.h", ["B"]>}) {
  %W = rnn.concat %U, %V axis 0 : tensor<32x64xf32>, tensor<32x64xf32> to tensor<64x64xf32>
  %last = rnn.scan %t in %T carry(%h = %h0 : tensor<?x64xf32>) {
    %n = rnn.contract "bk,nk->bn" %h, %W : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    rnn.yield next(%n : tensor<?x64xf32>)
  }
  return %last : tensor<?x64xf32>
}

// A function that changes the parameters keeps nothing of them.
// CHECK-LABEL: func.func @train(
// CHECK-LABEL: func.func @train_prepared(
// CHECK-NEXT: %[[NONE:.*]] = arith.constant 0 : i64
// CHECK-NEXT: return %[[NONE]] : i64
func.func @train(%B: index {rnn.arg = #rnn.arg<axis, "B">},
    %U: tensor<64x64xf32> {rnn.arg = #rnn.arg<param, "U">},
    %x: tensor<?x64xf32> {rnn.arg = #rnn.arg<input, "x", ["B"]>})
    -> (tensor<64x64xf32> {rnn.arg = #rnn.arg<param, "U">}, tensor<?x64xf32> {rnn.arg = #rnn.arg<output, "y", ["B"]>}) {
  %y = rnn.contract "bk,nk->bn" %x, %U : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
  return %U, %y : tensor<64x64xf32>, tensor<?x64xf32>
}
