// RUN: rnn-opt %s -rnn-narrow-products | FileCheck %s

// Matrix products, in a scan and outside.
// CHECK-LABEL: func.func @matrix
func.func @matrix(%T: index, %xs: tensor<?x?x4xf32>, %h0: tensor<?x8xf32>, %W: tensor<8x4xf32>, %U: tensor<8x8xf32>) -> tensor<8x8xf32> {
  // CHECK: rnn.contract "tbk,nk->tbn" %{{.*}}, %{{.*}} bf16 :
  %ps = rnn.contract "tbk,nk->tbn" %xs, %W : tensor<?x?x4xf32>, tensor<8x4xf32> -> tensor<?x?x8xf32>
  %hs, %h = rnn.scan %t in %T over(%p = %ps : tensor<?x?x8xf32>) carry(%h = %h0 : tensor<?x8xf32>) emit(tensor<?x?x8xf32>) {
    // CHECK: rnn.contract "bk,nk->bn" %{{.*}}, %{{.*}} into(%{{.*}} : tensor<?x8xf32>) bf16 :
    %q = rnn.contract "bk,nk->bn" %h, %U into(%p : tensor<?x8xf32>) : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
    rnn.yield next(%q : tensor<?x8xf32>) emit(%q : tensor<?x8xf32>)
  }
  // CHECK: rnn.contract "tbn,tbk->nk" %{{.*}}, %{{.*}} descending bf16 :
  %g = rnn.contract "tbn,tbk->nk" %ps, %hs descending : tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<8x8xf32>
  return %g : tensor<8x8xf32>
}

// Products per row, outer products, dot products of rows and numbers of f64
// stay as they are.
// CHECK-LABEL: func.func @others
// CHECK-NOT: bf16
func.func @others(%k: tensor<?x5x4xf32>, %q: tensor<?x4xf32>, %x: tensor<?x4xf64>, %W: tensor<8x4xf64>)
    -> (tensor<?x5xf32>, tensor<?x4x4xf32>, tensor<?xf32>, tensor<?x8xf64>) {
  %a = rnn.contract "bsm,bm->bs" %k, %q : tensor<?x5x4xf32>, tensor<?x4xf32> -> tensor<?x5xf32>
  %o = rnn.contract "bn,bm->bnm" %q, %q : tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4x4xf32>
  %d = rnn.contract "bn,bn->b" %q, %q : tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?xf32>
  %p = rnn.contract "bk,nk->bn" %x, %W : tensor<?x4xf64>, tensor<8x4xf64> -> tensor<?x8xf64>
  return %a, %o, %d, %p : tensor<?x5xf32>, tensor<?x4x4xf32>, tensor<?xf32>, tensor<?x8xf64>
}
