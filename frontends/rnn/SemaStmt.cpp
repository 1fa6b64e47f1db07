//===- SemaStmt.cpp - Statements of a body --------------------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/SemaImpl.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::sema;

/// What a body defines, so that a use before the equation can name its line.
void Sema::collectNames(const ast::Block *body) {
  if (!body)
    return;
  for (const ast::Stmt *stmt : body->stmts) {
    if (const auto *equation = ast::dynCast<ast::EquationStmt>(stmt)) {
      for (const ast::Ident &ident : equation->names)
        frame->later.emplace(ident.name, ident.range);
    } else if (const auto *update = ast::dynCast<ast::UpdateStmt>(stmt)) {
      frame->later.emplace(update->ident.name + "'", update->ident.range);
    } else if (const auto *decl = ast::dynCast<ast::DeclStmt>(stmt)) {
      for (const ast::DeclGroup &group : decl->groups)
        for (const ast::Ident &ident : group.names)
          frame->later.emplace(ident.name, ident.range);
    } else if (const auto *branches = ast::dynCast<ast::IfStmt>(stmt)) {
      for (const ast::IfStmt::Branch &branch : branches->branches)
        collectNames(branch.body);
      collectNames(branches->otherwise);
    }
  }
}

void Sema::runBlock(const ast::Block *body) {
  if (!body)
    return;
  for (const ast::Stmt *stmt : body->stmts) {
    if (!spend(stmt->range))
      return;
    runStmt(stmt);
  }
}

void Sema::runStmt(const ast::Stmt *stmt) {
  bool isModel = frame->def->kind == ast::DefKind::Model;
  auto onlyModel = [&](const char *what) {
    if (isModel)
      return true;
    error(stmt->range, "statement",
          str("'", what, "' belongs into a model, not into ",
              ast::describe(frame->def->kind), " '", frame->def->ident.name,
              "'"));
    return false;
  };
  switch (stmt->kind) {
  case ast::StmtKind::Decl:
    return runDecl(ast::cast<ast::DeclStmt>(stmt));
  case ast::StmtKind::Equation:
    return runEquation(ast::cast<ast::EquationStmt>(stmt));
  case ast::StmtKind::Update:
    return runUpdate(ast::cast<ast::UpdateStmt>(stmt));
  case ast::StmtKind::For:
    return runFor(ast::cast<ast::ForStmt>(stmt));
  case ast::StmtKind::If:
    return runIf(ast::cast<ast::IfStmt>(stmt));
  case ast::StmtKind::Output:
    if (onlyModel("output"))
      runOutput(ast::cast<ast::OutputStmt>(stmt));
    return;
  case ast::StmtKind::Loss: {
    const auto *loss = ast::cast<ast::LossStmt>(stmt);
    if (onlyModel(loss->isMetric ? "metric" : "loss"))
      runLoss(loss);
    return;
  }
  case ast::StmtKind::Predict:
    if (onlyModel("predict"))
      runPredict(ast::cast<ast::PredictStmt>(stmt));
    return;
  case ast::StmtKind::Options: {
    const auto *block = ast::cast<ast::OptionsStmt>(stmt);
    if (onlyModel(block->isSample ? "sample" : "train"))
      runOptions(block);
    return;
  }
  }
}

//===----------------------------------------------------------------------===//
// Declarations
//===----------------------------------------------------------------------===//

void Sema::runDecl(const ast::DeclStmt *stmt) {
  ast::DefKind kind = frame->def->kind;
  bool isModel = kind == ast::DefKind::Model;
  const char *wrong = nullptr;
  switch (stmt->declKind) {
  case ast::DeclKind::State:
    if (kind != ast::DefKind::Cell)
      wrong = "only a cell has states";
    break;
  case ast::DeclKind::Param:
  case ast::DeclKind::Fixed:
    if (kind == ast::DefKind::Fn)
      wrong = "a function has no parameters; make it a layer";
    break;
  case ast::DeclKind::Input:
  case ast::DeclKind::Target:
    if (!isModel)
      wrong = "only a model has inputs and targets in its body";
    break;
  }
  if (wrong)
    error(stmt->range, "statement", wrong);
  for (const ast::DeclGroup &group : stmt->groups)
    for (const ast::Ident &ident : group.names) {
      if (auto it = frame->names.find(ident.name); it != frame->names.end()) {
        if (Diagnostic *diagnostic =
                error(ident.range, "defined",
                      str("'", ident.name, "' is already defined")))
          diagnostic->note(it->second.place, "defined here before");
        continue;
      }
      if (wrong) {
        Binding binding;
        binding.place = ident.range;
        frame->names[ident.name] = binding;
        continue;
      }
      switch (stmt->declKind) {
      case ast::DeclKind::State:
        declareState(group, ident);
        break;
      case ast::DeclKind::Param:
      case ast::DeclKind::Fixed:
        declareParam(group, ident, stmt->declKind == ast::DeclKind::Fixed);
        break;
      case ast::DeclKind::Input:
      case ast::DeclKind::Target:
        declareInput(group, ident, stmt->declKind == ast::DeclKind::Target);
        break;
      }
    }
}

void Sema::declareState(const ast::DeclGroup &group, const ast::Ident &ident) {
  Binding binding;
  binding.kind = Binding::State;
  binding.place = ident.range;
  StateVar state;
  state.name = ident.name;
  state.place = ident.range;
  std::optional<Type> declared = evalType(group.type, false);
  // Poison still counts as a state, so that its equation is no second error.
  frame->names[ident.name] = binding;
  frame->later.erase(ident.name);
  if (!declared)
    return;
  state.type = *declared;
  state.type.batch = true;
  for (int a : frame->lifted)
    if (!state.type.hasAxis(a))
      state.type.axes.push_back(a);
  std::sort(state.type.axes.begin(), state.type.axes.end());

  // A start given at the application, here or further out by path.
  const std::pair<Val, SourceRange> *given = nullptr;
  for (Frame *at = frame; at && !given; at = at->caller) {
    if (!at->paths || !frame->paths)
      continue;
    const std::string &outer = at->paths->path, &inner = frame->paths->path;
    std::string relative;
    if (at == frame)
      relative = ident.name;
    else if (inner.size() > outer.size() && inner.starts_with(outer))
      relative =
          inner.substr(outer.empty() ? 0 : outer.size() + 1) + "." + ident.name;
    else
      continue;
    if (auto it = at->inits.find(relative); it != at->inits.end()) {
      given = &it->second;
      at->usedInits.insert(relative);
    }
  }
  Node *init = nullptr;
  bool hasInit = given || group.init;
  SourceRange at = given        ? given->second
                   : group.init ? group.init->range
                                : ident.range;
  if (frame->isStep && !given) {
    error(frame->applied, "state",
          str("'step' needs the value of state '", ident.name, "'; write ",
              ident.name, " = ..."));
    return;
  }
  hir::Block *outer = block->scan && !frame->isStep ? block->parent : block;
  if (hasInit) {
    Saved<hir::Block *> in(block, outer);
    Saved<std::string> what(early, str("the start of '", ident.name, "'"));
    Val val = given ? given->first : eval(group.init);
    init = toReal(toTensor(val, at), at);
    if (state.type.elem != hir::Elem::Real && init)
      init = toTensor(val, at);
    if (!init)
      return;
    bool fits = init->type.shape.empty() ||
                init->type.shape.size() == state.type.shape.size();
    for (size_t i = 0; fits && i < init->type.shape.size(); ++i)
      fits = init->type.shape[i].stretch ||
             unifySize(state.type.shape[i], init->type.shape[i]);
    if (!fits) {
      Type own = init->type;
      own.axes.clear();
      if (Diagnostic *diagnostic =
              error(at, "size",
                    str("state '", ident.name, "' is ",
                        hir::describeShape(model->sizes, state.type.shape),
                        ", it starts from ", hir::describeType(*model, own))))
        diagnostic->note(ident.range, str("'", ident.name, "' declared here"));
      return;
    }
    for (int a : init->type.axes)
      if (!state.type.hasAxis(a))
        state.type.axes.push_back(a);
    std::sort(state.type.axes.begin(), state.type.axes.end());
    init = expandTo(init, state.type, at);
    if (!init)
      return;
  }
  if (frame->isStep) {
    binding.val = Val::of(init);
  } else {
    if (!block->scan) {
      error(ident.range, "state", "a state needs a time axis to run along");
      return;
    }
    state.scan = block->scan;
    std::string path =
        frame->paths ? frame->paths->join(ident.name) : ident.name;
    Node *old = advance(path, init, state.type, ident.range, state.index);
    if (!old)
      return;
    binding.val = Val::of(old);
  }
  frame->names[ident.name] = binding;
  frame->states.push_back(state);
}

/// The letters an expression of a type mentions.
static void lettersOf(const Expr *expr, std::set<std::string> &into) {
  if (!expr)
    return;
  if (const auto *name = ast::dynCast<ast::NameExpr>(expr))
    into.insert(name->name);
  if (const auto *binary = ast::dynCast<ast::BinaryExpr>(expr)) {
    lettersOf(binary->lhs, into);
    lettersOf(binary->rhs, into);
  }
  if (const auto *unary = ast::dynCast<ast::UnaryExpr>(expr))
    lettersOf(unary->operand, into);
}

void Sema::declareParam(const ast::DeclGroup &group, const ast::Ident &ident,
                        bool fixed) {
  Binding binding;
  binding.kind = Binding::Param;
  binding.place = ident.range;
  frame->names[ident.name] = binding;
  frame->later.erase(ident.name);
  std::optional<Type> type = evalType(group.type, false);
  if (!type)
    return;
  if (!type->axes.empty() || type->elem != hir::Elem::Real) {
    error(group.type->range, "type",
          str("parameter '", ident.name, "' must be real, without time"));
    return;
  }
  std::string name = ident.name;
  for (int64_t i : frame->loops)
    name += "." + std::to_string(i);
  Instance *instance = frame->instance.get();
  if (instance) {
    std::set<std::string> letters;
    for (const Expr *expr : group.type->shape)
      lettersOf(expr, letters);
    for (const std::string &letter : letters)
      if (auto it = frame->letters.find(letter); it != frame->letters.end())
        instance->letters[letter] = it->second;
  }
  int64_t index = -1;
  if (instance && instance->params.count(name)) {
    index = instance->params[name];
  } else {
    index = model->params.size();
    hir::Param &param = model->params.emplace_back();
    param.name = frame->paths->join(name);
    param.type = *type;
    param.fixed = fixed;
    param.place = ident.range;
    if (instance)
      param.owner = instance->place;
    if (instance)
      instance->params[name] = index;
    paramUse.emplace(ident.range.begin.getRaw(),
                     std::make_pair(ident.name, false));
    Saved<hir::Block *> in(block, &param.initBlock);
    Saved<const hir::Type *> shape(initType, &param.type);
    Val val;
    SourceRange at = group.init ? group.init->range : ident.range;
    if (group.init)
      val = eval(group.init);
    else if (type->shape.size() >= 2)
      val = initDraw("glorot_uniform", 1, at);
    else
      val = Val::of(0.0);
    Node *init = toReal(toTensor(val, at), at);
    if (init) {
      bool fits = init->type.shape.empty() ||
                  init->type.shape.size() == type->shape.size();
      for (size_t i = 0; fits && i < init->type.shape.size(); ++i)
        fits = init->type.shape[i].stretch ||
               unifySize(type->shape[i], init->type.shape[i]);
      if (init->block != &param.initBlock)
        error(at, "order",
              "an initial value is made of numbers and draws only");
      else if (!fits)
        error(at, "size",
              str("parameter '", ident.name, "' is ",
                  hir::describeShape(model->sizes, type->shape),
                  ", its initial value is ", shapeOf(init->type)));
      else
        param.init = expandTo(init, param.type, at);
    }
  }
  Saved<hir::Block *> top(block, &model->body);
  Saved<const hir::Type *> noInit(initType, nullptr);
  Node *node = make(Op::Param, model->params[index].type, {}, ident.range);
  if (!node)
    return;
  node->index = index;
  frame->names[ident.name].val = Val::of(node);
}

void Sema::declareInput(const ast::DeclGroup &group, const ast::Ident &ident,
                        bool target) {
  Binding binding;
  binding.kind = Binding::Input;
  binding.place = ident.range;
  frame->names[ident.name] = binding;
  frame->later.erase(ident.name);
  if (group.init)
    error(group.init->range, "statement",
          str("'", ident.name, "' comes from the data; it has no value here"));
  std::optional<Type> type = evalType(group.type, true);
  if (!type)
    return;
  type->batch = true;
  hir::Input input;
  input.name = ident.name;
  input.type = *type;
  input.target = target;
  input.place = ident.range;
  model->inputs.push_back(input);
  Saved<hir::Block *> top(block, &model->body);
  Node *node = make(Op::Input, *type, {}, ident.range);
  if (!node)
    return;
  node->index = model->inputs.size() - 1;
  node->text = ident.name;
  frame->names[ident.name].val = Val::of(node);
}

//===----------------------------------------------------------------------===//
// Equations
//===----------------------------------------------------------------------===//

/// Remembers what an equation defines, for those who want to see it.
void Sema::keepName(const ast::Ident &ident, const Val &val,
                    SourceRange value) {
  if (val.kind != Val::Tensor)
    return;
  hir::NamedValue named;
  named.name = ident.name;
  for (int64_t i : frame->loops)
    named.name += "." + std::to_string(i);
  named.instance = frame->paths ? frame->paths->path : "";
  named.local = frame->def && frame->def->kind == ast::DefKind::Fn;
  named.node = val.node;
  named.place = ident.range;
  named.value = value;
  model->named.push_back(std::move(named));
}

void Sema::define(const ast::Ident &ident, Val val, SourceRange value) {
  if (auto it = frame->names.find(ident.name); it != frame->names.end()) {
    Diagnostic *diagnostic = error(
        ident.range, "defined", str("'", ident.name, "' is already defined"));
    if (diagnostic) {
      diagnostic->note(it->second.place, "defined here before");
      if (it->second.kind == Binding::State ||
          it->second.depth < frame->loops.size())
        diagnostic->help(
            str("write ", ident.name, "' = ... to give it a new value"));
    }
    return;
  }
  nameInstances(val, ident.name);
  keepName(ident, val, value);
  Binding binding;
  binding.val = std::move(val);
  binding.place = ident.range;
  binding.depth = frame->loops.size();
  frame->names[ident.name] = std::move(binding);
  frame->later.erase(ident.name);
}

void Sema::runEquation(const ast::EquationStmt *stmt) {
  hir::Block *where = stmt->once && block->scan ? block->parent : block;
  Val val;
  {
    Saved<hir::Block *> in(block, where);
    Saved<std::string> what(early, stmt->once ? "'once'" : early);
    val = eval(stmt->value);
    if (stmt->once && val.kind == Val::Result)
      val = Val::of(toTensor(val, stmt->range));
    // An existing value must be moved out as well.
    if (stmt->once && val.kind == Val::Tensor) {
      std::string culprit;
      if (!hoist(val.node, block, culprit)) {
        error(stmt->value->range, "order",
              str("'once' reads '", culprit, "', which changes at each step"));
        val = poison();
      }
    }
  }
  if (stmt->names.size() == 1)
    return define(stmt->names[0], std::move(val), stmt->value->range);
  std::vector<Val> parts;
  if (val.kind == Val::Tuple || val.kind == Val::List) {
    parts = val.items;
  } else if (val.kind == Val::Result) {
    for (const ast::Ident &out : val.result->def->outs)
      parts.push_back(
          member(val, {out.name, stmt->value->range}, stmt->value->range));
  } else if (!val.isPoison()) {
    parts.push_back(val);
  }
  if (!val.isPoison() && parts.size() != stmt->names.size())
    error(
        stmt->range, "count",
        str("expected ", stmt->names.size(), " values, found ", parts.size()));
  bool fits = parts.size() == stmt->names.size();
  for (size_t i = 0; i < stmt->names.size(); ++i)
    define(stmt->names[i], fits ? parts[i] : poison(), stmt->value->range);
}

void Sema::runUpdate(const ast::UpdateStmt *stmt) {
  Val val = eval(stmt->value);
  const std::string &name = stmt->ident.name;
  frame->later.erase(name + "'");
  auto it = frame->names.find(name);
  if (it == frame->names.end()) {
    std::vector<std::string> states;
    for (const auto &[key, binding] : frame->names)
      if (binding.kind == Binding::State)
        states.push_back(key);
    std::string close = nearest(name, states);
    Diagnostic *diagnostic =
        error(stmt->ident.range, "unknown", str("unknown state '", name, "'"));
    if (diagnostic && !close.empty())
      diagnostic->help(str("did you mean '", close, "'?"));
    return;
  }
  bool isState = it->second.kind == Binding::State;
  if (!isState &&
      (frame->loops.empty() || it->second.depth >= frame->loops.size())) {
    error(stmt->ident.range, "state",
          str("'", name, "' is not a state",
              frame->loops.empty() ? ""
                                   : " and not defined outside of this loop"));
    return;
  }
  if (auto old = frame->next.find(name); old != frame->next.end()) {
    if (Diagnostic *diagnostic =
            error(stmt->ident.range, "state",
                  str(isState ? "state '" : "'", name, "' has two equations")))
      diagnostic->note(old->second.second, "the first is here");
    return;
  }
  if (val.kind == Val::Result)
    if (Node *node = toTensor(val, stmt->value->range); !node)
      val = poison();
  if (!isState)
    keepName(stmt->ident, val, stmt->value->range);
  frame->next[name] = {val, stmt->ident.range};
}

//===----------------------------------------------------------------------===//
// Static control
//===----------------------------------------------------------------------===//

bool Sema::staticRange(const Expr *from, const Expr *to, int64_t &first,
                       int64_t &last) {
  std::optional<int64_t> a = intValue(eval(from), from->range, "a bound"),
                         b = intValue(eval(to), to->range, "a bound");
  if (!a || !b)
    return false;
  first = *a;
  last = *b;
  if (last - first > 10000) {
    error(to->range, "size",
          str("a loop of ", last - first,
              " turns is unrolled; the most is 10000"));
    return false;
  }
  return true;
}

void Sema::runFor(const ast::ForStmt *stmt) {
  int64_t first, last;
  bool good = staticRange(stmt->from, stmt->to, first, last);
  if (good && frame->names.count(stmt->variable.name)) {
    error(stmt->variable.range, "defined",
          str("'", stmt->variable.name, "' is already defined"));
    good = false;
  }
  if (!good) {
    // What the loop would have updated is unknown now.
    for (const ast::Stmt *inner : stmt->body->stmts)
      if (const auto *update = ast::dynCast<ast::UpdateStmt>(inner)) {
        auto it = frame->names.find(update->ident.name);
        if (it == frame->names.end())
          continue;
        if (it->second.kind == Binding::State)
          frame->next[update->ident.name] = {poison(), update->ident.range};
        else
          it->second.val = poison();
      }
    return;
  }
  for (int64_t i = first; i < last; ++i) {
    frame->loops.push_back(i);
    Binding binding;
    binding.kind = Binding::Loop;
    binding.place = stmt->variable.range;
    binding.depth = frame->loops.size();
    Num num;
    num.exact = Poly(i);
    num.real = double(i);
    binding.val = Val::of(num);
    frame->names[stmt->variable.name] = binding;
    runBlock(stmt->body);
    // Ordinary names take their new values; names of this turn go.
    for (auto it = frame->next.begin(); it != frame->next.end();) {
      auto name = frame->names.find(it->first);
      if (name != frame->names.end() && name->second.kind != Binding::State) {
        name->second.val = it->second.first;
        it = frame->next.erase(it);
      } else {
        ++it;
      }
    }
    std::erase_if(frame->names, [&](const auto &entry) {
      return entry.second.depth >= frame->loops.size();
    });
    frame->loops.pop_back();
    if (outOfWork)
      return;
  }
}

std::optional<bool> Sema::staticCondition(const Expr *expr) {
  Val val = eval(expr);
  if (val.kind == Val::Bool)
    return val.flag;
  if (val.kind == Val::Number && val.number.real)
    return *val.number.real != 0;
  if (!val.isPoison())
    if (Diagnostic *diagnostic =
            error(expr->range, "static",
                  str("'if' needs a condition that is known at compile time, "
                      "found ",
                      describe(val))))
      diagnostic->help("where(c, a, b) chooses between values");
  return std::nullopt;
}

/// Names of a branch of which nobody knows whether it is taken: a definition
/// that is checked alone, or a condition with an error. Nothing is said about
/// what is made from them.
void Sema::leaveUndecided(const ast::Block *body) {
  if (!body)
    return;
  auto leave = [&](const ast::Ident &ident, Binding::Kind kind) {
    Binding binding;
    binding.kind = kind;
    binding.place = ident.range;
    binding.depth = frame->loops.size();
    frame->names.try_emplace(ident.name, binding);
    frame->later.erase(ident.name);
  };
  for (const ast::Stmt *stmt : body->stmts) {
    if (const auto *equation = ast::dynCast<ast::EquationStmt>(stmt)) {
      for (const ast::Ident &ident : equation->names)
        leave(ident, Binding::Local);
    } else if (const auto *update = ast::dynCast<ast::UpdateStmt>(stmt)) {
      frame->later.erase(update->ident.name + "'");
      frame->next.try_emplace(update->ident.name,
                              std::make_pair(poison(), update->ident.range));
    } else if (const auto *decl = ast::dynCast<ast::DeclStmt>(stmt)) {
      Binding::Kind kind = decl->declKind == ast::DeclKind::State
                               ? Binding::State
                               : Binding::Local;
      for (const ast::DeclGroup &group : decl->groups)
        for (const ast::Ident &ident : group.names)
          leave(ident, kind);
    } else if (const auto *inner = ast::dynCast<ast::IfStmt>(stmt)) {
      for (const ast::IfStmt::Branch &branch : inner->branches)
        leaveUndecided(branch.body);
      leaveUndecided(inner->otherwise);
    }
  }
}

void Sema::runIf(const ast::IfStmt *stmt) {
  for (const ast::IfStmt::Branch &branch : stmt->branches) {
    std::optional<bool> condition = staticCondition(branch.condition);
    if (!condition) {
      for (const ast::IfStmt::Branch &open : stmt->branches)
        leaveUndecided(open.body);
      return leaveUndecided(stmt->otherwise);
    }
    if (*condition)
      return runBlock(branch.body);
  }
  runBlock(stmt->otherwise);
}
