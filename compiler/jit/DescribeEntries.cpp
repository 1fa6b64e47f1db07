//===- DescribeEntries.cpp - The signatures of a module's entries ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads what callers must know of each function before tensors become
// pointers.
//
//===----------------------------------------------------------------------===//

#include "compiler/jit/Executable.h"
#include "dialects/rnn/IR/RNNDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace rnnc;

static ArgInfo describe(mlir::Type type, mlir::Attribute attribute) {
  ArgInfo info;
  if (auto arg = llvm::dyn_cast_if_present<rnn::ArgAttr>(attribute)) {
    info.kind = rnn::stringifyArgKind(arg.getKind()).str();
    info.name = arg.getName().str();
    for (mlir::StringAttr axis : arg.getAxes())
      info.axes.push_back(axis.str());
  }
  mlir::Type element = type;
  if (auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(type)) {
    element = tensor.getElementType();
    for (int64_t size : tensor.getShape())
      info.shape.push_back(mlir::ShapedType::isDynamic(size) ? -1 : size);
  }
  llvm::raw_string_ostream os(info.type);
  element.print(os);
  return info;
}

std::vector<EntryInfo> rnnc::describeEntries(mlir::ModuleOp module) {
  std::vector<EntryInfo> entries;
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    if (!function.isPublic() || function.isDeclaration())
      continue;
    EntryInfo entry;
    entry.name = function.getName().str();
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
      entry.arguments.push_back(
          describe(type, function.getArgAttr(i, rnn::kArgAttrName)));
    for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
      entry.results.push_back(
          describe(type, function.getResultAttr(i, rnn::kArgAttrName)));
    entries.push_back(std::move(entry));
  }
  return entries;
}
