// RUN: rnn-opt %s --grad-differentiate --split-input-file --verify-diagnostics

// An op that passes a gradient on needs a rule.
func.func @no_rule(%x: tensor<f32>) -> tensor<f32> {
  // expected-error @below {{no derivative rule for 'math.acosh'}}
  %y = math.acosh %x : tensor<f32>
  %g = grad.gradient of %y wrt(%x : tensor<f32>) : tensor<f32>
  return %g : tensor<f32>
}

// -----

// In the body of a scan as well.
func.func @in_scan(%T: index, %xs: tensor<?x?x2xf32>, %h0: tensor<?x2xf32>) -> tensor<?x?x2xf32> {
  %hT = rnn.scan %t in %T over(%x = %xs : tensor<?x?x2xf32>) carry(%h = %h0 : tensor<?x2xf32>) {
    // expected-error @below {{no derivative rule for 'math.asinh'}}
    %y = math.asinh %x : tensor<?x2xf32>
    %n = arith.addf %y, %h : tensor<?x2xf32>
    rnn.yield next(%n : tensor<?x2xf32>)
  }
  %l = rnn.reduce sum "bn->" %hT : tensor<?x2xf32> to tensor<f32>
  %g = grad.gradient of %l wrt(%xs : tensor<?x?x2xf32>) : tensor<f32>
  return %g : tensor<?x?x2xf32>
}
