//===- EmitCode.cpp - From the LLVM dialect to code -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Our passes have vectorised, fused and hoisted already. LLVM cleans up and
// selects instructions; it may not vectorise, unroll or reassociate, because
// then the same program would give other bits on another CPU.
//
//===----------------------------------------------------------------------===//

#include "compiler/target/EmitCode.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/IPO/GlobalDCE.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"

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
  llvm::ModulePassManager all;
  all.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(passes)));
  all.addPass(llvm::GlobalDCEPass());
  all.run(module, modules);
}

llvm::Expected<std::string> rnnc::emitCode(mlir::ModuleOp module,
                                           const Machine &machine,
                                           llvm::StringRef prefix,
                                           CodeFormat format) {
  llvm::LLVMContext context;
  std::string problems;
  context.setDiagnosticHandlerCallBack(
      [](const llvm::DiagnosticInfo *info, void *text) {
        if (info->getSeverity() != llvm::DS_Error)
          return;
        llvm::raw_string_ostream os(*static_cast<std::string *>(text));
        llvm::DiagnosticPrinterRawOStream printer(os);
        info->print(printer);
      },
      &problems);
  auto translated = translate(module, context);
  if (!translated)
    return translated.takeError();
  llvm::Module &code = **translated;
  prepare(code, module, machine, prefix);
  optimize(code, *machine.target);

  std::string text;
  if (format == CodeFormat::LLVM) {
    llvm::raw_string_ostream os(text);
    code.print(os, nullptr);
    return text;
  }
  llvm::SmallVector<char, 0> buffer;
  llvm::raw_svector_ostream os(buffer);
  llvm::legacy::PassManager passes;
  auto type = format == CodeFormat::Assembly
                  ? llvm::CodeGenFileType::AssemblyFile
                  : llvm::CodeGenFileType::ObjectFile;
  if (machine.target->addPassesToEmitFile(passes, os, nullptr, type))
    return llvm::createStringError("this CPU's code cannot be written");
  passes.run(code);
  if (!problems.empty())
    return llvm::createStringError("code generation failed: " + problems);
  return std::string(buffer.data(), buffer.size());
}
