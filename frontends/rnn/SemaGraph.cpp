//===- SemaGraph.cpp - Typed nodes of the graph ---------------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every node is made here, with its type. Null operands are poison: the result
// is null and nothing is said.
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/SemaImpl.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::sema;

bool Sema::isInside(const hir::Block *inner, const hir::Block *outer) const {
  for (inner = inner ? inner->parent : nullptr; inner; inner = inner->parent)
    if (inner == outer)
      return true;
  return false;
}

/// Moves a node out of scans to block `to`, which is one around it. Fails if
/// it depends on the step; `culprit` then says on what.
bool Sema::hoist(Node *node, hir::Block *to, std::string &culprit) {
  if (!isInside(node->block, to))
    return true;
  switch (node->op) {
  case Op::BodyInput:
  case Op::BodyState:
    culprit = node->text;
    return false;
  case Op::Scan:
  case Op::ScanEmit:
  case Op::Draw:
  case Op::Position:
    culprit = node->text;
    return false;
  default:
    break;
  }
  for (Node *operand : node->operands)
    if (!hoist(operand, to, culprit))
      return false;
  std::erase(node->block->nodes, node);
  node->block = to;
  to->nodes.push_back(node);
  return true;
}

Node *Sema::make(Op op, Type type, std::vector<Node *> operands,
                 SourceRange at) {
  if (!spend(at))
    return nullptr;
  for (Node *operand : operands) {
    if (!operand)
      return nullptr;
    if (initType && operand->block != block) {
      error(at, "order", "an initial value is made of numbers and draws only");
      return nullptr;
    }
    std::string culprit;
    if (!hoist(operand, block, culprit)) {
      std::string what = culprit.empty() ? "a value" : "'" + culprit + "'";
      error(
          at, "order",
          str(early.empty() ? "what is computed before the first step" : early,
              " reads ", what, ", which changes at each step"));
      return nullptr;
    }
  }
  Node *node = model->make(op, std::move(type), std::move(operands), at);
  node->block = block;
  if (frame && frame->paths)
    node->name = frame->paths->path;
  block->nodes.push_back(node);
  return node;
}

Node *Sema::constant(double value, SourceRange at) {
  Node *node = make(Op::Constant, {}, {}, at);
  if (node)
    node->number = value;
  return node;
}

/// The union of the axes and the batch flag; no shape.
Type Sema::joined(const std::vector<Node *> &operands) const {
  Type type;
  for (const Node *operand : operands) {
    if (!operand)
      continue;
    type.batch |= operand->type.batch;
    for (int axis : operand->type.axes)
      if (!type.hasAxis(axis))
        type.axes.push_back(axis);
  }
  std::sort(type.axes.begin(), type.axes.end());
  return type;
}

Node *Sema::toReal(Node *x, SourceRange at) {
  if (!x || x->type.elem == hir::Elem::Real)
    return x;
  Type type = x->type;
  type.elem = hir::Elem::Real;
  type.range.reset();
  return make(Op::ToReal, type, {x}, at);
}

Node *Sema::unary(Op op, Node *x, SourceRange at) {
  if (!x)
    return nullptr;
  if (op == Op::Not) {
    if (x->type.elem != hir::Elem::Bool) {
      error(
          at, "type",
          str("'not' needs bool, found ", hir::describeType(*model, x->type)));
      return nullptr;
    }
    return make(op, x->type, {x}, at);
  }
  if (op == Op::Stop)
    return make(op, x->type, {x}, at);
  if (x->type.elem == hir::Elem::Int) {
    if (Diagnostic *diagnostic = error(at, "type",
                                       str("expected real values, found ",
                                           hir::describeType(*model, x->type))))
      diagnostic->help("real(x) makes a real of an int");
    return nullptr;
  }
  x = toReal(x, at);
  return x ? make(op, x->type, {x}, at) : nullptr;
}

/// Equal own shapes or a scalar; `_` stretches. False after a message.
static bool isStretched(const Type &type) {
  return std::any_of(type.shape.begin(), type.shape.end(),
                     [](const Size &size) { return size.stretch; });
}

Node *Sema::binary(Op op, Node *a, Node *b, SourceRange at, const char *name,
                   const Expr *lhs, const Expr *rhs) {
  if (!a || !b)
    return nullptr;
  bool logical = op == Op::And || op == Op::Or;
  bool comparison = op >= Op::Eq && op <= Op::Ge;
  auto isInt = [](Node *x) { return x->type.elem == hir::Elem::Int; };
  auto isBool = [](Node *x) { return x->type.elem == hir::Elem::Bool; };
  if (logical && (!isBool(a) || !isBool(b))) {
    Node *wrong = isBool(a) ? b : a;
    error(at, "type",
          str("'", name, "' needs bool on both sides, found ",
              hir::describeType(*model, wrong->type)));
    return nullptr;
  }
  if (comparison && (isInt(a) || isInt(b))) {
    // An int meets an int, or a number of the text.
    auto fits = [&](Node *x) {
      return isInt(x) || x->op == Op::Constant ||
             x->type.elem != hir::Elem::Real;
    };
    if (!fits(a) || !fits(b)) {
      if (Diagnostic *diagnostic = error(
              at, "type",
              str("'", name, "' compares ", hir::describeType(*model, a->type),
                  " with ", hir::describeType(*model, b->type))))
        diagnostic->help("real(x) makes a real of an int");
      return nullptr;
    }
    if (!isInt(a) || !isInt(b)) {
      a = toReal(a, at);
      b = toReal(b, at);
    }
  } else if (!logical) {
    if (isInt(a) || isInt(b)) {
      Node *wrong = isInt(a) ? a : b;
      if (Diagnostic *diagnostic =
              error(at, "type",
                    str("'", name, "' needs real values, found ",
                        hir::describeType(*model, wrong->type))))
        diagnostic->help("real(x) makes a real of an int");
      return nullptr;
    }
    if (!comparison || a->type.elem != b->type.elem) {
      a = toReal(a, at);
      b = toReal(b, at);
    }
  }
  if (!a || !b)
    return nullptr;
  Type type = joined({a, b});
  const auto &ls = a->type.shape, &rs = b->type.shape;
  if (ls.empty() || rs.empty()) {
    type.shape = ls.empty() ? rs : ls;
  } else if (ls.size() != rs.size()) {
    if (Diagnostic *diagnostic =
            error(at, "rank",
                  str("'", name, "' of ", shapeOf(a->type), " and ",
                      shapeOf(b->type), " does not stretch; write ",
                      ls.size() < rs.size() && lhs   ? ast::toString(lhs)
                      : rhs && rs.size() < ls.size() ? ast::toString(rhs)
                                                     : std::string("x"),
                      std::max(ls.size(), rs.size()) == 2 ? "[_, :]"
                                                          : "[_, :, :]"))) {
      if (lhs)
        diagnostic->underline(lhs->range);
      if (rhs)
        diagnostic->underline(rhs->range);
      noteDeclared(diagnostic, lhs, a);
      noteDeclared(diagnostic, rhs, b);
    }
    return nullptr;
  } else {
    for (size_t i = 0; i < ls.size(); ++i) {
      if (ls[i].stretch || rs[i].stretch) {
        type.shape.push_back(ls[i].stretch ? rs[i] : ls[i]);
        continue;
      }
      if (!unifySize(ls[i], rs[i], at)) {
        if (Diagnostic *diagnostic =
                error(at, "size",
                      str("size mismatch in '", name, "': left is ",
                          shapeOf(a->type), ", right is ", shapeOf(b->type),
                          mustEqual(ls[i], rs[i])))) {
          if (lhs)
            diagnostic->underline(lhs->range);
          if (rhs)
            diagnostic->underline(rhs->range);
          noteDeclared(diagnostic, lhs, a);
          noteDeclared(diagnostic, rhs, b);
        }
        return nullptr;
      }
      type.shape.push_back(ls[i]);
    }
  }
  type.elem = comparison || logical ? hir::Elem::Bool : hir::Elem::Real;
  return make(op, type, {a, b}, at);
}

Node *Sema::where(Node *c, Node *a, Node *b, SourceRange at) {
  if (!c || !a || !b)
    return nullptr;
  if (c->type.elem != hir::Elem::Bool) {
    error(at, "type",
          str("the condition of 'where' must be bool, found ",
              hir::describeType(*model, c->type)));
    return nullptr;
  }
  bool ints = a->type.elem == hir::Elem::Int && b->type.elem == hir::Elem::Int;
  if (!ints) {
    for (Node *x : {a, b})
      if (x->type.elem == hir::Elem::Int) {
        error(at, "type",
              str("'where' needs real values, found ",
                  hir::describeType(*model, x->type)));
        return nullptr;
      }
    a = toReal(a, at);
    b = toReal(b, at);
  }
  if (!a || !b)
    return nullptr;
  Type type = joined({c, a, b});
  for (Node *x : {c, a, b}) {
    const std::vector<Size> &shape = x->type.shape;
    if (shape.empty())
      continue;
    if (type.shape.empty()) {
      type.shape = shape;
      continue;
    }
    bool fits = shape.size() == type.shape.size();
    for (size_t i = 0; fits && i < shape.size(); ++i) {
      if (type.shape[i].stretch)
        type.shape[i] = shape[i];
      else if (!shape[i].stretch)
        fits = unifySize(type.shape[i], shape[i], at);
    }
    if (!fits) {
      error(at, "size",
            str("size mismatch in 'where': found ",
                hir::describeShape(model->sizes, type.shape), " and ",
                shapeOf(x->type)));
      return nullptr;
    }
  }
  type.elem = a->type.elem;
  if (ints)
    type.range = a->type.range;
  return make(Op::Where, type, {c, a, b}, at);
}

Node *Sema::expandTo(Node *x, const Type &want, SourceRange at) {
  if (!x)
    return nullptr;
  Type type = want;
  type.elem = x->type.elem;
  type.range = x->type.range;
  type.batch |= x->type.batch;
  for (int axis : x->type.axes)
    if (!type.hasAxis(axis))
      type.axes.push_back(axis);
  std::sort(type.axes.begin(), type.axes.end());
  if (x->type.batch == type.batch && x->type.axes == type.axes &&
      x->type.shape.size() == type.shape.size() && !isStretched(x->type))
    return x;
  return make(Op::Expand, type, {x}, at);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

Node *Sema::einsum(const std::string &spec, Node *a, Node *b, SourceRange at,
                   const char *name, const Expr *lhs, const Expr *rhs) {
  if (!a || (!b && spec.find(',') != std::string::npos))
    return nullptr;
  std::vector<Node *> operands = {a};
  if (b)
    operands.push_back(b);
  for (Node *&operand : operands) {
    if (operand->type.elem == hir::Elem::Int) {
      error(at, "type",
            str("'", name, "' needs real values, found ",
                hir::describeType(*model, operand->type)));
      return nullptr;
    }
    operand = toReal(operand, at);
    if (!operand)
      return nullptr;
  }
  Type type = joined(operands);
  size_t arrow = spec.find("->"), comma = spec.find(',');
  std::string labels[2] = {spec.substr(0, std::min(comma, arrow)),
                           comma == std::string::npos
                               ? ""
                               : spec.substr(comma + 1, arrow - comma - 1)};
  std::string result = spec.substr(arrow + 2);
  std::map<char, Size> sizes;
  for (size_t k = 0; k < operands.size(); ++k) {
    const Type &t = operands[k]->type;
    if (t.shape.size() != labels[k].size()) {
      error(at, "rank",
            str("'", name, "' expects ", labels[k].size(), " axes for '",
                labels[k], "', found ", shapeOf(t)));
      return nullptr;
    }
    for (size_t i = 0; i < t.shape.size(); ++i) {
      auto [it, fresh] = sizes.emplace(labels[k][i], t.shape[i]);
      if (fresh)
        continue;
      if (it->second.stretch) {
        it->second = t.shape[i];
        continue;
      }
      if (t.shape[i].stretch)
        continue;
      if (!unifySize(it->second, t.shape[i], at)) {
        if (Diagnostic *diagnostic =
                error(at, "size",
                      operands.size() == 2
                          ? str("size mismatch in '", name, "': left is ",
                                shapeOf(operands[0]->type), ", right is ",
                                shapeOf(operands[1]->type),
                                mustEqual(it->second, t.shape[i]))
                          : str("size mismatch in '", name, "': found ",
                                shapeOf(t)))) {
          if (lhs)
            diagnostic->underline(lhs->range);
          if (rhs)
            diagnostic->underline(rhs->range);
          noteDeclared(diagnostic, lhs, operands[0]);
          if (operands.size() == 2)
            noteDeclared(diagnostic, rhs, operands[1]);
        }
        return nullptr;
      }
    }
  }
  for (char c : result) {
    auto it = sizes.find(c);
    if (it == sizes.end()) {
      error(at, "rank",
            str("label '", c, "' of the result of '", name,
                "' is in no operand"));
      return nullptr;
    }
    type.shape.push_back(it->second);
  }
  for (Node *&operand : operands)
    if (isStretched(operand->type)) {
      Type full = operand->type;
      const std::string &own = labels[operand == operands[0] ? 0 : 1];
      for (size_t i = 0; i < full.shape.size(); ++i)
        if (full.shape[i].stretch)
          full.shape[i] = sizes[own[i]];
      operand = expandTo(operand, full, at);
      if (!operand)
        return nullptr;
    }
  Node *node = make(Op::Einsum, type, operands, at);
  if (node)
    node->text = spec;
  return node;
}

Node *Sema::matmul(Node *a, Node *b, SourceRange at, const Expr *lhs,
                   const Expr *rhs) {
  if (!a || !b)
    return nullptr;
  size_t l = a->type.shape.size(), r = b->type.shape.size();
  if (l == 0 || r == 0 || l > 2 || r > 2) {
    if (Diagnostic *diagnostic =
            error(at, "rank",
                  str("'@' takes vectors and matrices, left is ",
                      shapeOf(a->type), ", right is ", shapeOf(b->type)))) {
      if (l == 0 || r == 0)
        diagnostic->help("'*' multiplies by a scalar");
      else
        diagnostic->help("einsum takes more axes");
      noteDeclared(diagnostic, lhs, a);
      noteDeclared(diagnostic, rhs, b);
    }
    return nullptr;
  }
  const char *spec = l == 2 ? (r == 2 ? "ij,jk->ik" : "ij,j->i")
                            : (r == 2 ? "j,jk->k" : "j,j->");
  return einsum(spec, a, b, at, "@", lhs, rhs);
}

//===----------------------------------------------------------------------===//
// Reductions and movement
//===----------------------------------------------------------------------===//

/// Over own axes `own`, or along `axis` if it is not -1.
Node *Sema::reduce(const char *kind, Node *x, std::vector<int64_t> own,
                   int axis, SourceRange at) {
  if (!x)
    return nullptr;
  x = toReal(x, at);
  if (!x)
    return nullptr;
  Type type = x->type;
  if (axis >= 0) {
    std::erase(type.axes, axis);
  } else {
    std::sort(own.rbegin(), own.rend());
    for (int64_t i : own)
      type.shape.erase(type.shape.begin() + i);
    std::reverse(own.begin(), own.end());
  }
  Node *node = make(Op::Reduce, type, {x}, at);
  if (!node)
    return nullptr;
  node->text = kind;
  node->ints = own;
  node->axis = axis;
  return node;
}

Node *Sema::concat(const std::vector<Node *> &parts, int64_t own,
                   SourceRange at) {
  std::vector<Node *> operands = parts;
  for (Node *part : operands)
    if (!part)
      return nullptr;
  if (operands.size() == 1)
    return operands.front();
  Type type = joined(operands);
  type.elem = operands[0]->type.elem;
  type.range = operands[0]->type.range;
  type.shape = operands[0]->type.shape;
  if (own < 0 || own >= int64_t(type.shape.size())) {
    error(at, "rank",
          str("'concat' needs vectors, found ", shapeOf(operands[0]->type)));
    return nullptr;
  }
  Poly total;
  bool fits = true;
  for (Node *part : operands) {
    if (part->type.elem != type.elem ||
        part->type.shape.size() != type.shape.size()) {
      error(at, "rank",
            str("'concat' of ", hir::describeType(*model, operands[0]->type),
                " and ", hir::describeType(*model, part->type)));
      return nullptr;
    }
    for (size_t i = 0; i < type.shape.size(); ++i)
      if (int64_t(i) != own)
        fits &= unifySize(type.shape[i], part->type.shape[i], at);
    if (!fits) {
      error(at, "size",
            str("size mismatch in 'concat': found ", shapeOf(operands[0]->type),
                " and ", shapeOf(part->type)));
      return nullptr;
    }
    std::optional<Poly> sum = add(total, part->type.shape[own].poly);
    if (!sum)
      return nullptr;
    total = *sum;
  }
  type.shape[own] = Size(total);
  for (Node *&part : operands)
    if (isStretched(part->type)) {
      error(at, "rank", "'concat' of an axis made by '_'");
      return nullptr;
    }
  Node *node = make(Op::Concat, type, operands, at);
  if (node)
    node->index = own;
  return node;
}

Node *Sema::slice(Node *x, int64_t own, int64_t from, Size size,
                  SourceRange at) {
  if (!x)
    return nullptr;
  Type type = x->type;
  type.shape[own] = std::move(size);
  Node *node = make(Op::Slice, type, {x}, at);
  if (!node)
    return nullptr;
  node->index = own;
  node->number = double(from);
  return node;
}

Node *Sema::select(Node *x, int64_t own, int64_t entry, SourceRange at) {
  if (!x)
    return nullptr;
  Type type = x->type;
  type.shape.erase(type.shape.begin() + own);
  Node *node = make(Op::Select, type, {x}, at);
  if (!node)
    return nullptr;
  node->index = own;
  node->number = double(entry);
  return node;
}

/// Result axis i is axis from[i] of x, or a new one that stretches.
Node *Sema::view(Node *x, const std::vector<int64_t> &from, SourceRange at) {
  if (!x)
    return nullptr;
  Type type = x->type;
  type.shape.clear();
  bool same = from.size() == x->type.shape.size();
  for (size_t i = 0; i < from.size(); ++i) {
    type.shape.push_back(from[i] < 0 ? Size::makeStretch()
                                     : x->type.shape[from[i]]);
    same &= from[i] == int64_t(i);
  }
  if (same)
    return x;
  Node *node = make(Op::View, type, {x}, at);
  if (node)
    node->ints = from;
  return node;
}

Node *Sema::gather(Node *table, Node *ids, SourceRange at) {
  if (!table || !ids)
    return nullptr;
  if (table->type.shape.empty()) {
    error(at, "rank", "an index into a scalar");
    return nullptr;
  }
  if (ids->type.range &&
      !unifySize(table->type.shape[0], *ids->type.range, at)) {
    error(at, "range",
          str("index ",
              hir::describeType(
                  *model, Type{hir::Elem::Int, ids->type.range, {}, {}, false}),
              " into an axis of ",
              hir::describeSize(model->sizes, table->type.shape[0])));
    return nullptr;
  }
  Type type = joined({table, ids});
  type.shape = ids->type.shape;
  type.shape.insert(type.shape.end(), table->type.shape.begin() + 1,
                    table->type.shape.end());
  if (!table->type.batch && table->type.axes.empty()) {
    type.elem = table->type.elem;
    type.range = table->type.range;
    return make(Op::Gather, type, {table, ids}, at);
  }
  // A table of the example's own: a product with a one-hot vector.
  Type hot = ids->type;
  hot.elem = hir::Elem::Real;
  hot.range.reset();
  hot.shape.push_back(table->type.shape[0]);
  Node *picked = make(Op::OneHot, hot, {ids}, at);
  std::string own = std::string("abcdef").substr(0, ids->type.shape.size());
  std::string rest =
      std::string("klmnop").substr(0, table->type.shape.size() - 1);
  return einsum(own + "j,j" + rest + "->" + own + rest, picked, table, at,
                "[]");
}

//===----------------------------------------------------------------------===//
// Values as nodes
//===----------------------------------------------------------------------===//

/// A node of a scan's body as seen from outside: its value at every step.
Node *Sema::emitted(Result &result, Node *node, SourceRange at) {
  return emittedFrom(result.steps, emittedFrom(result.scan, node, at), at);
}

Node *Sema::emittedFrom(Node *scanNode, Node *node, SourceRange at) {
  if (!node || !scanNode)
    return node;
  hir::Scan &scan = *scanNode->scan;
  if (node->block != &scan.body)
    return node;
  size_t index = 0;
  while (index < scan.emits.size() && scan.emits[index] != node)
    ++index;
  if (index < scan.emits.size())
    for (Node *other : scanNode->block->nodes)
      if (other->op == Op::ScanEmit && other->operands[0] == scanNode &&
          other->index == int64_t(index))
        return other;
  Type type = node->type;
  if (isStretched(type)) {
    error(at, "rank", "an axis made by '_' cannot leave its definition");
    return nullptr;
  }
  // Emissions lead with the batch.
  Saved<hir::Block *> in(block, &scan.body);
  if (!type.batch) {
    Type full = type;
    full.batch = true;
    Node *expanded = make(Op::Expand, full, {node}, at);
    if (!expanded)
      return nullptr;
    node = expanded;
    type = full;
    index = scan.emits.size();
  }
  scan.emits.push_back(node);
  type.axes.push_back(scan.axis);
  std::sort(type.axes.begin(), type.axes.end());
  // The result stands right behind the scan, whatever is being built now.
  Node *emit = model->make(Op::ScanEmit, type, {scanNode}, at);
  emit->index = index;
  emit->block = scanNode->block;
  emit->name = scanNode->name;
  std::vector<Node *> &nodes = emit->block->nodes;
  // It is near the end, as a rule.
  auto place = std::find(nodes.rbegin(), nodes.rend(), scanNode);
  nodes.insert(place == nodes.rend() ? nodes.end() : place.base(), emit);
  return emit;
}

Node *Sema::toTensor(const Val &val, SourceRange at) {
  switch (val.kind) {
  case Val::Poison:
    return nullptr;
  case Val::Tensor:
    return val.node;
  case Val::Number: {
    std::optional<double> real = val.number.real;
    if (!real && !val.number.exact && options.needSizes && !errors)
      error(at, "no-size", "this number depends on a size without a value");
    Node *node = constant(real.value_or(1), at);
    if (node && !real)
      node->poly = val.number.exact;
    return node;
  }
  case Val::Bool: {
    Type type;
    type.elem = hir::Elem::Bool;
    Node *node = make(Op::Constant, type, {}, at);
    if (node)
      node->number = val.flag;
    return node;
  }
  case Val::Result: {
    const ast::Definition *def = val.result->def;
    if (def->outs.size() == 1) {
      auto it = val.result->names.find(def->outs[0].name);
      if (it == val.result->names.end())
        return nullptr;
      return emitted(*val.result, toTensor(it->second, at), at);
    }
    error(at, "count",
          str("'", def->ident.name, "' has ", def->outs.size(),
              " outputs; name them: a, b = ..."));
    return nullptr;
  }
  default:
    error(at, "type", str("expected a value, found ", describe(val)));
    return nullptr;
  }
}
