//===- HIR.h - A model as a typed graph -------------------------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What sema makes of a program: all definitions are applied, all loops over
// static ranges unrolled, all sizes known up to letters. A node is one value.
// Batch is not written: a node only says whether it depends on the example.
// MLIRGen turns the graph into the rnn dialect.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_HIR_H
#define RNNC_FRONTENDS_RNN_HIR_H

#include "frontends/rnn/AST.h"
#include "frontends/rnn/Size.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rnnc::hir {

enum class Elem { Real, Int, Bool };

/// Element kind, own shape, time axes (indices into Model::axes, ascending),
/// and whether each example has its own.
struct Type {
  Elem elem = Elem::Real;
  std::optional<Size> range; ///< V of int[V], if known
  std::vector<Size> shape;
  std::vector<int> axes;
  bool batch = false;

  bool isScalar() const { return shape.empty(); }
  bool hasAxis(int axis) const;
};

/// A time axis. `root` is another axis of the same length, or -1. An axis with
/// a `base` has each `every`-th step of it, the first one included. One that is
/// `within` another has a length of its own at each step of that.
struct Axis {
  std::string name;
  int root = -1;
  SourceRange place;
  int base = -1;
  int every = 1;
  int within = -1;
};

enum class Op {
  // Leaves.
  Param,     ///< Model::params[index]
  Input,     ///< Model::inputs[index], targets included
  Constant,  ///< number
  BodyInput, ///< a step of the scan's over[index]
  BodyState, ///< the old value of the scan's states[index]
  Iota,      ///< 0..n-1
  Eye,       ///< number on the diagonal
  Position,  ///< the step along `axis`, real
  Length,    ///< the length of `axis`, real
  InitDraw,  ///< an initial value: text, number
  // Elementwise: operands have the result's own shape or are scalars.
  Neg,
  Exp,
  Expm1,
  Log,
  Log1p,
  Sqrt,
  Abs,
  Sign,
  Floor,
  Sin,
  Cos,
  Tanh,
  Sigmoid,
  Relu,
  Softplus,
  Erf,
  Not,
  ToReal,
  Add,
  Sub,
  Mul,
  Div,
  Rem,
  Pow,
  Max,
  Min,
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge,
  And,
  Or,
  Where,
  Stop, ///< the value; no gradient
  // Own axes.
  Einsum,  ///< text: "ij,j->i"; time axes are shared
  Reduce,  ///< text: sum, prod, max or min, over own axes `ints` or `axis`
  Softmax, ///< over own axis `index`, or along `axis`
  LogSoftmax,
  ArgMax, ///< over the last own axis
  View,   ///< ints: result axis -> operand axis, -1 a new one
  Select, ///< entry `number` of own axis `index`, which goes
  Slice,  ///< own axis `index` from `number`
  Concat, ///< own axis `index`
  Reshape,
  Expand, ///< stretched and filled to the type
  OneHot,
  Gather,       ///< operand 0: table, operand 1: int
  CrossEntropy, ///< operands logits, int
  // Time.
  Shift, ///< operands value, start; `axis`; name: the state in a stream
  Reverse,
  First,
  Last,     ///< along `axis`
  Rename,   ///< along `axis` instead of ints[0]
  Every,    ///< each ints[1]-th step of ints[0], along `axis`
  Scan,     ///< no value of its own
  ScanEmit, ///< operand the scan; emits[index]
  // Random.
  Draw, ///< text: uniform or normal, in [0, 1) or standard; index: stream
  // Training.
  Update, ///< how many updates there were, real
};

struct Node;

/// Nodes in order of computation.
struct Block {
  std::vector<Node *> nodes;
  Node *scan = nullptr; ///< whose body this is; null at the top
  Block *parent = nullptr;
};

/// What a Scan node holds.
struct Scan {
  int axis = -1;
  Block body;
  std::vector<Node *> over, bodyInputs;
  struct State {
    std::string name;     ///< with its path
    Node *init = nullptr; ///< null: zeros
    Node *inside = nullptr, *next = nullptr;
    SourceRange place;
  };
  std::vector<State> states;
  std::vector<Node *> emits;
};

/// One value.
struct Node {
  unsigned id = 0;
  Op op = Op::Constant;
  std::vector<Node *> operands;
  Type type;
  SourceRange place;
  Block *block = nullptr;
  double number = 0;
  std::optional<Poly> poly; ///< of a Constant: the size it is
  int64_t index = 0;
  int axis = -1;
  std::vector<int64_t> ints;
  std::string text;
  std::string name; ///< the path of the definition it comes from
  std::unique_ptr<Scan> scan;
};

struct Param {
  std::string name; ///< path, as in weight files
  Type type;
  bool fixed = false;
  Block initBlock;
  Node *init = nullptr;
  SourceRange place;
  SourceRange owner; ///< where its instance is made; none in the model
};

struct Input {
  std::string name;
  Type type;
  bool target = false;
  SourceRange place;
};

struct Loss {
  std::string name;
  Node *value = nullptr;  ///< scalar; null if `derived` says it
  Node *weight = nullptr; ///< null: 1
  SourceRange place;
};

/// An expression of reduced losses and metrics, such as exp(nats).
struct Derived {
  Op op = Op::Constant;
  double number = 0;
  std::string name; ///< of a loss or metric, if op is Input
  std::vector<std::shared_ptr<Derived>> operands;
};

struct Metric {
  std::string name;
  Node *value = nullptr, *weight = nullptr;
  std::shared_ptr<Derived> derived; ///< instead of value
  SourceRange place;
};

struct Output {
  std::string name;
  Node *value = nullptr;
  SourceRange place;
};

/// The value of a key in a train or sample block or after a statement.
struct OptionValue {
  enum Kind { None, Number, Bool, Word, String, Call } kind = None;
  double number = 0;
  bool flag = false;
  std::string word;                  ///< of Word, String; the callee of Call
  std::vector<OptionValue> args;     ///< of Call
  std::vector<std::string> argNames; ///< "" by position
};

struct Option {
  std::string key;
  OptionValue value;
  SourceRange place, valuePlace;
};

struct Predict {
  std::string target;
  bool sampled = false;
  std::string distribution; ///< "categorical", "ctc", ...; "" without `~`
  int64_t blank = 0;        ///< of "ctc": the class that stands for no label
  Node *value = nullptr;    ///< its argument, or the prediction
  std::vector<Option> options;
  SourceRange place;
};

/// Labels that are spread over the steps of another axis: an example fits if
/// it has a step for each label and one more between equal neighbours, and no
/// label is the blank.
struct Alignment {
  int64_t target = 0;          ///< the labels: index into Model::inputs
  int steps = -1, labels = -1; ///< axes
  int64_t blank = 0;
  SourceRange place;
};

/// A size or number of the model.
struct ModelSize {
  std::string name;
  bool isSize = true; ///< else a real, bool or int
  unsigned letter = 0;
  std::optional<double> value;
  SourceRange place;
};

/// A value that an equation gives a name: `i` of the instance `core`.
struct NamedValue {
  std::string instance; ///< its path; "" in the model
  std::string name;     ///< as written, with the turns of the loops around it
  Node *node = nullptr;
  bool local = false; ///< of the body of a function
  SourceRange place;  ///< of the name
  SourceRange value;  ///< of the equation's right side
};

/// A layer or cell that was applied.
struct AppliedInstance {
  std::string path;
  std::string definition; ///< the name of the layer or cell
  /// Static arguments that are sizes or numbers, as written: "n", its size.
  std::vector<std::pair<std::string, Size>> sizes;
  bool isCell = false;
};

struct Model {
  std::string name;
  SourceRange place;
  SizeTable sizes;
  std::vector<ModelSize> statics;
  std::vector<Axis> axes;
  std::vector<Input> inputs; ///< inputs, then targets
  std::deque<Param> params;
  Block body;
  std::vector<Loss> losses;
  std::vector<Metric> metrics;
  std::vector<Output> outputs;
  std::optional<Predict> predict;
  std::vector<Alignment> alignments;
  std::vector<Option> train, sample;
  std::vector<NamedValue> named;
  std::vector<AppliedInstance> instances; ///< in order of first application
  /// What softmax along a time axis gives, and the axis.
  std::vector<std::pair<Node *, int>> weightings;
  std::deque<Node> nodes; ///< owns all
  int64_t draws = 0;      ///< streams of random numbers
  int64_t initDraws = 0;  ///< the same for initial values
  bool stream = false;
  /// The root of the only axis that goes on in a stream; -1: all do.
  int streamAxis = -1;
  bool usesTraining = false; ///< reads the static `training`
  /// The model with `training` false; null if it is the same.
  std::unique_ptr<Model> evaluation;

  /// A new node; the caller puts it into a block.
  Node *make(Op op, Type type, std::vector<Node *> operands, SourceRange place);
  /// The axis whose length this one has.
  int rootAxis(int axis) const;
  /// Whether an axis goes on from window to window.
  bool streams(int axis) const {
    return stream && (streamAxis < 0 || rootAxis(axis) == streamAxis);
  }
  /// The root of the axis on whose step the length of this one depends, or -1.
  int outerAxis(int axis) const;
  /// The name of an axis's length among the arguments of a function: that of
  /// its root, `T/2` for each second step of T.
  std::string lengthName(int axis) const;
  const Input *findInput(const std::string &name) const;
  const Option *findTrain(const std::string &key) const;
  /// The number of a size; nothing if a letter in it has no value.
  std::optional<int64_t> value(const Size &size) const {
    return sizes.value(size.poly);
  }
  /// The value of a derived metric from those of losses and metrics by name.
  static double evaluate(const Derived &expression,
                         const std::map<std::string, double> &values);
};

/// "[n=256]", "a scalar".
std::string describeShape(const SizeTable &sizes,
                          const std::vector<Size> &shape);
/// "n=256", "n" or "256".
std::string describeSize(const SizeTable &sizes, const Size &size);
/// "seq(T) [n=256]", "int[V=65]", "real".
std::string describeType(const Model &model, const Type &type);
/// The graph as text, for tests and `--emit`.
std::string dump(const Model &model);

} // namespace rnnc::hir

#endif // RNNC_FRONTENDS_RNN_HIR_H
