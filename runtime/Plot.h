//===- Plot.h - heat maps, curves and points --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Figures as SVG text, each with one or several panels below each other. Labels
// that would touch are left out; a value that is not finite is grey or left
// out.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_PLOT_H
#define RNNC_RUNTIME_PLOT_H

#include <cstdint>
#include <string>
#include <vector>

namespace rnnc::rt {

/// A token as one can see it: blanks and ends of lines have signs of their own.
std::string shownToken(const std::string &token);

/// A table of numbers as colours. Values of one sign are shown from 0 on (from
/// 0 to 1, if none is above 1), others from -m to m.
struct HeatMap {
  std::string title;
  /// Row major.
  std::vector<double> values;
  int64_t rows = 0, columns = 0;
  /// What a row and a column is: "unit", "step".
  std::string rowTitle, columnTitle;
  /// One each, or none: numbers from 0.
  std::vector<std::string> rowLabels, columnLabels;
  /// Square cells, as of an alignment.
  bool square = false;
};
std::string heatMapFigure(const std::string &title,
                          const std::vector<HeatMap> &panels);

/// Values at 0, 1, 2, ...
struct PlotCurve {
  std::string name;
  std::vector<double> values;
};
struct CurvePanel {
  std::string title, columnTitle, valueTitle;
  std::vector<std::string> columnLabels;
  /// Values above 0 by their decades; what is 0 lies on the lower edge.
  bool logarithmic = false;
  std::vector<PlotCurve> curves;
};
/// `notes` stand below, one a line.
std::string curveFigure(const std::string &title,
                        const std::vector<CurvePanel> &panels,
                        const std::vector<std::string> &notes);

/// Points in the plane, coloured by group.
struct PlotPoint {
  double x = 0, y = 0;
  std::string label;
  /// Index into groups, or -1.
  int64_t group = -1;
};
struct PointPanel {
  std::string title, xTitle, yTitle;
  std::vector<PlotPoint> points;
  std::vector<std::string> groups;
};
std::string pointFigure(const std::string &title,
                        const std::vector<PointPanel> &panels);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_PLOT_H
