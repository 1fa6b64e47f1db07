//===- StepSplit.cpp - What is computed once, what at each step -----------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/StepSplit.h"

#include <algorithm>
#include <set>

using namespace rnnc;
using namespace rnnc::hir;

namespace {
/// Finds the values that pass from the first part to the second.
class Split {
public:
  explicit Split(Model &model)
      : model(model), changes(model.nodes.size()), inside(model.nodes.size()) {}

  /// The values, in order of their nodes.
  std::vector<Node *> find(const std::vector<Node *> &roots);
  /// Moves values of loops over time, and what they are made of, before the
  /// loop: the steps do not change them.
  void hoist(const std::vector<Node *> &values);

private:
  void mark(Block &block);
  bool changesAlong(const Node *node) const;
  void read(Node *node);
  bool isOnce(const Node *node) const {
    return !changes[node->id] && !inside[node->id];
  }

  Model &model;
  /// Whether steps of the streamed axis change a value; whether it is one step
  /// of a loop over time. By node.
  std::vector<char> changes, inside;
  std::set<const Node *> seen;
  std::vector<Node *> found;
};
} // namespace

bool Split::changesAlong(const Node *node) const {
  auto along = [&](int axis) { return axis >= 0 && model.streams(axis); };
  for (int axis : node->type.axes)
    if (along(axis))
      return true;
  if (along(node->axis))
    return true;
  if ((node->op == Op::Every || node->op == Op::Rename) &&
      along(int(node->ints[0])))
    return true;
  return node->op == Op::Input && model.inputs[size_t(node->index)].target;
}

void Split::mark(Block &block) {
  for (Node *node : block.nodes) {
    bool change = changesAlong(node), step = false;
    auto see = [&](const Node *operand) {
      if (!operand)
        return;
      change |= changes[operand->id];
      step |= inside[operand->id];
    };
    if (node->op == Op::BodyInput || node->op == Op::BodyState)
      continue;
    if (node->op == Op::Position && node->axis < 0) {
      step = true;
      change |= block.scan && model.streams(block.scan->scan->axis);
    }
    // A scan is no value; its body and what it gives out are.
    if (node->op != Op::ScanEmit)
      for (const Node *operand : node->operands)
        see(operand);
    if (node->op == Op::Scan) {
      Scan &scan = *node->scan;
      const bool streams = model.streams(scan.axis);
      for (size_t i = 0; i < scan.over.size(); ++i) {
        see(scan.over[i]);
        inside[scan.bodyInputs[i]->id] = true;
        changes[scan.bodyInputs[i]->id] = streams || changes[scan.over[i]->id];
      }
      for (const Scan::State &state : scan.states) {
        see(state.init);
        inside[state.inside->id] = true;
        changes[state.inside->id] =
            streams || (state.init && changes[state.init->id]);
      }
      // A state may change through another one: as often as there are states.
      for (size_t round = 0; round <= scan.states.size(); ++round) {
        mark(scan.body);
        bool more = false;
        for (const Scan::State &state : scan.states)
          if (changes[state.next->id] && !changes[state.inside->id])
            more = changes[state.inside->id] = true;
        if (!more)
          break;
      }
      for (const Scan::State &state : scan.states)
        change |= changes[state.next->id];
      for (const Node *emit : scan.emits)
        change |= changes[emit->id];
      change |= streams;
    }
    if (node->op == Op::ScanEmit) {
      const Node *from = node->operands[0];
      change |= changes[from->id];
      step = inside[from->id];
    }
    changes[node->id] = change;
    inside[node->id] = step;
  }
}

/// Follows what a step reads, down to what no step changes.
void Split::read(Node *root) {
  std::vector<Node *> stack = {root};
  while (!stack.empty()) {
    Node *node = stack.back();
    stack.pop_back();
    if (!node || !seen.insert(node).second)
      continue;
    const bool isView = node->op == Op::View || node->op == Op::Expand;
    if (isOnce(node) && !isView) {
      // What has no example of its own is cheap, or made of weights alone.
      const bool isLeaf = node->operands.empty() || node->op == Op::Scan;
      if (node->type.batch && !isLeaf) {
        found.push_back(node);
        continue;
      }
    }
    stack.insert(stack.end(), node->operands.begin(), node->operands.end());
    if (node->op == Op::ScanEmit)
      stack.push_back(node->operands[0]->scan->emits[size_t(node->index)]);
    if (node->op == Op::BodyInput)
      stack.push_back(node->block->scan->scan->over[size_t(node->index)]);
    if (node->op == Op::BodyInput || node->op == Op::BodyState)
      stack.push_back(node->block->scan);
    if (node->scan)
      for (const Scan::State &state : node->scan->states) {
        stack.push_back(state.next);
        stack.push_back(state.init);
      }
  }
}

std::vector<Node *> Split::find(const std::vector<Node *> &roots) {
  mark(model.body);
  for (Node *root : roots)
    read(root);
  std::sort(found.begin(), found.end(),
            [](const Node *a, const Node *b) { return a->id < b->id; });
  return found;
}

void Split::hoist(const std::vector<Node *> &values) {
  std::set<const Node *> wanted;
  std::vector<const Node *> stack(values.begin(), values.end());
  while (!stack.empty()) {
    const Node *node = stack.back();
    stack.pop_back();
    if (!node || !node->block || !node->block->scan || !isOnce(node) ||
        !wanted.insert(node).second)
      continue;
    stack.insert(stack.end(), node->operands.begin(), node->operands.end());
    if (node->scan) {
      for (const Node *over : node->scan->over)
        stack.push_back(over);
      for (const Scan::State &state : node->scan->states)
        stack.push_back(state.init);
    }
  }
  if (wanted.empty())
    return;
  std::vector<Node *> all;
  // Takes the wanted nodes out of a body, in order.
  auto take = [&](auto &self, Block &block) -> void {
    std::vector<Node *> rest;
    for (Node *node : block.nodes) {
      if (node->scan)
        self(self, node->scan->body);
      if (!wanted.count(node)) {
        rest.push_back(node);
        continue;
      }
      node->block = &model.body;
      if (node->scan)
        node->scan->body.parent = &model.body;
      all.push_back(node);
    }
    block.nodes = std::move(rest);
  };
  std::vector<Node *> top = std::move(model.body.nodes);
  model.body.nodes.clear();
  for (Node *node : top) {
    all.clear();
    if (node->scan)
      take(take, node->scan->body);
    model.body.nodes.insert(model.body.nodes.end(), all.begin(), all.end());
    model.body.nodes.push_back(node);
  }
}

static std::string onceName(size_t number) {
  return "once." + std::to_string(number);
}

void hir::keepOnce(Model &model) {
  Split split(model);
  std::vector<Node *> values = split.find({model.predict->value});
  split.hoist(values);
  model.outputs.clear();
  for (size_t i = 0; i < values.size(); ++i)
    model.outputs.push_back({onceName(i), values[i], {}});
  model.losses.clear();
  model.metrics.clear();
  model.predict.reset();
}

void hir::keepSteps(Model &model, Node *logits) {
  std::vector<Node *> values = Split(model).find({logits});
  for (size_t i = 0; i < values.size(); ++i) {
    Node *node = values[i];
    Input input;
    input.name = onceName(i);
    input.type = node->type;
    input.place = node->place;
    // Axes that `_` made are not there in memory.
    std::erase_if(input.type.shape, [](const Size &s) { return s.stretch; });
    node->op = Op::Input;
    node->index = int64_t(model.inputs.size());
    node->operands.clear();
    node->scan.reset();
    model.inputs.push_back(std::move(input));
  }
  model.outputs = {{"logits", logits, {}}};
  model.losses.clear();
  model.metrics.clear();
  model.predict.reset();
}
