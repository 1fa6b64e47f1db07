//===- SemaImpl.h - The inside of sema --------------------------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Only the Sema*.cpp files include this. A Frame is one application of a
// definition; a Val is what an expression is worth at compile time: a node of
// the graph, a number, an instance, a list... A value that an error was said
// about is poison, and nothing more is said about what is made from it.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_SEMAIMPL_H
#define RNNC_FRONTENDS_RNN_SEMAIMPL_H

#include "frontends/rnn/Sema.h"

#include <functional>
#include <set>

namespace rnnc::sema {

using ast::Expr;
using hir::Node;
using hir::Op;
using hir::Type;

/// A number at compile time: exact as a size where it can be, and as a real
/// where its value is known.
struct Num {
  std::optional<Poly> exact;
  std::optional<double> real;
  std::string spelling;
  std::string problem; ///< why there is no exact value
};

struct Instance;
struct Result;

struct Val {
  enum Kind {
    Poison,
    Tensor,
    Number,
    Bool,
    String,
    Function,
    Definition,
    Instance,
    List,
    Tuple,
    Result,
    Reduced,
    Stretch
  } kind = Poison;
  Node *node = nullptr;
  Num number;
  bool flag = false;
  std::string text; ///< of String; name of a built-in Function
  const ast::Definition *def = nullptr;
  std::shared_ptr<sema::Instance> instance;
  std::vector<Val> items;
  std::shared_ptr<sema::Result> result;
  std::shared_ptr<hir::Derived> derived;

  bool isPoison() const { return kind == Poison; }
  static Val of(Node *node) {
    Val val;
    if (node) {
      val.kind = Tensor;
      val.node = node;
    }
    return val;
  }
  static Val of(Num number) {
    Val val;
    val.kind = Number;
    val.number = std::move(number);
    return val;
  }
  static Val of(double number) {
    Num num;
    num.real = number;
    return of(num);
  }
  static Val ofBool(bool flag) {
    Val val;
    val.kind = Bool;
    val.flag = flag;
    return val;
  }
};

/// Where instances, parameters and states get their paths from.
struct PathScope {
  std::string path; ///< "" for the model
  std::map<std::string, int> used;
  std::string join(const std::string &name) const {
    return path.empty() ? name : path + "." + name;
  }
};

/// A layer or cell with its static arguments. Owns parameters.
struct Instance {
  const ast::Definition *def = nullptr;
  std::map<std::string, Val> statics;
  std::map<std::string, SourceRange> staticPlaces;
  std::shared_ptr<PathScope> outer;    ///< where it gets its name
  std::string suffix;                  ///< of the loops around it
  std::shared_ptr<PathScope> paths;    ///< set when it has a name
  std::map<std::string, Size> letters; ///< those in shapes of parameters
  std::map<std::string, int64_t> params;
  SourceRange place;
};

/// What an application gave: its outputs and every name of the body.
struct Result {
  const ast::Definition *def = nullptr;
  std::map<std::string, Val> names;
  Node *scan = nullptr; ///< null if nothing was scanned
  Node *steps = nullptr; ///< the scan around it that steps an outer axis
};

struct Binding {
  enum Kind { Local, State, Param, Input, Static, Loop } kind = Local;
  Val val;
  SourceRange place;
  size_t depth = 0; ///< of the loops around it
  uint32_t use = 0; ///< key into Sema::staticUse; 0: not watched
};

struct StateVar {
  std::string name;
  Type type;
  SourceRange place;
  hir::Node *scan = nullptr; ///< whose carry it is; null if given (step)
  size_t index = 0;
};

/// One application of a definition (or the model).
struct Frame {
  const ast::Definition *def = nullptr;
  std::shared_ptr<Instance> instance;
  std::map<std::string, Binding> names;
  std::map<std::string, std::pair<Val, SourceRange>> next;
  std::map<std::string, Size> letters;
  std::map<std::string, int> axes;
  std::vector<int64_t> loops; ///< indices of the static loops around
  std::shared_ptr<PathScope> paths;
  std::vector<StateVar> states;
  std::map<std::string, std::pair<Val, SourceRange>> inits;
  std::set<std::string> usedInits;
  std::vector<int> lifted; ///< axes that states get beyond their types
  bool isStep = false;
  bool rigidLetters = false; ///< checked alone
  SourceRange applied;
  Frame *caller = nullptr;
  std::map<std::string, SourceRange> later; ///< names defined further on
};

/// One argument of a call after evaluation.
struct Arg {
  std::vector<std::string> path; ///< "" by position
  Val val;
  const Expr *expr = nullptr;
  SourceRange place;
};

class Sema {
public:
  Sema(const Program &program, const SemaOptions &options,
       DiagnosticEngine &diags)
      : program(program), options(options), diags(diags) {}
  std::unique_ptr<hir::Model> run();

private:
  const Program &program;
  const SemaOptions &options;
  DiagnosticEngine &diags;
  std::unique_ptr<hir::Model> model;
  Frame *frame = nullptr;
  hir::Block *block = nullptr;
  int depth = 0;
  unsigned errors = 0;
  uint64_t work = 0; ///< nodes and statements so far
  std::set<std::pair<uint32_t, std::string>> said;
  std::set<std::string> stateNames;
  std::set<const ast::Definition *> reached;
  std::map<uint32_t, std::pair<std::string, bool>> paramUse;  ///< by place
  std::map<uint32_t, std::pair<std::string, bool>> staticUse; ///< the same
  const hir::Type *initType = nullptr; ///< the parameter being initialised
  bool outOfWork = false;
  std::string early; ///< what is being computed before the first step

  //===--- Messages (Sema.cpp) -------------------------------------------===//
  Diagnostic *error(SourceRange at, const char *id, std::string message);
  Val poison() { return Val(); }
  std::string shapeOf(const Type &type) const {
    return hir::describeShape(model->sizes, type.shape);
  }
  std::string describe(const Val &val) const;
  void noteDeclared(Diagnostic *diagnostic, const Expr *expr, const Node *node);
  std::optional<std::string> suggestion(const std::string &name) const;
  Val unknownName(SourceRange at, const std::string &name);
  bool inLibrary(SourceRange at) const;
  std::string written(const Expr *expr) const;
  bool spend(SourceRange at, uint64_t amount = 1);

  //===--- Definitions, statements (Sema.cpp, SemaStmt.cpp) --------------===//
  const ast::Definition *findDefinition(const std::string &name) const;
  void runModel(const ast::Definition *def);
  void checkAlone(const ast::Definition *def);
  void runBlock(const ast::Block *block);
  void runStmt(const ast::Stmt *stmt);
  void runDecl(const ast::DeclStmt *stmt);
  void declareState(const ast::DeclGroup &group, const ast::Ident &ident);
  void declareParam(const ast::DeclGroup &group, const ast::Ident &ident,
                    bool fixed);
  void declareInput(const ast::DeclGroup &group, const ast::Ident &ident,
                    bool target);
  void runEquation(const ast::EquationStmt *stmt);
  void runUpdate(const ast::UpdateStmt *stmt);
  void runFor(const ast::ForStmt *stmt);
  void runIf(const ast::IfStmt *stmt);
  void leaveUndecided(const ast::Block *body);
  void define(const ast::Ident &ident, Val val, SourceRange value);
  void keepName(const ast::Ident &ident, const Val &val, SourceRange value);
  void nameInstances(Val &val, const std::string &name);
  void collectNames(const ast::Block *block);
  bool staticRange(const Expr *from, const Expr *to, int64_t &first,
                   int64_t &last);
  std::optional<bool> staticCondition(const Expr *expr);

  //===--- Model statements (SemaModel.cpp) ------------------------------===//
  void runOutput(const ast::OutputStmt *stmt);
  void runLoss(const ast::LossStmt *stmt);
  void runPredict(const ast::PredictStmt *stmt);
  bool runAlignedPrediction(hir::Predict &predict, const ast::CallExpr &call,
                            const hir::Input &target);
  void runOptions(const ast::OptionsStmt *stmt);
  hir::OptionValue optionValue(const Expr *expr);
  void checkStream();
  void checkLeak();
  void checkMasks();
  void finish();
  std::shared_ptr<hir::Derived> toDerived(const Val &val);

  //===--- Types (SemaTypes.cpp) -----------------------------------------===//
  std::optional<Size> evalSize(const Expr *expr, bool bindLetters);
  std::optional<Num> evalNumber(const Expr *expr);
  std::optional<Type> evalType(const ast::TypeRef *type, bool bindAxes);
  bool settleOuter(const ast::TypeRef &ref, size_t i, int axis, bool isNew);
  int findAxis(const std::string &name) const;
  int onlyNamed(const std::vector<int> &axes) const;
  std::string unknownAxis(const std::string &name) const;
  bool unifySize(const Size &a, const Size &b, SourceRange place = {});
  std::string mustEqual(const Type &a, const Type &b) const;
  std::string mustEqual(const Size &a, const Size &b) const;
  bool checkSizeRange(const Size &size, SourceRange at);
  std::optional<int64_t> intValue(const Val &val, SourceRange at,
                                  const char *what);

  //===--- Graph (SemaGraph.cpp) -----------------------------------------===//
  Node *make(Op op, Type type, std::vector<Node *> operands, SourceRange at);
  Node *constant(double value, SourceRange at);
  Node *unary(Op op, Node *x, SourceRange at);
  Node *binary(Op op, Node *a, Node *b, SourceRange at, const char *name,
               const Expr *lhs = nullptr, const Expr *rhs = nullptr);
  Node *where(Node *c, Node *a, Node *b, SourceRange at);
  Node *einsum(const std::string &spec, Node *a, Node *b, SourceRange at,
               const char *name, const Expr *lhs = nullptr,
               const Expr *rhs = nullptr);
  Node *matmul(Node *a, Node *b, SourceRange at, const Expr *lhs,
               const Expr *rhs);
  Node *reduce(const char *kind, Node *x, std::vector<int64_t> own, int axis,
               SourceRange at);
  Node *toReal(Node *x, SourceRange at);
  Node *expandTo(Node *x, const Type &type, SourceRange at);
  Node *concat(const std::vector<Node *> &parts, int64_t own, SourceRange at);
  Node *slice(Node *x, int64_t own, int64_t from, Size size, SourceRange at);
  Node *select(Node *x, int64_t own, int64_t at, SourceRange place);
  Node *view(Node *x, const std::vector<int64_t> &from, SourceRange at);
  Node *gather(Node *table, Node *ids, SourceRange at);
  bool hoist(Node *node, hir::Block *to, std::string &culprit);
  bool isInside(const hir::Block *inner, const hir::Block *outer) const;
  Type joined(const std::vector<Node *> &operands) const;
  Node *toTensor(const Val &val, SourceRange at);
  Node *emitted(Result &result, Node *node, SourceRange at);
  Node *emittedFrom(Node *scanNode, Node *node, SourceRange at);

  //===--- Expressions (SemaExpr.cpp) ------------------------------------===//
  Val eval(const Expr *expr);
  Val evalName(const ast::NameExpr *expr);
  Val evalUnary(const ast::UnaryExpr *expr);
  Val evalBinary(const ast::BinaryExpr *expr);
  Val binaryVals(ast::BinaryOp op, const Val &a, const Val &b, SourceRange at,
                 const Expr *lhs, const Expr *rhs);
  Val evalPipe(const ast::PipeExpr *expr);
  Val evalIndex(const ast::IndexExpr *expr);
  Val evalMember(const ast::MemberExpr *expr);
  Val evalComprehension(const ast::ComprehensionExpr *expr);
  Val evalAs(const ast::AsExpr *expr);
  Val evalCall(const ast::CallExpr *expr);
  Val member(const Val &base, const ast::Ident &name, SourceRange at);
  Num numUnary(Op op, const Num &a);
  Num numBinary(ast::BinaryOp op, const Num &a, const Num &b);
  std::optional<bool> compare(ast::BinaryOp op, const Num &a, const Num &b);

  //===--- Applications (SemaApply.cpp) ----------------------------------===//
  Val call(const Val &callee, std::vector<Arg> args, SourceRange at,
           const Expr *calleeExpr);
  std::vector<Arg> evalArgs(const std::vector<ast::Argument> &args);
  Val instantiate(const ast::Definition *def,
                  const std::vector<ast::Argument> &args, SourceRange at);
  Val apply(const std::shared_ptr<Instance> &instance, std::vector<Arg> args,
            SourceRange at, bool isStep);
  Val applyDefinition(const ast::Definition *def,
                      const std::shared_ptr<Instance> &instance,
                      std::vector<Arg> args, SourceRange at, bool isStep);
  bool bindInputs(Frame &callee, std::vector<Arg> &args, SourceRange at,
                  int axis, std::vector<int> &extra, bool isCell,
                  std::vector<std::pair<const ast::InputParam *, Val>> &bound);
  bool checkArgument(const ast::InputParam &input, Node *node, int scanned,
                     SourceRange at);
  void bindLetters(Frame &callee);
  void settleName(Instance &instance);
  void keepInstance(const Instance &instance);
  void adoptStatics(Instance &instance);
  std::optional<int64_t> ensureParam(const std::shared_ptr<Instance> &instance,
                                     const std::string &name);
  Node *advance(const std::string &name, Node *init, Type type, SourceRange at,
                size_t &index);
  std::string uniqueState(const std::string &name);
  Val finishResult(Frame &callee, Node *scan, SourceRange at);

  //===--- Lengths that depend on a step (SemaWithin.cpp) ----------------===//
  bool isStepping(int axis) const;
  int missingOuter(int axis) const;
  bool checkInnerLengths(const Type &type, int axis, const std::string &what,
                         SourceRange at);
  int namedAxis(const Arg &arg, const std::vector<Arg> &args) const;
  Val atEachStep(int outer, std::vector<Arg> args, SourceRange at,
                 const std::function<Val(std::vector<Arg>)> &inside);

  //===--- Built-in operations (SemaBuiltins*.cpp) -----------------------===//
  static bool isBuiltin(const std::string &name);
  static const std::vector<std::string> &builtinNames();
  Val callBuiltin(const std::string &name, std::vector<Arg> args,
                  SourceRange at);
  int axisOfCall(const std::string &name, const std::vector<Arg> &args);
  struct BuiltinCall;
  Val builtinReduce(BuiltinCall &call);
  Val builtinSoftmax(BuiltinCall &call);
  Val builtinShape(BuiltinCall &call);
  Val builtinTime(BuiltinCall &call);
  Val builtinLoss(BuiltinCall &call);
  Val builtinDraw(BuiltinCall &call);
  Val builtinInit(BuiltinCall &call);
  Val builtinMinMax(BuiltinCall &call);
  Val builtinCumsum(BuiltinCall &call);
  Val builtinCtc(BuiltinCall &call);
  Val builtinEvery(BuiltinCall &call);
  int axisOfEvery(const std::string &name, int base, int64_t every,
                  SourceRange at);
  const ast::Definition *libraryDefinition(const std::string &name) const;
  Node *sumSoFar(Node *x, int axis, SourceRange at);
  bool checkAlignment(Node *z, SourceRange zPlace, Node *y, SourceRange yPlace);
  std::optional<int64_t> blankOf(const Arg *arg, Node *z);
  std::optional<std::vector<Size>> shapeArg(const Arg &arg);
  int timeAxis(BuiltinCall &call, Node *x);
  Node *shiftOnce(Node *x, Node *start, int axis, const Expr *expr,
                  SourceRange at);
  Val initDraw(const std::string &kind, double number, SourceRange at);

  friend struct FrameScope;
};

/// Sets a member for as long as it lives.
template <class T> class Saved {
public:
  Saved(T &slot, T value) : slot(slot), old(slot) { slot = value; }
  ~Saved() { slot = old; }

private:
  T &slot;
  T old;
};

} // namespace rnnc::sema

#endif // RNNC_FRONTENDS_RNN_SEMAIMPL_H
