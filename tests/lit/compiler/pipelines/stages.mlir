// Each stage takes what the stage before it printed.
// RUN: rnn-opt %s --rnnc-grad | FileCheck %s --check-prefix=GRAD
// RUN: rnn-opt %s --rnnc-grad | rnn-opt --rnnc-time | FileCheck %s --check-prefix=TIME
// RUN: rnn-opt %s --rnnc-grad | rnn-opt --rnnc-time="unroll=4" | FileCheck %s --check-prefix=UNROLL
// RUN: rnn-opt %s --rnnc-grad --rnnc-time | rnn-opt --rnnc-step | FileCheck %s --check-prefix=STEP
// RUN: rnn-opt %s --rnnc-grad --rnnc-time --rnnc-step | rnn-opt --rnnc-llvm | FileCheck %s --check-prefix=LLVM

// The product with the input leaves the loop before derivatives are taken.
// GRAD: rnn.contract "tbk,nk->tbn"
// GRAD: rnn.scan
// GRAD:   rnn.contract "bk,nk->bn"

// TIME: rnn.contract "tbk,nk->tbn"
// TIME: rnn.scan
// TIME-NOT: unroll
// TIME:   rnn.contract "bk,nk->bn"
// TIME-NOT: rnn.contract

// UNROLL: rnn.scan {{.*}} unroll(4)

// STEP: step.stage{{.*}} dot "bk,nk"
// STEP:   math.tanh %{{.*}} : f32

// LLVM-DAG: llvm.func @forward(%{{.*}}: !llvm.ptr, %{{.*}}: i64)
// LLVM-DAG: llvm.func @forward_arena(%{{.*}}: !llvm.ptr) -> i64
// LLVM-NOT: scf.
// LLVM-NOT: math.

func.func @forward(
    %B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %W: tensor<4x3xf32> {rnn.arg = #rnn.arg<param, "W">},
    %U: tensor<4x4xf32> {rnn.arg = #rnn.arg<param, "U">},
    %x: tensor<?x?x3xf32> {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>})
    -> (tensor<?x?x4xf32> {rnn.arg = #rnn.arg<output, "y", ["T", "B"]>}) {
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  %h0 = rnn.broadcast "n->bn" %zero [%B] : tensor<4xf32> to tensor<?x4xf32>
  %ys, %last = rnn.scan %t in %T over(%xt = %x : tensor<?x?x3xf32>)
      carry(%h = %h0 : tensor<?x4xf32>) emit(tensor<?x?x4xf32>) {
    %p = rnn.contract "bk,nk->bn" %xt, %W : tensor<?x3xf32>, tensor<4x3xf32> -> tensor<?x4xf32>
    %q = rnn.contract "bk,nk->bn" %h, %U : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %s = arith.addf %p, %q : tensor<?x4xf32>
    %h1 = math.tanh %s : tensor<?x4xf32>
    rnn.yield next(%h1 : tensor<?x4xf32>) emit(%h1 : tensor<?x4xf32>)
  }
  return %ys : tensor<?x?x4xf32>
}
