//===- ScanOp.cpp - Text form, checks and loop interfaces of rnn.scan -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::rnn;

YieldOp ScanOp::getYield() {
  return cast<YieldOp>(getBlock()->getTerminator());
}

void ScanOp::copyChoices(ScanOp other) {
  setUnrollAttr(other.getUnrollAttr());
  (*this)->setDiscardableAttrs(other->getDiscardableAttrDictionary());
}

RankedTensorType ScanOp::sliceType(Type sequence) {
  auto type = cast<RankedTensorType>(sequence);
  return RankedTensorType::get(type.getShape().drop_front(),
                               type.getElementType());
}

RankedTensorType ScanOp::sequenceType(Type slice) {
  auto type = cast<RankedTensorType>(slice);
  SmallVector<int64_t> shape{ShapedType::kDynamic};
  llvm::append_range(shape, type.getShape());
  return RankedTensorType::get(shape, type.getElementType());
}

void ScanOp::build(OpBuilder &builder, OperationState &state, Value steps,
                   Value lengths, ValueRange seqs, ValueRange inits,
                   TypeRange emitted, bool reverse) {
  state.addOperands(steps);
  if (lengths)
    state.addOperands(lengths);
  state.addOperands(seqs);
  state.addOperands(inits);
  state.addTypes(emitted);
  state.addTypes(inits.getTypes());
  auto &properties = state.getOrAddProperties<Properties>();
  properties.operandSegmentSizes = {1, lengths ? 1 : 0,
                                    static_cast<int32_t>(seqs.size()),
                                    static_cast<int32_t>(inits.size())};
  properties.resultSegmentSizes = {static_cast<int32_t>(emitted.size()),
                                   static_cast<int32_t>(inits.size())};
  if (reverse)
    properties.reverse = builder.getUnitAttr();
  OpBuilder::InsertionGuard guard(builder);
  Region *body = state.addRegion();
  Block *block = builder.createBlock(body);
  block->addArgument(builder.getIndexType(), state.location);
  for (Value seq : seqs)
    block->addArgument(sliceType(seq.getType()), seq.getLoc());
  for (Value init : inits)
    block->addArgument(init.getType(), init.getLoc());
}

//===----------------------------------------------------------------------===//
// Loop interfaces
//===----------------------------------------------------------------------===//

SmallVector<Region *> ScanOp::getLoopRegions() { return {&getBody()}; }

MutableArrayRef<OpOperand> ScanOp::getInitsMutable() {
  return getOperation()->getOpOperands().take_back(getInitial().size());
}

Block::BlockArgListType ScanOp::getRegionIterArgs() { return getCarries(); }

std::optional<MutableArrayRef<OpOperand>> ScanOp::getYieldedValuesMutable() {
  YieldOp yield = getYield();
  return yield->getOpOperands().take_front(yield.getNext().size());
}

std::optional<ResultRange> ScanOp::getLoopResults() { return getFinals(); }

OperandRange ScanOp::getEntrySuccessorOperands(RegionSuccessor) {
  return getInitial();
}

void ScanOp::getSuccessorRegions(RegionBranchPoint,
                                 SmallVectorImpl<RegionSuccessor> &regions) {
  regions.push_back(RegionSuccessor(&getBody(), getCarries()));
  regions.push_back(RegionSuccessor(getOperation(), getFinals()));
}

MutableOperandRange YieldOp::getMutableSuccessorOperands(RegionSuccessor) {
  return getNextMutable();
}

//===----------------------------------------------------------------------===//
// Text form
//===----------------------------------------------------------------------===//

/// Parses `(%arg = %operand : type, ...)`.
static ParseResult
parseBindings(OpAsmParser &parser,
              SmallVectorImpl<OpAsmParser::Argument> &arguments,
              SmallVectorImpl<OpAsmParser::UnresolvedOperand> &operands,
              SmallVectorImpl<Type> &types) {
  return parser.parseCommaSeparatedList(
      OpAsmParser::Delimiter::Paren, [&]() -> ParseResult {
        return failure(parser.parseArgument(arguments.emplace_back()) ||
                       parser.parseEqual() ||
                       parser.parseOperand(operands.emplace_back()) ||
                       parser.parseColonType(types.emplace_back()));
      });
}

ParseResult ScanOp::parse(OpAsmParser &parser, OperationState &state) {
  Builder &builder = parser.getBuilder();
  auto &properties = state.getOrAddProperties<Properties>();
  OpAsmParser::Argument position;
  OpAsmParser::UnresolvedOperand steps, lengths;
  SmallVector<OpAsmParser::Argument> slices, carries;
  SmallVector<OpAsmParser::UnresolvedOperand> seqs, inits;
  SmallVector<Type> seqTypes, initTypes, emittedTypes;
  Type lengthsType;
  bool hasLengths = false;

  if (parser.parseArgument(position) || parser.parseKeyword("in") ||
      parser.parseOperand(steps))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("reverse")))
    properties.reverse = builder.getUnitAttr();
  if (succeeded(parser.parseOptionalKeyword("lengths"))) {
    hasLengths = true;
    if (parser.parseLParen() || parser.parseOperand(lengths) ||
        parser.parseColonType(lengthsType) || parser.parseRParen())
      return failure();
  }
  if (succeeded(parser.parseOptionalKeyword("unroll"))) {
    int64_t factor = 0;
    llvm::SMLoc loc = parser.getCurrentLocation();
    if (parser.parseLParen() || parser.parseInteger(factor) ||
        parser.parseRParen())
      return failure();
    if (factor < 1)
      return parser.emitError(loc, "unrolls at least 1 step, found ") << factor;
    properties.unroll = builder.getI64IntegerAttr(factor);
  }
  llvm::SMLoc seqLoc = parser.getCurrentLocation();
  if (succeeded(parser.parseOptionalKeyword("over")) &&
      parseBindings(parser, slices, seqs, seqTypes))
    return failure();
  llvm::SMLoc initLoc = parser.getCurrentLocation();
  if (succeeded(parser.parseOptionalKeyword("carry")) &&
      parseBindings(parser, carries, inits, initTypes))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("emit")) &&
      (parser.parseLParen() || parser.parseTypeList(emittedTypes) ||
       parser.parseRParen()))
    return failure();
  if (parser.parseOptionalAttrDictWithKeyword(state.attributes))
    return failure();

  SmallVector<OpAsmParser::Argument> arguments;
  position.type = builder.getIndexType();
  arguments.push_back(position);
  for (auto [slice, type] : llvm::zip_equal(slices, seqTypes)) {
    auto sequence = dyn_cast<RankedTensorType>(type);
    if (!sequence || sequence.getRank() == 0)
      return parser.emitError(seqLoc, "(C1) 'over' takes sequences, found ")
             << type;
    slice.type = sliceType(sequence);
    arguments.push_back(slice);
  }
  for (auto [carry, type] : llvm::zip_equal(carries, initTypes)) {
    carry.type = type;
    arguments.push_back(carry);
  }
  if (parser.resolveOperand(steps, builder.getIndexType(), state.operands) ||
      (hasLengths &&
       parser.resolveOperand(lengths, lengthsType, state.operands)) ||
      parser.resolveOperands(seqs, seqTypes, seqLoc, state.operands) ||
      parser.resolveOperands(inits, initTypes, initLoc, state.operands))
    return failure();
  properties.operandSegmentSizes = {1, hasLengths ? 1 : 0,
                                    static_cast<int32_t>(seqs.size()),
                                    static_cast<int32_t>(inits.size())};
  properties.resultSegmentSizes = {static_cast<int32_t>(emittedTypes.size()),
                                   static_cast<int32_t>(inits.size())};
  state.addTypes(emittedTypes);
  state.addTypes(initTypes);
  return parser.parseRegion(*state.addRegion(), arguments);
}

void ScanOp::print(OpAsmPrinter &printer) {
  printer << ' ' << getPosition() << " in " << getSteps();
  if (getReverse())
    printer << " reverse";
  if (getLengths())
    printer << " lengths(" << getLengths() << " : " << getLengths().getType()
            << ")";
  if (std::optional<uint64_t> factor = getUnroll())
    printer << " unroll(" << *factor << ")";
  auto printBindings = [&](StringRef keyword, OperandRange operands,
                           Block::BlockArgListType arguments) {
    if (operands.empty())
      return;
    printer << ' ' << keyword << '(';
    llvm::interleaveComma(
        llvm::zip_equal(arguments, operands), printer, [&](auto pair) {
          printer << std::get<0>(pair) << " = " << std::get<1>(pair) << " : "
                  << std::get<1>(pair).getType();
        });
    printer << ')';
  };
  printBindings("over", getSeqs(), getSlices());
  printBindings("carry", getInitial(), getCarries());
  if (!getEmitted().empty()) {
    printer << " emit(";
    llvm::interleaveComma(getEmitted().getTypes(), printer);
    printer << ')';
  }
  printer.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(),
      {"operandSegmentSizes", "resultSegmentSizes", "reverse", "unroll"});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

LogicalResult ScanOp::verify() {
  for (Value seq : getSeqs()) {
    auto type = dyn_cast<RankedTensorType>(seq.getType());
    if (!type || type.getRank() == 0 || !type.isDynamicDim(0))
      return emitOpError("(C1) 'over' takes sequences with a dynamic leading "
                         "extent, found ")
             << seq.getType();
  }
  for (Type type : getEmitted().getTypes()) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || tensor.getRank() == 0 || !tensor.isDynamicDim(0))
      return emitOpError("(C4) emits sequences with a dynamic leading extent, "
                         "found ")
             << type;
  }
  if (getLengths()) {
    auto type = dyn_cast<RankedTensorType>(getLengths().getType());
    if (!type || type.getRank() != 1 || !type.getElementType().isInteger(32))
      return emitOpError("(C5) lengths are 'tensor<?xi32>', found ")
             << getLengths().getType();
  }
  // The body is checked here, before the loop interfaces look at it.
  if (getBody().empty() || getBlock()->empty() ||
      !isa<YieldOp>(getBlock()->back()))
    return emitOpError("(C3) has a body that ends with 'rnn.yield'");
  if (getBlock()->getNumArguments() !=
      1 + getSeqs().size() + getInitial().size())
    return emitOpError("(C2) takes ")
           << 1 + getSeqs().size() + getInitial().size()
           << " region arguments, found " << getBlock()->getNumArguments();
  if (!getPosition().getType().isIndex())
    return emitOpError("(C2) the position is an index, found ")
           << getPosition().getType();
  for (auto [argument, seq] : llvm::zip_equal(getSlices(), getSeqs()))
    if (argument.getType() != sliceType(seq.getType()))
      return emitOpError("(C2) slice of ")
             << seq.getType() << " has type " << argument.getType();
  for (auto [argument, init] : llvm::zip_equal(getCarries(), getInitial()))
    if (argument.getType() != init.getType())
      return emitOpError("(C2) carried value has type ")
             << argument.getType() << ", its initial value " << init.getType();
  YieldOp yield = getYield();
  if (yield.getNext().size() != getInitial().size())
    return emitOpError("(C3) carries ")
           << getInitial().size() << " values, yields "
           << yield.getNext().size() << " next values";
  for (auto [next, init] : llvm::zip_equal(yield.getNext(), getInitial()))
    if (next.getType() != init.getType())
      return emitOpError("(C3) next value has type ")
             << next.getType() << ", the carried value has " << init.getType();
  if (yield.getEmit().size() != getEmitted().size())
    return emitOpError("(C4) emits ")
           << yield.getEmit().size() << " values for " << getEmitted().size()
           << " results";
  for (auto [value, result] : llvm::zip_equal(yield.getEmit(), getEmitted()))
    if (value.getType() != sliceType(result.getType()))
      return emitOpError("(C4) emitted value has type ")
             << value.getType() << ", the result is " << result.getType();
  return success();
}
