//===- Plot.cpp - heat maps -----------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "runtime/Plot.h"

#include "runtime/PlotImpl.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <span>

namespace rnnc::rt {

std::string shownToken(const std::string &token) {
  std::string out;
  for (char c : token)
    if (c == ' ')
      out += "\u2423"; // open box
    else if (c == '\n')
      out += "\u21b5"; // return arrow
    else if (c == '\t')
      out += "\u21e5"; // tab arrow
    else
      out += c;
  return out;
}

double titleWidth(const std::string &title) {
  return textWidth(title, 15) * 1.15 + 40;
}

std::string plotNumber(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

double niceStep(double range, int wanted) {
  const double rough = range / std::max(wanted, 1);
  if (!(rough > 0))
    return 1;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (double factor : {1.0, 2.0, 5.0, 10.0})
    if (power * factor >= rough * (1 - 1e-9))
      return power * factor;
  return power * 10;
}

std::string shortened(const std::string &text, size_t most) {
  size_t length = 0, at = 0;
  while (at < text.size()) {
    if (length == most)
      return text.substr(0, at) + "\u2026";
    std::optional<CodePoint> point =
        decodeUtf8(std::string_view(text).substr(at));
    at += point ? size_t(point->length) : 1;
    ++length;
  }
  return text;
}

double columnLabels(Svg &svg, double x, double y, double width, int64_t count,
                    const std::vector<std::string> &labels, bool draw) {
  const double size = 10;
  if (labels.empty()) {
    if (!draw)
      return 14;
    const int64_t step = std::max<int64_t>(
        1, int64_t(niceStep(double(count), int(width * double(count) / 55))));
    for (int64_t i = 0; i < count; i += step)
      svg.text(x + (double(i) + 0.5) * width, y + 12, std::to_string(i),
               {.size = size, .anchor = "middle"});
    return 14;
  }
  std::vector<std::string> shown;
  double widest = 0;
  for (const std::string &label : labels) {
    shown.push_back(shortened(shownToken(label), 16));
    widest = std::max(widest, textWidth(shown.back(), size));
  }
  // Short labels stand upright, others are turned.
  const bool turned = widest + 3 > width && widest > 16;
  const double need = turned ? 11.5 : widest + 2;
  const int64_t every =
      std::max<int64_t>(1, int64_t(std::ceil(need / width - 1e-9)));
  if (draw)
    for (int64_t i = 0; i < count && i < int64_t(shown.size()); i += every) {
      const double at = x + (double(i) + 0.5) * width;
      if (turned)
        svg.text(at + 3, y + 8, shown[size_t(i)],
                 {.size = size, .anchor = "end", .turned = -60});
      else
        svg.text(at, y + 12, shown[size_t(i)],
                 {.size = size, .anchor = "middle"});
    }
  return turned ? 10 + widest * 0.87 : 14;
}

//===----------------------------------------------------------------------===//
// Colours
//===----------------------------------------------------------------------===//

namespace {

using Rgb = std::array<int, 3>;

/// From white to dark blue, for values of one sign.
constexpr Rgb oneSided[] = {{255, 255, 255}, {237, 248, 217}, {199, 233, 180},
                            {127, 205, 187}, {65, 182, 196},  {29, 145, 192},
                            {34, 94, 168},   {37, 52, 148},   {8, 29, 88}};
/// From blue over white to red, for values of both.
constexpr Rgb twoSided[] = {{33, 102, 172},  {67, 147, 195},  {146, 197, 222},
                            {209, 229, 240}, {255, 255, 255}, {253, 219, 199},
                            {244, 165, 130}, {214, 96, 77},   {178, 24, 43}};
constexpr int levels = 64;

std::string colourOf(bool both, int level) {
  std::span<const Rgb> stops = both ? std::span<const Rgb>(twoSided) : oneSided;
  const double at = double(level) / (levels - 1) * double(stops.size() - 1);
  const size_t low = std::min(size_t(at), stops.size() - 2);
  const double share = at - double(low);
  char text[8];
  int mixed[3];
  for (size_t i = 0; i < 3; ++i)
    mixed[i] = int(
        std::lround(stops[low][i] * (1 - share) + stops[low + 1][i] * share));
  std::snprintf(text, sizeof text, "#%02x%02x%02x", mixed[0], mixed[1],
                mixed[2]);
  return text;
}

/// What colours stand for.
struct Range {
  double low = 0, high = 1;
  bool both = false;
  int levelOf(double value) const {
    const double share = (value - low) / (high - low);
    return std::clamp(int(std::lround(share * (levels - 1))), 0, levels - 1);
  }
};

Range rangeOf(const std::vector<double> &values) {
  double low = 0, high = 0;
  for (double value : values)
    if (std::isfinite(value)) {
      low = std::min(low, value);
      high = std::max(high, value);
    }
  Range range;
  range.both = low < 0;
  if (range.both) {
    range.high = std::max(high, -low);
    range.low = -range.high;
  } else {
    range.high = high <= 1 && high > 0.2 ? 1 : high > 0 ? high : 1;
  }
  return range;
}

/// Means of neighbours, so that no more than `most` are left along one side.
void condense(HeatMap &map, int64_t mostRows, int64_t mostColumns,
              int64_t &perRow, int64_t &perColumn) {
  perRow = (map.rows + mostRows - 1) / mostRows;
  perColumn = (map.columns + mostColumns - 1) / mostColumns;
  if (perRow <= 1 && perColumn <= 1)
    return;
  const int64_t rows = (map.rows + perRow - 1) / perRow;
  const int64_t columns = (map.columns + perColumn - 1) / perColumn;
  std::vector<double> sums(size_t(rows * columns)), counts(sums.size());
  for (int64_t r = 0; r < map.rows; ++r)
    for (int64_t c = 0; c < map.columns; ++c) {
      const size_t to = size_t(r / perRow * columns + c / perColumn);
      sums[to] += map.values[size_t(r * map.columns + c)];
      ++counts[to];
    }
  for (size_t i = 0; i < sums.size(); ++i)
    sums[i] /= counts[i];
  map.values = std::move(sums);
  map.rows = rows;
  map.columns = columns;
  auto thin = [](std::vector<std::string> &labels, int64_t every) {
    std::vector<std::string> kept;
    for (size_t i = 0; i < labels.size(); i += size_t(every))
      kept.push_back(labels[i]);
    labels = std::move(kept);
  };
  thin(map.rowLabels, perRow);
  thin(map.columnLabels, perColumn);
}

/// Cells of one colour are one path of horizontal strokes, a row high.
void paintCells(Svg &svg, const HeatMap &map, const Range &range, double x,
                double y, double width, double height) {
  std::vector<std::string> paths(levels + 1);
  for (int64_t r = 0; r < map.rows; ++r)
    for (int64_t c = 0; c < map.columns;) {
      auto levelAt = [&](int64_t column) {
        const double value = map.values[size_t(r * map.columns + column)];
        return std::isfinite(value) ? range.levelOf(value) : levels;
      };
      const int level = levelAt(c);
      int64_t end = c + 1;
      while (end < map.columns && levelAt(end) == level)
        ++end;
      paths[size_t(level)] += "M" + std::to_string(c) + " " +
                              std::to_string(r) + "h" + std::to_string(end - c);
      c = end;
    }
  svg.raw(
      "<g shape-rendering=\"crispEdges\" fill=\"none\" transform=\"translate(" +
      svgNumber(x) + " " + svgNumber(y + height / 2) + ") scale(" +
      svgNumber(width) + " " + svgNumber(height) + ")\">\n");
  for (int level = 0; level <= levels; ++level)
    if (!paths[size_t(level)].empty())
      svg.raw("<path stroke=\"" +
              (level == levels ? "#9e9e9e" : colourOf(range.both, level)) +
              "\" d=\"" + paths[size_t(level)] + "\"/>\n");
  svg.raw("</g>\n");
}

void paintBar(Svg &svg, const Range &range, double x, double y, double height) {
  constexpr int parts = 32;
  for (int i = 0; i < parts; ++i)
    svg.rect(
        x, y + height * i / parts, 11, height / parts + 0.5,
        colourOf(range.both, (levels - 1) * (parts - 1 - i) / (parts - 1)));
  svg.rect(x, y, 11, height, "none", {"#999999", 0.7});
  const TextStyle style = {.size = 10};
  svg.text(x + 15, y + 8, plotNumber(range.high), style);
  svg.text(x + 15, y + height, plotNumber(range.low), style);
  if (range.both && height > 44)
    svg.text(x + 15, y + height / 2 + 4, "0", style);
}

} // namespace

std::string heatMapFigure(const std::string &title,
                          const std::vector<HeatMap> &panels) {
  Svg svg;
  constexpr double top = 34;
  double y = top, widest = titleWidth(title);
  for (const HeatMap &given : panels) {
    if (given.rows < 1 || given.columns < 1)
      continue;
    HeatMap map = given;
    int64_t perRow = 1, perColumn = 1;
    condense(map, 256, 880, perRow, perColumn);
    double cell = std::clamp(880.0 / double(map.columns), 1.0,
                             map.columns < 12 ? 40.0 : 24.0);
    double tall = std::clamp(240.0 / double(map.rows), 1.0, 14.0);
    if (map.square)
      cell = tall = std::clamp(
          std::min(880.0 / double(map.columns), 640.0 / double(map.rows)), 1.0,
          map.columns < 12 ? 30.0 : 22.0);
    cell = std::floor(cell * 2) / 2;
    tall = std::floor(tall * 2) / 2;
    const double width = cell * double(map.columns),
                 height = tall * double(map.rows);

    // Room for what stands left of the rows.
    std::vector<std::string> rows;
    double room = 0;
    for (const std::string &label : map.rowLabels)
      rows.push_back(shortened(shownToken(label), 16));
    for (const std::string &label : rows)
      room = std::max(room, textWidth(label, 10));
    if (rows.empty())
      room = textWidth(std::to_string(given.rows), 10);
    const double left = 34 + room;

    std::string heading = map.title;
    if (perRow > 1)
      heading += "  (each row the mean of " + std::to_string(perRow) + ")";
    if (perColumn > 1)
      heading +=
          "  (each column the mean of " + std::to_string(perColumn) + ")";
    svg.text(left, y + 14, heading, {.size = 12.5, .bold = true});
    widest = std::max(widest, left + textWidth(heading, 13.5) + 20);
    y += 22;
    const Range range = rangeOf(map.values);
    paintCells(svg, map, range, left, y, cell, tall);
    svg.rect(left, y, width, height, "none", {"#999999", 0.7});
    const double middle = y + height / 2;
    if (height >= textWidth(map.rowTitle, 11))
      svg.text(16, middle, map.rowTitle,
               {.size = 11, .anchor = "middle", .turned = -90});
    if (rows.empty()) {
      const int64_t step = std::max<int64_t>(
          perRow, int64_t(niceStep(double(given.rows), int(height / 16))));
      for (int64_t i = 0; i < given.rows; i += step)
        svg.text(left - 5, y + (double(i) / double(perRow) + 0.5) * tall + 3.5,
                 std::to_string(i), {.size = 10, .anchor = "end"});
    } else {
      const int64_t every =
          std::max<int64_t>(1, int64_t(std::ceil(11 / tall - 1e-9)));
      for (size_t i = 0; i < rows.size(); i += size_t(every))
        svg.text(left - 5, y + (double(i) + 0.5) * tall + 3.5, rows[i],
                 {.size = 10, .anchor = "end"});
    }
    paintBar(svg, range, left + width + 14, y, std::clamp(height, 24.0, 150.0));
    widest = std::max(widest, left + width + 80);
    y += std::max(height, 24.0);
    // Condensed columns are numbered as they were.
    if (map.columnLabels.empty() && perColumn > 1) {
      const int64_t step = std::max<int64_t>(
          1, int64_t(niceStep(double(given.columns), int(width / 55))));
      for (int64_t i = 0; i < given.columns; i += step)
        svg.text(left + double(i) / double(perColumn) * cell, y + 12,
                 std::to_string(i), {.size = 10, .anchor = "middle"});
      y += 14;
    } else {
      y +=
          columnLabels(svg, left, y, cell, map.columns, map.columnLabels, true);
    }
    svg.text(left + width / 2, y + 13, map.columnTitle,
             {.size = 11, .anchor = "middle"});
    y += 30;
  }
  svg.text(16, 22, title, {.size = 15, .bold = true});
  return svg.finish(widest, y, title);
}

} // namespace rnnc::rt
