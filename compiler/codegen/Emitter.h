//===- Emitter.h - From tensors to loops over memory ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Takes a function of rnn ops and step.maps on tensors and writes the function
// that runs it: loops, vectors and pointers, every buffer in one arena.
// Movement (slice, broadcast, reshape, a step of a sequence) costs nothing: it
// is another view of the same memory. Values are computed where they end up:
// in the emitted sequence, the joined buffer, the result.
//
// Every thread of a team runs the function; kernels split their rows, and a
// barrier stands only where one thread reads what another wrote.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_CODEGEN_EMITTER_H
#define RNNC_COMPILER_CODEGEN_EMITTER_H

#include "compiler/codegen/Kernels.h"
#include "compiler/codegen/Layout.h"
#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/step/IR/StepDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/SetVector.h"
#include <map>
#include <set>
#include <string>

namespace rnnc::codegen {

/// How the rows of a kernel are shared among the threads. Kernels with equal
/// keys give each thread the same rows.
struct Partition {
  std::string key;
  mlir::Value low, high;
  /// How many leading dims of the domain make the rows.
  int64_t dims = 1;
};

/// What is known of the calls of a function.
struct Calls {
  /// Rows and threads that are usual; any number is right.
  int64_t rows = 32, threads = 1;
  /// All axes but the batch have one step in each call.
  bool singleStep = false;
};

/// Whether an op does not compute, but looks at memory in another way.
bool isView(mlir::Operation *op);

class Emitter {
public:
  Emitter(mlir::func::FuncOp source, int64_t vectorBits, Kernels &kernels,
          const Calls &calls);

  /// Writes the function and its `_arena`, `_prepared` and `_threads`
  /// companions behind the source.
  llvm::LogicalResult run();

private:
  using Value = mlir::Value;
  using Values = llvm::SmallVector<Value>;

  //===--- Small pieces of code (EmitterCode.cpp) ---===//
  Value constant(int64_t value);
  Value value(const Monomial &monomial);
  Value add(Value a, Value b);
  Value mul(Value a, Value b);
  Value offset(Value pointer, Value entries, mlir::Type element);
  Value load(mlir::Type type, Value pointer);
  void store(Value value, Value pointer);
  void forRange(Value low, Value high, int64_t step,
                llvm::function_ref<void(Value)> body);
  Values forReduce(Value low, Value high, int64_t step, mlir::ValueRange init,
                   llvm::function_ref<Values(Value, mlir::ValueRange)> body);
  void ifThen(Value condition, llvm::function_ref<void()> then);
  Values ifElse(Value condition, mlir::TypeRange types,
                llvm::function_ref<Values()> then,
                llvm::function_ref<Values()> otherwise);
  Value compare(mlir::arith::CmpIPredicate predicate, Value a, Value b);
  Value floatConstant(mlir::Type type, double value);
  Value splat(Value scalar, int64_t lanes);
  /// Loads or stores `lanes` neighbours along a dim of stride `stride`; only
  /// the first `count` of them if `count` is given.
  Value loadLanes(const View &view, Value pointer, const Monomial &stride,
                  int64_t lanes, Value count);
  void storeLanes(Value lanes, const View &view, Value pointer,
                  const Monomial &stride, Value count);
  Value laneMask(int64_t lanes, Value count);
  /// Runs `body(index, lanes, count)` over [0, size): whole vectors of `lanes`,
  /// then a rest with a count.
  void forLanes(const Monomial &size, int64_t lanes,
                llvm::function_ref<void(Value, Value)> body);
  int64_t lanesOf(mlir::Type element) const;

  /// The same over [low, high) from `low` on; a high below low is an error.
  void forVectors(Value low, Value high, int64_t lanes,
                  llvm::function_ref<void(Value, Value)> body);

  //===--- Kernels over entries in one piece (EmitFlat.cpp) ---===//
  /// What a kernel computes per entry: a result of a map's body from entries
  /// of the map's inputs, or, without a map, the entry of the only view.
  struct Terms {
    Views views;
    step::MapOp map;
    unsigned result = 0;
  };
  /// A private function of the module that is made once per key. `write`
  /// writes its body and may use nothing of this entry's but types.
  mlir::func::FuncOp
  sharedFunction(llvm::StringRef prefix, const std::string &key,
                 mlir::TypeRange arguments, mlir::TypeRange results,
                 llvm::function_ref<Values(mlir::ValueRange)> write);
  /// A text that is equal for kernels that compute the same.
  std::string keyOf(const Terms &terms, mlir::ArrayRef<unsigned> results);
  /// Whether one entry stands for all.
  static bool isSingle(const View &view);
  /// Results of a map's body, on vectors of `lanes` or (0) on scalars.
  Values emitBody(step::MapOp map, mlir::ValueRange arguments, int64_t lanes,
                  mlir::ArrayRef<unsigned> results);
  Values emitTerms(const Terms &terms, mlir::ValueRange entries, int64_t lanes,
                   mlir::ArrayRef<unsigned> results);
  /// Splits entries that lie in one piece; bounds count entries. Run-time dims
  /// that lead are split as `partition` does.
  Partition partitionFlat(int64_t entries);
  Partition partitionFlat(const Shape &domain);
  /// The map as a call of a shared function; false where something does not
  /// lie in one piece.
  bool emitFlatMap(step::MapOp map, const Views &inputs,
                   mlir::ArrayRef<std::pair<unsigned, View>> stores,
                   const Shape &domain);

  //===--- Shapes (EmitterShapes.cpp) ---===//
  /// The extents of any tensor, also of one that has no code yet.
  llvm::FailureOr<Shape> shapeOf(Value tensor);

  //===--- Views (EmitterViews.cpp) ---===//
  llvm::FailureOr<View> viewOf(Value tensor);
  /// The view of one entry along `dim`.
  View at(const View &view, int64_t dim, Value index);
  View sliceOf(const View &view, int64_t dim, int64_t from, int64_t size);
  Value pointerAt(const View &view, mlir::ArrayRef<Value> index);
  bool emitViewOp(mlir::Operation *op);

  //===--- Memory (EmitterMemory.cpp) ---===//
  /// Where a result should be computed.
  View destination(mlir::OpResult result, const Shape &shape);
  /// `behind`: room for as many more entries behind the shape.
  View allocate(mlir::Type element, const Shape &shape, int death,
                const Shape *behind = nullptr);
  View scratch(mlir::Type element, const Shape &shape);
  int lastUse(Value tensor);
  int topIndex(mlir::Operation *op);
  bool canCarry(rnn::YieldOp yield, unsigned number, mlir::Operation *producer);
  bool canOverwrite(Value old, mlir::Operation *writer, mlir::Block *block);
  void freeSlots(int index);
  void placeSlots();
  void writeArenaFunction();
  /// Bytes of a value in a slot.
  static Monomial bytesFor(mlir::Type element, const Shape &shape);

  //===--- What does not change between calls (EmitterPrepared.cpp) ---===//
  /// Finds what depends on parameters and constants alone.
  void findPrepared(mlir::Block &block);
  /// Whether a value of the function's block is computed once and kept by the
  /// caller. Always false where the function changes parameters.
  bool isFromParams(Value tensor) const { return fromParams.contains(tensor); }
  /// Writes what `emit` writes into the branch that runs only while the
  /// caller's memory is not filled. Only for what is made from such values.
  void prepare(llvm::function_ref<void()> emit);
  /// Memory for a copy of `weight` in another layout, kept by the caller if
  /// the weight is; then the copying belongs in `prepare`.
  View allocatePacked(mlir::Type element, const Shape &shape, Value weight);
  View allocatePrepared(mlir::Type element, const Shape &shape);
  void startPrepared();
  /// Gives prepared memory its addresses; returns the bytes of the arena that
  /// the branch needs for itself.
  int64_t placePrepared();
  /// Moves into the branch what only the branch reads.
  void sinkIntoPrepared();
  void writePreparedFunction();

  //===--- Work shared by threads (EmitterThreads.cpp) ---===//
  /// Splits the leading run-time dims of a domain, or its first dim.
  Partition partition(const Shape &domain);
  /// The bounds of this thread's part of [0, count).
  std::pair<Value, Value> shareOfThread(Value count);
  Partition partitionRows(std::string key, const Monomial &rows);
  Partition serial();
  /// Splits units in whole shares of `unitsPerShare`.
  Partition partitionUnits(int64_t units);
  /// Whether the kernel's units are split, rather than its rows.
  bool splitsUnits(mlir::Operation *op);
  /// Notes what a kernel reads and writes; puts a barrier before it if needed.
  void access(const Partition &partition, mlir::ArrayRef<View> alignedReads,
              mlir::ArrayRef<View> otherReads, mlir::ArrayRef<View> writes);
  void barrier();
  /// Runs `body(row views)` for each of this thread's rows: the leading
  /// `count` dims of every view are gone.
  void forRows(const Partition &partition, int64_t count,
               mlir::ArrayRef<View> views,
               llvm::function_ref<void(mlir::ArrayRef<View>, mlir::ArrayRef<Value>)>
                   body);

  //===--- What threads are worth (EmitterEffort.cpp) ---===//
  /// A polynomial in the extents: coefficients by the numbers of the extents.
  using Polynomial = std::map<std::vector<int>, int64_t>;
  /// Picoseconds of a meeting: what one core wrote goes to the other, and the
  /// later of the two is waited for. Measured: 40 to 75 ns with nothing to wait
  /// for; a second thread begins to pay where the work between two meetings is
  /// more than 283 and less than 345 ns, which is twice this.
  static constexpr int64_t kMeeting = 160000;
  /// Steps of a time axis that are taken to be usual, where all that hangs on
  /// it is time.
  static constexpr int64_t kUsualSteps = 64;
  /// Adds what an op that is emitted now will take.
  void noteEffort(mlir::Operation *op);
  /// What one run of an op takes, in picoseconds.
  Polynomial effortOf(mlir::Operation *op);
  /// A polynomial with the usual rows and steps.
  int64_t usual(const Polynomial &polynomial) const;
  /// What passing sequences between the loops that one thread runs and the work
  /// that threads share takes, in picoseconds.
  Polynomial exchanged();
  void writeThreadsFunction();

  //===--- Ops ---===//
  llvm::LogicalResult emitBlock(mlir::Block &block);
  llvm::LogicalResult emitOp(mlir::Operation *op);
  llvm::LogicalResult emitScan(rnn::ScanOp scan);
  void emitYield(rnn::ScanOp scan);

  //===--- What runs beside a loop over time (EmitBeside.cpp) ---===//
  /// A product that needs each step's entries when the step is done.
  struct Beside;
  /// Decides that thread 0 alone runs the loop; finds what the others do.
  bool runsAlone(rnn::ScanOp scan, llvm::SmallVectorImpl<rnn::ContractOp> &after);
  /// Prepares such a product; `before` are those of the same loop.
  std::optional<Beside> startBeside(rnn::ScanOp scan, rnn::ContractOp op,
                                    const std::vector<Beside> &before);
  /// The part of steps [first, last), counted in the order of the loop, shared
  /// by `helpers` threads of which this is number `helper`.
  void emitBeside(const Beside &beside, Value first, Value last, Value helper,
                  Value helpers);
  /// The loop of `end` steps, each written by `step`.
  void emitLoopAlone(rnn::ScanOp scan, Value end,
                     mlir::ArrayRef<rnn::ContractOp> after,
                     llvm::function_ref<void(Value)> step);
  /// What is written between two calls is for one thread only: it shares
  /// nothing and waits for nobody.
  void switchAlone();
  void endOfStep(int barriersBefore);
  /// Packs the weights of a scan's products before its loop.
  void packOutside(rnn::ScanOp scan);
  llvm::LogicalResult emitReturn(mlir::func::ReturnOp op);
  llvm::LogicalResult emitConstant(mlir::arith::ConstantOp op);
  llvm::LogicalResult emitMap(step::MapOp map);
  bool isFewNumbers(step::MapOp map, const Shape &domain);
  /// A stage cut into panels.
  struct StagePlan;
  llvm::LogicalResult emitStage(step::StageOp stage);
  llvm::LogicalResult emitMapByUnits(step::MapOp map, const Shape &domain);
  /// The body of a map or stage over [rows, units], panel by panel.
  llvm::LogicalResult emitKernel(mlir::Operation *op,
                                 mlir::ValueRange operands,
                                 mlir::ResultRange results, mlir::Block &body,
                                 const Shape &domain, const StagePlan &plan);
  struct StageDot;
  /// The sums of one product for one row and one panel.
  Values rowSums(const StagePlan &plan, const StageDot &dot, int64_t inputs,
                 mlir::ArrayRef<View> row, Value number, Value panel,
                 mlir::ValueRange before);
  llvm::FailureOr<View> packStage(step::StageOp stage, unsigned product,
                                  mlir::ArrayRef<int64_t> parts,
                                  int64_t groups);
  llvm::LogicalResult packStages(step::StageOp stage);
  Value stackBuffer(int64_t bytes);
  /// Units that are never divided between threads.
  int64_t unitsPerShare(int64_t units) const;
  int64_t mostGroups(int64_t units, int64_t lanes) const;
  llvm::LogicalResult emitContract(rnn::ContractOp op);
  /// A contract as a matrix product: labels and where they lie.
  struct Product;
  /// Decides whether packed panels can serve the op.
  bool isProduct(rnn::ContractOp op, Product &product);
  struct ProductTerms;
  llvm::FailureOr<ProductTerms> termsOf(const View &view, llvm::StringRef viewLabels,
                                 llvm::StringRef labels, bool descending,
                                 const View *valid);
  llvm::FailureOr<View> packRight(rnn::ContractOp op, const Product &product,
                                  const View *valid);
  llvm::LogicalResult emitProduct(rnn::ContractOp op, const Product &product,
                                  const View &out, bool &done);
  /// The valid (t, b) entries of a value, one behind the other.
  View compact(const View &view, const View &valid, bool descending,
               Value &count);
  /// One operand of a labelled loop nest.
  struct Labelled {
    View view;
    std::string labels;
  };
  /// result[out] = combine over the labels of `sums` of the operands' entries.
  void emitLabelledLoops(
      const View &out, llvm::StringRef outLabels, llvm::StringRef sums,
      bool descending, mlir::ArrayRef<Labelled> operands, const Labelled *acc,
      const View *valid, double start,
      llvm::function_ref<Value(mlir::ArrayRef<Value>, Value)> combine,
      bool zeroIfNone);
  /// The same with `merge` for two partial results.
  void emitLabelledLoops(
      const View &out, llvm::StringRef outLabels, llvm::StringRef sums,
      bool descending, mlir::ArrayRef<Labelled> operands, const Labelled *acc,
      const View *valid, double start,
      llvm::function_ref<Value(mlir::ArrayRef<Value>, Value)> combine,
      bool zeroIfNone, llvm::function_ref<Value(Value, Value)> merge);

  //===--- Reductions (EmitReduce.cpp, EmitColumns.cpp) ---===//
  llvm::LogicalResult emitReduce(rnn::ReduceOp op);
  /// Rewrites the source: a map that only reductions read stands right in
  /// front of its reduction, which computes it on the fly.
  void foldMapsIntoReductions();
  bool isFolded(mlir::Operation *op) const;
  llvm::FailureOr<Terms> reducedTerms(rnn::ReduceOp op);
  Value combine(rnn::ReduceKind kind, Value x, Value y);
  Value reduceStart(rnn::ReduceKind kind, mlir::Type type);
  Value foldLanes(Value lanes, llvm::function_ref<Value(Value, Value)> merge);
  mlir::func::FuncOp rangeSum(const Terms &terms, rnn::ReduceKind kind,
                              mlir::Type element);
  /// Sums pieces of `length` of `all` entries by `sum`, which rangeSum made, into
  /// the partial sums of a share.
  void sumPieces(const Terms &terms, mlir::func::FuncOp sum,
                 const View &partials, mlir::Value length, mlir::Value all,
                 const Partition &share);
  /// Reductions to one entry: partial sums of fixed pieces, shared by threads.
  /// False where the entries do not lie so.
  bool emitTotal(rnn::ReduceOp op, const Terms &terms, const View &out,
                 const View *acc, const View *valid);
  /// Adds up the partial sums of all reductions before; one barrier for all.
  void addPartialSums();
  bool readsPartialSums(mlir::Operation *op);
  /// Sums of rows; false where rows are not such.
  bool emitColumns(rnn::ReduceOp op, const Terms &terms, const View &out,
                   const View *acc, const View *valid);

  llvm::LogicalResult emitSoftmax(mlir::Operation *op, const View &in,
                                  llvm::StringRef over, llvm::StringRef labels,
                                  Value valid, bool logarithm);
  /// Runs `step(sum, entries, place, count)` over a row and merges the sums of
  /// all lanes. Every count of entries has one fixed order.
  Value sweepRow(const View &row, int64_t lanes, double start, double filler,
                 llvm::function_ref<Value(Value, Value, Value, Value)> step,
                 llvm::function_ref<Value(Value, Value)> merge);
  Value maxOfRow(const View &row, int64_t lanes);
  /// The sum of exp(z - max); also stores the terms if `exps` is given.
  Value sumOfRow(const View &row, Value max, int64_t lanes, const View *exps);
  /// Rewrites the source: the gradient of a loss follows the loss where it can.
  void pairLosses();
  bool canTakeLogits(rnn::CrossEntropyGradOp grad);
  llvm::LogicalResult emitCrossEntropy(rnn::CrossEntropyOp op);
  llvm::LogicalResult emitCrossEntropyGrad(rnn::CrossEntropyGradOp op);
  llvm::LogicalResult emitCrossEntropyRows(rnn::CrossEntropyOp loss,
                                           rnn::CrossEntropyGradOp grad);
  llvm::LogicalResult emitGather(rnn::GatherOp op);
  llvm::LogicalResult emitScatterAdd(rnn::ScatterAddOp op);
  llvm::LogicalResult emitOneHot(rnn::OneHotOp op);
  llvm::LogicalResult emitArgMax(rnn::ArgMaxOp op);
  llvm::LogicalResult emitPlace(rnn::PlaceOp op);
  llvm::LogicalResult emitConcat(rnn::ConcatOp op);
  llvm::LogicalResult emitShift(rnn::ShiftOp op);
  llvm::LogicalResult emitReverse(rnn::ReverseOp op);
  llvm::LogicalResult emitPick(rnn::PickOp op);
  llvm::LogicalResult emitPut(rnn::PutOp op);
  llvm::LogicalResult emitMask(rnn::MaskOp op);
  llvm::LogicalResult emitValid(rnn::ValidOp op);
  llvm::LogicalResult emitValidSteps(rnn::ValidStepsOp op);
  llvm::LogicalResult emitIota(rnn::IotaOp op);
  llvm::LogicalResult emitPosition(rnn::PositionOp op);
  llvm::LogicalResult emitDraw(mlir::Operation *op, Value key, int64_t stream,
                               Value at, mlir::ValueRange sizes, bool sequence,
                               bool normal);
  void copy(const View &from, const View &to);
  /// All entries, by whoever runs this code.
  void copyEntries(const View &from, const View &to);
  void fill(const View &to, double value);
  bool isFlat(const View &view) const;
  /// All entries become 0, by whoever runs this code.
  void zeroEntries(const View &view);
  /// Runs `body(t, row, entries of out there)` over the steps of a sequence,
  /// shared by threads. Where rows are neither shared nor asked for, `row` is
  /// null and the entries are those of all rows.
  void forSteps(const View &out, const Views &reads, bool rows,
                llvm::function_ref<void(Value, Value, const View &)> body);
  /// Rows that are no longer valid at `position`: zero, or keep the old value.
  void zeroPadding(const View &rows, const View &lengths, Value position);
  void copyValid(const View &from, const View &to, const View &lengths,
                 Value position);
  /// Whether the view has a dim for the rows that have the lengths.
  static bool hasRows(const View &view, const View &lengths);
  /// The greatest of the lengths, at most `steps`.
  Value longest(const View &lengths, Value steps);
  /// The length of row `row` as i64, or `all` where there are no lengths.
  Value lengthOf(const View *lengths, Value row, Value all);
  /// Whether (t, b) is valid: lengths or a mask; null means always.
  Value validAt(const View *valid, Value t, Value b);

  //===--- State ---===//
  mlir::func::FuncOp source;
  int64_t vectorBits;
  Kernels &kernels;
  Calls calls;
  mlir::OpBuilder b;
  mlir::Location loc;
  mlir::MLIRContext *context;
  mlir::func::FuncOp target;
  mlir::Type ptr, i64;
  /// Before it go values of extents; before `bodyMarker` the slots' addresses.
  mlir::Operation *slotMarker = nullptr, *bodyMarker = nullptr;
  Value call, thread, threads, arena;
  /// Whether one thread only runs what is being written, which then is thread 0
  /// of 1; and what those two and the partitions are otherwise.
  bool isAlone = false;
  /// Whether the loop that is being written is for one thread only.
  bool loopIsAlone = false;
  /// The loops that one thread runs, once written.
  llvm::SetVector<mlir::Operation *> loopsAlone;
  Value otherThread, otherThreads;
  std::map<std::string, Partition> otherPartitions;
  /// Written already, beside a loop.
  llvm::DenseSet<mlir::Operation *> writtenBeside;
  /// Numbers of extents, by the source's index arguments.
  llvm::DenseMap<Value, int> extentNumbers;
  llvm::StringMap<int> extentNames;
  Values extentValues;
  std::map<std::pair<int64_t, std::vector<int>>, Value> monomialValues;
  std::map<std::string, Partition> partitions;
  /// Memory on the stack, by its size in bytes.
  std::map<int64_t, Value> stackBuffers;
  /// Index and integer scalars of the source (positions, the key).
  mlir::IRMapping scalars;
  llvm::DenseMap<Value, View> views;
  Storage storages = 0;
  llvm::DenseMap<mlir::Operation *, int> order;
  int currentTop = 0;

  struct Slot {
    Monomial bytes;
    Value placeholder;
    Storage storage;
    int death;
    bool free;
    /// Bytes behind those.
    std::optional<Monomial> behind;
  };
  std::vector<Slot> slots;

  struct PreparedSlot {
    Monomial bytes;
    Value placeholder;
    Storage storage;
  };
  std::vector<PreparedSlot> preparedSlots;
  llvm::DenseSet<Value> fromParams;
  mlir::scf::IfOp preparing;
  bool isPreparing = false;
  /// Of the caller's memory, and of the arena while it is filled.
  int64_t preparedBytes = 0, onceBytes = 0;

  /// Values that are already where an op wants them.
  std::set<std::pair<mlir::Operation *, unsigned>> done;
  llvm::DenseMap<mlir::Operation *, View> concatViews;
  Views resultViews;
  /// How a carried value lies in memory (EmitScan.cpp).
  struct Carry {
    enum { InPlace, Ring, Sequence, Once } kind = InPlace;
    View memory;
    /// Of Once: what comes in.
    View initial;
  };
  struct ScanFrame {
    rnn::ScanOp scan;
    Value position;
    std::vector<Carry> plans;
    /// Emissions that lie where the carried value does.
    std::vector<std::optional<View>> sharedEmits;
    /// In the step that is being written: what is emitted, and carried values
    /// as they come in and go out.
    Views emitted, carries, nexts;
  };
  llvm::LogicalResult planCarries(ScanFrame &frame, const Monomial &steps);
  void placeCarries(ScanFrame &frame, Value i);
  bool endsWithLongest(const ScanFrame &frame, const Views &wholes,
                       const View &lengths);
  llvm::SmallVector<ScanFrame> frames;
  /// Further places that want a value, written by the kernel that makes it.
  Views extraDestinations(mlir::OpResult result);

  llvm::DenseSet<mlir::Operation *> folded;
  llvm::DenseMap<mlir::Operation *, rnn::CrossEntropyGradOp> lossGradients;
  struct PartialSums {
    rnn::ReduceOp op;
    View partials, out;
    std::optional<View> acc;
    bool descending;
  };
  std::vector<PartialSums> partialSums;

  struct Accesses {
    std::set<std::string> writers, alignedReaders;
    bool otherReaders = false;
  };
  std::map<Storage, Accesses> accesses, preparedAccesses;
  /// Barriers written so far.
  int barriers = 0;
  /// Picoseconds of work that is shared, and of meetings of all threads, in a
  /// call.
  Polynomial work, meetings;
  /// How often what is being written runs in a call.
  Monomial turns;
  /// False in what is written a second time.
  bool countsEffort = true;
  /// Packed right-hand sides, by (value, labels of the product).
  std::map<std::pair<void *, std::string>, View> packed;
  /// Where the terms of sums over several dims lie, and how many there are, by
  /// how the dims lie.
  std::map<std::string, std::pair<View, View>> termLists;
  /// Products written so far outside loops.
  int products = 0;
};

} // namespace rnnc::codegen

#endif
