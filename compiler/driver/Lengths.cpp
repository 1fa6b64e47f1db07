//===- Lengths.cpp - Lengths given beside tensors -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Lengths.h"
#include "runtime/Axes.h"

#include <algorithm>
#include <cstring>

using namespace rnnc;
using namespace rnnc::driver;

std::optional<std::pair<std::string, std::string>>
Lengths::parse(const std::string &name) {
  const std::string word = ".lengths";
  const size_t at = name.find(word), end = at + word.size();
  if (at == std::string::npos || at == 0)
    return std::nullopt;
  if (end == name.size())
    return std::pair{name.substr(0, at), std::string()};
  if (name[end] != '.' || end + 1 == name.size())
    return std::nullopt;
  return std::pair{name.substr(0, at), name.substr(end + 1)};
}

Result<size_t> Lengths::axisOf(const hir::Model &model, const hir::Input &input,
                               const std::string &name) {
  const std::string axis = parse(name)->second;
  const std::string type = hir::describeType(model, input.type);
  const std::vector<int> &axes = input.type.axes;
  if (axes.empty())
    return makeError("data-type", "'" + name + "': '" + input.name + "' is " +
                                      type + ", it has no time axis");
  if (axis.empty() && axes.size() > 1) {
    std::string help;
    for (int each : axes)
      help += (help.empty() ? "give " : " and ") + name + "." +
              model.axes[size_t(each)].name + "=FILE";
    return makeError("data-type",
                     "'" + name + "': '" + input.name +
                         "' has several time axes: " + type,
                     help);
  }
  for (size_t i = 0; i < axes.size(); ++i)
    if (axis.empty() || model.axes[size_t(axes[i])].name == axis)
      return i;
  return makeError("unknown-axis", "'" + input.name + "' has no time axis '" +
                                       axis + "': " + type);
}

Result<void> Lengths::add(const std::string &name, const rt::Tensor &tensor) {
  const std::string inputName = parse(name)->first;
  const hir::Input *input = model.findInput(inputName);
  if (!input)
    return makeError("unknown-input",
                     "the model has no input '" + inputName + "'");
  auto which = axisOf(model, *input, name);
  if (!which)
    return which.error();
  Entry entry;
  entry.name = name;
  entry.axis = model.rootAxis(input->type.axes[*which]);
  if (tensor.dtype() != rt::DType::I32 && tensor.dtype() != rt::DType::I64)
    return makeError("data-type", "'" + name + "' is " +
                                      std::string(rt::nameOf(tensor.dtype())) +
                                      "; lengths are whole numbers");
  auto converted = tensor.convert(rt::DType::I32);
  if (!converted)
    return fromRuntime(converted.error());
  entry.tensor = std::move(*converted);
  const std::string &axis = model.axes[size_t(entry.axis)].name;
  if (auto it = entries.find(axis); it != entries.end()) {
    // Each sequence of an axis may come with its lengths.
    const rt::Tensor &known = it->second.tensor;
    if (entry.tensor.shape() == known.shape() &&
        std::memcmp(entry.tensor.data(), known.data(), size_t(known.bytes())) == 0)
      return {};
    return makeError("data-twice", "'" + name + "' and '" + it->second.name +
                                       "' give different lengths of axis " +
                                       axis);
  }
  entries.emplace(axis, std::move(entry));
  return {};
}

const Lengths::Entry *Lengths::ofAxis(int axis) const {
  if (axis < 0)
    return nullptr;
  auto it = entries.find(model.axes[size_t(model.rootAxis(axis))].name);
  return it == entries.end() ? nullptr : &it->second;
}

Result<void> Lengths::settle(const std::map<std::string, int64_t> &extents) {
  auto extentOf = [&](int axis) -> int64_t {
    auto it = extents.find(model.axes[size_t(axis)].name);
    return it == extents.end() ? 0 : it->second;
  };
  auto batch = extents.find("B");
  // Axes that others lie within come first: their padding needs no lengths.
  for (bool inner : {false, true})
    for (auto &[axis, entry] : entries) {
      int outer = model.outerAxis(entry.axis);
      if ((outer >= 0) != inner)
        continue;
      if (batch == extents.end() || !extentOf(entry.axis))
        return makeError("unbound-data",
                         "'" + entry.name + "' needs the data of its input");
      int64_t rows = batch->second, most = extentOf(entry.axis);
      std::vector<int64_t> shape = {rows};
      if (outer >= 0)
        shape.insert(shape.begin(), extentOf(outer));
      if (entry.tensor.shape() != shape)
        return makeError(
            "data-size",
            "'" + entry.name + "' is " + rt::shapeText(entry.tensor.shape()) +
                ", expected " + rt::shapeText(shape) +
                (outer >= 0 ? ": a length for each step of " +
                                  model.axes[size_t(outer)].name +
                                  " and each row"
                            : ": a length for each row"));
      const Entry *around = ofAxis(outer);
      auto values = entry.tensor.as<int32_t>();
      for (size_t i = 0; i < values.size(); ++i) {
        int64_t step = int64_t(i) / rows, row = int64_t(i) % rows;
        if (around && step >= around->tensor.as<int32_t>()[size_t(row)]) {
          values[i] = 0;
          continue;
        }
        if (values[i] >= 1 && values[i] <= most)
          continue;
        return makeError(
            "data-size",
            "'" + entry.name + "' has " + std::to_string(values[i]) + " at " +
                (outer >= 0 ? "step " + std::to_string(step) + " of " : "") +
                "row " + std::to_string(row) + ", expected 1 to " +
                std::to_string(most) + ", the steps of axis " + axis);
      }
    }
  return {};
}

void Lengths::clearPadding(const hir::Input &input, rt::Tensor &tensor) const {
  const std::vector<int> &axes = input.type.axes;
  int64_t rows = tensor.shape()[axes.size()];
  int64_t bytes = tensor.bytes(), cells = rows;
  for (size_t i = 0; i < axes.size(); ++i)
    cells *= tensor.shape()[i];
  if (!bytes || !cells)
    return;
  bytes /= cells;
  auto *data = static_cast<char *>(tensor.data());
  std::vector<int64_t> at(axes.size());
  for (int64_t cell = 0; cell < cells; ++cell) {
    int64_t row = cell % rows, rest = cell / rows;
    for (size_t i = axes.size(); i-- > 0; rest /= tensor.shape()[i])
      at[i] = rest % tensor.shape()[i];
    bool padding = false;
    for (size_t i = 0; i < axes.size(); ++i) {
      const Entry *entry = ofAxis(axes[i]);
      if (!entry)
        continue;
      int outer = model.outerAxis(axes[i]);
      int64_t step = 0;
      for (size_t k = 0; outer >= 0 && k < axes.size(); ++k)
        if (model.rootAxis(axes[k]) == outer)
          step = at[k];
      padding |= at[i] >= entry->tensor.as<int32_t>()[size_t(step * rows + row)];
    }
    if (padding)
      std::memset(data + cell * bytes, 0, size_t(bytes));
  }
}

std::set<std::string> Lengths::axes() const {
  std::set<std::string> names;
  for (const auto &[axis, entry] : entries)
    names.insert(axis);
  return names;
}

const rt::Tensor *Lengths::find(const std::string &axis) {
  if (auto it = entries.find(axis); it != entries.end())
    return &it->second.tensor;
  auto [base, every] = rt::baseAxis(axis);
  if (every == 1)
    return nullptr;
  const rt::Tensor *all = find(base);
  if (!all)
    return nullptr;
  rt::Tensor steps(rt::DType::I32, all->shape());
  for (size_t i = 0; i < steps.as<int32_t>().size(); ++i)
    steps.as<int32_t>()[i] = int32_t(
        rt::stepsOf(all->as<int32_t>()[i], every));
  return &fewer.insert_or_assign(axis, std::move(steps)).first->second;
}
