//===- Executable.h - Machine code of a module ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Takes a module after stage `llvm`, gives object code and, through ORC,
// callable entries. Saved objects are found again by the module's text,
// compiler version and CPU.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_JIT_EXECUTABLE_H
#define RNNC_COMPILER_JIT_EXECUTABLE_H

#include "mlir/IR/BuiltinOps.h"
#include "rnnrt/call.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <vector>

namespace rnnc {

struct TargetOptions {
  /// Name of a CPU for LLVM, such as "x86-64-v3"; "native" is this one.
  std::string cpu = "native";
  /// Prepended to the entries' names: "M" gives symbol "M_train".
  std::string prefix = "rnnc";
  /// Folder of saved objects; empty: none are kept.
  std::string cacheDir;
};

/// Bits of the widest vector registers that code for this CPU should use
/// (512, 256 or 128).
int64_t vectorBits(const TargetOptions &options);
/// Whether this CPU multiplies pairs of bf16 numbers.
bool hasPairs(const TargetOptions &options);

/// Whether code for this CPU, loaded into this process, finds the kernels that
/// `PipelineOptions::linkedKernels` leaves out.
bool hasLinkedKernels(const TargetOptions &options);

/// LLVM IR, assembly or object code of a module after stage `llvm`.
llvm::Expected<std::string> emitLLVM(mlir::ModuleOp module,
                                     const TargetOptions &);
llvm::Expected<std::string> emitAssembly(mlir::ModuleOp module,
                                         const TargetOptions &);
llvm::Expected<std::string> emitObject(mlir::ModuleOp module,
                                       const TargetOptions &);

/// One argument or result of a compiled entry, read from its rnn.arg.
struct ArgInfo {
  /// A word of rnn's ArgKind ("param", "state", ...).
  std::string kind;
  std::string name;
  /// "f32", "f64", "i32", "i1" (a byte each), "index" or "i64".
  std::string type;
  /// Sizes; -1 where the extent is the axis named by `axes` in order.
  std::vector<int64_t> shape;
  std::vector<std::string> axes;
};

/// Signature of one entry. `arguments` has the extents (kind axis) and the key
/// too; the pointers of a call are those of all others, in order.
struct EntryInfo {
  std::string name;
  std::vector<ArgInfo> arguments, results;
};

/// Reads the signatures of all public functions of a module at stage `rnn`,
/// `grad` or `time`.
std::vector<EntryInfo> describeEntries(mlir::ModuleOp module);

/// Loaded code. Owns it; entries stay callable while it lives. Calls are safe
/// from any thread.
class Executable {
public:
  using Entry = void (*)(const rnnrt_call *, int64_t thread);
  using ArenaBytes = int64_t (*)(const int64_t *extents);
  using Threads = int64_t (*)(const int64_t *extents, int64_t most);

  /// Compiles a module after stage `llvm`, or loads its saved object.
  static llvm::Expected<std::unique_ptr<Executable>>
  create(mlir::ModuleOp module, const TargetOptions &options);
  /// Loads object code that emitObject made, or all parts of it.
  static llvm::Expected<std::unique_ptr<Executable>>
  load(llvm::ArrayRef<std::string> objects, const TargetOptions &options);
  ~Executable();

  /// Null if the module had no such entry.
  Entry entry(llvm::StringRef name) const;
  ArenaBytes arenaBytes(llvm::StringRef name) const;
  /// The threads of so many that a call is worth; null if the module had no
  /// such entry.
  Threads threads(llvm::StringRef name) const;
  /// Bytes of `rnnrt_call::prepared`; 0 if the module had no such entry.
  int64_t preparedBytes(llvm::StringRef name) const;

private:
  struct Impl;
  explicit Executable(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace rnnc

#endif
