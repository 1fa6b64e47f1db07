// RUN: rnn-opt %s --pass-pipeline='builtin.module(grad-build-entries{optimizer=sgd momentum=0.9 clip-norm=5 clip-value=2 weight-decay=0.1})' | FileCheck %s --check-prefix=SGD
// RUN: rnn-opt %s --pass-pipeline='builtin.module(grad-build-entries{optimizer=adamw weight-decay=0.1 entries=train})' | FileCheck %s --check-prefix=ADAMW
// RUN: rnn-opt %s --pass-pipeline='builtin.module(grad-build-entries{optimizer=rmsprop entries=train})' | FileCheck %s --check-prefix=RMSPROP
// RUN: rnn-opt %s --pass-pipeline='builtin.module(grad-build-entries{entries=grad input-gradients=true})' | FileCheck %s --check-prefix=INPUTS
// RUN: rnn-opt %s --pass-pipeline='builtin.module(grad-build-entries{optimizer=sgd entries=train grad-norm=false})' | FileCheck %s --check-prefix=NONORM
// RUN: rnn-opt %s --pass-pipeline='builtin.module(grad-build-entries{entries=split_eval})' | FileCheck %s --check-prefix=EVAL
// RUN: not rnn-opt %s --pass-pipeline='builtin.module(grad-build-entries{optimizer=sdg})' 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: error: there is no optimizer 'sdg'

// SGD-NOT:   @loss
// SGD-LABEL: func.func @grad
// SGD:         grad.gradient of %{{.*}} wrt(%{{[^,]*}} : tensor<2xf32>) : tensor<f32>
// SGD-LABEL: func.func @train
// SGD-SAME:    %{{.*}}: index {rnn.arg = #rnn.arg<axis, "B">}, %[[LR:.*]]: tensor<f32> {rnn.arg = #rnn.arg<hyper, "lr">}, %[[P:.*]]: tensor<2xf32> {rnn.arg = #rnn.arg<param, "p">}, %{{.*}}: tensor<2xf32> {rnn.arg = #rnn.arg<param, "q">, rnn.fixed}, %[[U:.*]]: tensor<2xf32> {rnn.arg = #rnn.arg<slot, "p.momentum">}, %{{.*}}: tensor<?x2xf32> {rnn.arg = #rnn.arg<input, "x", ["B"]>}
// SGD-SAME:    -> (tensor<f32> {rnn.arg = #rnn.arg<loss, "loss">}, tensor<f32> {rnn.arg = #rnn.arg<grad_norm, "grad_norm">}, tensor<2xf32> {rnn.arg = #rnn.arg<param, "p">}, tensor<2xf32> {rnn.arg = #rnn.arg<slot, "p.momentum">})
// SGD:         %[[G:.*]] = grad.gradient of
// SGD:         %[[NORM:.*]] = math.sqrt
// SGD:         arith.minimumf
// SGD:         arith.maximumf
// SGD:         %[[CLIPPED:.*]] = arith.minimumf
// SGD:         %[[DECAYED:.*]] = arith.addf %[[CLIPPED]]
// SGD:         %[[KEPT:.*]] = arith.mulf %{{.*}}, %[[U]]
// SGD:         %[[U1:.*]] = arith.addf %[[KEPT]], %[[DECAYED]]
// SGD:         %[[STEP:.*]] = arith.mulf %{{.*}}, %[[U1]]
// SGD:         %[[P1:.*]] = arith.subf %[[P]], %[[STEP]]
// SGD:         return %{{.*}}, %[[NORM]], %[[P1]], %[[U1]]

// ADAMW-NOT:   @grad
// ADAMW-NOT:   @forward
// ADAMW-LABEL: func.func @train
// ADAMW-SAME:    #rnn.arg<hyper, "lr">{{.*}}#rnn.arg<hyper, "bias1">{{.*}}#rnn.arg<hyper, "bias2">{{.*}}#rnn.arg<slot, "p.m">{{.*}}#rnn.arg<slot, "p.v">
// ADAMW:         %[[RATE:.*]] = rnn.broadcast "->n"
// ADAMW:         %[[WP:.*]] = arith.mulf %{{.*}}, %[[P:.*]] : tensor<2xf32>
// ADAMW:         %[[DP:.*]] = arith.mulf %[[RATE]], %[[WP]]
// ADAMW:         arith.subf %[[P]], %[[DP]]

// RMSPROP-LABEL: func.func @train
// RMSPROP-SAME:    #rnn.arg<slot, "p.square">
// RMSPROP-NOT:   @grad

// Nobody asks for the norm.
// NONORM-LABEL: func.func @train
// NONORM-NOT:     grad_norm
// NONORM-NOT:     math.sqrt
// NONORM:         return

// INPUTS-LABEL: func.func @grad
// INPUTS-SAME:    #rnn.arg<grad, "p">{{.*}}#rnn.arg<grad, "x", ["B"]>
// INPUTS-NOT:   @train

// An evaluation to be cut is a copy of @eval, and nothing else is left.
// EVAL-NOT:   func.func
// EVAL:       func.func @split(
// EVAL:         rnn.reduce sum "b->"
// EVAL:         return
// EVAL-NOT:   func.func
func.func @loss(%B: index {rnn.arg = #rnn.arg<axis, "B">},
                %p: tensor<2xf32> {rnn.arg = #rnn.arg<param, "p">},
                %q: tensor<2xf32> {rnn.arg = #rnn.arg<param, "q">, rnn.fixed},
                %x: tensor<?x2xf32> {rnn.arg = #rnn.arg<input, "x", ["B"]>})
    -> (tensor<f32> {rnn.arg = #rnn.arg<loss, "loss">}) {
  %s = arith.mulf %p, %q : tensor<2xf32>
  %b = rnn.broadcast "n->bn" %s [%B] : tensor<2xf32> to tensor<?x2xf32>
  %y = arith.mulf %b, %x : tensor<?x2xf32>
  %l = rnn.reduce sum "bn->" %y : tensor<?x2xf32> to tensor<f32>
  return %l : tensor<f32>
}

func.func @forward(%B: index {rnn.arg = #rnn.arg<axis, "B">}) {
  return
}

func.func @eval(%B: index {rnn.arg = #rnn.arg<axis, "B">},
                %x: tensor<?xf32> {rnn.arg = #rnn.arg<input, "x", ["B"]>})
    -> (tensor<f32> {rnn.arg = #rnn.arg<loss, "loss">}) {
  %l = rnn.reduce sum "b->" %x : tensor<?xf32> to tensor<f32>
  return %l : tensor<f32>
}
