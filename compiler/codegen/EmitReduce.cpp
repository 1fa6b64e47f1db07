//===- EmitReduce.cpp - Sums over labels ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every reduction, and a contract that is no matrix product, is a nest of
// loops with vectors along the last label. Sums skip padding, or run over the
// valid entries gathered one behind the other.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

/// The valid (t, b) rows of a view with leading dims t and b, one behind the
/// other, in the order in which they are summed. Thread 0 gathers them.
View Emitter::compact(const View &view, const View &valid, bool descending,
                      Value &count) {
  Shape shape{view.sizes[0] * view.sizes[1]};
  shape.append(view.sizes.begin() + 2, view.sizes.end());
  View result = scratch(view.element, shape);
  View counter = scratch(i64, {Monomial(1)});
  access(serial(), {}, {view, valid}, {result, counter});
  ifThen(compare(arith::CmpIPredicate::ne, serial().high, constant(0)), [&] {
    Value steps = value(view.sizes[0]), rows = value(view.sizes[1]);
    Value total = forReduce(
        constant(0), steps, 1, constant(0),
        [&](Value i, ValueRange outer) -> Values {
          Value t = i;
          if (descending)
            t = arith::SubIOp::create(
                b, loc, arith::SubIOp::create(b, loc, steps, constant(1)), i);
          return forReduce(
              constant(0), rows, 1, outer,
              [&](Value row, ValueRange place) -> Values {
                Value isValid = validAt(&valid, t, row);
                return ifElse(
                    isValid, i64,
                    [&]() -> Values {
                      View from = at(at(view, 0, t), 0, row);
                      View to = at(result, 0, place[0]);
                      copyEntries(from, to);
                      return {add(place[0], constant(1))};
                    },
                    [&]() -> Values { return {place[0]}; });
              });
        })[0];
    store(total, counter.base);
  });
  barrier();
  count = load(i64, counter.base);
  accesses[counter.storage].otherReaders = true;
  return result;
}

/// The view with dims in the order of `labels`; labels it lacks repeat.
static View arrange(const View &view, StringRef from, StringRef labels,
                    const llvm::SmallDenseMap<char, Monomial> &sizes) {
  View result = view;
  result.sizes.clear();
  result.strides.clear();
  for (char label : labels) {
    size_t dim = from.find(label);
    result.sizes.push_back(sizes.lookup(label));
    result.strides.push_back(dim == StringRef::npos ? Monomial(0)
                                                    : view.strides[dim]);
  }
  return result;
}

void Emitter::emitLabelledLoops(
    const View &out, StringRef outLabels, StringRef sums, bool descending,
    ArrayRef<Labelled> operands, const Labelled *acc, const View *valid,
    double start, function_ref<Value(ArrayRef<Value>, Value)> combine,
    bool zeroIfNone) {
  llvm::SmallDenseMap<char, Monomial> sizes;
  auto note = [&](StringRef labels, const View &view) {
    for (auto [label, size] : llvm::zip_equal(labels, view.sizes))
      sizes.try_emplace(label, size);
  };
  note(outLabels, out);
  for (const Labelled &operand : operands)
    note(operand.labels, operand.view);

  // Dims: those of the result, then the summed ones.
  std::string all = (outLabels + sums).str();
  Views views{arrange(out, outLabels, all, sizes)};
  for (const Labelled &operand : operands)
    views.push_back(arrange(operand.view, operand.labels, all, sizes));
  if (acc)
    views.push_back(arrange(acc->view, acc->labels, all, sizes));

  Partition share = partition(out.sizes);
  Views reads, aligned;
  for (const Labelled &operand : operands) {
    bool leads = share.key[0] == '.' &&
                 StringRef(operand.labels)
                     .starts_with(outLabels.take_front(
                         std::count(share.key.begin(), share.key.end(), '.')));
    (leads ? aligned : reads).push_back(operand.view);
  }
  if (acc)
    aligned.push_back(acc->view);
  if (valid)
    reads.push_back(*valid);
  access(share, aligned, reads, {out});

  int64_t rank = outLabels.size();
  // Vectors along the last label of the result, where it lies in one piece.
  bool vectors = rank > 0 && !(valid && (outLabels.back() == 'b' ||
                                         outLabels.back() == 't'));
  int64_t lanes = lanesOf(out.element);
  if (vectors) {
    for (const View &view : views) {
      const Monomial &stride = view.strides[rank - 1];
      vectors &= stride.isConstant(1) || stride.isConstant(0);
    }
    vectors &= views[0].strides[rank - 1].isConstant(1);
    const Monomial &last = out.sizes[rank - 1];
    if (last.isConstant(1))
      vectors = false;
    else if (last.isConstant() && last.coefficient >= 4 * lanes)
      lanes *= 4;
  }
  // Or along the last summed label, with one sum per lane, added up in order.
  bool summed = !vectors && !sums.empty() && !valid && operands.size() == 2 &&
                !zeroIfNone;
  if (summed)
    for (const View &view : ArrayRef<View>(views).slice(1, operands.size()))
      summed &= view.strides.back().isConstant(1);

  auto emitEntry = [&](ArrayRef<View> row, ArrayRef<Value> index, Value lane,
                       Value count) {
    // row: views whose dims are [last result dim?, summed dims...].
    int64_t skip = vectors ? 1 : 0;
    auto base = [&](const View &view) {
      return vectors ? offset(view.base, mul(lane, value(view.strides[0])),
                              view.element)
                     : view.base;
    };
    Type element = out.element;
    Type type = vectors ? Type(VectorType::get(lanes, element))
                        : summed ? Type(VectorType::get(lanes, element))
                                 : element;
    auto get = [&](const View &view, Value pointer) {
      if (vectors)
        return loadLanes(view, pointer, view.strides[0], lanes, count);
      return load(view.element, pointer);
    };
    Value initial;
    if (acc && !summed)
      initial = get(row[operands.size() + 1], base(row[operands.size() + 1]));
    else if (isa<FloatType>(element))
      initial = floatConstant(type, start);
    else
      initial = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
    Value none = arith::ConstantOp::create(b, loc, b.getBoolAttr(false));

    llvm::SmallDenseMap<char, Value> place;
    for (auto [label, i] : llvm::zip(outLabels, index))
      place[label] = i;
    SmallVector<Value> pointers;
    for (const View &view : row.slice(1, operands.size()))
      pointers.push_back(base(view));

    std::function<Values(size_t, SmallVector<Value>, Values)> nest =
        [&](size_t level, SmallVector<Value> at, Values state) -> Values {
      auto term = [&](ArrayRef<Value> pointers, Values state,
                      Value rest) -> Values {
        SmallVector<Value> entries;
        for (auto [view, pointer] :
             llvm::zip_equal(row.slice(1, operands.size()), pointers))
          entries.push_back(
              summed ? loadLanes(view, pointer, Monomial(1), lanes, rest)
                     : get(view, pointer));
        Value yes = arith::ConstantOp::create(b, loc, b.getBoolAttr(true));
        return {combine(entries, state[0]), yes};
      };
      if (level == sums.size()) {
        if (!valid)
          return term(at, state, Value());
        Value isValid = validAt(valid, place.lookup('t'), place.lookup('b'));
        return ifElse(
            isValid, TypeRange{state[0].getType(), state[1].getType()},
            [&] { return term(at, state, Value()); }, [&] { return state; });
      }
      char label = sums[level];
      Value size = value(sizes.lookup(label));
      auto advance = [&](Value i) {
        SmallVector<Value> next;
        for (auto [view, pointer] :
             llvm::zip_equal(row.slice(1, operands.size()), at))
          next.push_back(offset(
              pointer, mul(i, value(view.strides[skip + level])),
              view.element));
        return next;
      };
      if (summed && level + 1 == sums.size()) {
        Value rest = arith::RemSIOp::create(b, loc, size, constant(lanes));
        Value whole = arith::SubIOp::create(b, loc, size, rest);
        Values sum = forReduce(
            constant(0), whole, lanes, state,
            [&](Value i, ValueRange s) -> Values {
              return term(advance(i), Values(s), Value());
            });
        Value more =
            compare(arith::CmpIPredicate::sgt, rest, constant(0));
        return ifElse(
            more, TypeRange{sum[0].getType(), sum[1].getType()},
            [&] { return term(advance(whole), sum, rest); },
            [&] { return sum; });
      }
      return forReduce(
          constant(0), size, 1, state, [&](Value i, ValueRange s) -> Values {
            Value position = i;
            if (descending && label == 't')
              position = arith::SubIOp::create(
                  b, loc, arith::SubIOp::create(b, loc, size, constant(1)), i);
            place[label] = position;
            return nest(level + 1, advance(position), Values(s));
          });
    };
    Values sum = nest(0, pointers, {initial, none});
    Value result = sum[0];
    if (summed) {
      result = vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD,
                                           result);
      if (acc) {
        const View &view = row[operands.size() + 1];
        result = arith::AddFOp::create(b, loc, result,
                                       load(view.element, view.base));
      }
    }
    if (zeroIfNone) {
      Value zero = arith::ConstantOp::create(
          b, loc, b.getZeroAttr(result.getType()));
      result = arith::SelectOp::create(b, loc, sum[1], result, zero);
    }
    if (vectors)
      storeLanes(result, row[0], base(row[0]), Monomial(1), count);
    else
      store(result, row[0].base);
  };

  forRows(share, vectors ? rank - 1 : rank, views,
          [&](ArrayRef<View> row, ArrayRef<Value> index) {
            if (!vectors)
              return emitEntry(row, index, Value(), Value());
            forLanes(out.sizes[rank - 1], lanes, [&](Value lane, Value count) {
              emitEntry(row, index, lane, count);
            });
          });
}

LogicalResult Emitter::emitReduce(rnn::ReduceOp op) {
  auto in = viewOf(op.getInput());
  auto shape = shapeOf(op.getResult());
  if (failed(in) || failed(shape))
    return failure();
  View out = destination(cast<OpResult>(op.getResult()), *shape);
  std::optional<View> valid;
  std::optional<Labelled> acc;
  if (op.getValid()) {
    auto view = viewOf(op.getValid());
    if (failed(view))
      return failure();
    valid = *view;
  }
  if (op.getAcc()) {
    auto view = viewOf(op.getAcc());
    if (failed(view))
      return failure();
    acc = Labelled{*view, op.getOutLabels().str()};
  }
  std::string sums;
  for (char label : op.getInLabels())
    if (!op.getOutLabels().contains(label))
      sums += label;
  bool isFloat = isa<FloatType>(in->element);
  double start = 0;
  switch (op.getKind()) {
  case rnn::ReduceKind::Sum:
    break;
  case rnn::ReduceKind::Prod:
    start = 1;
    break;
  case rnn::ReduceKind::Max:
    start = -std::numeric_limits<double>::infinity();
    break;
  case rnn::ReduceKind::Min:
    start = std::numeric_limits<double>::infinity();
    break;
  }
  if (!isFloat && op.getKind() != rnn::ReduceKind::Sum)
    return op.emitOpError("has code for integers only as a sum");
  emitLabelledLoops(
      out, op.getOutLabels(), sums, /*descending=*/true,
      {{*in, op.getInLabels().str()}}, acc ? &*acc : nullptr,
      valid ? &*valid : nullptr, start,
      [&](ArrayRef<Value> entries, Value sum) -> Value {
        if (!isFloat)
          return arith::AddIOp::create(b, loc, sum, entries[0]);
        switch (op.getKind()) {
        case rnn::ReduceKind::Sum:
          return arith::AddFOp::create(b, loc, sum, entries[0]);
        case rnn::ReduceKind::Prod:
          return arith::MulFOp::create(b, loc, sum, entries[0]);
        case rnn::ReduceKind::Max:
          return arith::MaximumFOp::create(b, loc, sum, entries[0]);
        case rnn::ReduceKind::Min:
          return arith::MinimumFOp::create(b, loc, sum, entries[0]);
        }
        return sum;
      },
      /*zeroIfNone=*/valid && (op.getKind() == rnn::ReduceKind::Max ||
                               op.getKind() == rnn::ReduceKind::Min));
  views[op.getResult()] = out;
  return success();
}
