//===- Draw.cpp - rnnc draw -----------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The graph of a model as a picture: time flows to the right, data upwards.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Compile.h"
#include "compiler/driver/GraphLayout.h"
#include "compiler/driver/ModelGraph.h"
#include "compiler/driver/Output.h"
#include "runtime/Svg.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

using namespace rnnc;
using namespace rnnc::driver;

namespace {

struct Look {
  const char *fill, *border, *name;
};
/// By GraphBox::Kind.
constexpr Look looks[] = {{"#dcecf9", "#4a86b8", "data"},
                          {"#fdebd0", "#c98a2b", "target"},
                          {"#d9f0dc", "#3f8f55", "cell, scanned over time"},
                          {"#e9e4f5", "#7a66b0", "layer"},
                          {"#ffffff", "#777777", "equation"},
                          {"#fadcdc", "#b8484a", "loss"},
                          {"#d6f0ef", "#2f8d8a", "output"}};

constexpr double titleSize = 13, lineSize = 11, rowHeight = 15;
constexpr double layerGap = 46, boxGap = 26, loopRoom = 62;

/// One drawn box: a box of the graph, at one step or for all.
struct Copy {
  size_t box = 0;
  double x = 0, y = 0; // the middle of its lower side
  double width = 0, height = 0;
};

class Picture {
public:
  Picture(const ModelGraph &graph, int64_t steps)
      : graph(graph), steps(steps), sizes(graph.boxes.size()) {}
  std::string draw(const std::string &title);

private:
  void measure();
  void layRolled();
  void layUnrolled();
  void drawBox(const Copy &copy);
  void drawLoop(const Copy &copy);
  void connect(const Copy &from, const Copy &to,
               const std::vector<double> &bends, int firstLayer,
               const std::string &label, const rt::Stroke &stroke);
  void drawState(const Copy &from, const Copy &to, const std::string &label);
  void drawLegend();
  /// Where a layer's boxes begin below.
  double bottomOf(int layer) const { return bottoms[size_t(layer)]; }
  double middleOf(int layer) const {
    return bottomOf(layer) - heights[size_t(layer)] / 2;
  }
  void setLayers();
  void keepStatesApart();
  static std::string cut(const std::string &text, size_t most);

  const ModelGraph &graph;
  /// 0: rolled.
  int64_t steps;
  struct Size {
    double width, height;
  };
  std::vector<Size> sizes;
  std::vector<LayoutBox> boxes;
  std::vector<LayoutEdge> edges;
  /// Of the layers, from the lowest.
  std::vector<double> heights, bottoms;
  double width = 0, height = 0;
  rt::Svg under, over;
};

} // namespace

std::string Picture::cut(const std::string &text, size_t most) {
  if (text.size() <= most)
    return text;
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;
  return text.substr(0, end) + "\u2026";
}

void Picture::measure() {
  const size_t most = steps ? 26 : 40;
  for (size_t i = 0; i < graph.boxes.size(); ++i) {
    const GraphBox &box = graph.boxes[i];
    double wide = rt::textWidth(cut(box.title, most), titleSize) * 1.12;
    for (const std::string &line : box.lines)
      wide = std::max(wide, rt::textWidth(cut(line, most), lineSize));
    sizes[i] = {std::max(wide + 26, 64.0),
                14 + titleSize + rowHeight * double(box.lines.size())};
  }
}

/// States run along their layer from column to column, so nothing else of the
/// column may stand there.
void Picture::keepStatesApart() {
  const size_t count = boxes.size();
  auto reaches = [&](size_t from, size_t to) {
    std::vector<size_t> stack = {from};
    std::vector<bool> known(count, false);
    while (!stack.empty()) {
      const size_t at = stack.back();
      stack.pop_back();
      if (at == to)
        return true;
      if (known[at])
        continue;
      known[at] = true;
      for (const LayoutEdge &edge : edges)
        if (edge.from == at)
          stack.push_back(edge.to);
    }
    return false;
  };
  const size_t own = edges.size();
  for (bool changed = true; changed && edges.size() < own + count * count;) {
    changed = false;
    for (size_t a = 0; a < count && !changed; ++a)
      for (size_t b = 0; b < count && !changed; ++b) {
        if (a == b || graph.boxes[a].states.empty() ||
            graph.boxes[a].axis != graph.boxes[b].axis ||
            boxes[a].layer != boxes[b].layer)
          continue;
        // The one with the smaller number below, if it may stand there.
        const size_t low = std::min(a, b), high = std::max(a, b);
        const bool turn = reaches(high, low);
        edges.push_back({turn ? high : low, turn ? low : high, {}});
        assignLayers(boxes, edges);
        changed = true;
      }
  }
  edges.resize(own);
}

/// The layers from below; where they begin.
void Picture::setLayers() {
  int highest = 0;
  for (const LayoutBox &box : boxes)
    highest = std::max(highest, box.layer);
  heights.assign(size_t(highest) + 1, 0);
  for (size_t i = 0; i < boxes.size(); ++i) {
    double &most = heights[size_t(boxes[i].layer)];
    most = std::max(most, sizes[i].height);
  }
  height = std::accumulate(heights.begin(), heights.end(), 0.0) +
           layerGap * double(highest);
  bottoms.resize(heights.size());
  double y = 44 + height;
  for (size_t i = 0; i < heights.size(); ++i) {
    bottoms[i] = y;
    y -= heights[i] + layerGap;
  }
  height += 44;
}

void Picture::drawBox(const Copy &copy) {
  const GraphBox &box = graph.boxes[copy.box];
  const Look &look = looks[box.kind];
  const bool round = box.kind == GraphBox::Data ||
                     box.kind == GraphBox::Target ||
                     box.kind == GraphBox::Output;
  const double left = copy.x - copy.width / 2, top = copy.y - copy.height;
  over.rect(left, top, copy.width, copy.height, look.fill, {look.border, 1.3},
            round ? 14 : 4);
  const size_t most = steps ? 26 : 40;
  double y = top + 7 + titleSize - 1;
  over.text(copy.x, y, cut(box.title, most),
            {.size = titleSize, .anchor = "middle", .bold = true});
  for (const std::string &line : box.lines) {
    y += rowHeight;
    over.text(copy.x, y, cut(line, most),
              {.size = lineSize, .anchor = "middle", .colour = "#444444"});
  }
}

/// States go out at the right, wait for a step, and come in again.
void Picture::drawLoop(const Copy &copy) {
  const GraphBox &box = graph.boxes[copy.box];
  const double right = copy.x + copy.width / 2;
  const double upper = copy.y - copy.height * 0.75,
               lower = copy.y - copy.height * 0.25;
  const double x = right + 30, middle = (upper + lower) / 2;
  const rt::Stroke stroke = {"#555555", 1.4};
  rt::Stroke arrow = stroke;
  arrow.arrow = true;
  const auto n = rt::svgNumber;
  over.path("M" + n(right) + " " + n(upper) + "H" + n(x) + "V" + n(middle - 9),
            stroke);
  over.path("M" + n(x) + " " + n(middle + 9) + "V" + n(lower) + "H" +
                n(right + 1),
            arrow);
  over.rect(x - 22, middle - 9, 44, 18, "#fffbe6", {"#a08c2c", 1.1}, 3);
  over.text(x, middle + 4, box.reversed ? "t + 1" : "t \u2212 1",
            {.size = 10.5, .anchor = "middle"});
}

/// An arrow upwards, which bends where it passes layers.
void Picture::connect(const Copy &from, const Copy &to,
                      const std::vector<double> &bends, int firstLayer,
                      const std::string &label, const rt::Stroke &stroke) {
  const auto n = rt::svgNumber;
  double x = from.x, y = from.y - from.height;
  std::string commands = "M" + n(x) + " " + n(y);
  auto curveTo = [&](double nextX, double nextY) {
    const double half = (y - nextY) / 2;
    commands += "C" + n(x) + " " + n(y - half) + " " + n(nextX) + " " +
                n(nextY + half) + " " + n(nextX) + " " + n(nextY);
    x = nextX;
    y = nextY;
  };
  double labelX = 0, labelY = 0;
  for (size_t i = 0; i < bends.size(); ++i) {
    const int layer = firstLayer + int(i);
    curveTo(bends[i], bottomOf(layer));
    commands += "L" + n(x) + " " + n(bottomOf(layer) - heights[size_t(layer)]);
    y = bottomOf(layer) - heights[size_t(layer)];
  }
  labelX = (x + to.x) / 2;
  labelY = (y + to.y) / 2;
  rt::Stroke arrow = stroke;
  arrow.arrow = true;
  curveTo(to.x, to.y + 1);
  under.path(commands, arrow);
  if (label.empty())
    return;
  const double wide = rt::textWidth(label, 10) + 6;
  over.rect(labelX - wide / 2, labelY - 8, wide, 14, "#ffffff");
  over.text(labelX, labelY + 3, label,
            {.size = 10, .anchor = "middle", .colour = "#555555"});
}

void Picture::drawState(const Copy &from, const Copy &to,
                        const std::string &label) {
  const double y1 = from.y - from.height / 2;
  const bool right = to.x > from.x;
  const double x1 = from.x + (right ? 1 : -1) * from.width / 2,
               x2 = to.x - (right ? 1 : -1) * (to.width / 2 + 1);
  under.line(x1, y1, x2, y1, {"#3f8f55", 1.7, "", true});
  if (!label.empty())
    over.text((x1 + x2) / 2, y1 - 5, cut(label, 12),
              {.size = 10, .anchor = "middle", .colour = "#2d6b3e"});
}

void Picture::layRolled() {
  for (size_t i = 0; i < boxes.size(); ++i)
    boxes[i].width =
        sizes[i].width + (graph.boxes[i].states.empty() ? 0 : 2 * loopRoom);
  width = placeInLayers(boxes, edges, boxGap);
  std::vector<Copy> copies;
  const double margin = 24;
  for (size_t i = 0; i < boxes.size(); ++i)
    copies.push_back({i, boxes[i].x + margin,
                      middleOf(boxes[i].layer) + sizes[i].height / 2,
                      sizes[i].width, sizes[i].height});
  for (size_t e = 0; e < edges.size(); ++e) {
    const GraphEdge &edge = graph.edges[e];
    std::vector<double> bends = edges[e].bends;
    for (double &bend : bends)
      bend += margin;
    connect(copies[edge.from], copies[edge.to], bends,
            boxes[edge.from].layer + 1,
            edge.initial
                ? "first state" + (edge.label.empty() ? "" : ": " + edge.label)
                : edge.label,
            {"#555555", 1.4,
             edge.initial ? "5 3"
             : edge.delay ? "2 3"
                          : ""});
  }
  for (const Copy &copy : copies) {
    drawBox(copy);
    if (!graph.boxes[copy.box].states.empty())
      drawLoop(copy);
  }
  width += 2 * margin;
}

void Picture::layUnrolled() {
  // Boxes of one axis are a column that is repeated; each box without time is
  // a column of its own.
  std::vector<size_t> groupOf(boxes.size());
  std::vector<int> axisOf;
  std::map<int, size_t> known;
  for (size_t i = 0; i < boxes.size(); ++i) {
    const int axis = graph.boxes[i].axis;
    if (axis >= 0 && known.contains(axis)) {
      groupOf[i] = known[axis];
      continue;
    }
    groupOf[i] = axisOf.size();
    if (axis >= 0)
      known[axis] = axisOf.size();
    axisOf.push_back(axis);
  }
  // From left to right as they depend on each other.
  std::vector<LayoutBox> groups(axisOf.size());
  std::vector<LayoutEdge> between;
  for (const GraphEdge &edge : graph.edges)
    if (groupOf[edge.from] != groupOf[edge.to])
      between.push_back({groupOf[edge.from], groupOf[edge.to], {}});
  assignLayers(groups, between);
  std::vector<size_t> order(groups.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return groups[a].layer < groups[b].layer;
  });

  std::vector<std::vector<Copy>> copies(boxes.size());
  std::vector<std::vector<double>> bendsOf(edges.size());
  std::vector<double> offsets(edges.size(), 0);
  double x = 24, pitch = 0;
  std::vector<double> firstX(groups.size()), pitches(groups.size());
  for (size_t group : order) {
    std::vector<LayoutBox> part;
    std::vector<size_t> members, number(boxes.size());
    double states = 0;
    for (size_t i = 0; i < boxes.size(); ++i)
      if (groupOf[i] == group) {
        number[i] = members.size();
        members.push_back(i);
        part.push_back({sizes[i].width, boxes[i].layer, 0});
        if (!graph.boxes[i].states.empty())
          states = 40;
      }
    std::vector<LayoutEdge> inside;
    std::vector<size_t> insideOf;
    for (size_t e = 0; e < edges.size(); ++e) {
      const GraphEdge &edge = graph.edges[e];
      if (groupOf[edge.from] == group && groupOf[edge.to] == group &&
          boxes[edge.from].layer < boxes[edge.to].layer) {
        inside.push_back({number[edge.from], number[edge.to], {}});
        insideOf.push_back(e);
      }
    }
    const double wide = placeInLayers(part, inside, boxGap);
    const int64_t count = axisOf[group] >= 0 ? steps : 1;
    pitch = wide + boxGap + states;
    firstX[group] = x;
    pitches[group] = pitch;
    for (size_t i = 0; i < members.size(); ++i)
      for (int64_t t = 0; t < count; ++t) {
        const size_t box = members[i];
        copies[box].push_back(
            {box, x + part[i].x + double(t) * pitch,
             middleOf(boxes[box].layer) + sizes[box].height / 2,
             sizes[box].width, sizes[box].height});
      }
    for (size_t i = 0; i < inside.size(); ++i)
      bendsOf[insideOf[i]] = inside[i].bends;
    if (axisOf[group] >= 0)
      for (int64_t t = 0; t < count; ++t)
        under.text(x + wide / 2 + double(t) * pitch, height + 22,
                   graph.axes.at(axisOf[group]) + " = " + std::to_string(t),
                   {.size = 11, .anchor = "middle", .colour = "#777777"});
    x += pitch * double(count) - states + boxGap;
  }
  width = x + 8;

  for (size_t e = 0; e < edges.size(); ++e) {
    const GraphEdge &edge = graph.edges[e];
    const std::vector<Copy> &from = copies[edge.from], &to = copies[edge.to];
    const bool same = groupOf[edge.from] == groupOf[edge.to];
    const size_t group = groupOf[edge.from];
    auto stroke = [&](const char *dashes) {
      return rt::Stroke{"#555555", 1.3, dashes};
    };
    if (same && from.size() == to.size() && !edge.last && !edge.first &&
        !edge.initial) {
      const int64_t count = int64_t(to.size());
      const int64_t sign = graph.boxes[edge.to].reversed ? -1 : 1;
      for (int64_t t = 0; t < count; ++t) {
        const int64_t at = t - sign * edge.delay;
        if (at < 0 || at >= count)
          continue;
        std::vector<double> bends = bendsOf[e];
        for (double &bend : bends)
          bend += firstX[group] + double(t) * pitches[group];
        connect(from[size_t(at)], to[size_t(t)], bends,
                boxes[edge.from].layer + 1, "",
                stroke(edge.delay ? "2 3" : ""));
      }
      continue;
    }
    // Between sequences, and between a sequence and what has no time.
    const bool backward = graph.boxes[edge.from].reversed;
    std::vector<size_t> sources(from.size()), targets(to.size());
    std::iota(sources.begin(), sources.end(), 0);
    std::iota(targets.begin(), targets.end(), 0);
    if (edge.last || edge.first)
      sources = {edge.last != backward ? from.size() - 1 : 0};
    if (edge.initial)
      targets = {graph.boxes[edge.to].reversed ? to.size() - 1 : 0};
    const bool many = sources.size() * targets.size() > 1;
    for (size_t s : sources)
      for (size_t t : targets)
        connect(from[s], to[t], {}, 0,
                !many && edge.initial ? "first state" : "",
                many ? rt::Stroke{"#b5b5b5", 1}
                     : stroke(edge.initial ? "5 3" : ""));
  }
  for (size_t i = 0; i < boxes.size(); ++i) {
    const GraphBox &box = graph.boxes[i];
    std::string names;
    for (const std::string &state : box.states)
      names += (names.empty() ? "" : ", ") + state;
    if (!box.states.empty())
      for (size_t t = 0; t + 1 < copies[i].size(); ++t)
        if (box.reversed)
          drawState(copies[i][t + 1], copies[i][t], t == 0 ? names : "");
        else
          drawState(copies[i][t], copies[i][t + 1], t == 0 ? names : "");
    for (const Copy &copy : copies[i])
      drawBox(copy);
  }
  height += 26;
}

void Picture::drawLegend() {
  std::set<int> kinds;
  bool initial = false, delayed = false, states = false;
  for (const GraphBox &box : graph.boxes) {
    kinds.insert(box.kind);
    states |= !box.states.empty();
  }
  for (const GraphEdge &edge : graph.edges) {
    initial |= edge.initial;
    delayed |= edge.delay > 0;
  }
  double x = 24, y = height + 30;
  auto next = [&](const std::string &name, double sample) {
    const double wide = sample + 8 + rt::textWidth(name, 11) + 22;
    if (x > 24 && x + wide > std::max(width, 420.0)) {
      x = 24;
      y += 20;
    }
    const double at = x;
    over.text(x + sample + 8, y + 4, name, {.size = 11, .colour = "#555555"});
    x += wide;
    width = std::max(width, x);
    return at;
  };
  for (int kind : kinds) {
    const double at = next(looks[kind].name, 16);
    over.rect(at, y - 6, 16, 12, looks[kind].fill, {looks[kind].border, 1.1},
              3);
  }
  if (states && steps) {
    const double at = next("states to the next step", 24);
    over.line(at, y, at + 24, y, {"#3f8f55", 1.7, "", true});
  } else if (states) {
    const double at = next("states of the step before", 40);
    over.rect(at, y - 8, 40, 16, "#fffbe6", {"#a08c2c", 1.1}, 3);
    over.text(at + 20, y + 4, "t \u2212 1", {.size = 10, .anchor = "middle"});
  }
  if (delayed) {
    const double at = next("one step earlier", 24);
    over.line(at, y, at + 24, y, {"#555555", 1.3, "2 3", true});
  }
  if (initial) {
    const double at = next("what a state begins with", 24);
    over.line(at, y, at + 24, y, {"#555555", 1.3, "5 3", true});
  }
  height = y + 16;
}

std::string Picture::draw(const std::string &title) {
  measure();
  boxes.resize(graph.boxes.size());
  for (const GraphEdge &edge : graph.edges)
    edges.push_back({edge.from, edge.to, {}});
  assignLayers(boxes, edges);
  if (steps)
    keepStatesApart();
  setLayers();
  if (steps)
    layUnrolled();
  else
    layRolled();
  drawLegend();
  rt::Svg all;
  all.text(16, 24, title, {.size = 15, .bold = true});
  width = std::max(width, rt::textWidth(title, 17) + 32);
  all.append(under);
  all.append(over);
  return all.finish(width, height, title);
}

static Result<int> draw(const CommandLine &line, Console &console) {
  Settings settings(line);
  std::vector<Message> warnings;
  auto spec = Spec::load(line.operands.front(), settings,
                         MessageOptions::of(console), warnings);
  if (!spec)
    return spec.error();
  AnalyzeOptions options;
  options.sizes = settings.sizes();
  options.checkAll = false;
  auto model = (*spec)->analyze(settings, options, warnings);
  if (!model)
    return model.error();
  for (const Message &warning : warnings)
    console.say(warning);
  if (!*model)
    return makeError("no-model", "the text has no model");
  const int64_t steps = settings.whole("unrolled", 0);
  if (steps > 64)
    return usageError("--unrolled expects 1 to 64 steps, found " +
                      std::to_string(steps));
  const ModelGraph graph = graphOf(**model, (*spec)->sources());
  if (graph.boxes.empty())
    return makeError("nothing-to-see",
                     "the model has nothing to draw: no data reach an output "
                     "or a loss");
  std::string title = (*model)->name;
  if (steps)
    title += ", " + std::to_string(steps) + (steps == 1 ? " step" : " steps");
  const std::string svg = Picture(graph, steps).draw(title);
  Json boxes = Json::array(), edges = Json::array();
  static const char *const kinds[] = {"data",     "target", "cell",  "layer",
                                      "equation", "loss",   "output"};
  for (const GraphBox &box : graph.boxes)
    boxes.push_back(
        {{"name", box.title},
         {"kind", kinds[box.kind]},
         {"text", box.lines},
         {"states", box.states},
         {"axis", box.axis < 0 ? Json(nullptr) : Json(graph.axes.at(box.axis))},
         {"reversed", box.reversed}});
  for (const GraphEdge &edge : graph.edges)
    edges.push_back({{"from", edge.from},
                     {"to", edge.to},
                     {"delay", edge.delay},
                     {"initial", edge.initial},
                     {"label", edge.label}});
  const std::string file = settings.text("output", "-");
  console.object["output"] = file == "-" ? Json(nullptr) : Json(file);
  console.object["boxes"] = boxes;
  console.object["edges"] = edges;
  if (auto done = writeOutput(file, svg, console); !done)
    return done.error();
  return int(StatusDone);
}

int driver::drawCommand(const CommandLine &line, Console &console) {
  auto status = draw(line, console);
  return status ? *status : console.fail(status.error());
}
