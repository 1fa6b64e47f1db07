//===- MinCut.h - Minimum cut of a small graph ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_GRAD_TRANSFORMS_MINCUT_H
#define RNNC_DIALECTS_GRAD_TRANSFORMS_MINCUT_H

#include <cstdint>
#include <vector>

namespace rnnc::grad {

/// A directed graph with capacities, between a source and a sink.
class MinCut {
public:
  static constexpr int kSource = 0, kSink = 1;
  static constexpr int64_t kInfinite = int64_t(1) << 60;

  MinCut() : edges(2) {}
  int addNode() {
    edges.emplace_back();
    return static_cast<int>(edges.size()) - 1;
  }
  void addEdge(int from, int to, int64_t capacity);
  /// For each node whether it lies on the source's side of a minimum cut. Of
  /// several cuts, the one with the smallest source side.
  std::vector<bool> run();

private:
  struct Edge {
    int to;
    int64_t left;
    int back;
  };
  /// Finds a shortest path with capacity left; false if there is none.
  bool augment();

  std::vector<std::vector<Edge>> edges;
  std::vector<bool> reached;
};

} // namespace rnnc::grad

#endif
