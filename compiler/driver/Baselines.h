//===- Baselines.h - What a model is compared with --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Simple predictors that are learned on the training part and judged on
// another: n-grams for tokens, forecasts for series, constants for everything.
// Losses are those of a model on the same positions, so they can stand beside
// each other.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_BASELINES_H
#define RNNC_COMPILER_DRIVER_BASELINES_H

#include "compiler/driver/DataSet.h"
#include "runtime/NGram.h"

namespace rnnc::driver {

/// One predictor on one part of the data.
struct Baseline {
  /// "5-gram", "naive", ...
  std::string name;
  /// Nats, or a squared error.
  double loss = 0;
  std::optional<double> perplexity, accuracy;
  /// Other measures: rmse, mae.
  std::map<std::string, double> values;
  /// Tokens, values of a series or examples that were judged.
  int64_t count = 0;
};

/// "unigram", "bigram", "3-gram", ...
std::string ngramName(int order);

/// N-gram models of order 1 to `order`, counted on the training part. Contexts
/// of words end at line ends, as is customary; those of other symbols do not.
Result<std::vector<Baseline>>
ngramBaselines(const DataSet &data, const hir::Model &model,
               const DataPart &part, int order, rt::Smoothing smoothing,
               double k, int64_t mostNodes = int64_t(1) << 31);

/// Forecasts of a series.
enum class Forecast {
  Naive,    ///< the last value known
  Seasonal, ///< the value a whole number of periods before
  Drift     ///< the last value, and on along the line from the first
};

/// A forecast on a part. `contiguous`: the parts follow each other in one
/// series, so what is before the part is known.
Result<Baseline> forecastBaseline(const DataSet &data, const hir::Model &model,
                                  const DataPart &part, Forecast kind,
                                  int64_t period, bool contiguous);

/// The best constant answer, learned on the training part: frequencies of
/// classes (with one more of each), or the mean of numbers.
Result<Baseline> chanceBaseline(const DataSet &data, const hir::Model &model,
                                const DataPart &part);

/// Losses by name of what goes with this model, data and loss; may be empty.
Json baselinesOf(const DataSet &data, const hir::Model &model,
                 const DataPart &part, bool contiguous);

} // namespace rnnc::driver

#endif
