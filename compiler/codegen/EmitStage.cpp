//===- EmitStage.cpp - Products of a step and their epilogue --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A stage runs panel by panel: all parts (gates, say) of some units for a few
// rows are multiplied in registers, put on the stack, and the body computes
// from there what it stores. The stack buffer is what the registers would be
// spilled to anyway, and with it the body is written once, not once per row of
// a tile.
//
// Threads share rows, or units where rows are few. Each then reads its own
// weights only, and keeps what it computes of a unit to itself until others
// need the whole row.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "dialects/rnn/IR/Remarks.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

/// Rows whose products lie on the stack at a time: a multiple of the heights
/// of all register tiles.
static constexpr int64_t kStackRows = 24;
static constexpr int64_t kPanelVectors = Kernels::kMostPanelVectors;
/// Terms that one turn of the loop adds to the sums of one row.
static constexpr int64_t kTermsOfTurn = 4;

/// One product of a stage.
struct Emitter::StageDot {
  View source, packed;
  /// Where its parts lie in a row on the stack, in vectors.
  int64_t first = 0;
  int64_t parts = 0;
  int64_t terms = 0;
  /// By part: the argument that its sum starts from, or -1.
  ArrayRef<int64_t> starts;
  bool startsAtZero() const {
    return llvm::all_of(starts, [](int64_t start) { return start < 0; });
  }
};

/// How a stage of these parts is cut into panels.
struct Emitter::StagePlan {
  /// Products of bf16 numbers; `units` of a product are then pairs of terms.
  bool isNarrow = false;
  int64_t unitsOf(const StageDot &dot) const {
    return isNarrow ? llvm::divideCeil(dot.terms, 2) : dot.terms;
  }
  int64_t lanes = 0;
  /// Vectors of units in a panel.
  int64_t groups = 1;
  int64_t vectors = 0;
  std::vector<StageDot> dots;
};

int64_t Emitter::unitsPerShare(int64_t units) const {
  return units >= 256 || calls.threads < 2 || loopIsAlone ? 64 : 32;
}

/// Vectors of units that a panel may hold: no more than a share, nor than there
/// are.
int64_t Emitter::mostGroups(int64_t units, int64_t lanes) const {
  return std::min(std::max<int64_t>(1, unitsPerShare(units) / lanes),
                  static_cast<int64_t>(llvm::divideCeil(units, lanes)));
}

/// Products with many parts are run as several of few.
static SmallVector<std::pair<unsigned, ArrayRef<int64_t>>>
splitParts(step::StageOp stage) {
  SmallVector<std::pair<unsigned, ArrayRef<int64_t>>> result;
  for (unsigned i = 0; i < stage.getSources().size(); ++i) {
    ArrayRef<int64_t> parts = stage.getPartsOf(i);
    while (!parts.empty()) {
      int64_t take = std::min<int64_t>(parts.size(), kPanelVectors);
      result.push_back({i, parts.take_front(take)});
      parts = parts.drop_front(take);
    }
  }
  return result;
}

/// Vectors of units that a panel holds: enough sums at a time to keep the
/// multipliers busy, few enough to stay in registers.
static int64_t groupsOf(step::StageOp stage, int64_t vectorBits,
                        int64_t mostGroups) {
  int64_t widest = 0;
  for (auto &[product, parts] : splitParts(stage))
    widest = std::max<int64_t>(widest, parts.size());
  int64_t wanted = vectorBits >= 512 ? 4 : 2;
  int64_t groups = std::max<int64_t>(1, wanted / widest);
  return std::min(groups, mostGroups);
}

/// Packs the weights of a stage: in a panel part by part, each part's vectors
/// of units side by side.
FailureOr<View> Emitter::packStage(step::StageOp stage, unsigned product,
                                   ArrayRef<int64_t> parts, int64_t groups) {
  Value weight = stage.getWeights()[product];
  auto view = viewOf(weight);
  if (failed(view))
    return failure();
  int64_t lanes = kernels.lanes(view->element);
  int64_t units = stage.getDomain().getShape()[1];
  bool columnsFirst = stage.hasColumnsFirst(product);
  bool isNarrow = stage.getBf16();
  std::string how = std::string(isNarrow ? "bf16" : "") + "stage" +
                    std::to_string(units) + ":" +
                    std::to_string(groups) + (columnsFirst ? "nk" : "kn");
  for (int64_t part : parts)
    how += "," + std::to_string(part);
  auto key = std::pair(weight.getAsOpaquePointer(), how);
  if (auto known = packed.find(key); known != packed.end())
    return known->second;

  int64_t n = columnsFirst ? 0 : 1, k = 1 - n;
  int64_t width = parts.size() * groups * lanes;
  int64_t vectorGroups = llvm::divideCeil(units, lanes);
  int64_t panels = llvm::divideCeil(vectorGroups, groups);
  int64_t terms = view->sizes[k].coefficient;
  int64_t pairs = isNarrow ? llvm::divideCeil(terms, 2) : terms;
  View result = allocatePacked(view->element,
                               {Monomial(pairs * panels * width)}, weight);
  // The last panel may be wider than the units are.
  int64_t padded = panels * groups;
  auto pack = [&] {
    Partition share = partitionRows("p" + std::to_string(padded),
                                    Monomial(padded));
    access(share, {}, {*view}, {result});
    for (auto [number, part] : llvm::enumerate(parts)) {
      View from = sliceOf(*view, n, part, units);
      func::CallOp::create(
          b, loc, kernels.packPart(view->element, isNarrow),
          ValueRange{from.base, value(from.strides[k]), value(from.strides[n]),
                     constant(terms), constant(units), result.base,
                     constant(width), constant(groups),
                     constant(number * groups), share.low, share.high});
    }
  };
  if (isFromParams(weight))
    prepare(pack);
  else
    pack();
  packed[key] = result;
  return result;
}

/// Memory on the stack, made at the function's entry and shared by stages.
Value Emitter::stackBuffer(int64_t bytes) {
  Value &known = stackBuffers[bytes];
  if (!known) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(slotMarker);
    known = LLVM::AllocaOp::create(b, loc, ptr, b.getI8Type(),
                                   constant(bytes), /*alignment=*/64);
  }
  return known;
}

LogicalResult Emitter::packStages(step::StageOp stage) {
  int64_t units = stage.getDomain().getShape()[1];
  int64_t lanes =
      kernels.lanes(cast<RankedTensorType>(stage.getSources()[0].getType())
                        .getElementType());
  int64_t most = mostGroups(units, lanes);
  int64_t groups = groupsOf(stage, vectorBits, most);
  for (auto &[product, parts] : splitParts(stage))
    if (failed(packStage(stage, product, parts, groups)))
      return failure();
  return success();
}

LogicalResult Emitter::emitStage(step::StageOp stage) {
  RankedTensorType type = stage.getDomain();
  int64_t units = type.getShape()[1];
  StagePlan plan;
  plan.lanes = kernels.lanes(
      cast<RankedTensorType>(stage.getSources()[0].getType()).getElementType());
  int64_t most = mostGroups(units, plan.lanes);
  plan.groups = groupsOf(stage, vectorBits, most);
  plan.isNarrow = stage.getBf16();
  ArrayRef<int64_t> starts = stage.getStarts();
  for (auto &[product, parts] : splitParts(stage)) {
    StageDot dot;
    auto source = viewOf(stage.getSources()[product]);
    auto weights = packStage(stage, product, parts, plan.groups);
    if (failed(source) || failed(weights))
      return failure();
    dot.source = *source;
    dot.packed = *weights;
    dot.first = plan.vectors;
    dot.parts = parts.size();
    dot.starts = starts.take_front(dot.parts);
    starts = starts.drop_front(dot.parts);
    dot.terms = source->sizes[1].coefficient;
    plan.vectors += dot.parts * plan.groups;
    plan.dots.push_back(dot);
  }
  Shape domain{plan.dots.front().source.sizes[0], Monomial(units)};
  return emitKernel(stage, stage.getInputs(), stage->getResults(),
                    *stage.getBlock(), domain, plan);
}

/// A map of a step whose units are split.
LogicalResult Emitter::emitMapByUnits(step::MapOp map, const Shape &domain) {
  StagePlan plan;
  plan.lanes = vectorBits / 32;
  for (Type type : llvm::concat<const Type>(map->getOperandTypes(),
                                            map->getResultTypes()))
    if (cast<RankedTensorType>(type).getElementTypeBitWidth() == 64)
      plan.lanes = vectorBits / 64;
  plan.groups = mostGroups(domain[1].coefficient, plan.lanes);
  return emitKernel(map, map.getInputs(), map->getResults(), *map.getBlock(),
                    domain, plan);
}

/// The sums of a product for one row and one panel, each one chain of fused
/// multiply-adds in the order of the terms, as `panelProduct` has them. `row` is
/// the inputs in that row, `before` the sums of the products before this one.
Emitter::Values Emitter::rowSums(const StagePlan &plan,
                                 const StageDot &dot, int64_t inputs,
                                 ArrayRef<View> row, Value number, Value panel,
                                 ValueRange before) {
  Type element = dot.source.element;
  auto vector = VectorType::get(plan.lanes, element);
  int64_t vectors = dot.parts * plan.groups;
  Values sums;
  for (int64_t start : dot.starts)
    for (int64_t group = 0; group < plan.groups; ++group) {
      if (start < 0) {
        sums.push_back(
            arith::ConstantOp::create(b, loc, b.getZeroAttr(vector)));
        continue;
      }
      if (start >= inputs) {
        sums.push_back(before[(start - inputs) * plan.groups + group]);
        continue;
      }
      const View &view = row[start];
      Value unit = add(mul(panel, constant(plan.groups * plan.lanes)),
                       constant(group * plan.lanes));
      sums.push_back(loadLanes(
          view,
          offset(view.base, mul(unit, value(view.strides[0])), element),
          view.strides[0], plan.lanes, Value()));
    }
  Value weights =
      offset(dot.packed.base,
             mul(panel, constant(dot.terms * vectors * plan.lanes)), element);
  Value left = offset(
      dot.source.base, mul(number, value(dot.source.strides[0])), element);
  // `count` terms from `first` on: one address for all, the rest is constant.
  auto addTerms = [&](Value first, int64_t count, ValueRange before) {
    Values sums(before);
    Value line = offset(weights, mul(first, constant(vectors * plan.lanes)),
                        element);
    Monomial stride = dot.source.strides[1];
    Value entries = offset(left, mul(first, value(stride)), element);
    for (int64_t term = 0; term < count; ++term) {
      Value entry = splat(
          load(element, offset(entries, value(stride * Monomial(term)),
                               element)),
          plan.lanes);
      for (int64_t i = 0; i < vectors; ++i) {
        int64_t place = (term * vectors + i) * plan.lanes;
        Value weight = load(vector, offset(line, constant(place), element));
        sums[i] = vector::FMAOp::create(b, loc, entry, weight, sums[i]);
      }
    }
    return sums;
  };
  int64_t whole = dot.terms / kTermsOfTurn * kTermsOfTurn;
  sums = forReduce(constant(0), constant(whole), kTermsOfTurn, sums,
                   [&](Value first, ValueRange before) {
                     return addTerms(first, kTermsOfTurn, before);
                   });
  if (whole < dot.terms)
    sums = addTerms(constant(whole), dot.terms - whole, sums);
  return sums;
}

LogicalResult Emitter::emitKernel(Operation *op, ValueRange operands,
                                  ResultRange results, Block &body,
                                  const Shape &domain, const StagePlan &plan) {
  Views inputs, outputs;
  for (Value operand : operands) {
    auto view = viewOf(operand);
    if (failed(view))
      return failure();
    inputs.push_back(*view);
  }
  std::vector<std::pair<unsigned, View>> stores;
  for (OpResult result : results) {
    View view = destination(result, domain);
    outputs.push_back(view);
    stores.push_back({result.getResultNumber(), view});
    for (View &extra : extraDestinations(result))
      stores.push_back({result.getResultNumber(), extra});
  }
  Views all(inputs), written, sources;
  for (auto &[number, view] : stores) {
    all.push_back(view);
    written.push_back(view);
  }
  Views weights;
  for (const StageDot &dot : plan.dots) {
    sources.push_back(dot.source);
    weights.push_back(dot.packed);
  }

  // Rows or units: what a thread is given.
  int64_t units = domain[1].coefficient;
  int64_t lanes = plan.lanes;
  bool byUnits = splitsUnits(op);
  Partition share = byUnits ? partitionUnits(units) : partition(domain);
  Value rowLow = constant(0), rowHigh = value(domain[0]);
  Value unitLow = constant(0), unitHigh = constant(units);
  if (byUnits) {
    unitLow = share.low;
    unitHigh = share.high;
    Views aligned, others(sources);
    others.insert(others.end(), weights.begin(), weights.end());
    for (const View &input : inputs)
      (input.strides[1].isConstant(0) ? others : aligned).push_back(input);
    access(share, aligned, others, written);
  } else {
    if (share.key == "serial") {
      rowHigh = mul(share.high, rowHigh);
    } else {
      rowLow = share.low;
      rowHigh = share.high;
    }
    Views aligned(inputs);
    aligned.insert(aligned.end(), sources.begin(), sources.end());
    access(share, aligned, weights, written);
  }

  for (const StageDot &dot : plan.dots) {
    int64_t vectors = dot.parts * plan.groups;
    rnn::remarkFact(op, "tiled", "codegen",
                    rnn::subjectOf(op) + " is packed in panels of " +
                        std::to_string(vectors * lanes) +
                        " columns and runs in tiles of " +
                        std::to_string(kernels.tileRows(vectors)) +
                        (isAlone   ? " rows; one thread runs it"
                         : byUnits ? " rows; threads share units"
                                   : " rows; threads share rows"));
  }
  Value stack;
  int64_t width = plan.vectors * lanes;
  Type element = plan.dots.empty() ? Type(b.getF32Type())
                                   : plan.dots.front().source.element;
  int64_t bytes = element.getIntOrFloatBitWidth() / 8;
  if (!plan.dots.empty())
    stack = stackBuffer(kStackRows * width * bytes);
  // Rows of a source as pairs of bf16 numbers, in whole vectors.
  Value pairs;
  int64_t pairsWidth = 0;
  if (plan.isNarrow) {
    for (const StageDot &dot : plan.dots)
      pairsWidth = std::max<int64_t>(
          pairsWidth, llvm::alignTo(plan.unitsOf(dot), lanes));
    // Buffers are shared by size, and that of the sums is even.
    pairs = stackBuffer(kStackRows * pairsWidth * bytes + 1);
  }

  auto yield = cast<step::YieldOp>(body.getTerminator());
  auto placeIn = [&](const View &view, Value unit) {
    return offset(view.base, mul(unit, value(view.strides[0])), view.element);
  };
  // Where a part of a product lies, by its number, and a row of it.
  SmallVector<int64_t> partVectors;
  for (const StageDot &dot : plan.dots)
    for (int64_t part = 0; part < dot.parts; ++part)
      partVectors.push_back(dot.first + part * plan.groups);
  auto partAt = [&](Value stackRow, int64_t part, Value group) {
    return offset(stackRow,
                  mul(add(constant(partVectors[part]), group), constant(lanes)),
                  element);
  };
  auto vector = VectorType::get(lanes, element);
  // What the sums of a product start from goes where they will stand.
  auto startSums = [&](unsigned number, ArrayRef<View> row, Value unit,
                       Value stackRow, Value group, Value count) {
    int64_t part = 0;
    for (unsigned i = 0; i < number; ++i)
      part += plan.dots[i].parts;
    for (int64_t start : plan.dots[number].starts) {
      Value from;
      if (start < 0)
        from = arith::ConstantOp::create(b, loc, b.getZeroAttr(vector));
      else if (start < static_cast<int64_t>(inputs.size()))
        from = loadLanes(row[start], placeIn(row[start], unit),
                         row[start].strides[0], lanes, count);
      else
        from = load(vector, partAt(stackRow, start - inputs.size(), group));
      store(from, partAt(stackRow, part++, group));
    }
  };
  // One vector of units of one row: `count` of them if it is not whole.
  auto compute = [&](ArrayRef<View> row, Value unit, Value count,
                     function_ref<Value(size_t)> sumOf) {
    IRMapping values;
    auto arguments = body.getArguments();
    for (auto [argument, view] :
         llvm::zip(arguments.take_front(inputs.size()), row))
      values.map(argument,
                 loadLanes(view, placeIn(view, unit), view.strides[0], lanes,
                           count));
    for (size_t part = 0; part < partVectors.size(); ++part)
      values.map(arguments[inputs.size() + part], sumOf(part));
    for (Operation &inner : body.without_terminator()) {
      if (auto constant = dyn_cast<arith::ConstantOp>(inner)) {
        auto type = VectorType::get(lanes, constant.getType());
        values.map(constant.getResult(),
                   arith::ConstantOp::create(
                       b, loc,
                       DenseElementsAttr::get(
                           type, Attribute(constant.getValue()))));
        continue;
      }
      Operation *clone = b.clone(inner, values);
      for (OpResult result : clone->getResults())
        result.setType(VectorType::get(lanes, result.getType()));
    }
    for (auto [i, entry] : llvm::enumerate(stores)) {
      const View &view = row[inputs.size() + i];
      storeLanes(values.lookupOrDefault(yield.getValues()[entry.first]), view,
                 placeIn(view, unit), view.strides[0], count);
    }
  };
  auto run = [&](ArrayRef<View> row, Value unit, Value stackRow, Value group,
                 Value count) {
    compute(row, unit, count, [&](size_t part) {
      return load(vector, partAt(stackRow, part, group));
    });
  };

  int64_t panelUnits = plan.groups * lanes;
  int64_t whole = units / lanes * lanes;
  auto runPanel = [&](Value unit) {
    Value panel = arith::DivSIOp::create(b, loc, unit, constant(panelUnits));
    auto end = arith::MinSIOp::create(b, loc, add(unit, constant(panelUnits)),
                                      unitHigh);
    forRange(rowLow, rowHigh, kStackRows, [&](Value first) {
      Value last = arith::MinSIOp::create(
          b, loc, add(first, constant(kStackRows)), rowHigh);
      Value count = arith::SubIOp::create(b, loc, last, first);
      // Runs `body(row views, unit, row on the stack, vector in a part, count)`
      // for every vector of units of the panel's rows.
      auto forVectors = [&](function_ref<void(ArrayRef<View>, Value, Value,
                                              Value, Value)>
                                body) {
        forRange(first, last, 1, [&](Value row) {
          Views here;
          for (const View &view : all)
            here.push_back(at(view, 0, row));
          Value stackRow;
          if (stack) {
            Value depth = arith::SubIOp::create(b, loc, row, first);
            stackRow = offset(stack, mul(depth, constant(width)), element);
          }
          auto groupOf = [&](Value at) -> Value {
            if (plan.groups == 1)
              return constant(0);
            Value within = arith::SubIOp::create(b, loc, at, unit);
            return arith::DivSIOp::create(b, loc, within, constant(lanes));
          };
          Value wholeEnd =
              whole == units ? Value(end)
                             : Value(arith::MinSIOp::create(b, loc, end,
                                                            constant(whole)));
          forRange(unit, wholeEnd, lanes, [&](Value at) {
            body(here, at, stackRow, groupOf(at), Value());
          });
          if (whole == units)
            return;
          ifThen(compare(arith::CmpIPredicate::sgt, end, constant(whole)),
                 [&] {
                   Value at = constant(whole);
                   body(here, at, stackRow, groupOf(at),
                        constant(units - whole));
                 });
        });
      };
      for (auto [number, dot] : llvm::enumerate(plan.dots)) {
        bool resumes = !dot.startsAtZero();
        if (resumes)
          forVectors([&, number = number](ArrayRef<View> row, Value unit,
                                          Value stackRow, Value group,
                                          Value count) {
            startSums(number, row, unit, stackRow, group, count);
          });
        int64_t dotWidth = dot.parts * plan.groups * lanes;
        Value weights = offset(
            dot.packed.base,
            mul(panel, constant(plan.unitsOf(dot) * dotWidth)), element);
        Value rowStride = value(dot.source.strides[0]);
        Value left =
            offset(dot.source.base, mul(first, rowStride), element);
        Value termStride = value(dot.source.strides[1]);
        if (plan.isNarrow) {
          func::CallOp::create(b, loc, kernels.packRows(element),
                               ValueRange{left, rowStride, termStride,
                                          constant(dot.terms), count, pairs,
                                          constant(pairsWidth)});
          left = pairs;
          rowStride = constant(pairsWidth);
          termStride = constant(1);
        }
        func::CallOp::create(
            b, loc,
            kernels.panelProduct(element, plan.isNarrow,
                                 dot.parts * plan.groups),
            ValueRange{left, rowStride, termStride, weights,
                       offset(stack, constant(dot.first * lanes), element),
                       constant(width), constant(dot.terms), count,
                       constant(resumes)});
      }
      forVectors(run);
    });
  };
  auto runPanels = [&] { forRange(unitLow, unitHigh, panelUnits, runPanel); };
  // Where one row is usual there is code for just one, whose sums never leave
  // the registers: no call, and nothing that waits for what was just stored.
  bool hasRowCode = calls.rows == 1 && !plan.dots.empty() && !plan.isNarrow &&
                    units % panelUnits == 0;
  if (hasRowCode) {
    Value count = arith::SubIOp::create(b, loc, rowHigh, rowLow);
    auto branch = scf::IfOp::create(
        b, loc, compare(arith::CmpIPredicate::eq, count, constant(1)),
        /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    Views row;
    for (const View &view : all)
      row.push_back(at(view, 0, rowLow));
    forRange(unitLow, unitHigh, panelUnits, [&](Value unit) {
      Value panel = arith::DivSIOp::create(b, loc, unit, constant(panelUnits));
      Values sums;
      for (const StageDot &dot : plan.dots)
        llvm::append_range(
            sums, rowSums(plan, dot, inputs.size(), row, rowLow, panel, sums));
      for (int64_t group = 0; group < plan.groups; ++group)
        compute(row, add(unit, constant(group * lanes)), Value(),
                [&](size_t part) { return sums[partVectors[part] + group]; });
    });
    b.setInsertionPointToStart(branch.elseBlock());
    runPanels();
  } else {
    runPanels();
  }

  for (auto [result, view] : llvm::zip_equal(results, outputs))
    views[result] = view;
  return success();
}
