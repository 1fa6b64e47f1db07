//===- RulesTest.cpp - Every rule against finite differences --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One case per op: text that computes %y from its arguments. The loss is a sum
// of the entries of %y with random weights, over valid entries.
//
//===----------------------------------------------------------------------===//

#include "tests/grad/GradCheck.h"
#include <gtest/gtest.h>

using namespace rnnc::test;

namespace {
struct Rule {
  const char *name;
  /// Arguments beside the extents B, T, S and the lengths of T: `%x : type`
  /// with names of dynamic axes.
  const char *arguments;
  /// Computes %y.
  const char *body;
  /// Type and labels of %y.
  const char *type, *labels;
  double low = -1, high = 1;
};

std::string textOf(const Rule &rule) {
  std::string type = rule.type, labels = rule.labels;
  std::string axes = labels.starts_with("tb")  ? ", [\"T\", \"B\"]"
                     : labels.starts_with("b") ? ", [\"B\"]"
                                               : "";
  std::string text =
      "func.func @f(%B: index {rnn.arg = #rnn.arg<axis, \"B\">},"
      "%T: index {rnn.arg = #rnn.arg<axis, \"T\">},"
      "%key: i64 {rnn.arg = #rnn.arg<key, \"key\">},"
      "%wt: " +
      type + " {rnn.arg = #rnn.arg<input, \"wt\"" + axes + ">}," +
      rule.arguments +
      ", %len: tensor<?xi32> {rnn.arg = #rnn.arg<lengths, \"T\", [\"B\"]>})"
      " -> tensor<f64> {\n" +
      rule.body + "\n%p = arith.mulf %y, %wt : " + type + "\n";
  if (labels.empty())
    return text + "return %p : tensor<f64>\n}\n";
  text += "%l = rnn.reduce sum \"" + labels + "->\" %p ";
  if (labels.starts_with("tb"))
    text += "valid(%len : tensor<?xi32>) ";
  return text + ": " + type + " to tensor<f64>\nreturn %l : tensor<f64>\n}\n";
}

#define N "{rnn.arg = #rnn.arg<param, \"p\">}"
#define AXB "{rnn.arg = #rnn.arg<input, \"x\", [\"B\"]>}"
#define AXTB "{rnn.arg = #rnn.arg<input, \"x\", [\"T\", \"B\"]>}"
#define V "tensor<4xf64>"
#define BN "tensor<?x4xf64>"
#define TBN "tensor<?x?x4xf64>"

const Rule rules[] = {
    // arith
    {"addf", "%a: " V N ", %b: " V N, "%y = arith.addf %a, %b : " V, V, "n"},
    {"subf", "%a: " V N ", %b: " V N, "%y = arith.subf %a, %b : " V, V, "n"},
    {"mulf", "%a: " V N ", %b: " V N, "%y = arith.mulf %a, %b : " V, V, "n"},
    {"divf", "%a: " V N ", %b: " V N, "%y = arith.divf %a, %b : " V, V, "n", 1,
     2},
    {"negf", "%a: " V N, "%y = arith.negf %a : " V, V, "n"},
    {"square", "%a: " BN AXB, "%y = arith.mulf %a, %a : " BN, BN, "bn"},
    {"maximumf", "%a: " BN AXB ", %b: " BN AXB,
     "%y = arith.maximumf %a, %b : " BN, BN, "bn"},
    {"minimumf", "%a: " BN AXB ", %b: " BN AXB,
     "%y = arith.minimumf %a, %b : " BN, BN, "bn"},
    {"select", "%a: " BN AXB ", %b: " BN AXB,
     "%c = arith.cmpf ogt, %wt, %a : " BN
     "\n%y = arith.select %c, %a, %b : tensor<?x4xi1>, " BN,
     BN, "bn"},
    {"sitofp", "%a: " BN AXB ", %i: tensor<?x4xi32>" AXB,
     "%r = arith.sitofp %i : tensor<?x4xi32> to " BN
     "\n%y = arith.mulf %r, %a : " BN,
     BN, "bn"},
    // math
    {"tanh", "%a: " BN AXB, "%y = math.tanh %a : " BN, BN, "bn"},
    {"exp", "%a: " BN AXB, "%y = math.exp %a : " BN, BN, "bn"},
    {"expm1", "%a: " BN AXB, "%y = math.expm1 %a : " BN, BN, "bn"},
    {"log", "%a: " BN AXB, "%y = math.log %a : " BN, BN, "bn", 0.5, 2},
    {"log1p", "%a: " BN AXB, "%y = math.log1p %a : " BN, BN, "bn", -0.5, 2},
    {"sqrt", "%a: " BN AXB, "%y = math.sqrt %a : " BN, BN, "bn", 0.5, 2},
    {"rsqrt", "%a: " BN AXB, "%y = math.rsqrt %a : " BN, BN, "bn", 0.5, 2},
    {"absf", "%a: " BN AXB, "%y = math.absf %a : " BN, BN, "bn"},
    {"sin", "%a: " BN AXB, "%y = math.sin %a : " BN, BN, "bn"},
    {"cos", "%a: " BN AXB, "%y = math.cos %a : " BN, BN, "bn"},
    {"erf", "%a: " BN AXB, "%y = math.erf %a : " BN, BN, "bn"},
    {"powf", "%a: " BN AXB ", %b: " BN AXB, "%y = math.powf %a, %b : " BN, BN,
     "bn", 0.5, 2},
    {"fma", "%a: " V N ", %b: " V N ", %c: " V N,
     "%y = math.fma %a, %b, %c : " V, V, "n"},
    {"floor", "%a: " V N,
     "%r = math.floor %a : " V "\n%y = arith.subf %a, %r : " V, V, "n", 0.1,
     0.9},
    {"copysign", "%a: " V N ", %b: " V N, "%y = math.copysign %a, %b : " V, V,
     "n"},
    // rnn, values
    {"sigmoid", "%a: " BN AXB, "%y = rnn.sigmoid %a : " BN, BN, "bn"},
    {"softplus", "%a: " BN AXB, "%y = rnn.softplus %a : " BN, BN, "bn"},
    {"cross_entropy", "%a: " TBN AXTB ", %i: tensor<?x?xi32>" AXTB,
     "%y = rnn.cross_entropy %a, %i : " TBN
     ", tensor<?x?xi32> to tensor<?x?xf64>",
     "tensor<?x?xf64>", "tb"},
    {"cross_entropy_grad",
     "%a: " TBN AXTB ", %i: tensor<?x?xi32>" AXTB ", %g: tensor<?x?xf64>" AXTB,
     "%y = rnn.cross_entropy_grad %a, %i, %g : " TBN
     ", tensor<?x?xi32>, tensor<?x?xf64>",
     TBN, "tbn"},
    {"uniform", "%a: " BN AXB,
     "%u = rnn.uniform key(%key) stream 3 [%B] : " BN
     "\n%y = arith.mulf %u, %a : " BN,
     BN, "bn"},
    {"one_hot", "%a: " BN AXB ", %i: tensor<?xi32>" AXB,
     "%u = rnn.one_hot %i : tensor<?xi32> to " BN
     "\n%y = arith.mulf %u, %a : " BN,
     BN, "bn"},
    // rnn, labelled
    {"contract",
     "%a: " BN AXB ", %b: tensor<5x4xf64>" N ", %c: tensor<?x5xf64>" AXB,
     "%y = rnn.contract \"bk,nk->bn\" %a, %b into(%c : tensor<?x5xf64>) : " BN
     ", tensor<5x4xf64> -> tensor<?x5xf64>",
     "tensor<?x5xf64>", "bn"},
    {"contract_steps", "%a: " TBN AXTB ", %b: tensor<5x4xf64>" N,
     "%y = rnn.contract \"tbk,nk->tbn\" %a, %b : " TBN
     ", tensor<5x4xf64> -> tensor<?x?x5xf64>",
     "tensor<?x?x5xf64>", "tbn"},
    {"contract_valid", "%a: " TBN AXTB ", %b: tensor<?x?x5xf64>" AXTB,
     "%y = rnn.contract \"tbn,tbk->nk\" %a, %b valid(%len : tensor<?xi32>) "
     "descending : " TBN ", tensor<?x?x5xf64> -> tensor<4x5xf64>",
     "tensor<4x5xf64>", "nk"},
    {"contract_outer", "%a: " BN AXB ", %b: tensor<?x5xf64>" AXB,
     "%y = rnn.contract \"bn,bm->bnm\" %a, %b : " BN
     ", tensor<?x5xf64> -> tensor<?x4x5xf64>",
     "tensor<?x4x5xf64>", "bnm"},
    {"broadcast", "%a: " V N,
     "%y = rnn.broadcast \"n->tbn\" %a [%T, %B] : " V " to " TBN, TBN, "tbn"},
    {"broadcast_letters", "%a: " V N,
     "%y = rnn.broadcast \"b->tab\" %a [%T, %B] : " V " to " TBN, TBN, "tbn"},
    {"broadcast_permute", "%a: tensor<5x4xf64>" N,
     "%y = rnn.broadcast \"nm->bmn\" %a [%B] : tensor<5x4xf64> to "
     "tensor<?x4x5xf64>",
     "tensor<?x4x5xf64>", "bmn"},
    {"reduce_sum", "%a: " TBN AXTB,
     "%y = rnn.reduce sum \"tbn->bn\" %a valid(%len : tensor<?xi32>) : " TBN
     " to " BN,
     BN, "bn"},
    {"reduce_into", "%a: " BN AXB ", %b: " V N,
     "%y = rnn.reduce sum \"bn->n\" %a into(%b : " V ") : " BN " to " V, V,
     "n"},
    {"reduce_prod", "%a: " BN AXB,
     "%y = rnn.reduce prod \"bn->b\" %a : " BN " to tensor<?xf64>",
     "tensor<?xf64>", "b"},
    {"reduce_prod_zero", "%a: tensor<?x3xf64>" AXB,
     "%c = arith.constant dense<0.0> : tensor<f64>\n%z = rnn.broadcast "
     "\"->bn\" %c [%B] : tensor<f64> to tensor<?x1xf64>\n"
     "%s = rnn.slice %a axis 1 from 0 : tensor<?x3xf64> to tensor<?x1xf64>\n"
     "%o = arith.mulf %s, %z : tensor<?x1xf64>\n"
     "%j = rnn.concat %a, %o axis 1 : tensor<?x3xf64>, tensor<?x1xf64> to " BN
     "\n"
     "%y = rnn.reduce prod \"bn->b\" %j : " BN " to tensor<?xf64>",
     "tensor<?xf64>", "b"},
    {"reduce_max", "%a: " TBN AXTB,
     "%y = rnn.reduce max \"tbn->bn\" %a valid(%len : tensor<?xi32>) : " TBN
     " to " BN,
     BN, "bn"},
    {"reduce_min", "%a: " BN AXB,
     "%y = rnn.reduce min \"bn->b\" %a : " BN " to tensor<?xf64>",
     "tensor<?xf64>", "b"},
    {"softmax", "%a: " TBN AXTB,
     "%y = rnn.softmax %a over \"n\" in \"tbn\" : " TBN, TBN, "tbn"},
    {"softmax_valid", "%a: " TBN AXTB,
     "%y = rnn.softmax %a over \"t\" in \"tbn\" valid(%len : tensor<?xi32>) "
     ": " TBN,
     TBN, "tbn"},
    {"log_softmax", "%a: " TBN AXTB,
     "%y = rnn.log_softmax %a over \"n\" in \"tbn\" : " TBN, TBN, "tbn"},
    // rnn, movement
    {"slice", "%a: " BN AXB,
     "%y = rnn.slice %a axis 1 from 1 : " BN " to tensor<?x2xf64>",
     "tensor<?x2xf64>", "bn"},
    {"place", "%a: " BN AXB,
     "%y = rnn.place %a axis 1 at 2 : " BN " to tensor<?x7xf64>",
     "tensor<?x7xf64>", "bn"},
    {"concat", "%a: " BN AXB ", %b: tensor<?x2xf64>" AXB,
     "%y = rnn.concat %a, %b axis 1 : " BN
     ", tensor<?x2xf64> to tensor<?x6xf64>",
     "tensor<?x6xf64>", "bn"},
    {"reshape", "%a: " BN AXB,
     "%y = rnn.reshape %a : " BN " to tensor<?x2x2xf64>", "tensor<?x2x2xf64>",
     "bnm"},
    {"shift", "%a: " TBN AXTB ", %b: " BN AXB,
     "%y = rnn.shift %a from(%b : " BN ") lengths(%len : tensor<?xi32>) : " TBN,
     TBN, "tbn"},
    {"shift_reverse", "%a: " TBN AXTB ", %b: " BN AXB,
     "%y = rnn.shift %a from(%b : " BN
     ") reverse lengths(%len : tensor<?xi32>) : " TBN,
     TBN, "tbn"},
    {"reverse", "%a: " TBN AXTB,
     "%y = rnn.reverse %a lengths(%len : tensor<?xi32>) : " TBN, TBN, "tbn"},
    {"pick_last", "%a: " TBN AXTB,
     "%y = rnn.pick last %a lengths(%len : tensor<?xi32>) : " TBN " to " BN, BN,
     "bn"},
    {"pick_first", "%a: " TBN AXTB, "%y = rnn.pick first %a : " TBN " to " BN,
     BN, "bn"},
    {"put", "%a: " BN AXB,
     "%y = rnn.put last %a in %T lengths(%len : tensor<?xi32>) : " BN
     " to " TBN,
     TBN, "tbn"},
    {"gather", "%a: tensor<3x4xf64>" N ", %i: tensor<?x?xi32>" AXTB,
     "%y = rnn.gather %a[%i] : tensor<3x4xf64>, tensor<?x?xi32> to " TBN, TBN,
     "tbn"},
    {"scatter_add",
     "%a: " TBN AXTB ", %i: tensor<?x?xi32>" AXTB ", %b: tensor<3x4xf64>" N,
     "%y = rnn.scatter_add %a at %i into(%b : tensor<3x4xf64>) valid(%len : "
     "tensor<?xi32>) : " TBN ", tensor<?x?xi32> to tensor<3x4xf64>",
     "tensor<3x4xf64>", "nm"},
    {"mask", "%a: " TBN AXTB,
     "%y = rnn.mask %a valid(%len : tensor<?xi32>) : " TBN, TBN, "tbn"},
};

class RulesTest : public testing::TestWithParam<Rule> {};

TEST_P(RulesTest, AgreesWithDifferences) {
  const Rule &rule = GetParam();
  uint64_t seed = 0;
  for (auto [batch, steps] :
       {std::pair(3, 4), std::pair(1, 1), std::pair(4, 2)}) {
    Inputs inputs;
    inputs.seed = ++seed * 7919;
    inputs.extents = {{"B", batch}, {"T", steps}};
    inputs.low = rule.low;
    inputs.high = rule.high;
    EXPECT_EQ(checkGradients(textOf(rule), inputs), "") << textOf(rule);
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, RulesTest, testing::ValuesIn(rules),
                         [](const auto &info) { return info.param.name; });
} // namespace
