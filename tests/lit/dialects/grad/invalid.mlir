// RUN: rnn-opt %s --split-input-file --verify-diagnostics

func.func @loss(%l: tensor<2xf32>, %x: tensor<4xf32>) {
  // expected-error @below {{'grad.gradient' op (C1) takes a loss of rank 0, found 'tensor<2xf32>'}}
  %g = grad.gradient of %l wrt(%x : tensor<4xf32>) : tensor<2xf32>
  return
}

// -----

func.func @number(%l: tensor<f32>, %x: tensor<4xi32>) {
  // expected-error @below {{'grad.gradient' op (C2) value of type 'tensor<4xi32>' is not real}}
  %g = grad.gradient of %l wrt(%x : tensor<4xi32>) : tensor<f32>
  return
}

// -----

func.func @types(%l: tensor<f32>, %x: tensor<4xf32>) {
  // expected-error @below {{'grad.gradient' op (C2) gradient has type 'tensor<5xf32>', its value 'tensor<4xf32>'}}
  %g = "grad.gradient"(%l, %x) : (tensor<f32>, tensor<4xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @count(%l: tensor<f32>, %x: tensor<4xf32>) {
  // expected-error @below {{'grad.gradient' op (C2) has 0 results for 1 values}}
  "grad.gradient"(%l, %x) : (tensor<f32>, tensor<4xf32>) -> ()
  return
}
