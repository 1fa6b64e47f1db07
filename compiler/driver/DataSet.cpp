//===- DataSet.cpp - The data of a model ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which file is for which input, the table of forms, and the cut into parts.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/DataSetLoader.h"
#include "compiler/driver/Lengths.h"
#include "runtime/Idx.h"
#include "runtime/Sha256.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <numeric>

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
    // One that has a value already has no letter.
    if (known.isSize && !known.value && known.letter == letters[0])
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

/// Whether a target without data can be the sole input some steps later.
static bool follows(const hir::Model &model, const hir::Input &target) {
  const hir::Input *input = soleInput(model);
  if (!input || input->target || input->type.elem != target.type.elem ||
      input->type.shape.size() != target.type.shape.size())
    return false;
  for (size_t i = 0; i < target.type.shape.size(); ++i) {
    auto a = model.value(input->type.shape[i]);
    auto b = model.value(target.type.shape[i]);
    if (a && b && *a != *b)
      return false;
  }
  return true;
}

int64_t Column::count() const {
  if (isTokens)
    return int64_t(tokens.size());
  if (!offsets.empty())
    return int64_t(offsets.size()) - 1;
  return tensor.shape().empty() ? 0 : tensor.shape()[0];
}

Result<rt::ExampleCursor> DataPart::cursor(int64_t batch, int64_t seed) const {
  rt::ExampleOrder order;
  order.shuffle = !fresh;
  order.fresh = fresh;
  if (examples && !fresh) {
    // Examples of like length go together: less of a batch is padding.
    bool ragged = false;
    for (const rt::Field &field : examples->fields())
      ragged |= field.kind == rt::FieldKind::Ragged;
    if (ragged)
      order.lengths = examples->likeness();
  }
  auto made = rt::ExampleCursor::create(rows, batch, seed, std::move(order));
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

std::optional<std::string>
Loader::PerInput::of(const std::string &input) const {
  if (auto it = byInput.find(input); it != byInput.end())
    return it->second;
  return all.empty() ? std::nullopt : std::optional(all);
}

Result<Loader::PerInput> Loader::perInput(const char *option) const {
  PerInput result;
  auto text = settings.get(option);
  if (!text)
    return result;
  for (size_t at = 0; at <= text->size();) {
    size_t end = std::min(text->find(',', at), text->size());
    auto [name, value] = splitPair(text->substr(at, end - at));
    at = end + 1;
    if (value.empty())
      result.all = name;
    else if (model.findInput(name))
      result.byInput[name] = value;
    else
      return makeError("unknown-input",
                       std::string("--") + option + ": model '" + model.name +
                           "' has no input or target '" + name + "'");
  }
  return result;
}

Result<void> Loader::readOptions() {
  for (auto [option, into] : {std::pair{"tokens", &tokenKinds},
                              std::pair{"min-count", &minCounts},
                              std::pair{"max-length", &maxLengths}}) {
    auto values = perInput(option);
    if (!values)
      return values.error();
    *into = std::move(*values);
  }
  auto check = [&](const PerInput &values, auto good) -> Result<void> {
    if (!values.all.empty())
      if (Result<void> done = good(values.all); !done)
        return done;
    for (const auto &[name, value] : values.byInput)
      if (Result<void> done = good(value); !done)
        return done;
    return {};
  };
  if (auto done = check(tokenKinds,
                        [](const std::string &value) -> Result<void> {
                          auto form = rt::parseTextForm(value);
                          if (!form)
                            return usageError("--tokens expects " +
                                              form.error().message);
                          return {};
                        });
      !done)
    return done;
  if (auto done = check(minCounts,
                        [](const std::string &value) -> Result<void> {
                          auto count = parseWhole(value);
                          if (!count || *count < 1)
                            return usageError("--min-count expects whole "
                                              "numbers of at least 1, found '" +
                                              value + "'");
                          return {};
                        });
      !done)
    return done;
  if (auto done = check(maxLengths, checkLimit); !done)
    return done;
  auto kind = rt::parseFeatures(settings.text("features", "raw"));
  if (!kind)
    return usageError("--features: " + kind.error().message);
  features = *kind;
  auto files = perInput("vocab");
  if (!files)
    return files.error();
  if (!files->all.empty() && out.learned.symbols.empty()) {
    auto loaded = Vocabularies::load(files->all);
    if (!loaded)
      return loaded.error();
    out.learned.symbols = std::move(*loaded);
  }
  for (const auto &[name, file] : files->byInput) {
    auto loaded = rt::Vocabulary::load(file);
    if (!loaded)
      return fromRuntime(loaded.error());
    if (!out.learned.symbols.find(name))
      out.learned.symbols.set(
          name, std::make_shared<const rt::Vocabulary>(std::move(*loaded)));
  }
  return {};
}

Result<Binding> Loader::parse(const std::string &text, const char *option) {
  Binding binding;
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
      if (auto lengths = Lengths::parse(name)) {
        binding.lengths = name;
        base = lengths->first;
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

Result<void> Loader::open(Binding &binding) {
  auto &source = sources[binding.file];
  if (!source) {
    source = std::make_shared<Source>();
    source->path = binding.file;
    source->shown = binding.file == "-" ? "<stdin>" : binding.file;
    std::error_code ignored;
    std::string absolute =
        binding.file == "-"
            ? "-"
            : std::filesystem::absolute(binding.file, ignored).string();
    if (std::filesystem::is_directory(binding.file, ignored)) {
      source->ending = "/"; // its files are listed when they are read
    } else {
      auto file = rt::MappedFile::open(binding.file);
      if (!file)
        return fromRuntime(file.error());
      source->file = std::move(*file);
      out.files.push_back({{"path", absolute},
                           {"bytes", source->bytes().size()},
                           {"sha256", rt::sha256(source->bytes())}});
      std::filesystem::path name = binding.file;
      if (name.extension() == ".gz") {
        auto unpacked = rt::gunzip(source->bytes(), source->shown);
        if (!unpacked)
          return fromRuntime(unpacked.error());
        source->file = rt::MappedFile::of(std::move(*unpacked));
        name = name.stem();
      }
      source->ending = name.extension();
    }
  }
  source->fields.push_back(binding.field);
  binding.source = source;
  return {};
}

Result<std::vector<Column>> Loader::read(const std::vector<std::string> &texts,
                                         const char *option) {
  std::vector<Binding> bindings;
  for (const std::string &text : texts) {
    auto binding = parse(text, option);
    if (!binding)
      return binding.error();
    if (auto done = open(*binding); !done)
      return done.error();
    bindings.push_back(std::move(*binding));
  }
  std::vector<Column> columns;
  for (const Binding &binding : bindings) {
    if (binding.lengths.empty())
      for (const Column &column : columns)
        if (column.input == binding.input)
          return makeError("unbound-data", std::string(option) + ": '" +
                                               binding.input->name +
                                               "' is given twice");
    if (auto done = readBinding(binding, columns); !done)
      return done.error();
  }
  for (Column &column : columns)
    if (auto done = pack(column); !done)
      return done.error();
  if (auto done = checkLimits(columns); !done)
    return done.error();
  if (auto done = encodeText(columns); !done)
    return done.error();
  return columns;
}

Result<void> Loader::readBinding(const Binding &binding,
                                 std::vector<Column> &columns) {
  // The forms of data by the ending of the file. What has another ending is
  // IDX if it begins so, else text.
  using Reader =
      Result<void> (Loader::*)(const Binding &, std::vector<Column> &);
  static constexpr std::pair<std::string_view, Reader> forms[] = {
      {".txt", &Loader::readText},   {".ids", &Loader::readIds},
      {".npy", &Loader::readNpy},    {".npz", &Loader::readNpz},
      {".csv", &Loader::readTable},  {".tsv", &Loader::readTable},
      {".jsonl", &Loader::readTable}, {".wav", &Loader::readSound},
      {"/", &Loader::readFolder}};
  const Source &source = *binding.source;
  if (!binding.lengths.empty() && source.ending != ".npy")
    return makeError("unsupported", "lengths are read from .npy, not from '" +
                                        source.shown + "'");
  // A field of a text: it has columns, between tabs.
  const bool known = std::any_of(
      std::begin(forms), std::end(forms),
      [&](const auto &form) { return source.ending == form.first; });
  if (!binding.field.empty() && (!known || source.ending == ".txt") &&
      !rt::isIdx(source.bytes()))
    return readTable(binding, columns);
  for (const auto &[ending, reader] : forms)
    if (source.ending == ending)
      return (this->*reader)(binding, columns);
  return rt::isIdx(source.bytes()) ? readIdx(binding, columns)
                                   : readText(binding, columns);
}

Error Loader::misfit(const Binding &binding, const std::string &what) const {
  const hir::Input &input = *binding.input;
  std::string help;
  if (isNested(input))
    help = "a length of " + axisOf(input, 1) + " for each step of " +
           axisOf(input) +
           " comes from text (.txt, .tsv, .csv, .jsonl), or arrays [N, " +
           axisOf(input) + ", " + axisOf(input, 1) + "] with " + input.name +
           ".lengths." + axisOf(input) + " and " + input.name + ".lengths." +
           axisOf(input, 1);
  else if (input.type.axes.size() == 2 && input.type.elem == hir::Elem::Int)
    help = "for the letters of words write seq(" + axisOf(input) + ", " +
           axisOf(input, 1) + "(" + axisOf(input) + "))";
  return makeError("data-type",
                   "'" + binding.source->shown + "' " + what + ", but '" +
                       input.name + "' is " +
                       hir::describeType(model, input.type),
                   help);
}

std::string Loader::axisOf(const hir::Input &input, size_t which) const {
  return model.axes[size_t(model.rootAxis(input.type.axes[which]))].name;
}

bool Loader::isNested(const hir::Input &input) const {
  const std::vector<int> &axes = input.type.axes;
  return axes.size() == 2 &&
         model.outerAxis(axes[1]) == model.rootAxis(axes[0]);
}

Result<void> Loader::complete(std::vector<Column> &columns, bool targets) {
  bool stream = !columns.empty() && !columns[0].examples;
  for (const hir::Input &input : model.inputs) {
    bool bound =
        std::any_of(columns.begin(), columns.end(), [&](const Column &column) {
          return column.input == &input;
        });
    if (bound || (input.target && !targets))
      continue;
    if (input.target && stream && follows(model, input))
      continue; // its input some steps later
    return makeError("unbound-data",
                     std::string(input.target ? "target '" : "input '") +
                         input.name + "' has no data",
                     "give --data " + input.name + "=FILE");
  }
  for (const Column &column : columns) {
    const Column &other = columns[0];
    if (column.examples != other.examples)
      return makeError("data-type", "'" + column.input->name + "' and '" +
                                        other.input->name +
                                        "' are not both examples or both "
                                        "streams");
    if (column.examples && column.count() != other.count())
      return makeError("data-size", "'" + column.input->name + "' has " +
                                        std::to_string(column.count()) +
                                        " examples, '" + other.input->name +
                                        "' has " +
                                        std::to_string(other.count()));
  }
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
  // A target that is its input some steps later has the input's sizes.
  for (const hir::Input &input : model.inputs) {
    bool bound = std::any_of(
        columns.begin(), columns.end(),
        [&](const Column &column) { return column.input == &input; });
    if (bound || !input.target || columns[0].examples ||
        !follows(model, input))
      continue;
    const auto &shape = columns[0].tensor.shape();
    for (size_t i = 0; i < input.type.shape.size(); ++i)
      if (auto done = decide(input.type.shape[i], shape[1 + i],
                             "axis " + std::to_string(i + 1) + " of '" +
                                 input.name + "'");
          !done)
        return done;
  }
  for (const Column &column : columns) {
    const hir::Type &type = column.input->type;
    const std::string &name = column.input->name;
    if (!column.isTokens) {
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
    std::span<const int32_t> ids = column.isTokens
                                       ? column.tokens
                                       : column.tensor.as<int32_t>();
    // No std::minmax_element: this loop becomes vectors.
    int32_t least = 0, greatest = -1;
    for (int32_t id : ids) {
      least = std::min(least, id);
      greatest = std::max(greatest, id);
    }
    int64_t bound =
        column.symbols ? column.symbols->size() : int64_t(greatest) + 1;
    if (least < 0)
      return makeError("label-range", name + " is " + std::to_string(least) +
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
    if (greatest >= *known)
      return makeError("label-range", name + " is " +
                                          std::to_string(greatest) +
                                          ", the model has classes 0 to " +
                                          std::to_string(*known - 1));
  }
  return {};
}

DataPart Loader::streamPart(const std::vector<Column> &columns,
                            std::optional<rt::Part> piece) {
  DataPart part;
  const int64_t horizon = settings.whole("horizon", 1);
  // A model of one text alone shifts it by itself.
  const bool soleTarget = soleInput(model) && soleInput(model)->target;
  int64_t length = -1, inputLength = -1;
  part.begin = piece ? piece->begin : 0;
  for (const Column &column : columns) {
    StreamField field;
    field.name = column.input->name;
    field.isTokens = column.isTokens;
    int64_t count = column.count();
    int64_t begin = piece ? std::min(piece->begin, count) : 0;
    int64_t end = piece ? std::min(piece->end, count) : count;
    if (column.isTokens) {
      field.tokens = column.tokens.subspan(size_t(begin), size_t(end - begin));
      field.owner = column.owner;
    } else {
      std::vector<int64_t> shape = column.tensor.shape();
      int64_t row = count ? column.tensor.bytes() / count : 0;
      shape[0] = end - begin;
      field.series = rt::Tensor(column.tensor.dtype(), shape);
      std::memcpy(field.series.data(),
                  static_cast<const char *>(column.tensor.data()) + begin * row,
                  size_t((end - begin) * row));
    }
    // A bound target stands beside its inputs, unless a horizon is asked for.
    if (column.input->target && !soleTarget && settings.get("horizon"))
      field.offset = horizon;
    auto shorten = [](int64_t &to, int64_t by) {
      to = to < 0 ? by : std::min(to, by);
    };
    shorten(length, std::max<int64_t>(end - begin - field.offset, 0));
    if (!column.input->target)
      shorten(inputLength, end - begin);
    part.fields.push_back(std::move(field));
  }
  const int64_t first = part.fields[0].isTokens
                            ? int64_t(part.fields[0].tokens.size())
                            : part.fields[0].series.shape()[0];
  for (const hir::Input &input : model.inputs) {
    bool bound = std::any_of(
        part.fields.begin(), part.fields.end(),
        [&](const StreamField &field) { return field.name == input.name; });
    if (bound || !follows(model, input))
      continue;
    StreamField field;
    field.name = input.name;
    field.isTokens = part.fields[0].isTokens;
    field.offset = horizon;
    field.shares = 0;
    length = std::min(length, std::max<int64_t>(first - horizon, 0));
    part.fields.push_back(std::move(field));
  }
  part.inputLength = inputLength < 0 ? length : inputLength;
  part.length = length;
  return part;
}

void Loader::finish(const std::vector<Column> &columns) {
  for (const Column &column : columns) {
    const std::string &name = column.input->name;
    if (!column.names.empty())
      out.learned.columns.emplace(name, column.names);
    if (!column.symbols || column.symbols->kind() == rt::TokenKind::Classes)
      continue;
    // Sizes that are symbols: `bos: int[V]` is the number of <bos>.
    if (column.input->target || !out.vocabulary)
      for (const hir::ModelSize &size : model.statics)
        if (!size.isSize)
          if (auto id = column.symbols->find("<" + size.name + ">"))
            out.sizes[size.name] = double(*id);
    if (!column.examples) {
      out.vocabulary = *column.symbols;
      out.vocabularyOf = name;
    }
  }
}

/// All examples, in order.
static void takeAll(DataPart &part, std::shared_ptr<rt::Examples> examples) {
  part.examples = std::move(examples);
  part.rows.resize(size_t(part.examples->count()));
  std::iota(part.rows.begin(), part.rows.end(), 0);
}

Result<DataSet> driver::loadData(const Settings &settings,
                                 const hir::Model &model, Learned learned,
                                 bool targets) {
  rt::LargeOnDisk large;
  DataSet data;
  data.learned = std::move(learned);
  Loader loader(settings, model, data);
  if (auto task = settings.get("task")) {
    if (settings.get("max-length"))
      return usageError("--max-length is for text; --task makes its own data");
    if (auto done = loader.readTask(*task); !done)
      return done.error();
    return data;
  }
  if (settings.data.empty())
    return usageError("no data", "give --data FILE");
  if (auto done = loader.readOptions(); !done)
    return done.error();
  auto read = [&](const std::vector<std::string> &texts,
                  const char *option) -> Result<std::vector<Column>> {
    auto columns = loader.read(texts, option);
    if (!columns)
      return columns;
    if (columns->empty())
      return makeError("empty-data", "there are no data");
    if (auto done = loader.complete(*columns, targets); !done)
      return done.error();
    if (auto done = loader.checkSizes(*columns); !done)
      return done.error();
    return columns;
  };
  auto columns = read(settings.data, "--data");
  if (!columns)
    return columns.error();
  data.stream = !(*columns)[0].examples;
  loader.finish(*columns);

  auto shares = rt::parseSplit(
      settings.text("split", settings.valid.empty() ? "0.9,0.1" : "1"));
  if (!shares)
    return usageError("--split: " + shares.error().message);
  bool split = settings.valid.empty() || settings.get("split");
  std::vector<DataPart *> parts = {&data.train, &data.valid, &data.test};
  if (data.stream) {
    int64_t length = 0;
    for (const Column &column : *columns)
      length = std::max(length, column.count());
    std::vector<rt::Part> pieces = split ? rt::splitByPosition(length, *shares)
                                         : std::vector<rt::Part>{{0, length}};
    for (size_t i = 0; i < pieces.size() && i < parts.size(); ++i)
      *parts[i] = loader.streamPart(*columns, pieces[i]);
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
  auto other = [&](const std::vector<std::string> &texts, const char *option,
                   DataPart &part) -> Result<void> {
    if (texts.empty())
      return {};
    auto more = read(texts, option);
    if (!more)
      return more.error();
    if ((*more)[0].examples == data.stream)
      return makeError("data-type",
                       std::string(option) + " and --data are not both "
                                             "examples or both streams");
    if (data.stream) {
      part = loader.streamPart(*more, std::nullopt);
      return {};
    }
    auto made = loader.examplesOf(*more);
    if (!made)
      return made.error();
    takeAll(part, std::move(*made));
    return {};
  };
  if (auto done = other(settings.valid, "--valid", data.valid); !done)
    return done.error();
  if (auto done = other(settings.test, "--test", data.test); !done)
    return done.error();
  // An option that changes nothing is a misunderstanding.
  auto isLater = [](const StreamField &field) { return field.offset > 0; };
  if (targets && settings.get("horizon") &&
      std::none_of(data.train.fields.begin(), data.train.fields.end(), isLater))
    return usageError(data.stream
                          ? "--horizon: no target of model '" + model.name +
                                "' is its input some steps later"
                          : "--horizon is for streams, not for examples");
  if (data.train.empty() && data.train.inputLength == 0)
    return makeError("empty-data", "there are no data to train on");
  if (auto done = loader.scale(); !done)
    return done.error();
  return data;
}
