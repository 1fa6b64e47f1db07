// RUN: rnn-opt %s --rnn-sink-outputs --rnn-drop-dead --canonicalize --cse | FileCheck %s

!h = tensor<?x6xf64>
!x = tensor<?x4xf64>
!hs = tensor<?x?x6xf64>
!xs = tensor<?x?x4xf64>
!W = tensor<6x4xf64>
!V = tensor<4x6xf64>
!U = tensor<6x6xf64>
!len = tensor<?xi32>

// An output layer in the cell: its product and what is made of it leave, the
// state is emitted instead.
// CHECK-LABEL: func.func @output_layer
// CHECK:         %[[HS:.*]], %{{.*}} = rnn.scan {{.*}} emit(tensor<?x?x6xf64>)
// CHECK-COUNT-1:   rnn.contract "bk,nk->bn"
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
// CHECK:         %[[P:.*]] = rnn.contract "tbk,nk->tbn" %[[HS]]
// CHECK:         %[[Y:.*]] = rnn.softmax %[[P]] over "n" in "tbn"
// CHECK:         return %[[Y]]
func.func @output_layer(%B: index, %T: index, %U: !U, %V: !V, %xs: !hs, %h0: !h) -> (!xs, !h) {
  %ys, %hT = rnn.scan %t in %T over(%x = %xs : !hs) carry(%h = %h0 : !h) emit(!xs) {
    %p = rnn.contract "bk,nk->bn" %h, %U into(%x : !h) : !h, !U -> !h
    %n = math.tanh %p : !h
    %q = rnn.contract "bk,nk->bn" %n, %V : !h, !V -> !x
    %y = rnn.softmax %q over "n" in "bn" : !x
    rnn.yield next(%n : !h) emit(%y : !x)
  }
  return %ys, %hT : !xs, !h
}

// The gradient of the input of an upper layer: one product over all steps. Under
// lengths it is cleared in padding, as the emission was.
// CHECK-LABEL: func.func @input_gradient
// CHECK:         %[[AS:.*]], %{{.*}} = rnn.scan {{.*}} reverse lengths(%[[LEN:.*]] :
// CHECK-COUNT-1:   rnn.contract "bn,nk->bk"
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
// CHECK:         %[[DX:.*]] = rnn.contract "tbn,nk->tbk" %[[AS]]
// CHECK:         rnn.mask %[[DX]] valid(
func.func @input_gradient(%B: index, %T: index, %W: !W, %U: !U, %hs: !hs, %dys: !hs, %dh: !h, %len: !len) -> (!xs, !hs, !h) {
  %dxs, %das, %dh0 = rnn.scan %t in %T reverse lengths(%len : !len) over(%h = %hs : !hs, %dy = %dys : !hs) carry(%d = %dh : !h) emit(!xs, !hs) {
    %e = arith.addf %d, %dy : !h
    %s = rnn.sigmoid %h : !h
    %a = arith.mulf %e, %s : !h
    %dx = rnn.contract "bn,nk->bk" %a, %W : !h, !W -> !x
    %n = rnn.contract "bn,nk->bk" %a, %U : !h, !U -> !h
    rnn.yield next(%n : !h) emit(%dx, %a : !x, !h)
  }
  return %dxs, %das, %dh0 : !xs, !hs, !h
}

// A cell of our own whose output reads two states through two products and a
// random mask: all of it leaves, the mask as a draw of the sequence.
// CHECK-LABEL: func.func @two_readers
// CHECK:         rnn.scan
// CHECK-NOT:       rnn.uniform
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
// CHECK-DAG:     rnn.uniform key({{.*}}) stream 2 sequence
// CHECK-DAG:     %[[P:.*]] = rnn.contract "tbk,nk->tbn"
// CHECK-DAG:     %[[R:.*]] = rnn.contract "tbk,nk->tbn" {{.*}} into(%[[P]] :
// CHECK-DAG:     arith.mulf %[[R]],
func.func @two_readers(%B: index, %T: index, %key: i64, %U: !U, %V: !U, %xs: !hs, %h0: !h) -> (!hs, !h, !h) {
  %ys, %hT, %sT = rnn.scan %t in %T over(%x = %xs : !hs) carry(%h = %h0 : !h, %s = %h0 : !h) emit(!hs) {
    %a = arith.mulf %h, %x : !h
    %h1 = math.tanh %a : !h
    %b = arith.addf %s, %h1 : !h
    %s1 = rnn.sigmoid %b : !h
    %p = rnn.contract "bk,nk->bn" %h1, %U : !h, !U -> !h
    %r = rnn.contract "bk,nk->bn" %s, %V into(%p : !h) : !h, !U -> !h
    %u = rnn.uniform key(%key) stream 2 at %t [%B] : !h
    %y = arith.mulf %r, %u : !h
    rnn.yield next(%h1, %s1 : !h, !h) emit(%y : !h)
  }
  return %ys, %hT, %sT : !hs, !h, !h
}

// The read-out of a matrix state stays: the matrices of all steps would have to
// be kept for it.
// CHECK-LABEL: func.func @matrix_state
// CHECK:         rnn.scan
// CHECK:           rnn.contract "bnm,bm->bn"
// CHECK:           rnn.yield
// CHECK-NOT:     rnn.contract
// CHECK:         return
func.func @matrix_state(%B: index, %T: index, %xs: !xs, %M0: tensor<?x6x4xf64>, %k: !h) -> (!hs, tensor<?x6x4xf64>) {
  %ys, %MT = rnn.scan %t in %T over(%x = %xs : !xs) carry(%M = %M0 : tensor<?x6x4xf64>) emit(!hs) {
    %M1 = rnn.contract "bn,bm->bnm" %k, %x into(%M : tensor<?x6x4xf64>) : !h, !x -> tensor<?x6x4xf64>
    %r = rnn.contract "bnm,bm->bn" %M1, %x : tensor<?x6x4xf64>, !x -> !h
    rnn.yield next(%M1 : tensor<?x6x4xf64>) emit(%r : !h)
  }
  return %ys, %MT : !hs, tensor<?x6x4xf64>
}

// What the next state needs stays, and a softmax that both need stays too.
// CHECK-LABEL: func.func @needed
// CHECK:         rnn.scan
// CHECK:           rnn.softmax
// CHECK:         }
// CHECK-NOT:     rnn.softmax
func.func @needed(%B: index, %T: index, %xs: !hs, %h0: !h) -> (!hs, !h) {
  %ys, %hT = rnn.scan %t in %T over(%x = %xs : !hs) carry(%h = %h0 : !h) emit(!hs) {
    %p = arith.addf %h, %x : !h
    %n = rnn.softmax %p over "n" in "bn" : !h
    rnn.yield next(%n : !h) emit(%n : !h)
  }
  return %ys, %hT : !hs, !h
}
