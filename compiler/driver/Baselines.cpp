//===- Baselines.cpp - What a model is compared with ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Baselines.h"

#include <algorithm>
#include <cmath>

using namespace rnnc;
using namespace rnnc::driver;

std::string driver::ngramName(int order) {
  return order == 1   ? "unigram"
         : order == 2 ? "bigram"
                      : std::to_string(order) + "-gram";
}

/// The field of a part that the model's only target reads; null if there are
/// more targets, or none.
static const StreamField *targetOf(const DataPart &part,
                                   const hir::Model &model) {
  const StreamField *found = nullptr;
  for (const StreamField &field : part.fields) {
    const hir::Input *input = model.findInput(field.name);
    if (!input || !input->target)
      continue;
    if (found)
      return nullptr;
    found = &field;
  }
  return found;
}

/// The number of classes of an input.
static int64_t classesOf(const DataSet &data, const hir::Model &model,
                         const std::string &name) {
  if (data.vocabulary && data.vocabularyOf == name)
    return data.vocabulary->size();
  const hir::Input *input = model.findInput(name);
  if (!input || !input->type.range)
    return 0;
  if (auto known = model.value(*input->type.range))
    return *known;
  if (auto letter = sizeName(model, *input->type.range))
    if (auto it = data.sizes.find(*letter); it != data.sizes.end())
      return int64_t(it->second);
  return 0;
}

Result<std::vector<Baseline>>
driver::ngramBaselines(const DataSet &data, const hir::Model &model,
                       const DataPart &part, int order, rt::Smoothing smoothing,
                       double k, int64_t mostNodes) {
  const StreamField *learned = targetOf(data.train, model);
  const StreamField *judged = targetOf(part, model);
  if (!data.stream || !learned || !judged ||
      !data.train.source(*learned).isTokens || !part.source(*judged).isTokens ||
      part.source(*judged).make)
    return makeError("data-type", "an n-gram model needs one stream of tokens");
  if (judged->offset > 1)
    return makeError("data-type", "an n-gram model predicts the next token; "
                                  "--horizon must be 1");
  std::span<const int32_t> tokens = data.train.source(*learned).tokens;
  std::span<const int32_t> all = part.source(*judged).tokens;
  all = all.first(std::min(all.size(), size_t(part.length + judged->offset)));
  int64_t classes = classesOf(data, model, learned->name);
  for (std::span<const int32_t> some : {tokens, all})
    classes = std::max(classes, rt::tokenBound(some));
  std::optional<int32_t> boundary;
  if (data.vocabulary && data.vocabulary->kind() == rt::TokenKind::Words)
    boundary = data.vocabulary->endOfLine();
  auto counted = rt::NGram::count(tokens, classes, order, boundary, mostNodes);
  if (!counted)
    return fromRuntime(counted.error());
  std::vector<Baseline> result;
  for (int n = 1; n <= order; ++n) {
    rt::NGramScore score = counted->score(all, n, smoothing, k, judged->offset);
    Baseline baseline;
    baseline.name = ngramName(n);
    baseline.loss = score.loss();
    baseline.perplexity = std::exp(score.loss());
    baseline.count = score.count;
    result.push_back(std::move(baseline));
  }
  return result;
}

Result<Baseline> driver::forecastBaseline(const DataSet &data,
                                          const hir::Model &model,
                                          const DataPart &part, Forecast kind,
                                          int64_t period, bool contiguous) {
  const StreamField *target = targetOf(part, model);
  if (!data.stream || !target || part.source(*target).isTokens ||
      part.source(*target).make || part.source(*target).series.rank() < 1)
    return makeError("data-type", "a forecast needs one series of numbers");
  const rt::Tensor &series = part.source(*target).series;
  const int64_t rows = series.shape()[0];
  const int64_t width = rows ? series.size() / rows : 1;
  // Values before the part are known where the parts are one series. They stay
  // where they are: they may be larger than memory.
  std::vector<const rt::Tensor *> pieces;
  int64_t start = 0;
  if (contiguous)
    for (const DataPart *before : {&data.train, &data.valid}) {
      if (before == &part)
        break;
      if (const StreamField *field = targetOf(*before, model)) {
        pieces.push_back(&before->source(*field).series);
        start += pieces.back()->size() / width;
      }
    }
  pieces.push_back(&series);
  auto valueAt = [&](int64_t index) {
    for (const rt::Tensor *piece : pieces) {
      if (index < piece->size())
        return piece->number(index);
      index -= piece->size();
    }
    return 0.0;
  };
  // What a model sees at a step is known; a target that stands beside its own
  // inputs is known up to the step before.
  const int64_t ahead = std::max<int64_t>(target->offset, 1);
  const int64_t first = start + target->offset;
  double squares = 0, absolutes = 0;
  Baseline result;
  for (int64_t at = first; at < first + part.length; ++at) {
    const int64_t known = at - ahead;
    const int64_t back = kind == Forecast::Seasonal
                             ? (ahead + period - 1) / period * period
                             : ahead;
    if (at - back < 0)
      continue;
    for (int64_t i = 0; i < width; ++i) {
      double guess = valueAt((at - back) * width + i);
      if (kind == Forecast::Drift && known > 0)
        guess += double(ahead) * (guess - valueAt(i)) / double(known);
      double error = guess - valueAt(at * width + i);
      squares += error * error;
      absolutes += std::abs(error);
    }
    ++result.count;
  }
  if (result.count == 0)
    return makeError("data-size", "no value of the part has one " +
                                      std::to_string(period) +
                                      " steps before it");
  const double count = double(result.count * width);
  result.name = kind == Forecast::Naive      ? "naive"
                : kind == Forecast::Seasonal ? "seasonal"
                                             : "drift";
  result.loss = squares / count;
  result.values["rmse"] = std::sqrt(squares / count);
  result.values["mae"] = absolutes / count;
  return result;
}

/// Calls `each` with the values of the target, one value (of `width` numbers)
/// at a time; those beyond an example's length are left out.
static Result<void>
eachTarget(const DataPart &part, const hir::Model &model,
           const std::function<void(std::span<const double>)> &each) {
  // A value at a time: the array may be larger than memory.
  std::vector<double> value;
  auto rowsOf = [&](const rt::Tensor &tensor, int64_t begin, int64_t end,
                    auto keep) {
    const int64_t width = end > 0 ? tensor.size() / end : 0;
    value.resize(size_t(width));
    for (int64_t row = begin; row < end; ++row) {
      if (!keep(row))
        continue;
      for (int64_t i = 0; i < width; ++i)
        value[size_t(i)] = tensor.number(row * width + i);
      each(value);
    }
  };
  if (!part.examples) {
    const StreamField *target = targetOf(part, model);
    if (!target || part.source(*target).make)
      return makeError("data-type", "a constant needs one target with data");
    const StreamField &source = part.source(*target);
    if (source.isTokens) {
      for (int64_t t = 0; t < part.length; ++t) {
        double token = source.tokens[size_t(t + target->offset)];
        each(std::span(&token, 1));
      }
      return {};
    }
    const int64_t begin = target->offset;
    rowsOf(source.series, begin, source.series.shape()[0],
           [&](int64_t row) { return row < begin + part.length; });
    return {};
  }
  const hir::Input *target = nullptr;
  for (const hir::Input &input : model.inputs)
    if (input.target) {
      if (target)
        return makeError("data-type", "a constant needs one target with data");
      target = &input;
    }
  if (!target)
    return makeError("data-type", "a constant needs one target with data");
  constexpr size_t chunk = 256;
  for (size_t at = 0; at < part.rows.size(); at += chunk) {
    rt::ExampleBatch batch = part.examples->gather(std::span(part.rows).subspan(
        at, std::min(chunk, part.rows.size() - at)));
    const rt::BatchField *field = batch.find(target->name);
    if (!field)
      return makeError("data-type", "'" + target->name + "' has no data");
    const std::vector<int64_t> &shape = field->values.shape();
    if (field->kind == rt::FieldKind::Single) {
      rowsOf(field->values, 0, shape[0], [](int64_t) { return true; });
      continue;
    }
    rowsOf(field->values, 0, shape[0] * shape[1], [&](int64_t row) {
      return field->has(row / shape[1], row % shape[1]);
    });
  }
  return {};
}

Result<Baseline> driver::chanceBaseline(const DataSet &data,
                                        const hir::Model &model,
                                        const DataPart &part) {
  std::string name;
  bool isClass = false;
  for (const hir::Input &input : model.inputs)
    if (input.target) {
      name = input.name;
      isClass = input.type.elem == hir::Elem::Int;
    }
  Baseline result;
  result.name = "chance";
  if (!isClass) {
    std::vector<double> mean;
    double learned = 0;
    if (auto done = eachTarget(data.train, model,
                               [&](std::span<const double> value) {
                                 mean.resize(value.size());
                                 for (size_t i = 0; i < value.size(); ++i)
                                   mean[i] += value[i];
                                 ++learned;
                               });
        !done)
      return done.error();
    double squares = 0, absolutes = 0;
    if (auto done =
            eachTarget(part, model,
                       [&](std::span<const double> value) {
                         for (size_t i = 0; i < value.size(); ++i) {
                           double error = value[i] - mean[i] / learned;
                           squares += error * error / double(value.size());
                           absolutes += std::abs(error) / double(value.size());
                         }
                         ++result.count;
                       });
        !done)
      return done.error();
    result.loss = squares / double(result.count);
    result.values["rmse"] = std::sqrt(result.loss);
    result.values["mae"] = absolutes / double(result.count);
    return result;
  }
  std::vector<double> counts(
      size_t(std::max<int64_t>(classesOf(data, model, name), 1)), 1);
  auto countOf = [&](std::span<const double> value) -> double & {
    size_t id = size_t(value[0]);
    if (id >= counts.size())
      counts.resize(id + 1, 1);
    return counts[id];
  };
  if (auto done = eachTarget(
          data.train, model,
          [&](std::span<const double> value) { countOf(value) += 1; });
      !done)
    return done.error();
  double total = 0, right = 0;
  for (double count : counts)
    total += count;
  const double most = *std::max_element(counts.begin(), counts.end());
  if (auto done = eachTarget(part, model,
                             [&](std::span<const double> value) {
                               double count = countOf(value);
                               result.loss -= std::log(count / total);
                               right += count == most;
                               ++result.count;
                             });
      !done)
    return done.error();
  result.loss /= double(std::max<int64_t>(result.count, 1));
  result.accuracy = right / double(std::max<int64_t>(result.count, 1));
  result.values["uniform"] = std::log(double(counts.size()));
  if (data.stream)
    result.perplexity = std::exp(result.loss);
  return result;
}

/// What the only loss of a model compares.
enum class Compared { Other, Classes, Squares };

static Compared comparedBy(const hir::Model &model) {
  if (model.losses.size() != 1 || model.losses[0].weight)
    return Compared::Other;
  auto isTarget = [&](const hir::Node *node) {
    return node->op == hir::Op::Input &&
           model.inputs[size_t(node->index)].target;
  };
  const hir::Node *node = model.losses[0].value;
  if (node && node->op == hir::Op::CrossEntropy)
    return isTarget(node->operands[1]) ? Compared::Classes : Compared::Other;
  // mse: the mean over own axes of (a - y) * (a - y).
  while (node && ((node->op == hir::Op::Div &&
                   node->operands[1]->op == hir::Op::Constant) ||
                  (node->op == hir::Op::Reduce && node->text == "sum")))
    node = node->operands[0];
  if (!node || node->op != hir::Op::Mul ||
      node->operands[0] != node->operands[1] ||
      node->operands[0]->op != hir::Op::Sub)
    return Compared::Other;
  for (const hir::Node *side : node->operands[0]->operands)
    if (isTarget(side))
      return Compared::Squares;
  return Compared::Other;
}

/// A run of any length gets its n-grams unless they would take gigabytes.
static constexpr int64_t mostNodes = 30'000'000;

Json driver::baselinesOf(const DataSet &data, const hir::Model &model,
                         const DataPart &part, bool contiguous) {
  Json result = data.baselines;
  const Compared compared = comparedBy(model);
  if (part.empty() || compared == Compared::Other)
    return result;
  if (compared == Compared::Classes) {
    if (auto found =
            ngramBaselines(data, model, part, 5,
                           rt::Smoothing::ModifiedKneserNey, 1, mostNodes)) {
      result[found->back().name] = number(found->back().loss);
      result[found->front().name] = number(found->front().loss);
      return result;
    }
  } else if (data.stream) {
    if (auto found =
            forecastBaseline(data, model, part, Forecast::Naive, 1, contiguous))
      result[found->name] = number(found->loss);
  }
  if (!result.contains("chance"))
    if (auto found = chanceBaseline(data, model, part))
      result[found->name] = number(found->loss);
  return result;
}
