// RUN: rnn-opt %s --grad-differentiate --canonicalize --cse | FileCheck %s

!h = tensor<?x4xf32>
!hs = tensor<?x?x4xf32>
!U = tensor<4x4xf32>
!len = tensor<?xi32>

// tanh: g - (g y) y, and the sum stretched back.
// CHECK-LABEL: func.func @elementwise
// CHECK:         %[[Y:.*]] = math.tanh
// CHECK:         %[[G:.*]] = rnn.broadcast "->bn" %{{.*}} : tensor<f32> to tensor<?x4xf32>
// CHECK:         %[[GY:.*]] = arith.mulf %[[G]], %[[Y]]
// CHECK:         %[[GYY:.*]] = arith.mulf %[[GY]], %[[Y]]
// CHECK:         %[[DX:.*]] = arith.subf %[[G]], %[[GYY]]
// CHECK:         return %[[DX]]
func.func @elementwise(%s: tensor<f32>, %B: index {rnn.arg = #rnn.arg<axis, "B">}, %x: !h {rnn.arg = #rnn.arg<input, "x", ["B"]>}) -> !h {
  %y = math.tanh %x : !h
  %r = rnn.reduce sum "bn->" %y : !h to tensor<f32>
  %l = arith.mulf %r, %s : tensor<f32>
  %g = grad.gradient of %l wrt(%x : !h) : tensor<f32>
  return %g : !h
}

// What nobody asks for is not built: one product, for the weights.
// CHECK-LABEL: func.func @only_asked
// CHECK:         rnn.contract "bn,bk->nk"
// CHECK-NOT:     rnn.contract
func.func @only_asked(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %U: !U {rnn.arg = #rnn.arg<param, "U">},
                      %x: !h {rnn.arg = #rnn.arg<input, "x", ["B"]>}) -> !U {
  %y = rnn.contract "bk,nk->bn" %x, %U : !h, !U -> !h
  %l = rnn.reduce sum "bn->" %y : !h to tensor<f32>
  %g = grad.gradient of %l wrt(%U : !U) : tensor<f32>
  return %g : !U
}

// Nothing passes a stop; a value that the loss does not depend on gets 0.
// CHECK-LABEL: func.func @stopped
// CHECK:         %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : tensor<4xf32>
// CHECK:         return %[[ZERO]]
func.func @stopped(%x: tensor<4xf32>) -> tensor<4xf32> {
  %s = grad.stop %x : tensor<4xf32>
  %e = math.exp %s : tensor<4xf32>
  %l = rnn.reduce sum "n->" %e : tensor<4xf32> to tensor<f32>
  %g = grad.gradient of %l wrt(%x : tensor<4xf32>) : tensor<f32>
  return %g : tensor<4xf32>
}

// The adjoint of a scan: other direction, same lengths, over the sequences, the
// incoming states and the cotangents; the weights' gradient is carried, and
// leaves out rows that have ended.
// CHECK-LABEL: func.func @scan
// CHECK:         %[[F:.*]], %{{.*}} = rnn.scan %{{.*}} in %[[T:[^ ]*]] lengths(%[[LEN:[^ ]*]] : tensor<?xi32>) over(%{{.*}} = %[[XS:[^ ]*]] : {{.*}}) carry(%[[HIN:[^ ]*]] = %{{.*}}) emit
// CHECK:           rnn.yield next(%{{.*}}) emit(%[[HIN]] :
// CHECK:         rnn.scan %[[S:[^ ]*]] in %[[T]] reverse lengths(%[[LEN]] : tensor<?xi32>) over(%[[X:[^ ]*]] = %[[XS]] : {{.*}}, %[[H:[^ ]*]] = %[[F]] : {{.*}}, %[[DY:[^ ]*]] = %{{.*}}) carry(%[[DH:[^ ]*]] = %{{.*}}, %[[DU:[^ ]*]] = %{{.*}}) emit
// CHECK:           %[[A:.*]] = rnn.contract "bk,nk->bn" %[[H]], %[[U:[^ ]*]] into(%[[X]] :
// CHECK:           %[[N:.*]] = math.tanh %[[A]]
// CHECK:           arith.addf %[[DH]], %[[DY]]
// CHECK:           %[[DA:.*]] = arith.subf
// CHECK:           %[[DH1:.*]] = rnn.contract "bn,nk->bk" %[[DA]], %[[U]]
// CHECK:           %[[V:.*]] = rnn.valid %[[LEN]] at %[[S]]
// CHECK:           %[[DU1:.*]] = rnn.contract "bn,bk->nk" %[[DA]], %[[H]] into(%[[DU]] : {{.*}}) valid(%[[V]] :
// CHECK:           rnn.yield next(%[[DH1]], %[[DU1]] : {{.*}}) emit(%[[DA]] :
func.func @scan(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
                %U: !U {rnn.arg = #rnn.arg<param, "U">}, %h0: !h {rnn.arg = #rnn.arg<state, "h", ["B"]>},
                %xs: !hs {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>},
                %len: !len {rnn.arg = #rnn.arg<lengths, "T", ["B"]>}) -> (!U, !hs) {
  %ys, %hT = rnn.scan %t in %T lengths(%len : !len) over(%x = %xs : !hs) carry(%h = %h0 : !h) emit(!hs) {
    %a = rnn.contract "bk,nk->bn" %h, %U into(%x : !h) : !h, !U -> !h
    %n = math.tanh %a : !h
    rnn.yield next(%n : !h) emit(%n : !h)
  }
  %l = rnn.reduce sum "tbn->" %ys valid(%len : !len) : !hs to tensor<f32>
  %g:2 = grad.gradient of %l wrt(%U, %xs : !U, !hs) : tensor<f32>
  return %g#0, %g#1 : !U, !hs
}

// No gradient of the sequence: the reversed scan emits nothing.
// CHECK-LABEL: func.func @first_layer
// CHECK:         rnn.scan {{.*}} reverse
// CHECK-NOT:     emit(
// CHECK:         return
func.func @first_layer(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
                       %U: !U {rnn.arg = #rnn.arg<param, "U">}, %h0: !h {rnn.arg = #rnn.arg<state, "h", ["B"]>},
                       %xs: !hs {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>}) -> !U {
  %hT = rnn.scan %t in %T over(%x = %xs : !hs) carry(%h = %h0 : !h) {
    %a = rnn.contract "bk,nk->bn" %h, %U into(%x : !h) : !h, !U -> !h
    %n = math.tanh %a : !h
    rnn.yield next(%n : !h)
  }
  %l = rnn.reduce sum "bn->" %hT : !h to tensor<f32>
  %g = grad.gradient of %l wrt(%U : !U) : tensor<f32>
  return %g : !U
}

// At the top a ragged axis is known by its extent; labels may be any letters.
// CHECK-LABEL: func.func @ragged
// CHECK-SAME:    %[[LEN:[^: ]*]]: tensor<?xi32>
// CHECK:         rnn.contract "tbn,tbk->nk" %{{.*}}, %{{.*}} valid(%[[LEN]] : tensor<?xi32>) descending
// CHECK:         rnn.reduce{{ *}}sum "tba->a" %{{.*}} valid(%[[LEN]] : tensor<?xi32>)
func.func @ragged(%len: !len {rnn.arg = #rnn.arg<lengths, "T", ["B"]>},
                  %B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
                  %U: !U {rnn.arg = #rnn.arg<param, "U">}, %p: tensor<4xf32> {rnn.arg = #rnn.arg<param, "p">},
                  %xs: !hs {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>}) -> (!U, tensor<4xf32>) {
  %b = rnn.broadcast "b->tab" %p [%T, %B] : tensor<4xf32> to !hs
  %y = rnn.contract "tbk,nk->tbn" %xs, %U into(%b : !hs) : !hs, !U -> !hs
  %s = math.log %y : !hs
  %l = rnn.reduce sum "tbn->" %s valid(%len : !len) : !hs to tensor<f32>
  %g:2 = grad.gradient of %l wrt(%U, %p : !U, tensor<4xf32>) : tensor<f32>
  return %g#0, %g#1 : !U, tensor<4xf32>
}
