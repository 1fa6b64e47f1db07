// RUN: rnn-opt %s --rnn-drop-dead --cse | FileCheck %s

!h = tensor<?x6xf64>
!hs = tensor<?x?x6xf64>
!x = tensor<?x4xf64>
!xs = tensor<?x?x4xf64>
!W = tensor<6x4xf64>
!U = tensor<6x6xf64>
!len = tensor<?xi32>

// A carried value that only feeds itself goes, with its sequence, its product
// and its emission.
// CHECK-LABEL: func.func @unused_state
// CHECK:         rnn.scan {{.*}} over(%{{.*}} = %{{.*}} : tensor<?x?x6xf64>) carry(%{{.*}} = %{{.*}} : tensor<?x6xf64>) {
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield next(%{{.*}} : tensor<?x6xf64>)
// CHECK-NOT:       emit
func.func @unused_state(%B: index, %T: index, %W: !W, %xs: !xs, %ys: !hs, %h0: !h) -> !h {
  %gs, %hs, %hT, %gT = rnn.scan %t in %T over(%x = %xs : !xs, %y = %ys : !hs) carry(%h = %h0 : !h, %g = %h0 : !h) emit(!hs, !hs) {
    %p = rnn.contract "bk,nk->bn" %x, %W into(%g : !h) : !x, !W -> !h
    %n = arith.addf %h, %y : !h
    rnn.yield next(%n, %p : !h, !h) emit(%p, %n : !h, !h)
  }
  return %hT : !h
}

// The adjoint of a first layer: nobody wants the gradient of the input.
// CHECK-LABEL: func.func @no_input_gradient
// CHECK:         rnn.scan {{.*}} reverse {{.*}} emit(tensor<?x?x6xf64>)
// CHECK-COUNT-1:   rnn.contract
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
func.func @no_input_gradient(%B: index, %T: index, %W: !W, %U: !U, %hs: !hs, %dys: !hs, %dh: !h) -> (!hs, !h) {
  %dxs, %das, %dh0 = rnn.scan %t in %T reverse over(%h = %hs : !hs, %dy = %dys : !hs) carry(%d = %dh : !h) emit(!xs, !hs) {
    %e = arith.addf %d, %dy : !h
    %a = arith.mulf %e, %h : !h
    %dx = rnn.contract "bn,nk->bk" %a, %W : !h, !W -> !x
    %n = rnn.contract "bn,nk->bk" %a, %U : !h, !U -> !h
    rnn.yield next(%n : !h) emit(%dx, %a : !x, !h)
  }
  return %das, %dh0 : !hs, !h
}

// A state that never changes is the value it starts from; two states that start
// and continue alike are one.
// CHECK-LABEL: func.func @no_state
// CHECK-SAME:    %[[C:arg3]]: tensor<?x6xf64>, %[[H:arg4]]: tensor<?x6xf64>
// CHECK:         %[[YS:.*]], %[[HT:.*]] = rnn.scan {{.*}} carry(%{{.*}} = %[[H]] : tensor<?x6xf64>) emit
// CHECK:           arith.mulf %{{.*}}, %[[C]]
// CHECK:         return %[[YS]], %[[C]], %[[HT]], %[[HT]]
func.func @no_state(%B: index, %T: index, %xs: !hs, %c0: !h, %h0: !h, %len: !len) -> (!hs, !h, !h, !h) {
  %ys, %cT, %hT, %gT = rnn.scan %t in %T lengths(%len : !len) over(%x = %xs : !hs) carry(%c = %c0 : !h, %h = %h0 : !h, %g = %h0 : !h) emit(!hs) {
    %p = arith.mulf %x, %c : !h
    %q = arith.addf %p, %g : !h
    %n = arith.addf %q, %h : !h
    rnn.yield next(%c, %n, %n : !h, !h, !h) emit(%n : !h)
  }
  return %ys, %cT, %hT, %gT : !hs, !h, !h, !h
}

// What is emitted in every step alike is repeated outside; under lengths only
// what has no rows.
// CHECK-LABEL: func.func @same_in_every_step
// CHECK:         rnn.broadcast "bd->tbd" %{{.*}}[%{{.*}}] : tensor<?x6xf64> to tensor<?x?x6xf64>
// CHECK:         rnn.scan {{.*}} lengths({{.*}}) over({{.*}}) carry({{.*}}) emit(tensor<?x?x6xf64>)
func.func @same_in_every_step(%B: index, %T: index, %xs: !hs, %c: !h, %len: !len) -> (!hs, !hs, !h, !h) {
  %as, %aT = rnn.scan %t in %T over(%x = %xs : !hs) carry(%h = %c : !h) emit(!hs) {
    %n = arith.addf %h, %x : !h
    rnn.yield next(%n : !h) emit(%c : !h)
  }
  %bs, %bT = rnn.scan %t in %T lengths(%len : !len) over(%x = %xs : !hs) carry(%h = %c : !h) emit(!hs) {
    %n = arith.addf %h, %x : !h
    rnn.yield next(%n : !h) emit(%c : !h)
  }
  return %as, %bs, %aT, %bT : !hs, !hs, !h, !h
}

// The last step of the emitted states is the final state, so nothing is emitted;
// a slice emitted as it came is the sequence itself.
// CHECK-LABEL: func.func @last_step
// CHECK-SAME:    %[[XS:arg2]]: tensor<?x?x6xf64>
// CHECK:         %[[F:.*]] = rnn.scan {{.*}} lengths
// CHECK-NOT:       emit
// CHECK:         %[[R:.*]] = rnn.scan {{.*}} reverse
// CHECK-NOT:       emit
// CHECK:         return %[[F]], %[[R]], %[[XS]]
func.func @last_step(%B: index, %T: index, %xs: !hs, %h0: !h, %len: !len) -> (!h, !h, !hs) {
  %hs, %hT = rnn.scan %t in %T lengths(%len : !len) over(%x = %xs : !hs) carry(%h = %h0 : !h) emit(!hs) {
    %n = arith.addf %h, %x : !h
    rnn.yield next(%n : !h) emit(%n : !h)
  }
  %last = rnn.pick last %hs lengths(%len : !len) : !hs to !h
  %gs, %ys, %gT = rnn.scan %t in %T reverse over(%x = %xs : !hs) carry(%h = %h0 : !h) emit(!hs, !hs) {
    %n = arith.mulf %h, %x : !h
    rnn.yield next(%n : !h) emit(%n, %x : !h, !h)
  }
  %first = rnn.pick first %gs : !hs to !h
  return %last, %first, %ys : !h, !h, !hs
}

// Scans in scans: what the outer one does not need leaves the inner one; a scan
// without users goes.
// CHECK-LABEL: func.func @nested
// CHECK:         rnn.scan
// CHECK:           rnn.scan {{.*}} carry(%{{.*}} = %{{.*}} : tensor<?x6xf64>) {
// CHECK-NOT:       rnn.scan
// CHECK:         return
func.func @nested(%B: index, %T: index, %xs: !hs, %h0: !h) -> !h {
  %hT = rnn.scan %t in %T over(%x = %xs : !hs) carry(%h = %h0 : !h) {
    %is, %g, %f = rnn.scan %s in %T over(%y = %xs : !hs) carry(%a = %h : !h, %b = %x : !h) emit(!hs) {
      %n = arith.addf %a, %y : !h
      %m = arith.mulf %b, %y : !h
      rnn.yield next(%n, %m : !h, !h) emit(%m : !h)
    }
    %u = rnn.scan %s in %T over(%y = %xs : !hs) carry(%a = %h : !h) {
      %n = arith.addf %a, %y : !h
      rnn.yield next(%n : !h)
    }
    rnn.yield next(%g : !h)
  }
  return %hT : !h
}
