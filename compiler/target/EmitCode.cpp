//===- EmitCode.cpp - From the LLVM dialect to code -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Our passes have vectorised, fused and hoisted already. LLVM cleans up and
// selects instructions; it may not vectorise, unroll or reassociate, because
// then the same program would give other bits on another CPU. Functions are
// divided among threads, since LLVM takes most of the time to the first step.
//
//===----------------------------------------------------------------------===//

#include "compiler/target/EmitCode.h"
#include "compiler/target/SinkToUses.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/OptBisect.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/IPO/GlobalDCE.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/LoopStrengthReduce.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"
#include "llvm/Transforms/Utils/CodeExtractor.h"
#include <atomic>
#include <thread>

using namespace rnnc;

/// Translates to LLVM IR; the diagnostics become the error.
static llvm::Expected<std::unique_ptr<llvm::Module>>
translate(mlir::ModuleOp module, llvm::LLVMContext &context) {
  mlir::MLIRContext *mlirContext = module.getContext();
  mlir::DialectRegistry registry;
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  mlirContext->appendDialectRegistry(registry);

  std::string problems;
  mlir::ScopedDiagnosticHandler handler(
      mlirContext, [&](mlir::Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
          problems += (problems.empty() ? "" : "\n") + diagnostic.str();
        return mlir::success();
      });
  std::unique_ptr<llvm::Module> result =
      mlir::translateModuleToLLVMIR(module, context, "rnnc");
  if (!result)
    return llvm::createStringError("cannot translate to LLVM IR: " + problems);
  return result;
}

/// Names the entries, hides the rest, and says what CPU the code is for.
static void prepare(llvm::Module &module, mlir::ModuleOp source,
                    const Machine &machine, llvm::StringRef prefix) {
  module.setTargetTriple(machine.target->getTargetTriple());
  module.setDataLayout(machine.target->createDataLayout());
  module.setPICLevel(llvm::PICLevel::BigPIC);
  for (llvm::Function &function : module) {
    function.setDoesNotThrow();
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", machine.cpu);
    if (!machine.features.empty())
      function.addFnAttr("target-features", machine.features);
    function.addFnAttr("prefer-vector-width",
                       std::to_string(machine.vectorBits));
    auto op = source.lookupSymbol<mlir::LLVM::LLVMFuncOp>(function.getName());
    if (op && op.getSymVisibility() == "private")
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
    if (function.hasExternalLinkage())
      function.setName(prefix + "_" + function.getName());
  }
}

/// Marks functions that were a part of a large one.
static constexpr llvm::StringLiteral kTakenOut = "rnnc-taken-out";
/// An entry of more instructions is cut; a loop of fewer stays where it is.
static constexpr size_t kLargeEntry = 1200, kLargeLoop = 100;

static size_t sizeOf(llvm::ArrayRef<llvm::BasicBlock *> blocks) {
  size_t size = 0;
  for (llvm::BasicBlock *block : blocks)
    size += block->size();
  return size;
}

/// Makes blocks that are entered at the first one a function of their own.
static void takeOut(llvm::Function &function,
                    llvm::ArrayRef<llvm::BasicBlock *> blocks) {
  llvm::DominatorTree tree(function);
  llvm::CodeExtractorAnalysisCache cache(function);
  llvm::CodeExtractor extractor(
      blocks, &tree, /*AggregateArgs=*/false, /*BFI=*/nullptr, /*BPI=*/nullptr,
      /*AC=*/nullptr, /*AllowVarArgs=*/false, /*AllowAlloca=*/false,
      /*AllocationBlock=*/nullptr, /*Suffix=*/"part");
  if (llvm::Function *made = extractor.extractCodeRegion(cache))
    made->addFnAttr(kTakenOut);
}

/// The end of a function that is about half of it, without its return.
static std::vector<llvm::BasicBlock *> secondHalf(llvm::Function &function) {
  llvm::BasicBlock *last = nullptr;
  for (llvm::BasicBlock &block : function)
    if (llvm::isa<llvm::ReturnInst>(block.getTerminator()))
      last = &block;
  if (!last)
    return {};
  last = last->splitBasicBlock(last->getTerminator());
  llvm::DominatorTree tree(function);
  llvm::LoopInfo loops(tree);
  const size_t all = function.getInstructionCount();
  std::vector<llvm::BasicBlock *> best;
  size_t bestFrom = all;
  for (auto *node = tree.getNode(last)->getIDom();
       node && node->getBlock() != &function.getEntryBlock();
       node = node->getIDom()) {
    if (loops.getLoopDepth(node->getBlock()) > 0)
      continue;
    llvm::SmallVector<llvm::BasicBlock *> under;
    tree.getDescendants(node->getBlock(), under);
    llvm::erase(under, last);
    const size_t size = sizeOf(under);
    const size_t from = size > all / 2 ? size - all / 2 : all / 2 - size;
    if (from >= bestFrom)
      continue;
    bestFrom = from;
    best.assign(under.begin(), under.end());
  }
  return best;
}

/// Makes large loops of large entries, and half of what is left, functions of
/// their own, so that several threads can share the making of their code. A
/// loop over time then costs one call more.
static void divideLarge(llvm::Module &module) {
  std::vector<llvm::Function *> large;
  for (llvm::Function &function : module)
    if (!function.isDeclaration() && function.hasExternalLinkage() &&
        function.getInstructionCount() >= kLargeEntry)
      large.push_back(&function);
  for (llvm::Function *function : large) {
    // Sizes are divided by the number of threads in many places. LLVM would ask
    // each time whether 32 bits are enough, and every answer is three blocks.
    llvm::StringRef features =
        function->getFnAttribute("target-features").getValueAsString();
    if (module.getTargetTriple().isX86())
      function->addFnAttr(
          "target-features",
          (features + (features.empty() ? "" : ",") + "-idivq-to-divl").str());
    sinkToUses(*function);
    std::vector<std::vector<llvm::BasicBlock *>> wanted;
    {
      llvm::DominatorTree tree(*function);
      llvm::LoopInfo loops(tree);
      for (llvm::Loop *loop : loops.getTopLevelLoops())
        if (sizeOf(loop->getBlocks()) >= kLargeLoop)
          wanted.emplace_back(loop->block_begin(), loop->block_end());
    }
    for (const std::vector<llvm::BasicBlock *> &blocks : wanted)
      takeOut(*function, blocks);
    if (function->getInstructionCount() < kLargeEntry)
      continue;
    auto half = secondHalf(*function);
    if (!half.empty())
      takeOut(*function, half);
  }
}

namespace {
/// Takes two passes out of LLVM's code generator. Strength reduction of the
/// entries' many small loops is a third of all its time and gains nothing that
/// can be measured: `optimize` does it for the kernels. CPUs with registers
/// renamed do not need a second scheduling either.
class PassGate : public llvm::OptPassGate {
public:
  bool isEnabled() const override { return true; }
  bool shouldRunPass(llvm::StringRef pass, llvm::StringRef) const override {
    return pass != "Loop Strength Reduction" && pass != "post-RA-sched";
  }
};

/// Gives each step of the kernels' loops one addition per address.
struct ReduceKernelLoopsPass : llvm::PassInfoMixin<ReduceKernelLoopsPass> {
  llvm::PreservedAnalyses run(llvm::Loop &loop,
                              llvm::LoopAnalysisManager &loops,
                              llvm::LoopStandardAnalysisResults &results,
                              llvm::LPMUpdater &updater) {
    llvm::Function *function = loop.getHeader()->getParent();
    if ((function->hasDefaultVisibility() && !function->hasLocalLinkage()) ||
        function->hasFnAttribute(kTakenOut))
      return llvm::PreservedAnalyses::all();
    return llvm::LoopStrengthReducePass().run(loop, loops, results, updater);
  }
};

/// An LLVM context that keeps the errors reported to it.
struct Context {
  PassGate gate;
  std::string problems;
  llvm::LLVMContext context;

  Context() {
    context.setOptPassGate(gate);
    context.setDiagnosticHandlerCallBack(
        [](const llvm::DiagnosticInfo *info, void *text) {
          if (info->getSeverity() != llvm::DS_Error)
            return;
          llvm::raw_string_ostream os(*static_cast<std::string *>(text));
          llvm::DiagnosticPrinterRawOStream printer(os);
          info->print(printer);
        },
        &problems);
  }
};
} // namespace

/// Cleans up what the conversion to LLVM left. The loops are in order by now:
/// LLVM's whole pipeline takes ten times as long and the code is no faster.
static void optimize(llvm::Module &module, llvm::TargetMachine &target) {
  llvm::PassBuilder builder(&target);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager calls;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(calls);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, calls, modules);

  llvm::FunctionPassManager passes;
  passes.addPass(llvm::EarlyCSEPass());
  passes.addPass(llvm::InstCombinePass(
      llvm::InstCombineOptions().setVerifyFixpoint(false)));
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(
      llvm::LICMPass(llvm::LICMOptions()), /*UseMemorySSA=*/true));
  passes.addPass(
      llvm::createFunctionToLoopPassAdaptor(ReduceKernelLoopsPass()));
  llvm::ModulePassManager all;
  all.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(passes)));
  all.addPass(llvm::GlobalDCEPass());
  all.run(module, modules);
}

/// Assembly or object code of a module that `optimize` has seen.
static llvm::Expected<std::string> generate(llvm::Module &code,
                                            llvm::TargetMachine &target,
                                            llvm::CodeGenFileType type,
                                            const Context &session) {
  llvm::SmallVector<char, 0> buffer;
  llvm::raw_svector_ostream os(buffer);
  llvm::legacy::PassManager passes;
  if (target.addPassesToEmitFile(passes, os, nullptr, type))
    return llvm::createStringError("this CPU's code cannot be written");
  passes.run(code);
  if (!session.problems.empty())
    return llvm::createStringError("code generation failed: " +
                                   session.problems);
  return std::string(buffer.data(), buffer.size());
}

llvm::Expected<std::string> rnnc::emitCode(mlir::ModuleOp module,
                                           const Machine &machine,
                                           llvm::StringRef prefix,
                                           CodeFormat format) {
  Context session;
  auto translated = translate(module, session.context);
  if (!translated)
    return translated.takeError();
  llvm::Module &code = **translated;
  prepare(code, module, machine, prefix);
  optimize(code, *machine.target);
  if (format == CodeFormat::LLVM) {
    std::string text;
    llvm::raw_string_ostream os(text);
    code.print(os, nullptr);
    return text;
  }
  return generate(code, *machine.target,
                  format == CodeFormat::Assembly
                      ? llvm::CodeGenFileType::AssemblyFile
                      : llvm::CodeGenFileType::ObjectFile,
                  session);
}

namespace {
/// Functions that become one object.
struct Part {
  std::vector<std::string> names;
  size_t instructions = 0;
  /// One private function, which models share.
  bool isKernel = false;
};
} // namespace

/// Smaller private functions are not worth an object of their own.
static constexpr size_t kKernelInstructions = 300;

/// Kernels are parts of their own; the other functions go, the largest first,
/// each to the one of `shares` parts that has the least so far. The largest part
/// comes first, and none is empty.
static std::vector<Part> divide(const Bitcode &code, unsigned shares) {
  std::vector<const Bitcode::Function *> functions;
  std::vector<Part> kernels;
  for (const Bitcode::Function &function : code.functions)
    if (function.isKernel)
      kernels.push_back({{function.name}, function.instructions, true});
    else
      functions.push_back(&function);
  llvm::sort(functions, [](const auto *x, const auto *y) {
    return std::tie(y->instructions, y->name) <
           std::tie(x->instructions, x->name);
  });
  std::vector<Part> result(
      std::min<size_t>(std::max(shares, 1u), functions.size()));
  for (const Bitcode::Function *function : functions) {
    Part &least = *llvm::min_element(result, [](const Part &x, const Part &y) {
      return x.instructions < y.instructions;
    });
    least.instructions += function->instructions;
    least.names.push_back(function->name);
  }
  llvm::append_range(result, kernels);
  llvm::stable_sort(result, [](const Part &x, const Part &y) {
    return x.instructions > y.instructions;
  });
  return result;
}

/// The functions of a part, and of all else no more than they name.
static llvm::Expected<std::unique_ptr<llvm::Module>>
readPart(llvm::StringRef bitcode, const Part &part,
         llvm::LLVMContext &context) {
  auto code = llvm::getLazyBitcodeModule(
      llvm::MemoryBufferRef(bitcode, "rnnc"), context);
  if (!code)
    return code;
  llvm::StringSet<> wanted;
  wanted.insert(part.names.begin(), part.names.end());
  for (llvm::Function &function : **code)
    if (!function.isDeclaration() && !wanted.contains(function.getName()))
      function.deleteBody();
  if (llvm::Error error = (*code)->materializeAll())
    return std::move(error);
  // Names of others, and what is named in another order, would make equal
  // kernels differ.
  std::vector<llvm::Function *> declared;
  for (llvm::Function &function : llvm::make_early_inc_range(**code))
    if (function.isDeclaration()) {
      if (function.use_empty())
        function.eraseFromParent();
      else
        declared.push_back(&function);
    }
  llvm::sort(declared, [](llvm::Function *x, llvm::Function *y) {
    return x->getName() < y->getName();
  });
  for (llvm::Function *function : declared) {
    function->removeFromParent();
    (*code)->getFunctionList().push_back(function);
  }
  for (llvm::GlobalVariable &global :
       llvm::make_early_inc_range((*code)->globals()))
    if (global.hasLocalLinkage() && global.use_empty())
      global.eraseFromParent();
  return code;
}

/// Object code of some functions of a module written as bitcode.
static llvm::Expected<std::string> emitPart(llvm::StringRef bitcode,
                                            const Part &part,
                                            const Machine &machine,
                                            const KeptKernels &kept) {
  Context session;
  auto code = readPart(bitcode, part, session.context);
  if (!code)
    return code.takeError();
  std::string own;
  if (part.isKernel) {
    llvm::raw_string_ostream os(own);
    llvm::WriteBitcodeToFile(**code, os);
    if (auto object = kept.find(own))
      return *object;
  }
  std::unique_ptr<llvm::TargetMachine> target = machine.another();
  optimize(**code, *target);
  auto object =
      generate(**code, *target, llvm::CodeGenFileType::ObjectFile, session);
  if (object && part.isKernel)
    kept.save(own, *object);
  return object;
}

llvm::Expected<Bitcode> rnnc::emitBitcode(mlir::ModuleOp module,
                                          const Machine &machine,
                                          llvm::StringRef prefix) {
  Context session;
  auto translated = translate(module, session.context);
  if (!translated)
    return translated.takeError();
  llvm::Module &code = **translated;
  prepare(code, module, machine, prefix);
  divideLarge(code);
  Bitcode result;
  for (llvm::Function &function : code) {
    // Parts find each other's functions by name. Each has its own constants.
    if (function.hasLocalLinkage()) {
      function.setLinkage(llvm::GlobalValue::ExternalLinkage);
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);
    }
    if (function.isDeclaration())
      continue;
    const size_t size = function.getInstructionCount();
    const bool isKernel = function.hasHiddenVisibility() &&
                          size >= kKernelInstructions &&
                          !function.hasFnAttribute(kTakenOut);
    result.functions.push_back({function.getName().str(), size, isKernel});
  }
  result.isWhole =
      llvm::any_of(code.globals(), [](const llvm::GlobalVariable &value) {
        return !value.isConstant() && !value.isDeclaration();
      });
  llvm::raw_string_ostream os(result.bytes);
  llvm::WriteBitcodeToFile(code, os);
  return result;
}

llvm::Expected<std::vector<std::string>>
rnnc::emitObjects(const Bitcode &bitcode, const Machine &machine,
                  unsigned threads, const KeptKernels &kept) {
  std::vector<Part> parts = divide(bitcode, threads);
  if (bitcode.isWhole) {
    Part all;
    for (const Part &part : parts)
      llvm::append_range(all.names, part.names);
    parts = {all};
  }
  std::vector<std::string> objects(parts.size());
  std::vector<std::string> errors(parts.size());
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t part = next++; part < parts.size(); part = next++) {
      auto object = emitPart(bitcode.bytes, parts[part], machine, kept);
      if (object)
        objects[part] = std::move(*object);
      else
        errors[part] = llvm::toString(object.takeError());
    }
  };
  std::vector<std::thread> workers;
  for (size_t i = 1; i < std::min<size_t>(threads, parts.size()); ++i)
    workers.emplace_back(work);
  work();
  for (std::thread &worker : workers)
    worker.join();
  for (const std::string &error : errors)
    if (!error.empty())
      return llvm::createStringError(error);
  return objects;
}
