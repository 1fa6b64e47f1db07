//===- ScansTest.cpp - Adjoints of scans against finite differences -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tests/grad/GradCheck.h"
#include <gtest/gtest.h>

using namespace rnnc::test;

namespace {
constexpr const char *kHead = R"(
!h = tensor<?x3xf64>
!hs = tensor<?x?x3xf64>
!U = tensor<3x3xf64>
!v = tensor<3xf64>
!len = tensor<?xi32>
func.func @f(%B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %S: index {rnn.arg = #rnn.arg<axis, "S">},
    %U: !U {rnn.arg = #rnn.arg<param, "U">}, %W: !U {rnn.arg = #rnn.arg<param, "W">},
    %p: !v {rnn.arg = #rnn.arg<param, "p">},
    %h0: !h {rnn.arg = #rnn.arg<state, "h", ["B"]>},
    %xs: !hs {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>},
    %ctx: !hs {rnn.arg = #rnn.arg<input, "c", ["S", "B"]>},
    %wt: !hs {rnn.arg = #rnn.arg<input, "wt", ["T", "B"]>},
    %len: !len {rnn.arg = #rnn.arg<lengths, "LENGTHS", ["B"]>}) -> tensor<f64> {
)";
constexpr const char *kTail = R"(
  %pr = arith.mulf %ys, %wt : !hs
  %l1 = rnn.reduce sum "tbn->" %pr valid(%len : !len) : !hs to tensor<f64>
  %l2 = rnn.reduce sum "bn->" %hT into(%l1 : tensor<f64>) : !h to tensor<f64>
  return %l2 : tensor<f64>
}
)";

/// A cell with a product, a bias, a vector of weights and two states.
constexpr const char *kCell = R"(
    %bb = rnn.broadcast "n->bn" %p [%B] : !v to !h
    %a0 = rnn.contract "bk,nk->bn" %x, %W into(%bb : !h) : !h, !U -> !h
    %a1 = rnn.contract "bk,nk->bn" %h, %U into(%a0 : !h) : !h, !U -> !h
    %z = rnn.sigmoid %a1 : !h
    %rh = arith.mulf %z, %h : !h
    %a2 = rnn.contract "bk,nk->bn" %rh, %W into(%x : !h) : !h, !U -> !h
    %n = math.tanh %a2 : !h
    %d = arith.subf %h, %n : !h
    %zd = arith.mulf %z, %d : !h
    %c1 = arith.addf %n, %c : !h
    %h1 = arith.addf %n, %zd : !h
    %e = arith.mulf %h1, %c1 : !h
    rnn.yield next(%h1, %c1 : !h, !h) emit(%e : !h)
  }
)";

/// Runs the cases. The axis T is ragged if the scans in `body` take lengths;
/// a scan that does not read lengths runs through all steps of every row.
void check(const std::string &body, int64_t shortest = 1) {
  std::string head = kHead;
  bool ragged = body.find(" lengths(") != std::string::npos;
  head.replace(head.find("LENGTHS"), 7, ragged ? "T" : "Z");
  uint64_t seed = 0;
  for (auto [batch, steps] :
       {std::pair(3, 4), std::pair(2, 1), std::pair(1, 5)}) {
    Inputs inputs;
    inputs.seed = ++seed * 104729;
    inputs.extents = {{"B", batch}, {"T", steps}, {"S", 3}, {"Z", steps}};
    inputs.shortest = shortest;
    EXPECT_EQ(checkGradients(head + body + kTail, inputs), "");
  }
}

TEST(ScansTest, Forward) {
  check(std::string("%ys, %hT, %cT = rnn.scan %t in %T over(%x = %xs : !hs) "
                    "carry(%h = %h0 : !h, %c = %h0 : !h) emit(!hs) {") +
        kCell);
}
TEST(ScansTest, Reverse) {
  check(std::string(
            "%ys, %hT, %cT = rnn.scan %t in %T reverse over(%x = %xs : !hs) "
            "carry(%h = %h0 : !h, %c = %h0 : !h) emit(!hs) {") +
        kCell);
}
TEST(ScansTest, ForwardRagged) {
  check(std::string("%ys, %hT, %cT = rnn.scan %t in %T lengths(%len : !len) "
                    "over(%x = %xs : !hs) "
                    "carry(%h = %h0 : !h, %c = %h0 : !h) emit(!hs) {") +
            kCell,
        0);
}
TEST(ScansTest, ReverseRagged) {
  check(std::string("%ys, %hT, %cT = rnn.scan %t in %T reverse lengths(%len : "
                    "!len) over(%x = %xs : !hs) "
                    "carry(%h = %h0 : !h, %c = %h0 : !h) emit(!hs) {") +
            kCell,
        0);
}

// log of a state that is 0 in padding: what sums over rows must leave it out.
TEST(ScansTest, InfiniteInPadding) {
  check(R"(
  %ones = arith.constant dense<1.0> : tensor<f64>
  %one = rnn.broadcast "->bn" %ones [%B] : tensor<f64> to !h
  %hi = math.exp %h0 : !h
  %ys, %hT = rnn.scan %t in %T lengths(%len : !len) over(%x = %xs : !hs) carry(%h = %hi : !h) emit(!hs) {
    %lg = math.log %h : !h
    %a0 = rnn.contract "bk,nk->bn" %lg, %U into(%x : !h) : !h, !U -> !h
    %e = math.exp %a0 : !h
    rnn.yield next(%e : !h) emit(%lg : !h)
  })",
        0);
}

// A weight vector, a value with rows and a whole sequence from outside.
TEST(ScansTest, Captured) {
  for (const char *lengths : {"", "lengths(%len : !len)"})
    check(std::string("%ys, %hT = rnn.scan %t in %T ") + lengths + R"(
      over(%x = %xs : !hs) carry(%h = %h0 : !h) emit(!hs) {
    %b = rnn.broadcast "n->bn" %p [%B] : !v to !h
    %bh = arith.mulf %b, %h : !h
    %q = arith.addf %bh, %h0 : !h
    %sc = rnn.contract "sbm,bm->sb" %ctx, %q : !hs, !h -> tensor<?x?xf64>
    %al = rnn.softmax %sc over "s" in "sb" : tensor<?x?xf64>
    %m = rnn.contract "sb,sbm->bm" %al, %ctx into(%x : !h) : tensor<?x?xf64>, !hs -> !h
    %n = math.tanh %m : !h
    rnn.yield next(%n : !h) emit(%m : !h)
  })",
          lengths[0] ? 0 : 1);
}

// A scan in a scan, its steps along the axis of the context.
TEST(ScansTest, Nested) {
  for (const char *lengths : {"", "lengths(%len : !len)"})
    check(std::string("%ys, %hT = rnn.scan %t in %T ") + lengths + R"(
      over(%x = %xs : !hs) carry(%h = %h0 : !h) emit(!hs) {
    %is, %iT = rnn.scan %s in %S reverse over(%cx = %ctx : !hs) carry(%g = %h : !h) emit(!hs) {
      %i0 = arith.addf %cx, %x : !h
      %i1 = rnn.contract "bk,nk->bn" %g, %U into(%i0 : !h) : !h, !U -> !h
      %i2 = math.tanh %i1 : !h
      %i3 = arith.mulf %i2, %h : !h
      rnn.yield next(%i2 : !h) emit(%i3 : !h)
    }
    %r = rnn.reduce sum "sbn->bn" %is : !hs to !h
    %n = arith.addf %r, %iT : !h
    %o = math.tanh %n : !h
    rnn.yield next(%o : !h) emit(%n : !h)
  })",
          lengths[0] ? 0 : 1);
}

// A state without rows, and one that no step changes.
TEST(ScansTest, StateWithoutRows) {
  check(R"(
  %ys, %hT, %u, %k = rnn.scan %t in %T over(%x = %xs : !hs) carry(%h = %h0 : !h, %a = %p : !v, %const = %h0 : !h) emit(!hs) {
    %a1 = math.tanh %a : !v
    %b = rnn.broadcast "n->bn" %a1 [%B] : !v to !h
    %s = arith.mulf %b, %x : !h
    %n = arith.addf %s, %h : !h
    %m = arith.mulf %n, %const : !h
    rnn.yield next(%m, %a1, %const : !h, !v, !h) emit(%n : !h)
  })");
}

// The state at the end alone, a value emitted twice, a slice passed through.
TEST(ScansTest, Passed) {
  check(R"(
  %ys, %y2, %y3, %hT, %c = rnn.scan %t in %T lengths(%len : !len) over(%x = %xs : !hs) carry(%h = %h0 : !h, %pr = %h0 : !h) emit(!hs, !hs, !hs) {
    %n = arith.mulf %x, %h : !h
    rnn.yield next(%x, %n : !h, !h) emit(%n, %n, %x : !h, !h, !h)
  }
  %q = arith.mulf %y2, %y3 : !hs
  %l3 = rnn.reduce sum "tbn->bn" %q valid(%len : !len) : !hs to !h
  %ys2 = arith.addf %ys, %ys : !hs
  %cc = arith.mulf %c, %l3 : !h
  %hs2, %hT2 = rnn.scan %t in %T reverse lengths(%len : !len) over(%x = %ys2 : !hs) carry(%h = %cc : !h) emit(!hs) {
    %n = math.sin %x : !h
    %m = arith.addf %n, %h : !h
    rnn.yield next(%m : !h) emit(%h : !h)
  }
  %pr2 = arith.mulf %hs2, %wt : !hs
  %l4 = rnn.reduce sum "tbn->bn" %pr2 valid(%len : !len) : !hs to !h)",
        1);
}

// The derivative of a derivative.
TEST(ScansTest, Twice) {
  for (const char *lengths : {"", "lengths(%len : !len)"})
    check(std::string("%zs, %hZ = rnn.scan %t in %T ") + lengths + R"(
      over(%x = %xs : !hs) carry(%h = %h0 : !h) emit(!hs) {
    %a = rnn.contract "bk,nk->bn" %h, %U into(%x : !h) : !h, !U -> !h
    %n = math.tanh %a : !h
    rnn.yield next(%n : !h) emit(%n : !h)
  }
  %q = arith.mulf %zs, %zs : !hs
  %l0 = rnn.reduce sum "tbn->" %q valid(%len : !len) : !hs to tensor<f64>
  %gr:2 = grad.gradient of %l0 wrt(%xs, %h0 : !hs, !h) : tensor<f64>
  %ys = arith.addf %gr#0, %gr#0 : !hs
  %hT = arith.mulf %gr#1, %gr#1 : !h)",
          lengths[0] ? 0 : 1);
}

// Embedding in the step.
TEST(ScansTest, Table) {
  check(R"(
  %ids = rnn.argmax %ctx : !hs to tensor<?x?xi32>
  %id = rnn.pick first %ids : tensor<?x?xi32> to tensor<?xi32>
  %ys, %hT = rnn.scan %t in %T lengths(%len : !len) over(%x = %xs : !hs) carry(%h = %h0 : !h) emit(!hs) {
    %k = rnn.argmax %x : !h to tensor<?xi32>
    %r = rnn.gather %U[%k] : !U, tensor<?xi32> to !h
    %n = arith.mulf %r, %h : !h
    rnn.yield next(%n : !h) emit(%r : !h)
  })",
        0);
}
} // namespace
