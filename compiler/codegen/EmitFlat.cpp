//===- EmitFlat.cpp - Kernels over entries in one piece --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise work outside of scans on values that lie in one piece, such as
// the update of a parameter, needs no shape: a function takes pointers and a
// range of entries. Kernels that compute the same share one function, in all
// entries of a module.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

func::FuncOp Emitter::sharedFunction(StringRef prefix, const std::string &key,
                                     TypeRange arguments, TypeRange results,
                                     function_ref<Values(ValueRange)> write) {
  func::FuncOp &known = kernels.shared[prefix.str() + "|" + key];
  if (known)
    return known;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(target->getParentOfType<ModuleOp>().getBody());
  std::string name =
      (prefix + "_" + Twine(static_cast<unsigned>(kernels.shared.size())))
          .str();
  known = func::FuncOp::create(b, loc, name,
                               b.getFunctionType(arguments, results));
  known.setPrivate();
  // One body for all callers, or sharing it would be of no use.
  known->setAttr("passthrough", b.getStrArrayAttr({"noinline"}));
  Block *entry = known.addEntryBlock();
  b.setInsertionPointToStart(entry);
  func::ReturnOp::create(b, loc, write(entry->getArguments()));
  return known;
}

/// A text that is equal for bodies that compute the same.
static std::string textOf(Block &block) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::DenseMap<Value, int> numbers;
  auto number = [&](Value value) { numbers[value] = numbers.size(); };
  for (BlockArgument argument : block.getArguments()) {
    os << argument.getType() << ',';
    number(argument);
  }
  for (Operation &op : block) {
    os << ';' << op.getName() << op.getAttrDictionary();
    for (Value operand : op.getOperands())
      os << ' ' << numbers.lookup(operand);
    for (Value result : op.getResults()) {
      os << ':' << result.getType();
      number(result);
    }
  }
  return text;
}

std::string Emitter::keyOf(const Terms &terms, ArrayRef<unsigned> results) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (const View &view : terms.views)
    os << view.element << (isSingle(view) ? "1 " : " ");
  if (terms.map)
    os << textOf(*step::MapOp(terms.map).getBlock());
  for (unsigned result : results)
    os << '>' << result;
  return text;
}

bool Emitter::isSingle(const View &view) {
  return llvm::all_of(llvm::zip_equal(view.sizes, view.strides), [](auto dim) {
    auto [size, stride] = dim;
    return stride.isConstant(0) || size.isConstant(1);
  });
}

Emitter::Values Emitter::emitBody(step::MapOp map, ValueRange arguments,
                                  int64_t lanes, ArrayRef<unsigned> results) {
  Block *block = map.getBlock();
  auto yield = cast<step::YieldOp>(block->getTerminator());
  llvm::SmallPtrSet<Operation *, 16> wanted;
  for (unsigned result : results)
    if (Operation *def = yield.getValues()[result].getDefiningOp())
      wanted.insert(def);
  for (Operation &op : llvm::reverse(*block))
    if (wanted.contains(&op))
      for (Value operand : op.getOperands())
        if (Operation *def = operand.getDefiningOp())
          wanted.insert(def);
  IRMapping values;
  for (auto [from, to] : llvm::zip_equal(block->getArguments(), arguments))
    values.map(from, to);
  auto widen = [&](Type type) -> Type {
    return lanes ? VectorType::get(lanes, type) : type;
  };
  for (Operation &op : block->without_terminator()) {
    if (!wanted.contains(&op))
      continue;
    if (auto number = dyn_cast<arith::ConstantOp>(op); number && lanes) {
      auto type = cast<VectorType>(widen(number.getType()));
      values.map(number.getResult(),
                 arith::ConstantOp::create(
                     b, loc,
                     DenseElementsAttr::get(type, Attribute(number.getValue()))));
      continue;
    }
    Operation *clone = b.clone(op, values);
    for (OpResult result : clone->getResults())
      result.setType(widen(result.getType()));
  }
  Values made;
  for (unsigned result : results)
    made.push_back(values.lookupOrDefault(yield.getValues()[result]));
  return made;
}

Emitter::Values Emitter::emitTerms(const Terms &terms, ValueRange entries,
                                   int64_t lanes, ArrayRef<unsigned> results) {
  if (terms.map)
    return emitBody(terms.map, entries, lanes, results);
  return Values(entries);
}

Partition Emitter::partitionFlat(int64_t entries) {
  Partition &known = partitions["f" + std::to_string(entries)];
  if (!known.low) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(slotMarker);
    // Whole vectors of the narrowest type, so that nobody gets a part of one.
    int64_t lanes = vectorBits / 32;
    Value vectors = constant(llvm::divideCeil(entries, lanes));
    auto bound = [&](Value number) -> Value {
      Value from = arith::DivSIOp::create(b, loc, mul(vectors, number), threads);
      return arith::MinSIOp::create(b, loc, mul(from, constant(lanes)),
                                    constant(entries));
    };
    known = {"f" + std::to_string(entries), bound(thread),
             bound(add(thread, constant(1)))};
  }
  return known;
}

Partition Emitter::partitionFlat(const Shape &domain) {
  Monomial all = product(domain);
  if (all.isConstant())
    return partitionFlat(all.coefficient);
  Partition rows = partition(domain);
  Monomial inner = product(ArrayRef<Monomial>(domain).drop_front(rows.dims));
  if (rows.key == "serial")
    inner = all;
  rows.low = mul(rows.low, value(inner));
  rows.high = mul(rows.high, value(inner));
  return rows;
}

bool Emitter::emitFlatMap(step::MapOp map, const Views &inputs,
                          ArrayRef<std::pair<unsigned, View>> stores,
                          const Shape &domain) {
  if (!frames.empty() || domain.empty() || stores.empty())
    return false;
  for (const View &view : inputs)
    if (!isSingle(view) && !view.isContiguous())
      return false;
  for (auto &[number, view] : stores)
    if (!view.isContiguous())
      return false;
  int64_t lanes = vectorBits / 32;
  Terms terms{inputs, map, 0};
  std::string key = keyOf(terms, {});
  SmallVector<unsigned> results;
  SmallVector<Type> types;
  Values arguments;
  Views aligned, others, writes;
  auto pass = [&](const View &view) {
    if (view.element.getIntOrFloatBitWidth() == 64)
      lanes = vectorBits / 64;
    types.push_back(ptr);
    arguments.push_back(view.base);
  };
  for (const View &view : inputs) {
    (isSingle(view) ? others : aligned).push_back(view);
    pass(view);
  }
  for (auto &[number, view] : stores) {
    results.push_back(number);
    key += ">" + std::to_string(number);
    writes.push_back(view);
    pass(view);
  }
  Partition share = partitionFlat(domain);
  access(share, aligned, others, writes);
  types.append(2, i64);
  arguments.append({share.low, share.high});
  func::FuncOp function = sharedFunction(
      "map", key, types, {}, [&](ValueRange args) -> Values {
        Value low = args[args.size() - 2], high = args.back();
        Values singles;
        for (auto [view, from] : llvm::zip(inputs, args))
          singles.push_back(isSingle(view)
                                ? splat(load(view.element, from), lanes)
                                : Value());
        auto run = [&](Value i, Value count) {
          Values entries;
          for (auto [view, from, single] : llvm::zip(inputs, args, singles))
            entries.push_back(single ? single
                                     : loadLanes(view,
                                                 offset(from, i, view.element),
                                                 Monomial(1), lanes, count));
          Values made = emitBody(map, entries, lanes, results);
          for (auto [store, to, entry] : llvm::zip(
                   stores, args.drop_front(inputs.size()), made))
            storeLanes(entry, store.second,
                       offset(to, i, store.second.element), Monomial(1), count);
        };
        forVectors(low, high, lanes, run);
        return {};
      });
  func::CallOp::create(b, loc, function, arguments);
  return true;
}

void Emitter::forVectors(Value low, Value high, int64_t lanes,
                         function_ref<void(Value, Value)> body) {
  Value size = arith::SubIOp::create(b, loc, high, low);
  Value rest = arith::RemSIOp::create(b, loc, size, constant(lanes));
  Value whole = arith::SubIOp::create(b, loc, high, rest);
  forRange(low, whole, lanes, [&](Value i) { body(i, Value()); });
  ifThen(compare(arith::CmpIPredicate::sgt, rest, constant(0)),
         [&] { body(whole, rest); });
}
