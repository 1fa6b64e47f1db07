//===- Fmt.cpp - rnnc fmt -------------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Compile.h"
#include "compiler/driver/Output.h"
#include "frontends/rnn/Parser.h"
#include "runtime/AtomicFile.h"

using namespace rnnc;
using namespace rnnc::driver;

static std::vector<std::string> linesOf(const std::string &text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

/// The lines that differ between two texts, common head and tail left out.
static std::string differences(const std::string &name,
                               const std::string &before,
                               const std::string &after) {
  std::vector<std::string> a = linesOf(before), b = linesOf(after);
  size_t head = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head])
    ++head;
  size_t tail = 0;
  while (tail + head < a.size() && tail + head < b.size() &&
         a[a.size() - 1 - tail] == b[b.size() - 1 - tail])
    ++tail;
  size_t start = head > 3 ? head - 3 : 0;
  size_t end = std::min(tail, size_t(3));
  auto range = [&](const std::vector<std::string> &lines) {
    size_t count = lines.size() - tail + end - start;
    return std::to_string(count ? start + 1 : start) + "," +
           std::to_string(count);
  };
  std::string out = "--- " + name + "\n+++ " + name + "\n@@ -" + range(a) +
                    " +" + range(b) + " @@\n";
  for (size_t i = start; i < head; ++i)
    out += " " + a[i] + "\n";
  for (size_t i = head; i < a.size() - tail; ++i)
    out += "-" + a[i] + "\n";
  for (size_t i = head; i < b.size() - tail; ++i)
    out += "+" + b[i] + "\n";
  for (size_t i = a.size() - tail; i < a.size() - tail + end; ++i)
    out += " " + a[i] + "\n";
  return out;
}

int driver::fmtCommand(const CommandLine &line, Console &console) {
  int status = StatusDone;
  auto fail = [&](const Error &error) {
    status = std::max(status, console.fail(error));
  };
  Json changed = Json::array();
  for (const std::string &path : line.operands) {
    auto text = rt::readFile(path);
    if (!text) {
      fail(fromRuntime(text.error()));
      continue;
    }
    SourceManager sources;
    const SourceFile *file = sources.add(path == "-" ? "<stdin>" : path, *text);
    if (!file) {
      fail(makeError("too-long", "'" + path + "' is too long"));
      continue;
    }
    DiagnosticEngine engine(sources);
    ParsedText parsed = parseText(*file, engine);
    if (engine.hasErrors()) {
      fail(errorOf(collect(engine, console.color)));
      continue;
    }
    std::string formatted = format(parsed);
    if (formatted != *text)
      changed.push_back(path);
    if (line.has("check")) {
      if (formatted == *text)
        continue;
      status = std::max(status, int(StatusInput));
      if (!console.print(differences(file->getName(), *text, formatted)))
        return StatusInput;
    } else if (path == "-") {
      if (!console.print(formatted))
        return StatusInput;
    } else if (formatted != *text) {
      if (auto written = writeOutput(path, formatted, console); !written)
        fail(written.error());
    }
  }
  console.object["changed"] = changed;
  return status;
}
