//===- PlotTest.cpp - pictures as text ------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/Plot.h"
#include "runtime/Svg.h"

#include <cmath>
#include <cstdio>
#include <gtest/gtest.h>

using namespace rnnc::rt;

static size_t count(const std::string &text, const std::string &part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + part.size()))
    ++found;
  return found;
}

TEST(SvgTest, EscapesWhatXmlReservesAndForbids) {
  EXPECT_EQ(xmlEscaped("a<b & \"c\">"), "a&lt;b &amp; &quot;c&quot;&gt;");
  EXPECT_EQ(xmlEscaped("\x01\xff"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(xmlEscaped("h\xC3\xA9"), "h\xC3\xA9");
}

TEST(SvgTest, WritesShortNumbers) {
  EXPECT_EQ(svgNumber(1.5), "1.5");
  EXPECT_EQ(svgNumber(-0.001), "0");
  EXPECT_EQ(svgNumber(100), "100");
  EXPECT_EQ(svgNumber(std::nan("")), "0");
}

TEST(PlotTest, ShowsBlanks) {
  EXPECT_EQ(shownToken("a b\n"), "a\u2423b\u21b5");
}

TEST(PlotTest, PaintsCellsOfOneColourAsOneStroke) {
  HeatMap map;
  map.title = "h";
  map.rows = 2;
  map.columns = 3;
  map.values = {0, 0, 1, 0.5, std::nan(""), 0};
  map.rowTitle = "unit";
  map.columnTitle = "step";
  map.columnLabels = {"a", "<b>", "c"};
  const std::string svg = heatMapFigure("States & more", {map});
  // 0 is white: two cells side by side above, one at the end below.
  EXPECT_NE(svg.find("<path stroke=\"#ffffff\" d=\"M0 0h2M2 1h1\"/>"),
            std::string::npos);
  // 1 is the darkest, what is no number grey.
  EXPECT_NE(svg.find("<path stroke=\"#081d58\" d=\"M2 0h1\"/>"),
            std::string::npos);
  EXPECT_NE(svg.find("<path stroke=\"#9e9e9e\" d=\"M1 1h1\"/>"),
            std::string::npos);
  EXPECT_NE(svg.find(">&lt;b&gt;</text>"), std::string::npos);
  EXPECT_NE(svg.find("<title>States &amp; more</title>"), std::string::npos);
}

TEST(PlotTest, ShowsBothSignsAlike) {
  HeatMap map;
  map.rows = 1;
  map.columns = 3;
  map.values = {-0.5, 0.25, 0};
  const std::string svg = heatMapFigure("", {map});
  EXPECT_NE(svg.find("<path stroke=\"#2166ac\" d=\"M0 0h1\"/>"),
            std::string::npos);
  EXPECT_NE(svg.find(">0.5</text>"), std::string::npos);
  EXPECT_NE(svg.find(">-0.5</text>"), std::string::npos);
}

TEST(PlotTest, CondensesWhatHasMoreCellsThanPixels) {
  HeatMap map;
  map.title = "h";
  map.rows = 512;
  map.columns = 2000;
  map.values.assign(size_t(map.rows * map.columns), 1);
  const std::string svg = heatMapFigure("", {map});
  EXPECT_NE(svg.find("each row the mean of 2"), std::string::npos);
  EXPECT_NE(svg.find("each column the mean of 3"), std::string::npos);
  EXPECT_LT(svg.size(), 40000u);
}

TEST(PlotTest, ThinsLabelsOfLongSequences) {
  HeatMap map;
  map.rows = 1;
  map.columns = 400;
  map.values.assign(400, 1);
  map.columnLabels.assign(400, "word");
  const std::string svg = heatMapFigure("", {map});
  // 400 columns of 2 pixels; a label that lies takes 28, one that stands 11.5.
  EXPECT_GT(count(svg, ">word</text>"), 20u);
  EXPECT_LE(count(svg, ">word</text>"), 70u);
}

TEST(PlotTest, DrawsDecades) {
  CurvePanel panel;
  panel.logarithmic = true;
  panel.curves = {{"h", {1e-3, 1e-1, 0, std::nan(""), 1}}};
  const std::string svg = curveFigure("Gradients", {panel}, {"a note"});
  // A line for each of 10^-3 to 10^0, the last and first at the borders.
  EXPECT_EQ(count(svg, ">10</text>"), 4u);
  EXPECT_NE(svg.find(">-3</text>"), std::string::npos);
  // What is no number parts the curve.
  EXPECT_EQ(count(svg, "<polyline"), 1u);
  EXPECT_NE(svg.find(">a note</text>"), std::string::npos);
}

TEST(PlotTest, KeepsLabelsApart) {
  PointPanel panel;
  panel.groups = {"left", "right"};
  for (int i = 0; i < 100; ++i)
    panel.points.push_back({0.001 * i, 0, "label", i % 2});
  const std::string svg = pointFigure("Points", {panel});
  EXPECT_EQ(count(svg, "<circle"), 102u); // with those of the legend
  // No two labels touch.
  std::vector<std::pair<double, double>> places;
  for (size_t at = svg.find(">label</text>"); at != std::string::npos;
       at = svg.find(">label</text>", at + 1)) {
    const size_t begin = svg.rfind("<text x=\"", at);
    double x = 0, y = 0;
    ASSERT_EQ(
        std::sscanf(svg.c_str() + begin, "<text x=\"%lf\" y=\"%lf\"", &x, &y),
        2);
    places.emplace_back(x, y);
  }
  EXPECT_GE(places.size(), 4u);
  const double wide = textWidth("label", 10) - 0.02; // written to 0.01
  for (size_t i = 0; i < places.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      EXPECT_TRUE(std::abs(places[i].first - places[j].first) >= wide ||
                  std::abs(places[i].second - places[j].second) >= 10.98);
}
