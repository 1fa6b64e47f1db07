//===- MovementOps.cpp - Movement of entries ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// These ops copy entries whatever their type, except the sum of scatter_add.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/Interpreter/Handlers.h"

using namespace mlir;
using namespace rnnc::rnn;

/// Copies `count` entries.
static void copy(Array &to, int64_t toPlace, const Array &from,
                 int64_t fromPlace, int64_t count) {
  size_t bytes = sizeOf(to.dtype);
  std::memcpy(to.data.data() + toPlace * bytes,
              from.data.data() + fromPlace * bytes, count * bytes);
}

/// Number of entries before (row-major) each entry of `axis`: the product of
/// the extents outside it.
static int64_t outer(const Array &array, int64_t axis) {
  int64_t result = 1;
  for (int64_t i = 0; i < axis; ++i)
    result *= array.shape[i];
  return result;
}

static llvm::Expected<Array> slice(Operation *op, Operands in) {
  auto slice = cast<SliceOp>(op);
  const Array &input = *in[0];
  int64_t axis = slice.getAxis();
  std::vector<int64_t> shape = input.shape;
  shape[axis] = cast<RankedTensorType>(slice.getType()).getDimSize(axis);
  Array result = Array::zeros(input.dtype, shape);
  int64_t inner = input.stride(axis);
  for (int64_t i = 0; i < outer(input, axis); ++i)
    copy(result, i * shape[axis] * inner, input,
         (i * input.shape[axis] + slice.getOffset()) * inner,
         shape[axis] * inner);
  return result;
}

static llvm::Expected<Array> place(Operation *op, Operands in) {
  auto place = cast<PlaceOp>(op);
  const Array &input = *in[0];
  int64_t axis = place.getAxis();
  std::vector<int64_t> shape = input.shape;
  shape[axis] = cast<RankedTensorType>(place.getType()).getDimSize(axis);
  Array result = Array::zeros(input.dtype, shape);
  int64_t inner = input.stride(axis);
  for (int64_t i = 0; i < outer(input, axis); ++i)
    copy(result, (i * shape[axis] + place.getOffset()) * inner, input,
         i * input.shape[axis] * inner, input.shape[axis] * inner);
  return result;
}

static llvm::Expected<Array> concat(Operation *op, Operands in) {
  auto concat = cast<ConcatOp>(op);
  int64_t axis = concat.getAxis();
  std::vector<int64_t> shape = in[0]->shape;
  shape[axis] = cast<RankedTensorType>(concat.getType()).getDimSize(axis);
  Array result = Array::zeros(in[0]->dtype, shape);
  int64_t inner = result.stride(axis), offset = 0;
  for (const Array *input : in) {
    std::vector<int64_t> expected = shape;
    expected[axis] = input->shape[axis];
    if (input->shape != expected)
      return fault("extents do not agree: ", shapeText(input->shape), " and ",
                   shapeText(expected));
    for (int64_t i = 0; i < outer(*input, axis); ++i)
      copy(result, (i * shape[axis] + offset) * inner, *input,
           i * input->shape[axis] * inner, input->shape[axis] * inner);
    offset += input->shape[axis];
  }
  return result;
}

static llvm::Expected<Array> reshape(Operation *op, Operands in) {
  Array result = *in[0];
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (i >= static_cast<int64_t>(result.shape.size()))
      result.shape.push_back(type.getDimSize(i));
    else if (!type.isDynamicDim(i))
      result.shape[i] = type.getDimSize(i);
  result.shape.resize(type.getRank());
  return result;
}

namespace {
/// A sequence whose rows have lengths: dim 0 is time, the last dynamic dim is
/// the batch. Without lengths the whole step is one row.
class Rows {
public:
  /// `step` is the type of one step.
  static llvm::Expected<Rows> create(const Array *lengths, int64_t steps,
                                     ArrayRef<int64_t> step, Type stepType) {
    Rows rows;
    rows.lengths = lengths;
    rows.steps = steps;
    for (int64_t extent : step)
      rows.stepSize *= extent;
    if (!lengths)
      return rows;
    int64_t batch = batchDim(stepType);
    if (batch < 0 || step[batch] != lengths->shape[0])
      return fault("lengths of ", lengths->shape[0], " rows for steps of ",
                   shapeText(step));
    rows.batch = step[batch];
    rows.inner = 1;
    for (int64_t extent : step.drop_front(batch + 1))
      rows.inner *= extent;
    for (int64_t b = 0; b < rows.batch; ++b)
      if (int64_t length = lengths->as<int32_t>()[b];
          length < 1 || length > steps)
        return fault("length ", length, " of row ", b, " is not in 1 to ",
                     steps);
    return rows;
  }

  int64_t getStepSize() const { return stepSize; }

  /// Calls `f(offset in a step, count, length)` for each piece of each row.
  template <class F> void forEach(F &&f) const {
    if (!lengths)
      return f(int64_t(0), stepSize, steps);
    for (int64_t start = 0; start < stepSize; start += batch * inner)
      for (int64_t b = 0; b < batch; ++b)
        f(start + b * inner, inner, int64_t(lengths->as<int32_t>()[b]));
  }

private:
  const Array *lengths = nullptr;
  int64_t steps = 0, stepSize = 1, batch = 1, inner = 1;
};
} // namespace

/// Rows of a sequence operand.
static llvm::Expected<Rows> rowsOf(const Array &sequence, Type type,
                                   const Array *lengths) {
  return Rows::create(lengths, sequence.shape[0],
                      ArrayRef<int64_t>(sequence.shape).drop_front(),
                      ScanOp::sliceType(type));
}

static llvm::Expected<Array> shift(Operation *op, Operands in) {
  auto shift = cast<ShiftOp>(op);
  const Array &input = *in[0], &init = *in[1];
  llvm::Expected<Rows> rows =
      rowsOf(input, shift.getType(), in.size() > 2 ? in[2] : nullptr);
  if (!rows)
    return rows.takeError();
  if (ArrayRef<int64_t>(input.shape).drop_front() !=
      ArrayRef<int64_t>(init.shape))
    return fault("starts with ", shapeText(init.shape), " in a sequence of ",
                 shapeText(input.shape));
  Array result = Array::zeros(input.dtype, input.shape);
  int64_t step = rows->getStepSize(), steps = input.shape[0];
  if (!shift.getReverse()) {
    copy(result, 0, init, 0, step);
    copy(result, step, input, 0, (steps - 1) * step);
    return result;
  }
  rows->forEach([&](int64_t at, int64_t count, int64_t length) {
    for (int64_t t = 0; t + 1 < length; ++t)
      copy(result, t * step + at, input, (t + 1) * step + at, count);
    copy(result, (length - 1) * step + at, init, at, count);
  });
  return result;
}

static llvm::Expected<Array> reverse(Operation *op, Operands in) {
  const Array &input = *in[0];
  llvm::Expected<Rows> rows = rowsOf(input, op->getResult(0).getType(),
                                     in.size() > 1 ? in[1] : nullptr);
  if (!rows)
    return rows.takeError();
  Array result = Array::zeros(input.dtype, input.shape);
  int64_t step = rows->getStepSize();
  rows->forEach([&](int64_t at, int64_t count, int64_t length) {
    for (int64_t t = 0; t < length; ++t)
      copy(result, t * step + at, input, (length - 1 - t) * step + at, count);
  });
  return result;
}

static llvm::Expected<Array> pick(Operation *op, Operands in) {
  auto pick = cast<PickOp>(op);
  const Array &input = *in[0];
  llvm::Expected<Rows> rows =
      rowsOf(input, pick.getInput().getType(), in.size() > 1 ? in[1] : nullptr);
  if (!rows)
    return rows.takeError();
  Array result =
      Array::zeros(input.dtype, ArrayRef<int64_t>(input.shape).drop_front());
  bool last = pick.getEnd() == End::Last;
  int64_t step = rows->getStepSize();
  rows->forEach([&](int64_t at, int64_t count, int64_t length) {
    copy(result, at, input, (last ? length - 1 : 0) * step + at, count);
  });
  return result;
}

static llvm::Expected<Array> put(Operation *op, Operands in) {
  auto put = cast<PutOp>(op);
  const Array &input = *in[0];
  int64_t steps = in[1]->integer(0);
  llvm::Expected<Rows> rows =
      Rows::create(in.size() > 2 ? in[2] : nullptr, steps, input.shape,
                   put.getInput().getType());
  if (!rows)
    return rows.takeError();
  if (steps < 1)
    return fault("a sequence of ", steps, " steps");
  SmallVector<int64_t> shape{steps};
  llvm::append_range(shape, input.shape);
  Array result = Array::zeros(input.dtype, shape);
  bool last = put.getEnd() == End::Last;
  int64_t step = rows->getStepSize();
  rows->forEach([&](int64_t at, int64_t count, int64_t length) {
    copy(result, (last ? length - 1 : 0) * step + at, input, at, count);
  });
  return result;
}

static llvm::Expected<Array> gather(Operation *, Operands in) {
  const Array &table = *in[0], &ids = *in[1];
  std::vector<int64_t> shape = ids.shape;
  llvm::append_range(shape, ArrayRef<int64_t>(table.shape).drop_front());
  Array result = Array::zeros(table.dtype, shape);
  int64_t row = table.stride(0);
  for (auto [i, id] : llvm::enumerate(ids.as<int32_t>())) {
    if (id < 0 || id >= table.shape[0])
      return fault("id ", id, " in a table of ", table.shape[0], " rows");
    copy(result, i * row, table, id * row, row);
  }
  return result;
}

static llvm::Expected<Array> scatterAdd(Operation *op, Operands in) {
  auto scatter = cast<ScatterAddOp>(op);
  OperandMap value(op, in);
  const Array &rows = *value(scatter.getRows()),
              &ids = *value(scatter.getIds());
  auto type = cast<RankedTensorType>(scatter.getType());
  if (ArrayRef<int64_t>(rows.shape).take_front(ids.rank()) !=
      ArrayRef<int64_t>(ids.shape))
    return fault("rows of ", shapeText(rows.shape), " at ids of ",
                 shapeText(ids.shape));
  Array result = scatter.getAcc() ? *value(scatter.getAcc())
                                  : Array::zeros(rows.dtype, type.getShape());
  // Time is dim 0 if there is a batch after it.
  int64_t batch = batchDim(scatter.getIds().getType());
  int64_t steps = batch > 0 ? ids.shape[0] : 1;
  int64_t batchSize = batch >= 0 ? ids.shape[batch] : 1;
  llvm::Expected<Validity> valid =
      Validity::create(scatter.getValid() ? value(scatter.getValid()) : nullptr,
                       steps, batchSize);
  if (!valid)
    return valid.takeError();
  int64_t perStep = ids.size() / std::max<int64_t>(steps, 1);
  int64_t perRow = batch >= 0 ? ids.stride(batch) : 1;
  int64_t row = result.stride(0);
  for (int64_t t = steps - 1; t >= 0; --t)
    for (int64_t i = t * perStep; i < (t + 1) * perStep; ++i) {
      if (!(*valid)(t, i / perRow % batchSize))
        continue;
      int64_t id = ids.integer(i);
      if (id < 0 || id >= result.shape[0])
        return fault("id ", id, " in a table of ", result.shape[0], " rows");
      withReal(result.dtype, [&](auto zero) {
        using T = decltype(zero);
        for (int64_t j = 0; j < row; ++j)
          result.as<T>()[id * row + j] += rows.as<T>()[i * row + j];
      });
    }
  return result;
}

static llvm::Expected<Array> oneHot(Operation *op, Operands in) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  llvm::Expected<DType> dtype = dtypeOf(type);
  if (!dtype)
    return dtype.takeError();
  int64_t classes = type.getShape().back();
  std::vector<int64_t> shape = in[0]->shape;
  shape.push_back(classes);
  Array result = Array::zeros(*dtype, shape);
  for (auto [i, id] : llvm::enumerate(in[0]->as<int32_t>())) {
    if (id < 0 || id >= classes)
      return fault("id ", id, " among ", classes, " classes");
    result.set(i * classes + id, 1);
  }
  return result;
}

static llvm::Expected<Array> argMax(Operation *, Operands in) {
  const Array &input = *in[0];
  int64_t count = input.shape.back();
  Array result =
      Array::zeros(DType::I32, ArrayRef<int64_t>(input.shape).drop_back());
  for (int64_t i = 0; i < result.size(); ++i) {
    int64_t best = 0;
    for (int64_t j = 1; j < count; ++j)
      if (input.number(i * count + j) > input.number(i * count + best))
        best = j;
    result.as<int32_t>()[i] = static_cast<int32_t>(best);
  }
  return result;
}

static llvm::Expected<Array> valid(Operation *, Operands in) {
  Array result = Array::zeros(DType::I1, in[0]->shape);
  for (int64_t b = 0; b < result.size(); ++b)
    result.as<uint8_t>()[b] = in[1]->integer(0) < in[0]->integer(b);
  return result;
}

static llvm::Expected<Array> validSteps(Operation *, Operands in) {
  int64_t steps = in[1]->integer(0), rows = in[0]->size();
  Array result = Array::zeros(DType::I1, {steps, rows});
  for (int64_t t = 0; t < steps; ++t)
    for (int64_t b = 0; b < rows; ++b)
      result.as<uint8_t>()[t * rows + b] = t < in[0]->integer(b);
  return result;
}

static llvm::Expected<Array> mask(Operation *op, Operands in) {
  const Array &input = *in[0];
  Type type = op->getResult(0).getType();
  int64_t batch = batchDim(type);
  // A mask [b] marks rows; lengths and masks [t, b] mark steps of rows.
  bool perStep = in[1]->dtype == DType::I32 || in[1]->rank() == 2;
  if (batch < (perStep ? 1 : 0))
    return fault("no batch in ", shapeText(input.shape));
  int64_t steps = perStep ? input.shape[0] : 1;
  llvm::Expected<Validity> valid =
      Validity::create(in[1], steps, input.shape[batch]);
  if (!valid)
    return valid.takeError();
  Array result = Array::zeros(input.dtype, input.shape);
  int64_t inner = input.stride(batch), rows = input.shape[batch];
  int64_t step = perStep ? input.stride(0) : input.size();
  for (int64_t i = 0; i < input.size(); i += inner)
    if ((*valid)(i / step, i / inner % rows))
      copy(result, i, input, i, inner);
  return result;
}

void rnnc::rnn::addMovementOps(Handlers &handlers) {
  handlers["rnn.slice"] = slice;
  handlers["rnn.place"] = place;
  handlers["rnn.concat"] = concat;
  handlers["rnn.reshape"] = reshape;
  handlers["rnn.shift"] = shift;
  handlers["rnn.reverse"] = reverse;
  handlers["rnn.pick"] = pick;
  handlers["rnn.put"] = put;
  handlers["rnn.gather"] = gather;
  handlers["rnn.scatter_add"] = scatterAdd;
  handlers["rnn.one_hot"] = oneHot;
  handlers["rnn.argmax"] = argMax;
  handlers["rnn.valid"] = valid;
  handlers["rnn.valid_steps"] = validSteps;
  handlers["rnn.mask"] = mask;
}
