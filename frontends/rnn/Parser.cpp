//===- Parser.cpp - Parsing files and definitions -------------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Also the parser's tools: tokens, errors, and where to go on after one.
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/ParserImpl.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::ast;

ParsedText rnnc::parseText(const SourceFile &file, DiagnosticEngine &diags) {
  return Parser(file, diags).run();
}

ParsedText Parser::run() {
  unsigned errorsBefore = diags.errorCount();
  unit = std::make_unique<SourceUnit>();
  unit->file = &file;
  stream = lex(file, diags);
  begins.resize(tokens.size());
  lastEnd = file.locAt(0);
  parseFile();
  if (unit->definitions.empty() && diags.errorCount() == errorsBefore)
    diags.error(file.locAt(0), "empty",
                "text defines nothing; expected a fn, layer, cell or model");
  return {std::move(unit), std::move(stream), std::move(begins)};
}

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

const Token &Parser::advance() {
  const Token &token = peek();
  if (token.kind != Token::End)
    ++position;
  lastEnd = token.range.end;
  return token;
}

bool Parser::isAt(std::string_view text, size_t ahead) const {
  const Token &token = peek(ahead);
  return (token.kind == Token::Punct || token.kind == Token::Keyword) &&
         token.text == text;
}

bool Parser::isAtAny(std::initializer_list<std::string_view> texts) const {
  return std::any_of(texts.begin(), texts.end(),
                     [&](std::string_view text) { return isAt(text); });
}

bool Parser::accept(std::string_view text) {
  if (!isAt(text))
    return false;
  advance();
  return true;
}

bool Parser::expect(std::string_view text, std::string_view why) {
  return accept(text) || failExpected(str("'", text, "' ", why));
}

bool Parser::expectIdent(Ident &ident, std::string_view what) {
  const Token &token = peek();
  if (token.kind == Token::Keyword) {
    diags.error(token.range, "syntax",
                str("expected ", what, ", found '", token.text,
                    "', which is a reserved word"));
    return false;
  }
  if (token.kind != Token::Ident)
    return failExpected(what);
  advance();
  ident = {std::string(token.text), token.range};
  return true;
}

unsigned Parser::lineOf(SourceLoc loc) const {
  return file.lineOf(file.offsetOf(loc));
}

unsigned Parser::columnOf(SourceLoc loc) const {
  size_t offset = file.offsetOf(loc);
  return unsigned(offset - file.lineStart(file.lineOf(offset))) + 1;
}

//===----------------------------------------------------------------------===//
// Errors and recovery
//===----------------------------------------------------------------------===//

std::string Parser::spell(const Token &token) const {
  constexpr size_t longest = 40;
  if (token.kind == Token::End)
    return "end of file";
  if (token.text.size() > longest)
    return str("'", token.text.substr(0, longest), "...'");
  return str("'", token.text, "'");
}

bool Parser::failExpected(std::string_view what) {
  if (peek().kind != Token::Invalid)
    diags.error(peek().range, "syntax",
                str("expected ", what, ", found ", spell(peek())));
  return false;
}

void Parser::giveUp(SourceRange at, std::string id, std::string message) {
  diags.error(at, std::move(id), std::move(message));
  // What follows is not looked at, and nobody asks why it is missing.
  position = tokens.size() - 1;
  tokens.back().kind = Token::Invalid;
}

Parser::Level::Level(Parser &parser)
    : parser(parser), ok(++parser.nesting <= maxNesting) {
  if (!ok)
    parser.giveUp(parser.peek().range, "nesting",
                  str("nesting is deeper than ", maxNesting));
}

bool Parser::startsDefinition() const {
  return isAtAny({"import", "fn", "layer", "cell", "model"});
}

bool Parser::startsStatement() const {
  return isAtIdent() || isAtAny({"state", "param", "fixed", "input", "target",
                                 "once", "for", "if", "output", "loss",
                                 "metric", "predict", "train", "sample"});
}

/// Goes to where the statement after the one at `first` seems to begin: at a
/// `;`, at a `}` that closes the block around it, or at a line that is not
/// indented more. The failed statement may have read past that place.
void Parser::skipStatement(size_t first) {
  if (gaveUp())
    return;
  unsigned column = columnOf(tokens[first].range.begin);
  unsigned open = 0;
  for (position = first; position + 1 < tokens.size() && !startsDefinition();
       advance()) {
    if (open == 0 && isAtAny({"}", ";"}))
      return;
    if (position > first && peek().firstOnLine && startsStatement() &&
        columnOf(peek().range.begin) <= column)
      return;
    if (isAt("{"))
      ++open;
    if (isAt("}"))
      --open;
  }
}

void Parser::skipToDefinition() {
  while (position + 1 < tokens.size() &&
         !(startsDefinition() && peek().firstOnLine))
    advance();
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

/// file = { import | fn | def | model }
void Parser::parseFile() {
  while (position + 1 < tokens.size()) {
    begins[position] = true;
    if (isAt("import")) {
      parseImport();
    } else if (startsDefinition()) {
      parseDefinition();
    } else {
      failExpected("import, fn, layer, cell or model");
      advance();
      skipToDefinition();
    }
  }
}

/// "import" STRING [ "as" ID ]
void Parser::parseImport() {
  SourceLoc begin = advance().range.begin;
  Import import;
  if (peek().kind != Token::String) {
    failExpected("the name of a file in quotes after 'import'");
    return skipToDefinition();
  }
  const Token &path = advance();
  import.path = path.text.substr(1, path.text.size() - 2);
  import.pathRange = path.range;
  if (accept("as") && !expectIdent(import.alias.emplace(), "a name after 'as'"))
    return skipToDefinition();
  import.range = rangeFrom(begin);
  unit->imports.push_back(std::move(import));
}

//===----------------------------------------------------------------------===//
// Definitions
//===----------------------------------------------------------------------===//

std::string Parser::takeDoc() const {
  size_t begin = position ? tokens[position - 1].commentsEnd : 0;
  size_t end = peek().commentsEnd;
  size_t first = end;
  while (first > begin && stream.comments[first - 1].isDoc() &&
         stream.comments[first - 1].ownLine)
    --first;
  std::string doc;
  for (; first < end; ++first) {
    std::string_view line = stream.comments[first].text.substr(3);
    if (line.starts_with(" "))
      line.remove_prefix(1);
    doc += str(doc.empty() ? "" : "\n", line);
  }
  return doc;
}

void Parser::parseDefinition() {
  std::string doc = takeDoc();
  const Token &keyword = advance();
  SourceLoc begin = keyword.range.begin;
  auto *def = unit->make<Definition>(keyword.range);
  def->kind = keyword.text == "fn"      ? DefKind::Fn
              : keyword.text == "layer" ? DefKind::Layer
              : keyword.text == "cell"  ? DefKind::Cell
                                        : DefKind::Model;
  def->doc = std::move(doc);
  def->unit = unit.get();

  bool ok = parseHeader(*def);
  def->header = rangeFrom(begin);
  if (ok && def->kind == DefKind::Fn && accept("=")) {
    def->value = parseExpr();
    if (!(ok = def->value))
      return skipToDefinition();
  } else {
    // A body after a bad header is read for its own errors.
    while (!ok && position + 1 < tokens.size() && !isAt("{") &&
           !startsDefinition())
      advance();
    if (!ok && !isAt("{"))
      return;
    def->body = parseBlock(describe(def->kind), begin);
    if (!def->body)
      return skipToDefinition();
  }
  def->range = rangeFrom(begin);
  if (ok)
    unit->definitions.push_back(def);
}

/// Everything between the keyword and the body.
bool Parser::parseHeader(Definition &def) {
  std::string what(describe(def.kind));
  if (!expectIdent(def.ident, str("the name of the ", what)))
    return false;
  if (def.kind != DefKind::Fn && !parseStatics(def))
    return false;
  if (def.kind != DefKind::Model && !parseInputs(def))
    return false;
  if (def.kind == DefKind::Model || (def.kind == DefKind::Fn && isAt("=")))
    return true;
  return parseOuts(def);
}

bool Parser::parseStatics(Definition &def) {
  SourceLoc opener = peek().range.begin;
  return expect("(", str("to begin the sizes of ", describe(def.kind), " '",
                         def.ident.name, "'")) &&
         parseList(")", opener,
                   [&] { return parseStatic(def.statics.emplace_back()); });
}

bool Parser::parseInputs(Definition &def) {
  SourceLoc opener = peek().range.begin;
  return expect("(", str("to begin the inputs of ", describe(def.kind), " '",
                         def.ident.name, "'")) &&
         parseList(")", opener,
                   [&] { return parseInput(def.inputs.emplace_back()); });
}

/// outs = "->" ( ID | "(" ID ,.. ")" )
bool Parser::parseOuts(Definition &def) {
  if (def.kind == DefKind::Fn && !isAt("->"))
    return failExpected(
        str("'=' or '->' after the inputs of function '", def.ident.name, "'"));
  if (!expect("->", str("before the output of ", describe(def.kind), " '",
                        def.ident.name, "'")))
    return false;
  SourceLoc opener = peek().range.begin;
  if (accept("("))
    return parseIdents(def.outs, "the name of an output") &&
           expectClose(")", opener);
  return expectIdent(def.outs.emplace_back(), "the name of the output");
}

/// static = ID [ ":" kind ] [ "=" expr ]
bool Parser::parseStatic(StaticParam &param) {
  SourceLoc begin = peek().range.begin;
  if (!expectIdent(param.ident, "the name of a size"))
    return false;
  if (accept(":")) {
    if (accept("real"))
      param.kind = StaticKind::Real;
    else if (accept("bool"))
      param.kind = StaticKind::Bool;
    else if (accept("fn"))
      param.kind = StaticKind::Fn;
    else if (accept("layer"))
      param.kind = StaticKind::Layer;
    else if (accept("list"))
      param.kind = StaticKind::List;
    else if (accept("int"))
      param.kind = StaticKind::Int;
    else
      return failExpected("real, bool, int, fn, layer or list");
    if (param.kind == StaticKind::Int && !parseIntSize(param.intSize))
      return false;
  }
  if (accept("=") && !(param.defaultValue = parseExpr()))
    return false;
  param.range = rangeFrom(begin);
  return true;
}

/// input = ID [ ":" type ] [ "=" expr ]
bool Parser::parseInput(InputParam &param) {
  SourceLoc begin = peek().range.begin;
  if (!expectIdent(param.ident, "the name of an input"))
    return false;
  if (accept(":") && !(param.type = parseType()))
    return false;
  if (accept("=") && !(param.defaultValue = parseExpr()))
    return false;
  param.range = rangeFrom(begin);
  return true;
}

/// axis = ID [ "(" ID ")" ]
bool Parser::parseAxes(TypeRef &type) {
  do {
    Ident &outer = type.within.emplace_back();
    if (!expectIdent(type.axes.emplace_back(), "the name of a time axis"))
      return false;
    SourceLoc opener = peek().range.begin;
    if (accept("(") && !(expectIdent(outer, "the name of a time axis") &&
                         expectClose(")", opener)))
      return false;
  } while (accept(","));
  return true;
}

/// type = [ "seq" [ "(" axis ,.. ")" ] ] ( "[" expr ,.. "]" [ elem ] | elem )
TypeRef *Parser::parseType() {
  SourceLoc begin = peek().range.begin;
  auto *type = unit->make<TypeRef>({});
  if (accept("seq")) {
    type->isSeq = true;
    SourceLoc opener = peek().range.begin;
    if (accept("(") && !(parseAxes(*type) && expectClose(")", opener)))
      return nullptr;
  }
  if (isAt("[")) {
    Level level(*this);
    if (!level.ok)
      return nullptr;
    SourceLoc opener = advance().range.begin;
    type->hasShape = true;
    do {
      if (!type->shape.emplace_back(parseExpr()))
        return nullptr;
    } while (accept(","));
    if (!expectClose("]", opener))
      return nullptr;
    if (startsElem() && !parseElem(*type))
      return nullptr;
  } else if (startsElem()) {
    if (!parseElem(*type))
      return nullptr;
  } else {
    failExpected(type->isSeq ? "the type of one step after 'seq'" : "a type");
    return nullptr;
  }
  type->range = rangeFrom(begin);
  return type;
}

/// elem = "real" | "bool" | "int" [ "[" expr "]" ]
bool Parser::parseElem(TypeRef &type) {
  if (accept("real")) {
    type.elem = ElemKind::Real;
    return true;
  }
  if (accept("bool")) {
    type.elem = ElemKind::Bool;
    return true;
  }
  advance();
  type.elem = ElemKind::Int;
  return parseIntSize(type.intSize);
}

bool Parser::parseIntSize(Expr *&size) {
  if (!isAt("["))
    return true;
  Level level(*this);
  if (!level.ok)
    return false;
  SourceLoc opener = advance().range.begin;
  return (size = parseExpr()) && expectClose("]", opener);
}
