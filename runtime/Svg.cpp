//===- Svg.cpp - pictures as text -----------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "runtime/Svg.h"

#include "runtime/Text.h"

#include <cmath>
#include <cstdio>

namespace rnnc::rt {

std::string xmlEscaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    std::optional<CodePoint> point = decodeUtf8(text.substr(i));
    if (!point) {
      out += "\xEF\xBF\xBD"; // not UTF-8: the sign for "unknown"
      ++i;
      continue;
    }
    switch (point->value) {
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '&':
      out += "&amp;";
      break;
    case '"':
      out += "&quot;";
      break;
    default:
      // XML has no control characters.
      if ((point->value < 0x20 && point->value != '\t') ||
          point->value == 0x7f || point->value == 0xfffe ||
          point->value == 0xffff)
        out += "\xEF\xBF\xBD";
      else
        out += text.substr(i, size_t(point->length));
    }
    i += size_t(point->length);
  }
  return out;
}

std::string svgNumber(double value) {
  if (!std::isfinite(value))
    return "0";
  char text[64];
  std::snprintf(text, sizeof text, "%.2f", value);
  std::string out = text;
  while (out.back() == '0')
    out.pop_back();
  if (out.back() == '.')
    out.pop_back();
  return out == "-0" ? "0" : out;
}

double textWidth(std::string_view text, double size) {
  double width = 0;
  for (size_t i = 0; i < text.size();) {
    std::optional<CodePoint> point = decodeUtf8(text.substr(i));
    const uint32_t c = point ? point->value : '?';
    // Narrow and wide letters of a usual font; signs of East Asia are square.
    if (c >= 0x2e80)
      width += 1;
    else if (c < 0x80 &&
             std::string_view("iljtfrI.,:;|'!()[] ").find(char(c)) !=
                 std::string_view::npos)
      width += 0.38;
    else if (c < 0x80 &&
             std::string_view("mwMW@%").find(char(c)) != std::string_view::npos)
      width += 0.95;
    else
      width += 0.63;
    i += point ? size_t(point->length) : 1;
  }
  return width * size;
}

static std::string attribute(const char *name, double value) {
  return std::string(" ") + name + "=\"" + svgNumber(value) + "\"";
}

static std::string attribute(const char *name, std::string_view value) {
  return std::string(" ") + name + "=\"" + std::string(value) + "\"";
}

static std::string strokeOf(const Stroke &stroke) {
  if (stroke.width <= 0)
    return "";
  std::string out = attribute("stroke", stroke.colour) +
                    attribute("stroke-width", stroke.width);
  if (*stroke.dashes)
    out += attribute("stroke-dasharray", stroke.dashes);
  if (stroke.arrow)
    out += attribute("marker-end", "url(#arrow)");
  return out;
}

void Svg::text(double x, double y, std::string_view text,
               const TextStyle &style) {
  body += "<text" + attribute("x", x) + attribute("y", y) +
          attribute("font-size", style.size) + attribute("fill", style.colour);
  if (std::string_view(style.anchor) != "start")
    body += attribute("text-anchor", style.anchor);
  if (style.bold)
    body += attribute("font-weight", "bold");
  if (style.turned != 0)
    body += attribute("transform", "rotate(" + svgNumber(style.turned) + " " +
                                       svgNumber(x) + " " + svgNumber(y) + ")");
  body += ">" + xmlEscaped(text) + "</text>\n";
}

void Svg::line(double x1, double y1, double x2, double y2,
               const Stroke &stroke) {
  arrows |= stroke.arrow;
  body += "<line" + attribute("x1", x1) + attribute("y1", y1) +
          attribute("x2", x2) + attribute("y2", y2) + strokeOf(stroke) + "/>\n";
}

void Svg::rect(double x, double y, double width, double height,
               const std::string &fill, const Stroke &stroke, double radius) {
  body += "<rect" + attribute("x", x) + attribute("y", y) +
          attribute("width", width) + attribute("height", height) +
          attribute("fill", fill) + strokeOf(stroke);
  if (radius > 0)
    body += attribute("rx", radius);
  body += "/>\n";
}

void Svg::circle(double x, double y, double radius, const std::string &fill,
                 std::string_view tip) {
  body += "<circle" + attribute("cx", x) + attribute("cy", y) +
          attribute("r", radius) + attribute("fill", fill);
  if (tip.empty())
    body += "/>\n";
  else
    body += "><title>" + xmlEscaped(tip) + "</title></circle>\n";
}

void Svg::polyline(const std::vector<std::pair<double, double>> &points,
                   const Stroke &stroke) {
  body += "<polyline" + attribute("fill", "none") +
          attribute("stroke-linejoin", "round") + strokeOf(stroke) +
          " points=\"";
  for (size_t i = 0; i < points.size(); ++i)
    body += (i ? " " : "") + svgNumber(points[i].first) + "," +
            svgNumber(points[i].second);
  body += "\"/>\n";
}

void Svg::path(const std::string &commands, const Stroke &stroke) {
  arrows |= stroke.arrow;
  body += "<path" + attribute("fill", "none") + strokeOf(stroke) +
          attribute("d", commands) + "/>\n";
}

std::string Svg::finish(double width, double height,
                        std::string_view title) const {
  const std::string w = svgNumber(std::ceil(width)),
                    h = svgNumber(std::ceil(height));
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + w +
                    "\" height=\"" + h + "\" viewBox=\"0 0 " + w + " " + h +
                    "\" font-family=\"DejaVu Sans, Verdana, Helvetica, Arial, "
                    "sans-serif\" role=\"img\">\n<title>" +
                    xmlEscaped(title) + "</title>\n";
  if (arrows)
    out += "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7.5\" "
           "refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
           "markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path "
           "d=\"M0,0.5L8,4L0,7.5z\" fill=\"#555555\"/></marker></defs>\n";
  out += "<rect width=\"" + w + "\" height=\"" + h + "\" fill=\"#ffffff\"/>\n" +
         body + "</svg>\n";
  return out;
}

} // namespace rnnc::rt
