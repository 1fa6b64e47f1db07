// RUN: rnn-opt %s --grad-differentiate --canonicalize --cse --grad-sink-accumulations --canonicalize --grad-plan-saved --canonicalize --cse | FileCheck %s

!h = tensor<?x4xf32>
!hs = tensor<?x?x4xf32>
!U = tensor<4x4xf32>

// The tanh is kept as the state that is emitted anyway: nothing is computed
// again, and one product stays in the reversed scan.
// CHECK-LABEL: func.func @tanh
// CHECK:         %[[F:.*]]:2, %{{.*}} = rnn.scan
// CHECK:           rnn.contract "bk,nk->bn"
// CHECK:           %[[N:.*]] = math.tanh
// CHECK:           rnn.yield next(%[[N]] : {{.*}}) emit(%{{.*}}, %[[N]] :
// CHECK:         rnn.scan {{.*}} reverse over(
// CHECK-NOT:       math.tanh
// CHECK-NOT:       "bk,nk->bn"
// CHECK:           rnn.contract "bn,nk->bk"
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
// CHECK:         rnn.contract "tbn,tbk->nk" %{{.*}}, %[[F]]#0 descending
func.func @tanh(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
                %U: !U {rnn.arg = #rnn.arg<param, "U">}, %h0: !h {rnn.arg = #rnn.arg<state, "h", ["B"]>},
                %xs: !hs {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>}) -> !U {
  %ys, %hT = rnn.scan %t in %T over(%x = %xs : !hs) carry(%h = %h0 : !h) emit(!hs) {
    %a = rnn.contract "bk,nk->bn" %h, %U into(%x : !h) : !h, !U -> !h
    %n = math.tanh %a : !h
    rnn.yield next(%n : !h) emit(%n : !h)
  }
  %l = rnn.reduce sum "tbn->" %ys : !hs to tensor<f32>
  %g = grad.gradient of %l wrt(%U : !U) : tensor<f32>
  return %g : !U
}

// Two products, one after the other. Both gates are kept; what comes from them
// by a product of entries is computed again, the products over units are not.
// CHECK-LABEL: func.func @two_products
// CHECK:         rnn.scan
// CHECK:           %[[R:.*]] = rnn.sigmoid
// CHECK:           %[[N:.*]] = math.tanh
// CHECK:           rnn.yield next(%{{.*}}) emit(%{{.*}}, %[[R]], %[[N]] :
// CHECK:         rnn.scan {{.*}} reverse
// CHECK-NOT:       "bk,nk->bn"
// CHECK-NOT:       rnn.sigmoid
// CHECK-NOT:       math.tanh
// CHECK:           arith.mulf
// CHECK-COUNT-2:   rnn.contract "bn,nk->bk"
// CHECK-NOT:       rnn.contract
// CHECK:           rnn.yield
func.func @two_products(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
                        %U: !U {rnn.arg = #rnn.arg<param, "U">}, %V: !U {rnn.arg = #rnn.arg<param, "V">},
                        %h0: !h {rnn.arg = #rnn.arg<state, "h", ["B"]>},
                        %xs: !hs {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>}) -> (!U, !U) {
  %hT = rnn.scan %t in %T over(%x = %xs : !hs) carry(%h = %h0 : !h) {
    %a = rnn.contract "bk,nk->bn" %h, %U into(%x : !h) : !h, !U -> !h
    %r = rnn.sigmoid %a : !h
    %rh = arith.mulf %r, %h : !h
    %b = rnn.contract "bk,nk->bn" %rh, %V into(%x : !h) : !h, !U -> !h
    %n = math.tanh %b : !h
    %d = arith.mulf %n, %r : !h
    rnn.yield next(%d : !h)
  }
  %l = rnn.reduce sum "bn->" %hT : !h to tensor<f32>
  %g:2 = grad.gradient of %l wrt(%U, %V : !U, !U) : tensor<f32>
  return %g#0, %g#1 : !U, !U
}
