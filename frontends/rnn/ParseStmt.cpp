//===- ParseStmt.cpp - Parsing statements ---------------------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/ParserImpl.h"

using namespace rnnc;
using namespace rnnc::ast;

/// block = "{" { stmt [ ";" ] } "}". `what` names what it belongs to, which
/// begins at `opener`.
Block *Parser::parseBlock(std::string_view what, SourceLoc opener) {
  Level level(*this);
  if (!level.ok)
    return nullptr;
  SourceLoc begin = peek().range.begin;
  if (!expect("{", str("to begin the body of the ", what)))
    return nullptr;
  auto *block = unit->make<Block>({});
  parseStatements(*block,
                  str("to close the ", what, " of line ", lineOf(opener)));
  block->range = rangeFrom(begin);
  return block;
}

void Parser::parseStatements(Block &block, const std::string &closing) {
  while (true) {
    while (accept(";"))
      ;
    if (accept("}"))
      return;
    if (position + 1 == tokens.size() || startsDefinition()) {
      expect("}", closing);
      return;
    }
    size_t first = position;
    begins[first] = true;
    if (Stmt *stmt = parseStatement()) {
      block.stmts.push_back(stmt);
      continue;
    }
    skipStatement(first);
    if (position == first)
      advance();
  }
}

Stmt *Parser::parseStatement() {
  if (isAtAny({"state", "param", "fixed", "input", "target"}))
    return parseDecl();
  if (isAtIdent() || isAt("once"))
    return parseEquation();
  if (isAt("for"))
    return parseFor();
  if (isAt("if"))
    return parseIf();
  if (isAt("output"))
    return parseOutput();
  if (isAtAny({"loss", "metric"}))
    return parseLoss();
  if (isAt("predict"))
    return parsePredict();
  if (isAtAny({"train", "sample"}))
    return parseOptionsBlock();
  failExpected("a statement");
  return nullptr;
}

/// ID ,..
bool Parser::parseIdents(std::vector<Ident> &idents, std::string_view what) {
  do {
    if (!expectIdent(idents.emplace_back(), what))
      return false;
  } while (accept(","));
  return true;
}

/// ( "state" | "param" | "fixed" | "input" | "target" ) decl ,..
Stmt *Parser::parseDecl() {
  std::string doc = takeDoc();
  const Token &keyword = advance();
  std::vector<DeclGroup> groups;
  do {
    if (!parseDeclGroup(groups.emplace_back()))
      return nullptr;
  } while (accept(","));
  auto *decl = make<DeclStmt>(keyword.range.begin);
  for (DeclKind kind : {DeclKind::State, DeclKind::Param, DeclKind::Fixed,
                        DeclKind::Input, DeclKind::Target})
    if (keyword.text == toString(kind))
      decl->declKind = kind;
  decl->groups = std::move(groups);
  decl->doc = std::move(doc);
  return decl;
}

/// decl = ID ,.. ":" type [ "=" expr ]
bool Parser::parseDeclGroup(DeclGroup &group) {
  SourceLoc begin = peek().range.begin;
  if (!parseIdents(group.names, "a name to declare"))
    return false;
  if (!expect(":", str("and a type after '", group.names.back().name, "'")))
    return false;
  if (!(group.type = parseType()))
    return false;
  if (accept("=") && !(group.init = parseExpr()))
    return false;
  group.range = rangeFrom(begin);
  return true;
}

/// [ "once" ] ID ,.. "=" expr | ID "'" "=" expr
Stmt *Parser::parseEquation() {
  std::string doc = takeDoc();
  SourceLoc begin = peek().range.begin;
  bool once = accept("once");
  std::vector<Ident> names;
  if (!parseIdents(names, "the name that the equation defines"))
    return nullptr;

  bool isUpdate = !once && names.size() == 1 && accept("'");
  if (isAt("'") && once) {
    diags.error(peek().range, "syntax", "'once' cannot update a state");
    return nullptr;
  }
  if (isAt("'")) {
    diags.error(peek().range, "syntax", "an update has one name")
        .help(str("write an equation for ", names.back().name, "' alone"));
    return nullptr;
  }
  if (isAt(":")) {
    failExpected(str("'=' after '", names.back().name, "'"));
    return nullptr;
  }
  if (!expect("=", str("after '", names.back().name, isUpdate ? "''" : "'")))
    return nullptr;
  Expr *value = parseExpr();
  if (!value)
    return nullptr;

  if (isUpdate) {
    auto *update = make<UpdateStmt>(begin);
    update->ident = names.front();
    update->value = value;
    update->doc = std::move(doc);
    return update;
  }
  auto *equation = make<EquationStmt>(begin);
  equation->once = once;
  equation->names = std::move(names);
  equation->value = value;
  equation->doc = std::move(doc);
  return equation;
}

/// "for" ID "in" expr ".." expr block
Stmt *Parser::parseFor() {
  SourceLoc begin = advance().range.begin;
  auto *loop = unit->make<ForStmt>({});
  if (!expectIdent(loop->variable, "the variable of the loop") ||
      !expect("in", "after the variable of the loop") ||
      !(loop->from = parseExpr()) ||
      !expect("..", "between the bounds of the loop") ||
      !(loop->to = parseExpr()) || !(loop->body = parseBlock("loop", begin)))
    return nullptr;
  loop->range = rangeFrom(begin);
  return loop;
}

/// "if" expr block { "else" "if" expr block } [ "else" block ]
Stmt *Parser::parseIf() {
  SourceLoc begin = peek().range.begin;
  auto *result = unit->make<IfStmt>({});
  do {
    SourceLoc keyword = advance().range.begin;
    IfStmt::Branch &branch = result->branches.emplace_back();
    if (!(branch.condition = parseExpr()) ||
        !(branch.body = parseBlock("if", keyword)))
      return nullptr;
  } while (isAt("else") && isAt("if", 1) && accept("else"));
  SourceLoc keyword = peek().range.begin;
  if (accept("else") && !(result->otherwise = parseBlock("else", keyword)))
    return nullptr;
  result->range = rangeFrom(begin);
  return result;
}

/// "output" out ,..   out = [ ID "=" ] expr
Stmt *Parser::parseOutput() {
  SourceLoc begin = advance().range.begin;
  auto *result = unit->make<OutputStmt>({});
  do {
    OutputStmt::Output &output = result->outputs.emplace_back();
    if (isAtIdent() && isAt("=", 1)) {
      expectIdent(output.ident.emplace(), "a name");
      advance();
    }
    if (!(output.value = parseExpr()))
      return nullptr;
  } while (accept(","));
  result->range = rangeFrom(begin);
  return result;
}

/// ( "loss" | "metric" ) [ ID "=" ] expr opts
Stmt *Parser::parseLoss() {
  const Token &keyword = advance();
  auto *loss = unit->make<LossStmt>({});
  loss->isMetric = keyword.text == "metric";
  if (isAtIdent() && isAt("=", 1)) {
    expectIdent(loss->ident.emplace(), "a name");
    advance();
  }
  if (!(loss->value = parseExpr()) || !parseOptions(loss->options))
    return nullptr;
  loss->range = rangeFrom(keyword.range.begin);
  return loss;
}

/// "predict" ID ( "~" | "=" ) expr opts
Stmt *Parser::parsePredict() {
  SourceLoc begin = advance().range.begin;
  auto *predict = unit->make<PredictStmt>({});
  if (!expectIdent(predict->ident, "the target to predict"))
    return nullptr;
  predict->sampled = accept("~");
  if (!predict->sampled && !accept("=")) {
    failExpected(str("'~' or '=' after '", predict->ident.name, "'"));
    return nullptr;
  }
  if (!(predict->value = parseExpr()) || !parseOptions(predict->options))
    return nullptr;
  predict->range = rangeFrom(begin);
  return predict;
}

/// ( "train" | "sample" ) "{" [ ID "=" expr opts ] "}"
Stmt *Parser::parseOptionsBlock() {
  const Token &keyword = advance();
  SourceLoc begin = keyword.range.begin;
  auto *result = unit->make<OptionsStmt>({});
  result->isSample = keyword.text == "sample";
  if (!expect("{", str("after '", keyword.text, "'")))
    return nullptr;
  if (!isAt("}") && !(parseOption(result->options.emplace_back()) &&
                      parseOptions(result->options)))
    return nullptr;
  if (!expect("}", str("to close the ", keyword.text, " block of line ",
                       lineOf(begin))))
    return nullptr;
  result->range = rangeFrom(begin);
  return result;
}

/// opts = { "," ID "=" expr }
bool Parser::parseOptions(std::vector<Option> &options) {
  while (accept(","))
    if (!parseOption(options.emplace_back()))
      return false;
  return true;
}

/// ID "=" expr
bool Parser::parseOption(Option &option) {
  return expectIdent(option.key, "the name of an option") &&
         expect("=", str("after '", option.key.name, "'")) &&
         (option.value = parseExpr());
}
