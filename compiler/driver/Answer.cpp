//===- Answer.cpp - What a model answers ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Answer.h"

#include <set>

using namespace rnnc;
using namespace rnnc::driver;

/// The target that a value is, maybe as reals or stretched; null if none.
static const hir::Input *targetOf(const hir::Model &model,
                                  const hir::Node *node) {
  while (node && !node->operands.empty() &&
         (node->op == hir::Op::ToReal || node->op == hir::Op::Expand ||
          node->op == hir::Op::View || node->op == hir::Op::Reshape))
    node = node->operands[0];
  if (!node || node->op != hir::Op::Input)
    return nullptr;
  const hir::Input &input = model.inputs[size_t(node->index)];
  return input.target ? &input : nullptr;
}

namespace {
/// Looks for z - y and softplus(z) - z y below a loss, the nearest first.
class Search {
public:
  explicit Search(const hir::Model &model) : model(model) {}

  bool visit(hir::Node *node) {
    if (!node || !seen.insert(node).second)
      return false;
    if (node->op == hir::Op::Sub && node->operands.size() == 2) {
      hir::Node *left = node->operands[0], *right = node->operands[1];
      for (auto [z, y] : {std::pair{left, right}, std::pair{right, left}})
        if (const hir::Input *target = targetOf(model, y)) {
          found = {Answer::Numbers, "", target->name};
          value = z;
          return true;
        }
      if (left->op == hir::Op::Softplus && right->op == hir::Op::Mul &&
          right->operands.size() == 2)
        for (size_t i : {0, 1})
          if (const hir::Input *target =
                  targetOf(model, right->operands[1 - i])) {
            found = {Answer::Logit, "", target->name};
            value = left->operands[0];
            return true;
          }
    }
    for (hir::Node *operand : node->operands)
      if (visit(operand))
        return true;
    return false;
  }

  Answer found;
  hir::Node *value = nullptr;

private:
  const hir::Model &model;
  std::set<const hir::Node *> seen;
};
} // namespace

Answer driver::findAnswer(hir::Model &model) {
  Answer answer;
  auto give = [&](hir::Node *node) {
    for (const hir::Output &known : model.outputs)
      if (known.value == node) {
        answer.output = known.name;
        return;
      }
    answer.output = (answer.kind == Answer::Numbers ? "answer." : "logits.") +
                    answer.target;
    model.outputs.push_back({answer.output, node, {}});
  };
  if (model.predict && model.predict->value) {
    answer.target = model.predict->target;
    if (!model.predict->sampled)
      answer.kind = Answer::Numbers;
    else if (model.predict->distribution == "categorical")
      answer.kind = Answer::Classes;
    else if (model.predict->distribution == "ctc")
      answer.kind = Answer::Aligned;
    else
      return {};
    give(model.predict->value);
    return answer;
  }
  for (const hir::Loss &loss : model.losses) {
    if (!loss.value)
      continue;
    if (loss.value->op == hir::Op::CrossEntropy &&
        loss.value->operands.size() >= 2) {
      if (const hir::Input *target =
              targetOf(model, loss.value->operands[1])) {
        answer.kind = Answer::Classes;
        answer.target = target->name;
        give(loss.value->operands[0]);
        return answer;
      }
      continue;
    }
    Search search(model);
    if (search.visit(loss.value)) {
      answer = search.found;
      give(search.value);
      return answer;
    }
  }
  return {};
}
