//===- PlotCurves.cpp - curves and points ---------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "runtime/Plot.h"

#include "runtime/PlotImpl.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace rnnc::rt {

const char *plotColour(size_t number) {
  static const char *const colours[] = {
      "#1f6fb4", "#d95f02", "#2a9d4a", "#c2255c", "#7048b6", "#8c564b",
      "#0e9aa7", "#b8860b", "#5f6b7a", "#e377c2", "#6a994e", "#204e8a"};
  return colours[number % std::size(colours)];
}

namespace {

/// A value axis: where values lie and which have a line and a number.
struct ValueAxis {
  double low = 0, high = 1, step = 1;
  bool logarithmic = false;

  double place(double value) const {
    const double at = logarithmic ? std::log10(value) : value;
    return std::clamp((at - low) / (high - low), 0.0, 1.0);
  }
};

ValueAxis axisFor(const CurvePanel &panel) {
  ValueAxis axis;
  axis.logarithmic = panel.logarithmic;
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (const PlotCurve &curve : panel.curves)
    for (double value : curve.values) {
      if (!std::isfinite(value) || (axis.logarithmic && value <= 0))
        continue;
      const double at = axis.logarithmic ? std::log10(value) : value;
      low = std::min(low, at);
      high = std::max(high, at);
    }
  if (low > high)
    low = 0, high = 1;
  if (axis.logarithmic) {
    // Whole decades.
    axis.low = std::floor(low);
    axis.high = std::max(std::ceil(high), axis.low + 1);
    axis.step = std::max(1.0, niceStep(axis.high - axis.low, 8));
    return axis;
  }
  if (high - low < 1e-12)
    high = low + std::max(1e-6, std::abs(low) * 0.1);
  axis.step = niceStep(high - low, 5);
  axis.low = std::floor(low / axis.step) * axis.step;
  axis.high = std::ceil(high / axis.step) * axis.step;
  return axis;
}

} // namespace

std::string curveFigure(const std::string &title,
                        const std::vector<CurvePanel> &panels,
                        const std::vector<std::string> &notes) {
  Svg svg;
  constexpr double left = 78, plotHeight = 230;
  double y = 36, widest = titleWidth(title);
  for (const CurvePanel &panel : panels) {
    size_t count = 1;
    double legend = 0;
    for (const PlotCurve &curve : panel.curves) {
      count = std::max(count, curve.values.size());
      legend = std::max(legend, textWidth(curve.name, 11));
    }
    const double cell = std::clamp(760.0 / double(count), 0.5, 40.0);
    const double width = std::max(cell * double(count), 240.0);
    const double each = width / double(count);
    svg.text(left, y + 12, panel.title, {.size = 12.5, .bold = true});
    y += 22;
    const ValueAxis axis = axisFor(panel);
    auto atY = [&](double value) {
      return y + (1 - axis.place(value)) * plotHeight;
    };
    for (int i = 0; axis.low + i * axis.step <= axis.high + axis.step * 1e-6;
         ++i) {
      const double at = axis.low + i * axis.step;
      const double line =
          y + (1 - (at - axis.low) / (axis.high - axis.low)) * plotHeight;
      svg.line(left, line, left + width, line, {"#e3e3e3", 1});
      if (axis.logarithmic) {
        svg.text(left - 22, line + 4, "10", {.size = 10.5, .anchor = "end"});
        svg.text(left - 21, line - 1, std::to_string(int(std::lround(at))),
                 {.size = 8});
      } else {
        svg.text(left - 6, line + 4,
                 plotNumber(std::abs(at) < axis.step * 1e-9 ? 0 : at),
                 {.size = 10.5, .anchor = "end"});
      }
    }
    svg.rect(left, y, width, plotHeight, "none", {"#999999", 0.8});
    svg.text(18, y + plotHeight / 2, panel.valueTitle,
             {.size = 11, .anchor = "middle", .turned = -90});
    for (size_t number = 0; number < panel.curves.size(); ++number) {
      const PlotCurve &curve = panel.curves[number];
      const char *colour = plotColour(number);
      std::vector<std::pair<double, double>> piece;
      auto flush = [&] {
        if (piece.size() == 1)
          svg.circle(piece[0].first, piece[0].second, 2, colour);
        else if (!piece.empty())
          svg.polyline(piece, {colour, 1.8});
        piece.clear();
      };
      for (size_t i = 0; i < curve.values.size(); ++i) {
        const double value = curve.values[i];
        if (!std::isfinite(value)) {
          flush();
          continue;
        }
        const bool zero = axis.logarithmic && value <= 0;
        piece.emplace_back(left + (double(i) + 0.5) * each,
                           zero ? y + plotHeight : atY(value));
      }
      flush();
      if (each >= 7)
        for (size_t i = 0; i < curve.values.size(); ++i)
          if (std::isfinite(curve.values[i]))
            svg.circle(left + (double(i) + 0.5) * each,
                       axis.logarithmic && curve.values[i] <= 0
                           ? y + plotHeight
                           : atY(curve.values[i]),
                       2.2, colour);
      const double at = y + 8 + double(number) * 16;
      svg.line(left + width + 14, at, left + width + 34, at, {colour, 2.2});
      svg.text(left + width + 40, at + 4, curve.name, {.size = 11});
    }
    widest = std::max(widest, left + width + 70 + legend);
    widest = std::max(widest, left + textWidth(panel.title, 13.5) + 20);
    y += std::max(plotHeight, 16.0 * double(panel.curves.size()));
    y += columnLabels(svg, left, y, each, int64_t(count), panel.columnLabels,
                      true);
    svg.text(left + width / 2, y + 14, panel.columnTitle,
             {.size = 11, .anchor = "middle"});
    y += 34;
  }
  for (const std::string &note : notes) {
    svg.text(left, y, note, {.size = 11.5});
    widest = std::max(widest, left + textWidth(note, 11.5) + 20);
    y += 17;
  }
  svg.text(16, 22, title, {.size = 15, .bold = true});
  return svg.finish(widest, y + 4, title);
}

//===----------------------------------------------------------------------===//
// Points
//===----------------------------------------------------------------------===//

namespace {

struct Box {
  double left, top, right, bottom;
  bool meets(const Box &other) const {
    return left < other.right && other.left < right && top < other.bottom &&
           other.top < bottom;
  }
};

/// Places for labels that touch neither each other nor many points: a grid of
/// lists keeps the search short.
class Labels {
public:
  Labels(double width, double height)
      : columns(int64_t(width / cell) + 2), rows(int64_t(height / cell) + 2),
        boxes(size_t(columns * rows)) {}

  bool isFree(const Box &box) const {
    bool free = true;
    visit(box, [&](size_t at) {
      for (const Box &other : boxes[at])
        free = free && !box.meets(other);
    });
    return free;
  }
  void take(const Box &box) {
    visit(box, [&](size_t at) { boxes[at].push_back(box); });
  }

private:
  static constexpr double cell = 40;
  template <class F> void visit(const Box &box, F &&f) const {
    auto index = [](double at, int64_t count) {
      return std::clamp<int64_t>(int64_t(at / cell), 0, count - 1);
    };
    for (int64_t r = index(box.top, rows); r <= index(box.bottom, rows); ++r)
      for (int64_t c = index(box.left, columns); c <= index(box.right, columns);
           ++c)
        f(size_t(r * columns + c));
  }
  int64_t columns, rows;
  std::vector<std::vector<Box>> boxes;
};

} // namespace

std::string pointFigure(const std::string &title,
                        const std::vector<PointPanel> &panels) {
  Svg svg;
  constexpr double left = 60, width = 640, height = 480;
  double y = 36, widest = std::max(left + width + 20, titleWidth(title));
  for (const PointPanel &panel : panels) {
    svg.text(left, y + 12, panel.title, {.size = 12.5, .bold = true});
    y += 22;
    double low[2] = {HUGE_VAL, HUGE_VAL}, high[2] = {-HUGE_VAL, -HUGE_VAL};
    for (const PlotPoint &point : panel.points)
      for (int i = 0; i < 2; ++i) {
        const double value = i ? point.y : point.x;
        if (!std::isfinite(value))
          continue;
        low[i] = std::min(low[i], value);
        high[i] = std::max(high[i], value);
      }
    for (int i = 0; i < 2; ++i) {
      if (low[i] > high[i])
        low[i] = -1, high[i] = 1;
      const double room = std::max((high[i] - low[i]) * 0.06, 1e-9);
      low[i] -= room;
      high[i] += room;
    }
    auto atX = [&](double x) {
      return left + (x - low[0]) / (high[0] - low[0]) * width;
    };
    auto atY = [&](double v) {
      return y + (high[1] - v) / (high[1] - low[1]) * height;
    };
    for (int i = 0; i < 2; ++i) {
      const double step = niceStep(high[i] - low[i], 6);
      for (double at = std::ceil(low[i] / step) * step; at <= high[i];
           at += step) {
        const std::string number =
            plotNumber(std::abs(at) < step * 1e-9 ? 0 : at);
        if (i == 0) {
          svg.line(atX(at), y, atX(at), y + height, {"#ececec", 1});
          svg.text(atX(at), y + height + 14, number,
                   {.size = 10, .anchor = "middle"});
        } else {
          svg.line(left, atY(at), left + width, atY(at), {"#ececec", 1});
          svg.text(left - 6, atY(at) + 3.5, number,
                   {.size = 10, .anchor = "end"});
        }
      }
    }
    svg.rect(left, y, width, height, "none", {"#999999", 0.8});
    const double radius = panel.points.size() > 400 ? 2 : 3;
    Labels labels(left + width + 200, y + height + 200);
    for (const PlotPoint &point : panel.points) {
      if (!std::isfinite(point.x) || !std::isfinite(point.y))
        continue;
      const double px = atX(point.x), py = atY(point.y);
      svg.circle(px, py, radius,
                 point.group < 0 ? "#1f6fb4" : plotColour(size_t(point.group)),
                 shownToken(point.label));
      labels.take({px - radius, py - radius, px + radius, py + radius});
    }
    for (const PlotPoint &point : panel.points) {
      if (point.label.empty() || !std::isfinite(point.x) ||
          !std::isfinite(point.y))
        continue;
      const std::string text = shortened(shownToken(point.label), 24);
      const double wide = textWidth(text, 10);
      const double px = atX(point.x), py = atY(point.y);
      // Right, left, above, below.
      const Box tries[] = {{px + 4, py - 6, px + 4 + wide, py + 5},
                           {px - 4 - wide, py - 6, px - 4, py + 5},
                           {px - wide / 2, py - 15, px + wide / 2, py - 4},
                           {px - wide / 2, py + 4, px + wide / 2, py + 15}};
      for (const Box &box : tries) {
        if (box.left < left || box.right > left + width || box.top < y ||
            box.bottom > y + height || !labels.isFree(box))
          continue;
        labels.take(box);
        svg.text(box.left, box.bottom - 2, text, {.size = 10});
        break;
      }
    }
    svg.text(left + width / 2, y + height + 32, panel.xTitle,
             {.size = 11, .anchor = "middle"});
    svg.text(16, y + height / 2, panel.yTitle,
             {.size = 11, .anchor = "middle", .turned = -90});
    // Two columns of names at most, beside the plot.
    double at = y + 8;
    double column = left + width + 18, wide = 0;
    for (size_t i = 0; i < panel.groups.size(); ++i) {
      if (at > y + height - 4) {
        column += wide + 26;
        at = y + 8;
        wide = 0;
      }
      const std::string name = shortened(shownToken(panel.groups[i]), 24);
      svg.circle(column, at, 4, plotColour(i));
      svg.text(column + 9, at + 4, name, {.size = 11});
      wide = std::max(wide, textWidth(name, 11));
      widest = std::max(widest, column + wide + 30);
      at += 16;
    }
    y += height + 52;
  }
  svg.text(16, 22, title, {.size = 15, .bold = true});
  return svg.finish(widest, y, title);
}

} // namespace rnnc::rt
