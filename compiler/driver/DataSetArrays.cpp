//===- DataSetArrays.cpp - Arrays as data ---------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// .npy and .npz, and IDX images and labels.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/DataSetLoader.h"
#include "compiler/driver/Lengths.h"
#include "runtime/Idx.h"
#include "runtime/Npy.h"

using namespace rnnc;
using namespace rnnc::driver;

Result<void> Loader::setLengths(const hir::Input &input,
                                const std::string &name,
                                const rt::Tensor &lengths,
                                std::vector<Column> &columns) {
  auto which = Lengths::axisOf(model, input, name);
  if (!which)
    return which.error();
  auto whole = lengths.convert(rt::DType::I32);
  if (!whole)
    return fromRuntime(whole.error());
  for (Column &column : columns)
    if (column.input == &input) {
      // Only of words of letters does each example have two.
      if (input.type.axes.size() > 1 && !isNested(input))
        return makeError("unsupported",
                         "'" + name + "': '" + input.name +
                             "' has several time axes, of one length for all "
                             "examples");
      (*which ? column.innerLengths : column.lengths) = std::move(*whole);
      return {};
    }
  return makeError("unbound-data",
                   "lengths of '" + input.name + "' come before its data");
}

Result<void> Loader::readNpy(const Binding &binding,
                             std::vector<Column> &columns) {
  auto tensor = rt::parseNpy(binding.source->bytes(), binding.source->shown);
  if (!tensor)
    return fromRuntime(tensor.error());
  if (!binding.lengths.empty())
    return setLengths(*binding.input, binding.lengths, *tensor, columns);
  return addTensor(binding, *binding.input, std::move(*tensor), columns);
}

Result<void> Loader::readNpz(const Binding &binding,
                             std::vector<Column> &columns) {
  auto arrays = rt::parseNpz(binding.source->bytes(), binding.source->shown);
  if (!arrays)
    return fromRuntime(arrays.error());
  std::string names;
  for (rt::NamedTensor &array : *arrays)
    names += (names.empty() ? "" : ", ") + array.name;
  bool any = false;
  for (rt::NamedTensor &array : *arrays) {
    const hir::Input *input = nullptr;
    if (!binding.field.empty())
      input = array.name == binding.field ? binding.input : nullptr;
    else
      input = model.findInput(array.name);
    if (!input)
      continue;
    any = true;
    if (auto done =
            addTensor(binding, *input, std::move(array.tensor), columns);
        !done)
      return done;
  }
  for (rt::NamedTensor &array : *arrays)
    for (Column &column : columns)
      if (auto name = Lengths::parse(array.name);
          name && name->first == column.input->name)
        if (auto done = setLengths(*column.input, array.name, array.tensor,
                                   columns);
            !done)
          return done;
  if (!any)
    return makeError("unknown-field", "'" + binding.source->shown +
                                          "' has no array for the model; "
                                          "it has " +
                                          names);
  return {};
}

Result<void> Loader::readIdx(const Binding &binding,
                             std::vector<Column> &columns) {
  const hir::Input &input = *binding.input;
  const hir::Type &type = input.type;
  auto array = rt::parseIdx(binding.source->bytes(), binding.source->shown);
  if (!array)
    return fromRuntime(array.error());
  std::vector<int64_t> shape = array->shape();
  if (shape[0] == 0)
    return makeError("empty-data", "'" + binding.source->shown + "' is empty");
  if (shape.size() == 1) {
    if (!type.axes.empty())
      return misfit(binding, "holds a value per example");
    return addTensor(binding, input, std::move(*array), columns);
  }
  // Pixels as shares of white, as everywhere; as symbols they stay bytes.
  if (type.elem == hir::Elem::Real && array->dtype() == rt::DType::I32) {
    auto real = array->convert(rt::DType::F64);
    if (!real)
      return fromRuntime(real.error());
    for (double &pixel : real->as<double>())
      pixel /= 255;
    *array = std::move(*real);
  }
  if (shape.size() != 3)
    return addTensor(binding, input, std::move(*array), columns);
  // The model's type decides: rows, pixels, or both as time.
  const int64_t count = shape[0], rows = shape[1], width = shape[2];
  auto known = type.shape.size() == 1 ? model.value(type.shape[0])
                                      : std::optional<int64_t>();
  std::vector<int64_t> wanted;
  if (type.axes.size() == 2 && type.shape.size() <= 1)
    wanted = {count, rows * width};
  else if (type.axes.size() == 1 && type.shape.empty())
    wanted = {count, rows * width};
  else if (type.axes.size() == 1 && type.shape.size() == 1 &&
           (known == 1 && width != 1))
    wanted = {count, rows * width};
  else if (type.axes.empty() && type.shape.size() == 1)
    wanted = {count, rows * width};
  else
    return addTensor(binding, input, std::move(*array), columns);
  if (!type.axes.empty() && type.shape.size() == 1)
    wanted.push_back(1);
  auto reshaped = array->reshape(wanted);
  if (!reshaped)
    return fromRuntime(reshaped.error());
  if (auto done = addTensor(binding, input, std::move(*reshaped), columns);
      !done)
    return done;
  if (type.axes.size() == 2)
    columns.back().axes = {rows, width};
  return {};
}

Result<void> Loader::addTensor(const Binding &binding, const hir::Input &input,
                               rt::Tensor tensor, std::vector<Column> &columns,
                               std::vector<std::string> names) {
  const std::string &file = binding.source->shown;
  Column column;
  column.input = &input;
  column.source = binding.source;
  column.names = std::move(names);
  column.scalable = input.type.elem == hir::Elem::Real;
  int64_t own = int64_t(input.type.shape.size());
  int64_t lead = tensor.rank() - own;
  bool seq = !input.type.axes.empty();
  column.sequence = seq;
  const bool idx = rt::isIdx(binding.source->bytes());
  const bool nested = isNested(input) && !idx;
  if (nested ? lead != 3 : seq ? (lead != 1 && lead != 2) : lead != 1)
    return misfit(binding, "is " + rt::shapeText(tensor.shape()));
  column.examples = !seq || lead > 1;
  if (input.type.axes.size() > 1 && !idx && !nested)
    return makeError("unsupported", "'" + input.name +
                                        "' has several time axes; only IDX "
                                        "images are read as such data");
  if (column.sequence && column.examples &&
      (tensor.shape()[1] == 0 || (nested && tensor.shape()[2] == 0)))
    return makeError("empty-data", "'" + file + "': sequences have no steps");
  auto converted = tensor.dtype() == elementType(input)
                       ? rt::Result<rt::Tensor>(std::move(tensor))
                       : tensor.convert(elementType(input));
  if (!converted)
    return makeError("data-type", "'" + file + "' for '" + input.name +
                                      "': " + converted.error().message);
  if (!column.examples && input.type.elem == hir::Elem::Int && own == 0) {
    column.isTokens = true;
    auto kept = std::make_shared<const rt::Tensor>(std::move(*converted));
    column.tokens = kept->as<int32_t>();
    column.owner = std::move(kept);
  } else {
    column.tensor = std::move(*converted);
  }
  columns.push_back(std::move(column));
  return {};
}
