//===- ParserImpl.h - The parser's inside -----------------------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One method for each rule of the grammar. A method that fails has given its
// error and returns null or false; its callers return at once, up to the
// statement, which skips to where the next one begins.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_PARSERIMPL_H
#define RNNC_FRONTENDS_RNN_PARSERIMPL_H

#include "frontends/rnn/Parser.h"

#include <functional>
#include <initializer_list>

namespace rnnc {

class Parser {
public:
  Parser(const SourceFile &file, DiagnosticEngine &diags)
      : file(file), diags(diags) {}

  ParsedText run();

private:
  // Tokens.
  const Token &peek(size_t ahead = 0) const {
    return tokens[std::min(position + ahead, tokens.size() - 1)];
  }
  const Token &advance();
  bool isAt(std::string_view text, size_t ahead = 0) const;
  bool isAtAny(std::initializer_list<std::string_view> texts) const;
  bool isAtIdent(size_t ahead = 0) const {
    return peek(ahead).kind == Token::Ident;
  }
  bool accept(std::string_view text);
  /// Takes `text`, or says "expected 'text' WHY, found ...".
  bool expect(std::string_view text, std::string_view why);
  bool expectIdent(ast::Ident &ident, std::string_view what);
  /// From the first token to the last one taken.
  SourceRange rangeFrom(SourceLoc begin) const { return {begin, lastEnd}; }
  unsigned lineOf(SourceLoc loc) const;
  unsigned columnOf(SourceLoc loc) const;

  // Errors and recovery.
  bool failExpected(std::string_view what);
  std::string spell(const Token &token) const;
  /// Ends the parse: all that follows would be a consequence.
  void giveUp(SourceRange at, std::string id, std::string message);
  bool startsDefinition() const;
  bool startsStatement() const;
  bool gaveUp() const { return tokens.back().kind == Token::Invalid; }
  void skipStatement(size_t first);
  void skipToDefinition();

  /// Counts one level of nesting while it lives; `ok` is false when there are
  /// too many, which has been said.
  struct Level {
    Parser &parser;
    bool ok;
    explicit Level(Parser &parser);
    ~Level() { --parser.nesting; }
  };

  // Definitions.
  void parseFile();
  void parseImport();
  void parseDefinition();
  bool parseHeader(ast::Definition &def);
  bool parseStatics(ast::Definition &def);
  bool parseInputs(ast::Definition &def);
  bool parseOuts(ast::Definition &def);
  bool parseStatic(ast::StaticParam &param);
  bool parseInput(ast::InputParam &param);
  ast::TypeRef *parseType();
  bool parseAxes(ast::TypeRef &type);
  bool parseElem(ast::TypeRef &type);
  bool startsElem() const { return isAtAny({"real", "bool", "int"}); }
  /// `[V]` after `int`, if it is there.
  bool parseIntSize(ast::Expr *&size);
  std::string takeDoc() const;

  // Statements.
  ast::Block *parseBlock(std::string_view what, SourceLoc opener);
  void parseStatements(ast::Block &block, const std::string &closing);
  ast::Stmt *parseStatement();
  ast::Stmt *parseDecl();
  bool parseDeclGroup(ast::DeclGroup &group);
  ast::Stmt *parseEquation();
  ast::Stmt *parseFor();
  ast::Stmt *parseIf();
  ast::Stmt *parseOutput();
  ast::Stmt *parseLoss();
  ast::Stmt *parsePredict();
  ast::Stmt *parseOptionsBlock();
  bool parseOption(ast::Option &option);
  bool parseOptions(std::vector<ast::Option> &options);
  bool parseIdents(std::vector<ast::Ident> &idents, std::string_view what);

  // Expressions.
  ast::Expr *parseExpr();
  ast::Expr *parseOr();
  ast::Expr *parseAnd();
  ast::Expr *parseNot();
  ast::Expr *parseSum();
  ast::Expr *parseProduct();
  ast::Expr *parseUnary();
  ast::Expr *parsePostfix();
  ast::Expr *parseAtom();
  ast::Expr *parseParen();
  ast::Expr *parseListOrComprehension();
  ast::Expr *parseCall(ast::Expr *callee);
  ast::Expr *parseIndex(ast::Expr *base);
  bool parseArgument(ast::Argument &arg);
  bool parseIndexEntry(ast::Index &index);
  /// `one` repeated with commas between, up to the closing bracket. `opener`
  /// is where the bracket was opened.
  bool parseList(std::string_view close, SourceLoc opener,
                 const std::function<bool()> &one);
  bool expectClose(std::string_view close, SourceLoc opener);
  ast::Expr *makeBinary(ast::BinaryOp op, SourceRange opRange, ast::Expr *lhs,
                        ast::Expr *rhs);
  /// Sets the depth of a node from those below; null if that is too deep.
  ast::Expr *finish(ast::Expr *expr,
                    std::initializer_list<const ast::Expr *> children);
  /// A new node that begins at `begin` and ends with the last token taken.
  template <class T> T *make(SourceLoc begin) {
    return unit->make<T>(rangeFrom(begin));
  }

  const SourceFile &file;
  DiagnosticEngine &diags;
  std::unique_ptr<ast::SourceUnit> unit;
  TokenStream stream;
  std::vector<Token> &tokens = stream.tokens;
  std::vector<bool> begins;
  size_t position = 0;
  SourceLoc lastEnd;
  unsigned nesting = 0;
};

} // namespace rnnc

#endif // RNNC_FRONTENDS_RNN_PARSERIMPL_H
