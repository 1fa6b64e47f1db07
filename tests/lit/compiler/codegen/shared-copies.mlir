// RUN: rnn-opt %s -convert-step-to-llvm -cse -canonicalize | FileCheck %s

// Weights that are joined are copied by one function each time, and so are rows
// whose number is not known yet. Parts that lie side by side need no barrier
// between them, though each is shared among the threads in its own way. What the caller hands over is read as memory
// that nobody writes.

// CHECK: func.func private @[[COPY:copy_[0-9]+]](%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64) attributes {passthrough = ["noinline"]}
// CHECK-NOT: func.func private @copy_
// CHECK-LABEL: func.func @forward(
// CHECK: llvm.load %{{.*}} invariant {{.*}} -> !llvm.ptr
// CHECK: call @[[COPY]]
// CHECK-NOT: {{scf.for|call @meet}}
// CHECK: call @[[COPY]]
// CHECK-NOT: scf.for
// CHECK: call @[[COPY]]
// CHECK-NOT: scf.for
// CHECK: return
func.func @forward(%B: index {rnn.arg = #rnn.arg<axis, "B">},
    %U: tensor<32x64xf32> {rnn.arg = #rnn.arg<param, "U">},
    %V: tensor<16x64xf32> {rnn.arg = #rnn.arg<param, "V">},
    %h: tensor<?x64xf32> {rnn.arg = #rnn.arg<state, "h", ["B"]>})
    -> (tensor<48x64xf32> {rnn.arg = #rnn.arg<output, "W">}, tensor<?x64xf32> {rnn.arg = #rnn.arg<state, "h", ["B"]>}) {
  %W = rnn.concat %U, %V axis 0 : tensor<32x64xf32>, tensor<16x64xf32> to tensor<48x64xf32>
  return %W, %h : tensor<48x64xf32>, tensor<?x64xf32>
}
