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
/// other, in the order in which they are summed. Thread 0 gives them their
/// places, then all threads move them there.
View Emitter::compact(const View &view, const View &valid, bool descending,
                      Value &count) {
  Shape shape{view.sizes[0] * view.sizes[1]};
  shape.append(view.sizes.begin() + 2, view.sizes.end());
  View result = scratch(view.element, shape);
  View counter = scratch(i64, {Monomial(1)});
  View places = scratch(i64, {view.sizes[0], view.sizes[1]});
  access(serial(), {}, {valid}, {counter, places});
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
                store(arith::SelectOp::create(b, loc, isValid, place[0],
                                              constant(-1)),
                      pointerAt(places, {t, row}));
                return {add(place[0],
                            arith::ExtUIOp::create(b, loc, i64, isValid))};
              });
        })[0];
    store(total, counter.base);
  });
  Partition share = partition({view.sizes[0], view.sizes[1], Monomial(1)});
  access(share, {view}, {counter, places}, {});
  // Rows go anywhere: no kernel keeps to the same ones.
  Partition anywhere = share;
  anywhere.key = "gathered";
  access(anywhere, {}, {}, {result});
  forRows(share, 2, {view, places},
          [&](ArrayRef<View> row, ArrayRef<Value>) {
            Value place = load(i64, row[1].base);
            ifThen(compare(arith::CmpIPredicate::sge, place, constant(0)),
                   [&] { copyEntries(row[0], at(result, 0, place)); });
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
  emitLabelledLoops(out, outLabels, sums, descending, operands, acc, valid,
                    start, combine, zeroIfNone, [&](Value x, Value y) -> Value {
                      return arith::AddFOp::create(b, loc, x, y);
                    });
}

void Emitter::emitLabelledLoops(
    const View &out, StringRef outLabels, StringRef sums, bool descending,
    ArrayRef<Labelled> operands, const Labelled *acc, const View *valid,
    double start, function_ref<Value(ArrayRef<Value>, Value)> combine,
    bool zeroIfNone, function_ref<Value(Value, Value)> merge) {
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

  // One entry per row: rows are shared too.
  bool oneEntry = out.rank() == 1 && !out.sizes[0].isConstant();
  Partition share =
      oneEntry ? partitionRows(
                     "." + std::to_string(out.sizes[0].extents.front()),
                     out.sizes[0])
               : partition(out.sizes);
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
  bool vectors = rank > 0 && !oneEntry &&
                 !(valid && (outLabels.back() == 'b' || outLabels.back() == 't'));
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
  bool summed = !vectors && !sums.empty() && !zeroIfNone &&
                isa<FloatType>(out.element) &&
                !(valid && (sums.back() == 'b' || sums.back() == 't')) &&
                !(descending && sums.contains('t'));
  if (summed) {
    bool some = false;
    for (const View &view : ArrayRef<View>(views).slice(1, operands.size())) {
      some |= view.strides.back().isConstant(1);
      summed &= view.strides.back().isConstant(1) ||
                view.strides.back().isConstant(0);
    }
    summed &= some;
  }

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
              summed ? loadLanes(view, pointer, view.strides.back(), lanes, rest)
                     : get(view, pointer));
        Value yes = arith::ConstantOp::create(b, loc, b.getBoolAttr(true));
        Value next = combine(entries, state[0]);
        if (rest)
          next = arith::SelectOp::create(b, loc, laneMask(lanes, rest), next,
                                         state[0]);
        return {next, yes};
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
      result = foldLanes(result, merge);
      if (acc) {
        const View &view = row[operands.size() + 1];
        result = merge(result, load(view.element, view.base));
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

/// Half with half until one entry is left: the same order on every machine
/// that has vectors of this size.
Value Emitter::foldLanes(Value lanes, function_ref<Value(Value, Value)> merge) {
  auto count = cast<VectorType>(lanes.getType()).getNumElements();
  for (; count > 1; count /= 2) {
    auto half = [&](int64_t from) -> Value {
      SmallVector<int64_t> places;
      for (int64_t i = 0; i < count / 2; ++i)
        places.push_back(from + i);
      return vector::ShuffleOp::create(b, loc, lanes, lanes, places);
    };
    lanes = merge(half(0), half(count / 2));
  }
  return vector::ExtractOp::create(b, loc, lanes, ArrayRef<int64_t>{0});
}

/// What a reduction starts from.
static double startOf(rnn::ReduceKind kind) {
  switch (kind) {
  case rnn::ReduceKind::Sum:
    return 0;
  case rnn::ReduceKind::Prod:
    return 1;
  case rnn::ReduceKind::Max:
    return -std::numeric_limits<double>::infinity();
  case rnn::ReduceKind::Min:
    return std::numeric_limits<double>::infinity();
  }
  return 0;
}

Value Emitter::combine(rnn::ReduceKind kind, Value x, Value y) {
  if (!isa<FloatType>(getElementTypeOrSelf(x.getType())))
    return arith::AddIOp::create(b, loc, x, y);
  switch (kind) {
  case rnn::ReduceKind::Sum:
    return arith::AddFOp::create(b, loc, x, y);
  case rnn::ReduceKind::Prod:
    return arith::MulFOp::create(b, loc, x, y);
  case rnn::ReduceKind::Max:
    return arith::MaximumFOp::create(b, loc, x, y);
  case rnn::ReduceKind::Min:
    return arith::MinimumFOp::create(b, loc, x, y);
  }
  return x;
}

Value Emitter::reduceStart(rnn::ReduceKind kind, Type type) {
  if (isa<FloatType>(getElementTypeOrSelf(type)))
    return floatConstant(type, startOf(kind));
  return arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
}

//===----------------------------------------------------------------------===//
// Maps that only a reduction reads
//===----------------------------------------------------------------------===//

/// Whether a map's result is read by one reduction and nothing else.
static rnn::ReduceOp readerOf(OpResult result) {
  if (!result.hasOneUse())
    return {};
  auto reduce = dyn_cast<rnn::ReduceOp>(*result.getUsers().begin());
  if (!reduce || reduce.getInput() != result ||
      reduce->getBlock() != result.getOwner()->getBlock())
    return {};
  return reduce;
}

void Emitter::foldMapsIntoReductions() {
  SmallVector<step::MapOp> maps;
  source.walk([&](step::MapOp map) {
    if (!map.getInputs().empty() &&
        llvm::all_of(map->getResults(),
                     [](OpResult result) { return readerOf(result); }))
      maps.push_back(map);
  });
  // One map for each reduction, right in front of it.
  for (step::MapOp map : maps) {
    for (OpResult result : map->getResults()) {
      rnn::ReduceOp reduce = readerOf(result);
      OpBuilder builder(reduce);
      auto own = cast<step::MapOp>(builder.clone(*map));
      reduce.getInputMutable().assign(own->getResult(result.getResultNumber()));
      folded.insert(own);
    }
    map.erase();
  }
}

bool Emitter::isFolded(Operation *op) const { return folded.contains(op); }

FailureOr<Emitter::Terms> Emitter::reducedTerms(rnn::ReduceOp op) {
  Terms terms;
  auto map = op.getInput().getDefiningOp<step::MapOp>();
  if (!map || !isFolded(map)) {
    auto view = viewOf(op.getInput());
    if (failed(view))
      return failure();
    terms.views.push_back(*view);
    return terms;
  }
  terms.map = map;
  terms.result = cast<OpResult>(op.getInput()).getResultNumber();
  for (Value input : map.getInputs()) {
    auto view = viewOf(input);
    if (failed(view))
      return failure();
    terms.views.push_back(*view);
  }
  return terms;
}

//===----------------------------------------------------------------------===//
// Everything to one entry
//===----------------------------------------------------------------------===//

/// The function (pointers, low, high) -> the terms of a range, combined: four
/// sums per lane, then lane with lane.
func::FuncOp Emitter::rangeSum(const Terms &terms, rnn::ReduceKind kind,
                               Type element) {
  int64_t lanes = vectorBits / 32;
  for (const View &view : terms.views)
    if (view.element.getIntOrFloatBitWidth() == 64)
      lanes = vectorBits / 64;
  SmallVector<Type> types(terms.views.size(), ptr);
  types.append(2, i64);
  std::string key = std::to_string(static_cast<int>(kind)) + ":" +
                    keyOf(terms, {terms.result});
  return sharedFunction(
      "sum", key, types, element, [&](ValueRange args) -> Values {
        Value low = args[args.size() - 2], high = args.back();
        auto type = VectorType::get(lanes, element);
        Values singles;
        for (auto [view, from] : llvm::zip(terms.views, args))
          singles.push_back(isSingle(view)
                                ? splat(load(view.element, from), lanes)
                                : Value());
        auto term = [&](Value i, Value count) {
          Values entries;
          for (auto [view, from, single] :
               llvm::zip(terms.views, args, singles))
            entries.push_back(single ? single
                                     : loadLanes(view,
                                                 offset(from, i, view.element),
                                                 Monomial(1), lanes, count));
          return emitTerms(terms, entries, lanes, {terms.result})[0];
        };
        constexpr int64_t chains = 4;
        Value size = arith::SubIOp::create(b, loc, high, low);
        auto endOf = [&](int64_t step) -> Value {
          return arith::SubIOp::create(
              b, loc, high,
              arith::RemSIOp::create(b, loc, size, constant(step)));
        };
        Value whole = endOf(lanes), wide = endOf(chains * lanes);
        Values sums = forReduce(
            low, wide, chains * lanes, Values(chains, reduceStart(kind, type)),
            [&](Value i, ValueRange s) -> Values {
              Values next;
              for (int64_t n = 0; n < chains; ++n)
                next.push_back(combine(
                    kind, s[n], term(add(i, constant(n * lanes)), Value())));
              return next;
            });
        Value last = forReduce(wide, whole, lanes, sums[0],
                               [&](Value i, ValueRange s) -> Values {
                                 return {combine(kind, s[0], term(i, Value()))};
                               })[0];
        Value count = arith::SubIOp::create(b, loc, high, whole);
        last = ifElse(
            compare(arith::CmpIPredicate::sgt, count, constant(0)), type,
            [&]() -> Values {
              Value next = combine(kind, last, term(whole, count));
              return {arith::SelectOp::create(b, loc, laneMask(lanes, count),
                                              next, last)};
            },
            [&]() -> Values { return {last}; })[0];
        auto merge = [&](Value x, Value y) { return combine(kind, x, y); };
        Value sum = merge(merge(last, sums[1]), merge(sums[2], sums[3]));
        return {foldLanes(sum, merge)};
      });
}

/// Models sum the squares of many gradients: one function adds up pieces.
void Emitter::sumPieces(const Terms &terms, func::FuncOp sum,
                        const View &partials, Value length, Value all,
                        const Partition &share) {
  Values arguments;
  for (const View &view : terms.views)
    arguments.push_back(view.base);
  arguments.append({partials.base, length, all, share.low, share.high});
  SmallVector<Type> types(terms.views.size() + 1, ptr);
  types.append(4, i64);
  func::FuncOp function = sharedFunction(
      "pieces", sum.getName().str(), types, {}, [&](ValueRange args) -> Values {
        ValueRange from = args.take_front(terms.views.size());
        ValueRange rest = args.drop_front(terms.views.size());
        forRange(rest[3], rest[4], 1, [&](Value part) {
          Values range(from);
          Value low = mul(part, rest[1]);
          range.append({low, arith::MinSIOp::create(b, loc, add(low, rest[1]),
                                                    rest[2])});
          store(func::CallOp::create(b, loc, sum, range).getResult(0),
                offset(rest[0], part, partials.element));
        });
        return {};
      });
  func::CallOp::create(b, loc, function, arguments);
}

/// Entries of one partial sum: enough that adding up the partial sums is
/// nothing, and few enough to share a parameter among threads.
static constexpr int64_t kPartialEntries = 4096;

bool Emitter::emitTotal(rnn::ReduceOp op, const Terms &terms, const View &out,
                        const View *acc, const View *valid) {
  StringRef labels = op.getInLabels();
  rnn::ReduceKind kind = op.getKind();
  if (out.rank() != 0 || labels.empty() ||
      !(isa<FloatType>(out.element) || out.element.isInteger(32)))
    return false;
  // Sums over time keep one partial sum per step, added from the last step
  // back, as a scan that carried the sum would.
  bool time = labels.size() > 1 && labels[0] == 't';
  if (!time && labels.contains('t'))
    return false;
  // Where entries may be absent, rows are summed one by one.
  bool rowwise = valid != nullptr;
  if (rowwise && (!time || labels[1] != 'b' || kind == rnn::ReduceKind::Max ||
                  kind == rnn::ReduceKind::Min))
    return false;
  int64_t outer = rowwise ? 2 : time ? 1 : 0;
  Terms inner = terms;
  for (View &view : inner.views) {
    view.sizes.erase(view.sizes.begin(), view.sizes.begin() + outer);
    view.strides.erase(view.strides.begin(), view.strides.begin() + outer);
    if (!isSingle(view) && !view.isContiguous())
      return false;
  }
  Monomial entries = product(inner.views[0].sizes);
  func::FuncOp sum = rangeSum(inner, kind, out.element);
  auto sumOf = [&](ArrayRef<Value> index, Value low, Value high) -> Value {
    Values arguments;
    for (const View &view : terms.views) {
      View at = view;
      for (Value i : index)
        at = this->at(at, 0, i);
      arguments.push_back(at.base);
    }
    arguments.append({low, high});
    return func::CallOp::create(b, loc, sum, arguments).getResult(0);
  };
  Views reads = terms.views;
  if (valid)
    reads.push_back(*valid);

  Monomial parts(1);
  if (time)
    parts = terms.views[0].sizes[0];
  else if (entries.isConstant())
    parts = Monomial(llvm::divideCeil(entries.coefficient, kPartialEntries));
  if (parts.isConstant(1) && rowwise)
    return false;
  bool follows = acc && readsPartialSums(op);
  if (parts.isConstant(1) && !follows) {
    // Too little to share.
    Views own = reads;
    if (acc)
      own.push_back(*acc);
    access(serial(), {}, own, {out});
    ifThen(compare(arith::CmpIPredicate::ne, serial().high, constant(0)), [&] {
      Value total = sumOf(time ? ArrayRef<Value>{constant(0)} : ArrayRef<Value>(),
                          constant(0), value(entries));
      if (acc)
        total = combine(kind, load(out.element, acc->base), total);
      store(total, out.base);
    });
    return true;
  }
  View partials = allocate(out.element, {parts}, lastUse(op.getResult()));
  Partition share =
      parts.isConstant(1)
          ? serial()
          : partitionRows(time && !parts.isConstant()
                              ? "." + std::to_string(parts.extents.front())
                              : "r" + std::to_string(parts.coefficient),
                          parts);
  access(share, {}, reads, {partials});
  if (!time)
    sumPieces(terms, sum, partials,
              parts.isConstant(1) ? value(entries) : constant(kPartialEntries),
              value(entries), share);
  else
    forRange(share.low, share.high, 1, [&](Value part) {
      Value total;
      if (rowwise) {
        Value rowEntries = value(entries);
        total = forReduce(
            constant(0), value(terms.views[0].sizes[1]), 1,
            reduceStart(kind, out.element),
            [&](Value row, ValueRange s) -> Values {
              return ifElse(
                  validAt(valid, part, row), out.element,
                  [&]() -> Values {
                    return {
                        combine(kind, s[0],
                                sumOf({part, row}, constant(0), rowEntries))};
                  },
                  [&]() -> Values { return {s[0]}; });
            })[0];
      } else {
        total = sumOf({part}, constant(0), value(entries));
      }
      store(total, pointerAt(partials, {part}));
    });
  partialSums.push_back(
      {op, partials, out, acc ? std::optional(*acc) : std::nullopt, time});
  // What those before it keep is read when this one is added up.
  if (follows) {
    int last = lastUse(op.getResult());
    llvm::SmallDenseSet<Storage> kept;
    for (const PartialSums &sums : partialSums) {
      kept.insert(sums.partials.storage);
      kept.insert(sums.out.storage);
      if (sums.acc)
        kept.insert(sums.acc->storage);
    }
    for (Slot &slot : slots)
      if (kept.contains(slot.storage))
        slot.death = std::max(slot.death, last);
  }
  // Only straight code may go on before they are added up.
  if (b.getInsertionBlock() != &target.front())
    addPartialSums();
  return true;
}

void Emitter::addPartialSums() {
  if (partialSums.empty())
    return;
  for (PartialSums &sums : partialSums) {
    Views reads{sums.partials};
    if (sums.acc)
      reads.push_back(*sums.acc);
    access(serial(), {}, reads, {sums.out});
  }
  Location saved = loc;
  ifThen(compare(arith::CmpIPredicate::ne, serial().high, constant(0)), [&] {
    for (PartialSums &sums : partialSums) {
      loc = sums.op.getLoc();
      rnn::ReduceKind kind = sums.op.getKind();
      Type element = sums.out.element;
      const bool descending = sums.descending;
      std::string key;
      llvm::raw_string_ostream(key)
          << rnn::stringifyReduceKind(kind) << element << descending;
      func::FuncOp addUp = sharedFunction(
          "total", key, {ptr, i64, element}, element,
          [&](ValueRange args) -> Values {
            Value count = args[1];
            return forReduce(
                constant(0), count, 1, args[2],
                [&](Value i, ValueRange s) -> Values {
                  if (descending)
                    i = arith::SubIOp::create(
                        b, loc,
                        arith::SubIOp::create(b, loc, count, constant(1)), i);
                  return {combine(kind, s[0],
                                  load(element, offset(args[0], i, element)))};
                });
          });
      Value start = sums.acc ? load(element, sums.acc->base)
                             : reduceStart(kind, element);
      Value count = value(sums.partials.sizes[0]);
      store(func::CallOp::create(b, loc, addUp,
                                 ValueRange{sums.partials.base, count, start})
                .getResult(0),
            sums.out.base);
    }
  });
  loc = saved;
  partialSums.clear();
}

/// Whether the op, with all inside it, reads one of the sums.
bool Emitter::readsPartialSums(Operation *op) {
  return llvm::any_of(partialSums, [&](PartialSums &sums) {
    return llvm::any_of(sums.op->getUsers(), [&](Operation *user) {
      return op->isAncestor(user);
    });
  });
}

LogicalResult Emitter::emitReduce(rnn::ReduceOp op) {
  for (PartialSums &sums : partialSums)
    if (op.getInput() == sums.op.getResult()) {
      addPartialSums();
      break;
    }
  auto terms = reducedTerms(op);
  auto shape = shapeOf(op.getResult());
  if (failed(terms) || failed(shape))
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
  rnn::ReduceKind kind = op.getKind();
  if (!isa<FloatType>(out.element) && kind != rnn::ReduceKind::Sum)
    return op.emitOpError("has code for integers only as a sum");
  views[op.getResult()] = out;
  const View *accView = acc ? &acc->view : nullptr;
  const View *validView = valid ? &*valid : nullptr;
  if (emitTotal(op, *terms, out, accView, validView))
    return success();
  if (readsPartialSums(op))
    addPartialSums();
  if (emitColumns(op, *terms, out, accView, validView))
    return success();
  std::string sums;
  for (char label : op.getInLabels())
    if (!op.getOutLabels().contains(label))
      sums += label;
  std::vector<Labelled> operands;
  for (const View &view : terms->views)
    operands.push_back({view, op.getInLabels().str()});
  emitLabelledLoops(
      out, op.getOutLabels(), sums, /*descending=*/true, operands,
      acc ? &*acc : nullptr, validView, startOf(kind),
      [&](ArrayRef<Value> entries, Value sum) -> Value {
        auto type = dyn_cast<VectorType>(entries[0].getType());
        int64_t lanes = type ? type.getNumElements() : 0;
        Value entry = emitTerms(*terms, entries, lanes, {terms->result})[0];
        return combine(kind, sum, entry);
      },
      /*zeroIfNone=*/valid && (kind == rnn::ReduceKind::Max ||
                               kind == rnn::ReduceKind::Min),
      [&](Value x, Value y) { return combine(kind, x, y); });
  return success();
}
