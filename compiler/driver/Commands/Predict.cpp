//===- Predict.cpp - rnnc predict -----------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers of a trained model in the data's units: names of classes, numbers
// with their scaling undone, text; beside the truth where the data have it.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/AnswerTable.h"
#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Host.h"
#include "compiler/driver/Run.h"
#include "compiler/driver/StepDecoder.h"
#include "runtime/AtomicFile.h"
#include "runtime/Axes.h"
#include "runtime/Labels.h"

#include <algorithm>

using namespace rnnc;
using namespace rnnc::driver;

/// The numbers of a slot as doubles.
static std::vector<double> numbersOf(const Call::Slot &slot) {
  std::vector<double> values(size_t(slot.count()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = slot.number(int64_t(i));
  return values;
}

/// The time axis that an answer goes along, and each how many-th step of it has
/// one; "" for none.
static std::pair<std::string, int64_t> answerAxis(const hir::Model &model,
                                                  const Answer &answer) {
  for (const hir::Output &output : model.outputs)
    if (output.name == answer.output && !output.value->type.axes.empty())
      return rt::baseAxis(model.lengthName(output.value->type.axes[0]));
  return {"", 1};
}

/// Answers for examples, in the order of their file.
static Result<void> answerExamples(Session &session, const DataPart &part,
                                   const Answer &answer, int64_t batch,
                                   AnswerTable &answers) {
  const rt::Field *truth = part.examples->find(answer.target);
  const hir::Model &model = *session.variant().model;
  auto [axis, every] = answerAxis(model, answer);
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
    const rt::Tensor *lengths = nullptr;
    for (const rt::BatchField &field : known.fields)
      if (!lengths && sequence)
        lengths = lengthsAlong(model, field, axis);
    if (!begun)
      answers.begin(false, truth != nullptr, width);
    begun = true;
    const int64_t perTruth =
        truths ? truths->values.size() / (steps * size) : 0;
    for (int64_t b = 0; b < size; ++b) {
      const std::string key = std::to_string(rows[size_t(b)] + 1);
      const int64_t length =
          lengths ? rt::stepsOf(int64_t(lengths->number(b)), every) : steps;
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
                                 AnswerTable &answers) {
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

/// How many texts are kept, how many tokens are made: the command line, else
/// the model.
static int64_t wantedWhole(const Settings &settings, const Project &project,
                           const std::string &name,
                           const std::string &ofSample, int64_t otherwise) {
  auto value = settings.get(name);
  if (!value)
    value = project.settings().ofSampling(ofSample);
  return value ? parseWhole(*value).value_or(otherwise) : otherwise;
}

/// The labels of a row of a field, without the token that ends them.
static std::vector<int32_t> labelsOf(const rt::BatchField &field, int64_t row,
                                     std::optional<int32_t> stop) {
  const int64_t rows = field.values.shape()[1];
  const int64_t steps = field.kind == rt::FieldKind::Ragged
                            ? int64_t(field.lengths.number(row))
                            : field.values.shape()[0];
  std::vector<int32_t> labels;
  for (int64_t t = 0; t < steps; ++t)
    labels.push_back(int32_t(field.values.number(t * rows + row)));
  if (stop && !labels.empty() && labels.back() == *stop)
    labels.pop_back();
  return labels;
}

/// Answers that are made token by token.
static Result<void> answerByStep(OpenedModel &opened, const Settings &settings,
                                 const DataSet &data, const DataPart &part,
                                 const std::string &target, int64_t batch,
                                 AnswerTable &answers) {
  Project &project = *opened.project;
  const int64_t beam = wantedWhole(settings, project, "beam", "beam", 1);
  SampleOptions options;
  options.tokens = 
      wantedWhole(settings, project, "max-tokens", "tokens", 400);
  options.stop = project.settings().ofSampling("stop").value_or("");
  if (project.settings().stopToken)
    options.stopToken = int32_t(*project.settings().stopToken);
  if (options.stop.empty() && !options.stopToken && !settings.get("max-tokens") &&
      !project.settings().ofSampling("tokens"))
    return makeError("no-end", "nothing ends the sequences of '" + target + "'",
                     "write predict " + target +
                         " ~ categorical(LOGITS), stop = eos, or give "
                         "--max-tokens N");
  const rt::Vocabulary *symbols = data.learned.symbols.find(target);
  if (!options.stop.empty()) {
    if (!symbols)
      return makeError("no-end", "'" + target +
                                     "' has no vocabulary to spell the stop "
                                     "text with");
    options.piece = [symbols](int32_t before, int32_t token) {
      return symbols->piece(before, token);
    };
  }
  auto decoder = StepDecoder::create(opened.project, data.ragged);
  if (!decoder)
    return decoder.error();
  if (auto done = loadWeights(opened, (*decoder)->code()); !done)
    return done;
  answers.beginSequences(part.examples->find(target) != nullptr);
  for (size_t at = 0; at < part.rows.size(); at += size_t(batch)) {
    auto rows = std::span(part.rows)
                    .subspan(at, std::min(size_t(batch), part.rows.size() - at));
    auto found = (*decoder)->decode(part, rows, beam, options);
    if (!found)
      return found.error();
    rt::ExampleBatch known = part.examples->gather(rows);
    const rt::BatchField *truths = known.find(target);
    for (size_t b = 0; b < rows.size(); ++b) {
      Sample &best = (*found)[b].front();
      if (best.stopped && options.stopToken)
        best.tokens.pop_back();
      std::vector<int32_t> truth;
      if (truths)
        truth = labelsOf(*truths, int64_t(b), options.stopToken);
      answers.addLabels(std::to_string(rows[b] + 1), best.tokens, best.logprob,
                        truth);
    }
  }
  return {};
}

/// Labels that `predict y ~ ctc(z)` spreads over the steps of z.
static Result<void> answerAligned(Session &session, const Settings &settings,
                                  const DataPart &part, const Answer &answer,
                                  int64_t batch, AnswerTable &answers) {
  const hir::Model &model = *session.variant().model;
  const hir::Predict &predict = *model.predict;
  int64_t beam = 1;
  for (const hir::Option &option : predict.options)
    if (option.key == "beam")
      beam = int64_t(option.value.number);
  beam = settings.whole("beam", beam);
  auto [axis, every] = rt::baseAxis(
      model.lengthName(predict.value->type.axes.front()));
  answers.beginSequences(part.examples->find(answer.target) != nullptr);
  for (size_t at = 0; at < part.rows.size(); at += size_t(batch)) {
    auto rows = std::span(part.rows)
                    .subspan(at, std::min(size_t(batch), part.rows.size() - at));
    auto call = session.run(part, rows);
    if (!call)
      return call.error();
    const Call::Slot *slot = (*call)->result("output", answer.output);
    if (!slot || slot->shape.size() != 3)
      return internalError("no output '" + answer.output + "'");
    const int64_t size = slot->shape[1], classes = slot->shape[2];
    rt::ExampleBatch known = part.examples->gather(rows);
    const rt::BatchField *truths = known.find(answer.target);
    const rt::Tensor *along = nullptr;
    for (const rt::BatchField &field : known.fields)
      if (!along)
        along = lengthsAlong(model, field, axis);
    std::vector<double> logits(static_cast<size_t>(classes));
    for (int64_t b = 0; b < size; ++b) {
      const int64_t steps =
          along ? rt::stepsOf(int64_t(along->number(b)), every)
                : slot->shape[0];
      auto step = [&](int64_t t) {
        for (int64_t v = 0; v < classes; ++v)
          logits[size_t(v)] = slot->number((t * size + b) * classes + v);
        return std::span<const double>(logits);
      };
      // The likeliest path has a probability of its own; its labels have more.
      rt::LabelsFound found;
      if (beam > 1) {
        found = rt::beamLabels(steps, predict.blank, beam, step).front();
      } else {
        found.labels = rt::greedyLabels(steps, predict.blank, step);
        for (int64_t t = 0; t < steps; ++t) {
          std::span<const double> row = step(t);
          found.logProbability +=
              *std::max_element(row.begin(), row.end()) - logSumExp(row);
        }
      }
      std::vector<int32_t> truth;
      if (truths)
        truth = labelsOf(*truths, b, std::nullopt);
      answers.addLabels(std::to_string(rows[size_t(b)] + 1), found.labels,
                        found.logProbability, truth);
    }
  }
  return {};
}

static Result<int> predict(const CommandLine &line, Console &console) {
  Settings settings(line);
  double begin = steadySeconds();
  auto opened =
      openModel(line.operands.front(), settings, console, "to predict with");
  if (!opened)
    return opened.error();
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
  const hir::Model &model = *(*session)->variant().model;
  for (const hir::Output &output : model.outputs)
    if (output.name == answer.output && output.value->type.axes.size() > 1) {
      std::string axes;
      for (int axis : output.value->type.axes)
        axes += (axes.empty() ? "" : " and ") +
                model.axes[size_t(model.rootAxis(axis))].name;
      return makeError("no-answer", "the answer for '" + answer.target +
                                        "' goes along " + axes +
                                        "; only answers along one time axis "
                                        "are written");
    }
  const bool byStep = (*session)->reads(answer.target);
  if (byStep && (data->stream || answer.kind != Answer::Classes))
    return makeError("no-answer",
                     "the prediction of '" + answer.target + "' reads '" +
                         answer.target + "' of the step before",
                     data->stream && answer.kind == Answer::Classes
                         ? "rnnc sample makes it step by step"
                         : "");
  const bool searched = byStep || answer.kind == Answer::Aligned;
  if (settings.get("beam") && !searched)
    return usageError("--beam has no meaning here: '" + answer.target +
                      "' is no sequence that is searched for");
  if (settings.get("max-tokens") && !byStep)
    return usageError("--max-tokens has no meaning here: '" + answer.target +
                      "' is not made token by token");
  if (auto done = loadWeights(*opened, *(*session)->variant().code); !done)
    return done.error();
  AnswerTable answers((*(*session)->variant().model), answer, data->learned);
  int64_t batch = project.settings().whole("batch", 32);
  auto done =
      byStep ? answerByStep(*opened, settings, *data, part, answer.target,
                            batch, answers)
      : answer.kind == Answer::Aligned
          ? answerAligned(**session, settings, part, answer, batch, answers)
      : data->stream ? answerStream(**session, part, answer, 256, answers)
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
                 (searched ? "" : ", in the data's units"));
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
