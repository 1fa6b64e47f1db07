// RUN: rnn-opt %s --rnn-fold-embedding="length=8 batch=4" | FileCheck %s

!E = tensor<5x4xf64>
!W = tensor<6x4xf64>
!ids = tensor<?x?xi32>
!xs = tensor<?x?x4xf64>
!hs = tensor<?x?x6xf64>

// A table of 5 rows for 32 tokens: the table is multiplied. A start of the
// sum is added to the rows.
// CHECK-LABEL: func.func @small_table
// CHECK:         %[[EW:.*]] = rnn.contract "tk,nk->tn" %{{.*}}, %{{.*}} : tensor<5x4xf64>, tensor<6x4xf64> -> tensor<5x6xf64>
// CHECK:         %[[R:.*]] = rnn.gather %[[EW]][%{{.*}}] : tensor<5x6xf64>, tensor<?x?xi32> to tensor<?x?x6xf64>
// CHECK:         arith.addf %[[R]], %{{.*}} : tensor<?x?x6xf64>
func.func @small_table(%B: index, %T: index, %E: !E, %W: !W, %ids: !ids, %a: !hs) -> !hs {
  %x = rnn.gather %E[%ids] : !E, !ids to !xs
  %p = rnn.contract "sbk,nk->sbn" %x, %W into(%a : !hs) : !xs, !W -> !hs
  return %p : !hs
}

// A table larger than the batch of tokens stays.
// CHECK-LABEL: func.func @large_table
// CHECK:         rnn.gather
// CHECK:         rnn.contract "tbk,nk->tbn"
func.func @large_table(%B: index, %T: index, %E: tensor<100x4xf64>, %W: !W, %ids: !ids) -> !hs {
  %x = rnn.gather %E[%ids] : tensor<100x4xf64>, !ids to !xs
  %p = rnn.contract "tbk,nk->tbn" %x, %W : !xs, !W -> !hs
  return %p : !hs
}

// The gradient of a weight sums over the tokens: not this pattern.
// CHECK-LABEL: func.func @weight_gradient
// CHECK:         rnn.gather
// CHECK:         rnn.contract "tbk,tbn->nk"
func.func @weight_gradient(%B: index, %T: index, %E: !E, %d: !hs, %ids: !ids) -> !W {
  %x = rnn.gather %E[%ids] : !E, !ids to !xs
  %p = rnn.contract "tbk,tbn->nk" %x, %d : !xs, !hs -> !W
  return %p : !W
}
