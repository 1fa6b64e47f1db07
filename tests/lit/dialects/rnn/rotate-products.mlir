// RUN: rnn-opt %s -rnn-rotate-products | FileCheck %s

// The factor is carried, the step begins with the product, and the final value
// is the product of the final factor.
// CHECK-LABEL: func.func @reverse(
// CHECK: %[[ZEROS:.*]] = rnn.broadcast "->bn" {{.*}} to tensor<?x8xf32>
// CHECK: %{{.*}}, %[[LAST:.*]] = rnn.scan {{.*}} reverse {{.*}} carry(%[[A:.*]] = %[[ZEROS]] : tensor<?x8xf32>)
// CHECK-NEXT: %[[D:.*]] = rnn.contract "bn,nk->bk" %[[A]], %[[U:.*]] : tensor<?x8xf32>, tensor<8x4xf32> -> tensor<?x4xf32>
// CHECK-NEXT: arith.addf %[[D]],
// CHECK: rnn.yield next(%[[N:.*]] : tensor<?x8xf32>) emit(%[[N]] : tensor<?x8xf32>)
// CHECK: rnn.contract "bn,nk->bk" %[[LAST]], %[[U]]
func.func @reverse(%B: index, %T: index, %U: tensor<8x4xf32>, %g: tensor<?x?x4xf32>) -> (tensor<?x?x8xf32>, tensor<?x4xf32>) {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %d0 = rnn.broadcast "->bk" %zero [%B] : tensor<f32> to tensor<?x4xf32>
  %e, %last = rnn.scan %t in %T reverse over(%gt = %g : tensor<?x?x4xf32>) carry(%d = %d0 : tensor<?x4xf32>) emit(tensor<?x?x8xf32>) {
    %s = arith.addf %d, %gt : tensor<?x4xf32>
    %a = rnn.concat %s, %s axis 1 : tensor<?x4xf32>, tensor<?x4xf32> to tensor<?x8xf32>
    %n = rnn.contract "bn,nk->bk" %a, %U : tensor<?x8xf32>, tensor<8x4xf32> -> tensor<?x4xf32>
    rnn.yield next(%n : tensor<?x4xf32>) emit(%a : tensor<?x8xf32>)
  }
  return %e, %last : tensor<?x?x8xf32>, tensor<?x4xf32>
}

// What the product is added to is carried beside the factor.
// CHECK-LABEL: func.func @with_rest(
// CHECK: rnn.scan {{.*}} carry(%[[A:.*]] = %{{.*}} : tensor<?x4xf32>, %[[R:.*]] = %{{.*}} : tensor<?x4xf32>)
// CHECK-NEXT: rnn.contract "bn,nk->bk" %[[A]], %{{.*}} into(%[[R]] : tensor<?x4xf32>)
func.func @with_rest(%B: index, %T: index, %U: tensor<4x4xf32>, %g: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %d0 = rnn.broadcast "->bk" %zero [%B] : tensor<f32> to tensor<?x4xf32>
  %e, %last = rnn.scan %t in %T reverse over(%gt = %g : tensor<?x?x4xf32>) carry(%d = %d0 : tensor<?x4xf32>) emit(tensor<?x?x4xf32>) {
    %s = arith.addf %d, %gt : tensor<?x4xf32>
    %m = arith.mulf %d, %gt : tensor<?x4xf32>
    %n = rnn.contract "bn,nk->bk" %s, %U into(%m : tensor<?x4xf32>) : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    rnn.yield next(%n : tensor<?x4xf32>) emit(%s : tensor<?x4xf32>)
  }
  return %e : tensor<?x?x4xf32>
}

// A product that is multiplied again stays: the next step needs the whole row.
// CHECK-LABEL: func.func @chained(
// CHECK: rnn.scan {{.*}} carry(%{{.*}} = %{{.*}} : tensor<?x4xf32>)
// CHECK-NEXT: rnn.contract
// CHECK-NEXT: arith.addf
// CHECK-NEXT: rnn.contract
func.func @chained(%B: index, %T: index, %U: tensor<4x4xf32>, %g: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %d0 = rnn.broadcast "->bk" %zero [%B] : tensor<f32> to tensor<?x4xf32>
  %e, %last = rnn.scan %t in %T over(%gt = %g : tensor<?x?x4xf32>) carry(%d = %d0 : tensor<?x4xf32>) emit(tensor<?x?x4xf32>) {
    %p = rnn.contract "bk,nk->bn" %d, %U : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %s = arith.addf %p, %gt : tensor<?x4xf32>
    %n = rnn.contract "bn,nk->bk" %s, %U : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    rnn.yield next(%n : tensor<?x4xf32>) emit(%s : tensor<?x4xf32>)
  }
  return %e : tensor<?x?x4xf32>
}

// A factor whose length is known at run time only stays too.
// CHECK-LABEL: func.func @attended(
// CHECK: rnn.scan {{.*}} carry(%{{.*}} = %{{.*}} : tensor<?x4xf32>)
// CHECK-NEXT: arith.addf
func.func @attended(%B: index, %T: index, %m: tensor<?x4xf32>, %g: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %d0 = rnn.broadcast "->bk" %zero [%B] : tensor<f32> to tensor<?x4xf32>
  %e, %last = rnn.scan %t in %T reverse over(%gt = %g : tensor<?x?x4xf32>) carry(%d = %d0 : tensor<?x4xf32>) emit(tensor<?x?x4xf32>) {
    %s = arith.addf %d, %gt : tensor<?x4xf32>
    %a = rnn.contract "bk,sk->bs" %s, %m : tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x?xf32>
    %n = rnn.contract "bs,sk->bk" %a, %m : tensor<?x?xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
    rnn.yield next(%n : tensor<?x4xf32>) emit(%s : tensor<?x4xf32>)
  }
  return %e : tensor<?x?x4xf32>
}
