//===- Svg.h - pictures as text ---------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes scalable vector graphics that need nothing else: no scripts, no other
// files. Lengths are pixels at the usual size, y grows downwards.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_SVG_H
#define RNNC_RUNTIME_SVG_H

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rnnc::rt {

/// Text with what XML reserves replaced, and without what it forbids.
std::string xmlEscaped(std::string_view text);

/// A coordinate: at most two digits after the point, "-0" is "0".
std::string svgNumber(double value);

/// About how wide a text is in the font of the pictures.
double textWidth(std::string_view text, double size);

/// How a text is set.
struct TextStyle {
  double size = 12;
  const char *anchor = "start"; ///< "start", "middle" or "end"
  const char *colour = "#222222";
  bool bold = false;
  /// Degrees clockwise around its place.
  double turned = 0;
};

/// How a line or the border of a shape is drawn.
struct Stroke {
  std::string colour = "#444444";
  double width = 1;
  const char *dashes = "";
  bool arrow = false; ///< ends in an arrow head (lines and curves)
};

/// One picture. Shapes are drawn over those before them.
class Svg {
public:
  /// `y` is the base line.
  void text(double x, double y, std::string_view text,
            const TextStyle &style = {});
  void line(double x1, double y1, double x2, double y2, const Stroke &stroke);
  /// Without `fill` ("none") the border only; without a stroke width no border.
  void rect(double x, double y, double width, double height,
            const std::string &fill, const Stroke &stroke = {"none", 0},
            double radius = 0);
  void circle(double x, double y, double radius, const std::string &fill,
              std::string_view tip = {});
  void polyline(const std::vector<std::pair<double, double>> &points,
                const Stroke &stroke);
  /// A path by its commands.
  void path(const std::string &commands, const Stroke &stroke);
  /// Elements as they are.
  void raw(std::string_view elements) { body += elements; }
  /// All shapes of another picture, over those so far.
  void append(const Svg &other) {
    body += other.body;
    arrows |= other.arrows;
  }

  /// The whole picture, with a white ground. `title` is read aloud.
  std::string finish(double width, double height, std::string_view title) const;

private:
  std::string body;
  bool arrows = false;
};

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_SVG_H
