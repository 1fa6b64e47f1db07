//===- SemaTypes.cpp - Sizes, axes and declared types ---------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/SemaImpl.h"

#include <algorithm>
#include <cmath>

using namespace rnnc;
using namespace rnnc::sema;

/// No array of the language has an axis longer than this.
static constexpr int64_t maxSize = int64_t(1) << 31;

/// Why a name is no time axis here: a step of an axis does not see the axis.
std::string Sema::unknownAxis(const std::string &name) const {
  for (const hir::Block *at = block; at && at->scan; at = at->parent)
    if (model->axes[at->scan->axis].name == name)
      return str("a step of time axis '", name, "' does not see the axis");
  return str("unknown time axis '", name, "'");
}

int Sema::findAxis(const std::string &name) const {
  if (auto it = frame->axes.find(name); it != frame->axes.end())
    return it->second;
  return -1;
}

/// The only one of `axes` that the definition being walked has a name for, or
/// -1: a layer over one axis sees that, whatever else its values run along.
int Sema::onlyNamed(const std::vector<int> &axes) const {
  int found = -1;
  for (int axis : axes) {
    bool named = false;
    for (const auto &[name, known] : frame->axes)
      named |= known == axis;
    if (named && found >= 0)
      return -1;
    if (named)
      found = axis;
  }
  return found;
}

bool Sema::unifySize(const Size &a, const Size &b, SourceRange place) {
  if (a.stretch || b.stretch)
    return a.stretch && b.stretch;
  return model->sizes.unify(a.poly, b.poly, place);
}

/// "; 'd' must equal 'm'" if letters differ that no number stands for.
std::string Sema::mustEqual(const Size &a, const Size &b) const {
  if (a.stretch || b.stretch)
    return "";
  if (model->value(a) && model->value(b))
    return "";
  return "; '" + hir::describeSize(model->sizes, a) + "' must equal '" +
         hir::describeSize(model->sizes, b) + "'";
}

bool Sema::checkSizeRange(const Size &size, SourceRange at) {
  std::optional<int64_t> value = model->value(size);
  if (!value)
    return true;
  if (*value < 1) {
    error(at, "size",
          str("a size must be at least 1, found ",
              hir::describeSize(model->sizes, size)));
    return false;
  }
  if (*value > maxSize) {
    error(at, "size",
          str("size ", hir::describeSize(model->sizes, size),
              " is too large; the most is ", maxSize));
    return false;
  }
  return true;
}

/// A number from names of statics, letters and loops only.
std::optional<Num> Sema::evalNumber(const Expr *expr) {
  Val val = eval(expr);
  if (val.kind == Val::Number)
    return val.number;
  if (val.kind == Val::Bool) {
    Num num;
    num.exact = Poly(val.flag ? 1 : 0);
    num.real = val.flag;
    return num;
  }
  if (!val.isPoison())
    error(expr->range, "type",
          str("expected a number that is known at compile time, found ",
              describe(val)));
  return std::nullopt;
}

/// One entry of a shape. An unknown letter is bound to a new size.
std::optional<Size> Sema::evalSize(const Expr *expr, bool bindLetters) {
  if (const auto *name = ast::dynCast<ast::NameExpr>(expr);
      name && !name->primed) {
    auto bound = frame->names.find(name->name);
    bool isNumber =
        bound != frame->names.end() &&
        (bound->second.val.kind == Val::Number || bound->second.val.isPoison());
    if (!isNumber) {
      auto letter = frame->letters.find(name->name);
      if (letter != frame->letters.end())
        return letter->second;
      if (bindLetters) {
        Size size(Poly::letter(model->sizes.make(
                      name->name, frame->rigidLetters, expr->range)),
                  name->name);
        frame->letters[name->name] = size;
        return size;
      }
    }
  }
  std::optional<Num> num = evalNumber(expr);
  if (!num)
    return std::nullopt;
  if (!num->exact) {
    error(expr->range, "size",
          num->problem.empty() ? str("a size must be a whole number, found ",
                                     num->real.value_or(0))
                               : str(written(expr), ": ", num->problem));
    return std::nullopt;
  }
  std::string spelling = ast::toString(expr);
  if (!spelling.empty() &&
      spelling.find_first_not_of("0123456789") == std::string::npos)
    spelling.clear();
  Size size(*num->exact, spelling);
  if (!checkSizeRange(size, expr->range))
    return std::nullopt;
  return size;
}

/// An expression as the text has it.
std::string Sema::written(const Expr *expr) const {
  std::string text(diags.getSources().text(expr->range));
  return text.empty() || text.size() > 40 ||
                 text.find('\n') != std::string::npos
             ? ast::toString(expr)
             : text;
}

/// What `C(W)` of a declared type says of axis C, which is `axis`. False after
/// a message.
bool Sema::settleOuter(const ast::TypeRef &ref, size_t i, int axis,
                       bool isNew) {
  const std::string &name = ref.axes[i].name;
  const ast::Ident &outer = ref.within[i];
  if (outer.name.empty()) {
    // Declared with (W) before: it needs the steps of W here too.
    int known = model->outerAxis(axis);
    if (known < 0 || block != &model->body || frame->caller)
      return true;
    for (size_t k = 0; k < ref.axes.size(); ++k)
      if (int other = findAxis(ref.axes[k].name);
          other >= 0 && model->rootAxis(other) == known)
        return true;
    if (Diagnostic *diagnostic =
            error(ref.axes[i].range, "axis",
                  str("the length of ", name, " depends on ",
                      model->axes[known].name, ", which the type has not")))
      diagnostic->note(model->axes[axis].place,
                       str("'", name, "' declared here"));
    return false;
  }
  int before = -1;
  for (size_t k = 0; k < i; ++k)
    if (ref.axes[k].name == outer.name)
      before = findAxis(outer.name);
  if (before < 0) {
    error(outer.range, "axis",
          str("'", outer.name, "' is not a time axis before '", name,
              "' in this type; write seq(", outer.name, ", ", name, "(",
              outer.name, "))"));
    return false;
  }
  if (model->outerAxis(before) >= 0 && model->outerAxis(axis) != before) {
    error(outer.range, "axis",
          str("the length of ", outer.name, " depends on ",
              model->axes[model->outerAxis(before)].name,
              " itself; lengths three deep are not built yet"));
    return false;
  }
  if (isNew)
    model->axes[axis].within = before;
  // What a definition declares is a wish: the axes are those it is given.
  if (isNew || frame->caller || model->outerAxis(axis) == before)
    return true;
  if (Diagnostic *diagnostic =
          error(ref.axes[i].range, "axis",
                str("the length of ", name, " does not depend on ",
                    outer.name, " where the axis is first named")))
    diagnostic->note(model->axes[axis].place,
                     str("'", name, "' declared here"));
  return false;
}

/// The type as declared; its axes are those the frame bound to the names.
std::optional<Type> Sema::evalType(const ast::TypeRef *ref, bool bindAxes) {
  Type type;
  if (!ref)
    return type;
  bool good = true;
  if (ref->isSeq) {
    std::vector<ast::Ident> names = ref->axes;
    if (names.empty())
      names.push_back({"T", ref->range});
    for (size_t i = 0; i < names.size(); ++i) {
      const ast::Ident &ident = names[i];
      int axis = findAxis(ident.name);
      bool isNew = axis < 0 && bindAxes;
      if (isNew) {
        axis = model->axes.size();
        model->axes.push_back({ident.name, -1, ident.range});
        frame->axes[ident.name] = axis;
      }
      if (axis >= 0 && i < ref->within.size() &&
          !settleOuter(*ref, i, axis, isNew)) {
        good = false;
        continue;
      }
      if (axis < 0) {
        error(ident.range, "axis", unknownAxis(ident.name));
        good = false;
      } else if (!type.hasAxis(axis)) {
        type.axes.push_back(axis);
      } else {
        error(ident.range, "axis",
              str("time axis '", ident.name, "' is named twice"));
        good = false;
      }
    }
    std::sort(type.axes.begin(), type.axes.end());
  }
  for (const Expr *expr : ref->shape) {
    std::optional<Size> size = evalSize(expr, true);
    if (size)
      type.shape.push_back(*size);
    else
      good = false;
  }
  type.elem = ref->elem == ast::ElemKind::Int    ? hir::Elem::Int
              : ref->elem == ast::ElemKind::Bool ? hir::Elem::Bool
                                                 : hir::Elem::Real;
  if (ref->intSize) {
    if (std::optional<Size> size = evalSize(ref->intSize, true))
      type.range = *size;
    else
      good = false;
  }
  if (!good)
    return std::nullopt;
  return type;
}

std::optional<int64_t> Sema::intValue(const Val &val, SourceRange at,
                                      const char *what) {
  if (val.isPoison())
    return std::nullopt;
  if (val.kind == Val::Number) {
    if (val.number.exact) {
      if (auto value = model->sizes.value(*val.number.exact))
        return value;
      std::string name =
          model->sizes.print(model->sizes.normalize(*val.number.exact));
      if (Diagnostic *diagnostic =
              error(at, "no-size", str("size '", name, "' has no value")))
        diagnostic->help(str("give --set ", name, "=... or --data"));
      return std::nullopt;
    }
    if (val.number.real && std::floor(*val.number.real) == *val.number.real &&
        std::fabs(*val.number.real) < 1e15)
      return int64_t(*val.number.real);
  }
  error(at, "type",
        str(what,
            " must be a whole number known at compile time"
            ", found ",
            describe(val)));
  return std::nullopt;
}
