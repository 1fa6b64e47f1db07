//===- GraphLayout.cpp - Boxes in layers ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/GraphLayout.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace rnnc;
using namespace rnnc::driver;

void driver::assignLayers(std::vector<LayoutBox> &boxes,
                          const std::vector<LayoutEdge> &edges) {
  const size_t count = boxes.size();
  std::vector<std::vector<size_t>> out(count), in(count);
  for (const LayoutEdge &edge : edges)
    if (edge.from != edge.to) {
      out[edge.from].push_back(edge.to);
      in[edge.to].push_back(edge.from);
    }
  // Depth first: an edge back to a box that is still open is left out.
  std::vector<int> state(count, 0);
  std::vector<size_t> order;
  for (size_t root = 0; root < count; ++root) {
    if (state[root])
      continue;
    std::vector<std::pair<size_t, size_t>> stack = {{root, 0}};
    state[root] = 1;
    while (!stack.empty()) {
      auto &[box, next] = stack.back();
      if (next < out[box].size()) {
        const size_t to = out[box][next++];
        if (!state[to]) {
          state[to] = 1;
          stack.emplace_back(to, 0);
        }
        continue;
      }
      order.push_back(box);
      stack.pop_back();
    }
  }
  std::reverse(order.begin(), order.end());
  std::vector<size_t> rank(count);
  for (size_t i = 0; i < count; ++i)
    rank[order[i]] = i;
  for (LayoutBox &box : boxes)
    box.layer = 0;
  for (size_t box : order)
    for (size_t to : out[box])
      if (rank[to] > rank[box])
        boxes[to].layer = std::max(boxes[to].layer, boxes[box].layer + 1);
  for (size_t box = 0; box < count; ++box) {
    if (!in[box].empty() || out[box].empty())
      continue;
    int least = boxes[out[box][0]].layer;
    for (size_t to : out[box])
      least = std::min(least, boxes[to].layer);
    boxes[box].layer = std::max(least - 1, 0);
  }
}

namespace {
/// A box, or the place where a long edge passes a layer.
struct Item {
  double width = 0, x = 0;
  std::vector<size_t> lower, upper;
};

/// The places nearest to the wanted ones at which neighbours keep their
/// distance: averages of those that would meet (pool adjacent violators).
void spread(std::vector<Item> &items, const std::vector<size_t> &layer,
            const std::vector<double> &wanted, double gap) {
  struct Pool {
    double sum;
    size_t count;
  };
  std::vector<double> offset(layer.size(), 0);
  for (size_t i = 1; i < layer.size(); ++i)
    offset[i] = offset[i - 1] +
                (items[layer[i - 1]].width + items[layer[i]].width) / 2 + gap;
  std::vector<Pool> pools;
  for (size_t i = 0; i < layer.size(); ++i) {
    pools.push_back({wanted[i] - offset[i], 1});
    while (pools.size() > 1) {
      Pool &a = pools[pools.size() - 2], &b = pools.back();
      if (a.sum / double(a.count) <= b.sum / double(b.count))
        break;
      a.sum += b.sum;
      a.count += b.count;
      pools.pop_back();
    }
  }
  size_t i = 0;
  for (const Pool &pool : pools)
    for (size_t k = 0; k < pool.count; ++k, ++i)
      items[layer[i]].x = pool.sum / double(pool.count) + offset[i];
}
} // namespace

double driver::placeInLayers(std::vector<LayoutBox> &boxes,
                             std::vector<LayoutEdge> &edges, double gap) {
  if (boxes.empty())
    return 0;
  int highest = 0, lowest = boxes[0].layer;
  for (const LayoutBox &box : boxes) {
    highest = std::max(highest, box.layer);
    lowest = std::min(lowest, box.layer);
  }
  std::vector<std::vector<size_t>> layers(size_t(highest - lowest) + 1);
  std::vector<Item> items;
  for (const LayoutBox &box : boxes) {
    layers[size_t(box.layer - lowest)].push_back(items.size());
    items.push_back({box.width, 0, {}, {}});
  }
  std::vector<std::vector<size_t>> ways(edges.size());
  for (size_t e = 0; e < edges.size(); ++e) {
    size_t last = edges[e].from;
    for (int layer = boxes[edges[e].from].layer + 1;
         layer < boxes[edges[e].to].layer; ++layer) {
      const size_t item = items.size();
      items.push_back({6, 0, {last}, {}});
      items[last].upper.push_back(item);
      layers[size_t(layer - lowest)].push_back(item);
      ways[e].push_back(item);
      last = item;
    }
    items[last].upper.push_back(edges[e].to);
    items[edges[e].to].lower.push_back(last);
  }

  // Order: the mean place of the neighbours, from below and from above.
  std::vector<double> place(items.size());
  auto number = [&](const std::vector<size_t> &layer) {
    for (size_t i = 0; i < layer.size(); ++i)
      place[layer[i]] = double(i) - double(layer.size() - 1) / 2;
  };
  for (const auto &layer : layers)
    number(layer);
  for (int sweep = 0; sweep < 16; ++sweep) {
    const bool up = sweep % 2 == 0;
    for (size_t i = 0; i < layers.size(); ++i) {
      auto &layer = layers[up ? i : layers.size() - 1 - i];
      std::vector<double> key(items.size(), 0);
      for (size_t item : layer) {
        const auto &near = up ? items[item].lower : items[item].upper;
        key[item] = place[item];
        if (near.empty())
          continue;
        double sum = 0;
        for (size_t other : near)
          sum += place[other];
        key[item] = sum / double(near.size());
      }
      std::stable_sort(layer.begin(), layer.end(),
                       [&](size_t a, size_t b) { return key[a] < key[b]; });
      number(layer);
    }
  }

  // Places: near the neighbours on both sides.
  for (const auto &layer : layers)
    spread(items, layer, std::vector<double>(layer.size(), 0), gap);
  for (int sweep = 0; sweep < 24; ++sweep)
    for (size_t i = 0; i < layers.size(); ++i) {
      const auto &layer = layers[sweep % 2 ? layers.size() - 1 - i : i];
      std::vector<double> wanted;
      for (size_t item : layer) {
        double sum = 0, weight = 0;
        auto add = [&](const std::vector<size_t> &near) {
          for (size_t other : near) {
            sum += items[other].x;
            weight += 1;
          }
        };
        add(items[item].lower);
        add(items[item].upper);
        wanted.push_back(weight > 0 ? sum / weight : items[item].x);
      }
      spread(items, layer, wanted, gap);
    }
  double left = HUGE_VAL, right = -HUGE_VAL;
  for (const Item &item : items) {
    left = std::min(left, item.x - item.width / 2);
    right = std::max(right, item.x + item.width / 2);
  }
  for (size_t i = 0; i < boxes.size(); ++i)
    boxes[i].x = items[i].x - left;
  for (size_t e = 0; e < edges.size(); ++e) {
    edges[e].bends.clear();
    for (size_t item : ways[e])
      edges[e].bends.push_back(items[item].x - left);
  }
  return right - left;
}
