//===- Call.h - Calls of compiled code --------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A Call holds the memory for one compiled function at some extents: every
// argument, result and the arena. Buffers grow and never shrink, so calls in a
// row at known sizes do not allocate. What a function makes of the weights alone
// is kept from call to call, and shared by the calls that use the same weights.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_CALL_H
#define RNNC_COMPILER_DRIVER_CALL_H

#include "compiler/driver/Compile.h"
#include "rnnrt/team.h"

#include <atomic>
#include <mutex>

namespace rnnc::driver {

/// A team of threads, owned.
class Team {
public:
  explicit Team(int64_t threads);
  ~Team();
  Team(const Team &) = delete;
  Team &operator=(const Team &) = delete;
  int64_t size() const { return count; }
  rnnrt_team *get() const { return team; }

private:
  int64_t count;
  rnnrt_team *team = nullptr;
};

/// Memory aligned to 64 bytes that only grows.
class Buffer {
public:
  Buffer() = default;
  Buffer(Buffer &&other) noexcept
      : memory(std::exchange(other.memory, nullptr)),
        capacity(std::exchange(other.capacity, 0)) {}
  Buffer &operator=(Buffer &&) = delete;
  ~Buffer();
  void swap(Buffer &other) {
    std::swap(memory, other.memory);
    std::swap(capacity, other.capacity);
  }
  /// At least so many bytes; false if memory is short. Zeroed where it grew.
  bool ensure(int64_t bytes);
  void *data() const { return memory; }
  int64_t bytes() const { return capacity; }

private:
  void *memory = nullptr;
  int64_t capacity = 0;
};

/// Counts the changes of a set of weights.
using Generation = std::atomic<uint64_t>;

/// What one compiled function makes of a set of weights. Calls on several
/// threads may share it.
class Prepared {
public:
  explicit Prepared(std::shared_ptr<const Generation> generation)
      : generation(std::move(generation)) {}
  Buffer memory;

  /// Whether the memory is that of the weights as they are now.
  bool isFilled() const {
    return filled.load(std::memory_order_acquire) ==
           generation->load(std::memory_order_relaxed);
  }
  void setFilled() {
    filled.store(generation->load(std::memory_order_relaxed),
                 std::memory_order_release);
  }
  /// Held by the call that fills it.
  std::mutex filling;

private:
  std::shared_ptr<const Generation> generation;
  Generation filled = 0;
};

/// One function, ready to be called.
class Call {
public:
  static Result<Call> create(std::shared_ptr<Code> code,
                             const std::string &entry,
                             std::shared_ptr<Team> team);

  /// One argument or result and its memory.
  struct Slot {
    ArgInfo info;
    /// At the current extents.
    std::vector<int64_t> shape;
    int64_t bytes = 0;
    void *data = nullptr;

    int64_t count() const;
    /// The element as a double; for scalars.
    double number(int64_t index = 0) const;
    void setNumber(double value);
    rt::DType dtype() const { return type; }

  private:
    friend class Call;
    explicit Slot(const ArgInfo &info);
    rt::DType type;
    bool borrowed = false;
    Buffer own;
  };

  const std::string &name() const { return entry; }
  bool hasAxis(const std::string &axis) const;
  /// Sets all extents by axis name; one that is missing is an error. Results of
  /// kind param and slot share the memory of their arguments; a state has two
  /// places that change roles, so that what is read is not what is written.
  Result<void> resize(const std::map<std::string, int64_t> &extents);

  /// The argument, result of this kind and name; null if there is none.
  Slot *arg(const std::string &kind, const std::string &name);
  Slot *result(const std::string &kind, const std::string &name);
  std::vector<Slot> &args() { return arguments; }
  std::vector<Slot> &results() { return returned; }

  /// Lets an argument (and the result that shares it) live in memory of the
  /// caller, which must be large enough at every extent used. A state there is
  /// copied back after each call, unless its result is the caller's too: then
  /// the two change roles.
  void borrow(Slot &slot, void *memory);
  /// Takes back an argument that was lent memory: it has its own again.
  Result<void> own(Slot &slot);
  /// Lets calls that never run at the same time work in one memory.
  void shareArena(std::shared_ptr<Buffer> memory) {
    sharedArena = std::move(memory);
  }
  /// Only holds data from now on, for other functions that read them: takes no
  /// scratch memory, keeps nothing that is made of the weights, and is not run.
  void holdOnly();
  /// Runs again, after `Weights::bind` and `resize`.
  void holdAndRun() { function = code->entry(entry); }
  /// Bytes of scratch memory at these extents by axis name, without resizing.
  int64_t arenaFor(const std::map<std::string, int64_t> &extents) const;
  /// Changes one extent that no shape has, such as the number of a step.
  void setExtent(const std::string &axis, int64_t value);
  /// Bytes of all memory that the call has made for itself and that is neither
  /// data nor arena.
  int64_t ownedBytes() const;
  /// Lets the call use what others have made of the same weights, which all its
  /// parameters must be. `generation` is theirs; it is counted up if the call
  /// changes them.
  void share(std::shared_ptr<Prepared> kept,
             std::shared_ptr<Generation> generation);
  /// Bytes of what is made of the weights alone.
  int64_t preparedBytes() const { return preparedSize; }
  const std::shared_ptr<Code> &compiled() const { return code; }
  void setKey(int64_t key) { call.key = key; }
  bool usesKey() const { return hasKey; }
  /// How many threads run it, after `resize`: more would be slower.
  int64_t threads() const { return call.threads; }
  /// Bytes of all memory of the call that is no argument or result.
  int64_t arenaBytes() const { return arenaSize + preparedSize; }

  /// Runs it. Does not allocate. Afterwards the state arguments hold the new
  /// states, at other addresses than before if they are not borrowed.
  void run();

private:
  Call() = default;
  /// Lengths along `T/2` from those along T, of which `derived` knows.
  void deriveLengths();
  void findDerivedLengths();
  void link();
  void runOnTeam();
  /// Runs it and fills what is made of the weights.
  void fillPrepared();
  /// Gives each slot of a state the memory that its data lie in.
  void settle();
  /// Takes as many of the team's threads as the extents are worth.
  void chooseThreads();

  std::shared_ptr<Code> code;
  /// The threads there are, and those that run the call; null: only the
  /// caller's.
  std::shared_ptr<Team> team, active;
  Executable::Threads threadsFunction = nullptr;
  std::string entry;
  /// Null while the call only holds data.
  Executable::Entry function = nullptr;
  Executable::ArenaBytes arenaFunction = nullptr;
  std::vector<std::string> axes;
  std::vector<int64_t> extents;
  std::vector<Slot> arguments, returned;
  std::vector<void *> argPointers, resultPointers;
  /// State arguments and the results that follow them.
  std::vector<std::pair<size_t, size_t>> statePairs;
  /// Of these, the ones that change roles after a run, and those whose result is
  /// copied. Roles change by tables: those of the next run stand ready.
  struct StatePair {
    Slot *in, *out;
  };
  std::vector<StatePair> turning, copied;
  std::vector<void *> turnedArgs, turnedResults;
  void *const *otherArgs = nullptr, *const *otherResults = nullptr;
  bool isTurned = false;
  /// Arguments of lengths that follow from another one, of every so many steps.
  struct Derived {
    size_t to, from;
    int64_t every;
  };
  std::vector<Derived> derived;
  Buffer arena, ownPrepared;
  std::shared_ptr<Buffer> sharedArena;
  std::shared_ptr<Prepared> prepared;
  std::shared_ptr<Generation> generation;
  int64_t arenaSize = 0, preparedSize = 0;
  bool hasKey = false, changesWeights = false;
  rnnrt_call call = {};
};

/// The key of the draws of an update.
int64_t drawKey(int64_t seed, int64_t update);

} // namespace rnnc::driver

#endif
