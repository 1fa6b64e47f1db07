//===- ModelGraph.cpp - A model as boxes and edges ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/ModelGraph.h"

#include <algorithm>
#include <set>
#include <tuple>

using namespace rnnc;
using namespace rnnc::driver;
using hir::Node;
using hir::Op;

namespace {

/// How a value changes on its way from one box to the next.
struct Way {
  int64_t delay = 0;
  bool reverse = false, last = false, first = false, initial = false;
  std::string label;
  auto key() const {
    return std::tuple(delay, reverse, last, first, initial, label);
  }
};

class Builder {
public:
  Builder(const hir::Model &model, const SourceManager &sources)
      : model(model), sources(sources) {}
  ModelGraph build();

private:
  std::string textOf(SourceRange range) const;
  /// A number, or the letters of the model that nobody has set.
  std::string sizeText(const Size &size) const;
  std::string shapeText(const std::vector<Size> &shape) const;
  std::string typeText(const hir::Type &type) const;
  size_t addBox(GraphBox box);
  void ownTopNodes();
  void setAxis(GraphBox &box, const hir::Type &type) const;
  GraphBox instanceBox(const std::string &path, bool isScan) const;
  /// Adds edges from whatever a value comes from to a box.
  void follow(const Node *node, size_t to, const Way &way);
  void followScan(const Node *scan, size_t to);
  void followBody(const hir::Block &body, size_t to);
  void orient();
  void dropLonely();

  const hir::Model &model;
  const SourceManager &sources;
  ModelGraph graph;
  std::map<const Node *, size_t> owner;
  std::set<
      std::tuple<const Node *, size_t, decltype(std::declval<Way>().key())>>
      seen;
};

/// Moves a value in time, or writes it in another form: no box of its own.
bool isPassing(Op op) {
  switch (op) {
  case Op::Shift:
  case Op::Reverse:
  case Op::First:
  case Op::Last:
  case Op::Rename:
  case Op::Every:
  case Op::Expand:
  case Op::ToReal:
  case Op::View:
  case Op::Reshape:
  case Op::Stop:
    return true;
  default:
    return false;
  }
}

} // namespace

std::string Builder::textOf(SourceRange range) const {
  std::string text, shown;
  if (range.isValid())
    text = std::string(sources.text(range));
  for (char c : text)
    if (c != '\n' && c != '\r' && c != '\t')
      shown += c;
    else if (!shown.empty() && shown.back() != ' ')
      shown += ' ';
  return shown;
}

std::string Builder::sizeText(const Size &size) const {
  return size.stretch ? "_"
                      : model.sizes.print(model.sizes.normalize(size.poly));
}

std::string Builder::shapeText(const std::vector<Size> &shape) const {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    out += (i ? ", " : "") + sizeText(shape[i]);
  return shape.empty() ? "real" : out + "]";
}

std::string Builder::typeText(const hir::Type &type) const {
  std::string out;
  for (int axis : type.axes)
    out += (out.empty() ? "seq(" : ", ") + model.axes[size_t(axis)].name;
  out += out.empty() ? "" : ")";
  std::string own = type.shape.empty() && type.elem != hir::Elem::Real
                        ? ""
                        : shapeText(type.shape);
  if (type.elem == hir::Elem::Bool)
    own += (own.empty() ? "" : " ") + std::string("bool");
  if (type.elem == hir::Elem::Int)
    own += (own.empty() ? "" : " ") + std::string("int") +
           (type.range ? "[" + sizeText(*type.range) + "]" : "");
  return out + (out.empty() ? "" : " ") + own;
}

size_t Builder::addBox(GraphBox box) {
  graph.boxes.push_back(std::move(box));
  return graph.boxes.size() - 1;
}

void Builder::setAxis(GraphBox &box, const hir::Type &type) const {
  box.axis = type.axes.empty() ? -1 : model.rootAxis(type.axes.back());
}

GraphBox Builder::instanceBox(const std::string &path, bool isScan) const {
  GraphBox box;
  box.kind = isScan ? GraphBox::Cell : GraphBox::Layer;
  box.title = path.empty() ? "scan" : path;
  for (const hir::AppliedInstance &applied : model.instances) {
    if (applied.path != path)
      continue;
    std::string text = applied.definition;
    std::string sizes;
    for (const auto &[name, size] : applied.sizes) {
      const std::string value = sizeText(size);
      sizes += (sizes.empty() ? "" : ", ") +
               (value == name ? name : name + "=" + value);
    }
    box.lines.push_back(text + (sizes.empty() ? "" : "(" + sizes + ")"));
  }
  return box;
}

void Builder::ownTopNodes() {
  std::map<const Node *, const hir::NamedValue *> equations;
  for (const hir::NamedValue &named : model.named)
    if (named.instance.empty() && !named.local)
      equations.emplace(named.node, &named);
  // A layer that something stands between in its middle has several boxes: the
  // highest part of it that a node comes after.
  using Parts = std::map<std::string, int>;
  std::map<const Node *, Parts> before;
  std::map<std::pair<std::string, int>, size_t> boxes;
  for (const Node *node : model.body.nodes) {
    Parts parts;
    for (const Node *operand : node->operands)
      for (const auto &[path, part] : before[operand])
        parts[path] = std::max(parts[path], part);
    // What a scan reads besides, from outside.
    if (node->scan) {
      std::vector<const hir::Block *> stack = {&node->scan->body};
      while (!stack.empty()) {
        const hir::Block *block = stack.back();
        stack.pop_back();
        for (const Node *inner : block->nodes) {
          for (const Node *operand : inner->operands)
            if (operand->block == &model.body)
              for (const auto &[path, part] : before[operand])
                parts[path] = std::max(parts[path], part);
          if (inner->scan)
            stack.push_back(&inner->scan->body);
        }
      }
    }
    auto finish = [&] { before[node] = parts; };
    if (node->op == Op::Input) {
      const hir::Input &input = model.inputs[size_t(node->index)];
      for (const auto &[known, box] : owner)
        if (known->op == Op::Input && known->index == node->index)
          owner.emplace(node, box);
      if (!owner.contains(node)) {
        GraphBox box;
        box.kind = input.target ? GraphBox::Target : GraphBox::Data;
        box.title = input.name;
        box.lines = {typeText(input.type)};
        setAxis(box, input.type);
        owner[node] = addBox(std::move(box));
      }
      finish();
      continue;
    }
    if (node->op == Op::Scan) {
      GraphBox box = instanceBox(node->name, true);
      for (const hir::Scan::State &state : node->scan->states) {
        std::string name = state.name;
        if (!node->name.empty() && name.starts_with(node->name + "."))
          name = name.substr(node->name.size() + 1);
        if (!state.inside)
          continue;
        box.states.push_back(name);
        if (box.states.size() <= 4)
          box.lines.push_back(name + ": " +
                              shapeText(state.inside->type.shape));
      }
      if (box.states.size() > 4)
        box.lines.push_back("and " + std::to_string(box.states.size() - 4) +
                            " more");
      box.axis = model.rootAxis(node->scan->axis);
      owner[node] = addBox(std::move(box));
      parts[node->name] = parts[node->name] + 1;
      finish();
      continue;
    }
    if (node->op == Op::ScanEmit) {
      owner[node] = owner[node->operands[0]];
      parts = before[node->operands[0]];
      finish();
      continue;
    }
    const bool isLeaf = node->operands.empty();
    if (auto it = equations.find(node);
        it != equations.end() && !isLeaf && node->name.empty()) {
      GraphBox box;
      box.kind = GraphBox::Equation;
      box.title = it->second->name;
      box.lines = {textOf(it->second->value)};
      setAxis(box, node->type);
      owner[node] = addBox(std::move(box));
    } else if (!node->name.empty() && !isLeaf && !isPassing(node->op)) {
      // Goes on with its own part, unless another box came in between.
      int part = 0;
      for (const Node *operand : node->operands) {
        const bool own = operand->name == node->name && !operand->scan &&
                         operand->op != Op::ScanEmit;
        for (const auto &[path, number] : before[operand])
          if (path == node->name)
            part = std::max(part, own ? number : number + 1);
      }
      part = std::max(part, 1);
      parts[node->name] = std::max(parts[node->name], part);
      auto [it, fresh] = boxes.emplace(std::pair(node->name, part), 0);
      if (fresh)
        it->second = addBox(instanceBox(node->name, false));
      setAxis(graph.boxes[it->second], node->type);
      owner[node] = it->second;
    }
    finish();
  }
}

void Builder::follow(const Node *node, size_t to, const Way &way) {
  if (!node || !seen.emplace(node, to, way.key()).second)
    return;
  if (auto it = owner.find(node); it != owner.end()) {
    if (it->second == to)
      return;
    GraphEdge edge;
    edge.from = it->second;
    edge.to = to;
    edge.delay = way.delay;
    edge.reverse = way.reverse;
    edge.last = way.last;
    edge.first = way.first;
    edge.initial = way.initial;
    edge.label = way.label;
    for (const GraphEdge &known : graph.edges)
      if (known.from == edge.from && known.to == edge.to &&
          known.delay == edge.delay && known.initial == edge.initial &&
          known.label == edge.label)
        return;
    graph.edges.push_back(edge);
    return;
  }
  Way next = way;
  auto say = [&](const char *word) {
    next.label += (next.label.empty() ? "" : ", ") + std::string(word);
  };
  switch (node->op) {
  case Op::Shift:
    // The start of a shift is no data, as a rule.
    next.delay += 1;
    if (next.delay == 1)
      say("one step earlier");
    break;
  case Op::Reverse:
    next.reverse = !next.reverse;
    say("reversed");
    break;
  case Op::Last:
    next.last = true;
    say("last");
    break;
  case Op::First:
    next.first = true;
    say("first");
    break;
  default:
    break;
  }
  for (const Node *operand : node->operands)
    follow(operand, to, next);
}

void Builder::followBody(const hir::Block &body, size_t to) {
  for (const Node *node : body.nodes) {
    for (const Node *operand : node->operands)
      if (operand->block == &model.body)
        follow(operand, to, {});
    if (node->scan)
      followBody(node->scan->body, to);
  }
}

void Builder::followScan(const Node *scanNode, size_t to) {
  const hir::Scan &scan = *scanNode->scan;
  for (const Node *over : scan.over)
    follow(over, to, {});
  followBody(scan.body, to);
  for (const hir::Scan::State &state : scan.states) {
    Way way;
    way.initial = true;
    if (state.init)
      follow(state.init, to, way);
  }
}

/// Which boxes go through time backwards: those that read what was reversed.
void Builder::orient() {
  std::vector<int> known(graph.boxes.size(), 0);
  for (size_t round = 0; round <= graph.boxes.size(); ++round)
    for (const GraphEdge &edge : graph.edges) {
      const GraphBox &from = graph.boxes[edge.from];
      GraphBox &to = graph.boxes[edge.to];
      if (from.axis < 0 || from.axis != to.axis || edge.initial ||
          (known[edge.to] && known[edge.to] <= int(round)))
        continue;
      to.reversed = from.reversed != edge.reverse;
      known[edge.to] = int(round) + 1;
    }
}

void Builder::dropLonely() {
  std::vector<bool> used(graph.boxes.size(), false);
  for (const GraphEdge &edge : graph.edges)
    used[edge.from] = used[edge.to] = true;
  std::vector<size_t> number(graph.boxes.size(), 0);
  std::vector<GraphBox> kept;
  for (size_t i = 0; i < graph.boxes.size(); ++i)
    if (used[i]) {
      number[i] = kept.size();
      kept.push_back(std::move(graph.boxes[i]));
    }
  graph.boxes = std::move(kept);
  for (GraphEdge &edge : graph.edges) {
    edge.from = number[edge.from];
    edge.to = number[edge.to];
  }
}

ModelGraph Builder::build() {
  ownTopNodes();
  for (const auto &[node, box] : owner) {
    if (node->scan) {
      followScan(node, box);
      continue;
    }
    if (node->op == Op::ScanEmit)
      continue;
    Way way;
    // An equation may itself move in time.
    if (graph.boxes[box].kind == GraphBox::Equation) {
      way.delay = node->op == Op::Shift;
      way.last = node->op == Op::Last;
      way.first = node->op == Op::First;
      way.reverse = node->op == Op::Reverse;
    }
    for (const Node *operand : node->operands)
      follow(operand, box, way);
  }
  for (const hir::Loss &loss : model.losses) {
    if (!loss.value)
      continue;
    GraphBox box;
    box.kind = GraphBox::Loss;
    box.title = loss.name == "loss" ? loss.name : "loss " + loss.name;
    box.lines = {textOf(loss.value->place)};
    if (box.lines[0] == loss.name)
      box.lines.clear();
    setAxis(box, loss.value->type);
    const size_t number = addBox(std::move(box));
    follow(loss.value, number, {});
    follow(loss.weight, number, {});
  }
  for (const hir::Output &output : model.outputs) {
    GraphBox box;
    box.kind = GraphBox::Output;
    box.title = output.name;
    box.lines = {typeText(output.value->type)};
    setAxis(box, output.value->type);
    follow(output.value, addBox(std::move(box)), {});
  }
  dropLonely();
  // In a fixed order, whatever memory looks like.
  std::stable_sort(graph.edges.begin(), graph.edges.end(),
                   [](const GraphEdge &a, const GraphEdge &b) {
                     return std::tuple(a.from, a.to, a.label) <
                            std::tuple(b.from, b.to, b.label);
                   });
  orient();
  for (const GraphBox &box : graph.boxes)
    if (box.axis >= 0)
      graph.axes[box.axis] = model.axes[size_t(box.axis)].name;
  return std::move(graph);
}

ModelGraph driver::graphOf(const hir::Model &model,
                           const SourceManager &sources) {
  return Builder(model, sources).build();
}
