//===- PerfMap.cpp - Names of generated functions for perf ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// perf knows no names of code that was made in memory, unless a file of lines
// `address size name`, in hexadecimal, says them.
//
//===----------------------------------------------------------------------===//

#include "compiler/jit/PerfMap.h"
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

using namespace rnnc;
namespace orc = llvm::orc;
namespace jitlink = llvm::jitlink;

namespace {
class PerfMap : public orc::ObjectLinkingLayer::Plugin {
public:
  explicit PerfMap(std::string path) : path(std::move(path)) {}

  void modifyPassConfig(orc::MaterializationResponsibility &,
                        jitlink::LinkGraph &,
                        jitlink::PassConfiguration &config) override {
    config.PostFixupPasses.push_back([this](jitlink::LinkGraph &graph) {
      note(graph);
      return llvm::Error::success();
    });
  }
  llvm::Error notifyFailed(orc::MaterializationResponsibility &) override {
    return llvm::Error::success();
  }
  llvm::Error notifyRemovingResources(orc::JITDylib &,
                                      orc::ResourceKey) override {
    return llvm::Error::success();
  }
  void notifyTransferringResources(orc::JITDylib &, orc::ResourceKey,
                                   orc::ResourceKey) override {}

private:
  void note(jitlink::LinkGraph &graph) const {
    std::string lines;
    llvm::raw_string_ostream text(lines);
    for (const jitlink::Symbol *symbol : graph.defined_symbols())
      if (symbol->isCallable() && symbol->hasName())
        text << llvm::format_hex_no_prefix(symbol->getAddress().getValue(), 1)
             << ' ' << llvm::format_hex_no_prefix(symbol->getSize(), 1) << ' '
             << *symbol->getName() << '\n';
    std::error_code error;
    llvm::raw_fd_ostream file(path, error, llvm::sys::fs::OF_Append);
    if (!error)
      file << lines;
    file.clear_error();
  }

  std::string path;
};
} // namespace

void rnnc::notePerfMap(orc::LLJIT &jit) {
  auto folder = llvm::sys::Process::GetEnv("RNNC_PERF_MAP");
  if (!folder)
    return;
  std::string path = *folder + "/perf-" +
                     std::to_string(llvm::sys::Process::getProcessId()) +
                     ".map";
  // Every host that rnnc runs on links with JITLink.
  if (auto *layer = llvm::dyn_cast<orc::ObjectLinkingLayer>(
          &jit.getObjLinkingLayer()))
    layer->addPlugin(std::make_shared<PerfMap>(std::move(path)));
}
