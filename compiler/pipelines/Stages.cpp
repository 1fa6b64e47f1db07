//===- Stages.cpp - The table of stages -----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0
//
// What runs in each stage and in which order. Above each group stands what the
// IR looks like afterwards.
//
//===----------------------------------------------------------------------===//

#include "compiler/pipelines/Stages.h"
#include "compiler/codegen/math/Passes.h"
#include "dialects/rnn/Transforms/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include <chrono>

using namespace mlir;
using namespace rnnc;

/// Adds a pass that another library registers, by name.
static void addByName(OpPassManager &pm, StringRef pipeline) {
  StringRef name = pipeline.rsplit('(').second;
  if (name.empty())
    name = pipeline;
  if (PassInfo::lookup(name.take_until([](char c) { return c == '{' || c == ')'; })))
    (void)parsePassPipeline(pipeline, pm, llvm::errs());
}

static void buildGrad(OpPassManager &pm, const PipelineOptions &options) {
  // One function per entry: @loss has become @grad and @train, with
  // grad.gradient where a derivative is wanted; what nobody asked for is gone.
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass());
  addByName(pm, "grad-build-entries");

  // Derivatives are rnn ops and scans like all others.
  addByName(pm, "grad-differentiate");
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass());
}

static void buildTime(OpPassManager &pm, const PipelineOptions &options) {
  // Each product has one source; each sum of products is one chain by `into`,
  // parts without state first.
  pm.addPass(rnn::createSplitConcatProductsPass());
  pm.addPass(rnn::createChainSumsPass());

  // Only what the state reaches is left in the scans. The step that a reverse
  // scan computes again has shrunk to what depends on the state.
  pm.addPass(rnn::createHoistStatelessPass());
  pm.addPass(createCSEPass());

  // Sums over time that a scan carried are products over all steps.
  addByName(pm, "grad-sink-accumulations");

  // Reverse scans read what the forward scan keeps and compute the rest again.
  addByName(pm, "grad-plan-saved");
  pm.addPass(rnn::createDropDeadPass());
  pm.addPass(createCanonicalizerPass());

  // Products that share an operand, or are summed, are one.
  pm.addPass(rnn::createJoinProductsPass());
  pm.addPass(createCSEPass());
  pm.addPass(rnn::createDropDeadPass());
  pm.addPass(createCanonicalizerPass());

  // Scans carry how many steps one turn of their loop computes.
  if (options.unroll != 0 && options.unroll != 1)
    pm.addPass(rnn::createUnrollTimePass(
        rnn::UnrollTimePassOptions{options.unroll, options.length}));
}

static void buildStep(OpPassManager &pm, const PipelineOptions &options) {
  // Elementwise work between two products stands in one step.map.
  addByName(pm, "func.func(step-form-maps)");
}

void rnnc::buildLoopsToLLVM(OpPassManager &pm) {
  // No elementary function is left but calls of libm.
  pm.addNestedPass<func::FuncOp>(createExpandMathPass());
  pm.addPass(createConvertMathToCallsPass());

  // Loop-invariant code has left its loop, equal code is computed once.
  pm.addPass(createLoopInvariantCodeMotionPass());
  pm.addPass(createCSEPass());

  // The LLVM dialect only.
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

static void buildLLVM(OpPassManager &pm, const PipelineOptions &options) {
  // Loops, vectors and pointers; entries take an rnnrt_call; every buffer has
  // its place in the arena.
  addByName(pm, "convert-step-to-llvm{vector-bits=" +
                    std::to_string(options.vectorBits) + "}");

  // The LLVM dialect only.
  buildLoopsToLLVM(pm);
}

ArrayRef<Stage> rnnc::stages() {
  static const Stage table[] = {
      {"ast", "text", "the source as parsed", nullptr},
      {"rnn", "mlir", "the model: scans over time, labelled products", nullptr},
      {"grad", "mlir", "derivatives and optimiser updates as rnn ops",
       buildGrad},
      {"time", "mlir", "work moved out of the loops over time, and joined",
       buildTime},
      {"step", "mlir", "one step as fused kernels", buildStep},
      {"llvm", "llvm", "LLVM IR", buildLLVM},
      {"asm", "asm", "assembly", nullptr},
      {"obj", "object", "position-independent object code", nullptr},
  };
  return table;
}

LogicalResult
rnnc::runStages(ModuleOp module, StringRef last, const PipelineOptions &options,
                std::vector<std::pair<std::string, double>> *timings) {
  if (llvm::none_of(stages(), [&](const Stage &s) { return s.name == last; }))
    return module.emitError("there is no stage '") << last << '\'';
  for (const Stage &stage : stages()) {
    if (stage.build) {
      auto start = std::chrono::steady_clock::now();
      PassManager pm(module.getContext());
      stage.build(pm, options);
      LogicalResult result = pm.run(module);
      if (timings)
        timings->emplace_back(stage.name.str(),
                              std::chrono::duration<double, std::milli>(
                                  std::chrono::steady_clock::now() - start)
                                  .count());
      if (failed(result))
        return failure();
    }
    if (stage.name == last)
      break;
  }
  return success();
}
