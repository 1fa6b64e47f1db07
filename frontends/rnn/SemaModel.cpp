//===- SemaModel.cpp - Losses, outputs, predictions, options --------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/SemaImpl.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::sema;

void Sema::runOutput(const ast::OutputStmt *stmt) {
  for (const ast::OutputStmt::Output &out : stmt->outputs) {
    Val val = eval(out.value);
    Node *node = toTensor(val, out.value->range);
    hir::Output output;
    output.name = out.ident ? out.ident->name : ast::toString(out.value);
    output.place = out.ident ? out.ident->range : out.value->range;
    for (const hir::Output &other : model->outputs)
      if (other.name == output.name)
        error(output.place, "defined",
              str("output '", output.name, "' is given twice"));
    if (!node)
      continue;
    Type full = node->type;
    output.value = expandTo(node, full, out.value->range);
    model->outputs.push_back(output);
    if (out.ident && !frame->names.count(out.ident->name))
      define(*out.ident, val, out.value->range);
  }
}

std::shared_ptr<hir::Derived> Sema::toDerived(const Val &val) {
  if (val.kind == Val::Reduced)
    return val.derived;
  if (val.kind != Val::Number || !val.number.real)
    return nullptr;
  auto derived = std::make_shared<hir::Derived>();
  derived->number = *val.number.real;
  return derived;
}

void Sema::runLoss(const ast::LossStmt *stmt) {
  const char *what = stmt->isMetric ? "metric" : "loss";
  Val val = eval(stmt->value);
  Node *weight = nullptr;
  bool good = !val.isPoison();
  for (const ast::Option &option : stmt->options) {
    if (option.key.name != "weight") {
      Diagnostic *diagnostic =
          error(option.key.range, "unknown",
                str("unknown option '", option.key.name, "' of a ", what));
      if (diagnostic)
        diagnostic->help("a loss takes weight = w");
      continue;
    }
    weight = toReal(toTensor(eval(option.value), option.value->range),
                    option.value->range);
    if (!weight)
      good = false;
    else if (!weight->type.shape.empty()) {
      error(option.value->range, "rank",
            str("a weight is a scalar, found ", shapeOf(weight->type)));
      good = false;
    }
  }
  // The name: as given, else that of the outermost function, else the word.
  std::string name;
  if (stmt->ident)
    name = stmt->ident->name;
  else
    name = what;
  auto taken = [&](const std::string &candidate) {
    for (const hir::Loss &loss : model->losses)
      if (loss.name == candidate)
        return true;
    for (const hir::Metric &metric : model->metrics)
      if (metric.name == candidate)
        return true;
    return false;
  };
  std::string unique = name;
  for (int i = 2; taken(unique); ++i)
    unique = name + "_" + std::to_string(i);
  if (stmt->ident && unique != name)
    error(stmt->ident->range, "defined",
          str("'", name, "' is already defined"));
  SourceRange place = stmt->ident ? stmt->ident->range : stmt->value->range;
  if (stmt->ident) {
    Val reduced;
    reduced.kind = good ? Val::Reduced : Val::Poison;
    reduced.derived = std::make_shared<hir::Derived>();
    reduced.derived->op = Op::Input;
    reduced.derived->name = unique;
    define(*stmt->ident, reduced, stmt->value->range);
  }
  if (val.kind == Val::Reduced) {
    if (!stmt->isMetric) {
      error(stmt->value->range, "type",
            "a loss by name is one number for all the data; only a metric "
            "can be made of it");
      return;
    }
    if (weight)
      error(stmt->value->range, "type",
            "a metric of reduced values takes no weight");
    hir::Metric metric;
    metric.name = unique;
    metric.derived = val.derived;
    metric.place = place;
    model->metrics.push_back(metric);
    return;
  }
  Node *value =
      good ? toReal(toTensor(val, stmt->value->range), stmt->value->range)
           : nullptr;
  if (value && !value->type.shape.empty()) {
    if (Diagnostic *diagnostic = error(
            stmt->value->range, "rank",
            str("a ", what, " is a scalar, found ", shapeOf(value->type))))
      diagnostic->help("sum or mean makes a scalar of it");
    return;
  }
  // A poison loss still counts, so that the model is not said to have none.
  if (stmt->isMetric) {
    if (value)
      model->metrics.push_back({unique, value, weight, nullptr, place});
    return;
  }
  if (value && weight)
    for (int a : weight->type.axes)
      if (!value->type.hasAxis(a)) {
        error(place, "axis",
              str("the weight of '", unique, "' has time axis ",
                  model->axes[a].name, ", the loss has not"));
        value = nullptr;
        break;
      }
  model->losses.push_back({unique, value, weight, place});
}

//===----------------------------------------------------------------------===//
// Predictions and options
//===----------------------------------------------------------------------===//

hir::OptionValue Sema::optionValue(const Expr *expr) {
  hir::OptionValue value;
  if (const auto *name = ast::dynCast<ast::NameExpr>(expr);
      name && !name->primed && !frame->names.count(name->name)) {
    value.kind = hir::OptionValue::Word;
    value.word = name->name;
    return value;
  }
  if (const auto *call = ast::dynCast<ast::CallExpr>(expr))
    if (const auto *name = ast::dynCast<ast::NameExpr>(call->callee);
        name && !frame->names.count(name->name) && name->name != "sqrt" &&
        name->name != "exp" && name->name != "log") {
      value.kind = hir::OptionValue::Call;
      value.word = name->name;
      for (const ast::Argument &arg : call->args) {
        value.argNames.push_back(arg.path.empty() ? "" : arg.path[0].name);
        value.args.push_back(optionValue(arg.value));
      }
      return value;
    }
  Val val = eval(expr);
  if (val.kind == Val::Number) {
    Num num = numUnary(Op::ToReal, val.number);
    if (num.real) {
      value.kind = hir::OptionValue::Number;
      value.number = *num.real;
    }
  } else if (val.kind == Val::Bool) {
    value.kind = hir::OptionValue::Bool;
    value.flag = val.flag;
    value.number = val.flag;
  } else if (val.kind == Val::String) {
    value.kind = hir::OptionValue::String;
    value.word = val.text;
  } else if (!val.isPoison()) {
    error(expr->range, "type",
          str("an option must be a number, a word or a call, found ",
              describe(val)));
  }
  return value;
}

static const ast::Option *findTwice(const std::vector<ast::Option> &options) {
  for (size_t i = 0; i < options.size(); ++i)
    for (size_t k = 0; k < i; ++k)
      if (options[i].key.name == options[k].key.name)
        return &options[i];
  return nullptr;
}

void Sema::runOptions(const ast::OptionsStmt *stmt) {
  if (const ast::Option *twice = findTwice(stmt->options))
    error(twice->key.range, "defined",
          str("option '", twice->key.name, "' is given twice"));
  std::vector<hir::Option> &into =
      stmt->isSample ? model->sample : model->train;
  for (const ast::Option &option : stmt->options)
    into.push_back({option.key.name, optionValue(option.value),
                    option.key.range, option.value->range});
}

/// `predict y ~ ctc(z, blank = b)`: labels without places. False after a
/// message.
bool Sema::runAlignedPrediction(hir::Predict &predict,
                                const ast::CallExpr &call,
                                const hir::Input &target) {
  const Expr *value = call.args[0].value;
  Node *z = toReal(toTensor(eval(value), value->range), value->range);
  if (!z)
    return false;
  // The target itself, as the loss would see it.
  Node labels;
  labels.type = target.type;
  if (!checkAlignment(z, value->range, &labels, predict.place))
    return false;
  Arg blankArg;
  if (call.args.size() > 1) {
    blankArg.val = eval(call.args[1].value);
    blankArg.place = call.args[1].range;
    if (blankArg.val.isPoison())
      return false;
  }
  std::optional<int64_t> blank =
      blankOf(call.args.size() > 1 ? &blankArg : nullptr, z);
  if (!blank)
    return false;
  predict.value = z;
  predict.blank = *blank;
  return true;
}

void Sema::runPredict(const ast::PredictStmt *stmt) {
  if (model->predict) {
    if (Diagnostic *diagnostic =
            error(stmt->range, "defined", "the model has two predictions"))
      diagnostic->note(model->predict->place, "the first is here");
    return;
  }
  hir::Predict predict;
  predict.target = stmt->ident.name;
  predict.sampled = stmt->sampled;
  predict.place = stmt->ident.range;
  const hir::Input *target = model->findInput(stmt->ident.name);
  if (!target || !target->target) {
    std::vector<std::string> names;
    for (const hir::Input &input : model->inputs)
      if (input.target)
        names.push_back(input.name);
    std::string close = nearest(stmt->ident.name, names);
    Diagnostic *diagnostic =
        error(stmt->ident.range, "unknown",
              str("'", stmt->ident.name, "' is not a target of the model"));
    if (diagnostic && !close.empty())
      diagnostic->help(str("did you mean '", close, "'?"));
    return;
  }
  const Expr *value = stmt->value;
  if (stmt->sampled) {
    const auto *call = ast::dynCast<ast::CallExpr>(value);
    const auto *name =
        call ? ast::dynCast<ast::NameExpr>(call->callee) : nullptr;
    bool isCtc = name && name->name == "ctc";
    if (!name || call->args.empty() ||
        call->args.size() > (isCtc ? 2u : 1u) || !call->args[0].path.empty() ||
        (name->name != "categorical" && name->name != "bernoulli" &&
         name->name != "ctc")) {
      error(value->range, "type",
            "expected a distribution, such as categorical(logits)");
      return;
    }
    if (call->args.size() == 2 &&
        (call->args[1].path.size() != 1 ||
         call->args[1].path[0].name != "blank")) {
      error(call->args[1].range, "count",
            str("'ctc' has no argument '",
                call->args[1].path.empty() ? ast::toString(call->args[1].value)
                                           : call->args[1].path[0].name,
                "'"));
      return;
    }
    predict.distribution = name->name;
    value = call->args[0].value;
    if (isCtc && !runAlignedPrediction(predict, *call, *target))
      return;
  }
  if (!predict.value)
    predict.value = toTensor(eval(value), value->range);
  for (const ast::Option &option : stmt->options)
    predict.options.push_back({option.key.name, optionValue(option.value),
                               option.key.range, option.value->range});
  if (!predict.value)
    return;
  const Type &found = predict.value->type, &wanted = target->type;
  if (predict.distribution == "categorical") {
    bool fits = wanted.elem == hir::Elem::Int && found.shape.size() == 1;
    if (fits && wanted.range)
      fits = unifySize(found.shape[0], *wanted.range, value->range);
    if (!fits) {
      error(value->range, "size",
            str("prediction of '", predict.target,
                "': ", hir::describeType(*model, wanted), " from logits ",
                shapeOf(found)));
      return;
    }
  } else if (!predict.sampled) {
    bool fits = wanted.shape.size() == found.shape.size();
    for (size_t i = 0; fits && i < found.shape.size(); ++i)
      fits = unifySize(found.shape[i], wanted.shape[i], value->range);
    if (!fits) {
      error(value->range, "size",
            str("prediction of '", predict.target,
                "': ", hir::describeShape(model->sizes, wanted.shape), " from ",
                shapeOf(found)));
      return;
    }
  }
  model->predict = predict;
}

//===----------------------------------------------------------------------===//
// Checks of the whole
//===----------------------------------------------------------------------===//

/// A prediction at a step may only see its target before that step.
void Sema::checkLeak() {
  if (!model->predict || !model->predict->value)
    return;
  int64_t target = -1;
  for (size_t i = 0; i < model->inputs.size(); ++i)
    if (model->inputs[i].name == model->predict->target)
      target = i;
  // 0: does not see it; 1: sees only what was before; 2: its own step or more.
  std::vector<int> level(model->nodes.size(), 0);
  std::vector<const Node *> from(model->nodes.size(), nullptr);
  std::function<void(const hir::Block &)> walk = [&](const hir::Block &body) {
    for (const Node *node : body.nodes) {
      int worst = 0;
      auto see = [&](const Node *operand) {
        if (operand && level[operand->id] > worst) {
          worst = level[operand->id];
          from[node->id] = operand;
        }
      };
      for (const Node *operand : node->operands)
        see(operand);
      if (node->op == Op::Input && node->index == target)
        worst = 2;
      // A state sees what any step before it saw: at most what its inputs see.
      if (node->scan) {
        for (size_t i = 0; i < node->scan->over.size(); ++i)
          level[node->scan->bodyInputs[i]->id] = level[node->scan->over[i]->id];
        for (int round = 0; round < 2; ++round) {
          for (const hir::Scan::State &state : node->scan->states)
            level[state.inside->id] =
                std::max(state.init ? level[state.init->id] : 0,
                         round ? std::min(level[state.next->id], 1) : 0);
          walk(node->scan->body);
        }
      }
      if (node->op == Op::BodyInput || node->op == Op::BodyState)
        continue;
      if (node->op == Op::ScanEmit) {
        const Node *inside = node->operands[0]->scan->emits[node->index];
        worst = level[inside->id];
        from[node->id] = inside;
      }
      if (node->op == Op::Shift)
        worst = std::max(std::min(level[node->operands[0]->id], 1),
                         level[node->operands[1]->id]);
      // Along the target's own axis a later step would be seen. A second name
      // of the axis is left to the text: it masks what comes later.
      bool mixes = model->inputs[target].type.hasAxis(node->axis) &&
                   (node->op == Op::Reverse || node->op == Op::Last ||
                    node->op == Op::Reduce || node->op == Op::Softmax ||
                    node->op == Op::LogSoftmax);
      mixes |= node->op == Op::Every &&
               model->inputs[target].type.hasAxis(int(node->ints[0]));
      if (mixes && worst == 1)
        worst = 2;
      level[node->id] = worst;
    }
  };
  walk(model->body);
  const Node *value = model->predict->value;
  // Labels without places are found from all steps at once.
  bool atOnce = model->predict->distribution == "ctc";
  if (level[value->id] < (atOnce ? 1 : 2))
    return;
  // The first named place on the way is what to shift before.
  std::string through;
  for (const Node *node = value; node; node = from[node->id]) {
    if (node->op == Op::Input)
      break;
    if (!node->name.empty())
      through = node->name;
  }
  if (Diagnostic *diagnostic =
          error(model->predict->place, "leak",
                str("prediction of '", model->predict->target, "' sees ",
                    model->predict->target,
                    atOnce ? "" : " at its own step",
                    through.empty() ? "" : " through '" + through + "'",
                    atOnce ? "" : "; shift it")))
    diagnostic->note(model->inputs[target].place,
                     str("'", model->predict->target, "' declared here"));
}

/// What needs the end of a stream is refused.
void Sema::checkStream() {
  if (!model->stream)
    return;
  std::set<int> streamed;
  for (const hir::Input &input : model->inputs)
    for (int a : input.type.axes) {
      if (input.name == options.streamed)
        model->streamAxis = model->rootAxis(a);
      streamed.insert(model->rootAxis(a));
    }
  if (model->streamAxis >= 0)
    streamed = {model->streamAxis};
  for (const Node &node : model->nodes) {
    if (node.axis >= 0 && streamed.count(model->rootAxis(node.axis)) &&
        (node.op == Op::Scan || node.op == Op::Shift) &&
        node.block != &model->body)
      error(node.place, "later",
            str("a recurrence over ", model->axes[node.axis].name,
                " inside another one is not built for streams yet"));
    int axis = node.op == Op::Every ? static_cast<int>(node.ints[0]) : node.axis;
    if (axis < 0 || !streamed.count(model->rootAxis(axis)))
      continue;
    const char *what = nullptr;
    if (node.op == Op::Reverse)
      what = "reverse";
    else if (node.op == Op::Last)
      what = "last";
    else if (node.op == Op::Length)
      what = "length";
    else if (node.op == Op::Rename)
      what = "as";
    else if (node.op == Op::Every)
      what = "every";
    else if (node.op == Op::Reduce)
      what = node.text.c_str();
    else if (node.op == Op::Softmax)
      what = "softmax";
    else if (node.op == Op::LogSoftmax)
      what = "log_softmax";
    if (what)
      error(node.place, "future",
            str("'", what, "' over ", model->axes[axis].name,
                " needs the end of a stream"));
  }
}

/// A mask that no loss or metric depends on leaves nothing out.
void Sema::checkMasks() {
  if (model->losses.empty())
    return;
  std::set<const Node *> reached;
  std::vector<const Node *> stack;
  for (const hir::Loss &loss : model->losses)
    stack.insert(stack.end(), {loss.value, loss.weight});
  for (const hir::Metric &metric : model->metrics)
    stack.insert(stack.end(), {metric.value, metric.weight});
  std::set<int64_t> inputs;
  while (!stack.empty()) {
    const Node *node = stack.back();
    stack.pop_back();
    if (!node || !reached.insert(node).second)
      continue;
    if (node->op == Op::Input)
      inputs.insert(node->index);
    stack.insert(stack.end(), node->operands.begin(), node->operands.end());
    if (const hir::Scan *scan = node->scan.get()) {
      stack.insert(stack.end(), scan->emits.begin(), scan->emits.end());
      for (const hir::Scan::State &state : scan->states)
        stack.insert(stack.end(), {state.next, state.init});
    }
  }
  for (size_t i = 0; i < model->inputs.size(); ++i) {
    const hir::Input &input = model->inputs[i];
    if (input.type.elem == hir::Elem::Bool && !inputs.count(int64_t(i)) &&
        said.insert({input.place.begin.getRaw(), "unused-mask"}).second)
      diags.warning(input.place, "unused-mask",
                    str("mask '", input.name, "' reaches no loss"));
  }
}

void Sema::finish() {
  if (model->losses.empty() && options.needLoss)
    error(model->place, "no-loss", "the model has no loss; 'train' needs one");
  if (errors)
    return;
  checkLeak();
  checkStream();
  checkMasks();
  if (!options.needSizes)
    return;
  // A letter of the model without value, then sizes nothing determines.
  for (hir::ModelSize &size : model->statics) {
    if (size.value || !size.isSize)
      continue;
    if (std::optional<int64_t> value =
            model->sizes.value(Poly::letter(size.letter))) {
      size.value = double(*value);
      continue;
    }
    if (Diagnostic *diagnostic = error(
            size.place, "no-size", str("size '", size.name, "' has no value")))
      diagnostic->help(str("give --set ", size.name, "=65 or --data"));
  }
  if (errors)
    return;
  auto check = [&](const Size &size, SourceRange at) {
    if (size.stretch || model->value(size) || errors)
      return;
    error(at, "no-size",
          str("size '", hir::describeSize(model->sizes, size),
              "' is not determined by anything"));
  };
  // No array of one example may have more entries than this.
  constexpr double most = 1099511627776.0; // 2^40
  auto checkType = [&](const Type &type, SourceRange at) {
    double entries = 1;
    for (const Size &size : type.shape) {
      check(size, at);
      entries *= double(model->value(size).value_or(1));
    }
    if (entries > most && !errors)
      error(at, "size", str("an array ", shapeOf(type), " is too large"));
  };
  for (const hir::Param &param : model->params)
    checkType(param.type, param.place);
  for (const Node &node : model->nodes)
    checkType(node.type, node.place);
}
