// RUN: rnn-opt %s --rnn-hoist-stateless --canonicalize --cse | FileCheck %s
// RUN: rnn-opt %s --rnn-hoist-stateless=invariant-only --canonicalize --cse | FileCheck %s --check-prefix=ONE

!h = tensor<?x6xf64>
!x = tensor<?x4xf64>
!hs = tensor<?x?x6xf64>
!xs = tensor<?x?x4xf64>
!W = tensor<6x4xf64>
!U = tensor<6x6xf64>
!b = tensor<6xf64>
!len = tensor<?xi32>

// An Elman cell: bias and input product leave, the product of the state stays.
// For calls of one step the bias alone leaves.
// ONE-LABEL: func.func @elman
// ONE:         %[[BS:.*]] = rnn.broadcast "n->bn" %{{.*}}[%{{.*}}] : tensor<6xf64> to tensor<?x6xf64>
// ONE-NEXT:    rnn.scan {{.*}} over(%[[X:.*]] = %{{.*}} : tensor<?x?x4xf64>) carry(%[[H:.*]] = %
// ONE-NEXT:      %[[P:.*]] = rnn.contract "bk,nk->bn" %[[X]], %{{.*}} into(%[[BS]] : tensor<?x6xf64>)
// ONE-NEXT:      rnn.contract "bk,nk->bn" %[[H]], %{{.*}} into(%[[P]] : tensor<?x6xf64>)
// CHECK-LABEL: func.func @elman
// CHECK:         %[[BS:.*]] = rnn.broadcast "{{.->t..}}" %{{.*}}[%{{.*}}, %{{.*}}] : tensor<6xf64> to tensor<?x?x6xf64>
// CHECK:         %[[PS:.*]] = rnn.contract "tbk,nk->tbn" %{{.*}}, %{{.*}} into(%[[BS]] : tensor<?x?x6xf64>)
// CHECK:         rnn.scan {{.*}} over(%[[P:.*]] = %[[PS]] : tensor<?x?x6xf64>) carry(%[[H:.*]] = %
// CHECK-NEXT:      %[[Z:.*]] = rnn.contract "bk,nk->bn" %[[H]], %{{.*}} into(%[[P]] : tensor<?x6xf64>)
// CHECK-NEXT:      %[[N:.*]] = math.tanh %[[Z]]
// CHECK-NEXT:      rnn.yield next(%[[N]]
func.func @elman(%B: index, %T: index, %W: !W, %U: !U, %b: !b, %xs: !xs, %h0: !h) -> (!hs, !h) {
  %hs, %hT = rnn.scan %t in %T over(%x = %xs : !xs) carry(%h = %h0 : !h) emit(!hs) {
    %b1 = rnn.broadcast "n->bn" %b [%B] : !b to !h
    %p = rnn.contract "bk,nk->bn" %x, %W into(%b1 : !h) : !x, !W -> !h
    %z = rnn.contract "bk,nk->bn" %h, %U into(%p : !h) : !h, !U -> !h
    %n = math.tanh %z : !h
    rnn.yield next(%n : !h) emit(%n : !h)
  }
  return %hs, %hT : !hs, !h
}

// A gated unit in both directions under lengths: two input products leave, the
// work between them and the state stays. The draw at the position that feeds
// a product becomes one of the whole sequence.
// CHECK-LABEL: func.func @gru_dropout
// CHECK:         rnn.uniform key(%{{.*}}) stream 3 sequence[%{{.*}}, %{{.*}}] : tensor<?x?x4xf64>
// CHECK:         arith.cmpf olt, {{.*}} : tensor<?x?x4xf64>
// CHECK:         %[[XS:.*]] = arith.select {{.*}} : tensor<?x?x4xi1>, tensor<?x?x4xf64>
// CHECK-DAG:     %[[PZ:.*]] = rnn.contract "tbk,nk->tbn" %[[XS]],
// CHECK-DAG:     %[[PN:.*]] = rnn.contract "tbk,nk->tbn" %[[XS]],
// CHECK:         rnn.scan {{.*}} reverse lengths({{.*}}) over(%{{.*}} = %[[PZ]] : tensor<?x?x6xf64>, %{{.*}} = %[[PN]] : tensor<?x?x6xf64>) carry
// CHECK-COUNT-2:   rnn.contract "bk,nk->bn"
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
func.func @gru_dropout(%B: index, %T: index, %key: i64, %Wz: !W, %Wn: !W, %Uz: !U, %Un: !U, %xs: !xs, %h0: !h, %len: !len) -> (!hs, !h) {
  %half = arith.constant dense<0.5> : tensor<f64>
  %zero = arith.constant dense<0.0> : tensor<f64>
  %one = arith.constant dense<1.0> : tensor<f64>
  %hs, %hT = rnn.scan %t in %T reverse lengths(%len : !len) over(%x = %xs : !xs) carry(%h = %h0 : !h) emit(!hs) {
    %u = rnn.uniform key(%key) stream 3 at %t [%B] : !x
    %q = rnn.broadcast "->bn" %half [%B] : tensor<f64> to !x
    %o = rnn.broadcast "->bn" %zero [%B] : tensor<f64> to !x
    %keep = arith.cmpf olt, %u, %q : !x
    %d = arith.select %keep, %x, %o : tensor<?x4xi1>, !x
    %pz = rnn.contract "bk,nk->bn" %d, %Wz : !x, !W -> !h
    %qz = rnn.contract "bk,nk->bn" %h, %Uz into(%pz : !h) : !h, !U -> !h
    %z = rnn.sigmoid %qz : !h
    %pn = rnn.contract "bk,nk->bn" %d, %Wn : !x, !W -> !h
    %zh = arith.mulf %z, %h : !h
    %qn = rnn.contract "bk,nk->bn" %zh, %Un into(%pn : !h) : !h, !U -> !h
    %n = math.tanh %qn : !h
    %i = rnn.broadcast "->bn" %one [%B] : tensor<f64> to !h
    %m = arith.subf %i, %z : !h
    %a = arith.mulf %m, %n : !h
    %h1 = arith.addf %a, %zh : !h
    rnn.yield next(%h1 : !h) emit(%h1 : !h)
  }
  return %hs, %hT : !hs, !h
}

// Token ids: the look-up leaves and so does the product of its rows.
// CHECK-LABEL: func.func @embedded
// CHECK:         %[[ES:.*]] = rnn.gather %{{.*}}[%{{.*}}] : tensor<5x4xf64>, tensor<?x?xi32> to tensor<?x?x4xf64>
// CHECK:         rnn.contract "tbk,nk->tbn" %[[ES]]
// CHECK:         rnn.scan
// CHECK-NOT:       rnn.gather
// CHECK:           rnn.yield
func.func @embedded(%B: index, %T: index, %E: tensor<5x4xf64>, %W: !W, %ids: tensor<?x?xi32>, %h0: !h) -> (!hs, !h) {
  %hs, %hT = rnn.scan %t in %T over(%i = %ids : tensor<?x?xi32>) carry(%h = %h0 : !h) emit(!hs) {
    %e = rnn.gather %E[%i] : tensor<5x4xf64>, !len to !x
    %p = rnn.contract "bk,nk->bn" %e, %W into(%h : !h) : !x, !W -> !h
    %q = rnn.contract "bk,nk->bn" %e, %W : !x, !W -> !h
    %r = arith.addf %p, %q : !h
    %n = math.tanh %r : !h
    rnn.yield next(%n : !h) emit(%n : !h)
  }
  return %hs, %hT : !hs, !h
}

// A cell of our own: normalised input, a matrix state. What the input alone
// decides leaves: the row statistics, the products, their joined keys. The
// outer product of key and value stays: it sums nothing and is large.
// CHECK-LABEL: func.func @decaying_memory
// CHECK-DAG:     %[[S:.*]] = rnn.reduce sum "tbk->tb"
// CHECK-DAG:     rnn.broadcast "tb->tbk" %[[S]]
// CHECK-DAG:     %[[VS:.*]] = rnn.contract "tbk,nk->tbn"
// CHECK:         rnn.scan
// CHECK:           %[[K:.*]] = rnn.concat
// CHECK:           rnn.contract "bk,bn->bkn" %[[K]]
// CHECK:           rnn.contract "bkn,bn->bk"
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
func.func @decaying_memory(%B: index, %T: index, %Wk: !W, %Wq: !W, %Wv: !W, %xs: !xs, %M0: tensor<?x12x6xf64>) -> (tensor<?x?x12xf64>, tensor<?x12x6xf64>) {
  %ys, %MT = rnn.scan %t in %T over(%x = %xs : !xs) carry(%M = %M0 : tensor<?x12x6xf64>) emit(tensor<?x?x12xf64>) {
    %s = rnn.reduce sum "bk->b" %x : !x to tensor<?xf64>
    %m = rnn.broadcast "b->bk" %s [] : tensor<?xf64> to !x
    %c = arith.subf %x, %m : !x
    %k1 = rnn.contract "bk,nk->bn" %c, %Wk : !x, !W -> !h
    %k2 = rnn.contract "bk,nk->bn" %c, %Wq : !x, !W -> !h
    %v = rnn.contract "bk,nk->bn" %c, %Wv : !x, !W -> !h
    %k = rnn.concat %k1, %k2 axis 1 : !h, !h to tensor<?x12xf64>
    %kv = rnn.contract "bk,bn->bkn" %k, %v : tensor<?x12xf64>, !h -> tensor<?x12x6xf64>
    %M1 = arith.addf %M, %kv : tensor<?x12x6xf64>
    %y = rnn.contract "bkn,bn->bk" %M1, %v : tensor<?x12x6xf64>, !h -> tensor<?x12xf64>
    rnn.yield next(%M1 : tensor<?x12x6xf64>) emit(%y : tensor<?x12xf64>)
  }
  return %ys, %MT : tensor<?x?x12xf64>, tensor<?x12x6xf64>
}

// A scan in a scan: the product of the outer slice leaves both loops and meets
// the one of the inner slice there. Attention of a query without state over a
// captured sequence: the letter t is taken, and its lengths stay with it.
// CHECK-LABEL: func.func @nested
// CHECK-DAG:     rnn.contract "tbk,nk->tbn" %[[XS:arg[0-9]+]]
// CHECK-DAG:     rnn.contract "tbk,ubk->utb" %[[XS]], %[[XS]]
// CHECK-DAG:     rnn.softmax %{{.*}} over "t" in "utb" valid(%{{.*}} : tensor<?xi32>)
// CHECK-DAG:     rnn.contract "utb,tbk->ubk" {{.*}} valid(%{{.*}} : tensor<?xi32>)
// CHECK:         rnn.scan
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.scan
// CHECK-NOT:         rnn.contract
// CHECK:             rnn.yield
func.func @nested(%B: index, %T: index, %W: !W, %xs: !xs, %h0: !h, %len: !len) -> (!hs, !xs, !h) {
  %hs, %cs, %hT = rnn.scan %t in %T over(%x = %xs : !xs) carry(%h = %h0 : !h) emit(!hs, !xs) {
    %g = rnn.scan %s in %T over(%y = %xs : !xs) carry(%f = %h : !h) {
      %p = rnn.contract "bk,nk->bn" %x, %W : !x, !W -> !h
      %q = rnn.contract "bk,nk->bn" %y, %W : !x, !W -> !h
      %r = arith.addf %p, %q : !h
      %u = arith.mulf %r, %f : !h
      %v = math.tanh %u : !h
      rnn.yield next(%v : !h)
    }
    %e = rnn.contract "tbk,bk->tb" %xs, %x : !xs, !x -> tensor<?x?xf64>
    %a = rnn.softmax %e over "t" in "tb" valid(%len : !len) : tensor<?x?xf64>
    %c = rnn.contract "tb,tbk->bk" %a, %xs valid(%len : !len) : tensor<?x?xf64>, !xs -> !x
    rnn.yield next(%g : !h) emit(%g, %c : !h, !x)
  }
  return %hs, %cs, %hT : !hs, !xs, !h
}

// An adjoint that does the step again: the product of the state that the primal
// scan computes step by step stays, as it may be kept; that of the input
// leaves, and is the primal scan's.
// CHECK-LABEL: func.func @step_again
// CHECK:         %[[PS:.*]] = rnn.contract "tbk,nk->tbn"
// CHECK-NOT:     rnn.contract
// CHECK:         rnn.scan
// CHECK:           rnn.contract "bk,nk->bn"
// CHECK-NOT:     rnn.contract "t
// CHECK:         rnn.scan {{.*}} reverse over({{.*}} = %[[PS]] : tensor<?x?x6xf64>)
// CHECK:           rnn.contract "bk,nk->bn"
// CHECK:           rnn.contract "bn,nk->bk"
func.func @step_again(%B: index, %T: index, %W: !W, %U: !U, %xs: !xs, %h0: !h, %dys: !hs) -> (!hs, !h) {
  %hp, %hT = rnn.scan %t in %T over(%x = %xs : !xs) carry(%h = %h0 : !h) emit(!hs) {
    %p = rnn.contract "bk,nk->bn" %x, %W : !x, !W -> !h
    %z = rnn.contract "bk,nk->bn" %h, %U into(%p : !h) : !h, !U -> !h
    %n = math.tanh %z : !h
    rnn.yield next(%n : !h) emit(%h : !h)
  }
  %as, %d0 = rnn.scan %t in %T reverse over(%x = %xs : !xs, %h = %hp : !hs, %dy = %dys : !hs) carry(%d = %hT : !h) emit(!hs) {
    %p = rnn.contract "bk,nk->bn" %x, %W : !x, !W -> !h
    %z = rnn.contract "bk,nk->bn" %h, %U into(%p : !h) : !h, !U -> !h
    %n = math.tanh %z : !h
    %e = arith.addf %d, %dy : !h
    %a = arith.mulf %e, %n : !h
    %d1 = rnn.contract "bn,nk->bk" %a, %U : !h, !U -> !h
    rnn.yield next(%d1 : !h) emit(%a : !h)
  }
  return %as, %d0 : !hs, !h
}
