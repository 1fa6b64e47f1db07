//===- SemaBuiltins.cpp - Built-in operations -----------------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/SemaBuiltins.h"
#include "frontends/rnn/Builtins.h"

#include <algorithm>
#include <cmath>

using namespace rnnc;
using namespace rnnc::sema;

/// Elementwise functions of one argument.
static const std::map<std::string, Op> &unaryOps() {
  static const std::map<std::string, Op> table = {
      {"exp", Op::Exp},   {"expm1", Op::Expm1},
      {"log", Op::Log},   {"log1p", Op::Log1p},
      {"sqrt", Op::Sqrt}, {"abs", Op::Abs},
      {"sign", Op::Sign}, {"floor", Op::Floor},
      {"sin", Op::Sin},   {"cos", Op::Cos},
      {"tanh", Op::Tanh}, {"sigmoid", Op::Sigmoid},
      {"relu", Op::Relu}, {"softplus", Op::Softplus},
      {"erf", Op::Erf}};
  return table;
}

const std::vector<std::string> &rnnc::builtinOperations() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = {
        "max",        "min",           "where",   "sum",     "mean",
        "prod",       "any",           "all",     "norm",    "logsumexp",
        "softmax",    "log_softmax",   "cumsum",  "argmax",  "concat",
        "stack",      "split",         "reshape", "outer",   "roll",
        "einsum",     "iota",          "eye",     "fill",    "one_hot",
        "real",       "first",         "last",    "reverse", "shift",
        "window",     "every",         "pos",     "length",  "detach",
        "update",
        "copy",       "cross_entropy", "mse",     "mae",     "bce",
        "ctc",        "bernoulli",     "uniform", "normal",
        "orthogonal", "identity"};
    for (const auto &[name, op] : unaryOps())
      all.push_back(name);
    for (const char *kind : {"glorot", "he", "lecun"})
      for (const char *law : {"uniform", "normal"})
        all.push_back(std::string(kind) + "_" + law);
    return all;
  }();
  return names;
}

const std::vector<std::string> &Sema::builtinNames() {
  return builtinOperations();
}

bool Sema::isBuiltin(const std::string &name) {
  const std::vector<std::string> &names = builtinNames();
  return std::find(names.begin(), names.end(), name) != names.end();
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

const Arg *Sema::BuiltinCall::keyword(const std::string &key) {
  for (const Arg &arg : args)
    if (arg.path.size() == 1 && arg.path[0] == key) {
      used.insert(key);
      return &arg;
    }
  return nullptr;
}

/// A list of sizes: `[n, m]` or one size.
std::optional<std::vector<Size>> Sema::shapeArg(const Arg &arg) {
  std::vector<Size> shape;
  auto addOne = [&](const Val &val, const Expr *expr) {
    if (val.isPoison())
      return false;
    if (val.kind != Val::Number || !val.number.exact) {
      error(expr ? expr->range : arg.place, "size",
            val.kind == Val::Number && !val.number.problem.empty()
                ? str(written(expr), ": ", val.number.problem)
                : str("expected a size, found ", describe(val)));
      return false;
    }
    Size size(*val.number.exact, expr ? ast::toString(expr) : "");
    if (size.spelling.find_first_not_of("0123456789") == std::string::npos)
      size.spelling.clear();
    if (!checkSizeRange(size, expr ? expr->range : arg.place))
      return false;
    shape.push_back(size);
    return true;
  };
  if (arg.val.kind == Val::List) {
    const auto *list = ast::dynCast<ast::ListExpr>(arg.expr);
    for (size_t i = 0; i < arg.val.items.size(); ++i)
      if (!addOne(arg.val.items[i], list ? list->elements[i] : arg.expr))
        return std::nullopt;
    return shape;
  }
  if (!addOne(arg.val, arg.expr))
    return std::nullopt;
  return shape;
}

/// `axis =` as a time axis of x, else its only one; -1 after a message.
int Sema::timeAxis(BuiltinCall &call, Node *x) {
  if (const Arg *arg = call.keyword("axis")) {
    int axis = -1;
    if (const auto *name = ast::dynCast<ast::NameExpr>(arg->expr)) {
      axis = findAxis(name->name);
      if (axis < 0 || !x->type.hasAxis(axis))
        for (int a : x->type.axes)
          if (model->axes[a].name == name->name)
            axis = a;
    }
    if (axis < 0 || !x->type.hasAxis(axis)) {
      error(arg->place, "axis",
            str("'", call.name, "' along '", ast::toString(arg->expr),
                "' of a value without that time axis: ",
                hir::describeType(*model, x->type)));
      return -1;
    }
    return axis;
  }
  if (x->type.axes.size() == 1)
    return x->type.axes[0];
  if (int axis = onlyNamed(x->type.axes); axis >= 0)
    return axis;
  if (x->type.axes.empty())
    error(call.at, "axis",
          str("'", call.name, "' needs a sequence, found ",
              hir::describeType(*model, x->type)));
  else
    error(call.at, "axis",
          str("'", call.name, "' finds two time axes, ",
              model->axes[x->type.axes[0]].name, " and ",
              model->axes[x->type.axes[1]].name, "; choose with axis ="));
  return -1;
}

/// Own axes a reduction is over, or a time axis; false after a message.
bool Sema::BuiltinCall::reduced(Sema &sema, Node *x, bool lastOnly,
                                std::vector<int64_t> &own, int &time) {
  time = -1;
  const Arg *arg = keyword("axis");
  int64_t rank = x->type.shape.size();
  if (!arg) {
    if (rank == 0) {
      if (x->type.axes.empty())
        sema.error(at, "axis",
                   sema.block->scan || name == "sum"
                       ? str("'", name, "' of a scalar")
                       : str("'", name, "' of a scalar"));
      else
        sema.error(at, "axis",
                   str("'", name, "' of a scalar; along time write axis = ",
                       sema.model->axes[x->type.axes[0]].name));
      return false;
    }
    if (lastOnly)
      own.push_back(rank - 1);
    else
      for (int64_t i = 0; i < rank; ++i)
        own.push_back(i);
    return true;
  }
  if (const auto *word = ast::dynCast<ast::NameExpr>(arg->expr)) {
    int axis = sema.findAxis(word->name);
    if (axis < 0 || !x->type.hasAxis(axis))
      for (int a : x->type.axes)
        if (sema.model->axes[a].name == word->name)
          axis = a;
    if (axis >= 0 || !sema.frame->names.count(word->name)) {
      bool isStep = false;
      for (const hir::Block *b = sema.block; b && b->scan; b = b->parent)
        isStep |= sema.model->axes[b->scan->axis].name == word->name;
      if (isStep && (axis < 0 || !x->type.hasAxis(axis))) {
        sema.error(arg->place, "axis", sema.unknownAxis(word->name));
        return false;
      }
      if (axis < 0 || !x->type.hasAxis(axis)) {
        sema.error(at, "axis",
                   str("'", name, "' over time needs a sequence, found ",
                       x->type.axes.empty()
                           ? sema.shapeOf(x->type)
                           : hir::describeType(*sema.model, x->type)));
        return false;
      }
      time = axis;
      return true;
    }
  }
  std::optional<int64_t> i =
      sema.intValue(sema.eval(arg->expr), arg->place, "an axis");
  if (!i)
    return false;
  int64_t axis = *i < 0 ? *i + rank : *i;
  if (axis < 0 || axis >= rank) {
    sema.error(arg->place, "axis",
               str("axis ", *i, " of ", sema.shapeOf(x->type)));
    return false;
  }
  own.push_back(axis);
  return true;
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

/// The time axis that a call of `name` runs along; -1 if none is found, which
/// the operation itself explains.
int Sema::axisOfCall(const std::string &name, const std::vector<Arg> &args) {
  static const std::set<std::string> reductions = {
      "sum", "mean", "prod",      "max",     "min",         "any",
      "all", "norm", "logsumexp", "softmax", "log_softmax", "cumsum"};
  static const std::set<std::string> movements = {
      "first", "last", "reverse", "shift", "window", "every"};
  bool moves = movements.count(name);
  if (args.empty() || !args[0].path.empty() ||
      !(moves || reductions.count(name) || name == "length"))
    return -1;
  if (name == "length")
    return namedAxis(args[0], args);
  for (const Arg &arg : args)
    if (arg.path.size() == 1 && arg.path[0] == "axis")
      return namedAxis(arg, args);
  if (!moves || args[0].val.kind != Val::Tensor)
    return -1;
  const std::vector<int> &axes = args[0].val.node->type.axes;
  return axes.size() == 1 ? axes[0] : onlyNamed(axes);
}

Val Sema::callBuiltin(const std::string &name, std::vector<Arg> args,
                      SourceRange at) {
  if (!args.empty() && args[0].val.kind == Val::Result)
    args[0].val = Val::of(toTensor(args[0].val, args[0].place));
  if (int axis = axisOfCall(name, args); axis >= 0) {
    if (args[0].val.kind == Val::Tensor &&
        !checkInnerLengths(args[0].val.node->type, axis, "'" + name + "'", at))
      return poison();
    if (name == "every" && model->outerAxis(axis) >= 0) {
      error(at, "later",
            str("'every' along ", model->axes[axis].name,
                ", whose length depends on ",
                model->axes[model->outerAxis(axis)].name,
                ", is not built yet"));
      return poison();
    }
    // What only looks back needs no length.
    bool looksBack = name == "first" || name == "shift" || name == "window";
    // The rest depends on the length, and so on the example.
    if (!looksBack && args[0].val.kind == Val::Tensor &&
        !args[0].val.node->type.batch) {
      Type each = args[0].val.node->type;
      each.batch = true;
      args[0].val = Val::of(expandTo(args[0].val.node, each, at));
    }
    if (int outer = missingOuter(axis); outer >= 0 && !looksBack)
      return atEachStep(outer, std::move(args), at,
                        [&](std::vector<Arg> slices) {
                          return callBuiltin(name, std::move(slices), at);
                        });
  }
  BuiltinCall call;
  call.name = name;
  call.at = at;
  call.args = std::move(args);
  bool raw = name == "pos" || name == "length";
  for (const Arg &arg : call.args) {
    if (arg.path.empty())
      call.positional.push_back(&arg);
    bool isAxis =
        !arg.path.empty() && (arg.path[0] == "axis" || arg.path[0] == "to");
    if (arg.val.isPoison() && !isAxis && !raw)
      return poison();
  }
  auto count = [&](size_t least, size_t most) {
    size_t found = call.positional.size();
    if (found >= least && found <= most)
      return true;
    std::string wanted =
        least == most ? std::to_string(least) : str(least, " to ", most);
    error(at, "count",
          str("'", name, "' takes ", wanted,
              most == 1 ? " argument" : " arguments", ", found ", found));
    return false;
  };
  auto done = [&](Val val) {
    for (const Arg &arg : call.args)
      if (!arg.path.empty() && !call.used.count(arg.path[0]) &&
          !val.isPoison()) {
        error(arg.place, "count",
              str("'", name, "' has no argument '", arg.path[0], "'"));
        return poison();
      }
    return val;
  };
  if (auto it = unaryOps().find(name); it != unaryOps().end()) {
    if (!count(1, 1))
      return poison();
    const Val &x = call.positional[0]->val;
    if (x.kind == Val::Number)
      return done(Val::of(numUnary(it->second, x.number)));
    if (x.kind == Val::Reduced) {
      Val val;
      val.kind = Val::Reduced;
      val.derived = std::make_shared<hir::Derived>();
      val.derived->op = it->second;
      val.derived->operands = {x.derived};
      return done(val);
    }
    return done(
        Val::of(unary(it->second, toTensor(x, call.positional[0]->place), at)));
  }
  struct Entry {
    size_t least, most;
    Val (Sema::*run)(BuiltinCall &);
  };
  static const std::map<std::string, Entry> table = {
      {"max", {1, 64, &Sema::builtinMinMax}},
      {"min", {1, 64, &Sema::builtinMinMax}},
      {"sum", {1, 1, &Sema::builtinReduce}},
      {"mean", {1, 1, &Sema::builtinReduce}},
      {"prod", {1, 1, &Sema::builtinReduce}},
      {"any", {1, 1, &Sema::builtinReduce}},
      {"all", {1, 1, &Sema::builtinReduce}},
      {"norm", {1, 1, &Sema::builtinReduce}},
      {"logsumexp", {1, 1, &Sema::builtinReduce}},
      {"softmax", {1, 1, &Sema::builtinSoftmax}},
      {"log_softmax", {1, 1, &Sema::builtinSoftmax}},
      {"cumsum", {1, 1, &Sema::builtinCumsum}},
      {"ctc", {2, 2, &Sema::builtinCtc}},
      {"every", {2, 2, &Sema::builtinEvery}},
      {"argmax", {1, 1, &Sema::builtinShape}},
      {"where", {3, 3, &Sema::builtinShape}},
      {"concat", {1, 1024, &Sema::builtinShape}},
      {"stack", {1, 1024, &Sema::builtinShape}},
      {"split", {2, 2, &Sema::builtinShape}},
      {"reshape", {2, 2, &Sema::builtinShape}},
      {"outer", {2, 2, &Sema::builtinShape}},
      {"roll", {2, 2, &Sema::builtinShape}},
      {"einsum", {2, 3, &Sema::builtinShape}},
      {"iota", {1, 1, &Sema::builtinShape}},
      {"eye", {1, 1, &Sema::builtinShape}},
      {"fill", {2, 2, &Sema::builtinShape}},
      {"one_hot", {1, 1, &Sema::builtinShape}},
      {"real", {1, 1, &Sema::builtinShape}},
      {"detach", {1, 1, &Sema::builtinShape}},
      {"copy", {1, 1, &Sema::builtinShape}},
      {"first", {1, 1, &Sema::builtinTime}},
      {"last", {1, 1, &Sema::builtinTime}},
      {"reverse", {1, 1, &Sema::builtinTime}},
      {"shift", {1, 3, &Sema::builtinTime}},
      {"window", {2, 2, &Sema::builtinTime}},
      {"pos", {0, 1, &Sema::builtinTime}},
      {"length", {1, 1, &Sema::builtinTime}},
      {"update", {0, 0, &Sema::builtinTime}},
      {"cross_entropy", {2, 2, &Sema::builtinLoss}},
      {"mse", {2, 2, &Sema::builtinLoss}},
      {"mae", {2, 2, &Sema::builtinLoss}},
      {"bce", {2, 2, &Sema::builtinLoss}},
      {"bernoulli", {1, 2, &Sema::builtinDraw}},
      {"uniform", {2, 3, &Sema::builtinDraw}},
      {"normal", {2, 3, &Sema::builtinDraw}},
      {"orthogonal", {0, 1, &Sema::builtinInit}},
      {"identity", {0, 1, &Sema::builtinInit}},
      {"glorot_uniform", {0, 1, &Sema::builtinInit}},
      {"glorot_normal", {0, 1, &Sema::builtinInit}},
      {"he_uniform", {0, 1, &Sema::builtinInit}},
      {"he_normal", {0, 1, &Sema::builtinInit}},
      {"lecun_uniform", {0, 1, &Sema::builtinInit}},
      {"lecun_normal", {0, 1, &Sema::builtinInit}}};
  auto it = table.find(name);
  if (!count(it->second.least, it->second.most))
    return poison();
  return done((this->*it->second.run)(call));
}

Val Sema::builtinMinMax(BuiltinCall &call) {
  bool isMax = call.name == "max";
  if (call.positional.size() == 1)
    return builtinReduce(call);
  Val result = call.positional[0]->val;
  for (size_t i = 1; i < call.positional.size(); ++i) {
    const Val &other = call.positional[i]->val;
    if (result.kind == Val::Number && other.kind == Val::Number) {
      std::optional<bool> less =
          compare(ast::BinaryOp::Lt, result.number, other.number);
      if (!less) {
        error(call.at, "no-size",
              str("'", call.name, "' of sizes that have no value"));
        return poison();
      }
      result = *less == isMax ? other : result;
      continue;
    }
    Node *a = toTensor(result, call.positional[i - 1]->place);
    Node *b = toTensor(other, call.positional[i]->place);
    result = Val::of(binary(isMax ? Op::Max : Op::Min, a, b, call.at,
                            call.name.c_str(), call.positional[i - 1]->expr,
                            call.positional[i]->expr));
    if (result.isPoison())
      return poison();
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Losses
//===----------------------------------------------------------------------===//

Val Sema::builtinLoss(BuiltinCall &call) {
  const Arg &first = *call.positional[0], &second = *call.positional[1];
  Node *z = toTensor(first.val, first.place);
  Node *y = toTensor(second.val, second.place);
  if (!z || !y)
    return poison();
  SourceRange at = call.at;
  // A value without an axis would be repeated; a loss wants equal axes of what
  // comes from data. Numbers and parameters are the same at each step.
  for (auto [a, b] : {std::pair(z, y), std::pair(y, z)})
    for (int axis : a->type.axes)
      if (!b->type.hasAxis(axis) && (b->type.batch || !b->type.axes.empty())) {
        auto names = [&](Node *node) {
          std::string out;
          for (int i : node->type.axes)
            out += (out.empty() ? "" : ", ") + model->axes[i].name;
          return out.empty() ? "no time axis" : out;
        };
        error(at, "axis",
              str("'", call.name, "' of ",
                  call.name == "cross_entropy" ? "logits" : "a value", " over ",
                  names(z), " and y over ", names(y), "; reduce ",
                  model->axes[axis].name));
        return poison();
      }
  if (call.name == "cross_entropy") {
    double smooth = 0;
    if (const Arg *arg = call.keyword("smooth")) {
      if (arg->val.kind != Val::Number || !arg->val.number.real) {
        error(arg->place, "type", "smooth must be a number");
        return poison();
      }
      smooth = *arg->val.number.real;
    }
    if (z->type.shape.size() != 1) {
      error(first.place, "rank",
            str("the logits of 'cross_entropy' must be a vector, found ",
                shapeOf(z->type)));
      return poison();
    }
    z = toReal(z, at);
    if (y->type.elem == hir::Elem::Int) {
      if (!y->type.shape.empty()) {
        error(second.place, "rank",
              str("the class in 'cross_entropy' must be a scalar, found ",
                  shapeOf(y->type)));
        return poison();
      }
      if (y->type.range && !unifySize(z->type.shape[0], *y->type.range, at)) {
        Diagnostic *diagnostic =
            error(at, "size",
                  str("size mismatch in 'cross_entropy': logits are ",
                      shapeOf(z->type), ", y is ",
                      hir::describeType(
                          *model,
                          Type{hir::Elem::Int, y->type.range, {}, {}, false})));
        noteDeclared(diagnostic, first.expr, z);
        return poison();
      }
      Type type = joined({z, y});
      Node *loss = make(Op::CrossEntropy, type, {z, y}, at);
      if (smooth == 0 || !loss)
        return Val::of(loss);
      // (1 - s) * H(y, p) + s * mean over classes of -log p.
      Type same = z->type;
      Node *logp = make(Op::LogSoftmax, same, {z}, at);
      if (logp)
        logp->index = 0;
      Node *spread = unary(Op::Neg, reduce("sum", logp, {0}, -1, at), at);
      Num classes;
      classes.exact = z->type.shape[0].poly;
      spread = binary(Op::Div, spread, toTensor(Val::of(classes), at), at, "/");
      return Val::of(binary(
          Op::Add, binary(Op::Mul, constant(1 - smooth, at), loss, at, "*"),
          binary(Op::Mul, constant(smooth, at), spread, at, "*"), at, "+"));
    }
    Type same = z->type;
    Node *logp = make(Op::LogSoftmax, same, {z}, at);
    Node *product =
        binary(Op::Mul, y, logp, at, "cross_entropy", second.expr, first.expr);
    return Val::of(unary(Op::Neg, reduce("sum", product, {0}, -1, at), at));
  }
  if (y->type.elem == hir::Elem::Int && call.name == "bce") {
    Type real = y->type;
    real.elem = hir::Elem::Real;
    real.range.reset();
    y = make(Op::ToReal, real, {y}, at);
  }
  Node *each = nullptr;
  if (call.name == "bce") {
    // softplus(z) - z*y
    Node *zy = binary(Op::Mul, z, y, at, "bce", first.expr, second.expr);
    each = binary(Op::Sub, unary(Op::Softplus, z, at), zy, at, "bce");
  } else {
    Node *d =
        binary(Op::Sub, z, y, at, call.name.c_str(), first.expr, second.expr);
    each = call.name == "mse" ? binary(Op::Mul, d, d, at, "mse")
                              : unary(Op::Abs, d, at);
  }
  if (!each)
    return poison();
  if (each->type.shape.empty())
    return Val::of(each);
  std::vector<int64_t> own;
  Poly entries(1);
  for (size_t i = 0; i < each->type.shape.size(); ++i) {
    own.push_back(i);
    if (std::optional<Poly> product = mul(entries, each->type.shape[i].poly))
      entries = *product;
  }
  Num number;
  number.exact = entries;
  return Val::of(binary(Op::Div, reduce("sum", each, own, -1, at),
                        toTensor(Val::of(number), at), at, "/"));
}
