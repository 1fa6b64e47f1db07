// Where threads share a call of one step, products that are added stay apart in
// scans: a joined factor would be copied in every call, and be waited for.
// RUN: rnn-opt %s --rnn-join-products="sums-in-scans=false" --canonicalize --cse | FileCheck %s
// RUN: rnn-opt %s --rnn-join-products --canonicalize --cse | FileCheck %s --check-prefix=JOINED

// CHECK-LABEL: func.func @two(
// CHECK:         rnn.scan
// CHECK:           %[[X:.*]] = rnn.contract "bk,nk->bn" %{{.*}}, %arg2 :
// CHECK-NEXT:      rnn.contract "bk,nk->bn" %{{.*}}, %arg3 into(%[[X]] :
// JOINED-LABEL: func.func @two(
// JOINED:         rnn.scan
// JOINED:           rnn.concat
// JOINED:           rnn.contract
// JOINED-NOT:       rnn.contract
func.func @two(%B: index, %T: index, %W: tensor<8x4xf64>, %U: tensor<8x8xf64>, %xs: tensor<?x?x4xf64>, %h0: tensor<?x8xf64>) -> tensor<?x8xf64> {
  %hT = rnn.scan %t in %T over(%x = %xs : tensor<?x?x4xf64>) carry(%h = %h0 : tensor<?x8xf64>) {
    %a = rnn.contract "bk,nk->bn" %x, %W : tensor<?x4xf64>, tensor<8x4xf64> -> tensor<?x8xf64>
    %b = rnn.contract "bk,nk->bn" %h, %U into(%a : tensor<?x8xf64>) : tensor<?x8xf64>, tensor<8x8xf64> -> tensor<?x8xf64>
    %n = math.tanh %b : tensor<?x8xf64>
    rnn.yield next(%n : tensor<?x8xf64>)
  }
  return %hT : tensor<?x8xf64>
}

// A product that is in no sum would have to be computed before the others if they
// stayed apart, so they are joined.
// JOINED-LABEL: func.func @alone(
// CHECK-LABEL: func.func @alone(
// CHECK:         rnn.scan
// CHECK:           rnn.concat
// CHECK:           rnn.contract
// CHECK:           rnn.contract
// CHECK-NOT:       rnn.contract
func.func @alone(%B: index, %T: index, %W: tensor<8x4xf64>, %U: tensor<8x8xf64>, %V: tensor<8x8xf64>, %xs: tensor<?x?x4xf64>, %h0: tensor<?x8xf64>) -> tensor<?x8xf64> {
  %hT = rnn.scan %t in %T over(%x = %xs : tensor<?x?x4xf64>) carry(%h = %h0 : tensor<?x8xf64>) {
    %a = rnn.contract "bk,nk->bn" %x, %W : tensor<?x4xf64>, tensor<8x4xf64> -> tensor<?x8xf64>
    %b = rnn.contract "bk,nk->bn" %h, %U into(%a : tensor<?x8xf64>) : tensor<?x8xf64>, tensor<8x8xf64> -> tensor<?x8xf64>
    %g = math.tanh %b : tensor<?x8xf64>
    %c = rnn.contract "bk,nk->bn" %g, %V : tensor<?x8xf64>, tensor<8x8xf64> -> tensor<?x8xf64>
    %n = math.tanh %c : tensor<?x8xf64>
    rnn.yield next(%n : tensor<?x8xf64>)
  }
  return %hT : tensor<?x8xf64>
}
