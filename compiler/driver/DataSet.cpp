//===- DataSet.cpp - The data of a model ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Alignments.h"
#include "compiler/driver/DataSetLoader.h"
#include "runtime/AtomicFile.h"
#include "runtime/Npy.h"
#include "runtime/Sha256.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

using namespace rnnc;
using namespace rnnc::driver;

std::optional<std::string> driver::sizeName(const hir::Model &model,
                                            const Size &size) {
  if (size.poly.terms.size() != 1)
    return std::nullopt;
  const auto &[letters, factor] = *size.poly.terms.begin();
  if (letters.size() != 1 || factor != 1)
    return std::nullopt;
  for (const hir::ModelSize &known : model.statics)
    if (known.isSize && known.letter == letters[0])
      return known.name;
  return std::nullopt;
}

static const hir::Input *soleInput(const hir::Model &model) {
  const hir::Input *found = nullptr;
  for (bool target : {false, true}) {
    int count = 0;
    for (const hir::Input &input : model.inputs)
      if (input.target == target) {
        found = &input;
        ++count;
      }
    if (count == 1)
      return found;
    if (count > 1)
      return nullptr;
  }
  return nullptr;
}

Result<rt::ExampleCursor> DataPart::cursor(int64_t batch, int64_t seed) const {
  rt::ExampleOrder order;
  order.shuffle = !fresh;
  order.fresh = fresh;
  auto made = rt::ExampleCursor::create(rows, batch, seed, order);
  if (!made)
    return fromRuntime(made.error());
  return std::move(*made);
}

Result<void> DataPart::gather(const StreamField &field,
                              const rt::StreamWindow &window, void *out,
                              int64_t bytes, rt::Tensor &scratch) const {
  const StreamField &from = source(field);
  if (from.make) {
    from.make(window, out);
    return {};
  }
  if (from.isTokens) {
    rt::gatherWindow(window, from.tokens, field.offset,
                     static_cast<int32_t *>(out));
    return {};
  }
  rt::gatherWindow(window, from.series, field.offset, scratch);
  if (scratch.bytes() != bytes)
    return internalError("'" + field.name + "' has another size than the data");
  std::memcpy(out, scratch.data(), size_t(bytes));
  return {};
}

Result<Binding> Loader::parse(const std::string &text, const char *option) {
  Binding binding;
  binding.text = text;
  binding.file = text;
  size_t equals = text.find('=');
  if (equals != std::string::npos && equals > 0) {
    std::string name = text.substr(0, equals);
    bool word = std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return std::isalnum(c) || c == '_' || c == '.';
    });
    if (word && !std::filesystem::exists(text)) {
      binding.file = text.substr(equals + 1);
      std::string base = name;
      if (name.ends_with(".lengths")) {
        binding.isLengths = true;
        base = name.substr(0, name.size() - 8);
      }
      binding.input = model.findInput(base);
      if (!binding.input) {
        std::vector<std::string> names;
        for (const hir::Input &input : model.inputs)
          names.push_back(input.name);
        std::string near = nearestName(base, names);
        return makeError("unknown-input",
                         std::string(option) + ": model '" + model.name +
                             "' has no input or target '" + base + "'",
                         near.empty() ? "" : "did you mean '" + near + "'?");
      }
    }
  }
  size_t hash = binding.file.rfind('#');
  if (hash != std::string::npos && !std::filesystem::exists(binding.file)) {
    binding.field = binding.file.substr(hash + 1);
    binding.file.resize(hash);
  }
  if (!binding.input) {
    binding.input = soleInput(model);
    bool whole = binding.file.ends_with(".npz") && binding.field.empty();
    if (!binding.input && !whole)
      return makeError("unbound-data",
                       std::string(option) + ": '" + binding.file +
                           "' could be any input",
                       "write INPUT=" + binding.file);
  }
  return binding;
}

Result<std::vector<Column>> Loader::read(const std::vector<std::string> &texts,
                                         const char *option) {
  std::vector<Column> columns;
  for (const std::string &text : texts) {
    auto binding = parse(text, option);
    if (!binding)
      return binding.error();
    if (auto done = readFile(*binding, columns); !done)
      return done.error();
  }
  return columns;
}

Result<void> Loader::readFile(const Binding &binding,
                              std::vector<Column> &columns) {
  auto bytes = rt::readFile(binding.file);
  if (!bytes)
    return fromRuntime(bytes.error());
  std::error_code ignored;
  std::string absolute =
      binding.file == "-"
          ? "-"
          : std::filesystem::absolute(binding.file, ignored).string();
  out.files.push_back({{"path", absolute},
                       {"bytes", bytes->size()},
                       {"sha256", rt::sha256(*bytes)}});
  std::string ending = std::filesystem::path(binding.file).extension();
  if (ending == ".npy") {
    auto tensor = rt::parseNpy(*bytes, binding.file);
    if (!tensor)
      return fromRuntime(tensor.error());
    if (binding.isLengths) {
      auto lengths = tensor->convert(rt::DType::I32);
      if (!lengths)
        return fromRuntime(lengths.error());
      for (Column &column : columns)
        if (column.input == binding.input) {
          column.lengths = std::move(*lengths);
          return {};
        }
      return makeError("unbound-data", "lengths of '" + binding.input->name +
                                           "' come before its data");
    }
    return addTensor(*binding.input, std::move(*tensor), binding.file, columns);
  }
  if (ending == ".npz") {
    auto arrays = rt::parseNpz(*bytes, binding.file);
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
              addTensor(*input, std::move(array.tensor), binding.file, columns);
          !done)
        return done;
    }
    for (rt::NamedTensor &array : *arrays)
      for (Column &column : columns)
        if (array.name == column.input->name + ".lengths") {
          auto lengths = array.tensor.convert(rt::DType::I32);
          if (!lengths)
            return fromRuntime(lengths.error());
          column.lengths = std::move(*lengths);
        }
    if (!any)
      return makeError("unknown-field", "'" + binding.file +
                                            "' has no array for the model; "
                                            "it has " +
                                            names);
    return {};
  }
  if (ending == ".csv")
    return readCsv(binding, *bytes, columns);
  if (ending == ".tsv" || ending == ".jsonl" || ending == ".wav" ||
      ending == ".gz")
    return makeError("unsupported",
                     "'" + binding.file + "': files of this kind (" + ending +
                         ") are not read yet",
                     "use .txt, .ids, .csv, .npy or .npz");
  return readTokens(binding, *bytes, columns);
}

Result<void> Loader::readTokens(const Binding &binding,
                                const std::string &bytes,
                                std::vector<Column> &columns) {
  const hir::Input &input = *binding.input;
  std::string shown = binding.file == "-" ? "<stdin>" : binding.file;
  if (input.type.elem != hir::Elem::Int || !input.type.shape.empty() ||
      input.type.axes.size() != 1)
    return makeError("data-type", "'" + shown + "' holds tokens, but '" +
                                      input.name + "' is " +
                                      hir::describeType(model, input.type));
  Column column;
  column.input = &input;
  column.isTokens = true;
  column.sequence = true;
  if (std::filesystem::path(binding.file).extension() == ".ids") {
    auto ids = rt::parseIds(bytes, shown);
    if (!ids)
      return fromRuntime(ids.error());
    column.tokens = std::move(*ids);
    columns.push_back(std::move(column));
    return {};
  }
  auto kind = rt::parseTokenKind(settings.text("tokens", "chars"));
  if (!kind)
    return fromRuntime(kind.error());
  if (!out.vocabulary) {
    auto made = rt::Vocabulary::build(*kind, bytes, shown,
                                      settings.whole("min-count", 1));
    if (!made)
      return fromRuntime(made.error());
    out.vocabulary = std::move(*made);
  }
  out.vocabularyOf = input.name;
  auto tokens = out.vocabulary->encode(bytes, shown);
  if (!tokens)
    return fromRuntime(tokens.error());
  if (tokens->empty())
    return makeError("empty-data", "'" + shown + "' is empty");
  column.tokens = std::move(*tokens);
  columns.push_back(std::move(column));
  return {};
}

Result<void> Loader::readCsv(const Binding &binding, const std::string &bytes,
                             std::vector<Column> &columns) {
  const std::string &file = binding.file;
  std::vector<std::vector<std::string>> rows;
  for (size_t at = 0; at < bytes.size();) {
    size_t end = std::min(bytes.find('\n', at), bytes.size());
    std::string line = bytes.substr(at, end - at);
    at = end + 1;
    if (!line.empty() && line.back() == '\r')
      line.pop_back();
    if (line.empty())
      continue;
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (char c : line) {
      if (c == '"')
        quoted = !quoted;
      else if (c == ',' && !quoted)
        cells.emplace_back();
      else
        cells.back() += c;
    }
    rows.push_back(std::move(cells));
  }
  if (rows.empty())
    return makeError("empty-data", "'" + file + "' is empty");
  bool header = std::any_of(rows[0].begin(), rows[0].end(),
                            [](const std::string &c) { return !parseReal(c); });
  std::vector<std::string> names =
      header ? rows[0] : std::vector<std::string>(rows[0].size());
  std::vector<size_t> chosen;
  if (binding.field.empty()) {
    for (size_t i = 0; i < names.size(); ++i)
      if (rows.size() > header && i < rows[header].size() &&
          parseReal(rows[header][i]))
        chosen.push_back(i);
  } else {
    std::string rest = binding.field;
    for (size_t at = 0; at <= rest.size();) {
      size_t end = std::min(rest.find(',', at), rest.size());
      std::string name = rest.substr(at, end - at);
      at = end + 1;
      auto it = std::find(names.begin(), names.end(), name);
      if (it != names.end())
        chosen.push_back(size_t(it - names.begin()));
      else if (auto n = parseWhole(name);
               n && *n >= 1 && *n <= int64_t(names.size()))
        chosen.push_back(size_t(*n - 1));
      else {
        std::string near = nearestName(name, names);
        return makeError("unknown-field",
                         "'" + file + "' has no column '" + name + "'",
                         near.empty() ? "" : "did you mean '" + near + "'?");
      }
    }
  }
  int64_t count = int64_t(rows.size()) - header, width = int64_t(chosen.size());
  rt::Tensor values(rt::DType::F64, {count, width});
  for (int64_t r = 0; r < count; ++r)
    for (int64_t c = 0; c < width; ++c) {
      const auto &cells = rows[size_t(r + header)];
      auto number = chosen[size_t(c)] < cells.size()
                        ? parseReal(cells[chosen[size_t(c)]])
                        : std::nullopt;
      if (!number)
        return makeError("bad-number",
                         "'" + file + "', row " +
                             std::to_string(r + header + 1) + ", column " +
                             std::to_string(chosen[size_t(c)] + 1) +
                             " is not a number");
      values.as<double>()[size_t(r * width + c)] = *number;
    }
  if (binding.input->type.shape.empty())
    if (width != 1)
      return makeError("data-type", "'" + binding.input->name +
                                        "' takes one column, '" + file +
                                        "' has " + std::to_string(width));
  if (binding.input->type.shape.empty()) {
    auto flat = values.reshape({count});
    if (!flat)
      return fromRuntime(flat.error());
    return addTensor(*binding.input, std::move(*flat), file, columns);
  }
  return addTensor(*binding.input, std::move(values), file, columns);
}

Result<void> Loader::addTensor(const hir::Input &input, rt::Tensor tensor,
                               const std::string &file,
                               std::vector<Column> &columns) {
  Column column;
  column.input = &input;
  int64_t own = int64_t(input.type.shape.size());
  int64_t lead = tensor.rank() - own;
  bool seq = !input.type.axes.empty();
  column.sequence = seq;
  if (input.type.axes.size() > 1)
    return makeError("unsupported", "'" + input.name +
                                        "' has several time axes; such data "
                                        "are not read yet");
  if (seq ? (lead != 1 && lead != 2) : lead != 1)
    return makeError("data-type", "'" + file + "' is " +
                                      rt::shapeText(tensor.shape()) +
                                      ", but '" + input.name + "' is " +
                                      hir::describeType(model, input.type));
  column.examples = !seq || lead == 2;
  auto converted = tensor.convert(elementType(input));
  if (!converted)
    return makeError("data-type", "'" + file + "' for '" + input.name +
                                      "': " + converted.error().message);
  column.tensor = std::move(*converted);
  if (!column.examples && input.type.elem == hir::Elem::Int && own == 0) {
    column.isTokens = true;
    auto ids = column.tensor.as<int32_t>();
    column.tokens.assign(ids.begin(), ids.end());
  }
  columns.push_back(std::move(column));
  return {};
}

Result<void> Loader::complete(std::vector<Column> &columns) {
  for (const hir::Input &input : model.inputs) {
    bool bound =
        std::any_of(columns.begin(), columns.end(), [&](const Column &column) {
          return column.input == &input;
        });
    if (bound)
      continue;
    bool stream = !columns.empty() && !columns[0].examples;
    if (input.target && stream && soleInput(model) && !soleInput(model)->target)
      continue; // its input some steps later
    return makeError("unbound-data",
                     std::string(input.target ? "target '" : "input '") +
                         input.name + "' has no data",
                     "give --data " + input.name + "=FILE");
  }
  for (const Column &column : columns)
    if (column.examples != columns[0].examples)
      return makeError("data-type", "'" + column.input->name + "' and '" +
                                        columns[0].input->name +
                                        "' are not both examples or both "
                                        "streams");
  return {};
}

Result<void> Loader::decide(const Size &size, int64_t value,
                            const std::string &what) {
  if (auto known = model.value(size)) {
    if (*known == value)
      return {};
    return makeError("data-size", what + " is " + std::to_string(value) +
                                      ", the model has " +
                                      std::to_string(*known));
  }
  if (auto name = sizeName(model, size)) {
    auto [it, fresh] = out.sizes.emplace(*name, double(value));
    if (!fresh && it->second != double(value))
      return makeError("data-size", what + " is " + std::to_string(value) +
                                        ", but other data say " +
                                        std::to_string(int64_t(it->second)));
  }
  return {};
}

rt::DType Loader::elementType(const hir::Input &input) const {
  if (input.type.elem == hir::Elem::Int)
    return rt::DType::I32;
  if (input.type.elem == hir::Elem::Bool)
    return rt::DType::Bool;
  return settings.text("precision", "f32") == "f64" ? rt::DType::F64
                                                    : rt::DType::F32;
}

Result<void> Loader::checkSizes(const std::vector<Column> &columns) {
  for (const Column &column : columns) {
    const hir::Type &type = column.input->type;
    const std::string &name = column.input->name;
    if (!column.isTokens || column.examples) {
      const auto &shape = column.tensor.shape();
      size_t lead = shape.size() - type.shape.size();
      for (size_t i = 0; i < type.shape.size(); ++i)
        if (auto done =
                decide(type.shape[i], shape[lead + i],
                       "axis " + std::to_string(i + 1) + " of '" + name + "'");
            !done)
          return done;
    }
    if (type.elem != hir::Elem::Int || !type.range)
      continue;
    bool byText = out.vocabulary && out.vocabularyOf == name;
    std::span<const int32_t> ids = column.isTokens
                                       ? std::span<const int32_t>(column.tokens)
                                       : column.tensor.as<int32_t>();
    int64_t bound = byText ? out.vocabulary->size() : rt::tokenBound(ids);
    auto [least, greatest] = std::minmax_element(ids.begin(), ids.end());
    if (least != ids.end() && *least < 0)
      return makeError("label-range", name + " is " + std::to_string(*least) +
                                          ", but classes count from 0");
    auto known = model.value(*type.range);
    if (!known) {
      if (auto letter = sizeName(model, *type.range)) {
        auto [it, fresh] = out.sizes.emplace(*letter, double(bound));
        if (!fresh)
          it->second = std::max(it->second, double(bound));
      }
      continue;
    }
    if (greatest != ids.end() && *greatest >= *known)
      return makeError("label-range", name + " is " +
                                          std::to_string(*greatest) +
                                          ", the model has classes 0 to " +
                                          std::to_string(*known - 1));
  }
  return {};
}

Result<DataPart> Loader::streamPart(const std::vector<Column> &columns,
                                    std::optional<rt::Part> piece) {
  DataPart part;
  int64_t horizon = settings.whole("horizon", 1);
  part.length = -1;
  auto shorten = [&](int64_t length) {
    part.length = part.length < 0 ? length : std::min(part.length, length);
  };
  for (const Column &column : columns) {
    StreamField field;
    field.name = column.input->name;
    field.isTokens = column.isTokens;
    int64_t count = column.isTokens ? int64_t(column.tokens.size())
                                    : column.tensor.shape()[0];
    int64_t begin = piece ? std::min(piece->begin, count) : 0;
    int64_t end = piece ? std::min(piece->end, count) : count;
    if (column.isTokens) {
      field.tokens.assign(column.tokens.begin() + begin,
                          column.tokens.begin() + end);
    } else {
      std::vector<int64_t> shape = column.tensor.shape();
      int64_t row = count ? column.tensor.bytes() / count : 0;
      shape[0] = end - begin;
      field.series = rt::Tensor(column.tensor.dtype(), shape);
      std::memcpy(field.series.data(),
                  static_cast<const char *>(column.tensor.data()) + begin * row,
                  size_t((end - begin) * row));
    }
    shorten(end - begin);
    part.fields.push_back(std::move(field));
  }
  for (const hir::Input &input : model.inputs) {
    bool bound = std::any_of(
        part.fields.begin(), part.fields.end(),
        [&](const StreamField &field) { return field.name == input.name; });
    if (bound)
      continue;
    StreamField field;
    field.name = input.name;
    field.isTokens = part.fields[0].isTokens;
    field.offset = horizon;
    field.shares = 0;
    part.fields.push_back(std::move(field));
  }
  bool ahead =
      std::any_of(part.fields.begin(), part.fields.end(),
                  [](const StreamField &field) { return field.offset > 0; });
  if (ahead)
    part.length -= horizon;
  part.length = std::max<int64_t>(part.length, 0);
  return part;
}

Result<std::shared_ptr<rt::Examples>>
Loader::examplesOf(const std::vector<Column> &columns) {
  auto examples = std::make_shared<rt::Examples>();
  for (const Column &column : columns) {
    rt::Field field;
    field.name = column.input->name;
    field.kind =
        column.sequence ? rt::FieldKind::Sequence : rt::FieldKind::Single;
    field.values = column.tensor;
    if (column.lengths && column.sequence) {
      // Padded rows become rows of their own lengths.
      const auto &shape = column.tensor.shape();
      int64_t count = shape[0], steps = shape[1];
      if (column.lengths->size() != count)
        return makeError("data-size",
                         "'" + field.name + "' has " + std::to_string(count) +
                             " examples, its lengths are " +
                             std::to_string(column.lengths->size()));
      field.kind = rt::FieldKind::Ragged;
      field.offsets.push_back(0);
      for (int32_t length : column.lengths->as<int32_t>()) {
        if (length < 1 || length > steps)
          return makeError("data-size", "a length of '" + field.name + "' is " +
                                            std::to_string(length) +
                                            ", expected 1 to " +
                                            std::to_string(steps));
        field.offsets.push_back(field.offsets.back() + length);
      }
      std::vector<int64_t> packed(shape.begin() + 1, shape.end());
      packed[0] = field.offsets.back();
      int64_t step =
          column.tensor.bytes() / std::max<int64_t>(count * steps, 1);
      field.values = rt::Tensor(column.tensor.dtype(), packed);
      for (int64_t i = 0; i < count; ++i)
        std::memcpy(
            static_cast<char *>(field.values.data()) +
                field.offsets[size_t(i)] * step,
            static_cast<const char *>(column.tensor.data()) + i * steps * step,
            size_t((field.offsets[size_t(i + 1)] - field.offsets[size_t(i)]) *
                   step));
      int axis = model.rootAxis(column.input->type.axes[0]);
      out.ragged.insert(model.axes[size_t(axis)].name);
    }
    if (auto added = examples->add(std::move(field)); !added)
      return fromRuntime(added.error());
  }
  if (auto done = checkAlignments(model, *examples); !done)
    return done.error();
  return examples;
}

Result<DataSet> driver::loadData(const Settings &settings,
                                 const hir::Model &model,
                                 std::optional<rt::Vocabulary> vocabulary) {
  DataSet data;
  data.vocabulary = std::move(vocabulary);
  if (auto task = settings.get("task")) {
    if (auto done = Loader(settings, model, data).readTask(*task); !done)
      return done.error();
    return data;
  }
  if (settings.text("scale", "none") != "none")
    return makeError("unsupported", "--scale is not there yet");
  if (auto path = settings.get("vocab"); path && !data.vocabulary) {
    auto loaded = rt::Vocabulary::load(*path);
    if (!loaded)
      return fromRuntime(loaded.error());
    data.vocabulary = std::move(*loaded);
  }
  if (settings.data.empty())
    return usageError("no data", "give --data FILE");
  Loader loader(settings, model, data);
  auto columns = loader.read(settings.data, "--data");
  if (!columns)
    return columns.error();
  if (auto done = loader.complete(*columns); !done)
    return done.error();
  if (auto done = loader.checkSizes(*columns); !done)
    return done.error();
  data.stream = !columns->empty() && !(*columns)[0].examples;

  auto shares = rt::parseSplit(
      settings.text("split", settings.valid.empty() ? "0.9,0.1" : "1"));
  if (!shares)
    return usageError("--split: " + shares.error().message);
  bool split = settings.valid.empty() || settings.get("split");
  auto other = [&](const std::vector<std::string> &texts, const char *option,
                   DataPart &part) -> Result<void> {
    if (texts.empty())
      return {};
    auto more = loader.read(texts, option);
    if (!more)
      return more.error();
    if (auto done = loader.complete(*more); !done)
      return done;
    if (auto done = loader.checkSizes(*more); !done)
      return done;
    if (data.stream) {
      auto made = loader.streamPart(*more, std::nullopt);
      if (!made)
        return made.error();
      part = std::move(*made);
      return {};
    }
    auto made = loader.examplesOf(*more);
    if (!made)
      return made.error();
    part.examples = *made;
    part.rows.resize(size_t((*made)->count()));
    for (size_t i = 0; i < part.rows.size(); ++i)
      part.rows[i] = int64_t(i);
    return {};
  };

  std::vector<DataPart *> parts = {&data.train, &data.valid, &data.test};
  if (data.stream) {
    int64_t length = 0;
    for (const Column &column : *columns)
      length = std::max(length, column.isTokens ? int64_t(column.tokens.size())
                                                : column.tensor.shape()[0]);
    std::vector<rt::Part> pieces = split ? rt::splitByPosition(length, *shares)
                                         : std::vector<rt::Part>{{0, length}};
    for (size_t i = 0; i < pieces.size() && i < parts.size(); ++i) {
      auto part = loader.streamPart(*columns, pieces[i]);
      if (!part)
        return part.error();
      *parts[i] = std::move(*part);
    }
  } else {
    auto examples = loader.examplesOf(*columns);
    if (!examples)
      return examples.error();
    std::vector<double> cut = split ? *shares : std::vector<double>{1};
    auto rows =
        rt::splitShuffled((*examples)->count(), cut, settings.whole("seed", 1));
    for (size_t i = 0; i < rows.size() && i < parts.size(); ++i) {
      parts[i]->examples = *examples;
      parts[i]->rows = std::move(rows[i]);
    }
  }
  if (auto done = other(settings.valid, "--valid", data.valid); !done)
    return done.error();
  if (auto done = other(settings.test, "--test", data.test); !done)
    return done.error();
  if (data.train.empty())
    return makeError("empty-data", "there are no data to train on");
  return data;
}
