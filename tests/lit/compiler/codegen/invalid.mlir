// RUN: rnn-opt %s -convert-step-to-llvm -split-input-file -verify-diagnostics

// expected-error @+1 {{a value of type 'tensor<?x4xf32>' needs an #rnn.arg that names its axes}}
func.func @unnamed(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %x: tensor<?x4xf32>) -> tensor<4xf32> {
  %r = rnn.reduce sum "bn->n" %x : tensor<?x4xf32> to tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

// expected-error @+1 {{no extent is named 'B'}}
func.func @unknown(%T: index {rnn.arg = #rnn.arg<axis, "T">}, %x: tensor<?x4xf32> {rnn.arg = #rnn.arg<input, "x", ["B"]>}) -> tensor<4xf32> {
  %r = rnn.reduce sum "bn->n" %x : tensor<?x4xf32> to tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

func.func @orthogonal(%key: i64 {rnn.arg = #rnn.arg<key, "key">}) -> tensor<4x4xf32> {
  // expected-error @+1 {{'rnn.orthogonal' op has no code}}
  %r = rnn.orthogonal key(%key) stream 1 : tensor<4x4xf32>
  return %r : tensor<4x4xf32>
}
