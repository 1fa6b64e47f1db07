//===- MovementRules.cpp - Derivatives of movement ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Movement is closed under adjoint. g is the cotangent of the result.
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Interfaces/Extents.h"
#include "dialects/grad/Rules/Rules.h"
#include "dialects/rnn/IR/RNNDialect.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;
using namespace rnnc::rnn;

static RankedTensorType tensorOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// A join: each input gets its slice.
static void addConcat(ConcatOp op, Value g, Adjoint &a) {
  int64_t offset = 0, axis = op.getAxis();
  for (Value input : op.getInputs()) {
    if (a.wants(input))
      a.add(input, SliceOp::create(a.builder(), a.loc(), input.getType(), g,
                                   axis, offset));
    offset += tensorOf(input).getDimSize(axis);
  }
}

/// One step later: one step earlier, 0 at the other end; the entry that came in
/// gets the cotangent of the end where it came in.
static void addShift(ShiftOp op, Value g, Adjoint &a) {
  OpBuilder &b = a.builder();
  if (a.wants(op.getInput())) {
    Value back = ShiftOp::create(
        b, a.loc(), op.getType(), g, a.zeros(op.getInit()), op.getLengths(),
        op.getReverse() ? UnitAttr() : b.getUnitAttr());
    if (op.getLengths()) // a shift leaves anything in padding
      back = MaskOp::create(b, a.loc(), op.getType(), back, op.getLengths());
    a.add(op.getInput(), back);
  }
  if (a.wants(op.getInit()))
    a.add(op.getInit(), PickOp::create(b, a.loc(), op.getInit().getType(),
                                       op.getReverse() ? End::Last : End::First,
                                       g, op.getLengths()));
}

/// Labels of the ids of a table: t and b in the usual layout.
static std::string idLabels(RankedTensorType ids) { return labelsOf(ids); }

/// table[ids]: the rows of g added up by id.
static void addGather(GatherOp op, Value g, Adjoint &a) {
  if (!a.wants(op.getTable()))
    return;
  std::string own = idLabels(tensorOf(op.getIds())), labels = own;
  Value valid = a.validOf(labels, own, {{own, op.getIds()}}, Value());
  // The op knows one time axis, the first: along others padding becomes 0.
  if (valid && labels.size() > 2) {
    std::string all = labels;
    for (int64_t i = tensorOf(op.getIds()).getRank(); i < tensorOf(g).getRank();
         ++i)
      all += "nmkijl"[i - tensorOf(op.getIds()).getRank()];
    g = zeroInvalid(a, all, g, valid);
    valid = {};
  }
  a.add(op.getTable(),
        ScatterAddOp::create(a.builder(), a.loc(), op.getTable().getType(), g,
                             op.getIds(), Value(), valid));
}

/// Rows added up by id: each row gets the row of its id.
static void addScatter(ScatterAddOp op, Value g, Adjoint &a) {
  if (op.getAcc())
    a.add(op.getAcc(), g);
  if (!a.wants(op.getRows()))
    return;
  Value rows = GatherOp::create(a.builder(), a.loc(), op.getRows().getType(), g,
                                op.getIds());
  std::string labels = idLabels(tensorOf(op.getIds()));
  constexpr StringLiteral own = "nmkijlouvwxyz";
  labels += own.take_front(tensorOf(rows).getRank() - labels.size());
  a.add(op.getRows(), zeroInvalid(a, labels, rows, op.getValid()));
}

void grad::attachMovementRules(MLIRContext *context) {
  attachRule<SliceOp>(context, [](SliceOp op, Value g, Adjoint &a) {
    a.add(op.getInput(),
          PlaceOp::create(a.builder(), a.loc(), op.getInput().getType(), g,
                          op.getAxis(), op.getOffset()));
  });
  attachRule<PlaceOp>(context, [](PlaceOp op, Value g, Adjoint &a) {
    a.add(op.getInput(),
          SliceOp::create(a.builder(), a.loc(), op.getInput().getType(), g,
                          op.getAxis(), op.getOffset()));
  });
  attachRule<ConcatOp>(
      context, [](ConcatOp op, Value g, Adjoint &a) { addConcat(op, g, a); });
  attachRule<ReshapeOp>(context, [](ReshapeOp op, Value g, Adjoint &a) {
    a.add(op.getInput(),
          ReshapeOp::create(a.builder(), a.loc(), op.getInput().getType(), g));
  });
  attachRule<ShiftOp>(
      context, [](ShiftOp op, Value g, Adjoint &a) { addShift(op, g, a); });
  // Its own adjoint.
  attachRule<ReverseOp>(context, [](ReverseOp op, Value g, Adjoint &a) {
    a.add(op.getInput(), ReverseOp::create(a.builder(), a.loc(), op.getType(),
                                           g, op.getLengths()));
  });
  attachRule<PickOp>(context, [](PickOp op, Value g, Adjoint &a) {
    Value steps = extentOf(a.builder(), op.getInput(), 0);
    a.add(op.getInput(),
          PutOp::create(a.builder(), a.loc(), op.getInput().getType(),
                        op.getEnd(), g, steps, op.getLengths()));
  });
  attachRule<PutOp>(context, [](PutOp op, Value g, Adjoint &a) {
    a.add(op.getInput(),
          PickOp::create(a.builder(), a.loc(), op.getInput().getType(),
                         op.getEnd(), g, op.getLengths()));
  });
  attachRule<GatherOp>(
      context, [](GatherOp op, Value g, Adjoint &a) { addGather(op, g, a); });
  attachRule<ScatterAddOp>(context, [](ScatterAddOp op, Value g, Adjoint &a) {
    addScatter(op, g, a);
  });
  // Padding passes nothing.
  attachRule<MaskOp>(context, [](MaskOp op, Value g, Adjoint &a) {
    a.add(op.getInput(),
          MaskOp::create(a.builder(), a.loc(), op.getType(), g, op.getValid()));
  });
  attachZero<OneHotOp, ArgMaxOp, ValidOp, ValidStepsOp>(context);
}
