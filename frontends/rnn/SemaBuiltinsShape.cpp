//===- SemaBuiltinsShape.cpp - Reductions and movement of own axes --------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/SemaBuiltins.h"

#include <algorithm>
#include <limits>

using namespace rnnc;
using namespace rnnc::sema;

/// Own axes that were reduced come back as axes that stretch.
static std::vector<int64_t> keptAxes(size_t rank,
                                     const std::vector<int64_t> &own) {
  std::vector<int64_t> from;
  int64_t next = 0;
  for (size_t i = 0; i < rank; ++i)
    from.push_back(std::find(own.begin(), own.end(), int64_t(i)) != own.end()
                       ? -1
                       : next++);
  return from;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

Val Sema::builtinReduce(BuiltinCall &call) {
  const std::string &name = call.name;
  SourceRange at = call.at;
  const Arg *maskArg = call.keyword("where");
  Node *x = toTensor(call.positional[0]->val, call.positional[0]->place);
  if (!x)
    return poison();
  if (x->type.elem == hir::Elem::Int) {
    error(at, "type",
          str("'", name, "' needs real values, found ",
              hir::describeType(*model, x->type)));
    return poison();
  }
  x = toReal(x, at);
  if (!x)
    return poison();
  std::vector<int64_t> own;
  int time;
  if (!call.reduced(*this, x, false, own, time))
    return poison();
  for (int64_t i : own)
    if (x->type.shape[i].stretch) {
      error(at, "rank", str("'", name, "' over an axis made by '_'"));
      return poison();
    }
  size_t rank = x->type.shape.size();
  Node *mask = nullptr;
  Node *counted = nullptr;
  auto again = [&](Node *reduced) {
    return time >= 0 || !reduced ? reduced
                                 : view(reduced, keptAxes(rank, own), at);
  };
  auto over = [&](const char *kind, Node *value) {
    return reduce(kind, value, own, time, at);
  };
  if (maskArg) {
    mask = toTensor(maskArg->val, maskArg->place);
    if (!mask)
      return poison();
    if (mask->type.elem != hir::Elem::Bool) {
      error(maskArg->place, "type",
            str("'where' must be bool, found ",
                hir::describeType(*model, mask->type)));
      return poison();
    }
    // Give the mask the value's own shape and axes, so that it can be counted.
    Type full = x->type;
    full.elem = hir::Elem::Bool;
    Node *shaped = where(mask, constant(1, at),
                         binary(Op::Mul, x, constant(0, at), at, "*"), at);
    counted = shaped;
    if (!shaped)
      return poison();
    counted = expandTo(where(mask, constant(1, at), constant(0, at), at),
                       x->type, at);
    counted = over("sum", counted);
    if (!counted)
      return poison();
  }
  auto masked = [&](Node *value, double otherwise) {
    return mask ? where(mask, value, constant(otherwise, at), at) : value;
  };
  auto orZero = [&](Node *value) {
    return mask ? where(binary(Op::Gt, counted, constant(0, at), at, ">"),
                        value, constant(0, at), at)
                : value;
  };
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (name == "sum")
    return Val::of(over("sum", masked(x, 0)));
  if (name == "prod")
    return Val::of(over("prod", masked(x, 1)));
  if (name == "max")
    return Val::of(orZero(over("max", masked(x, -infinity))));
  if (name == "min")
    return Val::of(orZero(over("min", masked(x, infinity))));
  if (name == "any" || name == "all") {
    Node *value =
        over(name == "any" ? "max" : "min", masked(x, name == "any" ? 0 : 1));
    return Val::of(binary(Op::Gt, value, constant(0.5, at), at, ">"));
  }
  if (name == "mean") {
    Node *total = over("sum", masked(x, 0));
    Node *count = nullptr;
    if (mask) {
      count = binary(Op::Max, counted, constant(1, at), at, "max");
    } else if (time >= 0) {
      Type type;
      type.batch = true;
      count = make(Op::Length, type, {}, at);
      if (count)
        count->axis = time;
    } else {
      Num number;
      number.exact = Poly(1);
      for (int64_t i : own)
        if (number.exact)
          number.exact = mul(*number.exact, x->type.shape[i].poly);
      if (!number.exact)
        return poison();
      count = toTensor(Val::of(numUnary(Op::ToReal, number)), at);
      if (count && !model->sizes.value(*number.exact))
        count->poly = number.exact;
    }
    return Val::of(binary(Op::Div, total, count, at, "/"));
  }
  if (name == "norm") {
    Node *square = binary(Op::Mul, x, x, at, "*");
    return Val::of(unary(Op::Sqrt, over("sum", masked(square, 0)), at));
  }
  // logsumexp: m + log(sum(exp(x - m))), m without gradient.
  Node *m = unary(Op::Stop, orZero(over("max", masked(x, -infinity))), at);
  Node *shifted = binary(Op::Sub, x, again(m), at, "-");
  Node *total = over("sum", masked(unary(Op::Exp, masked(shifted, 0), at), 0));
  Node *result = binary(Op::Add, unary(Op::Log, total, at), m, at, "+");
  return Val::of(orZero(result));
}

Val Sema::builtinSoftmax(BuiltinCall &call) {
  SourceRange at = call.at;
  Node *x =
      toReal(toTensor(call.positional[0]->val, call.positional[0]->place), at);
  if (!x)
    return poison();
  const Arg *maskArg = call.keyword("where");
  std::vector<int64_t> own;
  int time;
  if (!call.reduced(*this, x, true, own, time))
    return poison();
  bool logarithm = call.name == "log_softmax";
  auto weights = [&](Node *node) {
    if (node && time >= 0)
      model->weightings.emplace_back(node, time);
    return Val::of(node);
  };
  bool allTrue = maskArg && maskArg->val.kind == Val::Bool && maskArg->val.flag;
  if (!maskArg || allTrue) {
    Node *node =
        make(logarithm ? Op::LogSoftmax : Op::Softmax, x->type, {x}, at);
    if (node) {
      node->index = own.empty() ? -1 : own[0];
      node->axis = time;
    }
    return logarithm ? Val::of(node) : weights(node);
  }
  Node *mask = toTensor(maskArg->val, maskArg->place);
  if (!mask)
    return poison();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  auto again = [&](Node *reduced) {
    return time >= 0 || !reduced
               ? reduced
               : view(reduced, keptAxes(x->type.shape.size(), own), at);
  };
  // Entries left out come out as 0; if all are left out, all do.
  Node *inside = where(mask, x, constant(-infinity, at), at);
  Node *most = reduce("max", inside, own, time, at);
  Node *finite = binary(Op::Gt, most, constant(-infinity, at), at, ">");
  Node *m = unary(Op::Stop, where(finite, most, constant(0, at), at), at);
  Node *shifted =
      where(mask, binary(Op::Sub, x, again(m), at, "-"), constant(0, at), at);
  Node *e = where(mask, unary(Op::Exp, shifted, at), constant(0, at), at);
  Node *total = reduce("sum", e, own, time, at);
  Node *divisor = where(finite, total, constant(1, at), at);
  if (logarithm)
    return Val::of(
        where(mask,
              binary(Op::Sub, shifted, again(unary(Op::Log, divisor, at)), at,
                     "-"),
              constant(0, at), at));
  return weights(binary(Op::Div, e, again(divisor), at, "/"));
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

Val Sema::builtinShape(BuiltinCall &call) {
  const std::string &name = call.name;
  SourceRange at = call.at;
  const Arg &first = *call.positional[0];
  if (name == "copy") {
    if (first.val.kind != Val::Instance) {
      error(first.place, "type",
            str("'copy' needs an instance, found ", describe(first.val)));
      return poison();
    }
    std::function<Val(const Val &)> deep = [&](const Val &val) {
      Val result = val;
      if (val.kind == Val::List)
        for (Val &item : result.items)
          item = deep(item);
      if (val.kind != Val::Instance)
        return result;
      auto instance = std::make_shared<Instance>();
      instance->def = val.instance->def;
      instance->staticPlaces = val.instance->staticPlaces;
      for (const auto &[key, inner] : val.instance->statics)
        instance->statics[key] = deep(inner);
      instance->outer = frame->paths;
      instance->place = at;
      for (int64_t i : frame->loops)
        instance->suffix += "." + std::to_string(i);
      result.instance = instance;
      return result;
    };
    return deep(first.val);
  }
  if (name == "iota" || name == "eye") {
    std::optional<std::vector<Size>> shape = shapeArg(first);
    if (!shape || shape->size() != 1)
      return poison();
    Type type;
    type.shape = *shape;
    if (name == "eye")
      type.shape.push_back(shape->front());
    Node *node = make(name == "eye" ? Op::Eye : Op::Iota, type, {}, at);
    if (node)
      node->number = 1;
    return Val::of(node);
  }
  if (name == "einsum") {
    if (first.val.kind != Val::String) {
      error(first.place, "type",
            "'einsum' begins with its labels, such as "
            "\"ij,j->i\"");
      return poison();
    }
    std::string spec;
    for (char c : first.val.text)
      if (c != ' ')
        spec += c;
    size_t arrow = spec.find("->"),
           commas = std::count(spec.begin(), spec.end(), ',');
    bool good = arrow != std::string::npos &&
                commas + 2 == call.positional.size() &&
                spec.find(',', arrow) == std::string::npos;
    for (char c : spec)
      good &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ',' ||
              c == '-' || c == '>';
    if (good) {
      std::string left = spec.substr(0, arrow);
      std::string result = spec.substr(arrow + 2);
      for (size_t i = 0; i < result.size(); ++i)
        good &= result.find(result[i], i + 1) == std::string::npos &&
                result[i] != '-' && result[i] != '>';
      good &= left.find_first_of("->") == std::string::npos;
      std::string part;
      for (char c : left + ",") {
        if (c == ',') {
          part.clear();
          continue;
        }
        good &= part.find(c) == std::string::npos;
        part += c;
      }
    }
    if (!good) {
      error(first.place, "type",
            str("'einsum' of ", call.positional.size() - 1,
                " operands cannot read the labels \"", first.val.text, "\""));
      return poison();
    }
    Node *a = toTensor(call.positional[1]->val, call.positional[1]->place);
    Node *b = call.positional.size() > 2
                  ? toTensor(call.positional[2]->val, call.positional[2]->place)
                  : nullptr;
    if (!a || (!b && call.positional.size() > 2))
      return poison();
    return Val::of(einsum(spec, a, b, at, "einsum"));
  }
  Node *x = toTensor(first.val, first.place);
  if (!x)
    return poison();
  if (name == "real") {
    return Val::of(toReal(x, at));
  }
  if (name == "detach")
    return Val::of(unary(Op::Stop, x, at));
  if (name == "where") {
    Node *a = toTensor(call.positional[1]->val, call.positional[1]->place);
    Node *b = toTensor(call.positional[2]->val, call.positional[2]->place);
    return Val::of(where(x, a, b, at));
  }
  if (name == "argmax") {
    if (x->type.shape.empty()) {
      error(at, "axis", "'argmax' of a scalar");
      return poison();
    }
    x = toReal(x, at);
    if (!x)
      return poison();
    Type type = x->type;
    type.elem = hir::Elem::Int;
    type.range = type.shape.back();
    type.shape.pop_back();
    return Val::of(make(Op::ArgMax, type, {x}, at));
  }
  if (name == "one_hot") {
    if (x->type.elem != hir::Elem::Int || !x->type.range) {
      error(first.place, "type",
            str("'one_hot' needs int[V], found ",
                hir::describeType(*model, x->type)));
      return poison();
    }
    Type type = x->type;
    type.elem = hir::Elem::Real;
    type.shape.push_back(*type.range);
    type.range.reset();
    return Val::of(make(Op::OneHot, type, {x}, at));
  }
  if (name == "outer") {
    Node *y = toTensor(call.positional[1]->val, call.positional[1]->place);
    return Val::of(einsum("i,j->ij", x, y, at, "outer", first.expr,
                          call.positional[1]->expr));
  }
  if (name == "fill") {
    std::optional<std::vector<Size>> shape = shapeArg(*call.positional[1]);
    if (!shape)
      return poison();
    Type type = x->type;
    type.shape = *shape;
    return Val::of(make(Op::Expand, type, {x}, at));
  }
  if (name == "reshape") {
    std::optional<std::vector<Size>> shape = shapeArg(*call.positional[1]);
    if (!shape)
      return poison();
    Poly before(1), after(1);
    for (const Size &size : x->type.shape)
      if (std::optional<Poly> product = mul(before, size.poly))
        before = *product;
    for (const Size &size : *shape)
      if (std::optional<Poly> product = mul(after, size.poly))
        after = *product;
    std::optional<int64_t> b = model->sizes.value(before),
                           a = model->sizes.value(after);
    if (b && a ? *a != *b
               : !b && !a && !model->sizes.unify(before, after) && false) {
      error(at, "size",
            str("'reshape' of ", shapeOf(x->type), " to ",
                hir::describeShape(model->sizes, *shape), ": ", *b,
                " entries, not ", *a));
      return poison();
    }
    Type type = x->type;
    type.shape = *shape;
    return Val::of(make(Op::Reshape, type, {x}, at));
  }
  auto ownAxis = [&](int64_t fallback, int64_t rank) -> std::optional<int64_t> {
    const Arg *arg = call.keyword("axis");
    if (!arg)
      return fallback;
    std::optional<int64_t> i = intValue(eval(arg->expr), arg->place, "an axis");
    if (!i)
      return std::nullopt;
    int64_t axis = *i < 0 ? *i + rank : *i;
    if (axis < 0 || axis >= rank) {
      error(arg->place, "axis", str("axis ", *i, " of ", shapeOf(x->type)));
      return std::nullopt;
    }
    return axis;
  };
  if (name == "concat" || name == "stack") {
    std::vector<Node *> parts;
    std::vector<Val> vals;
    for (const Arg *arg : call.positional) {
      if (arg->val.kind == Val::List)
        vals.insert(vals.end(), arg->val.items.begin(), arg->val.items.end());
      else
        vals.push_back(arg->val);
    }
    for (const Val &val : vals) {
      Node *part = toTensor(val, at);
      if (!part)
        return poison();
      parts.push_back(part);
    }
    int64_t rank = x->type.shape.size();
    if (name == "concat") {
      std::optional<int64_t> axis = ownAxis(rank - 1, rank);
      return axis ? Val::of(concat(parts, *axis, at)) : poison();
    }
    // A new first axis of size one each, then side by side.
    for (Node *&part : parts) {
      Type type = part->type;
      type.shape.insert(type.shape.begin(), Size(Poly(1)));
      part = make(Op::Reshape, type, {part}, at);
    }
    return Val::of(concat(parts, 0, at));
  }
  int64_t rank = x->type.shape.size();
  std::optional<int64_t> axis = ownAxis(rank - 1, rank);
  if (!axis)
    return poison();
  if (rank == 0 || x->type.shape[*axis].stretch) {
    error(at, "rank",
          str("'", name, "' needs a vector, found ", shapeOf(x->type)));
    return poison();
  }
  Size whole = x->type.shape[*axis];
  if (name == "roll") {
    std::optional<int64_t> k =
        intValue(call.positional[1]->val, call.positional[1]->place,
                 "the shift of 'roll'");
    std::optional<int64_t> n = model->value(whole);
    if (!k)
      return poison();
    if (!n)
      return Val::of(x);
    int64_t cut = ((-*k % *n) + *n) % *n;
    if (cut == 0)
      return Val::of(x);
    // y[i] = x[i - k]
    return Val::of(concat({slice(x, *axis, cut, Size(Poly(*n - cut)), at),
                           slice(x, *axis, 0, Size(Poly(cut)), at)},
                          *axis, at));
  }
  // split
  const Arg &how = *call.positional[1];
  std::vector<Size> sizes;
  if (how.val.kind == Val::List) {
    std::optional<std::vector<Size>> given = shapeArg(how);
    if (!given)
      return poison();
    sizes = *given;
    Poly total;
    for (const Size &size : sizes)
      if (std::optional<Poly> sum = add(total, size.poly))
        total = *sum;
    if (!model->sizes.unify(total, whole.poly)) {
      error(at, "size",
            str("'split' into ", hir::describeShape(model->sizes, sizes),
                " of an axis of ", hir::describeSize(model->sizes, whole)));
      return poison();
    }
  } else {
    std::optional<int64_t> k =
        intValue(how.val, how.place, "the number of parts");
    if (!k)
      return poison();
    std::optional<Poly> part;
    if (*k > 0 && *k <= 4096)
      part = model->sizes.divide(whole.poly, Poly(*k));
    if (!part) {
      error(at, "size",
            str("'split': ", hir::describeSize(model->sizes, whole),
                " is not divisible by ", *k));
      return poison();
    }
    sizes.assign(*k, Size(*part));
  }
  Val tuple;
  tuple.kind = Val::Tuple;
  int64_t from = 0;
  for (const Size &size : sizes) {
    tuple.items.push_back(Val::of(slice(x, *axis, from, size, at)));
    from += model->value(size).value_or(0);
  }
  return tuple;
}
