//===- RandomModel.cpp - Seeded random model texts ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything is written so that values stay of the order of 1: what grows goes
// through a bounded function, what divides is kept away from 0. Where a
// function has a kink the gradient check copes; steps (sign, floor, comparisons
// of computed values) are left out.
//
//===----------------------------------------------------------------------===//

#include "compiler/verify/RandomModel.h"
#include "compiler/verify/Random.h"

using namespace rnnc;

namespace {
using Shape = std::vector<std::string>;

std::string shapeText(const Shape &shape) {
  if (shape.empty())
    return "real";
  std::string text = "[";
  for (const std::string &extent : shape)
    text += (text.size() > 1 ? ", " : "") + extent;
  return text + "]";
}

/// A name that expressions may use.
struct Name {
  std::string name;
  Shape shape;
  bool isSequence = false;
};
} // namespace

namespace rnnc {
/// Writes the body of one cell or of the model.
class ModelWriter {
public:
  ModelWriter(Random &random, std::string typePrefix)
      : random(random), typePrefix(std::move(typePrefix)) {}

  /// An expression of this shape, at most `depth` operations deep.
  Phrase expression(const Shape &shape, int depth);

  /// A cell; `inner` names cells that it may use, `hasMemory` gives it a whole
  /// sequence over S as a second input.
  RandomCell cell(const std::string &name,
                  const std::vector<std::string> &inner, bool hasMemory,
                  bool isStream);
  static RandomModel model(const RandomModel::Options &options);

private:
  struct CellUse {
    std::string name;
    bool hasSecond = false; ///< a second state c: [n]
    bool hasMemory = false; ///< a second input over S
  };

  std::string fresh(const std::string &stem) {
    return stem + std::to_string(counter++);
  }
  template <class T> const T &pick(const std::vector<T> &from) {
    return from[random.below(static_cast<int64_t>(from.size()))];
  }
  Phrase phrase(std::string pattern, const Shape &shape,
                std::vector<Phrase> parts = {}) {
    return {std::move(pattern), typePrefix + shapeText(shape),
            std::move(parts)};
  }
  /// A new parameter.
  std::string parameter(const Shape &shape);
  Phrase leaf(const Shape &shape);
  Phrase scalar(int depth);
  Phrase vector(const Shape &shape, int depth);
  Phrase matrix(const Shape &shape, int depth);
  Phrase elementwise(const Shape &shape, int depth);
  /// Own shapes of rank 1 in scope.
  std::vector<Shape> vectors() const;
  std::vector<Name> matrices() const;
  /// Defines a name as an expression.
  void define(const std::string &name, Phrase value, const Shape &shape,
              bool isSequence = false);
  void nextState(const std::string &state, const Shape &shape);

  // Parts of a model.
  std::string applyCell(const std::string &input, const CellUse &use,
                        int64_t size);
  void layer(std::string &current, int64_t &size,
             const std::vector<CellUse> &own,
             const std::vector<std::string> &library, bool isStream);
  void loss(const std::string &current, int64_t size, bool isStream,
            RandomModel &model);
  std::string pooled(const std::string &current, int64_t size);

  /// Text of a value for each example, from what has no time axis.
  std::string startOf(const std::string &size);

  Random &random;
  std::string typePrefix;
  int counter = 0;
  std::vector<Name> scope;
  std::vector<Line> declarations, lines;
};
} // namespace rnnc

std::string ModelWriter::parameter(const Shape &shape) {
  static const std::vector<std::string> matrixInit = {
      "glorot_uniform", "normal(0, 0.4)", "orthogonal", "uniform(-0.5, 0.5)"};
  static const std::vector<std::string> otherInit = {"0", "normal(0, 0.5)",
                                                     "0.3", "uniform(-1, 1)"};
  std::string name = fresh(shape.size() == 2 ? "W" : "p");
  std::string init = shape.size() == 2 ? pick(matrixInit) : pick(otherInit);
  declarations.push_back(
      {{"param " + name + ": " + shapeText(shape) + " = " + init, "", {}},
       {name}});
  scope.push_back({name, shape, false});
  return name;
}

Phrase ModelWriter::leaf(const Shape &shape) {
  std::vector<std::string> names;
  for (const Name &name : scope)
    if (name.shape == shape)
      names.push_back(name.name);
  if (!names.empty() && random.chance(0.85)) {
    // Later names are more likely, so that chains get long.
    size_t a = random.below(names.size()), b = random.below(names.size());
    return phrase(names[std::max(a, b)], shape);
  }
  if (shape.empty() && random.chance(0.5))
    return phrase(pick<std::string>({"0.5", "1.5", "2", "0.1"}), shape);
  return phrase(parameter(shape), shape);
}

std::vector<Shape> ModelWriter::vectors() const {
  std::vector<Shape> result;
  for (const Name &name : scope)
    if (name.shape.size() == 1)
      result.push_back(name.shape);
  return result;
}

std::vector<Name> ModelWriter::matrices() const {
  std::vector<Name> result;
  for (const Name &name : scope)
    if (name.shape.size() == 2)
      result.push_back(name);
  return result;
}

Phrase ModelWriter::elementwise(const Shape &shape, int depth) {
  static const std::vector<std::string> unary = {"tanh($0)",
                                                 "sigmoid($0)",
                                                 "sin($0)",
                                                 "cos($0)",
                                                 "relu($0)",
                                                 "softplus($0)",
                                                 "-$0",
                                                 "0.5 * $0",
                                                 "exp(-$0^2)",
                                                 "erf($0)",
                                                 "sqrt(1 + $0 * $0)",
                                                 "log(1 + $0^2)",
                                                 "abs($0)",
                                                 "expm1(tanh($0))",
                                                 "log1p(sigmoid($0))",
                                                 "1 - $0",
                                                 "$0 / 2",
                                                 "tanh($0)",
                                                 "sigmoid($0)",
                                                 "max($0, 0.2)",
                                                 "min($0, 0.7)"};
  static const std::vector<std::string> binary = {"$0 + $1",
                                                  "$0 - $1",
                                                  "tanh($0) * $1",
                                                  "$0 * sigmoid($1)",
                                                  "$0 / (1 + $1 * $1)",
                                                  "max($0, $1)",
                                                  "min($0, $1)",
                                                  "$0 * tanh($1)",
                                                  "$0 + $1"};
  if (random.chance(0.5))
    return phrase(pick(unary), shape, {expression(shape, depth - 1)});
  // One side may be a scalar.
  bool isScalar = !shape.empty() && random.chance(0.15);
  Phrase a = expression(shape, depth - 1);
  Phrase b = expression(isScalar ? Shape{} : shape, depth - 1);
  return phrase(pick(binary), shape, {std::move(a), std::move(b)});
}

Phrase ModelWriter::scalar(int depth) {
  std::vector<Shape> shapes = vectors();
  if (shapes.empty() || random.chance(0.3))
    return elementwise({}, depth);
  Shape inner = pick(shapes);
  static const std::vector<std::string> reductions = {
      "sum($0)",       "mean($0)", "max($0)",      "min($0)",
      "logsumexp($0)", "$0[0]",    "mean($0 * $0)"};
  if (random.chance(0.3)) {
    Phrase a = expression(inner, depth - 1), b = expression(inner, depth - 1);
    return phrase("tanh($0 @ $1)", {}, {std::move(a), std::move(b)});
  }
  return phrase(pick(reductions), {}, {expression(inner, depth - 1)});
}

Phrase ModelWriter::vector(const Shape &shape, int depth) {
  std::string n = shape[0];
  double kind = random.real();
  if (kind < 0.35)
    return elementwise(shape, depth);
  if (kind < 0.7) {
    Shape inner = pick(vectors());
    bool isTurned = random.chance(0.2);
    Shape weights = isTurned ? Shape{inner[0], n} : Shape{n, inner[0]};
    std::string name;
    for (const Name &matrix : matrices())
      if (matrix.shape == weights && random.chance(0.25))
        name = matrix.name;
    if (name.empty())
      name = parameter(weights);
    Phrase v = expression(inner, depth - 1);
    return phrase(name + (isTurned ? ".T" : "") + " @ $0", shape,
                  {std::move(v)});
  }
  if (kind < 0.76)
    return phrase("softmax($0)", shape, {expression(shape, depth - 1)});
  if (kind < 0.82) {
    Phrase a = expression(shape, depth - 1), b = expression(shape, depth - 1);
    return phrase("concat($0, $1)[" + n + ":]", shape,
                  {std::move(a), std::move(b)});
  }
  if (kind < 0.87) {
    Phrase a = expression(shape, depth - 1), b = expression(shape, depth - 1);
    return phrase("where(iota(" + n + ") < 2, $0, $1)", shape,
                  {std::move(a), std::move(b)});
  }
  for (const Name &name : matrices()) {
    Shape rows = {name.shape[0]}, columns = {name.shape[1]};
    if (rows == shape && random.chance(0.5))
      return random.chance(0.5)
                 ? phrase("mean(" + name.name + ", axis = 1)", shape)
                 : phrase("einsum(\"ij,j->i\", " + name.name + ", $0)", shape,
                          {expression(columns, depth - 1)});
    if (columns == shape && random.chance(0.5))
      return random.chance(0.5)
                 ? phrase("sum(" + name.name + ", axis = 0)", shape)
                 : phrase(name.name + "[0]", shape);
  }
  Phrase s = expression({}, depth - 1), v = expression(shape, depth - 1);
  return phrase("tanh($0) * $1", shape, {std::move(s), std::move(v)});
}

Phrase ModelWriter::matrix(const Shape &shape, int depth) {
  Shape rows = {shape[0]}, columns = {shape[1]};
  double kind = random.real();
  if (kind < 0.4) {
    Phrase a = expression(rows, depth - 1), b = expression(columns, depth - 1);
    return phrase("outer($0, $1)", shape, {std::move(a), std::move(b)});
  }
  if (kind < 0.7)
    return elementwise(shape, depth);
  bool isRow = random.chance(0.5);
  Phrase v = expression(isRow ? columns : rows, depth - 1);
  Phrase m = expression(shape, depth - 1);
  return phrase(isRow ? "tanh($0)[_, :] * $1" : "tanh($0)[:, _] * $1", shape,
                {std::move(v), std::move(m)});
}

Phrase ModelWriter::expression(const Shape &shape, int depth) {
  if (depth <= 0 || random.chance(0.1))
    return leaf(shape);
  if (shape.empty())
    return scalar(depth);
  return shape.size() == 1 ? vector(shape, depth) : matrix(shape, depth);
}

void ModelWriter::define(const std::string &name, Phrase value,
                         const Shape &shape, bool isSequence) {
  lines.push_back({{name + " = $0", "line", {std::move(value)}}, {name}});
  scope.push_back({name, shape, isSequence});
}

/// `h' = ...`, bounded.
void ModelWriter::nextState(const std::string &state, const Shape &shape) {
  static const std::vector<std::string> patterns = {
      "tanh($0)",
      "sigmoid($0) * " + std::string("STATE") + " + tanh($1)",
      "STATE + sigmoid($0) * (tanh($1) - STATE)",
      "0.7 * STATE + 0.3 * sin($0)",
      "sigmoid($0) * tanh($1)",
      "tanh(STATE + $0)"};
  std::string pattern = pick(patterns);
  for (size_t at; (at = pattern.find("STATE")) != std::string::npos;)
    pattern.replace(at, 5, state);
  std::vector<Phrase> parts = {expression(shape, 3)};
  if (pattern.find("$1") != std::string::npos)
    parts.push_back(expression(shape, 2));
  lines.push_back(
      {{state + "' = $0", "line", {phrase(pattern, shape, std::move(parts))}},
       {state}});
  scope.push_back({state + "'", shape, false});
}

RandomCell ModelWriter::cell(const std::string &name,
                             const std::vector<std::string> &inner,
                             bool hasMemory, bool isStream) {
  scope.push_back({"x", {"d"}, false});
  std::vector<Name> states = {{"h", {"n"}, false}};
  if (random.chance(0.5))
    states.push_back({"c", {"n"}, false});
  if (random.chance(0.2))
    states.push_back(
        {"M", random.chance(0.5) ? Shape{"n", "d"} : Shape{"n", "n"}, false});
  if (random.chance(0.15))
    states.push_back({"s", {}, false});
  std::vector<Line> stateLines;
  for (const Name &state : states) {
    std::string init;
    // A learned start, declared before the state.
    if (state.shape.size() < 2 && random.chance(0.3)) {
      std::string start = parameter(state.shape);
      init = random.chance(0.5) ? " = " + start : " = tanh(" + start + ")";
    }
    stateLines.push_back(
        {{"state " + state.name + ": " + shapeText(state.shape) + init, "", {}},
         {state.name}});
  }
  for (const Name &state : states)
    scope.push_back(state);

  if (random.chance(0.12)) {
    // Computed once, before the first step, from parameters.
    std::string w = parameter({"n"});
    lines.push_back({{"once m = sin(" + w + ")", "line", {}}, {"m"}});
    scope.push_back({"m", {"n"}, false});
  }
  if (random.chance(0.15)) {
    lines.push_back({{"keep = bernoulli(0.7, [n])", "line", {}}, {"keep"}});
    scope.push_back({"keep", {"n"}, false});
  }
  if (!isStream && random.chance(0.1)) {
    lines.push_back({{"w = sin(0.5 * pos())", "line", {}}, {"w"}});
    scope.push_back({"w", {}, false});
  }
  if (!inner.empty() && random.chance(0.2)) {
    // A cell in a cell, with a state of its own.
    lines.push_back({{"core = " + pick(inner) + "(n)", "line", {}}, {"core"}});
    lines.push_back({{"u = core($0)", "line", {expression({"d"}, 1)}}, {"u"}});
    scope.push_back({"u", {"n"}, false});
  }
  if (hasMemory) {
    if (!inner.empty() && random.chance(0.3)) {
      // A scan in every step.
      lines.push_back(
          {{"reader = " + pick(inner) + "(n)", "line", {}}, {"reader"}});
      lines.push_back({{"z = last(reader(memory))", "line", {}}, {"z"}});
      scope.push_back({"z", {"n"}, false});
    }
    if (scope.back().name != "z" || random.chance(0.5)) {
      // Attention: which entry of the memory fits a vector of this step.
      std::string w = parameter({"n", "m"});
      lines.push_back({{"a = softmax((" + w + " @ memory) @ $0, axis = S)",
                        "line",
                        {expression({"n"}, 1)}},
                       {"a"}});
      lines.push_back({{"g = sum(a * memory, axis = S)", "line", {}}, {"g"}});
      scope.push_back({"g", {"m"}, false});
    }
  }
  int64_t equations = random.between(0, 3);
  for (int64_t i = 0; i < equations; ++i) {
    Shape shape = random.chance(0.8) ? Shape{"n"} : Shape{};
    Phrase value = expression(shape, 3);
    define(fresh("e"), std::move(value), shape);
  }
  if (random.chance(0.15)) {
    // Recurrence in depth, unrolled.
    declarations.push_back(
        {{"param R: [2, n, n] = orthogonal, r: [2, n] = 0", "", {}},
         {"R", "r"}});
    lines.push_back({{"q = $0", "line", {expression({"n"}, 1)}}, {"q"}});
    lines.push_back(
        {{"for l in 0..2 { q' = tanh(R[l] @ q + r[l]) }", "line", {}}, {"q"}});
    scope.push_back({"q", {"n"}, false});
  }
  // The last state first, so that the output sees new values of the others.
  for (size_t i = states.size(); i-- > 0;)
    nextState(states[i].name, states[i].shape);

  RandomCell result;
  result.name = name;
  result.header = name + "(n)(x: [d]" +
                  (hasMemory ? ", memory: seq(S) [m]" : "") + ") -> h";
  result.lines = declarations;
  result.lines.insert(result.lines.end(), stateLines.begin(), stateLines.end());
  result.lines.insert(result.lines.end(), lines.begin(), lines.end());
  return result;
}

std::string ModelWriter::startOf(const std::string &size) {
  std::vector<Name> statics;
  for (const Name &name : scope)
    if (!name.isSequence && name.shape.size() == 1)
      statics.push_back(name);
  if (statics.empty() || random.chance(0.4))
    return "tanh(" + parameter({size}) + ")";
  Name from = pick(statics);
  return "tanh(" + parameter({size, from.shape[0]}) + " @ " + from.name + ")";
}

/// Applies a cell to a sequence in one of the forms the language has; the name
/// of the result.
std::string ModelWriter::applyCell(const std::string &input, const CellUse &use,
                                   int64_t size) {
  std::string n = std::to_string(size), type = "seq [" + n + "]";
  std::string result = fresh("y");
  if (!use.hasMemory && random.chance(0.3)) {
    define(result, {input + " |> " + use.name + "(" + n + ")", type, {}}, {n},
           true);
    return result;
  }
  std::string instance = fresh("f");
  lines.push_back(
      {{instance + " = " + use.name + "(" + n + ")", "line", {}}, {instance}});
  std::string more = use.hasMemory ? ", memory" : "", start = more;
  if (random.chance(0.25))
    start += ", h = " + startOf(n);
  define(result, {instance + "(" + input + start + ")", type, {}}, {n}, true);
  if (use.hasSecond && random.chance(0.4))
    scope.push_back({result + ".c", {n}, true});
  if (random.chance(0.2)) {
    // The same parameters again.
    std::string again = fresh("y");
    define(again, {instance + "(tanh(" + input + ")" + more + ")", type, {}},
           {n}, true);
    std::string sum = fresh("y");
    define(sum, {result + " + " + again, type, {}}, {n}, true);
    return sum;
  }
  return result;
}

/// A value per example from a sequence.
std::string ModelWriter::pooled(const std::string &current, int64_t size) {
  std::string n = std::to_string(size), result = fresh("z");
  static const std::vector<std::string> ways = {
      "last(X)", "first(X)", "mean(X, axis = T)", "sum(X, axis = T) / 3",
      "max(X, axis = T)"};
  std::string text;
  if (random.chance(0.3)) {
    std::string w = parameter({n}), a = fresh("a");
    define(a,
           {"softmax(" + current + " @ " + w + ", axis = T)", "seq real", {}},
           {}, true);
    text = "sum(" + a + " * " + current + ", axis = T)";
  } else {
    text = pick(ways);
    text.replace(text.find('X'), 1, current);
  }
  define(result, {text, "[" + n + "]", {}}, {n}, false);
  return result;
}

void ModelWriter::layer(std::string &current, int64_t &size,
                        const std::vector<CellUse> &own,
                        const std::vector<std::string> &library,
                        bool isStream) {
  auto numeric = [](int64_t n) { return std::to_string(n); };
  std::string n = numeric(size), seq = "seq [" + n + "]";
  double kind = random.real();
  if (kind < 0.55) {
    int64_t next = random.between(1, 5);
    bool isOwn = library.empty() || random.chance(0.75);
    const CellUse &use = own[random.below(static_cast<int64_t>(own.size()))];
    current = applyCell(current, isOwn ? use : CellUse{pick(library)}, next);
    size = next;
    return;
  }
  std::string result = fresh("y");
  if (kind < 0.62) {
    int64_t next = random.between(1, 5);
    std::string act = random.chance(0.5) ? ", act = tanh" : "";
    define(result,
           {"Dense(" + numeric(next) + act + ")(" + current + ")",
            "seq [" + numeric(next) + "]",
            {}},
           {numeric(next)}, true);
    size = next;
  } else if (kind < 0.67) {
    define(result, {current + " |> LayerNorm()", seq, {{current, seq, {}}}},
           {n}, true);
  } else if (kind < 0.72) {
    define(result, {"dropout(" + current + ", 0.3)", seq, {{current, seq, {}}}},
           {n}, true);
  } else if (kind < 0.82 && !isStream && !own.back().hasMemory) {
    const CellUse &use = own[random.below(static_cast<int64_t>(own.size()))];
    int64_t next = random.between(1, 4);
    std::string f = fresh("f"), b = fresh("f"), m = numeric(next);
    lines.push_back({{f + " = " + use.name + "(" + m + ")", "line", {}}, {f}});
    lines.push_back({{b + " = copy(" + f + ")", "line", {}}, {b}});
    define(result,
           {"concat(" + f + "(" + current + "), reverse(" + b + "(reverse(" +
                current + "))))",
            "seq [" + numeric(2 * next) + "]",
            {}},
           {numeric(2 * next)}, true);
    size = 2 * next;
  } else if (kind < 0.88) {
    std::string start =
        isStream || random.chance(0.5) ? "" : ", start = " + parameter({n});
    define(result,
           {"shift(" + current + start + ")", seq, {{current, seq, {}}}}, {n},
           true);
  } else if (kind < 0.93 && !isStream) {
    // A summary of the whole sequence, added to every step.
    std::string z = pooled(current, size);
    define(result, {current + " + tanh(" + z + ")", seq, {{current, seq, {}}}},
           {n}, true);
  } else {
    Phrase value = expression({n}, 3);
    define(result, {current + " + tanh($0)", seq, {std::move(value)}}, {n},
           true);
  }
  current = result;
}

void ModelWriter::loss(const std::string &current, int64_t size, bool isStream,
                       RandomModel &model) {
  bool isAtEnd = !isStream && random.chance(0.35);
  std::string value = isAtEnd ? pooled(current, size) : current;
  std::string seq = isAtEnd ? "" : "seq ";
  double kind = random.real();
  int64_t classes = random.between(2, 5);
  std::string k = std::to_string(classes);
  std::string logits = "logits";
  define(logits, {"Dense(" + k + ")(" + value + ")", seq + "[" + k + "]", {}},
         {k}, !isAtEnd);
  lines.push_back({{"output logits", "line", {}}, {}});
  auto target = [&](const std::string &type) {
    Line line{{"target y: " + seq + type, "", {}}, {"y"}};
    declarations.insert(declarations.begin(), std::move(line));
  };
  if (kind < 0.45) {
    target("int[" + k + "]");
    model.classes["y"] = classes;
    lines.push_back({{"loss nats = cross_entropy(logits, y)", "line", {}}, {}});
  } else if (kind < 0.75) {
    target("[" + k + "]");
    lines.push_back({{"loss mse(logits, y)", "line", {}}, {}});
  } else {
    target("[" + k + "]");
    lines.push_back({{"loss bce(logits, y)", "line", {}}, {}});
  }
  if (random.chance(0.2))
    lines.push_back(
        {{"loss penalty = 0.1 * mean(" + value + " * " + value + ")",
          "line",
          {}},
         {}});
}

RandomModel ModelWriter::model(const RandomModel::Options &options) {
  Random random(options.seed * 0x9E3779B97F4A7C15u + 0x1234567);
  RandomModel model;
  model.stream = random.chance(0.25);
  model.sizes["B"] = random.between(1, 3);
  model.sizes["T"] = random.between(1, 6);

  // A second time axis, of another length, with something to look up.
  bool hasMemory = !model.stream && random.chance(0.25);
  std::vector<CellUse> own;
  std::vector<std::string> inner = options.cells;
  int64_t cellCount = random.between(1, 2);
  for (int64_t i = 0; i < cellCount; ++i) {
    std::string name = "C" + std::to_string(i);
    CellUse use = {name, false, hasMemory && i + 1 == cellCount};
    model.cells.push_back(
        ModelWriter(random, "").cell(name, inner, use.hasMemory, model.stream));
    for (const Line &line : model.cells.back().lines)
      for (const std::string &defined : line.defines)
        use.hasSecond |= defined == "c";
    own.push_back(use);
    inner.push_back(name);
  }

  ModelWriter writer(random, "seq ");
  int64_t size = random.between(1, 4);
  std::string n = std::to_string(size), current;
  if (random.chance(0.6)) {
    writer.lines.push_back({{"input x: seq [" + n + "]", "", {}}, {"x"}});
    writer.scope.push_back({"x", {n}, true});
    current = "x";
  } else {
    int64_t classes = random.between(2, 5);
    std::string v = std::to_string(classes);
    model.classes["x"] = classes;
    writer.lines.push_back({{"input x: seq int[" + v + "]", "", {}}, {"x"}});
    std::string ids = random.chance(0.3) ? "shift(x, start = 0)" : "x";
    current = writer.fresh("y");
    std::string text = random.chance(0.5)
                           ? writer.parameter({v, n}) + "[" + ids + "]"
                           : "Embedding(" + v + ", " + n + ")(" + ids + ")";
    writer.define(current, {text, "seq [" + n + "]", {}}, {n}, true);
  }
  if (hasMemory) {
    writer.lines.push_back({{"input memory: seq(S) [2]", "", {}}, {"memory"}});
    model.sizes["S"] = random.between(1, 4);
    // Read as a whole, or by each step of the other axis.
    if (random.chance(0.3))
      writer.define("m0", {"mean(memory, axis = S)", "[2]", {}}, {"2"}, false);
    if (random.chance(0.3)) {
      std::string w = writer.parameter({std::to_string(size), "2"});
      writer.lines.push_back(
          {{"a0 = softmax((" + w + " @ memory) @ " + current + ", axis = S)",
            "line",
            {}},
           {"a0"}});
      writer.define("m1", {"sum(a0 * memory, axis = S)", "seq [2]", {}}, {"2"},
                    true);
    }
  }
  if (random.chance(0.25)) {
    // Something that each example has once.
    writer.lines.push_back({{"input k: [3]", "", {}}, {"k"}});
    writer.scope.push_back({"k", {"3"}, false});
  }
  if (random.chance(0.1) && !model.stream)
    writer.define("t", {"0.3 * pos(T)", "seq real", {}}, {}, true);
  int64_t layers = random.between(1, 3);
  for (int64_t i = 0; i < layers; ++i)
    writer.layer(current, size, own, options.cells, model.stream);
  writer.loss(current, size, model.stream, model);

  model.lines = writer.declarations;
  model.lines.insert(model.lines.end(), writer.lines.begin(),
                     writer.lines.end());
  model.dropUnused();
  return model;
}

RandomModel RandomModel::generate(const Options &options) {
  return ModelWriter::model(options);
}
