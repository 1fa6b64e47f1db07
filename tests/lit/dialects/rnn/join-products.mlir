// RUN: rnn-opt %s --rnn-chain-sums --rnn-hoist-stateless --canonicalize --cse --rnn-join-products --canonicalize --cse | FileCheck %s

!h = tensor<?x8xf64>
!x = tensor<?x4xf64>
!hs = tensor<?x?x8xf64>
!xs = tensor<?x?x4xf64>
!W = tensor<8x4xf64>
!U = tensor<8x8xf64>
!b = tensor<8xf64>
!len = tensor<?xi32>

// Four gates: one product of the inputs before the scan, one of the state in
// it, weights joined outside. The joined input product comes in whole and starts
// the product of the state.
// CHECK-LABEL: func.func @lstm(
// CHECK-DAG:     %[[U:.*]] = rnn.concat {{.*}} axis 0 : {{.*}} to tensor<32x8xf64>
// CHECK-DAG:     %[[W:.*]] = rnn.concat {{.*}} axis 0 : {{.*}} to tensor<32x4xf64>
// CHECK:         %[[PS:.*]] = rnn.contract "tbk,nk->tbn" %{{.*}}, %[[W]] into(
// CHECK-NOT:     rnn.contract
// CHECK:         rnn.scan {{.*}} over(%[[P:arg[0-9]+]] = %[[PS]] : tensor<?x?x32xf64>) carry(%[[H:arg[0-9]+]] = %
// CHECK-NEXT:      %[[Z:.*]] = rnn.contract "bk,nk->bn" %[[H]], %[[U]] into(%[[P]] : tensor<?x32xf64>)
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
func.func @lstm(%B: index, %T: index, %Wi: !W, %Wf: !W, %Wg: !W, %Wo: !W, %Ui: !U, %Uf: !U, %Ug: !U, %Uo: !U, %bi: !b, %bf: !b, %bg: !b, %bo: !b, %xs: !xs, %len: tensor<?xi32>) -> (!hs, !h) {
  %z = arith.constant dense<0.0> : tensor<8xf64>
  %h0 = rnn.broadcast "n->bn" %z [%B] : !b to !h
  %hs, %cs, %hT, %cT = rnn.scan %t in %T lengths(%len : tensor<?xi32>) over(%x = %xs : !xs) carry(%h = %h0 : !h, %c = %h0 : !h) emit(!hs, !hs) {
    %bi1 = rnn.broadcast "n->bn" %bi [%B] : !b to !h
    %i1 = rnn.contract "nk,bk->bn" %Wi, %x : !W, !x -> !h
    %i2 = rnn.contract "nk,bk->bn" %Ui, %h : !U, !h -> !h
    %i3 = arith.addf %i1, %i2 : !h
    %i4 = arith.addf %i3, %bi1 : !h
    %i = rnn.sigmoid %i4 : !h
    %bf1 = rnn.broadcast "n->bn" %bf [%B] : !b to !h
    %f1 = rnn.contract "nk,bk->bn" %Wf, %x : !W, !x -> !h
    %f2 = rnn.contract "nk,bk->bn" %Uf, %h : !U, !h -> !h
    %f3 = arith.addf %f1, %f2 : !h
    %f4 = arith.addf %f3, %bf1 : !h
    %f = rnn.sigmoid %f4 : !h
    %bg1 = rnn.broadcast "n->bn" %bg [%B] : !b to !h
    %g1 = rnn.contract "nk,bk->bn" %Wg, %x : !W, !x -> !h
    %g2 = rnn.contract "nk,bk->bn" %Ug, %h : !U, !h -> !h
    %g3 = arith.addf %g1, %g2 : !h
    %g4 = arith.addf %g3, %bg1 : !h
    %g = math.tanh %g4 : !h
    %bo1 = rnn.broadcast "n->bn" %bo [%B] : !b to !h
    %o1 = rnn.contract "nk,bk->bn" %Wo, %x : !W, !x -> !h
    %o2 = rnn.contract "nk,bk->bn" %Uo, %h : !U, !h -> !h
    %o3 = arith.addf %o1, %o2 : !h
    %o4 = arith.addf %o3, %bo1 : !h
    %o = rnn.sigmoid %o4 : !h
    %fc = arith.mulf %f, %c : !h
    %ig = arith.mulf %i, %g : !h
    %c1 = arith.addf %fc, %ig : !h
    %tc = math.tanh %c1 : !h
    %h1 = arith.mulf %o, %tc : !h
    rnn.yield next(%h1, %c1 : !h, !h) emit(%h1, %c1 : !h, !h)
  }
  return %hs, %hT : !hs, !h
}

// Its adjoint: in the scan the four summed products are one, over the joined
// gates; they are emitted joined, and each weight gradient over all steps is one
// product. Gradients of the bias join as well.
// CHECK-LABEL: func.func @lstm_adjoint(
// CHECK-SAME:    %[[WI:arg2]]: tensor<8x4xf64>
// CHECK-DAG:     %[[U:.*]] = rnn.concat %arg6, %arg7, %arg8, %arg9 axis 0
// CHECK-DAG:     %[[W:.*]] = rnn.concat %arg2, %arg3, %arg4, %arg5 axis 0
// CHECK:         %[[DA:.*]], %{{.*}}:2 = rnn.scan {{.*}} reverse
// CHECK:           %[[A:.*]] = rnn.concat {{.*}} to tensor<?x32xf64>
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.contract "bn,nk->bk" %[[A]], %[[U]] :
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield {{.*}} emit(%[[A]] : tensor<?x32xf64>)
// CHECK-DAG:     rnn.contract "tbn,tbk->nk" %[[DA]], {{.*}} -> tensor<32x4xf64>
// CHECK-DAG:     rnn.contract "tbn,tbk->nk" %[[DA]], {{.*}} -> tensor<32x8xf64>
// CHECK-DAG:     rnn.reduce sum "tbn->n" %[[DA]] {{.*}} to tensor<32xf64>
// CHECK-DAG:     rnn.contract "tbn,nk->tbk" %[[DA]], %[[W]] :
// CHECK-NOT:     rnn.contract
// CHECK-NOT:     rnn.reduce
// CHECK:         return
func.func @lstm_adjoint(%B: index, %T: index, %Wi: !W, %Wf: !W, %Wg: !W, %Wo: !W, %Ui: !U, %Uf: !U, %Ug: !U, %Uo: !U, %xs: !xs, %hp: !hs, %is: !hs, %fs: !hs, %gs: !hs, %os: !hs, %cs: !hs, %cps: !hs, %dys: !hs, %dhT: !h, %len: tensor<?xi32>) -> (!W, !W, !W, !W, !U, !U, !U, !U, !b, !b, !b, !b, !h, !xs) {
  %one = arith.constant dense<1.0> : tensor<f64>
  %ones = rnn.broadcast "->bn" %one [%B] : tensor<f64> to !h
  %dis, %dfs, %dgs, %dos, %dh0, %dc0 = rnn.scan %t in %T reverse lengths(%len : tensor<?xi32>) over(%i = %is : !hs, %f = %fs : !hs, %g = %gs : !hs, %o = %os : !hs, %c1 = %cs : !hs, %c = %cps : !hs, %dy = %dys : !hs) carry(%dh = %dhT : !h, %dc = %dhT : !h) emit(!hs, !hs, !hs, !hs) {
    %e = arith.addf %dh, %dy : !h
    %tc = math.tanh %c1 : !h
    %do1 = arith.mulf %e, %tc : !h
    %dtc = arith.mulf %e, %o : !h
    %dct = arith.addf %dtc, %dc : !h
    %di1 = arith.mulf %dct, %g : !h
    %df1 = arith.mulf %dct, %c : !h
    %dg1 = arith.mulf %dct, %i : !h
    %dc1 = arith.mulf %dct, %f : !h
    %a1 = rnn.contract "bn,nk->bk" %do1, %Uo : !h, !U -> !h
    %a2 = rnn.contract "bn,nk->bk" %dg1, %Ug into(%a1 : !h) : !h, !U -> !h
    %a3 = rnn.contract "bn,nk->bk" %df1, %Uf into(%a2 : !h) : !h, !U -> !h
    %a4 = rnn.contract "bn,nk->bk" %di1, %Ui into(%a3 : !h) : !h, !U -> !h
    rnn.yield next(%a4, %dc1 : !h, !h) emit(%di1, %df1, %dg1, %do1 : !h, !h, !h, !h)
  }
  %dWi = rnn.contract "tbn,tbk->nk" %dis, %xs valid(%len : tensor<?xi32>) descending : !hs, !xs -> !W
  %dWf = rnn.contract "tbn,tbk->nk" %dfs, %xs valid(%len : tensor<?xi32>) descending : !hs, !xs -> !W
  %dWg = rnn.contract "tbn,tbk->nk" %dgs, %xs valid(%len : tensor<?xi32>) descending : !hs, !xs -> !W
  %dWo = rnn.contract "tbn,tbk->nk" %dos, %xs valid(%len : tensor<?xi32>) descending : !hs, !xs -> !W
  %dUi = rnn.contract "tbn,tbk->nk" %dis, %hp valid(%len : tensor<?xi32>) descending : !hs, !hs -> !U
  %dUf = rnn.contract "tbn,tbk->nk" %dfs, %hp valid(%len : tensor<?xi32>) descending : !hs, !hs -> !U
  %dUg = rnn.contract "tbn,tbk->nk" %dgs, %hp valid(%len : tensor<?xi32>) descending : !hs, !hs -> !U
  %dUo = rnn.contract "tbn,tbk->nk" %dos, %hp valid(%len : tensor<?xi32>) descending : !hs, !hs -> !U
  %dbi = rnn.reduce sum "tbn->n" %dis valid(%len : tensor<?xi32>) : !hs to !b
  %dbf = rnn.reduce sum "tbn->n" %dfs valid(%len : tensor<?xi32>) : !hs to !b
  %dbg = rnn.reduce sum "tbn->n" %dgs valid(%len : tensor<?xi32>) : !hs to !b
  %dbo = rnn.reduce sum "tbn->n" %dos valid(%len : tensor<?xi32>) : !hs to !b
  %dx1 = rnn.contract "tbn,nk->tbk" %dos, %Wo : !hs, !W -> !xs
  %dx2 = rnn.contract "tbn,nk->tbk" %dgs, %Wg into(%dx1 : !xs) : !hs, !W -> !xs
  %dx3 = rnn.contract "tbn,nk->tbk" %dfs, %Wf into(%dx2 : !xs) : !hs, !W -> !xs
  %dx4 = rnn.contract "tbn,nk->tbk" %dis, %Wi into(%dx3 : !xs) : !hs, !W -> !xs
  return %dWi, %dWf, %dWg, %dWo, %dUi, %dUf, %dUg, %dUo, %dbi, %dbf, %dbg, %dbo, %dh0, %dx4 : !W, !W, !W, !W, !U, !U, !U, !U, !b, !b, !b, !b, !h, !xs
}

// A gated unit that resets before the product: two gates join, the candidate
// needs one of them and stays apart. The gate without a start gets zeros
// there.
// CHECK-LABEL: func.func @gru_reset_before(
// CHECK:         rnn.scan
// CHECK:           %[[START:.*]] = rnn.place %{{.*}} axis 1 at 0 : tensor<?x8xf64> to tensor<?x16xf64>
// CHECK:           rnn.contract {{.*}} into(%[[START]] : tensor<?x16xf64>)
// CHECK:           rnn.contract {{.*}} -> tensor<?x8xf64>
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
func.func @gru_reset_before(%B: index, %T: index, %Wz: !W, %Wn: !W, %Uz: !U, %Ur: !U, %Un: !U, %xs: !xs, %h0: !h, %len: !len) -> (!hs, !h) {
  %hs, %hT = rnn.scan %t in %T reverse lengths(%len : !len) over(%x = %xs : !xs) carry(%h = %h0 : !h) emit(!hs) {
    %qr = rnn.contract "bk,nk->bn" %h, %Ur : !h, !U -> !h
    %r = rnn.sigmoid %qr : !h
    %pz = rnn.contract "bk,nk->bn" %x, %Wz : !x, !W -> !h
    %rh = arith.mulf %r, %h : !h
    %qz = rnn.contract "bk,nk->bn" %h, %Uz into(%pz : !h) : !h, !U -> !h
    %z = rnn.sigmoid %qz : !h
    %pn = rnn.contract "bk,nk->bn" %x, %Wn : !x, !W -> !h
    %qn = rnn.contract "bk,nk->bn" %rh, %Un into(%pn : !h) : !h, !U -> !h
    %n = math.tanh %qn : !h
    %d = arith.subf %h, %n : !h
    %zd = arith.mulf %z, %d : !h
    %h1 = arith.addf %n, %zd : !h
    rnn.yield next(%h1 : !h) emit(%h1 : !h)
  }
  return %hs, %hT : !hs, !h
}

// A cell of our own with two states of different sizes and labels named
// otherwise in each product: three gates of sums U h + V s, one product in all.
// CHECK-LABEL: func.func @two_states(
// CHECK:         rnn.contract {{.*}} -> tensor<?x?x24xf64>
// CHECK:         rnn.scan
// CHECK:           %[[HS:.*]] = rnn.concat {{.*}} axis 1 : tensor<?x{{[48]}}xf64>, tensor<?x{{[48]}}xf64> to tensor<?x12xf64>
// CHECK:           rnn.contract "{{.*}}" %[[HS]], {{.*}} : tensor<?x12xf64>, tensor<24x12xf64> -> tensor<?x24xf64>
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
func.func @two_states(%B: index, %T: index, %W1: !W, %W2: !W, %W3: !W, %U1: !U, %U2: !U, %U3: !U, %V1: !W, %V2: !W, %V3: !W, %xs: !xs, %h0: !h, %s0: !x, %len: !len) -> (!hs, !h, !x) {
  %hs, %hT, %sT = rnn.scan %t in %T lengths(%len : !len) over(%x = %xs : !xs) carry(%h = %h0 : !h, %s = %s0 : !x) emit(!hs) {
    %x1 = rnn.contract "bk,nk->bn" %x, %W1 : !x, !W -> !h
    %x2 = rnn.contract "bk,nk->bn" %x, %W2 : !x, !W -> !h
    %x3 = rnn.contract "bk,nk->bn" %x, %W3 : !x, !W -> !h
    %h1 = rnn.contract "bk,nk->bn" %h, %U1 : !h, !U -> !h
    %h2 = rnn.contract "bi,ji->bj" %h, %U2 : !h, !U -> !h
    %h3 = rnn.contract "bp,qp->bq" %h, %U3 : !h, !U -> !h
    %s1 = rnn.contract "bk,nk->bn" %s, %V1 : !x, !W -> !h
    %s2 = rnn.contract "bi,ji->bj" %s, %V2 : !x, !W -> !h
    %s3 = rnn.contract "bp,qp->bq" %s, %V3 : !x, !W -> !h
    %y1 = arith.addf %x1, %h1 : !h
    %y2 = arith.addf %x2, %h2 : !h
    %y3 = arith.addf %x3, %h3 : !h
    %z1 = arith.addf %y1, %s1 : !h
    %z2 = arith.addf %s2, %y2 : !h
    %z3 = arith.addf %y3, %s3 : !h
    %a = rnn.sigmoid %z1 : !h
    %c = rnn.softplus %z2 : !h
    %e = math.tanh %z3 : !h
    %ac = arith.mulf %a, %c : !h
    %n = arith.mulf %ac, %e : !h
    %m = rnn.slice %e axis 1 from 2 : !h to !x
    %k = arith.mulf %m, %s : !x
    rnn.yield next(%n, %k : !h, !x) emit(%n : !h)
  }
  return %hs, %hT, %sT : !hs, !h, !x
}

// Look-ups in slices of one table by the same ids, and their adjoint.
// CHECK-LABEL: func.func @tables(
// CHECK:         %[[R:.*]] = rnn.gather %arg2[%arg3] : tensor<5x16xf64>, tensor<?x?xi32> to tensor<?x?x16xf64>
// CHECK-NOT:     rnn.gather
// CHECK:         %[[D:.*]] = rnn.scatter_add %arg4 at %arg3 : tensor<?x?x16xf64>, tensor<?x?xi32> to tensor<5x16xf64>
// CHECK-NOT:     rnn.scatter_add
// CHECK:         return %[[R]], %[[D]]
func.func @tables(%B: index, %T: index, %E: tensor<5x16xf64>, %ids: tensor<?x?xi32>, %d: tensor<?x?x16xf64>) -> (tensor<?x?x16xf64>, tensor<5x16xf64>) {
  %E1 = rnn.slice %E axis 1 from 0 : tensor<5x16xf64> to tensor<5x8xf64>
  %E2 = rnn.slice %E axis 1 from 8 : tensor<5x16xf64> to tensor<5x8xf64>
  %x2 = rnn.gather %E2[%ids] : tensor<5x8xf64>, tensor<?x?xi32> to !hs
  %x1 = rnn.gather %E1[%ids] : tensor<5x8xf64>, tensor<?x?xi32> to !hs
  %x = rnn.concat %x1, %x2 axis 2 : !hs, !hs to tensor<?x?x16xf64>
  %d1 = rnn.slice %d axis 2 from 0 : tensor<?x?x16xf64> to !hs
  %d2 = rnn.slice %d axis 2 from 8 : tensor<?x?x16xf64> to !hs
  %D1 = rnn.scatter_add %d1 at %ids : !hs, tensor<?x?xi32> to tensor<5x8xf64>
  %D2 = rnn.scatter_add %d2 at %ids : !hs, tensor<?x?xi32> to tensor<5x8xf64>
  %D = rnn.concat %D1, %D2 axis 1 : tensor<5x8xf64>, tensor<5x8xf64> to tensor<5x16xf64>
  return %x, %D : tensor<?x?x16xf64>, tensor<5x16xf64>
}

// Not joined: another operand, another mask, a weight made in the step, a
// product that needs the first.
// CHECK-LABEL: func.func @apart(
// CHECK-COUNT-6: rnn.contract
// CHECK:         return
func.func @apart(%B: index, %T: index, %W: !U, %U: !U, %h: !h, %g: !h, %m: tensor<?xi1>, %n: tensor<?xi1>) -> (!h, !h, !h, !h, !U, !U) {
  %a = rnn.contract "bk,nk->bn" %h, %W : !h, !U -> !h
  %b = rnn.contract "bk,nk->bn" %g, %U : !h, !U -> !h
  %c = rnn.contract "bk,nk->bn" %a, %U : !h, !U -> !h
  %d = rnn.contract "bk,nk->bn" %c, %W : !h, !U -> !h
  %e = rnn.contract "bk,bn->nk" %h, %a valid(%m : tensor<?xi1>) : !h, !h -> !U
  %f = rnn.contract "bk,bn->nk" %h, %c valid(%n : tensor<?xi1>) : !h, !h -> !U
  return %a, %b, %c, %d, %e, %f : !h, !h, !h, !h, !U, !U
}
