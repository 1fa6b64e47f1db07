//===- FormStages.cpp - Products join the maps that read them -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A map reads parts of a product, such as the gates of one joined product. The
// stage in its place computes product and map tile by tile.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/RNNDialect.h"
#include "dialects/rnn/IR/Remarks.h"
#include "dialects/step/IR/StepDialect.h"
#include "dialects/step/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/MapVector.h"

namespace rnnc::step {
#define GEN_PASS_DEF_FORMSTAGESPASS
#include "dialects/step/Transforms/Passes.h.inc"
} // namespace rnnc::step

#define DEBUG_TYPE "step-form-stages"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::step;

namespace {
/// Terms of a product of bf16 numbers at most: the pairs of some rows lie on
/// the stack.
constexpr int64_t kNarrowTerms = 4096;

/// A product of rows with weights, as a stage runs it.
struct Dot {
  Value source, weight;
  /// "bk,nk" or "bk,kn".
  std::string labels;
};

/// Part of a product: the columns from `offset` on, as many as the domain has.
struct Part {
  rnn::ContractOp product;
  int64_t offset = 0;
};

class StageFormer {
public:
  explicit StageFormer(func::FuncOp function)
      : top(&function.getBody().front()) {}

  /// Makes a stage of the map if it reads products. Returns how many.
  unsigned run(MapOp map);

private:
  std::optional<Dot> dotOf(rnn::ContractOp op);
  std::optional<Part> partOf(Value value, MapOp map);
  /// Whether the map, or the product `into` it, reads the product, and others
  /// only parts of it that they can have from the stage.
  bool isReadBy(rnn::ContractOp op, MapOp map);

  Block *top;
};
} // namespace

std::optional<Dot> StageFormer::dotOf(rnn::ContractOp op) {
  StringRef out = op.getOutLabels();
  if (op.getValid() || out.size() != 2 || op.getLhsLabels().size() != 2 ||
      op.getRhsLabels().size() != 2 || op.getType().isDynamicDim(1) ||
      !op.getType().getElementType().isFloat())
    return std::nullopt;
  bool swapped = !op.getLhsLabels().contains(out[0]);
  StringRef rows = swapped ? op.getRhsLabels() : op.getLhsLabels();
  StringRef columns = swapped ? op.getLhsLabels() : op.getRhsLabels();
  Dot dot;
  dot.source = swapped ? op.getRhs() : op.getLhs();
  dot.weight = swapped ? op.getLhs() : op.getRhs();
  if (rows[0] != out[0] || !columns.contains(rows[1]) ||
      !columns.contains(out[1]) || rows[1] == out[1] || out[0] == out[1])
    return std::nullopt;
  // Weights are packed once for all steps.
  if (dot.weight.getParentBlock() != top)
    return std::nullopt;
  auto weight = cast<RankedTensorType>(dot.weight.getType());
  if (!weight.hasStaticShape() ||
      (op.getBf16() && weight.getShape()[columns.find(rows[1])] > kNarrowTerms))
    return std::nullopt;
  dot.labels = (rows + "," + columns).str();
  return dot;
}

bool StageFormer::isReadBy(rnn::ContractOp op, MapOp map) {
  ArrayRef<int64_t> domain = map.getDomain().getShape();
  for (OpOperand &use : op->getUses()) {
    Operation *user = use.getOwner();
    if (user == map && op.getType().getShape() == domain)
      continue;
    if (auto slice = dyn_cast<rnn::SliceOp>(user);
        slice && slice.getAxis() == 1 &&
        slice.getType().getShape() == domain &&
        llvm::all_of(slice->getUsers(), [&](Operation *reader) {
          // Others read it from the stage, so they must stand behind it.
          Operation *here = map->getBlock()->findAncestorOpInBlock(*reader);
          return here == map || (here && map->isBeforeInBlock(here));
        }))
      continue;
    if (auto next = dyn_cast<rnn::ContractOp>(user);
        next && next.getAcc() == op.getResult() &&
        use.getOperandNumber() != 0 && use.getOperandNumber() != 1 &&
        next->getBlock() == map->getBlock() && dotOf(next) &&
        isReadBy(next, map))
      continue;
    return false;
  }
  return true;
}

std::optional<Part> StageFormer::partOf(Value value, MapOp map) {
  Part part;
  if (auto slice = value.getDefiningOp<rnn::SliceOp>()) {
    if (slice.getAxis() != 1 || slice.getType().getRank() != 2)
      return std::nullopt;
    part.offset = slice.getOffset();
    value = slice.getInput();
  }
  part.product = value.getDefiningOp<rnn::ContractOp>();
  if (!part.product || part.product->getBlock() != map->getBlock() ||
      !dotOf(part.product) || !isReadBy(part.product, map))
    return std::nullopt;
  return part;
}

unsigned StageFormer::run(MapOp map) {
  RankedTensorType domain = map.getDomain();
  if (domain.getRank() != 2 || domain.isDynamicDim(1))
    return 0;
  // The products behind the inputs, with the parts that are read.
  llvm::MapVector<Operation *, SmallVector<int64_t>> products;
  SmallVector<std::optional<Part>> parts;
  for (Value input : map.getInputs()) {
    parts.push_back(partOf(input, map));
    std::optional<Part> part = parts.back();
    while (part) {
      SmallVector<int64_t> &offsets = products[part->product];
      if (!llvm::is_contained(offsets, part->offset))
        offsets.push_back(part->offset);
      // The product that this one is added to.
      Value acc = part->product.getAcc();
      auto before = acc ? acc.getDefiningOp<rnn::ContractOp>() : nullptr;
      if (!before || before->getBlock() != map->getBlock() || !dotOf(before) ||
          !isReadBy(before, map))
        break;
      part->product = before;
    }
  }
  if (products.empty())
    return 0;
  // One stage has one precision.
  auto isNarrow = [](auto &entry) {
    return cast<rnn::ContractOp>(entry.first).getBf16();
  };
  if (llvm::any_of(products, isNarrow) && !llvm::all_of(products, isNarrow))
    return 0;
  // A product stands behind the one that it is added to.
  auto ordered = products.takeVector();
  llvm::sort(ordered, [](auto &x, auto &y) {
    return x.first->isBeforeInBlock(y.first);
  });
  for (auto &[op, offsets] : ordered)
    products[op] = offsets;
  // Parts that others read as well, or alone.
  SmallVector<std::pair<rnn::SliceOp, Operation *>> shared;
  for (auto &[op, offsets] : products)
    for (Operation *user : op->getUsers())
      if (auto slice = dyn_cast<rnn::SliceOp>(user);
          slice && llvm::any_of(slice->getUsers(), [&](Operation *reader) {
            return reader != map;
          })) {
        shared.push_back({slice, op});
        if (!llvm::is_contained(offsets, slice.getOffset()))
          offsets.push_back(slice.getOffset());
      }
  // A part starts from the same part of the product before.
  for (auto &[op, offsets] : llvm::reverse(products)) {
    Value acc = cast<rnn::ContractOp>(op).getAcc();
    auto before = products.find(acc ? acc.getDefiningOp() : nullptr);
    if (before == products.end())
      continue;
    for (int64_t offset : offsets)
      if (!llvm::is_contained(before->second, offset))
        before->second.push_back(offset);
  }

  OpBuilder b(map);
  SmallVector<Value> inputs, sources, weights;
  SmallVector<Attribute> labels, offsetsOf;
  for (auto [input, part] : llvm::zip_equal(map.getInputs(), parts))
    if (!part)
      inputs.push_back(input);
  // What a sum starts from, by product and offset: an input of the stage, or
  // the part of the product before.
  llvm::MapVector<std::pair<Operation *, int64_t>, unsigned> accInputs;
  for (auto &[op, offsets] : products) {
    llvm::sort(offsets);
    auto contract = cast<rnn::ContractOp>(op);
    rnn::remarkDone(op, "fused", DEBUG_TYPE,
                    rnn::subjectOf(op) +
                        " and what is computed from it are one kernel: " +
                        rnn::counted(offsets.size(), "part") + " of " +
                        rnn::counted(domain.getShape()[1], "unit"));
    Dot dot = *dotOf(contract);
    sources.push_back(dot.source);
    weights.push_back(dot.weight);
    labels.push_back(b.getStringAttr(dot.labels));
    offsetsOf.push_back(b.getDenseI64ArrayAttr(offsets));
    Value acc = contract.getAcc();
    if (!acc || products.contains(acc.getDefiningOp()))
      continue;
    for (int64_t offset : offsets) {
      Value start = acc;
      if (cast<RankedTensorType>(acc.getType()).getShape() != domain.getShape())
        start = rnn::SliceOp::create(
            b, contract.getLoc(),
            RankedTensorType::get(domain.getShape(),
                                  contract.getType().getElementType()),
            acc, 1, offset);
      auto it = llvm::find(inputs, start);
      accInputs[{op, offset}] = it - inputs.begin();
      if (it == inputs.end())
        inputs.push_back(start);
    }
  }

  // Numbers of the parts among the arguments, and of what they start from.
  llvm::MapVector<std::pair<Operation *, int64_t>, unsigned> numbers;
  SmallVector<int64_t> starts;
  for (auto &[op, offsets] : products)
    for (int64_t offset : offsets) {
      unsigned number = inputs.size() + numbers.size();
      numbers[{op, offset}] = number;
      Value acc = cast<rnn::ContractOp>(op).getAcc();
      Operation *before = acc ? acc.getDefiningOp() : nullptr;
      if (!acc)
        starts.push_back(-1);
      else if (products.contains(before))
        starts.push_back(numbers.lookup({before, offset}));
      else
        starts.push_back(accInputs.lookup({op, offset}));
    }

  SmallVector<Location> locations{map.getLoc()};
  for (auto &entry : products)
    locations.push_back(entry.first->getLoc());
  SmallVector<Type> results(map.getResultTypes());
  for (auto &[slice, op] : shared)
    results.push_back(slice.getType());
  auto stage = StageOp::create(
      b, b.getFusedLoc(locations), results, inputs, sources, weights,
      b.getArrayAttr(labels), b.getArrayAttr(offsetsOf),
      b.getDenseI64ArrayAttr(starts), isNarrow(products.front()));
  Block *body = b.createBlock(&stage.getBody());
  auto element = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getElementType();
  };
  for (Value input : inputs)
    body->addArgument(element(input), input.getLoc());
  for (auto &entry : numbers)
    body->addArgument(element(entry.first.first->getResult(0)),
                      entry.first.first->getLoc());
  auto valueOf = [&](Operation *op, int64_t offset) -> Value {
    return body->getArgument(numbers.lookup({op, offset}));
  };
  IRMapping mapping;
  unsigned next = 0;
  for (auto [argument, part] :
       llvm::zip_equal(map.getBlock()->getArguments(), parts))
    mapping.map(argument, part ? valueOf(part->product, part->offset)
                               : Value(body->getArgument(next++)));
  for (Operation &op : *map.getBlock())
    b.clone(op, mapping);
  auto yield = cast<YieldOp>(body->getTerminator());
  b.setInsertionPoint(yield);
  for (auto &[slice, op] : shared)
    yield.getValuesMutable().append(valueOf(op, slice.getOffset()));

  map->replaceAllUsesWith(
      stage->getResults().take_front(map->getNumResults()));
  map->erase();
  for (auto [entry, result] : llvm::zip_equal(
           shared, stage->getResults().take_back(shared.size())))
    entry.first.getResult().replaceAllUsesWith(result);
  // Slices and products that nobody reads any more.
  for (auto &entry : llvm::reverse(products.getArrayRef())) {
    for (Operation *user :
         llvm::make_early_inc_range(entry.first->getUsers()))
      if (isa<rnn::SliceOp>(user) && user->use_empty())
        user->erase();
  }
  bool again = true;
  while (again) {
    again = false;
    for (auto &entry : products)
      if (entry.first && entry.first->use_empty()) {
        entry.first->erase();
        entry.first = nullptr;
        again = true;
      }
  }
  return labels.size();
}

namespace {
struct FormStages : step::impl::FormStagesPassBase<FormStages> {
  void runOnOperation() override {
    StageFormer former(getOperation());
    SmallVector<MapOp> maps;
    getOperation().walk([&](MapOp map) { maps.push_back(map); });
    for (MapOp map : maps)
      if (unsigned count = former.run(map)) {
        ++stages;
        products += count;
      }
  }
};
} // namespace
