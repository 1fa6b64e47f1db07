//===- SemaTimeErrorTest.cpp - Wrong time axes, and streams ---------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tests/unit/frontend/SemaErrorCase.h"

static const SemaErrorCase cases[] = {
    {"NestedStream",
     "f",
     R"(cell Inner()(x: [d], h: seq [d]) -> y {
  state y: [d]
  g = GRU(2)
  y' = x + last(g(h))[0]
}
model M() {
  input x: seq [2]
  output Inner()(x, x as U)
}
)",
     {"4:12: error: 'last' over U needs the end of a stream",
      "4:17: error: a recurrence over U inside another one is not built for "
      "streams yet",
      "8:21: error: 'as' over U needs the end of a stream"}},
    {"SumOverTime",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = sum(last(x), axis = T)
}
)",
     {"4:7: error: 'sum' over time needs a sequence, found [n=4]"}},
    {"TwoAxes",
     "",
     R"(model M(n = 4) {
  input x: seq(R, C) [n]
  a = x |> GRU(n)
}
)",
     {"3:7: error: 'GRU' finds two time axes, R and C; choose with axis ="}},
    {"CellNeedsSequence",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = last(x) |> GRU(n)
}
)",
     {"4:7: error: 'GRU' needs a sequence, found [n=4]"}},
    {"LayerNeedsSequence",
     "",
     R"(layer L()(x: seq [n]) -> y {
  y = reverse(x)
}
model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = last(x) |> L()
}
)",
     {"7:7: error: 'L' needs a sequence, found [n=4]"}},
    {"ShiftStart",
     "",
     R"(model M() {
  input x: seq int[5]
  a = shift(x)
}
)",
     {"3:7: error: shift(x) of int[5] needs start ="}},
    {"ShiftRange",
     "",
     R"(model M() {
  input x: seq int[5]
  a = shift(x, start = 5)
}
)",
     {"3:16: error: start 5 is not in int[5]"}},
    {"FutureStream",
     "f",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = reverse(x)
  b = last(x)
  c = sum(x, axis = T)
  output a, b, c
}
)",
     {"4:7: error: 'reverse' over T needs the end of a stream",
      "5:7: error: 'last' over T needs the end of a stream",
      "6:7: error: 'sum' over T needs the end of a stream"}},
    {"EveryWrongly",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: seq int[2], z: int[2]
  a = every(x, 2)
  b = every(x, 2, to = 3)
  c = every(y, 2, to = U)
  d = every(x, 1, to = U)
  e = every(z, 2, to = U)
  f = every(x, 2, to = U)
  g = every(x, 3, to = U)
  h = every(x, 2, to = T)
}
)",
     {"4:7: error: 'every' needs a name for the new time axis, such as to = U",
      "5:19: error: 'every' needs a name for the new time axis, such as to = U",
      "6:7: error: 'every' needs real values, found seq(T) int[2]",
      "7:16: error: 'every' of 1 steps; it takes 2 to 65536",
      "8:7: error: 'every' needs real values, found int[2]",
      "10:19: error: 'U' is already a time axis",
      "9:19: note: defined here before",
      "11:19: error: 'T' is already a time axis",
      "2:12: note: defined here before"}},
};

RNNC_SEMA_ERROR_TEST(SemaTimeErrors, cases);
