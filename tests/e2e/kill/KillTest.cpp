//===- KillTest.cpp - runs that are killed and resumed --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tiny run is ended with kill -9 at random moments from a fixed list of
// seeds, its last checkpoint is cut short now and then, and its disk fills up.
// Resumed, it ends in the same bits as a run that nobody touched, on any number
// of threads.
//
//===----------------------------------------------------------------------===//
#include "runtime/AtomicFile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <random>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using rnnc::rt::readFile;

namespace {

const char spec[] = R"(model Tiny(V, n = 4) {
  target x: seq int[V]
  h = shift(x, start = 0) |> Embedding(V, n) |> Elman(n)
  z = dropout(h, 0.1) |> Dense(V)
  loss cross_entropy(z, x)
  train { optimizer = adam(lr = 1e-2), batch = 4, window = 8 }
}
)";

class Kill : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern =
        (fs::temp_directory_path() / "rnnc-kill-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    std::string text;
    for (int i = 0; i < 120; ++i)
      text += "the cat sat on mat " + std::to_string(i % 7) + "\n";
    ASSERT_TRUE(rnnc::rt::writeFile(folder / "tiny.rnn", spec));
    ASSERT_TRUE(rnnc::rt::writeFile(folder / "text.txt", text));
    // Compiled once, so that most of a run is the run.
    ::setenv("RNNC_CACHE_DIR", (folder / "cache").c_str(), 1);
    ASSERT_EQ(wait(start(begin("whole"))), 0);
    auto from = Clock::now();
    ASSERT_EQ(wait(start(begin("again"))), 0);
    usual = std::chrono::duration<double>(Clock::now() - from).count();
    same("again");
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    ::close(talking);
  }

  std::vector<std::string> begin(const std::string &run, int threads = 1) {
    return {"train",
            (folder / "tiny.rnn").string(),
            "--data",
            (folder / "text.txt").string(),
            "--steps",
            "90",
            "--valid-every",
            "20",
            "--checkpoint-every",
            "4",
            "--out",
            (folder / run).string(),
            "--threads",
            std::to_string(threads),
            "--progress=plain"};
  }
  std::vector<std::string> resume(const std::string &run, int threads = 1) {
    return {"train",
            "--resume",
            (folder / run).string(),
            "--threads",
            std::to_string(threads),
            "--progress=plain"};
  }

  /// Starts rnnc. It talks into a pipe, which holds more than it says: a limit
  /// on the size of files cuts nothing off.
  pid_t start(const std::vector<std::string> &words) {
    std::vector<std::string> all = {RNNC_PROGRAM};
    all.insert(all.end(), words.begin(), words.end());
    std::vector<char *> pointers;
    for (std::string &word : all)
      pointers.push_back(word.data());
    pointers.push_back(nullptr);
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    if (talking >= 0)
      ::close(talking);
    talking = ends[0];
    said.clear();
    pid_t child = ::fork();
    if (child == 0) {
      int out = ::open("/dev/null", O_WRONLY);
      ::dup2(out, 1);
      ::dup2(ends[1], 2);
      ::execv(pointers[0], pointers.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    return child;
  }
  /// The exit status; -1 if a signal ended it.
  static int wait(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  /// What the last program said, which has ended.
  std::string talk() {
    char piece[4096];
    for (ssize_t count; (count = ::read(talking, piece, sizeof piece)) > 0;)
      said.append(piece, size_t(count));
    return said;
  }

  void same(const std::string &run) {
    for (const char *name : {"final.safetensors", "best.safetensors",
                             "metrics.csv", "metrics.jsonl"}) {
      auto whole = readFile(folder / "whole" / name);
      auto other = readFile(folder / run / name);
      ASSERT_TRUE(whole && other) << name << "\n" << talk();
      EXPECT_TRUE(*whole == *other) << name << " of " << run << " differs";
    }
  }

  fs::path folder;
  /// The end of a pipe that is read, and what was read from it.
  int talking = -1;
  std::string said;
  /// Seconds of a run that nobody touches.
  double usual = 0;
};

} // namespace

TEST_F(Kill, AtAnyMoment) {
  int kills = 0, cuts = 0, finished = 0;
  // One seed, one run; enough runs for 50 kills.
  for (unsigned seed = 1; kills < 50; ++seed) {
    ASSERT_LT(seed, 200u) << "only " << kills << " kills";
    std::mt19937 random(seed);
    const std::string run = "run" + std::to_string(seed);
    bool done = false;
    for (int attempt = 0; !done; ++attempt) {
      ASSERT_LT(attempt, 100) << run << " never ends\n" << talk();
      const int threads = 1 + int(random() % 2);
      const bool begun = fs::exists(folder / run / "config.json");
      if (!begun)
        fs::remove_all(folder / run);
      pid_t child = start(begun ? resume(run, threads) : begin(run, threads));
      const double moment = usual * double(random() % 1000) / 900;
      std::this_thread::sleep_for(std::chrono::duration<double>(moment));
      ::kill(child, SIGKILL);
      int status = wait(child);
      if (status == 0) {
        done = true;
        break;
      }
      ASSERT_EQ(status, -1) << run << "\n" << talk();
      ++kills;
      // A disk that lost the end of the newest file: the one before is used.
      fs::path last = folder / run / "last.ckpt";
      if (random() % 5 == 0 && fs::exists(last) &&
          fs::exists(folder / run / "previous.ckpt")) {
        fs::resize_file(last, random() % fs::file_size(last));
        ++cuts;
        pid_t next = start(resume(run));
        done = wait(next) == 0;
        ASSERT_TRUE(done) << talk();
        EXPECT_NE(talk().find("going on from previous.ckpt"), std::string::npos)
            << talk();
      }
    }
    same(run);
    ++finished;
    // Nothing half written is left.
    for (const auto &entry : fs::directory_iterator(folder / run))
      EXPECT_FALSE(entry.path().string().ends_with(".rnnc-part"))
          << entry.path();
    fs::remove_all(folder / run);
  }
  RecordProperty("kills", kills);
  std::printf("%d kills, %d checkpoints cut short, %d runs, %.2f s each\n",
              kills, cuts, finished, usual);
}

// Files may not grow beyond a limit that is set while the run goes on: writes
// fail as on a full disk. The run ends with a message, what was saved stays
// whole, and with space again it ends in the same bits.
TEST_F(Kill, DiskFull) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    std::mt19937 random(seed);
    const std::string run = "full" + std::to_string(seed);
    pid_t child = start(begin(run));
    while (!fs::exists(folder / run / "config.json") &&
           ::waitpid(child, nullptr, WNOHANG) == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(
        std::chrono::duration<double>(usual * double(random() % 200) / 1000));
    rlimit limit = {random() % 1500, RLIM_INFINITY};
    ::prlimit(child, RLIMIT_FSIZE, &limit, nullptr);
    int status = wait(child);
    // It may have been at its end.
    if (status != 0) {
      EXPECT_EQ(status, 1) << talk();
      EXPECT_NE(talk().find("cannot write: file too large"), std::string::npos)
          << talk();
    }
    for (const auto &entry : fs::directory_iterator(folder / run))
      EXPECT_FALSE(entry.path().string().ends_with(".rnnc-part"))
          << entry.path();
    ASSERT_EQ(wait(start(resume(run))), 0) << talk();
    EXPECT_EQ(talk().find("going on from previous"), std::string::npos)
        << talk();
    same(run);
  }
}
