//===- SemaExpr.cpp - Expressions -----------------------------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/SemaImpl.h"

#include <algorithm>
#include <cmath>

using namespace rnnc;
using namespace rnnc::sema;

static constexpr int maxDepth = 400;

Val Sema::eval(const Expr *expr) {
  Saved<int> deeper(depth, depth + 1);
  if (depth > maxDepth) {
    error(expr->range, "depth",
          "expression and applications are nested too "
          "deeply");
    return poison();
  }
  if (!spend(expr->range))
    return poison();
  switch (expr->kind) {
  case ast::ExprKind::Number: {
    const auto *number = ast::cast<ast::NumberExpr>(expr);
    Num num;
    num.real = number->value;
    if (number->isInteger)
      num.exact = Poly(number->integer);
    return Val::of(num);
  }
  case ast::ExprKind::String: {
    Val val;
    val.kind = Val::String;
    val.text = ast::cast<ast::StringExpr>(expr)->value;
    return val;
  }
  case ast::ExprKind::Bool:
    return Val::ofBool(ast::cast<ast::BoolExpr>(expr)->value);
  case ast::ExprKind::Training:
    model->usesTraining = true;
    return Val::ofBool(options.training);
  case ast::ExprKind::Name:
    return evalName(ast::cast<ast::NameExpr>(expr));
  case ast::ExprKind::List: {
    Val val;
    val.kind = Val::List;
    for (const Expr *element : ast::cast<ast::ListExpr>(expr)->elements)
      val.items.push_back(eval(element));
    return val;
  }
  case ast::ExprKind::Comprehension:
    return evalComprehension(ast::cast<ast::ComprehensionExpr>(expr));
  case ast::ExprKind::Unary:
    return evalUnary(ast::cast<ast::UnaryExpr>(expr));
  case ast::ExprKind::Binary:
    return evalBinary(ast::cast<ast::BinaryExpr>(expr));
  case ast::ExprKind::Pipe:
    return evalPipe(ast::cast<ast::PipeExpr>(expr));
  case ast::ExprKind::Call:
    return evalCall(ast::cast<ast::CallExpr>(expr));
  case ast::ExprKind::Index:
    return evalIndex(ast::cast<ast::IndexExpr>(expr));
  case ast::ExprKind::Member:
    return evalMember(ast::cast<ast::MemberExpr>(expr));
  case ast::ExprKind::As:
    return evalAs(ast::cast<ast::AsExpr>(expr));
  }
  return poison();
}

Val Sema::evalName(const ast::NameExpr *expr) {
  const std::string &name = expr->name;
  if (expr->primed) {
    auto it = frame->next.find(name);
    if (it != frame->next.end())
      return it->second.first;
    auto bound = frame->names.find(name);
    if (bound == frame->names.end())
      return unknownName(expr->range, name);
    auto later = frame->later.find(name + "'");
    if (later != frame->later.end()) {
      unsigned line = diags.getSources().locate(later->second.begin).line;
      error(expr->range, "order",
            str("'", name, "'' is used before its equation on line ", line));
    } else if (bound->second.kind == Binding::State) {
      if (Diagnostic *diagnostic = error(
              expr->range, "state", str("state '", name, "' is never updated")))
        diagnostic->help(str("add ", name, "' = ..."));
    } else {
      error(expr->range, "state",
            str("'", name, "' is not a state, so it has no next value"));
    }
    return poison();
  }
  if (auto it = frame->names.find(name); it != frame->names.end()) {
    if (it->second.kind == Binding::Param && it->second.val.node)
      paramUse[it->second.place.begin.getRaw()].second = true;
    if (it->second.use)
      staticUse[it->second.use].second = true;
    return it->second.val;
  }
  if (auto it = frame->letters.find(name); it != frame->letters.end()) {
    Num num;
    num.exact = it->second.poly;
    num.spelling = name;
    if (auto value = model->value(it->second))
      num.real = double(*value);
    return Val::of(num);
  }
  if (auto it = frame->later.find(name); it != frame->later.end()) {
    unsigned line = diags.getSources().locate(it->second.begin).line;
    error(expr->range, "order",
          str("'", name, "' is used before its equation on line ", line));
    return poison();
  }
  if (const ast::Definition *def = findDefinition(name)) {
    Val val;
    val.def = def;
    val.kind = def->kind == ast::DefKind::Fn ? Val::Function : Val::Definition;
    return val;
  }
  if (isBuiltin(name)) {
    if (initType) {
      Val val = initDraw(name, 1, expr->range);
      if (!val.isPoison())
        return val;
    }
    Val val;
    val.kind = Val::Function;
    val.text = name;
    return val;
  }
  return unknownName(expr->range, name);
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

Num Sema::numUnary(Op op, const Num &a) {
  Num result;
  if (op == Op::Neg && a.exact)
    result.exact = sub(Poly(0), *a.exact);
  std::optional<double> x = a.real;
  if (!x && a.exact)
    if (auto value = model->sizes.value(*a.exact))
      x = double(*value);
  if (!x)
    return result;
  double v = *x;
  switch (op) {
  case Op::Neg:
    result.real = -v;
    break;
  case Op::Exp:
    result.real = std::exp(v);
    break;
  case Op::Expm1:
    result.real = std::expm1(v);
    break;
  case Op::Log:
    result.real = std::log(v);
    break;
  case Op::Log1p:
    result.real = std::log1p(v);
    break;
  case Op::Sqrt:
    result.real = std::sqrt(v);
    break;
  case Op::Abs:
    result.real = std::fabs(v);
    break;
  case Op::Sign:
    result.real = v > 0 ? 1 : v < 0 ? -1 : v;
    break;
  case Op::Floor:
    result.real = std::floor(v);
    break;
  case Op::Sin:
    result.real = std::sin(v);
    break;
  case Op::Cos:
    result.real = std::cos(v);
    break;
  case Op::Tanh:
    result.real = std::tanh(v);
    break;
  case Op::Sigmoid:
    result.real = 1 / (1 + std::exp(-v));
    break;
  case Op::Relu:
    result.real = v > 0 || std::isnan(v) ? v : 0;
    break;
  case Op::Softplus:
    result.real = std::log1p(std::exp(-std::fabs(v))) + std::max(v, 0.0);
    break;
  case Op::Erf:
    result.real = std::erf(v);
    break;
  default:
    result.real = v;
    break;
  }
  if (result.real && !result.exact && op == Op::Floor &&
      std::fabs(*result.real) < 1e15)
    result.exact = Poly(int64_t(*result.real));
  return result;
}

Num Sema::numBinary(ast::BinaryOp op, const Num &a, const Num &b) {
  Num result;
  auto real = [&](const Num &num) -> std::optional<double> {
    if (num.real)
      return num.real;
    if (num.exact)
      if (auto value = model->sizes.value(*num.exact))
        return double(*value);
    return std::nullopt;
  };
  if (a.exact && b.exact) {
    switch (op) {
    case ast::BinaryOp::Add:
      result.exact = add(*a.exact, *b.exact);
      break;
    case ast::BinaryOp::Sub:
      result.exact = sub(*a.exact, *b.exact);
      break;
    case ast::BinaryOp::Mul:
      result.exact = mul(*a.exact, *b.exact);
      break;
    case ast::BinaryOp::Div:
      result.exact = model->sizes.divide(*a.exact, *b.exact);
      if (!result.exact)
        result.problem =
            str(model->sizes.print(model->sizes.normalize(*a.exact)),
                " is not divisible by ",
                model->sizes.print(model->sizes.normalize(*b.exact)));
      break;
    case ast::BinaryOp::Mod: {
      auto x = model->sizes.value(*a.exact), y = model->sizes.value(*b.exact);
      if (x && y && *y > 0)
        result.exact = Poly(((*x % *y) + *y) % *y);
      break;
    }
    case ast::BinaryOp::Pow: {
      auto n = model->sizes.value(*b.exact);
      if (n && *n >= 0 && *n <= 16) {
        result.exact = Poly(1);
        for (int64_t i = 0; i < *n && result.exact; ++i)
          result.exact = mul(*result.exact, *a.exact);
      }
      break;
    }
    default:
      break;
    }
    if (!result.exact && result.problem.empty())
      result.problem = "the result is no size";
  }
  std::optional<double> x = real(a), y = real(b);
  if (!x || !y)
    return result;
  switch (op) {
  case ast::BinaryOp::Add:
    result.real = *x + *y;
    break;
  case ast::BinaryOp::Sub:
    result.real = *x - *y;
    break;
  case ast::BinaryOp::Mul:
    result.real = *x * *y;
    break;
  case ast::BinaryOp::Div:
    result.real = *x / *y;
    break;
  case ast::BinaryOp::Mod:
    result.real = *x - *y * std::floor(*x / *y);
    break;
  case ast::BinaryOp::Pow:
    result.real = std::pow(*x, *y);
    break;
  default:
    break;
  }
  return result;
}

std::optional<bool> Sema::compare(ast::BinaryOp op, const Num &a,
                                  const Num &b) {
  auto decide = [&](auto x, auto y) {
    switch (op) {
    case ast::BinaryOp::Eq:
      return x == y;
    case ast::BinaryOp::Ne:
      return x != y;
    case ast::BinaryOp::Lt:
      return x < y;
    case ast::BinaryOp::Le:
      return x <= y;
    case ast::BinaryOp::Gt:
      return x > y;
    default:
      return x >= y;
    }
  };
  if (a.exact && b.exact)
    if (std::optional<Poly> d = sub(model->sizes.normalize(*a.exact),
                                    model->sizes.normalize(*b.exact)))
      if (auto value = d->constant())
        return decide(*value, int64_t(0));
  Num x = numUnary(Op::ToReal, a), y = numUnary(Op::ToReal, b);
  if (x.real && y.real)
    return decide(*x.real, *y.real);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

static Num asNum(const Val &val) {
  if (val.kind == Val::Number)
    return val.number;
  Num num;
  num.exact = Poly(val.flag);
  num.real = val.flag;
  return num;
}

Val Sema::evalUnary(const ast::UnaryExpr *expr) {
  Val x = eval(expr->operand);
  if (x.isPoison())
    return x;
  if (expr->op == ast::UnaryOp::Not) {
    if (x.kind == Val::Bool)
      return Val::ofBool(!x.flag);
    return Val::of(unary(Op::Not, toTensor(x, expr->range), expr->range));
  }
  if (x.kind == Val::Number || x.kind == Val::Bool)
    return Val::of(numUnary(Op::Neg, asNum(x)));
  if (x.kind == Val::Reduced) {
    Val val;
    val.kind = Val::Reduced;
    val.derived = std::make_shared<hir::Derived>();
    val.derived->op = Op::Neg;
    val.derived->operands = {x.derived};
    return val;
  }
  return Val::of(
      unary(Op::Neg, toTensor(x, expr->operand->range), expr->range));
}

Val Sema::evalBinary(const ast::BinaryExpr *expr) {
  // A chain of a thousand operators leans to the left: walk it in a loop.
  std::vector<const ast::BinaryExpr *> chain = {expr};
  while (const auto *left = ast::dynCast<ast::BinaryExpr>(chain.back()->lhs))
    chain.push_back(left);
  Val lhs = eval(chain.back()->lhs);
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
    const ast::BinaryExpr *binary = *it;
    if (lhs.kind == Val::Bool &&
        ((binary->op == ast::BinaryOp::And && !lhs.flag) ||
         (binary->op == ast::BinaryOp::Or && lhs.flag)))
      continue;
    Val rhs = eval(binary->rhs);
    lhs = binaryVals(binary->op, lhs, rhs, binary->opRange, binary->lhs,
                     binary->rhs);
  }
  return lhs;
}

Val Sema::binaryVals(ast::BinaryOp op, const Val &a, const Val &b,
                     SourceRange at, const Expr *lhs, const Expr *rhs) {
  if (a.isPoison() || b.isPoison())
    return poison();
  auto isStatic = [](const Val &val) {
    return val.kind == Val::Number || val.kind == Val::Bool;
  };
  bool logical = op == ast::BinaryOp::And || op == ast::BinaryOp::Or;
  bool comparison = op >= ast::BinaryOp::Eq && op <= ast::BinaryOp::Ge;
  if (logical && a.kind == Val::Bool)
    return b; // the other case was decided by the left side
  if (logical && b.kind == Val::Bool) {
    if (b.flag == (op == ast::BinaryOp::And))
      return a;
    return b;
  }
  if (isStatic(a) && isStatic(b) && op != ast::BinaryOp::MatMul && !logical) {
    if (comparison) {
      std::optional<bool> answer = compare(op, asNum(a), asNum(b));
      if (answer)
        return Val::ofBool(*answer);
      const Num unknown = asNum(a), other = asNum(b);
      const Num &culprit = unknown.exact && !model->sizes.value(*unknown.exact)
                               ? unknown
                               : other;
      std::string name =
          culprit.exact
              ? model->sizes.print(model->sizes.normalize(*culprit.exact))
              : "";
      if (Diagnostic *diagnostic =
              error(at, "no-size", str("size '", name, "' has no value")))
        diagnostic->help(str("give --set ", name, "=... or --data"));
      return poison();
    }
    return Val::of(numBinary(op, asNum(a), asNum(b)));
  }
  if (a.kind == Val::Reduced || b.kind == Val::Reduced) {
    Op derived = op == ast::BinaryOp::Add   ? Op::Add
                 : op == ast::BinaryOp::Sub ? Op::Sub
                 : op == ast::BinaryOp::Mul ? Op::Mul
                 : op == ast::BinaryOp::Div ? Op::Div
                 : op == ast::BinaryOp::Pow ? Op::Pow
                                            : Op::Constant;
    std::shared_ptr<hir::Derived> x = toDerived(a), y = toDerived(b);
    if (derived == Op::Constant || !x || !y) {
      error(at, "type",
            "a loss or metric by name is one number for all the "
            "data; only numbers can be combined with it");
      return poison();
    }
    Val val;
    val.kind = Val::Reduced;
    val.derived = std::make_shared<hir::Derived>();
    val.derived->op = derived;
    val.derived->operands = {x, y};
    return val;
  }
  Node *x = toTensor(a, lhs ? lhs->range : at);
  Node *y = toTensor(b, rhs ? rhs->range : at);
  if (op == ast::BinaryOp::MatMul)
    return Val::of(matmul(x, y, at, lhs, rhs));
  static const std::map<ast::BinaryOp, Op> ops = {
      {ast::BinaryOp::Add, Op::Add}, {ast::BinaryOp::Sub, Op::Sub},
      {ast::BinaryOp::Mul, Op::Mul}, {ast::BinaryOp::Div, Op::Div},
      {ast::BinaryOp::Mod, Op::Rem}, {ast::BinaryOp::Pow, Op::Pow},
      {ast::BinaryOp::Eq, Op::Eq},   {ast::BinaryOp::Ne, Op::Ne},
      {ast::BinaryOp::Lt, Op::Lt},   {ast::BinaryOp::Le, Op::Le},
      {ast::BinaryOp::Gt, Op::Gt},   {ast::BinaryOp::Ge, Op::Ge},
      {ast::BinaryOp::And, Op::And}, {ast::BinaryOp::Or, Op::Or}};
  std::string name(ast::toString(op));
  return Val::of(binary(ops.at(op), x, y, at, name.c_str(), lhs, rhs));
}

Val Sema::evalComprehension(const ast::ComprehensionExpr *expr) {
  int64_t first, last;
  if (!staticRange(expr->from, expr->to, first, last))
    return poison();
  Val list;
  list.kind = Val::List;
  const std::string &variable = expr->variable.name;
  if (frame->names.count(variable)) {
    error(expr->variable.range, "defined",
          str("'", variable, "' is already defined"));
    return poison();
  }
  for (int64_t i = first; i < last; ++i) {
    Binding binding;
    binding.kind = Binding::Loop;
    binding.place = expr->variable.range;
    Num num;
    num.exact = Poly(i);
    num.real = double(i);
    binding.val = Val::of(num);
    frame->names[variable] = binding;
    list.items.push_back(eval(expr->body));
  }
  frame->names.erase(variable);
  return list;
}

Val Sema::evalAs(const ast::AsExpr *expr) {
  Node *x = toTensor(eval(expr->base), expr->base->range);
  if (!x) {
    // The name is known all the same.
    if (findAxis(expr->axis.name) < 0) {
      frame->axes[expr->axis.name] = model->axes.size();
      model->axes.push_back({expr->axis.name, -1, expr->axis.range});
    }
    return poison();
  }
  int from = x->type.axes.size() == 1 ? x->type.axes[0]
                                      : onlyNamed(x->type.axes);
  if (from < 0) {
    error(expr->range, "axis",
          str("'as' needs a value with one time axis, found ",
              hir::describeType(*model, x->type)));
    return poison();
  }
  if (!checkInnerLengths(x->type, from, "'as'", expr->range))
    return poison();
  int axis = findAxis(expr->axis.name);
  if (axis < 0) {
    axis = model->axes.size();
    model->axes.push_back({expr->axis.name, from, expr->axis.range});
    frame->axes[expr->axis.name] = axis;
  } else if (model->rootAxis(axis) != model->rootAxis(from) || axis == from) {
    error(expr->axis.range, "axis",
          str("time axis '", expr->axis.name,
              "' is another sequence; 'as' needs a new name"));
    return poison();
  }
  Type type = x->type;
  std::erase(type.axes, from);
  type.axes.push_back(axis);
  std::sort(type.axes.begin(), type.axes.end());
  Node *node = make(Op::Rename, type, {x}, expr->range);
  if (node) {
    node->axis = axis;
    node->ints = {from};
  }
  return Val::of(node);
}

//===----------------------------------------------------------------------===//
// Indices and members
//===----------------------------------------------------------------------===//

Val Sema::evalIndex(const ast::IndexExpr *expr) {
  Val base = eval(expr->base);
  if (base.isPoison())
    return poison();
  if (base.kind == Val::List || base.kind == Val::Tuple) {
    if (expr->indices.size() != 1 || expr->indices[0].kind != ast::Index::At) {
      error(expr->range, "rank", "a list takes one index");
      return poison();
    }
    Val at = eval(expr->indices[0].at);
    std::optional<int64_t> i =
        intValue(at, expr->indices[0].range, "an index of a list");
    if (!i)
      return poison();
    int64_t count = base.items.size();
    int64_t entry = *i < 0 ? *i + count : *i;
    if (entry < 0 || entry >= count) {
      error(expr->indices[0].range, "range",
            str("index ", *i, " into a list of ", count));
      return poison();
    }
    return base.items[entry];
  }
  Node *x = toTensor(base, expr->base->range);
  if (!x)
    return poison();
  size_t taken = 0;
  for (const ast::Index &index : expr->indices)
    taken += index.kind != ast::Index::NewAxis;
  if (taken > x->type.shape.size()) {
    error(expr->range, "rank",
          str("too many indices: ", taken, " into ", shapeOf(x->type)));
    return poison();
  }
  // One index after the other; `own` is the axis the next one is about.
  int64_t own = 0;
  std::vector<int64_t> news;
  for (const ast::Index &index : expr->indices) {
    if (index.kind == ast::Index::NewAxis) {
      std::vector<int64_t> from;
      for (int64_t i = 0; i < int64_t(x->type.shape.size()); ++i) {
        if (i == own)
          from.push_back(-1);
        from.push_back(i);
      }
      if (own == int64_t(x->type.shape.size()))
        from.push_back(-1);
      x = view(x, from, expr->range);
      if (!x)
        return poison();
      ++own;
      continue;
    }
    const Size size = x->type.shape[own];
    if (size.stretch) {
      error(index.range, "rank", "an index into an axis made by '_'");
      return poison();
    }
    std::optional<int64_t> length = model->value(size);
    if (index.kind == ast::Index::At) {
      Val at = eval(index.at);
      if (at.isPoison())
        return poison();
      if (at.kind == Val::Number) {
        std::optional<int64_t> i = intValue(at, index.range, "an index");
        if (!i)
          return poison();
        if (length && (*i >= *length || *i < -*length)) {
          error(index.range, "range",
                str("index ", *i, " into an axis of ",
                    hir::describeSize(model->sizes, size)));
          return poison();
        }
        if (*i < 0 && !length) {
          error(index.range, "no-size",
                str("size '", hir::describeSize(model->sizes, size),
                    "' has no value, so it has no entry ", *i));
          return poison();
        }
        x = select(x, own, *i < 0 ? *i + *length : *i, expr->range);
      } else {
        Node *ids = toTensor(at, index.range);
        if (!ids)
          return poison();
        if (ids->type.elem != hir::Elem::Int) {
          error(index.range, "type",
                str("an index must be int, found ",
                    hir::describeType(*model, ids->type)));
          return poison();
        }
        if (own != 0) {
          // Bring the axis to the front.
          std::vector<int64_t> from = {own};
          for (int64_t i = 0; i < int64_t(x->type.shape.size()); ++i)
            if (i != own)
              from.push_back(i);
          x = view(x, from, expr->range);
          if (own != 1 || !ids->type.shape.empty()) {
            error(index.range, "rank", "an index by a value must be the first");
            return poison();
          }
        }
        int64_t more = ids->type.shape.size();
        x = gather(x, ids, index.range);
        if (own == 1 && x && x->type.shape.size() > 1) {
          error(index.range, "rank", "an index by a value must be the first");
          return poison();
        }
        own = own == 0 ? more : own;
      }
      if (!x)
        return poison();
      continue;
    }
    // A slice.
    if (index.from || index.to) {
      Num from, to;
      from.exact = Poly(0);
      to.exact = size.poly;
      auto bound = [&](const Expr *e, Num &into) {
        std::optional<Num> num = evalNumber(e);
        if (!num)
          return false;
        if (!num->exact) {
          error(e->range, "size", str("a bound must be a whole number"));
          return false;
        }
        into = *num;
        if (auto value = model->sizes.value(*into.exact); value && *value < 0)
          into.exact = add(size.poly, *into.exact);
        return into.exact.has_value();
      };
      if (index.from && !bound(index.from, from))
        return poison();
      if (index.to && !bound(index.to, to))
        return poison();
      std::optional<int64_t> start = model->sizes.value(*from.exact);
      if (!start) {
        error(index.range, "no-size",
              str("size '", model->sizes.print(*from.exact), "' has no value"));
        return poison();
      }
      std::optional<Poly> count = sub(*to.exact, *from.exact);
      if (!count)
        return poison();
      std::optional<int64_t> number = model->sizes.value(*count),
                             end = model->sizes.value(*to.exact);
      if ((number && *number < 1) || *start < 0 ||
          (length && end && *end > *length)) {
        error(index.range, "range",
              str("slice ", *start, ":",
                  end ? std::to_string(*end) : model->sizes.print(*to.exact),
                  " of an axis of ", hir::describeSize(model->sizes, size)));
        return poison();
      }
      x = slice(x, own, *start, Size(model->sizes.normalize(*count)),
                expr->range);
      if (!x)
        return poison();
    }
    ++own;
  }
  return Val::of(x);
}

Val Sema::evalMember(const ast::MemberExpr *expr) {
  // `m.name` of `import "..." as m`.
  if (const auto *name = ast::dynCast<ast::NameExpr>(expr->base);
      name && !frame->names.count(name->name) && frame->def &&
      frame->def->unit && program.hasAlias(*frame->def->unit, name->name)) {
    const ast::Definition *def =
        program.lookup(*frame->def->unit, name->name, expr->member.name);
    if (!def) {
      error(expr->member.range, "unknown",
            str("'", name->name, "' has no definition '", expr->member.name,
                "'"));
      return poison();
    }
    Val val;
    val.def = def;
    val.kind = def->kind == ast::DefKind::Fn ? Val::Function : Val::Definition;
    return val;
  }
  return member(eval(expr->base), expr->member, expr->range);
}

Val Sema::member(const Val &base, const ast::Ident &name, SourceRange at) {
  if (base.isPoison())
    return poison();
  if (base.kind == Val::Instance) {
    std::optional<int64_t> param = ensureParam(base.instance, name.name);
    if (!param)
      return poison();
    Type type = model->params[*param].type;
    Saved<hir::Block *> top(block, &model->body);
    Node *node = make(Op::Param, type, {}, at);
    if (node) {
      node->index = *param;
      paramUse[model->params[*param].place.begin.getRaw()].second = true;
    }
    return Val::of(node);
  }
  if (base.kind == Val::Result) {
    auto it = base.result->names.find(name.name);
    if (it == base.result->names.end()) {
      std::vector<std::string> names;
      for (const auto &[key, val] : base.result->names)
        names.push_back(key);
      std::string close = nearest(name.name, names);
      Diagnostic *diagnostic = error(name.range, "unknown",
                                     str(ast::describe(base.result->def->kind),
                                         " '", base.result->def->ident.name,
                                         "' has no '", name.name, "'"));
      if (diagnostic && !close.empty())
        diagnostic->help(str("did you mean '", close, "'?"));
      return poison();
    }
    const Val &inner = it->second;
    if (inner.kind == Val::Tensor)
      return Val::of(emitted(*base.result, inner.node, at));
    if (inner.kind == Val::Result &&
        (base.result->scan || base.result->steps)) {
      // The names of an application inside a scanned body.
      auto copy = std::make_shared<Result>(*inner.result);
      for (auto &[key, val] : copy->names) {
        Node *node = nullptr;
        if (val.kind == Val::Tensor)
          node = emitted(*inner.result, val.node, at);
        if (node)
          val = Val::of(emitted(*base.result, node, at));
      }
      copy->scan = nullptr;
      copy->steps = nullptr;
      Val val;
      val.kind = Val::Result;
      val.result = copy;
      return val;
    }
    return inner;
  }
  Node *x = toTensor(base, at);
  if (!x)
    return poison();
  if (name.name == "T") {
    if (x->type.shape.size() < 2) {
      error(at, "rank", str("'.T' needs a matrix, found ", shapeOf(x->type)));
      return poison();
    }
    std::vector<int64_t> from;
    for (int64_t i = 0; i < int64_t(x->type.shape.size()); ++i)
      from.push_back(i);
    std::swap(from[from.size() - 1], from[from.size() - 2]);
    return Val::of(view(x, from, at));
  }
  error(name.range, "unknown",
        str("a value has no '", name.name,
            "'; only what an application gives "
            "has names"));
  return poison();
}
