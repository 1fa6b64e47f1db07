//===- LibraryModels.cpp - A small model around each definition -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/verify/LibraryModels.h"
#include <algorithm>
#include <map>
#include <set>

using namespace rnnc;

namespace {
/// Makes up the arguments of one definition.
class ModelText {
public:
  ModelText(const ast::Definition &definition, const std::string &cell)
      : definition(definition), cell(cell) {}

  std::optional<LibraryModel> make();

private:
  bool statics();
  bool inputs();
  std::optional<int64_t> size(const ast::Expr *expr);

  const ast::Definition &definition;
  const std::string &cell;
  /// Sizes by letter; a letter not seen before gets the next number.
  std::map<std::string, int64_t> sizes;
  int64_t nextSize = 3;
  /// `(4, 0.3)`, `(x, memory)`, the declarations.
  std::string staticText, declarations;
  std::vector<std::string> forward, backward;
};
} // namespace

std::optional<int64_t> ModelText::size(const ast::Expr *expr) {
  if (auto *number = ast::dynCast<ast::NumberExpr>(expr))
    return number->isInteger ? std::optional(number->integer) : std::nullopt;
  if (auto *name = ast::dynCast<ast::NameExpr>(expr)) {
    auto [it, isNew] = sizes.try_emplace(name->name, nextSize);
    // Different letters get different numbers, so that a mix-up shows.
    nextSize += isNew;
    return it->second;
  }
  auto *binary = ast::dynCast<ast::BinaryExpr>(expr);
  if (!binary)
    return std::nullopt;
  std::optional<int64_t> a = size(binary->lhs), b = size(binary->rhs);
  if (!a || !b)
    return std::nullopt;
  switch (binary->op) {
  case ast::BinaryOp::Add:
    return *a + *b;
  case ast::BinaryOp::Sub:
    return *a - *b;
  case ast::BinaryOp::Mul:
    return *a * *b;
  case ast::BinaryOp::Div:
    return *b ? std::optional(*a / *b) : std::nullopt;
  default:
    return std::nullopt;
  }
}

bool ModelText::statics() {
  std::string list;
  for (const ast::StaticParam &param : definition.statics) {
    if (param.defaultValue) {
      if (auto *number = ast::dynCast<ast::NumberExpr>(param.defaultValue);
          number && number->isInteger && param.kind == ast::StaticKind::Size)
        sizes[param.ident.name] = number->integer;
      continue;
    }
    std::string value;
    switch (param.kind) {
    case ast::StaticKind::Size:
      sizes[param.ident.name] = nextSize + 1;
      value = std::to_string(nextSize + 1);
      nextSize += 2;
      break;
    case ast::StaticKind::Real:
      value = "0.3";
      break;
    case ast::StaticKind::Bool:
      value = "false";
      break;
    case ast::StaticKind::Int:
      value = "1";
      break;
    case ast::StaticKind::Fn:
      value = "tanh";
      break;
    case ast::StaticKind::Layer:
      if (cell.empty() || cell == definition.ident.name)
        return false;
      value = cell + "(3)";
      break;
    case ast::StaticKind::List:
      return false;
    }
    list += (list.empty() ? "" : ", ") + param.ident.name + " = " + value;
  }
  staticText = "(" + list + ")";
  return true;
}

bool ModelText::inputs() {
  for (const ast::InputParam &input : definition.inputs) {
    if (input.defaultValue)
      continue;
    std::string name = "in_" + input.ident.name, type = "seq";
    if (!input.type)
      return false;
    const ast::TypeRef &ref = *input.type;
    // A cell takes one step of its input, so the model gives a sequence; an
    // axis of the type's own is a context that the cell sees whole.
    bool isContext = definition.kind == ast::DefKind::Cell && ref.isSeq;
    if (ref.isSeq && !ref.axes.empty()) {
      type += "(";
      for (const ast::Ident &axis : ref.axes)
        type += (type.back() == '(' ? "" : ", ") + axis.name;
      type += ")";
    }
    if (!ref.shape.empty()) {
      type += " [";
      for (const ast::Expr *extent : ref.shape) {
        std::optional<int64_t> value = size(extent);
        if (!value || *value < 1)
          return false;
        type += (type.back() == '[' ? "" : ", ") + std::to_string(*value);
      }
      type += "]";
    }
    switch (ref.elem) {
    case ast::ElemKind::Real:
      type += ref.shape.empty() ? " real" : "";
      break;
    case ast::ElemKind::Bool:
      type += " bool";
      break;
    case ast::ElemKind::Int: {
      std::optional<int64_t> range = ref.intSize ? size(ref.intSize) : 3;
      if (!range || *range < 1)
        return false;
      type += " int[" + std::to_string(*range) + "]";
      break;
    }
    }
    declarations += "  input " + name + ": " + type + "\n";
    forward.push_back(name);
    backward.push_back(isContext ? name : "reverse(" + name + ")");
  }
  return !forward.empty();
}

std::optional<LibraryModel> ModelText::make() {
  bool isCell = definition.kind == ast::DefKind::Cell;
  if (!isCell && definition.kind != ast::DefKind::Layer)
    return std::nullopt;
  if (definition.outs.empty() || !statics() || !inputs())
    return std::nullopt;
  auto call = [](const std::string &callee,
                 const std::vector<std::string> &arguments) {
    std::string text = callee + "(";
    for (const std::string &argument : arguments)
      text += (text.back() == '(' ? "" : ", ") + argument;
    return text + ")";
  };
  std::string outs, backOuts, losses;
  for (size_t i = 0; i < definition.outs.size(); ++i) {
    std::string y = "y" + std::to_string(i), z = "z" + std::to_string(i);
    outs += (i ? ", " : "") + y;
    backOuts += (i ? ", " : "") + z;
    losses += "  loss sum(sin(1.3 * " + y + " + 0.2))\n";
    losses += "  loss sum(cos(0.7 * " + z + " - 0.4))\n";
  }
  LibraryModel model;
  model.name = definition.ident.name;
  model.isCell = isCell;
  model.text = "model Check_" + model.name + "() {\n" + declarations +
               "  f = " + model.name + staticText + "\n  g = " + model.name +
               staticText + "\n  " + outs + " = " + call("f", forward) +
               "\n  " + backOuts + " = " + call("g", backward) + "\n" + losses +
               "}\n";
  return model;
}

std::optional<LibraryModel>
rnnc::libraryModel(const ast::Definition &definition, const std::string &cell) {
  return ModelText(definition, cell).make();
}

std::vector<LibraryModel>
rnnc::libraryModels(const Program &program,
                    const std::vector<std::string> &names,
                    std::vector<std::string> *unknown) {
  std::vector<const ast::Definition *> definitions;
  if (names.empty())
    definitions = program.library();
  for (const std::string &name : names) {
    if (const ast::Definition *found = program.lookup(program.main(), name))
      definitions.push_back(found);
    else if (unknown)
      unknown->push_back(name);
  }
  // A layer that takes a layer gets the first cell of one size.
  std::string cell;
  for (const ast::Definition *definition : program.library())
    if (cell.empty() && definition->kind == ast::DefKind::Cell &&
        definition->statics.size() == 1 && definition->inputs.size() == 1 &&
        definition->statics[0].kind == ast::StaticKind::Size)
      cell = definition->ident.name;
  std::vector<LibraryModel> models;
  for (const ast::Definition *definition : definitions)
    if (auto model = libraryModel(*definition, cell))
      models.push_back(std::move(*model));
  return models;
}
