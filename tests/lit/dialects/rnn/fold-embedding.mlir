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

// A start that is the same for all tokens goes into the table.
// CHECK-LABEL: func.func @bias
// CHECK:         %[[B:.*]] = rnn.broadcast "n->tn" %{{.*}}[] : tensor<6xf64> to tensor<5x6xf64>
// CHECK:         %[[EW:.*]] = rnn.contract "tk,nk->tn" %{{.*}}, %{{.*}} into(%[[B]] : tensor<5x6xf64>)
// CHECK:         %[[R:.*]] = rnn.gather %[[EW]]
// CHECK:         return %[[R]]
func.func @bias(%B: index, %T: index, %E: !E, %W: !W, %b: tensor<6xf64>, %ids: !ids) -> !hs {
  %x = rnn.gather %E[%ids] : !E, !ids to !xs
  %a = rnn.broadcast "n->sbn" %b [%T, %B] : tensor<6xf64> to !hs
  %p = rnn.contract "sbk,nk->sbn" %x, %W into(%a : !hs) : !xs, !W -> !hs
  return %p : !hs
}

// The gradients of the weight and of the table share one sum of cotangents by
// token.
// CHECK-LABEL: func.func @gradients
// CHECK-SAME:    %[[E:arg2]]: tensor<5x4xf64>, %[[W:arg3]]: tensor<6x4xf64>
// CHECK-NOT:     rnn.contract "tb
// CHECK:         rnn.scatter_add {{.*}} valid({{.*}} : tensor<?xi32>) : tensor<?x?x6xf64>, tensor<?x?xi32> to tensor<5x6xf64>
// CHECK:         rnn.contract "un,uk->nk" %{{.*}}, %[[E]] : tensor<5x6xf64>, tensor<5x4xf64> -> tensor<6x4xf64>
// CHECK:         rnn.contract "un,nk->uk" %{{.*}}, %[[W]] : tensor<5x6xf64>, tensor<6x4xf64> -> tensor<5x4xf64>
// CHECK-NOT:     rnn.contract "tb
// CHECK:         return
func.func @gradients(%B: index, %T: index, %E: !E, %W: !W, %d: !hs, %ids: !ids, %len: tensor<?xi32>) -> (!W, !E) {
  %x = rnn.gather %E[%ids] : !E, !ids to !xs
  %dW = rnn.contract "tbn,tbk->nk" %d, %x valid(%len : tensor<?xi32>) descending : !hs, !xs -> !W
  %dx = rnn.contract "tbn,nk->tbk" %d, %W : !hs, !W -> !xs
  %dE = rnn.scatter_add %dx at %ids valid(%len : tensor<?xi32>) : !xs, !ids to !E
  return %dW, %dE : !W, !E
}
