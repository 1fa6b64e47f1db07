//===- SemaBuiltinsSequence.cpp - Running sums, sequences of labels -------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations over time that become scans: by hand, or as a definition of the
// library that is applied here after its operands have been checked.
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/SemaBuiltins.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::sema;

/// A definition of the library, private ones included.
const ast::Definition *Sema::libraryDefinition(const std::string &name) const {
  for (const auto &unit : program.units)
    if (unit->isLibrary)
      if (const ast::Definition *def = unit->find(name))
        return def;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Running sums
//===----------------------------------------------------------------------===//

/// A scan with one state: the sum so far.
Node *Sema::sumSoFar(Node *x, int axis, SourceRange at) {
  Node *scanNode = model->make(Op::Scan, {}, {}, at);
  hir::Block *outer = block;
  scanNode->block = outer;
  scanNode->axis = axis;
  scanNode->name = frame->paths ? frame->paths->path : "";
  scanNode->scan = std::make_unique<hir::Scan>();
  hir::Scan &scan = *scanNode->scan;
  scan.axis = axis;
  scan.body.scan = scanNode;
  scan.body.parent = outer;
  Node *next = nullptr;
  {
    Saved<hir::Block *> in(block, &scan.body);
    Type type = x->type;
    std::erase(type.axes, axis);
    Node *slice = make(Op::BodyInput, type, {}, at);
    if (!slice)
      return nullptr;
    slice->text = "x";
    scan.over.push_back(x);
    scan.bodyInputs.push_back(slice);
    type.batch = true;
    size_t index;
    std::string name = frame->paths ? frame->paths->join("cumsum") : "cumsum";
    Node *old = advance(name, nullptr, type, at, index);
    next = expandTo(binary(Op::Add, old, slice, at, "cumsum"), type, at);
    if (!next)
      return nullptr;
    scan.states[index].next = next;
  }
  scanNode->operands = scan.over;
  outer->nodes.push_back(scanNode);
  Result result;
  result.scan = scanNode;
  return emitted(result, next, at);
}

Val Sema::builtinCumsum(BuiltinCall &call) {
  SourceRange at = call.at;
  const Arg *maskArg = call.keyword("where");
  Node *x = toTensor(call.positional[0]->val, call.positional[0]->place);
  if (!x)
    return poison();
  if (x->type.elem == hir::Elem::Int) {
    error(at, "type",
          str("'cumsum' needs real values, found ",
              hir::describeType(*model, x->type)));
    return poison();
  }
  x = toReal(x, at);
  std::vector<int64_t> own;
  int time;
  if (!x || !call.reduced(*this, x, true, own, time))
    return poison();
  for (const Size &size : x->type.shape)
    if (size.stretch) {
      error(at, "rank", "'cumsum' of an axis made by '_'");
      return poison();
    }
  if (maskArg) {
    Node *mask = toTensor(maskArg->val, maskArg->place);
    if (!mask)
      return poison();
    if (mask->type.elem != hir::Elem::Bool) {
      error(maskArg->place, "type",
            str("'where' must be bool, found ",
                hir::describeType(*model, mask->type)));
      return poison();
    }
    x = where(mask, x, constant(0, at), at);
    if (!x)
      return poison();
  }
  if (time >= 0)
    return Val::of(sumSoFar(x, time, at));
  // y[j] = sum of x[k] with k <= j: a product with a triangle of ones.
  Type line;
  line.shape = {x->type.shape[own[0]]};
  Node *places = make(Op::Iota, line, {}, at);
  if (!places)
    return poison();
  Node *rows = view(places, {0, -1}, at), *columns = view(places, {-1, 0}, at);
  Node *triangle =
      toReal(binary(Op::Le, rows, columns, at, "cumsum"), at);
  std::string in, out;
  for (size_t i = 0; i < x->type.shape.size(); ++i) {
    in += char('a' + i);
    out += int64_t(i) == own[0] ? 'z' : char('a' + i);
  }
  return Val::of(einsum(in + "," + char('a' + own[0]) + "z->" + out, x,
                        triangle, at, "cumsum"));
}

//===----------------------------------------------------------------------===//
// Fewer steps
//===----------------------------------------------------------------------===//

/// The axis `name` with each `every`-th step of `base`; -1 after a message.
int Sema::axisOfEvery(const std::string &name, int base, int64_t every,
                      SourceRange at) {
  auto same = [&](const hir::Axis &axis) {
    return axis.base == base && axis.every == every;
  };
  if (auto it = frame->axes.find(name); it != frame->axes.end()) {
    const hir::Axis &known = model->axes[it->second];
    if (same(known))
      return it->second;
    if (Diagnostic *diagnostic =
            error(at, "defined", str("'", name, "' is already a time axis")))
      diagnostic->note(known.place, "defined here before");
    return -1;
  }
  int root = -1;
  for (size_t i = 0; i < model->axes.size(); ++i) {
    if (!same(model->axes[i]))
      continue;
    if (model->axes[i].name == name)
      return frame->axes[name] = static_cast<int>(i);
    if (root < 0)
      root = model->rootAxis(static_cast<int>(i));
  }
  hir::Axis axis;
  axis.name = name;
  axis.root = root;
  axis.place = at;
  axis.base = base;
  axis.every = static_cast<int>(every);
  model->axes.push_back(axis);
  return frame->axes[name] = static_cast<int>(model->axes.size()) - 1;
}

Val Sema::builtinEvery(BuiltinCall &call) {
  const Arg &steps = *call.positional[1];
  const Arg *to = call.keyword("to");
  Node *x = toTensor(call.positional[0]->val, call.positional[0]->place);
  if (!x)
    return poison();
  const auto *name = to ? ast::dynCast<ast::NameExpr>(to->expr) : nullptr;
  if (!name) {
    error(to ? to->place : call.at, "axis",
          "'every' needs a name for the new time axis, such as to = U");
    return poison();
  }
  if (x->type.elem == hir::Elem::Int) {
    error(call.at, "type",
          str("'every' needs real values, found ",
              hir::describeType(*model, x->type)));
    return poison();
  }
  x = toReal(x, call.at);
  std::optional<int64_t> k =
      intValue(steps.val, steps.place, "the steps of 'every'");
  int axis = x ? timeAxis(call, x) : -1;
  if (axis < 0 || !k)
    return poison();
  if (*k < 2 || *k > 65536) {
    error(steps.place, "range",
          str("'every' of ", *k, " steps; it takes 2 to 65536"));
    return poison();
  }
  for (const Size &size : x->type.shape)
    if (size.stretch) {
      error(call.at, "rank", "'every' of an axis made by '_'");
      return poison();
    }
  int result = axisOfEvery(name->name, axis, *k, to->place);
  if (result < 0)
    return poison();
  Type type = x->type;
  std::erase(type.axes, axis);
  type.axes.push_back(result);
  std::sort(type.axes.begin(), type.axes.end());
  Node *node = make(Op::Every, type, {x}, call.at);
  if (node) {
    node->axis = result;
    node->ints = {axis, *k};
  }
  return Val::of(node);
}

//===----------------------------------------------------------------------===//
// Labels without places
//===----------------------------------------------------------------------===//

/// What logits and labels of CTC must be; says what is wrong with them.
bool Sema::checkAlignment(Node *z, SourceRange zPlace, Node *y,
                          SourceRange yPlace) {
  if (z->type.shape.size() != 1) {
    error(zPlace, "rank",
          str("the logits of 'ctc' must be a vector, found ",
              shapeOf(z->type)));
    return false;
  }
  if (y->type.elem != hir::Elem::Int || !y->type.shape.empty()) {
    error(yPlace, "type",
          str("the labels of 'ctc' must be int[V], found ",
              hir::describeType(*model, y->type)));
    return false;
  }
  if (y->type.range && !unifySize(z->type.shape[0], *y->type.range, yPlace)) {
    error(yPlace, "size",
          str("size mismatch in 'ctc': logits are ", shapeOf(z->type),
              ", labels are ",
              hir::describeType(
                  *model,
                  Type{hir::Elem::Int, y->type.range, {}, {}, false})));
    return false;
  }
  if (z->type.axes.size() != 1) {
    error(zPlace, "axis",
          str("'ctc' needs logits over one time axis, found ",
              hir::describeType(*model, z->type)));
    return false;
  }
  if (y->type.axes.size() != 1 || y->type.axes[0] == z->type.axes[0]) {
    if (Diagnostic *diagnostic =
            error(yPlace, "axis",
                  str("'ctc' needs labels over a time axis of their own, "
                      "found ",
                      hir::describeType(*model, y->type))))
      diagnostic->help("declare them as seq(S) int[V]");
    return false;
  }
  return true;
}

/// `blank =`, a class below V; 0 without it.
std::optional<int64_t> Sema::blankOf(const Arg *arg, Node *z) {
  if (!arg)
    return 0;
  std::optional<int64_t> blank = intValue(arg->val, arg->place, "blank");
  if (!blank)
    return std::nullopt;
  std::optional<int64_t> classes = model->value(z->type.shape[0]);
  if (*blank >= 0 && (!classes || *blank < *classes))
    return blank;
  error(arg->place, "range",
        str("blank ", *blank, " is not among the classes of the logits, ",
            shapeOf(z->type)));
  return std::nullopt;
}

Val Sema::builtinCtc(BuiltinCall &call) {
  SourceRange at = call.at;
  const Arg &first = *call.positional[0], &second = *call.positional[1];
  const Arg *blankArg = call.keyword("blank");
  Node *z = toReal(toTensor(first.val, first.place), first.place);
  Node *y = toTensor(second.val, second.place);
  if (!z || !y || !checkAlignment(z, first.place, y, second.place))
    return poison();
  std::optional<int64_t> blank = blankOf(blankArg, z);
  const ast::Definition *def = libraryDefinition("_ctc");
  if (!blank)
    return poison();
  if (!def) {
    error(at, "unknown", "'ctc' is a definition of the library");
    return poison();
  }
  if (y->op == Op::Input)
    model->alignments.push_back(
        {y->index, z->type.axes[0], y->type.axes[0], *blank, at});
  std::vector<Arg> args(3);
  args[0].val = Val::of(z);
  args[1].val = Val::of(y);
  Num number;
  number.exact = Poly(*blank);
  number.real = double(*blank);
  args[2].val = Val::of(number);
  for (Arg &arg : args)
    arg.place = at;
  Val val = applyDefinition(def, nullptr, std::move(args), at, false);
  return val.kind == Val::Result ? Val::of(toTensor(val, at)) : val;
}
