//===- Interpreter.cpp - Functions, scans and calls -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks a function in order and keeps the array of every SSA value. Every
// result is checked against its type, so a mistake shows where it happens.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/Interpreter/Interpreter.h"
#include "dialects/rnn/Interpreter/Handlers.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::rnn;

namespace {
/// Functions that call functions, at most this deep.
constexpr unsigned kMaxCalls = 64;

const Handlers &allHandlers() {
  static const Handlers handlers = [] {
    Handlers result;
    addElementwiseOps(result);
    addLabelledOps(result);
    addMovementOps(result);
    addValueOps(result);
    addRandomOps(result);
    return result;
  }();
  return handlers;
}

/// Says why an array is no value of a type; success if it is.
llvm::Error checkType(const Array &array, Type type) {
  llvm::Expected<DType> dtype = dtypeOf(type);
  if (!dtype)
    return dtype.takeError();
  bool fits = *dtype == array.dtype;
  if (auto tensor = dyn_cast<RankedTensorType>(type)) {
    fits &= tensor.getRank() == array.rank();
    for (int64_t i = 0; fits && i < array.rank(); ++i)
      fits = tensor.isDynamicDim(i) || tensor.getDimSize(i) == array.shape[i];
  } else {
    fits &= array.rank() == 0;
  }
  if (fits)
    return llvm::Error::success();
  return fault("found ", shapeText(array.shape), " of ", nameOf(array.dtype),
               ", expected ", type);
}

/// Extents of the named axes of a function's arguments must agree.
llvm::Error checkExtents(func::FuncOp function, ArrayRef<Array> args) {
  llvm::StringMap<int64_t> extents;
  auto meet = [&](StringRef axis, int64_t extent,
                  StringRef name) -> llvm::Error {
    auto [it, isNew] = extents.try_emplace(axis, extent);
    if (isNew || it->second == extent)
      return llvm::Error::success();
    return fault("'", name, "' has extent ", extent, " along ", axis,
                 ", others have ", it->second);
  };
  for (auto [i, array] : llvm::enumerate(args)) {
    auto arg = function.getArgAttrOfType<ArgAttr>(i, kArgAttrName);
    if (!arg)
      continue;
    if (arg.getKind() == ArgKind::Axis) {
      if (llvm::Error error = meet(arg.getName(), array.integer(0), "extent"))
        return error;
      continue;
    }
    unsigned axis = 0;
    auto tensor = dyn_cast<RankedTensorType>(function.getArgumentTypes()[i]);
    for (int64_t dim = 0; tensor && dim < tensor.getRank(); ++dim)
      if (tensor.isDynamicDim(dim) && axis < arg.getAxes().size())
        if (llvm::Error error =
                meet(arg.getAxes()[axis++], array.shape[dim], arg.getName()))
          return error;
  }
  return llvm::Error::success();
}

class Frame {
public:
  explicit Frame(unsigned depth) : depth(depth) {}

  llvm::Expected<std::vector<Array>> call(func::FuncOp function,
                                          ArrayRef<Array> args);

private:
  using Shared = std::shared_ptr<const Array>;

  /// The error with the place of `op` before it.
  llvm::Error at(Operation *op, llvm::Error error) const;
  llvm::Error set(Value value, Array array);
  const Array &get(Value value) const { return *values.at(value); }

  llvm::Error runBlock(Block &block);
  llvm::Error runOp(Operation &op);
  llvm::Error runScan(ScanOp scan);
  llvm::Error runCall(func::CallOp call);

  unsigned depth;
  llvm::DenseMap<Value, Shared> values;
};
} // namespace

llvm::Error Frame::at(Operation *op, llvm::Error error) const {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << op->getLoc() << ": '" << op->getName()
      << "': " << llvm::toString(std::move(error));
  return llvm::createStringError(text);
}

llvm::Error Frame::set(Value value, Array array) {
  if (llvm::Error error = checkType(array, value.getType()))
    return error;
  values[value] = std::make_shared<const Array>(std::move(array));
  return llvm::Error::success();
}

llvm::Error Frame::runBlock(Block &block) {
  for (Operation &op : block.without_terminator())
    if (llvm::Error error = runOp(op))
      return error;
  return llvm::Error::success();
}

llvm::Error Frame::runOp(Operation &op) {
  if (auto scan = dyn_cast<ScanOp>(op))
    return runScan(scan);
  if (auto call = dyn_cast<func::CallOp>(op))
    return runCall(call);
  auto handler = allHandlers().find(op.getName().getStringRef());
  if (handler == allHandlers().end())
    return at(&op, fault("the interpreter does not know this op"));
  SmallVector<const Array *> operands;
  for (Value operand : op.getOperands())
    operands.push_back(&get(operand));
  llvm::Expected<Array> result = handler->second(&op, operands);
  if (!result)
    return at(&op, result.takeError());
  if (llvm::Error error = set(op.getResult(0), std::move(*result)))
    return at(&op, std::move(error));
  return llvm::Error::success();
}

/// One step of a sequence.
static Array sliceAt(const Array &sequence, int64_t t) {
  Array result = Array::zeros(sequence.dtype,
                              ArrayRef<int64_t>(sequence.shape).drop_front());
  std::memcpy(result.data.data(), sequence.data.data() + t * result.data.size(),
              result.data.size());
  return result;
}

/// Calls `f` with first byte and byte count of each piece of row `b`.
template <class F>
static void forRow(const Array &array, int64_t batch, int64_t b, F &&f) {
  size_t piece = array.stride(batch) * sizeOf(array.dtype);
  size_t block = piece * array.shape[batch];
  for (size_t start = b * piece; start < array.data.size(); start += block)
    f(start, piece);
}

/// What a step under lengths leaves of `next`: rows that have ended keep what
/// is in `old`, or 0 if `old` is null. A value without a batch stays as it is.
static llvm::Error keepEnded(Array &next, const Array *old, Type type,
                             const Array &lengths, int64_t t) {
  int64_t batch = batchDim(type);
  if (batch < 0)
    return llvm::Error::success();
  if (next.shape[batch] != lengths.shape[0])
    return fault("value of ", shapeText(next.shape), " under lengths of ",
                 lengths.shape[0], " rows");
  for (int64_t b = 0; b < lengths.shape[0]; ++b)
    if (t >= lengths.as<int32_t>()[b])
      forRow(next, batch, b, [&](size_t start, size_t bytes) {
        if (old)
          std::memcpy(next.data.data() + start, old->data.data() + start,
                      bytes);
        else
          std::memset(next.data.data() + start, 0, bytes);
      });
  return llvm::Error::success();
}

llvm::Error Frame::runScan(ScanOp scan) {
  Operation *op = scan;
  int64_t steps = get(scan.getSteps()).integer(0);
  const Array *lengths = scan.getLengths() ? &get(scan.getLengths()) : nullptr;
  for (Value seq : scan.getSeqs())
    if (get(seq).shape[0] != steps)
      return at(op, fault("(C1) a sequence of ", get(seq).shape[0],
                          " steps in a scan of ", steps));

  std::vector<Array> carries, emitted(scan.getEmitted().size());
  for (Value initial : scan.getInitial())
    carries.push_back(get(initial));

  for (int64_t i = 0; i < steps; ++i) {
    int64_t t = scan.getReverse() ? steps - 1 - i : i;
    if (llvm::Error error = set(scan.getPosition(), Array::index(t)))
      return at(op, std::move(error));
    for (auto [slice, seq] : llvm::zip_equal(scan.getSlices(), scan.getSeqs()))
      if (llvm::Error error = set(slice, sliceAt(get(seq), t)))
        return at(op, std::move(error));
    for (auto [argument, carry] : llvm::zip_equal(scan.getCarries(), carries))
      if (llvm::Error error = set(argument, carry))
        return at(op, std::move(error));

    if (llvm::Error error = runBlock(*scan.getBlock()))
      return error;

    YieldOp yield = scan.getYield();
    for (auto [carry, next] : llvm::zip_equal(carries, yield.getNext())) {
      Array value = get(next);
      if (value.shape != carry.shape)
        return at(yield,
                  fault("(C3) next value has shape ", shapeText(value.shape),
                        ", the carried one ", shapeText(carry.shape)));
      if (lengths)
        if (llvm::Error error =
                keepEnded(value, &carry, next.getType(), *lengths, t))
          return at(yield, std::move(error));
      carry = std::move(value);
    }
    for (auto [sequence, emit] : llvm::zip_equal(emitted, yield.getEmit())) {
      Array value = get(emit);
      if (lengths)
        if (llvm::Error error =
                keepEnded(value, nullptr, emit.getType(), *lengths, t))
          return at(yield, std::move(error));
      if (i == 0) {
        SmallVector<int64_t> shape{steps};
        llvm::append_range(shape, value.shape);
        sequence = Array::zeros(value.dtype, shape);
      }
      if (ArrayRef<int64_t>(sequence.shape).drop_front() !=
          ArrayRef<int64_t>(value.shape))
        return at(yield, fault("(C4) emissions of different shapes"));
      std::memcpy(sequence.data.data() + t * value.data.size(),
                  value.data.data(), value.data.size());
    }
  }

  if (steps < 1)
    return at(op,
              fault("a scan of ", steps, " steps; a time axis has 1 or more"));
  for (auto [result, sequence] : llvm::zip_equal(scan.getEmitted(), emitted))
    if (llvm::Error error = set(result, std::move(sequence)))
      return at(op, std::move(error));
  for (auto [result, carry] : llvm::zip_equal(scan.getFinals(), carries))
    if (llvm::Error error = set(result, std::move(carry)))
      return at(op, std::move(error));
  return llvm::Error::success();
}

llvm::Error Frame::runCall(func::CallOp call) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      call, call.getCalleeAttr());
  if (!callee)
    return at(call, fault("no function '", call.getCallee(), "'"));
  std::vector<Array> args;
  for (Value operand : call.getOperands())
    args.push_back(get(operand));
  Frame frame(depth + 1);
  llvm::Expected<std::vector<Array>> results = frame.call(callee, args);
  if (!results)
    return results.takeError();
  for (auto [value, array] : llvm::zip_equal(call.getResults(), *results))
    if (llvm::Error error = set(value, std::move(array)))
      return at(call, std::move(error));
  return llvm::Error::success();
}

llvm::Expected<std::vector<Array>> Frame::call(func::FuncOp function,
                                               ArrayRef<Array> args) {
  if (depth > kMaxCalls)
    return at(function, fault("calls are nested too deep"));
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return at(function, fault("'", function.getName(), "' is not one block"));
  if (args.size() != function.getNumArguments())
    return at(function, fault("'", function.getName(), "' takes ",
                              function.getNumArguments(), " arguments, found ",
                              args.size()));
  for (auto [i, argument] : llvm::enumerate(function.getArguments()))
    if (llvm::Error error = set(argument, args[i]))
      return at(function,
                fault("argument ", i, ": ", llvm::toString(std::move(error))));
  if (llvm::Error error = checkExtents(function, args))
    return at(function, std::move(error));
  Block &block = function.getBody().front();
  if (llvm::Error error = runBlock(block))
    return error;
  std::vector<Array> results;
  for (Value value : block.getTerminator()->getOperands())
    results.push_back(get(value));
  return results;
}

llvm::Expected<std::vector<Array>> rnnc::rnn::interpret(func::FuncOp function,
                                                        ArrayRef<Array> args) {
  return Frame(0).call(function, args);
}
