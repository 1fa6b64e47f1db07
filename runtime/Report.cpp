//===- Report.cpp - a page about runs -------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// HTML with drawings inside.
//
//===----------------------------------------------------------------------===//
#include "runtime/Report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace rnnc::rt {

static std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

static std::string element(const char *name, const std::string &inside) {
  return "<" + std::string(name) + ">" + inside + "</" + name + ">";
}

namespace {
/// One line of a drawing.
struct Curve {
  std::string name;
  size_t colour = 0;
  bool dashed = false, dots = false;
  std::vector<std::pair<double, double>> points;
};
} // namespace

/// Eight colours that can be told apart, also by most who are colour blind.
static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73",
                                      "#cc79a7", "#e69f00", "#56b4e9",
                                      "#8c564b", "#444444"};

static std::string shortNumber(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

/// Steps of 1, 2 or 5 times a power of ten, about so many.
static double tickStep(double range, int count) {
  double raw = range / count;
  double power = std::pow(10, std::floor(std::log10(raw)));
  for (double factor : {1.0, 2.0, 5.0})
    if (factor * power >= raw)
      return factor * power;
  return 10 * power;
}

/// A drawing of curves over steps; empty if there is nothing to draw.
static std::string drawing(const std::string &title,
                           std::vector<Curve> curves) {
  double left = HUGE_VAL, right = -HUGE_VAL, low = HUGE_VAL, high = -HUGE_VAL;
  for (const Curve &curve : curves)
    for (auto [x, y] : curve.points) {
      left = std::min(left, x), right = std::max(right, x);
      low = std::min(low, y), high = std::max(high, y);
    }
  if (left > right)
    return "";
  if (right == left)
    right = left + 1;
  if (high == low) {
    double room = std::max(std::abs(high) * 0.1, 1e-12);
    low -= room, high += room;
  }
  const double step = tickStep(high - low, 5);
  low = std::floor(low / step) * step;
  high = std::ceil(high / step) * step;
  constexpr double width = 640, height = 260, margin = 60, foot = 30, top = 10;
  auto atX = [&](double x) {
    return margin + (x - left) / (right - left) * (width - margin - 15);
  };
  auto atY = [&](double y) {
    return top + (high - y) / (high - low) * (height - top - foot);
  };
  auto place = [](double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", value);
    return std::string(text);
  };
  std::string svg = "<svg viewBox=\"0 0 " + shortNumber(width) + " " +
                    shortNumber(height) + "\" role=\"img\">\n<title>" +
                    escaped(title) + "</title>\n";
  const int lines = int(std::lround((high - low) / step));
  for (int i = 0; i <= lines; ++i) {
    double y = low + i * step;
    svg += "<line class=\"grid\" x1=\"" + place(margin) + "\" x2=\"" +
           place(width - 15) + "\" y1=\"" + place(atY(y)) + "\" y2=\"" +
           place(atY(y)) + "\"/><text x=\"" + place(margin - 6) + "\" y=\"" +
           place(atY(y) + 4) + "\" text-anchor=\"end\">" +
           shortNumber(std::abs(y) < step * 1e-9 ? 0 : y) + "</text>\n";
  }
  const double stepX = tickStep(right - left, 6);
  for (double x = std::ceil(left / stepX) * stepX; x <= right * (1 + 1e-12);
       x += stepX)
    svg += "<text x=\"" + place(atX(x)) + "\" y=\"" + place(height - 10) +
           "\" text-anchor=\"middle\">" + shortNumber(x) + "</text>\n";
  std::string legend;
  for (const Curve &curve : curves) {
    if (curve.points.empty())
      continue;
    const std::string colour = colours[curve.colour % std::size(colours)];
    // More points than pixels say nothing.
    const size_t every = curve.points.size() / 1200 + 1;
    svg += "<polyline fill=\"none\" stroke=\"" + colour +
           "\" stroke-width=\"1.5\"" +
           (curve.dashed ? " stroke-dasharray=\"5 4\"" : "") + " points=\"";
    for (size_t i = 0; i < curve.points.size(); ++i)
      if (i % every == 0 || i + 1 == curve.points.size())
        svg += place(atX(curve.points[i].first)) + "," +
               place(atY(curve.points[i].second)) + " ";
    svg += "\"/>\n";
    if (curve.dots)
      for (size_t i = 0; i < curve.points.size(); i += every)
        svg += "<circle r=\"2.5\" fill=\"" + colour + "\" cx=\"" +
               place(atX(curve.points[i].first)) + "\" cy=\"" +
               place(atY(curve.points[i].second)) + "\"/>\n";
    legend += "<span style=\"color:" + colour + "\">" +
              (curve.dashed ? "- - " : "&#8212; ") + escaped(curve.name) +
              "</span> ";
  }
  svg += "</svg>\n";
  return element("h2", escaped(title)) + "\n" + svg + "<p class=\"legend\">" +
         legend + "</p>\n";
}

using Field = std::optional<double> Metrics::*;

/// A curve of one split and one field; not finite values are left out.
static Curve curveOf(const RunRecord &run, size_t number, const char *split,
                     Field field, bool many) {
  Curve curve;
  curve.name = many ? run.name + " " + split : split;
  curve.colour = many ? number : split == std::string_view("valid");
  curve.dots = split == std::string_view("valid");
  curve.dashed = many && split == std::string_view("train");
  for (const Metrics &line : run.metrics)
    if (line.split == split && (line.*field) && std::isfinite(*(line.*field)))
      curve.points.emplace_back(double(line.step), *(line.*field));
  return curve;
}

static std::string drawings(std::span<const RunRecord> runs) {
  const bool many = runs.size() > 1;
  auto curves = [&](std::initializer_list<const char *> splits, Field field) {
    std::vector<Curve> list;
    for (size_t i = 0; i < runs.size(); ++i)
      for (const char *split : splits)
        list.push_back(curveOf(runs[i], i, split, field, many));
    return list;
  };
  std::vector<Curve> losses = curves({"train", "valid"}, &Metrics::loss);
  double last = 0;
  for (const Curve &curve : losses)
    for (auto [x, y] : curve.points)
      last = std::max(last, x);
  // What simple predictors reach, once: they depend on the data.
  if (runs.front().result.is_object())
    if (auto it = runs.front().result.find("baselines");
        it != runs.front().result.end() && it->is_object()) {
      size_t colour = 7;
      for (const auto &[name, value] : it->items())
        if (value.is_number()) {
          Curve line;
          line.name = name;
          line.colour = colour--;
          line.dashed = true;
          line.points = {{1, value.get<double>()}, {last, value.get<double>()}};
          losses.push_back(std::move(line));
        }
    }
  return drawing("Loss by step", std::move(losses)) +
         drawing("Accuracy by step",
                 curves({"train", "valid"}, &Metrics::accuracy)) +
         drawing("Norm of the gradient by step",
                 curves({"train"}, &Metrics::gradNorm)) +
         drawing("Learning rate by step", curves({"train"}, &Metrics::lr));
}

/// Two columns: names and what they are.
static std::string
pairTable(const std::vector<std::pair<std::string, std::string>> &pairs) {
  std::string rows;
  for (const auto &[name, value] : pairs)
    rows += "<tr><th>" + escaped(name) + "</th><td>" + escaped(value) +
            "</td></tr>\n";
  return rows.empty() ? "" : "<table>\n" + rows + "</table>\n";
}

static std::string textOf(const ReportJson &value) {
  return value.is_string()         ? value.get<std::string>()
         : value.is_number_float() ? shortNumber(value.get<double>())
                                   : value.dump();
}

/// What one run was: times, memory, environment, options, data.
static std::string details(const RunRecord &run) {
  std::string out;
  auto pairs = [](const ReportJson &parent, const char *key) {
    std::vector<std::pair<std::string, std::string>> list;
    if (parent.is_object())
      if (auto it = parent.find(key); it != parent.end() && it->is_object())
        for (const auto &[name, value] : it->items())
          list.emplace_back(name, textOf(value));
    return list;
  };
  auto section = [&](const char *title, const std::string &body) {
    if (!body.empty())
      out += element("h3", title) + "\n" + body;
  };
  section("Time in seconds", pairTable(pairs(run.result, "timing")));
  std::vector<std::pair<std::string, std::string>> stages;
  if (run.result.is_object())
    if (auto it = run.result.find("stages");
        it != run.result.end() && it->is_array())
      for (const ReportJson &stage : *it)
        if (stage.is_object() && stage.contains("name") && stage.contains("ms"))
          stages.emplace_back(textOf(stage["name"]), textOf(stage["ms"]));
  section("Compilation by stage, in milliseconds", pairTable(stages));
  section("Memory in bytes", pairTable(pairs(run.result, "memory")));
  section("Baselines (loss)", pairTable(pairs(run.result, "baselines")));
  std::vector<std::pair<std::string, std::string>> environment;
  environment.emplace_back("command", run.command);
  for (const char *key : {"version", "cpu", "model"})
    if (auto it = run.config.find(key); it != run.config.end())
      environment.emplace_back(key, textOf(*it));
  section("Environment", pairTable(environment));
  section("Options", pairTable(pairs(run.config, "values")));
  section("Sizes", pairTable(pairs(run.config, "sizes")));
  std::vector<std::pair<std::string, std::string>> files;
  if (auto it = run.config.find("data");
      it != run.config.end() && it->is_array())
    for (const ReportJson &file : *it)
      if (file.is_object() && file.contains("path"))
        files.emplace_back(
            textOf(file["path"]),
            file.contains("sha256") ? "sha256 " + textOf(file["sha256"]) : "");
  section("Data", pairTable(files));
  return out;
}

static const char style[] =
    "body{font:15px/1.4 sans-serif;max-width:60em;margin:2em auto;"
    "padding:0 1em;color:#222}\n"
    "table{border-collapse:collapse;margin:.5em 0;font-size:14px}\n"
    "th,td{border:1px solid #ccc;padding:.2em .6em;text-align:left;"
    "overflow-wrap:anywhere}\n"
    "svg{width:100%;max-width:50em}\nsvg text{font:11px sans-serif;"
    "fill:#444}\n"
    ".grid{stroke:#ddd}\n.legend span{margin-right:1em}\n"
    "code{overflow-wrap:anywhere}\n";

std::string reportHtml(std::span<const RunRecord> runs) {
  const std::string title = runs.size() == 1
                                ? runs.front().name
                                : std::to_string(runs.size()) + " runs";
  std::string body = element("h1", escaped(title)) + "\n<table>\n";
  auto rows = reportCells(runs);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string cells;
    for (const std::string &cell : rows[i])
      cells += element(i ? "td" : "th", escaped(cell));
    body += element("tr", cells) + "\n";
  }
  body += "</table>\n" + drawings(runs);
  for (const RunRecord &run : runs)
    body += (runs.size() > 1 ? element("h2", escaped(run.name)) + "\n" : "") +
            details(run);
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta "
         "charset=\"utf-8\"/>\n" +
         element("title", escaped(title)) + "\n" + element("style", style) +
         "\n</head>\n<body>\n" + body + "</body>\n</html>\n";
}

} // namespace rnnc::rt
