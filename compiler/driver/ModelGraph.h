//===- ModelGraph.h - A model as boxes and edges ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What one draws of a model on a board: data, layers and cells by their names
// in the text, equations of the model, losses, outputs, and what flows between.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_MODELGRAPH_H
#define RNNC_COMPILER_DRIVER_MODELGRAPH_H

#include "frontends/rnn/HIR.h"
#include "frontends/rnn/Source.h"

namespace rnnc::driver {

struct GraphBox {
  enum Kind { Data, Target, Cell, Layer, Equation, Loss, Output };
  Kind kind = Equation;
  std::string title;
  std::vector<std::string> lines;
  /// States that it hands to its next step.
  std::vector<std::string> states;
  /// The time axis along which it has steps (a root axis), or -1.
  int axis = -1;
  /// It goes through the steps from the last to the first.
  bool reversed = false;
};

struct GraphEdge {
  size_t from = 0, to = 0;
  /// So many steps earlier.
  int64_t delay = 0;
  /// Turns the order of the steps around.
  bool reverse = false;
  /// Only the last step, or only the first, is read.
  bool last = false, first = false;
  /// It is what a state begins with.
  bool initial = false;
  std::string label;
};

struct ModelGraph {
  std::vector<GraphBox> boxes;
  std::vector<GraphEdge> edges;
  /// Names of the axes that boxes have.
  std::map<int, std::string> axes;
};

/// The graph of a model. Boxes that nothing leads to or from are left out.
ModelGraph graphOf(const hir::Model &model, const SourceManager &sources);

} // namespace rnnc::driver

#endif
