// RUN: rnn-opt %s --split-input-file --rnnc-grad="entries=grad" --rnnc-time | FileCheck %s

// Four gates, both directions of the gradient: one product of all inputs, one product
// in each scan, one for each kind of weight over all steps.
// CHECK-LABEL: func.func @grad
// CHECK:         rnn.contract "tbk,nk->tbn" {{.*}} -> tensor<?x?x32xf64>
// CHECK-NOT:     rnn.contract
// CHECK:         rnn.scan {{.*}} in %{{[a-z0-9]+}} lengths
// CHECK-COUNT-1:   rnn.contract "bk,nk->bn"
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
// CHECK-NOT:     rnn.contract
// CHECK:         rnn.scan {{.*}} reverse
// CHECK-COUNT-1:   rnn.contract "bn,nk->bk"
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
// CHECK:         }
// CHECK:         rnn.contract "tbn,tbk->nk" {{.*}} descending {{.*}} -> tensor<32x{{[48]}}xf64>
// CHECK:         rnn.contract "tbn,tbk->nk" {{.*}} descending {{.*}} -> tensor<32x{{[48]}}xf64>
// CHECK-NOT:     rnn.contract
!h = tensor<?x8xf64>
!x = tensor<?x4xf64>
!hs = tensor<?x?x8xf64>
!xs = tensor<?x?x4xf64>
!W = tensor<8x4xf64>
!U = tensor<8x8xf64>
!b = tensor<8xf64>
func.func @loss(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">}, %Wi: !W {rnn.arg = #rnn.arg<param, "Wi">}, %Wf: !W {rnn.arg = #rnn.arg<param, "Wf">}, %Wg: !W {rnn.arg = #rnn.arg<param, "Wg">}, %Wo: !W {rnn.arg = #rnn.arg<param, "Wo">}, %Ui: !U {rnn.arg = #rnn.arg<param, "Ui">}, %Uf: !U {rnn.arg = #rnn.arg<param, "Uf">}, %Ug: !U {rnn.arg = #rnn.arg<param, "Ug">}, %Uo: !U {rnn.arg = #rnn.arg<param, "Uo">}, %bi: !b {rnn.arg = #rnn.arg<param, "bi">}, %bf: !b {rnn.arg = #rnn.arg<param, "bf">}, %bg: !b {rnn.arg = #rnn.arg<param, "bg">}, %bo: !b {rnn.arg = #rnn.arg<param, "bo">}, %xs: !xs {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>}, %ys: !hs {rnn.arg = #rnn.arg<target, "y", ["T", "B"]>}, %len: tensor<?xi32> {rnn.arg = #rnn.arg<lengths, "T", ["B"]>}) -> (tensor<f64> {rnn.arg = #rnn.arg<loss, "total">}) {
  %z = arith.constant dense<0.0> : tensor<f64>
  %i = arith.constant dense<1.0> : tensor<f64>
  %zero = rnn.broadcast "->bn" %z [%B] : tensor<f64> to !h
  %one = rnn.broadcast "->bn" %i [%B] : tensor<f64> to !h
  %hs, %hT, %cT = rnn.scan %t in %T lengths(%len : tensor<?xi32>) over(%x = %xs : !xs) carry(%h = %zero : !h, %c = %zero : !h) emit(!hs) {
    %ix = rnn.contract "bk,nk->bn" %x, %Wi : !x, !W -> !h
    %ih = rnn.contract "bk,nk->bn" %h, %Ui : !h, !U -> !h
    %is = arith.addf %ix, %ih : !h
    %ib = rnn.broadcast "n->bn" %bi [%B] : !b to !h
    %ia = arith.addf %is, %ib : !h
    %fx = rnn.contract "bk,nk->bn" %x, %Wf : !x, !W -> !h
    %fh = rnn.contract "bk,nk->bn" %h, %Uf : !h, !U -> !h
    %fs = arith.addf %fx, %fh : !h
    %fb = rnn.broadcast "n->bn" %bf [%B] : !b to !h
    %fa = arith.addf %fs, %fb : !h
    %gx = rnn.contract "bk,nk->bn" %x, %Wg : !x, !W -> !h
    %gh = rnn.contract "bk,nk->bn" %h, %Ug : !h, !U -> !h
    %gs = arith.addf %gx, %gh : !h
    %gb = rnn.broadcast "n->bn" %bg [%B] : !b to !h
    %ga = arith.addf %gs, %gb : !h
    %ox = rnn.contract "bk,nk->bn" %x, %Wo : !x, !W -> !h
    %oh = rnn.contract "bk,nk->bn" %h, %Uo : !h, !U -> !h
    %os = arith.addf %ox, %oh : !h
    %ob = rnn.broadcast "n->bn" %bo [%B] : !b to !h
    %oa = arith.addf %os, %ob : !h
    %i1 = rnn.sigmoid %ia : !h
    %f1 = rnn.sigmoid %fa : !h
    %g1 = math.tanh %ga : !h
    %o1 = rnn.sigmoid %oa : !h
    %fc = arith.mulf %f1, %c : !h
    %ig = arith.mulf %i1, %g1 : !h
    %c1 = arith.addf %fc, %ig : !h
    %tc = math.tanh %c1 : !h
    %h1 = arith.mulf %o1, %tc : !h
    rnn.yield next(%h1, %c1 : !h, !h) emit(%h1 : !h)
  }
  %d = arith.subf %hs, %ys : !hs
  %q = arith.mulf %d, %d : !hs
  %l = rnn.reduce sum "tbn->" %q valid(%len : tensor<?xi32>) : !hs to tensor<f64>
  return %l : tensor<f64>
}

// -----

// Reset after the product: three gates. The candidate has another gradient before
// the reset than after it, so its input weight stands alone.
// CHECK-LABEL: func.func @grad
// CHECK:         rnn.contract "tbk,nk->tbn" {{.*}} -> tensor<?x?x24xf64>
// CHECK-NOT:     rnn.contract
// CHECK:         rnn.scan {{.*}} in %{{[a-z0-9]+}} lengths
// CHECK-COUNT-1:   rnn.contract "bk,nk->bn"
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
// CHECK-NOT:     rnn.contract
// CHECK:         rnn.scan {{.*}} reverse
// CHECK-COUNT-1:   rnn.contract "bn,nk->bk"
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
// CHECK:         }
// CHECK-COUNT-3: rnn.contract "tbn,tbk->nk" {{.*}} descending
// CHECK-NOT:     rnn.contract
!h = tensor<?x8xf64>
!x = tensor<?x4xf64>
!hs = tensor<?x?x8xf64>
!xs = tensor<?x?x4xf64>
!W = tensor<8x4xf64>
!U = tensor<8x8xf64>
!b = tensor<8xf64>
func.func @loss(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">}, %Wz: !W {rnn.arg = #rnn.arg<param, "Wz">}, %Wr: !W {rnn.arg = #rnn.arg<param, "Wr">}, %Wn: !W {rnn.arg = #rnn.arg<param, "Wn">}, %Uz: !U {rnn.arg = #rnn.arg<param, "Uz">}, %Ur: !U {rnn.arg = #rnn.arg<param, "Ur">}, %Un: !U {rnn.arg = #rnn.arg<param, "Un">}, %bz: !b {rnn.arg = #rnn.arg<param, "bz">}, %br: !b {rnn.arg = #rnn.arg<param, "br">}, %xs: !xs {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>}, %ys: !hs {rnn.arg = #rnn.arg<target, "y", ["T", "B"]>}, %len: tensor<?xi32> {rnn.arg = #rnn.arg<lengths, "T", ["B"]>}) -> (tensor<f64> {rnn.arg = #rnn.arg<loss, "total">}) {
  %z = arith.constant dense<0.0> : tensor<f64>
  %i = arith.constant dense<1.0> : tensor<f64>
  %zero = rnn.broadcast "->bn" %z [%B] : tensor<f64> to !h
  %one = rnn.broadcast "->bn" %i [%B] : tensor<f64> to !h
  %hs, %hT = rnn.scan %t in %T lengths(%len : tensor<?xi32>) over(%x = %xs : !xs) carry(%h = %zero : !h) emit(!hs) {
    %zx = rnn.contract "bk,nk->bn" %x, %Wz : !x, !W -> !h
    %zh = rnn.contract "bk,nk->bn" %h, %Uz : !h, !U -> !h
    %zs = arith.addf %zx, %zh : !h
    %zb = rnn.broadcast "n->bn" %bz [%B] : !b to !h
    %za = arith.addf %zs, %zb : !h
    %rx = rnn.contract "bk,nk->bn" %x, %Wr : !x, !W -> !h
    %rh = rnn.contract "bk,nk->bn" %h, %Ur : !h, !U -> !h
    %rs = arith.addf %rx, %rh : !h
    %rb = rnn.broadcast "n->bn" %br [%B] : !b to !h
    %ra = arith.addf %rs, %rb : !h
    %z1 = rnn.sigmoid %za : !h
    %r1 = rnn.sigmoid %ra : !h
    %nx = rnn.contract "bk,nk->bn" %x, %Wn : !x, !W -> !h
    %nh = rnn.contract "bk,nk->bn" %h, %Un : !h, !U -> !h
    %rn = arith.mulf %r1, %nh : !h
    %na = arith.addf %nx, %rn : !h
    %n1 = math.tanh %na : !h
    %hn = arith.subf %h, %n1 : !h
    %zd = arith.mulf %z1, %hn : !h
    %h1 = arith.addf %n1, %zd : !h
    rnn.yield next(%h1 : !h) emit(%h1 : !h)
  }
  %d = arith.subf %hs, %ys : !hs
  %q = arith.mulf %d, %d : !hs
  %l = rnn.reduce sum "tbn->" %q valid(%len : tensor<?xi32>) : !hs to tensor<f64>
  return %l : tensor<f64>
}

// -----

// A cell of our own, with a product of each of two states.
// CHECK-LABEL: func.func @grad
// CHECK:         rnn.contract "tbk,nk->tbn" {{.*}} -> tensor<?x?x16xf64>
// CHECK-NOT:     rnn.contract
// CHECK:         rnn.scan {{.*}} in %{{[a-z0-9]+}} lengths
// CHECK-COUNT-2:   rnn.contract "bk,nk->bn"
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
// CHECK-NOT:     rnn.contract
// CHECK:         rnn.scan {{.*}} reverse
// CHECK-COUNT-2:   rnn.contract "bn,nk->bk"
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
// CHECK:         }
// CHECK-COUNT-3: rnn.contract "tbn,tbk->nk" {{.*}} descending
// CHECK-NOT:     rnn.contract
!h = tensor<?x8xf64>
!x = tensor<?x4xf64>
!hs = tensor<?x?x8xf64>
!xs = tensor<?x?x4xf64>
!W = tensor<8x4xf64>
!U = tensor<8x8xf64>
!b = tensor<8xf64>
func.func @loss(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">}, %Wa: !W {rnn.arg = #rnn.arg<param, "Wa">}, %We: !W {rnn.arg = #rnn.arg<param, "We">}, %Ua: !U {rnn.arg = #rnn.arg<param, "Ua">}, %Ue: !U {rnn.arg = #rnn.arg<param, "Ue">}, %xs: !xs {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>}, %ys: !hs {rnn.arg = #rnn.arg<target, "y", ["T", "B"]>}, %len: tensor<?xi32> {rnn.arg = #rnn.arg<lengths, "T", ["B"]>}) -> (tensor<f64> {rnn.arg = #rnn.arg<loss, "total">}) {
  %z = arith.constant dense<0.0> : tensor<f64>
  %i = arith.constant dense<1.0> : tensor<f64>
  %zero = rnn.broadcast "->bn" %z [%B] : tensor<f64> to !h
  %one = rnn.broadcast "->bn" %i [%B] : tensor<f64> to !h
  %hs, %hT, %mT = rnn.scan %t in %T lengths(%len : tensor<?xi32>) over(%x = %xs : !xs) carry(%h = %zero : !h, %m = %zero : !h) emit(!hs) {
    %ax = rnn.contract "bk,nk->bn" %x, %Wa : !x, !W -> !h
    %ah = rnn.contract "bk,nk->bn" %h, %Ua : !h, !U -> !h
    %aa = arith.addf %ax, %ah : !h
    %ex = rnn.contract "bk,nk->bn" %x, %We : !x, !W -> !h
    %eh = rnn.contract "bk,nk->bn" %m, %Ue : !h, !U -> !h
    %ea = arith.addf %ex, %eh : !h
    %a1 = rnn.softplus %aa : !h
    %e1 = math.tanh %ea : !h
    %p = arith.mulf %a1, %e1 : !h
    %k = rnn.sigmoid %p : !h
    %w = arith.subf %one, %k : !h
    %kh = arith.mulf %k, %h : !h
    %we = arith.mulf %w, %e1 : !h
    %h1 = arith.addf %kh, %we : !h
    %m1 = math.tanh %h1 : !h
    rnn.yield next(%h1, %m1 : !h, !h) emit(%h1 : !h)
  }
  %d = arith.subf %hs, %ys : !hs
  %q = arith.mulf %d, %d : !hs
  %l = rnn.reduce sum "tbn->" %q valid(%len : tensor<?xi32>) : !hs to tensor<f64>
  return %l : tensor<f64>
}
