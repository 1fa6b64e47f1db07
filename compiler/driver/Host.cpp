//===- Host.cpp - The machine and the version -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Host.h"
#include "compiler/driver/include/rnnc/rnnc.h"
#include "rnnrt/team.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/TargetParser/Host.h"

#include <chrono>
#include <sys/resource.h>

using namespace rnnc;

#ifndef RNNC_VERSION
#define RNNC_VERSION "0.1.0"
#endif
#ifndef RNNC_REVISION
#define RNNC_REVISION "unknown"
#endif
#ifndef RNNC_BUILD_KIND
#define RNNC_BUILD_KIND "release"
#endif

std::string_view rnnc::api::version() { return RNNC_VERSION; }

std::string driver::cpuName() { return llvm::sys::getHostCPUName().str(); }

/// "cascadelake" as people write it.
static std::string prettyCpu(const std::string &name) {
  static const std::pair<const char *, const char *> known[] = {
      {"cascadelake", "Cascade Lake"},
      {"skylake-avx512", "Skylake-X"},
      {"icelake-server", "Ice Lake"},
      {"sapphirerapids", "Sapphire Rapids"},
      {"haswell", "Haswell"},
      {"broadwell", "Broadwell"},
      {"skylake", "Skylake"},
      {"znver2", "Zen 2"},
      {"znver3", "Zen 3"},
      {"znver4", "Zen 4"},
      {"znver5", "Zen 5"}};
  for (auto [key, text] : known)
    if (name == key)
      return text;
  return name;
}

std::string driver::versionText() {
  std::string out = "rnnc " RNNC_VERSION " (" RNNC_REVISION ", " RNNC_BUILD_KIND
                    "), LLVM " LLVM_VERSION_STRING "\n";
  int64_t cores = rnnrt_usable_cores();
  out += "host: " + prettyCpu(cpuName()) + ", " + std::to_string(cores) +
         (cores == 1 ? " core;" : " cores;");
  auto features = llvm::sys::getHostCPUFeatures();
  for (const char *feature : {"fma", "avx2", "avx512f", "avx512bf16"})
    if (features.lookup(feature))
      out += std::string(" ") + feature;
  const char *level =
      features.lookup("avx512f") && features.lookup("avx512bw") ? "x86-64-v4"
      : features.lookup("avx2") && features.lookup("fma")       ? "x86-64-v3"
                                                                : "x86-64-v2";
  return out + "; using " + level + "\n";
}

int64_t driver::peakMemory() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return int64_t(usage.ru_maxrss) * 1024;
}

std::string driver::cacheFolder() {
  if (const char *folder = std::getenv("RNNC_CACHE_DIR"))
    return folder;
  if (const char *folder = std::getenv("XDG_CACHE_HOME"); folder && *folder)
    return std::string(folder) + "/rnnc";
  if (const char *home = std::getenv("HOME"); home && *home)
    return std::string(home) + "/.cache/rnnc";
  return "";
}

double driver::steadySeconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
