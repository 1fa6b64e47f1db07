//===- SemaBuiltinsTime.cpp - Movement in time, draws, initial values -----===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/SemaBuiltins.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::sema;

//===----------------------------------------------------------------------===//
// Time
//===----------------------------------------------------------------------===//

/// x one step later, `start` first. Inside a cell that is a carry.
Node *Sema::shiftOnce(Node *x, Node *start, int axis, const Expr *expr,
                      SourceRange at) {
  if (!x || !start)
    return nullptr;
  std::string base = "shift";
  if (x->op == Op::Input)
    base += "." + model->inputs[x->index].name;
  else if (const auto *name =
               expr ? ast::dynCast<ast::NameExpr>(expr) : nullptr)
    base += "." + (frame->paths ? frame->paths->join(name->name) : name->name);
  else
    base += ".value";
  if (axis < 0) {
    Type type = x->type;
    type.batch = true;
    size_t index;
    std::string culprit;
    if (!hoist(start, block->parent, culprit)) {
      error(at, "order",
            str("'shift' starts from '", culprit,
                "', which changes at each step"));
      return nullptr;
    }
    Node *init = nullptr;
    {
      Saved<hir::Block *> in(block, block->parent);
      init = expandTo(start, type, at);
    }
    Node *old = advance(base, init, type, at, index);
    if (old)
      block->scan->scan->states[index].next = expandTo(x, type, at);
    return old;
  }
  Type type = x->type;
  Type first = type;
  std::erase(first.axes, axis);
  first.batch |= start->type.batch;
  type.batch |= start->type.batch;
  start = expandTo(start, first, at);
  x = expandTo(x, type, at);
  Node *node = make(Op::Shift, type, {x, start}, at);
  if (node) {
    node->axis = axis;
    node->text = uniqueState(base);
  }
  return node;
}

Val Sema::builtinTime(BuiltinCall &call) {
  const std::string &name = call.name;
  SourceRange at = call.at;
  if (name == "update") {
    if (!initType)
      return Val::of(make(Op::Update, {}, {}, at));
    error(at, "order", "an initial value is made of numbers and draws only");
    return poison();
  }
  if (name == "pos" || name == "length") {
    int axis = -1;
    if (!call.args.empty()) {
      const auto *word = ast::dynCast<ast::NameExpr>(call.args[0].expr);
      axis = word ? findAxis(word->name) : -1;
      if (axis < 0) {
        error(call.args[0].place, "axis",
              str("'", name, "' needs a time axis, found '",
                  ast::toString(call.args[0].expr), "'"));
        return poison();
      }
      call.used.insert("axis");
    } else if (!block->scan) {
      error(at, "axis",
            "'pos()' is the step of a cell; along time write "
            "pos(T)");
      return poison();
    }
    Type type;
    if (axis >= 0 && name == "pos")
      type.axes = {axis};
    // In a stream each row goes on where its last window ended.
    type.batch = name == "length" || options.stream;
    Node *node = make(name == "pos" ? Op::Position : Op::Length, type, {}, at);
    if (node) {
      node->axis = axis;
      node->text = name == "pos" && options.stream ? uniqueState("pos") : name;
    }
    return Val::of(node);
  }
  const Arg &first = *call.positional[0];
  Node *x = toTensor(first.val, first.place);
  if (!x)
    return poison();
  if (name == "shift") {
    int64_t k = 1;
    const Arg *steps = call.keyword("k");
    const Arg *start = call.keyword("start");
    if (!steps && call.positional.size() > 1)
      steps = call.positional[1];
    if (!start && call.positional.size() > 2)
      start = call.positional[2];
    if (steps) {
      std::optional<int64_t> value =
          intValue(steps->val, steps->place, "the steps of 'shift'");
      if (!value)
        return poison();
      k = *value;
      if (k < 0 || k > 64) {
        error(steps->place, "range",
              str("'shift' by ", k, " steps; it takes 0 to 64"));
        return poison();
      }
    }
    int axis = -1;
    if (!x->type.axes.empty() || !block->scan) {
      axis = timeAxis(call, x);
      if (axis < 0)
        return poison();
    }
    Node *begin = nullptr;
    if (!start && x->type.elem == hir::Elem::Int) {
      error(at, "order",
            str("shift(", ast::toString(first.expr), ") of ",
                hir::describeType(
                    *model, Type{hir::Elem::Int, x->type.range, {}, {}, false}),
                " needs start ="));
      return poison();
    }
    SourceRange place = start ? start->place : at;
    begin = start ? toTensor(start->val, start->place) : constant(0, at);
    if (!begin)
      return poison();
    if (x->type.elem == hir::Elem::Int) {
      bool isNumber = start->val.kind == Val::Number;
      if (!isNumber && begin->type.elem != hir::Elem::Int) {
        error(place, "type",
              str("'shift' of ", hir::describeType(*model, x->type),
                  " starts from ", hir::describeType(*model, begin->type)));
        return poison();
      }
      if (isNumber) {
        std::optional<int64_t> value =
            start->val.number.exact
                ? model->sizes.value(*start->val.number.exact)
                : std::nullopt;
        std::optional<int64_t> range =
            x->type.range ? model->value(*x->type.range) : std::nullopt;
        if (!start->val.number.exact ||
            (value && (*value < 0 || (range && *value >= *range)))) {
          error(place, "range",
                str("start ", value ? std::to_string(*value) : "",
                    " is not in ",
                    hir::describeType(
                        *model,
                        Type{hir::Elem::Int, x->type.range, {}, {}, false})));
          return poison();
        }
        begin->type.elem = hir::Elem::Int;
        begin->type.range = x->type.range;
      }
    } else if (x->type.elem != begin->type.elem) {
      begin = toReal(begin, place);
      x = toReal(x, at);
    }
    bool fits = begin && x &&
                (begin->type.shape.empty() ||
                 begin->type.shape.size() == x->type.shape.size());
    for (size_t i = 0; fits && i < begin->type.shape.size(); ++i)
      fits = begin->type.shape[i].stretch ||
             unifySize(x->type.shape[i], begin->type.shape[i], place);
    if (!fits) {
      if (begin && x)
        error(place, "size",
              str("'shift' of ", shapeOf(x->type), " starts from ",
                  shapeOf(begin->type)));
      return poison();
    }
    for (int64_t i = 0; i < k && x; ++i)
      x = shiftOnce(x, begin, axis, first.expr, at);
    return Val::of(x);
  }
  if (name == "window") {
    const Arg &steps = *call.positional[1];
    std::optional<int64_t> k =
        intValue(steps.val, steps.place, "the steps of 'window'");
    if (!k)
      return poison();
    if (*k < 1 || *k > 64) {
      error(steps.place, "range",
            str("'window' of ", *k, " steps; it takes 1 to 64"));
      return poison();
    }
    int axis = -1;
    if (!x->type.axes.empty() || !block->scan) {
      axis = timeAxis(call, x);
      if (axis < 0)
        return poison();
    }
    // Row k-1 is x itself, row k-2 the step before, zeros before the first.
    x = toReal(x, at);
    std::vector<Node *> rows;
    for (int64_t i = 0; i < *k && x; ++i) {
      Type row = x->type;
      row.shape.insert(row.shape.begin(), Size(Poly(1)));
      rows.insert(rows.begin(), make(Op::Reshape, row, {x}, at));
      if (i + 1 < *k)
        x = shiftOnce(x, constant(0, at), axis, first.expr, at);
    }
    return x ? Val::of(concat(rows, 0, at)) : poison();
  }
  int axis = timeAxis(call, x);
  if (axis < 0)
    return poison();
  Type type = x->type;
  if (name != "reverse")
    std::erase(type.axes, axis);
  Node *node = make(name == "reverse" ? Op::Reverse
                    : name == "first" ? Op::First
                                      : Op::Last,
                    type, {x}, at);
  if (node)
    node->axis = axis;
  return Val::of(node);
}

//===----------------------------------------------------------------------===//
// Random numbers and initial values
//===----------------------------------------------------------------------===//

Val Sema::builtinDraw(BuiltinCall &call) {
  SourceRange at = call.at;
  bool bernoulli = call.name == "bernoulli";
  size_t numbers = bernoulli ? 1 : 2;
  Type type;
  std::vector<Node *> operands;
  for (size_t i = 0; i < numbers; ++i) {
    Node *operand = toReal(
        toTensor(call.positional[i]->val, call.positional[i]->place), at);
    if (!operand)
      return poison();
    operands.push_back(operand);
  }
  const Arg *like = call.keyword("like");
  const Arg *shape = call.keyword("shape");
  if (call.positional.size() > numbers)
    shape = call.positional[numbers];
  if (initType) {
    type = *initType;
  } else if (like) {
    Node *x = toTensor(like->val, like->place);
    if (!x)
      return poison();
    type = x->type;
    type.elem = hir::Elem::Real;
    type.range.reset();
  } else {
    type.batch = true;
  }
  if (shape) {
    std::optional<std::vector<Size>> given = shapeArg(*shape);
    if (!given)
      return poison();
    type.shape = *given;
  }
  for (Size &size : type.shape)
    if (size.stretch)
      size = Size(Poly(1));
  Type drawn = type;
  if (bernoulli) {
    Type joinedType = joined({operands[0]});
    for (int a : joinedType.axes)
      if (!drawn.hasAxis(a))
        drawn.axes.push_back(a);
    std::sort(drawn.axes.begin(), drawn.axes.end());
    drawn.batch |= joinedType.batch;
    operands[0] = expandTo(operands[0], drawn, at);
  }
  Node *draw = make(
      Op::Draw, drawn,
      bernoulli ? std::vector<Node *>{operands[0]} : std::vector<Node *>{}, at);
  if (!draw)
    return poison();
  draw->text = call.name;
  draw->index = initType ? model->initDraws++ : model->draws++;
  if (bernoulli)
    return Val::of(draw);
  if (call.name == "normal")
    return Val::of(binary(Op::Add, operands[0],
                          binary(Op::Mul, operands[1], draw, at, "normal"), at,
                          "normal"));
  Node *width = binary(Op::Sub, operands[1], operands[0], at, "uniform");
  return Val::of(binary(Op::Add, operands[0],
                        binary(Op::Mul, width, draw, at, "uniform"), at,
                        "uniform"));
}

Val Sema::initDraw(const std::string &kind, double number, SourceRange at) {
  bool known = kind == "orthogonal" || kind == "identity";
  for (const char *law : {"glorot_", "he_", "lecun_"})
    known |= kind.starts_with(law);
  if (!known || !initType)
    return poison();
  if ((kind == "orthogonal" || kind == "identity") &&
      initType->shape.size() < 2) {
    error(at, "rank",
          str("'", kind, "' fills a matrix, found ", shapeOf(*initType)));
    return poison();
  }
  Node *node =
      make(kind == "identity" ? Op::Eye : Op::InitDraw, *initType, {}, at);
  if (!node)
    return poison();
  node->text = kind;
  node->number = number;
  if (kind != "identity")
    node->index = model->initDraws++;
  return Val::of(node);
}

Val Sema::builtinInit(BuiltinCall &call) {
  double number = 1;
  if (!initType) {
    error(call.at, "static",
          str("'", call.name,
              "' is an initial value; it "
              "stands after '=' of a "
              "parameter"));
    return poison();
  }
  if (!call.positional.empty()) {
    const Val &val = call.positional[0]->val;
    if (val.kind != Val::Number || !numUnary(Op::ToReal, val.number).real) {
      error(call.positional[0]->place, "type",
            str("'", call.name, "' takes a number, found ", describe(val)));
      return poison();
    }
    number = *numUnary(Op::ToReal, val.number).real;
  }
  return initDraw(call.name, number, call.at);
}
