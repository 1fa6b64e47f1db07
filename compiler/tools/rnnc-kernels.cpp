//===- rnnc-kernels.cpp - Compiles what every model needs -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs while the compiler is built: rnnc-kernels FOLDER writes kernels.a, the
// products of f32 matrices for each kind of CPU, and kernels.cpp, the table of
// them (see compiler/jit/LinkedKernels.h).
//
//===----------------------------------------------------------------------===//

#include "compiler/pipelines/Stages.h"
#include "compiler/target/EmitCode.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SHA256.h"

using namespace mlir;
using namespace rnnc;

namespace {
/// A kind of CPU: LLVM's name, what symbols begin with, and vectors.
struct Level {
  const char *cpu, *prefix;
  int64_t vectorBits;
};
} // namespace

static constexpr Level kLevels[] = {{"x86-64-v4", "rnnc_v4_", 512},
                                    {"x86-64-v3", "rnnc_v3_", 256}};

/// Compiles the kernels of one level; their names without prefix go to `names`.
static llvm::Expected<std::vector<std::string>>
compile(const Level &level, std::vector<std::string> &names) {
  auto machine = Machine::find(level.cpu);
  if (!machine)
    return machine.takeError();
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  if (failed(writeLinkedKernels(*module, level.vectorBits)))
    return llvm::createStringError("the kernels cannot be written");
  SymbolTable symbols(*module);
  for (Operation &op : llvm::make_early_inc_range(module->getOps())) {
    StringAttr name = SymbolTable::getSymbolName(&op);
    auto function = dyn_cast<FunctionOpInterface>(op);
    if (!function || function.isExternal())
      continue;
    names.push_back(name.str());
    if (failed(symbols.rename(&op, level.prefix + name.str())))
      return llvm::createStringError("a kernel cannot be renamed");
  }
  auto bitcode = emitBitcode(*module, *machine, "rnnc");
  if (!bitcode)
    return bitcode.takeError();
  KeptKernels none;
  none.find = [](llvm::StringRef) { return std::nullopt; };
  none.save = [](llvm::StringRef, llvm::StringRef) {};
  return emitObjects(*bitcode, *machine, /*threads=*/1, none);
}

static llvm::Error write(llvm::StringRef path, llvm::StringRef text) {
  std::error_code problem;
  llvm::raw_fd_ostream os(path, problem);
  if (problem)
    return llvm::errorCodeToError(problem);
  os << text;
  return llvm::Error::success();
}

static llvm::Error run(const std::string &folder) {
  std::vector<std::pair<std::string, std::string>> objects;
  std::string tables, sets;
  llvm::raw_string_ostream table(tables), set(sets);
  llvm::SHA256 sha;
#if defined(__x86_64__)
  for (const Level &level : kLevels) {
    std::vector<std::string> names;
    auto made = compile(level, names);
    if (!made)
      return made.takeError();
    for (const auto &[number, object] : llvm::enumerate(*made)) {
      sha.update(object);
      objects.emplace_back(level.prefix + std::to_string(number) + ".o",
                           object);
    }
    for (const std::string &name : names)
      table << "extern \"C\" void " << level.prefix << name << "();\n";
    table << "static const rnnc::LinkedKernel " << level.prefix
          << "kernels[] = {\n";
    for (const std::string &name : names)
      table << "    {\"" << name << "\", " << level.prefix << name << "},\n";
    table << "};\n";
    set << "    {\"" << level.cpu << "\", " << level.vectorBits << ", "
        << level.prefix << "kernels},\n";
  }
#endif
  std::vector<llvm::NewArchiveMember> members;
  for (const auto &[name, object] : objects)
    members.emplace_back(llvm::MemoryBufferRef(object, name));
  if (llvm::Error error = llvm::writeArchive(
          folder + "/kernels.a", members,
          llvm::SymtabWritingMode::NormalSymtab, llvm::object::Archive::K_GNU,
          /*Deterministic=*/true, /*Thin=*/false))
    return error;
  std::string text =
      "// Written by rnnc-kernels.\n"
      "#include \"compiler/jit/LinkedKernels.h\"\n" +
      tables + "std::span<const rnnc::LinkedKernels> rnnc::linkedKernels() {\n";
  text += sets.empty() ? "  return {};\n"
                       : "  static const LinkedKernels all[] = {\n" + sets +
                             "  };\n  return all;\n";
  text += "}\nconst char *rnnc::linkedKernelsHash() {\n  return \"" +
          llvm::toHex(sha.final(), /*LowerCase=*/true) + "\";\n}\n";
  return write(folder + "/kernels.cpp", text);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    llvm::errs() << "usage: rnnc-kernels FOLDER\n";
    return 2;
  }
  if (llvm::Error error = run(argv[1])) {
    llvm::errs() << "rnnc-kernels: " << llvm::toString(std::move(error)) << '\n';
    return 1;
  }
  return 0;
}
