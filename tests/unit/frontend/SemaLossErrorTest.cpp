//===- SemaLossErrorTest.cpp - Wrong losses, predictions and options ------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tests/unit/frontend/SemaErrorCase.h"

static const SemaErrorCase cases[] = {
    {"NoLoss",
     "l",
     R"(model M(n = 4) {
  input x: seq [n]
  target y: int[2]
  output x
}
)",
     {"1:7: error: the model has no loss; 'train' needs one"}},
    {"LossRank",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  loss x
}
)",
     {"4:8: error: a loss is a scalar, found [n=4]; help: sum or mean makes a "
      "scalar of it"}},
    {"LossAxes",
     "",
     R"(model M() {
  input x: seq [2], z: seq(S) [2]
  target y: seq int[2]
  loss cross_entropy(z, y)
}
)",
     {"4:8: error: 'cross_entropy' of logits over S and y over T; reduce S"}},
    {"LossClasses",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  loss cross_entropy(last(x), y)
}
)",
     {"4:8: error: size mismatch in 'cross_entropy': logits are [n=4], y is "
      "int[2]"}},
    {"MetricOfLoss",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  loss a = sum(last(x))
  metric b = a + last(x)
  loss a
}
)",
     {"5:16: error: a loss or metric by name is one number for all the data; "
      "only numbers can be combined with it",
      "6:8: error: a loss by name is one number for all the data; only a "
      "metric can be made of it"}},
    {"Leak",
     "",
     R"(model M() {
  target y: seq int[5]
  e = y |> Embedding(5, 4) |> GRU(4)
  z = e |> Dense(5)
  loss cross_entropy(z, y)
  predict y ~ categorical(z)
}
)",
     {"6:11: error: prediction of 'y' sees y at its own step through 'gru'; "
      "shift it",
      "2:10: note: 'y' declared here"}},
    {"PredictNoTarget",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  predict x = x
}
)",
     {"4:11: error: 'x' is not a target of the model"}},
    {"DuplicateOption",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  train { lr = 1, lr = 2 }
  loss a = sum(last(x)), wight = 2
}
)",
     {"4:19: error: option 'lr' is given twice",
      "5:26: error: unknown option 'wight' of a loss; help: a loss takes "
      "weight = w"}},
};

RNNC_SEMA_ERROR_TEST(SemaLossErrors, cases);
