//===- DataSetScale.cpp - Scaling of numbers ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `--scale`: learned on the training part alone, used on all parts, kept in the
// run folder for data to come.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/DataSetLoader.h"

#include <cmath>
#include <limits>

using namespace rnnc;
using namespace rnnc::driver;

Json Learned::toJson() const {
  Json scaled = Json::object(), named = Json::object();
  for (const auto &[name, scale] : scales)
    scaled[name] = {{"shift", scale.shift}, {"factor", scale.factor}};
  for (const auto &[name, columns] : this->columns)
    named[name] = columns;
  return {{"scales", scaled}, {"columns", named}};
}

void Learned::fromJson(const Json &json) {
  auto numbers = [](const Json &list, std::vector<double> &out) {
    if (list.is_array())
      for (const Json &entry : list)
        if (entry.is_number())
          out.push_back(entry.get<double>());
  };
  if (!json.is_object())
    return;
  if (json.contains("scales") && json["scales"].is_object())
    for (const auto &[name, entry] : json["scales"].items()) {
      Scale scale;
      if (entry.is_object() && entry.contains("shift") &&
          entry.contains("factor")) {
        numbers(entry["shift"], scale.shift);
        numbers(entry["factor"], scale.factor);
      }
      if (!scale.shift.empty() && scale.shift.size() == scale.factor.size())
        scales[name] = std::move(scale);
    }
  if (json.contains("columns") && json["columns"].is_object())
    for (const auto &[name, list] : json["columns"].items())
      if (list.is_array())
        for (const Json &entry : list)
          if (entry.is_string())
            columns[name].push_back(entry.get<std::string>());
}

namespace {

/// Mean and deviation, or least and greatest, of each entry of a value.
class Statistics {
public:
  explicit Statistics(size_t width)
      : count(width), mean(width), squares(width),
        least(width, std::numeric_limits<double>::infinity()),
        greatest(width, -std::numeric_limits<double>::infinity()) {}

  /// One more number, unless it is missing. Welford's update.
  void add(size_t entry, double value) {
    if (std::isnan(value))
      return;
    const double n = ++count[entry], before = value - mean[entry];
    mean[entry] += before / n;
    squares[entry] += before * (value - mean[entry]);
    least[entry] = std::min(least[entry], value);
    greatest[entry] = std::max(greatest[entry], value);
  }

  Scale scale(bool standard) const {
    Scale result;
    for (size_t i = 0; i < count.size(); ++i) {
      bool any = count[i] > 0;
      double shift = standard ? mean[i] : any ? least[i] : 0;
      double factor = standard ? (any ? std::sqrt(squares[i] / count[i]) : 1)
                               : (any ? greatest[i] - least[i] : 1);
      result.shift.push_back(shift);
      // What never changes stays as it is, moved to 0.
      result.factor.push_back(factor > 0 ? factor : 1);
    }
    return result;
  }

private:
  std::vector<double> count, mean, squares, least, greatest;
};

} // namespace

/// Numbers in one value of an input: the product of its own extents.
static size_t widthOf(const rt::Tensor &values, const hir::Type &type) {
  size_t width = 1;
  const auto &shape = values.shape();
  for (size_t i = shape.size() - type.shape.size(); i < shape.size(); ++i)
    width *= size_t(shape[i]);
  return width;
}

template <class Number>
static void applyTo(std::span<Number> values, const Scale *scale) {
  const size_t width = scale ? scale->shift.size() : 1;
  for (size_t i = 0; i < values.size(); ++i) {
    double value = double(values[i]);
    if (scale)
      value = (value - scale->shift[i % width]) / scale->factor[i % width];
    // What is missing is 0, the mean of a standard scale.
    values[i] = std::isnan(value) ? Number(0) : Number(value);
  }
}

static void applyTo(rt::Tensor &values, const Scale *scale) {
  if (values.dtype() == rt::DType::F32)
    applyTo(values.as<float>(), scale);
  else if (values.dtype() == rt::DType::F64)
    applyTo(values.as<double>(), scale);
}

Result<void> Loader::scale() {
  const std::string form = settings.text("scale", "none");
  auto &scales = out.learned.scales;
  DataPart *parts[] = {&out.train, &out.valid, &out.test};
  for (const hir::Input &input : model.inputs) {
    if (input.type.elem != hir::Elem::Real)
      continue;
    const std::string &name = input.name;
    // A target that is its input some steps later has the input's scale.
    const StreamField *shared = nullptr;
    for (const StreamField &field : out.train.fields)
      if (field.name == name && field.shares >= 0)
        shared = &field;
    if (shared) {
      auto it = scales.find(out.train.fields[size_t(shared->shares)].name);
      if (it != scales.end())
        scales[name] = it->second;
      auto names = out.learned.columns.find(
          out.train.fields[size_t(shared->shares)].name);
      if (names != out.learned.columns.end())
        out.learned.columns.emplace(name, names->second);
      continue;
    }
    if (form != "none" && !scales.contains(name)) {
      std::optional<Statistics> found;
      size_t width = 1;
      auto add = [&](const rt::Tensor &values, int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          found->add(size_t(i) % width, values.number(i));
      };
      for (const StreamField &field : out.train.fields)
        if (field.name == name && !field.isTokens && !field.make) {
          width = widthOf(field.series, input.type);
          found.emplace(width);
          add(field.series, 0, field.series.size());
        }
      if (out.train.examples)
        if (const rt::Field *field = out.train.examples->find(name)) {
          width = widthOf(field->values, input.type);
          found.emplace(width);
          const int64_t steps =
              field->valuesOf(out.train.examples->count() - 1).second;
          const int64_t per = field->values.size() / std::max<int64_t>(steps, 1);
          for (int64_t row : out.train.rows) {
            auto [begin, end] = field->valuesOf(row);
            add(field->values, begin * per, end * per);
          }
        }
      if (found)
        scales[name] = found->scale(form == "standard");
    }
    auto it = scales.find(name);
    const Scale *scale = it == scales.end() ? nullptr : &it->second;
    std::set<const rt::Examples *> done;
    for (DataPart *part : parts) {
      for (StreamField &field : part->fields)
        if (field.name == name && !field.isTokens && !field.make) {
          if (scale && scale->shift.size() !=
                           widthOf(field.series, input.type))
            return makeError("data-size",
                             "'" + name + "' has " +
                                 std::to_string(
                                     widthOf(field.series, input.type)) +
                                 " numbers, its scale " +
                                 std::to_string(scale->shift.size()));
          applyTo(field.series, scale);
        }
      if (!part->examples || part->fresh ||
          !done.insert(part->examples.get()).second)
        continue;
      for (rt::Field &field : part->examples->changeFields())
        if (field.name == name) {
          if (scale &&
              scale->shift.size() != widthOf(field.values, input.type))
            return makeError("data-size",
                             "'" + name + "' has another size than its scale");
          applyTo(field.values, scale);
        }
    }
  }
  return {};
}
