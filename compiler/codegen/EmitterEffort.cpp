//===- EmitterEffort.cpp - How many threads a call is worth ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every kernel adds an estimate of its time, every barrier counts as one
// meeting; both are polynomials in the extents. One thread more takes its share
// of the work and makes every meeting longer, so what a call is worth follows
// from the work between two meetings. Where one thread runs a loop alone, what
// the loop and the others read of each other goes from core to core besides. The
// result is the same for any number of threads: a poor estimate costs time and
// nothing else.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "dialects/rnn/IR/Remarks.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

// Picoseconds of one core with vectors of 512 bits (docs/performance.md).
/// A multiply-add whose operands are at hand, and what reading a weight adds,
/// which all rows share.
static constexpr int64_t kMultiplyAdd = 20, kWeight = 20;
/// An operation on one entry; one that is a polynomial, such as exp.
static constexpr int64_t kSimple = 15, kElementary = 250;
/// A loop over entries or rows, however few: what it computes first waits for
/// what was computed last.
static constexpr int64_t kLoop = 15000;
/// A line of 64 bytes that one core wrote and another reads: 7 to 40 ns where it
/// is waited for. With 10, of the suite's small cells whose loops one thread runs,
/// those take a second that were clearly faster with it.
static constexpr int64_t kLine = 10000;
/// A run begins and ends with a meeting.
static constexpr int64_t kMeetingsOfRun = 2;

/// The cost of a body for one entry.
static int64_t costOf(Block &body) {
  int64_t cost = kSimple;
  for (Operation &op : body.without_terminator()) {
    StringRef dialect = op.getDialect()->getNamespace();
    if (isa<arith::ConstantOp>(op))
      continue;
    cost += dialect == "arith" ? kSimple : kElementary;
  }
  return cost;
}

void Emitter::noteEffort(Operation *op) {
  // What one thread does alone is not shared.
  if (isPreparing || isAlone || !countsEffort)
    return;
  // Nor is one row whose units are one share.
  if (isa<step::StageOp>(op) && calls.rows == 1 && !splitsUnits(op))
    return;
  for (const auto &[extents, cost] : effortOf(op)) {
    Monomial amount = turns;
    amount.extents.append(extents.begin(), extents.end());
    llvm::sort(amount.extents);
    work[{amount.extents.begin(), amount.extents.end()}] +=
        amount.coefficient * cost;
  }
}

Emitter::Polynomial Emitter::effortOf(Operation *op) {
  Polynomial effort;
  auto add = [&](const Monomial &amount, int64_t cost) {
    effort[{amount.extents.begin(), amount.extents.end()}] +=
        amount.coefficient * cost * 512 / vectorBits;
  };
  auto entries = [&](Value tensor, int64_t cost) {
    if (auto shape = shapeOf(tensor); succeeded(shape))
      add(product(*shape), cost);
  };
  if (auto stage = dyn_cast<step::StageOp>(op)) {
    auto source = shapeOf(stage.getSources()[0]);
    if (failed(source))
      return effort;
    Monomial rows = source->front();
    int64_t units = stage.getDomain().getShape()[1], weights = 0;
    for (unsigned i = 0; i < stage.getSources().size(); ++i) {
      auto type = cast<RankedTensorType>(stage.getSources()[i].getType());
      weights += units * static_cast<int64_t>(stage.getPartsOf(i).size()) *
                 type.getDimSize(1);
    }
    add(rows * Monomial(weights), kMultiplyAdd);
    add(Monomial(weights), kWeight);
    add(rows * Monomial(units), costOf(*stage.getBlock()));
  } else if (auto map = dyn_cast<step::MapOp>(op)) {
    add(Monomial(1), kLoop);
    if (!map.getInputs().empty())
      entries(map.getInputs().front(), costOf(*map.getBlock()));
  } else if (auto contract = dyn_cast<rnn::ContractOp>(op)) {
    auto left = shapeOf(contract.getLhs()), right = shapeOf(contract.getRhs());
    if (failed(left) || failed(right))
      return effort;
    Monomial all = product(*left);
    for (auto [label, size] : llvm::zip(contract.getRhsLabels(), *right))
      if (!contract.getLhsLabels().contains(label))
        all = all * size;
    add(all, kMultiplyAdd);
  } else if (isa<rnn::CrossEntropyOp, rnn::SoftmaxOp, rnn::LogSoftmaxOp>(op)) {
    entries(op->getOperand(0), kElementary);
  } else if (isa<rnn::ReduceOp, rnn::GatherOp, rnn::ScatterAddOp>(op)) {
    add(Monomial(1), kLoop);
    entries(op->getOperand(0), kSimple);
  }
  return effort;
}

int64_t Emitter::usual(const Polynomial &polynomial) const {
  int64_t sum = 0;
  for (auto [extents, term] : polynomial) {
    for (int extent : extents)
      term *= extentNames.lookup("B") == extent ? calls.rows
              : calls.singleStep                ? 1
                                                : kUsualSteps;
    sum += term;
  }
  return sum;
}

/// The op that computes what a value looks at; null for arguments.
static Operation *makerOf(Value value) {
  Operation *maker = value.getDefiningOp();
  while (maker && isView(maker))
    maker = maker->getOperand(0).getDefiningOp();
  return maker;
}

/// Whether an op that threads share computes from the value.
static bool isReadOutside(Value value,
                          function_ref<bool(Operation *)> isInside) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    if (isView(user))
      return llvm::any_of(user->getResults(), [&](Value looked) {
        return isReadOutside(looked, isInside);
      });
    return !isa<func::ReturnOp>(user) && !isInside(user);
  });
}

Emitter::Polynomial Emitter::exchanged() {
  Polynomial result;
  auto isInside = [&](Operation *op) { return loopsAlone.contains(op); };
  auto add = [&](Value sequence) {
    auto shape = shapeOf(sequence);
    if (failed(shape))
      return;
    Monomial entries = product(*shape);
    int64_t bits = cast<RankedTensorType>(sequence.getType())
                       .getElementTypeBitWidth();
    result[{entries.extents.begin(), entries.extents.end()}] +=
        entries.coefficient * bits * kLine / 512;
  };
  for (Operation *op : loopsAlone) {
    auto scan = cast<rnn::ScanOp>(op);
    for (Value seq : scan.getSeqs()) {
      Operation *maker = makerOf(seq);
      if (maker && !isInside(maker))
        add(seq);
    }
    for (Value emitted : scan.getEmitted())
      if (isReadOutside(emitted, isInside))
        add(emitted);
  }
  return result;
}

/// Of `most` threads, those that a call is worth: with p threads there, one
/// more saves work / (p (p + 1)). What is exchanged comes with the second, which
/// saves half of the work.
static int64_t threadsFor(int64_t work, int64_t meetings, int64_t exchanged,
                          int64_t most) {
  int64_t threads = 1;
  while (threads < most &&
         threads * (threads + 1) * meetings + 2 * exchanged <= work)
    ++threads;
  return threads;
}

void Emitter::writeThreadsFunction() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointAfter(target);
  auto function =
      func::FuncOp::create(b, loc, (source.getName() + "_threads").str(),
                           b.getFunctionType({ptr, i64}, {i64}));
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  meetings[{}] += kMeetingsOfRun * kMeeting;
  auto evaluate = [&](const Polynomial &polynomial) {
    Value sum = constant(0);
    for (const auto &[extents, coefficient] : polynomial) {
      Value term = constant(coefficient);
      for (int extent : extents)
        term = mul(term, load(i64, offset(entry->getArgument(0),
                                          constant(extent), i64)));
      sum = add(sum, term);
    }
    return sum;
  };
  Value all = evaluate(work);
  Value waiting = evaluate(meetings);
  const Polynomial lines = exchanged();
  Value passing = mul(evaluate(lines), constant(2));
  Value best = forReduce(
      constant(1), entry->getArgument(1), 1, constant(1),
      [&](Value now, ValueRange best) -> Values {
        Value more = add(now, constant(1));
        Value pays =
            compare(arith::CmpIPredicate::sle,
                    add(mul(mul(now, more), waiting), passing), all);
        return {arith::SelectOp::create(b, loc, pays, more, best[0])};
      })[0];
  func::ReturnOp::create(b, loc, best);

  if (!rnn::wantsRemarks(source) || calls.threads < 2)
    return;
  int64_t time = usual(work), times = usual(meetings);
  int64_t passed = usual(lines), intervals = times / kMeeting;
  int64_t threads = threadsFor(time, times, passed, calls.threads);
  rnn::remarkFact(
      source, "threads", "codegen",
      "'" + source.getName() + "' of " + rnn::counted(calls.rows, "row") +
          " has about " + std::to_string(time / intervals / 1000) +
          " ns of work from one meeting of its threads to the next" +
          (passed ? ", and " + std::to_string(passed / intervals / 1000) +
                        " ns for what goes from core to core: "
                  : std::string(": ")) +
          (threads == 1 ? std::string("one thread is faster than more")
                        : "up to " + std::to_string(threads) + " of " +
                              std::to_string(calls.threads) +
                              " threads are worth it"));
}
