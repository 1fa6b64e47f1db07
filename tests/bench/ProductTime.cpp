//===- ProductTime.cpp - The time of products over all time ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles one product and times it, packing included, beside the sgemm of
// oneDNN and OpenBLAS where they can be loaded. All run in turns, so that a
// disturbance hits all alike.
//
//   product-time KIND B T N K [THREADS] [f32|f64]
//
// KIND is forward (x W^T + b), input (dz W), weight (dz^T x, last step first)
// or all; N units, K inputs.
//
//===----------------------------------------------------------------------===//

#include "compiler/jit/Executable.h"
#include "compiler/pipelines/Stages.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "rnnrt/team.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <dlfcn.h>
#include <ctime>
#include <functional>
#include <random>

using namespace rnnc;

static double microseconds() {
  using namespace std::chrono;
  return duration<double, std::micro>(steady_clock::now().time_since_epoch())
      .count();
}

/// Time of this process on the CPU: with one thread it does not count what
/// other programs take of the machine.
static double processMicroseconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1e6 + now.tv_nsec * 1e-3;
}

static int fail(const llvm::Twine &message) {
  llvm::errs() << "product-time: " << message << '\n';
  return 1;
}

static std::string argument(const std::string &name, const std::string &type,
                            const std::string &kind, const std::string &axes) {
  return "%" + name + ": " + type + " {rnn.arg = #rnn.arg<" + kind + ", \"" +
         name + "\"" + (axes.empty() ? "" : ", [" + axes + "]") + ">}";
}

/// A function of one product; operands are %a and %b, and %c for the bias.
static std::string textOf(const std::string &kind, const std::string &n,
                          const std::string &k, const std::string &real) {
  std::string weight = "tensor<" + n + "x" + k + "x" + real + ">";
  std::string units = "tensor<?x?x" + n + "x" + real + ">";
  std::string inputs = "tensor<?x?x" + k + "x" + real + ">";
  std::string bias = "tensor<" + n + "x" + real + ">";
  std::string axes = "\"T\", \"B\"";
  bool isForward = kind == "forward", isInput = kind == "input";
  std::string a = isForward ? inputs : units;
  std::string b = isForward || isInput ? weight : inputs;
  std::string out = isForward ? units : isInput ? inputs : weight;
  std::string labels = isForward ? "tbk,nk->tbn"
                       : isInput ? "tbn,nk->tbk"
                                 : "tbn,tbk->nk";
  std::string text =
      "func.func @f(%B: index {rnn.arg = #rnn.arg<axis, \"B\">}, %T: index "
      "{rnn.arg = #rnn.arg<axis, \"T\">}, " +
      argument("a", a, "input", axes) + ", " +
      argument("b", b, b == weight ? "param" : "input",
               b == weight ? "" : axes) +
      ", " + argument("c", bias, "param", "") + ") -> (" + out +
      " {rnn.arg = #rnn.arg<output, \"r\"" +
      (out == weight ? "" : ", [" + axes + "]") + ">}) {\n";
  if (isForward)
    text += "%d = rnn.broadcast \"n->tbn\" %c [%T, %B] : " + bias + " to " +
            units + "\n";
  text += "%r = rnn.contract \"" + labels + "\" %a, %b " +
          (isForward ? "into(%d : " + units + ") " : "") +
          (kind == "weight" ? "descending " : "") + ": " + a + ", " + b +
          " -> " + out + "\nreturn %r : " + out + "\n}\n";
  return text;
}

namespace {
/// A library's row-major sgemm; transposition as 'N' or 'T'.
struct Rival {
  std::string name;
  std::function<void(char, char, int64_t, int64_t, int64_t, const float *,
                     int64_t, const float *, int64_t, float *, int64_t)>
      sgemm;
};
} // namespace

static std::vector<Rival> findRivals() {
  std::vector<Rival> rivals;
  auto open = [](std::initializer_list<const char *> names,
                 const char *symbol) -> void * {
    for (const char *name : names)
      if (void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL))
        return dlsym(library, symbol);
    return nullptr;
  };
  if (void *symbol = open({"libdnnl.so.3", "libdnnl.so.2"}, "dnnl_sgemm")) {
    auto *gemm = reinterpret_cast<int (*)(
        char, char, int64_t, int64_t, int64_t, float, const float *, int64_t,
        const float *, int64_t, float, float *, int64_t)>(symbol);
    rivals.push_back({"oneDNN", [gemm](char ta, char tb, int64_t m, int64_t n,
                                       int64_t k, const float *a, int64_t lda,
                                       const float *b, int64_t ldb, float *c,
                                       int64_t ldc) {
                        gemm(ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, ldc);
                      }});
  }
  if (void *symbol = open({"libopenblas.so.0"}, "cblas_sgemm")) {
    auto *gemm = reinterpret_cast<void (*)(
        int, int, int, int, int, int, float, const float *, int, const float *,
        int, float, float *, int)>(symbol);
    rivals.push_back({"OpenBLAS", [gemm](char ta, char tb, int64_t m, int64_t n,
                                         int64_t k, const float *a, int64_t lda,
                                         const float *b, int64_t ldb, float *c,
                                         int64_t ldc) {
                        gemm(101, ta == 'T' ? 112 : 111, tb == 'T' ? 112 : 111,
                             m, n, k, 1, a, lda, b, ldb, 0, c, ldc);
                      }});
  }
  return rivals;
}

static int run(const std::string &kind, int64_t B, int64_t T, int64_t N,
               int64_t K, int64_t threads, const std::string &real,
               llvm::ArrayRef<Rival> rivals) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(
      textOf(kind, std::to_string(N), std::to_string(K), real), &context);
  TargetOptions target;
  PipelineOptions options;
  options.vectorBits = vectorBits(target);
  if (!module)
    return fail("the product does not parse");
  for (const Stage &stage : stages()) {
    if (stage.name != "step" && stage.name != "llvm")
      continue;
    mlir::PassManager pm(&context);
    stage.build(pm, options);
    if (failed(pm.run(*module)))
      return fail("the product does not compile");
  }
  auto code = Executable::create(*module, target);
  if (!code)
    return fail(llvm::toString(code.takeError()));

  std::mt19937 random(1);
  auto make = [&](int64_t entries) {
    auto *memory = static_cast<float *>(
        std::aligned_alloc(64, (entries * 8 + 127) / 64 * 64));
    for (int64_t i = 0; i < entries; ++i) {
      double entry = std::uniform_real_distribution<>(-1, 1)(random);
      if (real == "f64")
        reinterpret_cast<double *>(memory)[i] = entry;
      else
        memory[i] = entry;
    }
    return memory;
  };
  int64_t M = B * T;
  bool isForward = kind == "forward", isInput = kind == "input";
  float *a = make(M * (isForward ? K : N));
  float *b = make(isForward || isInput ? N * K : M * K);
  float *c = make(N);
  int64_t entries = isForward ? M * N : isInput ? M * K : N * K;
  float *ours = make(entries), *theirs = make(entries);
  int64_t extents[] = {B, T};
  void *args[] = {a, b, c}, *results[] = {ours};
  auto *arena = std::aligned_alloc(
      64, ((*code)->arenaBytes("f")(extents) + 63) / 64 * 64);
  struct Job {
    Executable::Entry entry;
    rnnrt_call call;
  } job{(*code)->entry("f"), {}};
  rnnrt_team *team = rnnrt_team_create(threads);
  std::vector<char> prepared(64 + (N + 64) * (K + 64) * 8);
  job.call.extents = extents;
  job.call.args = args;
  job.call.results = results;
  job.call.arena = static_cast<char *>(arena);
  job.call.threads = threads;
  job.call.team = team;
  job.call.barrier = rnnrt_team_barrier;
  job.call.prepared = reinterpret_cast<char *>(
      (reinterpret_cast<uintptr_t>(prepared.data()) + 63) / 64 * 64);

  std::vector<std::function<void()>> runs{[&] {
    rnnrt_team_run(
        team,
        [](void *context, int64_t thread) {
          auto *job = static_cast<Job *>(context);
          job->entry(&job->call, thread);
        },
        &job);
  }};
  if (real == "f32")
    for (const Rival &rival : rivals)
      runs.push_back([&] {
        if (isForward)
          rival.sgemm('N', 'T', M, N, K, a, K, b, K, theirs, N);
        else if (isInput)
          rival.sgemm('N', 'N', M, K, N, a, N, b, K, theirs, K);
        else
          rival.sgemm('T', 'N', N, K, M, a, N, b, K, theirs, K);
      });
  std::vector<std::vector<double>> times(runs.size());
  for (auto &run : runs)
    run();
  double flops = 2.0 * M * N * K;
  auto clock = threads == 1 ? processMicroseconds : microseconds;
  // A group lasts at least 100 us at 100 GFLOP/s.
  int64_t group = std::max<int64_t>(1, 1e7 / flops);
  for (double start = microseconds();
       microseconds() - start < 6e5 * runs.size() || times[0].size() < 5;)
    for (size_t i = 0; i < runs.size(); ++i) {
      runs[i]();
      double before = clock();
      for (int64_t g = 0; g < group; ++g)
        runs[i]();
      times[i].push_back((clock() - before) / group);
    }
  llvm::outs() << llvm::formatv("{0,-8} B={1,-3} T={2,-4} N={3,-5} K={4,-5} "
                                "threads={5}",
                                kind, B, T, N, K, threads);
  for (size_t i = 0; i < runs.size(); ++i) {
    std::sort(times[i].begin(), times[i].end());
    double median = times[i][times[i].size() / 2], best = times[i].front();
    llvm::outs() << llvm::formatv(
        "  {0} {1:f1} us {2:f1} (best {3:f1}) GFLOP/s",
        i ? rivals[i - 1].name : std::string("ours"), median,
        flops / median * 1e-3, flops / best * 1e-3);
  }
  llvm::outs() << '\n';
  rnnrt_team_destroy(team);
  for (void *memory : {static_cast<void *>(a), static_cast<void *>(b),
                       static_cast<void *>(c), static_cast<void *>(ours),
                       static_cast<void *>(theirs), arena})
    std::free(memory);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 6)
    return fail("usage: product-time KIND B T N K [THREADS] [f32|f64]");
  std::string kind = argv[1];
  int64_t sizes[4];
  for (int i = 0; i < 4; ++i)
    if ((sizes[i] = std::atoll(argv[2 + i])) < 1)
      return fail("sizes are at least 1");
  int64_t threads = argc > 6 ? std::atoll(argv[6]) : 1;
  std::string real = argc > 7 ? argv[7] : "f32";
  if (threads < 1 || (real != "f32" && real != "f64"))
    return fail("THREADS is at least 1, the type f32 or f64");
  setenv("OMP_NUM_THREADS", std::to_string(threads).c_str(), 1);
  setenv("OPENBLAS_NUM_THREADS", std::to_string(threads).c_str(), 1);
  std::vector<Rival> rivals = findRivals();
  std::vector<std::string> kinds{kind};
  if (kind == "all")
    kinds = {"forward", "input", "weight"};
  for (const std::string &one : kinds) {
    if (one != "forward" && one != "input" && one != "weight")
      return fail("KIND is forward, input, weight or all, found '" + one +
                  "'");
    if (int status = run(one, sizes[0], sizes[1], sizes[2], sizes[3], threads,
                         real, rivals))
      return status;
  }
  return 0;
}
