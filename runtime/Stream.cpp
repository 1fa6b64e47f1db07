//===- Stream.cpp - a corpus as parallel streams --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Positions of windows, and the copying of their elements.
//
//===----------------------------------------------------------------------===//
#include "runtime/Stream.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

namespace rnnc::rt {

Result<StreamCursor> StreamCursor::create(int64_t length,
                                          const StreamOptions &options) {
  auto bad = [](std::string message, std::string help = {}) {
    return makeError("short-data", std::move(message), std::move(help));
  };
  if (options.batch < 1 || options.window < 1 || options.horizon < 0)
    return makeError("bad-value", "a stream needs a batch and a window of at "
                                  "least 1 and a horizon of at least 0");
  // Targets stand `horizon` later, so the last positions have none.
  const int64_t usable =
      length > options.horizon ? length - options.horizon : 0;
  if (usable < 1)
    return bad("a sequence of " + std::to_string(std::max<int64_t>(length, 0)) +
               " is too short; at least " +
               std::to_string(options.horizon + 1) + " are needed");
  if (!options.toTheEnd && usable < options.batch)
    return bad("a sequence of " + std::to_string(length) +
                   " cannot be cut into " + std::to_string(options.batch) +
                   " streams",
               "--batch=" + std::to_string(usable) + " or less");
  StreamCursor cursor;
  cursor.settings = options;
  cursor.streamLength = usable / options.batch;
  cursor.wholeWindows =
      (cursor.streamLength + options.window - 1) / options.window;
  cursor.windowCount = cursor.wholeWindows;
  cursor.positionCount = cursor.streamLength * options.batch;
  if (options.toTheEnd) {
    cursor.remainder = usable - cursor.positionCount;
    cursor.windowCount +=
        (cursor.remainder + options.window - 1) / options.window;
    cursor.positionCount = usable;
  }
  return cursor;
}

StreamWindow StreamCursor::at(int64_t epoch, int64_t index) const {
  StreamWindow window;
  window.epoch = epoch;
  window.index = index;
  window.fresh = index == 0;
  window.last = index == windowCount - 1;
  window.stride = streamLength;
  if (index < wholeWindows) {
    window.start = index * settings.window;
    window.batch = settings.batch;
    window.steps = std::min(settings.window, streamLength - window.start);
    return window;
  }
  // What division left over follows the last stream without a gap.
  const int64_t done = (index - wholeWindows) * settings.window;
  window.start = streamLength * settings.batch + done;
  window.batch = 1;
  window.steps = std::min(settings.window, remainder - done);
  if (index == wholeWindows && wholeWindows > 0)
    window.continues = settings.batch - 1;
  return window;
}

StreamWindow StreamCursor::next() {
  StreamWindow window = at(where.epoch, where.index);
  if (++where.index == windowCount) {
    where.index = 0;
    ++where.epoch;
  }
  return window;
}

Result<void> StreamCursor::restore(StreamPosition position) {
  if (position.epoch < 0 || position.index < 0 || position.index >= windowCount)
    return makeError("bad-position",
                     "position " + std::to_string(position.index) +
                         " of epoch " + std::to_string(position.epoch) +
                         " is not one of these data, which have " +
                         std::to_string(windowCount) + " windows");
  where = position;
  return {};
}

void gatherWindow(const StreamWindow &window, const Tensor &source,
                  int64_t offset, Tensor &out) {
  std::vector<int64_t> shape = {window.steps, window.batch};
  shape.insert(shape.end(), source.shape().begin() + 1, source.shape().end());
  if (out.dtype() != source.dtype() || out.shape() != shape)
    out = Tensor(source.dtype(), std::move(shape));
  const int64_t rows = source.shape()[0];
  const int64_t width = rows ? source.bytes() / rows : 0;
  const auto *from = static_cast<const char *>(source.data());
  auto *to = static_cast<char *>(out.data());
  for (int64_t t = 0; t < window.steps; ++t)
    for (int64_t b = 0; b < window.batch; ++b) {
      int64_t row = window.start + b * window.stride + t + offset;
      assert(row >= 0 && row < rows && "outside the sequence");
      std::memcpy(to, from + row * width, static_cast<size_t>(width));
      to += width;
    }
}

void gatherWindow(const StreamWindow &window, std::span<const int32_t> source,
                  int64_t offset, int32_t *out) {
  for (int64_t t = 0; t < window.steps; ++t)
    for (int64_t b = 0; b < window.batch; ++b) {
      int64_t row = window.start + b * window.stride + t + offset;
      assert(row >= 0 && row < static_cast<int64_t>(source.size()) &&
             "outside the sequence");
      *out++ = source[static_cast<size_t>(row)];
    }
}

Result<std::vector<double>> parseSplit(std::string_view text) {
  auto bad = [&](const char *why) {
    return makeError("bad-value",
                     "'" + std::string(text) + "' is no split: " + why);
  };
  std::vector<double> shares;
  double sum = 0;
  const char *at = text.data(), *end = at + text.size();
  while (true) {
    double share = 0;
    auto [stop, code] =
        std::from_chars(at, end, share, std::chars_format::general);
    if (code != std::errc() || !std::isfinite(share) || share < 0)
      return bad("expected shares such as 0.9,0.1");
    shares.push_back(share);
    sum += share;
    at = stop;
    if (at == end)
      break;
    if (*at != ',')
      return bad("expected shares such as 0.9,0.1");
    ++at;
  }
  if (shares.size() > 3)
    return bad("at most three shares: train, valid, test");
  if (shares[0] <= 0)
    return bad("the training share must be above 0");
  if (sum > 1 + 1e-9)
    return bad("the shares add up to more than 1");
  return shares;
}

std::vector<Part> splitByPosition(int64_t length,
                                  std::span<const double> shares) {
  std::vector<Part> parts;
  double sum = 0;
  int64_t begin = 0;
  for (double share : shares) {
    sum += share;
    // The slack keeps 0.9 of 10 at 9 though 0.9 is not exact.
    int64_t end = sum >= 1 - 1e-9
                      ? length
                      : static_cast<int64_t>(std::floor(
                            sum * static_cast<double>(length) + 1e-6));
    end = std::clamp(end, begin, length);
    parts.push_back({begin, end});
    begin = end;
  }
  return parts;
}

} // namespace rnnc::rt
