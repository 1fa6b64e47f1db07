//===- Emitter.cpp - Functions, scans and maps ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

Emitter::Emitter(func::FuncOp source, int64_t vectorBits, Kernels &kernels,
                 const Calls &calls)
    : source(source), vectorBits(vectorBits), kernels(kernels), calls(calls),
      b(source.getContext()), loc(source.getLoc()),
      context(source.getContext()), ptr(LLVM::LLVMPointerType::get(context)),
      i64(IntegerType::get(context, 64)) {}

/// Extents of an argument or result, from the axis names of its rnn.arg.
static FailureOr<Shape> shapeFromAxes(Operation *op, Type type,
                                      rnn::ArgAttr arg,
                                      const llvm::StringMap<int> &names) {
  Shape shape;
  unsigned next = 0;
  for (int64_t size : cast<RankedTensorType>(type).getShape()) {
    if (!ShapedType::isDynamic(size)) {
      shape.push_back(Monomial(size));
      continue;
    }
    if (!arg || next >= arg.getAxes().size())
      return op->emitError("a value of type ")
             << type << " needs an #rnn.arg that names its axes";
    auto it = names.find(arg.getAxes()[next++].getValue());
    if (it == names.end())
      return op->emitError("no extent is named '")
             << arg.getAxes()[next - 1].getValue() << "'";
    shape.push_back(Monomial::extent(it->second));
  }
  return shape;
}

LogicalResult Emitter::run() {
  b.setInsertionPointAfter(source);
  target = func::FuncOp::create(b, loc, source.getName(),
                                b.getFunctionType({ptr, i64}, {}));
  target->setAttr("sym_name", b.getStringAttr(source.getName() + ".code"));
  Block *entry = target.addEntryBlock();
  b.setInsertionPointToStart(entry);
  call = entry->getArgument(0);
  thread = entry->getArgument(1);
  // Nothing writes to what the caller hands over, so that a value of it may be
  // read where it is used.
  auto read = [&](Type type, Value from, int64_t number) -> Value {
    return LLVM::LoadOp::create(b, loc, type,
                                offset(from, constant(number), i64),
                                /*alignment=*/8, /*isVolatile=*/false,
                                /*isNonTemporal=*/false, /*isInvariant=*/true);
  };
  auto field = [&](Type type, int64_t number) {
    return read(type, call, number);
  };
  Value extents = field(ptr, 0), args = field(ptr, 1), results = field(ptr, 2);
  arena = field(ptr, 3);
  threads = field(i64, 5);

  foldMapsIntoReductions();
  pairLosses();
  Block &block = source.getBody().front();
  for (auto [i, op] : llvm::enumerate(block))
    order[&op] = i;

  // Extents and the key first, so that shapes can name them.
  for (BlockArgument argument : block.getArguments()) {
    if (argument.getType().isIndex()) {
      int number = extentValues.size();
      Value extent = read(i64, extents, number);
      extentValues.push_back(extent);
      extentNumbers[argument] = number;
      scalars.map(argument, extent);
      if (auto arg = source.getArgAttrOfType<rnn::ArgAttr>(
              argument.getArgNumber(), rnn::kArgAttrName))
        extentNames[arg.getName()] = number;
    } else if (argument.getType().isInteger(64)) {
      scalars.map(argument, field(i64, 4));
    }
  }
  int64_t pointers = 0;
  std::map<std::pair<int, std::string>, Storage> named;
  for (BlockArgument argument : block.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      continue;
    auto arg = source.getArgAttrOfType<rnn::ArgAttr>(argument.getArgNumber(),
                                                     rnn::kArgAttrName);
    auto shape = shapeFromAxes(source, type, arg, extentNames);
    if (failed(shape))
      return failure();
    View view;
    view.storage = storages++;
    view.base = read(ptr, args, pointers++);
    view.element = type.getElementType();
    view.sizes = *shape;
    view.strides = contiguousStrides(*shape);
    views[argument] = view;
    // A new state never lies where the old one does.
    if (arg && arg.getKind() != rnn::ArgKind::State)
      named[{static_cast<int>(arg.getKind()), arg.getName().str()}] =
          view.storage;
  }
  for (unsigned i = 0; i < source.getNumResults(); ++i) {
    auto type = cast<RankedTensorType>(source.getResultTypes()[i]);
    auto arg = source.getResultAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
    auto shape = shapeFromAxes(source, type, arg, extentNames);
    if (failed(shape))
      return failure();
    View view;
    view.storage = storages++;
    if (arg)
      if (auto it = named.find(
              {static_cast<int>(arg.getKind()), arg.getName().str()});
          it != named.end())
        view.storage = it->second;
    view.base = read(ptr, results, i);
    view.element = type.getElementType();
    view.sizes = *shape;
    view.strides = contiguousStrides(*shape);
    resultViews.push_back(view);
  }
  // Constants as places: code at the entry is written before them.
  slotMarker = constant(0).getDefiningOp();
  bodyMarker = constant(0).getDefiningOp();
  findPrepared(block);
  startPrepared();

  if (failed(emitBlock(block)))
    return failure();
  func::ReturnOp::create(b, loc);
  onceBytes = placePrepared();
  placeSlots();
  sinkIntoPrepared();
  slotMarker->erase();
  bodyMarker->erase();
  writeArenaFunction();
  writePreparedFunction();
  writeThreadsFunction();
  return success();
}

LogicalResult Emitter::emitBlock(Block &block) {
  bool top = block.getParentOp() == source.getOperation();
  for (Operation &op : block) {
    if (top) {
      currentTop = order.lookup(&op);
      // A reduction looks itself: it may add its own to those before.
      if (!isa<rnn::ReduceOp>(op) && readsPartialSums(&op))
        addPartialSums();
    }
    loc = op.getLoc();
    LogicalResult ok = success();
    if (top && op.getNumResults() && isFromParams(op.getResult(0)))
      prepare([&] { ok = emitOp(&op); });
    else
      ok = emitOp(&op);
    if (failed(ok))
      return failure();
    if (top)
      freeSlots(currentTop);
  }
  return success();
}

LogicalResult Emitter::emitOp(Operation *op) {
  if (emitViewOp(op) || isFolded(op))
    return success();
  noteEffort(op);
  if (writtenBeside.contains(op))
    return success();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](rnn::ScanOp o) { return emitScan(o); })
      .Case([&](rnn::YieldOp) { return success(); })
      .Case([&](func::ReturnOp o) { return emitReturn(o); })
      .Case([&](arith::ConstantOp o) { return emitConstant(o); })
      .Case([&](step::MapOp o) { return emitMap(o); })
      .Case([&](step::StageOp o) { return emitStage(o); })
      .Case([&](rnn::ContractOp o) { return emitContract(o); })
      .Case([&](rnn::ReduceOp o) { return emitReduce(o); })
      .Case([&](rnn::SoftmaxOp o) -> LogicalResult {
        auto in = viewOf(o.getInput());
        if (failed(in))
          return failure();
        return emitSoftmax(o, *in, o.getOver(), o.getLabels(), o.getValid(),
                           /*logarithm=*/false);
      })
      .Case([&](rnn::LogSoftmaxOp o) -> LogicalResult {
        auto in = viewOf(o.getInput());
        if (failed(in))
          return failure();
        return emitSoftmax(o, *in, o.getOver(), o.getLabels(), o.getValid(),
                           /*logarithm=*/true);
      })
      .Case([&](rnn::CrossEntropyOp o) { return emitCrossEntropy(o); })
      .Case([&](rnn::CrossEntropyGradOp o) { return emitCrossEntropyGrad(o); })
      .Case([&](rnn::GatherOp o) { return emitGather(o); })
      .Case([&](rnn::ScatterAddOp o) { return emitScatterAdd(o); })
      .Case([&](rnn::OneHotOp o) { return emitOneHot(o); })
      .Case([&](rnn::ArgMaxOp o) { return emitArgMax(o); })
      .Case([&](rnn::PlaceOp o) { return emitPlace(o); })
      .Case([&](rnn::ConcatOp o) { return emitConcat(o); })
      .Case([&](rnn::ShiftOp o) { return emitShift(o); })
      .Case([&](rnn::ReverseOp o) { return emitReverse(o); })
      .Case([&](rnn::PickOp o) { return emitPick(o); })
      .Case([&](rnn::PutOp o) { return emitPut(o); })
      .Case([&](rnn::MaskOp o) { return emitMask(o); })
      .Case([&](rnn::ValidOp o) { return emitValid(o); })
      .Case([&](rnn::ValidStepsOp o) { return emitValidSteps(o); })
      .Case([&](rnn::IotaOp o) { return emitIota(o); })
      .Case([&](rnn::PositionOp o) { return emitPosition(o); })
      .Case([&](rnn::UniformOp o) {
        return emitDraw(o, o.getKey(), o.getStream(), o.getAt(), o.getSizes(),
                        o.getSequence(), /*normal=*/false);
      })
      .Case([&](rnn::NormalOp o) {
        return emitDraw(o, o.getKey(), o.getStream(), o.getAt(), o.getSizes(),
                        o.getSequence(), /*normal=*/true);
      })
      .Case([&](rnn::ReshapeOp o) -> LogicalResult {
        // The entries do not lie in one piece: copy them, then look again.
        auto in = viewOf(o.getInput());
        if (failed(in))
          return failure();
        View whole = allocate(in->element, in->sizes, lastUse(o.getResult()));
        copy(*in, whole);
        View saved = *in;
        views[o.getInput()] = whole;
        bool seen = emitViewOp(o);
        views[o.getInput()] = saved;
        return success(seen);
      })
      .Default([&](Operation *other) -> LogicalResult {
        // Arithmetic on indices and keys is kept as it is.
        if (llvm::all_of(other->getResultTypes(), [](Type type) {
              return type.isIntOrIndex();
            }) && !other->getResultTypes().empty()) {
          if (other->getDialect()->getNamespace() == "arith") {
            Operation *clone = b.clone(*other, scalars);
            for (auto [from, to] :
                 llvm::zip_equal(other->getResults(), clone->getResults()))
              if (from.getType().isIndex())
                to.setType(i64);
            return success();
          }
        }
        return other->emitOpError("has no code");
      });
}

LogicalResult Emitter::emitConstant(arith::ConstantOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getType());
  if (!type) {
    // Any code may ask for it.
    OpBuilder::InsertionGuard guard(b);
    if (op->getBlock() == &source.getBody().front())
      b.setInsertionPoint(slotMarker);
    if (op.getType().isIndex()) {
      int64_t value = cast<IntegerAttr>(op.getValue()).getInt();
      scalars.map(op.getResult(), constant(value));
      return success();
    }
    b.clone(*op, scalars);
    return success();
  }
  Shape shape;
  for (int64_t size : type.getShape())
    shape.push_back(Monomial(size));
  View out = destination(cast<OpResult>(op.getResult()), shape);
  auto attr = cast<DenseElementsAttr>(op.getValue());
  access(serial(), {}, {}, {out});
  if (attr.isSplat()) {
    Value entry = arith::ConstantOp::create(
        b, loc, cast<TypedAttr>(attr.getSplatValue<Attribute>()));
    forRows(serial(), out.rank(), {out}, [&](ArrayRef<View> rows, auto) {
      store(entry, rows[0].base);
    });
  } else {
    ifThen(compare(arith::CmpIPredicate::ne, serial().high, constant(0)), [&] {
      for (auto [i, entry] : llvm::enumerate(attr.getValues<Attribute>()))
        store(arith::ConstantOp::create(b, loc, cast<TypedAttr>(entry)),
              offset(out.base, constant(i), out.element));
    });
  }
  views[op.getResult()] = out;
  return success();
}

//===----------------------------------------------------------------------===//
// Results and maps
//===----------------------------------------------------------------------===//

LogicalResult Emitter::emitReturn(func::ReturnOp op) {
  for (auto [number, value] : llvm::enumerate(op.getOperands())) {
    if (done.contains({op, static_cast<unsigned>(number)}))
      continue;
    auto from = viewOf(value);
    if (failed(from))
      return failure();
    copy(*from, resultViews[number]);
  }
  return success();
}

/// Whether a map has a number for each row, of which few are usual. One by one
/// they are at hand for the next kernel, which would wait for a part of a vector
/// that was stored. Only operations that are exact for numbers and vectors alike:
/// what is usual changes no bit.
bool Emitter::isFewNumbers(step::MapOp map, const Shape &domain) {
  return domain.size() == 1 && !domain[0].isConstant() && calls.rows <= 4 &&
         llvm::all_of(map.getBlock()->without_terminator(), [](Operation &op) {
           return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
                      arith::NegFOp, arith::ConstantOp, math::SqrtOp>(op);
         });
}

LogicalResult Emitter::emitMap(step::MapOp map) {
  Views inputs, outputs;
  for (Value input : map.getInputs()) {
    auto view = viewOf(input);
    if (failed(view))
      return failure();
    inputs.push_back(*view);
  }
  Shape domain;
  if (!inputs.empty())
    domain = inputs.front().sizes;
  else
    for (int64_t size : map.getDomain().getShape()) {
      if (ShapedType::isDynamic(size))
        return map.emitOpError("has no input to tell its extents");
      domain.push_back(Monomial(size));
    }
  // Each result has its place, and perhaps more places.
  std::vector<std::pair<unsigned, View>> stores;
  auto yield = cast<step::YieldOp>(map.getBlock()->getTerminator());
  for (OpResult result : map->getResults()) {
    View view = destination(result, domain);
    outputs.push_back(view);
    stores.push_back({result.getResultNumber(), view});
    for (View &extra : extraDestinations(result))
      stores.push_back({result.getResultNumber(), extra});
  }

  if (emitFlatMap(map, inputs, stores, domain)) {
    for (auto [result, view] : llvm::zip_equal(map->getResults(), outputs))
      views[result] = view;
    return success();
  }

  Views all(inputs);
  for (auto &[number, view] : stores)
    all.push_back(view);
  Partition rows = partition(domain);
  access(rows, inputs, {}, ArrayRef<View>(all).drop_front(inputs.size()));

  int64_t lanes = vectorBits / 32;
  bool scalar = domain.empty() || isFewNumbers(map, domain);
  for (const View &view : all)
    if (view.element.getIntOrFloatBitWidth() == 64)
      lanes = vectorBits / 64;
  if (domain.size() && domain.back().isConstant(1))
    scalar = true;

  auto run = [&](ArrayRef<View> row, Value index, Value count) {
    IRMapping values;
    auto place = [&](const View &view) {
      return view.rank() == 0
                 ? view.base
                 : offset(view.base, mul(index, value(view.strides[0])),
                          view.element);
    };
    auto strideOf = [&](const View &view) {
      return view.rank() == 0 ? Monomial(1) : view.strides[0];
    };
    for (auto [argument, view] :
         llvm::zip(map.getBlock()->getArguments(), row))
      values.map(argument,
                 scalar ? load(view.element, place(view))
                        : loadLanes(view, place(view), strideOf(view), lanes,
                                    count));
    auto widen = [&](Type type) -> Type {
      return scalar ? type : VectorType::get(lanes, type);
    };
    for (Operation &op : map.getBlock()->without_terminator()) {
      if (auto constant = dyn_cast<arith::ConstantOp>(op); constant && !scalar) {
        auto type = cast<VectorType>(widen(constant.getType()));
        values.map(constant.getResult(),
                   arith::ConstantOp::create(
                       b, loc,
                       DenseElementsAttr::get(
                           type, Attribute(constant.getValue()))));
        continue;
      }
      Operation *clone = b.clone(op, values);
      for (OpResult result : clone->getResults())
        result.setType(widen(result.getType()));
    }
    for (auto [i, entry] : llvm::enumerate(stores)) {
      const View &view = row[inputs.size() + i];
      Value result = values.lookupOrDefault(yield.getValues()[entry.first]);
      if (scalar)
        store(result, place(view));
      else
        storeLanes(result, view, place(view), strideOf(view), count);
    }
  };
  int64_t rank = domain.size();
  if (rank == 0) {
    forRows(rows, 0, all, [&](ArrayRef<View> row, auto) {
      run(row, constant(0), Value());
    });
  } else if (scalar) {
    forRows(rows, rank - 1, all, [&](ArrayRef<View> row, auto) {
      forRange(constant(0), value(domain.back()), 1,
               [&](Value index) { run(row, index, Value()); });
    });
  } else {
    forRows(rows, rank - 1, all, [&](ArrayRef<View> row, auto) {
      forLanes(domain.back(), lanes,
               [&](Value index, Value count) { run(row, index, count); });
    });
  }
  for (auto [result, view] : llvm::zip_equal(map->getResults(), outputs))
    views[result] = view;
  return success();
}
