//===- Sema.cpp - From the tree of a text to a typed graph ----------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Messages, the choice of the model, and the checks that come before and after
// the walk.
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/SemaImpl.h"

#include <algorithm>
#include <cmath>

using namespace rnnc;
using namespace rnnc::sema;

//===----------------------------------------------------------------------===//
// Messages
//===----------------------------------------------------------------------===//

/// Says an error once per place. Where the text of a definition is at fault, a
/// note says where it was applied. Null if it was said before.
Diagnostic *Sema::error(SourceRange at, const char *id, std::string message) {
  // Sizes may stay letters in a check, and in a definition that no model uses:
  // what hangs on their values is not looked at.
  Frame *root = frame;
  while (root && root->caller)
    root = root->caller;
  bool isAlone = root && root->def && root->def->kind != ast::DefKind::Model;
  if (std::string_view(id) == "no-size" && (!options.needSizes || isAlone))
    return nullptr;
  ++errors;
  if (!said.insert({at.begin.getRaw(), message}).second)
    return nullptr;
  Diagnostic &diagnostic = diags.error(at, id, std::move(message));
  const SourceFile *file = diags.getSources().fileOf(at.begin);
  int notes = 0;
  for (Frame *f = frame; f && notes < 3; f = f->caller) {
    if (!f->applied.isValid() || !f->def ||
        f->applied == f->def->ident.range) // checked alone
      continue;
    // Only applications whose text holds the fault.
    if (at.begin < f->def->range.begin || at.begin > f->def->range.end)
      continue;
    if (diags.getSources().fileOf(f->applied.begin) != file || notes == 0)
      diagnostic.note(f->applied,
                      str("'", f->def->ident.name, "' is applied here"));
    ++notes;
  }
  return &diagnostic;
}

std::string Sema::describe(const Val &val) const {
  switch (val.kind) {
  case Val::Poison:
    return "nothing";
  case Val::Tensor:
    return hir::describeType(*model, val.node->type);
  case Val::Number:
    if (val.number.exact)
      return str("the number ",
                 model->sizes.print(model->sizes.normalize(*val.number.exact)));
    return val.number.real ? str("the number ", *val.number.real) : "a number";
  case Val::Bool:
    return val.flag ? "'true'" : "'false'";
  case Val::String:
    return "a string";
  case Val::Function:
    return str("function '", val.def ? val.def->ident.name : val.text, "'");
  case Val::Definition:
    return str(ast::describe(val.def->kind), " '", val.def->ident.name, "'");
  case Val::Instance:
    return str("an instance of ", ast::describe(val.instance->def->kind), " '",
               val.instance->def->ident.name, "'");
  case Val::List:
    return "a list";
  case Val::Tuple:
    return str(val.items.size(), " values");
  case Val::Result:
    return "a value";
  case Val::Reduced:
    return "a reduced loss or metric";
  case Val::Stretch:
    return "'_'";
  }
  return "";
}

void Sema::noteDeclared(Diagnostic *diagnostic, const Expr *expr,
                        const Node *node) {
  const auto *name = expr ? ast::dynCast<ast::NameExpr>(expr) : nullptr;
  if (!diagnostic || !name || name->primed || !node)
    return;
  auto it = frame->names.find(name->name);
  if (it == frame->names.end() || !it->second.place.isValid())
    return;
  bool declared = it->second.kind != Binding::Local;
  diagnostic->note(it->second.place,
                   str("'", name->name, "' ", declared ? "declared" : "defined",
                       " here with shape ", shapeOf(node->type)));
}

std::optional<std::string> Sema::suggestion(const std::string &name) const {
  std::vector<std::string> names = builtinNames();
  for (const auto &[key, binding] : frame->names)
    names.push_back(key);
  for (const auto &[key, letter] : frame->letters)
    names.push_back(key);
  if (frame->def && frame->def->unit)
    for (const ast::Definition *def : program.visible(*frame->def->unit))
      names.push_back(def->ident.name);
  std::string close = nearest(name, names);
  if (close.empty())
    return std::nullopt;
  return close;
}

Val Sema::unknownName(SourceRange at, const std::string &name) {
  Diagnostic *diagnostic =
      error(at, "unknown", str("unknown name '", name, "'"));
  if (!diagnostic)
    return poison();
  if (std::optional<std::string> close = suggestion(name))
    diagnostic->help(str("did you mean '", *close, "'?"));
  else if (frame->axes.count(name))
    diagnostic->help(str("'", name, "' is a time axis; pos(", name,
                         ") and length(", name, ") are values"));
  return poison();
}

/// The graph of a text of moderate size is finite; one that doubles at each
/// application is not worth waiting for.
bool Sema::spend(SourceRange at, uint64_t amount) {
  constexpr uint64_t most = 2'000'000;
  if (outOfWork)
    return false;
  work += amount;
  if (work <= most)
    return true;
  outOfWork = true;
  error(at, "size", "the model unrolls to more than two million operations");
  return false;
}

const ast::Definition *Sema::findDefinition(const std::string &name) const {
  const ast::SourceUnit *unit =
      frame->def && frame->def->unit ? frame->def->unit : &program.main();
  std::string wanted = name;
  for (const auto &[from, to] : options.cells) {
    if (name != from)
      continue;
    // The new one is what the spec means by its name. Inside the new one the
    // old one stays: it may be built from it.
    const ast::Definition *now = program.lookup(program.main(), to);
    bool inside = false;
    for (const Frame *f = frame; f; f = f->caller)
      inside |= f->def && f->def == now;
    if (!inside) {
      unit = &program.main();
      wanted = to;
    }
  }
  return program.lookup(*unit, wanted);
}

//===----------------------------------------------------------------------===//
// Recursion between definitions
//===----------------------------------------------------------------------===//

namespace {
/// Collects the names an expression or body refers to and those it defines.
struct NameWalk {
  std::vector<const ast::NameExpr *> uses;
  std::set<std::string> locals;

  void walk(const Expr *expr) {
    if (!expr)
      return;
    switch (expr->kind) {
    case ast::ExprKind::Name:
      uses.push_back(ast::cast<ast::NameExpr>(expr));
      return;
    case ast::ExprKind::List:
      for (const Expr *e : ast::cast<ast::ListExpr>(expr)->elements)
        walk(e);
      return;
    case ast::ExprKind::Comprehension:
      walk(ast::cast<ast::ComprehensionExpr>(expr)->body);
      return;
    case ast::ExprKind::Unary:
      return walk(ast::cast<ast::UnaryExpr>(expr)->operand);
    case ast::ExprKind::Binary:
      walk(ast::cast<ast::BinaryExpr>(expr)->lhs);
      return walk(ast::cast<ast::BinaryExpr>(expr)->rhs);
    case ast::ExprKind::Pipe:
      walk(ast::cast<ast::PipeExpr>(expr)->value);
      return walk(ast::cast<ast::PipeExpr>(expr)->target);
    case ast::ExprKind::Call: {
      const auto *call = ast::cast<ast::CallExpr>(expr);
      walk(call->callee);
      for (const ast::Argument &arg : call->args)
        walk(arg.value);
      return;
    }
    case ast::ExprKind::Index: {
      const auto *index = ast::cast<ast::IndexExpr>(expr);
      walk(index->base);
      for (const ast::Index &i : index->indices) {
        walk(i.at);
        walk(i.from);
        walk(i.to);
      }
      return;
    }
    case ast::ExprKind::Member:
      return walk(ast::cast<ast::MemberExpr>(expr)->base);
    case ast::ExprKind::As:
      return walk(ast::cast<ast::AsExpr>(expr)->base);
    default:
      return;
    }
  }
  void walk(const ast::Block *body) {
    if (!body)
      return;
    for (const ast::Stmt *stmt : body->stmts) {
      if (const auto *s = ast::dynCast<ast::EquationStmt>(stmt)) {
        for (const ast::Ident &ident : s->names)
          locals.insert(ident.name);
        walk(s->value);
      } else if (const auto *s = ast::dynCast<ast::UpdateStmt>(stmt)) {
        walk(s->value);
      } else if (const auto *s = ast::dynCast<ast::DeclStmt>(stmt)) {
        for (const ast::DeclGroup &group : s->groups) {
          for (const ast::Ident &ident : group.names)
            locals.insert(ident.name);
          walk(group.init);
        }
      } else if (const auto *s = ast::dynCast<ast::ForStmt>(stmt)) {
        locals.insert(s->variable.name);
        walk(s->body);
      } else if (const auto *s = ast::dynCast<ast::IfStmt>(stmt)) {
        for (const ast::IfStmt::Branch &branch : s->branches)
          walk(branch.body);
        walk(s->otherwise);
      }
    }
  }
};
} // namespace

/// "cells call each other: 'A' -> 'B' -> 'A'".
static bool findCycles(const Program &program, DiagnosticEngine &diags) {
  std::map<const ast::Definition *, std::vector<const ast::Definition *>> edges;
  std::vector<const ast::Definition *> all;
  for (const auto &unit : program.units)
    for (const ast::Definition *def : unit->definitions) {
      all.push_back(def);
      NameWalk walk;
      walk.walk(def->body);
      walk.walk(def->value);
      for (const ast::StaticParam &param : def->statics) {
        walk.locals.insert(param.ident.name);
        walk.walk(param.defaultValue);
      }
      for (const ast::InputParam &input : def->inputs)
        walk.locals.insert(input.ident.name);
      for (const ast::NameExpr *use : walk.uses)
        if (!walk.locals.count(use->name))
          if (const ast::Definition *other = program.lookup(*unit, use->name))
            edges[def].push_back(other);
    }
  std::map<const ast::Definition *, int> colour;
  bool found = false;
  for (const ast::Definition *root : all) {
    if (colour[root])
      continue;
    // Depth first, with its own stack.
    std::vector<std::pair<const ast::Definition *, size_t>> stack = {{root, 0}};
    colour[root] = 1;
    while (!stack.empty()) {
      auto &[def, next] = stack.back();
      if (next == edges[def].size()) {
        colour[def] = 2;
        stack.pop_back();
        continue;
      }
      const ast::Definition *to = edges[def][next++];
      if (colour[to] == 0) {
        colour[to] = 1;
        stack.push_back({to, 0});
      } else if (colour[to] == 1) {
        found = true;
        size_t from = 0;
        while (stack[from].first != to)
          ++from;
        std::string path;
        bool cells = true, fns = true;
        for (size_t i = from; i < stack.size(); ++i) {
          path += "'" + stack[i].first->ident.name + "' -> ";
          cells &= stack[i].first->kind == ast::DefKind::Cell;
          fns &= stack[i].first->kind == ast::DefKind::Fn;
        }
        path += "'" + to->ident.name + "'";
        diags.error(to->ident.range, "recursion",
                    str(cells ? "cells"
                        : fns ? "functions"
                              : "definitions",
                        " call each other: ", path));
      }
    }
  }
  return found;
}

//===----------------------------------------------------------------------===//
// The walk
//===----------------------------------------------------------------------===//

bool Sema::inLibrary(SourceRange at) const {
  const SourceFile *file = diags.getSources().fileOf(at.begin);
  for (const auto &unit : program.units)
    if (unit->isLibrary && unit->file == file)
      return true;
  return false;
}

std::unique_ptr<hir::Model> Sema::run() {
  model = std::make_unique<hir::Model>();
  if (findCycles(program, diags))
    return nullptr;
  const ast::Definition *chosen = nullptr;
  std::vector<const ast::Definition *> models;
  for (const ast::Definition *def : program.main().definitions)
    if (def->kind == ast::DefKind::Model)
      models.push_back(def);
  if (!options.model.empty()) {
    std::vector<std::string> names;
    for (const ast::Definition *def : models) {
      names.push_back(def->ident.name);
      if (def->ident.name == options.model)
        chosen = def;
    }
    if (!chosen) {
      std::string close = nearest(options.model, names);
      Diagnostic &diagnostic = diags.error(
          {}, "unknown", str("no model '", options.model, "' in the spec"));
      if (!close.empty())
        diagnostic.help(str("did you mean '", close, "'?"));
      return nullptr;
    }
  } else if (models.size() == 1) {
    chosen = models.front();
  } else if (models.size() > 1 && options.needSizes) {
    std::string names;
    for (const ast::Definition *def : models)
      names += (names.empty() ? "" : ", ") + def->ident.name;
    diags.error(models[1]->ident.range, "model",
                str("the spec has ", models.size(), " models (", names,
                    "); choose one with --model"));
    return nullptr;
  }
  for (const auto &[from, to] : options.cells) {
    Frame outside;
    const ast::Definition *old = program.lookup(program.main(), from);
    const ast::Definition *now = program.lookup(program.main(), to);
    if (!old || !now) {
      const std::string &missing = old ? to : from;
      Frame empty;
      Saved<Frame *> in(frame, &empty);
      std::vector<std::string> names;
      for (const ast::Definition *def : program.visible(program.main()))
        if (def->kind == ast::DefKind::Cell)
          names.push_back(def->ident.name);
      std::string close = nearest(missing, names);
      Diagnostic &diagnostic = diags.error(
          {}, "unknown",
          str("--cell=", from, "=", to, ": unknown cell '", missing, "'"));
      if (!close.empty())
        diagnostic.help(str("did you mean '", close, "'?"));
      return nullptr;
    }
  }
  unsigned before = diags.errorCount();
  if (chosen)
    runModel(chosen);
  std::unique_ptr<hir::Model> result;
  bool good = chosen && !errors && diags.errorCount() == before;
  if (chosen)
    result = std::move(model);
  if (options.checkAll) {
    for (const ast::Definition *def : program.main().definitions) {
      if (def == chosen || reached.count(def))
        continue;
      model = std::make_unique<hir::Model>();
      stateNames.clear();
      work = 0;
      outOfWork = false;
      if (def->kind == ast::DefKind::Model)
        runModel(def);
      else
        checkAlone(def);
    }
  }
  // What an error kept from being read is not unused.
  if (!errors && diags.errorCount() == before) {
    auto warn = [&](const auto &uses, const char *id, const char *what) {
      for (const auto &[place, use] : uses) {
        SourceRange at{SourceLoc(place),
                       SourceLoc(place + uint32_t(use.first.size()))};
        if (!use.second && !inLibrary(at))
          diags.warning(at, id, str(what, " '", use.first, "' is never used"));
      }
    };
    warn(paramUse, "unused-param", "parameter");
    warn(staticUse, "unused-size", "size");
  }
  if (!good || diags.errorCount() != before)
    return nullptr;
  return result;
}

void Sema::runModel(const ast::Definition *def) {
  Frame top;
  top.def = def;
  top.paths = std::make_shared<PathScope>();
  top.rigidLetters = true;
  reached.insert(def);
  model->name = def->ident.name;
  model->place = def->ident.range;
  model->stream = options.stream;
  Saved<Frame *> in(frame, &top);
  Saved<hir::Block *> inBlock(block, &model->body);
  for (const ast::StaticParam &param : def->statics) {
    const std::string &name = param.ident.name;
    hir::ModelSize size;
    size.name = name;
    size.place = param.ident.range;
    size.isSize = param.kind == ast::StaticKind::Size;
    Binding binding;
    binding.kind = Binding::Static;
    binding.place = param.ident.range;
    auto given = options.sets.find(name);
    bool whole = size.isSize || param.kind == ast::StaticKind::Int;
    if (given != options.sets.end()) {
      double value = given->second;
      if (whole && (std::floor(value) != value || std::fabs(value) > 1e15)) {
        error(param.ident.range, "size",
              str("'", name, "' must be a whole number, found ", value));
      } else if (size.isSize && value < 1) {
        error(param.ident.range, "size",
              str("a size must be at least 1, found ", name, "=", value));
      } else if (param.kind == ast::StaticKind::Bool) {
        binding.val = Val::ofBool(value != 0);
      } else {
        Num num;
        num.real = value;
        if (whole)
          num.exact = Poly(int64_t(value));
        binding.val = Val::of(num);
      }
      size.value = value;
    } else if (param.defaultValue) {
      binding.val = eval(param.defaultValue);
      if (binding.val.kind == Val::Number && binding.val.number.real)
        size.value = *binding.val.number.real;
      else if (binding.val.kind == Val::Number && binding.val.number.exact) {
        if (auto value = model->sizes.value(*binding.val.number.exact))
          size.value = double(*value);
      } else if (binding.val.kind == Val::Bool) {
        size.value = binding.val.flag;
      }
      if (size.isSize && binding.val.kind == Val::Number) {
        if (!binding.val.number.exact)
          error(param.defaultValue->range, "size",
                str("size '", name, "' must be a whole number"));
        else
          checkSizeRange(Size(*binding.val.number.exact, name),
                         param.defaultValue->range);
      }
    } else if (whole) {
      size.letter = model->sizes.make(name, true, param.ident.range);
      Num num;
      num.exact = Poly::letter(size.letter);
      binding.val = Val::of(num);
    } else {
      error(param.ident.range, "no-size", str("'", name, "' has no value"));
    }
    if (binding.val.kind == Val::Number)
      binding.val.number.spelling = name;
    if (size.isSize) {
      binding.use = param.ident.range.begin.getRaw();
      staticUse.emplace(binding.use, std::make_pair(name, false));
    }
    top.names[name] = binding;
    model->statics.push_back(size);
  }
  collectNames(def->body);
  runBlock(def->body);
  finish();
}

/// A definition that no model uses: its letters stand for any numbers.
void Sema::checkAlone(const ast::Definition *def) {
  // What depends on functions, lists or open loop bounds cannot be walked.
  for (const ast::StaticParam &param : def->statics)
    if (!param.defaultValue && param.kind != ast::StaticKind::Size &&
        param.kind != ast::StaticKind::Real)
      return;
  for (const ast::InputParam &input : def->inputs)
    if (!input.type && def->kind != ast::DefKind::Cell)
      return;
  bool isCell = def->kind == ast::DefKind::Cell;
  Frame top;
  top.def = def;
  top.paths = std::make_shared<PathScope>();
  top.rigidLetters = true;
  auto instance = std::make_shared<Instance>();
  instance->def = def;
  instance->outer = top.paths;
  instance->paths = top.paths;
  instance->place = def->ident.range;
  Saved<Frame *> in(frame, &top);
  Saved<hir::Block *> inBlock(block, &model->body);
  for (const ast::StaticParam &param : def->statics) {
    Val val;
    if (param.defaultValue) {
      val = eval(param.defaultValue);
    } else if (param.kind == ast::StaticKind::Real) {
      val = Val::of(0.5);
    } else {
      Num num;
      num.exact =
          Poly::letter(model->sizes.make(param.ident.name, true, param.range));
      val = Val::of(num);
    }
    if (val.isPoison())
      return;
    if (val.kind == Val::Number)
      val.number.spelling = param.ident.name;
    Binding binding;
    binding.kind = Binding::Static;
    binding.val = val;
    binding.place = param.ident.range;
    top.names[param.ident.name] = binding;
    instance->statics[param.ident.name] = val;
  }
  // Inputs of the declared types; a cell scans one more axis.
  int scanned = -1;
  if (isCell) {
    scanned = model->axes.size();
    model->axes.push_back({"time", -1, def->ident.range});
  }
  std::vector<Arg> args;
  for (const ast::InputParam &input : def->inputs) {
    std::optional<Type> type = evalType(input.type, true);
    if (!type)
      return;
    type->batch = true;
    if (scanned >= 0 && (!input.type || !input.type->isSeq)) {
      type->axes.push_back(scanned);
      std::sort(type->axes.begin(), type->axes.end());
    }
    Node *node = make(Op::Input, *type, {}, input.range);
    if (!node)
      return;
    hir::Input data;
    data.name = input.ident.name;
    data.type = *type;
    model->inputs.push_back(data);
    node->index = model->inputs.size() - 1;
    Arg arg;
    arg.val = Val::of(node);
    arg.place = input.range;
    arg.path = {input.ident.name};
    args.push_back(arg);
  }
  if (isCell && !args.empty()) {
    Node *node = args.front().val.node;
    if (!node->type.hasAxis(scanned))
      node->type.axes.push_back(scanned);
  }
  instance->letters = top.letters;
  top.names.clear();
  applyDefinition(def, def->kind == ast::DefKind::Fn ? nullptr : instance,
                  std::move(args), def->ident.range, false);
}

std::unique_ptr<hir::Model> rnnc::analyze(const Program &program,
                                          const SemaOptions &options,
                                          DiagnosticEngine &diags) {
  std::unique_ptr<hir::Model> model = Sema(program, options, diags).run();
  if (model && model->usesTraining && options.training) {
    SemaOptions evaluation = options;
    evaluation.training = false;
    evaluation.checkAll = false;
    model->evaluation = Sema(program, evaluation, diags).run();
    if (!model->evaluation)
      return nullptr;
    // Weights are found by name: a name must mean the same instance in both.
    std::map<std::string, SourceRange> owners;
    for (const hir::Param &param : model->params)
      owners[param.name] = param.owner;
    for (const hir::Param &param : model->evaluation->params)
      if (auto it = owners.find(param.name);
          it == owners.end() || it->second != param.owner) {
        diags
            .error(param.owner.isValid() ? param.owner : param.place, "static",
                   str("parameter '", param.name,
                       it == owners.end() ? "' exists in evaluation only"
                                          : "' is another one in training"))
            .help("bind the instance to a name outside of 'if training'");
        return nullptr;
      }
  }
  return model;
}
