//===- Executable.cpp - Machine code of a module --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Object code is made in one go, saved if asked, and linked into the process
// by ORC. All symbols are looked up when the code is loaded: a name that is
// missing is an error there and never at a call.
//
//===----------------------------------------------------------------------===//

#include "compiler/jit/Executable.h"
#include "compiler/jit/LinkedKernels.h"
#include "compiler/jit/ObjectCache.h"
#include "compiler/jit/PerfMap.h"
#include "compiler/target/EmitCode.h"
#include "compiler/target/Machine.h"
#include "rnnrt/team.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Object/ObjectFile.h"
#include <atomic>

using namespace rnnc;
namespace orc = llvm::orc;

/// More threads than this find nothing to do: one function is one thread's.
static constexpr int64_t kMostThreads = 8;

struct Executable::Impl {
  std::string prefix;
  /// What the linker reported beside the error it returned.
  std::string problems;
  std::unique_ptr<orc::LLJIT> jit;
  /// Addresses of the public functions, by symbol.
  llvm::StringMap<orc::ExecutorAddr> symbols;

  orc::ExecutorAddr find(llvm::StringRef entry, llvm::StringRef suffix) const {
    return symbols.lookup((prefix + "_" + entry + suffix).str());
  }
};

Executable::Executable(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
Executable::~Executable() = default;

int64_t rnnc::vectorBits(const TargetOptions &options) {
  auto machine = Machine::find(options.cpu);
  if (machine)
    return machine->vectorBits;
  // The name is refused with a message where code is made for it.
  llvm::consumeError(machine.takeError());
  return 128;
}

bool rnnc::hasPairs(const TargetOptions &options) {
  auto machine = Machine::find(options.cpu);
  if (machine)
    return machine->hasPairs;
  llvm::consumeError(machine.takeError());
  return false;
}

/// The kernels of this program for such a machine; null if there are none.
static const LinkedKernels *findLinked(const Machine &machine) {
  for (const LinkedKernels &set : linkedKernels()) {
    if (set.vectorBits != machine.vectorBits || !machine.runsHere)
      continue;
    auto least = Machine::find(set.cpu);
    if (least && least->runsHere)
      return &set;
    llvm::consumeError(least.takeError());
  }
  return nullptr;
}

bool rnnc::hasLinkedKernels(const TargetOptions &options) {
  auto machine = Machine::find(options.cpu);
  if (machine)
    return findLinked(*machine);
  llvm::consumeError(machine.takeError());
  return false;
}

static llvm::Expected<std::string>
emit(mlir::ModuleOp module, const TargetOptions &options, CodeFormat format) {
  auto machine = Machine::find(options.cpu);
  if (!machine)
    return machine.takeError();
  return emitCode(module, *machine, options.prefix, format);
}

llvm::Expected<std::string> rnnc::emitLLVM(mlir::ModuleOp module,
                                           const TargetOptions &options) {
  return emit(module, options, CodeFormat::LLVM);
}
llvm::Expected<std::string> rnnc::emitAssembly(mlir::ModuleOp module,
                                               const TargetOptions &options) {
  return emit(module, options, CodeFormat::Assembly);
}
llvm::Expected<std::string> rnnc::emitObject(mlir::ModuleOp module,
                                             const TargetOptions &options) {
  return emit(module, options, CodeFormat::Object);
}

/// The names of the functions that an object exports.
static llvm::Expected<std::vector<std::string>>
exportedFunctions(const llvm::MemoryBuffer &object) {
  auto file = llvm::object::ObjectFile::createObjectFile(object);
  if (!file)
    return file.takeError();
  std::vector<std::string> names;
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    auto flags = symbol.getFlags();
    if (!flags)
      return flags.takeError();
    auto type = symbol.getType();
    if (!type)
      return type.takeError();
    if ((*flags & llvm::object::SymbolRef::SF_Undefined) ||
        !(*flags & llvm::object::SymbolRef::SF_Global) ||
        (*flags & llvm::object::SymbolRef::SF_Hidden) ||
        *type != llvm::object::SymbolRef::ST_Function)
      continue;
    auto name = symbol.getName();
    if (!name)
      return name.takeError();
    names.push_back(name->str());
  }
  return names;
}

llvm::Expected<std::unique_ptr<Executable>>
Executable::load(llvm::ArrayRef<std::string> objects,
                 const TargetOptions &options) {
  // Registers the target, which the linker's symbol mangling asks for.
  auto machine = Machine::find(options.cpu);
  if (!machine)
    return machine.takeError();
  auto impl = std::make_unique<Impl>();
  impl->prefix = options.prefix;

  // The code has no initialisers and no thread-local data, so it needs no
  // platform support. Symbols it asks for are those of this process.
  auto jit =
      orc::LLJITBuilder().setPlatformSetUp(orc::setUpInactivePlatform).create();
  if (!jit)
    return jit.takeError();
  impl->jit = std::move(*jit);
  notePerfMap(*impl->jit);
  orc::ExecutionSession &session = impl->jit->getExecutionSession();
  session.setErrorReporter([problems = &impl->problems](llvm::Error error) {
    *problems +=
        (problems->empty() ? "" : "; ") + llvm::toString(std::move(error));
  });
  if (const LinkedKernels *linked = findLinked(*machine)) {
    orc::SymbolMap symbols;
    for (const LinkedKernel &kernel : linked->kernels)
      symbols[impl->jit->mangleAndIntern(kernel.name)] = {
          orc::ExecutorAddr::fromPtr(kernel.address),
          llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable |
              llvm::JITSymbolFlags::Weak};
    if (llvm::Error error = impl->jit->getMainJITDylib().define(
            orc::absoluteSymbols(std::move(symbols))))
      return std::move(error);
  }
  orc::SymbolLookupSet wanted;
  for (const auto &[part, object] : llvm::enumerate(objects)) {
    auto buffer = llvm::MemoryBuffer::getMemBufferCopy(
        object, "rnnc object " + llvm::Twine(part));
    auto names = exportedFunctions(*buffer);
    if (!names)
      return names.takeError();
    for (const std::string &name : *names)
      wanted.add(impl->jit->mangleAndIntern(name));
    if (llvm::Error error = impl->jit->addObjectFile(std::move(buffer)))
      return std::move(error);
  }
  auto found = session.lookup(
      orc::makeJITDylibSearchOrder({&impl->jit->getMainJITDylib()}),
      std::move(wanted));
  if (!found) {
    std::string message = llvm::toString(found.takeError());
    return llvm::createStringError("cannot link the compiled code: " + message +
                                   (impl->problems.empty() ? "" : ": ") +
                                   impl->problems);
  }
  for (auto &[name, symbol] : *found)
    impl->symbols[*name] = symbol.getAddress();
  return std::unique_ptr<Executable>(new Executable(std::move(impl)));
}

llvm::Expected<std::unique_ptr<Executable>>
Executable::create(mlir::ModuleOp module, const TargetOptions &options) {
  auto machine = Machine::find(options.cpu);
  if (!machine)
    return machine.takeError();
  if (!machine->runsHere)
    return llvm::createStringError("code for '" + options.cpu +
                                   "' does not run on this CPU");
  auto bitcode = emitBitcode(module, *machine, options.prefix);
  if (!bitcode)
    return bitcode.takeError();
  ObjectCache cache(options.cacheDir);
  // The code may call kernels that are not in it.
  std::string key = cache.key(bitcode->bytes + linkedKernelsHash());
  if (auto objects = cache.find(key)) {
    auto loaded = load(*objects, options);
    if (loaded)
      return loaded;
    // A saved object that does not load is made again.
    llvm::consumeError(loaded.takeError());
  }
  // Kernels are kept one by one as well: the next model has the same.
  KeptKernels kept;
  std::atomic<bool> hasKept = false;
  kept.find = [&](llvm::StringRef kernel) -> std::optional<std::string> {
    auto parts = cache.find(cache.key(kernel));
    if (!parts || parts->size() != 1)
      return std::nullopt;
    hasKept = true;
    return parts->front();
  };
  kept.save = [&](llvm::StringRef kernel, llvm::StringRef object) {
    cache.save(cache.key(kernel), object.str());
  };
  unsigned threads =
      std::clamp<int64_t>(rnnrt_usable_cores(), 1, kMostThreads);
  auto objects = emitObjects(*bitcode, *machine, threads, kept);
  if (!objects)
    return objects.takeError();
  auto loaded = load(*objects, options);
  if (!loaded && hasKept) {
    // Nor are kernels of some other model worth more than that.
    llvm::consumeError(loaded.takeError());
    kept.find = [](llvm::StringRef) { return std::nullopt; };
    objects = emitObjects(*bitcode, *machine, threads, kept);
    if (!objects)
      return objects.takeError();
    loaded = load(*objects, options);
  }
  if (loaded)
    cache.save(key, *objects);
  return loaded;
}

Executable::Entry Executable::entry(llvm::StringRef name) const {
  orc::ExecutorAddr address = impl->find(name, "");
  return address ? address.toPtr<Entry>() : nullptr;
}

Executable::ArenaBytes Executable::arenaBytes(llvm::StringRef name) const {
  orc::ExecutorAddr address = impl->find(name, "_arena");
  return address ? address.toPtr<ArenaBytes>() : nullptr;
}

Executable::Threads Executable::threads(llvm::StringRef name) const {
  orc::ExecutorAddr address = impl->find(name, "_threads");
  return address ? address.toPtr<Threads>() : nullptr;
}

int64_t Executable::preparedBytes(llvm::StringRef name) const {
  orc::ExecutorAddr address = impl->find(name, "_prepared");
  return address ? address.toPtr<ArenaBytes>()(nullptr) : 0;
}
