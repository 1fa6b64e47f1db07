//===- Call.cpp - Calls of compiled code ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Call.h"
#include "runtime/Axes.h"

#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

using namespace rnnc;
using namespace rnnc::driver;

Team::Team(int64_t threads) : count(threads) {
  if (threads > 1)
    team = rnnrt_team_create(threads);
  if (!team)
    count = 1;
}

Team::~Team() { rnnrt_team_destroy(team); }

Buffer::~Buffer() { std::free(memory); }

/// Memory of so many bytes is asked for in large pages: fewer faults when it is
/// first used, and fewer addresses to translate in each step.
static constexpr int64_t kLargePage = 2 << 20;

bool Buffer::ensure(int64_t bytes) {
  if (bytes <= capacity && memory)
    return true;
  int64_t rounded = std::max<int64_t>((bytes + 63) / 64 * 64, 64);
  const bool isLarge = rounded >= 2 * kLargePage;
  void *fresh = std::aligned_alloc(
      isLarge ? kLargePage : 64,
      static_cast<size_t>(isLarge ? (rounded + kLargePage - 1) / kLargePage *
                                        kLargePage
                                  : rounded));
  if (!fresh)
    return false;
  // Advice only; where there are none it changes nothing.
  if (isLarge)
    (void)madvise(fresh, static_cast<size_t>(rounded), MADV_HUGEPAGE);
  std::memset(fresh, 0, static_cast<size_t>(rounded));
  if (memory)
    std::memcpy(fresh, memory, static_cast<size_t>(capacity));
  std::free(memory);
  memory = fresh;
  capacity = rounded;
  return true;
}

static int64_t elementBytes(const std::string &type) {
  return type == "f64" || type == "i64" ? 8 : type == "i1" ? 1 : 4;
}

int64_t Call::Slot::count() const { return bytes / elementBytes(info.type); }

double Call::Slot::number(int64_t index) const {
  if (info.type == "f64")
    return static_cast<const double *>(data)[index];
  if (info.type == "f32")
    return static_cast<const float *>(data)[index];
  if (info.type == "i32")
    return static_cast<const int32_t *>(data)[index];
  return static_cast<const uint8_t *>(data)[index];
}

void Call::Slot::setNumber(double value) {
  if (info.type == "f64")
    *static_cast<double *>(data) = value;
  else if (info.type == "f32")
    *static_cast<float *>(data) = static_cast<float>(value);
}

static rt::DType dtypeOf(const std::string &type) {
  return type == "f64"   ? rt::DType::F64
         : type == "f32" ? rt::DType::F32
         : type == "i32" ? rt::DType::I32
         : type == "i1"  ? rt::DType::Bool
                         : rt::DType::I64;
}

Call::Slot::Slot(const ArgInfo &info) : info(info), type(dtypeOf(info.type)) {}

Result<Call> Call::create(std::shared_ptr<Code> code, const std::string &entry,
                          std::shared_ptr<Team> team) {
  Call made;
  const EntryInfo *info = code->info(entry);
  made.function = code->entry(entry);
  made.arenaFunction = code->arena(entry);
  if (!info || !made.function || !made.arenaFunction)
    return internalError("the compiled code has no entry '" + entry + "'");
  for (const ArgInfo &arg : info->arguments) {
    if (arg.kind == "axis") {
      made.axes.push_back(arg.name);
    } else if (arg.kind == "key") {
      made.hasKey = true;
    } else {
      made.arguments.push_back(Slot(arg));
    }
  }
  for (const ArgInfo &arg : info->results) {
    made.returned.push_back(Slot(arg));
  }
  made.extents.assign(made.axes.size(), 0);
  for (size_t i = 0; i < made.arguments.size(); ++i)
    for (size_t j = 0; j < made.returned.size(); ++j)
      if (made.arguments[i].info.kind == "state" &&
          made.returned[j].info.kind == "state" &&
          made.arguments[i].info.name == made.returned[j].info.name)
        made.statePairs.emplace_back(i, j);
  for (const Slot &slot : made.returned)
    made.changesWeights |= slot.info.kind == "param";
  made.findDerivedLengths();
  made.preparedSize = code->preparedBytes(entry);
  made.code = std::move(code);
  made.threadsFunction = made.code->threads(entry);
  made.team = std::move(team);
  made.active = made.team;
  made.entry = entry;
  return made;
}

bool Call::hasAxis(const std::string &axis) const {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

Call::Slot *Call::arg(const std::string &kind, const std::string &name) {
  for (Slot &slot : arguments)
    if (slot.info.kind == kind && slot.info.name == name)
      return &slot;
  return nullptr;
}

Call::Slot *Call::result(const std::string &kind, const std::string &name) {
  for (Slot &slot : returned)
    if (slot.info.kind == kind && slot.info.name == name)
      return &slot;
  return nullptr;
}

/// Kinds of results that lie where the argument of the same name does.
static bool sharesMemory(const std::string &kind) {
  return kind == "param" || kind == "slot" || kind == "sum" || kind == "grad";
}

Result<void> Call::own(Slot &slot) {
  settle();
  slot.borrowed = false;
  if (!slot.own.ensure(slot.bytes))
    return makeError("memory", "out of memory for '" + slot.info.name + "'");
  slot.data = slot.own.data();
  link();
  return {};
}

int64_t
Call::arenaFor(const std::map<std::string, int64_t> &given) const {
  std::vector<int64_t> values;
  for (const std::string &axis : axes)
    values.push_back(rt::extentOf(axis, given, 0));
  return arenaFunction(values.data());
}

void Call::holdOnly() {
  function = nullptr;
  Buffer scratch, own;
  arena.swap(scratch);
  ownPrepared.swap(own);
  prepared = nullptr;
  link();
}

void Call::setExtent(const std::string &axis, int64_t value) {
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] == axis)
      extents[i] = value;
}

int64_t Call::ownedBytes() const {
  int64_t sum = 0;
  for (const std::vector<Slot> *slots : {&arguments, &returned})
    for (const Slot &slot : *slots)
      if (!slot.borrowed && slot.info.kind != "input" &&
          slot.info.kind != "target")
        sum += std::min(slot.own.bytes(), (slot.bytes + 63) / 64 * 64);
  return sum;
}

void Call::borrow(Slot &slot, void *memory) {
  settle();
  slot.data = memory;
  slot.borrowed = true;
  link();
}

void Call::share(std::shared_ptr<Prepared> kept,
                 std::shared_ptr<Generation> counter) {
  prepared = std::move(kept);
  generation = std::move(counter);
  link();
}

Result<void> Call::resize(const std::map<std::string, int64_t> &given) {
  settle();
  std::map<std::string, int64_t> sizes = given;
  for (const std::string &axis : axes)
    if (auto [base, every] = rt::baseAxis(axis); every > 1)
      if (auto it = sizes.find(base); it != sizes.end())
        sizes.emplace(axis, rt::stepsOf(it->second, every));
  for (size_t i = 0; i < axes.size(); ++i) {
    auto it = sizes.find(axes[i]);
    if (it == sizes.end())
      return makeError("extent",
                       "nothing says how long axis '" + axes[i] + "' is");
    extents[i] = it->second;
    if (code->isSingleStep() && axes[i] != "B" && extents[i] != 1)
      return internalError("code for single steps is asked for " +
                           std::to_string(extents[i]) + " steps of '" +
                           axes[i] + "'");
  }
  auto fit = [&](Slot &slot) -> Result<void> {
    slot.shape = slot.info.shape;
    size_t axis = 0;
    int64_t bytes = elementBytes(slot.info.type);
    for (int64_t &size : slot.shape) {
      if (size < 0) {
        if (axis >= slot.info.axes.size())
          return internalError("'" + slot.info.name + "' of '" + entry +
                               "' has an unnamed axis");
        auto it = sizes.find(slot.info.axes[axis++]);
        if (it == sizes.end())
          return makeError("extent", "nothing says how long '" +
                                         slot.info.axes[axis - 1] + "' is");
        size = it->second;
      }
      if (__builtin_mul_overflow(bytes, size, &bytes))
        return makeError("memory", "'" + slot.info.name + "' is too large");
    }
    slot.bytes = bytes;
    if (slot.borrowed)
      return {};
    if (!slot.own.ensure(bytes))
      return makeError("memory", "out of memory for '" + slot.info.name + "'");
    slot.data = slot.own.data();
    return {};
  };
  for (Slot &slot : arguments)
    if (auto done = fit(slot); !done)
      return done;
  for (Slot &slot : returned) {
    // Kept beside only if there is no argument to share.
    const std::string &kind = slot.info.kind;
    bool shares = sharesMemory(kind);
    if (shares && arg(kind, slot.info.name))
      slot.borrowed = true;
    if (auto done = fit(slot); !done)
      return done;
  }
  if (!function) {
    link();
    return {};
  }
  chooseThreads();
  arenaSize = arenaFunction(extents.data());
  Buffer &scratch = sharedArena ? *sharedArena : arena;
  if (arenaSize < 0 || !scratch.ensure(arenaSize))
    return makeError("memory", "out of memory: '" + entry + "' needs " +
                                   std::to_string(arenaSize) + " bytes");
  if (!prepared && !ownPrepared.ensure(preparedSize))
    return makeError("memory", "out of memory: '" + entry + "' needs " +
                                   std::to_string(preparedSize) + " bytes");
  link();
  return {};
}

void Call::settle() {
  if (isTurned)
    for (auto &[in, out] : turning)
      in->own.swap(out->own);
  isTurned = false;
}

void Call::link() {
  argPointers.resize(arguments.size());
  resultPointers.resize(returned.size());
  for (size_t i = 0; i < arguments.size(); ++i)
    argPointers[i] = arguments[i].data;
  for (size_t i = 0; i < returned.size(); ++i) {
    Slot &slot = returned[i];
    const std::string &kind = slot.info.kind;
    if (sharesMemory(kind))
      if (Slot *shared = arg(kind, slot.info.name))
        slot.data = shared->data;
    resultPointers[i] = slot.data;
  }
  turning.clear();
  copied.clear();
  turnedArgs = argPointers;
  turnedResults = resultPointers;
  for (auto [i, j] : statePairs) {
    Slot &in = arguments[i], &out = returned[j];
    if (in.borrowed && !out.borrowed) {
      copied.push_back({&in, &out});
      continue;
    }
    turning.push_back({&in, &out});
    std::swap(turnedArgs[i], turnedResults[j]);
  }
  otherArgs = turnedArgs.data();
  otherResults = turnedResults.data();
  call.extents = extents.data();
  call.args = argPointers.data();
  call.results = resultPointers.data();
  call.arena =
      static_cast<char *>(sharedArena ? sharedArena->data() : arena.data());
  call.prepared = static_cast<char *>(
      prepared ? prepared->memory.data() : ownPrepared.data());
  call.threads = active ? active->size() : 1;
  call.team = call.threads > 1 ? active->get() : nullptr;
  call.barrier = call.threads > 1 ? rnnrt_team_barrier : nullptr;
}

void Call::chooseThreads() {
  const int64_t most = team ? team->size() : 1;
  int64_t best = most;
  if (most > 1 && threadsFunction)
    best = std::clamp<int64_t>(threadsFunction(extents.data(), most), 1, most);
  if (best == most)
    active = team;
  else if (best == 1)
    active = nullptr;
  else if (!active || active->size() != best)
    active = std::make_shared<Team>(best);
}

void Call::runOnTeam() {
  // Another call may have made it larger.
  if (sharedArena)
    call.arena = static_cast<char *>(sharedArena->data());
  if (call.threads == 1)
    function(&call, 0);
  else
    rnnrt_team_run(
        active->get(),
        [](void *self, int64_t thread) {
          auto *made = static_cast<Call *>(self);
          made->function(&made->call, thread);
        },
        this);
}

void Call::findDerivedLengths() {
  for (size_t to = 0; to < arguments.size(); ++to) {
    if (arguments[to].info.kind != "lengths")
      continue;
    auto [base, every] = rt::baseAxis(arguments[to].info.name);
    for (size_t from = 0; every > 1 && from < arguments.size(); ++from)
      if (arguments[from].info.kind == "lengths" &&
          arguments[from].info.name == base)
        derived.push_back({to, from, every});
  }
}

void Call::deriveLengths() {
  for (auto [to, from, every] : derived) {
    if (arguments[to].bytes != arguments[from].bytes)
      continue;
    const auto *all = static_cast<const int32_t *>(arguments[from].data);
    auto *some = static_cast<int32_t *>(arguments[to].data);
    for (int64_t i = 0; i < arguments[to].bytes / int64_t(sizeof(int32_t)); ++i)
      some[i] = static_cast<int32_t>(rt::stepsOf(all[i], every));
  }
}

void Call::fillPrepared() {
  // Whoever comes second finds it done.
  std::lock_guard lock(prepared->filling);
  call.is_prepared = prepared->isFilled();
  runOnTeam();
  prepared->setFilled();
}

void Call::run() {
  // A small step takes a quarter of a microsecond: nothing stands here that
  // `link` can do.
  if (!derived.empty())
    deriveLengths();
  call.is_prepared = prepared && prepared->isFilled();
  if (!prepared || call.is_prepared)
    runOnTeam();
  else
    fillPrepared();
  if (changesWeights && generation)
    generation->fetch_add(1, std::memory_order_relaxed);
  for (auto &[in, out] : copied)
    std::memcpy(in->data, out->data, size_t(in->bytes));
  if (turning.empty())
    return;
  for (auto &[in, out] : turning)
    std::swap(in->data, out->data);
  std::swap(call.args, otherArgs);
  std::swap(call.results, otherResults);
  isTurned = !isTurned;
}

int64_t driver::drawKey(int64_t seed, int64_t update) {
  // SplitMix64 of both, so that neighbouring updates share no counter.
  uint64_t z = static_cast<uint64_t>(seed) * 0x9E3779B97F4A7C15u +
               static_cast<uint64_t>(update) + 0x632BE59BD9B4E019u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return static_cast<int64_t>(z ^ (z >> 31));
}
