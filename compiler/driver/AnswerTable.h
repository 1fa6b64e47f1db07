//===- AnswerTable.h - The table that predict writes ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers of a model in the data's units, beside the truth where the data have
// it, as CSV.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_ANSWERTABLE_H
#define RNNC_COMPILER_DRIVER_ANSWERTABLE_H

#include "compiler/driver/Answer.h"
#include "compiler/driver/DataSet.h"

#include <span>

namespace rnnc::driver {

/// Writes the table and sums up how near the truth it is.
class AnswerTable {
public:
  AnswerTable(const hir::Model &model, const Answer &answer,
          const Learned &learned)
      : answer(answer), target(*model.findInput(answer.target)) {
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
  /// Before the first of sequences made token by token, or of labels that are
  /// spread over steps.
  void beginSequences(bool haveTruth);
  /// One such sequence and the log of its probability; without what ends it.
  void addLabels(const std::string &key, std::span<const int32_t> labels,
                 double logprob, std::span<const int32_t> truth);
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

  const Answer &answer;
  const hir::Input &target;
  const rt::Vocabulary *symbols = nullptr;
  const Scale *scale = nullptr;
  std::vector<std::string> names;
  bool truths = false;
  double squares = 0, distances = 0, right = 0, judged = 0;
  /// Of sequences: edits and labels of the truth, or -1.
  double edits = -1, labelCount = 0;
};

} // namespace rnnc::driver

#endif
