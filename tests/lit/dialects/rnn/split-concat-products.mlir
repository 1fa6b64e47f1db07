// RUN: rnn-opt %s --rnn-split-concat-products | FileCheck %s

!h = tensor<?x6xf64>
!x = tensor<?x4xf64>
!c = tensor<?x10xf64>
!hs = tensor<?x?x6xf64>
!xs = tensor<?x?x4xf64>
!cs = tensor<?x?x10xf64>
!W = tensor<6x10xf64>

// The usual form of a cell, W @ concat(x, h).
// CHECK-LABEL: func.func @input_then_state
// CHECK-SAME:    %[[W:arg[0-9]+]]: tensor<6x10xf64>
// CHECK:         rnn.scan {{.*}} over(%[[X:arg[0-9]+]] = %{{.*}}) carry(%[[H:.*]] = %
// CHECK-NEXT:      %[[WX:.*]] = rnn.slice %[[W]] axis 1 from 0 : tensor<6x10xf64> to tensor<6x4xf64>
// CHECK-NEXT:      %[[P:.*]] = rnn.contract "bk,nk->bn" %[[X]], %[[WX]] :
// CHECK-NEXT:      %[[WH:.*]] = rnn.slice %[[W]] axis 1 from 4 : tensor<6x10xf64> to tensor<6x6xf64>
// CHECK-NEXT:      rnn.contract "bk,nk->bn" %[[H]], %[[WH]] into(%[[P]] :
// CHECK-NOT:       rnn.concat
func.func @input_then_state(%B: index, %T: index, %W: !W, %xs: !xs, %h0: !h) -> (!hs, !h) {
  %hs, %hT = rnn.scan %t in %T over(%x = %xs : !xs) carry(%h = %h0 : !h) emit(!hs) {
    %c = rnn.concat %x, %h axis 1 : !x, !h to !c
    %p = rnn.contract "bk,nk->bn" %c, %W : !c, !W -> !h
    %n = math.tanh %p : !h
    rnn.yield next(%n : !h) emit(%n : !h)
  }
  return %hs, %hT : !hs, !h
}

// The state in front, the weight as the left operand, a start of the sum: the
// parts without state still come first, neighbours of one sort stay joined.
// CHECK-LABEL: func.func @state_in_the_middle
// CHECK:         rnn.scan {{.*}} over(%[[X:arg[0-9]+]] = %{{.*}}) carry(%[[H:.*]] = %
// CHECK:           %[[HH:.*]] = math.tanh %[[H]]
// CHECK:           %[[XX:.*]] = rnn.concat %[[X]], %[[X]] axis 1
// CHECK:           rnn.slice %{{.*}} axis 1 from 12 : tensor<6x20xf64> to tensor<6x8xf64>
// CHECK:           %[[P:.*]] = rnn.contract "nk,bk->bn" %{{.*}}, %[[XX]] into(%[[H]] :
// CHECK:           %[[SS:.*]] = rnn.concat %[[H]], %[[HH]] axis 1
// CHECK:           rnn.slice %{{.*}} axis 1 from 0 : tensor<6x20xf64> to tensor<6x12xf64>
// CHECK:           rnn.contract "nk,bk->bn" %{{.*}}, %[[SS]] into(%[[P]] :
func.func @state_in_the_middle(%B: index, %T: index, %W: tensor<6x20xf64>, %xs: !xs, %h0: !h) -> (!hs, !h) {
  %hs, %hT = rnn.scan %t in %T over(%x = %xs : !xs) carry(%h = %h0 : !h) emit(!hs) {
    %g = math.tanh %h : !h
    %c = rnn.concat %h, %g, %x, %x axis 1 : !h, !h, !x, !x to tensor<?x20xf64>
    %p = rnn.contract "nk,bk->bn" %W, %c into(%h : !h) : tensor<6x20xf64>, tensor<?x20xf64> -> !h
    %n = math.tanh %p : !h
    rnn.yield next(%n : !h) emit(%n : !h)
  }
  return %hs, %hT : !hs, !h
}

// Not cut: all parts have state, or none has, or the label is kept.
// CHECK-LABEL: func.func @left_alone
// CHECK-NOT:     rnn.slice
// CHECK:         return
func.func @left_alone(%B: index, %T: index, %W: !W, %V: tensor<6x12xf64>, %xs: !xs, %h0: !h) -> (!hs, !cs, !h) {
  %hs, %cs, %hT = rnn.scan %t in %T over(%x = %xs : !xs) carry(%h = %h0 : !h) emit(!hs, !cs) {
    %g = math.tanh %h : !h
    %a = rnn.concat %h, %g axis 1 : !h, !h to tensor<?x12xf64>
    %p = rnn.contract "bk,nk->bn" %a, %V : tensor<?x12xf64>, tensor<6x12xf64> -> !h
    %c = rnn.concat %x, %h axis 1 : !x, !h to !c
    %q = rnn.contract "bn,nk->bk" %h, %W : !h, !W -> !c
    %r = arith.addf %q, %c : !c
    rnn.yield next(%p : !h) emit(%p, %r : !h, !c)
  }
  return %hs, %cs, %hT : !hs, !cs, !h
}
