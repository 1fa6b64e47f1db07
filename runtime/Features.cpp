//===- Features.cpp - sound to features -----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Frames, their spectra, bands and the cosine transform. In f64, so that a
// feature is one rounding away from its formula.
//
//===----------------------------------------------------------------------===//
#include "runtime/Wav.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <complex>
#include <kissfft/kissfft.hh>
#include <numbers>

namespace rnnc::rt {

static constexpr double frameSeconds = 0.025, hopSeconds = 0.010;
static constexpr double leastEnergy = 1e-10;
static constexpr int64_t bandsOfMfcc = 40;

Result<FeatureKind> parseFeatures(std::string_view text) {
  FeatureKind kind;
  const size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  int64_t most = 1;
  if (name == "mel")
    kind = {FeatureKind::Mel, 40}, most = 512;
  else if (name == "mfcc")
    kind = {FeatureKind::Mfcc, 13}, most = bandsOfMfcc;
  bool good = kind.form != FeatureKind::Raw || name == "raw";
  if (good && colon != std::string_view::npos) {
    const char *end = text.data() + text.size();
    auto [stop, code] =
        std::from_chars(text.data() + colon + 1, end, kind.count);
    good = kind.form != FeatureKind::Raw && code == std::errc() &&
           stop == end && kind.count >= 1 && kind.count <= most;
  }
  if (!good)
    return makeError("bad-value", "'" + std::string(text) +
                                      "' are no features; expected raw, mel:K "
                                      "(K up to 512) or mfcc:K (K up to 40)");
  return kind;
}

static double melOf(double hertz) {
  return 2595 * std::log10(1 + hertz / 700);
}
static double hertzOf(double mel) {
  return 700 * (std::pow(10.0, mel / 2595) - 1);
}

/// One band: weights of the bins from `first`.
struct Band {
  size_t first = 0;
  std::vector<double> weights;
};

/// Triangles that overlap by half, evenly spaced in mel.
static std::vector<Band> bandsOf(int64_t count, size_t size, int64_t rate) {
  const double top = melOf(static_cast<double>(rate) / 2);
  auto edge = [&](int64_t i) {
    return hertzOf(top * static_cast<double>(i) /
                   static_cast<double>(count + 1));
  };
  std::vector<Band> bands(static_cast<size_t>(count));
  for (int64_t b = 0; b < count; ++b) {
    Band &band = bands[static_cast<size_t>(b)];
    const double low = edge(b), middle = edge(b + 1), high = edge(b + 2);
    for (size_t bin = 0; bin <= size / 2; ++bin) {
      const double hertz = static_cast<double>(bin) *
                           static_cast<double>(rate) /
                           static_cast<double>(size);
      const double weight = std::min((hertz - low) / (middle - low),
                                     (high - hertz) / (high - middle));
      if (weight <= 0)
        continue;
      if (band.weights.empty())
        band.first = bin;
      band.weights.push_back(weight);
    }
  }
  return bands;
}

Tensor featuresOf(const Sound &sound, const FeatureKind &kind) {
  const int64_t samples = static_cast<int64_t>(sound.samples.size());
  if (kind.form == FeatureKind::Raw)
    return Tensor::of<float>({samples, 1}, sound.samples);
  const double rate = static_cast<double>(sound.rate);
  const int64_t frame =
      std::max<int64_t>(std::llround(rate * frameSeconds), 1);
  const int64_t hop = std::max<int64_t>(std::llround(rate * hopSeconds), 1);
  const int64_t frames = 1 + std::max<int64_t>(samples - frame, 0) / hop;
  size_t size = 2;
  while (size < static_cast<size_t>(frame))
    size *= 2;
  const int64_t bandCount =
      kind.form == FeatureKind::Mfcc ? bandsOfMfcc : kind.count;
  const std::vector<Band> bands = bandsOf(bandCount, size, sound.rate);
  std::vector<double> hann(static_cast<size_t>(frame));
  for (size_t i = 0; i < hann.size(); ++i)
    hann[i] = 0.5 - 0.5 * std::cos(2 * std::numbers::pi *
                                   static_cast<double>(i) /
                                   static_cast<double>(frame));
  kissfft<double> transform(size, false);
  std::vector<std::complex<double>> in(size), out(size);
  std::vector<double> logs(bands.size());
  Tensor result(DType::F32, {frames, kind.count});
  std::span<float> to = result.as<float>();
  for (int64_t f = 0; f < frames; ++f) {
    std::fill(in.begin(), in.end(), 0.0);
    for (int64_t i = 0; i < frame && f * hop + i < samples; ++i)
      in[i] = hann[i] * static_cast<double>(sound.samples[f * hop + i]);
    transform.transform(in.data(), out.data());
    for (size_t b = 0; b < bands.size(); ++b) {
      double energy = 0;
      for (size_t i = 0; i < bands[b].weights.size(); ++i)
        energy += bands[b].weights[i] * std::norm(out[bands[b].first + i]);
      logs[b] = std::log(std::max(energy, leastEnergy));
    }
    for (int64_t k = 0; k < kind.count; ++k) {
      double value = logs[static_cast<size_t>(k)];
      if (kind.form == FeatureKind::Mfcc) {
        // DCT-II: s_k sum_b logs_b cos(pi k (b + 1/2) / n).
        const double n = static_cast<double>(bandCount);
        value = 0;
        for (int64_t b = 0; b < bandCount; ++b)
          value += logs[static_cast<size_t>(b)] *
                   std::cos(std::numbers::pi * static_cast<double>(k) *
                            (static_cast<double>(b) + 0.5) / n);
        value *= std::sqrt((k == 0 ? 1 : 2) / n);
      }
      to[static_cast<size_t>(f * kind.count + k)] = static_cast<float>(value);
    }
  }
  return result;
}

} // namespace rnnc::rt
