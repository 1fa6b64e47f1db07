//===- GraphLayoutTest.cpp - boxes in layers ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/GraphLayout.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace rnnc::driver;

TEST(GraphLayoutTest, LayersByTheLongestWay) {
  // 0 -> 1 -> 2 -> 3, 0 -> 3; 4 leads to 3 only and stands right below it.
  std::vector<LayoutBox> boxes(5);
  const std::vector<LayoutEdge> edges = {
      {0, 1, {}}, {1, 2, {}}, {2, 3, {}}, {0, 3, {}}, {4, 3, {}}};
  assignLayers(boxes, edges);
  const int layers[] = {0, 1, 2, 3, 2};
  for (size_t i = 0; i < boxes.size(); ++i)
    EXPECT_EQ(boxes[i].layer, layers[i]) << i;
}

TEST(GraphLayoutTest, SurvivesCycles) {
  std::vector<LayoutBox> boxes(3);
  assignLayers(boxes, {{0, 1, {}}, {1, 2, {}}, {2, 0, {}}, {1, 1, {}}});
  EXPECT_LT(boxes[0].layer, boxes[1].layer);
  EXPECT_LT(boxes[1].layer, boxes[2].layer);
}

TEST(GraphLayoutTest, KeepsBoxesApartAndUncrossed) {
  // Two layers, each box above its own, given in opposite order.
  std::vector<LayoutBox> boxes;
  std::vector<LayoutEdge> edges;
  for (int i = 0; i < 4; ++i)
    boxes.push_back({20, 0, 0});
  for (int i = 0; i < 4; ++i) {
    boxes.push_back({60, 1, 0});
    edges.push_back({size_t(3 - i), size_t(4 + i), {}});
  }
  const double width = placeInLayers(boxes, edges, 10);
  EXPECT_NEAR(width, 4 * 60 + 3 * 10, 1e-9);
  for (int i = 0; i < 4; ++i)
    EXPECT_NEAR(boxes[size_t(3 - i)].x, boxes[size_t(4 + i)].x, 1e-6);
  for (size_t i = 4; i < 8; ++i)
    for (size_t j = 4; j < i; ++j)
      EXPECT_GE(std::abs(boxes[i].x - boxes[j].x), 70 - 1e-9);
}

TEST(GraphLayoutTest, LeadsLongEdgesPastBoxes) {
  // 0 -> 1 -> 2 and 0 -> 2: the long edge passes layer 1 beside box 1.
  std::vector<LayoutBox> boxes = {{40, 0, 0}, {40, 1, 0}, {40, 2, 0}};
  std::vector<LayoutEdge> edges = {{0, 1, {}}, {1, 2, {}}, {0, 2, {}}};
  placeInLayers(boxes, edges, 10);
  ASSERT_EQ(edges[2].bends.size(), 1u);
  EXPECT_GE(std::abs(edges[2].bends[0] - boxes[1].x), 20 + 10);
  EXPECT_TRUE(edges[0].bends.empty());
}
