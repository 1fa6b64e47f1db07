//===- ConvertStepToLLVM.cpp - Functions on tensors to code ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "compiler/codegen/Passes.h"

#define DEBUG_TYPE "convert-step-to-llvm"

namespace rnnc::codegen {
#define GEN_PASS_DEF_CONVERTSTEPTOLLVMPASS
#include "compiler/codegen/Passes.h.inc"
} // namespace rnnc::codegen

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

namespace {
struct ConvertStepToLLVM
    : codegen::impl::ConvertStepToLLVMPassBase<ConvertStepToLLVM> {
  using ConvertStepToLLVMPassBase::ConvertStepToLLVMPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    Kernels kernels(module, vectorBits, hasPairs, linkedKernels);
    for (auto function :
         llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
      if (function.isExternal() || isCode(function))
        continue;
      bool wanted = entries.empty() ||
                    llvm::is_contained(entries, function.getName().str());
      // Initial values are made by the interpreter.
      if (!wanted || function.getName() == "init") {
        function.erase();
        continue;
      }
      Calls calls{rows, threads, singleStep};
      if (failed(Emitter(function, vectorBits, kernels, calls).run()))
        return signalPassFailure();
      std::string name = function.getName().str();
      function.erase();
      auto code = module.lookupSymbol<func::FuncOp>(name + ".code");
      code.setName(name);
    }
  }

  /// Whether the function is already in its final form: no tensors.
  static bool isCode(func::FuncOp function) {
    auto isTensor = [](Type type) { return isa<TensorType>(type); };
    return llvm::none_of(function.getArgumentTypes(), isTensor) &&
           llvm::none_of(function.getResultTypes(), isTensor);
  }
};
} // namespace
