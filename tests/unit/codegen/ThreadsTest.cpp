//===- ThreadsTest.cpp - Kernels around the products -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions, updates, losses, movement and draws at ragged sizes: values as
// the reference interpreter computes them, and the same bits with 1, 2, 3, 4
// and 8 threads.
//
//===----------------------------------------------------------------------===//

#include "compiler/jit/Executable.h"
#include "compiler/pipelines/Stages.h"
#include "dialects/rnn/Interpreter/Interpreter.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "rnnrt/team.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>

using namespace rnnc;
using rnnc::rnn::Array;
using rnnc::rnn::DType;

namespace {
constexpr int64_t kKey = 0x123456789abcdef;

/// Replaces every `$N` by `n`.
std::string withSizes(std::string text, int64_t n) {
  for (size_t at = 0; (at = text.find("$N", at)) != std::string::npos;)
    text.replace(at, 2, std::to_string(n));
  return text;
}

/// One function @f, in the interpreter and as machine code. Its axes are B and
/// T.
class Kernel {
public:
  explicit Kernel(const std::string &text) {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context = std::make_unique<mlir::MLIRContext>(
        registry, mlir::MLIRContext::Threading::DISABLED);
    module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    if (!module) {
      ADD_FAILURE() << text;
      return;
    }
    entry = describeEntries(*module).front();
    mlir::OwningOpRef<mlir::ModuleOp> code(module->clone());
    TargetOptions target;
    PipelineOptions options;
    options.vectorBits = vectorBits(target);
    for (const Stage &stage : stages()) {
      if (stage.name != "step" && stage.name != "llvm")
        continue;
      mlir::PassManager pm(context.get());
      stage.build(pm, options);
      if (failed(pm.run(*code))) {
        ADD_FAILURE() << text;
        return;
      }
    }
    auto made = Executable::create(*code, target);
    if (!made) {
      ADD_FAILURE() << llvm::toString(made.takeError());
      return;
    }
    executable = std::move(*made);
  }

  /// Random arguments for sizes B and T; ids are below `classes`.
  std::vector<Array> arguments(int64_t B, int64_t T, int64_t classes) {
    std::mt19937 random(static_cast<unsigned>(B * 1000 + T));
    std::vector<Array> args;
    for (const ArgInfo &info : entry.arguments) {
      std::vector<int64_t> shape = info.shape;
      size_t next = 0;
      for (int64_t &size : shape)
        if (size < 0)
          size = info.axes[next++] == "B" ? B : T;
      if (info.type == "index") {
        args.push_back(Array::index(info.name == "B" ? B : T));
      } else if (info.type == "i64") {
        args.push_back(Array::key(kKey));
      } else if (info.type == "i32") {
        Array array = Array::zeros(DType::I32, shape);
        for (int32_t &entry : array.as<int32_t>())
          entry = static_cast<int32_t>(
              info.kind == "lengths" ? 1 + random() % T : random() % classes);
        args.push_back(array);
      } else if (info.type == "i1") {
        Array array = Array::zeros(DType::I1, shape);
        for (uint8_t &entry : array.as<uint8_t>())
          entry = random() % 2;
        args.push_back(array);
      } else {
        Array array = Array::zeros(DType::F32, shape);
        for (int64_t i = 0; i < array.size(); ++i)
          array.set(i, std::uniform_real_distribution<>(-1, 1)(random));
        args.push_back(array);
      }
    }
    return args;
  }

  std::vector<Array> interpret(const std::vector<Array> &args) {
    auto results =
        rnn::interpret(*module->getOps<mlir::func::FuncOp>().begin(), args);
    if (results)
      return *results;
    ADD_FAILURE() << llvm::toString(results.takeError());
    return {};
  }

  /// Results of the machine code, in memory that was full of something else.
  std::vector<Array> run(std::vector<Array> args,
                         const std::vector<Array> &like, int64_t threads) {
    std::vector<int64_t> extents;
    std::vector<void *> in, out;
    for (auto [info, array] : llvm::zip_equal(entry.arguments, args)) {
      if (info.type == "index")
        extents.push_back(static_cast<int64_t>(array.number(0)));
      else if (info.type != "i64")
        in.push_back(array.data.data());
    }
    std::vector<Array> results;
    for (const Array &one : like) {
      results.push_back(Array::zeros(one.dtype, one.shape));
      std::memset(results.back().data.data(), 0x7f, results.back().data.size());
    }
    for (Array &result : results)
      out.push_back(result.data.data());
    int64_t bytes = executable->arenaBytes("f")(extents.data());
    char *arena = static_cast<char *>(
        std::aligned_alloc(64, (bytes + 63) / 64 * 64 + 64));
    std::memset(arena, 0x7f, bytes);
    rnnrt_call call{};
    call.extents = extents.data();
    call.args = in.data();
    call.results = out.data();
    call.arena = arena;
    call.key = kKey;
    call.threads = threads;
    rnnrt_team *team = rnnrt_team_create(threads);
    call.team = team;
    call.barrier = rnnrt_team_barrier;
    struct Job {
      Executable::Entry entry;
      rnnrt_call *call;
    } job{executable->entry("f"), &call};
    rnnrt_team_run(
        team,
        [](void *context, int64_t thread) {
          auto *job = static_cast<Job *>(context);
          job->entry(job->call, thread);
        },
        &job);
    rnnrt_team_destroy(team);
    std::free(arena);
    return results;
  }

  /// `rounding`: how many roundings of the largest entry results may differ by.
  void check(int64_t B, int64_t T, int64_t classes, double rounding) {
    ASSERT_TRUE(module);
    ASSERT_TRUE(executable);
    std::vector<Array> args = arguments(B, T, classes);
    std::vector<Array> expected = interpret(args);
    std::vector<Array> first = run(args, expected, 1);
    for (size_t r = 0; r < first.size(); ++r) {
      double largest = 1;
      for (int64_t i = 0; i < first[r].size(); ++i)
        largest = std::max(largest, std::fabs(expected[r].number(i)));
      for (int64_t i = 0; i < first[r].size(); ++i)
        if (!(std::fabs(first[r].number(i) - expected[r].number(i)) <=
              rounding * 0x1p-24 * largest)) {
          ADD_FAILURE() << "result " << r << " entry " << i << " is "
                        << first[r].number(i) << ", expected "
                        << expected[r].number(i) << " (B=" << B << " T=" << T
                        << ")";
          break;
        }
    }
    for (int64_t threads : {2, 3, 4, 8}) {
      std::vector<Array> results = run(args, expected, threads);
      for (size_t r = 0; r < results.size(); ++r)
        EXPECT_EQ(results[r].data, first[r].data)
            << "bits differ with " << threads << " threads, result " << r
            << " (B=" << B << " T=" << T << ")";
    }
  }

private:
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<Executable> executable;
  EntryInfo entry;
};

/// Checks a text at widths 1, 7, 100, 257 and batches 1, 3, 33.
void checkAll(const std::string &text, double rounding) {
  for (int64_t n : {1, 7, 100, 257}) {
    SCOPED_TRACE("N=" + std::to_string(n));
    Kernel kernel(withSizes(text, n));
    kernel.check(1, 1, n, rounding);
    kernel.check(1, 20, n, rounding);
    kernel.check(3, 5, n, rounding);
    kernel.check(33, 2, n, rounding);
  }
}

/// "tensor<..>" of f32 as an argument or result.
std::string arg(const std::string &name, const std::string &type,
                const std::string &axes, const std::string &kind = "input") {
  return ", %" + name + ": tensor<" + type + "> {rnn.arg = #rnn.arg<" + kind +
         ", \"" + name + "\"" + (axes.empty() ? "" : ", [" + axes + "]") + ">}";
}

/// A function of `args` whose results are `results`: (value, type, axes).
std::string
function(const std::string &args, const std::string &body,
         const std::vector<std::tuple<std::string, std::string, std::string>>
             &results) {
  std::string text =
      "func.func @f(%B: index {rnn.arg = #rnn.arg<axis, \"B\">}, "
      "%T: index {rnn.arg = #rnn.arg<axis, \"T\">}" +
      args + ") -> (";
  std::string values, types;
  int number = 0;
  for (const auto &[value, type, axes] : results) {
    std::string comma = number ? ", " : "";
    text += comma + "tensor<" + type + "> {rnn.arg = #rnn.arg<output, \"r" +
            std::to_string(number++) + "\"" +
            (axes.empty() ? "" : ", [" + axes + "]") + ">}";
    values += comma + value;
    types += comma + "tensor<" + type + ">";
  }
  return text + ") {\n" + body + "return " + values + " : " + types + "\n}\n";
}

const std::string kTB = R"("T", "B")", kB = R"("B")";
} // namespace

// Sums of at most 33 * 257 * 2 entries of size 1 in another order than the
// interpreter's.
TEST(Threads, SumsOfRowsAndOfEverything) {
  checkAll(function(arg("x", "?x?x$Nxf32", kTB) + arg("r", "?x$Nxf32", kB) +
                        arg("a", "$Nxf32", "") + arg("s", "f32", "") +
                        arg("len", "?xi32", kB, "lengths"),
                    R"(
%c = rnn.reduce sum "tbn->n" %x : tensor<?x?x$Nxf32> to tensor<$Nxf32>
%d = rnn.reduce sum "tbn->n" %x into(%a : tensor<$Nxf32>) : tensor<?x?x$Nxf32> to tensor<$Nxf32>
%v = rnn.reduce sum "tbn->n" %x valid(%len : tensor<?xi32>) : tensor<?x?x$Nxf32> to tensor<$Nxf32>
%e = rnn.reduce sum "tbn->" %x into(%s : tensor<f32>) : tensor<?x?x$Nxf32> to tensor<f32>
%w = rnn.reduce sum "tbn->" %x valid(%len : tensor<?xi32>) : tensor<?x?x$Nxf32> to tensor<f32>
%b = rnn.reduce sum "bn->n" %r : tensor<?x$Nxf32> to tensor<$Nxf32>
%g = rnn.reduce sum "bn->b" %r : tensor<?x$Nxf32> to tensor<?xf32>
%h = rnn.reduce sum "bn->" %r : tensor<?x$Nxf32> to tensor<f32>
%m = rnn.reduce max "bn->b" %r : tensor<?x$Nxf32> to tensor<?xf32>
%k = rnn.reduce min "tbn->" %x : tensor<?x?x$Nxf32> to tensor<f32>
)",
                    {{"%c", "$Nxf32", ""},
                     {"%d", "$Nxf32", ""},
                     {"%v", "$Nxf32", ""},
                     {"%e", "f32", ""},
                     {"%w", "f32", ""},
                     {"%b", "$Nxf32", ""},
                     {"%g", "?xf32", kB},
                     {"%h", "f32", ""},
                     {"%m", "?xf32", kB},
                     {"%k", "f32", ""}}),
           2 * 66);
}

// The map in front of a reduction is computed on the fly: also where a rest of
// a vector must not count (exp of nothing is not 0), and for two readers.
TEST(Threads, SumsOfElementwiseWork) {
  checkAll(function(arg("x", "?x?x$Nxf32", kTB) + arg("y", "?x?xf32", kTB) +
                        arg("p", "$Nx50xf32", "") + arg("q", "$Nxf32", ""),
                    R"(
%e = math.exp %x : tensor<?x?x$Nxf32>
%s = rnn.reduce sum "tbn->" %e : tensor<?x?x$Nxf32> to tensor<f32>
%c = arith.mulf %x, %x : tensor<?x?x$Nxf32>
%n = rnn.reduce sum "tbn->n" %c : tensor<?x?x$Nxf32> to tensor<$Nxf32>
%z = rnn.broadcast "tb->tbn" %y [] : tensor<?x?xf32> to tensor<?x?x$Nxf32>
%w = arith.mulf %x, %z : tensor<?x?x$Nxf32>
%o = rnn.reduce sum "tbn->n" %w : tensor<?x?x$Nxf32> to tensor<$Nxf32>
%i = math.exp %y : tensor<?x?xf32>
%j = rnn.reduce sum "tb->" %i : tensor<?x?xf32> to tensor<f32>
%p2 = arith.mulf %p, %p : tensor<$Nx50xf32>
%l = rnn.reduce sum "nm->" %p2 : tensor<$Nx50xf32> to tensor<f32>
%q2 = arith.mulf %q, %q : tensor<$Nxf32>
%m = rnn.reduce sum "n->" %q2 into(%l : tensor<f32>) : tensor<$Nxf32> to tensor<f32>
%t = arith.addf %l, %m : tensor<f32>
%u = math.sqrt %t : tensor<f32>
)",
                    {{"%s", "f32", ""},
                     {"%n", "$Nxf32", ""},
                     {"%o", "$Nxf32", ""},
                     {"%j", "f32", ""},
                     {"%u", "f32", ""}}),
           2 * 66);
}

// An update: one pass, results over arguments of other sizes, one scalar for
// all entries.
TEST(Threads, Updates) {
  checkAll(function(arg("rate", "f32", "") + arg("g", "$Nx33xf32", "") +
                        arg("m", "$Nx33xf32", "") + arg("p", "$Nx33xf32", "") +
                        arg("h", "$Nxf32", "") + arg("k", "$Nxf32", "") +
                        arg("q", "$Nxf32", ""),
                    R"(
%d = arith.constant dense<0.9> : tensor<$Nx33xf32>
%e = arith.constant dense<0.9> : tensor<$Nxf32>
%r = rnn.broadcast "->nm" %rate [] : tensor<f32> to tensor<$Nx33xf32>
%s = rnn.broadcast "->n" %rate [] : tensor<f32> to tensor<$Nxf32>
%m0 = arith.mulf %m, %d : tensor<$Nx33xf32>
%m1 = arith.addf %m0, %g : tensor<$Nx33xf32>
%st = arith.mulf %r, %m1 : tensor<$Nx33xf32>
%p1 = arith.subf %p, %st : tensor<$Nx33xf32>
%k0 = arith.mulf %k, %e : tensor<$Nxf32>
%k1 = arith.addf %k0, %h : tensor<$Nxf32>
%su = arith.mulf %s, %k1 : tensor<$Nxf32>
%q1 = arith.subf %q, %su : tensor<$Nxf32>
)",
                    {{"%p1", "$Nx33xf32", ""},
                     {"%m1", "$Nx33xf32", ""},
                     {"%q1", "$Nxf32", ""},
                     {"%k1", "$Nxf32", ""}}),
           4);
}

// Loss and gradient in one pass, and each alone; exp and log of our own differ
// from libm's by a few ulp, sums over classes by more.
TEST(Threads, CrossEntropy) {
  std::string args = arg("x", "?x?x$Nxf32", kTB) + arg("y", "?x?xi32", kTB) +
                     arg("g", "?x?xf32", kTB);
  std::string scale = "%z = arith.addf %x, %x : tensor<?x?x$Nxf32>\n";
  std::string loss = "%l = rnn.cross_entropy %z, %y : tensor<?x?x$Nxf32>, "
                     "tensor<?x?xi32> to tensor<?x?xf32>\n";
  std::string grad = "%d = rnn.cross_entropy_grad %z, %y, %g : "
                     "tensor<?x?x$Nxf32>, tensor<?x?xi32>, tensor<?x?xf32>\n";
  std::tuple<std::string, std::string, std::string> l{"%l", "?x?xf32", kTB},
      d{"%d", "?x?x$Nxf32", kTB}, z{"%z", "?x?x$Nxf32", kTB};
  checkAll(function(args, scale + loss + grad, {l, d}), 300);
  checkAll(function(args, scale + loss + grad, {l, d, z}), 300);
  checkAll(function(args, scale + loss, {l}), 300);
  checkAll(function(args, scale + grad, {d}), 300);
  // A gradient that needs the loss comes later.
  checkAll(function(args,
                    scale + loss +
                        "%h = arith.mulf %l, %g : tensor<?x?xf32>\n"
                        "%d = rnn.cross_entropy_grad %z, %y, %h : "
                        "tensor<?x?x$Nxf32>, tensor<?x?xi32>, "
                        "tensor<?x?xf32>\n",
                    {d}),
           3000);
}

TEST(Threads, SoftmaxOverAnyDim) {
  checkAll(function(arg("x", "?x?x$Nxf32", kTB) +
                        arg("len", "?xi32", kB, "lengths"),
                    R"(
%a = rnn.softmax %x over "n" in "tbn" : tensor<?x?x$Nxf32>
%b = rnn.log_softmax %x over "n" in "tbn" : tensor<?x?x$Nxf32>
%c = rnn.softmax %x over "t" in "tbn" : tensor<?x?x$Nxf32>
%d = rnn.softmax %x over "t" in "tbn" valid(%len : tensor<?xi32>) : tensor<?x?x$Nxf32>
)",
                    {{"%a", "?x?x$Nxf32", kTB},
                     {"%b", "?x?x$Nxf32", kTB},
                     {"%c", "?x?x$Nxf32", kTB},
                     {"%d", "?x?x$Nxf32", kTB}}),
           300);
}

TEST(Threads, Movement) {
  checkAll(
      function(arg("x", "?x?x$Nxf32", kTB) + arg("i", "?x$Nxf32", kB) +
                   arg("y", "?x?xi32", kTB) + arg("j", "?xi32", kB) +
                   arg("w", "$Nx7xf32", "") +
                   arg("v", "?x?x7xf32", kTB) +
                   arg("len", "?xi32", kB, "lengths") +
                   arg("m", "?x?xi1", kTB),
               R"(
%a = rnn.shift %x from(%i : tensor<?x$Nxf32>) : tensor<?x?x$Nxf32>
%b = rnn.shift %y from(%j : tensor<?xi32>) : tensor<?x?xi32>
%c = rnn.reverse %x : tensor<?x?x$Nxf32>
%d = rnn.reverse %x lengths(%len : tensor<?xi32>) : tensor<?x?x$Nxf32>
%e = rnn.reverse %y lengths(%len : tensor<?xi32>) : tensor<?x?xi32>
%f = rnn.pick last %x lengths(%len : tensor<?xi32>) : tensor<?x?x$Nxf32> to tensor<?x$Nxf32>
%g = rnn.put last %i in %T lengths(%len : tensor<?xi32>) : tensor<?x$Nxf32> to tensor<?x?x$Nxf32>
%h = rnn.put last %i in %T : tensor<?x$Nxf32> to tensor<?x?x$Nxf32>
%k = rnn.put first %i in %T : tensor<?x$Nxf32> to tensor<?x?x$Nxf32>
%l = rnn.mask %x valid(%m : tensor<?x?xi1>) : tensor<?x?x$Nxf32>
%n = rnn.gather %w[%y] : tensor<$Nx7xf32>, tensor<?x?xi32> to tensor<?x?x7xf32>
%o = rnn.scatter_add %v at %y into(%w : tensor<$Nx7xf32>) : tensor<?x?x7xf32>, tensor<?x?xi32> to tensor<$Nx7xf32>
%p = rnn.scatter_add %v at %y valid(%len : tensor<?xi32>) : tensor<?x?x7xf32>, tensor<?x?xi32> to tensor<$Nx7xf32>
)",
               {{"%a", "?x?x$Nxf32", kTB},
                {"%b", "?x?xi32", kTB},
                {"%c", "?x?x$Nxf32", kTB},
                {"%d", "?x?x$Nxf32", kTB},
                {"%e", "?x?xi32", kTB},
                {"%f", "?x$Nxf32", kB},
                {"%g", "?x?x$Nxf32", kTB},
                {"%h", "?x?x$Nxf32", kTB},
                {"%k", "?x?x$Nxf32", kTB},
                {"%l", "?x?x$Nxf32", kTB},
                {"%n", "?x?x7xf32", kTB},
                {"%o", "$Nx7xf32", ""},
                {"%p", "$Nx7xf32", ""}}),
      4);
}

// Vectors of counters give what single counters give. Of normal draws only the
// logarithm may differ, by a few ulp.
TEST(Threads, Draws) {
  std::string key = ", %key: i64 {rnn.arg = #rnn.arg<key, \"key\">}";
  checkAll(function(key + arg("i", "?x$Nxf32", kB), R"(
%a = rnn.uniform key(%key) stream 3 sequence [%T, %B] : tensor<?x?x$Nxf32>
%b = rnn.normal key(%key) stream 4 sequence [%T, %B] : tensor<?x?x$Nxf32>
%c = rnn.uniform key(%key) stream 5 [] : tensor<$Nx33xf32>
%d = rnn.uniform key(%key) stream 6 [%B] : tensor<?x$Nxf32>
)",
                    {{"%a", "?x?x$Nxf32", kTB},
                     {"%b", "?x?x$Nxf32", kTB},
                     {"%c", "$Nx33xf32", ""},
                     {"%d", "?x$Nxf32", kB}}),
           16);
}

// NaN, infinities, zeros of both signs and denormals through what is done entry
// by entry: NaN where the interpreter has NaN, its infinity where it has one.
TEST(Threads, SpecialValuesThroughElementwiseOps) {
  std::vector<std::string> unary = {
      "arith.negf",     "math.absf",   "math.sqrt",  "math.rsqrt",
      "math.exp",       "math.exp2",   "math.expm1", "math.log",
      "math.log1p",     "math.tanh",   "math.sin",   "math.cos",
      "math.erf",       "math.floor",  "math.ceil",  "math.round",
      "math.roundeven", "math.trunc",  "rnn.sigmoid", "rnn.softplus"};
  std::vector<std::string> binary = {
      "arith.addf",     "arith.subf",     "arith.mulf",   "arith.divf",
      "arith.remf",     "arith.maximumf", "arith.minimumf", "arith.maxnumf",
      "arith.minnumf",  "math.powf",      "math.copysign"};
  std::string body;
  std::vector<std::tuple<std::string, std::string, std::string>> results;
  auto add = [&](const std::string &op) {
    std::string value = "%r" + std::to_string(results.size());
    body += value + " = " + op + " : tensor<?x9xf32>\n";
    results.push_back({value, "?x9xf32", kB});
  };
  for (const std::string &op : unary)
    add(op + " %x");
  for (const std::string &op : binary)
    add(op + " %x, %y");
  body += "%c = arith.cmpf olt, %x, %y : tensor<?x9xf32>\n";
  body += "%s = arith.select %c, %x, %y : tensor<?x9xi1>, tensor<?x9xf32>\n";
  results.push_back({"%s", "?x9xf32", kB});
  Kernel kernel(function(
      arg("x", "?x9xf32", kB) + arg("y", "?x9xf32", kB), body, results));
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const float special[] = {std::numeric_limits<float>::quiet_NaN(),
                           infinity,
                           -infinity,
                           0.0f,
                           -0.0f,
                           std::numeric_limits<float>::denorm_min(),
                           -std::numeric_limits<float>::denorm_min(),
                           std::numeric_limits<float>::max(),
                           -std::numeric_limits<float>::max()};
  // Every value with every value; lanes that hold NaN beside lanes that do not.
  std::vector<Array> args = kernel.arguments(9, 1, 1);
  for (int64_t i = 0; i < 81; ++i) {
    args[2].set(i, special[i % 9]);
    args[3].set(i, special[i / 9]);
  }
  std::vector<Array> expected = kernel.interpret(args);
  for (int64_t threads : {1, 3}) {
    std::vector<Array> results = kernel.run(args, expected, threads);
    for (size_t r = 0; r < expected.size(); ++r)
      for (int64_t i = 0; i < 81; ++i) {
        double got = results[r].number(i), want = expected[r].number(i);
        bool right = std::isnan(want) ? std::isnan(got)
                     : std::isinf(want)
                         ? got == want
                         : std::fabs(got - want) <=
                               4 * 0x1p-23 * std::fabs(want) + 0x1p-149;
        EXPECT_TRUE(right) << "op " << r << " of " << special[i % 9] << " and "
                           << special[i / 9] << " is " << got << ", expected "
                           << want;
      }
  }
}
