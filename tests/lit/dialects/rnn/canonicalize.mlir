// RUN: rnn-opt %s --canonicalize --cse | FileCheck %s

!x = tensor<?x4xf64>
!y = tensor<?x8xf64>
!z = tensor<?x12xf64>
!xs = tensor<?x?x4xf64>
!len = tensor<?xi32>

// A slice of a slice; of a part of a concat; of what was placed there.
// CHECK-LABEL: func.func @slices
// CHECK-SAME:    %[[X:arg2]]: tensor<?x4xf64>, %[[Y:arg3]]: tensor<?x8xf64>
// CHECK-DAG:     %[[A:.*]] = rnn.slice %[[Y]] axis 1 from 3 : tensor<?x8xf64> to tensor<?x2xf64>
// CHECK-DAG:     %[[B:.*]] = rnn.slice %[[Y]] axis 1 from 1 : tensor<?x8xf64> to tensor<?x4xf64>
// CHECK:         return %[[A]], %[[X]], %[[B]], %[[X]]
func.func @slices(%B: index, %T: index, %x: !x, %y: !y) -> (tensor<?x2xf64>, !x, !x, !x) {
  %0 = rnn.slice %y axis 1 from 2 : !y to tensor<?x5xf64>
  %1 = rnn.slice %0 axis 1 from 1 : tensor<?x5xf64> to tensor<?x2xf64>
  %c = rnn.concat %x, %y axis 1 : !x, !y to !z
  %2 = rnn.slice %c axis 1 from 0 : !z to !x
  %3 = rnn.slice %c axis 1 from 5 : !z to !x
  %p = rnn.place %x axis 1 at 3 : !x to !z
  %4 = rnn.slice %p axis 1 from 3 : !z to !x
  return %1, %2, %3, %4 : tensor<?x2xf64>, !x, !x, !x
}

// Concats inside concats, neighbouring slices, all slices of one value.
// CHECK-LABEL: func.func @concats
// CHECK-SAME:    %[[X:arg2]]: tensor<?x4xf64>, %[[Y:arg3]]: tensor<?x8xf64>
// CHECK-DAG:     %[[A:.*]] = rnn.concat %[[X]], %[[X]], %[[X]] axis 1
// CHECK-DAG:     %[[S:.*]] = rnn.slice %[[Y]] axis 1 from 1 : tensor<?x8xf64> to tensor<?x4xf64>
// CHECK-DAG:     %[[B:.*]] = rnn.concat %[[S]], %[[X]] axis 1
// CHECK:         return %[[A]], %[[B]], %[[Y]]
func.func @concats(%B: index, %T: index, %x: !x, %y: !y) -> (!z, !y, !y) {
  %0 = rnn.concat %x, %x axis 1 : !x, !x to !y
  %1 = rnn.concat %0, %x axis 1 : !y, !x to !z
  %2 = rnn.slice %y axis 1 from 1 : !y to tensor<?x1xf64>
  %3 = rnn.slice %y axis 1 from 2 : !y to tensor<?x3xf64>
  %4 = rnn.concat %2, %3, %x axis 1 : tensor<?x1xf64>, tensor<?x3xf64>, !x to !y
  %5 = rnn.slice %y axis 1 from 0 : !y to tensor<?x3xf64>
  %6 = rnn.slice %y axis 1 from 3 : !y to tensor<?x5xf64>
  %7 = rnn.concat %5, %6 axis 1 : tensor<?x3xf64>, tensor<?x5xf64> to !y
  return %1, %4, %7 : !z, !y, !y
}

// The adjoint of three slices: places that together are a concat, in whatever
// order they are added; twice the same place; places with a gap.
// CHECK-LABEL: func.func @places
// CHECK-SAME:    %[[A:arg2]]: tensor<?x4xf64>, %[[B:arg3]]: tensor<?x4xf64>, %[[C:arg4]]: tensor<?x4xf64>
// CHECK-DAG:     %[[ALL:.*]] = rnn.concat %[[A]], %[[B]], %[[C]] axis 1
// CHECK-DAG:     %[[SUM:.*]] = arith.addf %[[B]], %[[A]] : tensor<?x4xf64>
// CHECK-DAG:     %[[TWICE:.*]] = rnn.place %[[SUM]] axis 1 at 4
// CHECK-DAG:     %[[P:.*]] = rnn.place %[[A]] axis 1 at 0
// CHECK-DAG:     %[[Q:.*]] = rnn.place %[[B]] axis 1 at 8
// CHECK-DAG:     %[[GAP:.*]] = arith.addf %[[P]], %[[Q]]
// CHECK:         return %[[ALL]], %[[TWICE]], %[[GAP]]
func.func @places(%B: index, %T: index, %a: !x, %b: !x, %c: !x) -> (!z, !z, !z) {
  %0 = rnn.place %a axis 1 at 0 : !x to !z
  %1 = rnn.place %c axis 1 at 8 : !x to !z
  %2 = rnn.place %b axis 1 at 4 : !x to !z
  %3 = arith.addf %0, %1 : !z
  %4 = arith.addf %3, %2 : !z
  %5 = rnn.place %a axis 1 at 4 : !x to !z
  %6 = arith.addf %2, %5 : !z
  %7 = rnn.place %b axis 1 at 8 : !x to !z
  %8 = arith.addf %0, %7 : !z
  return %4, %6, %8 : !z, !z, !z
}

// Zeros that nothing was added to, ones that nothing is multiplied with.
// CHECK-LABEL: func.func @neutral
// CHECK-SAME:    %[[X:arg2]]: tensor<?x4xf64>, %[[W:arg3]]: tensor<8x4xf64>
// CHECK-DAG:     %[[Z:.*]] = arith.constant dense<0.000000e+00> : tensor<8x8xf64>
// CHECK-DAG:     %[[P:.*]] = rnn.contract "bk,nk->bn" %[[X]], %[[W]] : tensor<?x4xf64>
// CHECK:         return %[[X]], %[[X]], %[[P]], %[[X]], %[[Z]]
func.func @neutral(%B: index, %T: index, %x: !x, %W: tensor<8x4xf64>) -> (!x, !x, !y, !x, tensor<8x8xf64>) {
  %zero = arith.constant dense<0.0> : tensor<f64>
  %one = arith.constant dense<1.0> : tensor<f64>
  %zeros = rnn.broadcast "->bn" %zero [%B] : tensor<f64> to !x
  %ones = rnn.broadcast "->bn" %one [%B] : tensor<f64> to !x
  %more = rnn.broadcast "->bn" %zero [%B] : tensor<f64> to !y
  %0 = arith.addf %zeros, %x : !x
  %1 = arith.mulf %x, %ones : !x
  %2 = rnn.contract "bk,nk->bn" %x, %W into(%more : !y) : !x, tensor<8x4xf64> -> !y
  %3 = rnn.contract "bn,nk->bk" %more, %W into(%x : !x) : !y, tensor<8x4xf64> -> !x
  %no = arith.constant dense<0.0> : tensor<8x4xf64>
  %4 = rnn.contract "nk,mk->nm" %W, %no : tensor<8x4xf64>, tensor<8x4xf64> -> tensor<8x8xf64>
  return %0, %1, %2, %3, %4 : !x, !x, !y, !x, tensor<8x8xf64>
}

// Repeating twice is repeating once, with the sizes of both; constants are
// joined and cut before they are repeated.
// CHECK-LABEL: func.func @broadcasts
// CHECK-SAME:    %[[B:arg0]]: index, %[[T:arg1]]: index, %[[V:arg2]]: tensor<4xf64>, %[[W:arg3]]: tensor<8xf64>
// CHECK-DAG:     rnn.broadcast "b->tab" %[[V]][%[[T]], %[[B]]]
// CHECK-DAG:     %[[VW:.*]] = rnn.concat %[[V]], %[[W]] axis 0
// CHECK-DAG:     rnn.broadcast "n->bn" %[[VW]][%[[B]]]
// CHECK-DAG:     %[[S:.*]] = rnn.slice %[[W]] axis 0 from 2
// CHECK-DAG:     rnn.broadcast "n->bn" %[[S]][%[[B]]]
func.func @broadcasts(%B: index, %T: index, %v: tensor<4xf64>, %w: tensor<8xf64>) -> (!xs, !z, !x, !xs) {
  %0 = rnn.broadcast "n->bn" %v [%B] : tensor<4xf64> to !x
  %1 = rnn.broadcast "ab->tab" %0 [%T] : !x to !xs
  %2 = rnn.broadcast "n->bn" %w [%B] : tensor<8xf64> to !y
  %3 = rnn.concat %0, %2 axis 1 : !x, !y to !z
  %4 = rnn.slice %2 axis 1 from 2 : !y to !x
  %5 = rnn.broadcast "n->tn" %v [%T] : tensor<4xf64> to !x
  %6 = rnn.broadcast "tn->tbn" %5 [%B] : !x to !xs
  return %1, %3, %4, %6 : !xs, !z, !x, !xs
}

// The weight stands second.
// CHECK-LABEL: func.func @weight_second
// CHECK-SAME:    %[[X:arg2]]: tensor<?x4xf64>, %[[W:arg3]]: tensor<8x4xf64>
// CHECK:         rnn.contract "bk,nk->bn" %[[X]], %[[W]]
func.func @weight_second(%B: index, %T: index, %x: !x, %W: tensor<8x4xf64>) -> !y {
  %0 = rnn.contract "nk,bk->bn" %W, %x : tensor<8x4xf64>, !x -> !y
  return %0 : !y
}

// Movement that undoes itself. Under lengths a reversal clears the padding,
// so two of them stay.
// CHECK-LABEL: func.func @undone
// CHECK-SAME:    %[[XS:arg2]]: tensor<?x?x4xf64>, %[[X:arg3]]: tensor<?x4xf64>
// CHECK:         %[[R:.*]] = rnn.reverse %[[XS]] lengths
// CHECK:         %[[S:.*]] = rnn.reverse %[[R]] lengths
// CHECK:         return %[[XS]], %[[S]], %[[X]], %[[XS]]
func.func @undone(%B: index, %T: index, %xs: !xs, %x: !x, %len: !len) -> (!xs, !xs, !x, !xs) {
  %0 = rnn.reverse %xs : !xs
  %1 = rnn.reverse %0 : !xs
  %2 = rnn.reverse %xs lengths(%len : !len) : !xs
  %3 = rnn.reverse %2 lengths(%len : !len) : !xs
  %4 = rnn.put last %x in %T lengths(%len : !len) : !x to !xs
  %5 = rnn.pick last %4 lengths(%len : !len) : !xs to !x
  %6 = rnn.reduce sum "tbn->tbn" %xs : !xs to !xs
  return %1, %3, %5, %6 : !xs, !xs, !x, !xs
}

// A scan under lengths emits 0 in padding: a mask over it does nothing.
// CHECK-LABEL: func.func @masked
// CHECK:         %[[YS:.*]], %{{.*}} = rnn.scan
// CHECK-NOT:     rnn.mask
// CHECK:         return %[[YS]]
func.func @masked(%B: index, %T: index, %xs: !xs, %h0: !x, %len: !len) -> (!xs, !x) {
  %ys, %hT = rnn.scan %t in %T lengths(%len : !len) over(%x = %xs : !xs) carry(%h = %h0 : !x) emit(!xs) {
    %n = arith.addf %h, %x : !x
    rnn.yield next(%n : !x) emit(%n : !x)
  }
  %m = rnn.mask %ys valid(%len : !len) : !xs
  return %m, %hT : !xs, !x
}

// A sequence given twice comes in once, a value emitted twice goes out once.
// CHECK-LABEL: func.func @twice
// CHECK:         rnn.scan {{.*}} over(%{{.*}} = %{{.*}} : tensor<?x?x4xf64>) carry(%{{.*}} = %{{.*}} : tensor<?x4xf64>) emit(tensor<?x?x4xf64>) {
func.func @twice(%B: index, %T: index, %xs: !xs, %h0: !x, %len: !len) -> (!xs, !xs, !x) {
  %ys, %zs, %hT = rnn.scan %t in %T lengths(%len : !len) over(%x = %xs : !xs, %y = %xs : !xs) carry(%h = %h0 : !x) emit(!xs, !xs) {
    %m = arith.mulf %h, %x : !x
    %n = arith.addf %m, %y : !x
    rnn.yield next(%n : !x) emit(%n, %n : !x, !x)
  }
  return %ys, %zs, %hT : !xs, !xs, !x
}
