//===- SemaValueErrorTest.cpp - Values of the wrong kind ------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tests/unit/frontend/SemaErrorCase.h"

static const SemaErrorCase cases[] = {
    {"ArgumentElem",
     "",
     R"(model M(n = 4) {
  input x: seq int[5]
  a = x |> GRU(n)
}
)",
     {"3:7: error: 'GRU' takes x: [d], found int[5]"}},
    {"SoftmaxScalar",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = softmax(sum(x))
}
)",
     {"4:7: error: 'softmax' of a scalar; along time write axis = T"}},
    {"IfCondition",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  if sum(x) > 0 { a = x }
}
)",
     {"4:6: error: 'if' needs a condition that is known at compile time, found "
      "seq(T) bool; help: where(c, a, b) chooses between values"}},
    {"BoolNeeded",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = where(x, 1, 2)
  b = not x
  c = x and x
}
)",
     {"4:7: error: the condition of 'where' must be bool, found seq(T) [n=4]",
      "5:7: error: 'not' needs bool, found seq(T) [n=4]",
      "6:9: error: 'and' needs bool on both sides, found seq(T) [n=4]"}},
    {"IntArithmetic",
     "",
     R"(model M() {
  input x: seq int[5]
  a = x + 1
  b = tanh(x)
}
)",
     {"3:9: error: '+' needs real values, found seq(T) int[5]; help: real(x) "
      "makes a real of an int",
      "4:7: error: expected real values, found seq(T) int[5]; help: real(x) "
      "makes a real of an int"}},
    {"Initial",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  param W: [n] = orthogonal
  param b: [n] = x
  a = glorot_uniform
 output W, b
}
)",
     {"4:18: error: 'orthogonal' fills a matrix, found [n=4]",
      "5:18: error: an initial value is made of numbers and draws only"}},
    {"CumsumWrongly",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n], k: int[3]
  a = cumsum(k)
  b = cumsum(mean(x))
  c = cumsum(x, axis = 2)
  d = cumsum(x, where = x)
}
)",
     {"3:7: error: 'cumsum' needs real values, found int[3]",
      "4:7: error: 'cumsum' of a scalar; along time write axis = T",
      "5:17: error: axis 2 of [n=4]",
      "6:17: error: 'where' must be bool, found seq(T) [n=4]"}},
};

RNNC_SEMA_ERROR_TEST(SemaValueErrors, cases);
