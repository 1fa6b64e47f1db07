//===- SemaErrorTest.cpp - Wrong texts and what is said of them -----------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each text has its messages in full, with line and column. Notes that point
// into the library are left out: they move with its text.
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/Sema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

using namespace rnnc;

namespace {

struct Case {
  const char *name;
  const char *flags; ///< s: sizes needed, l: loss needed, f: a stream
  const char *text;
  std::vector<std::string> messages;
};

class SemaErrors : public testing::TestWithParam<Case> {};

std::vector<std::string> messagesOf(const Case &c) {
  SourceManager sources;
  DiagnosticEngine diags(sources);
  auto program = loadProgramText("t.rnn", c.text, {}, sources, diags);
  std::string flags = c.flags;
  SemaOptions options;
  options.needSizes = flags.find('s') != std::string::npos;
  options.needLoss = flags.find('l') != std::string::npos;
  options.stream = flags.find('f') != std::string::npos;
  if (program && !diags.hasErrors()) {
    auto model = analyze(*program, options, diags);
    EXPECT_TRUE(!model || !diags.hasErrors());
  }
  std::ostringstream out;
  diags.print(out);
  std::istringstream lines(out.str());
  std::vector<std::string> messages;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("t.rnn:"))
      messages.push_back(line.substr(6));
  return messages;
}

const Case cases[] = {
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
    {"SumOverTime",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = sum(last(x), axis = T)
}
)",
     {"4:7: error: 'sum' over time needs a sequence, found [n=4]"}},
    {"SoftmaxScalar",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = softmax(sum(x))
}
)",
     {"4:7: error: 'softmax' of a scalar; along time write axis = T"}},
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
    {"ArgumentElem",
     "",
     R"(model M(n = 4) {
  input x: seq int[5]
  a = x |> GRU(n)
}
)",
     {"3:7: error: 'GRU' takes x: [d], found int[5]"}},
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
    {"DeepNames",
     "",
     R"(model M(V, n = 4) {
  input x: seq [n]
  target y: int[2]
  a = f(x)
}
)",
     {"4:7: error: unknown name 'f'"}},
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

} // namespace

TEST_P(SemaErrors, Messages) {
  EXPECT_THAT(messagesOf(GetParam()),
              testing::ElementsAreArray(GetParam().messages));
}

INSTANTIATE_TEST_SUITE_P(All, SemaErrors, testing::ValuesIn(cases),
                         [](const testing::TestParamInfo<Case> &info) {
                           return info.param.name;
                         });
