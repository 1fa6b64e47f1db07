//===- ParseExpr.cpp - Parsing expressions --------------------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/ParserImpl.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::ast;

Expr *Parser::finish(Expr *expr, std::initializer_list<const Expr *> children) {
  for (const Expr *child : children)
    expr->depth = std::max(expr->depth, child ? child->depth + 1 : 1);
  if (expr->depth <= maxExprDepth)
    return expr;
  giveUp(expr->range.begin, "nesting",
         str("expression is deeper than ", maxExprDepth, " operations"));
  return nullptr;
}

Expr *Parser::makeBinary(BinaryOp op, SourceRange opRange, Expr *lhs,
                         Expr *rhs) {
  auto *expr = unit->make<BinaryExpr>(join(lhs->range, rhs->range));
  expr->op = op;
  expr->opRange = opRange;
  expr->lhs = lhs;
  expr->rhs = rhs;
  return finish(expr, {lhs, rhs});
}

/// expr = or { "|>" or }
Expr *Parser::parseExpr() {
  Expr *value = parseOr();
  while (value && isAt("|>")) {
    SourceRange opRange = advance().range;
    Expr *target = parseOr();
    if (!target)
      return nullptr;
    auto *pipe = unit->make<PipeExpr>(join(value->range, target->range));
    pipe->opRange = opRange;
    pipe->value = value;
    pipe->target = target;
    value = finish(pipe, {value, target});
  }
  return value;
}

/// or = and { "or" and }
Expr *Parser::parseOr() {
  Expr *lhs = parseAnd();
  while (lhs && isAt("or")) {
    SourceRange opRange = advance().range;
    Expr *rhs = parseAnd();
    lhs = rhs ? makeBinary(BinaryOp::Or, opRange, lhs, rhs) : nullptr;
  }
  return lhs;
}

/// and = not { "and" not }
Expr *Parser::parseAnd() {
  Expr *lhs = parseNot();
  while (lhs && isAt("and")) {
    SourceRange opRange = advance().range;
    Expr *rhs = parseNot();
    lhs = rhs ? makeBinary(BinaryOp::And, opRange, lhs, rhs) : nullptr;
  }
  return lhs;
}

static std::optional<BinaryOp> comparison(std::string_view text) {
  if (text == "==")
    return BinaryOp::Eq;
  if (text == "!=")
    return BinaryOp::Ne;
  if (text == "<")
    return BinaryOp::Lt;
  if (text == "<=")
    return BinaryOp::Le;
  if (text == ">")
    return BinaryOp::Gt;
  if (text == ">=")
    return BinaryOp::Ge;
  return std::nullopt;
}

/// not = { "not" } sum [ comparison sum ]
Expr *Parser::parseNot() {
  SourceLoc begin = peek().range.begin;
  if (accept("not")) {
    Level level(*this);
    Expr *operand = level.ok ? parseNot() : nullptr;
    if (!operand)
      return nullptr;
    auto *expr = make<UnaryExpr>(begin);
    expr->op = UnaryOp::Not;
    expr->operand = operand;
    return finish(expr, {operand});
  }

  Expr *lhs = parseSum();
  std::optional<BinaryOp> op = comparison(peek().text);
  if (!lhs || !op)
    return lhs;
  SourceRange opRange = advance().range;
  Expr *rhs = parseSum();
  if (!rhs)
    return nullptr;
  if (comparison(peek().text)) {
    diags.error(peek().range, "syntax", "comparisons do not chain")
        .help("write a < b and b < c");
    return nullptr;
  }
  return makeBinary(*op, opRange, lhs, rhs);
}

/// sum = prod { ( "+" | "-" ) prod }
Expr *Parser::parseSum() {
  Expr *lhs = parseProduct();
  while (lhs && isAtAny({"+", "-"})) {
    BinaryOp op = isAt("+") ? BinaryOp::Add : BinaryOp::Sub;
    SourceRange opRange = advance().range;
    Expr *rhs = parseProduct();
    lhs = rhs ? makeBinary(op, opRange, lhs, rhs) : nullptr;
  }
  return lhs;
}

/// prod = unary { ( "*" | "/" | "@" | "%" ) unary }
Expr *Parser::parseProduct() {
  Expr *lhs = parseUnary();
  while (lhs && isAtAny({"*", "/", "@", "%"})) {
    BinaryOp op = isAt("*")   ? BinaryOp::Mul
                  : isAt("/") ? BinaryOp::Div
                  : isAt("@") ? BinaryOp::MatMul
                              : BinaryOp::Mod;
    SourceRange opRange = advance().range;
    Expr *rhs = parseUnary();
    lhs = rhs ? makeBinary(op, opRange, lhs, rhs) : nullptr;
  }
  return lhs;
}

/// unary = { "-" } post [ "^" unary ]: a power binds tighter than the sign
/// before it, and to the right.
Expr *Parser::parseUnary() {
  SourceLoc begin = peek().range.begin;
  if (accept("-")) {
    Level level(*this);
    Expr *operand = level.ok ? parseUnary() : nullptr;
    if (!operand)
      return nullptr;
    auto *expr = make<UnaryExpr>(begin);
    expr->op = UnaryOp::Negate;
    expr->operand = operand;
    return finish(expr, {operand});
  }
  Expr *base = parsePostfix();
  if (!base || !isAt("^"))
    return base;
  SourceRange opRange = advance().range;
  Level level(*this);
  Expr *power = level.ok ? parseUnary() : nullptr;
  return power ? makeBinary(BinaryOp::Pow, opRange, base, power) : nullptr;
}

/// post = atom { call | index | "." ID | "as" ID }
Expr *Parser::parsePostfix() {
  Expr *expr = parseAtom();
  while (expr) {
    SourceLoc begin = expr->range.begin;
    if (isAt("(")) {
      expr = parseCall(expr);
    } else if (isAt("[")) {
      expr = parseIndex(expr);
    } else if (accept(".")) {
      Ident member;
      if (!expectIdent(member, "a name after '.'"))
        return nullptr;
      auto *access = make<MemberExpr>(begin);
      access->base = expr;
      access->member = member;
      expr = finish(access, {expr});
    } else if (accept("as")) {
      Ident axis;
      if (!expectIdent(axis, "the name of a time axis after 'as'"))
        return nullptr;
      auto *renamed = make<AsExpr>(begin);
      renamed->base = expr;
      renamed->axis = axis;
      expr = finish(renamed, {expr});
    } else {
      break;
    }
  }
  return expr;
}

bool Parser::parseList(std::string_view close, SourceLoc opener,
                       const std::function<bool()> &one) {
  if (accept(close))
    return true;
  do {
    if (!one())
      return false;
  } while (accept(","));
  return expectClose(close, opener);
}

bool Parser::expectClose(std::string_view close, SourceLoc opener) {
  std::string_view open = close == ")" ? "(" : "[";
  return expect(close, str("to close '", open, "' of line ", lineOf(opener)));
}

Expr *Parser::parseCall(Expr *callee) {
  Level level(*this);
  if (!level.ok)
    return nullptr;
  SourceLoc opener = advance().range.begin;
  std::vector<Argument> args;
  if (!parseList(")", opener,
                 [&] { return parseArgument(args.emplace_back()); }))
    return nullptr;
  auto *call = make<CallExpr>(callee->range.begin);
  call->callee = callee;
  call->args = std::move(args);
  Expr *result = finish(call, {callee});
  for (const Argument &arg : call->args)
    result = result ? finish(call, {arg.value}) : nullptr;
  return result;
}

/// arg = [ ID { "." ID } "=" ] expr
bool Parser::parseArgument(Argument &arg) {
  SourceLoc begin = peek().range.begin;
  size_t ahead = 0;
  while (isAtIdent(ahead) && isAt(".", ahead + 1))
    ahead += 2;
  if (isAtIdent(ahead) && isAt("=", ahead + 1)) {
    do {
      const Token &name = advance();
      arg.path.push_back({std::string(name.text), name.range});
    } while (accept("."));
    advance();
  }
  arg.value = parseExpr();
  arg.range = rangeFrom(begin);
  return arg.value;
}

Expr *Parser::parseIndex(Expr *base) {
  Level level(*this);
  if (!level.ok)
    return nullptr;
  SourceLoc opener = advance().range.begin;
  std::vector<Index> indices;
  if (isAt("]")) {
    failExpected("an index");
    return nullptr;
  }
  if (!parseList("]", opener,
                 [&] { return parseIndexEntry(indices.emplace_back()); }))
    return nullptr;
  auto *expr = make<IndexExpr>(base->range.begin);
  expr->base = base;
  expr->indices = std::move(indices);
  Expr *result = finish(expr, {base});
  for (const Index &index : expr->indices)
    result = result ? finish(expr, {index.at, index.from, index.to}) : nullptr;
  return result;
}

/// index = "_" | expr | [ expr ] ":" [ expr ]
bool Parser::parseIndexEntry(Index &index) {
  SourceLoc begin = peek().range.begin;
  auto ends = [&] { return isAtAny({",", "]"}); };
  if (accept("_")) {
    index.kind = Index::NewAxis;
  } else {
    if (!isAt(":") && !(index.at = parseExpr()))
      return false;
    if (accept(":")) {
      index.kind = Index::Slice;
      index.from = std::exchange(index.at, nullptr);
      if (!ends() && !(index.to = parseExpr()))
        return false;
    }
  }
  index.range = rangeFrom(begin);
  return true;
}

Expr *Parser::parseAtom() {
  const Token &token = peek();
  SourceLoc begin = token.range.begin;
  if (token.kind == Token::Number) {
    advance();
    auto *number = make<NumberExpr>(begin);
    number->value = numberValue(token);
    number->isInteger = token.isInteger;
    number->integer = token.isInteger ? integerValue(token) : 0;
    return number;
  }
  if (token.kind == Token::String) {
    advance();
    auto *string = make<StringExpr>(begin);
    string->value = token.text.substr(1, token.text.size() - 2);
    return string;
  }
  if (isAt("true") || isAt("false")) {
    advance();
    auto *boolean = make<BoolExpr>(begin);
    boolean->value = token.text == "true";
    return boolean;
  }
  if (accept("training"))
    return make<TrainingExpr>(begin);
  if (token.kind == Token::Ident || isAt("real")) {
    advance();
    bool primed = token.kind == Token::Ident && accept("'");
    auto *name = make<NameExpr>(begin);
    name->name = token.text;
    name->primed = primed;
    return name;
  }
  if (isAt("("))
    return parseParen();
  if (isAt("["))
    return parseListOrComprehension();
  failExpected("an expression");
  return nullptr;
}

Expr *Parser::parseParen() {
  Level level(*this);
  if (!level.ok)
    return nullptr;
  SourceLoc opener = advance().range.begin;
  Expr *inner = parseExpr();
  if (!inner || !expectClose(")", opener))
    return nullptr;
  inner->range = rangeFrom(opener);
  return inner;
}

/// "[" [ expr ,.. | expr "for" ID "in" expr ".." expr ] "]"
Expr *Parser::parseListOrComprehension() {
  Level level(*this);
  if (!level.ok)
    return nullptr;
  SourceLoc opener = advance().range.begin;
  if (accept("]"))
    return make<ListExpr>(opener);
  Expr *first = parseExpr();
  if (!first)
    return nullptr;

  if (accept("for")) {
    auto *loop = unit->make<ComprehensionExpr>({});
    loop->body = first;
    if (!expectIdent(loop->variable, "the variable of the loop") ||
        !expect("in", "after the variable of the loop") ||
        !(loop->from = parseExpr()) ||
        !expect("..", "between the bounds of the loop") ||
        !(loop->to = parseExpr()) || !expectClose("]", opener))
      return nullptr;
    loop->range = rangeFrom(opener);
    return finish(loop, {loop->body, loop->from, loop->to});
  }

  std::vector<Expr *> elements = {first};
  while (accept(","))
    if (!elements.emplace_back(parseExpr()))
      return nullptr;
  if (!expectClose("]", opener))
    return nullptr;
  auto *list = make<ListExpr>(opener);
  list->elements = std::move(elements);
  Expr *result = list;
  for (const Expr *element : list->elements)
    result = result ? finish(list, {element}) : nullptr;
  return result;
}
