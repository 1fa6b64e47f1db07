//===- Machine.cpp - The CPU that code is made for ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM is asked for the host's triple only: other CPUs of the same
// architecture are targets, other architectures are not.
//
//===----------------------------------------------------------------------===//

#include "compiler/target/Machine.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

using namespace rnnc;

/// Registers the host's architecture and looks at the CPU, once for the process:
/// that takes as long as a pass.
static llvm::Expected<llvm::orc::JITTargetMachineBuilder> detectHost() {
  static const auto host =
      []() -> std::optional<llvm::orc::JITTargetMachineBuilder> {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    auto found = llvm::orc::JITTargetMachineBuilder::detectHost();
    if (found)
      return *found;
    llvm::consumeError(found.takeError());
    return std::nullopt;
  }();
  if (host)
    return *host;
  return llvm::orc::JITTargetMachineBuilder::detectHost();
}

static int64_t widestVectors(const llvm::MCSubtargetInfo &info) {
  if (!info.getTargetTriple().isX86())
    return 128;
  if (info.checkFeatures("+avx512f,+avx512vl,+avx512bw,+avx512dq"))
    return 512;
  return info.checkFeatures("+avx2,+fma") ? 256 : 128;
}

/// Whether the host has every feature that changes which instructions are
/// legal. Features that only tune are no reason to refuse.
static bool hostRuns(const llvm::MCSubtargetInfo &info) {
  static const llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  for (const auto &feature : info.getEnabledProcessorFeatures()) {
    auto found = host.find(feature.Key);
    if (found != host.end() && !found->second)
      return false;
  }
  return true;
}

llvm::Expected<Machine> Machine::find(llvm::StringRef cpu) {
  auto builder = detectHost();
  if (!builder)
    return builder.takeError();
  llvm::Triple triple = builder->getTargetTriple();
  std::string problem;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, problem);
  if (!target)
    return llvm::createStringError(problem);

  bool native = cpu == "native";
  if (!native) {
    // LLVM falls back to a plain CPU with a line on standard error, or stops
    // the process, where a name is unknown or is a 32-bit CPU: ask first.
    std::unique_ptr<llvm::MCSubtargetInfo> plain(
        target->createMCSubtargetInfo(triple, "", ""));
    auto unknown = [&](llvm::StringRef why) {
      return llvm::createStringError(
          "'" + cpu + "' is " + why + "; found " + triple.getArchName() +
          ", expected \"native\" or a name such as \"x86-64-v3\"");
    };
    if (cpu.empty() || !plain || !plain->isCPUStringValid(cpu))
      return unknown("not a CPU known to the compiler");
    std::unique_ptr<llvm::MCSubtargetInfo> info(
        target->createMCSubtargetInfo(triple, cpu, ""));
    if (triple.isX86() && !info->checkFeatures("+64bit"))
      return unknown("a CPU without 64-bit mode");
    builder->setCPU(cpu.str());
    builder->getFeatures() = llvm::SubtargetFeatures();
  }
  builder->setRelocationModel(llvm::Reloc::PIC_);
  builder->setCodeModel(llvm::CodeModel::Small);
  builder->setCodeGenOptLevel(llvm::CodeGenOptLevel::Default);
  builder->getOptions().EmulatedTLS = false;

  Machine machine;
  auto made = builder->createTargetMachine();
  if (!made)
    return made.takeError();
  machine.target = std::move(*made);
  machine.cpu = machine.target->getTargetCPU().str();
  machine.features = machine.target->getTargetFeatureString().str();
  const llvm::MCSubtargetInfo &info = *machine.target->getMCSubtargetInfo();
  machine.vectorBits = widestVectors(info);
  machine.hasPairs =
      machine.vectorBits == 512 && info.checkFeatures("+avx512bf16");
  machine.runsHere = native || hostRuns(info);
  return machine;
}

std::unique_ptr<llvm::TargetMachine> Machine::another() const {
  return std::unique_ptr<llvm::TargetMachine>(
      target->getTarget().createTargetMachine(
          target->getTargetTriple(), cpu, features, target->Options,
          target->getRelocationModel(), target->getCodeModel(),
          target->getOptLevel()));
}
