//===- SinkAccumulations.cpp - Carried sums leave the scan ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A carried value that every step only adds labelled sums to is one labelled
// sum over all steps. Hoisting, mirrored.
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Transforms/Passes.h"
#include "dialects/grad/Transforms/ScanEdits.h"
#include "dialects/rnn/IR/Remarks.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

#define DEBUG_TYPE "grad-sink-accumulations"

namespace rnnc::grad {
#define GEN_PASS_DEF_SINKACCUMULATIONSPASS
#include "dialects/grad/Transforms/Passes.h.inc"
} // namespace rnnc::grad

using namespace mlir;
using namespace rnnc;
using namespace rnnc::rnn;

static RankedTensorType tensorOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static bool isOutside(ScanOp scan, Value value) {
  return !scan.getBody().isAncestor(value.getParentRegion());
}

static bool isZero(Value value) {
  if (auto broadcast = value.getDefiningOp<BroadcastOp>())
    value = broadcast.getInput();
  return matchPattern(value, m_AnyZeroFloat());
}

namespace {
/// One op of the chain, and what it becomes outside.
struct Link {
  Operation *op;
  /// What it adds up: lhs and rhs, or input, or rows and ids.
  SmallVector<Value> factors;
  /// Lengths that replace its `valid`; null if all is valid.
  Value lengths;
};

struct Sunk {
  unsigned carry;
  SmallVector<Link> links;
};
} // namespace

/// The sum that `op` starts from.
static Value accumulatorOf(Operation *op) {
  if (auto contract = dyn_cast<ContractOp>(op))
    return contract.getAcc();
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getKind() == ReduceKind::Sum ? reduce.getAcc() : Value();
  if (auto scatter = dyn_cast<ScatterAddOp>(op))
    return scatter.getAcc();
  return {};
}

/// What explains the invalid rows of an op with labels `in`, of `factors`, and
/// `out` once it stands outside; none if nothing does.
static std::optional<Value> sunkLengths(ScanOp scan, StringRef in,
                                        StringRef out, ValueRange factors,
                                        Value valid) {
  Value lengths = scan.getLengths();
  if (valid) {
    auto rows = valid.getDefiningOp<ValidOp>();
    if (!rows || !lengths || rows.getLengths() != lengths ||
        rows.getAt() != scan.getPosition())
      return std::nullopt;
    return lengths;
  }
  if (!lengths)
    return Value();
  // `b` is the batch, unless a pass has renamed it.
  bool dynamic = false;
  StringRef rest = in;
  for (Value factor : factors)
    for (int64_t size : tensorOf(factor).getShape()) {
      dynamic |= ShapedType::isDynamic(size);
      if (rest.front() == 'b' && !ShapedType::isDynamic(size))
        return std::nullopt;
      rest = rest.drop_front();
    }
  if (dynamic && !in.contains('b'))
    return std::nullopt;
  // A row that is not valid keeps its state, so it is absent from the sum.
  if (out.contains('b'))
    return lengths;
  // Rows are summed, padding too: emissions would hold 0 there.
  if (in.contains('b'))
    return std::nullopt;
  return Value();
}

static int64_t elements(Value value) {
  int64_t count = 1;
  for (int64_t size : tensorOf(value).getShape())
    count *= ShapedType::isDynamic(size) ? 1 : size;
  return count;
}

/// Whether `op` can be summed over all steps outside of `scan`.
static std::optional<Link> makeLink(ScanOp scan, Operation *op) {
  Link link{op, {}, {}};
  std::optional<Value> lengths;
  if (auto contract = dyn_cast<ContractOp>(op)) {
    link.factors = {contract.getLhs(), contract.getRhs()};
    std::string in = (contract.getLhsLabels() + contract.getRhsLabels()).str();
    lengths = sunkLengths(scan, in, contract.getOutLabels(), link.factors,
                          contract.getValid());
    // Room for the label t.
    if (StringRef(in).contains('t') &&
        (contract.getValid() || (lengths && *lengths)))
      return std::nullopt;
    bool lhsOutside = isOutside(scan, link.factors[0]);
    bool rhsOutside = isOutside(scan, link.factors[1]);
    if (lhsOutside && rhsOutside)
      return std::nullopt;
    StringRef inner =
        lhsOutside ? contract.getRhsLabels() : contract.getLhsLabels();
    if ((lhsOutside || rhsOutside) && lengths && *lengths &&
        !inner.contains('b'))
      return std::nullopt;
    // Factors without rows: T of them must not outweigh the sum.
    if (tensorOf(link.factors[0]).hasStaticShape() &&
        tensorOf(link.factors[1]).hasStaticShape() &&
        elements(link.factors[0]) + elements(link.factors[1]) >=
            elements(contract.getResult()))
      return std::nullopt;
  } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
    link.factors = {reduce.getInput()};
    lengths = sunkLengths(scan, reduce.getInLabels(), reduce.getOutLabels(),
                          link.factors, reduce.getValid());
    if (reduce.getInLabels().contains('t') ||
        isOutside(scan, reduce.getInput()) ||
        tensorOf(reduce.getInput()).hasStaticShape())
      return std::nullopt;
  } else {
    auto scatter = cast<ScatterAddOp>(op);
    link.factors = {scatter.getRows(), scatter.getIds()};
    if (isOutside(scan, link.factors[0]) || isOutside(scan, link.factors[1]) ||
        tensorOf(scatter.getIds()).getRank() != 1)
      return std::nullopt;
    lengths = sunkLengths(scan, "b", "", scatter.getIds(), scatter.getValid());
  }
  if (!lengths)
    return std::nullopt;
  link.lengths = *lengths;
  return link;
}

/// The chain of sums from carried value `carry` to its next value; none if
/// anything else happens to it.
static std::optional<Sunk> findSunk(ScanOp scan, unsigned carry) {
  Sunk sunk{carry, {}};
  Value value = scan.getCarries()[carry];
  while (value.hasOneUse()) {
    OpOperand &use = *value.use_begin();
    Operation *user = use.getOwner();
    if (user == scan.getYield())
      return use.getOperandNumber() == carry && !sunk.links.empty()
                 ? std::optional(sunk)
                 : std::nullopt;
    if (user->getBlock() != scan.getBlock() || accumulatorOf(user) != value)
      return std::nullopt;
    std::optional<Link> link = makeLink(scan, user);
    if (!link)
      return std::nullopt;
    sunk.links.push_back(*link);
    value = user->getResult(0);
  }
  return std::nullopt;
}

/// `labels` with the label t renamed to a letter that is free.
static std::string renameTime(StringRef labels) {
  std::string renamed = labels.str();
  if (!labels.contains('t'))
    return renamed;
  constexpr StringLiteral letters = "srqpwuv";
  char fresh =
      *llvm::find_if(letters, [&](char c) { return !labels.contains(c); });
  llvm::replace(renamed, 't', fresh);
  return renamed;
}

/// Builds what `link` becomes after `scan`, starting from `sum`.
static Value sink(OpBuilder &b, ScanOp scan, const Link &link, Value sum,
                  llvm::function_ref<Value(Value)> sequenceOf) {
  Location loc = link.op->getLoc();
  Type type = link.op->getResult(0).getType();
  if (auto contract = dyn_cast<ContractOp>(link.op)) {
    std::string labels = renameTime(contract.getLabels());
    auto [in, out] = StringRef(labels).split("->");
    auto [lhsLabels, rhsLabels] = in.split(',');
    Value lhs = link.factors[0], rhs = link.factors[1];
    bool lhsOutside = isOutside(scan, lhs), rhsOutside = isOutside(scan, rhs);
    if (!lhsOutside && !rhsOutside)
      return ContractOp::create(
          b, loc, type, ("t" + lhsLabels + ",t" + rhsLabels + "->" + out).str(),
          sequenceOf(lhs), sequenceOf(rhs), sum, link.lengths,
          scan.getReverse());
    // One factor is the same in each step: the other is summed first.
    Value &inner = lhsOutside ? rhs : lhs;
    StringRef own = lhsOutside ? rhsLabels : lhsLabels;
    inner = ReduceOp::create(b, loc, inner.getType(), ReduceKind::Sum,
                             ("t" + own + "->" + own).str(), sequenceOf(inner),
                             link.lengths);
    return ContractOp::create(b, loc, type, labels, lhs, rhs, sum);
  }
  if (auto reduce = dyn_cast<ReduceOp>(link.op)) {
    auto sunk = ReduceOp::create(
        b, loc, type, ReduceKind::Sum,
        ("t" + reduce.getInLabels() + "->" + reduce.getOutLabels()).str(),
        sequenceOf(reduce.getInput()), link.lengths);
    if (sum)
      sunk.getAccMutable().assign(sum);
    return sunk;
  }
  return ScatterAddOp::create(b, loc, type, sequenceOf(link.factors[0]),
                              sequenceOf(link.factors[1]), sum, link.lengths);
}

/// Sinks what can be sunk out of `scan`; returns how much.
static unsigned sinkFrom(ScanOp scan) {
  SmallVector<Sunk> all;
  for (unsigned i = 0; i < scan.getInitial().size(); ++i)
    if (std::optional<Sunk> sunk = findSunk(scan, i))
      all.push_back(*sunk);
    else
      for (Operation *user : scan.getCarries()[i].getUsers())
        if (accumulatorOf(user) == scan.getCarries()[i])
          remarkRefused(user, "stays", DEBUG_TYPE,
                        subjectOf(user) +
                            " is summed step by step: it has no form over all "
                            "steps");
  if (all.empty())
    return 0;

  // The factors as sequences.
  llvm::SetVector<Value> emissions;
  auto isSlice = [&](Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && argument.getOwner() == scan.getBlock() &&
           argument.getArgNumber() >= 1 &&
           argument.getArgNumber() <= scan.getSeqs().size();
  };
  for (const Sunk &sunk : all)
    for (const Link &link : sunk.links)
      for (Value factor : link.factors)
        if (!isOutside(scan, factor) && !isSlice(factor) &&
            !grad::findEmission(scan, factor))
          emissions.insert(factor);
  scan = grad::extendScan(scan, emissions.getArrayRef());
  auto sequenceOf = [&](Value value) {
    return isSlice(value)
               ? scan.getSeqs()[cast<BlockArgument>(value).getArgNumber() - 1]
               : grad::findEmission(scan, value);
  };

  OpBuilder b(scan->getContext());
  b.setInsertionPointAfter(scan);
  for (const Sunk &sunk : all) {
    Value sum = scan.getInitial()[sunk.carry];
    if (isZero(sum))
      sum = {};
    for (const Link &link : sunk.links) {
      sum = sink(b, scan, link, sum, sequenceOf);
      remarkDone(link.op, "accumulated", DEBUG_TYPE,
                 subjectOf(link.op) +
                     " that is summed over time is one over all steps, after "
                     "the loop");
    }
    scan.getFinals()[sunk.carry].replaceAllUsesWith(sum);
  }
  return all.size();
}

namespace {
struct SinkAccumulationsPass
    : grad::impl::SinkAccumulationsPassBase<SinkAccumulationsPass> {
  using SinkAccumulationsPassBase::SinkAccumulationsPassBase;

  void runOnOperation() override {
    // Inner scans first: what leaves one may leave the next.
    SmallVector<ScanOp> scans;
    getOperation()->walk<WalkOrder::PostOrder>(
        [&](ScanOp scan) { scans.push_back(scan); });
    for (ScanOp scan : scans)
      sunk += sinkFrom(scan);
  }
};
} // namespace
