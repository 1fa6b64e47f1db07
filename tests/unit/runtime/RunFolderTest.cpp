//===- RunFolderTest.cpp - what a run leaves ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folders, metrics, event files, checkpoints, checksums.
//
//===----------------------------------------------------------------------===//
#include "runtime/RunFolder.h"

#include "runtime/AtomicFile.h"
#include "runtime/Checkpoint.h"
#include "runtime/EventFile.h"
#include "runtime/Sha256.h"
#include "tests/unit/runtime/TestFolder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using namespace rnnc::rt;

namespace {
/// Makes a folder the working directory and goes back at the end.
struct WorkingDirectory {
  explicit WorkingDirectory(const std::filesystem::path &path)
      : before(std::filesystem::current_path()) {
    std::filesystem::current_path(path);
  }
  ~WorkingDirectory() { std::filesystem::current_path(before); }
  std::filesystem::path before;
};
} // namespace

// The examples of FIPS 180-4 and one that fills several blocks.
TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb924"
                        "27ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223"
                           "b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039"
            "a33ce45964ff2167f6ecedd419db06c1");
  std::string million(1000000, 'a');
  EXPECT_EQ(sha256(million), "cdc76e5c9914fb9281a1c7e284d73e67"
                             "f1809a48a497200e046d39ccc7112cd0");
  Sha256 parts;
  for (size_t at = 0; at < million.size(); at += 37)
    parts.update(std::string_view(million).substr(at, 37));
  EXPECT_EQ(parts.finish(), sha256(million));
}

// A CPU with instructions for it takes another way; all sums are the same. The
// known answers of the plain way, and bytes of all values in pieces.
TEST(Sha256, WithoutInstructions) {
  auto plain = [](std::string_view text, size_t piece) {
    Sha256 sum(/*fast=*/false);
    for (size_t at = 0; at < text.size(); at += piece)
      sum.update(text.substr(at, piece));
    return sum.finish();
  };
  EXPECT_EQ(plain("abc", 1), "ba7816bf8f01cfea414140de5dae2223"
                             "b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(plain(std::string(1000000, 'a'), 1000),
            "cdc76e5c9914fb9281a1c7e284d73e67"
            "f1809a48a497200e046d39ccc7112cd0");
  std::string bytes;
  for (uint32_t i = 0, x = 1; i < 1000; ++i, x = x * 1664525 + 1013904223) {
    bytes += static_cast<char>(x >> 24);
    EXPECT_EQ(plain(bytes, 1 + i % 90), sha256(bytes)) << bytes.size();
  }
}

TEST(EventFile, Crc32c) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
}

TEST(EventFile, RecordAsTensorBoardReadsIt) {
  const std::pair<std::string, float> scalars[] = {{"a", 1.5f}};
  std::string record = eventRecord(2.0, 300, scalars);
  // wall_time 2.0, step 300, summary {value {tag "a" simple_value 1.5}}
  const std::string event("\x09\0\0\0\0\0\0\0\x40\x10\xac\x02\x2a\x0a\x0a\x08"
                          "\x0a\x01"
                          "a\x15\0\0\xc0\x3f",
                          24);
  ASSERT_EQ(record.size(), event.size() + 16);
  EXPECT_EQ(record.substr(12, event.size()), event);
  uint64_t length = 0;
  std::memcpy(&length, record.data(), 8);
  EXPECT_EQ(length, event.size());
  uint32_t stored = 0, crc = crc32c(event);
  std::memcpy(&stored, record.data() + 12 + event.size(), 4);
  EXPECT_EQ(stored, ((crc >> 15) | (crc << 17)) + 0xa282ead8u);
  EXPECT_NE(eventFileStart(1).find("brain.Event:2"), std::string::npos);
}

TEST(EventFile, CutBack) {
  const std::pair<std::string, float> scalars[] = {{"a", 1}};
  std::string bytes = eventFileStart(1), upTo2;
  for (int64_t step : {1, 2, 3}) {
    bytes += eventRecord(1, step, scalars);
    if (step == 2)
      upTo2 = bytes;
  }
  EXPECT_EQ(cutEvents(bytes, 2), upTo2);
  EXPECT_EQ(cutEvents(bytes, 9), bytes);
  for (size_t size = 0; size <= bytes.size(); ++size) {
    std::string cut = cutEvents(bytes.substr(0, size), 9);
    EXPECT_EQ(cut, bytes.substr(0, cut.size()));
  }
}

TEST(RunFolder, NewFolders) {
  TestFolder folder;
  WorkingDirectory here(folder.path);
  Result<RunFolder> first = RunFolder::create(std::nullopt, "char_lm", 0);
  Result<RunFolder> second = RunFolder::create(std::nullopt, "char_lm", 0);
  ASSERT_TRUE(first && second);
  std::string name = first->path().string();
  EXPECT_TRUE(name.starts_with("runs/char_lm-19")) << name;
  EXPECT_EQ(name.size(), std::strlen("runs/char_lm-YYYYMMDD-HHMMSS"));
  EXPECT_EQ(second->path().string(), name + "-2");
  ASSERT_TRUE(RunFolder::create("deep/er", "x", 0));
}

TEST(RunFolder, NeverOverwrites) {
  TestFolder folder;
  ASSERT_TRUE(RunFolder::create(folder / "run", "x", 0));
  ASSERT_TRUE(RunFolder::create(folder / "run", "x", 0));
  ASSERT_TRUE(writeFile(folder / "run/a", "x"));
  EXPECT_EQ(RunFolder::create(folder / "run", "x", 0).error().text(),
            (folder / "run").string() +
                ": the run folder is not empty; a run is never overwritten");
  EXPECT_FALSE(RunFolder::create(folder / "run/a", "x", 0));
  EXPECT_FALSE(RunFolder::create(folder / "run/a/b", "x", 0));
}

TEST(RunFolder, Opening) {
  TestFolder folder;
  EXPECT_EQ(RunFolder::open(folder / "no").error().message,
            "not a run folder: no such directory");
  EXPECT_EQ(RunFolder::open(folder.path).error().message,
            "not a run folder: it has no config.json");
  ASSERT_TRUE(writeFile(folder / "config.json", "{}"));
  EXPECT_TRUE(RunFolder::open(folder.path));
}

TEST(RunFolder, MetricsLines) {
  Metrics metrics;
  metrics.step = 10;
  metrics.epoch = 0.1;
  metrics.loss = 1.5;
  metrics.perplexity = std::numeric_limits<double>::infinity();
  metrics.gradNorm = std::nan("");
  EXPECT_EQ(metricsCsv(metrics), "10,0.1,train,1.5,inf,,nan,");
  EXPECT_EQ(metricsJson(metrics),
            R"({"step": 10, "epoch": 0.1, "split": "train", "loss": 1.5, )"
            R"("perplexity": "inf", "accuracy": null, "grad_norm": "nan", )"
            R"("lr": null})");
  EXPECT_EQ(shortest(0.1f), "0.10000000149011612");
  EXPECT_EQ(shortest(-0.0), "-0");
}

TEST(RunFolder, MetricsAreCutBack) {
  TestFolder folder;
  RunFolder run = *RunFolder::create(folder / "run", "x", 0);
  ASSERT_TRUE(run.write("config.json", "{}"));
  std::string upTo2;
  for (int64_t step : {1, 2, 3}) {
    Metrics metrics;
    metrics.step = step;
    metrics.loss = 1.0 / static_cast<double>(step);
    ASSERT_TRUE(run.appendMetrics(metrics));
    if (step == 2)
      upTo2 = *run.read("metrics.csv");
  }
  EXPECT_TRUE(upTo2.starts_with(std::string(metricsHeader) + "\n1,"));
  ASSERT_TRUE(appendFile(run.file("metrics.csv"), "4,0.2,tra"));
  ASSERT_TRUE(writeFile(run.file(".a.1-0.rnnc-part"), "x"));
  RunFolder again = *RunFolder::open(folder / "run");
  ASSERT_TRUE(again.cutBack(2));
  EXPECT_EQ(*again.read("metrics.csv"), upTo2);
  std::string jsonl = *again.read("metrics.jsonl");
  EXPECT_EQ(std::count(jsonl.begin(), jsonl.end(), '\n'), 2);
  EXPECT_FALSE(std::filesystem::exists(run.file(".a.1-0.rnnc-part")));
  // One event file, gone on with.
  Metrics third;
  third.step = 3;
  ASSERT_TRUE(again.appendMetrics(third));
  int64_t eventFiles = 0;
  for (const auto &entry : std::filesystem::directory_iterator(folder / "run"))
    eventFiles +=
        entry.path().filename().string().starts_with("events.out.tfevents.");
  EXPECT_EQ(eventFiles, 1);
  ASSERT_TRUE(again.log("hello"));
  EXPECT_EQ(*again.read("log.txt"), "hello\n");
}

static TensorFile state(float value) {
  TensorFile file;
  const float values[] = {value, 2};
  file.add("W", Tensor::of<float>({2}, values));
  file.metadata["step"] = "7";
  return file;
}

TEST(Checkpoint, LastAndPrevious) {
  TestFolder folder;
  EXPECT_FALSE(loadCheckpoint(folder.path));
  for (float value : {1.0f, 2.0f, 3.0f})
    ASSERT_TRUE(saveCheckpoint(folder.path, state(value)));
  EXPECT_EQ(folder.names(),
            (std::vector<std::string>{"last.ckpt", "previous.ckpt"}));
  Result<LoadedCheckpoint> loaded = loadCheckpoint(folder.path);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->file, "last.ckpt");
  EXPECT_EQ(loaded->warning, "");
  EXPECT_EQ(loaded->content.find("W")->number(0), 3);
  EXPECT_EQ(loaded->content.metadata.at("step"), "7");
}

TEST(Checkpoint, DamagedLast) {
  TestFolder folder;
  ASSERT_TRUE(saveCheckpoint(folder.path, state(1)));
  ASSERT_TRUE(saveCheckpoint(folder.path, state(2)));
  const std::string whole = *readFile(folder / "last.ckpt");
  std::string bent = whole, renamed = whole;
  bent.back() = static_cast<char>(bent.back() ^ 1);
  renamed.replace(renamed.find("\"step\""), 6, "\"stop\"");
  for (const std::string &bytes :
       {bent, renamed, whole.substr(0, whole.size() / 2), std::string()}) {
    ASSERT_TRUE(writeFile(folder / "last.ckpt", bytes));
    Result<LoadedCheckpoint> loaded = loadCheckpoint(folder.path);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->file, "previous.ckpt");
    EXPECT_EQ(loaded->content.find("W")->number(0), 1);
    EXPECT_NE(loaded->warning.find("last.ckpt: "), std::string::npos);
    EXPECT_NE(loaded->warning.find("going on from previous.ckpt"),
              std::string::npos);
  }
  ASSERT_TRUE(saveCheckpoint(folder.path, state(3)));
  EXPECT_EQ(loadCheckpoint(folder.path)->content.find("W")->number(0), 3);
  ASSERT_TRUE(saveCheckpoint(folder.path, state(4)));
  std::filesystem::remove(folder / "last.ckpt");
  EXPECT_EQ(loadCheckpoint(folder.path)->file, "previous.ckpt");
  std::filesystem::remove(folder / "previous.ckpt");
  EXPECT_FALSE(loadCheckpoint(folder.path));
}
