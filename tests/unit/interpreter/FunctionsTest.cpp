//===- FunctionsTest.cpp - Functions, scans, calls, errors ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Fixture.h"

using namespace rnnc::rnn;
using testing::ElementsAre;
using testing::HasSubstr;

using Functions = InterpreterTest;

/// h' = h + x over [T, B] with the clauses given; results: sequence and final.
static std::string runningSum(std::string clauses) {
  return R"(
    func.func @f(%x: tensor<?x?xf64>, %h0: tensor<?xf64>, %T: index, %l: tensor<?xi32>)
        -> (tensor<?x?xf64>, tensor<?xf64>) {
      %ys, %h = rnn.scan %t in %T )" +
         clauses +
         R"( over(%e = %x : tensor<?x?xf64>) carry(%s = %h0 : tensor<?xf64>)
          emit(tensor<?x?xf64>) {
        %n = arith.addf %s, %e : tensor<?xf64>
        rnn.yield next(%n : tensor<?xf64>) emit(%n : tensor<?xf64>)
      }
      return %ys, %h : tensor<?x?xf64>, tensor<?xf64>
    })";
}

TEST_F(Functions, ScanCarriesAndEmits) {
  Array x = counting({3, 2}), h0 = reals({2}, {10, 20});
  auto results =
      run(runningSum(""), {x, h0, Array::index(3), ints({2}, {3, 3})});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_THAT(numbers(results[0]), ElementsAre(11, 22, 14, 26, 19, 32));
  EXPECT_THAT(numbers(results[1]), ElementsAre(19, 32));
}

TEST_F(Functions, ReversedScanEmitsAtThePosition) {
  Array x = counting({3, 1}), h0 = reals({1}, {0});
  auto results =
      run(runningSum("reverse"), {x, h0, Array::index(3), ints({1}, {3})});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_THAT(numbers(results[0]), ElementsAre(6, 5, 3));
  EXPECT_THAT(numbers(results[1]), ElementsAre(6));
}

TEST_F(Functions, EndedRowsKeepTheirStateAndEmitZero) {
  Array x = reals({3, 2}, {1, 2, 3, NAN, 5, NAN}), h0 = reals({2}, {0, 0});
  auto lengths = ints({2}, {3, 1});
  auto results = run(runningSum("lengths(%l : tensor<?xi32>)"),
                     {x, h0, Array::index(3), lengths});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_THAT(numbers(results[0]), ElementsAre(1, 2, 4, 0, 9, 0));
  EXPECT_THAT(numbers(results[1]), ElementsAre(9, 2));
  results = run(runningSum("reverse lengths(%l : tensor<?xi32>)"),
                {x, h0, Array::index(3), lengths});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_THAT(numbers(results[0]), ElementsAre(9, 2, 8, 0, 5, 0));
  EXPECT_THAT(numbers(results[1]), ElementsAre(9, 2));
}

TEST_F(Functions, CarriesWithoutBatchAreAlwaysUpdated) {
  auto results = run(R"(
    func.func @f(%T: index, %l: tensor<?xi32>, %c0: tensor<f64>) -> tensor<f64> {
      %one = arith.constant dense<1.0> : tensor<f64>
      %c = rnn.scan %t in %T lengths(%l : tensor<?xi32>) carry(%s = %c0 : tensor<f64>) {
        %n = arith.addf %s, %one : tensor<f64>
        rnn.yield next(%n : tensor<f64>)
      }
      return %c : tensor<f64>
    })",
                     {Array::index(4), ints({1}, {1}), reals({}, {0})});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].number(0), 4);
}

TEST_F(Functions, ScanInAScanSeesOuterValues) {
  // Sum over t of t times the sum over s of x[t, s].
  EXPECT_THAT(numbers(R"(
    func.func @f(%x: tensor<?x?xf64>, %T: index, %S: index, %z: tensor<f64>) -> tensor<f64> {
      %r = rnn.scan %t in %T over(%row = %x : tensor<?x?xf64>) carry(%a = %z : tensor<f64>) {
        %i = arith.index_cast %t : index to i64
        %f = arith.sitofp %i : i64 to f64
        %w = tensor.from_elements %f : tensor<f64>
        %b = rnn.scan %s in %S over(%e = %row : tensor<?xf64>) carry(%c = %a : tensor<f64>) {
          %p = arith.mulf %e, %w : tensor<f64>
          %n = arith.addf %c, %p : tensor<f64>
          rnn.yield next(%n : tensor<f64>)
        }
        rnn.yield next(%b : tensor<f64>)
      }
      return %r : tensor<f64>
    })",
                      {counting({3, 2}), Array::index(3), Array::index(2),
                       reals({}, {0})},
                      {}),
              ElementsAre(3 + 4 + 2 * (5 + 6)));
}

TEST_F(Functions, Calls) {
  EXPECT_THAT(numbers(R"(
    func.func private @double(%x: tensor<f64>) -> tensor<f64> {
      %r = arith.addf %x, %x : tensor<f64>
      return %r : tensor<f64>
    }
    func.func @f(%x: tensor<f64>) -> tensor<f64> {
      %r = func.call @double(%x) : (tensor<f64>) -> tensor<f64>
      return %r : tensor<f64>
    })",
                      {reals({}, {3})}, {}),
              ElementsAre(6));
  EXPECT_THAT(error(R"(
    func.func @f() {
      func.call @f() : () -> ()
      return
    })"),
              HasSubstr("calls are nested too deep"));
}

TEST_F(Functions, StopIsTheIdentity) {
  EXPECT_THAT(numbers(R"(
    func.func @f(%x: tensor<2xf64>) -> tensor<2xf64> {
      %r = "grad.stop"(%x) : (tensor<2xf64>) -> tensor<2xf64>
      return %r : tensor<2xf64>
    })",
                      {counting({2})}, {2}),
              ElementsAre(1, 2));
}

TEST_F(Functions, ErrorsNameThePlace) {
  EXPECT_THAT(error("func.func @f(%x: tensor<2xf64>) {\n"
                    "  \"test.unknown\"(%x) : (tensor<2xf64>) -> ()\n"
                    "  return\n}",
                    {counting({2})}),
              testing::AllOf(HasSubstr(":2:3"),
                             HasSubstr("'test.unknown': the interpreter does "
                                       "not know this op")));
}

TEST_F(Functions, ArgumentsMustFit) {
  const char *text = "func.func @f(%x: tensor<?x2xf64>) { return }";
  EXPECT_THAT(error(text, {}), HasSubstr("'f' takes 1 arguments, found 0"));
  EXPECT_THAT(error(text, {counting({3, 3})}),
              HasSubstr("argument 0: found [3, 3] of f64, expected "
                        "tensor<?x2xf64>"));
  EXPECT_THAT(error(text, {ints({1, 2}, {1, 2})}),
              HasSubstr("found [1, 2] of i32"));
}

TEST_F(Functions, NamedExtentsMustAgree) {
  const char *text = R"(
    func.func @f(%B: index {rnn.arg = #rnn.arg<axis, "B">},
                 %x: tensor<?x2xf64> {rnn.arg = #rnn.arg<input, "x", ["B"]>}) {
      return
    })";
  EXPECT_THAT(error(text, {Array::index(3), counting({2, 2})}),
              HasSubstr("'x' has extent 2 along B, others have 3"));
  EXPECT_EQ(error(text, {Array::index(2), counting({2, 2})}), "");
}

TEST_F(Functions, SequencesMustHaveTheScansSteps) {
  EXPECT_THAT(error(runningSum(""), {counting({3, 1}), counting({1}),
                                     Array::index(2), ints({1}, {1})}),
              HasSubstr("(C1) a sequence of 3 steps in a scan of 2"));
}
