//===- Predict.cpp - rnnc predict -----------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers of a trained model in the data's units: names of classes, numbers
// with their scaling undone, text; beside the truth where the data have it.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Answer.h"
#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Host.h"
#include "compiler/driver/Run.h"
#include "compiler/driver/Training.h"
#include "runtime/AtomicFile.h"

#include <cmath>
#include <cstdio>

using namespace rnnc;
using namespace rnnc::driver;

namespace {

/// Writes the table and sums up how near the truth it is.
class Answers {
public:
  Answers(const hir::Model &model, const Answer &answer,
          const Learned &learned)
      : model(model), answer(answer), target(*model.findInput(answer.target)) {
    symbols = learned.symbols.find(target.name);
    if (auto it = learned.scales.find(target.name); it != learned.scales.end())
      scale = &it->second;
    if (auto it = learned.columns.find(target.name);
        it != learned.columns.end())
      names = it->second;
  }

  /// Before the first row: how wide a value is, whether the truth is known.
  void begin(bool stream, bool haveTruth, int64_t width);
  /// One value: logits or numbers, and the truth if there is one. `key` are the
  /// first cells.
  void add(const std::string &key, std::span<const double> values,
           const double *truth);
  /// Values of one example that belong into one cell.
  void addSequence(const std::string &key,
                   const std::vector<std::vector<double>> &values,
                   const std::vector<double> &truth);
  /// For people and, as JSON, for programs.
  std::string summary(Json &metrics) const;
  /// Whether a sequence of answers is one cell.
  bool joined() const {
    return answer.kind == Answer::Classes && !target.type.axes.empty();
  }
  bool sequence() const { return !target.type.axes.empty(); }

  std::string text;
  int64_t count = 0;

private:
  std::string nameOf(int64_t id) const {
    return symbols && id >= 0 && id < symbols->size()
               ? symbols->symbol(id)
               : std::to_string(id);
  }
  /// A cell, in quotes where CSV needs them.
  static std::string quoted(const std::string &cell);
  double unscaled(double value, size_t entry) const {
    if (!scale)
      return value;
    size_t i = entry % scale->shift.size();
    return value * scale->factor[i] + scale->shift[i];
  }
  std::string sequenceText(const std::vector<int32_t> &ids) const;
  static size_t best(std::span<const double> logits, double &probability);

  const hir::Model &model;
  const Answer &answer;
  const hir::Input &target;
  const rt::Vocabulary *symbols = nullptr;
  const Scale *scale = nullptr;
  std::vector<std::string> names;
  bool truths = false;
  double squares = 0, distances = 0, right = 0, judged = 0;
};

} // namespace

std::string Answers::quoted(const std::string &cell) {
  if (cell.find_first_of(",\"\n\r") == std::string::npos)
    return cell;
  std::string out = "\"";
  for (char c : cell)
    out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

/// As many digits as the precision of training holds.
static std::string shown(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.7g", value);
  return text;
}

size_t Answers::best(std::span<const double> logits, double &probability) {
  size_t best = 0;
  for (size_t i = 1; i < logits.size(); ++i)
    if (logits[i] > logits[best])
      best = i;
  double sum = 0;
  for (double logit : logits)
    sum += std::exp(logit - logits[best]);
  probability = 1 / sum;
  return best;
}

void Answers::begin(bool stream, bool haveTruth, int64_t width) {
  truths = haveTruth;
  text = stream ? "row" : sequence() && !joined() ? "example,step" : "example";
  if (answer.kind != Answer::Numbers)
    names = {target.name};
  if (names.size() != size_t(width) && answer.kind == Answer::Numbers) {
    names.clear();
    for (int64_t i = 0; i < width; ++i)
      names.push_back(target.name +
                      (width > 1 ? std::to_string(i + 1) : std::string()));
  }
  for (const std::string &name : names)
    text += "," + quoted(name);
  if (answer.kind != Answer::Numbers && !joined())
    text += ",p";
  if (truths)
    for (const std::string &name : names)
      text += "," + quoted(name + "_true");
  text += "\n";
}

void Answers::add(const std::string &key, std::span<const double> values,
                  const double *truth) {
  ++count;
  text += key;
  if (answer.kind == Answer::Numbers) {
    for (size_t i = 0; i < values.size(); ++i)
      text += "," + shown(unscaled(values[i], i));
    for (size_t i = 0; truths && i < values.size(); ++i) {
      if (!truth) {
        text += ",";
        continue;
      }
      double known = unscaled(truth[i], i);
      double error = unscaled(values[i], i) - known;
      squares += error * error;
      distances += std::abs(error);
      ++judged;
      text += "," + shown(known);
    }
  } else {
    double p = 0;
    int64_t id = 0;
    if (answer.kind == Answer::Logit) {
      p = 1 / (1 + std::exp(-std::abs(values[0])));
      id = values[0] > 0;
    } else {
      id = int64_t(best(values, p));
    }
    text += "," + quoted(nameOf(id)) + "," + shown(p);
    if (truths)
      text += "," + (truth ? quoted(nameOf(std::llround(*truth))) : "");
    if (truth) {
      right += id == std::llround(*truth);
      ++judged;
    }
  }
  text += "\n";
}

std::string Answers::sequenceText(const std::vector<int32_t> &ids) const {
  if (symbols && symbols->kind() != rt::TokenKind::Classes &&
      symbols->kind() != rt::TokenKind::Bytes)
    return symbols->decodeSequence(ids);
  std::string out;
  for (int32_t id : ids)
    out += (out.empty() ? "" : " ") + nameOf(id);
  return out;
}

void Answers::addSequence(const std::string &key,
                          const std::vector<std::vector<double>> &values,
                          const std::vector<double> &truth) {
  std::vector<int32_t> ids, known;
  for (size_t t = 0; t < values.size(); ++t) {
    double p = 0;
    ids.push_back(int32_t(best(values[t], p)));
    if (truth.empty())
      continue;
    known.push_back(int32_t(truth[t]));
    right += ids.back() == known.back();
    ++judged;
  }
  ++count;
  text += key + "," + quoted(sequenceText(ids));
  if (truths)
    text += "," + quoted(sequenceText(known));
  text += "\n";
}

std::string Answers::summary(Json &metrics) const {
  metrics = Json::object();
  char line[128];
  if (judged == 0)
    return "";
  if (answer.kind == Answer::Numbers) {
    double rmse = std::sqrt(squares / judged), mae = distances / judged;
    metrics["rmse"] = number(rmse);
    metrics["mae"] = number(mae);
    std::snprintf(line, sizeof line, "rmse %.4g, mae %.4g", rmse, mae);
  } else {
    metrics["accuracy"] = number(right / judged);
    std::snprintf(line, sizeof line, "accuracy %.4f", right / judged);
  }
  return line;
}

/// The numbers of a slot as doubles.
static std::vector<double> numbersOf(const Call::Slot &slot) {
  std::vector<double> values(size_t(slot.count()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = slot.number(int64_t(i));
  return values;
}

/// Answers for examples, in the order of their file.
static Result<void> answerExamples(Session &session, const DataPart &part,
                                   const Answer &answer, int64_t batch,
                                   Answers &answers) {
  const rt::Field *truth = part.examples->find(answer.target);
  bool begun = false;
  for (size_t at = 0; at < part.rows.size(); at += size_t(batch)) {
    auto rows = std::span(part.rows)
                    .subspan(at, std::min(size_t(batch), part.rows.size() - at));
    auto call = session.run(part, rows);
    if (!call)
      return call.error();
    const Call::Slot *slot = (*call)->result("output", answer.output);
    if (!slot)
      return internalError("no output '" + answer.output + "'");
    std::vector<double> values = numbersOf(*slot);
    // [T, B, own...], or [B, own...].
    const int64_t size = int64_t(rows.size());
    const bool sequence = answers.sequence();
    const int64_t steps = sequence ? slot->shape[0] : 1;
    const int64_t width =
        int64_t(values.size()) / std::max<int64_t>(steps * size, 1);
    rt::ExampleBatch known = part.examples->gather(rows);
    const rt::BatchField *truths = truth ? known.find(answer.target) : nullptr;
    // Any field along the answer's axis says how long each example is.
    const rt::BatchField *lengths = truths;
    for (const rt::BatchField &field : known.fields)
      if (field.kind == rt::FieldKind::Ragged &&
          (!lengths || lengths->kind != rt::FieldKind::Ragged) &&
          field.values.shape()[0] == steps)
        lengths = &field;
    if (!begun)
      answers.begin(false, truth != nullptr, width);
    begun = true;
    const int64_t perTruth =
        truths ? truths->values.size() / (steps * size) : 0;
    for (int64_t b = 0; b < size; ++b) {
      const std::string key = std::to_string(rows[size_t(b)] + 1);
      const int64_t length =
          sequence && lengths && lengths->kind == rt::FieldKind::Ragged
              ? int64_t(lengths->lengths.number(b))
              : steps;
      std::vector<std::vector<double>> joined;
      std::vector<double> joinedTruth;
      for (int64_t t = 0; t < length; ++t) {
        const size_t place = size_t(t * size + b);
        std::span<const double> value(&values[place * size_t(width)],
                                      size_t(width));
        std::vector<double> one;
        for (int64_t i = 0; i < perTruth; ++i)
          one.push_back(
              truths->values.number(int64_t(place) * perTruth + i));
        if (answers.joined()) {
          joined.emplace_back(value.begin(), value.end());
          joinedTruth.insert(joinedTruth.end(), one.begin(), one.end());
          continue;
        }
        answers.add(sequence ? key + "," + std::to_string(t + 1) : key, value,
                    one.empty() ? nullptr : one.data());
      }
      if (answers.joined())
        answers.addSequence(key, joined, joinedTruth);
    }
  }
  return {};
}

/// Answers along a stream, to the last step that has its inputs.
static Result<void> answerStream(Session &session, const DataPart &part,
                                 const Answer &answer, int64_t window,
                                 Answers &answers) {
  rt::StreamOptions options;
  options.batch = 1;
  options.window = window;
  options.horizon = 0;
  auto cursor = rt::StreamCursor::create(part.inputLength, options);
  if (!cursor)
    return fromRuntime(cursor.error());
  const StreamField *field = nullptr;
  for (const StreamField &known : part.fields)
    if (known.name == answer.target)
      field = &known;
  bool begun = false;
  for (int64_t i = 0; i < cursor->windows(); ++i) {
    rt::StreamWindow now = cursor->at(0, i);
    auto call = session.run(part, now);
    if (!call)
      return call.error();
    const Call::Slot *slot = (*call)->result("output", answer.output);
    if (!slot)
      return internalError("no output '" + answer.output + "'");
    std::vector<double> values = numbersOf(*slot);
    const size_t width = values.size() / size_t(now.steps);
    const StreamField *source = field ? &part.source(*field) : nullptr;
    if (!begun)
      answers.begin(true, source != nullptr, int64_t(width));
    begun = true;
    for (int64_t t = 0; t < now.steps; ++t) {
      // The row of the data that the answer is about.
      const int64_t row = now.start + t + (field ? field->offset : 0);
      std::vector<double> truth;
      if (source && source->isTokens && row < int64_t(source->tokens.size()))
        truth.push_back(source->tokens[size_t(row)]);
      if (source && !source->isTokens && !source->make &&
          row < source->series.shape()[0]) {
        const int64_t per =
            source->series.size() / std::max<int64_t>(source->series.shape()[0], 1);
        for (int64_t k = 0; k < per; ++k)
          truth.push_back(source->series.number(row * per + k));
      }
      answers.add(std::to_string(part.begin + row + 1),
                  std::span(values).subspan(size_t(t) * width, width),
                  truth.empty() ? nullptr : truth.data());
    }
  }
  return {};
}

static Result<int> predict(const CommandLine &line, Console &console) {
  Settings settings(line);
  double begin = steadySeconds();
  std::vector<Message> warnings;
  auto opened = openModel(line.operands.front(), settings,
                          MessageOptions::of(console), warnings);
  if (!opened)
    return opened.error();
  for (const Message &warning : warnings)
    console.say(warning);
  if (opened->weights.empty())
    return usageError("a SPEC needs weights to predict with",
                      "give --weights FILE, or a run folder");
  Project &project = *opened->project;
  // New data are read to their end, as one part; their targets may be missing.
  bool own = settings.data.empty();
  Settings reading = project.settings();
  if (!own && !settings.get("on") && !settings.get("split")) {
    reading.given["split"] = "1";
    reading.valid.clear();
    reading.test.clear();
  }
  auto data = loadData(reading, project.model(), opened->learned, own);
  if (!data)
    return data.error();
  std::map<std::string, double> sizes = project.dataSizes();
  for (const auto &[name, value] : data->sizes)
    sizes.emplace(name, value);
  project.setSizes(sizes);
  std::string split = settings.text("on", own ? "valid" : "train");
  DataPart &part = data->part(split);
  if (part.rows.empty() && part.inputLength == 0)
    return makeError("empty-data", "there are no data for --on=" + split);
  auto session =
      Session::forward(opened->project, data->stream, data->ragged);
  for (const Message &message : project.takeMessages())
    console.say(message);
  if (!session)
    return session.error();
  const Answer &answer = (*session)->variant().answer;
  if (answer.kind == Answer::None)
    return makeError("no-answer", "the model does not say what it predicts",
                     "write predict TARGET = VALUE, or "
                     "predict TARGET ~ categorical(LOGITS)");
  if ((*session)->reads(answer.target))
    return makeError("no-answer",
                     "the prediction of '" + answer.target + "' reads '" +
                         answer.target + "' of the step before",
                     "rnnc sample makes it step by step");
  if (auto done = loadWeights(*opened, *(*session)->variant().code); !done)
    return done.error();
  Answers answers((*(*session)->variant().model), answer, data->learned);
  int64_t batch = project.settings().whole("batch", 32);
  auto done = data->stream
                  ? answerStream(**session, part, answer, 256, answers)
                  : answerExamples(**session, part, answer, batch, answers);
  if (!done)
    return done.error();
  Json metrics;
  std::string summary = answers.summary(metrics);
  std::string file = settings.text("output", "-");
  console.object["split"] = own ? split : "data";
  console.object["target"] = answer.target;
  console.object["count"] = answers.count;
  console.object["metrics"] = metrics;
  console.object["output"] = file == "-" ? Json(nullptr) : Json(file);
  console.object["wall_s"] = steadySeconds() - begin;
  if (!summary.empty())
    console.talk(summary + " over " + std::to_string(answers.count) +
                 (data->stream ? " rows" : " examples") +
                 ", in the data's units");
  if (file == "-")
    return console.print(answers.text) ? StatusDone : StatusInput;
  if (auto written = rt::writeFile(file, answers.text); !written)
    return fromRuntime(written.error());
  return int(StatusDone);
}

int driver::predictCommand(const CommandLine &line, Console &console) {
  auto status = predict(line, console);
  return status ? *status : console.fail(status.error());
}
