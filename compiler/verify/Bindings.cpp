//===- Bindings.cpp - Arguments and results by kind and name --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/verify/Bindings.h"
#include "compiler/verify/Random.h"
#include "dialects/rnn/Interpreter/Interpreter.h"
#include "runtime/Axes.h"

using namespace mlir;
using namespace rnnc;
using rnnc::rnn::ArgKind;
using rnnc::rnn::Array;
using rnnc::rnn::DType;

RunFunction rnnc::interpreted(func::FuncOp function) {
  return [function](llvm::ArrayRef<Array> args) {
    return rnn::interpret(function, args);
  };
}

void Bindings::set(ArgKind kind, llvm::StringRef name, Array array) {
  if (Array *old = find(kind, name))
    *old = std::move(array);
  else
    all.push_back({kind, name.str(), std::move(array)});
}

Array *Bindings::find(ArgKind kind, llvm::StringRef name) {
  for (Entry &entry : all)
    if (entry.kind == kind && entry.name == name)
      return &entry.array;
  return nullptr;
}

const Array *Bindings::find(ArgKind kind, llvm::StringRef name) const {
  return const_cast<Bindings *>(this)->find(kind, name);
}

llvm::Expected<std::vector<Array>>
Bindings::arguments(func::FuncOp function) const {
  std::vector<Array> result;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto arg = function.getArgAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
    if (!arg)
      return llvm::createStringError("argument %u of '%s' has no rnn.arg", i,
                                     function.getName().str().c_str());
    const Array *array = find(arg.getKind(), arg.getName());
    if (!array)
      return llvm::createStringError(
          "no value for the " + rnn::stringifyArgKind(arg.getKind()) + " '" +
          arg.getName().getValue() + "' of '" + function.getName() + "'");
    result.push_back(*array);
  }
  return result;
}

Bindings Bindings::results(func::FuncOp function, std::vector<Array> arrays) {
  Bindings result;
  for (auto [i, array] : llvm::enumerate(arrays))
    if (auto arg =
            function.getResultAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName))
      result.set(arg.getKind(), arg.getName(), std::move(array));
  return result;
}

/// Extents of a type, dynamic ones from the names of its axes.
static std::vector<int64_t>
shapeOf(Type type, rnn::ArgAttr arg,
        const std::map<std::string, int64_t> &extents) {
  std::vector<int64_t> shape;
  auto tensor = dyn_cast<RankedTensorType>(type);
  unsigned axis = 0;
  for (int64_t dim = 0; tensor && dim < tensor.getRank(); ++dim)
    shape.push_back(tensor.isDynamicDim(dim)
                        ? extents.at(arg.getAxes()[axis++].str())
                        : tensor.getDimSize(dim));
  return shape;
}

llvm::Expected<Bindings> rnnc::exampleBindings(func::FuncOp function,
                                               func::FuncOp init,
                                               const ExampleOptions &options) {
  Bindings result;
  Random random(options.seed);
  std::map<std::string, int64_t> extents = options.extents;
  extents.try_emplace("B", 3);
  if (init) {
    llvm::Expected<std::vector<Array>> initial =
        rnn::interpret(init, Array::key(static_cast<int64_t>(options.seed)));
    if (!initial)
      return initial.takeError();
    result = Bindings::results(init, std::move(*initial));
  }

  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto arg = function.getArgAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
    if (!arg)
      return llvm::createStringError("argument %u of '%s' has no rnn.arg", i,
                                     function.getName().str().c_str());
    auto extentOf = [&](llvm::StringRef axis) {
      if (auto it = extents.find(axis.str()); it != extents.end())
        return it->second;
      int64_t steps = 5;
      if (auto [base, every] = rt::baseAxis(axis.str()); every > 1) {
        auto it = extents.find(base);
        steps = rt::stepsOf(it == extents.end() ? steps : it->second, every);
      }
      return extents[axis.str()] = steps;
    };
    for (mlir::StringAttr axis : arg.getAxes())
      extentOf(axis);
    Type type = function.getArgumentTypes()[i];
    llvm::Expected<DType> dtype = rnn::dtypeOf(type);
    if (!dtype)
      return dtype.takeError();
    std::string name = arg.getName().str();
    if (arg.getKind() == ArgKind::Axis) {
      result.set(arg.getKind(), name, Array::index(extentOf(name)));
      continue;
    }
    if (arg.getKind() == ArgKind::Key) {
      result.set(arg.getKind(), name,
                 Array::key(static_cast<int64_t>(random.next() >> 1)));
      continue;
    }
    Array array = Array::zeros(*dtype, shapeOf(type, arg, extents));
    if (const Array *initial = result.find(arg.getKind(), name)) {
      if (initial->shape != array.shape || initial->dtype != array.dtype)
        return llvm::createStringError("'" + name + "' of init has shape " +
                                       rnn::shapeText(initial->shape));
      array = *initial;
    }
    bool isInitial = result.find(arg.getKind(), name);
    for (int64_t k = 0; k < array.size(); ++k) {
      switch (*dtype) {
      case DType::F32:
      case DType::F64:
        if (arg.getKind() == ArgKind::Target || arg.getKind() == ArgKind::Slot)
          array.set(k, random.real());
        else if (arg.getKind() == ArgKind::Hyper)
          array.set(k, 0.01);
        else
          array.set(k, isInitial
                           ? array.number(k) + options.spread * random.normal()
                           : random.normal());
        break;
      case DType::I32: {
        int64_t range = 2;
        if (auto it = options.ranges.find(name); it != options.ranges.end())
          range = it->second;
        if (arg.getKind() == ArgKind::Lengths)
          array.as<int32_t>()[k] = static_cast<int32_t>(
              k == 0 ? extents.at(name) : random.between(1, extents.at(name)));
        else
          array.as<int32_t>()[k] = static_cast<int32_t>(random.below(range));
        break;
      }
      case DType::I1:
        array.as<uint8_t>()[k] = random.chance(0.5);
        break;
      case DType::I64:
      case DType::Index:
        array.as<int64_t>()[k] = 0;
        break;
      }
    }
    if (auto [base, every] = rt::baseAxis(name);
        every > 1 && arg.getKind() == ArgKind::Lengths)
      if (const Array *all = result.find(ArgKind::Lengths, base))
        for (int64_t k = 0; k < array.size(); ++k)
          array.as<int32_t>()[k] =
              static_cast<int32_t>(rt::stepsOf(all->integer(k), every));
    result.set(arg.getKind(), name, std::move(array));
  }
  return result;
}
