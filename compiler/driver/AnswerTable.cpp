//===- AnswerTable.cpp - The table that predict writes --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/AnswerTable.h"
#include "compiler/driver/Console.h"
#include "runtime/Labels.h"

#include <cmath>
#include <cstdio>

using namespace rnnc;
using namespace rnnc::driver;

std::string AnswerTable::quoted(const std::string &cell) {
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

size_t AnswerTable::best(std::span<const double> logits, double &probability) {
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

void AnswerTable::begin(bool stream, bool haveTruth, int64_t width) {
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

void AnswerTable::add(const std::string &key, std::span<const double> values,
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

std::string AnswerTable::sequenceText(const std::vector<int32_t> &ids) const {
  if (symbols && symbols->kind() != rt::TokenKind::Classes &&
      symbols->kind() != rt::TokenKind::Bytes)
    return symbols->decodeSequence(ids);
  std::string out;
  for (int32_t id : ids)
    out += (out.empty() ? "" : " ") + nameOf(id);
  return out;
}

void AnswerTable::addSequence(const std::string &key,
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

void AnswerTable::beginSequences(bool haveTruth) {
  truths = haveTruth;
  text = "example," + quoted(target.name) + ",logprob";
  if (truths)
    text += "," + quoted(target.name + "_true");
  text += "\n";
  edits = 0;
}

void AnswerTable::addLabels(const std::string &key,
                            std::span<const int32_t> labels, double logprob,
                            std::span<const int32_t> truth) {
  ++count;
  auto shownLabels = [&](std::span<const int32_t> ids) {
    return quoted(sequenceText(std::vector<int32_t>(ids.begin(), ids.end())));
  };
  text += key + "," + shownLabels(labels) + "," + shown(logprob);
  if (truths) {
    text += "," + shownLabels(truth);
    int64_t distance = rt::editDistance(labels, truth);
    edits += double(distance);
    labelCount += double(truth.size());
    right += distance == 0;
    ++judged;
  }
  text += "\n";
}

std::string AnswerTable::summary(Json &metrics) const {
  metrics = Json::object();
  char line[128];
  if (judged == 0)
    return "";
  if (edits >= 0) {
    double rate = edits / std::max(labelCount, 1.0);
    metrics["label_error_rate"] = number(rate);
    metrics["sequence_accuracy"] = number(right / judged);
    std::snprintf(line, sizeof line,
                  "label error rate %.4f, %.4f of the sequences right", rate,
                  right / judged);
  } else if (answer.kind == Answer::Numbers) {
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
