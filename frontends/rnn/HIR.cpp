//===- HIR.cpp - A model as a typed graph ---------------------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/HIR.h"

#include <algorithm>
#include <cmath>
#include <sstream>

using namespace rnnc;
using namespace rnnc::hir;

bool Type::hasAxis(int axis) const {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

Node *Model::make(Op op, Type type, std::vector<Node *> operands,
                  SourceRange at) {
  Node &node = nodes.emplace_back();
  node.id = nodes.size() - 1;
  node.op = op;
  node.type = std::move(type);
  node.operands = std::move(operands);
  node.place = at;
  return &node;
}

int Model::rootAxis(int axis) const {
  while (axis >= 0 && axes[axis].root >= 0)
    axis = axes[axis].root;
  return axis;
}

int Model::outerAxis(int axis) const {
  return axis < 0 ? -1 : rootAxis(axes[rootAxis(axis)].within);
}

std::string Model::lengthName(int axis) const {
  const Axis &root = axes[rootAxis(axis)];
  return root.base < 0
             ? root.name
             : lengthName(root.base) + "/" + std::to_string(root.every);
}

const Input *Model::findInput(const std::string &wanted) const {
  for (const Input &input : inputs)
    if (input.name == wanted)
      return &input;
  return nullptr;
}

const Option *Model::findTrain(const std::string &key) const {
  for (const Option &option : train)
    if (option.key == key)
      return &option;
  return nullptr;
}

double Model::evaluate(const Derived &expression,
                       const std::map<std::string, double> &values) {
  auto operand = [&](size_t i) {
    return evaluate(*expression.operands[i], values);
  };
  switch (expression.op) {
  case Op::Constant:
    return expression.number;
  case Op::Input: {
    auto it = values.find(expression.name);
    return it == values.end() ? std::nan("") : it->second;
  }
  case Op::Neg:
    return -operand(0);
  case Op::Exp:
    return std::exp(operand(0));
  case Op::Expm1:
    return std::expm1(operand(0));
  case Op::Log:
    return std::log(operand(0));
  case Op::Log1p:
    return std::log1p(operand(0));
  case Op::Sqrt:
    return std::sqrt(operand(0));
  case Op::Abs:
    return std::fabs(operand(0));
  case Op::Tanh:
    return std::tanh(operand(0));
  case Op::Sigmoid:
    return 1 / (1 + std::exp(-operand(0)));
  case Op::Add:
    return operand(0) + operand(1);
  case Op::Sub:
    return operand(0) - operand(1);
  case Op::Mul:
    return operand(0) * operand(1);
  case Op::Div:
    return operand(0) / operand(1);
  case Op::Pow:
    return std::pow(operand(0), operand(1));
  case Op::Max:
    return std::max(operand(0), operand(1));
  case Op::Min:
    return std::min(operand(0), operand(1));
  default:
    return std::nan("");
  }
}

std::string hir::describeSize(const SizeTable &sizes, const Size &size) {
  if (size.stretch)
    return "_";
  Poly poly = sizes.normalize(size.poly);
  if (std::optional<int64_t> number = poly.constant()) {
    std::string digits = std::to_string(*number);
    return size.spelling.empty() || size.spelling == digits
               ? digits
               : size.spelling + "=" + digits;
  }
  return size.spelling.empty() ? sizes.print(poly) : size.spelling;
}

std::string hir::describeShape(const SizeTable &sizes,
                               const std::vector<Size> &shape) {
  if (shape.empty())
    return "a scalar";
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    out += (i ? ", " : "") + describeSize(sizes, shape[i]);
  return out + "]";
}

std::string hir::describeType(const Model &model, const Type &type) {
  std::string out;
  if (!type.axes.empty()) {
    out = "seq(";
    for (size_t i = 0; i < type.axes.size(); ++i)
      out += (i ? ", " : "") + model.axes[type.axes[i]].name;
    out += ")";
  }
  if (!type.shape.empty())
    out += (out.empty() ? "" : " ") + describeShape(model.sizes, type.shape);
  if (type.elem == Elem::Bool)
    out += (out.empty() ? "" : " ") + std::string("bool");
  else if (type.elem == Elem::Int)
    out +=
        (out.empty() ? "" : " ") + std::string("int") +
        (type.range ? "[" + describeSize(model.sizes, *type.range) + "]" : "");
  else if (type.shape.empty())
    out += (out.empty() ? "" : " ") + std::string("real");
  return out;
}

static const char *name(Op op) {
  static const char *const names[] = {
      "param",   "input",   "constant", "step_of", "old",
      "iota",    "eye",     "position", "length",  "init",
      "neg",     "exp",     "expm1",    "log",     "log1p",
      "sqrt",    "abs",     "sign",     "floor",   "sin",
      "cos",     "tanh",    "sigmoid",  "relu",    "softplus",
      "erf",     "not",     "to_real",  "add",     "sub",
      "mul",     "div",     "rem",      "pow",     "max",
      "min",     "eq",      "ne",       "lt",      "le",
      "gt",      "ge",      "and",      "or",      "where",
      "stop",    "einsum",  "reduce",   "softmax", "log_softmax",
      "argmax",  "view",    "select",   "slice",   "concat",
      "reshape", "expand",  "one_hot",  "gather",  "cross_entropy",
      "shift",   "reverse", "first",    "last",    "rename",
      "every",
      "scan",    "emit",    "draw",   "update"};
  static_assert(sizeof(names) / sizeof(*names) == size_t(Op::Update) + 1);
  return names[size_t(op)];
}

static void dumpBlock(std::ostream &out, const Model &model, const Block &block,
                      const std::string &indent) {
  for (const Node *node : block.nodes) {
    out << indent << "%" << node->id << " = " << name(node->op);
    if (!node->text.empty())
      out << " " << node->text;
    switch (node->op) {
    case Op::Param:
      out << " " << model.params[node->index].name;
      break;
    case Op::Input:
      out << " " << model.inputs[node->index].name;
      break;
    case Op::Constant:
      out << " " << node->number;
      break;
    case Op::Concat:
    case Op::Slice:
    case Op::Select:
    case Op::Softmax:
    case Op::LogSoftmax:
    case Op::ScanEmit:
      out << " " << node->index;
      break;
    default:
      break;
    }
    for (const Node *operand : node->operands)
      out << " %" << operand->id;
    if (node->axis >= 0)
      out << " over " << model.axes[node->axis].name;
    if (node->scan) {
      const Scan &scan = *node->scan;
      out << " over " << model.axes[scan.axis].name << " {\n";
      dumpBlock(out, model, scan.body, indent + "  ");
      for (const Scan::State &state : scan.states) {
        if (!state.next)
          continue;
        out << indent << "  next " << state.name << " = %" << state.next->id;
        if (state.init)
          out << " from %" << state.init->id;
        out << "\n";
      }
      out << indent << "}\n";
      continue;
    }
    out << " : " << describeType(model, node->type)
        << (node->type.batch ? "" : " shared") << "\n";
  }
}

std::string hir::dump(const Model &model) {
  std::ostringstream out;
  out << "model " << model.name << "\n";
  for (const Input &input : model.inputs)
    out << (input.target ? "target " : "input ") << input.name << ": "
        << describeType(model, input.type) << "\n";
  for (const Param &param : model.params)
    out << (param.fixed ? "fixed " : "param ") << param.name << ": "
        << describeType(model, param.type) << "\n";
  dumpBlock(out, model, model.body, "");
  for (const Loss &loss : model.losses)
    if (loss.value)
      out << "loss " << loss.name << " = %" << loss.value->id << "\n";
  for (const Metric &metric : model.metrics) {
    out << "metric " << metric.name;
    if (metric.value)
      out << " = %" << metric.value->id;
    out << "\n";
  }
  for (const Output &output : model.outputs)
    out << "output " << output.name << " = %" << output.value->id << "\n";
  return out.str();
}
