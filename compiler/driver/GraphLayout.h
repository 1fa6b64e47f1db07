//===- GraphLayout.h - Boxes in layers --------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Places the boxes of a graph without cycles in layers, so that edges go one
// way, few of them cross, and none runs through a box (Sugiyama, Tagawa & Toda
// 1981).
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_GRAPHLAYOUT_H
#define RNNC_COMPILER_DRIVER_GRAPHLAYOUT_H

#include <cstddef>
#include <vector>

namespace rnnc::driver {

struct LayoutBox {
  double width = 0;
  /// Found: the layer, from 0, and where its middle is.
  int layer = 0;
  double x = 0;
};

struct LayoutEdge {
  size_t from = 0, to = 0;
  /// Found: where it passes each layer between its ends, from lower to higher.
  std::vector<double> bends;
};

/// Layers by the longest way from the beginning; what nothing leads to stands
/// right before what it leads to. Edges of cycles count in one direction only.
void assignLayers(std::vector<LayoutBox> &boxes,
                  const std::vector<LayoutEdge> &edges);

/// Orders the boxes of each layer and places them, `gap` apart, from 0 on;
/// gives the whole width. Edges must lead to higher layers.
double placeInLayers(std::vector<LayoutBox> &boxes,
                     std::vector<LayoutEdge> &edges, double gap);

} // namespace rnnc::driver

#endif
