// RUN: rnn-opt %s | rnn-opt | FileCheck %s
// RUN: rnn-opt %s --mlir-print-op-generic | rnn-opt | FileCheck %s

!h = tensor<?x8xf32>
!hs = tensor<?x?x8xf32>
!len = tensor<?xi32>

// CHECK-LABEL: func.func @scan
// CHECK-SAME:    {rnn.arg = #rnn.arg<axis, "B">}
// CHECK-SAME:    {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>}
// CHECK-SAME:    -> (tensor<?x?x8xf32> {rnn.arg = #rnn.arg<output, "y", ["T", "B"]>}
func.func @scan(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">}, %xs: !hs {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>}, %h0: !h {rnn.arg = #rnn.arg<state, "h", ["B"]>}, %len: !len {rnn.arg = #rnn.arg<lengths, "T", ["B"]>}) -> (!hs {rnn.arg = #rnn.arg<output, "y", ["T", "B"]>}, !h {rnn.arg = #rnn.arg<state, "h", ["B"]>}) {
  // CHECK: rnn.scan %{{.*}} in %{{.*}} over(%[[X:.*]] = %{{.*}} : tensor<?x?x8xf32>) carry(%[[H:.*]] = %{{.*}} : tensor<?x8xf32>) emit(tensor<?x?x8xf32>) {
  // CHECK:   rnn.yield next(%[[X]] : tensor<?x8xf32>) emit(%[[H]] : tensor<?x8xf32>)
  %a, %aT = rnn.scan %t in %T over(%x = %xs : !hs) carry(%h = %h0 : !h) emit(!hs) {
    rnn.yield next(%x : !h) emit(%h : !h)
  }
  // CHECK: rnn.scan %{{.*}} in %{{.*}} reverse lengths(%{{.*}} : tensor<?xi32>) unroll(4) over(
  %b, %bT = rnn.scan %t in %T reverse lengths(%len : !len) unroll(4) over(%x = %a : !hs) carry(%h = %aT : !h) emit(!hs) {
    rnn.yield next(%x : !h) emit(%h : !h)
  }
  // Without sequences, without emissions, without anything.
  // CHECK: rnn.scan %{{.*}} in %{{.*}} carry(%{{.*}} = %{{.*}} : tensor<?x8xf32>) {
  %c = rnn.scan %t in %T carry(%h = %bT : !h) {
    rnn.yield next(%h : !h)
  }
  // CHECK: rnn.scan %{{.*}} in %{{.*}} {
  // CHECK:   rnn.yield
  rnn.scan %t in %T {
    rnn.yield
  }
  return %b, %c : !hs, !h
}

// CHECK-LABEL: func.func @labelled
func.func @labelled(%B: index, %T: index, %x: !hs, %W: tensor<4x8xf32>, %b: tensor<4xf32>, %acc: tensor<?x?x4xf32>, %len: !len, %row: tensor<?xi1>, %steps: tensor<?x?xi1>, %g: tensor<4x8xf32>) {
  // CHECK: rnn.contract "tbk,nk->tbn" %{{.*}}, %{{.*}} : tensor<?x?x8xf32>, tensor<4x8xf32> -> tensor<?x?x4xf32>
  %0 = rnn.contract "tbk,nk->tbn" %x, %W : !hs, tensor<4x8xf32> -> tensor<?x?x4xf32>
  // CHECK: rnn.contract "tbk,nk->tbn" %{{.*}}, %{{.*}} into(%{{.*}} : tensor<?x?x4xf32>) :
  %1 = rnn.contract "tbk,nk->tbn" %x, %W into(%acc : tensor<?x?x4xf32>) : !hs, tensor<4x8xf32> -> tensor<?x?x4xf32>
  // CHECK: rnn.contract "tbn,tbk->nk" %{{.*}}, %{{.*}} into(%{{.*}} : tensor<4x8xf32>) valid(%{{.*}} : tensor<?xi32>) descending :
  %2 = rnn.contract "tbn,tbk->nk" %acc, %x into(%g : tensor<4x8xf32>) valid(%len : !len) descending : tensor<?x?x4xf32>, !hs -> tensor<4x8xf32>
  // CHECK: valid(%{{.*}} : tensor<?x?xi1>) :
  %3 = rnn.contract "tbn,tbk->nk" %acc, %x valid(%steps : tensor<?x?xi1>) : tensor<?x?x4xf32>, !hs -> tensor<4x8xf32>
  // CHECK: rnn.broadcast "n->tbn" %{{.*}}[%{{.*}}, %{{.*}}] : tensor<4xf32> to tensor<?x?x4xf32>
  %4 = rnn.broadcast "n->tbn" %b [%T, %B] : tensor<4xf32> to tensor<?x?x4xf32>
  // A permutation has no new extents.
  // CHECK: rnn.broadcast "nk->kn" %{{.*}}[] : tensor<4x8xf32> to tensor<8x4xf32>
  %5 = rnn.broadcast "nk->kn" %W [] : tensor<4x8xf32> to tensor<8x4xf32>
  // CHECK: rnn.reduce sum "tbk->tb" %{{.*}} : tensor<?x?x8xf32> to tensor<?x?xf32>
  %6 = rnn.reduce sum "tbk->tb" %x : !hs to tensor<?x?xf32>
  // CHECK: rnn.reduce sum "tbk->k" %{{.*}} into(%{{.*}} : tensor<8xf32>) valid(%{{.*}} : tensor<?xi32>) :
  %k = rnn.slice %b axis 0 from 0 : tensor<4xf32> to tensor<4xf32>
  %l = rnn.concat %k, %k axis 0 : tensor<4xf32>, tensor<4xf32> to tensor<8xf32>
  %7 = rnn.reduce sum "tbk->k" %x into(%l : tensor<8xf32>) valid(%len : !len) : !hs to tensor<8xf32>
  // CHECK: rnn.reduce max "tbk->bk"
  %8 = rnn.reduce max "tbk->bk" %x valid(%len : !len) : !hs to !h
  // CHECK: rnn.reduce min "bk->b"
  %9 = rnn.reduce min "bk->b" %8 : !h to tensor<?xf32>
  // CHECK: rnn.reduce prod "bk->k" %{{.*}} valid(%{{.*}} : tensor<?xi1>)
  %10 = rnn.reduce prod "bk->k" %8 valid(%row : tensor<?xi1>) : !h to tensor<8xf32>
  // CHECK: rnn.softmax %{{.*}} over "k" in "tbk" : tensor<?x?x8xf32>
  %11 = rnn.softmax %x over "k" in "tbk" : !hs
  // CHECK: rnn.log_softmax %{{.*}} over "t" in "tbk" valid(%{{.*}} : tensor<?xi32>) : tensor<?x?x8xf32>
  %12 = rnn.log_softmax %x over "t" in "tbk" valid(%len : !len) : !hs
  return
}

// CHECK-LABEL: func.func @movement
func.func @movement(%T: index, %t: index, %x: !hs, %h: !h, %E: tensor<65x8xf32>, %ids: tensor<?x?xi32>, %len: !len, %acc: tensor<65x8xf32>) {
  // CHECK: rnn.slice %{{.*}} axis 2 from 3 : tensor<?x?x8xf32> to tensor<?x?x4xf32>
  %0 = rnn.slice %x axis 2 from 3 : !hs to tensor<?x?x4xf32>
  // CHECK: rnn.place %{{.*}} axis 2 at 4 : tensor<?x?x4xf32> to tensor<?x?x8xf32>
  %1 = rnn.place %0 axis 2 at 4 : tensor<?x?x4xf32> to !hs
  // CHECK: rnn.concat %{{.*}}, %{{.*}} axis 2 : tensor<?x?x4xf32>, tensor<?x?x8xf32> to tensor<?x?x12xf32>
  %2 = rnn.concat %0, %x axis 2 : tensor<?x?x4xf32>, !hs to tensor<?x?x12xf32>
  // CHECK: rnn.reshape %{{.*}} : tensor<?x?x12xf32> to tensor<?x?x3x4xf32>
  %3 = rnn.reshape %2 : tensor<?x?x12xf32> to tensor<?x?x3x4xf32>
  // CHECK: rnn.shift %{{.*}} from(%{{.*}} : tensor<?x8xf32>) : tensor<?x?x8xf32>
  %4 = rnn.shift %x from(%h : !h) : !hs
  // CHECK: rnn.shift %{{.*}} from(%{{.*}} : tensor<?x8xf32>) reverse lengths(%{{.*}} : tensor<?xi32>) : tensor<?x?x8xf32>
  %5 = rnn.shift %x from(%h : !h) reverse lengths(%len : !len) : !hs
  // CHECK: rnn.reverse %{{.*}} : tensor<?x?x8xf32>
  %6 = rnn.reverse %x : !hs
  // CHECK: rnn.reverse %{{.*}} lengths(%{{.*}} : tensor<?xi32>) : tensor<?x?x8xf32>
  %7 = rnn.reverse %x lengths(%len : !len) : !hs
  // CHECK: rnn.pick last %{{.*}} lengths(%{{.*}} : tensor<?xi32>) : tensor<?x?x8xf32> to tensor<?x8xf32>
  %8 = rnn.pick last %x lengths(%len : !len) : !hs to !h
  // CHECK: rnn.pick first %{{.*}} : tensor<?x?x8xf32> to tensor<?x8xf32>
  %9 = rnn.pick first %x : !hs to !h
  // CHECK: rnn.put last %{{.*}} in %{{.*}} lengths(%{{.*}} : tensor<?xi32>) : tensor<?x8xf32> to tensor<?x?x8xf32>
  %10 = rnn.put last %h in %T lengths(%len : !len) : !h to !hs
  // CHECK: rnn.put first %{{.*}} in %{{.*}} : tensor<?x8xf32> to tensor<?x?x8xf32>
  %11 = rnn.put first %h in %T : !h to !hs
  // CHECK: rnn.gather %{{.*}}[%{{.*}}] : tensor<65x8xf32>, tensor<?x?xi32> to tensor<?x?x8xf32>
  %12 = rnn.gather %E[%ids] : tensor<65x8xf32>, tensor<?x?xi32> to !hs
  // CHECK: rnn.scatter_add %{{.*}} at %{{.*}} into(%{{.*}} : tensor<65x8xf32>) valid(%{{.*}} : tensor<?xi32>) : tensor<?x?x8xf32>, tensor<?x?xi32> to tensor<65x8xf32>
  %13 = rnn.scatter_add %x at %ids into(%acc : tensor<65x8xf32>) valid(%len : !len) : !hs, tensor<?x?xi32> to tensor<65x8xf32>
  // CHECK: rnn.one_hot %{{.*}} : tensor<?x?xi32> to tensor<?x?x65xf32>
  %14 = rnn.one_hot %ids : tensor<?x?xi32> to tensor<?x?x65xf32>
  // CHECK: rnn.argmax %{{.*}} : tensor<?x?x8xf32> to tensor<?x?xi32>
  %15 = rnn.argmax %x : !hs to tensor<?x?xi32>
  // CHECK: rnn.valid %{{.*}} at %{{.*}} : tensor<?xi32> to tensor<?xi1>
  %16 = rnn.valid %len at %t : !len to tensor<?xi1>
  // CHECK: rnn.valid_steps %{{.*}} in %{{.*}} : tensor<?xi32> to tensor<?x?xi1>
  %17 = rnn.valid_steps %len in %T : !len to tensor<?x?xi1>
  // CHECK: rnn.mask %{{.*}} valid(%{{.*}} : tensor<?xi32>) : tensor<?x?x8xf32>
  %18 = rnn.mask %x valid(%len : !len) : !hs
  return
}

// CHECK-LABEL: func.func @values
func.func @values(%B: index, %T: index, %t: index, %key: i64, %x: !hs, %y: tensor<?x?xi32>, %g: tensor<?x?xf32>) {
  // CHECK: rnn.sigmoid %{{.*}} : tensor<?x?x8xf32>
  %0 = rnn.sigmoid %x : !hs
  // CHECK: rnn.softplus %{{.*}} : tensor<?x?x8xf32>
  %1 = rnn.softplus %x : !hs
  // CHECK: rnn.cross_entropy %{{.*}}, %{{.*}} : tensor<?x?x8xf32>, tensor<?x?xi32> to tensor<?x?xf32>
  %2 = rnn.cross_entropy %x, %y : !hs, tensor<?x?xi32> to tensor<?x?xf32>
  // CHECK: rnn.cross_entropy_grad %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x?x8xf32>, tensor<?x?xi32>, tensor<?x?xf32>
  %3 = rnn.cross_entropy_grad %x, %y, %g : !hs, tensor<?x?xi32>, tensor<?x?xf32>
  // CHECK: rnn.uniform key(%{{.*}}) stream 3 at %{{.*}}[%{{.*}}] : tensor<?x8xf32>
  %4 = rnn.uniform key(%key) stream 3 at %t [%B] : !h
  // CHECK: rnn.normal key(%{{.*}}) stream 4 sequence[%{{.*}}, %{{.*}}] : tensor<?x?x8xf32>
  %5 = rnn.normal key(%key) stream 4 sequence [%T, %B] : !hs
  // CHECK: rnn.uniform key(%{{.*}}) stream 5[] : tensor<4x8xf32>
  %6 = rnn.uniform key(%key) stream 5 [] : tensor<4x8xf32>
  // CHECK: rnn.orthogonal key(%{{.*}}) stream 6 : tensor<8x8xf32>
  %7 = rnn.orthogonal key(%key) stream 6 : tensor<8x8xf32>
  // CHECK: rnn.iota : tensor<8xf32>
  %8 = rnn.iota : tensor<8xf32>
  // CHECK: rnn.position in %{{.*}} : tensor<?xi32>
  %9 = rnn.position in %T : tensor<?xi32>
  return
}
