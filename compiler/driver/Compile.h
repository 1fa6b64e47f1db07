//===- Compile.h - From text to callable code -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Spec is a text with its imports; analyse it as often as needed. Code is the
// module made from a model, taken through the stages, and its machine code.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_COMPILE_H
#define RNNC_COMPILER_DRIVER_COMPILE_H

#include "compiler/driver/Settings.h"
#include "compiler/jit/Executable.h"
#include "compiler/pipelines/Stages.h"
#include "frontends/rnn/HIR.h"
#include "frontends/rnn/Loader.h"
#include "runtime/Tensor.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <set>

namespace rnnc::driver {

/// How messages about texts are made.
struct MessageOptions {
  unsigned maxErrors = 20;
  bool denyWarnings = false, color = false;
  std::vector<std::string> allowed;
  static MessageOptions of(const Console &console);
};

/// Everything an engine has to show, as our messages.
std::vector<Message> collect(const DiagnosticEngine &engine, bool color);
/// All messages as an Error.
Error errorOf(std::vector<Message> messages);

/// What sema is asked.
struct AnalyzeOptions {
  std::map<std::string, double> sizes;
  bool stream = false, needSizes = false, needLoss = false, checkAll = true;
  /// As in SemaOptions.
  std::string streamed = {};
};

/// A text with everything it can refer to. Messages (warnings too) are added to
/// the list given; an Error has the errors among them.
class Spec {
public:
  static Result<std::shared_ptr<Spec>> load(const std::string &path,
                                            const Settings &settings,
                                            const MessageOptions &messages,
                                            std::vector<Message> &warnings);
  static Result<std::shared_ptr<Spec>>
  loadText(const std::string &name, std::string text, const Settings &settings,
           const MessageOptions &messages, std::vector<Message> &warnings);

  /// The model as a graph; null if the text has none.
  Result<std::unique_ptr<hir::Model>>
  analyze(const Settings &settings, const AnalyzeOptions &options,
          std::vector<Message> &warnings) const;

  /// The name of the file without folder and ending.
  std::string stem() const;
  const Program &program() const { return *parsed; }
  const SourceManager &sources() const { return *manager; }
  const MessageOptions &messages() const { return wanted; }

private:
  static Result<std::shared_ptr<Spec>> finish(std::shared_ptr<Spec> spec,
                                              DiagnosticEngine &engine,
                                              std::vector<Message> &warnings);
  std::unique_ptr<SourceManager> manager = std::make_unique<SourceManager>();
  std::unique_ptr<Program> parsed;
  MessageOptions wanted;
  std::string path;
};

/// How code is made from a model.
struct CodeOptions {
  bool stream = false, f64 = false, remarks = false;
  /// The loss that is differentiated is that of evaluation, without draws.
  bool evaluationLoss = false;
  std::set<std::string> ragged;
  PipelineOptions pipeline;
  TargetOptions target;

  /// From settings; entries and stream are the caller's.
  static Result<CodeOptions> of(const Settings &settings);
};

/// A module and its machine code. The interpreter's module is as made by the
/// front end.
class Code {
public:
  /// Generates the module; no stage has run.
  static Result<std::shared_ptr<Code>> generate(const Spec &spec,
                                                const hir::Model &model,
                                                const CodeOptions &options);
  ~Code();

  /// Runs the stages up to one of them, from the one that ran last.
  Result<void> runTo(const std::string &stage);
  /// The text of a stage of format mlir; of llvm, asm, object.
  std::string moduleText();
  Result<std::string> emit(const std::string &format);
  /// Runs all stages and loads the code.
  Result<void> load();

  /// Initial values of all parameters, as the seed draws them.
  Result<std::vector<rt::NamedTensor>> initial(int64_t seed);
  /// Signatures, after `load` or `runTo` of grad or later.
  const EntryInfo *info(const std::string &entry) const;
  const std::vector<EntryInfo> &entries() const { return described; }
  Executable::Entry entry(const std::string &name) const;
  Executable::ArenaBytes arena(const std::string &name) const;
  Executable::Threads threads(const std::string &name) const;
  /// Bytes of what the entry makes of the parameters alone, for its caller to
  /// keep.
  int64_t preparedBytes(const std::string &name) const;
  /// Whether each call makes one step of every axis but the batch.
  bool isSingleStep() const { return options.pipeline.singleStep; }

  /// Why a step of training or an evaluation is one piece of the sequence (see
  /// grad-split-time), and the place in the text; empty if it is cut.
  const std::string &wholeReason() const { return whole; }
  const Message::Note &wholePlace() const { return wholeAt; }
  /// The module after stage `time`, if it trains or is cut. Only for counting: ops may be
  /// added to it.
  mlir::ModuleOp plannedModule() const { return planned.get(); }

  /// The module as generated, for the interpreter.
  mlir::ModuleOp source() { return *original; }
  /// The module after the stages that have run.
  mlir::ModuleOp module() { return *working; }

  /// Milliseconds by stage, and in all.
  const std::vector<std::pair<std::string, double>> &timings() const {
    return times;
  }
  double milliseconds() const;
  /// Remarks and warnings of the passes.
  const std::vector<Message> &remarks() const { return said; }

private:
  Code() = default;
  template <class Function> Result<void> collecting(Function &&function);
  void notePieces();

  const Spec *spec = nullptr;
  CodeOptions options;
  std::unique_ptr<mlir::MLIRContext> context;
  mutable mlir::OwningOpRef<mlir::ModuleOp> original, working, planned;
  /// The last stage that ran; empty: none.
  std::string reached;
  std::string whole;
  Message::Note wholeAt;
  std::vector<EntryInfo> described;
  std::unique_ptr<Executable> executable;
  std::vector<std::pair<std::string, double>> times;
  std::vector<Message> said;
};

/// Initial values of the parameters of a model, as Code::initial gives them.
/// Makes a module of its own, so that one thread may do this while another
/// makes the code. Neither the text nor the model is changed.
Result<std::vector<rt::NamedTensor>> initialValues(const Spec &spec,
                                                   const hir::Model &model,
                                                   const CodeOptions &options,
                                                   int64_t seed);

} // namespace rnnc::driver

#endif
