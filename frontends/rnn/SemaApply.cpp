//===- SemaApply.cpp - Application of functions, layers and cells ---------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A function or layer is walked where it is applied. A cell is walked inside a
// scan, made for the time axis its arguments have beyond their types; applied
// to a step's values inside another scan, its states join that scan's.
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/SemaImpl.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::sema;

std::vector<Arg> Sema::evalArgs(const std::vector<ast::Argument> &args) {
  std::vector<Arg> result;
  for (const ast::Argument &argument : args) {
    Arg arg;
    for (const ast::Ident &ident : argument.path)
      arg.path.push_back(ident.name);
    arg.expr = argument.value;
    arg.place = argument.range;
    // Names of time axes are no values.
    bool isAxis = arg.path.size() == 1 &&
                  (arg.path[0] == "axis" || arg.path[0] == "to") &&
                  argument.value->kind == ast::ExprKind::Name;
    if (!isAxis)
      arg.val = eval(argument.value);
    result.push_back(std::move(arg));
  }
  return result;
}

Val Sema::evalCall(const ast::CallExpr *expr) {
  if (const auto *step = ast::dynCast<ast::MemberExpr>(expr->callee);
      step && step->member.name == "step") {
    Val base = eval(step->base);
    if (base.isPoison())
      return poison();
    if (base.kind != Val::Instance ||
        base.instance->def->kind != ast::DefKind::Cell) {
      error(step->member.range, "type",
            str("'.step' needs a cell, found ", describe(base)));
      return poison();
    }
    return apply(base.instance, evalArgs(expr->args), expr->range, true);
  }
  Val callee;
  if (const auto *name = ast::dynCast<ast::NameExpr>(expr->callee);
      name && !name->primed && !frame->names.count(name->name) &&
      !findDefinition(name->name) && isBuiltin(name->name)) {
    callee.kind = Val::Function;
    callee.text = name->name;
  } else {
    callee = eval(expr->callee);
  }
  if (callee.isPoison()) {
    // The arguments may have errors of their own.
    evalArgs(expr->args);
    return poison();
  }
  if (callee.kind == Val::Definition)
    return instantiate(callee.def, expr->args, expr->range);
  if (callee.kind == Val::Function && !callee.def &&
      (callee.text == "pos" || callee.text == "length")) {
    std::vector<Arg> args;
    for (const ast::Argument &argument : expr->args) {
      Arg arg;
      arg.expr = argument.value;
      arg.place = argument.range;
      args.push_back(arg);
    }
    return callBuiltin(callee.text, std::move(args), expr->range);
  }
  return call(callee, evalArgs(expr->args), expr->range, expr->callee);
}

Val Sema::evalPipe(const ast::PipeExpr *expr) {
  Val value = eval(expr->value);
  Arg first;
  first.val = value;
  first.expr = expr->value;
  first.place = expr->value->range;
  std::vector<Arg> args = {first};
  Val target;
  if (const auto *calling = ast::dynCast<ast::CallExpr>(expr->target)) {
    const auto *step = ast::dynCast<ast::MemberExpr>(calling->callee);
    if (step && step->member.name == "step") {
      Val base = eval(step->base);
      std::vector<Arg> rest = evalArgs(calling->args);
      args.insert(args.end(), rest.begin(), rest.end());
      if (base.kind == Val::Instance)
        return apply(base.instance, std::move(args), expr->range, true);
      return poison();
    }
    Val callee = eval(calling->callee);
    if (callee.isPoison())
      return poison();
    if (callee.kind == Val::Definition) {
      target = instantiate(callee.def, calling->args, calling->range);
    } else {
      std::vector<Arg> rest = evalArgs(calling->args);
      args.insert(args.end(), rest.begin(), rest.end());
      target = callee;
    }
  } else {
    target = eval(expr->target);
  }
  if (target.isPoison())
    return poison();
  return call(target, std::move(args), expr->range, expr->target);
}

Val Sema::call(const Val &callee, std::vector<Arg> args, SourceRange at,
               const Expr *calleeExpr) {
  if (callee.isPoison())
    return poison();
  if (callee.kind == Val::Instance)
    return apply(callee.instance, std::move(args), at, false);
  if (callee.kind == Val::Function && callee.def)
    return applyDefinition(callee.def, nullptr, std::move(args), at, false);
  if (callee.kind == Val::Function)
    return callBuiltin(callee.text, std::move(args), at);
  Diagnostic *diagnostic = error(calleeExpr ? calleeExpr->range : at, "type",
                                 str("cannot apply ", describe(callee)));
  if (diagnostic && callee.kind == Val::Definition)
    diagnostic->help(
        str("make an instance first: ", callee.def->ident.name, "(...)"));
  return poison();
}

//===----------------------------------------------------------------------===//
// Application
//===----------------------------------------------------------------------===//

Val Sema::apply(const std::shared_ptr<Instance> &instance,
                std::vector<Arg> args, SourceRange at, bool isStep) {
  settleName(*instance);
  return applyDefinition(instance->def, instance, std::move(args), at, isStep);
}

/// Whether the declared type of an input fits the value, apart from time axes.
bool Sema::checkArgument(const ast::InputParam &input, Node *node, int scanned,
                         SourceRange at) {
  std::optional<Type> want = evalType(input.type, false);
  if (!want)
    return false;
  const std::string owner = frame->def->ident.name;
  auto mismatch = [&](const char *id) {
    Type own = node->type;
    own.axes.clear();
    if (Diagnostic *diagnostic = error(
            at, id,
            str("'", owner, "' takes ", input.ident.name, ": ",
                hir::describeType(
                    *model,
                    Type{want->elem, want->range, want->shape, {}, false}),
                ", found ", hir::describeType(*model, own))))
      diagnostic->note(input.range,
                       str("'", input.ident.name, "' declared here"));
    return false;
  };
  if (want->shape.size() != node->type.shape.size())
    return mismatch("rank");
  if (want->elem != node->type.elem &&
      !(want->elem == hir::Elem::Real && node->type.elem == hir::Elem::Bool))
    return mismatch("type");
  for (size_t i = 0; i < want->shape.size(); ++i)
    if (!unifySize(want->shape[i], node->type.shape[i], input.range))
      return mismatch("size");
  if (want->range && node->type.range &&
      !unifySize(*want->range, *node->type.range, input.range))
    return mismatch("range");
  return true;
}

/// Matches arguments to inputs, binds time axes and letters. `extra` becomes
/// the axes that arguments have beyond their types; `axis` is the one chosen
/// by the caller, or -1.
bool Sema::bindInputs(
    Frame &callee, std::vector<Arg> &args, SourceRange at, int axis,
    std::vector<int> &extra, bool isCell,
    std::vector<std::pair<const ast::InputParam *, Val>> &bound) {
  const ast::Definition *def = callee.def;
  std::vector<Arg *> given(def->inputs.size(), nullptr);
  size_t position = 0;
  bool good = true;
  size_t positional = 0;
  for (const Arg &arg : args)
    positional += arg.path.empty();
  auto count = [&](size_t found) {
    std::string names;
    for (const ast::InputParam &input : def->inputs)
      names += (names.empty() ? "" : ", ") + input.ident.name;
    if (Diagnostic *diagnostic = error(
            at, "count",
            str(ast::describe(def->kind), " '", def->ident.name, "' takes ",
                def->inputs.size(),
                def->inputs.size() == 1 ? " input" : " inputs",
                names.empty() ? "" : " (" + names + ")", ", found ", found)))
      diagnostic->note(def->ident.range,
                       str("'", def->ident.name, "' declared here"));
    return false;
  };
  if (positional > def->inputs.size())
    return count(positional);
  for (Arg &arg : args) {
    if (arg.path.empty()) {
      given[position++] = &arg;
      continue;
    }
    if (arg.path.size() == 1)
      for (size_t i = 0; i < given.size(); ++i)
        if (def->inputs[i].ident.name == arg.path[0] && !given[i])
          given[i] = &arg;
  }
  for (size_t i = 0; i < given.size(); ++i) {
    const ast::InputParam &input = def->inputs[i];
    Val val;
    if (given[i]) {
      val = given[i]->val;
    } else if (input.defaultValue) {
      Saved<Frame *> in(frame, &callee);
      val = eval(input.defaultValue);
    } else {
      return count(positional);
    }
    if (val.isPoison()) {
      good = false;
      continue;
    }
    if (val.kind == Val::Result) {
      Node *node = toTensor(val, given[i] ? given[i]->place : at);
      if (!node) {
        good = false;
        continue;
      }
      // Names of a result stay reachable where nothing is asked of the input.
      if (input.type || isCell)
        val = Val::of(node);
    }
    if (input.type && val.kind != Val::Tensor &&
        (val.kind != Val::Number && val.kind != Val::Bool)) {
      error(given[i] ? given[i]->place : at, "type",
            str("'", input.ident.name, "' of '", def->ident.name,
                "' needs a value, found ", describe(val)));
      good = false;
      continue;
    }
    if (input.type && val.kind == Val::Number &&
        input.type->elem == ast::ElemKind::Int) {
      Node *node = toTensor(val, at);
      if (node)
        node->type.elem = hir::Elem::Int;
      val = Val::of(node);
    }
    bound.push_back({&input, val});
  }
  if (!good)
    return false;
  // Time axes of sequences: by name, then in order.
  for (auto &[input, val] : bound) {
    if (val.kind != Val::Tensor)
      continue;
    std::vector<int> has = val.node->type.axes;
    if (!input->type || !input->type->isSeq) {
      for (int a : has)
        if (std::find(extra.begin(), extra.end(), a) == extra.end())
          extra.push_back(a);
      continue;
    }
  }
  std::sort(extra.begin(), extra.end());
  for (auto &[input, val] : bound) {
    if (val.kind != Val::Tensor || !input->type || !input->type->isSeq)
      continue;
    std::vector<std::string> names;
    for (const ast::Ident &ident : input->type->axes)
      names.push_back(ident.name);
    if (names.empty())
      names.push_back("T");
    std::vector<int> has = val.node->type.axes;
    SourceRange place = at;
    // A cell scans the chosen axis, or the one other inputs have in excess.
    if (isCell) {
      int scanned = axis >= 0           ? axis
                    : extra.size() == 1 ? extra[0]
                                        : onlyNamed(extra);
      if (scanned >= 0 && has.size() > names.size())
        std::erase(has, scanned);
      else if (axis >= 0)
        std::erase(has, axis);
    } else if (axis >= 0 && names.size() == 1 && has.size() > 1) {
      std::vector<int> rest = has;
      std::erase(rest, axis);
      if (rest.size() != has.size())
        has = {axis};
    }
    // Inside a layer its own axis is meant; others are lifted.
    if (int own = onlyNamed(has); !isCell && axis < 0 && own >= 0 &&
                                  names.size() == 1 && has.size() > 1) {
      has = {own};
    }
    std::vector<int> left = has;
    std::vector<int> chosen(names.size(), -1);
    for (size_t i = 0; i < names.size(); ++i)
      if (auto it = callee.axes.find(names[i]); it != callee.axes.end()) {
        chosen[i] = it->second;
        std::erase(left, it->second);
      }
    for (size_t i = 0; i < names.size(); ++i)
      for (int a : left)
        if (chosen[i] < 0 && left.size() > names.size() &&
            model->axes[a].name == names[i]) {
          chosen[i] = a;
          std::erase(left, a);
          break;
        }
    for (size_t i = 0; i < names.size(); ++i)
      if (chosen[i] < 0 && !left.empty()) {
        chosen[i] = left.front();
        left.erase(left.begin());
      }
    for (size_t i = 0; i < names.size(); ++i) {
      bool present = std::find(has.begin(), has.end(), chosen[i]) != has.end();
      if (chosen[i] < 0 || !present) {
        error(place, "axis",
              str("'", def->ident.name, "' needs a sequence, found ",
                  hir::describeType(*model, val.node->type)));
        return false;
      }
      callee.axes[names[i]] = chosen[i];
    }
    for (int a : left)
      if (std::find(extra.begin(), extra.end(), a) == extra.end()) {
        if (!isCell && axis < 0) {
          error(place, "axis",
                str("'", def->ident.name, "' finds two time axes, ",
                    model->axes[has[0]].name, " and ", model->axes[has[1]].name,
                    "; choose with axis ="));
          return false;
        }
        extra.push_back(a);
      }
  }
  std::sort(extra.begin(), extra.end());
  return true;
}

Val Sema::applyDefinition(const ast::Definition *def,
                          const std::shared_ptr<Instance> &instance,
                          std::vector<Arg> args, SourceRange at, bool isStep) {
  Saved<int> deeper(depth, depth + 8);
  if (depth > 400) {
    error(at, "depth", "definitions are applied inside each other too deeply");
    return poison();
  }
  if (!spend(at, 16))
    return poison();
  reached.insert(def);
  bool isCell = def->kind == ast::DefKind::Cell;
  Frame callee;
  callee.def = def;
  callee.instance = instance;
  callee.caller = frame;
  callee.applied = at;
  callee.isStep = isStep;
  callee.paths = instance ? instance->paths : frame->paths;
  if (!instance)
    callee.loops = frame->loops;
  if (instance) {
    keepInstance(*instance);
    callee.letters = instance->letters;
    for (auto &[name, val] : instance->statics) {
      Binding binding;
      binding.kind = Binding::Static;
      binding.val = val;
      binding.place = instance->staticPlaces[name];
      for (const ast::StaticParam &param : def->statics)
        if (param.ident.name == name) {
          binding.use = param.ident.range.begin.getRaw();
          staticUse.emplace(binding.use, std::make_pair(name, false));
        }
      callee.names[name] = binding;
    }
  }
  // Keyword arguments: inputs, axis =, initial states.
  int axis = -1;
  std::vector<Arg> inputs;
  bool good = true;
  for (Arg &arg : args) {
    if (!arg.path.empty()) {
      std::string path = arg.path[0];
      for (size_t i = 1; i < arg.path.size(); ++i)
        path += "." + arg.path[i];
      bool isInput = false;
      for (const ast::InputParam &input : def->inputs)
        isInput |= input.ident.name == path;
      if (!isInput && path == "axis") {
        const auto *name = ast::dynCast<ast::NameExpr>(arg.expr);
        axis = name ? findAxis(name->name) : -1;
        for (const Arg &other : args)
          if (axis < 0 && name && other.val.kind == Val::Tensor)
            for (int a : other.val.node->type.axes)
              if (model->axes[a].name == name->name)
                axis = a;
        if (axis < 0) {
          error(arg.place, "axis", unknownAxis(ast::toString(arg.expr)));
          return poison();
        }
        continue;
      }
      if (!isInput && isCell) {
        callee.inits[path] = {arg.val, arg.place};
        continue;
      }
      if (!isInput) {
        error(arg.place, "count",
              str(ast::describe(def->kind), " '", def->ident.name,
                  "' has no input '", path, "'"));
        good = false;
        continue;
      }
    }
    inputs.push_back(arg);
  }
  std::vector<int> extra;
  std::vector<std::pair<const ast::InputParam *, Val>> bound;
  if (!good || !bindInputs(callee, inputs, at, axis, extra, isCell, bound))
    return poison();

  // The axis a cell runs along.
  int scanned = -1;
  if (isCell && !isStep) {
    if (axis >= 0)
      scanned = axis;
    else if (extra.size() == 1)
      scanned = extra[0];
    else if (int own = onlyNamed(extra); own >= 0)
      scanned = own;
    else if (extra.size() > 1) {
      error(at, "axis",
            str("'", def->ident.name, "' finds two time axes, ",
                model->axes[extra[0]].name, " and ", model->axes[extra[1]].name,
                "; choose with axis ="));
      return poison();
    }
    if (scanned < 0 && !block->scan) {
      std::string found = "no input";
      if (!bound.empty() && bound[0].second.kind == Val::Tensor)
        found = hir::describeType(*model, bound[0].second.node->type);
      error(at, "axis",
            str("'", def->ident.name, "' needs a sequence, found ", found));
      return poison();
    }
  }
  if (scanned >= 0) {
    Type lifted;
    for (int a : extra)
      if (a != scanned)
        lifted.axes.push_back(a);
    if (!checkInnerLengths(lifted, scanned, "'" + def->ident.name + "'", at))
      return poison();
    if (int outer = missingOuter(scanned); outer >= 0)
      return atEachStep(outer, args, at, [&](std::vector<Arg> slices) {
        return applyDefinition(def, instance, std::move(slices), at, isStep);
      });
  }
  for (int a : extra)
    if (a != scanned)
      callee.lifted.push_back(a);

  Node *scanNode = nullptr;
  hir::Block *outer = block;
  if (scanned >= 0) {
    scanNode = model->make(Op::Scan, {}, {}, at);
    scanNode->block = outer;
    scanNode->axis = scanned;
    scanNode->name = callee.paths ? callee.paths->path : "";
    scanNode->scan = std::make_unique<hir::Scan>();
    scanNode->scan->axis = scanned;
    scanNode->scan->body.scan = scanNode;
    scanNode->scan->body.parent = outer;
  }
  Saved<hir::Block *> inBlock(block, scanNode ? &scanNode->scan->body : block);
  Saved<Frame *> inFrame(frame, &callee);
  for (auto &[input, val] : bound) {
    Binding binding;
    binding.kind = Binding::Input;
    binding.place = input->ident.range;
    binding.val = val;
    if (val.kind == Val::Tensor) {
      if (input->type) {
        // Time is settled; the rest must fit.
        SourceRange place = at;
        for (const Arg &arg : inputs)
          if (arg.val.kind == Val::Tensor && arg.val.node == val.node)
            place = arg.expr ? arg.expr->range : arg.place;
        Saved<Frame *> messages(frame, &callee);
        if (!checkArgument(*input, val.node, scanned, place))
          good = false;
      }
      if (scanNode && val.node->type.hasAxis(scanned)) {
        Type type = val.node->type;
        std::erase(type.axes, scanned);
        if (std::optional<Type> declared = input->type && good
                                               ? evalType(input->type, false)
                                               : std::nullopt)
          type.shape = declared->shape;
        Node *slice = make(Op::BodyInput, type, {}, input->ident.range);
        if (!slice)
          return poison();
        slice->index = scanNode->scan->over.size();
        slice->text = input->ident.name;
        scanNode->scan->over.push_back(val.node);
        scanNode->scan->bodyInputs.push_back(slice);
        binding.val = Val::of(slice);
      }
    }
    callee.names[input->ident.name] = binding;
  }
  if (!good)
    return poison();
  if (def->value) {
    Val result = eval(def->value);
    return result;
  }
  collectNames(def->body);
  runBlock(def->body);
  return finishResult(callee, scanNode, at);
}

/// After the body: every state has its next value; the scan joins its block.
Val Sema::finishResult(Frame &callee, Node *scanNode, SourceRange at) {
  auto result = std::make_shared<Result>();
  result->def = callee.def;
  result->scan = scanNode;
  bool good = true;
  for (auto &[name, binding] : callee.names)
    result->names[name] = binding.val;
  for (StateVar &state : callee.states) {
    auto it = callee.next.find(state.name);
    if (it == callee.next.end()) {
      if (Diagnostic *diagnostic =
              error(state.place, "state",
                    str("state '", state.name, "' is never updated")))
        diagnostic->help(str("add ", state.name, "' = ..."));
      good = false;
      continue;
    }
    Node *next = toTensor(it->second.first, it->second.second);
    if (!next) {
      good = false;
      continue;
    }
    bool fits = next->type.elem == state.type.elem ||
                (next->type.elem == hir::Elem::Bool &&
                 state.type.elem == hir::Elem::Real);
    if (fits && !next->type.shape.empty()) {
      fits = next->type.shape.size() == state.type.shape.size();
      for (size_t i = 0; fits && i < next->type.shape.size(); ++i)
        fits = next->type.shape[i].stretch ||
               unifySize(state.type.shape[i], next->type.shape[i]);
    }
    if (!fits) {
      Type own = next->type;
      own.axes.clear();
      Type declared = state.type;
      declared.axes.clear();
      if (Diagnostic *diagnostic =
              error(it->second.second, "size",
                    str("state '", state.name, "' is ",
                        hir::describeType(*model, declared),
                        ", its new value is ", hir::describeType(*model, own))))
        diagnostic->note(state.place, str("'", state.name, "' declared here"));
      good = false;
      continue;
    }
    for (int a : next->type.axes)
      if (!state.type.hasAxis(a)) {
        error(it->second.second, "axis",
              str("the new value of state '", state.name, "' has time axis ",
                  model->axes[a].name, ", the state has not"));
        good = false;
      }
    if (!good)
      continue;
    if (state.type.elem == hir::Elem::Real)
      next = toReal(next, it->second.second);
    next = expandTo(next, state.type, it->second.second);
    if (!next) {
      good = false;
      continue;
    }
    result->names[state.name] = Val::of(next);
    if (state.scan)
      state.scan->scan->states[state.index].next = next;
  }
  for (auto &[path, init] : callee.inits)
    if (!callee.usedInits.count(path)) {
      error(init.second, "unknown",
            str(ast::describe(callee.def->kind), " '", callee.def->ident.name,
                "' has no input or state '", path, "'"));
      good = false;
    }
  if (scanNode)
    for (hir::Scan::State &state : scanNode->scan->states)
      if (!state.next)
        good = false;
  if (!good)
    return poison();
  if (scanNode) {
    hir::Block *outer = scanNode->block;
    scanNode->operands = scanNode->scan->over;
    for (hir::Scan::State &state : scanNode->scan->states)
      if (state.init)
        scanNode->operands.push_back(state.init);
    outer->nodes.push_back(scanNode);
  }
  for (const ast::Ident &out : callee.def->outs)
    if (!result->names.count(out.name)) {
      error(out.range, "unknown",
            str("output '", out.name, "' of '", callee.def->ident.name,
                "' has no equation"));
      return poison();
    }
  Val val;
  val.kind = Val::Result;
  val.result = result;
  return val;
}

std::string Sema::uniqueState(const std::string &name) {
  std::string unique = name;
  for (int i = 2; !stateNames.insert(unique).second; ++i)
    unique = name + "." + std::to_string(i);
  return unique;
}

/// A new carry of the scan that is being built; its old value.
Node *Sema::advance(const std::string &name, Node *init, Type type,
                    SourceRange at, size_t &index) {
  Node *scanNode = block->scan;
  if (!checkInnerLengths(type, scanNode->axis,
                         str("state '", name.substr(name.rfind('.') + 1), "' goes on"),
                         at))
    return nullptr;
  Node *inside = make(Op::BodyState, type, {}, at);
  if (!inside)
    return nullptr;
  hir::Scan &scan = *scanNode->scan;
  index = scan.states.size();
  inside->index = index;
  inside->text = name;
  hir::Scan::State state;
  state.name = uniqueState(name);
  state.init = init;
  state.inside = inside;
  state.place = at;
  scan.states.push_back(state);
  return inside;
}
