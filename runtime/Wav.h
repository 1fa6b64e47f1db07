//===- Wav.h - sound files --------------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads RIFF WAVE files and turns sound into features for a model.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_WAV_H
#define RNNC_RUNTIME_WAV_H

#include "runtime/Tensor.h"

namespace rnnc::rt {

/// Sound as one channel of samples in [-1, 1].
struct Sound {
  int64_t rate = 0;
  std::vector<float> samples;
};

/// Reads PCM of 8, 16, 24 or 32 bits and floats of 32 or 64 bits; several
/// channels become their mean. A file without samples is an error.
Result<Sound> parseWav(std::string_view bytes, const std::string &file);

/// What a model is given of a sound.
///
/// - raw: the samples, [T, 1].
/// - mel: logarithms of the energies in K bands, [frames, K].
/// - mfcc: the first K coefficients of the cosine transform of 40 such
///   logarithms, [frames, K].
///
/// A frame is 25 ms, the next begins 10 ms later, each is weighted with a Hann
/// window. Bands are triangles on the scale 2595 log10(1 + f/700), from 0 to
/// half the rate. Energies below 1e-10 count as that. The cosine transform is
/// orthonormal. A sound shorter than a frame is one frame, filled with zeros.
struct FeatureKind {
  enum Form { Raw, Mel, Mfcc } form = Raw;
  int64_t count = 1;
};

/// Reads "raw", "mel:40", "mfcc:13" (40 and 13 if none is given).
Result<FeatureKind> parseFeatures(std::string_view text);

/// The features of a sound, f32 [T, count].
Tensor featuresOf(const Sound &sound, const FeatureKind &kind);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_WAV_H
