//===- Stages.cpp - The table of stages -----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What runs in each stage and in which order. Above each group stands what the
// IR looks like afterwards.
//
//===----------------------------------------------------------------------===//

#include "compiler/pipelines/Stages.h"
#include "compiler/codegen/Kernels.h"
#include "compiler/codegen/Passes.h"
#include "compiler/codegen/math/Passes.h"
#include "dialects/grad/Transforms/Passes.h"
#include "dialects/rnn/Transforms/Passes.h"
#include "dialects/step/Transforms/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include <chrono>

using namespace mlir;
using namespace rnnc;

/// Each product has one source, each sum with products is one chain by `into`,
/// parts without state first, and of such chains only what the state reaches
/// and the next state needs is left in the scans. In calls of one step products
/// of the input stay in it.
static void addHoisting(OpPassManager &pm, const PipelineOptions &options) {
  pm.addPass(rnn::createSplitConcatProductsPass());
  pm.addPass(rnn::createChainSumsPass());
  rnn::HoistStatelessPassOptions hoist;
  hoist.invariantOnly = options.singleStep;
  pm.addPass(rnn::createHoistStatelessPass(hoist));
  pm.addPass(rnn::createSinkOutputsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

/// Whether an entry becomes functions over pieces of the sequence.
static bool isSplit(StringRef entry) {
  return entry == "split" || entry == "split_eval";
}

static void buildGrad(OpPassManager &pm, const PipelineOptions &options) {
  // No calls are left, and nothing stands there twice.
  pm.addPass(createInlinerPass());
  pm.addPass(createSymbolDCEPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());

  // Inputs are multiplied once for all steps, and tables instead of their rows.
  // The derivative is taken of that, so that its gradients are sums over all
  // steps, and over rows of a table before they are multiplied.
  addHoisting(pm, options);
  rnn::FoldEmbeddingPassOptions embedding;
  embedding.length = options.length;
  embedding.batch = options.batch;
  pm.addPass(rnn::createFoldEmbeddingPass(embedding));
  pm.addPass(createCSEPass());

  // One function per entry: @loss has become @grad and @train, with
  // grad.gradient where a derivative is wanted; what nobody asked for is gone.
  grad::BuildEntriesPassOptions entries;
  entries.entries.assign(options.entries.begin(), options.entries.end());
  entries.optimizer = options.optimizer;
  entries.momentum = options.momentum;
  entries.weightDecay = options.weightDecay;
  entries.beta1 = options.beta1;
  entries.beta2 = options.beta2;
  entries.epsilon = options.epsilon;
  entries.alpha = options.alpha;
  entries.clipNorm = options.clipNorm;
  entries.gradNorm = options.gradNorm;
  entries.clipValue = options.clipValue;
  entries.inputGradients = options.inputGradients;
  pm.addPass(grad::createBuildEntriesPass(entries));

  // Derivatives are rnn ops and scans like all others.
  pm.addPass(grad::createDifferentiatePass());
  pm.addPass(grad::createEraseStopsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

static void buildTime(OpPassManager &pm, const PipelineOptions &options) {
  // The step that a reverse scan does again has shrunk to what depends on the
  // state; the rest is what the forward scan reads too.
  addHoisting(pm, options);

  // Sums over time that a scan carried are sums over all steps.
  pm.addPass(grad::createSinkAccumulationsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(rnn::createDropDeadPass());
  pm.addPass(createCSEPass());

  // Reverse scans read what the forward scans keep for them and do the rest of
  // the step again.
  grad::PlanSavedPassOptions saved;
  saved.rows = options.batch;
  saved.saveCost = options.saveCost;
  pm.addPass(grad::createPlanSavedPass(saved));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(rnn::createDropDeadPass());

  // Products that share an operand, or are summed, are one. In a call of one step
  // what is summed stays apart: the joined factor would be copied in each call,
  // and threads that share the step would meet once more for it.
  rnn::JoinProductsPassOptions join;
  join.sumsInScans = !options.singleStep;
  pm.addPass(rnn::createJoinProductsPass(join));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(rnn::createDropDeadPass());

  // Products that end a step open the next one, where they are read.
  pm.addPass(rnn::createRotateProductsPass());

  // Sums over time go on from nothing, so that they are the same bits in pieces.
  pm.addPass(grad::createSeparateSumsPass());

  // Operands of matrix products are rounded where they are packed; all else
  // stays f32.
  if (options.bf16)
    pm.addPass(rnn::createNarrowProductsPass());

  // By now it is settled what is computed in each step and what beside it.
  pm.addPass(rnn::createTellLoopsPass());

  // Scans carry how many steps one turn of their loop computes.
  if (options.unroll != 0 && options.unroll != 1) {
    rnn::UnrollTimePassOptions unroll;
    unroll.factor = options.unroll;
    unroll.length = options.length;
    pm.addPass(rnn::createUnrollTimePass(unroll));
  }

  // What is made in pieces, a step of training or an evaluation, is one function
  // per kind of piece, which keeps nothing that only others read.
  if (llvm::any_of(options.entries, isSplit)) {
    pm.addPass(grad::createSplitTimePass());
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
    pm.addPass(rnn::createDropDeadPass());
  }

  // Beside the loops as well, what is cheap to compute again is not kept.
  if (options.saveCost > grad::kSaveCost) {
    grad::RecomputeSequencesPassOptions again;
    again.saveCost = options.saveCost;
    pm.addPass(grad::createRecomputeSequencesPass(again));
  }
}

static void buildStep(OpPassManager &pm, const PipelineOptions &options) {
  // Elementwise work between two products stands in one step.map.
  pm.addNestedPass<func::FuncOp>(step::createFormMapsPass());
  // Maps compute the products that only they read.
  pm.addNestedPass<func::FuncOp>(step::createFormStagesPass());
}

void rnnc::buildLoopsToLLVM(OpPassManager &pm) {
  // No elementary function is left but calls of libm.
  pm.addNestedPass<func::FuncOp>(createExpandMathPass());
  pm.addPass(createConvertMathToCallsPass());

  // Loop-invariant code has left its loop, equal code is computed once.
  pm.addPass(createLoopInvariantCodeMotionPass());
  pm.addPass(createCSEPass());

  // The LLVM dialect only.
  SCFToControlFlowPassOptions branches;
  branches.allowPatternRollback = false;
  pm.addPass(createSCFToControlFlowPass(branches));
  ConvertToLLVMPassOptions rest;
  rest.allowPatternRollback = false;
  pm.addPass(createConvertToLLVMPass(rest));
  pm.addPass(createReconcileUnrealizedCastsPass());
}

ArrayRef<std::string> rnnc::splitEntries() {
  static const std::vector<std::string> names = {"before", "advance", "reverse",
                                                 "last",   "after",   "update"};
  return names;
}

static void buildLLVM(OpPassManager &pm, const PipelineOptions &options) {
  // Loops, vectors and pointers; entries take an rnnrt_call; every buffer has
  // its place in the arena.
  codegen::ConvertStepToLLVMPassOptions code;
  code.vectorBits = options.vectorBits;
  code.hasPairs = options.hasPairs;
  code.linkedKernels = options.linkedKernels;
  code.rows = options.batch;
  code.threads = options.threads;
  code.singleStep = options.singleStep;
  for (const std::string &entry : options.entries)
    if (isSplit(entry))
      llvm::append_range(code.entries, splitEntries());
    else
      code.entries.push_back(entry);
  pm.addPass(codegen::createConvertStepToLLVMPass(code));

  // The LLVM dialect only.
  buildLoopsToLLVM(pm);
}

LogicalResult rnnc::writeLinkedKernels(ModuleOp module, int64_t vectorBits) {
  codegen::Kernels(module, vectorBits, /*hasPairs=*/false).writeAll();
  PassManager pm(module.getContext());
  buildLoopsToLLVM(pm);
  return pm.run(module);
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
