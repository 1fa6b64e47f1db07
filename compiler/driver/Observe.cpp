//===- Observe.cpp - The inside of a model as outputs ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Observe.h"

#include <algorithm>
#include <set>

using namespace rnnc;
using namespace rnnc::driver;
using hir::Node;
using hir::Op;

namespace {
/// Scans in the order of the model, inner ones behind theirs.
void collectScans(const hir::Block &block, std::vector<Node *> &scans) {
  for (Node *node : block.nodes)
    if (node->scan) {
      scans.push_back(node);
      collectScans(node->scan->body, scans);
    }
}

std::vector<Node *> scansOf(hir::Model &model) {
  std::vector<Node *> scans;
  collectScans(model.body, scans);
  return scans;
}

bool isStretched(const hir::Type &type) {
  return std::any_of(type.shape.begin(), type.shape.end(),
                     [](const Size &size) { return size.stretch; });
}

/// A new node of a block, behind `after` or at its end.
Node *addNode(hir::Model &model, hir::Block *block, Op op, hir::Type type,
              std::vector<Node *> operands, SourceRange place,
              Node *after = nullptr) {
  Node *node = model.make(op, std::move(type), std::move(operands), place);
  node->block = block;
  auto at = block->nodes.end();
  if (after)
    if (auto it = std::find(block->nodes.begin(), block->nodes.end(), after);
        it != block->nodes.end())
      at = std::next(it);
  block->nodes.insert(at, node);
  return node;
}

/// The same value for each example.
Node *withBatch(hir::Model &model, Node *node) {
  if (node->type.batch)
    return node;
  hir::Type full = node->type;
  full.batch = true;
  return addNode(model, node->block, Op::Expand, full, {node}, node->place);
}

Node *asReal(hir::Model &model, Node *node) {
  if (node->type.elem == hir::Elem::Real)
    return node;
  hir::Type real = node->type;
  real.elem = hir::Elem::Real;
  real.range.reset();
  return addNode(model, node->block, Op::ToReal, real, {node}, node->place);
}

/// The value at every step of the scans around it; null if an axis made by `_`
/// keeps it inside.
Node *outside(hir::Model &model, Node *node) {
  if (isStretched(node->type))
    return nullptr;
  node = withBatch(model, asReal(model, node));
  while (Node *scanNode = node->block->scan) {
    hir::Scan &scan = *scanNode->scan;
    hir::Type type = node->type;
    type.axes.push_back(scan.axis);
    std::sort(type.axes.begin(), type.axes.end());
    scan.emits.push_back(node);
    Node *emit = addNode(model, scanNode->block, Op::ScanEmit, type, {scanNode},
                         node->place, scanNode);
    emit->index = int64_t(scan.emits.size()) - 1;
    emit->name = scanNode->name;
    node = emit;
  }
  return node;
}

/// A new output with a name that the text cannot write.
std::string giveOut(hir::Model &model, Node *value) {
  std::string name = "see." + std::to_string(model.outputs.size());
  model.outputs.push_back({name, value, {}});
  return name;
}

std::optional<Observed> observe(hir::Model &model, Node *node,
                                std::string instance, std::string name,
                                int axis) {
  Node *value = outside(model, node);
  if (!value)
    return std::nullopt;
  Observed made;
  made.instance = std::move(instance);
  made.name = std::move(name);
  made.type = value->type;
  made.axis = axis;
  made.output = giveOut(model, value);
  return made;
}

/// The name of a state as its instance sees it.
std::string nameWithin(const std::string &instance, const std::string &path) {
  return !instance.empty() && path.starts_with(instance + ".")
             ? path.substr(instance.size() + 1)
             : path;
}

bool isElementwise(Op op) { return op >= Op::Neg && op <= Op::Stop; }

} // namespace

void driver::forgetOutputs(hir::Model &model) {
  model.outputs.clear();
  model.predict.reset();
}

std::vector<Observed> driver::observeStates(hir::Model &model) {
  std::vector<Observed> found;
  for (Node *scanNode : scansOf(model))
    for (size_t i = 0; i < scanNode->scan->states.size(); ++i) {
      const hir::Scan::State &state = scanNode->scan->states[i];
      // One that is set from outside has no step of its own.
      if (!state.next || state.next->block != &scanNode->scan->body)
        continue;
      if (auto made = observe(model, state.next, scanNode->name,
                              nameWithin(scanNode->name, state.name),
                              scanNode->scan->axis))
        found.push_back(std::move(*made));
    }
  return found;
}

std::vector<Observed> driver::observeNamed(hir::Model &model) {
  std::set<const Node *> known;
  std::set<const hir::Block *> inLosses;
  for (Node *scanNode : scansOf(model))
    for (const hir::Scan::State &state : scanNode->scan->states)
      known.insert(state.next);
  std::vector<Observed> found;
  // Observing adds nodes and outputs, never names.
  for (const hir::NamedValue &named : model.named) {
    Node *node = named.node;
    if (named.local || !node || !node->block || !node->block->scan ||
        !node->type.batch || node->op == Op::BodyInput ||
        node->op == Op::BodyState || !known.insert(node).second)
      continue;
    const Node *scanNode = node->block->scan;
    std::string path =
        named.instance.empty() ? named.name : named.instance + "." + named.name;
    if (auto made =
            observe(model, node, scanNode->name,
                    nameWithin(scanNode->name, path), scanNode->scan->axis))
      found.push_back(std::move(*made));
  }
  return found;
}

std::vector<Observed> driver::observeWeights(hir::Model &model) {
  std::vector<Observed> found;
  for (auto [node, axis] : model.weightings) {
    std::string name = "softmax", instance = node->name;
    for (const hir::NamedValue &named : model.named)
      if (named.node == node) {
        name = named.name;
        instance = named.instance;
        break;
      }
    if (auto made = observe(model, node, instance, name, axis))
      found.push_back(std::move(*made));
  }
  return found;
}

std::vector<Observed> driver::observeFinals(hir::Model &model) {
  std::vector<Observed> found;
  for (Node *scanNode : scansOf(model)) {
    if (scanNode->block != &model.body)
      continue;
    const int axis = scanNode->scan->axis;
    for (size_t i = 0; i < scanNode->scan->states.size(); ++i) {
      const hir::Scan::State state = scanNode->scan->states[i];
      if (!state.next || state.next->block != &scanNode->scan->body)
        continue;
      Node *all = outside(model, state.next);
      if (!all || all->type.axes != std::vector<int>{axis})
        continue;
      hir::Type type = all->type;
      type.axes.clear();
      Node *last =
          addNode(model, &model.body, Op::Last, type, {all}, all->place, all);
      last->axis = axis;
      Observed made;
      made.instance = scanNode->name;
      made.name = nameWithin(scanNode->name, state.name);
      made.type = type;
      made.axis = axis;
      made.output = giveOut(model, last);
      found.push_back(std::move(made));
    }
  }
  return found;
}

//===----------------------------------------------------------------------===//
// Recurrent matrices
//===----------------------------------------------------------------------===//

namespace {

/// Whether a value is made of parameters and constants alone; collects the
/// parameters.
bool isOfWeights(const hir::Model &model, const Node *node,
                 std::set<std::string> &params) {
  std::vector<const Node *> stack = {node};
  std::set<const Node *> seen;
  while (!stack.empty()) {
    const Node *at = stack.back();
    stack.pop_back();
    if (!seen.insert(at).second)
      continue;
    switch (at->op) {
    case Op::Param:
      params.insert(model.params[size_t(at->index)].name);
      break;
    case Op::Input:
    case Op::BodyInput:
    case Op::BodyState:
    case Op::Scan:
    case Op::ScanEmit:
    case Op::Draw:
    case Op::Position:
    case Op::Length:
    case Op::Update:
      return false;
    default:
      if (at->type.batch || !at->type.axes.empty())
        return false;
    }
    stack.insert(stack.end(), at->operands.begin(), at->operands.end());
  }
  return !params.empty();
}

/// A copy of a value of weights in the model's own block.
Node *copyOutside(hir::Model &model, Node *node,
                  std::map<const Node *, Node *> &copies) {
  if (node->op == Op::Param || node->block == &model.body)
    return node;
  if (auto it = copies.find(node); it != copies.end())
    return it->second;
  std::vector<Node *> operands;
  for (Node *operand : node->operands)
    operands.push_back(copyOutside(model, operand, copies));
  Node *copy =
      addNode(model, &model.body, node->op, node->type, operands, node->place);
  copy->number = node->number;
  copy->poly = node->poly;
  copy->index = node->index;
  copy->axis = node->axis;
  copy->ints = node->ints;
  copy->text = node->text;
  return copies[node] = copy;
}

/// Whether a value of a body is made of a state's old value entry by entry.
bool isMadeOf(const Node *node, const Node *old) {
  std::vector<const Node *> stack = {node};
  std::set<const Node *> seen;
  while (!stack.empty()) {
    const Node *at = stack.back();
    stack.pop_back();
    if (at == old)
      return true;
    if (!seen.insert(at).second)
      continue;
    if (isElementwise(at->op) || at->op == Op::Expand)
      stack.insert(stack.end(), at->operands.begin(), at->operands.end());
  }
  return false;
}

/// Whether a value depends on another one of the same step.
bool dependsOn(const Node *node, const Node *wanted) {
  std::vector<const Node *> stack = {node};
  std::set<const Node *> seen;
  while (!stack.empty()) {
    const Node *at = stack.back();
    stack.pop_back();
    if (at == wanted)
      return true;
    if (!at || !seen.insert(at).second)
      continue;
    stack.insert(stack.end(), at->operands.begin(), at->operands.end());
    if (at->op == Op::ScanEmit)
      stack.push_back(at->operands[0]->scan->emits[size_t(at->index)]);
    if (at->scan)
      for (const hir::Scan::State &state : at->scan->states) {
        stack.push_back(state.next);
        stack.push_back(state.init);
      }
  }
  return false;
}

/// The axes of a product with a matrix of weights: "ij,j->i".
struct ProductAxes {
  std::string matrix, vector, result;
};

std::optional<ProductAxes> axesOf(const Node *einsum, size_t matrix) {
  const size_t comma = einsum->text.find(','), arrow = einsum->text.find("->");
  if (comma == std::string::npos || arrow == std::string::npos)
    return std::nullopt;
  std::string parts[2] = {einsum->text.substr(0, comma),
                          einsum->text.substr(comma + 1, arrow - comma - 1)};
  return ProductAxes{parts[matrix], parts[1 - matrix],
                     einsum->text.substr(arrow + 2)};
}

} // namespace

std::vector<Recurrence> driver::observeRecurrences(hir::Model &model) {
  std::vector<Recurrence> found;
  std::map<const Node *, Node *> copies;
  struct Match {
    Node *weights;
    std::string parameters, state;
    Recurrence form;
  };
  std::vector<Match> matches;
  auto sizeOf = [&](const Node *node, size_t axis) {
    return model.value(node->type.shape[axis]).value_or(-1);
  };
  /// A product with a matrix: of a state, or of states side by side.
  auto matchProduct = [&](Node *product, const hir::Scan::State &state,
                          size_t left, Match &match) {
    Node *weights = product->operands[left];
    Node *vector = product->operands[1 - left];
    auto axes = axesOf(product, left);
    if (!axes || state.inside->type.shape.empty())
      return false;
    // One axis is summed with the vector, one is left, others are shared.
    std::string summed, kept;
    for (char c : axes->matrix) {
      const bool inVector = axes->vector.find(c) != std::string::npos;
      const bool inResult = axes->result.find(c) != std::string::npos;
      if (inVector && !inResult)
        summed += c;
      if (!inVector && inResult)
        kept += c;
    }
    if (summed.size() != 1 || kept.size() != 1)
      return false;
    match.form.summed = axes->matrix.find(summed);
    match.form.kept = axes->matrix.find(kept);
    const size_t along = axes->vector.find(summed);
    const int64_t rows = sizeOf(weights, match.form.kept);
    const int64_t columns = sizeOf(weights, match.form.summed);
    if (isMadeOf(vector, state.inside))
      return rows == columns;
    // concat(h, x): the columns that meet the state.
    if (vector->op != Op::Concat || size_t(vector->index) != along)
      return false;
    int64_t from = 0;
    for (const Node *part : vector->operands) {
      const int64_t size = sizeOf(part, along);
      if (isMadeOf(part, state.inside)) {
        match.form.from = from;
        return size == rows;
      }
      from += size;
    }
    return false;
  };
  for (Node *scanNode : scansOf(model)) {
    hir::Scan &scan = *scanNode->scan;
    for (const hir::Scan::State &state : scan.states) {
      if (!state.next || !state.inside)
        continue;
      for (Node *node : scan.body.nodes) {
        if (node->operands.size() != 2 ||
            (node->op != Op::Einsum && node->op != Op::Mul))
          continue;
        for (size_t left : {0, 1}) {
          Match match;
          Node *weights = node->operands[left];
          std::set<std::string> params;
          if (node->op == Op::Einsum) {
            if (weights->type.shape.size() < 2 ||
                !isOfWeights(model, weights, params) ||
                !matchProduct(node, state, left, match))
              continue;
          } else {
            if (weights->type.shape.size() != 1 ||
                node->operands[1 - left] != state.inside ||
                !isOfWeights(model, weights, params))
              continue;
            match.form.diagonal = true;
          }
          if (!dependsOn(state.next, node))
            continue;
          match.weights = weights;
          for (const std::string &name : params)
            match.parameters += (match.parameters.empty() ? "" : ", ") + name;
          match.state = state.name;
          matches.push_back(std::move(match));
        }
      }
    }
  }
  std::set<std::tuple<const Node *, std::string, int64_t>> known;
  for (Match &match : matches) {
    Node *top = copyOutside(model, match.weights, copies);
    if (!known.emplace(top, match.state, match.form.from).second)
      continue;
    Recurrence made = match.form;
    made.parameters = match.parameters;
    made.state = match.state;
    Node *value = outside(model, top);
    if (!value)
      continue;
    made.output = giveOut(model, value);
    found.push_back(std::move(made));
  }
  return found;
}

//===----------------------------------------------------------------------===//
// Gradients
//===----------------------------------------------------------------------===//

/// Lets all who read `old` read `fresh`, but for `except`.
static void replaceUses(hir::Model &model, Node *old, Node *fresh,
                        const Node *except) {
  auto change = [&](Node *&slot) {
    if (slot == old)
      slot = fresh;
  };
  for (Node &node : model.nodes) {
    if (&node == except)
      continue;
    for (Node *&operand : node.operands)
      change(operand);
    if (!node.scan)
      continue;
    for (hir::Scan::State &state : node.scan->states) {
      change(state.next);
      change(state.init);
    }
    for (Node *&emit : node.scan->emits)
      change(emit);
    for (Node *&over : node.scan->over)
      change(over);
  }
}

/// A new input of the model.
static Node *addInput(hir::Model &model, const std::string &name,
                      const hir::Type &type, SourceRange place) {
  hir::Input input;
  input.name = name;
  input.type = type;
  input.place = place;
  model.inputs.push_back(input);
  Node *value = model.make(Op::Input, type, {}, place);
  value->index = int64_t(model.inputs.size()) - 1;
  value->block = &model.body;
  model.body.nodes.insert(model.body.nodes.begin(), value);
  return value;
}

std::vector<Perturbed> driver::perturbStates(hir::Model &model) {
  std::vector<Perturbed> found;
  for (Node *scanNode : scansOf(model)) {
    hir::Scan &scan = *scanNode->scan;
    std::map<const Node *, int> writers;
    for (const hir::Scan::State &state : scan.states)
      ++writers[state.next];
    for (size_t i = 0; i < scan.states.size(); ++i) {
      hir::Scan::State &state = scan.states[i];
      Node *next = state.next;
      if (!next || next->block != &scan.body ||
          next->type.elem != hir::Elem::Real || isStretched(next->type))
        continue;
      // The input has an axis for each scan around the state.
      std::vector<Node *> around;
      for (Node *at = scanNode; at; at = at->block->scan)
        around.push_back(at);
      Perturbed made;
      made.instance = scanNode->name;
      made.state = nameWithin(scanNode->name, state.name);
      made.axis = scan.axis;
      hir::Type type = next->type;
      for (const Node *outer : around)
        type.axes.push_back(outer->scan->axis);
      std::sort(type.axes.begin(), type.axes.end());
      made.type = type;
      made.input = "see." + state.name;
      Node *value = addInput(model, made.input, type, state.place);
      // One step of it in each scan, from outside to inside.
      for (auto it = around.rbegin(); it != around.rend(); ++it) {
        hir::Scan &outer = *(*it)->scan;
        std::erase(type.axes, outer.axis);
        Node *slice = model.make(Op::BodyInput, type, {}, state.place);
        slice->index = int64_t(outer.over.size());
        slice->block = &outer.body;
        outer.body.nodes.insert(outer.body.nodes.begin(), slice);
        outer.over.push_back(value);
        outer.bodyInputs.push_back(slice);
        (*it)->operands.push_back(value);
        value = slice;
      }
      Node *sum = addNode(model, &scan.body, Op::Add, next->type, {next, value},
                          state.place, next);
      // What reads the new state reads the sum. A value that stands for more
      // than this state keeps its other readers.
      const bool alone = writers[next] == 1 && next->op != Op::BodyInput &&
                         next->op != Op::BodyState;
      if (alone)
        replaceUses(model, next, sum, sum);
      else
        scan.states[i].next = sum;
      found.push_back(std::move(made));
    }
  }
  return found;
}

LossChoice driver::chooseLosses(hir::Model &model) {
  LossChoice choice;
  choice.whole = "see.whole loss";
  bool less = false;
  auto lastOf = [&](Node *value) {
    while (value && !value->type.axes.empty()) {
      const int axis = value->type.axes.back();
      hir::Type type = value->type;
      type.axes.pop_back();
      value =
          addNode(model, &model.body, Op::Last, type, {value}, value->place);
      value->axis = axis;
      less = true;
    }
    return value;
  };
  std::vector<hir::Loss> last = model.losses;
  for (hir::Loss &loss : last) {
    loss.name = "see." + loss.name;
    loss.value = lastOf(asReal(model, loss.value));
    loss.weight = lastOf(loss.weight);
  }
  // A mean of each example's share times one number is the mean times it.
  hir::Type share;
  share.batch = true;
  auto weigh = [&](std::vector<hir::Loss> &losses, const std::string &input) {
    Node *factor = addInput(model, input, share, model.place);
    for (hir::Loss &loss : losses) {
      hir::Type type = loss.value->type;
      type.batch = true;
      loss.value = addNode(model, &model.body, Op::Mul, type,
                           {asReal(model, loss.value), factor}, loss.place);
    }
  };
  weigh(model.losses, choice.whole);
  if (!less)
    return choice;
  choice.last = "see.last loss";
  weigh(last, choice.last);
  model.losses.insert(model.losses.end(), last.begin(), last.end());
  return choice;
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

std::vector<Table> driver::findTables(const hir::Model &model) {
  std::vector<Table> found;
  for (const Node &node : model.nodes) {
    if (node.op != Op::Gather || node.operands.size() != 2 ||
        node.operands[0]->op != Op::Param ||
        node.operands[0]->type.shape.size() != 2)
      continue;
    Table table;
    table.param = node.operands[0]->index;
    // The ids may have been moved, inside a scan too.
    for (const Node *at = node.operands[1]; at;) {
      if (at->op == Op::Input) {
        table.ids = at->index;
        break;
      }
      if (at->op == Op::BodyInput)
        at = at->block->scan->scan->over[size_t(at->index)];
      else
        at = at->operands.empty() ? nullptr : at->operands[0];
    }
    auto same = [&](const Table &known) { return known.param == table.param; };
    auto it = std::find_if(found.begin(), found.end(), same);
    if (it == found.end())
      found.push_back(table);
    else if (it->ids < 0)
      it->ids = table.ids;
  }
  return found;
}
