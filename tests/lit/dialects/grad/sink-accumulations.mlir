// RUN: rnn-opt %s --grad-sink-accumulations --canonicalize | FileCheck %s

!h = tensor<?x4xf32>
!hs = tensor<?x?x4xf32>
!U = tensor<4x4xf32>
!v = tensor<4xf32>
!len = tensor<?xi32>

// A product and a sum of rows: factors are emitted once, the carries are gone.
// CHECK-LABEL: func.func @weights
// CHECK-SAME:    %[[T:[^:]*]]: index, %[[LEN:[^:]*]]: tensor<?xi32>, %[[XS:[^:]*]]: tensor<?x?x4xf32>
// CHECK:         %[[ES:.*]], %{{.*}} = rnn.scan %{{.*}} in %[[T]] reverse lengths(%[[LEN]] : {{.*}}) over({{.*}}) carry(%[[D:[^ ]*]] = %{{[^ ]*}} : tensor<?x4xf32>) emit(tensor<?x?x4xf32>)
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
// CHECK:         %[[DU:.*]] = rnn.contract "tbn,tbk->nk" %[[ES]], %[[XS]] valid(%[[LEN]] : tensor<?xi32>) descending
// CHECK:         %[[DB:.*]] = rnn.reduce{{ *}}sum "tbn->n" %[[ES]] valid(%[[LEN]] : tensor<?xi32>)
// CHECK:         return %{{.*}}, %[[DU]], %[[DB]]
func.func @weights(%T: index, %len: !len, %xs: !hs, %d0: !h) -> (!h, !U, !v) {
  %zero = arith.constant dense<0.0> : !U
  %none = arith.constant dense<0.0> : !v
  %d, %u, %b = rnn.scan %t in %T reverse lengths(%len : !len) over(%x = %xs : !hs) carry(%g = %d0 : !h, %a = %zero : !U, %c = %none : !v) {
    %valid = rnn.valid %len at %t : !len to tensor<?xi1>
    %e = arith.mulf %g, %x : !h
    %a1 = rnn.contract "bn,bk->nk" %e, %x into(%a : !U) valid(%valid : tensor<?xi1>) : !h, !h -> !U
    %c1 = rnn.reduce sum "bn->n" %e into(%c : !v) valid(%valid : tensor<?xi1>) : !h to !v
    rnn.yield next(%e, %a1, %c1 : !h, !U, !v)
  }
  return %d, %u, %b : !h, !U, !v
}

// A chain of two stays a chain, from the value that was carried in.
// CHECK-LABEL: func.func @chain
// CHECK-SAME:    %[[A0:[^:]*]]: tensor<4x4xf32>
// CHECK:         %[[FIRST:.*]] = rnn.contract "tbn,tbk->nk" %{{.*}}, %{{.*}} into(%[[A0]] : tensor<4x4xf32>)
// CHECK-NOT:     descending
// CHECK:         rnn.contract "tbn,tbk->nk" %{{.*}}, %{{.*}} into(%[[FIRST]] : tensor<4x4xf32>)
func.func @chain(%a0: !U, %T: index, %xs: !hs, %d0: !h) -> (!h, !U) {
  %d, %u = rnn.scan %t in %T over(%x = %xs : !hs) carry(%g = %d0 : !h, %a = %a0 : !U) {
    %e = arith.mulf %g, %x : !h
    %a1 = rnn.contract "bn,bk->nk" %e, %x into(%a : !U) : !h, !h -> !U
    %a2 = rnn.contract "bn,bk->nk" %x, %g into(%a1 : !U) : !h, !h -> !U
    rnn.yield next(%e, %a2 : !h, !U)
  }
  return %d, %u : !h, !U
}

// The memory of an attention: rows are kept, so lengths explain them.
// CHECK-LABEL: func.func @memory
// CHECK:         rnn.contract "tsb,tbm->sbm" %{{.*}}, %{{.*}} into(%{{.*}}) valid(%{{.*}} : tensor<?xi32>) descending
func.func @memory(%T: index, %len: !len, %ws: tensor<?x?x?xf32>, %xs: !hs, %m0: !hs) -> !hs {
  %m = rnn.scan %t in %T reverse lengths(%len : !len) over(%w = %ws : tensor<?x?x?xf32>, %x = %xs : !hs) carry(%a = %m0 : !hs) {
    %a1 = rnn.contract "sb,bm->sbm" %w, %x into(%a : !hs) : tensor<?x?xf32>, !h -> !hs
    rnn.yield next(%a1 : !hs)
  }
  return %m : !hs
}

// A table.
// CHECK-LABEL: func.func @table
// CHECK-SAME:    %[[T:[^:]*]]: index, %[[XS:[^:]*]]: tensor<?x?x4xf32>, %[[IDS:[^:]*]]: tensor<?x?xi32>
// CHECK-NEXT:    %[[S:.*]] = rnn.scatter_add %[[XS]] at %[[IDS]] into(
// CHECK-NEXT:    return %[[S]]
func.func @table(%T: index, %xs: !hs, %is: tensor<?x?xi32>, %e0: tensor<9x4xf32>) -> tensor<9x4xf32> {
  %e = rnn.scan %t in %T over(%x = %xs : !hs, %i = %is : tensor<?x?xi32>) carry(%a = %e0 : tensor<9x4xf32>) {
    %a1 = rnn.scatter_add %x at %i into(%a : tensor<9x4xf32>) : !h, tensor<?xi32> to tensor<9x4xf32>
    rnn.yield next(%a1 : tensor<9x4xf32>)
  }
  return %e : tensor<9x4xf32>
}

// Stays: the sum is read in the step.
// CHECK-LABEL: func.func @read
// CHECK:         rnn.scan
// CHECK:           rnn.contract "bn,bk->nk"
func.func @read(%T: index, %xs: !hs, %a0: !U) -> (!U, tensor<?x4x4xf32>) {
  %s, %u = rnn.scan %t in %T over(%x = %xs : !hs) carry(%a = %a0 : !U) emit(tensor<?x4x4xf32>) {
    %a1 = rnn.contract "bn,bk->nk" %x, %x into(%a : !U) : !h, !h -> !U
    rnn.yield next(%a1 : !U) emit(%a1 : !U)
  }
  return %u, %s : !U, tensor<?x4x4xf32>
}

// Stays: padding is summed, and emissions would be 0 there.
// CHECK-LABEL: func.func @padding
// CHECK:         rnn.scan
// CHECK:           rnn.contract "bn,bk->nk"
func.func @padding(%T: index, %len: !len, %xs: !hs, %a0: !U) -> !U {
  %u = rnn.scan %t in %T lengths(%len : !len) over(%x = %xs : !hs) carry(%a = %a0 : !U) {
    %a1 = rnn.contract "bn,bk->nk" %x, %x into(%a : !U) : !h, !h -> !U
    rnn.yield next(%a1 : !U)
  }
  return %u : !U
}
