//===- Check.cpp - rnnc check ---------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Compile.h"

using namespace rnnc;
using namespace rnnc::driver;

int driver::checkCommand(const CommandLine &line, Console &console) {
  Settings settings(line);
  int status = StatusDone;
  for (const std::string &path : line.operands) {
    std::vector<Message> warnings;
    auto fail = [&](const Error &error) {
      status = std::max(status, console.fail(error));
    };
    auto spec =
        Spec::load(path, settings, MessageOptions::of(console), warnings);
    if (!spec) {
      fail(spec.error());
      continue;
    }
    AnalyzeOptions options;
    options.sizes = settings.sizes();
    auto model = (*spec)->analyze(settings, options, warnings);
    if (!model) {
      fail(model.error());
      continue;
    }
    for (const Message &warning : warnings)
      console.say(warning);
    if (*model)
      if (auto known = settings.readModel(**model); !known)
        fail(known.error());
  }
  return status;
}
