//===- StepDialect.cpp - The step dialect ---------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/step/IR/StepDialect.h"

using namespace mlir;
using namespace rnnc::step;

#include "dialects/step/IR/StepDialect.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/step/IR/StepOps.cpp.inc"

void StepDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/step/IR/StepOps.cpp.inc"
      >();
}

/// (C1) and (C2), which maps and stages share: `parts` further arguments.
static LogicalResult verifyKernel(Operation *op, OperandRange inputs,
                                  ResultRange outputs, Block *block,
                                  ArrayRef<Type> parts) {
  if (outputs.empty())
    return op->emitOpError("has no result");
  auto domain = cast<RankedTensorType>(outputs.front().getType());
  auto check = [&](Type type) -> LogicalResult {
    if (cast<RankedTensorType>(type).getShape() != domain.getShape())
      return op->emitOpError("(C1) has the domain of ")
             << domain << ", found " << type;
    return success();
  };
  for (Value input : inputs)
    if (failed(check(input.getType())))
      return failure();
  for (Value output : outputs)
    if (failed(check(output.getType())))
      return failure();
  auto element = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getElementType();
  };
  if (block->getNumArguments() != inputs.size() + parts.size())
    return op->emitOpError("(C2) takes ")
           << inputs.size() + parts.size() << " arguments, found "
           << block->getNumArguments();
  for (auto [argument, input] : llvm::zip(block->getArguments(), inputs))
    if (argument.getType() != element(input))
      return op->emitOpError("(C2) argument of type ")
             << argument.getType() << " for an input of " << input.getType();
  for (auto [argument, part] : llvm::zip_equal(
           block->getArguments().drop_front(inputs.size()), parts))
    if (argument.getType() != part)
      return op->emitOpError("(C2) argument of type ")
             << argument.getType() << " for a product of " << part;
  auto yield = cast<YieldOp>(block->getTerminator());
  if (yield.getValues().size() != outputs.size())
    return op->emitOpError("(C2) yields ")
           << yield.getValues().size() << " values for " << outputs.size()
           << " results";
  for (auto [value, output] : llvm::zip_equal(yield.getValues(), outputs))
    if (value.getType() != element(output))
      return op->emitOpError("(C2) yields ")
             << value.getType() << " for a result of " << output.getType();
  return success();
}

LogicalResult MapOp::verify() {
  return verifyKernel(*this, getInputs(), getOutputs(), getBlock(), {});
}

LogicalResult StageOp::verify() {
  if (getOutputs().empty())
    return emitOpError("has no result");
  RankedTensorType domain = getDomain();
  if (domain.getRank() != 2 || domain.isDynamicDim(1))
    return emitOpError("(C1) has a domain of rows and a known number of "
                       "units, found ")
           << domain;
  size_t count = getSources().size();
  if (getWeights().size() != count || getLabels().size() != count ||
      getParts().size() != count || count == 0)
    return emitOpError("(C3) has ")
           << count << " sources, " << getWeights().size() << " weights, "
           << getLabels().size() << " labels and " << getParts().size()
           << " lists of parts; their numbers must agree and not be 0";
  SmallVector<Type> parts;
  for (unsigned i = 0; i < count; ++i) {
    auto source = cast<RankedTensorType>(getSources()[i].getType());
    auto weight = cast<RankedTensorType>(getWeights()[i].getType());
    StringRef text = cast<StringAttr>(getLabels()[i]).getValue();
    bool known = text.size() == 5 && text[2] == ',' && text[0] != text[1] &&
                 (text[3] == text[1]) != (text[4] == text[1]);
    if (!known)
      return emitOpError("(C3) needs labels like \"bk,nk\" or \"bk,kn\", "
                         "found \"")
             << text << '"';
    if (source.getRank() != 2 || weight.getRank() != 2 ||
        source.getShape()[0] != domain.getShape()[0])
      return emitOpError("(C3) needs a source [rows, k] and weights of two "
                         "dims, found ")
             << source << " and " << weight;
    bool columnsFirst = hasColumnsFirst(i);
    if (source.getShape()[1] != weight.getShape()[columnsFirst ? 1 : 0])
      return emitOpError("(C3) source and weights must agree in k, found ")
             << source << " and " << weight;
    int64_t columns = weight.getShape()[columnsFirst ? 0 : 1];
    for (int64_t from : getPartsOf(i))
      if (from < 0 || from + domain.getShape()[1] > columns)
        return emitOpError("(C3) the part at ")
               << from << " is not within the columns of " << weight;
    if (getBf16() && !source.getElementType().isF32())
      return emitOpError("of bf16 rounds f32 numbers, found a source ")
             << source;
    parts.append(getPartsOf(i).size(), source.getElementType());
  }
  ArrayRef<int64_t> starts = getStarts();
  if (starts.size() != parts.size())
    return emitOpError("(C4) has ")
           << parts.size() << " parts and " << starts.size() << " starts";
  // Arguments before the parts of the product at hand.
  int64_t before = getInputs().size(), part = 0;
  for (unsigned i = 0; i < count; ++i) {
    for (size_t n = getPartsOf(i).size(); n > 0; --n, ++part) {
      int64_t start = starts[part];
      if (start < -1 || start >= before)
        return emitOpError("(C4) a sum starts from argument ")
               << start << ", expected -1 for 0 or one of the " << before
               << " before";
      if (start >= 0 &&
          getBlock()->getNumArguments() > static_cast<size_t>(start) &&
          getBlock()->getArgument(start).getType() != parts[part])
        return emitOpError("(C4) a sum of ")
               << parts[part] << " starts from an argument of "
               << getBlock()->getArgument(start).getType();
    }
    before = getInputs().size() + part;
  }
  return verifyKernel(*this, getInputs(), getOutputs(), getBlock(), parts);
}

ParseResult StageOp::parse(OpAsmParser &parser, OperationState &result) {
  using Operands = SmallVector<OpAsmParser::UnresolvedOperand>;
  Operands inputs;
  SmallVector<Type> inputTypes, outputTypes;
  bool isNarrow = succeeded(parser.parseOptionalKeyword("bf16"));
  if (parser.parseLParen())
    return failure();
  if (failed(parser.parseOptionalRParen()))
    if (parser.parseOperandList(inputs) ||
        parser.parseColonTypeList(inputTypes) || parser.parseRParen())
      return failure();
  Operands sources, weights;
  SmallVector<Type> sourceTypes, weightTypes;
  SmallVector<Attribute> labels, parts;
  SmallVector<int64_t> starts;
  Builder &builder = parser.getBuilder();
  while (succeeded(parser.parseOptionalKeyword("dot"))) {
    std::string text;
    SmallVector<int64_t> from;
    Type source, weight;
    if (parser.parseString(&text) || parser.parseLParen() ||
        parser.parseOperand(sources.emplace_back()) || parser.parseComma() ||
        parser.parseOperand(weights.emplace_back()) || parser.parseRParen() ||
        parser.parseKeyword("at") ||
        parser.parseCommaSeparatedList(
            OpAsmParser::Delimiter::Square,
            [&] { return parser.parseInteger(from.emplace_back()); }))
      return failure();
    size_t known = starts.size();
    if (succeeded(parser.parseOptionalKeyword("from")) &&
        parser.parseCommaSeparatedList(
            OpAsmParser::Delimiter::Square,
            [&] { return parser.parseInteger(starts.emplace_back()); }))
      return failure();
    if (starts.size() == known)
      starts.append(from.size(), -1);
    if (parser.parseColonType(source) || parser.parseComma() ||
        parser.parseType(weight))
      return failure();
    sourceTypes.push_back(source);
    weightTypes.push_back(weight);
    labels.push_back(builder.getStringAttr(text));
    parts.push_back(builder.getDenseI64ArrayAttr(from));
  }
  SMLoc place = parser.getCurrentLocation();
  if (parser.parseArrowTypeList(outputTypes) ||
      parser.parseRegion(*result.addRegion()) ||
      parser.parseOptionalAttrDict(result.attributes) ||
      parser.resolveOperands(inputs, inputTypes, place, result.operands) ||
      parser.resolveOperands(sources, sourceTypes, place, result.operands) ||
      parser.resolveOperands(weights, weightTypes, place, result.operands))
    return failure();
  result.addTypes(outputTypes);
  auto &properties = result.getOrAddProperties<Properties>();
  properties.labels = builder.getArrayAttr(labels);
  properties.parts = builder.getArrayAttr(parts);
  properties.starts = builder.getDenseI64ArrayAttr(starts);
  if (isNarrow)
    properties.bf16 = builder.getUnitAttr();
  properties.operandSegmentSizes = {static_cast<int32_t>(inputs.size()),
                                    static_cast<int32_t>(sources.size()),
                                    static_cast<int32_t>(weights.size())};
  return success();
}

void StageOp::print(OpAsmPrinter &printer) {
  if (getBf16())
    printer << " bf16";
  printer << '(';
  if (!getInputs().empty())
    printer << getInputs() << " : " << getInputs().getTypes();
  printer << ')';
  ArrayRef<int64_t> starts = getStarts();
  for (unsigned i = 0; i < getSources().size(); ++i) {
    printer << " dot " << getLabels()[i] << '(' << getSources()[i] << ", "
            << getWeights()[i] << ") at [";
    llvm::interleaveComma(getPartsOf(i), printer);
    printer << ']';
    ArrayRef<int64_t> from = starts.take_front(getPartsOf(i).size());
    starts = starts.drop_front(from.size());
    if (llvm::any_of(from, [](int64_t start) { return start != -1; })) {
      printer << " from [";
      llvm::interleaveComma(from, printer);
      printer << ']';
    }
    printer << " : " << getSources()[i].getType() << ", "
            << getWeights()[i].getType();
  }
  printer.printArrowTypeList(getOutputs().getTypes());
  printer << ' ';
  printer.printRegion(getBody());
  printer.printOptionalAttrDict(
      (*this)->getAttrs(),
      {"labels", "parts", "starts", "bf16", getOperandSegmentSizesAttrName().getValue()});
}
