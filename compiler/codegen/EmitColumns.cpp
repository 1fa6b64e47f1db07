//===- EmitColumns.cpp - Sums of rows --------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Adds up the rows of a value, as the gradient of a bias does over time and
// batch. Threads share the columns, so each entry is one chain of additions
// from the last step back, whatever the number of threads. Several rows at a
// time are read side by side while their sums stay in the nearest cache.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

/// The stride of dims [from, to) seen as one dim, if they can be.
static std::optional<Monomial> strideOfDims(const View &view, int64_t from,
                                            int64_t to) {
  Monomial size(1), stride(0);
  for (int64_t dim = to - 1; dim >= from; --dim) {
    if (view.sizes[dim].isConstant(1))
      continue;
    if (size.isConstant(1))
      stride = view.strides[dim];
    else if (!(view.strides[dim] == stride * size))
      return std::nullopt;
    size = size * view.sizes[dim];
  }
  return stride;
}

namespace {
/// Where one operand's row begins and how its columns lie.
struct Rows {
  Monomial outer, inner;
  bool hasColumns;
};
} // namespace

/// Rows that are read side by side.
static constexpr int64_t kRows = 8;

bool Emitter::emitColumns(rnn::ReduceOp op, const Terms &terms,
                          const View &out, const View *acc,
                          const View *valid) {
  StringRef in = op.getInLabels(), columns = op.getOutLabels();
  rnn::ReduceKind kind = op.getKind();
  if (columns.empty() || in.size() <= columns.size() ||
      !in.ends_with(columns) || !isa<FloatType>(out.element) ||
      !out.isContiguous() || (acc && !acc->isContiguous()))
    return false;
  Monomial width = product(out.sizes);
  StringRef sums = in.drop_back(columns.size());
  bool time = sums[0] == 't';
  if (!width.isConstant() || width.isConstant(1) ||
      sums.drop_front().contains('t'))
    return false;
  if (valid && (sums != "tb" || kind == rnn::ReduceKind::Max ||
                kind == rnn::ReduceKind::Min))
    return false;
  // Rows by at most two dims.
  int64_t outerDims = time ? 1 : 0, dims = sums.size();
  SmallVector<Rows> rows;
  for (const View &view : terms.views) {
    auto inner = strideOfDims(view, outerDims, dims);
    auto column = strideOfDims(view, dims, view.rank());
    if (!inner || !column ||
        !(column->isConstant(0) || column->isConstant(1)))
      return false;
    rows.push_back({time ? view.strides[0] : Monomial(0), *inner,
                    column->isConstant(1)});
  }
  ArrayRef<Monomial> sizes = terms.views[0].sizes;
  Value count1 = time ? value(sizes[0]) : constant(1);
  Value count2 = value(product(sizes.slice(outerDims, dims - outerDims)));

  Partition share = partitionFlat(width.coefficient);
  Views aligned, reads = terms.views;
  if (acc)
    aligned.push_back(*acc);
  if (valid)
    reads.push_back(*valid);
  access(share, aligned, reads, {out});

  // From the last step back.
  Values arguments;
  SmallVector<Type> types;
  auto pass = [&](Value argument) {
    arguments.push_back(argument);
    types.push_back(argument.getType());
  };
  std::string key = std::to_string(static_cast<int>(kind)) + ":";
  for (auto [view, row] : llvm::zip_equal(terms.views, rows)) {
    Value outer = value(row.outer), base = view.base;
    if (time) {
      Value last = arith::SubIOp::create(b, loc, count1, constant(1));
      base = offset(base, mul(last, outer), view.element);
      outer = arith::SubIOp::create(b, loc, constant(0), outer);
    }
    pass(base);
    pass(outer);
    pass(value(row.inner));
    key += row.hasColumns ? 'c' : '1';
  }
  key += (valid ? valid->element.isInteger(32) ? "lengths" : "mask" : "all") +
         std::string(":") + keyOf(terms, {terms.result});
  pass(out.base);
  pass(acc ? acc->base : Value(LLVM::ZeroOp::create(b, loc, ptr)));
  pass(count1);
  pass(count2);
  pass(share.low);
  pass(share.high);
  if (valid) {
    pass(valid->base);
    bool perStep = valid->rank() == 2;
    pass(perStep ? value(valid->strides[0]) : constant(0));
    pass(value(valid->strides.back()));
  }
  int64_t lanes = lanesOf(out.element);
  for (const View &view : terms.views)
    lanes = std::min(lanes, lanesOf(view.element));
  func::FuncOp function = sharedFunction(
      "rows", key, types, {}, [&](ValueRange args) -> Values {
        size_t first = 3 * terms.views.size();
        Value to = args[first], from = args[first + 1];
        Value count1 = args[first + 2], count2 = args[first + 3];
        Value low = args[first + 4], high = args[first + 5];
        Type element = out.element;
        auto type = VectorType::get(lanes, element);
        // Columns [i, i + lanes) of one row, combined with their sums.
        auto addRow = [&](Value sum, ArrayRef<Value> places, Value i,
                          Value count) {
          Values entries;
          for (auto [view, row, place] :
               llvm::zip_equal(terms.views, rows, places))
            entries.push_back(
                row.hasColumns
                    ? loadLanes(view, offset(place, i, view.element),
                                Monomial(1), lanes, count)
                    : splat(load(view.element, place), lanes));
          return combine(
              kind, sum, emitTerms(terms, entries, lanes, {terms.result})[0]);
        };
        View sums;
        sums.element = element;
        auto addRows = [&](ArrayRef<Values> places) {
          forVectors(low, high, lanes, [&](Value i, Value count) {
            Value place = offset(to, i, element);
            Value sum = loadLanes(sums, place, Monomial(1), lanes, count);
            for (const Values &row : places)
              sum = addRow(sum, row, i, count);
            storeLanes(sum, sums, place, Monomial(1), count);
          });
        };
        Value isNew = LLVM::ICmpOp::create(
            b, loc, LLVM::ICmpPredicate::eq, from,
            LLVM::ZeroOp::create(b, loc, ptr));
        forVectors(low, high, lanes, [&](Value i, Value count) {
          Value start = ifElse(
              isNew, type,
              [&]() -> Values { return {reduceStart(kind, type)}; },
              [&]() -> Values {
                return {loadLanes(sums, offset(from, i, element), Monomial(1),
                                  lanes, count)};
              })[0];
          storeLanes(start, sums, offset(to, i, element), Monomial(1), count);
        });
        // Where a step has one row, steps take the place of rows.
        SmallVector<std::pair<Value, Value>> strides;
        Value steps = count1, perStep = count2;
        Value swapped = compare(arith::CmpIPredicate::eq, count2, constant(1));
        auto choose = [&](Value yes, Value no) -> Value {
          return arith::SelectOp::create(b, loc, swapped, yes, no);
        };
        for (size_t n = 0; n < terms.views.size(); ++n) {
          Value outer = args[3 * n + 1], inner = args[3 * n + 2];
          strides.push_back({outer, valid ? inner : choose(outer, inner)});
        }
        if (!valid) {
          steps = choose(constant(1), count1);
          perStep = choose(count1, count2);
        }
        forRange(constant(0), steps, 1, [&](Value step) {
          auto placesOf = [&](Value row) {
            Values places;
            for (size_t n = 0; n < terms.views.size(); ++n)
              places.push_back(
                  offset(args[3 * n],
                         add(mul(step, strides[n].first),
                             mul(row, strides[n].second)),
                         terms.views[n].element));
            return places;
          };
          Value whole = constant(0);
          if (!valid) {
            whole = arith::SubIOp::create(
                b, loc, perStep,
                arith::RemSIOp::create(b, loc, perStep, constant(kRows)));
            forRange(constant(0), whole, kRows, [&](Value row) {
              SmallVector<Values> places;
              for (int64_t r = 0; r < kRows; ++r)
                places.push_back(placesOf(add(row, constant(r))));
              addRows(places);
            });
          }
          forRange(whole, perStep, 1, [&](Value row) {
            auto addOne = [&] { addRows({placesOf(row)}); };
            if (!valid)
              return addOne();
            Value t = arith::SubIOp::create(
                b, loc, arith::SubIOp::create(b, loc, steps, constant(1)),
                step);
            Value place = offset(args[first + 6],
                                 add(mul(t, args[first + 7]),
                                     mul(row, args[first + 8])),
                                 valid->element);
            Value isValid;
            if (valid->element.isInteger(32))
              isValid = compare(
                  arith::CmpIPredicate::slt, t,
                  arith::ExtSIOp::create(b, loc, i64,
                                         load(valid->element, place)));
            else
              isValid = load(valid->element, place);
            ifThen(isValid, addOne);
          });
        });
        return {};
      });
  func::CallOp::create(b, loc, function, arguments);
  return true;
}
