// RUN: rnn-opt %s --rnn-unroll-time=factor=4 | FileCheck %s --check-prefix=FOUR
// RUN: rnn-opt %s --rnn-unroll-time="factor=-1 length=16" | FileCheck %s --check-prefix=FULL
// RUN: rnn-opt %s --rnn-unroll-time=factor=4 | rnn-opt --canonicalize --rnn-unroll-time=factor=0 | FileCheck %s --check-prefix=NONE
// RUN: not rnn-opt %s --rnn-unroll-time=factor=-2 2>&1 | FileCheck %s --check-prefix=WRONG
// RUN: not rnn-opt %s --rnn-unroll-time=factor=2000 2>&1 | FileCheck %s --check-prefix=MANY

// WRONG: error: cannot unroll -2 steps of 64
// MANY: error: unrolling 2000 steps is more than the allowed 1024

!h = tensor<?x6xf64>
!hs = tensor<?x?x6xf64>

// FOUR: rnn.scan {{.*}} reverse unroll(4) over
// FULL: rnn.scan {{.*}} reverse unroll(16) over
// NONE-NOT: unroll
func.func @running(%B: index, %T: index, %xs: !hs, %h0: !h) -> (!hs, !h) {
  %hs, %hT = rnn.scan %t in %T reverse over(%x = %xs : !hs) carry(%h = %h0 : !h) emit(!hs) {
    %s = arith.addf %h, %x : !h
    %n = math.tanh %s : !h
    rnn.yield next(%n : !h) emit(%n : !h)
  }
  return %hs, %hT : !hs, !h
}

// The mark survives passes that rewrite the scan.
// RUN: rnn-opt %s --rnn-unroll-time=factor=4 --canonicalize | FileCheck %s --check-prefix=KEPT
// KEPT-LABEL: func.func @slimmed
// KEPT: rnn.scan {{.*}} unroll(4) over
// KEPT-SAME: carry(%{{.*}} = %{{.*}} : tensor<?x6xf64>) {
func.func @slimmed(%B: index, %T: index, %xs: !hs, %h0: !h) -> !h {
  %hs, %hT, %gT = rnn.scan %t in %T over(%x = %xs : !hs) carry(%h = %h0 : !h, %g = %h0 : !h) emit(!hs) {
    %s = arith.addf %h, %x : !h
    %n = math.tanh %s : !h
    rnn.yield next(%n, %g : !h, !h) emit(%n : !h)
  }
  return %hT : !h
}
