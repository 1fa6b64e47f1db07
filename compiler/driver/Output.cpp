//===- Output.cpp - Results to files and standard output ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Output.h"
#include "compiler/driver/Host.h"
#include "runtime/AtomicFile.h"
#include "runtime/Axes.h"

#include <cstdio>

using namespace rnnc;
using namespace rnnc::driver;

Result<void> driver::writeOutput(const std::string &path, std::string_view text,
                                 Console &console) {
  if (path == "-") {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
        std::fflush(stdout) == 0)
      return {};
    return makeError("bad-file",
                     "cannot write to <stdout>: " + rt::systemMessage(errno));
  }
  if (auto written = rt::writeFile(path, text); !written)
    return fromRuntime(written.error());
  return {};
}

static int64_t bytesOf(const ArgInfo &arg,
                       const std::map<std::string, int64_t> &extents,
                       int64_t length) {
  int64_t bytes = arg.type == "f64" || arg.type == "i64" ? 8
                  : arg.type == "i1"                     ? 1
                                                         : 4;
  size_t axis = 0;
  for (int64_t size : arg.shape) {
    if (size < 0) {
      std::string name = axis < arg.axes.size() ? arg.axes[axis] : "";
      size = rt::extentOf(name, extents, length);
      ++axis;
    }
    bytes *= size;
  }
  return bytes;
}

Memory driver::memoryOf(const Code &code, const std::string &entry,
                        const std::map<std::string, int64_t> &extents,
                        int64_t length) {
  Memory memory;
  const EntryInfo *info = code.info(entry);
  if (!info)
    return memory;
  std::vector<int64_t> values;
  for (const ArgInfo &arg : info->arguments) {
    if (arg.kind == "axis") {
      values.push_back(rt::extentOf(arg.name, extents, length));
    } else if (arg.kind == "param") {
      memory.parameters += bytesOf(arg, extents, length);
    } else if (arg.kind == "slot") {
      memory.optimizer += bytesOf(arg, extents, length);
    } else if (arg.kind == "state") {
      memory.state += bytesOf(arg, extents, length);
    }
  }
  for (const ArgInfo &result : info->results)
    if (result.kind == "state")
      memory.state += bytesOf(result, extents, length);
  if (auto arena = code.arena(entry))
    memory.arena = arena(values.data());
  return memory;
}

Json driver::memoryJson(const Memory &memory,
                        std::optional<int64_t> measured) {
  Json result = {{"parameters_bytes", memory.parameters},
                 {"optimizer_bytes", memory.optimizer},
                 {"saved_bytes", nullptr},
                 {"arena_bytes", memory.arena},
                 {"predicted_peak_bytes", memory.peak()},
                 {"extra_work", memory.extraWork},
                 {"measured_peak_bytes", nullptr},
                 {"pieces", memory.pieces},
                 {"recomputes", memory.recomputes}};
  if (memory.saved >= 0)
    result["saved_bytes"] = memory.saved;
  if (measured)
    result["measured_peak_bytes"] = *measured;
  return result;
}

/// "f32 [n, d] 'cell.Wi'" for a comment.
static std::string described(const ArgInfo &arg) {
  std::string text = arg.kind + " '" + arg.name + "': " + arg.type;
  if (arg.shape.empty())
    return text;
  text += " [";
  size_t axis = 0;
  for (size_t i = 0; i < arg.shape.size(); ++i) {
    text += i ? ", " : "";
    if (arg.shape[i] >= 0)
      text += std::to_string(arg.shape[i]);
    else
      text += axis < arg.axes.size() ? arg.axes[axis++] : "?";
  }
  return text + "]";
}

std::string driver::objectHeader(const Code &code, const std::string &prefix) {
  std::string guard = "RNNC_" + prefix + "_H";
  std::string out = "/* Made by rnnc " + std::string(api::version()) +
                    ". How the functions beside this header are called. */\n"
                    "#ifndef " +
                    guard + "\n#define " + guard +
                    "\n\n#include \"rnnrt/call.h\"\n\n"
                    "#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
  for (const EntryInfo &entry : code.entries()) {
    std::string name = prefix + "_" + entry.name;
    std::string extents, args, results;
    int extent = 0, arg = 0, result = 0;
    for (const ArgInfo &info : entry.arguments) {
      if (info.kind == "axis")
        extents +=
            "   extents[" + std::to_string(extent++) + "]: " + info.name + "\n";
      else if (info.kind == "key")
        extents += "   key: of the random draws\n";
      else
        args +=
            "   args[" + std::to_string(arg++) + "]: " + described(info) + "\n";
    }
    for (const ArgInfo &info : entry.results)
      results += "   results[" + std::to_string(result++) +
                 "]: " + described(info) + "\n";
    out += "\n/* " + entry.name + "\n" + extents + args + results + "*/\n";
    out += "#define " + name + "_ARGS " + std::to_string(arg) + "\n";
    out += "#define " + name + "_RESULTS " + std::to_string(result) + "\n";
    out += "void " + name + "(const rnnrt_call *call, int64_t thread);\n";
    out += "int64_t " + name + "_arena(const int64_t *extents);\n";
    out += "int64_t " + name + "_prepared(const int64_t *extents);\n";
    out += "int64_t " + name +
           "_threads(const int64_t *extents, int64_t most);\n";
  }
  return out + "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
}
