//===- EmitContract.cpp - Sums of products --------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A contract whose labels fall into rows, columns and terms runs on packed
// panels; any other is a nest of loops (EmitReduce.cpp).
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Contract.h"
#include "compiler/codegen/Narrow.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

/// Fewer rows for each thread than these, and columns are shared instead.
static constexpr int64_t kRowsOfThread = 8;

std::optional<std::pair<Monomial, Monomial>>
codegen::asOne(const View &view, StringRef viewLabels, StringRef labels) {
  Monomial size(1), stride(0);
  for (char label : llvm::reverse(labels)) {
    size_t dim = viewLabels.find(label);
    if (dim == StringRef::npos)
      return std::nullopt;
    if (size.isConstant(1)) {
      stride = view.strides[dim];
    } else if (!(view.strides[dim] == stride * size)) {
      return std::nullopt;
    }
    size = size * view.sizes[dim];
  }
  return std::pair(size, stride);
}

bool Emitter::isProduct(rnn::ContractOp op, Product &product) {
  auto classify = [&](bool swapped) {
    product.left = swapped ? op.getRhs() : op.getLhs();
    product.right = swapped ? op.getLhs() : op.getRhs();
    product.leftLabels = (swapped ? op.getRhsLabels() : op.getLhsLabels()).str();
    product.rightLabels = (swapped ? op.getLhsLabels() : op.getRhsLabels()).str();
    product.outLabels = op.getOutLabels().str();
    product.descending = op.getDescending();
    product.isNarrow = op.getBf16();
    product.rows.clear();
    product.columns.clear();
    product.terms.clear();
    auto has = [](const std::string &labels, char c) {
      return labels.find(c) != std::string::npos;
    };
    for (char label : product.outLabels) {
      bool left = has(product.leftLabels, label);
      bool right = has(product.rightLabels, label);
      if (left && right)
        return false;
      (left ? product.rows : product.columns) += label;
    }
    for (char label : op.getLhsLabels())
      if (!op.getOutLabels().contains(label))
        product.terms += label;
    // Columns come last in the result.
    return !product.columns.empty() && !product.terms.empty() &&
           StringRef(product.outLabels).ends_with(product.columns);
  };
  if (!op.getType().getElementType().isFloat() ||
      (!classify(false) && !classify(true)))
    return false;
  // Panels have a number of columns that is known now.
  auto rightType = cast<RankedTensorType>(product.right.getType());
  for (char label : product.columns)
    if (rightType.isDynamicDim(product.rightLabels.find(label)))
      return false;
  // Time runs backwards only as the outer of at most two terms.
  if (product.descending && (product.terms.front() != 't'))
    return false;
  return true;
}

/// Where the terms of `labels` lie, in the order in which they are summed:
/// the first label from its end if `descending`, and only valid (t, b) if
/// `valid`.
FailureOr<Emitter::ProductTerms>
Emitter::termsOf(const View &view, StringRef viewLabels, StringRef labels,
                 bool descending, const View *valid) {
  ProductTerms terms;
  terms.base = view.base;
  terms.list = LLVM::ZeroOp::create(b, loc, ptr);
  Shape sizes, strides;
  for (char label : labels) {
    size_t dim = viewLabels.find(label);
    if (dim == StringRef::npos)
      return failure();
    sizes.push_back(view.sizes[dim]);
    strides.push_back(view.strides[dim]);
    terms.limit = terms.limit * view.sizes[dim];
  }
  bool isBackwards = descending && !sizes[0].isConstant(1);
  auto whole = asOne(view, viewLabels, labels);
  if (!valid && whole && (!isBackwards || labels.size() == 1)) {
    terms.count = value(whole->first);
    terms.stride = value(whole->second);
    terms.isNear = whole->second.isConstant(1) && !isBackwards;
    if (isBackwards) {
      Value last =
          arith::SubIOp::create(b, loc, terms.count, constant(1));
      terms.base = offset(view.base, mul(last, terms.stride), view.element);
      terms.stride = arith::SubIOp::create(b, loc, constant(0), terms.stride);
    }
    return terms;
  }

  // One list serves all operands whose terms lie alike.
  std::string key = isBackwards ? "-" : "+";
  auto note = [&](const Monomial &monomial) {
    key += "/" + std::to_string(monomial.coefficient);
    for (int extent : monomial.extents)
      key += "." + std::to_string(extent);
  };
  for (auto [size, stride] : llvm::zip_equal(sizes, strides)) {
    note(size);
    note(stride);
  }
  if (valid)
    key += "@" + std::to_string(reinterpret_cast<uintptr_t>(
                     valid->base.getAsOpaquePointer()));
  auto known = termLists.find(key);
  if (known == termLists.end()) {
    int death = frames.empty() ? INT_MAX : currentTop;
    View list = allocate(i64, {terms.limit}, death);
    View counter = allocate(i64, {Monomial(1)}, death);
    Views reads;
    if (valid)
      reads.push_back(*valid);
    access(serial(), {}, reads, {list, counter});
    ifThen(compare(arith::CmpIPredicate::ne, serial().high, constant(0)), [&] {
      SmallVector<Value> index;
      std::function<Values(size_t, Value, Value)> nest =
          [&](size_t level, Value from, Value place) -> Values {
        if (level == sizes.size()) {
          auto add1 = [&]() -> Values {
            store(from, offset(list.base, place, i64));
            return {add(place, constant(1))};
          };
          if (!valid)
            return add1();
          return ifElse(validAt(valid, index[0], index[1]), i64, add1,
                        [&]() -> Values { return {place}; });
        }
        Value size = value(sizes[level]), stride = value(strides[level]);
        return forReduce(
            constant(0), size, 1, place,
            [&](Value i, ValueRange places) -> Values {
              Value position = i;
              if (level == 0 && isBackwards)
                position = arith::SubIOp::create(
                    b, loc, arith::SubIOp::create(b, loc, size, constant(1)),
                    i);
              index.push_back(position);
              Values next =
                  nest(level + 1, add(from, mul(position, stride)), places[0]);
              index.pop_back();
              return next;
            });
      };
      store(nest(0, constant(0), constant(0))[0], counter.base);
    });
    known = termLists.try_emplace(key, list, counter).first;
  }
  auto [list, counter] = known->second;
  if (!frames.empty())
    termLists.erase(known);
  terms.listView = list;
  terms.list = list.base;
  terms.stride = constant(0);
  if (valid) {
    access(partitionRows("count", Monomial(1)), {}, {counter}, {});
    terms.count = load(i64, counter.base);
  } else {
    terms.count = value(terms.limit);
  }
  return terms;
}

/// Packs the right-hand side, once for all products that use it alike.
FailureOr<View> Emitter::packRight(rnn::ContractOp op, const Product &product,
                                   const View *valid) {
  std::string how = product.rightLabels + ":" + product.terms + ":" +
                    product.columns + (product.descending ? "-" : "+") +
                    (product.isNarrow ? "bf16" : "");
  if (valid)
    how += std::to_string(
        reinterpret_cast<uintptr_t>(op.getValid().getAsOpaquePointer()));
  auto key = std::pair(product.right.getAsOpaquePointer(), how);
  auto known = packed.find(key);
  if (known != packed.end())
    return known->second;
  auto view = viewOf(product.right);
  if (failed(view))
    return failure();
  auto columns = asOne(*view, product.rightLabels, product.columns);
  if (!columns || !columns->first.isConstant())
    return failure();
  std::optional<View> result;
  LogicalResult ok = success();
  auto pack = [&] {
    auto terms = termsOf(*view, product.rightLabels, product.terms,
                         product.descending, valid);
    if (failed(terms)) {
      ok = failure();
      return;
    }
    int64_t width = kernels.panel(view->element);
    int64_t n = columns->first.coefficient;
    int64_t panels = llvm::divideCeil(n, width);
    // Of terms whose number is known now there are half as many pairs.
    Monomial units = terms->limit;
    if (product.isNarrow && units.isConstant())
      units = Monomial(llvm::divideCeil(units.coefficient, 2));
    // Packed before a loop, it lives as long as the operand is used.
    result = allocatePacked(view->element,
                            {units * Monomial(panels * width)},
                            product.right);
    Partition share =
        partitionRows("p" + std::to_string(panels), Monomial(panels));
    Views reads{*view};
    if (terms->listView)
      reads.push_back(*terms->listView);
    access(share, {}, reads, {*result});
    func::CallOp::create(b, loc, kernels.packRight(view->element, product.isNarrow),
                         ValueRange{terms->base, terms->stride, terms->list,
                                    value(columns->second), terms->count,
                                    constant(n), result->base, share.low,
                                    share.high});
  };
  if (isFromParams(product.right))
    prepare(pack);
  else
    pack();
  if (failed(ok))
    return failure();
  if (isFromParams(product.right) || frames.empty())
    packed[key] = *result;
  return *result;
}

/// Weights of products inside a scan are packed before its loop.
void Emitter::packOutside(rnn::ScanOp scan) {
  if (!frames.empty())
    return;
  scan.getBody().walk([&](rnn::ContractOp op) {
    Product product;
    if (!isProduct(op, product) || !views.contains(product.right))
      return;
    Location saved = loc;
    loc = op.getLoc();
    (void)packRight(op, product, nullptr);
    loc = saved;
  });
  scan.getBody().walk([&](step::StageOp stage) {
    Location saved = loc;
    loc = stage.getLoc();
    (void)packStages(stage);
    loc = saved;
  });
}

LogicalResult Emitter::emitContract(rnn::ContractOp op) {
  auto shape = shapeOf(op.getResult());
  auto lhs = viewOf(op.getLhs());
  auto rhs = viewOf(op.getRhs());
  if (failed(shape) || failed(lhs) || failed(rhs))
    return failure();
  View out = destination(cast<OpResult>(op.getResult()), *shape);
  bool isDone = false;
  Product product;
  if (isProduct(op, product) &&
      failed(emitProduct(op, product, out, isDone)))
    return failure();
  if (!isDone) {
    std::optional<View> valid;
    std::optional<Labelled> acc;
    if (op.getAcc()) {
      auto view = viewOf(op.getAcc());
      if (failed(view))
        return failure();
      acc = Labelled{*view, op.getOutLabels().str()};
    }
    if (op.getValid()) {
      auto view = viewOf(op.getValid());
      if (failed(view))
        return failure();
      valid = *view;
    }
    std::string sums;
    for (char label : op.getLhsLabels())
      if (!op.getOutLabels().contains(label))
        sums += label;
    for (char label : op.getRhsLabels())
      if (!op.getOutLabels().contains(label) &&
          sums.find(label) == std::string::npos)
        sums += label;
    emitLabelledLoops(
        out, op.getOutLabels(), sums, op.getDescending(),
        {{*lhs, op.getLhsLabels().str()}, {*rhs, op.getRhsLabels().str()}},
        acc ? &*acc : nullptr, valid ? &*valid : nullptr, 0,
        [&](ArrayRef<Value> entries, Value sum) -> Value {
          if (!op.getBf16())
            return math::FmaOp::create(b, loc, entries[0], entries[1], sum);
          Narrow narrow{b, loc, /*isNative=*/false};
          return math::FmaOp::create(b, loc, narrow.rounded(entries[0]),
                                     narrow.rounded(entries[1]), sum);
        },
        /*zeroIfNone=*/false);
  }
  views[op.getResult()] = out;
  return success();
}

LogicalResult Emitter::emitProduct(rnn::ContractOp op, const Product &product,
                                   const View &out, bool &isDone) {
  auto left = viewOf(product.left);
  auto right = viewOf(product.right);
  if (failed(left) || failed(right))
    return failure();
  // Of a sum over time and rows only the valid terms take part.
  std::optional<View> valid;
  if (op.getValid() && (StringRef(product.terms).contains('b') ||
                        StringRef(product.terms).contains('t'))) {
    if (product.terms != "tb")
      return success();
    auto view = viewOf(op.getValid());
    if (failed(view))
      return failure();
    valid = *view;
  }
  auto rows = asOne(out, product.outLabels, product.rows);
  auto leftRows = asOne(*left, product.leftLabels, product.rows);
  auto outColumns = asOne(out, product.outLabels, product.columns);
  auto rightColumns = asOne(*right, product.rightLabels, product.columns);
  if (!rows || !leftRows || !outColumns || !rightColumns ||
      !outColumns->second.isConstant(1))
    return success();
  std::optional<View> acc;
  std::optional<std::pair<Monomial, Monomial>> accRows;
  if (op.getAcc()) {
    auto view = viewOf(op.getAcc());
    if (failed(view))
      return failure();
    acc = *view;
    accRows = asOne(*acc, product.outLabels, product.rows);
    auto accColumns = asOne(*acc, product.outLabels, product.columns);
    if (!accRows || !accColumns || !accColumns->second.isConstant(1))
      return success();
  }

  auto terms = termsOf(*left, product.leftLabels, product.terms,
                       product.descending, valid ? &*valid : nullptr);
  if (failed(terms))
    return success();
  auto packedView = packRight(op, product, valid ? &*valid : nullptr);
  if (failed(packedView))
    return success();

  int64_t n = outColumns->first.coefficient;
  Value low, high, columnLow = constant(0), columnHigh = constant(n);
  Partition share;
  Views aligned, others{*packedView};
  if (terms->listView)
    others.push_back(*terms->listView);
  if (frames.empty()) {
    // Rows are shared where there are enough of them, else columns; which is
    // known only at run time, so nobody counts on either.
    share = {"any" + std::to_string(products++), Value(), Value()};
    Value count = value(rows->first);
    Value byRows = compare(arith::CmpIPredicate::sge, count,
                           mul(threads, constant(kRowsOfThread)));
    int64_t width = kernels.panel(out.element);
    auto bound = [&](Value number, Value limit) -> Value {
      return arith::DivSIOp::create(b, loc, mul(limit, number), threads);
    };
    Value next = add(thread, constant(1));
    auto choose = [&](Value whenRows, Value whenColumns) -> Value {
      return arith::SelectOp::create(b, loc, byRows, whenRows, whenColumns);
    };
    auto column = [&](Value number) -> Value {
      Value panels = bound(number, constant(llvm::divideCeil(n, width)));
      return arith::MinSIOp::create(b, loc, mul(panels, constant(width)),
                                    constant(n));
    };
    low = choose(bound(thread, count), constant(0));
    high = choose(bound(next, count), count);
    columnLow = choose(columnLow, column(thread));
    columnHigh = choose(columnHigh, column(next));
    others.push_back(*left);
    if (acc)
      others.push_back(*acc);
  } else {
    share = partition(out.sizes);
    // Rows of the partition are leading dims; what follows them is inside.
    Monomial shared(1);
    if (share.key[0] == '.') {
      for (const Monomial &size : ArrayRef<Monomial>(out.sizes).drop_back())
        if (size.isConstant())
          break;
        else
          shared = shared * size;
    } else if (share.key[0] == 's' && share.key != "serial") {
      shared = out.sizes[0];
    }
    // Rows that the partition counts must be rows of the product.
    low = share.low;
    high = share.high;
    bool rowsLead = !product.rows.empty() && share.key != "serial" &&
                    out.sizes.size() > 1;
    if (rowsLead) {
      int64_t inner = 1;
      if (rows->first.extents == shared.extents && shared.coefficient)
        inner = rows->first.coefficient / shared.coefficient;
      else
        rowsLead = false;
      low = mul(low, constant(inner));
      high = mul(high, constant(inner));
    }
    if (!rowsLead) {
      share = serial();
      low = constant(0);
      high = mul(share.high, value(rows->first));
    }
    bool leftAligned = rowsLead && share.key[0] == '.' && !valid &&
                       StringRef(product.leftLabels).starts_with(product.rows);
    (leftAligned ? aligned : others).push_back(*left);
    if (acc)
      (rowsLead && accRows && !accRows->second.isConstant(0) ? aligned : others)
          .push_back(*acc);
  }
  access(share, aligned, others, {out});
  Value start = acc ? acc->base
                    : Value(LLVM::ZeroOp::create(b, loc, ptr));
  Value startRow = acc ? value(accRows->second) : constant(0);
  func::CallOp::create(
      b, loc, kernels.product(out.element, product.isNarrow, terms->isNear),
      ValueRange{terms->base, value(leftRows->second), terms->stride,
                 terms->list, packedView->base, out.base, value(rows->second),
                 start, startRow, terms->count, low, high, columnLow,
                 columnHigh, constant(n)});
  isDone = true;
  return success();
}
