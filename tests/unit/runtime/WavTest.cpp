//===- WavTest.cpp - sound files and features -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Forms of samples, damaged files, and features against plain formulas.
//
//===----------------------------------------------------------------------===//
#include "runtime/Wav.h"

#include "runtime/Idx.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <numbers>
#include <zlib.h>

using namespace rnnc::rt;

static std::string little(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i)
    out += static_cast<char>(value >> (8 * i));
  return out;
}

static std::string wav(int format, int channels, int rate, int bits,
                       const std::string &data) {
  std::string chunk = little(format, 2) + little(channels, 2) +
                      little(rate, 4) + little(rate * channels * bits / 8, 4) +
                      little(channels * bits / 8, 2) + little(bits, 2);
  std::string body = "WAVEfmt " + little(16, 4) + chunk + "LIST" +
                     little(3, 4) + "abc" + std::string(1, '\0') + "data" +
                     little(data.size(), 4) + data;
  return "RIFF" + little(body.size(), 4) + body;
}

TEST(Wav, FormsOfSamples) {
  Result<Sound> sound = parseWav(
      wav(1, 1, 8000, 16, little(0x8000, 2) + little(0x4000, 2)), "a.wav");
  ASSERT_TRUE(sound);
  EXPECT_EQ(sound->rate, 8000);
  EXPECT_EQ(sound->samples, (std::vector<float>{-1, 0.5F}));
  EXPECT_EQ(parseWav(wav(1, 1, 1, 8, "\x80\xff"), "a")->samples,
            (std::vector<float>{0, 127 / 128.0F}));
  EXPECT_EQ(parseWav(wav(1, 1, 1, 24, little(0xc00000, 3)), "a")->samples,
            (std::vector<float>{-0.5F}));
  EXPECT_EQ(parseWav(wav(1, 1, 1, 32, little(0x40000000, 4)), "a")->samples,
            (std::vector<float>{0.5F}));
  EXPECT_EQ(parseWav(wav(3, 2, 1, 32,
                         little(std::bit_cast<uint32_t>(0.25F), 4) +
                             little(std::bit_cast<uint32_t>(0.75F), 4)),
                     "a")
                ->samples,
            (std::vector<float>{0.5F}));
}

TEST(Wav, Damaged) {
  auto message = [](const std::string &bytes) {
    Result<Sound> sound = parseWav(bytes, "a.wav");
    return sound ? "" : sound.error().text();
  };
  const std::string whole = wav(1, 1, 8000, 16, "abcdefgh");
  EXPECT_EQ(message("RIFF"), "a.wav: not a WAVE file");
  EXPECT_EQ(message(whole.substr(0, whole.size() - 2)),
            "a.wav: the file is cut: 8 bytes of samples are said, 6 are there");
  EXPECT_EQ(message(whole.substr(0, 40)), "a.wav: there are no samples");
  EXPECT_EQ(message(wav(1, 1, 8000, 16, "")), "a.wav: there are no samples");
  EXPECT_EQ(message(wav(6, 1, 8000, 8, "ab")),
            "a.wav: samples of form 6 with 8 bits are not read; expected PCM "
            "of 8 to 32 bits or floats");
  EXPECT_EQ(message(wav(1, 0, 8000, 16, "ab")),
            "a.wav: the format says 0 channels at 8000 Hz");
  // No prefix of a file crashes.
  for (size_t i = 0; i < whole.size(); ++i)
    EXPECT_FALSE(parseWav(whole.substr(0, i), "a.wav")) << i;
}

TEST(Features, Parsing) {
  EXPECT_EQ(parseFeatures("raw")->form, FeatureKind::Raw);
  EXPECT_EQ(parseFeatures("mel")->count, 40);
  EXPECT_EQ(parseFeatures("mfcc:13")->count, 13);
  for (const char *text :
       {"", "mel:", "mel:0", "mfcc:41", "raw:2", "mel:40x", "fft"})
    EXPECT_FALSE(parseFeatures(text)) << text;
}

/// The formulas of the header, one number at a time.
static double melByHand(const Sound &sound, int64_t frame, int64_t hop,
                        int64_t size, int64_t f, int64_t band, int64_t count) {
  auto hertz = [&](double i) {
    double top = 2595 * std::log10(1 + double(sound.rate) / 2 / 700);
    return 700 * (std::pow(10.0, top * i / double(count + 1) / 2595) - 1);
  };
  double energy = 0;
  for (int64_t bin = 0; bin <= size / 2; ++bin) {
    double at = double(bin * sound.rate) / double(size);
    double low = hertz(double(band)), mid = hertz(double(band + 1)),
           high = hertz(double(band + 2));
    double weight =
        std::max(0.0, std::min((at - low) / (mid - low), (high - at) / (high - mid)));
    double re = 0, im = 0;
    for (int64_t i = 0; i < frame; ++i) {
      size_t place = size_t(f * hop + i);
      double x = place < sound.samples.size() ? double(sound.samples[place]) : 0;
      double w = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * double(i) / double(frame));
      double angle = -2 * std::numbers::pi * double(bin * i % size) / double(size);
      re += w * x * std::cos(angle);
      im += w * x * std::sin(angle);
    }
    energy += weight * (re * re + im * im);
  }
  return std::log(std::max(energy, 1e-10));
}

TEST(Features, AgainstTheFormulas) {
  // 25 ms and 10 ms at 8 kHz: 200 and 80 samples, a transform of 256.
  Sound sound;
  sound.rate = 8000;
  for (int i = 0; i < 500; ++i)
    sound.samples.push_back(float(std::sin(0.3 * i) + 0.2 * std::sin(0.011 * i * i)));
  Tensor mel = featuresOf(sound, {FeatureKind::Mel, 40});
  ASSERT_EQ(mel.shape(), (std::vector<int64_t>{4, 40}));
  std::vector<double> logs(40);
  for (int64_t f : {0, 3})
    for (int64_t b = 0; b < 40; ++b) {
      double expected = melByHand(sound, 200, 80, 256, f, b, 40);
      // Both are f64 sums of 256 terms; what differs is the rounding to f32.
      EXPECT_NEAR(mel.number(f * 40 + b), expected,
                  std::abs(expected) * 0x1p-23 + 1e-9);
      logs[size_t(b)] = expected;
    }
  Tensor mfcc = featuresOf(sound, {FeatureKind::Mfcc, 13});
  ASSERT_EQ(mfcc.shape(), (std::vector<int64_t>{4, 13}));
  for (int64_t k = 0; k < 13; ++k) {
    double expected = 0;
    for (int64_t b = 0; b < 40; ++b)
      expected += logs[size_t(b)] *
                  std::cos(std::numbers::pi * double(k) * (double(b) + 0.5) / 40);
    expected *= std::sqrt((k ? 2.0 : 1.0) / 40);
    EXPECT_NEAR(mfcc.number(3 * 13 + k), expected,
                std::abs(expected) * 0x1p-23 + 1e-8);
  }
  // Shorter than a frame: one frame. Raw: the samples.
  sound.samples.resize(10);
  EXPECT_EQ(featuresOf(sound, {FeatureKind::Mel, 5}).shape(),
            (std::vector<int64_t>{1, 5}));
  EXPECT_EQ(featuresOf(sound, {FeatureKind::Raw, 1}).shape(),
            (std::vector<int64_t>{10, 1}));
}

TEST(Idx, Arrays) {
  const std::string images =
      std::string("\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x03", 16) +
      "\x01\x02\x03\x04\x05\xff";
  ASSERT_TRUE(isIdx(images));
  Result<Tensor> tensor = parseIdx(images, "i");
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->shape(), (std::vector<int64_t>{2, 1, 3}));
  EXPECT_EQ(tensor->number(5), 255);
  EXPECT_EQ(parseIdx(images.substr(0, 21), "i").error().text(),
            "i: the header says [2, 1, 3], but there are 5 bytes of data");
  EXPECT_EQ(parseIdx(images.substr(0, 10), "i").error().text(),
            "i: the header is cut");
  EXPECT_EQ(parseIdx("abcdefgh", "i").error().text(), "i: not an IDX file");
  const std::string reals =
      std::string("\0\0\x0d\x01\0\0\0\x01\x3f\x80\0\0", 12);
  EXPECT_EQ(parseIdx(reals, "i")->number(0), 1);
  const std::string shorts = std::string("\0\0\x0b\x01\0\0\0\x01\xff\xfe", 10);
  EXPECT_EQ(parseIdx(shorts, "i")->number(0), -2);
  // An extent that no memory holds.
  const std::string huge =
      std::string("\0\0\x0e\x02\xff\xff\xff\xff\xff\xff\xff\xff", 12);
  EXPECT_FALSE(parseIdx(huge, "i"));
}

TEST(Idx, Gunzip) {
  std::string text(100000, 'x'), packed(2000, '\0');
  z_stream stream = {};
  ASSERT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8,
                         Z_DEFAULT_STRATEGY),
            Z_OK);
  stream.next_in = reinterpret_cast<Bytef *>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef *>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  Result<std::string> out = gunzip(packed, "a.gz");
  ASSERT_TRUE(out);
  EXPECT_EQ(*out, text);
  EXPECT_EQ(gunzip(packed + packed, "a.gz")->size(), 200000u);
  EXPECT_EQ(gunzip(packed.substr(0, packed.size() - 9), "a.gz").error().text(),
            "a.gz: the gzip file is cut");
  EXPECT_EQ(gunzip("hello", "a.gz").error().text(),
            "a.gz: the gzip file is damaged");
  EXPECT_FALSE(gunzip("", "a.gz"));
  EXPECT_FALSE(gunzip(packed, "a.gz", 1000));
}
