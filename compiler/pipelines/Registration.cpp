//===- Registration.cpp - Dialects, passes and pipelines by name ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a context must know to run the stages, and what rnn-opt offers.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Passes.h"
#include "compiler/codegen/math/Passes.h"
#include "compiler/pipelines/Stages.h"
#include "dialects/grad/IR/GradDialect.h"
#include "dialects/grad/Rules/Rules.h"
#include "dialects/grad/Transforms/Passes.h"
#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/Transforms/Passes.h"
#include "dialects/step/Transforms/Passes.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/Extensions/InlinerExtension.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Index/IR/IndexDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace rnnc;

void rnnc::registerDialects(DialectRegistry &registry) {
  registry.insert<rnn::RNNDialect, grad::GradDialect, step::StepDialect,
                  arith::ArithDialect, cf::ControlFlowDialect,
                  func::FuncDialect, index::IndexDialect, LLVM::LLVMDialect,
                  math::MathDialect, scf::SCFDialect, tensor::TensorDialect,
                  ub::UBDialect, vector::VectorDialect>();
  grad::registerAdjointRules(registry);
  func::registerInlinerExtension(registry);
  arith::registerConvertArithToLLVMInterface(registry);
  cf::registerConvertControlFlowToLLVMInterface(registry);
  registerConvertFuncToLLVMInterface(registry);
  index::registerConvertIndexToLLVMInterface(registry);
  registerConvertMathToLLVMInterface(registry);
  ub::registerConvertUBToLLVMInterface(registry);
  vector::registerConvertVectorToLLVMInterface(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

namespace {
/// PipelineOptions as text: --rnnc-time="unroll=4 length=64".
struct TextOptions : PassPipelineOptions<TextOptions> {
  ListOption<std::string> entries{*this, "entries",
                                  llvm::cl::desc("Functions to keep")};
  Option<std::string> optimizer{*this, "optimizer",
                                llvm::cl::desc("sgd, rmsprop, adam or adamw"),
                                llvm::cl::init(defaults().optimizer)};
  Option<double> momentum{*this, "momentum", llvm::cl::desc("Momentum"),
                          llvm::cl::init(defaults().momentum)};
  Option<double> weightDecay{*this, "weight-decay",
                             llvm::cl::desc("Weight decay"),
                             llvm::cl::init(defaults().weightDecay)};
  Option<double> beta1{*this, "beta1", llvm::cl::desc("Adam's first decay"),
                       llvm::cl::init(defaults().beta1)};
  Option<double> beta2{*this, "beta2", llvm::cl::desc("Adam's second decay"),
                       llvm::cl::init(defaults().beta2)};
  Option<double> epsilon{*this, "epsilon",
                         llvm::cl::desc("Added to the denominator"),
                         llvm::cl::init(defaults().epsilon)};
  Option<double> alpha{*this, "alpha", llvm::cl::desc("RMSprop's decay"),
                       llvm::cl::init(defaults().alpha)};
  Option<double> clipNorm{*this, "clip-norm",
                          llvm::cl::desc("Largest norm of the gradient"),
                          llvm::cl::init(defaults().clipNorm)};
  Option<double> clipValue{*this, "clip-value",
                           llvm::cl::desc("Largest entry of the gradient"),
                           llvm::cl::init(defaults().clipValue)};
  Option<bool> gradNorm{*this, "grad-norm",
                        llvm::cl::desc("The norm as a result of @train"),
                        llvm::cl::init(defaults().gradNorm)};
  Option<bool> inputGradients{*this, "input-gradients",
                              llvm::cl::desc("Gradients of inputs and states"),
                              llvm::cl::init(defaults().inputGradients)};
  Option<int64_t> unroll{*this, "unroll",
                         llvm::cl::desc("Steps per turn of a loop; -1: all"),
                         llvm::cl::init(defaults().unroll)};
  Option<int64_t> length{*this, "length", llvm::cl::desc("Usual steps"),
                         llvm::cl::init(defaults().length)};
  Option<int64_t> batch{*this, "batch", llvm::cl::desc("Usual rows"),
                        llvm::cl::init(defaults().batch)};
  Option<int64_t> vectorBits{*this, "vector-bits",
                             llvm::cl::desc("Bits of a vector register"),
                             llvm::cl::init(defaults().vectorBits)};
  Option<bool> bf16{*this, "bf16",
                    llvm::cl::desc("Multiply matrices as bf16 numbers"),
                    llvm::cl::init(defaults().bf16)};
  Option<bool> hasPairs{
      *this, "has-pairs",
      llvm::cl::desc("The CPU multiplies pairs of bf16 numbers"),
      llvm::cl::init(defaults().hasPairs)};

  static const PipelineOptions &defaults() {
    static const PipelineOptions options;
    return options;
  }

  PipelineOptions get() const {
    PipelineOptions options;
    options.entries.assign(entries.begin(), entries.end());
    options.optimizer = optimizer;
    options.momentum = momentum;
    options.weightDecay = weightDecay;
    options.beta1 = beta1;
    options.beta2 = beta2;
    options.epsilon = epsilon;
    options.alpha = alpha;
    options.clipNorm = clipNorm;
    options.clipValue = clipValue;
    options.gradNorm = gradNorm;
    options.inputGradients = inputGradients;
    options.unroll = unroll;
    options.length = length;
    options.batch = batch;
    options.vectorBits = vectorBits;
    options.bf16 = bf16;
    options.hasPairs = hasPairs;
    return options;
  }
};
} // namespace

void rnnc::registerPasses() {
  registerTransformsPasses();
  registerSCFToControlFlowPass();
  registerConvertToLLVMPass();
  registerReconcileUnrealizedCastsPass();
  rnn::registerRNNPasses();
  grad::registerGradPasses();
  registerMathPasses();
  step::registerRnncStepPasses();
  codegen::registerRnncCodegenPasses();
  for (const Stage &stage : stages())
    if (stage.build)
      PassPipelineRegistration<TextOptions>(
          ("rnnc-" + stage.name).str(), stage.summary,
          [build = stage.build](OpPassManager &pm, const TextOptions &options) {
            build(pm, options.get());
          });
}
