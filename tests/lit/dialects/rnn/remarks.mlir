// RUN: rnn-opt %s --rnn-hoist-stateless --rnn-join-products --rnn-unroll-time=factor=2 --remarks-filter="rnn-.*" --remark-policy=all 2>&1 | FileCheck %s

!h = tensor<?x6xf64>
!x = tensor<?x4xf64>
!hs = tensor<?x?x6xf64>
!xs = tensor<?x?x4xf64>
!W = tensor<6x4xf64>
!U = tensor<6x6xf64>

// Each decision says where and why.
func.func @f(%B: index, %T: index, %key: i64, %W: !W, %U: !U, %V: !U, %C: tensor<5x6xf64>, %xs: !xs, %h0: !h, %k0: !W) -> (!hs, !h, !W) {
  %hs, %hT, %kT = rnn.scan %t in %T over(%x = %xs : !xs) carry(%h = %h0 : !h, %k = %k0 : !W) emit(!hs) {
    // CHECK-DAG: [[@LINE+1]]:{{.*}} remark: [Passed] hoisted {{.*}}product is computed for all steps at once, before the loop
    %p = rnn.contract "bk,nk->bn" %x, %W : !x, !W -> !h
    // CHECK-DAG: [[@LINE+1]]:{{.*}} remark: [Missed] stays {{.*}}product stays in the loop: it reads the state
    %q = rnn.contract "bk,nk->bn" %h, %U into(%p : !h) : !h, !U -> !h
    // CHECK-DAG: remark: [Passed] joined {{.*}}2 products that share an operand are one
    %r = rnn.contract "bk,nk->bn" %h, %V : !h, !U -> !h
    %n = arith.mulf %q, %r : !h
    %o = rnn.contract "bn,bk->bnk" %p, %x : !h, !x -> tensor<?x6x4xf64>
    // A weight with noise of its own in each step.
    %D = rnn.uniform key(%key) stream 1 at %t [] : !W
    // CHECK-DAG: [[@LINE+1]]:{{.*}} remark: [Missed] stays {{.*}}product stays in the loop: what feeds it has no form over time
    %s = rnn.contract "bk,nk->bn" %x, %D : !x, !W -> !h
    // CHECK-DAG: [[@LINE+1]]:{{.*}} remark: [Missed] stays {{.*}}reduction stays in the loop: each step would leave a whole matrix
    %g = rnn.reduce sum "bnk->nk" %o : tensor<?x6x4xf64> to !W
    %a = arith.addf %k, %g : !W
    rnn.yield next(%n, %a : !h, !W) emit(%s : !h)
  }
  return %hs, %hT, %kT : !hs, !h, !W
}
// CHECK-DAG: remark: [Passed] unrolled {{.*}}loop over time computes 2 steps per turn
