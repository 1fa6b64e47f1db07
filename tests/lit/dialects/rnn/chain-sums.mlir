// RUN: rnn-opt %s --rnn-chain-sums | FileCheck %s

!h = tensor<?x6xf64>
!x = tensor<?x4xf64>
!hs = tensor<?x?x6xf64>
!xs = tensor<?x?x4xf64>
!W = tensor<6x4xf64>
!U = tensor<6x6xf64>
!b = tensor<6xf64>

// State first and bias last in the text: bias, input, a peephole term, state.
// CHECK-LABEL: func.func @as_written
// CHECK:         rnn.scan {{.*}} over(%[[X:.*]] = %{{.*}}) carry(%[[H:.*]] = %
// CHECK-DAG:       %[[B:.*]] = rnn.broadcast
// CHECK-DAG:       %[[C:.*]] = arith.mulf %[[H]], %[[B]]
// CHECK:           %[[P:.*]] = rnn.contract "bk,nk->bn" %[[X]], %{{.*}} into(%[[B]] :
// CHECK-NEXT:      %[[Q:.*]] = arith.addf %[[P]], %[[C]]
// CHECK-NEXT:      %[[R:.*]] = rnn.contract "bk,nk->bn" %[[H]], %{{.*}} into(%[[Q]] :
// CHECK-NEXT:      math.tanh %[[R]]
func.func @as_written(%B: index, %T: index, %W: !W, %U: !U, %b: !b, %xs: !xs, %h0: !h) -> (!hs, !h) {
  %hs, %hT = rnn.scan %t in %T over(%x = %xs : !xs) carry(%h = %h0 : !h) emit(!hs) {
    %b1 = rnn.broadcast "n->bn" %b [%B] : !b to !h
    %p = rnn.contract "bk,nk->bn" %h, %U : !h, !U -> !h
    %c = arith.mulf %h, %b1 : !h
    %s = arith.addf %p, %c : !h
    %q = rnn.contract "bk,nk->bn" %x, %W : !x, !W -> !h
    %r = arith.addf %q, %b1 : !h
    %z = arith.addf %s, %r : !h
    %n = math.tanh %z : !h
    rnn.yield next(%n : !h) emit(%n : !h)
  }
  return %hs, %hT : !hs, !h
}

// A product that somebody else reads is a term; so is a sum. The chain around
// them is made all the same.
// CHECK-LABEL: func.func @read_twice
// CHECK:         %[[P:.*]] = rnn.contract
// CHECK:         %[[S:.*]] = arith.addf %[[P]], %[[H:.*]] :
// CHECK:         %[[R:.*]] = rnn.contract {{.*}} into(%[[S]] :
// CHECK:         return %[[R]], %[[P]], %[[S]]
func.func @read_twice(%B: index, %T: index, %U: !U, %h: !h) -> (!h, !h, !h) {
  %p = rnn.contract "bk,nk->bn" %h, %U : !h, !U -> !h
  %s = arith.addf %p, %h : !h
  %q = rnn.contract "bk,kn->bn" %h, %U : !h, !U -> !h
  %r = arith.addf %q, %s : !h
  return %r, %p, %s : !h, !h, !h
}

// Gradients: sums over rows that end in a static shape join the chain of an
// accumulator. A sum that keeps the rows is a term.
// CHECK-LABEL: func.func @gradients
// CHECK:         rnn.scan {{.*}} carry(%[[A:.*]] = %{{.*}} : tensor<6xf64>)
// CHECK:           %[[K:.*]] = rnn.reduce sum "bn->n" {{.*}} into(%[[A]] :
// CHECK:           rnn.yield next(%[[K]]
// CHECK:         rnn.scatter_add {{.*}} into(%{{.*}} : tensor<5x6xf64>)
// CHECK:         %[[D:.*]] = rnn.reduce sum "tbn->bn"
// CHECK:         arith.addf %[[D]]
func.func @gradients(%B: index, %T: index, %xs: !hs, %ids: tensor<?x?xi32>, %a0: !b, %E: tensor<5x6xf64>, %h: !h) -> (!b, tensor<5x6xf64>, !h) {
  %a = rnn.scan %t in %T over(%x = %xs : !hs) carry(%s = %a0 : !b) {
    %d = rnn.reduce sum "bn->n" %x : !h to !b
    %n = arith.addf %d, %s : !b
    rnn.yield next(%n : !b)
  }
  %g = rnn.scatter_add %xs at %ids : !hs, tensor<?x?xi32> to tensor<5x6xf64>
  %e = arith.addf %E, %g : tensor<5x6xf64>
  %d = rnn.reduce sum "tbn->bn" %xs : !hs to !h
  %f = arith.addf %d, %h : !h
  return %a, %e, %f : !b, tensor<5x6xf64>, !h
}

// A chain in order stays as it is, whatever was written around it.
// CHECK-LABEL: func.func @in_order
// CHECK:         %[[P:.*]] = rnn.contract "bk,nk->bn" %{{.*}}, %{{.*}} into(%{{.*}} :
// CHECK-NEXT:    %[[Q:.*]] = rnn.contract "bk,nk->bn" %{{.*}}, %{{.*}} into(%[[P]] :
// CHECK-NEXT:    return %[[Q]]
func.func @in_order(%B: index, %T: index, %W: !W, %U: !U, %x: !x, %h: !h) -> !h {
  %p = rnn.contract "bk,nk->bn" %x, %W into(%h : !h) : !x, !W -> !h
  %q = rnn.contract "bk,nk->bn" %h, %U into(%p : !h) : !h, !U -> !h
  return %q : !h
}
