//===- CodegenTest.cpp - Compiled code against the interpreter ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each function runs in the reference interpreter and as machine code, at
// ragged sizes, with one to three threads. Values agree to rounding; thread
// counts agree to the bit, and so does code that calls the kernels of this
// program instead of its own.
//
//===----------------------------------------------------------------------===//

#include "compiler/jit/Executable.h"
#include "compiler/pipelines/Stages.h"
#include "dialects/rnn/Interpreter/Interpreter.h"
#include "dialects/rnn/Transforms/Passes.h"
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
struct Sizes {
  int64_t B, T;
};

/// Replaces every occurrence of `from`.
std::string replaced(std::string text, const std::string &from,
                     const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
       at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// Products of bf16 numbers: none, of integer and f32 instructions, or of the
/// CPU's own.
enum class Narrow { No, Emulated, Native };

class Harness {
public:
  /// Of the largest entry, or of 1.
  double tolerance;

  /// `text` holds one function @f; `REAL` stands for the element type. With
  /// bf16 the interpreter rounds as the code does.
  Harness(const std::string &text, bool f64, Narrow narrow = Narrow::No)
      : tolerance(f64 ? 1e-12 : 2e-5), f64(f64) {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context = std::make_unique<mlir::MLIRContext>(
        registry, mlir::MLIRContext::Threading::DISABLED);
    std::string source = replaced(text, "REAL", f64 ? "f64" : "f32");
    module = mlir::parseSourceString<mlir::ModuleOp>(source, context.get());
    if (!module)
      return;
    if (narrow != Narrow::No) {
      mlir::PassManager pm(context.get());
      pm.addPass(rnn::createNarrowProductsPass());
      if (failed(pm.run(*module)))
        return;
    }
    entries = describeEntries(*module);
    executable = compile(narrow, /*areLinked=*/false);
    if (hasLinkedKernels(TargetOptions()))
      linked = compile(narrow, /*areLinked=*/true);
  }

  std::unique_ptr<Executable> compile(Narrow narrow, bool areLinked) {
    mlir::OwningOpRef<mlir::ModuleOp> code(module->clone());
    TargetOptions target;
    PipelineOptions options;
    options.vectorBits = vectorBits(target);
    options.hasPairs = narrow == Narrow::Native && hasPairs(target);
    options.linkedKernels = areLinked;
    for (const Stage &stage : stages()) {
      if (stage.name != "step" && stage.name != "llvm")
        continue;
      mlir::PassManager pm(context.get());
      stage.build(pm, options);
      if (failed(pm.run(*code)))
        return nullptr;
    }
    auto made = Executable::create(*code, target);
    if (!made) {
      ADD_FAILURE() << llvm::toString(made.takeError());
      return nullptr;
    }
    return std::move(*made);
  }

  void check(Sizes sizes, unsigned seed) {
    ASSERT_TRUE(module);
    ASSERT_TRUE(executable);
    const EntryInfo &entry = entries.front();
    std::mt19937 random(seed);
    std::vector<Array> args;
    std::vector<int64_t> extents;
    auto extentOf = [&](const std::string &axis) {
      return axis == "B" ? sizes.B : sizes.T;
    };
    auto shapeOf = [&](const ArgInfo &info) {
      std::vector<int64_t> shape = info.shape;
      size_t next = 0;
      for (int64_t &size : shape)
        if (size < 0)
          size = extentOf(info.axes[next++]);
      return shape;
    };
    for (const ArgInfo &info : entry.arguments) {
      if (info.type == "index") {
        extents.push_back(extentOf(info.name));
        args.push_back(Array::index(extents.back()));
      } else if (info.type == "i64") {
        args.push_back(Array::key(0x123456789abcdef));
      } else if (info.type == "i32") {
        Array array = Array::zeros(DType::I32, shapeOf(info));
        for (int32_t &entry : array.as<int32_t>())
          entry = info.kind == "lengths" ? 1 + random() % sizes.T
                                         : random() % 5;
        args.push_back(array);
      } else if (info.type == "i1") {
        Array array = Array::zeros(DType::I1, shapeOf(info));
        for (uint8_t &entry : array.as<uint8_t>())
          entry = random() % 2;
        args.push_back(array);
      } else {
        Array array =
            Array::zeros(f64 ? DType::F64 : DType::F32, shapeOf(info));
        for (int64_t i = 0; i < array.size(); ++i)
          array.set(i, (info.kind == "param" ? 0.2 : 1.0) *
                           std::uniform_real_distribution<>(-1, 1)(random));
        args.push_back(array);
      }
    }
    auto expected = rnn::interpret(
        *module->getOps<mlir::func::FuncOp>().begin(), args);
    if (!expected) {
      FAIL() << llvm::toString(expected.takeError());
    }

    std::vector<Array> first;
    std::vector<std::pair<int64_t, Executable *>> ways = {
        {1, executable.get()}, {2, executable.get()}, {3, executable.get()}};
    if (linked)
      ways.emplace_back(2, linked.get());
    for (auto [threads, executable] : ways) {
      // An estimate, but never out of range nor fewer of more.
      int64_t fewer = 1;
      for (int64_t most : {1, 2, 8}) {
        int64_t worth = executable->threads("f")(extents.data(), most);
        EXPECT_GE(worth, fewer);
        EXPECT_LE(worth, most);
        fewer = worth;
      }
      std::vector<void *> in, out;
      std::vector<Array> results;
      for (auto [info, array] : llvm::zip_equal(entry.arguments, args))
        if (info.type != "index" && info.type != "i64")
          in.push_back(array.data.data());
      for (const Array &like : *expected) {
        Array result = Array::zeros(like.dtype, like.shape);
        std::memset(result.data.data(), 0x7f, result.data.size());
        results.push_back(std::move(result));
      }
      for (Array &result : results)
        out.push_back(result.data.data());
      int64_t bytes = executable->arenaBytes("f")(extents.data());
      char *arena = static_cast<char *>(
          std::aligned_alloc(64, (bytes + 63) / 64 * 64 + 64));
      std::memset(arena, 0x7f, bytes);
      int64_t preparedBytes = executable->preparedBytes("f");
      std::vector<char> prepared(preparedBytes + 64, 0x7f);
      rnnrt_call call{};
      call.prepared = reinterpret_cast<char *>(
          llvm::alignTo(reinterpret_cast<uintptr_t>(prepared.data()), 64));
      call.extents = extents.data();
      call.args = in.data();
      call.results = out.data();
      call.arena = arena;
      call.key = 0x123456789abcdef;
      call.threads = threads;
      rnnrt_team *team = rnnrt_team_create(threads);
      call.team = team;
      call.barrier = rnnrt_team_barrier;
      struct Job {
        Executable::Entry entry;
        rnnrt_call *call;
      } job{executable->entry("f"), &call};
      auto run = [&] {
        rnnrt_team_run(
            team,
            [](void *context, int64_t thread) {
              auto *job = static_cast<Job *>(context);
              job->entry(job->call, thread);
            },
            &job);
      };
      run();
      if (preparedBytes > 0) {
        // Once more with what the first call has made of the parameters.
        std::vector<Array> before = results;
        std::memset(arena, 0x55, bytes);
        for (Array &result : results)
          std::memset(result.data.data(), 0x55, result.data.size());
        std::vector<char> kept = prepared;
        call.is_prepared = 1;
        run();
        EXPECT_TRUE(kept == prepared) << "prepared memory is written again";
        for (size_t r = 0; r < results.size(); ++r)
          EXPECT_EQ(results[r].data, before[r].data)
              << "a prepared call differs, result " << r;
      }
      rnnrt_team_destroy(team);
      std::free(arena);
      for (size_t r = 0; r < results.size(); ++r) {
        double largest = 0;
        for (int64_t i = 0; i < results[r].size(); ++i)
          largest = std::max(largest, std::fabs((*expected)[r].number(i)));
        double bound = tolerance * std::max(largest, 1.0);
        for (int64_t i = 0; i < results[r].size(); ++i) {
          if (!(std::fabs(results[r].number(i) - (*expected)[r].number(i)) <=
                bound)) {
            ADD_FAILURE() << "result " << r << " entry " << i << " is "
                          << results[r].number(i) << ", expected "
                          << (*expected)[r].number(i) << " (B=" << sizes.B
                          << " T=" << sizes.T << " threads=" << threads
                          << " seed=" << seed << ")";
            break;
          }
        }
        if (threads > 1) {
          EXPECT_EQ(results[r].data, first[r].data)
              << "bits differ with " << threads
              << (executable == linked.get() ? " threads and linked kernels"
                                             : " threads")
              << ", result " << r;
        }
      }
      if (threads == 1)
        first = std::move(results);
    }
  }

private:
  bool f64;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<Executable> executable, linked;
  std::vector<EntryInfo> entries;
};

const char *const kHead =
    "func.func @f(%B: index {rnn.arg = #rnn.arg<axis, \"B\">}, "
    "%T: index {rnn.arg = #rnn.arg<axis, \"T\">}";
std::string arg(const std::string &name, const std::string &type,
                const std::string &kind, const std::string &axes) {
  return ", %" + name + ": " + type + " {rnn.arg = #rnn.arg<" + kind + ", \"" +
         name + "\"" + (axes.empty() ? "" : ", [" + axes + "]") + ">}";
}
std::string result(const std::string &type, const std::string &axes,
                   int number = 0) {
  return type + " {rnn.arg = #rnn.arg<output, \"r" + std::to_string(number) +
         "\"" + (axes.empty() ? "" : ", [" + axes + "]") + ">}";
}

void checkAll(const std::string &text, bool f64Too = true) {
  for (bool f64 : {false, true}) {
    if (f64 && !f64Too)
      continue;
    Harness harness(text, f64);
    unsigned seed = 1;
    for (Sizes sizes : {Sizes{1, 1}, Sizes{3, 5}, Sizes{33, 2}, Sizes{7, 20}})
      harness.check(sizes, seed++);
  }
}

/// A cell with `n` units over `d` inputs.
std::string scan(int n, int d, bool lengths, bool reverse) {
  std::string N = std::to_string(n), D = std::to_string(d);
  std::string h = "tensor<?x" + N + "xREAL>";
  std::string text = kHead;
  text += arg("W", "tensor<" + N + "x" + D + "xREAL>", "param", "");
  text += arg("U", "tensor<" + N + "x" + N + "xREAL>", "param", "");
  text += arg("b", "tensor<" + N + "xREAL>", "param", "");
  text += arg("h0", h, "state", "\"B\"");
  text += arg("xs", "tensor<?x?x" + D + "xREAL>", "input", "\"T\", \"B\"");
  text += arg("len", "tensor<?xi32>", "lengths", "\"B\"");
  text += ") -> (" + result("tensor<?x?x" + N + "xREAL>", "\"T\", \"B\"") +
          ", " + result(h, "\"B\"", 1) + ", " +
          result("tensor<?x?x" + N + "xREAL>", "\"T\", \"B\"", 2) + ") {\n";
  text += "%ys, %hp, %last = rnn.scan %t in %T ";
  text += reverse ? "reverse " : "";
  text += lengths ? "lengths(%len : tensor<?xi32>) " : "";
  text += "over(%x = %xs : tensor<?x?x" + D + "xREAL>) carry(%h = %h0 : " + h +
          ") emit(tensor<?x?x" + N + "xREAL>, tensor<?x?x" + N + "xREAL>) {\n";
  text += "%bb = rnn.broadcast \"n->bn\" %b [%B] : tensor<" + N +
          "xREAL> to " + h + "\n";
  text += "%p = rnn.contract \"bk,nk->bn\" %x, %W into(%bb : " + h +
          ") : tensor<?x" + D + "xREAL>, tensor<" + N + "x" + D +
          "xREAL> -> " + h + "\n";
  text += "%q = rnn.contract \"bk,nk->bn\" %h, %U into(%p : " + h + ") : " + h +
          ", tensor<" + N + "x" + N + "xREAL> -> " + h + "\n";
  text += "%n = math.tanh %q : " + h + "\n%s = rnn.sigmoid %p : " + h +
          "\n%d = arith.subf %n, %h : " + h + "\n%e = arith.mulf %s, %d : " +
          h + "\n%h1 = arith.addf %h, %e : " + h + "\n";
  text += "rnn.yield next(%h1 : " + h + ") emit(%h1, %h : " + h + ", " + h +
          ")\n}\nreturn %ys, %last, %hp : tensor<?x?x" + N + "xREAL>, " + h +
          ", tensor<?x?x" + N + "xREAL>\n}\n";
  return text;
}
} // namespace

TEST(Codegen, ScanAtRaggedSizes) {
  for (int n : {1, 7, 16, 100})
    checkAll(scan(n, 5, false, false));
}

TEST(Codegen, ScanReversedAndWithLengths) {
  checkAll(scan(9, 4, false, true));
  checkAll(scan(9, 4, true, false));
  checkAll(scan(17, 3, true, true));
}

TEST(Codegen, ProductsOverAllTime) {
  std::string text = kHead;
  text += arg("a", "tensor<?x?x37xREAL>", "input", "\"T\", \"B\"");
  text += arg("x", "tensor<?x?x70xREAL>", "input", "\"T\", \"B\"");
  text += arg("W", "tensor<37x70xREAL>", "param", "");
  text += arg("len", "tensor<?xi32>", "lengths", "\"B\"");
  text += ") -> (" + result("tensor<37x70xREAL>", "") + ", " +
          result("tensor<37x70xREAL>", "", 1) + ", " +
          result("tensor<?x?x70xREAL>", "\"T\", \"B\"", 2) + ", " +
          result("tensor<37xREAL>", "", 3) + ", " +
          result("tensor<REAL>", "", 4) + ", " +
          result("tensor<37x70xREAL>", "", 5) + ") {\n";
  text += R"(
%g = rnn.contract "tbn,tbk->nk" %a, %x descending : tensor<?x?x37xREAL>, tensor<?x?x70xREAL> -> tensor<37x70xREAL>
%v = rnn.contract "tbn,tbk->nk" %a, %x into(%W : tensor<37x70xREAL>) valid(%len : tensor<?xi32>) descending : tensor<?x?x37xREAL>, tensor<?x?x70xREAL> -> tensor<37x70xREAL>
%d = rnn.contract "tbn,nk->tbk" %a, %W into(%x : tensor<?x?x70xREAL>) : tensor<?x?x37xREAL>, tensor<37x70xREAL> -> tensor<?x?x70xREAL>
%s = rnn.reduce sum "tbn->n" %a valid(%len : tensor<?xi32>) : tensor<?x?x37xREAL> to tensor<37xREAL>
%z = rnn.contract "nk,nk->" %g, %W : tensor<37x70xREAL>, tensor<37x70xREAL> -> tensor<REAL>
%u = rnn.contract "nk,tbk,->nk" %g, %W : tensor<37x70xREAL>, tensor<37x70xREAL> -> tensor<REAL>
)";
  text.erase(text.find("%u = "));
  text += "%two = arith.constant dense<2.0> : tensor<37x70xREAL>\n"
          "%n = arith.mulf %W, %two : tensor<37x70xREAL>\n"
          "return %g, %v, %d, %s, %z, %n : tensor<37x70xREAL>, "
          "tensor<37x70xREAL>, tensor<?x?x70xREAL>, tensor<37xREAL>, "
          "tensor<REAL>, tensor<37x70xREAL>\n}\n";
  checkAll(text);
}

// Several blocks of terms, several blocks of rows, a last panel of one vector
// and one of two, a single row, sums over valid terms in several blocks.
TEST(Codegen, ProductsInBlocks) {
  std::string text = kHead;
  text += arg("x", "tensor<?x?x1030xREAL>", "input", "\"T\", \"B\"");
  text += arg("W", "tensor<41x1030xREAL>", "param", "");
  text += arg("V", "tensor<1030x57xREAL>", "param", "");
  text += arg("len", "tensor<?xi32>", "lengths", "\"B\"");
  std::string narrow = "tensor<?x?x41xREAL>", wide = "tensor<?x?x57xREAL>";
  text += ") -> (" + result(narrow, "\"T\", \"B\"") + ", " +
          result(wide, "\"T\", \"B\"", 1) + ", " +
          result("tensor<41x57xREAL>", "", 2) + ", " +
          result("tensor<41x57xREAL>", "", 3) + ") {\n";
  text += R"(
%a = rnn.contract "tbk,nk->tbn" %x, %W : tensor<?x?x1030xREAL>, tensor<41x1030xREAL> -> tensor<?x?x41xREAL>
%b = rnn.contract "tbk,km->tbm" %x, %V : tensor<?x?x1030xREAL>, tensor<1030x57xREAL> -> tensor<?x?x57xREAL>
%g = rnn.contract "tbn,tbm->nm" %a, %b descending : tensor<?x?x41xREAL>, tensor<?x?x57xREAL> -> tensor<41x57xREAL>
%v = rnn.contract "tbn,tbm->nm" %a, %b into(%g : tensor<41x57xREAL>) valid(%len : tensor<?xi32>) descending : tensor<?x?x41xREAL>, tensor<?x?x57xREAL> -> tensor<41x57xREAL>
return %a, %b, %g, %v : tensor<?x?x41xREAL>, tensor<?x?x57xREAL>, tensor<41x57xREAL>, tensor<41x57xREAL>
}
)";
  for (bool f64 : {false, true}) {
    Harness harness(text, f64);
    for (Sizes sizes : {Sizes{1, 1}, Sizes{33, 21}})
      harness.check(sizes, 5);
  }
}

// Direct products of the arguments, so that both sides round the same numbers:
// by row, over time forwards and backwards, over valid terms, from every side's
// strides, with odd numbers of terms, of one term and of several blocks.
TEST(Codegen, ProductsOfBF16) {
  std::string text = kHead;
  text += arg("x", "tensor<?x?x1031xREAL>", "input", "\"T\", \"B\"");
  text += arg("a", "tensor<?x?x41xREAL>", "input", "\"T\", \"B\"");
  text += arg("s", "tensor<?x?x1xREAL>", "input", "\"T\", \"B\"");
  text += arg("W", "tensor<41x1031xREAL>", "param", "");
  text += arg("V", "tensor<1031x57xREAL>", "param", "");
  text += arg("U", "tensor<1x57xREAL>", "param", "");
  text += arg("len", "tensor<?xi32>", "lengths", "\"B\"");
  std::string narrow = "tensor<?x?x41xREAL>", wide = "tensor<?x?x57xREAL>",
              square = "tensor<41x1031xREAL>";
  text += ") -> (" + result(narrow, "\"T\", \"B\"") + ", " +
          result(wide, "\"T\", \"B\"", 1) + ", " +
          result(wide, "\"T\", \"B\"", 2) + ", " + result(square, "", 3) +
          ", " + result(square, "", 4) + ") {\n";
  text += R"(
%p = rnn.contract "tbk,nk->tbn" %x, %W into(%a : tensor<?x?x41xREAL>) : tensor<?x?x1031xREAL>, tensor<41x1031xREAL> -> tensor<?x?x41xREAL>
%q = rnn.contract "tbk,km->tbm" %x, %V : tensor<?x?x1031xREAL>, tensor<1031x57xREAL> -> tensor<?x?x57xREAL>
%o = rnn.contract "tbk,km->tbm" %s, %U : tensor<?x?x1xREAL>, tensor<1x57xREAL> -> tensor<?x?x57xREAL>
%g = rnn.contract "tbn,tbk->nk" %a, %x descending : tensor<?x?x41xREAL>, tensor<?x?x1031xREAL> -> tensor<41x1031xREAL>
%v = rnn.contract "tbn,tbk->nk" %a, %x into(%W : tensor<41x1031xREAL>) valid(%len : tensor<?xi32>) descending : tensor<?x?x41xREAL>, tensor<?x?x1031xREAL> -> tensor<41x1031xREAL>
return %p, %q, %o, %g, %v : tensor<?x?x41xREAL>, tensor<?x?x57xREAL>, tensor<?x?x57xREAL>, tensor<41x1031xREAL>, tensor<41x1031xREAL>
}
)";
  for (Narrow narrow : {Narrow::Emulated, Narrow::Native}) {
    Harness harness(text, false, narrow);
    for (Sizes sizes : {Sizes{1, 1}, Sizes{3, 5}, Sizes{33, 21}})
      harness.check(sizes, 5);
  }
}

// One step multiplies the arguments themselves. Later steps multiply states,
// which differ in their last bits and so, rarely, round to neighbours: 2^-8 of
// an entry up to 1, times a weight up to 0.2. The bound is ten of these.
TEST(Codegen, ScansOfBF16) {
  for (Narrow narrow : {Narrow::Emulated, Narrow::Native})
    for (int n : {1, 7, 16, 100}) {
      Harness harness(scan(n, 5, false, n == 7), false, narrow);
      for (Sizes sizes : {Sizes{1, 1}, Sizes{3, 1}, Sizes{33, 1}})
        harness.check(sizes, 7);
      harness.tolerance = 0x1p-7;
      harness.check({7, 20}, 8);
    }
}

TEST(Codegen, ProductsWithABatchLabel) {
  std::string text = kHead;
  text += arg("v", "tensor<?x6xREAL>", "input", "\"B\"");
  text += arg("k", "tensor<?x18xREAL>", "input", "\"B\"");
  text += arg("m", "tensor<?x?x18xREAL>", "input", "\"T\", \"B\"");
  text += arg("c", "tensor<?x6x18xREAL>", "state", "\"B\"");
  text += arg("len", "tensor<?xi32>", "lengths", "\"B\"");
  text += ") -> (" + result("tensor<?x6x18xREAL>", "\"B\"") + ", " +
          result("tensor<?x6xREAL>", "\"B\"", 1) + ", " +
          result("tensor<?x?xREAL>", "\"T\", \"B\"", 2) + ", " +
          result("tensor<?x18xREAL>", "\"B\"", 3) + ", " +
          result("tensor<?xREAL>", "\"B\"", 4) + ") {\n";
  text += R"(
%o = rnn.contract "bn,bm->bnm" %v, %k into(%c : tensor<?x6x18xREAL>) : tensor<?x6xREAL>, tensor<?x18xREAL> -> tensor<?x6x18xREAL>
%q = rnn.contract "bnm,bm->bn" %o, %k : tensor<?x6x18xREAL>, tensor<?x18xREAL> -> tensor<?x6xREAL>
%s = rnn.contract "tbm,bm->tb" %m, %k : tensor<?x?x18xREAL>, tensor<?x18xREAL> -> tensor<?x?xREAL>
%p = rnn.softmax %s over "t" in "tb" valid(%len : tensor<?xi32>) : tensor<?x?xREAL>
%w = rnn.contract "tb,tbm->bm" %p, %m valid(%len : tensor<?xi32>) : tensor<?x?xREAL>, tensor<?x?x18xREAL> -> tensor<?x18xREAL>
%d = rnn.reduce max "bm->b" %w : tensor<?x18xREAL> to tensor<?xREAL>
return %o, %q, %p, %w, %d : tensor<?x6x18xREAL>, tensor<?x6xREAL>, tensor<?x?xREAL>, tensor<?x18xREAL>, tensor<?xREAL>
}
)";
  checkAll(text);
}

TEST(Codegen, MovementAndTables) {
  std::string text = kHead;
  text += arg("xs", "tensor<?x?x5xREAL>", "input", "\"T\", \"B\"");
  text += arg("x0", "tensor<?x5xREAL>", "state", "\"B\"");
  text += arg("E", "tensor<5x9xREAL>", "param", "");
  text += arg("ids", "tensor<?x?xi32>", "input", "\"T\", \"B\"");
  text += arg("len", "tensor<?xi32>", "lengths", "\"B\"");
  std::string seq = "tensor<?x?x5xREAL>", row = "tensor<?x5xREAL>";
  text += ") -> (" + result(seq, "\"T\", \"B\"", 0) + ", " +
          result(row, "\"B\"", 1) + ", " + result(row, "\"B\"", 2) + ", " +
          result(seq, "\"T\", \"B\"", 3) + ", " +
          result("tensor<?x?x9xREAL>", "\"T\", \"B\"", 4) + ", " +
          result("tensor<5x9xREAL>", "", 5) + ", " +
          result("tensor<?x?x14xREAL>", "\"T\", \"B\"", 6) + ", " +
          result("tensor<?x?x9xREAL>", "\"T\", \"B\"", 7) + ", " +
          result("tensor<?x?xi32>", "\"T\", \"B\"", 8) + ", " +
          result(seq, "\"T\", \"B\"", 9) + ", " +
          result(seq, "\"T\", \"B\"", 10) + ", " +
          result("tensor<?x?x5x1xREAL>", "\"T\", \"B\"", 11) + ", " +
          result("tensor<5x?xREAL>", "\"B\"", 12) + ") {\n";
  text += R"(
%sh = rnn.shift %xs from(%x0 : tensor<?x5xREAL>) : tensor<?x?x5xREAL>
%fi = rnn.pick first %xs : tensor<?x?x5xREAL> to tensor<?x5xREAL>
%la = rnn.pick last %xs lengths(%len : tensor<?xi32>) : tensor<?x?x5xREAL> to tensor<?x5xREAL>
%rv = rnn.reverse %xs lengths(%len : tensor<?xi32>) : tensor<?x?x5xREAL>
%ga = rnn.gather %E[%ids] : tensor<5x9xREAL>, tensor<?x?xi32> to tensor<?x?x9xREAL>
%sc = rnn.scatter_add %ga at %ids into(%E : tensor<5x9xREAL>) valid(%len : tensor<?xi32>) : tensor<?x?x9xREAL>, tensor<?x?xi32> to tensor<5x9xREAL>
%co = rnn.concat %xs, %ga axis 2 : tensor<?x?x5xREAL>, tensor<?x?x9xREAL> to tensor<?x?x14xREAL>
%mi = rnn.slice %co axis 2 from 3 : tensor<?x?x14xREAL> to tensor<?x?x9xREAL>
%am = rnn.argmax %mi : tensor<?x?x9xREAL> to tensor<?x?xi32>
%ma = rnn.mask %xs valid(%len : tensor<?xi32>) : tensor<?x?x5xREAL>
%pu = rnn.put last %x0 in %T lengths(%len : tensor<?xi32>) : tensor<?x5xREAL> to tensor<?x?x5xREAL>
%re = rnn.reshape %sh : tensor<?x?x5xREAL> to tensor<?x?x5x1xREAL>
%tr = rnn.broadcast "bn->nb" %x0 [] : tensor<?x5xREAL> to tensor<5x?xREAL>
return %ma, %fi, %la, %rv, %ga, %sc, %co, %mi, %am, %ma, %pu, %re, %tr : tensor<?x?x5xREAL>, tensor<?x5xREAL>, tensor<?x5xREAL>, tensor<?x?x5xREAL>, tensor<?x?x9xREAL>, tensor<5x9xREAL>, tensor<?x?x14xREAL>, tensor<?x?x9xREAL>, tensor<?x?xi32>, tensor<?x?x5xREAL>, tensor<?x?x5xREAL>, tensor<?x?x5x1xREAL>, tensor<5x?xREAL>
}
)";
  checkAll(text);
}

TEST(Codegen, LossesAndDraws) {
  std::string text = kHead;
  text += ", %key: i64 {rnn.arg = #rnn.arg<key, \"key\">}";
  text += arg("z", "tensor<?x?x21xREAL>", "input", "\"T\", \"B\"");
  text += arg("y", "tensor<?x?xi32>", "target", "\"T\", \"B\"");
  text += arg("g", "tensor<?x?xREAL>", "input", "\"T\", \"B\"");
  std::string seq = "tensor<?x?x21xREAL>", flat = "tensor<?x?xREAL>";
  text += ") -> (" + result(flat, "\"T\", \"B\"", 0) + ", " +
          result(seq, "\"T\", \"B\"", 1) + ", " +
          result(seq, "\"T\", \"B\"", 2) + ", " +
          result(seq, "\"T\", \"B\"", 3) + ", " +
          result("tensor<REAL>", "", 4) + ", " +
          result(seq, "\"T\", \"B\"", 5) + ", " +
          result("tensor<?x21xREAL>", "\"B\"", 6) + ", " +
          result(seq, "\"T\", \"B\"", 7) + ") {\n";
  text += R"(
%l = rnn.cross_entropy %z, %y : tensor<?x?x21xREAL>, tensor<?x?xi32> to tensor<?x?xREAL>
%d = rnn.cross_entropy_grad %z, %y, %g : tensor<?x?x21xREAL>, tensor<?x?xi32>, tensor<?x?xREAL>
%s = rnn.softmax %z over "n" in "tbn" : tensor<?x?x21xREAL>
%o = rnn.log_softmax %z over "n" in "tbn" : tensor<?x?x21xREAL>
%t = rnn.reduce sum "tb->" %l : tensor<?x?xREAL> to tensor<REAL>
%u = rnn.uniform key(%key) stream 3 sequence [%T, %B] : tensor<?x?x21xREAL>
%n = rnn.normal key(%key) stream 4 [%B] : tensor<?x21xREAL>
%h = rnn.one_hot %y : tensor<?x?xi32> to tensor<?x?x21xREAL>
return %l, %d, %s, %o, %t, %u, %n, %h : tensor<?x?xREAL>, tensor<?x?x21xREAL>, tensor<?x?x21xREAL>, tensor<?x?x21xREAL>, tensor<REAL>, tensor<?x?x21xREAL>, tensor<?x21xREAL>, tensor<?x?x21xREAL>
}
)";
  checkAll(text);
}

/// A row of a loss is walked in groups of vectors, single vectors and a rest: a
/// NaN in any of them is in the loss and in every entry of the gradient and of
/// the softmax.
TEST(Codegen, NaNReachesTheLoss) {
  for (int before : {10, 130, 148}) {
    std::string low = "tensor<?x?x" + std::to_string(before) + "xREAL>",
                high = "tensor<?x?x" + std::to_string(149 - before) + "xREAL>",
                one = "tensor<?x?x1xREAL>", whole = "tensor<?x?x150xREAL>",
                flat = "tensor<?x?xREAL>", bits = "tensor<?x?x150xi1>";
    std::string text = kHead;
    text += arg("a", low, "input", "\"T\", \"B\"");
    text += arg("c", high, "input", "\"T\", \"B\"");
    text += arg("y", "tensor<?x?xi32>", "target", "\"T\", \"B\"");
    text += arg("g", flat, "input", "\"T\", \"B\"");
    text += ") -> (" + result(flat, "\"T\", \"B\"", 0) + ", " +
            result(whole, "\"T\", \"B\"", 1) + ", " +
            result(whole, "\"T\", \"B\"", 2) + ") {\n";
    text += "%zero = arith.constant dense<0.0> : tensor<REAL>\n"
            "%wrong = arith.divf %zero, %zero : tensor<REAL>\n"
            "%column = rnn.broadcast \"->tbn\" %wrong [%T, %B] : tensor<REAL> "
            "to " + one + "\n%z = rnn.concat %a, %column, %c axis 2 : " + low +
            ", " + one + ", " + high + " to " + whole +
            "\n%l = rnn.cross_entropy %z, %y : " + whole +
            ", tensor<?x?xi32> to " + flat +
            "\n%d = rnn.cross_entropy_grad %z, %y, %g : " + whole +
            ", tensor<?x?xi32>, " + flat +
            "\n%s = rnn.softmax %z over \"n\" in \"tbn\" : " + whole + "\n";
    text += "%no = rnn.broadcast \"->tb\" %zero [%T, %B] : tensor<REAL> to " +
            flat + "\n%yes = math.exp %no : " + flat +
            "\n%nos = rnn.broadcast \"->tbn\" %zero [%T, %B] : tensor<REAL> "
            "to " + whole + "\n%yess = math.exp %nos : " + whole + "\n";
    auto isNaN = [&](std::string name, std::string of, std::string suffix,
                     std::string type, std::string bits) {
      text += "%" + name + "b = arith.cmpf uno, %" + of + ", %" + of + " : " +
              type + "\n%" + name + " = arith.select %" + name + "b, %yes" +
              suffix + ", %no" + suffix + " : " + bits + ", " + type + "\n";
    };
    isNaN("r0", "l", "", flat, "tensor<?x?xi1>");
    isNaN("r1", "d", "s", whole, bits);
    isNaN("r2", "s", "s", whole, bits);
    text += "return %r0, %r1, %r2 : " + flat + ", " + whole + ", " + whole +
            "\n}\n";
    checkAll(text);
  }
}
