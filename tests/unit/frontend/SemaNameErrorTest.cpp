//===- SemaNameErrorTest.cpp - Wrong names, definitions and instances -----===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tests/unit/frontend/SemaErrorCase.h"

static const SemaErrorCase cases[] = {
    {"UnknownName",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = sigmod(x)
}
)",
     {"4:7: error: unknown name 'sigmod'; help: did you mean 'sigmoid'?"}},
    {"UnknownNameFar",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = qqqqqq + 1
  b = a + a
}
)",
     {"4:7: error: unknown name 'qqqqqq'"}},
    {"DeepNames",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = f(x)
}
)",
     {"4:7: error: unknown name 'f'"}},
    {"DefinedTwice",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = x
  a = x
}
)",
     {"5:3: error: 'a' is already defined", "4:3: note: defined here before"}},
    {"UsedBefore",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = b
  b = x
}
)",
     {"4:7: error: 'b' is used before its equation on line 5"}},
    {"NamesDifferInTraining",
     "",
     R"(model M(n = 4) {
  input x: seq [n]
  target y: seq [n]
  if training { a = x |> Dense(n) } else { a = x }
  b = a |> Dense(n)
  loss mse(b, y)
}
)",
     {"5:12: error: parameter 'dense.W' is another one in training; help: "
      "bind the instance to a name outside of 'if training'"}},
    {"EvaluationOnly",
     "",
     R"(model M(n = 4) {
  input x: seq [n]
  target y: seq [n]
  f = Dense(n)
  if training { a = x } else { a = f(x) }
  loss mse(a, y)
}
)",
     {"4:7: error: parameter 'f.W' exists in evaluation only; help: bind the "
      "instance to a name outside of 'if training'"}},
    {"MemberUnknown",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  r = x |> LSTM(n)
  output r.cc
}
)",
     {"5:12: error: cell 'LSTM' has no 'cc'; help: did you mean 'c'?"}},
    {"ParamUnknown",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  f = LSTM(n)
  a = f.Wx
}
)",
     {"4:7: error: cell 'LSTM' has no parameter 'Wx'; help: did you mean "
      "'Wi'?"}},
    {"ApplyDefinition",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = map(x)
  b = x |> x
}
)",
     {"4:7: error: unknown name 'map'; help: did you mean 'max'?",
      "5:12: error: cannot apply seq(T) [n=4]"}},
    {"LayerNotInstance",
     "",
     R"(layer B(f: layer)(x: [n]) -> y {
  y = f(x)
}
model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = B(LSTM)(x)
}
)",
     {"7:9: error: 'f' of layer 'B' must be a layer or cell, found cell "
      "'LSTM'; help: make an instance: LSTM(...)"}},
    {"Recursion",
     "",
     R"(cell A(n)(x: [n]) -> h {
  state h: [n]
  b = B(n)
  h' = b(x)
}
cell B(n)(x: [n]) -> h {
  state h: [n]
  a = A(n)
  h' = a(x)
}
)",
     {"1:6: error: cells call each other: 'A' -> 'B' -> 'A'"}},
    {"FnRecursion",
     "",
     R"(fn f(x) = f(x)
)",
     {"1:4: error: functions call each other: 'f' -> 'f'"}},
    {"ParamInFn",
     "",
     R"(fn f(x: [n]) -> y {
  param w: [n]
  y = x
}
)",
     {"2:3: error: a function has no parameters; make it a layer"}},
    {"InputInCell",
     "",
     R"(cell C(n)(x: [n]) -> h {
  input z: [n]
  state h: [n]
  h' = x
}
)",
     {"2:3: error: only a model has inputs and targets in its body"}},
    {"LossInCell",
     "",
     R"(cell C(n)(x: [n]) -> h {
  state h: [n]
  h' = x
  loss sum(h)
}
)",
     {"4:3: error: 'loss' belongs into a model, not into cell 'C'"}},
    {"CellCount",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = GRU(n, 3)
}
)",
     {"4:7: error: cell 'GRU' takes 1 size (n), found 2"}},
    {"CellCountNone",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = x |> GRU()
}
)",
     {"4:12: error: cell 'GRU' takes 1 size (n), found 0"}},
    {"CellArgName",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = GRU(m = 3)
}
)",
     {"4:11: error: cell 'GRU' has no static argument 'm'; it takes 1 size "
      "(n)"}},
    {"InputCount",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = GRU(n)(x, x)
}
)",
     {"4:7: error: cell 'GRU' takes 1 input (x), found 2"}},
    {"UnknownKeyword",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = GRU(n)(x, c = 0)
}
)",
     {"4:17: error: cell 'GRU' has no input or state 'c'"}},
    {"UnusedParam",
     "",
     R"(model M(n = 4) {
  input x: seq [n]
  target y: int[2]
  param Uz: [n]
  output x
}
)",
     {"4:9: warning: parameter 'Uz' is never used [unused-param]"}},
    {"UnusedSize",
     "",
     R"(model M(n = 4, k = 2) {
  input x: seq [n]
  target y: int[2]
  output x
}
)",
     {"1:16: warning: size 'k' is never used [unused-size]"}},
    {"ModelTwice",
     "s",
     R"(model M() {
  input x: seq [4]
  output x
}
model N() {
  input x: seq [4]
  output x
}
)",
     {"5:7: error: the spec has 2 models (M, N); choose one with --model"}},
};

RNNC_SEMA_ERROR_TEST(SemaNameErrors, cases);
