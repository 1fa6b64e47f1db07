//===- Report.cpp - rnnc report -------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compares runs: a table, and a page if asked for.
//
//===----------------------------------------------------------------------===//

#include "runtime/Report.h"
#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Output.h"

using namespace rnnc;
using namespace rnnc::driver;

static Result<int> report(const CommandLine &line, Console &console) {
  std::vector<rt::RunRecord> runs;
  for (const std::string &path : line.operands) {
    auto run = rt::readRun(path);
    if (!run)
      return fromRuntime(run.error());
    runs.push_back(std::move(*run));
  }
  console.object["runs"] = rt::reportRows(runs);
  if (auto path = line.get("output")) {
    if (*path == "-" && console.json)
      return usageError("--json and -o - both want standard output");
    if (auto done = writeOutput(*path, rt::reportHtml(runs), console); !done)
      return done.error();
    console.object["report"] = *path;
    if (*path == "-")
      return StatusDone;
  }
  return console.print(rt::reportTable(runs)) ? StatusDone : StatusInput;
}

int driver::reportCommand(const CommandLine &line, Console &console) {
  auto status = report(line, console);
  return status ? *status : console.fail(status.error());
}
