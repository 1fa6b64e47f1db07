//===- SemaErrorCase.h - A wrong text and what is said of it ----*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each text has its messages in full, with line and column. Notes that point
// into the library are left out: they move with its text.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_TESTS_UNIT_FRONTEND_SEMAERRORCASE_H
#define RNNC_TESTS_UNIT_FRONTEND_SEMAERRORCASE_H

#include "frontends/rnn/Sema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

struct SemaErrorCase {
  const char *name;
  const char *flags; ///< s: sizes needed, l: loss needed, f: a stream
  const char *text;
  std::vector<std::string> messages;
};

/// What is said of the text, without the file's name.
inline std::vector<std::string> messagesOf(const SemaErrorCase &wrong) {
  using namespace rnnc;
  SourceManager sources;
  DiagnosticEngine diags(sources);
  auto program = loadProgramText("t.rnn", wrong.text, {}, sources, diags);
  std::string flags = wrong.flags;
  SemaOptions options;
  options.needSizes = flags.find('s') != std::string::npos;
  options.needLoss = flags.find('l') != std::string::npos;
  options.stream = flags.find('f') != std::string::npos;
  if (program && !diags.hasErrors()) {
    auto model = analyze(*program, options, diags);
    EXPECT_TRUE(!model || !diags.hasErrors());
  }
  std::ostringstream out;
  diags.print(out);
  std::istringstream lines(out.str());
  std::vector<std::string> messages;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("t.rnn:"))
      messages.push_back(line.substr(6));
  return messages;
}

/// A test of each case of the array `cases`.
#define RNNC_SEMA_ERROR_TEST(suite, cases)                                     \
  class suite : public testing::TestWithParam<SemaErrorCase> {};               \
  TEST_P(suite, Messages) {                                                    \
    EXPECT_THAT(messagesOf(GetParam()),                                        \
                testing::ElementsAreArray(GetParam().messages));               \
  }                                                                            \
  INSTANTIATE_TEST_SUITE_P(                                                    \
      All, suite, testing::ValuesIn(cases),                                    \
      [](const testing::TestParamInfo<SemaErrorCase> &info) {                  \
        return std::string(info.param.name);                                   \
      })

#endif
