//===- ReportTest.cpp - pages and tables about runs -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs written by hand, read again, compared.
//
//===----------------------------------------------------------------------===//
#include "runtime/Report.h"

#include "runtime/AtomicFile.h"
#include "tests/unit/runtime/TestFolder.h"

#include <gtest/gtest.h>

using namespace rnnc::rt;

static void writeRun(const std::filesystem::path &folder, const char *lr,
                     bool finished) {
  std::filesystem::create_directory(folder);
  ASSERT_TRUE(writeFile(
      folder / "config.json",
      R"({"schema": 1, "version": "0.1.0", "cpu": "A <b> & C", "model": "M",
          "values": {"batch": 8, "lr": )" +
          std::string(lr) +
          R"(, "threads": 2}, "sizes": {"V": 9},
          "data": [{"path": "d.txt", "sha256": "abc"}],
          "settings": {"given": {"tokens": "words"}, "set": [], "cell": []}})"));
  ASSERT_TRUE(writeFile(folder / "command.txt", "rnnc train m.rnn\n"));
  ASSERT_TRUE(writeFile(
      folder / "metrics.jsonl",
      R"({"step": 1, "epoch": 0.1, "split": "train", "loss": 3.5, "perplexity": null, "accuracy": null, "grad_norm": 0.5, "lr": 0.1}
{"step": 20, "epoch": 2, "split": "train", "loss": "nan", "perplexity": null, "accuracy": null, "grad_norm": 0.5, "lr": 0.1}
{"step": 20, "epoch": 2, "split": "valid", "loss": 2.25, "perplexity": null, "accuracy": null, "grad_norm": null, "lr": 0.1}
)" + std::string(finished ? R"({"step": 30, "epoch": 3, "split": "valid", "loss": 2.125, "perplexity": 8.37, "accuracy": null, "grad_norm": null, "lr": 0.1}
{"step": 40, "epoch": 4, "split": "valid", "loss": 2.5, "perplexity": 12.18, "accuracy": null, "grad_norm": null, "lr": 0.1}
)"
                                 : "") +
          R"({"step": 40, "ep)"));
  if (finished)
    ASSERT_TRUE(writeFile(folder / "result.json",
                          R"({"status": "finished", "steps": 40, "wall_s": 75.2,
            "valid": {"loss": 2.5, "best_loss": 2.125, "best_step": 30,
                      "perplexity": 12.18},
            "baselines": {"5-gram": 1.75},
            "timing": {"train": 1.5}, "stages": [{"name": "rnn", "ms": 12}]})"));
}

TEST(Report, RunsAreReadAsFarAsTheyGo) {
  TestFolder folder;
  writeRun(folder / "a", "0.1", true);
  writeRun(folder / "b", "0.01", false);
  Result<RunRecord> a = readRun(folder / "a"), b = readRun(folder / "b");
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->name, "a");
  EXPECT_EQ(a->status(), "finished");
  EXPECT_EQ(a->best(), std::pair(2.125, int64_t(30)));
  EXPECT_EQ(a->number("valid.perplexity"), 12.18);
  ASSERT_TRUE(a->validationAt(30));
  EXPECT_EQ(a->validationAt(30)->epoch, 3);
  EXPECT_FALSE(a->validationAt(31));
  EXPECT_EQ(a->number("valid.none"), std::nullopt);
  // No result: what the metrics say. A torn line is no line.
  EXPECT_EQ(b->status(), "unfinished");
  EXPECT_EQ(b->metrics.size(), 3u);
  EXPECT_EQ(b->best(), std::pair(2.25, int64_t(20)));

  std::vector<RunRecord> runs = {*a, *b};
  auto differing = differingValues(runs);
  ASSERT_EQ(differing.size(), 1u);
  EXPECT_EQ(differing[0].first, "lr");
  EXPECT_EQ(differing[0].second, (std::vector<std::string>{"0.1", "0.01"}));
  EXPECT_EQ(reportTable(runs),
            "run    lr      status  steps  best valid  at step  at epoch   ppl  "
            "5-gram  time\n"
            "a     0.1    finished     40      2.1250       30      3.00  8.37  "
            "1.7500  1:15\n"
            "b    0.01  unfinished     20      2.2500       20      2.00     -  "
            "     -     -\n");
  ReportJson rows = reportRows(runs);
  EXPECT_EQ(rows[1]["values"]["lr"], "0.01");
  EXPECT_EQ(rows[1]["steps"], nullptr);
}

TEST(Report, PageStandsAlone) {
  TestFolder folder;
  writeRun(folder / "a", "0.1", true);
  std::vector<RunRecord> runs = {*readRun(folder / "a")};
  std::string page = reportHtml(runs);
  // Nothing from elsewhere, nothing that runs, nothing unescaped.
  for (const char *text : {"http", "<script", "<link", "<img", "A <b>"})
    EXPECT_EQ(page.find(text), std::string::npos) << text;
  for (const char *text :
       {"<svg", "<title>Loss by step</title>", "Norm of the gradient by step",
        "Learning rate by step", "A &lt;b&gt; &amp; C", "rnnc train m.rnn",
        "sha256 abc", "Compilation by stage", "5-gram"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
  // No NaN ever becomes a coordinate; each element that begins also ends.
  EXPECT_EQ(page.find("nan"), std::string::npos);
  for (const char *name : {"table", "svg", "tr", "td", "h2", "text", "p"}) {
    auto count = [&](const std::string &what) {
      size_t found = 0;
      for (size_t at = page.find(what); at != std::string::npos;
           at = page.find(what, at + 1))
        ++found;
      return found;
    };
    std::string word(name);
    EXPECT_EQ(count("<" + word + ">") + count("<" + word + " "),
              count("</" + word + ">"))
        << name;
  }
}

TEST(Report, Errors) {
  TestFolder folder;
  EXPECT_EQ(readRun(folder / "none").error().message,
            "not a run folder: no such directory");
  writeRun(folder / "a", "0.1", true);
  ASSERT_TRUE(writeFile(folder / "a" / "result.json", "{"));
  EXPECT_EQ(readRun(folder / "a").error().message,
            "the file is damaged: it is no JSON object");
}
