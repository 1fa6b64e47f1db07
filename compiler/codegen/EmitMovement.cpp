//===- EmitMovement.cpp - Copies, shifts, tables --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

void Emitter::copyEntries(const View &from, const View &to) {
  if (to.rank() == 0)
    return store(load(from.element, from.base), to.base);
  if (to.rank() == 1) {
    int64_t lanes = lanesOf(to.element);
    return forLanes(to.sizes[0], lanes, [&](Value i, Value count) {
      auto place = [&](const View &view) {
        return offset(view.base, mul(i, value(view.strides[0])), view.element);
      };
      storeLanes(loadLanes(from, place(from), from.strides[0], lanes, count),
                 to, place(to), to.strides[0], count);
    });
  }
  forRange(constant(0), value(to.sizes[0]), 1, [&](Value i) {
    copyEntries(at(from, 0, i), at(to, 0, i));
  });
}

void Emitter::copy(const View &from, const View &to) {
  if (from.base == to.base)
    return;
  if (isFlat(from) && isFlat(to)) {
    Partition share = partitionFlat(to.sizes);
    access(share, {from}, {}, {to});
    // Models join many weights: all copies are calls of one function.
    func::FuncOp function = sharedFunction(
        "copy", keyOf({{from, to}, nullptr, 0}, {}), {ptr, ptr, i64, i64}, {},
        [&](ValueRange args) -> Values {
          int64_t lanes = lanesOf(to.element);
          forVectors(args[2], args[3], lanes, [&](Value i, Value count) {
            Value entries = loadLanes(from, offset(args[0], i, from.element),
                                      Monomial(1), lanes, count);
            storeLanes(entries, to, offset(args[1], i, to.element), Monomial(1),
                       count);
          });
          return {};
        });
    func::CallOp::create(b, loc, function,
                         ValueRange{from.base, to.base, share.low, share.high});
    return;
  }
  Partition share = partition(to.sizes);
  access(share, {from}, {}, {to});
  if (share.key == "serial") {
    ifThen(compare(arith::CmpIPredicate::ne, share.high, constant(0)),
           [&] { copyEntries(from, to); });
    return;
  }
  int64_t rows = std::max<int64_t>(0, to.rank() - 1);
  forRows(share, rows, {to, from}, [&](ArrayRef<View> row, auto) {
    copyEntries(row[1], row[0]);
  });
}

/// Whether the entries lie in one piece, and this is no step of a scan, where
/// threads keep to rows.
bool Emitter::isFlat(const View &view) const {
  return frames.empty() && view.rank() > 0 && view.isContiguous();
}

void Emitter::fill(const View &to, double number) {
  auto zeroOf = [&](Type type) -> Value {
    if (isa<FloatType>(getElementTypeOrSelf(type)))
      return floatConstant(type, number);
    return arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  };
  if (isFlat(to)) {
    Partition share = partitionFlat(to.sizes);
    access(share, {}, {}, {to});
    std::string key;
    llvm::raw_string_ostream(key) << to.element << ' ' << number;
    func::FuncOp function = sharedFunction(
        "fill", key, {ptr, i64, i64}, {}, [&](ValueRange args) -> Values {
          int64_t lanes = lanesOf(to.element);
          Value entry = zeroOf(VectorType::get(lanes, to.element));
          forVectors(args[1], args[2], lanes, [&](Value i, Value count) {
            storeLanes(entry, to, offset(args[0], i, to.element), Monomial(1),
                       count);
          });
          return {};
        });
    func::CallOp::create(b, loc, function,
                         ValueRange{to.base, share.low, share.high});
    return;
  }
  Partition share = partition(to.sizes);
  access(share, {}, {}, {to});
  auto fillRow = [&](const View &row) {
    if (row.rank() == 0)
      return store(zeroOf(row.element), row.base);
    int64_t lanes = lanesOf(row.element);
    Value entry = zeroOf(VectorType::get(lanes, row.element));
    forLanes(row.sizes[0], lanes, [&](Value i, Value count) {
      storeLanes(entry, row,
                 offset(row.base, mul(i, value(row.strides[0])), row.element),
                 row.strides[0], count);
    });
  };
  forRows(share, std::max<int64_t>(0, to.rank() - 1), {to},
          [&](ArrayRef<View> row, auto) { fillRow(row[0]); });
}

Value Emitter::lengthOf(const View *lengths, Value row, Value all) {
  if (!lengths)
    return all;
  Value length = load(b.getI32Type(), pointerAt(*lengths, {row}));
  return arith::ExtSIOp::create(b, loc, i64, length);
}

Value Emitter::validAt(const View *valid, Value t, Value row) {
  if (!valid)
    return arith::ConstantOp::create(b, loc, b.getBoolAttr(true));
  if (valid->element.isInteger(32))
    return compare(arith::CmpIPredicate::slt, t, lengthOf(valid, row, t));
  if (valid->rank() == 1)
    return load(b.getI1Type(), pointerAt(*valid, {row}));
  return load(b.getI1Type(), pointerAt(*valid, {t, row}));
}

/// The dim of `view` that counts the rows of `lengths` or of a mask: the last of
/// that extent, at `first` or behind it; -1 if there is none. Further time axes
/// stand before the batch.
static int64_t rowDim(const View &view, const View &lengths, int64_t first) {
  auto key = [](const Monomial &size) {
    return std::pair(size.coefficient,
                     SmallVector<int>(size.extents.begin(),
                                      size.extents.end()));
  };
  for (int64_t dim = view.rank() - 1; dim >= first; --dim)
    if (key(view.sizes[dim]) == key(lengths.sizes.back()))
      return dim;
  return -1;
}

/// `view` with that dim moved to place `to`; unchanged without lengths.
static View withRowsAt(int64_t to, View view,
                       const std::optional<View> &lengths) {
  int64_t dim = lengths ? rowDim(view, *lengths, to) : -1;
  if (dim <= to)
    return view;
  std::rotate(view.sizes.begin() + to, view.sizes.begin() + dim,
              view.sizes.begin() + dim + 1);
  std::rotate(view.strides.begin() + to, view.strides.begin() + dim,
              view.strides.begin() + dim + 1);
  return view;
}

bool Emitter::hasRows(const View &view, const View &lengths) {
  return rowDim(view, lengths, 0) >= 0;
}

Value Emitter::longest(const View &lengths, Value steps) {
  Value most = forReduce(
      constant(0), value(lengths.sizes[0]), 1, constant(0),
      [&](Value row, ValueRange most) -> Values {
        return {arith::MaxSIOp::create(b, loc, most[0],
                                       lengthOf(&lengths, row, steps))};
      })[0];
  return arith::MinSIOp::create(b, loc, most, steps);
}

void Emitter::zeroPadding(const View &all, const View &lengths,
                          Value position) {
  if (rowDim(all, lengths, 0) < 0)
    return;
  View rows = withRowsAt(0, all, lengths);
  Partition share = partitionRows(
      "." + std::to_string(rows.sizes[0].extents.front()),
      rows.sizes[0]);
  access(share, {rows, lengths}, {}, {rows});
  forRange(share.low, share.high, 1, [&](Value row) {
    Value isPadding = compare(arith::CmpIPredicate::sge, position,
                              lengthOf(&lengths, row, position));
    ifThen(isPadding, [&] { zeroEntries(at(rows, 0, row)); });
  });
}

void Emitter::zeroEntries(const View &view) {
  if (view.rank() == 0)
    return store(
        arith::ConstantOp::create(b, loc, b.getZeroAttr(view.element)),
        view.base);
  if (view.rank() > 1)
    return forRange(constant(0), value(view.sizes[0]), 1,
                    [&](Value i) { zeroEntries(at(view, 0, i)); });
  int64_t lanes = lanesOf(view.element);
  Value none = arith::ConstantOp::create(
      b, loc, b.getZeroAttr(VectorType::get(lanes, view.element)));
  forLanes(view.sizes[0], lanes, [&](Value i, Value count) {
    storeLanes(none, view,
               offset(view.base, mul(i, value(view.strides[0])), view.element),
               view.strides[0], count);
  });
}

void Emitter::forSteps(const View &out, const Views &reads, bool rows,
                       function_ref<void(Value, Value, const View &)> body) {
  // Time and batch at most; never the last dim.
  Partition share =
      partition(Shape(out.sizes.begin(),
                      out.sizes.begin() + std::min<size_t>(3, out.rank())));
  access(share, {}, reads, {out});
  int64_t shared = share.key == "serial" ? 1 : share.dims;
  forRows(share, shared, {out},
          [&](ArrayRef<View> row, ArrayRef<Value> index) {
            if (index.size() > 1)
              return body(index[0], index[1], row[0]);
            if (!rows)
              return body(index[0], Value(), row[0]);
            forRange(constant(0), value(row[0].sizes[0]), 1, [&](Value i) {
              body(index[0], i, at(row[0], 0, i));
            });
          });
}

void Emitter::copyValid(const View &next, const View &old, const View &lengths,
                        Value position) {
  if (rowDim(old, lengths, 0) < 0)
    return copy(next, old);
  View from = withRowsAt(0, next, lengths), to = withRowsAt(0, old, lengths);
  Partition share =
      partitionRows("." + std::to_string(to.sizes[0].extents.front()),
                    to.sizes[0]);
  access(share, {from, lengths}, {}, {to});
  forRange(share.low, share.high, 1, [&](Value row) {
    Value isValid = compare(arith::CmpIPredicate::slt, position,
                            lengthOf(&lengths, row, position));
    ifThen(isValid, [&] { copyEntries(at(from, 0, row), at(to, 0, row)); });
  });
}

LogicalResult Emitter::emitConcat(rnn::ConcatOp op) {
  auto shape = shapeOf(op.getResult());
  if (failed(shape))
    return failure();
  auto it = concatViews.find(op);
  View out = it != concatViews.end()
                 ? it->second
                 : destination(cast<OpResult>(op.getResult()), *shape);
  int64_t from = 0;
  // Parts lie side by side: the threads need not meet between them, however
  // they share each.
  const Accesses before = accesses[out.storage];
  const int met = barriers;
  Accesses parts = before;
  for (auto [number, input] : llvm::enumerate(op.getInputs())) {
    auto view = viewOf(input);
    if (failed(view))
      return failure();
    int64_t size =
        cast<RankedTensorType>(input.getType()).getDimSize(op.getAxis());
    if (!done.contains({op, static_cast<unsigned>(number)})) {
      accesses[out.storage] = view->storage == out.storage ? parts
                              : barriers == met            ? before
                                                           : Accesses();
      copy(*view, sliceOf(out, op.getAxis(), from, size));
      const Accesses &now = accesses[out.storage];
      parts.writers.insert(now.writers.begin(), now.writers.end());
      parts.alignedReaders.insert(now.alignedReaders.begin(),
                                  now.alignedReaders.end());
      parts.otherReaders |= now.otherReaders;
    }
    from += size;
  }
  accesses[out.storage] = std::move(parts);
  views[op.getResult()] = out;
  return success();
}

LogicalResult Emitter::emitPlace(rnn::PlaceOp op) {
  auto in = viewOf(op.getInput());
  auto shape = shapeOf(op.getResult());
  if (failed(in) || failed(shape))
    return failure();
  View out = destination(cast<OpResult>(op.getResult()), *shape);
  fill(out, 0);
  copy(*in, sliceOf(out, op.getAxis(), op.getOffset(),
                    op.getInput().getType().getDimSize(op.getAxis())));
  views[op.getResult()] = out;
  return success();
}

/// Lengths as a view, or null.
static std::optional<View> optionalView(const llvm::DenseMap<Value, View> &views,
                                        Value tensor) {
  if (!tensor)
    return std::nullopt;
  auto it = views.find(tensor);
  return it == views.end() ? std::nullopt : std::optional(it->second);
}

LogicalResult Emitter::emitShift(rnn::ShiftOp op) {
  auto in = viewOf(op.getInput());
  auto first = viewOf(op.getInit());
  auto shape = shapeOf(op.getResult());
  if (failed(in) || failed(first) || failed(shape))
    return failure();
  auto lengths = optionalView(views, op.getLengths());
  View result = destination(cast<OpResult>(op.getResult()), *shape);
  View out = withRowsAt(1, result, lengths);
  in = withRowsAt(1, *in, lengths);
  first = withRowsAt(0, *first, lengths);
  Views reads{*in, *first};
  if (lengths)
    reads.push_back(*lengths);
  bool reverse = op.getReverse();
  Value steps = value(in->sizes[0]);
  bool rows = lengths && out.rank() >= 2;
  forSteps(out, reads, rows, [&](Value t, Value row, const View &to) {
    auto entriesAt = [&](const View &view, Value step) {
      View there = at(view, 0, step);
      return row ? at(there, 0, row) : there;
    };
    Value end = constant(0);
    if (reverse)
      end = arith::SubIOp::create(
          b, loc,
          row ? lengthOf(lengths ? &*lengths : nullptr, row, steps) : steps,
          constant(1));
    // At or behind the end there is nothing to take from.
    Value isEnd = compare(reverse ? arith::CmpIPredicate::sge
                                  : arith::CmpIPredicate::eq,
                          t, end);
    Value from = reverse ? add(t, constant(1))
                         : arith::SubIOp::create(b, loc, t, constant(1));
    ifElse(
        isEnd, {},
        [&]() -> Values {
          copyEntries(row ? at(*first, 0, row) : *first, to);
          return {};
        },
        [&]() -> Values {
          copyEntries(entriesAt(*in, from), to);
          return {};
        });
  });
  views[op.getResult()] = result;
  return success();
}

LogicalResult Emitter::emitReverse(rnn::ReverseOp op) {
  auto in = viewOf(op.getInput());
  auto shape = shapeOf(op.getResult());
  if (failed(in) || failed(shape))
    return failure();
  auto lengths = optionalView(views, op.getLengths());
  View result = destination(cast<OpResult>(op.getResult()), *shape);
  View out = withRowsAt(1, result, lengths);
  in = withRowsAt(1, *in, lengths);
  Views reads{*in};
  if (lengths)
    reads.push_back(*lengths);
  Value steps = value(in->sizes[0]);
  forSteps(out, reads, lengths.has_value(),
           [&](Value t, Value row, const View &to) {
             Value end = lengths ? lengthOf(&*lengths, row, steps) : steps;
             Value from = arith::SubIOp::create(
                 b, loc, arith::SubIOp::create(b, loc, end, constant(1)), t);
             auto take = [&] {
               View there = at(*in, 0, from);
               copyEntries(row ? at(there, 0, row) : there, to);
             };
             if (!lengths)
               return take();
             ifElse(
                 compare(arith::CmpIPredicate::slt, t, end), {},
                 [&]() -> Values { return take(), Values(); },
                 [&]() -> Values { return zeroEntries(to), Values(); });
           });
  views[op.getResult()] = result;
  return success();
}

LogicalResult Emitter::emitPick(rnn::PickOp op) {
  // Only the last step under lengths comes here; others are views.
  auto in = viewOf(op.getInput());
  auto shape = shapeOf(op.getResult());
  auto lengths = optionalView(views, op.getLengths());
  if (failed(in) || failed(shape) || !lengths)
    return failure();
  View result = destination(cast<OpResult>(op.getResult()), *shape);
  View out = withRowsAt(0, result, lengths);
  in = withRowsAt(1, *in, lengths);
  Partition share = partition(out.sizes);
  access(share, {}, {*in, *lengths}, {out});
  forRows(share, 1, {out}, [&](ArrayRef<View> to, ArrayRef<Value> index) {
    Value step = arith::SubIOp::create(
        b, loc, lengthOf(&*lengths, index[0], index[0]), constant(1));
    copyEntries(at(at(*in, 0, step), 0, index[0]), to[0]);
  });
  views[op.getResult()] = result;
  return success();
}

LogicalResult Emitter::emitPut(rnn::PutOp op) {
  auto in = viewOf(op.getInput());
  auto shape = shapeOf(op.getResult());
  auto lengths = optionalView(views, op.getLengths());
  if (failed(in) || failed(shape))
    return failure();
  View result = destination(cast<OpResult>(op.getResult()), *shape);
  View out = withRowsAt(1, result, lengths);
  in = withRowsAt(0, *in, lengths);
  Views reads{*in};
  if (lengths)
    reads.push_back(*lengths);
  bool last = op.getEnd() == rnn::End::Last;
  Value steps = value(out.sizes[0]);
  forSteps(out, reads, last && lengths,
           [&](Value t, Value row, const View &to) {
             Value place = constant(0);
             if (last)
               place = arith::SubIOp::create(
                   b, loc,
                   lengths ? lengthOf(&*lengths, row, steps) : steps,
                   constant(1));
             ifElse(
                 compare(arith::CmpIPredicate::eq, t, place), {},
                 [&]() -> Values {
                   copyEntries(row ? at(*in, 0, row) : *in, to);
                   return {};
                 },
                 [&]() -> Values { return zeroEntries(to), Values(); });
           });
  views[op.getResult()] = result;
  return success();
}

LogicalResult Emitter::emitMask(rnn::MaskOp op) {
  auto in = viewOf(op.getInput());
  auto valid = viewOf(op.getValid());
  auto shape = shapeOf(op.getResult());
  if (failed(in) || failed(valid) || failed(shape))
    return failure();
  View result = destination(cast<OpResult>(op.getResult()), *shape);
  View out = withRowsAt(1, result, *valid);
  in = withRowsAt(1, *in, *valid);
  forSteps(out, {*in, *valid}, /*rows=*/true,
           [&](Value t, Value row, const View &to) {
             ifElse(
                 validAt(&*valid, t, row), {},
                 [&]() -> Values {
                   copyEntries(at(at(*in, 0, t), 0, row), to);
                   return {};
                 },
                 [&]() -> Values { return zeroEntries(to), Values(); });
           });
  views[op.getResult()] = result;
  return success();
}

LogicalResult Emitter::emitValid(rnn::ValidOp op) {
  auto lengths = viewOf(op.getLengths());
  auto shape = shapeOf(op.getResult());
  if (failed(lengths) || failed(shape))
    return failure();
  View out = destination(cast<OpResult>(op.getResult()), *shape);
  Partition share = partitionRows(
      "." + std::to_string(out.sizes[0].extents.empty()
                               ? -1
                               : out.sizes[0].extents.front()),
      out.sizes[0]);
  access(share, {*lengths}, {}, {out});
  Value position = scalars.lookup(op.getAt());
  forRange(share.low, share.high, 1, [&](Value row) {
    store(validAt(&*lengths, position, row), pointerAt(out, {row}));
  });
  views[op.getResult()] = out;
  return success();
}

LogicalResult Emitter::emitValidSteps(rnn::ValidStepsOp op) {
  auto lengths = viewOf(op.getLengths());
  auto shape = shapeOf(op.getResult());
  if (failed(lengths) || failed(shape))
    return failure();
  View out = destination(cast<OpResult>(op.getResult()), *shape);
  forSteps(out, {*lengths}, /*rows=*/true,
           [&](Value t, Value row, const View &to) {
             store(validAt(&*lengths, t, row), to.base);
           });
  views[op.getResult()] = out;
  return success();
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

LogicalResult Emitter::emitGather(rnn::GatherOp op) {
  auto table = viewOf(op.getTable());
  auto ids = viewOf(op.getIds());
  auto shape = shapeOf(op.getResult());
  if (failed(table) || failed(ids) || failed(shape))
    return failure();
  View out = destination(cast<OpResult>(op.getResult()), *shape);
  int64_t rank = ids->rank();
  // Ids padded with dims that repeat, so that they go along with the rows.
  View idsLong = *ids;
  for (int64_t i = rank; i < out.rank(); ++i) {
    idsLong.sizes.push_back(out.sizes[i]);
    idsLong.strides.push_back(Monomial(0));
  }
  Partition share = partition(out.sizes);
  access(share, {idsLong}, {*table}, {out});
  auto body = [&](ArrayRef<View> row, ArrayRef<Value>) {
    Value id = arith::ExtSIOp::create(b, loc, i64,
                                      load(b.getI32Type(), row[1].base));
    copyEntries(at(*table, 0, id), row[0]);
  };
  forRows(share, rank, {out, idsLong}, body);
  views[op.getResult()] = out;
  return success();
}

LogicalResult Emitter::emitScatterAdd(rnn::ScatterAddOp op) {
  auto rows = viewOf(op.getRows());
  auto ids = viewOf(op.getIds());
  auto shape = shapeOf(op.getResult());
  if (failed(rows) || failed(ids) || failed(shape))
    return failure();
  auto valid = optionalView(views, op.getValid());
  View out = destination(cast<OpResult>(op.getResult()), *shape);
  if (op.getAcc()) {
    auto acc = viewOf(op.getAcc());
    if (failed(acc))
      return failure();
    copy(*acc, out);
  } else {
    fill(out, 0);
  }
  Views reads{*rows, *ids};
  if (valid)
    reads.push_back(*valid);
  // Threads share the columns of the table: every sum has one order, and rows
  // may come in any.
  Monomial width(1);
  bool inColumns = false;
  {
    View one = out;
    one.sizes.erase(one.sizes.begin());
    one.strides.erase(one.strides.begin());
    View row = *rows;
    row.sizes.erase(row.sizes.begin(), row.sizes.begin() + ids->rank());
    row.strides.erase(row.strides.begin(), row.strides.begin() + ids->rank());
    width = product(one.sizes);
    inColumns = one.rank() > 0 && width.isConstant() && one.isContiguous() &&
                row.isContiguous();
  }
  Partition share = inColumns ? partitionFlat(width.coefficient) : serial();
  access(share, {}, reads, {out});
  auto addAll = [&] {
    std::function<void(const View &, const View &)> addEntries =
        [&](const View &from, const View &to) {
          if (to.rank() == 0) {
            Value sum = arith::AddFOp::create(b, loc, load(to.element, to.base),
                                              load(from.element, from.base));
            return store(sum, to.base);
          }
          if (!inColumns)
            return forRange(constant(0), value(to.sizes[0]), 1, [&](Value i) {
              addEntries(at(from, 0, i), at(to, 0, i));
            });
          int64_t lanes = lanesOf(to.element);
          forVectors(share.low, share.high, lanes, [&](Value i, Value count) {
            auto get = [&](const View &view) {
              return loadLanes(view, offset(view.base, i, view.element),
                               Monomial(1), lanes, count);
            };
            storeLanes(arith::AddFOp::create(b, loc, get(to), get(from)), to,
                       offset(to.base, i, to.element), Monomial(1), count);
          });
        };
    SmallVector<Value> index;
    std::function<void(View, View)> nest = [&](View rowsHere, View idsHere) {
      if (idsHere.rank() == 0) {
        auto addRow = [&] {
          Value id = arith::ExtSIOp::create(
              b, loc, i64, load(b.getI32Type(), idsHere.base));
          addEntries(rowsHere, at(out, 0, id));
        };
        if (!valid)
          return addRow();
        Value t = index.size() > 1 ? index[0] : Value();
        // Rows come last, however many time axes stand before them.
        Value row = index.back();
        return ifThen(validAt(&*valid, t, row), addRow);
      }
      bool time = ids->rank() > 1 && index.empty();
      Value size = value(idsHere.sizes[0]);
      forRange(constant(0), size, 1, [&](Value i) {
        Value position = i;
        if (time)
          position = arith::SubIOp::create(
              b, loc, arith::SubIOp::create(b, loc, size, constant(1)), i);
        index.push_back(position);
        nest(at(rowsHere, 0, position), at(idsHere, 0, position));
        index.pop_back();
      });
    };
    nest(*rows, *ids);
  };
  ifThen(compare(arith::CmpIPredicate::slt, share.low, share.high), addAll);
  views[op.getResult()] = out;
  return success();
}

LogicalResult Emitter::emitOneHot(rnn::OneHotOp op) {
  auto ids = viewOf(op.getIds());
  auto shape = shapeOf(op.getIds());
  if (failed(ids) || failed(shape))
    return failure();
  shape->push_back(Monomial(op.getType().getShape().back()));
  View out = destination(cast<OpResult>(op.getResult()), *shape);
  View idsLong = *ids;
  idsLong.sizes.push_back(shape->back());
  idsLong.strides.push_back(Monomial(0));
  Partition share = partition(out.sizes);
  fill(out, 0);
  access(share, {idsLong}, {}, {out});
  Value one = isa<FloatType>(out.element)
                  ? floatConstant(out.element, 1)
                  : arith::ConstantOp::create(
                        b, loc, b.getIntegerAttr(out.element, 1));
  forRows(share, ids->rank(), {out, idsLong},
          [&](ArrayRef<View> row, ArrayRef<Value>) {
            Value id = arith::ExtSIOp::create(
                b, loc, i64, load(b.getI32Type(), row[1].base));
            store(one, pointerAt(row[0], {id}));
          });
  views[op.getResult()] = out;
  return success();
}

LogicalResult Emitter::emitIota(rnn::IotaOp op) {
  auto shape = shapeOf(op.getResult());
  if (failed(shape))
    return failure();
  View out = destination(cast<OpResult>(op.getResult()), *shape);
  access(serial(), {}, {}, {out});
  forRows(serial(), out.rank(), {out},
          [&](ArrayRef<View> row, ArrayRef<Value> index) {
            Value i = index.back();
            Value entry =
                isa<FloatType>(out.element)
                    ? Value(arith::SIToFPOp::create(b, loc, out.element, i))
                    : Value(arith::TruncIOp::create(b, loc, out.element, i));
            store(entry, row[0].base);
          });
  views[op.getResult()] = out;
  return success();
}

LogicalResult Emitter::emitPosition(rnn::PositionOp op) {
  auto shape = shapeOf(op.getResult());
  if (failed(shape))
    return failure();
  View out = destination(cast<OpResult>(op.getResult()), *shape);
  access(serial(), {}, {}, {out});
  forRows(serial(), 1, {out}, [&](ArrayRef<View> row, ArrayRef<Value> index) {
    Value number = index[0];
    if (op.getFirst())
      number = add(number, scalars.lookup(op.getFirst()));
    store(arith::TruncIOp::create(b, loc, out.element, number), row[0].base);
  });
  views[op.getResult()] = out;
  return success();
}
