//===- EmitBeside.cpp - What runs beside a loop over time ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where rows are few, the threads of a loop over time can share its units, at a
// meeting for each product that depends on the one before. If those cost more
// than they gain, thread 0 runs the loop alone, in the code that one thread
// would run. The others compute meanwhile what is needed of the steps that are
// done, a few at a time: products over all steps, such as the gradients of
// weights. Each entry of those is one chain of fused multiply-adds in the order
// of the steps, which goes on from part to part, so that changes no bit.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Contract.h"
#include "dialects/rnn/IR/Remarks.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

/// Steps from one meeting to the next: enough for a product of few terms to be
/// worth its passes over the result.
static constexpr int64_t kStepsAtATime = 16;

struct Emitter::Beside {
  /// Whether time is among the terms, rather than the rows.
  bool sums = false;
  View out, packed;
  ProductTerms left, right;
  Monomial leftRow, outRow, rows, rightColumn;
  int64_t columns = 0;
  /// Terms or rows of a step.
  Monomial perStep;
  bool reverse = false;
  Value steps;
};

void Emitter::switchAlone() {
  if (!otherThread) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(slotMarker);
    otherThread = constant(0);
    otherThreads = constant(1);
  }
  isAlone = !isAlone;
  std::swap(thread, otherThread);
  std::swap(threads, otherThreads);
  std::swap(partitions, otherPartitions);
}

/// How often threads that share units would meet in a step, at least: once for
/// each op of the longest chain that reads whole rows. A sum of a row is made by
/// one thread, which takes a meeting more.
static int64_t meetingsOfStep(rnn::ScanOp scan) {
  llvm::DenseMap<Operation *, int64_t> depths;
  int64_t most = 1;
  for (Operation &op : *scan.getBlock()) {
    int64_t depth = 0;
    for (Value operand : op.getOperands())
      if (Operation *maker = operand.getDefiningOp())
        depth = std::max(depth, depths.lookup(maker));
    if (isa<step::StageOp, rnn::ContractOp>(op))
      depth += 1;
    else if (isa<rnn::ReduceOp, rnn::SoftmaxOp, rnn::LogSoftmaxOp>(op))
      depth += 2;
    depths[&op] = depth;
    most = std::max(most, depth);
  }
  return most;
}

/// Whether time leads the labels of what the loop emits.
static bool isOverTime(rnn::ScanOp scan, Value value, StringRef labels) {
  return value.getDefiningOp() != scan || labels.starts_with("t");
}

bool Emitter::runsAlone(rnn::ScanOp scan,
                        SmallVectorImpl<rnn::ContractOp> &after) {
  if (!frames.empty() || calls.singleStep || calls.threads < 2 ||
      calls.rows >= 4 * calls.threads || scan.getUnroll().value_or(1) > 1)
    return false;
  int64_t loop = 0;
  for (Operation &op : scan.getBlock()->without_terminator())
    loop += usual(effortOf(&op));
  // Products are taken until they would take longer than the loop.
  int64_t beside = 0;
  for (Operation *op = scan->getNextNode(); op && !scan.getLengths();
       op = op->getNextNode()) {
    auto contract = dyn_cast<rnn::ContractOp>(op);
    Product product;
    if (!contract || contract.getAcc() || contract.getValid() ||
        contract.getBf16() || !isProduct(contract, product))
      continue;
    bool reads = false, isKnown = true;
    for (Value operand : {product.left, product.right}) {
      reads |= operand.getDefiningOp() == scan;
      isKnown &= operand.getDefiningOp() == scan || views.contains(operand);
    }
    bool fits =
        StringRef(product.terms).starts_with("t")
            ? product.descending == scan.getReverse() &&
                  isOverTime(scan, product.left, product.leftLabels) &&
                  isOverTime(scan, product.right, product.rightLabels)
            : StringRef(product.rows).starts_with("t") &&
                  product.right.getDefiningOp() != scan &&
                  StringRef(product.leftLabels).starts_with("t");
    // What goes into other memory than its own is written where it stands.
    bool isPlain = llvm::none_of(contract->getUsers(), [](Operation *user) {
      return isa<rnn::ConcatOp, rnn::ReshapeOp>(user);
    });
    for (OpOperand &use : contract->getUses())
      if (isa<func::ReturnOp>(use.getOwner())) {
        auto kind = source.getResultAttrOfType<rnn::ArgAttr>(
            use.getOperandNumber(), rnn::kArgAttrName);
        isPlain &= !kind || (kind.getKind() != rnn::ArgKind::Param &&
                             kind.getKind() != rnn::ArgKind::Slot &&
                             kind.getKind() != rnn::ArgKind::Sum &&
                             kind.getKind() != rnn::ArgKind::State);
      }
    if (!reads || !isKnown || !fits || !isPlain)
      continue;
    int64_t time = usual(effortOf(contract)) / kUsualSteps;
    if (beside + time > loop)
      continue;
    beside += time;
    after.push_back(contract);
  }
  // What runs beside it could be shared as well and counts for neither.
  int64_t shared = loop / calls.threads + meetingsOfStep(scan) * kMeeting;
  bool alone = loop <= shared;
  rnn::remarkFact(
      scan, "alone", "codegen",
      "a step takes one thread about " + std::to_string(loop / 1000) +
          " ns, " + std::to_string(calls.threads) + " that meet about " +
          std::to_string(shared / 1000) +
          (alone ? " ns: one thread runs this loop"
                 : " ns: threads share its units"));
  if (!alone)
    after.clear();
  return alone;
}

std::optional<Emitter::Beside>
Emitter::startBeside(rnn::ScanOp scan, rnn::ContractOp op,
                     const std::vector<Beside> &before) {
  Product product;
  auto shape = shapeOf(op.getResult());
  if (failed(shape) || !isProduct(op, product))
    return std::nullopt;
  auto left = viewOf(product.left), right = viewOf(product.right);
  if (failed(left) || failed(right))
    return std::nullopt;
  Beside result;
  result.sums = StringRef(product.terms).starts_with("t");
  result.reverse = scan.getReverse();
  View flat;
  flat.sizes = *shape;
  flat.strides = contiguousStrides(*shape);
  auto rows = asOne(flat, product.outLabels, product.rows);
  auto leftRows = asOne(*left, product.leftLabels, product.rows);
  auto outColumns = asOne(flat, product.outLabels, product.columns);
  auto rightColumns = asOne(*right, product.rightLabels, product.columns);
  if (!rows || !leftRows || !outColumns || !rightColumns ||
      !outColumns->first.isConstant() || !outColumns->second.isConstant(1))
    return std::nullopt;
  auto leftTerms = termsOf(*left, product.leftLabels, product.terms,
                           product.descending, nullptr);
  if (failed(leftTerms))
    return std::nullopt;
  result.left = *leftTerms;
  result.leftRow = leftRows->second;
  result.rows = rows->first;
  result.outRow = rows->second;
  result.columns = outColumns->first.coefficient;
  result.rightColumn = rightColumns->second;
  const std::string &timed = result.sums ? product.terms : product.rows;
  for (char label : StringRef(timed).drop_front())
    result.perStep =
        result.perStep * left->sizes[product.leftLabels.find(label)];
  result.steps = value(left->sizes[product.leftLabels.find('t')]);
  if (result.sums) {
    auto rightTerms = termsOf(*right, product.rightLabels, product.terms,
                              product.descending, nullptr);
    if (failed(rightTerms))
      return std::nullopt;
    result.right = *rightTerms;
    // Each part is packed by who multiplies it.
    int64_t width = kernels.panel(right->element);
    Monomial size = rightTerms->limit *
                    Monomial(llvm::alignTo(result.columns, width));
    // A helper packs into the same columns each time, so products of one size
    // share the memory.
    for (const Beside &other : before)
      if (other.sums && other.packed.sizes.front() == size &&
          other.columns == result.columns &&
          other.packed.element == right->element)
        result.packed = other.packed;
    if (!result.packed.base)
      result.packed = scratch(right->element, {size});
  } else {
    auto packedView = packRight(op, product, nullptr);
    if (failed(packedView))
      return std::nullopt;
    result.packed = *packedView;
  }
  result.out = destination(cast<OpResult>(op.getResult()), *shape);
  views[op.getResult()] = result.out;
  writtenBeside.insert(op);
  rnn::remarkDone(op, "beside", "codegen",
                  rnn::subjectOf(op) +
                      " is computed beside the loop, as its steps are done");
  return result;
}

void Emitter::emitBeside(const Beside &beside, Value first, Value last,
                         Value helper, Value helpers) {
  Type element = beside.out.element;
  int64_t width = kernels.panel(element), n = beside.columns;
  Value panels = constant(llvm::divideCeil(n, width));
  auto panel = [&](Value number) -> Value {
    return arith::DivSIOp::create(b, loc, mul(panels, number), helpers);
  };
  auto column = [&](Value panel) -> Value {
    return arith::MinSIOp::create(b, loc, mul(panel, constant(width)),
                                  constant(n));
  };
  Value low = panel(helper), high = panel(add(helper, constant(1)));
  Value steps = arith::SubIOp::create(b, loc, last, first);
  Value perStep = value(beside.perStep);
  Value null = LLVM::ZeroOp::create(b, loc, ptr);
  Value outRow = value(beside.outRow);
  func::FuncOp kernel =
      kernels.product(element, /*isNarrow=*/false, beside.left.isNear);
  if (!beside.sums) {
    // Rows lie in the order of time.
    Value from = first, to = last;
    if (beside.reverse) {
      from = arith::SubIOp::create(b, loc, beside.steps, last);
      to = arith::SubIOp::create(b, loc, beside.steps, first);
    }
    func::CallOp::create(
        b, loc, kernel,
        ValueRange{beside.left.base, value(beside.leftRow), beside.left.stride,
                   beside.left.list, beside.packed.base, beside.out.base, outRow,
                   null, constant(0), beside.left.count, mul(from, perStep),
                   mul(to, perStep), column(low), column(high), constant(n)});
    return;
  }
  // Terms are listed in the order of the loop.
  Value skipped = mul(first, perStep), count = mul(steps, perStep);
  auto from = [&](const ProductTerms &terms) -> std::pair<Value, Value> {
    if (terms.listView)
      return {terms.base, offset(terms.list, skipped, i64)};
    return {offset(terms.base, mul(skipped, terms.stride), element), terms.list};
  };
  auto [leftBase, leftList] = from(beside.left);
  auto [rightBase, rightList] = from(beside.right);
  func::CallOp::create(b, loc, kernels.packRight(element, /*isNarrow=*/false),
                       ValueRange{rightBase, beside.right.stride, rightList,
                                  value(beside.rightColumn), count, constant(n),
                                  beside.packed.base, low, high});
  // The sums go on from the steps before.
  Value isFirst = compare(arith::CmpIPredicate::eq, first, constant(0));
  Value start =
      arith::SelectOp::create(b, loc, isFirst, null, beside.out.base);
  func::CallOp::create(
      b, loc, kernel,
      ValueRange{leftBase, value(beside.leftRow), beside.left.stride, leftList,
                 beside.packed.base, beside.out.base, outRow, start, outRow,
                 count, constant(0), value(beside.rows), column(low),
                 column(high), constant(n)});
}

void Emitter::emitLoopAlone(rnn::ScanOp scan, Value end,
                            ArrayRef<rnn::ContractOp> after,
                            function_ref<void(Value)> step) {
  auto run = [&](Value first, Value last) {
    ifThen(compare(arith::CmpIPredicate::eq, thread, constant(0)), [&] {
      switchAlone();
      forRange(first, last, 1, step);
      switchAlone();
    });
  };
  std::vector<Beside> work;
  for (rnn::ContractOp op : after)
    if (auto beside = startBeside(scan, op, work))
      work.push_back(*beside);
  barrier();
  if (work.empty())
    return run(constant(0), end);
  Value part = constant(kStepsAtATime);
  if (countsEffort)
    meetings[{extentNumbers.lookup(scan.getSteps())}] +=
        kMeeting / kStepsAtATime;
  bool counted = std::exchange(countsEffort, false);
  forRange(constant(0), end, kStepsAtATime, [&](Value first) {
    run(first, arith::MinSIOp::create(b, loc, add(first, part), end));
    Value helps =
        arith::AndIOp::create(b, loc,
                              compare(arith::CmpIPredicate::sgt, thread,
                                      constant(0)),
                              compare(arith::CmpIPredicate::sgt, first,
                                      constant(0)));
    ifThen(helps, [&] {
      for (const Beside &beside : work)
        emitBeside(beside, arith::SubIOp::create(b, loc, first, part), first,
                   arith::SubIOp::create(b, loc, thread, constant(1)),
                   arith::SubIOp::create(b, loc, threads, constant(1)));
    });
    barrier();
  });
  countsEffort = counted;
  // The last steps are shared by all; of one thread, all steps.
  Value whole = arith::DivSIOp::create(
      b, loc, arith::SubIOp::create(b, loc, end, constant(1)), part);
  Value isTeam = compare(arith::CmpIPredicate::sgt, threads, constant(1));
  Value done = arith::SelectOp::create(b, loc, isTeam, mul(whole, part),
                                       constant(0));
  for (const Beside &beside : work)
    emitBeside(beside, done, end, thread, threads);
}
