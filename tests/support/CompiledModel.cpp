//===- CompiledModel.cpp - Calls compiled entries with arrays -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tests/support/CompiledModel.h"
#include "rnnrt/team.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/Alignment.h"
#include <cstdlib>

using namespace rnnc;
using namespace rnnc::test;
using rnnc::rnn::ArgKind;
using rnnc::rnn::Array;
using rnnc::rnn::DType;

llvm::Expected<std::unique_ptr<CompiledModel>>
CompiledModel::create(TestModel &model) {
  TargetOptions target;
  llvm::Expected<mlir::ModuleOp> grad = model.at("grad");
  if (!grad)
    return grad.takeError();
  llvm::Expected<mlir::ModuleOp> module = model.at("llvm");
  if (!module)
    return module.takeError();
  auto executable = Executable::create(*module, target);
  if (!executable)
    return executable.takeError();
  auto result = std::make_unique<CompiledModel>();
  result->entries = describeEntries(*grad);
  result->executable = std::move(*executable);
  return result;
}

namespace {
/// Memory aligned to 64 bytes, freed at the end. Guard bytes after it are
/// checked.
class Buffers {
public:
  ~Buffers() {
    for (Buffer &buffer : all)
      std::free(buffer.data);
  }
  char *make(size_t bytes, int fill) {
    size_t size = llvm::alignTo(bytes + kGuard, 64);
    auto *data = static_cast<char *>(std::aligned_alloc(64, size));
    std::memset(data, fill, bytes);
    std::memset(data + bytes, 0x5a, size - bytes);
    all.push_back({data, bytes, size});
    return data;
  }
  /// Whether nothing was written after the end of a buffer.
  bool guardsHold() const {
    for (const Buffer &buffer : all)
      for (size_t i = buffer.bytes; i < buffer.size; ++i)
        if (buffer.data[i] != 0x5a)
          return false;
    return true;
  }

private:
  static constexpr size_t kGuard = 64;
  struct Buffer {
    char *data;
    size_t bytes, size;
  };
  std::vector<Buffer> all;
};
} // namespace

static DType dtypeNamed(const std::string &name) {
  for (DType type : {DType::F32, DType::F64, DType::I32, DType::I64, DType::I1})
    if (rnn::nameOf(type) == name)
      return type;
  return DType::Index;
}

llvm::Expected<Bindings> CompiledModel::run(const std::string &name,
                                            const Bindings &bindings,
                                            int64_t threads) {
  const EntryInfo *entry = nullptr;
  for (const EntryInfo &candidate : entries)
    if (candidate.name == name)
      entry = &candidate;
  Executable::Entry code = executable->entry(name);
  if (!entry || !code)
    return llvm::createStringError("no compiled entry '" + name + "'");

  Buffers buffers;
  std::map<std::string, int64_t> extentOf;
  std::vector<int64_t> extents;
  std::vector<void *> args, results;
  rnnrt_call call = {};
  for (const ArgInfo &info : entry->arguments) {
    auto kind = rnn::symbolizeArgKind(info.kind);
    const Array *array = kind ? bindings.find(*kind, info.name) : nullptr;
    if (!array)
      return llvm::createStringError("no value for the " + info.kind + " '" +
                                     info.name + "'");
    if (kind == ArgKind::Axis) {
      extents.push_back(array->integer(0));
      extentOf[info.name] = array->integer(0);
      continue;
    }
    if (kind == ArgKind::Key) {
      call.key = array->integer(0);
      continue;
    }
    char *data = buffers.make(array->data.size(), 0);
    std::memcpy(data, array->data.data(), array->data.size());
    args.push_back(data);
  }
  std::vector<Array> arrays;
  for (const ArgInfo &info : entry->results) {
    std::vector<int64_t> shape = info.shape;
    size_t axis = 0;
    for (int64_t &extent : shape)
      if (extent < 0)
        extent = extentOf[info.axes[axis++]];
    arrays.push_back(Array::zeros(dtypeNamed(info.type), shape));
    results.push_back(buffers.make(arrays.back().data.size(), 0xff));
  }
  call.extents = extents.data();
  call.args = args.data();
  call.results = results.data();
  Executable::ArenaBytes arenaBytes = executable->arenaBytes(name);
  call.arena = buffers.make(arenaBytes ? arenaBytes(extents.data()) : 0, 0xff);
  call.prepared = buffers.make(executable->preparedBytes(name), 0xff);
  call.threads = threads;
  if (threads == 1) {
    code(&call, 0);
  } else {
    rnnrt_team *team = rnnrt_team_create(threads);
    if (!team)
      return llvm::createStringError("no team of threads");
    call.team = team;
    call.barrier = rnnrt_team_barrier;
    std::pair<Executable::Entry, rnnrt_call *> context = {code, &call};
    rnnrt_team_run(
        team,
        [](void *opaque, int64_t thread) {
          auto *pair =
              static_cast<std::pair<Executable::Entry, rnnrt_call *> *>(opaque);
          pair->first(pair->second, thread);
        },
        &context);
    rnnrt_team_destroy(team);
  }
  if (!buffers.guardsHold())
    return llvm::createStringError("'" + name + "' writes outside a buffer");
  Bindings bound;
  for (auto [info, array, data] :
       llvm::zip_equal(entry->results, arrays, results)) {
    std::memcpy(array.data.data(), data, array.data.size());
    if (auto kind = rnn::symbolizeArgKind(info.kind))
      bound.set(*kind, info.name, std::move(array));
  }
  return bound;
}
