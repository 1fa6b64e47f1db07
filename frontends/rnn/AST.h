//===- AST.h - The tree of a .rnn text --------------------------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the parser makes and sema reads: one node per phrase of the grammar in
// frontends/README.md. Nodes belong to their SourceUnit and refer to each
// other by plain pointers; a pointer is null only where its comment says so.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_AST_H
#define RNNC_FRONTENDS_RNN_AST_H

#include "frontends/rnn/Source.h"

#include <cassert>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace rnnc::ast {

/// The deepest an expression tree may be, so that walks of it may recurse.
inline constexpr unsigned maxExprDepth = 1024;
/// The deepest brackets and blocks may be nested in a text.
inline constexpr unsigned maxNesting = 256;

/// A name and where it stands.
struct Ident {
  std::string name;
  SourceRange range;
};

/// What a SourceUnit owns.
struct Node {
  SourceRange range;
  virtual ~Node() = default;
};

/// Casts by the static member `classof` of the target, as in LLVM.
template <class To, class From> bool isa(const From *node) {
  return node && To::classof(node);
}
template <class To, class From> const To *dynCast(const From *node) {
  return isa<To>(node) ? static_cast<const To *>(node) : nullptr;
}
template <class To, class From> const To *cast(const From *node) {
  assert(isa<To>(node) && "node is of another kind");
  return static_cast<const To *>(node);
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

enum class ExprKind {
  Number,
  String,
  Bool,
  Training,
  Name,
  List,
  Comprehension,
  Unary,
  Binary,
  Pipe,
  Call,
  Index,
  Member,
  As,
};

/// Parentheses leave no node, but the range of what they hold includes them.
struct Expr : Node {
  const ExprKind kind;
  unsigned depth = 1; ///< of the tree below, at most maxExprDepth

protected:
  explicit Expr(ExprKind kind) : kind(kind) {}
};

/// Gives a node its kind and its classof.
template <ExprKind K> struct ExprOf : Expr {
  ExprOf() : Expr(K) {}
  static bool classof(const Expr *expr) { return expr->kind == K; }
};

/// `12`, `0.5`, `1e-3`. A literal without point and exponent is an integer.
struct NumberExpr : ExprOf<ExprKind::Number> {
  double value = 0;
  bool isInteger = false;
  int64_t integer = 0; ///< if isInteger
};

/// `"hij,hj->hi"`, without the quotes.
struct StringExpr : ExprOf<ExprKind::String> {
  std::string value;
};

struct BoolExpr : ExprOf<ExprKind::Bool> {
  bool value = false;
};

/// The static bool `training`.
struct TrainingExpr : ExprOf<ExprKind::Training> {};

/// `x` or `x'`. The function `real` is a name as well.
struct NameExpr : ExprOf<ExprKind::Name> {
  std::string name;
  bool primed = false;
};

/// `[a, b]`.
struct ListExpr : ExprOf<ExprKind::List> {
  std::vector<Expr *> elements;
};

/// `[body for variable in from..to]`.
struct ComprehensionExpr : ExprOf<ExprKind::Comprehension> {
  Expr *body = nullptr;
  Ident variable;
  Expr *from = nullptr, *to = nullptr;
};

enum class UnaryOp { Negate, Not };

struct UnaryExpr : ExprOf<ExprKind::Unary> {
  UnaryOp op = UnaryOp::Negate;
  Expr *operand = nullptr;
};

enum class BinaryOp {
  Add, Sub, Mul, Div, Mod, MatMul, Pow,
  Eq, Ne, Lt, Le, Gt, Ge,
  And, Or,
};

/// As written: "+", "@", "and".
std::string_view toString(BinaryOp op);

struct BinaryExpr : ExprOf<ExprKind::Binary> {
  BinaryOp op = BinaryOp::Add;
  SourceRange opRange;
  Expr *lhs = nullptr, *rhs = nullptr;
};

/// `value |> target`.
struct PipeExpr : ExprOf<ExprKind::Pipe> {
  SourceRange opRange;
  Expr *value = nullptr, *target = nullptr;
};

/// One argument; `path` is empty if it is by position, `rnn.h =` has two names.
struct Argument {
  std::vector<Ident> path;
  Expr *value = nullptr;
  SourceRange range;
};

struct CallExpr : ExprOf<ExprKind::Call> {
  Expr *callee = nullptr;
  std::vector<Argument> args;
};

/// One entry between the brackets of an IndexExpr.
struct Index {
  enum Kind { NewAxis, At, Slice };
  Kind kind = At;
  Expr *at = nullptr;                 ///< of At
  Expr *from = nullptr, *to = nullptr; ///< of Slice; each may be null
  SourceRange range;
};

struct IndexExpr : ExprOf<ExprKind::Index> {
  Expr *base = nullptr;
  std::vector<Index> indices;
};

/// `base.member`.
struct MemberExpr : ExprOf<ExprKind::Member> {
  Expr *base = nullptr;
  Ident member;
};

/// `base as axis`.
struct AsExpr : ExprOf<ExprKind::As> {
  Expr *base = nullptr;
  Ident axis;
};

//===----------------------------------------------------------------------===//
// Types and declarations
//===----------------------------------------------------------------------===//

enum class ElemKind { Real, Bool, Int };

/// `seq(S, T(S)) [n] real`. What is left out has its default.
struct TypeRef : Node {
  bool isSeq = false;
  std::vector<Ident> axes;     ///< empty for a bare `seq`, which is seq(T)
  bool hasShape = false;
  std::vector<Expr *> shape;   ///< own axes
  ElemKind elem = ElemKind::Real;
  Expr *intSize = nullptr;     ///< V of int[V]; null without
  /// One for each of `axes`: the W of `C(W)`; an empty name without.
  std::vector<Ident> within;
};

enum class StaticKind { Size, Real, Bool, Int, Fn, Layer, List };

/// One static parameter: `n`, `p: real = 0.1`, `f: layer`.
struct StaticParam {
  Ident ident;
  StaticKind kind = StaticKind::Size;
  Expr *intSize = nullptr;      ///< V of int[V]; null without
  Expr *defaultValue = nullptr; ///< null without
  SourceRange range;
};

/// One input of a definition: `x`, `x: [d]`, `p: real = 0`.
struct InputParam {
  Ident ident;
  TypeRef *type = nullptr;      ///< null: anything
  Expr *defaultValue = nullptr; ///< null without
  SourceRange range;
};

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

enum class StmtKind {
  Decl,
  Equation,
  Update,
  For,
  If,
  Output,
  Loss,
  Predict,
  Options,
};

struct Stmt : Node {
  const StmtKind kind;

protected:
  explicit Stmt(StmtKind kind) : kind(kind) {}
};

template <StmtKind K> struct StmtOf : Stmt {
  StmtOf() : Stmt(K) {}
  static bool classof(const Stmt *stmt) { return stmt->kind == K; }
};

/// `{ ... }`.
struct Block : Node {
  std::vector<Stmt *> stmts;
};

enum class DeclKind { State, Param, Fixed, Input, Target };

/// "state", "param" ...
std::string_view toString(DeclKind kind);

/// `Wi, Wf: [n, d] = glorot_uniform`: names that share a type and a value.
struct DeclGroup {
  std::vector<Ident> names;
  TypeRef *type = nullptr;
  Expr *init = nullptr; ///< null without
  SourceRange range;
};

/// `state h: [n], c: [n]`.
struct DeclStmt : StmtOf<StmtKind::Decl> {
  DeclKind declKind = DeclKind::State;
  std::vector<DeclGroup> groups;
  std::string doc;
};

/// `[once] a, b = value`.
struct EquationStmt : StmtOf<StmtKind::Equation> {
  bool once = false;
  std::vector<Ident> names;
  Expr *value = nullptr;
  std::string doc;
};

/// `h' = value`; the range of `ident` is that of `h` alone.
struct UpdateStmt : StmtOf<StmtKind::Update> {
  Ident ident;
  Expr *value = nullptr;
  std::string doc;
};

struct ForStmt : StmtOf<StmtKind::For> {
  Ident variable;
  Expr *from = nullptr, *to = nullptr;
  Block *body = nullptr;
};

struct IfStmt : StmtOf<StmtKind::If> {
  struct Branch {
    Expr *condition = nullptr;
    Block *body = nullptr;
  };
  std::vector<Branch> branches; ///< `if`, then each `else if`
  Block *otherwise = nullptr;   ///< null without `else`
};

struct OutputStmt : StmtOf<StmtKind::Output> {
  struct Output {
    std::optional<Ident> ident;
    Expr *value = nullptr;
  };
  std::vector<Output> outputs;
};

/// `key = value` after a loss, a metric or a prediction, or in a train block.
struct Option {
  Ident key;
  Expr *value = nullptr;
};

struct LossStmt : StmtOf<StmtKind::Loss> {
  bool isMetric = false;
  std::optional<Ident> ident;
  Expr *value = nullptr;
  std::vector<Option> options;
};

/// `predict y ~ value` (sampled) or `predict y = value`.
struct PredictStmt : StmtOf<StmtKind::Predict> {
  Ident ident;
  bool sampled = false;
  Expr *value = nullptr;
  std::vector<Option> options;
};

/// `train { ... }` or `sample { ... }`.
struct OptionsStmt : StmtOf<StmtKind::Options> {
  bool isSample = false;
  std::vector<Option> options;
};

//===----------------------------------------------------------------------===//
// Definitions and files
//===----------------------------------------------------------------------===//

enum class DefKind { Fn, Layer, Cell, Model };

/// "fn", "layer", "cell" or "model", as written.
std::string_view toString(DefKind kind);
/// As said in messages: "function", "layer", "cell" or "model".
std::string_view describe(DefKind kind);

struct SourceUnit;

/// A function, layer, cell or model.
struct Definition : Node {
  DefKind kind = DefKind::Fn;
  Ident ident;
  std::vector<StaticParam> statics; ///< layer, cell, model
  std::vector<InputParam> inputs;   ///< fn, layer, cell
  std::vector<Ident> outs;          ///< fn with a block, layer, cell
  Block *body = nullptr;            ///< null for `fn f(x) = e`
  Expr *value = nullptr;            ///< e of `fn f(x) = e`; else null
  std::string doc;
  SourceRange header;               ///< from `cell` to before the body
  const SourceUnit *unit = nullptr; ///< the file it stands in
};

/// `import "path" as alias`.
struct Import {
  std::string path;
  std::optional<Ident> alias;
  SourceRange range, pathRange;
  const SourceUnit *unit = nullptr; ///< null until loaded, or if it failed
};

/// One parsed file. Owns its tree.
struct SourceUnit {
  const SourceFile *file = nullptr;
  bool isLibrary = false; ///< part of the standard library
  std::vector<Import> imports;
  std::vector<Definition *> definitions;

  /// The definition of that name in this file; null if there is none.
  const Definition *find(std::string_view name) const;

  /// A new node of this unit.
  template <class T> T *make(SourceRange range) {
    auto node = std::make_unique<T>();
    node->range = range;
    T *result = node.get();
    nodes.push_back(std::move(node));
    return result;
  }

private:
  std::vector<std::unique_ptr<Node>> nodes;
};

/// Prints a tree, readable and without places: `--emit=ast`.
void print(std::ostream &out, const SourceUnit &unit);
/// An expression on one line as it would be written, with the brackets it
/// needs.
std::string toString(const Expr *expr);
/// A type as it would be written.
std::string toString(const TypeRef *type);

} // namespace rnnc::ast

#endif // RNNC_FRONTENDS_RNN_AST_H
