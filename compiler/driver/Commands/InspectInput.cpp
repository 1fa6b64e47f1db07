//===- InspectInput.cpp - What rnnc inspect looks at ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/InspectInput.h"
#include "runtime/Npy.h"

#include <algorithm>
#include <cstring>

using namespace rnnc;
using namespace rnnc::driver;

bool InspectData::mayExist() const {
  const Settings &all = opened.project->settings();
  return !all.data.empty() || all.get("task");
}

std::string InspectData::partName() const {
  return split == "valid"   ? "validation"
         : split == "train" ? "training"
                            : "test";
}

rt::DType InspectData::realType() const {
  return opened.project->settings().text("precision", "f32") == "f64"
             ? rt::DType::F64
             : rt::DType::F32;
}

const rt::Vocabulary *InspectData::symbols(const std::string &input) const {
  const Learned &learned = data ? data->learned : opened.learned;
  return learned.symbols.find(input);
}

Result<void> InspectData::load() {
  if (data)
    return {};
  Project &project = *opened.project;
  // New data are read to their end, as one part; their targets may be missing.
  const bool own = settings.data.empty() && !settings.get("task");
  Settings reading = project.settings();
  if (!own && !settings.get("on") && !settings.get("split")) {
    reading.given["split"] = "1";
    reading.valid.clear();
    reading.test.clear();
  }
  auto loaded = loadData(reading, model(), opened.learned, own);
  if (!loaded)
    return loaded.error();
  std::map<std::string, double> sizes = project.dataSizes();
  for (const auto &[name, value] : loaded->sizes)
    sizes.emplace(name, value);
  project.setSizes(sizes);
  split = settings.text("on", own ? "valid" : "train");
  auto isEmpty = [](const DataPart &part) {
    return part.rows.empty() && part.inputLength == 0;
  };
  // A run without validation has its training data.
  if (!settings.get("on") && isEmpty(loaded->part(split)))
    split = "train";
  if (isEmpty(loaded->part(split)))
    return makeError("empty-data", "there are no data for --on=" + split);
  data = std::move(*loaded);
  return {};
}

int64_t InspectData::count() {
  return data->stream ? part().inputLength : int64_t(part().rows.size());
}

//===----------------------------------------------------------------------===//
// Examples of the data
//===----------------------------------------------------------------------===//

void InspectData::addTokens(const hir::Input &input, Inspected &subject) {
  const rt::Vocabulary *known = symbols(input.name);
  auto it = subject.input.values.find(input.name);
  if (!known || it == subject.input.values.end() ||
      input.type.elem != hir::Elem::Int || !input.type.shape.empty())
    return;
  std::vector<std::string> names;
  for (int32_t id : it->second.as<int32_t>())
    names.push_back(id >= 0 && id < known->size() ? known->symbol(id)
                                                  : std::to_string(id));
  subject.tokens[input.name] = std::move(names);
}

Result<void> InspectData::setExtents(const hir::Input &input,
                                     const rt::Tensor &tensor,
                                     Inspected &subject) {
  for (size_t i = 0; i < input.type.axes.size(); ++i) {
    const std::string axis =
        model().axes[size_t(model().rootAxis(input.type.axes[i]))].name;
    const int64_t steps = tensor.shape()[i];
    auto [it, fresh] = subject.input.extents.emplace(axis, steps);
    if (!fresh && it->second != steps)
      return makeError("data-size", "'" + input.name + "' has " +
                                        std::to_string(steps) +
                                        " steps, other values along " + axis +
                                        " have " + std::to_string(it->second));
  }
  return {};
}

Result<Inspected> InspectData::ofStream(int64_t start) {
  DataPart &from = part();
  // Everything must be there, targets too where the data have them.
  const int64_t least = from.length > 0 ? from.length : from.inputLength;
  if (start >= least)
    return makeError("unknown-example",
                     "--input=@" + std::to_string(start + 1) + ": the " +
                         partName() + " part has " + std::to_string(least) +
                         " steps");
  rt::StreamWindow window;
  window.start = start;
  window.batch = 1;
  window.steps =
      std::min(least - start, opened.project->settings().whole("length", 64));
  window.stride = window.steps;
  window.fresh = true;
  Inspected subject;
  subject.title = "steps " + std::to_string(from.begin + start + 1) + " to " +
                  std::to_string(from.begin + start + window.steps);
  rt::Tensor scratch;
  auto sized = opened.project->analyzed(false, false);
  if (!sized)
    return sized.error();
  for (const StreamField &field : from.fields) {
    const hir::Input *input = (*sized)->findInput(field.name);
    if (!input)
      continue;
    std::vector<int64_t> shape;
    for (size_t i = 0; i < input->type.axes.size(); ++i)
      shape.push_back(window.steps);
    shape.push_back(1);
    for (const Size &size : input->type.shape)
      shape.push_back((*sized)->value(size).value_or(1));
    rt::Tensor tensor(input->type.elem == hir::Elem::Int    ? rt::DType::I32
                      : input->type.elem == hir::Elem::Bool ? rt::DType::Bool
                                                            : realType(),
                      shape);
    if (auto done =
            from.gather(field, window, tensor.data(), tensor.bytes(), scratch);
        !done)
      return done.error();
    if (auto done = setExtents(*input, tensor, subject); !done)
      return done.error();
    subject.input.values.insert_or_assign(field.name, std::move(tensor));
    addTokens(*input, subject);
  }
  return subject;
}

Result<Inspected> InspectData::row(size_t place) {
  if (data->stream)
    return ofStream(int64_t(place));
  const int64_t number = part().rows[place];
  const int64_t rows[] = {number};
  rt::ExampleBatch batch = part().examples->gather(rows);
  Inspected subject;
  subject.title = "example " + std::to_string(number + 1);
  for (rt::BatchField &field : batch.fields) {
    const hir::Input *input = model().findInput(field.name);
    if (!input)
      continue;
    // Pictures are of whole arrays, without lengths inside an example.
    if (field.nested() &&
        !std::ranges::all_of(field.innerLengths.as<int32_t>(),
                             [&](int32_t length) {
                               return length == field.axes[1];
                             }))
      return makeError(
          "unsupported",
          subject.title + ": the steps of '" + field.name +
              "' have different lengths along " +
              model().axes[size_t(model().rootAxis(input->type.axes[1]))].name +
              "; 'inspect' shows no such example yet");
    rt::Tensor tensor = std::move(field.values);
    // Several time axes are one in memory.
    if (!field.axes.empty()) {
      std::vector<int64_t> shape = field.axes;
      shape.insert(shape.end(), tensor.shape().begin() + 1,
                   tensor.shape().end());
      auto made = tensor.reshape(shape);
      if (!made)
        return fromRuntime(made.error());
      tensor = std::move(*made);
    }
    if (auto done = setExtents(*input, tensor, subject); !done)
      return done.error();
    subject.input.values.insert_or_assign(field.name, std::move(tensor));
    addTokens(*input, subject);
  }
  return subject;
}

Result<Inspected> InspectData::example(int64_t number) {
  if (data->stream)
    return ofStream(number - 1);
  const std::vector<int64_t> &rows = part().rows;
  auto it = std::find(rows.begin(), rows.end(), number - 1);
  if (it == rows.end())
    return makeError("unknown-example",
                     "--input=@" + std::to_string(number) + ": the " +
                         partName() + " part has no example " +
                         std::to_string(number),
                     "its first is @" + std::to_string(rows[0] + 1) +
                         "; --on chooses another part");
  return row(size_t(it - rows.begin()));
}

//===----------------------------------------------------------------------===//
// Values of the command line
//===----------------------------------------------------------------------===//

/// Numbers with commas or blanks between.
static Result<std::vector<double>> numbersOf(const std::string &name,
                                             const std::string &text) {
  std::vector<double> numbers;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find_first_of(", \n", at), text.size());
    if (end > at) {
      auto number = parseReal(text.substr(at, end - at));
      if (!number)
        return makeError("data-type", "--input: '" + name +
                                          "' takes numbers, found '" +
                                          text.substr(at, end - at) + "'");
      numbers.push_back(*number);
    }
    at = end + 1;
  }
  if (numbers.empty())
    return makeError("empty-data", "--input: '" + name + "' is empty");
  return numbers;
}

Result<void> InspectData::setValue(const hir::Input &input,
                                   const std::string &text, Inspected &subject) {
  const hir::Type &type = input.type;
  const rt::Vocabulary *known = symbols(input.name);
  const bool tokens = type.elem == hir::Elem::Int && type.shape.empty();
  std::vector<int64_t> own;
  int64_t each = 1;
  auto sized = opened.project->analyzed(false, false);
  if (!sized)
    return sized.error();
  const hir::Type &exact = (*sized)->findInput(input.name)->type;
  for (const Size &size : exact.shape) {
    own.push_back((*sized)->value(size).value_or(1));
    each *= own.back();
  }
  const rt::DType element = type.elem == hir::Elem::Int    ? rt::DType::I32
                            : type.elem == hir::Elem::Bool ? rt::DType::Bool
                                                           : realType();
  rt::Tensor tensor;
  if (text.ends_with(".npy")) {
    auto read = rt::readNpy(text);
    if (!read)
      return fromRuntime(read.error());
    auto converted = read->convert(element);
    if (!converted)
      return fromRuntime(converted.error());
    // [time axes, own axes]; the example's own axis of one may be there.
    std::vector<int64_t> shape = converted->shape();
    const size_t axes = type.axes.size();
    if (shape.size() == axes + own.size())
      shape.insert(shape.begin() + int64_t(axes), 1);
    if (shape.size() != axes + 1 + own.size() || shape[axes] != 1 ||
        !std::equal(own.begin(), own.end(), shape.begin() + int64_t(axes) + 1))
      return makeError("data-size", "--input: '" + text + "' is " +
                                        rt::shapeText(converted->shape()) +
                                        ", '" + input.name + "' is " +
                                        hir::describeType(**sized, exact));
    auto made = converted->reshape(shape);
    if (!made)
      return fromRuntime(made.error());
    tensor = std::move(*made);
  } else if (type.axes.size() > 1) {
    return makeError("data-type", "--input: '" + input.name + "' has " +
                                      std::to_string(type.axes.size()) +
                                      " time axes; give a .npy file");
  } else if (tokens && known && known->kind() != rt::TokenKind::Classes) {
    auto ids = known->encode(text, "--input", false);
    if (!ids)
      return fromRuntime(ids.error());
    // A generated sequence ends as those of the training data do.
    const bool ends =
        input.target &&
        std::any_of(model().statics.begin(), model().statics.end(),
                    [](const hir::ModelSize &size) {
                      return !size.isSize && size.name == "eos";
                    });
    if (ends && known->endOfLine())
      ids->push_back(*known->endOfLine());
    if (ids->empty())
      return makeError("empty-data", "--input: '" + input.name + "' is empty");
    if (type.axes.empty() && ids->size() != 1)
      return makeError("data-type", "--input: '" + input.name +
                                        "' is one token, found " +
                                        std::to_string(ids->size()));
    std::vector<int64_t> shape = {1};
    if (!type.axes.empty())
      shape.insert(shape.begin(), int64_t(ids->size()));
    tensor = rt::Tensor::of<int32_t>(shape, std::span<const int32_t>(*ids));
  } else if (tokens && known && type.axes.empty() && known->find(text)) {
    const int32_t id[] = {*known->find(text)};
    tensor = rt::Tensor::of<int32_t>({1}, std::span<const int32_t>(id));
  } else {
    if (tokens && known && type.axes.empty() && !parseWhole(text)) {
      std::vector<std::string> names;
      for (int64_t i = 0; i < known->size(); ++i)
        names.push_back(known->symbol(i));
      std::string near = nearestName(text, names);
      return makeError("unknown-symbol",
                       "--input: '" + input.name + "' has no class '" + text +
                           "'",
                       near.empty() ? "" : "did you mean '" + near + "'?");
    }
    auto numbers = numbersOf(input.name, text);
    if (!numbers)
      return numbers.error();
    const int64_t count = int64_t(numbers->size());
    if (count % each != 0 || (type.axes.empty() && count != each))
      return makeError("data-size", "--input: '" + input.name + "' is " +
                                        hir::describeType(**sized, exact) +
                                        ", found " + std::to_string(count) +
                                        " numbers");
    std::vector<int64_t> shape = {1};
    if (!type.axes.empty())
      shape.insert(shape.begin(), count / each);
    shape.insert(shape.end(), own.begin(), own.end());
    auto converted =
        rt::Tensor::of<double>(shape, std::span<const double>(*numbers))
            .convert(element);
    if (!converted)
      return fromRuntime(converted.error());
    tensor = std::move(*converted);
  }
  if (type.elem == hir::Elem::Int && exact.range)
    if (auto range = (*sized)->value(*exact.range))
      for (int32_t id : tensor.as<int32_t>())
        if (id < 0 || id >= *range)
          return makeError("label-range", "--input: " + input.name + " is " +
                                              std::to_string(id) +
                                              ", the model has classes 0 to " +
                                              std::to_string(*range - 1));
  if (auto done = setExtents(input, tensor, subject); !done)
    return done;
  subject.input.values.insert_or_assign(input.name, std::move(tensor));
  addTokens(input, subject);
  return {};
}

Result<Inspected> InspectData::written(const std::vector<std::string> &values) {
  if (values.size() == 1 && values[0].size() > 1 && values[0][0] == '@' &&
      parseWhole(values[0].substr(1))) {
    const int64_t number = *parseWhole(values[0].substr(1));
    if (number < 1)
      return usageError("--input expects @N with N of at least 1, found '" +
                        values[0] + "'");
    if (!mayExist())
      return usageError("--input=" + values[0] + " needs data",
                        "give --data FILE");
    if (auto done = load(); !done)
      return done.error();
    return example(number);
  }
  Inspected subject;
  for (const std::string &value : values) {
    const size_t equals = value.find('=');
    const hir::Input *input = equals == std::string::npos
                                  ? nullptr
                                  : model().findInput(value.substr(0, equals));
    std::string text = value;
    if (input) {
      text = value.substr(equals + 1);
    } else {
      // The sole input of tokens, or, where there is none, the sole target.
      std::vector<const hir::Input *> found;
      for (bool target : {false, true})
        if (found.empty())
          for (const hir::Input &known : model().inputs)
            if (known.target == target && known.type.elem == hir::Elem::Int &&
                !known.type.axes.empty())
              found.push_back(&known);
      if (found.size() != 1)
        return usageError("--input expects INPUT=VALUE, found '" + value + "'",
                          "the model has " +
                              std::string(found.empty() ? "no input of tokens"
                                                        : "several inputs of "
                                                          "tokens"));
      input = found[0];
    }
    if (auto done = setValue(*input, text, subject); !done)
      return done.error();
    if (subject.title.empty())
      subject.title = "'" + text + "'";
  }
  return subject;
}
