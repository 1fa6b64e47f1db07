//===- StagesTest.cpp - Cells through every stage -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Hand-written functions of the rnn dialect go through all stages. After each
// stage that the interpreter understands, and as machine code from memory and
// from an object file, they give the values that they gave at the start.
//
//===----------------------------------------------------------------------===//

#include "compiler/pipelines/Stages.h"
#include "compiler/jit/Executable.h"
#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/Interpreter/Interpreter.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "rnnrt/team.h"
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <optional>
#include <random>

using namespace rnnc;
using rnnc::rnn::Array;
using rnnc::rnn::DType;

namespace {

/// A function @forward or @loss; REAL stands for the element type.
struct Cell {
  const char *name;
  const char *text;
};

void PrintTo(const Cell &cell, std::ostream *os) { *os << cell.name; }

/// One product, one nonlinearity.
constexpr char kPlain[] = R"(
!xs = tensor<?x?x3xREAL>
!hs = tensor<?x?x20xREAL>
!x = tensor<?x3xREAL>
!h = tensor<?x20xREAL>
func.func @forward(
    %B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %W: tensor<20x3xREAL> {rnn.arg = #rnn.arg<param, "W">},
    %U: tensor<20x20xREAL> {rnn.arg = #rnn.arg<param, "U">},
    %b: tensor<20xREAL> {rnn.arg = #rnn.arg<param, "b">},
    %x: !xs {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>})
    -> (!hs {rnn.arg = #rnn.arg<output, "y", ["T", "B"]>}) {
  %zero = arith.constant dense<0.0> : tensor<20xREAL>
  %h0 = rnn.broadcast "n->bn" %zero [%B] : tensor<20xREAL> to !h
  %ys, %last = rnn.scan %t in %T over(%xt = %x : !xs) carry(%h = %h0 : !h) emit(!hs) {
    %p = rnn.contract "bk,nk->bn" %xt, %W : !x, tensor<20x3xREAL> -> !h
    %q = rnn.contract "bk,nk->bn" %h, %U : !h, tensor<20x20xREAL> -> !h
    %bb = rnn.broadcast "n->bn" %b [%B] : tensor<20xREAL> to !h
    %s = arith.addf %p, %q : !h
    %s2 = arith.addf %s, %bb : !h
    %h1 = math.tanh %s2 : !h
    rnn.yield next(%h1 : !h) emit(%h1 : !h)
  }
  return %ys : !hs
}
)";

/// Two gates that share their products' operands, an invented update, rows of
/// different lengths, from the last step to the first.
constexpr char kGated[] = R"(
!xs = tensor<?x?x5xREAL>
!hs = tensor<?x?x7xREAL>
!x = tensor<?x5xREAL>
!h = tensor<?x7xREAL>
!W = tensor<7x5xREAL>
!U = tensor<7x7xREAL>
func.func @forward(
    %B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %Wa: !W {rnn.arg = #rnn.arg<param, "Wa">}, %Ua: !U {rnn.arg = #rnn.arg<param, "Ua">},
    %Wb: !W {rnn.arg = #rnn.arg<param, "Wb">}, %Ub: !U {rnn.arg = #rnn.arg<param, "Ub">},
    %b: tensor<7xREAL> {rnn.arg = #rnn.arg<param, "b">},
    %x: !xs {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>},
    %len: tensor<?xi32> {rnn.arg = #rnn.arg<lengths, "T", ["B"]>})
    -> (!hs {rnn.arg = #rnn.arg<output, "y", ["T", "B"]>},
        !h {rnn.arg = #rnn.arg<output, "last", ["B"]>}) {
  %half = arith.constant dense<0.5> : tensor<7xREAL>
  %h0 = rnn.broadcast "n->bn" %half [%B] : tensor<7xREAL> to !h
  %ys, %last = rnn.scan %t in %T reverse lengths(%len : tensor<?xi32>)
      over(%xt = %x : !xs) carry(%h = %h0 : !h) emit(!hs) {
    %pa = rnn.contract "bk,nk->bn" %xt, %Wa : !x, !W -> !h
    %qa = rnn.contract "bk,nk->bn" %h, %Ua into(%pa : !h) : !h, !U -> !h
    %a = rnn.sigmoid %qa : !h
    %pb = rnn.contract "bk,nk->bn" %xt, %Wb : !x, !W -> !h
    %bb = rnn.broadcast "n->bn" %b [%B] : tensor<7xREAL> to !h
    %cb = arith.addf %pb, %bb : !h
    %qb = rnn.contract "bk,nk->bn" %h, %Ub : !h, !U -> !h
    %sb = arith.addf %cb, %qb : !h
    %g = rnn.softplus %sb : !h
    %e = math.exp %g : !h
    %l = math.log %e : !h
    %m = math.sin %l : !h
    %d = arith.subf %m, %h : !h
    %u = arith.mulf %a, %d : !h
    %h1 = arith.addf %h, %u : !h
    rnn.yield next(%h1 : !h) emit(%h1 : !h)
  }
  return %ys, %last : !hs, !h
}
)";

/// A matrix as state, read by a product with a row, and a softmax on top.
constexpr char kMatrix[] = R"(
!xs = tensor<?x?x4xREAL>
!ys = tensor<?x?x6xREAL>
!x = tensor<?x4xREAL>
!y = tensor<?x6xREAL>
!C = tensor<?x6x4xREAL>
func.func @forward(
    %B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %W: tensor<6x4xREAL> {rnn.arg = #rnn.arg<param, "W">},
    %f: tensor<6xREAL> {rnn.arg = #rnn.arg<param, "f">},
    %x: !xs {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>})
    -> (!ys {rnn.arg = #rnn.arg<output, "y", ["T", "B"]>},
        tensor<REAL> {rnn.arg = #rnn.arg<loss, "sum">}) {
  %zero = arith.constant dense<0.0> : tensor<6x4xREAL>
  %C0 = rnn.broadcast "nm->bnm" %zero [%B] : tensor<6x4xREAL> to !C
  %fs = rnn.sigmoid %f : tensor<6xREAL>
  %ys, %CT = rnn.scan %t in %T over(%xt = %x : !xs) carry(%C = %C0 : !C) emit(!ys) {
    %v = rnn.contract "bk,nk->bn" %xt, %W : !x, tensor<6x4xREAL> -> !y
    %ff = rnn.broadcast "n->bnm" %fs [%B] : tensor<6xREAL> to !C
    %fC = arith.mulf %ff, %C : !C
    %C1 = rnn.contract "bn,bm->bnm" %v, %xt into(%fC : !C) : !y, !x -> !C
    %r = rnn.contract "bnm,bm->bn" %C1, %xt : !C, !x -> !y
    rnn.yield next(%C1 : !C) emit(%r : !y)
  }
  %p = rnn.softmax %ys over "n" in "tbn" : !ys
  %q = arith.mulf %p, %ys : !ys
  %sum = rnn.reduce sum "tbn->" %q : !ys to tensor<REAL>
  return %p, %sum : !ys, tensor<REAL>
}
)";

/// The loss of a language model: table look-up, four gates, logits, mean over
/// steps and rows.
constexpr char kLanguage[] = R"(
!ids = tensor<?x?xi32>
!xs = tensor<?x?x6xREAL>
!hs = tensor<?x?x8xREAL>
!x = tensor<?x6xREAL>
!h = tensor<?x8xREAL>
!W = tensor<8x6xREAL>
!U = tensor<8x8xREAL>
!b = tensor<8xREAL>
!s = tensor<REAL>
func.func @loss(
    %B: index {rnn.arg = #rnn.arg<axis, "B">}, %T: index {rnn.arg = #rnn.arg<axis, "T">},
    %E: tensor<5x6xREAL> {rnn.arg = #rnn.arg<param, "E">},
    %Wi: !W {rnn.arg = #rnn.arg<param, "Wi">}, %Ui: !U {rnn.arg = #rnn.arg<param, "Ui">}, %bi: !b {rnn.arg = #rnn.arg<param, "bi">},
    %Wf: !W {rnn.arg = #rnn.arg<param, "Wf">}, %Uf: !U {rnn.arg = #rnn.arg<param, "Uf">}, %bf: !b {rnn.arg = #rnn.arg<param, "bf">},
    %Wg: !W {rnn.arg = #rnn.arg<param, "Wg">}, %Ug: !U {rnn.arg = #rnn.arg<param, "Ug">}, %bg: !b {rnn.arg = #rnn.arg<param, "bg">},
    %Wo: !W {rnn.arg = #rnn.arg<param, "Wo">}, %Uo: !U {rnn.arg = #rnn.arg<param, "Uo">}, %bo: !b {rnn.arg = #rnn.arg<param, "bo">},
    %D: tensor<5x8xREAL> {rnn.arg = #rnn.arg<param, "D">},
    %hs0: !h {rnn.arg = #rnn.arg<state, "h", ["B"]>}, %cs0: !h {rnn.arg = #rnn.arg<state, "c", ["B"]>},
    %ids: !ids {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>},
    %y: !ids {rnn.arg = #rnn.arg<target, "y", ["T", "B"]>})
    -> (!s {rnn.arg = #rnn.arg<loss, "total">}, !s {rnn.arg = #rnn.arg<loss, "loss">},
        !h {rnn.arg = #rnn.arg<state, "h", ["B"]>}, !h {rnn.arg = #rnn.arg<state, "c", ["B"]>}) {
  %x = rnn.gather %E[%ids] : tensor<5x6xREAL>, !ids to !xs
  %h0 = grad.stop %hs0 : !h
  %c0 = grad.stop %cs0 : !h
  %hs, %hT, %cT = rnn.scan %t in %T over(%xt = %x : !xs) carry(%h = %h0 : !h, %c = %c0 : !h) emit(!hs) {
    GATES
    %fc = arith.mulf %f, %c : !h
    %ig = arith.mulf %i, %g : !h
    %c1 = arith.addf %fc, %ig : !h
    %tc = math.tanh %c1 : !h
    %h1 = arith.mulf %o, %tc : !h
    rnn.yield next(%h1, %c1 : !h, !h) emit(%h1 : !h)
  }
  %z = rnn.contract "tbk,vk->tbv" %hs, %D : !hs, tensor<5x8xREAL> -> tensor<?x?x5xREAL>
  %l = rnn.cross_entropy %z, %y : tensor<?x?x5xREAL>, !ids to tensor<?x?xREAL>
  %sum = rnn.reduce sum "tb->" %l : tensor<?x?xREAL> to !s
  %one = arith.constant dense<1.0> : !s
  %ones = rnn.broadcast "->tb" %one [%T, %B] : !s to tensor<?x?xREAL>
  %n = rnn.reduce sum "tb->" %ones : tensor<?x?xREAL> to !s
  %mean = arith.divf %sum, %n : !s
  return %mean, %mean, %hT, %cT : !s, !s, !h, !h
}
)";

const Cell kCells[] = {{"Plain", kPlain},
                       {"Gated", kGated},
                       {"Matrix", kMatrix},
                       {"Language", kLanguage}};

/// Replaces every occurrence of `from`.
void replaceAll(std::string &text, const std::string &from,
                const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
       at += to.size())
    text.replace(at, from.size(), to);
}

/// The four gates of kLanguage.
std::string gates() {
  std::string all;
  for (const char *name : {"i", "f", "g", "o"}) {
    std::string gate = R"(
    %wN = rnn.contract "bk,nk->bn" %xt, %WN : !x, !W -> !h
    %uN = rnn.contract "bk,nk->bn" %h, %UN : !h, !U -> !h
    %vN = rnn.broadcast "n->bn" %bN [%B] : !b to !h
    %sN = arith.addf %wN, %uN : !h
    %pN = arith.addf %sN, %vN : !h
    %N = OP %pN : !h)";
    replaceAll(gate, "OP", *name == 'g' ? "math.tanh" : "rnn.sigmoid");
    replaceAll(gate, "N", name);
    all += gate;
  }
  return all;
}

using Arrays = std::vector<Array>;

class StagesTest : public testing::TestWithParam<std::tuple<Cell, bool>> {
protected:
  StagesTest() : context(registry(), mlir::MLIRContext::Threading::DISABLED) {}

  static mlir::DialectRegistry registry() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }

  bool f64() const { return std::get<1>(GetParam()); }

  mlir::OwningOpRef<mlir::ModuleOp> parse() {
    std::string text = std::get<0>(GetParam()).text;
    replaceAll(text, "GATES", gates());
    replaceAll(text, "REAL", f64() ? "f64" : "f32");
    return mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  }

  static Arrays makeArguments(const EntryInfo &entry, int64_t B, int64_t T) {
    std::mt19937 random(static_cast<unsigned>(17 * B + T));
    Arrays arrays;
    for (const ArgInfo &info : entry.arguments) {
      if (info.kind == "axis") {
        arrays.push_back(Array::index(info.name == "B" ? B : T));
        continue;
      }
      std::vector<int64_t> shape = info.shape;
      size_t axis = 0;
      for (int64_t &size : shape)
        if (size < 0)
          size = info.axes[axis++] == "B" ? B : T;
      if (info.type == "i32") {
        arrays.push_back(Array::zeros(DType::I32, shape));
        int64_t count = info.kind == "lengths" ? T + 1 : 5;
        for (int32_t &number : arrays.back().as<int32_t>())
          number = static_cast<int32_t>(random() % count);
        continue;
      }
      arrays.push_back(
          Array::zeros(info.type == "f64" ? DType::F64 : DType::F32, shape));
      for (int64_t i = 0; i < arrays.back().size(); ++i)
        // Mean squares are positive, and so are the constants of a step.
        arrays.back().set(i, info.kind == "slot" || info.kind == "hyper"
                                 ? random() * 0x1p-33 + 0.5
                                 : random() * 0x1p-31 - 1);
    }
    return arrays;
  }

  static Arrays call(const Executable &code, const EntryInfo &entry,
                     const Arrays &arguments, const Arrays &like,
                     int64_t threads) {
    std::vector<int64_t> extents;
    std::vector<std::vector<char>> memory;
    auto aligned = [&](size_t bytes) {
      memory.emplace_back(bytes + 64, 0x7f);
      auto address = reinterpret_cast<uintptr_t>(memory.back().data());
      return reinterpret_cast<char *>((address + 63) / 64 * 64);
    };
    std::vector<void *> in, out;
    for (auto [info, array] : llvm::zip_equal(entry.arguments, arguments)) {
      if (info.kind == "axis") {
        extents.push_back(array.integer(0));
        continue;
      }
      in.push_back(aligned(array.data.size()));
      std::memcpy(in.back(), array.data.data(), array.data.size());
    }
    for (const Array &array : like)
      out.push_back(aligned(array.data.size()));
    rnnrt_team *team = rnnrt_team_create(threads);
    rnnrt_call call = {};
    call.extents = extents.data();
    call.args = in.data();
    call.results = out.data();
    call.arena = aligned(code.arenaBytes(entry.name)(extents.data()));
    call.prepared = aligned(code.preparedBytes(entry.name));
    call.threads = threads;
    call.team = team;
    call.barrier = rnnrt_team_barrier;
    std::pair<Executable::Entry, rnnrt_call *> work = {code.entry(entry.name),
                                                       &call};
    rnnrt_team_run(
        team,
        [](void *opaque, int64_t thread) {
          auto *work =
              static_cast<std::pair<Executable::Entry, rnnrt_call *> *>(opaque);
          work->first(work->second, thread);
        },
        &work);
    rnnrt_team_destroy(team);
    Arrays results = like;
    for (auto [result, data] : llvm::zip_equal(results, out))
      std::memcpy(result.data.data(), data, result.data.size());
    return results;
  }

  /// Relative to the largest entry.
  void expectNear(const Arrays &actual, const Arrays &expected,
                  const std::string &where) {
    ASSERT_EQ(actual.size(), expected.size()) << where;
    for (size_t r = 0; r < actual.size(); ++r) {
      ASSERT_EQ(actual[r].shape, expected[r].shape) << where;
      double largest = 1, distance = 0;
      for (int64_t i = 0; i < actual[r].size(); ++i) {
        double difference =
            std::fabs(actual[r].number(i) - expected[r].number(i));
        ASSERT_FALSE(std::isnan(difference)) << where << " result " << r;
        distance = std::max(distance, difference);
        largest = std::max(largest, std::fabs(expected[r].number(i)));
      }
      EXPECT_LE(distance, largest * (f64() ? 1e-12 : 2e-5))
          << where << " result " << r;
    }
  }

  static void expectSameBits(const Arrays &actual, const Arrays &expected,
                             const std::string &where) {
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t r = 0; r < actual.size(); ++r)
      EXPECT_EQ(actual[r].data, expected[r].data) << where << " result " << r;
  }

  mlir::MLIRContext context;
};

/// The function of that name.
mlir::func::FuncOp functionNamed(mlir::ModuleOp module,
                                 const std::string &name) {
  return module.lookupSymbol<mlir::func::FuncOp>(name);
}

TEST_P(StagesTest, SameValuesAfterEveryStage) {
  const std::pair<int64_t, int64_t> kExtents[] = {{1, 1}, {3, 5}, {17, 9}};
  auto start = parse();
  ASSERT_TRUE(start);
  PipelineOptions options;
  options.clipNorm = 0.1;
  options.length = 8;
  options.vectorBits = vectorBits({});
  mlir::OwningOpRef<mlir::ModuleOp> grad(start->clone());
  ASSERT_TRUE(succeeded(runStages(*grad, "grad", options)));

  // What the interpreter says of each entry: at the start, or, of those that
  // are derived, after the stage that makes them.
  struct Case {
    EntryInfo entry;
    Arrays arguments, expected;
    std::optional<Arrays> compiled;
  };
  std::vector<Case> cases;
  for (const EntryInfo &entry : describeEntries(*grad))
    for (auto [B, T] : kExtents) {
      mlir::func::FuncOp first = functionNamed(*start, entry.name);
      mlir::func::FuncOp derived = functionNamed(*grad, entry.name);
      Case one{entry, makeArguments(entry, B, T), {}, {}};
      auto values = rnn::interpret(first ? first : derived, one.arguments);
      ASSERT_TRUE(!!values) << llvm::toString(values.takeError());
      one.expected = std::move(*values);
      cases.push_back(std::move(one));
    }
  ASSERT_FALSE(cases.empty());

  for (int64_t unroll : {0, 4, -1}) {
    options.unroll = unroll;
    std::string how = " with unroll " + std::to_string(unroll);
    for (const char *stage : {"grad", "time"}) {
      mlir::OwningOpRef<mlir::ModuleOp> module(start->clone());
      ASSERT_TRUE(succeeded(runStages(*module, stage, options)));
      for (Case &one : cases) {
        auto values = rnn::interpret(functionNamed(*module, one.entry.name),
                                     one.arguments);
        ASSERT_TRUE(!!values) << llvm::toString(values.takeError());
        expectNear(*values, one.expected, one.entry.name + ", " + stage + how);
      }
    }

    mlir::OwningOpRef<mlir::ModuleOp> module(start->clone());
    std::vector<std::pair<std::string, double>> timings;
    ASSERT_TRUE(succeeded(runStages(*module, "llvm", options, &timings)));
    EXPECT_EQ(timings.size(), 4u);
    auto code = Executable::create(*module, {});
    ASSERT_TRUE(!!code) << llvm::toString(code.takeError());
    auto object = emitObject(*module, {});
    ASSERT_TRUE(!!object) << llvm::toString(object.takeError());
    auto loaded = Executable::load(*object, {});
    ASSERT_TRUE(!!loaded) << llvm::toString(loaded.takeError());
    for (Case &one : cases) {
      ASSERT_TRUE((*code)->entry(one.entry.name)) << one.entry.name;
      Arrays values = call(**code, one.entry, one.arguments, one.expected, 1);
      expectNear(values, one.expected, one.entry.name + ", code" + how);
      if (!one.compiled)
        one.compiled = values;
      expectSameBits(values, *one.compiled, one.entry.name + how);
      for (int64_t threads : {1, 2, 3})
        expectSameBits(
            call(**loaded, one.entry, one.arguments, one.expected, threads),
            *one.compiled,
            one.entry.name + ", " + std::to_string(threads) + " threads" + how);
    }
  }
}

TEST_P(StagesTest, OneProductStaysInAScan) {
  auto module = parse();
  ASSERT_TRUE(module);
  PipelineOptions options;
  if (functionNamed(*module, "loss"))
    options.entries = {"grad"};
  ASSERT_TRUE(succeeded(runStages(*module, "time", options)));
  int scans = 0;
  module->walk([&](rnn::ScanOp scan) {
    int products = 0;
    scan.walk([&](rnn::ContractOp) { ++products; });
    // The matrix cell reads its state with a product of its own.
    EXPECT_EQ(products, std::get<0>(GetParam()).text == kMatrix ? 2 : 1);
    ++scans;
  });
  EXPECT_EQ(scans, options.entries.empty() ? 1 : 2);
}

INSTANTIATE_TEST_SUITE_P(All, StagesTest,
                         testing::Combine(testing::ValuesIn(kCells),
                                          testing::Bool()),
                         [](const auto &info) {
                           return std::string(std::get<0>(info.param).name) +
                                  (std::get<1>(info.param) ? "F64" : "F32");
                         });

TEST(Stages, Table) {
  std::vector<std::string> names;
  for (const Stage &stage : stages())
    names.push_back(stage.name.str());
  EXPECT_EQ(names, (std::vector<std::string>{"ast", "rnn", "grad", "time",
                                             "step", "llvm", "asm", "obj"}));
}

TEST(Stages, UnknownStage) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module(
      mlir::ModuleOp::create(mlir::UnknownLoc::get(&context)));
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context,
                                        [&](mlir::Diagnostic &diagnostic) {
                                          message = diagnostic.str();
                                          return mlir::success();
                                        });
  EXPECT_TRUE(failed(runStages(*module, "later", {})));
  EXPECT_EQ(message, "there is no stage 'later'");
}

} // namespace
