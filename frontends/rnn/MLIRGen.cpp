//===- MLIRGen.cpp - The functions of a model -----------------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/MLIRGenImpl.h"

#include "mlir/IR/Verifier.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::gen;
using namespace mlir;

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Location FunctionGen::loc(SourceRange range) const {
  PresumedLoc place = sources.locate(range.begin);
  if (!place.file)
    return UnknownLoc::get(module.getContext());
  return FileLineColLoc::get(module.getContext(), place.file->getName(),
                             place.line, place.column);
}

Location FunctionGen::loc(const Node *node) const {
  Location at = loc(node->place);
  if (node->name.empty())
    return at;
  return NameLoc::get(StringAttr::get(module.getContext(), node->name), at);
}

/// Whether examples differ in length along an axis, or the one it comes from.
bool FunctionGen::hasLengths(int axis) const {
  while (axis >= 0 && model.axes[model.rootAxis(axis)].base >= 0)
    axis = model.axes[model.rootAxis(axis)].base;
  return axis >= 0 &&
         options.ragged.count(model.axes[model.rootAxis(axis)].name);
}

bool FunctionGen::isRagged(int axis) const {
  return axis >= 0 && lengths.count(model.rootAxis(axis));
}

std::vector<std::string> FunctionGen::dynamicDims(const hir::Type &type) const {
  std::vector<std::string> names;
  for (int axis : type.axes)
    names.push_back(model.lengthName(axis));
  if (type.batch)
    names.push_back("B");
  return names;
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// Everything a value needs, with an explicit stack: graphs can be deep.
void FunctionGen::markLive(const Node *root) {
  std::vector<const Node *> stack = {root};
  while (!stack.empty()) {
    const Node *node = stack.back();
    stack.pop_back();
    if (!node || !live.insert(node).second)
      continue;
    if (node->op == hir::Op::Scan) {
      const hir::Scan &scan = *node->scan;
      for (const hir::Scan::State &state : scan.states) {
        stack.push_back(state.next);
        stack.push_back(state.init);
      }
      continue;
    }
    if (node->op == hir::Op::ScanEmit)
      stack.push_back(node->operands[0]->scan->emits[node->index]);
    if (node->op == hir::Op::BodyInput) {
      const Node *scan = node->block->scan;
      stack.push_back(scan->scan->over[node->index]);
      stack.push_back(scan);
      continue;
    }
    if (node->op == hir::Op::BodyState)
      stack.push_back(node->block->scan);
    for (const Node *operand : node->operands)
      stack.push_back(operand);
  }
}

/// A sum over a product in which one side is stretched, read by nobody else,
/// becomes a contract: the stretched product is never made.
void FunctionGen::findProducts() {
  std::map<const Node *, int> uses;
  for (const Node *node : live) {
    for (const Node *operand : node->operands)
      ++uses[operand];
    if (node->scan) {
      for (const hir::Scan::State &state : node->scan->states)
        ++uses[state.next];
      for (const Node *emit : node->scan->emits)
        ++uses[emit];
    }
  }
  for (const hir::Loss &loss : model.losses)
    ++uses[loss.value], ++uses[loss.weight];
  for (const hir::Metric &metric : model.metrics)
    ++uses[metric.value], ++uses[metric.weight];
  for (const hir::Output &output : model.outputs)
    ++uses[output.value];
  if (model.predict)
    ++uses[model.predict->value];
  for (const Node *node : live) {
    if (node->op != hir::Op::Reduce || node->text != "sum")
      continue;
    const Node *product = node->operands[0];
    if (product->op != hir::Op::Mul || uses[product] != 1 ||
        product->block != node->block)
      continue;
    std::string left = labels(product->operands[0]->type, node->axis),
                right = labels(product->operands[1]->type, node->axis);
    bool both = left != right;
    for (char label : reducedLabels(node))
      both &= left.find(label) != std::string::npos &&
              right.find(label) != std::string::npos;
    // With lengths the batch must be on one side at least.
    both &= product->type.batch || !hasLengths(node->axis);
    if (both)
      products.insert(product);
  }
}

void FunctionGen::emitBlock(const hir::Block &block) {
  for (const Node *node : block.nodes) {
    if (!live.count(node) || values.count(node) || products.count(node) ||
        node->op == hir::Op::BodyInput || node->op == hir::Op::BodyState)
      continue;
    if (node->op == hir::Op::Scan) {
      emitScan(node);
      continue;
    }
    if (node->op == hir::Op::ScanEmit)
      continue; // emitScan gave it its value
    values[node] = emit(node);
  }
}

static bool startsFromZero(const Node *node) {
  while (node && node->op == hir::Op::Expand)
    node = node->operands[0];
  return !node || (node->op == hir::Op::Constant && node->number == 0);
}

void FunctionGen::begin(const std::string &name,
                        const std::vector<const Node *> &roots) {
  MLIRContext *ctx = module.getContext();
  for (const Node *root : roots)
    markLive(root);
  struct Arg {
    rnn::ArgKind kind;
    std::string name;
    mlir::Type type;
    std::vector<std::string> axes;
    SourceRange place;
    std::function<void(Value)> bind;
  };
  std::vector<Arg> args;
  mlir::Type index = b.getIndexType();
  args.push_back(
      {rnn::ArgKind::Axis, "B", index, {}, model.place, [&](Value v) {
         batch = v;
       }});
  std::set<int> axes;
  bool draws = false, updates = false;
  for (const Node *node : live) {
    draws |= node->op == hir::Op::Draw;
    updates |= node->op == hir::Op::Update;
    for (int axis : node->type.axes)
      axes.insert(model.rootAxis(axis));
    if (node->axis >= 0)
      axes.insert(model.rootAxis(node->axis));
    if (node->op == hir::Op::Every)
      axes.insert(model.rootAxis(node->ints[0]));
  }
  for (int axis : std::set<int>(axes))
    if (int outer = model.outerAxis(axis); outer >= 0)
      axes.insert(outer);
  for (int axis : axes)
    args.push_back({rnn::ArgKind::Axis,
                    model.lengthName(axis),
                    index,
                    {},
                    model.axes[axis].place,
                    [this, axis](Value v) { extents[axis] = v; }});
  if (draws && training)
    args.push_back({rnn::ArgKind::Key,
                    "key",
                    b.getI64Type(),
                    {},
                    model.place,
                    [&](Value v) { key = v; }});
  if (updates && training)
    args.push_back({rnn::ArgKind::Hyper,
                    "update",
                    RankedTensorType::get({}, real),
                    {},
                    model.place,
                    [&](Value v) { update = v; }});
  std::vector<std::vector<const Node *>> paramNodes(model.params.size());
  for (const Node &node : model.nodes)
    if (node.op == hir::Op::Param)
      paramNodes[node.index].push_back(&node);
  for (size_t i = 0; i < model.params.size(); ++i) {
    const hir::Param &param = model.params[i];
    args.push_back({rnn::ArgKind::Param,
                    param.name,
                    typeOf(param.type),
                    {},
                    param.place,
                    [&paramNodes, this, i](Value v) {
                      for (const Node *node : paramNodes[i])
                        values[node] = v;
                    }});
  }
  bool needsFresh = false;
  if (options.stream)
    for (const Node *node : model.body.nodes) {
      if (!live.count(node))
        continue;
      auto add = [&](const std::string &state, const hir::Type &type,
                     const Node *init, SourceRange place) {
        needsFresh |= !startsFromZero(init);
        args.push_back({rnn::ArgKind::State, state, typeOf(type),
                        dynamicDims(type), place,
                        [this, state](Value v) { stateArgs[state] = v; }});
      };
      if (node->op == hir::Op::Scan && model.streams(node->scan->axis))
        for (const hir::Scan::State &state : node->scan->states)
          add(state.name, state.inside->type, state.init, state.place);
      auto addPosition = [&](const Node *position) {
        hir::Type rows;
        rows.elem = hir::Elem::Int;
        rows.batch = true;
        if (live.count(position) && carriesPosition(position))
          add(position->text, rows, nullptr, position->place);
      };
      addPosition(node);
      if (node->op == hir::Op::Scan)
        for (const Node *inside : node->scan->body.nodes)
          addPosition(inside);
      if (node->op == hir::Op::Shift && model.streams(node->axis)) {
        hir::Type first = node->type;
        std::erase(first.axes, node->axis);
        add(node->text, first, node->operands[1], node->place);
      }
    }
  for (bool target : {false, true})
    for (size_t i = 0; i < model.inputs.size(); ++i) {
      const hir::Input &input = model.inputs[i];
      bool used = false;
      for (const Node *node : live)
        used |= node->op == hir::Op::Input && node->index == int64_t(i);
      if (!used || input.target != target)
        continue;
      args.push_back({target ? rnn::ArgKind::Target : rnn::ArgKind::Input,
                      input.name, typeOf(input.type), dynamicDims(input.type),
                      input.place, [this, i](Value v) {
                        for (const Node &node : model.nodes)
                          if (node.op == hir::Op::Input &&
                              node.index == int64_t(i))
                            values[&node] = v;
                      }});
    }
  mlir::Type i32 = b.getI32Type(), i1 = b.getI1Type();
  for (int axis : axes) {
    if (!hasLengths(axis))
      continue;
    int outer = model.outerAxis(axis);
    SmallVector<int64_t> shape(outer < 0 ? 1 : 2, ShapedType::kDynamic);
    args.push_back({rnn::ArgKind::Lengths, model.lengthName(axis),
                    RankedTensorType::get(shape, i32),
                    outer < 0
                        ? std::vector<std::string>{"B"}
                        : std::vector<std::string>{model.lengthName(outer), "B"},
                    model.axes[axis].place, [this, axis, outer](Value v) {
                      (outer < 0 ? lengths : innerLengths)[axis] = v;
                    }});
  }
  if (needsFresh)
    args.push_back({rnn::ArgKind::Fresh,
                    "fresh",
                    RankedTensorType::get({ShapedType::kDynamic}, i1),
                    {"B"},
                    model.place,
                    [&](Value v) { fresh = v; }});

  SmallVector<mlir::Type> types;
  for (const Arg &arg : args)
    types.push_back(arg.type);
  b.setInsertionPointToEnd(module.getBody());
  auto function = func::FuncOp::create(b, loc(model.place), name,
                                       b.getFunctionType(types, {}));
  Block *entry = b.createBlock(&function.getBody());
  for (size_t i = 0; i < args.size(); ++i) {
    Value value = entry->addArgument(args[i].type, loc(args[i].place));
    SmallVector<StringAttr> names;
    for (const std::string &axis : args[i].axes)
      names.push_back(StringAttr::get(ctx, axis));
    function.setArgAttr(i, rnn::kArgAttrName,
                        rnn::ArgAttr::get(ctx, args[i].kind,
                                          StringAttr::get(ctx, args[i].name),
                                          names));
    args[i].bind(value);
  }
  // Words that are padding may have no letters; no op knows a length of 0.
  for (auto &[axis, each] : innerLengths) {
    Location at = loc(model.axes[axis].place);
    hir::Type type;
    type.elem = hir::Elem::Int;
    type.batch = true;
    type.axes = {model.outerAxis(axis)};
    each = arith::MaxSIOp::create(b, at, each, filled(1, type, at));
  }
  // Padding may hold anything: make it harmless once.
  for (const Arg &arg : args) {
    if (arg.kind != rnn::ArgKind::Input && arg.kind != rnn::ArgKind::Target)
      continue;
    for (size_t i = 0; i < model.inputs.size(); ++i) {
      const hir::Input &input = model.inputs[i];
      int inner = innermost(input.type);
      if (input.name != arg.name ||
          (inner < 0 && (input.type.axes.size() != 1 ||
                         !isRagged(input.type.axes[0]))))
        continue;
      Value masked;
      for (const Node &node : model.nodes)
        if (node.op == hir::Op::Input && node.index == int64_t(i)) {
          if (!masked && inner >= 0)
            masked = maskWithin(values[&node], input.type, inner,
                                loc(input.place));
          if (!masked)
            masked = rnn::MaskOp::create(
                b, loc(input.place), values[&node].getType(), values[&node],
                lengths[model.rootAxis(input.type.axes[0])]);
          values[&node] = masked;
        }
    }
  }
  findProducts();
  emitBlock(model.body);
}

LogicalResult FunctionGen::end() {
  MLIRContext *ctx = module.getContext();
  auto function = cast<func::FuncOp>(b.getInsertionBlock()->getParentOp());
  results.insert(results.end(), states.begin(), states.end());
  SmallVector<Value> returned;
  SmallVector<mlir::Type> types;
  for (const Result &result : results) {
    returned.push_back(result.value);
    types.push_back(result.value.getType());
  }
  func::ReturnOp::create(b, loc(model.place), returned);
  function.setFunctionType(
      b.getFunctionType(function.getFunctionType().getInputs(), types));
  for (size_t i = 0; i < results.size(); ++i) {
    SmallVector<StringAttr> names;
    for (const std::string &axis : results[i].axes)
      names.push_back(StringAttr::get(ctx, axis));
    function.setResultAttr(
        i, rnn::kArgAttrName,
        rnn::ArgAttr::get(ctx, results[i].kind,
                          StringAttr::get(ctx, results[i].name), names));
  }
  return verify(function);
}

/// sum(w e) over valid steps and rows; `total` becomes sum(w).
Value FunctionGen::lossSum(const Node *value, const Node *weight,
                           Value &total) {
  Location at = loc(value);
  hir::Type type = value->type;
  if (weight) {
    type.batch |= weight->type.batch;
    for (int axis : weight->type.axes)
      if (!type.hasAxis(axis))
        type.axes.push_back(axis);
    std::sort(type.axes.begin(), type.axes.end());
  }
  bool ragged = false;
  for (int axis : type.axes)
    ragged |= isRagged(axis) || innerLengths.count(model.rootAxis(axis));
  type.batch |= ragged;
  Value e = expand(values[value], value->type, type, at);
  Value w = weight ? expand(values[weight], weight->type, type, at)
                   : filled(1, type, at);
  if (weight)
    e = arith::MulFOp::create(b, at, e, w);
  auto sumAll = [&](Value x) {
    hir::Type left = type;
    // Axes whose rows differ in length one by one, then the rest at once.
    while (left.axes.size() > 1) {
      int axis = left.axes.back();
      hir::Type next = left;
      next.axes.pop_back();
      if (innerLengths.count(model.rootAxis(axis))) {
        x = sumWithin(x, left, axis, at);
        left = next;
        continue;
      }
      std::string from = labels(left, axis), to;
      for (char c : from)
        if (c != 't')
          to += c;
      x = reduceLabels(rnn::ReduceKind::Sum, x, from, to,
                       isRagged(axis) ? lengths[model.rootAxis(axis)] : Value(),
                       at);
      left = next;
    }
    int axis = left.axes.empty() ? -1 : left.axes[0];
    Value valid = isRagged(axis) ? lengths[model.rootAxis(axis)] : Value();
    return reduceLabels(rnn::ReduceKind::Sum, x, labels(left, axis), "", valid,
                        at);
  };
  total = sumAll(w);
  return sumAll(e);
}

LogicalResult FunctionGen::makeInit() {
  MLIRContext *ctx = module.getContext();
  b.setInsertionPointToEnd(module.getBody());
  auto function = func::FuncOp::create(b, loc(model.place), "init",
                                       b.getFunctionType({b.getI64Type()}, {}));
  Block *entry = b.createBlock(&function.getBody());
  key = entry->addArgument(b.getI64Type(), loc(model.place));
  function.setArgAttr(0, rnn::kArgAttrName,
                      rnn::ArgAttr::get(ctx, rnn::ArgKind::Key,
                                        StringAttr::get(ctx, "key"), {}));
  for (const hir::Param &param : model.params) {
    markLive(param.init);
    emitBlock(param.initBlock);
    results.push_back({rnn::ArgKind::Param,
                       param.name,
                       expand(values[param.init], param.init->type, param.type,
                              loc(param.place)),
                       {}});
  }
  return end();
}

LogicalResult FunctionGen::makeForward() {
  std::vector<const Node *> roots;
  for (const hir::Output &output : model.outputs)
    roots.push_back(output.value);
  if (model.predict)
    roots.push_back(model.predict->value);
  begin("forward", roots);
  for (const hir::Output &output : model.outputs) {
    hir::Type plain = output.value->type;
    for (Size &entry : plain.shape)
      entry.stretch = false;
    results.push_back({rnn::ArgKind::Output, output.name, values[output.value],
                       dynamicDims(plain)});
  }
  // What sampling draws from, if the text does not give it out itself.
  if (model.predict) {
    bool given = false;
    for (const hir::Output &output : model.outputs)
      given |= output.value == model.predict->value;
    if (!given)
      results.push_back({rnn::ArgKind::Output,
                         "predict." + model.predict->target,
                         values[model.predict->value],
                         dynamicDims(model.predict->value->type)});
  }
  return end();
}

LogicalResult FunctionGen::makeEval() {
  std::vector<const Node *> roots;
  for (const hir::Loss &loss : model.losses) {
    roots.push_back(loss.value);
    roots.push_back(loss.weight);
  }
  for (const hir::Metric &metric : model.metrics) {
    roots.push_back(metric.value);
    roots.push_back(metric.weight);
  }
  begin("eval", roots);
  auto add = [&](rnn::ArgKind kind, const std::string &name, const Node *value,
                 const Node *weight) {
    Value total;
    Value sum = lossSum(value, weight, total);
    results.push_back({kind, name, sum, {}});
    results.push_back({rnn::ArgKind::Weight, name, total, {}});
  };
  for (const hir::Loss &loss : model.losses)
    add(rnn::ArgKind::Loss, loss.name, loss.value, loss.weight);
  for (const hir::Metric &metric : model.metrics)
    if (metric.value)
      add(rnn::ArgKind::Metric, metric.name, metric.value, metric.weight);
  return end();
}

LogicalResult FunctionGen::makeLoss() {
  std::vector<const Node *> roots;
  for (const hir::Loss &loss : model.losses) {
    roots.push_back(loss.value);
    roots.push_back(loss.weight);
  }
  begin("loss", roots);
  Value total;
  std::vector<Result> each;
  for (const hir::Loss &loss : model.losses) {
    Location at = loc(loss.value);
    Value weight;
    Value sum = lossSum(loss.value, loss.weight, weight);
    Value mean = arith::DivFOp::create(b, at, sum, weight);
    each.push_back({rnn::ArgKind::Loss, loss.name, mean, {}});
    total = total ? Value(arith::AddFOp::create(b, at, total, mean)) : mean;
  }
  if (!total)
    total = scalar(0, loc(model.place));
  results.push_back({rnn::ArgKind::Loss, "total", total, {}});
  results.insert(results.end(), each.begin(), each.end());
  return end();
}

OwningOpRef<ModuleOp> rnnc::generate(MLIRContext &context,
                                     const hir::Model &model,
                                     const SourceManager &sources,
                                     const GenOptions &options) {
  context.loadDialect<func::FuncDialect, arith::ArithDialect, math::MathDialect,
                      rnn::RNNDialect>();
  PresumedLoc place = sources.locate(model.place.begin);
  Location at =
      place.file ? Location(FileLineColLoc::get(&context, place.file->getName(),
                                                place.line, place.column))
                 : UnknownLoc::get(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(at, StringRef(model.name));
  const hir::Model &evaluation = model.evaluation ? *model.evaluation : model;
  FunctionGen init(*module, model, sources, options, false);
  FunctionGen forward(*module, evaluation, sources, options, false);
  FunctionGen eval(*module, evaluation, sources, options, false);
  FunctionGen loss(*module, options.evaluationLoss ? evaluation : model,
                   sources, options, !options.evaluationLoss);
  if (failed(init.makeInit()) || failed(forward.makeForward()) ||
      failed(eval.makeEval()) || failed(loss.makeLoss()) ||
      failed(verify(*module)))
    return nullptr;
  return module;
}
