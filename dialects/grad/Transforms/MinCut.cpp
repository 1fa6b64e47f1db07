//===- MinCut.cpp - Minimum cut of a small graph --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shortest augmenting paths (Edmonds and Karp 1972): graphs have tens of nodes.
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Transforms/MinCut.h"
#include <algorithm>

using namespace rnnc::grad;

void MinCut::addEdge(int from, int to, int64_t capacity) {
  edges[from].push_back({to, capacity, static_cast<int>(edges[to].size())});
  edges[to].push_back({from, 0, static_cast<int>(edges[from].size()) - 1});
}

bool MinCut::augment() {
  std::vector<std::pair<int, int>> cameBy(edges.size(), {-1, -1});
  reached.assign(edges.size(), false);
  reached[kSource] = true;
  std::vector<int> queue{kSource};
  for (size_t next = 0; next < queue.size(); ++next) {
    int node = queue[next];
    for (int i = 0; i < static_cast<int>(edges[node].size()); ++i) {
      const Edge &edge = edges[node][i];
      if (edge.left <= 0 || reached[edge.to])
        continue;
      reached[edge.to] = true;
      cameBy[edge.to] = {node, i};
      queue.push_back(edge.to);
    }
  }
  if (!reached[kSink])
    return false;
  int64_t flow = kInfinite;
  for (int node = kSink; node != kSource; node = cameBy[node].first)
    flow = std::min(flow, edges[cameBy[node].first][cameBy[node].second].left);
  for (int node = kSink; node != kSource; node = cameBy[node].first) {
    Edge &edge = edges[cameBy[node].first][cameBy[node].second];
    edge.left -= flow;
    edges[node][edge.back].left += flow;
  }
  // A path without a finite edge never ends; no cut exists then.
  return flow < kInfinite;
}

std::vector<bool> MinCut::run() {
  while (augment()) {
  }
  return reached;
}
