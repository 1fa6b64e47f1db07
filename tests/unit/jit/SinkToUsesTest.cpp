//===- SinkToUsesTest.cpp - Tests of SinkToUses ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/target/SinkToUses.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/SourceMgr.h"
#include "gtest/gtest.h"

using namespace rnnc;

namespace {
struct Sunk {
  explicit Sunk(const char *text) {
    llvm::SMDiagnostic problem;
    module = llvm::parseAssemblyString(text, problem, context);
    EXPECT_TRUE(module) << problem.getMessage().str();
    sinkToUses(*module->getFunction("f"));
    std::string broken;
    llvm::raw_string_ostream os(broken);
    EXPECT_FALSE(llvm::verifyModule(*module, &os)) << broken;
  }
  /// The block that an instruction has come to.
  std::string blockOf(const char *name) {
    for (llvm::Instruction &instruction :
         llvm::instructions(*module->getFunction("f")))
      if (instruction.getName() == name)
        return instruction.getParent()->getName().str();
    return "none";
  }
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
};
} // namespace

// An address and its operands follow a use behind a loop; what a loop uses is
// computed before it, once.
TEST(SinkToUses, BehindLoopsAndNotIntoThem) {
  Sunk sunk(R"(
    define void @f(ptr %p, i64 %n) {
    entry:
      %far = mul i64 %n, 3
      %farther = getelementptr float, ptr %p, i64 %far
      %inside = mul i64 %n, 5
      br label %first
    first:
      br label %loop
    loop:
      %i = phi i64 [ 0, %first ], [ %next, %loop ]
      %at = getelementptr float, ptr %p, i64 %i
      store float 0.0, ptr %at
      %next = add i64 %i, %inside
      %more = icmp slt i64 %next, %n
      br i1 %more, label %loop, label %last
    last:
      store float 1.0, ptr %farther
      ret void
    })");
  EXPECT_EQ(sunk.blockOf("far"), "last");
  EXPECT_EQ(sunk.blockOf("farther"), "last");
  EXPECT_EQ(sunk.blockOf("inside"), "first");
  EXPECT_EQ(sunk.blockOf("next"), "loop");
}

// Memory that nobody writes may be read later; other memory may not, and calls
// stay.
TEST(SinkToUses, OnlyMemoryThatNobodyWrites) {
  Sunk sunk(R"(
    declare i64 @g()
    define void @f(ptr %p, ptr %q) {
    entry:
      %fixed = load i64, ptr %p, !invariant.load !0
      %changes = load i64, ptr %q
      %called = call i64 @g()
      br label %next
    next:
      store i64 7, ptr %q
      br label %last
    last:
      %sum = add i64 %fixed, %changes
      %all = add i64 %sum, %called
      store i64 %all, ptr %q
      ret void
    }
    !0 = !{})");
  EXPECT_EQ(sunk.blockOf("fixed"), "last");
  EXPECT_EQ(sunk.blockOf("changes"), "entry");
  EXPECT_EQ(sunk.blockOf("called"), "entry");
}

// Uses on two ways meet where the ways part, and a merge uses its values at the
// end of the block that they come from.
TEST(SinkToUses, WhereWaysPart) {
  Sunk sunk(R"(
    define i64 @f(i64 %x, i64 %y, i1 %c, i1 %d) {
    entry:
      %both = mul i64 %x, %y
      %left = sub i64 %x, %y
      br i1 %d, label %part, label %end
    part:
      br i1 %c, label %one, label %two
    one:
      %a = add i64 %both, 1
      br label %end
    two:
      %b = add i64 %both, 2
      br label %end
    end:
      %r = phi i64 [ %a, %one ], [ %b, %two ], [ %left, %entry ]
      ret i64 %r
    })");
  EXPECT_EQ(sunk.blockOf("both"), "part");
  EXPECT_EQ(sunk.blockOf("left"), "entry");
}
