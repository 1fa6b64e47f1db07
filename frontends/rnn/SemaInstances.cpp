//===- SemaInstances.cpp - Instances, their arguments and names -----------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `Name(n)` makes an instance. Its name is that of its binding, of the static
// parameter it is given to, or of its definition, and begins the paths of its
// parameters and states.
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/SemaImpl.h"

#include <functional>

using namespace rnnc;
using namespace rnnc::sema;

/// "1 size (n)", "2 arguments (n, p)".
static std::string describeStatics(const ast::Definition *def) {
  bool sizes = true;
  std::string names;
  for (const ast::StaticParam &param : def->statics) {
    sizes &= param.kind == ast::StaticKind::Size;
    names += (names.empty() ? "" : ", ") + param.ident.name;
  }
  size_t count = def->statics.size();
  std::string out = std::to_string(count);
  out += sizes ? " size" : " argument";
  if (count != 1)
    out += "s";
  if (count)
    out += " (" + names + ")";
  return out;
}

Val Sema::instantiate(const ast::Definition *def,
                      const std::vector<ast::Argument> &args, SourceRange at) {
  if (def->kind == ast::DefKind::Model) {
    error(at, "type",
          str("model '", def->ident.name,
              "' cannot be part of another definition"));
    return poison();
  }
  auto instance = std::make_shared<Instance>();
  instance->def = def;
  instance->place = at;
  instance->outer = frame->paths;
  for (int64_t i : frame->loops)
    instance->suffix += "." + std::to_string(i);
  std::vector<const ast::Argument *> given(def->statics.size(), nullptr);
  size_t position = 0, positional = 0;
  bool good = true;
  auto what = [&] {
    return str(ast::describe(def->kind), " '", def->ident.name, "'");
  };
  for (const ast::Argument &argument : args)
    positional += argument.path.empty();
  if (positional > def->statics.size()) {
    if (Diagnostic *diagnostic =
            error(at, "count",
                  str(what(), " takes ", describeStatics(def), ", found ",
                      positional)))
      diagnostic->note(def->ident.range,
                       str("'", def->ident.name, "' declared here"));
    return poison();
  }
  for (const ast::Argument &argument : args) {
    if (argument.path.empty()) {
      given[position++] = &argument;
      continue;
    }
    size_t i = 0;
    while (i < given.size() &&
           (argument.path.size() != 1 ||
            def->statics[i].ident.name != argument.path[0].name))
      ++i;
    if (i == given.size() || given[i]) {
      error(argument.path[0].range, "count",
            i == given.size()
                ? str(what(), " has no static argument '",
                      argument.path[0].name, "'; it takes ",
                      describeStatics(def))
                : str("argument '", argument.path[0].name, "' is given twice"));
      good = false;
      continue;
    }
    given[i] = &argument;
  }
  Frame defaults;
  defaults.def = def;
  defaults.paths = frame->paths;
  defaults.caller = frame;
  for (size_t i = 0; i < given.size(); ++i) {
    const ast::StaticParam &param = def->statics[i];
    Val val;
    SourceRange place = param.range;
    if (given[i]) {
      val = eval(given[i]->value);
      place = given[i]->range;
    } else if (param.defaultValue) {
      Saved<Frame *> in(frame, &defaults);
      val = eval(param.defaultValue);
    } else if (!good) {
      continue;
    } else {
      size_t found = args.size();
      if (Diagnostic *diagnostic = error(
              at, "count",
              str(what(), " takes ", describeStatics(def), ", found ", found)))
        diagnostic->note(def->ident.range,
                         str("'", def->ident.name, "' declared here"));
      return poison();
    }
    if (val.isPoison()) {
      good = false;
      continue;
    }
    const char *wanted = nullptr;
    switch (param.kind) {
    case ast::StaticKind::Size:
      if (val.kind != Val::Number)
        wanted = "a size";
      else if (!val.number.exact) {
        error(place, "size",
              val.number.problem.empty()
                  ? str("size '", param.ident.name,
                        "' must be a whole number, found ",
                        val.number.real.value_or(0))
                  : val.number.problem);
        good = false;
        continue;
      }
      break;
    case ast::StaticKind::Real:
    case ast::StaticKind::Int:
      if (val.kind != Val::Number)
        wanted = "a number";
      break;
    case ast::StaticKind::Bool:
      if (val.kind != Val::Bool)
        wanted = "true or false";
      break;
    case ast::StaticKind::Fn:
      if (val.kind != Val::Function && val.kind != Val::Instance)
        wanted = "a function";
      break;
    case ast::StaticKind::Layer:
      if (val.kind != Val::Instance && val.kind != Val::Function)
        wanted = "a layer or cell";
      break;
    case ast::StaticKind::List:
      if (val.kind != Val::List)
        wanted = "a list";
      break;
    }
    if (wanted) {
      Diagnostic *diagnostic =
          error(place, "type",
                str("'", param.ident.name, "' of ", what(), " must be ", wanted,
                    ", found ", describe(val)));
      if (diagnostic && val.kind == Val::Definition)
        diagnostic->help(
            str("make an instance: ", val.def->ident.name, "(...)"));
      good = false;
      continue;
    }
    if (val.kind == Val::Number)
      val.number.spelling = param.ident.name;
    instance->statics[param.ident.name] = val;
    instance->staticPlaces[param.ident.name] = place;
    Binding binding;
    binding.kind = Binding::Static;
    binding.val = val;
    binding.place = place;
    defaults.names[param.ident.name] = binding;
  }
  if (!good)
    return poison();
  Val val;
  val.kind = Val::Instance;
  val.instance = instance;
  return val;
}

static std::string snakeCase(const std::string &name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    bool upper = c >= 'A' && c <= 'Z';
    bool afterLower = i && ((name[i - 1] >= 'a' && name[i - 1] <= 'z') ||
                            (name[i - 1] >= '0' && name[i - 1] <= '9'));
    bool beforeLower =
        i && i + 1 < name.size() && name[i + 1] >= 'a' && name[i + 1] <= 'z';
    if (upper && (afterLower || beforeLower) && out.back() != '_')
      out += '_';
    out += upper ? char(c - 'A' + 'a') : c;
  }
  return out;
}

/// Gives an instance that no binding named the name of its definition.
void Sema::settleName(Instance &instance) {
  if (instance.paths)
    return;
  std::string base = snakeCase(instance.def->ident.name);
  int count = ++instance.outer->used[base + instance.suffix];
  if (count > 1)
    base += "_" + std::to_string(count);
  instance.paths = std::make_shared<PathScope>();
  instance.paths->path = instance.outer->join(base + instance.suffix);
  adoptStatics(instance);
}

/// Remembers an instance that is applied, for those who draw the model.
void Sema::keepInstance(const Instance &instance) {
  if (!instance.paths)
    return;
  for (const hir::AppliedInstance &known : model->instances)
    if (known.path == instance.paths->path)
      return;
  hir::AppliedInstance applied;
  applied.path = instance.paths->path;
  applied.definition = instance.def->ident.name;
  applied.isCell = instance.def->kind == ast::DefKind::Cell;
  for (const ast::StaticParam &param : instance.def->statics)
    if (param.kind == ast::StaticKind::Size)
      if (auto it = instance.statics.find(param.ident.name);
          it != instance.statics.end() && it->second.number.exact)
        applied.sizes.emplace_back(
            param.ident.name,
            Size(*it->second.number.exact, it->second.number.spelling));
  model->instances.push_back(std::move(applied));
}

/// Instances given as arguments, if they have no name, are named below the one
/// they are given to.
void Sema::adoptStatics(Instance &instance) {
  std::function<void(Val &)> adopt = [&](Val &val) {
    for (Val &item : val.items)
      adopt(item);
    if (val.kind != Val::Instance || val.instance->paths)
      return;
    val.instance->outer = instance.paths;
    val.instance->suffix.clear();
  };
  for (auto &[name, val] : instance.statics) {
    adopt(val);
    nameInstances(val, name);
  }
}

void Sema::nameInstances(Val &val, const std::string &name) {
  if (val.kind == Val::List) {
    for (size_t i = 0; i < val.items.size(); ++i)
      nameInstances(val.items[i], name + "." + std::to_string(i));
    return;
  }
  if (val.kind != Val::Instance || val.instance->paths)
    return;
  Instance &instance = *val.instance;
  std::string base = name + instance.suffix;
  std::shared_ptr<PathScope> outer = instance.outer;
  int count = ++outer->used[base];
  if (count > 1)
    base += "_" + std::to_string(count);
  instance.paths = std::make_shared<PathScope>();
  instance.paths->path = outer->join(base);
  adoptStatics(instance);
}

std::optional<int64_t>
Sema::ensureParam(const std::shared_ptr<Instance> &instance,
                  const std::string &name) {
  settleName(*instance);
  if (auto it = instance->params.find(name); it != instance->params.end())
    return it->second;
  const ast::Definition *def = instance->def;
  std::vector<std::string> names;
  if (def->body)
    for (const ast::Stmt *stmt : def->body->stmts) {
      const auto *decl = ast::dynCast<ast::DeclStmt>(stmt);
      if (!decl || (decl->declKind != ast::DeclKind::Param &&
                    decl->declKind != ast::DeclKind::Fixed))
        continue;
      for (const ast::DeclGroup &group : decl->groups)
        for (const ast::Ident &ident : group.names) {
          names.push_back(ident.name);
          if (ident.name != name)
            continue;
          // Not applied yet: declare it now; its letters stay open.
          Frame inner;
          inner.def = def;
          inner.instance = instance;
          inner.paths = instance->paths;
          inner.caller = frame;
          inner.applied = ident.range;
          for (auto &[key, val] : instance->statics) {
            Binding binding;
            binding.kind = Binding::Static;
            binding.val = val;
            inner.names[key] = binding;
          }
          inner.letters = instance->letters;
          Saved<Frame *> in(frame, &inner);
          declareParam(group, ident, decl->declKind == ast::DeclKind::Fixed);
          auto it = instance->params.find(name);
          if (it == instance->params.end())
            return std::nullopt;
          return it->second;
        }
    }
  Diagnostic *diagnostic = error(
      frame->applied.isValid() ? frame->applied : instance->place, "unknown",
      str(ast::describe(def->kind), " '", def->ident.name,
          "' has no parameter '", name, "'"));
  std::string close = nearest(name, names);
  if (diagnostic && !close.empty())
    diagnostic->help(str("did you mean '", close, "'?"));
  return std::nullopt;
}
