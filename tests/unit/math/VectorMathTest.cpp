//===- VectorMathTest.cpp - Errors of the elementary functions ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles each function over a buffer as the compiler does and measures the
// largest error in units of the last place, for every 4001st float and special
// values, or for all floats with RNNC_EXHAUSTIVE=1. RNNC_MATH_RATE=1 prints the
// time per vector.
//
//===----------------------------------------------------------------------===//

#include "compiler/jit/Executable.h"
#include "compiler/pipelines/Stages.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <limits>
#include <thread>

using namespace rnnc;

namespace {

/// A function of the language, the op that computes it, and its exact value.
struct Function {
  const char *name;
  const char *op;
  double (*exact)(double);
  /// Largest error allowed.
  double bound;
};

/// How a test names its case.
void PrintTo(const Function &f, std::ostream *os) { *os << f.name; }

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) {
  return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x)));
}

const Function kFunctions[] = {
    {"exp", "math.exp", [](double x) { return std::exp(x); }, 1.02},
    {"exp2", "math.exp2", [](double x) { return std::exp2(x); }, 1.02},
    {"expm1", "math.expm1", [](double x) { return std::expm1(x); }, 1.45},
    {"log", "math.log", [](double x) { return std::log(x); }, 0.83},
    {"log2", "math.log2", [](double x) { return std::log2(x); }, 1.89},
    {"log1p", "math.log1p", [](double x) { return std::log1p(x); }, 0.84},
    {"tanh", "math.tanh", [](double x) { return std::tanh(x); }, 2.42},
    {"sigmoid", "rnn.sigmoid", sigmoid, 2.41},
    {"softplus", "rnn.softplus",
     [](double x) { return std::isnan(x) ? x : softplus(x); }, 1.67},
    // Those below are calls or instructions; the bounds are those of libm.
    {"sin", "math.sin", [](double x) { return std::sin(x); }, 4},
    {"cos", "math.cos", [](double x) { return std::cos(x); }, 4},
    {"erf", "math.erf", [](double x) { return std::erf(x); }, 4},
    {"sqrt", "math.sqrt", [](double x) { return std::sqrt(x); }, 0.5},
    {"abs", "math.absf", [](double x) { return std::fabs(x); }, 0},
    {"floor", "math.floor", [](double x) { return std::floor(x); }, 0},
    {"ceil", "math.ceil", [](double x) { return std::ceil(x); }, 0},
    {"roundeven", "math.roundeven", [](double x) { return std::rint(x); }, 0},
};

/// A module with one entry per function: results[0][i] = f(args[0][i]) for i
/// below extents[0], `lanes` at a time.
std::string moduleText(llvm::StringRef type, int lanes) {
  std::string text;
  llvm::raw_string_ostream os(text);
  std::string value =
      lanes == 1 ? type.str()
                 : "vector<" + std::to_string(lanes) + "x" + type.str() + ">";
  for (const Function &f : kFunctions)
    os << "func.func @apply_" << f.name << R"((%call: !llvm.ptr, %thread: i64) {
  %p0 = llvm.load %call : !llvm.ptr -> !llvm.ptr
  %n64 = llvm.load %p0 : !llvm.ptr -> i64
  %n = arith.index_cast %n64 : i64 to index
  %c1 = llvm.getelementptr %call[8] : (!llvm.ptr) -> !llvm.ptr, i8
  %p1 = llvm.load %c1 : !llvm.ptr -> !llvm.ptr
  %x = llvm.load %p1 : !llvm.ptr -> !llvm.ptr
  %c2 = llvm.getelementptr %call[16] : (!llvm.ptr) -> !llvm.ptr, i8
  %p2 = llvm.load %c2 : !llvm.ptr -> !llvm.ptr
  %y = llvm.load %p2 : !llvm.ptr -> !llvm.ptr
  %zero = arith.constant 0 : index
  %step = arith.constant )"
       << lanes << R"( : index
  scf.for %i = %zero to %n step %step {
    %o = arith.index_cast %i : index to i64
    %xi = llvm.getelementptr %x[%o] : (!llvm.ptr, i64) -> !llvm.ptr, )"
       << type << R"(
    %yi = llvm.getelementptr %y[%o] : (!llvm.ptr, i64) -> !llvm.ptr, )"
       << type
       << "\n    %v = llvm.load %xi {alignment = 4 : i64} : !llvm.ptr -> "
       << value << "\n    %r = " << f.op << " %v : " << value
       << "\n    llvm.store %r, %yi {alignment = 4 : i64} : " << value
       << ", !llvm.ptr\n  }\n"
       << "  return\n}\n";
  return text;
}

class VectorMath : public testing::TestWithParam<Function> {
protected:
  static std::unique_ptr<Executable> compile(llvm::StringRef type, int lanes,
                                             llvm::StringRef cpu = "native") {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
    auto module = mlir::parseSourceString<mlir::ModuleOp>(
        moduleText(type, lanes), &context);
    if (!module)
      return nullptr;
    mlir::PassManager pm(&context);
    buildLoopsToLLVM(pm);
    if (mlir::failed(pm.run(*module)))
      return nullptr;
    TargetOptions options;
    options.cpu = cpu.str();
    auto code = Executable::create(*module, options);
    if (!code) {
      ADD_FAILURE() << llvm::toString(code.takeError());
      return nullptr;
    }
    return std::move(*code);
  }
  static void SetUpTestSuite() {
    wide = compile("f32", 16);
    scalar = compile("f32", 1);
    doubles = compile("f64", 8);
  }
  static void TearDownTestSuite() {
    wide = nullptr;
    scalar = nullptr;
    doubles = nullptr;
  }
  void SetUp() override { ASSERT_TRUE(wide && scalar && doubles); }

  template <typename T>
  static void apply(const Executable &code, const char *name, const T *x, T *y,
                    int64_t n) {
    const void *args[] = {x};
    void *results[] = {y};
    rnnrt_call call = {};
    call.extents = &n;
    call.args = const_cast<void *const *>(args);
    call.results = results;
    call.threads = 1;
    code.entry(std::string("apply_") + name)(&call, 0);
  }

  static std::unique_ptr<Executable> wide, scalar, doubles;
};
std::unique_ptr<Executable> VectorMath::wide, VectorMath::scalar,
    VectorMath::doubles;

/// The distance in units of the last place of the exact value; infinity where
/// one is NaN, or infinite without reason.
double error(float got, double exact) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (std::isnan(got) || std::isnan(exact))
    return std::isnan(got) && std::isnan(exact) ? 0 : kInfinity;
  if (got == exact)
    return 0;
  // What follows the largest float is infinity.
  double value = std::isinf(got) ? std::copysign(0x1p128, got) : got;
  if (std::fabs(exact) >= 0x1p128)
    return std::isinf(got) && (got > 0) == (exact > 0) ? 0 : kInfinity;
  int exponent = exact == 0 ? -126 : std::max(std::ilogb(exact), -126);
  return std::fabs(value - exact) / std::ldexp(1.0, exponent - 23);
}

struct Worst {
  double error = 0;
  float at = 0;
  void add(float x, float got, double exact) {
    double e = ::error(got, exact);
    if (e > error || std::isnan(e)) {
      error = e;
      at = x;
    }
  }
};

TEST_P(VectorMath, ErrorIsBounded) {
  const Function &f = GetParam();
  bool exhaustive = std::getenv("RNNC_EXHAUSTIVE") != nullptr;
  uint64_t stride = exhaustive ? 1 : 4001;
  constexpr uint64_t kAll = uint64_t(1) << 32;
  constexpr int64_t kBlock = 1 << 14;
  unsigned workers =
      exhaustive ? std::max(1u, std::thread::hardware_concurrency()) : 1;
  std::vector<Worst> worst(workers);
  auto measure = [&](unsigned worker) {
    std::vector<float> x(kBlock), y(kBlock);
    for (uint64_t start = worker * kBlock * stride; start < kAll;
         start += workers * kBlock * stride) {
      for (int64_t i = 0; i < kBlock; ++i)
        x[i] = std::bit_cast<float>(
            static_cast<uint32_t>(std::min(start + i * stride, kAll - 1)));
      apply(*wide, f.name, x.data(), y.data(), kBlock);
      for (int64_t i = 0; i < kBlock; ++i)
        worst[worker].add(x[i], y[i], f.exact(x[i]));
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < workers; ++i)
    threads.emplace_back(measure, i);
  measure(0);
  for (std::thread &thread : threads)
    thread.join();
  Worst all;
  for (const Worst &w : worst)
    if (w.error > all.error)
      all = w;
  std::printf("%-10s %.3f ulp at %a\n", f.name, all.error, all.at);
  EXPECT_LE(all.error, f.bound) << f.name << " at " << all.at;
}

TEST_P(VectorMath, SpecialValuesAndScalars) {
  const Function &f = GetParam();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> x = {0.0f,
                          -0.0f,
                          1.0f,
                          -1.0f,
                          0.5f,
                          -0.5f,
                          2.0f,
                          kInfinity,
                          -kInfinity,
                          std::numeric_limits<float>::quiet_NaN(),
                          -std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::denorm_min(),
                          -std::numeric_limits<float>::denorm_min(),
                          0x1p-126f,
                          -0x1p-126f,
                          std::numeric_limits<float>::max(),
                          std::numeric_limits<float>::lowest(),
                          88.72283f,
                          88.72284f,
                          88.7229f,
                          -87.33654f,
                          -87.33655f,
                          -103.97207f,
                          -103.97208f,
                          -103.9722f,
                          -104.5f,
                          127.99999f,
                          128.0f,
                          -149.0f,
                          -149.5f,
                          -150.0f,
                          -150.5f,
                          1e-8f,
                          -1e-8f,
                          1e-30f,
                          -1e-30f,
                          0.41421354f,
                          0.41421357f,
                          -0.29289323f,
                          -0.2928932f,
                          0.70710677f,
                          0.7071068f,
                          1.4142135f,
                          1.4142137f,
                          9.0f,
                          9.05f,
                          9.15f,
                          -9.15f,
                          16.5f,
                          -16.5f,
                          17.5f,
                          -17.5f,
                          -20.5f,
                          0.99999994f,
                          1.0000001f,
                          -0.99999994f,
                          -1.0000001f};
  while (x.size() % 16)
    x.push_back(0.25f * x.size());
  int64_t n = x.size();
  std::vector<float> y(n), one(n);
  apply(*wide, f.name, x.data(), y.data(), n);
  apply(*scalar, f.name, x.data(), one.data(), n);
  for (int64_t i = 0; i < n; ++i) {
    double exact = f.exact(x[i]);
    EXPECT_LE(error(y[i], exact), f.bound)
        << f.name << '(' << x[i] << ") = " << y[i] << ", exact " << exact;
    if (exact == 0 || std::isinf(exact))
      EXPECT_EQ(y[i], exact) << f.name << '(' << x[i] << ')';
    if (exact == 0)
      EXPECT_EQ(std::signbit(y[i]), std::signbit(exact))
          << f.name << '(' << x[i] << ')';
    if (!std::isnan(y[i]))
      EXPECT_EQ(std::bit_cast<uint32_t>(y[i]), std::bit_cast<uint32_t>(one[i]))
          << f.name << '(' << x[i] << ") of a scalar";
  }
}

TEST_P(VectorMath, DoublesAgreeWithLibm) {
  const Function &f = GetParam();
  std::vector<double> x;
  for (double v = 1e-300; v < 1e300; v *= 17.3) {
    x.push_back(v);
    x.push_back(-v);
  }
  for (double v = -40; v < 40; v += 0.37)
    x.push_back(v);
  x.push_back(std::numeric_limits<double>::quiet_NaN());
  x.push_back(std::numeric_limits<double>::infinity());
  x.push_back(-std::numeric_limits<double>::infinity());
  while (x.size() % 8)
    x.push_back(0.125);
  int64_t n = x.size();
  std::vector<double> y(n);
  apply(*doubles, f.name, x.data(), y.data(), n);
  for (int64_t i = 0; i < n; ++i) {
    double exact = f.exact(x[i]);
    if (std::isnan(exact) || std::isinf(exact))
      EXPECT_TRUE(std::isnan(exact) ? std::isnan(y[i]) : y[i] == exact)
          << f.name << '(' << x[i] << ") = " << y[i];
    else
      EXPECT_NEAR(y[i], exact, std::fabs(exact) * 1e-15)
          << f.name << '(' << x[i] << ')';
  }
}

TEST_P(VectorMath, Rate) {
  if (!std::getenv("RNNC_MATH_RATE"))
    return;
  const Function &f = GetParam();
  constexpr int64_t kCount = 4096;
  alignas(64) static float x[kCount], y[kCount];
  for (int64_t i = 0; i < kCount; ++i)
    x[i] = -8 + 16.0f * i / kCount;
  double best = 1e9;
  for (int round = 0; round < 200; ++round) {
    auto start = std::chrono::steady_clock::now();
    apply(*wide, f.name, x, y, kCount);
    best = std::min(best, std::chrono::duration<double, std::nano>(
                              std::chrono::steady_clock::now() - start)
                              .count());
  }
  std::printf("%-10s %.2f ns per 16\n", f.name, best / (kCount / 16));
}

INSTANTIATE_TEST_SUITE_P(All, VectorMath, testing::ValuesIn(kFunctions),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

} // namespace
