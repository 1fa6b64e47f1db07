//===- ExecutableTest.cpp - Compile, load, save and call ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/jit/Executable.h"
#include "compiler/pipelines/Stages.h"
#include "compiler/target/EmitCode.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace rnnc;
using testing::HasSubstr;

namespace {

/// results[0][i] = args[0][i] + args[1][i] for i below extents[0].
constexpr llvm::StringLiteral kSum = R"(
func.func private @row(%a: !llvm.ptr, %b: !llvm.ptr, %y: !llvm.ptr, %i: i64) {
  %ai = llvm.getelementptr %a[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  %bi = llvm.getelementptr %b[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  %yi = llvm.getelementptr %y[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  %av = llvm.load %ai : !llvm.ptr -> f32
  %bv = llvm.load %bi : !llvm.ptr -> f32
  %s = arith.addf %av, %bv : f32
  llvm.store %s, %yi : f32, !llvm.ptr
  return
}
func.func @sum(%call: !llvm.ptr, %thread: i64) {
  %p0 = llvm.load %call : !llvm.ptr -> !llvm.ptr
  %n64 = llvm.load %p0 : !llvm.ptr -> i64
  %n = arith.index_cast %n64 : i64 to index
  %c1 = llvm.getelementptr %call[8] : (!llvm.ptr) -> !llvm.ptr, i8
  %p1 = llvm.load %c1 : !llvm.ptr -> !llvm.ptr
  %a = llvm.load %p1 : !llvm.ptr -> !llvm.ptr
  %q = llvm.getelementptr %p1[8] : (!llvm.ptr) -> !llvm.ptr, i8
  %b = llvm.load %q : !llvm.ptr -> !llvm.ptr
  %c2 = llvm.getelementptr %call[16] : (!llvm.ptr) -> !llvm.ptr, i8
  %p2 = llvm.load %c2 : !llvm.ptr -> !llvm.ptr
  %y = llvm.load %p2 : !llvm.ptr -> !llvm.ptr
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  scf.for %i = %zero to %n step %one {
    %i64 = arith.index_cast %i : index to i64
    func.call @row(%a, %b, %y, %i64) : (!llvm.ptr, !llvm.ptr, !llvm.ptr, i64) -> ()
  }
  return
}
func.func @sum_arena(%extents: !llvm.ptr) -> i64 {
  %n = llvm.load %extents : !llvm.ptr -> i64
  %four = arith.constant 4 : i64
  %bytes = arith.muli %n, %four : i64
  return %bytes : i64
}
)";

class ExecutableTest : public testing::Test {
protected:
  ExecutableTest()
      : context(makeRegistry(), mlir::MLIRContext::Threading::DISABLED) {
    llvm::SmallString<128> path;
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("rnnc-executable", path));
    folder = path.str().str();
  }
  ~ExecutableTest() override { llvm::sys::fs::remove_directories(folder); }

  static mlir::DialectRegistry makeRegistry() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }

  mlir::OwningOpRef<mlir::ModuleOp> lower(llvm::StringRef text) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    mlir::PassManager pm(&context);
    buildLoopsToLLVM(pm);
    EXPECT_TRUE(module && mlir::succeeded(pm.run(*module)));
    return module;
  }

  static void checkSum(const Executable &code) {
    auto entry = code.entry("sum");
    auto arena = code.arenaBytes("sum");
    ASSERT_TRUE(entry && arena);
    int64_t n = 3;
    EXPECT_EQ(arena(&n), 12);
    float a[] = {1, 2, 3}, b[] = {10, 20, 30}, y[] = {0, 0, 0};
    void *args[] = {a, b}, *results[] = {y};
    rnnrt_call call = {};
    call.extents = &n;
    call.args = args;
    call.results = results;
    call.threads = 1;
    entry(&call, 0);
    EXPECT_THAT(y, testing::ElementsAre(11, 22, 33));
  }

  std::vector<std::string> savedFiles() {
    std::vector<std::string> files;
    std::error_code problem;
    for (llvm::sys::fs::directory_iterator it(folder, problem), end;
         it != end && !problem; it.increment(problem))
      files.push_back(it->path());
    return files;
  }
  static std::string read(const std::string &path) {
    return (*llvm::MemoryBuffer::getFile(path))->getBuffer().str();
  }
  static void write(const std::string &path, llvm::StringRef text) {
    std::error_code problem;
    llvm::raw_fd_ostream(path, problem) << text;
  }

  mlir::MLIRContext context;
  std::string folder;
};

TEST_F(ExecutableTest, Calls) {
  auto code = Executable::create(*lower(kSum), {});
  ASSERT_TRUE(!!code) << llvm::toString(code.takeError());
  checkSum(**code);
  EXPECT_EQ((*code)->entry("absent"), nullptr);
  EXPECT_EQ((*code)->entry("row"), nullptr);
  EXPECT_EQ((*code)->arenaBytes("absent"), nullptr);
}

TEST_F(ExecutableTest, LoadsAnObject) {
  TargetOptions options;
  options.prefix = "M";
  auto object = emitObject(*lower(kSum), options);
  ASSERT_TRUE(!!object) << llvm::toString(object.takeError());
  auto code = Executable::load(*object, options);
  ASSERT_TRUE(!!code) << llvm::toString(code.takeError());
  checkSum(**code);
}

TEST_F(ExecutableTest, LoadsPartsInAnyNumber) {
  auto machine = Machine::find("native");
  ASSERT_TRUE(!!machine);
  auto bitcode = emitBitcode(*lower(kSum), *machine, "M");
  ASSERT_TRUE(!!bitcode) << llvm::toString(bitcode.takeError());
  TargetOptions options;
  options.prefix = "M";
  KeptKernels kept;
  for (unsigned parts : {1, 2, 3, 8}) {
    auto objects = emitObjects(*bitcode, *machine, parts, kept);
    ASSERT_TRUE(!!objects) << llvm::toString(objects.takeError());
    // Three functions: no part stays empty.
    EXPECT_EQ(objects->size(), std::min(parts, 3u));
    auto code = Executable::load(*objects, options);
    ASSERT_TRUE(!!code) << llvm::toString(code.takeError());
    checkSum(**code);
    EXPECT_EQ((*code)->entry("row"), nullptr);
    // The same parts again.
    auto again = emitObjects(*bitcode, *machine, parts, kept);
    ASSERT_TRUE(!!again);
    EXPECT_EQ(*again, *objects);
  }
}

TEST_F(ExecutableTest, RefusesWhatIsNoObject) {
  auto code = Executable::load(std::string("not an object"), {});
  ASSERT_FALSE(!!code);
  llvm::consumeError(code.takeError());
}

TEST_F(ExecutableTest, ReadableSymbols) {
  TargetOptions options;
  options.prefix = "M";
  auto module = lower(kSum);
  auto text = emitAssembly(*module, options);
  ASSERT_TRUE(!!text) << llvm::toString(text.takeError());
  EXPECT_THAT(*text, HasSubstr("M_sum:"));
  EXPECT_THAT(*text, HasSubstr("M_sum_arena:"));
  auto ir = emitLLVM(*module, options);
  ASSERT_TRUE(!!ir) << llvm::toString(ir.takeError());
  EXPECT_THAT(*ir, HasSubstr("define void @M_sum(ptr"));
}

TEST_F(ExecutableTest, SavedObjectIsFoundAgain) {
  TargetOptions options;
  options.cacheDir = folder + "/a/b";
  std::swap(folder, options.cacheDir);
  std::string top = options.cacheDir;
  options.cacheDir = folder;
  auto module = lower(kSum);
  auto first = Executable::create(*module, options);
  ASSERT_TRUE(!!first) << llvm::toString(first.takeError());
  ASSERT_EQ(savedFiles().size(), 1u);

  // Another program in the file, with a right checksum: proof that it is used.
  std::string other = kSum.str();
  other.replace(other.find("addf"), 4, "mulf");
  std::string file = savedFiles()[0];
  auto product = Executable::create(*lower(other), options);
  ASSERT_TRUE(!!product);
  ASSERT_EQ(savedFiles().size(), 2u);
  std::string second =
      savedFiles()[0] == file ? savedFiles()[1] : savedFiles()[0];
  write(file, read(second));
  auto again = Executable::create(*module, options);
  ASSERT_TRUE(!!again);
  float a = 3, b = 4, y = 0;
  int64_t n = 1;
  void *args[] = {&a, &b}, *results[] = {&y};
  rnnrt_call call = {};
  call.extents = &n;
  call.args = args;
  call.results = results;
  (*again)->entry("sum")(&call, 0);
  EXPECT_EQ(y, 12);

  // Another CPU or prefix is another object.
  options.prefix = "M";
  ASSERT_TRUE(!!Executable::create(*module, options));
  EXPECT_EQ(savedFiles().size(), 3u);
  folder = top;
}

TEST_F(ExecutableTest, DamagedObjectIsMadeAgain) {
  TargetOptions options;
  options.cacheDir = folder;
  auto module = lower(kSum);
  ASSERT_TRUE(!!Executable::create(*module, options));
  ASSERT_EQ(savedFiles().size(), 1u);
  std::string file = savedFiles()[0], whole = read(file);
  std::string flipped = whole;
  flipped[whole.size() / 2] ^= 1;
  for (std::string bad :
       {std::string(), whole.substr(0, 40), whole.substr(0, whole.size() - 1),
        flipped, std::string(200, 'x')}) {
    write(file, bad);
    auto code = Executable::create(*module, options);
    ASSERT_TRUE(!!code) << llvm::toString(code.takeError());
    checkSum(**code);
    EXPECT_EQ(read(file), whole);
  }
}

TEST_F(ExecutableTest, FolderThatCannotBeWrittenIsNoError) {
  write(folder + "/file", "");
  TargetOptions options;
  options.cacheDir = folder + "/file/cache";
  auto code = Executable::create(*lower(kSum), options);
  ASSERT_TRUE(!!code) << llvm::toString(code.takeError());
  checkSum(**code);
}

TEST_F(ExecutableTest, UnknownCPU) {
  TargetOptions options;
  for (const char *cpu : {"x86-64-v9", "", "pentium4", "riscv"}) {
    options.cpu = cpu;
    auto code = Executable::create(*lower(kSum), options);
    ASSERT_FALSE(!!code) << cpu;
    EXPECT_THAT(llvm::toString(code.takeError()),
                HasSubstr("'" + std::string(cpu) + "' is "));
  }
}

TEST_F(ExecutableTest, OtherCPUs) {
  TargetOptions options;
  auto module = lower(kSum);
  for (auto [cpu, bits] : {std::pair("x86-64-v2", 128),
                           {"x86-64-v3", 256},
                           {"x86-64-v4", 512},
                           {"x86-64", 128}}) {
    options.cpu = cpu;
    EXPECT_EQ(vectorBits(options), bits) << cpu;
    auto object = emitObject(*module, options);
    EXPECT_TRUE(!!object) << llvm::toString(object.takeError());
  }
  options.cpu = "x86-64";
  auto code = Executable::create(*module, options);
  ASSERT_TRUE(!!code) << llvm::toString(code.takeError());
  checkSum(**code);
}

TEST_F(ExecutableTest, ModuleOfAnotherStage) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(
      "func.func @f(%x: f32) -> f32 { return %x : f32 }", &context);
  auto code = Executable::create(*module, {});
  ASSERT_FALSE(!!code);
  EXPECT_THAT(llvm::toString(code.takeError()),
              HasSubstr("cannot translate to LLVM IR: "));
}

TEST_F(ExecutableTest, MissingSymbolIsAnError) {
  auto module = lower(R"(
    func.func private @no_such_function(f32) -> f32
    func.func @f(%call: !llvm.ptr, %thread: i64) {
      %x = llvm.load %call : !llvm.ptr -> f32
      %y = func.call @no_such_function(%x) : (f32) -> f32
      llvm.store %y, %call : f32, !llvm.ptr
      return
    })");
  auto code = Executable::create(*module, {});
  ASSERT_FALSE(!!code);
  EXPECT_THAT(llvm::toString(code.takeError()), HasSubstr("no_such_function"));
}

TEST_F(ExecutableTest, DescribesEntries) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(R"(
    func.func @loss(%B: index {rnn.arg = #rnn.arg<axis, "B">},
                    %T: index {rnn.arg = #rnn.arg<axis, "T">},
                    %k: i64 {rnn.arg = #rnn.arg<key, "key">},
                    %w: tensor<4x3xf32> {rnn.arg = #rnn.arg<param, "dense.w">},
                    %x: tensor<?x?x3xi32> {rnn.arg = #rnn.arg<input, "x", ["T", "B"]>},
                    %m: tensor<?xi1> {rnn.arg = #rnn.arg<fresh, "x", ["B"]>})
        -> (tensor<f32> {rnn.arg = #rnn.arg<loss, "loss">}) {
      %l = arith.constant dense<0.0> : tensor<f32>
      return %l : tensor<f32>
    }
    func.func private @hidden() { return })",
                                                        &context);
  ASSERT_TRUE(module);
  auto entries = describeEntries(*module);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].name, "loss");
  ASSERT_EQ(entries[0].arguments.size(), 6u);
  auto &arguments = entries[0].arguments;
  EXPECT_EQ(arguments[0].kind, "axis");
  EXPECT_EQ(arguments[0].type, "index");
  EXPECT_EQ(arguments[2].type, "i64");
  EXPECT_EQ(arguments[3].name, "dense.w");
  EXPECT_THAT(arguments[3].shape, testing::ElementsAre(4, 3));
  EXPECT_THAT(arguments[4].shape, testing::ElementsAre(-1, -1, 3));
  EXPECT_THAT(arguments[4].axes, testing::ElementsAre("T", "B"));
  EXPECT_EQ(arguments[4].type, "i32");
  EXPECT_EQ(arguments[5].type, "i1");
  ASSERT_EQ(entries[0].results.size(), 1u);
  EXPECT_EQ(entries[0].results[0].kind, "loss");
  EXPECT_TRUE(entries[0].results[0].shape.empty());
}

} // namespace
