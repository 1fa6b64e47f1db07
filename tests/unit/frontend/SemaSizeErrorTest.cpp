//===- SemaSizeErrorTest.cpp - Sizes and shapes that do not fit -----------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tests/unit/frontend/SemaErrorCase.h"

static const SemaErrorCase cases[] = {
    {"SizeMismatch",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  param W: [3, 5]
  a = W @ x
}
)",
     {"5:9: error: size mismatch in '@': left is [3, 5], right is [n=4]",
      "4:9: note: 'W' declared here with shape [3, 5]",
      "2:9: note: 'x' declared here with shape [n=4]"}},
    {"SizeLetters",
     "",
     R"(cell C(n)(x: [d]) -> h {
  state h: [n]
  param W: [n, d]
  h' = W @ h
}
)",
     {"4:10: error: size mismatch in '@': left is [n, d], right is [n]; 'd' "
      "must equal 'n'",
      "3:9: note: 'W' declared here with shape [n, d]",
      "2:9: note: 'h' declared here with shape [n]"}},
    {"SizePlus",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = x + x[1:]
}
)",
     {"4:9: error: size mismatch in '+': left is [n=4], right is [3]",
      "2:9: note: 'x' declared here with shape [n=4]"}},
    {"RankStretch",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  param W: [3, n], b: [n]
  a = W + b
}
)",
     {"5:9: error: '+' of [3, n=4] and [n=4] does not stretch; write b[_, :]",
      "4:9: note: 'W' declared here with shape [3, n=4]",
      "4:20: note: 'b' declared here with shape [n=4]"}},
    {"ArgumentShape",
     "",
     R"(cell C(n)(x: [d]) -> h {
  state h: [n]
  h' = h + sum(x)
}
model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = sum(x) |> C(n)
}
)",
     {"8:7: error: 'C' takes x: [d], found real",
      "1:11: note: 'x' declared here"}},
    {"IndexRange",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = x[4]
}
)",
     {"4:9: error: index 4 into an axis of n=4"}},
    {"IndexInt",
     "",
     R"(model M() {
  input i: seq int[9]
  param E: [5, 2]
  a = E[i]
}
)",
     {"4:9: error: index int[9] into an axis of 5"}},
    {"SliceRange",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = x[2:7]
}
)",
     {"4:9: error: slice 2:7 of an axis of n=4"}},
    {"NotDivisible",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = reshape(x, [3, n/3])
}
)",
     {"4:22: error: n/3: 4 is not divisible by 3"}},
    {"ReshapeCount",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = reshape(x, [3, 2])
}
)",
     {"4:7: error: 'reshape' of [n=4] to [3, 2]: 4 entries, not 6"}},
    {"SplitCount",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a, b, c = split(x, 2)
}
)",
     {"4:3: error: expected 3 values, found 2"}},
    {"LoopBound",
     "s",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  for l in 0..V { a = x }
}
)",
     {"4:15: error: size 'V' has no value; help: give --set V=... or --data"}},
    {"LoopLong",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  for l in 0..100000 { a = x }
}
)",
     {"4:15: error: a loop of 100000 turns is unrolled; the most is 10000"}},
    {"NoSize",
     "s",
     R"(model M(V) {
  input x: seq int[V]
  output real(x)
}
)",
     {"1:9: error: size 'V' has no value; help: give --set V=65 or --data"}},
    {"SizeZero",
     "",
     R"(model M(n = 4) {
  input x: seq [n]
  param W: [n - 4, 2]
  output x
}
)",
     {"3:13: error: a size must be at least 1, found n - 4=0"}},
    {"SizeHuge",
     "",
     R"(model M(n = 100000) {
  input x: seq [n * n]
  output x
}
)",
     {"2:17: error: size n * n=10000000000 is too large; the most is "
      "2147483648"}},
    {"SizeReal",
     "",
     R"(model M(n = 5) {
  input x: seq [n / 2]
  output x
}
)",
     {"2:17: error: n / 2: 5 is not divisible by 2"}},
};

RNNC_SEMA_ERROR_TEST(SemaSizeErrors, cases);
