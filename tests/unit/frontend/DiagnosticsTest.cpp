//===- DiagnosticsTest.cpp - Messages and how they are shown --------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/Diagnostics.h"

#include <gtest/gtest.h>

using namespace rnnc;

namespace {

class Diagnostics : public testing::Test {
protected:
  const SourceFile *add(std::string text) {
    return file = sources.add("char.rnn", std::move(text));
  }
  SourceRange range(size_t begin, size_t end) const {
    return {file->locAt(begin), file->locAt(end)};
  }
  std::string printed(DiagnosticEngine &diags, bool color = false) const {
    std::ostringstream out;
    diags.print(out, color);
    return out.str();
  }

  SourceManager sources;
  const SourceFile *file = nullptr;
};

TEST_F(Diagnostics, LineCaretAndNote) {
  add("  param Wi: [n, d]\n  i = sigmoid(Wi @ x + b)\n");
  DiagnosticEngine diags(sources);
  diags.error(range(36, 37), "size", "size mismatch in '@'")
      .underline(range(33, 35))
      .underline(range(38, 39))
      .note(range(8, 10), "'Wi' declared here")
      .help("write more");
  EXPECT_EQ(printed(diags),
            "char.rnn:2:18: error: size mismatch in '@'; help: write more\n"
            "   2 |   i = sigmoid(Wi @ x + b)\n"
            "     |               ~~ ^ ~\n"
            "char.rnn:1:9: note: 'Wi' declared here\n");
}

TEST_F(Diagnostics, InOrderOfPlaceAndOnceAtAPlace) {
  add("a b c\n");
  DiagnosticEngine diags(sources);
  diags.error(range(4, 5), "x", "third");
  diags.error(range(0, 1), "x", "first");
  diags.error(range(2, 3), "x", "second");
  diags.error(range(0, 1), "x", "a consequence of the first");
  std::vector<Diagnostic> sorted = diags.sorted();
  ASSERT_EQ(sorted.size(), 3u);
  EXPECT_EQ(sorted[0].message, "first");
  EXPECT_EQ(sorted[1].message, "second");
  EXPECT_EQ(sorted[2].message, "third");
}

TEST_F(Diagnostics, MostErrors) {
  add("abcdef\n");
  DiagnosticEngine diags(sources, {.maxErrors = 2});
  for (size_t i = 0; i < 5; ++i)
    diags.error(range(i, i + 1), "x", "wrong");
  EXPECT_EQ(diags.sorted().size(), 2u);
  EXPECT_NE(printed(diags).find(
                "rnnc: note: 3 more errors; help: --max-errors=0 shows all\n"),
            std::string::npos);
  DiagnosticEngine unlimited(sources, {.maxErrors = 0});
  for (size_t i = 0; i < 5; ++i)
    unlimited.error(range(i, i + 1), "x", "wrong");
  EXPECT_EQ(unlimited.sorted().size(), 5u);
}

TEST_F(Diagnostics, WarningsShowTheirId) {
  add("x\n");
  DiagnosticEngine diags(sources);
  diags.warning(range(0, 1), "unused-size", "size 'x' is never used");
  EXPECT_FALSE(diags.hasErrors());
  EXPECT_EQ(printed(diags), "char.rnn:1:1: warning: size 'x' is never used "
                            "[unused-size]\n   1 | x\n     | ^\n");
}

TEST_F(Diagnostics, WarningsAllowedAndDenied) {
  add("x y\n");
  auto fill = [&](DiagnosticEngine &diags) {
    diags.warning(range(0, 1), "unused-size", "one");
    diags.warning(range(2, 3), "other", "two");
  };
  DiagnosticEngine allowed(sources, {.allow = {"unused-size"}});
  fill(allowed);
  ASSERT_EQ(allowed.sorted().size(), 1u);
  EXPECT_EQ(allowed.sorted()[0].message, "two");

  DiagnosticEngine denied(sources,
                          {.denyWarnings = true, .allow = {"unused-size"}});
  fill(denied);
  ASSERT_EQ(denied.sorted().size(), 1u);
  EXPECT_EQ(denied.sorted()[0].severity, Severity::Error);
  EXPECT_EQ(denied.errorCount(), 1u);

  DiagnosticEngine quiet(sources, {.quiet = true});
  fill(quiet);
  EXPECT_TRUE(quiet.sorted().empty());
}

TEST_F(Diagnostics, LongLinesAreCutAtTheCaret) {
  add(std::string(3000, 'a') + "!" + std::string(3000, 'b'));
  DiagnosticEngine diags(sources);
  diags.error(range(3000, 3001), "x", "here");
  EXPECT_EQ(printed(diags), "char.rnn:1:3001: error: here\n   1 | ..." +
                                std::string(50, 'a') + "!" +
                                std::string(49, 'b') + "...\n     | " +
                                std::string(53, ' ') + "^\n");
}

TEST_F(Diagnostics, CaretUnderWideBytes) {
  add("\tπ = ?\x01\n");
  DiagnosticEngine diags(sources);
  diags.error(range(6, 7), "x", "here");
  EXPECT_EQ(printed(diags),
            "char.rnn:1:7: error: here\n   1 |  π = ??\n     |      ^\n");
}

TEST_F(Diagnostics, EndOfFile) {
  add("x\n");
  DiagnosticEngine diags(sources);
  diags.error(range(2, 2), "x", "found end of file");
  EXPECT_EQ(printed(diags),
            "char.rnn:2:1: error: found end of file\n   2 | \n     | ^\n");
}

TEST_F(Diagnostics, WithoutPlace) {
  DiagnosticEngine diags(sources);
  diags.error({}, "x", "the model has no loss");
  EXPECT_EQ(printed(diags), "rnnc: error: the model has no loss\n");
}

TEST_F(Diagnostics, Colour) {
  add("x\n");
  DiagnosticEngine diags(sources);
  diags.error(range(0, 1), "x", "wrong");
  EXPECT_NE(printed(diags, true).find("\033[1;31merror: \033[0mwrong"),
            std::string::npos);
}

TEST_F(Diagnostics, Json) {
  add("x \"y\"\n");
  DiagnosticEngine diags(sources);
  diags.error(range(2, 5), "size", "wrong \"y\"\n").note(range(0, 1), "here");
  EXPECT_EQ(toJson(sources, diags.sorted()[0]),
            "{\"file\":\"char.rnn\",\"line\":1,\"column\":3,"
            "\"severity\":\"error\",\"id\":\"size\","
            "\"message\":\"wrong \\\"y\\\"\\n\",\"help\":null,"
            "\"notes\":[{\"file\":\"char.rnn\",\"line\":1,\"column\":1,"
            "\"message\":\"here\"}]}");
  EXPECT_EQ(jsonString("a\xff\x01"), "\"a\\ufffd\\u0001\"");
}

TEST(Nearest, OffersWhatIsCloseEnough) {
  std::vector<std::string> names = {"sigmoid", "tanh", "GRU", "softmax", "x"};
  EXPECT_EQ(nearest("sigmod", names), "sigmoid");
  EXPECT_EQ(nearest("tahn", names), "tanh");
  EXPECT_EQ(nearest("gru", names), "GRU");
  EXPECT_EQ(nearest("sfotmxa", names), "softmax");
  EXPECT_EQ(nearest("y", names), "");
  EXPECT_EQ(nearest("relu", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest(std::string(100000, 'a'), names), "");
}

TEST(Sources, PlacesOfSeveralFiles) {
  SourceManager sources;
  const SourceFile *a = sources.add("a", "x\ny");
  const SourceFile *b = sources.add("b", "");
  const SourceFile *c = sources.add("c", "\nz");
  EXPECT_EQ(sources.fileOf(a->locAt(3)), a);
  EXPECT_EQ(sources.fileOf(b->locAt(0)), b);
  EXPECT_EQ(sources.locate(c->locAt(1)).line, 2u);
  EXPECT_EQ(sources.locate(c->locAt(1)).column, 1u);
  EXPECT_EQ(sources.fileOf(SourceLoc()), nullptr);
  EXPECT_EQ(sources.text({a->locAt(2), a->locAt(3)}), "y");
}

} // namespace
