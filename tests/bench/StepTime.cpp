//===- StepTime.cpp - The time of one compiled step ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles a spec and times one entry at (B, T): median and best of two
// seconds. Values are random and small. `grad` has the gradients of parameters
// and of real inputs; `train` also updates, by SGD.
//
//   step-time SPEC ENTRY B T [THREADS]
//
//===----------------------------------------------------------------------===//

#include "compiler/jit/Executable.h"
#include "compiler/pipelines/Stages.h"
#include "frontends/rnn/Loader.h"
#include "frontends/rnn/MLIRGen.h"
#include "frontends/rnn/Sema.h"
#include "rnnrt/team.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <random>

using namespace rnnc;

static double milliseconds() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch())
      .count();
}

static int fail(const llvm::Twine &message) {
  llvm::errs() << "step-time: " << message << '\n';
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 5)
    return fail("usage: step-time SPEC ENTRY B T [THREADS]");
  std::string name = argv[2];
  int64_t B = std::atoll(argv[3]), T = std::atoll(argv[4]);
  int64_t threads = argc > 5 ? std::atoll(argv[5]) : 1;
  if (B < 1 || T < 1 || threads < 1)
    return fail("B, T and THREADS are at least 1");

  // Text to module.
  SourceManager sources;
  DiagnosticEngine diags(sources);
  auto program = loadProgram(argv[1], {}, sources, diags);
  SemaOptions sema;
  sema.needSizes = sema.needLoss = true;
  auto model = program ? analyze(*program, sema, diags) : nullptr;
  if (!model || diags.hasErrors())
    return fail("the spec has errors; rnnc check says which");
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto module = generate(context, *model, sources, GenOptions());

  // Module to code.
  TargetOptions target;
  PipelineOptions options;
  options.entries = {name};
  options.optimizer = "sgd";
  options.inputGradients = true;
  options.batch = B;
  options.threads = threads;
  options.length = T;
  options.vectorBits = vectorBits(target);
  if (!module || failed(runStages(*module, "grad", options)))
    return fail("the model does not compile");
  std::vector<EntryInfo> entries = describeEntries(*module);
  for (const Stage &stage : stages()) {
    if (!stage.build || stage.name == "grad")
      continue;
    mlir::PassManager pm(&context);
    stage.build(pm, options);
    if (failed(pm.run(*module)))
      return fail("the model does not compile");
  }
  auto code = Executable::create(*module, target);
  if (!code)
    return fail(llvm::toString(code.takeError()));
  auto entry = llvm::find_if(
      entries, [&](const EntryInfo &info) { return info.name == name; });
  if (entry == entries.end() || !(*code)->entry(name))
    return fail("there is no entry '" + name + "'");

  // Memory: random small numbers; what has one name shares its place.
  std::mt19937 random(1);
  std::vector<std::vector<float>> memory;
  auto make = [&](const ArgInfo &info) -> void * {
    int64_t entriesCount = 1;
    size_t axis = 0;
    for (int64_t size : info.shape)
      entriesCount *= size >= 0 ? size : info.axes[axis++] == "B" ? B : T;
    // Room for ids and lengths too: all are at least as wide as a float.
    memory.emplace_back(entriesCount + 16);
    auto *ids = reinterpret_cast<int32_t *>(memory.back().data());
    for (int64_t i = 0; i < entriesCount; ++i) {
      if (info.type == "i32")
        ids[i] = info.kind == "lengths" ? T : 0;
      else
        memory.back()[i] =
            std::uniform_real_distribution<float>(-0.05f, 0.05f)(random);
    }
    return memory.back().data();
  };
  std::vector<int64_t> extents;
  std::vector<void *> args, results;
  std::map<std::string, void *> shared;
  for (const ArgInfo &info : entry->arguments) {
    if (info.kind == "axis") {
      extents.push_back(info.name == "B" ? B : T);
    } else if (info.kind != "key") {
      args.push_back(make(info));
      if (info.kind == "param" || info.kind == "slot")
        shared[info.kind + info.name] = args.back();
    }
  }
  for (const ArgInfo &info : entry->results) {
    auto known = shared.find(info.kind + info.name);
    results.push_back(known != shared.end() ? known->second : make(info));
  }
  int64_t bytes = (*code)->arenaBytes(name)(extents.data());
  void *arena = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  int64_t preparedBytes = (*code)->preparedBytes(name);
  void *prepared =
      std::aligned_alloc(64, (preparedBytes + 64) / 64 * 64);
  if (!arena || !prepared)
    return fail("out of memory");

  struct Job {
    Executable::Entry entry;
    rnnrt_call call;
  } job{(*code)->entry(name), {}};
  rnnrt_team *team = rnnrt_team_create(threads);
  job.call.extents = extents.data();
  job.call.args = args.data();
  job.call.results = results.data();
  job.call.arena = static_cast<char *>(arena);
  job.call.prepared = static_cast<char *>(prepared);
  job.call.threads = threads;
  job.call.team = team;
  job.call.barrier = rnnrt_team_barrier;
  auto step = [&] {
    rnnrt_team_run(
        team,
        [](void *context, int64_t thread) {
          auto *job = static_cast<Job *>(context);
          job->entry(&job->call, thread);
        },
        &job);
  };
  std::vector<double> times;
  step();
  for (double start = milliseconds();
       milliseconds() - start < 2000 || times.size() < 7;) {
    double before = milliseconds();
    step();
    times.push_back(milliseconds() - before);
  }
  std::sort(times.begin(), times.end());
  llvm::outs() << llvm::formatv(
      "{0} B={1} T={2} threads={3}: median {4:f3} ms, best {5:f3} ms, arena "
      "{6:f1} MiB\n",
      name, B, T, threads, times[times.size() / 2], times.front(),
      bytes / 1048576.0);
  rnnrt_team_destroy(team);
  std::free(arena);
  std::free(prepared);
  return 0;
}
