//===- Inspect.cpp - rnnc inspect -----------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pictures of what happens inside a trained model when it reads one input.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Commands/InspectPictures.h"
#include "runtime/AtomicFile.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

using namespace rnnc;
using namespace rnnc::driver;
namespace fs = std::filesystem;

namespace {
/// What can be looked at.
enum Kind { States, Gates, Gradients, Attention, Components };
constexpr const char *kindNames[] = {"states", "gates", "gradients",
                                     "attention", "pca"};
/// What is said of a model that has no such thing.
constexpr const char *missing[] = {
    "the model has no states: nothing is scanned over time",
    "the model has no gates: no equation of a scan gives a value a name",
    "the model has no gradients of states: it needs a loss and a state",
    "the model has no attention: no softmax along time",
    "the model has no principal components: neither a table that ids choose "
    "rows of, nor examples and states"};
} // namespace

Result<void> Pictures::savePng(const std::string &svgFile,
                               const std::string &pngFile) {
  const std::string part = pngFile + ".part";
  std::vector<std::string> words = {"rsvg-convert", "--zoom=2", "--output",
                                    part, svgFile};
  std::vector<char *> arguments;
  for (std::string &word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = -1;
  const int failed = posix_spawnp(&child, arguments[0], nullptr, nullptr,
                                  arguments.data(), environ);
  int status = 0;
  if (failed == 0)
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
      continue;
  // A child that cannot find the program ends with 127.
  if (failed == ENOENT ||
      (failed == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127))
    return makeError("no-program", "--png needs the program rsvg-convert",
                     "install Debian's package librsvg2-bin");
  std::error_code error;
  if (failed == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
    fs::rename(part, pngFile, error);
  else
    error = std::make_error_code(std::errc::io_error);
  if (!error)
    return {};
  std::error_code ignored;
  fs::remove(part, ignored);
  return makeError("bad-file",
                   "cannot make '" + pngFile + "' from '" + svgFile + "'");
}

static Result<std::set<Kind>> kindsOf(const std::string &text) {
  std::set<Kind> kinds;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string word = text.substr(at, end - at);
    at = end + 1;
    const auto *it =
        std::find(std::begin(kindNames), std::end(kindNames), word);
    if (it == std::end(kindNames)) {
      std::string near =
          nearestName(word, std::vector<std::string>(std::begin(kindNames),
                                                     std::end(kindNames)));
      return usageError("--what expects a list of states, gates, gradients, "
                        "attention, pca, found '" +
                            word + "'",
                        near.empty() ? "" : "did you mean '" + near + "'?");
    }
    kinds.insert(Kind(it - std::begin(kindNames)));
  }
  return kinds;
}

static Result<int> inspect(const CommandLine &line, Console &console) {
  Settings settings(line);
  // Pictures of one kind, or all there are.
  const bool chosen = line.has("what");
  auto kinds = kindsOf(
      line.get("what").value_or("states,gates,gradients,attention,pca"));
  if (!kinds)
    return kinds.error();
  auto folder = line.get("output");
  if (!folder || folder->empty())
    return usageError("'rnnc inspect' needs -o DIR",
                      "it writes several pictures");
  auto opened =
      openModel(line.operands.front(), settings, console, "to inspect");
  if (!opened)
    return opened.error();
  // The vocabulary says how many symbols a SPEC with --vocab has.
  const hir::Model &model = opened->project->model();
  if (!opened->folder && opened->vocabulary) {
    std::map<std::string, double> sizes = opened->project->dataSizes();
    for (const hir::Input &input : model.inputs)
      if (input.type.range)
        if (auto name = sizeName(model, *input.type.range))
          if (const rt::Vocabulary *known =
                  opened->learned.symbols.find(input.name))
            sizes.emplace(*name, double(known->size()));
    opened->project->setSizes(sizes);
  }

  InspectData data(*opened, settings);
  const std::vector<std::string> given = line.all("input");
  const bool needsInput =
      std::any_of(kinds->begin(), kinds->end(),
                  [](Kind kind) { return kind != Components; });
  std::optional<Inspected> subject;
  if (!given.empty() || needsInput) {
    if (given.empty() && !data.mayExist())
      return usageError("no input", "give --input X or --data FILE");
    if (given.empty())
      if (auto done = data.load(); !done)
        return done.error();
    auto made = given.empty() ? data.row(0) : data.written(given);
    if (!made)
      return made.error();
    subject = std::move(*made);
  }
  std::error_code error;
  fs::create_directories(*folder, error);
  if (error)
    return makeError("bad-file",
                     "cannot make '" + *folder + "': " + error.message());

  console.object["input"] = Json::object();
  if (subject)
    for (const auto &[name, tokens] : subject->tokens)
      console.object["input"][name] = tokens;
  console.object["files"] = Json::array();
  Pictures pictures(*opened, data, console, *folder, line.has("png"));
  const int64_t points = settings.whole("points", 300);
  for (Kind kind : *kinds) {
    auto make = [&]() -> Result<bool> {
      switch (kind) {
      case States:
        return pictures.states(*subject);
      case Gates:
        return pictures.gates(*subject);
      case Gradients:
        return pictures.gradients(*subject);
      case Attention:
        return pictures.attention(*subject);
      case Components: {
        bool withData = data.mayExist();
        // Who did not ask for the data of a run can do without them.
        if (withData && !chosen)
          if (auto done = data.load(); !done) {
            console.talk("no states of examples: " + done.error().message);
            withData = false;
          }
        return pictures.components(withData, points);
      }
      }
      return false;
    };
    auto made = make();
    const std::string name = kindNames[kind];
    if (!made) {
      // A target that nobody gave only matters to who asked for gradients.
      const auto &said = made.error().diagnostics;
      if (!chosen && kind == Gradients && !said.empty() &&
          said.front().id == "unbound-data") {
        console.talk("no gradients: " + said.front().message);
        continue;
      }
      return made.error();
    }
    if (!*made && chosen)
      return makeError("nothing-to-see", missing[kind]);
  }
  if (pictures.files().empty())
    return makeError("nothing-to-see",
                     "the model has nothing to show: no states, no attention, "
                     "no tables");
  std::string text;
  for (const std::string &file : pictures.files())
    text += file + "\n";
  return console.print(text) ? StatusDone : StatusInput;
}

int driver::inspectCommand(const CommandLine &line, Console &console) {
  auto status = inspect(line, console);
  return status ? *status : console.fail(status.error());
}
