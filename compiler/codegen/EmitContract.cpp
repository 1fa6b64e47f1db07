//===- EmitContract.cpp - Sums of products --------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A contract whose labels fall into rows, columns and terms runs on packed
// panels; any other is a nest of loops (EmitReduce.cpp).
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

/// A contract seen as out[m, n] = sum over k of left[m, k] * right[k, n].
struct Emitter::Product {
  Value left, right;
  std::string leftLabels, rightLabels, outLabels;
  std::string rows, columns, terms;
  bool descending = false;
};

/// Size and stride of labels that lie as one dim; empty if they do not.
static std::optional<std::pair<Monomial, Monomial>>
asOne(const View &view, StringRef viewLabels, StringRef labels) {
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

namespace {
/// Terms as at most two nested dims: sizes and strides, and where the first
/// entry lies when time runs backwards.
struct Terms {
  Monomial size1{1}, size2{1}, stride1{0}, stride2{0};
  bool backwards = false;
};
} // namespace

static std::optional<Terms> termsOf(const View &view, StringRef viewLabels,
                                    StringRef labels, bool descending) {
  Terms terms;
  if (!descending)
    if (auto all = asOne(view, viewLabels, labels)) {
      terms.size2 = all->first;
      terms.stride2 = all->second;
      return terms;
    }
  auto first = asOne(view, viewLabels, labels.take_front(1));
  if (!first)
    return std::nullopt;
  terms.size1 = first->first;
  terms.stride1 = first->second;
  terms.backwards = descending;
  if (labels.size() > 1) {
    auto rest = asOne(view, viewLabels, labels.drop_front(1));
    if (!rest)
      return std::nullopt;
    terms.size2 = rest->first;
    terms.stride2 = rest->second;
  }
  return terms;
}

/// Packs the right-hand side, once for all products that use it alike.
FailureOr<View> Emitter::packRight(rnn::ContractOp op, const Product &product) {
  std::string how = product.rightLabels + ":" + product.terms + ":" +
                    product.columns + (product.descending ? "-" : "+");
  auto key = std::pair(product.right.getAsOpaquePointer(), how);
  auto known = packed.find(key);
  if (known != packed.end())
    return known->second;
  auto view = viewOf(product.right);
  if (failed(view))
    return failure();
  auto terms = termsOf(*view, product.rightLabels, product.terms,
                       product.descending);
  auto columns = asOne(*view, product.rightLabels, product.columns);
  if (!terms || !columns || !columns->first.isConstant())
    return failure();
  int64_t width = kernels.panel(view->element);
  int64_t n = columns->first.coefficient;
  int64_t panels = llvm::divideCeil(n, width);
  Monomial count = terms->size1 * terms->size2;
  // Packed before a loop, it lives as long as the operand is used.
  View result = allocatePacked(
      view->element, {count * Monomial(panels * width)}, product.right);
  auto pack = [&] {
    Partition share = partitionRows("p" + std::to_string(panels),
                                    Monomial(panels));
    access(share, {}, {*view}, {result});
    Value base = view->base;
    Value stride1 = value(terms->stride1);
    if (terms->backwards) {
      Value last =
          arith::SubIOp::create(b, loc, value(terms->size1), constant(1));
      base = offset(base, mul(last, stride1), view->element);
      stride1 = arith::SubIOp::create(b, loc, constant(0), stride1);
    }
    func::CallOp::create(
        b, loc, kernels.pack(view->element),
        ValueRange{base, stride1, value(terms->stride2),
                   value(columns->second), value(terms->size1),
                   value(terms->size2), constant(n), result.base, share.low,
                   share.high});
  };
  if (isFromParams(product.right))
    prepare(pack);
  else
    pack();
  if (isFromParams(product.right) || frames.empty())
    packed[key] = result;
  return result;
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
    (void)packRight(op, product);
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
          return math::FmaOp::create(b, loc, entries[0], entries[1], sum);
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
  bool rowsAreSummed =
      op.getValid() && StringRef(product.terms).contains('b');
  // A mask over summed rows, or weights that change inside a step: loops.
  if (rowsAreSummed &&
      (product.terms != "tb" ||
       !cast<RankedTensorType>(op.getValid().getType())
            .getElementType()
            .isInteger(32) ||
       !StringRef(product.leftLabels).starts_with("tb") ||
       !StringRef(product.rightLabels).starts_with("tb")))
    return success();
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

  Value leftBase = left->base, leftRow = value(leftRows->second);
  Value size1, size2, stride1, stride2;
  View packedView;
  if (rowsAreSummed) {
    // Only valid entries take part: gather them first.
    auto valid = viewOf(op.getValid());
    if (failed(valid))
      return failure();
    Value count;
    View leftCompact = compact(*left, *valid, product.descending, count);
    View rightCompact = compact(*right, *valid, product.descending, count);
    StringRef leftRest = StringRef(product.leftLabels).drop_front(2);
    StringRef rightRest = StringRef(product.rightLabels).drop_front(2);
    View leftTail = at(leftCompact, 0, constant(0));
    View rightTail = at(rightCompact, 0, constant(0));
    auto leftAsOne = asOne(leftTail, leftRest, product.rows);
    auto rightAsOne = asOne(rightTail, rightRest, product.columns);
    if (!leftAsOne || !rightAsOne)
      return success();
    leftBase = leftCompact.base;
    leftRow = value(leftAsOne->second);
    size1 = constant(1);
    size2 = count;
    stride1 = constant(0);
    stride2 = value(leftCompact.strides[0]);
    int64_t width = kernels.panel(right->element);
    int64_t n = rightColumns->first.coefficient;
    int64_t panels = llvm::divideCeil(n, width);
    packedView = scratch(right->element, {right->sizes[0] * right->sizes[1] *
                                          Monomial(panels * width)});
    Partition share =
        partitionRows("p" + std::to_string(panels), Monomial(panels));
    access(share, {}, {rightCompact}, {packedView});
    func::CallOp::create(
        b, loc, kernels.pack(right->element),
        ValueRange{rightCompact.base, constant(0),
                   value(rightCompact.strides[0]), value(rightAsOne->second),
                   constant(1), count, constant(n), packedView.base, share.low,
                   share.high});
    left = leftCompact;
  } else {
    auto terms = termsOf(*left, product.leftLabels, product.terms,
                         product.descending);
    if (!terms)
      return success();
    auto known = packRight(op, product);
    if (failed(known))
      return success();
    packedView = *known;
    size1 = value(terms->size1);
    size2 = value(terms->size2);
    stride1 = value(terms->stride1);
    stride2 = value(terms->stride2);
    if (terms->backwards) {
      Value last = arith::SubIOp::create(b, loc, size1, constant(1));
      leftBase = offset(leftBase, mul(last, stride1), left->element);
      stride1 = arith::SubIOp::create(b, loc, constant(0), stride1);
      // A single row per step makes time the inner dim.
      if (terms->size2.isConstant(1)) {
        std::swap(size1, size2);
        std::swap(stride1, stride2);
      }
    }
  }

  Partition share = partition(out.sizes);
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
  Value low = share.low, high = share.high;
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
  bool leftAligned = rowsLead && share.key[0] == '.' && !rowsAreSummed &&
                     StringRef(product.leftLabels).starts_with(product.rows);
  Views aligned, others{packedView};
  (leftAligned ? aligned : others).push_back(*left);
  if (acc)
    (rowsLead && accRows && !accRows->second.isConstant(0) ? aligned : others)
        .push_back(*acc);
  access(share, aligned, others, {out});
  Value start = acc ? acc->base
                    : Value(LLVM::ZeroOp::create(b, loc, ptr));
  Value startRow = acc ? value(accRows->second) : constant(0);
  func::CallOp::create(
      b, loc, kernels.product(out.element),
      ValueRange{leftBase, leftRow, stride1, stride2, packedView.base, out.base,
                 value(rows->second), start, startRow, size1, size2, low, high,
                 constant(outColumns->first.coefficient)});
  isDone = true;
  return success();
}
