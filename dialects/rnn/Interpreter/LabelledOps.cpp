//===- LabelledOps.cpp - Products, broadcasts, reductions -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nested loops over labels: those of the result outside, the others inside in
// the order that the op documents.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/Interpreter/Handlers.h"
#include "llvm/ADT/bit.h"
#include <cmath>
#include <functional>
#include <limits>

using namespace mlir;
using namespace rnnc::rnn;

llvm::Expected<Validity> Validity::create(const Array *valid, int64_t steps,
                                          int64_t rows) {
  Validity result;
  if (!valid)
    return result;
  bool fits = valid->shape.back() == rows &&
              (valid->rank() == 1 || valid->shape[0] == steps);
  if (!fits)
    return fault("valid of ", shapeText(valid->shape), " for ", steps,
                 " steps of ", rows, " rows");
  result.valid = valid;
  result.rows = rows;
  return result;
}

int64_t rnnc::rnn::batchDim(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  int64_t last = -1;
  for (int64_t i = 0; tensor && i < tensor.getRank(); ++i)
    if (tensor.isDynamicDim(i))
      last = i;
  return last;
}

namespace {
/// Extents of labels, and loops over them.
class Labels {
public:
  /// Notes the extents of one array; an error if they differ from others.
  llvm::Error meet(StringRef labels, const Array &array) {
    for (auto [label, extent] : llvm::zip_equal(labels, array.shape)) {
      auto [it, isNew] = extents.try_emplace(label, extent);
      if (!isNew && it->second != extent)
        return fault("label '", Twine(label).str(), "' has extents ",
                     it->second, " and ", extent);
    }
    return llvm::Error::success();
  }
  int64_t extent(char label) const {
    auto it = extents.find(label);
    return it == extents.end() ? -1 : it->second;
  }
  void set(char label, int64_t extent) { extents[label] = extent; }

  std::vector<int64_t> shape(StringRef labels) const {
    std::vector<int64_t> result;
    for (char label : labels)
      result.push_back(extent(label));
    return result;
  }

private:
  llvm::SmallDenseMap<char, int64_t> extents;
};

/// Where an array's entry lies as labels run: a stride per loop (0 where the
/// array lacks the label).
SmallVector<int64_t> strides(StringRef loops, StringRef labels,
                             const Array &array) {
  SmallVector<int64_t> result;
  for (char loop : loops) {
    size_t axis = labels.find(loop);
    result.push_back(axis == StringRef::npos ? 0 : array.stride(axis));
  }
  return result;
}

/// Runs `f(offsets)` for every combination of the labels `loops`, the first
/// outermost; `t` from its end if `descending`. Offsets are those of up to
/// three arrays. Combinations that are not valid are left out.
class LoopNest {
public:
  using Offsets = std::array<int64_t, 3>;

  LoopNest(StringRef loops, const Labels &labels, bool descending,
           const Validity &valid)
      : loops(loops), labels(labels), descending(descending), valid(valid) {
    // Validity is known once t and b both run.
    for (auto [i, label] : llvm::enumerate(loops))
      if (label == 't' || label == 'b')
        lastOfValid = i;
  }
  void add(StringRef own, const Array &array) {
    strideOf.push_back(strides(loops, own, array));
  }

  template <class F> void run(F &&f) { run(0, Offsets{0, 0, 0}, f); }

private:
  template <class F> void run(size_t depth, Offsets offsets, F &f) {
    if (depth == loops.size())
      return f(offsets);
    char label = loops[depth];
    int64_t extent = labels.extent(label);
    bool down = descending && label == 't';
    // The innermost loop, where nothing is asked of the place: offsets step.
    if (depth + 1 == loops.size() && !down &&
        (valid.isAll() || depth > lastOfValid)) {
      Offsets step{0, 0, 0};
      for (auto [k, stride] : llvm::enumerate(strideOf))
        step[k] = stride[depth];
      for (int64_t n = 0; n < extent; ++n) {
        f(offsets);
        for (size_t k = 0; k < step.size(); ++k)
          offsets[k] += step[k];
      }
      return;
    }
    for (int64_t n = 0; n < extent; ++n) {
      int64_t i = down ? extent - 1 - n : n;
      if (label == 't')
        t = i;
      if (label == 'b')
        b = i;
      if (!valid.isAll() && depth == lastOfValid && !valid(t, b))
        continue;
      Offsets next = offsets;
      for (auto [k, stride] : llvm::enumerate(strideOf))
        next[k] += i * stride[depth];
      run(depth + 1, next, f);
    }
  }

  StringRef loops;
  const Labels &labels;
  bool descending;
  const Validity &valid;
  SmallVector<SmallVector<int64_t>> strideOf;
  size_t lastOfValid = 0;
  int64_t t = 0, b = 0;
};

/// The labels of `all` that are not in `some`, in order, each once.
std::string without(StringRef all, StringRef some) {
  std::string result;
  for (char label : all)
    if (!some.contains(label) && !StringRef(result).contains(label))
      result += label;
  return result;
}
} // namespace

/// To the nearest number with 8 bits of mantissa, ties to even.
static float toBF16(float number) {
  if (std::isnan(number))
    return number;
  uint32_t bits = llvm::bit_cast<uint32_t>(number);
  bits += 0x7fff + (bits >> 16 & 1);
  return llvm::bit_cast<float>(bits & 0xffff0000);
}

/// result[out] = into[out] + sum of lhs * rhs.
static llvm::Expected<Array> contract(Operation *op, Operands in) {
  auto contract = cast<ContractOp>(op);
  OperandMap value(op, in);
  const Array &lhs = *value(contract.getLhs()),
              &rhs = *value(contract.getRhs());
  StringRef out = contract.getOutLabels();
  Labels labels;
  if (llvm::Error error = labels.meet(contract.getLhsLabels(), lhs))
    return error;
  if (llvm::Error error = labels.meet(contract.getRhsLabels(), rhs))
    return error;
  Array result = Array::zeros(lhs.dtype, labels.shape(out));
  if (contract.getAcc()) {
    if (llvm::Error error = labels.meet(out, *value(contract.getAcc())))
      return error;
    result = *value(contract.getAcc());
  }
  llvm::Expected<Validity> valid = Validity::create(
      contract.getValid() ? value(contract.getValid()) : nullptr,
      labels.extent('t'), labels.extent('b'));
  if (!valid)
    return valid.takeError();

  std::string loops =
      out.str() +
      without((contract.getLhsLabels() + contract.getRhsLabels()).str(), out);
  LoopNest nest(loops, labels, contract.getDescending(), *valid);
  nest.add(contract.getLhsLabels(), lhs);
  nest.add(contract.getRhsLabels(), rhs);
  nest.add(out, result);
  withReal(result.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *x = lhs.as<T>().data(), *y = rhs.as<T>().data();
    T *z = result.as<T>().data();
    if (contract.getBf16())
      return nest.run([&](LoopNest::Offsets at) {
        z[at[2]] += toBF16(x[at[0]]) * toBF16(y[at[1]]);
      });
    nest.run([&](LoopNest::Offsets at) { z[at[2]] += x[at[0]] * y[at[1]]; });
  });
  return result;
}

/// result[out] = input[in], repeated along the labels that the input lacks.
static llvm::Expected<Array> broadcast(Operation *op, Operands in) {
  auto broadcast = cast<BroadcastOp>(op);
  const Array &input = *in[0];
  StringRef own = broadcast.getInLabels(), out = broadcast.getOutLabels();
  Labels labels;
  if (llvm::Error error = labels.meet(own, input))
    return error;
  auto type = cast<RankedTensorType>(broadcast.getType());
  unsigned next = 1;
  for (auto [label, size] : llvm::zip_equal(out, type.getShape()))
    if (!own.contains(label))
      labels.set(label,
                 ShapedType::isDynamic(size) ? in[next++]->integer(0) : size);
  Array result = Array::zeros(input.dtype, labels.shape(out));
  Validity all;
  LoopNest nest(out, labels, false, all);
  nest.add(own, input);
  nest.add(out, result);
  withType(result.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *x = input.as<T>().data();
    T *y = result.as<T>().data();
    nest.run([&](LoopNest::Offsets at) { y[at[1]] = x[at[0]]; });
  });
  return result;
}

template <class T> static T combine(ReduceKind kind, T a, T b) {
  switch (kind) {
  case ReduceKind::Sum:
    return a + b;
  case ReduceKind::Prod:
    return a * b;
  case ReduceKind::Max:
  case ReduceKind::Min:
    break;
  }
  // NaN stays.
  if (a != a || b != b)
    return a != a ? a : b;
  return (kind == ReduceKind::Max) == (a > b) ? a : b;
}

/// Entries combined along the labels that the result lacks.
static llvm::Expected<Array> reduce(Operation *op, Operands in) {
  auto reduce = cast<ReduceOp>(op);
  OperandMap value(op, in);
  const Array &input = *value(reduce.getInput());
  const Array *acc = reduce.getAcc() ? value(reduce.getAcc()) : nullptr;
  StringRef own = reduce.getInLabels(), out = reduce.getOutLabels();
  Labels labels;
  if (llvm::Error error = labels.meet(own, input))
    return error;
  if (acc)
    if (llvm::Error error = labels.meet(out, *acc))
      return error;
  llvm::Expected<Validity> valid =
      Validity::create(reduce.getValid() ? value(reduce.getValid()) : nullptr,
                       labels.extent('t'), labels.extent('b'));
  if (!valid)
    return valid.takeError();

  Array result = acc ? *acc : Array::zeros(input.dtype, labels.shape(out));
  // An entry is written by its first term and combined with the later ones.
  std::vector<bool> started(result.size(), acc != nullptr);
  std::string loops = out.str() + without(own, out);
  LoopNest nest(loops, labels, /*descending=*/true, *valid);
  nest.add(own, input);
  nest.add(out, result);
  ReduceKind kind = reduce.getKind();
  withType(result.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *x = input.as<T>().data();
    T *y = result.as<T>().data();
    nest.run([&](LoopNest::Offsets at) {
      T &entry = y[at[1]];
      entry = started[at[1]] ? combine(kind, entry, x[at[0]]) : x[at[0]];
      started[at[1]] = true;
    });
    if (kind == ReduceKind::Prod)
      for (size_t i = 0; i < started.size(); ++i)
        if (!started[i])
          y[i] = T(1);
  });
  return result;
}

/// softmax or log_softmax along one label, over valid entries only.
template <class Op>
static llvm::Expected<Array> softmax(Operation *op, Operands in) {
  auto softmax = cast<Op>(op);
  constexpr bool isLog = std::is_same_v<Op, LogSoftmaxOp>;
  OperandMap value(op, in);
  const Array &input = *value(softmax.getInput());
  StringRef all = softmax.getLabels(), over = softmax.getOver();
  Labels labels;
  if (llvm::Error error = labels.meet(all, input))
    return error;
  llvm::Expected<Validity> valid =
      Validity::create(softmax.getValid() ? value(softmax.getValid()) : nullptr,
                       labels.extent('t'), labels.extent('b'));
  if (!valid)
    return valid.takeError();

  Array result = Array::zeros(input.dtype, input.shape);
  std::string rest = without(all, over);
  withReal(result.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *x = input.as<T>().data();
    T *y = result.as<T>().data();
    // One row per combination of the other labels: its maximum, its sum.
    Array top = Array::zeros(input.dtype, labels.shape(rest)), sum = top;
    llvm::fill(top.template as<T>(), -std::numeric_limits<T>::infinity());
    std::string loops = rest + over.str();
    LoopNest nest(loops, labels, false, *valid);
    nest.add(all, input);
    nest.add(rest, top);
    T *m = top.template as<T>().data(), *s = sum.template as<T>().data();
    nest.run([&](LoopNest::Offsets at) {
      m[at[1]] = combine(ReduceKind::Max, m[at[1]], x[at[0]]);
    });
    nest.run([&](LoopNest::Offsets at) {
      s[at[1]] += std::exp(x[at[0]] - m[at[1]]);
    });
    nest.run([&](LoopNest::Offsets at) {
      T shifted = x[at[0]] - m[at[1]];
      y[at[0]] =
          isLog ? shifted - std::log(s[at[1]]) : std::exp(shifted) / s[at[1]];
    });
  });
  return result;
}

void rnnc::rnn::addLabelledOps(Handlers &handlers) {
  handlers["rnn.contract"] = contract;
  handlers["rnn.broadcast"] = broadcast;
  handlers["rnn.reduce"] = reduce;
  handlers["rnn.softmax"] = softmax<SoftmaxOp>;
  handlers["rnn.log_softmax"] = softmax<LogSoftmaxOp>;
}
