//===- BenchLists.cpp - Options of bench that are lists -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/BenchLists.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::driver;

/// The parts between commas; an empty text has one empty part.
static std::vector<std::string> partsOf(const std::string &text) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= text.size();) {
    size_t end = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

Result<std::vector<std::string>>
driver::wordList(const std::string &option, const std::string &text,
                 const std::vector<std::string> &choices) {
  std::vector<std::string> words = partsOf(text);
  for (const std::string &word : words)
    if (std::find(choices.begin(), choices.end(), word) == choices.end()) {
      std::string list;
      for (const std::string &choice : choices)
        list += (list.empty() ? "" : ", ") + choice;
      std::string near = nearestName(word, choices);
      return usageError("--" + option + " expects a list of " + list +
                            ", found '" + word + "'",
                        near.empty() ? "" : "did you mean '" + near + "'?");
    }
  return words;
}

Result<std::vector<int64_t>> driver::wholeList(const std::string &option,
                                               const std::string &text) {
  std::vector<int64_t> numbers;
  for (const std::string &part : partsOf(text)) {
    auto number = parseWhole(part);
    if (!number || *number < 1)
      return usageError("--" + option +
                        " expects whole numbers of at least 1 with commas "
                        "between, found '" +
                        text + "'");
    numbers.push_back(*number);
  }
  return numbers;
}

Result<std::vector<BenchWay>> driver::waysOf(const CommandLine &line) {
  auto modes = wordList("mode", line.get("mode").value_or("train,infer,stream"),
                        {"train", "infer", "stream"});
  if (!modes)
    return modes.error();
  auto precisions = wordList("precision", line.get("precision").value_or("f32"),
                             {"f32", "f64", "bf16"});
  if (!precisions)
    return precisions.error();
  const char *environment = std::getenv("RNNC_THREADS");
  std::string threadsText = std::to_string(rnnrt_usable_cores());
  if (environment)
    if (auto count = parseWhole(environment); count && *count > 0)
      threadsText = environment;
  auto threads =
      wholeList("threads", line.get("threads").value_or(threadsText));
  if (!threads)
    return threads.error();
  auto batches = wholeList("batch", line.get("batch").value_or("32"));
  if (!batches)
    return batches.error();
  std::vector<int64_t> lengths = {0};
  if (auto text = line.get("length")) {
    auto given = wholeList("length", *text);
    if (!given)
      return given.error();
    lengths = *given;
  }
  std::vector<BenchWay> ways;
  for (const std::string &mode : *modes)
    for (const std::string &precision : *precisions)
      for (int64_t count : *threads)
        for (int64_t batch : *batches)
          for (int64_t length : lengths) {
            ways.push_back({mode, precision, batch, length, count});
            // Streaming goes step by step, whatever the lengths.
            if (mode == "stream")
              break;
          }
  return ways;
}
