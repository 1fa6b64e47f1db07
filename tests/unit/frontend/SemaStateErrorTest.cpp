//===- SemaStateErrorTest.cpp - Wrong states, and where they start --------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tests/unit/frontend/SemaErrorCase.h"

static const SemaErrorCase cases[] = {
    {"StateNever",
     "",
     R"(cell C(n)(x: [n]) -> h {
  state h: [n], c: [n]
  h' = x + c
}
)",
     {"2:17: error: state 'c' is never updated; help: add c' = ..."}},
    {"StateTwice",
     "",
     R"(cell C(n)(x: [n]) -> h {
  state h: [n]
  h' = x + h
  h' = x
}
)",
     {"4:3: error: state 'h' has two equations",
      "3:3: note: the first is here"}},
    {"StateOrder",
     "",
     R"(cell C(n)(x: [n]) -> h {
  state h: [n], c: [n]
  h' = x + c' + h
  c' = x
}
)",
     {"3:12: error: 'c'' is used before its equation on line 4"}},
    {"StateShape",
     "",
     R"(cell C(n)(x: [n]) -> h {
  state h: [n]
  param w: [n]
  h' = stack(h, x + w)
}
)",
     {"4:3: error: state 'h' is [n], its new value is [2, n]",
      "2:9: note: 'h' declared here"}},
    {"NotAState",
     "",
     R"(cell C(n)(x: [n]) -> h {
  state h: [n]
  a = x
  a' = x
  h' = a
}
)",
     {"4:3: error: 'a' is not a state"}},
    {"UnknownState",
     "",
     R"(cell C(n)(x: [n]) -> h {
  state hidden: [n]
  hiden' = x
  h = hidden
}
)",
     {"2:9: error: state 'hidden' is never updated; help: add hidden' = ...",
      "3:3: error: unknown state 'hiden'; help: did you mean 'hidden'?"}},
    {"StateInLayer",
     "",
     R"(layer L(n)(x: [n]) -> y {
  state h: [n]
  y = x
}
)",
     {"2:3: error: only a cell has states"}},
    {"StateStart",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = GRU(n)(x, h = [1])
}
)",
     {"4:17: error: expected a value, found a list"}},
    {"StateStartShape",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = GRU(n)(x, h = last(x)[1:])
}
)",
     {"4:17: error: state 'h' is [n=4], it starts from [3]"}},
    {"StepNeedsState",
     "",
     R"(cell C(n)(x: [n]) -> h {
  state h: [n]
  core = GRU(n)
  h' = core.step(x)
}
)",
     {"4:8: error: 'step' needs the value of state 'h'; write h = ..."}},
    {"OnceReads",
     "",
     R"(cell C(n)(x: [n]) -> h {
  state h: [n]
  once m = tanh(x)
  h' = m + h
}
)",
     {"3:12: error: 'once' reads 'x', which changes at each step"}},
};

RNNC_SEMA_ERROR_TEST(SemaStateErrors, cases);
