//===- PlotImpl.h - what the figures share ----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Only the Plot*.cpp files include this.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_PLOTIMPL_H
#define RNNC_RUNTIME_PLOTIMPL_H

#include "runtime/Svg.h"
#include "runtime/Text.h"

namespace rnnc::rt {

/// Room for the title of a figure, which is bold.
double titleWidth(const std::string &title);
/// Three digits.
std::string plotNumber(double value);
/// 1, 2 or 5 times a power of ten, so that about `wanted` steps fill a range.
double niceStep(double range, int wanted);
/// At most so many letters, with an ellipsis for the rest.
std::string shortened(const std::string &text, size_t most);
/// Labels below columns of a width, as many as there is room for; numbers from
/// 0 if there are none. Returns how high they are; draws nothing unless `draw`.
double columnLabels(Svg &svg, double x, double y, double width, int64_t count,
                    const std::vector<std::string> &labels, bool draw);
/// Colours of curves and groups, from first to last, then again.
const char *plotColour(size_t number);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_PLOTIMPL_H
