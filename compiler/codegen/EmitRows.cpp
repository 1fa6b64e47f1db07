//===- EmitRows.cpp - Softmax, losses, arg max ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels that need a whole row at a time.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

LogicalResult Emitter::emitSoftmax(Operation *op, const View &in,
                                   StringRef over, StringRef labels,
                                   Value validValue, bool logarithm) {
  View out = destination(op->getResult(0), in.sizes);
  size_t dim = labels.find(over);
  std::optional<View> valid;
  if (validValue) {
    auto view = viewOf(validValue);
    if (failed(view))
      return failure();
    valid = *view;
  }
  Type element = in.element;
  // Move the dim to the end: then every row is walked along it.
  auto rotate = [&](View view) {
    Monomial size = view.sizes[dim], stride = view.strides[dim];
    view.sizes.erase(view.sizes.begin() + dim);
    view.strides.erase(view.strides.begin() + dim);
    view.sizes.push_back(size);
    view.strides.push_back(stride);
    return view;
  };
  View from = rotate(in), to = rotate(out);
  std::string rest = labels.str();
  rest.erase(dim, 1);
  bool moved = dim + 1 != labels.size();
  Partition share = partition(from.sizes);
  Views others;
  if (valid)
    others.push_back(*valid);
  access(share, {from}, others, {to});
  int64_t lanes = lanesOf(element);
  bool vectors = !moved && !valid && from.strides.back().isConstant(1) &&
                 to.strides.back().isConstant(1);
  double lowest = -std::numeric_limits<double>::infinity();
  forRows(share, from.rank() - 1, {from, to},
          [&](ArrayRef<View> row, ArrayRef<Value> index) {
            const Monomial &size = row[0].sizes[0];
            if (vectors) {
              Value max = maxOfRow(row[0], lanes);
              Value sum = sumOfRow(row[0], max, lanes,
                                   logarithm ? nullptr : &row[1]);
              Value shift = splat(max, lanes), total = splat(sum, lanes);
              if (logarithm)
                total = splat(math::LogOp::create(b, loc, sum), lanes);
              forLanes(size, lanes, [&](Value i, Value count) {
                const View &source = row[logarithm ? 0 : 1];
                Value z = loadLanes(source, offset(source.base, i, element),
                                    Monomial(1), lanes, count);
                Value result =
                    logarithm
                        ? Value(arith::SubFOp::create(
                              b, loc, arith::SubFOp::create(b, loc, z, shift),
                              total))
                        : Value(arith::DivFOp::create(b, loc, z, total));
                storeLanes(result, row[1], offset(row[1].base, i, element),
                           Monomial(1), count);
              });
              return;
            }
            Value count = value(size);
            Value step0 = value(row[0].strides[0]);
            Value step1 = value(row[1].strides[0]);
            auto isValid = [&](Value i) {
              if (!valid)
                return validAt(nullptr, i, i);
              auto placeOf = [&](char label) -> Value {
                if (over[0] == label)
                  return i;
                size_t place = rest.find(label);
                return place == std::string::npos ? Value() : index[place];
              };
              return validAt(&*valid, placeOf('t'), placeOf('b'));
            };
            auto entry = [&](Value i) {
              return load(element, offset(row[0].base, mul(i, step0), element));
            };
            Value max = forReduce(
                constant(0), count, 1, floatConstant(element, lowest),
                [&](Value i, ValueRange s) -> Values {
                  return ifElse(
                      isValid(i), element,
                      [&]() -> Values {
                        return {arith::MaximumFOp::create(b, loc, s[0],
                                                          entry(i))};
                      },
                      [&]() -> Values { return {s[0]}; });
                })[0];
            Value sum = forReduce(
                constant(0), count, 1, floatConstant(element, 0),
                [&](Value i, ValueRange s) -> Values {
                  return ifElse(
                      isValid(i), element,
                      [&]() -> Values {
                        Value e = math::ExpOp::create(
                            b, loc,
                            arith::SubFOp::create(b, loc, entry(i), max));
                        return {arith::AddFOp::create(b, loc, s[0], e)};
                      },
                      [&]() -> Values { return {s[0]}; });
                })[0];
            forRange(constant(0), count, 1, [&](Value i) {
              Value result = ifElse(
                  isValid(i), element,
                  [&]() -> Values {
                    Value shifted =
                        arith::SubFOp::create(b, loc, entry(i), max);
                    if (logarithm)
                      return {arith::SubFOp::create(
                          b, loc, shifted, math::LogOp::create(b, loc, sum))};
                    return {arith::DivFOp::create(
                        b, loc, math::ExpOp::create(b, loc, shifted), sum)};
                  },
                  [&]() -> Values { return {floatConstant(element, 0)}; })[0];
              store(result, offset(row[1].base, mul(i, step1), element));
            });
          });
  views[op->getResult(0)] = out;
  return success();
}

/// A row's vectors: whole ones, several at once for `chains` results, then a
/// rest filled up with `filler`.
Value Emitter::sweepRow(
    const View &row, int64_t lanes, double start, double filler,
    function_ref<Value(Value, Value, Value, Value)> step,
    function_ref<Value(Value, Value)> merge) {
  constexpr int64_t chains = 4;
  Type element = row.element;
  auto type = VectorType::get(lanes, element);
  Value end = value(row.sizes[0]);
  auto before = [&](int64_t width) -> Value {
    return arith::SubIOp::create(
        b, loc, end, arith::RemSIOp::create(b, loc, end, constant(width)));
  };
  Value wide = before(chains * lanes), whole = before(lanes);
  auto stepAt = [&](Value sum, Value i) {
    return step(sum, load(type, offset(row.base, i, element)), i, Value());
  };
  Values sums = forReduce(constant(0), wide, chains * lanes,
                          Values(chains, floatConstant(type, start)),
                          [&](Value i, ValueRange s) -> Values {
                            Values next;
                            for (int64_t n = 0; n < chains; ++n)
                              next.push_back(
                                  stepAt(s[n], add(i, constant(n * lanes))));
                            return next;
                          });
  Value last = forReduce(wide, whole, lanes, sums[0],
                         [&](Value i, ValueRange s) -> Values {
                           return {stepAt(s[0], i)};
                         })[0];
  Value rest = arith::SubIOp::create(b, loc, end, whole);
  last = ifElse(
      compare(arith::CmpIPredicate::sgt, rest, constant(0)), type,
      [&]() -> Values {
        Value entries = LLVM::MaskedLoadOp::create(
            b, loc, type, offset(row.base, whole, element),
            laneMask(lanes, rest), floatConstant(type, filler),
            b.getI32IntegerAttr(element.getIntOrFloatBitWidth() / 8));
        return {step(last, entries, whole, rest)};
      },
      [&]() -> Values { return {last}; })[0];
  return foldLanes(merge(merge(last, sums[1]), merge(sums[2], sums[3])), merge);
}

Value Emitter::maxOfRow(const View &row, int64_t lanes) {
  double lowest = -std::numeric_limits<double>::infinity();
  // One instruction, which maximumf is not. A NaN may be left out here: the
  // sum of the row that follows has it.
  auto larger = [&](Value x, Value y) -> Value {
    Value above =
        arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, y);
    return arith::SelectOp::create(b, loc, above, x, y);
  };
  return sweepRow(
      row, lanes, lowest, lowest,
      [&](Value max, Value z, Value, Value) { return larger(max, z); }, larger);
}

Value Emitter::sumOfRow(const View &row, Value max, int64_t lanes,
                        const View *exps) {
  Value shift = splat(max, lanes);
  auto plus = [&](Value x, Value y) -> Value {
    return arith::AddFOp::create(b, loc, x, y);
  };
  return sweepRow(
      row, lanes, 0, -std::numeric_limits<double>::infinity(),
      [&](Value sum, Value z, Value i, Value count) {
        Value e = math::ExpOp::create(
            b, loc, arith::SubFOp::create(b, loc, z, shift));
        // The next row comes in meanwhile: here the CPU computes, and its
        // largest entry waits for nothing but memory.
        LLVM::Prefetch::create(
            b, loc, offset(row.base, add(value(row.sizes[0]), i), row.element),
            /*rw=*/0, /*hint=*/2, /*cache=*/1);
        if (exps)
          storeLanes(e, *exps, offset(exps->base, i, exps->element),
                     Monomial(1), count);
        return plus(sum, e);
      },
      plus);
}

//===----------------------------------------------------------------------===//
// Cross-entropy
//===----------------------------------------------------------------------===//

void Emitter::pairLosses() {
  source.walk([&](rnn::CrossEntropyGradOp grad) {
    for (Operation *user : grad.getLogits().getUsers()) {
      auto loss = dyn_cast<rnn::CrossEntropyOp>(user);
      if (!loss || loss->getBlock() != grad->getBlock() ||
          loss.getClasses() != grad.getClasses() ||
          lossGradients.contains(loss))
        continue;
      // The gradient is computed with the loss if all it needs is there.
      bool isReady = llvm::all_of(grad->getOperands(), [&](Value operand) {
        Operation *def = operand.getDefiningOp();
        return !def || def->getBlock() != loss->getBlock() ||
               def->isBeforeInBlock(loss);
      });
      if (!isReady)
        continue;
      grad->moveAfter(loss);
      lossGradients[loss] = grad;
      return;
    }
  });
}

/// Whether the gradient of logits can take their memory: nothing but the loss
/// reads them.
bool Emitter::canTakeLogits(rnn::CrossEntropyGradOp grad) {
  Value logits = grad.getLogits();
  Operation *def = logits.getDefiningOp();
  if (!def || def->getBlock() != grad->getBlock() || !frames.empty() ||
      !isa<rnn::ContractOp, step::MapOp>(def))
    return false;
  for (Operation *user : logits.getUsers())
    if (user != grad &&
        !(isa<rnn::CrossEntropyOp>(user) && user->isBeforeInBlock(grad)))
      return false;
  const View &view = views[logits];
  for (Slot &slot : slots)
    if (slot.storage == view.storage && view.isContiguous()) {
      slot.death = std::max(slot.death, lastUse(grad.getResult()));
      return true;
    }
  return false;
}

/// Loss, gradient or both, row by row: each row is read from memory once, and
/// each entry has one exp.
LogicalResult Emitter::emitCrossEntropyRows(rnn::CrossEntropyOp lossOp,
                                            rnn::CrossEntropyGradOp gradOp) {
  Operation *op = lossOp ? lossOp : gradOp.getOperation();
  auto z = viewOf(lossOp ? lossOp.getLogits() : gradOp.getLogits());
  auto y = viewOf(lossOp ? lossOp.getClasses() : gradOp.getClasses());
  if (failed(z) || failed(y))
    return failure();
  if (!z->strides.back().isConstant(1))
    return op->emitOpError("needs logits that lie in one piece");
  auto lengthen = [&](View view) {
    view.sizes.push_back(z->sizes.back());
    view.strides.push_back(Monomial(0));
    return view;
  };
  Views rows{*z, lengthen(*y)}, reads(rows), writes;
  if (lossOp) {
    View losses = destination(cast<OpResult>(lossOp.getResult()), y->sizes);
    views[lossOp.getResult()] = losses;
    writes.push_back(lengthen(losses));
  }
  if (gradOp) {
    auto g = viewOf(gradOp.getCotangent());
    if (failed(g))
      return failure();
    View out = canTakeLogits(gradOp)
                   ? *z
                   : destination(cast<OpResult>(gradOp.getResult()), z->sizes);
    views[gradOp.getResult()] = out;
    reads.push_back(lengthen(*g));
    rows.push_back(reads.back());
    writes.push_back(out);
  }
  rows.insert(rows.end(), writes.begin(), writes.end());
  Partition share = partition(z->sizes);
  access(share, reads, {}, writes);
  Type element = z->element;
  int64_t lanes = lanesOf(element);
  forRows(share, z->rank() - 1, rows, [&](ArrayRef<View> row, ArrayRef<Value>) {
    const View &logits = row[0], &out = row.back();
    Value id = arith::ExtSIOp::create(b, loc, i64,
                                      load(b.getI32Type(), row[1].base));
    // Before the row turns into its gradient.
    Value picked = load(element, offset(logits.base, id, element));
    bool inOrder = gradOp && out.strides[0].isConstant(1);
    Value max = maxOfRow(logits, lanes);
    Value sum = sumOfRow(logits, max, lanes, inOrder ? &out : nullptr);
    if (lossOp)
      store(arith::AddFOp::create(b, loc,
                                  arith::SubFOp::create(b, loc, max, picked),
                                  math::LogOp::create(b, loc, sum)),
            row[gradOp ? 3 : 2].base);
    if (!gradOp)
      return;
    Value g = load(element, row[2].base);
    Value scale = splat(arith::DivFOp::create(b, loc, g, sum), lanes);
    Value shift = splat(max, lanes);
    forLanes(logits.sizes[0], lanes, [&](Value i, Value count) {
      Value to = offset(out.base, mul(i, value(out.strides[0])), element);
      Value e;
      if (inOrder) {
        e = loadLanes(out, to, Monomial(1), lanes, count);
      } else {
        Value entries = loadLanes(logits, offset(logits.base, i, element),
                                  Monomial(1), lanes, count);
        e = math::ExpOp::create(
            b, loc, arith::SubFOp::create(b, loc, entries, shift));
      }
      storeLanes(arith::MulFOp::create(b, loc, e, scale), out, to,
                 out.strides[0], count);
    });
    Value place = pointerAt(out, {id});
    store(arith::SubFOp::create(b, loc, load(element, place), g), place);
  });
  return success();
}

LogicalResult Emitter::emitCrossEntropy(rnn::CrossEntropyOp op) {
  return emitCrossEntropyRows(op, lossGradients.lookup(op));
}

LogicalResult Emitter::emitCrossEntropyGrad(rnn::CrossEntropyGradOp op) {
  // With its loss, if that came before.
  if (views.contains(op.getResult()))
    return success();
  return emitCrossEntropyRows({}, op);
}

LogicalResult Emitter::emitArgMax(rnn::ArgMaxOp op) {
  auto in = viewOf(op.getInput());
  if (failed(in))
    return failure();
  Shape shape(in->sizes.begin(), in->sizes.end() - 1);
  View out = destination(cast<OpResult>(op.getResult()), shape);
  View places = out;
  places.sizes.push_back(in->sizes.back());
  places.strides.push_back(Monomial(0));
  Partition share = partition(in->sizes);
  access(share, {*in}, {}, {places});
  Type element = in->element;
  forRows(share, in->rank() - 1, {*in, places},
          [&](ArrayRef<View> row, ArrayRef<Value>) {
            Value step = value(row[0].strides[0]);
            Value first = load(element, row[0].base);
            Values best = forReduce(
                constant(1), value(row[0].sizes[0]), 1,
                ValueRange{first, constant(0)},
                [&](Value i, ValueRange s) -> Values {
                  Value entry = load(
                      element, offset(row[0].base, mul(i, step), element));
                  Value better = arith::CmpFOp::create(
                      b, loc, arith::CmpFPredicate::OGT, entry, s[0]);
                  return {arith::SelectOp::create(b, loc, better, entry, s[0]),
                          arith::SelectOp::create(b, loc, better, i, s[1])};
                });
            store(arith::TruncIOp::create(b, loc, b.getI32Type(), best[1]),
                  row[1].base);
          });
  views[op.getResult()] = out;
  return success();
}
