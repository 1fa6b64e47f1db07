//===- Stages.h - The table of stages ---------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the rnn dialect to machine code, stage by stage. `rnnc compile
// --emit=STAGE` and `rnn-opt --rnnc-STAGE` read this one table.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_PIPELINES_STAGES_H
#define RNNC_COMPILER_PIPELINES_STAGES_H

#include "dialects/grad/Transforms/ComputeCost.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace rnnc {

/// What the pipelines may choose. Everything else is in the module.
struct PipelineOptions {
  /// Functions to keep, of "forward", "eval", "grad", "train", "init". Empty:
  /// all. "grad" and "train" are derived from "loss". With "split", a step of
  /// training as the functions of `splitEntries`; with "split_eval" alone,
  /// "eval" as those.
  std::vector<std::string> entries;
  /// "sgd", "rmsprop", "adam" or "adamw", with its constants. The learning
  /// rate is an argument of the compiled step (kind hyper, name "lr"); Adam's
  /// are "bias1" = 1/(1-b1^t) and "bias2" = 1/(1-b2^t) beside it.
  std::string optimizer = "adam";
  double momentum = 0, weightDecay = 0;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, alpha = 0.99;
  /// Largest global norm and largest entry of the gradient; 0 is off.
  double clipNorm = 0, clipValue = 0;
  /// The global norm as a result of "train". Without it only clipping asks for
  /// the norm.
  bool gradNorm = true;
  /// Gradients of real inputs and states as well as of parameters.
  bool inputGradients = false;
  /// 0: a loop. N > 1: N steps per turn. -1: no loop, `length` steps.
  int64_t unroll = 0;
  /// Planning hints: how many steps and rows are usual.
  int64_t length = 64, batch = 32;
  /// Threads that are usual. Any number may run the code.
  int64_t threads = 1;
  /// Every axis but the batch has one step in each call: no loops over time.
  bool singleStep = false;
  /// Products of f32 matrices as of bf16 numbers, with sums in f32.
  bool bf16 = false;
  /// What an entry kept for the pass back costs, where an addition is 1: with
  /// more than usual, values are computed again rather than kept.
  int64_t saveCost = grad::kSaveCost;
  /// Bits of a vector register: 128, 256 or 512.
  int64_t vectorBits = 512;
  /// The CPU multiplies pairs of bf16 numbers.
  bool hasPairs = false;
  /// Products of f32 matrices are only declared: what loads the code has them.
  bool linkedKernels = false;
};

/// Writes the kernels that `linkedKernels` leaves out, in the LLVM dialect.
llvm::LogicalResult writeLinkedKernels(mlir::ModuleOp module,
                                       int64_t vectorBits);


/// What "split" or "split_eval" among the entries becomes: functions over pieces
/// of a sequence (see grad-split-time), and the update. Some may be missing.
llvm::ArrayRef<std::string> splitEntries();

/// One stage: takes the module as the stage before left it.
struct Stage {
  /// The word of --emit= and of --rnnc-NAME.
  llvm::StringRef name;
  /// "text", "mlir", "llvm", "asm" or "object".
  llvm::StringRef format;
  llvm::StringRef summary;
  /// Adds the passes of this stage; null where no pass manager runs it (ast,
  /// rnn, asm, obj).
  void (*build)(mlir::OpPassManager &, const PipelineOptions &);
};

/// The second half of stage llvm: loops, vectors, elementary functions and
/// pointers become the LLVM dialect.
void buildLoopsToLLVM(mlir::OpPassManager &pm);

/// All stages in order: ast rnn grad time step llvm asm obj.
llvm::ArrayRef<Stage> stages();

/// Runs the pass stages after `rnn` up to and including `last`. Diagnostics
/// go to the context's handler. `timings`, if given, receives (stage, ms).
llvm::LogicalResult
runStages(mlir::ModuleOp module, llvm::StringRef last,
          const PipelineOptions &options,
          std::vector<std::pair<std::string, double>> *timings = nullptr);

/// Dialects, interfaces and extensions that the stages need.
void registerDialects(mlir::DialectRegistry &registry);
/// Registers every pass, and one pipeline --rnnc-STAGE per stage.
void registerPasses();

} // namespace rnnc

#endif
