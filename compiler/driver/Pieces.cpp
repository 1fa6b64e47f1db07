//===- Pieces.cpp - A training step over pieces of the sequence -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Pieces.h"
#include "compiler/driver/Work.h"
#include "runtime/Progress.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace rnnc;
using namespace rnnc::driver;

/// How the extent that numbers the first step of a piece ends.
static constexpr std::string_view kFirst = ".first";

/// Whether a function runs over a piece, not over the whole sequence.
static bool isOfPiece(const Call &call) {
  return call.name() != "before" && call.name() != "after";
}

static int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

Result<void> Pieces::open(const char *name, std::optional<Call> &call) {
  if (!code->entry(name))
    return {};
  auto made = Call::create(code, name, team);
  if (!made)
    return made.error();
  call.emplace(std::move(*made));
  call->shareArena(arena);
  // Only what is made before and between the passes is the function's own.
  for (Call::Slot &slot : call->args())
    if (slot.info.kind != "param" && slot.info.kind != "hyper")
      call->borrow(slot, nullptr);
  for (Call::Slot &slot : call->results())
    if (slot.info.kind == "carry" || slot.info.kind == "back")
      call->borrow(slot, nullptr);
  return weights.bind(*call);
}

Result<std::unique_ptr<Pieces>> Pieces::create(std::shared_ptr<Code> code,
                                               Weights &weights,
                                               std::shared_ptr<Team> team,
                                               Call &update, bool evaluates) {
  std::unique_ptr<Pieces> made(new Pieces(std::move(code), weights,
                                          std::move(team), update, evaluates));
  for (auto [name, call] :
       {std::pair("before", &made->before), std::pair("advance", &made->advance),
        std::pair("reverse", &made->reverse), std::pair("last", &made->last),
        std::pair("after", &made->after)})
    if (auto done = made->open(name, *call); !done)
      return done.error();
  if (!made->after)
    return internalError("the compiled code has no entry 'after'");
  made->reason = made->code->wholeReason();
  if (const EntryInfo *info = made->code->info("reverse"))
    for (const ArgInfo &arg : info->arguments)
      if (arg.kind == "axis" && arg.name.ends_with(kFirst))
        made->axis = arg.name.substr(0, arg.name.size() - kFirst.size());
  if (!made->reverse)
    return made;
  for (const Call::Slot &slot : made->reverse->results()) {
    std::string name = slot.info.name;
    if (slot.info.kind == "sum") {
      made->sums.push_back({name, slot.info, 0, 0});
    } else if (slot.info.kind == "carry" || slot.info.kind == "back") {
      name.pop_back(); // of "c0'"
      auto &list = slot.info.kind == "carry" ? made->carries : made->backs;
      list.push_back({name, slot.info, 0, 0});
    }
  }
  return made;
}

std::vector<Call *> Pieces::calls() {
  std::vector<Call *> list;
  for (std::optional<Call> *call : {&before, &advance, &reverse, &last, &after})
    if (*call)
      list.push_back(&**call);
  return list;
}

std::vector<const Call *> Pieces::calls() const {
  std::vector<const Call *> list;
  for (const std::optional<Call> *call :
       {&before, &advance, &reverse, &last, &after})
    if (*call)
      list.push_back(&**call);
  return list;
}

bool Pieces::isSequence(const ArgInfo &info) const {
  return !axis.empty() && !info.axes.empty() && info.axes[0] == axis &&
         !info.shape.empty() && info.shape[0] < 0;
}

std::map<std::string, int64_t> Pieces::extentsFor(int64_t first,
                                                  int64_t steps) const {
  std::map<std::string, int64_t> sizes = extents;
  if (!axis.empty()) {
    sizes[axis] = steps;
    sizes[axis + std::string(kFirst)] = first;
  }
  return sizes;
}

//===----------------------------------------------------------------------===//
// The plan
//===----------------------------------------------------------------------===//

int64_t Pieces::bytesOf(int64_t steps, int64_t states) const {
  int64_t most = evaluates ? 0 : update.arenaFor(extents);
  int64_t whole = axis.empty() ? 0 : extents.at(axis);
  for (const Call *call : calls()) {
    int64_t own = isOfPiece(*call) ? steps : whole;
    most = std::max(most, call->arenaFor(extentsFor(0, own)));
  }
  // One state more while going forward, one more to go on from step to step,
  // and the one after the last step.
  return fixedBytes + aligned(most) +
         (reverse ? (states + 3) * carryBytes : 0);
}

Work Pieces::work(const rt::Cut &cut) const {
  Work work;
  auto add = [&](const char *entry,
                 const std::map<std::string, int64_t> &sizes, double times) {
    if (!code->info(entry))
      return;
    if (auto one = countWork(code->plannedModule(), entry, sizes)) {
      work.flops += times * one->flops;
      work.elementwise += times * one->elementwise;
      if (std::string_view(entry) == (reverse ? "reverse" : "after"))
        work.savedBytes = one->savedBytes;
    }
  };
  add("before", extents, 1);
  add("after", extents, 1);
  if (!reverse)
    return work;
  auto sizes = extentsFor(0, cut.steps);
  double steps = double(cut.steps);
  add("reverse", sizes, double(extents.at(axis)) / steps);
  add("advance", sizes, double(cut.again) / steps);
  return work;
}

Result<void> Pieces::measure(const std::map<std::string, int64_t> &sizes) {
  extents = sizes;
  extents.erase("");
  int64_t length = axis.empty() ? 1 : extents.at(axis);
  for (Call *call : calls())
    if (auto done = call->resize(extentsFor(0, isOfPiece(*call) ? 1 : length));
        !done)
      return done;
  auto place = [](std::vector<Named> &list, int64_t &bytes, Call &call) {
    bytes = 0;
    for (Named &named : list) {
      Call::Slot *slot = call.arg(named.info.kind, named.name);
      if (!slot)
        slot = call.result(named.info.kind, named.info.name);
      named.offset = bytes;
      named.bytes = slot ? slot->bytes : 0;
      bytes += aligned(named.bytes);
    }
  };
  if (reverse) {
    int64_t known = carryBytes;
    place(carries, carryBytes, *reverse);
    place(backs, backBytes, *reverse);
    place(sums, sumBytes, *reverse);
    // States of other rows are of no use.
    haveKept &= known == 0 || known == carryBytes;
  }

  taken = Memory();
  for (const Call::Slot &slot : update.args()) {
    if (slot.info.kind == "param")
      taken.parameters += slot.bytes;
    else if (slot.info.kind == "slot")
      taken.optimizer += slot.bytes;
    else if (slot.info.kind == "state")
      taken.state += slot.bytes;
  }
  for (const Call::Slot &slot : after->results())
    if (slot.info.kind == "state")
      taken.state += slot.bytes;
  // What calls own beside: gradients, what is made before and between the
  // passes, numbers, each with its place of 64 bytes.
  edgeBytes = 0;
  other = sumBytes + 2 * backBytes +
          (evaluates ? 0 : update.preparedBytes()) + update.ownedBytes() -
          taken.optimizer - taken.state;
  for (Call *call : calls()) {
    // Each piece's own, made when it runs; `before` has lengths of its own, too.
    if (call->name() != "after")
      for (Call::Slot &slot : call->args())
        if (slot.info.kind == "start" || slot.info.kind == "end" ||
            (slot.info.kind == "lengths" && slot.info.name == axis)) {
          call->borrow(slot, nullptr);
          edgeBytes += aligned(slot.bytes);
        }
    other += call->preparedBytes() + call->ownedBytes();
  }
  other += edgeBytes;
  fixedBytes = taken.parameters + taken.optimizer + taken.state + other;
  return {};
}

std::optional<rt::Cut> Pieces::best(int64_t budget, int64_t &least) const {
  int64_t length = axis.empty() ? 1 : extents.at(axis);
  int64_t most = budget > 0 ? budget : std::numeric_limits<int64_t>::max() / 8;
  if (reverse && isOneWay()) {
    // No state is kept, and nothing is gone over again: as few pieces as fit.
    least = bytesOf(1, 1);
    if (least > most)
      return std::nullopt;
    int64_t steps = 1, tooMany = std::max<int64_t>(length, 1) + 1;
    while (steps + 1 < tooMany) {
      int64_t middle = steps + (tooMany - steps) / 2;
      (bytesOf(middle, 1) <= most ? steps : tooMany) = middle;
    }
    return rt::Cut{steps, (length + steps - 1) / steps, 1, 0,
                   bytesOf(steps, 1)};
  }
  if (reverse)
    return rt::cutSequence(
        length, most,
        [&](int64_t steps, int64_t states) { return bytesOf(steps, states); },
        &least);
  least = bytesOf(length, 1);
  if (least > most)
    return std::nullopt;
  return rt::Cut{length, 1, 1, 0, least};
}

rt::Cut Pieces::wholeCut() const {
  int64_t length = axis.empty() ? 1 : extents.at(axis);
  return rt::Cut{length, 1, 1, 0, bytesOf(length, 1)};
}

Result<void> Pieces::take(const rt::Cut &cut, double extraWork,
                          bool recomputes) {
  planned = cut;
  taken.pieces = planned.pieces;
  taken.pieceSteps = planned.steps;
  taken.recomputes = recomputes;
  taken.arena = planned.bytes - taken.parameters - taken.optimizer - taken.state;
  taken.extraWork = extraWork;
  taken.saved = evaluates ? 0 : work(planned).savedBytes;
  if (planned.pieces > 1)
    taken.saved += planned.states * carryBytes;
  return reserve();
}

/// Everything that a step will need, so that it does not allocate.
Result<void> Pieces::reserve() {
  const int64_t scratch =
      planned.bytes - fixedBytes -
      (reverse ? (planned.states + 3) * carryBytes : 0);
  std::vector<std::pair<Buffer *, int64_t>> needs = {{&*arena, scratch}};
  if (reverse) {
    // An evaluation may have no sums, and nothing that goes back.
    for (auto [buffer, bytes] : {std::pair(&finals, carryBytes),
                                 std::pair(&backMemory[0], backBytes),
                                 std::pair(&backMemory[1], backBytes),
                                 std::pair(&sumMemory, sumBytes)})
      if (bytes > 0)
        needs.emplace_back(buffer, bytes);
    size_t count = size_t(planned.states) + 2;
    if (places.size() > count)
      places.resize(count);
    while (places.size() < count)
      places.emplace_back();
    for (Buffer &place : places)
      needs.emplace_back(&place, carryBytes);
  }
  // What an earlier plan needed more of is given back: the sum of the largest
  // parts of two plans may be more than either.
  int64_t sum = allocatedBytes() + edgeBytes;
  for (auto [buffer, bytes] : needs)
    sum += std::max<int64_t>(aligned(bytes) - buffer->bytes(), 0);
  if (sum > planned.bytes)
    for (auto [buffer, bytes] : needs)
      if (buffer->bytes() > aligned(bytes)) {
        Buffer none;
        buffer->swap(none);
      }
  if (!evaluates)
    update.shareArena(arena);
  bool enough = true;
  for (auto [buffer, bytes] : needs)
    enough &= buffer->ensure(bytes);
  if (!enough)
    return makeError("memory", "out of memory: a step needs " +
                                   rt::humanBytes(planned.bytes));
  return {};
}

void Pieces::release() {
  for (Buffer *buffer :
       {&*arena, &finals, &backMemory[0], &backMemory[1], &sumMemory}) {
    Buffer none;
    buffer->swap(none);
  }
  places.clear();
}

int64_t Pieces::allocatedBytes() const {
  int64_t sum = arena->bytes() + finals.bytes() + backMemory[0].bytes() +
                backMemory[1].bytes() + sumMemory.bytes() + keptStates.bytes() +
                update.ownedBytes() + (evaluates ? 0 : update.preparedBytes());
  for (const Buffer &place : places)
    sum += place.bytes();
  for (const Call *call : calls())
    sum += call->ownedBytes() + call->preparedBytes();
  for (const rt::NamedTensor &entry : weights.tensors)
    sum += entry.tensor.bytes();
  return sum;
}

//===----------------------------------------------------------------------===//
// A batch
//===----------------------------------------------------------------------===//

Result<void> Pieces::resize(Call &call, int64_t first, int64_t steps) {
  return call.resize(extentsFor(first, steps));
}

/// Gives a call its data: steps [first, first + steps) of those of the batch.
Result<void> Pieces::bind(Call &call, int64_t first, int64_t steps) {
  if (auto done = resize(call, first, steps); !done)
    return done;
  bool piece = call.name() != "after";
  int64_t length = axis.empty() ? 0 : extents.at(axis);
  for (Call::Slot &slot : call.args()) {
    const std::string &kind = slot.info.kind;
    if (kind == "start" || kind == "end") {
      if (auto done = call.own(slot); !done)
        return done;
      Call::Slot *lengths = update.arg("lengths", slot.info.name);
      auto *flags = static_cast<uint8_t *>(slot.data);
      for (int64_t i = 0; i < slot.count(); ++i) {
        int64_t own = lengths && slot.count() > 1
                          ? static_cast<const int32_t *>(lengths->data)[i]
                          : length;
        if (lengths && slot.count() == 1)
          own = static_cast<const int32_t *>(lengths->data)[0];
        // An empty row has neither.
        flags[i] = own > 0 && (kind == "start"
                                   ? first == 0
                                   : own > first && own <= first + steps);
      }
      continue;
    }
    if (kind == "lengths") {
      Call::Slot *all = update.arg("lengths", slot.info.name);
      if (!all)
        return internalError("no lengths '" + slot.info.name + "'");
      if (!piece || slot.info.name != axis) {
        call.borrow(slot, all->data);
        continue;
      }
      if (auto done = call.own(slot); !done)
        return done;
      const auto *from = static_cast<const int32_t *>(all->data);
      auto *to = static_cast<int32_t *>(slot.data);
      for (int64_t i = 0; i < slot.count(); ++i)
        to[i] = int32_t(std::clamp<int64_t>(from[i] - first, 0, steps));
      continue;
    }
    if (kind != "input" && kind != "target" && kind != "state" &&
        kind != "fresh")
      continue;
    Call::Slot *all = update.arg(kind, slot.info.name);
    if (!all)
      return internalError("no " + kind + " '" + slot.info.name + "'");
    if (!piece || !isSequence(slot.info) || steps == 0) {
      call.borrow(slot, all->data);
      continue;
    }
    int64_t offset = slot.bytes / steps * first;
    char *from = static_cast<char *>(all->data) + offset;
    if (offset % 64 == 0) {
      call.borrow(slot, from);
      continue;
    }
    // Compiled code reads whole lines of memory.
    if (auto done = call.own(slot); !done)
      return done;
    std::memcpy(slot.data, from, size_t(slot.bytes));
  }
  return {};
}

/// States come from place `place` and go to place `next`.
void Pieces::bindPlaces(Call &call, int place, int next) {
  for (const Named &named : carries) {
    auto at = [&](int number) {
      return static_cast<char *>(places[size_t(number)].data()) + named.offset;
    };
    if (Call::Slot *slot = call.arg("carry", named.name))
      call.borrow(*slot, at(place));
    if (Call::Slot *slot = call.result("carry", named.info.name))
      call.borrow(*slot, at(next));
  }
}

/// Sums, and what is made before, where they lie.
void Pieces::bindSums(Call &call) {
  for (const Named &named : sums)
    if (Call::Slot *slot = call.arg("sum", named.name))
      call.borrow(*slot,
                  static_cast<char *>(sumMemory.data()) + named.offset);
  for (Call::Slot &slot : call.args()) {
    if (slot.info.kind == "kept") {
      Call::Slot *made =
          before ? before->result("kept", slot.info.name) : nullptr;
      if (!made && last)
        made = last->result("kept", slot.info.name);
      if (made)
        call.borrow(slot, made->data);
    } else if (slot.info.kind == "grad") {
      if (Call::Slot *sum = update.arg("grad", slot.info.name))
        call.borrow(slot, sum->data);
    }
  }
}

/// -0: the only number that leaves each other as it is when added.
static void clearSum(Call::Slot &slot) {
  if (slot.info.type == "f64")
    std::fill_n(static_cast<double *>(slot.data), slot.count(), -0.0);
  else
    std::fill_n(static_cast<float *>(slot.data), slot.count(), -0.0f);
}

Result<double> Pieces::add(const Batch &batch) {
  auto setSeed = [](Call &call, double seed) {
    if (Call::Slot *slot = call.arg("hyper", "seed"))
      slot->setNumber(seed);
  };
  for (Call *call : calls()) {
    call->setKey(batch.key);
    if (Call::Slot *slot = call->arg("hyper", "update"))
      slot->setNumber(double(batch.update));
    setSeed(*call, batch.seed);
  }
  if (batch.isFirst)
    for (Call::Slot &slot : update.args())
      if (slot.info.kind == "grad")
        clearSum(slot);

  int64_t length = axis.empty() ? 0 : extents.at(axis);
  if (reverse) {
    if (before) {
      if (auto done =
              bind(*before, batch.lossFrom, length - batch.lossFrom);
          !done)
        return done.error();
      for (const Named &named : carries)
        if (Call::Slot *slot = before->result("carry", named.name))
          before->borrow(*slot, static_cast<char *>(places[0].data()) +
                                    named.offset);
      for (const Named &named : backs)
        if (Call::Slot *slot = before->result("back", named.name))
          before->borrow(*slot, static_cast<char *>(backMemory[0].data()) +
                                    named.offset);
      before->run();
    }
    if (batch.goesOn && haveKept)
      std::memcpy(places[0].data(), keptStates.data(), size_t(carryBytes));
    if (sumBytes > 0)
      std::memset(sumMemory.data(), 0, size_t(sumBytes));

    // Where pieces begin: also where losses do, and the next window.
    std::vector<int64_t> starts;
    // The first piece is the short one: the last is not gone over again.
    int64_t regular = length - (planned.pieces - 1) * planned.steps;
    for (int64_t at = 0; at < length;) {
      starts.push_back(at);
      if (at == regular)
        regular += planned.steps;
      int64_t end = std::min(regular, length);
      for (int64_t mark : {batch.lossFrom, batch.keepAt})
        if (mark > at && mark < end)
          end = mark;
      at = end;
    }
    starts.push_back(length);
    int64_t count = int64_t(starts.size()) - 1;
    bool keeps = batch.keepAt >= 0;
    if (keeps && !keptStates.ensure(carryBytes))
      return makeError("memory", "out of memory for the states of a window");
    auto keep = [&](const void *from) {
      std::memcpy(keptStates.data(), from, size_t(carryBytes));
    };
    if (keeps && batch.keepAt == 0)
      keep(places[0].data());
    const int spare = int(places.size()) - 1;
    int back = 0;
    for (const rt::ReversalAction &action :
         rt::reversal(count, planned.states)) {
      bool isLast = action.kind == rt::ReversalAction::Back &&
                    action.piece == count - 1;
      if (action.kind == rt::ReversalAction::Advance) {
        // Where no states are carried, none are made on the way.
        if (!advance)
          continue;
        int64_t from = action.from;
        for (int64_t i = 0; i < action.count; ++i) {
          int64_t first = starts[size_t(action.piece + i)];
          int64_t next = starts[size_t(action.piece + i + 1)];
          int64_t to = (action.count - 1 - i) % 2 == 0 ? action.to : spare;
          if (auto done = bind(*advance, first, next - first); !done)
            return done.error();
          bindSums(*advance);
          bindPlaces(*advance, int(from), int(to));
          advance->run();
          if (keeps && next == batch.keepAt)
            keep(places[size_t(to)].data());
          from = to;
        }
        continue;
      }
      int64_t first = starts[size_t(action.piece)];
      int64_t next = starts[size_t(action.piece + 1)];
      Call &call = isLast && last ? *last : *reverse;
      if (auto done = bind(call, first, next - first); !done)
        return done.error();
      bindSums(call);
      bindPlaces(call, int(action.from), spare);
      for (const Named &named : backs) {
        auto at = [&](int which) {
          return static_cast<char *>(backMemory[which].data()) + named.offset;
        };
        if (Call::Slot *slot = call.arg("back", named.name))
          call.borrow(*slot, at(back));
        if (Call::Slot *slot = call.result("back", named.info.name))
          call.borrow(*slot, at(1 - back));
      }
      // Steps before the losses have none, and no gradient of their own.
      bool hasLosses = first >= batch.lossFrom;
      setSeed(call, hasLosses ? batch.seed : 0);
      std::vector<char> before;
      for (const Named &named : sums)
        if (!hasLosses && named.name[0] == 'l') {
          auto *at = static_cast<char *>(sumMemory.data()) + named.offset;
          before.insert(before.end(), at, at + named.bytes);
        }
      call.run();
      size_t from = 0;
      for (const Named &named : sums)
        if (!hasLosses && named.name[0] == 'l') {
          std::memcpy(static_cast<char *>(sumMemory.data()) + named.offset,
                      before.data() + from, size_t(named.bytes));
          from += size_t(named.bytes);
        }
      back = 1 - back;
      if (isLast) {
        std::memcpy(finals.data(), places[size_t(spare)].data(),
                    size_t(carryBytes));
        if (keeps && batch.keepAt >= length)
          keep(finals.data());
        if (isOneWay())
          break;
      }
    }
    haveKept |= keeps;

    for (const Named &named : carries)
      if (Call::Slot *slot = after->arg("carry", named.name))
        after->borrow(*slot,
                      static_cast<char *>(finals.data()) + named.offset);
    for (const Named &named : backs)
      if (Call::Slot *slot = after->arg("back", named.name))
        after->borrow(*slot, static_cast<char *>(backMemory[back].data()) +
                                 named.offset);
  }
  if (auto done = bind(*after, 0, length); !done)
    return done.error();
  bindSums(*after);
  after->run();
  for (Call::Slot &slot : after->results())
    if (slot.info.kind == "state")
      if (Call::Slot *state = update.arg("state", slot.info.name))
        std::memcpy(state->data, slot.data, size_t(slot.bytes));
  for (const Call::Slot &slot : after->results())
    if (slot.info.kind == "loss")
      return slot.number();
  return internalError("a step has no loss");
}

Result<std::vector<Call::Slot> *> Pieces::evaluate() {
  if (auto loss = add({}); !loss)
    return loss.error();
  return &after->results();
}

//===----------------------------------------------------------------------===//
// Windows that overlap
//===----------------------------------------------------------------------===//

Result<void> Pieces::checkOverlap() const {
  if (!reverse) {
    Error error = makeError("window", "--window with K2 other than K1 needs a "
                                      "model that runs from step to step");
    Message::Note at = code->wholePlace();
    at.message = "the whole sequence is needed at once: " + reason;
    error.diagnostics.front().notes.push_back(at);
    return error;
  }
  for (const std::optional<Call> *call : {&advance, &reverse, &last})
    if (*call)
      if (const EntryInfo *info = code->info((*call)->name()))
        for (const ArgInfo &arg : info->arguments)
          if (arg.kind == "state")
            return makeError("window",
                             "--window with K2 other than K1 cannot carry '" +
                                 arg.name + "', which each step reads");
  return {};
}

void Pieces::snapshot(rt::TensorFile &file) const {
  if (!haveKept)
    return;
  rt::Tensor all(rt::DType::I32, {carryBytes / 4});
  std::memcpy(all.data(), keptStates.data(), size_t(carryBytes));
  file.add("window/states", std::move(all));
}

Result<void> Pieces::restore(const rt::TensorFile &file,
                             const std::string &name, int64_t rows) {
  haveKept = false;
  const rt::Tensor *all = file.find("window/states");
  if (!all)
    return {};
  if (all->bytes() != carryBytes || !keptStates.ensure(carryBytes))
    return makeError("bad-file",
                     name + ": 'window/states' does not fit the model");
  std::memcpy(keptStates.data(), all->data(), size_t(carryBytes));
  haveKept = true;
  return {};
}
